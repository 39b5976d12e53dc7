//! Everything a call needs to know, in memory and immutable.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use agw_api::{AuditSettings, Role, SharingSettings, SignInKind, Transport};
use agw_core::{
    AgentCaller, AgentId, Caller, CallerFacts, Condition, ConnectionId, ConnectionName, Effect,
    Grant, GrantId, PermissionMap, Subject, TeamId, TokenHash, ToolEffect, ToolId, ToolPattern,
    UserId,
};
use agw_vault::Place;
use foldhash::fast::RandomState;
use rusqlite::{Connection, Row};

use crate::{
    accounts::{self, Account, Owner, StoredClient},
    audit::{
        forward, metrics,
        settings::{self, Recordings},
    },
    oauth::Audience,
    pins::Pins,
    sharing,
    store::{StoreError, rows},
};

/// The configuration at one version. A change makes a new one; calls under
/// way keep the one they began with only until the next look.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) set_up: bool,
    pub(crate) paused: bool,
    pub(crate) permissions: PermissionMap,
    /// The definitions that tools must have.
    pub(crate) pins: Pins,
    pub(crate) tokens: HashMap<TokenHash, TokenEntry, RandomState>,
    pub(crate) connections: HashMap<ConnectionName, Arc<ConnectionConfig>>,
    /// Accounts with the systems behind them, and the clients that they were
    /// made with.
    pub(crate) accounts: HashMap<(ConnectionId, Owner), Arc<Account>>,
    pub(crate) clients: HashMap<ConnectionId, Arc<StoredClient>>,
    pub(crate) users: HashMap<UserId, Person>,
    pub(crate) agents: HashMap<AgentId, AgentEntry>,
    memberships: HashMap<UserId, Membership>,
    pub(crate) grants: usize,
    /// Grants with a rate.
    pub(crate) rated: HashSet<GrantId>,
    /// By their texts: compiling one takes a thousand times longer than
    /// evaluating it, so a new snapshot takes them over.
    conditions: HashMap<String, Arc<Condition>>,
    /// When the next grant or sub-token expires; milliseconds since 1970.
    expiries: Vec<i64>,
    pub(crate) audit: AuditSettings,
    pub(crate) sharing: SharingSettings,
    pub(crate) recordings: Recordings,
    /// Who else gets the records.
    pub(crate) forwards: Vec<Arc<forward::Config>>,
    /// Of the token for `/metrics`.
    pub(crate) metrics_token: Option<TokenHash>,
}

/// What a token's hash leads to.
#[derive(Debug)]
pub(crate) struct TokenEntry {
    pub(crate) caller: Arc<Caller>,
    /// Milliseconds since 1970.
    pub(crate) expires_at: Option<i64>,
    pub(crate) revoked: bool,
    /// What an access token is for; a token that a person handed out opens
    /// everything.
    pub(crate) audience: Option<Audience>,
}

/// A person; kept for the audit trail when the row is removed.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) paused: bool,
    pub(crate) removed: bool,
}

/// An agent; kept for the audit trail when the row is removed.
#[derive(Debug)]
pub(crate) struct AgentEntry {
    pub(crate) name: String,
    pub(crate) user: UserId,
    pub(crate) scope: Arc<[ToolPattern]>,
    /// Milliseconds since 1970.
    pub(crate) expires_at: Option<i64>,
    pub(crate) max_uses: Option<u64>,
    /// After how many seconds its client gives up on a call.
    pub(crate) client_timeout: u32,
    pub(crate) paused: bool,
    pub(crate) removed: bool,
}

/// A user's teams.
#[derive(Debug, Default)]
struct Membership {
    ids: Vec<TeamId>,
    names: Vec<String>,
}

/// A connection with its sealed credentials.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ConnectionConfig {
    pub(crate) id: ConnectionId,
    pub(crate) name: ConnectionName,
    pub(crate) transport: Transport,
    pub(crate) credentials: Vec<SealedCredential>,
    /// Who signs in to it, if anybody has to.
    pub(crate) sign_in: Option<SignInKind>,
    pub(crate) paused: bool,
    pub(crate) version: u64,
    pub(crate) created_at: i64,
}

