//! The whole story of a call.

use std::time::Duration;

use agw_api::{AuditStory, Client, Grant};
use serde_json::{Value, json};

use super::{super::scene::Scene, SOON, ask, calls, eventually, list};
use crate::support::InProcess;

async fn story(client: &Client, id: &str) -> AuditStory {
    client.get(&format!("/api/v1/audit/{id}")).await.unwrap()
}

async fn newest_call(gateway: &InProcess) -> String {
    list(&gateway.admin, "kind=outcome").await[0].call_id.clone().unwrap()
}

#[tokio::test]
async fn of_a_held_and_approved_call_it_has_the_question_and_the_answer() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    let grant = gateway.grant("ana", "fix.other", "ask").await;
    let call = gateway.rest_call(&scene.token, "fix.other", json!({"n": 7}));
    let approve = async {
        let open = async || -> Vec<Value> { gateway.admin.get("/api/v1/approvals").await.unwrap() };
        eventually("the question", SOON, async || !open().await.is_empty()).await;
        let id = open().await[0]["id"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/approvals/{id}/answer");
        let (status, body) = ask(&gateway.admin, "POST", &path, json!({"answer": "once"})).await;
        assert_eq!(status, 200, "{body}");
        id
    };
    let ((status, body), approval) = tokio::join!(call, approve);
    assert_eq!(status, 200, "{body}");
    let id = newest_call(gateway).await;
    let told = story(&gateway.admin, &id).await;
    let kinds: Vec<_> = told.records.iter().map(|record| record.kind.as_str()).collect();
    assert_eq!(kinds, ["approval", "approval", "intent", "outcome"], "{told:#?}");
    let [asked, answered, intent, outcome] = &told.records[..] else { panic!() };
    assert!(told.records.is_sorted_by_key(|record| record.seq));
    assert_eq!(asked.status.as_deref(), Some("asked"));
    assert_eq!(asked.args, Some(json!({"n": "number"})));
    assert_eq!(answered.status.as_deref(), Some("approved"));
    assert_eq!(answered.by.as_deref().or(answered.user.as_deref()), Some("root"), "{answered:?}");
    for record in &told.records {
        assert_eq!(record.approval.as_deref(), Some(&*approval), "{record:?}");
        assert_eq!(record.call_id.as_deref(), Some(&*id));
        assert_eq!(record.tool.as_deref(), Some("fix.other"));
    }
    assert_eq!(outcome.reason.as_deref(), Some("approved"));
    assert_eq!(intent.args_digest, asked.args_digest);
    assert_eq!((told.grants.len(), told.grants[0].changed_since), (1, false), "{told:#?}");
    assert_eq!(told.grants[0].id, grant.id);
    // One record of it is shown with what was asked about it.
    let part = story(&gateway.admin, &outcome.seq.to_string()).await;
    assert!(part.records.iter().any(|record| record.seq == outcome.seq));

    // A grant that was changed since says so, and one that is gone, too.
    tokio::time::sleep(Duration::from_millis(5)).await;
    let path = format!("/api/v1/grants/{}", grant.id);
    let body =
        json!({"subject": "ana", "tool": "fix.other", "effect": "allow", "version": grant.version});
    let (status, body) = ask(&gateway.admin, "PUT", &path, body).await;
    assert_eq!(status, 200, "{body}");
    let told = story(&gateway.admin, &id).await;
    assert!(told.grants[0].changed_since);
    assert_eq!(json!(told.grants[0].grant.as_ref().unwrap().effect), "allow");
    gateway.revoke(&grant).await;
    let told = story(&gateway.admin, &id).await;
    assert!(told.grants[0].changed_since && told.grants[0].grant.is_none(), "{told:#?}");
    let scene = scene.restart().await;
    assert_eq!(story(&scene.gateway.admin, &id).await.records.len(), 4);
    scene.gateway.stop().await;
}

/// A later call with the same arguments picks an answer up: it was asked about
/// by the earlier one.
#[tokio::test]
async fn of_a_call_that_picked_an_answer_up_it_has_what_was_asked_before() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    gateway.grant("ana", "fix.other", "ask").await;
    let body = json!({"name": "impatient", "client_timeout_seconds": 5});
    let token = gateway.add_agent_with("ana", body).await;
    let (status, body) = gateway.rest_call(&token, "fix.other", json!({})).await;
    assert_eq!(status, 403, "{body}");
    let first = newest_call(gateway).await;
    let open: Vec<Value> = gateway.admin.get("/api/v1/approvals").await.unwrap();
    let path = format!("/api/v1/approvals/{}/answer", open[0]["id"].as_str().unwrap());
    assert_eq!(ask(&gateway.admin, "POST", &path, json!({"answer": "once"})).await.0, 200);
    assert_eq!(gateway.rest_call(&token, "fix.other", json!({})).await.0, 200);
    let second = newest_call(gateway).await;
    assert_ne!(first, second);
    let told = story(&gateway.admin, &second).await;
    let kinds: Vec<_> = told.records.iter().map(|record| record.kind.as_str()).collect();
    assert_eq!(kinds, ["approval", "approval", "intent", "outcome"], "{told:#?}");
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_member_is_told_their_own_and_no_others() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    let mem = gateway.add_person("mem", "member").await;
    let _: Grant = gateway.grant("mem", "fix.echo", "allow").await;
    let token = gateway.add_agent("mem", "bot", &[]).await;
    calls(gateway, &token, 1, 200).await;
    let own = newest_call(gateway).await;
    calls(gateway, &scene.token, 1, 200).await;
    let other = newest_call(gateway).await;
    assert_eq!(story(&mem, &own).await.records.len(), 2);
    let (status, body) = ask(&mem, "GET", &format!("/api/v1/audit/{other}"), Value::Null).await;
    assert_eq!(status, 404, "{body}");
    for seq in list(&gateway.admin, "limit=1000").await {
        let path = format!("/api/v1/audit/{}", seq.seq);
        let (status, body) = ask(&mem, "GET", &path, Value::Null).await;
        let expected = if seq.user.as_deref() == Some("mem") { 200 } else { 404 };
        assert_eq!(status, expected, "{body}");
    }
    scene.gateway.stop().await;
}

/// A grant can be turned into one for somebody else; of an old call it is told
/// as it is now.
#[tokio::test]
async fn a_member_is_not_told_of_grants_that_are_somebody_elses_by_now() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    let mem = gateway.add_person("mem", "member").await;
    let grant = gateway.grant("mem", "fix.echo", "allow").await;
    let token = gateway.add_agent("mem", "bot", &[]).await;
    calls(gateway, &token, 1, 200).await;
    let id = newest_call(gateway).await;
    assert!(story(&mem, &id).await.grants[0].grant.is_some());
    let path = format!("/api/v1/grants/{}", grant.id);
    let body =
        json!({"subject": "ana", "tool": "fix.fail", "effect": "allow", "version": grant.version});
    let (status, body) = ask(&gateway.admin, "PUT", &path, body).await;
    assert_eq!(status, 200, "{body}");
    let told = story(&mem, &id).await;
    assert!(told.grants[0].grant.is_none() && told.grants[0].changed_since, "{told:#?}");
    assert!(story(&gateway.admin, &id).await.grants[0].grant.is_some());
    scene.gateway.stop().await;
}
