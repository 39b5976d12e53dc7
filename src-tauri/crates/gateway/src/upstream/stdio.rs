//! MCP servers that are child processes: one JSON-RPC message a line on stdin
//! and stdout (MCP 2025-11-25, basic/transports).

use std::{process::Stdio, sync::Arc, time::Duration};

use agw_api::LogSource;
use agw_vault::Secret;
use bytes::Bytes;
use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop};
use tokio::{
    io::{AsyncBufRead, AsyncWriteExt as _, BufReader},
    process::{ChildStdin, ChildStdout, Command},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{
    bounds,
    upstream::{
        UpstreamError,
        ear::Ear,
        life::Life,
        lines::{read_head, read_line},
        log::Log,
        wire::{Ends, Shared, Wire},
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
/// After the end of stdout, how long the exit status may take.
const EXIT_STATUS: Duration = Duration::from_millis(500);
/// Bytes of a line on stderr that are looked through for credentials before
/// it is cut: room for a whole one across the cut.
const STDERR_HEAD: usize = bounds::LOG_LINE_MAX + (16 << 10);

/// A program and what it is started with.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) argv: Vec<String>,
    /// Names of environment variables; the secrets are their values.
    pub(super) env: Vec<String>,
    pub(super) secrets: Arc<[Secret]>,
    pub(super) log: Log,
}

impl Program {
    /// Starts it: no shell, a clean environment, a process group of its own.
    pub(super) fn start(&self, ear: Ear, life: Life) -> Result<Wire, UpstreamError> {
        let (program, args) = self
            .argv
            .split_first()
            .ok_or_else(|| UpstreamError::NotReady("its command is empty".into()))?;
        let mut command = Command::new(program);
        command.args(args).env_clear().stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let inherited = INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        command.envs(inherited);
        for (name, secret) in self.env.iter().zip(&*self.secrets) {
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
        let secrets = Arc::clone(&self.secrets);
        let (wire, ends) = Wire::new(secrets, self.log.clone(), ear, life.clone());
        let Ends { shared, outgoing, stop } = ends;
        tokio::spawn(write_messages(stdin, outgoing));
        let stderr = tokio::spawn(keep_lines(BufReader::new(errors), Arc::clone(&shared)));
        let reader = read_messages(stdout, Arc::clone(&shared));
        let child = Child { process: child, stderr };
        life.tasks.spawn(look_after(child, reader, shared, stop));
        Ok(wire)
    }
}

async fn write_messages(mut stdin: ChildStdin, mut messages: mpsc::Receiver<Bytes>) {
    while let Some(message) = messages.recv().await {
        let message = on_one_line(message);
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

/// Clients write their arguments and answers as they like, over several lines
/// too. Here a line is a message: what stands on one of its own would be one
/// that nobody decided on. Outside of strings, where JSON allows none, a line
/// end is nothing but space.
fn on_one_line(message: Bytes) -> Bytes {
    if memchr::memchr2(b'\n', b'\r', &message).is_none() {
        return message;
    }
    let space = |byte: &u8| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte };
    message.iter().map(space).collect()
}

/// Reads until the child closes its stdout; returns why it ended.
async fn read_messages(stdout: ChildStdout, shared: Arc<Shared>) -> Option<String> {
    let mut stdout = BufReader::with_capacity(64 << 10, stdout);
    loop {
        match read_line(&mut stdout, bounds::REPLY_MAX).await {
            Ok(Some(line)) if line.iter().all(u8::is_ascii_whitespace) => {}
            Ok(Some(line)) => {
                let line = Bytes::from(line);
                match shared.take_in(&line) {
                    Ok(Some(answer)) => shared.answer(answer).await,
                    Ok(None) => {}
                    Err(_) => shared.log.push(LogSource::Stdout, &line, &shared.secrets),
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
        shared.log.push(LogSource::Stderr, &line, &shared.secrets);
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
            let said = shared.log.last().map(|said| format!("; {said}"));
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
}
