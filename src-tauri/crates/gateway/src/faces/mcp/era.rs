//! Which revision a message speaks, and whether its headers agree with its
//! body: another gateway on the way may have decided by the headers.

use std::borrow::Cow;

use agw_core::json::{self, Node};
use axum::http::{HeaderMap, HeaderName};

use super::{answer::RpcError, envelope::Request};
use crate::mirrored;
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
        agree("Mcp-Name", decoded(headers, &NAME)?.as_deref(), name)?;
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

/// The same of a header whose value may be encoded.
fn decoded<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> Result<Option<Cow<'h, str>>, RpcError> {
    let decode = |value| mirrored::decode(value);
    let broken = || RpcError::header_mismatch(format!("{name} cannot be decoded"));
    one(headers, name)?.map(|value| decode(value).ok_or_else(broken)).transpose()
}

/// Whether the headers that a tool's schema asks for say what the arguments
/// do (MCP 2026-07-28, transports, server behaviour for custom headers).
pub(super) fn agree_on_arguments(
    headers: &HeaderMap,
    schema: &str,
    arguments: &[u8],
) -> Result<(), RpcError> {
    if !mirrored::may_have_marks(schema) {
        return Ok(());
    }
    let (Ok(schema), Ok(arguments)) = (json::parse(schema.as_bytes()), json::parse(arguments))
    else {
        return Ok(());
    };
    // Marks that are none are the upstream's mistake.
    let Ok(meant) = mirrored::values(&schema, &arguments) else { return Ok(()) };
    for (name, meant) in meant {
        let Ok(name) = HeaderName::try_from(name) else { continue };
        match (meant, decoded(headers, &name)?) {
            (Ok(Some(meant)), said) => agree(name.as_str(), said.as_deref(), &meant)?,
            // An argument of another type is judged where it is read.
            (Ok(None) | Err(_), None) => {}
            (Ok(None) | Err(_), Some(_)) => {
                let text = format!("{name} is sent for an argument that does not say the same");
                return Err(RpcError::header_mismatch(text));
            }
        }
    }
    Ok(())
}
