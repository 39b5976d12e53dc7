//! The service as a whole.

use std::sync::Arc;

use agw_api::{Health, PauseRequest, Role, Status, codes};
use agw_core::UserId;
use agw_vault::MasterKeySource;
use axum::{Json, body::Bytes, extract::State, http::StatusCode};
use rusqlite::{Connection, params};
use serde::Deserialize as _;
use serde_json::Value;

use super::{Admin, AdminError, Signed};
use crate::{
    audit::{Kind, Record, record::rfc3339},
    clock,
    door::{Door, Site},
    gateway::Gateway,
    store::{rows, snapshot::Snapshot},
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

/// State and counts. A member is not told what is paused of others, nor where
/// the gateway and its master key are and what became of it.
#[utoipa::path(
    get, path = "/api/v1/status", tag = "service",
    responses((status = 200, body = Status), (status = 401, body = agw_api::ErrorBody))
)]
pub(super) async fn status(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
    door: Door,
) -> Json<Status> {
    let mut status = Status { approvals: waiting(&gateway, &signed), ..read_status(&gateway) };
    if let (Site::Shared, Some(shared)) = (door.site(), &status.shared_url) {
        status.url.clone_from(shared);
    }
    if signed.role != Role::Member {
        return Json(status);
    }
    let paused = paused_of(&gateway.live.snapshot.load(), signed.user);
    let (program, master_key, sealed_reason, audit_alarm) = (None, None, None, None);
    let changed_tools = 0;
    Json(Status {
        paused,
        program,
        master_key,
        sealed_reason,
        audit_alarm,
        changed_tools,
        ..status
    })
}

/// Of what is paused by itself, what is a member's: themself and their agents.
fn paused_of(snapshot: &Snapshot, user: UserId) -> Vec<String> {
    let Some(person) = snapshot.users.get(&user) else { return Vec::new() };
    let agents = snapshot.agents.values();
    let agents = agents.filter(|agent| agent.user == user && agent.paused && !agent.removed);
    let agents = agents.map(|agent| format!("{}/{}", person.name, agent.name));
    let mut paused: Vec<String> =
        person.paused.then(|| person.name.clone()).into_iter().chain(agents).collect();
    paused.sort();
    paused
}