impl ConnectionConfig {
    /// Whether it cannot be used before the vault is open.
    pub(crate) fn has_secrets(&self) -> bool {
        !self.credentials.is_empty() || self.sign_in.is_some()
    }

    /// Where one of its credentials was sealed for.
    pub(crate) fn place<'c>(&'c self, credential: &'c SealedCredential) -> Place<'c> {
        Place {
            connection: self.id,
            connection_name: &self.name,
            owner: None,
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
    /// `before` is the one that this one replaces.
    pub(crate) fn load(db: &Connection, before: Option<&Self>) -> Result<Self, StoreError> {
        let version = rows::meta(db, rows::POLICY_VERSION)?
            .map_or(Ok(0), |text| text.parse())
            .map_err(|e| StoreError::Damaged(format!("policy version: {e}")))?;
        let grants = grants(db, before)?;
        let conditions = grants.iter().filter_map(|grant| grant.condition.as_ref());
        let conditions = conditions.map(|c| (c.text().to_owned(), Arc::clone(c))).collect();
        let mut snapshot = Self {
            set_up: rows::meta(db, rows::MASTER_KEY)?.is_some(),
            paused: rows::meta(db, rows::PAUSED)?.is_some_and(|value| value == "1"),
            grants: grants.len(),
            rated: grants.iter().filter(|g| g.rate.is_some()).map(|g| g.id).collect(),
            expiries: grants.iter().filter_map(|grant| grant.expires_at).collect(),
            permissions: PermissionMap::build(version, grants, load_effects(db)?),
            pins: Pins::load(db)?,
            connections: load_connections(db)?,
            accounts: accounts::load(db)?,
            clients: accounts::load_clients(db)?,
            users: load_users(db)?,
            agents: load_agents(db)?,
            memberships: load_memberships(db)?,
            conditions,
            tokens: HashMap::default(),
            audit: settings::load(db)?,
            sharing: sharing::load(db)?,
            recordings: settings::load_recordings(db)?,
            forwards: forward::load(db)?,
            metrics_token: metrics::load_token(db)?,
        };
        snapshot.tokens = load_tokens(db, &snapshot)?;
        snapshot.expiries.extend(snapshot.agents.values().filter_map(|agent| agent.expires_at));
        snapshot.expiries.extend(snapshot.tokens.values().filter_map(|token| token.expires_at));
        snapshot.expiries.sort_unstable();
        Ok(snapshot)
    }

    /// A user, or one of their agents, as their token makes them.
    pub(crate) fn caller(&self, user: UserId, agent: Option<AgentId>) -> Caller {
        let membership = self.memberships.get(&user);
        let agent = agent.and_then(|id| Some((id, self.agents.get(&id)?)));
        let name = self.users.get(&user).map(|user| user.name.clone());
        Caller {
            user,
            teams: membership.map_or_else(|| [].into(), |m| m.ids.as_slice().into()),
            facts: Arc::new(CallerFacts {
                user: name.unwrap_or_default(),
                teams: membership.map(|m| m.names.clone()).unwrap_or_default(),
                agent: agent.map(|(_, agent)| agent.name.clone()),
            }),
            agent: agent.map(|(id, agent)| AgentCaller { id, scope: Arc::clone(&agent.scope) }),
        }
    }

    /// The same, if there is a token for them that is good at `now`.
    pub(crate) fn live_caller(
        &self,
        user: UserId,
        agent: Option<AgentId>,
        now: i64,
    ) -> Option<Caller> {
        let good = self.tokens.values().any(|entry| {
            let caller = &entry.caller;
            (caller.user, caller.agent.as_ref().map(|agent| agent.id)) == (user, agent)
                && !entry.revoked
                && entry.expires_at.is_none_or(|at| at > now)
        });
        good.then(|| self.caller(user, agent))
    }

    /// Whether they are still there: neither was removed.
    pub(crate) fn is_known(&self, user: UserId, agent: Option<AgentId>) -> bool {
        let agent = agent.map(|id| self.agents.get(&id).is_some_and(|agent| !agent.removed));
        self.users.get(&user).is_some_and(|user| !user.removed) && agent.unwrap_or(true)
    }

    /// Whether this caller's calls are refused for now.
    pub(crate) fn is_paused(&self, caller: &Caller) -> bool {
        let agent = caller.agent.as_ref().and_then(|agent| self.agents.get(&agent.id));
        agent.is_some_and(|agent| agent.paused)
            || self.users.get(&caller.user).is_some_and(|user| user.paused)
    }

    /// Names of what is paused by itself, as an admin would say them.
    pub(crate) fn paused_by_themselves(&self) -> Vec<String> {
        let users = self.users.values().filter(|user| user.paused && !user.removed);
        let agents = self.agents.values().filter(|agent| agent.paused && !agent.removed);
        let agents = agents.filter_map(|agent| {
            Some(format!("{}/{}", self.users.get(&agent.user)?.name, agent.name))
        });
        let connections = self.connections.values().filter(|connection| connection.paused);
        let mut paused: Vec<String> = users
            .map(|user| user.name.clone())
            .chain(agents)
            .chain(connections.map(|connection| connection.name.to_string()))
            .collect();
        paused.sort();
        paused
    }

    /// Who is in a team.
    pub(crate) fn members(&self, team: &str) -> HashSet<UserId> {
        let members = self.memberships.iter();
        let is = |name: &String| name.eq_ignore_ascii_case(team);
        let members = members.filter(|(_, m)| m.names.iter().any(is));
        members.map(|(user, _)| *user).collect()
    }

    /// When something expires next after `now`.
    pub(crate) fn next_expiry(&self, now: i64) -> Option<i64> {
        let at = self.expiries.partition_point(|at| *at <= now);
        self.expiries.get(at).copied()
    }
}

fn load_memberships(db: &Connection) -> Result<HashMap<UserId, Membership>, StoreError> {
    let mut memberships: HashMap<UserId, Membership> = HashMap::new();
    let mut select = db.prepare(
        "SELECT m.user, m.team, t.name FROM memberships m JOIN teams t ON t.id = m.team ORDER BY m.team",
    )?;
    let rows =
        select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?)))?;
    for row in rows {
        let (user, team, name) = row?;
        let membership = memberships.entry(UserId::new(user)).or_default();
        membership.ids.push(TeamId::new(team));
        membership.names.push(name);
    }
    Ok(memberships)
}

