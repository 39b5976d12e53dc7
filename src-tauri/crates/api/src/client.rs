//! The client of the admin API over the local socket.
//!
//! ```no_run
//! # async fn example() -> Result<(), agw_api::ClientError> {
//! use agw_api::{Client, SessionCreated, SignInRequest, Status, segment};
//!
//! let client = Client::new(std::path::Path::new("/home/ana/.local/share/agw"));
//! let sign_in = SignInRequest { user: "ana".into(), password: "correct horse".into() };
//! let session: SessionCreated = client.post("/api/v1/sessions", &sign_in).await?;
//! let client = client.with_session(session.token);
//! let status: Status = client.get("/api/v1/status").await?;
//! client.delete(&format!("/api/v1/connections/{}", segment("gmail"))).await?;
//! # let _ = status; Ok(()) }
//! ```
//!
//! Each request has its own connection. A local connect costs microseconds,
//! and there is no pool whose stale entries would have to be told apart from
//! a service that stopped. Nothing is retried: the service may have acted on
//! a request whose answer was lost.

mod download;
mod error;
mod events;
mod export;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use interprocess::local_socket::tokio::Stream as LocalStream;
use interprocess::local_socket::traits::tokio::Stream as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

pub use download::Download;
pub use error::ClientError;
pub use events::EventStream;
pub use export::{ExportFormat, RecordCounter};

use crate::paths;

/// The longest body of an answer. The largest real one, a thousand audit
/// records, stays well below.
const MAX_RESPONSE_BYTES: usize = 16 * 1024 * 1024;
/// The longest wait for the socket to accept.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest wait for a complete answer. Testing a connection starts an
/// upstream server and is the slowest request there is.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);

/// Speaks to the service of one data folder. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    data_dir: Arc<Path>,
    session: Option<Arc<str>>,
    /// What the service is told of who asks.
    program: &'static str,
}

/// What the desktop window calls itself, so that its session can be told from
/// those of the command line.
pub const WINDOW: &str = "agw-window";

/// Written by hand: the token must not reach a log.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("data_dir", &self.data_dir)
            .field("signed_in", &self.session.is_some())
            .finish()
    }
}

/// An answer as it came, failures included.
#[derive(Clone)]
pub struct RawResponse {
    pub status: StatusCode,
    /// Seconds to wait before asking again, with `too_many_attempts`.
    pub retry_after: Option<u64>,
    pub body: Bytes,
}

/// Written by hand: bodies can carry tokens that are shown once.
impl fmt::Debug for RawResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawResponse")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .finish()
    }
}

impl Client {
    /// A client of the service whose data folder this is. Nothing is
    /// connected yet.
    pub fn new(data_dir: &Path) -> Self {
        Self { data_dir: Arc::from(data_dir), session: None, program: "agw" }
    }

    /// The same client, signed in with the token of
    /// [`SessionCreated`](crate::SessionCreated), or signed out.
    #[must_use]
    pub fn with_session(self, token: Option<String>) -> Self {
        Self { session: token.map(Arc::from), ..self }
    }

    /// The same client, as another program: [`WINDOW`].
    #[must_use]
    pub fn named(self, program: &'static str) -> Self {
        Self { program, ..self }
    }

