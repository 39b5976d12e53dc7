//! One message to the gateway, and what comes back for it to the client.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::Bridge;
use super::envelope::Envelope;
use super::reply::{Messages, Problem, Received, with_id};
use super::session::{INITIALIZED, Session, TOOLS_CHANGED};

/// How long the gateway may take to open a session. Nothing else moves
/// meanwhile.
pub(super) const OPENING_TIMEOUT: Duration = Duration::from_secs(30);

impl Bridge {
    /// Sends a message and relays the answer. Every request gets one.
    pub(super) async fn forward(&self, message: Bytes, envelope: &Envelope) {
        let outcome = match self.post(message, envelope).await {
            Ok(response) => self.relay(response, envelope.request_id()).await,
            Err(problem) => Err(problem),
        };
        let Err(problem) = outcome else {
            return;
        };
        if envelope.request_id().is_some() || envelope.is_batch() {
            self.say(problem.answer(envelope.request_id())).await;
        } else {
            // Notifications have no answer, not even a bad one.
            log(&problem.to_string());
        }
    }

    /// Sends a message as its era wants it. A request to a session that the
    /// gateway has forgotten is sent again in a new one: it was not acted on.
    async fn post(
        &self,
        message: Bytes,
        envelope: &Envelope,
    ) -> Result<Response<Incoming>, Problem> {
        if envelope.modern.is_some() {
            return self.gateway.post(envelope.headers(), message).await;
        }
        let session = self.session.borrow().clone();
        let response = self.gateway.post(session.headers(), message.clone()).await?;
        let forgotten = response.status() == StatusCode::NOT_FOUND && session.has_id();
        // Notifications and answers were about things of the old session.
        if !forgotten || envelope.request_id().is_none() {
            return Ok(response);
        }
        self.renew(session.number).await?;
        let headers = self.session.borrow().headers();
        self.gateway.post(headers, message).await
    }

    async fn relay(
        &self,
        response: Response<Incoming>,
        id: Option<&RawValue>,
    ) -> Result<(), Problem> {
        let mut messages = Messages::read(response).await?;
        let mut answered = id.is_none();
        loop {
            match (messages.next().await, id) {
                (Ok(Some(message)), Some(id)) => {
                    let message = with_id(message, id);
                    answered =
                        answered || Received::peek(&message).is_some_and(|it| it.answers(id));
                    self.say(message).await;
                }
                (Ok(Some(message)), None) => {
                    if Received::peek(&message).is_some_and(|it| it.is_nameless_error()) {
                        log(&String::from_utf8_lossy(&message));
                    } else {
                        self.say(message).await;
                    }
                }
                (Ok(None), _) if answered => return Ok(()),
                (Ok(None), _) => return Err(Problem::Unanswered),
                // What breaks after the answer matters to nobody.
                (Err(_), _) if answered => return Ok(()),
                (Err(problem), _) => return Err(problem),
            }
        }
    }

    /// The client's own `initialize`.
    pub(super) async fn initialize(&self, message: Bytes, envelope: &Envelope) {
        // Without an id it is no request, and opens nothing.
        let Some(id) = envelope.request_id() else {
            return;
        };
        if let Err(problem) = self.open_session(message, id, true).await {
            self.say(problem.answer(Some(id))).await;
        }
    }

    /// Makes a new session in place of number `lost`, unless another call has
    /// done so meanwhile.
    pub(super) async fn renew(&self, lost: u64) -> Result<(), Problem> {
        let _only_one = self.renewing.lock().await;
        let session = self.session.borrow().clone();
        let Some(initialize) = session.initialize.filter(|_| session.number == lost) else {
            return Ok(());
        };
        let Some(id) = Envelope::peek(&initialize).ok().and_then(|envelope| envelope.id) else {
            return Ok(());
        };
        self.open_session(initialize, &id, false).await?;
        let session = self.session.borrow().clone();
        self.gateway.post(session.headers(), Bytes::from_static(INITIALIZED)).await?;
        log("the gateway had forgotten the session; a new one is open");
        if session.announces_tools {
            self.say(Bytes::from_static(TOOLS_CHANGED)).await;
        }
        Ok(())
    }

    /// Sends `initialize` and keeps what was agreed. `relay` says whether the
    /// client is waiting for the answer.
    async fn open_session(
        &self,
        initialize: Bytes,
        id: &RawValue,
        relay: bool,
    ) -> Result<(), Problem> {
        let opening = async {
            let response = self.gateway.post(HeaderMap::new(), initialize.clone()).await?;
            let (status, headers) = (response.status(), response.headers().clone());
            let mut messages = Messages::read(response).await?;
            while let Some(message) = messages.next().await? {
                let message = with_id(message, id);
                if !Received::peek(&message).is_some_and(|it| it.answers(id)) {
                    self.say(message).await;
                    continue;
                }
                let number = self.session.borrow().number + 1;
                let opened = Session::opened(number, initialize.clone(), &headers, &message);
                let failed = opened.is_none();
                // Kept before it is told: the client's next message needs it.
                if let Some(opened) = opened {
                    self.session.send_replace(opened);
                }
                if relay {
                    self.say(message).await;
                } else if failed {
                    let said = String::from_utf8_lossy(&message).into_owned();
                    return Err(Problem::Refused { status, said: Some(said) });
                }
                return Ok(());
            }
            Err(Problem::Unanswered)
        };
        timeout(OPENING_TIMEOUT, opening).await.unwrap_or_else(|_| {
            let why = format!("no answer within {} s", OPENING_TIMEOUT.as_secs());
            Err(Problem::Lost { why })
        })
    }
}

/// To the client's log. Stderr may be closed, which is no reason to fail.
pub(super) fn log(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "agw mcp: {}", crate::output::safe(text));
}
