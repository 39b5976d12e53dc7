//! What one transaction writes.

use std::{cell::RefCell, collections::HashMap};

use agw_core::{AgentId, log::leaf_hash};
use rusqlite::{Connection, Transaction, params};

use super::{Ack, Apply, Change, Done, Finish, Job, Safety, Stored};
use crate::{
    audit::{CallId, Kind, ledger::Leaf, record::Rendered},
    store::{StoreError, rows},
};

/// Calls since the last write, and the time of the newest, by agent.
pub(super) type Usage = HashMap<AgentId, (u64, i64)>;

/// What is asked of one transaction.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) records: Vec<(Rendered, Safety, Ack)>,
    changes: Vec<Apply>,
    flushes: Vec<Done>,
}

impl Asked {
    /// Takes a job; what is none of a transaction is given back.
    pub(super) fn take(&mut self, job: Job) -> Option<Job> {
        match job {
            Job::Record(record, safety, ack) => self.records.push((record, safety, ack)),
            Job::Change(change) => self.changes.push(change),
            Job::Flush(done) => self.flushes.push(done),
            job => return Some(job),
        }
        None
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.changes.is_empty() && self.flushes.is_empty()
    }

    /// Whoever waits for a flush wants to read the counters, too.
    pub(super) fn flushes(&self) -> bool {
        !self.flushes.is_empty()
    }

    /// Whether it has to be on disk when it is committed.
    pub(super) fn synced(&self) -> bool {
        !self.changes.is_empty()
            || !self.flushes.is_empty()
            || self.records.iter().any(|(_, safety, _)| *safety != Safety::Written)
    }
}

/// What it wrote, and who is to be told.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) stored: Vec<Stored>,
    pub(super) leaves: Vec<Leaf>,
    pub(super) calls: Vec<(Kind, CallId, u64)>,
    pub(super) usage: Vec<(AgentId, i64)>,
    pub(super) acks: Vec<(u64, Safety, Ack)>,
    pub(super) flushes: Vec<Done>,
    pub(super) finishes: Vec<Finish>,
    /// Whether a change said in the trail that it changed the configuration.
    pub(super) configured: bool,
}

impl Batch {
    /// Does what is asked in `tx`, after the record `seq`; returns the last
    /// one's number.
    pub(super) fn write(
        &mut self,
        tx: &mut Transaction<'_>,
        mut seq: u64,
        asked: Asked,
    ) -> Result<u64, StoreError> {
        self.flushes = asked.flushes;
        // All are to be told, also when it fails half-way.
        let mut records = Vec::with_capacity(asked.records.len());
        for (at, (record, safety, ack)) in (seq + 1..).zip(asked.records) {
            self.acks.push((at, safety, ack));
            records.push(record);
        }
        for record in records {
            seq += 1;
            self.append(tx, seq, &record)?;
        }
        for change in asked.changes {
            let savepoint = tx.savepoint()?;
            let context = Change { db: &savepoint, records: RefCell::default() };
            let Some(finish) = change(&context) else {
                drop(savepoint);
                // A full disk ends the whole transaction, not the savepoint alone.
                if tx.is_autocommit() {
                    return Err(StoreError::Unavailable("the transaction was ended".into()));
                }
                continue;
            };
            self.finishes.push(finish);
            let records = context.records.into_inner();
            if records.iter().any(|record| matches!(record.kind, Kind::Config | Kind::Service)) {
                rows::bump_policy_version(&savepoint)?;
                self.configured = true;
            }
            for record in records {
                seq += 1;
                self.append(&savepoint, seq, &record.render())?;
            }
            savepoint.commit()?;
        }
        Ok(seq)
    }

    pub(super) fn append(
        &mut self,
        db: &Connection,
        seq: u64,
        record: &Rendered,
    ) -> Result<(), StoreError> {
        let json = insert(db, seq, record)?;
        if let Some(agent) = record.limited {
            db.prepare_cached("UPDATE agents SET forwarded = forwarded + 1 WHERE id = ?1")?
                .execute([agent.get()])?;
        }
        self.calls.extend(record.call.map(|call| (record.kind, call, seq)));
        self.usage.extend(record.usage);
        let hash = leaf_hash(json.as_bytes());
        self.leaves.push(Leaf { hash, time: record.time, shape: record.shape.clone() });
        self.stored.push(Stored { json, text: record.text.clone() });
        Ok(())
    }
}

/// A record and what is kept beside it. Returns its bytes.
pub(crate) fn insert(
    db: &Connection,
    seq: u64,
    record: &Rendered,
) -> Result<String, rusqlite::Error> {
    let json = record.at(seq);
    db.prepare_cached("INSERT INTO audit (seq, call, record) VALUES (?1, ?2, ?3)")?
        .execute(params![seq, record.call.map(CallId::to_bytes), json])?;
    if let Some(text) = &record.text {
        db.prepare_cached("INSERT INTO audit_texts VALUES (?1, ?2)")?
            .execute(params![seq, text])?;
    }
    if let Some(body) = &record.body {
        db.prepare_cached("INSERT INTO audit_bodies VALUES (?1, ?2)")?
            .execute(params![seq, body])?;
    }
    if let Some(approval) = record.approval {
        db.prepare_cached("INSERT INTO audit_approvals VALUES (?1, ?2)")?
            .execute(params![approval.get(), seq])?;
    }
    Ok(json)
}

pub(super) fn count(usage: &mut Usage, calls: &[(AgentId, i64)]) {
    for (agent, time) in calls {
        let (uses, last) = usage.entry(*agent).or_default();
        (*uses, *last) = (*uses + 1, *time);
    }
}

pub(super) fn write_usage(db: &Connection, usage: &Usage) -> Result<(), rusqlite::Error> {
    let mut update =
        db.prepare_cached("UPDATE agents SET uses = uses + ?2, last_used_at = ?3 WHERE id = ?1")?;
    for (agent, (uses, last)) in usage {
        update.execute(params![agent.get(), uses, last])?;
    }
    Ok(())
}
