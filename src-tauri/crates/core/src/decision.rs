//! The decision: may this caller call this tool with these arguments now?
//!
//! - No rule means deny. Deny beats ask beats allow, whichever subject or
//!   pattern it comes from and however specific the other one is.
//! - An agent may do what its owner may, cut down to its scope. Both are
//!   looked up now, not when the sub-token was made, so whatever the owner
//!   loses every agent loses.
//! - A condition that cannot be evaluated never allows: as an allow its grant
//!   does not count, as an ask or a deny it denies.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::{
    AgentId, CallerFacts, Condition, ConnectionId, Effect, Facts, Grant, GrantId, PermissionMap,
    Rate, Subject, TeamId, ToolId, ToolPattern, Unmet, UserId, json::Digest,
};

/// Who is calling.
#[derive(Debug, Clone)]
pub struct Caller {
    pub user: UserId,
    pub teams: Arc<[TeamId]>,
    /// `None` when the user's own token was presented.
    pub agent: Option<AgentCaller>,
    /// Their names, for conditions.
    pub facts: Arc<CallerFacts>,
}

/// The agent behind a sub-token.
#[derive(Debug, Clone)]
pub struct AgentCaller {
    pub id: AgentId,
    /// Empty: all that the owner may use.
    pub scope: Arc<[ToolPattern]>,
}

/// What is to be decided.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    pub tool: &'a ToolId,
    /// JSON object; `None` where they are not known, and conditions on them
    /// do not hold.
    pub arguments: Option<&'a [u8]>,
    /// Milliseconds since 1970.
    pub now: i64,
}

/// What [`decide`] returns: never a bare bool.
#[derive(Debug)]
pub enum Decision {
    Allow(Permit),
    Ask(Question),
    Deny(Denial),
}

/// Proof that one call was decided and allowed. Only [`decide`] makes one, or
/// a person's answer to the [`Question`] that it asked; it is neither `Clone`
/// nor `Default`, so it serves one call.
#[derive(Debug)]
pub struct Permit {
    user: UserId,
    agent: Option<AgentId>,
    tool: ToolId,
    arguments: Digest,
    grants: Grants,
    rates: Rates,
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
        self.grants.iter().map(|(id, _)| *id)
    }

    /// How often such calls may be made: the rates of the grants that allowed
    /// it, all of which count.
    pub fn rates(&self) -> &[(GrantId, Rate)] {
        &self.rates
    }

    pub fn policy_version(&self) -> u64 {
        self.policy_version
    }
}

/// A call that a person has to decide on.
#[derive(Debug)]
pub struct Question(Permit);

/// What a question is about: the exact arguments, the caller, and the grants
/// that ask, each at its version. An answer to one question is none to another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct QuestionKey {
    pub user: UserId,
    pub agent: Option<AgentId>,
    pub tool: ToolId,
    pub arguments: Digest,
    pub grants: Grants,
}

/// A person's yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approved {
    /// To exactly this question.
    Once(QuestionKey),
    /// To this question whatever the arguments.
    AnyArguments(QuestionKey),
}

impl Question {
    pub fn key(&self) -> QuestionKey {
        let Permit { user, agent, tool, arguments, grants, .. } = &self.0;
        QuestionKey {
            user: *user,
            agent: *agent,
            tool: tool.clone(),
            arguments: *arguments,
            grants: grants.clone(),
        }
    }

    pub fn policy_version(&self) -> u64 {
        self.0.policy_version
    }

    /// See [`Permit::rates`].
    pub fn rates(&self) -> &[(GrantId, Rate)] {
        &self.0.rates
    }

