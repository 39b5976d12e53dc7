//! What the bridge has to know of a message: id, method, era and the few
//! fields that the modern era mirrors into headers. Everything else stays the
//! bytes it was.
//!
//! A message is of the modern era (2026-07-28 and later) if its `_meta` names
//! a protocol version:
//!
//! ```text
//! {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"fs__read",
//!  "_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}
//! → MCP-Protocol-Version: 2026-07-28, Mcp-Method: tools/call, Mcp-Name: fs__read
//! ```

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::value::RawValue;

pub(super) const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

/// JSON-RPC 2.0, section 5.1.
pub(super) const PARSE_ERROR: i32 = -32700;
pub(super) const INVALID_REQUEST: i32 = -32600;

#[derive(Debug)]
pub(super) struct Envelope {
    /// As it was written; `None` for notifications and batches.
    pub(super) id: Option<Box<RawValue>>,
    /// `None` for answers to the server's requests and for batches.
    pub(super) method: Option<String>,
    /// The protocol version that a modern message names; `None` in the legacy era.
    pub(super) modern: Option<String>,
    /// `params.name` or `params.uri`, where the method has one.
    name: Option<String>,
    /// With `notifications/cancelled`: the [`id_key`] of the request.
    pub(super) cancels: Option<String>,
}

/// Why a line is no message, with the id to answer, if it has one.
#[derive(Debug)]
pub(super) struct Malformed {
    pub(super) code: i32,
    pub(super) why: String,
    pub(super) id: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Peek<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Params<'a> {
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    uri: Option<&'a RawValue>,
    #[serde(borrow, rename = "requestId")]
    request_id: Option<&'a RawValue>,
    #[serde(borrow, rename = "_meta")]
    meta: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Meta<'a> {
    #[serde(borrow, rename = "io.modelcontextprotocol/protocolVersion")]
    version: Option<&'a RawValue>,
}

impl Envelope {
    pub(super) fn peek(line: &[u8]) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(line).map_err(|_| malformed(line, "it is not UTF-8"))?;
        // Serde would also fill these structures from an array, by position.
        if text.trim_start().starts_with('[') {
            return Ok(Self::batch());
        }
        if !text.trim_start().starts_with('{') {
            return Err(malformed(line, "it is not a JSON object"));
        }
        let bad = |error: serde_json::Error| malformed(line, &error.to_string());
        let peek: Peek<'_> = serde_json::from_str(text).map_err(bad)?;
        let params: Params<'_> = object(peek.params).map_err(bad)?;
        let meta: Meta<'_> = object(params.meta).map_err(bad)?;
        let method = peek.method.map(Cow::into_owned);
        let name = match method.as_deref() {
            Some("tools/call" | "prompts/get") => params.name.and_then(string),
            Some("resources/read") => params.uri.and_then(string),
            _ => None,
        };
        let cancels = match method.as_deref() {
            Some("notifications/cancelled") => params.request_id.map(id_key),
            _ => None,
        };
        Ok(Self {
            id: peek.id.map(ToOwned::to_owned),
            modern: meta.version.and_then(string),
            method,
            name,
            cancels,
        })
    }

    /// Batches exist in 2025-03-26 only; the gateway judges them.
    fn batch() -> Self {
        Self { id: None, method: None, modern: None, name: None, cancels: None }
    }

    pub(super) fn is(&self, method: &str) -> bool {
        self.method.as_deref() == Some(method)
    }

    /// Neither a request nor a notification nor an answer.
    pub(super) fn is_batch(&self) -> bool {
        self.method.is_none() && self.id.is_none()
    }

    /// The id of a request, which wants an answer.
    pub(super) fn request_id(&self) -> Option<&RawValue> {
        self.method.as_ref().and(self.id.as_deref())
    }

    /// The headers that the modern era asks for (2026-07-28, Streamable HTTP,
    /// Request Metadata); none in the legacy era. What cannot be a header is
    /// left out, and the gateway refuses the message.
    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let Some(version) = &self.modern else {
            return headers;
        };
        let mut insert = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        insert(PROTOCOL_VERSION, version);
        if let Some(method) = &self.method {
            insert(METHOD, method);
        }
        if let Some(name) = &self.name {
            insert(NAME, &header_text(name));
        }
        headers
    }
}

/// The fields of an object; defaults for anything else.
fn object<'a, T: Default + Deserialize<'a>>(raw: Option<&'a RawValue>) -> serde_json::Result<T> {
    match raw {
        Some(raw) if raw.get().starts_with('{') => serde_json::from_str(raw.get()),
        _ => Ok(T::default()),
    }
}

