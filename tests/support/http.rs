//! A plain HTTP client that sends what it is told and nothing else. HTTPS is
//! spoken with those whose authority a test has named.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

/// No answer of the gateway takes longer, however busy the machine: it gives
/// an upstream 55 s.
const PATIENCE: Duration = Duration::from_secs(120);

/// By the host and port of those that show a certificate of it.
static TRUSTED: LazyLock<Mutex<HashMap<String, Arc<ClientConfig>>>> = LazyLock::new(Mutex::default);

/// From now on this authority vouches for the server at `https://HOST:PORT`.
pub fn trust(base: &str, pem: &str) {
    let authority = base.strip_prefix("https://").unwrap().to_owned();
    let config = Arc::new(client_config(pem, &[&rustls::version::TLS13]));
    TRUSTED.lock().unwrap().insert(authority, config);
}

/// Trusts this authority alone, and speaks these versions.
pub fn client_config(
    pem: &str,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_protocol_versions(versions).unwrap();
    builder.with_root_certificates(roots).with_no_client_auth()
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn connect(https: bool, authority: &str) -> Box<dyn Stream> {
    let stream = TcpStream::connect(authority).await.unwrap();
    if !https {
        return Box::new(stream);
    }
    let config = TRUSTED.lock().unwrap().get(authority).cloned();
    let config = config.unwrap_or_else(|| panic!("nobody vouches for {authority}"));
    let host = authority.rsplit_once(':').unwrap().0.to_owned();
    let name = ServerName::try_from(host).unwrap();
    Box::new(TlsConnector::from(config).connect(name, stream).await.unwrap())
}

/// One request on a connection of its own; `Host` is set unless given.
pub async fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Response<Incoming> {
    let uri: http::Uri = url.parse().unwrap();
    let authority = uri.authority().unwrap().to_string();
    let stream = connect(uri.scheme_str() == Some("https"), &authority).await;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(uri.path_and_query().unwrap().as_str());
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        request = request.header("host", authority);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body.into())).unwrap();
    within(method, url, sender.send_request(request)).await.unwrap()
}

async fn within<T>(method: &str, url: &str, answer: impl Future<Output = T>) -> T {
    let answer = tokio::time::timeout(PATIENCE, answer).await;
    answer.unwrap_or_else(|_| panic!("{method} {url}: no answer within {PATIENCE:?}"))
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// [`send`], and the whole answer.
pub async fn ask(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Reply {
    let response = send(method, url, headers, body).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Reply { status, headers, text: within(method, url, text(response)).await }
}

pub async fn text(response: Response<Incoming>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub async fn post_json(url: &str, headers: &[(&str, &str)], body: &Value) -> (u16, Value) {
    let mut all = vec![("content-type", "application/json")];
    all.extend(headers);
    let response = send("POST", url, &all, body.to_string()).await;
    let status = response.status().as_u16();
    let text = text(response).await;
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}
