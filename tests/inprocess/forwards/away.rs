//! A receiver that goes away, in every way, and comes back.

use super::{
    super::scene::Scene,
    add, assert_same, calls, caught_up, error, forward, restart,
    sink::{Manner, Sink, once},
    trail,
};

#[tokio::test]
async fn a_receiver_that_comes_back_gets_every_record_in_order() {
    let scene = Scene::start().await;
    let mut sink = Sink::start().await;
    add(&scene.gateway, "siem", "json_lines", &sink.target()).await;
    calls(&scene, 20).await;
    caught_up(&scene.gateway, "siem").await;
    assert_same(&sink.lines(), &trail(&scene.gateway).await);

    sink.leave().await;
    calls(&scene, 40).await;
    let problem = error(&scene.gateway, "siem").await;
    assert!(problem.contains("127.0.0.1") && problem.contains("refused"), "{problem}");
    let left = forward(&scene.gateway, "siem").await;
    assert!(left.behind >= 80, "{left:?}");

    sink.come(Manner::Reads).await;
    caught_up(&scene.gateway, "siem").await;
    // It was away when nothing was on its way, so nothing came twice.
    assert_same(&sink.lines(), &trail(&scene.gateway).await);
    let there = forward(&scene.gateway, "siem").await;
    assert!(there.sent_at > left.sent_at, "{there:?} after {left:?}");
    scene.gateway.stop().await;
}

/// To write to somebody who does not read succeeds, and says nothing.
#[tokio::test]
async fn what_a_receiver_did_not_read_before_it_died_is_sent_again() {
    let scene = Scene::start().await;
    let mut sink = Sink::start().await;
    sink.leave().await;
    sink.come(Manner::Deaf).await;
    let before = add(&scene.gateway, "siem", "json_lines", &sink.target()).await.sent;
    calls(&scene, 20).await;
    // It is sent within a quarter of a second.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(forward(&scene.gateway, "siem").await.sent, before);
    sink.leave().await;
    sink.come(Manner::Reads).await;
    caught_up(&scene.gateway, "siem").await;
    assert_same(&once(sink.lines()), &trail(&scene.gateway).await);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_receiver_that_hangs_up_in_the_middle_misses_nothing() {
    let scene = Scene::start().await;
    let mut sink = Sink::start().await;
    for bytes in [1, 700, 5_000] {
        sink.leave().await;
        sink.come(Manner::HangsUpAfter(bytes)).await;
        let name = format!("after {bytes}");
        add(&scene.gateway, &name, "json_lines", &sink.target()).await;
        calls(&scene, 20).await;
        let problem = error(&scene.gateway, &name).await;
        assert!(problem.contains("cannot"), "{problem}");
        let received = sink.received().len();
        sink.leave().await;
        sink.come(Manner::Reads).await;
        caught_up(&scene.gateway, &name).await;
        let path = format!("{}/{}", super::FORWARDS, name.replace(' ', "%20"));
        scene.gateway.admin.delete(&path).await.unwrap();
        // What it had was half of something; all of it came again.
        let lines = sink.lines_after(received);
        let trail = trail(&scene.gateway).await;
        assert_same(&once(lines)[..], &trail[..trail.len() - 1]);
    }
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_restart_goes_on_where_it_was() {
    let scene = Scene::start().await;
    let mut sink = Sink::start().await;
    add(&scene.gateway, "siem", "json_lines", &sink.target()).await;
    calls(&scene, 20).await;
    // Whether or not it has all by then.
    let scene = restart(scene, |_| {}).await;
    calls(&scene, 5).await;
    caught_up(&scene.gateway, "siem").await;
    assert_same(&sink.lines(), &trail(&scene.gateway).await);
    sink.leave().await;
    calls(&scene, 5).await;
    let scene = restart(scene, |_| {}).await;
    sink.come(Manner::Reads).await;
    caught_up(&scene.gateway, "siem").await;
    assert_same(&sink.lines(), &trail(&scene.gateway).await);
    scene.gateway.stop().await;
}
