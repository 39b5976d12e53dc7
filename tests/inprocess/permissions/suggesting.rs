//! Grants that the trail speaks against: not used, or wider than needed.

use agw_api::{Suggestion, SuggestionKind};
use serde_json::{Value, json};

use super::{
    super::{admin_api::ask, scene::Scene},
    grants, policy_version,
};
use crate::support::InProcess;

async fn suggestions(gateway: &InProcess) -> Vec<Suggestion> {
    gateway.admin.get("/api/v1/suggestions").await.unwrap()
}

async fn make(gateway: &InProcess, suggestion: &Suggestion) -> (u16, Value) {
    ask(&gateway.admin, "POST", "/api/v1/changes", json!(suggestion.change)).await
}

#[tokio::test]
async fn a_fresh_grant_is_not_suggested_for_removal() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    gateway.grant("ana", "fix.*", "allow").await;
    gateway.grant("ana", "mail.*", "ask").await;
    gateway.grant("ana", "*", "deny").await;
    for days in ["", "?days=1", "?days=3650"] {
        let found: Vec<Value> =
            gateway.admin.get(&format!("/api/v1/suggestions{days}")).await.unwrap();
        assert_eq!(found, [json!(null); 0], "{days}");
    }
    for days in ["0", "3651"] {
        let path = format!("/api/v1/suggestions?days={days}");
        assert_eq!(ask(&gateway.admin, "GET", &path, json!(null)).await.0, 422, "{days}");
    }
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_pattern_is_narrowed_to_the_tools_that_were_used() {
    let scene = Scene::start().await;
    let Scene { gateway, token, .. } = &scene;
    gateway.revoke(&scene.granted).await;
    let body = json!({"subject": "ana", "tool": "fix.*", "effect": "allow", "when": "!has(args.n) || args.n < 5", "expires": "1d"});
    let wide = gateway.grant_with(body).await;
    // Denied ones are no use of it.
    gateway.rest_call(token, "fix.fail", json!({"n": 5})).await;
    assert_eq!(suggestions(gateway).await.len(), 0);
    gateway.rest_call(token, "fix.echo", json!({"n": 1})).await;
    gateway.rest_call(token, "fix.other", json!({})).await;
    let [suggestion] = &suggestions(gateway).await[..] else { panic!("one suggestion") };
    assert_eq!(suggestion.kind, SuggestionKind::Narrow);
    assert_eq!(suggestion.grant.id, wide.id);
    assert!(suggestion.reason.contains("covers 3 tools, of which 2"), "{}", suggestion.reason);
    let before = policy_version(gateway).await;
    let (status, made) = make(gateway, suggestion).await;
    assert_eq!(status, 200, "{made}");
    assert_eq!(policy_version(gateway).await, before + 1);
    let now = grants(gateway).await;
    let tools: Vec<&str> = now.iter().map(|grant| grant.tool.as_str()).collect();
    assert_eq!(tools, ["fix.echo", "fix.other"]);
    for grant in &now {
        assert_eq!((&grant.when, &grant.expires_at), (&wide.when, &wide.expires_at));
        assert_eq!((grant.subject.as_str(), grant.effect), ("ana", wide.effect));
    }
    assert_eq!(gateway.rest_call(token, "fix.echo", json!({"n": 1})).await.0, 200);
    assert_eq!(gateway.rest_call(token, "fix.echo", json!({"n": 5})).await.0, 403);
    assert_eq!(gateway.rest_call(token, "fix.fail", json!({})).await.0, 403);
    assert_eq!(suggestions(gateway).await.len(), 0, "nothing is left to narrow");
    // Once made it is stale.
    assert_eq!(make(gateway, suggestion).await.0, 404);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn what_is_used_as_a_whole_or_counted_as_a_whole_is_left_alone() {
    let scene = Scene::start().await;
    let Scene { gateway, token, .. } = &scene;
    gateway.revoke(&scene.granted).await;
    let all = gateway.grant("ana", "fix.*", "allow").await;
    for tool in ["fix.echo", "fix.fail", "fix.other"] {
        gateway.rest_call(token, tool, json!({})).await;
    }
    assert_eq!(suggestions(gateway).await.len(), 0);
    gateway.revoke(&all).await;
    let body = json!({"subject": "ana", "tool": "*", "effect": "allow", "rate": "100/day"});
    gateway.grant_with(body).await;
    assert_eq!(gateway.rest_call(token, "fix.echo", json!({})).await.0, 200);
    assert_eq!(suggestions(gateway).await.len(), 0);
    scene.gateway.stop().await;
}

/// Patterns that ask are narrowed by what was asked about.
#[tokio::test]
async fn a_pattern_that_asks_is_used_by_asking() {
    let scene = Scene::start().await;
    let Scene { gateway, token, .. } = &scene;
    gateway.revoke(&scene.granted).await;
    gateway.grant("ana", "fix.*", "ask").await;
    let made = super::call(gateway, token, "fix.echo", json!({}));
    super::say(gateway, &super::the_held(gateway).await.id, "deny").await;
    super::outcome(made).await;
    let [suggestion] = &suggestions(gateway).await[..] else { panic!("one suggestion") };
    assert_eq!(suggestion.change.add.len(), 1);
    assert_eq!(json!(suggestion.change.add[0].effect), "ask");
    assert_eq!(make(gateway, suggestion).await.0, 200);
    scene.gateway.stop().await;
}

/// A tool that was used, and forbidden since, stays forbidden.
#[tokio::test]
async fn narrowing_never_widens() {
    let scene = Scene::start().await;
    let Scene { gateway, token, .. } = &scene;
    gateway.revoke(&scene.granted).await;
    gateway.grant("ana", "fix.*", "allow").await;
    for tool in ["fix.echo", "fix.other"] {
        assert_eq!(gateway.rest_call(token, tool, json!({})).await.0, 200);
    }
    gateway.grant("ana", "fix.echo", "deny").await;
    gateway.grant("ana", "fix.other", "ask").await;
    for suggestion in suggestions(gateway).await {
        make(gateway, &suggestion).await;
    }
    let (status, body) = gateway.rest_call(token, "fix.echo", json!({})).await;
    assert_eq!(status, 403, "it was forbidden: {body}");
    let asked = super::call(gateway, token, "fix.other", json!({}));
    crate::support::eventually("it is decided", super::SOON, async || {
        asked.is_finished() || !super::approvals(gateway).await.is_empty()
    })
    .await;
    assert!(!asked.is_finished(), "a person was to be asked");
    scene.gateway.stop().await;
}
