//! Other histories than the one that was signed, or that somebody kept.

use super::{
    super::{
        export::{Kind, Plan, file},
        trail::{Trail, bytes, signer},
    },
    Case, Clean, Given, pick,
};
use crate::support::random::Random;
use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};

/// A subtree that is left out gets another hash, level or place.
pub(super) fn forge_hash(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let mut lines = given.clean.lines.clone();
    let at = given.clean.any(Kind::Subtree, random)?;
    let text = String::from_utf8(lines[at].text.clone()).unwrap();
    let [_, level, index, hash] = text.split(' ').collect::<Vec<_>>()[..] else { unreachable!() };
    let (level, index): (u64, u64) = (level.parse().unwrap(), index.parse().unwrap());
    let forged = BASE64.encode(bytes(random, 32));
    let all = match given.turn % 6 {
        0 => vec![format!("h {level} {index} {forged}")],
        1 => vec![format!("h {} {} {hash}", level + 1, index / 2)],
        2 if level > 0 => vec![format!("h {} {} {hash}", level - 1, index * 2)],
        3 if level > 0 => [(index * 2, hash), (index * 2 + 1, &forged)]
            .map(|(index, hash)| format!("h {} {index} {hash}", level - 1))
            .into(),
        4 => vec![format!("h {level} {} {hash}", index + 1)],
        5 => vec![format!("h {level} {index} {}", BASE64.encode(bytes(random, 31)))],
        _ => return None,
    };
    lines.splice(at..=at, all.into_iter().map(|text| super::Line::new(Kind::Subtree, 0, text)));
    Some(given.clean.with(&lines))
}

/// A record is changed and everything that follows from it computed again;
/// the signatures are those that there were.
pub(super) fn rechain(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let Clean { trail, plan, .. } = given.clean;
    let changed = changed(trail, plan.size, random)?;
    let lines = plan.signed_by(&changed, |size, root| {
        let signature = trail.note(size).split_once("\n\n").unwrap().1.to_owned();
        let name = signer(trail.key).verifying().name().to_owned();
        format!("{name}\n{size}\n{}\n\n{signature}", BASE64.encode(root))
    });
    Some(given.clean.with(&lines))
}

/// The same but for one of its first `size` records.
fn changed(trail: &Trail, size: u64, random: &mut Random) -> Option<Trail> {
    let at = pick(0..size as usize, random)?;
    let mut entries = trail.entries.clone();
    let record = &mut entries[at].record;
    let time = record.find("T04:").unwrap();
    record.replace_range(time..time + 4, "T03:");
    Some(Trail::of(trail.key, entries))
}

/// An older export, which holds, to somebody who has seen more.
pub(super) fn roll_back(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let Clean { trail, .. } = given.clean;
    let kept = pick(1..=trail.size(), random)?;
    let plan = Plan::random(trail, random.below(kept as usize) as u64, None, random);
    let since = Some(trail.note(kept));
    Some(Case { since, ..given.clean.planned(&plan) })
}

/// Another branch, signed with the true key, to somebody who has seen this one.
pub(super) fn fork(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let Clean { trail, .. } = given.clean;
    let kept = pick(1..=trail.size(), random)?;
    let common = random.below(kept as usize);
    let mut branch = Trail::of(trail.key, trail.entries[..common].iter().cloned());
    let size = kept as usize + random.below(40);
    branch.grow(random, size);
    let plan = Plan::random(&branch, branch.size(), Some(kept), random);
    let since = Some(trail.note(kept));
    Some(Case { since, ..given.clean.with_file(file(&plan.lines(&branch))) })
}

/// One of the checkpoints is of another branch, signed with the true key.
pub(super) fn graft(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let Clean { trail, plan, .. } = given.clean;
    let branch = changed(trail, plan.size, random)?;
    let mut lines = plan.lines(trail);
    let others = plan.lines(&branch);
    let differs = |at: &usize| lines[*at].kind == Kind::Checkpoint && lines[*at] != others[*at];
    let at = pick((0..lines.len()).filter(differs), random)?;
    lines[at] = others[at].clone();
    Some(given.clean.with(&lines))
}

/// Whether it continues what was kept cannot be told.
pub(super) fn straddle(given: Given<'_>, random: &mut Random) -> Option<Case> {
    let Clean { trail, lines, .. } = given.clean;
    let mut at = 0;
    let mut inside = Vec::new();
    for line in lines {
        match line.kind {
            Kind::Record => at += 1,
            Kind::Subtree => {
                let text = String::from_utf8(line.text.clone()).unwrap();
                let level: u64 = text.split(' ').nth(1).unwrap().parse().unwrap();
                inside.extend(at + 1..at + (1 << level));
                at += 1 << level;
            }
            _ => {}
        }
    }
    let since = Some(trail.note(pick(inside.into_iter(), random)?));
    Some(Case { since, ..given.clean.case() })
}
