//! Records that retention has removed before a receiver could get them.

use std::fs;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::{super::scene::Scene, add, caught_up, forward, restart};
use crate::support::Trail as _;

/// Records of the first group of the trail's tree.
const GROUP: u64 = agw_core::log::GROUP;

#[tokio::test]
async fn it_goes_on_with_the_oldest_and_says_how_many_it_missed() {
    let (scene, dir) = (Scene::start().await, tempfile::tempdir().unwrap());
    let path = dir.path().join("agw.jsonl");
    add(&scene.gateway, "file", "json_lines", path.to_str().unwrap()).await;
    caught_up(&scene.gateway, "file").await;
    let scene = restart(scene, |_| {}).await;
    // Each is one record.
    for _ in 0..GROUP {
        let (status, _) = scene.gateway.rest_call(&scene.token, "fix.other", json!({})).await;
        assert_eq!(status, 403);
    }
    caught_up(&scene.gateway, "file").await;
    fs::remove_file(&path).unwrap();
    // As retention does it, and as if the receiver had been away by then.
    let scene = restart(scene, |data_dir| {
        let db = Connection::open(data_dir.join("agw.db")).unwrap();
        let first = GROUP + 1;
        db.execute_batch(&format!(
            "INSERT OR REPLACE INTO meta VALUES ('audit_first', '{first}');
             DELETE FROM audit_texts WHERE seq < {first};
             DELETE FROM audit WHERE seq < {first};
             DELETE FROM audit_shape_groups WHERE grp = 0;
             UPDATE forwards SET sent = 10;"
        ))
        .unwrap();
    })
    .await;
    let missed = GROUP - 10;
    let told = async || forward(&scene.gateway, "file").await.error.unwrap_or_default();
    crate::support::eventually("it says so", super::SOON, async || {
        told().await.contains(&format!("{missed} records were removed"))
    })
    .await;
    let head = scene.gateway.audit().await[0].seq;
    crate::support::eventually("all are sent", super::SOON, async || {
        forward(&scene.gateway, "file").await.sent >= head
    })
    .await;
    let lines = fs::read_to_string(&path).unwrap();
    let seqs: Vec<u64> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(seqs, (GROUP + 1..=head).collect::<Vec<_>>());
    let records: Vec<Value> =
        scene.gateway.admin.records("/api/v1/audit?status=forward_missed").await.unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["kind"], "service");
    let detail = format!("file: records 11 to {GROUP} were removed unsent");
    assert_eq!(records[0]["detail"], detail);
    scene.gateway.stop().await;
}
