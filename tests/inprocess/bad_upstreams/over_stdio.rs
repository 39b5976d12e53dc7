//! Child processes that start well and then misbehave.

use std::time::Duration;

use agw_api::ConnectionHealth;
use serde_json::json;

use super::Office;
use crate::support::eventually;

/// It can still be called: one bad answer takes nothing else along.
async fn assert_alive(office: &Office) {
    let (status, body) = office.call("bad.env").await;
    assert_eq!(status, 200, "{body}");
    let shown = office.show("bad").await;
    assert_eq!((shown.connection.health, shown.starts), (ConnectionHealth::Ready, 1), "{shown:?}");
}

#[tokio::test]
async fn a_call_that_is_never_answered() {
    let office = Office::open().await;
    office.connect_ready("bad", &["hangs"]).await;
    office.assert_call_fails("bad.echo", 504, "upstream_timeout", "no answer within 3 s").await;
    assert_alive(&office).await;
    office.gateway.stop().await;
}

#[tokio::test]
async fn an_answer_to_another_request() {
    let office = Office::open().await;
    office.connect_ready("bad", &["other-id"]).await;
    office.assert_call_fails("bad.echo", 504, "upstream_timeout", "no answer within 3 s").await;
    assert_alive(&office).await;
    office.gateway.stop().await;
}

#[tokio::test]
async fn a_result_that_is_no_object_and_an_error_that_is_none() {
    let office = Office::open().await;
    for (manner, words) in [("no-object", "result is no object"), ("no-error", "error is no error")]
    {
        office.connect_ready("bad", &[manner]).await;
        office.assert_call_fails("bad.echo", 502, "upstream_malformed", words).await;
        assert_alive(&office).await;
        office.gateway.admin.delete("/api/v1/connections/bad").await.unwrap();
    }
    office.gateway.stop().await;
}

#[tokio::test]
async fn a_server_that_dies_during_a_call_is_started_again() {
    let office = Office::open().await;
    office.connect_ready("bad", &["dies"]).await;
    let (status, body) = office.call("bad.echo").await;
    assert_eq!((status, &body["code"]), (502, &json!("upstream_closed")), "{body}");
    let record = office.newest("outcome", 1).await.remove(0);
    let detail = record.detail.unwrap();
    assert!(detail.contains("exit status: 7") && detail.contains("about to die"), "{detail}");
    eventually("it is started again", Duration::from_secs(20), async || {
        let shown = office.show("bad").await;
        shown.connection.health == ConnectionHealth::Ready && shown.starts >= 2
    })
    .await;
    assert!(office.written("bad").await.contains(&"about to die".to_owned()));
    assert_eq!(office.call("bad.env").await.0, 200);
    let answer = office.mcp_call("bad.echo").await;
    assert_eq!(answer["result"]["_meta"]["dev.aiagentgateway/code"], "upstream_closed", "{answer}");
    office.gateway.stop().await;
}

#[tokio::test]
async fn a_line_without_end() {
    let office = Office::open().await;
    office.connect_ready("bad", &["over-long"]).await;
    let (status, body) = office.call("bad.echo").await;
    assert_eq!((status, &body["code"]), (502, &json!("upstream_closed")), "{body}");
    let record = office.newest("outcome", 1).await.remove(0);
    assert!(record.detail.unwrap().contains("longer than 16777216 bytes"));
    eventually("it is started again", Duration::from_secs(20), async || {
        office.show("bad").await.starts >= 2
    })
    .await;
    office.gateway.stop().await;
}

/// Whatever it may ask of clients, the gateway offers it nothing but `ping`.
#[tokio::test]
async fn a_server_that_asks_back() {
    let office = Office::open().await;
    office.connect_ready("bad", &["asks"]).await;
    let (status, body) = office.call("bad.echo").await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["ping"], json!({"result": {}}));
    for method in ["sampling/createMessage", "roots/list"] {
        assert_eq!(body[method]["error"]["code"], -32601, "{body}");
    }
    office.gateway.stop().await;
}

#[tokio::test]
async fn a_flood_on_stderr_is_kept_in_bounds_and_holds_nothing_up() {
    let office = Office::open().await;
    office.connect_ready("bad", &["floods"]).await;
    office.assert_works("bad.echo").await;
    let written = office.written("bad").await;
    assert!(written.len() <= 200, "{} lines", written.len());
    assert!(written.iter().all(|line| line.len() <= 1_000));
    // The line of 20 MiB ended the capture, not the server; or it was kept in part.
    office.assert_works("bad.echo").await;
    office.gateway.stop().await;
}

#[tokio::test]
async fn lines_that_are_no_messages_are_passed_over() {
    let office = Office::open().await;
    office.connect_ready("bad", &["chatters"]).await;
    office.assert_works("bad.echo").await;
    let written = office.written("bad").await;
    for line in ["loading...", "{\"half\":", "[]", "7"] {
        assert!(written.iter().any(|l| l == line), "no {line:?} in {written:?}");
    }
    office.gateway.stop().await;
}
