//! The address for other machines.

use std::sync::Arc;

use agw_api::{Authority, Sharing, SharingSettings};
use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
};

use super::{Admin, AdminError, Reader, Signed};
use crate::{gateway::Gateway, sharing};

/// Whether and how others reach the gateway.
#[utoipa::path(
    get, path = "/api/v1/sharing", operation_id = "sharing", tag = "sharing",
    responses((status = 200, body = Sharing), (status = 403, body = agw_api::ErrorBody))
)]
pub(super) async fn show(State(gateway): State<Arc<Gateway>>, _: Reader) -> Json<Sharing> {
    Json(shown(&gateway))
}

/// Set it, all of it. Nothing is changed if it cannot be in force at once:
/// a port that is taken, a certificate that is not for these names.
#[utoipa::path(
    put, path = "/api/v1/sharing", operation_id = "edit_sharing", tag = "sharing",
    request_body = SharingSettings,
    responses(
        (status = 200, body = Sharing),
        (status = 409, body = agw_api::ErrorBody),
        (status = 422, body = agw_api::ErrorBody),
        (status = 503, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn edit(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    body: Result<Json<SharingSettings>, JsonRejection>,
) -> Result<Json<Sharing>, AdminError> {
    let Json(wanted) = body?;
    gateway.sharing.change(wanted, admin.user).await?;
    Ok(Json(shown(&gateway)))
}

/// The gateway's own certificate authority, for machines that shall trust it.
#[utoipa::path(
    get, path = "/api/v1/sharing/authority", operation_id = "sharing_authority", tag = "sharing",
    responses((status = 200, body = Authority), (status = 404, body = agw_api::ErrorBody))
)]
pub(super) async fn authority(
    State(gateway): State<Arc<Gateway>>,
    _: Signed,
) -> Result<Json<Authority>, AdminError> {
    let missing = || {
        let next = "it is made when the gateway is first shared with its own certificate";
        AdminError::not_found("authority", "of this gateway", next)
    };
    sharing::authority(&gateway).await?.map(Json).ok_or_else(missing)
}

fn shown(gateway: &Gateway) -> Sharing {
    let settings = gateway.live.snapshot.load().sharing.clone();
    let (state, problem) = gateway.sharing.state(&settings);
    Sharing {
        state,
        problem,
        url: gateway.sharing.url(),
        certificate: gateway.sharing.certificate(),
        suggested: sharing::suggested(),
        settings,
    }
}
