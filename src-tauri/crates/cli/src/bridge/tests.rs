//! The bridge between a client and a gateway; see [`fake`].

mod fake;

use std::collections::VecDeque;
use std::convert::Infallible;

use futures_util::{StreamExt as _, stream};
use http::{Method, Response};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::*;
use fake::{Body, FakeGateway, PATIENCE, Seen, TestClient, events, eventually, plain};

fn opened(seen: &Seen, session: &str) -> Response<Body> {
    let mut response = seen.answer(json!({
        "protocolVersion": "2025-11-25", "capabilities": {"tools": {"listChanged": true}}
    }));
    response.headers_mut().insert("mcp-session-id", session.parse().unwrap());
    response
}

fn modern(id: u32, method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28"});
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

#[tokio::test]
async fn a_legacy_session_from_initialize_to_delete() {
    let gateway = FakeGateway::start(|seen| match seen.method {
        Method::GET => events(
            &[json!({"method": "notifications/tools/list_changed"})],
            Some(oneshot::channel().1),
        ),
        Method::DELETE => plain(204, ""),
        _ if seen.is("initialize") => opened(seen, "s1"),
        _ if seen.is("tools/list") => events(
            &[
                json!({"method": "notifications/progress"}),
                json!({"id": seen.body["id"], "result": {"tools": []}}),
            ],
            None,
        ),
        _ => plain(202, ""),
    })
    .await;
    let mut client = TestClient::new(gateway.address);
    client.initialize().await;
    // The receiver of a dropped sender is ready at once, so the stream ends
    // and is opened again: the notification may come more than once.
    assert_eq!(client.receive().await["method"], "notifications/tools/list_changed");
    let request = r#"{ "jsonrpc":"2.0", "id":1, "method":"tools/list", "big":123456789012345678901234567890 }"#;
    client.send(request).await;
    loop {
        let message = client.receive().await;
        if message["id"] == 1 {
            break;
        }
    }
    client.close().await;

    let seen = gateway.seen();
    assert!(
        seen.iter()
            .all(|seen| seen.path == "/mcp"
                && seen.header("authorization") == Some("Bearer st_test"))
    );
    let (first, rest) = seen.split_first().unwrap();
    assert!(
        first.header("mcp-session-id").is_none() && first.header("mcp-protocol-version").is_none()
    );
    assert!(rest.iter().all(|seen| seen.header("mcp-session-id") == Some("s1")));
    assert!(rest.iter().all(|seen| seen.header("mcp-protocol-version") == Some("2025-11-25")));
    let list = seen.iter().find(|seen| seen.is("tools/list")).unwrap();
    assert_eq!(list.text, request);
    assert_eq!(list.header("accept"), Some("application/json, text/event-stream"));
    assert_eq!(seen.last().unwrap().method, Method::DELETE);
}

#[tokio::test]
async fn modern_requests_stand_alone() {
    let gateway = FakeGateway::start(|seen| seen.answer(json!({"resultType": "complete"}))).await;
    let mut client = TestClient::new(gateway.address);
    let answer = client.ask(modern(7, "tools/call", json!({"name": "fs__read"}))).await;
    assert_eq!(answer["id"], 7);
    assert_eq!(client.close().await, "");
    let seen = gateway.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].header("mcp-protocol-version"), Some("2026-07-28"));
    assert_eq!(seen[0].header("mcp-method"), Some("tools/call"));
    assert_eq!(seen[0].header("mcp-name"), Some("fs__read"));
}

#[tokio::test]
async fn a_modern_cancel_is_a_disconnect() {
    let (open, closed) = oneshot::channel();
    let mut closed = Some(closed);
    let gateway = FakeGateway::start(move |seen| {
        if seen.body["id"] == 1 { events(&[], closed.take()) } else { seen.answer(json!({})) }
    })
    .await;
    let mut client = TestClient::new(gateway.address);
    client.send(modern(1, "tools/call", json!({"name": "slow"}))).await;
    eventually("the call arrives", || gateway.seen().len() == 1).await;
    client.send(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})).await;
    // The gateway's half of the stream goes away: that is the disconnect.
    let mut open = open;
    timeout(PATIENCE, open.closed()).await.unwrap();
    // Nothing more is said about it, and the next call works.
    assert_eq!(client.ask(modern(2, "tools/list", json!({}))).await["id"], 2);
    assert_eq!(client.close().await, "");
    assert_eq!(gateway.seen().len(), 2);
}

#[tokio::test]
async fn a_legacy_cancel_is_passed_on() {
    let gateway = FakeGateway::start(|seen| match seen {
        _ if seen.is("initialize") => opened(seen, "s1"),
        _ if seen.method == Method::GET => plain(405, ""),
        _ => plain(202, ""),
    })
    .await;
    let mut client = TestClient::new(gateway.address);
    client.initialize().await;
    client.send(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})).await;
    eventually("the cancel arrives", || {
        gateway.seen().iter().any(|it| it.is("notifications/cancelled"))
    })
    .await;
    client.close().await;
}

