//! What a change of the permission map would have done to past calls.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use agw_api::{Flip, Simulate, Simulation, Verdict};
use agw_core::{
    AgentId, Call, Caller, Effect, Grant, GrantId, PermissionMap, Replayed, Subject, ToolId,
    ToolPattern, UserId, replay,
};
use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
};
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::{
    AdminError, Reader,
    changes::{self, Grants, Plan},
    history::{self, PastCall},
    times,
};
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
/// How long calls are replayed; the ones that are left then are not.
const REPLAY_TIME: Duration = Duration::from_secs(10);
/// Simulations at once: each may keep a processor busy for so long.
static PLACES: Semaphore = Semaphore::const_new(1);

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
    let failed = || AdminError::internal("a simulation failed");
    let place = PLACES.acquire().await.map_err(|_| failed())?;
    // Whoever asked may hang up; the place is free when the work is done.
    let simulated = tokio::spawn(async move {
        let _place = place;
        let plan = changes::plan(&gateway, change).await?;
        let reader = gateway.reader.clone();
        // Calls that ended a moment ago count, too.
        gateway.writer.flush().await?;
        let read = reader.run(move |db| Ok(Replay::read(&gateway, db, &plan, since)));
        let replay = read.await??;
        tokio::task::spawn_blocking(move || replay.compare()).await.map_err(|_| failed())
    });
    simulated.await.map_err(|_| failed())?.map(Json)
}

/// The grants of a moment, to try a change on.
struct Copy {
    /// In the order in which the map before has them: decisions are compared
    /// by the grants that took part, in their order.
    grants: BTreeMap<GrantId, Grant>,
    /// There is one for each subject, tool and condition.
    rules: HashMap<RuleKey, GrantId>,
    /// For grants that are new; the database is far from it.
    next_id: u64,
}

type RuleKey = (Subject, ToolPattern, Option<String>);

fn key(grant: &Grant) -> RuleKey {
    (grant.subject, grant.tool.clone(), changes::text(grant).map(str::to_owned))
}

impl Copy {
    fn of(grants: &[Grant]) -> Self {
        Self {
            grants: grants.iter().map(|grant| (grant.id, grant.clone())).collect(),
            rules: grants.iter().map(|grant| (key(grant), grant.id)).collect(),
            next_id: i64::MAX.unsigned_abs(),
        }
    }
}

impl Grants for Copy {
    fn find(&self, id: GrantId) -> Result<Option<(u64, Option<i64>)>, AdminError> {
        Ok(self.grants.get(&id).map(|grant| (grant.version, grant.expires_at)))
    }

    fn same(&self, rule: &Grant) -> Result<Option<GrantId>, AdminError> {
        Ok(self.rules.get(&key(rule)).copied())
    }

    fn insert(&mut self, rule: Grant) -> Result<GrantId, AdminError> {
        let id = GrantId::new(self.next_id);
        self.next_id -= 1;
        self.rules.insert(key(&rule), id);
        self.grants.insert(id, Grant { id, version: 1, ..rule });
        Ok(id)
    }

    fn replace(&mut self, id: GrantId, rule: Grant) -> Result<(), AdminError> {
        let Some(before) = self.grants.remove(&id) else { return Ok(()) };
        let parts = |grant: &Grant| (key(grant), grant.effect, grant.expires_at, grant.rate);
        let version = before.version + u64::from(parts(&before) != parts(&rule));
        self.rules.remove(&key(&before));
        self.rules.insert(key(&rule), id);
        self.grants.insert(id, Grant { id, version, ..rule });
        Ok(())
    }

    fn remove(&mut self, id: GrantId) -> Result<(), AdminError> {
        if let Some(gone) = self.grants.remove(&id) {
            self.rules.remove(&key(&gone));
        }
        Ok(())
    }
}

/// Past calls, and what to decide them by: all of one moment.
struct Replay {
    snapshot: Arc<Snapshot>,
    before: Vec<Grant>,
    after: Vec<Grant>,
    /// When each grant was changed last.
    changed: HashMap<GrantId, i64>,
    calls: Vec<PastCall>,
    truncated: bool,
}

impl Replay {
    fn read(
        gateway: &Gateway,
        db: &Connection,
        plan: &Plan,
        since: i64,
    ) -> Result<Self, AdminError> {
        let db = &*db.unchecked_transaction()?;
        let snapshot = gateway.live.snapshot.load_full();
        let mut before = snapshot::grants(db, Some(&snapshot))?;
        before.sort_unstable_by_key(|grant| grant.id);
        let mut copy = Copy::of(&before);
        changes::make(plan, &mut copy, gateway, db)?;
        let changed = rows::grants(db, None)?.into_iter();
        let changed = changed.filter_map(|(grant, at)| Some((grant.id.parse().ok()?, at)));
        let (calls, truncated) = history::calls(db, since)?;
        Ok(Self {
            after: copy.grants.into_values().collect(),
            changed: changed.collect(),
            snapshot,
            before,
            calls,
            truncated,
        })
    }

    fn compare(self) -> Simulation {
        let Self { snapshot, before, after, changed, calls, truncated } = self;
        let before = snapshot.permissions.with(before);
        let after = snapshot.permissions.with(after);
        compare(&snapshot, &changed, (&before, &after), &calls, truncated)
    }
}

/// `changed` says when each grant was changed last.
fn compare(
    snapshot: &Snapshot,
    changed: &HashMap<GrantId, i64>,
    (old, new): (&PermissionMap, &PermissionMap),
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
    let begun = Instant::now();
    for past in calls {
        if begun.elapsed() > REPLAY_TIME {
            simulation.truncated = true;
            break;
        }
        simulation.calls += 1;
        let caller = callers
            .entry((past.user, past.agent))
            .or_insert_with(|| snapshot.caller(past.user, past.agent));
        let call = Call { tool: &past.tool, arguments: None, now: past.at };
        let before = replay(old, caller, &call);
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
