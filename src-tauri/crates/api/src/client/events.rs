//! Server-sent events (WHATWG HTML, section 9.2) as far as the admin API uses
//! them: `data:` lines, comments, and a blank line that ends an event.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt as _};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::ClientError;
use crate::Event;

/// The longest event.
pub(super) const MAX_EVENT_BYTES: usize = 1024 * 1024;
/// Silence after which the service counts as gone: three of the comments that
/// it sends every 15 s.
const EVENTS_IDLE_TIMEOUT: Duration = Duration::from_secs(45);

const OPERATION: &str = "GET /api/v1/events";

/// What happens in the gateway, as it happens. Ends after the first error.
pub struct EventStream(Pin<Box<dyn Stream<Item = Result<Event, ClientError>> + Send>>);

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventStream")
    }
}

impl Stream for EventStream {
    type Item = Result<Event, ClientError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl EventStream {
    pub(super) fn new(body: Incoming) -> Self {
        let reader = Reader { body, parser: Parser::default(), ready: VecDeque::new() };
        let events = stream::unfold(Some(reader), |reader| async {
            let mut reader = reader?;
            match reader.next().await {
                Ok(Some(event)) => Some((Ok(event), Some(reader))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        });
        Self(events.boxed())
    }
}

struct Reader {
    body: Incoming,
    parser: Parser,
    ready: VecDeque<String>,
}

impl Reader {
    async fn next(&mut self) -> Result<Option<Event>, ClientError> {
        loop {
            if let Some(json) = self.ready.pop_front() {
                return serde_json::from_str(&json)
                    .map(Some)
                    .map_err(|error| ClientError::malformed(OPERATION, error.to_string()));
            }
            let Ok(frame) = timeout(EVENTS_IDLE_TIMEOUT, self.body.frame()).await else {
                return Err(ClientError::timed_out(OPERATION, EVENTS_IDLE_TIMEOUT));
            };
            match frame {
                None => return Ok(None),
                Some(Err(error)) => {
                    return Err(ClientError::io(OPERATION, io::Error::other(error)));
                }
                Some(Ok(frame)) => {
                    if let Some(chunk) = frame.data_ref() {
                        self.parser.feed(chunk, &mut self.ready)?;
                    }
                }
            }
        }
    }
}

/// Cuts a byte stream into events, wherever the chunks end.
#[derive(Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    data: Option<String>,
}

impl Parser {
    /// Appends the data of each event that `chunk` completes to `ready`.
    pub(super) fn feed(
        &mut self,
        chunk: &[u8],
        ready: &mut VecDeque<String>,
    ) -> Result<(), ClientError> {
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            let held = self.line.len() + self.data.as_ref().map_or(0, String::len);
            if held + piece.len() > MAX_EVENT_BYTES {
                return Err(ClientError::too_large(OPERATION, MAX_EVENT_BYTES));
            }
            self.line.extend_from_slice(piece);
            if self.line.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.end_line(&line, ready)?;
            }
        }
        Ok(())
    }

    fn end_line(&mut self, line: &[u8], ready: &mut VecDeque<String>) -> Result<(), ClientError> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            ready.extend(self.data.take());
            return Ok(());
        }
        // Comments and the fields `event`, `id` and `retry` say nothing here.
        let Some(value) = line.strip_prefix(b"data:") else {
            return Ok(());
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        let value = std::str::from_utf8(value)
            .map_err(|error| ClientError::malformed(OPERATION, error.to_string()))?;
        match &mut self.data {
            Some(data) => {
                data.push('\n');
                data.push_str(value);
            }
            None => self.data = Some(value.to_owned()),
        }
        Ok(())
    }
}
