//! Checkpoints that are not those of this trail.

use super::{
    super::{
        export::{Kind, checkpoint},
        trail::{KEYS, bytes, signer},
    },
    Case, Clean, Given,
};
use crate::support::random::Random;
use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};

/// The note of one of the checkpoints, without witnesses, is replaced.
fn replace(
    clean: &Clean,
    random: &mut Random,
    other: impl FnOnce(u64, String, &mut Random) -> Option<String>,
) -> Option<Case> {
    let mut lines = clean.lines.clone();
    let at = clean.any(Kind::Checkpoint, random)?;
    let size = lines[at].seq;
    let note = other(size, clean.trail.note(size), random)?;
    lines[at] = checkpoint(size, &note, "");
    Some(clean.with(&lines))
}

pub(super) fn resize(given: Given<'_>, random: &mut Random) -> Option<Case> {
    replace(given.clean, random, |size, note, random| {
        let other = if random.chance(1, 2) { size + 1 } else { random.below(900) as u64 };
        (other != size).then(|| note.replacen(&format!("\n{size}\n"), &format!("\n{other}\n"), 1))
    })
}

pub(super) fn exchange(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let Clean { trail, .. } = given.clean;
    replace(given.clean, random, |size, _, random| {
        let other = random.below(trail.size() as usize + 1) as u64;
        (other != size).then(|| trail.note(other))
    })
}

pub(super) fn malform(given: Given<'_>, random: &mut Random) -> Option<Case> {
    replace(given.clean, random, |size, note, _| {
        let (text, signature) = note.split_once("\n\n")?;
        Some(match given.turn % 16 {
            0 => format!("{text}\n\n"),
            1 => format!("{text}\n"),
            2 => format!("{text}\nextension\n\n{signature}"),
            3 => format!("{text}\n\n\n{signature}"),
            4 => format!("{text}\n\n{}", signature.trim_end()),
            5 => format!("{text}\n\n{signature}\n"),
            6 => format!("{text}\n\n{signature}signed\n"),
            7 => note.replace('—', "--"),
            8 => note.replace("— ", "—"),
            9 => note.replacen(&format!("\n{size}\n"), &format!("\n0{size}\n"), 1),
            10 => note.replace('\n', "\r\n"),
            11 => format!("\n{note}"),
            12 => format!("{note}— witness AAAA\n"),
            13 => format!("{note}— two words AAAAAAAA\n"),
            14 => format!("{note}— a+b AAAAAAAA\n"),
            _ => format!("{note}{}", forged(signature)?),
        })
        .filter(|other| *other != note)
    })
}

/// A line with the same name and hash of the key, and no signature of it.
fn forged(line: &str) -> Option<String> {
    let (name, signature) = line.trim_end().rsplit_once(' ')?;
    let mut signature = BASE64.decode(signature).unwrap();
    signature[40] ^= 4;
    Some(format!("{name} {}\n", BASE64.encode(signature)))
}

/// Of as many records.
pub(super) fn borrow(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let (trail, other) = (&given.clean.trail, &given.other.trail);
    replace(given.clean, random, |size, _, _| {
        let fits = size > 0 && size <= other.size() && other.root(size) != trail.root(size);
        fits.then(|| other.note(size))
    })
}

pub(super) fn other_key(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let Clean { trail, .. } = given.clean;
    // Of the same name; and once with the hash of the true key, too.
    let (key, claims) = (trail.key + KEYS, random.chance(1, 2));
    replace(given.clean, random, |size, note, _| {
        let other = signer(key).sign(size, &trail.root(size));
        if !claims {
            return Some(other);
        }
        let decode = |note: &str| BASE64.decode(note.trim_end().rsplit_once(' ').unwrap().1);
        let (own, other_signature) = (decode(&note).unwrap(), decode(&other).unwrap());
        let mixed = BASE64.encode([&own[..4], &other_signature[4..]].concat());
        Some(format!("{} {mixed}\n", other.trim_end().rsplit_once(' ')?.0))
    })
}

/// With the true key, by a gateway that lies.
pub(super) fn lie(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let Clean { trail, .. } = given.clean;
    replace(given.clean, random, |size, _, random| {
        let root = bytes(random, 32).try_into().unwrap();
        Some(match given.turn % 2 {
            0 => signer(trail.key).sign(size, &root),
            _ => signer(trail.key).sign(size + 1, &trail.root(size)),
        })
    })
}

/// What was kept is not what the trail's key signed.
pub(super) fn keep_other(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let Clean { trail, .. } = given.clean;
    let size = random.below(trail.size() as usize + 1) as u64;
    let other = signer(trail.key + 1 + random.below(KEYS)).sign(size, &trail.root(size));
    let since = Some(match given.turn % 3 {
        0 => other,
        1 => String::new(),
        _ => trail.note(size).replacen(&format!("\n{size}\n"), &format!("\n{}\n", size + 1), 1),
    });
    Some(Case { since, ..given.clean.case() })
}

/// The key that it is judged with was not copied whole, or is not one.
pub(super) fn misspell_key(given: Given<'_>, _: &mut Random) -> Option<Case> {
    let case = given.clean.case();
    let key = &case.key;
    let parts: Vec<&str> = key.splitn(3, '+').collect();
    let key = match given.turn % 8 {
        0 => key[1..].to_owned(),
        1 => key[..key.len() - 1].to_owned(),
        2 => key.to_uppercase(),
        3 => format!("{}++{}", parts[0], parts[2]),
        4 => format!("{}+00000000+{}", parts[0], parts[2]),
        5 => format!("{}+{}+AQ==", parts[0], parts[1]),
        6 => format!("{key}="),
        _ => parts[0].to_owned(),
    };
    Some(Case { key, ..case })
}
