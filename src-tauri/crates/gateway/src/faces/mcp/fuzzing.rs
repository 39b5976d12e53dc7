//! Doors for the fuzz targets to what reads messages. Compiled only with the
//! feature `fuzzing`.

use agw_core::json;
use axum::http::HeaderMap;
use bytes::Bytes;

use super::{
    envelope::{Message, Request},
    era::{self, Era},
    stream,
};
use crate::{members::Members, mirrored, upstream::sse};

/// A message as it was understood; ids are JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    Request { id: String, method: String },
    Notification { method: String },
    Response { id: String },
}

/// Reads the body of an agent's message; `None`: it is refused.
pub fn message(body: &[u8]) -> Option<Said> {
    let node = json::parse(body).ok()?;
    Some(match Message::read(&node).ok()? {
        Message::Request(Request { id, method, .. }) => {
            Said::Request { id: id.to_owned(), method: method.to_owned() }
        }
        Message::Notification(said) => Said::Notification { method: said.method.to_owned() },
        Message::Response(reply) => Said::Response { id: reply.id.to_owned() },
    })
}

/// Whether a request is taken as one of the stateless era; `None`: it is no
/// request, or refused.
pub fn is_stateless(body: &[u8], headers: &HeaderMap) -> Option<bool> {
    let node = json::parse(body).ok()?;
    match Message::read(&node).ok()? {
        Message::Request(request) => Some(era::of(&request, headers).ok()? == Era::Stateless),
        _ => None,
    }
}

/// Whether headers say what the arguments do that a tool's schema marks.
pub fn arguments_agree(headers: &HeaderMap, schema: &str, arguments: &[u8]) -> bool {
    era::agree_on_arguments(headers, schema, arguments).is_ok()
}

/// A value as it stands in a header.
pub fn to_header(value: &str) -> String {
    mirrored::encode(value).into_owned()
}

/// And back.
pub fn from_header(text: &str) -> Option<String> {
    mirrored::decode(text).map(Into::into)
}

/// The headers that go upstream with a call.
pub fn headers_of(schema: &str, arguments: &[u8]) -> Option<Vec<(String, String)>> {
    let (schema, arguments) = (json::parse(schema.as_bytes()).ok()?, json::parse(arguments).ok()?);
    mirrored::mirrored(&schema, &arguments).ok()
}

/// The events of an upstream's stream.
#[derive(Debug, Default)]
pub struct Events(sse::Events);

impl Events {
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.push(bytes);
    }

    /// Whether it names an endpoint, and its data.
    pub fn take(&mut self) -> Option<(bool, Bytes)> {
        self.0.next().map(|event| (event.endpoint, event.data))
    }

    /// Bytes that are held back.
    pub fn pending(&self) -> usize {
        self.0.pending()
    }
}

/// JSON as an event for an agent.
pub fn event(json: &str) -> String {
    stream::event(json)
}

/// Sets a member of a JSON object and removes another; `None`: it is no
/// object, or has a member twice.
pub fn with_members(object: &[u8], set: (&'static str, &str), remove: &str) -> Option<String> {
    let mut members = Members::read(object)?;
    members.set(set.0, set.1);
    members.remove(remove);
    Some(format!("{{{}}}", members.inner()))
}
