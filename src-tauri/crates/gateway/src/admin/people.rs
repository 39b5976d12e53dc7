//! Users, and their own tokens and passwords.

use std::{collections::BTreeSet, sync::Arc};

use agw_api::{EditUser, NewUser, Role, SetPassword, TokenCreated, User};
use agw_core::{MintedToken, PersonName, TokenKind, UserId};
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

use super::{Admin, AdminError, Signed, connections::Expected, session, teams::touched};
use crate::{
    audit::Record,
    clock,
    gateway::Gateway,
    store::{StoreError, rows},
};

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
            let (user, detail) = insert(db, &name, role, team.as_slice(), now)?;
            change.audit(Record::config(now, actor, "user_added", detail));
            one_user(db, user)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(user)))
}

/// A new user with what the trail says of them. There is nobody of that name.
pub(super) fn insert(
    db: &Connection,
    name: &PersonName,
    role: Role,
    teams: &[PersonName],
    now: i64,
) -> Result<(UserId, String), AdminError> {
    db.execute(
        "INSERT INTO users (name, role, created_at) VALUES (?1, ?2, ?3)",
        params![name.as_str(), rows::role_word(role), now],
    )?;
    let user = rows::user_id(db, name.as_str())?;
    let mut detail = format!("{name}, {}", rows::role_word(role));
    for team in teams {
        join(db, user, team, now)?;
        detail = format!("{detail}, in team {team}");
    }
    Ok((user, detail))
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
        "DELETE FROM refresh_tokens WHERE agent IN (SELECT id FROM agents WHERE user = ?1)",
        "DELETE FROM memberships WHERE user = ?1",
        "DELETE FROM accounts WHERE user = ?1",
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
            let before: BTreeSet<&str> = current.teams.iter().map(String::as_str).collect();
            let after = teams.iter().map(PersonName::as_str).collect();
            for team in before.symmetric_difference(&after) {
                touched(db, rows::team_id(db, team)?)?;
            }
            let names: Vec<&str> = teams.iter().map(PersonName::as_str).collect();
            detail = format!("{detail}, teams: {}", names.join(", "));
        }
        db.execute("UPDATE users SET version = version + 1 WHERE id = ?1", [user.get()])?;
        change.audit(Record::config(now, admin.user, "user_edited", detail));
        one_user(db, user)
    });
    Ok(Json(edited.await?))
}

/// Puts a user into a team, which is made if there is none of that name.
fn join(db: &Connection, user: UserId, team: &PersonName, now: i64) -> Result<(), AdminError> {
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

pub(crate) fn mint(kind: TokenKind) -> Result<MintedToken, AdminError> {
    MintedToken::mint(kind, getrandom::fill).map_err(|e| AdminError::internal(e.to_string()))
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

/// A column that holds a JSON array of texts.
pub(super) fn names(row: &Row<'_>, column: &str) -> Result<Vec<String>, StoreError> {
    let text: Option<String> = row.get(column)?;
    serde_json::from_str(text.as_deref().unwrap_or("[]"))
        .map_err(|e| StoreError::Damaged(format!("{column}: {e}")))
}
