//! Reading the trail back for people.

use std::collections::HashSet;

use agw_api::AuditRecord;
use agw_core::{AgentId, ApprovalId, UserId};
use rusqlite::{Connection, ToSql};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    audit::{CallId, record::SALT},
    store::{StoreError, snapshot::Snapshot, writer::Stored},
};

/// A stored record, with what is kept beside it.
pub(crate) struct Row {
    pub(crate) seq: u64,
    pub(crate) json: String,
    /// Salt and words.
    pub(crate) text: Option<Vec<u8>>,
    pub(crate) body: bool,
}

/// The columns of a [`Row`].
pub(crate) const ROW: &str = "SELECT a.seq, a.record, t.bytes, b.seq IS NOT NULL FROM audit a
    LEFT JOIN audit_texts t ON t.seq = a.seq LEFT JOIN audit_bodies b ON b.seq = a.seq";

impl Row {
    pub(crate) fn read(row: &rusqlite::Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self { seq: row.get(0)?, json: row.get(1)?, text: row.get(2)?, body: row.get(3)? })
    }

    /// The words that are kept beside it.
    pub(crate) fn words(&self) -> Option<&str> {
        self.text.as_deref().and_then(words)
    }
}

/// A text without its salt.
pub(crate) fn words(text: &[u8]) -> Option<&str> {
    str::from_utf8(text.get(SALT..)?).ok()
}

/// The detail of a record of version 1, which has it in itself.
pub(crate) fn inline_detail(record: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Line {
        detail: Option<String>,
    }
    if !record.ends_with("\"v\":1}") || !record.contains("\"detail\":") {
        return None;
    }
    serde_json::from_str::<Line>(record).ok()?.detail
}

/// Whether one of the words is as asked: the detail, or the path or a value of
/// an argument that is kept in clear.
pub(crate) fn says(words: &str, is: &dyn Fn(&str) -> bool) -> bool {
    fn within(value: &Value, is: &dyn Fn(&str) -> bool) -> bool {
        match value {
            Value::Object(members) => {
                members.iter().any(|(name, value)| is(name) || within(value, is))
            }
            Value::Array(items) => items.iter().any(|item| within(item, is)),
            Value::String(text) => is(text),
            other => is(&other.to_string()),
        }
    }
    let words: Value = serde_json::from_str(words).unwrap_or_default();
    [words.get("detail"), words.get("clear")].into_iter().flatten().any(|part| within(part, is))
}

/// The records of a call, or the one record of a sequence number, oldest
/// first, with what was asked and answered about it; as far as they are of
/// the user who alone may be seen.
pub(crate) fn show(
    db: &Connection,
    snapshot: &Snapshot,
    id: &str,
    only: Option<UserId>,
) -> Result<Vec<AuditRecord>, StoreError> {
    let read = |clause: &str, value: &dyn ToSql| -> Result<Vec<Row>, rusqlite::Error> {
        db.prepare_cached(&format!("{ROW} WHERE {clause}"))?
            .query_map([value], Row::read)?
            .collect()
    };
    let mut rows = match (id.parse::<i64>(), CallId::parse(id)) {
        (Ok(seq), _) => read("a.seq = ?1", &seq)?,
        (_, Some(call)) => read("a.call = ?1", &call.to_bytes())?,
        _ => Vec::new(),
    };
    // A call that was held may have been asked about by an earlier one.
    let approvals: HashSet<u64> = rows.iter().filter_map(|row| approval(&row.json)).collect();
    for approval in approvals {
        let sql = "a.seq IN (SELECT seq FROM audit_approvals WHERE approval = ?1)";
        rows.extend(read(sql, &approval)?);
    }
    rows.sort_unstable_by_key(|row| row.seq);
    rows.dedup_by_key(|row| row.seq);
    rows.iter().filter_map(|row| shown(row, snapshot, only).transpose()).collect()
}

/// The number of the approval that a record names.
fn approval(record: &str) -> Option<u64> {
    #[derive(Deserialize)]
    struct Line<'a> {
        approval: Option<&'a str>,
    }
    let line: Line<'_> = serde_json::from_str(record).ok()?;
    line.approval?.parse::<ApprovalId>().ok().map(ApprovalId::get)
}

/// Older records in a row after which none of the period is looked for. One
/// alone may be of a moment when the clock was wrong.
const STRAYS_MAX: usize = 1_000;

