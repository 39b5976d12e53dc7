//! A trail that was set back says so, and one that was not says nothing.

use std::{fs, path::Path};

use agw_api::{AuditStatus, Status};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{super::scene::Scene, ask, calls, checkpoint, list, set, status, verified};
use crate::support::InProcess;

/// The files of the database, and what else is named, as they are now.
fn copied(dir: &Path, others: &[&str]) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in ["agw.db", "agw.db-wal"].iter().chain(others) {
        if dir.join(name).exists() {
            fs::copy(dir.join(name), copy.path().join(name)).unwrap();
        }
    }
    copy
}

/// In the place of what is there.
fn put_back(copy: &Path, dir: &Path) {
    for name in ["agw.db", "agw.db-wal", "agw.db-shm"] {
        let _ = fs::remove_file(dir.join(name));
    }
    for entry in fs::read_dir(copy).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), dir.join(entry.file_name())).unwrap();
    }
}

/// With three calls, of which a copy of the database that is put back knows
/// nothing.
async fn set_back() -> Scene {
    let scene = Scene::start().await;
    calls(&scene.gateway, &scene.token, 2, 200).await;
    let mut copy = None;
    let scene = scene.restart_after(|dir| copy = Some(copied(dir, &[]))).await;
    calls(&scene.gateway, &scene.token, 3, 200).await;
    scene.restart_after(|dir| put_back(copy.unwrap().path(), dir)).await
}

async fn assert_alarm(gateway: &InProcess, what: &str) -> AuditStatus {
    let status = status(gateway).await;
    let alarm = status.alarm.clone().expect("an alarm");
    assert!(alarm.message.contains(what), "{alarm:?}");
    assert!(alarm.next.contains("agw audit acknowledge"), "{alarm:?}");
    let shown: Status = gateway.admin.get("/api/v1/status").await.unwrap();
    assert_eq!(shown.audit_alarm, Some(alarm.message.clone()));
    let recorded = list(&gateway.admin, "kind=service&status=audit_alarm").await;
    assert_eq!(recorded.first().expect("a record").detail, Some(alarm.message));
    status
}

async fn assert_quiet(gateway: &InProcess) {
    assert_eq!(status(gateway).await.alarm.map(|alarm| alarm.message), None);
    let shown: Status = gateway.admin.get("/api/v1/status").await.unwrap();
    assert_eq!(shown.audit_alarm, None);
    let recorded = list(&gateway.admin, "kind=service&status=audit_alarm").await;
    assert_eq!(recorded.len(), 0, "{recorded:#?}");
}

#[tokio::test]
async fn a_database_that_was_set_back_is_found_until_somebody_knows_of_it() {
    let scene = set_back().await;
    let first = assert_alarm(&scene.gateway, "set back").await;
    // Calls go on, and are recorded; a restart makes nobody forget.
    calls(&scene.gateway, &scene.token, 20, 200).await;
    let scene = scene.restart().await;
    let second = assert_alarm(&scene.gateway, "set back").await;
    assert_eq!(second.alarm.unwrap().found_at, first.alarm.unwrap().found_at);

    // Only an admin may end it.
    let path = "/api/v1/audit/acknowledge";
    for role in ["member", "auditor"] {
        let person = scene.gateway.add_person(role, role).await;
        assert_eq!(ask(&person, "POST", path, Value::Null).await.0, 403);
    }
    assert_alarm(&scene.gateway, "set back").await;
    let (code, body) = ask(&scene.gateway.admin, "POST", path, Value::Null).await;
    assert_eq!((code, &body["alarm"]), (200, &Value::Null), "{body}");
    let ended = list(&scene.gateway.admin, "status=audit_alarm_acknowledged").await;
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].user.as_deref(), Some("root"));
    // Once more changes nothing.
    assert_eq!(ask(&scene.gateway.admin, "POST", path, Value::Null).await.0, 200);
    let scene = scene.restart().await;
    assert!(status(&scene.gateway).await.alarm.is_none());
    assert_eq!(list(&scene.gateway.admin, "status=audit_alarm_acknowledged").await.len(), 1);
    verified(&scene.gateway, "").await;
    scene.gateway.stop().await;
}

