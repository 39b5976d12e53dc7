//! The address for other machines: HTTPS with TLS 1.3, off until an admin
//! switches it on.
//!
//! ```text
//! PUT /api/v1/sharing ─► run(): names, certificate, port checked ─► stored, audited ─► in force
//! a connection ─► TLS with the certificate of now ─► guard: names of now ─► the same routes
//! ```
//!
//! - One task, [`run`], owns the listener, so of two changes one is first. It
//!   also tries again what could not be had, and renews certificates.
//! - Names and certificate are looked at for each connection and request, so
//!   they change without a new listener.
//! - Nothing is stored that could not be put in force when it was set.
//! - The private key of a certificate that the gateway makes is nowhere but in
//!   memory; that of its authority is sealed in the vault. So a sealed gateway
//!   is shared only with a certificate that an admin gave.

mod authority;
mod certificate;
mod listener;
mod settings;

pub(crate) use settings::{load, suggested};

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use agw_api::{Authority, SharingCertificate, SharingSettings, SharingState, ShownCertificate};
use agw_core::UserId;
use arc_swap::ArcSwapOption;
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use rustls::ServerConfig;
use tokio::sync::{mpsc, oneshot};

pub(crate) use authority::show as authority;
pub(crate) use listener::run;

use crate::{admin::AdminError, gateway::Gateway};

/// Why the gateway is not shared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SharingError {
    #[error("{0:?} is no IP address; give one of this machine, or 0.0.0.0 for all of them")]
    Address(String),
    #[error("port 0 is none; choose one from 1 to 65535")]
    Port,
    #[error("say by which host names or IP addresses others reach this machine")]
    NoNames,
    #[error("{0} names are the most; leave some out")]
    ManyNames(usize),
    #[error("{0:?} is no host name or IP address; leave out scheme, port and path")]
    Name(String),
    #[error("{0} is every machine's name for itself; give a name that others reach this one by")]
    OwnName(String),
    #[error(
        "port {1} of {0} is taken by another program (or by this gateway's own local address); choose another port"
    )]
    Taken(IpAddr, u16),
    #[error("{0} is no address of this machine; choose one that it has, or 0.0.0.0 for all")]
    NotHere(IpAddr),
    #[error("it is not allowed to listen on port {0}; choose one above 1023")]
    Forbidden(u16),
    #[error("{address} cannot be listened on: {source}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("{path} cannot be read: {source}; check the path, and that this OS user may read it")]
    Read { path: String, source: std::io::Error },
    #[error("{0} must be an absolute path")]
    Relative(String),
    #[error("{0} is too long to be a certificate or a key")]
    Long(String),
    #[error("{path} holds no {what} in PEM")]
    NoPem { path: String, what: &'static str },
    #[error("the certificate cannot be read: {0}")]
    Certificate(String),
    #[error("the key does not belong to the certificate; give the key that it was made with")]
    OtherKey,
    #[error("the certificate is not for {0}; leave that name out, or give one that names it")]
    OtherName(String),
    #[error("the certificate expired on {0}; renew it")]
    Expired(String),
    #[error("the certificate is not valid before {0}; check this machine's clock")]
    NotYet(String),
    #[error(
        "the gateway is sealed, and the key that signs its certificate is in the vault; unlock it"
    )]
    Sealed,
    #[error("the stored key of the gateway's authority does not open; restore the database")]
    Damaged,
    #[error("a certificate could not be made: {0}")]
    Make(String),
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    #[error("the gateway is stopping")]
    Stopping,
}

impl From<SharingError> for AdminError {
    fn from(error: SharingError) -> Self {
        match error {
            SharingError::Store(error) => error.into(),
            SharingError::Sealed => {
                Self::new(agw_api::codes::SEALED, error.to_string(), "run `agw unlock`")
            }
            error => Self::invalid(error.to_string()),
        }
    }
}

/// What others can reach, and what was asked of it.
#[derive(Debug)]
pub(crate) struct Sharing {
    now: ArcSwapOption<Shared>,
    problem: Mutex<Option<String>>,
    orders: mpsc::Sender<Order>,
    taken: Mutex<Option<mpsc::Receiver<Order>>>,
    /// After so long a certificate of the gateway's own is replaced.
    shown_ms: i64,
}

