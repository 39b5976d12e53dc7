//! Systems behind the gateway that are missing, broken or hostile. Each case
//! is shown to the agent over both faces and to the admin, and hurts nothing
//! but itself.

mod at_start;
mod dialects;
mod hostile;
mod isolation;
mod over_http;
mod over_stdio;
mod processes;
mod schemas;
mod secrets;

use agw_api::{AuditRecord, ConnectionDetail, ConnectionHealth, LogLine, LogSource};
use serde_json::{Value, json};

use crate::support::{InProcess, Trail as _, http, mcp};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/stdio_server.py");

/// `ana` and her agent may call everything; calls time out within seconds.
struct Office {
    gateway: InProcess,
    token: String,
}

impl Office {
    async fn open() -> Self {
        let gateway = InProcess::start().await;
        gateway.add_user("ana", None).await;
        gateway.grant("ana", "*", "allow").await;
        let token = gateway.add_agent("ana", "claude", &[]).await;
        Self { gateway, token }
    }

    /// Connects `tests/fixtures/stdio_server.py` in this manner.
    async fn connect_fixture(&self, name: &str, manner: &[&str], env: &[(&str, &str)]) {
        let argv = [&["python3", FIXTURE], manner].concat();
        self.gateway.connect_stdio(name, &argv, env).await;
    }

    /// The same, and it is ready.
    async fn connect_ready(&self, name: &str, manner: &[&str]) {
        self.connect_fixture(name, manner, &[]).await;
        let shown = self.show(name).await;
        assert_eq!(shown.connection.health, ConnectionHealth::Ready, "{shown:?}");
    }

    /// What the admin sees of a connection.
    async fn show(&self, name: &str) -> ConnectionDetail {
        self.gateway.admin.get(&format!("/api/v1/connections/{name}")).await.unwrap()
    }

    /// What its server wrote lately.
    async fn written(&self, name: &str) -> Vec<String> {
        let path = format!("/api/v1/connections/{name}/logs");
        let lines: Vec<LogLine> = self.gateway.admin.get(&path).await.unwrap();
        let its = lines.into_iter().filter(|line| line.source != LogSource::Gateway);
        its.map(|line| line.text).collect()
    }

    async fn call(&self, tool: &str) -> (u16, Value) {
        self.gateway.rest_call(&self.token, tool, json!({"text": "hi"})).await
    }

    /// A call over MCP; no session is needed for one.
    async fn mcp_call(&self, tool: &str) -> Value {
        let bearer = format!("Bearer {}", self.token);
        let headers = [mcp::ACCEPT, ("authorization", &*bearer)];
        let params = json!({"name": tool.replacen('.', "__", 1), "arguments": {"text": "hi"}});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let (status, answer) = http::post_json(&self.gateway.url("/mcp"), &headers, &body).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// A call fails with this status and code over REST and as an `isError`
    /// result over MCP; the trail has an intent and, in the outcome's detail,
    /// `words`; the agent is not shown those.
    async fn assert_call_fails(&self, tool: &str, status: u16, code: &str, words: &str) {
        let (rest, mcp) = tokio::join!(self.call(tool), self.mcp_call(tool));
        let (seen, body) = rest;
        assert_eq!((seen, &body["code"]), (status, &json!(code)), "{body}");
        let (message, next) = (body["message"].as_str().unwrap(), body["next"].as_str().unwrap());
        assert!(message.len() > 10 && next.len() > 10, "{body}");
        let result = &mcp["result"];
        assert_eq!(result["isError"], true, "{mcp}");
        assert_eq!(result["_meta"]["dev.aiagentgateway/code"], code, "{mcp}");
        let text = result["content"][0]["text"].as_str().unwrap();
        assert_eq!(text, format!("{message} {next}"));
        for record in self.newest("outcome", 2).await {
            let seen = [&record.status, &record.reason, &record.decision, &record.tool];
            let seen = seen.map(Option::as_deref);
            assert_eq!(seen, ["failed", code, "allow", tool].map(Some), "{record:?}");
            let detail = record.detail.as_deref().unwrap();
            assert!(detail.contains(words), "{record:?}");
        }
        assert!(self.newest("intent", 2).await.iter().all(|r| r.tool.as_deref() == Some(tool)));
    }

    /// The newest records of a kind.
    async fn newest(&self, kind: &str, count: usize) -> Vec<AuditRecord> {
        let path = format!("/api/v1/audit?kind={kind}&limit={count}");
        let records: Vec<AuditRecord> = self.gateway.admin.records(&path).await.unwrap();
        assert_eq!(records.len(), count);
        records
    }

    async fn assert_works(&self, tool: &str) {
        let (status, body) = self.call(tool).await;
        assert_eq!((status, &body), (200, &json!({"echo": {"text": "hi"}})), "{tool}");
    }
}
