//! Requests of 2026-07-28 whose headers and body disagree, and revisions that
//! are not served.

use serde_json::{Value, json};

use super::super::scene::{JSON, STATELESS, Scene, stateless, tools_call};
use crate::support::{
    http::Reply,
    mcp::{self, ACCEPT},
};

const METHOD: (&str, &str) = ("mcp-method", "tools/call");
const NAME: (&str, &str) = ("mcp-name", "fix__echo");
const META: &str = "io.modelcontextprotocol";

fn call() -> Value {
    stateless("tools/call", json!({"name": "fix__echo", "arguments": {}}))
}

async fn send(scene: &Scene, headers: &[(&str, &str)], body: &Value) -> Reply {
    let all: Vec<(&str, &str)> =
        [JSON, ACCEPT].into_iter().chain(headers.iter().copied()).collect();
    scene.mcp_with(&all, body.to_string()).await
}

async fn refused(scene: &Scene, headers: &[(&str, &str)], body: &Value, code: i32) -> Value {
    let reply = send(scene, headers, body).await;
    let answer = reply.json();
    let said = (reply.status, &answer["error"]["code"], &answer["id"]);
    assert_eq!(said, (400, &json!(code), &body["id"]), "{headers:?} {body}: {answer}");
    scene.assert_refusal("malformed").await;
    scene.assert_untouched();
    answer
}

#[tokio::test]
async fn headers_that_differ_from_the_body_are_refused() {
    let scene = Scene::start().await;
    for headers in [
        &[METHOD, NAME][..],
        &[STATELESS, NAME],
        &[STATELESS, METHOD],
        &[("mcp-protocol-version", "2025-11-25"), METHOD, NAME],
        &[STATELESS, STATELESS, METHOD, NAME],
        &[STATELESS, ("mcp-method", "tools/list"), NAME],
        &[STATELESS, ("mcp-method", "Tools/Call"), NAME],
        &[STATELESS, METHOD, METHOD, NAME],
        &[STATELESS, METHOD, ("mcp-name", "fix__fail")],
        &[STATELESS, METHOD, ("mcp-name", "FIX__ECHO")],
        &[STATELESS, METHOD, ("mcp-name", "")],
        &[STATELESS, METHOD, NAME, ("mcp-name", "fix__fail")],
        &[STATELESS, METHOD, ("mcp-name", "=?base64?Zml4X19mYWls?=")],
        &[STATELESS, METHOD, ("mcp-name", "=?base64?!?=")],
    ] {
        refused(&scene, headers, &call(), -32020).await;
    }
    let good = [STATELESS, METHOD, NAME];
    assert_eq!(send(&scene, &good, &call()).await.status, 200);
    let encoded = [STATELESS, METHOD, ("mcp-name", "=?base64?Zml4X19lY2hv?=")];
    let answer = send(&scene, &encoded, &call()).await.json();
    assert_eq!(answer["result"]["resultType"], "complete", "{answer}");
    assert_eq!(scene.upstream.calls().len(), 2);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn revisions_that_are_not_served_are_refused() {
    let scene = Scene::start().await;
    for version in ["2027-01-01", "2025-11-25", "draft", ""] {
        let mut body = call();
        body["params"]["_meta"][format!("{META}/protocolVersion")] = json!(version);
        let headers = [("mcp-protocol-version", version), METHOD, NAME];
        let answer = refused(&scene, &headers, &body, -32022).await;
        let data = &answer["error"]["data"];
        assert_eq!(data["requested"], version);
        assert!(data["supported"].as_array().unwrap().contains(&json!("2026-07-28")), "{answer}");
    }
    // The older era names its revision in the header alone.
    for version in ["2024-10-07", "2027-01-01", "x"] {
        let body: Value = serde_json::from_str(&tools_call("fix__echo", json!({}))).unwrap();
        refused(&scene, &[("mcp-protocol-version", version)], &body, -32022).await;
    }
    // A greeting agrees on one instead.
    let params = json!({"protocolVersion": "2024-10-07", "capabilities": {}, "clientInfo": {}});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params});
    let answer = send(&scene, &[], &body).await.json();
    assert_eq!(answer["result"]["protocolVersion"], "2025-11-25", "{answer}");
    scene.gateway.stop().await;
}

#[tokio::test]
async fn requests_without_their_meta_are_refused() {
    let scene = Scene::start().await;
    let good = [STATELESS, METHOD, NAME];
    let capabilities = format!("{META}/clientCapabilities");
    for wrong in [None, Some(json!(null)), Some(json!([])), Some(json!("all"))] {
        let mut body = call();
        let meta = body["params"]["_meta"].as_object_mut().unwrap();
        meta.remove(&capabilities);
        meta.extend(wrong.map(|value| (capabilities.clone(), value)));
        refused(&scene, &good, &body, -32602).await;
    }
    let mut body = call();
    body["params"]["_meta"][format!("{META}/protocolVersion")] = json!(20260728);
    refused(&scene, &good, &body, -32602).await;
    let body: Value = serde_json::from_str(&tools_call("fix__echo", json!({}))).unwrap();
    refused(&scene, &good, &body, -32602).await;
    scene.gateway.stop().await;
}

/// What one era's words would do in the other.
#[tokio::test]
async fn the_eras_do_not_mix() {
    let scene = Scene::start().await;
    let session = mcp::Session::open(&scene.gateway.url("/mcp"), &scene.token).await;
    // A session id means nothing to a stateless request, not even a bad one.
    for id in [&*session.id, "0123456789abcdef0123456789abcdef"] {
        let headers = [STATELESS, METHOD, NAME, ("mcp-session-id", id)];
        let reply = send(&scene, &headers, &call()).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    let list = stateless("tools/list", json!({"cursor": "x"}));
    let reply = send(&scene, &[STATELESS, ("mcp-method", "tools/list")], &list).await;
    assert_eq!(reply.json()["error"]["code"], -32602, "{reply:?}");
    let listen = stateless("subscriptions/listen", json!({"notifications": "all"}));
    let reply = send(&scene, &[STATELESS, ("mcp-method", "subscriptions/listen")], &listen).await;
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (400, &json!(-32602)));
    scene.gateway.stop().await;
}
