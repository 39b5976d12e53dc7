//! Streams that tell agents what changes outside of their calls: the GET
//! stream of the older era, `subscriptions/listen` of the stateless one. Each
//! tells of lists of tools, prompts and resources, and of the resources that
//! were subscribed to; a session's also of what its upstreams log.

use std::{
    collections::{HashSet, VecDeque},
    convert::Infallible,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
    time::Instant,
};

use agw_core::{
    ItemKind, ToolId, ToolName,
    json::{Node, Value, write_string},
    may_see,
};
use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::{
    Endpoint, Exchange,
    answer::{self, About, RpcError},
    envelope::Request,
    era::Era,
    greet::is_wanted,
    sessions::AgentSession,
};
use crate::{
    bounds,
    catalog::Listed,
    live::{Heard, HeardOf},
    members::Members,
    pipeline::{Face, Operation, SafeReply, Story, Target, identify},
};

const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";
/// The lists that are told of, how a subscription asks for them, and how it is told.
const LISTS: [(&[Listed], &str, &str); 3] = [
    (&[Listed::Tool], "toolsListChanged", "notifications/tools/list_changed"),
    (&[Listed::Prompt], "promptsListChanged", "notifications/prompts/list_changed"),
    (
        &[Listed::Resource, Listed::Template],
        "resourcesListChanged",
        "notifications/resources/list_changed",
    ),
];

struct Notifications {
    exchange: Exchange,
    changes: watch::Receiver<u64>,
    heard: broadcast::Receiver<Arc<Heard>>,
    /// Fingerprints of [`LISTS`].
    seen: [u64; 3],
    wants: [bool; 3],
    /// The request id of a subscription, as JSON.
    subscription: Option<String>,
    /// Resources of a subscription.
    uris: HashSet<String>,
    session: Option<Arc<AgentSession>>,
    /// Another stream of the session has taken over, or the session is over.
    replaced: CancellationToken,
    queued: VecDeque<String>,
    ended: bool,
    _place: OwnedSemaphorePermit,
}

impl Exchange {
    /// `GET`: the older era's stream.
    pub(super) fn listen(self) -> Response {
        if !self.accepts_events() {
            return StatusCode::NOT_ACCEPTABLE.into_response();
        }
        match self.session() {
            Ok(session) => self.notify(session, None, [true; 3], HashSet::new()),
            Err(error) => error.response(StatusCode::NOT_FOUND),
        }
    }

    /// `subscriptions/listen`: acknowledged first, then what was asked for.
    pub(super) async fn subscribe(self, request: &Request<'_>) -> Response {
        let invalid = |text: &str| {
            let error = RpcError::invalid_params(text).with_id(request.id);
            error.response(StatusCode::BAD_REQUEST)
        };
        let Some(wanted) = request.param("notifications").filter(|n| n.is_object()) else {
            return invalid("\"notifications\" must say what to listen to");
        };
        let asks = |name| wanted.get(name).map(Node::value) == Some(&Value::Bool(true));
        let wants = LISTS.map(|(_, name, _)| asks(name));
        let asked = match wanted.get("resourceSubscriptions").map(Node::value) {
            None => &[][..],
            Some(Value::Array(uris)) if uris.len() <= bounds::SUBSCRIPTIONS_MAX => uris,
            Some(_) => {
                return invalid(
                    "\"resourceSubscriptions\" must be a list of URIs, and not too many",
                );
            }
        };
        let mut uris = HashSet::new();
        let client = self.client(request, Era::Stateless, None);
        for uri in asked.iter().filter_map(Node::as_str) {
            let answer = self.subscribe_to(self.target_of(uri), uri, client.clone()).await;
            if matches!(answer.reply, Ok(SafeReply::Result { .. })) {
                uris.insert(uri.to_owned());
            }
        }
        self.notify(None, Some(request.id.to_owned()), wants, uris)
    }

    /// `resources/subscribe`.
    pub(super) async fn subscribe_in_session(self, request: &Request<'_>) -> Response {
        let failed = |text: &str| {
            RpcError::invalid_params(text).with_id(request.id).response(StatusCode::OK)
        };
        let Some(uri) = request.param("uri").and_then(Node::as_str) else {
            return failed("\"uri\" must be a URI");
        };
        let Ok(Some(session)) = self.session() else {
            return failed("there is no session to tell; initialize first");
        };
        if session.is_subscribed(uri) {
            return answer::result(request.id, "{}");
        }
        let (operation, target) = (Operation::Subscribe, self.target_of(uri));
        let meant = target.meant(ItemKind::Resource);
        let client = self.client(request, Era::Session, Some(&session));
        match self.subscribe_to(target, uri, client).await.reply {
            Ok(SafeReply::Result { .. }) => match session.subscribe(uri) {
                None => {
                    self.unsubscribe([uri]);
                    failed("this session is subscribed to too many resources")
                }
                Some(over) => {
                    let response = answer::result(request.id, "{}");
                    let uri = uri.to_owned();
                    tokio::spawn(async move {
                        over.cancelled().await;
                        self.unsubscribe([uri.as_str()]);
                    });
                    response
                }
            },
            Ok(SafeReply::RpcError { json }) => {
                answer::relayed_error(request.id, &json, Era::Session, operation)
            }
            Err((refusal, subject)) => {
                let about = About { id: request.id, era: Era::Session, operation, meant: &meant };
                answer::refused_call(&about, &refusal, &subject, None)
            }
        }
    }

