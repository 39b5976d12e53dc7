//! A folder outside that gets each checkpoint.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use agw_api::Witness;
use agw_core::log::{Checkpoint, VerifyingKey};
use serde_json::{Value, json};

use super::{
    super::scene::Scene, SOON, ask, calls, checkpoint, eventually, key, one, open, set, status,
};
use crate::support::InProcess;

/// What the folder has, in order.
fn taken(folder: &Path, key: &VerifyingKey) -> Vec<Checkpoint> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let texts: Vec<String> = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let text = texts.concat();
    let mut blocks = text.split("\n\n");
    let mut checkpoints = Vec::new();
    while let (Some(body), Some(signatures)) = (blocks.next(), blocks.next()) {
        checkpoints.push(key.open(&format!("{body}\n\n{signatures}\n")).unwrap());
    }
    checkpoints
}

async fn witness(gateway: &InProcess) -> Witness {
    let mut witnesses = status(gateway).await.witnesses;
    assert_eq!(witnesses.len(), 1, "{witnesses:?}");
    witnesses.remove(0)
}

/// The folder has the newest checkpoint, and the status says so.
async fn keeps_up(gateway: &InProcess) {
    eventually("the witness has the newest checkpoint", SOON, async || {
        let status = status(gateway).await;
        let Some(newest) = status.checkpoint else { return false };
        status.witnesses.first().is_some_and(|witness| {
            witness.size == newest.size && witness.error.is_none() && newest.size == status.head
        })
    })
    .await;
}

#[tokio::test]
async fn it_gets_each_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::start().await;
    assert_eq!(status(&scene.gateway).await.witnesses.len(), 0);
    set(&scene.gateway, json!({"witness_folder": folder.path()})).await;
    keeps_up(&scene.gateway).await;
    let from = status(&scene.gateway).await.head;
    for _ in 0..4 {
        calls(&scene.gateway, &scene.token, 10, 200).await;
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    keeps_up(&scene.gateway).await;
    let shown = witness(&scene.gateway).await;
    assert_eq!(shown.place, folder.path().to_str().unwrap());
    assert!(shown.taken_at.is_some());
    let scene = scene.restart().await;
    keeps_up(&scene.gateway).await;
    let key = key(&scene.gateway).await;
    let stored: BTreeSet<u64> = {
        let db = open(scene.dir());
        let mut select = db.prepare("SELECT size FROM checkpoints WHERE size >= ?1").unwrap();
        let rows = select.query_map([from], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    let taken: Vec<u64> = taken(folder.path(), &key).iter().map(|c| c.size).collect();
    assert!(taken.is_sorted(), "{taken:?}");
    let missing: Vec<_> = stored.iter().filter(|size| !taken.contains(size)).collect();
    assert!(missing.is_empty() && stored.len() > 4, "{missing:?} of {stored:?}");
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_folder_that_is_gone_is_told_of_and_holds_nothing_up() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("witness");
    fs::create_dir(&place).unwrap();
    let scene = Scene::start().await;
    set(&scene.gateway, json!({"witness_folder": place})).await;
    keeps_up(&scene.gateway).await;
    let before = witness(&scene.gateway).await;
    fs::rename(&place, folder.path().join("away")).unwrap();
    calls(&scene.gateway, &scene.token, 5, 200).await;
    checkpoint(&scene.gateway).await;
    eventually("it is told", SOON, async || witness(&scene.gateway).await.error.is_some()).await;
    let shown = witness(&scene.gateway).await;
    assert_eq!((shown.size, &shown.taken_at), (before.size, &before.taken_at));
    calls(&scene.gateway, &scene.token, 5, 200).await;
    // Other settings can be changed meanwhile.
    set(&scene.gateway, json!({"bodies_days": 30})).await;
    // A restart does not wait for it either.
    let scene = scene.restart().await;
    assert!(status(&scene.gateway).await.alarm.is_none());
    calls(&scene.gateway, &scene.token, 5, 200).await;
    fs::rename(folder.path().join("away"), &place).unwrap();
    calls(&scene.gateway, &scene.token, 1, 200).await;
    keeps_up(&scene.gateway).await;
    // None at all is none.
    set(&scene.gateway, json!({"witness_folder": null})).await;
    eventually("none is shown", SOON, async || status(&scene.gateway).await.witnesses.is_empty())
        .await;
    scene.gateway.stop().await;
}

#[tokio::test]
async fn only_a_folder_that_takes_files_is_taken() {
    let scene = Scene::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let none = folder.path().join("none");
    for place in [json!("relative"), json!(""), json!(file), json!(none)] {
        let body = json!({"witness_folder": place, "version": 0});
        let (code, body) = ask(&scene.gateway.admin, "PUT", "/api/v1/audit/settings", body).await;
        assert_eq!((code, &body["code"]), (422, &json!("invalid")), "{body}");
    }
    assert!(!none.exists());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
    scene.gateway.stop().await;
}

/// A machine that lost its power may have written a part of one.
#[tokio::test]
async fn one_that_was_written_in_part_is_no_reason_for_an_alarm() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::start().await;
    set(&scene.gateway, json!({"witness_folder": folder.path()})).await;
    for cut in [0, 1, 40, 79, 80, 81, 82, 83, 84, 100, 200] {
        calls(&scene.gateway, &scene.token, 1, 200).await;
        keeps_up(&scene.gateway).await;
        let torn = |dir: &Path| {
            let db = open(dir);
            let note: String = one(&db, "SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1");
            let mut files: Vec<_> =
                fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().path()).collect();
            files.sort();
            let path = files.pop().unwrap();
            let mut bytes = fs::read(&path).unwrap();
            bytes.extend_from_slice(&note.as_bytes()[..cut.min(note.len())]);
            fs::write(&path, bytes).unwrap();
        };
        for _ in 0..2 {
            scene = scene.restart_after(torn).await;
            let alarm = status(&scene.gateway).await.alarm;
            assert!(alarm.is_none(), "{cut}: {alarm:?}");
            calls(&scene.gateway, &scene.token, 1, 200).await;
            keeps_up(&scene.gateway).await;
        }
    }
    scene.gateway.stop().await;
}

/// Two gateways may share one: each looks at its own.
#[tokio::test]
async fn checkpoints_of_another_gateway_are_no_reason_for_an_alarm() {
    let folder = tempfile::tempdir().unwrap();
    let mut scenes = [Scene::start().await, Scene::start().await];
    for _ in 0..2 {
        for scene in &scenes {
            let settings: Value = scene.gateway.admin.get("/api/v1/audit/settings").await.unwrap();
            if settings["witness_folder"].is_null() {
                set(&scene.gateway, json!({"witness_folder": folder.path()})).await;
            }
            calls(&scene.gateway, &scene.token, 1, 200).await;
            keeps_up(&scene.gateway).await;
        }
        let [one, other] = scenes;
        scenes = [one.restart().await, other.restart().await];
        for scene in &scenes {
            let alarm = status(&scene.gateway).await.alarm;
            assert!(alarm.is_none(), "{alarm:?}");
        }
    }
    for scene in scenes {
        scene.gateway.stop().await;
    }
}
