//! After a crash: calls whose outcome nobody knows.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use serde::Deserialize;

use crate::{
    audit::{
        CallId, Status,
        record::{Kind, Record},
    },
    store::{StoreError, writer},
};

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
                _ => drop(open.remove(&call)),
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
        tx.execute(
            "INSERT INTO audit (seq, call, record) VALUES (?1, ?2, ?3)",
            params![head, record.call.map(CallId::to_bytes), record.render().at(head)],
        )?;
    }
    tx.commit()?;
    Ok(open.len())
}
