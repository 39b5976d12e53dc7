//! Statements that more than one part needs.

use agw_api::{Role, codes};
use agw_core::{AgentId, ConnectionId, GrantId, PersonName, Subject, TeamId, UserId};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::{admin::AdminError, store::StoreError};

pub(crate) const POLICY_VERSION: &str = "policy_version";
pub(crate) const INSTALLATION: &str = "installation";
pub(crate) const MASTER_KEY: &str = "master_key";
/// When the recovery key was made, in milliseconds since 1970.
pub(crate) const RECOVERY_MADE: &str = "recovery_made";
pub(crate) const PAUSED: &str = "paused";
pub(crate) const LAST_APPROVAL: &str = "last_approval";
/// SHA-256 of the token for `/metrics`, in hex.
pub(crate) const METRICS_TOKEN: &str = "metrics_token";

pub(crate) fn meta(db: &Connection, key: &str) -> Result<Option<String>, rusqlite::Error> {
    db.prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

pub(crate) fn set_meta(db: &Connection, key: &str, value: &str) -> Result<(), rusqlite::Error> {
    db.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?
        .execute(params![key, value])
        .map(drop)
}

/// Every change of the configuration makes a new version of the permission map.
pub(crate) fn bump_policy_version(db: &Connection) -> Result<(), rusqlite::Error> {
    db.prepare_cached(
        "INSERT INTO meta (key, value) VALUES (?1, '1')
         ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT)",
    )?
    .execute([POLICY_VERSION])
    .map(drop)
}

/// Reads one column as an id or a checked name.
pub(crate) fn parsed<T>(row: &Row<'_>, column: &str) -> Result<T, StoreError>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    let text: String = row.get(column)?;
    text.parse().map_err(|e: T::Err| StoreError::Damaged(format!("{column}: {e}")))
}

pub(crate) fn role(row: &Row<'_>) -> Result<Role, StoreError> {
    match row.get_ref("role")?.as_str() {
        Ok("admin") => Ok(Role::Admin),
        Ok("auditor") => Ok(Role::Auditor),
        Ok("member") => Ok(Role::Member),
        _ => Err(StoreError::Damaged("a user of unknown role".into())),
    }
}

/// As the column has it.
pub(crate) fn role_word(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Auditor => "auditor",
        Role::Member => "member",
    }
}

pub(crate) fn user_id(db: &Connection, name: &str) -> Result<UserId, AdminError> {
    find(db, "SELECT id FROM users WHERE name = ?1 AND removed_at IS NULL", name)?
        .map(UserId::new)
        .ok_or_else(|| AdminError::not_found("user", name, "see `agw user list`"))
}

pub(crate) fn team_id(db: &Connection, name: &str) -> Result<TeamId, AdminError> {
    find(db, "SELECT id FROM teams WHERE name = ?1", name)?
        .map(TeamId::new)
        .ok_or_else(|| AdminError::not_found("team", name, "see `agw team list`"))
}

pub(crate) fn connection_id(db: &Connection, name: &str) -> Result<ConnectionId, AdminError> {
    find(db, "SELECT id FROM connections WHERE name = ?1", name)?
        .map(ConnectionId::new)
        .ok_or_else(|| AdminError::not_found("connection", name, "see `agw connection list`"))
}

pub(crate) fn agent_id(db: &Connection, user: UserId, name: &str) -> Result<AgentId, AdminError> {
    db.prepare_cached("SELECT id FROM agents WHERE user = ?1 AND name = ?2 AND removed_at IS NULL")?
        .query_row(params![user.get(), name], |row| row.get(0))
        .optional()?
        .map(AgentId::new)
        .ok_or_else(|| AdminError::not_found("agent", name, "see `agw agent list`"))
}

fn find(db: &Connection, sql: &str, name: &str) -> Result<Option<u64>, rusqlite::Error> {
    db.prepare_cached(sql)?.query_row([name], |row| row.get(0)).optional()
}

/// `USER`, `team:TEAM` or `USER/AGENT`.
pub(crate) fn subject(db: &Connection, text: &str) -> Result<Subject, AdminError> {
    if let Some(team) = text.strip_prefix("team:") {
        return team_id(db, team).map(Subject::Team);
    }
    match text.split_once('/') {
        None => user_id(db, text).map(Subject::User),
        Some((user, agent)) => agent_id(db, user_id(db, user)?, agent).map(Subject::Agent),
    }
}

/// A grant as it is stored and shown; what it covers is for the catalogue to
/// say.
pub(crate) fn grant(db: &Connection, id: GrantId) -> Result<Option<agw_api::Grant>, StoreError> {
    let mut found = grants(db, Some(id))?;
    Ok(found.pop().map(|(grant, _)| grant))
}

/// Each with the time of its last change, in milliseconds since 1970.
pub(crate) fn grants(
    db: &Connection,
    only: Option<GrantId>,
) -> Result<Vec<(agw_api::Grant, i64)>, StoreError> {
    let mut select = db.prepare_cached(
        "SELECT g.id, g.tool, g.effect, g.condition, g.expires_at, g.rate, g.version, g.created_at, g.changed_at,
                coalesce(u.name, 'team:' || t.name, o.name || '/' || a.name) AS subject
         FROM grants g
         LEFT JOIN users u ON u.id = g.user
         LEFT JOIN teams t ON t.id = g.team
         LEFT JOIN agents a ON a.id = g.agent
         LEFT JOIN users o ON o.id = a.user
         WHERE ?1 IS NULL OR g.id = ?1 ORDER BY g.id",
    )?;
    let rows = select.query_and_then([only.map(GrantId::get)], |row| {
        let grant = agw_api::Grant {
            id: GrantId::new(row.get("id")?).to_string(),
            subject: row.get("subject")?,
            tool: row.get("tool")?,
            effect: match row.get_ref("effect")?.as_str() {
                Ok("allow") => agw_api::Effect::Allow,
                Ok("ask") => agw_api::Effect::Ask,
                // Whatever is not plainly allowed is denied.
                _ => agw_api::Effect::Deny,
            },
            when: row.get("condition")?,
            expires_at: maybe_time(row, "expires_at")?,
            rate: row.get("rate")?,
            covers: 0,
            new_tools: Vec::new(),
            version: row.get("version")?,
            created_at: time(row, "created_at")?,
        };
        Ok((grant, row.get("changed_at")?))
    })?;
    rows.collect()
}

pub(crate) fn maybe_time(row: &Row<'_>, column: &str) -> Result<Option<String>, rusqlite::Error> {
    row.get::<_, Option<i64>>(column).map(|ms| ms.map(crate::audit::record::rfc3339))
}

pub(crate) fn time(row: &Row<'_>, column: &str) -> Result<String, rusqlite::Error> {
    row.get(column).map(crate::audit::record::rfc3339)
}

/// Refuses an edit of a row that has changed since it was read.
pub(crate) fn check_version(
    expected: Option<u64>,
    actual: u64,
    what: &str,
    current: impl serde::Serialize,
) -> Result<(), AdminError> {
    if expected.is_none_or(|version| version == actual) {
        return Ok(());
    }
    Err(AdminError {
        code: codes::STALE,
        message: format!("{what} was changed by someone else in the meantime"),
        next: "look at it as it is now and decide again".into(),
        current: serde_json::to_value(current).ok().map(Box::new),
        place: None,
        retry_after: None,
    })
}

/// A name as typed by a person, checked.
pub(crate) fn person_name(text: &str) -> Result<PersonName, AdminError> {
    text.parse().map_err(|e: agw_core::NameError| AdminError::invalid(e.to_string()))
}
