//! Checkpoints: when they are made, by which key, and that they agree.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use agw_core::log::{Checkpoint, Tree, VerifyingKey, leaf_hash};

use super::{
    super::scene::Scene, SOON, ask, calls, checkpoint, eventually, key, one, open, records, status,
};

/// Those that are stored, oldest first, with when they were signed.
fn stored(scene: &Scene, key: &VerifyingKey) -> Vec<(Checkpoint, i64)> {
    let db = open(scene.dir());
    let mut select = db.prepare("SELECT note, signed_at FROM checkpoints ORDER BY size").unwrap();
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let rows: Vec<(String, i64)> = rows.collect::<Result<_, _>>().unwrap();
    rows.into_iter().map(|(note, at)| (key.open(&note).unwrap(), at)).collect()
}

/// Each is of the records that there are.
fn assert_consistent(scene: &Scene, checkpoints: &[(Checkpoint, i64)]) {
    let mut tree = Tree::default();
    let records = records(scene.dir());
    let mut leaves: Vec<[u8; 32]> = Vec::new();
    for record in &records {
        leaves.push(leaf_hash(record.as_bytes()));
        tree.push(leaves[leaves.len() - 1]);
    }
    let group = |group: u64| Ok::<_, Infallible>(leaves[group as usize * 256..][..256].to_vec());
    for (checkpoint, _) in checkpoints {
        let Ok(root) = tree.root_at(checkpoint.size, &mut { group });
        assert_eq!(root, Some(checkpoint.root), "of {} records", checkpoint.size);
    }
    let sizes: Vec<u64> = checkpoints.iter().map(|(checkpoint, _)| checkpoint.size).collect();
    assert!(sizes.is_sorted_by(|a, b| a < b), "{sizes:?}");
}

#[tokio::test]
async fn at_least_one_a_second_under_load_and_one_on_stop() {
    let scene = Scene::start().await;
    let key = key(&scene.gateway).await;
    let begun = Instant::now();
    let from = super::now_ms();
    while begun.elapsed() < Duration::from_secs(5) {
        calls(&scene.gateway, &scene.token, 40, 200).await;
    }
    let until = super::now_ms();
    let made = stored(&scene, &key);
    let times: Vec<i64> = made.iter().map(|(_, at)| *at).filter(|at| *at >= from).collect();
    let all = [from].into_iter().chain(times.iter().copied()).chain([until]);
    let all: Vec<i64> = all.collect();
    let widest = all.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    // A second, and what a busy machine adds.
    assert!(widest < 2_500, "{widest} ms without one: {times:?}");
    assert!(times.len() <= 7, "more than one a second: {times:?}");
    // Then all is signed for without anybody asking.
    eventually("a checkpoint of all", SOON, async || {
        let status = status(&scene.gateway).await;
        status.checkpoint.is_some_and(|signed| signed.size == status.head)
    })
    .await;
    // And nothing more is made when nothing more comes.
    let before = status(&scene.gateway).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let after = status(&scene.gateway).await;
    assert_eq!(after.head, before.head);
    assert_eq!(after.checkpoint.unwrap().signed_at, before.checkpoint.unwrap().signed_at);

    let scene = scene.restart().await;
    let kept = stored(&scene, &key);
    assert_consistent(&scene, &kept);
    let stopped: u64 =
        one(&open(scene.dir()), "SELECT seq FROM audit WHERE record ->> 'status' = 'stopped'");
    assert!(kept.iter().any(|(checkpoint, _)| checkpoint.size == stopped), "{stopped}: {kept:?}");
    scene.gateway.stop().await;
}

#[tokio::test]
async fn one_that_is_asked_for_covers_all_that_came_before() {
    let scene = Scene::start().await;
    let key = key(&scene.gateway).await;
    let mut last = None;
    for _ in 0..5 {
        calls(&scene.gateway, &scene.token, 1, 200).await;
        let head = status(&scene.gateway).await.head;
        let signed = checkpoint(&scene.gateway).await;
        assert!(signed.size >= head);
        let opened = key.open(&signed.note).unwrap();
        assert_eq!(opened.size, signed.size);
        assert!(last.replace(signed.size).is_none_or(|last| last < signed.size));
    }
    // Nothing came since the outcomes were written.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let first = checkpoint(&scene.gateway).await;
    assert_eq!(checkpoint(&scene.gateway).await.note, first.note);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn the_key_and_the_trail_are_the_same_over_restarts() {
    let mut scene = Scene::start().await;
    let first = key(&scene.gateway).await;
    for _ in 0..3 {
        calls(&scene.gateway, &scene.token, 3, 200).await;
        let before = checkpoint(&scene.gateway).await;
        scene = scene.restart().await;
        assert_eq!(key(&scene.gateway).await, first);
        let after = checkpoint(&scene.gateway).await;
        assert!(after.size > before.size);
        assert!(status(&scene.gateway).await.alarm.is_none());
    }
    assert_consistent(&scene, &stored(&scene, &first));
    let made: u64 = one(
        &open(scene.dir()),
        "SELECT count(*) FROM audit WHERE record ->> 'status' = 'checkpoint_key_made'",
    );
    assert_eq!(made, 1);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn while_it_is_sealed_nothing_is_signed_and_afterwards_everything_is() {
    let scene = Scene::start().await;
    let first = key(&scene.gateway).await;
    calls(&scene.gateway, &scene.token, 3, 200).await;
    let hide = |from: &'static str, to: &'static str| {
        move |dir: &std::path::Path| std::fs::rename(dir.join(from), dir.join(to)).unwrap()
    };
    let scene = scene.restart_after(hide("master.key", "hidden")).await;
    let before = status(&scene.gateway).await;
    let signed = before.checkpoint.unwrap();
    assert!(before.head > signed.size, "started, and sealed");
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let later = checkpoint(&scene.gateway).await;
    assert_eq!(later.note, signed.note);
    assert_eq!(key(&scene.gateway).await, first);
    // What it was signed with holds for an export of now, as far as it goes.
    let report = super::verified(&scene.gateway, "").await;
    assert_eq!(report.size, signed.size);

    hide("hidden", "master.key")(scene.dir());
    let (unlocked, body) =
        ask(&scene.gateway.admin, "POST", "/api/v1/unlock", serde_json::json!({})).await;
    assert_eq!(unlocked, 200, "{body}");
    eventually("a checkpoint of all", SOON, async || {
        let status = status(&scene.gateway).await;
        status.checkpoint.is_some_and(|signed| signed.size == status.head)
    })
    .await;
    assert_eq!(key(&scene.gateway).await, first);
    super::verified(&scene.gateway, "").await;
    assert_consistent(&scene, &stored(&scene, &first));
    scene.gateway.stop().await;
}
