//! An MCP server over HTTP that does as it is told, well or badly.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::post,
};
use futures_util::StreamExt as _;
use serde_json::{Map, Value, json};
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
    task::JoinHandle,
};

/// How it answers `tools/call`.
#[derive(Debug, Clone)]
pub enum Manner {
    /// `{"echo": ARGUMENTS}` as structured content.
    Echo,
    /// The same as one event of a stream.
    EchoStream,
    Status(u16),
    /// 404, as for a session that it has forgotten; from then on as `Echo`.
    ForgetsOnce,
    Redirect(String),
    /// This body, as JSON; `$ID` stands for the request's id.
    Body(String),
    /// This body with this content type; `$ID` likewise.
    Typed(&'static str, String),
    /// Fewer bytes than announced.
    HalfABody,
    Never,
    /// Until the gate is true; then as [`Manner::Echo`].
    Held(watch::Receiver<bool>),
}

/// The server, with what it received.
#[derive(Clone)]
pub struct Fixture {
    address: SocketAddr,
    inner: Arc<Inner>,
}

struct Inner {
    manner: Mutex<Manner>,
    /// Not only to `tools/call`.
    always: Mutex<bool>,
    /// JSON, sent as it is.
    tools: Mutex<String>,
    /// Results of other methods, by name.
    others: Mutex<Map<String, Value>>,
    bearer: Mutex<Option<String>>,
    calls: Mutex<Vec<(HeaderMap, Value)>>,
    greetings: Mutex<usize>,
    cancelled: Mutex<Vec<Value>>,
    gone: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

impl Fixture {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tool = |name: &str| json!({"name": name, "description": format!("The tool {name}"), "inputSchema": {"type": "object"}});
        let inner = Arc::new(Inner {
            manner: Mutex::new(Manner::Echo),
            always: Mutex::default(),
            tools: Mutex::new(json!([tool("echo"), tool("fail"), tool("other")]).to_string()),
            others: Mutex::default(),
            bearer: Mutex::default(),
            calls: Mutex::default(),
            greetings: Mutex::default(),
            cancelled: Mutex::default(),
            gone: Mutex::default(),
        });
        let router = Router::new()
            .route("/mcp", post(serve))
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&inner));
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let server = axum::serve(listener, router)
            .with_graceful_shutdown(async move { drop(stopped.await) });
        let task = tokio::spawn(async move { server.await.unwrap() });
        *inner.gone.lock().unwrap() = Some((stop, task));
        Self { address, inner }
    }

    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    pub fn behave(&self, manner: Manner) {
        *self.inner.manner.lock().unwrap() = manner;
    }

    /// Whatever is asked, greetings included, is answered in this manner.
    pub fn always_behave(&self, manner: Manner) {
        self.behave(manner);
        *self.inner.always.lock().unwrap() = true;
    }

    pub fn behave_well(&self) {
        self.behave(Manner::Echo);
        *self.inner.always.lock().unwrap() = false;
    }

    /// Closes the port and all idle connections to it.
    pub async fn leave(&self) {
        let gone = self.inner.gone.lock().unwrap().take();
        let (stop, stopped) = gone.expect("it leaves once");
        stop.send(()).unwrap();
        tokio::time::timeout(Duration::from_secs(20), stopped).await.unwrap().unwrap();
    }

    pub fn list(&self, tools: Value) {
        self.list_text(&tools.to_string());
    }

    /// A list of tools to the byte.
    pub fn list_text(&self, tools: &str) {
        *self.inner.tools.lock().unwrap() = tools.to_owned();
    }

    /// It has these prompts, resources and templates, too.
    pub fn list_others(&self, prompts: &Value, resources: &Value, templates: &Value) {
        let mut others = self.inner.others.lock().unwrap();
        for (method, result) in [
            ("prompts/list", json!({"prompts": prompts})),
            ("resources/list", json!({"resources": resources})),
            ("resources/templates/list", json!({"resourceTemplates": templates})),
            ("prompts/get", json!({"messages": []})),
            ("resources/read", json!({"contents": []})),
        ] {
            others.insert(method.to_owned(), result);
        }
    }

    /// From now on it answers 401 without this bearer token.
    pub fn demand(&self, token: &str) {
        *self.inner.bearer.lock().unwrap() = Some(format!("Bearer {token}"));
    }

    /// Headers and `params` of every `tools/call`, `prompts/get` and
    /// `resources/read`.
    pub fn calls(&self) -> Vec<(HeaderMap, Value)> {
        self.inner.calls.lock().unwrap().clone()
    }

    /// The request ids of every `notifications/cancelled`.
    pub fn cancelled(&self) -> Vec<Value> {
        self.inner.cancelled.lock().unwrap().clone()
    }

    pub fn greetings(&self) -> usize {
        *self.inner.greetings.lock().unwrap()
    }
}

