//! The one task that listens for other machines, changes what is shared, and
//! looks after the certificate.

use std::{io, net::SocketAddr, sync::Arc};

use agw_api::SharingSettings;
use agw_core::UserId;
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{Order, Shared, SharingError, certificate, settings};
use crate::{
    admin::AdminError, audit::Record, bounds, clock, gateway::Gateway, listen::Server, store::rows,
};

struct Keeper {
    gateway: Arc<Gateway>,
    server: Server,
    listening: Option<Listening>,
}

struct Listening {
    address: SocketAddr,
    /// Ends the listener and, soon after, what is open.
    stop: CancellationToken,
    accepting: JoinHandle<()>,
}

/// Until the service stops. `server` has the routes.
pub(crate) async fn run(gateway: Arc<Gateway>, server: Server) {
    let taken = gateway.sharing.taken.lock();
    let taken = taken.unwrap_or_else(std::sync::PoisonError::into_inner).take();
    let Some(mut orders): Option<mpsc::Receiver<Order>> = taken else { return };
    let mut changes = gateway.live.changes();
    let stop = gateway.stop.clone();
    let mut keeper = Keeper { gateway, server, listening: None };
    loop {
        keeper.tend().await;
        changes.mark_unchanged();
        tokio::select! {
            () = stop.cancelled() => return,
            order = orders.recv() => {
                let Some(Order { wanted, by, done }) = order else { return };
                let changed = keeper.change(wanted, by).await;
                // Windows have read it when it was stored, which is before.
                keeper.gateway.live.announce("sharing");
                // Whoever asked may have hung up.
                let _ = done.send(changed);
            }
            // The vault may be open now.
            changed = changes.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(bounds::SHARED_TENDED) => {}
        }
    }
}

impl Keeper {
    async fn change(&mut self, wanted: SharingSettings, by: UserId) -> Result<(), AdminError> {
        let known = self.gateway.live.snapshot.load().sharing.clone();
        rows::check_version(Some(wanted.version), known.version, "sharing", &known)?;
        let wanted = settings::checked(wanted)?;
        let next = match wanted.on {
            false => None,
            true => Some(self.ready(&wanted).await?),
        };
        let version = wanted.version + 1;
        let stored = SharingSettings { version, ..wanted };
        let stored = self.gateway.writer.change(move |change| {
            settings::store(change.db, &stored)?;
            let detail = settings::told(&stored);
            change.audit(Record::config(clock::now_ms(), by, "sharing_set", detail));
            Ok::<_, AdminError>(())
        });
        // If it fails, `tend` goes back to what is stored.
        stored.await?;
        match next {
            None => self.end().await,
            Some((shared, listener)) => self.begin(shared, listener).await,
        }
        Ok(())
    }

    /// Starts what should run and does not, and renews what is due.
    async fn tend(&mut self) {
        let settings = self.gateway.live.snapshot.load().sharing.clone();
        if !settings.on {
            return self.end().await;
        }
        let sharing = &self.gateway.sharing;
        let now = sharing.now.load_full();
        let address = settings::socket(&settings).ok();
        let running = self.listening.as_ref().map(|listening| listening.address);
        let fresh = now.as_ref().is_some_and(|shared| {
            running == address
                && shared.source == settings.certificate
                && shared.renew_at > clock::now_ms() / 1_000
                && shared.stamps == certificate::stamps(&shared.source)
        });
        if fresh {
            return;
        }
        match self.ready(&settings).await {
            Ok((shared, listener)) => {
                let renewed = now.is_some_and(|before| before.shown != shared.shown);
                self.begin(shared, listener).await;
                if renewed {
                    let told = format!("certificate {}", self.told());
                    let _ = self.gateway.service_record("certificate_renewed", None, told).await;
                }
                self.gateway.live.announce("sharing");
            }
            Err(error) => {
                if self.gateway.sharing.fails(Some(error.to_string())) {
                    self.gateway.live.announce("sharing");
                }
            }
        }
    }

    fn told(&self) -> String {
        self.gateway.sharing.certificate().map(|shown| shown.fingerprint).unwrap_or_default()
    }

    /// What these settings need, the listener only if it is another one.
    async fn ready(
        &mut self,
        settings: &SharingSettings,
    ) -> Result<(Shared, Option<TcpListener>), SharingError> {
        let shared = certificate::prepare(&self.gateway, settings).await?;
        let address = settings::socket(settings)?;
        let Some(running) = self.listening.as_ref().map(|listening| listening.address) else {
            return Ok((shared, Some(bind(address).await?)));
        };
        if running == address {
            return Ok((shared, None));
        }
        // The one that runs may be what is in the way: `tend` takes it back
        // if this comes to nothing.
        if running.port() == address.port() {
            self.end().await;
        }
        Ok((shared, Some(bind(address).await?)))
    }

    async fn begin(&mut self, shared: Shared, listener: Option<TcpListener>) {
        let sharing = &self.gateway.sharing;
        sharing.now.store(Some(Arc::new(shared)));
        sharing.fails(None);
        let Some(listener) = listener else { return };
        if let Some(before) = self.listening.take() {
            before.end().await;
        }
        let Ok(address) = listener.local_addr() else { return };
        let stop = self.gateway.stop.child_token();
        let accepting =
            self.server.clone().shared(listener, Arc::clone(&self.gateway), stop.clone());
        tracing::info!(%address, "shared over TLS");
        self.listening = Some(Listening { address, stop, accepting });
    }

    async fn end(&mut self) {
        if let Some(before) = self.listening.take() {
            before.end().await;
            tracing::info!("not shared any more");
        }
        self.gateway.sharing.now.store(None);
        self.gateway.sharing.fails(None);
    }
}

impl Listening {
    /// Returns once the port is free.
    async fn end(self) {
        self.stop.cancel();
        let _ = tokio::time::timeout(bounds::SHARED_LINGER, self.accepting).await;
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, SharingError> {
    let (ip, port) = (address.ip(), address.port());
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => SharingError::Taken(ip, port),
        io::ErrorKind::AddrNotAvailable => SharingError::NotHere(ip),
        io::ErrorKind::PermissionDenied => SharingError::Forbidden(port),
        _ => SharingError::Listen { address, source },
    })
}