/// All grants, with the compiled conditions of `before` where they are the same.
pub(crate) fn grants(db: &Connection, before: Option<&Snapshot>) -> Result<Vec<Grant>, StoreError> {
    let compile = |text: String| match before.and_then(|before| before.conditions.get(&text)) {
        Some(known) => Ok(Arc::clone(known)),
        None => Condition::compile(&text).map(Arc::new),
    };
    let mut select = db.prepare(
        "SELECT id, user, team, agent, tool, effect, condition, expires_at, rate, version FROM grants",
    )?;
    let rows = select.query_and_then([], |row| {
        let id = GrantId::new(row.get("id")?);
        let damaged = |e: &dyn std::fmt::Display| StoreError::Damaged(format!("grant {id}: {e}"));
        let subject = match (row.get("user")?, row.get("team")?, row.get("agent")?) {
            (Some(user), None, None) => Subject::User(UserId::new(user)),
            (None, Some(team), None) => Subject::Team(TeamId::new(team)),
            (None, None, Some(agent)) => Subject::Agent(AgentId::new(agent)),
            _ => return Err(damaged(&"it has not one subject")),
        };
        let effect = match row.get_ref("effect")?.as_str() {
            Ok("allow") => Effect::Allow,
            Ok("ask") => Effect::Ask,
            Ok("deny") => Effect::Deny,
            _ => return Err(damaged(&"unknown effect")),
        };
        let text: Option<String> = row.get("condition")?;
        let compiled = text.map(compile).transpose();
        let rate: Option<String> = row.get("rate")?;
        Ok(Grant {
            id,
            subject,
            tool: rows::parsed(row, "tool")?,
            effect,
            condition: compiled.map_err(|e| damaged(&e))?,
            expires_at: row.get("expires_at")?,
            rate: rate.map(|rate| rate.parse()).transpose().map_err(|e| damaged(&e))?,
            version: row.get("version")?,
        })
    })?;
    rows.collect()
}

