//! Signing in, and what a session opens.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use agw_api::{
    ChangePassword, OpenSession, Role, Session, SessionCreated, SessionPlace, SignInRequest, codes,
};
use agw_core::UserId;
use agw_vault::{PasswordHash, Secret};
use axum::{
    Extension, Json,
    extract::{FromRequestParts, State, rejection::JsonRejection},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use rusqlite::{Connection, OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{AdminError, Via, sessions as places};
use crate::{
    audit::{Kind, Record, record::rfc3339},
    bounds, clock,
    door::{Door, Site},
    gateway::Gateway,
    random,
    store::{StoreError, writer::Safety},
};

const COOKIE: &str = "agw_session";
/// Names whose failures are remembered at once; above it all are counted as one.
const NAMES_MAX: usize = 10_000;
/// What a password is compared with when there is no such user, so that the
/// answer takes as long (Argon2id, same parameters, of nothing anybody knows).
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5$C0QH0M5ZgHsn0kBqM0Jk1J5L3m2mN0b0m8m3bH2m0aE";

pub(super) type Hash = [u8; 32];

/// Sessions of people, by the hash of their token.
#[derive(Debug)]
pub(crate) struct StaffSessions(Mutex<HashMap<Hash, Open>>);

/// Times are in milliseconds since 1970.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    pub(crate) user: UserId,
    opens: Opens,
    expires_at: i64,
    /// Not known of those from before an upgrade.
    created_at: Option<i64>,
    /// Since the service was started.
    used_at: Option<i64>,
    from: SignInFrom,
}

/// From where somebody signed in: one of a few words each, never what a client
/// says of itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct SignInFrom {
    place: Option<SessionPlace>,
    /// "Firefox on Linux".
    browser: Option<String>,
}

impl SignInFrom {
    pub(crate) fn browser(place: SessionPlace, headers: &HeaderMap) -> Self {
        let said = headers.get(header::USER_AGENT).and_then(|said| said.to_str().ok());
        Self { place: Some(place), browser: said.map(places::browser) }
    }

    pub(super) fn of(via: Via, headers: &HeaderMap) -> Self {
        match via {
            Via::Browser => Self::browser(SessionPlace::Browser, headers),
            Via::Local => {
                let said = headers.get(header::USER_AGENT);
                let window = said.is_some_and(|said| said.as_bytes() == agw_api::WINDOW.as_bytes());
                let place = if window { SessionPlace::Window } else { SessionPlace::CommandLine };
                Self { place: Some(place), browser: None }
            }
        }
    }
}

/// What a session is good for. A browser sends cookies to every port of a
/// host, so any program that listens on this machine may get to see one: that
/// of the pages, which has to come along when another site links to them,
/// opens nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opens {
    AdminApi,
    Pages,
}

impl Opens {
    fn life(self) -> Duration {
        match self {
            Self::AdminApi => bounds::SESSION_LIFE,
            Self::Pages => bounds::PAGE_SESSION_LIFE,
        }
    }
}

impl StaffSessions {
    pub(crate) fn load(db: &Connection, now: i64) -> Result<Self, StoreError> {
        let mut select = db.prepare("SELECT * FROM sessions WHERE expires_at > ?1")?;
        let rows = select.query_map([now], |row| {
            let place: Option<String> = row.get("place")?;
            let open = Open {
                user: UserId::new(row.get("user")?),
                opens: if row.get("pages")? { Opens::Pages } else { Opens::AdminApi },
                expires_at: row.get("expires_at")?,
                created_at: row.get("created_at")?,
                used_at: None,
                from: SignInFrom {
                    place: place.and_then(|word| places::place(&word)),
                    browser: row.get("browser")?,
                },
            };
            Ok((row.get("hash")?, open))
        })?;
        Ok(Self(Mutex::new(rows.collect::<Result<_, _>>()?)))
    }

