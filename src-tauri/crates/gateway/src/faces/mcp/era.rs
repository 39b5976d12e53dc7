//! Which revision a message speaks, and whether its headers agree with its
//! body: another gateway on the way may have decided by the headers.

use agw_core::json::Node;
use axum::http::{HeaderMap, HeaderName};
use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::{answer::RpcError, envelope::Request};
pub(super) use crate::pipeline::Era;

/// The stateless revision that is served.
pub(super) const STATELESS: &str = "2026-07-28";
/// The revisions with sessions, newest first.
pub(super) const WITH_SESSIONS: [&str; 4] =
    ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
/// The one in which several messages may come in one body.
pub(super) const WITH_BATCHES: &str = "2025-03-26";

pub(super) const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
pub(super) const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
pub(super) const META_LEVEL: &str = "io.modelcontextprotocol/logLevel";
const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

pub(super) fn of(request: &Request<'_>, headers: &HeaderMap) -> Result<Era, RpcError> {
    let header = one(headers, &VERSION)?;
    let Some(version) = request.meta(META_VERSION) else {
        return match header {
            None => Ok(Era::Session),
            Some(version) if WITH_SESSIONS.contains(&version) => Ok(Era::Session),
            Some(STATELESS) => {
                Err(RpcError::invalid_params(format!("params._meta lacks {META_VERSION:?}")))
            }
            // The greeting is where versions are agreed on.
            Some(_) if request.method == "initialize" => Ok(Era::Session),
            Some(other) => {
                let all = [&[STATELESS], &WITH_SESSIONS[..]].concat();
                Err(RpcError::unsupported_version(other, &all))
            }
        };
    };
    let version = version
        .as_str()
        .ok_or_else(|| RpcError::invalid_params(format!("{META_VERSION:?} must be a string")))?;
    agree("MCP-Protocol-Version", header, version)?;
    if version != STATELESS {
        return Err(RpcError::unsupported_version(version, &[STATELESS]));
    }
    if !request.meta(META_CAPABILITIES).is_some_and(Node::is_object) {
        let text = format!("params._meta lacks {META_CAPABILITIES:?}, an object");
        return Err(RpcError::invalid_params(text));
    }
    agree("Mcp-Method", one(headers, &METHOD)?, request.method)?;
    let named = match request.method {
        "tools/call" | "prompts/get" => request.param("name"),
        "resources/read" => request.param("uri"),
        _ => None,
    };
    if let Some(name) = named.and_then(Node::as_str) {
        let header = one(headers, &NAME)?;
        let decoded = header.and_then(decode);
        agree("Mcp-Name", decoded.as_deref().or(header), name)?;
    }
    Ok(Era::Stateless)
}

/// The one value of a header.
fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, RpcError> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    if values.next().is_some() {
        return Err(RpcError::header_mismatch(format!("{name} is sent twice")));
    }
    let text = value.map(|value| value.to_str()).transpose();
    text.map_err(|_| RpcError::header_mismatch(format!("{name} holds invalid characters")))
}

fn agree(what: &str, header: Option<&str>, body: &str) -> Result<(), RpcError> {
    match header {
        Some(value) if value == body => Ok(()),
        Some(_) => Err(RpcError::header_mismatch(format!("{what} differs from the body"))),
        None => Err(RpcError::header_mismatch(format!("{what} is missing"))),
    }
}

/// `=?base64?…?=` (2026-07-28, transports, value encoding).
fn decode(value: &str) -> Option<String> {
    let encoded = value.strip_prefix("=?base64?")?.strip_suffix("?=")?;
    String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()
}
