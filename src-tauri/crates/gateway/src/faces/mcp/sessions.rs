//! Sessions of the older era. A session is a place to send notifications and
//! questions to and to cancel calls in; it proves nothing about who calls.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use agw_core::{AgentId, Caller, UserId};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::Endpoint;
use crate::{bounds, pipeline::ClientAnswer, random};

/// All open sessions and streams of agents.
#[derive(Debug, Default)]
pub(crate) struct AgentSessions {
    sessions: Mutex<HashMap<String, Arc<AgentSession>>>,
    streams: Arc<Mutex<HashMap<Principal, usize>>>,
}

type Principal = (UserId, Option<AgentId>);

/// A place among the open streams, until it is dropped.
#[derive(Debug)]
pub(super) struct StreamPlace {
    streams: Arc<Mutex<HashMap<Principal, usize>>>,
    of: Principal,
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        match streams.get_mut(&self.of) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(streams.remove(&self.of)),
        }
    }
}

/// What was agreed on at the beginning.
#[derive(Debug, Clone)]
pub(super) struct Greeted {
    pub(super) version: &'static str,
    /// See [`ClientSide::capabilities`](crate::pipeline::ClientSide).
    pub(super) capabilities: Arc<str>,
}

#[derive(Debug)]
pub(super) struct AgentSession {
    principal: Principal,
    endpoint: Endpoint,
    state: Mutex<State>,
    /// Fires when the session is over.
    pub(super) over: CancellationToken,
}

#[derive(Debug)]
struct State {
    greeted: Greeted,
    used: Instant,
    /// By request id, as written.
    calls: HashMap<String, CancellationToken>,
    /// Questions to the client, by the id that they were sent with.
    questions: HashMap<String, oneshot::Sender<ClientAnswer>>,
    asked: u64,
    log_level: Option<&'static str>,
    /// URIs of resources.
    subscribed: HashMap<String, CancellationToken>,
    /// Ends the stream of notifications that is open.
    stream: CancellationToken,
    /// The stream that all answers go over, in the transport that has one.
    attached: Option<mpsc::Sender<Bytes>>,
    /// Messages that came beside it and are being answered.
    posts: Arc<Semaphore>,
}

fn principal(caller: &Caller) -> Principal {
    (caller.user, caller.agent.as_ref().map(|agent| agent.id))
}

impl AgentSessions {
    /// Returns the new session's id, or `None` without randomness.
    pub(super) fn begin(
        &self,
        caller: &Caller,
        endpoint: &Endpoint,
        greeted: Greeted,
    ) -> Option<String> {
        let id = random::text::<16>().ok()?;
        let session = AgentSession {
            principal: principal(caller),
            endpoint: endpoint.clone(),
            state: Mutex::new(State {
                greeted,
                used: Instant::now(),
                calls: HashMap::new(),
                questions: HashMap::new(),
                asked: 0,
                log_level: None,
                subscribed: HashMap::new(),
                stream: CancellationToken::new(),
                attached: None,
                posts: Arc::new(Semaphore::new(bounds::POSTS_PER_STREAM)),
            }),
            over: CancellationToken::new(),
        };
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        // Who opens them without end pushes out their own.
        let own = sessions.values().filter(|known| known.principal == session.principal).count();
        let own_only = own >= bounds::AGENT_SESSIONS_PER_CALLER;
        if own_only || sessions.len() >= bounds::AGENT_SESSIONS_MAX {
            let oldest = sessions
                .iter()
                .filter(|(_, known)| !own_only || known.principal == session.principal)
                .min_by_key(|(_, session)| session.state().used);
            let oldest = oldest.map(|(id, _)| id.clone());
            if let Some(session) = oldest.and_then(|id| sessions.remove(&id)) {
                session.over.cancel();
            }
        }
        sessions.insert(id.clone(), Arc::new(session));
        Some(id)
    }

