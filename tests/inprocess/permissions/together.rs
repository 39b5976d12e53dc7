//! Several people change one permission map.

use std::collections::BTreeSet;

use agw_api::{AuditRecord, Client, Grant};
use serde_json::{Value, json};

use super::{
    super::{admin_api::ask, scene::Scene},
    grants, policy_version, status,
};
use crate::support::{InProcess, Trail as _};

const WRITERS: u64 = 64;

/// Writes its own condition into the grant until it has come through; returns
/// the version that it made, and how often it was refused.
async fn write(client: Client, id: String, number: u64, mut version: u64) -> (u64, u64) {
    let when = format!("args.n == {number}");
    let path = format!("/api/v1/grants/{id}");
    for refused in 0.. {
        let body = json!({"subject": "ana", "tool": "fix.echo", "effect": "allow", "when": when, "version": version});
        let (status, answer) = ask(&client, "PUT", &path, body).await;
        if status == 200 {
            assert_eq!((&answer["when"], &answer["version"]), (&json!(when), &json!(version + 1)));
            return (version + 1, refused);
        }
        assert_eq!((status, &answer["code"]), (409, &json!("stale")), "{answer}");
        let current: Grant = serde_json::from_value(answer["current"].clone()).unwrap();
        assert_eq!((current.id.as_str(), current.covers), (id.as_str(), 1), "{current:?}");
        assert!(current.version > version, "the row as it is now: {current:?}");
        version = current.version;
    }
    unreachable!("it comes through before it has counted to the end")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_edit_one_grant_none_overwrites_another() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    let first = scene.granted.version;
    let map = policy_version(gateway).await;
    let writers: Vec<_> = (0..WRITERS)
        .map(|n| tokio::spawn(write(gateway.admin.clone(), scene.granted.id.clone(), n, first)))
        .collect();
    let (mut made, mut refused) = (BTreeSet::new(), 0);
    let mut last = (0, 0);
    for (number, writer) in (0..).zip(writers) {
        let (version, times) = writer.await.unwrap();
        assert!(made.insert(version), "two made version {version}");
        refused += times;
        last = last.max((version, number));
    }
    assert_eq!(made, (first + 1..=first + WRITERS).collect());
    assert!(refused >= WRITERS - 1, "all but one of the first round lost: {refused}");
    let now = grants(gateway).await.remove(0);
    assert_eq!(now.version, first + WRITERS);
    assert_eq!(now.when, Some(format!("args.n == {}", last.1)), "the last one to come through");
    assert_eq!(policy_version(gateway).await, map + WRITERS, "the refused ones made no version");
    let records: Vec<AuditRecord> =
        gateway.admin.records("/api/v1/audit?kind=config&limit=1000").await.unwrap();
    let edits =
        records.iter().filter(|r| r.detail.as_deref().is_some_and(|d| d.contains("args.n ==")));
    assert_eq!(edits.count() as u64, WRITERS);
    scene.gateway.stop().await;
}

/// New rules, edits and removals at once: each is there or refused, and what is
/// in the map is what the answers said.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_make_the_same_rule_one_makes_it() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    for effect in ["allow", "deny"] {
        let adders: Vec<_> = (0..32)
            .map(|_| {
                let client = gateway.admin.clone();
                let body =
                    json!({"subject": "ana", "tool": "fix.other", "effect": effect, "version": 0});
                tokio::spawn(async move { ask(&client, "POST", "/api/v1/grants", body).await })
            })
            .collect();
        let mut made = Vec::new();
        for adder in adders {
            match adder.await.unwrap() {
                (201, grant) => made.push(grant),
                (status, answer) => {
                    assert_eq!((status, &answer["code"]), (409, &json!("stale")), "{answer}");
                    assert_eq!(answer["current"]["version"], 1, "{answer}");
                }
            }
        }
        assert_eq!(made.len(), 1, "{made:?}");
        let path = format!("/api/v1/grants/{}?version=1", made[0]["id"].as_str().unwrap());
        let removers: Vec<_> = (0..32)
            .map(|_| {
                let (client, path) = (gateway.admin.clone(), path.clone());
                tokio::spawn(async move { ask(&client, "DELETE", &path, json!(null)).await.0 })
            })
            .collect();
        let mut codes = Vec::new();
        for remover in removers {
            codes.push(remover.await.unwrap());
        }
        codes.sort_unstable();
        assert_eq!((codes[0], codes[1], codes[31]), (204, 404, 404));
    }
    assert_eq!(grants(gateway).await.len(), 1);
    scene.gateway.stop().await;
}

