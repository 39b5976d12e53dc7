//! The one thread that writes, with group commit.
//!
//! Whatever waits is taken into one transaction: the audit records of many
//! calls, and changes of the configuration each in a savepoint of its own.
//! Who waits hears only once their record is as safe as they need it
//! ([`Safety`]). Records that nobody waits for (outcomes) ride along with the
//! next commit, or get one of their own after
//! [`AUDIT_LINGER`](crate::bounds::AUDIT_LINGER).
//!
//! When the disk refuses, those who wait are told, so that nothing is
//! forwarded, and until it takes a record again nobody is made to wait.
//! Records already owed (outcomes) are kept and tried again.

pub(crate) mod batch;
mod thread;

use std::{
    cell::RefCell,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
};

use agw_api::Receipt;
use agw_core::log::{SigningKey, Tree};
use rusqlite::{Connection, OptionalExtension as _};
use tokio::sync::{oneshot, watch};

use crate::{
    audit::{
        Record,
        checkpoint::{self, Signed},
        ledger::Ledger,
        record::Rendered,
    },
    bounds,
    store::StoreError,
};

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
    /// Why not.
    failure: Mutex<Option<String>>,
    head: AtomicU64,
    /// The newest record that is on disk.
    on_disk: AtomicU64,
    /// Records that are kept in memory until they can be written.
    owed: AtomicU64,
    /// Over all committed records.
    tree: Arc<RwLock<Tree>>,
    checkpoint: watch::Sender<Option<Signed>>,
}

/// How safe a record has to be before its call goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Safety {
    /// Committed; on disk within [`AUDIT_SYNC`](crate::bounds::AUDIT_SYNC).
    Written,
    /// On disk.
    Synced,
    /// On disk and signed for.
    Receipt,
}

/// What the writer does at each commit, before anyone hears of it.
pub(crate) trait Committed: Send {
    /// The configuration will change with the transaction under way; what
    /// follows from that is done in it, too, with these records.
    fn changing(&mut self, db: &Connection) -> Result<Vec<Record>, StoreError>;
    /// The configuration changed: build and swap in a new snapshot.
    fn changed(&mut self, db: &Connection) -> Result<(), StoreError>;
    /// New records, oldest first.
    fn recorded(&mut self, records: Vec<Stored>);
    /// Records can no longer be written, or can be again.
    fn health(&mut self);
}

/// A record as it was stored.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) json: String,
    /// What is kept beside it: salt and words.
    pub(crate) text: Option<Vec<u8>>,
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
    Record(Rendered, Safety, Ack),
    Owed(Rendered),
    Change(Apply),
    Flush(Done),
    /// The key that checkpoints are signed with from now on.
    Key(SigningKey),
    /// A checkpoint of this moment, if there is a key.
    Checkpoint(oneshot::Sender<Option<Signed>>),
    /// Copy the write-ahead log into the database, and empty it.
    EmptyLog(Done),
    Stop(Done),
}

