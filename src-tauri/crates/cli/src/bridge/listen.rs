//! Streams that last: the legacy era's GET stream for what the server says
//! unasked, and the modern era's `subscriptions/listen`. Both are opened again
//! when they break, because on stdio the client cannot see that they did.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep};

use super::Bridge;
use super::envelope::Envelope;
use super::forward::log;
use super::reply::{Messages, Problem, Received, is_event_stream, with_id};
use super::session::Session;

const FIRST_DELAY: Duration = Duration::from_millis(250);
const MAX_DELAY: Duration = Duration::from_secs(5);
/// A stream that lasted this long was well; what ended it is a new trouble.
const SETTLED: Duration = Duration::from_secs(5);
/// The longest wait that a server can ask for before a reconnect.
const MAX_RETRY: Duration = Duration::from_secs(60);

const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";

/// Doubling waits between attempts.
struct Delay(Duration);

impl Delay {
    fn new() -> Self {
        Self(FIRST_DELAY)
    }

    fn next(&mut self) -> Duration {
        let now = self.0;
        self.0 = (now * 2).min(MAX_DELAY);
        now
    }

    fn reset_after(&mut self, started: Instant) {
        if started.elapsed() >= SETTLED {
            *self = Self::new();
        }
    }
}

/// How one attempt at a GET stream ended.
enum Ended {
    /// It was open, and closed.
    Heard,
    /// 405: this server says nothing unasked.
    NotOffered,
    /// 404: the session is gone.
    Forgotten,
    Failed(Problem),
}

/// Where a broken GET stream goes on.
#[derive(Default)]
struct Cursor {
    last_id: Option<Vec<u8>>,
    retry: Option<Duration>,
}

impl Bridge {
    /// Starts the GET stream, once; it follows the session by itself.
    pub(super) fn listen(self: &Arc<Self>) {
        let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        // Without an id there is nothing that the server could say it to.
        if listener.is_none() && self.session.borrow().has_id() {
            let bridge = self.clone();
            let task = tokio::spawn(async move { bridge.keep_listening().await });
            *listener = Some(task.abort_handle());
        }
    }

    async fn keep_listening(&self) {
        let mut sessions = self.session.subscribe();
        let mut delay = Delay::new();
        let mut cursor = Cursor::default();
        let mut number = 0;
        loop {
            let session = sessions.borrow_and_update().clone();
            if session.number != number {
                number = session.number;
                cursor = Cursor::default();
            }
            let started = Instant::now();
            let ended = tokio::select! {
                ended = self.listen_once(&session, &mut cursor) => ended,
                // The client or another call opened a new session.
                _ = sessions.changed() => continue,
            };
            match ended {
                Ended::Heard => delay.reset_after(started),
                Ended::NotOffered => {
                    let _ = sessions.changed().await;
                    continue;
                }
                Ended::Forgotten => {
                    if let Err(problem) = self.renew(session.number).await {
                        log(&problem.to_string());
                    }
                }
                // Said once, not with every attempt.
                Ended::Failed(problem) if delay.0 == FIRST_DELAY => log(&problem.to_string()),
                Ended::Failed(_) => {}
            }
            let asked = cursor.retry.unwrap_or_default().min(MAX_RETRY);
            sleep(delay.next().max(asked)).await;
        }
    }

    async fn listen_once(&self, session: &Session, cursor: &mut Cursor) -> Ended {
        let headers = session.resuming(cursor.last_id.as_deref());
        let response = match self.gateway.get(headers).await {
            Ok(response) => response,
            Err(problem) => return Ended::Failed(problem),
        };
        match response.status() {
            StatusCode::METHOD_NOT_ALLOWED => return Ended::NotOffered,
            StatusCode::NOT_FOUND => return Ended::Forgotten,
            status if !status.is_success() || !is_event_stream(&response) => {
                return Ended::Failed(Problem::Refused { status, said: None });
            }
            _ => {}
        }
        let mut messages = match Messages::read(response).await {
            Ok(messages) => messages,
            Err(problem) => return Ended::Failed(problem),
        };
        while let Ok(Some(message)) = messages.next().await {
            self.say(message).await;
        }
        if let Messages::Stream(stream) = messages {
            cursor.last_id = stream.last_id.or(cursor.last_id.take());
            cursor.retry = stream.retry.or(cursor.retry);
        }
        Ended::Heard
    }

