//! Asks in ones, in twos and in floods.

use super::*;
use crate::approvals::sample;

fn pending(ids: impl IntoIterator<Item = usize>) -> Vec<Approval> {
    ids.into_iter().map(|id| sample(&format!("a{id}"), "{}")).collect()
}

fn call(id: usize) -> Slot {
    Slot::Call(format!("a{id}"))
}

/// All that is due at `now`, in words.
fn due(plan: &mut Plan, now: Instant) -> Vec<String> {
    let mut steps = Vec::new();
    while let Some(step) = plan.step(now) {
        steps.push(match step {
            Step::Show(approval) => approval.id.clone(),
            Step::Count { count, others } => {
                format!("{count}{}", if others { " more" } else { "" })
            }
            Step::Close(slot) => format!("close {slot:?}"),
        });
    }
    steps
}

#[test]
fn a_few_are_shown_a_second_apart() {
    let (mut plan, start) = (Plan::default(), Instant::now());
    plan.update(pending(0..3));
    assert_eq!(due(&mut plan, start), ["a0"]);
    assert_eq!(due(&mut plan, start + PACE / 2), [""; 0]);
    assert_eq!(plan.due(), Some(start + PACE));
    // Seen again, and in another order, they are not new.
    plan.update(pending([2, 1, 0]));
    assert_eq!(due(&mut plan, start + PACE), ["a2"]);
    assert_eq!(due(&mut plan, start + PACE * 2), ["a1"]);
    assert_eq!(due(&mut plan, start + PACE * 3), [""; 0]);
    assert_eq!(plan.due(), None);
}

#[test]
fn a_flood_is_counted() {
    let (mut plan, start) = (Plan::default(), Instant::now());
    plan.update(pending(0..1));
    assert_eq!(due(&mut plan, start), ["a0"]);
    let mut shown = 0;
    for tenth in 0..100 {
        let now = start + PACE / 10 * tenth;
        plan.update(pending(0..tenth as usize * 10 + 1));
        shown += due(&mut plan, now).len();
    }
    assert!((2..=3).contains(&shown), "{shown}");
    assert_eq!(due(&mut plan, start + PACE * 20), ["990 more"]);
}

#[test]
fn all_at_once_are_one_notification() {
    let (mut plan, now) = (Plan::default(), Instant::now());
    plan.update(pending(0..50));
    assert_eq!(due(&mut plan, now), ["50"]);
    assert_eq!(plan.due(), None);
}

#[test]
fn there_are_never_more_than_so_many() {
    let (mut plan, mut now) = (Plan::default(), Instant::now());
    for count in 1..=MAX_OWN {
        plan.update(pending(0..count));
        assert_eq!(due(&mut plan, now), [format!("a{}", count - 1)]);
        now += PACE;
    }
    plan.update(pending(0..MAX_OWN + 1));
    assert_eq!(due(&mut plan, now), ["1 more"]);
    now += PACE;
    plan.update(pending(0..MAX_OWN + 2));
    assert_eq!(due(&mut plan, now), [""; 0]);
    let later = plan.due();
    // The place of one that was answered is for the next that comes.
    assert_eq!(plan.update(pending(1..MAX_OWN + 2)), [call(0)]);
    plan.update(pending(1..MAX_OWN + 3));
    assert_eq!(due(&mut plan, now), [format!("a{}", MAX_OWN + 2)]);
    assert_eq!(due(&mut plan, later.unwrap()), ["2 more"]);
}

#[test]
fn what_is_answered_goes() {
    let (mut plan, start) = (Plan::default(), Instant::now());
    plan.update(pending(0..1));
    due(&mut plan, start);
    plan.update(pending(0..9));
    assert_eq!(due(&mut plan, start + PACE), ["8 more"]);
    assert_eq!(plan.update(pending(1..9)), [call(0)]);
    assert_eq!(plan.update(Vec::new()), []);
    // This need not wait for its turn.
    assert_eq!(due(&mut plan, start + PACE), ["close Rest"]);
    assert_eq!(due(&mut plan, start + PACE), [""; 0]);
}

#[test]
fn what_was_dismissed_does_not_come_back() {
    let (mut plan, start) = (Plan::default(), Instant::now());
    plan.update(pending(0..1));
    due(&mut plan, start);
    plan.away(&call(0));
    assert_eq!(due(&mut plan, start + PACE), [""; 0]);
    plan.update(pending(0..6));
    assert_eq!(due(&mut plan, start + PACE), ["6"]);
    plan.away(&Slot::Rest);
    assert_eq!(due(&mut plan, start + PACE * 9), [""; 0]);
    assert_eq!(plan.due(), None);
    // A new one is shown as ever.
    plan.update(pending(0..7));
    assert_eq!(due(&mut plan, start + PACE * 9), ["a6"]);
    assert_eq!(plan.update(Vec::new()), [call(6)]);
}

#[test]
fn a_second_click_does_not_answer_again() {
    let (mut plan, start) = (Plan::default(), Instant::now());
    plan.update(pending(0..1));
    due(&mut plan, start);
    assert!(plan.answering("a0").is_some());
    assert!(plan.answering("a0").is_none());
    assert!(plan.answering("a1").is_none());
    assert_eq!(plan.update(Vec::new()), [call(0)]);
}
