//! Invites: links by which people set their first password themselves.
//!
//! The secret of a link is 256 random bits behind its `#`, which no browser
//! sends to a server or names as a referrer; stored is its SHA-256. Whatever
//! is wrong with one, the answer is the same.

use std::sync::Arc;

use agw_api::{
    AcceptInvite, Invite, InviteCreated, InviteSecret, InviteShown, InviteState, NewInvite, Role,
    SessionCreated, codes,
};
use agw_core::{PersonName, UserId};
use agw_vault::{PasswordHash, Secret};
use axum::{
    Extension, Json,
    extract::{Path, State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use rusqlite::{Connection, OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{Admin, AdminError, Opens, Reader, Via, people, session, setup};
use crate::{
    audit::{Kind, Record, record::rfc3339},
    bounds, clock,
    door::Door,
    gateway::Gateway,
    random,
    store::{StoreError, rows, writer::Safety},
};

/// What guesses are counted under; no name of a user has a colon.
const COUNTED: &str = "invite:";

/// Invites, the newest first.
#[utoipa::path(
    get, path = "/api/v1/invites", operation_id = "list_invites", tag = "people",
    responses((status = 200, body = Vec<Invite>), (status = 403, body = agw_api::ErrorBody))
)]
pub(super) async fn list(
    State(gateway): State<Arc<Gateway>>,
    _: Reader,
) -> Result<Json<Vec<Invite>>, AdminError> {
    Ok(Json(gateway.reader.run(|db| invites(db, None)).await?))
}

/// Invite somebody new, or a user who cannot sign in yet. An invite before it
/// is good no more.
#[utoipa::path(
    post, path = "/api/v1/invites", operation_id = "invite", tag = "people",
    request_body = NewInvite,
    responses(
        (status = 201, body = InviteCreated),
        (status = 409, body = agw_api::ErrorBody),
        (status = 422, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn create(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    body: Result<Json<NewInvite>, JsonRejection>,
) -> Result<(StatusCode, Json<InviteCreated>), AdminError> {
    let Json(NewInvite { user, role, teams, ttl_seconds }) = body?;
    let name = rows::person_name(&user)?;
    let teams: Vec<PersonName> =
        teams.iter().map(|team| rows::person_name(team)).collect::<Result<_, _>>()?;
    let ttl = ttl_seconds.unwrap_or(*bounds::INVITE_LIFE.end());
    if !bounds::INVITE_LIFE.contains(&ttl) {
        return Err(AdminError::invalid("an invite lasts from an hour to seven days"));
    }
    let secret = random::text::<32>().map_err(|e| AdminError::internal(e.to_string()))?;
    let (hash, by) = (hash(&secret), admin.user);
    let invite = gateway.writer.change(move |change| {
        let (db, now) = (change.db, clock::now_ms());
        let user = match rows::user_id(db, name.as_str()) {
            Ok(user) => waiting(db, user, &name, role.is_some() || !teams.is_empty())?,
            Err(error) if error.code != codes::NOT_FOUND => return Err(error),
            Err(_) => {
                let role = role.unwrap_or(Role::Member);
                let (user, detail) = people::insert(db, &name, role, &teams, now)?;
                change.audit(Record::config(now, by, "user_added", detail));
                user
            }
        };
        take_back(db, user, now)?;
        let expires_at = now + i64::try_from(ttl).unwrap_or(0) * 1_000;
        db.execute(
            "INSERT INTO invites (hash, user, by, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![hash, user.get(), by.get(), now, expires_at],
        )?;
        let id = db.last_insert_rowid();
        let detail = format!("{name}, until {}", rfc3339(expires_at));
        change.audit(Record::config(now, by, "invite_made", detail));
        one(db, id)
    });
    let invite = invite.await?;
    let shared = gateway.sharing.url();
    let base = shared.as_deref().unwrap_or(&gateway.url);
    let link = format!("{base}/#/invite/{secret}");
    Ok((StatusCode::CREATED, Json(InviteCreated { invite, link, shared: shared.is_some() })))
}

/// A user who is there already can be invited until they can sign in.
fn waiting(
    db: &Connection,
    user: UserId,
    name: &PersonName,
    as_new: bool,
) -> Result<UserId, AdminError> {
    let sql = "SELECT password IS NOT NULL FROM users WHERE id = ?1";
    if db.query_row(sql, [user.get()], |row| row.get(0))? {
        let next = "give them another password with `agw user password`, or choose another name";
        let message = format!("{name} can sign in already");
        return Err(AdminError::new(codes::EXISTS, message, next));
    }
    if as_new {
        let message = format!("{name} is there already, with a role and teams");
        let next = "leave both out here, and change them with `agw user edit`";
        return Err(AdminError::new(codes::EXISTS, message, next));
    }
    Ok(user)
}

/// Take an invite back; its link opens nothing any more. The user stays.
#[utoipa::path(
    delete, path = "/api/v1/invites/{id}", operation_id = "revoke_invite", tag = "people",
    params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = agw_api::ErrorBody))
)]
pub(super) async fn revoke(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    Path(id): Path<String>,
) -> Result<StatusCode, AdminError> {
    let missing = {
        let next = "`agw invite list` shows those that are open";
        AdminError::not_found("open invite", &id, next)
    };
    let number = id.strip_prefix('i').and_then(|number| number.parse::<i64>().ok());
    let Some(number) = number else { return Err(missing) };
    let revoked = gateway.writer.change(move |change| {
        let now = clock::now_ms();
        let sql = "UPDATE invites SET revoked_at = ?2
                   WHERE id = ?1 AND used_at IS NULL AND revoked_at IS NULL";
        if change.db.execute(sql, params![number, now])? == 0 {
            return Err(missing);
        }
        let invite = one(change.db, number)?;
        change.audit(Record::config(now, admin.user, "invite_revoked", invite.user));
        Ok(())
    });
    revoked.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whose invite it is; to whoever has the link.
#[utoipa::path(
    post, path = "/api/v1/invites/look", operation_id = "look_at_invite", tag = "session",
    request_body = InviteSecret,
    responses(
        (status = 200, body = InviteShown),
        (status = 404, body = agw_api::ErrorBody),
        (status = 429, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn look(
    State(gateway): State<Arc<Gateway>>,
    door: Door,
    body: Result<Json<InviteSecret>, JsonRejection>,
) -> Result<Json<InviteShown>, AdminError> {
    let Json(InviteSecret { secret }) = body?;
    let found = find(&gateway, door, &secret).await?;
    Ok(Json(InviteShown { user: found.name, expires_at: rfc3339(found.expires_at) }))
}

/// Set the password and sign in; to whoever has the link, once.
#[utoipa::path(
    post, path = "/api/v1/invites/accept", operation_id = "accept_invite", tag = "session",
    request_body = AcceptInvite,
    responses(
        (status = 201, body = SessionCreated),
        (status = 404, body = agw_api::ErrorBody),
        (status = 422, body = agw_api::ErrorBody),
        (status = 429, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn accept(
    State(gateway): State<Arc<Gateway>>,
    Extension(via): Extension<Via>,
    door: Door,
    headers: HeaderMap,
    body: Result<Json<AcceptInvite>, JsonRejection>,
) -> Result<Response, AdminError> {
    let Json(AcceptInvite { secret, password }) = body?;
    let password = Secret::new(password);
    let Found { id, user, name, .. } = find(&gateway, door, &secret).await?;
    setup::long_enough("password", &password)?;
    let stored = gateway.sign_ins.hash(move || PasswordHash::new(&password)).await?;
    let stored = stored.map_err(|e| AdminError::internal(e.to_string()))?;
    let proven = session::Proven { user, password: stored.clone() };
    let accepted = gateway.writer.change(move |change| {
        let (db, now) = (change.db, clock::now_ms());
        // Of two at once the second finds it used.
        let sql = "UPDATE invites SET used_at = ?2 WHERE id = ?1 AND used_at IS NULL
                   AND revoked_at IS NULL AND expires_at > ?2";
        let used = db.execute(sql, params![id, now])?;
        let sql = "UPDATE users SET password = ?2, version = version + 1
                   WHERE id = ?1 AND password IS NULL AND removed_at IS NULL";
        if used == 0 || db.execute(sql, params![user.get(), stored.as_str()])? == 0 {
            return Err(not_good());
        }
        let mut record = Record::new(Kind::Config, now);
        (record.user, record.status) = (Some(user), Some("invite_accepted"));
        record.detail = Some("they set their password".into());
        change.audit(record);
        Ok(())
    });
    accepted.await?;
    let from = session::SignInFrom::of(via, &headers);
    let session = session::begin(&gateway, door, proven, name, Opens::AdminApi, from).await?;
    Ok(session.respond(via, door))
}

/// A good invite.
struct Found {
    id: i64,
    user: UserId,
    name: String,
    expires_at: i64,
}

async fn find(gateway: &Gateway, door: Door, secret: &str) -> Result<Found, AdminError> {
    gateway.sign_ins.check(door, COUNTED)?;
    let (shown, now) = (hash(secret), clock::now_ms());
    let found = gateway.reader.run(move |db| {
        let sql = "SELECT i.hash, i.id, i.user, u.name, i.expires_at
                   FROM invites i JOIN users u ON u.id = i.user
                   WHERE i.hash = ?1 AND i.used_at IS NULL AND i.revoked_at IS NULL
                     AND i.expires_at > ?2 AND u.removed_at IS NULL AND u.password IS NULL";
        let found = db.query_row(sql, params![shown, now], |row| {
            let (id, user) = (row.get(1)?, UserId::new(row.get(2)?));
            let (name, expires_at) = (row.get(3)?, row.get(4)?);
            Ok((row.get::<_, [u8; 32]>(0)?, Found { id, user, name, expires_at }))
        });
        let found = found.optional()?;
        Ok(found.filter(|(hash, _)| hash.ct_eq(&shown).into()).map(|(_, found)| found))
    });
    if let Some(found) = found.await? {
        return Ok(found);
    }
    gateway.sign_ins.failed(door, COUNTED);
    let mut record = Record::new(Kind::SignIn, now);
    record.status = Some("refused");
    record.decision = Some("deny");
    record.reason = Some("bad_invite");
    gateway.writer.record(record, Safety::Synced).await?;
    Err(not_good())
}

fn not_good() -> AdminError {
    let message = "this invite is not good, or not good any more";
    let next = "each link serves once and for some days; ask an administrator for a new one";
    AdminError::new(codes::NOT_FOUND, message, next)
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

fn take_back(db: &Connection, user: UserId, now: i64) -> Result<(), rusqlite::Error> {
    let sql = "UPDATE invites SET revoked_at = ?2
               WHERE user = ?1 AND used_at IS NULL AND revoked_at IS NULL";
    db.execute(sql, params![user.get(), now]).map(drop)
}

fn invites(db: &Connection, only: Option<i64>) -> Result<Vec<Invite>, StoreError> {
    let mut select = db.prepare_cached(
        "SELECT i.id, u.name, u.role, b.name AS by, i.created_at, i.expires_at, i.used_at,
                i.revoked_at IS NOT NULL OR u.removed_at IS NOT NULL OR u.password IS NOT NULL AS over
         FROM invites i JOIN users u ON u.id = i.user JOIN users b ON b.id = i.by
         WHERE ?1 IS NULL OR i.id = ?1 ORDER BY i.id DESC LIMIT ?2",
    )?;
    let now = clock::now_ms();
    let rows = select.query_and_then(params![only, bounds::INVITES_SHOWN], |row| {
        let state = match (row.get::<_, Option<i64>>("used_at")?, row.get("over")?) {
            (Some(_), _) => InviteState::Accepted,
            (None, true) => InviteState::Revoked,
            (None, false) if row.get::<_, i64>("expires_at")? <= now => InviteState::Expired,
            (None, false) => InviteState::Open,
        };
        Ok(Invite {
            id: format!("i{}", row.get::<_, i64>("id")?),
            user: row.get("name")?,
            role: rows::role(row)?,
            state,
            by: row.get("by")?,
            created_at: rows::time(row, "created_at")?,
            expires_at: rows::time(row, "expires_at")?,
        })
    })?;
    rows.collect()
}

fn one(db: &Connection, id: i64) -> Result<Invite, AdminError> {
    let found = invites(db, Some(id))?.pop();
    found.ok_or_else(|| AdminError::internal("the invite's row is missing"))
}
