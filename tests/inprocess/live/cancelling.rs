//! Taking a call back: by hanging up in the stateless era, by a notification
//! in the older one, and not at all over REST.

use std::{path::Path, time::Duration};

use agw_gateway::Timeouts;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, sync::watch};

use super::{
    super::scene::{Scene, stateless, tools_call},
    SOON,
};
use crate::support::{
    InProcess, Trail as _, eventually,
    http::{self},
    mcp::Session,
    upstream::Manner,
};

/// A request of which nobody will read the answer; dropping it hangs up.
async fn write_request(scene: &Scene, path: &str, headers: &str, body: &str) -> TcpStream {
    let address = scene.gateway.url("").replace("http://", "");
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\n{headers}content-length: {}\r\n\r\n{body}",
        scene.token,
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

async fn reached(scene: &Scene, calls: usize) {
    eventually("the call reaches the upstream", SOON, async || {
        scene.upstream.calls().len() == calls
    })
    .await;
}

async fn outcome(gateway: &InProcess, status: &str) {
    eventually(&format!("an outcome {status:?}"), SOON, async || {
        let path = "/api/v1/audit?kind=outcome&limit=1";
        let newest: Vec<agw_api::AuditRecord> = gateway.admin.records(path).await.unwrap();
        newest.first().is_some_and(|record| record.status.as_deref() == Some(status))
    })
    .await;
}

const MODERN: &str =
    "mcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: fix__echo\r\n";

#[tokio::test]
async fn hanging_up_cancels_a_stateless_call() {
    let scene = Scene::start().await;
    let (_open, gate) = watch::channel(false);
    scene.upstream.behave(Manner::Held(gate));
    let body = stateless("tools/call", json!({"name": "fix__echo", "arguments": {}}));
    let stream = write_request(&scene, "/mcp", MODERN, &body.to_string()).await;
    reached(&scene, 1).await;
    assert!(scene.upstream.cancelled().is_empty());
    drop(stream);
    outcome(&scene.gateway, "cancelled").await;
    // By the id that the gateway gave the request, not by the agent's.
    assert_eq!(scene.upstream.cancelled().len(), 1);
    assert!(scene.upstream.cancelled()[0].is_u64());
    scene.gateway.stop().await;
}

/// The same to a child process.
#[tokio::test]
async fn a_child_is_told_of_the_cancellation() {
    let scene = Scene::start().await;
    let file = scene.gateway.dir.path().join("cancelled.json");
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/stdio_server.py");
    let argv = ["python3", fixture, "records-cancel", file.to_str().unwrap()];
    scene.gateway.connect_stdio("child", &argv, &[]).await;
    scene.gateway.grant("ana", "child.echo", "allow").await;
    let body = stateless("tools/call", json!({"name": "child__echo", "arguments": {}}));
    let headers = MODERN.replace("fix__echo", "child__echo");
    let stream = write_request(&scene, "/mcp", &headers, &body.to_string()).await;
    eventually("its intent is recorded", SOON, async || {
        let path = "/api/v1/audit?kind=intent&tool=child.echo";
        let intents: Vec<Value> = scene.gateway.admin.records(path).await.unwrap();
        intents.len() == 1
    })
    .await;
    drop(stream);
    outcome(&scene.gateway, "cancelled").await;
    let told = async || read_json(&file).is_some();
    eventually("the child hears of it", SOON, told).await;
    let ids = read_json(&file).unwrap();
    assert_eq!(ids[0], ids[1], "the call and the cancellation name the same request");
    scene.gateway.stop().await;
}

fn read_json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// In the older era and over REST a lost connection means nothing: the effect
/// may be wanted, and the outcome is recorded.
#[tokio::test]
async fn hanging_up_cancels_no_other_call() {
    let scene = Scene::start().await;
    let (open, gate) = watch::channel(false);
    scene.upstream.behave(Manner::Held(gate));
    let session = Session::open(&scene.gateway.url("/mcp"), &scene.token).await;
    let in_session = format!("mcp-session-id: {}\r\n", session.id);
    let call = tools_call("fix__echo", json!({}));
    let streams = [
        write_request(&scene, "/mcp", &in_session, &call).await,
        write_request(&scene, "/mcp", "", &call).await,
        write_request(&scene, "/mcp/tools/call", "", &json!({"tool": "fix.echo"}).to_string())
            .await,
    ];
    reached(&scene, 3).await;
    drop(streams);
    // Long enough to notice that they have gone.
    tokio::time::sleep(Duration::from_millis(300)).await;
    open.send_replace(true);
    eventually("all three end well", SOON, async || {
        let path = "/api/v1/audit?kind=outcome";
        let outcomes: Vec<agw_api::AuditRecord> = scene.gateway.admin.records(path).await.unwrap();
        outcomes.len() == 3 && outcomes.iter().all(|r| r.status.as_deref() == Some("ok"))
    })
    .await;
    assert!(scene.upstream.cancelled().is_empty());
    scene.gateway.stop().await;
}

/// Only the session that the call was made in can cancel it.
#[tokio::test]
async fn a_notification_cancels_a_call_of_its_own_session() {
    let scene = Scene::start().await;
    let (_open, gate) = watch::channel(false);
    scene.upstream.behave(Manner::Held(gate));
    let session = Session::open(&scene.gateway.url("/mcp"), &scene.token).await;
    let sibling = Session::open(&scene.gateway.url("/mcp"), &scene.token).await;
    scene.gateway.add_user("bo", None).await;
    let bo = scene.gateway.add_agent("bo", "claude", &[]).await;
    let stranger = Session::open(&scene.gateway.url("/mcp"), &bo).await;
    let cancel = |id: Value| {
        let params = json!({"requestId": id, "reason": "changed my mind"});
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params})
    };
    let call = session.call("fix__echo", json!({}));
    let meanwhile = async {
        reached(&scene, 1).await;
        for other in [&sibling, &stranger] {
            assert_eq!(other.post(&cancel(json!(1))).await.0, 202);
        }
        // Another agent that has learnt the session's id.
        let bearer = format!("Bearer {bo}");
        let headers = [("authorization", &*bearer), ("mcp-session-id", &*session.id)];
        http::post_json(&scene.gateway.url("/mcp"), &headers, &cancel(json!(1))).await;
        for other in [json!(2), json!("1"), json!(null)] {
            assert_eq!(session.post(&cancel(other)).await.0, 202);
        }
        assert_eq!(session.tool_names().await, ["fix__echo"]);
        assert!(scene.upstream.cancelled().is_empty());
        assert_eq!(session.post(&cancel(json!(1))).await.0, 202);
    };
    let (answer, ()) = tokio::join!(call, meanwhile);
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    outcome(&scene.gateway, "cancelled").await;
    assert_eq!(scene.upstream.cancelled().len(), 1);
    scene.gateway.stop().await;
}

/// An upstream that does not hear of it holds nobody up.
#[tokio::test]
async fn cancelling_needs_no_help_from_the_upstream() {
    let scene = Scene::start_with(Timeouts { call: SOON * 4, ..Timeouts::default() }).await;
    let (_open, gate) = watch::channel(false);
    scene.upstream.behave(Manner::Held(gate));
    let session = Session::open(&scene.gateway.url("/mcp"), &scene.token).await;
    let call = session.call("fix__echo", json!({}));
    let meanwhile = async {
        reached(&scene, 1).await;
        scene.upstream.always_behave(Manner::Never);
        let params = json!({"requestId": 1});
        let note = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params});
        assert_eq!(session.post(&note).await.0, 202);
    };
    let answered = tokio::time::timeout(SOON, async { tokio::join!(call, meanwhile) }).await;
    let (answer, ()) = answered.expect("an answer, long before the call's time is up");
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    outcome(&scene.gateway, "cancelled").await;
    scene.gateway.stop().await;
}
