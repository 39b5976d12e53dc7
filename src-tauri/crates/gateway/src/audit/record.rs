//! One record and its canonical bytes (RFC 8785: members sorted, no white
//! space).
//!
//! ```text
//! {"agent":"a1","args_digest":"44136f…","call_id":"01K…","decision":"allow","face":"mcp","grants":["g12"],
//!  "kind":"intent","policy_version":7,"seq":41,"time":"2026-11-22T09:30:00.123Z","tool":"gmail.send","user":"u1","v":2}
//! ```
//!
//! People are recorded by id and shown by name, so that a name can be changed
//! or erased without touching the trail. Words that may hold more (`detail`,
//! arguments kept in clear) and sealed bodies are kept beside the record,
//! which has their SHA-256 as `text` and `body`: they can be erased and the
//! record stays as it was. A text begins with 16 random bytes, so that its
//! hash tells nobody what it was.

use std::fmt::Write as _;

use agw_core::{AgentId, ApprovalId, GrantId, ToolEffect, UserId, json};
use sha2::{Digest as _, Sha256};

use crate::{audit::shape::Shape, random};

/// Random bytes at the beginning of a text.
pub(crate) const SALT: usize = 16;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    pub(crate) fn as_str(self) -> &'static str {
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
    /// JSON object of the arguments that are kept in clear.
    pub(crate) clear: Option<String>,
    /// What the tool does, if an admin said so.
    pub(crate) effect: Option<ToolEffect>,
    /// The full arguments or result, sealed.
    pub(crate) body: Option<Vec<u8>>,
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
    /// Records with a smaller sequence number were removed.
    pub(crate) below: Option<u64>,
    /// First and last sequence numbers of records whose words or bodies were
    /// removed.
    pub(crate) removed: Vec<(u64, u64)>,
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
            clear: None,
            effect: None,
            body: None,
            status: None,
            duration_us: None,
            grants: Vec::new(),
            policy_version: None,
            face: None,
            approval: None,
            by: None,
            detail: None,
            below: None,
            removed: Vec::new(),
            limited: false,
        }
    }

    /// A change of configuration by `user`: what was done, in words.
    pub(crate) fn config(time: i64, user: UserId, status: &'static str, detail: String) -> Self {
        let user = Some(user);
        Self { user, status: Some(status), detail: Some(detail), ..Self::new(Kind::Config, time) }
    }

    /// Everything but the sequence number, which only the writer knows.
    pub(crate) fn render(self) -> Rendered {
        let text = self.text();
        let mut out = String::with_capacity(512);
        out.push('{');
        plain(&mut out, "agent", self.agent);
        plain(&mut out, "approval", self.approval);
        raw(&mut out, "args", self.args.as_deref());
        plain(&mut out, "args_digest", self.args_digest);
        raw(&mut out, "below", self.below);
        plain(&mut out, "body", self.body.as_deref().map(hash));
        plain(&mut out, "by", self.by);
        plain(&mut out, "call_id", self.call);
        plain(&mut out, "decision", self.decision);
        raw(&mut out, "duration_ms", self.duration_us.map(milliseconds).as_deref());
        plain(&mut out, "effect", self.effect.map(ToolEffect::as_str));
        plain(&mut out, "face", self.face);
        list(&mut out, "grants", &self.grants, |out, grant| write!(out, "\"{grant}\""));
        plain(&mut out, "kind", Some(self.kind.as_str()));
        raw(&mut out, "policy_version", self.policy_version);
        plain(&mut out, "reason", self.reason);
        list(&mut out, "removed", &self.removed, |out, (a, b)| write!(out, "[{a},{b}]"));
        let seq_at = out.len();
        plain(&mut out, "status", self.status);
        plain(&mut out, "text", text.as_deref().map(hash));
        plain(&mut out, "time", Some(rfc3339(self.time)));
        free(&mut out, "tool", self.tool.as_deref());
        plain(&mut out, "user", self.user);
        out.push_str("\"v\":2}");
        let usage = self.agent.filter(|_| self.kind == Kind::Outcome).map(|id| (id, self.time));
        let limited = self.agent.filter(|_| self.limited && self.kind == Kind::Intent);
        let approval = self.approval.filter(|_| self.kind == Kind::Approval);
        Rendered {
            kind: self.kind,
            time: self.time,
            call: self.call,
            approval,
            usage,
            limited,
            text,
            shape: Shape::of(&self),
            body: self.body,
            json: out,
            seq_at,
        }
    }

    /// Salt, and a JSON object with the words.
    fn text(&self) -> Option<Vec<u8>> {
        if self.detail.is_none() && self.clear.is_none() {
            return None;
        }
        let mut out = String::from("{");
        raw(&mut out, "clear", self.clear.as_deref());
        free(&mut out, "detail", self.detail.as_deref());
        out.pop();
        out.push('}');
        let mut bytes = vec![0; SALT];
        // Without randomness the service does not start; should it fail later,
        // the words are kept with a weaker hash rather than not at all.
        let _ = getrandom::fill(&mut bytes);
        bytes.extend_from_slice(out.as_bytes());
        Some(bytes)
    }
}

/// A record's canonical bytes, with a gap where the sequence number goes.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) kind: Kind,
    /// Milliseconds since 1970.
    pub(crate) time: i64,
    pub(crate) call: Option<CallId>,
    /// The approval that the record is about.
    pub(crate) approval: Option<ApprovalId>,
    /// The agent whose sub-token was used, and when.
    pub(crate) usage: Option<(AgentId, i64)>,
    /// The agent one of whose limited calls this is the intent of.
    pub(crate) limited: Option<AgentId>,
    /// Kept beside it: salt and words.
    pub(crate) text: Option<Vec<u8>>,
    /// Kept beside it, sealed.
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) shape: Shape,
    json: String,
    seq_at: usize,
}

impl Rendered {
    pub(crate) fn at(&self, seq: u64) -> String {
        let (head, tail) = self.json.split_at_checked(self.seq_at).unwrap_or((&self.json, ""));
        format!("{head}\"seq\":{seq},{tail}")
    }
}

/// Lower-case hex SHA-256.
fn hash(bytes: &[u8]) -> String {
    random::hex(&Sha256::digest(bytes))
}

/// `value` needs no escaping.
fn plain(out: &mut String, key: &str, value: Option<impl std::fmt::Display>) {
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

/// Nothing if there are no items.
fn list<T>(
    out: &mut String,
    key: &str,
    items: &[T],
    write: impl Fn(&mut String, &T) -> std::fmt::Result,
) {
    if items.is_empty() {
        return;
    }
    let _ = write!(out, "\"{key}\":[");
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        let _ = write(out, item);
    }
    out.push_str("],");
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
        record.effect = Some(ToolEffect::Write);
        record.body = Some(b"sealed".to_vec());
        record.below = Some(257);
        record.removed = vec![(1, 2), (5, 5)];
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