/// What is there, and what would tell of a change.
async fn as_it_is(gateway: &InProcess) -> (Vec<Grant>, u64, u64) {
    let head = status(&gateway.admin).await.audit_head;
    (grants(gateway).await, policy_version(gateway).await, head)
}

#[tokio::test]
async fn a_change_of_which_one_part_is_bad_changes_nothing() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    let other = gateway.grant("ana", "fix.other", "deny").await;
    let first = &scene.granted;
    let edit = |grant: &Grant, version: u64| json!({"id": grant.id, "subject": "ana", "tool": grant.tool, "effect": "ask", "version": version});
    let remove = |grant: &Grant, version: u64| json!({"id": grant.id, "version": version});
    let add = |tool: &str| json!({"subject": "ana", "tool": tool, "effect": "allow"});
    let mut conditional = add("fix.*");
    conditional["when"] = json!("args.n ==");
    let mut seen_before = add("fix.other");
    seen_before["version"] = json!(7);
    let same_rule = {
        let mut edit = edit(&other, 1);
        edit["tool"] = json!("fix.echo");
        edit
    };
    let before = as_it_is(gateway).await;
    for (change, expected) in [
        (
            json!({"add": [add("*"), add("nonsense")], "edit": [edit(first, 1)], "remove": [remove(&other, 1)]}),
            (422, "invalid"),
        ),
        (json!({"add": [add("*"), conditional]}), (422, "invalid_condition")),
        (json!({"add": [add("*"), seen_before]}), (409, "stale")),
        (json!({"add": [add("*")], "edit": [edit(&other, 1), edit(first, 2)]}), (409, "stale")),
        (
            json!({"add": [add("*")], "remove": [remove(&other, 1), remove(first, 0)]}),
            (409, "stale"),
        ),
        (
            json!({"add": [add("*")], "remove": [remove(&other, 1), remove(&other, 1)]}),
            (404, "not_found"),
        ),
        (
            json!({"add": [add("*")], "edit": [edit(&other, 1)], "remove": [remove(&other, 1)]}),
            (404, "not_found"),
        ),
        (json!({"add": [add("*")], "edit": [edit(first, 1), edit(first, 1)]}), (409, "stale")),
        (json!({"add": [add("*")], "edit": [same_rule]}), (409, "exists")),
        (json!({"add": vec![add("*"); 1_001]}), (422, "invalid")),
        (json!({"add": [add("*")], "remove": [{"id": "u1", "version": 1}]}), (422, "invalid")),
    ] {
        let (status, answer) = ask(&gateway.admin, "POST", "/api/v1/changes", change.clone()).await;
        let seen = (status, answer["code"].as_str().unwrap());
        assert_eq!(seen, expected, "{answer} to {change:.300}");
        if expected.1 == "stale" {
            assert!(answer["current"]["id"].is_string(), "{answer}");
        }
        assert_eq!(as_it_is(gateway).await, before, "{change:.300}");
    }
    assert_eq!(gateway.rest_call(&scene.token, "fix.fail", json!({})).await.0, 403);
    scene.gateway.stop().await;
}

