//! Whether what is in a data folder is whole: a database without damage, in it
//! a trail without gaps, and that the one that was signed.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    path::Path,
};

use agw_core::log::{Checkpoint, Hash, Tree, VerifyingKey, leaf_hash};
use rusqlite::{Connection, types::FromSql};

type Result<T> = std::result::Result<T, String>;

/// Who looks at folders; it opens every note once, because that takes long in
/// a test's build.
#[derive(Default)]
pub(super) struct Examiner {
    opened: HashMap<(String, String), Result<Checkpoint>>,
}

impl Examiner {
    /// Looks at a folder without a service. `witnessed` are checkpoints that
    /// somebody has. Returns the digests of the arguments of all intents.
    pub(super) fn verify_image(
        &mut self,
        folder: &Path,
        witnessed: &[&str],
    ) -> Result<HashSet<String>> {
        let path = folder.join("agw.db");
        if !path.exists() {
            return empty(witnessed);
        }
        let db = Connection::open(path).map_err(unreadable)?;
        let checked: String =
            db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).map_err(unreadable)?;
        if checked != "ok" {
            return Err(format!("damaged: {checked}"));
        }
        let tables = "SELECT count(*) FROM sqlite_schema WHERE name IN ('audit', 'checkpoints')";
        if db.query_row(tables, [], |row| row.get::<_, u64>(0)).map_err(unreadable)? < 2 {
            return empty(witnessed);
        }
        verify_tree(&db, self.checkpoints(&db, folder, witnessed)?)?;
        let digests = "record ->> 'args_digest' FROM audit WHERE record ->> 'kind' = 'intent'";
        column(&db, digests)
    }

    /// All that are at hand, by size, with where they are from.
    fn checkpoints(
        &mut self,
        db: &Connection,
        folder: &Path,
        witnessed: &[&str],
    ) -> Result<Vec<(&'static str, Checkpoint)>> {
        let meta = |key: &str| {
            let value: Vec<String> = column(db, &format!("value FROM meta WHERE key = '{key}'"))?;
            Ok::<_, String>(value.into_iter().next())
        };
        if let Some(alarm) = meta("audit_alarm")? {
            return Err(format!("a false alarm: {alarm}"));
        }
        let stored: Vec<String> = column(db, "note FROM checkpoints")?;
        let notes = stored.iter().map(|note| ("stored", note.as_str()));
        let notes = notes.chain(witnessed.iter().map(|note| ("witnessed", *note)));
        let Some(key) = meta("checkpoint_key")? else {
            return if notes.count() == 0 { Ok(vec![]) } else { Err("signed, but no key".into()) };
        };
        let mut signed = Vec::new();
        for (whose, note) in notes {
            let checkpoint = self.open(&key, note);
            signed.push((whose, checkpoint.map_err(|e| format!("a {whose} checkpoint: {e}"))?));
        }
        // Of a file that was not synced anything may be there.
        let beside = std::fs::read(folder.join("checkpoint")).unwrap_or_default();
        let beside = String::from_utf8(beside).unwrap_or_default();
        signed.extend(self.open(&key, &beside).map(|checkpoint| ("beside it", checkpoint)));
        signed.sort_by_key(|(_, checkpoint)| checkpoint.size);
        Ok(signed)
    }

    fn open(&mut self, key: &str, note: &str) -> Result<Checkpoint> {
        let opened = self.opened.entry((key.to_owned(), note.to_owned())).or_insert_with(|| {
            let key: VerifyingKey = key.parse().map_err(|e| format!("{e}"))?;
            key.open(note).map_err(|e| e.to_string())
        });
        opened.clone()
    }
}

/// The power went before there was a trail.
fn empty(witnessed: &[&str]) -> Result<HashSet<String>> {
    if witnessed.is_empty() { Ok(HashSet::new()) } else { Err("no trail".into()) }
}

fn unreadable(error: rusqlite::Error) -> String {
    format!("cannot be read: {error}")
}

/// What a query that begins after its `SELECT` finds.
fn column<T: FromSql, C: FromIterator<T>>(db: &Connection, query: &str) -> Result<C> {
    let mut select = db.prepare(&format!("SELECT {query}")).map_err(unreadable)?;
    let found = select.query_map([], |row| row.get(0)).map_err(unreadable)?;
    found.collect::<std::result::Result<_, _>>().map_err(unreadable)
}

/// Every record follows the one before, and the tree over them is the one that
/// is stored and was signed.
fn verify_tree(db: &Connection, signed: Vec<(&'static str, Checkpoint)>) -> Result<()> {
    let mut groups: VecDeque<Hash> = column(db, "hash FROM audit_groups ORDER BY grp")?;
    let mut signed = signed.into_iter().peekable();
    let mut tree = Tree::default();
    let mut select = db.prepare("SELECT seq, record FROM audit ORDER BY seq").map_err(unreadable)?;
    let mut rows = select.query([]).map_err(unreadable)?;
    loop {
        while let Some((whose, checkpoint)) = signed.next_if(|(_, c)| c.size == tree.size()) {
            if checkpoint.root != tree.root() {
                return Err(format!("not what was signed ({whose}): {checkpoint:?}"));
            }
        }
        let Some(row) = rows.next().map_err(unreadable)? else { break };
        let seq: u64 = row.get(0).map_err(unreadable)?;
        if seq != tree.size() + 1 {
            return Err(format!("record {seq} comes after {}", tree.size()));
        }
        let record: String = row.get(1).map_err(unreadable)?;
        let Some(hash) = tree.push(leaf_hash(record.as_bytes())) else { continue };
        // The newest groups may have to be made up for at the next start.
        if groups.pop_front().is_some_and(|stored| stored != hash) {
            return Err(format!("group {} is not of its records", tree.groups() - 1));
        }
    }
    if let Some((whose, checkpoint)) = signed.next() {
        return Err(format!("{} records, but signed for ({whose}): {checkpoint:?}", tree.size()));
    }
    if groups.is_empty() { Ok(()) } else { Err("groups without records".into()) }
}
