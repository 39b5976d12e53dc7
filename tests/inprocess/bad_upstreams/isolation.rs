//! One dead upstream never hurts another.

use std::time::Duration;

use agw_api::{ConnectionHealth, Status};
use futures_util::future::join_all;
use serde_json::json;

use super::Office;
use crate::support::{
    eventually, mcp,
    upstream::{Fixture, Manner},
};

#[tokio::test]
async fn calls_of_a_healthy_upstream_go_through_whatever_its_neighbours_do() {
    let office = Office::open().await;
    let (good, hangs) = (Fixture::start().await, Fixture::start().await);
    office.gateway.connect_http("good", &good.url(), &[]).await;
    office.connect_ready("child", &["good"]).await;
    office.gateway.connect_http("hangs", &hangs.url(), &[]).await;
    hangs.behave(Manner::Never);
    // One is missing, one dies whenever it is called, one answers nothing.
    office.gateway.connect_stdio("missing", &["/no/such/server"], &[]).await;
    office.connect_ready("dies", &["dies"]).await;
    office.connect_ready("silent", &["hangs"]).await;
    let other = office.gateway.add_agent("ana", "cursor", &[]).await;
    let stuck = join_all((0..30).flat_map(|_| {
        ["hangs.echo", "silent.echo"].map(|tool| office.gateway.rest_call(&other, tool, json!({})))
    }));
    let work = async {
        eventually("calls hang", Duration::from_secs(20), async || hangs.calls().len() == 30).await;
        for _ in 0..20 {
            office.assert_works("good.echo").await;
            office.assert_works("child.echo").await;
            assert_eq!(office.call("dies.echo").await.0 / 100, 5);
        }
        let session = mcp::Session::open(&office.gateway.url("/mcp"), &office.token).await;
        assert!(session.tool_names().await.contains(&"hangs__echo".to_owned()));
    };
    // While these are stuck the others work; then each is told.
    let (stuck, ()) = tokio::join!(stuck, work);
    for (status, body) in stuck {
        assert_eq!((status, &body["code"]), (504, &json!("upstream_timeout")));
    }
    for name in ["good", "child", "hangs", "silent"] {
        assert_eq!(office.show(name).await.connection.health, ConnectionHealth::Ready, "{name}");
    }
    let status: Status = office.gateway.admin.get("/api/v1/status").await.unwrap();
    assert_eq!(status.connections, 6);
    office.gateway.stop().await;
}

/// Adding waits for the first start, but for nobody else's.
#[tokio::test]
async fn a_connection_that_never_answers_holds_up_no_other_work_of_the_admin() {
    let office = Office::open().await;
    let adding = office.connect_fixture("silent", &["silent"], &[]);
    let others = async {
        office.connect_ready("child", &["good"]).await;
        office.assert_works("child.echo").await;
        let health = office.show("silent").await.connection.health;
        let untouched = health != ConnectionHealth::Ready;
        assert!(untouched, "{health:?}");
    };
    tokio::join!(adding, others);
    office.gateway.stop().await;
}
