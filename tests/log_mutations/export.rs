//! What an export has, and its lines.

use agw_core::log::{Hash, Subtree};
use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};

use super::trail::{Trail, bytes, signer};
use crate::support::random::Random;

/// What an export has. Nothing in it is random any more, so that a changed
/// trail can be exported as the true one was.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) all: bool,
    /// Records of the trail when it was made.
    pub(super) size: u64,
    /// What it has of each record.
    pub(super) has: Vec<Has>,
    /// Sizes of its checkpoints, ascending, and the witnesses' lines in each.
    pub(super) checkpoints: Vec<(u64, String)>,
    /// Where subtrees that are left out have to be cut.
    pub(super) cut: Option<u64>,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Has {
    pub(super) record: bool,
    pub(super) words: bool,
    pub(super) body: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Header,
    Subtree,
    Record,
    Words,
    Body,
    Checkpoint,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) kind: Kind,
    /// The record that it is or belongs to; the size of a checkpoint.
    pub(super) seq: u64,
    pub(super) text: Vec<u8>,
    /// So much of it matters: witnesses' signatures come last and do not.
    pub(super) counts: usize,
}

impl Line {
    pub(super) fn new(kind: Kind, seq: u64, text: String) -> Self {
        Self { kind, seq, counts: text.len(), text: text.into_bytes() }
    }
}

impl Plan {
    /// Of the trail as it was when it had `size` records.
    pub(super) fn random(trail: &Trail, size: u64, cut: Option<u64>, random: &mut Random) -> Self {
        let mut plan = Self {
            first: 1,
            last: size,
            all: random.chance(3, 4),
            size,
            has: vec![Has::default(); size as usize],
            checkpoints: Vec::new(),
            cut,
        };
        if random.chance(1, 3) {
            plan.choose_range(trail, random);
        }
        let (below, bodies) = (trail.below(size), random.chance(1, 2));
        for seq in plan.first.max(below)..=plan.last {
            let entry = trail.entry(seq);
            let kept = plan.all && plan.last == size || random.chance(4, 5);
            plan.has[seq as usize - 1] = Has {
                record: plan.all || random.chance(1, 3),
                words: entry.words.is_some() && !trail.erased(seq, size) && kept,
                body: bodies && entry.body.is_some(),
            };
        }
        let some = (1..size).filter(|_| random.chance(2, size as usize)).collect::<Vec<_>>();
        let none = if random.chance(1, 20) && size > 0 { vec![0] } else { Vec::new() };
        for signed in none.into_iter().chain(some).chain([size]) {
            plan.checkpoints.push((signed, witnesses(trail.key, random)));
        }
        plan
    }

    /// The last of so many records, and nothing else.
    pub(super) fn last_of(size: u64) -> Self {
        let mut has = vec![Has::default(); size as usize];
        has[size as usize - 1].record = true;
        let checkpoints = vec![(size, String::new())];
        Self { first: size, last: size, all: false, size, has, checkpoints, cut: None }
    }

    fn choose_range(&mut self, trail: &Trail, random: &mut Random) {
        let size = self.size as usize;
        self.first = random.below(size + 1) as u64 + 1;
        self.last = self.first - 1 + random.below(size + 2 - self.first as usize) as u64;
        // What retention removed has to be said within the range.
        let below = trail.below(self.size);
        if self.first < below && self.said_below(trail) < below {
            self.first = below;
            self.last = self.last.max(below - 1);
        }
    }

    /// Before which, as records in the range say, others were removed.
    fn said_below(&self, trail: &Trail) -> u64 {
        (self.first..=self.last).map(|seq| trail.entry(seq).below).max().unwrap_or(0)
    }

    /// Before which, as the records that it has say, others were removed.
    pub(super) fn below(&self, trail: &Trail) -> u64 {
        let here = (1..=self.size).filter(|seq| self.has(*seq).record);
        here.map(|seq| trail.entry(seq).below).max().unwrap_or(0)
    }

    pub(super) fn has(&self, seq: u64) -> Has {
        self.has[seq as usize - 1]
    }

    pub(super) fn has_mut(&mut self, seq: u64) -> &mut Has {
        &mut self.has[seq as usize - 1]
    }

