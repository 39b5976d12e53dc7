//! Sending records elsewhere: to files, to syslog, to OpenTelemetry.
//!
//! Each receiver is fed by a task of its own, which reads the trail from where
//! that receiver has got to ([`follow`]). Nothing is put into a queue for it,
//! so a receiver that is slow or away holds up nobody and misses nothing. What
//! it has taken is noted beside the trail once a second; after a crash it may
//! get the records of that second again, never fewer.
//!
//! Only what is on disk is sent: no receiver knows of a record that the trail
//! could still lose.

mod datagrams;
mod file;
mod follow;
mod otlp;
mod receiver;
mod stream;
mod syslog;
mod target;

pub(crate) use target::Target;

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use agw_api::{Forward, ForwardKind, MetricsAccess};
use arc_swap::ArcSwapOption;
use rusqlite::Connection;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    metrics::{self, Counters},
    record::rfc3339,
};
use crate::{
    clock,
    gateway::Gateway,
    store::{StoreError, snapshot::Snapshot},
};

/// As the table has them.
const KINDS: [(ForwardKind, &str); 3] = [
    (ForwardKind::Otlp, "otlp"),
    (ForwardKind::Syslog, "syslog"),
    (ForwardKind::JsonLines, "json_lines"),
];

/// A receiver as it was added, and how far it had got when this was read.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) kind: ForwardKind,
    pub(crate) target: String,
    sent: u64,
    /// Milliseconds since 1970.
    sent_at: Option<i64>,
}

pub(crate) fn load(db: &Connection) -> Result<Vec<Arc<Config>>, StoreError> {
    let mut select = db.prepare_cached(
        "SELECT id, name, kind, target, sent, sent_at FROM forwards ORDER BY name",
    )?;
    let rows = select.query_and_then([], |row| {
        let word: String = row.get("kind")?;
        let known = KINDS.into_iter().find(|(_, known)| *known == word);
        let (kind, _) = known.ok_or_else(|| StoreError::Damaged(format!("a forward: {word}")))?;
        Ok(Arc::new(Config {
            id: row.get("id")?,
            name: row.get("name")?,
            kind,
            target: row.get("target")?,
            sent: row.get("sent")?,
            sent_at: row.get("sent_at")?,
        }))
    })?;
    rows.collect()
}

pub(crate) fn word(kind: ForwardKind) -> &'static str {
    KINDS.into_iter().find(|(known, _)| *known == kind).map_or("", |(_, word)| word)
}

/// What is known of receivers while the service runs, and what was counted
/// for metrics.
#[derive(Debug, Default)]
pub(crate) struct Forwards {
    running: Mutex<HashMap<u64, Arc<Progress>>>,
    counters: ArcSwapOption<Counters>,
}

impl Forwards {
    fn running(&self) -> MutexGuard<'_, HashMap<u64, Arc<Progress>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` if nobody wants metrics.
    pub(crate) fn counters(&self) -> Option<Arc<Counters>> {
        self.counters.load_full()
    }

    pub(super) fn count_with(&self, counters: Option<Arc<Counters>>) {
        self.counters.store(counters);
    }

    /// Names, and the records that each has yet to get.
    pub(crate) fn behind(&self, snapshot: &Snapshot, head: u64) -> Vec<(String, u64)> {
        let shown = snapshot.forwards.iter().map(|config| self.shown(config, head));
        shown.map(|forward| (forward.name, forward.behind)).collect()
    }

    pub(crate) fn shown(&self, config: &Config, head: u64) -> Forward {
        let known = self.running().get(&config.id).map(Arc::clone);
        let state = known.map(|progress| progress.state().clone());
        let state = state.unwrap_or_else(|| State::of(config));
        Forward {
            name: config.name.clone(),
            kind: config.kind,
            target: config.target.clone(),
            sent: state.sent,
            behind: head.saturating_sub(state.sent),
            sent_at: state.sent_at.map(rfc3339),
            error: state.shown(),
        }
    }
}