fn load_effects(db: &Connection) -> Result<Vec<(ToolId, ToolEffect)>, StoreError> {
    let mut select = db.prepare(
        "SELECT c.name, e.tool, e.effect FROM tool_effects e JOIN connections c ON c.id = e.connection
         WHERE e.effect IS NOT NULL",
    )?;
    let rows = select.query_and_then([], |row| {
        let tool = ToolId::new(rows::parsed(row, "name")?, rows::parsed(row, "tool")?);
        Ok((tool, rows::parsed(row, "effect")?))
    })?;
    rows.collect()
}

fn load_users(db: &Connection) -> Result<HashMap<UserId, Person>, StoreError> {
    let mut select = db.prepare("SELECT id, name, role, paused, removed_at FROM users")?;
    let rows = select.query_and_then([], |row| {
        let person = Person {
            name: row.get("name")?,
            role: rows::role(row)?,
            paused: row.get("paused")?,
            removed: row.get::<_, Option<i64>>("removed_at")?.is_some(),
        };
        Ok((UserId::new(row.get("id")?), person))
    })?;
    rows.collect()
}

fn load_agents(db: &Connection) -> Result<HashMap<AgentId, AgentEntry>, StoreError> {
    let mut select = db.prepare(
        "SELECT id, name, user, scope, expires_at, max_uses, client_timeout, paused, removed_at FROM agents",
    )?;
    let rows = select.query_and_then([], |row| {
        let agent = AgentEntry {
            name: row.get("name")?,
            user: UserId::new(row.get("user")?),
            scope: scope(row)?.into(),
            expires_at: row.get("expires_at")?,
            max_uses: row.get("max_uses")?,
            client_timeout: row.get("client_timeout")?,
            paused: row.get("paused")?,
            removed: row.get::<_, Option<i64>>("removed_at")?.is_some(),
        };
        Ok((AgentId::new(row.get("id")?), agent))
    })?;
    rows.collect()
}

fn load_tokens(
    db: &Connection,
    snapshot: &Snapshot,
) -> Result<HashMap<TokenHash, TokenEntry, RandomState>, StoreError> {
    let mut select =
        db.prepare("SELECT hash, user, agent, revoked_at, audience, expires_at FROM tokens")?;
    let rows = select.query_and_then([], |row| {
        let hash: [u8; 32] = row.get("hash")?;
        let agent = row.get::<_, Option<u64>>("agent")?.map(AgentId::new);
        let of_agent = agent.and_then(|id| snapshot.agents.get(&id)?.expires_at);
        let own: Option<i64> = row.get("expires_at")?;
        let audience: Option<String> = row.get("audience")?;
        let entry = TokenEntry {
            caller: Arc::new(snapshot.caller(UserId::new(row.get("user")?), agent)),
            expires_at: own.into_iter().chain(of_agent).min(),
            revoked: row.get::<_, Option<i64>>("revoked_at")?.is_some(),
            audience: audience
                .map(|path| Audience::of_stored(&path))
                .map(|audience| audience.ok_or_else(|| StoreError::Damaged("audience".into())))
                .transpose()?,
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
    let mut select = db.prepare(
        "SELECT id, name, transport, paused, version, created_at, sign_in FROM connections",
    )?;
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
            sign_in: match row.get::<_, Option<String>>("sign_in")?.as_deref() {
                None => None,
                Some("team") => Some(SignInKind::Team),
                Some("user") => Some(SignInKind::User),
                Some(_) => return Err(StoreError::Damaged(format!("sign-in of {name}"))),
            },
            paused: row.get("paused")?,
            version: row.get("version")?,
            created_at: row.get("created_at")?,
        };
        Ok((name, Arc::new(config)))
    })?;
    rows.collect()
}
