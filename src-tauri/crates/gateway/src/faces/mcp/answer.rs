//! Answers in the protocol's own forms.

use std::fmt::Display;

use agw_api::Receipt;
use axum::{
    body::Bytes,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use super::era::{Era, STATELESS, WITH_SESSIONS};
use crate::{
    faces::bearer,
    pipeline::{Refusal, with_receipt},
};

/// JSON-RPC and MCP error codes (JSON-RPC 2.0, 5.1; MCP 2026-07-28, error codes).
const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const METHOD_NOT_FOUND: i32 = -32601;
const INVALID_PARAMS: i32 = -32602;
const INTERNAL_ERROR: i32 = -32603;
const HEADER_MISMATCH: i32 = -32020;
const UNSUPPORTED_VERSION: i32 = -32022;
/// The gateway's own, from the range left to implementations: see `data.code`.
const REFUSED: i32 = -32000;

/// Where a denial's code stands in a tool result's `_meta`.
const META_CODE: &str = "dev.aiagentgateway/code";

/// A JSON-RPC error response.
#[derive(Debug, Clone)]
pub(super) struct RpcError {
    id: String,
    code: i32,
    message: String,
    data: Option<Value>,
}

impl RpcError {
    fn new(code: i32, message: impl Display) -> Self {
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

    pub(super) fn unsupported_version(requested: &str) -> Self {
        let requested: String = requested.chars().take(100).collect();
        let supported = [&[STATELESS], &WITH_SESSIONS[..]].concat();
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

/// The result of a tool in the form of the era: the stateless one wants to
/// know that it is complete.
pub(super) fn tool_result(id: &str, json: &[u8], era: Era) -> Response {
    let text = String::from_utf8_lossy(json);
    if era == Era::Session {
        return result(id, &text);
    }
    result(id, &complete(&text))
}

/// Adds `resultType` to a JSON object.
fn complete(object: &str) -> String {
    let members = object.trim_start().strip_prefix('{').unwrap_or("}").trim_start();
    let comma = if members.starts_with('}') { "" } else { "," };
    format!(r#"{{"resultType":"complete"{comma}{members}"#)
}

/// A refusal that the model should read: an error of the tool, as far as MCP
/// goes (2025-11-25, server/tools, error handling).
pub(super) fn refused_call(
    id: &str,
    refusal: &Refusal,
    subject: &str,
    meant: &str,
    receipt: Option<&Receipt>,
    era: Era,
) -> Response {
    match refusal.http_status() {
        401 => return outage(id, refusal, subject, meant),
        _ if refusal.is_outage() || matches!(refusal, Refusal::TooManyCalls) => {
            return outage(id, refusal, subject, meant);
        }
        _ => {}
    }
    let text = format!("{} {}", refusal.message(meant), refusal.next(subject, meant));
    let body = json!({
        "content": [{ "type": "text", "text": text }],
        "isError": true,
        "_meta": { META_CODE: refusal.code() },
    });
    let body = Bytes::from(body.to_string());
    let body = receipt.map_or(body.clone(), |receipt| with_receipt(&body, receipt));
    let mut response = tool_result(id, &body, era);
    if refusal.is_out_of_scope() {
        response.extensions_mut().insert(OutOfScope(meant.to_owned()));
    }
    response
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
    use super::complete;

    #[test]
    fn complete_results_keep_what_they_hold() {
        assert_eq!(complete(" { }"), r#"{"resultType":"complete"}"#);
        assert_eq!(complete(r#"{"n": 1e400}"#), r#"{"resultType":"complete","n": 1e400}"#);
    }
}
