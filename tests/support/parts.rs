//! The MCP servers and clients of `tests/fixtures`: the ones that users have,
//! from npm and PyPI.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{
    cli::{Cli, agw},
    process::{self, Log, Part, Said},
};

const FILESYSTEM: &str = "node_modules/@modelcontextprotocol/server-filesystem/dist/index.js";
const EVERYTHING: &str = "node_modules/@modelcontextprotocol/server-everything/dist/index.js";
const INSPECTOR: &str =
    "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js";
const CLAUDE: &str = "node_modules/@anthropic-ai/claude-code/cli-wrapper.cjs";

/// A file below `tests/fixtures`.
pub fn fixture(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path);
    assert!(path.exists(), "{} is missing: run `npm ci` in tests/fixtures", path.display());
    path.display().to_string()
}

/// The Node among the packages: some of them want a newer one than Debian's.
pub fn node() -> String {
    let cpu = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    fixture(&format!("node_modules/node-linux-{cpu}/bin/node"))
}

/// The Python of a virtual environment in the target folder: `venv` has the
/// official client 2.x, `venv-mcp1` has 1.x.
pub fn python(venv: &str) -> PathBuf {
    let target = agw().parent().and_then(Path::parent).unwrap().to_owned();
    let python = target.join(venv).join("bin/python");
    assert!(
        python.exists(),
        "{} is missing: `cargo xtask test` makes it (`python_packages` in \
         src-tauri/crates/xtask/src/test.rs says of what)",
        python.display()
    );
    python
}

/// How to start `@modelcontextprotocol/server-filesystem` for a folder.
pub fn filesystem(folder: &Path) -> [String; 3] {
    [node(), fixture(FILESYSTEM), folder.display().to_string()]
}

/// How to start `@modelcontextprotocol/server-everything`.
pub fn everything() -> [String; 3] {
    [node(), fixture(EVERYTHING), "stdio".to_owned()]
}

/// The server of `http-server.mjs`: a system that demands a bearer token.
pub struct Crm {
    pub part: Part,
    pub url: String,
    log: PathBuf,
}

impl Crm {
    pub async fn start(cli: &Cli, token: &str) -> Self {
        let log = cli.path("crm.log");
        std::fs::write(&log, "").unwrap();
        let mut command = cli.command(node());
        command.arg(fixture("http-server.mjs"));
        command.env("UPSTREAM_TOKEN", token).env("UPSTREAM_LOG", &log);
        let mut part = Part::start("http-server.mjs", &command, &Log::default());
        let url = part.line().await;
        Self { part, url, log }
    }

    /// One line a request that arrived.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Every request that arrived: `{method, headers, body}`.
    pub fn requests(&self) -> Vec<Value> {
        self.log().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Those that called a tool.
    pub fn calls(&self) -> Vec<Value> {
        let called = |request: &Value| request["body"]["method"] == "tools/call";
        self.requests().into_iter().filter(called).collect()
    }
}

/// MCP Inspector's command line, with its arguments for a method.
pub async fn inspector(cli: &Cli, url: &str, token: &str, args: &[&str]) -> Said {
    let mut command = cli.command(node());
    command.args([&fixture(INSPECTOR), "--cli", "--transport", "http", "--server-url", url]);
    command.args(["--header", &format!("Authorization: Bearer {token}")]);
    command.args(["--stored-auth-only", "--format", "json", "--quiet"]).args(args);
    process::run(&format!("inspector {}", args.join(" ")), command, "").await
}

/// `claude mcp list` of a user who has these entries in `mcpServers`.
pub async fn claude_mcp_list(cli: &Cli, servers: Value) -> Said {
    let config = json!({ "mcpServers": servers });
    std::fs::write(cli.path("home/.claude.json"), config.to_string()).unwrap();
    let mut command = cli.command(node());
    command.args([&fixture(CLAUDE), "mcp", "list"]);
    // It has nobody to report to here.
    command.env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1");
    process::run("claude mcp list", command, "").await
}

/// `claude mcp login NAME` of a user who has these entries in `mcpServers`,
/// and the address that it opens in a browser. It wants a terminal.
pub async fn claude_mcp_login(cli: &Cli, servers: Value, name: &str) -> (Part, String) {
    use std::os::unix::fs::PermissionsExt as _;
    let config = json!({ "mcpServers": servers });
    std::fs::write(cli.path("home/.claude.json"), config.to_string()).unwrap();
    let (browser, opened) = (cli.path("home/xdg-open"), cli.path("home/opened"));
    let script = format!("#!/bin/sh\necho \"$1\" > {0}.new && mv {0}.new {0}\n", opened.display());
    std::fs::write(&browser, script).unwrap();
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).unwrap();
    let login = format!("{} {} mcp login {name}", node(), fixture(CLAUDE));
    let mut command = cli.command("script");
    command.args(["-qec", &login, "/dev/null"]);
    command.env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1");
    command.env("BROWSER", &browser).env("SHELL", "/bin/sh").env("TERM", "dumb");
    let part = Part::start("claude mcp login", &command, &Log::default());
    let what = "Claude Code opens a browser";
    let url = process::eventually(what, async || std::fs::read_to_string(&opened).ok()).await;
    (part, url.trim().to_owned())
}

