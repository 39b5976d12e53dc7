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
    sync::{broadcast, oneshot, watch},
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
    /// This text over and over, as the body of an event stream.
    Endless(String),
    /// The answer, a byte at a time, a second apart.
    Drips,
    /// This request to the client on the answer's stream; when it is answered,
    /// as [`Manner::EchoStream`] with what was answered.
    Asks(Value),
    /// Of the stateless era: wants this of the client so many times, and then
    /// answers as [`Manner::Echo`].
    Wants(Value, usize),
}

/// How it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// Sessions of revision 2025-11-25.
    Session,
    /// Revision 2026-07-28 and nothing older.
    Stateless,
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
    dialect: Dialect,
    /// Answers to its own requests.
    answered: watch::Sender<Vec<Value>>,
    /// What it says outside of answers, if it does.
    notes: Mutex<Option<broadcast::Sender<String>>>,
    cancelled: Mutex<Vec<Value>>,
    gone: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

impl Fixture {
    pub async fn start() -> Self {
        Self::speaking(Dialect::Session).await
    }

    /// A server of the stateless era.
    pub async fn modern() -> Self {
        Self::speaking(Dialect::Stateless).await
    }

    async fn speaking(dialect: Dialect) -> Self {
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
            dialect,
            answered: watch::Sender::default(),
            notes: Mutex::default(),
            cancelled: Mutex::default(),
            gone: Mutex::default(),
        });
        let router = Router::new()
            .route("/mcp", post(serve).get(listen))
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

    /// From now on it announces that it tells of changes, and does.
    pub fn talk(&self) {
        *self.inner.notes.lock().unwrap() = Some(broadcast::Sender::new(64));
    }

    /// Says this to all who listen; returns to how many.
    pub fn tell(&self, method: &str, params: Value) -> usize {
        let note = json!({"jsonrpc": "2.0", "method": method, "params": params});
        let notes = self.inner.notes.lock().unwrap().clone().expect("it talks");
        notes.send(note.to_string()).unwrap_or(0)
    }

    /// What was answered to its own requests.
    pub fn answered(&self) -> Vec<Value> {
        self.inner.answered.borrow().clone()
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
        let result = json!({"jsonrpc": "2.0", "id": id, "result": {}});
        return call(&inner, manner, result).await;
    }
    if message["method"].is_null() {
        inner.answered.send_modify(|answered| answered.push(message));
        return StatusCode::ACCEPTED.into_response();
    }
    if inner.dialect == Dialect::Stateless
        && let Err(refused) = stateless(&headers, &message)
    {
        return *refused;
    }
    let answer = |result: Value| json!({"jsonrpc": "2.0", "id": id, "result": result});
    let talks = inner.notes.lock().unwrap().is_some();
    let capabilities = json!({"tools": {"listChanged": talks}, "resources": {"subscribe": talks}});
    let capabilities = if talks { capabilities } else { json!({"tools": {}}) };
    match message["method"].as_str().unwrap() {
        "server/discover" if inner.dialect == Dialect::Stateless => {
            let result = json!({"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": capabilities, "ttlMs": 0, "cacheScope": "private"});
            axum::Json(answer(result)).into_response()
        }
        "initialize" => {
            *inner.greetings.lock().unwrap() += 1;
            let mut capabilities = capabilities;
            if !inner.others.lock().unwrap().is_empty() {
                capabilities["prompts"] = json!({});
                capabilities["resources"] = json!({});
            }
            let result = json!({"protocolVersion": "2025-11-25", "capabilities": capabilities, "serverInfo": {"name": "fixture", "version": "1"}});
            ([("mcp-session-id", "fixture-session")], axum::Json(answer(result))).into_response()
        }
        "subscriptions/listen" if talks => {
            let params = json!({"notifications": message["params"]["notifications"]});
            let method = "notifications/subscriptions/acknowledged";
            let ack = json!({"jsonrpc": "2.0", "method": method, "params": params});
            notes(&inner, Some(ack)).expect("it talks")
        }
        "resources/subscribe" | "resources/unsubscribe" => {
            axum::Json(answer(json!({}))).into_response()
        }
        "resources/list" if talks => axum::Json(answer(json!({"resources": []}))).into_response(),
        "resources/templates/list" if talks => {
            axum::Json(answer(json!({"resourceTemplates": []}))).into_response()
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
            let mut result = json!({"content": content, "structuredContent": echo});
            if inner.dialect == Dialect::Stateless {
                result["resultType"] = json!("complete");
            }
            call(&inner, manner, answer(result)).await
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
            Manner::Wants(_, 0) => {
                *manner = Manner::Echo;
                Manner::Echo
            }
            Manner::Wants(_, ref mut rounds) => {
                *rounds -= 1;
                manner.clone()
            }
            _ => manner.clone(),
        }
    }
}