/// Refuse calls from now on: all, or those of a user, an agent or a connection.
/// Calls that are held for a person end; what is forwarded already runs on.
#[utoipa::path(
    post, path = "/api/v1/pause", tag = "service", request_body = Option<PauseRequest>,
    responses(
        (status = 200, body = Status),
        (status = 401, body = agw_api::ErrorBody),
        (status = 404, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn pause(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    body: Bytes,
) -> Result<Json<Status>, AdminError> {
    set_paused(&gateway, &admin, &body, true).await
}

/// Take calls again.
#[utoipa::path(
    post, path = "/api/v1/resume", tag = "service", request_body = Option<PauseRequest>,
    responses(
        (status = 200, body = Status),
        (status = 401, body = agw_api::ErrorBody),
        (status = 404, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn resume(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    body: Bytes,
) -> Result<Json<Status>, AdminError> {
    set_paused(&gateway, &admin, &body, false).await
}

/// Stop the service; calls under way get a few seconds to end.
#[utoipa::path(
    post, path = "/api/v1/shutdown", tag = "service",
    responses((status = 204), (status = 401, body = agw_api::ErrorBody))
)]
pub(super) async fn shutdown(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
) -> Result<StatusCode, AdminError> {
    gateway.service_record("stopping", Some(admin.user), String::new()).await?;
    gateway.stop.cancel();
    Ok(StatusCode::NO_CONTENT)
}

async fn set_paused(
    gateway: &Gateway,
    admin: &Admin,
    body: &[u8],
    paused: bool,
) -> Result<Json<Status>, AdminError> {
    let subject = if body.is_empty() {
        None
    } else {
        // serde takes `[]` for an object whose members are all left out.
        let object = serde_json::from_slice::<serde_json::Map<_, _>>(body);
        let request = object.and_then(|object| PauseRequest::deserialize(Value::Object(object)));
        let request = request.map_err(|e| {
            let next = "send {\"subject\": \"USER/AGENT\"}, or no body for all agents";
            AdminError::new(codes::BAD_REQUEST, e.to_string(), next)
        })?;
        request.subject
    };
    let user = admin.user;
    gateway
        .writer
        .change(move |change| {
            let mut record = Record::new(Kind::Service, clock::now_ms());
            match subject {
                None => rows::set_meta(change.db, rows::PAUSED, if paused { "1" } else { "0" })?,
                Some(subject) => {
                    let (table, id) = pausable(change.db, &subject)?;
                    // Whoever edits the row meanwhile changes nothing of this.
                    let sql = format!("UPDATE {table} SET paused = ?2 WHERE id = ?1");
                    change.db.execute(&sql, params![id, paused])?;
                    record.detail = Some(subject);
                }
            }
            record.status = Some(if paused { "paused" } else { "resumed" });
            record.user = Some(user);
            change.audit(record);
            Ok::<_, AdminError>(())
        })
        .await?;
    Ok(Json(read_status(gateway)))
}

/// The row that a person means: `USER`, `USER/AGENT` or `CONNECTION`.
fn pausable(db: &Connection, subject: &str) -> Result<(&'static str, u64), AdminError> {
    let connection = |name: &str| rows::connection_id(db, name).map(|id| ("connections", id.get()));
    let user = |name: &str| rows::user_id(db, name).map(|id| ("users", id.get()));
    if let Some(name) = subject.strip_prefix("connection:") {
        return connection(name);
    }
    if let Some(name) = subject.strip_prefix("user:") {
        return user(name);
    }
    if let Some((owner, agent)) = subject.split_once('/') {
        let id = rows::agent_id(db, rows::user_id(db, owner)?, agent)?;
        return Ok(("agents", id.get()));
    }
    match (user(subject), connection(subject)) {
        (Ok(_), Ok(_)) => {
            let message = format!("{subject:?} is a user and a connection");
            let next = format!("say user:{subject} or connection:{subject}");
            Err(AdminError::new(codes::INVALID, message, next))
        }
        (Ok(found), Err(_)) | (Err(_), Ok(found)) => Ok(found),
        (Err(_), Err(_)) => {
            let next = "see `agw user list`, `agw agent list` and `agw connection list`";
            Err(AdminError::not_found("user, agent or connection", subject, next))
        }
    }
}

/// Approvals that wait for this person, or for somebody.
fn waiting(gateway: &Gateway, signed: &Signed) -> u32 {
    let waiting = gateway.approvals.pending(|user| signed.sees(user));
    u32::try_from(waiting).unwrap_or(u32::MAX)
}

pub(super) fn read_status(gateway: &Gateway) -> Status {
    let snapshot = gateway.live.snapshot.load();
    let catalog = gateway.live.catalog.load();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Status {
        state: gateway.state(),
        version: env!("CARGO_PKG_VERSION").into(),
        url: gateway.url.clone(),
        shared_url: gateway.sharing.url(),
        started_at: rfc3339(gateway.started_at),
        program: std::env::current_exe().ok().map(|path| path.display().to_string()),
        master_key: snapshot.set_up.then(|| gateway.master_key.to_string()),
        sealed_reason: gateway.sealed_reason(),
        connections: count(snapshot.connections.len()),
        users: count(snapshot.users.values().filter(|user| !user.removed).count()),
        agents: count(snapshot.agents.values().filter(|agent| !agent.removed).count()),
        grants: count(snapshot.grants),
        audit_head: gateway.writer.head(),
        unrecorded_reason: gateway.writer.failure(),
        audit_alarm: gateway.alarm().map(|alarm| alarm.message.clone()),
        paused: snapshot.paused_by_themselves(),
        approvals: count(gateway.approvals.pending(|_| true)),
        changed_tools: count(
            catalog.by_id.values().filter(|tool| snapshot.pins.keep_back(tool)).count(),
        ),
    }
}
