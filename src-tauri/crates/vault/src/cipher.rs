//! AES-256-GCM with random nonces, and the derivation of single-purpose keys.

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::VaultError;

const NONCE: usize = 12;

/// A 256-bit key. Overwritten when dropped.
pub(crate) struct Key(Zeroizing<[u8; 32]>);

impl Key {
    pub(crate) fn random() -> Result<Self, VaultError> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *bytes).map_err(|_| VaultError::Random)?;
        Ok(Self(bytes))
    }

    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        <[u8; 32]>::try_from(bytes).ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// HKDF-SHA256 (RFC 5869); `purpose` keeps derived keys apart.
    pub(crate) fn derive(&self, purpose: &[u8]) -> Result<Self, VaultError> {
        let mut bytes = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(None, &*self.0)
            .expand(purpose, &mut *bytes)
            .map_err(|_| VaultError::Damaged)?;
        Ok(Self(bytes))
    }

    /// `nonce ‖ ciphertext ‖ tag`.
    pub(crate) fn seal(&self, clear: &[u8], associated: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| VaultError::Random)?;
        let payload = Payload { msg: clear, aad: associated };
        let sealed =
            self.aead().encrypt(&nonce.into(), payload).map_err(|_| VaultError::Damaged)?;
        Ok([&nonce[..], &sealed].concat())
    }

    pub(crate) fn open(
        &self,
        sealed: &[u8],
        associated: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let (nonce, msg) = sealed.split_first_chunk::<NONCE>().ok_or(VaultError::Damaged)?;
        let payload = Payload { msg, aad: associated };
        let clear = self.aead().decrypt(&(*nonce).into(), payload);
        clear.map(Zeroizing::new).map_err(|_| VaultError::Damaged)
    }

    fn aead(&self) -> Aes256Gcm {
        Aes256Gcm::new(&(*self.0).into())
    }
}
