//! JSON-RPC messages to and from upstreams. Answers are only peeked into;
//! `result` and `error` stay the bytes that they are.

use std::borrow::Cow;

use agw_vault::Secret;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    pipeline::{self, ArmedRequest},
    upstream::UpstreamError,
};

/// An answer to a request of ours.
#[derive(Debug)]
pub(super) enum Answer {
    Result(Bytes),
    Error(Bytes),
}

impl Answer {
    /// For an answer that the gateway itself reads and shows.
    pub(super) fn without_secrets(self, secrets: &[Secret]) -> Self {
        match self {
            Self::Result(json) => Self::Result(pipeline::without_secrets(json, secrets)),
            Self::Error(json) => Self::Error(pipeline::without_secrets(json, secrets)),
        }
    }
}

/// A message from an upstream. Duplicate members are an error.
#[derive(Debug, Deserialize)]
pub(super) struct Incoming<'a> {
    #[serde(borrow, default)]
    pub(super) id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

impl<'a> Incoming<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        // For serde an array would do, too.
        bytes.trim_ascii_start().starts_with(b"{").then(|| serde_json::from_slice(bytes).ok())?
    }

    /// The id, where it is one that we hand out.
    pub(super) fn own_id(&self) -> Option<u64> {
        self.id.and_then(|id| id.get().parse().ok())
    }

    /// The answer that it is; `within` are the bytes it was parsed from.
    pub(super) fn answer(&self, within: &Bytes) -> Result<Answer, UpstreamError> {
        match (self.result, self.error) {
            (Some(result), None) => Ok(Answer::Result(within.slice_ref(result.get().as_bytes()))),
            (None, Some(error)) => Ok(Answer::Error(within.slice_ref(error.get().as_bytes()))),
            _ => Err(UpstreamError::Malformed("neither a result nor an error".into())),
        }
    }
}

/// `params` is JSON.
pub(super) fn request(id: u64, method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#)
}

pub(super) fn notification(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#)
}

/// The request that a call is, with the arguments byte for byte as the agent
/// wrote them.
pub(super) fn call(id: u64, armed: &ArmedRequest) -> Bytes {
    let head = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"{}","params":{{"#,
        armed.operation().method()
    );
    [head.as_bytes(), &armed.params(), b"}}"].concat().into()
}

/// What to say to a request of the upstream's own. Nothing but `ping` is
/// offered to upstreams.
pub(super) fn respond(id: &RawValue, method: &str) -> String {
    let id = id.get();
    if method == "ping" {
        return format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#);
    }
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32601,"message":"not offered by this client"}}}}"#
    )
}

pub(super) fn cancelled(id: u64) -> String {
    notification("notifications/cancelled", &format!(r#"{{"requestId":{id}}}"#))
}
