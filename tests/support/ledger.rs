//! An MCP server that keeps books: what it received is in a synced log of its
//! own before it does anything else.

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::post,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};

/// A tool of unknown effect, and one that is confirmed to be for reading.
pub const WRITES: &str = "led.write";
pub const READS: &str = "led.read";

/// The server. Gone when dropped.
pub struct Ledger {
    address: std::net::SocketAddr,
    inner: Arc<Inner>,
    server: JoinHandle<()>,
}

struct Inner {
    dir: TempDir,
    log: Mutex<File>,
    /// How long each call takes, from when it is in the log.
    takes: Duration,
    /// A file whose length is noted with each call: where the trace of the
    /// gateway's disk was then.
    trace: Option<PathBuf>,
}

/// One line of the log.
#[derive(Debug, Clone)]
pub struct Received {
    /// Argument `n` of the call.
    pub n: u64,
    pub reads: bool,
    /// How long the trace was.
    pub trace: u64,
    /// Nanoseconds since 1970.
    pub time: u64,
}

impl Ledger {
    pub async fn start(takes: Duration, trace: Option<&Path>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = Mutex::new(File::create_new(dir.path().join("log")).unwrap());
        let inner = Arc::new(Inner { dir, log, takes, trace: trace.map(Path::to_owned) });
        let router = Router::new().route("/mcp", post(answer)).with_state(Arc::clone(&inner));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, inner, server }
    }

    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// The log, as it is on disk.
    pub fn received(&self) -> Vec<Received> {
        self.received_after(0)
    }

    /// The log without the first so many calls.
    pub fn received_after(&self, known: usize) -> Vec<Received> {
        let text = std::fs::read_to_string(self.inner.dir.path().join("log")).unwrap();
        text.lines().skip(known).map(parse).collect()
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn parse(line: &str) -> Received {
    let words: Vec<&str> = line.split(' ').collect();
    let [tool, n, trace, time] = words[..] else { panic!("{line:?}") };
    let number = |text: &str| text.parse().unwrap();
    Received { n: number(n), reads: tool == "read", trace: number(trace), time: number(time) }
}

impl Inner {
    /// On disk when this returns.
    fn note(&self, tool: &str, n: u64) {
        // What the trace has by now, it had before anything that follows from
        // this call.
        let trace = self.trace.as_ref().map_or(0, |path| path.metadata().unwrap().len());
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let mut log = self.log.lock().unwrap();
        log.write_all(format!("{tool} {n} {trace} {time}\n").as_bytes()).unwrap();
        log.sync_data().unwrap();
    }
}

async fn answer(State(inner): State<Arc<Inner>>, body: Bytes) -> Response {
    let message: Value = serde_json::from_slice(&body).unwrap();
    let answer = |result: Value| {
        axum::Json(json!({"jsonrpc": "2.0", "id": message["id"], "result": result})).into_response()
    };
    let params = &message["params"];
    match message["method"].as_str().unwrap() {
        "initialize" => answer(
            json!({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "ledger", "version": "1"}}),
        ),
        "tools/list" => {
            let tool = |name| json!({"name": name, "inputSchema": {"type": "object"}});
            answer(json!({"tools": [tool("write"), tool("read")]}))
        }
        "tools/call" => {
            let name = params["name"].as_str().unwrap().to_owned();
            let n = params["arguments"]["n"].as_u64().unwrap();
            let noting = Arc::clone(&inner);
            tokio::task::spawn_blocking(move || noting.note(&name, n)).await.unwrap();
            tokio::time::sleep(inner.takes).await;
            answer(json!({"content": []}))
        }
        _ => StatusCode::ACCEPTED.into_response(),
    }
}
