//! Accounts as the database has them.

use std::collections::HashMap;

use agw_core::{ConnectionId, UserId};
use agw_vault::{Place, Secret, Vault};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{AccountError, client::StoredClient, token::Tokens};
use crate::{
    bounds,
    store::{StoreError, snapshot::ConnectionConfig},
};

/// What an account keeps in the vault.
const ACCESS: &str = "access token";
const REFRESH: &str = "refresh token";
const DAY_MS: i64 = 24 * 3600 * 1_000;

/// Whose account it is: the team's, or one person's.
pub(crate) type Owner = Option<UserId>;

/// An account with a system behind the gateway.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: u64,
    pub(crate) connection: ConnectionId,
    pub(crate) owner: Owner,
    pub(crate) version: u64,
    /// Why the person has to sign in again, if so.
    pub(crate) ended: Option<String>,
    pub(crate) issuer: String,
    pub(crate) token_endpoint: String,
    pub(crate) revocation_endpoint: Option<String>,
    pub(crate) resource: String,
    /// Separated by spaces: asked for, and asked for by the upstream since.
    pub(crate) scopes: String,
    pub(crate) wanted: String,
    pub(crate) access: Vec<u8>,
    pub(crate) refresh: Option<Vec<u8>>,
    /// Milliseconds since 1970, as are the others.
    pub(crate) issued_at: i64,
    pub(crate) expires_at: Option<i64>,
    pub(crate) connected_at: i64,
}

/// A set of tokens, sealed for its place.
pub(super) struct Sealed {
    pub(super) access: Vec<u8>,
    pub(super) refresh: Option<Vec<u8>>,
    pub(super) expires_at: Option<i64>,
}

impl Account {
    /// Where its access token was sealed for.
    pub(crate) fn access_place<'c>(&self, config: &'c ConnectionConfig) -> Place<'c> {
        place(config, self.owner, ACCESS, self.version)
    }

    pub(super) fn refresh_place<'c>(&self, config: &'c ConnectionConfig) -> Place<'c> {
        place(config, self.owner, REFRESH, self.version)
    }

    /// Whether it is time for a new access token.
    pub(super) fn due(&self, now: i64) -> bool {
        let Some(expires_at) = self.expires_at else { return false };
        let ahead = i64::try_from(bounds::RENEW_AHEAD.as_millis()).unwrap_or(i64::MAX);
        let quarter = expires_at.saturating_sub(self.issued_at) / 4;
        now >= expires_at.saturating_sub(ahead.min(quarter))
    }

    pub(super) fn expired(&self, now: i64) -> bool {
        self.expires_at.is_some_and(|at| now >= at)
    }
}

fn place<'c>(
    config: &'c ConnectionConfig,
    owner: Owner,
    credential: &'static str,
    version: u64,
) -> Place<'c> {
    Place { connection: config.id, connection_name: &config.name, owner, credential, version }
}

/// Seals what a token endpoint gave. `kept` is the refresh token so far, which
/// stays if there is no new one.
pub(super) fn seal(
    vault: &Vault,
    config: &ConnectionConfig,
    (owner, version): (Owner, u64),
    tokens: &Tokens,
    kept: Option<&Secret>,
    now: i64,
) -> Result<Sealed, AccountError> {
    let refresh = tokens.refresh.as_ref().or(kept);
    let seal = |what, secret: &Secret| vault.seal(&place(config, owner, what, version), secret);
    let life = tokens.life.map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX));
    Ok(Sealed {
        access: seal(ACCESS, &tokens.access)?,
        refresh: refresh.map(|refresh| seal(REFRESH, refresh)).transpose()?,
        expires_at: life.map(|seconds| now.saturating_add(seconds.saturating_mul(1_000))),
    })
}