    /// Whether words that are missing without a reason are held against it.
    pub(super) fn needs_words(&self) -> bool {
        self.all && self.last == self.size
    }

    /// The lines, each checkpoint signed with the trail's key.
    pub(super) fn lines(&self, trail: &Trail) -> Vec<Line> {
        self.signed_by(trail, |size, root| signer(trail.key).sign(size, &root))
    }

    pub(super) fn signed_by(
        &self,
        trail: &Trail,
        mut sign: impl FnMut(u64, Hash) -> String,
    ) -> Vec<Line> {
        let name = signer(trail.key).verifying().name().to_owned();
        let what = if self.all { "all" } else { "some" };
        let header = format!("agw-tlog/1 {name} {} {} {what}", self.first, self.last);
        let mut lines = vec![Line::new(Kind::Header, 0, header)];
        let mut checkpoints = self.checkpoints.iter().peekable();
        let mut at = 0;
        loop {
            if let Some((size, witnesses)) = checkpoints.next_if(|(size, _)| *size == at) {
                lines.push(checkpoint(*size, &sign(*size, trail.root(*size)), witnesses));
            }
            if at == self.size {
                return lines;
            }
            let next_stop = checkpoints.peek().map_or(self.size, |(size, _)| *size);
            let stop = self.cut.filter(|cut| *cut > at).map_or(next_stop, |cut| cut.min(next_stop));
            let shown = (at + 1..=stop).find(|seq| self.has(*seq).record);
            let hidden_to = shown.map_or(stop, |seq| seq - 1);
            lines.extend(trail.cover(at, hidden_to).into_iter().map(subtree));
            at = hidden_to;
            if let Some(seq) = shown {
                lines.extend(self.record(trail, seq));
                at = seq;
            }
        }
    }

    pub(super) fn record(&self, trail: &Trail, seq: u64) -> Vec<Line> {
        let (entry, has) = (trail.entry(seq), self.has(seq));
        let mut lines = vec![Line::new(Kind::Record, seq, format!("r {}", entry.record))];
        if let Some(words) = entry.words.as_ref().filter(|_| has.words) {
            lines.push(Line::new(Kind::Words, seq, format!("t {}", BASE64.encode(words))));
        }
        if let Some(body) = entry.body.as_ref().filter(|_| has.body) {
            lines.push(Line::new(Kind::Body, seq, format!("b {}", BASE64.encode(body))));
        }
        lines
    }
}

pub(super) fn subtree(Subtree { level, index, hash }: Subtree) -> Line {
    Line::new(Kind::Subtree, 0, format!("h {level} {index} {}", BASE64.encode(hash)))
}

/// `witnesses` are lines of a note, each with its end.
pub(super) fn checkpoint(size: u64, note: &str, witnesses: &str) -> Line {
    let text = format!("c {}", BASE64.encode([note, witnesses].concat()));
    let counts = if witnesses.is_empty() { text.len() } else { 2 + note.len() / 3 * 4 };
    Line { counts, ..Line::new(Kind::Checkpoint, size, text) }
}

/// Lines of others in a note, also of those who share a name or a hash with
/// the trail's key.
fn witnesses(key: usize, random: &mut Random) -> String {
    let vkey = signer(key).verifying().to_string();
    let [name, hash, _] = vkey.splitn(3, '+').collect::<Vec<_>>()[..] else { unreachable!() };
    let hash = u32::from_str_radix(hash, 16).unwrap().to_be_bytes();
    let count = if random.chance(1, 3) { 1 + random.below(3) } else { 0 };
    let line = |_| {
        let length = 1 + random.below(80);
        let signature = bytes(random, length);
        let other = bytes(random, hash.len());
        let (name, hash) = match random.below(4) {
            0 => (name, &other[..]),
            1 => ("witness.example/w1", &hash[..]),
            _ => ("witness.example/w2", &other[..]),
        };
        format!("— {name} {}\n", BASE64.encode([hash, &signature].concat()))
    };
    (0..count).map(line).collect()
}

/// The file.
pub(super) fn file(lines: &[Line]) -> Vec<u8> {
    let mut file = Vec::new();
    for line in lines {
        file.extend_from_slice(&line.text);
        file.push(b'\n');
    }
    file
}
