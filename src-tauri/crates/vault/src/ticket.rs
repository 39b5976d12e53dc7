//! Sealing what is handed out to be brought back: with a key of this process
//! that is kept nowhere, so nothing outlives it.

use crate::{Secret, VaultError, cipher::Key};

/// Seals tickets and opens its own.
pub struct TicketKey(Key);

impl std::fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TicketKey(…)")
    }
}

impl TicketKey {
    pub fn random() -> Result<Self, VaultError> {
        Key::random().map(Self)
    }

    /// `bound` is what it is good for: it opens with the same only.
    pub fn seal(&self, ticket: &[u8], bound: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.0.seal(ticket, bound)
    }

    pub fn open(&self, sealed: &[u8], bound: &[u8]) -> Option<Secret> {
        self.0.open(sealed, bound).ok().map(|clear| Secret::new(clear.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_opens_once_made_here_unchanged_and_for_the_same() {
        let (key, other) = (TicketKey::random().unwrap(), TicketKey::random().unwrap());
        let sealed = key.seal(b"7", b"ana").unwrap();
        assert_eq!(key.open(&sealed, b"ana").unwrap().expose(), b"7");
        assert!(key.open(&sealed, b"bo").is_none() && other.open(&sealed, b"ana").is_none());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key.open(&changed, b"ana").is_none(), "{at}");
        }
        assert!(key.open(b"", b"ana").is_none());
    }
}
