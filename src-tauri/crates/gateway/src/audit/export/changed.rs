//! Whatever is changed in the database, by somebody who got rid of its
//! triggers, is found: at the next start, or by whoever verifies an export
//! and has kept a checkpoint.

use std::{path::Path, sync::Arc};

use agw_api::AuditSettings;
use agw_core::{
    AgentId, UserId,
    log::{GROUP, SigningKey, Tree, Verifier, leaf_hash},
};
use rusqlite::{Connection, params};
use tokio::sync::mpsc;

use super::{Export, Format, PIECES};
use crate::{
    audit::{
        CallId, Kind, Record, alarm,
        checkpoint::Signed,
        ledger::{Leaf, Ledger, leaves},
    },
    store::{self, StoreError, rows, writer::batch},
};

const RECORDS: u64 = 2 * GROUP + 88;
const MUTANTS: u64 = 1_000;
const ORIGIN: &str = "agw.local/changed";

/// A small generator: what matters is that it is the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// A sequence number.
    fn seq(&mut self) -> u64 {
        1 + self.below(RECORDS)
    }
}

fn key() -> SigningKey {
    SigningKey::from_seed(ORIGIN, &[3; 32]).unwrap()
}

fn record(number: u64) -> Record {
    let time = 1_795_000_000_000 + number as i64 * 500;
    if number.is_multiple_of(5) {
        return Record::config(time, UserId::new(1), "grant_added", format!("g{number}"));
    }
    let mut record = Record::new(Kind::Outcome, time);
    record.call = Some(CallId::new());
    record.agent = Some(AgentId::new(number % 7));
    record.tool = Some(format!("crm.tool{}", number % 9));
    record.decision = Some("deny");
    record
}

fn add(db: &Connection, ledger: &mut Ledger, number: u64) {
    let record = record(number).render();
    let json = batch::insert(db, ledger.size() + 1, &record).unwrap();
    ledger.take(Leaf { hash: leaf_hash(json.as_bytes()), time: record.time, shape: record.shape });
}

/// A trail with a checkpoint over all of it.
fn trail(dir: &Path) -> Signed {
    let (db, _reader) = store::open(dir).unwrap();
    let mut ledger = Ledger::load(&db).unwrap();
    for number in 0..RECORDS {
        add(&db, &mut ledger, number);
    }
    ledger.store(&db).unwrap();
    rows::set_meta(&db, "checkpoint_key", &key().verifying().to_string()).unwrap();
    let signed = sign(&ledger.tree());
    signed.store(&db).unwrap();
    signed
}

fn sign(tree: &Tree) -> Signed {
    let note = key().sign(tree.size(), &tree.root()).into();
    Signed { size: tree.size(), at: 0, note }
}

/// What becomes of it when the service starts and the trail is exported.
fn found(dir: &Path, kept: &Signed) -> Result<(), String> {
    let (db, _reader) = store::open(dir).map_err(|e| e.to_string())?;
    let ledger = Ledger::load(&db).map_err(|e| e.to_string())?;
    let tree = ledger.tree().clone();
    let settings = AuditSettings::default();
    let raised = alarm::check(&db, dir, &settings, ORIGIN, &tree);
    if let Some(alarm) = raised.map_err(|e: StoreError| e.to_string())? {
        return Err(alarm.message);
    }
    let export = Export {
        format: Format::Tlog,
        first: 1,
        last: tree.size(),
        sought: None,
        snapshot: Arc::default(),
        only: None,
        bodies: false,
        proof: Some((sign(&tree), tree)),
        boundary: None,
        origin: ORIGIN.into(),
    };
    let (pieces, mut sent) = mpsc::channel(PIECES);
    let dir = dir.to_owned();
    let writing = std::thread::spawn(move || export.run(store::reader(&dir).unwrap(), pieces));
    let mut file = Vec::new();
    while let Some(piece) = sent.blocking_recv() {
        file.extend_from_slice(&piece.map_err(|e| e.to_string())?);
    }
    writing.join().unwrap();
    let key = key().verifying();
    let mut verifier = Verifier::new(&key, Some(key.open(&kept.note).unwrap()), []);
    for line in file.split_inclusive(|byte| *byte == b'\n') {
        verifier.line(&line[..line.len() - 1]).map_err(|e| e.to_string())?;
    }
    verifier.finish(true).map(drop).map_err(|e| e.to_string())
}

fn json_of(db: &Connection, seq: u64) -> String {
    db.query_row("SELECT record FROM audit WHERE seq = ?1", [seq], |row| row.get(0)).unwrap()
}

fn put(db: &Connection, seq: u64, json: &str) {
    db.execute("UPDATE audit SET record = ?2 WHERE seq = ?1", params![seq, json]).unwrap();
}

