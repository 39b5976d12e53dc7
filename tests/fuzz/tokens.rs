//! Tokens: exactly those that were minted are tokens, and none stays in a
//! text that it was taken out of.

use std::borrow::Cow;

use agw_core::{MintedToken, TokenError, TokenHash, TokenKind, without_tokens};
use bolero::{check, produce};

use super::{edited, text};

const LENGTH: usize = 52;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// As random as `seed`; never what minting throws away for ever.
fn minted(seed: u64) -> MintedToken {
    let mut state = seed | 1 << 63;
    let kind = if seed.is_multiple_of(2) { TokenKind::User } else { TokenKind::Agent };
    MintedToken::mint(kind, |out| {
        for byte in out {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = (state >> 32) as u8;
        }
        Ok::<_, ()>(())
    })
    .unwrap()
}

/// Looks everywhere, in no clever way.
fn holds_token(text: &str) -> bool {
    (0..text.len()).any(|at| {
        text.get(at..at + LENGTH).is_some_and(|candidate| TokenHash::of(candidate).is_ok())
    })
}

#[test]
fn a_minted_token_is_one_and_any_one_change_makes_it_none() {
    let inputs = (produce::<u64>(), produce::<usize>(), produce::<char>(), 0..62_usize);
    check!().with_generator(inputs).with_iterations(20_000).for_each(|(seed, at, other, digit)| {
        let token = minted(*seed);
        let text = token.expose();
        let kind = if text.starts_with("ut_") { TokenKind::User } else { TokenKind::Agent };
        assert_eq!(TokenHash::of(text), Ok((kind, token.hash())));
        assert_eq!(text.len(), LENGTH);

        let at = at % LENGTH;
        let with =
            |middle: &str, skip: usize| format!("{}{middle}{}", &text[..at], &text[at + skip..]);
        let mut changes = vec![
            with("", 1),
            with(&other.to_string(), 0),
            format!("{text}{other}"),
            text.to_uppercase(),
            format!(" {text}"),
        ];
        for other in [*other, char::from(DIGITS[*digit])] {
            if !text[at..].starts_with(other) {
                changes.push(with(&other.to_string(), 1));
            }
        }
        let pair = &text[at..(at + 2).min(LENGTH)];
        let turned: String = pair.chars().rev().collect();
        if turned != pair {
            changes.push(with(&turned, pair.len()));
        }
        for changed in changes {
            assert_eq!(TokenHash::of(&changed), Err(TokenError), "{changed:?}");
        }
        // With a right checksum, which anybody can make, the form counts alone.
        let ascii = char::from(b' ' + *digit as u8);
        let mut payload = text[..46].to_owned();
        payload.replace_range(3 + at % 43..4 + at % 43, &ascii.to_string());
        let forged = format!("{payload}{}", checksum(&payload));
        assert_eq!(TokenHash::of(&forged).is_ok(), ascii.is_ascii_alphanumeric(), "{forged:?}");
    });
}

/// Bit by bit, as in RFC 1952, section 8.
fn checksum(payload: &str) -> String {
    let crc = !payload.bytes().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
    });
    (0..6).rev().map(|at| char::from(DIGITS[crc as usize / 62_usize.pow(at) % 62])).collect()
}

const SEEDS: [&str; 5] = [
    "",
    "st_ut_st_",
    "Authorization: Bearer ut_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGabcdef",
    r#"{"to":"bo@acme.com","text":"st_ [token] ut_"}"#,
    "ä€😀",
];

const SCRAPS: [&str; 10] = ["st_", "ut_", "_", "s", "u", "t", "0aZ", "é", "[token]", "\u{0}"];

#[test]
fn tokens_are_taken_out_and_nothing_else_is() {
    let inputs = (
        edited(),
        // Another piece of text behind each of these tokens.
        produce::<Vec<(u64, super::Edited)>>()
            .with()
            .values((produce::<u64>(), edited()))
            .len(0..4_usize),
        produce::<usize>(),
    );
    check!().with_generator(inputs).with_iterations(6_000).for_each(|(begin, rest, cut)| {
        let begin = text(begin, &SEEDS, &SCRAPS);
        let (mut full, mut expected) = (begin.clone(), begin);
        for (seed, behind) in rest {
            let token = minted(*seed);
            let behind = text(behind, &SEEDS, &SCRAPS);
            full += token.expose();
            full += &behind;
            expected += "[token]";
            expected += &behind;
        }
        assert_eq!(without_tokens(&full), expected);
        assert!(!holds_token(&expected), "{expected:?}");
        assert!(matches!(without_tokens(&expected), Cow::Borrowed(_)));

        // Cut anywhere, what is left holds a token just if a search finds one.
        let at = full.floor_char_boundary(cut % (full.len() + 1));
        let part = &full[at..];
        let safe = without_tokens(part);
        assert_eq!(holds_token(part), safe != part, "{part:?}");
        assert!(!holds_token(&safe), "{safe:?}");
    });
}
