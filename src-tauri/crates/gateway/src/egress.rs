//! Requests to URLs that no admin entered: metadata that an upstream names,
//! the authorization server in it, its endpoints. Whoever wrote that URL may
//! want the gateway to reach what only the gateway can reach (SSRF), so:
//!
//! - https only; plain http only to this machine, and only for a connection
//!   that an admin put there;
//! - the host is resolved once, *every* address is checked, and the socket is
//!   opened to a checked address: a second look-up could say something else;
//! - a redirect is refused, never followed;
//! - time and size are bounded, and nothing is pooled or shared.
//!
//! What an admin's own URL opens is its own host and nothing else: see
//! [`Reach`].

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header, uri::Scheme};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use crate::{
    bounds,
    outbound::{self, Outbound, Owner},
};

/// Why a URL was not asked. The words are for admins; they name hosts and
/// never what was sent.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum EgressError {
    #[error("{0:?} is no URL that the gateway would ask")]
    Url(String),
    #[error("{0} is not https")]
    Plain(String),
    #[error(
        "{host} is at {address}, which is not on the internet; only the connection's own host may be"
    )]
    Inside { host: String, address: IpAddr },
    #[error("{host} cannot be reached: {cause}")]
    Unreachable { host: String, cause: String },
    #[error("{host} did not answer within {} s", .limit.as_secs_f32())]
    Slow { host: String, limit: Duration },
    #[error("{0} answers with more than {max} bytes", max = bounds::EGRESS_ANSWER_MAX)]
    TooLarge(String),
    #[error("{0} redirects elsewhere; redirects are not followed")]
    Redirect(String),
}

/// What may be reached on behalf of one connection: the internet, and its own
/// host where an admin put that elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reach {
    connection: String,
    own: String,
    /// Plain http was entered, which is for this machine only.
    plain: bool,
}

impl Reach {
    /// `url` is what an admin entered for `connection` and `check_url` has let
    /// through.
    pub(crate) fn of(connection: &str, url: &Uri) -> Self {
        let (connection, own) = (connection.to_owned(), host_of(url).unwrap_or_default());
        Self { connection, plain: url.scheme() == Some(&Scheme::HTTP), own }
    }

    /// A URL that may be asked, as far as its text tells.
    pub(crate) fn check(&self, text: &str) -> Result<Uri, EgressError> {
        let bad = || EgressError::Url(text.chars().take(200).collect());
        let uri: Uri = text.parse().map_err(|_| bad())?;
        let host = host_of(&uri).ok_or_else(bad)?;
        let authority = uri.authority().ok_or_else(bad)?;
        if text.contains('#') || authority.as_str().contains('@') || text.len() > bounds::URL_MAX {
            return Err(bad());
        }
        let plain_to_own = self.plain && host == self.own;
        match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => {}
            Some(scheme) if *scheme == Scheme::HTTP && plain_to_own => {}
            Some(scheme) if *scheme == Scheme::HTTP => return Err(EgressError::Plain(host)),
            _ => return Err(bad()),
        }
        if let Ok(address) = host.trim_matches(['[', ']']).parse() {
            self.allows(&host, address)?;
        }
        Ok(uri)
    }

    /// The same, with a look at where its host is: for a browser that is sent
    /// there.
    pub(crate) async fn check_host(&self, text: &str, limit: Duration) -> Result<(), EgressError> {
        let uri = self.check(text)?;
        let host = host_of(&uri).unwrap_or_default();
        let resolved = tokio::time::timeout(limit, self.resolve(&uri)).await;
        resolved.map_err(|_| EgressError::Slow { host, limit })?.map(drop)
    }

    fn allows(&self, host: &str, address: IpAddr) -> Result<(), EgressError> {
        let own = host == self.own;
        let ok = match zone(address) {
            Zone::Public => true,
            // A system in the office; a name that an admin entered may lead there.
            Zone::Private => own,
            // A name on the internet that suddenly means this machine does not.
            Zone::Loopback => own && means_this_machine(host),
            Zone::Never => false,
        };
        let inside = || EgressError::Inside { host: host.to_owned(), address };
        ok.then_some(()).ok_or_else(inside)
    }

    /// Every address of the host; one that may not be reached spoils them all.
    async fn resolve(&self, uri: &Uri) -> Result<Vec<SocketAddr>, EgressError> {
        let host = host_of(uri).unwrap_or_default();
        let failed = |cause: String| EgressError::Unreachable { host: host.clone(), cause };
        let found = outbound::resolve(&host, outbound::port_of(uri)).await;
        let found = found.map_err(|e| failed(e.to_string()))?;
        for address in &found {
            self.allows(&host, address.ip())?;
        }
        Ok(found)
    }
}

