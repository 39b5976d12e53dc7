//! Agents that call all the time, each call another one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Bytes, client::conn::http1::SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpStream, task::JoinHandle};

use super::ledger::{READS, WRITES};

/// Every call is answered within this time, whatever the disk does.
const ANSWERED_WITHIN: Duration = Duration::from_secs(20);
/// One who was refused waits, as it is told to, if not as long.
const AFTER_REFUSAL: Duration = Duration::from_millis(10);
/// Every so many calls is one that reads.
const READS_EVERY: u64 = 4;

/// What a call came to.
#[derive(Debug, Clone)]
pub struct Told {
    /// Its argument, unlike that of any other call.
    pub n: u64,
    pub status: u16,
    /// Reason code of a refusal.
    pub code: Option<String>,
    pub begun: Instant,
    pub ended: Instant,
}

/// Some of them, at work until they are told to stop or the service is gone.
pub struct Callers {
    tasks: Vec<JoinHandle<Vec<Told>>>,
    stop: Arc<AtomicBool>,
}

/// Numbers for the calls of a test.
#[derive(Clone, Default)]
pub struct Numbers(Arc<AtomicU64>);

impl Numbers {
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

impl Callers {
    /// So many, each with one call under way at a time.
    pub fn start(url: &str, token: &str, count: usize, numbers: &Numbers) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let tasks = (0..count).map(|_| {
            let (stop, numbers) = (Arc::clone(&stop), numbers.clone());
            let address = url.trim_start_matches("http://").to_owned();
            let caller = Caller { address, token: token.to_owned(), connection: None };
            tokio::spawn(caller.run(numbers, stop))
        });
        Self { tasks: tasks.collect(), stop }
    }

    /// Lets the calls under way end. Returns all, whose answers came.
    pub async fn stop(self) -> Vec<Told> {
        self.stop.store(true, Ordering::Relaxed);
        self.ended().await
    }

    /// The same, once the service is gone.
    pub async fn ended(self) -> Vec<Told> {
        let mut all = Vec::new();
        for task in self.tasks {
            all.extend(task.await.unwrap());
        }
        all.sort_by_key(|told| told.ended);
        all
    }
}

struct Caller {
    address: String,
    token: String,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Caller {
    async fn run(mut self, numbers: Numbers, stop: Arc<AtomicBool>) -> Vec<Told> {
        let mut all = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let n = numbers.next();
            let begun = Instant::now();
            let tool = if n.is_multiple_of(READS_EVERY) { READS } else { WRITES };
            let body = json!({"tool": tool, "args": {"n": n}, "token": self.token}).to_string();
            let call = tokio::time::timeout(ANSWERED_WITHIN, self.call(body));
            let Some((status, answer)) = call.await.expect("an answer in time") else { break };
            let code = answer["code"].as_str().map(str::to_owned);
            all.push(Told { n, status, code, begun, ended: Instant::now() });
            if status != 200 {
                tokio::time::sleep(AFTER_REFUSAL).await;
            }
        }
        all
    }

    /// None: there is no service any more.
    async fn call(&mut self, body: String) -> Option<(u16, Value)> {
        let mut sender = match self.connection.take() {
            Some(sender) => sender,
            None => {
                let stream = TcpStream::connect(&self.address).await.ok()?;
                stream.set_nodelay(true).ok()?;
                let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
                let (sender, connection) = handshake.await.ok()?;
                tokio::spawn(connection);
                sender
            }
        };
        let request = Request::post("/mcp/tools/call")
            .header("host", &self.address)
            .header("content-type", "application/json")
            .body(Full::from(body))
            .unwrap();
        let response = sender.send_request(request).await.ok()?;
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.ok()?.to_bytes();
        if sender.ready().await.is_ok() {
            self.connection = Some(sender);
        }
        Some((status, serde_json::from_slice(&bytes).unwrap_or_default()))
    }
}
