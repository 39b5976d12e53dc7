//! The audit trail and the stream of events.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// One line of the audit trail.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditRecord {
    pub seq: u64,
    /// RFC 3339 with milliseconds, UTC.
    pub time: String,
    /// `intent` and `outcome` for calls; `approval`, `config`, `sign_in`, `service` otherwise.
    pub kind: String,
    /// Groups the records of one call.
    #[serde(default)]
    pub call_id: Option<String>,
    #[serde(default)]
    pub user: Option<String>,
    #[serde(default)]
    pub agent: Option<String>,
    /// `connection.tool`, or the name as it was asked for when it could not be resolved.
    #[serde(default)]
    pub tool: Option<String>,
    /// `allow`, `ask` or `deny`.
    #[serde(default)]
    pub decision: Option<String>,
    /// Stable reason code.
    #[serde(default)]
    pub reason: Option<String>,
    /// Hex SHA-256 of the RFC 8785 form of the arguments.
    #[serde(default)]
    pub args_digest: Option<String>,
    /// The arguments with every value replaced by its type and size.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub args: Option<serde_json::Value>,
    /// The arguments that an admin had this tool's records keep in clear, by
    /// their path, e.g. `{"message.to": ["ana@example.com"]}`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub clear: Option<serde_json::Value>,
    /// What the tool does, as an admin had confirmed it then: `read`, `write`
    /// or `destructive`; absent: unknown, which counts as `write`.
    #[serde(default)]
    pub effect: Option<String>,
    /// Whether the full arguments or the result are kept, sealed.
    #[serde(default)]
    pub body: bool,
    /// Words or bodies that were kept beside this record and are no more:
    /// erased on demand or by age.
    #[serde(default)]
    pub erased: bool,
    /// `ok`, `tool_error`, `denied`, `failed`, `cancelled` or `indeterminate`; for other kinds what happened.
    #[serde(default)]
    pub status: Option<String>,
    /// Milliseconds from the arrival of the call to its answer.
    #[serde(default)]
    pub duration_ms: Option<f64>,
    /// Grants that took part in the decision.
    #[serde(default)]
    pub grants: Vec<String>,
    /// Version of the permission map that decided.
    #[serde(default)]
    pub policy_version: Option<u64>,
    /// The face that the call came in on: `mcp` or `rest`.
    #[serde(default)]
    pub face: Option<String>,
    /// The approval that the call was held for.
    #[serde(default)]
    pub approval: Option<String>,
    /// With `approval`: the person who answered it.
    #[serde(default)]
    pub by: Option<String>,
    /// What changed, for `config`, `sign_in` and `service` records; what went
    /// wrong for a failed call. Never a secret.
    #[serde(default)]
    pub detail: Option<String>,
}

/// `GET /api/v1/audit`: one page, newest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct AuditPage {
    pub records: Vec<AuditRecord>,
    /// Give it as `before` for the next page; absent at the end of the trail.
    /// A page may hold fewer records than asked for, even none, and still have
    /// a next one: a search stops after a bounded amount of work.
    #[serde(default)]
    pub next: Option<u64>,
    /// RFC 3339: time of the oldest record that was looked at.
    #[serde(default)]
    pub searched_to: Option<String>,
}

/// `GET /api/v1/audit/timeline`: how many records there were over time.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditTimeline {
    /// RFC 3339: where the first bucket begins and the last one ends.
    pub since: String,
    pub until: String,
    /// Of each bucket, in milliseconds.
    pub width_ms: u64,
    pub buckets: Vec<TimelineBucket>,
    /// Not all is counted yet: ask again with this as `before` and the same
    /// times, and add up what comes.
    pub next: Option<u64>,
}

/// A part of the time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimelineBucket {
    /// RFC 3339.
    pub since: String,
    /// Calls that ended, denied ones included.
    pub calls: u64,
    pub denied: u64,
    /// Records that are not the end of a call.
    pub others: u64,
}

/// How far a check of the trail is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerificationState {
    /// None since the service was started.
    #[default]
    None,
    Running,
    /// Every record is as it was signed.
    Holds,
    /// Something is not as it was signed.
    Broken,
    /// It could not be checked.
    Failed,
}

