//! Everything a call needs to know, in memory and immutable.

use std::{collections::HashMap, sync::Arc};

use agw_api::Transport;
use agw_core::{
    AgentCaller, AgentId, Caller, ConnectionId, ConnectionName, Effect, Grant, GrantId,
    PermissionMap, Subject, TeamId, TokenHash, ToolPattern, UserId,
};
use agw_vault::Place;
use foldhash::fast::RandomState;
use rusqlite::{Connection, Row};

use crate::store::{StoreError, rows};

/// The configuration at one version. A change makes a new one; calls under
/// way keep the one they began with only until the next look.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) set_up: bool,
    pub(crate) paused: bool,
    pub(crate) permissions: PermissionMap,
    pub(crate) tokens: HashMap<TokenHash, TokenEntry, RandomState>,
    pub(crate) connections: HashMap<ConnectionName, Arc<ConnectionConfig>>,
    pub(crate) users: HashMap<UserId, Person>,
    pub(crate) agents: HashMap<AgentId, Person>,
    teams: HashMap<UserId, Arc<[TeamId]>>,
    pub(crate) grants: usize,
}

/// What a token's hash leads to.
#[derive(Debug)]
pub(crate) struct TokenEntry {
    pub(crate) caller: Arc<Caller>,
    /// Milliseconds since 1970.
    pub(crate) expires_at: Option<i64>,
    pub(crate) revoked: bool,
}

/// A name for the audit trail; kept when the row is removed.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) removed: bool,
}

/// A connection with its sealed credentials.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ConnectionConfig {
    pub(crate) id: ConnectionId,
    pub(crate) name: ConnectionName,
    pub(crate) transport: Transport,
    pub(crate) credentials: Vec<SealedCredential>,
    pub(crate) version: u64,
    pub(crate) created_at: i64,
}

