//! Moments and spans as people write and read them.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::names::ttl;

/// `WHEN`: a moment in RFC 3339, a day (its first moment, in UTC, as all times
/// of the trail are), or a time ago (`2h`, `7d`).
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    moment_at(text, Timestamp::now())
}

fn moment_at(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(seconds) = ttl(text) {
        let ago = jiff::SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        return now.checked_sub(ago).map_err(|_| format!("{text:?} is too long ago"));
    }
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    // A longer text would be parsed too, its time and zone left out.
    if text.len() == "2026-11-20".len()
        && let Ok(day) = text.parse::<Date>()
        && let Ok(start) = day.to_zoned(TimeZone::UTC)
    {
        return Ok(start.timestamp());
    }
    Err("use a time ago, e.g. 2h or 7d, a day such as 2026-11-20, or a moment such as \
         2026-11-20T18:00:00Z"
        .to_owned())
}

/// `4m 10s`; `None` for a text that is no time.
pub(crate) fn time_until(time: &str, now: Timestamp) -> Option<String> {
    let time: Timestamp = time.parse().ok()?;
    Some(span(time.as_second().saturating_sub(now.as_second())))
}

/// `4m 10s ago`; the text itself if it is no time.
pub(crate) fn ago(time: &str, now: Timestamp) -> String {
    match time.parse::<Timestamp>() {
        Ok(time) => format!("{} ago", span(now.as_second().saturating_sub(time.as_second()))),
        Err(_) => time.to_owned(),
    }
}

/// The two largest units of so many seconds; none for those before.
fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

/// `7.2 ms`, `1.02 s`, `4m 10s`.
pub(crate) fn duration(ms: f64) -> String {
    match ms {
        ..1_000.0 => format!("{ms:.1} ms"),
        ..60_000.0 => format!("{:.2} s", ms / 1_000.0),
        // What does not fit is cut.
        _ => span((ms / 1_000.0) as i64),
    }
}

/// `2026-11-20T18:00:00Z`: a time of the trail without its milliseconds, which
/// still is RFC 3339.
pub(crate) fn seconds(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, rest)) if rest.ends_with('Z') => format!("{seconds}Z"),
        _ => time.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn moments() {
        for (text, expected) in [
            ("2h", "2026-11-22T08:00:00Z"),
            ("7d", "2026-11-15T10:00:00Z"),
            ("2026-11-20", "2026-11-20T00:00:00Z"),
            ("2026-11-20T18:00:00.5+01:00", "2026-11-20T17:00:00.5Z"),
        ] {
            assert_eq!(moment_at(text, now()).unwrap().to_string(), expected);
        }
        for bad in ["", "yesterday", "20", "2026-13-01", "2026-11-20T18:00", "999999w", "-2h"] {
            assert!(moment_at(bad, now()).is_err(), "{bad}");
        }
    }

    #[test]
    fn spans_in_two_units() {
        for (time, expected) in [
            ("2026-11-22T10:00:00.9Z", "0s"),
            ("2026-11-22T09:00:00Z", "0s"),
            ("2026-11-22T10:00:59Z", "59s"),
            ("2026-11-22T10:01:00Z", "1m 0s"),
            ("2026-11-22T13:05:09Z", "3h 5m"),
            ("2026-11-25T12:00:00Z", "3d 2h"),
        ] {
            assert_eq!(time_until(time, now()).as_deref(), Some(expected), "{time}");
        }
        assert_eq!(time_until("soon", now()), None);
        assert_eq!(ago("2026-11-22T09:58:30.123Z", now()), "1m 30s ago");
        assert_eq!(ago("never", now()), "never");
    }

    #[test]
    fn durations_in_a_fitting_unit() {
        let shown = [0.25, 7.24, 999.94, 1_000.0, 1_021.7, 59_999.0, 250_000.0].map(duration);
        let expected = ["0.2 ms", "7.2 ms", "999.9 ms", "1.00 s", "1.02 s", "60.00 s", "4m 10s"];
        assert_eq!(shown, expected);
    }

    #[test]
    fn shorter_times_stay_times() {
        assert_eq!(seconds("2026-11-22T10:00:00.123Z"), "2026-11-22T10:00:00Z");
        for same in ["2026-11-22T10:00:00Z", "soon", "a.b"] {
            assert_eq!(seconds(same), same);
        }
    }
}
