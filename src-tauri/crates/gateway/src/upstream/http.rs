//! MCP servers at a URL: streamable HTTP (MCP 2025-11-25, basic/transports).
//!
//! Each user of the gateway gets a session of their own with the upstream, so
//! that nothing an upstream keeps per session is shared between people. The
//! connections below are pooled; redirects are never followed.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use agw_core::UserId;
use agw_vault::Secret;
use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header,
};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming as Body;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    bounds,
    pipeline::{self, ArmedRequest},
    upstream::{
        UpstreamError,
        jsonrpc::{self, Answer, Incoming},
        link::{self, Greeting},
        sse,
    },
};

/// The client that all connections share.
pub(crate) type HttpClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const CONNECT: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_secs(90);
/// After the answer, how long the rest of a stream may take to end, so that
/// its connection can be used again.
const REST_OF_STREAM: Duration = Duration::from_millis(250);
/// Sessions with one upstream; above it the oldest are forgotten.
const SESSIONS_MAX: usize = 1_024;

/// TLS 1.3 with the system's certificates.
pub(crate) fn tls() -> std::io::Result<rustls::ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(std::io::Error::other)?
        .with_native_roots()?
        .with_no_client_auth())
}

/// TCP_NODELAY, pooled connections.
pub(crate) fn client(tls: rustls::ClientConfig) -> HttpClient {
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT));
    tcp.enforce_http(false);
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp);
    Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE)
        .pool_timer(TokioTimer::new())
        .build(connector)
}

/// An upstream's URL: HTTPS, or plain HTTP to this machine only.
pub(crate) fn check_url(url: &str) -> Result<Uri, String> {
    let uri: Uri = url.parse().map_err(|e| format!("{url:?} is not a URL: {e}"))?;
    let host = uri.host().ok_or_else(|| format!("{url:?} names no host"))?;
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("the URL contains a user name; use a credential instead".into());
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let local = bare == "localhost"
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if local => Ok(uri),
        Some("http") => Err(format!("{host} is not this machine, so use https")),
        _ => Err(format!("{url:?} is neither http nor https")),
    }
}

#[derive(Debug)]
pub(super) struct HttpLink {
    uri: Uri,
    client: HttpClient,
    /// For greeting and listing; a call brings its own.
    headers: Vec<(HeaderName, HeaderValue)>,
    /// What those headers hold.
    secrets: Arc<[Secret]>,
    sessions: Mutex<HashMap<Whose, Arc<Session>>>,
    next_id: AtomicU64,
    broken: Notify,
}

/// Whose requests a session is for, and the account that they go with; nobody
/// for the gateway's own.
type Whose = Option<(UserId, Option<u64>)>;

/// What an upstream agreed on with one user's requests.
#[derive(Debug)]
struct Session {
    id: Option<HeaderValue>,
    protocol: HeaderValue,
}

impl HttpLink {
    pub(super) fn new(
        url: &str,
        credentials: Vec<(String, Secret)>,
        client: HttpClient,
    ) -> Result<Self, UpstreamError> {
        let uri = check_url(url).map_err(UpstreamError::NotReady)?;
        let header = |(name, secret): &(String, Secret)| {
            pipeline::header(name, secret).map_err(|_| {
                UpstreamError::NotReady(format!("credential {name} is no valid header"))
            })
        };
        Ok(Self {
            uri,
            client,
            headers: credentials.iter().map(header).collect::<Result<_, _>>()?,
            secrets: credentials.into_iter().map(|(_, secret)| secret).collect(),
            sessions: Mutex::default(),
            next_id: AtomicU64::new(1),
            broken: Notify::new(),
        })
    }

    /// Opens the gateway's own session, for listing tools.
    pub(super) async fn greet(&self) -> Result<Greeting, UpstreamError> {
        let (session, greeting) = self.open_session(&self.headers).await?;
        self.remember(None, session);
        Ok(greeting)
    }

    pub(super) async fn request(
        &self,
        method: &str,
        params: &str,
    ) -> Result<Answer, UpstreamError> {
        let session = self.session(None, &self.headers).await?;
        let id = self.next_id();
        let body = jsonrpc::request(id, method, params).into();
        let response = self.post(&session, &self.headers, body).await?;
        Ok(read_answer(response, id).await?.without_secrets(&self.secrets))
    }

    /// The credentials that greeting and listing travel with.
    pub(super) fn secrets(&self) -> Arc<[Secret]> {
        Arc::clone(&self.secrets)
    }

