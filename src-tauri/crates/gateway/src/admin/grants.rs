//! The rules of the permission map.

use std::sync::Arc;

use agw_api::{Change, ChangedGrant, EditGrant, Effect, Grant, NewGrant, Role, codes};
use agw_core::{Condition, GrantId, Rate, Subject, ToolPattern, json};
use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
    http::StatusCode,
};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Deserialize;

use super::{Admin, AdminError, Signed, connections::Expected, coverage, times};
use crate::{
    audit::Record,
    catalog::Catalog,
    clock,
    gateway::Gateway,
    store::{rows, snapshot::Snapshot, writer},
};

/// Most changes that are made together.
const CHANGES_MAX: usize = 1_000;

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
fn subjects_of(snapshot: &Snapshot, signed: &Signed) -> impl Fn(&str) -> bool + use<> {
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
    let at_hand = Arc::clone(&gateway);
    let made = gateway.writer.change(move |change| {
        Maker { change, gateway: &at_hand, admin: &admin, now: clock::now_ms() }.add(&new)
    });
    let (id, new) = made.await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(one(&gateway, id).await?)))
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
    let id = parse_id(&id)?;
    let at_hand = Arc::clone(&gateway);
    let edited = gateway.writer.change(move |change| {
        Maker { change, gateway: &at_hand, admin: &admin, now: clock::now_ms() }.edit(id, &grant)
    });
    edited.await?;
    Ok(Json(one(&gateway, id).await?))
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
    let id = parse_id(&id)?;
    let at_hand = Arc::clone(&gateway);
    let removed = gateway.writer.change(move |change| {
        Maker { change, gateway: &at_hand, admin: &admin, now: clock::now_ms() }.remove(id, version)
    });
    removed.await?;
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
    let at_hand = Arc::clone(&gateway);
    let made = gateway.writer.change(move |change| {
        let maker = Maker { change, gateway: &at_hand, admin: &admin, now: clock::now_ms() };
        maker.make(&wanted)
    });
    let ids = made.await?;
    let (grants, seen) =
        gateway.reader.run(|db| Ok((rows::grants(db, None)?, coverage::seen(db)?))).await?;
    let ids: Vec<String> = ids.iter().map(GrantId::to_string).collect();
    let made = grants.into_iter().filter(|(grant, _)| ids.contains(&grant.id)).collect();
    Ok(Json(coverage::covered(&gateway, made, &seen)))
}

/// As it is now.
async fn one(gateway: &Gateway, id: GrantId) -> Result<Grant, AdminError> {
    let (grants, seen) = gateway
        .reader
        .run(move |db| Ok((rows::grants(db, Some(id))?, coverage::seen(db)?)))
        .await?;
    let mut covered = coverage::covered(gateway, grants, &seen);
    covered.pop().ok_or_else(|| unknown(id))
}

fn parse_id(id: &str) -> Result<GrantId, AdminError> {
    id.parse().map_err(|e: agw_core::IdError| AdminError::invalid(e.to_string()))
}

fn unknown(id: GrantId) -> AdminError {
    AdminError::new(codes::NOT_FOUND, format!("there is no grant {id}"), "see `agw grants`")
}

/// Makes changes of the permission map, inside one transaction.
pub(super) struct Maker<'a> {
    pub(super) change: &'a writer::Change<'a>,
    pub(super) gateway: &'a Gateway,
    pub(super) admin: &'a Admin,
    /// Milliseconds since 1970.
    pub(super) now: i64,
}

/// A grant as it goes into the table.
struct Row {
    subject: Subject,
    tool: String,
    effect: &'static str,
    condition: Option<String>,
    expires_at: Option<i64>,
    rate: Option<String>,
}

