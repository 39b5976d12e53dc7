//! Connections.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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

/// Whose account calls of a connection go with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignInKind {
    /// One account, which an admin connects.
    Team,
    /// Everybody's own.
    User,
}

/// How people sign in to a connection (OAuth).
#[derive(Serialize, Deserialize, ToSchema)]
pub struct NewSignIn {
    pub kind: SignInKind,
    /// The client that an admin registered with the authorization server;
    /// without one the gateway registers itself.
    #[serde(default)]
    pub client_id: Option<String>,
    /// Write-only: goes to the vault and is never returned.
    #[serde(default)]
    #[schema(format = Password)]
    pub client_secret: Option<String>,
}

/// `GET /api/v1/accounts`: an account with the system behind a connection, or
/// the place of one that is not connected.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Account {
    pub connection: String,
    pub kind: SignInKind,
    /// Whose it is; none: the team's.
    pub user: Option<String>,
    pub state: AccountState,
    /// Why it is to be connected anew.
    pub problem: Option<String>,
    /// Where its owner connects it, with a browser.
    pub link: String,
    /// Whether the person who asks may connect it there.
    pub own: bool,
    /// RFC 3339.
    pub connected_at: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    NotConnected,
    Connected,
    /// It is connected, but has to be connected anew for all, or some, calls.
    Reconnect,
}

/// `POST /api/v1/connections`.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct NewConnection {
    /// `[a-z][a-z0-9-]{0,31}`; the part before the dot in its tools' ids.
    pub name: String,
    pub transport: Transport,
    #[serde(default)]
    pub credentials: Vec<CredentialValue>,
    /// Of an `http` connection that wants people to sign in.
    #[serde(default)]
    pub sign_in: Option<NewSignIn>,
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
    /// Its tools cannot be listed before somebody has signed in to it; calls
    /// with accounts of their own go through.
    NeedsSignIn,
}

/// A connection, without its secrets.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Connection {
    pub id: String,
    pub name: String,
    pub transport: Transport,
    /// Names of the stored secrets; the values are never returned.
    pub credentials: Vec<String>,
    /// Whose accounts its calls go with, if they need one.
    #[serde(default)]
    pub sign_in: Option<SignInKind>,
    pub health: ConnectionHealth,
    /// RFC 3339: since when it is so.
    #[serde(default)]
    pub health_since: String,
    /// What was wrong the last time that something was, also where it works
    /// again; since the service came up.
    #[serde(default)]
    pub last_error: Option<LastError>,
    /// What is wrong and what to do, when it is not ready.
    pub problem: Option<String>,
    pub tools: u32,
    #[serde(default)]
    pub prompts: u32,
    /// Templates included.
    #[serde(default)]
    pub resources: u32,
    /// Tools that the gateway refuses to offer, and why.
    pub refused_tools: Vec<RefusedTool>,
    /// Whether calls to it are refused for now.
    #[serde(default)]
    pub paused: bool,
    pub version: u64,
    /// RFC 3339.
    pub created_at: String,
}

/// What was wrong with a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastError {
    pub problem: String,
    /// RFC 3339.
    pub at: String,
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
    /// How often the process was started since the service came up.
    pub starts: u32,
}

/// `PUT /api/v1/connections/{name}`: how it is reached, and its secrets. Its
/// name and its sign-in stay.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditConnection {
    /// Of the same kind as before.
    pub transport: Transport,
    /// All that it has from now on; what is not named here is removed.
    pub credentials: Vec<EditCredential>,
    /// As last seen; refused with 409 if it is at another one by now.
    pub version: u64,
}

/// A secret of a connection: kept as it is, or replaced.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditCredential {
    pub name: String,
    /// Write-only: goes to the vault and is never returned. `None` keeps the
    /// stored one, which needs the command, or the URL's host, to stay too.
    #[serde(default)]
    #[schema(format = Password)]
    pub value: Option<String>,
}

/// `GET /api/v1/connections/{name}/logs`: a line of what happened lately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogLine {
    /// Rises with each line.
    pub number: u64,
    /// RFC 3339.
    pub at: String,
    pub source: LogSource,
    /// Without the connection's secrets.
    pub text: String,
}

/// Who wrote a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogSource {
    /// What the server wrote to its standard error.
    Stderr,
    /// What it wrote to its standard output and is no MCP message.
    Stdout,
    /// What the gateway did or noticed.
    Gateway,
}

/// `POST /api/v1/connections/{name}/test`, and `…/restart`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TestReport {
    pub ok: bool,
    pub tools: u32,
    #[serde(default)]
    pub prompts: u32,
    /// Templates included.
    #[serde(default)]
    pub resources: u32,
    /// Name and version that the server gives itself.
    pub server: Option<String>,
    /// Protocol revision agreed with the server.
    pub protocol: Option<String>,
    pub problem: Option<String>,
    pub duration_ms: u64,
}
