//! What a server says with 401 or 403 about the token that it wants (RFC 6750,
//! section 3; RFC 9728, section 5.1).

use crate::bounds;

/// The parameters of a `Bearer` challenge that count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Challenge {
    pub(crate) resource_metadata: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) scopes: Vec<String>,
}

impl Challenge {
    /// The first `Bearer` challenge of `WWW-Authenticate`, if there is one.
    /// What is wrong in it is left out: the server need not be ours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut rest = text.get(..bounds::CHALLENGE_MAX).unwrap_or(text);
        let mut within = None;
        while let Some((word, after)) = token(rest) {
            let after_space = after.trim_start_matches([' ', '\t']);
            let Some(value) = after_space.strip_prefix('=') else {
                // A scheme: the next challenge begins.
                if within.is_some() {
                    break;
                }
                within = word.eq_ignore_ascii_case("bearer").then(Self::default);
                rest = after;
                continue;
            };
            let (value, after) = value_of(value.trim_start_matches([' ', '\t']))?;
            if let Some(challenge) = &mut within {
                challenge.take(word, value);
            }
            rest = after;
        }
        within
    }

    fn take(&mut self, name: &str, value: String) {
        match &*name.to_ascii_lowercase() {
            "resource_metadata" => self.resource_metadata = Some(value),
            "error" => self.error = Some(value),
            "scope" => self.scopes = scopes(&value),
            _ => {}
        }
    }

    pub(crate) fn wants_more(&self) -> bool {
        self.error.as_deref() == Some("insufficient_scope")
    }
}

/// The scopes in a text, each once; what is no scope (RFC 6749, section 3.3)
/// is left out.
pub(crate) fn scopes(text: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let sane = |scope: &&str| {
        let of_scope = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        !scope.is_empty() && scope.len() <= bounds::SCOPE_MAX && scope.bytes().all(of_scope)
    };
    for scope in text.split(' ').filter(sane) {
        if all.len() < bounds::SCOPES_MAX && !all.iter().any(|known| known == scope) {
            all.push(scope.to_owned());
        }
    }
    all
}

/// A token at the start, after separators.
fn token(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches([' ', '\t', ',']);
    let of_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let end = text.find(|c| !of_token(c)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at_checked(end))?
}

/// A token or a quoted string.
fn value_of(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        return token(text).map(|(value, rest)| (value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_as_servers_write_them() {
        let challenge = Challenge::parse(
            r#"Basic realm="a, b", Bearer realm="x\"y", error="insufficient_scope",scope="files:write  files:read files:write", resource_metadata="https://a/.well-known/oauth-protected-resource", DPoP algs="ES256""#,
        )
        .unwrap();
        assert_eq!(challenge.scopes, ["files:write", "files:read"]);
        assert!(challenge.wants_more());
        let url = "https://a/.well-known/oauth-protected-resource";
        assert_eq!(challenge.resource_metadata.as_deref(), Some(url));
        assert_eq!(Challenge::parse("bearer"), Some(Challenge::default()));
        assert_eq!(
            Challenge::parse("Bearer error=invalid_token").unwrap().error.unwrap(),
            "invalid_token"
        );
    }

    #[test]
    fn what_is_no_challenge_is_none_and_nothing_breaks() {
        for text in ["", "Basic realm=\"x\"", "=", "\"", ",,,"] {
            assert_eq!(Challenge::parse(text), None, "{text}");
        }
        for text in ["Bearer scope=\"", "Bearer scope=\"a\\", "Bearer =", "Bearer a=é"] {
            let _ = Challenge::parse(text);
        }
        let long = format!("Bearer scope=\"{}\"", "x".repeat(100_000));
        let _ = Challenge::parse(&long);
        assert_eq!(scopes("a \u{e9} \"b\" c\\d e").len(), 2);
    }
}