#[tokio::test]
async fn a_forgotten_session_is_made_anew() {
    let mut sessions = 0;
    let gateway = FakeGateway::start(move |seen| {
        if seen.is("initialize") {
            sessions += 1;
            return opened(seen, &format!("s{sessions}"));
        }
        match (seen.method.clone(), seen.header("mcp-session-id")) {
            (Method::GET, _) => plain(405, ""),
            (_, Some("s1")) if seen.is("tools/call") => plain(404, ""),
            (_, Some("s2")) if seen.is("tools/call") => seen.answer(json!({"ok": true})),
            _ => plain(202, ""),
        }
    })
    .await;
    let mut client = TestClient::new(gateway.address);
    client.initialize().await;
    for id in 1..=8 {
        client.send(json!({"jsonrpc": "2.0", "id": id, "method": "tools/call"})).await;
    }
    let mut answers = 0;
    let mut changed = 0;
    while answers < 8 {
        let message = client.receive().await;
        answers += u32::from(message["result"]["ok"] == true);
        changed += u32::from(message["method"] == "notifications/tools/list_changed");
    }
    assert_eq!(changed, 1);
    client.close().await;
    let seen = gateway.seen();
    assert_eq!(seen.iter().filter(|seen| seen.is("initialize")).count(), 2);
    let initialized = |seen: &&Seen| {
        seen.is("notifications/initialized") && seen.header("mcp-session-id") == Some("s2")
    };
    assert_eq!(seen.iter().filter(initialized).count(), 1);
    assert_eq!(seen.last().unwrap().header("mcp-session-id"), Some("s2"));
}

#[tokio::test]
async fn without_a_gateway_each_request_says_what_to_do_until_it_is_back() {
    let first = FakeGateway::start(|seen| seen.answer(json!({"from": 1}))).await;
    let mut client = TestClient::new(first.address);
    assert_eq!(client.ask(modern(1, "tools/list", json!({}))).await["result"]["from"], 1);
    let address = first.stop().await;
    let answer = client.ask(modern(2, "tools/list", json!({}))).await;
    assert_eq!((&answer["id"], &answer["error"]["data"]["source"]), (&json!(2), &json!("agw mcp")));
    assert!(answer["error"]["message"].as_str().unwrap().contains("agw serve"), "{answer}");
    let second = FakeGateway::start_at(address, |seen| seen.answer(json!({"from": 2}))).await;
    assert_eq!(client.ask(modern(3, "tools/list", json!({}))).await["result"]["from"], 2);
    client.close().await;
    drop(second);
}

#[tokio::test]
async fn refusals_are_answers() {
    let cases = [
        (401, "", "agw agent add"),
        (503, "sealed", "agw status"),
        (
            503,
            r#"{"code":"sealed","message":"The vault is sealed.","next":"Unlock it."}"#,
            "The vault is sealed. Unlock it.",
        ),
        (404, "", "--connection"),
        (
            403,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"bad origin"}}"#,
            "bad origin",
        ),
        (200, "<html>", "--url"),
        (202, "", "without an answer"),
    ];
    let mut replies: VecDeque<Response<Body>> =
        cases.iter().map(|case| plain(case.0, case.1)).collect();
    let gateway = FakeGateway::start(move |_| replies.pop_front().unwrap()).await;
    let mut client = TestClient::new(gateway.address);
    for (id, (status, _, expected)) in (1_u32..).zip(cases) {
        let answer = client.ask(modern(id, "tools/list", json!({}))).await;
        assert_eq!(answer["id"], id, "{answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(expected), "{status}: {message}");
    }
    client.close().await;
}