    /// Lets the call through if the yes was said to this question.
    ///
    /// # Errors
    /// The question itself, if it was said to another.
    pub fn approved(self, approved: &Approved) -> Result<Permit, Box<Self>> {
        let key = self.key();
        let answers = match approved {
            Approved::Once(said) => *said == key,
            Approved::AnyArguments(said) => {
                let said = QuestionKey { arguments: key.arguments, ..said.clone() };
                said == key
            }
        };
        if answers { Ok(self.0) } else { Err(Box::new(self)) }
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
#[derive(Debug, Clone)]
pub struct Denial {
    pub reason: Reason,
    /// Whether the caller's list of tools names the tool, so that telling more
    /// gives nothing away.
    pub visible: bool,
    /// The condition of the grant that is to blame.
    pub condition: Option<Arc<Condition>>,
    /// What did not hold of it.
    pub unmet: Option<Unmet>,
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
    /// A grant would allow it, but not with these arguments, or not now.
    ConditionFalse(GrantId),
    /// A grant's condition could not be evaluated.
    ConditionFailed(GrantId),
}

impl Reason {
    /// The grant that is to blame.
    pub fn grant(self) -> Option<GrantId> {
        match self {
            Self::NotGranted | Self::OutOfScope => None,
            Self::DeniedByGrant(id) | Self::ConditionFalse(id) | Self::ConditionFailed(id) => {
                Some(id)
            }
        }
    }

    /// Stable; what a program branches on.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotGranted => "not_granted",
            Self::DeniedByGrant(_) => "denied_by_grant",
            Self::OutOfScope => "out_of_scope",
            Self::ConditionFalse(_) => "condition_false",
            Self::ConditionFailed(_) => "condition_failed",
        }
    }
}

/// Grants that took part, each with its version.
pub type Grants = SmallVec<[(GrantId, u64); 2]>;
type Rates = SmallVec<[(GrantId, Rate); 1]>;

/// Decides one call. Pure: the same map, caller and call give the same answer.
/// `digest` is that of the arguments.
pub fn decide(map: &PermissionMap, caller: &Caller, call: &Call<'_>, digest: Digest) -> Decision {
    let facts = facts(caller, call);
    let policy_version = map.version();
    match weigh(map, caller, call, &mut |grant| stance(grant, &facts), &mut |_, _| ()) {
        Ok(Weighed { asks, grants, rates }) => {
            let permit = Permit {
                user: caller.user,
                agent: caller.agent.as_ref().map(|agent| agent.id),
                tool: call.tool.clone(),
                arguments: digest,
                grants,
                rates,
                policy_version,
            };
            if asks { Decision::Ask(Question(permit)) } else { Decision::Allow(permit) }
        }
        Err(Refused { reason, grant }) => {
            let condition = grant.and_then(|grant| grant.condition.clone());
            Decision::Deny(Denial {
                reason,
                visible: may_see(map, caller, call.tool, call.now),
                unmet: condition.as_ref().and_then(|condition| condition.explain(&facts)),
                condition,
                policy_version,
            })
        }
    }
}

/// Whether a list of tools may name `tool` to this caller: the same rules as
/// [`decide`], before there are arguments. Conditions are taken to turn out in
/// the caller's favour.
pub fn may_see(map: &PermissionMap, caller: &Caller, tool: &ToolId, now: i64) -> bool {
    let mut favourably = |grant: &Grant| match (&grant.condition, grant.effect) {
        (None, _) | (Some(_), Effect::Allow | Effect::Ask) => Stance::Matches,
        (Some(_), Effect::Deny) => Stance::ConditionFalse,
    };
    let call = Call { tool, arguments: None, now };
    weigh(map, caller, &call, &mut favourably, &mut |_, _| ()).is_ok()
}

/// How a call is decided, and every grant's part in it.
#[derive(Debug)]
pub struct Explained {
    /// What happens to the call, or why it is refused.
    pub outcome: Result<Effect, Reason>,
    /// The grants that decided.
    pub grants: Vec<GrantId>,
    /// Their rates.
    pub rates: Vec<(GrantId, Rate)>,
    /// All that are about this caller and tool, in the order they were looked at.
    pub steps: Vec<Step>,
}

/// One grant's part in a decision.
#[derive(Debug)]
pub struct Step {
    pub grant: GrantId,
    pub stance: Stance,
    /// What did not hold, and on which values.
    pub unmet: Option<Unmet>,
}

