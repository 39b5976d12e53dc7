//! A value that must not leak by accident.

use std::fmt;

use zeroize::Zeroizing;

/// Secret bytes: overwritten when dropped; no `Clone`, `Deref`, `Serialize`
/// or printing `Debug`. Whoever needs the value says [`Secret::expose`].
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