fn string(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// Ids compare by value: `"a"` and `"\u0061"` are one, `1` and `"1"` are not.
pub(super) fn id_key(raw: &RawValue) -> String {
    serde_json::from_str::<serde_json::Value>(raw.get())
        .map_or_else(|_| raw.get().to_owned(), |value| value.to_string())
}

fn malformed(line: &[u8], why: &str) -> Malformed {
    let value = serde_json::from_slice::<serde_json::Value>(line);
    let code = if value.is_ok() { INVALID_REQUEST } else { PARSE_ERROR };
    // A client that gets no answer to its id waits for ever.
    let id = value
        .ok()
        .and_then(|value| value.get("id").cloned())
        .filter(|id| id.is_string() || id.is_number())
        .and_then(|id| RawValue::from_string(id.to_string()).ok());
    Malformed { code, why: why.to_owned(), id }
}

/// A header value that means `text` (2026-07-28, Streamable HTTP, Value
/// Encoding): as it is, or in Base64 where HTTP would not carry it unchanged.
fn header_text(text: &str) -> Cow<'_, str> {
    let carried = text.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
    let padded = text.trim_matches([' ', '\t']) != text;
    let looks_encoded = text.starts_with("=?base64?") && text.ends_with("?=");
    if carried && !padded && !looks_encoded {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("=?base64?{}?=", STANDARD.encode(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(line: &str) -> Vec<(String, String)> {
        let headers = Envelope::peek(line.as_bytes()).unwrap().headers();
        headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect()
    }

    fn modern(method: &str, params: &str) -> String {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{params}"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}}}}"#
        )
    }

    #[test]
    fn headers_of_the_modern_era() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let common =
            |method| vec![pair("mcp-protocol-version", "2026-07-28"), pair("mcp-method", method)];

        assert_eq!(headers(&modern("tools/list", "")), common("tools/list"));
        let mut call = common("tools/call");
        call.push(pair("mcp-name", "fs__read"));
        assert_eq!(headers(&modern("tools/call", r#""name":"fs__read","uri":"x","#)), call);
        let mut read = common("resources/read");
        read.push(pair("mcp-name", "file:///a b"));
        assert_eq!(headers(&modern("resources/read", r#""name":"x","uri":"file:///a b","#)), read);
        // A name that is no string is the gateway's to refuse.
        assert_eq!(headers(&modern("tools/call", r#""name":7,"#)), common("tools/call"));
    }

    #[test]
    fn no_headers_in_the_legacy_era() {
        let line = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x"}}"#;
        assert!(headers(line).is_empty());
    }

    #[test]
    fn values_that_headers_cannot_carry() {
        // The examples of the specification.
        for (text, encoded) in [
            ("us-west1", "us-west1"),
            ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
            (" padded ", "=?base64?IHBhZGRlZCA=?="),
            ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
            ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
        ] {
            assert_eq!(header_text(text), encoded);
        }
    }

    #[test]
    fn kinds_of_messages() {
        let peek = |line: &str| Envelope::peek(line.as_bytes()).unwrap();
        let request = peek(r#"{"id":"a","method":"ping"}"#);
        assert_eq!(request.request_id().map(RawValue::get), Some("\"a\""));
        assert!(peek(r#"{"method":"notifications/initialized"}"#).request_id().is_none());
        assert!(peek(r#"{"id":null,"method":"ping"}"#).request_id().is_none());
        let answer = peek(r#"{"id":1,"result":{}}"#);
        assert!(answer.method.is_none() && answer.request_id().is_none());
        assert!(peek(r#"[{"id":1,"method":"ping"}]"#).method.is_none());
        let cancel =
            peek(r#"{"method":"notifications/cancelled","params":{"requestId":"\u0061"}}"#);
        assert_eq!(cancel.cancels, Some(id_key(request.request_id().unwrap())));
    }

    #[test]
    fn malformed_lines_are_answered() {
        let peek = |line: &[u8]| Envelope::peek(line).unwrap_err();
        assert_eq!(peek(b"{nonsense").code, PARSE_ERROR);
        assert_eq!(peek(b"{\"id\":1,\"method\":\"\xff\"}").code, PARSE_ERROR);
        assert_eq!(peek(b"7").code, INVALID_REQUEST);
        let twice = peek(br#"{"id":5,"method":"a","method":"b"}"#);
        assert_eq!(twice.code, INVALID_REQUEST);
        assert_eq!(twice.id.unwrap().get(), "5");
        let twice = peek(br#"{"id":6,"method":"tools/call","params":{"name":"a","name":"b"}}"#);
        assert_eq!((twice.code, twice.id.unwrap().get()), (INVALID_REQUEST, "6"));
    }

    #[test]
    fn parameters_by_position_are_not_taken_for_names() {
        let line = r#"{"id":1,"method":"tools/call","params":["a","b","c",{}]}"#;
        let envelope = Envelope::peek(line.as_bytes()).unwrap();
        assert!(envelope.name.is_none() && envelope.modern.is_none());
    }
}
