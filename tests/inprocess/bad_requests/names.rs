//! Tools and methods that there are not, or not for this agent.

use serde_json::{Value, json};

use super::super::scene::{JSON, STATELESS, Scene, stateless, tools_call};
use crate::support::{http, mcp};

/// Tools that `claude` may not call: one that exists, one that a grant
/// denies, one of a connection that it sees nothing of, and three that there
/// are not.
const OUT_OF_REACH: [(&str, &str); 6] = [
    ("fix", "fail"),
    ("fix", "other"),
    ("hidden", "echo"),
    ("fix", "nothing"),
    ("nowhere", "echo"),
    ("nowhere", "nothing"),
];

async fn scene_with_secrets() -> Scene {
    let scene = Scene::start().await;
    scene.gateway.connect_http("hidden", &scene.upstream.url(), &[]).await;
    scene.gateway.grant("ana", "fix.other", "deny").await;
    scene
}

/// All answers are the same, once the names in them are taken out.
fn assert_alike(answers: &[(String, String)]) {
    let (_, first) = &answers[0];
    for (name, answer) in answers {
        assert_eq!(answer, first, "{name} is answered differently");
    }
}

fn masked(text: &str, connection: &str, tool: &str) -> String {
    // Longest first, so that no part of a name is left.
    [format!("{connection}.{tool}"), format!("{connection}__{tool}")]
        .iter()
        .fold(text.to_owned(), |text, name| text.replace(name, "NAME"))
}

