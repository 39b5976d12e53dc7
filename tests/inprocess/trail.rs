//! What the trail keeps, proves, forgets and tells, and what it says when it
//! is no longer the one that was signed.

mod alarms;
mod bodies;
mod changed;
mod checkpoints;
mod counted;
mod durability;
mod erasing;
mod events;
mod exporting;
mod folders;
mod receipts;
mod retention;
mod searching;
mod settings;
mod stories;
mod witnesses;

use std::{
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use agw_api::{AuditCheckpoint, AuditKey, AuditPage, AuditRecord, AuditSettings, AuditStatus};
use agw_api::{Client, ClientError};
use agw_core::log::{Checkpoint, Failure, Report, Verifier, VerifyingKey};
use futures_util::{StreamExt as _, stream};
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{admin_api::ask, scene::Scene};
use crate::support::{InProcess, eventually};

/// How long anything may take on a busy machine; most promises are of a second.
const SOON: Duration = Duration::from_secs(15);
/// Records of one group of the trail's tree.
const GROUP: u64 = agw_core::log::GROUP;

async fn status(gateway: &InProcess) -> AuditStatus {
    gateway.admin.get("/api/v1/audit/status").await.unwrap()
}

async fn checkpoint(gateway: &InProcess) -> AuditCheckpoint {
    gateway.admin.get("/api/v1/audit/checkpoint").await.unwrap()
}

async fn key(gateway: &InProcess) -> VerifyingKey {
    let key: AuditKey = gateway.admin.get("/api/v1/audit/key").await.unwrap();
    key.key.parse().unwrap()
}

/// The settings, with these in their places.
pub async fn set(gateway: &InProcess, members: Value) -> AuditSettings {
    let mut settings: Value = gateway.admin.get("/api/v1/audit/settings").await.unwrap();
    for (name, value) in members.as_object().unwrap() {
        settings[name] = value.clone();
    }
    gateway.admin.put("/api/v1/audit/settings", &settings).await.unwrap()
}

/// All pages of what a query finds, newest first.
async fn list(client: &Client, query: &str) -> Vec<AuditRecord> {
    let (mut records, mut before) = (Vec::new(), String::new());
    for _ in 0..1_000 {
        let path = format!("/api/v1/audit?{query}{before}");
        let page: AuditPage = client.get(&path).await.unwrap_or_else(|e| panic!("{path}: {e}"));
        records.extend(page.records);
        match page.next {
            None => return records,
            Some(next) => before = format!("&before={next}"),
        }
    }
    panic!("{query} has no end");
}

async fn export(client: &Client, query: &str) -> Result<String, ClientError> {
    let mut download = client.download(&format!("/api/v1/audit/export?{query}")).await?;
    let mut bytes = Vec::new();
    while let Some(piece) = download.next().await? {
        bytes.extend_from_slice(&piece);
    }
    Ok(String::from_utf8(bytes).unwrap())
}

/// What the verifier says of an export, which must also be of the time of
/// `since`.
fn check(key: &VerifyingKey, text: &str, since: Option<Checkpoint>) -> Result<Report, Failure> {
    let mut verifier = Verifier::new(key, since, []);
    let mut lines: Vec<&str> = text.split('\n').collect();
    let ended = lines.pop_if(|last| last.is_empty()).is_some();
    for line in lines {
        verifier.line(line.as_bytes())?;
    }
    verifier.finish(ended)
}

/// Whether the export holds for the verifier that was written from the
/// format's description alone.
async fn holds_elsewhere(key: &VerifyingKey, text: &str) -> bool {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/verify_export.py");
    let mut python = tokio::process::Command::new("python3");
    python.arg(script).arg(file.path()).args(["--key", &key.to_string()]).kill_on_drop(true);
    let output = tokio::time::timeout(SOON, python.output()).await.expect("it ends").unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("Traceback"), "{said}");
    output.status.success()
}

/// An export that holds.
async fn verified(gateway: &InProcess, query: &str) -> Report {
    let text = export(&gateway.admin, &format!("format=tlog&{query}")).await.unwrap();
    let key = key(gateway).await;
    let report = check(&key, &text, None).unwrap_or_else(|failure| {
        panic!("{query}: {failure}\n{}", excerpt(&text, &failure));
    });
    assert!(holds_elsewhere(&key, &text).await, "{query}: the verifiers do not agree");
    report
}

fn excerpt(text: &str, failure: &Failure) -> String {
    let around = text.lines().skip((failure.line as usize).saturating_sub(3)).take(4);
    around.map(|line| line.chars().take(300).collect::<String>() + "\n").collect()
}

/// The database beside the service, or without one.
fn open(dir: &Path) -> Connection {
    let db = Connection::open(dir.join("agw.db")).unwrap();
    db.busy_timeout(SOON).unwrap();
    db
}

fn one<T: rusqlite::types::FromSql>(db: &Connection, sql: &str) -> T {
    db.query_row(sql, [], |row| row.get(0)).unwrap_or_else(|e| panic!("{sql}: {e}"))
}

/// The records' bytes, oldest first.
fn records(dir: &Path) -> Vec<String> {
    let db = open(dir);
    let mut select = db.prepare("SELECT record FROM audit ORDER BY seq").unwrap();
    let rows = select.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// Whoever has the file can also get rid of what the database refuses.
fn tamper(dir: &Path, sql: &str) {
    let db = open(dir);
    let mut select =
        db.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").unwrap();
    let triggers = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let triggers: Vec<(String, String)> = triggers.collect::<Result<_, _>>().unwrap();
    let drop = |(name, _): &(String, String)| format!("DROP TRIGGER {name};");
    let script: Vec<String> = triggers.iter().map(drop).collect();
    db.execute_batch(&script.concat()).unwrap();
    db.execute_batch(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    let script: Vec<String> = triggers.into_iter().map(|(_, sql)| sql + ";").collect();
    db.execute_batch(&script.concat()).unwrap();
}

/// Calls of `fix.echo` by `token`, some at once; all are answered with `status`.
async fn calls(gateway: &InProcess, token: &str, count: usize, expected: u16) {
    let answers = stream::iter(0..count)
        .map(|n| gateway.rest_call(token, "fix.echo", json!({"n": n})))
        .buffer_unordered(16);
    answers.for_each(async |(status, body)| assert_eq!(status, expected, "{body}")).await;
}

/// Until there are at least so many records.
async fn fill(scene: &Scene, size: u64) {
    let head = status(&scene.gateway).await.head;
    let missing = size.saturating_sub(head).div_ceil(2) as usize;
    calls(&scene.gateway, &scene.token, missing, 200).await;
    // The last outcomes are owed for a moment.
    let newest = list(&scene.gateway.admin, "limit=1000&kind=outcome").await;
    assert!(missing == 0 || !newest.is_empty());
    let head = status(&scene.gateway).await.head;
    assert!(head >= size, "{head} of {size}");
}

impl Scene {
    async fn restart_after(self, work: impl FnOnce(&Path)) -> Self {
        let Self { gateway, upstream, token, granted } = self;
        let gateway = gateway.restart_after(work).await;
        Self { gateway, upstream, token, granted }
    }

    async fn restart(self) -> Self {
        self.restart_after(|_| ()).await
    }

    fn dir(&self) -> &Path {
        self.gateway.dir.path()
    }
}

/// Text of a query's value.
fn quoted(text: &str) -> String {
    agw_api::segment(text)
}

/// Milliseconds since 1970.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_millis() as i64
}
