//! What does not have to be kept for ever: sealed bodies and old records, by
//! age or by size. Each removal is recorded with what it removed. Of records
//! whole groups go, and the roots of their trees stay: proofs over the rest
//! hold as before.

use std::{sync::Arc, time::Duration};

use agw_api::AuditSettings;
use agw_core::log::GROUP;
use rusqlite::Connection;

use super::{Kind, Record, ledger, search};
use crate::{
    clock,
    gateway::Gateway,
    store::{
        StoreError, rows,
        writer::{self, Change},
    },
};

const DAY_MS: i64 = 24 * 3600 * 1_000;
/// Days that no bound by size removes.
const KEPT_DAYS: i64 = 7;
/// How often it is looked.
const EVERY: Duration = Duration::from_secs(600);
/// Groups that one transaction removes, so that calls wait only a little.
const STEP: u64 = 16;
/// Checkpoints older than a day are kept one an hour.
const HOUR_MS: i64 = 3600 * 1_000;

/// Looks after the trail's size for as long as the service runs.
pub(crate) async fn watch(gateway: Arc<Gateway>) {
    let mut changes = gateway.live.changes();
    loop {
        let settings = gateway.live.snapshot.load().audit.clone();
        if let Err(error) = apply(&gateway, &settings).await {
            tracing::warn!(%error, "the audit trail could not be made smaller");
        }
        let changed = async {
            while changes.changed().await.is_ok() {
                if gateway.live.snapshot.load().audit != settings {
                    return;
                }
            }
        };
        tokio::select! {
            () = gateway.stop.cancelled() => return,
            () = changed => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Removes what may go by now, step by step.
pub(crate) async fn apply(gateway: &Gateway, settings: &AuditSettings) -> Result<(), StoreError> {
    thin_checkpoints(gateway).await?;
    let now = clock::now_ms();
    let before = |days: Option<u32>| days.map(|days| now - i64::from(days) * DAY_MS);
    if let Some(time) = before(settings.bodies_days) {
        let groups = gateway.reader.run(move |db| search::older_than(db, time)).await?;
        while step(gateway, move |change| drop_bodies(change, groups)).await? {}
    }
    if let Some(time) = before(settings.records_days) {
        let groups = gateway.reader.run(move |db| search::older_than(db, time)).await?;
        while step(gateway, move |change| drop_records(change, groups)).await? {}
    }
    if let Some(mib) = settings.max_mib {
        let bound = u64::from(mib) << 20;
        let kept = now - KEPT_DAYS * DAY_MS;
        let groups = gateway.reader.run(move |db| search::older_than(db, kept)).await?;
        let too_big = move |change: &Change<'_>| Ok::<_, StoreError>(used(change.db)? > bound);
        while step(gateway, move |c| Ok(too_big(c)? && drop_bodies(c, groups)?)).await? {}
        while step(gateway, move |c| Ok(too_big(c)? && drop_records(c, groups)?)).await? {}
    }
    Ok(())
}

/// Whether there is more to do.
async fn step(
    gateway: &Gateway,
    work: impl FnOnce(&Change<'_>) -> Result<bool, StoreError> + Send + 'static,
) -> Result<bool, StoreError> {
    let more = gateway.writer.change(work).await?;
    // Calls go first.
    tokio::task::yield_now().await;
    Ok(more && !gateway.stop.is_cancelled())
}

/// Bytes that the database holds; what was freed is used again.
fn used(db: &Connection) -> Result<u64, rusqlite::Error> {
    let one = |sql| db.query_row(sql, [], |row| row.get::<_, u64>(0));
    let pages = one("PRAGMA page_count")?.saturating_sub(one("PRAGMA freelist_count")?);
    Ok(pages * one("PRAGMA page_size")?)
}

/// The oldest bodies of the first `groups` groups.
fn drop_bodies(change: &Change<'_>, groups: u64) -> Result<bool, StoreError> {
    let oldest: Option<u64> =
        change.db.query_row("SELECT min(seq) FROM audit_bodies", [], |row| row.get(0))?;
    let Some(oldest) = oldest.filter(|seq| *seq <= groups * GROUP) else { return Ok(false) };
    let last = (oldest.div_ceil(GROUP) + STEP).min(groups) * GROUP;
    let removed = remove(change.db, "audit_bodies", oldest, last)?;
    let mut record = record("expired");
    record.detail = Some(format!("{removed} sealed bodies of records {oldest} to {last}"));
    record.removed = vec![(oldest, last)];
    change.audit(record);
    Ok(true)
}

/// The oldest records, as far as they are in the first `groups` groups.
fn drop_records(change: &Change<'_>, groups: u64) -> Result<bool, StoreError> {
    let db = change.db;
    let first = ledger::first(db)?;
    // What a call that is under way has written is needed at the next start.
    let groups = groups.min(writer::low_water(db)? / GROUP);
    let from = (first - 1) / GROUP;
    let to = groups.min(from + STEP);
    if to <= from {
        return Ok(false);
    }
    let last = to * GROUP;
    rows::set_meta(db, ledger::FIRST, &(last + 1).to_string())?;
    for table in ["audit_bodies", "audit_texts", "audit"] {
        remove(db, table, first, last)?;
    }
    db.execute("DELETE FROM audit_approvals WHERE seq <= ?1", [last])?;
    // By each shape: for all at once the whole of the index would be read.
    let index = "DELETE FROM audit_shape_groups WHERE grp < ?1
                 AND shape IN (VALUES (0), (-1) UNION ALL SELECT id FROM audit_shapes)";
    db.execute(index, [to])?;
    let mut record = record("compacted");
    record.detail = Some(format!("records {first} to {last}"));
    record.below = Some(last + 1);
    change.audit(record);
    Ok(true)
}

fn remove(db: &Connection, table: &str, from: u64, to: u64) -> Result<usize, rusqlite::Error> {
    db.execute(&format!("DELETE FROM {table} WHERE seq BETWEEN ?1 AND ?2"), [from, to])
}

fn record(status: &'static str) -> Record {
    let mut record = Record::new(Kind::Service, clock::now_ms());
    record.status = Some(status);
    record
}

async fn thin_checkpoints(gateway: &Gateway) -> Result<(), StoreError> {
    let yesterday = clock::now_ms() - DAY_MS;
    gateway
        .writer
        .change(move |change| {
            change.db.execute(
                "DELETE FROM checkpoints WHERE signed_at < ?1 AND size NOT IN
                 (SELECT max(size) FROM checkpoints GROUP BY signed_at / ?2)",
                [yesterday, HOUR_MS],
            )?;
            Ok(())
        })
        .await
}
