//! The search mode.

use serde_json::json;

use super::Stateless;
use crate::support::{
    Trail as _,
    everything::{Dialect, Scene},
    mcp::Session,
};

#[tokio::test]
async fn a_searching_agent_carries_two_tools_and_reaches_what_is_granted() {
    let scene = Scene::start(Dialect::Sessions).await;
    let url = scene.gateway.url("/mcp?tools=search");
    let session = Session::open(&url, &scene.token).await;
    assert_eq!(session.tool_names().await, ["find_tools", "call_tool"]);
    let found = session.call("find_tools", json!({"query": "elicit something"})).await;
    let found = &found["result"]["structuredContent"];
    assert_eq!(found["tools"][0]["name"], "all__elicit", "{found}");
    assert_eq!(found["tools"][0]["x-unknown"], 7);
    let called =
        session.call("call_tool", json!({"name": "all__echo", "arguments": {"n": 1}})).await;
    assert_eq!(called["result"]["content"][1]["text"], r#"{"n":1}"#, "{called}");
    // For the decision and the trail it is the tool itself.
    let records: Vec<agw_api::AuditRecord> =
        scene.gateway.admin.records("/api/v1/audit?tool=all.echo").await.unwrap();
    assert_eq!(records.len(), 2);
    scene.gateway.grant("ana", "all.echo", "deny").await;
    let denied = session.call("call_tool", json!({"name": "all__echo"})).await;
    assert_eq!(denied["result"]["isError"], true, "{denied}");
    let gone = session.call("find_tools", json!({"query": "echo"})).await;
    assert!(!gone.to_string().contains("all__echo"), "{gone}");
    // Two calls below one do not hide which tool is meant.
    let nested = json!({"name": "call_tool", "arguments": {"name": "all__echo"}});
    let nested = session.call("call_tool", nested).await;
    assert_eq!(nested["result"]["isError"], true, "{nested}");
    scene.gateway.add_user("eve", None).await;
    let eve = scene.gateway.add_agent("eve", "spy", &[]).await;
    let spy = Stateless::new(&url, &eve);
    let nothing = spy.call("find_tools", json!({"query": "elicit"})).await;
    assert_eq!(nothing["result"]["structuredContent"]["matches"], 0, "{nothing}");
    assert_eq!(nothing["result"]["resultType"], "complete");
    let bad = session.call("call_tool", json!({})).await;
    assert_eq!(bad["error"]["code"], -32602, "{bad}");
    scene.gateway.stop().await;
}
