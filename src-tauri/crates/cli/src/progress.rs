//! How far a long command is: one line on stderr that is drawn over again and
//! again. Only at a terminal, and not with `--json`.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use crate::output::{Output, grouped, safe};

/// Between two drawings of the line.
const EVERY: Duration = Duration::from_millis(200);
/// What is done sooner needs no line.
const FIRST_AFTER: Duration = Duration::from_secs(1);

/// The line goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    seen: bool,
    started: Instant,
    next: Instant,
    drawn: bool,
}

impl Progress {
    pub(crate) fn new(output: &Output) -> Self {
        let started = Instant::now();
        let seen = !output.json() && io::stderr().is_terminal();
        Self { seen, started, next: started + FIRST_AFTER, drawn: false }
    }

    /// Draws the line if it is time to; `text` is given the time since the
    /// start.
    pub(crate) fn show(&mut self, text: impl FnOnce(Duration) -> String) {
        let now = Instant::now();
        if !self.seen || now < self.next {
            return;
        }
        self.next = now + EVERY;
        self.drawn = true;
        let line = safe(&text(now - self.started));
        let mut stderr = io::stderr().lock();
        // To the start of the line, and what was there is cleared.
        let _ = write!(stderr, "\r\x1b[K{line}").and_then(|()| stderr.flush());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.drawn {
            let mut stderr = io::stderr().lock();
            let _ = write!(stderr, "\r\x1b[K").and_then(|()| stderr.flush());
        }
    }
}

/// `1,200,000 records, 12 %, 300,000 a second`.
pub(crate) fn records(done: u64, of: Option<u64>, time: Duration) -> String {
    let percent = match of {
        Some(of) if of > 0 => format!(", {} %", (done.saturating_mul(100) / of).min(100)),
        _ => String::new(),
    };
    let rate = u128::from(done).saturating_mul(1_000) / time.as_millis().max(1);
    let rate = grouped(u64::try_from(rate).unwrap_or(u64::MAX));
    format!("{} records{percent}, {rate} a second", grouped(done))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_it_is() {
        let two = Duration::from_secs(2);
        assert_eq!(
            records(1_200_000, Some(10_000_000), two),
            "1,200,000 records, 12 %, 600,000 a second"
        );
        assert_eq!(records(3, None, two), "3 records, 1 a second");
        assert_eq!(records(5, Some(4), Duration::ZERO), "5 records, 100 %, 5,000 a second");
        assert_eq!(records(0, Some(0), two), "0 records, 0 a second");
    }

    #[test]
    fn scripts_see_nothing() {
        let mut progress = Progress::new(&Output::new(true));
        progress.next = progress.started;
        progress.show(|_| panic!("drawn"));
        assert!(!progress.drawn);
    }
}
