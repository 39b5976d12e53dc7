//! Users, teams, agents and their tokens.

use std::sync::Arc;

use agw_api::{Agent, AgentCreated, NewAgent, NewUser, Team, TokenCreated, User};
use agw_core::{AgentId, MintedToken, TeamId, TokenKind, ToolPattern, UserId};
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

use super::{AdminError, Signed, connections::Expected};
use crate::{
    audit::Record,
    clock,
    gateway::Gateway,
    store::{StoreError, rows},
};

/// Most tool patterns in one agent's scope.
const SCOPE_MAX: usize = 1_000;
/// Longest life of a sub-token: ten years.
const TTL_MAX: u64 = 10 * 365 * 24 * 3600;

/// All users.
#[utoipa::path(
    get, path = "/api/v1/users", tag = "people",
    responses((status = 200, body = Vec<User>), (status = 401, body = agw_api::ErrorBody))
)]
pub(super) async fn list_users(
    State(gateway): State<Arc<Gateway>>,
    _: Signed,
) -> Result<Json<Vec<User>>, AdminError> {
    Ok(Json(gateway.reader.run(|db| users(db, None)).await?))
}

/// Add a user, and their team if it is new.
#[utoipa::path(
    post, path = "/api/v1/users", tag = "people", request_body = NewUser,
    responses(
        (status = 201, body = User),
        (status = 409, body = agw_api::ErrorBody),
        (status = 422, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn add_user(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
    body: Result<Json<NewUser>, JsonRejection>,
) -> Result<(StatusCode, Json<User>), AdminError> {
    let Json(new) = body?;
    let name = rows::person_name(&new.name)?;
    let team = new.team.as_deref().map(rows::person_name).transpose()?;
    let actor = signed.user;
    let user = gateway
        .writer
        .change(move |change| {
            let (db, now) = (change.db, clock::now_ms());
            if rows::user_id(db, name.as_str()).is_ok() {
                return Err(AdminError::exists("user", name.as_str()));
            }
            db.execute(
                "INSERT INTO users (name, admin, created_at) VALUES (?1, 0, ?2)",
                params![name.as_str(), now],
            )?;
            let user = rows::user_id(db, name.as_str())?;
            let mut detail = name.to_string();
            if let Some(team) = team {
                db.execute(
                    "INSERT INTO teams (name, created_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                    params![team.as_str(), now],
                )?;
                let id = rows::team_id(db, team.as_str())?;
                db.execute(
                    "INSERT INTO memberships VALUES (?1, ?2)",
                    params![user.get(), id.get()],
                )?;
                detail = format!("{name} in team {team}");
            }
            change.audit(Record::config(now, actor, "user_added", detail));
            one_user(db, user)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(user)))
}

/// Remove a user with their agents, tokens, grants and sessions.
#[utoipa::path(
    delete, path = "/api/v1/users/{name}", tag = "people",
    params(("name" = String, Path), Expected),
    responses(
        (status = 204),
        (status = 404, body = agw_api::ErrorBody),
        (status = 409, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn remove_user(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
    Path(name): Path<String>,
    expected: Result<Query<Expected>, QueryRejection>,
) -> Result<StatusCode, AdminError> {
    let Query(Expected { version }) = expected?;
    let actor = signed.user;
    let removed = gateway
        .writer
        .change(move |change| {
            let (db, now) = (change.db, clock::now_ms());
            let user = rows::user_id(db, &name)?;
            let current = one_user(db, user)?;
            rows::check_version(version, current.version, "the user", &current)?;
            let admins: u64 = db.query_row(
                "SELECT count(*) FROM users WHERE admin AND removed_at IS NULL AND id <> ?1",
                [user.get()],
                |row| row.get(0),
            )?;
            if admins == 0 {
                return Err(AdminError::invalid("the last admin cannot be removed"));
            }
            for sql in [
                "UPDATE tokens SET revoked_at = ?2 WHERE user = ?1 AND revoked_at IS NULL",
                "UPDATE agents SET removed_at = ?2 WHERE user = ?1 AND removed_at IS NULL",
                "UPDATE users SET removed_at = ?2, password = NULL WHERE id = ?1",
            ] {
                db.execute(sql, params![user.get(), now])?;
            }
            for sql in [
                "DELETE FROM grants WHERE user = ?1 OR agent IN (SELECT id FROM agents WHERE user = ?1)",
                "DELETE FROM memberships WHERE user = ?1",
                "DELETE FROM sessions WHERE user = ?1",
            ] {
                db.execute(sql, [user.get()])?;
            }
            change.audit(Record::config(now, actor, "user_removed", name));
            Ok(user)
        })
        .await?;
    gateway.staff.end_all(removed);
    Ok(StatusCode::NO_CONTENT)
}

/// Issue a user's own token; the one before is revoked.
#[utoipa::path(
    post, path = "/api/v1/users/{name}/token", tag = "people",
    params(("name" = String, Path)),
    responses((status = 201, body = TokenCreated), (status = 404, body = agw_api::ErrorBody))
)]
pub(super) async fn issue_user_token(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
    Path(name): Path<String>,
) -> Result<(StatusCode, Json<TokenCreated>), AdminError> {
    let token = mint(TokenKind::User)?;
    let (hash, actor) = (token.hash(), signed.user);
    gateway
        .writer
        .change(move |change| {
            let (db, now) = (change.db, clock::now_ms());
            let user = rows::user_id(db, &name)?;
            db.execute(
                "UPDATE tokens SET revoked_at = ?2 WHERE user = ?1 AND agent IS NULL AND revoked_at IS NULL",
                params![user.get(), now],
            )?;
            db.execute(
                "INSERT INTO tokens (hash, user, created_at) VALUES (?1, ?2, ?3)",
                params![hash.as_bytes(), user.get(), now],
            )?;
            change.audit(Record::config(now, actor, "user_token_issued", name));
            Ok::<_, AdminError>(())
        })
        .await?;
    Ok((StatusCode::CREATED, Json(TokenCreated { token: token.expose().to_owned() })))
}

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
    if new.scope.len() > SCOPE_MAX {
        return Err(AdminError::invalid(format!("a scope has at most {SCOPE_MAX} patterns")));
    }
    for pattern in &new.scope {
        let parsed: Result<ToolPattern, _> = pattern.parse();
        parsed.map_err(|e| AdminError::invalid(e.to_string()))?;
    }
    if new.ttl_seconds.is_some_and(|ttl| !(1..=TTL_MAX).contains(&ttl)) {
        return Err(AdminError::invalid("the TTL must be between a second and ten years"));
    }
    let token = mint(TokenKind::Agent)?;
    let (hash, actor) = (token.hash(), signed.user);
    let agent = gateway
        .writer
        .change(move |change| {
            let (db, now) = (change.db, clock::now_ms());
            let user = rows::user_id(db, &owner)?;
            if rows::agent_id(db, user, name.as_str()).is_ok() {
                return Err(AdminError::exists("agent", name.as_str()));
            }
            let ttl = new.ttl_seconds.and_then(|ttl| i64::try_from(ttl).ok());
            let scope = serde_json::to_string(&new.scope)
                .map_err(|e| AdminError::internal(e.to_string()))?;
            db.execute(
                "INSERT INTO agents (user, name, scope, expires_at, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![user.get(), name.as_str(), scope, ttl.map(|ttl| now + ttl * 1_000), now],
            )?;
            let agent = rows::agent_id(db, user, name.as_str())?;
            db.execute(
                "INSERT INTO tokens (hash, user, agent, created_at) VALUES (?1, ?2, ?3, ?4)",
                params![hash.as_bytes(), user.get(), agent.get(), now],
            )?;
            let scope = if new.scope.is_empty() { "*".to_owned() } else { new.scope.join(" ") };
            let detail = format!("{owner}/{name}, scope {scope}");
            change.audit(Record::config(now, actor, "agent_added", detail));
            one_agent(db, agent)
        })
        .await?;
    let created = AgentCreated { agent, token: token.expose().to_owned() };
    Ok((StatusCode::CREATED, Json(created)))
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
            let agent = rows::agent_id(db, rows::user_id(db, &owner)?, &name)?;
            let current = one_agent(db, agent)?;
            rows::check_version(version, current.version, "the agent", &current)?;
            for sql in [
                "UPDATE tokens SET revoked_at = ?2 WHERE agent = ?1 AND revoked_at IS NULL",
                "UPDATE agents SET removed_at = ?2 WHERE id = ?1",
            ] {
                db.execute(sql, params![agent.get(), now])?;
            }
            db.execute("DELETE FROM grants WHERE agent = ?1", [agent.get()])?;
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

/// All agents, or one user's.
#[utoipa::path(
    get, path = "/api/v1/agents", tag = "people", params(OfUser),
    responses((status = 200, body = Vec<Agent>), (status = 404, body = agw_api::ErrorBody))
)]
pub(super) async fn list_agents(
    State(gateway): State<Arc<Gateway>>,
    _: Signed,
    query: Result<Query<OfUser>, QueryRejection>,
) -> Result<Json<Vec<Agent>>, AdminError> {
    let Query(OfUser { user }) = query?;
    // Counters are written a moment behind the calls.
    gateway.writer.flush().await?;
    let agents = gateway
        .reader
        .run(move |db| {
            let user = user.map(|name| rows::user_id(db, &name));
            Ok(match user {
                Some(Err(missing)) => Err(missing),
                Some(Ok(user)) => Ok(agents(db, Some(user), None)?),
                None => Ok(agents(db, None, None)?),
            })
        })
        .await??;
    Ok(Json(agents))
}

