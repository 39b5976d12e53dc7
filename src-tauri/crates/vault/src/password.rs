//! Passwords of people: Argon2id, with the parameters in the stored string
//! (PHC format), so that they can be raised later.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc},
};

use crate::Secret;

/// A stored password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// Why a password was not hashed.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error("the system's source of randomness failed")]
    Random,
    #[error("the password could not be hashed: {0}")]
    Hash(String),
}

impl PasswordHash {
    /// Takes tens of milliseconds and 19 MiB on purpose; call it off the
    /// async threads. Parameters: OWASP's first choice for Argon2id
    /// (m = 19 MiB, t = 2, p = 1), the crate's default.
    pub fn new(password: &Secret) -> Result<Self, PasswordError> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(|_| PasswordError::Random)?;
        Argon2::default()
            .hash_password_with_salt(password.expose(), &salt)
            .map(|hash| Self(hash.to_string()))
            .map_err(|e| PasswordError::Hash(e.to_string()))
    }

    /// A hash read back from the database.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `password` is the one; a damaged hash matches nothing.
    pub fn matches(&self, password: &Secret) -> bool {
        phc::PasswordHash::new(&self.0)
            .is_ok_and(|hash| Argon2::default().verify_password(password.expose(), &hash).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_matches() {
        let hash = PasswordHash::new(&Secret::new("correct horse")).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$"));
        assert!(hash.matches(&Secret::new("correct horse")));
        assert!(!hash.matches(&Secret::new("correct horse ")));
        assert!(!PasswordHash::from_stored("rubbish".into()).matches(&Secret::new("")));
    }
}
