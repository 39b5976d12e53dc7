//! The agents of users, and their sub-tokens.

use std::sync::Arc;

use agw_api::{Agent, AgentCreated, AgentSignIn, EditAgent, NewAgent, Role};
use agw_core::{AgentId, TokenKind, ToolPattern, UserId};
use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
    http::StatusCode,
};
use rusqlite::{Connection, Row, params};
use serde::Deserialize;

use super::{
    AdminError, Signed,
    connections::Expected,
    people::{mint, names},
    times,
};
use crate::{
    audit::Record,
    bounds, clock,
    gateway::Gateway,
    store::{StoreError, rows, writer::Change},
};

/// Most tool patterns in one agent's scope.
const SCOPE_MAX: usize = 1_000;
/// Most calls that a limited sub-token is good for.
const USES_MAX: u64 = 1_000_000_000;
/// Longest life of a sub-token: ten years.
const TTL_MAX: u64 = 10 * 365 * 24 * 3600;

/// Give a user a new agent and its sub-token.
#[utoipa::path(
    post, path = "/api/v1/users/{name}/agents", tag = "people",
    params(("name" = String, Path)), request_body = NewAgent,
    responses(
        (status = 201, body = AgentCreated),
        (status = 404, body = agw_api::ErrorBody),
        (status = 409, body = agw_api::ErrorBody),
        (status = 422, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn add_agent(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
    Path(owner): Path<String>,
    body: Result<Json<NewAgent>, JsonRejection>,
) -> Result<(StatusCode, Json<AgentCreated>), AdminError> {
    let Json(new) = body?;
    let name = rows::person_name(&new.name)?;
    checked_scope(&new.scope)?;
    let client_timeout = checked_limits(new.max_uses, new.client_timeout_seconds)?;
    if new.ttl_seconds.is_some_and(|ttl| !(1..=TTL_MAX).contains(&ttl)) {
        return Err(AdminError::invalid("the TTL must be between a second and ten years"));
    }
    let ttl = new.ttl_seconds.and_then(|ttl| i64::try_from(ttl).ok());
    let expires_at = ttl.map(|ttl| gateway.live.clock.now_ms().saturating_add(ttl * 1_000));
    let token = mint(TokenKind::Agent)?;
    let (hash, actor) = (token.hash(), signed.user);
    let agent = gateway
        .writer
        .change(move |change| {
            let (db, now) = (change.db, clock::now_ms());
            let user = signed.owner(db, &owner)?;
            let row = NewRow {
                name: name.as_str(),
                scope: &new.scope,
                expires_at,
                max_uses: new.max_uses,
                client_timeout,
                how: "",
            };
            let agent = insert(change, (user, &owner), actor, &row)?;
            db.execute(
                "INSERT INTO tokens (hash, user, agent, created_at) VALUES (?1, ?2, ?3, ?4)",
                params![hash.as_bytes(), user.get(), agent.get(), now],
            )?;
            one_agent(db, agent)
        })
        .await?;
    let created = AgentCreated { agent, token: token.expose().to_owned() };
    Ok((StatusCode::CREATED, Json(created)))
}

/// An agent that is about to be made.
pub(crate) struct NewRow<'a> {
    pub(crate) name: &'a str,
    pub(crate) scope: &'a [String],
    /// Milliseconds since 1970.
    pub(crate) expires_at: Option<i64>,
    pub(crate) max_uses: Option<u64>,
    pub(crate) client_timeout: u32,
    /// For the record: how it came about, if not by an administrator's hand.
    pub(crate) how: &'a str,
}

/// Makes an agent of `user` and records who did it; its token is the
/// caller's to make.
pub(crate) fn insert(
    change: &Change<'_>,
    (user, owner): (UserId, &str),
    actor: UserId,
    new: &NewRow<'_>,
) -> Result<AgentId, AdminError> {
    let (db, now) = (change.db, clock::now_ms());
    if rows::agent_id(db, user, new.name).is_ok() {
        return Err(AdminError::exists("agent", new.name));
    }
    let sql = "SELECT count(*) FROM agents WHERE user = ?1 AND removed_at IS NULL";
    let count: u64 = db.query_row(sql, [user.get()], |row| row.get(0))?;
    if count >= bounds::AGENTS_PER_PERSON {
        let most = bounds::AGENTS_PER_PERSON;
        return Err(AdminError::invalid(format!("one person has at most {most} agents")));
    }
    db.execute(
        "INSERT INTO agents (user, name, scope, expires_at, max_uses, client_timeout, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            user.get(),
            new.name,
            checked_scope(new.scope)?,
            new.expires_at,
            new.max_uses,
            new.client_timeout,
            now
        ],
    )?;
    let scope = scope_text(new.scope);
    let detail = format!("{owner}/{}, scope {scope}{}", new.name, new.how);
    change.audit(Record::config(now, actor, "agent_added", detail));
    rows::agent_id(db, user, new.name)
}

