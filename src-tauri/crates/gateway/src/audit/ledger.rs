//! The Merkle tree over all records, and the index of what is where. Both
//! follow from the records: they are kept in memory, stored a group of
//! records at a time with whatever is committed next, and made up for at the
//! start if a crash came between.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use agw_core::log::{GROUP, Hash, Tree, leaf_hash};
use foldhash::fast::RandomState;
use rusqlite::{Connection, params};

use super::{
    read,
    shape::{ANY, INLINE, SHAPES_MAX, Shape},
};
use crate::store::{StoreError, rows};

/// A record as the ledger takes it.
#[derive(Debug)]
pub(crate) struct Leaf {
    pub(crate) hash: Hash,
    /// Milliseconds since 1970.
    pub(crate) time: i64,
    pub(crate) shape: Shape,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Read by others, too.
    tree: Arc<RwLock<Tree>>,
    shapes: HashMap<Shape, i64, RandomState>,
    /// What the unfinished group has so far.
    within: Within,
    /// To be stored with the next commit.
    due: Vec<(u64, Hash, Within)>,
    due_shapes: Vec<(i64, Shape)>,
}

/// What is in a group.
#[derive(Debug, Default)]
struct Within {
    shapes: BTreeSet<i64>,
    /// First and last time.
    times: Option<(i64, i64)>,
}

impl Ledger {
    /// From what is stored, and from the records that came after it.
    pub(crate) fn load(db: &Connection) -> Result<Self, StoreError> {
        let groups = groups(db)?;
        let from = groups.len() as u64 * GROUP;
        let tree = Arc::new(RwLock::new(Tree::from_groups(groups)));
        let mut ledger = Self { tree, ..Self::default() };
        ledger.shapes.extend(Shape::load(db)?.into_iter().map(|(id, shape)| (shape, id)));
        let mut select = db.prepare("SELECT seq, record FROM audit WHERE seq > ?1 ORDER BY seq")?;
        let mut rows = select.query([from])?;
        while let Some(row) = rows.next()? {
            let (seq, next) = (row.get::<_, u64>(0)?, ledger.size() + 1);
            if seq != next {
                return Err(StoreError::Damaged(format!("audit record {next} is missing")));
            }
            let record = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
            if read::inline_detail(record).is_some() {
                ledger.within.shapes.insert(INLINE);
            }
            let (shape, time) = Shape::read(record)?;
            ledger.take(Leaf { hash: leaf_hash(record.as_bytes()), time, shape });
        }
        Ok(ledger)
    }

    pub(crate) fn shared(&self) -> Arc<RwLock<Tree>> {
        Arc::clone(&self.tree)
    }

    pub(crate) fn tree(&self) -> RwLockReadGuard<'_, Tree> {
        self.tree.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records so far.
    pub(crate) fn size(&self) -> u64 {
        self.tree().size()
    }

    /// The next record, which is committed.
    pub(crate) fn take(&mut self, leaf: Leaf) {
        let shape = self.shape(leaf.shape);
        self.within.shapes.insert(shape);
        let (first, last) = self.within.times.unwrap_or((leaf.time, leaf.time));
        self.within.times = Some((first.min(leaf.time), last.max(leaf.time)));
        let mut tree = self.tree.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(hash) = tree.push(leaf.hash) {
            self.due.push((tree.groups() - 1, hash, std::mem::take(&mut self.within)));
        }
    }

    fn shape(&mut self, shape: Shape) -> i64 {
        if let Some(id) = self.shapes.get(&shape) {
            return *id;
        }
        if self.shapes.len() >= SHAPES_MAX {
            return ANY;
        }
        let id = i64::try_from(self.shapes.len()).unwrap_or(i64::MAX) + 1;
        self.due_shapes.push((id, shape.clone()));
        self.shapes.insert(shape, id);
        id
    }

    /// Stores what is due; [`stored`](Self::stored) once that is committed.
    pub(crate) fn store(&self, db: &Connection) -> Result<(), rusqlite::Error> {
        if self.due.is_empty() {
            return Ok(());
        }
        for (id, shape) in &self.due_shapes {
            shape.store(db, *id)?;
        }
        // What is made up for may be there in part.
        let mut add =
            db.prepare_cached("INSERT OR IGNORE INTO audit_groups VALUES (?1, ?2, ?3, ?4)")?;
        let mut add_shape =
            db.prepare_cached("INSERT OR IGNORE INTO audit_shape_groups VALUES (?1, ?2)")?;
        for (group, hash, within) in &self.due {
            let (first, last) = within.times.unwrap_or_default();
            add.execute(params![group, hash, first, last])?;
            for shape in &within.shapes {
                add_shape.execute(params![shape, group])?;
            }
        }
        Ok(())
    }

    pub(crate) fn stored(&mut self) {
        if !self.due.is_empty() {
            self.due.clear();
            self.due_shapes.clear();
        }
    }
}

