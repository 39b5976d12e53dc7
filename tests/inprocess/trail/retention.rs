//! What is too old, or too much: it goes, what is left holds, and the trail
//! says so.

use std::{fs, path::Path};

use agw_api::AuditStatus;
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    super::scene::Scene, GROUP, SOON, ask, calls, check, eventually, export, key, list, now_ms,
    one, open, quoted, receipts, set, status, tamper, verified,
};
use crate::support::InProcess;

const DAY_MS: i64 = 24 * 3600 * 1_000;
/// Two groups and most of a third.
const OLD: u64 = 700;

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn time(db: &Connection, ms: i64) -> String {
    let sql = "SELECT strftime('%Y-%m-%dT%H:%M:%fZ', ?1 / 1000.0, 'unixepoch')";
    db.query_row(sql, [ms], |row| row.get(0)).unwrap()
}

/// In the place of the trail: `count` records of so many days ago, with words
/// and bodies, as they would be after a stop.
fn age(dir: &Path, count: u64, days: i64, length: usize) {
    tamper(
        dir,
        "DELETE FROM audit; DELETE FROM audit_texts; DELETE FROM audit_bodies;
         DELETE FROM audit_groups; DELETE FROM audit_shapes; DELETE FROM audit_shape_groups;
         DELETE FROM audit_approvals; DELETE FROM checkpoints;",
    );
    fs::remove_file(dir.join("checkpoint")).unwrap();
    let mut db = open(dir);
    let tx = db.transaction().unwrap();
    let long = "x".repeat(length);
    for seq in 1..=count {
        let call = (u128::from(seq).to_be_bytes(), seq);
        let text = format!("0123456789abcdef{{\"detail\":\"old words {seq}\"}}").into_bytes();
        let body = format!("sealed {seq}").into_bytes();
        let time = time(&tx, now_ms() - days * DAY_MS + seq as i64);
        let record = json!({
            "args": {"long": long}, "body": hex(&body), "kind": "outcome", "seq": seq,
            "status": "ok", "text": hex(&text), "time": time, "tool": "old.tool", "user": "u2",
            "v": 2
        });
        tx.execute(
            "INSERT INTO audit VALUES (?1, ?2, ?3)",
            params![seq, call.0, record.to_string()],
        )
        .unwrap();
        tx.execute("INSERT INTO audit_texts VALUES (?1, ?2)", params![seq, text]).unwrap();
        tx.execute("INSERT INTO audit_bodies VALUES (?1, ?2)", params![seq, body]).unwrap();
    }
    let sql = "INSERT OR REPLACE INTO meta VALUES ('audit_low_water', ?1)";
    tx.execute(sql, [count.to_string()]).unwrap();
    tx.commit().unwrap();
}

async fn aged(days: i64) -> Scene {
    let scene = Scene::start().await;
    let scene = scene.restart_after(|dir| age(dir, OLD, days, 0)).await;
    assert!(status(&scene.gateway).await.alarm.is_none());
    calls(&scene.gateway, &scene.token, 3, 200).await;
    scene
}

async fn compacted(gateway: &InProcess, first: u64) -> AuditStatus {
    eventually(&format!("records from {first} on"), SOON, async || {
        status(gateway).await.first == first
    })
    .await;
    status(gateway).await
}

