//! The decision on one call, with what it is made from. It is made again
//! whenever the permission map has changed before the call had its effect.

use std::sync::Arc;

use agw_core::{
    Approved, Call, Caller, ConnectionName, Decision, ItemKind, Permit, ToolId, decide, json,
    may_see, without_tokens,
};

use super::{InboundCall, Paused, Presented, Refusal, Story, ToolCall, call, identify, reserve};
use crate::{
    gateway::Gateway,
    store::snapshot::{ConnectionConfig, Snapshot},
    upstream::Upstream,
};

/// What is behind a call, and the snapshot that says so.
type Behind = (Arc<Snapshot>, Arc<Upstream>, Arc<ConnectionConfig>);

/// A call whose tool has an id.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) gateway: &'a Arc<Gateway>,
    pub(super) inbound: &'a InboundCall,
    pub(super) call: ToolCall,
}

impl<'a> Asked<'a> {
    /// Who calls must be known before it is said whether there is such a tool.
    pub(super) fn by(
        gateway: &'a Arc<Gateway>,
        inbound: &'a InboundCall,
        story: &mut Story,
    ) -> Result<Self, Refusal> {
        let snapshot = gateway.live.snapshot.load();
        let (at, now) = (inbound.target.endpoint(), gateway.live.clock.now_ms());
        let caller = identify(&snapshot, &inbound.presented, at, now, story)?;
        gateway.check_open(&snapshot)?;
        let sees = |id: &ToolId| may_see(&snapshot.permissions, &caller, id, now);
        let InboundCall { operation, target, .. } = inbound;
        let catalog = gateway.live.catalog.load();
        let call = call::resolve_tool(&catalog, *operation, target, sees)?;
        // A name that is no tool goes by what the caller wrote, made safe to keep.
        // So does a URI that carries a token.
        let whole = without_tokens(call.id.as_str()) == call.id.as_str();
        let known = call.tool.is_some() || operation.kind() == ItemKind::Resource;
        story.tool = (known && whole).then(|| call.id.clone());
        if let Some(tool) = &story.tool {
            story.about(&snapshot, &catalog, &tool.clone(), &inbound.arguments);
        }
        Ok(Self { gateway, inbound, call })
    }

    /// By the permission map of this moment.
    pub(super) fn decide(&self, story: &mut Story) -> Result<Decision, Refusal> {
        let InboundCall { presented, target, arguments, .. } = self.inbound;
        let call = (&self.call, &*arguments.raw, arguments.digest);
        decide_now(self.gateway, (presented, target.endpoint()), call, story)
    }

    /// Whether the tool is still the one that was decided on.
    fn check_definition(&self) -> Result<(), Refusal> {
        let live = &self.gateway.live;
        live.snapshot.load().pins.check(&live.catalog.load(), &self.call)
    }

    /// The upstream behind the call.
    pub(super) fn upstream(&self) -> Result<Behind, Refusal> {
        let snapshot = self.gateway.live.snapshot.load_full();
        let (upstream, config) = self.gateway.upstream_of(&snapshot, &self.call)?;
        Ok((snapshot, upstream, config))
    }

    /// A place among the calls under way, and what the call takes of rates
    /// and uses.
    pub(super) fn reserve(
        &self,
        snapshot: &Snapshot,
        permit: &Permit,
        story: &mut Story,
    ) -> Result<reserve::Reservation, Refusal> {
        let caller = story.caller.as_ref().ok_or(Refusal::Internal("a call without a caller"))?;
        let agent = caller.agent.as_ref().and_then(|agent| snapshot.agents.get(&agent.id));
        let max_uses = agent.and_then(|agent| agent.max_uses);
        story.limited = max_uses.is_some();
        self.gateway.reservations.reserve(caller, permit.rates(), max_uses)
    }

    /// The permit, if the permission map is still the one that it came from;
    /// else that of a new decision, which must come out as before. Either way
    /// the tool must be defined as it was.
    pub(super) fn confirm(
        &self,
        permit: Permit,
        approved: Option<&Approved>,
        story: &mut Story,
    ) -> Result<Permit, Refusal> {
        self.check_definition()?;
        let version = self.gateway.live.snapshot.load().permissions.version();
        if permit.policy_version() == version {
            return Ok(permit);
        }
        let permit = match (self.decide(story)?, approved) {
            (Decision::Allow(permit), _) => permit,
            (Decision::Ask(question), Some(approved)) => {
                question.approved(approved).map_err(|_| Refusal::RulesChanged)?
            }
            (Decision::Ask(_), None) => return Err(Refusal::RulesChanged),
            (Decision::Deny(denial), _) => return Err(Refusal::denied(&denial, story)),
        };
        story.permitted(&permit);
        Ok(permit)
    }

    /// The same question once more, for whoever has to wait on the way to the
    /// upstream: whether the call would still be let through.
    pub(super) fn recheck(
        &self,
        permit: &Permit,
        approved: Option<&Approved>,
    ) -> impl Fn() -> bool + Send + Sync + 'static {
        let gateway = Arc::clone(self.gateway);
        let InboundCall { face, presented, arguments, received, .. } = self.inbound;
        let (face, presented, received) = (*face, *presented, *received);
        let (raw, digest, call) = (arguments.raw.clone(), arguments.digest, self.call.clone());
        let (version, approved) = (permit.policy_version(), approved.cloned());
        let at = self.inbound.target.endpoint().cloned();
        move || {
            let snapshot = gateway.live.snapshot.load();
            if snapshot.permissions.version() == version {
                return snapshot.pins.check(&gateway.live.catalog.load(), &call).is_ok();
            }
            let mut story = Story::unread(face, received);
            let call = (&call, &*raw, digest);
            match decide_now(&gateway, (&presented, at.as_ref()), call, &mut story) {
                Ok(Decision::Allow(_)) => true,
                Ok(Decision::Ask(question)) => {
                    approved.as_ref().is_some_and(|yes| question.approved(yes).is_ok())
                }
                Ok(Decision::Deny(_)) | Err(_) => false,
            }
        }
    }
}

fn decide_now(
    gateway: &Gateway,
    (presented, at): (&Presented, Option<&ConnectionName>),
    (asked, arguments, digest): (&ToolCall, &[u8], json::Digest),
    story: &mut Story,
) -> Result<Decision, Refusal> {
    let snapshot = gateway.live.snapshot.load();
    let now = gateway.live.clock.now_ms();
    let caller = identify(&snapshot, presented, at, now, story)?;
    gateway.check_open(&snapshot)?;
    let call = Call { tool: &asked.id, arguments: Some(arguments), now };
    let decision = decide(&snapshot.permissions, &caller, &call, digest);
    // What is denied stays as unknown as before: only the rest is told of a
    // pause, or that the tool is not what it was.
    if !matches!(decision, Decision::Deny(_)) {
        check_paused(&snapshot, &caller, &asked.id)?;
        snapshot.pins.check(&gateway.live.catalog.load(), asked)?;
    }
    Ok(decision)
}

fn check_paused(snapshot: &Snapshot, caller: &Caller, tool: &ToolId) -> Result<(), Refusal> {
    if snapshot.is_paused(caller) {
        return Err(Refusal::Paused(Paused::Caller));
    }
    let connection = snapshot.connections.get(tool.connection());
    match connection.is_some_and(|connection| connection.paused) {
        true => Err(Refusal::Paused(Paused::Connection)),
        false => Ok(()),
    }
}
