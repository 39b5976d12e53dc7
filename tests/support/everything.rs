//! An MCP server over HTTP, of either era, that has a bit of everything: it
//! asks its client in the middle of a call, tells of progress and logs, and
//! has prompts, resources and completions.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use agw_gateway::Timeouts;
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::any,
};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
};

use super::InProcess;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// 2025-11-25.
    Sessions,
    /// 2026-07-28.
    Stateless,
}

/// The server, with what it received.
#[derive(Clone)]
pub struct Everything {
    address: SocketAddr,
    inner: Arc<Inner>,
}

struct Inner {
    dialect: Dialect,
    requests: Mutex<Vec<(HeaderMap, Value)>>,
    waiting: Mutex<HashMap<String, oneshot::Sender<Value>>>,
    sessions: Mutex<usize>,
}

/// A gateway with such a server as the connection `all`, all of which is
/// granted to `ana`, and the tokens of her agents `one` and `two`.
pub struct Scene {
    pub gateway: InProcess,
    pub upstream: Everything,
    pub token: String,
    pub other: String,
}

impl Scene {
    pub async fn start(dialect: Dialect) -> Self {
        let upstream = Everything::start(dialect).await;
        let gateway = InProcess::start_with(Timeouts::default()).await;
        gateway.connect_http("all", &upstream.url(), &[("x-key", "s3cret-of-the-team")]).await;
        gateway.add_user("ana", None).await;
        let token = gateway.add_agent("ana", "one", &[]).await;
        let other = gateway.add_agent("ana", "two", &[]).await;
        gateway.grant("ana", "all.*", "allow").await;
        Self { gateway, upstream, token, other }
    }

    pub fn url(&self) -> String {
        self.gateway.url("/mcp/all")
    }
}

impl Everything {
    pub async fn start(dialect: Dialect) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let inner = Arc::new(Inner {
            dialect,
            requests: Mutex::default(),
            waiting: Mutex::default(),
            sessions: Mutex::default(),
        });
        let router = Router::new().route("/mcp", any(serve)).with_state(Arc::clone(&inner));
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, inner }
    }

    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// Every message of this method that arrived.
    pub fn received(&self, method: &str) -> Vec<(HeaderMap, Value)> {
        let requests = self.inner.requests.lock().unwrap();
        requests.iter().filter(|(_, message)| message["method"] == method).cloned().collect()
    }

    /// What clients answered to the server's own requests.
    pub fn answers(&self) -> Vec<Value> {
        let requests = self.inner.requests.lock().unwrap();
        let answers = requests.iter().filter(|(_, m)| m.get("method").is_none());
        answers.map(|(_, message)| message.clone()).collect()
    }
}

fn tool(name: &str) -> Value {
    json!({"name": name, "inputSchema": {"type": "object"}, "x-unknown": 7})
}

/// What a tool asks its client for.
fn asked_by(tool: &str) -> Option<(&'static str, Value)> {
    Some(match tool {
        "elicit" => (
            "elicitation/create",
            json!({"message": "Your name?", "requestedSchema": {"type": "object", "properties": {"name": {"type": "string", "default": "Bo"}}}}),
        ),
        "sample" => ("sampling/createMessage", json!({"messages": [], "maxTokens": 9})),
        "roots" => ("roots/list", json!({})),
        _ => return None,
    })
}

/// Unknown members, an unknown kind of content and a number that no double
/// holds. What is echoed shows what arrived.
fn result_of(params: &Value, answer: &Value) -> Value {
    json!({
        "content": [{"type": "hologram", "depth": 3}, {"type": "text", "text": params["arguments"].to_string()}],
        "structuredContent": {"answer": answer, "meta": params["_meta"]},
        "x-unknown": {"y": [1, null]},
    })
}

