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
}

/// The codes that an [`ErrorBody`] can carry.
pub mod codes {
    pub const BAD_REQUEST: &str = "bad_request";
    pub const INVALID: &str = "invalid";
    pub const SIGN_IN: &str = "sign_in";
    pub const BAD_CREDENTIALS: &str = "bad_credentials";
    pub const TOO_MANY_ATTEMPTS: &str = "too_many_attempts";
    pub const FORBIDDEN: &str = "forbidden";
    pub const NOT_FOUND: &str = "not_found";
    pub const EXISTS: &str = "exists";
    pub const STALE: &str = "stale";
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

/// `GET /api/v1/session`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Session {
    pub user: String,
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
pub struct NewUser {
    pub name: String,
    /// Made if there is none of that name.
    #[serde(default)]
    pub team: Option<String>,
}

/// A person.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct User {
    pub id: String,
    pub name: String,
    pub admin: bool,
    pub teams: Vec<String>,
    /// Whether a user token was issued and not replaced since.
    pub has_token: bool,
    pub agents: u32,
    pub version: u64,
    /// RFC 3339.
    pub created_at: String,
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
pub struct NewAgent {
    pub name: String,
    /// Tool patterns (`gmail.send`, `gmail.*`, `*`); empty means all that the
    /// owner may use.
    #[serde(default)]
    pub scope: Vec<String>,
    /// Seconds until the sub-token expires; none means it does not.
    #[serde(default)]
    pub ttl_seconds: Option<u64>,
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
    /// RFC 3339.
    pub last_used_at: Option<String>,
    pub version: u64,
    /// RFC 3339.
    pub created_at: String,
}

/// What a grant does to a call that it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    Allow,
    Deny,
}

/// `POST /api/v1/grants`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NewGrant {
    /// `USER`, `team:TEAM` or `USER/AGENT`.
    pub subject: String,
    /// A tool id (`gmail.send`), a connection's tools (`gmail.*`) or all (`*`).
    pub tool: String,
    pub effect: Effect,
    /// The version of the grant that this replaces, as last seen, 0 for none; refused with
    /// 409 if it is at another one by now or gone. Without it, the last word
    /// counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// A rule of the permission map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Grant {
    pub id: String,
    pub subject: String,
    pub tool: String,
    pub effect: Effect,
    pub version: u64,
    /// RFC 3339.
    pub created_at: String,
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
}

/// One line of the audit trail.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditRecord {
    pub seq: u64,
    /// RFC 3339 with milliseconds, UTC.
    pub time: String,
    /// `intent` and `outcome` for calls; `config`, `sign_in`, `service` otherwise.
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
    /// `agents`, `grants`, `tools` or `status`.
    Changed { what: String },
    /// The reader was too slow and missed this many events: read again.
    Missed { count: u64 },
}
