//! Records, words and bodies that are not those that were recorded.

use super::{
    super::{
        export::{Kind, Line, Plan, file},
        trail::{Draft, Entry, Trail, bytes, sha256},
    },
    Case, Clean, Given, pick,
};
use crate::support::random::Random;
use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};

/// The record in this line, changed.
fn with_record(
    clean: &Clean,
    random: &mut Random,
    change: impl FnOnce(&str, &mut Random) -> String,
) -> Option<Case> {
    let mut lines = clean.lines.clone();
    let at = clean.any(Kind::Record, random)?;
    let text = std::str::from_utf8(&lines[at].text[2..]).unwrap();
    lines[at].text = format!("r {}", change(text, random)).into_bytes();
    Some(clean.with(&lines))
}

pub(super) fn edit(given: Given<'_>, random: &mut Random) -> Option<Case> {
    with_record(given.clean, random, |record, random| match random.below(5) {
        0 => record.replacen("T04:", "T05:", 1),
        1 => record.replacen("\"user\":\"u", "\"user\":\"u1", 1),
        2 => record.replacen('{', "{\"agent\":\"a7\",", 1),
        3 => record.replacen("\"user\"", "\"User\"", 1),
        _ => record.replacen("\"time\":\"2026", "\"time\":\"2025", 1),
    })
}

/// What says the same to a reader.
pub(super) fn respell(given: Given<'_>, random: &mut Random) -> Option<Case> {
    with_record(given.clean, random, |record, random| match random.below(6) {
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
    let seq = given.clean.any_record(|_| plan.all, random)?;
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

/// In the salt, or after it; or cut, or longer.
pub(super) fn change_words(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let mut lines = given.clean.lines.clone();
    let at = given.clean.any(Kind::Words, random)?;
    let mut words = BASE64.decode(&lines[at].text[2..]).unwrap();
    match random.below(5) {
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
    match random.below(3) {
        0 => body.truncate(random.below(body.len())),
        1 => body[0] ^= 1,
        _ => body = BASE64.decode(&lines[given.clean.any(Kind::Body, random)?].text[2..]).unwrap(),
    }
    lines[at].text = format!("b {}", BASE64.encode(body)).into_bytes();
    Some(given.clean.with(&lines))
}

/// Signed with the true key and chained as it should be, but no record of
/// this format. What one verifier reads into it, another may not.
pub(super) fn bad_record(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let Clean { trail, .. } = given.clean;
    let seq = trail.size() + 1;
    let good = {
        let mut draft = Draft::new(seq, random);
        draft.set("kind", "service").set("status", "erased");
        draft.done().record
    };
    let with = |members: &str| good.replacen('{', &format!("{{{members},"), 1);
    let removed = |ranges: &str| with(&format!("\"removed\":{ranges}"));
    let compacted =
        |below: &str| with(&format!("\"below\":{below}")).replace("\"erased\"", "\"compacted\"");
    let deep = format!("\"a\":{}{}", "[".repeat(64), "]".repeat(64));
    let bad = [
        good.replace("\"v\":", "\"v\":3"),
        good.replace("\"v\":", "\"v\":-"),
        good.replace("\"v\":", "\"w\":"),
        good.replace("\"kind\":\"service\"", "\"kind\":7"),
        good.replace("\"time\"", "\"tim\""),
        good.replace("\"seq\":", "\"seq\":1"),
        good.replace("\"seq\":", "\"seq\":0"),
        good.replace("\"seq\":", "\"seq\":-"),
        good.replace(&format!("\"seq\":{seq}"), &format!("\"seq\":{seq}.0")),
        good.replace(&format!("\"seq\":{seq}"), &format!("\"seq\":\"{seq}\"")),
        good.replace(&format!("\"seq\":{seq}"), &format!("\"seq\":{seq}e0")),
        good.replacen('{', "", 1),
        format!("{good}}}"),
        format!("{good}{good}"),
        format!("[{good}]"),
        format!("{good} "),
        with("\"kind\":\"service\""),
        with("\"\\u006bind\":\"service\""),
        with("\"a\":{\"b\":1,\"b\":1}"),
        with("\"a\":\"\\ud800\""),
        with("\"a\":\"\\udc00\\ud800\""),
        with("\"a\":\"\\uD83D\\u0041\""),
        with("\"a\":\"\t\""),
        with("\"a\":\"\\x41\""),
        with("\"a\":\"\\u00g0\""),
        with("\"a\":01"),
        with("\"a\":1."),
        with("\"a\":.5"),
        with("\"a\":+1"),
        with("\"a\":0x1"),
        with("\"a\":NaN"),
        with("\"a\":-Infinity"),
        with("\"a\":True"),
        with("\"a\":'x'"),
        with("\"a\":[1,]"),
        with("\"a\":1,"),
        with("a:1"),
        with("/**/\"a\":1"),
        with("\u{a0}\"a\":1"),
        with(&deep),
        with(&"\"a\":[".repeat(100_000)),
        with("\"text\":null"),
        with("\"text\":\"abc\""),
        with(&format!("\"text\":\"{}\"", "A".repeat(64))),
        with(&format!("\"body\":\"{}\"", "0".repeat(63))),
        with("\"body\":7"),
        removed("null"),
        removed("{}"),
        removed("[1,1]"),
        removed("[[1]]"),
        removed("[[1,1,1]]"),
        removed("[[\"1\",1]]"),
        removed("[[0,0]]"),
        removed("[[1,1.0]]"),
        removed("[[2,1]]"),
        removed("[[1,2],[2,2]]"),
        removed("[[3,3],[1,1]]"),
        removed(&format!("[[1,{seq}]]")),
        removed("[[1,18446744073709551616]]"),
        compacted(&(seq + 1).to_string()),
        compacted("\"1\""),
        compacted("-1"),
        compacted("1.0"),
        compacted("null"),
    ];
    let entries = trail.entries.iter().cloned();
    let bad = Entry::plain(random.pick(&bad).clone());
    let other = Trail::of(trail.key, entries.chain([bad]));
    let file = file(&Plan::last_of(seq).lines(&other));
    Some(Case { since: None, ..given.clean.with_file(file) })
}
