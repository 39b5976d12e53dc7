//! A receiver that hangs is nobody's problem but its own.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use agw_api::AuditStatus;

use super::{
    super::scene::Scene,
    add, assert_same, calls, caught_up,
    collector::{Collector, Manner as Answers},
    forward,
    sink::{Manner, Sink},
    trail,
};

const CALLS: usize = 150;
/// Many times what they take.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn calls_go_on_while_receivers_hang_and_nothing_is_lost() {
    let scene = Scene::start().await;
    let mut deaf = Sink::start().await;
    deaf.leave().await;
    deaf.come(Manner::Deaf).await;
    let mute = Collector::start().await;
    mute.answer(Answers::Never);
    let (gateway, well) = (&scene.gateway, Sink::start().await);
    add(gateway, "deaf", "syslog", &deaf.target()).await;
    add(gateway, "mute", "otlp", &mute.target()).await;
    add(gateway, "well", "json_lines", &well.target()).await;
    let begun = Instant::now();
    calls(&scene, CALLS).await;
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    // Its neighbours do not wait for it.
    caught_up(gateway, "well").await;
    let status: AuditStatus = gateway.admin.get("/api/v1/audit/status").await.unwrap();
    assert!(status.writable && status.head >= 2 * CALLS as u64, "{status:?}");
    assert_same(&well.lines(), &trail(gateway).await);
    for name in ["deaf", "mute"] {
        let forward = forward(gateway, name).await;
        assert!(forward.behind >= 2 * CALLS as u64, "{forward:?}");
    }
    mute.answer(Answers::Takes);
    deaf.leave().await;
    deaf.come(Manner::Reads).await;
    caught_up(gateway, "mute").await;
    caught_up(gateway, "deaf").await;
    // What was not acknowledged in time is sent again.
    let spans: HashSet<Vec<u8>> = mute.spans().into_iter().map(|span| span.trace_id).collect();
    assert_eq!(spans.len(), CALLS);
    let trail = trail(gateway).await.len();
    let received = String::from_utf8(deaf.received().concat()).unwrap();
    let seq = |record: &str| {
        let (_, rest) = record.split_once("\"seq\":")?;
        Some(rest.split([',', '}']).next()?.to_owned())
    };
    let records: HashSet<String> = received.split(" agw ").filter_map(seq).collect();
    assert_eq!(records.len(), trail);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_service_stops_though_a_receiver_hangs() {
    let scene = Scene::start().await;
    let mut deaf = Sink::start().await;
    deaf.leave().await;
    deaf.come(Manner::Deaf).await;
    let mute = Collector::start().await;
    mute.answer(Answers::Never);
    add(&scene.gateway, "deaf", "json_lines", &deaf.target()).await;
    add(&scene.gateway, "mute", "otlp", &mute.target()).await;
    calls(&scene, 20).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    scene.gateway.stop().await;
    // Calls under way would get 5 s.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}
