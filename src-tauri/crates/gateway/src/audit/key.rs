//! The key that checkpoints are signed with: made when the vault is first
//! open, and sealed in it. Its public half is there for anybody.

use agw_core::log::SigningKey;
use agw_vault::{Own, Secret, Vault, VaultError};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use rusqlite::Connection;

use super::{Kind, Record};
use crate::{
    clock,
    gateway::Gateway,
    store::{StoreError, rows},
};

const PUBLIC: &str = "checkpoint_key";
const SEALED: &str = "checkpoint_key_sealed";

/// Why checkpoints are not signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error("the system's source of randomness failed")]
    Random,
    #[error("the stored checkpoint key is damaged; restore the database from a backup")]
    Damaged,
}

/// What names this trail in its checkpoints.
pub(crate) fn origin(installation: &str) -> String {
    format!("agw.local/{installation}")
}

/// The public key, as a C2SP verifier key.
pub(crate) fn public(db: &Connection) -> Result<Option<String>, StoreError> {
    Ok(rows::meta(db, PUBLIC)?)
}

/// Opens or makes the key, so that checkpoints are signed from now on.
pub(crate) async fn sign(gateway: &Gateway, vault: &Vault) -> Result<(), KeyError> {
    let sealed = gateway.reader.run(|db| Ok(rows::meta(db, SEALED)?)).await?;
    let origin = origin(&gateway.installation);
    let key = match sealed {
        Some(sealed) => {
            let sealed = BASE64_STANDARD.decode(sealed).map_err(|_| KeyError::Damaged)?;
            let seed = vault.open_own(Own::CheckpointKey, &sealed)?;
            key(&origin, &seed)?
        }
        None => {
            let mut seed = zeroize::Zeroizing::new([0; 32]);
            getrandom::fill(&mut *seed).map_err(|_| KeyError::Random)?;
            let seed = Secret::new(seed.as_slice());
            let sealed = BASE64_STANDARD.encode(vault.seal_own(Own::CheckpointKey, &seed)?);
            let key = key(&origin, &seed)?;
            let public = key.verifying().to_string();
            gateway
                .writer
                .change(move |change| {
                    rows::set_meta(change.db, SEALED, &sealed)?;
                    rows::set_meta(change.db, PUBLIC, &public)?;
                    let mut record = Record::new(Kind::Service, clock::now_ms());
                    record.status = Some("checkpoint_key_made");
                    record.detail = Some(public);
                    change.audit(record);
                    Ok::<_, StoreError>(())
                })
                .await?;
            key
        }
    };
    Ok(gateway.writer.sign_with(key)?)
}

fn key(origin: &str, seed: &Secret) -> Result<SigningKey, KeyError> {
    let seed = seed.expose().try_into().map_err(|_| KeyError::Damaged)?;
    SigningKey::from_seed(origin, seed).map_err(|_| KeyError::Damaged)
}
