//! Exports for people and their tools: names in the place of ids.

use agw_api::AuditRecord;
use rusqlite::Connection;

use super::{Export, Out, Stopped};
use crate::{audit::read, store::StoreError};

pub(super) fn json_lines(export: &Export, db: &Connection, out: &mut Out) -> Result<(), Stopped> {
    each(export, db, |record| {
        let mut line = serde_json::to_vec(&record).map_err(damaged)?;
        line.push(b'\n');
        out.write(&line)
    })
}

const COLUMNS: [&str; 21] = [
    "seq",
    "time",
    "kind",
    "call_id",
    "user",
    "agent",
    "tool",
    "effect",
    "decision",
    "reason",
    "status",
    "duration_ms",
    "face",
    "approval",
    "by",
    "policy_version",
    "grants",
    "args_digest",
    "args",
    "clear",
    "detail",
];

pub(super) fn table(export: &Export, db: &Connection, out: &mut Out) -> Result<(), Stopped> {
    out.write(&line(COLUMNS.map(String::from))?)?;
    each(export, db, |r| {
        let text = Option::unwrap_or_default;
        let json = |value: Option<serde_json::Value>| value.map(|v| v.to_string());
        let cells = [
            r.seq.to_string(),
            r.time,
            r.kind,
            text(r.call_id),
            text(r.user),
            text(r.agent),
            text(r.tool),
            text(r.effect),
            text(r.decision),
            text(r.reason),
            text(r.status),
            text(r.duration_ms.map(|ms| ms.to_string())),
            text(r.face),
            text(r.approval),
            text(r.by),
            text(r.policy_version.map(|version| version.to_string())),
            r.grants.join(" "),
            text(r.args_digest),
            text(json(r.args)),
            text(json(r.clear)),
            text(r.detail),
        ];
        out.write(&line(cells.map(harmless))?)
    })
}

fn line(cells: [String; COLUMNS.len()]) -> Result<Vec<u8>, Stopped> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let failed = |e: &dyn std::fmt::Display| StoreError::Damaged(format!("a table: {e}"));
    writer.write_record(cells).map_err(|e| failed(&e))?;
    Ok(writer.into_inner().map_err(|e| failed(&e))?)
}

/// Some spreadsheets take a text that begins so for a formula, and it may be
/// an agent's own.
fn harmless(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell }
}

fn each(
    export: &Export,
    db: &Connection,
    mut take: impl FnMut(AuditRecord) -> Result<(), Stopped>,
) -> Result<(), Stopped> {
    export.each(db, |row, found| {
        let record = match found {
            true => read::shown(&row, &export.snapshot, export.only)?,
            false => None,
        };
        record.map_or(Ok(()), &mut take)
    })
}

fn damaged(error: serde_json::Error) -> StoreError {
    StoreError::Damaged(format!("audit record: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(harmless("=HYPERLINK(1)".into()), "'=HYPERLINK(1)");
        assert_eq!(harmless("gmail.send".into()), "gmail.send");
    }
}