#[tokio::test]
async fn a_tool_that_does_not_exist_is_answered_like_one_that_is_not_granted() {
    let scene = scene_with_secrets().await;
    let (mut rest, mut aggregate, mut modern) = (Vec::new(), Vec::new(), Vec::new());
    for (connection, tool) in OUT_OF_REACH {
        let id = format!("{connection}.{tool}");
        let reply = scene.rest(json!({"tool": id, "args": {"a": 1}}).to_string()).await;
        assert_eq!((reply.status, &reply.json()["code"]), (403, &json!("not_granted")));
        rest.push((id.clone(), masked(&format!("{:?}", reply.text), connection, tool)));
        scene.assert_call_refused(&id).await;

        let name = format!("{connection}__{tool}");
        let reply = scene.mcp(tools_call(&name, json!({"a": 1}))).await;
        assert_eq!((reply.status, &reply.json()["result"]["isError"]), (200, &json!(true)));
        aggregate.push((id.clone(), masked(&reply.text, connection, tool)));
        scene.assert_call_refused(&id).await;

        let body = stateless("tools/call", json!({"name": name, "arguments": {}})).to_string();
        let headers =
            [JSON, mcp::ACCEPT, STATELESS, ("mcp-method", "tools/call"), ("mcp-name", &name)];
        let reply = scene.mcp_with(&headers, body).await;
        assert_eq!((reply.status, &reply.json()["result"]["isError"]), (200, &json!(true)));
        modern.push((id.clone(), masked(&reply.text, connection, tool)));
        scene.assert_call_refused(&id).await;
    }
    for answers in [rest, aggregate, modern] {
        assert_alike(&answers);
    }
    scene.assert_untouched();
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_connection_that_does_not_exist_is_answered_like_one_without_granted_tools() {
    let scene = scene_with_secrets().await;
    let mut answers = Vec::new();
    for connection in ["hidden", "nowhere"] {
        let path = format!("/mcp/{connection}");
        let session = mcp::Session::open(&scene.gateway.url(&path), &scene.token).await;
        let list = session.request("tools/list", json!({})).await;
        let call = session.call("echo", json!({})).await;
        let text = format!("{list}{call}");
        answers.push((path, masked(&text, connection, "echo")));
        scene.assert_call_refused(&format!("{connection}.echo")).await;
    }
    assert_alike(&answers);
    assert!(answers[0].1.contains(r#""tools":[]"#), "{answers:?}");
    // What can name no connection is not even a path.
    for path in ["/mcp/Fix", "/mcp/fix.echo", "/mcp/9", "/mcp/fix/echo"] {
        assert_eq!(scene.mcp_at(path, &[JSON], "{}").await.status, 404, "{path}");
    }
    scene.assert_untouched();
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_denial_says_what_would_be_needed() {
    let scene = Scene::start().await;
    let reply = scene.rest(json!({"tool": "fix.fail"}).to_string()).await;
    let next = reply.json()["next"].as_str().unwrap().to_owned();
    assert!(next.contains(r#"agw grant "ana" fix.fail allow"#), "{next}");
    let reply = scene.mcp(tools_call("fix__fail", json!({}))).await.json();
    let text = reply["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("denied") && text.contains(&next), "{text}");
    scene.gateway.stop().await;
}

/// What looks like a granted name to a person or a model, but is not it.
#[tokio::test]
async fn confusable_names_reach_nothing() {
    let scene = Scene::start().await;
    for id in [
        "fix.Echo",
        "Fix.echo",
        "FIX.ECHO",
        "fix.\u{435}cho",
        "f\u{456}x.echo",
        "fix.echo ",
        " fix.echo",
        "fix.echo\u{200b}",
        "fix.ec\u{ad}ho",
        "fix.\u{202e}ohce",
        "fix..echo",
        "fix.echo.",
        "fix/echo",
        "fix__echo",
        "echo",
        ".echo",
        "fix.",
        "",
        "fix.*",
        "*",
        "fix.echo\0",
        "fix.echo\n",
        "fix.%65cho",
        "../fix.echo",
        "ﬁx.echo",
    ] {
        let reply = scene.rest(json!({"tool": id}).to_string()).await;
        assert_eq!((reply.status, &reply.json()["code"]), (403, &json!("not_granted")), "{id:?}");
        scene.assert_refused_call().await;
    }
    for name in [
        "fix.echo",
        "fix__Echo",
        "Fix__echo",
        "fix__\u{435}cho",
        "fix__echo ",
        "fix___echo",
        "fix_echo",
        "fix--echo",
        "echo",
        "",
        "fix__*",
    ] {
        let reply = scene.mcp(tools_call(name, json!({}))).await.json();
        assert_eq!(reply["result"]["isError"], true, "{name:?}: {reply}");
        scene.assert_refused_call().await;
    }
    for name in ["fix__echo", "fix.echo", "Echo", "\u{435}cho", "echo "] {
        let body = tools_call(name, json!({}));
        let reply = scene.mcp_at("/mcp/fix", &[JSON], body).await.json();
        assert_eq!(reply["result"]["isError"], true, "{name:?}: {reply}");
    }
    scene.assert_untouched();
    scene.gateway.stop().await;
}

/// Tools of one upstream that are too alike are offered to nobody, and the
/// admin is told which and why.
#[tokio::test]
async fn look_alike_tools_of_an_upstream_are_not_offered() {
    let scene = Scene::start().await;
    let tool = |name: &str| json!({"name": name, "inputSchema": {"type": "object"}});
    let names =
        ["read_file", "read-file", "Read_File", "\u{455}end", "send", "a b", "", "x\u{200b}"];
    scene.upstream.list(names.iter().map(|name| tool(name)).collect());
    scene.gateway.connect_http("twins", &scene.upstream.url(), &[]).await;
    scene.gateway.grant("ana", "twins.*", "allow").await;
    let shown: Value = scene.gateway.admin.get("/api/v1/connections/twins").await.unwrap();
    let refused: Vec<&str> = shown["refused_tools"]
        .as_array()
        .unwrap()
        .iter()
        .inspect(|tool| assert!(!tool["reason"].as_str().unwrap().is_empty()))
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert_eq!(refused.len(), 7, "{shown}");
    assert_eq!(shown["tools"], 1);
    let session = mcp::Session::open(&scene.gateway.url("/mcp/twins"), &scene.token).await;
    assert_eq!(session.tool_names().await, ["send"]);
    for name in ["read_file", "read-file", "Read_File"] {
        let id = format!("twins.{name}");
        let reply = scene.rest(json!({"tool": id}).to_string()).await;
        assert_eq!((reply.status, &reply.json()["code"]), (404, &json!("unknown_tool")), "{name}");
        let record = scene.last_outcome().await;
        assert_eq!(record.reason.as_deref(), Some("unknown_tool"));
        assert_eq!(record.status.as_deref(), Some("failed"));
    }
    scene.assert_untouched();
    scene.gateway.stop().await;
}

#[tokio::test]
async fn unknown_methods_are_refused_in_both_eras() {
    let scene = Scene::start().await;
    let session = mcp::Session::open(&scene.gateway.url("/mcp"), &scene.token).await;
    let unknown = [
        "tools/Call",
        "tools/call ",
        "tools/call\0",
        "call",
        "",
        "resources/List",
        "prompts/gets",
        "tasks/get",
        "server/discover",
        "subscriptions/listen",
        "sampling/createMessage",
        "notifications/tools/list_changed",
    ];
    for method in unknown {
        let answer = session.request(method, json!({"name": "fix__echo"})).await;
        assert_eq!(answer["error"]["code"], -32601, "{method:?}: {answer}");
    }
    for method in ["initialize", "ping", "tools/Call", "resources/subscribe", "tasks/get", ""] {
        let body = stateless(method, json!({"name": "fix__echo"})).to_string();
        let headers = [JSON, mcp::ACCEPT, STATELESS, ("mcp-method", method)];
        let reply = scene.mcp_with(&headers, body).await;
        let code = &reply.json()["error"]["code"];
        assert_eq!((reply.status, code), (404, &json!(-32601)), "{method:?}: {reply:?}");
    }
    let bearer = format!("Bearer {}", scene.token);
    for method in ["PUT", "PATCH", "HEAD"] {
        let headers = [("authorization", &*bearer)];
        let reply = http::ask(method, &scene.gateway.url("/mcp"), &headers, "").await;
        assert_eq!((reply.status, reply.header("allow")), (405, "GET, POST, DELETE"), "{method}");
    }
    scene.assert_untouched();
    scene.gateway.stop().await;
}
