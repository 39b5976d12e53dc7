//! Every client that people have sees exactly what was granted, can call it,
//! and gets nothing else.

use serde_json::{Value, json};

use super::scene::{BEARER, CONTENTS, GRANTED, NOTES, Scene};
use crate::support::{
    PASSWORD,
    browser::{Browser, parameter},
    cli::{Cli, agw},
    http,
    leaks::Planted,
    parts::{Python, claude_mcp_list, claude_mcp_login, inspector},
};

#[tokio::test]
async fn mcp_inspector_lists_and_calls_what_was_granted() {
    let scene = Scene::open().await;
    let url = scene.service.url("/mcp");
    for era in ["legacy", "modern"] {
        let ask = async |args: &[&str]| {
            let args = [&["--protocol-era", era], args].concat();
            inspector(&scene.cli, &url, &scene.token, &args).await
        };
        let listed = ask(&["--method", "tools/list"]).await.expect(0).json();
        assert_eq!(names(&listed["result"]["tools"]), GRANTED, "{era}");
        let call = async |tool: &str, args: &Value| {
            let args = args.to_string();
            let call = ["--method", "tools/call", "--tool-name", tool, "--tool-args-json", &args];
            ask(&call).await.expect(0).json()["result"].clone()
        };
        check_calls(&scene, call).await;
    }
    assert_eq!(scene.crm.calls().len(), 2);
    // It asks for the list before it calls, and finds no such tool there.
    let denied = ["--method", "tools/call", "--tool-name", "files__write_file"];
    assert_ne!(inspector(&scene.cli, &url, &scene.token, &denied).await.code, 0);
    let unknown = strangers_token();
    let refused = inspector(&scene.cli, &url, &unknown, &["--method", "tools/list"]).await;
    assert_ne!(refused.code, 0, "{refused:#?}");
    scene.close().await;
}

#[tokio::test]
async fn the_python_client_lists_and_calls_what_was_granted() {
    let scene = Scene::open().await;
    let url = scene.service.url("/mcp");
    for (mode, revision) in
        [("legacy", "2025-11-25"), ("2026-07-28", "2026-07-28"), ("auto", "2026-07-28")]
    {
        let client = Python::connect(&scene.cli, mode, &url, &scene.token).await;
        assert_eq!(client.revision, revision);
        check_python(&scene, client).await;
    }
    scene.close().await;
}

#[tokio::test]
async fn a_client_behind_the_stdio_bridge_lists_and_calls_what_was_granted() {
    let scene = Scene::open().await;
    for (mode, revision) in
        [("legacy", "2025-11-25"), ("2026-07-28", "2026-07-28"), ("auto", "2026-07-28")]
    {
        let client = Python::bridged(&scene.cli, mode, &scene.token, &[]).await;
        assert_eq!(client.revision, revision);
        check_python(&scene, client).await;
    }
    // The token can be in a file, if only its owner can read it.
    let file = scene.cli.path("token");
    std::fs::write(&file, format!("{}\n", scene.token)).unwrap();
    mode(&file, 0o600);
    let path = file.display().to_string();
    let from_file = ["--token-file", path.as_str()];
    let mut client = Python::bridged(&scene.cli, "auto", "", &from_file).await;
    assert_eq!(client.list().await, GRANTED);
    mode(&file, 0o644);
    let refused = scene.cli.run(&["mcp", "--token-file", &path], "").await;
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("600"), "{refused:#?}");
    scene.close().await;
}

