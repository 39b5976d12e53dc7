//! Lines that are not those that were written, or not where they were.

use super::{Case, Clean, Given, Kind, Line};
use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};

use crate::support::random::Random;

/// One that has to be there. Bodies and checkpoints before the last do not,
/// nor do words where something else may be missing.
pub(super) fn delete(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let Clean { plan, lines, .. } = given.clean;
    let at = random.below(lines.len());
    let needed = match lines[at].kind {
        Kind::Header | Kind::Subtree | Kind::Record => true,
        Kind::Words => plan.needs_words(),
        Kind::Body => false,
        Kind::Checkpoint => at == lines.len() - 1,
    };
    let mut left = lines.clone();
    left.remove(at);
    needed.then(|| given.clean.with(&left))
}

pub(super) fn double(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let mut lines = given.clean.lines.clone();
    let (which, at) = (random.below(lines.len()), random.below(lines.len() + 1));
    lines.insert(at, lines[which].clone());
    Some(given.clean.with(&lines))
}

pub(super) fn borrow(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let mut lines = given.clean.lines.clone();
    let line = random.pick(&given.other.lines).clone();
    // That nothing was recorded yet is true of every trail.
    let harmless = line.kind == Kind::Checkpoint && line.seq == 0;
    lines.insert(random.below(lines.len() + 1), line);
    (!harmless).then(|| given.clean.with(&lines))
}

pub(super) fn garbage(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let mut lines = given.clean.lines.clone();
    let garbage = [
        "",
        " ",
        "#",
        "r",
        "r ",
        "r {}",
        "r null",
        "t ",
        "t",
        "b ",
        "b AAAA",
        "c ",
        "c AAAA",
        "h",
        "h 0 0",
        "h 0 0 ",
        "h 0 0 AAAA",
        "x y",
        "{}",
        "\u{feff}",
        "c\t",
        "R {}",
        "H 0 0 ZERO",
        "h -1 0 ZERO",
        "h 64 0 ZERO",
        "h 63 0 ZERO",
        "h 62 0 ZERO",
        "h 0 0 ZERO",
        "h 0 00 ZERO",
        "h 0 18446744073709551616 ZERO",
        "h 62 4 ZERO",
        "h 1 9223372036854775808 ZERO",
    ];
    let text = garbage[given.turn % garbage.len()].replace("ZERO", &BASE64.encode([0; 32]));
    let line = Line::new(Kind::Header, 0, text);
    lines.insert(random.below(lines.len() + 1), line);
    Some(given.clean.with(&lines))
}

pub(super) fn exchange(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let mut lines = given.clean.lines.clone();
    let (a, mut b) = (random.below(lines.len()), random.below(lines.len()));
    if random.chance(1, 2) {
        b = (a + 1) % lines.len();
    }
    lines.swap(a, b);
    Some(given.clean.with(&lines))
}

pub(super) fn relocate(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let mut lines = given.clean.lines.clone();
    let line = lines.remove(random.below(lines.len()));
    lines.insert(random.below(lines.len() + 1), line);
    Some(given.clean.with(&lines))
}

pub(super) fn shuffle(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let mut lines = given.clean.lines.clone();
    let from_line = random.below(lines.len());
    let count = (lines.len() - from_line).min(2 + random.below(8));
    let some = &mut lines[from_line..from_line + count];
    for at in 0..count {
        some.swap(at, random.below(count));
    }
    Some(given.clean.with(&lines))
}

/// Not where the rest is an export of an older trail.
pub(super) fn cut(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let Clean { plan, lines, .. } = given.clean;
    let kept = &lines[..random.below(lines.len())];
    let older = kept.last().is_some_and(|l| l.kind == Kind::Checkpoint && l.seq >= plan.last);
    (!older).then(|| given.clean.with(kept))
}
