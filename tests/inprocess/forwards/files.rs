//! JSON lines in a file.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

use serde_json::Value;

use super::{
    super::scene::Scene, SOON, add, assert_same, calls, caught_up, error, forward, restart, trail,
};
use crate::support::eventually;

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.ends_with('\n'), "the last line is whole");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_file_may_be_moved_away_or_cut_at_any_time() {
    let (scene, dir) = (Scene::start().await, tempfile::tempdir().unwrap());
    let (path, older) = (dir.path().join("agw.jsonl"), dir.path().join("agw.jsonl.1"));
    add(&scene.gateway, "file", "json_lines", path.to_str().unwrap()).await;
    calls(&scene, 10).await;
    caught_up(&scene.gateway, "file").await;
    assert_same(&lines(&path), &trail(&scene.gateway).await);

    fs::rename(&path, &older).unwrap();
    calls(&scene, 10).await;
    caught_up(&scene.gateway, "file").await;
    assert_ne!(fs::metadata(&path).unwrap().ino(), fs::metadata(&older).unwrap().ino());
    let both = [lines(&older), lines(&path)].concat();
    assert_same(&both, &trail(&scene.gateway).await);

    // As `copytruncate` does.
    fs::write(&path, "").unwrap();
    calls(&scene, 5).await;
    caught_up(&scene.gateway, "file").await;
    let all = trail(&scene.gateway).await;
    let rest = lines(&path);
    assert_same(&rest, &all[all.len() - rest.len()..]);
    assert_eq!(all.len(), both.len() + rest.len());
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_restart_writes_nothing_twice() {
    let (scene, dir) = (Scene::start().await, tempfile::tempdir().unwrap());
    let path = dir.path().join("agw.jsonl");
    add(&scene.gateway, "file", "json_lines", path.to_str().unwrap()).await;
    let mut scene = scene;
    for _ in 0..3 {
        calls(&scene, 10).await;
        // What was sent a moment ago is not noted yet.
        let head = scene.gateway.audit().await[0].seq;
        let written = || fs::read_to_string(&path).is_ok_and(|text| text.ends_with('\n'));
        eventually("it is written", SOON, async || {
            written() && lines(&path).last().unwrap()["seq"] == head
        })
        .await;
        scene = restart(scene, |_| {}).await;
    }
    caught_up(&scene.gateway, "file").await;
    assert_same(&lines(&path), &trail(&scene.gateway).await);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_folder_that_goes_and_comes_back_leaves_no_gap() {
    let (scene, dir) = (Scene::start().await, tempfile::tempdir().unwrap());
    let folder = dir.path().join("logs");
    let path = folder.join("agw.jsonl");
    fs::create_dir(&folder).unwrap();
    add(&scene.gateway, "file", "json_lines", path.to_str().unwrap()).await;
    calls(&scene, 3).await;
    caught_up(&scene.gateway, "file").await;
    let before = lines(&path);
    fs::remove_dir_all(&folder).unwrap();
    calls(&scene, 3).await;
    let problem = error(&scene.gateway, "file").await;
    assert!(problem.contains("agw.jsonl: No such file"), "{problem}");
    assert!(forward(&scene.gateway, "file").await.behind >= 6);
    fs::create_dir(&folder).unwrap();
    caught_up(&scene.gateway, "file").await;
    assert_same(&[before, lines(&path)].concat(), &trail(&scene.gateway).await);
    scene.gateway.stop().await;
}
