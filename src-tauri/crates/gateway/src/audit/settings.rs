//! What an admin has set about the trail: for the whole of it, and for each
//! tool.

use std::{collections::HashMap, sync::Arc};

use agw_api::{AuditSettings, Durability};
use agw_core::{ConnectionId, ToolEffect, ToolId};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::{Map, Value};

use crate::{
    bounds,
    store::{StoreError, rows, writer::Safety},
};

/// What the records of a tool's calls keep beside their redacted arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Recording {
    /// Paths of arguments that are kept in clear.
    pub(crate) clear: Vec<String>,
    /// Whether full arguments and results are kept, sealed.
    pub(crate) bodies: bool,
    pub(crate) version: u64,
}

pub(crate) type Recordings = HashMap<ToolId, Arc<Recording>>;

pub(crate) fn load(db: &Connection) -> Result<AuditSettings, StoreError> {
    let row: Option<(String, u64)> = db
        .query_row("SELECT settings, version FROM audit_settings", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let Some((text, version)) = row else { return Ok(AuditSettings::default()) };
    let settings: AuditSettings = serde_json::from_str(&text)
        .map_err(|e| StoreError::Damaged(format!("audit settings: {e}")))?;
    Ok(AuditSettings { version, ..settings })
}

/// At the version after the one that they have.
pub(crate) fn store(db: &Connection, settings: &AuditSettings) -> Result<(), StoreError> {
    let text = serde_json::to_string(settings)
        .map_err(|e| StoreError::Damaged(format!("audit settings: {e}")))?;
    db.execute(
        "INSERT OR REPLACE INTO audit_settings (id, settings, version) VALUES (1, ?1, ?2)",
        params![text, settings.version + 1],
    )?;
    Ok(())
}

pub(crate) fn load_recordings(db: &Connection) -> Result<Recordings, StoreError> {
    let mut select = db.prepare(
        "SELECT c.name, r.tool, r.clear, r.bodies, r.version
         FROM recordings r JOIN connections c ON c.id = r.connection",
    )?;
    let rows = select.query_and_then([], |row| {
        let tool = ToolId::new(rows::parsed(row, "name")?, rows::parsed(row, "tool")?);
        let clear: String = row.get("clear")?;
        let clear = serde_json::from_str(&clear)
            .map_err(|e| StoreError::Damaged(format!("recording of {tool}: {e}")))?;
        let (bodies, version) = (row.get("bodies")?, row.get("version")?);
        Ok((tool, Arc::new(Recording { clear, bodies, version })))
    })?;
    rows.collect()
}

pub(crate) fn store_recording(
    db: &Connection,
    connection: ConnectionId,
    tool: &str,
    recording: &Recording,
) -> Result<(), StoreError> {
    let clear = Value::from(recording.clear.clone()).to_string();
    db.execute(
        "INSERT OR REPLACE INTO recordings VALUES (?1, ?2, ?3, ?4, ?5)",
        params![connection.get(), tool, clear, recording.bodies, recording.version],
    )?;
    Ok(())
}

/// How safe the intent of a call must be before the call is forwarded.
pub(crate) fn safety(settings: &AuditSettings, strict: bool, effect: Option<ToolEffect>) -> Safety {
    if settings.receipts {
        return Safety::Receipt;
    }
    let read = effect == Some(ToolEffect::Read);
    match strict || settings.durability == Durability::Strict || !read {
        true => Safety::Synced,
        false => Safety::Written,
    }
}

impl Recording {
    /// The arguments that are kept in clear: a JSON object by path, `None` if
    /// there are none. What is too long says so.
    pub(crate) fn clear_of(&self, arguments: &[u8]) -> Option<String> {
        if self.clear.is_empty() {
            return None;
        }
        let arguments: Value = serde_json::from_slice(arguments).ok()?;
        let mut kept = Map::new();
        let mut length = 0;
        for path in &self.clear {
            let Some(value) = at(&arguments, path) else { continue };
            length += path.len() + value.to_string().len();
            let value = match length > bounds::AUDIT_CLEAR_MAX {
                true => Value::from("too long to keep"),
                false => value,
            };
            kept.insert(path.clone(), value);
        }
        (!kept.is_empty()).then(|| Value::from(kept).to_string())
    }
}

/// The value at a path of member names; through lists, the list of theirs.
fn at(value: &Value, path: &str) -> Option<Value> {
    if let Value::Array(items) = value {
        let found: Vec<Value> = items.iter().filter_map(|item| at(item, path)).collect();
        return (!found.is_empty()).then(|| found.into());
    }
    // A member's own name may have dots in it.
    if let Some(found) = value.get(path) {
        return Some(found.clone());
    }
    let (first, rest) = path.split_once('.')?;
    at(value.get(first)?, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_in_clear_is_found_by_its_path() {
        let clear = ["to", "message.subject", "items.id", "a.b", "gone"].map(str::to_owned);
        let recording = Recording { clear: clear.into(), ..Recording::default() };
        let arguments = br#"{"to":["x"],"message":{"subject":"hi","body":"secret"},
            "items":[{"id":1},{"id":2,"n":3},{}],"a.b":7}"#;
        let kept: Value = serde_json::from_str(&recording.clear_of(arguments).unwrap()).unwrap();
        let expected = serde_json::json!({
            "to": ["x"], "message.subject": "hi", "items.id": [1, 2], "a.b": 7
        });
        assert_eq!(kept, expected);
        assert_eq!(recording.clear_of(b"{}"), None);
        assert_eq!(Recording::default().clear_of(arguments), None);
    }

    #[test]
    fn only_confirmed_reads_need_not_be_on_disk_first() {
        let by_effect = AuditSettings::default();
        let strict = AuditSettings { durability: Durability::Strict, ..AuditSettings::default() };
        let receipts = AuditSettings { receipts: true, ..AuditSettings::default() };
        let read = Some(ToolEffect::Read);
        assert_eq!(safety(&by_effect, false, read), Safety::Written);
        for effect in [None, Some(ToolEffect::Write), Some(ToolEffect::Destructive)] {
            assert_eq!(safety(&by_effect, false, effect), Safety::Synced);
        }
        assert_eq!(safety(&by_effect, true, read), Safety::Synced);
        assert_eq!(safety(&strict, false, read), Safety::Synced);
        assert_eq!(safety(&receipts, false, read), Safety::Receipt);
    }
}
