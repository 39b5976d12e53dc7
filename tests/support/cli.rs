//! The built `agw`, as a person or a script uses it.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{
    keychain::Keychain,
    process::{self, Log, Part, Said},
};

/// A home folder with an installation of the gateway in it, and the commands
/// that are run there. Nothing of the tester's own environment is used.
pub struct Cli {
    dir: TempDir,
    env: Mutex<Vec<(String, String)>>,
    said: Mutex<Vec<Said>>,
    log: Log,
}

impl Cli {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        let env = [
            ("PATH", std::env::var("PATH").unwrap()),
            ("HOME", path("home")),
            ("LANG", "C.UTF-8".to_owned()),
            ("AGW_DATA_DIR", path("data")),
            ("AGW_LOG", "trace".to_owned()),
            // Nobody's keychain, unless it is given one.
            ("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", path("no-bus"))),
        ];
        std::fs::create_dir(dir.path().join("home")).unwrap();
        let env = env.map(|(name, value)| (name.to_owned(), value)).into();
        let (said, log) = (Mutex::default(), Log::default());
        Self { dir, env: Mutex::new(env), said, log }
    }

    pub fn with_keychain(keychain: &Keychain) -> Self {
        let cli = Self::new();
        for (name, value) in keychain.env() {
            cli.set(name, &value);
        }
        cli
    }

    /// For commands and services that are started from now on.
    pub fn set(&self, name: &str, value: &str) {
        let mut env = self.env.lock().unwrap();
        env.retain(|(known, _)| known != name);
        env.push((name.to_owned(), value.to_owned()));
    }

    /// A folder beside the installation.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.dir.path().join(inside)
    }

    pub fn data_dir(&self) -> PathBuf {
        self.path("data")
    }

    /// Any program, in this environment.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.env_clear().envs(self.env.lock().unwrap().iter().cloned());
        command.current_dir(self.path("home"));
        command
    }

    /// Runs `agw` with these arguments.
    pub async fn run(&self, args: &[&str], stdin: &str) -> Said {
        let mut command = self.command(agw());
        command.args(args);
        let said = process::run(&format!("agw {}", args.join(" ")), command, stdin).await;
        self.said.lock().unwrap().push(said.clone());
        said
    }

    /// `agw` with these arguments, running beside the test.
    pub fn beside(&self, args: &[&str]) -> Part {
        let mut command = self.command(agw());
        command.args(args);
        Part::start(&format!("agw {}", args.join(" ")), &command, &Log::default())
    }

    /// Runs `agw ARGS --json`, which must work.
    pub async fn lines(&self, args: &[&str]) -> Vec<Value> {
        self.run(&[&["--json"], args].concat(), "").await.expect(0).lines()
    }

    /// The same where it prints one object.
    pub async fn json(&self, args: &[&str], stdin: &str) -> Value {
        self.run(&[&["--json"], args].concat(), stdin).await.expect(0).json()
    }

    /// The code of a refusal.
    pub async fn refused(&self, args: &[&str], stdin: &str) -> String {
        let said = self.run(&[&["--json"], args].concat(), stdin).await.expect(1);
        assert_eq!(said.stdout, "", "{said:#?}");
        said.error()["code"].as_str().unwrap().to_owned()
    }

    /// Everything that commands printed so far.
    pub fn said(&self) -> Vec<Said> {
        self.said.lock().unwrap().clone()
    }

    /// Everything that services printed so far.
    pub fn log(&self) -> Vec<u8> {
        self.log.lock().unwrap().clone()
    }
}

/// `agw serve`, from its ready line on. Ended when dropped.
pub struct Service {
    pub part: Part,
    pub url: String,
    /// Its one line on stdout.
    pub ready: String,
}

impl Service {
    pub async fn start(cli: &Cli, args: &[&str]) -> Self {
        let mut part = Self::launch(cli, &[&["--listen", "127.0.0.1:0"], args].concat());
        let ready = part.line().await;
        let url = ready.split_whitespace().last().unwrap().to_owned();
        Self { part, url, ready }
    }

    /// `agw serve` as it is, which may fail.
    pub fn launch(cli: &Cli, args: &[&str]) -> Part {
        let mut command = cli.command(agw());
        command.arg("serve").args(args);
        Part::start("agw serve", &command, &cli.log)
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Asked to stop, which must go well.
    pub async fn stop(mut self) {
        self.part.signal("TERM");
        let status = self.part.ended().await;
        assert!(status.success(), "{status}:\n{}", self.part.said());
    }
}

/// What `cargo build -p agw-cli` makes. Benchmarks name a folder with the
/// programs of a release.
pub fn agw() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let built = test.parent().and_then(Path::parent).unwrap();
    let named = std::env::var_os("AGW_TEST_PROGRAMS").map(PathBuf::from);
    let agw = named.as_deref().unwrap_or(built).join("agw");
    assert!(agw.is_file(), "{} is missing: run `cargo build -p agw-cli`", agw.display());
    agw
}
