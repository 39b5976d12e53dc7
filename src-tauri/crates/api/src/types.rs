//! The bodies of the admin API.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `service.json` in the data folder: written when the service is ready,
/// removed when it stops.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServiceFile {
    /// Process id of `agw serve`.
    pub pid: u32,
    /// Where agents and browsers reach it, e.g. `http://127.0.0.1:7410`.
    pub url: String,
}

/// Whether calls are being enforced, and if not, why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServiceState {
    /// Waiting for first-run set-up; agents are refused.
    Unconfigured,
    /// The master key cannot be had; agents are refused.
    Sealed,
    /// An admin stopped all agents.
    Paused,
    /// Calls are decided, recorded and forwarded.
    Enforcing,
}

/// `GET /api/v1/health`: the one thing told to anybody.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Health {
    pub state: ServiceState,
    pub version: String,
    /// Whether set-up must be given a passphrase, because the master key is
    /// derived from one.
    #[serde(default)]
    pub needs_passphrase: bool,
}

/// `GET /api/v1/status`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Status {
    pub state: ServiceState,
    pub version: String,
    /// Where agents point, e.g. `http://127.0.0.1:7410`.
    pub url: String,
    /// RFC 3339.
    pub started_at: String,
    /// Where the master key lives: `keychain`, `file:PATH`, `passphrase` or `systemd-creds`.
    pub master_key: Option<String>,
    /// Why the gateway is sealed, and what to do.
    pub sealed_reason: Option<String>,
    pub connections: u32,
    pub users: u32,
    pub agents: u32,
    pub grants: u32,
    /// Sequence number of the newest audit record; 0 when there is none.
    pub audit_head: u64,
    /// Users, agents and connections that are paused by themselves.
    #[serde(default)]
    pub paused: Vec<String>,
    /// Calls that wait for a person, as far as the reader may see them.
    #[serde(default)]
    pub approvals: u32,
}

/// A failure of the admin API.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// Stable, snake_case; see [`codes`].
    pub code: String,
    /// What went wrong, in one sentence.
    pub message: String,
    /// What to do next, in one sentence.
    pub next: String,
    /// With `stale`: the row as it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub current: Option<serde_json::Value>,
    /// With `invalid_condition`: where in the condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// A part of a text, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Place {
    /// Of the first character, from 0.
    pub at: u32,
    pub length: u32,
}

/// The codes that an [`ErrorBody`] can carry.
pub mod codes {
    pub const BAD_REQUEST: &str = "bad_request";
    pub const INVALID: &str = "invalid";
    pub const INVALID_CONDITION: &str = "invalid_condition";
    pub const SIGN_IN: &str = "sign_in";
    pub const BAD_CREDENTIALS: &str = "bad_credentials";
    pub const TOO_MANY_ATTEMPTS: &str = "too_many_attempts";
    pub const FORBIDDEN: &str = "forbidden";
    pub const NOT_FOUND: &str = "not_found";
    pub const EXISTS: &str = "exists";
    pub const STALE: &str = "stale";
    pub const ANSWERED: &str = "answered";
    pub const NOT_SET_UP: &str = "not_set_up";
    pub const ALREADY_SET_UP: &str = "already_set_up";
    pub const SEALED: &str = "sealed";
    pub const KEYCHAIN: &str = "keychain";
    pub const AUDIT_UNAVAILABLE: &str = "audit_unavailable";
    pub const INTERNAL: &str = "internal";
}

/// `POST /api/v1/setup`.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct SetupRequest {
    /// Name of the first admin.
    pub admin: String,
    /// At least 10 characters.
    #[schema(format = Password)]
    pub password: String,
    /// With `--master-key passphrase`: the passphrase that will unlock the
    /// gateway from now on, at least 10 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = Password)]
    pub passphrase: Option<String>,
}

/// Answer to set-up. The recovery key is never shown again.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct SetupResponse {
    pub recovery_key: String,
    pub session: SessionCreated,
}

/// `POST /api/v1/sessions`.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct SignInRequest {
    pub user: String,
    #[schema(format = Password)]
    pub password: String,
}

/// A signed-in session.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct SessionCreated {
    pub user: String,
    /// RFC 3339: twelve hours after signing in.
    pub expires_at: String,
    /// Bearer token for the local socket. Absent for browsers, which get an
    /// HttpOnly cookie instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// `PUT /api/v1/session/password`: one's own.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    #[schema(format = Password)]
    pub current: String,
    /// At least 10 characters.
    #[schema(format = Password)]
    pub new: String,
}