/// Claude Code's own health check. It shows no tools without a login.
#[tokio::test]
async fn claude_code_connects() {
    let scene = Scene::open().await;
    let http = |token: &str| json!({"type": "http", "url": scene.service.url("/mcp"), "headers": {"Authorization": format!("Bearer {token}")}});
    let bridge = |token: &str| json!({"type": "stdio", "command": agw(), "args": ["mcp"], "env": {"AGW_TOKEN": token, "AGW_DATA_DIR": scene.cli.data_dir()}});
    let one = json!({"type": "http", "url": scene.service.url("/mcp/crm"), "headers": {"Authorization": format!("Bearer {}", scene.token)}});
    let unknown = strangers_token();
    let servers = json!({
        "over-http": http(&scene.token), "over-stdio": bridge(&scene.token), "only-crm": one,
        "stranger-http": http(&unknown), "stranger-stdio": bridge(&unknown),
    });
    let listed = claude_mcp_list(&scene.cli, servers).await.expect(0);
    let line = |name: &str| {
        let start = format!("{name}: ");
        listed.stdout.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| {
            panic!("{name}: {listed:#?}");
        })
    };
    for name in ["over-http", "over-stdio", "only-crm"] {
        assert!(line(name).contains("✔ Connected"), "{listed:#?}");
    }
    for name in ["stranger-http", "stranger-stdio"] {
        assert!(line(name).contains("✘ Failed to connect"), "{listed:#?}");
    }
    assert!(line("stranger-http").contains("HTTP 401"), "{listed:#?}");
    scene.close().await;
}

/// Nobody copies a token: the person signs in, in a browser.
#[tokio::test]
async fn claude_code_signs_in_by_itself() {
    let mut scene = Scene::open().await;
    let password = ["user", "password", "ana", "--password-stdin"];
    scene.cli.json(&password, &format!("{PASSWORD}\n")).await;
    let servers = json!({"gw": {"type": "http", "url": scene.service.url("/mcp")}});
    let (mut login, url) = claude_mcp_login(&scene.cli, servers.clone(), "gw").await;
    let base = scene.service.url("");
    let path = url.strip_prefix(&base).unwrap_or_else(|| panic!("{url}"));
    let mut browser = Browser::new(base);
    let page = browser.sign_in_at(path, "ana").await;
    assert!(page.text.contains("Claude Code (gw) wants to use your tools"), "{}", page.text);
    let picks = [("decision", "allow"), ("tools", "all"), ("life", "1")];
    let back = browser.submit(&page, &picks).await.header("location").to_owned();
    // Where Claude Code waits for the browser to come back.
    assert!(back.starts_with("http://localhost:"), "{back}");
    let local = back.replacen("localhost", "127.0.0.1", 1);
    let host = local.split('/').nth(2).unwrap().replacen("127.0.0.1", "localhost", 1);
    let landed = http::ask("GET", &local, &[("host", &host)], "").await;
    assert_eq!(landed.status, 200, "{landed:?}");
    assert!(login.ended().await.success(), "{}", login.said());
    // What Claude Code keeps of it is its own affair.
    let kept = std::fs::read_to_string(scene.cli.path("home/.claude/.credentials.json")).unwrap();
    let kept: Value = serde_json::from_str(&kept).unwrap();
    let kept = kept["mcpOAuth"].as_object().unwrap().values().next().unwrap();
    let token = |name: &str| kept[name].as_str().unwrap().to_owned();
    scene.plant(Planted::new("a code", &parameter(&back, "code").unwrap()));
    scene.plant(Planted::new("an access token", &token("accessToken")));
    scene.plant(Planted::new("a refresh token", &token("refreshToken")));
    scene.plant(Planted::new("a session of the pages", &browser.cookies["agw_page"]));

    let listed = claude_mcp_list(&scene.cli, servers.clone()).await.expect(0);
    assert!(listed.stdout.contains("gw: ") && listed.stdout.contains("✔ Connected"), "{listed:#?}");
    let agents = scene.cli.lines(&["agent", "list"]).await;
    let agent = agents.iter().find(|agent| agent["name"] == "Claude Code gw").expect("an agent");
    assert_eq!(agent["signed_in"]["client"], "Claude Code (gw)", "{agent}");
    assert_eq!(agent["signed_in"]["host"], "localhost", "{agent}");
    // Revoked like any other.
    scene.cli.json(&["agent", "revoke", "ana", "Claude Code gw"], "").await;
    let listed = claude_mcp_list(&scene.cli, servers).await.expect(0);
    assert!(!listed.stdout.contains("✔ Connected"), "{listed:#?}");
    scene.close().await;
}

