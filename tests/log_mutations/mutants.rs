//! What somebody may do to an export who does not have the key, or does not
//! have the trail that was signed. None of it may pass.

mod header;
mod history;
mod lines;
mod notes;
mod records;
mod spelling;

use super::{
    export::{Kind, Line, Plan, file},
    judges::Case,
    trail::{Trail, signer},
};
use crate::support::random::Random;

/// An export that holds, and the trail that it is of.
pub(super) struct Clean {
    pub(super) trail: Trail,
    pub(super) plan: Plan,
    pub(super) lines: Vec<Line>,
    /// What somebody kept.
    since: Option<String>,
}

impl Clean {
    pub(super) fn random(random: &mut Random) -> Self {
        let most = *random.pick(&[8, 60, 300, 700]);
        let size = random.below(most + 1);
        let trail = Trail::random(random, size);
        let since = random.chance(1, 3).then(|| random.below(size + 1) as u64);
        let plan = Plan::random(&trail, size as u64, since, random);
        let lines = plan.lines(&trail);
        let since = since.map(|size| trail.note(size));
        Self { trail, plan, lines, since }
    }

    pub(super) fn case(&self) -> Case {
        self.with(&self.lines)
    }

    fn with(&self, lines: &[Line]) -> Case {
        self.with_file(file(lines))
    }

    fn with_file(&self, file: Vec<u8>) -> Case {
        let key = signer(self.trail.key).verifying().to_string();
        Case { file, key, since: self.since.clone() }
    }

    fn planned(&self, plan: &Plan) -> Case {
        self.with(&plan.lines(&self.trail))
    }

    /// Line by number, of those of a kind.
    fn any(&self, kind: Kind, random: &mut Random) -> Option<usize> {
        let of_kind = |at: &usize| self.lines[*at].kind == kind;
        pick((0..self.lines.len()).filter(of_kind), random)
    }

    /// A record that it has, and that holds of it.
    fn any_record(&self, holds: impl Fn(u64) -> bool, random: &mut Random) -> Option<u64> {
        pick((1..=self.plan.size).filter(|seq| self.plan.has(*seq).record && holds(*seq)), random)
    }
}

fn pick<T>(from: impl Iterator<Item = T>, random: &mut Random) -> Option<T> {
    let mut from: Vec<T> = from.collect();
    (!from.is_empty()).then(|| from.swap_remove(random.below(from.len())))
}

/// What a mutation starts from.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) clean: &'a Clean,
    /// Another, of the same key or not.
    pub(super) other: &'a Clean,
    /// How often that mutation was made already: each of its ways has a turn.
    pub(super) turn: usize,
}

/// `None` where there is nothing to do it to.
pub(super) type Mutation = fn(Given<'_>, &mut Random) -> Option<Case>;

pub(super) const MUTATIONS: &[(&str, Mutation)] = &[
    ("a bit flipped", spelling::flip_bit),
    ("cut in a line", spelling::cut_in_a_line),
    ("bytes at the end", spelling::trail_off),
    ("CRLF", spelling::crlf),
    ("odd base64", spelling::odd_base64),
    ("a line deleted", lines::delete),
    ("a line doubled", lines::double),
    ("a line of another export", lines::borrow),
    ("a line of garbage", lines::garbage),
    ("lines exchanged", lines::exchange),
    ("a line moved", lines::relocate),
    ("lines shuffled", lines::shuffle),
    ("cut between lines", lines::cut),
    ("header edited", header::edit),
    ("range or selection claimed", header::claim),
    ("a record edited", records::edit),
    ("a record spelt otherwise", records::respell),
    ("a record hidden", records::hide),
    ("a record added", records::add),
    ("a leaf doubled and renumbered", records::double),
    ("words dropped", records::drop_words),
    ("words exchanged", records::exchange_words),
    ("words changed", records::change_words),
    ("words and their hash changed", records::replace_words),
    ("an erasure made up", records::make_up_erasure),
    ("a body before the words", records::body_first),
    ("a body changed", records::change_body),
    ("a hash forged", history::forge_hash),
    ("chained again without the key", history::rechain),
    ("rolled back", history::roll_back),
    ("forked", history::fork),
    ("another branch's checkpoint", history::graft),
    ("not cut at what was kept", history::straddle),
    ("a size changed in a note", notes::resize),
    ("notes exchanged", notes::exchange),
    ("a note malformed", notes::malform),
    ("a note of another trail", notes::borrow),
    ("signed with another key", notes::other_key),
    ("signed over something else", notes::lie),
    ("kept and signed by another", notes::keep_other),
    ("a key misspelt", notes::misspell_key),
];
