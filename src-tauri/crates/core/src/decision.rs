//! The decision: may this caller call this tool with these arguments now?
//!
//! - No rule means deny. Deny beats allow, whichever subject or pattern it
//!   comes from and however specific the other one is.
//! - An agent may do what its owner may, cut down to its scope. Both are
//!   looked up now, not when the sub-token was made, so whatever the owner
//!   loses every agent loses.

use std::sync::Arc;

use crate::{
    AgentId, ConnectionId, GrantId, PermissionMap, Subject, TeamId, ToolId, ToolPattern, UserId,
    json::Digest,
};

/// Who is calling.
#[derive(Debug, Clone)]
pub struct Caller {
    pub user: UserId,
    pub teams: Arc<[TeamId]>,
    /// `None` when the user's own token was presented.
    pub agent: Option<AgentCaller>,
}

/// The agent behind a sub-token.
#[derive(Debug, Clone)]
pub struct AgentCaller {
    pub id: AgentId,
    /// Empty: all that the owner may use.
    pub scope: Arc<[ToolPattern]>,
}

/// What [`decide`] returns: never a bare bool.
#[derive(Debug)]
pub enum Decision {
    Allow(Permit),
    Deny(Denial),
}

/// Proof that one call was decided and allowed. Only [`decide`] makes one; it
/// is neither `Clone` nor `Default`, so it serves one call.
#[derive(Debug)]
pub struct Permit {
    user: UserId,
    agent: Option<AgentId>,
    tool: ToolId,
    arguments: Digest,
    grants: Grants,
    policy_version: u64,
}

impl Permit {
    pub fn user(&self) -> UserId {
        self.user
    }

    pub fn agent(&self) -> Option<AgentId> {
        self.agent
    }

    pub fn tool(&self) -> &ToolId {
        &self.tool
    }

    /// Digest of the exact arguments that were allowed.
    pub fn arguments(&self) -> Digest {
        self.arguments
    }

    /// The grants that allowed it.
    pub fn grants(&self) -> impl Iterator<Item = GrantId> {
        self.grants.into_iter().flatten()
    }

    pub fn policy_version(&self) -> u64 {
        self.policy_version
    }
}

/// Leave to reach a connection on the gateway's own errand: to start its
/// server, agree on a protocol and list its tools. No agent's call travels on
/// it; those need a [`Permit`].
#[derive(Debug)]
pub struct ConnectPermit(ConnectionId);

impl ConnectPermit {
    pub fn new(connection: ConnectionId) -> Self {
        Self(connection)
    }

    pub fn connection(&self) -> ConnectionId {
        self.0
    }
}

/// Why a call is refused by the permission map. What an agent is told is less
/// than this: see the gateway's `refuse`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    pub reason: Reason,
    pub policy_version: u64,
}

/// The rule behind a [`Denial`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Nothing allows it to the user or their teams.
    NotGranted,
    /// A grant forbids it.
    DeniedByGrant(GrantId),
    /// The owner may, this agent's scope does not include it.
    OutOfScope,
}

/// The owner's grant, and the agent's where one widened its scope.
type Grants = [Option<GrantId>; 2];

/// Decides one call. Pure: the same map, caller and tool give the same answer.
pub fn decide(map: &PermissionMap, caller: &Caller, tool: &ToolId, arguments: Digest) -> Decision {
    let policy_version = map.version();
    match verdict(map, caller, tool) {
        Ok(grants) => Decision::Allow(Permit {
            user: caller.user,
            agent: caller.agent.as_ref().map(|agent| agent.id),
            tool: tool.clone(),
            arguments,
            grants,
            policy_version,
        }),
        Err(reason) => Decision::Deny(Denial { reason, policy_version }),
    }
}

/// Whether a list of tools may name `tool` to this caller: the same rules as
/// [`decide`], before there are arguments.
pub fn may_see(map: &PermissionMap, caller: &Caller, tool: &ToolId) -> bool {
    verdict(map, caller, tool).is_ok()
}

