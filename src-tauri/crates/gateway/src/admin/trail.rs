//! The audit trail, and the stream of what happens.

use std::{convert::Infallible, sync::Arc};

use agw_api::{AuditRecord, Event, Role, codes};
use axum::{
    Json,
    body::{Body, Bytes},
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use futures_util::stream;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::{AdminError, Signed};
use crate::{
    audit::read::{self, Filter},
    bounds,
    gateway::Gateway,
    live::FeedItem,
};

/// Records, newest first.
#[utoipa::path(
    get, path = "/api/v1/audit", operation_id = "list_audit", tag = "audit", params(Filter),
    responses((status = 200, body = Vec<AuditRecord>), (status = 401, body = agw_api::ErrorBody))
)]
pub(super) async fn list(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
    query: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<Vec<AuditRecord>>, AdminError> {
    let Query(mut filter) = query?;
    filter.only = (signed.role == Role::Member).then_some(signed.user);
    if filter.limit.is_some_and(|limit| !(1..=read::LIMIT_MAX).contains(&limit)) {
        let text = format!("the limit must be between 1 and {}", read::LIMIT_MAX);
        return Err(AdminError::invalid(text));
    }
    settle(&gateway).await;
    let snapshot = gateway.live.snapshot.load_full();
    Ok(Json(gateway.reader.run(move |db| read::list(db, &snapshot, &filter)).await?))
}

/// The records of one call, oldest first; `id` is a call's id or a sequence
/// number.
#[utoipa::path(
    get, path = "/api/v1/audit/{id}", operation_id = "show_audit", tag = "audit", params(("id" = String, Path)),
    responses((status = 200, body = Vec<AuditRecord>), (status = 404, body = agw_api::ErrorBody))
)]
pub(super) async fn show(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
    Path(id): Path<String>,
) -> Result<Json<Vec<AuditRecord>>, AdminError> {
    settle(&gateway).await;
    let snapshot = gateway.live.snapshot.load_full();
    let wanted = id.clone();
    let only = (signed.role == Role::Member).then_some(signed.user);
    let records = gateway.reader.run(move |db| read::show(db, &snapshot, &wanted, only)).await?;
    if records.is_empty() {
        let message = format!("there is no record {id:?}");
        return Err(AdminError::new(codes::NOT_FOUND, message, "see `agw audit list`"));
    }
    Ok(Json(records))
}

/// What was owed a moment ago shall be seen. When nothing can be written,
/// reading what there is still works.
async fn settle(gateway: &Gateway) {
    if let Err(error) = gateway.writer.flush().await {
        tracing::warn!(%error, "the trail is shown without its newest records");
    }
}

/// What happens, as it happens: server-sent events, each an `Event`.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "audit",
    responses((status = 200, content_type = "text/event-stream", body = String))
)]
pub(super) async fn events(State(gateway): State<Arc<Gateway>>, signed: Signed) -> Response {
    let feed = gateway.live.feed();
    let first = (gateway, signed, feed, true);
    let events = stream::unfold(first, |(gateway, signed, mut feed, first)| async move {
        // At once, so that the other side knows that it is connected.
        let text = match first {
            true => ": connected\n\n".into(),
            false => next(&gateway, &signed, &mut feed).await?,
        };
        // The stream ends with the session that opened it.
        gateway.staff.still_open(&signed).then_some(())?;
        Some((Ok::<_, Infallible>(Bytes::from(text)), (gateway, signed, feed, false)))
    });
    let mut response = Body::from_stream(events).into_response();
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

async fn next(gateway: &Gateway, signed: &Signed, feed: &mut Receiver<FeedItem>) -> Option<String> {
    let item = tokio::select! {
        item = feed.recv() => item,
        () = tokio::time::sleep(bounds::KEEP_ALIVE) => return Some(": still here\n\n".into()),
        () = gateway.stop.cancelled() => return None,
    };
    // As they are by now: a role may change while the stream is open.
    let snapshot = gateway.live.snapshot.load();
    let person = snapshot.users.get(&signed.user).filter(|person| !person.removed)?;
    let only = (person.role == Role::Member).then_some(signed.user);
    let event = match item {
        Ok(FeedItem::Record(record)) => match read::parse(&record, &snapshot, only).ok()? {
            Some(record) => Event::Audit { record },
            // Somebody else's; it takes the place of a comment.
            None => return Some(": not yours\n\n".into()),
        },
        Ok(FeedItem::Changed(what)) => Event::Changed { what: what.into() },
        Err(RecvError::Lagged(count)) => Event::Missed { count },
        Err(RecvError::Closed) => return None,
    };
    serde_json::to_string(&event).ok().map(|json| format!("data: {json}\n\n"))
}
