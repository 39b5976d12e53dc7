//! The one thread that writes, with group commit.
//!
//! Whatever waits is taken into one transaction: the audit records of many
//! calls, and changes of the configuration each in a savepoint of its own. A
//! commit is synced (`synchronous = FULL`); only then does anyone hear that
//! their record is written. Records that nobody waits for (outcomes) ride
//! along with the next commit, or get one of their own after
//! [`AUDIT_LINGER`](crate::bounds::AUDIT_LINGER).
//!
//! When the disk refuses, those who wait are told, so that nothing is
//! forwarded; records already owed (outcomes) are kept and tried again.

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use agw_core::AgentId;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use tokio::sync::oneshot;

use crate::{
    audit::{CallId, Kind, Record, record::Rendered},
    bounds,
    store::{StoreError, rows},
};

/// Between attempts to write what is owed while the disk refuses.
const RETRY: Duration = Duration::from_millis(500);
/// Between writes of the agents' usage counters.
const USAGE_EVERY: Duration = Duration::from_secs(1);
/// Records between two notes of where the oldest open call is.
const LOW_WATER_EVERY: u64 = 1_024;
pub(crate) const LOW_WATER: &str = "audit_low_water";

/// Handle to the writer thread.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    queue: SyncSender<Job>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    healthy: AtomicBool,
    head: AtomicU64,
}

/// What the writer does after each commit, before anyone hears of it.
pub(crate) trait Committed: Send {
    /// The configuration changed: build and swap in a new snapshot.
    fn changed(&mut self, db: &Connection) -> Result<(), StoreError>;
    /// New records, oldest first.
    fn recorded(&mut self, records: &[Arc<str>]);
}

/// A change of the configuration, inside its transaction.
pub(crate) struct Change<'a> {
    pub(crate) db: &'a Connection,
    records: RefCell<Vec<Record>>,
}

impl Change<'_> {
    /// Adds a record that commits or fails together with the change.
    pub(crate) fn audit(&self, record: Record) {
        self.records.borrow_mut().push(record);
    }
}

enum Job {
    Record(Rendered, Ack),
    Owed(Rendered),
    Change(Apply),
    Flush(Ack),
    Stop(Ack),
}

/// Makes a change; `None` if it refused and has said so.
type Apply = Box<dyn FnOnce(&Change<'_>) -> Option<Finish> + Send>;
type Ack = oneshot::Sender<Result<(), StoreError>>;
/// Tells the one who asked for a change how the commit went.
type Finish = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

impl Writer {
    /// Starts the thread. `db` must be the only connection that writes.
    pub(crate) fn start(
        db: Connection,
        committed: impl Committed + 'static,
    ) -> Result<Self, StoreError> {
        let head = db.query_row("SELECT ifnull(max(seq), 0) FROM audit", [], |row| row.get(0))?;
        let shared =
            Arc::new(Shared { healthy: AtomicBool::new(true), head: AtomicU64::new(head) });
        let (queue, jobs) = sync_channel(bounds::AUDIT_QUEUE);
        let thread = Thread {
            db,
            jobs,
            shared: Arc::clone(&shared),
            committed: Box::new(committed),
            owed: Vec::new(),
            owed_since: Instant::now(),
            open: BTreeSet::new(),
            open_calls: HashMap::new(),
            usage: HashMap::new(),
            usage_written: Instant::now(),
            low_water_written: head,
        };
        thread::Builder::new()
            .name("agw-writer".into())
            .spawn(move || thread.run())
            .map_err(|e| StoreError::Unavailable(e.to_string()))?;
        Ok(Self { queue, shared })
    }

    /// Sequence number of the newest record.
    pub(crate) fn head(&self) -> u64 {
        self.shared.head.load(Ordering::Acquire)
    }

    /// Whether the last attempt to write succeeded.
    pub(crate) fn healthy(&self) -> bool {
        self.shared.healthy.load(Ordering::Acquire)
    }

    /// Returns once the record is on disk.
    pub(crate) async fn record(&self, record: &Record) -> Result<(), StoreError> {
        let (ack, done) = oneshot::channel();
        self.send(Job::Record(record.render(), ack))?;
        done.await.unwrap_or_else(|_| Err(unwritten()))
    }

    /// Takes a record that will be on disk soon. It is kept through failures.
    pub(crate) fn owe(&self, record: &Record) -> Result<(), StoreError> {
        self.send(Job::Owed(record.render()))
    }

    /// Returns once everything sent before is on disk.
    pub(crate) async fn flush(&self) -> Result<(), StoreError> {
        let (ack, done) = oneshot::channel();
        self.send(Job::Flush(ack))?;
        done.await.unwrap_or_else(|_| Err(unwritten()))
    }

    /// Writes what is owed and ends the thread.
    pub(crate) async fn stop(&self) -> Result<(), StoreError> {
        let (ack, done) = oneshot::channel();
        self.send(Job::Stop(ack))?;
        done.await.unwrap_or_else(|_| Err(unwritten()))
    }

    /// Runs `change` in a transaction; its records commit with it, and the
    /// new snapshot is in force when this returns.
    pub(crate) async fn change<T, E>(
        &self,
        change: impl FnOnce(&Change<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = Job::Change(Box::new(move |context| match change(context) {
            Ok(value) => Some(Box::new(move |committed: Result<(), StoreError>| {
                // Nobody may be waiting any more; the change stands all the same.
                let _ = answer.send(committed.map(|()| value).map_err(E::from));
            })),
            Err(error) => {
                let _ = answer.send(Err(error));
                None
            }
        }));
        self.send(job)?;
        answered.await.unwrap_or_else(|_| Err(unwritten().into()))
    }

    fn send(&self, job: Job) -> Result<(), StoreError> {
        self.queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Full,
            TrySendError::Disconnected(_) => unwritten(),
        })
    }
}