    pub(super) fn unsubscribe_in_session(&self, request: &Request<'_>) -> Response {
        let uri = request.param("uri").and_then(Node::as_str);
        if let (Some(uri), Ok(Some(session))) = (uri, self.session()) {
            session.unsubscribe(uri);
        }
        answer::result(request.id, "{}")
    }

    fn unsubscribe<'u>(&self, uris: impl IntoIterator<Item = &'u str>) {
        let agent = self.caller.agent.as_ref().map(|agent| agent.id);
        for uri in uris {
            self.gateway.upstreams.unsubscribe(self.caller.user, agent, uri);
        }
    }

    fn target_of(&self, uri: &str) -> Target {
        match &self.endpoint {
            Endpoint::Aggregate => Target::McpName(uri.to_owned()),
            Endpoint::Single(connection) => Target::Own(connection.clone(), uri.to_owned()),
        }
    }

    fn notify(
        self,
        session: Option<Arc<AgentSession>>,
        subscription: Option<String>,
        wants: [bool; 3],
        uris: HashSet<String>,
    ) -> Response {
        let Some(place) = self.gateway.agent_sessions.stream() else {
            self.unsubscribe(uris.iter().map(String::as_str));
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        };
        let first = match &subscription {
            None => ": listening\n\n".to_owned(),
            Some(id) => acknowledged(id, wants, &uris),
        };
        let mut changes = self.gateway.live.changes();
        changes.mark_unchanged();
        let notifications = Notifications {
            seen: self.fingerprints(),
            changes,
            heard: self.gateway.live.heard(),
            exchange: self,
            subscription,
            wants,
            uris,
            replaced: session.as_ref().map(|s| s.new_stream()).unwrap_or_default(),
            session,
            queued: VecDeque::from([first]),
            ended: false,
            _place: place,
        };
        let events = stream::unfold(notifications, |mut notifications| async move {
            let text = notifications.next().await?;
            Some((Ok::<_, Infallible>(Bytes::from(text)), notifications))
        });
        let mut response = Body::from_stream(events).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        response
    }

    /// Whether the client takes event streams.
    fn accepts_events(&self) -> bool {
        let accept = self.headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
        accept.is_none_or(|accept| accept.contains("text/event-stream") || accept.contains("*/*"))
    }

    /// Numbers that change when the caller's lists do.
    fn fingerprints(&self) -> [u64; 3] {
        let snapshot = self.gateway.live.snapshot.load();
        let catalog = self.gateway.live.catalog.load();
        let mut hashers = [(); 3].map(|()| DefaultHasher::new());
        for tool in self.visible(&snapshot, &catalog) {
            let list =
                LISTS.iter().zip(&mut hashers).find(|((of, ..), _)| of.contains(&tool.listed));
            if let Some((_, hasher)) = list {
                self.name_of(tool).hash(hasher);
                tool.hash_definition(hasher);
            }
        }
        hashers.map(|hasher| hasher.finish())
    }

    /// Looks the token up again: the caller's teams and scope may have
    /// changed, or the token may no longer open anything.
    fn still_welcome(&mut self) -> bool {
        let snapshot = self.gateway.live.snapshot.load();
        let mut story = Story::unread(Face::Mcp, Instant::now());
        let now = self.gateway.live.clock.now_ms();
        match identify(&snapshot, &self.presented, self.endpoint.connection(), now, &mut story) {
            Ok(caller) => {
                self.caller = caller;
                true
            }
            Err(_) => false,
        }
    }
}

fn acknowledged(id: &str, wants: [bool; 3], uris: &HashSet<String>) -> String {
    let lists = LISTS.iter().zip(wants).filter(|(_, wanted)| *wanted);
    let mut honoured: Vec<String> =
        lists.map(|((_, name, _), _)| format!("\"{name}\":true")).collect();
    if !uris.is_empty() {
        let texts = uris.iter().map(|uri| {
            let mut text = String::new();
            write_string(uri, &mut text);
            text
        });
        let texts: Vec<String> = texts.collect();
        honoured.push(format!("\"resourceSubscriptions\":[{}]", texts.join(",")));
    }
    let honoured = honoured.join(",");
    event(&format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{{"_meta":{{"{SUBSCRIPTION}":{id}}},"notifications":{{{honoured}}}}}}}"#
    ))
}

