//! What `cargo bench` measures below the faces. Compiled only with the
//! feature `measure`.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use agw_core::{
    AgentId, GrantId, ToolEffect, UserId, json,
    log::{SigningKey, Tree, VerifyingKey, leaf_hash},
};
use rusqlite::Connection;
use tokio::sync::mpsc;

use crate::{
    audit::{
        CallId, Kind, Record,
        checkpoint::Signed,
        export::{Export, Format, PIECES},
        ledger::{Leaf, Ledger},
        search::{self, Filter, Sought},
    },
    clock,
    store::{
        self, StoreError,
        snapshot::{Person, Snapshot},
        writer::{Committed, Safety, Stored, Writer, batch},
    },
};

struct Nobody;

impl Committed for Nobody {
    fn changing(&mut self, _: &Connection) -> Result<Vec<Record>, StoreError> {
        Ok(Vec::new())
    }

    fn changed(&mut self, _: &Connection) -> Result<(), StoreError> {
        Ok(())
    }

    fn recorded(&mut self, _: Vec<Stored>) {}

    fn health(&mut self) {}
}

/// Writes `total` intents with `waiting` of them under way at any time, each
/// synced before it counts. Returns the whole time and each one's wait.
pub async fn audit_intents(
    dir: &Path,
    waiting: usize,
    total: usize,
) -> Result<(Duration, Vec<Duration>), Box<dyn std::error::Error + Send + Sync>> {
    let (db, _reader) = store::open(dir)?;
    let ledger = Ledger::load(&db)?;
    let writer = Writer::start(db, Nobody, ledger)?;
    let digest = json::parse(b"{}")?.digest()?;
    let begun = Instant::now();
    let tasks: Vec<_> = (0..waiting)
        .map(|_| {
            let writer = writer.clone();
            tokio::spawn(async move {
                let mut waits = Vec::with_capacity(total / waiting);
                for _ in 0..total / waiting {
                    let mut record = Record::new(Kind::Intent, clock::now_ms());
                    record.call = Some(CallId::new());
                    record.user = Some(UserId::new(1));
                    record.agent = Some(AgentId::new(1));
                    record.tool = Some("gmail.send".into());
                    record.decision = Some("allow");
                    record.args_digest = Some(digest);
                    record.args = Some(r#"{"to":"string(11)"}"#.into());
                    record.grants = vec![GrantId::new(1)];
                    record.policy_version = Some(1);
                    let sent = Instant::now();
                    writer.record(record, Safety::Synced).await?;
                    waits.push(sent.elapsed());
                }
                Ok::<_, StoreError>(waits)
            })
        })
        .collect();
    let mut waits = Vec::with_capacity(total);
    for task in tasks {
        waits.extend(task.await??);
    }
    let spent = begun.elapsed();
    writer.stop().await?;
    Ok((spent, waits))
}

/// A trail of many records to measure reading on, made without the waits of
/// calls: users, agents and tools in turn, one call in twelve denied.
#[derive(Debug)]
pub struct Trail {
    dir: PathBuf,
    key: SigningKey,
    tree: Tree,
}

impl Trail {
    /// Makes `calls` calls' records (two for each that is allowed).
    pub fn fill(dir: &Path, calls: u64) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let (mut db, _reader) = store::open(dir)?;
        db.pragma_update(None, "synchronous", "OFF")?;
        let mut ledger = Ledger::load(&db)?;
        let digest = json::parse(b"{}")?.digest()?;
        let mut call = 0;
        while call < calls {
            let tx = db.transaction()?;
            for _ in 0..10_000 {
                for record in records(call, digest) {
                    let record = record.render();
                    let json = batch::insert(&tx, ledger.size() + 1, &record)?;
                    let hash = leaf_hash(json.as_bytes());
                    ledger.take(Leaf { hash, time: record.time, shape: record.shape });
                }
                call += 1;
            }
            ledger.store(&tx)?;
            tx.commit()?;
            ledger.stored();
        }
        let key = SigningKey::from_seed("agw.local/measured", &[7; 32])?;
        let tree = ledger.tree().clone();
        Ok(Self { dir: dir.to_owned(), key, tree })
    }

    /// Records in it.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    pub fn key(&self) -> VerifyingKey {
        self.key.verifying()
    }

    /// One page of what a query such as `tool=gmail.send&decision=deny` finds;
    /// returns how many records that are, and `before` for the next page.
    pub fn search(&self, query: &str) -> Result<(usize, Option<u64>), StoreError> {
        let mut filter = Filter::default();
        for (name, value) in query.split('&').filter_map(|part| part.split_once('=')) {
            let value = value.to_owned();
            match name {
                "before" => filter.before = value.parse().ok(),
                "user" => filter.user = Some(value),
                "tool" => filter.tool = Some(value),
                "decision" => filter.decision = Some(value),
                "reason" => filter.reason = Some(value),
                "since" => filter.since = Some(value),
                "until" => filter.until = Some(value),
                "text" => filter.text = Some(value),
                other => return Err(StoreError::Damaged(format!("no filter {other:?}"))),
            }
        }
        let snapshot = people();
        let sought = Sought::new(&snapshot, &filter).map_err(StoreError::Damaged)?;
        let page = search::search(&store::reader(&self.dir)?, &snapshot, &filter, &sought)?;
        Ok((page.records.len(), page.next))
    }

    /// The whole of it in the form that can be checked, piece by piece.
    pub fn export(
        &self,
        mut take: impl FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let size = self.tree.size();
        let note = self.key.sign(size, &self.tree.root()).into();
        let export = Export {
            format: Format::Tlog,
            first: 1,
            last: size,
            sought: None,
            snapshot: Arc::new(people()),
            only: None,
            bodies: false,
            proof: Some((Signed { size, at: 0, note }, self.tree.clone())),
            boundary: None,
            origin: self.key().name().to_owned(),
        };
        let db = store::reader(&self.dir)?;
        let (pieces, mut sent) = mpsc::channel(PIECES);
        let writing = std::thread::spawn(move || export.run(db, pieces));
        while let Some(piece) = sent.blocking_recv() {
            take(&piece?)?;
        }
        writing.join().map_err(|_| "the export failed".into())
    }
}

