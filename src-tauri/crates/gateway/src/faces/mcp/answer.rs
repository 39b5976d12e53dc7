//! Answers in the protocol's own forms.

use std::fmt::Display;

use agw_api::Receipt;
use agw_core::ItemKind;
use axum::{
    body::Bytes,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use super::era::Era;
use crate::{
    faces::bearer,
    members::Members,
    pipeline::{Operation, Refusal, with_receipt},
};

/// JSON-RPC and MCP error codes (JSON-RPC 2.0, 5.1; MCP 2026-07-28, error codes).
const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;
const INTERNAL_ERROR: i64 = -32603;
const HEADER_MISMATCH: i64 = -32020;
const UNSUPPORTED_VERSION: i64 = -32022;
const MISSING_CAPABILITY: i64 = -32021;
/// Of the older era only.
const NO_SUCH_RESOURCE: i64 = -32002;
/// The gateway's own, from the range left to implementations: see `data.code`.
const REFUSED: i64 = -32000;

/// Where a denial's code stands in a tool result's `_meta`.
const META_CODE: &str = "dev.aiagentgateway/code";

/// A JSON-RPC error response.
#[derive(Debug, Clone)]
pub(super) struct RpcError {
    id: String,
    code: i64,
    message: String,
    data: Option<Value>,
}

impl RpcError {
    fn new(code: i64, message: impl Display) -> Self {
        Self { id: "null".into(), code, message: message.to_string(), data: None }
    }

    pub(super) fn parse(message: impl Display) -> Self {
        Self::new(PARSE_ERROR, message)
    }

    pub(super) fn invalid_request(message: impl Display) -> Self {
        Self::new(INVALID_REQUEST, message)
    }

    pub(super) fn invalid_params(message: impl Display) -> Self {
        Self::new(INVALID_PARAMS, message)
    }

    pub(super) fn unknown_method(method: &str) -> Self {
        let method: String = method.chars().take(100).collect();
        Self::new(METHOD_NOT_FOUND, format!("there is no method {method:?} here"))
    }

    pub(super) fn header_mismatch(message: impl Display) -> Self {
        Self::new(HEADER_MISMATCH, message)
    }

    pub(super) fn unsupported_version(requested: &str, supported: &[&str]) -> Self {
        let requested: String = requested.chars().take(100).collect();
        let data = json!({ "supported": supported, "requested": requested });
        Self { data: Some(data), ..Self::new(UNSUPPORTED_VERSION, "unsupported protocol version") }
    }

    pub(super) fn no_session() -> Self {
        Self::new(REFUSED, "this session has ended; initialize again")
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// `id` is JSON, as the request had it.
    pub(super) fn with_id(self, id: &str) -> Self {
        Self { id: id.to_owned(), ..self }
    }

    pub(super) fn response(self, status: StatusCode) -> Response {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let (Some(data), Some(error)) = (self.data, error.as_object_mut()) {
            error.insert("data".into(), data);
        }
        error_response(&self.id, &error.to_string(), status)
    }
}

/// `error` is JSON.
pub(super) fn error_response(id: &str, error: &str, status: StatusCode) -> Response {
    let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#);
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// `result` is JSON.
pub(super) fn result(id: &str, result: &str) -> Response {
    let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#);
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// A result that was made for the era `of` in the form of the era `to`: the
/// stateless one says what it is, and how long it may be kept.
pub(super) fn in_era(json: &Bytes, to: Era, of: Era, operation: Operation) -> String {
    match (to, of) {
        (Era::Session, Era::Session) => String::from_utf8_lossy(json).into_owned(),
        (Era::Stateless, Era::Session) => complete(&String::from_utf8_lossy(json), operation),
        (Era::Stateless, Era::Stateless) => changed(json, |members| {
            if operation == Operation::ReadResource {
                // What one caller may read is nobody else's.
                members.set("cacheScope", r#""private""#);
                if members.get("ttlMs").is_none() {
                    members.set("ttlMs", "0");
                }
            }
        }),
        (Era::Session, Era::Stateless) => changed(json, |members| {
            members.keep(|name| !["resultType", "ttlMs", "cacheScope"].contains(&name));
            // Until then it was always an object.
            let structured = members.get("structuredContent");
            if structured.is_some_and(|structured| !structured.trim_start().starts_with('{')) {
                members.remove("structuredContent");
            }
        }),
    }
}

fn changed(json: &Bytes, change: impl FnOnce(&mut Members<'_>)) -> String {
    let Some(mut members) = Members::read(json) else {
        return String::from_utf8_lossy(json).into_owned();
    };
    change(&mut members);
    format!("{{{}}}", members.inner())
}

/// Adds `resultType` and how long it may be kept to a JSON object.
fn complete(object: &str, operation: Operation) -> String {
    let members = object.trim_start().strip_prefix('{').unwrap_or("}").trim_start();
    let comma = if members.starts_with('}') { "" } else { "," };
    let kept = match operation {
        Operation::ReadResource => r#","ttlMs":0,"cacheScope":"private""#,
        _ => "",
    };
    format!(r#"{{"resultType":"complete"{kept}{comma}{members}"#)
}

/// An error object of an upstream's, which may be of the other era.
pub(super) fn relayed_error(id: &str, json: &Bytes, era: Era, operation: Operation) -> Response {
    let code = Members::read(json).and_then(|error| error.get("code")?.parse::<i64>().ok());
    let text = String::from_utf8_lossy(json);
    match (era, code) {
        (Era::Session, _) => error_response(id, &text, StatusCode::OK),
        // Nobody of the stateless era knows that code.
        (Era::Stateless, Some(NO_SUCH_RESOURCE)) => {
            let text = changed(json, |error| error.set("code", INVALID_PARAMS.to_string()));
            error_response(id, &text, StatusCode::OK)
        }
        (Era::Stateless, Some(MISSING_CAPABILITY | UNSUPPORTED_VERSION | HEADER_MISMATCH)) => {
            error_response(id, &text, StatusCode::BAD_REQUEST)
        }
        (Era::Stateless, Some(METHOD_NOT_FOUND)) if operation != Operation::CallTool => {
            error_response(id, &text, StatusCode::NOT_FOUND)
        }
        (Era::Stateless, _) => error_response(id, &text, StatusCode::OK),
    }
}

/// A call, for the answer to it.
#[derive(Debug)]
pub(super) struct About<'a> {
    /// JSON.
    pub(super) id: &'a str,
    pub(super) era: Era,
    pub(super) operation: Operation,
    /// The tool, as the caller wrote it.
    pub(super) meant: &'a str,
}

/// A refusal that the model should read: an error of the tool, as far as MCP
/// goes (2025-11-25, server/tools, error handling). What is no tool's has the
/// protocol's own errors.
pub(super) fn refused_call(
    about: &About<'_>,
    refusal: &Refusal,
    subject: &str,
    receipt: Option<&Receipt>,
) -> Response {
    let About { id, era, operation, meant } = *about;
    match refusal.http_status() {
        401 => return outage(id, refusal, subject, meant),
        _ if refusal.is_outage() || matches!(refusal, Refusal::TooManyCalls) => {
            return outage(id, refusal, subject, meant);
        }
        _ => {}
    }
    let next = refusal.next(subject, meant);
    let text = format!("{} {next}", refusal.message(meant));
    if operation != Operation::CallTool {
        let hidden = matches!(refusal, Refusal::NotGranted { .. } | Refusal::UnknownTool);
        let code = match (operation.kind(), era) {
            (ItemKind::Resource, Era::Session) if hidden => NO_SUCH_RESOURCE,
            _ => INVALID_PARAMS,
        };
        let mut data = json!({ "code": refusal.code(), "next": next });
        if operation.kind() == ItemKind::Resource
            && let Some(data) = data.as_object_mut()
        {
            // As it was asked for, not as it would be granted.
            let uri = meant.split_once(".@resource/").map_or(meant, |(_, uri)| uri);
            data.insert("uri".into(), uri.into());
        }
        let error = json!({ "code": code, "message": text, "data": data });
        return error_response(id, &error.to_string(), StatusCode::OK);
    }
    let body = json!({
        "content": [{ "type": "text", "text": text }],
        "isError": true,
        "_meta": { META_CODE: refusal.code() },
    });
    let body = Bytes::from(body.to_string());
    let body = receipt.map_or(body.clone(), |receipt| with_receipt(&body, receipt));
    let mut response = result(id, &in_era(&body, era, Era::Session, operation));
    if refusal.is_out_of_scope() {
        response.extensions_mut().insert(OutOfScope(meant.to_owned()));
    }
    response
}

/// The upstream asked for what the client did not declare, and could not go on
/// without it (MCP 2026-07-28, basic, client capabilities).
pub(super) fn missing_capability(id: &str, capability: &str) -> Response {
    let data = json!({ "requiredCapabilities": { capability: {} } });
    let text = format!("the system behind this needs a client that offers {capability}");
    let error = RpcError { data: Some(data), ..RpcError::new(MISSING_CAPABILITY, text) };
    error.with_id(id).response(StatusCode::BAD_REQUEST)
}

/// On an answer: the tool that the caller's owner may use, and its scope
/// leaves out.
#[derive(Debug, Clone)]
pub(super) struct OutOfScope(pub(super) String);

/// A refusal that concerns no call in particular.
pub(super) fn refused_request(refusal: &Refusal, subject: &str) -> Response {
    outage("null", refusal, subject, "")
}

fn outage(id: &str, refusal: &Refusal, subject: &str, meant: &str) -> Response {
    let message = refusal.message(meant);
    let next = refusal.next(subject, meant);
    let code = if refusal.http_status() == 503 { INTERNAL_ERROR } else { REFUSED };
    let error = json!({
        "code": code,
        "message": format!("{message} {next}"),
        "data": { "code": refusal.code(), "next": next },
    });
    let status = StatusCode::from_u16(refusal.http_status());
    let status = status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let mut response = error_response(id, &error.to_string(), status);
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        if let Ok(value) = bearer::challenge(refusal.code(), &message).parse() {
            headers.insert(header::WWW_AUTHENTICATE, value);
        }
    } else if let Some(seconds) = refusal.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_take_the_form_of_the_clients_era_and_keep_the_rest() {
        let form = |json: &str, to, of, operation| {
            in_era(&Bytes::copy_from_slice(json.as_bytes()), to, of, operation)
        };
        use Era::{Session, Stateless};
        use Operation::{CallTool, ReadResource};
        let plain = r#"{"n": 1e400}"#;
        assert_eq!(form(plain, Session, Session, CallTool), plain);
        let complete = r#"{"resultType":"complete","n": 1e400}"#;
        assert_eq!(form(plain, Stateless, Session, CallTool), complete);
        assert_eq!(form(" { }", Stateless, Session, CallTool), r#"{"resultType":"complete"}"#);
        let read = r#"{"resultType":"complete","ttlMs":0,"cacheScope":"private","n": 1e400}"#;
        assert_eq!(form(plain, Stateless, Session, ReadResource), read);
        let public =
            r#"{"resultType":"complete","cacheScope":"public","ttlMs":9,"x":12345678901234567890}"#;
        let private = r#"{"resultType":"complete","cacheScope":"private","ttlMs":9,"x":12345678901234567890}"#;
        assert_eq!(form(public, Stateless, Stateless, ReadResource), private);
        assert_eq!(form(public, Session, Stateless, ReadResource), r#"{"x":12345678901234567890}"#);
        let listed = r#"{"resultType":"complete","structuredContent":[1],"content":[]}"#;
        assert_eq!(form(listed, Session, Stateless, CallTool), r#"{"content":[]}"#);
        let object = r#"{"resultType":"complete","structuredContent":{"a":1}}"#;
        assert_eq!(form(object, Session, Stateless, CallTool), r#"{"structuredContent":{"a":1}}"#);
    }
}
