//! Reading what the gateway answers: one JSON message, or a stream of them.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use agw_api::ErrorBody;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::envelope::id_key;
use super::sse::{Event, Parser, TooLong};

/// The longest answer, and the longest event of a stream.
pub(super) const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;
/// The longest error page that is read for its message.
const MAX_REFUSAL_BYTES: usize = 64 * 1024;

/// JSON-RPC's internal error: the codes from -32000 are MCP's own.
const INTERNAL_ERROR: i32 = -32603;

/// Why a message has no answer from the gateway. The texts are shown to people
/// by the agent, or read by the model.
#[derive(Debug)]
pub(super) enum Problem {
    /// Nothing was sent.
    Unreachable {
        url: String,
        why: String,
    },
    /// Sent, perhaps in part; whether it took effect is unknown.
    Lost {
        why: String,
    },
    /// An HTTP error without a JSON-RPC message.
    Refused {
        status: StatusCode,
        said: Option<String>,
    },
    /// A complete answer that does not answer the request.
    Unanswered,
    NotUnderstood,
    TooLong,
    Busy {
        limit: usize,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { url, why } => write!(
                f,
                "AI Agent Gateway is not reachable at {url} ({why}). Nothing was sent. {}",
                match why.contains("certificate") {
                    true =>
                        "Make this machine trust the authority of its certificate: an admin has \
                         it (`agw share ca`); set SSL_CERT_FILE to its file, then try again.",
                    false => "Start the gateway (its app, or `agw serve`) and try again.",
                }
            ),
            Self::Lost { why } => write!(
                f,
                "The connection to AI Agent Gateway was lost before the answer was complete ({why}). \
                 The call may have taken effect: check before calling again."
            ),
            Self::Refused { status, said: Some(said) } => {
                write!(f, "AI Agent Gateway refused (HTTP {}): {said}", status.as_u16())
            }
            Self::Refused { status, said: None } => write!(
                f,
                "AI Agent Gateway refused (HTTP {}): {}",
                status.as_u16(),
                advice(*status)
            ),
            Self::Unanswered => f.write_str(
                "AI Agent Gateway closed the stream without an answer. \
                 The call may have taken effect: check before calling again.",
            ),
            Self::NotUnderstood => f.write_str(
                "What answered is not an MCP server. Check that --url is the gateway's MCP \
                 endpoint, for example http://127.0.0.1:7410/mcp.",
            ),
            Self::TooLong => {
                write!(f, "The answer is longer than {MAX_ANSWER_BYTES} bytes. Ask for less.")
            }
            Self::Busy { limit } => write!(
                f,
                "{limit} requests are already waiting for AI Agent Gateway. Try again when some are done."
            ),
        }
    }
}

fn advice(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => {
            "the token is unknown, expired or revoked. Ask the gateway's admin for a new one \
             (`agw agent add`), and start this client again with it."
        }
        403 => "this client may not connect. Ask the gateway's admin.",
        404 | 405 => {
            "there is no MCP endpoint at this address. Check --url, and the name given with \
             --connection."
        }
        429 => "too many requests. Wait a moment, then try again.",
        503 => {
            "the gateway is sealed, paused or not set up. Ask its admin; `agw status` says which."
        }
        500.. => "something failed in the gateway. Its log says what.",
        _ => "the request was not accepted.",
    }
}

impl Problem {
    /// The JSON-RPC error that answers `id` in the gateway's place; `source`
    /// tells it from one of the gateway's.
    pub(super) fn answer(&self, id: Option<&RawValue>) -> Bytes {
        #[derive(Serialize)]
        struct Data {
            source: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            status: Option<u16>,
        }
        let status = match self {
            Self::Refused { status, .. } => Some(status.as_u16()),
            _ => None,
        };
        let data = serde_json::to_value(Data { source: "agw mcp", status }).unwrap_or_default();
        error_message(id, INTERNAL_ERROR, &self.to_string(), Some(&data))
    }
}

/// A JSON-RPC error response; an unknown id is `null`.
pub(super) fn error_message(
    id: Option<&RawValue>,
    code: i32,
    message: &str,
    data: Option<&serde_json::Value>,
) -> Bytes {
    let mut error = serde_json::json!({ "code": code, "message": message });
    if let (Some(data), Some(fields)) = (data, error.as_object_mut()) {
        fields.insert("data".to_owned(), data.clone());
    }
    response_with(id, &error.to_string())
}

