//! Approvals and pauses.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Change;

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
    /// Where the account that the call needs is connected, if it is not: until
    /// then the call would fail even if it is approved.
    #[serde(default)]
    pub sign_in: Option<String>,
}

/// What a call would do, in words: `call gmail.send`, `read the resource
/// file:///a of docs`, `get the prompt review of docs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deed<'a> {
    pub verb: &'static str,
    /// The whole id of a tool; of others, their own name or URI.
    pub name: &'a str,
    pub connection: Option<&'a str>,
}

impl Approval {
    pub fn deed(&self) -> Deed<'_> {
        let (connection, name) = self.tool.split_once('.').unwrap_or_default();
        let connection = Some(connection);
        if let Some(name) = name.strip_prefix("@resource/") {
            return Deed { verb: "read the resource", name, connection };
        }
        if let Some(name) = name.strip_prefix("@prompt/") {
            return Deed { verb: "get the prompt", name, connection };
        }
        Deed { verb: "call", name: &self.tool, connection: None }
    }
}

impl fmt::Display for Deed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.name)?;
        self.connection.map_or(Ok(()), |connection| write!(f, " of {connection}"))
    }
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
