//! The service as a whole.

use std::sync::Arc;

use agw_api::{Health, Status};
use agw_vault::MasterKeySource;
use axum::{Json, extract::State, http::StatusCode};

use super::{AdminError, Signed};
use crate::{
    audit::{Kind, Record, record::rfc3339},
    clock,
    gateway::Gateway,
    store::rows,
};

/// Whether the gateway is up; told to anybody on this machine.
#[utoipa::path(get, path = "/api/v1/health", tag = "service", responses((status = 200, body = Health)))]
pub(super) async fn health(State(gateway): State<Arc<Gateway>>) -> Json<Health> {
    Json(Health {
        state: gateway.state(),
        version: env!("CARGO_PKG_VERSION").into(),
        needs_passphrase: gateway.master_key == MasterKeySource::Passphrase,
    })
}

/// State and counts.
#[utoipa::path(
    get, path = "/api/v1/status", tag = "service",
    responses((status = 200, body = Status), (status = 401, body = agw_api::ErrorBody))
)]
pub(super) async fn status(State(gateway): State<Arc<Gateway>>, _: Signed) -> Json<Status> {
    Json(read_status(&gateway))
}

/// Refuse all calls of all agents from now on.
#[utoipa::path(
    post, path = "/api/v1/pause", tag = "service",
    responses((status = 200, body = Status), (status = 401, body = agw_api::ErrorBody))
)]
pub(super) async fn pause(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
) -> Result<Json<Status>, AdminError> {
    set_paused(&gateway, &signed, true).await
}

/// Take calls again.
#[utoipa::path(
    post, path = "/api/v1/resume", tag = "service",
    responses((status = 200, body = Status), (status = 401, body = agw_api::ErrorBody))
)]
pub(super) async fn resume(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
) -> Result<Json<Status>, AdminError> {
    set_paused(&gateway, &signed, false).await
}

/// Stop the service; calls under way get a few seconds to end.
#[utoipa::path(
    post, path = "/api/v1/shutdown", tag = "service",
    responses((status = 204), (status = 401, body = agw_api::ErrorBody))
)]
pub(super) async fn shutdown(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
) -> Result<StatusCode, AdminError> {
    gateway.service_record("stopping", Some(signed.user), String::new()).await?;
    gateway.stop.cancel();
    Ok(StatusCode::NO_CONTENT)
}

async fn set_paused(
    gateway: &Gateway,
    signed: &Signed,
    paused: bool,
) -> Result<Json<Status>, AdminError> {
    let user = signed.user;
    gateway
        .writer
        .change(move |change| {
            rows::set_meta(change.db, rows::PAUSED, if paused { "1" } else { "0" })?;
            let mut record = Record::new(Kind::Service, clock::now_ms());
            record.status = Some(if paused { "paused" } else { "resumed" });
            record.user = Some(user);
            change.audit(record);
            Ok::<_, AdminError>(())
        })
        .await?;
    Ok(Json(read_status(gateway)))
}

pub(super) fn read_status(gateway: &Gateway) -> Status {
    let snapshot = gateway.live.snapshot.load();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Status {
        state: gateway.state(),
        version: env!("CARGO_PKG_VERSION").into(),
        url: gateway.url.clone(),
        started_at: rfc3339(gateway.started_at),
        master_key: snapshot.set_up.then(|| gateway.master_key.to_string()),
        sealed_reason: gateway.sealed_reason(),
        connections: count(snapshot.connections.len()),
        users: count(snapshot.users.values().filter(|user| !user.removed).count()),
        agents: count(snapshot.agents.values().filter(|agent| !agent.removed).count()),
        grants: count(snapshot.grants),
        audit_head: gateway.writer.head(),
    }
}
