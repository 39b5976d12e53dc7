//! Records that are sent elsewhere, and metrics. What is received is read by
//! code of its own, not by the gateway's.

mod adding;
mod away;
mod collector;
mod files;
mod hanging;
mod leaking;
mod metrics;
mod otlp;
mod removed;
mod sink;
mod syslog;

use std::time::Duration;

use agw_api::{AuditRecord, Forward};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::scene::Scene;
use crate::support::{InProcess, eventually};

/// How long anything may take on a busy machine. After a failure a receiver is
/// tried again after 0.5, 1, 2, 4 … seconds.
const SOON: Duration = Duration::from_secs(90);
const FORWARDS: &str = "/api/v1/audit/forwards";

async fn add(gateway: &InProcess, name: &str, kind: &str, target: &str) -> Forward {
    let body = json!({"name": name, "kind": kind, "target": target, "from_start": true});
    gateway.admin.post(FORWARDS, &body).await.unwrap()
}

async fn forward(gateway: &InProcess, name: &str) -> Forward {
    let all: Vec<Forward> = gateway.admin.get(FORWARDS).await.unwrap();
    all.into_iter().find(|forward| forward.name == name).unwrap()
}

/// It has every record that there is.
async fn caught_up(gateway: &InProcess, name: &str) {
    // Outcomes are owed for a moment; to read the trail is to wait for them.
    let head = gateway.audit().await[0].seq;
    eventually(&format!("{name} has {head} records"), SOON, async || {
        let forward = forward(gateway, name).await;
        forward.sent >= head && forward.error.is_none()
    })
    .await;
}

/// The error that is shown, once there is one.
async fn error(gateway: &InProcess, name: &str) -> String {
    eventually("an error", SOON, async || forward(gateway, name).await.error.is_some()).await;
    forward(gateway, name).await.error.unwrap()
}

/// As `GET /api/v1/audit` shows them, the first one first.
async fn trail(gateway: &InProcess) -> Vec<Value> {
    let mut records: Vec<AuditRecord> = gateway.audit().await;
    records.reverse();
    records.iter().map(|record| serde_json::to_value(record).unwrap()).collect()
}

/// What was received are these records, in their order, each once.
fn assert_same(received: &[Value], trail: &[Value]) {
    let seqs = |records: &[Value]| -> Vec<u64> {
        records.iter().map(|record| record["seq"].as_u64().unwrap()).collect()
    };
    assert_eq!(seqs(received), seqs(trail));
    assert_eq!(received, trail);
}

/// Calls of `fix.echo` by ana's agent, some at a time; all go through.
async fn calls(scene: &Scene, count: usize) {
    let answers = stream::iter(0..count)
        .map(|n| scene.gateway.rest_call(&scene.token, "fix.echo", json!({"n": n})))
        .buffer_unordered(16);
    answers.for_each(async |(status, body)| assert_eq!(status, 200, "{body}")).await;
}

async fn restart(scene: Scene, meanwhile: impl FnOnce(&std::path::Path)) -> Scene {
    let Scene { gateway, upstream, token, granted } = scene;
    let gateway = gateway.restart_after(meanwhile).await;
    Scene { gateway, upstream, token, granted }
}