async fn serve(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> Response {
    let Ok(message) = serde_json::from_slice::<Value>(&body) else {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    };
    inner.requests.lock().unwrap().push((headers, message.clone()));
    let Some(method) = message["method"].as_str() else {
        let id = message["id"].to_string();
        if let Some(waiting) = inner.waiting.lock().unwrap().remove(&id) {
            let _ = waiting.send(message);
        }
        return StatusCode::ACCEPTED.into_response();
    };
    if message.get("id").is_none() {
        return StatusCode::ACCEPTED.into_response();
    }
    let stateless = inner.dialect == Dialect::Stateless;
    let refused = |status: StatusCode, code: i32, data: Value| {
        let error = json!({"code": code, "message": "no", "data": data});
        (status, axum::Json(json!({"jsonrpc": "2.0", "id": message["id"], "error": error})))
            .into_response()
    };
    let answer = |result: Value| {
        let mut result = result;
        if stateless {
            result["resultType"] = "complete".into();
        }
        if stateless && (method.ends_with("/list") || method == "resources/read") {
            result["ttlMs"] = 5_000.into();
            result["cacheScope"] = "public".into();
        }
        let text = json!({"jsonrpc": "2.0", "id": message["id"], "result": result}).to_string();
        // No JSON library that knows only doubles would have written this.
        let text =
            text.replace("\"x-unknown\":", "\"x-big\":12345678901234567890123,\"x-unknown\":");
        ([("content-type", "application/json")], text).into_response()
    };
    let params = &message["params"];
    let capabilities = json!({"tools": {"listChanged": true}, "prompts": {}, "resources": {"subscribe": true}, "completions": {}, "logging": {}});
    match (method, stateless) {
        ("server/discover", true) => answer(json!({
            "supportedVersions": ["2026-07-28"], "capabilities": capabilities,
            "instructions": "Be kind to it.", "ttlMs": 0, "cacheScope": "private",
        })),
        ("initialize", false) => {
            *inner.sessions.lock().unwrap() += 1;
            let result = json!({
                "protocolVersion": "2025-11-25", "capabilities": capabilities,
                "serverInfo": {"name": "everything", "version": "1"}, "instructions": "Be kind to it.",
            });
            let id = format!("session-{}", inner.sessions.lock().unwrap());
            ([("mcp-session-id", id)], answer(result)).into_response()
        }
        (_, true) if params["_meta"]["io.modelcontextprotocol/protocolVersion"] != "2026-07-28" => {
            refused(StatusCode::BAD_REQUEST, -32022, json!({"supported": ["2026-07-28"]}))
        }
        ("tools/list", _) => {
            let names = ["echo", "elicit", "sample", "roots", "work"];
            answer(json!({"tools": names.map(tool)}))
        }
        ("prompts/list", _) => {
            answer(json!({"prompts": [{"name": "greet", "arguments": [{"name": "who"}]}]}))
        }
        ("resources/list", _) => answer(
            json!({"resources": [{"uri": "note:///b", "name": "b"}, {"uri": "note:///a", "name": "a", "x-unknown": 1}]}),
        ),
        ("resources/templates/list", _) => {
            answer(json!({"resourceTemplates": [{"uriTemplate": "note:///by/{id}", "name": "by"}]}))
        }
        ("resources/subscribe", false) | ("resources/unsubscribe" | "logging/setLevel", false) => {
            answer(json!({}))
        }
        ("prompts/get", _) => answer(
            json!({"messages": [{"role": "user", "content": {"type": "text", "text": format!("Hello {}", params["arguments"]["who"])}}]}),
        ),
        ("completion/complete", _) => answer(
            json!({"completion": {"values": [params["ref"].to_string(), params["argument"].to_string()]}}),
        ),
        ("resources/read", _) => match params["uri"].as_str().unwrap() {
            "note:///none" if stateless => {
                refused(StatusCode::OK, -32602, json!({"uri": "note:///none"}))
            }
            "note:///none" => refused(StatusCode::OK, -32002, json!({"uri": "note:///none"})),
            uri => answer(
                json!({"contents": [{"uri": uri, "text": "s3cret-of-the-team", "x-unknown": 1}]}),
            ),
        },
        ("tools/call", _) if params["name"] == "work" => {
            work(&inner, &message, &answer(result_of(params, &Value::Null)).into_body_text().await)
        }
        ("tools/call", true) => match asked_by(params["name"].as_str().unwrap()) {
            Some((method, asked)) if params.get("inputResponses").is_none() => {
                answer_input_required(&message, method, asked)
            }
            Some(_) if params["requestState"] != "st@te" => {
                refused(StatusCode::OK, -32602, json!("state"))
            }
            _ => answer(result_of(params, &params["inputResponses"]["key"])),
        },
        ("tools/call", false) => match asked_by(params["name"].as_str().unwrap()) {
            Some((method, asked)) => ask(inner, message, method, asked),
            None => answer(result_of(params, &Value::Null)),
        },
        (_, true) => refused(StatusCode::NOT_FOUND, -32601, Value::Null),
        (_, false) => refused(StatusCode::OK, -32601, Value::Null),
    }
}

trait BodyText {
    async fn into_body_text(self) -> String;
}

impl BodyText for Response {
    async fn into_body_text(self) -> String {
        let bytes = axum::body::to_bytes(self.into_body(), usize::MAX).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }
}

fn event(message: &str) -> String {
    format!("event: message\ndata: {message}\n\n")
}

fn streamed(events: Body) -> Response {
    ([("content-type", "text/event-stream")], events).into_response()
}

/// Progress and logs, then the result.
fn work(inner: &Inner, message: &Value, result: &str) -> Response {
    let mut text = String::new();
    let token = &message["params"]["_meta"]["progressToken"];
    for progress in [1, 2] {
        let params = json!({"progressToken": token, "progress": progress, "x-unknown": 1});
        let note = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params});
        if !token.is_null() {
            text.push_str(&event(&note.to_string()));
        }
    }
    let wants = &message["params"]["_meta"]["io.modelcontextprotocol/logLevel"];
    for level in ["debug", "error"] {
        let params = json!({"level": level, "data": "s3cret-of-the-team"});
        let note = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": params});
        if inner.dialect == Dialect::Sessions || !wants.is_null() {
            text.push_str(&event(&note.to_string()));
        }
    }
    text.push_str(&event(result));
    streamed(text.into())
}

fn answer_input_required(message: &Value, method: &str, params: Value) -> Response {
    let result = json!({
        "resultType": "input_required",
        "inputRequests": {"key": {"method": method, "params": params}},
        "requestState": "st@te",
    });
    axum::Json(json!({"jsonrpc": "2.0", "id": message["id"], "result": result})).into_response()
}

/// Asks over the stream of the call and waits for the answer.
fn ask(inner: Arc<Inner>, message: Value, method: &'static str, params: Value) -> Response {
    let (sender, receiver) = mpsc::channel::<String>(4);
    tokio::spawn(async move {
        let id = format!("q-{}", message["id"]);
        let (answer, answered) = oneshot::channel();
        inner.waiting.lock().unwrap().insert(json!(id).to_string(), answer);
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        sender.send(event(&request.to_string())).await.unwrap();
        let Ok(answer) = answered.await else { return };
        let answer = answer.get("result").or(answer.get("error")).unwrap().clone();
        let result = result_of(&message["params"], &answer);
        let last = json!({"jsonrpc": "2.0", "id": message["id"], "result": result});
        // The gateway may have given up.
        let _ = sender.send(event(&last.to_string())).await;
    });
    let events = stream::unfold(receiver, |mut receiver| async move {
        let text = receiver.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(text), receiver))
    });
    streamed(Body::from_stream(events))
}
