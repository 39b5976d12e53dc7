//! The official clients of both major versions in front of the gateway, and
//! the servers of both eras behind it: the parts of the tests of the relay.

use serde_json::{Value, json};

use super::{
    cli::{Cli, Service},
    parts::{fixture, node, python},
    process::{Log, Part},
};

/// How the connection is called.
pub const CONNECTION: &str = "up";
const PASSWORD: &str = "correct horse battery";

/// Which server is behind the gateway.
#[derive(Debug, Clone, Copy)]
pub enum Upstream {
    /// Sessions of revision 2025-11-25, over HTTP.
    Legacy,
    LegacyStdio,
    /// Revision 2026-07-28 and nothing older, over HTTP.
    Modern,
    ModernStdio,
}

/// `agw serve` with one connection, `up`, to everything-legacy.mjs or
/// everything-modern.mjs, of which ana's agent may use everything.
pub struct Relay {
    pub cli: Cli,
    pub service: Service,
    pub token: String,
    _upstream: Option<Part>,
}

impl Relay {
    pub async fn open(upstream: Upstream) -> Self {
        let (script, stdio) = match upstream {
            Upstream::Legacy => ("everything-legacy.mjs", false),
            Upstream::LegacyStdio => ("everything-legacy.mjs", true),
            Upstream::Modern => ("everything-modern.mjs", false),
            Upstream::ModernStdio => ("everything-modern.mjs", true),
        };
        let cli = Cli::new();
        let key = format!("file:{}", cli.path("master.key").display());
        let service = Service::start(&cli, &["--master-key", &key]).await;
        let setup = ["setup", "--admin", "root", "--password-stdin"];
        cli.json(&setup, &format!("{PASSWORD}\n")).await;
        let (node, script) = (node(), fixture(script));
        let add = ["connection", "add", CONNECTION];
        let (part, added) = if stdio {
            let reached = ["--stdio", "--", node.as_str(), script.as_str(), "stdio"];
            (None, cli.json(&[&add[..], &reached].concat(), "").await)
        } else {
            let mut command = cli.command(&node);
            command.args([script.as_str(), "http"]);
            let mut part = Part::start(&script, &command, &Log::default());
            let url = part.line().await;
            (Some(part), cli.json(&[&add[..], &["--http", &url]].concat(), "").await)
        };
        assert_eq!(added["health"], "ready", "{added}");
        cli.json(&["user", "add", "ana"], "").await;
        cli.json(&["grant", "ana", &format!("{CONNECTION}.*"), "allow"], "").await;
        let agent = cli.json(&["agent", "add", "ana", "claude"], "").await;
        let token = agent["token"].as_str().unwrap().to_owned();
        Self { cli, service, token, _upstream: part }
    }

    /// The connection's own endpoint.
    pub fn url(&self) -> String {
        self.service.url(&format!("/mcp/{CONNECTION}"))
    }
}

/// An official client, and what it is to speak.
#[derive(Debug, Clone, Copy)]
pub enum Sdk {
    /// `@modelcontextprotocol/sdk` 1.x.
    TypeScript1,
    /// `@modelcontextprotocol/client` 2.x, in a session.
    TypeScript2Legacy,
    /// The same, without.
    TypeScript2Modern,
    /// `mcp` 1.x of PyPI.
    Python1,
    /// `mcp` 2.x, in a session.
    Python2Legacy,
    /// The same, without.
    Python2Modern,
}

impl Sdk {
    pub fn revision(self) -> &'static str {
        match self {
            Self::TypeScript2Modern | Self::Python2Modern => "2026-07-28",
            _ => "2025-11-25",
        }
    }

    fn command(self, cli: &Cli, url: &str) -> std::process::Command {
        let (program, script, mode) = match self {
            Self::TypeScript1 => (node().into(), "relay-sdk1.mjs", None),
            Self::TypeScript2Legacy => (node().into(), "relay-sdk2.mjs", Some("legacy")),
            Self::TypeScript2Modern => (node().into(), "relay-sdk2.mjs", Some("modern")),
            Self::Python1 => (python("venv-mcp1"), "relay_mcp1.py", None),
            Self::Python2Legacy => (python("venv"), "relay_mcp2.py", Some("legacy")),
            Self::Python2Modern => (python("venv"), "relay_mcp2.py", Some("2026-07-28")),
        };
        let mut command = cli.command(program);
        command.arg(fixture(script)).args(mode).arg(url);
        // Nothing is left beside driven.py.
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}

/// A client that is connected; it answers what it is asked.
pub struct Driven {
    part: Part,
    pub revision: String,
}

/// How something ended that a client was told to do.
#[derive(Debug, Default)]
pub struct Done {
    /// What it was asked meanwhile, in order.
    pub asked: Vec<String>,
    /// What it was told of the progress.
    pub progress: Vec<String>,
    /// Which watched resources changed.
    pub updated: Vec<String>,
    pub answer: Value,
}

impl Done {
    /// The text of a tool's result.
    pub fn text(&self) -> &str {
        self.answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{self:?}"))
    }
}

impl Driven {
    pub async fn connect(relay: &Relay, sdk: Sdk) -> Self {
        let mut command = sdk.command(&relay.cli, &relay.url());
        command.env("AGW_TOKEN", &relay.token);
        let mut part = Part::start(&format!("{sdk:?}"), &command, &Log::default());
        let connected: Value = serde_json::from_str(&part.line().await).unwrap();
        let revision = connected["connected"].as_str().unwrap().to_owned();
        Self { part, revision }
    }

    pub async fn told(&mut self, command: &Value) -> Done {
        self.part.tell(&format!("{command}\n"));
        let mut done = Done::default();
        loop {
            let said = self.line().await;
            if let Some(what) = said["asked"].as_str() {
                done.asked.push(what.to_owned());
            } else if let Some(what) = said["progress"].as_str() {
                done.progress.push(what.to_owned());
            } else if let Some(uri) = said["updated"].as_str() {
                done.updated.push(uri.to_owned());
            } else {
                done.answer = said;
                return done;
            }
        }
    }

    /// The next thing that it says by itself.
    pub async fn line(&mut self) -> Value {
        let line = self.part.line().await;
        let said = self.part.said();
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}\n{said}"))
    }

    pub async fn call(&mut self, name: &str, arguments: Value) -> Done {
        self.told(&json!({"do": "call", "name": name, "arguments": arguments})).await
    }
}
