//! Everything that MCP has besides tools, and all pairings of the eras of
//! client and upstream.

mod asking;
mod attacks;
mod hostile;
mod lists;
mod older;
mod resources;
mod searching;
mod watching;

use serde_json::{Value, json};

use crate::support::{
    everything::Dialect,
    http,
    mcp::{self, ACCEPT},
};

const BOTH: [Dialect; 2] = [Dialect::Sessions, Dialect::Stateless];
/// What a client declares that can do everything.
const CAN_ALL: &str = r#"{"elicitation":{"form":{},"url":{}},"sampling":{},"roots":{"listChanged":true},"x-unknown":{}}"#;

/// A client of the stateless era.
struct Stateless<'a> {
    url: &'a str,
    token: &'a str,
    capabilities: Value,
    meta: Value,
}

impl<'a> Stateless<'a> {
    fn new(url: &'a str, token: &'a str) -> Self {
        let capabilities = serde_json::from_str(CAN_ALL).unwrap();
        Self { url, token, capabilities, meta: json!({}) }
    }

    async fn send(&self, method: &str, params: Value) -> ::http::Response<hyper::body::Incoming> {
        let (headers, message) = self.message(method, params);
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        http::send("POST", self.url, &headers, message.to_string()).await
    }

    fn message(&self, method: &str, mut params: Value) -> (Vec<(&'static str, String)>, Value) {
        let mut meta = self.meta.clone();
        meta["io.modelcontextprotocol/protocolVersion"] = "2026-07-28".into();
        meta["io.modelcontextprotocol/clientCapabilities"] = self.capabilities.clone();
        let name = params.get("name").or_else(|| params.get("uri"));
        let name = name.and_then(Value::as_str).map(str::to_owned);
        params["_meta"] = meta;
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            (ACCEPT.0, ACCEPT.1.to_owned()),
            ("authorization", format!("Bearer {}", self.token)),
            ("mcp-protocol-version", "2026-07-28".to_owned()),
            ("mcp-method", method.to_owned()),
        ];
        headers.extend(name.map(|name| ("mcp-name", name)));
        (headers, json!({"jsonrpc": "2.0", "id": "s1", "method": method, "params": params}))
    }

    /// The answer, whether it comes alone or at the end of a stream, and what
    /// came before it.
    async fn ask(&self, method: &str, params: Value) -> (u16, Value, Vec<Value>) {
        answer(self.send(method, params).await).await
    }

    async fn call(&self, tool: &str, arguments: Value) -> Value {
        self.ask("tools/call", json!({"name": tool, "arguments": arguments})).await.1
    }

    /// Calls again with what was wanted.
    async fn bring(&self, tool: &str, arguments: Value, state: &Value, brought: Value) -> Value {
        let params = json!({
            "name": tool, "arguments": arguments,
            "inputResponses": brought, "requestState": state,
        });
        self.ask("tools/call", params).await.1
    }
}

async fn answer(response: ::http::Response<hyper::body::Incoming>) -> (u16, Value, Vec<Value>) {
    let status = response.status().as_u16();
    let streams =
        response.headers().get("content-type").is_some_and(|kind| kind == "text/event-stream");
    if !streams {
        let text = http::text(response).await;
        return (status, serde_json::from_str(&text).unwrap_or(Value::String(text)), Vec::new());
    }
    let mut events = mcp::events(response);
    let mut before = Vec::new();
    while let Some(message) = events.recv().await {
        if message.get("method").is_none() {
            return (status, message, before);
        }
        before.push(message);
    }
    panic!("the stream ended without an answer: {before:?}");
}

/// The key that something is wanted under, and the request.
fn wanted(answer: &Value) -> (String, Value) {
    let requests = answer["result"]["inputRequests"].as_object();
    let requests = requests.unwrap_or_else(|| panic!("nothing is wanted: {answer}"));
    let (key, request) = requests.iter().next().unwrap();
    (key.clone(), request.clone())
}

/// What tools answer with what they were told.
fn told(answer: &Value) -> &Value {
    &answer["result"]["structuredContent"]["answer"]
}
