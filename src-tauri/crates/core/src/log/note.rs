//! Checkpoints: signed notes that say how many records there are and what
//! the tree over them is (C2SP `tlog-checkpoint` and `signed-note`).
//!
//! ```text
//! agw/acme-3f9a
//! 1311
//! EliTHtnx44DhEBH+5qIXBtQsSpc54Avam7mIYEvxnTA=
//!
//! — agw/acme-3f9a zxGZFcOra4Y7QpuiQen+CmnUvDZbxSXfBOXJzL+HKIeR9aC58QTfao58ABqkhVyBhQDseS+TZdDNpcnZhoRxkh7IbQ0=
//! ```
//!
//! Witnesses may add lines with signatures of their own. They are left to
//! whoever trusts those witnesses.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
use ed25519_dalek::Signer as _;
use sha2::{Digest as _, Sha256};

use super::tree::Hash;

/// Longest note that is opened, in bytes: some hundred witnesses.
pub const NOTE_MAX: usize = 64 * 1024;
/// The signature type of Ed25519.
const ED25519: u8 = 1;

/// How many records a trail had, and the root of the tree over them. One that
/// comes from [`VerifyingKey::open`] was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Names the trail; also the name of its key.
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

impl Checkpoint {
    /// What is signed.
    fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(self.root))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let root = BASE64.decode(root).ok()?.try_into().ok()?;
        let checkpoint = Self { origin: origin.to_owned(), size: decimal(size)?, root };
        lines.next().is_none().then_some(checkpoint)
    }
}

/// A number without sign or leading zeroes.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let plain = digits && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

/// Why a note was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("it is no signed note")]
    Malformed,
    #[error("it is not signed with this key")]
    OtherKey,
    #[error("its signature does not verify")]
    Forged,
    #[error("it is signed but is no checkpoint: origin, size and root, one line each")]
    NoCheckpoint,
    #[error("it is the checkpoint of another trail")]
    OtherOrigin,
}

/// A text that is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error(
        "a key needs a name of at least one character, without spaces, plus signs and control characters"
    )]
    Name,
    #[error("not a verifier key: one looks like name+0123abcd+AbfK5a…=, with an Ed25519 key")]
    Form,
    #[error("a verifier key whose hash does not fit its name and key: it was not copied whole")]
    Hash,
}

fn is_name(name: &str) -> bool {
    let allowed = |c: char| !c.is_whitespace() && !c.is_ascii_control() && c != '+';
    !name.is_empty() && name.chars().all(allowed)
}

/// Says who signed, within one note. No secret and no strong hash.
fn key_hash(name: &str, public: &[u8; 32]) -> [u8; 4] {
    let hash = Sha256::new().chain_update(name).chain_update([b'\n', ED25519]);
    let hash: Hash = hash.chain_update(public).finalize().into();
    hash.first_chunk().copied().unwrap_or_default()
}

/// Signs checkpoints. Overwritten when dropped.
pub struct SigningKey {
    name: String,
    key: ed25519_dalek::SigningKey,
}

impl SigningKey {
    /// `seed` must be random; it is the whole secret (RFC 8032, 5.1.5).
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        is_name(name).then(|| Self { name: name.to_owned(), key }).ok_or(KeyError::Name)
    }

    /// The note that says so.
    pub fn sign(&self, size: u64, root: &Hash) -> String {
        let checkpoint = Checkpoint { origin: self.name.clone(), size, root: *root };
        self.sign_text(&checkpoint.text())
    }

    fn sign_text(&self, text: &str) -> String {
        let hash = key_hash(&self.name, self.key.verifying_key().as_bytes());
        let signature = self.key.sign(text.as_bytes()).to_bytes();
        let signature = BASE64.encode([&hash[..], &signature].concat());
        format!("{text}\n— {} {signature}\n", self.name)
    }

    pub fn verifying(&self) -> VerifyingKey {
        VerifyingKey { name: self.name.clone(), key: self.key.verifying_key() }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({:?}, …)", self.name)
    }
}

