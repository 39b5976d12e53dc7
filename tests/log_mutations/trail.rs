//! Random trails, all kept in memory.

use std::{collections::BTreeMap, convert::Infallible};

use agw_core::log::{Hash, SigningKey, Subtree, Tree, leaf_hash};
use sha2::{Digest as _, Sha256};

use crate::support::random::Random;

/// Trails share keys: a verifier may prepare for one, once.
pub(super) const KEYS: usize = 3;
const SALT: usize = 16;
const TOOLS: [&str; 5] = ["gmail.send", "fs.write_file", "crm.löschen", "a\"b\\c", "e\u{1f600}"];
/// Members that nothing hangs on, as odd as JSON may be.
const ODD: [&str; 6] = [
    r#""\u0061\ud83d\uDE00\n""#,
    " [ 1e999 , -0.0, 12345678901234567890123 ]\t",
    r#"{"":{},"seq":1,"text":null,"removed":[[9,1]]}"#,
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
    "\"\u{7f}\u{85}\u{2028}\u{feff}\"",
    "null",
];

/// One record and what is beside it.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) record: String,
    pub(super) words: Option<Vec<u8>>,
    pub(super) body: Option<Vec<u8>>,
    /// Whose words it says were erased.
    pub(super) removed: Vec<(u64, u64)>,
    /// Before which it says that records were removed.
    pub(super) below: u64,
}

impl Entry {
    /// As one that says nothing of others.
    pub(super) fn plain(record: String) -> Self {
        Self { record, words: None, body: None, removed: Vec::new(), below: 0 }
    }
}

#[derive(Default)]
pub(super) struct Trail {
    pub(super) key: usize,
    pub(super) entries: Vec<Entry>,
    leaves: Vec<Hash>,
    tree: Tree,
    /// Calls that have not ended.
    open: Vec<String>,
    /// For each record, the first one that says that its words are gone.
    erased: Vec<Option<u64>>,
}

/// Keys that are [`KEYS`] apart have the same name.
pub(super) fn signer(key: usize) -> SigningKey {
    SigningKey::from_seed(&format!("agw/acme-{}", key % KEYS), &seed(key)).unwrap()
}

pub(super) fn seed(key: usize) -> [u8; 32] {
    [key as u8 + 1; 32]
}

impl Trail {
    pub(super) fn random(random: &mut Random, size: usize) -> Self {
        let mut trail = Self { key: random.below(KEYS), ..Self::default() };
        trail.grow(random, size);
        trail
    }

    pub(super) fn grow(&mut self, random: &mut Random, size: usize) {
        while self.entries.len() < size {
            let entry = self.next(random);
            self.push(entry);
        }
    }

    pub(super) fn of(key: usize, entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut trail = Self { key, ..Self::default() };
        entries.into_iter().for_each(|entry| trail.push(entry));
        trail
    }

    pub(super) fn push(&mut self, entry: Entry) {
        let leaf = leaf_hash(entry.record.as_bytes());
        self.leaves.push(leaf);
        self.tree.push(leaf);
        self.erased.push(None);
        for seq in entry.removed.iter().flat_map(|(first, last)| *first..=*last) {
            self.erased[seq as usize - 1].get_or_insert(self.tree.size());
        }
        self.entries.push(entry);
    }

    pub(super) fn size(&self) -> u64 {
        self.tree.size()
    }

    pub(super) fn entry(&self, seq: u64) -> &Entry {
        &self.entries[seq as usize - 1]
    }

    pub(super) fn root(&self, size: u64) -> Hash {
        let Ok(root) = self.tree.root_at(size, &mut |group| Ok::<_, Infallible>(self.group(group)));
        root.unwrap()
    }

    pub(super) fn cover(&self, from: u64, to: u64) -> Vec<Subtree> {
        let mut leaves = |group| Ok::<_, Infallible>(self.group(group));
        let Ok(cover) = self.tree.cover(from, to, &mut leaves);
        cover.unwrap()
    }

    fn group(&self, group: u64) -> Vec<Hash> {
        self.leaves[group as usize * 256..][..256].to_vec()
    }

    pub(super) fn note(&self, size: u64) -> String {
        signer(self.key).sign(size, &self.root(size))
    }

    /// Whether one of the first `size` records says that its words are gone.
    pub(super) fn erased(&self, seq: u64, size: u64) -> bool {
        self.erased[seq as usize - 1].is_some_and(|by| by <= size)
    }

    /// What retention has removed by then.
    pub(super) fn below(&self, size: u64) -> u64 {
        self.entries[..size as usize].iter().map(|entry| entry.below).max().unwrap_or(0)
    }

