//! Tools.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Recording;

/// What a tool does to the system behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolEffect {
    Read,
    Write,
    Destructive,
}

/// What can be granted on a connection. Where no difference is made, all of
/// them are called tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolKind {
    #[default]
    Tool,
    Prompt,
    Resource,
    /// Of resources: what their URIs look like.
    Template,
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
    pub recording: Recording,
}

/// A tool as one caller sees it; or a prompt, a resource, a template of
/// resources.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Tool {
    /// `connection.tool`, `connection.@prompt/NAME`, `connection.@resource/URI`;
    /// of a template, the URI template.
    pub id: String,
    #[serde(default)]
    pub kind: ToolKind,
    /// What a grant has to name: the id; of a template, the pattern of all
    /// that begins as it does.
    #[serde(default)]
    pub grant_as: String,
    /// The name that MCP clients see at `/mcp`.
    pub mcp_name: String,
    pub connection: String,
    pub description: String,
    /// What an admin confirmed that it does; unconfirmed counts as `write`.
    /// What is no tool is read, by what it is.
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
    /// Whether its definition is no longer the one that was granted: agents
    /// neither see nor call it until an admin has accepted what it is now.
    #[serde(default)]
    pub changed: bool,
}

/// `GET /api/v1/tools/{id}/review`: a tool's definition as it was granted and
/// as its server gives it now.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ToolReview {
    /// `connection.tool`.
    pub id: String,
    /// See [`Tool::changed`].
    pub changed: bool,
    /// RFC 3339: when that was first noticed.
    #[serde(default)]
    pub changed_at: Option<String>,
    /// `None`: it was never granted to anybody.
    #[serde(default)]
    pub pinned: Option<PinnedDefinition>,
    pub current: Definition,
}

/// A tool's definition as its server gave it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Definition {
    /// SHA-256 of `definition`, in hex.
    pub hash: String,
    /// JSON in the RFC 8785 form, as text: numbers keep their digits.
    pub definition: String,
}

/// The definition that a tool must have.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PinnedDefinition {
    #[serde(flatten)]
    pub definition: Definition,
    /// RFC 3339.
    pub pinned_at: String,
    /// Who accepted it; `None`: it was pinned when it was first granted.
    #[serde(default)]
    pub accepted_by: Option<String>,
}

/// `POST /api/v1/tools/{id}/accept`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptDefinition {
    /// Of the definition that was looked at; refused with 409 if it is another
    /// one by now.
    pub hash: String,
}
