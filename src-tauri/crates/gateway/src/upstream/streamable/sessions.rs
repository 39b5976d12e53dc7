//! The sessions that owners have with an upstream, and what they watch.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{HttpLink, exchange::read_body};
use crate::{
    bounds,
    pipeline::{ArmedRequest, Era},
    upstream::{
        UpstreamError,
        dialect::{self, Greeting},
        ear::Owner,
        http::{Access, Site, check_status},
        jsonrpc,
        talk::Talks,
    },
};

const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

/// What an upstream agreed on with one owner's requests.
#[derive(Debug)]
pub(in crate::upstream) struct Session {
    /// Its id, if it has one, and the revision.
    pub(in crate::upstream) headers: Vec<(HeaderName, HeaderValue)>,
    /// The credentials it was opened with.
    pub(in crate::upstream) access: Access,
    /// The level of log messages that was last asked for.
    pub(super) level: Mutex<Option<Arc<str>>>,
    pub(in crate::upstream) talks: Talks,
    /// Whether what the upstream says outside of answers is listened to.
    pub(super) listens: AtomicBool,
    used: Mutex<Instant>,
    /// Fires when its stream stands, or it is known that there is none.
    pub(in crate::upstream) heard: CancellationToken,
    pub(in crate::upstream) ended: CancellationToken,
}

impl Session {
    pub(super) fn new(id: Option<HeaderValue>, protocol: HeaderValue, access: Access) -> Self {
        let id = id.map(|id| (SESSION_ID, id));
        Self {
            headers: id.into_iter().chain([(PROTOCOL_VERSION, protocol)]).collect(),
            access,
            level: Mutex::default(),
            talks: Talks::default(),
            listens: AtomicBool::new(false),
            used: Mutex::new(Instant::now()),
            heard: CancellationToken::new(),
            ended: CancellationToken::new(),
        }
    }

    pub(in crate::upstream) fn has_id(&self) -> bool {
        self.headers.len() > 1
    }

    /// From now on it is listened to; returns whether it was before.
    pub(in crate::upstream) fn begin_listening(&self) -> bool {
        self.listens.swap(true, Ordering::Relaxed)
    }

