//! MCP servers that speak HTTP with SSE (MCP 2024-11-05, basic/transports):
//! one stream of events from the server, whose first says where messages to
//! the server are posted.

use std::sync::Arc;

use agw_vault::Secret;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Uri};
use hyper::body::Incoming as Body;
use tokio::sync::mpsc;

use crate::{
    bounds,
    upstream::{
        UpstreamError,
        ear::Ear,
        http::{Access, Headers, Site, check_status, content_type, next_chunk},
        life::Life,
        log::Log,
        sse::Events,
        wire::{Ends, Shared, Wire},
    },
};

#[derive(Debug)]
pub(super) struct OldSse {
    pub(super) site: Site,
    /// For what no call is behind; a call brings its own.
    pub(super) access: Access,
}

impl OldSse {
    pub(super) async fn open(
        &self,
        headers: &Headers,
        secrets: Arc<[Secret]>,
        ear: Ear,
        life: Life,
    ) -> Result<Wire, UpstreamError> {
        let response = self.site.listen([&[], headers]).await?;
        check_status(&response)?;
        if content_type(&response) != "text/event-stream" {
            let kind = content_type(&response);
            return Err(UpstreamError::Malformed(format!("its content type is {kind:?}")));
        }
        let mut stream = Stream { body: response.into_body(), events: Events::default() };
        let first = stream.next().await?;
        let first = first.filter(|(endpoint, _)| *endpoint).map(|(_, data)| data);
        let first = first.ok_or_else(|| {
            UpstreamError::Malformed("its stream does not begin with an endpoint".into())
        })?;
        let uri = resolve(&self.site.uri, &first)?;
        let (wire, ends) = Wire::new(secrets, Log::default(), ear, life.clone());
        let post = Site { uri, client: self.site.client.clone() };
        life.tasks.spawn(carry(stream, post, headers.to_vec(), ends));
        Ok(wire)
    }
}

struct Stream {
    body: Body,
    events: Events,
}

impl Stream {
    /// Whether it is the endpoint, and the data; `None` at the end.
    async fn next(&mut self) -> Result<Option<(bool, Bytes)>, UpstreamError> {
        loop {
            if let Some(event) = self.events.next() {
                return Ok(Some((event.endpoint, event.data)));
            }
            if self.events.pending() > bounds::REPLY_MAX {
                return Err(UpstreamError::TooLarge(bounds::REPLY_MAX));
            }
            let Some(chunk) = next_chunk(&mut self.body).await? else { return Ok(None) };
            self.events.push(&chunk);
        }
    }
}

/// Carries messages both ways until one of them ends.
async fn carry(stream: Stream, post: Site, headers: Vec<(HeaderName, HeaderValue)>, ends: Ends) {
    let Ends { shared, outgoing, stop } = ends;
    let why = tokio::select! {
        why = receive(stream, &shared) => why,
        why = send(outgoing, &post, &headers) => why,
        () = stop.cancelled() => "it was stopped".to_owned(),
    };
    shared.close(why);
}

async fn receive(mut stream: Stream, shared: &Arc<Shared>) -> String {
    loop {
        match stream.next().await {
            Ok(Some((false, data))) => match shared.take_in(&data) {
                Ok(Some(answer)) => shared.answer(answer).await,
                Ok(None) => {}
                Err(_) => return "an event is not a JSON-RPC message".into(),
            },
            // It was told already.
            Ok(Some((true, _))) => {}
            Ok(None) => return "its event stream ended".into(),
            Err(error) => return error.to_string(),
        }
    }
}

async fn send(mut outgoing: mpsc::Receiver<Bytes>, post: &Site, headers: &Headers) -> String {
    while let Some(message) = outgoing.recv().await {
        let posted = async { check_status(&post.post([&[], headers], message).await?) };
        match tokio::time::timeout(bounds::POSTING, posted).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error.to_string(),
            Err(_) => return UpstreamError::TimedOut(bounds::POSTING).to_string(),
        }
    }
    "it was stopped".into()
}

/// Where to post, as the server says it. Nowhere but to itself: what is posted
/// there carries the gateway's credential.
fn resolve(base: &Uri, endpoint: &[u8]) -> Result<Uri, UpstreamError> {
    let wrong = |what: &str| UpstreamError::Malformed(format!("its endpoint {what}"));
    let endpoint = std::str::from_utf8(endpoint).map_err(|_| wrong("is no text"))?.trim();
    let (Some(scheme), Some(authority)) = (base.scheme_str(), base.authority()) else {
        return Err(wrong("has no base"));
    };
    let absolute = if endpoint.contains("://") {
        endpoint.to_owned()
    } else if let Some(rest) = endpoint.strip_prefix("//") {
        format!("{scheme}://{rest}")
    } else if endpoint.starts_with('/') {
        format!("{scheme}://{authority}{endpoint}")
    } else {
        let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{endpoint}")
    };
    let uri: Uri = absolute.parse().map_err(|_| wrong("is no URL"))?;
    let origin = |uri: &Uri| {
        let port =
            uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        (uri.scheme_str().map(str::to_owned), uri.host().map(str::to_ascii_lowercase), port)
    };
    let credentials = uri.authority().is_some_and(|a| a.as_str().contains('@'));
    if origin(&uri) != origin(base) || credentials {
        return Err(wrong("is on another server"));
    }
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_on_the_server_that_names_it() {
        let base: Uri = "https://mcp.acme.com/a/sse".parse().unwrap();
        for (endpoint, expected) in [
            ("/messages?id=1", "https://mcp.acme.com/messages?id=1"),
            ("messages?id=1", "https://mcp.acme.com/a/messages?id=1"),
            ("https://MCP.acme.com:443/m", "https://MCP.acme.com:443/m"),
            ("//mcp.acme.com/m", "https://mcp.acme.com/m"),
        ] {
            assert_eq!(resolve(&base, endpoint.as_bytes()).unwrap(), expected, "{endpoint}");
        }
        for endpoint in [
            "https://evil.example/m",
            "http://mcp.acme.com/m",
            "https://mcp.acme.com:8443/m",
            "https://mcp.acme.com@evil.example/m",
            "https://x@mcp.acme.com/m",
            "//evil.example/m",
            "http://169.254.169.254/latest",
            "",
            "https://",
            "\u{0}",
        ] {
            let resolved = resolve(&base, endpoint.as_bytes());
            let own = resolved.as_ref().is_ok_and(|uri| uri.host() == Some("mcp.acme.com"));
            assert!(resolved.is_err() || endpoint.is_empty() && own, "{endpoint}");
        }
    }
}
