//! What a change of the permission map would have done to past calls.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use agw_api::{Flip, Simulate, Simulation, Verdict};
use agw_core::{
    AgentId, Call, Caller, Effect, Grant, GrantId, PermissionMap, Replayed, ToolId, UserId, replay,
};
use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
};

use super::{Admin, AdminError, Reader, grants::Maker, history, history::PastCall, times};
use crate::{
    audit::record::rfc3339,
    clock,
    gateway::Gateway,
    store::{
        rows,
        snapshot::{self, Snapshot},
    },
};

const SINCE: &str = "7d";
/// Most lines of an answer.
const FLIPS_MAX: usize = 500;

/// Replay the audited calls of a period against the permission map as it is
/// and as a change would make it. Nothing is changed.
#[utoipa::path(
    post, path = "/api/v1/simulations", operation_id = "simulate", tag = "grants", request_body = Simulate,
    responses(
        (status = 200, body = Simulation),
        (status = 404, body = agw_api::ErrorBody),
        (status = 409, body = agw_api::ErrorBody),
        (status = 422, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn simulate(
    State(gateway): State<Arc<Gateway>>,
    _: Reader,
    body: Result<Json<Simulate>, JsonRejection>,
) -> Result<Json<Simulation>, AdminError> {
    let Json(Simulate { change, since }) = body?;
    let since = clock::now_ms() - times::duration(since.as_deref().unwrap_or(SINCE))?;
    let snapshot = gateway.live.snapshot.load_full();
    let (at_hand, before) = (Arc::clone(&gateway), Arc::clone(&snapshot));
    // The change is made as it would be, looked at, and taken back: refusing
    // it undoes it.
    let rehearsed: Result<(), Rehearsal> = gateway
        .writer
        .change(move |made| {
            let nobody = Admin { user: agw_core::UserId::new(0) };
            let maker =
                Maker { change: made, gateway: &at_hand, admin: &nobody, now: clock::now_ms() };
            maker.make(&change)?;
            Err(Rehearsal::Grants(snapshot::grants(made.db, Some(&before))?))
        })
        .await;
    let grants = match rehearsed {
        Err(Rehearsal::Grants(grants)) => grants,
        Err(Rehearsal::Refused(error)) => return Err(error),
        Ok(()) => return Err(AdminError::internal("a rehearsal was made for good")),
    };
    // Nothing is flushed first: calls that end just now are not missed.
    let simulation = gateway.reader.run(move |db| {
        let (calls, truncated) = history::calls(db, since)?;
        let changed = rows::grants(db, None)?.into_iter();
        let changed = changed.filter_map(|(grant, at)| Some((grant.id.parse().ok()?, at)));
        let new = snapshot.permissions.with(grants);
        Ok(compare(&snapshot, &changed.collect(), &new, &calls, truncated))
    });
    Ok(Json(simulation.await?))
}

/// How a rehearsal ends.
enum Rehearsal {
    /// The grants as the change would make them.
    Grants(Vec<Grant>),
    Refused(AdminError),
}

impl<E: Into<AdminError>> From<E> for Rehearsal {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

/// `changed` says when each grant was changed last.
fn compare(
    snapshot: &Snapshot,
    changed: &HashMap<GrantId, i64>,
    new: &PermissionMap,
    calls: &[PastCall],
    truncated: bool,
) -> Simulation {
    type Line<'c> = (UserId, Option<AgentId>, &'c ToolId, Verdict, Verdict);
    let mut callers: HashMap<_, Caller> = HashMap::new();
    // Which calls change alike, how many, and the newest: calls come newest first.
    let mut lines: HashMap<Line<'_>, (u64, i64)> = HashMap::new();
    let mut simulation = Simulation {
        calls: 0,
        flipped: 0,
        unknown: 0,
        truncated,
        users: Vec::new(),
        tools: Vec::new(),
        flips: Vec::new(),
    };
    for past in calls {
        simulation.calls += 1;
        let caller = callers
            .entry((past.user, past.agent))
            .or_insert_with(|| snapshot.caller(past.user, past.agent));
        let call = Call { tool: &past.tool, arguments: None, now: past.at };
        let before = replay(&snapshot.permissions, caller, &call);
        let after = replay(new, caller, &call);
        // The same grants decide in the same way, whatever the arguments were.
        if before.about == after.about {
            continue;
        }
        let (before, after) = (known(past, &before, changed), verdict(after.effect()));
        if before == after && before != Verdict::Unknown {
            continue;
        }
        if before == Verdict::Unknown || after == Verdict::Unknown {
            simulation.unknown += 1;
        } else {
            simulation.flipped += 1;
        }
        let line = (past.user, past.agent, &past.tool, before, after);
        lines.entry(line).or_insert((0, past.at)).0 += 1;
    }
    let name = |user, agent: Option<AgentId>| {
        let user = snapshot.users.get(&user).map(|user| user.name.clone());
        let agent = agent.and_then(|id| snapshot.agents.get(&id));
        (user.unwrap_or_default(), agent.map(|agent| agent.name.clone()))
    };
    let (mut users, mut tools) = (BTreeSet::new(), BTreeSet::new());
    for ((user, agent, tool, before, after), (calls, last_at)) in lines {
        let ((user, agent), tool) = (name(user, agent), tool.to_string());
        if before != Verdict::Unknown && after != Verdict::Unknown {
            users.insert(user.clone());
            tools.insert(tool.clone());
        }
        let last_at = rfc3339(last_at);
        simulation.flips.push(Flip { user, agent, tool, before, after, calls, last_at });
    }
    simulation.flips.sort_by(|a, b| {
        let key = |flip: &Flip| (flip.user.clone(), flip.agent.clone(), flip.tool.clone());
        b.calls.cmp(&a.calls).then_with(|| key(a).cmp(&key(b)))
    });
    simulation.flips.truncate(FLIPS_MAX);
    simulation.users = users.into_iter().collect();
    simulation.tools = tools.into_iter().collect();
    simulation
}

/// What the map as it is comes to. Where that depends on the arguments, the
/// record of the call says it, if the grants are still those of then.
fn known(past: &PastCall, before: &Replayed, changed: &HashMap<GrantId, i64>) -> Verdict {
    let unchanged =
        before.about.iter().all(|(id, _)| changed.get(id).is_some_and(|at| *at <= past.at));
    let still = past.grants.iter().all(|id| before.about.iter().any(|(about, _)| about == id));
    let recorded =
        past.decided.filter(|effect| unchanged && still && before.possible.contains(effect));
    verdict(before.effect().or(recorded))
}

fn verdict(effect: Option<Effect>) -> Verdict {
    match effect {
        None => Verdict::Unknown,
        Some(Effect::Allow) => Verdict::Allow,
        Some(Effect::Ask) => Verdict::Ask,
        Some(Effect::Deny) => Verdict::Deny,
    }
}
