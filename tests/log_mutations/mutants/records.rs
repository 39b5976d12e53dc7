//! Records, words and bodies that are not those that were recorded.

use super::{
    super::{
        export::{Kind, Line},
        trail::{Draft, bytes, sha256},
    },
    Case, Clean, Given, pick,
};
use crate::support::random::Random;
use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};

/// The record in this line, changed.
fn with_record(
    clean: &Clean,
    random: &mut Random,
    change: impl FnOnce(&str) -> String,
) -> Option<Case> {
    let mut lines = clean.lines.clone();
    let at = clean.any(Kind::Record, random)?;
    let text = std::str::from_utf8(&lines[at].text[2..]).unwrap();
    lines[at].text = format!("r {}", change(text)).into_bytes();
    Some(clean.with(&lines))
}

pub(super) fn edit(given: Given<'_>, random: &mut Random) -> Option<Case> {
    with_record(given.clean, random, |record| match given.turn % 5 {
        0 => record.replacen("T04:", "T05:", 1),
        1 => record.replacen("\"user\":\"u", "\"user\":\"u1", 1),
        2 => record.replacen('{', "{\"agent\":\"a7\",", 1),
        3 => record.replacen("\"user\"", "\"User\"", 1),
        _ => record.replacen("\"time\":\"2026", "\"time\":\"2025", 1),
    })
}

/// What says the same to a reader.
pub(super) fn respell(given: Given<'_>, random: &mut Random) -> Option<Case> {
    with_record(given.clean, random, |record| match given.turn % 6 {
        0 => record.replacen('{', "{ ", 1),
        1 => record.replacen(',', ", ", 1),
        2 => record.replacen("\"user\"", "\"\\u0075ser\"", 1),
        3 => record.replacen('{', "{\"x\":null,", 1),
        // Twice: some take the first, some the last.
        4 => record.replacen("\"user\"", "\"user\":\"u0\",\"user\"", 1),
        _ => format!(" {record}"),
    })
}

/// Its hash stands for it, where it has to be.
pub(super) fn hide(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let mut plan = given.clean.plan.clone();
    // Often the first that retention has left.
    let below = plan.below(&given.clean.trail);
    let here = |seq| plan.all && (!given.turn.is_multiple_of(3) || seq == below);
    let seq = given.clean.any_record(here, random)?;
    plan.has_mut(seq).record = false;
    Some(given.clean.planned(&plan))
}

/// At its place, with the number that follows.
pub(super) fn add(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let mut lines = given.clean.lines.clone();
    let at = random.below(lines.len() - 1) + 1;
    let before = lines[..at].iter().rev().find(|line| line.kind == Kind::Record);
    let seq = before.map_or(1, |line| line.seq + 1);
    let mut record = Draft::new(seq, random);
    record.set("kind", "sign_in");
    let record = record.done().record;
    lines.insert(at, Line::new(Kind::Record, seq, format!("r {record}")));
    Some(given.clean.with(&lines))
}

pub(super) fn double(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let Clean { plan, trail, lines, .. } = given.clean;
    let seq = given.clean.any_record(|_| true, random)?;
    let mut lines = lines.clone();
    let again = plan.record(trail, seq);
    let after = lines.iter().rposition(|l| l.kind != Kind::Checkpoint && l.seq == seq)? + 1;
    lines.splice(after..after, again);
    let (from_seq, to_seq) = (format!("\"seq\":{seq},"), format!("\"seq\":{},", seq + 1));
    let text = std::str::from_utf8(&lines[after].text).unwrap();
    let renumbered = text.replacen(&from_seq, &to_seq, 1);
    // And all that follow.
    lines[after].text = renumbered.into_bytes();
    for line in &mut lines[after + 1..] {
        if line.kind == Kind::Record {
            let (old, new) =
                (format!("\"seq\":{},", line.seq), format!("\"seq\":{},", line.seq + 1));
            let text = std::str::from_utf8(&line.text).unwrap();
            line.text = text.replacen(&old, &new, 1).into_bytes();
        }
    }
    Some(given.clean.with(&lines))
}

/// One, or all, which nothing says were erased.
pub(super) fn drop_words(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let mut plan = given.clean.plan.clone();
    let seq = given.clean.any_record(|seq| plan.needs_words() && plan.has(seq).words, random)?;
    match random.chance(1, 4) {
        true => plan.has.iter_mut().for_each(|has| has.words = false),
        false => plan.has_mut(seq).words = false,
    }
    Some(given.clean.planned(&plan))
}

pub(super) fn exchange_words(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let mut lines = given.clean.lines.clone();
    let (a, b) = (given.clean.any(Kind::Words, random)?, given.clean.any(Kind::Words, random)?);
    let text = lines[a].text.clone();
    lines[a].text = std::mem::replace(&mut lines[b].text, text);
    Some(given.clean.with(&lines))
}

/// Words come first.
pub(super) fn body_first(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let mut lines = given.clean.lines.clone();
    let at = given.clean.any(Kind::Body, random)?;
    lines.swap(at - 1, at);
    (lines[at].kind == Kind::Words).then(|| given.clean.with(&lines))
}

/// In the salt, or after it; or cut, or longer.
pub(super) fn change_words(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let mut lines = given.clean.lines.clone();
    let at = given.clean.any(Kind::Words, random)?;
    let mut words = BASE64.decode(&lines[at].text[2..]).unwrap();
    match given.turn % 5 {
        0 => words[random.below(16)] ^= 1,
        1 => {
            let at = 16 + random.below(words.len() - 16);
            words[at] ^= 1;
        }
        2 => words.truncate(random.below(words.len())),
        3 => words.push(b' '),
        _ => words.rotate_left(1),
    }
    lines[at].text = format!("t {}", BASE64.encode(words)).into_bytes();
    Some(given.clean.with(&lines))
}

pub(super) fn replace_words(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let mut lines = given.clean.lines.clone();
    let at = given.clean.any(Kind::Words, random)?;
    let words = [&bytes(random, 16)[..], b"{}"].concat();
    let old = sha256(&BASE64.decode(&lines[at].text[2..]).unwrap());
    let record = std::str::from_utf8(&lines[at - 1].text).unwrap();
    lines[at - 1].text = record.replace(&old, &sha256(&words)).into_bytes();
    lines[at].text = format!("t {}", BASE64.encode(words)).into_bytes();
    Some(given.clean.with(&lines))
}

/// Words are dropped, and a record says that they were erased.
pub(super) fn make_up_erasure(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let mut lines = given.clean.lines.clone();
    let at = given.clean.any(Kind::Words, random)?;
    let seq = lines.remove(at).seq;
    let later = |at: &usize| lines[*at].kind == Kind::Record && lines[*at].seq > seq;
    let liar = pick((0..lines.len()).filter(later), random)?;
    let number = lines[liar].seq;
    let mut says = Draft::new(number, random);
    says.set("kind", "service").set("status", "erased").raw("removed", format!("[[{seq},{seq}]]"));
    lines[liar].text = format!("r {}", says.done().record).into_bytes();
    Some(given.clean.with(&lines))
}

pub(super) fn change_body(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let mut lines = given.clean.lines.clone();
    let at = given.clean.any(Kind::Body, random)?;
    let mut body = BASE64.decode(&lines[at].text[2..]).unwrap();
    match given.turn % 3 {
        0 => body.truncate(random.below(body.len())),
        1 => body[0] ^= 1,
        _ => body = BASE64.decode(&lines[given.clean.any(Kind::Body, random)?].text[2..]).unwrap(),
    }
    lines[at].text = format!("b {}", BASE64.encode(body)).into_bytes();
    Some(given.clean.with(&lines))
}
