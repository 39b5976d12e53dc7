//! The two verifiers.

use std::{
    io::Write as _,
    process::{Command, Stdio},
    thread,
};

use agw_core::log::{Verifier, VerifyingKey};

/// What is judged.
#[derive(PartialEq, Eq)]
pub(super) struct Case {
    pub(super) file: Vec<u8>,
    /// As text.
    pub(super) key: String,
    /// The note that somebody kept.
    pub(super) since: Option<String>,
}

/// Nothing, or what does not hold.
pub(super) type Verdict = Result<(), String>;

/// Core's.
pub(super) fn core(case: &Case) -> Verdict {
    let early = |error: &dyn std::fmt::Display| format!("line 0: {error}");
    let key: VerifyingKey = case.key.parse().map_err(|e| early(&e))?;
    let since = case.since.as_ref().map(|note| key.open(note)).transpose();
    let mut verifier = Verifier::new(&key, since.map_err(|e| early(&e))?, []);
    let mut lines: Vec<&[u8]> = case.file.split(|byte| *byte == b'\n').collect();
    let rest = lines.pop().unwrap();
    if !rest.is_empty() {
        lines.push(rest);
    }
    for line in lines {
        verifier.line(line).map_err(|failure| failure.to_string())?;
    }
    verifier.finish(rest.is_empty()).map(drop).map_err(|failure| failure.to_string())
}

/// The one in Python, of all of them.
pub(super) fn python(cases: &[Case]) -> Vec<Verdict> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/verify_export.py");
    let mut child = Command::new("python3")
        .args([script, "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 has to be there");
    let mut to = child.stdin.take().unwrap();
    let output = thread::scope(|scope| {
        scope.spawn(move || {
            for Case { file, key, since } in cases {
                let kept = since.as_ref().map_or("-".to_owned(), |note| note.len().to_string());
                to.write_all(format!("{key} {} {kept}\n", file.len()).as_bytes()).unwrap();
                to.write_all(file).unwrap();
                to.write_all(since.as_deref().unwrap_or_default().as_bytes()).unwrap();
            }
        });
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success(), "it has died; what it said is above");
    let text = String::from_utf8(output.stdout).unwrap();
    let verdicts: Vec<Verdict> = text
        .lines()
        .map(|line| if line == "holds" { Ok(()) } else { Err(line.to_owned()) })
        .collect();
    assert_eq!(verdicts.len(), cases.len());
    verdicts
}
