//! Gives a decided and recorded call its credential.

use std::{fmt, sync::Arc};

use agw_api::Transport;
use agw_core::{Permit, UserId};
use agw_vault::{Secret, Vault};
use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use crate::{
    accounts::Account,
    pipeline::{Arguments, AuditTicket, Refusal, ToolCall},
    store::snapshot::ConnectionConfig,
    upstream::UpstreamError,
};

/// A call that may be forwarded: decided, recorded and with its credential.
/// Connectors accept nothing else, and nothing but [`inject`] makes one.
pub struct ArmedRequest {
    tool: Box<str>,
    arguments: Bytes,
    user: UserId,
    account: Option<u64>,
    headers: Vec<(HeaderName, HeaderValue)>,
    secrets: Arc<[Secret]>,
    still_allowed: Box<dyn Fn() -> bool + Send + Sync>,
}

/// Written by hand: there is nothing in it that a log should have.
impl fmt::Debug for ArmedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArmedRequest").field("tool", &self.tool).finish_non_exhaustive()
    }
}

impl ArmedRequest {
    /// To be asked right before the call is sent, if anything was waited for
    /// since it was armed.
    pub(crate) fn still_allowed(&self) -> Result<(), UpstreamError> {
        (self.still_allowed)().then_some(()).ok_or(UpstreamError::RulesChanged)
    }

    /// The tool's name as its upstream knows it.
    pub(crate) fn tool(&self) -> &str {
        &self.tool
    }

    /// A JSON object, as the agent wrote it.
    pub(crate) fn arguments(&self) -> &Bytes {
        &self.arguments
    }

    pub(crate) fn user(&self) -> UserId {
        self.user
    }

    /// The account that it goes with.
    pub(crate) fn account(&self) -> Option<u64> {
        self.account
    }

    pub(crate) fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// What must not come back in the reply.
    pub(crate) fn secrets(&self) -> &Arc<[Secret]> {
        &self.secrets
    }
}

/// `account` is the one that calls of this user go with, where they go with one.
pub(crate) fn inject(
    permit: Permit,
    _ticket: &AuditTicket,
    vault: &Vault,
    (config, account): (&ConnectionConfig, Option<&Account>),
    call: &ToolCall,
    arguments: Arguments,
    still_allowed: impl Fn() -> bool + Send + Sync + 'static,
) -> Result<ArmedRequest, Refusal> {
    // Whatever was done between decision and here, it is still that call.
    if permit.tool() != &call.id || permit.arguments() != arguments.digest {
        return Err(Refusal::Internal("the permit is for another call"));
    }
    let mut headers = Vec::new();
    let mut secrets = Vec::new();
    // A child process got its credentials when it was started.
    if matches!(config.transport, Transport::Http { .. }) {
        for credential in &config.credentials {
            let secret = vault
                .open_for_call(&permit, &config.place(credential), &credential.sealed)
                .map_err(|_| Refusal::Internal("a credential does not open"))?;
            headers.push(header(&credential.name, &secret)?);
            secrets.push(secret);
        }
    }
    if let Some(account) = account {
        let token = vault
            .open_for_call(&permit, &account.access_place(config), &account.access)
            .map_err(|_| Refusal::Internal("an account's token does not open"))?;
        headers.push(header("authorization", &bearer(&token))?);
        secrets.push(token);
    }
    Ok(ArmedRequest {
        account: account.map(|account| account.id),
        tool: call.id.tool().as_str().into(),
        arguments: arguments.raw,
        user: permit.user(),
        headers,
        secrets: secrets.into(),
        still_allowed: Box::new(still_allowed),
    })
}

/// RFC 6750, section 2.1.
pub(crate) fn bearer(token: &Secret) -> Secret {
    Secret::new([b"Bearer ", token.expose()].concat())
}

/// A credential as a request header that is never logged or compressed.
pub(crate) fn header(name: &str, secret: &Secret) -> Result<(HeaderName, HeaderValue), Refusal> {
    let name = HeaderName::from_bytes(name.as_bytes());
    let value = HeaderValue::from_bytes(secret.expose());
    let (Ok(name), Ok(mut value)) = (name, value) else {
        return Err(Refusal::Internal("a credential is no valid header"));
    };
    value.set_sensitive(true);
    Ok((name, value))
}
