//! A two-way channel to a server on which messages of all requests mix: the
//! pipes of a child process, or the two ways of HTTP with SSE (2024-11-05).
//!
//! What a server says on it without saying to which call it belongs goes to
//! the latest call, which is one of the same owner (see [`Owner`]).

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use agw_vault::Secret;
use bytes::Bytes;
use serde::Deserialize;
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    bounds,
    pipeline::Era,
    upstream::{
        UpstreamError, dialect,
        ear::{Ear, Owner},
        jsonrpc::{self, Answer, Incoming},
        life::Life,
        log::Log,
        talk::{Talk, Talks, unanswered, wanted_of},
    },
};

/// Messages that may wait for a server to take them.
const TO_SERVER: usize = 256;

type Answered = oneshot::Receiver<Result<Answer, UpstreamError>>;

#[derive(Debug)]
pub(super) struct Wire {
    pub(super) shared: Arc<Shared>,
    next_id: AtomicU64,
    /// The level of log messages that was last asked for.
    level: Mutex<Option<Arc<str>>>,
    /// In the stateless era, the request that the owner's resources are watched
    /// by.
    listening: Mutex<Option<u64>>,
    used: Mutex<Instant>,
    /// Ends it.
    stop: CancellationToken,
}

/// What the tasks of a wire share with it.
#[derive(Debug)]
pub(super) struct Shared {
    waiting: Mutex<HashMap<u64, Waiting>>,
    talks: Talks,
    /// `None`: the gateway's own.
    owner: Mutex<Option<Owner>>,
    to_server: mpsc::Sender<Bytes>,
    pub(super) secrets: Arc<[Secret]>,
    pub(super) log: Log,
    ear: Ear,
    pub(super) life: Life,
    closed: CancellationToken,
    why_closed: Mutex<String>,
    /// Requests of the server's that are being answered.
    answering: tokio::sync::Semaphore,
}

#[derive(Debug)]
struct Waiting {
    answer: oneshot::Sender<Result<Answer, UpstreamError>>,
    /// The call that waits, if it is one.
    talk: Option<Arc<Talk>>,
}

/// What a wire is made of.
pub(super) struct Ends {
    pub(super) shared: Arc<Shared>,
    /// What goes to the server.
    pub(super) outgoing: mpsc::Receiver<Bytes>,
    /// Fires when it shall end.
    pub(super) stop: CancellationToken,
}

impl Wire {
    /// The ends are for the tasks that carry the messages.
    pub(super) fn new(secrets: Arc<[Secret]>, log: Log, ear: Ear, life: Life) -> (Self, Ends) {
        let (to_server, outgoing) = mpsc::channel(TO_SERVER);
        let stop = life.stop.child_token();
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            talks: Talks::default(),
            owner: Mutex::default(),
            to_server,
            secrets,
            log,
            ear,
            life,
            closed: CancellationToken::new(),
            why_closed: Mutex::default(),
            answering: tokio::sync::Semaphore::new(bounds::ASKS_PER_CALL),
        });
        let wire = Self {
            shared: Arc::clone(&shared),
            next_id: AtomicU64::new(1),
            level: Mutex::default(),
            listening: Mutex::default(),
            used: Mutex::new(Instant::now()),
            stop: stop.clone(),
        };
        (wire, Ends { shared, outgoing, stop })
    }

    /// From now on it is theirs.
    pub(super) fn belongs_to(&self, owner: &Owner) {
        *self.shared.owner.lock().unwrap_or_else(PoisonError::into_inner) = Some(owner.clone());
    }

    /// A request that no call is behind; `params` is JSON.
    pub(super) async fn request(
        &self,
        method: &str,
        params: &str,
    ) -> Result<Answer, UpstreamError> {
        let id = self.next_id();
        let answered = self.send(id, jsonrpc::request(id, method, params).into(), None)?;
        let forget = Forget { wire: self, id: Some(id) };
        let answer = self.wait(answered).await;
        forget.answered();
        Ok(answer?.without_secrets(&self.shared.secrets))
    }

    pub(super) fn notify(&self, method: &str) -> Result<(), UpstreamError> {
        self.write(jsonrpc::notification(method, "{}").into())
    }

    /// One round of a call.
    pub(super) async fn call(
        &self,
        era: Era,
        logging: bool,
        talk: &Arc<Talk>,
        again: &str,
        cancel: &CancellationToken,
    ) -> Result<Answer, UpstreamError> {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        if era == Era::Session && logging {
            self.set_level(talk);
        }
        let id = self.next_id();
        let body = dialect::call(id, era, &talk.armed, again);
        let answered = self.send(id, body, Some(Arc::clone(talk)))?;
        let forget = Forget { wire: self, id: Some(id) };
        let answer = tokio::select! {
            answer = self.wait(answered) => answer,
            () = cancel.cancelled() => return Err(UpstreamError::Cancelled),
        };
        forget.answered();
        answer
    }

    /// Has the server send log messages from the client's level up.
    fn set_level(&self, talk: &Talk) {
        let Some(wanted) = &talk.armed.client().log_level else { return };
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        if level.as_ref() != Some(wanted) {
            *level = Some(Arc::clone(wanted));
            // What it answers does not matter to the call.
            let _ = self.write(jsonrpc::set_level(self.next_id(), wanted).into());
        }
    }

    /// Watches these resources and no others (stateless era).
    pub(super) fn listen_to(&self, uris: &[String]) {
        let mut listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = listening.take() {
            let _ = self.write(jsonrpc::cancelled(before).into());
        }
        if uris.is_empty() {
            return;
        }
        let id = self.next_id();
        let params = dialect::own_params(Era::Stateless, &dialect::watching(uris));
        let request = jsonrpc::request(id, "subscriptions/listen", &params);
        *listening = self.write(request.into()).is_ok().then_some(id);
    }

    /// The call hears what the server says without saying to whom.
    pub(super) fn talks(&self) -> &Talks {
        &self.shared.talks
    }

    pub(super) async fn closed(&self) -> String {
        self.shared.closed.cancelled().await;
        self.shared.why_closed()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.shared.closed.is_cancelled() || self.stop.is_cancelled()
    }

    /// Since when nothing was done with it; `None`: something is being done.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let used = *self.used.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.talks.none().then_some(used)
    }

    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    pub(super) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    fn send(
        &self,
        id: u64,
        message: Bytes,
        talk: Option<Arc<Talk>>,
    ) -> Result<Answered, UpstreamError> {
        let (answer, answered) = oneshot::channel();
        self.shared.waiting().insert(id, Waiting { answer, talk });
        self.write(message).inspect_err(|_| drop(self.shared.waiting().remove(&id)))?;
        if self.shared.closed.is_cancelled() {
            self.shared.waiting().remove(&id);
        }
        Ok(answered)
    }

    pub(super) fn write(&self, message: Bytes) -> Result<(), UpstreamError> {
        self.shared.to_server.try_send(message).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                UpstreamError::NotReady("it does not read its input".into())
            }
            mpsc::error::TrySendError::Closed(_) => UpstreamError::Closed(self.shared.why_closed()),
        })
    }

    async fn wait(&self, answered: Answered) -> Result<Answer, UpstreamError> {
        match answered.await {
            Ok(answer) => answer,
            Err(_) => {
                // The reason is known a moment after the pipe breaks.
                self.shared.closed.cancelled().await;
                Err(UpstreamError::Closed(self.shared.why_closed()))
            }
        }
    }
}