async fn assert_left(scene: &Scene, first: u64) {
    let gateway = &scene.gateway;
    let head = status(gateway).await.head;
    let all = list(&gateway.admin, "limit=1000").await;
    let seqs: Vec<u64> = all.iter().map(|record| record.seq).collect();
    assert_eq!(seqs, (first..=head).rev().collect::<Vec<_>>());
    for (query, least) in [
        ("text=old%20words", first),
        ("tool=old.tool", first),
        ("connection=old", first),
        ("kind=outcome&status=ok&user=ana", first),
        ("until=2026-01-01T00:00:00Z", u64::MAX),
    ] {
        let found = list(&gateway.admin, &format!("limit=50&{query}")).await;
        assert_eq!(found.last().map_or(u64::MAX, |record| record.seq), least, "{query}");
    }
    let report = verified(gateway, "").await;
    // It is of all from the first one on, and says itself what is missing.
    assert_eq!((report.first, report.compacted_below), (1, Some(first)));
    assert_eq!(report.records, report.size + 1 - first);
    assert_eq!(verified(gateway, "since_seq=10").await.first, 10);
    for query in [
        "since_seq=1",
        "since_seq=513",
        "since_seq=600",
        "bodies=true",
        "tool=old.tool",
        "text=old",
    ] {
        let report = verified(gateway, query).await;
        assert!(report.records > 0, "{query}");
    }
    let since = format!("since={}", quoted(&all.last().unwrap().time));
    let report = verified(gateway, &since).await;
    assert!(report.first <= first && report.records > 0, "{report:?}");
    let [until, newest] = [all.len() / 2, 0].map(|at| quoted(&all[at].time));
    for part in [format!("until={until}"), format!("{since}&until={until}")] {
        let report = verified(gateway, &part).await;
        assert!((report.first, report.last) >= (first, first) && report.records > 0, "{report:?}");
    }
    assert!(verified(gateway, &format!("since={newest}")).await.first > first);
    let head = status(gateway).await.head;
    let looked = gateway.admin.download("/api/v1/audit/export?format=tlog").await.unwrap();
    assert_eq!(looked.records(), Some(head + 1 - first));
    let jsonl = export(&gateway.admin, "format=jsonl").await.unwrap();
    assert!(jsonl.lines().count() as u64 > head - first);
    // Of what is gone nothing is shown.
    let (code, _) = ask(&gateway.admin, "GET", "/api/v1/audit/100", Value::Null).await;
    assert_eq!(code, 404);
    let db = open(scene.dir());
    for table in ["audit", "audit_texts", "audit_bodies"] {
        let sql = format!("SELECT count(*) FROM {table} WHERE seq < {first}");
        assert_eq!(one::<u64>(&db, &sql), 0, "{table}");
    }
    let index = format!("SELECT count(*) FROM audit_shape_groups WHERE grp < {}", first / GROUP);
    assert_eq!(one::<u64>(&db, &index), 0);
    // And the database guards the rest as before.
    for sql in [
        format!("DELETE FROM audit WHERE seq = {first}"),
        format!("UPDATE audit SET record = '' WHERE seq = {}", first + 1),
        "DELETE FROM audit_groups WHERE grp = 0".to_owned(),
        "UPDATE audit_groups SET hash = x'00'".to_owned(),
        "UPDATE audit_texts SET bytes = x'00'".to_owned(),
        "UPDATE audit_bodies SET bytes = x'00'".to_owned(),
    ] {
        let refused = db.execute(&sql, []);
        assert!(refused.is_err() || sql.contains("bodies") && refused == Ok(0), "{sql}");
    }
}

#[tokio::test]
async fn old_records_go_by_groups_and_the_rest_holds() {
    let scene = aged(30).await;
    verified(&scene.gateway, "bodies=true").await;
    let all = list(&scene.gateway.admin, "limit=1000").await.len() as u64;
    assert!(all > OLD);
    // Not old enough.
    set(&scene.gateway, json!({"records_days": 31})).await;
    calls(&scene.gateway, &scene.token, 1, 200).await;
    assert_eq!(status(&scene.gateway).await.first, 1);
    set(&scene.gateway, json!({"records_days": 7})).await;
    let first = 2 * GROUP + 1;
    compacted(&scene.gateway, first).await;
    let said = list(&scene.gateway.admin, "kind=service&status=compacted").await;
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].detail.as_ref().unwrap().contains("1 to 512"), "{said:#?}");
    assert_left(&scene, first).await;
    let scene = scene.restart().await;
    assert!(status(&scene.gateway).await.alarm.is_none());
    assert_left(&scene, first).await;
    set(&scene.gateway, json!({"receipts": true})).await;
    let reply = scene.rest(json!({"tool": "fix.echo", "args": {}}).to_string()).await;
    receipts::parsed(&receipts::in_header(&reply)).check(&key(&scene.gateway).await).unwrap();
    // It goes on: what is written and proven after it holds, too.
    super::fill(&scene, 4 * GROUP).await;
    assert_left(&scene, first).await;
    assert_eq!(list(&scene.gateway.admin, "status=compacted").await.len(), 1);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn old_bodies_go_and_their_records_stay() {
    let scene = aged(3).await;
    set(&scene.gateway, json!({"bodies_days": 2})).await;
    let bodies = |dir: &Path| {
        let sql = format!("SELECT count(*) FROM audit_bodies WHERE seq <= {}", 2 * GROUP);
        one::<u64>(&open(dir), &sql)
    };
    eventually("the bodies are gone", SOON, async || bodies(scene.dir()) == 0).await;
    let left: u64 = one(&open(scene.dir()), "SELECT count(*) FROM audit_bodies");
    assert_eq!(left, OLD - 2 * GROUP, "what is in an unfinished group stays");
    assert_eq!(status(&scene.gateway).await.first, 1);
    let said = list(&scene.gateway.admin, "kind=service&status=expired").await;
    assert_eq!(said.len(), 1, "{said:#?}");
    let shown = list(&scene.gateway.admin, "limit=1000&tool=old.tool").await;
    assert_eq!(shown.len() as u64, OLD);
    for record in shown {
        let gone = record.seq <= 2 * GROUP;
        assert_eq!((record.body, record.erased), (!gone, gone), "{record:?}");
        assert!(record.detail.unwrap().starts_with("old words"));
    }
    let report = verified(&scene.gateway, "bodies=true").await;
    assert_eq!((report.bodies, report.compacted_below), (OLD - 2 * GROUP, None));
    scene.gateway.stop().await;
}