    /// Sends JSON (or nothing) to `path`, which starts with `/api/v1/` and may
    /// carry a query. Refusals are answers here, not errors.
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&[u8]>,
    ) -> Result<RawResponse, ClientError> {
        let operation = operation(&method, path);
        let exchange = async {
            let response = self.send(method, path, body, "application/json").await?;
            receive(response, &operation).await
        };
        timeout(REQUEST_TIMEOUT, exchange)
            .await
            .unwrap_or_else(|_| Err(ClientError::timed_out(&operation, REQUEST_TIMEOUT)))
    }

    /// `GET path`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let response = self.request(Method::GET, path, None).await?;
        parse(response, &operation(&Method::GET, path))
    }

    /// `POST path` with `body` as JSON; `&()` sends none. Where the answer is
    /// 204, `T` is `()`.
    pub async fn post<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, ClientError> {
        self.send_json(Method::POST, path, body).await
    }

    /// `PUT path`, as [`post`](Self::post).
    pub async fn put<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, ClientError> {
        self.send_json(Method::PUT, path, body).await
    }

    async fn send_json<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &B,
    ) -> Result<T, ClientError> {
        let operation = operation(&method, path);
        let json = serde_json::to_vec(body)
            .map_err(|error| ClientError::malformed(&operation, format!("request: {error}")))?;
        let json = (json != b"null").then_some(json);
        let response = self.request(method, path, json.as_deref()).await?;
        parse(response, &operation)
    }

    /// `DELETE path`.
    pub async fn delete(&self, path: &str) -> Result<(), ClientError> {
        let response = self.request(Method::DELETE, path, None).await?;
        refusal(&response, &operation(&Method::DELETE, path)).map_or(Ok(()), Err)
    }

    /// `GET /api/v1/events`: what happens from now on. The stream ends when
    /// the service stops, and does not reconnect.
    pub async fn events(&self) -> Result<EventStream, ClientError> {
        const PATH: &str = "/api/v1/events";
        let response = self.open(PATH, "text/event-stream", CONNECT_TIMEOUT).await?;
        Ok(EventStream::new(response.into_body()))
    }

    /// `GET path`, to be read piece by piece.
    pub async fn download(&self, path: &str) -> Result<Download, ClientError> {
        let response = self.open(path, "*/*", REQUEST_TIMEOUT).await?;
        Download::new(response, operation(&Method::GET, path))
    }

    /// `GET path` as far as its head, which must come within `limit`.
    async fn open(
        &self,
        path: &str,
        accept: &'static str,
        limit: Duration,
    ) -> Result<Response<Incoming>, ClientError> {
        let operation = operation(&Method::GET, path);
        let opening = async {
            let response = self.send(Method::GET, path, None, accept).await?;
            if response.status().is_success() {
                return Ok(response);
            }
            let answer = receive(response, &operation).await?;
            Err(refusal(&answer, &operation).unwrap_or_else(|| {
                ClientError::malformed(&operation, format!("status {}", answer.status))
            }))
        };
        timeout(limit, opening)
            .await
            .unwrap_or_else(|_| Err(ClientError::timed_out(&operation, limit)))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&[u8]>,
        accept: &'static str,
    ) -> Result<Response<Incoming>, ClientError> {
        let operation = operation(&method, path);
        let malformed = |error: http::Error| ClientError::malformed(&operation, error.to_string());
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "localhost")
            .header(USER_AGENT, self.program)
            .header(ACCEPT, accept);
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(token) = &self.session {
            let mut bearer = HeaderValue::try_from(format!("Bearer {token}"))
                .map_err(|error| malformed(error.into()))?;
            bearer.set_sensitive(true);
            request = request.header(AUTHORIZATION, bearer);
        }
        let body = Full::new(Bytes::copy_from_slice(body.unwrap_or_default()));
        let request = request.body(body).map_err(malformed)?;

        let stream = self.connect(&operation).await?;
        let lost = |error: hyper::Error| ClientError::io(&operation, io::Error::other(error));
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
        // Ends by itself once the answer is read or dropped; its error is also
        // reported to whoever reads the answer.
        tokio::spawn(connection);
        sender.send_request(request).await.map_err(lost)
    }

    async fn connect(&self, operation: &str) -> Result<LocalStream, ClientError> {
        let name = paths::admin_socket_name(&self.data_dir)
            .map_err(|error| ClientError::io(operation, error))?;
        match timeout(CONNECT_TIMEOUT, LocalStream::connect(name)).await {
            Ok(Ok(stream)) => Ok(stream),
            // The second is what a crash leaves: a socket nobody listens on.
            Ok(Err(error))
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
                ) =>
            {
                Err(ClientError::NotRunning { data_dir: self.data_dir.to_path_buf() })
            }
            Ok(Err(error)) => Err(ClientError::io(operation, error)),
            Err(_) => Err(ClientError::timed_out(operation, CONNECT_TIMEOUT)),
        }
    }
}

/// Percent-encodes a name for use as one segment of a path: everything but
/// RFC 3986's unreserved characters.
///
/// ```
/// assert_eq!(agw_api::segment("Ana's Claude/1"), "Ana%27s%20Claude%2F1");
/// ```
pub fn segment(name: &str) -> String {
    const HEX: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let hex = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or('0');
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.extend(['%', hex(byte >> 4), hex(byte & 0xf)]),
        }
    }
    out
}

/// How errors name a request. Queries are left out: they only select.
fn operation(method: &Method, path: &str) -> String {
    format!("{method} {}", path.split('?').next().unwrap_or(path))
}

async fn receive(
    response: Response<Incoming>,
    operation: &str,
) -> Result<RawResponse, ClientError> {
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
    match Limited::new(response.into_body(), MAX_RESPONSE_BYTES).collect().await {
        Ok(body) => Ok(RawResponse { status, retry_after, body: body.to_bytes() }),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(ClientError::too_large(operation, MAX_RESPONSE_BYTES))
        }
        Err(error) => Err(ClientError::io(operation, io::Error::other(error))),
    }
}

fn parse<T: DeserializeOwned>(response: RawResponse, operation: &str) -> Result<T, ClientError> {
    if let Some(refused) = refusal(&response, operation) {
        return Err(refused);
    }
    let json: &[u8] = if response.body.is_empty() { b"null" } else { &response.body };
    serde_json::from_slice(json)
        .map_err(|error| ClientError::malformed(operation, error.to_string()))
}

/// The error that an answer stands for, if it is not a success.
fn refusal(response: &RawResponse, operation: &str) -> Option<ClientError> {
    if response.status.is_success() {
        return None;
    }
    Some(match serde_json::from_slice(&response.body) {
        Ok(body) => ClientError::Refused { status: response.status, body: Box::new(body) },
        Err(_) => ClientError::malformed(
            operation,
            format!("status {} without an error body", response.status),
        ),
    })
}
