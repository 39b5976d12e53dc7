//! One record and its canonical bytes (RFC 8785: members sorted, no white
//! space).
//!
//! ```text
//! {"agent":"a1","args_digest":"44136f…","call_id":"01K…","decision":"allow","face":"mcp","grants":["g12"],
//!  "kind":"intent","policy_version":7,"seq":41,"time":"2026-11-22T09:30:00.123Z","tool":"gmail.send","user":"u1","v":1}
//! ```
//!
//! People are recorded by id and shown by name, so that a name can be changed
//! or erased without touching the trail.

use std::fmt::Write as _;

use agw_core::{AgentId, ApprovalId, GrantId, UserId, json};

/// Identifies one call in the trail: a ULID, so it sorts by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CallId(ulid::Ulid);

impl CallId {
    pub(crate) fn new() -> Self {
        Self(ulid::Ulid::generate())
    }

    pub(crate) fn to_bytes(self) -> [u8; 16] {
        self.0.to_bytes()
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        ulid::Ulid::from_string(text).ok().map(Self)
    }
}

impl std::fmt::Display for CallId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A call is about to be forwarded.
    Intent,
    /// A call ended.
    Outcome,
    /// A person was asked about a call, answered, or is asked no longer.
    Approval,
    /// The configuration changed.
    Config,
    /// Somebody signed in or out, or failed to.
    SignIn,
    /// The service started, stopped, was sealed, unsealed, paused or resumed.
    Service,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Outcome => "outcome",
            Self::Approval => "approval",
            Self::Config => "config",
            Self::SignIn => "sign_in",
            Self::Service => "service",
        }
    }
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Ok,
    /// The tool ran and reported an error of its own.
    ToolError,
    Denied,
    Failed,
    Cancelled,
    /// The service ended before it knew.
    Indeterminate,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ToolError => "tool_error",
            Self::Denied => "denied",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Indeterminate => "indeterminate",
        }
    }
}

/// A record before it has a place in the trail.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) kind: Kind,
    /// Milliseconds since 1970, UTC.
    pub(crate) time: i64,
    pub(crate) call: Option<CallId>,
    pub(crate) user: Option<UserId>,
    pub(crate) agent: Option<AgentId>,
    pub(crate) tool: Option<String>,
    pub(crate) decision: Option<&'static str>,
    pub(crate) reason: Option<&'static str>,
    pub(crate) args_digest: Option<json::Digest>,
    /// Canonical JSON of the redacted arguments.
    pub(crate) args: Option<String>,
    pub(crate) status: Option<&'static str>,
    pub(crate) duration_us: Option<u64>,
    pub(crate) grants: Vec<GrantId>,
    pub(crate) policy_version: Option<u64>,
    pub(crate) face: Option<&'static str>,
    /// The approval that the call was held for.
    pub(crate) approval: Option<ApprovalId>,
    /// Who answered it.
    pub(crate) by: Option<UserId>,
    /// Free text; never a secret.
    pub(crate) detail: Option<String>,
    /// The agent's sub-token is good for so many calls, and this is one: not
    /// written, but counted with it.
    pub(crate) limited: bool,
}

impl Record {
    pub(crate) fn new(kind: Kind, time: i64) -> Self {
        Self {
            kind,
            time,
            call: None,
            user: None,
            agent: None,
            tool: None,
            decision: None,
            reason: None,
            args_digest: None,
            args: None,
            status: None,
            duration_us: None,
            grants: Vec::new(),
            policy_version: None,
            face: None,
            approval: None,
            by: None,
            detail: None,
            limited: false,
        }
    }

    /// A change of configuration by `user`: what was done, in words.
    pub(crate) fn config(time: i64, user: UserId, status: &'static str, detail: String) -> Self {
        let user = Some(user);
        Self { user, status: Some(status), detail: Some(detail), ..Self::new(Kind::Config, time) }
    }