/// What questions about past calls look at in a record.
#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    pub(crate) kind: String,
    pub(crate) time: jiff::Timestamp,
    pub(crate) user: Option<String>,
    pub(crate) agent: Option<String>,
    pub(crate) tool: Option<String>,
    pub(crate) policy_version: Option<u64>,
    pub(crate) status: Option<String>,
    pub(crate) decision: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) approval: Option<String>,
    #[serde(default)]
    pub(crate) grants: Vec<String>,
}

/// Reads the records since a time (milliseconds since 1970) back, the last
/// one first, until `take` has enough.
pub(crate) fn back(
    db: &Connection,
    since: i64,
    mut take: impl FnMut(Line) -> bool,
) -> Result<(), StoreError> {
    let mut select = db.prepare_cached("SELECT record FROM audit ORDER BY seq DESC")?;
    let mut rows = select.query([])?;
    let mut strays = 0;
    while let Some(row) = rows.next()? {
        let record = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        let line: Line = serde_json::from_str(record)
            .map_err(|e| StoreError::Damaged(format!("audit record: {e}")))?;
        if line.time.as_millisecond() < since {
            strays += 1;
            if strays == STRAYS_MAX {
                break;
            }
            continue;
        }
        strays = 0;
        if !take(line) {
            break;
        }
    }
    Ok(())
}

/// A record that was just stored, as [`shown`].
pub(crate) fn fresh(
    stored: &Stored,
    snapshot: &Snapshot,
    only: Option<UserId>,
) -> Result<Option<AuditRecord>, StoreError> {
    let Stored { json, text } = stored;
    shown(&Row { seq: 0, json: json.clone(), text: text.clone(), body: true }, snapshot, only)
}

/// A stored record with names in the place of ids; `None` if it is not of the
/// user who alone may be seen.
pub(crate) fn shown(
    row: &Row,
    snapshot: &Snapshot,
    only: Option<UserId>,
) -> Result<Option<AuditRecord>, StoreError> {
    let damaged = |e: serde_json::Error| StoreError::Damaged(format!("audit record: {e}"));
    let mut members: Map<String, Value> = serde_json::from_str(&row.json).map_err(damaged)?;
    // In the place of hashes, what they are of.
    let (text, body) = (members.remove("text").is_some(), members.remove("body").is_some());
    if let Some(words) = row.words() {
        let words: Map<String, Value> = serde_json::from_str(words).map_err(damaged)?;
        members.extend(words);
    }
    let mut record: AuditRecord = serde_json::from_value(members.into()).map_err(damaged)?;
    record.body = body && row.body;
    record.erased = (text && row.text.is_none()) || (body && !row.body);
    let whose = record.user.as_deref().and_then(|id| id.parse().ok());
    if only.is_some() && whose != only {
        return Ok(None);
    }
    let name = |id: &UserId| snapshot.users.get(id).map(|person| person.name.clone());
    let named = |id: String| id.parse().ok().as_ref().and_then(name).unwrap_or(id);
    record.user = record.user.map(named);
    record.by = record.by.map(named);
    let name = |id: &AgentId| snapshot.agents.get(id).map(|person| person.name.clone());
    record.agent = record.agent.map(|id| id.parse().ok().as_ref().and_then(name).unwrap_or(id));
    Ok(Some(record))
}

#[cfg(test)]
mod tests {
    use rusqlite::params;

    use super::*;
    use crate::{
        audit::{Kind, Record},
        store,
    };

    #[test]
    fn one_record_of_a_wrong_clock_hides_none_before_it() {
        let dir = tempfile::tempdir().unwrap();
        let (db, _) = store::open(dir.path()).unwrap();
        let mut seq = 0;
        let mut write = |time: i64, count: usize| {
            for _ in 0..count {
                seq += 1;
                let record = Record::new(Kind::Service, time).render().at(seq);
                db.execute("INSERT INTO audit VALUES (?1, NULL, ?2)", params![seq, record])
                    .unwrap();
            }
        };
        let seen = || {
            let mut seen = 0;
            back(&db, 1_000, |_| {
                seen += 1;
                true
            })
            .unwrap();
            seen
        };
        write(2_000, 1);
        write(0, 1);
        write(1_000, 1);
        write(999, STRAYS_MAX - 1);
        write(5_000, 1);
        assert_eq!(seen(), 3);
        write(999, STRAYS_MAX);
        assert_eq!(seen(), 0);
        assert_eq!(crate::audit::recover::newest(&db).unwrap(), Some(5_000));
    }
}
