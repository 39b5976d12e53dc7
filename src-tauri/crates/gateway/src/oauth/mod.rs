//! Signing agents in: the gateway is the OAuth 2.1 authorization server and
//! the resource server of its own MCP endpoints (MCP 2026-07-28,
//! authorization). What comes out of it is an agent like any other, with
//! access tokens of an hour instead of a sub-token that a person copies.
//!
//! ```text
//! 401 at /mcp ─► metadata ─► /oauth/register ─► /oauth/authorize: sign in, pick tools
//!     ─► code ─► /oauth/token: the agent is made, access and refresh token ─► /mcp
//! ```
//!
//! - The *issuer* is the scheme and the host that the client addressed, one of
//!   the few that the port's guard lets in; so every document names the host
//!   that it was asked for, and all of them the same.
//! - The loopback and the shared address are two issuers and two resource
//!   servers: a code, an access or a refresh token of one is none at the other.
//! - An *audience* is an endpoint at one of them. A token for `/mcp/gmail` opens that one; a
//!   token for `/mcp`, where all tools are, opens the others and REST, too.
//! - A *scope* is a tool pattern as it stands in an agent's scope: `gmail.send`,
//!   `gmail.*`, `*:read`, `*`. Others are ignored, so that nobody learns which
//!   tools there are.
//! - An agent has one chain of refresh tokens. Whatever of it is used twice
//!   ends the whole chain.

mod audience;
mod authorize;
mod clients;
mod codes;
mod consent;
mod error;
mod issue;
mod metadata;
mod token;

pub(crate) use audience::Audience;
pub(crate) use clients::Registrations;
#[cfg(feature = "fuzzing")]
pub use clients::may_return;
pub(crate) use codes::Codes;

use std::sync::Arc;

use axum::{
    Router,
    http::StatusCode,
    routing::{any, get, post},
};

use crate::gateway::Gateway;

pub(crate) fn router(gateway: &Arc<Gateway>) -> Router {
    Router::new()
        .route("/.well-known/oauth-protected-resource", get(metadata::resource))
        .route("/.well-known/oauth-protected-resource/{*path}", get(metadata::resource_at))
        .route("/.well-known/oauth-authorization-server", get(metadata::server))
        .route("/.well-known/openid-configuration", get(metadata::server))
        // Clients try more than there is, and must not find the web view there.
        .route("/.well-known/{*path}", any(|| async { StatusCode::NOT_FOUND }))
        .route("/oauth/register", post(clients::register))
        .route("/oauth/authorize", get(authorize::asked).post(authorize::decided))
        .route("/oauth/token", post(token::exchange))
        .route("/oauth/revoke", post(token::revoke))
        .with_state(Arc::clone(gateway))
}
