//! Accepting connections, over TCP and over the local admin socket, with a
//! bound on how many there are and how long each may dawdle.

use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::Router;
use hyper::{Request, body::Incoming, server::conn::http1, service::Service};
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
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{bounds, door::Door, gateway::Gateway};

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

    /// With TLS, for other machines. Ends with `stop`: the listener at once,
    /// answers under way after a moment.
    pub(crate) fn shared(
        mut self,
        listener: TcpListener,
        gateway: Arc<Gateway>,
        stop: CancellationToken,
    ) -> JoinHandle<()> {
        self.stop = stop;
        let tasks = self.tasks.clone();
        let crowd = Crowd::default();
        tasks.spawn(async move {
            while let Some(accepted) = self.accept(listener.accept()).await {
                let Ok((stream, peer)) = accepted else { continue };
                let _ = stream.set_nodelay(true);
                let door = Door::Network(peer.ip());
                let Some(turn) = crowd.enter(door) else { continue };
                let Some(tls) = gateway.sharing.tls() else { continue };
                let this = self.clone();
                self.tasks.spawn(async move {
                    let handshake = TlsAcceptor::from(tls).accept(stream);
                    let handshake = tokio::time::timeout(bounds::SHARED_HANDSHAKE, handshake);
                    tokio::select! {
                        shaken = handshake => if let Ok(Ok(stream)) = shaken {
                            this.serve_shared(stream, door).await;
                        },
                        () = this.stop.cancelled() => {}
                    }
                    drop(turn);
                });
            }
        })
    }

    async fn serve_shared(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        door: Door,
    ) {
        let service = Through { door, inner: TowerToHyperService::new(self.router.clone()) };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(bounds::SHARED_HEAD)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        tokio::pin!(connection);
        tokio::select! {
            _ = &mut connection => {}
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                // A stream would go on for ever.
                let _ = tokio::time::timeout(bounds::SHARED_LINGER, connection).await;
            }
        }
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

/// How many connections there are to the shared address, and from each peer.
#[derive(Debug, Default, Clone)]
struct Crowd(Arc<Mutex<HashMap<Option<IpAddr>, usize>>>);

/// One of them, from before its handshake to its end.
struct Turn(Crowd, Option<IpAddr>);

impl Crowd {
    fn enter(&self, door: Door) -> Option<Turn> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.values().sum::<usize>() >= bounds::SHARED_CONNECTIONS {
            return None;
        }
        let count = counts.entry(door.peer()).or_default();
        if *count >= bounds::SHARED_CONNECTIONS_PER_PEER {
            return None;
        }
        *count += 1;
        Some(Turn(self.clone(), door.peer()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut counts = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.1);
            }
        }
    }
}

/// Says of each request which way it came.
struct Through {
    door: Door,
    inner: TowerToHyperService<Router>,
}

impl Service<Request<Incoming>> for Through {
    type Response = axum::response::Response;
    type Error = std::convert::Infallible;
    type Future = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.door);
        self.inner.call(request)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn from(peer: u8) -> Door {
        Door::Network([192, 0, 2, peer].into())
    }

    #[test]
    fn connections_are_bounded_for_each_peer_and_in_all() {
        let crowd = Crowd::default();
        let mut turns = Vec::new();
        for peer in 0.. {
            let before = turns.len();
            turns.extend(
                (0..=bounds::SHARED_CONNECTIONS_PER_PEER).map_while(|_| crowd.enter(from(peer))),
            );
            assert!(turns.len() - before <= bounds::SHARED_CONNECTIONS_PER_PEER);
            if turns.len() == before {
                break;
            }
        }
        assert_eq!(turns.len(), bounds::SHARED_CONNECTIONS);
        // Whoever leaves makes room for one, who need not be the same.
        drop(turns.pop());
        let stranger = crowd.enter(from(255));
        assert!(stranger.is_some() && crowd.enter(from(254)).is_none());
        drop((turns, stranger));
        assert!(crowd.0.lock().unwrap().is_empty(), "nobody is remembered");
    }
}
