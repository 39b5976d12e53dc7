//! `agw client`, in a home folder where the clients are.

use std::{path::PathBuf, process::Command};

use serde_json::{Value, json};

use super::scene::{BEARER, CONTENTS, GRANTED, Scene};
use crate::support::{
    cli::{Cli, agw},
    leaks::Planted,
    parts::{self, fixture, node},
    process::{self, Log, Part, Said},
    shared::{ADDRESS, free_port},
};

const CODEX: &str = "node_modules/@openai/codex/bin/codex.js";
const CLAUDE: &str = "node_modules/@anthropic-ai/claude-code/cli-wrapper.cjs";

/// Claude Code with whatever its file says now.
async fn claude(cli: &Cli, args: &[&str]) -> Said {
    let mut command = cli.command(node());
    command.arg(fixture(CLAUDE)).args(args);
    command.env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1");
    process::run(&format!("claude {}", args.join(" ")), command, "").await
}

/// Codex with whatever its file says now.
fn codex(cli: &Cli, args: &[&str]) -> Command {
    let mut command = cli.command(node());
    command.arg(fixture(CODEX)).args(args);
    // It asks its makers for news; nobody is there.
    command.envs([("HTTPS_PROXY", "http://127.0.0.1:9"), ("NO_PROXY", "127.0.0.1")]);
    command
}

/// Codex as programs have it that embed it, with nobody signed in and no model:
/// JSON-RPC, a message a line.
struct CodexServer {
    part: Part,
    last: u64,
}

impl CodexServer {
    async fn start(cli: &Cli) -> Self {
        let part = Part::start("codex app-server", &codex(cli, &["app-server"]), &Log::default());
        let mut server = Self { part, last: 0 };
        let client = json!({"name": "agw-tests", "title": null, "version": "1"});
        let able = json!({"experimentalApi": true});
        server.ask("initialize", json!({"clientInfo": client, "capabilities": able})).await;
        server.part.tell("{\"method\":\"initialized\"}\n");
        server
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let request = json!({"id": self.last, "method": method, "params": params});
        self.part.tell(&format!("{request}\n"));
        loop {
            let mut said: Value = serde_json::from_str(&self.part.line().await).unwrap();
            if said["id"] == self.last && said.get("method").is_none() {
                assert!(said.get("error").is_none(), "{method}: {said}");
                return said["result"].take();
            }
        }
    }
}

fn home(scene: &Scene, path: &str, text: &str) -> PathBuf {
    let path = scene.cli.path("home").join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path
}

