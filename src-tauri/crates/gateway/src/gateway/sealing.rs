//! Opening the vault, and where the master key is.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use agw_core::UserId;
use agw_vault::{MasterKeyError, MasterKeySource, Secret, Vault, WrappedDataKey};
use rusqlite::OptionalExtension as _;

use super::{Gateway, ServeError, ServeOptions};
use crate::{
    audit,
    store::{StoreError, rows},
};

/// How long the start waits for the master key before it goes on sealed.
const UNSEAL_AT_START: Duration = Duration::from_secs(5);

impl Gateway {
    /// Opens the vault if the gateway is set up; waits a little, because a
    /// keychain may ask the person first.
    pub(crate) async fn unseal_at_start(self: &Arc<Self>, passphrase: Option<Secret>) {
        if !self.live.snapshot.load().set_up {
            return;
        }
        let this = Arc::clone(self);
        let unseal = tokio::spawn(async move {
            if let Err(error) = this.unseal(passphrase, None).await {
                tracing::warn!(%error, "sealed: agents are refused until it is unlocked");
            }
        });
        // It goes on in the background when it takes longer.
        let _ = tokio::time::timeout(UNSEAL_AT_START, unseal).await;
    }

    /// Fetches the master key and opens the vault.
    pub(crate) async fn unseal(
        &self,
        passphrase: Option<Secret>,
        by: Option<UserId>,
    ) -> Result<(), UnsealError> {
        let result = self.open_vault(passphrase).await;
        match &result {
            Ok(()) => {
                *self.sealed_reason.lock().unwrap_or_else(PoisonError::into_inner) = None;
                self.service_record("unsealed", by, format!("with {}", self.master_key)).await?;
            }
            Err(error) if self.vault.load().is_none() => {
                let reason = error.to_string();
                *self.sealed_reason.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
                self.service_record("sealed", by, error.to_string()).await?;
            }
            Err(_) => {}
        }
        result
    }

    async fn open_vault(&self, passphrase: Option<Secret>) -> Result<(), UnsealError> {
        let wrapped = self.wrapped_data_key().await?;
        let (source, installation) = (self.master_key.clone(), self.installation.clone());
        let load = move || {
            let master = source.load(&installation, passphrase.as_ref())?;
            Ok::<_, MasterKeyError>(Vault::open(&master, &wrapped)?)
        };
        let vault = tokio::task::spawn_blocking(load).await.map_err(|_| UnsealError::Task)??;
        self.opened(vault).await;
        Ok(())
    }

    pub(crate) async fn wrapped_data_key(&self) -> Result<WrappedDataKey, StoreError> {
        self.reader
            .run(|db| {
                let sql = "SELECT generation, by_master, by_recovery FROM data_keys ORDER BY generation DESC LIMIT 1";
                db.query_row(sql, [], |row| {
                    Ok(WrappedDataKey {
                        generation: row.get(0)?,
                        by_master: row.get(1)?,
                        by_recovery: row.get(2)?,
                    })
                })
                .optional()?
                .ok_or_else(|| StoreError::Damaged("there is no data key".into()))
            })
            .await
    }

    /// The vault is open: from now on checkpoints are signed.
    pub(crate) async fn opened(&self, vault: Vault) {
        let vault = Arc::new(vault);
        self.vault.store(Some(Arc::clone(&vault)));
        if let Err(error) = audit::key::sign(self, &vault).await {
            tracing::error!(%error, "checkpoints of the audit trail are not signed");
        }
    }

    pub(crate) fn sealed_reason(&self) -> Option<String> {
        self.sealed_reason.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Why the vault stays closed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnsealError {
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the key could not be fetched")]
    Task,
}

/// Where the master key lives is decided once, at set-up.
pub(super) fn choose_master_key(
    db: &rusqlite::Connection,
    options: &ServeOptions,
) -> Result<MasterKeySource, ServeError> {
    let stored: Option<MasterKeySource> =
        match rows::meta(db, rows::MASTER_KEY).map_err(StoreError::from)? {
            None => None,
            Some(text) => Some(text.parse()?),
        };
    match (stored, options.master_key.clone()) {
        (Some(stored), Some(given)) if stored != given => {
            Err(ServeError::OtherMasterKey { stored, given })
        }
        (Some(stored), _) => Ok(stored),
        (None, Some(given)) => Ok(given),
        (None, None) => Ok(MasterKeySource::Keychain),
    }
}
