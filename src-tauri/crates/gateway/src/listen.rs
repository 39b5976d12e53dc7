//! Accepting connections, over TCP and over the local admin socket, with a
//! bound on how many there are and how long each may dawdle.

use std::{io, path::Path, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use interprocess::local_socket::{
    ListenerOptions, tokio::Listener as LocalListener, traits::tokio::Listener as _,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Connections that may be open at once, per listener.
const CONNECTIONS: usize = 2_048;
/// How long the head of a request may take, and how long a connection may be
/// idle between two.
const HEAD: Duration = Duration::from_secs(75);
/// After a failed accept, for example for want of file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// Opens connections to one router until told to stop.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    router: Router,
    tasks: TaskTracker,
    stop: CancellationToken,
    room: Arc<Semaphore>,
}

impl Server {
    pub(crate) fn new(router: Router, tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self { router, tasks, stop, room: Arc::new(Semaphore::new(CONNECTIONS)) }
    }

    pub(crate) fn tcp(self, listener: TcpListener) {
        let tasks = self.tasks.clone();
        tasks.spawn(async move {
            while let Some(accepted) = self.accept(listener.accept()).await {
                if let Ok((stream, _)) = accepted {
                    // A delayed segment costs a caller 40 ms; see DESIGN.
                    let _ = stream.set_nodelay(true);
                    self.connection(stream);
                }
            }
        });
    }

    pub(crate) fn local(self, listener: LocalListener) {
        let tasks = self.tasks.clone();
        tasks.spawn(async move {
            while let Some(accepted) = self.accept(listener.accept()).await {
                if let Ok(stream) = accepted {
                    self.connection(stream);
                }
            }
        });
    }

    async fn accept<T>(
        &self,
        accept: impl Future<Output = io::Result<T>>,
    ) -> Option<io::Result<T>> {
        tokio::select! {
            accepted = accept => {
                if let Err(error) = &accepted {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
                Some(accepted)
            }
            () = self.stop.cancelled() => None,
        }
    }

    fn connection(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        // Above the bound, the newcomer is turned away.
        let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else { return };
        let service = TowerToHyperService::new(self.router.clone());
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD)
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            tokio::pin!(connection);
            // How it ended concerns only the other side.
            tokio::select! {
                _ = &mut connection => {}
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    let _ = connection.await;
                }
            }
            drop(place);
        });
    }
}

/// The admin socket, for this OS user alone. The caller holds the lock of the
/// data folder, so a file that is in the way is a dead one.
pub(crate) fn local_listener(data_dir: &Path) -> io::Result<LocalListener> {
    let options = ListenerOptions::new().name(agw_api::paths::admin_socket_name(data_dir)?);
    #[cfg(unix)]
    let options = {
        use interprocess::os::unix::local_socket::ListenerOptionsExt as _;
        options.mode(0o600).try_overwrite(true)
    };
    options.create_tokio()
}
