//! The recovery key: shown once at set-up, and the only way back to the
//! credentials when the master key is lost.

use std::{fmt, str::FromStr};

use data_encoding::BASE32_NOPAD;
use zeroize::Zeroizing;

use crate::{VaultError, cipher::Key};

/// Characters between the dashes of the printed form.
const GROUP: usize = 6;

/// 256 random bits. Printed as base 32 (RFC 4648) of the key and its CRC-32,
/// in dashed groups.
pub struct RecoveryKey(pub(crate) Key);

/// The text is not a recovery key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("that is not a recovery key; check it for missing or mistyped characters")]
pub struct RecoveryKeyError;

impl RecoveryKey {
    pub fn generate() -> Result<Self, VaultError> {
        Key::random().map(Self)
    }

    /// The printed form: for the admin's eyes, once.
    pub fn expose(&self) -> Zeroizing<String> {
        let key = self.0.expose();
        let bytes = Zeroizing::new([&key[..], &crc32fast::hash(key).to_be_bytes()].concat());
        let mut text = Zeroizing::new(String::new());
        for (at, c) in Zeroizing::new(BASE32_NOPAD.encode(&bytes)).chars().enumerate() {
            if at > 0 && at % GROUP == 0 {
                text.push('-');
            }
            text.push(c);
        }
        text
    }
}

impl FromStr for RecoveryKey {
    type Err = RecoveryKeyError;

    /// Case, dashes and white space do not matter.
    fn from_str(text: &str) -> Result<Self, RecoveryKeyError> {
        let compact: Zeroizing<String> = Zeroizing::new(
            text.chars()
                .filter(|c| *c != '-' && !c.is_whitespace())
                .map(|c| c.to_ascii_uppercase())
                .collect(),
        );
        let bytes = BASE32_NOPAD.decode(compact.as_bytes()).map_err(|_| RecoveryKeyError)?;
        let bytes = Zeroizing::new(bytes);
        let (key, sum) = bytes.split_last_chunk::<4>().ok_or(RecoveryKeyError)?;
        if crc32fast::hash(key).to_be_bytes() != *sum {
            return Err(RecoveryKeyError);
        }
        Key::from_slice(key).map(Self).ok_or(RecoveryKeyError)
    }
}

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_being_written_down() {
        let key = RecoveryKey::generate().unwrap();
        let text = key.expose();
        let sloppy = text.to_lowercase().replace('-', " ");
        let back: RecoveryKey = sloppy.parse().unwrap();
        assert_eq!(back.0.expose(), key.0.expose());
        let mut typo = text.to_string();
        typo.replace_range(0..1, if typo.starts_with('A') { "B" } else { "A" });
        assert!(typo.parse::<RecoveryKey>().is_err());
        assert!("".parse::<RecoveryKey>().is_err());
    }
}