/// Nobody can use it any more.
impl Drop for Wire {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Tells the server when nobody waits for an answer any more: on time-out and
/// on cancellation alike.
struct Forget<'a> {
    wire: &'a Wire,
    id: Option<u64>,
}

impl Forget<'_> {
    fn answered(mut self) {
        self.id = None;
    }
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.wire.shared.waiting().remove(&id);
            // A server that reads nothing does not hear this either.
            let _ = self.wire.write(jsonrpc::cancelled(id).into());
        }
    }
}

impl Shared {
    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn why_closed(&self) -> String {
        self.why_closed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn close(&self, why: String) {
        *self.why_closed.lock().unwrap_or_else(PoisonError::into_inner) = why;
        self.closed.cancel();
        self.waiting().clear();
    }

    /// One message of the server's. `Err`: it is none. What it returns is to
    /// be sent before anything more is read: a server that floods us with
    /// requests waits for its answers.
    pub(super) fn take_in(self: &Arc<Self>, text: &Bytes) -> Result<Option<String>, NoMessage> {
        let message = Incoming::parse(text).ok_or(NoMessage)?;
        let Some(method) = message.method.as_deref() else {
            let waiting = message.own_id().and_then(|id| self.waiting().remove(&id));
            if let Some(waiting) = waiting {
                // The one who asked may have given up.
                let _ = waiting.answer.send(message.answer(text));
            }
            return Ok(None);
        };
        if message.id.is_some() {
            return Ok(message
                .request_id()
                .and_then(|id| self.asked(id, method, message.params())));
        }
        self.told(method, message.params());
        Ok(None)
    }

    fn told(&self, method: &str, params: &str) {
        let talk = match method {
            "notifications/progress" => match progress_of(params) {
                Some(id) => self.waiting().get(&id).and_then(|waiting| waiting.talk.clone()),
                None => return,
            },
            _ => self.talks.latest(),
        };
        if !talk.is_some_and(|talk| talk.tell(method, params)) {
            let owner = self.owner.lock().unwrap_or_else(PoisonError::into_inner).clone();
            self.ear.hear(owner.as_ref(), &self.secrets, method, params);
        }
    }

    /// Returns what to answer at once.
    fn asked(self: &Arc<Self>, id: &str, method: &str, params: &str) -> Option<String> {
        let Some(what) = wanted_of(method) else { return Some(jsonrpc::respond(id, method)) };
        let Some(talk) = self.talks.latest() else { return Some(unanswered(id, what)) };
        // Others may share the link of a client that can do nothing.
        if !talk.armed.client().can_answer() && self.talks.several() {
            return Some(unanswered(id, what));
        }
        let this = Arc::clone(self);
        let (id, params) = (id.to_owned(), params.to_owned());
        if self.answering.available_permits() == 0 {
            return Some(unanswered(&id, what));
        }
        self.life.run(async move {
            let Ok(_permit) = this.answering.try_acquire() else { return };
            let answer = talk.respond(&id, what, &params).await;
            // A server that is gone needs no answer.
            let _ = this.to_server.send(answer.into()).await;
        });
        None
    }

    pub(super) async fn answer(&self, text: String) {
        let _ = self.to_server.send(text.into()).await;
    }
}

/// A line, or an event, that is no JSON-RPC message.
#[derive(Debug)]
pub(super) struct NoMessage;

/// The request that progress is of: the token is its id.
fn progress_of(params: &str) -> Option<u64> {
    #[derive(Deserialize)]
    struct Progress {
        #[serde(rename = "progressToken")]
        token: u64,
    }
    serde_json::from_str::<Progress>(params).ok().map(|progress| progress.token)
}