#[tokio::test]
async fn one_connections_endpoint_shows_unprefixed_names() {
    let scene = Scene::open().await;
    let cli: &Cli = &scene.cli;
    for mode in ["legacy", "2026-07-28"] {
        let url = scene.service.url("/mcp/files");
        let over_http = Python::connect(cli, mode, &url, &scene.token);
        let bridged = Python::bridged(cli, mode, &scene.token, &["--connection", "files"]);
        for mut client in [over_http.await, bridged.await] {
            assert_eq!(client.list().await, ["list_directory", "read_text_file"]);
            let read = client.call("read_text_file", &scene.notes()).await;
            assert_eq!(read["structuredContent"], json!({ "content": CONTENTS }));
            // Neither another connection's tool nor a prefixed name.
            for other in ["headers", "files__read_text_file", "write_file"] {
                assert_denied(&client.call(other, &json!({})).await);
            }
        }
        let url = scene.service.url("/mcp/crm");
        let mut crm = Python::connect(cli, mode, &url, &scene.token).await;
        assert_eq!(crm.list().await, ["headers"]);
        assert!(crm.call("headers", &json!({})).await["structuredContent"]["headers"].is_object());
        // Nobody learns which connections there are.
        let url = scene.service.url("/mcp/no-such-connection");
        let mut nothing = Python::connect(cli, mode, &url, &scene.token).await;
        assert_eq!(nothing.list().await, Vec::<String>::new());
        assert_denied(&nothing.call("headers", &json!({})).await);
    }
    scene.close().await;
}

async fn check_python(scene: &Scene, mut client: Python) {
    assert_eq!(client.list().await, GRANTED);
    let denied = client.call("files__write_file", &json!({"path": "x", "content": "y"})).await;
    assert_denied(&denied);
    let text = denied["content"][0]["text"].as_str().unwrap();
    // What a model needs: that it failed, not to try again, what would help.
    for needed in ["files.write_file", "Do not retry", "agw grant \"ana\" files.write_file allow"] {
        assert!(text.contains(needed), "{text}");
    }
    let client = tokio::sync::Mutex::new(client);
    check_calls(scene, async |tool: &str, args: &Value| client.lock().await.call(tool, args).await)
        .await;
}

fn assert_denied(result: &Value) {
    assert_eq!(result["isError"], true, "{result}");
    assert_eq!(result["_meta"]["dev.aiagentgateway/code"], "not_granted", "{result}");
}

/// Calls each of [`GRANTED`] and looks at what came back and what arrived.
async fn check_calls(scene: &Scene, mut call: impl AsyncFnMut(&str, &Value) -> Value) {
    let read = call("files__read_text_file", &scene.notes()).await;
    assert_eq!(read["structuredContent"], json!({ "content": CONTENTS }));
    let listed = call("files__list_directory", &json!({ "path": scene.folder })).await;
    let text = listed["content"][0]["text"].as_str().unwrap();
    assert_eq!(text, format!("[FILE] {NOTES}"));

    // The system gets its own credential and nothing of the agent's; the
    // agent gets everything but the credential.
    let echoed = call("crm__headers", &json!({})).await;
    assert!(!echoed.to_string().contains(BEARER), "{echoed}");
    let removed = "[credential removed by AI Agent Gateway]";
    assert_eq!(echoed["structuredContent"]["headers"]["authorization"], removed);
    let arrived = scene.crm.calls().pop().unwrap();
    assert_eq!(arrived["headers"]["authorization"], format!("Bearer {BEARER}"));
    for request in scene.crm.requests() {
        assert!(!request.to_string().contains("st_"), "{request}");
        assert!(request["headers"].get("mcp-name").is_none(), "{request}");
    }
}

fn names(tools: &Value) -> Vec<&str> {
    let tools = tools.as_array().unwrap_or_else(|| panic!("{tools}"));
    let mut names: Vec<_> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    names
}

/// A token as this gateway makes them, but one that it did not make.
pub fn strangers_token() -> String {
    let fill = |bytes: &mut [u8]| {
        bytes.iter_mut().enumerate().for_each(|(at, byte)| *byte = u8::try_from(at).unwrap());
        Ok::<_, std::convert::Infallible>(())
    };
    let minted = agw_core::MintedToken::mint(agw_core::TokenKind::Agent, fill).unwrap();
    minted.expose().to_owned()
}

fn mode(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