/// What a person may do here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Admin,
    /// Reads everything, changes nothing.
    Auditor,
    /// Their own agents, approvals and audit.
    Member,
}

/// `GET /api/v1/session`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Session {
    pub user: String,
    pub role: Role,
    /// RFC 3339.
    pub expires_at: String,
}

/// `POST /api/v1/unlock`.
#[derive(Default, Serialize, Deserialize, ToSchema)]
pub struct UnlockRequest {
    /// Needed where the master key is derived from a passphrase; elsewhere
    /// unlocking asks the key's home again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = Password)]
    pub passphrase: Option<String>,
}

/// `POST /api/v1/recover`: a new master key is made in the key's home and the
/// data keys are wrapped with it.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct RecoverRequest {
    #[schema(format = Password)]
    pub recovery_key: String,
    /// A new passphrase, where the master key is derived from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = Password)]
    pub passphrase: Option<String>,
}

/// How to reach a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Transport {
    /// An MCP server started by the gateway, speaking on stdin and stdout.
    Stdio {
        /// Program and arguments, handed to the system as they are: no shell.
        argv: Vec<String>,
    },
    /// An MCP server at a URL (streamable HTTP).
    Http { url: String },
}

/// A secret of a connection: an environment variable of a `stdio` server, a
/// request header of an `http` one.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct CredentialValue {
    pub name: String,
    /// Write-only: goes to the vault and is never returned.
    #[schema(format = Password)]
    pub value: String,
}

/// `POST /api/v1/connections`.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct NewConnection {
    /// `[a-z][a-z0-9-]{0,31}`; the part before the dot in its tools' ids.
    pub name: String,
    pub transport: Transport,
    #[serde(default)]
    pub credentials: Vec<CredentialValue>,
}

/// Whether a connection can be used now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionHealth {
    /// Starting, or trying again.
    Connecting,
    Ready,
    Failed,
    /// Waiting for the vault to be opened.
    Sealed,
}

/// A connection, without its secrets.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Connection {
    pub id: String,
    pub name: String,
    pub transport: Transport,
    /// Names of the stored secrets; the values are never returned.
    pub credentials: Vec<String>,
    pub health: ConnectionHealth,
    /// What is wrong and what to do, when it is not ready.
    pub problem: Option<String>,
    pub tools: u32,
    /// Tools that the gateway refuses to offer, and why.
    pub refused_tools: Vec<RefusedTool>,
    /// Whether calls to it are refused for now.
    #[serde(default)]
    pub paused: bool,
    pub version: u64,
    /// RFC 3339.
    pub created_at: String,
}

/// A tool of an upstream that is not offered to anybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefusedTool {
    pub name: String,
    pub reason: String,
}

/// `GET /api/v1/connections/{name}` adds what a person needs to repair it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ConnectionDetail {
    #[serde(flatten)]
    pub connection: Connection,
    /// The last lines of the server's stderr, oldest first, secrets removed.
    pub stderr: Vec<String>,
    /// How often the process was started since the service came up.
    pub starts: u32,
}

/// `POST /api/v1/connections/{name}/test`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TestReport {
    pub ok: bool,
    pub tools: u32,
    /// Name and version that the server gives itself.
    pub server: Option<String>,
    /// Protocol revision agreed with the server.
    pub protocol: Option<String>,
    pub problem: Option<String>,
    pub duration_ms: u64,
}

/// `POST /api/v1/users`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    pub name: String,
    /// Made if there is none of that name.
    #[serde(default)]
    pub team: Option<String>,
    /// `member` if it is left out.
    #[serde(default)]
    pub role: Option<Role>,
}

/// `PUT /api/v1/users/{name}`. What is left out stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditUser {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// All of them; those that do not exist yet are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teams: Option<Vec<String>>,
    /// As last seen; refused with 409 if it is at another one by now.
    pub version: u64,
}

/// `PUT /api/v1/users/{name}/password`: with it the person can sign in.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPassword {
    /// At least 10 characters.
    #[schema(format = Password)]
    pub password: String,
}

/// A person.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct User {
    pub id: String,
    pub name: String,
    pub role: Role,
    /// Whether they have a password to sign in with.
    pub can_sign_in: bool,
    /// Whether all their calls are refused for now.
    pub paused: bool,
    pub teams: Vec<String>,
    /// Whether a user token was issued and not replaced since.
    pub has_token: bool,
    pub agents: u32,
    pub version: u64,
    /// RFC 3339.
    pub created_at: String,
}

/// `POST /api/v1/teams`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTeam {
    pub name: String,
}

/// A team.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Team {
    pub id: String,
    pub name: String,
    pub members: Vec<String>,
    pub version: u64,
}

