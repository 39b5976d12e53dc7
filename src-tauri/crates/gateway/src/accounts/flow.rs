//! One sign-in, from the page that asks for consent to the tokens: OAuth 2.1's
//! authorization code with PKCE.
//!
//! It is kept in memory under the hash of a random text, which is the hidden
//! field of the consent page first and `state` afterwards. Each is good once,
//! for the browser and the session that it was shown to: another person's, or
//! one that is sent again, finds nothing.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use agw_api::{Role, SignInKind};
use agw_core::{ConnectionId, UserId, may_see};
use agw_vault::Secret;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use form_urlencoded::Serializer;
use sha2::{Digest as _, Sha256};

use super::{
    AccountError, Accounts, Owner, challenge,
    client::{self, StoredClient},
    discover::{Discovery, Found},
    reach, record, rows, server_of,
    token::{self, Form},
};
use crate::{
    bounds, clock,
    store::{
        StoreError,
        snapshot::{ConnectionConfig, Snapshot},
    },
};

/// Sign-ins under way.
pub(super) type Flows = Mutex<HashMap<[u8; 32], Flow>>;

/// See the module's text.
#[derive(Debug)]
pub(super) struct Flow {
    connection: ConnectionId,
    owner: Owner,
    by: UserId,
    /// Of the browser and its session.
    browser: [u8; 32],
    found: Found,
    /// Separated by spaces.
    scopes: String,
    begun: Instant,
    /// Set once the person was sent off; before, they are only asked.
    verifier: Option<Secret>,
}

/// Who is at the browser.
#[derive(Debug, Clone, Copy)]
pub(super) struct Person {
    pub(super) user: UserId,
    pub(super) role: Role,
    pub(super) browser: [u8; 32],
}

/// What a person is asked before they are sent elsewhere. Its id is as good as
/// a yes, so it has no `Debug`.
pub(super) struct Consent {
    pub(super) id: String,
    pub(super) kind: SignInKind,
    /// Host of the authorization server, and where the browser goes.
    pub(super) issuer: String,
    pub(super) goes_to: String,
    pub(super) scopes: String,
    /// Whether there is an account already, which this one replaces.
    pub(super) again: bool,
}

/// The parameters that an authorization server sends a person back with; two of
/// them are secret, so it has no `Debug`.
pub(super) struct Answer<'a> {
    pub(super) state: &'a str,
    pub(super) code: Option<&'a str>,
    pub(super) iss: Option<&'a str>,
    pub(super) error: Option<&'a str>,
}

impl Accounts {
    /// The connection of that name, if this person may connect an account to
    /// it; to others it is not there.
    pub(super) fn open_to(
        &self,
        name: &str,
        user: UserId,
        role: Role,
    ) -> Option<(Arc<ConnectionConfig>, Owner)> {
        let snapshot = self.live.snapshot.load();
        let config = snapshot.connections.get(&name.parse().ok()?)?;
        let owner = self.may_connect(&snapshot, config, user, role)?;
        Some((Arc::clone(config), owner))
    }

    /// Whose account somebody may connect: an admin the team's, and everybody
    /// their own where they may use the connection. Auditors change nothing.
    pub(crate) fn may_connect(
        &self,
        snapshot: &Snapshot,
        config: &ConnectionConfig,
        user: UserId,
        role: Role,
    ) -> Option<Owner> {
        match (config.sign_in?, role) {
            (SignInKind::Team, Role::Admin) => Some(None),
            (SignInKind::User, Role::Admin) => Some(Some(user)),
            (SignInKind::User, Role::Member) => {
                let (catalog, now) = (self.live.catalog.load(), self.live.clock.now_ms());
                let caller = snapshot.caller(user, None);
                let sees = catalog.by_id.values().any(|tool| {
                    tool.connection == config.id
                        && may_see(&snapshot.permissions, &caller, &tool.id, now)
                });
                sees.then_some(Some(user))
            }
            _ => None,
        }
    }

    /// Finds out where to sign in, so that the person can be asked.
    pub(super) async fn consent(
        &self,
        config: &Arc<ConnectionConfig>,
        owner: Owner,
        person: Person,
    ) -> Result<Consent, AccountError> {
        let (reach, server) = (reach(config)?, server_of(config)?);
        let said = self.said(config.id);
        let discovery = Discovery { egress: &self.egress, reach: &reach, server: &server };
        let found = discovery.run(said.as_ref()).await?;
        let before = self.find(config, owner);
        let mut scopes = before.as_ref().map(|a| format!("{} {}", a.scopes, a.wanted));
        // What is lacking now is known of the account itself.
        if let Some(said) = said.filter(|said| !said.wants_more()) {
            scopes = Some(format!("{} {}", scopes.unwrap_or_default(), said.scopes.join(" ")));
        }
        let mut scopes = challenge::scopes(&scopes.unwrap_or_default());
        if scopes.is_empty() {
            scopes.clone_from(&found.scopes);
        }
        if found.offline && !scopes.is_empty() {
            scopes.push("offline_access".into());
        }
        let scopes = challenge::scopes(&scopes.join(" ")).join(" ");
        let id = random()?;
        let consent = Consent {
            kind: config.sign_in.ok_or(AccountError::Gone)?,
            issuer: host_of(&found.issuer),
            goes_to: host_of(&found.authorization_endpoint),
            scopes: scopes.clone(),
            again: before.is_some(),
            id: id.clone(),
        };
        let flow = Flow {
            connection: config.id,
            owner,
            by: person.user,
            browser: person.browser,
            found,
            scopes,
            begun: Instant::now(),
            verifier: None,
        };
        self.keep(&id, flow);
        Ok(consent)
    }