/// How it goes with one receiver.
#[derive(Debug)]
struct Progress(Mutex<State>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct State {
    sent: u64,
    /// Milliseconds since 1970.
    sent_at: Option<i64>,
    /// Why it takes no records.
    failure: Option<String>,
    /// Why it takes no metrics.
    unreported: Option<String>,
    /// What it did not get as it should have, since the start.
    note: Option<String>,
    /// Records that retention removed before it could get them, since the
    /// start.
    missed: u64,
}

impl State {
    fn of(config: &Config) -> Self {
        Self { sent: config.sent, sent_at: config.sent_at, ..Self::default() }
    }

    fn shown(&self) -> Option<String> {
        let missed = (self.missed > 0).then(|| {
            format!("{} records were removed by age or size before it could get them", self.missed)
        });
        let unreported = self.unreported.as_ref().map(|why| format!("metrics: {why}"));
        let all = [self.failure.clone(), unreported, missed, self.note.clone()];
        let all: Vec<String> = all.into_iter().flatten().collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

impl Progress {
    fn of(config: &Config) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State::of(config))))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what is shown has changed, but for how far it has got.
    fn change(&self, change: impl FnOnce(&mut State)) -> bool {
        let mut state = self.state();
        let before = state.shown();
        change(&mut state);
        state.shown() != before
    }

    fn reported(&self, failure: Option<String>) -> bool {
        self.change(|state| state.unreported = failure)
    }
}

/// Feeds every receiver there is, and counts for metrics if anybody wants
/// them, for as long as the service runs.
pub(crate) async fn watch(gateway: Arc<Gateway>) {
    let mut changes = gateway.live.changes();
    let mut tasks = JoinSet::new();
    let mut fed: HashMap<u64, CancellationToken> = HashMap::new();
    let mut counting: Option<CancellationToken> = None;
    loop {
        let snapshot = gateway.live.snapshot.load_full();
        fed.retain(|id, stop| {
            let stays = snapshot.forwards.iter().any(|config| config.id == *id);
            if !stays {
                stop.cancel();
                gateway.forwards.running().remove(id);
            }
            stays
        });
        for config in &snapshot.forwards {
            fed.entry(config.id).or_insert_with(|| {
                let (stop, progress) = (gateway.stop.child_token(), Progress::of(config));
                gateway.forwards.running().insert(config.id, Arc::clone(&progress));
                let (config, stop_too) = (Arc::clone(config), stop.clone());
                tasks.spawn(follow::feed(Arc::clone(&gateway), config, progress, stop_too));
                stop
            });
        }
        let wanted = snapshot.audit.metrics != MetricsAccess::Off
            || snapshot.forwards.iter().any(|config| config.kind == ForwardKind::Otlp);
        if wanted != counting.is_some() {
            match counting.take() {
                Some(stop) => stop.cancel(),
                None => {
                    let stop = gateway.stop.child_token();
                    tasks.spawn(count(Arc::clone(&gateway), stop.clone()));
                    counting = Some(stop);
                }
            }
        }
        while tasks.try_join_next().is_some() {}
        tokio::select! {
            () = gateway.stop.cancelled() => break,
            changed = changes.changed() => if changed.is_err() { break },
        }
    }
    while tasks.join_next().await.is_some() {}
}

async fn count(gateway: Arc<Gateway>, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = metrics::follow(Arc::clone(&gateway)) => {}
    }
    gateway.forwards.count_with(None);
}

/// Notes what a receiver has taken; no change of the configuration.
async fn note(gateway: &Gateway, id: u64, sent: u64) -> Result<(), StoreError> {
    let now = clock::now_ms();
    gateway
        .writer
        .change(move |change| {
            change
                .db
                .prepare_cached("UPDATE forwards SET sent = ?2, sent_at = ?3 WHERE id = ?1")?
                .execute(rusqlite::params![id, sent, now])?;
            Ok(())
        })
        .await
}

async fn in_time<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late =
        || io::Error::new(io::ErrorKind::TimedOut, format!("no answer in {} s", limit.as_secs()));
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(late()))
}
