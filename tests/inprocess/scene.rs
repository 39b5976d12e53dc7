//! The usual scene: `ana`'s agent `claude` may call `fix.echo` and nothing
//! else of the connection `fix`.

use agw_api::{AuditRecord, Grant};
use agw_gateway::Timeouts;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::support::{
    InProcess, Trail as _,
    http::{self, Reply},
    mcp::ACCEPT,
    upstream::Fixture,
};

pub const JSON: (&str, &str) = ("content-type", "application/json");
pub const VERSION: (&str, &str) = ("mcp-protocol-version", "2025-11-25");
pub const STATELESS: (&str, &str) = ("mcp-protocol-version", "2026-07-28");

pub struct Scene {
    pub gateway: InProcess,
    pub upstream: Fixture,
    pub token: String,
    /// Ana's grant of `fix.echo`.
    pub granted: Grant,
}

impl Scene {
    /// With the time-outs of the real service: nothing here waits for one.
    pub async fn start() -> Self {
        Self::start_with(Timeouts::default()).await
    }

    pub async fn start_with(timeouts: Timeouts) -> Self {
        let upstream = Fixture::start().await;
        let gateway = InProcess::start_with(timeouts).await;
        gateway.connect_http("fix", &upstream.url(), &[]).await;
        gateway.add_user("ana", None).await;
        let token = gateway.add_agent("ana", "claude", &[]).await;
        let granted = gateway.grant("ana", "fix.echo", "allow").await;
        Self { gateway, upstream, token, granted }
    }

    /// A REST call with the agent's token in its header.
    pub async fn rest(&self, body: impl Into<Bytes>) -> Reply {
        let bearer = format!("Bearer {}", self.token);
        let headers = [JSON, ("authorization", &*bearer)];
        http::ask("POST", &self.gateway.url("/mcp/tools/call"), &headers, body).await
    }

    /// An MCP message of the older era, in no session.
    pub async fn mcp(&self, body: impl Into<Bytes>) -> Reply {
        self.mcp_with(&[JSON, ACCEPT, VERSION], body).await
    }

    pub async fn mcp_with(&self, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
        self.mcp_at("/mcp", headers, body).await
    }

    /// With these headers and the agent's token.
    pub async fn mcp_at(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Reply {
        let bearer = format!("Bearer {}", self.token);
        let mut all = vec![("authorization", &*bearer)];
        all.extend(headers);
        http::ask("POST", &self.gateway.url(path), &all, body).await
    }

    /// The newest record of a call.
    pub async fn last_outcome(&self) -> AuditRecord {
        let newest: Vec<AuditRecord> =
            self.gateway.admin.records("/api/v1/audit?kind=outcome&limit=1").await.unwrap();
        newest.into_iter().next().expect("a record")
    }

    /// The newest record says that this agent's call was refused, and why.
    pub async fn assert_refusal(&self, reason: &str) -> AuditRecord {
        let record = self.last_outcome().await;
        let seen = [&record.status, &record.decision, &record.reason, &record.user, &record.agent];
        let seen = seen.map(Option::as_deref);
        let expected = ["denied", "deny", reason, "ana", "claude"].map(Some);
        assert_eq!(seen, expected, "{record:?}");
        assert!(record.duration_ms.is_some(), "{record:?}");
        record
    }

    /// The newest record is of a call that was denied.
    pub async fn assert_refused_call(&self) {
        let record = self.last_outcome().await;
        assert_eq!(record.decision.as_deref(), Some("deny"), "{record:?}");
        assert_eq!(record.status.as_deref(), Some("denied"), "{record:?}");
    }

    /// The newest record is of a call of this tool that was denied.
    pub async fn assert_call_refused(&self, tool: &str) {
        self.assert_refused_call().await;
        assert_eq!(self.last_outcome().await.tool.as_deref(), Some(tool));
    }

    /// Nothing reached the upstream.
    pub fn assert_untouched(&self) {
        assert_eq!(self.upstream.calls().len(), 0);
    }
}

/// `tools/call` of the older era.
pub fn tools_call(name: &str, arguments: Value) -> String {
    let params = json!({"name": name, "arguments": arguments});
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string()
}

/// A request of the stateless era.
pub fn stateless(method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}
