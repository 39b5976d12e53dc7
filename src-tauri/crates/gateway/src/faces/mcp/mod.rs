//! The MCP face: streamable HTTP at `/mcp` (all that the caller may use,
//! names prefixed) and `/mcp/{connection}` (one connection, its own names).
//!
//! Two eras share an endpoint and are told apart per message: a request whose
//! `_meta` names a protocol version is stateless (2026-07-28); the others
//! belong to a session that began with `initialize` (2024-11-05 to 2025-11-25).
//! Who calls is read from the token of each request, never from the session.

mod answer;
mod calls;
mod challenge;
mod envelope;
mod era;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod greet;
pub(super) mod legacy;
mod list;
mod parked;
mod search;
mod sessions;
mod stream;

pub(crate) use parked::ParkedCalls;
pub(crate) use sessions::AgentSessions;

use std::{sync::Arc, time::Instant};

use agw_core::{
    Caller, ConnectionName, ItemKind,
    json::{self, Node, Value},
};
use axum::{
    body::to_bytes,
    extract::{Path, Request, State},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;

use super::{BodyError, bearer, is_json, read_body};
use crate::{
    bounds,
    catalog::Listed,
    door::Door,
    gateway::Gateway,
    pipeline::{ClientAnswer, Face, Operation, Presented, Refusal, Story, identify, refuse_unread},
};
use answer::RpcError;
use envelope::Message;
use era::Era;

/// In the query: the caller wants to search for tools, not to be given all.
const SEARCH: &str = "tools=search";

/// Which of the two endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Endpoint {
    Aggregate,
    Single(ConnectionName),
}

impl Endpoint {
    fn connection(&self) -> Option<&ConnectionName> {
        match self {
            Self::Aggregate => None,
            Self::Single(connection) => Some(connection),
        }
    }
}

/// One request, after its token was looked up.
#[derive(Clone)]
struct Exchange {
    gateway: Arc<Gateway>,
    endpoint: Endpoint,
    presented: Presented,
    caller: Arc<Caller>,
    headers: HeaderMap,
    received: Instant,
    /// See [`search`].
    search: bool,
    /// One of several messages in a body: its answer is no stream.
    batched: bool,
}

pub(super) async fn aggregate(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    serve(gateway, Endpoint::Aggregate, request).await
}

