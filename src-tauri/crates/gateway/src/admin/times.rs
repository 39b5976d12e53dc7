//! Times as people write them.

use super::AdminError;

/// The farthest that anything may lie ahead or back: ten years.
const FAR_MS: i64 = 10 * 365 * 24 * 3600 * 1_000;

/// `30s`, `10m`, `12h`, `7d` or `2w`, in milliseconds.
pub(super) fn duration(text: &str) -> Result<i64, AdminError> {
    let wrong = || {
        AdminError::invalid(format!(
            "{text:?} is no time: write a number and s, m, h, d or w, for example 7d, and at most ten years"
        ))
    };
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return Err(wrong()),
    };
    let digits = text.strip_suffix(unit).filter(|d| d.bytes().all(|b| b.is_ascii_digit()));
    let number: i64 = digits.and_then(|digits| digits.parse().ok()).ok_or_else(wrong)?;
    let ms = number.checked_mul(seconds * 1_000).filter(|ms| (1..=FAR_MS).contains(ms));
    ms.ok_or_else(wrong)
}

/// When something expires, in milliseconds since 1970: RFC 3339, or a time
/// from `now`. `stored` is what it has been so far, which may have passed.
pub(super) fn expiry(text: &str, now: i64, stored: Option<i64>) -> Result<i64, AdminError> {
    let Ok(time) = text.parse::<jiff::Timestamp>() else {
        return duration(text).map(|ms| now.saturating_add(ms)).map_err(|error| AdminError {
            message: format!("{} from now, or a time such as 2027-01-31T18:00:00Z", error.message),
            ..error
        });
    };
    let at = time.as_millisecond();
    if at <= now && Some(at) != stored {
        return Err(AdminError::invalid(format!("{text} has passed")));
    }
    if at > now.saturating_add(FAR_MS) {
        return Err(AdminError::invalid(format!("{text} is more than ten years ahead")));
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_strictly() {
        assert_eq!(duration("7d").unwrap(), 7 * 86_400_000);
        for bad in ["", "7", "d", "-1d", "0s", "7days", "99999999999999w", "١d", "7 d"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        let now = 1_795_340_000_000;
        assert_eq!(expiry("1h", now, None).unwrap(), now + 3_600_000);
        assert_eq!(expiry("2027-01-31T18:00:00Z", now, None).unwrap(), 1_801_418_400_000);
        assert!(expiry("2020-01-01T00:00:00Z", now, None).is_err());
        assert!(expiry("2020-01-01T00:00:00Z", now, Some(1_577_836_800_000)).is_ok());
        assert!(expiry("2099-01-01T00:00:00Z", now, None).is_err());
    }
}
