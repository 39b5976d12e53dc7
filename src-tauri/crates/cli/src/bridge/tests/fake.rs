//! A client made of two pipes, and a small gateway on a real port.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;

use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::super::*;

pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;
type Handler = Box<dyn FnMut(&Seen) -> Response<Body> + Send>;

pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A request as the gateway got it.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
    pub(super) body: Value,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(super) fn is(&self, method: &str) -> bool {
        self.body["method"] == method
    }

    pub(super) fn answer(&self, result: Value) -> Response<Body> {
        plain(200, &json!({"jsonrpc": "2.0", "id": self.body["id"], "result": result}).to_string())
    }
}

pub(super) struct FakeGateway {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl FakeGateway {
    pub(super) async fn start(
        handler: impl FnMut(&Seen) -> Response<Body> + Send + 'static,
    ) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), handler).await
    }

    pub(super) async fn start_at(
        address: SocketAddr,
        handler: impl FnMut(&Seen) -> Response<Body> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let handler: Arc<Mutex<Handler>> = Arc::new(Mutex::new(Box::new(handler)));
        let log = seen.clone();
        let task = tokio::spawn(async move {
            // Dropped with the task, which disconnects whoever is connected.
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (handler, log) = (handler.clone(), log.clone());
                let service = service_fn(move |request| {
                    let (handler, log) = (handler.clone(), log.clone());
                    async move {
                        let seen = see(request).await;
                        log.lock().unwrap().push(seen.clone());
                        let response = (handler.lock().unwrap())(&seen);
                        Ok::<_, Infallible>(response)
                    }
                });
                let connection = hyper::server::conn::http1::Builder::new();
                connections.spawn(connection.serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, seen, task }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) async fn stop(self) -> SocketAddr {
        self.task.abort();
        let _ = self.task.await;
        self.address
    }
}

async fn see(request: Request<Incoming>) -> Seen {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Seen {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        headers: parts.headers,
        text: String::from_utf8(body.to_vec()).unwrap(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    }
}

pub(super) fn plain(status: u16, body: &str) -> Response<Body> {
    let kind = if body.starts_with('{') { "application/json" } else { "text/plain" };
    let body = Full::new(Bytes::copy_from_slice(body.as_bytes())).boxed_unsync();
    Response::builder().status(status).header("content-type", kind).body(body).unwrap()
}

/// Events, and then the end; or with `open`, silence until `open` is dropped.
pub(super) fn events(events: &[Value], open: Option<oneshot::Receiver<()>>) -> Response<Body> {
    let text: VecDeque<String> = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let frames = stream::iter(text).map(Bytes::from);
    let silence = stream::once(async move {
        if let Some(open) = open {
            let _ = open.await;
        }
        Bytes::new()
    });
    let frames = frames.chain(silence).map(|chunk| Ok::<_, Infallible>(Frame::data(chunk)));
    let body = StreamBody::new(frames).boxed_unsync();
    Response::builder()
        .header("content-type", "text/event-stream; charset=utf-8")
        .body(body)
        .unwrap()
}

/// The other end of the bridge's stdin and stdout.
pub(super) struct TestClient {
    stdin: Option<DuplexStream>,
    pub(super) stdout: BufReader<DuplexStream>,
    pub(super) bridge: JoinHandle<Result<(), CliError>>,
}

impl TestClient {
    pub(super) fn new(address: SocketAddr) -> Self {
        let gateway =
            Gateway::new(Source::Given(format!("http://{address}")), None, "st_test").unwrap();
        let (stdin, input) = tokio::io::duplex(64 * 1024);
        let (output, stdout) = tokio::io::duplex(64 * 1024);
        let bridge = serve(gateway, BufReader::new(input), output, std::future::pending());
        Self { stdin: Some(stdin), stdout: BufReader::new(stdout), bridge: tokio::spawn(bridge) }
    }

    pub(super) async fn send(&mut self, message: impl ToString) {
        let line = format!("{}\n", message.to_string());
        self.stdin.as_mut().unwrap().write_all(line.as_bytes()).await.unwrap();
    }

    pub(super) async fn line(&mut self) -> String {
        let mut line = String::new();
        timeout(PATIENCE, self.stdout.read_line(&mut line)).await.expect("no message").unwrap();
        line
    }

    pub(super) async fn receive(&mut self) -> Value {
        serde_json::from_str(&self.line().await).unwrap()
    }

    pub(super) async fn ask(&mut self, message: Value) -> Value {
        self.send(message).await;
        self.receive().await
    }

    pub(super) async fn initialize(&mut self) {
        let answer = self
            .ask(json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {}}))
            .await;
        assert_eq!(answer["result"]["protocolVersion"], "2025-11-25", "{answer}");
        self.send(json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    }

    /// Closes stdin and waits for the bridge; whatever it still said.
    pub(super) async fn close(mut self) -> String {
        drop(self.stdin.take());
        timeout(PATIENCE, self.bridge).await.expect("bridge still up").unwrap().unwrap();
        let mut rest = String::new();
        while self.stdout.read_line(&mut rest).await.unwrap() > 0 {}
        rest
    }
}

pub(super) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}
