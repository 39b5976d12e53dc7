//! Servers that mean harm: what they do ends within bounds, and the
//! connection works again afterwards.

use std::time::{Duration, Instant};

use agw_api::ConnectionHealth;
use serde_json::json;

use super::Office;
use crate::support::upstream::{Fixture, Manner};

/// A call to a server of this manner fails with this code, soon; then the
/// server is good again.
async fn ends(server: Fixture, manner: Manner, code: &str) {
    let office = Office::open().await;
    office.gateway.connect_http("bad", &server.url(), &[]).await;
    server.behave(manner);
    let began = Instant::now();
    let (status, body) = office.call("bad.echo").await;
    assert_eq!((status / 100, &body["code"]), (5, &json!(code)), "{body}");
    assert!(began.elapsed() < Duration::from_secs(20));
    server.behave_well();
    office.assert_works("bad.echo").await;
    assert_eq!(office.show("bad").await.connection.health, ConnectionHealth::Ready);
    office.gateway.stop().await;
}

fn event(message: &str) -> Manner {
    Manner::Endless(format!("data: {message}\n\n"))
}

#[tokio::test]
async fn a_stream_without_end_or_answer() {
    let quiet = format!(": {}\n", "x".repeat(64 << 10));
    ends(Fixture::start().await, Manner::Endless(quiet), "upstream_too_large").await;
}

#[tokio::test]
async fn a_flood_of_progress() {
    let note = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "progress": 1, "message": "x".repeat(16 << 10)}});
    ends(Fixture::start().await, event(&note.to_string()), "upstream_too_large").await;
}

#[tokio::test]
async fn a_flood_of_lists_that_change() {
    let note = json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed", "params": {"x": "x".repeat(16 << 10)}});
    ends(Fixture::start().await, event(&note.to_string()), "upstream_too_large").await;
}

#[tokio::test]
async fn a_flood_of_questions() {
    let ask = json!({"jsonrpc": "2.0", "id": 1, "method": "elicitation/create", "params": {}});
    ends(Fixture::start().await, event(&ask.to_string()), "upstream_malformed").await;
}

#[tokio::test]
async fn one_event_of_enormous_size() {
    let line = format!("data: {}\n", "x".repeat(64 << 10));
    ends(Fixture::start().await, Manner::Endless(line), "upstream_too_large").await;
    let unended = "x".repeat(64 << 10);
    ends(Fixture::start().await, Manner::Endless(unended), "upstream_too_large").await;
}

#[tokio::test]
async fn an_answer_that_drips() {
    ends(Fixture::start().await, Manner::Drips, "upstream_timeout").await;
}

/// Whatever it is answered, it wants more.
#[tokio::test]
async fn a_server_that_never_has_enough() {
    let server = Fixture::modern().await;
    let wanted = json!({"a": {"method": "elicitation/create", "params": {"message": "?"}}});
    ends(server.clone(), Manner::Wants(wanted, usize::MAX), "upstream_malformed").await;
    assert!(server.calls().len() <= 17, "{}", server.calls().len());
}

#[tokio::test]
async fn a_server_that_wants_what_nobody_offers() {
    let unknown = json!({"a": {"method": "secrets/read", "params": {}}});
    ends(Fixture::modern().await, Manner::Wants(unknown, 1), "upstream_malformed").await;
    let roots = json!({"a": {"method": "roots/list"}});
    ends(Fixture::modern().await, Manner::Wants(roots, 1), "client_unanswered").await;
    let wrong = json!({"a": {"method": "roots/list", "params": [1]}});
    ends(Fixture::modern().await, Manner::Wants(wrong, 1), "upstream_malformed").await;
    ends(Fixture::modern().await, Manner::Wants(json!([7]), 1), "upstream_malformed").await;
}

/// Neither a call nor the question how it speaks follows it.
#[tokio::test]
async fn a_redirect_to_the_metadata_address() {
    let to = || Manner::Redirect("http://169.254.169.254/latest/meta-data/".into());
    for server in [Fixture::start().await, Fixture::modern().await] {
        ends(server.clone(), to(), "upstream_redirect").await;
        let office = Office::open().await;
        server.always_behave(to());
        office.gateway.connect_http("bad", &server.url(), &[]).await;
        let problem = office.show("bad").await.connection.problem.unwrap();
        assert!(problem.contains("redirects are not followed"), "{problem}");
        office.gateway.stop().await;
    }
}

/// Only ids that JSON-RPC knows are answered, each as often as it was asked.
#[tokio::test]
async fn requests_with_odd_ids() {
    let office = Office::open().await;
    office.connect_ready("bad", &["odd-ids"]).await;
    let (status, body) = office.call("bad.echo").await;
    assert_eq!((status, &body["heard"]), (200, &json!([-7, "7", "7", "last"])), "{body}");
    office.gateway.stop().await;
}

#[tokio::test]
async fn a_list_without_end() {
    let server = Fixture::start().await;
    let tool = |n: usize| json!({"name": format!("t{n}"), "inputSchema": {"type": "object"}});
    server.list((0..5_001).map(tool).collect());
    let office = Office::open().await;
    office.gateway.connect_http("bad", &server.url(), &[]).await;
    let problem = office.show("bad").await.connection.problem.unwrap();
    assert!(problem.contains("more than 5000 tools"), "{problem}");
    server.list((0..5_000).map(tool).collect());
    let report: agw_api::TestReport =
        office.gateway.admin.post("/api/v1/connections/bad/test", &()).await.unwrap();
    assert_eq!((report.ok, report.tools), (true, 5_000));
    office.gateway.stop().await;
}
