//! Tokens: `ut_` for a user's own, `st_` for an agent's sub-token, `rt_` to get
//! the next sub-token with, `mt_` for whoever collects metrics.
//!
//! ```text
//! st_ + 43 base-62 characters (256 bits of entropy) + 6 base-62 characters (CRC-32 of all before)
//! ```
//!
//! The checksum tells a mistyped or cut-off token from an unknown one without
//! a look-up, and lets secret scanners recognise ours. Only the SHA-256 is
//! stored; a token has so much entropy that a slow hash would add nothing.

use std::{borrow::Cow, fmt};

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// `log2(62^43)` is 256.03.
const BODY: usize = 43;
const CHECKSUM: usize = 6;
const PREFIX: usize = 3;
const LENGTH: usize = PREFIX + BODY + CHECKSUM;

/// Whose token it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// `ut_`: a user's own.
    User,
    /// `st_`: an agent's sub-token.
    Agent,
    /// `rt_`: an agent that signed in gets its next sub-token with it; it opens
    /// nothing itself.
    Refresh,
    /// `mt_`: opens `/metrics` and nothing else.
    Metrics,
}

impl TokenKind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::User => "ut_",
            Self::Agent => "st_",
            Self::Refresh => "rt_",
            Self::Metrics => "mt_",
        }
    }
}

/// The text is no token of ours; it says nothing about who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a token of this gateway: one starts with ut_ or st_ and is {LENGTH} characters long")]
pub struct TokenError;

/// SHA-256 of a token: what is stored and looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Checks the form of a token that somebody sent and hashes it.
    pub fn of(token: &str) -> Result<(TokenKind, Self), TokenError> {
        let kind = [TokenKind::User, TokenKind::Agent, TokenKind::Refresh, TokenKind::Metrics]
            .into_iter()
            .find(|kind| token.starts_with(kind.prefix()))
            .ok_or(TokenError)?;
        let (payload, sum) = token.split_at_checked(LENGTH - CHECKSUM).ok_or(TokenError)?;
        let good = token.len() == LENGTH
            && payload.bytes().skip(PREFIX).all(|b| b.is_ascii_alphanumeric())
            && sum == checksum(payload);
        good.then(|| (kind, Self(Sha256::digest(token.as_bytes()).into()))).ok_or(TokenError)
    }
}

/// A new token, to be shown once.
pub struct MintedToken {
    text: Zeroizing<String>,
    hash: TokenHash,
}

impl MintedToken {
    /// `fill` must be a cryptographic source of random bytes.
    pub fn mint<E>(
        kind: TokenKind,
        mut fill: impl FnMut(&mut [u8]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut text = Zeroizing::new(String::with_capacity(LENGTH));
        text.push_str(kind.prefix());
        let mut pool = Zeroizing::new([0_u8; 64]);
        while text.len() < PREFIX + BODY {
            fill(&mut *pool)?;
            // Values from 248 up are thrown away: 256 is no multiple of 62,
            // and keeping them would favour the first characters.
            let drawn = pool.iter().filter(|b| **b < 248);
            let chars = drawn.filter_map(|b| ALPHABET.get(usize::from(*b % 62)));
            let room = PREFIX + BODY - text.len();
            text.extend(chars.take(room).map(|b| char::from(*b)));
        }
        let sum = checksum(&text);
        text.push_str(&sum);
        let hash = TokenHash(Sha256::digest(text.as_bytes()).into());
        Ok(Self { text, hash })
    }

    /// The token itself: for its owner's eyes, never for a log.
    pub fn expose(&self) -> &str {
        &self.text
    }

    pub fn hash(&self) -> TokenHash {
        self.hash
    }
}

impl fmt::Debug for MintedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MintedToken(…)")
    }
}

fn checksum(payload: &str) -> String {
    let mut rest = crc32fast::hash(payload.as_bytes());
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET.get((rest % 62) as usize).copied().unwrap_or(b'0');
        rest /= 62;
    }
    digits.iter().map(|b| char::from(*b)).collect()
}

/// Whether a well-formed token of ours stands anywhere in `text`.
pub(crate) fn contains_token(text: &str) -> bool {
    find_token(text, 0).is_some()
}

/// `text` with every well-formed token of ours taken out, for what is kept or
/// shown of a request. One pass: the text may be as long as a request.
pub fn without_tokens(text: &str) -> Cow<'_, str> {
    let mut safe = String::new();
    let mut from = 0;
    while let Some(at) = find_token(text, from) {
        safe.push_str(text.get(from..at).unwrap_or_default());
        safe.push_str("[token]");
        from = at + LENGTH;
    }
    if from == 0 {
        return Cow::Borrowed(text);
    }
    safe.push_str(text.get(from..).unwrap_or_default());
    Cow::Owned(safe)
}

/// Where the first one from there on begins.
fn find_token(text: &str, from: usize) -> Option<usize> {
    // What all kinds begin with, but for the first letter.
    let begins = text.get(from..)?.match_indices("t_").filter_map(|(at, _)| at.checked_sub(1));
    begins.map(|at| from + at).find(|at| {
        text.get(*at..at + LENGTH).is_some_and(|candidate| TokenHash::of(candidate).is_ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting() -> impl FnMut(&mut [u8]) -> Result<(), ()> {
        let mut next = 0_u8;
        move |out| {
            for byte in out {
                *byte = next;
                next = next.wrapping_add(7);
            }
            Ok(())
        }
    }

    #[test]
    fn a_minted_token_is_recognised() {
        let token = MintedToken::mint(TokenKind::Agent, counting()).unwrap();
        assert_eq!(TokenHash::of(token.expose()), Ok((TokenKind::Agent, token.hash())));
        assert_eq!(format!("{token:?}"), "MintedToken(…)");
    }

    #[test]
    fn any_single_change_is_malformed() {
        let token = MintedToken::mint(TokenKind::User, counting()).unwrap();
        for at in 0..LENGTH {
            let mut bytes = token.expose().as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
            assert_eq!(TokenHash::of(std::str::from_utf8(&bytes).unwrap()), Err(TokenError));
        }
        assert!(TokenHash::of(&token.expose()[1..]).is_err());
        assert!(TokenHash::of(&format!("{}0", token.expose())).is_err());
        assert!(TokenHash::of("st_").is_err());
        assert!(TokenHash::of("st_é").is_err());
    }

    #[test]
    fn a_failing_source_mints_nothing() {
        assert!(MintedToken::mint(TokenKind::User, |_| Err("dry")).is_err());
    }

    #[test]
    fn a_token_is_found_inside_text() {
        for kind in [TokenKind::User, TokenKind::Refresh, TokenKind::Metrics] {
            let token = MintedToken::mint(kind, counting()).unwrap();
            assert_eq!(without_tokens(token.expose()), "[token]");
        }
        let token = MintedToken::mint(TokenKind::Agent, counting()).unwrap();
        assert!(contains_token(&format!("mail this: {}!", token.expose())));
        assert!(!contains_token("st_ and ut_ alone, st_0123456789é"));
        let twice = format!("ä{0}{0}st_", token.expose());
        assert_eq!(without_tokens(&twice), "ä[token][token]st_");
        // As long as a request may be: quadratic work would not end.
        let many =
            MintedToken::mint(TokenKind::Metrics, counting()).unwrap().expose().repeat(80_000);
        assert_eq!(without_tokens(&many), "[token]".repeat(80_000));
    }
}
