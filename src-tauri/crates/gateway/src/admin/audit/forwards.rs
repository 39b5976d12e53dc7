//! Who else gets the records, and the token for metrics.

use std::sync::Arc;

use agw_api::{Forward, NewForward, TokenCreated};
use agw_core::TokenKind;
use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::StatusCode,
};
use rusqlite::{Connection, params};

use crate::{
    admin::{Admin, AdminError, Reader, people},
    audit::{
        Record,
        forward::{self, Target},
        ledger, metrics,
    },
    bounds, clock,
    gateway::Gateway,
    store::rows,
};

/// Receivers of records, by name.
#[utoipa::path(
    get, path = "/api/v1/audit/forwards", operation_id = "list_forwards", tag = "audit",
    responses((status = 200, body = [Forward]), (status = 403, body = agw_api::ErrorBody))
)]
pub(super) async fn list_forwards(
    State(gateway): State<Arc<Gateway>>,
    _: Reader,
) -> Result<Json<Vec<Forward>>, AdminError> {
    let all = gateway.reader.run(forward::load).await?;
    let head = gateway.writer.head();
    Ok(Json(all.iter().map(|config| gateway.forwards.shown(config, head)).collect()))
}

/// Send records to somebody from now on.
#[utoipa::path(
    post, path = "/api/v1/audit/forwards", operation_id = "add_forward", tag = "audit",
    request_body = NewForward,
    responses(
        (status = 201, body = Forward),
        (status = 409, body = agw_api::ErrorBody),
        (status = 422, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn add_forward(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    body: Result<Json<NewForward>, JsonRejection>,
) -> Result<(StatusCode, Json<Forward>), AdminError> {
    let Json(new) = body?;
    let name = rows::person_name(&new.name)?;
    let target = Target::parse(new.kind, &new.target).map_err(AdminError::invalid)?;
    let data_dir = gateway.data_dir.clone();
    let checked = tokio::task::spawn_blocking(move || target.check(&data_dir)).await;
    checked.map_err(|e| AdminError::internal(e.to_string()))?.map_err(AdminError::invalid)?;
    let added = gateway
        .writer
        .change(move |change| {
            let (db, now, name) = (change.db, clock::now_ms(), name.as_str());
            check_room(db, name, &new.target)?;
            let head = "SELECT ifnull(max(seq), 0) FROM audit";
            let sent = match new.from_start {
                true => ledger::first(db)? - 1,
                false => db.query_row(head, [], |row| row.get(0))?,
            };
            let kind = forward::word(new.kind);
            db.execute(
                "INSERT INTO forwards (name, kind, target, sent) VALUES (?1, ?2, ?3, ?4)",
                params![name, kind, new.target, sent],
            )?;
            let from = if new.from_start { ", all from the first on" } else { "" };
            let detail = format!("{name}: {kind} to {}{from}", new.target);
            change.audit(Record::config(now, admin.user, "forward_added", detail));
            let added = forward::load(db)?.into_iter().find(|config| config.name == name);
            added.ok_or_else(|| AdminError::internal("the forward's row is missing"))
        })
        .await?;
    let added = gateway.forwards.shown(&added, gateway.writer.head());
    Ok((StatusCode::CREATED, Json(added)))
}

fn check_room(db: &Connection, name: &str, target: &str) -> Result<(), AdminError> {
    let all = forward::load(db)?;
    if all.iter().any(|known| known.name == name) {
        return Err(AdminError::exists("forward", name));
    }
    // Two that write into one file would spoil each other's lines.
    if let Some(known) = all.iter().find(|known| known.target == target) {
        return Err(AdminError::invalid(format!("{:?} sends to {target:?} already", known.name)));
    }
    if all.len() >= bounds::FORWARDS_MAX {
        let most = bounds::FORWARDS_MAX;
        return Err(AdminError::invalid(format!("there are {most} forwards, which is the most")));
    }
    Ok(())
}

/// Send records to somebody no more.
#[utoipa::path(
    delete, path = "/api/v1/audit/forwards/{name}", operation_id = "remove_forward", tag = "audit",
    params(("name" = String, Path)),
    responses((status = 204), (status = 404, body = agw_api::ErrorBody))
)]
pub(super) async fn remove_forward(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    Path(name): Path<String>,
) -> Result<StatusCode, AdminError> {
    gateway
        .writer
        .change(move |change| {
            if change.db.execute("DELETE FROM forwards WHERE name = ?1", [&name])? == 0 {
                let next = "see `agw audit forward list`";
                return Err(AdminError::not_found("forward", &name, next));
            }
            change.audit(Record::config(clock::now_ms(), admin.user, "forward_removed", name));
            Ok(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a token that opens `/metrics`; the one before opens it no more.
#[utoipa::path(
    post, path = "/api/v1/audit/metrics-token", operation_id = "make_metrics_token", tag = "audit",
    responses((status = 201, body = TokenCreated), (status = 403, body = agw_api::ErrorBody))
)]
pub(super) async fn make_metrics_token(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
) -> Result<(StatusCode, Json<TokenCreated>), AdminError> {
    let token = people::mint(TokenKind::Metrics)?;
    let hash = token.hash();
    gateway
        .writer
        .change(move |change| {
            metrics::store_token(change.db, hash)?;
            let detail = "the token before it is good no more".to_owned();
            let record = Record::config(clock::now_ms(), admin.user, "metrics_token_made", detail);
            change.audit(record);
            Ok::<_, AdminError>(())
        })
        .await?;
    Ok((StatusCode::CREATED, Json(TokenCreated { token: token.expose().to_owned() })))
}
