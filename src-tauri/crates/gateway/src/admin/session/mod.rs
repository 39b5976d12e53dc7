//! Signing in, and what a session opens.

mod attempts;
mod store;

use std::sync::Arc;

use agw_api::{ChangePassword, Role, Session, SessionCreated, SignInRequest, codes};
use agw_core::UserId;
use agw_vault::{PasswordHash, Secret};
use axum::{
    Extension, Json,
    extract::{FromRequestParts, State, rejection::JsonRejection},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use rusqlite::{OptionalExtension as _, params};

use super::{AdminError, Via, sessions as places};
use crate::{
    audit::{Kind, Record, record::rfc3339},
    bounds, clock,
    door::Door,
    gateway::Gateway,
    random,
    store::writer::Safety,
};
pub(crate) use attempts::SignIns;
use store::hash;
pub(crate) use store::{Open, Opens, SignInFrom, StaffSessions};

const COOKIE: &str = "agw_session";
/// What a password is compared with when there is no such user, so that the
/// answer takes as long (Argon2id, same parameters, of nothing anybody knows).
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5$C0QH0M5ZgHsn0kBqM0Jk1J5L3m2mN0b0m8m3bH2m0aE";

pub(super) type Hash = [u8; 32];

/// Proof of a good session.
#[derive(Debug)]
pub(crate) struct Signed {
    pub(crate) user: UserId,
    /// As it is now, not as it was at sign-in.
    pub(crate) role: Role,
    hash: Hash,
    expires_at: i64,
}

impl FromRequestParts<Arc<Gateway>> for Signed {
    type Rejection = AdminError;

    async fn from_request_parts(
        parts: &mut Parts,
        gateway: &Arc<Gateway>,
    ) -> Result<Self, AdminError> {
        let browser = parts.extensions.get::<Via>() != Some(&Via::Local);
        let site = Door::of(&parts.extensions).site();
        let token = match browser {
            true => site.cookie(&parts.headers, COOKIE),
            false => bearer(&parts.headers).map(str::to_owned),
        };
        // A cookie comes along unasked; a page that may use it says where it
        // is from, and the guard has checked that it is one of ours.
        let reads = [Method::GET, Method::HEAD].contains(&parts.method);
        if browser && !reads && !parts.headers.contains_key(header::ORIGIN) {
            let next = "use the gateway's own pages or the command line";
            return Err(AdminError::new(codes::FORBIDDEN, "the request names no Origin", next));
        }
        let find =
            |token: String| gateway.staff.find(site, &token, Opens::AdminApi, clock::now_ms());
        let found = token.and_then(find);
        let (hash, open) = found.ok_or_else(AdminError::sign_in)?;
        let snapshot = gateway.live.snapshot.load();
        let person = snapshot.users.get(&open.user).filter(|person| !person.removed);
        let role = person.map(|person| person.role).ok_or_else(AdminError::sign_in)?;
        Ok(Self { user: open.user, role, hash, expires_at: open.expires_at })
    }
}

/// Whether a browser's request comes with a good session of the admin API.
pub(crate) fn is_signed_in(gateway: &Gateway, door: Door, headers: &HeaderMap) -> bool {
    let (site, now) = (door.site(), clock::now_ms());
    let token = site.cookie(headers, COOKIE);
    token.is_some_and(|token| gateway.staff.find(site, &token, Opens::AdminApi, now).is_some())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// Sign in.
#[utoipa::path(
    post, path = "/api/v1/sessions", tag = "session", request_body = SignInRequest,
    responses(
        (status = 201, body = SessionCreated),
        (status = 401, body = agw_api::ErrorBody),
        (status = 429, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn sign_in(
    State(gateway): State<Arc<Gateway>>,
    Extension(via): Extension<Via>,
    door: Door,
    headers: HeaderMap,
    body: Result<Json<SignInRequest>, JsonRejection>,
) -> Result<Response, AdminError> {
    let Json(SignInRequest { user: name, password }) = body?;
    let proven = authenticate(&gateway, door, &name, Secret::new(password)).await?;
    let from = SignInFrom::of(via, &headers);
    let created = begin(&gateway, door, proven, name, Opens::AdminApi, from).await?;
    Ok(created.respond(via, door))
}

/// Who has proven who they are, and by which password: one that was replaced
/// meanwhile opens nothing any more.
pub(crate) struct Proven {
    pub(crate) user: UserId,
    pub(super) password: PasswordHash,
}

/// Whose name and password these are. Names that nobody has and wrong
/// passwords are answered alike, and after as long.
pub(crate) async fn authenticate(
    gateway: &Gateway,
    door: Door,
    name: &str,
    password: Secret,
) -> Result<Proven, AdminError> {
    let wanted = name.to_owned();
    let stored = gateway
        .reader
        .run(move |db| {
            let sql =
                "SELECT id, password FROM users WHERE name = ?1 AND removed_at IS NULL AND password IS NOT NULL";
            let row = db.query_row(sql, [wanted], |row| Ok((row.get(0)?, row.get(1)?)));
            Ok(row.optional()?)
        })
        .await?;
    let (user, stored): (Option<u64>, Option<String>) = stored.unzip();
    let stored = PasswordHash::from_stored(stored.unwrap_or_else(|| NOBODY.to_owned()));
    let matches = gateway.sign_ins.matches(door, name, stored.clone(), password).await?;
    if let Some(user) = user.filter(|_| matches).map(UserId::new) {
        return Ok(Proven { user, password: stored });
    }
    let mut record = Record::new(Kind::SignIn, clock::now_ms());
    record.status = Some("refused");
    record.decision = Some("deny");
    record.reason = Some(codes::BAD_CREDENTIALS);
    record.detail = Some(known_name(gateway, name.to_owned()));
    gateway.writer.record(record, Safety::Synced).await?;
    Err(bad_credentials())
}

fn bad_credentials() -> AdminError {
    let next = "check both; who has no password yet gets one from an admin (`agw user password`)";
    AdminError::new(codes::BAD_CREDENTIALS, "wrong name or password", next)
}

/// The name that somebody signed in with; but what is nobody's name may well
/// be the password, and is not written down.
fn known_name(gateway: &Gateway, name: String) -> String {
    let snapshot = gateway.live.snapshot.load();
    let known = snapshot.users.values().any(|user| user.name.eq_ignore_ascii_case(&name));
    if known { name } else { "a name that nobody has".to_owned() }
}

/// A new session, with its token in clear.
pub(crate) struct NewSession {
    name: String,
    pub(crate) token: String,
    expires_at: i64,
}

/// Opens a session for somebody who has proven who they are.
pub(crate) async fn begin(
    gateway: &Gateway,
    door: Door,
    Proven { user, password }: Proven,
    name: String,
    opens: Opens,
    from: SignInFrom,
) -> Result<NewSession, AdminError> {
    let token = random::text::<32>().map_err(|e| AdminError::internal(e.to_string()))?;
    let hash = hash(door.site(), &token);
    let now = clock::now_ms();
    let life = i64::try_from(opens.life().as_millis()).unwrap_or(i64::MAX);
    let expires_at = now.saturating_add(life);
    let stored = from.clone();
    // Known before it is stored, and its token to nobody yet: whoever ends all
    // sessions of this person right after that ends this one, too.
    let (created_at, used_at) = (Some(now), Some(now));
    let session = Open { user, opens, expires_at, created_at, used_at, from };
    let oldest = gateway.staff.add(hash, session);
    let begun = gateway.writer.change(move |change| {
        let sql = "SELECT 1 FROM users WHERE id = ?1 AND password = ?2 AND removed_at IS NULL";
        if !change.db.prepare_cached(sql)?.exists(params![user.get(), password.as_str()])? {
            return Err(bad_credentials());
        }
        change.db.execute("DELETE FROM sessions WHERE expires_at <= ?1", [now])?;
        change.db.execute(
            "INSERT INTO sessions (hash, user, expires_at, pages, created_at, place, browser)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                hash,
                user.get(),
                expires_at,
                opens == Opens::Pages,
                now,
                stored.place.map(places::word),
                stored.browser
            ],
        )?;
        let mut record = Record::new(Kind::SignIn, now);
        record.status = Some("signed_in");
        record.user = Some(user);
        change.audit(record);
        let mut delete = change.db.prepare_cached("DELETE FROM sessions WHERE hash = ?1")?;
        for hash in oldest {
            delete.execute([hash])?;
        }
        Ok(())
    });
    if let Err(error) = begun.await {
        gateway.staff.open().remove(&hash);
        return Err(error);
    }
    gateway.live.announce("sessions");
    Ok(NewSession { name, token, expires_at })
}

impl NewSession {
    /// For the local socket the token; for a browser a cookie instead, so
    /// that no script ever sees it.
    pub(super) fn created(&self, via: Via) -> SessionCreated {
        SessionCreated {
            user: self.name.clone(),
            expires_at: rfc3339(self.expires_at),
            token: (via == Via::Local).then(|| self.token.clone()),
        }
    }

    pub(super) fn cookie(&self, door: Door) -> String {
        let age = bounds::SESSION_LIFE.as_secs();
        let rest = format!("Path=/api; HttpOnly; SameSite=Strict; Max-Age={age}");
        door.site().set_cookie(COOKIE, &self.token, &rest)
    }

    pub(super) fn respond(&self, via: Via, door: Door) -> Response {
        let body = Json(self.created(via));
        match via {
            Via::Local => (StatusCode::CREATED, body).into_response(),
            Via::Browser => (StatusCode::CREATED, [(header::SET_COOKIE, self.cookie(door))], body)
                .into_response(),
        }
    }
}

/// Who is signed in.
#[utoipa::path(
    get, path = "/api/v1/session", operation_id = "current_session", tag = "session",
    responses((status = 200, body = Session), (status = 401, body = agw_api::ErrorBody))
)]
pub(super) async fn current(State(gateway): State<Arc<Gateway>>, signed: Signed) -> Json<Session> {
    let snapshot = gateway.live.snapshot.load();
    let name = snapshot.users.get(&signed.user).map(|user| user.name.clone());
    let (user, expires_at) = (name.unwrap_or_default(), rfc3339(signed.expires_at));
    Json(Session { user, role: signed.role, expires_at })
}

/// Change one's own password; all other sessions of that person end.
#[utoipa::path(
    put, path = "/api/v1/session/password", tag = "session", request_body = ChangePassword,
    responses(
        (status = 204),
        (status = 401, body = agw_api::ErrorBody),
        (status = 422, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn change_password(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
    door: Door,
    body: Result<Json<ChangePassword>, JsonRejection>,
) -> Result<StatusCode, AdminError> {
    let Json(ChangePassword { current, new }) = body?;
    let (current, new) = (Secret::new(current), Secret::new(new));
    let user = signed.user;
    prove(&gateway, door, user, current).await?;
    store_password(&gateway, user, new, user, Some(signed)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether this is the password of who is signed in: for what a session left
/// open must not be enough.
pub(super) async fn prove(
    gateway: &Gateway,
    door: Door,
    user: UserId,
    password: Secret,
) -> Result<(), AdminError> {
    let name = gateway.live.snapshot.load().users.get(&user).map(|user| user.name.clone());
    let name = name.ok_or_else(AdminError::sign_in)?;
    let stored = gateway.reader.run(move |db| {
        let sql = "SELECT password FROM users WHERE id = ?1";
        Ok(db.query_row(sql, [user.get()], |row| row.get::<_, Option<String>>(0))?)
    });
    let stored = PasswordHash::from_stored(stored.await?.unwrap_or_else(|| NOBODY.to_owned()));
    if gateway.sign_ins.matches(door, &name, stored, password).await? {
        return Ok(());
    }
    let message = "the current password is another one";
    Err(AdminError::new(codes::BAD_CREDENTIALS, message, "check it and try again"))
}

/// Gives a user a password and ends their sessions, but for the one to keep.
pub(super) async fn store_password(
    gateway: &Arc<Gateway>,
    user: UserId,
    password: Secret,
    actor: UserId,
    keep: Option<Signed>,
) -> Result<(), AdminError> {
    super::setup::long_enough("password", &password)?;
    let hash = gateway.sign_ins.hash(move || PasswordHash::new(&password)).await?;
    let hash = hash.map_err(|e| AdminError::internal(e.to_string()))?;
    let (gateway, keep) = (Arc::clone(gateway), keep.map(|signed| signed.hash));
    // Whoever asked may hang up; the sessions end with the password all the same.
    let stored = tokio::spawn(async move {
        let changed = gateway.writer.change(move |change| {
            let db = change.db;
            let name: String = db.query_row(
                "UPDATE users SET password = ?2, version = version + 1 WHERE id = ?1 RETURNING name",
                params![user.get(), hash.as_str()],
                |row| row.get(0),
            )?;
            let sql = "DELETE FROM sessions WHERE user = ?1 AND (?2 IS NULL OR hash <> ?2)";
            db.execute(sql, params![user.get(), keep])?;
            change.audit(Record::config(clock::now_ms(), actor, "password_set", name));
            Ok::<_, AdminError>(())
        });
        changed.await?;
        gateway.staff.end_all(user, keep);
        gateway.live.announce("sessions");
        Ok(())
    });
    stored.await.map_err(|_| AdminError::internal("a password's task failed"))?
}

/// Ends one session: at once, and whatever becomes of the record of it.
pub(crate) async fn end(gateway: &Gateway, user: UserId, hash: Hash) -> Result<(), AdminError> {
    gateway.staff.open().remove(&hash);
    gateway.live.announce("sessions");
    let ended = gateway.writer.change(move |change| {
        change.db.execute("DELETE FROM sessions WHERE hash = ?1", [hash])?;
        let mut record = Record::new(Kind::SignIn, clock::now_ms());
        record.status = Some("signed_out");
        record.user = Some(user);
        change.audit(record);
        Ok::<_, AdminError>(())
    });
    ended.await
}

/// Sign out.
#[utoipa::path(
    delete, path = "/api/v1/session", tag = "session",
    responses((status = 204), (status = 401, body = agw_api::ErrorBody))
)]
pub(super) async fn sign_out(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
    door: Door,
) -> Result<Response, AdminError> {
    end(&gateway, signed.user, signed.hash).await?;
    let rest = "Path=/api; HttpOnly; SameSite=Strict; Max-Age=0";
    let gone = door.site().set_cookie(COOKIE, "", rest);
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, gone)]).into_response())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn the_stand_in_hash_is_a_real_one() {
        // If it did not parse, unknown names would be answered at once.
        let begun = Instant::now();
        assert!(!PasswordHash::from_stored(NOBODY.into()).matches(&Secret::new("x")));
        let real = PasswordHash::new(&Secret::new("y")).unwrap();
        assert_eq!(real.as_str().split('$').nth(3), NOBODY.split('$').nth(3));
        assert!(begun.elapsed() > Duration::from_millis(1));
    }
}
