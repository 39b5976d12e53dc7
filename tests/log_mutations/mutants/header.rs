//! First lines that say what is not so.

use super::{Case, Given, Plan};
use crate::support::random::Random;

/// Not as a header is written, or not this trail's.
pub(super) fn edit(given: Given<'_>, _: &mut Random) -> Option<Case> {
    let mut lines = given.clean.lines.clone();
    let Plan { first, last, size, .. } = given.clean.plan;
    let text = String::from_utf8(lines[0].text.clone()).unwrap();
    let range = format!(" {first} {last} ");
    let with = |range: String| text.replacen(&format!(" {first} {last} "), &range, 1);
    lines[0].text = match given.turn % 16 {
        0 => text.replace("agw-tlog/1", "agw-tlog/2"),
        1 => text.replace("agw-tlog/1", "agw-tlog/01"),
        2 => text.replace("agw/", "agv/"),
        3 => text.replacen(' ', "  ", 1),
        4 => text.replacen(' ', "\t", 1),
        5 => format!("{text} "),
        6 => format!("{text} all"),
        7 => text.replace(" all", "").replace(" some", ""),
        8 => text.replace(" all", " ALL").replace(" some", " SOME"),
        9 => with(format!(" 0{first} {last} ")),
        10 => with(format!(" {first} +{last} ")),
        11 => with(format!(" 0 {last} ")),
        12 => with(format!(" {} {last} ", last + 2)),
        13 => with(format!(" {first} {} ", size + 1)),
        14 => with(format!(" {first} 18446744073709551616 ")),
        _ => format!("\u{feff}{}", text.replace(&range, " -1 1 ")),
    }
    .into_bytes();
    Some(given.clean.with(&lines))
}

/// More than it has, or less than it has. What else is not so about a range
/// is so of another export of the same trail.
pub(super) fn claim(given: Given<'_>, _: &mut Random) -> Option<Case> {
    let mut plan = given.clean.plan.clone();
    let below = plan.below(&given.clean.trail).max(1);
    let has = |seq| given.clean.plan.has(seq).record;
    let Plan { first, last, size, .. } = plan;
    let possible = match given.turn % 5 {
        0 => {
            plan.first += 1;
            first <= last && has(first)
        }
        1 => {
            plan.last = last.wrapping_sub(1);
            first <= last && has(last)
        }
        2 => {
            plan.first -= 1;
            plan.all && first > below
        }
        3 => {
            plan.last += 1;
            plan.all && last < size && last + 1 >= below
        }
        _ => {
            let hidden = (first.max(below)..=last).any(|seq| !has(seq));
            !std::mem::replace(&mut plan.all, true) && hidden
        }
    };
    possible.then(|| given.clean.planned(&plan))
}