    fn open(&self) -> std::sync::MutexGuard<'_, HashMap<Hash, Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn find(
        &self,
        site: Site,
        token: &str,
        opens: Opens,
        now: i64,
    ) -> Option<(Hash, Open)> {
        let hash = hash(site, token);
        let mut sessions = self.open();
        let open = sessions.get_mut(&hash)?;
        let good = open.opens == opens && open.expires_at > now;
        good.then(|| {
            open.used_at = Some(now);
            (hash, open.clone())
        })
    }

    /// Returns what had to make room.
    fn add(&self, hash: Hash, session: Open) -> Vec<Hash> {
        let mut sessions = self.open();
        let now = clock::now_ms();
        sessions.retain(|_, open| open.expires_at > now);
        let own = sessions.iter().filter(|(_, open)| open.user == session.user);
        let mut own: Vec<_> = own.map(|(hash, open)| (open.created_at, *hash)).collect();
        own.sort_unstable();
        let many = (own.len() + 1).saturating_sub(bounds::SESSIONS_PER_PERSON);
        let oldest: Vec<Hash> = own.into_iter().take(many).map(|(_, hash)| hash).collect();
        for hash in &oldest {
            sessions.remove(hash);
        }
        sessions.insert(hash, session);
        oldest
    }

    pub(super) fn still_open(&self, signed: &Signed) -> bool {
        self.open().get(&signed.hash).is_some_and(|open| open.expires_at > clock::now_ms())
    }

    /// Those of the same person, the one used last first.
    pub(super) fn shown(&self, signed: &Signed) -> Vec<OpenSession> {
        let now = clock::now_ms();
        let sessions = self.open();
        let own = sessions.iter().filter(|(_, o)| o.user == signed.user && o.expires_at > now);
        let mut own: Vec<_> = own.collect();
        own.sort_by_key(|(hash, open)| {
            (std::cmp::Reverse(open.used_at.or(open.created_at)), **hash)
        });
        let shown = own.into_iter().map(|(hash, open)| OpenSession {
            id: public_id(hash),
            place: open.from.place,
            browser: open.from.browser.clone(),
            created_at: open.created_at.map(rfc3339),
            used_at: open.used_at.map(rfc3339),
            expires_at: rfc3339(open.expires_at),
            current: *hash == signed.hash,
        });
        shown.collect()
    }

    pub(super) fn others(&self, signed: &Signed) -> Vec<Hash> {
        let sessions = self.open();
        let own = sessions.iter().filter(|(_, open)| open.user == signed.user);
        own.map(|(hash, _)| *hash).filter(|hash| *hash != signed.hash).collect()
    }

    pub(super) fn named(&self, user: UserId, id: &str) -> Option<Hash> {
        let sessions = self.open();
        let mut own = sessions.iter().filter(|(_, open)| open.user == user);
        own.find(|(hash, _)| public_id(hash) == id).map(|(hash, _)| *hash)
    }

    /// Ends all sessions of a user who was removed or got another password,
    /// but for the one to keep.
    pub(super) fn end_all(&self, user: UserId, keep: Option<Hash>) {
        self.open().retain(|hash, open| open.user != user || Some(*hash) == keep);
    }
}

/// By which a session is named: nothing can be learned from it.
fn public_id(hash: &Hash) -> String {
    Sha256::digest(hash).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// By which a session is found: of one address it is none at the other, so
/// that a cookie that got away on this machine is of no use from elsewhere.
fn hash(site: Site, token: &str) -> Hash {
    match site {
        Site::Loopback => Sha256::digest(token.as_bytes()).into(),
        Site::Shared => Sha256::digest(format!("shared:{token}").as_bytes()).into(),
    }
}

/// What failures are counted of: a name, as it was tried from one place, all
/// names from there, and a name from wherever in the network. Nobody who
/// guesses over the network keeps people on this machine out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Tally {
    Name(Option<IpAddr>, String),
    Place(Option<IpAddr>),
    Everywhere(String),
}

impl Tally {
    /// Each with how many it may be.
    fn of(door: Door, name: &str) -> Vec<(Self, u32)> {
        // As the names of users are looked up. One that is too long for a user
        // is nobody's, and not kept.
        let name = if name.len() > bounds::SIGN_IN_NAME_MAX { "" } else { name };
        let (peer, name) = (door.peer(), name.to_ascii_lowercase());
        let many = bounds::SIGN_IN_FAILURES * 10;
        let everywhere = peer.map(|_| (Self::Everywhere(name.clone()), many));
        let here = [(Self::Name(peer, name), bounds::SIGN_IN_FAILURES), (Self::Place(peer), many)];
        here.into_iter().chain(everywhere).collect()
    }
}

/// Counts failed sign-ins.
#[derive(Debug)]
pub(crate) struct SignIns {
    failures: Mutex<HashMap<Tally, (u32, Instant)>>,
    hashing: Arc<Semaphore>,
}

impl Default for SignIns {
    fn default() -> Self {
        let hashing = Arc::new(Semaphore::new(bounds::PASSWORD_HASHES));
        Self { failures: Mutex::default(), hashing }
    }
}

