//! What the suite found, read from the `checks.json` that it writes for each
//! scenario.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::expected::Expected;

/// `-2026-11-23T07-51-50-985Z`, at the end of a folder's name.
const TIME_LENGTH: usize = 25;

/// Which scenarios count.
#[derive(Debug)]
pub(super) struct Scored {
    names: Vec<String>,
}

impl Scored {
    /// What the suite asks of an authorization server, of which it scores
    /// nothing: it is no part of MCP. Here it counts.
    pub(super) fn authorization() -> Self {
        let names = ["authorization-server-metadata-endpoint", "authorization-code-grant"];
        Self { names: names.map(str::to_owned).into() }
    }

    /// The list `leg` of a requirements file. Its form is so simple that it
    /// needs no parser: names under `server:` and `client:`.
    pub(super) fn read(path: &Path, leg: &str) -> anyhow::Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let list = text.lines().skip_while(|line| *line != format!("{leg}:")).skip(1);
        let names: Vec<String> =
            list.map_while(|line| line.strip_prefix("  - ")).map(str::to_owned).collect();
        ensure!(!names.is_empty(), "{} lists nothing for {leg}", path.display());
        Ok(Self { names })
    }
}

/// How many checks ended how.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    passed: usize,
    failed: usize,
    warned: usize,
    skipped: usize,
}

#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) name: String,
    pub(super) scored: bool,
    counts: Counts,
    /// What was wrong, failures first.
    said: Vec<String>,
}

impl Scenario {
    fn fails(&self) -> bool {
        self.counts.failed > 0
    }

    fn noticed(&self) -> bool {
        self.fails() || !self.said.is_empty()
    }

    /// `tools` of `tools-call-image`, `auth` of `auth/basic-cimd`.
    fn group(&self) -> &str {
        if !self.scored {
            return "(not scored)";
        }
        if self.name.starts_with("input-required-result") {
            return "input-required";
        }
        self.name.split(['-', '/']).next().unwrap_or(&self.name)
    }
}

/// Of one cell.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) cell: &'static str,
    scenarios: Vec<Scenario>,
}

impl Outcome {
    pub(super) fn read(cell: &'static str, dir: &Path, scored: &Scored) -> anyhow::Result<Self> {
        let mut found = BTreeMap::new();
        collect(dir, dir, &mut found)?;
        let mut scenarios: Vec<Scenario> = Vec::new();
        for (name, checks) in found {
            let counts = scored.names.contains(&name);
            scenarios.push(scenario(name, counts, &checks));
        }
        // One that counts and left nothing behind did not run.
        for name in &scored.names {
            if !scenarios.iter().any(|scenario| scenario.name == *name) {
                scenarios.push(Scenario {
                    name: name.clone(),
                    scored: true,
                    counts: Counts { failed: 1, ..Counts::default() },
                    said: Vec::new(),
                });
            }
        }
        Ok(Self { cell, scenarios })
    }

    pub(super) fn failed(&self) -> impl Iterator<Item = &Scenario> {
        self.scenarios.iter().filter(|scenario| scenario.fails())
    }

    /// Each scenario that was not passed without a word.
    pub(super) fn print(&self, expected: &Expected) {
        for scenario in self.scenarios.iter().filter(|scenario| scenario.noticed()) {
            let reason = expected.reason(self.cell, &scenario.name);
            let verdict = match (scenario.fails(), reason, scenario.scored) {
                (false, ..) => "warned".to_owned(),
                (true, Some(reason), _) => format!("expected ({reason})"),
                (true, None, true) => "FAILED".to_owned(),
                (true, None, false) => "FAILED, not scored".to_owned(),
            };
            println!("{verdict}: {}", scenario.name);
            if scenario.fails() && scenario.said.is_empty() {
                println!("    it did not run");
            }
            if reason.is_none() {
                for said in &scenario.said {
                    println!("    {said}");
                }
            }
        }
    }
}

/// The folders may be nested: a scenario's name can have a slash in it.
fn collect(top: &Path, dir: &Path, found: &mut BTreeMap<String, Vec<Value>>) -> anyhow::Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let path = entry?.path();
        let checks = path.join("checks.json");
        if !checks.is_file() {
            if path.is_dir() {
                collect(top, &path, found)?;
            }
            continue;
        }
        let read = || anyhow::Ok(serde_json::from_slice(&fs::read(&checks)?)?);
        let checks = read().with_context(|| format!("cannot read {}", checks.display()))?;
        let name = path.strip_prefix(top).unwrap_or(&path).display().to_string();
        found.insert(scenario_name(&name).to_owned(), checks);
    }
    Ok(())
}

