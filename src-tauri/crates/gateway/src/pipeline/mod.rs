//! The one path of a tool call. [`handle_call`] reads top to bottom as what
//! happens; each step consumes what the step before produced, so none can be
//! left out:
//!
//! - [`Permit`](agw_core::Permit): only the decision makes one.
//! - [`AuditTicket`]: only a written intent makes one.
//! - [`ArmedRequest`]: only [`inject`] makes one, from both of these; and
//!   connectors accept nothing else.
//!
//! Forwarding what was not decided and recorded does not compile:
//!
//! ```compile_fail,E0451
//! use agw_gateway::pipeline::ArmedRequest;
//! fn forge(request: ArmedRequest) -> ArmedRequest {
//!     ArmedRequest { tool: "gmail.send".into(), ..request }
//! }
//! ```
//!
//! ```compile_fail,E0451
//! use agw_gateway::pipeline::AuditTicket;
//! fn forge(ticket: AuditTicket) -> AuditTicket {
//!     AuditTicket { ..ticket }
//! }
//! ```
//!
//! ```compile_fail,E0616
//! fn open(request: agw_gateway::pipeline::ArmedRequest) {
//!     let _ = request.headers;
//! }
//! ```
//!
//! whereas their names and types are right:
//!
//! ```
//! use agw_gateway::pipeline::{ArmedRequest, AuditTicket};
//! fn pass_on(request: ArmedRequest, ticket: AuditTicket) -> (ArmedRequest, AuditTicket) {
//!     (request, ticket)
//! }
//! ```

mod account;
mod approve;
mod call;
mod client;
mod decide;
mod identify;
mod inject;
mod intent;
mod refuse;
mod reply;
mod reserve;

pub(crate) use approve::{moot, outcome as approval_record, watch_approvals};
pub(crate) use call::{Arguments, InboundCall, Operation, Presented, Story, Target};
pub(crate) use call::{Face, ToolCall};
pub(crate) use client::{
    Answers, Aside, Ask, ClientAnswer, ClientSide, Era, Unanswered, Wanted, WantedOf,
};
pub(crate) use identify::identify;
pub use inject::ArmedRequest;
pub(crate) use inject::{bearer, header};
pub use intent::AuditTicket;
use refuse::refuse_call;
pub(crate) use refuse::refuse_unread;
pub(crate) use refuse::{Paused, Refusal, shell_word};
pub(crate) use reply::{SafeReply, inspect_reply, with_receipt, without_secrets};
pub(crate) use reserve::Reservations;

use std::sync::Arc;

use agw_api::Receipt;
use agw_core::Decision;

use crate::gateway::Gateway;
use decide::Asked;

/// What the caller gets.
#[derive(Debug)]
pub(crate) struct Answer {
    /// A refusal comes with the caller's name (`ana/claude`), for its wording.
    pub(crate) reply: Result<SafeReply, (Refusal, String)>,
    pub(crate) receipt: Option<Receipt>,
}

/// Runs one call to its end. Whatever happens, the trail gets exactly one
/// outcome for it. Spawn it: it must not be dropped half-way, because a
/// forwarded call has an effect whether or not anyone still listens.
pub(crate) async fn handle_call(gateway: Arc<Gateway>, inbound: InboundCall) -> Answer {
    let mut story = Story::begin(&inbound);
    let outcome = run(&gateway, inbound, &mut story).await;
    let reply = match outcome {
        Ok(reply) => {
            intent::record_outcome(&gateway, &story, &reply);
            Ok(reply)
        }
        Err(refusal) => {
            // A yes serves one call, not one refusal.
            if let Some(id) = story.approval.filter(|_| story.took_yes && !story.forwarded) {
                gateway.approvals.give_back(id);
            }
            Err(refuse_call(&gateway, &mut story, refusal).await)
        }
    };
    Answer { reply, receipt: story.receipt }
}

async fn run(
    gateway: &Arc<Gateway>,
    mut inbound: InboundCall,
    story: &mut Story,
) -> Result<SafeReply, Refusal> {
    let asked = Asked::by(gateway, &inbound, story)?;
    let decision = asked.decide(story)?;
    if !matches!(decision, Decision::Deny(_)) {
        call::guard_request(&inbound.arguments)?;
    }
    let (permit, yes) = match decision {
        Decision::Allow(permit) => (permit, None),
        decision => approve::await_approval(&asked, decision, story).await?,
    };
    story.permitted(&permit);
    let (snapshot, upstream, config) = asked.upstream()?;
    let mut reservation = asked.reserve(&snapshot, &permit, story)?;
    let account = account::of_call(gateway, &config, &permit, &inbound.cancel).await?;
    let ready = upstream.ready(&inbound.cancel).await?;
    // What a person was shown is what is sent, to the byte.
    let shown = yes.as_ref().and_then(|yes| yes.arguments.clone());
    let sent = shown.unwrap_or_else(|| inbound.arguments.raw.clone());
    let ticket = intent::record_intent(gateway, story, &sent).await?;
    // Nothing is forwarded on a map that was changed before the effect.
    let permit = asked.confirm(permit, yes.as_ref().map(|yes| &yes.approved), story)?;
    let still_allowed = asked.recheck(&permit, yes.as_ref().map(|yes| &yes.approved));
    let call = asked.call;
    inbound.arguments.raw = sent;
    if yes.is_some() {
        inbound.arguments.as_shown();
    }
    let cancel = inbound.cancel.clone();
    let vault = gateway.vault.load_full().ok_or(Refusal::Sealed)?;
    let InboundCall { arguments, client, .. } = inbound;
    // As it is now: it may have been renewed, or disconnected, since.
    let account = account::again(gateway, &config, account)?;
    let behind = (&*config, account.as_deref());
    let armed =
        inject::inject(permit, &ticket, &vault, behind, &call, arguments, client, still_allowed)?;
    reservation.forwarded();
    match upstream.call(&ready, armed, &cancel).await {
        Ok(reply) => inspect_reply(reply),
        Err(error) => {
            Err(gateway.accounts.refused(&config, account.as_deref(), error).await.into())
        }
    }
}