/// The roots of the groups that are stored, up to the first one that is not.
fn groups(db: &Connection) -> Result<Vec<Hash>, rusqlite::Error> {
    let mut select = db.prepare("SELECT grp, hash FROM audit_groups ORDER BY grp")?;
    let mut rows = select.query([])?;
    let mut groups = Vec::new();
    while let Some(row) = rows.next()? {
        if row.get::<_, u64>(0)? != groups.len() as u64 {
            break;
        }
        groups.push(row.get(1)?);
    }
    Ok(groups)
}

/// The leaf hashes of a group, from its records.
pub(crate) fn leaves(db: &Connection, group: u64) -> Result<Vec<Hash>, StoreError> {
    let mut select =
        db.prepare_cached("SELECT record FROM audit WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq")?;
    let from = group * GROUP;
    let rows = select.query_map([from + 1, from + GROUP], |row| {
        Ok(leaf_hash(row.get_ref(0)?.as_str()?.as_bytes()))
    })?;
    let leaves = rows.collect::<Result<Vec<Hash>, _>>()?;
    if leaves.len() as u64 == GROUP {
        return Ok(leaves);
    }
    Err(StoreError::Damaged(format!("records {} to {} are not all there", from + 1, from + GROUP)))
}

/// Where [`first`] is kept; the trail's triggers know it, too.
pub(super) const FIRST: &str = "audit_first";

/// Sequence number of the oldest record that retention has left.
pub(crate) fn first(db: &Connection) -> Result<u64, rusqlite::Error> {
    let first = rows::meta(db, FIRST)?;
    Ok(first.and_then(|first| first.parse().ok()).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audit::{Kind, Record},
        store::{self, writer::batch},
    };

    /// Adds records as the writer does: what a commit completes is stored with
    /// the next one.
    fn add(db: &mut Connection, ledger: &mut Ledger, count: u64) {
        let tx = db.transaction().unwrap();
        ledger.store(&tx).unwrap();
        let mut taken = Vec::new();
        for seq in (ledger.size() + 1..).take(count as usize) {
            let mut record = Record::new(Kind::Service, 1_000 * seq as i64);
            record.tool = Some(format!("fix.{}", seq % 7));
            let record = record.render();
            let json = batch::insert(&tx, seq, &record).unwrap();
            let hash = leaf_hash(json.as_bytes());
            taken.push(Leaf { hash, time: record.time, shape: record.shape });
        }
        tx.commit().unwrap();
        ledger.stored();
        taken.into_iter().for_each(|leaf| ledger.take(leaf));
    }

    fn index(db: &Connection) -> Vec<(u64, Hash, i64, i64, String)> {
        let sql = "SELECT g.grp, g.hash, g.first_time, g.last_time,
                (SELECT group_concat(tool) FROM (SELECT s.tool FROM audit_shapes s
                 JOIN audit_shape_groups i ON i.shape = s.id WHERE i.grp = g.grp ORDER BY s.tool))
             FROM audit_groups g ORDER BY g.grp";
        let mut select = db.prepare(sql).unwrap();
        let row = |row: &rusqlite::Row<'_>| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        };
        select.query_map([], row).unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn whatever_a_crash_left_out_is_made_up_for() {
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [mut db, mut other] = dirs.each_ref().map(|dir| store::open(dir.path()).unwrap().0);
        let (mut steady, mut restarted) = (Ledger::default(), Ledger::default());
        for count in [1, 254, 1, 1, 200, 55, 0, 512, 3, 700, 0, 1] {
            add(&mut db, &mut steady, count);
            add(&mut other, &mut restarted, count);
            restarted = Ledger::load(&other).unwrap();
            assert_eq!(restarted.size(), steady.size());
            assert_eq!(restarted.tree().root(), steady.tree().root());
        }
        add(&mut db, &mut steady, 0);
        add(&mut other, &mut restarted, 0);
        let stored = index(&db);
        assert_eq!((stored.len(), &stored), (6, &index(&other)));
        assert_eq!(stored[1].4, "fix.0,fix.1,fix.2,fix.3,fix.4,fix.5,fix.6");
        // From nothing but the records, too.
        other.execute_batch("DROP TRIGGER audit_groups_no_delete").unwrap();
        for lost in ["grp = 0", "grp = 3", "grp > 2", "1"] {
            other.execute(&format!("DELETE FROM audit_groups WHERE {lost}"), []).unwrap();
            let mut restarted = Ledger::load(&other).unwrap();
            assert_eq!(restarted.tree().root(), steady.tree().root());
            add(&mut other, &mut restarted, 0);
            assert_eq!(index(&other), stored, "{lost}");
        }
        other.execute_batch("DROP TRIGGER audit_no_delete").unwrap();
        other.execute("DELETE FROM audit WHERE seq = 1600", []).unwrap();
        let error = Ledger::load(&other).unwrap_err().to_string();
        assert!(error.contains("record 1600 is missing"), "{error}");
    }
}
