//! The REST form, and every status that it promises.

use serde_json::{Value, json};

use super::{
    clients::strangers_token,
    scene::{BEARER, CONTENTS, Scene},
};
use crate::support::{
    http::{self, Reply},
    process::eventually,
};

/// A refusal: its status and code, and all that every refusal has.
#[track_caller]
fn assert_refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!(reply.status, status, "{reply:?}");
    let body = reply.json();
    assert_eq!(body["code"], code, "{reply:?}");
    for member in ["message", "next"] {
        assert!(body[member].as_str().is_some_and(|text| text.len() > 10), "{reply:?}");
    }
    let challenge = reply.header("www-authenticate");
    match status {
        401 if code == "token_missing" => {
            assert_eq!(challenge, "Bearer realm=\"AI Agent Gateway\"")
        }
        401 => assert!(
            challenge.starts_with("Bearer ") && challenge.contains("error=\"invalid_token\""),
            "{reply:?}"
        ),
        _ => assert_eq!(challenge, "", "{reply:?}"),
    }
    let wait = matches!(status, 429 | 503);
    assert_eq!(reply.headers.contains_key("retry-after"), wait, "{reply:?}");
}

#[tokio::test]
async fn a_granted_call_answers_with_the_structured_result() {
    let scene = Scene::open().await;
    let in_body = scene.call("files.read_text_file", scene.notes()).await;
    assert_eq!((in_body.status, in_body.json()), (200, json!({ "content": CONTENTS })));
    assert_eq!(in_body.header("content-type"), "application/json");
    assert_eq!(in_body.header("cache-control"), "no-store");

    let bearer = format!("Bearer {}", scene.token);
    let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
    let body = json!({"tool": "crm.headers", "args": {}}).to_string();
    let url = scene.service.url("/mcp/tools/call");
    let in_header = http::ask("POST", &url, &headers, body).await;
    assert_eq!(in_header.status, 200);
    assert!(in_header.json()["headers"]["host"].is_string(), "{in_header:?}");
    assert!(!in_header.text.contains(BEARER), "{in_header:?}");
    let arrived = scene.crm.calls().pop().unwrap();
    assert_eq!(arrived["headers"]["authorization"], format!("Bearer {BEARER}"));
    assert!(!arrived.to_string().contains(&scene.token), "{arrived}");

    let url = scene.service.url("/mcp/tools");
    let listed = http::ask("GET", &url, &[("authorization", &bearer)], "").await;
    assert_eq!(listed.status, 200);
    let listed = listed.json();
    let shown = scene.cli.lines(&["tools", "--as", "ana/claude"]).await;
    let listed = listed["tools"].as_array().unwrap();
    assert_eq!(listed.len(), shown.len());
    for (listed, shown) in listed.iter().zip(&shown) {
        for (name, value) in listed.as_object().unwrap() {
            assert_eq!(value, &shown[name], "{name} of {listed}");
        }
    }
    assert_eq!(shown.len(), 3);
    scene.close().await;
}

