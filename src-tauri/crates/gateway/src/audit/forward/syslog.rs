//! Records as syslog messages (RFC 5424).
//!
//! ```text
//! <133>1 2026-11-22T09:30:00.123Z host agw 4711 outcome [meta sequenceId="42"] {"seq":42,…}
//! ```

use std::io;

use agw_api::AuditRecord;

const APP_NAME: &str = "agw";
/// Facility local0.
const LOCAL0: u8 = 16 << 3;
const WARNING: u8 = 4;
const NOTICE: u8 = 5;
/// Longest HOSTNAME.
const HOST_MAX: usize = 255;
/// `sequenceId` begins again after this (section 7.3.1).
const SEQUENCE_MAX: u64 = i32::MAX as u64;

/// What is the same in all messages of this process.
#[derive(Debug)]
pub(super) struct Origin {
    host: String,
    process: u32,
}

impl Origin {
    pub(super) fn here() -> Self {
        Self { host: printable(host().unwrap_or_default()), process: std::process::id() }
    }

    pub(super) fn message(&self, record: &AuditRecord) -> io::Result<String> {
        let json = serde_json::to_string(record)?;
        let severity = if record.decision.as_deref() == Some("deny") { WARNING } else { NOTICE };
        let AuditRecord { time, kind, seq, .. } = record;
        let Self { host, process } = self;
        let priority = LOCAL0 + severity;
        let sequence = seq.saturating_sub(1) % SEQUENCE_MAX + 1;
        Ok(format!(
            "<{priority}>1 {time} {host} {APP_NAME} {process} {kind} [meta sequenceId=\"{sequence}\"] {json}"
        ))
    }
}

/// A record without what may be long in it.
pub(super) fn shortened(record: &AuditRecord) -> AuditRecord {
    AuditRecord { args: None, clear: None, detail: None, grants: Vec::new(), ..record.clone() }
}

/// RFC 5424's PRINTUSASCII, or its NILVALUE.
fn printable(name: String) -> String {
    let good = |name: &String| {
        (1..=HOST_MAX).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic())
    };
    Some(name).filter(good).unwrap_or_else(|| "-".into())
}

#[cfg(unix)]
fn host() -> Option<String> {
    rustix::system::uname().nodename().to_str().ok().map(str::to_owned)
}

#[cfg(not(unix))]
fn host() -> Option<String> {
    std::env::var("COMPUTERNAME").ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(seq: u64, decision: &str) -> AuditRecord {
        serde_json::from_value(serde_json::json!({
            "seq": seq, "time": "2026-11-22T09:30:00.123Z", "kind": "outcome",
            "decision": decision, "args": {"to": "string(3)"}, "detail": "a\nb",
        }))
        .unwrap()
    }

    #[test]
    fn a_message_is_as_rfc_5424_has_it() {
        let origin = Origin { host: "h".into(), process: 7 };
        let message = origin.message(&record(42, "deny")).unwrap();
        let (head, json) = message.split_at(message.find('{').unwrap());
        assert_eq!(
            head,
            "<132>1 2026-11-22T09:30:00.123Z h agw 7 outcome [meta sequenceId=\"42\"] "
        );
        let back: AuditRecord = serde_json::from_str(json).unwrap();
        assert_eq!((back.seq, back.detail.as_deref()), (42, Some("a\nb")));
        assert!(!json.contains('\n'));
        assert!(origin.message(&record(42, "allow")).unwrap().starts_with("<133>1 "));
        let around = |seq| origin.message(&record(seq, "")).unwrap();
        assert!(around(SEQUENCE_MAX).contains("\"2147483647\""));
        assert!(around(SEQUENCE_MAX + 1).contains("sequenceId=\"1\""));
    }

    #[test]
    fn a_host_without_a_good_name_has_none() {
        let names = ["", "a b", "ä", "ok.example"].map(|name| printable(name.into()));
        assert_eq!(names, ["-", "-", "-", "ok.example"]);
    }
}
