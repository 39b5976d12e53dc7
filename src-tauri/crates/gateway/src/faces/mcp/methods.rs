//! The methods that are served.

use std::sync::Arc;

use agw_core::{json::Node, may_see};
use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::json;

use super::{
    Endpoint, Exchange,
    answer::{self, RpcError},
    envelope::{Notification, Request},
    era::{Era, STATELESS, WITH_SESSIONS},
    sessions::AgentSession,
};
use crate::{
    catalog::{Catalog, CatalogTool},
    store::snapshot::Snapshot,
};

pub(super) const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const INSTRUCTIONS: &str = "These tools are reached through AI Agent Gateway, which checks every call. A denial says what would be needed; do not try to work around it.";

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
            "capabilities": { "tools": { "listChanged": true } },
            "serverInfo": server_info(),
            "instructions": INSTRUCTIONS,
        });
        let mut response = answer::result(request.id, &result.to_string());
        let session = self.gateway.agent_sessions.begin(&self.caller, &self.endpoint);
        if let Some(id) = session.and_then(|id| HeaderValue::from_str(&id).ok()) {
            response.headers_mut().insert(SESSION_ID, id);
        }
        response
    }

    pub(super) fn discover(&self, request: &Request<'_>) -> Response {
        let result = json!({
            "resultType": "complete",
            "supportedVersions": [STATELESS],
            "capabilities": { "tools": { "listChanged": true } },
            "instructions": INSTRUCTIONS,
            "ttlMs": 0,
            "cacheScope": "private",
            "_meta": { "io.modelcontextprotocol/serverInfo": server_info() },
        });
        answer::result(request.id, &result.to_string())
    }

    /// The session that the request names. None named is none needed: it
    /// proves nothing.
    pub(super) fn session(&self) -> Result<Option<Arc<AgentSession>>, RpcError> {
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

    pub(super) fn list_tools(&self, request: &Request<'_>, era: Era) -> Response {
        if request.param("cursor").is_some() {
            let error = RpcError::invalid_params("this list has one page; leave out the cursor");
            return error.with_id(request.id).response(StatusCode::OK);
        }
        let snapshot = self.gateway.live.snapshot.load();
        let catalog = self.gateway.live.catalog.load();
        let mut result = String::from(r#"{"tools":["#);
        for (at, (name, tool)) in self.visible(&snapshot, &catalog).enumerate() {
            if at > 0 {
                result.push(',');
            }
            tool.write_definition(name, &mut result);
        }
        result.push(']');
        if era == Era::Stateless {
            result.push_str(r#","resultType":"complete","ttlMs":0,"cacheScope":"private""#);
        }
        result.push('}');
        answer::result(request.id, &result)
    }

    /// What the caller may call at this endpoint, with the names it has here.
    pub(super) fn visible<'c>(
        &'c self,
        snapshot: &'c Snapshot,
        catalog: &'c Catalog,
    ) -> impl Iterator<Item = (&'c str, &'c CatalogTool)> {
        let now = self.gateway.live.clock.now_ms();
        catalog
            .by_id
            .values()
            .filter(|tool| match &self.endpoint {
                Endpoint::Aggregate => {
                    catalog.by_mcp_name(&tool.mcp_name).is_some_and(|named| named.id == tool.id)
                }
                Endpoint::Single(connection) => tool.id.connection() == connection,
            })
            .filter(|tool| snapshot.pins.hold(tool))
            .filter(move |tool| may_see(&snapshot.permissions, &self.caller, &tool.id, now))
            .map(|tool| {
                let name = match &self.endpoint {
                    Endpoint::Aggregate => tool.mcp_name.as_str(),
                    Endpoint::Single(_) => tool.id.tool().as_str(),
                };
                (name, &**tool)
            })
    }

    /// Whether the client takes event streams.
    pub(super) fn accepts_events(&self) -> bool {
        let accept = self.headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
        accept.is_none_or(|accept| accept.contains("text/event-stream") || accept.contains("*/*"))
    }
}

fn server_info() -> serde_json::Value {
    json!({
        "name": "ai-agent-gateway",
        "title": "AI Agent Gateway",
        "version": env!("CARGO_PKG_VERSION"),
    })
}
