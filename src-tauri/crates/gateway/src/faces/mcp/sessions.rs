//! Sessions of the older era. A session is a place to send notifications to
//! and to cancel calls in; it proves nothing about who calls.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use agw_core::{AgentId, Caller, UserId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::Endpoint;
use crate::bounds;

/// All open sessions and streams of agents.
#[derive(Debug)]
pub(crate) struct AgentSessions {
    sessions: Mutex<HashMap<String, Arc<AgentSession>>>,
    streams: Arc<Semaphore>,
}

#[derive(Debug)]
pub(super) struct AgentSession {
    principal: (UserId, Option<AgentId>),
    endpoint: Endpoint,
    used: Mutex<Instant>,
    /// By request id, as written.
    calls: Mutex<HashMap<String, CancellationToken>>,
}

impl Default for AgentSessions {
    fn default() -> Self {
        Self { sessions: Mutex::default(), streams: Arc::new(Semaphore::new(bounds::STREAMS_MAX)) }
    }
}

fn principal(caller: &Caller) -> (UserId, Option<AgentId>) {
    (caller.user, caller.agent.as_ref().map(|agent| agent.id))
}

impl AgentSessions {
    /// Returns the new session's id, or `None` without randomness.
    pub(super) fn begin(&self, caller: &Caller, endpoint: &Endpoint) -> Option<String> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).ok()?;
        let id: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        let session = AgentSession {
            principal: principal(caller),
            endpoint: endpoint.clone(),
            used: Mutex::new(Instant::now()),
            calls: Mutex::default(),
        };
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= bounds::AGENT_SESSIONS_MAX {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.last_used());
            let oldest = oldest.map(|(id, _)| id.clone());
            oldest.and_then(|id| sessions.remove(&id));
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
        *session.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        Some(Arc::clone(session))
    }

    pub(super) fn end(&self, id: &str) {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// A place among the open streams.
    pub(super) fn stream(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.streams).try_acquire_owned().ok()
    }
}

impl AgentSession {
    fn last_used(&self) -> Instant {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn call_began(&self, id: &str, cancel: &CancellationToken) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.insert(id.to_owned(), cancel.clone());
    }

    pub(super) fn call_ended(&self, id: &str) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    pub(super) fn cancel(&self, id: &str) {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cancel) = calls.get(id) {
            cancel.cancel();
        }
    }
}
