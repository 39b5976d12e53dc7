//! The sessions that are open, in memory, as the table has them.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use agw_api::{OpenSession, SessionPlace};
use agw_core::UserId;
use axum::http::{HeaderMap, header};
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};

use super::{Hash, Signed};
use crate::{
    admin::{Via, sessions as places},
    audit::record::rfc3339,
    bounds, clock,
    door::Site,
    store::StoreError,
};

/// Sessions of people, by the hash of their token.
#[derive(Debug)]
pub(crate) struct StaffSessions(Mutex<HashMap<Hash, Open>>);

/// Times are in milliseconds since 1970.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    pub(crate) user: UserId,
    pub(super) opens: Opens,
    pub(super) expires_at: i64,
    /// Not known of those from before an upgrade.
    pub(super) created_at: Option<i64>,
    /// Since the service was started.
    pub(super) used_at: Option<i64>,
    pub(super) from: SignInFrom,
}

/// From where somebody signed in: one of a few words each, never what a client
/// says of itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct SignInFrom {
    pub(super) place: Option<SessionPlace>,
    /// "Firefox on Linux".
    pub(super) browser: Option<String>,
}

impl SignInFrom {
    pub(crate) fn browser(place: SessionPlace, headers: &HeaderMap) -> Self {
        let said = headers.get(header::USER_AGENT).and_then(|said| said.to_str().ok());
        Self { place: Some(place), browser: said.map(places::browser) }
    }

    pub(crate) fn of(via: Via, headers: &HeaderMap) -> Self {
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
    pub(super) fn life(self) -> Duration {
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

    pub(super) fn open(&self) -> std::sync::MutexGuard<'_, HashMap<Hash, Open>> {
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
    pub(super) fn add(&self, hash: Hash, session: Open) -> Vec<Hash> {
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

    pub(crate) fn still_open(&self, signed: &Signed) -> bool {
        self.open().get(&signed.hash).is_some_and(|open| open.expires_at > clock::now_ms())
    }

    /// Those of the same person, the one used last first.
    pub(crate) fn shown(&self, signed: &Signed) -> Vec<OpenSession> {
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

    pub(crate) fn others(&self, signed: &Signed) -> Vec<Hash> {
        let sessions = self.open();
        let own = sessions.iter().filter(|(_, open)| open.user == signed.user);
        own.map(|(hash, _)| *hash).filter(|hash| *hash != signed.hash).collect()
    }

    pub(crate) fn named(&self, user: UserId, id: &str) -> Option<Hash> {
        let sessions = self.open();
        let mut own = sessions.iter().filter(|(_, open)| open.user == user);
        own.find(|(hash, _)| public_id(hash) == id).map(|(hash, _)| *hash)
    }

    /// Ends all sessions of a user who was removed or got another password,
    /// but for the one to keep.
    pub(crate) fn end_all(&self, user: UserId, keep: Option<Hash>) {
        self.open().retain(|hash, open| open.user != user || Some(*hash) == keep);
    }
}

/// By which a session is named: nothing can be learned from it.
fn public_id(hash: &Hash) -> String {
    Sha256::digest(hash).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// By which a session is found: of one address it is none at the other, so
/// that a cookie that got away on this machine is of no use from elsewhere.
pub(super) fn hash(site: Site, token: &str) -> Hash {
    match site {
        Site::Loopback => Sha256::digest(token.as_bytes()).into(),
        Site::Shared => Sha256::digest(format!("shared:{token}").as_bytes()).into(),
    }
}
