//! Grants and sub-tokens that end by themselves.

use agw_api::{Agent, Explanation, GrantOutcome};
use serde_json::{Value, json};

use super::{
    super::{admin_api::ask, scene::Scene},
    SOON, grants,
};
use crate::support::{eventually, mcp, mcp::Session};

#[tokio::test]
async fn a_grant_that_expires_is_gone_at_once_and_agents_are_told() {
    let scene = Scene::start().await;
    let Scene { gateway, token, upstream, .. } = &scene;
    let url = gateway.url("/mcp");
    let session = Session::open(&url, token).await;
    let mut older = session.listen().await;
    let mut newer = mcp::subscribe(&url, token, &json!(1)).await;
    newer.recv().await.expect("it is acknowledged");
    let body = json!({"subject": "ana", "tool": "fix.echo", "effect": "allow", "expires": "1s"});
    let grant = gateway.grant_with(body).await;
    assert!(grant.expires_at.is_some());
    assert_eq!(gateway.rest_call(token, "fix.echo", json!({})).await.0, 200);
    for stream in [&mut older, &mut newer] {
        let message = tokio::time::timeout(SOON, stream.recv()).await.expect("news soon").unwrap();
        assert_eq!(message["method"], "notifications/tools/list_changed", "{message}");
    }
    // Told when it is so, not before.
    let (status, body) = gateway.rest_call(token, "fix.echo", json!({})).await;
    assert_eq!((status, &body["code"]), (403, &json!("not_granted")));
    assert_eq!(session.tool_names().await, [""; 0]);
    assert_eq!(upstream.calls().len(), 1);
    let body = json!({"caller": "ana/claude", "tool": "fix.echo"});
    let explained: Explanation = gateway.admin.post("/api/v1/explain", &body).await.unwrap();
    assert_eq!(explained.steps[0].outcome, GrantOutcome::Expired);

    // It is still there to be seen and to be made good.
    let [expired] = &grants(gateway).await[..] else { panic!("one grant") };
    let body = json!({"subject": "ana", "tool": "fix.echo", "effect": "allow", "expires": expired.expires_at, "rate": "9/s", "version": expired.version});
    let path = format!("/api/v1/grants/{}", expired.id);
    assert_eq!(ask(&gateway.admin, "PUT", &path, body.clone()).await.0, 200, "as it was");
    assert_eq!(gateway.rest_call(token, "fix.echo", json!({})).await.0, 403);
    for bad in ["2020-01-01T00:00:00Z", "0s", "tomorrow", "11y", ""] {
        let mut bad_body = body.clone();
        bad_body["version"] = json!(expired.version + 1);
        bad_body["expires"] = json!(bad);
        assert_eq!(ask(&gateway.admin, "PUT", &path, bad_body).await.0, 422, "{bad:?}");
    }
    let mut longer = body;
    longer["version"] = json!(expired.version + 1);
    longer["expires"] = json!("1h");
    assert_eq!(ask(&gateway.admin, "PUT", &path, longer).await.0, 200);
    assert_eq!(gateway.rest_call(token, "fix.echo", json!({})).await.0, 200);
    scene.gateway.stop().await;
}

/// A denial that expires gives nothing that was not there before.
#[tokio::test]
async fn a_denial_that_expires_lets_calls_through_again() {
    let scene = Scene::start().await;
    let Scene { gateway, token, .. } = &scene;
    let session = Session::open(&gateway.url("/mcp"), token).await;
    let body = json!({"subject": "ana", "tool": "fix.*", "effect": "deny", "expires": "1s"});
    gateway.grant_with(body).await;
    let mut stream = session.listen().await;
    assert_eq!(gateway.rest_call(token, "fix.echo", json!({})).await.0, 403);
    let message = tokio::time::timeout(SOON, stream.recv()).await.expect("news soon").unwrap();
    assert_eq!(message["method"], "notifications/tools/list_changed", "{message}");
    assert_eq!(gateway.rest_call(token, "fix.echo", json!({})).await.0, 200);
    assert_eq!(gateway.rest_call(token, "fix.fail", json!({})).await.0, 403);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_sub_token_that_expires_ends_its_streams_and_opens_nothing() {
    let scene = Scene::start().await;
    let Scene { gateway, upstream, .. } = &scene;
    let url = gateway.url("/mcp");
    let brief = gateway.add_agent_with("ana", json!({"name": "brief", "ttl_seconds": 1})).await;
    let session = Session::open(&url, &brief).await;
    let mut older = session.listen().await;
    let mut newer = mcp::subscribe(&url, &brief, &json!(1)).await;
    newer.recv().await.expect("it is acknowledged");
    assert_eq!(gateway.rest_call(&brief, "fix.echo", json!({})).await.0, 200);
    for stream in [&mut older, &mut newer] {
        let end = tokio::time::timeout(SOON, stream.recv()).await.expect("the end soon");
        assert_eq!(end, None);
    }
    let (status, body) = gateway.rest_call(&brief, "fix.echo", json!({})).await;
    assert_eq!((status, &body["code"]), (401, &json!("token_expired")), "{body}");
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let (status, body) = session.post(&ping).await;
    assert_eq!((status, &body["error"]["data"]["code"]), (401, &json!("token_expired")), "{body}");
    scene.last_outcome().await;
    assert_eq!(upstream.calls().len(), 1);

    // Given more time, the same token goes on, and a shorter one ends it.
    let agents: Vec<Agent> = gateway.admin.get("/api/v1/agents?user=ana").await.unwrap();
    let agent = agents.iter().find(|agent| agent.name == "brief").unwrap();
    let path = "/api/v1/users/ana/agents/brief";
    let body = json!({"scope": [], "expires": "1h", "version": agent.version});
    let longer: Agent = gateway.admin.put(path, &body).await.unwrap();
    assert_eq!(gateway.rest_call(&brief, "fix.echo", json!({})).await.0, 200);
    let body = json!({"scope": [], "expires": "1s", "version": longer.version});
    let _: Agent = gateway.admin.put(path, &body).await.unwrap();
    eventually("it has ended", SOON, async || {
        gateway.rest_call(&brief, "fix.echo", json!({})).await.0 == 401
    })
    .await;
    scene.gateway.stop().await;
}

/// Also when the service was down at that moment.
#[tokio::test]
async fn what_has_expired_stays_so_after_a_restart() {
    let Scene { gateway, token, .. } = Scene::start().await;
    let body = json!({"subject": "ana", "tool": "fix.echo", "effect": "allow", "expires": "1s"});
    let grant = gateway.grant_with(body).await;
    let brief = gateway.add_agent_with("ana", json!({"name": "brief", "ttl_seconds": 1})).await;
    let gateway = gateway.restart().await;
    eventually("both have expired", SOON, async || {
        let by_grant = gateway.rest_call(&token, "fix.echo", json!({})).await;
        let by_token = gateway.rest_call(&brief, "fix.other", json!({})).await;
        (by_grant.0, by_token.0) == (403, 401)
    })
    .await;
    let shown: Vec<Value> = gateway.admin.get("/api/v1/grants").await.unwrap();
    assert_eq!(shown[0]["expires_at"], json!(grant.expires_at));
    gateway.stop().await;
}