/// As records say it.
pub(crate) fn scope_text(scope: &[String]) -> String {
    if scope.is_empty() { "*".to_owned() } else { scope.join(" ") }
}

/// Replace an agent's scope, expiry and limits; its sub-token stays.
#[utoipa::path(
    put, path = "/api/v1/users/{name}/agents/{agent}", tag = "people",
    params(("name" = String, Path), ("agent" = String, Path)), request_body = EditAgent,
    responses(
        (status = 200, body = Agent),
        (status = 404, body = agw_api::ErrorBody),
        (status = 409, body = agw_api::ErrorBody),
        (status = 422, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn edit_agent(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
    Path((owner, name)): Path<(String, String)>,
    body: Result<Json<EditAgent>, JsonRejection>,
) -> Result<Json<Agent>, AdminError> {
    let Json(edit) = body?;
    let scope = checked_scope(&edit.scope)?;
    let client_timeout = checked_limits(edit.max_uses, edit.client_timeout_seconds)?;
    let from = gateway.live.clock.now_ms();
    let edited = gateway.writer.change(move |change| {
        let db = change.db;
        let user = signed.owner(db, &owner)?;
        let agent = rows::agent_id(db, user, &name)?;
        let current = one_agent(db, agent)?;
        rows::check_version(Some(edit.version), current.version, "the agent", &current)?;
        let sql = "SELECT expires_at FROM agents WHERE id = ?1";
        let stored: Option<i64> = db.query_row(sql, [agent.get()], |row| row.get(0))?;
        let expires = edit.expires.as_deref();
        let expires = expires.map(|text| times::expiry(text, from, stored)).transpose()?;
        db.execute(
            "UPDATE agents SET scope = ?2, expires_at = ?3, max_uses = ?4, client_timeout = ?5, version = version + 1
             WHERE id = ?1",
            params![agent.get(), scope, expires, edit.max_uses, client_timeout],
        )?;
        let detail = format!("{owner}/{name}, scope {}", scope_text(&edit.scope));
        change.audit(Record::config(clock::now_ms(), signed.user, "agent_edited", detail));
        one_agent(db, agent)
    });
    Ok(Json(edited.await?))
}

/// The column of a scope.
pub(crate) fn checked_scope(scope: &[String]) -> Result<String, AdminError> {
    if scope.len() > SCOPE_MAX {
        return Err(AdminError::invalid(format!("a scope has at most {SCOPE_MAX} patterns")));
    }
    for pattern in scope {
        let parsed: Result<ToolPattern, _> = pattern.parse();
        parsed.map_err(|e| AdminError::invalid(e.to_string()))?;
    }
    serde_json::to_string(scope).map_err(|e| AdminError::internal(e.to_string()))
}

/// The column of the client's patience.
fn checked_limits(max_uses: Option<u64>, timeout: Option<u32>) -> Result<u32, AdminError> {
    if max_uses.is_some_and(|uses| !(1..=USES_MAX).contains(&uses)) {
        return Err(AdminError::invalid(format!("the uses must be between 1 and {USES_MAX}")));
    }
    let timeout = timeout.unwrap_or(bounds::CLIENT_TIMEOUT);
    let range = bounds::CLIENT_TIMEOUTS;
    if range.contains(&timeout) {
        return Ok(timeout);
    }
    let text = format!("the client's time-out must be {} to {} s", range.start(), range.end());
    Err(AdminError::invalid(text))
}

/// Revoke an agent: its sub-token stops working at once.
#[utoipa::path(
    delete, path = "/api/v1/users/{name}/agents/{agent}", tag = "people",
    params(("name" = String, Path), ("agent" = String, Path), Expected),
    responses(
        (status = 204),
        (status = 404, body = agw_api::ErrorBody),
        (status = 409, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn revoke_agent(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
    Path((owner, name)): Path<(String, String)>,
    expected: Result<Query<Expected>, QueryRejection>,
) -> Result<StatusCode, AdminError> {
    let Query(Expected { version }) = expected?;
    let actor = signed.user;
    gateway
        .writer
        .change(move |change| {
            let (db, now) = (change.db, clock::now_ms());
            let user = signed.owner(db, &owner)?;
            let agent = rows::agent_id(db, user, &name)?;
            let current = one_agent(db, agent)?;
            rows::check_version(version, current.version, "the agent", &current)?;
            for sql in [
                "UPDATE tokens SET revoked_at = ?2 WHERE agent = ?1 AND revoked_at IS NULL",
                "UPDATE agents SET removed_at = ?2 WHERE id = ?1",
            ] {
                db.execute(sql, params![agent.get(), now])?;
            }
            db.execute("DELETE FROM grants WHERE agent = ?1", [agent.get()])?;
            db.execute("DELETE FROM refresh_tokens WHERE agent = ?1", [agent.get()])?;
            let detail = format!("{owner}/{name}");
            change.audit(Record::config(now, actor, "agent_revoked", detail));
            Ok::<_, AdminError>(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OfUser {
    /// Only this user's.
    user: Option<String>,
}

/// All agents, or one user's; a member sees their own.
#[utoipa::path(
    get, path = "/api/v1/agents", tag = "people", params(OfUser),
    responses((status = 200, body = Vec<Agent>), (status = 404, body = agw_api::ErrorBody))
)]
pub(super) async fn list_agents(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
    query: Result<Query<OfUser>, QueryRejection>,
) -> Result<Json<Vec<Agent>>, AdminError> {
    let Query(OfUser { user }) = query?;
    // Counters are written a moment behind the calls.
    gateway.writer.flush().await?;
    let agents = gateway
        .reader
        .run(move |db| {
            let user = match signed.role {
                Role::Member => Some(Ok(signed.user)),
                _ => user.map(|name| rows::user_id(db, &name)),
            };
            Ok(match user {
                Some(Err(missing)) => Err(missing),
                Some(Ok(user)) => Ok(agents(db, Some(user), None)?),
                None => Ok(agents(db, None, None)?),
            })
        })
        .await??;
    Ok(Json(agents))
}

fn agents(
    db: &Connection,
    user: Option<UserId>,
    only: Option<AgentId>,
) -> Result<Vec<Agent>, StoreError> {
    let mut select = db.prepare_cached(
        "SELECT a.id, u.name AS user, a.name, a.scope, a.expires_at, a.uses, a.last_used_at, a.max_uses,
                a.forwarded, a.client_timeout, a.paused, a.version, a.created_at,
                s.name AS client, s.host, s.known, s.at
         FROM agents a JOIN users u ON u.id = a.user LEFT JOIN sign_ins s ON s.agent = a.id
         WHERE a.removed_at IS NULL AND (?1 IS NULL OR a.user = ?1) AND (?2 IS NULL OR a.id = ?2)
         ORDER BY u.name, a.name",
    )?;
    let rows =
        select.query_and_then(params![user.map(UserId::get), only.map(AgentId::get)], |row| {
            Ok(Agent {
                id: AgentId::new(row.get("id")?).to_string(),
                user: row.get("user")?,
                name: row.get("name")?,
                scope: names(row, "scope")?,
                expires_at: rows::maybe_time(row, "expires_at")?,
                uses: row.get("uses")?,
                max_uses: row.get("max_uses")?,
                forwarded: row.get("forwarded")?,
                client_timeout_seconds: row.get("client_timeout")?,
                paused: row.get("paused")?,
                signed_in: signed_in(row)?,
                last_used_at: rows::maybe_time(row, "last_used_at")?,
                version: row.get("version")?,
                created_at: rows::time(row, "created_at")?,
            })
        })?;
    rows.collect()
}

fn signed_in(row: &Row<'_>) -> Result<Option<AgentSignIn>, rusqlite::Error> {
    let Some(client) = row.get("client")? else { return Ok(None) };
    let (host, known) = (row.get("host")?, row.get("known")?);
    Ok(Some(AgentSignIn { client, host, known, since: rows::time(row, "at")? }))
}

fn one_agent(db: &Connection, id: AgentId) -> Result<Agent, AdminError> {
    let mut found = agents(db, None, Some(id))?;
    found.pop().ok_or_else(|| AdminError::internal("the agent's row is missing"))
}