/// A token in clear; shown once.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct TokenCreated {
    pub token: String,
}

/// `POST /api/v1/users/{user}/agents`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAgent {
    pub name: String,
    /// Tool patterns (`gmail.send`, `gmail.*`, `*`); empty means all that the
    /// owner may use.
    #[serde(default)]
    pub scope: Vec<String>,
    /// Seconds until the sub-token expires; none means it does not.
    #[serde(default)]
    pub ttl_seconds: Option<u64>,
    /// Calls that may be forwarded with it in all; none means any number.
    #[serde(default)]
    pub max_uses: Option<u64>,
    /// Seconds after which the client gives up on a call, 60 if left out: a
    /// call that waits for a person is answered before.
    #[serde(default)]
    pub client_timeout_seconds: Option<u32>,
}

/// `PUT /api/v1/users/{user}/agents/{agent}`: all of it is replaced.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditAgent {
    pub scope: Vec<String>,
    /// RFC 3339, or a time from now (`30d`); none means never.
    #[serde(default)]
    pub expires: Option<String>,
    #[serde(default)]
    pub max_uses: Option<u64>,
    #[serde(default)]
    pub client_timeout_seconds: Option<u32>,
    /// As last seen; refused with 409 if it is at another one by now.
    pub version: u64,
}

/// Answer to making an agent. The token is never shown again.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct AgentCreated {
    #[serde(flatten)]
    pub agent: Agent,
    pub token: String,
}

/// A named client of one user.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Agent {
    pub id: String,
    pub user: String,
    pub name: String,
    pub scope: Vec<String>,
    /// RFC 3339.
    pub expires_at: Option<String>,
    /// Calls made with its sub-token.
    pub uses: u64,
    /// Calls that may be forwarded with it in all.
    pub max_uses: Option<u64>,
    /// Calls that were forwarded, counted where there is a `max_uses`.
    pub forwarded: u64,
    pub client_timeout_seconds: u32,
    /// Whether its calls are refused for now.
    pub paused: bool,
    /// RFC 3339.
    pub last_used_at: Option<String>,
    pub version: u64,
    /// RFC 3339.
    pub created_at: String,
}

/// What a grant does to a call that it matches. Deny beats ask beats allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    Allow,
    /// A person decides on each call.
    Ask,
    Deny,
}

/// `POST /api/v1/grants`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGrant {
    /// `USER`, `team:TEAM` or `USER/AGENT`.
    pub subject: String,
    /// A tool id (`gmail.send`), a connection's tools (`gmail.*`), all (`*`),
    /// or those of an effect (`*:read`, `gmail.*:destructive`).
    pub tool: String,
    pub effect: Effect,
    /// A condition in CEL over `args`, `user`, `agent`, `connection` and `now`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// RFC 3339, or a time from now (`7d`); none means never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Calls in a time: `10/min`, `200/day`; also `/s` and `/h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// The version of the grant that this replaces, as last seen, 0 for none; refused with
    /// 409 if it is at another one by now or gone. Without it, the last word
    /// counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// `PUT /api/v1/grants/{id}`: all of it is replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditGrant {
    pub subject: String,
    pub tool: String,
    pub effect: Effect,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// As last seen; refused with 409 if it is at another one by now.
    pub version: u64,
}

/// A rule of the permission map. There is one for each subject, tool pattern
/// and condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Grant {
    pub id: String,
    pub subject: String,
    pub tool: String,
    pub effect: Effect,
    #[serde(default)]
    pub when: Option<String>,
    /// RFC 3339.
    #[serde(default)]
    pub expires_at: Option<String>,
    /// As in [`NewGrant`].
    #[serde(default)]
    pub rate: Option<String>,
    /// Tools on offer that it is about.
    #[serde(default)]
    pub covers: u32,
    /// Those that its pattern came to cover after it was last changed.
    #[serde(default)]
    pub new_tools: Vec<String>,
    pub version: u64,
    /// RFC 3339.
    pub created_at: String,
}

/// Several changes of the permission map, made together or not at all:
/// `POST /api/v1/changes`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<NewGrant>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edit: Vec<ChangedGrant>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<GrantRef>,
}

/// An edit of one grant within a [`Change`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedGrant {
    pub id: String,
    pub subject: String,
    pub tool: String,
    pub effect: Effect,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// As last seen; refused with 409 if it is at another one by now.
    pub version: u64,
}

impl ChangedGrant {
    /// The edit of the grant of this id.
    pub fn new(id: String, edit: EditGrant) -> Self {
        let EditGrant { subject, tool, effect, when, expires, rate, version } = edit;
        Self { id, subject, tool, effect, when, expires, rate, version }
    }

