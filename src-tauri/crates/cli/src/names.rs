//! Parsers of single arguments. A bad one is bad usage (exit 2), told before
//! anything is sent; the gateway checks again.

/// Seconds in each unit of a duration.
const UNITS: [(char, u64); 5] = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400), ('w', 604_800)];

/// The longest text of an argument that goes into a query or a body.
const MAX_VALUE: usize = 512;
/// The longest name of a tool: a connection, a mark, and the URI of a resource.
const MAX_TOOL: usize = 32 + ".@resource/*".len() + 2_048;
/// The longest condition that is sent.
const MAX_CONDITION: usize = 16 * 1024;

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

/// The same, kept as it was typed: the gateway counts from its own clock.
pub(crate) fn lifetime(text: &str) -> Result<String, String> {
    ttl(text).map(|_| text.to_owned())
}

/// A time from now, or a moment in RFC 3339.
pub(crate) fn expiry(text: &str) -> Result<String, String> {
    if ttl(text).is_ok() || text.parse::<jiff::Timestamp>().is_ok() {
        return Ok(text.to_owned());
    }
    Err("use a time from now, e.g. 7d, or a moment such as 2026-12-31T18:00:00Z".to_owned())
}

/// How long a client waits: `60s` → 60.
pub(crate) fn client_timeout(text: &str) -> Result<u32, String> {
    u32::try_from(ttl(text)?).map_err(|_| format!("{text:?} is out of range"))
}

/// `10/min`: a positive number and a unit, which the gateway knows.
pub(crate) fn rate(text: &str) -> Result<String, String> {
    let good = text.split_once('/').is_some_and(|(number, unit)| {
        number.bytes().all(|byte| byte.is_ascii_digit())
            && number.parse::<u32>().is_ok_and(|number| number > 0)
            && !unit.is_empty()
            && unit.bytes().all(|byte| byte.is_ascii_lowercase())
    });
    if good {
        Ok(text.to_owned())
    } else {
        Err("use a number of calls and /s, /min, /h or /day, e.g. 10/min".to_owned())
    }
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

/// `USER` or `USER/AGENT`.
pub(crate) fn caller(text: &str) -> Result<String, String> {
    let parts = text.split_once('/').map_or_else(
        || person_name(text).map(drop),
        |(user, agent)| person_name(user).and(person_name(agent)).map(drop),
    );
    parts
        .map(|()| text.to_owned())
        .map_err(|why| format!("use USER or USER/AGENT; for each name {why}"))
}

/// What can be paused by itself: a caller or a connection, with `user:` or
/// `connection:` before it where both exist.
pub(crate) fn pausable(text: &str) -> Result<String, String> {
    let checked = match text.split_once(':') {
        Some(("connection", name)) => connection_name(name),
        Some(("user", name)) => caller(name),
        Some(_) => Err("use USER, USER/AGENT, CONNECTION, user:NAME or connection:NAME".to_owned()),
        None => caller(text),
    };
    checked.map(|_| text.to_owned())
}

/// A condition in CEL, which only the gateway understands.
pub(crate) fn condition(text: &str) -> Result<String, String> {
    let odd = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.trim().is_empty() || text.len() > MAX_CONDITION || text.contains(odd) {
        return Err(format!("use 1 to {MAX_CONDITION} bytes of CEL without control characters"));
    }
    Ok(text.to_owned())
}

/// A text that only the gateway can judge: not empty, no control characters.
pub(crate) fn query_value(text: &str) -> Result<String, String> {
    plain(text, MAX_VALUE)
}

/// A tool, a prompt, a resource, or a pattern of them: likewise.
pub(crate) fn tool(text: &str) -> Result<String, String> {
    plain(text, MAX_TOOL)
}

fn plain(text: &str, max: usize) -> Result<String, String> {
    if text.is_empty() || text.len() > max || text.chars().any(char::is_control) {
        return Err(format!("use 1 to {max} bytes without control characters"));
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
    fn callers_and_what_can_be_paused() {
        for good in ["ana", "ana/claude"] {
            assert!(caller(good).is_ok() && pausable(good).is_ok(), "{good}");
        }
        for good in ["user:ana", "user:ana/claude", "connection:crm-2", "crm-2"] {
            assert_eq!(pausable(good).as_deref(), Ok(good));
        }
        for bad in ["", "team:sales", "connection:A b", "user:", "ana/", "a/b/c"] {
            assert!(pausable(bad).is_err(), "{bad}");
            assert!(caller(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_and_rates() {
        for good in ["7d", "2026-12-31T18:00:00Z", "2026-12-31T18:00:00+01:00"] {
            assert_eq!(expiry(good).as_deref(), Ok(good));
        }
        for bad in ["", "tomorrow", "2026-12-31", "2026-13-01T00:00:00Z", "7"] {
            assert!(expiry(bad).is_err(), "{bad}");
        }
        assert_eq!(client_timeout("2m"), Ok(120));
        assert!(client_timeout("9999999999s").is_err());
        for good in ["10/min", "200/day", "1/s", "5/h"] {
            assert_eq!(rate(good).as_deref(), Ok(good));
        }
        for bad in ["", "10", "0/min", "-1/min", "+1/min", "1.5/h", "/h", "10/", "10/2h"] {
            assert!(rate(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_tool_may_be_as_long_as_a_uri() {
        let uri = format!("{}.@resource/{}*", "c".repeat(32), "u".repeat(2_048));
        assert_eq!(tool(&uri).as_deref(), Ok(&*uri));
        for bad in ["", "docs.a\u{1b}[2J", &format!("{uri}u")] {
            assert!(tool(bad).is_err(), "{bad:?}");
        }
        assert!(query_value(&uri).is_err());
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