impl SignIns {
    /// Refuses what failed too often, before its password is looked at.
    pub(super) fn check(&self, door: Door, name: &str) -> Result<(), AdminError> {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.retain(|_, (_, since)| since.elapsed() < bounds::SIGN_IN_WINDOW);
        for (tally, limit) in Tally::of(door, name) {
            if let Some((count, since)) = failures.get(&tally)
                && *count >= limit
            {
                let left = bounds::SIGN_IN_WINDOW.saturating_sub(since.elapsed());
                return Err(too_many(left));
            }
        }
        Ok(())
    }

    pub(super) fn failed(&self, door: Door, name: &str) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let room = failures.len() < NAMES_MAX;
        for (tally, _) in Tally::of(door, name) {
            // One place fills this with names only as fast as it may fail.
            if room || failures.contains_key(&tally) {
                failures.entry(tally).or_insert((0, Instant::now())).0 += 1;
            }
        }
    }

    /// Whether this is the password of that name. Those that wait for a place
    /// are counted, too: who sends a thousand at once gets no more guesses
    /// than who sends them one by one.
    async fn matches(
        &self,
        door: Door,
        name: &str,
        stored: PasswordHash,
        password: Secret,
    ) -> Result<bool, AdminError> {
        self.check(door, name)?;
        let _place = self.place().await?;
        self.check(door, name)?;
        let matches = tokio::task::spawn_blocking(move || stored.matches(&password)).await;
        let matches = matches.map_err(|_| unhashed())?;
        if !matches {
            self.failed(door, name);
        }
        Ok(matches)
    }

    /// Runs a hash off the async threads, a few at a time.
    pub(crate) async fn hash<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AdminError> {
        let _place = self.place().await?;
        tokio::task::spawn_blocking(work).await.map_err(|_| unhashed())
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, AdminError> {
        Arc::clone(&self.hashing).acquire_owned().await.map_err(|_| unhashed())
    }
}

fn unhashed() -> AdminError {
    AdminError::internal("a password could not be hashed")
}

fn too_many(left: Duration) -> AdminError {
    let seconds = left.as_secs().max(1);
    let message = "too many failed sign-ins";
    let mut error =
        AdminError::new(codes::TOO_MANY_ATTEMPTS, message, format!("try again in {seconds} s"));
    error.retry_after = Some(seconds);
    error
}

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

    #[test]
    fn five_failures_lock_one_name_and_not_another() {
        let sign_ins = SignIns::default();
        for _ in 0..bounds::SIGN_IN_FAILURES {
            assert!(sign_ins.check(Door::Machine, "ana").is_ok());
            sign_ins.failed(Door::Machine, "ana");
        }
        let refused = sign_ins.check(Door::Machine, "aNa").unwrap_err();
        assert_eq!(refused.code, codes::TOO_MANY_ATTEMPTS);
        assert!(refused.retry_after.is_some());
        assert!(sign_ins.check(Door::Machine, "bo").is_ok());
    }

    /// A request may be a megabyte long, and what failed is kept for a minute.
    #[test]
    fn what_is_too_long_for_a_name_is_not_remembered() {
        let sign_ins = SignIns::default();
        let long = |n: u32| format!("{n}{}", "x".repeat(1 << 20));
        for n in 0..bounds::SIGN_IN_FAILURES {
            sign_ins.failed(Door::Network([192, 0, 2, 1].into()), &long(n));
        }
        let failures = sign_ins.failures.lock().unwrap();
        let kept = failures.keys().map(|tally| format!("{tally:?}").len());
        assert!(kept.sum::<usize>() < 1_000, "{} kept", failures.len());
    }

    #[test]
    fn nobody_in_the_network_locks_out_this_machine_or_another_one() {
        let sign_ins = SignIns::default();
        let peer = |n: u8| Door::Network([192, 0, 2, n].into());
        let many = bounds::SIGN_IN_FAILURES * 10;
        for n in 0..many {
            sign_ins.failed(peer(1), &format!("guess{n}"));
        }
        assert!(sign_ins.check(peer(1), "ana").is_err());
        assert!(sign_ins.check(peer(2), "ana").is_ok());
        assert!(sign_ins.check(Door::Machine, "ana").is_ok());
        // Nor do many guess one name together, from one address each.
        for n in 0..many {
            sign_ins.failed(peer(u8::try_from(n + 10).unwrap()), "ana");
        }
        assert!(sign_ins.check(peer(200), "ana").is_err());
        assert!(sign_ins.check(peer(200), "bo").is_ok());
        assert!(sign_ins.check(Door::Machine, "ana").is_ok());
    }
}
