//! Users, teams, agents and their tokens.

use std::sync::Arc;

use agw_api::{
    Agent, AgentCreated, EditAgent, EditUser, NewAgent, NewTeam, NewUser, Role, SetPassword, Team,
    TokenCreated, User,
};
use agw_core::{AgentId, MintedToken, TeamId, TokenKind, ToolPattern, UserId};
use agw_vault::Secret;
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

use super::{Admin, AdminError, Reader, Signed, connections::Expected, session, times};
use crate::{
    audit::Record,
    bounds, clock,
    gateway::Gateway,
    store::{StoreError, rows},
};

/// Most tool patterns in one agent's scope.
const SCOPE_MAX: usize = 1_000;
/// Most calls that a limited sub-token is good for.
const USES_MAX: u64 = 1_000_000_000;
/// Longest life of a sub-token: ten years.
const TTL_MAX: u64 = 10 * 365 * 24 * 3600;

/// All users; a member sees themself.
#[utoipa::path(
    get, path = "/api/v1/users", tag = "people",
    responses((status = 200, body = Vec<User>), (status = 401, body = agw_api::ErrorBody))
)]
pub(super) async fn list_users(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
) -> Result<Json<Vec<User>>, AdminError> {
    let only = (signed.role == Role::Member).then_some(signed.user);
    Ok(Json(gateway.reader.run(move |db| users(db, only)).await?))
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
    admin: Admin,
    body: Result<Json<NewUser>, JsonRejection>,
) -> Result<(StatusCode, Json<User>), AdminError> {
    let Json(new) = body?;
    let name = rows::person_name(&new.name)?;
    let team = new.team.as_deref().map(rows::person_name).transpose()?;
    let role = new.role.unwrap_or(Role::Member);
    let actor = admin.user;
    let user = gateway
        .writer
        .change(move |change| {
            let (db, now) = (change.db, clock::now_ms());
            if rows::user_id(db, name.as_str()).is_ok() {
                return Err(AdminError::exists("user", name.as_str()));
            }
            db.execute(
                "INSERT INTO users (name, role, created_at) VALUES (?1, ?2, ?3)",
                params![name.as_str(), rows::role_word(role), now],
            )?;
            let user = rows::user_id(db, name.as_str())?;
            let mut detail = format!("{name}, {}", rows::role_word(role));
            if let Some(team) = team {
                join(db, user, &team, now)?;
                detail = format!("{detail}, in team {team}");
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
    admin: Admin,
    Path(name): Path<String>,
    expected: Result<Query<Expected>, QueryRejection>,
) -> Result<StatusCode, AdminError> {
    let Query(Expected { version }) = expected?;
    let actor = admin.user;
    // Whoever asked may hang up; the sessions end with the user all the same.
    let removed = tokio::spawn(async move {
        let removed = gateway.writer.change(move |change| {
            let db = change.db;
            let user = rows::user_id(db, &name)?;
            let current = one_user(db, user)?;
            rows::check_version(version, current.version, "the user", &current)?;
            others_administrate(db, user, current.role)?;
            let now = clock::now_ms();
            strike_out(db, user, now)?;
            change.audit(Record::config(now, actor, "user_removed", name));
            Ok::<_, AdminError>(user)
        });
        gateway.staff.end_all(removed.await?, None);
        Ok(StatusCode::NO_CONTENT)
    });
    removed.await.map_err(|_| AdminError::internal("the removal of a user failed"))?
}

/// Takes a user out of everything but the audit trail.
fn strike_out(db: &Connection, user: UserId, now: i64) -> Result<(), rusqlite::Error> {
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
    Ok(())
}

/// Change a user's role or teams.
#[utoipa::path(
    put, path = "/api/v1/users/{name}", tag = "people",
    params(("name" = String, Path)), request_body = EditUser,
    responses(
        (status = 200, body = User),
        (status = 404, body = agw_api::ErrorBody),
        (status = 409, body = agw_api::ErrorBody),
        (status = 422, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn edit_user(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    Path(name): Path<String>,
    body: Result<Json<EditUser>, JsonRejection>,
) -> Result<Json<User>, AdminError> {
    let Json(EditUser { role, teams, version }) = body?;
    let teams = teams
        .map(|teams| {
            teams.iter().map(|team| rows::person_name(team)).collect::<Result<Vec<_>, _>>()
        })
        .transpose()?;
    let edited = gateway.writer.change(move |change| {
        let (db, now) = (change.db, clock::now_ms());
        let user = rows::user_id(db, &name)?;
        let current = one_user(db, user)?;
        rows::check_version(Some(version), current.version, "the user", &current)?;
        let mut detail = name;
        if let Some(role) = role.filter(|role| *role != current.role) {
            others_administrate(db, user, current.role)?;
            let sql = "UPDATE users SET role = ?2 WHERE id = ?1";
            db.execute(sql, params![user.get(), rows::role_word(role)])?;
            detail = format!("{detail}, {}", rows::role_word(role));
        }
        if let Some(teams) = teams {
            db.execute("DELETE FROM memberships WHERE user = ?1", [user.get()])?;
            for team in &teams {
                join(db, user, team, now)?;
            }
            let names: Vec<&str> = teams.iter().map(agw_core::PersonName::as_str).collect();
            detail = format!("{detail}, teams: {}", names.join(", "));
        }
        db.execute("UPDATE users SET version = version + 1 WHERE id = ?1", [user.get()])?;
        change.audit(Record::config(now, admin.user, "user_edited", detail));
        one_user(db, user)
    });
    Ok(Json(edited.await?))
}

/// Puts a user into a team, which is made if there is none of that name.
fn join(
    db: &Connection,
    user: UserId,
    team: &agw_core::PersonName,
    now: i64,
) -> Result<(), AdminError> {
    db.execute(
        "INSERT INTO teams (name, created_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        params![team.as_str(), now],
    )?;
    let team = rows::team_id(db, team.as_str())?;
    db.execute(
        "INSERT INTO memberships VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        params![user.get(), team.get()],
    )?;
    Ok(())
}

/// Refuses to take away the last admin.
fn others_administrate(db: &Connection, user: UserId, role: Role) -> Result<(), AdminError> {
    let others = db
        .prepare_cached(
            "SELECT 1 FROM users WHERE role = 'admin' AND removed_at IS NULL AND password IS NOT NULL AND id <> ?1",
        )?
        .exists([user.get()])?;
    if others || role != Role::Admin {
        return Ok(());
    }
    let next = "make somebody else an admin who can sign in, then try again";
    let message = "this is the last admin, and there must be one";
    Err(AdminError::new(agw_api::codes::INVALID, message, next))
}

/// Give a user a password: with it they can sign in. Their sessions end.
#[utoipa::path(
    put, path = "/api/v1/users/{name}/password", tag = "people",
    params(("name" = String, Path)), request_body = SetPassword,
    responses(
        (status = 204),
        (status = 404, body = agw_api::ErrorBody),
        (status = 422, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn set_password(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    Path(name): Path<String>,
    body: Result<Json<SetPassword>, JsonRejection>,
) -> Result<StatusCode, AdminError> {
    let Json(SetPassword { password }) = body?;
    let password = Secret::new(password);
    let user = gateway.reader.run(move |db| Ok(rows::user_id(db, &name))).await??;
    session::store_password(&gateway, user, password, admin.user, None).await?;
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
    admin: Admin,
    Path(name): Path<String>,
) -> Result<(StatusCode, Json<TokenCreated>), AdminError> {
    let token = mint(TokenKind::User)?;
    let (hash, actor) = (token.hash(), admin.user);
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
    let scope = checked_scope(&new.scope)?;
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
            if rows::agent_id(db, user, name.as_str()).is_ok() {
                return Err(AdminError::exists("agent", name.as_str()));
            }
            db.execute(
                "INSERT INTO agents (user, name, scope, expires_at, max_uses, client_timeout, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    user.get(), name.as_str(), scope, expires_at, new.max_uses, client_timeout, now
                ],
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
        let scope = if edit.scope.is_empty() { "*".to_owned() } else { edit.scope.join(" ") };
        let detail = format!("{owner}/{name}, scope {scope}");
        change.audit(Record::config(clock::now_ms(), signed.user, "agent_edited", detail));
        one_agent(db, agent)
    });
    Ok(Json(edited.await?))
}

/// The column of a scope.
fn checked_scope(scope: &[String]) -> Result<String, AdminError> {
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

/// All teams.
#[utoipa::path(
    get, path = "/api/v1/teams", tag = "people",
    responses((status = 200, body = Vec<Team>), (status = 401, body = agw_api::ErrorBody))
)]
pub(super) async fn list_teams(
    State(gateway): State<Arc<Gateway>>,
    _: Reader,
) -> Result<Json<Vec<Team>>, AdminError> {
    Ok(Json(gateway.reader.run(|db| teams(db, None)).await?))
}

/// Make a team.
#[utoipa::path(
    post, path = "/api/v1/teams", tag = "people", request_body = NewTeam,
    responses(
        (status = 201, body = Team),
        (status = 409, body = agw_api::ErrorBody),
        (status = 422, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn add_team(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    body: Result<Json<NewTeam>, JsonRejection>,
) -> Result<(StatusCode, Json<Team>), AdminError> {
    let Json(NewTeam { name }) = body?;
    let name = rows::person_name(&name)?;
    let made = gateway.writer.change(move |change| {
        let (db, now) = (change.db, clock::now_ms());
        if rows::team_id(db, name.as_str()).is_ok() {
            return Err(AdminError::exists("team", name.as_str()));
        }
        let sql = "INSERT INTO teams (name, created_at) VALUES (?1, ?2)";
        db.execute(sql, params![name.as_str(), now])?;
        change.audit(Record::config(now, admin.user, "team_added", name.to_string()));
        one_team(db, rows::team_id(db, name.as_str())?)
    });
    Ok((StatusCode::CREATED, Json(made.await?)))
}

/// Remove a team with its grants; its members stay.
#[utoipa::path(
    delete, path = "/api/v1/teams/{name}", tag = "people",
    params(("name" = String, Path), Expected),
    responses(
        (status = 204),
        (status = 404, body = agw_api::ErrorBody),
        (status = 409, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn remove_team(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    Path(name): Path<String>,
    expected: Result<Query<Expected>, QueryRejection>,
) -> Result<StatusCode, AdminError> {
    let Query(Expected { version }) = expected?;
    let removed = gateway.writer.change(move |change| {
        let db = change.db;
        let team = rows::team_id(db, &name)?;
        let current = one_team(db, team)?;
        rows::check_version(version, current.version, "the team", &current)?;
        for sql in [
            "DELETE FROM grants WHERE team = ?1",
            "DELETE FROM memberships WHERE team = ?1",
            "DELETE FROM teams WHERE id = ?1",
        ] {
            db.execute(sql, [team.get()])?;
        }
        change.audit(Record::config(clock::now_ms(), admin.user, "team_removed", name));
        Ok::<_, AdminError>(())
    });
    removed.await?;
    Ok(StatusCode::NO_CONTENT)
}

fn mint(kind: TokenKind) -> Result<MintedToken, AdminError> {
    MintedToken::mint(kind, getrandom::fill).map_err(|e| AdminError::internal(e.to_string()))
}

fn teams(db: &Connection, only: Option<TeamId>) -> Result<Vec<Team>, StoreError> {
    let mut select = db.prepare_cached(
        "SELECT t.id, t.name, t.version, json_group_array(u.name ORDER BY u.name) FILTER (WHERE u.name IS NOT NULL) AS members
         FROM teams t LEFT JOIN memberships m ON m.team = t.id LEFT JOIN users u ON u.id = m.user
         WHERE ?1 IS NULL OR t.id = ?1 GROUP BY t.id ORDER BY t.name",
    )?;
    let rows = select.query_and_then([only.map(TeamId::get)], |row| {
        Ok(Team {
            id: TeamId::new(row.get("id")?).to_string(),
            name: row.get("name")?,
            members: names(row, "members")?,
            version: row.get("version")?,
        })
    })?;
    rows.collect()
}

fn one_team(db: &Connection, id: TeamId) -> Result<Team, AdminError> {
    teams(db, Some(id))?.pop().ok_or_else(|| AdminError::internal("the team's row is missing"))
}

fn users(db: &Connection, only: Option<UserId>) -> Result<Vec<User>, StoreError> {
    let mut select = db.prepare_cached(
        "SELECT u.id, u.name, u.role, u.paused, u.password IS NOT NULL AS can_sign_in, u.version, u.created_at,
                (SELECT json_group_array(t.name ORDER BY t.name) FROM memberships m JOIN teams t ON t.id = m.team WHERE m.user = u.id) AS teams,
                EXISTS (SELECT 1 FROM tokens k WHERE k.user = u.id AND k.agent IS NULL AND k.revoked_at IS NULL) AS has_token,
                (SELECT count(*) FROM agents a WHERE a.user = u.id AND a.removed_at IS NULL) AS agents
         FROM users u WHERE u.removed_at IS NULL AND (?1 IS NULL OR u.id = ?1) ORDER BY u.name",
    )?;
    let rows = select.query_and_then([only.map(UserId::get)], |row| {
        Ok(User {
            id: UserId::new(row.get("id")?).to_string(),
            name: row.get("name")?,
            role: rows::role(row)?,
            can_sign_in: row.get("can_sign_in")?,
            paused: row.get("paused")?,
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
        "SELECT a.id, u.name AS user, a.name, a.scope, a.expires_at, a.uses, a.last_used_at, a.max_uses,
                a.forwarded, a.client_timeout, a.paused, a.version, a.created_at
         FROM agents a JOIN users u ON u.id = a.user
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
                last_used_at: rows::maybe_time(row, "last_used_at")?,
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
