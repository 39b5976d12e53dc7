//! What is well and what is not.

use std::sync::Arc;

use agw_api::Diagnosis;
use axum::{
    Json,
    extract::{Path, State},
};

use super::{Admin, AdminError, Reader, connections};
use crate::{doctor, gateway::Gateway};

/// How the gateway itself is.
#[utoipa::path(
    get, path = "/api/v1/doctor", operation_id = "diagnose_gateway", tag = "service",
    responses((status = 200, body = Diagnosis), (status = 403, body = agw_api::ErrorBody))
)]
pub(super) async fn gateway(State(gateway): State<Arc<Gateway>>, _: Reader) -> Json<Diagnosis> {
    Json(doctor::examine(&gateway).await)
}

/// How a connection is: it is reached and tried, step by step.
#[utoipa::path(
    post, path = "/api/v1/connections/{name}/doctor", operation_id = "diagnose_connection",
    tag = "connections", params(("name" = String, Path)),
    responses((status = 200, body = Diagnosis), (status = 404, body = agw_api::ErrorBody))
)]
pub(super) async fn connection(
    State(gateway): State<Arc<Gateway>>,
    _: Admin,
    Path(name): Path<String>,
) -> Result<Json<Diagnosis>, AdminError> {
    let snapshot = gateway.live.snapshot.load_full();
    let config = connections::find(&snapshot, &name)?;
    let upstream = connections::running(&gateway, config).await?;
    Ok(Json(doctor::examine_connection(&gateway, config, &upstream).await))
}