/// One change, and whom to tell.
#[derive(Debug)]
struct Order {
    wanted: SharingSettings,
    by: UserId,
    done: oneshot::Sender<Result<(), AdminError>>,
}

/// As it is in force.
#[derive(Debug)]
struct Shared {
    /// With the port, where it is not HTTPS's own.
    hosts: Vec<String>,
    base: String,
    tls: Arc<ServerConfig>,
    shown: ShownCertificate,
    source: SharingCertificate,
    /// When it is replaced: seconds since 1970; and when its files were changed.
    renew_at: i64,
    stamps: Vec<Option<SystemTime>>,
}

impl Sharing {
    /// `shown` is how long a certificate of the gateway's own is shown.
    pub(crate) fn new(shown: Duration) -> Self {
        let (orders, taken) = mpsc::channel(1);
        let taken = Mutex::new(Some(taken));
        let shown_ms = i64::try_from(shown.as_millis()).unwrap_or(i64::MAX);
        Self { now: ArcSwapOption::empty(), problem: Mutex::default(), orders, taken, shown_ms }
    }

    /// Puts it in force and stores it, or does neither.
    pub(crate) async fn change(
        &self,
        wanted: SharingSettings,
        by: UserId,
    ) -> Result<(), AdminError> {
        let (done, answer) = oneshot::channel();
        let order = Order { wanted, by, done };
        self.orders.send(order).await.map_err(|_| SharingError::Stopping)?;
        answer.await.map_err(|_| SharingError::Stopping)?
    }

    /// `https://gateway.lan:7411`, while others are answered there.
    pub(crate) fn url(&self) -> Option<String> {
        self.now.load().as_ref().map(|shared| shared.base.clone())
    }

    pub(crate) fn state(&self, settings: &SharingSettings) -> (SharingState, Option<String>) {
        let problem = self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match (settings.on, self.now.load().is_some()) {
            (false, _) => (SharingState::Off, None),
            // A certificate that could not be renewed, say.
            (true, true) => (SharingState::Listening, problem),
            (true, false) => (SharingState::Failed, problem),
        }
    }

    pub(crate) fn certificate(&self) -> Option<ShownCertificate> {
        self.now.load().as_ref().map(|shared| shared.shown.clone())
    }

    /// Whether the certificate is one of the gateway's own authority.
    pub(crate) fn is_own(&self) -> bool {
        self.now.load().as_ref().is_some_and(|shared| shared.source == SharingCertificate::Own)
    }

    /// Whether that is a name of the shared address, with its port.
    pub(crate) fn is_host(&self, host: &str) -> bool {
        let now = self.now.load();
        now.as_ref().is_some_and(|s| s.hosts.iter().any(|own| own.eq_ignore_ascii_case(host)))
    }

    pub(crate) fn is_origin(&self, origin: &str) -> bool {
        origin.strip_prefix("https://").is_some_and(|host| self.is_host(host))
    }

    pub(crate) fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.now.load().as_ref().map(|shared| Arc::clone(&shared.tls))
    }

    /// Whether browsers shall come over HTTPS from now on: with a certificate
    /// that they trust without being told to.
    pub(crate) fn is_strict(&self) -> bool {
        self.now.load().as_ref().is_some_and(|shared| shared.source != SharingCertificate::Own)
    }

    /// Whether that is news.
    fn fails(&self, problem: Option<String>) -> bool {
        let mut before = self.problem.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = *before != problem;
        if let Some(problem) = problem.as_ref().filter(|_| is_news) {
            tracing::warn!(problem, "sharing");
        }
        *before = problem;
        is_news
    }
}

/// `/ca.crt`: what a machine is told to trust, for those that trust nothing of
/// it yet. It says nothing that a TLS handshake does not.
pub(crate) fn router(gateway: &Arc<Gateway>) -> Router {
    Router::new().route("/ca.crt", get(download)).with_state(Arc::clone(gateway))
}

async fn download(State(gateway): State<Arc<Gateway>>) -> Response {
    match authority(&gateway).await {
        Ok(Some(Authority { pem, .. })) => {
            let kind = (header::CONTENT_TYPE, "application/x-x509-ca-cert");
            let name = "attachment; filename=\"ai-agent-gateway-ca.crt\"";
            ([kind, (header::CONTENT_DISPOSITION, name)], pem).into_response()
        }
        Ok(None) => crate::admin::nothing_here().into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
