//! Whether what is in a data folder is whole: a database without damage, in it
//! a trail without gaps, and that the one that was signed.

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    path::Path,
};

use agw_core::log::{Checkpoint, GROUP, Hash, Tree, VerifyingKey, leaf_hash};
use rusqlite::{Connection, types::FromSql};

type Result<T> = std::result::Result<T, String>;

/// Who looks at folders; it opens every note once, because that takes long in
/// a test's build.
#[derive(Default)]
pub(super) struct Examiner {
    known: Known,
    opened: HashMap<(String, String), Result<Checkpoint>>,
}

/// What is in a folder.
#[derive(Default)]
pub(super) struct Image {
    /// The digests of the arguments of all intents.
    pub(super) intents: HashSet<String>,
    /// Calls without an outcome.
    pub(super) open: usize,
    /// What is not as it has to be.
    pub(super) wrong: Option<String>,
}

impl Examiner {
    /// Looks at a folder without a service. `witnessed` are checkpoints that
    /// somebody has.
    pub(super) fn look_at(&mut self, folder: &Path, witnessed: &[&str]) -> Image {
        let mut image = Image::default();
        image.wrong = self.verify_image(folder, witnessed, &mut image).err();
        image
    }

    fn verify_image(&mut self, folder: &Path, witnessed: &[&str], image: &mut Image) -> Result<()> {
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
        let digests = "record ->> 'args_digest' FROM audit WHERE record ->> 'kind' = 'intent'";
        image.intents = column(&db, digests)?;
        // Per call: 1 for its intent, 1,000 for its outcome.
        let calls: Vec<u64> = column(
            &db,
            "sum(iif(record ->> 'kind' = 'intent', 1, 1000)) FROM audit
             WHERE record ->> 'kind' IN ('intent', 'outcome') GROUP BY call",
        )?;
        image.open = calls.iter().filter(|entries| **entries == 1).count();
        if calls.iter().any(|entries| ![1, 1_000, 1_001].contains(entries)) {
            return Err("a call has two intents or two outcomes".into());
        }
        let signed = self.checkpoints(&db, folder, witnessed)?;
        self.known.verify(&db, &signed)
    }

    /// All that are at hand, with where they are from.
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
fn empty(witnessed: &[&str]) -> Result<()> {
    if witnessed.is_empty() { Ok(()) } else { Err("no trail".into()) }
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

/// Records that were looked at before, and their tree: the next image will have
/// most of them, and to hash them all again takes long in a test's build.
#[derive(Default)]
struct Known {
    records: Vec<String>,
    leaves: Vec<Hash>,
    tree: Tree,
    groups: Vec<Hash>,
    roots: HashMap<u64, Hash>,
}

impl Known {
    /// Every record follows the one before, and the tree over them is the one
    /// that is stored and was signed.
    fn verify(&mut self, db: &Connection, signed: &[(&str, Checkpoint)]) -> Result<()> {
        let records: Vec<String> = column(db, "record FROM audit ORDER BY seq")?;
        let numbers: Vec<u64> = column(db, "seq FROM audit ORDER BY seq")?;
        if let Some((seq, at)) = numbers.iter().zip(1..).find(|(seq, at)| *seq != at) {
            return Err(format!("record {seq} in place of {at}"));
        }
        let size = records.len() as u64;
        self.learn(records);
        for (whose, checkpoint) in signed {
            if checkpoint.size > size || self.root(checkpoint.size) != checkpoint.root {
                return Err(format!("{size} records, not as signed ({whose}): {checkpoint:?}"));
            }
        }
        // The newest groups may have to be made up for at the next start.
        let stored: Vec<Hash> = column(db, "hash FROM audit_groups ORDER BY grp")?;
        let complete = &self.groups[..(size / GROUP) as usize];
        if complete.starts_with(&stored) { Ok(()) } else { Err("groups of other records".into()) }
    }

    fn learn(&mut self, records: Vec<String>) {
        if self.records.iter().zip(&records).any(|(known, record)| known != record) {
            *self = Self::default();
        }
        for record in records.into_iter().skip(self.records.len()) {
            let leaf = leaf_hash(record.as_bytes());
            self.leaves.push(leaf);
            self.groups.extend(self.tree.push(leaf));
            self.records.push(record);
        }
    }

    fn root(&mut self, size: u64) -> Hash {
        let mut group = |group: u64| {
            let from = (group * GROUP) as usize;
            Ok::<_, Infallible>(self.leaves[from..from + GROUP as usize].to_vec())
        };
        let tree = &self.tree;
        *self.roots.entry(size).or_insert_with(|| {
            let Ok(root) = tree.root_at(size, &mut group);
            root.unwrap()
        })
    }
}
