//! `agw mcp`: lets an MCP client that speaks only stdio use the gateway.
//!
//! ```text
//! client ── stdin, one JSON-RPC message a line ──▶ bridge ── HTTP POST each ──▶ gateway
//!        ◀─ stdout ─────────────────────────────         ◀─ JSON or SSE ──────
//! ```
//!
//! Messages pass as the bytes they are; only their [`envelope`] is looked at.
//! The bridge decides nothing and holds nothing but the token. It stays up when
//! the gateway goes down: requests are answered with an error that says what
//! to do, and work again when the gateway is back.
//!
//! Two eras of MCP meet here. In the legacy era (up to 2025-11-25) there is a
//! [`session`], and a stream for what the server says unasked. In the modern era
//! (2026-07-28) each request stands alone, and `notifications/cancelled` on
//! stdio becomes a disconnect on HTTP. Which it is, each message says itself.

mod envelope;
mod forward;
mod gateway;
mod lines;
mod listen;
mod reply;
mod session;
mod sse;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncBufRead, AsyncWrite, BufReader};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::args::McpArgs;
use crate::error::CliError;
use crate::private_file;
use envelope::{Envelope, INVALID_REQUEST};
use forward::OPENING_TIMEOUT;
use gateway::{Gateway, Source};
use lines::{Line, Lines, MAX_LINE_BYTES, Outgoing};
use reply::{Problem, error_message};
use session::Session;

/// How many requests the gateway has at a time.
const MAX_CONCURRENT: usize = 64;
/// How many requests are taken before the client is told to wait. More than
/// [`MAX_CONCURRENT`], so that the wish to cancel one can still be read.
const MAX_WAITING: usize = 256;
/// How many `subscriptions/listen` streams are open at a time. They last, so
/// they do not count among the requests.
const MAX_SUBSCRIPTIONS: usize = 16;
/// How many messages wait for a slow reader of stdout.
const MAX_OUTGOING: usize = 64;
/// How long running calls have after the client closed stdin.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the last answers may take to be read, and the gateway to hear of
/// the end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs the bridge on stdin and stdout until the client closes either, or the
/// process is asked to stop.
pub(crate) async fn run(data_dir: &Path, args: McpArgs) -> Result<(), CliError> {
    let token = token(args.token_file.as_deref())?;
    let source = Source::new(args.url, data_dir);
    let gateway = Gateway::new(source, args.connection.as_deref(), &token)?;
    let input = BufReader::new(tokio::io::stdin());
    serve(gateway, input, tokio::io::stdout(), asked_to_stop()).await
}

/// The file that was named, else `AGW_TOKEN`.
fn token(file: Option<&Path>) -> Result<zeroize::Zeroizing<String>, CliError> {
    let next = "Ask the gateway's admin for a token (`agw agent add USER NAME`).";
    let token = match file {
        Some(path) => private_file::read(path)?.ok_or_else(|| {
            CliError::usage(format!("there is no token file {}", path.display()), next)
        })?,
        None => std::env::var("AGW_TOKEN").unwrap_or_default().trim().to_owned().into(),
    };
    if token.is_empty() {
        return Err(CliError::usage(
            "there is no token: AGW_TOKEN and --token-file give none",
            next,
        ));
    }
    Ok(token)
}

/// Completes on the signals that ask a process to end.
async fn asked_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => return,
                _ = tokio::signal::ctrl_c() => return,
            }
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// What the tasks of one bridge share.
struct Bridge {
    gateway: Gateway,
    outgoing: mpsc::Sender<Outgoing>,
    session: watch::Sender<Session>,
    /// Held while a new session is made, so that only one call does it.
    renewing: tokio::sync::Mutex<()>,
    slots: Semaphore,
    running: Mutex<HashMap<String, Running>>,
    listener: Mutex<Option<AbortHandle>>,
}

/// A request without an answer so far.
struct Running {
    modern: bool,
    subscription: bool,
    abort: AbortHandle,
}

/// Held by the tasks that the end waits for; sends nothing.
type Pending = mpsc::Sender<Infallible>;

impl Bridge {
    fn new(gateway: Gateway, outgoing: mpsc::Sender<Outgoing>) -> Arc<Self> {
        Arc::new(Self {
            gateway,
            outgoing,
            session: watch::Sender::default(),
            renewing: tokio::sync::Mutex::default(),
            slots: Semaphore::new(MAX_CONCURRENT),
            running: Mutex::default(),
            listener: Mutex::default(),
        })
    }

    fn running(&self) -> MutexGuard<'_, HashMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To the client. Nobody is left to tell if it is gone.
    async fn say(&self, message: Bytes) {
        let _ = self.outgoing.send(Some(message)).await;
    }
}

