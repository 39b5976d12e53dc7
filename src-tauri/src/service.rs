//! The gateway's process: found running, or started so that it outlives this
//! one.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use agw_api::{Client, ClientError, Health, paths};
use agw_clients::Gateway;
use anyhow::{Context as _, bail};
use tokio::time::{sleep, timeout};

use crate::tray::Shown;

/// Health costs the service nothing; one that takes longer is stuck.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);
/// From the start of the process to its first answer.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// From the request to stop to the end of the process: calls in flight are
/// let finish.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
/// After a clean stop: a process that has ended but that whoever started it
/// has not collected looks alive for good.
const COLLECT_TIMEOUT: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The log is emptied at the start of a service when it is longer.
const MAX_LOG_BYTES: u64 = 5 * 1024 * 1024;

pub(crate) struct Service {
    data_dir: PathBuf,
    client: Client,
    /// One start at a time.
    starting: tokio::sync::Mutex<()>,
    /// The process, if this app started it: its end has to be collected.
    child: Mutex<Option<Child>>,
    /// Why the last start failed.
    problem: Mutex<Option<String>>,
}

impl Service {
    pub(crate) fn new(data_dir: PathBuf) -> Self {
        Self {
            client: Client::new(&data_dir).named(agw_api::WINDOW),
            data_dir,
            starting: tokio::sync::Mutex::default(),
            child: Mutex::default(),
            problem: Mutex::default(),
        }
    }

    /// A client without a session.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Why there is no service, where this app tried to start it.
    pub(crate) fn problem(&self) -> Option<String> {
        lock(&self.problem).clone()
    }

    /// A file of the shell's own.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.data_dir.join(name)
    }

    /// Where a service that this app starts writes what it has to say.
    pub(crate) fn log(&self) -> PathBuf {
        self.beside("agw.log")
    }

    /// What the tray should say.
    pub(crate) async fn look(&self) -> Shown {
        self.child_ended();
        match self.health().await {
            Ok(health) => {
                *lock(&self.problem) = None;
                Shown::Running(health.state)
            }
            Err(ClientError::NotRunning { .. }) => Shown::Stopped,
            Err(_) => Shown::NotAnswering,
        }
    }

    async fn health(&self) -> Result<Health, ClientError> {
        let operation = "GET /api/v1/health";
        timeout(HEALTH_TIMEOUT, self.client.get(operation.trim_start_matches("GET ")))
            .await
            .unwrap_or_else(|_| {
                Err(ClientError::TimedOut { operation: operation.into(), after: HEALTH_TIMEOUT })
            })
    }

    /// Attaches to the running service or starts one; returns when it answers.
    pub(crate) async fn ensure(&self) -> anyhow::Result<()> {
        let _starting = self.starting.lock().await;
        let started = match self.health().await {
            Ok(_) => Ok(()),
            Err(ClientError::NotRunning { .. }) => self.start().await,
            Err(error) => Err(error.into()),
        };
        *lock(&self.problem) = started.as_ref().err().map(|error| format!("{error:#}"));
        started
    }

    /// What clients of this machine are pointed at.
    pub(crate) fn installation(&self) -> anyhow::Result<Gateway> {
        let url = paths::service_url(&self.data_dir);
        Ok(Gateway { data_dir: self.data_dir.clone(), agw: agw_binary()?, url })
    }

    /// Waits for a start that is under way, if any.
    pub(crate) async fn started(&self) {
        drop(self.starting.lock().await);
    }

    async fn start(&self) -> anyhow::Result<()> {
        let log = self.log();
        let child = spawn(&agw_binary()?, &self.data_dir, &log)?;
        tracing::info!(pid = child.id(), "started agw serve");
        *lock(&self.child) = Some(child);
        let deadline = Instant::now() + START_TIMEOUT;
        while Instant::now() < deadline {
            if self.health().await.is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child_ended() {
                // Somebody else may have started one at the same time.
                if self.health().await.is_ok() {
                    return Ok(());
                }
                bail!("the gateway ended while starting ({status}); see {}", log.display());
            }
            sleep(LOOK_EVERY).await;
        }
        bail!(
            "the gateway does not answer after {} s; see {}",
            START_TIMEOUT.as_secs(),
            log.display()
        )
    }

    /// Collects the process that this app started, once it has ended.
    fn child_ended(&self) -> Option<std::process::ExitStatus> {
        let mut child = lock(&self.child);
        let status = child.as_mut()?.try_wait().ok().flatten()?;
        *child = None;
        Some(status)
    }

    /// Stops the service: on request when `client` is signed in, otherwise by
    /// ending the process, as its owner may. Returns when it is gone.
    pub(crate) async fn stop(&self, client: &Client, signed_in: bool) -> anyhow::Result<()> {
        // Only a service that lives is signalled: after a crash, the process
        // id on disk may be somebody else's.
        if matches!(self.health().await, Err(ClientError::NotRunning { .. })) {
            return Ok(());
        }
        let own = lock(&self.child).as_ref().map(Child::id);
        let pid = self.pid().or_else(|error| own.ok_or(error));
        let asked = match signed_in {
            true => client.post::<_, ()>("/api/v1/shutdown", &()).await.map_err(Into::into),
            false => Err(anyhow::anyhow!("not signed in")),
        };
        if let Err(error) = asked {
            tracing::info!("ending the process of the gateway ({error:#})");
            let pid = pid.as_ref().map_err(|error| anyhow::anyhow!("{error:#}"))?;
            terminate(*pid).with_context(|| format!("cannot stop the gateway, process {pid}"))?;
        }
        let deadline = Instant::now() + STOP_TIMEOUT;
        let mut signed_off = None;
        while Instant::now() < deadline {
            self.child_ended();
            if matches!(self.health().await, Err(ClientError::NotRunning { .. })) {
                if !pid.as_ref().is_ok_and(|pid| is_alive(*pid)) {
                    return Ok(());
                }
                if !paths::service_file(&self.data_dir).exists()
                    && signed_off.get_or_insert_with(Instant::now).elapsed() > COLLECT_TIMEOUT
                {
                    return Ok(());
                }
            }
            sleep(LOOK_EVERY).await;
        }
        bail!("the gateway is still running {} s after the request to stop", STOP_TIMEOUT.as_secs())
    }

    /// The process id that the service wrote when it became ready.
    fn pid(&self) -> anyhow::Result<u32> {
        let said = paths::service(&self.data_dir);
        let path = paths::service_file(&self.data_dir);
        Ok(said.with_context(|| format!("cannot read {}", path.display()))?.pid)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `agw` lies beside this program in every package and in a build.
fn agw_binary() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot tell where this program lies")?;
    let agw = own.with_file_name(format!("agw{}", std::env::consts::EXE_SUFFIX));
    if !agw.is_file() {
        bail!("{} is missing; install AI Agent Gateway again", agw.display());
    }
    Ok(agw)
}

