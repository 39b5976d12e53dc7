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
