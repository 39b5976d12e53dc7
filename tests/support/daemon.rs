//! The built `agw serve` as a process that a test may kill, or give a bad disk.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _, Seek as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use agw_api::{AgentCreated, Client, Connection, Grant, Health, SetupResponse, Tool, User};
use serde_json::json;

use super::{PASSWORD, ledger};

/// No start takes longer, however busy the machine.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// Nor does an orderly end.
const ENDED_WITHIN: Duration = Duration::from_secs(60);

/// A service from its ready line on. Killed when dropped.
pub struct Daemon {
    child: Child,
    pub url: String,
    said: File,
}

/// `agw serve` on this data folder, with a key file in it that is found again
/// when the folder is copied.
pub fn serve(agw: &Path, dir: &Path) -> Command {
    let mut command = Command::new(agw);
    command.args(["serve", "--listen", "127.0.0.1:0", "--master-key", "file:master.key"]);
    command.env("AGW_DATA_DIR", dir).current_dir(dir);
    command
}

impl Daemon {
    /// Runs a command of [`serve`] until it is ready.
    pub async fn start(command: Command) -> Self {
        let mut daemon = Self::launch(command);
        let stdout = daemon.child.stdout.take().unwrap();
        let ready = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).map(|_| line)
        });
        let line = tokio::time::timeout(READY_WITHIN, ready).await.unwrap().unwrap().unwrap();
        let Some(url) = line.trim().strip_prefix("agw is ready at ") else {
            panic!("a failed start: {line:?}\n{}", daemon.said());
        };
        daemon.url = url.to_owned();
        daemon
    }

    /// Runs it, ready or not; then there is no address.
    pub fn launch(mut command: Command) -> Self {
        let said = tempfile::tempfile().unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(said.try_clone().unwrap());
        Self { child: command.spawn().unwrap(), url: String::new(), said }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it logged.
    pub fn said(&mut self) -> String {
        let mut text = String::new();
        self.said.rewind().unwrap();
        self.said.read_to_string(&mut text).unwrap();
        text
    }

    /// SIGKILL: no chance to write anything.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asked to stop, which must go well.
    pub async fn stop(&mut self) {
        let status = self.asked_to_end().await;
        assert!(status.success(), "{status}:\n{}", self.said());
    }

    /// Asked to stop; how it did.
    pub async fn asked_to_end(&mut self) -> ExitStatus {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < ENDED_WITHIN, "it does not end:\n{}", self.said());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sets a new installation up: `ana`'s agent may call all tools of the
/// [`Ledger`](ledger::Ledger) at this address, of which one is confirmed to be
/// for reading. Returns the admin, and the agent's token.
pub async fn set_up(dir: &Path, upstream: &str) -> (Client, String) {
    let body = json!({"admin": "root", "password": PASSWORD});
    let setup: SetupResponse = Client::new(dir).post("/api/v1/setup", &body).await.unwrap();
    let admin = Client::new(dir).with_session(setup.session.token);
    let transport = json!({"kind": "http", "url": upstream});
    let body = json!({"name": "led", "transport": transport});
    let _: Connection = admin.post("/api/v1/connections", &body).await.unwrap();
    let body = json!({"effect": "read", "version": 0});
    let path = format!("/api/v1/tools/{}/effect", ledger::READS);
    let _: Tool = admin.put(&path, &body).await.unwrap();
    let _: User = admin.post("/api/v1/users", &json!({"name": "ana"})).await.unwrap();
    let grant = json!({"subject": "ana", "tool": "led.*", "effect": "allow"});
    let _: Grant = admin.post("/api/v1/grants", &grant).await.unwrap();
    let path = "/api/v1/users/ana/agents";
    let agent: AgentCreated = admin.post(path, &json!({"name": "claude"})).await.unwrap();
    (admin, agent.token)
}

/// Returns once the service answers; its ready line comes a moment earlier.
pub async fn answers(dir: &Path) {
    let begun = Instant::now();
    let health = || async { Client::new(dir).get::<Health>("/api/v1/health").await };
    while let Err(error) = health().await {
        assert!(begun.elapsed() < READY_WITHIN, "the service does not answer: {error}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The binary with a seeded fault inside; see `faulty.rs`.
pub fn faulty() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_agw-faulty"))
}
