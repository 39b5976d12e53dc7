//! MCP servers that are child processes: one JSON-RPC message a line on stdin
//! and stdout (MCP 2025-11-25, basic/transports).

use std::{
    collections::HashMap,
    process::Stdio,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use agw_vault::Secret;
use bytes::Bytes;
use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop};
use tokio::{
    io::{AsyncBufRead, AsyncWriteExt as _, BufReader},
    process::{ChildStdin, ChildStdout, Command},
    sync::{Notify, mpsc, oneshot},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{
    bounds,
    pipeline::ArmedRequest,
    upstream::{
        UpstreamError,
        jsonrpc::{self, Answer, Incoming},
        lines::{read_head, read_line},
        stderr::Tail,
    },
};

/// What a child inherits of the gateway's environment, beside what its
/// connection declares.
const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR", // Unix
    "SYSTEMROOT",
    "COMSPEC",
    "PATHEXT",
    "APPDATA",
    "LOCALAPPDATA",
    "USERPROFILE",
    "TEMP",
    "TMP",
];
/// Messages that may wait for a child to read them.
const TO_CHILD: usize = 256;
/// After the end of stdout, how long the exit status may take.
const EXIT_STATUS: Duration = Duration::from_millis(500);
/// Bytes of a line on stderr that are looked through for credentials before
/// it is cut: room for a whole one across the cut.
const STDERR_HEAD: usize = bounds::STDERR_LINE_MAX + (16 << 10);

/// A running child and the requests that wait for its answers.
#[derive(Debug)]
pub(super) struct StdioLink {
    shared: Arc<Shared>,
    to_child: mpsc::Sender<Bytes>,
    next_id: AtomicU64,
    stop: CancellationToken,
    stopped: CancellationToken,
}

#[derive(Debug)]
struct Shared {
    waiting: Mutex<HashMap<u64, oneshot::Sender<Result<Answer, UpstreamError>>>>,
    secrets: Arc<[Secret]>,
    stderr: Tail,
    tools_changed: Notify,
    closed: CancellationToken,
    why_closed: Mutex<String>,
    /// The first line on stdout that was no message.
    garbage: Mutex<Option<String>>,
}

