//! JSON-RPC messages to and from upstreams. Answers are only peeked into;
//! `result` and `error` stay the bytes that they are.

use std::borrow::Cow;

use agw_core::json::write_string;
use agw_vault::Secret;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{bounds, pipeline, upstream::UpstreamError};

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
    params: Option<&'a RawValue>,
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

    /// As an error has it that answers something that could not be read.
    pub(super) fn has_no_id(&self) -> bool {
        self.id.is_none()
    }

    /// The JSON of its `params`.
    pub(super) fn params(&self) -> &'a str {
        self.params.map_or("{}", RawValue::get)
    }

    /// The id of a request that can be answered: a short string or an integer.
    pub(super) fn request_id(&self) -> Option<&'a str> {
        let id = self.id?.get();
        let integer = id.strip_prefix('-').unwrap_or(id).bytes().all(|b| b.is_ascii_digit());
        ((integer || id.starts_with('"')) && id.len() <= bounds::UPSTREAM_ID_MAX).then_some(id)
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

/// `logging/setLevel` of the older era.
pub(super) fn set_level(id: u64, level: &str) -> String {
    let mut params = r#"{"level":"#.to_owned();
    write_string(level, &mut params);
    params.push('}');
    request(id, "logging/setLevel", &params)
}

/// `member` is `result` or `error`; `json` is what it holds.
pub(super) fn response(id: &str, member: &str, json: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"{member}":{json}}}"#)
}

/// `message` needs no escapes.
pub(super) fn error_response(id: &str, code: i32, message: &str) -> String {
    response(id, "error", &format!(r#"{{"code":{code},"message":"{message}"}}"#))
}

/// What to say to a request of the upstream's own that no client is asked.
pub(super) fn respond(id: &str, method: &str) -> String {
    if method == "ping" {
        return response(id, "result", "{}");
    }
    error_response(id, -32_601, "not offered by this client")
}

pub(super) fn cancelled(id: u64) -> String {
    notification("notifications/cancelled", &format!(r#"{{"requestId":{id}}}"#))
}
