//! How much a caller may have under way at once, how often a grant may be
//! used, and how often a sub-token.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use agw_core::{AgentId, Caller, GrantId, Rate, UserId};
use foldhash::fast::RandomState;

use crate::{bounds, pipeline::Refusal};

type Key = (UserId, Option<AgentId>);

/// Calls under way, by caller; calls made, by grant and by limited sub-token.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reservations(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    total: usize,
    by_caller: HashMap<Key, usize, RandomState>,
    /// When calls were made, oldest first: a clock that nobody sets.
    by_grant: HashMap<GrantId, VecDeque<Instant>, RandomState>,
    uses: HashMap<AgentId, u64, RandomState>,
}

/// A place among the calls under way; given back when dropped. What it took of
/// rates and uses is given back, too, unless the call was forwarded.
#[derive(Debug)]
pub(crate) struct Reservation {
    of: Reservations,
    key: Key,
    rated: Vec<(GrantId, Instant)>,
    limited: Option<AgentId>,
    forwarded: bool,
}

impl Reservations {
    /// With what was used up before the service started: times of calls by
    /// grant, oldest first, and calls by limited sub-token.
    pub(crate) fn with(
        rated: impl IntoIterator<Item = (GrantId, Instant)>,
        uses: impl IntoIterator<Item = (AgentId, u64)>,
    ) -> Self {
        let mut state = State { uses: uses.into_iter().collect(), ..State::default() };
        for (grant, at) in rated {
            state.by_grant.entry(grant).or_default().push_back(at);
        }
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of it or nothing. `max_uses` is that of the caller's sub-token.
    pub(crate) fn reserve(
        &self,
        caller: &Caller,
        rates: &[(GrantId, Rate)],
        max_uses: Option<u64>,
    ) -> Result<Reservation, Refusal> {
        let agent = caller.agent.as_ref().map(|agent| agent.id);
        let key = (caller.user, agent);
        let now = Instant::now();
        let mut state = self.state();
        state.has_room(rates, now)?;
        let limited = agent.filter(|_| max_uses.is_some());
        if let (Some(agent), Some(max)) = (limited, max_uses)
            && state.uses.get(&agent).is_some_and(|uses| *uses >= max)
        {
            return Err(Refusal::UsedUp);
        }
        if state.total >= bounds::CALLS_IN_ALL {
            return Err(Refusal::Overloaded);
        }
        let mine = state.by_caller.entry(key).or_default();
        if *mine >= bounds::CALLS_PER_CALLER {
            return Err(Refusal::TooManyCalls);
        }
        *mine += 1;
        state.total += 1;
        for (grant, _) in rates {
            state.by_grant.entry(*grant).or_default().push_back(now);
        }
        if let Some(agent) = limited {
            *state.uses.entry(agent).or_default() += 1;
        }
        let rated = rates.iter().map(|(grant, _)| (*grant, now)).collect();
        Ok(Reservation { of: self.clone(), key, rated, limited, forwarded: false })
    }

    /// Whether all of these rates have room at this moment.
    pub(crate) fn has_room(&self, rates: &[(GrantId, Rate)]) -> Result<(), Refusal> {
        self.state().has_room(rates, Instant::now())
    }

    /// Whether a limited sub-token is used up.
    pub(crate) fn used_up(&self, agent: AgentId, max_uses: u64) -> bool {
        self.state().uses.get(&agent).is_some_and(|uses| *uses >= max_uses)
    }

    /// Calls that a grant's rate has left at this moment.
    pub(crate) fn left(&self, grant: GrantId, rate: Rate) -> u32 {
        let (used, _) = self.state().used(grant, rate, Instant::now());
        rate.calls().saturating_sub(u32::try_from(used).unwrap_or(u32::MAX))
    }

    pub(crate) fn under_way(&self) -> usize {
        self.state().total
    }
}

impl State {
    fn has_room(&mut self, rates: &[(GrantId, Rate)], now: Instant) -> Result<(), Refusal> {
        for (grant, rate) in rates {
            let (used, again) = self.used(*grant, *rate, now);
            if used >= rate.calls() as usize {
                return Err(Refusal::RateLimited { grant: *grant, rate: *rate, again });
            }
        }
        Ok(())
    }