/// Runs a bridge until `input` ends, nobody reads `output`, or `stop` completes.
async fn serve(
    gateway: Gateway,
    input: impl AsyncBufRead + Unpin,
    output: impl AsyncWrite + Unpin + Send + 'static,
    stop: impl Future<Output = ()>,
) -> Result<(), CliError> {
    let (outgoing, messages) = mpsc::channel(MAX_OUTGOING);
    let mut writer = tokio::spawn(lines::write_all(messages, output));
    let bridge = Bridge::new(gateway, outgoing);
    let (pending, mut drained) = mpsc::channel(1);
    let mut lines = Lines::new(input);
    let running = async {
        // Drops its `pending`; what then holds one is the last calls.
        let ended = read_all(&bridge, &mut lines, pending).await;
        let _ = timeout(DRAIN_TIMEOUT, drained.recv()).await;
        ended
    };
    let ended = tokio::select! {
        ended = running => ended,
        () = stop => Ok(()),
        // The client reads no more.
        _ = &mut writer => {
            close(&bridge).await;
            return Ok(());
        }
    };
    close(&bridge).await;
    let last_answers = async {
        bridge.outgoing.send(None).await.ok()?;
        writer.await.ok()
    };
    let _ = timeout(CLOSE_TIMEOUT, last_answers).await;
    ended
}

async fn read_all(
    bridge: &Arc<Bridge>,
    lines: &mut Lines<impl AsyncBufRead + Unpin>,
    pending: Pending,
) -> Result<(), CliError> {
    loop {
        match lines.next().await {
            Ok(Line::Message(message)) => bridge.take(message, &pending).await,
            Ok(Line::TooLong) => {
                let why = format!("the message is longer than {MAX_LINE_BYTES} bytes");
                bridge.say(error_message(None, INVALID_REQUEST, &why, None)).await;
            }
            Ok(Line::End) => return Ok(()),
            Err(error) => {
                return Err(CliError::io("cannot read stdin", &error, "Start the client again."));
            }
        }
    }
}

/// Ends what outlasts the calls, and tells the gateway that the session is over.
async fn close(bridge: &Bridge) {
    let listener = bridge.listener.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(listener) = listener {
        listener.abort();
    }
    for (_, running) in bridge.running().drain() {
        running.abort.abort();
    }
    let session = bridge.session.borrow().clone();
    if session.has_id() {
        let _ = timeout(CLOSE_TIMEOUT, bridge.gateway.delete(session.headers())).await;
    }
}

impl Bridge {
    /// Sends a message on its way. Returns before its answer, except where the
    /// next message must not overtake it.
    async fn take(self: &Arc<Self>, message: Bytes, pending: &Pending) {
        let envelope = match Envelope::peek(&message) {
            Ok(envelope) => envelope,
            Err(bad) => {
                let answer = error_message(bad.id.as_deref(), bad.code, &bad.why, None);
                return self.say(answer).await;
            }
        };
        if envelope.is("initialize") && envelope.modern.is_none() {
            return self.initialize(message, &envelope).await;
        }
        if envelope.is("notifications/initialized") {
            let _ = timeout(OPENING_TIMEOUT, self.forward(message, &envelope)).await;
            return self.listen();
        }
        if let Some(key) = &envelope.cancels
            && self.cancelled(key, envelope.modern.is_some())
        {
            return;
        }
        match envelope.request_id().map(envelope::id_key) {
            Some(key) => self.start(key, message, envelope, pending.clone()).await,
            None => {
                let (bridge, pending) = (self.clone(), pending.clone());
                tokio::spawn(async move {
                    bridge.forward(message, &envelope).await;
                    drop(pending);
                });
            }
        }
    }

    /// Starts a request beside the others, or refuses it where too many wait.
    async fn start(
        self: &Arc<Self>,
        key: String,
        message: Bytes,
        envelope: Envelope,
        pending: Pending,
    ) {
        let subscription = envelope.modern.is_some() && envelope.is("subscriptions/listen");
        let limit = if subscription { MAX_SUBSCRIPTIONS } else { MAX_WAITING };
        let waiting = self.running().values().filter(|it| it.subscription == subscription).count();
        if waiting >= limit {
            return self.say(Problem::Busy { limit }.answer(envelope.request_id())).await;
        }
        let modern = envelope.modern.is_some();
        let bridge = self.clone();
        let task_key = key.clone();
        // Locked until the entry is there, so that the task cannot end before.
        let mut running = self.running();
        let task = tokio::spawn(async move {
            if subscription {
                drop(pending);
                bridge.subscribe(message, &envelope).await;
            } else {
                let slot = bridge.slots.acquire().await;
                bridge.forward(message, &envelope).await;
                drop((slot, pending));
            }
            bridge.running().remove(&task_key);
        });
        running.insert(key, Running { modern, subscription, abort: task.abort_handle() });
    }

    /// Cancels a request of the modern era by disconnecting, which is how HTTP
    /// says it. In the legacy era the gateway wants to be told: then this
    /// returns false.
    fn cancelled(&self, key: &str, modern: bool) -> bool {
        let mut running = self.running();
        match running.get(key) {
            Some(request) if request.modern => {
                request.abort.abort();
                running.remove(key);
                true
            }
            Some(_) => false,
            // Too late, or never sent; the modern era has no such message on HTTP.
            None => modern || self.session.borrow().number == 0,
        }
    }
}