async fn listen(State(inner): State<Arc<Inner>>) -> Response {
    match notes(&inner, None) {
        Some(response) if inner.dialect == Dialect::Session => response,
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

/// What it says outside of answers, as it says it; `first` before.
fn notes(inner: &Inner, first: Option<Value>) -> Option<Response> {
    let heard = inner.notes.lock().unwrap().as_ref()?.subscribe();
    let first = first.map(|first| Ok::<_, std::io::Error>(format!("data: {first}\n\n")));
    let rest = futures_util::stream::unfold(heard, async |mut heard| {
        let note = heard.recv().await.ok()?;
        Some((Ok(format!("data: {note}\n\n")), heard))
    });
    let body = futures_util::stream::iter(first).chain(rest);
    Some(stream(axum::body::Body::from_stream(body)))
}

/// What a server of the stateless era sees to before anything else.
fn stateless(headers: &HeaderMap, message: &Value) -> Result<(), Box<Response>> {
    let refuse = |code: i64, what: &str| {
        let error = json!({"code": code, "message": what, "data": {"supported": ["2026-07-28"]}});
        let body = json!({"jsonrpc": "2.0", "id": message["id"], "error": error});
        Err(Box::new((StatusCode::BAD_REQUEST, axum::Json(body)).into_response()))
    };
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let meta = &message["params"]["_meta"];
    if meta["io.modelcontextprotocol/protocolVersion"] != "2026-07-28" {
        return refuse(-32_022, "unsupported version");
    }
    let agree = header("mcp-protocol-version") == Some("2026-07-28")
        && header("mcp-method") == message["method"].as_str()
        && header("mcp-name") == message["params"]["name"].as_str();
    if !agree || !meta["io.modelcontextprotocol/clientCapabilities"].is_object() {
        return refuse(-32_020, "headers and body do not agree");
    }
    Ok(())
}

async fn call(inner: &Inner, manner: Manner, result: Value) -> Response {
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
        Manner::Endless(text) => {
            let text = Bytes::from(text.replace("$ID", &result["id"].to_string()));
            let again =
                futures_util::stream::repeat_with(move || Ok::<_, std::io::Error>(text.clone()));
            stream(axum::body::Body::from_stream(again))
        }
        Manner::Drips => {
            let bytes = result.to_string().into_bytes();
            let drops = futures_util::stream::iter(bytes).then(async |byte| {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok::<_, std::io::Error>(vec![byte])
            });
            let body = axum::body::Body::from_stream(drops);
            ([("content-type", "application/json")], body).into_response()
        }
        Manner::Asks(request) => {
            let mut answered = inner.answered.subscribe();
            let id = request["id"].clone();
            let answer = async move {
                let heard = |all: &Vec<Value>| all.iter().any(|answer| answer["id"] == id);
                let all = answered.wait_for(heard).await.unwrap().clone();
                let mut result = result;
                let heard = all.into_iter().find(|answer| answer["id"] == id);
                result["result"]["structuredContent"]["asked"] = heard.unwrap();
                Ok::<_, std::io::Error>(format!("data: {result}\n\n"))
            };
            let first = futures_util::stream::iter([Ok(format!("data: {request}\n\n"))]);
            let chunks = first.chain(futures_util::stream::once(answer));
            stream(axum::body::Body::from_stream(chunks))
        }
        Manner::Wants(requests, _) => {
            let wants = json!({"resultType": "input_required", "inputRequests": requests, "requestState": "opaque \u{e9}"});
            let mut answer = result;
            answer["result"] = wants;
            json(answer.to_string())
        }
        Manner::Held(mut gate) => {
            // A gate that is gone is open.
            let _ = gate.wait_for(|open| *open).await;
            json(result.to_string())
        }
    }
}

fn stream(body: axum::body::Body) -> Response {
    ([("content-type", "text/event-stream")], body).into_response()
}