fn scenario_name(folder: &str) -> &str {
    let end = folder.len().saturating_sub(TIME_LENGTH);
    let name = folder.get(..end).unwrap_or(folder);
    let name = name.strip_prefix("authorization-server-").unwrap_or(name);
    // `server-ping` is of ping, and `server-server-stateless` of
    // server-stateless.
    name.strip_prefix("server-").unwrap_or(name)
}

fn scenario(name: String, scored: bool, checks: &[Value]) -> Scenario {
    let mut counts = Counts::default();
    let (mut failures, mut warnings) = (Vec::new(), Vec::new());
    for check in checks {
        let text = |member: &str| check.get(member).and_then(Value::as_str).unwrap_or_default();
        let said = || {
            // Some checks only say what they wanted.
            let why = [text("errorMessage"), text("description")];
            let why = why.into_iter().find(|why| !why.is_empty()).unwrap_or_default();
            format!("{}: {why}", text("id"))
        };
        match text("status") {
            "SUCCESS" => counts.passed += 1,
            "SKIPPED" => counts.skipped += 1,
            "WARNING" => {
                counts.warned += 1;
                warnings.push(format!("(should) {}", said()));
            }
            "FAILURE" => {
                counts.failed += 1;
                failures.push(said());
            }
            // INFO is what the suite notes for itself.
            _ => {}
        }
    }
    failures.extend(warnings);
    Scenario { name, scored, counts, said: failures }
}

/// Scenarios and checks by cell and group.
pub(super) fn table(outcomes: &[Outcome]) {
    println!(
        "\n{:<26} {:<15} {:>9} {:>7}   {:>6} {:>7} {:>7} {:>8}",
        "suite × upstream",
        "scenarios",
        "passed",
        "failed",
        "checks",
        "failed",
        "warned",
        "skipped"
    );
    for outcome in outcomes {
        let mut groups: BTreeMap<&str, (usize, usize, Counts)> = BTreeMap::new();
        for scenario in &outcome.scenarios {
            for group in [scenario.group(), "~ all scored"] {
                if group.starts_with('~') && !scenario.scored {
                    continue;
                }
                let (passed, failed, sum) = groups.entry(group).or_default();
                *if scenario.fails() { failed } else { passed } += 1;
                sum.passed += scenario.counts.passed;
                sum.failed += scenario.counts.failed;
                sum.warned += scenario.counts.warned;
                sum.skipped += scenario.counts.skipped;
            }
        }
        for (group, (passed, failed, sum)) in groups {
            println!(
                "{:<26} {:<15} {passed:>9} {failed:>7}   {:>6} {:>7} {:>7} {:>8}",
                outcome.cell,
                group.trim_start_matches("~ "),
                sum.passed,
                sum.failed,
                sum.warned,
                sum.skipped
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_results_are_named_after_scenarios() {
        let time = "-2026-11-23T07-51-50-985Z";
        for (folder, name) in [
            ("server-ping", "ping"),
            ("server-server-stateless", "server-stateless"),
            ("auth/basic-cimd", "auth/basic-cimd"),
            ("authorization-server-authorization-code-grant", "authorization-code-grant"),
        ] {
            assert_eq!(scenario_name(&format!("{folder}{time}")), name);
        }
    }

    #[test]
    fn a_warning_fails_nothing() {
        let checks: Vec<Value> = serde_json::from_str(
            r#"[{"id": "a", "status": "SUCCESS"},
                {"id": "b", "status": "WARNING", "errorMessage": "should"},
                {"id": "c", "status": "INFO"}]"#,
        )
        .unwrap();
        let warned = scenario("caching".to_owned(), true, &checks);
        assert!(!warned.fails());
        assert_eq!(warned.said, ["(should) b: should"]);
        let failing: Vec<Value> =
            serde_json::from_str(r#"[{"id": "d", "status": "FAILURE", "errorMessage": "x"}]"#)
                .unwrap();
        assert!(scenario("caching".to_owned(), true, &failing).fails());
    }
}
