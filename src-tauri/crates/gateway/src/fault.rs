//! Faults that the crash test must be able to find. Compiled only with the
//! feature `seeded-fault`, which no build that people get has.

use std::time::Duration;

/// How far behind the effect the intent is written.
pub(crate) const DELAY: Duration = Duration::from_millis(300);

/// Whether nothing is synced.
pub(crate) fn sync_off() -> bool {
    std::env::var_os("AGW_SEEDED_FAULT").is_some_and(|fault| fault == "sync-off")
}

/// Whether intents are written after the forward instead of before it.
pub(crate) fn intent_after_forward() -> bool {
    std::env::var_os("AGW_SEEDED_FAULT").is_some_and(|fault| fault == "intent-after-forward")
}
