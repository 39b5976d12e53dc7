//! Bytes that are not those that were written.

use super::{Case, Given, Kind, file, pick};
use crate::support::random::Random;

pub(super) fn flip_bit(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let mut lines = given.clean.lines.clone();
    let line = random.below(lines.len());
    let line = &mut lines[line];
    // The range is not signed: some others hold as well. See `header::claim`.
    let free = |at: &usize| line.kind != Kind::Header || !line.text[*at].is_ascii_digit();
    let at = pick((0..line.counts).filter(free), random)?;
    line.text[at] ^= 1 << random.below(8);
    Some(given.clean.with(&lines))
}

pub(super) fn cut_in_a_line(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let lines = &given.clean.lines;
    let line = random.below(lines.len());
    let before = file(&lines[..line]).len();
    // Also right before its end.
    let mut bytes = file(lines);
    bytes.truncate(before + 1 + random.below(lines[line].text.len()));
    Some(given.clean.with_file(bytes))
}

pub(super) fn trail_off(given: Given<'_>, _: &mut Random) -> Option<Case> {
    let all = file(&given.clean.lines);
    let last = file(&given.clean.lines[given.clean.lines.len() - 1..]);
    let more: [&[u8]; 9] =
        [b"\n", b" ", b"\0", b"\r\n", b"x", b"\xff\n", b"# the end\n", &all, &last];
    Some(given.clean.with_file(match more.get(given.turn % 10) {
        Some(more) => [&all, *more].concat(),
        None => all[..all.len() - 1].to_vec(),
    }))
}

pub(super) fn crlf(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let mut lines = given.clean.lines.clone();
    let (one, all) = (random.below(lines.len()), random.chance(1, 4));
    for (at, line) in lines.iter_mut().enumerate() {
        if all || at == one {
            line.text.push(b'\r');
        }
    }
    Some(given.clean.with(&lines))
}

/// What some decoders take, and mean the same bytes by.
pub(super) fn odd_base64(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let mut lines = given.clean.lines.clone();
    let base64 = |at: &usize| !matches!(lines[*at].kind, Kind::Header | Kind::Record);
    let at = pick((0..lines.len()).filter(base64), random)?;
    let text = String::from_utf8(lines[at].text.clone()).unwrap();
    let odd = match given.turn % 6 {
        0 => format!("{text}="),
        1 => text.trim_end_matches('=').to_owned(),
        2 => format!("{text}\t"),
        3 => text.replace('+', "-").replace('/', "_"),
        4 => {
            let middle = text.len() / 2 + 1;
            format!("{} {}", &text[..middle], &text[middle..])
        }
        // The bits that the padding leaves unused.
        _ => {
            let digits = text.trim_end_matches('=');
            let (kept, last) = digits.split_at(digits.len() - 1);
            let next = char::from(last.as_bytes()[0] + 1);
            format!("{kept}{next}{}", &text[digits.len()..])
        }
    };
    lines[at].text = odd.into_bytes();
    Some(given.clean.with(&lines))
}