impl Maker<'_> {
    /// Takes back first, so that what is added may take its place.
    pub(super) fn make(&self, wanted: &Change) -> Result<Vec<GrantId>, AdminError> {
        let Change { add, edit, remove } = wanted;
        if add.len() + edit.len() + remove.len() > CHANGES_MAX {
            let text = format!("at most {CHANGES_MAX} changes can be made together");
            return Err(AdminError::invalid(text));
        }
        for grant in remove {
            self.remove(parse_id(&grant.id)?, Some(grant.version))?;
        }
        let mut made = Vec::new();
        for ChangedGrant { id, grant } in edit {
            let id = parse_id(id)?;
            self.edit(id, grant)?;
            made.push(id);
        }
        for new in add {
            made.push(self.add(new)?.0);
        }
        Ok(made)
    }

    /// Returns whether it is a new one.
    fn add(&self, new: &NewGrant) -> Result<(GrantId, bool), AdminError> {
        let db = self.change.db;
        let NewGrant { subject, tool, effect, when, expires, rate, version } = new.clone();
        let edit = EditGrant { subject, tool, effect, when, expires, rate, version: 0 };
        let row = self.checked(&edit, None)?;
        let existing = same_rule(db, &row)?;
        let current = existing.map(|id| rows::grant(db, id)).transpose()?.flatten();
        self.check_version(version, current.as_ref())?;
        if let Some(id) = existing {
            self.update(id, &row)?;
            return Ok((id, false));
        }
        let (user, team, agent) = columns(row.subject);
        db.prepare_cached(
            "INSERT INTO grants (user, team, agent, tool, effect, condition, expires_at, rate, created_at, changed_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)",
        )?
        .execute(params![
            user, team, agent, row.tool, row.effect, row.condition, row.expires_at, row.rate, self.now
        ])?;
        let id = GrantId::new(u64::try_from(db.last_insert_rowid()).unwrap_or(0));
        self.record("granted", &self.current(id)?);
        Ok((id, true))
    }

    fn edit(&self, id: GrantId, grant: &EditGrant) -> Result<(), AdminError> {
        let db = self.change.db;
        let current = self.current(id)?;
        self.check_version(Some(grant.version), Some(&current))?;
        let expires_at: Option<i64> =
            db.query_row("SELECT expires_at FROM grants WHERE id = ?1", [id.get()], |r| r.get(0))?;
        let row = self.checked(grant, expires_at)?;
        if let Some(other) = same_rule(db, &row)?.filter(|other| *other != id) {
            let message = format!("grant {other} is for the same subject, tool and condition");
            return Err(AdminError::new(
                codes::EXISTS,
                message,
                "edit that one, or remove it first",
            ));
        }
        self.update(id, &row)
    }

    fn remove(&self, id: GrantId, version: Option<u64>) -> Result<(), AdminError> {
        let current = self.current(id)?;
        self.check_version(version, Some(&current))?;
        self.change.db.execute("DELETE FROM grants WHERE id = ?1", [id.get()])?;
        self.record("grant_revoked", &current);
        Ok(())
    }

    /// Writes the row if it is another one than before.
    fn update(&self, id: GrantId, row: &Row) -> Result<(), AdminError> {
        let (user, team, agent) = columns(row.subject);
        let changed = self
            .change
            .db
            .prepare_cached(
                "UPDATE grants SET user = ?2, team = ?3, agent = ?4, tool = ?5, effect = ?6, condition = ?7,
                        expires_at = ?8, rate = ?9, changed_at = ?10, version = version + 1
                 WHERE id = ?1 AND (user, team, agent, tool, effect, condition, expires_at, rate)
                        IS NOT (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                id.get(), user, team, agent, row.tool, row.effect, row.condition, row.expires_at,
                row.rate, self.now
            ])?;
        if changed > 0 {
            self.record("granted", &self.current(id)?);
        }
        Ok(())
    }

    /// A stale edit is answered with the grant as a list would show it.
    fn check_version(&self, seen: Option<u64>, current: Option<&Grant>) -> Result<(), AdminError> {
        let actual = current.map_or(0, |grant| grant.version);
        if seen.is_none_or(|version| version == actual) {
            return Ok(());
        }
        let id = current.and_then(|grant| grant.id.parse().ok());
        let rows = id.map(|id| rows::grants(self.change.db, Some(id))).transpose()?;
        let first_seen = coverage::seen(self.change.db)?;
        let current = coverage::covered(self.gateway, rows.unwrap_or_default(), &first_seen).pop();
        rows::check_version(seen, actual, "the grant", &current)
    }

    fn current(&self, id: GrantId) -> Result<Grant, AdminError> {
        rows::grant(self.change.db, id)?.ok_or_else(|| unknown(id))
    }

    fn record(&self, status: &'static str, grant: &Grant) {
        let Grant { id, subject, tool, effect, when, expires_at, rate, .. } = grant;
        let mut detail = format!("{id}: {subject} {tool} {}", word(*effect));
        for (word, value) in [("when", when), ("until", expires_at), ("at most", rate)] {
            if let Some(value) = value {
                detail.push_str(&format!(" {word} {value}"));
            }
        }
        self.change.audit(Record::config(self.now, self.admin.user, status, detail));
    }

    /// `stored` is when it has expired so far.
    fn checked(&self, grant: &EditGrant, stored: Option<i64>) -> Result<Row, AdminError> {
        let invalid = |e: &dyn std::fmt::Display| AdminError::invalid(e.to_string());
        let tool: ToolPattern = grant.tool.parse().map_err(|e: agw_core::NameError| invalid(&e))?;
        let subject = rows::subject(self.change.db, &grant.subject)?;
        let condition = grant.when.as_deref().map(str::trim).filter(|text| !text.is_empty());
        if let Some(text) = condition {
            let catalog = self.gateway.live.catalog.load();
            check_condition(text, &tool, &catalog).map_err(|e| AdminError::condition(&e))?;
        }
        let rate: Option<Rate> = grant
            .rate
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|e: agw_core::RateError| invalid(&e))?;
        if rate.is_some() && grant.effect == Effect::Deny {
            return Err(AdminError::invalid("a grant that denies has no rate; leave it out"));
        }
        let expires = grant.expires.as_deref();
        let expires_at = expires.map(|text| times::expiry(text, self.now, stored)).transpose()?;
        Ok(Row {
            subject,
            tool: tool.to_string(),
            effect: word(grant.effect),
            condition: condition.map(str::to_owned),
            expires_at,
            rate: rate.map(|rate| rate.to_string()),
        })
    }
}

