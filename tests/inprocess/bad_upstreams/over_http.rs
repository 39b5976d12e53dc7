//! Servers at a URL that start well and then misbehave.

use std::time::Duration;

use agw_api::ConnectionHealth;
use serde_json::json;

use super::Office;
use crate::support::{
    eventually, http,
    upstream::{Fixture, Manner},
};

async fn office_with(server: &Fixture) -> Office {
    let office = Office::open().await;
    office.gateway.connect_http("bad", &server.url(), &[]).await;
    office.assert_works("bad.echo").await;
    office
}

/// One manner, one code; the connection stays as ready as it was.
async fn fails_with(manner: Manner, status: u16, code: &str, words: &str) {
    let server = Fixture::start().await;
    let office = office_with(&server).await;
    server.behave(manner);
    office.assert_call_fails("bad.echo", status, code, words).await;
    let reached = server.calls().len();
    assert_eq!(reached, 3, "a call was made again");
    let shown = office.show("bad").await.connection;
    assert_eq!((shown.health, shown.tools), (ConnectionHealth::Ready, 3), "{shown:?}");
    server.behave(Manner::Echo);
    office.assert_works("bad.echo").await;
    office.gateway.stop().await;
}

fn body(text: &str) -> Manner {
    Manner::Body(text.to_owned())
}

fn stream(text: &str) -> Manner {
    Manner::Typed("text/event-stream", text.to_owned())
}

#[tokio::test]
async fn an_answer_of_401() {
    fails_with(Manner::Status(401), 502, "upstream_unauthorized", "check the connection's").await;
}

#[tokio::test]
async fn an_answer_of_500() {
    fails_with(Manner::Status(500), 502, "upstream_status", "HTTP 500").await;
}

#[tokio::test]
async fn half_a_body() {
    fails_with(Manner::HalfABody, 502, "upstream_closed", "half an answer").await;
}

#[tokio::test]
async fn another_content_type() {
    let page = Manner::Typed("text/html", "<html>".into());
    fails_with(page, 502, "upstream_malformed", "text/html").await;
}

#[tokio::test]
async fn a_body_that_is_no_message() {
    for text in ["{", "", "null", "[]", r#"[$ID,null,{"content":[]}]"#, "\u{feff}{}"] {
        fails_with(body(text), 502, "upstream_malformed", "not a JSON-RPC message").await;
    }
}

#[tokio::test]
async fn an_answer_to_another_request() {
    for id in ["999999", "\"$ID\"", "null", "$ID.0"] {
        let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[]}}}}"#);
        fails_with(body(&text), 502, "upstream_malformed", "another request").await;
    }
}

