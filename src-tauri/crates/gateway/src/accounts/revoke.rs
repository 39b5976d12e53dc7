//! Giving tokens back (RFC 7009) that the gateway has forgotten already, so
//! that nobody who has seen them can go on using them.

use std::sync::Arc;

use agw_core::ConnectPermit;

use super::{Account, AccountError, Accounts, reach, token};
use crate::store::snapshot::ConnectionConfig;

impl Accounts {
    /// In the background, once: whether the authorization server can be reached
    /// is of no matter to whoever disconnects an account. The record says what
    /// came of it.
    pub(crate) fn give_back(
        self: &Arc<Self>,
        config: Arc<ConnectionConfig>,
        account: Arc<Account>,
    ) {
        let Some(endpoint) = account.revocation_endpoint.clone() else { return };
        let this = Arc::clone(self);
        tokio::spawn(async move {
            let (status, what) = match this.send_back(&config, &account, &endpoint).await {
                Ok(()) => ("account_revoked", "its tokens were given back".to_owned()),
                Err(error) => ("account_not_revoked", error.to_string()),
            };
            this.note(&config, account.owner, status, &what).await;
        });
    }

    async fn send_back(
        &self,
        config: &ConnectionConfig,
        account: &Account,
        endpoint: &str,
    ) -> Result<(), AccountError> {
        let vault = self.vault.load_full().ok_or(AccountError::Sealed)?;
        let client = self.client_of(&vault, config, account)?;
        let (permit, reach) = (ConnectPermit::new(config.id), reach(config)?);
        // The refresh token first: most servers end all that came of it.
        let refresh = account.refresh.as_ref().map(|sealed| {
            (
                "refresh_token",
                vault.open_to_connect(&permit, &account.refresh_place(config), sealed),
            )
        });
        let access = vault.open_to_connect(&permit, &account.access_place(config), &account.access);
        for (hint, token) in refresh.into_iter().chain([("access_token", access)]) {
            let form = token::Form::of_token(hint, &token?);
            let response = token::send(&self.egress, &reach, endpoint, &client, form).await?;
            let status = response.status();
            // Some take back refresh tokens only (RFC 7009, section 2.2.1).
            let counts = hint == "refresh_token" || account.refresh.is_none();
            if counts && !status.is_success() {
                return Err(token::refused(status.as_u16(), response.body()));
            }
        }
        Ok(())
    }
}
