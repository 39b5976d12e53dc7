//! Whether the trail is still the one that was signed: not set back, not
//! changed, not another one. It is asked at every start, of every checkpoint
//! that is at hand.

use std::path::Path;

use agw_api::{AuditAlarm, AuditSettings};
use agw_core::log::{Tree, VerifyingKey};
use rusqlite::Connection;

use super::{checkpoint, key, ledger, record::rfc3339, witness};
use crate::{
    clock,
    store::{StoreError, rows},
};

const ALARM: &str = "audit_alarm";
const NEXT: &str = "if you restored a backup, acknowledge it with `agw audit acknowledge`; otherwise keep the data folder as it is, and compare `agw audit verify --since CHECKPOINT` with a checkpoint that you kept";

/// The alarm that is on, raised now or earlier.
pub(crate) fn check(
    db: &Connection,
    data_dir: &Path,
    settings: &AuditSettings,
    origin: &str,
    tree: &Tree,
) -> Result<Option<AuditAlarm>, StoreError> {
    if let Some(known) = rows::meta(db, ALARM)? {
        return Ok(serde_json::from_str(&known).ok());
    }
    let key = key::public(db)?;
    let stored = checkpoint::newest(db)?.map(|signed| signed.note.to_string());
    let folder = settings.witness_folder.as_deref();
    let notes = [
        ("its newest checkpoint", stored),
        ("the checkpoint beside it", witness::beside(data_dir)),
        ("the witness folder", folder.and_then(|f| witness::newest_in(Path::new(f), origin))),
    ];
    for (whose, note) in notes {
        let Some(note) = note else { continue };
        if let Some(what) = wrong(db, tree, key.as_deref(), &note)? {
            return Ok(Some(alarm(format!(
                "The audit trail does not agree with {whose}: {what}."
            ))));
        }
    }
    Ok(None)
}

pub(crate) fn alarm(message: String) -> AuditAlarm {
    AuditAlarm { found_at: rfc3339(clock::now_ms()), message, next: NEXT.into() }
}

/// Keeps the alarm over restarts, until it is acknowledged; `None` ends it.
pub(crate) fn keep(db: &Connection, alarm: Option<&AuditAlarm>) -> Result<(), StoreError> {
    match alarm.map(serde_json::to_string) {
        Some(Ok(text)) => rows::set_meta(db, ALARM, &text)?,
        _ => {
            db.execute("DELETE FROM meta WHERE key = ?1", [ALARM])?;
            // What is known to be lost raises it no more.
            let lost = "DELETE FROM checkpoints WHERE size > (SELECT max(seq) FROM audit)";
            db.execute(lost, [])?;
        }
    }
    Ok(())
}

fn wrong(
    db: &Connection,
    tree: &Tree,
    key: Option<&str>,
    note: &str,
) -> Result<Option<String>, StoreError> {
    let Some(key) = key.and_then(|key| key.parse::<VerifyingKey>().ok()) else {
        return Ok(Some("the database is from before its key was made".into()));
    };
    let Ok(checkpoint) = key.open(note) else {
        return Ok(Some("that is signed with another key".into()));
    };
    let (there, signed) = (tree.size(), checkpoint.size);
    if signed > there {
        return Ok(Some(format!(
            "it had {signed} records when that was signed and has {there} now, so it was set back"
        )));
    }
    match tree.root_at(signed, &mut |group| ledger::leaves(db, group)) {
        Ok(Some(root)) if root == checkpoint.root => Ok(None),
        // What retention has removed cannot be compared with.
        Err(StoreError::Damaged(_)) if signed < ledger::first(db)? => Ok(None),
        Ok(_) | Err(StoreError::Damaged(_)) => {
            Ok(Some(format!("records up to {signed} are not those that were signed")))
        }
        Err(error) => Err(error),
    }
}