/// `GET` and `POST /api/v1/audit/verification`: the whole trail, checked by the
/// gateway over its own database.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct AuditVerification {
    pub state: VerificationState,
    /// RFC 3339.
    pub started_at: Option<String>,
    pub finished_at: Option<String>,
    /// Records that were checked, and how many there are to check.
    pub records: u64,
    pub of: u64,
    /// With `holds`.
    pub report: Option<VerifiedTrail>,
    /// With `broken` and `failed`: where, and what.
    pub problem: Option<String>,
}

/// What holds.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct VerifiedTrail {
    /// Names the trail.
    pub origin: String,
    /// The first and the last record that were checked.
    pub first: u64,
    pub last: u64,
    /// Records that are there, and checkpoints that fit them.
    pub records: u64,
    pub checkpoints: u64,
    /// Records whose words were erased, as a later record says.
    pub words_erased: u64,
    /// Retention has removed the records before this one.
    pub removed_below: Option<u64>,
    /// Calls that have an intent and no outcome yet.
    pub open_calls: Option<u64>,
}

/// `GET /api/v1/audit/{id}`: the whole story of a call, or one record.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditStory {
    /// Oldest first: questions and answers, the intent, the outcome.
    pub records: Vec<AuditRecord>,
    /// The grants that took part, as far as they can still be told.
    pub grants: Vec<StoryGrant>,
}

/// See [`AuditStory`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct StoryGrant {
    /// `g12`.
    pub id: String,
    /// As it is now; absent if it is no more.
    pub grant: Option<super::Grant>,
    /// Whether it was changed since the call was decided.
    pub changed_since: bool,
}

/// `GET /api/v1/audit/bodies/{call_id}`: what was kept, sealed, of one call.
/// That it was opened is recorded.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct AuditBodies {
    /// As the agent wrote them.
    #[schema(value_type = Option<Object>)]
    pub arguments: Option<Box<RawValue>>,
    /// As the upstream wrote it, without credentials.
    #[schema(value_type = Option<Object>)]
    pub result: Option<Box<RawValue>>,
}

/// When a record is on disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// Before the call is forwarded, except for tools that an admin confirmed
    /// as `read`: theirs are written before it and on disk within 50 ms.
    #[default]
    ByEffect,
    /// Before the call is forwarded, always.
    Strict,
}

/// Whether `/metrics` answers Prometheus.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MetricsAccess {
    #[default]
    Off,
    /// To every program on this machine.
    Local,
    /// To who shows the token of `POST /api/v1/audit/metrics-token`.
    Token,
}

/// `GET` and `PUT /api/v1/audit/settings`: all of it is replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditSettings {
    #[serde(default)]
    pub durability: Durability,
    /// The answer to each call carries a signed receipt. Implies
    /// `strict`: only what is on disk can be signed for.
    #[serde(default)]
    pub receipts: bool,
    /// Days that sealed bodies are kept; absent: for ever.
    #[serde(default)]
    pub bodies_days: Option<u32>,
    /// Days that records are kept, at least 7; absent: for ever.
    #[serde(default)]
    pub records_days: Option<u32>,
    /// Size of the database in MiB, at least 64, above which first the oldest
    /// bodies and then the oldest records go, though none of the last 7 days;
    /// absent: no bound.
    #[serde(default)]
    pub max_mib: Option<u32>,
    /// A folder, as an absolute path, that gets each checkpoint: best on
    /// another machine.
    #[serde(default)]
    pub witness_folder: Option<String>,
    /// An HTTP witness (C2SP `tlog-witness`) that gets each checkpoint: the
    /// prefix before `/add-checkpoint`.
    #[serde(default)]
    pub witness_url: Option<String>,
    #[serde(default)]
    pub metrics: MetricsAccess,
    /// As last seen; refused with 409 if it is at another one by now.
    pub version: u64,
}

/// `GET /api/v1/audit/status`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditStatus {
    /// Sequence number of the newest record.
    pub head: u64,
    /// Records below this one were removed by retention; 1 if none were.
    pub first: u64,
    /// Whether records can be written now.
    pub writable: bool,
    /// What applies now: the settings, or `agw serve --audit strict`.
    pub durability: Durability,
    /// Of the database and its write-ahead log, in bytes.
    pub size: u64,
    /// The public key that checkpoints are signed with; absent before the
    /// first start that is not sealed.
    pub key: Option<String>,
    pub checkpoint: Option<AuditCheckpoint>,
    pub witnesses: Vec<Witness>,
    pub alarm: Option<AuditAlarm>,
}

