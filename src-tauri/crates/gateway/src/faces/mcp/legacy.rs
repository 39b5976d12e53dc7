//! The transport of 2024-11-05, for clients that know no other: one stream of
//! events, and messages that are posted beside it. It is served only when
//! asked for (`agw serve --legacy-sse`). Everything behind it is the same.

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::{Path, Query, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures_util::stream;
use http_body_util::BodyExt as _;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::{Endpoint, Exchange, enter, greet::SESSION_ID, sessions::Greeted, stream::event};
use crate::gateway::Gateway;

/// Events that may wait for a client to read them.
const WAITING: usize = 64;
const VERSION: &str = "2024-11-05";

#[derive(Debug, Deserialize)]
pub(in crate::faces) struct Posted {
    session: String,
}

pub(in crate::faces) async fn aggregate(
    State(gateway): State<Arc<Gateway>>,
    request: Request,
) -> Response {
    open(gateway, Endpoint::Aggregate, request)
}

pub(in crate::faces) async fn single(
    State(gateway): State<Arc<Gateway>>,
    Path(connection): Path<String>,
    request: Request,
) -> Response {
    match connection.parse() {
        Ok(name) => open(gateway, Endpoint::Single(name), request),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// `GET`: the stream. Its first event says where to post.
fn open(gateway: Arc<Gateway>, endpoint: Endpoint, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let mut exchange = match enter(gateway, endpoint, head) {
        Ok((_, exchange)) => exchange,
        Err(response) => return *response,
    };
    let greeted = Greeted { version: VERSION, capabilities: "{}".into() };
    let sessions = &exchange.gateway.agent_sessions;
    let Some(id) = sessions.begin(&exchange.caller, &exchange.endpoint, greeted) else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let place = match &exchange.endpoint {
        Endpoint::Aggregate => format!("/sse?session={id}"),
        Endpoint::Single(connection) => format!("/sse/{connection}?session={id}"),
    };
    exchange.name_session(&id);
    let (to_client, events) = mpsc::channel(WAITING);
    let Ok(Some(session)) = exchange.session() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    session.attach(to_client.clone());
    let over = session.over.clone();
    tokio::spawn(async move {
        // It has the first word.
        let first = Bytes::from(format!("event: endpoint\ndata: {place}\n\n"));
        if to_client.send(first).await.is_ok() {
            let gateway = Arc::clone(&exchange.gateway);
            let notifications = exchange.listen();
            tokio::select! {
                () = pump(notifications, &to_client) => {}
                () = to_client.closed() => {}
            }
            gateway.agent_sessions.end(&id);
        }
    });
    let events = stream::unfold((events, over), |(mut events, over)| async move {
        let next = tokio::select! {
            next = events.recv() => next?,
            () = over.cancelled() => return None,
        };
        Some((Ok::<_, Infallible>(next), (events, over)))
    });
    let mut response = Body::from_stream(events).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}

pub(in crate::faces) async fn post(
    State(gateway): State<Arc<Gateway>>,
    Query(Posted { session }): Query<Posted>,
    request: Request,
) -> Response {
    deliver(gateway, Endpoint::Aggregate, &session, request).await
}

pub(in crate::faces) async fn post_single(
    State(gateway): State<Arc<Gateway>>,
    Path(connection): Path<String>,
    Query(Posted { session }): Query<Posted>,
    request: Request,
) -> Response {
    match connection.parse() {
        Ok(name) => deliver(gateway, Endpoint::Single(name), &session, request).await,
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// `POST`: a message. What it is answered with goes over the stream.
async fn deliver(
    gateway: Arc<Gateway>,
    endpoint: Endpoint,
    session: &str,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let mut exchange = match enter(gateway, endpoint, head) {
        Ok((_, exchange)) => exchange,
        Err(response) => return *response,
    };
    exchange.name_session(session);
    let session = exchange.session().ok().flatten();
    let attached = session.and_then(|session| Some((session.attached()?, session)));
    let Some((to_client, session)) = attached else {
        return StatusCode::NOT_FOUND.into_response();
    };
    // Who does not read its stream gets no more to read.
    let Some(place) = session.post() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    tokio::spawn(async move {
        let _place = place;
        let answer = exchange.post(body).await;
        pump(answer, &to_client).await;
    });
    StatusCode::ACCEPTED.into_response()
}

/// Passes a response on as events.
async fn pump(response: Response, to_client: &mpsc::Sender<Bytes>) {
    let streams = |headers: &HeaderMap| {
        let kind = headers.get(header::CONTENT_TYPE);
        kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
    };
    let is_stream = streams(response.headers());
    let mut body = response.into_body();
    if !is_stream {
        let text = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        if !text.is_empty() {
            let text = String::from_utf8_lossy(&text);
            let _ = to_client.send(event(&text).into()).await;
        }
        return;
    }
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(data) = frame.into_data() else { continue };
        if to_client.send(data).await.is_err() {
            return;
        }
    }
}

impl Exchange {
    /// The session stands in the URL here.
    fn name_session(&mut self, id: &str) {
        if let Ok(id) = HeaderValue::from_str(id) {
            self.headers.insert(SESSION_ID, id);
        }
        let both = HeaderValue::from_static("application/json, text/event-stream");
        self.headers.insert(header::ACCEPT, both);
    }
}
