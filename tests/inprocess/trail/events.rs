//! Whatever happens is a record.

use std::fs;

use agw_api::{AuditRecord, Client};
use serde_json::{Value, json};

use super::{super::scene::Scene, ask, checkpoint, list, set, status, verified};
use crate::support::PASSWORD;

/// The newest records since `seq`, oldest first, as kind and status.
async fn since(scene: &Scene, seq: u64) -> Vec<AuditRecord> {
    let mut all = list(&scene.gateway.admin, "limit=1000").await;
    all.retain(|record| record.seq > seq);
    all.reverse();
    all
}

fn said(records: &[AuditRecord]) -> Vec<(&str, &str)> {
    records.iter().map(|r| (r.kind.as_str(), r.status.as_deref().unwrap_or_default())).collect()
}

#[tokio::test]
async fn every_change_by_a_person_is_one_with_who_did_it() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    let admin = &gateway.admin;
    let recording = "/api/v1/tools/fix.echo/recording";
    let effect = "/api/v1/tools/fix.echo/effect";
    let grant = format!("/api/v1/grants/{}", scene.granted.id);
    for (method, path, body) in [
        ("POST", "/api/v1/users", json!({"name": "new"})),
        ("PUT", "/api/v1/users/new/password", json!({"password": PASSWORD})),
        ("PUT", "/api/v1/users/new", json!({"role": "auditor", "version": 2})),
        ("POST", "/api/v1/users/new/token", Value::Null),
        ("POST", "/api/v1/users/new/agents", json!({"name": "bot"})),
        ("DELETE", "/api/v1/users/new/agents/bot", Value::Null),
        ("DELETE", "/api/v1/users/new", Value::Null),
        ("POST", "/api/v1/teams", json!({"name": "crew"})),
        ("DELETE", "/api/v1/teams/crew", Value::Null),
        ("POST", "/api/v1/grants", json!({"subject": "ana", "tool": "fix.*", "effect": "ask"})),
        (
            "PUT",
            grant.as_str(),
            json!({"subject": "ana", "tool": "fix.echo", "effect": "deny", "version": 1}),
        ),
        ("DELETE", grant.as_str(), Value::Null),
        ("PUT", effect, json!({"effect": "read", "version": 0})),
        ("PUT", recording, json!({"clear": ["a"], "bodies": true, "version": 0})),
        ("PUT", "/api/v1/audit/settings", json!({"bodies_days": 9, "version": 0})),
        ("POST", "/api/v1/pause", Value::Null),
        ("POST", "/api/v1/resume", Value::Null),
        ("GET", "/api/v1/audit/export?format=jsonl", Value::Null),
        ("DELETE", "/api/v1/connections/fix", Value::Null),
    ] {
        let head = status(gateway).await.head;
        let (code, answer) = ask(admin, method, path, body.clone()).await;
        assert!((200..300).contains(&code), "{method} {path} {body}: {code} {answer}");
        let records = since(&scene, head).await;
        let by_root = records
            .iter()
            .filter(|r| ["config", "service"].contains(&r.kind.as_str()))
            .filter(|r| r.user.as_deref() == Some("root"));
        assert!(by_root.count() >= 1, "{method} {path}: {records:#?}");
    }
    verified(gateway, "").await;
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_change_that_is_refused_is_none() {
    let scene = Scene::start().await;
    let head = status(&scene.gateway).await.head;
    for (method, path, body) in [
        ("POST", "/api/v1/users", json!({"name": "ana"})),
        ("POST", "/api/v1/grants", json!({"subject": "nobody", "tool": "*", "effect": "allow"})),
        ("PUT", "/api/v1/audit/settings", json!({"version": 9})),
        ("DELETE", "/api/v1/connections/none", Value::Null),
        ("POST", "/api/v1/audit/erase", json!({"user": "ana"})),
    ] {
        let (code, answer) = ask(&scene.gateway.admin, method, path, body).await;
        assert!(code >= 400, "{method} {path}: {answer}");
    }
    let records = since(&scene, head).await;
    assert!(records.is_empty(), "{records:#?}");
    scene.gateway.stop().await;
}

