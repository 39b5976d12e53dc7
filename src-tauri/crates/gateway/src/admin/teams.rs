//! Groups of users.

use std::{collections::BTreeSet, sync::Arc};

use agw_api::{EditTeam, NewTeam, Team};
use agw_core::TeamId;
use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
    http::StatusCode,
};
use rusqlite::{Connection, params};

use super::{Admin, AdminError, Reader, connections::Expected, people::names};
use crate::{
    audit::Record,
    bounds, clock,
    gateway::Gateway,
    store::{StoreError, rows},
};

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

/// Say who is in a team: everybody at once, or nobody of them.
#[utoipa::path(
    put, path = "/api/v1/teams/{name}", tag = "people",
    params(("name" = String, Path)), request_body = EditTeam,
    responses(
        (status = 200, body = Team),
        (status = 404, body = agw_api::ErrorBody),
        (status = 409, body = agw_api::ErrorBody),
        (status = 422, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn edit_team(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    Path(name): Path<String>,
    body: Result<Json<EditTeam>, JsonRejection>,
) -> Result<Json<Team>, AdminError> {
    let Json(EditTeam { members, version }) = body?;
    if members.len() > bounds::TEAM_MEMBERS {
        let most = bounds::TEAM_MEMBERS;
        return Err(AdminError::invalid(format!("a team has at most {most} members")));
    }
    let edited = gateway.writer.change(move |change| {
        let db = change.db;
        let team = rows::team_id(db, &name)?;
        let current = one_team(db, team)?;
        rows::check_version(Some(version), current.version, "the team", &current)?;
        let wanted = members.iter().map(|member| Ok(rows::user_id(db, member)?.get()));
        let wanted: BTreeSet<u64> = wanted.collect::<Result<_, AdminError>>()?;
        let sql = "SELECT user FROM memberships WHERE team = ?1";
        let mut select = db.prepare_cached(sql)?;
        let before = select.query_map([team.get()], |row| row.get(0))?;
        let before: BTreeSet<u64> = before.collect::<Result<_, _>>()?;
        for user in before.difference(&wanted) {
            let sql = "DELETE FROM memberships WHERE team = ?1 AND user = ?2";
            db.execute(sql, params![team.get(), user])?;
        }
        for user in wanted.difference(&before) {
            db.execute("INSERT INTO memberships VALUES (?1, ?2)", params![user, team.get()])?;
        }
        // A user's row names their teams, so theirs has changed, too.
        for user in before.symmetric_difference(&wanted) {
            db.execute("UPDATE users SET version = version + 1 WHERE id = ?1", [user])?;
        }
        touched(db, team)?;
        let now = one_team(db, team)?;
        let detail = format!("{}, members: {}", now.name, now.members.join(", "));
        change.audit(Record::config(clock::now_ms(), admin.user, "team_edited", detail));
        Ok::<_, AdminError>(now)
    });
    Ok(Json(edited.await?))
}

/// A team's row names its members: it is another one when those change.
pub(super) fn touched(db: &Connection, team: TeamId) -> Result<(), StoreError> {
    db.execute("UPDATE teams SET version = version + 1 WHERE id = ?1", [team.get()])?;
    Ok(())
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
