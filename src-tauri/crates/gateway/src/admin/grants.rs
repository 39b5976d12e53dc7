//! The rules of the permission map.

use std::sync::Arc;

use agw_api::{Effect, Grant, NewGrant, codes};
use agw_core::{GrantId, Subject, ToolPattern};
use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
    http::StatusCode,
};
use rusqlite::{OptionalExtension as _, params};
use serde::Deserialize;

use super::{AdminError, Signed, connections::Expected};
use crate::{audit::Record, clock, gateway::Gateway, store::rows};

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OfSubject {
    /// Only grants for `USER`, `team:TEAM` or `USER/AGENT`.
    subject: Option<String>,
}

/// All grants, or one subject's.
#[utoipa::path(
    get, path = "/api/v1/grants", operation_id = "list_grants", tag = "grants", params(OfSubject),
    responses((status = 200, body = Vec<Grant>), (status = 401, body = agw_api::ErrorBody))
)]
pub(super) async fn list(
    State(gateway): State<Arc<Gateway>>,
    _: Signed,
    query: Result<Query<OfSubject>, QueryRejection>,
) -> Result<Json<Vec<Grant>>, AdminError> {
    let Query(OfSubject { subject }) = query?;
    let grants = gateway
        .reader
        .run(move |db| {
            let known = subject.as_deref().map(|subject| rows::subject(db, subject)).transpose();
            Ok(match known {
                Err(missing) => Err(missing),
                Ok(_) => Ok(rows::grants(db, None)?
                    .into_iter()
                    .filter(|grant| {
                        subject.as_ref().is_none_or(|s| s.eq_ignore_ascii_case(&grant.subject))
                    })
                    .collect()),
            })
        })
        .await??;
    Ok(Json(grants))
}

/// Set what a subject may do with a tool. There is one grant per subject and
/// tool pattern: the same again changes nothing, another effect replaces it.
#[utoipa::path(
    post, path = "/api/v1/grants", operation_id = "add_grant", tag = "grants", request_body = NewGrant,
    responses(
        (status = 201, body = Grant),
        (status = 200, description = "It was there already, or had the other effect", body = Grant),
        (status = 404, body = agw_api::ErrorBody),
        (status = 409, body = agw_api::ErrorBody),
        (status = 422, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn add(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
    body: Result<Json<NewGrant>, JsonRejection>,
) -> Result<(StatusCode, Json<Grant>), AdminError> {
    let Json(new) = body?;
    let tool: ToolPattern =
        new.tool.parse().map_err(|e: agw_core::NameError| AdminError::invalid(e.to_string()))?;
    let actor = signed.user;
    let (status, grant) = gateway
        .writer
        .change(move |change| {
            let (db, now) = (change.db, clock::now_ms());
            let subject = rows::subject(db, &new.subject)?;
            let (user, team, agent) = columns(subject);
            let effect = word(new.effect);
            let existing: Option<(u64, String)> = db
                .query_row(
                    "SELECT id, effect FROM grants
                     WHERE ifnull(user, 0) = ifnull(?1, 0) AND ifnull(team, 0) = ifnull(?2, 0)
                       AND ifnull(agent, 0) = ifnull(?3, 0) AND tool = ?4",
                    params![user, team, agent, tool.to_string()],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()?;
            let seen = existing.as_ref().map(|(id, _)| rows::grant(db, GrantId::new(*id)));
            let current = seen.transpose()?.flatten();
            let actual = current.as_ref().map_or(0, |grant| grant.version);
            rows::check_version(new.version, actual, "the grant", &current)?;
            let (id, status) = match existing {
                Some((id, before)) => {
                    if before != effect {
                        db.execute(
                            "UPDATE grants SET effect = ?2, version = version + 1 WHERE id = ?1",
                            params![id, effect],
                        )?;
                    }
                    (id, StatusCode::OK)
                }
                None => {
                    db.execute(
                        "INSERT INTO grants (user, team, agent, tool, effect, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                        params![user, team, agent, tool.to_string(), effect, now],
                    )?;
                    (u64::try_from(db.last_insert_rowid()).unwrap_or(0), StatusCode::CREATED)
                }
            };
            let id = GrantId::new(id);
            let detail = format!("{id}: {} {tool} {effect}", new.subject);
            change.audit(Record::config(now, actor, "granted", detail));
            let grant = rows::grant(db, id)?;
            let grant = grant.ok_or_else(|| AdminError::internal("the grant's row is missing"))?;
            Ok::<_, AdminError>((status, grant))
        })
        .await?;
    Ok((status, Json(grant)))
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
    signed: Signed,
    Path(id): Path<String>,
    expected: Result<Query<Expected>, QueryRejection>,
) -> Result<StatusCode, AdminError> {
    let Query(Expected { version }) = expected?;
    let grant: GrantId =
        id.parse().map_err(|e: agw_core::IdError| AdminError::invalid(e.to_string()))?;
    let actor = signed.user;
    gateway
        .writer
        .change(move |change| {
            let current = rows::grant(change.db, grant)?.ok_or_else(|| {
                AdminError::new(
                    codes::NOT_FOUND,
                    format!("there is no grant {id}"),
                    "see `agw grants`",
                )
            })?;
            rows::check_version(version, current.version, "the grant", &current)?;
            change.db.execute("DELETE FROM grants WHERE id = ?1", [grant.get()])?;
            let detail =
                format!("{id}: {} {} {}", current.subject, current.tool, word(current.effect));
            change.audit(Record::config(clock::now_ms(), actor, "grant_revoked", detail));
            Ok::<_, AdminError>(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn columns(subject: Subject) -> (Option<u64>, Option<u64>, Option<u64>) {
    match subject {
        Subject::User(id) => (Some(id.get()), None, None),
        Subject::Team(id) => (None, Some(id.get()), None),
        Subject::Agent(id) => (None, None, Some(id.get())),
    }
}

fn word(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "allow",
        Effect::Deny => "deny",
    }
}
