//! The service itself: state, set-up, sessions and errors.

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
    /// Records cannot be written; agents are refused until they can be.
    Unrecorded,
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
    /// Where agents on the machine of whoever asks point, e.g.
    /// `http://127.0.0.1:7410`.
    pub url: String,
    /// Where those on other machines do, e.g. `https://gateway.lan:7411`, if
    /// the gateway is shared.
    #[serde(default)]
    pub shared_url: Option<String>,
    /// RFC 3339.
    pub started_at: String,
    /// The file of `agw` that runs as the gateway; not told to members.
    #[serde(default)]
    pub program: Option<String>,
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
    /// With `unrecorded`: why records cannot be written, and what to do.
    #[serde(default)]
    pub unrecorded_reason: Option<String>,
    /// What is wrong with the audit trail as a whole, e.g. that it is older
    /// than a checkpoint that was seen of it; until an admin acknowledges it.
    #[serde(default)]
    pub audit_alarm: Option<String>,
    /// Users, agents and connections that are paused by themselves.
    #[serde(default)]
    pub paused: Vec<String>,
    /// Calls that wait for a person, as far as the reader may see them.
    #[serde(default)]
    pub approvals: u32,
    /// Tools whose definition changed and that wait for an admin to look at
    /// it; 0 for members.
    #[serde(default)]
    pub changed_tools: u32,
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

impl ErrorBody {
    pub fn new(code: &str, message: impl Into<String>, next: impl Into<String>) -> Self {
        let (message, next) = (message.into(), next.into());
        Self { code: code.to_owned(), message, next, current: None, place: None }
    }
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

/// From where somebody signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionPlace {
    /// The desktop window.
    Window,
    /// `agw login`, or another program on this machine.
    CommandLine,
    /// The gateway's web view in a browser.
    Browser,
    /// The gateway's own pages, for consent and accounts; opens nothing else.
    Pages,
}

/// `GET /api/v1/sessions`: one of one's own.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OpenSession {
    pub id: String,
    /// Absent for those from before an upgrade.
    pub place: Option<SessionPlace>,
    /// `Firefox on Linux`, as the browser says.
    pub browser: Option<String>,
    /// RFC 3339.
    pub created_at: Option<String>,
    /// RFC 3339; absent if it was not used since the service was started.
    pub used_at: Option<String>,
    /// RFC 3339.
    pub expires_at: String,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// `GET /api/v1/keychain`: where the master key is, and what the recovery key
/// is good for.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Keychain {
    /// `keychain`, `file:PATH`, `passphrase` or `systemd-creds`.
    pub home: String,
    pub sealed: bool,
    /// Why it is sealed, and what to do.
    pub sealed_reason: Option<String>,
    /// RFC 3339: when the recovery key was made; absent if that was before it
    /// was written down.
    pub recovery_made_at: Option<String>,
    /// Generation of the data key that credentials are sealed with.
    pub generation: u32,
}

/// `POST /api/v1/recovery-key`.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRecoveryKey {
    /// One's own, again.
    #[schema(format = Password)]
    pub password: String,
}

/// Answer to [`NewRecoveryKey`]. It is never shown again, and the one before
/// it opens nothing any more.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct RecoveryKeyMade {
    pub recovery_key: String,
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
