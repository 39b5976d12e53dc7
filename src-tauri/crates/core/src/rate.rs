//! How often a grant may be used.

use std::{fmt, str::FromStr};

/// Most calls in one window; each is remembered until the window has passed.
const CALLS_MAX: u32 = 100_000;

/// `10/min`: at most so many calls in any stretch of that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    calls: u32,
    window: Window,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Window {
    Second,
    Minute,
    Hour,
    Day,
}

impl Window {
    const ALL: [Self; 4] = [Self::Second, Self::Minute, Self::Hour, Self::Day];

    fn as_str(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Minute => "min",
            Self::Hour => "h",
            Self::Day => "day",
        }
    }
}

/// A text that is not a rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a rate: it looks like 10/min or 200/day, with s, min, h or day and 1 to {CALLS_MAX} calls"
)]
pub struct RateError(String);

impl Rate {
    pub fn calls(self) -> u32 {
        self.calls
    }

    pub fn window_seconds(self) -> u32 {
        match self.window {
            Window::Second => 1,
            Window::Minute => 60,
            Window::Hour => 3_600,
            Window::Day => 86_400,
        }
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let parse = || {
            let (calls, window) = text.split_once('/')?;
            let digits = calls.bytes().all(|b| b.is_ascii_digit());
            let calls =
                calls.parse().ok().filter(|calls| digits && (1..=CALLS_MAX).contains(calls));
            let window = Window::ALL.into_iter().find(|w| w.as_str() == window);
            Some(Self { calls: calls?, window: window? })
        };
        parse().ok_or_else(|| RateError(text.to_owned()))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.calls, self.window.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_strictly_and_written_back() {
        for (good, seconds) in [("1/s", 1), ("10/min", 60), ("5/h", 3_600), ("200/day", 86_400)] {
            let rate: Rate = good.parse().unwrap();
            assert_eq!((rate.to_string().as_str(), rate.window_seconds()), (good, seconds));
        }
        for bad in ["", "10", "/min", "0/min", "+1/min", "1/week", "1/min/", "100001/s", "1 /min"] {
            assert!(bad.parse::<Rate>().is_err(), "{bad}");
        }
    }
}
