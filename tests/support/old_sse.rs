//! An MCP server that speaks HTTP with SSE, as of revision 2024-11-05.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc};

pub struct OldSse {
    address: SocketAddr,
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    /// What the first event says, instead of the truth.
    endpoint: Mutex<Option<String>>,
    streams: Mutex<Vec<mpsc::UnboundedSender<String>>>,
}

impl OldSse {
    pub async fn start() -> Self {
        let inner = Arc::<Inner>::default();
        let router = Router::new()
            .route("/sse", get(listen))
            .route("/messages", post(take))
            .with_state(Arc::clone(&inner));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, inner }
    }

    pub fn url(&self) -> String {
        format!("http://{}/sse", self.address)
    }

    /// From now on it says that messages are to be posted there.
    pub fn claim_endpoint(&self, url: &str) {
        *self.inner.endpoint.lock().unwrap() = Some(url.to_owned());
    }

    /// How many streams were opened.
    pub fn streams(&self) -> usize {
        self.inner.streams.lock().unwrap().len()
    }
}

async fn listen(State(inner): State<Arc<Inner>>) -> Response {
    let (sender, mut messages) = mpsc::unbounded_channel();
    let mut streams = inner.streams.lock().unwrap();
    let own = format!("/messages?stream={}", streams.len());
    streams.push(sender);
    let endpoint = inner.endpoint.lock().unwrap().clone().unwrap_or(own);
    // Carriage returns alone end lines, too.
    let first = format!("event: endpoint\rdata: {endpoint}\r\r");
    let first = futures_util::stream::iter([Ok::<_, std::io::Error>(first)]);
    let rest = futures_util::stream::poll_fn(move |context| messages.poll_recv(context));
    let rest = rest.map(|text| Ok(format!("event: message\rdata: {text}\r\r")));
    let body = Body::from_stream(first.chain(rest));
    ([("content-type", "text/event-stream")], body).into_response()
}

async fn take(
    State(inner): State<Arc<Inner>>,
    Query(query): Query<HashMap<String, usize>>,
    Json(message): Json<Value>,
) -> StatusCode {
    let stream = query["stream"];
    let result = match message["method"].as_str() {
        Some("initialize") => {
            json!({"protocolVersion": "2024-11-05", "capabilities": {"tools": {}}, "serverInfo": {"name": "old", "version": "1"}})
        }
        Some("tools/list") => {
            json!({"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]})
        }
        Some("tools/call") => {
            let content = json!({"stream": stream, "echo": message["params"]["arguments"]});
            json!({"content": [], "structuredContent": content})
        }
        _ => return StatusCode::ACCEPTED,
    };
    let answer = json!({"jsonrpc": "2.0", "id": message["id"], "result": result});
    inner.streams.lock().unwrap()[stream].send(answer.to_string()).unwrap();
    StatusCode::ACCEPTED
}
