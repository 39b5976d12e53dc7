//! Past calls, read back for questions about the permission map.

use std::collections::{BTreeSet, HashMap};

use agw_core::{AgentId, Effect, GrantId, ToolId, UserId};
use rusqlite::Connection;

use crate::{
    audit::read::{Line, back},
    bounds,
    store::StoreError,
};

/// A call that was decided.
#[derive(Debug, Clone)]
pub(super) struct PastCall {
    pub(super) user: UserId,
    pub(super) agent: Option<AgentId>,
    pub(super) tool: ToolId,
    /// Milliseconds since 1970.
    pub(super) at: i64,
    /// What the permission map came to then, where the record says it, and by
    /// which grants.
    pub(super) decided: Option<Effect>,
    pub(super) grants: Vec<GrantId>,
}

/// The calls since then that came to a decision, newest first, and whether
/// there were more than are read at once.
pub(super) fn calls(db: &Connection, since: i64) -> Result<(Vec<PastCall>, bool), StoreError> {
    let mut calls = Vec::new();
    let mut more = false;
    back(db, since, |line| {
        more = calls.len() as u64 >= bounds::REPLAY_MAX;
        // What never came to a decision carries no version of the map.
        if line.kind == "outcome" && line.policy_version.is_some() {
            calls.extend(past_call(&line));
        }
        !more
    })?;
    calls.truncate(usize::try_from(bounds::REPLAY_MAX).unwrap_or(usize::MAX));
    Ok((calls, more))
}

fn past_call(line: &Line) -> Option<PastCall> {
    Some(PastCall {
        user: line.user.as_ref()?.parse().ok()?,
        agent: match &line.agent {
            None => None,
            Some(agent) => Some(agent.parse().ok()?),
        },
        tool: line.tool.as_ref()?.parse().ok()?,
        at: line.time.as_millisecond(),
        decided: decided(line),
        grants: line.grants.iter().filter_map(|id| id.parse().ok()).collect(),
    })
}

/// A refusal for another reason than the map (a rate, a pause) says nothing.
fn decided(line: &Line) -> Option<Effect> {
    const BY_MAP: [&str; 5] =
        ["not_granted", "out_of_scope", "denied_by_grant", "condition_false", "condition_failed"];
    match (line.approval.as_ref(), line.decision.as_deref(), line.reason.as_deref()) {
        (Some(_), ..) => Some(Effect::Ask),
        (None, Some("allow"), _) => Some(Effect::Allow),
        (None, _, Some(reason)) if BY_MAP.contains(&reason) => Some(Effect::Deny),
        _ => None,
    }
}

/// The tools that each grant let through, or asked a person about, since then.
pub(super) fn uses(
    db: &Connection,
    since: i64,
) -> Result<HashMap<GrantId, BTreeSet<ToolId>>, StoreError> {
    let mut uses: HashMap<GrantId, BTreeSet<ToolId>> = HashMap::new();
    back(db, since, |line| {
        let asked = line.kind == "approval" && line.status.as_deref() == Some("asked");
        if (line.kind == "intent" || asked)
            && let Some(call) = past_call(&line)
        {
            for id in call.grants {
                uses.entry(id).or_default().insert(call.tool.clone());
            }
        }
        true
    })?;
    Ok(uses)
}
