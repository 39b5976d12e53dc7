//! The gateway at the other end: where it is, the token for it, and one HTTP
//! client that keeps connections open.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use agw_api::paths;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::version::TLS13;

use super::reply::Problem;
use crate::error::CliError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Shorter than a gateway keeps an idle connection.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) struct Gateway {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    bearer: HeaderValue,
    endpoint: Mutex<Uri>,
    source: Source,
}

/// Where the address of the endpoint comes from.
pub(super) enum Source {
    /// `--url` or `AGW_URL`.
    Given(String),
    /// The file that a running service keeps in its data folder. It is read
    /// again when nothing answers: the service may have moved.
    Service(PathBuf),
}

impl Gateway {
    pub(super) fn new(
        source: Source,
        connection: Option<&str>,
        token: &str,
    ) -> Result<Self, CliError> {
        let endpoint = source.endpoint(connection)?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| {
            CliError::usage("the token has characters that no token has", "Copy the token again.")
        })?;
        bearer.set_sensitive(true);
        let connector = connector(endpoint.scheme_str() == Some("https"))?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build(connector);
        Ok(Self { client, bearer, endpoint: Mutex::new(endpoint), source })
    }

    pub(super) async fn post(
        &self,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Incoming>, Problem> {
        self.send(&Method::POST, "application/json, text/event-stream", headers, body).await
    }

    pub(super) async fn get(&self, headers: HeaderMap) -> Result<Response<Incoming>, Problem> {
        self.send(&Method::GET, "text/event-stream", headers, Bytes::new()).await
    }

    pub(super) async fn delete(&self, headers: HeaderMap) -> Result<Response<Incoming>, Problem> {
        self.send(&Method::DELETE, "application/json", headers, Bytes::new()).await
    }

    async fn send(
        &self,
        method: &Method,
        accept: &'static str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Incoming>, Problem> {
        let endpoint = self.endpoint();
        match self.send_to(&endpoint, method, accept, &headers, &body).await {
            // Nothing was sent, so sending it elsewhere repeats nothing.
            Err(problem @ Problem::Unreachable { .. }) => match self.moved(&endpoint) {
                Some(endpoint) => self.send_to(&endpoint, method, accept, &headers, &body).await,
                None => Err(problem),
            },
            sent => sent,
        }
    }

    async fn send_to(
        &self,
        endpoint: &Uri,
        method: &Method,
        accept: &'static str,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<Response<Incoming>, Problem> {
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = method.clone();
        *request.uri_mut() = endpoint.clone();
        *request.headers_mut() = headers.clone();
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        headers.insert(AUTHORIZATION, self.bearer.clone());
        if method == Method::POST {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        self.client.request(request).await.map_err(|error| {
            let why = root_cause(&error);
            if error.is_connect() {
                Problem::Unreachable { url: endpoint.to_string(), why }
            } else {
                Problem::Lost { why }
            }
        })
    }

    fn endpoint(&self) -> Uri {
        self.endpoint.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The new address, if the service says it is no longer at `old`.
    fn moved(&self, old: &Uri) -> Option<Uri> {
        let Source::Service(folder) = &self.source else {
            return None;
        };
        let said = paths::service(folder).ok()?.url.parse::<Uri>().ok()?.into_parts();
        let mut parts = old.clone().into_parts();
        parts.scheme = said.scheme;
        parts.authority = said.authority;
        let new = Uri::from_parts(parts).ok()?;
        if new == *old || !may_carry_a_token(&new) {
            return None;
        }
        *self.endpoint.lock().unwrap_or_else(PoisonError::into_inner) = new.clone();
        Some(new)
    }
}

impl Source {
    pub(super) fn new(url: Option<String>, data_dir: &Path) -> Self {
        url.map_or_else(|| Self::Service(data_dir.to_owned()), Self::Given)
    }

    /// The endpoint's address, with the name of the one connection, if asked for.
    fn endpoint(&self, connection: Option<&str>) -> Result<Uri, CliError> {
        let base = match self {
            Self::Given(url) => url.clone(),
            Self::Service(folder) => paths::service_url(folder),
        };
        let bad = || CliError::usage(format!("{base} is no URL"), "Check --url and AGW_URL.");
        let uri: Uri = base.parse().map_err(|_| bad())?;
        let mut path = uri.path().trim_end_matches('/').to_owned();
        // `http://127.0.0.1:7410` is how people write the gateway's address.
        if path.is_empty() {
            path.push_str("/mcp");
        }
        if let Some(segment) = connection {
            path.push('/');
            path.push_str(segment);
        }
        if let Some(query) = uri.query() {
            path.push('?');
            path.push_str(query);
        }
        let mut parts = uri.into_parts();
        parts.path_and_query = Some(path.parse().map_err(|_| bad())?);
        let endpoint = Uri::from_parts(parts).map_err(|_| bad())?;
        if may_carry_a_token(&endpoint) {
            return Ok(endpoint);
        }
        Err(CliError::usage(
            format!("{endpoint} would carry the token over the network in clear"),
            "Use https://, or the gateway's address on this machine.",
        ))
    }
}

/// TLS, or a connection that does not leave the machine.
fn may_carry_a_token(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let local = host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    uri.scheme_str() == Some("https") || local
}

/// Certificates are read only where they will be needed: that takes longer
/// than all the rest of starting.
fn connector(tls: bool) -> Result<HttpsConnector<HttpConnector>, CliError> {
    let failed = |error: &dyn Error| {
        CliError::failed(
            "tls",
            format!("cannot set up TLS: {error}"),
            "Check the system's certificates (on Debian the package ca-certificates).",
        )
    };
    let mut http = HttpConnector::new();
    http.set_nodelay(true);
    http.set_connect_timeout(Some(CONNECT_TIMEOUT));
    http.enforce_http(false);
    let config = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| failed(&error))?;
    let config = if tls {
        use hyper_rustls::ConfigBuilderExt as _;
        config.with_native_roots().map_err(|error| failed(&error))?.with_no_client_auth()
    } else {
        config.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
    };
    let builder = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http();
    Ok(builder.enable_http1().wrap_connector(http))
}

/// The innermost error says what happened; the outer ones only where.
fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str, connection: Option<&str>) -> Result<String, CliError> {
        Source::Given(url.to_owned()).endpoint(connection).map(|uri| uri.to_string())
    }

    #[test]
    fn addresses() {
        for (url, connection, expected) in [
            ("http://127.0.0.1:7410/mcp", None, "http://127.0.0.1:7410/mcp"),
            ("http://127.0.0.1:7410", None, "http://127.0.0.1:7410/mcp"),
            ("http://localhost:7410/", Some("fs"), "http://localhost:7410/mcp/fs"),
            ("http://[::1]:7410/mcp/?a=b", Some("fs"), "http://[::1]:7410/mcp/fs?a=b"),
            ("https://gateway.example/mcp", None, "https://gateway.example/mcp"),
        ] {
            assert_eq!(endpoint(url, connection).unwrap(), expected);
        }
    }

    #[test]
    fn a_token_does_not_cross_the_network_in_clear() {
        for url in
            ["http://gateway.example/mcp", "http://10.0.0.1/mcp", "http://127.0.0.1.example/"]
        {
            assert!(matches!(endpoint(url, None), Err(CliError::Usage(_))), "{url}");
        }
    }

    #[test]
    fn the_service_file_names_the_address() {
        let folder = tempfile::tempdir().unwrap();
        let source = Source::new(None, folder.path());
        assert_eq!(source.endpoint(None).unwrap().to_string(), "http://127.0.0.1:7410/mcp");
        let file = agw_api::paths::service_file(folder.path());
        std::fs::write(&file, r#"{"pid":1,"url":"http://127.0.0.1:8000/"}"#).unwrap();
        let gateway = Gateway::new(source, Some("fs"), "st_x").unwrap();
        assert_eq!(gateway.endpoint().to_string(), "http://127.0.0.1:8000/mcp/fs");

        assert!(gateway.moved(&gateway.endpoint()).is_none());
        std::fs::write(&file, r#"{"pid":2,"url":"http://127.0.0.1:9000"}"#).unwrap();
        let new = gateway.moved(&gateway.endpoint()).unwrap();
        assert_eq!(new.to_string(), "http://127.0.0.1:9000/mcp/fs");
        assert_eq!(gateway.endpoint(), new);
    }
}
