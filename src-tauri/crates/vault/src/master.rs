//! The master key and the places it can live in. Each place is chosen by an
//! admin; none is fallen back to.

use std::{
    fmt,
    io::Write as _,
    path::{Path, PathBuf},
    str::FromStr,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use argon2::Argon2;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use keyring_core::api::CredentialStoreApi;
use zeroize::Zeroizing;

use crate::{Secret, VaultError, cipher::Key};

/// How long the keychain may take: a locked one asks the person first.
const KEYCHAIN_PATIENCE: Duration = Duration::from_secs(60);
const KEYCHAIN_SERVICE: &str = "AI Agent Gateway";
/// Name of the credential that systemd hands over (`LoadCredentialEncrypted=`).
const SYSTEMD_CREDENTIAL: &str = "agw-master-key";

/// The root of the key hierarchy. Lives in memory only while it wraps or
/// unwraps data keys.
pub struct MasterKey(Key);

impl MasterKey {
    pub fn generate() -> Result<Self, VaultError> {
        Key::random().map(Self)
    }

    pub(crate) fn key(&self) -> &Key {
        &self.0
    }

    fn encode(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64_STANDARD.encode(self.0.expose()))
    }

    fn decode(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(BASE64_STANDARD.decode(text.trim()).ok()?);
        Key::from_slice(&bytes).map(Self)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// Where the master key lives: `keychain`, `file:PATH`, `passphrase` or
/// `systemd-creds`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MasterKeySource {
    /// The OS keychain: Secret Service, Keychain, Credential Manager.
    Keychain,
    /// A file of mode 0600 with 32 bytes in base64, made if absent.
    File(PathBuf),
    /// Derived from a passphrase with Argon2id; the gateway starts sealed.
    Passphrase,
    /// `$CREDENTIALS_DIRECTORY/agw-master-key`, handed over by systemd.
    SystemdCreds,
}

/// Why the master key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    #[error(
        "{0:?} names no place for the master key; use keychain, file:PATH, passphrase or systemd-creds"
    )]
    UnknownSource(String),
    #[error(
        "there is no OS keychain to talk to ({0}); sign in to the desktop session, or choose another place with --master-key"
    )]
    NoKeychain(String),
    #[error("the OS keychain is locked; unlock it, then unlock the gateway")]
    KeychainLocked,
    #[error("the OS keychain did not answer within {} s; unlock it, then unlock the gateway", KEYCHAIN_PATIENCE.as_secs())]
    KeychainSilent,
    #[error("the OS keychain does not hold this gateway's master key; use the recovery key")]
    KeychainEmpty,
    #[error("the key file {path} cannot be used: {problem}")]
    File { path: PathBuf, problem: String },
    #[error("the master key comes from a passphrase; enter it to unlock the gateway")]
    PassphraseNeeded,
    #[error(
        "systemd handed over no usable credential {SYSTEMD_CREDENTIAL} (32 bytes in base64); add LoadCredentialEncrypted={SYSTEMD_CREDENTIAL} to the unit"
    )]
    NoSystemdCredential,
    #[error("what is stored as the master key is not one (32 bytes in base64)")]
    Malformed,
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl FromStr for MasterKeySource {
    type Err = MasterKeyError;

    fn from_str(text: &str) -> Result<Self, MasterKeyError> {
        match text {
            "keychain" => Ok(Self::Keychain),
            "passphrase" => Ok(Self::Passphrase),
            "systemd-creds" => Ok(Self::SystemdCreds),
            _ => match text.strip_prefix("file:") {
                Some(path) if !path.is_empty() => Ok(Self::File(path.into())),
                _ => Err(MasterKeyError::UnknownSource(text.to_owned())),
            },
        }
    }
}

impl fmt::Display for MasterKeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keychain => f.write_str("keychain"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Passphrase => f.write_str("passphrase"),
            Self::SystemdCreds => f.write_str("systemd-creds"),
        }
    }
}

impl MasterKeySource {
    /// Fetches the existing key. `installation` tells the keys of several
    /// installations apart and salts the passphrase. Blocks for up to a
    /// minute; call it off the async threads.
    pub fn load(
        &self,
        installation: &str,
        passphrase: Option<&Secret>,
    ) -> Result<MasterKey, MasterKeyError> {
        match self {
            Self::Keychain => with_keychain(installation, |entry| match entry.get_password() {
                Ok(text) => {
                    MasterKey::decode(&Zeroizing::new(text)).ok_or(MasterKeyError::Malformed)
                }
                Err(error) => Err(keychain_error(&error)),
            }),
            Self::File(path) => read_file(path),
            Self::Passphrase => from_passphrase(installation, passphrase),
            Self::SystemdCreds => from_systemd(),
        }
    }

    /// Makes a key and leaves it in its place. A file or credential that is
    /// already there is used as it is.
    pub fn create(
        &self,
        installation: &str,
        passphrase: Option<&Secret>,
    ) -> Result<MasterKey, MasterKeyError> {
        match self {
            Self::Keychain => with_keychain(installation, |entry| {
                let key = MasterKey::generate()?;
                entry.set_password(&key.encode()).map_err(|error| keychain_error(&error))?;
                Ok(key)
            }),
            Self::File(path) if !path.exists() => {
                let key = MasterKey::generate()?;
                write_file(path, &key).map_err(|e| MasterKeyError::File {
                    path: path.clone(),
                    problem: unusable(&e),
                })?;
                Ok(key)
            }
            _ => self.load(installation, passphrase),
        }
    }
}

