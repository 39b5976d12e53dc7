//! What a person agreed to, and what comes of it: an agent and its tokens.

use agw_core::{AgentId, MintedToken, TokenKind, UserId};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Audience, clients::Client, error::OauthError};
use crate::{
    admin::{
        AdminError,
        agents::{self, NewRow},
        mint,
    },
    audit::Record,
    bounds, clock,
    door::Site,
    gateway::Gateway,
    store::{rows, writer::Change},
};

/// A person's yes to one program.
#[derive(Debug)]
pub(super) struct Consent {
    pub(super) user: UserId,
    pub(super) client: Client,
    pub(super) redirect: String,
    pub(super) host: String,
    /// SHA-256 of the verifier, base64url (RFC 7636).
    pub(super) challenge: String,
    pub(super) audience: Audience,
    pub(super) becomes: Becomes,
}

/// The agent that it becomes. Times are in milliseconds since 1970.
#[derive(Debug)]
pub(super) enum Becomes {
    New {
        scope: Vec<String>,
        expires_at: Option<i64>,
    },
    /// One that the program had before, with what is picked now.
    Again {
        agent: AgentId,
        scope: Vec<String>,
        expires_at: Option<i64>,
    },
    /// The same, with these added to what it has.
    More {
        agent: AgentId,
        adds: Vec<String>,
    },
}

/// What a client gets.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) agent: AgentId,
    pub(super) access: MintedToken,
    pub(super) refresh: Option<MintedToken>,
    pub(super) expires_in: i64,
    pub(super) scope: String,
}

struct Row {
    user: UserId,
    name: String,
    scope: Vec<String>,
    expires_at: Option<i64>,
}

/// Makes the agent that somebody agreed to, and its first tokens.
pub(super) async fn begin(gateway: &Gateway, consent: Consent) -> Result<Issued, OauthError> {
    let (access, refresh) = (mint(TokenKind::Agent)?, mint(TokenKind::Refresh)?);
    let (access_hash, refresh_hash) = (access.hash(), refresh.hash());
    let now = gateway.live.clock.now_ms();
    let made = gateway.writer.change(move |change| {
        let db = change.db;
        let sql =
            "SELECT name FROM users WHERE id = ?1 AND removed_at IS NULL AND role <> 'auditor'";
        let owner = db.query_row(sql, [consent.user.get()], |row| row.get::<_, String>(0));
        let Some(owner) = owner.optional()? else { return Ok(None) };
        let Some(agent) = agent_of(change, &consent, &owner)? else { return Ok(None) };
        let Some(row) = alive(db, agent, now)? else { return Ok(None) };
        end_tokens(db, agent, now)?;
        let audience = consent.audience.stored();
        let expires_in = add_access(db, access_hash, agent, &row, &audience, now)?;
        add_refresh(db, refresh_hash, agent, now)?;
        let Client { id, name, known, .. } = &consent.client;
        db.execute(
            "INSERT OR REPLACE INTO sign_ins (agent, client, name, host, known, audience, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![agent.get(), id, name, consent.host, known, audience, clock::now_ms()],
        )?;
        let sql = "UPDATE clients SET used_at = ?2 WHERE id = ?1";
        db.execute(sql, params![id, clock::now_ms()])?;
        let detail = format!("{owner}/{}, by {name} ({}), for {audience}", row.name, consent.host);
        change.audit(record("agent_signed_in", &row, agent, detail));
        Ok::<_, AdminError>(Some((agent, expires_in, scope_of(&row, &consent.audience))))
    });
    let (agent, expires_in, scope) = made.await?.ok_or_else(OauthError::grant)?;
    Ok(Issued { agent, access, refresh: Some(refresh), expires_in, scope })
}