/// [`decide`], told in full.
pub fn explain(map: &PermissionMap, caller: &Caller, call: &Call<'_>) -> Explained {
    let facts = facts(caller, call);
    let mut steps = Vec::new();
    let weighed = weigh(map, caller, call, &mut |grant| stance(grant, &facts), &mut |grant, s| {
        let condition = grant.condition.as_ref().filter(|_| s != Stance::Expired);
        let unmet = condition.filter(|_| s != Stance::Matches).and_then(|c| c.explain(&facts));
        steps.push(Step { grant: grant.id, stance: s, unmet });
    });
    match weighed {
        Ok(Weighed { asks, grants, rates }) => Explained {
            outcome: Ok(if asks { Effect::Ask } else { Effect::Allow }),
            grants: grants.iter().map(|(id, _)| *id).collect(),
            rates: rates.into_vec(),
            steps,
        },
        Err(Refused { reason, .. }) => Explained {
            outcome: Err(reason),
            grants: reason.grant().into_iter().collect(),
            rates: Vec::new(),
            steps,
        },
    }
}

/// What is known of a past call's decision when its arguments are not.
#[derive(Debug, PartialEq, Eq)]
pub struct Replayed {
    /// What it may come to, depending on the arguments: known if it is one.
    pub possible: [Effect; 3],
    /// All grants that are about this caller and tool, with their versions:
    /// where they are the same, so is the decision.
    pub about: Grants,
}

/// [`decide`] without arguments. A condition on them is never guessed: the
/// decision is known only if it comes out the same whichever way they turn out.
pub fn replay(map: &PermissionMap, caller: &Caller, call: &Call<'_>) -> Replayed {
    let facts = facts(caller, call);
    let mut about = Grants::new();
    let mut with = |ask: Stance, allow: Stance, deny: Stance| {
        about.clear();
        let mut holds = |grant: &Grant| match (&grant.condition, grant.effect) {
            (Some(condition), effect) if condition.reads_arguments() => match effect {
                Effect::Allow => allow,
                Effect::Ask => ask,
                Effect::Deny => deny,
            },
            _ => stance(grant, &facts),
        };
        let mut note = |grant: &Grant, _| about.push((grant.id, grant.version));
        match weigh(map, caller, call, &mut holds, &mut note) {
            Ok(Weighed { asks: true, .. }) => Effect::Ask,
            Ok(_) => Effect::Allow,
            Err(_) => Effect::Deny,
        }
    };
    // The worst case, and the best ones with and without being asked.
    let worst = with(Stance::ConditionFailed, Stance::ConditionFalse, Stance::Matches);
    let asked = with(Stance::Matches, Stance::Matches, Stance::ConditionFalse);
    let best = with(Stance::ConditionFalse, Stance::Matches, Stance::ConditionFalse);
    Replayed { possible: [worst, asked, best], about }
}

impl Replayed {
    /// `None`: it depends on the arguments.
    pub fn effect(&self) -> Option<Effect> {
        let [first, others @ ..] = self.possible;
        others.iter().all(|other| *other == first).then_some(first)
    }
}

/// How a grant that is about a caller and a tool stands to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stance {
    Matches,
    ConditionFalse,
    ConditionFailed,
    Expired,
}

fn facts<'a>(caller: &'a Caller, call: &Call<'a>) -> Facts<'a> {
    Facts::new(&caller.facts, call.tool.as_str(), call.arguments, call.now)
}

fn stance(grant: &Grant, facts: &Facts<'_>) -> Stance {
    match grant.condition.as_ref().map(|condition| condition.evaluate(facts)) {
        None | Some(Ok(true)) => Stance::Matches,
        Some(Ok(false)) => Stance::ConditionFalse,
        Some(Err(_)) => Stance::ConditionFailed,
    }
}

struct Weighed {
    asks: bool,
    grants: Grants,
    rates: Rates,
}

struct Refused<'m> {
    reason: Reason,
    /// The one that the reason names.
    grant: Option<&'m Grant>,
}

