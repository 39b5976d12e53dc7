//! `agw audit list`: the past, newest first.

use agw_api::{AuditPage, AuditRecord, Client, ClientError, segment};
use jiff::Timestamp;

use crate::args::AuditList;
use crate::context::Context;
use crate::error::CliError;
use crate::json_text::{cut, name};
use crate::output::Output;
use crate::progress::Progress;
use crate::times::{duration, seconds};

/// The most that one request may ask for.
const PAGE: u32 = 1000;

pub(super) async fn list(context: &Context<'_>, args: &AuditList) -> Result<(), CliError> {
    let period = period(args.since, args.until);
    let filter = format!("{period}{}", args.filter.query());
    let mut search =
        Search { before: args.before, ..Search::new(&context.client, filter, args.limit) };
    // Scripts get what there is as it is found.
    if context.output.json() {
        while let Some(page) = search.next().await? {
            page.records.iter().try_for_each(|it| context.output.item(it, String::new))?;
        }
        return Ok(());
    }
    let records = all(&mut search, context.output).await?;
    let columns = Columns::of(&records);
    context.output.list(
        &records,
        &columns.headings(),
        |record| columns.row(record),
        "The audit trail has no such record.",
    )?;
    if let (Some(before), 0) = (search.before, search.left) {
        context.output.hint(&format!("There are older ones: add --before {before}."));
    }
    Ok(())
}

/// `&since=…&until=…`, each if it is given.
pub(super) fn period(since: Option<Timestamp>, until: Option<Timestamp>) -> String {
    let bounds = [("since", since), ("until", until)];
    let bounds = bounds.into_iter().filter_map(|(key, time)| Some((key, time?.to_string())));
    bounds.map(|(key, time)| format!("&{key}={}", segment(&time))).collect()
}

/// Goes back through the trail page by page.
#[derive(Debug)]
pub(super) struct Search<'a> {
    client: &'a Client,
    filter: String,
    /// Where the next page begins: below this record, or at the newest.
    before: Option<u64>,
    /// How many records are still wanted.
    left: u32,
    ended: bool,
}

impl<'a> Search<'a> {
    /// `filter` is the part of the query from its first `&` on.
    pub(super) fn new(client: &'a Client, filter: String, limit: u32) -> Self {
        Self { client, filter, before: None, left: limit, ended: false }
    }

    /// `None` at the end of the trail, or when there are as many as wanted. A
    /// page may hold nothing: the gateway looks through a part of the trail at
    /// a time.
    pub(super) async fn next(&mut self) -> Result<Option<AuditPage>, ClientError> {
        if self.left == 0 || self.ended {
            return Ok(None);
        }
        let before = self.before.map(|seq| format!("&before={seq}")).unwrap_or_default();
        let limit = self.left.min(PAGE);
        let path = format!("/api/v1/audit?limit={limit}{before}{}", self.filter);
        let page: AuditPage = self.client.get(&path).await?;
        let found = u32::try_from(page.records.len()).unwrap_or(u32::MAX);
        self.left = self.left.saturating_sub(found);
        // A gateway that did not move on would be asked for ever.
        self.ended = page.next.is_none() || page.next == self.before;
        self.before = page.next;
        Ok(Some(page))
    }
}

/// All that is wanted. A person who waits sees how far back it has looked.
async fn all(search: &mut Search<'_>, output: &Output) -> Result<Vec<AuditRecord>, ClientError> {
    let mut progress = Progress::new(output);
    let mut records = Vec::new();
    while let Some(page) = search.next().await? {
        records.extend(page.records);
        if let Some(time) = page.searched_to {
            progress.show(|_| format!("searched back to {}", seconds(&time)));
        }
    }
    Ok(records)
}

/// Of a table of records: those that a record has something for.
struct Columns(Vec<&'static Column>);

struct Column {
    heading: &'static str,
    cell: fn(&AuditRecord) -> String,
}

impl Columns {
    const ALL: [Column; 8] = [
        Column { heading: "SEQ", cell: |record| record.seq.to_string() },
        Column { heading: "TIME", cell: |record| seconds(&record.time) },
        Column { heading: "KIND", cell: |record| record.kind.clone() },
        Column { heading: "WHO", cell: who },
        Column { heading: "TOOL", cell: |record| name(record.tool.as_deref().unwrap_or_default()) },
        Column { heading: "DECISION", cell: decision },
        Column { heading: "STATUS", cell: status },
        Column { heading: "DETAIL", cell: |record| cut(&note(record), DETAIL_WIDTH) },
    ];

    fn of(records: &[AuditRecord]) -> Self {
        let used = |column: &&Column| records.iter().any(|it| !(column.cell)(it).is_empty());
        Self(Self::ALL.iter().filter(used).collect())
    }

    fn headings(&self) -> Vec<&'static str> {
        self.0.iter().map(|column| column.heading).collect()
    }

    fn row(&self, record: &AuditRecord) -> Vec<String> {
        self.0.iter().map(|column| (column.cell)(record)).collect()
    }
}

