//! Failed sign-ins are counted, and passwords hashed a few at a time.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use agw_api::codes;
use agw_vault::{PasswordHash, Secret};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{admin::AdminError, bounds, door::Door};

/// Names whose failures are remembered at once; above it all are counted as one.
const NAMES_MAX: usize = 10_000;

/// What failures are counted of: a name, as it was tried from one place, all
/// names from there, and a name from wherever in the network. Nobody who
/// guesses over the network keeps people on this machine out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Tally {
    Name(Option<IpAddr>, String),
    Place(Option<IpAddr>),
    Everywhere(String),
}

impl Tally {
    /// Each with how many it may be.
    fn of(door: Door, name: &str) -> Vec<(Self, u32)> {
        // As the names of users are looked up. One that is too long for a user
        // is nobody's, and not kept.
        let name = if name.len() > bounds::SIGN_IN_NAME_MAX { "" } else { name };
        let (peer, name) = (door.peer(), name.to_ascii_lowercase());
        let many = bounds::SIGN_IN_FAILURES * 10;
        let everywhere = peer.map(|_| (Self::Everywhere(name.clone()), many));
        let here = [(Self::Name(peer, name), bounds::SIGN_IN_FAILURES), (Self::Place(peer), many)];
        here.into_iter().chain(everywhere).collect()
    }
}

/// Counts failed sign-ins.
#[derive(Debug)]
pub(crate) struct SignIns {
    failures: Mutex<HashMap<Tally, (u32, Instant)>>,
    hashing: Arc<Semaphore>,
}

impl Default for SignIns {
    fn default() -> Self {
        let hashing = Arc::new(Semaphore::new(bounds::PASSWORD_HASHES));
        Self { failures: Mutex::default(), hashing }
    }
}

impl SignIns {
    /// Refuses what failed too often, before its password is looked at.
    pub(crate) fn check(&self, door: Door, name: &str) -> Result<(), AdminError> {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.retain(|_, (_, since)| since.elapsed() < bounds::SIGN_IN_WINDOW);
        for (tally, limit) in Tally::of(door, name) {
            if let Some((count, since)) = failures.get(&tally)
                && *count >= limit
            {
                let left = bounds::SIGN_IN_WINDOW.saturating_sub(since.elapsed());
                return Err(too_many(left));
            }
        }
        Ok(())
    }

    pub(crate) fn failed(&self, door: Door, name: &str) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let room = failures.len() < NAMES_MAX;
        for (tally, _) in Tally::of(door, name) {
            // One place fills this with names only as fast as it may fail.
            if room || failures.contains_key(&tally) {
                failures.entry(tally).or_insert((0, Instant::now())).0 += 1;
            }
        }
    }

    /// Whether this is the password of that name. Those that wait for a place
    /// are counted, too: who sends a thousand at once gets no more guesses
    /// than who sends them one by one.
    pub(super) async fn matches(
        &self,
        door: Door,
        name: &str,
        stored: PasswordHash,
        password: Secret,
    ) -> Result<bool, AdminError> {
        self.check(door, name)?;
        let _place = self.place().await?;
        self.check(door, name)?;
        let matches = tokio::task::spawn_blocking(move || stored.matches(&password)).await;
        let matches = matches.map_err(|_| unhashed())?;
        if !matches {
            self.failed(door, name);
        }
        Ok(matches)
    }

    /// Runs a hash off the async threads, a few at a time.
    pub(crate) async fn hash<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AdminError> {
        let _place = self.place().await?;
        tokio::task::spawn_blocking(work).await.map_err(|_| unhashed())
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, AdminError> {
        Arc::clone(&self.hashing).acquire_owned().await.map_err(|_| unhashed())
    }
}

fn unhashed() -> AdminError {
    AdminError::internal("a password could not be hashed")
}

fn too_many(left: Duration) -> AdminError {
    let seconds = left.as_secs().max(1);
    let message = "too many failed sign-ins";
    let mut error =
        AdminError::new(codes::TOO_MANY_ATTEMPTS, message, format!("try again in {seconds} s"));
    error.retry_after = Some(seconds);
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_lock_one_name_and_not_another() {
        let sign_ins = SignIns::default();
        for _ in 0..bounds::SIGN_IN_FAILURES {
            assert!(sign_ins.check(Door::Machine, "ana").is_ok());
            sign_ins.failed(Door::Machine, "ana");
        }
        let refused = sign_ins.check(Door::Machine, "aNa").unwrap_err();
        assert_eq!(refused.code, codes::TOO_MANY_ATTEMPTS);
        assert!(refused.retry_after.is_some());
        assert!(sign_ins.check(Door::Machine, "bo").is_ok());
    }

    /// A request may be a megabyte long, and what failed is kept for a minute.
    #[test]
    fn what_is_too_long_for_a_name_is_not_remembered() {
        let sign_ins = SignIns::default();
        let long = |n: u32| format!("{n}{}", "x".repeat(1 << 20));
        for n in 0..bounds::SIGN_IN_FAILURES {
            sign_ins.failed(Door::Network([192, 0, 2, 1].into()), &long(n));
        }
        let failures = sign_ins.failures.lock().unwrap();
        let kept = failures.keys().map(|tally| format!("{tally:?}").len());
        assert!(kept.sum::<usize>() < 1_000, "{} kept", failures.len());
    }

    #[test]
    fn nobody_in_the_network_locks_out_this_machine_or_another_one() {
        let sign_ins = SignIns::default();
        let peer = |n: u8| Door::Network([192, 0, 2, n].into());
        let many = bounds::SIGN_IN_FAILURES * 10;
        for n in 0..many {
            sign_ins.failed(peer(1), &format!("guess{n}"));
        }
        assert!(sign_ins.check(peer(1), "ana").is_err());
        assert!(sign_ins.check(peer(2), "ana").is_ok());
        assert!(sign_ins.check(Door::Machine, "ana").is_ok());
        // Nor do many guess one name together, from one address each.
        for n in 0..many {
            sign_ins.failed(peer(u8::try_from(n + 10).unwrap()), "ana");
        }
        assert!(sign_ins.check(peer(200), "ana").is_err());
        assert!(sign_ins.check(peer(200), "bo").is_ok());
        assert!(sign_ins.check(Door::Machine, "ana").is_ok());
    }
}
