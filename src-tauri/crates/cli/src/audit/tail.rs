//! `agw audit tail`: the last records, then each new one.

use std::time::{Duration, Instant};

use agw_api::{AuditRecord, ClientError, Event};
use futures_util::StreamExt as _;

use super::filter::Matcher;
use super::list::{Search, note, who};
use crate::args::AuditFilter;
use crate::context::Context;
use crate::error::CliError;
use crate::output::safe;
use crate::times::duration;

/// How many records it starts with.
const START: u32 = 10;
/// How long it looks for these before it goes on without.
const LOOK_BACK: Duration = Duration::from_secs(2);

/// Listens first and reads the past afterwards, so that nothing falls between;
/// sequence numbers keep a record from being shown twice.
pub(super) async fn tail(context: &Context<'_>, filter: &AuditFilter) -> Result<(), CliError> {
    let client = &context.client;
    let mut events = client.events().await?;
    let mut matcher = Matcher::new(client, filter).await?;
    let newest = Search::new(client, String::new(), 1).next().await?.unwrap_or_default();
    let mut printer = Printer { context, seen: 0 };
    printer.print_all(past(context, filter).await?)?;
    printer.skip_to(newest.records.first().map_or(0, |record| record.seq));
    while let Some(event) = events.next().await {
        match event? {
            Event::Audit { record } if matcher.matches(&record) => printer.print(&record)?,
            Event::Audit { record } => printer.skip_to(record.seq),
            Event::Missed { .. } => {
                matcher.refresh(client).await?;
                let missed = printer.missed(filter).await?;
                printer.print_all(missed)?;
            }
            Event::Changed { what } => {
                if matches!(what.as_str(), "teams" | "users") {
                    matcher.refresh(client).await?;
                }
            }
        }
    }
    Err(CliError::failed(
        "stopped",
        "the gateway has stopped sending",
        "Check it with `agw status`, then run `agw audit tail` again.",
    ))
}

/// The last few records, newest first.
async fn past(
    context: &Context<'_>,
    filter: &AuditFilter,
) -> Result<Vec<AuditRecord>, ClientError> {
    let started = Instant::now();
    let mut search = Search::new(&context.client, filter.query(), START);
    let mut records = Vec::new();
    while let Some(page) = search.next().await? {
        records.extend(page.records);
        if started.elapsed() >= LOOK_BACK {
            break;
        }
    }
    Ok(records)
}

struct Printer<'a> {
    context: &'a Context<'a>,
    /// Sequence number of the newest record that was shown or left out.
    seen: u64,
}

impl Printer<'_> {
    /// Newest first.
    async fn missed(&self, filter: &AuditFilter) -> Result<Vec<AuditRecord>, ClientError> {
        let mut search = Search::new(&self.context.client, filter.query(), u32::MAX);
        let mut missed = Vec::new();
        while let Some(page) = search.next().await? {
            missed.extend(page.records.into_iter().filter(|record| record.seq > self.seen));
            // The next page is of smaller numbers than this.
            if page.next.is_none_or(|next| next <= self.seen.saturating_add(1)) {
                break;
            }
        }
        Ok(missed)
    }

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

    fn skip_to(&mut self, seq: u64) {
        self.seen = self.seen.max(seq);
    }
}

/// One line a record: it cannot be known how wide columns will get.
fn line(record: &AuditRecord) -> String {
    let some = |text: String| (!text.is_empty()).then_some(text);
    let parts = [
        some(who(record)),
        record.tool.clone(),
        record.decision.clone(),
        record.reason.clone(),
        record.status.clone(),
        record.duration_ms.map(duration),
        some(note(record)),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().map(|part| safe(&part)).collect();
    format!("{:>6}  {}  {:<8}  {}", record.seq, record.time, record.kind, parts.join("  "))
}

#[cfg(test)]
mod tests {
    use super::super::list::tests::record;
    use super::*;

    #[test]
    fn a_record_on_one_line() {
        assert_eq!(
            line(&record()),
            "     7  2026-11-22T10:00:00.000Z  outcome   \
             ana/claude  fs.read\\u{1b}[2J\\u{a}  allow  ok  1.2 ms"
        );
        let approved =
            AuditRecord { approval: Some("p7".into()), by: Some("root".into()), ..record() };
        assert!(line(&approved).ends_with("  ok  1.2 ms  p7 by root"), "{}", line(&approved));
    }
}
