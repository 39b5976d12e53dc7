//! Taking something back from an agent that is connected, in both eras.

use serde_json::{Value, json};

use super::{super::scene::Scene, ended, next, told};
use crate::support::mcp::{self, Session, names};

const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

/// A subscription, acknowledged.
async fn subscribe(
    scene: &Scene,
    token: &str,
    id: Value,
) -> tokio::sync::mpsc::UnboundedReceiver<Value> {
    let mut stream = mcp::subscribe(&scene.gateway.url("/mcp"), token, &id).await;
    let first = next(&mut stream).await;
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged", "{first}");
    assert_eq!(first["params"]["_meta"][SUBSCRIPTION], id, "{first}");
    assert_eq!(first["params"]["notifications"], json!({"toolsListChanged": true}));
    stream
}

async fn stateless_call(scene: &Scene, tool: &str) -> Value {
    let params = json!({"name": tool, "arguments": {}});
    let url = scene.gateway.url("/mcp");
    let (status, answer) = mcp::stateless(&url, &scene.token, "tools/call", params).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

#[tokio::test]
async fn a_revoked_grant_is_denied_on_the_next_call_and_the_agent_is_told() {
    let scene = Scene::start().await;
    let session = Session::open(&scene.gateway.url("/mcp"), &scene.token).await;
    let single = Session::open(&scene.gateway.url("/mcp/fix"), &scene.token).await;
    let mut older = session.listen().await;
    let mut at_connection = single.listen().await;
    let mut newer = subscribe(&scene, &scene.token, json!("sub-1")).await;
    assert!(session.call("fix__echo", json!({})).await["result"]["isError"].is_null());
    assert!(stateless_call(&scene, "fix__echo").await["result"]["isError"].is_null());
    assert_eq!(scene.upstream.calls().len(), 2);

    scene.gateway.revoke(&scene.granted).await;

    for answer in [
        session.call("fix__echo", json!({})).await,
        single.call("echo", json!({})).await,
        stateless_call(&scene, "fix__echo").await,
    ] {
        assert_eq!(answer["result"]["isError"], true, "{answer}");
        scene.assert_refusal("not_granted").await;
    }
    assert_eq!(scene.gateway.rest_call(&scene.token, "fix.echo", json!({})).await.0, 403);
    assert_eq!(scene.upstream.calls().len(), 2);
    told(&mut older).await;
    told(&mut at_connection).await;
    assert_eq!(told(&mut newer).await["params"]["_meta"][SUBSCRIPTION], "sub-1");
    assert_eq!(session.tool_names().await, [""; 0]);
    let (_, list) =
        mcp::stateless(&scene.gateway.url("/mcp"), &scene.token, "tools/list", json!({})).await;
    assert_eq!(names(&list), [""; 0]);

    scene.gateway.grant("ana", "fix.*", "allow").await;
    told(&mut older).await;
    told(&mut newer).await;
    assert_eq!(session.tool_names().await, ["fix__echo", "fix__fail", "fix__other"]);
    assert!(session.call("fix__fail", json!({})).await["result"]["isError"].is_null());
    scene.gateway.stop().await;
}

/// Two grants for one tool: what one gives the other's end does not take.
#[tokio::test]
async fn a_change_that_changes_nothing_for_an_agent_is_not_told_to_it() {
    let scene = Scene::start().await;
    scene.gateway.add_user("bo", None).await;
    let bos = scene.gateway.grant("bo", "fix.fail", "allow").await;
    let bo = scene.gateway.add_agent("bo", "claude", &[]).await;
    let mut anas = subscribe(&scene, &scene.token, json!(7)).await;
    let mut bos_stream = subscribe(&scene, &bo, json!(7)).await;
    scene.gateway.grant("ana", "fix.*", "allow").await;
    told(&mut anas).await;
    scene.gateway.revoke(&scene.granted).await;
    assert!(stateless_call(&scene, "fix__echo").await["result"]["isError"].is_null());
    scene.gateway.revoke(&bos).await;
    told(&mut bos_stream).await;
    assert!(anas.try_recv().is_err() && bos_stream.try_recv().is_err());
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_revoked_token_ends_its_streams() {
    let scene = Scene::start().await;
    let other = scene.gateway.add_agent("ana", "cursor", &[]).await;
    let own = scene.gateway.user_token("ana").await;
    let session = Session::open(&scene.gateway.url("/mcp"), &scene.token).await;
    let mut older = session.listen().await;
    let mut newer = subscribe(&scene, &scene.token, json!(1)).await;
    let mut owners = subscribe(&scene, &own, json!(1)).await;
    let mut others = subscribe(&scene, &other, json!(1)).await;

    scene.gateway.admin.delete("/api/v1/users/ana/agents/claude").await.unwrap();
    ended(&mut older).await;
    ended(&mut newer).await;
    let (status, _) = session.post(&json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})).await;
    assert_eq!(status, 401);

    // A new token of the user's own ends the one before.
    scene.gateway.user_token("ana").await;
    ended(&mut owners).await;

    // The other agent's goes on.
    scene.gateway.grant("ana", "fix.fail", "allow").await;
    told(&mut others).await;
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_removed_user_is_out_with_all_agents() {
    let scene = Scene::start().await;
    let own = scene.gateway.user_token("ana").await;
    let session = Session::open(&scene.gateway.url("/mcp"), &scene.token).await;
    let mut older = session.listen().await;
    let mut newer = subscribe(&scene, &own, json!(1)).await;
    assert_eq!(scene.gateway.rest_call(&own, "fix.echo", json!({})).await.0, 200);
    scene.gateway.admin.delete("/api/v1/users/ana").await.unwrap();
    ended(&mut older).await;
    ended(&mut newer).await;
    for token in [&scene.token, &own] {
        let (status, body) = scene.gateway.rest_call(token, "fix.echo", json!({})).await;
        assert_eq!((status, &body["code"]), (401, &json!("token_revoked")));
        assert_eq!(scene.last_outcome().await.user.as_deref(), Some("ana"));
    }
    // Somebody of the same name is somebody else.
    scene.gateway.add_user("ana", None).await;
    let token = scene.gateway.add_agent("ana", "claude", &[]).await;
    assert_eq!(scene.gateway.rest_call(&token, "fix.echo", json!({})).await.0, 403);
    let (status, _) = scene.gateway.rest_call(&scene.token, "fix.echo", json!({})).await;
    assert_eq!(status, 401);
    // What the first one did is still told by name.
    let calls = scene.gateway.audit().await;
    let done = calls.iter().filter(|r| r.status.as_deref() == Some("ok"));
    assert_eq!(done.map(|r| r.user.as_deref()).collect::<Vec<_>>(), [Some("ana")]);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_service_that_stops_ends_all_streams() {
    let scene = Scene::start().await;
    let session = Session::open(&scene.gateway.url("/mcp"), &scene.token).await;
    let mut older = session.listen().await;
    let mut newer = subscribe(&scene, &scene.token, json!("last")).await;
    scene.gateway.stop().await;
    ended(&mut older).await;
    let last = next(&mut newer).await;
    assert_eq!((&last["id"], &last["result"]["resultType"]), (&json!("last"), &json!("complete")));
    ended(&mut newer).await;
}