    /// A `subscriptions/listen` request, until the gateway answers it or the
    /// client cancels it.
    pub(super) async fn subscribe(&self, message: Bytes, envelope: &Envelope) {
        let Some(id) = envelope.request_id() else {
            return;
        };
        let mut delay = Delay::new();
        let mut acknowledged = false;
        loop {
            let before = acknowledged;
            let started = Instant::now();
            match self.subscribe_once(&message, envelope, id, &mut acknowledged).await {
                Ok(Answered(true)) => return,
                Ok(Answered(false)) if acknowledged => delay.reset_after(started),
                Ok(Answered(false)) => return self.say(Problem::Unanswered.answer(Some(id))).await,
                Err(problem) if !before || !problem.may_pass() => {
                    return self.say(problem.answer(Some(id))).await;
                }
                Err(problem) if delay.0 == FIRST_DELAY => log(&problem.to_string()),
                Err(_) => {}
            }
            sleep(delay.next()).await;
        }
    }

    async fn subscribe_once(
        &self,
        message: &Bytes,
        envelope: &Envelope,
        id: &RawValue,
        acknowledged: &mut bool,
    ) -> Result<Answered, Problem> {
        let response = self.gateway.post(envelope.headers(), message.clone()).await?;
        let status = response.status();
        let passing = Problem::Refused { status, said: None };
        // To the client the subscription is alive; it need not know of a pause.
        if *acknowledged && !status.is_success() && passing.may_pass() {
            return Err(passing);
        }
        let mut messages = Messages::read(response).await?;
        let again = *acknowledged;
        loop {
            let received = match messages.next().await {
                Ok(Some(received)) => with_id(received, id),
                Ok(None) => return Ok(Answered(false)),
                Err(_) if *acknowledged => return Ok(Answered(false)),
                Err(problem) => return Err(problem),
            };
            let Some(peeked) = Received::peek(&received) else {
                continue;
            };
            if peeked.answers(id) {
                self.say(received).await;
                return Ok(Answered(true));
            }
            let is_acknowledgment = peeked.method.as_deref() == Some(ACKNOWLEDGED);
            *acknowledged = *acknowledged || is_acknowledgment;
            if again && is_acknowledgment {
                // Already told; but what changed meanwhile was missed.
                for changed in missed(message, id) {
                    self.say(changed).await;
                }
            } else {
                self.say(received).await;
            }
        }
    }
}

/// Whether the stream ended with the answer to the request.
struct Answered(bool);

impl Problem {
    /// Whether waiting may help.
    fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Lost { .. } | Self::Unanswered => true,
            Self::Refused { status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::NotUnderstood | Self::TooLong | Self::Busy { .. } => false,
        }
    }
}

/// The notifications that a subscription may have missed while it was down,
/// for the lists that it asked about.
fn missed(request: &[u8], id: &RawValue) -> Vec<Bytes> {
    #[derive(Deserialize)]
    struct Request {
        params: Params,
    }
    #[derive(Deserialize)]
    struct Params {
        notifications: Asked,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Asked {
        #[serde(default)]
        tools_list_changed: bool,
        #[serde(default)]
        prompts_list_changed: bool,
        #[serde(default)]
        resources_list_changed: bool,
    }
    let Ok(Request { params: Params { notifications: asked } }) = serde_json::from_slice(request)
    else {
        return Vec::new();
    };
    [
        (asked.tools_list_changed, "tools"),
        (asked.prompts_list_changed, "prompts"),
        (asked.resources_list_changed, "resources"),
    ]
    .into_iter()
    .filter(|(asked, _)| *asked)
    .map(|(_, list)| {
        Bytes::from(format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/{list}/list_changed","params":{{"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}}}}}"#
        ))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit() {
        let mut delay = Delay::new();
        let waits: Vec<u128> = (0..8).map(|_| delay.next().as_millis()).collect();
        assert_eq!(waits, [250, 500, 1000, 2000, 4000, 5000, 5000, 5000]);
    }

    #[test]
    fn what_a_broken_subscription_missed() {
        let request = br#"{"id":"s","params":{"notifications":{"toolsListChanged":true,"resourceSubscriptions":["x"]}}}"#;
        let id = RawValue::from_string("\"s\"".into()).unwrap();
        let missed = missed(request, &id);
        assert_eq!(
            missed,
            [
                r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"s"}}}"#
            ]
        );
    }
}
