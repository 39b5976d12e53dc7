//! The one SQLite database: configuration and audit trail together, so that a
//! change and its record commit or fail as one.
//!
//! Writes go through one thread ([`writer`]); reads have a connection of
//! their own. What every call needs (tokens, grants, names) is not read from
//! the database but from a [`Snapshot`](snapshot::Snapshot) that the writer
//! swaps in before it answers.

pub(crate) mod rows;
pub(crate) mod snapshot;
pub(crate) mod writer;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};

use crate::bounds;

const DATABASE: &str = "agw.db";
/// How long a statement waits for another process that holds the database.
pub(crate) const BUSY: Duration = Duration::from_secs(2);
/// Each step is frozen once released; a change is a new step.
const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("schema.sql")),
    M::up(include_str!("permissions.sql")),
    M::up(include_str!("trail.sql")),
    M::up(include_str!("items.sql")),
    M::up(include_str!("pins.sql")),
    M::up(include_str!("sign_in.sql")),
    M::up(include_str!("accounts.sql")),
    M::up(include_str!("revocation.sql")),
    M::up(include_str!("sessions.sql")),
    M::up(include_str!("sharing.sql")),
];

/// Why the store did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(
        "the database {path} cannot be opened: {source}; check the folder's owner, mode and free space"
    )]
    Open { path: PathBuf, source: rusqlite::Error },
    #[error(
        "the database {path} cannot be brought up to date: {source}; it may be from a newer version"
    )]
    Migrate { path: PathBuf, source: rusqlite_migration::Error },
    #[error("the database failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("the database holds something unreadable ({0}); restore it from a backup")]
    Damaged(String),
    #[error("records cannot be written now ({0}); free disk space or repair the disk")]
    Unavailable(String),
    #[error(
        "another program wrote into the audit trail: its last record is {head}, not {expected}; stop that program and restart the gateway"
    )]
    Moved { expected: u64, head: u64 },
    #[error("too many records are waiting to be written")]
    Full,
}

/// A connection for reading, shared by the admin API's handlers.
#[derive(Debug, Clone)]
pub(crate) struct Reader(Arc<Mutex<Connection>>);

impl Reader {
    /// Runs `read` off the async threads.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = Arc::clone(&self.0);
        let task = tokio::task::spawn_blocking(move || {
            read(&shared.lock().unwrap_or_else(PoisonError::into_inner))
        });
        task.await.map_err(|e| StoreError::Unavailable(e.to_string()))?
    }
}

/// One more connection for reading, for what reads long.
pub(crate) fn reader(data_dir: &Path) -> Result<Connection, StoreError> {
    let path = data_dir.join(DATABASE);
    let opened = |source| StoreError::Open { path: path.clone(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let reader = Connection::open_with_flags(&path, flags).map_err(opened)?;
    reader.busy_timeout(BUSY).map_err(opened)?;
    Ok(reader)
}

/// Bytes of the database and its write-ahead log.
pub(crate) fn size(data_dir: &Path) -> u64 {
    let length = |name: &str| std::fs::metadata(data_dir.join(name)).map_or(0, |m| m.len());
    length(DATABASE) + length(&format!("{DATABASE}-wal"))
}

/// Opens the database for writing, making or migrating it first, and for
/// reading.
pub(crate) fn open(data_dir: &Path) -> Result<(Connection, Reader), StoreError> {
    let path = data_dir.join(DATABASE);
    let opened = |source| StoreError::Open { path: path.clone(), source };
    let mut writer = Connection::open(&path).map_err(opened)?;
    restrict(&path).map_err(|e| opened(rusqlite::Error::ToSqlConversionFailure(Box::new(e))))?;
    writer.busy_timeout(BUSY).map_err(opened)?;
    writer.pragma_update(None, "journal_mode", "WAL").map_err(opened)?;
    writer.pragma_update(None, "synchronous", "FULL").map_err(opened)?;
    writer.pragma_update(None, "foreign_keys", true).map_err(opened)?;
    // What is erased shall not be found in the file.
    writer.pragma_update(None, "secure_delete", true).map_err(opened)?;
    writer.set_prepared_statement_cache_capacity(bounds::AUDIT_BATCH);
    Migrations::from_slice(MIGRATIONS)
        .to_latest(&mut writer)
        .map_err(|source| StoreError::Migrate { path: path.clone(), source })?;
    let reader = reader(data_dir)?;
    Ok((writer, Reader(Arc::new(Mutex::new(reader)))))
}

/// Nobody else on the machine may read the configuration or the trail.
fn restrict(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_valid() {
        Migrations::from_slice(MIGRATIONS).validate().unwrap();
    }

    #[test]
    fn what_was_granted_before_an_upgrade_is_granted_after_it() {
        let mut db = Connection::open_in_memory().unwrap();
        Migrations::from_slice(&MIGRATIONS[..1]).to_latest(&mut db).unwrap();
        db.execute_batch(
            r#"INSERT INTO users (name, admin, created_at) VALUES ('root', 1, 1), ('ana', 0, 1);
               INSERT INTO connections (name, transport, created_at) VALUES ('fix', '{}', 7);
               INSERT INTO tools VALUES (1, 0, '{"name": "echo"}');
               INSERT INTO grants (user, tool, effect, created_at)
                   VALUES (2, 'fix.*', 'allow', 5), (2, 'fix.echo', 'deny', 6);
               DELETE FROM grants WHERE id = 2;"#,
        )
        .unwrap();
        Migrations::from_slice(MIGRATIONS).to_latest(&mut db).unwrap();
        let one = |sql: &str| db.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
        assert_eq!(one("SELECT group_concat(role ORDER BY id) FROM users"), "admin,member");
        assert_eq!(one("SELECT id || tool || effect || changed_at FROM grants"), "1fix.*allow5");
        // What is offered already is not new, and no id is used again.
        assert_eq!(one("SELECT tool || seen_at FROM seen_tools"), "echo7");
        let add = "INSERT INTO grants (user, tool, effect, created_at, changed_at)
                   VALUES (2, '*', 'ask', 8, 8) RETURNING CAST(id AS TEXT)";
        assert_eq!(one(add), "3");
    }

    #[test]
    fn the_database_itself_refuses_to_rewrite_the_trail() {
        let dir = tempfile::tempdir().unwrap();
        let (db, _) = open(dir.path()).unwrap();
        db.execute("INSERT INTO audit VALUES (1, NULL, '{}')", []).unwrap();
        assert!(db.execute("UPDATE audit SET record = ''", []).is_err());
        assert!(db.execute("DELETE FROM audit", []).is_err());
    }
}