    /// The session, if it is this caller's and of this endpoint.
    pub(super) fn get(
        &self,
        id: &str,
        caller: &Caller,
        endpoint: &Endpoint,
    ) -> Option<Arc<AgentSession>> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let session = sessions.get(id)?;
        if session.principal != principal(caller) || session.endpoint != *endpoint {
            return None;
        }
        session.state().used = Instant::now();
        Some(Arc::clone(session))
    }

    pub(super) fn end(&self, id: &str) {
        let ended = self.sessions.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        if let Some(session) = ended {
            session.over.cancel();
        }
    }

    /// A place among the open streams, if there is one for this caller.
    pub(super) fn stream(&self, caller: &Caller) -> Option<StreamPlace> {
        let of = principal(caller);
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = streams.values().sum();
        let own = streams.get(&of).copied().unwrap_or_default();
        if own >= bounds::STREAMS_PER_CALLER || all >= bounds::STREAMS_MAX {
            return None;
        }
        streams.insert(of, own + 1);
        drop(streams);
        Some(StreamPlace { streams: Arc::clone(&self.streams), of })
    }
}

impl AgentSession {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn greeted(&self) -> Greeted {
        self.state().greeted.clone()
    }

    /// What a client says of itself in a session that has a stream already.
    pub(super) fn greet(&self, greeted: Greeted) {
        self.state().greeted = greeted;
    }

    pub(super) fn attach(&self, to_client: mpsc::Sender<Bytes>) {
        self.state().attached = Some(to_client);
    }

    pub(super) fn attached(&self) -> Option<mpsc::Sender<Bytes>> {
        self.state().attached.clone()
    }

    /// A place among the messages that are being answered over its stream.
    pub(super) fn post(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.state().posts).try_acquire_owned().ok()
    }

    pub(super) fn call_began(&self, id: &str, cancel: &CancellationToken) {
        self.state().calls.insert(id.to_owned(), cancel.clone());
    }

    pub(super) fn call_ended(&self, id: &str) {
        self.state().calls.remove(id);
    }

    pub(super) fn cancel(&self, id: &str) {
        if let Some(cancel) = self.state().calls.get(id) {
            cancel.cancel();
        }
    }

    /// A place for an answer of the client's, and the id (JSON) to ask with.
    pub(super) fn question(&self) -> (String, oneshot::Receiver<ClientAnswer>) {
        let mut state = self.state();
        state.asked += 1;
        let id = format!("\"agw-{}\"", state.asked);
        let (answer, answered) = oneshot::channel();
        state.questions.insert(id.clone(), answer);
        (id, answered)
    }

    /// Nobody waits for that answer any more.
    pub(super) fn withdraw(&self, id: &str) {
        self.state().questions.remove(id);
    }

    /// `id` is JSON. An answer to nothing is nobody's.
    pub(super) fn answered(&self, id: &str, answer: ClientAnswer) {
        let waiting = self.state().questions.remove(id);
        // The one who asked may have given up.
        let _ = waiting.map(|waiting| waiting.send(answer));
    }

    pub(super) fn log_level(&self) -> Option<&'static str> {
        self.state().log_level
    }

    pub(super) fn set_level(&self, level: &'static str) {
        self.state().log_level = Some(level);
    }

    /// Returns what fires when the subscription is over; `None` without room
    /// for one more.
    pub(super) fn subscribe(&self, uri: &str) -> Option<CancellationToken> {
        let mut state = self.state();
        if state.subscribed.len() >= bounds::SUBSCRIPTIONS_MAX {
            return None;
        }
        let over = self.over.child_token();
        // Two at once are one.
        let before = state.subscribed.insert(uri.to_owned(), over.clone());
        before.inspect(CancellationToken::cancel);
        Some(over)
    }

    pub(super) fn unsubscribe(&self, uri: &str) {
        if let Some(over) = self.state().subscribed.remove(uri) {
            over.cancel();
        }
    }

    pub(super) fn is_subscribed(&self, uri: &str) -> bool {
        self.state().subscribed.contains_key(uri)
    }

    /// A new stream of notifications. The one before it ends: a message goes
    /// over one of them only.
    pub(super) fn new_stream(&self) -> CancellationToken {
        let mut state = self.state();
        state.stream.cancel();
        state.stream = self.over.child_token();
        state.stream.clone()
    }
}