impl StdioLink {
    /// Starts the program: no shell, a clean environment, a process group of
    /// its own.
    pub(super) fn spawn(
        argv: &[String],
        env: Vec<(String, Secret)>,
        stderr: Tail,
    ) -> Result<Self, UpstreamError> {
        let (program, args) = argv
            .split_first()
            .ok_or_else(|| UpstreamError::NotReady("its command is empty".into()))?;
        let mut command = Command::new(program);
        command.args(args).env_clear().stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let inherited = INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        command.envs(inherited);
        for (name, secret) in &env {
            let value = std::str::from_utf8(secret.expose()).map_err(|_| {
                UpstreamError::NotReady(format!("the value of {name} is not valid UTF-8"))
            })?;
            command.env(name, value);
        }
        let mut command = CommandWrap::from(command);
        #[cfg(unix)]
        command.wrap(process_wrap::tokio::ProcessGroup::leader());
        #[cfg(windows)]
        command.wrap(process_wrap::tokio::JobObject);
        let mut child = command.wrap(KillOnDrop).spawn().map_err(|e| {
            UpstreamError::Unreachable(format!("cannot start {program:?}: {e}; check the command"))
        })?;
        let (Some(stdin), Some(stdout), Some(errors)) =
            (child.stdin().take(), child.stdout().take(), child.stderr().take())
        else {
            return Err(UpstreamError::Unreachable(format!("cannot talk to {program:?}")));
        };
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            secrets: env.into_iter().map(|(_, secret)| secret).collect(),
            stderr,
            tools_changed: Notify::new(),
            closed: CancellationToken::new(),
            why_closed: Mutex::default(),
            garbage: Mutex::default(),
        });
        let (to_child, from_gateway) = mpsc::channel(TO_CHILD);
        let (stop, stopped) = (CancellationToken::new(), CancellationToken::new());
        tokio::spawn(write_messages(stdin, from_gateway));
        let stderr = tokio::spawn(keep_lines(BufReader::new(errors), Arc::clone(&shared)));
        let reader = read_messages(stdout, to_child.clone(), Arc::clone(&shared));
        let child = Child { process: child, stderr };
        tokio::spawn(look_after(child, reader, Arc::clone(&shared), stop.clone(), stopped.clone()));
        Ok(Self { shared, to_child, next_id: AtomicU64::new(1), stop, stopped })
    }

    pub(super) fn secrets(&self) -> Arc<[Secret]> {
        Arc::clone(&self.shared.secrets)
    }

    pub(super) async fn request(
        &self,
        method: &str,
        params: &str,
    ) -> Result<Answer, UpstreamError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let answered = self.send(id, jsonrpc::request(id, method, params).into())?;
        Ok(self.wait(answered).await?.without_secrets(&self.shared.secrets))
    }

    pub(super) fn notify(&self, method: &str) -> Result<(), UpstreamError> {
        self.write(jsonrpc::notification(method, "{}").into())
    }

    pub(super) async fn call(
        &self,
        armed: &ArmedRequest,
        cancel: &CancellationToken,
    ) -> Result<Answer, UpstreamError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let answered = self.send(id, jsonrpc::call(id, armed))?;
        let forget = Forget { link: self, id: Some(id) };
        let answer = tokio::select! {
            answer = self.wait(answered) => answer,
            () = cancel.cancelled() => return Err(UpstreamError::Cancelled),
        };
        forget.answered();
        answer
    }

    pub(super) async fn closed(&self) -> String {
        self.shared.closed.cancelled().await;
        self.shared.why_closed()
    }

    pub(super) async fn tools_changed(&self) {
        self.shared.tools_changed.notified().await;
    }

    pub(super) async fn stop(&self) {
        self.stop.cancel();
        self.stopped.cancelled().await;
    }

    fn send(
        &self,
        id: u64,
        message: Bytes,
    ) -> Result<oneshot::Receiver<Result<Answer, UpstreamError>>, UpstreamError> {
        let (answer, answered) = oneshot::channel();
        self.shared.waiting().insert(id, answer);
        self.write(message).inspect_err(|_| drop(self.shared.waiting().remove(&id)))?;
        if self.shared.closed.is_cancelled() {
            self.shared.waiting().remove(&id);
        }
        Ok(answered)
    }

    fn write(&self, message: Bytes) -> Result<(), UpstreamError> {
        self.to_child.try_send(message).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                UpstreamError::NotReady("it does not read its input".into())
            }
            mpsc::error::TrySendError::Closed(_) => UpstreamError::Closed(self.shared.why_closed()),
        })
    }

    async fn wait(
        &self,
        answered: oneshot::Receiver<Result<Answer, UpstreamError>>,
    ) -> Result<Answer, UpstreamError> {
        match answered.await {
            Ok(answer) => answer,
            Err(_) => {
                // The reason is known a moment after the pipe breaks.
                self.shared.closed.cancelled().await;
                Err(UpstreamError::Closed(self.shared.why_closed()))
            }
        }
    }

    /// What to add to "it never answered".
    pub(super) fn hint(&self) -> Option<String> {
        let garbage = self.shared.garbage.lock().unwrap_or_else(PoisonError::into_inner);
        let garbage = garbage
            .as_ref()
            .map(|line| format!("on stdout it wrote {line:?}, which is no MCP message"));
        garbage.or_else(|| {
            self.shared.stderr.last().map(|line| format!("on stderr it wrote {line:?}"))
        })
    }
}

/// Tells the child when nobody waits for an answer any more: on time-out and
/// on cancellation alike.
struct Forget<'a> {
    link: &'a StdioLink,
    id: Option<u64>,
}

impl Forget<'_> {
    fn answered(mut self) {
        self.id = None;
    }
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.link.shared.waiting().remove(&id);
            // A child that reads nothing does not hear this either.
            let _ = self.link.write(jsonrpc::cancelled(id).into());
        }
    }
}