#[tokio::test]
async fn what_is_too_much_goes_but_none_of_the_last_seven_days() {
    // 105 MiB.
    let grow = |days| move |dir: &Path| age(dir, OLD, days, 150 << 10);
    let scene = Scene::start().await.restart_after(grow(6)).await;
    set(&scene.gateway, json!({"max_mib": 64})).await;
    calls(&scene.gateway, &scene.token, 3, 200).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(status(&scene.gateway).await.first, 1);
    assert_eq!(one::<u64>(&open(scene.dir()), "SELECT count(*) FROM audit_bodies"), OLD);
    let scene = scene.restart_after(grow(8)).await;
    compacted(&scene.gateway, 2 * GROUP + 1).await;
    let said = list(&scene.gateway.admin, "kind=service&status=expired").await;
    assert_eq!(said.len(), 1, "first the bodies: {said:#?}");
    let report = verified(&scene.gateway, "").await;
    assert_eq!(report.compacted_below, Some(2 * GROUP + 1));
    scene.gateway.stop().await;
}

/// A checkpoint of records that are gone cannot be told apart from another one;
/// whoever asks hears so at once.
#[tokio::test]
async fn an_old_checkpoint_of_what_is_gone_is_refused_and_of_what_is_left_it_holds() {
    let scene = aged(30).await;
    let gateway = &scene.gateway;
    super::fill(&scene, OLD + 60).await;
    let kept = super::checkpoint(gateway).await;
    set(gateway, json!({"records_days": 7})).await;
    compacted(gateway, 2 * GROUP + 1).await;
    for size in [1, 255, GROUP + 1, 2 * GROUP - 1] {
        let path = format!("/api/v1/audit/export?format=tlog&checkpoint={size}");
        let (code, body) = ask(&gateway.admin, "GET", &path, Value::Null).await;
        assert_eq!(code, 422, "{size}: {body}");
        assert!(body["message"].as_str().unwrap().contains("513"), "{body}");
    }
    for size in [0, GROUP, 2 * GROUP, 2 * GROUP + 1, kept.size] {
        verified(gateway, &format!("checkpoint={size}")).await;
    }
    let key = key(gateway).await;
    let query = format!("format=tlog&checkpoint={}&since_seq={}", kept.size, kept.size + 3);
    let text = export(&gateway.admin, &query).await.unwrap();
    check(&key, &text, Some(key.open(&kept.note).unwrap())).unwrap();
    scene.gateway.stop().await;
}

/// Of checkpoints older than a day one an hour is enough, and the newest.
#[tokio::test]
async fn old_checkpoints_are_thinned_out() {
    let scene = Scene::start().await;
    super::fill(&scene, 300).await;
    let signed = super::checkpoint(&scene.gateway).await;
    let day = now_ms() - 3 * DAY_MS;
    let hour = day - day % 3_600_000;
    let add = |dir: &Path| {
        let db = open(dir);
        db.execute("DELETE FROM checkpoints WHERE size < 250", []).unwrap();
        for n in 0..240 {
            let at = hour + n * 60_000;
            let note = format!("note {n}");
            db.execute("INSERT INTO checkpoints VALUES (?1, ?2, ?3)", params![n + 1, at, note])
                .unwrap();
        }
    };
    let scene = scene.restart_after(add).await;
    let old = |dir: &Path| {
        let db = open(dir);
        let mut select = db.prepare("SELECT size FROM checkpoints WHERE size < 250").unwrap();
        let rows = select.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<Vec<u64>, _>>().unwrap()
    };
    eventually("one an hour", SOON, async || old(scene.dir()) == [60, 120, 180, 240]).await;
    let newest: u64 = one(&open(scene.dir()), "SELECT max(size) FROM checkpoints");
    assert!(newest > signed.size);
    assert!(status(&scene.gateway).await.alarm.is_none());
    scene.gateway.stop().await;
}

/// Records that somebody else removed, in the way that retention does: no
/// record tells of it.
#[tokio::test]
async fn a_bound_that_was_moved_by_somebody_else_is_found() {
    let scene = aged(30).await;
    let moved = "DELETE FROM audit WHERE seq <= 256; DELETE FROM audit_texts WHERE seq <= 256;
        DELETE FROM audit_bodies WHERE seq <= 256;
        INSERT OR REPLACE INTO meta VALUES ('audit_first', '257')";
    let scene = scene.restart_after(|dir| tamper(dir, moved)).await;
    for query in ["", "since_seq=1", "since_seq=256", "since=2020-01-01T00:00:00Z"] {
        let query = format!("format=tlog&{query}");
        let text = export(&scene.gateway.admin, &query).await.unwrap();
        let failure = check(&key(&scene.gateway).await, &text, None).unwrap_err();
        assert_eq!(failure.seq, Some(GROUP), "{query}: {failure}");
    }
    verified(&scene.gateway, "since_seq=257").await;
    scene.gateway.stop().await;
}
