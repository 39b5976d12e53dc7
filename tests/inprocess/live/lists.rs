//! The tools on offer, while upstreams change, go away and come back.

use agw_api::{AuditRecord, TestReport};
use serde_json::{Value, json};

use super::{super::scene::Scene, SOON, told};
use crate::support::{Trail as _, eventually, mcp::Session};

#[tokio::test]
async fn a_child_that_gains_a_tool_is_listed_again() {
    let scene = Scene::start().await;
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/stdio_server.py");
    scene.gateway.connect_stdio("child", &["python3", fixture, "changes"], &[]).await;
    scene.gateway.grant("ana", "child.*", "allow").await;
    let session = Session::open(&scene.gateway.url("/mcp/child"), &scene.token).await;
    let mut stream = session.listen().await;
    assert_eq!(session.tool_names().await, ["echo", "env", "grow"]);
    session.call("grow", json!({})).await;
    told(&mut stream).await;
    assert_eq!(session.tool_names().await, ["echo", "env", "grow", "grown"]);
    let answer = session.call("grown", json!({"a": 1})).await;
    assert_eq!(answer["result"]["structuredContent"]["echo"]["a"], 1, "{answer}");
    scene.gateway.stop().await;
}

/// An HTTP server's list is read again when an admin tests it.
#[tokio::test]
async fn a_server_whose_list_changed_is_listed_again_on_a_test() {
    let scene = Scene::start().await;
    let session = Session::open(&scene.gateway.url("/mcp"), &scene.token).await;
    let mut stream = session.listen().await;
    let tool = |name: &str, about: &str| json!({"name": name, "description": about, "inputSchema": {"type": "object"}});
    scene.gateway.grant("ana", "fix.new", "allow").await;
    scene.upstream.list(json!([tool("echo", "The tool echo"), tool("new", "With a purpose")]));
    let report: TestReport =
        scene.gateway.admin.post("/api/v1/connections/fix/test", &()).await.unwrap();
    assert_eq!((report.ok, report.tools), (true, 2));
    told(&mut stream).await;
    let list = session.request("tools/list", json!({})).await;
    assert_eq!(list["result"]["tools"][1]["description"], "With a purpose", "{list}");
    // A list that says nothing new is no news.
    let _: TestReport =
        scene.gateway.admin.post("/api/v1/connections/fix/test", &()).await.unwrap();
    scene.upstream.list(json!([]));
    let _: TestReport =
        scene.gateway.admin.post("/api/v1/connections/fix/test", &()).await.unwrap();
    told(&mut stream).await;
    assert!(stream.try_recv().is_err());
    assert_eq!(session.tool_names().await, [""; 0]);
    let (status, body) = scene.gateway.rest_call(&scene.token, "fix.echo", json!({})).await;
    assert_eq!((status, &body["code"]), (404, &json!("unknown_tool")));
    scene.gateway.stop().await;
}

#[tokio::test]
async fn the_tools_of_a_dead_upstream_stay_listed_also_after_a_restart() {
    let scene = Scene::start().await;
    let Scene { gateway, upstream, token, .. } = scene;
    upstream.leave().await;
    let unavailable = async |gateway: &crate::support::InProcess| {
        eventually("calls find the connection unavailable", SOON, async || {
            let (status, body) = gateway.rest_call(&token, "fix.echo", json!({})).await;
            (status, &body["code"]) == (503, &json!("connection_unavailable"))
        })
        .await;
        assert_eq!(gateway.rest_tools(&token).await, ["fix.echo"]);
        let session = Session::open(&gateway.url("/mcp"), &token).await;
        let list = session.request("tools/list", json!({})).await;
        assert_eq!(list["result"]["tools"][0]["name"], "fix__echo");
        assert_eq!(list["result"]["tools"][0]["description"], "The tool echo");
        let answer = session.call("fix__echo", json!({})).await;
        let code = &answer["result"]["_meta"]["dev.aiagentgateway/code"];
        assert_eq!(code, "connection_unavailable", "{answer}");
        let newest: Vec<AuditRecord> =
            gateway.admin.records("/api/v1/audit?kind=outcome&limit=1").await.unwrap();
        let seen = [&newest[0].status, &newest[0].reason].map(Option::as_deref);
        assert_eq!(seen, ["failed", "connection_unavailable"].map(Some));
        let shown: Value = gateway.admin.get("/api/v1/connections/fix").await.unwrap();
        assert_eq!(shown["tools"], 3, "{shown}");
        assert!(shown["problem"].as_str().unwrap().contains("reached"), "{shown}");
    };
    unavailable(&gateway).await;
    let gateway = gateway.restart().await;
    eventually("its start has failed", SOON, async || {
        let shown: Value = gateway.admin.get("/api/v1/connections/fix").await.unwrap();
        shown["health"] == "failed"
    })
    .await;
    unavailable(&gateway).await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_removed_connection_takes_its_tools_along_and_keeps_its_grants() {
    let scene = Scene::start().await;
    let session = Session::open(&scene.gateway.url("/mcp"), &scene.token).await;
    let mut stream = session.listen().await;
    scene.gateway.admin.delete("/api/v1/connections/fix").await.unwrap();
    let (status, body) = scene.gateway.rest_call(&scene.token, "fix.echo", json!({})).await;
    assert_eq!((status, &body["code"]), (404, &json!("unknown_tool")), "{body}");
    told(&mut stream).await;
    assert_eq!(session.tool_names().await, [""; 0]);
    scene.assert_untouched();
    scene.gateway.connect_http("fix", &scene.upstream.url(), &[]).await;
    told(&mut stream).await;
    assert_eq!(session.tool_names().await, ["fix__echo"]);
    assert_eq!(scene.gateway.rest_call(&scene.token, "fix.echo", json!({})).await.0, 200);
    scene.gateway.stop().await;
}
