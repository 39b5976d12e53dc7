//! `agw audit status` and `acknowledge`: whether the trail is as it should be.

use agw_api::{AuditAlarm, AuditStatus, Durability, Witness};
use jiff::Timestamp;
use serde::Serialize;

use crate::args::Sure;
use crate::confirm::confirm;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{bytes, count, grouped, safe, sentence};
use crate::times::{ago, seconds};

const PATH: &str = "/api/v1/audit/status";

pub(super) async fn status(context: &Context<'_>) -> Result<(), CliError> {
    let status: AuditStatus = context.client.get(PATH).await?;
    context.output.item(&status, || status_text(&status, Timestamp::now()))
}

fn status_text(status: &AuditStatus, now: Timestamp) -> String {
    let mut text = match (&status.alarm, status.writable) {
        (Some(alarm), _) => alarm_text(alarm),
        (None, false) => {
            "Records cannot be written, so agents are refused: see `agw status`.".into()
        }
        (None, true) => "Records are written, and there is no alarm.".to_owned(),
    };
    let mut line = |name: &str, value: &str| {
        text.push_str(&format!("\n  {name:<12}  {}", safe(value)));
    };
    line("records", &records(status));
    line("size", &bytes(status.size));
    line("on disk", durability(status.durability));
    line("key", status.key.as_deref().unwrap_or("none before the first start that is not sealed"));
    line("checkpoint", &checkpoint(status, now));
    if status.witnesses.is_empty() {
        line("witnesses", "none: `agw audit settings set --witness-folder PATH` adds one");
    }
    for witness in &status.witnesses {
        line("witness", &witness_text(witness, status.head, now));
    }
    text
}

fn alarm_text(alarm: &AuditAlarm) -> String {
    let (since, message) = (seconds(&alarm.found_at), sentence(&alarm.message));
    safe(&format!("ALARM since {since}: {message}")) + "\n  next: " + &safe(&sentence(&alarm.next))
}

fn records(status: &AuditStatus) -> String {
    match status.first {
        0 | 1 => format!("1 to {}", grouped(status.head)),
        first => format!(
            "{} to {}; those before were removed by retention",
            grouped(first),
            grouped(status.head)
        ),
    }
}

/// When a record is on disk.
pub(super) fn durability(durability: Durability) -> &'static str {
    match durability {
        Durability::ByEffect => {
            "before a call is forwarded; for tools confirmed as read within 50 ms (by-effect)"
        }
        Durability::Strict => "before a call is forwarded, always (strict)",
    }
}

fn checkpoint(status: &AuditStatus, now: Timestamp) -> String {
    match &status.checkpoint {
        None => "none yet".to_owned(),
        Some(newest) => {
            let behind = status.head.saturating_sub(newest.size);
            let behind = match behind {
                0 => String::new(),
                behind => format!("; {} since", grouped(behind)),
            };
            format!("{}, of {}{behind}", ago(&newest.signed_at, now), count(newest.size, "record"))
        }
    }
}

fn witness_text(witness: &Witness, head: u64, now: Timestamp) -> String {
    let taken = match (&witness.taken_at, witness.size) {
        (Some(time), size) if size > 0 => {
            format!("{} of {} records {}", grouped(size), grouped(head.max(size)), ago(time, now))
        }
        _ => "nothing yet".to_owned(),
    };
    let error = witness.error.as_deref().map(|why| format!("; not the newest: {why}"));
    format!("{}: has {taken}{}", witness.place, error.unwrap_or_default())
}

/// The alarm is shown before it goes.
pub(super) async fn acknowledge(context: &Context<'_>, sure: Sure) -> Result<(), CliError> {
    #[derive(Serialize)]
    struct Acknowledged {
        acknowledged: bool,
    }

    let status: AuditStatus = context.client.get(PATH).await?;
    let Some(alarm) = status.alarm else {
        return context
            .output
            .item(&Acknowledged { acknowledged: false }, || "There is no alarm.".to_owned());
    };
    context.output.hint(&alarm_text(&alarm));
    confirm("The alarm ends, and the trail says that you took note of it.", sure.yes)?;
    let _: AuditStatus = context.client.post("/api/v1/audit/acknowledge", &()).await?;
    context
        .output
        .item(&Acknowledged { acknowledged: true }, || "The alarm is acknowledged.".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }

    fn example() -> AuditStatus {
        serde_json::from_value(json!({
            "head": 12_345, "first": 1, "writable": true, "durability": "by_effect",
            "size": 5_242_880, "key": "agw/x+00+AA",
            "checkpoint": {"size": 12_340, "signed_at": "2026-11-22T09:59:58Z", "note": ""},
            "witnesses": [{"place": "/mnt/x", "size": 12_000,
                           "taken_at": "2026-11-22T09:50:00Z", "error": null}],
            "alarm": null
        }))
        .unwrap()
    }

    #[test]
    fn a_trail_as_it_should_be() {
        assert_eq!(
            status_text(&example(), now()),
            "Records are written, and there is no alarm.
  records       1 to 12,345
  size          5.0 MiB
  on disk       before a call is forwarded; for tools confirmed as read within 50 ms (by-effect)
  key           agw/x+00+AA
  checkpoint    2s ago, of 12,340 records; 5 since
  witness       /mnt/x: has 12,000 of 12,345 records 10m 0s ago"
        );
    }

    #[test]
    fn what_is_wrong_comes_first() {
        let mut status = example();
        status.writable = false;
        status.witnesses.clear();
        status.first = 257;
        let text = status_text(&status, now());
        assert!(text.starts_with("Records cannot be written"), "{text}");
        assert!(
            text.contains("\n  records       257 to 12,345; those before were removed"),
            "{text}"
        );
        assert!(text.contains("\n  witnesses     none: `agw"), "{text}");
        status.alarm = Some(AuditAlarm {
            found_at: "2026-11-22T09:00:00Z".into(),
            message: "the trail is older than it was".into(),
            next: "restore it".into(),
        });
        let text = status_text(&status, now());
        assert!(
            text.starts_with(
                "ALARM since 2026-11-22T09:00:00Z: The trail is older than it was.\n  next: Restore it.\n  records"
            ),
            "{text}"
        );
    }

    #[test]
    fn a_witness_says_how_far_it_is_and_why_no_further() {
        let mut witness = example().witnesses.remove(0);
        witness.error = Some("timed out".into());
        assert_eq!(
            witness_text(&witness, 12_345, now()),
            "/mnt/x: has 12,000 of 12,345 records 10m 0s ago; not the newest: timed out"
        );
        let never = Witness { size: 0, taken_at: None, ..witness };
        assert_eq!(
            witness_text(&never, 5, now()),
            "/mnt/x: has nothing yet; not the newest: timed out"
        );
    }
}
