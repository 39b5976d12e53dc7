//! What upstreams say outside of calls, and whose a link is.

use std::{borrow::Cow, sync::Arc};

use agw_core::{AgentId, ConnectionName, UserId};
use agw_vault::Secret;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

use crate::{
    bounds,
    live::{Heard, HeardOf, Live},
    pipeline::{self, ArmedRequest},
};

/// Whose a session with an upstream is, and as whom it was opened. What an
/// upstream keeps per session is never shared between people, nor between
/// credentials, nor between clients that can be asked something.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Owner {
    pub(super) user: UserId,
    /// `None`: the user's agents share it.
    pub(super) agent: Option<AgentId>,
    pub(super) capabilities: Arc<str>,
    pub(super) credentials: [u8; 32],
}

impl Owner {
    pub(super) fn of(armed: &ArmedRequest) -> Self {
        let client = armed.client();
        Self {
            user: armed.user(),
            agent: armed.agent().filter(|_| client.can_answer()),
            capabilities: Arc::clone(&client.capabilities),
            credentials: hash(armed.headers(), armed.account()),
        }
    }
}

impl Owner {
    /// Whether it is the same caller, who may have said something else of
    /// their client.
    pub(super) fn is_of_caller(&self, other: &Self) -> bool {
        (self.user, self.agent) == (other.user, other.agent)
    }
}

/// So that no credential is kept to compare with. An account stays the same
/// when its token is renewed.
pub(super) fn hash(headers: &[(HeaderName, HeaderValue)], account: Option<u64>) -> [u8; 32] {
    if headers.is_empty() {
        return [0; 32];
    }
    let mut hasher = Sha256::new();
    hasher.update(account.unwrap_or(0).to_le_bytes());
    let of_account = |name: &HeaderName| account.is_some() && *name == header::AUTHORIZATION;
    for (name, value) in headers.iter().filter(|(name, _)| !of_account(name)) {
        for part in [name.as_str().as_bytes(), value.as_bytes()] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    hasher.finalize().into()
}

/// Where the notifications go that belong to no call.
#[derive(Debug, Clone)]
pub(super) struct Ear {
    pub(super) live: Arc<Live>,
    pub(super) connection: ConnectionName,
    /// That one of its lists is another now.
    pub(super) lists_changed: Arc<Notify>,
}

impl Ear {
    pub(super) fn hear(
        &self,
        owner: Option<&Owner>,
        secrets: &[Secret],
        method: &str,
        params: &str,
    ) {
        if let "notifications/tools/list_changed"
        | "notifications/prompts/list_changed"
        | "notifications/resources/list_changed" = method
        {
            self.lists_changed.notify_one();
            return;
        }
        let Some(owner) = owner.filter(|_| params.len() <= bounds::NOTE_MAX) else { return };
        let safe = || {
            let params = Bytes::copy_from_slice(params.as_bytes());
            pipeline::without_secrets(params, secrets)
        };
        let what = match method {
            "notifications/resources/updated" => {
                let params = safe();
                let Some(uri) = uri_of(&params) else { return };
                HeardOf::ResourceUpdated { uri, params }
            }
            // Over what several agents share it is nobody's.
            "notifications/message" if owner.agent.is_some() => HeardOf::Log(safe()),
            "notifications/elicitation/complete" if owner.agent.is_some() => {
                HeardOf::ElicitationComplete(safe())
            }
            _ => return,
        };
        let connection = self.connection.clone();
        self.live.hear(Heard { connection, user: owner.user, agent: owner.agent, what });
    }
}

fn uri_of(params: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Updated<'a> {
        #[serde(borrow)]
        uri: Cow<'a, str>,
    }
    serde_json::from_slice::<Updated<'_>>(params).ok().map(|updated| updated.uri.into_owned())
}
