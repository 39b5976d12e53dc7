//! The shortest whole path: set up, connect, grant, call, deny, read the trail.

use serde_json::json;

use crate::support::{InProcess, mcp, upstream::Fixture};

#[tokio::test]
async fn a_granted_call_goes_through_and_any_other_is_denied() {
    let upstream = Fixture::start().await;
    let gateway = InProcess::start().await;
    gateway.connect_http("fix", &upstream.url(), &[]).await;
    gateway.add_user("ana", None).await;
    let token = gateway.add_agent("ana", "claude", &[]).await;
    gateway.grant("ana", "fix.echo", "allow").await;

    let (status, body) = gateway.rest_call(&token, "fix.echo", json!({"text": "hi"})).await;
    assert_eq!((status, &body), (200, &json!({"echo": {"text": "hi"}})));
    let (status, body) = gateway.rest_call(&token, "fix.fail", json!({})).await;
    assert_eq!(status, 403);
    assert_eq!(body["code"], "not_granted");

    let session = mcp::Session::open(&gateway.url("/mcp"), &token).await;
    let names = session.tool_names().await;
    assert_eq!(names, ["fix__echo"]);
    let result = session.call("fix__echo", json!({"text": "ho"})).await;
    assert_eq!(result["result"]["structuredContent"], json!({"echo": {"text": "ho"}}));
    let denied = session.call("fix__fail", json!({})).await;
    assert_eq!(denied["result"]["isError"], true);

    let trail = gateway.audit().await;
    let outcomes: Vec<_> = trail
        .iter()
        .filter(|r| r.kind == "outcome")
        .map(|r| (r.tool.as_deref().unwrap(), r.status.as_deref().unwrap()))
        .collect();
    let expected =
        [("fix.fail", "denied"), ("fix.echo", "ok"), ("fix.fail", "denied"), ("fix.echo", "ok")];
    assert_eq!(outcomes, expected);
    assert!(trail.iter().filter(|r| r.kind == "intent").all(|r| r.user.as_deref() == Some("ana")));
    assert_eq!(upstream.calls().len(), 2);
    gateway.stop().await;
}
