//! Revisions before 2025-06-18: bodies with several messages, and the
//! transport that has a stream beside its posts.

use agw_gateway::{MasterKeySource, ServeOptions, Timeouts};
use serde_json::{Value, json};

use crate::support::{
    self,
    everything::{Dialect, Scene},
    http,
    mcp::{self, ACCEPT, Session},
};

#[tokio::test]
async fn several_messages_in_one_body_are_answered_together_where_the_revision_allows_it() {
    let scene = Scene::start(Dialect::Stateless).await;
    let (url, token) = (scene.url(), scene.token.clone());
    let bearer = format!("Bearer {token}");
    let session = Session::open_as(&url, &token, "2025-03-26", json!({})).await;
    let headers = [ACCEPT, ("authorization", &*bearer), ("mcp-session-id", &*session.id)];
    let call = |id: u32, n: u32| json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": "echo", "arguments": {"n": n}}});
    let note = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let batch =
        json!([call(1, 10), note, {"jsonrpc": "2.0", "id": 2, "method": "ping"}, call(3, 30), 7]);
    let (status, answers) = http::post_json(&url, &headers, &batch).await;
    assert_eq!(status, 200, "{answers}");
    let ids: Vec<&Value> = answers.as_array().unwrap().iter().map(|a| &a["id"]).collect();
    assert_eq!(ids, [&json!(1), &json!(2), &json!(3), &Value::Null], "{answers}");
    assert_eq!(answers[2]["result"]["content"][1]["text"], r#"{"n":30}"#);
    let (status, _) = http::post_json(&url, &headers, &json!([note])).await;
    assert_eq!(status, 202);
    for bad in [json!([]), Value::Array(vec![note.clone(); 33])] {
        let (status, answer) = http::post_json(&url, &headers, &bad).await;
        assert_eq!((status, &answer["error"]["code"]), (400, &json!(-32600)), "{answer}");
    }
    let newer = Session::open(&url, &token).await;
    assert_eq!(newer.post(&batch).await.0, 400);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn the_oldest_transport_is_served_on_demand_and_enforces_the_same() {
    let scene = Scene::start(Dialect::Sessions).await;
    let bearer = format!("Bearer {}", scene.token);
    let headers = [("accept", "text/event-stream"), ("authorization", &*bearer)];
    let reply = http::ask("GET", &scene.gateway.url("/sse"), &headers, "").await;
    assert_eq!(reply.status, 404, "{reply:?}");
    let other = format!("Bearer {}", scene.other);
    let dir = scene.gateway.stop().await;

    let options = ServeOptions {
        data_dir: dir.path().to_owned(),
        listen: "127.0.0.1:0".parse().unwrap(),
        master_key: Some(MasterKeySource::File(dir.path().join("master.key"))),
        web_view: None,
        passphrase: None,
        strict_audit: false,
        legacy_sse: true,
    };
    let running = support::start(options, Timeouts::default()).await.unwrap();
    let url = |path: &str| format!("http://{}{path}", running.address());
    let refused = http::ask("GET", &url("/sse"), &headers[..1], "").await;
    assert_eq!(refused.status, 401);
    let response = http::send("GET", &url("/sse/all"), &headers, "").await;
    let (place, mut events) = mcp::endpoint_and_events(response).await;
    assert!(place.starts_with("/sse/all?session="), "{place}");
    let post = async |headers: &[(&str, &str)], message: Value| {
        http::post_json(&url(&place), headers, &message).await.0
    };
    let bearer_header = ("authorization", &*bearer);
    let can = json!({"elicitation": {}});
    let params = json!({"protocolVersion": "2024-11-05", "capabilities": can, "clientInfo": {"name": "old", "version": "0"}});
    let greeting = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params});
    assert_eq!(post(&[bearer_header], greeting).await, 202);
    assert_eq!(events.recv().await.unwrap()["result"]["protocolVersion"], "2024-11-05");
    let call = |id: u32, tool: &str| json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool, "arguments": {}}});
    assert_eq!(post(&[bearer_header], call(2, "echo")).await, 202);
    assert_eq!(events.recv().await.unwrap()["id"], 2);
    // It can even be asked.
    assert_eq!(post(&[bearer_header], call(3, "elicit")).await, 202);
    let request = events.recv().await.unwrap();
    assert_eq!(request["method"], "elicitation/create", "{request}");
    let says = json!({"action": "decline"});
    assert_eq!(
        post(&[bearer_header], json!({"jsonrpc": "2.0", "id": request["id"], "result": says}))
            .await,
        202
    );
    assert_eq!(events.recv().await.unwrap()["result"]["structuredContent"]["answer"], says);
    assert_eq!(post(&[bearer_header], call(4, "none")).await, 202);
    assert_eq!(events.recv().await.unwrap()["result"]["isError"], true);
    // Its stream is its caller's alone.
    assert_eq!(post(&[("authorization", &other)], call(5, "echo")).await, 404);
    assert_eq!(post(&[], call(6, "echo")).await, 401);
    running.stop().await;
}
