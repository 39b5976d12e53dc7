//! Against a filter that looks at everything, one record after the other.

mod reference;

use std::collections::BTreeSet;

use self::reference::{AGENTS, USERS, is};
use super::*;
use crate::{
    audit::{
        Kind, Record,
        ledger::{Leaf, Ledger},
        shape::SHAPES_MAX,
    },
    clock,
    store::writer::batch,
};
use agw_core::{GrantId, log::leaf_hash};

/// 2026-11-22T09:30:00Z, in milliseconds since 1970.
const BEGIN: i64 = 1_795_339_800_000;
const TOOLS: [&str; 5] = ["fix.echo", "fix.other", "fixture.echo", "gmail.send", "evil\"\\\n.tool"];

/// xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) % limit as u64) as usize
    }

    fn chance(&mut self, of: usize, all: usize) -> bool {
        self.below(all) < of
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn maybe<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        self.chance(3, 4).then(|| self.pick(from))
    }
}

struct Trail {
    _dir: tempfile::TempDir,
    db: Connection,
    ledger: Ledger,
    records: Vec<Record>,
}

impl Trail {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (db, _) = crate::store::open(dir.path()).unwrap();
        db.pragma_update(None, "synchronous", "OFF").unwrap();
        for name in USERS {
            db.execute("INSERT INTO users (name, created_at) VALUES (?1, 0)", [name]).unwrap();
        }
        for (user, name) in AGENTS {
            let sql = "INSERT INTO agents (user, name, scope, created_at) VALUES (?1, ?2, '[]', 0)";
            db.execute(sql, params![user, name]).unwrap();
        }
        db.execute_batch(
            "INSERT INTO teams (name, created_at) VALUES ('sales', 0), ('empty', 0);
             INSERT INTO memberships VALUES (2, 1), (3, 1);",
        )
        .unwrap();
        Self { _dir: dir, db, ledger: Ledger::default(), records: Vec::new() }
    }

    /// In one transaction; the ledger is stored one commit late, as it is by
    /// the writer.
    fn add(&mut self, records: Vec<Record>) {
        let tx = self.db.transaction().unwrap();
        self.ledger.store(&tx).unwrap();
        let mut leaves = Vec::new();
        for record in records {
            self.records.push(record.clone());
            let rendered = record.render();
            let json = batch::insert(&tx, self.records.len() as u64, &rendered).unwrap();
            let (time, shape) = (rendered.time, rendered.shape.clone());
            leaves.push(Leaf { hash: leaf_hash(json.as_bytes()), time, shape });
        }
        tx.commit().unwrap();
        self.ledger.stored();
        leaves.into_iter().for_each(|leaf| self.ledger.take(leaf));
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot::load(&self.db, None).unwrap()
    }

    /// Sequence numbers on all pages, as they come.
    fn pages(&self, filter: &Filter) -> (Vec<u64>, usize) {
        let snapshot = self.snapshot();
        let sought = Sought::new(&snapshot, filter).unwrap();
        let (mut seqs, mut filter, mut pages) = (Vec::new(), filter.clone(), 0);
        loop {
            let page = search(&self.db, &snapshot, &filter, &sought).unwrap();
            let limit = filter.limit.unwrap_or(LIMIT_DEFAULT) as usize;
            assert!(page.records.len() <= limit, "{filter:?}");
            seqs.extend(page.records.iter().map(|record| record.seq));
            pages += 1;
            let Some(next) = page.next else { return (seqs, pages) };
            assert!(filter.before.is_none_or(|before| next < before), "{next} {filter:?}");
            assert!(next > 1, "nothing is before the first record: {filter:?}");
            filter.before = Some(next);
        }
    }

    /// The same, by looking at everything.
    fn naive(&self, filter: &Filter) -> Vec<u64> {
        let seqs = (0..self.records.len()).rev().map(|at| at as u64 + 1);
        let seqs = seqs.filter(|seq| filter.before.is_none_or(|before| *seq < before));
        seqs.filter(|seq| is(&self.records[*seq as usize - 1], filter)).collect()
    }

    fn check(&self, filter: &Filter, seed: u64) -> usize {
        let (found, pages) = self.pages(filter);
        assert_eq!(found, self.naive(filter), "seed {seed}: {filter:?}");
        pages
    }
}

