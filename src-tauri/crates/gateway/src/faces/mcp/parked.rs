//! Calls that wait until their client has brought what their upstream wants
//! of it. The stateless era has no stream to ask over: the call is answered
//! with what is wanted and a ticket, `requestState`, and goes on when the
//! client calls again with both (MCP 2026-07-28, multi round-trip requests).
//!
//! A ticket is sealed with a key of this process, and opens only for the
//! caller, the endpoint, the method and the parameters that it was given for;
//! it serves once, and not for long.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use agw_core::{
    AgentId, Caller, UserId,
    json::{Node, Value},
};
use agw_vault::{TicketKey, VaultError};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Endpoint, calls::UnderWay};
use crate::{
    bounds,
    gateway::Gateway,
    pipeline::{Answers, Arguments, Ask, ClientAnswer, Operation, Refusal, Target},
};

/// Longest ticket that is looked at, in bytes.
const TICKET_MAX: usize = 256;

type CallKey = [u8; 16];
type Principal = (UserId, Option<AgentId>);

/// All parked calls.
#[derive(Debug)]
pub(crate) struct ParkedCalls {
    key: TicketKey,
    calls: Mutex<HashMap<CallKey, Parked>>,
}

#[derive(Debug)]
struct Parked {
    call: UnderWay,
    asks: Vec<Ask>,
    principal: Principal,
    /// Dropping it ends the wait for its expiry.
    _waits: DropGuard,
}

/// Whose call it is, and which.
#[derive(Debug)]
pub(super) struct Parkable {
    principal: Principal,
    bound: Vec<u8>,
}

impl Parkable {
    pub(super) fn new(
        caller: &Caller,
        endpoint: &Endpoint,
        operation: Operation,
        target: &Target,
        arguments: &Arguments,
    ) -> Self {
        let principal = (caller.user, caller.agent.as_ref().map(|agent| agent.id));
        let digest = arguments.digest;
        let bound = format!("{principal:?}|{endpoint:?}|{operation:?}|{digest}|{target:?}");
        Self { principal, bound: bound.into() }
    }
}

impl ParkedCalls {
    pub(crate) fn new() -> Result<Self, VaultError> {
        Ok(Self { key: TicketKey::random()?, calls: Mutex::default() })
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<CallKey, Parked>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the ticket.
    pub(super) fn park(
        &self,
        gateway: &Arc<Gateway>,
        call: UnderWay,
        asks: Vec<Ask>,
    ) -> Result<String, Refusal> {
        let mut key = CallKey::default();
        let random = |_| Refusal::Internal("the system's source of randomness failed");
        getrandom::fill(&mut key).map_err(|_| random(VaultError::Random))?;
        let Parkable { principal, bound } = &call.parkable;
        let (principal, sealed) = (*principal, self.key.seal(&key, bound).map_err(random)?);
        let mut calls = self.calls();
        let own = calls.values().filter(|parked| parked.principal == principal).count();
        if own >= bounds::PARKED_PER_CALLER || calls.len() >= bounds::PARKED_IN_ALL {
            return Err(Refusal::TooManyCalls);
        }
        let taken = CancellationToken::new();
        let _waits = taken.clone().drop_guard();
        calls.insert(key, Parked { call, asks, principal, _waits });
        drop(calls);
        let gateway = Arc::clone(gateway);
        tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(bounds::ASK) => {}
                () = gateway.stop.cancelled() => {}
                () = taken.cancelled() => return,
            }
            // Dropping it takes the call back.
            let expired = gateway.parked.calls().remove(&key);
            drop(expired);
        });
        Ok(BASE64_URL_SAFE_NO_PAD.encode(sealed))
    }

    /// The call that a ticket is for; it is good for no second time.
    pub(super) fn take(&self, parkable: &Parkable, ticket: &str) -> Option<(UnderWay, Vec<Ask>)> {
        if ticket.len() > TICKET_MAX {
            return None;
        }
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(ticket).ok()?;
        let key = self.key.open(&sealed, &parkable.bound)?;
        let key = CallKey::try_from(key.expose()).ok()?;
        let parked = self.calls().remove(&key)?;
        Some((parked.call, parked.asks))
    }
}

/// What the client brought, by the keys that it was asked with. What is no
/// object answers nothing.
pub(super) fn answers(brought: Option<&Node<'_>>) -> Answers {
    let Some(Value::Object(members)) = brought.map(Node::value) else { return Answers::new() };
    let answer =
        |node: &Node<'_>| ClientAnswer::Result(Bytes::copy_from_slice(node.raw().as_bytes()));
    let members = members.iter().filter(|(_, node)| node.is_object());
    members.map(|(key, node)| (key.to_string(), answer(node))).collect()
}