/// Compiles a condition and checks it against the tools that it is for: it
/// must fit at least one of those on offer.
pub(super) fn check_condition(
    text: &str,
    tool: &ToolPattern,
    catalog: &Catalog,
) -> Result<(), agw_core::ConditionError> {
    let condition = Condition::compile(text)?;
    let mut problem = None;
    // Effects may be confirmed later on: the pattern's place is what counts.
    let about = |id: &agw_core::ToolId| match tool {
        ToolPattern::Any(_) => true,
        ToolPattern::Connection(name, _) => name == id.connection(),
        ToolPattern::Tool(wanted) => wanted == id,
    };
    for tool in catalog.by_id.values().filter(|tool| about(&tool.id)) {
        let Ok(schema) = json::parse(tool.input_schema.as_bytes()) else { continue };
        match condition.check_schema(&schema) {
            Ok(()) => return Ok(()),
            Err(error) => problem = problem.or(Some(error)),
        }
    }
    problem.map_or(Ok(()), Err)
}

/// The grant for the same subject, tool and condition.
fn same_rule(db: &Connection, row: &Row) -> Result<Option<GrantId>, AdminError> {
    let (user, team, agent) = columns(row.subject);
    let id: Option<u64> = db
        .prepare_cached(
            "SELECT id FROM grants
             WHERE ifnull(user, 0) = ifnull(?1, 0) AND ifnull(team, 0) = ifnull(?2, 0)
               AND ifnull(agent, 0) = ifnull(?3, 0) AND tool = ?4 AND ifnull(condition, '') = ifnull(?5, '')",
        )?
        .query_row(params![user, team, agent, row.tool, row.condition], |row| row.get(0))
        .optional()?;
    Ok(id.map(GrantId::new))
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
        Effect::Ask => "ask",
        Effect::Deny => "deny",
    }
}