const DETAILS: [&str; 6] = [
    "ana/claude asked for gmail.send",
    "says \"no\"\nand \\ more",
    "Ünïcode ÄRGER",
    "the Detail of it",
    "5 records",
    "nothing special",
];
const CLEARS: [&str; 4] = [
    r#"{"message.to":["ana@example.com","bo@example.com"]}"#,
    r#"{"q":"say \"hi\"\tto\u0000 C:\\x"}"#,
    r#"{"n":42,"ok":true,"deep":{"Key":[null,"Ärger"]}}"#,
    r#"{"subject":"clear"}"#,
];
const TEXTS: [&str; 22] = [
    "ana",
    "CLAUDE",
    "o'ne",
    "echo",
    "\"no\"",
    "no\"\nand",
    "\\ more",
    "ärger",
    "detail",
    "clear",
    "\":\"",
    "{",
    "@example.com\",",
    "message.to",
    "42",
    "true",
    "key",
    "say \"hi\"",
    "c:\\x",
    "deny",
    "intent",
    "no such thing",
];

fn record(random: &mut Random, time: i64) -> Record {
    let kinds = [Kind::Intent, Kind::Outcome, Kind::Outcome, Kind::Approval, Kind::Config];
    let kind = if random.chance(1, 30) {
        random.pick(&[Kind::SignIn, Kind::Service])
    } else {
        random.pick(&kinds)
    };
    let mut record = Record::new(kind, time);
    record.user = random.maybe(&[1, 2, 2, 3, 4]).map(UserId::new);
    record.agent = random.maybe(&[1, 2, 3, 4]).map(AgentId::new);
    record.tool = random.maybe(&TOOLS).map(str::to_owned);
    record.decision = random.maybe(&["allow", "ask", "deny"]);
    record.reason = random.maybe(&["granted", "not_granted", "denied"]);
    record.status = random.maybe(&["ok", "denied", "failed"]);
    record.effect = random.maybe(&[ToolEffect::Read, ToolEffect::Write, ToolEffect::Destructive]);
    record.grants = random.maybe(&[GrantId::new(1)]).into_iter().collect();
    if random.chance(1, 4) {
        record.detail = Some(random.pick(&DETAILS).to_owned());
    }
    if random.chance(1, 6) {
        record.clear = Some(random.pick(&CLEARS).to_owned());
    }
    record
}

/// Records in runs that are alike, so that groups differ in what they hold; by
/// a clock that is set back and forth.
fn fill(trail: &mut Trail, random: &mut Random, count: usize) {
    let mut time = BEGIN;
    let mut alike: Option<Record> = None;
    while trail.records.len() < count {
        let mut batch = Vec::new();
        for _ in 0..=random.below(200) {
            time += random.below(2_000) as i64;
            match random.below(1_500) {
                0 => time -= 3_600_000,
                1 => time += 3_600_000,
                _ => {}
            }
            if random.chance(1, 400) {
                alike = random.chance(1, 2).then(|| record(random, time));
            }
            let stray = if random.chance(1, 500) { 86_400_000 } else { 0 };
            let mut next = alike.clone().unwrap_or_else(|| record(random, time));
            next.time = time + stray;
            batch.push(next);
        }
        trail.add(batch);
    }
}

fn word(random: &mut Random, from: &[&str]) -> Option<String> {
    Some(random.pick(from).to_owned())
}

/// Sets one part of a filter.
fn narrow(filter: &mut Filter, part: usize, random: &mut Random, trail: &Trail) {
    let mut time = || {
        let time = trail.records[random.below(trail.records.len())].time;
        Some(rfc3339(time + random.below(3) as i64 - 1))
    };
    match part {
        0 => filter.kind = word(random, &["intent", "outcome", "service", "sign_in", "none"]),
        1 => filter.decision = word(random, &["allow", "ask", "deny"]),
        2 => filter.user = word(random, &["ana", "root", "Bo O'Neill", "nobody"]),
        3 => filter.team = word(random, &["sales", "empty", "none"]),
        4 => filter.agent = word(random, &["claude", "ana/claude", "root/claude", "bot"]),
        5 => filter.connection = word(random, &["fix", "fixture", "gmail", "none"]),
        6 => filter.tool = word(random, &TOOLS),
        7 => filter.reason = word(random, &["granted", "not_granted", "none"]),
        8 => filter.effect = word(random, &["read", "write", "destructive", "unknown"]),
        9 => filter.status = word(random, &["ok", "denied", "failed"]),
        10 => filter.since = time(),
        11 => filter.until = time(),
        12 => filter.text = word(random, &TEXTS),
        13 => filter.only = Some(UserId::new(random.pick(&[1, 2, 3, 99]))),
        _ => filter.before = Some(random.below(trail.records.len() + 600) as u64),
    }
}

const PARTS: usize = 15;