    /// Its id, and the edit.
    pub fn into_edit(self) -> (String, EditGrant) {
        let Self { id, subject, tool, effect, when, expires, rate, version } = self;
        (id, EditGrant { subject, tool, effect, when, expires, rate, version })
    }
}

/// A grant at the version that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantRef {
    pub id: String,
    pub version: u64,
}

/// `POST /api/v1/simulations`: what a change would have done to past calls.
/// Nothing is changed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Simulate {
    pub change: Change,
    /// How far back: a time such as `7d`, which is also what is taken if it is
    /// left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

/// `allow`, `ask` or `deny`, and `unknown` where a condition depends on
/// arguments that the trail does not keep.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Allow,
    Ask,
    Deny,
    Unknown,
}

/// Answer to [`Simulate`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Simulation {
    /// Calls that were replayed.
    pub calls: u64,
    /// Those that would be decided otherwise, `unknown` ones not counted.
    pub flipped: u64,
    /// Those of which nothing can be said.
    pub unknown: u64,
    /// Whether the period holds more calls than are replayed at once; the
    /// newest are.
    pub truncated: bool,
    /// Users whose calls flip.
    pub users: Vec<String>,
    /// Tools whose calls flip.
    pub tools: Vec<String>,
    /// Calls of one caller and tool that change in the same way, most first;
    /// the unknown ones too.
    pub flips: Vec<Flip>,
}

/// See [`Simulation::flips`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Flip {
    pub user: String,
    pub agent: Option<String>,
    pub tool: String,
    pub before: Verdict,
    pub after: Verdict,
    pub calls: u64,
    /// RFC 3339: the newest of them.
    pub last_at: String,
}

/// Why something is suggested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuggestionKind {
    /// The grant was not used in the period.
    Unused,
    /// The pattern can be narrowed to the tools that were used.
    Narrow,
}

/// A change of the permission map that the trail speaks for.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Suggestion {
    pub kind: SuggestionKind,
    pub grant: Grant,
    /// In one sentence.
    pub reason: String,
    pub change: Change,
}

/// `POST /api/v1/explain`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Explain {
    /// `USER` or `USER/AGENT`.
    pub caller: String,
    pub tool: String,
    /// The arguments, as JSON text; without them conditions on `args` do not
    /// hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<String>,
}

/// How a call would be decided now, and why.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// `allow`, `ask` or `deny`.
    pub decision: Verdict,
    /// Stable reason code.
    pub reason: String,
    /// In one sentence.
    pub sentence: String,
    /// Ids of the grants that decided.
    pub grants: Vec<String>,
    /// Every grant that is about this caller and tool, in the order they count.
    pub steps: Vec<ExplainedGrant>,
    /// What would have to change for the call to be allowed.
    pub needs: Option<String>,
    pub policy_version: u64,
}

/// A grant's part in a decision.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ExplainedGrant {
    pub grant: Grant,
    pub outcome: GrantOutcome,
    /// Which part of the condition failed, and on which values; or how much
    /// of the rate is left.
    pub detail: Option<String>,
}

/// See [`ExplainedGrant`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GrantOutcome {
    /// It matches the call.
    Matched,
    ConditionFalse,
    /// Its condition could not be evaluated: as an allow it does not count,
    /// as an ask or deny it denies.
    ConditionFailed,
    Expired,
    /// It matches, but its rate is used up.
    RateUsedUp,
}

/// The common conditions, without CEL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Rule {
    /// Every item of a list of texts ends with this.
    EveryItemEndsWith { field: String, ends_with: String },
    /// The field is one of these texts or numbers.
    OneOf { field: String, values: Vec<serde_json::Value> },
    /// The field is a number of at most this.
    AtMost { field: String, limit: f64 },
    /// The field matches a regular expression.
    Matches { field: String, pattern: String },
    /// Only from one full hour to another, of this time zone; the second may
    /// be the smaller one (`22` to `6`).
    Between { from: u8, to: u8, zone: String },
}

/// `POST /api/v1/conditions`: puts a condition together and checks it.
/// Nothing is stored.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckCondition {
    /// The tool or pattern that it is for.
    pub tool: String,
    #[serde(default)]
    pub when: Option<String>,
    /// Joined with `when` by `&&`.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// Answer to [`CheckCondition`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CheckedCondition {
    /// The whole condition in CEL.
    pub when: String,
    /// What is wrong with it.
    pub problem: Option<String>,
    pub place: Option<Place>,
}