/// Makes a change; `None` if it refused and has said so.
type Apply = Box<dyn FnOnce(&Change<'_>) -> Option<Finish> + Send>;
type Ack = oneshot::Sender<Result<Option<Receipt>, StoreError>>;
type Done = oneshot::Sender<Result<(), StoreError>>;
/// Tells the one who asked for a change how the commit went.
type Finish = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

impl Writer {
    /// Starts the thread. `db` must be the only connection that writes.
    pub(crate) fn start(
        db: Connection,
        committed: impl Committed + 'static,
        ledger: Ledger,
    ) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared {
            healthy: AtomicBool::new(true),
            failure: Mutex::default(),
            head: AtomicU64::new(ledger.size()),
            on_disk: AtomicU64::new(ledger.size()),
            owed: AtomicU64::new(0),
            tree: ledger.shared(),
            checkpoint: watch::Sender::new(checkpoint::newest(&db)?),
        });
        let (queue, jobs) = sync_channel(bounds::AUDIT_QUEUE);
        let thread =
            thread::Thread::new(db, jobs, Arc::clone(&shared), Box::new(committed), ledger);
        std::thread::Builder::new()
            .name("agw-writer".into())
            .spawn(move || thread.run())
            .map_err(|e| StoreError::Unavailable(e.to_string()))?;
        Ok(Self { queue, shared })
    }

    /// Sequence number of the newest record.
    pub(crate) fn head(&self) -> u64 {
        self.shared.head.load(Ordering::Acquire)
    }

    /// The same of the newest record that no crash can lose.
    pub(crate) fn on_disk(&self) -> u64 {
        self.shared.on_disk.load(Ordering::Acquire)
    }

    /// Records that are kept in memory until they can be written.
    pub(crate) fn owed(&self) -> u64 {
        self.shared.owed.load(Ordering::Relaxed)
    }

    /// Whether the last attempt to write succeeded.
    pub(crate) fn healthy(&self) -> bool {
        self.shared.healthy.load(Ordering::Acquire)
    }

    /// Why it did not.
    pub(crate) fn failure(&self) -> Option<String> {
        self.shared.failure()
    }

    /// The tree over all committed records, as it is now.
    pub(crate) fn tree(&self) -> Tree {
        self.shared.tree.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Checkpoints as they are signed.
    pub(crate) fn checkpoints(&self) -> watch::Receiver<Option<Signed>> {
        self.shared.checkpoint.subscribe()
    }

    /// Returns once the record is as safe as asked for.
    pub(crate) async fn record(
        &self,
        record: Record,
        safety: Safety,
    ) -> Result<Option<Receipt>, StoreError> {
        self.check()?;
        let (ack, done) = oneshot::channel();
        self.send(Job::Record(record.render(), safety, ack))?;
        done.await.unwrap_or_else(|_| Err(unwritten()))
    }

    /// Takes a record that will be on disk soon. It is kept through failures.
    pub(crate) fn owe(&self, record: Record) -> Result<(), StoreError> {
        self.send(Job::Owed(record.render()))
    }

    /// Returns once everything sent before is on disk.
    pub(crate) async fn flush(&self) -> Result<(), StoreError> {
        self.check()?;
        let (done, flushed) = oneshot::channel();
        self.send(Job::Flush(done))?;
        flushed.await.unwrap_or_else(|_| Err(unwritten()))
    }

    /// From now on checkpoints are signed.
    pub(crate) fn sign_with(&self, key: SigningKey) -> Result<(), StoreError> {
        self.send(Job::Key(key))
    }

    /// A checkpoint that covers everything sent before; without a key or when
    /// the disk refuses, the newest there is.
    pub(crate) async fn checkpoint(&self) -> Option<Signed> {
        let (answer, signed) = oneshot::channel();
        self.send(Job::Checkpoint(answer)).ok()?;
        let newest = || self.shared.checkpoint.borrow().clone();
        signed.await.ok().flatten().or_else(newest)
    }

    /// Returns once nothing of what was removed is in the write-ahead log. An
    /// error if somebody reads what was there before.
    pub(crate) async fn empty_log(&self) -> Result<(), StoreError> {
        let (done, emptied) = oneshot::channel();
        self.send(Job::EmptyLog(done))?;
        emptied.await.unwrap_or_else(|_| Err(unwritten()))
    }

    /// Writes what is owed and ends the thread.
    pub(crate) async fn stop(&self) -> Result<(), StoreError> {
        let (done, stopped) = oneshot::channel();
        self.send(Job::Stop(done))?;
        stopped.await.unwrap_or_else(|_| Err(unwritten()))
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
        self.check()?;
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

    /// Nobody waits for a disk that is known to refuse.
    fn check(&self) -> Result<(), StoreError> {
        match self.failure() {
            None => Ok(()),
            Some(failure) => Err(StoreError::Unavailable(failure)),
        }
    }

    fn send(&self, job: Job) -> Result<(), StoreError> {
        self.queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Full,
            TrySendError::Disconnected(_) => unwritten(),
        })
    }
}

impl Shared {
    fn failure(&self) -> Option<String> {
        if self.healthy.load(Ordering::Acquire) {
            return None;
        }
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns whether that is news.
    fn set_failure(&self, failure: Option<String>) -> bool {
        let healthy = failure.is_none();
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
        self.healthy.swap(healthy, Ordering::AcqRel) != healthy
    }
}

fn unwritten() -> StoreError {
    StoreError::Unavailable("the database took no changes".into())
}

/// Where to look for open calls after a crash.
pub(crate) fn low_water(db: &Connection) -> Result<u64, StoreError> {
    let text: Option<String> = db
        .query_row("SELECT value FROM meta WHERE key = ?1", [LOW_WATER], |row| row.get(0))
        .optional()?;
    Ok(text.and_then(|text| text.parse().ok()).unwrap_or(0))
}