    /// Calls made within the window that ends now, and how long until the
    /// oldest of them leaves it.
    fn used(&mut self, grant: GrantId, rate: Rate, now: Instant) -> (usize, Duration) {
        let window = Duration::from_secs(rate.window_seconds().into());
        let Some(made) = self.by_grant.get_mut(&grant) else { return (0, Duration::ZERO) };
        while made.front().is_some_and(|at| now.saturating_duration_since(*at) >= window) {
            made.pop_front();
        }
        let oldest = made.front().map(|at| window - now.saturating_duration_since(*at));
        (made.len(), oldest.unwrap_or_default())
    }
}

impl Reservation {
    /// The call is on its way: what it took is used.
    pub(crate) fn forwarded(&mut self) {
        self.forwarded = true;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut state = self.of.state();
        state.total = state.total.saturating_sub(1);
        if let Some(mine) = state.by_caller.get_mut(&self.key) {
            *mine -= 1;
            if *mine == 0 {
                state.by_caller.remove(&self.key);
            }
        }
        if self.forwarded {
            return;
        }
        for (grant, at) in &self.rated {
            if let Some(made) = state.by_grant.get_mut(grant)
                && let Some(position) = made.iter().rposition(|made| made == at)
            {
                made.remove(position);
            }
        }
        if let Some(uses) = self.limited.and_then(|agent| state.uses.get_mut(&agent)) {
            *uses = uses.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use agw_core::AgentCaller;

    use super::*;

    #[test]
    fn one_caller_cannot_take_all_places() {
        let reservations = Reservations::default();
        let reserve = |id| reservations.reserve(&caller(id), &[], None);
        let held: Vec<_> = (0..bounds::CALLS_PER_CALLER).map(|_| reserve(1).unwrap()).collect();
        assert!(matches!(reserve(1), Err(Refusal::TooManyCalls)));
        assert!(reserve(2).is_ok());
        drop(held);
        assert!(reserve(1).is_ok());
        assert_eq!(reservations.under_way(), 0);
    }

    fn caller(user: u64) -> Caller {
        let agent = AgentCaller { id: AgentId::new(user), scope: [].into() };
        let facts = Arc::default();
        Caller { user: UserId::new(user), teams: [].into(), agent: Some(agent), facts }
    }

    #[test]
    fn a_rate_counts_calls_that_were_forwarded_and_no_others() {
        let reservations = Reservations::default();
        let (grant, rate) = (GrantId::new(1), "2/min".parse().unwrap());
        let reserve = || reservations.reserve(&caller(1), &[(grant, rate)], None);
        drop(reserve().unwrap());
        assert_eq!(reservations.left(grant, rate), 2);
        for _ in 0..2 {
            reserve().unwrap().forwarded();
        }
        assert_eq!(reservations.left(grant, rate), 0);
        let Err(Refusal::RateLimited { again, .. }) = reserve() else { panic!("it has room") };
        assert!(again > Duration::from_secs(50) && again <= Duration::from_secs(60));
    }

    #[test]
    fn a_rate_is_used_up_by_calls_before_a_restart() {
        let (grant, rate) = (GrantId::new(1), "1/min".parse().unwrap());
        let ago = |seconds| Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap();
        for (seconds, left) in [(10, 0), (61, 1)] {
            let reservations = Reservations::with([(grant, ago(seconds))], []);
            assert_eq!(reservations.left(grant, rate), left);
        }
    }

    #[test]
    fn a_sub_token_is_good_for_so_many_calls() {
        let reservations = Reservations::with([], [(AgentId::new(1), 1)]);
        let reserve = || reservations.reserve(&caller(1), &[], Some(2));
        drop(reserve().unwrap());
        reserve().unwrap().forwarded();
        assert!(matches!(reserve(), Err(Refusal::UsedUp)));
    }
}
