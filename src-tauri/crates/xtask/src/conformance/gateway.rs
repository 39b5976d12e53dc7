//! A gateway to test, set up as a person would: with its command line.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::log_file;
use crate::place;

pub(super) const USER: &str = "ana";
pub(super) const PASSWORD: &str = "a password for the conformance suite";

/// A program that runs beside this one, from its first line on. Ended when
/// dropped.
#[derive(Debug)]
pub(super) struct Background {
    child: Child,
    /// Its first line.
    pub(super) line: String,
}

impl Background {
    /// What it says on stderr goes to `log`.
    pub(super) fn start(mut command: Command, log: &Path) -> anyhow::Result<Self> {
        let program = command.get_program().display().to_string();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log_file(log)?);
        let mut child = command.spawn().with_context(|| format!("cannot start {program}"))?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            let mut stdout = BufReader::new(stdout);
            stdout.read_line(&mut line)?;
            // It must never wait for somebody to read.
            std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        }
        let background = Self { child, line: line.trim().to_owned() };
        ensure!(!background.line.is_empty(), "{program} did not start; see {}", log.display());
        Ok(background)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug)]
pub(super) struct Gateway {
    _service: Background,
    /// Host and port.
    pub(super) address: String,
    home: PathBuf,
}

impl Gateway {
    /// Its log goes to `logs`, its data to a folder with a short name, because
    /// a socket is in it.
    pub(super) fn start(logs: &Path) -> anyhow::Result<Self> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let count = STARTED.fetch_add(1, Ordering::Relaxed);
        let home = std::env::temp_dir().join(format!("agw-mcp-{}-{count}", std::process::id()));
        fs::create_dir(&home).with_context(|| format!("cannot make {}", home.display()))?;
        let mut serve = agw(&home)?;
        serve.args(["serve", "--listen", "127.0.0.1:0", "--master-key", "file:master.key"]);
        let service = Background::start(serve, &logs.join("gateway.log"))?;
        let address = service.line.rsplit("http://").next().unwrap_or_default().to_owned();
        let gateway = Self { _service: service, address, home };
        let setup = ["setup", "--admin", "root", "--password-stdin"];
        gateway.run(&setup, &format!("{PASSWORD}\n"))?;
        Ok(gateway)
    }

    /// Adds a connection of which the suite may use everything; returns its
    /// token.
    pub(super) fn connect(&self, name: &str, reached: &[String]) -> anyhow::Result<String> {
        let reached: Vec<&str> = reached.iter().map(String::as_str).collect();
        let added = self.run(&[&["connection", "add", name], reached.as_slice()].concat(), "")?;
        ensure!(said(&added, "health") == Some("ready"), "the fixture is not ready: {added}");
        self.run(&["user", "add", USER], "")?;
        self.run(&["grant", USER, &format!("{name}.*"), "allow"], "")?;
        let agent = self.run(&["agent", "add", USER, "suite"], "")?;
        let token = said(&agent, "token").context("an agent without a token")?;
        Ok(token.to_owned())
    }

    /// Lets the suite's person sign in.
    pub(super) fn set_password(&self) -> anyhow::Result<()> {
        let set = ["user", "password", USER, "--password-stdin"];
        self.run(&set, &format!("{PASSWORD}\n")).map(drop)
    }

    /// `agw --json ARGS`, which prints one object.
    fn run(&self, args: &[&str], stdin: &str) -> anyhow::Result<Value> {
        let mut command = agw(&self.home)?;
        command.arg("--json").args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("cannot start agw")?;
        if let Some(mut input) = child.stdin.take() {
            // It need not read what it is given.
            let _ = input.write_all(stdin.as_bytes());
        }
        let output = child.wait_with_output()?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`agw {}` failed: {stderr}", args.join(" "));
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("`agw {}` printed no JSON", args.join(" ")))
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.home);
    }
}

fn said<'a>(answer: &'a Value, member: &str) -> Option<&'a str> {
    answer.get(member)?.as_str()
}

/// `agw` with nothing of the tester's own environment.
fn agw(home: &Path) -> anyhow::Result<Command> {
    let program = place::built("agw")?;
    ensure!(program.exists(), "{} is not built", program.display());
    let mut agw = Command::new(program);
    agw.env_clear().current_dir(home).env("HOME", home).env("AGW_DATA_DIR", home.join("data"));
    agw.env("AGW_LOG", place::var("AGW_LOG").unwrap_or_else(|| "info".into()));
    agw.envs(place::var("PATH").map(|path| ("PATH", path)));
    Ok(agw)
}