/// Forgets all after so many records, with what follows from them.
fn cut(db: &Connection, size: u64) {
    db.execute("DELETE FROM audit WHERE seq > ?1", [size]).unwrap();
    db.execute("DELETE FROM audit_texts WHERE seq > ?1", [size]).unwrap();
    db.execute("DELETE FROM audit_groups WHERE grp >= ?1", [size / GROUP]).unwrap();
    db.execute("DELETE FROM audit_shape_groups WHERE grp >= ?1", [size / GROUP]).unwrap();
    db.execute("DELETE FROM checkpoints WHERE size > ?1", [size]).unwrap();
}

/// One change; what it is.
fn change(db: &Connection, kind: u64, random: &mut Random) -> &'static str {
    let seq = random.seq();
    let other = 1 + (seq + random.below(RECORDS - 1)) % RECORDS;
    match kind {
        0 => {
            let mut json = json_of(db, seq).into_bytes();
            let at = random.below(json.len() as u64) as usize;
            json[at] = if json[at] == b'x' { b'y' } else { b'x' };
            put(db, seq, std::str::from_utf8(&json).unwrap());
            "a flipped character"
        }
        1 => {
            db.execute("DELETE FROM audit WHERE seq = ?1", [seq]).unwrap();
            "a deleted record"
        }
        2 => {
            let (one, two) = (json_of(db, seq), json_of(db, other));
            put(db, seq, &two);
            put(db, other, &one);
            "two records in each other's place"
        }
        3 => {
            let json = json_of(db, seq);
            db.execute("UPDATE audit SET seq = -(seq + 1) WHERE seq >= ?1", [seq]).unwrap();
            db.execute("UPDATE audit SET seq = -seq WHERE seq < 0", []).unwrap();
            db.execute("INSERT INTO audit VALUES (?1, NULL, ?2)", params![seq, json]).unwrap();
            "a record that was put in between"
        }
        4 => {
            db.execute("DELETE FROM audit WHERE seq > ?1", [random.below(RECORDS)]).unwrap();
            "a trail that was cut short"
        }
        5 => {
            let group = random.below(RECORDS / GROUP);
            let sql = "UPDATE audit_groups SET hash = randomblob(32) WHERE grp = ?1";
            db.execute(sql, [group]).unwrap();
            "another root of a group"
        }
        6 => {
            let json = json_of(db, seq).replace("\"v\":2}", "\"v\":1}");
            put(db, seq, &json);
            let group = (seq - 1) / GROUP;
            if group < RECORDS / GROUP {
                let mut tree = Tree::default();
                let hash = leaves(db, group).unwrap().into_iter().find_map(|l| tree.push(l));
                let sql = "UPDATE audit_groups SET hash = ?2 WHERE grp = ?1";
                db.execute(sql, params![group, hash.unwrap()]).unwrap();
            }
            "a record that was changed, and the chain made anew"
        }
        7 => {
            let seq = random.below(RECORDS / 5) * 5 + 1;
            db.execute("UPDATE audit_texts SET bytes = randomblob(40) WHERE seq = ?1", [seq])
                .unwrap();
            "other words beside a record"
        }
        8 => {
            let seq = random.below(RECORDS / 5) * 5 + 1;
            db.execute("DELETE FROM audit_texts WHERE seq = ?1", [seq]).unwrap();
            "words that are gone"
        }
        9 => {
            let seq = seq.max(2);
            let copy = json_of(db, seq - 1)
                .replace(&format!("\"seq\":{}", seq - 1), &format!("\"seq\":{seq}"));
            put(db, seq, &copy);
            "a record twice"
        }
        _ => {
            cut(db, random.below(RECORDS));
            if kind == 10 {
                return "a trail that was set back, with all that follows from it";
            }
            let mut ledger = Ledger::load(db).unwrap();
            while ledger.size() < RECORDS + 3 {
                let number = ledger.size() + 1_000;
                add(db, &mut ledger, number);
            }
            "another trail from some place on"
        }
    }
}

#[test]
fn whatever_is_changed_in_the_database_is_found() {
    let clean = tempfile::tempdir().unwrap();
    let kept = trail(clean.path());
    assert_eq!(found(clean.path(), &kept), Ok(()));
    let mut random = Random(4);
    for mutant in 0..MUTANTS {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (clean.path().join("agw.db"), dir.path().join("agw.db"));
        std::fs::copy(from, to).unwrap();
        let what = {
            let db = Connection::open(dir.path().join("agw.db")).unwrap();
            let triggers = "SELECT group_concat('DROP TRIGGER ' || name, ';') FROM sqlite_schema
                WHERE type = 'trigger'";
            let drops: String = db.query_row(triggers, [], |row| row.get(0)).unwrap();
            db.execute_batch(&drops).unwrap();
            db.execute_batch("BEGIN").unwrap();
            let what = change(&db, mutant % 12, &mut random);
            db.execute_batch("COMMIT").unwrap();
            what
        };
        assert!(found(dir.path(), &kept).is_err(), "{what} (mutant {mutant}) is not found");
    }
}