    pub(super) async fn call(
        &self,
        armed: &ArmedRequest,
        cancel: &CancellationToken,
    ) -> Result<Answer, UpstreamError> {
        let user = Some((armed.user(), armed.account()));
        let headers = armed.headers();
        let id = self.next_id();
        let body = jsonrpc::tools_call(id, armed.tool(), armed.arguments());
        let answer = async {
            let mut session = self.session(user, headers).await?;
            armed.still_allowed()?;
            let mut response = self.post(&session, headers, body.clone()).await?;
            if response.status() == StatusCode::NOT_FOUND && session.id.is_some() {
                // The upstream has forgotten the session, so it did nothing
                // (MCP 2025-11-25, session management): a new one is due.
                self.sessions().remove(&user);
                session = self.session(user, headers).await?;
                armed.still_allowed()?;
                response = self.post(&session, headers, body).await?;
            }
            read_answer(response, id).await
        };
        let answer = tokio::select! {
            answer = answer => answer,
            () = cancel.cancelled() => Err(UpstreamError::Cancelled),
        };
        match &answer {
            Err(UpstreamError::Unreachable(_)) => self.broken.notify_one(),
            Err(UpstreamError::Cancelled) => {
                let session = self.sessions().get(&user).cloned();
                if let Some(session) = session {
                    let told = self.post(&session, headers, jsonrpc::cancelled(id).into());
                    // The upstream may ignore it or be gone.
                    let _ = tokio::time::timeout(REST_OF_STREAM, told).await;
                }
            }
            _ => {}
        }
        answer
    }

    /// Returns when a call found nobody at the URL.
    pub(super) async fn broken(&self) -> String {
        self.broken.notified().await;
        "it could no longer be reached".into()
    }

    fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, HashMap<Whose, Arc<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn session(
        &self,
        user: Whose,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Arc<Session>, UpstreamError> {
        if let Some(session) = self.sessions().get(&user) {
            return Ok(Arc::clone(session));
        }
        let (session, _) = self.open_session(headers).await?;
        Ok(self.remember(user, session))
    }

    fn remember(&self, user: Whose, session: Session) -> Arc<Session> {
        let mut sessions = self.sessions();
        if sessions.len() >= SESSIONS_MAX {
            sessions.retain(|user, _| user.is_none());
        }
        // Two first calls may both have opened one; the later one serves.
        let session = Arc::new(session);
        sessions.insert(user, Arc::clone(&session));
        session
    }

    async fn open_session(
        &self,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<(Session, Greeting), UpstreamError> {
        let id = self.next_id();
        let nobody = Session { id: None, protocol: HeaderValue::from_static("2025-11-25") };
        let body = jsonrpc::request(id, "initialize", &link::initialize_params());
        let response = self.post(&nobody, headers, body.into()).await?;
        let session_id = response.headers().get(SESSION_ID).cloned();
        let answer = read_answer(response, id).await?.without_secrets(&self.secrets);
        let greeting = link::read_greeting(answer)?;
        let protocol = HeaderValue::from_str(&greeting.protocol)
            .map_err(|_| UpstreamError::Malformed("its protocol version is no version".into()))?;
        let session = Session { id: session_id, protocol };
        let ready = jsonrpc::notification("notifications/initialized", "{}");
        check_status(&self.post(&session, headers, ready.into()).await?)?;
        Ok((session, greeting))
    }

    async fn post(
        &self,
        session: &Session,
        headers: &[(HeaderName, HeaderValue)],
        body: Bytes,
    ) -> Result<Response<Body>, UpstreamError> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let map: &mut HeaderMap = request.headers_mut();
        map.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let accept = HeaderValue::from_static("application/json, text/event-stream");
        map.insert(header::ACCEPT, accept);
        map.insert(PROTOCOL_VERSION, session.protocol.clone());
        if let Some(id) = &session.id {
            map.insert(SESSION_ID, id.clone());
        }
        for (name, value) in headers {
            map.insert(name, value.clone());
        }
        self.client.request(request).await.map_err(|e| {
            let cause = root_cause(&e);
            if e.is_connect() {
                UpstreamError::Unreachable(cause)
            } else {
                UpstreamError::Closed(cause)
            }
        })
    }
}

/// The last link of an error's chain: "Connection refused" rather than "client
/// error".
pub(crate) fn root_cause(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain.last().map(ToString::to_string).unwrap_or_default()
}

fn check_status(response: &Response<Body>) -> Result<(), UpstreamError> {
    let status = response.status();
    match status.as_u16() {
        200..=299 => Ok(()),
        401 | 403 => Err(unauthorized(response)),
        300..=399 => {
            let location = response.headers().get(header::LOCATION);
            let location = location.and_then(|l| l.to_str().ok()).unwrap_or("nowhere");
            Err(UpstreamError::Redirect(location.to_owned()))
        }
        status => Err(UpstreamError::Status(status)),
    }
}

/// With the challenge, if there is one for a bearer token.
fn unauthorized(response: &Response<Body>) -> UpstreamError {
    let status = response.status().as_u16();
    let said = response.headers().get_all(header::WWW_AUTHENTICATE).into_iter();
    let said: Vec<&str> = said.filter_map(|value| value.to_str().ok()).collect();
    let challenge = said.join(", ");
    if !challenge.to_ascii_lowercase().contains("bearer") {
        return UpstreamError::Unauthorized(status);
    }
    let challenge: String = challenge.chars().take(bounds::CHALLENGE_MAX).collect();
    UpstreamError::Challenged { status, challenge: challenge.into() }
}

/// The answer with our id, from a JSON body or an event stream.
async fn read_answer(response: Response<Body>, id: u64) -> Result<Answer, UpstreamError> {
    check_status(&response)?;
    let kind = response.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("text/event-stream") {
        return read_stream(response.into_body(), id).await;
    }
    if !kind.starts_with("application/json") {
        return Err(UpstreamError::Malformed(format!("its content type is {kind:?}")));
    }
    let body = read_all(response.into_body()).await?;
    let message = Incoming::parse(&body)
        .ok_or_else(|| UpstreamError::Malformed("it is not a JSON-RPC message".into()))?;
    if message.own_id() != Some(id) {
        return Err(UpstreamError::Malformed("it answers another request".into()));
    }
    message.answer(&body)
}

async fn read_all(mut body: Body) -> Result<Bytes, UpstreamError> {
    let mut all: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    while let Some(chunk) = next_chunk(&mut body).await? {
        match &all {
            None => all = Some(chunk),
            Some(first) => {
                if rest.is_empty() {
                    rest.extend_from_slice(first);
                }
                rest.extend_from_slice(&chunk);
            }
        }
        if rest.len() > bounds::REPLY_MAX {
            return Err(UpstreamError::TooLarge(bounds::REPLY_MAX));
        }
    }
    // Most answers come in one piece, and then nothing is copied.
    Ok(if rest.is_empty() { all.unwrap_or_default() } else { rest.freeze() })
}

async fn read_stream(mut body: Body, id: u64) -> Result<Answer, UpstreamError> {
    let mut events = sse::Events::default();
    let mut seen = 0;
    while let Some(chunk) = next_chunk(&mut body).await? {
        events.push(&chunk);
        seen += chunk.len();
        while let Some(data) = events.next() {
            let Some(message) = Incoming::parse(&data) else {
                return Err(UpstreamError::Malformed("an event is not a JSON-RPC message".into()));
            };
            if message.method.is_none() && message.own_id() == Some(id) {
                let answer = message.answer(&data);
                tokio::spawn(async move {
                    let rest = async { while let Ok(Some(_)) = next_chunk(&mut body).await {} };
                    let _ = tokio::time::timeout(REST_OF_STREAM, rest).await;
                });
                return answer;
            }
        }
        if seen > bounds::REPLY_MAX || events.pending() > bounds::REPLY_MAX {
            return Err(UpstreamError::TooLarge(bounds::REPLY_MAX));
        }
    }
    Err(UpstreamError::Closed("its event stream ended without the answer".into()))
}

async fn next_chunk(body: &mut Body) -> Result<Option<Bytes>, UpstreamError> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Err(e)) => return Err(UpstreamError::Closed(format!("half an answer: {e}"))),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check_url;

    #[test]
    fn plain_http_stays_on_this_machine() {
        for good in [
            "https://mcp.acme.com/mcp",
            "http://127.0.0.1:1/",
            "http://[::1]:1/",
            "http://localhost/x",
        ] {
            assert!(check_url(good).is_ok(), "{good}");
        }
        for bad in [
            "http://mcp.acme.com/",
            "http://127.0.0.1.acme.com/",
            "ftp://x/",
            "x",
            "/mcp",
            "https://a:b@acme.com/",
        ] {
            assert!(check_url(bad).is_err(), "{bad}");
        }
    }
}
