//! Reading the trail back for people.

use agw_api::AuditRecord;
use agw_core::{AgentId, UserId};
use rusqlite::{Connection, params};
use serde::Deserialize;

use crate::{
    audit::CallId,
    store::{StoreError, snapshot::Snapshot},
};

/// What `GET /api/v1/audit` may ask for.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// 1 to 1,000; 100 if absent.
    pub(crate) limit: Option<u32>,
    /// Only records with a smaller sequence number: the last one of the page before.
    pub(crate) before: Option<u64>,
    /// Only this kind.
    pub(crate) kind: Option<String>,
    /// `allow`, `ask` or `deny`.
    pub(crate) decision: Option<String>,
    /// Name of a user.
    pub(crate) user: Option<String>,
    /// Id of a tool.
    pub(crate) tool: Option<String>,
    /// The one user whose records may be seen.
    #[serde(skip)]
    #[param(ignore)]
    pub(crate) only: Option<UserId>,
}

pub(crate) const LIMIT_DEFAULT: u32 = 100;
pub(crate) const LIMIT_MAX: u32 = 1_000;

/// Newest first. Names are those of `snapshot`.
pub(crate) fn list(
    db: &Connection,
    snapshot: &Snapshot,
    filter: &Filter,
) -> Result<Vec<AuditRecord>, StoreError> {
    let limit = filter.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX);
    // SQLite reads backwards along the key and stops at the limit; a filter
    // that matches nothing reads to the end.
    let mut select = db.prepare_cached(
        "SELECT record FROM audit
         WHERE seq < ifnull(?1, 9223372036854775807)
           AND (?2 IS NULL OR record ->> 'kind' = ?2)
           AND (?3 IS NULL OR record ->> 'decision' = ?3)
           AND (?4 IS NULL OR record ->> 'user' IN (SELECT value FROM json_each(?4)))
           AND (?5 IS NULL OR record ->> 'tool' = ?5)
           AND (?6 IS NULL OR record ->> 'user' = ?6)
         ORDER BY seq DESC LIMIT ?7",
    )?;
    // A name may have been borne by several users over time.
    let users = filter.user.as_ref().map(|name| {
        let ids = snapshot.users.iter().filter(|(_, person)| person.name == *name);
        serde_json::Value::from_iter(ids.map(|(id, _)| id.to_string())).to_string()
    });
    let rows = select.query_map(
        params![
            filter.before,
            filter.kind,
            filter.decision,
            users,
            filter.tool,
            filter.only.map(|user| user.to_string()),
            limit
        ],
        |row| row.get::<_, String>(0),
    )?;
    rows.filter_map(|record| parse(&record.ok()?, snapshot, filter.only).transpose()).collect()
}

/// All records of a call, or the one record of a sequence number, as far as
/// they are of the user who alone may be seen.
pub(crate) fn show(
    db: &Connection,
    snapshot: &Snapshot,
    id: &str,
    only: Option<UserId>,
) -> Result<Vec<AuditRecord>, StoreError> {
    let mut select = db.prepare_cached(
        "SELECT record FROM audit WHERE seq = ?1
         UNION ALL SELECT record FROM audit WHERE call = ?2 AND call IS NOT NULL",
    )?;
    let call = CallId::parse(id).map(CallId::to_bytes);
    let rows =
        select.query_map(params![id.parse::<u64>().ok(), call], |row| row.get::<_, String>(0))?;
    let mut records: Vec<AuditRecord> = rows
        .filter_map(|record| parse(&record.ok()?, snapshot, only).transpose())
        .collect::<Result<_, _>>()?;
    records.sort_by_key(|record| record.seq);
    Ok(records)
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

/// A stored record with names in the place of ids; `None` if it is not of the
/// user who alone may be seen.
pub(crate) fn parse(
    record: &str,
    snapshot: &Snapshot,
    only: Option<UserId>,
) -> Result<Option<AuditRecord>, StoreError> {
    let mut record: AuditRecord = serde_json::from_str(record)
        .map_err(|e| StoreError::Damaged(format!("audit record: {e}")))?;
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
