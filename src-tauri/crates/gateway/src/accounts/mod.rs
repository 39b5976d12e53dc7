//! Signing in to the systems behind the gateway: one account for the team, or
//! one for each person, per connection.
//!
//! A person signs in with a browser ([`flow`], [`pages`]); what they are given
//! goes to the vault and is used from there, for the calls of that person (or
//! of everybody, where it is the team's) and for nothing else. The access token
//! is opened with the permit of the call ([`crate::pipeline::ArmedRequest`]);
//! the vault refuses another person's.
//!
//! ```text
//! call ─► current() ─► renewed if it is due, once for all who wait
//!            │                └─ stored before it is used
//!            └─ nobody connected, or no longer good: the call says where to
//!               sign in (`/accounts/{connection}`); tools stay listed
//! upstream says 401 or 403 ─► refused(): renew, end, or ask for more rights
//! ```

mod challenge;
mod client;
mod discover;
mod error;
mod flow;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod pages;
mod renew;
mod revoke;
mod rows;
mod sign_in;
mod token;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use agw_api::{Role, SignInKind};
use agw_core::{ConnectPermit, ConnectionId, UserId};
use agw_vault::{Secret, Vault};
use arc_swap::ArcSwapOption;

pub(crate) use client::{StoredClient, place_of as client_place};
pub(crate) use error::AccountError;
pub(crate) use pages::router;
pub(crate) use rows::{Account, Owner, load, load_clients, remove, store_client};
pub(crate) use sign_in::SignIn;

use crate::{
    audit::{Kind, Record},
    bounds, clock,
    egress::{Egress, Reach},
    live::Live,
    store::{
        StoreError,
        snapshot::{ConnectionConfig, Snapshot},
        writer::Writer,
    },
    upstream::UpstreamError,
};
use agw_api::Transport;
use challenge::Challenge;
use sign_in::Why;

/// The tokens that are being renewed, by account; with it, when that last
/// failed for want of an answer.
type Flights = HashMap<u64, Arc<tokio::sync::Mutex<Option<Instant>>>>;

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Accounts {
    live: Arc<Live>,
    vault: Arc<ArcSwapOption<Vault>>,
    writer: Writer,
    egress: Egress,
    /// The gateway's own, for links and redirects.
    url: String,
    flights: Mutex<Flights>,
    /// What each connection's server said last about the token it wants.
    challenges: Mutex<HashMap<ConnectionId, Challenge>>,
    flows: flow::Flows,
    registering: tokio::sync::Mutex<()>,
}

impl Accounts {
    pub(crate) fn new(
        live: Arc<Live>,
        vault: Arc<ArcSwapOption<Vault>>,
        writer: Writer,
        egress: Egress,
        url: String,
    ) -> Arc<Self> {
        let (flights, challenges, flows, registering) = Default::default();
        Arc::new(Self { live, vault, writer, egress, url, flights, challenges, flows, registering })
    }

    /// Where people connect their account.
    pub(crate) fn link(&self, config: &ConnectionConfig) -> String {
        format!("{}/accounts/{}", self.url, config.name)
    }

    /// Whose account a call of this user goes with; `None` if with none.
    pub(crate) fn owner_for(config: &ConnectionConfig, user: UserId) -> Option<Owner> {
        config.sign_in.map(|kind| match kind {
            SignInKind::Team => None,
            SignInKind::User => Some(user),
        })
    }

    pub(crate) fn find(&self, config: &ConnectionConfig, owner: Owner) -> Option<Arc<Account>> {
        self.live.snapshot.load().accounts.get(&(config.id, owner)).cloned()
    }

    /// The link to connect the account that calls of this user need, if it is
    /// not, or no longer, connected.
    pub(crate) fn lacking(&self, config: &ConnectionConfig, user: UserId) -> Option<String> {
        let account = self.find(config, Self::owner_for(config, user)?);
        let good = account.is_some_and(|account| account.ended.is_none());
        (!good).then(|| self.link(config))
    }