/// All teams.
#[utoipa::path(
    get, path = "/api/v1/teams", tag = "people",
    responses((status = 200, body = Vec<Team>), (status = 401, body = agw_api::ErrorBody))
)]
pub(super) async fn list_teams(
    State(gateway): State<Arc<Gateway>>,
    _: Signed,
) -> Result<Json<Vec<Team>>, AdminError> {
    let teams = gateway.reader.run(|db| {
        let mut select = db.prepare_cached(
            "SELECT t.id, t.name, t.version, json_group_array(u.name ORDER BY u.name) FILTER (WHERE u.name IS NOT NULL) AS members
             FROM teams t LEFT JOIN memberships m ON m.team = t.id LEFT JOIN users u ON u.id = m.user
             GROUP BY t.id ORDER BY t.name",
        )?;
        let rows = select.query_and_then([], |row| {
            Ok(Team {
                id: TeamId::new(row.get("id")?).to_string(),
                name: row.get("name")?,
                members: names(row, "members")?,
                version: row.get("version")?,
            })
        })?;
        rows.collect()
    });
    Ok(Json(teams.await?))
}

fn mint(kind: TokenKind) -> Result<MintedToken, AdminError> {
    MintedToken::mint(kind, getrandom::fill).map_err(|e| AdminError::internal(e.to_string()))
}

