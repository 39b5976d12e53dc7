//! An HTTP witness (C2SP `tlog-witness`) that takes only what goes on from
//! what it has.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use agw_api::Witness;
use agw_core::log::{Checkpoint, Hash, VerifyingKey, verify_consistency};
use axum::{Router, extract::State, http::StatusCode, response::IntoResponse, routing::post};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use super::{
    super::scene::Scene, GROUP, SOON, ask, calls, checkpoint, eventually, fill, key, list, set,
    status,
};
use crate::support::InProcess;

/// How it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Well,
    Hangs,
    /// With this status and no reason.
    Status(u16),
    /// 409, and this size.
    Has(u64),
    /// 409, and no size.
    Conflict,
    /// 200, with more than anybody reads.
    Chatters,
}

struct Inner {
    key: Mutex<Option<VerifyingKey>>,
    manner: Mutex<Manner>,
    has: Mutex<Option<Checkpoint>>,
    /// `old` of each request, the size of its checkpoint, and the answer.
    asked: Mutex<Vec<(u64, u64, u16)>>,
}

/// The witness. Gone when dropped.
struct Outsider {
    address: std::net::SocketAddr,
    inner: Arc<Inner>,
    server: JoinHandle<()>,
}

impl Outsider {
    async fn start() -> Self {
        let inner = Arc::new(Inner {
            key: Mutex::default(),
            manner: Mutex::new(Manner::Well),
            has: Mutex::default(),
            asked: Mutex::default(),
        });
        let router = Router::new()
            .route("/some/where/add-checkpoint", post(add))
            .with_state(Arc::clone(&inner));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, inner, server }
    }

    fn url(&self) -> String {
        format!("http://{}/some/where", self.address)
    }

    fn behave(&self, manner: Manner) {
        *self.inner.manner.lock().unwrap() = manner;
    }

    fn size(&self) -> u64 {
        self.inner.has.lock().unwrap().as_ref().map_or(0, |checkpoint| checkpoint.size)
    }

    fn asked(&self) -> Vec<(u64, u64, u16)> {
        self.inner.asked.lock().unwrap().clone()
    }
}