/// The environment is inherited (`AGW_MASTER_KEY` and `AGW_LISTEN` among it,
/// which `agw serve` reads itself); the only argument is the data folder.
fn spawn(agw: &Path, data_dir: &Path, log: &Path) -> anyhow::Result<Child> {
    make_private_dir(data_dir)
        .with_context(|| format!("cannot make the data folder {}", data_dir.display()))?;
    let log_file = open_log(log).with_context(|| format!("cannot write {}", log.display()))?;
    let mut command = Command::new(agw);
    command
        .args(["serve", "--data-dir"])
        .arg(data_dir)
        .current_dir(data_dir)
        .stdin(Stdio::null())
        .stdout(log_file.try_clone().context("cannot share the log")?)
        .stderr(log_file);
    detach(&mut command);
    command.spawn().with_context(|| format!("cannot start {}", agw.display()))
}

/// A process group of its own: what ends the shell's group (Ctrl-C, a closed
/// terminal or console) does not end enforcement.
fn detach(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(windows)]
    {
        const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
        const CREATE_NO_WINDOW: u32 = 0x0800_0000;
        let flags = CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW;
        std::os::windows::process::CommandExt::creation_flags(command, flags);
    }
}

pub(crate) fn make_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn open_log(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    if file.metadata()?.len() > MAX_LOG_BYTES {
        file.set_len(0)?;
    }
    Ok(file)
}

#[cfg(unix)]
fn process(pid: u32) -> io::Result<rustix::process::Pid> {
    // 0 would be the own group and 1 is the system's.
    i32::try_from(pid)
        .ok()
        .filter(|pid| *pid > 1)
        .and_then(rustix::process::Pid::from_raw)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not a process id"))
}

#[cfg(unix)]
fn terminate(pid: u32) -> io::Result<()> {
    Ok(rustix::process::kill_process(process(pid)?, rustix::process::Signal::TERM)?)
}

#[cfg(unix)]
fn is_alive(pid: u32) -> bool {
    process(pid).is_ok_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}

/// Windows has no signal that a process without a window could answer.
#[cfg(windows)]
fn terminate(pid: u32) -> io::Result<()> {
    let status = Command::new("taskkill").args(["/F", "/PID", &pid.to_string()]).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("taskkill: {status}"))) }
}

/// The pipe is gone with the process.
#[cfg(windows)]
fn is_alive(_: u32) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use agw_api::ServiceFile;

    use super::*;

    #[test]
    fn a_long_log_is_emptied_and_a_short_one_kept() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("agw.log");
        std::fs::write(&log, "kept\n").unwrap();
        open_log(&log).unwrap();
        assert_eq!(std::fs::read(&log).unwrap(), b"kept\n");
        std::fs::write(&log, vec![b'x'; 5 * 1024 * 1024 + 1]).unwrap();
        open_log(&log).unwrap();
        assert_eq!(std::fs::metadata(&log).unwrap().len(), 0);
    }

    #[tokio::test]
    async fn a_stale_service_file_ends_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let own = ServiceFile { pid: std::process::id(), url: "http://127.0.0.1:7410".into() };
        let json = serde_json::to_vec(&own).unwrap();
        std::fs::write(paths::service_file(dir.path()), json).unwrap();
        let service = Service::new(dir.path().to_owned());
        service.stop(&service.client(), false).await.unwrap();
        assert_eq!(service.look().await, Shown::Stopped);
    }

    #[cfg(unix)]
    #[test]
    fn no_group_and_no_system_process_is_ever_signalled() {
        for pid in [0, 1, u32::MAX, i32::MAX as u32 + 1] {
            assert!(terminate(pid).is_err(), "{pid}");
        }
    }
}