/// Where an approval is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// Waiting for a person.
    Pending,
    /// Approved; the call was not made yet.
    Approved,
    /// Approved, and the one call that it was for was made.
    Used,
    Denied,
    /// Nobody answered in time, or the answer was not picked up.
    Expired,
    /// The permission map was changed, and allows the call without asking.
    Allowed,
    /// The caller lost the tool or was paused, or what asks was changed.
    Cancelled,
}

/// A call that is held for a person's answer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Approval {
    pub id: String,
    pub state: ApprovalState,
    pub user: String,
    pub agent: Option<String>,
    /// `connection.tool`.
    pub tool: String,
    /// What the tool's own server says of it; not to be trusted.
    pub description: String,
    /// The exact arguments, as JSON text.
    pub args: String,
    pub args_digest: String,
    /// What differs from the arguments of the last call of this tool that was
    /// approved for this caller; `None` when there was none.
    pub differences: Option<Vec<Difference>>,
    /// Grants that ask.
    pub grants: Vec<String>,
    pub policy_version: u64,
    /// RFC 3339.
    pub asked_at: String,
    /// RFC 3339: until when it can be answered, or its answer picked up.
    pub expires_at: String,
    /// Whether the caller is on the line at this moment.
    pub waiting: bool,
    /// Until when the caller is kept on the line (RFC 3339).
    pub held_until: Option<String>,
    pub answered_by: Option<String>,
    /// RFC 3339.
    pub answered_at: Option<String>,
    /// What the person said when denying; the agent sees it.
    pub note: Option<String>,
}

/// One difference between two sets of arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    /// `to[0]`, `body`.
    pub path: String,
    /// JSON text; `None` if it was not there.
    pub before: Option<String>,
    /// JSON text; `None` if it is gone.
    pub after: Option<String>,
}

/// What a person says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerKind {
    /// This call with these arguments, once.
    Once,
    /// This tool for this caller with any arguments, for the rest of the
    /// session: the MCP session, or an hour where there is none.
    Session,
    Deny,
}

/// `POST /api/v1/approvals/{id}/answer`. `always` is no answer but a change of
/// the permission map: `GET /api/v1/approvals/{id}/always` proposes it, and
/// once it is made the held call goes on by itself.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    pub answer: AnswerKind,
    /// With `deny`: shown to the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// `GET /api/v1/approvals/{id}/always`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AlwaysProposal {
    /// Allows just these arguments from now on; `None` where narrowing makes
    /// no sense.
    pub narrowed: Option<Change>,
    /// Allows the tool to this caller whatever the arguments.
    pub whole: Change,
}

/// `POST /api/v1/pause` and `/resume`; without a subject, all agents.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseRequest {
    /// `USER`, `USER/AGENT` or `CONNECTION`; `user:NAME` or `connection:NAME`
    /// where both exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// What a tool does to the system behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolEffect {
    Read,
    Write,
    Destructive,
}

/// `PUT /api/v1/tools/{id}/effect`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmEffect {
    /// `None`: nobody says; it counts as `write`.
    pub effect: Option<ToolEffect>,
    /// As last seen, 0 if it was never confirmed; refused with 409 if it is at
    /// another one by now.
    pub version: u64,
}

/// `GET /api/v1/tools/{id}`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ToolDetail {
    #[serde(flatten)]
    pub tool: Tool,
    /// JSON Schema of the arguments.
    #[schema(value_type = Object)]
    pub input_schema: serde_json::Value,
}

/// A tool as one caller sees it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Tool {
    /// `connection.tool`.
    pub id: String,
    /// The name that MCP clients see at `/mcp`.
    pub mcp_name: String,
    pub connection: String,
    pub description: String,
    /// What an admin confirmed that it does; unconfirmed counts as `write`.
    #[serde(default)]
    pub effect: Option<ToolEffect>,
    /// What its server says that it does: a suggestion.
    #[serde(default)]
    pub suggested_effect: Option<ToolEffect>,
    /// Version of the confirmation; 0 if there never was one.
    #[serde(default)]
    pub effect_version: u64,
    /// RFC 3339: when its connection first listed it.
    #[serde(default)]
    pub first_seen_at: String,
    /// Whether a grant allows it to anybody, or asks.
    #[serde(default)]
    pub granted: bool,
}

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
    /// `allow` or `deny`.
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

/// What `GET /api/v1/events` sends as server-sent events.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A new audit record.
    Audit { record: AuditRecord },
    /// Something under this API path changed: `connections`, `users`,
    /// `agents`, `teams`, `grants`, `tools`, `approvals` or `status`.
    Changed { what: String },
    /// The reader was too slow and missed this many events: read again.
    Missed { count: u64 },
}
