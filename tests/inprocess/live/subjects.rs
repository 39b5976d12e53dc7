//! Users, teams, agents, and all of them at once: who is meant by a grant.

use serde_json::{Value, json};

use super::super::scene::Scene;
use crate::support::{InProcess, Trail as _, http, mcp::Session, upstream::Fixture};

/// `fix` is connected; nobody may do anything.
async fn gateway() -> (InProcess, Fixture) {
    let upstream = Fixture::start().await;
    let gateway = InProcess::start().await;
    gateway.connect_http("fix", &upstream.url(), &[]).await;
    (gateway, upstream)
}

/// What the holder may call, found out by listing, by the admin's view of it
/// and by calling.
async fn may_call(gateway: &InProcess, who: &str, token: &str) -> Vec<String> {
    let listed = gateway.rest_tools(token).await;
    let path = format!("/api/v1/tools?as={}", agw_api::segment(who));
    let shown: Vec<agw_api::Tool> = gateway.admin.get(&path).await.unwrap();
    assert_eq!(listed, shown.iter().map(|tool| tool.id.as_str()).collect::<Vec<_>>(), "{who}");
    let session = Session::open(&gateway.url("/mcp"), token).await;
    let by_mcp: Vec<String> = shown.iter().map(|tool| tool.mcp_name.clone()).collect();
    assert_eq!(session.tool_names().await, by_mcp, "{who}");
    for tool in ["fix.echo", "fix.fail", "fix.other"] {
        let (status, _) = gateway.rest_call(token, tool, json!({})).await;
        let expected = if listed.iter().any(|listed| listed == tool) { 200 } else { 403 };
        assert_eq!(status, expected, "{who} {tool}");
    }
    listed
}

async fn last_reason(gateway: &InProcess) -> String {
    let newest: Vec<agw_api::AuditRecord> =
        gateway.admin.records("/api/v1/audit?kind=outcome&limit=1").await.unwrap();
    newest[0].reason.clone().unwrap()
}

/// The scope was made when the owner had everything; the owner's loss is the
/// agent's.
#[tokio::test]
async fn a_sub_token_is_cut_down_to_its_owner_when_it_is_used() {
    let (gateway, _upstream) = gateway().await;
    gateway.add_user("ana", None).await;
    let all = gateway.grant("ana", "fix.*", "allow").await;
    let scope = ["fix.echo", "fix.fail", "elsewhere.*"];
    let scoped = gateway.add_agent("ana", "scoped", &scope).await;
    let whole = gateway.add_agent("ana", "whole", &[]).await;
    let own = gateway.user_token("ana").await;
    assert_eq!(may_call(&gateway, "ana", &own).await.len(), 3);
    assert_eq!(may_call(&gateway, "ana/whole", &whole).await.len(), 3);
    assert_eq!(may_call(&gateway, "ana/scoped", &scoped).await, ["fix.echo", "fix.fail"]);
    gateway.rest_call(&scoped, "fix.other", json!({})).await;
    assert_eq!(last_reason(&gateway).await, "out_of_scope");

    gateway.revoke(&all).await;
    gateway.grant("ana", "fix.fail", "allow").await;
    gateway.grant("ana", "fix.other", "allow").await;
    assert_eq!(may_call(&gateway, "ana/scoped", &scoped).await, ["fix.fail"]);
    assert_eq!(may_call(&gateway, "ana/whole", &whole).await, ["fix.fail", "fix.other"]);

    // A grant of the agent's own widens its scope, never its owner's reach.
    gateway.grant("ana/scoped", "*", "allow").await;
    assert_eq!(may_call(&gateway, "ana/scoped", &scoped).await, ["fix.fail", "fix.other"]);
    gateway.rest_call(&scoped, "fix.echo", json!({})).await;
    assert_eq!(last_reason(&gateway).await, "not_granted");
    gateway.stop().await;
}

