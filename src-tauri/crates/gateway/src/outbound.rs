//! Every socket that the gateway opens towards others is opened here, and
//! noted: to whom, for whom, when, how much. So the list that an admin sees
//! ([`Outbound::shown`]) has all there is; `tests/architecture.rs` holds that
//! nothing else opens one.
//!
//! What a child process opens is its own and is not seen here. Names are
//! looked up by the system's resolver, which asks whomever it is set up to ask.

mod book;
mod counted;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use agw_api::{EgressEntry, EgressKind};
use bytes::Bytes;
use http::Uri;
use http_body_util::Full;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tokio::net::{TcpStream, UdpSocket};
use tower_service::Service;

use self::book::{Book, Peer};
pub(crate) use self::counted::{Counted, Datagrams};

/// A TCP connection whose bytes are counted.
pub(crate) type Socket = Counted<TcpStream>;
/// Requests for one owner, over connections that are pooled for it alone.
pub(crate) type HttpClient = Client<HttpsConnector<Connector>, Full<Bytes>>;

const CONNECT: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_secs(90);

/// To whom an outgoing connection belongs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Owner {
    kind: EgressKind,
    /// Of the connection or the receiver of records.
    name: Option<Box<str>>,
}

impl Owner {
    pub(crate) fn connection(name: &str) -> Self {
        Self { kind: EgressKind::Connection, name: Some(name.into()) }
    }

    /// Signing in to a connection: metadata, authorization, renewal.
    pub(crate) fn sign_in(name: &str) -> Self {
        Self { kind: EgressKind::SignIn, name: Some(name.into()) }
    }

    pub(crate) fn forward(name: &str) -> Self {
        Self { kind: EgressKind::Forward, name: Some(name.into()) }
    }

    pub(crate) fn witness() -> Self {
        Self { kind: EgressKind::Witness, name: None }
    }

    /// The diagnosis of a connection, which somebody asked for.
    pub(crate) fn doctor(name: &str) -> Self {
        Self { kind: EgressKind::Doctor, name: Some(name.into()) }
    }
}

/// See the module's text.
#[derive(Debug, Clone)]
pub(crate) struct Outbound {
    book: Arc<Book>,
    tls: Arc<rustls::ClientConfig>,
}

impl Outbound {
    /// With the system's certificates.
    pub(crate) fn new(now: i64) -> io::Result<Self> {
        Ok(Self { book: Arc::new(Book::since(now)), tls: Arc::new(tls()?) })
    }

    pub(crate) fn tls(&self) -> Arc<rustls::ClientConfig> {
        Arc::clone(&self.tls)
    }

    /// When the list begins, in milliseconds since 1970.
    pub(crate) fn since(&self) -> i64 {
        self.book.since
    }

    /// All that was opened, latest first, and how many lines were dropped to
    /// keep the list bounded.
    pub(crate) fn shown(&self) -> (Vec<EgressEntry>, u64) {
        self.book.shown()
    }

    /// To open connections that are this owner's.
    pub(crate) fn of(&self, owner: Owner) -> Dialer {
        Dialer { owner, book: Arc::clone(&self.book), tls: Arc::clone(&self.tls) }
    }
}

/// Opens what is one owner's.
#[derive(Debug, Clone)]
pub(crate) struct Dialer {
    owner: Owner,
    book: Arc<Book>,
    tls: Arc<rustls::ClientConfig>,
}

impl Dialer {
    /// TCP to whichever address of a host answers first.
    pub(crate) async fn tcp(&self, host: &str, port: u16) -> io::Result<Socket> {
        match resolve(host, port).await {
            Ok(found) => self.tcp_to(host, port, &found).await,
            Err(error) => Err(self.book.failed(self.peer(host, port), None, error)),
        }
    }

    /// TCP to one of these addresses of a host.
    pub(crate) async fn tcp_to(
        &self,
        host: &str,
        port: u16,
        addresses: &[SocketAddr],
    ) -> io::Result<Socket> {
        let peer = self.peer(host, port);
        let only = match addresses {
            [only] => Some(only.ip()),
            _ => None,
        };
        match TcpStream::connect(addresses).await {
            Ok(stream) => Ok(self.opened(peer, stream)),
            Err(error) => Err(self.book.failed(peer, only, error)),
        }
    }

    /// Datagrams to the first address of a host.
    pub(crate) async fn udp(&self, host: &str, port: u16) -> io::Result<Datagrams> {
        let peer = Peer::udp(&self.owner, host, port);
        let open = async {
            let found = resolve(host, port).await?;
            let address = *found.first().ok_or(io::ErrorKind::AddrNotAvailable)?;
            let any: SocketAddr = match address {
                SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
            };
            let socket = UdpSocket::bind(any).await?;
            socket.connect(address).await?;
            Ok((socket, address.ip()))
        };
        match open.await {
            Ok((socket, at)) => Ok(Datagrams::new(socket, self.book.opened(peer, Some(at)))),
            Err(error) => Err(self.book.failed(peer, None, error)),
        }
    }

    /// TLS 1.3, TCP_NODELAY, pooled connections; redirects are not followed.
    pub(crate) fn client(&self) -> HttpClient {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.enforce_http(false);
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(rustls::ClientConfig::clone(&self.tls))
            .https_or_http()
            .enable_http1()
            .wrap_connector(Connector { dialer: self.clone(), tcp });
        Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(connector)
    }

    fn peer(&self, host: &str, port: u16) -> Peer {
        Peer::tcp(&self.owner, host, port)
    }

    fn opened(&self, peer: Peer, stream: TcpStream) -> Socket {
        // A delayed segment costs 40 ms; see DESIGN.
        let _ = stream.set_nodelay(true);
        let at: Option<IpAddr> = stream.peer_addr().ok().map(|address| address.ip());
        Counted::new(stream, self.book.opened(peer, at))
    }
}

pub(crate) fn port_of(uri: &Uri) -> u16 {
    let default = if uri.scheme_str() == Some("http") { 80 } else { 443 };
    uri.port_u16().unwrap_or(default)
}

/// The system's answer; a port comes with each address.
pub(crate) async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let found: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
    match found.is_empty() {
        true => Err(io::Error::new(io::ErrorKind::NotFound, "it has no address")),
        false => Ok(found),
    }
}

/// The address that this machine goes out with.
pub(crate) fn own_address() -> io::Result<IpAddr> {
    // Nothing is sent: connecting a datagram socket only chooses a route, here
    // to an address that is nobody's (RFC 5737).
    let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
    Ok(socket.local_addr()?.ip())
}

/// TLS 1.3 with the system's certificates.
fn tls() -> io::Result<rustls::ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(io::Error::other)?
        .with_native_roots()?
        .with_no_client_auth())
}

/// What an [`HttpClient`] opens its connections with.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    dialer: Dialer,
    tcp: HttpConnector,
}

type Error = Box<dyn std::error::Error + Send + Sync>;

impl Service<Uri> for Connector {
    type Response = TokioIo<Socket>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (host, port) = (uri.host().unwrap_or_default(), port_of(&uri));
        let peer = self.dialer.peer(host, port);
        let (dialer, connecting) = (self.dialer.clone(), self.tcp.call(uri));
        Box::pin(async move {
            match connecting.await {
                Ok(stream) => Ok(TokioIo::new(dialer.opened(peer, stream.into_inner()))),
                Err(error) => {
                    let cause = crate::upstream::root_cause(&error);
                    dialer.book.failed(peer, None, io::Error::other(cause));
                    Err(error.into())
                }
            }
        })
    }
}