/// Lower case and without the dot that makes a name absolute.
fn host_of(uri: &Uri) -> Option<String> {
    let host = uri.host()?.to_ascii_lowercase();
    let host = host.strip_suffix('.').unwrap_or(&host).to_owned();
    (!host.is_empty()).then_some(host)
}

/// By name or address.
pub(crate) fn means_this_machine(host: &str) -> bool {
    let literal = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || literal.is_ok_and(|address| address.is_loopback())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Zone {
    Public,
    Private,
    Loopback,
    Never,
}

/// By the special-purpose registries of IANA; whatever is not plainly
/// somebody's address on the internet is not.
fn zone(address: IpAddr) -> Zone {
    match address {
        IpAddr::V4(v4) => zone_of_v4(v4),
        IpAddr::V6(v6) => zone_of_v6(v6),
    }
}

fn zone_of_v4(address: Ipv4Addr) -> Zone {
    match address.octets() {
        [127, ..] => Zone::Loopback,
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] | [100, 64..=127, ..] => Zone::Private,
        // This network; link-local, where clouds keep their metadata; IETF,
        // examples, 6to4 relays and benchmarks; multicast and reserved.
        [0 | 224..=255, ..]
        | [169, 254, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => Zone::Never,
        _ => Zone::Public,
    }
}

fn zone_of_v6(address: Ipv6Addr) -> Zone {
    if let Some(v4) = address.to_ipv4_mapped() {
        return zone_of_v4(v4);
    }
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        zone_of_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Zone::Loopback,
        // Translated addresses are as good as what they are translated to.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => match v4(high, low) {
            Zone::Public => Zone::Public,
            _ => Zone::Never,
        },
        [0xfc00..=0xfdff, ..] => Zone::Private,
        // Teredo and other protocols; examples.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Zone::Never,
        [0x2000..=0x3fff, ..] => Zone::Public,
        _ => Zone::Never,
    }
}

/// Asks URLs that are not the admin's own.
#[derive(Debug, Clone)]
pub(crate) struct Egress {
    outbound: Outbound,
    patience: Duration,
}

impl Egress {
    pub(crate) fn new(outbound: Outbound, patience: Duration) -> Self {
        Self { outbound, patience }
    }