    fn idle_since(&self) -> Instant {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpLink {
    pub(super) fn sessions(&self) -> MutexGuard<'_, HashMap<Owner, Arc<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn session(
        self: &Arc<Self>,
        owner: &Owner,
        armed: &ArmedRequest,
    ) -> Result<Arc<Session>, UpstreamError> {
        if let Some(session) = self.sessions().get(owner) {
            *session.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            return Ok(Arc::clone(session));
        }
        self.open(owner, Access::of(armed)).await
    }

    /// A session for an owner who has none, with all that they watch.
    pub(in crate::upstream) async fn open(
        self: &Arc<Self>,
        owner: &Owner,
        access: Access,
    ) -> Result<Arc<Session>, UpstreamError> {
        let (id, capabilities) = (self.next_id(), &owner.capabilities);
        let (session, _) = open_session(&self.site, id, capabilities, access).await?;
        let session = self.remember(owner, session);
        let uris = self.subscriptions.of(owner);
        if owner.agent.is_some() || !uris.is_empty() {
            self.listen_in_session(&session, Some(owner.clone()));
            // What it asks there before the stream stands would be lost.
            let heard = session.heard.cancelled();
            let _ = tokio::time::timeout(bounds::STREAM_OPENS, heard).await;
        }
        for uri in uris {
            let (id, params) = (self.next_id(), dialect::uri_params(&uri));
            let message = jsonrpc::request(id, "resources/subscribe", &params);
            self.say(&session, &session.access.headers, message).await?;
        }
        Ok(session)
    }

    pub(in crate::upstream) fn session_of(&self, owner: &Owner) -> Option<Arc<Session>> {
        self.sessions().get(owner).cloned()
    }

    pub(in crate::upstream) fn remember(
        self: &Arc<Self>,
        owner: &Owner,
        session: Session,
    ) -> Arc<Session> {
        let mut sessions = self.sessions();
        // A client may declare other abilities each time.
        let own = sessions.keys().filter(|of| of.is_of_caller(owner)).count();
        let own_only = own >= bounds::UPSTREAM_SESSIONS_PER_CALLER;
        if own_only || sessions.len() >= bounds::UPSTREAM_SESSIONS_MAX {
            let oldest = sessions
                .iter()
                .filter(|(of, _)| !own_only || of.is_of_caller(owner))
                .min_by_key(|(_, session)| session.idle_since());
            if let Some(oldest) = oldest.map(|(owner, _)| owner.clone()) {
                sessions.remove(&oldest).inspect(|session| session.ended.cancel());
            }
        }
        // Two first calls may both have opened one; the later one serves.
        let session = Arc::new(session);
        let before = sessions.insert(owner.clone(), Arc::clone(&session));
        before.inspect(|before| before.ended.cancel());
        session
    }

    pub(in crate::upstream) fn forget(&self, owner: &Owner, session: &Arc<Session>) {
        session.ended.cancel();
        let mut sessions = self.sessions();
        if sessions.get(owner).is_some_and(|known| Arc::ptr_eq(known, session)) {
            sessions.remove(owner);
        }
    }

    /// Sees to it that what somebody subscribed to is heard. In the older era
    /// the call itself subscribed.
    pub(in crate::upstream) fn subscribed(self: &Arc<Self>, owner: &Owner) {
        match self.era {
            Era::Stateless => self.watch(owner),
            Era::Session => {
                if let Some(session) = self.session_of(owner) {
                    self.listen_in_session(&session, Some(owner.clone()));
                }
            }
        }
    }

    /// Watches what the owner now wants watched (stateless era).
    fn watch(self: &Arc<Self>, owner: &Owner) {
        let mut watching = self.watching.lock().unwrap_or_else(PoisonError::into_inner);
        // Dropping the one before ends its stream.
        watching.remove(owner);
        if let Some(access) = self.subscriptions.access(owner) {
            let stop = CancellationToken::new();
            let filter = dialect::watching(&self.subscriptions.of(owner));
            self.listen_for(filter, Some(owner.clone()), access, stop.clone());
            watching.insert(owner.clone(), stop.drop_guard());
        }
    }

    /// Nobody watches that resource any more.
    pub(in crate::upstream) fn unsubscribed(self: &Arc<Self>, owner: &Owner, uri: &str) {
        match self.era {
            Era::Stateless => self.watch(owner),
            Era::Session => {
                let Some(session) = self.session_of(owner) else { return };
                let params = dialect::uri_params(uri);
                let message = jsonrpc::request(self.next_id(), "resources/unsubscribe", &params);
                let this = Arc::clone(self);
                self.life.run(async move {
                    // Should it not hear this, it goes on telling nobody.
                    let _ = this.say(&session, &session.access.headers, message).await;
                });
            }
        }
    }

    /// Watches again, over a new link, what was watched over the one before.
    pub(in crate::upstream) async fn resume(self: &Arc<Self>, owner: &Owner, access: Access) {
        match self.era {
            Era::Stateless => self.watch(owner),
            Era::Session if self.session_of(owner).is_none() => {
                // The owner's next call tries again.
                if let Err(error) = self.open(owner, access).await {
                    let error = error.without_secrets(&self.access.secrets);
                    tracing::debug!(%error, "what is watched is not watched again yet");
                }
            }
            Era::Session => {}
        }
    }

    /// Ends the sessions of those who are gone, and those that nobody has used
    /// for long.
    pub(in crate::upstream) fn sweep(self: &Arc<Self>, stays: impl Fn(&Owner) -> bool) {
        let mut watching = self.watching.lock().unwrap_or_else(PoisonError::into_inner);
        watching.retain(|owner, _| stays(owner) && !self.subscriptions.of(owner).is_empty());
        drop(watching);
        let gone = |owner: &Owner, session: &Session| {
            let idle = session.idle_since().elapsed() >= bounds::UPSTREAM_SESSION_IDLE;
            !stays(owner) || idle && self.subscriptions.of(owner).is_empty()
        };
        let ended: Vec<_> = self.sessions().extract_if(|owner, s| gone(owner, s)).collect();
        for (_, session) in ended {
            session.ended.cancel();
            if session.has_id() {
                let site = self.site.clone();
                self.life.run(async move {
                    let headers = [&session.headers[..], &session.access.headers];
                    // It may not care.
                    let sent = site.send(Method::DELETE, "application/json", headers, Bytes::new());
                    let _ = tokio::time::timeout(bounds::POSTING, sent).await;
                });
            }
        }
    }
}

pub(super) async fn open_session(
    site: &Site,
    id: u64,
    capabilities: &str,
    access: Access,
) -> Result<(Session, Greeting), UpstreamError> {
    let protocol = HeaderValue::from_static(dialect::SESSION);
    let body = jsonrpc::request(id, "initialize", &dialect::initialize_params(capabilities));
    let nobody = [(PROTOCOL_VERSION, protocol)];
    let response = site.post([&nobody, &access.headers], body.into()).await?;
    let session_id = response.headers().get(SESSION_ID).cloned();
    let answer = read_body(response, id, Era::Session).await?.without_secrets(&access.secrets);
    let greeting = dialect::read_initialized(answer)?;
    let protocol = HeaderValue::from_str(&greeting.protocol)
        .map_err(|_| UpstreamError::Malformed("its protocol version is no version".into()))?;
    let session = Session::new(session_id, protocol, access);
    let ready = jsonrpc::notification("notifications/initialized", "{}");
    check_status(&site.post([&session.headers, &session.access.headers], ready.into()).await?)?;
    Ok((session, greeting))
}