const USERS: u64 = 20;
const TOOLS: u64 = 40;
/// Between two calls, in milliseconds.
const BETWEEN: i64 = 700;

/// The people whose names the trail's ids stand for.
fn people() -> Snapshot {
    let person = |id| {
        let name = format!("user{id}");
        let (role, paused, removed) = (agw_api::Role::Member, false, false);
        (UserId::new(id), Person { name, role, paused, removed })
    };
    let mut snapshot = Snapshot::default();
    snapshot.users.extend((1..=USERS).map(person));
    snapshot
}

fn records(call: u64, digest: json::Digest) -> Vec<Record> {
    let mut intent = Record::new(Kind::Intent, 1_700_000_000_000 + call as i64 * BETWEEN);
    // One tool is called once in a hundred thousand times.
    let tool = if call % 100_003 == 77 { TOOLS } else { call.wrapping_mul(31) % TOOLS };
    intent.call = Some(CallId::new());
    intent.user = Some(UserId::new(call % USERS + 1));
    intent.agent = Some(AgentId::new(call % (USERS * 2) + 1));
    intent.tool = Some(format!("system{}.tool{tool}", tool % 8));
    intent.decision = Some("allow");
    intent.effect = (tool % 3 == 0).then_some(ToolEffect::Read);
    intent.args_digest = Some(digest);
    intent.args = Some(r#"{"body":"string(412)","subject":"string(31)","to":"array(2)"}"#.into());
    intent.grants = vec![GrantId::new(tool + 1)];
    intent.policy_version = Some(7);
    intent.face = Some("mcp");
    let mut outcome = intent.clone();
    outcome.kind = Kind::Outcome;
    outcome.duration_us = Some(12_345 + call % 1_000);
    if call.is_multiple_of(12) {
        outcome.decision = Some("deny");
        outcome.reason = Some("not_granted");
        outcome.status = Some("denied");
        outcome.detail = call.is_multiple_of(240).then(|| format!("case {call} was closed"));
        return vec![outcome];
    }
    outcome.args = None;
    outcome.reason = Some("granted");
    outcome.status = Some("ok");
    vec![intent, outcome]
}
