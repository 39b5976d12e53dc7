//! The one place that asks what time it is.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970, UTC, as the machine has it.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The time that decisions go by. It follows the machine's clock, except that
/// setting that one back brings nothing back to life that has expired.
#[derive(Debug)]
pub(crate) struct Steady {
    anchor_ms: i64,
    anchored: Instant,
}

impl Steady {
    /// It is at least `known` by now: the time of the newest audit record.
    pub(crate) fn from(known: i64) -> Self {
        Self { anchor_ms: now_ms().max(known), anchored: Instant::now() }
    }

    /// Milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> i64 {
        at(self.anchor_ms, self.anchored.elapsed(), now_ms())
    }
}

/// `elapsed` comes from a clock that nobody sets; it stands still while the
/// machine sleeps, the machine's own does not.
fn at(anchor_ms: i64, elapsed: Duration, machine_ms: i64) -> i64 {
    let elapsed = i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX);
    anchor_ms.saturating_add(elapsed).max(machine_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_brings_nothing_back_to_life() {
        let minute = Duration::from_secs(60);
        // As expected; set back by a day; set forward; slept for an hour.
        assert_eq!(at(1_000_000, minute, 1_060_000), 1_060_000);
        assert_eq!(at(1_000_000, minute, -85_340_000), 1_060_000);
        assert_eq!(at(1_000_000, minute, 90_000_000), 90_000_000);
        assert_eq!(at(1_000_000, Duration::ZERO, 4_600_000), 4_600_000);
    }

    #[test]
    fn a_clock_that_was_set_back_while_the_service_was_off_is_seen_by_the_trail() {
        let known = now_ms() + 3_600_000;
        assert!(Steady::from(known).now_ms() >= known);
    }
}