#[tokio::test]
async fn a_bad_token_gets_401_everywhere() {
    let mut scene = Scene::open().await;
    let revoked = scene.agent("short-lived", &[]).await;
    scene.cli.json(&["agent", "revoke", "ana", "short-lived"], "").await;
    let expired = scene.agent("impatient", &["--ttl", "1s"]).await;
    let replaced = scene.user_token().await;
    let own = scene.user_token().await;
    let read = json!({"tool": "files.read_text_file", "args": scene.notes(), "token": own});
    assert_eq!(scene.post(&read.to_string()).await.status, 200);
    let unknown = strangers_token();
    let cut_off = &scene.token[..scene.token.len() - 1];
    eventually("a token of one second expires", async || {
        let reply = ask(&scene, Some(&expired)).await;
        (reply.status == 401).then_some(())
    })
    .await;

    let cases = [
        (None, "token_missing"),
        (Some("hunter2"), "token_malformed"),
        (Some(cut_off), "token_malformed"),
        (Some(unknown.as_str()), "token_unknown"),
        (Some(revoked.as_str()), "token_revoked"),
        (Some(replaced.as_str()), "token_revoked"),
        (Some(expired.as_str()), "token_expired"),
    ];
    for (token, code) in cases {
        assert_refused(&ask(&scene, token).await, 401, code);
        let in_body =
            json!({"tool": "crm.headers", "args": {}, "token": token.unwrap_or_default()});
        let in_body = scene.post(&in_body.to_string()).await;
        let code_in_body = if token.is_none() { "token_malformed" } else { code };
        assert_refused(&in_body, 401, code_in_body);
        let bearer = token.map(|token| format!("Bearer {token}"));
        let authorization = bearer.iter().map(|bearer| ("authorization", bearer.as_str()));
        let headers: Vec<_> =
            [("content-type", "application/json")].into_iter().chain(authorization).collect();
        let listed = http::ask("GET", &scene.service.url("/mcp/tools"), &headers, "").await;
        assert_refused(&listed, 401, code);
        let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}).to_string();
        for (method, path, body) in [
            ("POST", "/mcp", ping.as_str()),
            ("GET", "/mcp", ""),
            ("DELETE", "/mcp", ""),
            ("POST", "/mcp/crm", &ping),
        ] {
            let reply =
                http::ask(method, &scene.service.url(path), &headers, body.to_owned()).await;
            assert_eq!(reply.status, 401, "{method} {path} {reply:?}");
            assert!(reply.header("www-authenticate").starts_with("Bearer "), "{reply:?}");
            assert_eq!(reply.json()["error"]["data"]["code"], code, "{reply:?}");
        }
    }
    assert_eq!(scene.crm.calls().len(), 0);
    // Another scheme is no token; the scheme's case does not matter.
    let url = scene.service.url("/mcp/tools");
    let basic =
        http::ask("GET", &url, &[("authorization", "Basic aHVudGVyMjpodW50ZXIy")], "").await;
    assert_refused(&basic, 401, "token_malformed");
    let lower = format!("bearer {}", scene.token);
    assert_eq!(http::ask("GET", &url, &[("authorization", &lower)], "").await.status, 200);
    scene.close().await;
}

/// A call of a granted tool with the token in the header, or without one.
async fn ask(scene: &Scene, token: Option<&str>) -> Reply {
    let bearer = format!("Bearer {}", token.unwrap_or_default());
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(token.map(|_| ("authorization", bearer.as_str())));
    let body = json!({"tool": "files.read_text_file", "args": scene.notes()}).to_string();
    http::ask("POST", &scene.service.url("/mcp/tools/call"), &headers, body).await
}

