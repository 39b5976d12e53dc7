//! Parsers of single arguments. A bad one is bad usage (exit 2), told before
//! anything is sent; the gateway checks again.

/// Seconds in each unit of a duration.
const UNITS: [(char, u64); 5] = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400), ('w', 604_800)];

/// The longest text of an argument that goes into a query or a body.
const MAX_VALUE: usize = 512;

/// `30d` → 2,592,000: a positive number and one of s, m, h, d, w.
pub(crate) fn ttl(text: &str) -> Result<u64, String> {
    let bad = || format!("{text:?} is no duration: use a number and s, m, h, d or w, e.g. 30d");
    let unit = text.chars().last().ok_or_else(bad)?;
    let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(bad)?;
    let number = text.strip_suffix(unit).unwrap_or_default();
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad());
    }
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(*seconds))
        .filter(|total| (1..=i64::MAX as u64).contains(total))
        .ok_or_else(|| format!("{text:?} is out of range: use at least 1s"))
}

/// `[a-z][a-z0-9-]{0,31}`.
pub(crate) fn connection_name(text: &str) -> Result<String, String> {
    let good = text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if good {
        Ok(text.to_owned())
    } else {
        Err("use 1 to 32 of a-z, 0-9 and -, starting with a letter".to_owned())
    }
}

/// Name of a user, team or agent: no `/` and no `:`, which separate the parts
/// of a subject.
pub(crate) fn person_name(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_alphanumeric() || " _-.@+'".contains(c);
    let good = (1..=64).contains(&text.chars().count())
        && text.chars().all(allowed)
        && text.trim() == text
        && text.chars().any(char::is_alphanumeric);
    if good {
        Ok(text.to_owned())
    } else {
        Err("use 1 to 64 letters, digits, spaces or any of _ - . @ + '".to_owned())
    }
}

/// `USER`, `team:TEAM` or `USER/AGENT`.
pub(crate) fn subject(text: &str) -> Result<String, String> {
    let parts = match (text.strip_prefix("team:"), text.split_once('/')) {
        (Some(team), _) => person_name(team).map(drop),
        (None, Some((user, agent))) => person_name(user).and(person_name(agent)).map(drop),
        (None, None) => person_name(text).map(drop),
    };
    parts
        .map(|()| text.to_owned())
        .map_err(|why| format!("use USER, team:TEAM or USER/AGENT; for each name {why}"))
}

/// A text that only the gateway can judge: not empty, no control characters.
pub(crate) fn query_value(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > MAX_VALUE || text.chars().any(char::is_control) {
        return Err(format!("use 1 to {MAX_VALUE} bytes without control characters"));
    }
    Ok(text.to_owned())
}

/// A name that every shell and system takes for an environment variable.
pub(crate) fn env_name(text: &str) -> Result<String, String> {
    let good = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && text.len() <= MAX_VALUE;
    if good {
        Ok(text.to_owned())
    } else if text.contains('=') {
        // The text is not repeated: it may hold the secret.
        Err("give the name alone; the value is asked for, or read from stdin as KEY=VALUE".into())
    } else {
        Err("use letters, digits and _, not starting with a digit".to_owned())
    }
}

/// A name that HTTP takes for a header.
pub(crate) fn header_name(text: &str) -> Result<String, String> {
    if text.contains([':', '=']) {
        return Err(
            "give the name alone; the value is asked for, or read from stdin as NAME=VALUE".into(),
        );
    }
    match http::HeaderName::try_from(text) {
        Ok(_) if text.len() <= MAX_VALUE => Ok(text.to_owned()),
        _ => Err("not a header name: use letters, digits and -".to_owned()),
    }
}

/// An absolute `http` or `https` URL without user and password.
pub(crate) fn http_url(text: &str) -> Result<String, String> {
    let bad = || "use an absolute http:// or https:// URL".to_owned();
    let uri: http::Uri = text.parse().map_err(|_| bad())?;
    let authority = uri.authority().ok_or_else(bad)?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || authority.host().is_empty() {
        return Err(bad());
    }
    if authority.as_str().contains('@') {
        return Err(
            "a URL with a user or password is refused: give secrets with --header".to_owned()
        );
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in
            [("1s", 1), ("90m", 5_400), ("2h", 7_200), ("30d", 2_592_000), ("2w", 1_209_600)]
        {
            assert_eq!(ttl(text), Ok(seconds), "{text}");
        }
        for text in [
            "",
            "d",
            "30",
            "0d",
            "-1d",
            "+1d",
            "1.5h",
            "30 d",
            "1y",
            "1D",
            "1d2h",
            "99999999999999999999s",
            "9223372036854775807w",
            "٣d",
        ] {
            assert!(ttl(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names() {
        assert!(connection_name("fs-2").is_ok());
        for bad in ["", "2fs", "Fs", "a.b", "a_b", "a/b", &"a".repeat(33)] {
            assert!(connection_name(bad).is_err(), "{bad}");
        }
        assert!(person_name("Ana O'Neil").is_ok());
        for bad in ["", " ana", "a/b", "team:x", "a\u{1b}[2J", "---"] {
            assert!(person_name(bad).is_err(), "{bad}");
        }
        for good in ["ana", "team:sales", "ana/claude"] {
            assert_eq!(subject(good).as_deref(), Ok(good));
        }
        for bad in ["", "team:", "ana/", "/claude", "a/b/c", "team:a/b"] {
            assert!(subject(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_value_beside_a_key_is_not_repeated() {
        let error = env_name("TOKEN=hunter2").unwrap_err();
        assert!(!error.contains("hunter2"));
        let error = header_name("Authorization: Bearer hunter2").unwrap_err();
        assert!(!error.contains("hunter2"));
    }

    #[test]
    fn urls() {
        assert!(http_url("https://crm.example/mcp?x=1").is_ok());
        for bad in ["", "/mcp", "crm.example", "ftp://x/", "http:///mcp", "https://a:b@x/"] {
            assert!(http_url(bad).is_err(), "{bad}");
        }
    }
}