#[tokio::test]
async fn a_subscription_is_opened_again_when_it_breaks() {
    let mut opened = 0;
    let mut hold = Vec::new();
    let gateway = FakeGateway::start(move |_| {
        let acknowledged = json!({"method": "notifications/subscriptions/acknowledged"});
        let changed = json!({"method": "notifications/tools/list_changed", "nr": opened});
        opened += 1;
        let (open, silent) = oneshot::channel();
        // The first stream breaks at once, the second stays.
        if opened > 1 {
            hold.push(open);
        }
        events(&[acknowledged, changed], Some(silent))
    })
    .await;
    let mut client = TestClient::new(gateway.address);
    client
        .send(modern(
            5,
            "subscriptions/listen",
            json!({"notifications": {"toolsListChanged": true}}),
        ))
        .await;
    let mut heard = Vec::new();
    for _ in 0..4 {
        heard.push(client.receive().await);
    }
    assert_eq!(heard[0]["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(heard[1]["nr"], 0);
    // What the break may have hidden, under the subscription's id.
    assert_eq!(heard[2]["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 5);
    assert_eq!(heard[3]["nr"], 1);
    // A subscription does not hold up the end.
    assert_eq!(client.close().await, "");
}

#[tokio::test]
async fn many_calls_at_once_stay_whole() {
    let gateway = FakeGateway::start(|seen| {
        let padding = "x".repeat(10_000);
        if seen.body["id"].as_u64().unwrap().is_multiple_of(2) {
            return seen.answer(json!({"padding": padding}));
        }
        events(&[json!({"id": seen.body["id"], "result": {"padding": padding}})], None)
    })
    .await;
    let mut client = TestClient::new(gateway.address);
    for id in 0..200 {
        client.send(modern(id, "tools/list", json!({}))).await;
    }
    let mut ids = Vec::new();
    for _ in 0..200 {
        ids.push(client.receive().await["id"].as_u64().unwrap());
    }
    ids.sort_unstable();
    assert_eq!(ids, (0..200).collect::<Vec<u64>>());
    client.close().await;
}

#[tokio::test]
async fn running_calls_are_answered_after_stdin_is_closed() {
    let (open, silent) = oneshot::channel::<()>();
    let mut silent = Some(silent);
    let gateway = FakeGateway::start(move |seen| {
        let answer =
            Bytes::from(format!("data: {}\n\n", json!({"id": seen.body["id"], "result": {}})));
        let silent = silent.take().unwrap();
        let late = stream::once(async move {
            let _ = silent.await;
            Ok::<_, Infallible>(Frame::data(answer))
        });
        let body = StreamBody::new(late).boxed_unsync();
        Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
    })
    .await;
    let mut client = TestClient::new(gateway.address);
    client.send(modern(1, "tools/call", json!({"name": "slow"}))).await;
    eventually("the call arrives", || gateway.seen().len() == 1).await;
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(open);
    });
    assert!(client.close().await.contains("\"id\":1"));
}

/// A call that waits for a person: the client hears that it waits, and does
/// not give up, only if it hears so before the answer.
#[tokio::test]
async fn what_precedes_the_answer_is_passed_on_at_once() {
    for legacy in [false, true] {
        let (approve, approved) = oneshot::channel::<()>();
        let mut approved = Some(approved);
        let gateway = FakeGateway::start(move |seen| {
            if seen.is("initialize") {
                return opened(seen, "s1");
            }
            if !seen.is("tools/call") {
                return plain(if seen.method == Method::GET { 405 } else { 202 }, "");
            }
            let event = |message: Value| {
                Ok::<_, Infallible>(Frame::data(Bytes::from(format!("data: {message}\n\n"))))
            };
            let token = seen.body["params"]["_meta"]["progressToken"].clone();
            let waits = event(json!({
                "jsonrpc": "2.0", "method": "notifications/progress",
                "params": {"progressToken": token, "progress": 1, "message": "waiting for approval"}
            }));
            let answer = event(json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": {}}));
            let approved = approved.take().unwrap();
            let late = stream::once(async move {
                let _ = approved.await;
                answer
            });
            let body = StreamBody::new(stream::iter([waits]).chain(late)).boxed_unsync();
            Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
        })
        .await;
        let mut client = TestClient::new(gateway.address);
        let mut call = modern(1, "tools/call", json!({"name": "fs__write"}));
        if legacy {
            client.initialize().await;
            call["params"]["_meta"] = json!({});
        }
        call["params"]["_meta"]["progressToken"] = json!("p1");
        // The answer is not even written before this one was read.
        let waits = client.ask(call).await;
        assert_eq!(waits["params"]["progressToken"], "p1", "{waits}");
        approve.send(()).unwrap();
        assert_eq!(client.receive().await["id"], 1);
        client.close().await;
    }
}

#[tokio::test]
async fn bad_lines_are_answered_and_do_no_harm() {
    let gateway = FakeGateway::start(|seen| seen.answer(json!({}))).await;
    let mut client = TestClient::new(gateway.address);
    for (line, id, code) in [
        ("garbage".to_owned(), Value::Null, -32700),
        (r#"{"id":1,"method":"a","method":"b"}"#.to_owned(), json!(1), -32600),
        ("x".repeat(MAX_LINE_BYTES + 1), Value::Null, -32600),
    ] {
        client.send(line).await;
        let answer = client.receive().await;
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&id, &json!(code)));
    }
    assert_eq!(client.ask(modern(2, "tools/list", json!({}))).await["id"], 2);
    client.close().await;
    assert_eq!(gateway.seen().len(), 1);
}

#[tokio::test]
async fn the_bridge_ends_when_nobody_reads() {
    let gateway = FakeGateway::start(|seen| seen.answer(json!({}))).await;
    let mut client = TestClient::new(gateway.address);
    client.stdout = BufReader::new(tokio::io::duplex(1).0);
    client.send(modern(1, "tools/list", json!({}))).await;
    timeout(PATIENCE, &mut client.bridge).await.expect("bridge still up").unwrap().unwrap();
}