#[tokio::test]
async fn a_teams_grants_are_its_members() {
    let (gateway, _upstream) = gateway().await;
    gateway.add_user("ana", Some("sales")).await;
    gateway.add_user("bo", Some("sales")).await;
    gateway.add_user("cy", Some("support")).await;
    let (ana, bo) = (gateway.add_agent("ana", "a", &[]).await, gateway.user_token("bo").await);
    let cy = gateway.user_token("cy").await;
    let granted = gateway.grant("team:sales", "fix.*", "allow").await;
    assert_eq!(may_call(&gateway, "ana/a", &ana).await.len(), 3);
    assert_eq!(may_call(&gateway, "bo", &bo).await.len(), 3);
    assert_eq!(may_call(&gateway, "cy", &cy).await.len(), 0);
    // Deny beats allow, wherever either comes from.
    gateway.grant("bo", "fix.fail", "deny").await;
    gateway.grant("team:sales", "fix.other", "deny").await;
    gateway.grant("ana", "fix.other", "allow").await;
    assert_eq!(may_call(&gateway, "ana/a", &ana).await, ["fix.echo", "fix.fail"]);
    assert_eq!(may_call(&gateway, "bo", &bo).await, ["fix.echo"]);
    gateway.rest_call(&bo, "fix.fail", json!({})).await;
    assert_eq!(last_reason(&gateway).await, "denied_by_grant");
    gateway.revoke(&granted).await;
    assert_eq!(may_call(&gateway, "bo", &bo).await.len(), 0);
    gateway.stop().await;
}

#[tokio::test]
async fn a_deny_for_one_agent_leaves_its_owner_and_the_others_alone() {
    let (gateway, _upstream) = gateway().await;
    gateway.add_user("ana", None).await;
    gateway.grant("ana", "*", "allow").await;
    let one = gateway.add_agent("ana", "one", &[]).await;
    let two = gateway.add_agent("ana", "two", &["fix.*"]).await;
    let own = gateway.user_token("ana").await;
    let denied = gateway.grant("ana/one", "fix.*", "deny").await;
    assert_eq!(may_call(&gateway, "ana/one", &one).await.len(), 0);
    assert_eq!(may_call(&gateway, "ana/two", &two).await.len(), 3);
    assert_eq!(may_call(&gateway, "ana", &own).await.len(), 3);
    // The same subject and tool with the other effect replaces it.
    let replaced = gateway.grant("ana/one", "fix.*", "allow").await;
    assert_eq!((&replaced.id, replaced.version), (&denied.id, denied.version + 1));
    assert_eq!(may_call(&gateway, "ana/one", &one).await.len(), 3);
    gateway.stop().await;
}

#[tokio::test]
async fn pausing_stops_all_calls_until_somebody_resumes() {
    let scene = Scene::start().await;
    let session = Session::open(&scene.gateway.url("/mcp"), &scene.token).await;
    let status: Value = scene.gateway.admin.post("/api/v1/pause", &()).await.unwrap();
    assert_eq!(status["state"], "paused");
    let reply = scene.rest(json!({"tool": "fix.echo"}).to_string()).await;
    assert_eq!((reply.status, &reply.json()["code"]), (503, &json!("paused")));
    assert!(!reply.header("retry-after").is_empty());
    scene.assert_refusal("paused").await;
    let message = json!({"name": "fix__echo", "arguments": {}});
    let message = json!({"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": message});
    let (status, answer) = session.post(&message).await;
    assert_eq!((status, &answer["error"]["data"]["code"]), (503, &json!("paused")), "{answer}");
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(5), &json!(-32603)));
    scene.assert_refusal("paused").await;
    scene.assert_untouched();
    // A client that connects meanwhile is not turned away for good.
    assert_eq!(session.tool_names().await, ["fix__echo"]);
    let Scene { gateway, upstream, token, .. } = scene;

    // It does not wear off.
    let gateway = gateway.restart().await;
    let health: Value = gateway.admin.get("/api/v1/health").await.unwrap();
    assert_eq!(health["state"], "paused");
    assert_eq!(gateway.rest_call(&token, "fix.echo", json!({})).await.0, 503);
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", &*bearer)];
    let reply = http::ask("GET", &gateway.url("/mcp/tools"), &headers, "").await;
    assert_eq!((reply.status, &reply.json()["code"]), (503, &json!("paused")));

    let status: Value = gateway.admin.post("/api/v1/resume", &()).await.unwrap();
    assert_eq!(status["state"], "enforcing");
    crate::support::eventually("calls go through", super::SOON, async || {
        gateway.rest_call(&token, "fix.echo", json!({})).await.0 == 200
    })
    .await;
    assert_eq!(upstream.calls().len(), 1);
    let trail = gateway.audit().await;
    let by_root = |status: &str| {
        trail.iter().any(|record| {
            record.status.as_deref() == Some(status) && record.user.as_deref() == Some("root")
        })
    };
    assert!(by_root("paused") && by_root("resumed"));
    gateway.stop().await;
}