#[tokio::test]
async fn results_that_are_none() {
    for (text, words) in [
        (r#"{"id":$ID,"result":[1]}"#, "its result is no object"),
        (r#"{"id":$ID,"result":"ok"}"#, "its result is no object"),
        (r#"{"id":$ID,"result":{"isError":"yes"}}"#, "its result is no object"),
        (r#"{"id":$ID,"result":{"isError":true,"isError":false}}"#, "its result is no object"),
        (r#"{"id":$ID,"result":{},"result":{"a":1}}"#, "not a JSON-RPC message"),
        (r#"{"id":$ID,"result":{},"error":{"code":1,"message":"x"}}"#, "neither"),
        (r#"{"id":$ID}"#, "neither"),
        (r#"{"id":$ID,"error":"boom"}"#, "its error is no error"),
        (r#"{"id":$ID,"error":{"message":"boom"}}"#, "its error is no error"),
        (r#"{"id":$ID,"error":[1,"boom"]}"#, "its error is no error"),
    ] {
        fails_with(body(text), 502, "upstream_malformed", words).await;
    }
}

#[tokio::test]
async fn a_call_that_is_never_answered() {
    fails_with(Manner::Never, 504, "upstream_timeout", "no answer within 3 s").await;
}

#[tokio::test]
async fn an_answer_without_end() {
    let endless = format!(r#"{{"id":$ID,"result":{{"x":"{}"}}}}"#, "x".repeat(17 << 20));
    fails_with(body(&endless), 502, "upstream_too_large", "longer than 16777216 bytes").await;
}

#[tokio::test]
async fn event_streams_without_the_answer() {
    let other = "data: {\"jsonrpc\":\"2.0\",\"id\":999999,\"result\":{}}\n\n";
    fails_with(stream(other), 502, "upstream_closed", "ended without the answer").await;
    fails_with(stream("data: garbage\n\n"), 502, "upstream_malformed", "no").await;
    // Cut off before the empty line that ends an event.
    let half = "data: {\"id\":$ID,\"result\":{}}\n";
    fails_with(stream(half), 502, "upstream_closed", "ended without the answer").await;
}

/// The call, its arguments and its credential go nowhere but where the admin
/// said.
#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed() {
    let elsewhere = Fixture::start().await;
    for location in [elsewhere.url(), "//evil.example/mcp".into(), String::new()] {
        let words = "redirects are not followed";
        fails_with(Manner::Redirect(location), 502, "upstream_redirect", words).await;
    }
    assert_eq!((elsewhere.greetings(), elsewhere.calls().len()), (0, 0));
}

/// An error of the system behind the tool is the tool's own word, not the
/// gateway's.
#[tokio::test]
async fn a_tools_own_errors_are_passed_on() {
    let server = Fixture::start().await;
    let office = office_with(&server).await;
    server.behave(body(r#"{"id":$ID,"error":{"code":-32011,"message":"no such row","data":[7]}}"#));
    let (status, answer) = office.call("bad.echo").await;
    assert_eq!((status, &answer["code"]), (502, &json!("tool_error")));
    assert_eq!(answer["result"]["message"], "no such row", "{answer}");
    let answer = office.mcp_call("bad.echo").await;
    assert_eq!(answer["error"], json!({"code": -32011, "message": "no such row", "data": [7]}));
    server.behave(body(
        r#"{"id":$ID,"result":{"isError":true,"content":[{"type":"text","text":"full"}]}}"#,
    ));
    let (status, answer) = office.call("bad.echo").await;
    assert_eq!((status, &answer["code"]), (502, &json!("tool_error")));
    assert_eq!(answer["result"]["content"][0]["text"], "full", "{answer}");
    let answer = office.mcp_call("bad.echo").await;
    assert_eq!(answer["result"]["isError"], true);
    for record in office.newest("outcome", 4).await {
        assert_eq!(record.status.as_deref(), Some("tool_error"), "{record:?}");
    }
    office.gateway.stop().await;
}

#[tokio::test]
async fn an_event_stream_with_more_than_the_answer() {
    let server = Fixture::start().await;
    let office = office_with(&server).await;
    server.behave(Manner::EchoStream);
    office.assert_works("bad.echo").await;
    // Its own requests are nobody's answer, whatever their id.
    server.behave(stream(
        "id: 1\nretry: 10\n\n: hello\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":$ID,\"method\":\"ping\"}\n\ndata: {\"id\":$ID,\ndata: \"result\":{\"structuredContent\":{\"echo\":{\"text\":\"hi\"}}}}\n\n",
    ));
    office.assert_works("bad.echo").await;
    office.gateway.stop().await;
}

#[tokio::test]
async fn a_forgotten_session_is_opened_again_once() {
    let server = Fixture::start().await;
    let office = office_with(&server).await;
    let greetings = server.greetings();
    server.behave(Manner::ForgetsOnce);
    office.assert_works("bad.echo").await;
    assert_eq!(server.greetings(), greetings + 1);
    // One that forgets every session is not asked for ever.
    server.behave(Manner::Status(404));
    let before = server.calls().len();
    let (status, body) = office.call("bad.echo").await;
    assert_eq!((status, &body["code"]), (502, &json!("upstream_status")), "{body}");
    assert_eq!(server.calls().len(), before + 2);
    office.gateway.stop().await;
}

#[tokio::test]
async fn a_server_that_left_is_noticed() {
    let server = Fixture::start().await;
    let office = office_with(&server).await;
    server.leave().await;
    let (status, body) = office.call("bad.echo").await;
    assert_eq!(status, 502, "{body}");
    let code = body["code"].as_str().unwrap();
    // The pooled connection may be found closed only by writing to it.
    assert!(["upstream_unreachable", "upstream_closed"].contains(&code), "{body}");
    eventually("the admin sees it", Duration::from_secs(20), async || {
        office.call("bad.echo").await;
        office.show("bad").await.connection.health == ConnectionHealth::Failed
    })
    .await;
    let problem = office.show("bad").await.connection.problem.unwrap();
    assert!(problem.contains("reached"), "{problem}");
    let (status, body) = office.call("bad.echo").await;
    assert_eq!((status, &body["code"]), (503, &json!("connection_unavailable")), "{body}");
    office.gateway.stop().await;
}

/// The agent's token and headers stop at the gateway; the upstream gets the
/// gateway's credential and headers made anew.
#[tokio::test]
async fn what_an_agent_sends_along_never_travels() {
    let server = Fixture::start().await;
    server.demand("the-gateways-own");
    let office = Office::open().await;
    office.gateway.connect_http("bad", &server.url(), &[("authorization", "Bearer wrong")]).await;
    let problem = office.show("bad").await.connection.problem.unwrap();
    assert!(problem.contains("HTTP 401"), "{problem}");
    office.gateway.admin.delete("/api/v1/connections/bad").await.unwrap();
    let credential = [("authorization", "Bearer the-gateways-own")];
    office.gateway.connect_http("bad", &server.url(), &credential).await;

    let bearer = format!("Bearer {}", office.token);
    let agents = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("cookie", "a=b"),
        ("forwarded", "for=192.0.2.1"),
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-host", "evil.example"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "bad__echo"),
        ("mcp-param-region", "eu"),
        ("x-anything", "else"),
    ];
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = json!({"name": "bad__echo", "arguments": {"a": 1}, "_meta": meta});
    let body = json!({"jsonrpc": "2.0", "id": "mine", "method": "tools/call", "params": params});
    let url = office.gateway.url("/mcp");
    let reply = http::ask("POST", &url, &agents, body.to_string()).await;
    assert_eq!((reply.status, &reply.json()["id"]), (200, &json!("mine")), "{reply:?}");

    let (headers, params) = server.calls().remove(0);
    assert_eq!(params, json!({"name": "echo", "arguments": {"a": 1}}));
    let names: Vec<&str> = headers.keys().map(|name| name.as_str()).collect();
    let made = [
        "accept",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "mcp-protocol-version",
        "mcp-session-id",
    ];
    assert!(names.iter().all(|name| made.contains(name)), "{names:?}");
    assert_eq!(headers["authorization"], "Bearer the-gateways-own");
    assert_eq!(headers["mcp-protocol-version"], "2025-11-25");
    office.gateway.stop().await;
}