/// How much of a remark the table shows.
const DETAIL_WIDTH: usize = 60;

/// `ana/claude`.
pub(super) fn who(record: &AuditRecord) -> String {
    match (&record.user, &record.agent) {
        (Some(user), Some(agent)) => format!("{user}/{agent}"),
        (user, agent) => user.as_ref().or(agent.as_ref()).cloned().unwrap_or_default(),
    }
}

/// `deny not_granted`. What a grant allows is the rule, and not worth a word.
fn decision(record: &AuditRecord) -> String {
    let reason = record.reason.as_deref().filter(|reason| *reason != "granted");
    let parts = [record.decision.as_deref(), reason];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// `ok 7.2 ms`.
fn status(record: &AuditRecord) -> String {
    let duration = record.duration_ms.map(duration);
    [record.status.clone(), duration].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Which approval a call was held for, who answered it, and what else there is
/// to say.
pub(super) fn note(record: &AuditRecord) -> String {
    let approval = record.approval.as_deref().map(|approval| {
        let by = record.by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
        format!("{approval}{by}")
    });
    [approval, record.detail.clone()].into_iter().flatten().collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::audit) fn record() -> AuditRecord {
        serde_json::from_value(serde_json::json!({
            "seq": 7, "time": "2026-11-22T10:00:00.000Z", "kind": "outcome", "user": "ana",
            "agent": "claude", "tool": "fs.read\u{1b}[2J\n", "decision": "allow", "status": "ok",
            "duration_ms": 1.25, "call_id": "c1", "args": {"path": "string(4)"}
        }))
        .unwrap()
    }

    #[test]
    fn a_column_that_nothing_is_in_is_left_out() {
        let other = AuditRecord {
            seq: 6,
            agent: None,
            tool: None,
            decision: None,
            duration_ms: None,
            status: Some("user_added".into()),
            detail: Some("x".repeat(100)),
            ..record()
        };
        let columns = Columns::of(&[record()]);
        assert_eq!(
            columns.headings(),
            ["SEQ", "TIME", "KIND", "WHO", "TOOL", "DECISION", "STATUS"]
        );
        let row = columns.row(&record());
        assert_eq!(row[3], "ana/claude");
        assert_eq!(row[5], "allow");
        assert_eq!(row[6], "ok 1.2 ms");
        assert_eq!(row.len(), columns.headings().len());
        let columns = Columns::of(&[record(), other.clone()]);
        assert_eq!(columns.headings().last(), Some(&"DETAIL"));
        assert_eq!(columns.row(&other).last().unwrap().chars().count(), DETAIL_WIDTH);
        assert!(Columns::of(&[]).headings().is_empty());
    }

    #[test]
    fn why_is_told_unless_a_grant_allowed_it() {
        let of = |text: &str, why: &str| {
            let (text, why) = (Some(text.to_owned()), Some(why.to_owned()));
            decision(&AuditRecord { decision: text, reason: why, ..record() })
        };
        assert_eq!(of("allow", "granted"), "allow");
        assert_eq!(of("allow", "approved"), "allow approved");
        assert_eq!(of("deny", "not_granted"), "deny not_granted");
    }

    #[test]
    fn a_period_goes_as_rfc_3339() {
        let since = Some("2026-11-20T00:00:00Z".parse().unwrap());
        assert_eq!(period(since, None), "&since=2026-11-20T00%3A00%3A00Z");
        assert_eq!(period(None, since), "&until=2026-11-20T00%3A00%3A00Z");
        assert_eq!(period(None, None), "");
    }

    #[test]
    fn an_approved_call_says_by_whom() {
        let mut record = record();
        assert_eq!(note(&record), "");
        record.approval = Some("p7".into());
        assert_eq!(note(&record), "p7");
        record.by = Some("root".into());
        assert_eq!(note(&record), "p7 by root");
        record.detail = Some("not to them".into());
        assert_eq!(note(&record), "p7 by root: not to them");
    }
}