fn response_with(id: Option<&RawValue>, error: &str) -> Bytes {
    let id = id.map_or("null", RawValue::get);
    Bytes::from(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#))
}

/// What a message of the gateway is, as far as relaying needs to know.
#[derive(Deserialize)]
pub(super) struct Received<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

impl<'a> Received<'a> {
    pub(super) fn peek(message: &'a [u8]) -> Option<Self> {
        // Serde would also fill this structure from an array, by position.
        message.starts_with(b"{").then(|| serde_json::from_slice(message).ok()).flatten()
    }

    pub(super) fn answers(&self, id: &RawValue) -> bool {
        self.method.is_none() && self.id.is_some_and(|mine| id_key(mine) == id_key(id))
    }

    /// An error that does not say which request it is about.
    pub(super) fn is_nameless_error(&self) -> bool {
        self.method.is_none() && self.id.is_none() && self.error.is_some()
    }

    /// A JSON-RPC error, which has a number for its code; other errors in JSON
    /// have words.
    fn is_error(&self) -> bool {
        #[derive(Deserialize)]
        struct Code {
            #[serde(rename = "code")]
            _code: i64,
        }
        self.error.is_some_and(|error| serde_json::from_str::<Code>(error.get()).is_ok())
    }
}

/// The messages of one HTTP answer.
pub(super) enum Messages {
    Whole(Option<Bytes>),
    Stream(Box<Stream>),
}

pub(super) struct Stream {
    body: Incoming,
    parser: Parser,
    ready: VecDeque<Event>,
    /// Id of the last event, for resuming.
    pub(super) last_id: Option<Vec<u8>>,
    /// How long the server asks to wait before reconnecting.
    pub(super) retry: Option<Duration>,
}

impl Messages {
    pub(super) async fn read(response: Response<Incoming>) -> Result<Self, Problem> {
        let status = response.status();
        if status.is_success() && is_event_stream(&response) {
            return Ok(Self::Stream(Box::new(Stream {
                body: response.into_body(),
                parser: Parser::default(),
                ready: VecDeque::new(),
                last_id: None,
                retry: None,
            })));
        }
        let limit = if status.is_success() { MAX_ANSWER_BYTES } else { MAX_REFUSAL_BYTES };
        let body = match Limited::new(response.into_body(), limit).collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) if !status.is_success() => return Err(Problem::Refused { status, said: None }),
            Err(error) if error.is::<LengthLimitError>() => return Err(Problem::TooLong),
            Err(error) => return Err(Problem::Lost { why: error.to_string() }),
        };
        if status.is_success() && body.is_empty() {
            return Ok(Self::Whole(None));
        }
        match one_line(&body) {
            Some(message) if status.is_success() => Ok(Self::Whole(Some(message))),
            Some(message) if Received::peek(&message).is_some_and(|it| it.is_error()) => {
                Ok(Self::Whole(Some(message)))
            }
            _ if status.is_success() => Err(Problem::NotUnderstood),
            _ => Err(Problem::Refused { status, said: said(&body) }),
        }
    }

    /// The next message, on one line; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        match self {
            Self::Whole(message) => Ok(message.take()),
            Self::Stream(stream) => stream.next().await,
        }
    }
}

impl Stream {
    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            while let Some(event) = self.ready.pop_front() {
                self.last_id = event.id.or(self.last_id.take());
                self.retry = event.retry.or(self.retry);
                if let Some(message) = one_line(&Bytes::from(event.data)) {
                    return Ok(Some(message));
                }
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(Problem::Lost { why: error.to_string() }),
                Some(Ok(frame)) => {
                    if let Some(chunk) = frame.data_ref() {
                        self.parser
                            .feed(chunk, &mut self.ready)
                            .map_err(|TooLong| Problem::TooLong)?;
                    }
                }
            }
        }
    }
}

pub(super) fn is_event_stream<B>(response: &Response<B>) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("text/event-stream")
}

/// The message as it may go to stdout, or `None` if it is not JSON. Line ends
/// in valid JSON are only ever between tokens, where a space means the same.
fn one_line(message: &Bytes) -> Option<Bytes> {
    serde_json::from_slice::<&RawValue>(message).ok()?;
    let trimmed = message.trim_ascii();
    if !trimmed.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return Some(message.slice_ref(trimmed));
    }
    let flat = trimmed.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte });
    Some(flat.collect())
}

/// An error that names no request gets the id of the one that it answers:
/// otherwise the client would wait for ever.
pub(super) fn with_id(message: Bytes, id: &RawValue) -> Bytes {
    let nameless = Received::peek(&message).filter(Received::is_nameless_error);
    match nameless.and_then(|received| received.error) {
        Some(error) => response_with(Some(id), error.get()),
        None => message,
    }
}

/// What the gateway's own error bodies say, for people.
fn said(body: &[u8]) -> Option<String> {
    let error: ErrorBody = serde_json::from_slice(body).ok()?;
    Some(format!("{} {}", error.message, error.next))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn messages_are_put_on_one_line() {
        let line = |text: &'static str| one_line(&Bytes::from_static(text.as_bytes()));
        assert_eq!(line("{\"a\":  1e400}\r\n").unwrap(), "{\"a\":  1e400}");
        assert_eq!(line("{\n\t\"a\": \"\\n\"\r\n}").unwrap(), "{ \t\"a\": \"\\n\"  }");
        assert!(line("<html>").is_none());
        assert!(line("").is_none());
    }

    #[test]
    fn an_error_without_an_id_gets_that_of_the_request() {
        let id = raw("\"r1\"");
        let error = Bytes::from_static(
            br#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no"}}"#,
        );
        let answer = with_id(error, &id);
        assert!(Received::peek(&answer).unwrap().answers(&id), "{answer:?}");
        let other = Bytes::from_static(br#"{"jsonrpc":"2.0","id":2,"result":{}}"#);
        assert_eq!(with_id(other.clone(), &id), other);
    }

    #[test]
    fn a_problem_is_an_answer_that_a_person_can_act_on() {
        let refused = Problem::Refused { status: StatusCode::UNAUTHORIZED, said: None };
        let answer = refused.answer(Some(&raw("7")));
        let json: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(json["id"], 7);
        assert_eq!(json["error"]["code"], INTERNAL_ERROR);
        assert_eq!(json["error"]["data"], serde_json::json!({"source": "agw mcp", "status": 401}));
        assert!(json["error"]["message"].as_str().unwrap().contains("agw agent add"));
    }

    #[test]
    fn codes_in_words_are_not_json_rpc() {
        assert!(!Received::peek(br#"{"error":"invalid_token"}"#).unwrap().is_error());
        assert!(!Received::peek(br#"{"error":{"code":"sealed"}}"#).unwrap().is_error());
        assert!(Received::peek(br#"{"error":{"code":-32603,"message":""}}"#).unwrap().is_error());
        let body = br#"{"code":"sealed","message":"The vault is sealed.","next":"Unlock it."}"#;
        assert_eq!(said(body).as_deref(), Some("The vault is sealed. Unlock it."));
    }
}