pub(crate) fn load(
    db: &Connection,
) -> Result<HashMap<(ConnectionId, Owner), std::sync::Arc<Account>>, StoreError> {
    let mut select = db.prepare(
        "SELECT id, connection, user, version, ended, issuer, token_endpoint, resource, scopes, wanted,
             access, refresh, issued_at, expires_at, connected_at, revocation_endpoint FROM accounts",
    )?;
    let rows = select.query_map([], |row| {
        let connection = ConnectionId::new(row.get("connection")?);
        let owner = row.get::<_, Option<u64>>("user")?.map(UserId::new);
        let account = Account {
            id: row.get("id")?,
            connection,
            owner,
            version: row.get("version")?,
            ended: row.get("ended")?,
            issuer: row.get("issuer")?,
            token_endpoint: row.get("token_endpoint")?,
            revocation_endpoint: row.get("revocation_endpoint")?,
            resource: row.get("resource")?,
            scopes: row.get("scopes")?,
            wanted: row.get("wanted")?,
            access: row.get("access")?,
            refresh: row.get("refresh")?,
            issued_at: row.get("issued_at")?,
            expires_at: row.get("expires_at")?,
            connected_at: row.get("connected_at")?,
        };
        Ok(((connection, owner), std::sync::Arc::new(account)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn load_clients(
    db: &Connection,
) -> Result<HashMap<ConnectionId, std::sync::Arc<StoredClient>>, StoreError> {
    let mut select = db.prepare(
        "SELECT connection, issuer, client_id, secret, method, redirect_uri FROM account_clients",
    )?;
    let rows = select.query_map([], |row| {
        let client = StoredClient {
            issuer: row.get("issuer")?,
            id: row.get("client_id")?,
            secret: row.get("secret")?,
            method: row.get("method")?,
            redirect_uri: row.get("redirect_uri")?,
        };
        Ok((ConnectionId::new(row.get("connection")?), std::sync::Arc::new(client)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn store_client(
    db: &Connection,
    connection: ConnectionId,
    client: &StoredClient,
) -> Result<(), rusqlite::Error> {
    db.execute(
        "INSERT OR REPLACE INTO account_clients
             (connection, issuer, client_id, secret, method, redirect_uri) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            connection.get(),
            client.issuer,
            client.id,
            client.secret,
            client.method,
            client.redirect_uri
        ],
    )?;
    Ok(())
}

/// A new account in the place of the one before.
pub(super) struct NewAccount {
    pub(super) connection: ConnectionId,
    pub(super) owner: Owner,
    pub(super) issuer: String,
    pub(super) token_endpoint: String,
    pub(super) revocation_endpoint: Option<String>,
    pub(super) resource: String,
    pub(super) scopes: String,
    pub(super) sealed: Sealed,
    pub(super) now: i64,
}

pub(super) fn insert(db: &Connection, new: &NewAccount) -> Result<(), rusqlite::Error> {
    remove(db, new.connection, new.owner)?;
    db.execute(
        "INSERT INTO accounts (connection, user, issuer, token_endpoint, resource, scopes, access, refresh,
             issued_at, expires_at, connected_at, revocation_endpoint)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?9, ?11)",
        params![
            new.connection.get(),
            new.owner.map(UserId::get),
            new.issuer,
            new.token_endpoint,
            new.resource,
            new.scopes,
            new.sealed.access,
            new.sealed.refresh,
            new.now,
            new.sealed.expires_at,
            new.revocation_endpoint
        ],
    )?;
    Ok(())
}

/// Returns whether there was one.
pub(crate) fn remove(
    db: &Connection,
    connection: ConnectionId,
    owner: Owner,
) -> Result<bool, rusqlite::Error> {
    let sql = "DELETE FROM accounts WHERE connection = ?1 AND ifnull(user, 0) = ?2";
    Ok(db.execute(sql, params![connection.get(), owner.map_or(0, UserId::get)])? > 0)
}

/// Returns whether it was still the account that was renewed.
pub(super) fn renew(
    db: &Connection,
    account: &Account,
    sealed: &Sealed,
    now: i64,
) -> Result<bool, rusqlite::Error> {
    let changed = db.execute(
        "UPDATE accounts SET version = version + 1, access = ?3, refresh = ?4, issued_at = ?5, expires_at = ?6
         WHERE id = ?1 AND version = ?2",
        params![account.id, account.version, sealed.access, sealed.refresh, now, sealed.expires_at],
    )?;
    Ok(changed > 0)
}

pub(super) fn end(
    db: &Connection,
    account: &Account,
    reason: &str,
) -> Result<bool, rusqlite::Error> {
    let changed = db.execute(
        "UPDATE accounts SET ended = ?3 WHERE id = ?1 AND version = ?2 AND ended IS NULL",
        params![account.id, account.version, reason],
    )?;
    Ok(changed > 0)
}

/// One more round in which an upstream asks for more; `false` if it has asked
/// too often.
pub(super) fn step_up(
    db: &Connection,
    account: &Account,
    (wanted, limit): (&str, u32),
    now: i64,
) -> Result<bool, rusqlite::Error> {
    let (connection, user) = (account.connection.get(), account.owner.map_or(0, UserId::get));
    let sql =
        "SELECT rounds FROM account_rounds WHERE connection = ?1 AND user = ?2 AND since > ?3";
    let before = db.query_row(sql, params![connection, user, now - DAY_MS], |row| row.get(0));
    let before: u32 = before.optional()?.unwrap_or(0);
    if before >= limit {
        return Ok(false);
    }
    db.execute(
        "INSERT INTO account_rounds (connection, user, rounds, since) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (connection, user) DO UPDATE SET rounds = ?3, since = iif(?3 = 1, ?4, since)",
        params![connection, user, before + 1, now],
    )?;
    db.execute("UPDATE accounts SET wanted = ?2 WHERE id = ?1", params![account.id, wanted])?;
    Ok(true)
}