/// Checks checkpoints. As text it is a "vkey", `name+hash+key`:
///
/// ```
/// use agw_core::log::VerifyingKey;
/// let text = "log2025-1.rekor.sigstore.dev+cf119915+AbfK5adZJxsI323FwGD2AJJ9F4i89cfDuLdGJBIYntuO";
/// let key: VerifyingKey = text.parse()?;
/// assert_eq!((key.name(), key.to_string().as_str()), ("log2025-1.rekor.sigstore.dev", text));
/// # Ok::<(), agw_core::log::KeyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    name: String,
    key: ed25519_dalek::VerifyingKey,
}

impl VerifyingKey {
    /// Also the origin of the trail.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the note says, if this key signed it and it is well-formed to the
    /// byte. Signatures of other keys are not looked at.
    pub fn open(&self, note: &str) -> Result<Checkpoint, NoteError> {
        let text = self.signed_text(note)?;
        let checkpoint = Checkpoint::parse(text).ok_or(NoteError::NoCheckpoint)?;
        if checkpoint.origin != self.name {
            return Err(NoteError::OtherOrigin);
        }
        Ok(checkpoint)
    }

    fn signed_text<'n>(&self, note: &'n str) -> Result<&'n str, NoteError> {
        let control = note.bytes().any(|b| b < b' ' && b != b'\n');
        if control || note.len() > NOTE_MAX {
            return Err(NoteError::Malformed);
        }
        let end = note.rfind("\n\n").ok_or(NoteError::Malformed)? + 1;
        let (text, rest) = note.split_at(end);
        let lines = rest.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n'));
        let hash = key_hash(&self.name, self.key.as_bytes());
        let mut signed = false;
        for line in lines.ok_or(NoteError::Malformed)?.split('\n') {
            let (name, signature) = signature_line(line).ok_or(NoteError::Malformed)?;
            if name != self.name {
                continue;
            }
            if let Some(signature) = signature.strip_prefix(&hash) {
                self.verify(text, signature).ok_or(NoteError::Forged)?;
                signed = true;
            }
        }
        if signed { Ok(text) } else { Err(NoteError::OtherKey) }
    }

    fn verify(&self, text: &str, signature: &[u8]) -> Option<()> {
        let signature = ed25519_dalek::Signature::from_slice(signature).ok()?;
        self.key.verify_strict(text.as_bytes(), &signature).ok()
    }
}

/// Name of the key, and its hash followed by the signature.
fn signature_line(line: &str) -> Option<(&str, Vec<u8>)> {
    const HASH: usize = 4;
    let (name, signature) = line.strip_prefix("— ")?.split_once(' ')?;
    let signature = BASE64.decode(signature).ok()?;
    (is_name(name) && signature.len() > HASH).then_some((name, signature))
}

impl FromStr for VerifyingKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let parts: Vec<&str> = text.splitn(3, '+').collect();
        let [name, hash, key] = parts.as_slice() else { return Err(KeyError::Form) };
        if !is_name(name) {
            return Err(KeyError::Name);
        }
        let key = BASE64.decode(key).map_err(|_| KeyError::Form)?;
        let [ED25519, key @ ..] = key.as_slice() else { return Err(KeyError::Form) };
        let key: &[u8; 32] = key.try_into().map_err(|_| KeyError::Form)?;
        if hex(&key_hash(name, key)) != *hash {
            return Err(KeyError::Hash);
        }
        let key = ed25519_dalek::VerifyingKey::from_bytes(key).map_err(|_| KeyError::Form)?;
        // RFC 8032, 5.1.3: one point is written in one way. And of those of
        // small order no signature says anything.
        if key.to_edwards().compress().as_bytes() != key.as_bytes() || key.is_weak() {
            return Err(KeyError::Form);
        }
        Ok(Self { name: (*name).to_owned(), key })
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = hex(&key_hash(&self.name, self.key.as_bytes()));
        let key = BASE64.encode([&[ED25519], self.key.as_bytes().as_slice()].concat());
        write!(f, "{}+{hash}+{key}", self.name)
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