    /// The person said yes: where to send them.
    pub(super) async fn send_off(
        &self,
        config: &Arc<ConnectionConfig>,
        id: &str,
        person: Person,
    ) -> Result<String, AccountError> {
        let mut flow = self.take(id, person, |flow| flow.verifier.is_none())?;
        if flow.connection != config.id {
            return Err(AccountError::Gone);
        }
        let client = self.client_for(config, &flow).await?;
        let (state, verifier) = (random()?, random()?);
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        let mut query = Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &client)
            .append_pair("redirect_uri", &self.redirect_uri(config))
            .append_pair("state", &state)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            .append_pair("resource", &flow.found.resource);
        if !flow.scopes.is_empty() {
            query.append_pair("scope", &flow.scopes);
        }
        if flow.scopes.split(' ').any(|scope| scope == "offline_access") {
            // OpenID Connect Core, section 11: without it the scope is ignored.
            query.append_pair("prompt", "consent");
        }
        let endpoint = &flow.found.authorization_endpoint;
        let joint = if endpoint.contains('?') { '&' } else { '?' };
        let url = format!("{endpoint}{joint}{}", query.finish());
        flow.verifier = Some(Secret::new(verifier));
        flow.begun = Instant::now();
        self.keep(&state, flow);
        Ok(url)
    }

    /// Who the gateway is to that server, registered there if need be.
    async fn client_for(
        &self,
        config: &Arc<ConnectionConfig>,
        flow: &Flow,
    ) -> Result<String, AccountError> {
        let (found, redirect_uri) = (&flow.found, self.redirect_uri(config));
        // Of two at once the second finds what the first has registered.
        let _turn = self.registering.lock().await;
        let known = self.live.snapshot.load().clients.get(&config.id).cloned();
        if let Some(client) = &known {
            match (&client.redirect_uri, client.bound_to()) {
                // An admin's client is for the server that it was used with first.
                (None, None) => return Ok(client.id.clone()),
                (None, Some(issuer)) if issuer == found.issuer => return Ok(client.id.clone()),
                (None, Some(issuer)) => {
                    return Err(AccountError::OtherClient(issuer.to_owned()));
                }
                (Some(_), _) if client.fits(found, &redirect_uri) => return Ok(client.id.clone()),
                (Some(_), _) => {}
            }
        }
        let vault = self.vault.load_full().ok_or(AccountError::Sealed)?;
        let reach = reach(config)?;
        let registered =
            client::register(&self.egress, &reach, found, &redirect_uri, &flow.scopes).await?;
        let stored = client::seal(&vault, config, &registered, &found.issuer, &redirect_uri)?;
        let (id, connection, by) = (stored.id.clone(), config.id, flow.by);
        let detail = format!("{}: at {}", config.name, host_of(&found.issuer));
        let done = self.writer.change(move |change| {
            rows::store_client(change.db, connection, &stored)?;
            change.audit(record("account_client_registered", Some(by), detail));
            Ok::<_, StoreError>(())
        });
        done.await?;
        Ok(id)
    }

    /// The person came back to the connection of that name.
    pub(super) async fn finish(
        &self,
        name: &str,
        answer: &Answer<'_>,
        person: Person,
    ) -> Result<Arc<ConnectionConfig>, AccountError> {
        let snapshot = self.live.snapshot.load_full();
        let config = name.parse().ok().and_then(|name| snapshot.connections.get(&name));
        let config = Arc::clone(config.ok_or(AccountError::NotUnderWay)?);
        let here = |flow: &Flow| flow.verifier.is_some() && flow.connection == config.id;
        let flow = self.take(answer.state, person, here)?;
        let found = &flow.found;
        // Before anything else of the answer is looked at (RFC 9207, section 2.4).
        match answer.iss {
            Some(iss) if iss != found.issuer => return Err(AccountError::WrongIssuer),
            None if found.says_iss => return Err(AccountError::WrongIssuer),
            _ => {}
        }
        if let Some(error) = answer.error {
            return Err(AccountError::Refused(token::code(error)));
        }
        let code = answer.code.filter(|code| !code.is_empty() && code.len() <= bounds::TOKEN_MAX);
        let code = Secret::new(code.ok_or(AccountError::WrongIssuer)?);
        let may = self.may_connect(&snapshot, &config, person.user, person.role);
        if may != Some(flow.owner) {
            return Err(AccountError::Gone);
        }
        let vault = self.vault.load_full().ok_or(AccountError::Sealed)?;
        let stored = snapshot.clients.get(&config.id).ok_or(AccountError::Gone)?;
        if stored.bound_to().is_some_and(|issuer| issuer != found.issuer) {
            return Err(AccountError::Gone);
        }
        let client = stored.open(&vault, &config, found.methods.as_deref())?;
        let verifier = flow.verifier.as_ref().ok_or(AccountError::Gone)?;
        let form = Form::new("authorization_code", &found.resource)
            .with_secret("code", &code)
            .with("redirect_uri", &self.redirect_uri(&config))
            .with_secret("code_verifier", verifier);
        let reach = reach(&config)?;
        let tokens = token::ask(&self.egress, &reach, &found.token_endpoint, &client, form).await?;
        let now = clock::now_ms();
        let new = rows::NewAccount {
            connection: config.id,
            owner: flow.owner,
            issuer: found.issuer.clone(),
            token_endpoint: found.token_endpoint.clone(),
            revocation_endpoint: found.revocation_endpoint.clone(),
            resource: found.resource.clone(),
            scopes: flow.scopes.clone(),
            sealed: rows::seal(&vault, &config, (flow.owner, 1), &tokens, None, now)?,
            now,
        };
        let bound = StoredClient {
            issuer: Some(found.issuer.clone()),
            method: Some(client.method.as_str().to_owned()),
            ..StoredClient::clone(stored)
        };
        let what = match &*flow.scopes {
            "" => format!("connected at {}", host_of(&found.issuer)),
            scopes => format!("connected at {} for {scopes}", host_of(&found.issuer)),
        };
        let bound = (bound != **stored).then_some(bound);
        let detail = self.detail(&config, flow.owner, &what);
        let (connection, owner, by) = (config.id, flow.owner, flow.by);
        let done = self.writer.change(move |change| {
            // Both may be gone by now.
            let db = change.db;
            let still = "SELECT 1 FROM connections WHERE id = ?1 AND sign_in = ?2";
            let kind = if owner.is_some() { "user" } else { "team" };
            let present = "SELECT 1 FROM users WHERE id = ?1 AND removed_at IS NULL";
            if !db.prepare(still)?.exists(rusqlite::params![connection.get(), kind])?
                || !db.prepare(present)?.exists([by.get()])?
            {
                return Err(AccountError::Gone);
            }
            if let Some(bound) = bound {
                rows::store_client(db, connection, &bound)?;
            }
            rows::insert(db, &new)?;
            change.audit(record("account_connected", Some(by), detail));
            Ok::<_, AccountError>(())
        });
        done.await?;
        Ok(config)
    }

    fn said(&self, connection: ConnectionId) -> Option<challenge::Challenge> {
        let said = self.challenges.lock().unwrap_or_else(PoisonError::into_inner);
        said.get(&connection).cloned()
    }

    /// Where the connection's authorization server sends people back to, and no
    /// other one does: a server that sends them on to another one's sign-in
    /// gets no code of that, also where answers have no `iss` (RFC 9700,
    /// section 4.4.2).
    fn redirect_uri(&self, config: &ConnectionConfig) -> String {
        format!("{}/callback", self.link(config))
    }

    fn keep(&self, id: &str, flow: Flow) {
        let mut flows = self.flows.lock().unwrap_or_else(PoisonError::into_inner);
        flows.retain(|_, flow| flow.begun.elapsed() < bounds::SIGN_IN_ELSEWHERE);
        // Above the bounds the oldest make room: first this person's own.
        let own = flows.values().filter(|other| other.by == flow.by).count();
        let crowded = own >= bounds::SIGN_INS_PER_PERSON;
        if crowded || flows.len() >= bounds::SIGN_INS_UNDER_WAY {
            let candidates = flows.iter().filter(|(_, other)| !crowded || other.by == flow.by);
            let oldest = candidates.min_by_key(|(_, other)| other.begun).map(|(id, _)| *id);
            oldest.and_then(|oldest| flows.remove(&oldest));
        }
        flows.insert(Sha256::digest(id.as_bytes()).into(), flow);
    }

    /// A sign-in under way, which is then none any more. One of somebody else's
    /// stays theirs.
    fn take(
        &self,
        id: &str,
        person: Person,
        stage: impl FnOnce(&Flow) -> bool,
    ) -> Result<Flow, AccountError> {
        let hash: [u8; 32] = Sha256::digest(id.as_bytes()).into();
        let mut flows = self.flows.lock().unwrap_or_else(PoisonError::into_inner);
        let own = flows.get(&hash).is_some_and(|flow| {
            flow.by == person.user
                && flow.browser == person.browser
                && flow.begun.elapsed() < bounds::SIGN_IN_ELSEWHERE
                && stage(flow)
        });
        let flow = if own { flows.remove(&hash) } else { None };
        flow.ok_or(AccountError::NotUnderWay)
    }
}

/// 256 random bits.
fn random() -> Result<String, AccountError> {
    crate::random::text::<32>()
        .map_err(|_| AccountError::Internal("the system's source of randomness failed"))
}

/// Host and port of a URL, for people.
fn host_of(url: &str) -> String {
    let uri = url.parse::<http::Uri>().ok();
    let authority = uri.as_ref().and_then(http::Uri::authority);
    authority.map(ToString::to_string).unwrap_or_default()
}
