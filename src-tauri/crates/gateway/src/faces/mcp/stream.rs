//! Streams that tell agents when their tools have changed: the GET stream of
//! the older era, `subscriptions/listen` of the stateless one.

use std::{
    collections::VecDeque,
    convert::Infallible,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Instant,
};

use agw_core::json::{Node, Value};
use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::{Exchange, answer::RpcError, envelope::Request};
use crate::{
    bounds,
    pipeline::{Face, Story, identify},
};

const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

struct Notifications {
    exchange: Exchange,
    changes: watch::Receiver<u64>,
    seen: u64,
    /// The request id of a subscription, as JSON.
    subscription: Option<String>,
    wants_tools: bool,
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
        if let Err(error) = self.session() {
            return error.response(StatusCode::NOT_FOUND);
        }
        self.notify(None, true)
    }

    /// `subscriptions/listen`: acknowledged first, then what was asked for.
    pub(super) fn subscribe(self, request: &Request<'_>) -> Response {
        let Some(wanted) = request.param("notifications").filter(|n| n.is_object()) else {
            let error = RpcError::invalid_params("\"notifications\" must say what to listen to");
            return error.with_id(request.id).response(StatusCode::BAD_REQUEST);
        };
        let tools = wanted.get("toolsListChanged").map(Node::value);
        self.notify(Some(request.id.to_owned()), tools == Some(&Value::Bool(true)))
    }

    fn notify(self, subscription: Option<String>, wants_tools: bool) -> Response {
        let Some(place) = self.gateway.agent_sessions.stream() else {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        };
        let first = match &subscription {
            None => ": listening\n\n".to_owned(),
            Some(id) => {
                let honoured = if wants_tools { r#"{"toolsListChanged":true}"# } else { "{}" };
                event(&format!(
                    r#"{{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{{"_meta":{{"{SUBSCRIPTION}":{id}}},"notifications":{honoured}}}}}"#
                ))
            }
        };
        let mut changes = self.gateway.live.changes();
        changes.mark_unchanged();
        let notifications = Notifications {
            seen: self.fingerprint(),
            changes,
            exchange: self,
            subscription,
            wants_tools,
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

    /// A number that changes when the caller's list of tools does.
    fn fingerprint(&self) -> u64 {
        let snapshot = self.gateway.live.snapshot.load();
        let catalog = self.gateway.live.catalog.load();
        let mut hasher = DefaultHasher::new();
        for (name, tool) in self.visible(&snapshot, &catalog) {
            name.hash(&mut hasher);
            tool.hash_definition(&mut hasher);
        }
        hasher.finish()
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
                () = tokio::time::sleep(bounds::KEEP_ALIVE) => {
                    // An expiry changes nothing that would wake us.
                    self.ended = !self.exchange.still_welcome();
                    self.queued.push_back(": still here\n\n".into());
                }
                () = self.exchange.gateway.stop.cancelled() => self.end(),
            }
        }
    }

    fn look_again(&mut self) {
        if !self.exchange.still_welcome() {
            self.ended = true;
            return;
        }
        let now = self.exchange.fingerprint();
        if now == std::mem::replace(&mut self.seen, now) || !self.wants_tools {
            return;
        }
        let params = match &self.subscription {
            None => String::new(),
            Some(id) => format!(r#","params":{{"_meta":{{"{SUBSCRIPTION}":{id}}}}}"#),
        };
        self.queued.push_back(event(&format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/tools/list_changed"{params}}}"#
        )));
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

/// `message` is one line of JSON.
pub(super) fn event(message: &str) -> String {
    format!("event: message\ndata: {message}\n\n")
}
