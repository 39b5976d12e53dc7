//! The rules of the permission map.

use std::sync::Arc;

use agw_api::{Change, ChangedGrant, EditGrant, Grant, NewGrant, Role};
use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
    http::StatusCode,
};
use serde::Deserialize;

use super::{
    Admin, AdminError, Signed,
    changes::{Plan, carry_out, parse_id, plan},
    connections::Expected,
    coverage,
};
use crate::{
    gateway::Gateway,
    store::{rows, snapshot::Snapshot},
};

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OfSubject {
    /// Only grants for `USER`, `team:TEAM` or `USER/AGENT`.
    subject: Option<String>,
}

/// All grants, or one subject's. A member sees their own, their teams' and
/// their agents'.
#[utoipa::path(
    get, path = "/api/v1/grants", operation_id = "list_grants", tag = "grants", params(OfSubject),
    responses((status = 200, body = Vec<Grant>), (status = 401, body = agw_api::ErrorBody))
)]
pub(super) async fn list(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
    query: Result<Query<OfSubject>, QueryRejection>,
) -> Result<Json<Vec<Grant>>, AdminError> {
    let Query(OfSubject { subject }) = query?;
    let snapshot = gateway.live.snapshot.load_full();
    let of_theirs = (signed.role == Role::Member).then(|| subjects_of(&snapshot, &signed));
    let grants = gateway
        .reader
        .run(move |db| {
            // To a member nobody else is there.
            let foreign = |subject: &String| of_theirs.as_ref().is_some_and(|of| !of(subject));
            if let Some(subject) = subject.as_ref().filter(|subject| foreign(subject)) {
                return Ok(Err(AdminError::not_found("subject", subject, "see `agw agent list`")));
            }
            let known = subject.as_deref().map(|subject| rows::subject(db, subject)).transpose();
            if let Err(missing) = known {
                return Ok(Err(missing));
            }
            let mut grants = rows::grants(db, None)?;
            grants.retain(|(grant, _)| {
                let asked = subject.as_ref().is_none_or(|s| s.eq_ignore_ascii_case(&grant.subject));
                asked && of_theirs.as_ref().is_none_or(|theirs| theirs(&grant.subject))
            });
            Ok(Ok((grants, coverage::seen(db)?)))
        })
        .await??;
    let (grants, seen) = grants;
    Ok(Json(coverage::covered(&gateway, grants, &seen)))
}

/// Whether a subject, as it is shown, is a member, a team of theirs or an
/// agent of theirs.
pub(super) fn subjects_of(snapshot: &Snapshot, signed: &Signed) -> impl Fn(&str) -> bool + use<> {
    let facts = snapshot.caller(signed.user, None).facts;
    move |subject| match subject.strip_prefix("team:") {
        Some(team) => facts.teams.iter().any(|mine| mine == team),
        None => subject.split_once('/').map_or(subject, |(owner, _)| owner) == facts.user,
    }
}

/// Set what a subject may do with a tool. There is one grant per subject, tool
/// pattern and condition: the same again changes nothing, another effect,
/// expiry or rate replaces it.
#[utoipa::path(
    post, path = "/api/v1/grants", operation_id = "add_grant", tag = "grants", request_body = NewGrant,
    responses(
        (status = 201, body = Grant),
        (status = 200, description = "It was there already, and is now as asked for", body = Grant),
        (status = 404, body = agw_api::ErrorBody),
        (status = 409, body = agw_api::ErrorBody),
        (status = 422, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn add(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    body: Result<Json<NewGrant>, JsonRejection>,
) -> Result<(StatusCode, Json<Grant>), AdminError> {
    let Json(new) = body?;
    let plan = plan(&gateway, Change { add: vec![new], ..Change::default() }).await?;
    let (made, new) = carry_out(&gateway, &admin, plan).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, only(made)?))
}

/// Replace a grant.
#[utoipa::path(
    put, path = "/api/v1/grants/{id}", operation_id = "edit_grant", tag = "grants",
    params(("id" = String, Path)), request_body = EditGrant,
    responses(
        (status = 200, body = Grant),
        (status = 404, body = agw_api::ErrorBody),
        (status = 409, body = agw_api::ErrorBody),
        (status = 422, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn edit(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    Path(id): Path<String>,
    body: Result<Json<EditGrant>, JsonRejection>,
) -> Result<Json<Grant>, AdminError> {
    let Json(grant) = body?;
    let edit = vec![ChangedGrant::new(id, grant)];
    let plan = plan(&gateway, Change { edit, ..Change::default() }).await?;
    only(carry_out(&gateway, &admin, plan).await?.0)
}

/// Take a grant back; in force for the next call.
#[utoipa::path(
    delete, path = "/api/v1/grants/{id}", operation_id = "remove_grant", tag = "grants",
    params(("id" = String, Path), Expected),
    responses(
        (status = 204),
        (status = 404, body = agw_api::ErrorBody),
        (status = 409, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn remove(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    Path(id): Path<String>,
    expected: Result<Query<Expected>, QueryRejection>,
) -> Result<StatusCode, AdminError> {
    let Query(Expected { version }) = expected?;
    let plan = Plan::removing(parse_id(&id)?, version);
    carry_out(&gateway, &admin, plan).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make several changes together, or none of them. Answers with the grants
/// that were added and edited.
#[utoipa::path(
    post, path = "/api/v1/changes", operation_id = "change_grants", tag = "grants", request_body = Change,
    responses(
        (status = 200, body = Vec<Grant>),
        (status = 404, body = agw_api::ErrorBody),
        (status = 409, body = agw_api::ErrorBody),
        (status = 422, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn change(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    body: Result<Json<Change>, JsonRejection>,
) -> Result<Json<Vec<Grant>>, AdminError> {
    let Json(wanted) = body?;
    let plan = plan(&gateway, wanted).await?;
    Ok(Json(carry_out(&gateway, &admin, plan).await?.0))
}

fn only(made: Vec<Grant>) -> Result<Json<Grant>, AdminError> {
    let made = made.into_iter().next();
    made.map(Json).ok_or_else(|| AdminError::internal("the grant is gone"))
}
