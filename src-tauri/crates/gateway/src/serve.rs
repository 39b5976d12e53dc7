//! Starting and stopping the service.

use std::{
    fs::{self, File},
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use agw_api::{ServiceFile, paths};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::{
    accounts, admin, audit, bounds,
    bounds::Timeouts,
    faces,
    gateway::{Gateway, ServeError, ServeOptions},
    listen::{self, Server},
    oauth, pages, pipeline, sharing,
};

const LOCK: &str = "agw.lock";
/// How often it is looked for what has expired, at least.
const FAR_OFF: Duration = Duration::from_secs(1);

/// A service that was started. Dropping it does not stop the service.
#[derive(Debug)]
pub struct Running {
    gateway: Arc<Gateway>,
    address: SocketAddr,
    data_dir: PathBuf,
    tasks: TaskTracker,
    /// Held until the end: one service per data folder.
    _lock: File,
}

/// Runs the service until it is told to stop: by SIGTERM, by Ctrl-C or by an
/// admin. `ready` is called once agents can call.
pub async fn serve(
    options: ServeOptions,
    ready: impl FnOnce(&SocketAddr),
) -> Result<(), ServeError> {
    // Whoever has heard that it is ready may say that it shall stop.
    let told = told_to_stop();
    let running = start(options, Timeouts::default()).await?;
    ready(&running.address());
    tokio::select! {
        () = told => {}
        () = running.asked_to_stop() => {}
    }
    running.stop().await;
    Ok(())
}

/// Starts the service and returns once agents can call.
pub async fn start(mut options: ServeOptions, timeouts: Timeouts) -> Result<Running, ServeError> {
    // An agent on another machine would send its token in clear.
    if !options.listen.ip().is_loopback() {
        return Err(ServeError::NotLoopback(options.listen));
    }
    let data_dir = options.data_dir.clone();
    let in_dir = |source| ServeError::DataDir { path: data_dir.clone(), source };
    make_private(&data_dir).map_err(in_dir)?;
    let lock = File::create(data_dir.join(LOCK)).map_err(in_dir)?;
    if lock.try_lock().is_err() {
        return Err(ServeError::AlreadyRunning(data_dir));
    }
    let no_listener = |address: String| move |source| ServeError::Listen { address, source };
    let tcp =
        TcpListener::bind(options.listen).await.map_err(no_listener(options.listen.to_string()))?;
    let address = tcp.local_addr().map_err(no_listener(options.listen.to_string()))?;
    let socket = listen::local_listener(&data_dir)
        .map_err(no_listener(paths::admin_socket(&data_dir).display().to_string()))?;
    let gateway = Gateway::open(&options, timeouts, format!("http://{address}")).await?;
    gateway.upstreams.run();
    gateway.unseal_at_start(options.passphrase.take()).await;

    let tasks = TaskTracker::new();
    tasks.spawn(pipeline::watch_approvals(Arc::clone(&gateway)));
    tasks.spawn(watch_expiries(Arc::clone(&gateway)));
    tasks.spawn(audit::witness::watch(Arc::clone(&gateway)));
    tasks.spawn(audit::retain::watch(Arc::clone(&gateway)));
    tasks.spawn(audit::forward::watch(Arc::clone(&gateway)));
    let server = |router| Server::new(router, tasks.clone(), gateway.stop.clone());
    let public = faces::router(&gateway, options.legacy_sse)
        .merge(pages::router(&gateway))
        .merge(oauth::router(&gateway))
        .merge(accounts::router(&gateway))
        .merge(admin::router(&gateway, admin::Via::Browser))
        .merge(sharing::router(&gateway))
        .merge(admin::web_view(options.web_view.as_ref()));
    let shared = server(faces::guarded_shared(public.clone(), &gateway));
    tasks.spawn(sharing::run(Arc::clone(&gateway), shared));
    server(faces::guarded(public, address)).tcp(tcp);
    server(admin::router(&gateway, admin::Via::Local)).local(socket);
    let service = ServiceFile { pid: std::process::id(), url: gateway.url.clone() };
    write_service_file(&data_dir, &service).map_err(in_dir)?;
    tracing::info!(%address, data_dir = %data_dir.display(), "ready");
    Ok(Running { gateway, address, data_dir, tasks, _lock: lock })
}

impl Running {
    /// Where agents call.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Resolves when an admin asks the service to stop.
    pub async fn asked_to_stop(&self) {
        self.gateway.stop.cancelled().await;
    }

    /// Lets calls under way end, for a while, then stops everything and
    /// writes what is owed.
    pub async fn stop(self) {
        tracing::info!("stopping");
        // Clients must not find a service that no longer answers.
        let _ = fs::remove_file(paths::service_file(&self.data_dir));
        self.gateway.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(bounds::DRAIN, self.tasks.wait()).await.is_err() {
            let calls = self.gateway.reservations.under_way();
            tracing::warn!(calls, "stopped with calls under way");
        }
        self.gateway.upstreams.shut_down().await;
        let recorded = self.gateway.service_record("stopped", None, String::new()).await;
        if let Err(error) = recorded.and(self.gateway.writer.stop().await) {
            tracing::error!(%error, "the audit trail could not be closed");
        }
        // The last checkpoint was signed only now.
        audit::witness::hand_on(&self.gateway).await;
        let _ = fs::remove_file(paths::admin_socket(&self.data_dir));
    }
}

/// Makes everybody look again when a grant or a sub-token expires: nothing
/// else changes then.
async fn watch_expiries(gateway: Arc<Gateway>) {
    let live = &gateway.live;
    let mut changes = live.changes();
    let mut seen = live.clock.now_ms();
    loop {
        let next = live.snapshot.load().next_expiry(seen);
        let left = next.map_or(FAR_OFF, |at| {
            Duration::from_millis(u64::try_from(at - live.clock.now_ms()).unwrap_or(0))
        });
        tokio::select! {
            () = gateway.stop.cancelled() => return,
            changed = changes.changed() => if changed.is_err() { return },
            // Not longer, because the machine may sleep or its clock be set.
            () = tokio::time::sleep(left.min(FAR_OFF)) => {
                let now = live.clock.now_ms();
                if next.is_some_and(|at| at <= now) {
                    seen = now;
                    live.look_again();
                    changes.mark_unchanged();
                }
            }
        }
    }
}

/// SIGTERM or Ctrl-C.
///
/// It listens from now on, not only once it is awaited.
fn told_to_stop() -> impl Future<Output = ()> {
    #[cfg(unix)]
    let heard = {
        use tokio::signal::unix::{SignalKind, signal};
        [SignalKind::terminate(), SignalKind::interrupt()].map(signal)
    };
    async {
        #[cfg(unix)]
        if let [Ok(mut terminate), Ok(mut interrupt)] = heard {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            return;
        }
        // Without a way to hear the signal there is none to wait for.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Makes a folder that only this OS user can enter.
fn make_private(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Whole or not at all, because clients read it at any time.
fn write_service_file(data_dir: &Path, service: &ServiceFile) -> io::Result<()> {
    let path = paths::service_file(data_dir);
    let next = path.with_extension("json.new");
    fs::write(&next, serde_json::to_vec(service)?)?;
    fs::rename(&next, &path)
}
