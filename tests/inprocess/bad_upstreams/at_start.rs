//! Connections that do not come up: the admin is told why, and agents that
//! there is no such tool.

use std::time::Duration;

use agw_api::{ConnectionHealth, TestReport};
use serde_json::{Value, json};

use super::Office;
use crate::support::{
    eventually,
    upstream::{Fixture, Manner},
};

/// Adds the connection, and looks at it from both sides.
async fn fails_to_start(office: &Office, transport: Value, words: &[&str]) {
    let body = json!({"name": "bad", "transport": transport});
    let added: Value = office.gateway.admin.post("/api/v1/connections", &body).await.unwrap();
    assert_eq!(added["health"], "failed", "{added}");
    let shown = office.show("bad").await;
    let problem = shown.connection.problem.clone().unwrap();
    for word in words {
        assert!(problem.contains(word), "no {word:?} in {problem:?}");
    }
    assert_eq!(shown.connection.tools, 0);
    assert!(shown.starts >= 1, "{shown:?}");
    let report: TestReport =
        office.gateway.admin.post("/api/v1/connections/bad/test", &()).await.unwrap();
    assert!(!report.ok && report.tools == 0, "{report:?}");
    assert!(report.problem.unwrap().contains(words[0]));
    // A grant for all its tools names none that exists.
    let (status, answer) = office.call("bad.echo").await;
    assert_eq!((status, &answer["code"]), (404, &json!("unknown_tool")));
    let answer = office.mcp_call("bad.echo").await;
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    assert!(office.gateway.rest_tools(&office.token).await.is_empty());
    office.gateway.admin.delete("/api/v1/connections/bad").await.unwrap();
}

fn stdio(argv: &[&str]) -> Value {
    json!({"kind": "stdio", "argv": argv})
}

#[tokio::test]
async fn a_command_that_does_not_exist() {
    let office = Office::open().await;
    let words = ["cannot start \"/no/such/server\"", "check the command"];
    fails_to_start(&office, stdio(&["/no/such/server", "--x"]), &words).await;
    fails_to_start(&office, stdio(&["no-such-server-on-the-path"]), &["cannot start"]).await;
    // No shell looks at it.
    fails_to_start(&office, stdio(&["echo hi; sleep 1"]), &["cannot start"]).await;
    office.gateway.stop().await;
}

#[tokio::test]
async fn a_command_that_ends_at_once() {
    let office = Office::open().await;
    let argv = ["sh", "-c", "echo no config found >&2; exit 3"];
    fails_to_start(&office, stdio(&argv), &["exit status: 3", "no config found"]).await;
    fails_to_start(&office, stdio(&["true"]), &["ended before it answered: exit status: 0"]).await;
    fails_to_start(&office, stdio(&["sh", "-c", "kill -9 $$"]), &["signal: 9"]).await;
    office.gateway.stop().await;
}

#[tokio::test]
async fn a_command_that_prints_garbage() {
    let office = Office::open().await;
    let argv = ["sh", "-c", "echo Usage: server [options]; exec sleep 60"];
    let words = ["no answer within", "Usage: server", "no MCP message"];
    fails_to_start(&office, stdio(&argv), &words).await;
    office.gateway.stop().await;
}

#[tokio::test]
async fn a_command_that_never_answers() {
    let office = Office::open().await;
    let argv = ["python3", super::FIXTURE, "silent"];
    let words = ["no answer within", "thinking about initialize"];
    fails_to_start(&office, stdio(&argv), &words).await;
    office.gateway.stop().await;
}

#[tokio::test]
async fn a_server_that_refuses_the_greeting() {
    let office = Office::open().await;
    let argv = ["python3", super::FIXTURE, "refuses"];
    fails_to_start(&office, stdio(&argv), &["refused initialize", "no licence for you"]).await;
    office.gateway.stop().await;
}

#[tokio::test]
async fn a_url_that_answers_badly_from_the_start() {
    let office = Office::open().await;
    let server = Fixture::start().await;
    let elsewhere = Fixture::start().await;
    let http = json!({"kind": "http", "url": server.url()});
    let html = || "<html>".to_owned();
    for (manner, words) in [
        (Manner::Status(401), "refused the gateway's credential with HTTP 401"),
        (Manner::Status(403), "HTTP 403"),
        (Manner::Status(500), "answered with HTTP 500"),
        (Manner::Status(405), "answered with HTTP 405"),
        (Manner::Redirect(elsewhere.url()), "redirects are not followed"),
        (Manner::HalfABody, "half an answer"),
        (Manner::Typed("text/html", html()), "content type is \"text/html\""),
        (Manner::Body(html()), "not a JSON-RPC message"),
        (Manner::Body(r#"{"jsonrpc":"2.0","id":$ID,"result":{}}"#.into()), "protocolVersion"),
        (Manner::Body(r#"[$ID,null,{}]"#.into()), "not a JSON-RPC message"),
        (
            Manner::Body(r#"{"id":$ID,"error":{"code":-32000,"message":"no seat"}}"#.into()),
            "no seat",
        ),
        (Manner::Never, "no answer within"),
    ] {
        server.always_behave(manner);
        fails_to_start(&office, http.clone(), &[words]).await;
    }
    assert_eq!((elsewhere.greetings(), elsewhere.calls().len()), (0, 0), "it was followed");
    server.leave().await;
    fails_to_start(&office, http, &["cannot be reached"]).await;
    office.gateway.stop().await;
}

/// It is tried again with growing delays, and at once when an admin tests it.
#[tokio::test]
async fn a_server_that_recovers_is_ready_again() {
    let office = Office::open().await;
    let server = Fixture::start().await;
    server.always_behave(Manner::Status(500));
    office.gateway.connect_http("bad", &server.url(), &[]).await;
    eventually("it is tried again", Duration::from_secs(20), async || {
        office.show("bad").await.starts >= 3
    })
    .await;
    server.behave_well();
    let report: TestReport =
        office.gateway.admin.post("/api/v1/connections/bad/test", &()).await.unwrap();
    assert!(report.ok && report.tools == 3, "{report:?}");
    let shown = office.show("bad").await;
    assert_eq!(shown.connection.health, ConnectionHealth::Ready);
    assert_eq!(shown.connection.problem, None);
    office.assert_works("bad.echo").await;
    office.gateway.stop().await;
}
