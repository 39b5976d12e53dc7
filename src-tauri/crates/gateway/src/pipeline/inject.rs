//! Gives a decided and recorded call its credential.

use std::{fmt, sync::Arc};

use agw_api::Transport;
use agw_core::{AgentId, Permit, UserId};
use agw_vault::{Secret, Vault};
use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use crate::{
    accounts::Account,
    catalog::CatalogTool,
    pipeline::{Arguments, AuditTicket, ClientSide, Operation, Refusal, ToolCall},
    store::snapshot::ConnectionConfig,
    upstream::UpstreamError,
};

/// A call that may be forwarded: decided, recorded and with its credential.
/// Connectors accept nothing else, and nothing but [`inject`] makes one.
pub struct ArmedRequest {
    operation: Operation,
    tool: Box<str>,
    definition: Option<Arc<CatalogTool>>,
    arguments: Bytes,
    meta: Bytes,
    client: ClientSide,
    user: UserId,
    agent: Option<AgentId>,
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

    pub(crate) fn operation(&self) -> Operation {
        self.operation
    }

    /// The tool's name as its upstream knows it; a prompt's; a resource's URI.
    pub(crate) fn tool(&self) -> &str {
        &self.tool
    }

    /// What its upstream said of the tool.
    pub(crate) fn definition(&self) -> Option<&CatalogTool> {
        self.definition.as_deref()
    }

    /// A JSON object, as the agent wrote it.
    pub(crate) fn arguments(&self) -> &Bytes {
        &self.arguments
    }

    /// The members of the request's `params` but `_meta`, as JSON without the
    /// braces: what the agent wrote, byte for byte.
    pub(crate) fn params(&self) -> Vec<u8> {
        self.operation.params(&self.tool, &self.arguments)
    }

    /// The members of `_meta` that the agent sent and that are not the
    /// protocol's own, as JSON without the braces; may be empty.
    pub(crate) fn meta(&self) -> &Bytes {
        &self.meta
    }

    pub(crate) fn client(&self) -> &ClientSide {
        &self.client
    }

    pub(crate) fn user(&self) -> UserId {
        self.user
    }

    pub(crate) fn agent(&self) -> Option<AgentId> {
        self.agent
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
#[expect(clippy::too_many_arguments, reason = "each is the proof of a step, or what it is about")]
pub(crate) fn inject(
    permit: Permit,
    _ticket: &AuditTicket,
    vault: &Vault,
    (config, account): (&ConnectionConfig, Option<&Account>),
    call: &ToolCall,
    arguments: Arguments,
    client: ClientSide,
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
        operation: call.operation,
        tool: call.id.tool().own().into(),
        definition: call.tool.clone(),
        arguments: arguments.raw,
        meta: arguments.meta,
        client,
        user: permit.user(),
        agent: permit.agent(),
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