fn agent_of(
    change: &Change<'_>,
    consent: &Consent,
    owner: &str,
) -> Result<Option<AgentId>, AdminError> {
    let (db, user) = (change.db, consent.user);
    let (agent, scope, expires_at) = match &consent.becomes {
        Becomes::New { scope, expires_at } => {
            let name = free_name(db, user, &consent.client.name)?;
            let how = format!(", signed in by {} ({})", consent.client.name, consent.host);
            let row = NewRow {
                name: &name,
                scope,
                expires_at: *expires_at,
                max_uses: None,
                client_timeout: bounds::CLIENT_TIMEOUT,
                how: &how,
            };
            return agents::insert(change, (user, owner), user, &row).map(Some);
        }
        Becomes::Again { agent, scope, expires_at } => (*agent, scope.clone(), Some(*expires_at)),
        Becomes::More { agent, adds } => {
            let Some(row) = row(db, *agent)? else { return Ok(None) };
            let mut scope = row.scope;
            // An empty scope has everything already.
            if !scope.is_empty() {
                let new = adds.iter().filter(|tool| !scope.contains(tool)).cloned();
                let new: Vec<String> = new.collect();
                scope.extend(new);
            }
            (*agent, scope, None)
        }
    };
    let Some(row) = row(db, agent)?.filter(|row| row.user == user) else { return Ok(None) };
    db.execute(
        "UPDATE agents SET scope = ?2, expires_at = iif(?3, ?4, expires_at), version = version + 1 WHERE id = ?1",
        params![agent.get(), agents::checked_scope(&scope)?, expires_at.is_some(), expires_at.flatten()],
    )?;
    let detail = format!(
        "{owner}/{}, scope {}, signed in by {} ({})",
        row.name,
        agents::scope_text(&scope),
        consent.client.name,
        consent.host
    );
    change.audit(Record::config(clock::now_ms(), user, "agent_edited", detail));
    Ok(Some(agent))
}

/// The program's name as far as an agent may have it, and a number if there
/// is one of that name.
fn free_name(db: &Connection, user: UserId, client: &str) -> Result<String, AdminError> {
    let allowed = |c: char| c.is_alphanumeric() || " _-.+'".contains(c);
    let plain: String = client.chars().map(|c| if allowed(c) { c } else { ' ' }).take(50).collect();
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain = if plain.chars().any(char::is_alphanumeric) { plain } else { "Agent".to_owned() };
    let numbered = (2..).map(|n: u32| format!("{plain} {n}"));
    for name in std::iter::once(plain.clone()).chain(numbered) {
        let taken = rows::agent_id(db, user, &name);
        match taken {
            Ok(_) => {}
            Err(error) if error.code == agw_api::codes::NOT_FOUND => return Ok(name),
            Err(error) => return Err(error),
        }
    }
    Err(AdminError::internal("no name is free"))
}

/// What became of a refresh token.
enum Refreshed {
    Issued(AgentId, i64, String),
    /// It was used before.
    Again,
    No,
}

/// A new pair for an old refresh token, which is used up.
pub(super) async fn refresh(
    gateway: &Gateway,
    token: agw_core::TokenHash,
    client: String,
    (site, audience): (Site, Option<Audience>),
) -> Result<Issued, OauthError> {
    let (access, refresh) = (mint(TokenKind::Agent)?, mint(TokenKind::Refresh)?);
    let (access_hash, refresh_hash) = (access.hash(), refresh.hash());
    let now = gateway.live.clock.now_ms();
    let made = gateway.writer.change(move |change| {
        let db = change.db;
        let sql = "SELECT r.agent, r.used_at IS NOT NULL, r.expires_at, s.client, s.audience
                   FROM refresh_tokens r JOIN sign_ins s ON s.agent = r.agent WHERE r.hash = ?1";
        let found = db.query_row(sql, [token.as_bytes()], |row| {
            let agent = AgentId::new(row.get(0)?);
            let (used, expires_at): (bool, i64) = (row.get(1)?, row.get(2)?);
            Ok((agent, used, expires_at, row.get::<_, String>(3)?, row.get::<_, String>(4)?))
        });
        let Some((agent, used, expires_at, owner, path)) = found.optional()? else {
            return Ok(Refreshed::No);
        };
        let Some(row) = alive(db, agent, now)?.filter(|_| owner == client && expires_at > now)
        else {
            return Ok(Refreshed::No);
        };
        if used {
            end_tokens(db, agent, now)?;
            let detail = format!("all tokens of {} ended", row.name);
            let mut record = record("agent_signed_out", &row, agent, detail);
            record.reason = Some("refresh_token_reused");
            change.audit(record);
            return Ok(Refreshed::Again);
        }
        let own = Audience::of_stored(&path).ok_or_else(|| AdminError::internal("an audience"))?;
        if own.site() != site || audience.is_some_and(|asked| asked != own) {
            return Ok(Refreshed::No);
        }
        let sql = "UPDATE refresh_tokens SET used_at = ?2 WHERE hash = ?1";
        db.execute(sql, params![token.as_bytes(), now])?;
        let expires_in = add_access(db, access_hash, agent, &row, &path, now)?;
        add_refresh(db, refresh_hash, agent, now)?;
        change.audit(record("token_refreshed", &row, agent, row.name.clone()));
        Ok::<_, AdminError>(Refreshed::Issued(agent, expires_in, scope_of(&row, &own)))
    });
    match made.await? {
        Refreshed::Issued(agent, expires_in, scope) => {
            Ok(Issued { agent, access, refresh: Some(refresh), expires_in, scope })
        }
        Refreshed::Again | Refreshed::No => Err(OauthError::grant()),
    }
}

