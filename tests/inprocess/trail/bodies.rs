//! What an admin has the records of a tool keep: arguments in clear, and
//! sealed bodies.

use std::path::Path;

use agw_api::{AuditRecord, AuditStory, Client};
use serde_json::{Value, json};

use super::{super::scene::Scene, ask, list, one, open, verified};
use crate::support::{
    leaks::{self, Place, Planted},
    upstream::Manner,
};

const RECORDING: &str = "/api/v1/tools/fix.echo/recording";
/// In arguments and, since the tool echoes them, in results.
const SECRET: &str = "planted-in-the-body-of-a-call";

async fn record(scene: &Scene, clear: &[&str], bodies: bool, version: u64) -> (u16, Value) {
    let body = json!({"clear": clear, "bodies": bodies, "version": version});
    ask(&scene.gateway.admin, "PUT", RECORDING, body).await
}

/// The call's records, oldest first.
async fn call(scene: &Scene, args: Value) -> Vec<AuditRecord> {
    let reply = scene.rest(json!({"tool": "fix.echo", "args": args}).to_string()).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    newest(&scene.gateway.admin).await
}

async fn newest(admin: &Client) -> Vec<AuditRecord> {
    let outcomes = list(admin, "kind=outcome").await;
    let id = outcomes[0].call_id.clone().unwrap();
    let story: AuditStory = admin.get(&format!("/api/v1/audit/{id}")).await.unwrap();
    story.records
}

async fn bodies(client: &Client, call: &str) -> (u16, Value) {
    ask(client, "GET", &format!("/api/v1/audit/bodies/{call}"), Value::Null).await
}

/// The database's files, once all is in them.
fn database(dir: &Path) -> Vec<Place> {
    one::<i64>(&open(dir), "PRAGMA wal_checkpoint(PASSIVE)");
    let files = leaks::files(dir);
    let files: Vec<Place> = files.into_iter().filter(|file| file.name.contains("agw.db")).collect();
    assert!(files.len() >= 2, "{files:?}");
    files
}

fn no_secret(dir: &Path) {
    let found = leaks::find(&[Planted::new("a body", SECRET)], &database(dir));
    assert!(found.is_empty(), "{found:#?}");
}

#[tokio::test]
async fn bodies_are_kept_sealed_and_opened_by_an_admin_who_is_recorded() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    let without = call(&scene, json!({"text": SECRET})).await;
    assert!(without.iter().all(|record| !record.body), "{without:#?}");
    let call_id = without[0].call_id.clone().unwrap();
    assert_eq!(bodies(&gateway.admin, &call_id).await.0, 404);

    assert_eq!(record(&scene, &["to", "deep.n"], true, 0).await.0, 200);
    let args = json!({"to": ["ana@example.com"], "text": SECRET, "deep": [{"n": 1}, {"n": 2}]});
    let kept = call(&scene, args.clone()).await;
    let [intent, outcome] = &kept[..] else { panic!("{kept:#?}") };
    assert!(intent.body && outcome.body && !intent.erased && !outcome.erased);
    let clear = json!({"to": ["ana@example.com"], "deep.n": [1, 2]});
    assert_eq!((intent.clear.as_ref(), &outcome.clear), (Some(&clear), &None));
    assert_eq!(
        intent.args,
        Some(json!({"to": "array(1)", "text": "string(29)", "deep": "array(2)"}))
    );
    no_secret(scene.dir());

    let call_id = intent.call_id.clone().unwrap();
    let (status, opened) = bodies(&gateway.admin, &call_id).await;
    assert_eq!((status, &opened["arguments"]), (200, &args), "{opened}");
    assert_eq!(opened["result"]["structuredContent"]["echo"], args);
    let said = list(&gateway.admin, "status=bodies_opened").await;
    assert_eq!(said.len(), 1);
    assert_eq!((said[0].user.as_deref(), said[0].detail.as_ref()), (Some("root"), Some(&call_id)));
    // However its id is written.
    let (status, again) = bodies(&gateway.admin, &call_id.to_lowercase()).await;
    assert_eq!((status, &again["arguments"]), (200, &args), "{again}");
    // Nobody else opens it, and trying is no opening.
    for role in ["member", "auditor"] {
        let person = gateway.add_person(role, role).await;
        assert_eq!(bodies(&person, &call_id).await.0, 403);
    }
    for other in ["nonsense", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "1"] {
        assert_eq!(bodies(&gateway.admin, other).await.0, 404, "{other}");
    }
    assert_eq!(list(&gateway.admin, "status=bodies_opened").await.len(), 2);
    let report = verified(gateway, "bodies=true").await;
    assert_eq!(report.bodies, 2);
    assert_eq!(verified(gateway, "").await.bodies, 0);

    // After a restart, too; and in the files of a service that has stopped.
    let scene = scene.restart().await;
    let (status, again) = bodies(&scene.gateway.admin, &call_id).await;
    assert_eq!((status, &again["arguments"]), (200, &args), "{again}");
    let dir = scene.gateway.stop().await;
    let files: Vec<Place> = leaks::files(dir.path());
    let found = leaks::find(&[Planted::new("a body", SECRET)], &files);
    assert!(found.is_empty(), "{found:#?}");
}