impl ConnectionConfig {
    /// Where one of its credentials was sealed for.
    pub(crate) fn place<'c>(&'c self, credential: &'c SealedCredential) -> Place<'c> {
        Place {
            connection: self.id,
            connection_name: &self.name,
            credential: &credential.name,
            version: credential.version,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SealedCredential {
    pub(crate) name: String,
    pub(crate) version: u64,
    pub(crate) sealed: Vec<u8>,
}

impl Snapshot {
    pub(crate) fn load(db: &Connection) -> Result<Self, StoreError> {
        let version = rows::meta(db, rows::POLICY_VERSION)?
            .map_or(Ok(0), |text| text.parse())
            .map_err(|e| StoreError::Damaged(format!("policy version: {e}")))?;
        let grants = load_grants(db)?;
        let teams = load_teams(db)?;
        Ok(Self {
            set_up: rows::meta(db, rows::MASTER_KEY)?.is_some(),
            paused: rows::meta(db, rows::PAUSED)?.is_some_and(|value| value == "1"),
            grants: grants.len(),
            permissions: PermissionMap::build(version, grants),
            tokens: load_tokens(db, &teams)?,
            connections: load_connections(db)?,
            users: load_people(db, "SELECT id, name, removed_at FROM users", UserId::new)?,
            agents: load_people(db, "SELECT id, name, removed_at FROM agents", AgentId::new)?,
            teams,
        })
    }

    pub(crate) fn teams_of(&self, user: UserId) -> Arc<[TeamId]> {
        self.teams.get(&user).cloned().unwrap_or_else(|| [].into())
    }
}

fn load_teams(db: &Connection) -> Result<HashMap<UserId, Arc<[TeamId]>>, StoreError> {
    let mut teams: HashMap<UserId, Vec<TeamId>> = HashMap::new();
    let mut select = db.prepare("SELECT user, team FROM memberships ORDER BY team")?;
    for row in select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))? {
        let (user, team) = row?;
        teams.entry(UserId::new(user)).or_default().push(TeamId::new(team));
    }
    Ok(teams.into_iter().map(|(user, teams)| (user, teams.into())).collect())
}

fn load_grants(db: &Connection) -> Result<Vec<Grant>, StoreError> {
    let mut select = db.prepare("SELECT id, user, team, agent, tool, effect FROM grants")?;
    let rows = select.query_and_then([], |row| {
        let subject = match (row.get("user")?, row.get("team")?, row.get("agent")?) {
            (Some(id), None, None) => Subject::User(UserId::new(id)),
            (None, Some(id), None) => Subject::Team(TeamId::new(id)),
            (None, None, Some(id)) => Subject::Agent(AgentId::new(id)),
            _ => return Err(StoreError::Damaged("a grant without one subject".into())),
        };
        let effect = match row.get_ref("effect")?.as_str() {
            Ok("allow") => Effect::Allow,
            Ok("deny") => Effect::Deny,
            _ => return Err(StoreError::Damaged("a grant of unknown effect".into())),
        };
        let id = GrantId::new(row.get("id")?);
        Ok(Grant { id, subject, tool: rows::parsed(row, "tool")?, effect })
    })?;
    rows.collect()
}

fn load_tokens(
    db: &Connection,
    teams: &HashMap<UserId, Arc<[TeamId]>>,
) -> Result<HashMap<TokenHash, TokenEntry, RandomState>, StoreError> {
    let mut select = db.prepare(
        "SELECT t.hash, t.user, t.agent, t.revoked_at, a.scope, a.expires_at
         FROM tokens t LEFT JOIN agents a ON a.id = t.agent",
    )?;
    let rows = select.query_and_then([], |row| {
        let hash: [u8; 32] = row.get("hash")?;
        let user = UserId::new(row.get("user")?);
        let agent = match row.get::<_, Option<u64>>("agent")? {
            None => None,
            Some(id) => Some(AgentCaller { id: AgentId::new(id), scope: scope(row)?.into() }),
        };
        let teams = teams.get(&user).cloned().unwrap_or_else(|| [].into());
        let entry = TokenEntry {
            caller: Arc::new(Caller { user, teams, agent }),
            expires_at: row.get("expires_at")?,
            revoked: row.get::<_, Option<i64>>("revoked_at")?.is_some(),
        };
        Ok((TokenHash::from_bytes(hash), entry))
    })?;
    rows.collect()
}

/// The tool patterns of an agent's row.
fn scope(row: &Row<'_>) -> Result<Vec<ToolPattern>, StoreError> {
    let damaged = |e: &dyn std::fmt::Display| StoreError::Damaged(format!("scope: {e}"));
    let text: String = row.get("scope")?;
    let patterns: Vec<String> = serde_json::from_str(&text).map_err(|e| damaged(&e))?;
    patterns.iter().map(|pattern| pattern.parse().map_err(|e| damaged(&e))).collect()
}

fn load_connections(
    db: &Connection,
) -> Result<HashMap<ConnectionName, Arc<ConnectionConfig>>, StoreError> {
    let mut credentials: HashMap<u64, Vec<SealedCredential>> = HashMap::new();
    let mut select =
        db.prepare("SELECT connection, name, version, sealed FROM credentials ORDER BY name")?;
    let rows = select.query_map([], |row| {
        let credential =
            SealedCredential { name: row.get(1)?, version: row.get(2)?, sealed: row.get(3)? };
        Ok((row.get(0)?, credential))
    })?;
    for row in rows {
        let (connection, credential) = row?;
        credentials.entry(connection).or_default().push(credential);
    }
    let mut select =
        db.prepare("SELECT id, name, transport, version, created_at FROM connections")?;
    let rows = select.query_and_then([], |row| {
        let id: u64 = row.get("id")?;
        let name: ConnectionName = rows::parsed(row, "name")?;
        let transport: String = row.get("transport")?;
        let config = ConnectionConfig {
            id: ConnectionId::new(id),
            name: name.clone(),
            transport: serde_json::from_str(&transport)
                .map_err(|e| StoreError::Damaged(format!("transport of {name}: {e}")))?,
            credentials: credentials.remove(&id).unwrap_or_default(),
            version: row.get("version")?,
            created_at: row.get("created_at")?,
        };
        Ok((name, Arc::new(config)))
    })?;
    rows.collect()
}

fn load_people<Id: std::hash::Hash + Eq>(
    db: &Connection,
    sql: &str,
    id: impl Fn(u64) -> Id,
) -> Result<HashMap<Id, Person>, StoreError> {
    let mut select = db.prepare(sql)?;
    let rows = select.query_map([], |row| {
        let removed = row.get::<_, Option<i64>>(2)?.is_some();
        Ok((id(row.get(0)?), Person { name: row.get(1)?, removed }))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