impl Notifications {
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(text) = self.queued.pop_front() {
                return Some(text);
            }
            if self.ended {
                return None;
            }
            tokio::select! {
                changed = self.changes.changed() => match changed {
                    Ok(()) => self.look_again(),
                    Err(_) => self.ended = true,
                },
                heard = self.heard.recv() => match heard {
                    Ok(heard) => self.hear(&heard),
                    // It was slower than what it was to hear.
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => self.ended = true,
                },
                () = tokio::time::sleep(bounds::KEEP_ALIVE) => {
                    // An expiry changes nothing that would wake us.
                    self.ended = !self.exchange.still_welcome();
                    self.queued.push_back(": still here\n\n".into());
                }
                () = self.replaced.cancelled() => self.ended = true,
                () = self.exchange.gateway.stop.cancelled() => self.end(),
            }
        }
    }

    fn look_again(&mut self) {
        if !self.exchange.still_welcome() {
            self.ended = true;
            return;
        }
        let now = self.exchange.fingerprints();
        let before = std::mem::replace(&mut self.seen, now);
        for (at, (_, _, method)) in LISTS.iter().enumerate() {
            if now.get(at) != before.get(at) && self.wants.get(at) == Some(&true) {
                self.queued.push_back(self.message(method, Members::default()));
            }
        }
    }

    /// What an upstream said; told if it is for this client.
    fn hear(&mut self, heard: &Heard) {
        let caller = &self.exchange.caller;
        let agent = caller.agent.as_ref().map(|agent| agent.id);
        let here = match &self.exchange.endpoint {
            Endpoint::Aggregate => true,
            Endpoint::Single(connection) => *connection == heard.connection,
        };
        if heard.user != caller.user || !here || heard.agent.is_some_and(|a| Some(a) != agent) {
            return;
        }
        let told = match &heard.what {
            HeardOf::ResourceUpdated { uri, params } => {
                let wanted = self.uris.contains(uri)
                    || self.session.as_ref().is_some_and(|session| session.is_subscribed(uri));
                (wanted && self.may_read(heard, uri))
                    .then_some(("notifications/resources/updated", params))
            }
            HeardOf::Log(params) => {
                let level = Members::read(params).and_then(|params| params.text("level"));
                let session = self.session.as_ref().filter(|_| heard.agent == agent);
                let least = session.map(|session| session.log_level().unwrap_or("debug"));
                least
                    .is_some_and(|least| is_wanted(level.as_deref(), least))
                    .then_some(("notifications/message", params))
            }
            HeardOf::ElicitationComplete(params) => (self.session.is_some()
                && heard.agent == agent)
                .then_some(("notifications/elicitation/complete", params)),
        };
        if let Some((method, params)) = told
            && let Some(params) = Members::read(params)
        {
            self.queued.push_back(self.message(method, params));
        }
    }

    fn may_read(&self, heard: &Heard, uri: &str) -> bool {
        let Ok(name) = ToolName::of(ItemKind::Resource, uri) else { return false };
        let gateway = &self.exchange.gateway;
        let id = ToolId::new(heard.connection.clone(), name);
        let now = gateway.live.clock.now_ms();
        may_see(&gateway.live.snapshot.load().permissions, &self.exchange.caller, &id, now)
    }

    fn message(&self, method: &str, mut params: Members<'_>) -> String {
        if let Some(id) = &self.subscription {
            let meta = params.get("_meta").unwrap_or("{}").to_owned();
            let mut meta = Members::read(meta.as_bytes()).unwrap_or_default();
            meta.set(SUBSCRIPTION, id.clone());
            params.set("_meta", format!("{{{}}}", meta.inner()));
        }
        let params = match params.inner() {
            none if none.is_empty() => none,
            some => format!(r#","params":{{{some}}}"#),
        };
        event(&format!(r#"{{"jsonrpc":"2.0","method":"{method}"{params}}}"#))
    }

    /// The service stops; a subscription is told so.
    fn end(&mut self) {
        self.ended = true;
        if let Some(id) = &self.subscription {
            self.queued.push_back(event(&format!(
                r#"{{"jsonrpc":"2.0","id":{id},"result":{{"resultType":"complete","_meta":{{"{SUBSCRIPTION}":{id}}}}}}}"#
            )));
        }
    }
}

impl Drop for Notifications {
    fn drop(&mut self) {
        self.exchange.unsubscribe(self.uris.iter().map(String::as_str));
    }
}

/// `message` is JSON, in which line ends are nothing but space.
pub(super) fn event(message: &str) -> String {
    let message = message.replace(['\n', '\r'], " ");
    format!("event: message\ndata: {message}\n\n")
}
