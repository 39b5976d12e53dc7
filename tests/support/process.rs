//! Programs that a test runs: to their end, or beside it.

use std::{
    io::{BufRead as _, BufReader, Read, Write as _},
    os::unix::process::CommandExt as _,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::{io::AsyncWriteExt as _, sync::mpsc};

/// For anything that a busy machine may take its time over.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks at something that is waited for.
pub const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Every byte that a program wrote.
pub type Log = Arc<Mutex<Vec<u8>>>;

/// What a program said that ran to its end.
#[derive(Debug, Clone)]
pub struct Said {
    /// How it was called.
    pub what: String,
    /// -1 if a signal ended it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// One value a line of stdout.
    #[track_caller]
    pub fn lines(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {self:#?}"));
        self.stdout.lines().map(parse).collect()
    }

    /// The one value on stdout.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:#?}"))
    }

    /// The one value on stderr.
    #[track_caller]
    pub fn error(&self) -> Value {
        serde_json::from_str(&self.stderr).unwrap_or_else(|e| panic!("{e}: {self:#?}"))
    }
}

/// Runs a program to its end; it and all that it started are ended when it
/// takes longer than [`PATIENCE`].
pub async fn run(what: &str, mut command: Command, stdin: &str) -> Said {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|e| panic!("{what}: {e}"));
    let group = format!("-{}", child.id().unwrap());
    let mut input = child.stdin.take().unwrap();
    // It need not read what it is given.
    let _ = input.write_all(stdin.as_bytes()).await;
    drop(input);
    let Ok(output) = tokio::time::timeout(PATIENCE, child.wait_with_output()).await else {
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        panic!("{what}: no end within {PATIENCE:?}");
    };
    let output = output.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap_or_else(|e| panic!("{what}: {e}"));
    Said {
        what: what.to_owned(),
        code: output.status.code().unwrap_or(-1),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// A program that runs beside the test, and ends with it at the latest.
pub struct Part {
    what: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: mpsc::UnboundedReceiver<String>,
    log: Log,
}

impl Part {
    /// What it writes to stdout can be read line by line; that and what it
    /// writes to stderr is added to `log`.
    pub fn start(what: &str, command: &Command, log: &Log) -> Self {
        // A test that is killed cleans nothing up; the kernel does.
        let mut leashed = Command::new("setpriv");
        leashed.args(["--pdeathsig", "TERM", "--"]).arg(command.get_program());
        leashed.args(command.get_args()).env_clear();
        let env = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
        leashed.envs(env).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = leashed.spawn().unwrap_or_else(|e| panic!("{what}: {e}"));
        let (sender, lines) = mpsc::unbounded_channel();
        keep(child.stdout.take().unwrap(), log, Some(sender));
        keep(child.stderr.take().unwrap(), log, None);
        let stdin = child.stdin.take();
        Self { what: what.to_owned(), child, stdin, lines, log: Arc::clone(log) }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line of its stdout.
    pub async fn line(&mut self) -> String {
        match tokio::time::timeout(PATIENCE, self.lines.recv()).await {
            Ok(Some(line)) => line,
            Ok(None) => panic!("{} ended:\n{}", self.what, self.said()),
            Err(_) => panic!("{} said nothing for {PATIENCE:?}:\n{}", self.what, self.said()),
        }
    }

    /// Whether it says something within this time.
    pub async fn line_within(&mut self, time: Duration) -> Option<String> {
        tokio::time::timeout(time, self.lines.recv()).await.ok().flatten()
    }

    pub fn tell(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush()).unwrap();
    }

    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().expect("kill");
        assert!(sent.success(), "{}: kill -s {name} {pid}", self.what);
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub async fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "{} does not end:\n{}", self.what, self.said());
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    pub fn said(&self) -> String {
        String::from_utf8_lossy(&self.log.lock().unwrap()).into_owned()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        const GRACE: Duration = Duration::from_secs(15);
        self.stdin = None;
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        let pid = self.pid().to_string();
        let _ = Command::new("kill").args(["-s", "TERM", &pid]).status();
        let deadline = Instant::now() + GRACE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(LOOK_EVERY);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Copies a stream into the log, and its lines to whom they concern.
fn keep(
    stream: impl Read + Send + 'static,
    log: &Log,
    lines: Option<mpsc::UnboundedSender<String>>,
) {
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while matches!(stream.read_until(b'\n', &mut line), Ok(1..)) {
            log.lock().unwrap().extend_from_slice(&line);
            if let Some(lines) = &lines {
                // The test may have heard enough.
                let _ = lines.send(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            line.clear();
        }
    });
}

/// Looks until there is something to see.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