fn read(path: &std::path::Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

async fn state(scene: &Scene, client: &str) -> Value {
    let listed = scene.cli.lines(&["client", "list"]).await;
    listed.into_iter().find(|row| row["client"] == client).unwrap()
}

/// The token is ours to look for everywhere but in its own file.
fn token(scene: &mut Scene, client: &str) -> String {
    let path = scene.cli.data_dir().join(format!("clients/{client}.token"));
    let token = read(&path).trim().to_owned();
    assert!(token.starts_with("st_"), "{token}");
    let shown = path.display().to_string().leak();
    scene.plant(Planted::new(&format!("the token of {client}"), &token).shown_by(shown));
    token
}

#[tokio::test]
async fn claude_code_is_wired_calls_and_is_unwired() {
    let mut scene = Scene::open().await;
    let original = "{\r\n  \"numStartups\": 3,\r\n  \"theme\": \"dark\"\r\n}";
    let path = home(&scene, ".claude.json", original);
    assert_eq!(state(&scene, "claude-code").await["state"], "found");

    // Shown, it is not done; without a yes, neither.
    let shown = scene.cli.json(&["client", "wire", "claude-code", "--preview"], "").await;
    assert!(shown["diff"].as_str().unwrap().contains("+    \"gateway\": {"), "{shown}");
    let asked = scene.cli.run(&["client", "wire", "claude-code"], "").await.expect(2);
    assert!(asked.stderr.contains("--yes"), "{asked:#?}");
    assert_eq!(read(&path), original);

    let wired =
        scene.cli.json(&["client", "wire", "claude-code", "--user", "ana", "--yes"], "").await;
    assert_eq!(
        (&wired["agent"]["user"], &wired["agent"]["name"]),
        (&json!("ana"), &json!("claude-code"))
    );
    let token = token(&mut scene, "claude-code");
    assert!(!read(&path).contains(&token));
    let listed = claude(&scene.cli, &["mcp", "list"]).await.expect(0);
    assert!(
        listed.stdout.contains("gateway: ") && listed.stdout.contains("✔ Connected"),
        "{listed:#?}"
    );
    let row = state(&scene, "claude-code").await;
    assert_eq!(
        (&row["state"], &row["findings"][0]["level"]),
        (&json!("wired"), &json!("ok")),
        "{row}"
    );

    // What the entry starts is ana's agent, and gets what ana may have.
    let entry: Value = serde_json::from_str(&read(&path)).unwrap();
    let args = entry["mcpServers"]["gateway"]["args"].clone();
    let args: Vec<String> = serde_json::from_value(args).unwrap();
    let args: Vec<&str> = args.iter().skip(1).map(String::as_str).collect();
    let mut client = parts::Python::bridged(&scene.cli, "auto", "", &args).await;
    let result = client.call("files__read_text_file", &scene.notes()).await;
    assert!(result.to_string().contains(CONTENTS), "{result}");

    // Claude Code writes its file all the time: its changes stay.
    assert_eq!(
        scene.cli.refused(&["client", "wire", "claude-code", "--yes"], "").await,
        "client_wired"
    );
    let undone = scene.cli.json(&["client", "unwire", "claude-code", "--yes"], "").await;
    assert_eq!(undone["revoked"], json!(["ana/claude-code"]), "{undone}");
    let left: Value = serde_json::from_str(&read(&path)).unwrap();
    assert!(left["mcpServers"].get("gateway").is_none(), "{left}");
    let listed = claude(&scene.cli, &["mcp", "list"]).await.expect(0);
    assert!(!listed.stdout.contains("gateway: "), "{listed:#?}");
    let agents = scene.cli.lines(&["agent", "list"]).await;
    assert!(agents.iter().all(|agent| agent["name"] != "claude-code"), "{agents:?}");
    assert!(!scene.cli.data_dir().join("clients/claude-code.token").exists());
    scene.close().await;
}

#[tokio::test]
async fn codex_is_wired_reads_its_file_and_calls() {
    let mut scene = Scene::open().await;
    let original = "# mine\r\nmodel = 'x'  # any\r\n";
    let path = home(&scene, ".codex/config.toml", original);
    scene.cli.run(&["client", "wire", "codex", "--user", "ana", "--yes"], "").await.expect(0);
    let token = token(&mut scene, "codex");
    assert!(!read(&path).contains(&token));
    let servers = async || {
        let list = codex(&scene.cli, &["mcp", "list", "--json"]);
        process::run("codex mcp list", list, "").await.expect(0).json()
    };
    let entry = servers().await[0].take();
    let command = agw().canonicalize().unwrap();
    assert_eq!((&entry["name"], &entry["enabled"]), (&json!("gateway"), &json!(true)), "{entry}");
    assert_eq!(entry["transport"]["command"], json!(command), "{entry}");

    // It starts what its file says, and gets ana's tools and no others.
    let mut server = CodexServer::start(&scene.cli).await;
    let status = server.ask("mcpServerStatus/list", json!({})).await;
    let status = &status["data"][0];
    assert_eq!(status["serverInfo"]["name"], "ai-agent-gateway", "{status}");
    let mut tools: Vec<&String> = status["tools"].as_object().unwrap().keys().collect();
    tools.sort_unstable();
    assert_eq!(tools, GRANTED);
    let thread = server.ask("thread/start", json!({"ephemeral": true})).await;
    let call = json!({
        "threadId": thread["thread"]["id"], "server": "gateway",
        "tool": "files__read_text_file", "arguments": scene.notes(),
    });
    let result = server.ask("mcpServer/tool/call", call).await;
    assert!(result.to_string().contains(CONTENTS), "{result}");
    drop(server);
    let trail = scene.cli.lines(&["audit", "list", "--agent", "ana/codex"]).await;
    assert!(trail.iter().any(|record| record["status"] == "ok"), "{trail:?}");

    let undone = scene.cli.json(&["client", "unwire", "codex", "--yes"], "").await;
    assert_eq!(undone["exact"], true, "{undone}");
    assert_eq!(read(&path), original);
    assert_eq!(servers().await, json!([]));
    scene.close().await;
}

#[tokio::test]
async fn every_client_is_wired_and_unwired_byte_for_byte() {
    let mut scene = Scene::open().await;
    let json = "{\n  // mine\n  \"a\": [1, 2],\n}\n";
    let files = [
        ("claude-desktop", ".config/Claude/claude_desktop_config.json", json),
        ("claude-code", ".claude.json", "{\"a\": 1}"),
        ("cursor", ".cursor/mcp.json", json),
        ("vscode", ".config/Code/User/mcp.json", json),
        ("windsurf", ".codeium/windsurf/mcp_config.json", json),
        ("codex", ".codex/config.toml", "# mine\r\nmodel = 'x'\r\n"),
        ("gemini-cli", ".gemini/settings.json", json),
        ("zed", ".config/zed/settings.json", json),
        (
            "goose",
            ".config/goose/config.yaml",
            "# mine\nextensions:\n  developer:\n    type: builtin\n",
        ),
    ];
    for (client, path, text) in files {
        let path = home(&scene, path, text);
        scene.cli.run(&["client", "wire", client, "--yes"], "").await.expect(0);
        token(&mut scene, client);
        assert_ne!(read(&path), text);
        let row = state(&scene, client).await;
        assert_eq!(
            (&row["state"], &row["findings"][0]["level"]),
            (&json!("wired"), &json!("ok")),
            "{row}"
        );
    }
    let table = scene.cli.run(&["client", "list"], "").await.expect(0);
    assert_eq!(table.stdout.matches("root/").count(), 9, "{table:#?}");

    // A token that was revoked elsewhere is found out.
    scene.cli.run(&["agent", "revoke", "root", "cursor"], "").await.expect(0);
    let table = scene.cli.run(&["client", "list"], "").await.expect(0);
    assert!(
        table.stderr.contains("cursor: its token does not work")
            && table.stderr.contains("agw client unwire cursor"),
        "{table:#?}"
    );
    for (client, path, text) in files {
        let undone = scene.cli.json(&["client", "unwire", client, "--yes"], "").await;
        assert_eq!(undone["exact"], true, "{undone}");
        assert_eq!(read(&scene.cli.path("home").join(path)), text, "{client}");
    }
    scene.close().await;
}

#[tokio::test]
async fn servers_of_a_client_become_connections_and_their_secrets_go_to_the_vault() {
    let mut scene = Scene::open().await;
    let [node, server, folder] = parts::filesystem(&scene.folder);
    let servers = json!({"mcpServers": {
        "My CRM": {"url": scene.crm.url, "headers": {"Authorization": format!("Bearer {BEARER}")}},
        "files": {"command": node, "args": [server, folder], "env": {"SOME_TOKEN": "planted-in-a-client"}},
        "odd": {"command": "x", "env": {"KEY": "${env:KEY}"}},
    }});
    let original = serde_json::to_string_pretty(&servers).unwrap();
    let path = home(&scene, ".cursor/mcp.json", &original);
    scene.plant(Planted::new("a client's secret", "planted-in-a-client"));

    let listed = scene.cli.run(&["client", "import", "cursor"], "").await.expect(0);
    assert!(
        listed.stdout.contains("SOME_TOKEN") && listed.stdout.contains("KEY holds a variable"),
        "{listed:#?}"
    );
    // Nobody can be asked here, and nothing happens.
    scene.cli.run(&["client", "import", "cursor", "--all"], "").await.expect(2);
    assert_eq!(read(&path), original);

    let done = scene
        .cli
        .json(&["client", "import", "cursor", "My CRM", "files", "--user", "ana", "--yes"], "")
        .await;
    assert_eq!(done["connections"], json!(["my-crm", "files-2"]), "{done}");
    token(&mut scene, "cursor");
    let left: Value = serde_json::from_str(&read(&path)).unwrap();
    let names: Vec<&String> = left["mcpServers"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["gateway", "odd"]);
    for name in ["my-crm", "files-2"] {
        let tested = scene.cli.json(&["connection", "test", name], "").await;
        assert_eq!(tested["ok"], true, "{tested}");
    }
    let connections = scene.cli.lines(&["connection", "list"]).await;
    let secrets = |name: &str| {
        connections.iter().find(|it| it["name"] == name).unwrap()["credentials"].clone()
    };
    assert_eq!(
        (secrets("my-crm"), secrets("files-2")),
        (json!(["Authorization"]), json!(["SOME_TOKEN"]))
    );

    let undone = scene.cli.json(&["client", "unwire", "cursor", "--yes"], "").await;
    assert_eq!(
        (&undone["exact"], &undone["connections"]),
        (&json!(true), &json!(["my-crm", "files-2"]))
    );
    assert_eq!(read(&path), original);
    scene.close().await;
}

#[tokio::test]
async fn a_bundle_holds_the_bridge_and_asks_for_the_token() {
    let scene = Scene::open().await;
    let out = scene.cli.path("home/gateway.mcpb");
    let file = out.display().to_string();
    scene.cli.run(&["client", "bundle", "--out", &file], "").await.expect(0);
    let unzip = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; \
                 z.extractall(sys.argv[2]); print(z.read('manifest.json').decode())";
    let folder = scene.cli.path("home/bundle");
    let mut python = scene.cli.command("python3");
    python.args(["-c", unzip, &file]).arg(&folder);
    let manifest = process::run("unzip", python, "").await.expect(0).json();
    assert_eq!(manifest["manifest_version"], "0.3");
    assert_eq!(manifest["user_config"]["token"]["sensitive"], true);
    assert_eq!(manifest["server"]["mcp_config"]["env"]["AGW_TOKEN"], "${user_config.token}");
    let address = manifest["user_config"]["address"]["default"].as_str().unwrap();
    assert_eq!(address, scene.service.url("/mcp"));
    assert_eq!(std::fs::read(folder.join("server/agw")).unwrap(), std::fs::read(agw()).unwrap());
    scene.close().await;
}

/// Where others are let in, what is made for them leads there, and the bridge
/// in the extension trusts the gateway's own authority and nothing else.
#[tokio::test]
async fn what_is_for_other_machines_leads_to_the_shared_address() {
    let mut scene = Scene::open().await;
    let port = free_port().to_string();
    let on = ["share", "on", "--name", ADDRESS, "--address", ADDRESS, "--port", &port];
    scene.cli.run(&on, "").await.expect(0);
    let shared = format!("https://{ADDRESS}:{port}");

    let files = scene.cli.lines(&["client", "managed", "claude-code"]).await;
    let servers: Value = serde_json::from_str(files[0]["content"].as_str().unwrap()).unwrap();
    assert_eq!(servers["mcpServers"]["gateway"]["url"], format!("{shared}/mcp"));
    let settings: Value = serde_json::from_str(files[1]["content"].as_str().unwrap()).unwrap();
    let allowed = json!([
        {"serverUrl": format!("{shared}/*")},
        {"serverUrl": scene.service.url("/*")},
    ]);
    assert_eq!(settings["allowedMcpServers"], allowed);

    let out = scene.cli.path("home/gateway.mcpb");
    let file = out.display().to_string();
    let said = scene.cli.json(&["client", "bundle", "--out", &file], "").await;
    assert_eq!((&said["address"], &said["shared"]), (&json!(shared), &json!(true)));
    let unzip = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); \
                 print(z.read('server/ca.crt').decode(), end=''); print(z.read('manifest.json').decode(), file=sys.stderr)";
    let mut python = scene.cli.command("python3");
    python.args(["-c", unzip, &file]);
    let read = process::run("unzip", python, "").await.expect(0);
    let manifest: Value = serde_json::from_str(&read.stderr).unwrap();
    assert_eq!(manifest["user_config"]["address"]["default"], format!("{shared}/mcp"));
    let env = &manifest["server"]["mcp_config"]["env"];
    assert_eq!(env["SSL_CERT_FILE"], "${__dirname}/server/ca.crt");

    // As Claude Desktop starts it.
    let authority = scene.cli.path("home/ca.crt");
    std::fs::write(&authority, &read.stdout).unwrap();
    let token = scene.cli.run(&["agent", "add", "ana", "desktop"], "").await.expect(0).stdout;
    scene.plant(Planted::new("the token of the extension", token.trim()).shown_by("agw agent add"));
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"},
    }});
    let bridge = async |trusted: Option<&std::path::Path>| -> Value {
        let mut command = scene.cli.command(agw());
        command.arg("mcp").env("AGW_TOKEN", token.trim()).env("AGW_URL", format!("{shared}/mcp"));
        command.envs(trusted.map(|file| ("SSL_CERT_FILE", file)));
        let said = process::run("agw mcp", command, &format!("{hello}\n")).await;
        serde_json::from_str(said.stdout.lines().next().unwrap()).unwrap()
    };
    assert_eq!(bridge(Some(&authority)).await["result"]["serverInfo"]["name"], "ai-agent-gateway");
    let refused = bridge(None).await["error"]["message"].to_string();
    assert!(refused.contains("SSL_CERT_FILE"), "{refused}");
    scene.close().await;
}

#[tokio::test]
async fn managed_settings_name_the_gateway_alone() {
    let scene = Scene::open().await;
    let files = scene.cli.lines(&["client", "managed", "claude-code"]).await;
    let content = |name: &str| -> Value {
        let file = files.iter().find(|file| file["name"] == name).unwrap();
        serde_json::from_str(file["content"].as_str().unwrap()).unwrap()
    };
    let url = scene.service.url("/mcp");
    assert_eq!(
        content("managed-mcp.json"),
        json!({"mcpServers": {"gateway": {"type": "http", "url": url}}})
    );
    let allowed = json!([{"serverUrl": scene.service.url("/*")}]);
    assert_eq!(content("managed-settings.json")["allowedMcpServers"], allowed);
    let code = scene.cli.lines(&["client", "managed", "vscode"]).await;
    assert!(code[0]["content"].as_str().unwrap().contains("allowedMcpServers"));
    assert_eq!(scene.cli.refused(&["client", "managed", "zed"], "").await, "client_not_found");
    scene.close().await;
}