fn unwritten() -> StoreError {
    StoreError::Unavailable("the database took no changes".into())
}

/// Calls since the last write, and the time of the newest, by agent.
type Usage = HashMap<AgentId, (u64, i64)>;

struct Thread {
    db: Connection,
    jobs: Receiver<Job>,
    shared: Arc<Shared>,
    committed: Box<dyn Committed>,
    owed: Vec<Rendered>,
    owed_since: Instant,
    /// Intents without an outcome: their sequence numbers, and by call.
    open: BTreeSet<u64>,
    open_calls: HashMap<CallId, u64>,
    usage: Usage,
    usage_written: Instant,
    low_water_written: u64,
}

/// What one transaction wrote.
#[derive(Default)]
struct Batch {
    records: Vec<Arc<str>>,
    written: Vec<(Kind, Option<CallId>, u64)>,
    usage: Vec<(AgentId, i64)>,
    /// Whether the usage counters were written with it.
    counted: bool,
    acks: Vec<Ack>,
    finishes: Vec<Finish>,
    /// Whether a change said in the trail that it changed the configuration.
    configured: bool,
}

impl Thread {
    fn run(mut self) {
        let mut jobs = Vec::with_capacity(bounds::AUDIT_BATCH);
        loop {
            let first = if self.owed.is_empty() {
                self.jobs.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                self.jobs.recv_timeout(self.patience().saturating_sub(self.owed_since.elapsed()))
            };
            match first {
                Ok(job) => jobs.push(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => jobs.push(Job::Stop(oneshot::channel().0)),
            }
            let room = bounds::AUDIT_BATCH.saturating_sub(jobs.len());
            jobs.extend(self.jobs.try_iter().take(room));
            let mut stop = None;
            let mut urgent = Vec::with_capacity(jobs.len());
            for job in jobs.drain(..) {
                match job {
                    Job::Owed(record) => self.owe(record),
                    Job::Stop(ack) => stop = Some(ack),
                    job => urgent.push(job),
                }
            }
            let due = !self.owed.is_empty() && self.owed_since.elapsed() >= self.patience();
            if !urgent.is_empty() || due || stop.is_some() {
                self.commit(urgent, stop.is_some());
            }
            if let Some(ack) = stop {
                let unwritten = self.owed.len();
                let result = if unwritten == 0 {
                    Ok(())
                } else {
                    Err(StoreError::Unavailable(format!(
                        "{unwritten} records could not be written"
                    )))
                };
                let _ = ack.send(result);
                return;
            }
        }
    }

    fn patience(&self) -> Duration {
        if self.shared.healthy.load(Ordering::Relaxed) { bounds::AUDIT_LINGER } else { RETRY }
    }

    fn owe(&mut self, record: Rendered) {
        if self.owed.is_empty() {
            self.owed_since = Instant::now();
        }
        self.owed.push(record);
    }

    fn commit(&mut self, jobs: Vec<Job>, closing: bool) {
        let mut batch = Batch::default();
        match self.write(jobs, &mut batch, closing) {
            Ok(()) => {
                if !self.shared.healthy.swap(true, Ordering::AcqRel) {
                    tracing::info!("records can be written again");
                }
                let head = self.shared.head.load(Ordering::Relaxed);
                self.shared.head.store(head + batch.records.len() as u64, Ordering::Release);
                self.settle(&batch);
                let reloaded =
                    if batch.configured { self.committed.changed(&self.db) } else { Ok(()) };
                self.committed.recorded(&batch.records);
                for ack in batch.acks {
                    let _ = ack.send(Ok(()));
                }
                for finish in batch.finishes {
                    finish(match &reloaded {
                        Ok(()) => Ok(()),
                        Err(e) => Err(StoreError::Unavailable(e.to_string())),
                    });
                }
            }
            Err(error) => {
                if self.shared.healthy.swap(false, Ordering::AcqRel) {
                    tracing::error!(%error, "records cannot be written; calls are refused");
                }
                self.owed_since = Instant::now();
                let refused = || StoreError::Unavailable(error.to_string());
                for ack in batch.acks {
                    let _ = ack.send(Err(refused()));
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
        jobs: Vec<Job>,
        batch: &mut Batch,
        closing: bool,
    ) -> Result<(), rusqlite::Error> {
        let mut flush = false;
        let mut changes = Vec::new();
        let mut records = Vec::new();
        for job in jobs {
            match job {
                Job::Record(record, ack) => {
                    records.push(record);
                    batch.acks.push(ack);
                }
                Job::Flush(ack) => {
                    flush = true;
                    batch.acks.push(ack);
                }
                Job::Change(change) => changes.push(change),
                Job::Owed(_) | Job::Stop(_) => {}
            }
        }
        let mut seq = self.shared.head.load(Ordering::Relaxed);
        let mut tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for record in self.owed.iter().chain(&records) {
            seq += 1;
            append(&tx, seq, record, batch)?;
            batch.usage.extend(record.usage);
        }
        for change in changes {
            let savepoint = tx.savepoint()?;
            let context = Change { db: &savepoint, records: RefCell::default() };
            let Some(finish) = change(&context) else { continue };
            let records = context.records.into_inner();
            if records.iter().any(|record| matches!(record.kind, Kind::Config | Kind::Service)) {
                rows::bump_policy_version(&savepoint)?;
                batch.configured = true;
            }
            for record in records {
                seq += 1;
                append(&savepoint, seq, &record.render(), batch)?;
            }
            savepoint.commit()?;
            batch.finishes.push(finish);
        }
        // Whoever waits for a flush wants to read the counters, too.
        batch.counted = closing || flush || self.usage_written.elapsed() >= USAGE_EVERY;
        if batch.counted {
            let mut usage = self.usage.clone();
            count(&mut usage, &batch.usage);
            write_usage(&tx, &usage)?;
        }
        let low_water = self.open.first().map_or(seq, |first| first - 1);
        let note = closing || seq - self.low_water_written >= LOW_WATER_EVERY;
        if note {
            rows::set_meta(&tx, LOW_WATER, &low_water.to_string())?;
        }
        tx.commit()?;
        self.owed.clear();
        if note {
            self.low_water_written = seq;
        }
        Ok(())
    }

    /// Takes note of what is now on disk.
    fn settle(&mut self, batch: &Batch) {
        if batch.counted {
            self.usage.clear();
            self.usage_written = Instant::now();
        } else {
            count(&mut self.usage, &batch.usage);
        }
        for (kind, call, seq) in &batch.written {
            match (kind, call) {
                (Kind::Intent, Some(call)) => {
                    self.open.insert(*seq);
                    self.open_calls.insert(*call, *seq);
                }
                (Kind::Outcome, Some(call)) => {
                    if let Some(intent) = self.open_calls.remove(call) {
                        self.open.remove(&intent);
                    }
                }
                _ => {}
            }
        }
    }
}

fn append(
    db: &Connection,
    seq: u64,
    record: &Rendered,
    batch: &mut Batch,
) -> Result<(), rusqlite::Error> {
    let json: Arc<str> = record.at(seq).into();
    db.prepare_cached("INSERT INTO audit (seq, call, record) VALUES (?1, ?2, ?3)")?
        .execute(params![seq, record.call.map(CallId::to_bytes), &*json])?;
    if let Some(agent) = record.limited {
        db.prepare_cached("UPDATE agents SET forwarded = forwarded + 1 WHERE id = ?1")?
            .execute([agent.get()])?;
    }
    batch.written.push((record.kind, record.call, seq));
    batch.records.push(json);
    Ok(())
}

fn count(usage: &mut Usage, calls: &[(AgentId, i64)]) {
    for (agent, time) in calls {
        let (uses, last) = usage.entry(*agent).or_default();
        (*uses, *last) = (*uses + 1, *time);
    }
}

fn write_usage(db: &Connection, usage: &Usage) -> Result<(), rusqlite::Error> {
    let mut update =
        db.prepare_cached("UPDATE agents SET uses = uses + ?2, last_used_at = ?3 WHERE id = ?1")?;
    for (agent, (uses, last)) in usage {
        update.execute(params![agent.get(), uses, last])?;
    }
    Ok(())
}

/// Where to look for open calls after a crash.
pub(crate) fn low_water(db: &Connection) -> Result<u64, StoreError> {
    let text: Option<String> = db
        .query_row("SELECT value FROM meta WHERE key = ?1", [LOW_WATER], |row| row.get(0))
        .optional()?;
    Ok(text.and_then(|text| text.parse().ok()).unwrap_or(0))
}