    /// The account to use now, with a token that is good for a while.
    pub(crate) async fn current(
        self: &Arc<Self>,
        config: &Arc<ConnectionConfig>,
        owner: Owner,
    ) -> Result<Arc<Account>, SignIn> {
        let found = self.find(config, owner);
        let account = found.ok_or_else(|| self.sign_in(config, Why::Never))?;
        if let Some(ended) = &account.ended {
            return Err(self.sign_in(config, Why::Ended(ended.clone())));
        }
        if !account.due(clock::now_ms()) {
            return Ok(account);
        }
        self.renew(config, account).await
    }

    /// The account that a connection's tools are listed with: the team's, or
    /// the one that an admin connected first. Nobody else's: a list is for all.
    pub(crate) fn lister(&self, config: &ConnectionConfig) -> Option<Arc<Account>> {
        let snapshot = self.live.snapshot.load();
        match config.sign_in? {
            SignInKind::Team => snapshot.accounts.get(&(config.id, None)).cloned(),
            SignInKind::User => {
                let of_admin = |account: &&Arc<Account>| {
                    let person = account.owner.and_then(|owner| snapshot.users.get(&owner));
                    account.connection == config.id
                        && account.ended.is_none()
                        && person.is_some_and(|p| p.role == Role::Admin && !p.removed)
                };
                let all = snapshot.accounts.values().filter(of_admin);
                all.min_by_key(|account| (account.connected_at, account.id)).cloned()
            }
        }
    }

    /// The lister's token, for greeting and listing. `None` if a connection
    /// needs no account.
    pub(crate) async fn to_list(
        self: &Arc<Self>,
        config: &Arc<ConnectionConfig>,
    ) -> Result<Option<(Arc<Account>, Secret)>, SignIn> {
        if config.sign_in.is_none() {
            return Ok(None);
        }
        let lister = self.lister(config).ok_or_else(|| self.sign_in(config, Why::Never))?;
        let account = self.current(config, lister.owner).await?;
        let vault = self.vault.load_full().ok_or_else(|| self.sign_in(config, Why::Later))?;
        let permit = ConnectPermit::new(config.id);
        let place = account.access_place(config);
        let token = vault.open_to_connect(&permit, &place, &account.access);
        let token = token.map_err(|_| {
            self.sign_in(config, Why::Ended("its stored token does not open".into()))
        })?;
        Ok(Some((account, token)))
    }

    fn sign_in(&self, config: &ConnectionConfig, why: Why) -> SignIn {
        SignIn {
            connection: config.name.to_string(),
            link: self.link(config),
            kind: config.sign_in.unwrap_or(SignInKind::Team),
            why,
        }
    }

    /// What becomes of an account whose token an upstream refused, and what to
    /// tell the caller. `used` is as it was when it was used.
    pub(crate) async fn refused(
        self: &Arc<Self>,
        config: &Arc<ConnectionConfig>,
        used: Option<&Account>,
        error: UpstreamError,
    ) -> UpstreamError {
        let (status, challenge) = match &error {
            UpstreamError::Unauthorized(status) => (*status, None),
            UpstreamError::Challenged { status, challenge } => {
                (*status, Challenge::parse(challenge))
            }
            _ => return error,
        };
        if let Some(challenge) = &challenge {
            let mut challenges = self.challenges.lock().unwrap_or_else(PoisonError::into_inner);
            challenges.insert(config.id, challenge.clone());
        }
        if config.sign_in.is_none() {
            return error;
        }
        let why = match (used, challenge) {
            (None, _) => Why::Never,
            (Some(used), Some(challenge)) if status == 403 && challenge.wants_more() => {
                self.wants_more(config, used, &challenge).await
            }
            (Some(used), _) if status == 401 => self.stale(config, used).await,
            _ => return error,
        };
        UpstreamError::SignIn(Box::new(self.sign_in(config, why)))
    }

    /// A 401 for a token that there was no reason to renew.
    async fn stale(self: &Arc<Self>, config: &Arc<ConnectionConfig>, used: &Account) -> Why {
        let current = self.find(config, used.owner);
        let Some(account) = current.filter(|account| account.id == used.id) else {
            return Why::Never;
        };
        if let Some(ended) = &account.ended {
            return Why::Ended(ended.clone());
        }
        if account.version != used.version {
            return Why::Renewed;
        }
        let age = clock::now_ms().saturating_sub(account.issued_at);
        let young = i64::try_from(bounds::TOKEN_YOUNG.as_millis()).unwrap_or(0);
        if account.refresh.is_none() || age < young {
            let reason = "the system no longer accepts it";
            self.end(config, &account, reason).await;
            return Why::Ended(reason.into());
        }
        match self.renew_once(config, &account, true).await {
            Ok(_) => Why::Renewed,
            Err(sign_in) => sign_in.why,
        }
    }

