//! After a start: calls whose outcome nobody knows, questions that nobody can
//! answer any more, and what was used up.

use std::collections::{BTreeMap, HashSet};

use agw_core::{AgentId, GrantId};
use rusqlite::Connection;
use serde::Deserialize;

use crate::{
    audit::{
        CallId, Status, read,
        record::{Kind, Record},
    },
    store::{
        StoreError,
        writer::{self, batch},
    },
};

/// Records that the newest time is looked for in.
const NEWEST_OF: u32 = 10_000;

/// Finds the intents that have no outcome and gives each the outcome
/// `indeterminate`. Reads only from the last note of the oldest open call on.
/// Returns how many there were.
pub(crate) fn close_open_calls(db: &mut Connection, now: i64) -> Result<usize, StoreError> {
    #[derive(Deserialize)]
    struct Line {
        kind: String,
        call_id: Option<String>,
        tool: Option<String>,
        user: Option<String>,
        agent: Option<String>,
        face: Option<String>,
        effect: Option<String>,
    }
    let tx = db.transaction()?;
    let mut open = BTreeMap::new();
    let mut head: u64 = tx.query_row("SELECT ifnull(max(seq), 0) FROM audit", [], |r| r.get(0))?;
    {
        let mut select = tx.prepare("SELECT seq, record FROM audit WHERE seq > ?1 ORDER BY seq")?;
        let mut rows = select.query([writer::low_water(&tx)?])?;
        while let Some(row) = rows.next()? {
            let text: String = row.get(1)?;
            let line: Line = serde_json::from_str(&text)
                .map_err(|e| StoreError::Damaged(format!("audit record: {e}")))?;
            let Some(call) = line.call_id.clone() else { continue };
            match line.kind.as_str() {
                "intent" => drop(open.insert(call, line)),
                "outcome" => drop(open.remove(&call)),
                _ => {}
            }
        }
    }
    for (call, line) in &open {
        head += 1;
        let mut record = Record::new(Kind::Outcome, now);
        record.call = CallId::parse(call);
        record.user = line.user.as_deref().and_then(|id| id.parse().ok());
        record.agent = line.agent.as_deref().and_then(|id| id.parse().ok());
        record.tool = line.tool.clone();
        record.decision = Some("allow");
        record.reason = Some("service_ended");
        record.status = Some(Status::Indeterminate.as_str());
        record.face = [crate::pipeline::Face::Mcp, crate::pipeline::Face::Rest]
            .map(crate::pipeline::Face::as_str)
            .into_iter()
            .find(|face| line.face.as_deref() == Some(face));
        record.detail = Some(
            "the service ended while the call was under way; the system may have acted".into(),
        );
        record.effect = line.effect.as_deref().and_then(|effect| effect.parse().ok());
        batch::insert(&tx, head, &record.render())?;
    }
    tx.commit()?;
    Ok(open.len())
}

/// Questions to people end with the service, which keeps them in memory: those
/// that nobody had answered get the end `cancelled`. Returns how many.
pub(crate) fn close_open_questions(db: &mut Connection, now: i64) -> Result<usize, StoreError> {
    #[derive(Deserialize)]
    struct Line {
        approval: String,
        call_id: Option<String>,
        tool: Option<String>,
        user: Option<String>,
        agent: Option<String>,
    }
    let tx = db.transaction()?;
    let mut head: u64 = tx.query_row("SELECT ifnull(max(seq), 0) FROM audit", [], |r| r.get(0))?;
    let open: Vec<String> = {
        let mut select = tx.prepare(
            "SELECT record FROM audit
             WHERE seq IN (SELECT max(seq) FROM audit_approvals GROUP BY approval)
               AND record ->> 'status' = 'asked' ORDER BY seq",
        )?;
        let rows = select.query_map([], |row| row.get(0))?;
        rows.collect::<Result<_, _>>()?
    };
    for text in &open {
        let line: Line = serde_json::from_str(text)
            .map_err(|e| StoreError::Damaged(format!("audit record: {e}")))?;
        head += 1;
        let mut record = Record::new(Kind::Approval, now);
        record.approval = line.approval.parse().ok();
        record.call = line.call_id.as_deref().and_then(CallId::parse);
        record.user = line.user.as_deref().and_then(|id| id.parse().ok());
        record.agent = line.agent.as_deref().and_then(|id| id.parse().ok());
        record.tool = line.tool;
        record.decision = Some("ask");
        record.reason = Some("service_ended");
        record.status = Some("cancelled");
        batch::insert(&tx, head, &record.render())?;
    }
    tx.commit()?;
    Ok(open.len())
}

/// Calls that were forwarded since `since` (milliseconds since 1970) with one
/// of `grants`: which, and when, oldest first. A rate goes on counting over a
/// restart.
pub(crate) fn calls_since(
    db: &Connection,
    since: i64,
    grants: &HashSet<GrantId>,
) -> Result<Vec<(GrantId, i64)>, StoreError> {
    let mut calls = Vec::new();
    if grants.is_empty() {
        return Ok(calls);
    }
    read::back(db, since, |line| {
        if line.kind == "intent" {
            let time = line.time.as_millisecond();
            let ids = line.grants.iter().filter_map(|id| id.parse().ok());
            calls.extend(ids.filter(|id| grants.contains(id)).map(|id| (id, time)));
        }
        true
    })?;
    calls.sort_unstable_by_key(|(_, time)| *time);
    Ok(calls)
}

/// Calls that each agent with a limited sub-token has made.
pub(crate) fn limited_uses(db: &Connection) -> Result<Vec<(AgentId, u64)>, StoreError> {
    let mut select = db.prepare("SELECT id, forwarded FROM agents WHERE forwarded > 0")?;
    let rows = select.query_map([], |row| Ok((AgentId::new(row.get(0)?), row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The latest time of the last records, in milliseconds since 1970. The last
/// record alone may be of a moment when the clock was wrong.
pub(crate) fn newest(db: &Connection) -> Result<Option<i64>, StoreError> {
    // As they are written, times sort as texts.
    let sql =
        "SELECT max(record ->> 'time') FROM (SELECT record FROM audit ORDER BY seq DESC LIMIT ?1)";
    let time: Option<String> = db.query_row(sql, [NEWEST_OF], |row| row.get(0))?;
    Ok(time.and_then(|time| Some(time.parse::<jiff::Timestamp>().ok()?.as_millisecond())))
}