/// `GET /api/v1/audit/checkpoint`: the newest one, freshly signed unless the
/// gateway is sealed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditCheckpoint {
    /// Records that it covers.
    pub size: u64,
    /// RFC 3339.
    pub signed_at: String,
    /// A C2SP signed note.
    pub note: String,
}

/// Somebody outside who gets checkpoints.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Witness {
    /// The folder or the URL.
    pub place: String,
    /// Records covered by the newest checkpoint that it has taken; 0 if none.
    pub size: u64,
    /// RFC 3339: when it took it.
    pub taken_at: Option<String>,
    /// Why it did not take the newest one.
    pub error: Option<String>,
}

/// Something is wrong with the trail as a whole.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditAlarm {
    /// RFC 3339.
    pub found_at: String,
    pub message: String,
    /// What to do next.
    pub next: String,
}

/// `GET /api/v1/audit/key`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditKey {
    /// A C2SP verifier key: `ORIGIN+HASH+BASE64`.
    pub key: String,
}

/// `PUT /api/v1/tools/{id}/recording`: what the records of a tool's calls keep.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// Arguments that are kept in clear, as paths: `to`, `message.subject`. A
    /// path goes through lists.
    #[serde(default)]
    pub clear: Vec<String>,
    /// Whether full arguments and results are kept, sealed.
    #[serde(default)]
    pub bodies: bool,
    /// As last seen, 0 if it was never set; refused with 409 if it is at
    /// another one by now.
    pub version: u64,
}

/// `POST /api/v1/audit/erase`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Erase {
    /// A user that was removed.
    pub user: String,
}

/// Answer to [`Erase`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Erased {
    /// What the trail calls the person from now on.
    pub user: String,
    /// Records whose words or bodies are gone.
    pub records: u64,
}

/// Where records are sent as they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ForwardKind {
    /// OpenTelemetry traces and metrics (OTLP over HTTP, protobuf); the target
    /// is the address before `/v1/traces`.
    Otlp,
    /// RFC 5424: `udp://host:514`, `tcp://host:601` or `unix:///dev/log`.
    Syslog,
    /// One JSON object a line: an absolute path or `tcp://host:port`.
    JsonLines,
}

/// `POST /api/v1/audit/forwards`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewForward {
    pub name: String,
    pub kind: ForwardKind,
    pub target: String,
    /// Begin with the oldest record instead of the next one.
    #[serde(default)]
    pub from_start: bool,
}

/// A receiver of records. It reads the trail at its own pace: what it misses
/// while it is away it gets later, and nothing waits for it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Forward {
    pub name: String,
    pub kind: ForwardKind,
    pub target: String,
    /// The last record that it took.
    pub sent: u64,
    /// Records that it has yet to get.
    pub behind: u64,
    /// RFC 3339.
    pub sent_at: Option<String>,
    /// Why it does not take records now, and what it missed or did not get
    /// whole since the service started.
    pub error: Option<String>,
}

/// What a caller gets with an answer when receipts are on: in MCP as
/// `_meta["agw/receipt"]`, in REST as the header `Agw-Receipt` (base64 of this
/// JSON).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    /// Of the call's intent, or of its outcome if it was refused, from 0: the
    /// record's sequence number less 1.
    pub index: u64,
    /// Base64 of the record's RFC 6962 leaf hash.
    pub leaf: String,
    /// RFC 6962 inclusion proof of the leaf in the checkpoint's tree, base64.
    pub proof: Vec<String>,
    /// A C2SP signed note.
    pub checkpoint: String,
}

/// What `GET /api/v1/events` sends as server-sent events.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A new audit record.
    Audit { record: AuditRecord },
    /// Something under this API path changed: `connections`, `users`,
    /// `invites`, `agents`, `teams`, `grants`, `tools`, `approvals`, `audit`,
    /// `sharing`, `sessions` or `status`.
    Changed { what: String },
    /// The reader was too slow and missed this many events: read again.
    Missed { count: u64 },
}
