//! The thread itself: what it takes when, and what it does about failures.

use std::{
    collections::{BTreeSet, HashMap},
    fs::OpenOptions,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use agw_api::Receipt;
use agw_core::log::{Hash, SigningKey};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::{
    Committed, Done, Job, LOW_WATER, Safety, Shared,
    batch::{Asked, Batch, Usage, count, write_usage},
};
use crate::{
    audit::{
        CallId, Kind, Record,
        checkpoint::{self, Signed},
        ledger::Ledger,
        record::{Rendered, rfc3339},
    },
    bounds, clock,
    store::{self, StoreError, rows},
};

/// Between attempts to write while the disk refuses.
const RETRY: Duration = Duration::from_millis(500);
/// Between writes of the agents' usage counters.
const USAGE_EVERY: Duration = Duration::from_secs(1);
/// Records between two notes of where the oldest open call is.
const LOW_WATER_EVERY: u64 = 1_024;

pub(super) struct Thread {
    db: Connection,
    /// The write-ahead log's file.
    wal: PathBuf,
    jobs: Receiver<Job>,
    shared: Arc<Shared>,
    committed: Box<dyn Committed>,
    ledger: Ledger,
    owed: Vec<Rendered>,
    owed_since: Instant,
    /// Refusals that were not kept because too many were owed.
    given_up: u64,
    /// When the disk began to refuse, in milliseconds since 1970.
    failing_since: Option<i64>,
    tried: Instant,
    /// When the first commit was made that is not synced yet.
    unsynced: Option<Instant>,
    /// Whether commits are synced as they are made.
    syncing: bool,
    key: Option<SigningKey>,
    /// The newest checkpoint's size, when it was signed, and it itself as
    /// long as it is not stored.
    signed: u64,
    signed_at: Instant,
    unstored: Option<Signed>,
    /// Intents without an outcome: their sequence numbers, and by call.
    open: BTreeSet<u64>,
    open_calls: HashMap<CallId, u64>,
    usage: Usage,
    usage_written: Instant,
    low_water_written: u64,
}

impl Thread {
    pub(super) fn new(
        db: Connection,
        jobs: Receiver<Job>,
        shared: Arc<Shared>,
        committed: Box<dyn Committed>,
        ledger: Ledger,
    ) -> Self {
        let now = Instant::now();
        let signed = shared.checkpoint.borrow().as_ref().map_or(0, |signed| signed.size);
        Self {
            wal: Path::new(db.path().unwrap_or_default()).with_extension("db-wal"),
            ledger,
            low_water_written: shared.head.load(Ordering::Relaxed),
            signed,
            db,
            jobs,
            shared,
            committed,
            owed: Vec::new(),
            owed_since: now,
            given_up: 0,
            failing_since: None,
            tried: now,
            unsynced: None,
            syncing: true,
            key: None,
            signed_at: now,
            unstored: None,
            open: BTreeSet::new(),
            open_calls: HashMap::new(),
            usage: HashMap::new(),
            usage_written: now,
        }
    }

    pub(super) fn run(mut self) {
        let mut jobs = Vec::with_capacity(bounds::AUDIT_BATCH);
        loop {
            let first = match self.due() {
                None => self.jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(due) => self.jobs.recv_timeout(due.saturating_duration_since(Instant::now())),
            };
            match first {
                Ok(job) => jobs.push(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => jobs.push(Job::Stop(oneshot::channel().0)),
            }
            let room = bounds::AUDIT_BATCH.saturating_sub(jobs.len());
            jobs.extend(self.jobs.try_iter().take(room));
            let (mut asked, mut stop, mut checkpoints) = (Asked::default(), None, Vec::new());
            for job in jobs.drain(..) {
                match asked.take(job) {
                    Some(Job::Owed(record)) => self.owe(record),
                    Some(Job::Key(key)) => self.key = Some(key),
                    Some(Job::Checkpoint(answer)) => checkpoints.push(answer),
                    Some(Job::EmptyLog(done)) => {
                        // Nobody may be waiting any more.
                        let _ = done.send(self.empty_log());
                    }
                    Some(Job::Stop(done)) => stop = Some(done),
                    _ => {}
                }
            }
            if !asked.is_empty() || self.commit_due() || stop.is_some() || !checkpoints.is_empty() {
                self.commit(asked, stop.is_some());
            }
            if self.sync_due() {
                self.sync();
            }
            if self.checkpoint_due() || stop.is_some() || !checkpoints.is_empty() {
                self.sign();
            }
            for answer in checkpoints {
                let _ = answer.send(self.shared.checkpoint.borrow().clone());
            }
            if let Some(done) = stop {
                return self.stop(done);
            }
        }
    }

    /// When something is to be done even if nothing is asked.
    fn due(&self) -> Option<Instant> {
        if self.failing_since.is_some() {
            return Some(self.tried + RETRY);
        }
        let owed = (!self.owed.is_empty()).then(|| self.owed_since + bounds::AUDIT_LINGER);
        let sync = self.unsynced.map(|since| since + bounds::AUDIT_SYNC);
        let sign = self.unsigned().then(|| self.signed_at + bounds::CHECKPOINT_EVERY);
        [owed, sync, sign].into_iter().flatten().min()
    }

    fn commit_due(&self) -> bool {
        match self.failing_since {
            Some(_) => self.tried.elapsed() >= RETRY,
            None => !self.owed.is_empty() && self.owed_since.elapsed() >= bounds::AUDIT_LINGER,
        }
    }

    fn sync_due(&self) -> bool {
        self.unsynced.is_some_and(|since| since.elapsed() >= bounds::AUDIT_SYNC)
    }

    fn unsigned(&self) -> bool {
        // Fewer than were signed: the trail was set back.
        self.key.is_some() && self.ledger.size() != self.signed
    }

    fn checkpoint_due(&self) -> bool {
        self.unsigned() && self.signed_at.elapsed() >= bounds::CHECKPOINT_EVERY
    }

    /// What calls are owed is kept without a bound, because there are only so
    /// many under way; refusals go on for as long as the disk refuses.
    fn owe(&mut self, record: Rendered) {
        let forwarded = record.call.is_some_and(|call| self.open_calls.contains_key(&call));
        if !forwarded && self.owed.len() >= bounds::AUDIT_OWED {
            self.given_up += 1;
            return;
        }
        if self.owed.is_empty() {
            self.owed_since = Instant::now();
        }
        self.owed.push(record);
        self.shared.owed.store(self.owed.len() as u64, Ordering::Relaxed);
    }

    fn commit(&mut self, asked: Asked, closing: bool) {
        let mut batch = Batch::default();
        self.tried = Instant::now();
        let safe = asked.synced() || closing || self.failing_since.is_some();
        let counted = closing || asked.flushes() || self.usage_written.elapsed() >= USAGE_EVERY;
        match self.write(asked, &mut batch, safe, (counted, closing)) {
            Ok(()) => self.committed(batch, counted),
            Err(error) => {
                self.failed(&error);
                let refused = || StoreError::Unavailable(error.to_string());
                for (_, _, ack) in batch.acks {
                    let _ = ack.send(Err(refused()));
                }
                for done in batch.flushes {
                    let _ = done.send(Err(refused()));
                }
                for finish in batch.finishes {
                    finish(Err(refused()));
                }
            }
        }
    }

    /// One transaction. What is owed goes first and is given up only once it
    /// is committed.
    fn write(
        &mut self,
        asked: Asked,
        batch: &mut Batch,
        safe: bool,
        (counted, closing): (bool, bool),
    ) -> Result<(), StoreError> {
        // A transaction that turns out to write nothing is not synced.
        let idle = self.owed.is_empty() && asked.records.is_empty();
        if safe && idle && self.unsynced.is_some() {
            self.try_sync()?;
        }
        self.sync_commits(safe)?;
        if self.failing_since.is_some() {
            // What a failed sync may have lost from the log goes elsewhere.
            self.compact_log()?;
        }
        let recovered = self.failing_since.map(|since| outage(since, self.given_up).render());
        let head = self.shared.head.load(Ordering::Relaxed);
        let mut tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        check_head(&tx, head)?;
        let mut seq = head;
        for record in self.owed.iter().chain(&recovered) {
            seq += 1;
            batch.append(&tx, seq, record)?;
        }
        let mut seq = batch.write(&mut tx, seq, asked)?;
        if batch.configured {
            for record in self.committed.changing(&tx)? {
                seq += 1;
                batch.append(&tx, seq, &record.render())?;
            }
        }
        if counted {
            let mut usage = self.usage.clone();
            count(&mut usage, &batch.usage);
            write_usage(&tx, &usage)?;
        }
        let low_water = self.open.first().map_or(seq, |first| first - 1);
        let note = closing || seq - self.low_water_written >= LOW_WATER_EVERY;
        if note {
            rows::set_meta(&tx, LOW_WATER, &low_water.to_string())?;
        }
        self.ledger.store(&tx)?;
        if let Some(signed) = &self.unstored {
            signed.store(&tx)?;
        }
        tx.commit()?;
        self.owed.clear();
        self.shared.owed.store(0, Ordering::Relaxed);
        self.unstored = None;
        if note {
            self.low_water_written = seq;
        }
        Ok(())
    }

    /// What was written is committed: takes note of it, and tells everybody.
    fn committed(&mut self, batch: Batch, counted: bool) {
        self.unsynced = if self.syncing { None } else { self.unsynced.or(Some(Instant::now())) };
        if counted {
            self.usage.clear();
            self.usage_written = Instant::now();
        } else {
            count(&mut self.usage, &batch.usage);
        }
        for (kind, call, seq) in &batch.calls {
            match kind {
                Kind::Intent => {
                    self.open.insert(*seq);
                    self.open_calls.insert(*call, *seq);
                }
                Kind::Outcome => {
                    if let Some(intent) = self.open_calls.remove(call) {
                        self.open.remove(&intent);
                    }
                }
                _ => {}
            }
        }
        self.ledger.stored();
        let before = self.ledger.size();
        let receipts = batch.acks.iter().any(|(_, safety, _)| *safety == Safety::Receipt);
        let leaves = receipts.then(|| batch.leaves.iter().map(|leaf| leaf.hash).collect());
        for leaf in batch.leaves {
            self.ledger.take(leaf);
        }
        self.shared.head.store(self.ledger.size(), Ordering::Release);
        if self.unsynced.is_none() {
            self.shared.on_disk.store(self.ledger.size(), Ordering::Release);
        }
        if self.failing_since.take().is_some() {
            self.given_up = 0;
            self.shared.set_failure(None);
            self.committed.health();
            tracing::info!("records can be written again");
        }
        let reloaded = if batch.configured { self.committed.changed(&self.db) } else { Ok(()) };
        self.committed.recorded(batch.stored);
        let receipts = self.receipts(before, leaves.unwrap_or_default());
        for (seq, safety, ack) in batch.acks {
            let wanted = safety == Safety::Receipt;
            // Nobody may be waiting any more, here and below.
            let _ = ack.send(Ok(wanted.then(|| receipts(seq - 1)).flatten()));
        }
        for done in batch.flushes {
            let _ = done.send(Ok(()));
        }
        for finish in batch.finishes {
            finish(match &reloaded {
                Ok(()) => Ok(()),
                Err(e) => Err(StoreError::Unavailable(e.to_string())),
            });
        }
    }

    fn failed(&mut self, error: &StoreError) {
        self.failing_since.get_or_insert_with(clock::now_ms);
        let next = match error {
            StoreError::Sqlite(_) => {
                "; free disk space, repair the disk, or end what holds the database: recording goes on by itself"
            }
            _ => "",
        };
        if self.shared.set_failure(Some(format!("{error}{next}"))) {
            tracing::error!(%error, "records cannot be written; calls are refused");
            self.committed.health();
        }
    }

    /// Whether commits are synced as they are made. The log that they go to is
    /// one file, so a sync is one of all that was written before it.
    fn sync_commits(&mut self, sync: bool) -> Result<(), StoreError> {
        #[cfg(feature = "seeded-fault")]
        if crate::fault::sync_off() {
            return Ok(self.db.pragma_update(None, "synchronous", "OFF")?);
        }
        if self.syncing != sync {
            self.db.pragma_update(None, "synchronous", if sync { "FULL" } else { "NORMAL" })?;
            self.syncing = sync;
        }
        Ok(())
    }

    /// As far as nobody reads an older state.
    fn compact_log(&self) -> Result<bool, StoreError> {
        let busy = |row: &rusqlite::Row<'_>| row.get::<_, bool>(0);
        Ok(!self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], busy)?)
    }

    /// Calls do not wait for who reads.
    fn empty_log(&self) -> Result<(), StoreError> {
        self.db.busy_timeout(Duration::ZERO)?;
        let emptied = self.compact_log();
        self.db.busy_timeout(store::BUSY)?;
        match emptied? {
            true => Ok(()),
            false => Err(StoreError::Unavailable("somebody reads an older state".into())),
        }
    }

    /// Syncs what was committed without.
    fn sync(&mut self) {
        if let Err(error) = self.try_sync() {
            self.failed(&error);
        }
    }

    fn try_sync(&mut self) -> Result<(), StoreError> {
        // What a failed one may have lost is for the commits after it to mend.
        self.unsynced = None;
        sync_file(&self.wal).map_err(|e| StoreError::Unavailable(e.to_string()))?;
        self.shared.on_disk.store(self.ledger.size(), Ordering::Release);
        Ok(())
    }

    /// What gives receipts for the records after the first `before`, whose
    /// leaf hashes are `leaves`: they share one signature.
    fn receipts(&self, before: u64, leaves: Vec<Hash>) -> impl Fn(u64) -> Option<Receipt> {
        let note = if leaves.is_empty() { None } else { self.note() };
        move |index| {
            let at = usize::try_from(index - before).ok()?;
            let (leaf, note) = (leaves.get(at)?, note.as_deref()?);
            checkpoint::receipt(&self.db, &self.ledger.tree(), (index, leaf), note)
        }
    }

    /// The note for all committed records.
    fn note(&self) -> Option<String> {
        let tree = self.ledger.tree();
        self.key.as_ref().map(|key| key.sign(tree.size(), &tree.root()))
    }

    /// Only what is on disk is signed for: it must be there after any crash.
    fn sign(&mut self) {
        if self.unsynced.is_some() {
            self.sync();
        }
        if self.failing_since.is_some() || !self.unsigned() {
            return;
        }
        let Some(note) = self.note() else { return };
        let size = self.ledger.size();
        let signed = Signed { size, at: clock::now_ms(), note: note.into() };
        self.signed = size;
        self.signed_at = Instant::now();
        self.unstored = Some(signed.clone());
        self.shared.checkpoint.send_replace(Some(signed));
        self.commit(Asked::default(), false);
    }

    fn stop(mut self, done: Done) {
        if self.unsynced.is_some() {
            self.sync();
        }
        let unwritten = self.owed.len();
        // Nobody may be waiting any more.
        let _ = done.send(match unwritten {
            0 => Ok(()),
            _ => Err(StoreError::Unavailable(format!("{unwritten} records could not be written"))),
        });
    }
}

/// Nobody else may have added to the trail.
fn check_head(db: &Connection, expected: u64) -> Result<(), StoreError> {
    let head: u64 = db
        .prepare_cached("SELECT ifnull(max(seq), 0) FROM audit")?
        .query_row([], |row| row.get(0))?;
    if head == expected {
        return Ok(());
    }
    Err(StoreError::Moved { expected, head })
}

/// The record of a time when nothing could be recorded.
fn outage(since: i64, given_up: u64) -> Record {
    let mut record = Record::new(Kind::Service, clock::now_ms());
    record.status = Some("recording_again");
    let mut detail = format!("records could not be written since {}", rfc3339(since));
    if given_up > 0 {
        detail.push_str(&format!("; {given_up} refused calls of that time are not in the trail"));
    }
    record.detail = Some(detail);
    record
}

/// The write-ahead log is there once something was written.
fn sync_file(path: &Path) -> io::Result<()> {
    #[cfg(feature = "seeded-fault")]
    if crate::fault::sync_off() {
        return Ok(());
    }
    OpenOptions::new().write(true).open(path)?.sync_data()
}

#[cfg(test)]
mod tests;
