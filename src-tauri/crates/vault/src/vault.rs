//! Sealing and opening credentials.

use agw_core::{ConnectPermit, ConnectionId, ConnectionName, Permit, UserId};

use crate::{MasterKey, RecoveryKey, Secret, cipher::Key};

/// First byte of a sealed value, so that the form can change.
const FORMAT: u8 = 1;
const BY_MASTER: &[u8] = b"agw data key, wrapped by the master key, v1";
const BY_RECOVERY: &[u8] = b"agw data key, wrapped by the recovery key, v1";

/// Why the vault did not do as asked. None of these carries key material.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("the system's source of randomness failed")]
    Random,
    #[error(
        "a sealed value does not open: it was changed, moved, or sealed with another key; restore the database from a backup or enter the credential again"
    )]
    Damaged,
    #[error(
        "the master key does not fit this vault; use the one it was made with, or recover with the recovery key"
    )]
    WrongMasterKey,
    #[error("the recovery key does not fit this vault; check that it belongs to this installation")]
    WrongRecoveryKey,
    #[error("the permit is for another connection, or for another person's call")]
    WrongPermit,
}

/// Where a credential lives. All of it is authenticated with the value.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub connection: ConnectionId,
    pub connection_name: &'a ConnectionName,
    /// Whose it is; `None`: the team's.
    pub owner: Option<UserId>,
    /// Name of the environment variable or header, or what an account keeps.
    pub credential: &'a str,
    /// Counts up with each new value.
    pub version: u64,
}

impl Place<'_> {
    fn associated(&self) -> Vec<u8> {
        // The free text comes last, so no two places read the same.
        let Self { connection, owner, credential, version, .. } = self;
        let owner = owner.map_or_else(|| "team".to_owned(), |user| user.to_string());
        let connection = connection.get();
        format!("agw.v1|credentials|{connection}|value|{owner}|{version}|{credential}").into()
    }
}

/// What the gateway keeps sealed for itself; no call is given it.
#[derive(Debug, Clone, Copy)]
pub enum Own<'a> {
    /// The seed of the key that checkpoints are signed with.
    CheckpointKey,
    /// The key of the authority that signs the certificate of the shared address.
    AuthorityKey,
    /// What a record of the trail keeps: `arguments` or `result` of a call.
    Body { call: &'a str, what: &'a str },
}

impl Own<'_> {
    fn associated(self) -> Vec<u8> {
        match self {
            Self::CheckpointKey => "agw.v1|own|checkpoint_key".into(),
            Self::AuthorityKey => "agw.v1|own|authority_key".into(),
            Self::Body { call, what } => format!("agw.v1|audit_bodies|{what}|{call}").into(),
        }
    }
}

/// A data key as the database holds it.
#[derive(Debug, Clone)]
pub struct WrappedDataKey {
    pub generation: u32,
    pub by_master: Vec<u8>,
    pub by_recovery: Vec<u8>,
}

/// The open vault. What is not open is not there: a sealed gateway has none.
pub struct Vault {
    generation: u32,
    data_key: Key,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("generation", &self.generation).finish_non_exhaustive()
    }
}

impl Vault {
    /// A new vault with its first data key.
    pub fn create(
        master: &MasterKey,
        recovery: &RecoveryKey,
    ) -> Result<(Self, WrappedDataKey), VaultError> {
        let vault = Self { generation: 1, data_key: Key::random()? };
        let wrapped = WrappedDataKey {
            generation: vault.generation,
            by_master: vault.wrapped_by(master.key(), BY_MASTER)?,
            by_recovery: vault.wrapped_by(&recovery.0, BY_RECOVERY)?,
        };
        Ok((vault, wrapped))
    }

    pub fn open(master: &MasterKey, wrapped: &WrappedDataKey) -> Result<Self, VaultError> {
        Self::unwrap_key(master.key(), BY_MASTER, wrapped.generation, &wrapped.by_master)
            .ok_or(VaultError::WrongMasterKey)
    }

    pub fn recover(recovery: &RecoveryKey, wrapped: &WrappedDataKey) -> Result<Self, VaultError> {
        Self::unwrap_key(&recovery.0, BY_RECOVERY, wrapped.generation, &wrapped.by_recovery)
            .ok_or(VaultError::WrongRecoveryKey)
    }

    /// The data key for another master key: the new `by_master`.
    pub fn rewrap(&self, master: &MasterKey) -> Result<Vec<u8>, VaultError> {
        self.wrapped_by(master.key(), BY_MASTER)
    }

