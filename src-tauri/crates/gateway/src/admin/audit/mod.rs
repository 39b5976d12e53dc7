//! The audit trail as a whole: its state, its key and checkpoints, what is
//! set about it, and what leaves it. Reading it is `trail`'s.

mod bodies;
mod export;
mod forwards;
mod settings;
mod verify;

use std::sync::Arc;

use agw_api::{AuditCheckpoint, AuditKey, AuditStatus, Durability, Erase, Erased, codes};
use axum::{Json, extract::State, extract::rejection::JsonRejection};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) use settings::shown;
pub(crate) use verify::Verification;

use super::{Admin, AdminError, Reader};
use crate::{
    audit::{erase, key, ledger},
    gateway::Gateway,
    store,
};

pub(super) fn api() -> OpenApiRouter<Arc<Gateway>> {
    OpenApiRouter::new()
        .routes(routes!(status))
        .routes(routes!(acknowledge))
        .routes(routes!(public_key))
        .routes(routes!(checkpoint))
        .routes(routes!(erase_person))
        .routes(routes!(settings::show, settings::edit))
        .routes(routes!(settings::record_tool))
        .routes(routes!(bodies::open))
        .routes(routes!(export::export))
        .routes(routes!(verify::show, verify::begin))
        .routes(routes!(forwards::list_forwards, forwards::add_forward))
        .routes(routes!(forwards::remove_forward))
        .routes(routes!(forwards::make_metrics_token))
}

/// How the trail is.
#[utoipa::path(
    get, path = "/api/v1/audit/status", operation_id = "audit_status", tag = "audit",
    responses((status = 200, body = AuditStatus), (status = 403, body = agw_api::ErrorBody))
)]
async fn status(
    State(gateway): State<Arc<Gateway>>,
    _: Reader,
) -> Result<Json<AuditStatus>, AdminError> {
    Ok(Json(read_status(&gateway).await?))
}

/// An admin knows what the alarm says, and it ends.
#[utoipa::path(
    post, path = "/api/v1/audit/acknowledge", operation_id = "acknowledge_audit_alarm", tag = "audit",
    responses((status = 200, body = AuditStatus), (status = 403, body = agw_api::ErrorBody))
)]
async fn acknowledge(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
) -> Result<Json<AuditStatus>, AdminError> {
    if gateway.alarm().is_some() {
        gateway.acknowledge(admin.user).await?;
        gateway.live.announce("status");
    }
    Ok(Json(read_status(&gateway).await?))
}

async fn read_status(gateway: &Gateway) -> Result<AuditStatus, AdminError> {
    let (first, key) = gateway.reader.run(|db| Ok((ledger::first(db)?, key::public(db)?))).await?;
    let settings = &gateway.live.snapshot.load().audit;
    let strict = gateway.strict_audit || settings.receipts;
    Ok(AuditStatus {
        head: gateway.writer.head(),
        first,
        writable: gateway.writer.healthy(),
        durability: if strict { Durability::Strict } else { settings.durability },
        size: store::size(&gateway.data_dir),
        key,
        checkpoint: gateway.writer.checkpoints().borrow().as_ref().map(|signed| signed.shown()),
        witnesses: gateway.witnesses.shown(),
        alarm: gateway.alarm().map(|alarm| (*alarm).clone()),
    })
}

/// The public key that checkpoints are signed with.
#[utoipa::path(
    get, path = "/api/v1/audit/key", operation_id = "audit_key", tag = "audit",
    responses((status = 200, body = AuditKey), (status = 503, body = agw_api::ErrorBody))
)]
async fn public_key(
    State(gateway): State<Arc<Gateway>>,
    _: Reader,
) -> Result<Json<AuditKey>, AdminError> {
    let key = gateway.reader.run(key::public).await?;
    Ok(Json(AuditKey { key: key.ok_or_else(unsigned)? }))
}

/// The newest checkpoint, made now if records have come since.
#[utoipa::path(
    get, path = "/api/v1/audit/checkpoint", operation_id = "audit_checkpoint", tag = "audit",
    responses((status = 200, body = AuditCheckpoint), (status = 503, body = agw_api::ErrorBody))
)]
async fn checkpoint(
    State(gateway): State<Arc<Gateway>>,
    _: Reader,
) -> Result<Json<AuditCheckpoint>, AdminError> {
    let signed = gateway.writer.checkpoint().await;
    Ok(Json(signed.ok_or_else(unsigned)?.shown()))
}

fn unsigned() -> AdminError {
    let message = "nothing was signed yet: the gateway has been sealed since its first start";
    AdminError::new(codes::SEALED, message, "unlock it with `agw unlock`")
}

/// Erase a person who was removed from the trail: their name, and the words
/// and bodies kept beside their records.
#[utoipa::path(
    post, path = "/api/v1/audit/erase", operation_id = "erase_person", tag = "audit",
    request_body = Erase,
    responses(
        (status = 200, body = Erased),
        (status = 404, body = agw_api::ErrorBody),
        (status = 422, body = agw_api::ErrorBody)
    )
)]
async fn erase_person(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    body: Result<Json<Erase>, JsonRejection>,
) -> Result<Json<Erased>, AdminError> {
    let Json(Erase { user }) = body?;
    Ok(Json(erase::erase(&gateway, user, admin.user).await?))
}
