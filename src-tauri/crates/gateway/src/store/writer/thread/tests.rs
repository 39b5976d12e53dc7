use std::sync::{Mutex, RwLock, atomic::AtomicBool, atomic::AtomicU64, mpsc::sync_channel};

use tokio::sync::watch;

use super::*;
use crate::store::{
    self,
    writer::{Ack, Stored},
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

fn thread(dir: &Path) -> Thread {
    let (db, _) = store::open(dir).unwrap();
    let ledger = Ledger::load(&db).unwrap();
    let shared = Arc::new(Shared {
        healthy: AtomicBool::new(true),
        failure: Mutex::default(),
        head: AtomicU64::new(0),
        on_disk: AtomicU64::new(0),
        owed: AtomicU64::new(0),
        tree: Arc::new(RwLock::default()),
        checkpoint: watch::Sender::new(None),
    });
    Thread::new(db, sync_channel(1).1, shared, Box::new(Nobody), ledger)
}

fn answer() -> (Ack, oneshot::Receiver<Result<Option<Receipt>, StoreError>>) {
    oneshot::channel()
}

fn commit(thread: &mut Thread, job: Job) {
    let mut asked = Asked::default();
    assert!(asked.take(job).is_none());
    thread.commit(asked, false);
}

/// A commit that did not have to be on disk.
fn written(thread: &mut Thread) {
    let (ack, mut done) = answer();
    let record = Record::new(Kind::Intent, 0).render();
    commit(thread, Job::Record(record, Safety::Written, ack));
    assert!(done.try_recv().unwrap().is_ok());
    assert!(thread.unsynced.is_some());
}

/// Whatever says that what came before is on disk has to have put it there,
/// also when it writes nothing itself: SQLite syncs nothing then.
#[test]
fn what_was_written_before_is_on_disk_when_that_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let mut thread = thread(dir.path());
    written(&mut thread);
    let (done, mut flushed) = oneshot::channel();
    commit(&mut thread, Job::Flush(done));
    assert!(flushed.try_recv().unwrap().is_ok());
    assert!(thread.unsynced.is_none());

    // On a disk that takes writes and fails to sync them.
    written(&mut thread);
    thread.wal = dir.path().join("none");
    let (done, mut flushed) = oneshot::channel();
    commit(&mut thread, Job::Flush(done));
    assert!(!matches!(flushed.try_recv(), Ok(Ok(()))));
    assert!(thread.failing_since.is_some());
    assert!(!thread.shared.healthy.load(Ordering::Relaxed));

    thread.wal = dir.path().join("agw.db-wal");
    commit(&mut thread, Job::Change(Box::new(|_| None)));
    assert!(thread.failing_since.is_none(), "the next commit is a trial");
    written(&mut thread);
    thread.wal = dir.path().join("none");
    commit(&mut thread, Job::Change(Box::new(|_| None)));
    assert!(thread.failing_since.is_some());
}

#[test]
fn what_is_not_on_disk_is_not_signed_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut thread = thread(dir.path());
    thread.key = Some(SigningKey::from_seed("agw.local/x", &[7; 32]).unwrap());
    written(&mut thread);
    thread.sign();
    assert_eq!(thread.signed, 1);
    written(&mut thread);
    thread.wal = dir.path().join("none");
    thread.sign();
    assert_eq!(thread.signed, 1);
    assert!(thread.failing_since.is_some());
}

#[test]
fn commits_are_synced_as_the_strictest_of_their_records_asks() {
    let dir = tempfile::tempdir().unwrap();
    let mut thread = thread(dir.path());
    let full = |thread: &Thread| -> bool {
        let level: u8 = thread.db.query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap();
        assert!(level == 1 || level == 2, "{level}");
        level == 2
    };
    for (safeties, synced) in [
        (vec![Safety::Written], false),
        (vec![Safety::Written, Safety::Synced], true),
        (vec![Safety::Written, Safety::Written], false),
        (vec![Safety::Receipt, Safety::Written], true),
    ] {
        let mut asked = Asked::default();
        let mut answers = Vec::new();
        for safety in safeties {
            let (ack, done) = answer();
            let record = Record::new(Kind::Intent, 0).render();
            assert!(asked.take(Job::Record(record, safety, ack)).is_none());
            answers.push(done);
        }
        thread.commit(asked, false);
        assert!(answers.iter_mut().all(|done| done.try_recv().unwrap().is_ok()));
        assert_eq!((full(&thread), thread.unsynced.is_none()), (synced, synced));
        let on_disk = thread.shared.on_disk.load(Ordering::Relaxed);
        assert_eq!(on_disk == thread.ledger.size(), synced);
    }
    // What was not is so in time.
    written(&mut thread);
    assert!(thread.due().unwrap() <= Instant::now() + bounds::AUDIT_SYNC);
    assert!(!thread.sync_due());
    std::thread::sleep(bounds::AUDIT_SYNC);
    assert!(thread.sync_due());
    thread.sync();
    assert_eq!(thread.shared.on_disk.load(Ordering::Relaxed), thread.ledger.size());
}
