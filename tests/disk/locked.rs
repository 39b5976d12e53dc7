//! Another process that holds the database: a backup, a curious person.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::outage::Scene;
use crate::support::{cli::agw, daemon};

/// Longer than SQLite waits for it.
const HELD: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_somebody_else_holds_is_survived() {
    let dir = tempfile::tempdir().unwrap();
    let command = || daemon::serve(&agw(), dir.path());
    let mut scene = Scene::start(command(), |_| dir.path().to_owned()).await;
    let db = Connection::open(dir.path().join("agw.db")).unwrap();
    db.busy_timeout(HELD).unwrap();
    let mut since = Instant::now();
    scene
        .survives(|well| {
            if well {
                std::thread::sleep(HELD.saturating_sub(since.elapsed()));
                db.execute_batch("ROLLBACK").unwrap();
            } else {
                db.execute_batch("BEGIN EXCLUSIVE").unwrap();
                since = Instant::now();
            }
        })
        .await;
    drop(db);
    scene.adds_up(Some(command())).await;
}