fn verdict(map: &PermissionMap, caller: &Caller, tool: &ToolId) -> Result<Grants, Reason> {
    let about = map.about(tool);
    let teams = caller.teams.iter().map(|team| Subject::Team(*team));
    let owner = || std::iter::once(Subject::User(caller.user)).chain(teams.clone());
    let agent = caller.agent.as_ref();

    let everyone = owner().chain(agent.map(|agent| Subject::Agent(agent.id)));
    if let Some(grant) = everyone.into_iter().find_map(|subject| about.deny(subject)) {
        return Err(Reason::DeniedByGrant(grant));
    }
    let allowed = owner().find_map(|subject| about.allow(subject)).ok_or(Reason::NotGranted)?;
    let Some(agent) = agent else {
        return Ok([Some(allowed), None]);
    };
    if agent.scope.is_empty() || agent.scope.iter().any(|pattern| pattern.matches(tool)) {
        return Ok([Some(allowed), None]);
    }
    let widened = about.allow(Subject::Agent(agent.id)).ok_or(Reason::OutOfScope)?;
    Ok([Some(allowed), Some(widened)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Effect, Grant, json};

    const ANA: UserId = UserId::new(1);
    const SALES: TeamId = TeamId::new(1);
    const CLAUDE: AgentId = AgentId::new(1);

    fn map(rules: &[(Subject, &str, Effect)]) -> PermissionMap {
        let grants = rules.iter().zip(1..).map(|((subject, tool, effect), id)| Grant {
            id: GrantId::new(id),
            subject: *subject,
            tool: tool.parse().unwrap(),
            effect: *effect,
        });
        PermissionMap::build(1, grants)
    }

    fn caller(scope: Option<&[&str]>) -> Caller {
        let agent = scope.map(|scope| AgentCaller {
            id: CLAUDE,
            scope: scope.iter().map(|pattern| pattern.parse().unwrap()).collect(),
        });
        Caller { user: ANA, teams: [SALES].into(), agent }
    }

    fn ask(map: &PermissionMap, caller: &Caller, tool: &str) -> Result<Vec<u64>, Reason> {
        let digest = json::parse(b"{}").unwrap().digest().unwrap();
        match decide(map, caller, &tool.parse().unwrap(), digest) {
            Decision::Allow(permit) => Ok(permit.grants().map(GrantId::get).collect()),
            Decision::Deny(denial) => Err(denial.reason),
        }
    }

    #[test]
    fn no_rule_means_deny() {
        assert_eq!(ask(&map(&[]), &caller(None), "fs.read"), Err(Reason::NotGranted));
        let other = map(&[(Subject::User(UserId::new(2)), "*", Effect::Allow)]);
        assert_eq!(ask(&other, &caller(None), "fs.read"), Err(Reason::NotGranted));
    }

    #[test]
    fn a_grant_reaches_a_user_directly_or_through_a_team() {
        for subject in [Subject::User(ANA), Subject::Team(SALES)] {
            for pattern in ["fs.read", "fs.*", "*"] {
                let map = map(&[(subject, pattern, Effect::Allow)]);
                assert_eq!(ask(&map, &caller(None), "fs.read"), Ok(vec![1]));
            }
        }
    }

    #[test]
    fn deny_beats_allow_from_wherever_it_comes() {
        for denied in [Subject::User(ANA), Subject::Team(SALES), Subject::Agent(CLAUDE)] {
            for pattern in ["fs.read", "fs.*", "*"] {
                let map = map(&[
                    (Subject::User(ANA), "fs.read", Effect::Allow),
                    (Subject::Team(SALES), "fs.read", Effect::Allow),
                    (Subject::Agent(CLAUDE), "fs.read", Effect::Allow),
                    (denied, pattern, Effect::Deny),
                ]);
                let reason = Reason::DeniedByGrant(GrantId::new(4));
                assert_eq!(ask(&map, &caller(Some(&[])), "fs.read"), Err(reason));
            }
        }
    }

    #[test]
    fn an_agent_never_has_more_than_its_owner() {
        let map = map(&[(Subject::Agent(CLAUDE), "*", Effect::Allow)]);
        assert_eq!(ask(&map, &caller(Some(&["*"])), "fs.read"), Err(Reason::NotGranted));
    }

    #[test]
    fn a_scope_narrows_and_an_agents_own_grant_widens_it() {
        let narrow = caller(Some(&["fs.read"]));
        let owner_only = map(&[(Subject::User(ANA), "fs.*", Effect::Allow)]);
        assert_eq!(ask(&owner_only, &narrow, "fs.read"), Ok(vec![1]));
        assert_eq!(ask(&owner_only, &narrow, "fs.write"), Err(Reason::OutOfScope));
        assert_eq!(ask(&owner_only, &caller(Some(&[])), "fs.write"), Ok(vec![1]));
        let widened = map(&[
            (Subject::User(ANA), "fs.*", Effect::Allow),
            (Subject::Agent(CLAUDE), "fs.write", Effect::Allow),
        ]);
        assert_eq!(ask(&widened, &narrow, "fs.write"), Ok(vec![1, 2]));
    }

    #[test]
    fn a_deny_for_one_agent_leaves_its_owner_alone() {
        let map = map(&[
            (Subject::User(ANA), "fs.read", Effect::Allow),
            (Subject::Agent(CLAUDE), "fs.read", Effect::Deny),
        ]);
        assert_eq!(ask(&map, &caller(None), "fs.read"), Ok(vec![1]));
    }
}
