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