fn users(db: &Connection, only: Option<UserId>) -> Result<Vec<User>, StoreError> {
    let mut select = db.prepare_cached(
        "SELECT u.id, u.name, u.admin, u.version, u.created_at,
                (SELECT json_group_array(t.name ORDER BY t.name) FROM memberships m JOIN teams t ON t.id = m.team WHERE m.user = u.id) AS teams,
                EXISTS (SELECT 1 FROM tokens k WHERE k.user = u.id AND k.agent IS NULL AND k.revoked_at IS NULL) AS has_token,
                (SELECT count(*) FROM agents a WHERE a.user = u.id AND a.removed_at IS NULL) AS agents
         FROM users u WHERE u.removed_at IS NULL AND (?1 IS NULL OR u.id = ?1) ORDER BY u.name",
    )?;
    let rows = select.query_and_then([only.map(UserId::get)], |row| {
        Ok(User {
            id: UserId::new(row.get("id")?).to_string(),
            name: row.get("name")?,
            admin: row.get("admin")?,
            teams: names(row, "teams")?,
            has_token: row.get("has_token")?,
            agents: row.get("agents")?,
            version: row.get("version")?,
            created_at: rows::time(row, "created_at")?,
        })
    })?;
    rows.collect()
}

fn one_user(db: &Connection, id: UserId) -> Result<User, AdminError> {
    users(db, Some(id))?.pop().ok_or_else(|| AdminError::internal("the user's row is missing"))
}

fn agents(
    db: &Connection,
    user: Option<UserId>,
    only: Option<AgentId>,
) -> Result<Vec<Agent>, StoreError> {
    let mut select = db.prepare_cached(
        "SELECT a.id, u.name AS user, a.name, a.scope, a.expires_at, a.uses, a.last_used_at, a.version, a.created_at
         FROM agents a JOIN users u ON u.id = a.user
         WHERE a.removed_at IS NULL AND (?1 IS NULL OR a.user = ?1) AND (?2 IS NULL OR a.id = ?2)
         ORDER BY u.name, a.name",
    )?;
    let rows =
        select.query_and_then(params![user.map(UserId::get), only.map(AgentId::get)], |row| {
            let time = |column| {
                row.get::<_, Option<i64>>(column).map(|ms| ms.map(crate::audit::record::rfc3339))
            };
            Ok(Agent {
                id: AgentId::new(row.get("id")?).to_string(),
                user: row.get("user")?,
                name: row.get("name")?,
                scope: names(row, "scope")?,
                expires_at: time("expires_at")?,
                uses: row.get("uses")?,
                last_used_at: time("last_used_at")?,
                version: row.get("version")?,
                created_at: rows::time(row, "created_at")?,
            })
        })?;
    rows.collect()
}

fn one_agent(db: &Connection, id: AgentId) -> Result<Agent, AdminError> {
    let mut found = agents(db, None, Some(id))?;
    found.pop().ok_or_else(|| AdminError::internal("the agent's row is missing"))
}

/// A column that holds a JSON array of texts.
fn names(row: &Row<'_>, column: &str) -> Result<Vec<String>, StoreError> {
    let text: Option<String> = row.get(column)?;
    serde_json::from_str(text.as_deref().unwrap_or("[]"))
        .map_err(|e| StoreError::Damaged(format!("{column}: {e}")))
}
