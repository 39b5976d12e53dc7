//! Metrics. What happens is counted from the trail, by a task that follows it
//! for as long as somebody wants to know; calls pay nothing for it. How things
//! are is asked when it is shown.
//!
//! Labels have few values, and none that an agent could make up.

mod collect;
mod text;

pub(crate) use collect::{Collected, Data, Labels, Metric, Point, collect};
pub(crate) use text::{TEXT, text};

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use agw_core::TokenHash;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Deserialize;

use crate::{
    bounds, clock,
    gateway::Gateway,
    store::{StoreError, rows},
};

/// Upper bounds of the buckets of durations, in seconds; there is one more.
pub(crate) const SECONDS: [f64; 15] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// In the place of a reason when there are too many.
const OTHER: &str = "other";

/// What was counted.
#[derive(Debug)]
pub(crate) struct Counters {
    /// Since when; milliseconds since 1970.
    since: i64,
    counted: Mutex<Counted>,
}

#[derive(Debug, Clone, Default)]
struct Counted {
    records: u64,
    /// By decision, reason and face.
    calls: BTreeMap<[String; 3], u64>,
    durations: Histogram,
}

/// Durations in seconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Histogram {
    /// Of each bucket alone.
    pub(crate) counts: [u64; SECONDS.len() + 1],
    pub(crate) sum: f64,
}

impl Histogram {
    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    fn add(&mut self, seconds: f64) {
        let bucket = SECONDS.iter().position(|bound| seconds <= *bound).unwrap_or(SECONDS.len());
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.sum += seconds;
    }
}

/// What is counted of a record.
#[derive(Debug, Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    decision: Option<Cow<'a, str>>,
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
    #[serde(borrow)]
    face: Option<Cow<'a, str>>,
    duration_ms: Option<f64>,
}

impl Counted {
    fn count(&mut self, line: &Line<'_>) {
        self.records += 1;
        // Every call ends in exactly one.
        if line.kind != "outcome" {
            return;
        }
        let word = |word: &Option<Cow<'_, str>>| word.as_deref().unwrap_or("none").to_owned();
        let mut labels = [word(&line.decision), word(&line.reason), word(&line.face)];
        if self.calls.len() >= bounds::METRIC_SERIES_MAX && !self.calls.contains_key(&labels) {
            labels = [OTHER; 3].map(str::to_owned);
        }
        *self.calls.entry(labels).or_default() += 1;
        if let Some(ms) = line.duration_ms {
            self.durations.add(ms / 1e3);
        }
    }
}

impl Counters {
    fn new() -> Self {
        Self { since: clock::now_ms(), counted: Mutex::default() }
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the records from `after` up to `last`, a bounded number of them;
    /// returns which was the last.
    fn read(&self, db: &Connection, after: u64, last: u64) -> Result<u64, StoreError> {
        let mut select = db.prepare_cached(
            "SELECT seq, record FROM audit WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3",
        )?;
        let mut rows = select.query(params![after, last, bounds::FORWARD_BATCH])?;
        let mut at = after;
        while let Some(row) = rows.next()? {
            at = row.get(0)?;
            let record = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
            let line = serde_json::from_str(record)
                .map_err(|e| StoreError::Damaged(format!("audit record: {e}")))?;
            self.counted().count(&line);
        }
        Ok(at)
    }
}

/// Counts from the newest record on, for as long as it runs.
pub(crate) async fn follow(gateway: Arc<Gateway>) {
    let counters = Arc::new(Counters::new());
    let mut at = gateway.writer.on_disk();
    gateway.forwards.count_with(Some(Arc::clone(&counters)));
    loop {
        let last = gateway.writer.on_disk();
        if at < last {
            let counters = Arc::clone(&counters);
            match gateway.reader.run(move |db| counters.read(db, at, last)).await {
                Ok(read) if read > at => {
                    at = read;
                    continue;
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, after = at, "records could not be counted");
                    at = last;
                }
            }
        }
        tokio::time::sleep(bounds::FORWARD_EVERY).await;
    }
}

/// The SHA-256 of the token for `/metrics`, if one was made.
pub(crate) fn load_token(db: &Connection) -> Result<Option<TokenHash>, StoreError> {
    let hash: Option<[u8; 32]> = db
        .prepare_cached("SELECT unhex(value) FROM meta WHERE key = ?1")?
        .query_row([rows::METRICS_TOKEN], |row| row.get(0))
        .optional()?;
    Ok(hash.map(TokenHash::from_bytes))
}

/// In the place of the one before.
pub(crate) fn store_token(db: &Connection, hash: TokenHash) -> Result<(), rusqlite::Error> {
    db.execute(
        "INSERT OR REPLACE INTO meta (key, value) VALUES (?1, hex(?2))",
        params![rows::METRICS_TOKEN, hash.as_bytes()],
    )
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_bounded_whatever_the_trail_holds() {
        let mut counted = Counted::default();
        for reason in 0..1_000 {
            let line = format!(r#"{{"kind":"outcome","reason":"r{reason}","duration_ms":1.5}}"#);
            counted.count(&serde_json::from_str(&line).unwrap());
        }
        counted.count(&serde_json::from_str(r#"{"kind":"intent","reason":"r0"}"#).unwrap());
        assert_eq!(counted.calls.len(), bounds::METRIC_SERIES_MAX + 1);
        let other = counted.calls[&[OTHER; 3].map(str::to_owned)];
        assert_eq!(other, 1_000 - bounds::METRIC_SERIES_MAX as u64);
        assert_eq!((counted.records, counted.durations.count()), (1_001, 1_000));
    }

    #[test]
    fn durations_fall_into_their_buckets() {
        let mut durations = Histogram::default();
        for seconds in [0.0, 0.001, 0.0011, 60.0, 61.0] {
            durations.add(seconds);
        }
        let mut expected = [0; SECONDS.len() + 1];
        (expected[0], expected[1], expected[14], expected[15]) = (2, 1, 1, 1);
        assert_eq!(durations.counts, expected);
    }

    #[test]
    fn the_newest_token_is_the_one() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT")
            .unwrap();
        assert_eq!(load_token(&db).unwrap(), None);
        for byte in [1, 2] {
            let hash = TokenHash::from_bytes([byte; 32]);
            store_token(&db, hash).unwrap();
            assert_eq!(load_token(&db).unwrap(), Some(hash));
        }
    }
}
