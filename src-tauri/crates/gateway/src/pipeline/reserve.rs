//! How much a caller may have under way at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use agw_core::{AgentId, Caller, UserId};
use foldhash::fast::RandomState;

use crate::{bounds, pipeline::Refusal};

type Key = (UserId, Option<AgentId>);

/// Calls under way, by caller.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reservations(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    total: usize,
    by_caller: HashMap<Key, usize, RandomState>,
}

/// A place among the calls under way; given back when dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    of: Reservations,
    key: Key,
}

impl Reservations {
    pub(crate) fn reserve(&self, caller: &Caller) -> Result<Reservation, Refusal> {
        let key = (caller.user, caller.agent.as_ref().map(|agent| agent.id));
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.total >= bounds::CALLS_IN_ALL {
            return Err(Refusal::Overloaded);
        }
        let mine = state.by_caller.entry(key).or_default();
        if *mine >= bounds::CALLS_PER_CALLER {
            return Err(Refusal::TooManyCalls);
        }
        *mine += 1;
        state.total += 1;
        Ok(Reservation { of: self.clone(), key })
    }

    pub(crate) fn under_way(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).total
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut state = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.total = state.total.saturating_sub(1);
        if let Some(mine) = state.by_caller.get_mut(&self.key) {
            *mine -= 1;
            if *mine == 0 {
                state.by_caller.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_caller_cannot_take_all_places() {
        let reservations = Reservations::default();
        let caller = |id| Caller { user: UserId::new(id), teams: [].into(), agent: None };
        let held: Vec<_> = (0..bounds::CALLS_PER_CALLER)
            .map(|_| reservations.reserve(&caller(1)).unwrap())
            .collect();
        assert!(matches!(reservations.reserve(&caller(1)), Err(Refusal::TooManyCalls)));
        assert!(reservations.reserve(&caller(2)).is_ok());
        drop(held);
        assert!(reservations.reserve(&caller(1)).is_ok());
        assert_eq!(reservations.under_way(), 0);
    }
}
