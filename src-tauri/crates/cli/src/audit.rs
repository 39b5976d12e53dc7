//! The audit trail: list, follow, show one call.

use agw_api::{AuditRecord, Client, ClientError, Event, segment};
use futures_util::StreamExt as _;
use tokio::signal;

use crate::args::{AuditCommand, AuditList};
use crate::context::Context;
use crate::error::CliError;
use crate::output::{fields, safe};

/// The most that one request may ask for.
const PAGE: u32 = 1000;
/// How many records `tail` starts with.
const TAIL_START: u32 = 10;

const HEADINGS: [&str; 11] =
    ["SEQ", "TIME", "KIND", "USER", "AGENT", "TOOL", "DECISION", "REASON", "STATUS", "MS", "BY"];

pub(crate) async fn run(context: &Context<'_>, command: AuditCommand) -> Result<(), CliError> {
    match command {
        AuditCommand::List(args) => list(context, &args).await,
        // Ctrl-C is how a person ends it, so it is no failure.
        AuditCommand::Tail => tokio::select! {
            ended = tail(context) => ended,
            _ = signal::ctrl_c() => Ok(()),
        },
        AuditCommand::Show { id } => show(context, &id).await,
    }
}

async fn list(context: &Context<'_>, args: &AuditList) -> Result<(), CliError> {
    let filters = [
        ("kind", &args.kind),
        ("decision", &args.decision),
        ("user", &args.user),
        ("tool", &args.tool),
    ];
    let filter: String = filters
        .iter()
        .filter_map(|(key, value)| Some(format!("&{key}={}", segment(value.as_deref()?))))
        .collect();
    let records = newest(&context.client, args.limit, 0, &filter).await?;
    context.output.list(&records, &HEADINGS, row, "The audit trail has no such record.")
}

/// Up to `limit` records after `after`, newest first, fetched page by page.
async fn newest(
    client: &Client,
    limit: u32,
    after: u64,
    filter: &str,
) -> Result<Vec<AuditRecord>, ClientError> {
    let mut records: Vec<AuditRecord> = Vec::new();
    loop {
        let missing = limit.saturating_sub(u32::try_from(records.len()).unwrap_or(u32::MAX));
        let asked = missing.min(PAGE);
        if asked == 0 {
            return Ok(records);
        }
        let before = records.last().map(|r| format!("&before={}", r.seq)).unwrap_or_default();
        let path = format!("/api/v1/audit?limit={asked}{before}{filter}");
        let page: Vec<AuditRecord> = client.get(&path).await?;
        let wanted = records.len() + asked as usize;
        records.extend(page.into_iter().take_while(|record| record.seq > after));
        // A short page is the last one, and so is one that reached `after`.
        if records.len() < wanted {
            return Ok(records);
        }
    }
}

/// Listens first and reads the past afterwards, so that nothing falls between;
/// sequence numbers keep a record from being shown twice.
async fn tail(context: &Context<'_>) -> Result<(), CliError> {
    let mut events = context.client.events().await?;
    let past = newest(&context.client, TAIL_START, 0, "").await?;
    let mut printer = Printer { context, seen: 0 };
    printer.print_all(past)?;
    while let Some(event) = events.next().await {
        match event? {
            Event::Audit { record } => printer.print(&record)?,
            Event::Missed { .. } => {
                let missed = newest(&context.client, u32::MAX, printer.seen, "").await?;
                printer.print_all(missed)?;
            }
            Event::Changed { .. } => {}
        }
    }
    Err(CliError::failed(
        "stopped",
        "the gateway has stopped sending",
        "Check it with `agw status`, then run `agw audit tail` again.",
    ))
}

struct Printer<'a> {
    context: &'a Context<'a>,
    /// Sequence number of the newest record shown.
    seen: u64,
}

impl Printer<'_> {
    fn print_all(&mut self, newest_first: Vec<AuditRecord>) -> Result<(), CliError> {
        newest_first.iter().rev().try_for_each(|record| self.print(record))
    }

    fn print(&mut self, record: &AuditRecord) -> Result<(), CliError> {
        if record.seq <= self.seen {
            return Ok(());
        }
        self.seen = record.seq;
        self.context.output.item(record, || line(record))
    }
}