/// A connection that does not exist is served like one without granted tools,
/// so that nobody learns which connections there are.
pub(super) async fn single(
    State(gateway): State<Arc<Gateway>>,
    Path(connection): Path<String>,
    request: Request,
) -> Response {
    match connection.parse() {
        Ok(name) => serve(gateway, Endpoint::Single(name), request).await,
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Answers, and tells a client whose token is not good here, or not for this,
/// where to get one.
async fn serve(gateway: Arc<Gateway>, endpoint: Endpoint, request: Request) -> Response {
    let (door, headers) = (Door::of(request.extensions()), request.headers());
    let here = challenge::Here::new(&gateway, endpoint.connection(), door, headers);
    let (head, body) = request.into_parts();
    let response = match enter(Arc::clone(&gateway), endpoint, head) {
        Ok((Method::POST, exchange)) => exchange.post(body).await,
        Ok((Method::GET, exchange)) => exchange.listen(),
        Ok((Method::DELETE, exchange)) => exchange.end_session(),
        Ok(_) => {
            let allow = [(header::ALLOW, "GET, POST, DELETE")];
            (StatusCode::METHOD_NOT_ALLOWED, allow).into_response()
        }
        Err(response) => *response,
    };
    here.complete(response)
}

/// Lets a request in whose token is good.
fn enter(
    gateway: Arc<Gateway>,
    endpoint: Endpoint,
    head: Parts,
) -> Result<(Method, Exchange), Box<Response>> {
    let received = Instant::now();
    let Parts { method, uri, headers, extensions, .. } = head;
    let presented = bearer::presented(Door::of(&extensions), &headers);
    let caller = match admit(&gateway, &presented, &endpoint, received) {
        Ok(caller) => caller,
        Err(refusal) => {
            let (refusal, subject) = refuse_unread(&gateway, Face::Mcp, &presented, "", refusal);
            return Err(Box::new(answer::refused_request(&refusal, &subject)));
        }
    };
    let search = uri.query().is_some_and(|query| query.split('&').any(|part| part == SEARCH));
    let batched = false;
    let exchange =
        Exchange { gateway, endpoint, presented, caller, headers, received, search, batched };
    Ok((method, exchange))
}

/// Looks up the token, and whether there is anything to talk to at all. What
/// is paused still greets and lists; its calls are refused.
fn admit(
    gateway: &Gateway,
    presented: &Presented,
    endpoint: &Endpoint,
    received: Instant,
) -> Result<Arc<Caller>, Refusal> {
    let snapshot = gateway.live.snapshot.load();
    let open = match gateway.check_open(&snapshot) {
        Err(Refusal::NotSetUp) => return Err(Refusal::NotSetUp),
        Err(Refusal::Paused(_)) => Ok(()),
        other => other,
    };
    let mut story = Story::unread(Face::Mcp, received);
    let (at, now) = (endpoint.connection(), gateway.live.clock.now_ms());
    let caller = identify(&snapshot, presented, at, now, &mut story)?;
    open.map(|()| caller)
}

impl Exchange {
    async fn post(self, body: axum::body::Body) -> Response {
        if !is_json(&self.headers) {
            let error = RpcError::invalid_request("the content type must be application/json");
            return self.unreadable(error, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        }
        let body = match read_body(body).await {
            Ok(body) => body,
            Err(BodyError::TooLong) => {
                let error = RpcError::invalid_request("the body is too long");
                return self.unreadable(error, StatusCode::PAYLOAD_TOO_LARGE);
            }
            Err(BodyError::Broken) => {
                let error = RpcError::parse("the body did not arrive");
                return self.unreadable(error, StatusCode::BAD_REQUEST);
            }
        };
        let node = match json::parse(&body) {
            Ok(node) => node,
            Err(error) => {
                return self.unreadable(RpcError::parse(error), StatusCode::BAD_REQUEST);
            }
        };
        match node.value() {
            Value::Array(messages) if self.takes_batches() => self.batch(messages, &body).await,
            _ => self.message(&node, &body).await,
        }
    }

    /// Several messages in one body, which one revision allows.
    fn takes_batches(&self) -> bool {
        let session = self.session().ok().flatten();
        session.is_some_and(|session| session.greeted().version == era::WITH_BATCHES)
    }

    async fn batch(self, messages: &[Node<'_>], body: &Bytes) -> Response {
        if messages.is_empty() || messages.len() > bounds::BATCH_MAX {
            let text = format!("send 1 to {} messages at once", bounds::BATCH_MAX);
            return self.unreadable(RpcError::invalid_request(text), StatusCode::BAD_REQUEST);
        }
        let mut answers = Vec::new();
        for message in messages {
            let one = Self { batched: true, headers: self.headers.clone(), ..self.clone() };
            let answer = Box::pin(one.message(message, body)).await;
            let text = to_bytes(answer.into_body(), usize::MAX).await.unwrap_or_default();
            if !text.is_empty() {
                answers.push(String::from_utf8_lossy(&text).into_owned());
            }
        }
        if answers.is_empty() {
            return StatusCode::ACCEPTED.into_response();
        }
        let text = format!("[{}]", answers.join(","));
        ([(header::CONTENT_TYPE, "application/json")], text).into_response()
    }

    async fn message(self, node: &Node<'_>, body: &Bytes) -> Response {
        match Message::read(node) {
            Ok(Message::Request(request)) => self.request(&request, body).await,
            Ok(Message::Notification(notification)) => {
                self.notification(&notification);
                StatusCode::ACCEPTED.into_response()
            }
            Ok(Message::Response(reply)) => {
                if let Ok(Some(session)) = self.session() {
                    let raw = |node: &Node<'_>| Bytes::copy_from_slice(node.raw().as_bytes());
                    session.answered(
                        reply.id,
                        match reply.answer {
                            Ok(result) => ClientAnswer::Result(raw(result)),
                            Err(error) => ClientAnswer::Error(raw(error)),
                        },
                    );
                }
                StatusCode::ACCEPTED.into_response()
            }
            Err(error) => self.unreadable(error, StatusCode::BAD_REQUEST),
        }
    }

    async fn request(self, request: &envelope::Request<'_>, body: &Bytes) -> Response {
        let era = match era::of(request, &self.headers) {
            Ok(era) => era,
            Err(error) => {
                self.recorded(&error);
                return error.with_id(request.id).response(StatusCode::BAD_REQUEST);
            }
        };
        if self.batched && era == Era::Stateless {
            let error = RpcError::invalid_request("a stateless request comes in a body of its own");
            self.recorded(&error);
            return error.with_id(request.id).response(StatusCode::BAD_REQUEST);
        }
        if era == Era::Session
            && request.method != "initialize"
            && let Err(error) = self.session()
        {
            self.recorded(&error);
            return error.with_id(request.id).response(StatusCode::NOT_FOUND);
        }
        if let Some(listed) = Listed::ALL.into_iter().find(|l| l.method() == request.method) {
            return self.list(request, era, listed);
        }
        match (request.method, era) {
            ("initialize", Era::Session) => self.initialize(request),
            ("ping", Era::Session) => answer::result(request.id, "{}"),
            ("logging/setLevel", Era::Session) => self.set_level(request),
            ("server/discover", Era::Stateless) => self.discover(request),
            ("subscriptions/listen", Era::Stateless) => self.subscribe(request).await,
            ("resources/subscribe", Era::Session) => self.subscribe_in_session(request).await,
            ("resources/unsubscribe", Era::Session) => self.unsubscribe_in_session(request),
            ("tools/call", era) if self.search && search::is_find(request) => {
                self.find_tools(request, era)
            }
            ("tools/call", era) => self.call(Operation::CallTool, request, era, body).await,
            ("prompts/get", era) => self.call(Operation::GetPrompt, request, era, body).await,
            ("resources/read", era) => self.call(Operation::ReadResource, request, era, body).await,
            ("completion/complete", era) => {
                let about = request.param("ref").and_then(|about| about.get("type"));
                let kind = match about.and_then(Node::as_str) {
                    Some("ref/resource") => ItemKind::Resource,
                    // What names nothing fails where the name is read.
                    _ => ItemKind::Prompt,
                };
                self.call(Operation::Complete(kind), request, era, body).await
            }
            (_, era) => {
                let error = RpcError::unknown_method(request.method).with_id(request.id);
                // The stateless era says it with the status, too.
                error.response(match era {
                    Era::Session => StatusCode::OK,
                    Era::Stateless => StatusCode::NOT_FOUND,
                })
            }
        }
    }

    /// Answers a message that could not be read; it might have been a call,
    /// so the trail gets it.
    fn unreadable(&self, error: RpcError, status: StatusCode) -> Response {
        self.recorded(&error);
        error.response(status)
    }

    fn recorded(&self, error: &RpcError) {
        let refusal = Refusal::Malformed(error.message().to_owned());
        let _ = refuse_unread(&self.gateway, Face::Mcp, &self.presented, "", refusal);
    }
}
