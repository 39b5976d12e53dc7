//! HTTP towards upstreams: a client for each, whose connections are pooled;
//! redirects are never followed, and every body is bounded.

use std::{sync::Arc, time::Duration};

use agw_vault::Secret;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming as Body;

use crate::{
    bounds, egress::means_this_machine, outbound::HttpClient, pipeline::ArmedRequest,
    upstream::UpstreamError,
};

/// After the answer, how long the rest of a stream may take to end, so that
/// its connection can be used again.
pub(super) const REST_OF_STREAM: Duration = Duration::from_millis(250);

/// An upstream's URL: HTTPS, or plain HTTP to this machine only.
pub(crate) fn check_url(url: &str) -> Result<Uri, String> {
    let uri: Uri = url.parse().map_err(|e| format!("{url:?} is not a URL: {e}"))?;
    let host = uri.host().ok_or_else(|| format!("{url:?} names no host"))?;
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("the URL contains a user name; use a credential instead".into());
    }
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if means_this_machine(host) => Ok(uri),
        Some("http") => Err(format!("{host} is not this machine, so use https")),
        _ => Err(format!("{url:?} is neither http nor https")),
    }
}

/// Headers as they are sent.
pub(super) type Headers = [(HeaderName, HeaderValue)];

/// Credentials as they travel, and what must not come back of them.
#[derive(Debug, Clone)]
pub(super) struct Access {
    pub(super) headers: Arc<Headers>,
    pub(super) secrets: Arc<[Secret]>,
}

impl Access {
    /// A call's.
    pub(super) fn of(armed: &ArmedRequest) -> Self {
        Self { headers: armed.headers().into(), secrets: Arc::clone(armed.secrets()) }
    }
}

/// A URL that is spoken to.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub(super) uri: Uri,
    pub(super) client: HttpClient,
}

impl Site {
    pub(super) async fn post(
        &self,
        headers: [&Headers; 2],
        body: Bytes,
    ) -> Result<Response<Body>, UpstreamError> {
        self.send(Method::POST, "application/json, text/event-stream", headers, body).await
    }

    /// Opens a stream of events.
    pub(super) async fn listen(
        &self,
        headers: [&Headers; 2],
    ) -> Result<Response<Body>, UpstreamError> {
        self.send(Method::GET, "text/event-stream", headers, Bytes::new()).await
    }

    pub(super) async fn send(
        &self,
        method: Method,
        accept: &'static str,
        headers: [&Headers; 2],
        body: Bytes,
    ) -> Result<Response<Body>, UpstreamError> {
        let mut request = Request::new(Full::new(body));
        if method == Method::POST {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(header::CONTENT_TYPE, json);
        }
        *request.method_mut() = method;
        *request.uri_mut() = self.uri.clone();
        let map: &mut HeaderMap = request.headers_mut();
        map.insert(header::ACCEPT, HeaderValue::from_static(accept));
        for (name, value) in headers.into_iter().flatten() {
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

pub(super) fn check_status(response: &Response<Body>) -> Result<(), UpstreamError> {
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

/// The media type of a body, without its parameters.
pub(super) fn content_type(response: &Response<Body>) -> &str {
    let kind = response.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim()
}

pub(super) async fn read_all(mut body: Body) -> Result<Bytes, UpstreamError> {
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

pub(super) async fn next_chunk(body: &mut Body) -> Result<Option<Bytes>, UpstreamError> {
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
