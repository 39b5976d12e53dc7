//! The audit trail, and the stream of what happens.

use std::{convert::Infallible, sync::Arc};

use agw_api::{
    AuditPage, AuditRecord, AuditStory, AuditTimeline, Event, Grant, Role, StoryGrant, codes,
};
use agw_core::GrantId;
use axum::{
    Json,
    body::{Body, Bytes},
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use futures_util::stream;
use rusqlite::Connection;
use serde::Deserialize;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::{AdminError, Signed, grants::subjects_of};
use crate::{
    audit::{
        read,
        search::{self, Filter, Sought, Timeline},
    },
    bounds, clock,
    gateway::Gateway,
    live::FeedItem,
    store::{StoreError, rows},
};

/// Records, newest first.
#[utoipa::path(
    get, path = "/api/v1/audit", operation_id = "list_audit", tag = "audit", params(Filter),
    responses((status = 200, body = AuditPage), (status = 401, body = agw_api::ErrorBody))
)]
pub(super) async fn list(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
    query: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<AuditPage>, AdminError> {
    let Query(mut filter) = query?;
    filter.only = (signed.role == Role::Member).then_some(signed.user);
    if filter.limit.is_some_and(|limit| !(1..=search::LIMIT_MAX).contains(&limit)) {
        let text = format!("the limit must be between 1 and {}", search::LIMIT_MAX);
        return Err(AdminError::invalid(text));
    }
    settle(&gateway).await;
    let snapshot = gateway.live.snapshot.load_full();
    let sought = Sought::new(&snapshot, &filter).map_err(AdminError::invalid)?;
    Ok(Json(gateway.reader.run(move |db| search::search(db, &snapshot, &filter, &sought)).await?))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Buckets {
    /// 1 to 240; 60 if absent.
    buckets: Option<u32>,
}

/// How many calls and other records there were over time. Filters are those of
/// the list; a long range is counted in parts.
#[utoipa::path(
    get, path = "/api/v1/audit/timeline", operation_id = "audit_timeline", tag = "audit",
    params(Filter, Buckets),
    responses((status = 200, body = AuditTimeline), (status = 422, body = agw_api::ErrorBody))
)]
pub(super) async fn timeline(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
    query: Result<Query<Filter>, QueryRejection>,
    buckets: Result<Query<Buckets>, QueryRejection>,
) -> Result<Json<AuditTimeline>, AdminError> {
    let (Query(mut filter), Query(Buckets { buckets })) = (query?, buckets?);
    filter.only = (signed.role == Role::Member).then_some(signed.user);
    let buckets = buckets.unwrap_or(60);
    if !(1..=bounds::TIMELINE_BUCKETS_MAX).contains(&buckets) {
        let text = format!("the buckets must be 1 to {}", bounds::TIMELINE_BUCKETS_MAX);
        return Err(AdminError::invalid(text));
    }
    settle(&gateway).await;
    let snapshot = gateway.live.snapshot.load_full();
    let mut sought = Sought::new(&snapshot, &filter).map_err(AdminError::invalid)?;
    let now = clock::now_ms();
    let counted = gateway.reader.run(move |db| {
        let timeline = Timeline::new(db, &mut sought, now, buckets)?;
        timeline.count(db, &filter, &sought)
    });
    Ok(Json(counted.await?))
}

/// The whole story of a call; `id` is a call's id or the sequence number of a
/// record.
#[utoipa::path(
    get, path = "/api/v1/audit/{id}", operation_id = "show_audit", tag = "audit", params(("id" = String, Path)),
    responses((status = 200, body = AuditStory), (status = 404, body = agw_api::ErrorBody))
)]
pub(super) async fn show(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
    Path(id): Path<String>,
) -> Result<Json<AuditStory>, AdminError> {
    settle(&gateway).await;
    let snapshot = gateway.live.snapshot.load_full();
    let wanted = id.clone();
    let only = (signed.role == Role::Member).then_some(signed.user);
    let of_theirs = only.map(|_| subjects_of(&snapshot, &signed));
    let story = gateway.reader.run(move |db| {
        let records = read::show(db, &snapshot, &wanted, only)?;
        let grants = grants(db, &records)?;
        Ok(AuditStory { records, grants })
    });
    let mut story = story.await?;
    for told in &mut story.grants {
        // Somebody else's by now: to a member as good as gone.
        let theirs = |grant: &Grant| of_theirs.as_ref().is_none_or(|of| of(&grant.subject));
        told.grant = told.grant.take().filter(theirs);
        told.changed_since |= told.grant.is_none();
    }
    if story.records.is_empty() {
        let message = format!("there is no record {id:?}");
        return Err(AdminError::new(codes::NOT_FOUND, message, "see `agw audit list`"));
    }
    Ok(Json(story))
}

/// The grants that took part, each as it is now.
fn grants(db: &Connection, records: &[AuditRecord]) -> Result<Vec<StoryGrant>, StoreError> {
    let mut grants: Vec<StoryGrant> = Vec::new();
    for (record, id) in records.iter().flat_map(|r| r.grants.iter().map(move |id| (r, id))) {
        if grants.iter().any(|known| known.id == *id) {
            continue;
        }
        let parsed: Option<GrantId> = id.parse().ok();
        let mut found = parsed.map(|id| rows::grants(db, Some(id))).transpose()?;
        let (grant, changed_at) = found.as_mut().and_then(Vec::pop).unzip();
        let made: Option<jiff::Timestamp> = record.time.parse().ok();
        let changed_since = match (changed_at, made) {
            (Some(changed), Some(made)) => changed > made.as_millisecond(),
            _ => true,
        };
        grants.push(StoryGrant { id: id.clone(), grant, changed_since });
    }
    Ok(grants)
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
    let quiet = tokio::time::sleep(bounds::KEEP_ALIVE);
    tokio::pin!(quiet);
    let event = loop {
        let item = tokio::select! {
            item = feed.recv() => item,
            () = &mut quiet => return Some(": still here\n\n".into()),
            () = gateway.stop.cancelled() => return None,
        };
        // As they are by now: a role may change while the stream is open.
        let snapshot = gateway.live.snapshot.load();
        let person = snapshot.users.get(&signed.user).filter(|person| !person.removed)?;
        let only = (person.role == Role::Member).then_some(signed.user);
        break match item {
            Ok(FeedItem::Record(record)) => match read::fresh(&record, &snapshot, only).ok()? {
                Some(record) => Event::Audit { record },
                // Somebody else's: nothing is said, not even that there was one.
                None => continue,
            },
            Ok(FeedItem::Changed(what)) => Event::Changed { what: what.into() },
            Err(RecvError::Lagged(count)) => Event::Missed { count },
            Err(RecvError::Closed) => return None,
        };
    };
    serde_json::to_string(&event).ok().map(|json| format!("data: {json}\n\n"))
}
