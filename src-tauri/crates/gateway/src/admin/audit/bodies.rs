//! What is kept, sealed, of calls.

use std::sync::Arc;

use agw_api::{AuditBodies, codes};
use agw_vault::Own;
use axum::{
    Json,
    extract::{Path, State},
};
use serde_json::value::RawValue;

use crate::{
    admin::{Admin, AdminError},
    audit::{CallId, Kind, Record},
    clock,
    gateway::Gateway,
    store::writer::Safety,
};

/// The full arguments and the result of a call, as far as they are kept. That
/// they were opened is recorded first.
#[utoipa::path(
    get, path = "/api/v1/audit/bodies/{call_id}", operation_id = "open_bodies", tag = "audit",
    params(("call_id" = String, Path)),
    responses(
        (status = 200, body = AuditBodies),
        (status = 404, body = agw_api::ErrorBody),
        (status = 503, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn open(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    Path(call_id): Path<String>,
) -> Result<Json<AuditBodies>, AdminError> {
    let none = || {
        let message = format!("nothing is kept of the call {call_id:?}");
        let next = "see `agw audit show`; bodies are kept once `agw tool record` says so";
        AdminError::new(codes::NOT_FOUND, message, next)
    };
    let call = CallId::parse(&call_id).ok_or_else(none)?;
    // As it was sealed with, however it is written.
    let call_id = call.to_string();
    let sealed = gateway.reader.run(move |db| {
        let mut select = db.prepare_cached(
            "SELECT a.record ->> 'kind', b.bytes FROM audit a JOIN audit_bodies b ON b.seq = a.seq
             WHERE a.call = ?1",
        )?;
        let rows = select.query_map([call.to_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<Vec<(String, Vec<u8>)>, _>>()?)
    });
    let sealed = sealed.await?;
    if sealed.is_empty() {
        return Err(none());
    }
    let vault = gateway.vault.load_full().ok_or_else(|| {
        AdminError::new(codes::SEALED, "the gateway is sealed", "unlock it with `agw unlock`")
    })?;
    let mut record = Record::new(Kind::Config, clock::now_ms());
    record.status = Some("bodies_opened");
    record.user = Some(admin.user);
    record.detail = Some(call_id.clone());
    gateway.writer.record(record, Safety::Synced).await?;
    let mut bodies = AuditBodies { arguments: None, result: None };
    for (kind, sealed) in sealed {
        let what = if kind == "intent" { "arguments" } else { "result" };
        let own = Own::Body { call: &call_id, what };
        let clear =
            vault.open_own(own, &sealed).map_err(|e| AdminError::internal(e.to_string()))?;
        let value: Option<Box<RawValue>> = serde_json::from_slice(clear.expose()).ok();
        match what {
            "arguments" => bodies.arguments = value,
            _ => bodies.result = value,
        }
    }
    Ok(Json(bodies))
}
