//! The legacy era's session (revisions up to 2025-11-25): what `initialize`
//! agreed, and how to make a new one when the gateway has forgotten it.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use super::envelope::PROTOCOL_VERSION;
use super::reply::Received;

pub(super) const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Sent in the client's place after a new session was made for it.
pub(super) const INITIALIZED: &[u8] = br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
/// Said to the client then: what it knew of the tools may be out of date.
pub(super) const TOOLS_CHANGED: &[u8] =
    br#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;

#[derive(Debug, Clone, Default)]
pub(super) struct Session {
    /// Counts up with each session; 0 before the first.
    pub(super) number: u64,
    /// The client's `initialize`, to be sent again for a new session.
    pub(super) initialize: Option<Bytes>,
    /// Whether the client was promised `tools/list_changed`.
    pub(super) announces_tools: bool,
    id: Option<HeaderValue>,
    protocol: Option<HeaderValue>,
}

impl Session {
    /// The session number `number` that this answer to `initialize` opens;
    /// `None` if it is an error.
    pub(super) fn opened(
        number: u64,
        initialize: Bytes,
        headers: &HeaderMap,
        answer: &[u8],
    ) -> Option<Self> {
        #[derive(Deserialize)]
        struct Initialized {
            #[serde(rename = "protocolVersion")]
            version: Option<String>,
            #[serde(default)]
            capabilities: Capabilities,
        }
        #[derive(Default, Deserialize)]
        struct Capabilities {
            #[serde(default)]
            tools: Option<Tools>,
        }
        #[derive(Deserialize)]
        struct Tools {
            #[serde(default, rename = "listChanged")]
            list_changed: bool,
        }

        let result = Received::peek(answer)?.result?;
        let agreed: Option<Initialized> = serde_json::from_str(result.get()).ok();
        let version = agreed.as_ref().and_then(|agreed| agreed.version.as_deref());
        let tools = agreed.as_ref().and_then(|agreed| agreed.capabilities.tools.as_ref());
        Some(Self {
            number,
            initialize: Some(initialize),
            announces_tools: tools.is_some_and(|tools| tools.list_changed),
            id: headers.get(SESSION_ID).cloned(),
            protocol: version.and_then(|version| HeaderValue::from_str(version).ok()),
        })
    }

    /// Whether the gateway keeps state under an id.
    pub(super) fn has_id(&self) -> bool {
        self.id.is_some()
    }

    /// What each later request of the session carries.
    pub(super) fn headers(&self) -> HeaderMap {
        let pairs = [(SESSION_ID, &self.id), (PROTOCOL_VERSION, &self.protocol)];
        pairs.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect()
    }

    /// The same for a stream that goes on after the event `last`.
    pub(super) fn resuming(&self, last: Option<&[u8]>) -> HeaderMap {
        let mut headers = self.headers();
        if let Some(last) = last.and_then(|last| HeaderValue::from_bytes(last).ok()) {
            headers.insert(LAST_EVENT_ID, last);
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_initialize_agreed() {
        let mut headers = HeaderMap::new();
        headers.insert(SESSION_ID, HeaderValue::from_static("s1"));
        let answer = br#"{"id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true}}}}"#;
        let session = Session::opened(1, Bytes::new(), &headers, answer).unwrap();
        assert!(session.announces_tools && session.has_id());
        assert_eq!(session.headers().get(SESSION_ID).unwrap(), "s1");
        assert_eq!(session.headers().get(PROTOCOL_VERSION).unwrap(), "2025-11-25");
        assert_eq!(session.resuming(Some(b"7")).get(LAST_EVENT_ID).unwrap(), "7");
    }

    #[test]
    fn an_error_opens_nothing() {
        let answer = br#"{"id":0,"error":{"code":-32602,"message":"no"}}"#;
        assert!(Session::opened(1, Bytes::new(), &HeaderMap::new(), answer).is_none());
    }
}