#[tokio::test]
async fn starts_stops_seals_and_sign_ins_are_recorded() {
    let scene = Scene::start().await;
    let head = status(&scene.gateway).await.head;
    let open = Client::new(scene.dir());
    let sign_in = json!({"user": "root", "password": PASSWORD});
    assert_eq!(ask(&open, "POST", "/api/v1/sessions", sign_in).await.0, 201);
    let wrong = json!({"user": "root", "password": "not the password"});
    assert_eq!(ask(&open, "POST", "/api/v1/sessions", wrong).await.0, 401);
    let nobody = json!({"user": "sup3r-s3cret-typed-as-name", "password": "x"});
    assert_eq!(ask(&open, "POST", "/api/v1/sessions", nobody).await.0, 401);
    let records = since(&scene, head).await;
    let expected = [("sign_in", "signed_in"), ("sign_in", "refused"), ("sign_in", "refused")];
    assert_eq!(said(&records), expected);
    assert_eq!(records[0].user.as_deref(), Some("root"));
    assert_eq!(records[1].reason.as_deref(), Some("bad_credentials"));
    assert!(!json!(records).to_string().contains("sup3r"), "{records:#?}");
    let person = scene.gateway.add_person("aud", "auditor").await;
    let head = status(&scene.gateway).await.head;
    assert!((200..300).contains(&ask(&person, "DELETE", "/api/v1/session", Value::Null).await.0));
    let records = since(&scene, head).await;
    assert_eq!(said(&records), [("sign_in", "signed_out")]);

    // The first start, what set it up, and the key.
    let first: Vec<AuditRecord> = {
        let mut all = list(&scene.gateway.admin, "limit=1000").await;
        all.retain(|record| record.seq <= 5);
        all.reverse();
        all
    };
    assert_eq!(first[0].status.as_deref(), Some("started"));
    let made: Vec<_> =
        first.iter().filter(|r| r.status.as_deref() == Some("checkpoint_key_made")).collect();
    assert_eq!(made.len(), 1, "{first:#?}");
    let key = super::key(&scene.gateway).await.to_string();
    assert_eq!(made[0].detail.as_ref(), Some(&key));

    let head = status(&scene.gateway).await.head;
    let scene = scene.restart().await;
    let records = since(&scene, head).await;
    let expected = [("service", "stopped"), ("service", "started"), ("service", "unsealed")];
    assert_eq!(said(&records)[..3], expected);
    let head = status(&scene.gateway).await.head;
    let hidden = scene.dir().join("hidden");
    let key_file = scene.dir().join("master.key");
    let scene = scene.restart_after(|_| fs::rename(&key_file, &hidden).unwrap()).await;
    let records = since(&scene, head).await;
    assert_eq!(
        said(&records)[..3],
        [("service", "stopped"), ("service", "started"), ("service", "sealed")]
    );
    let head = status(&scene.gateway).await.head;
    let refused = scene.rest(json!({"tool": "fix.echo", "args": {}}).to_string()).await;
    assert_eq!(refused.status, 503);
    let unlock = ask(&scene.gateway.admin, "POST", "/api/v1/unlock", json!({})).await;
    assert!(unlock.0 >= 400, "{unlock:?}");
    fs::rename(&hidden, &key_file).unwrap();
    let unlock = ask(&scene.gateway.admin, "POST", "/api/v1/unlock", json!({})).await;
    assert_eq!(unlock.0, 200, "{unlock:?}");
    let records = since(&scene, head).await;
    let expected = [("outcome", "denied"), ("service", "sealed"), ("service", "unsealed")];
    assert_eq!(said(&records)[..3], expected);
    assert_eq!(records[2].user.as_deref(), Some("root"));
    verified(&scene.gateway, "").await;
    scene.gateway.stop().await;
}

/// Reading leaves nothing behind, or each look would make the next one longer.
#[tokio::test]
async fn looking_at_the_trail_is_no_record() {
    let scene = Scene::start().await;
    set(&scene.gateway, json!({"records_days": 9})).await;
    let head = status(&scene.gateway).await.head;
    list(&scene.gateway.admin, "limit=3").await;
    checkpoint(&scene.gateway).await;
    super::key(&scene.gateway).await;
    let settings: Value = scene.gateway.admin.get("/api/v1/audit/settings").await.unwrap();
    assert_eq!(settings["records_days"], 9);
    assert_eq!(status(&scene.gateway).await.head, head);
    scene.gateway.stop().await;
}