/// A token of an hour for an agent that has shown its sub-token.
pub(super) async fn for_sub_token(
    gateway: &Gateway,
    agent: AgentId,
    audience: Audience,
) -> Result<Issued, OauthError> {
    let access = mint(TokenKind::Agent)?;
    let hash = access.hash();
    let now = gateway.live.clock.now_ms();
    let made = gateway.writer.change(move |change| {
        let Some(row) = alive(change.db, agent, now)? else { return Ok(None) };
        let expires_in = add_access(change.db, hash, agent, &row, &audience.stored(), now)?;
        let detail = format!("{}, with its sub-token, for {}", row.name, audience.stored());
        change.audit(record("token_issued", &row, agent, detail));
        Ok::<_, AdminError>(Some((expires_in, scope_of(&row, &audience))))
    });
    let (expires_in, scope) = made.await?.ok_or_else(OauthError::grant)?;
    Ok(Issued { agent, access, refresh: None, expires_in, scope })
}

/// Ends all tokens that an agent got by signing in; `reason` says what was
/// wrong, `None` that its client asked for it.
pub(super) async fn end_sign_in(
    gateway: &Gateway,
    agent: AgentId,
    reason: Option<&'static str>,
) -> Result<(), AdminError> {
    let now = gateway.live.clock.now_ms();
    let ended = gateway.writer.change(move |change| {
        end_tokens(change.db, agent, now)?;
        if let Some(row) = row(change.db, agent)? {
            let detail = format!("all tokens of {} ended", row.name);
            let mut record = record("agent_signed_out", &row, agent, detail);
            record.reason = reason;
            change.audit(record);
        }
        Ok::<_, AdminError>(())
    });
    ended.await
}

/// Whose token it is, if it came of a sign-in: the agent and its program. An
/// access token that is no longer good says nothing of what came after it; a
/// refresh token does, like anything that is used twice.
pub(super) async fn owner_of(
    gateway: &Gateway,
    token: agw_core::TokenHash,
) -> Result<Option<(AgentId, String)>, AdminError> {
    let now = gateway.live.clock.now_ms();
    let found = gateway.reader.run(move |db| {
        let sql = "SELECT r.agent, s.client FROM refresh_tokens r JOIN sign_ins s ON s.agent = r.agent WHERE r.hash = ?1
                   UNION ALL
                   SELECT t.agent, s.client FROM tokens t LEFT JOIN sign_ins s ON s.agent = t.agent
                   WHERE t.hash = ?1 AND t.audience IS NOT NULL AND t.revoked_at IS NULL AND t.expires_at > ?2";
        let row = db.query_row(sql, params![token.as_bytes(), now], |row| {
            let agent = AgentId::new(row.get(0)?);
            // With its own sub-token an agent is its own client.
            let client: Option<String> = row.get(1)?;
            Ok((agent, client.unwrap_or_else(|| agent.to_string())))
        });
        Ok(row.optional()?)
    });
    Ok(found.await?)
}