async fn serve(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> Response {
    if let Some(expected) = &*inner.bearer.lock().unwrap()
        && headers.get("authorization").and_then(|v| v.to_str().ok()) != Some(expected)
    {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let message: Value = serde_json::from_slice(&body).unwrap();
    let id = &message["id"];
    if *inner.always.lock().unwrap() {
        let manner = inner.manner.lock().unwrap().clone();
        return call(manner, json!({"jsonrpc": "2.0", "id": id, "result": {}})).await;
    }
    let answer = |result: Value| json!({"jsonrpc": "2.0", "id": id, "result": result});
    match message["method"].as_str().unwrap() {
        "initialize" => {
            *inner.greetings.lock().unwrap() += 1;
            let capabilities = match inner.others.lock().unwrap().is_empty() {
                true => json!({"tools": {}}),
                false => json!({"tools": {}, "prompts": {}, "resources": {}}),
            };
            let result = json!({"protocolVersion": "2025-11-25", "capabilities": capabilities, "serverInfo": {"name": "fixture", "version": "1"}});
            ([("mcp-session-id", "fixture-session")], axum::Json(answer(result))).into_response()
        }
        "tools/list" => {
            let tools = inner.tools.lock().unwrap().clone();
            let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"tools":{tools}}}}}"#);
            ([("content-type", "application/json")], body).into_response()
        }
        "tools/call" => {
            inner.calls.lock().unwrap().push((headers, message["params"].clone()));
            let manner = inner.manner();
            let echo = json!({"echo": message["params"]["arguments"]});
            let content = json!([{"type": "text", "text": echo.to_string()}]);
            let result = answer(json!({"content": content, "structuredContent": echo}));
            call(manner, result).await
        }
        "notifications/cancelled" => {
            let id = message["params"]["requestId"].clone();
            inner.cancelled.lock().unwrap().push(id);
            StatusCode::ACCEPTED.into_response()
        }
        method => {
            let Some(result) = inner.others.lock().unwrap().get(method).cloned() else {
                return StatusCode::ACCEPTED.into_response();
            };
            if !method.ends_with("/list") {
                inner.calls.lock().unwrap().push((headers, message["params"].clone()));
            }
            axum::Json(answer(result)).into_response()
        }
    }
}

impl Inner {
    /// The manner of this call.
    fn manner(&self) -> Manner {
        let mut manner = self.manner.lock().unwrap();
        match *manner {
            Manner::ForgetsOnce => std::mem::replace(&mut *manner, Manner::Echo),
            _ => manner.clone(),
        }
    }
}

async fn call(manner: Manner, result: Value) -> Response {
    let json = |body: String| ([("content-type", "application/json")], body).into_response();
    match manner {
        Manner::Echo => json(result.to_string()),
        Manner::EchoStream => {
            let note = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {}});
            let body =
                format!("event: message\ndata: {note}\n\nevent: message\ndata: {result}\n\n");
            ([("content-type", "text/event-stream")], body).into_response()
        }
        Manner::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Manner::Redirect(location) => {
            (StatusCode::TEMPORARY_REDIRECT, [("location", location)]).into_response()
        }
        Manner::ForgetsOnce => StatusCode::NOT_FOUND.into_response(),
        Manner::Body(body) => json(body.replace("$ID", &result["id"].to_string())),
        Manner::Typed(kind, body) => {
            let body = body.replace("$ID", &result["id"].to_string());
            ([("content-type", kind)], body).into_response()
        }
        Manner::HalfABody => {
            let text = result.to_string();
            let half = text[..text.len() / 2].to_owned();
            let gone = async {
                // The first half is on its way by then.
                tokio::time::sleep(Duration::from_millis(50)).await;
                Err(std::io::Error::other("gone"))
            };
            let first = futures_util::stream::iter([Ok(Bytes::from(half))]);
            let chunks = first.chain(futures_util::stream::once(gone));
            let body = axum::body::Body::from_stream(chunks);
            ([("content-type", "application/json")], body).into_response()
        }
        Manner::Never => std::future::pending().await,
        Manner::Held(mut gate) => {
            // A gate that is gone is open.
            let _ = gate.wait_for(|open| *open).await;
            json(result.to_string())
        }
    }
}
