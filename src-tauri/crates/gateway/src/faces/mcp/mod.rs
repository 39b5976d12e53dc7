//! The MCP face: streamable HTTP at `/mcp` (all that the caller may use,
//! names prefixed) and `/mcp/{connection}` (one connection, its own names).
//!
//! Two eras share an endpoint and are told apart per message: a request whose
//! `_meta` names a protocol version is stateless (2026-07-28); the others
//! belong to a session that began with `initialize` (2025-06-18, 2025-11-25).
//! Who calls is read from the token of each request, never from the session.

mod answer;
mod calls;
mod challenge;
mod envelope;
mod era;
mod methods;
mod sessions;
mod stream;

pub(crate) use sessions::AgentSessions;

use std::{sync::Arc, time::Instant};

use agw_core::{Caller, ConnectionName, json};
use axum::{
    extract::{Path, Request, State},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;

use super::{BodyError, bearer, is_json, read_body};
use crate::{
    gateway::Gateway,
    pipeline::{Face, Presented, Refusal, Story, identify, refuse_unread},
};
use answer::RpcError;
use envelope::Message;
use era::Era;

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
struct Exchange {
    gateway: Arc<Gateway>,
    endpoint: Endpoint,
    presented: Presented,
    caller: Arc<Caller>,
    headers: HeaderMap,
    received: Instant,
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
    let here = challenge::Here::new(&gateway, endpoint.connection(), request.headers());
    here.complete(answer(Arc::clone(&gateway), endpoint, request).await)
}

async fn answer(gateway: Arc<Gateway>, endpoint: Endpoint, request: Request) -> Response {
    let received = Instant::now();
    let (Parts { method, headers, .. }, body) = request.into_parts();
    let presented = bearer::presented(&headers);
    let caller = match admit(&gateway, &presented, &endpoint, received) {
        Ok(caller) => caller,
        Err(refusal) => {
            let (refusal, subject) = refuse_unread(&gateway, Face::Mcp, &presented, "", refusal);
            return answer::refused_request(&refusal, &subject);
        }
    };
    let exchange = Exchange { gateway, endpoint, presented, caller, headers, received };
    match method {
        Method::POST => exchange.post(body).await,
        Method::GET => exchange.listen(),
        Method::DELETE => exchange.end_session(),
        _ => {
            let allow = [(header::ALLOW, "GET, POST, DELETE")];
            (StatusCode::METHOD_NOT_ALLOWED, allow).into_response()
        }
    }
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
        match Message::read(&node) {
            Ok(Message::Request(request)) => self.request(&request, &body).await,
            Ok(Message::Notification(notification)) => {
                self.notification(&notification);
                StatusCode::ACCEPTED.into_response()
            }
            // Nothing is asked of agents yet that they could answer.
            Ok(Message::Response) => StatusCode::ACCEPTED.into_response(),
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
        if era == Era::Session
            && request.method != "initialize"
            && let Err(error) = self.session()
        {
            self.recorded(&error);
            return error.with_id(request.id).response(StatusCode::NOT_FOUND);
        }
        match (request.method, era) {
            ("initialize", Era::Session) => self.initialize(request),
            ("ping", Era::Session) => answer::result(request.id, "{}"),
            ("server/discover", Era::Stateless) => self.discover(request),
            ("subscriptions/listen", Era::Stateless) => self.subscribe(request),
            ("tools/list", era) => self.list_tools(request, era),
            ("tools/call", era) => self.call_tool(request, era, body).await,
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
