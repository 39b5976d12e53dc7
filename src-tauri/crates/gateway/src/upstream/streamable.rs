//! MCP servers at a URL that speak streamable HTTP, of either era (MCP
//! 2025-11-25 and 2026-07-28, basic/transports).
//!
//! In the older era each owner gets a session of their own with the upstream,
//! so that nothing an upstream keeps per session is shared between people. In
//! the stateless era there are none: each request says all of itself.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use agw_core::json;
use agw_vault::Secret;
use bytes::Bytes;
use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use hyper::body::Incoming as Body;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    bounds, mirrored,
    pipeline::{ArmedRequest, Era, Operation},
    upstream::{
        UpstreamError,
        dialect::{self, Announced, Greeting},
        ear::{Ear, Owner},
        http::{
            Access, Headers, REST_OF_STREAM, Site, check_status, content_type, next_chunk, read_all,
        },
        jsonrpc::{self, Answer, Incoming},
        life::Life,
        sse,
        subscriptions::Subscriptions,
        talk::{Talk, Talks, unanswered, wanted_of},
    },
};

const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
pub(super) const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

#[derive(Debug)]
pub(super) struct HttpLink {
    pub(super) site: Site,
    era: Era,
    /// For what no call is behind; a call brings its own.
    pub(super) access: Access,
    /// The gateway's own; in the stateless era everybody's.
    pub(super) own: Arc<Session>,
    sessions: Mutex<HashMap<Owner, Arc<Session>>>,
    next_id: AtomicU64,
    broken: Notify,
    pub(super) ear: Ear,
    pub(super) life: Life,
    announced: Announced,
    pub(super) subscriptions: Arc<Subscriptions>,
    /// In the stateless era, the streams over which owners watch resources.
    watching: Mutex<HashMap<Owner, DropGuard>>,
}

/// What an upstream agreed on with one owner's requests.
#[derive(Debug)]
pub(super) struct Session {
    /// Its id, if it has one, and the revision.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// The credentials it was opened with.
    pub(super) access: Access,
    /// The level of log messages that was last asked for.
    level: Mutex<Option<Arc<str>>>,
    pub(super) talks: Talks,
    /// Whether what the upstream says outside of answers is listened to.
    listens: AtomicBool,
    used: Mutex<Instant>,
    /// Fires when its stream stands, or it is known that there is none.
    pub(super) heard: CancellationToken,
    pub(super) ended: CancellationToken,
}

