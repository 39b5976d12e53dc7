//! What `cargo bench` measures below the faces. Compiled only with the
//! feature `measure`.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use agw_core::{AgentId, GrantId, UserId, json};
use rusqlite::Connection;

use crate::{
    audit::{CallId, Kind, Record, ledger::Ledger},
    clock,
    store::{
        self, StoreError,
        writer::{Committed, Safety, Stored, Writer},
    },
};

struct Nobody;

impl Committed for Nobody {
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