/// Runs `act` on a thread of its own, because a keychain may block on a
/// prompt for as long as it likes.
fn with_keychain(
    installation: &str,
    act: impl FnOnce(&keyring_core::Entry) -> Result<MasterKey, MasterKeyError> + Send + 'static,
) -> Result<MasterKey, MasterKeyError> {
    let installation = installation.to_owned();
    let (answer, answered) = mpsc::channel();
    thread::spawn(move || {
        let result = keychain_store().and_then(|store| {
            let entry = store
                .build(KEYCHAIN_SERVICE, &installation, None)
                .map_err(|error| keychain_error(&error))?;
            act(&entry)
        });
        // Nobody listens any more once the patience is over.
        let _ = answer.send(result);
    });
    answered.recv_timeout(KEYCHAIN_PATIENCE).unwrap_or(Err(MasterKeyError::KeychainSilent))
}

fn keychain_store() -> Result<Arc<dyn CredentialStoreApi>, MasterKeyError> {
    #[cfg(target_os = "linux")]
    let store = zbus_secret_service_keyring_store::Store::new();
    #[cfg(target_os = "macos")]
    let store = apple_native_keyring_store::keychain::Store::new();
    #[cfg(windows)]
    let store = windows_native_keyring_store::Store::new();
    Ok(store.map_err(|error| keychain_error(&error))?)
}

fn keychain_error(error: &keyring_core::Error) -> MasterKeyError {
    match error {
        keyring_core::Error::NoStorageAccess(_) => MasterKeyError::KeychainLocked,
        keyring_core::Error::NoEntry => MasterKeyError::KeychainEmpty,
        other => MasterKeyError::NoKeychain(other.to_string()),
    }
}

fn from_passphrase(
    installation: &str,
    passphrase: Option<&Secret>,
) -> Result<MasterKey, MasterKeyError> {
    let passphrase = passphrase.ok_or(MasterKeyError::PassphraseNeeded)?;
    let mut bytes = Zeroizing::new([0; 32]);
    Argon2::default()
        .hash_password_into(passphrase.expose(), installation.as_bytes(), &mut *bytes)
        .map_err(|_| MasterKeyError::Malformed)?;
    Key::from_slice(&*bytes).map(MasterKey).ok_or(MasterKeyError::Malformed)
}

fn from_systemd() -> Result<MasterKey, MasterKeyError> {
    let dir = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let text = dir.and_then(|dir| std::fs::read_to_string(dir.join(SYSTEMD_CREDENTIAL)).ok());
    text.map(Zeroizing::new)
        .and_then(|text| MasterKey::decode(&text))
        .ok_or(MasterKeyError::NoSystemdCredential)
}

fn read_file(path: &Path) -> Result<MasterKey, MasterKeyError> {
    let failed = |problem: String| MasterKeyError::File { path: path.to_owned(), problem };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(path).map_err(|e| failed(unusable(&e)))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(failed(format!(
                "others can read it (mode {:03o}); run chmod 600 on it",
                mode & 0o777
            )));
        }
    }
    let text =
        std::fs::read_to_string(path).map(Zeroizing::new).map_err(|e| failed(unusable(&e)))?;
    MasterKey::decode(&text).ok_or_else(|| {
        failed("it does not hold 32 bytes in base64; restore it, or use the recovery key".into())
    })
}

fn unusable(error: &std::io::Error) -> String {
    format!("{error}; check it and its folder, or name another file")
}

/// There is a whole key or none, also after a power cut, and never one in the
/// place of another.
fn write_file(path: &Path, key: &MasterKey) -> std::io::Result<()> {
    let mut next = path.as_os_str().to_owned();
    next.push(".new");
    write_new(Path::new(&next), key)?;
    // Unlike renaming, linking replaces nothing.
    let placed = match std::fs::hard_link(&next, path) {
        // Not every file system has links.
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists && !path.exists() => {
            std::fs::rename(&next, path)
        }
        placed => std::fs::remove_file(&next).and(placed),
    };
    placed?;
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        // Without a name of its own it is in the current one.
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn write_new(path: &Path, key: &MasterKey) -> std::io::Result<()> {
    // What a crash left.
    let _ = std::fs::remove_file(path);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(key.encode().as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_round_trip_and_unknown_ones_are_named() {
        for text in ["keychain", "file:/etc/agw/key", "passphrase", "systemd-creds"] {
            assert_eq!(text.parse::<MasterKeySource>().unwrap().to_string(), text);
        }
        for text in ["", "file:", "keyring", "File:/x"] {
            assert!(text.parse::<MasterKeySource>().is_err());
        }
    }

    #[test]
    fn a_key_file_is_made_once_private_and_reused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        let source = MasterKeySource::File(path.clone());
        assert!(source.load("i", None).is_err());
        let made = source.create("i", None).unwrap();
        let again = source.create("i", None).unwrap();
        assert_eq!(made.key().expose(), again.key().expose());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
            assert!(source.load("i", None).unwrap_err().to_string().contains("chmod 600"));
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        std::fs::write(&path, "short").unwrap();
        assert!(source.load("i", None).is_err());
    }

    #[test]
    fn a_passphrase_gives_one_key_per_installation() {
        let key = |installation: &str, text: &str| {
            let source = MasterKeySource::Passphrase;
            *source.load(installation, Some(&Secret::new(text))).unwrap().key().expose()
        };
        assert_eq!(key("installation-a", "open sesame"), key("installation-a", "open sesame"));
        assert_ne!(key("installation-a", "open sesame"), key("installation-b", "open sesame"));
        assert!(matches!(
            MasterKeySource::Passphrase.load("installation-a", None),
            Err(MasterKeyError::PassphraseNeeded)
        ));
    }
}