impl Session {
    fn new(id: Option<HeaderValue>, protocol: HeaderValue, access: Access) -> Self {
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

    pub(super) fn has_id(&self) -> bool {
        self.headers.len() > 1
    }

    /// From now on it is listened to; returns whether it was before.
    pub(super) fn begin_listening(&self) -> bool {
        self.listens.swap(true, Ordering::Relaxed)
    }

    fn idle_since(&self) -> Instant {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is needed to make a link of either era.
pub(super) struct Parts {
    pub(super) site: Site,
    pub(super) access: Access,
    pub(super) subscriptions: Arc<Subscriptions>,
    pub(super) ear: Ear,
    pub(super) life: Life,
}

/// What a request gets before it is known how a server speaks.
pub(super) async fn probe(parts: &Parts) -> Result<Option<Greeting>, UpstreamError> {
    let params = dialect::own_params(Era::Stateless, "");
    let body = jsonrpc::request(0, "server/discover", &params);
    let session =
        Session::new(None, HeaderValue::from_static(dialect::STATELESS), parts.access.clone());
    let method = (METHOD, HeaderValue::from_static("server/discover"));
    let headers: Vec<_> = session.headers.iter().cloned().chain([method]).collect();
    let response = parts.site.post([&headers, &parts.access.headers], body.into()).await?;
    // An older server says no in many ways; these mean something to any era.
    if matches!(response.status().as_u16(), 300..=399 | 401 | 403) {
        check_status(&response)?;
    }
    let answer = match read_body(response, 0, Era::Stateless).await {
        Ok(answer) => answer.without_secrets(&parts.access.secrets),
        Err(error @ UpstreamError::Unreachable(_)) => return Err(error),
        Err(_) => return Ok(None),
    };
    match dialect::read_discovered(&answer)? {
        dialect::Probed::Stateless(greeting) => Ok(Some(*greeting)),
        dialect::Probed::Other => Ok(None),
    }
}

impl HttpLink {
    /// For a server of the stateless era.
    pub(super) fn stateless(parts: Parts, announced: Announced) -> Arc<Self> {
        let protocol = HeaderValue::from_static(dialect::STATELESS);
        let own = Session::new(None, protocol, parts.access.clone());
        let link = Self::make(parts, Era::Stateless, own, announced);
        if announced.list_changed {
            let (access, stop) = (link.access.clone(), CancellationToken::new());
            link.listen_for(dialect::LISTS.into(), None, access, stop);
        }
        link
    }

    /// Opens the gateway's own session with a server of the older era.
    pub(super) async fn greet(parts: Parts) -> Result<(Arc<Self>, Greeting), UpstreamError> {
        let opened = open_session(&parts.site, 0, "{}", parts.access.clone()).await;
        let (own, greeting) = opened?;
        let link = Self::make(parts, Era::Session, own, greeting.announced);
        if greeting.announced.list_changed {
            link.listen_in_session(&link.own, None);
        }
        Ok((link, greeting))
    }

    /// For a server that does not let the gateway itself in.
    pub(super) fn ungreeted(parts: Parts, era: Era) -> Arc<Self> {
        let protocol = match era {
            Era::Stateless => dialect::STATELESS,
            Era::Session => dialect::SESSION,
        };
        let own = Session::new(None, HeaderValue::from_static(protocol), parts.access.clone());
        Self::make(parts, era, own, Announced::default())
    }

    fn make(parts: Parts, era: Era, own: Session, announced: Announced) -> Arc<Self> {
        let Parts { site, access, subscriptions, ear, life } = parts;
        Arc::new(Self {
            site,
            era,
            access,
            own: Arc::new(own),
            sessions: Mutex::default(),
            next_id: AtomicU64::new(1),
            broken: Notify::new(),
            ear,
            life,
            announced,
            subscriptions,
            watching: Mutex::default(),
        })
    }

    pub(super) fn era(&self) -> Era {
        self.era
    }

    /// A request that no call is behind; `members` are those of its params.
    pub(super) async fn request(
        &self,
        method: &'static str,
        members: &str,
    ) -> Result<Answer, UpstreamError> {
        let id = self.next_id();
        let body = jsonrpc::request(id, method, &dialect::own_params(self.era, members));
        let mut extra = self.own.headers.clone();
        if self.era == Era::Stateless {
            extra.push((METHOD, HeaderValue::from_static(method)));
        }
        let response = self.site.post([&extra, &self.access.headers], body.into()).await?;
        let exchange = Exchange {
            link: self,
            session: &self.own,
            headers: &self.access.headers,
            secrets: &self.access.secrets,
            owner: None,
            talk: None,
        };
        let answer = exchange.read_answer(response, id).await?;
        Ok(answer.without_secrets(&self.access.secrets))
    }

    /// One round of a call.
    pub(super) async fn call(
        self: &Arc<Self>,
        talk: &Arc<Talk>,
        again: &str,
        cancel: &CancellationToken,
    ) -> Result<Answer, UpstreamError> {
        let armed = &talk.armed;
        let owner = Owner::of(armed);
        let id = self.next_id();
        let body = dialect::call(id, self.era, armed, again);
        let round = async {
            match self.era {
                Era::Stateless => self.call_stateless(talk, &owner, id, body).await,
                Era::Session => self.call_in_session(talk, &owner, id, body).await,
            }
        };
        let answer = tokio::select! {
            answer = round => answer,
            () = cancel.cancelled() => Err(UpstreamError::Cancelled),
        };
        match &answer {
            Err(UpstreamError::Unreachable(_)) => self.broken.notify_one(),
            // In the stateless era to hang up is to say so.
            Err(UpstreamError::Cancelled) if self.era == Era::Session => {
                let session = self.sessions().get(&owner).cloned();
                if let Some(session) = session {
                    let told = self.say(&session, armed.headers(), jsonrpc::cancelled(id));
                    // The upstream may ignore it or be gone.
                    let _ = tokio::time::timeout(REST_OF_STREAM, told).await;
                }
            }
            _ => {}
        }
        answer
    }

    async fn call_stateless(
        &self,
        talk: &Arc<Talk>,
        owner: &Owner,
        id: u64,
        body: Bytes,
    ) -> Result<Answer, UpstreamError> {
        let armed = &talk.armed;
        let mut extra = self.own.headers.clone();
        extra.extend(mirrored_headers(armed)?);
        let response = self.site.post([&extra, armed.headers()], body).await?;
        let answer = self.exchange(&self.own, talk, owner).read_answer(response, id).await?;
        if dialect::is_header_mismatch(&answer) {
            // Its definitions are others than those that were listed.
            self.ear.lists_changed.notify_one();
        }
        Ok(answer)
    }

    async fn call_in_session(
        self: &Arc<Self>,
        talk: &Arc<Talk>,
        owner: &Owner,
        id: u64,
        body: Bytes,
    ) -> Result<Answer, UpstreamError> {
        let armed = &talk.armed;
        let mut session = self.session(owner, armed).await?;
        let mut renewed = false;
        loop {
            let listens = session.listens.load(Ordering::Relaxed);
            let under_way = listens.then(|| session.talks.enter(talk));
            self.set_level(&session, armed).await?;
            armed.still_allowed()?;
            let response =
                self.site.post([&session.headers, armed.headers()], body.clone()).await?;
            if renewed || response.status() != StatusCode::NOT_FOUND || !session.has_id() {
                return self.exchange(&session, talk, owner).read_answer(response, id).await;
            }
            // The upstream has forgotten the session, so it did nothing (MCP
            // 2025-11-25, session management): a new one is due, once.
            drop(under_way);
            self.forget(owner, &session);
            session = self.session(owner, armed).await?;
            renewed = true;
        }
    }

    fn exchange<'e>(
        &'e self,
        session: &'e Session,
        talk: &'e Arc<Talk>,
        owner: &'e Owner,
    ) -> Exchange<'e> {
        let (headers, secrets) = (talk.armed.headers(), &talk.secrets);
        let talk = Some(Arc::clone(talk));
        Exchange { link: self, session, headers, secrets, owner: Some(owner), talk }
    }

    /// Has the upstream send log messages from the client's level up.
    async fn set_level(
        &self,
        session: &Session,
        armed: &ArmedRequest,
    ) -> Result<(), UpstreamError> {
        let Some(level) = armed.client().log_level.as_ref().filter(|_| self.announced.logging)
        else {
            return Ok(());
        };
        if session.level.lock().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(level) {
            return Ok(());
        }
        let id = self.next_id();
        let body = jsonrpc::set_level(id, level);
        let response = self.site.post([&session.headers, armed.headers()], body.into()).await?;
        // What it answers does not matter to the call.
        if response.status().is_success() {
            *session.level.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(level));
            let _ = read_body(response, id, self.era).await;
        }
        Ok(())
    }

