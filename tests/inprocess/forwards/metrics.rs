//! `/metrics`: to whom it answers, and what.

use std::collections::{BTreeMap, BTreeSet};

use agw_api::{AuditSettings, TokenCreated};
use serde_json::{Value, json};

use super::{super::scene::Scene, SOON, calls};
use crate::support::{
    InProcess, eventually,
    http::{self, Reply},
};

async fn access(gateway: &InProcess, access: &str) {
    let mut settings: Value = gateway.admin.get("/api/v1/audit/settings").await.unwrap();
    settings["metrics"] = json!(access);
    let _: AuditSettings = gateway.admin.put("/api/v1/audit/settings", &settings).await.unwrap();
}

async fn token(gateway: &InProcess) -> String {
    let made: TokenCreated = gateway.admin.post("/api/v1/audit/metrics-token", &()).await.unwrap();
    made.token
}

async fn ask(gateway: &InProcess, headers: &[(&str, &str)]) -> Reply {
    http::ask("GET", &gateway.url("/metrics"), headers, "").await
}

async fn with(gateway: &InProcess, token: &str) -> u16 {
    ask(gateway, &[("authorization", &format!("Bearer {token}"))]).await.status
}

/// Prometheus' text: names with labels, and values.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let mut types = BTreeMap::new();
    let mut samples = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(types.insert(name.to_owned(), kind.to_owned()), None, "{name} twice");
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let family = name.split('{').next().unwrap();
            let bare =
                ["_bucket", "_sum", "_count"].iter().find_map(|end| family.strip_suffix(end));
            let known = types.get(family).or_else(|| types.get(bare.unwrap_or_default()));
            assert!(known.is_some(), "{line} has no type");
            let value = value.parse().unwrap();
            assert_eq!(samples.insert(name.to_owned(), value), None, "{name} twice");
        }
    }
    samples
}

async fn shown(gateway: &InProcess) -> BTreeMap<String, f64> {
    let reply = ask(gateway, &[]).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    samples(&reply.text)
}

#[tokio::test]
async fn off_is_as_if_it_were_not_there() {
    let scene = Scene::start().await;
    let unknown = http::ask("GET", &scene.gateway.url("/metricz"), &[], "").await;
    for method in ["GET", "HEAD", "POST", "DELETE"] {
        let reply = http::ask(method, &scene.gateway.url("/metrics"), &[], "").await;
        assert_eq!(reply.status, 404, "{method}");
        if method != "HEAD" {
            assert_eq!(
                (&reply.text, &reply.headers.len()),
                (&unknown.text, &unknown.headers.len())
            );
        }
    }
    assert_eq!(with(&scene.gateway, &token(&scene.gateway).await).await, 404);
    access(&scene.gateway, "local").await;
    assert_eq!(ask(&scene.gateway, &[]).await.status, 200);
    access(&scene.gateway, "off").await;
    assert_eq!(ask(&scene.gateway, &[]).await.status, 404);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_token_is_asked_for_and_the_newest_is_the_one() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    access(gateway, "token").await;
    let reply = ask(gateway, &[]).await;
    assert_eq!(
        (reply.status, reply.header("www-authenticate").starts_with("Bearer ")),
        (401, true)
    );
    let own = gateway.user_token("ana").await;
    // Before there is one, none is right.
    for wrong in [&*scene.token, &own, "", "mt_", &"0".repeat(64)] {
        assert_eq!(with(gateway, wrong).await, 401, "{wrong}");
    }
    let first = token(gateway).await;
    assert!(first.starts_with("mt_") && first.len() == scene.token.len(), "{first}");
    assert_eq!(with(gateway, &first).await, 200);
    let second = token(gateway).await;
    assert_eq!((with(gateway, &first).await, with(gateway, &second).await), (401, 200));
    let mut changed = second.clone();
    changed.replace_range(10..11, if &second[10..11] == "x" { "y" } else { "x" });
    for wrong in [&*scene.token, &own, &changed, &second[..second.len() - 1]] {
        assert_eq!(with(gateway, wrong).await, 401, "{wrong}");
    }
    let bearer = format!("Bearer {second}");
    let twice = [("authorization", &*bearer), ("authorization", &*bearer)];
    assert_eq!(ask(gateway, &twice).await.status, 401);
    assert_eq!(ask(gateway, &[("authorization", &format!("Basic {second}"))]).await.status, 401);
    assert_eq!(
        http::ask("GET", &gateway.url(&format!("/metrics?token={second}")), &[], "").await.status,
        401
    );

    // It opens nothing else, and is kept out of arguments like the others.
    let (status, body) = gateway.rest_call(&second, "fix.echo", json!({})).await;
    assert_eq!((status, &body["code"]), (401, &json!("token_unknown")));
    let (status, body) = gateway.rest_call(&scene.token, "fix.echo", json!({"to": second})).await;
    assert_eq!((status, &body["code"]), (422, &json!("token_in_arguments")));
    let made = gateway.audit().await;
    let made: Vec<_> =
        made.iter().filter(|r| r.status.as_deref() == Some("metrics_token_made")).collect();
    assert_eq!(made.len(), 2);
    assert!(made.iter().all(|r| r.kind == "config" && r.user.as_deref() == Some("root")));

    // It is still the one after a restart.
    let restarted = scene.gateway.restart().await;
    assert_eq!((with(&restarted, &first).await, with(&restarted, &second).await), (401, 200));
    restarted.stop().await;
}

