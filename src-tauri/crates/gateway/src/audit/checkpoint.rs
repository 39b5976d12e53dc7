//! Checkpoints: what the trail is at one moment, signed.

use std::sync::Arc;

use agw_api::{AuditCheckpoint, Receipt};
use agw_core::log::{Hash, Tree};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{ledger, record::rfc3339};
use crate::store::StoreError;

/// A signed checkpoint.
#[derive(Debug, Clone)]
pub(crate) struct Signed {
    /// Records that it covers.
    pub(crate) size: u64,
    /// Milliseconds since 1970.
    pub(crate) at: i64,
    pub(crate) note: Arc<str>,
}

impl Signed {
    pub(crate) fn store(&self, db: &Connection) -> Result<(), rusqlite::Error> {
        db.prepare_cached("INSERT OR REPLACE INTO checkpoints VALUES (?1, ?2, ?3)")?
            .execute(params![self.size, self.at, self.note])
            .map(drop)
    }

    pub(crate) fn shown(&self) -> AuditCheckpoint {
        AuditCheckpoint {
            size: self.size,
            signed_at: rfc3339(self.at),
            note: self.note.to_string(),
        }
    }
}

/// The newest one that is stored.
pub(crate) fn newest(db: &Connection) -> Result<Option<Signed>, StoreError> {
    let sql = "SELECT size, signed_at, note FROM checkpoints ORDER BY size DESC LIMIT 1";
    let read = |row: &rusqlite::Row<'_>| {
        let note: String = row.get(2)?;
        Ok(Signed { size: row.get(0)?, at: row.get(1)?, note: note.into() })
    };
    Ok(db.query_row(sql, [], read).optional()?)
}

/// For a record with its index and leaf hash; `note` is of the whole tree.
pub(crate) fn receipt(
    db: &Connection,
    tree: &Tree,
    (index, leaf): (u64, &Hash),
    note: &str,
) -> Option<Receipt> {
    let mut leaves = |group| ledger::leaves(db, group);
    let proof = tree.inclusion(index, tree.size(), &mut leaves).ok().flatten()?;
    Some(Receipt {
        index,
        leaf: BASE64_STANDARD.encode(leaf),
        proof: proof.iter().map(|hash| BASE64_STANDARD.encode(hash)).collect(),
        checkpoint: note.to_owned(),
    })
}