/// One line a record: `tail` cannot know how wide its columns will get.
fn line(record: &AuditRecord) -> String {
    let caller = match (&record.user, &record.agent) {
        (Some(user), Some(agent)) => Some(format!("{user}/{agent}")),
        (user, _) => user.clone(),
    };
    let duration = record.duration_ms.map(|ms| format!("{ms:.1} ms"));
    let parts = [
        caller,
        record.tool.clone(),
        record.decision.clone(),
        record.reason.clone(),
        record.status.clone(),
        duration,
        answer(record),
        record.detail.clone(),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().map(|part| safe(&part)).collect();
    format!("{:>6}  {}  {:<8}  {}", record.seq, record.time, record.kind, parts.join("  "))
}

/// Which approval a call was held for, and who answered it.
fn answer(record: &AuditRecord) -> Option<String> {
    let approval = record.approval.as_deref()?;
    let by = record.by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
    Some(format!("approval {approval}{by}"))
}

fn row(record: &AuditRecord) -> Vec<String> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    vec![
        record.seq.to_string(),
        record.time.clone(),
        record.kind.clone(),
        text(&record.user),
        text(&record.agent),
        text(&record.tool),
        text(&record.decision),
        text(&record.reason),
        // Records that are not calls say what happened in `detail`.
        record.status.clone().or_else(|| record.detail.clone()).unwrap_or_default(),
        record.duration_ms.map(|ms| format!("{ms:.1}")).unwrap_or_default(),
        text(&record.by),
    ]
}

async fn show(context: &Context<'_>, id: &str) -> Result<(), CliError> {
    let records: Vec<AuditRecord> =
        context.client.get(&format!("/api/v1/audit/{}", segment(id))).await?;
    records.iter().try_for_each(|record| context.output.item(record, || block(record)))
}

/// Every field that has a value, one a line.
fn block(record: &AuditRecord) -> String {
    let start = format!("{} {} at {}", record.kind, record.seq, record.time);
    let Ok(serde_json::Value::Object(row)) = serde_json::to_value(record) else {
        return start;
    };
    start + &fields(&row, 2, |name| !matches!(name, "kind" | "seq" | "time"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> AuditRecord {
        serde_json::from_value(serde_json::json!({
            "seq": 7, "time": "2026-11-22T10:00:00.000Z", "kind": "outcome", "user": "ana",
            "agent": "claude", "tool": "fs.read\u{1b}[2J\n", "decision": "allow", "status": "ok",
            "duration_ms": 1.25, "call_id": "c1", "args": {"path": "string(4)"}
        }))
        .unwrap()
    }

    #[test]
    fn a_record_on_one_line() {
        assert_eq!(
            line(&record()),
            "     7  2026-11-22T10:00:00.000Z  outcome   \
             ana/claude  fs.read\\u{1b}[2J\\u{a}  allow  ok  1.2 ms"
        );
    }

    #[test]
    fn an_approved_call_says_by_whom() {
        let mut record = record();
        assert_eq!(answer(&record), None);
        record.approval = Some("a7".into());
        assert_eq!(answer(&record).as_deref(), Some("approval a7"));
        record.by = Some("root".into());
        assert!(line(&record).ends_with("  approval a7 by root"), "{}", line(&record));
        assert!(block(&record).contains("\n  by              root"), "{}", block(&record));
    }

    #[test]
    fn a_record_as_a_block() {
        let text = block(&record());
        assert!(text.starts_with("outcome 7 at 2026-11-22T10:00:00.000Z\n"), "{text}");
        assert!(text.contains("\n  args            {\"path\":\"string(4)\"}"), "{text}");
        assert!(!text.contains("grants") && !text.contains("reason"), "{text}");
    }

    #[test]
    fn a_row_has_a_cell_for_each_heading() {
        assert_eq!(row(&record()).len(), HEADINGS.len());
    }

    /// The exact contract with scripts: every name is there even without a value.
    #[test]
    fn json_has_the_promised_fields() {
        let json = serde_json::to_value(record()).unwrap();
        for name in [
            "seq",
            "time",
            "kind",
            "call_id",
            "user",
            "agent",
            "tool",
            "decision",
            "reason",
            "args_digest",
            "status",
            "duration_ms",
        ] {
            assert!(json.get(name).is_some(), "{name}");
        }
    }
}