    fn next(&mut self, random: &mut Random) -> Entry {
        let seq = self.size() + 1;
        let mut record = Draft::new(seq, random);
        match random.below(40) {
            0..12 => {
                let call = format!("01K{seq:05}{:08}", random.below(100_000_000));
                record.set("kind", "intent").set("call_id", &call);
                let tool = *random.pick(&TOOLS);
                record.set("tool", tool);
                self.open.push(call);
            }
            12..23 => {
                let status = if random.chance(1, 2) { "ok" } else { "denied" };
                record.set("kind", "outcome").set("status", status);
                if !self.open.is_empty() && random.chance(4, 5) {
                    let call = self.open.swap_remove(random.below(self.open.len()));
                    record.set("call_id", &call);
                }
            }
            23..26 => _ = record.set("kind", "approval").set("status", "asked"),
            26..29 => _ = record.set("kind", "config").set("status", "grant_added"),
            29..32 => _ = record.set("kind", "sign_in"),
            32..34 => _ = record.set("kind", "service").set("status", "started"),
            34 => {
                let odd = *random.pick(&ODD);
                record.set("kind", "service").raw("odd", odd.to_owned());
            }
            35 => {
                _ = record
                    .set("kind", "outcome")
                    .set("status", "compacted")
                    .raw("below", "7".into())
            }
            36..39 => record.remove_words(self.with_words(random), random),
            _ if random.chance(1, 2) && seq > 3 => {
                let below = self.below(seq - 1).max(random.below(seq as usize / 2) as u64 + 1);
                record.set("kind", "service").set("status", "compacted");
                record.raw("below", below.to_string());
                record.entry.below = below;
            }
            _ => _ = record.set("kind", "service").set("status", "erased"),
        }
        if random.chance(2, 5) {
            record.words(random);
        }
        if random.chance(1, 5) {
            record.body(random);
        }
        record.done()
    }

    /// Some of those that still have their words.
    fn with_words(&self, random: &mut Random) -> Vec<u64> {
        let here = |seq: &u64| self.entry(*seq).words.is_some() && !self.erased(*seq, self.size());
        let some = (1..=self.size()).filter(|_| random.chance(1, 6)).collect::<Vec<_>>();
        some.into_iter().filter(here).collect()
    }
}

/// A record that is being written, its members sorted.
pub(super) struct Draft {
    seq: u64,
    members: BTreeMap<&'static str, String>,
    entry: Entry,
}

impl Draft {
    pub(super) fn new(seq: u64, random: &mut Random) -> Self {
        let members = BTreeMap::new();
        let mut draft = Self { seq, members, entry: Entry::plain(String::new()) };
        draft.raw("seq", seq.to_string()).raw("v", random.pick(&["1", "2", "2"]).to_string());
        let (minute, milli) = (random.below(60), random.below(60_000));
        let second = format!("{:02}.{:03}", milli / 1_000, milli % 1_000);
        draft.set("time", &format!("2026-11-23T04:{minute:02}:{second}Z"));
        draft.set("user", &format!("u{}", random.below(1_000_000_000)));
        draft
    }

    pub(super) fn set(&mut self, name: &'static str, value: &str) -> &mut Self {
        self.raw(name, serde_json::to_string(value).unwrap())
    }

    pub(super) fn raw(&mut self, name: &'static str, json: String) -> &mut Self {
        self.members.insert(name, json);
        self
    }

    pub(super) fn words(&mut self, random: &mut Random) {
        let mut words = bytes(random, SALT);
        words.extend(format!(r#"{{"detail":"{} für Zoë"}}"#, random.below(1_000_000)).bytes());
        self.set("text", &sha256(&words));
        self.entry.words = Some(words);
    }

    fn body(&mut self, random: &mut Random) {
        let length = 8 + random.below(200);
        let body = bytes(random, length);
        self.set("body", &sha256(&body));
        self.entry.body = Some(body);
    }

    /// Says that these were erased, or these with all before them.
    fn remove_words(&mut self, seqs: Vec<u64>, random: &mut Random) {
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        let wide = random.chance(1, 3);
        for seq in seqs {
            match ranges.last_mut() {
                Some((_, last)) if wide || *last + 1 == seq => *last = seq,
                _ => ranges.push((if wide { 1 } else { seq }, seq)),
            }
        }
        let json: Vec<String> = ranges.iter().map(|(a, b)| format!("[{a},{b}]")).collect();
        self.set("kind", if random.chance(1, 2) { "service" } else { "config" });
        self.set("status", "erased");
        self.raw("removed", format!("[{}]", json.join(",")));
        self.entry.removed = ranges;
    }

    pub(super) fn done(mut self) -> Entry {
        let members = self.members.iter().map(|(name, json)| format!("\"{name}\":{json}"));
        self.entry.record = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
        assert!(self.entry.below <= self.seq);
        self.entry
    }
}

pub(super) fn bytes(random: &mut Random, count: usize) -> Vec<u8> {
    (0..count).map(|_| random.below(256) as u8).collect()
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
