//! How a client and the gateway make themselves known to each other.

use agw_core::json::Node;
use axum::{
    http::{HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use super::{
    Endpoint, Exchange,
    answer::{self, RpcError},
    envelope::{Notification, Request},
    era::{STATELESS, WITH_SESSIONS},
    sessions::{AgentSession, Greeted},
};
use crate::{members::Members, pipeline::WantedOf};

pub(super) const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const INSTRUCTIONS: &str = "These tools are reached through AI Agent Gateway, which checks every call. A denial says what would be needed; do not try to work around it.";
/// Longest declaration of what a client can do, in bytes.
const CAPABILITIES_MAX: usize = 4 << 10;
/// Levels of log messages, the least first (RFC 5424, as MCP names them).
const LEVELS: [&str; 8] =
    ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

impl Exchange {
    pub(super) fn initialize(&self, request: &Request<'_>) -> Response {
        let Some(wanted) = request.param("protocolVersion").and_then(Node::as_str) else {
            let error = RpcError::invalid_params("\"protocolVersion\" must be a string");
            return error.with_id(request.id).response(StatusCode::OK);
        };
        let [newest, ..] = WITH_SESSIONS;
        let version = WITH_SESSIONS.into_iter().find(|v| *v == wanted).unwrap_or(newest);
        let result = json!({
            "protocolVersion": version,
            "capabilities": capabilities(),
            "serverInfo": server_info(),
            "instructions": self.instructions(),
        });
        let mut response = answer::result(request.id, &result.to_string());
        let greeted =
            Greeted { version, capabilities: declared(request.param("capabilities")).into() };
        if let Ok(Some(session)) = self.session()
            && session.attached().is_some()
        {
            session.greet(greeted);
            return response;
        }
        let session = self.gateway.agent_sessions.begin(&self.caller, &self.endpoint, greeted);
        if let Some(id) = session.and_then(|id| HeaderValue::from_str(&id).ok()) {
            response.headers_mut().insert(SESSION_ID, id);
        }
        response
    }

    pub(super) fn discover(&self, request: &Request<'_>) -> Response {
        let result = json!({
            "resultType": "complete",
            "supportedVersions": [STATELESS],
            "capabilities": capabilities(),
            "instructions": self.instructions(),
            "ttlMs": 0,
            "cacheScope": "private",
            "_meta": { "io.modelcontextprotocol/serverInfo": server_info() },
        });
        answer::result(request.id, &result.to_string())
    }

    /// At the endpoint of one connection its server has a say, too; but only
    /// to those who may use it.
    fn instructions(&self) -> String {
        let Endpoint::Single(name) = &self.endpoint else { return INSTRUCTIONS.into() };
        let snapshot = self.gateway.live.snapshot.load();
        let catalog = self.gateway.live.catalog.load();
        let uses_it = self.visible(&snapshot, &catalog).next().is_some();
        let upstream = snapshot.connections.get(name).filter(|_| uses_it);
        let upstream = upstream.and_then(|config| self.gateway.upstreams.get(config.id));
        match upstream.and_then(|upstream| upstream.state().instructions) {
            None => INSTRUCTIONS.into(),
            Some(own) => format!("{INSTRUCTIONS}\n\nThe system behind them says: {own}"),
        }
    }

    /// The session that the request names. None named is none needed: it
    /// proves nothing.
    pub(super) fn session(&self) -> Result<Option<std::sync::Arc<AgentSession>>, RpcError> {
        let Some(id) = self.headers.get(SESSION_ID) else { return Ok(None) };
        let known = id
            .to_str()
            .ok()
            .and_then(|id| self.gateway.agent_sessions.get(id, &self.caller, &self.endpoint));
        known.map(Some).ok_or_else(RpcError::no_session)
    }

    pub(super) fn end_session(&self) -> Response {
        match (self.session(), self.headers.get(SESSION_ID).and_then(|id| id.to_str().ok())) {
            (Ok(Some(_)), Some(id)) => {
                self.gateway.agent_sessions.end(id);
                StatusCode::NO_CONTENT.into_response()
            }
            _ => RpcError::no_session().response(StatusCode::NOT_FOUND),
        }
    }

    pub(super) fn notification(&self, notification: &Notification<'_>) {
        if notification.method != "notifications/cancelled" {
            return;
        }
        if let (Ok(Some(session)), Some(id)) = (self.session(), notification.param("requestId")) {
            session.cancel(id.raw());
        }
    }

    /// `logging/setLevel`, for the session.
    pub(super) fn set_level(&self, request: &Request<'_>) -> Response {
        let Some(level) = level(request.param("level")) else {
            let error = RpcError::invalid_params(format!("\"level\" must be one of {LEVELS:?}"));
            return error.with_id(request.id).response(StatusCode::OK);
        };
        if let Ok(Some(session)) = self.session() {
            session.set_level(level);
        }
        answer::result(request.id, "{}")
    }
}

/// The level that a client wrote, if it is one.
pub(super) fn level(said: Option<&Node<'_>>) -> Option<&'static str> {
    let said = said.and_then(Node::as_str)?;
    LEVELS.into_iter().find(|level| *level == said)
}

/// Of what a client can do, what an upstream may ask of it: a JSON object.
pub(super) fn declared(capabilities: Option<&Node<'_>>) -> String {
    // Upstreams are told of it.
    let safe = capabilities.filter(|node| !node.contains_token());
    let raw = safe.map(|node| node.raw()).filter(|raw| raw.len() <= CAPABILITIES_MAX);
    let Some(mut members) = raw.and_then(|raw| Members::read(raw.as_bytes())) else {
        return "{}".into();
    };
    members.keep(|name| WantedOf::ALL.iter().any(|wanted| wanted.capability() == name));
    format!("{{{}}}", members.inner())
}

/// Whether a message of a level is one that the client asked for.
pub(super) fn is_wanted(level: Option<&str>, least: &str) -> bool {
    let rank = |level: &str| LEVELS.iter().position(|known| *known == level);
    level.and_then(rank) >= rank(least)
}

/// All that a connection may have is announced, because connections come and
/// go while a client stays.
fn capabilities() -> Value {
    json!({
        "tools": { "listChanged": true },
        "prompts": { "listChanged": true },
        "resources": { "listChanged": true, "subscribe": true },
        "completions": {},
        "logging": {},
    })
}

fn server_info() -> Value {
    json!({
        "name": "ai-agent-gateway",
        "title": "AI Agent Gateway",
        "version": env!("CARGO_PKG_VERSION"),
    })
}