    async fn wants_more(
        &self,
        config: &ConnectionConfig,
        used: &Account,
        challenge: &Challenge,
    ) -> Why {
        let has = |scopes: &str, scope: &String| scopes.split(' ').any(|known| known == scope);
        let snapshot = self.live.snapshot.load_full();
        let current = snapshot.accounts.get(&(used.connection, used.owner));
        let Some(account) = current.filter(|account| account.id == used.id) else {
            return Why::Renewed;
        };
        let asked = !account.wanted.is_empty();
        if asked && challenge.scopes.iter().all(|scope| has(&account.wanted, scope)) {
            return Why::More;
        }
        let grows = challenge.scopes.iter().any(|scope| !has(&account.scopes, scope));
        let limit = if grows { bounds::STEP_UPS_MAX } else { bounds::STEP_UPS_SAME };
        let wanted = format!("{} {}", account.wanted, challenge.scopes.join(" "));
        let wanted = challenge::scopes(&wanted).join(" ");
        if wanted.is_empty() {
            return Why::TooOften;
        }
        let (account, now) = (Arc::clone(account), clock::now_ms());
        let what = format!("the system wants more rights: {wanted}");
        let detail = self.detail(config, account.owner, &what);
        let stored = self.writer.change(move |change| {
            let stored = rows::step_up(change.db, &account, (&wanted, limit), now)?;
            if stored {
                change.audit(record("account_wants_more", None, detail));
            }
            Ok::<_, StoreError>(stored)
        });
        match stored.await {
            Ok(true) => Why::More,
            Ok(false) => Why::TooOften,
            Err(_) => Why::Later,
        }
    }

    /// The person has to sign in again; their account stays, so that they are
    /// told why.
    async fn end(&self, config: &ConnectionConfig, account: &Arc<Account>, reason: &str) {
        tracing::warn!(connection = %config.name, reason, "an account has ended");
        let (account, text) = (Arc::clone(account), reason.to_owned());
        let detail = self.detail(config, account.owner, reason);
        let ended = self.writer.change(move |change| {
            if rows::end(change.db, &account, &text)? {
                change.audit(record("account_ended", None, detail));
            }
            Ok::<_, StoreError>(())
        });
        if let Err(error) = ended.await {
            tracing::error!(%error, "the end of an account was not stored");
        }
    }

    async fn note(
        &self,
        config: &ConnectionConfig,
        owner: Owner,
        status: &'static str,
        what: &str,
    ) {
        let detail = self.detail(config, owner, what);
        let noted = self.writer.change(move |change| {
            change.audit(record(status, None, detail));
            Ok::<_, StoreError>(())
        });
        if let Err(error) = noted.await {
            tracing::warn!(%error, "a failed renewal was not recorded");
        }
    }

    /// `gmail, ana's account: what`.
    pub(crate) fn detail(&self, config: &ConnectionConfig, owner: Owner, what: &str) -> String {
        let whose = whose(&self.live.snapshot.load(), owner);
        format!("{}, {whose}: {what}", config.name)
    }
}

fn whose(snapshot: &Snapshot, owner: Owner) -> String {
    match owner {
        None => "the team's account".to_owned(),
        Some(user) => {
            let name = snapshot.users.get(&user).map_or("?", |person| &person.name);
            format!("{name}'s account")
        }
    }
}

fn record(status: &'static str, by: Option<UserId>, detail: String) -> Record {
    let mut record = Record::new(Kind::Config, clock::now_ms());
    record.status = Some(status);
    record.user = by;
    record.detail = Some(detail);
    record
}

/// What may be reached on behalf of a connection.
fn reach(config: &ConnectionConfig) -> Result<Reach, AccountError> {
    Ok(Reach::of(config.name.as_str(), &server_of(config)?))
}

fn server_of(config: &ConnectionConfig) -> Result<http::Uri, AccountError> {
    let Transport::Http { url } = &config.transport else { return Err(AccountError::Gone) };
    url.parse().map_err(|_| AccountError::Gone)
}
