//! What is well and what is not, and what to do.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How one thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    Ok,
    /// It works, and could be better.
    Advice,
    /// It does not work, or soon will not.
    Problem,
    /// Not looked at, because something before it does not work, or because
    /// it cannot be seen on this machine.
    Unknown,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// Stable, snake_case: of the gateway `disk`, `clock`, `trail`,
    /// `checkpoint`, `witness`, `forwards`, `keychain`, `files`; of a
    /// connection `command`, `name`, `reach`, `tls`, `credential`, `sign_in`,
    /// `handshake`, `listing`.
    pub id: String,
    pub finding: Finding,
    /// What was found, in one sentence.
    pub said: String,
    /// What to do, in one sentence; absent where there is nothing to do.
    pub next: Option<String>,
}

/// `GET /api/v1/doctor` and `POST /api/v1/connections/{name}/doctor`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Diagnosis {
    /// RFC 3339.
    pub at: String,
    pub checks: Vec<Check>,
}