fn seed() -> u64 {
    clock::now_ms() as u64 | 1 << 63
}

#[test]
fn each_filter_alone_and_every_two_together_find_what_is_there() {
    let seed = seed();
    let (mut random, mut trail) = (Random(seed), Trail::new());
    fill(&mut trail, &mut random, 2_200);
    let groups = trail.ledger.tree().groups();
    assert!(groups > 7, "{groups}");
    for first in 0..PARTS {
        for second in first..PARTS {
            let limit = Some(random.pick(&[1, 7, 100, 255, 256, 257, 1_000]));
            let mut filter = Filter { limit, ..Filter::default() };
            narrow(&mut filter, first, &mut random, &trail);
            narrow(&mut filter, second, &mut random, &trail);
            if trail.naive(&filter).len() > 200 {
                filter.limit = limit.max(Some(100));
            }
            trail.check(&filter, seed);
        }
    }
    // None at all, and a part of each length of an unfinished group.
    let all = Filter { limit: Some(100), ..Filter::default() };
    for _ in 0..5 {
        let records = (0..random.below(120)).map(|_| record(&mut random, BEGIN)).collect();
        trail.add(records);
        trail.check(&all, seed);
    }
}

#[test]
fn any_filter_and_any_text_find_what_is_there() {
    let seed = seed();
    let (mut random, mut trail) = (Random(seed), Trail::new());
    fill(&mut trail, &mut random, 1_500);
    for text in TEXTS {
        let filter = Filter { text: Some(text.to_owned()), ..Filter::default() };
        trail.check(&filter, seed);
    }
    for _ in 0..100 {
        let mut filter = Filter { limit: Some(60), ..Filter::default() };
        for _ in 0..=random.below(4) {
            let part = random.below(PARTS);
            narrow(&mut filter, part, &mut random, &trail);
        }
        trail.check(&filter, seed);
    }
}

/// A caller can make up names without end.
#[test]
fn records_of_more_shapes_than_are_told_apart_are_found_all_the_same() {
    let mut trail = Trail::new();
    let named = |n: usize| {
        let mut record = Record::new(Kind::Outcome, BEGIN + n as i64);
        record.tool = Some(format!("made-up.{n}"));
        record.user = Some(UserId::new(1 + n as u64 % 4));
        record
    };
    let count = SHAPES_MAX + 1_000;
    trail.add((0..count).map(named).collect());
    trail.add((0..300).map(|n| named(n * 70)).collect());
    trail.add(vec![named(count - 1)]);
    let stored: usize =
        trail.db.query_row("SELECT count(*) FROM audit_shapes", [], |row| row.get(0)).unwrap();
    assert_eq!(stored, SHAPES_MAX);
    for n in [0, 70, SHAPES_MAX - 1, SHAPES_MAX, count - 2, count - 1, count] {
        let tool = Some(format!("made-up.{n}"));
        trail.check(&Filter { tool, ..Filter::default() }, 0);
    }
    let text = Some("up.20".to_owned());
    trail.check(&Filter { text, user: Some("ana".into()), ..Filter::default() }, 0);
    // After a restart the same are told apart.
    let ledger = Ledger::load(&trail.db).unwrap();
    assert_eq!(ledger.tree().root(), trail.ledger.tree().root());
    let Trail { db, ledger: before, records, _dir } = trail;
    drop(before);
    let mut trail = Trail { db, ledger, records, _dir };
    trail.add((0..600).map(|n| named(count + n)).collect());
    trail.add(vec![named(3)]);
    for n in [3, count + 1, count + 599] {
        let tool = Some(format!("made-up.{n}"));
        trail.check(&Filter { tool, ..Filter::default() }, 0);
    }
}

/// `count` records as SQL makes them, all of one minute, with words.
fn many(trail: &mut Trail, count: usize) {
    let json = r#"'{"kind":"config","seq":' || value || ',"status":"made","time":"2026-11-22T09:30:00.000Z","user":"u' || (1 + value % 4) || '","v":2}'"#;
    trail
        .db
        .execute_batch(&format!(
            "INSERT INTO audit SELECT value, NULL, {json} FROM
                 (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT {count}) SELECT value FROM n);
             INSERT INTO audit_texts
                 SELECT seq, CAST('0123456789abcdef{{\"detail\":\"number ' || seq || '.\"}}' AS BLOB) FROM audit;"
        ))
        .unwrap();
    trail.ledger = Ledger::load(&trail.db).unwrap();
    let tx = trail.db.transaction().unwrap();
    trail.ledger.store(&tx).unwrap();
    tx.commit().unwrap();
    trail.ledger.stored();
    for n in 1..=count {
        let user = UserId::new(1 + n as u64 % 4);
        trail.records.push(Record::config(BEGIN, user, "made", format!("number {n}.")));
    }
}