impl Shared {
    fn waiting(
        &self,
    ) -> std::sync::MutexGuard<'_, HashMap<u64, oneshot::Sender<Result<Answer, UpstreamError>>>>
    {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn why_closed(&self) -> String {
        self.why_closed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn close(&self, why: String) {
        *self.why_closed.lock().unwrap_or_else(PoisonError::into_inner) = why;
        self.closed.cancel();
        self.waiting().clear();
    }

    /// One message of the child. Returns what to answer, if it asked.
    fn take_in(&self, line: Bytes) -> Option<String> {
        let Some(message) = Incoming::parse(&line) else {
            let mut garbage = self.garbage.lock().unwrap_or_else(PoisonError::into_inner);
            self.stderr.push(&[b"[stdout] ", &line[..]].concat(), &self.secrets);
            *garbage = garbage.take().or_else(|| self.stderr.last());
            return None;
        };
        match (&message.method, message.id) {
            (Some(method), Some(id)) => return Some(jsonrpc::respond(id, method)),
            (Some(method), None) => {
                if method == "notifications/tools/list_changed" {
                    self.tools_changed.notify_one();
                }
            }
            (None, _) => {
                let waiting = message.own_id().and_then(|id| self.waiting().remove(&id));
                if let Some(waiting) = waiting {
                    // The one who asked may have given up.
                    let _ = waiting.send(message.answer(&line));
                }
            }
        }
        None
    }
}

async fn write_messages(mut stdin: ChildStdin, mut messages: mpsc::Receiver<Bytes>) {
    while let Some(message) = messages.recv().await {
        let written = async {
            stdin.write_all(&message).await?;
            stdin.write_all(b"\n").await?;
            stdin.flush().await
        };
        if written.await.is_err() {
            return;
        }
    }
}

/// Reads until the child closes its stdout; returns why it ended.
async fn read_messages(
    stdout: ChildStdout,
    to_child: mpsc::Sender<Bytes>,
    shared: Arc<Shared>,
) -> Option<String> {
    let mut stdout = BufReader::with_capacity(64 << 10, stdout);
    loop {
        match read_line(&mut stdout, bounds::REPLY_MAX).await {
            Ok(Some(line)) if line.iter().all(u8::is_ascii_whitespace) => {}
            Ok(Some(line)) => {
                if let Some(response) = shared.take_in(line.into()) {
                    // A child that floods us with requests waits for its answers.
                    let _ = to_child.send(response.into()).await;
                }
            }
            Ok(None) => return None,
            Err(e) => return Some(format!("its output cannot be read: {e}")),
        }
    }
}

/// Reads stderr to its end: a child whose stderr nobody reads would hang.
async fn keep_lines(mut stderr: impl AsyncBufRead + Unpin, shared: Arc<Shared>) {
    while let Ok(Some(line)) = read_head(&mut stderr, STDERR_HEAD).await {
        shared.stderr.push(&line, &shared.secrets);
    }
}

struct Child {
    process: Box<dyn ChildWrapper>,
    /// Ends with the child's stderr.
    stderr: JoinHandle<()>,
}

/// Waits for the child's end or the order to end it, and sees to it that its
/// whole group is gone.
async fn look_after(
    Child { process: mut child, stderr }: Child,
    reader: impl Future<Output = Option<String>>,
    shared: Arc<Shared>,
    stop: CancellationToken,
    stopped: CancellationToken,
) {
    let why = tokio::select! {
        problem = reader => {
            let status = tokio::time::timeout(EXIT_STATUS, child.wait()).await;
            // What it said last may explain its end.
            let _ = tokio::time::timeout(EXIT_STATUS, stderr).await;
            let ended = match status {
                Ok(Ok(status)) => status.to_string(),
                _ => "it closed its output".to_owned(),
            };
            let said = shared.stderr.last().map(|line| format!("; on stderr it wrote {line:?}"));
            problem.unwrap_or_else(|| ended + &said.unwrap_or_default())
        }
        () = stop.cancelled() => "it was stopped".to_owned(),
    };
    shared.close(why);
    #[cfg(unix)]
    if stop.is_cancelled() {
        // Asked first; SIGTERM is 15 everywhere.
        let _ = child.signal(15);
        let _ = tokio::time::timeout(bounds::STOP_GRACE, child.wait()).await;
    }
    // The group may outlive its leader.
    let _ = child.start_kill();
    let _ = tokio::time::timeout(bounds::STOP_GRACE, child.wait()).await;
    stopped.cancel();
}