/// Also when by now there are more records than before.
#[tokio::test]
async fn another_branch_of_history_is_found() {
    let scene = Scene::start().await;
    calls(&scene.gateway, &scene.token, 2, 200).await;
    let (mut copy, mut beside) = (None, Vec::new());
    let scene = scene.restart_after(|dir| copy = Some(copied(dir, &[]))).await;
    calls(&scene.gateway, &scene.token, 2, 200).await;
    let longer = scene.restart_after(|dir| {
        beside = fs::read(dir.join("checkpoint")).unwrap();
        put_back(copy.unwrap().path(), dir);
        fs::remove_file(dir.join("checkpoint")).unwrap();
    });
    // Without the file beside it, nothing on this machine knows better.
    let scene = longer.await;
    assert_quiet(&scene.gateway).await;
    calls(&scene.gateway, &scene.token, 30, 200).await;
    let scene =
        scene.restart_after(|dir| fs::write(dir.join("checkpoint"), &beside).unwrap()).await;
    assert_alarm(&scene.gateway, "not those that were signed").await;
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_database_of_before_the_first_checkpoint_is_found() {
    let dir = tempfile::tempdir().unwrap();
    InProcess::serve(dir.path(), crate::support::SHORT).await.stop().await;
    let copy = copied(dir.path(), &["master.key"]);
    let scene = Scene::start().await;
    let note = checkpoint(&scene.gateway).await.note;
    scene.gateway.stop().await;
    fs::write(dir.path().join("checkpoint"), note).unwrap();
    put_back(copy.path(), dir.path());
    let running = InProcess::serve(dir.path(), crate::support::SHORT).await;
    let records = super::records(dir.path());
    assert!(records.iter().any(|record| record.contains("\"audit_alarm\"")), "{records:#?}");
    running.stop().await;
}

#[tokio::test]
async fn starts_after_stops_and_crashes_raise_no_alarm() {
    let mut scene = Scene::start().await;
    for round in 0..3 {
        calls(&scene.gateway, &scene.token, 3 + round, 200).await;
        scene = scene.restart().await;
        assert_quiet(&scene.gateway).await;
    }
    // All files as they were at one moment, as a crash leaves them.
    for round in 0..3 {
        calls(&scene.gateway, &scene.token, 5, 200).await;
        if round > 0 {
            checkpoint(&scene.gateway).await;
        }
        let copy = copied(scene.dir(), &["checkpoint"]);
        scene = scene.restart_after(|dir| put_back(copy.path(), dir)).await;
        assert_quiet(&scene.gateway).await;
    }
    verified(&scene.gateway, "").await;
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_checkpoint_file_that_is_not_whole_raises_no_alarm() {
    let mut scene = Scene::start().await;
    calls(&scene.gateway, &scene.token, 3, 200).await;
    let note = checkpoint(&scene.gateway).await.note;
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for length in [0, 1, 10, note.len() / 2, note.len() - 30, note.len() - 1] {
        parts.push(note.as_bytes()[..length.min(note.len())].to_vec());
    }
    parts.push(vec![0; note.len()]);
    parts.push([note.as_bytes()[..note.len() / 2].to_vec(), vec![0; 40]].concat());
    for part in parts {
        scene = scene
            .restart_after(|dir| {
                fs::write(dir.join("checkpoint"), &part).unwrap();
                fs::write(dir.join("checkpoint.new"), &part[..part.len() / 2]).unwrap();
            })
            .await;
        assert_quiet(&scene.gateway).await;
    }
    scene = scene.restart_after(|dir| fs::remove_file(dir.join("checkpoint")).unwrap()).await;
    assert_quiet(&scene.gateway).await;
    scene.gateway.stop().await;
}

/// What the folder outside has counts when the data folder was set back as a
/// whole.
#[tokio::test]
async fn a_data_folder_that_was_set_back_as_a_whole_is_found_by_the_witness_folder() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::start().await;
    set(&scene.gateway, json!({"witness_folder": folder.path()})).await;
    calls(&scene.gateway, &scene.token, 2, 200).await;
    let mut copy = None;
    let scene = scene.restart_after(|dir| copy = Some(copied(dir, &["checkpoint"]))).await;
    calls(&scene.gateway, &scene.token, 3, 200).await;
    let scene = scene.restart_after(|dir| put_back(copy.unwrap().path(), dir)).await;
    assert_alarm(&scene.gateway, "witness folder").await;
    let path = "/api/v1/audit/acknowledge";
    assert_eq!(ask(&scene.gateway.admin, "POST", path, Value::Null).await.0, 200);
    checkpoint(&scene.gateway).await;
    // From then on it goes by the new branch.
    let scene = scene.restart().await;
    assert!(status(&scene.gateway).await.alarm.is_none());
    scene.gateway.stop().await;
}
