//! What a change of the permission map would have done to past calls.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use agw_api::{Flip, Simulate, Simulation, Verdict};
use agw_core::{Call, Caller, Effect, Grant, PermissionMap, Replayed, replay};
use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
};

use super::{Admin, AdminError, Reader, grants::Maker, history, history::PastCall, times};
use crate::{
    audit::record::rfc3339,
    clock,
    gateway::Gateway,
    store::snapshot::{self, Snapshot},
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
        let new = snapshot.permissions.with(grants);
        Ok(compare(&snapshot, &new, &calls, truncated))
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

fn compare(
    snapshot: &Snapshot,
    new: &PermissionMap,
    calls: &[PastCall],
    truncated: bool,
) -> Simulation {
    type Line = (PastCall, Verdict, Verdict);
    let mut callers: HashMap<_, Caller> = HashMap::new();
    // Which calls change alike, how many, and the newest: calls come newest first.
    let mut lines: HashMap<Line, (u64, i64)> = HashMap::new();
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
        let (before, after) = (verdict(&before), verdict(&after));
        if before == after && before != Verdict::Unknown {
            continue;
        }
        if before == Verdict::Unknown || after == Verdict::Unknown {
            simulation.unknown += 1;
        } else {
            simulation.flipped += 1;
        }
        let alike = PastCall { at: 0, ..past.clone() };
        lines.entry((alike, before, after)).or_insert((0, past.at)).0 += 1;
    }
    let name = |call: &PastCall| {
        let user = snapshot.users.get(&call.user).map(|user| user.name.clone());
        let agent = call.agent.and_then(|id| snapshot.agents.get(&id));
        (user.unwrap_or_default(), agent.map(|agent| agent.name.clone()))
    };
    let (mut users, mut tools) = (BTreeSet::new(), BTreeSet::new());
    for ((call, before, after), (calls, last_at)) in lines {
        let (user, agent) = name(&call);
        if before != Verdict::Unknown && after != Verdict::Unknown {
            users.insert(user.clone());
            tools.insert(call.tool.to_string());
        }
        let (tool, last_at) = (call.tool.to_string(), rfc3339(last_at));
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

fn verdict(replayed: &Replayed) -> Verdict {
    match replayed.effect {
        None => Verdict::Unknown,
        Some(Effect::Allow) => Verdict::Allow,
        Some(Effect::Ask) => Verdict::Ask,
        Some(Effect::Deny) => Verdict::Deny,
    }
}
