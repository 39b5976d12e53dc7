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
mod flow;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod pages;
mod revoke;
mod rows;
mod token;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use agw_api::{Role, SignInKind};
use agw_core::{ConnectPermit, ConnectionId, UserId};
use agw_vault::{Secret, Vault, VaultError};
use arc_swap::ArcSwapOption;

pub(crate) use client::{StoredClient, place_of as client_place};
pub(crate) use pages::router;
pub(crate) use rows::{Account, Owner, load, load_clients, remove, store_client};

use crate::{
    audit::{Kind, Record},
    bounds, clock,
    egress::{Egress, EgressError, Reach},
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
use token::Form;

/// Why a sign-in, or a renewal, did not come about. For people; nothing in it
/// was sent or received as a secret.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum AccountError {
    #[error(transparent)]
    Egress(#[from] EgressError),
    #[error("{0} has no metadata, though the server points there")]
    NoMetadata(String),
    #[error("the server's metadata is about another one: {0}")]
    OtherResource(String),
    #[error("{0} says nothing about how to sign in there")]
    NoServer(String),
    #[error("the metadata of {asked} are those of another server: {said}")]
    OtherIssuer { asked: String, said: String },
    #[error("{0} does not offer PKCE with S256, without which signing in is not safe")]
    NoPkce(String),
    #[error("{what} is unusable: {cause}")]
    Malformed { what: String, cause: String },
    #[error("{what} answered with HTTP {status}")]
    Status { what: String, status: u16 },
    #[error("the authorization server refused: {0}")]
    Refused(String),
    #[error(
        "the authorization server registers no client for this gateway ({0}); an admin can register one there and give it with --client-id"
    )]
    NotRegistered(String),
    #[error(
        "the authorization server wants a client that is registered with it{}; an admin registers one there and adds the connection with --client-id",
        if *.by_url { ", or one known by a public URL" } else { "" }
    )]
    NoClient { by_url: bool },
    #[error(
        "the client id was given for another authorization server: {0}; add the connection anew with one for this server"
    )]
    OtherClient(String),
    #[error("the authorization server wants a way of client authentication that is not supported")]
    NoMethod,
    #[error("the answer names another authorization server than the one that was asked, or none")]
    WrongIssuer,
    #[error("this sign-in is not under way any more, or not yours; open the link again")]
    NotUnderWay,
    #[error("the gateway is sealed; an administrator unlocks it")]
    Sealed,
    #[error("the connection was removed or changed meanwhile")]
    Gone,
    #[error("it could not be stored: {0}")]
    Store(String),
    #[error("{0}")]
    Internal(&'static str),
}

impl From<VaultError> for AccountError {
    fn from(_: VaultError) -> Self {
        Self::Internal("a stored secret of the account does not open")
    }
}

impl From<StoreError> for AccountError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

impl From<rusqlite::Error> for AccountError {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::from(error).into()
    }
}

/// What keeps a call or a listing from an account, and where to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignIn {
    connection: String,
    link: String,
    kind: SignInKind,
    why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Why {
    Never,
    /// In the gateway's own words.
    Ended(String),
    /// The upstream wants more rights than the account has.
    More,
    /// It has asked for more too often.
    TooOften,
    /// The token was out of date; there is a new one now.
    Renewed,
    /// The authorization server gives no answer.
    Later,
}

impl std::fmt::Display for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.message(), self.next())
    }
}

impl SignIn {
    pub(crate) fn code(&self) -> &'static str {
        match self.why {
            Why::Never | Why::Ended(_) => "sign_in_needed",
            Why::More => "sign_in_for_more",
            Why::TooOften => "sign_in_in_vain",
            Why::Renewed => "sign_in_renewed",
            Why::Later => "sign_in_unavailable",
        }
    }

    /// Whether the same call may go through in a moment.
    pub(crate) fn passes(&self) -> bool {
        matches!(self.why, Why::Renewed | Why::Later)
    }

    pub(crate) fn message(&self) -> String {
        let name = &self.connection;
        let whose = match self.kind {
            SignInKind::Team => "the team's account",
            SignInKind::User => "your account",
        };
        match &self.why {
            Why::Never => format!(
                "The system behind this tool wants a sign-in: {whose} with {name} is not connected."
            ),
            Why::Ended(why) => format!("The sign-in to {name} with {whose} has ended: {why}."),
            Why::More => format!("{name} wants more rights for this than {whose} was given."),
            Why::TooOften => format!(
                "{name} does not accept the rights that {whose} was given, however often it is connected anew."
            ),
            Why::Renewed => format!(
                "The sign-in to {name} was out of date and is renewed now; the call was not done."
            ),
            Why::Later => format!("The sign-in to {name} cannot be renewed at the moment."),
        }
    }

    /// For the connection's own state.
    pub(crate) fn for_admins(&self) -> String {
        let Self { link, kind, .. } = self;
        let list = match kind {
            SignInKind::Team => "the team's account",
            SignInKind::User => "an admin's account, with which its tools are listed,",
        };
        match &self.why {
            Why::Never => format!("{list} is not connected; open {link}"),
            Why::Ended(why) => format!("{list} has ended: {why}; open {link}"),
            Why::More => format!("it wants more rights than {list} has; open {link}"),
            Why::TooOften | Why::Renewed | Why::Later => self.message(),
        }
    }

    pub(crate) fn next(&self) -> String {
        let Self { connection, link, .. } = self;
        let again = if self.why == Why::Never { "Connect" } else { "Reconnect" };
        match (&self.why, self.kind) {
            (Why::Renewed, _) => "Call again.".into(),
            (Why::Later, _) => "Nothing was done. Try again in a minute.".into(),
            (Why::TooOften, _) => "Nothing was done. Do not retry; ask an administrator to look at the rights of that account.".into(),
            (_, SignInKind::User) => format!(
                "Nothing was done. Give your user this link: {again} {connection}: {link} - then call again."
            ),
            (_, SignInKind::Team) => format!(
                "Nothing was done. Ask an administrator to open this link: {again} {connection}: {link} - then call again."
            ),
        }
    }
}

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

    async fn renew(
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
    async fn renew_once(
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
    fn client_of(
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