    /// Everything but the sequence number, which only the writer knows.
    pub(crate) fn render(&self) -> Rendered {
        let mut out = String::with_capacity(384);
        out.push('{');
        text(&mut out, "agent", self.agent);
        text(&mut out, "approval", self.approval);
        raw(&mut out, "args", self.args.as_deref());
        text(&mut out, "args_digest", self.args_digest);
        text(&mut out, "by", self.by);
        text(&mut out, "call_id", self.call);
        text(&mut out, "decision", self.decision);
        free(&mut out, "detail", self.detail.as_deref());
        raw(&mut out, "duration_ms", self.duration_us.map(milliseconds).as_deref());
        text(&mut out, "face", self.face);
        if !self.grants.is_empty() {
            out.push_str("\"grants\":[");
            for (at, grant) in self.grants.iter().enumerate() {
                let comma = if at == 0 { "" } else { "," };
                // Writing to a String cannot fail, here and below.
                let _ = write!(out, "{comma}\"{grant}\"");
            }
            out.push_str("],");
        }
        text(&mut out, "kind", Some(self.kind.as_str()));
        raw(&mut out, "policy_version", self.policy_version);
        text(&mut out, "reason", self.reason);
        let seq_at = out.len();
        text(&mut out, "status", self.status);
        text(&mut out, "time", Some(rfc3339(self.time)));
        free(&mut out, "tool", self.tool.as_deref());
        text(&mut out, "user", self.user);
        out.push_str("\"v\":1}");
        let usage = self.agent.filter(|_| self.kind == Kind::Outcome).map(|id| (id, self.time));
        let limited = self.agent.filter(|_| self.limited && self.kind == Kind::Intent);
        Rendered { kind: self.kind, call: self.call, usage, limited, json: out, seq_at }
    }
}

/// A record's canonical bytes, with a gap where the sequence number goes.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) kind: Kind,
    pub(crate) call: Option<CallId>,
    /// The agent whose sub-token was used, and when.
    pub(crate) usage: Option<(AgentId, i64)>,
    /// The agent one of whose limited calls this is the intent of.
    pub(crate) limited: Option<AgentId>,
    json: String,
    seq_at: usize,
}

impl Rendered {
    pub(crate) fn at(&self, seq: u64) -> String {
        let (head, tail) = self.json.split_at_checked(self.seq_at).unwrap_or((&self.json, ""));
        format!("{head}\"seq\":{seq},{tail}")
    }
}

/// `value` needs no escaping.
fn text(out: &mut String, key: &str, value: Option<impl std::fmt::Display>) {
    if let Some(value) = value {
        let _ = write!(out, "\"{key}\":\"{value}\",");
    }
}

/// `value` is JSON.
fn raw(out: &mut String, key: &str, value: Option<impl std::fmt::Display>) {
    if let Some(value) = value {
        let _ = write!(out, "\"{key}\":{value},");
    }
}

fn free(out: &mut String, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        let _ = write!(out, "\"{key}\":");
        json::write_string(value, out);
        out.push(',');
    }
}

/// Microseconds as a JSON number of milliseconds, in the RFC 8785 form.
fn milliseconds(us: u64) -> String {
    let (whole, rest) = (us / 1_000, us % 1_000);
    if rest == 0 {
        return whole.to_string();
    }
    format!("{whole}.{rest:03}").trim_end_matches('0').to_owned()
}

/// `2026-11-22T09:30:00.123Z`.
pub(crate) fn rfc3339(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map(|time| format!("{time:.3}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_canonical_whatever_they_hold() {
        let mut record = Record::new(Kind::Outcome, 1_795_340_000_120);
        let call = CallId::new();
        record.call = Some(call);
        record.user = Some(UserId::new(1));
        record.agent = Some(AgentId::new(2));
        record.tool = Some("evil\"\n\u{7f}.tool".into());
        record.decision = Some("deny");
        record.reason = Some("not_granted");
        record.args = Some(r#"{"a":"string(1)"}"#.into());
        record.args_digest = json::parse(b"{}").unwrap().digest().ok();
        record.status = Some("denied");
        record.duration_us = Some(1_250);
        record.grants = vec![GrantId::new(1), GrantId::new(2)];
        record.policy_version = Some(3);
        record.face = Some("mcp");
        record.approval = Some(ApprovalId::new(4));
        record.by = Some(UserId::new(5));
        record.detail = Some("a \\ b".into());
        for record in [record, Record::new(Kind::Service, 0)] {
            let text = record.render().at(7);
            let node = json::parse(text.as_bytes()).unwrap();
            assert_eq!(node.canonical().unwrap(), text);
            assert_eq!(node.get("seq").unwrap().raw(), "7");
        }
    }

    #[test]
    fn durations_keep_microseconds_and_no_trailing_zeros() {
        let shown: Vec<String> = [0, 5, 50, 1_000, 1_250, 61_000_000].map(milliseconds).into();
        assert_eq!(shown, ["0", "0.005", "0.05", "1", "1.25", "61000"]);
    }

    #[test]
    fn time_is_utc_with_milliseconds() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
    }
}