    /// One request, its whole answer. The URL is `request`'s own.
    pub(crate) async fn send(
        &self,
        reach: &Reach,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, EgressError> {
        let uri = reach.check(&request.uri().to_string())?;
        let host = host_of(&uri).unwrap_or_default();
        let limit = self.patience;
        match tokio::time::timeout(limit, self.exchange(reach, &uri, &host, request)).await {
            Ok(answer) => answer,
            Err(_) => Err(EgressError::Slow { host, limit }),
        }
    }

    async fn exchange(
        &self,
        reach: &Reach,
        uri: &Uri,
        host: &str,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, EgressError> {
        let failed = |cause: String| EgressError::Unreachable { host: host.to_owned(), cause };
        let addresses = reach.resolve(uri).await?;
        let dialer = self.outbound.of(Owner::sign_in(&reach.connection));
        let stream = dialer.tcp_to(host, outbound::port_of(uri), &addresses).await;
        let stream = stream.map_err(|error| failed(error.to_string()))?;
        let response = if uri.scheme() == Some(&Scheme::HTTP) {
            speak(stream, uri, request).await.map_err(failed)?
        } else {
            let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned());
            let name = name.map_err(|error| failed(error.to_string()))?;
            let tls = TlsConnector::from(self.outbound.tls()).connect(name, stream).await;
            speak(tls.map_err(|error| failed(error.to_string()))?, uri, request)
                .await
                .map_err(failed)?
        };
        if response.status().is_redirection() {
            return Err(EgressError::Redirect(host.to_owned()));
        }
        let (head, body) = response.into_parts();
        match Limited::new(body, bounds::EGRESS_ANSWER_MAX).collect().await {
            Ok(body) => Ok(Response::from_parts(head, body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(EgressError::TooLarge(host.to_owned()))
            }
            Err(error) => Err(failed(error.to_string())),
        }
    }
}

/// One request on a connection of its own, which ends with it.
async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    uri: &Uri,
    mut request: Request<Bytes>,
) -> Result<Response<hyper::body::Incoming>, String> {
    let words = |error: hyper::Error| crate::upstream::root_cause(&error);
    let io = TokioIo::new(stream);
    let (mut sender, connection) =
        hyper::client::conn::http1::Builder::new().handshake(io).await.map_err(words)?;
    // It ends when `sender` and the body are dropped.
    tokio::spawn(connection);
    let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
    let host = HeaderValue::from_str(authority).map_err(|error| error.to_string())?;
    request.headers_mut().insert(header::HOST, host);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse().map_err(|error: http::uri::InvalidUri| error.to_string())?;
    sender.send_request(request.map(Full::new)).await.map_err(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(url: &str) -> Reach {
        Reach::of("crm", &url.parse().unwrap())
    }

    #[test]
    fn only_addresses_on_the_internet_are_public() {
        for address in [
            "1.1.1.1",
            "192.88.98.1",
            "100.63.0.1",
            "2606:4700::1",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
        ] {
            assert_eq!(zone(address.parse().unwrap()), Zone::Public, "{address}");
        }
        for address in
            ["10.0.0.1", "172.31.9.9", "192.168.1.1", "100.64.0.1", "fd00::1", "::ffff:10.0.0.1"]
        {
            assert_eq!(zone(address.parse().unwrap()), Zone::Private, "{address}");
        }
        for address in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(zone(address.parse().unwrap()), Zone::Loopback, "{address}");
        }
        for address in [
            "169.254.169.254",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "192.0.0.192",
            "198.18.0.1",
            "203.0.113.9",
            "::",
            "fe80::1",
            "ff02::1",
            "fec0::1",
            "2001:db8::1",
            "2001::1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "64:ff9b::a9fe:a9fe",
            "::ffff:169.254.169.254",
            "::7f00:1",
        ] {
            assert_eq!(zone(address.parse().unwrap()), Zone::Never, "{address}");
        }
    }

    #[test]
    fn plain_http_and_this_machine_only_for_a_connection_that_is_there() {
        let far = reach("https://mcp.acme.com/mcp");
        assert!(far.check("https://auth.acme.com/token").is_ok());
        for bad in [
            "http://auth.acme.com/token",
            "http://mcp.acme.com/x",
            "https://127.0.0.1/x",
            "http://127.0.0.1:7410/api/v1/health",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/",
            "https://[fd00::1]/",
            "https://10.0.0.1/",
            "https://[::ffff:127.0.0.1]/",
            "https://u:p@auth.acme.com/",
            "https://auth.acme.com/#x",
            "file:///etc/passwd",
            "/relative",
            "javascript:alert(1)",
            "https://",
        ] {
            assert!(far.check(bad).is_err(), "{bad}");
        }
        let near = reach("http://127.0.0.1:9000/mcp");
        assert!(near.check("http://127.0.0.1:9001/token").is_ok());
        for bad in [
            "http://localhost:9001/",
            "http://127.0.0.2/",
            "http://169.254.169.254/",
            "https://10.0.0.1/",
        ] {
            assert!(near.check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_may_lead_into_the_office_only_where_an_admin_entered_it() {
        let office = reach("https://mcp.corp.example/mcp");
        let private: IpAddr = "10.1.2.3".parse().unwrap();
        assert!(office.allows("mcp.corp.example", private).is_ok());
        assert!(office.allows("auth.corp.example", private).is_err());
        for never in ["127.0.0.1", "169.254.169.254", "::1", "fe80::1"] {
            let address: IpAddr = never.parse().unwrap();
            assert!(office.allows("mcp.corp.example", address).is_err(), "{never}");
        }
    }

    #[tokio::test]
    async fn a_name_is_checked_by_what_it_resolves_to() {
        let uri = "https://localhost/x".parse().unwrap();
        let error = reach("https://mcp.acme.com/").resolve(&uri).await.unwrap_err();
        assert!(matches!(error, EgressError::Inside { .. }), "{error}");
        assert!(reach("http://localhost:1/").resolve(&uri).await.is_ok());
    }
}
