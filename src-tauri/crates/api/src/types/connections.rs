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