#[tokio::test]
async fn what_is_too_long_says_so_and_what_failed_is_kept_as_it_was() {
    let scene = Scene::start().await;
    assert_eq!(record(&scene, &["text", "note"], true, 0).await.0, 200);
    let long = "x".repeat(1 << 20);
    let kept = call(&scene, json!({"text": long, "note": "short"})).await;
    let [intent, outcome] = &kept[..] else { panic!("{kept:#?}") };
    assert!(!intent.body && !outcome.body);
    assert!(intent.detail.as_ref().unwrap().contains("too long to keep"), "{intent:?}");
    assert!(outcome.detail.as_ref().unwrap().contains("too long to keep"), "{outcome:?}");
    assert_eq!(intent.clear.as_ref().unwrap()["text"], "too long to keep");
    assert_eq!(bodies(&scene.gateway.admin, intent.call_id.as_ref().unwrap()).await.0, 404);
    // Just short enough; its echo is not.
    let kept = call(&scene, json!({"text": &long[..(1 << 20) - 100]})).await;
    assert!(kept[0].body && !kept[1].body, "{kept:#?}");

    let error = r#"{"jsonrpc":"2.0","id":$ID,"error":{"code":-32000,"message":"out of paper"}}"#;
    scene.upstream.behave(Manner::Body(error.into()));
    scene.rest(json!({"tool": "fix.echo", "args": {"n": 1}}).to_string()).await;
    let kept = newest(&scene.gateway.admin).await;
    assert!(kept[0].body && kept[1].body, "{kept:#?}");
    let (_, opened) = bodies(&scene.gateway.admin, kept[0].call_id.as_ref().unwrap()).await;
    assert_eq!(opened["arguments"], json!({"n": 1}));
    assert!(opened["result"].to_string().contains("out of paper"), "{opened}");
    // What never came has no body, and what was refused keeps none.
    scene.upstream.behave(Manner::HalfABody);
    scene.rest(json!({"tool": "fix.echo", "args": {"n": 2}}).to_string()).await;
    let kept = newest(&scene.gateway.admin).await;
    assert!(kept[0].body && !kept[1].body, "{kept:#?}");
    scene.upstream.behave(Manner::Echo);
    scene.gateway.revoke(&scene.granted).await;
    scene.rest(json!({"tool": "fix.echo", "args": {"note": "n"}}).to_string()).await;
    let kept = newest(&scene.gateway.admin).await;
    assert!(kept.len() == 1 && !kept[0].body, "{kept:#?}");
    verified(&scene.gateway, "bodies=true").await;
    scene.gateway.stop().await;
}

#[tokio::test]
async fn what_a_tool_records_is_set_with_care_and_holds_from_then_on() {
    let scene = Scene::start().await;
    let admin = &scene.gateway.admin;
    let (status, body) = record(&scene, &["a"], false, 0).await;
    assert_eq!((status, body), (200, json!({"clear": ["a"], "bodies": false, "version": 1})));
    // The loser of two hears what there is now.
    let (status, body) = record(&scene, &["b"], true, 0).await;
    assert_eq!((status, &body["code"]), (409, &json!("stale")), "{body}");
    assert_eq!(body["current"]["clear"], json!(["a"]), "{body}");
    let many: Vec<String> = (0..33).map(|n| format!("p{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let long = "x".repeat(201);
    for clear in [&many[..], &[""], &[&long]] {
        assert_eq!(record(&scene, clear, false, 1).await.0, 422, "{clear:?}");
    }
    let path = "/api/v1/tools/fix.none/recording";
    let body = json!({"clear": [], "bodies": true, "version": 0});
    assert_eq!(ask(admin, "PUT", path, body).await.0, 404);
    let said = list(admin, "status=recording_set").await;
    assert_eq!(said.len(), 1, "{said:#?}");
    assert_eq!(said[0].user.as_deref(), Some("root"));
    assert!(said[0].detail.as_ref().unwrap().contains("fix.echo: a in clear"), "{said:#?}");
    assert_eq!(record(&scene, &[], true, 1).await.0, 200);
    assert_eq!(call(&scene, json!({"a": 1})).await[0].clear, None);
    let scene = scene.restart().await;
    assert!(call(&scene, json!({"a": 1})).await[0].body);
    assert_eq!(record(&scene, &["a"], false, 2).await.0, 200);
    let kept = call(&scene, json!({"a": {"b": [1.5, null]}})).await;
    assert_eq!(kept[0].clear, Some(json!({"a": {"b": [1.5, null]}})));
    assert!(!kept[0].body);
    scene.gateway.stop().await;
}

/// A token that somebody talked an agent into sending is in none of it.
#[tokio::test]
async fn no_token_is_kept_in_clear() {
    let scene = Scene::start().await;
    assert_eq!(record(&scene, &["note"], true, 0).await.0, 200);
    let args = json!({"note": format!("here: {}", scene.token)});
    let reply = scene.rest(json!({"tool": "fix.echo", "args": args}).to_string()).await;
    assert_eq!(reply.status, 422, "{reply:?}");
    let kept = newest(&scene.gateway.admin).await;
    assert!(!json!(kept).to_string().contains(&scene.token), "{kept:#?}");
    let planted = [Planted::new("a token", &scene.token)];
    let found = leaks::find(&planted, &database(scene.dir()));
    assert!(found.is_empty(), "{found:#?}");
    scene.gateway.stop().await;
}
