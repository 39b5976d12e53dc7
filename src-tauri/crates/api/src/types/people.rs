//! Users, teams and agents.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Role;

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

/// `PUT /api/v1/teams/{name}`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditTeam {
    /// All of them, by their names.
    pub members: Vec<String>,
    /// As last seen; refused with 409 if it is at another one by now.
    pub version: u64,
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

/// A program that signed an agent in with OAuth.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AgentSignIn {
    /// The program's name; its own word unless it is known.
    pub client: String,
    /// The host that it was sent back to.
    pub host: String,
    /// Whether the gateway has a copy of what its maker says of it.
    pub known: bool,
    /// RFC 3339.
    pub since: String,
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
    /// How it got in, if nobody gave it its sub-token by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_in: Option<AgentSignIn>,
    /// RFC 3339.
    pub last_used_at: Option<String>,
    pub version: u64,
    /// RFC 3339.
    pub created_at: String,
}
