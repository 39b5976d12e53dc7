//! Renewing an account: once for all who wait, and stored before it is used.

use std::{
    sync::{Arc, PoisonError},
    time::Instant,
};

use agw_core::ConnectPermit;
use agw_vault::Vault;

use super::{Account, AccountError, Accounts, SignIn, reach, record, rows, sign_in::Why, token};
use crate::{
    bounds, clock,
    store::{StoreError, snapshot::ConnectionConfig},
};
use token::Form;

impl Accounts {
    pub(super) async fn renew(
        self: &Arc<Self>,
        config: &Arc<ConnectionConfig>,
        account: Arc<Account>,
    ) -> Result<Arc<Account>, SignIn> {
        let now = clock::now_ms();
        if account.refresh.is_some() {
            return self.renew_once(config, &account, account.expired(now)).await;
        }
        if !account.expired(now) {
            return Ok(account);
        }
        let reason = "it has expired and cannot be renewed";
        self.end(config, &account, reason).await;
        Err(self.sign_in(config, Why::Ended(reason.into())))
    }

    /// Renews an account once for all who ask, in a task of its own: a caller
    /// that goes away must not take a new token with it. `must` if the token so
    /// far is of no use.
    pub(super) async fn renew_once(
        self: &Arc<Self>,
        config: &Arc<ConnectionConfig>,
        account: &Arc<Account>,
        must: bool,
    ) -> Result<Arc<Account>, SignIn> {
        let (this, config, account) = (Arc::clone(self), Arc::clone(config), Arc::clone(account));
        let later = self.sign_in(&config, Why::Later);
        let task = tokio::spawn(async move {
            let renewed = this.renew_in_turn(&config, &account, must).await;
            renewed.map_err(|why| this.sign_in(&config, why))
        });
        task.await.unwrap_or(Err(later))
    }

    async fn renew_in_turn(
        self: &Arc<Self>,
        config: &Arc<ConnectionConfig>,
        seen: &Arc<Account>,
        must: bool,
    ) -> Result<Arc<Account>, Why> {
        let flight = self.flight(seen.id);
        let mut failed = flight.lock().await;
        let current = self.find(config, seen.owner).filter(|account| account.id == seen.id);
        let account = current.ok_or(Why::Never)?;
        if let Some(ended) = &account.ended {
            return Err(Why::Ended(ended.clone()));
        }
        if account.version != seen.version {
            return Ok(account);
        }
        let for_now = |account| if must { Err(Why::Later) } else { Ok(account) };
        if failed.is_some_and(|at| at.elapsed() < bounds::RENEW_AGAIN) {
            return for_now(account);
        }
        match self.fetch(config, &account).await {
            Ok(renewed) => {
                *failed = None;
                Ok(renewed)
            }
            // The authorization server has spoken: it is over.
            Err(AccountError::Refused(code)) if code != "temporarily_unavailable" => {
                let reason = format!("the authorization server no longer renews it ({code})");
                self.end(config, &account, &reason).await;
                Err(Why::Ended(reason))
            }
            Err(AccountError::OtherClient(_)) => {
                let reason = "the gateway is registered anew with the authorization server";
                self.end(config, &account, reason).await;
                Err(Why::Ended(reason.into()))
            }
            Err(error) => {
                *failed = Some(Instant::now());
                tracing::warn!(connection = %config.name, %error, "an account was not renewed");
                self.note(config, account.owner, "account_not_renewed", &error.to_string()).await;
                for_now(account)
            }
        }
    }

    /// One turn after the other, for each account.
    fn flight(&self, account: u64) -> Arc<tokio::sync::Mutex<Option<Instant>>> {
        let snapshot = self.live.snapshot.load();
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if !flights.contains_key(&account) {
            flights.retain(|id, _| snapshot.accounts.values().any(|account| account.id == *id));
        }
        Arc::clone(flights.entry(account).or_default())
    }

    /// Who the gateway is to the account's authorization server.
    pub(super) fn client_of(
        &self,
        vault: &Vault,
        config: &ConnectionConfig,
        account: &Account,
    ) -> Result<token::Client, AccountError> {
        let snapshot = self.live.snapshot.load();
        let stored = snapshot.clients.get(&config.id).ok_or(AccountError::Gone)?;
        if stored.bound_to().is_some_and(|issuer| issuer != account.issuer) {
            return Err(AccountError::OtherClient(account.issuer.clone()));
        }
        stored.open(vault, config, None)
    }

    /// A new token from the authorization server, stored before anybody uses it:
    /// the one before may be good for nothing by now.
    async fn fetch(
        &self,
        config: &Arc<ConnectionConfig>,
        account: &Arc<Account>,
    ) -> Result<Arc<Account>, AccountError> {
        let vault = self.vault.load_full().ok_or(AccountError::Sealed)?;
        let client = self.client_of(&vault, config, account)?;
        let permit = ConnectPermit::new(config.id);
        let sealed = account.refresh.as_ref().ok_or(AccountError::Gone)?;
        let refresh = vault.open_to_connect(&permit, &account.refresh_place(config), sealed)?;
        let form = Form::new("refresh_token", &account.resource);
        let form = form.with_secret("refresh_token", &refresh);
        let reach = reach(config)?;
        let tokens =
            token::ask(&self.egress, &reach, &account.token_endpoint, &client, form).await?;
        let now = clock::now_ms();
        let place = (account.owner, account.version + 1);
        let sealed = rows::seal(&vault, config, place, &tokens, Some(&refresh), now)?;
        let renewed = Arc::clone(account);
        let detail = self.detail(config, account.owner, "renewed");
        let stored = self.writer.change(move |change| {
            let stored = rows::renew(change.db, &renewed, &sealed, now)?;
            if stored {
                change.audit(record("account_renewed", None, detail));
            }
            Ok::<_, StoreError>(stored)
        });
        if !stored.await? {
            return Err(AccountError::Gone);
        }
        self.find(config, account.owner).ok_or(AccountError::Gone)
    }
}
