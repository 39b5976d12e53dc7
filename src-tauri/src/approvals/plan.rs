//! Which waiting calls have a notification of their own, and when.
//!
//! A few that come together are shown one after the other; more become one
//! notification that counts them, so that a flood of asks is two or three
//! notifications and not a flooded desktop. An example, by the second:
//!
//! ```text
//! asked   shown
//! a b     "a wants to …"
//!         "b wants to …"
//! c … z   "24 more calls wait for an answer"
//! ```
//!
//! Pure: it does nothing and is told the time.

use std::time::{Duration, Instant};

use agw_api::Approval;

/// Between two notifications that are new.
const PACE: Duration = Duration::from_secs(1);
/// Between two counts: a desktop may announce each as if it were new, and
/// where nothing can be replaced each is.
const COUNT_PACE: Duration = Duration::from_secs(if super::desk::IN_PLACE { 5 } else { 60 });
/// As many that wait to be shown are still shown one by one.
const ONE_BY_ONE: usize = 3;
/// Notifications for one call each, at once.
const MAX_OWN: usize = 20;

/// A place on the desktop: what is shown in it replaces what was.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Slot {
    /// For the approval of this id.
    Call(String),
    /// For those without one of their own.
    Rest,
}

/// What to do next.
#[derive(Debug)]
pub(super) enum Step<'a> {
    Show(&'a Approval),
    /// `others` if some have a notification of their own.
    Count {
        count: usize,
        others: bool,
    },
    Close(Slot),
}

#[derive(Debug, Default)]
pub(super) struct Plan {
    /// In the order in which the gateway lists them.
    calls: Vec<Call>,
    /// What the notification for the rest says, while there is one.
    counted: Option<usize>,
    /// Not before.
    next: Option<Instant>,
    next_count: Option<Instant>,
}

#[derive(Debug)]
struct Call {
    approval: Approval,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Queued,
    /// A notification of its own.
    Own,
    /// The same, and its answer is under way.
    Answering,
    /// Among the rest.
    Counted,
    /// Dismissed, or the desktop could not show it. It still waits.
    Away,
}

impl Plan {
    /// Takes over what waits now; returns what need not be shown any more.
    pub(super) fn update(&mut self, pending: Vec<Approval>) -> Vec<Slot> {
        let mut before = std::mem::take(&mut self.calls);
        self.calls = pending
            .into_iter()
            .map(|approval| {
                let known = before.iter().position(|call| call.approval.id == approval.id);
                let place = known.map_or(Place::Queued, |at| before.swap_remove(at).place);
                Call { approval, place }
            })
            .collect();
        let gone = before.into_iter().filter(|call| call.place.is_own());
        gone.map(|call| Slot::Call(call.approval.id)).collect()
    }

    /// What is due at `now`, one at a time.
    pub(super) fn step(&mut self, now: Instant) -> Option<Step<'_>> {
        if self.counted.is_some() && self.in_place(Place::Counted) == 0 {
            self.counted = None;
            return Some(Step::Close(Slot::Rest));
        }
        if self.next.is_some_and(|next| now < next) {
            return None;
        }
        let queued = self.in_place(Place::Queued);
        if queued > ONE_BY_ONE || self.own() >= MAX_OWN {
            self.put(Place::Queued, Place::Counted);
        } else if queued > 0 {
            self.next = Some(now + PACE);
            let call = self.calls.iter_mut().find(|call| call.place == Place::Queued)?;
            call.place = Place::Own;
            return Some(Step::Show(&call.approval));
        }
        let count = self.count()?;
        if self.counted == Some(count) || self.next_count.is_some_and(|next| now < next) {
            return None;
        }
        self.next = Some(now + PACE);
        self.next_count = Some(now + COUNT_PACE);
        self.counted = Some(count);
        Some(Step::Count { count, others: self.own() > 0 })
    }

    /// When to ask for the next step at the latest, unless something happens.
    pub(super) fn due(&self) -> Option<Instant> {
        if self.in_place(Place::Queued) > 0 {
            return self.next;
        }
        let counts = self.count().is_some_and(|count| self.counted != Some(count));
        counts.then(|| self.next.max(self.next_count)).flatten()
    }

    /// It is not on the desktop any more, or never was.
    pub(super) fn away(&mut self, slot: &Slot) {
        match slot {
            Slot::Call(id) => {
                if let Some(call) = self.calls.iter_mut().find(|call| call.approval.id == *id) {
                    call.place = Place::Away;
                }
            }
            Slot::Rest => {
                self.counted = None;
                self.put(Place::Counted, Place::Away);
            }
        }
    }

    /// The call that a person answers; none if it does not wait or has an
    /// answer under way.
    pub(super) fn answering(&mut self, id: &str) -> Option<&Approval> {
        let call = self.calls.iter_mut().find(|call| call.approval.id == id)?;
        if call.place == Place::Answering {
            return None;
        }
        call.place = Place::Answering;
        Some(&call.approval)
    }

    /// Those that wait and have no notification of their own, if any of them
    /// is to be counted in one.
    fn count(&self) -> Option<usize> {
        let any = self.in_place(Place::Counted) > 0;
        any.then(|| self.calls.len() - self.own())
    }

    fn own(&self) -> usize {
        self.calls.iter().filter(|call| call.place.is_own()).count()
    }

    fn in_place(&self, place: Place) -> usize {
        self.calls.iter().filter(|call| call.place == place).count()
    }

    fn put(&mut self, from: Place, to: Place) {
        for call in self.calls.iter_mut().filter(|call| call.place == from) {
            call.place = to;
        }
    }
}

impl Place {
    fn is_own(self) -> bool {
        matches!(self, Self::Own | Self::Answering)
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
