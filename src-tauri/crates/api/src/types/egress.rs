//! What the gateway connects to.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// For what an outgoing connection was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EgressKind {
    /// Calls of a connection, and listing its tools.
    Connection,
    /// Signing in to a connection: metadata, authorization, renewal.
    SignIn,
    /// Records that are sent on as they are written.
    Forward,
    /// Checkpoints of the audit trail.
    Witness,
    /// The diagnosis of a connection, when somebody asks for it.
    Doctor,
}

/// How bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EgressProtocol {
    Tcp,
    Udp,
}

/// `GET /api/v1/egress`: every outgoing connection since the gateway was
/// started, and to whom it belongs.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Egress {
    /// RFC 3339: when the list begins.
    pub since: String,
    /// Latest first.
    pub entries: Vec<EgressEntry>,
    /// Older lines that were dropped because the list is bounded.
    pub dropped: u64,
    /// Programs that the gateway started. What they connect to is their own:
    /// the gateway does not see it.
    pub programs: Vec<EgressProgram>,
}

/// Outgoing connections for one purpose to one host, port and address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EgressEntry {
    pub kind: EgressKind,
    /// The connection, or the receiver of records, that it belongs to.
    pub name: Option<String>,
    pub protocol: EgressProtocol,
    pub host: String,
    pub port: u16,
    /// Where the host was found; none if it did not come to that.
    pub address: Option<String>,
    /// RFC 3339: the first and the last time.
    pub first: String,
    pub last: String,
    /// How often it was opened, and how often that failed.
    pub opened: u64,
    pub failed: u64,
    /// How many are open now.
    pub open: u64,
    /// Bytes, those of TLS included.
    pub sent: u64,
    pub received: u64,
    /// Why the last attempt failed, if it did.
    pub error: Option<String>,
}

/// A program that the gateway started for a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EgressProgram {
    pub connection: String,
    /// Its command, without arguments.
    pub command: String,
    pub running: bool,
}