#[tokio::test]
async fn pages_of_other_sites_get_nothing() {
    let scene = Scene::start().await;
    access(&scene.gateway, "local").await;
    for header in [("host", "evil.example"), ("origin", "https://evil.example")] {
        assert_eq!(ask(&scene.gateway, &[header]).await.status, 403, "{header:?}");
    }
    let reply = http::ask("POST", &scene.gateway.url("/metrics"), &[], "").await;
    assert_eq!((reply.status, reply.header("allow")), (405, "GET, HEAD"));
    scene.gateway.stop().await;
}

#[tokio::test]
async fn it_counts_what_the_trail_says() {
    let scene = Scene::start().await;
    access(&scene.gateway, "local").await;
    let counted = "agw_calls_total{decision=\"allow\",reason=\"granted\",face=\"rest\"}";
    let denied = "agw_calls_total{decision=\"deny\",reason=\"not_granted\",face=\"rest\"}";
    eventually("it counts", SOON, async || {
        shown(&scene.gateway).await.contains_key("agw_audit_records_total")
    })
    .await;
    let before = scene.gateway.audit().await[0].seq as f64;
    let begun = shown(&scene.gateway).await["agw_audit_records_total"];
    calls(&scene, 9).await;
    scene.gateway.rest_call(&scene.token, "fix.other", json!({})).await;
    eventually("all are counted", SOON, async || {
        let shown = shown(&scene.gateway).await;
        shown.get(counted) == Some(&9.0) && shown.get(denied) == Some(&1.0)
    })
    .await;
    let reply = ask(&scene.gateway, &[]).await;
    assert_eq!(reply.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let shown = samples(&reply.text);
    assert_eq!(shown["agw_call_duration_seconds_count"], 10.0);
    assert_eq!(shown["agw_call_duration_seconds_bucket{le=\"+Inf\"}"], 10.0);
    let head = scene.gateway.audit().await[0].seq as f64;
    assert_eq!(shown["agw_audit_head"], head);
    assert_eq!(shown["agw_audit_records_total"] - begun, head - before);
    for (name, value) in [
        ("agw_audit_writable", 1.0),
        ("agw_audit_queue", 0.0),
        ("agw_approvals_waiting", 0.0),
        ("agw_calls_under_way", 0.0),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    assert!(!shown.keys().any(|name| name.starts_with("agw_witness_age_seconds")));
    // One is signed within a second.
    eventually("a checkpoint", SOON, async || {
        let shown = self::shown(&scene.gateway).await;
        shown.get("agw_checkpoint_age_seconds").is_some_and(|age| (0.0..60.0).contains(age))
    })
    .await;
    scene.gateway.stop().await;
}

#[tokio::test]
async fn it_tells_of_receivers_and_witnesses() {
    let (scene, folder) = (Scene::start().await, tempfile::tempdir().unwrap());
    access(&scene.gateway, "local").await;
    let mut settings: Value = scene.gateway.admin.get("/api/v1/audit/settings").await.unwrap();
    settings["witness_folder"] = json!(folder.path());
    let _: AuditSettings =
        scene.gateway.admin.put("/api/v1/audit/settings", &settings).await.unwrap();
    super::add(&scene.gateway, "o'neill", "json_lines", "tcp://127.0.0.1:1").await;
    calls(&scene, 3).await;
    eventually("both are there", SOON, async || {
        let shown = shown(&scene.gateway).await;
        let behind = shown.get("agw_forward_behind{name=\"o'neill\"}");
        behind.is_some_and(|behind| *behind > 5.0)
            && shown.contains_key("agw_witness_age_seconds{kind=\"folder\"}")
    })
    .await;
    scene.gateway.stop().await;
}

/// What agents send makes no new series.
#[tokio::test]
async fn nobody_can_make_labels_up() {
    let scene = Scene::start().await;
    access(&scene.gateway, "local").await;
    let names = |shown: BTreeMap<String, f64>| -> BTreeSet<String> { shown.into_keys().collect() };
    for round in 0..2 {
        for n in 0..20 {
            let tool = format!("made{round}.up{n}");
            let (status, _) = scene.gateway.rest_call(&scene.token, &tool, json!({})).await;
            assert_eq!(status, 403);
            let (status, _) = scene.gateway.rest_call(&format!("st_{n}"), &tool, json!({})).await;
            assert_eq!(status, 401);
        }
        let denied = "agw_calls_total{decision=\"deny\",reason=\"not_granted\",face=\"rest\"}";
        eventually("all are counted", SOON, async || {
            shown(&scene.gateway).await.get(denied) == Some(&(20.0 * (round + 1) as f64))
        })
        .await;
    }
    let all = names(shown(&scene.gateway).await);
    assert!(all.iter().all(|name| !name.contains("made") && !name.contains("ana")), "{all:?}");
    let calls: Vec<_> = all.iter().filter(|name| name.starts_with("agw_calls_total")).collect();
    assert!(calls.len() <= 4, "{calls:?}");
    scene.gateway.stop().await;
}