#[test]
fn a_page_costs_a_bounded_amount_of_work_and_the_next_goes_on_from_there() {
    let mut trail = Trail::new();
    let count = bounds::SEARCH_TEXTS + 10_000;
    many(&mut trail, count);
    let by_text = |text: &str| Filter { text: Some(text.into()), ..Filter::default() };
    // In words of the last page that is looked at.
    assert_eq!(trail.check(&by_text("number 77."), 0), 2);
    assert!(trail.check(&by_text("number 1777."), 0) <= 2);
    assert_eq!(trail.check(&by_text("nowhere to be found"), 0), 2);
    // What is older than what is asked for is not read.
    let since = Some("2026-11-22T09:31:00Z".to_owned());
    assert_eq!(trail.check(&Filter { since, ..by_text("nowhere to be found") }, 0), 1);
    // Words in every group, none in a record that is looked for.
    let filter = Filter { user: Some("ana".into()), ..by_text("00.") };
    let pages = trail.check(&filter, 0);
    assert!(pages > 1 && pages < 8, "{pages}");
    // Every group is one that has to be looked at.
    trail
        .db
        .execute_batch("INSERT INTO audit_shape_groups SELECT 0, grp FROM audit_groups")
        .unwrap();
    let missing = Filter { tool: Some("no.such".into()), ..Filter::default() };
    let expected = (count as u64 / GROUP).div_ceil(bounds::SEARCH_GROUPS as u64) as usize;
    assert_eq!(trail.check(&missing, 0), expected);
}

#[test]
fn ranges_of_time_hold_everything_of_that_time() {
    let seed = seed();
    let (mut random, mut trail) = (Random(seed), Trail::new());
    fill(&mut trail, &mut random, 1_500);
    let times: BTreeSet<i64> = trail.records.iter().map(|record| record.time).collect();
    for _ in 0..200 {
        let time = trail.records[random.below(trail.records.len())].time + random.below(3) as i64;
        let seqs = |is: &dyn Fn(i64) -> bool| -> Vec<u64> {
            (1..).zip(&trail.records).filter(|(_, r)| is(r.time)).map(|(seq, _)| seq).collect()
        };
        let (since, until) = (seqs(&|made| made >= time), seqs(&|made| made <= time));
        let head = trail.records.len() as u64;
        let first = first_since(&trail.db, time).unwrap().min(head + 1);
        assert_eq!(first, since.first().copied().unwrap_or(head + 1), "seed {seed}");
        let last = last_until(&trail.db, time).unwrap().min(head);
        assert_eq!(last, until.last().copied().unwrap_or(0), "seed {seed}");
    }
    assert_eq!(last_until(&trail.db, times.first().unwrap() - 1).unwrap(), 0);
    assert!(first_since(&trail.db, times.last().unwrap() + 1).unwrap() > 1_500);
}

/// Of before there were texts beside records.
#[test]
fn details_of_the_first_version_are_found() {
    let mut trail = Trail::new();
    for seq in 1..=700_u64 {
        let record = match seq % 50 {
            0 => format!(
                r#"{{"detail":"Says \"no\" {seq}.","kind":"config","seq":{seq},"status":"made","time":"2026-11-22T09:30:00.000Z","user":"u2","v":1}}"#
            ),
            _ => format!(
                r#"{{"args":{{"detail":"string(1)"}},"kind":"intent","seq":{seq},"time":"2026-11-22T09:30:00.000Z","v":1}}"#
            ),
        };
        trail.db.execute("INSERT INTO audit VALUES (?1, NULL, ?2)", params![seq, record]).unwrap();
        trail.records.push(match seq % 50 {
            0 => {
                let detail = format!("Says \"no\" {seq}.");
                Record::config(BEGIN, UserId::new(2), "made", detail)
            }
            _ => Record::new(Kind::Intent, BEGIN),
        });
    }
    trail.ledger = Ledger::load(&trail.db).unwrap();
    trail.add((0..600).map(|_| Record::new(Kind::Service, BEGIN)).collect());
    trail.add(Vec::new());
    for text in ["says", "\"NO\" 50.", "no\" 700.", "detail", "string"] {
        let filter = Filter { text: Some(text.into()), ..Filter::default() };
        trail.check(&filter, 0);
        trail.check(&Filter { user: Some("ana".into()), limit: Some(3), ..filter }, 0);
    }
}