/// A condition, an expiry or a rate that is misspelt would be one that is not
/// there, and the rule another one than was meant.
#[tokio::test]
async fn a_rule_with_a_misspelt_part_is_refused() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    let before = as_it_is(gateway).await;
    let mut taken = Vec::new();
    for (part, value) in [("wen", "args.n == 1"), ("expire", "1d"), ("rates", "1/day")] {
        let mut add = json!({"subject": "ana", "tool": "*", "effect": "allow"});
        add[part] = json!(value);
        let mut edit = add.clone();
        edit["version"] = json!(1);
        let path = format!("/api/v1/grants/{}", scene.granted.id);
        for (method, path, body) in [
            ("POST", "/api/v1/grants", add.clone()),
            ("POST", "/api/v1/changes", json!({"add": [add]})),
            ("PUT", path.as_str(), edit),
        ] {
            let (status, _) = ask(&gateway.admin, method, path, body).await;
            if status != 400 {
                taken.push(format!("{method} {path} with {part}: {status}"));
            }
        }
    }
    let (status, _) = ask(&gateway.admin, "POST", "/api/v1/changes", json!({"removed": []})).await;
    if status != 400 {
        taken.push(format!("POST /changes with removed: {status}"));
    }
    let agent = json!({"name": "x", "max_use": 1});
    let (status, _) = ask(&gateway.admin, "POST", "/api/v1/users/ana/agents", agent).await;
    if status != 400 {
        taken.push(format!("POST /agents with max_use: {status}"));
    }
    assert!(taken.is_empty(), "taken as if it were not there:\n{}", taken.join("\n"));
    assert_eq!(as_it_is(gateway).await, before);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_change_is_made_in_one_go() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    let other = gateway.grant("ana", "fix.other", "allow").await;
    let (_, map, head) = as_it_is(gateway).await;
    let first = &scene.granted;
    let edit =
        json!({"id": first.id, "subject": "ana", "tool": "fix.*", "effect": "ask", "version": 1});
    // What is removed first makes room for what is added.
    let change = json!({
        "remove": [{"id": other.id, "version": other.version}],
        "edit": [edit],
        "add": [
            {"subject": "ana", "tool": "fix.other", "effect": "deny"},
            {"subject": "ana", "tool": "fix.echo", "effect": "allow", "when": "args.n == 1"},
        ],
    });
    let (status, made) = ask(&gateway.admin, "POST", "/api/v1/changes", change).await;
    assert_eq!(status, 200, "{made}");
    let now = as_it_is(gateway).await;
    assert_eq!(made, json!(now.0), "it answers with what it made, and that is all there is");
    assert_eq!((now.0.len(), now.1), (3, map + 1));
    assert!(now.0.iter().all(|grant| grant.id != other.id), "a new one has a new id");
    assert_eq!(now.2, head + 5, "one record of each, and one of the tool that is pinned now");
    // None of it is nothing.
    let (status, made) = ask(&gateway.admin, "POST", "/api/v1/changes", json!({})).await;
    assert_eq!((status, made), (200, json!([])));
    assert_eq!(as_it_is(gateway).await, now);
    scene.gateway.stop().await;
}

/// Agents never see one half of a change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_never_seen_half_made() {
    let scene = Scene::start().await;
    let Scene { gateway, token, upstream, .. } = &scene;
    // A call of `fix.echo` is granted by the one or by the other, always.
    let narrow = json!({"subject": "ana", "tool": "fix.echo", "effect": "allow"});
    let wide = json!({"subject": "ana", "tool": "fix.*", "effect": "allow"});
    let changes = async {
        let mut current = json!({"id": scene.granted.id, "version": scene.granted.version});
        for round in 0..40 {
            let next = if round % 2 == 0 { &wide } else { &narrow };
            let body = json!({"remove": [current], "add": [next]});
            let made: Vec<Grant> = gateway.admin.post("/api/v1/changes", &body).await.unwrap();
            current = json!({"id": made[0].id, "version": made[0].version});
        }
    };
    let calls = async {
        for n in 0..200 {
            let (status, body): (u16, Value) =
                gateway.rest_call(token, "fix.echo", json!({"n": n})).await;
            assert_eq!(status, 200, "call {n}: {body}");
        }
    };
    tokio::join!(changes, calls);
    assert_eq!(upstream.calls().len(), 200);
    scene.gateway.stop().await;
}
