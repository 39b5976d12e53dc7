//! From times to records. A clock may have been set in between, so a range
//! has every record of its time, and may have others.

use agw_core::log::GROUP;
use rusqlite::{Connection, OptionalExtension as _, Params};

use crate::{
    audit::{ledger, shape::Shape},
    store::StoreError,
};

/// More than there are records.
const ENDLESS: u64 = u64::MAX >> 1;

/// The newest record of a group or before it that is older than a time, for
/// what goes by age: whole groups, up to which everything is older.
pub(crate) fn older_than(db: &Connection, time: i64) -> Result<u64, StoreError> {
    let young: Option<Option<u64>> = db
        .prepare_cached("SELECT min(grp) FROM audit_groups WHERE last_time >= ?1")?
        .query_row([time], |row| row.get(0))
        .optional()?;
    match young.flatten() {
        Some(group) => Ok(group),
        None => finished(db),
    }
}

fn finished(db: &Connection) -> Result<u64, StoreError> {
    Ok(db
        .prepare_cached("SELECT ifnull(max(grp) + 1, 0) FROM audit_groups")?
        .query_row([], |row| row.get(0))?)
}

/// The first record of a time or after it, by when it was made.
pub(crate) fn first_since(db: &Connection, time: i64) -> Result<u64, StoreError> {
    let sql = "SELECT seq, record FROM audit WHERE seq > ?1 ORDER BY seq";
    let from = older_than(db, time)? * GROUP;
    if from + 1 < ledger::first(db)? {
        // When that was made cannot be told any more.
        return Ok(from + 1);
    }
    Ok(find(db, sql, [from], |made| made >= time)?.unwrap_or(ENDLESS))
}

/// The last record of a time or before it, by when it was made; 0 if there is
/// none.
pub(crate) fn last_until(db: &Connection, time: i64) -> Result<u64, StoreError> {
    let sql = "SELECT seq, record FROM audit WHERE seq > ?1 AND seq <= ?2 ORDER BY seq DESC";
    let old = |made| made <= time;
    let finished = finished(db)?;
    if let Some(last) = find(db, sql, [finished * GROUP, ENDLESS], old)? {
        return Ok(last);
    }
    let group: Option<u64> = db
        .prepare_cached("SELECT max(grp) FROM audit_groups WHERE first_time <= ?1")?
        .query_row([time], |row| row.get(0))?;
    let Some(group) = group else { return Ok(0) };
    Ok(find(db, sql, [group * GROUP, (group + 1) * GROUP], old)?.unwrap_or(0))
}

/// The first of the rows of a query whose time is as asked.
fn find(
    db: &Connection,
    sql: &str,
    params: impl Params,
    is: impl Fn(i64) -> bool,
) -> Result<Option<u64>, StoreError> {
    let mut select = db.prepare_cached(sql)?;
    let mut rows = select.query(params)?;
    while let Some(row) = rows.next()? {
        let record = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        if is(Shape::read(record)?.1) {
            return Ok(Some(row.get(0)?));
        }
    }
    Ok(None)
}