    /// Returns when a call found nobody at the URL.
    pub(super) async fn broken(&self) -> String {
        self.broken.notified().await;
        "it could no longer be reached".into()
    }

    pub(super) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, HashMap<Owner, Arc<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn session(
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
    pub(super) async fn open(
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

    pub(super) fn session_of(&self, owner: &Owner) -> Option<Arc<Session>> {
        self.sessions().get(owner).cloned()
    }

    pub(super) fn remember(self: &Arc<Self>, owner: &Owner, session: Session) -> Arc<Session> {
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

    pub(super) fn forget(&self, owner: &Owner, session: &Arc<Session>) {
        session.ended.cancel();
        let mut sessions = self.sessions();
        if sessions.get(owner).is_some_and(|known| Arc::ptr_eq(known, session)) {
            sessions.remove(owner);
        }
    }

    /// Sees to it that what somebody subscribed to is heard. In the older era
    /// the call itself subscribed.
    pub(super) fn subscribed(self: &Arc<Self>, owner: &Owner) {
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
    pub(super) fn unsubscribed(self: &Arc<Self>, owner: &Owner, uri: &str) {
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
    pub(super) async fn resume(self: &Arc<Self>, owner: &Owner, access: Access) {
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
    pub(super) fn sweep(self: &Arc<Self>, stays: impl Fn(&Owner) -> bool) {
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

    /// A message that needs no answer.
    pub(super) async fn say(
        &self,
        session: &Session,
        headers: &Headers,
        message: String,
    ) -> Result<(), UpstreamError> {
        check_status(&self.site.post([&session.headers, headers], message.into()).await?)
    }
}

/// The headers that repeat what a call's body says.
fn mirrored_headers(armed: &ArmedRequest) -> Result<Vec<(HeaderName, HeaderValue)>, UpstreamError> {
    let unusable = |what: String| UpstreamError::Malformed(format!("its definition: {what}"));
    let value = |text: &str| {
        HeaderValue::from_str(text).map_err(|_| unusable(format!("{text:?} is no header")))
    };
    let operation = armed.operation();
    let mut headers = vec![(METHOD, HeaderValue::from_static(operation.method()))];
    if matches!(operation, Operation::CallTool | Operation::GetPrompt | Operation::ReadResource) {
        headers.push((NAME, value(&mirrored::encode(armed.tool()))?));
    }
    let definition = armed.definition().filter(|_| operation == Operation::CallTool);
    let Some(schema) = definition.map(|tool| &tool.input_schema) else { return Ok(headers) };
    if !mirrored::may_have_marks(schema) {
        return Ok(headers);
    }
    let (Ok(schema), Ok(arguments)) =
        (json::parse(schema.as_bytes()), json::parse(armed.arguments()))
    else {
        return Err(unusable("it cannot be read".into()));
    };
    let mirrored = mirrored::mirrored(&schema, &arguments);
    for (name, text) in mirrored.map_err(|e| unusable(e.to_string()))? {
        let name = HeaderName::from_bytes(name.as_bytes());
        headers.push((name.map_err(|e| unusable(e.to_string()))?, value(&text)?));
    }
    Ok(headers)
}

async fn open_session(
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

/// An answer, whatever else its stream says passed over.
async fn read_body(response: Response<Body>, id: u64, era: Era) -> Result<Answer, UpstreamError> {
    read(response, id, era, |_| None, None).await
}

type Resumed<'r> = BoxFuture<'r, Result<Body, UpstreamError>>;
/// Takes a stream up again after the event of an id; with how long its server
/// wants to be left alone before.
pub(super) type Resume<'r> = dyn FnMut(String, Option<u64>) -> Resumed<'r> + Send + 'r;

/// What an answer's event stream says beside the answer.
pub(super) struct Exchange<'e> {
    pub(super) link: &'e HttpLink,
    pub(super) session: &'e Session,
    pub(super) headers: &'e Headers,
    /// What those headers hold.
    pub(super) secrets: &'e Arc<[Secret]>,
    pub(super) owner: Option<&'e Owner>,
    pub(super) talk: Option<Arc<Talk>>,
}

pub(super) type Reply<'r> = BoxFuture<'r, ()>;

impl<'e> Exchange<'e> {
    async fn read_answer(
        &self,
        response: Response<Body>,
        id: u64,
    ) -> Result<Answer, UpstreamError> {
        // Only a session remembers what it has to say.
        let mut resume = |last, retry| -> Resumed<'_> { Box::pin(self.resume(last, retry)) };
        let resume: Option<&mut Resume<'_>> = match self.link.era {
            Era::Session => Some(&mut resume),
            Era::Stateless => None,
        };
        read(response, id, self.link.era, |message| self.take_in(message), resume).await
    }

    /// The rest of a stream that its server has closed before the answer, to
    /// have fewer of them open (MCP 2025-11-25, transports, resumability).
    async fn resume(&self, last: String, retry: Option<u64>) -> Result<Body, UpstreamError> {
        let pause = retry.map_or(bounds::RESUME_PAUSE, Duration::from_millis);
        tokio::time::sleep(pause.min(bounds::RESUME_PAUSE_MAX)).await;
        if let Some(talk) = &self.talk {
            talk.armed.still_allowed()?;
        }
        let value = HeaderValue::try_from(last)
            .map_err(|_| UpstreamError::Malformed("the id of an event".into()))?;
        let mut headers = self.session.headers.clone();
        headers.push((LAST_EVENT_ID, value));
        let response = self.link.site.listen([&headers, self.headers]).await?;
        check_status(&response)?;
        if content_type(&response) != "text/event-stream" {
            return Err(UpstreamError::Closed("its event stream cannot be taken up".into()));
        }
        Ok(response.into_body())
    }

    /// Returns what to do about a message, if it takes any time.
    pub(super) fn take_in(&self, message: &Incoming<'_>) -> Option<Reply<'e>> {
        let method = message.method.as_deref()?;
        if message.id.is_none() {
            let params = message.params();
            if !self.talk.as_ref().is_some_and(|talk| talk.tell(method, params)) {
                self.link.ear.hear(self.owner, self.secrets, method, params);
            }
            return None;
        }
        // A server of the stateless era makes no requests.
        let id = message.request_id().filter(|_| self.link.era == Era::Session)?.to_owned();
        let (link, session, headers) = (self.link, self.session, self.headers);
        let plain = match wanted_of(method) {
            Some(what) => unanswered(&id, what),
            None => jsonrpc::respond(&id, method),
        };
        let asked = wanted_of(method).zip(self.talk.clone());
        let params = asked.as_ref().map(|_| message.params().to_owned()).unwrap_or_default();
        Some(Box::pin(async move {
            let text = match asked {
                Some((what, talk)) => talk.respond(&id, what, &params).await,
                None => plain,
            };
            // That it is not taken shows in the answer.
            let _ = link.say(session, headers, text).await;
        }))
    }
}

/// The answer with our id, from a JSON body or an event stream.
pub(super) async fn read<'r>(
    response: Response<Body>,
    id: u64,
    era: Era,
    mut take_in: impl FnMut(&Incoming<'_>) -> Option<Reply<'r>>,
    resume: Option<&mut Resume<'_>>,
) -> Result<Answer, UpstreamError> {
    let status = response.status();
    let kind = content_type(&response);
    let json = kind == "application/json";
    // In the stateless era errors have a status, too.
    let refused = era == Era::Stateless && json && matches!(status.as_u16(), 400 | 404);
    if !refused {
        check_status(&response)?;
    }
    if kind == "text/event-stream" {
        return read_stream(response.into_body(), id, &mut take_in, resume).await;
    }
    if !json {
        return Err(UpstreamError::Malformed(format!("its content type is {kind:?}")));
    }
    let body = read_all(response.into_body()).await?;
    let message = Incoming::parse(&body)
        .ok_or_else(|| UpstreamError::Malformed("it is not a JSON-RPC message".into()))?;
    if message.own_id() != Some(id) && !(refused && message.has_no_id()) {
        return Err(UpstreamError::Malformed("it answers another request".into()));
    }
    message.answer(&body)
}

async fn read_stream<'r>(
    mut body: Body,
    id: u64,
    take_in: &mut impl FnMut(&Incoming<'_>) -> Option<Reply<'r>>,
    mut resume: Option<&mut Resume<'_>>,
) -> Result<Answer, UpstreamError> {
    let mut resumes = 0;
    let mut events = sse::Events::default();
    let mut seen = 0;
    let mut replies: Option<FuturesUnordered<Reply<'r>>> = None;
    loop {
        let chunk = match &mut replies {
            None => next_chunk(&mut body).await?,
            Some(under_way) => tokio::select! {
                chunk = next_chunk(&mut body) => chunk?,
                done = under_way.next() => {
                    if done.is_none() {
                        replies = None;
                    }
                    continue;
                }
            },
        };
        let Some(chunk) = chunk else {
            let last = events.last().filter(|_| resumes < bounds::STREAM_RESUMES);
            let (Some(resume), Some(last)) = (&mut resume, last) else {
                let text = "its event stream ended without the answer";
                return Err(UpstreamError::Closed(text.into()));
            };
            resumes += 1;
            body = resume(last.to_owned(), events.retry()).await?;
            continue;
        };
        events.push(&chunk);
        seen += chunk.len();
        while let Some(event) = events.next() {
            let data = event.data;
            let Some(message) = Incoming::parse(&data) else {
                return Err(UpstreamError::Malformed("an event is not a JSON-RPC message".into()));
            };
            if message.method.is_none() && message.own_id() == Some(id) {
                let answer = message.answer(&data);
                tokio::spawn(async move {
                    let rest = async { while let Ok(Some(_)) = next_chunk(&mut body).await {} };
                    let _ = tokio::time::timeout(REST_OF_STREAM, rest).await;
                });
                return answer;
            }
            if let Some(reply) = take_in(&message) {
                let under_way = replies.get_or_insert_default();
                if under_way.len() >= bounds::ASKS_PER_CALL {
                    return Err(UpstreamError::Malformed("it asks for too much at once".into()));
                }
                under_way.push(reply);
            }
        }
        if seen > bounds::REPLY_STREAM_MAX || events.pending() > bounds::REPLY_MAX {
            return Err(UpstreamError::TooLarge(bounds::REPLY_MAX));
        }
    }
}