/// What the grants of one side, the owner's or the agent's, come to.
#[derive(Default)]
struct Side<'m> {
    allows: SmallVec<[&'m Grant; 2]>,
    asks: SmallVec<[&'m Grant; 2]>,
    /// Would have allowed or asked.
    unmet: Option<(Stance, &'m Grant)>,
}

impl<'m> Side<'m> {
    fn grants_it(&self) -> bool {
        !self.allows.is_empty() || !self.asks.is_empty()
    }

    fn refused(&self, otherwise: Reason) -> Refused<'m> {
        match self.unmet {
            None => Refused { reason: otherwise, grant: None },
            Some((Stance::ConditionFailed, grant)) => Refused::failed(grant),
            Some((_, grant)) => {
                Refused { reason: Reason::ConditionFalse(grant.id), grant: Some(grant) }
            }
        }
    }
}

impl<'m> Refused<'m> {
    fn failed(grant: &'m Grant) -> Self {
        Self { reason: Reason::ConditionFailed(grant.id), grant: Some(grant) }
    }
}

/// The rules. `holds` says whether a grant's condition does; `seen` hears of
/// every grant that is about this caller and tool.
fn weigh<'m>(
    map: &'m PermissionMap,
    caller: &Caller,
    call: &Call<'_>,
    holds: &mut impl FnMut(&'m Grant) -> Stance,
    seen: &mut impl FnMut(&'m Grant, Stance),
) -> Result<Weighed, Refused<'m>> {
    let about = map.about(call.tool);
    let mut denied: Option<&Grant> = None;
    let mut failed: Option<&Grant> = None;
    let mut side = |subjects: &mut dyn Iterator<Item = Subject>| {
        let mut side = Side::default();
        for grant in subjects.flat_map(|subject| about.of(subject)) {
            let expired = grant.expires_at.is_some_and(|at| at <= call.now);
            let stance = if expired { Stance::Expired } else { holds(grant) };
            seen(grant, stance);
            match (grant.effect, stance) {
                (_, Stance::Expired) | (Effect::Deny, Stance::ConditionFalse) => {}
                (Effect::Deny, Stance::Matches) => denied = denied.or(Some(grant)),
                (Effect::Deny | Effect::Ask, Stance::ConditionFailed) => {
                    failed = failed.or(Some(grant));
                }
                (Effect::Allow, Stance::Matches) => side.allows.push(grant),
                (Effect::Ask, Stance::Matches) => side.asks.push(grant),
                (Effect::Allow | Effect::Ask, unmet) => {
                    side.unmet = side.unmet.or(Some((unmet, grant)));
                }
            }
        }
        side
    };
    let teams = caller.teams.iter().map(|team| Subject::Team(*team));
    let owner = side(&mut std::iter::once(Subject::User(caller.user)).chain(teams));
    let agent = match &caller.agent {
        None => Side::default(),
        Some(agent) => side(&mut std::iter::once(Subject::Agent(agent.id))),
    };

    if let Some(grant) = denied {
        return Err(Refused { reason: Reason::DeniedByGrant(grant.id), grant: Some(grant) });
    }
    if let Some(grant) = failed {
        return Err(Refused::failed(grant));
    }
    if !owner.grants_it() {
        return Err(owner.refused(Reason::NotGranted));
    }
    let in_scope = caller.agent.as_ref().is_none_or(|agent| {
        agent.scope.is_empty()
            || agent.scope.iter().any(|pattern| pattern.matches(call.tool, about.effect()))
    });
    if !in_scope && !agent.grants_it() {
        return Err(agent.refused(Reason::OutOfScope));
    }
    let asks = !owner.asks.is_empty() || !agent.asks.is_empty();
    let of = |side: Side<'m>| if asks { side.asks } else { side.allows };
    let decided: SmallVec<[&Grant; 4]> = of(owner).into_iter().chain(of(agent)).collect();
    Ok(Weighed {
        asks,
        rates: decided.iter().filter_map(|grant| Some((grant.id, grant.rate?))).collect(),
        grants: decided.iter().map(|grant| (grant.id, grant.version)).collect(),
    })
}

#[cfg(test)]
mod tests;
