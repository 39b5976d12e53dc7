//! MCP servers at a URL that speak streamable HTTP, of either era (MCP
//! 2025-11-25 and 2026-07-28, basic/transports).
//!
//! In the older era each owner gets a session of their own with the upstream,
//! so that nothing an upstream keeps per session is shared between people. In
//! the stateless era there are none: each request says all of itself.

mod exchange;
mod sessions;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use agw_core::json;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};

use exchange::read_body;
pub(super) use exchange::{Exchange, read};
pub(super) use sessions::Session;
use sessions::open_session;

use crate::{
    mirrored,
    pipeline::{ArmedRequest, Era, Operation},
    upstream::{
        UpstreamError,
        dialect::{self, Announced, Greeting},
        ear::{Ear, Owner},
        http::{Access, Headers, REST_OF_STREAM, Site, check_status},
        jsonrpc::{self, Answer},
        life::Life,
        subscriptions::Subscriptions,
        talk::Talk,
    },
};

pub(super) const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

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