impl Drop for Outsider {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn add(State(inner): State<Arc<Inner>>, body: String) -> axum::response::Response {
    let manner = *inner.manner.lock().unwrap();
    let (old, size, answer) = match manner {
        Manner::Hangs => std::future::pending().await,
        _ => take(&inner, &body, manner),
    };
    let status = answer.0;
    inner.asked.lock().unwrap().push((old, size, status.as_u16()));
    answer.into_response()
}

type Answer = (StatusCode, [(&'static str, &'static str); 1], String);

fn take(inner: &Inner, body: &str, manner: Manner) -> (u64, u64, Answer) {
    let answer = |status: u16, text: String| {
        (StatusCode::from_u16(status).unwrap(), [("content-type", "text/x.tlog.size")], text)
    };
    let (head, note) = body.split_once("\n\n").expect("an empty line before the note");
    let mut lines = head.split('\n');
    let old = lines.next().unwrap().strip_prefix("old ").unwrap();
    let old: u64 = old.parse().unwrap();
    let hash = |line: &str| -> Hash { BASE64_STANDARD.decode(line).unwrap().try_into().unwrap() };
    let proof: Vec<Hash> = lines.map(hash).collect();
    assert!(proof.len() <= 63, "{proof:?}");
    let key = inner.key.lock().unwrap().clone().unwrap();
    let Ok(checkpoint) = key.open(note) else { return (old, 0, answer(403, String::new())) };
    let size = checkpoint.size;
    let mut has = inner.has.lock().unwrap();
    let known = has.as_ref().map_or(0, |known| known.size);
    let answered = match manner {
        Manner::Status(status) => answer(status, "not today".into()),
        Manner::Has(size) => answer(409, format!("{size}\n")),
        Manner::Conflict => answer(409, "what?\n".into()),
        _ if old > size => answer(400, String::new()),
        _ if old != known => answer(409, format!("{known}\n")),
        _ => {
            let goes_on = has.as_ref().is_none_or(|known| {
                verify_consistency(known.size, &known.root, size, &checkpoint.root, &proof)
            });
            if goes_on {
                *has = Some(checkpoint);
                let chatter = if manner == Manner::Chatters { 100_000 } else { 0 };
                answer(200, format!("— witness.example/w AAAA\n{}", "x".repeat(chatter)))
            } else {
                answer(422, String::new())
            }
        }
    };
    (old, size, answered)
}

async fn witnessed() -> (Scene, Outsider) {
    let (scene, outsider) = (Scene::start().await, Outsider::start().await);
    *outsider.inner.key.lock().unwrap() = Some(key(&scene.gateway).await);
    set(&scene.gateway, json!({"witness_url": outsider.url()})).await;
    (scene, outsider)
}

async fn shown(gateway: &InProcess) -> Witness {
    status(gateway).await.witnesses.pop().expect("a witness")
}

async fn keeps_up(gateway: &InProcess, outsider: &Outsider) {
    eventually("the witness has the newest checkpoint", SOON, async || {
        let status = status(gateway).await;
        let newest = status.checkpoint.map_or(0, |newest| newest.size);
        newest == status.head
            && outsider.size() == newest
            && status.witnesses.first().is_some_and(|w| w.size == newest && w.error.is_none())
    })
    .await;
}

async fn fails(gateway: &InProcess, why: &str) {
    // Something new, and so a checkpoint that it does not take.
    let _: Value = gateway
        .admin
        .post("/api/v1/teams", &json!({"name": format!("t{}", super::now_ms())}))
        .await
        .unwrap();
    let begun = Instant::now();
    loop {
        let error = shown(gateway).await.error.unwrap_or_default();
        if error.contains(why) {
            return;
        }
        assert!(begun.elapsed() < SOON, "{error:?} has no {why:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn it_gets_each_with_proof_that_it_goes_on() {
    let (scene, outsider) = witnessed().await;
    keeps_up(&scene.gateway, &outsider).await;
    for size in [100, GROUP, GROUP + 2, 2 * GROUP + 3] {
        fill(&scene, size).await;
        keeps_up(&scene.gateway, &outsider).await;
    }
    let taken = shown(&scene.gateway).await;
    assert_eq!((taken.place, taken.size), (outsider.url(), outsider.size()));
    assert!(taken.taken_at.is_some());
    let asked = outsider.asked();
    assert!(asked.len() >= 5 && asked.iter().all(|(_, _, status)| *status == 200), "{asked:?}");

    // What it has is its to know: a gateway that was restarted asks.
    let before = outsider.size();
    let scene = scene.restart().await;
    calls(&scene.gateway, &scene.token, 1, 200).await;
    keeps_up(&scene.gateway, &outsider).await;
    let asked = &outsider.asked()[asked.len()..];
    assert!(outsider.size() > before);
    assert!(asked.iter().filter(|(_, _, status)| *status == 409).count() <= 1, "{asked:?}");
    assert!(asked.iter().all(|(_, _, status)| [200, 409].contains(status)), "{asked:?}");
    assert!(status(&scene.gateway).await.alarm.is_none());
    scene.gateway.stop().await;
}

#[tokio::test]
async fn one_that_fails_is_told_of_and_holds_nothing_up() {
    let (scene, outsider) = witnessed().await;
    keeps_up(&scene.gateway, &outsider).await;
    for (manner, why) in [
        (Manner::Status(422), "422"),
        (Manner::Status(500), "not today"),
        (Manner::Status(302), "302"),
        (Manner::Conflict, "409"),
        (Manner::Has(1), ""),
    ] {
        outsider.behave(manner);
        fails(&scene.gateway, why).await;
        calls(&scene.gateway, &scene.token, 3, 200).await;
        checkpoint(&scene.gateway).await;
        assert!(status(&scene.gateway).await.alarm.is_none(), "{manner:?}");
    }
    outsider.behave(Manner::Well);
    calls(&scene.gateway, &scene.token, 1, 200).await;
    keeps_up(&scene.gateway, &outsider).await;
    outsider.behave(Manner::Chatters);
    calls(&scene.gateway, &scene.token, 1, 200).await;
    checkpoint(&scene.gateway).await;
    calls(&scene.gateway, &scene.token, 1, 200).await;
    outsider.behave(Manner::Well);
    calls(&scene.gateway, &scene.token, 1, 200).await;
    keeps_up(&scene.gateway, &outsider).await;
    // Nobody there at all.
    outsider.server.abort();
    let gone = scene.restart().await;
    fails(&gone.gateway, "").await;
    calls(&gone.gateway, &gone.token, 3, 200).await;
    gone.gateway.stop().await;
}

/// One that never answers: calls, the folder beside it and the end of the
/// service do not wait for it.
#[tokio::test]
async fn one_that_hangs_holds_nothing_up() {
    let (scene, outsider) = witnessed().await;
    let folder = tempfile::tempdir().unwrap();
    keeps_up(&scene.gateway, &outsider).await;
    outsider.behave(Manner::Hangs);
    set(&scene.gateway, json!({"witness_folder": folder.path()})).await;
    for _ in 0..4 {
        let begun = Instant::now();
        calls(&scene.gateway, &scene.token, 3, 200).await;
        checkpoint(&scene.gateway).await;
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        let newest = checkpoint(&scene.gateway).await.size;
        let place = folder.path().to_str().unwrap();
        let reached = eventually("the folder has it", Duration::from_secs(4), async || {
            let witnesses = status(&scene.gateway).await.witnesses;
            witnesses.iter().any(|w| w.place == place && w.size >= newest)
        });
        reached.await;
    }
    eventually("it is told", SOON, async || {
        let url = outsider.url();
        let witnesses = status(&scene.gateway).await.witnesses;
        witnesses
            .iter()
            .any(|w| w.place == url && w.error.as_ref().is_some_and(|e| e.contains("10 s")))
    })
    .await;
    calls(&scene.gateway, &scene.token, 1, 200).await;
    let begun = Instant::now();
    scene.gateway.stop().await;
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(14), "stopping took {took:?}");
}

#[tokio::test]
async fn one_that_knows_more_than_there_is_raises_the_alarm() {
    let (scene, outsider) = witnessed().await;
    fill(&scene, 60).await;
    keeps_up(&scene.gateway, &outsider).await;
    outsider.behave(Manner::Has(1_000_000));
    calls(&scene.gateway, &scene.token, 1, 200).await;
    eventually("the alarm", SOON, async || status(&scene.gateway).await.alarm.is_some()).await;
    let alarm = status(&scene.gateway).await.alarm.unwrap();
    assert!(alarm.message.contains("1000000 records"), "{alarm:?}");
    assert!(alarm.message.contains(&outsider.url()), "{alarm:?}");
    let recorded = list(&scene.gateway.admin, "status=audit_alarm").await;
    assert_eq!(recorded.len(), 1, "{recorded:#?}");
    assert!(shown(&scene.gateway).await.error.is_some());
    let scene = scene.restart().await;
    assert_eq!(status(&scene.gateway).await.alarm.unwrap().message, alarm.message);
    outsider.behave(Manner::Well);
    let path = "/api/v1/audit/acknowledge";
    assert_eq!(ask(&scene.gateway.admin, "POST", path, Value::Null).await.0, 200);
    calls(&scene.gateway, &scene.token, 1, 200).await;
    keeps_up(&scene.gateway, &outsider).await;
    assert!(status(&scene.gateway).await.alarm.is_none());
    scene.gateway.stop().await;
}

/// It has a checkpoint that was signed, of records that are all there, and of
/// which the database lost the note: a power loss is no reason for an alarm.
#[tokio::test]
async fn one_that_knows_a_newer_checkpoint_of_records_that_are_there_raises_none() {
    let (scene, outsider) = witnessed().await;
    fill(&scene, 60).await;
    keeps_up(&scene.gateway, &outsider).await;
    let forget = |dir: &std::path::Path| {
        let sql = "DELETE FROM checkpoints WHERE size > 40";
        super::open(dir).execute_batch(sql).unwrap();
    };
    let scene = scene.restart_after(forget).await;
    calls(&scene.gateway, &scene.token, 2, 200).await;
    keeps_up(&scene.gateway, &outsider).await;
    assert!(status(&scene.gateway).await.alarm.is_none());
    scene.gateway.stop().await;
}
