//! The form that can be checked with nothing but the public key: the tree's
//! leaves in order, some of them as records, the rest as hashes of subtrees.

use agw_core::log::Tree;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use rusqlite::{Connection, OptionalExtension as _};

use super::{Export, Out, Stopped};
use crate::{
    audit::{ledger, read::Row},
    store::StoreError,
};

/// Records between two of the checkpoints that tell where a fault is.
const MARKS: u64 = 4_096;

pub(super) fn write(export: &Export, db: &Connection, out: &mut Out) -> Result<(), Stopped> {
    let Some((signed, tree)) = &export.proof else {
        return Err(StoreError::Damaged("there is no checkpoint".into()).into());
    };
    let Export { origin, first, last, .. } = export;
    let selection = if export.sought.is_some() { "some" } else { "all" };
    out.write(format!("agw-tlog/1 {origin} {first} {last} {selection}\n").as_bytes())?;
    let mut gaps = Gaps { db, tree, boundary: export.boundary, next: 0 };
    let mut mark = mark_after(db, first - 1)?;
    export.each(db, |row, found| {
        if !found {
            return Ok(());
        }
        gaps.to(row.seq - 1, out)?;
        record(db, &row, export.bodies, out)?;
        gaps.next = row.seq;
        while let Some((size, note)) = mark.take_if(|(size, _)| *size <= row.seq) {
            // Not at the end, where another one comes.
            if size == row.seq && size < signed.size {
                line(out, 'c', note.as_bytes())?;
            }
            mark = mark_after(db, row.seq)?;
        }
        Ok(())
    })?;
    gaps.to(signed.size, out)?;
    line(out, 'c', signed.note.as_bytes())
}

fn record(db: &Connection, row: &Row, bodies: bool, out: &mut Out) -> Result<(), Stopped> {
    out.write(format!("r {}\n", row.json).as_bytes())?;
    if let Some(text) = &row.text {
        line(out, 't', text)?;
    }
    if bodies && row.body {
        let sql = "SELECT bytes FROM audit_bodies WHERE seq = ?1";
        let body: Option<Vec<u8>> =
            db.prepare_cached(sql)?.query_row([row.seq], |row| row.get(0)).optional()?;
        if let Some(body) = body {
            line(out, 'b', &body)?;
        }
    }
    Ok(())
}

fn line(out: &mut Out, tag: char, bytes: &[u8]) -> Result<(), Stopped> {
    out.write(format!("{tag} {}\n", BASE64_STANDARD.encode(bytes)).as_bytes())
}

/// What stands for the records that are left out.
struct Gaps<'a> {
    db: &'a Connection,
    tree: &'a Tree,
    boundary: Option<u64>,
    /// The first leaf that is not written yet.
    next: u64,
}

impl Gaps<'_> {
    /// Hashes for all leaves up to, not including, `to`.
    fn to(&mut self, to: u64, out: &mut Out) -> Result<(), Stopped> {
        let between = self.boundary.filter(|at| self.next < *at && *at < to);
        for end in between.into_iter().chain([to]) {
            let mut leaves = |group| ledger::leaves(self.db, group);
            let cover = self.tree.cover(self.next, end, &mut leaves)?.unwrap_or_default();
            for part in cover {
                let hash = BASE64_STANDARD.encode(part.hash);
                out.write(format!("h {} {} {hash}\n", part.level, part.index).as_bytes())?;
            }
            self.next = end;
        }
        Ok(())
    }
}

/// The next checkpoint that is well after `size` records.
fn mark_after(db: &Connection, size: u64) -> Result<Option<(u64, String)>, Stopped> {
    let sql = "SELECT size, note FROM checkpoints WHERE size >= ?1 ORDER BY size LIMIT 1";
    let mut select = db.prepare_cached(sql)?;
    Ok(select.query_row([size + MARKS], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}
