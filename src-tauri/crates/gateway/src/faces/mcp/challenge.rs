//! What `WWW-Authenticate` tells a client (RFC 9728, section 5.1; MCP
//! 2026-07-28, authorization, scope challenge handling).

use agw_core::{ConnectionName, ItemKind, ToolId};
use axum::{
    http::{HeaderMap, StatusCode, header},
    response::Response,
};

use super::answer::OutOfScope;
use crate::{door::Door, faces::bearer, gateway::Gateway, oauth::Audience, pipeline::Presented};

/// The endpoint that was called, as the client addressed it.
#[derive(Debug)]
pub(super) struct Here<'g> {
    gateway: &'g Gateway,
    audience: Audience,
    base: String,
    presented: Presented,
}

impl<'g> Here<'g> {
    pub(super) fn new(
        gateway: &'g Gateway,
        connection: Option<&ConnectionName>,
        door: Door,
        headers: &HeaderMap,
    ) -> Self {
        let audience = Audience::at(door.site(), connection);
        let (base, presented) = (door.site().base(headers), bearer::presented(door, headers));
        Self { gateway, audience, base, presented }
    }

    /// Adds to a 401 where to sign in. Makes a call that is out of the scope
    /// of an agent that signed in a 403 that names the scope that it lacks.
    /// Agents with a token of the older kind cannot ask for more, and are
    /// answered as before.
    pub(super) fn complete(&self, mut response: Response) -> Response {
        let metadata = self.audience.metadata_url(&self.base);
        if response.status() == StatusCode::UNAUTHORIZED {
            let headers = response.headers_mut();
            let before = headers.get(header::WWW_AUTHENTICATE).and_then(|v| v.to_str().ok());
            let before = before.unwrap_or("Bearer");
            let scope = self.audience.scope();
            let join = if before.contains(' ') { "," } else { "" };
            let text =
                format!("{before}{join} resource_metadata=\"{metadata}\", scope=\"{scope}\"");
            if let Ok(value) = text.parse() {
                headers.insert(header::WWW_AUTHENTICATE, value);
            }
        } else if let Some(OutOfScope(meant)) = response.extensions_mut().remove()
            && let Some(tool) = self.to_ask_for(&meant)
        {
            *response.status_mut() = StatusCode::FORBIDDEN;
            let text = format!(
                "Bearer error=\"insufficient_scope\", scope=\"{tool}\", resource_metadata=\"{metadata}\", error_description=\"This agent was not given this tool when it signed in.\""
            );
            if let Ok(value) = text.parse() {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
            }
        }
        response
    }

    /// The tool that was meant, if the caller signed in and there is one.
    fn to_ask_for(&self, meant: &str) -> Option<ToolId> {
        let Presented::Token(hash, _) = self.presented else { return None };
        let snapshot = self.gateway.live.snapshot.load();
        snapshot.tokens.get(&hash)?.audience.as_ref()?;
        let catalog = self.gateway.live.catalog.load();
        let by_id = meant.parse().ok().filter(|id| catalog.by_id.contains_key(id));
        // A name that was shortened for model APIs is no id.
        let name = meant.replacen('.', "__", 1);
        by_id.or_else(|| Some(catalog.by_mcp_name(ItemKind::Tool, &name)?.id.clone()))
    }
}