#[tokio::test]
async fn what_is_not_granted_gets_403_and_tells_nothing_else() {
    let mut scene = Scene::open().await;
    scene.cli.json(&["grant", "ana", "files.list_directory", "deny"], "").await;
    let narrow = scene.agent("narrow", &["--scope", "files.*"]).await;
    let mut texts = Vec::new();
    for tool in ["crm.echo", "crm.no_such_tool", "nothing.here", "files.list_directory", "rubbish"]
    {
        let reply = scene.call(tool, json!({})).await;
        assert_refused(&reply, 403, "not_granted");
        assert!(reply.text.contains(tool), "{reply:?}");
        texts.push(reply.text.replace(tool, "TOOL"));
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:#?}");

    let out_of_scope = json!({"tool": "crm.headers", "args": {}, "token": narrow}).to_string();
    assert_refused(&scene.post(&out_of_scope).await, 403, "not_granted");
    assert_eq!(scene.crm.calls().len(), 0);
    let reasons: Vec<_> = scene.outcomes().await.iter().map(|r| r["reason"].clone()).collect();
    let expected = [
        "not_granted",
        "not_granted",
        "not_granted",
        "denied_by_grant",
        "no_such_name",
        "out_of_scope",
    ];
    assert_eq!(reasons, expected);
    scene.close().await;
}

#[tokio::test]
async fn requests_that_cannot_be_called_get_404_or_422() {
    let scene = Scene::open().await;
    scene.grant("ana", "crm.*").await;
    assert_refused(&scene.call("crm.no_such_tool", json!({})).await, 404, "unknown_tool");

    let token = &scene.token;
    let unreadable = [
        "",
        "{",
        "[]",
        r#"{"args": {}}"#,
        r#"{"tool": 7, "args": {}}"#,
        r#"{"tool": "crm.echo", "args": {"a": 1, "a": 2}}"#,
        r#"{"tool": "crm.echo", "args": {}, "also": 1}"#,
        "{\"tool\": \"crm.echo\", \"args\": {\"a\": \"\u{1}\"}}",
    ];
    let bearer = format!("Bearer {token}");
    let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
    let url = scene.service.url("/mcp/tools/call");
    for body in unreadable {
        assert_refused(&http::ask("POST", &url, &headers, body).await, 422, "malformed");
    }
    for args in [json!([1]), json!("text"), json!(null)] {
        assert_refused(&scene.call("crm.echo", args).await, 422, "invalid_arguments");
    }
    let leaking = json!({"deep": [{"note": format!("see {token} here")}]});
    assert_refused(&scene.call("crm.echo", leaking).await, 422, "token_in_arguments");
    let in_name = json!({ token.as_str(): 1 });
    assert_refused(&scene.call("crm.echo", in_name).await, 422, "token_in_arguments");
    // Wherever else an agent may put its token, it is not written down.
    assert_eq!(scene.call(token, json!({})).await.status, 403);
    assert_eq!(scene.call(&format!("crm.{token}"), json!({})).await.status, 404);
    let member = json!({"tool": "crm.echo", "args": {}, token.as_str(): 1}).to_string();
    assert_eq!(http::ask("POST", &url, &headers, member).await.status, 422);
    let twice = format!(r#"{{"tool": "crm.echo", "{token}": 1, "{token}": 1}}"#);
    assert_eq!(http::ask("POST", &url, &headers, twice).await.status, 422);
    assert_eq!(scene.crm.calls().len(), 0);
    scene.close().await;
}

#[tokio::test]
async fn an_agent_with_too_many_calls_under_way_gets_429() {
    let scene = Scene::open().await;
    scene.grant("ana", "crm.*").await;
    // Far more than the 64 that one agent may have.
    let calls = (0..80).map(|_| scene.call("crm.wait", json!({"seconds": 8})));
    let replies = futures_util::future::join_all(calls).await;
    let done = replies.iter().filter(|reply| reply.status == 200).count();
    let refused: Vec<_> = replies.iter().filter(|reply| reply.status != 200).collect();
    assert!(done >= 64, "{done} calls were done");
    assert!(!refused.is_empty());
    for reply in refused {
        assert_refused(reply, 429, "too_many_calls");
    }
    assert_eq!(scene.crm.calls().len(), done);
    assert_eq!(scene.call("crm.echo", json!({})).await.status, 200);
    scene.close().await;
}

#[tokio::test]
async fn a_system_that_fails_gets_502_and_one_that_is_gone_503() {
    let mut scene = Scene::open().await;
    scene.grant("ana", "crm.*").await;
    let failed = scene.call("crm.fail", json!({})).await;
    assert_refused(&failed, 502, "tool_error");
    let said = failed.json()["result"]["content"][0]["text"].to_string();
    assert!(said.contains("no such customer") && !said.contains(BEARER), "{said}");
    assert_refused(&scene.call("crm.hang-up", json!({})).await, 502, "upstream_closed");
    assert_eq!(scene.call("crm.echo", json!({})).await.status, 200);

    scene.crm.part.signal("KILL");
    scene.crm.part.ended().await;
    let gone = eventually("the gateway notices", async || {
        let reply = scene.call("crm.echo", json!({})).await;
        if reply.status == 502 {
            // The first calls find out.
            let code = &reply.json()["code"];
            assert!(["upstream_unreachable", "upstream_closed"].contains(&code.as_str().unwrap()));
            return None;
        }
        Some(reply)
    })
    .await;
    assert_refused(&gone, 503, "connection_unavailable");
    // It hurts nobody else.
    assert_eq!(scene.call("files.read_text_file", scene.notes()).await.status, 200);

    scene.cli.json(&["pause"], "").await;
    assert_refused(&scene.call("files.read_text_file", scene.notes()).await, 503, "paused");
    scene.cli.json(&["resume"], "").await;
    assert_eq!(scene.call("files.read_text_file", scene.notes()).await.status, 200);
    scene.close().await;
}

/// Takes as long as an upstream is given, 55 s.
#[tokio::test]
async fn a_system_that_never_answers_gets_504() {
    let scene = Scene::open().await;
    scene.grant("ana", "crm.wait").await;
    let reply = scene.call("crm.wait", json!({"seconds": 1_000})).await;
    assert_refused(&reply, 504, "upstream_timeout");
    let outcome = scene.outcomes().await.pop().unwrap();
    assert_eq!(outcome["status"], "failed", "{outcome}");
    assert_eq!(outcome["reason"], "upstream_timeout");
    assert!(outcome["duration_ms"].as_f64().unwrap() > 50_000.0, "{outcome}");
    // The system was told that nobody waits any more.
    let cancelled = |request: &&Value| request["body"]["method"] == "notifications/cancelled";
    let requests = scene.crm.requests();
    let told = requests.iter().find(cancelled).expect("notifications/cancelled");
    let asked = &scene.crm.calls()[0]["body"]["id"];
    assert_eq!(&told["body"]["params"]["requestId"], asked);
    scene.close().await;
}
