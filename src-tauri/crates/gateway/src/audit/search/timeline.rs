//! How many records there are of what is looked for, over time. Every record
//! of the range is looked at: the index knows in which groups something is,
//! not how often.

use agw_api::{AuditTimeline, TimelineBucket};
use agw_core::log::GROUP;
use rusqlite::{Connection, params};

use super::{Filter, Groups, Next, ROW, Row, Shape, Sought};
use crate::{audit::record::rfc3339, bounds, store::StoreError};

/// Counts of so many buckets of equal width, between two times.
pub(crate) struct Timeline {
    since: i64,
    width: i64,
    until: i64,
    buckets: Vec<TimelineBucket>,
    /// Everything from here on has been counted.
    before: Option<u64>,
}

impl Timeline {
    /// `sought` is cut to the range: by what was asked for, by what there is,
    /// and by now.
    pub(crate) fn new(
        db: &Connection,
        sought: &mut Sought,
        now: i64,
        count: u32,
    ) -> Result<Self, StoreError> {
        let until = sought.until.unwrap_or(now).max(0);
        let since = match sought.since {
            Some(since) => since,
            None => first_time(db)?.unwrap_or(until),
        };
        let since = since.clamp(0, until);
        let count = i64::from(count.clamp(1, bounds::TIMELINE_BUCKETS_MAX));
        let width = (until - since) / count + 1;
        (sought.since, sought.until) = (Some(since), Some(until));
        let bucket = |at: i64| TimelineBucket {
            since: rfc3339(since + at * width),
            calls: 0,
            denied: 0,
            others: 0,
        };
        let buckets = (0..count).map(bucket).collect();
        Ok(Self { since, width, until, buckets, before: None })
    }

    /// Counts a bounded number of groups, newest first.
    pub(crate) fn count(
        mut self,
        db: &Connection,
        filter: &Filter,
        sought: &Sought,
    ) -> Result<AuditTimeline, StoreError> {
        self.before = filter.before;
        let mut groups = Groups::new(db, sought, filter.before)?;
        self.read(db, sought, groups.finished * GROUP + 1)?;
        let (mut read, mut more) = (0, false);
        while !more {
            match groups.next(db, sought)? {
                Next::End => break,
                Next::GiveUp(before) => {
                    self.before = Some(before);
                    more = true;
                }
                Next::Group(group) => {
                    let end = (group + 1) * GROUP + 1;
                    self.before = Some(self.before.unwrap_or(u64::MAX).min(end));
                    self.read(db, sought, group * GROUP + 1)?;
                    self.before = Some(group * GROUP + 1);
                    read += 1;
                    more = read == bounds::TIMELINE_GROUPS;
                }
            }
        }
        let left = self.before.is_some_and(|before| before > groups.first);
        Ok(AuditTimeline {
            since: rfc3339(self.since),
            until: rfc3339(self.until),
            width_ms: u64::try_from(self.width).unwrap_or(1),
            buckets: self.buckets,
            next: self.before.filter(|_| more && left),
        })
    }

    fn read(&mut self, db: &Connection, sought: &Sought, from: u64) -> Result<(), StoreError> {
        let sql = format!("{ROW} WHERE a.seq >= ?1 AND a.seq < ?2");
        let mut select = db.prepare_cached(&sql)?;
        let before = self.before.map_or(i64::MAX, |b| i64::try_from(b).unwrap_or(i64::MAX));
        let mut rows = select.query(params![from, before])?;
        while let Some(row) = rows.next()? {
            let row = Row::read(row)?;
            let (shape, time) = Shape::read(&row.json)?;
            if sought.judges(&row, &shape, time) {
                self.add(&shape, time);
            }
        }
        Ok(())
    }

    fn add(&mut self, shape: &Shape, time: i64) {
        let at = usize::try_from((time - self.since) / self.width).unwrap_or(usize::MAX);
        let Some(bucket) = self.buckets.get_mut(at) else { return };
        match &*shape.kind {
            "outcome" => {
                bucket.calls += 1;
                bucket.denied += u64::from(shape.decision.as_deref() == Some("deny"));
            }
            _ => bucket.others += 1,
        }
    }
}

/// Of the oldest record that is left.
fn first_time(db: &Connection) -> Result<Option<i64>, StoreError> {
    let mut select = db.prepare_cached("SELECT record FROM audit ORDER BY seq LIMIT 1")?;
    let mut rows = select.query([])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let record = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
    Ok(Some(Shape::read(record)?.1))
}