/// The digest of the RFC 8785 form of what is in each line under these
/// members, by nothing of the gateway's.
pub async fn digests(cli: &Cli, members: &[&str], lines: &str) -> Vec<String> {
    let mut command = cli.command(node());
    command.arg(fixture("digest.mjs")).args(members);
    let said = process::run("digest.mjs", command, lines).await.expect(0);
    said.stdout.lines().map(str::to_owned).collect()
}

/// The official Python client, connected.
pub struct Python {
    part: Part,
    /// The revision that was agreed on.
    pub revision: String,
    /// Notifications that came between answers.
    changed: usize,
}

impl Python {
    /// `mode` is `legacy`, `auto` or a stateless revision.
    pub async fn connect(cli: &Cli, mode: &str, url: &str, token: &str) -> Self {
        Self::start(cli, mode, token, &[url]).await
    }

    /// Through the stdio bridge, `agw mcp ARGS`.
    pub async fn bridged(cli: &Cli, mode: &str, token: &str, args: &[&str]) -> Self {
        let agw = agw().display().to_string();
        let bridge = [&["--stdio", agw.as_str(), "mcp"], args].concat();
        Self::start(cli, mode, token, &bridge).await
    }

    async fn start(cli: &Cli, mode: &str, token: &str, target: &[&str]) -> Self {
        let mut command = cli.command(python("venv"));
        command.args([&fixture("client.py"), mode]).args(target).env("AGW_TOKEN", token);
        let part = Part::start(&format!("client.py {mode}"), &command, &Log::default());
        let mut python = Self { part, revision: String::new(), changed: 0 };
        let connected = python.answer().await;
        python.revision = connected["connected"].as_str().unwrap().to_owned();
        python
    }

    async fn answer(&mut self) -> Value {
        loop {
            let answer = self.line().await;
            if answer.get("progress").is_none() {
                return answer;
            }
        }
    }

    /// The next line that is no notification.
    async fn line(&mut self) -> Value {
        loop {
            let line = self.part.line().await;
            let said: Value = serde_json::from_str(&line).unwrap_or_else(|e| {
                panic!("{e}: {line}\n{}", self.part.said());
            });
            if said.get("notification").is_none() {
                return said;
            }
            self.changed += 1;
        }
    }

    async fn ask(&mut self, request: &Value) -> Value {
        self.part.tell(&format!("{request}\n"));
        self.answer().await
    }

    /// Names, sorted.
    pub async fn list(&mut self) -> Vec<String> {
        let answer = self.ask(&json!({"do": "list"})).await;
        serde_json::from_value(answer["tools"].clone()).unwrap_or_else(|e| panic!("{e}: {answer}"))
    }

    pub async fn call(&mut self, name: &str, arguments: &Value) -> Value {
        self.begin(name, arguments);
        self.finish().await
    }

    /// Calls, and does not wait for the result.
    pub fn begin(&mut self, name: &str, arguments: &Value) {
        let call = json!({"do": "call", "name": name, "arguments": arguments});
        self.part.tell(&format!("{call}\n"));
    }

    /// What the server says of the progress of a call that was begun.
    pub async fn progress(&mut self) -> String {
        let said = self.line().await;
        said["progress"].as_str().unwrap_or_else(|| panic!("{said}")).to_owned()
    }

    /// The result of a call that was begun.
    pub async fn finish(&mut self) -> Value {
        let answer = self.answer().await;
        assert!(answer.get("result").is_some(), "{answer}");
        answer["result"].clone()
    }

    /// Stateless clients ask to be told of changes.
    pub async fn listen(&mut self) {
        let answer = self.ask(&json!({"do": "listen"})).await;
        assert_eq!(answer, json!({"listening": true}));
    }

    /// Whether it was told since the last time it was asked, or is within
    /// this time, that its tools changed.
    pub async fn was_told(&mut self, time: std::time::Duration) -> bool {
        if self.changed == 0
            && let Some(line) = self.part.line_within(time).await
        {
            assert_eq!(line, r#"{"notification": "tools/list_changed"}"#);
            self.changed = 1;
        }
        std::mem::take(&mut self.changed) > 0
    }
}