/// Of the configuration: which tokens there are is a part of it.
fn record(status: &'static str, row: &Row, agent: AgentId, detail: String) -> Record {
    let agent = Some(agent);
    Record { agent, ..Record::config(clock::now_ms(), row.user, status, detail) }
}

fn row(db: &Connection, agent: AgentId) -> Result<Option<Row>, AdminError> {
    let sql =
        "SELECT user, name, scope, expires_at FROM agents WHERE id = ?1 AND removed_at IS NULL";
    let found = db.query_row(sql, [agent.get()], |row| {
        let (user, name) = (UserId::new(row.get(0)?), row.get(1)?);
        Ok((user, name, row.get::<_, String>(2)?, row.get(3)?))
    });
    let Some((user, name, scope, expires_at)) = found.optional()? else { return Ok(None) };
    let scope = serde_json::from_str(&scope).map_err(|e| AdminError::internal(e.to_string()))?;
    Ok(Some(Row { user, name, scope, expires_at }))
}

fn alive(db: &Connection, agent: AgentId, now: i64) -> Result<Option<Row>, AdminError> {
    Ok(row(db, agent)?.filter(|row| row.expires_at.is_none_or(|at| at > now)))
}

fn scope_of(row: &Row, audience: &Audience) -> String {
    if row.scope.is_empty() { audience.scope() } else { row.scope.join(" ") }
}

/// Returns how many seconds it is good for.
fn add_access(
    db: &Connection,
    hash: agw_core::TokenHash,
    agent: AgentId,
    row: &Row,
    audience: &str,
    now: i64,
) -> Result<i64, AdminError> {
    let ms =
        |duration: std::time::Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    let known = now.saturating_sub(ms(bounds::EXPIRED_KNOWN));
    db.execute("DELETE FROM tokens WHERE audience IS NOT NULL AND expires_at < ?1", [known])?;
    // Above the bound the oldest make room: every token is in every snapshot.
    db.execute(
        "DELETE FROM tokens WHERE hash IN (SELECT hash FROM tokens WHERE agent = ?1 AND audience IS NOT NULL
         ORDER BY created_at DESC LIMIT -1 OFFSET ?2)",
        params![agent.get(), bounds::ACCESS_TOKENS - 1],
    )?;
    let end = now.saturating_add(ms(bounds::ACCESS_LIFE)).min(row.expires_at.unwrap_or(i64::MAX));
    db.execute(
        "INSERT INTO tokens (hash, user, agent, created_at, audience, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![hash.as_bytes(), row.user.get(), agent.get(), now, audience, end],
    )?;
    Ok((end - now) / 1_000)
}

fn add_refresh(
    db: &Connection,
    hash: agw_core::TokenHash,
    agent: AgentId,
    now: i64,
) -> Result<(), AdminError> {
    db.execute("DELETE FROM refresh_tokens WHERE expires_at <= ?1", [now])?;
    db.execute(
        "DELETE FROM refresh_tokens WHERE hash IN (SELECT hash FROM refresh_tokens
         WHERE agent = ?1 AND used_at IS NOT NULL ORDER BY used_at DESC LIMIT -1 OFFSET ?2)",
        params![agent.get(), bounds::REFRESH_TOKENS],
    )?;
    let life = i64::try_from(bounds::REFRESH_LIFE.as_millis()).unwrap_or(i64::MAX);
    db.execute(
        "INSERT INTO refresh_tokens (hash, agent, expires_at) VALUES (?1, ?2, ?3)",
        params![hash.as_bytes(), agent.get(), now.saturating_add(life)],
    )?;
    Ok(())
}

/// Revokes what an agent got by signing in; its sub-token, if it has one that
/// a person gave it, stays.
fn end_tokens(db: &Connection, agent: AgentId, now: i64) -> Result<(), AdminError> {
    db.execute(
        "UPDATE tokens SET revoked_at = ?2 WHERE agent = ?1 AND audience IS NOT NULL AND revoked_at IS NULL",
        params![agent.get(), now],
    )?;
    db.execute("DELETE FROM refresh_tokens WHERE agent = ?1", [agent.get()])?;
    Ok(())
}