    /// The data key for another recovery key: the new `by_recovery`. The one
    /// before it opens nothing then.
    pub fn rewrap_recovery(&self, recovery: &RecoveryKey) -> Result<Vec<u8>, VaultError> {
        self.wrapped_by(&recovery.0, BY_RECOVERY)
    }

    /// Of the data key.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    fn wrapped_by(&self, key: &Key, purpose: &[u8]) -> Result<Vec<u8>, VaultError> {
        key.derive(purpose)?.seal(self.data_key.expose(), &self.generation.to_be_bytes())
    }

    fn unwrap_key(key: &Key, purpose: &[u8], generation: u32, wrapped: &[u8]) -> Option<Self> {
        let clear = key.derive(purpose).ok()?.open(wrapped, &generation.to_be_bytes()).ok()?;
        Some(Self { generation, data_key: Key::from_slice(&clear)? })
    }

    /// `format ‖ generation ‖ nonce ‖ ciphertext ‖ tag`.
    pub fn seal(&self, place: &Place<'_>, secret: &Secret) -> Result<Vec<u8>, VaultError> {
        self.seal_for(&place.associated(), secret)
    }

    /// Opens a credential for one decided call to its connection.
    pub fn open_for_call(
        &self,
        permit: &Permit,
        place: &Place<'_>,
        sealed: &[u8],
    ) -> Result<Secret, VaultError> {
        let anothers = place.owner.is_some_and(|owner| owner != permit.user());
        if permit.tool().connection() != place.connection_name || anothers {
            return Err(VaultError::WrongPermit);
        }
        self.open_at(place, sealed)
    }

    /// Opens a credential to start its connection.
    pub fn open_to_connect(
        &self,
        permit: &ConnectPermit,
        place: &Place<'_>,
        sealed: &[u8],
    ) -> Result<Secret, VaultError> {
        if permit.connection() != place.connection {
            return Err(VaultError::WrongPermit);
        }
        self.open_at(place, sealed)
    }

    /// Seals what is the gateway's own.
    pub fn seal_own(&self, own: Own<'_>, clear: &Secret) -> Result<Vec<u8>, VaultError> {
        self.seal_for(&own.associated(), clear)
    }

    /// Opens what [`seal_own`](Self::seal_own) sealed.
    pub fn open_own(&self, own: Own<'_>, sealed: &[u8]) -> Result<Secret, VaultError> {
        self.open_for(&own.associated(), sealed)
    }

    fn open_at(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Secret, VaultError> {
        self.open_for(&place.associated(), sealed)
    }

    fn seal_for(&self, associated: &[u8], secret: &Secret) -> Result<Vec<u8>, VaultError> {
        let sealed = self.data_key.derive(associated)?.seal(secret.expose(), associated)?;
        let mut out = vec![FORMAT];
        out.extend_from_slice(&self.generation.to_be_bytes());
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    fn open_for(&self, associated: &[u8], sealed: &[u8]) -> Result<Secret, VaultError> {
        let (&[FORMAT, g1, g2, g3, g4], body) =
            sealed.split_first_chunk::<5>().ok_or(VaultError::Damaged)?
        else {
            return Err(VaultError::Damaged);
        };
        if u32::from_be_bytes([g1, g2, g3, g4]) != self.generation {
            return Err(VaultError::Damaged);
        }
        let clear = self.data_key.derive(associated)?.open(body, associated)?;
        Ok(Secret::new(clear.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use agw_core::*;

    use super::*;

    fn fixture() -> (Vault, MasterKey, RecoveryKey, WrappedDataKey) {
        let master = MasterKey::generate().unwrap();
        let recovery = RecoveryKey::generate().unwrap();
        let (vault, wrapped) = Vault::create(&master, &recovery).unwrap();
        (vault, master, recovery, wrapped)
    }

    fn permit(tool: &str) -> Permit {
        let user = UserId::new(1);
        let all = Grant {
            id: GrantId::new(1),
            subject: Subject::User(user),
            tool: ToolPattern::Any(None),
            effect: Effect::Allow,
            condition: None,
            expires_at: None,
            rate: None,
            version: 1,
        };
        let map = PermissionMap::build(1, [all], []);
        let facts = std::sync::Arc::default();
        let caller = Caller { user, teams: [].into(), agent: None, facts };
        let digest = json::parse(b"{}").unwrap().digest().unwrap();
        let call = Call { tool: &tool.parse().unwrap(), arguments: Some(b"{}"), now: 0 };
        match decide(&map, &caller, &call, digest) {
            Decision::Allow(permit) => permit,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn opens_only_in_its_place_for_its_permit() {
        let (vault, ..) = fixture();
        let [gmail, crm] = ["gmail", "crm"].map(|n| n.parse::<ConnectionName>().unwrap());
        let place = |connection, credential, version| Place {
            connection: ConnectionId::new(connection),
            connection_name: if connection == 1 { &gmail } else { &crm },
            owner: None,
            credential,
            version,
        };
        let here = place(1, "Authorization", 1);
        let sealed = vault.seal(&here, &Secret::new("Bearer x")).unwrap();
        assert!(!sealed.windows(6).any(|w| w == b"Bearer"));
        let opened = vault.open_for_call(&permit("gmail.send"), &here, &sealed).unwrap();
        assert_eq!(opened.expose(), b"Bearer x");
        assert!(matches!(
            vault.open_for_call(&permit("crm.read"), &here, &sealed),
            Err(VaultError::WrongPermit)
        ));
        let errand = ConnectPermit::new(ConnectionId::new(1));
        assert!(vault.open_to_connect(&errand, &here, &sealed).is_ok());
        for elsewhere in [place(1, "Authorization", 2), place(1, "X-Key", 1)] {
            assert!(matches!(
                vault.open_to_connect(&errand, &elsewhere, &sealed),
                Err(VaultError::Damaged)
            ));
        }
        let other = ConnectPermit::new(ConnectionId::new(2));
        assert!(matches!(
            vault.open_to_connect(&other, &here, &sealed),
            Err(VaultError::WrongPermit)
        ));
        assert!(vault.open_to_connect(&other, &place(2, "Authorization", 1), &sealed).is_err());
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            assert!(vault.open_to_connect(&errand, &here, &bad).is_err(), "byte {at}");
        }
    }

    #[test]
    fn what_is_one_persons_opens_for_no_other_persons_call() {
        let (vault, ..) = fixture();
        let gmail = "gmail".parse().unwrap();
        let place = |owner: Option<u64>| Place {
            connection: ConnectionId::new(1),
            connection_name: &gmail,
            owner: owner.map(UserId::new),
            credential: "access token",
            version: 1,
        };
        // The permit is user 1's.
        let permit = permit("gmail.send");
        let own = vault.seal(&place(Some(1)), &Secret::new("own")).unwrap();
        assert!(vault.open_for_call(&permit, &place(Some(1)), &own).is_ok());
        let anothers = vault.seal(&place(Some(2)), &Secret::new("another's")).unwrap();
        let refused = vault.open_for_call(&permit, &place(Some(2)), &anothers);
        assert!(matches!(refused, Err(VaultError::WrongPermit)));
        // Nor does it open in the place of one's own, or of the team's.
        for place in [place(Some(1)), place(None)] {
            assert!(matches!(
                vault.open_for_call(&permit, &place, &anothers),
                Err(VaultError::Damaged)
            ));
        }
    }

    #[test]
    fn the_right_master_or_recovery_key_opens_it_and_no_other() {
        let (vault, master, recovery, mut wrapped) = fixture();
        let place = Place {
            connection: ConnectionId::new(1),
            connection_name: &"gmail".parse().unwrap(),
            owner: None,
            credential: "KEY",
            version: 1,
        };
        let sealed = vault.seal(&place, &Secret::new("s3cret")).unwrap();
        let reads = |vault: &Vault| {
            let errand = ConnectPermit::new(ConnectionId::new(1));
            vault.open_to_connect(&errand, &place, &sealed).unwrap().expose() == b"s3cret"
        };
        assert!(reads(&Vault::open(&master, &wrapped).unwrap()));
        let other = MasterKey::generate().unwrap();
        assert!(matches!(Vault::open(&other, &wrapped), Err(VaultError::WrongMasterKey)));
        assert!(matches!(
            Vault::recover(&RecoveryKey::generate().unwrap(), &wrapped),
            Err(VaultError::WrongRecoveryKey)
        ));
        let recovered = Vault::recover(&recovery, &wrapped).unwrap();
        wrapped.by_master = recovered.rewrap(&other).unwrap();
        assert!(reads(&Vault::open(&other, &wrapped).unwrap()));
        assert!(Vault::open(&master, &wrapped).is_err());
    }
}
