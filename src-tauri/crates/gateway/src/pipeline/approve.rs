//! Holding a call for a person.

use std::{sync::Arc, time::Duration};

use agw_api::ApprovalState;
use agw_core::{ApprovalId, Approved, Call, Decision, Permit, Question, decide};
use tokio::time::Instant;

use super::{Refusal, Story, decide::Asked};
use crate::{
    approvals::{Entry, Holding, Known, NewQuestion},
    audit::{Kind, Record},
    bounds, clock,
    gateway::Gateway,
    store::{StoreError, rows},
};

/// How often it is looked whether an approval has expired.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Returns at once what is allowed or denied. What is asked is held until a
/// person has said yes to exactly that question, or the permission map no
/// longer asks. It ends before the client gives up: then a later call with the
/// same arguments picks the answer up.
pub(super) async fn await_approval(
    asked: &Asked<'_>,
    mut decision: Decision,
    story: &mut Story,
) -> Result<(Permit, Option<Approved>), Refusal> {
    let gateway = asked.gateway;
    let until = asked.inbound.received + patience(asked, story);
    let mut changes = gateway.live.changes();
    loop {
        let question = match decision {
            Decision::Allow(permit) => {
                // Whatever it may have waited for, no answer let it through.
                story.approval = None;
                return Ok((permit, None));
            }
            Decision::Deny(denial) => return Err(Refusal::denied(&denial, story)),
            Decision::Ask(question) => question,
        };
        changes.mark_unchanged();
        let key = question.key();
        story.decision = Some("ask");
        story.grants = key.grants.iter().map(|(id, _)| *id).collect();
        story.policy_version = Some(question.policy_version());
        let id = match gateway.approvals.look(&key, asked.inbound.session.as_ref()) {
            Known::Approved(id, approved) => {
                story.approval = Some(id);
                let permit = question.approved(&approved);
                let permit = permit.map_err(|_| Refusal::Internal("an answer to another call"))?;
                gateway.live.announce("approvals");
                return Ok((permit, Some(approved)));
            }
            Known::Denied(id, note) => {
                story.approval = Some(id);
                return Err(Refusal::ApprovalDenied(id, note));
            }
            Known::Waiting(id) => id,
            Known::Nothing => put(asked, &question, story).await?,
        };
        story.approval = Some(id);
        let left = until.saturating_duration_since(std::time::Instant::now());
        let held_until = clock::now_ms().saturating_add(milliseconds(left));
        let mut hold = match gateway.approvals.hold(id, held_until) {
            Holding::Held(hold) => hold,
            Holding::Full => return Err(Refusal::TooManyApprovals),
            Holding::Gone => {
                decision = asked.decide(story)?;
                continue;
            }
        };
        asked.inbound.held.send_replace(Some(id));
        gateway.live.announce("approvals");
        tokio::select! {
            biased;
            () = asked.inbound.cancel.cancelled() => return Err(Refusal::Cancelled),
            () = gateway.stop.cancelled() => return Err(Refusal::ApprovalPending(id)),
            state = hold.settled() => match state {
                ApprovalState::Expired | ApprovalState::Cancelled => {
                    // Whoever took it back knows why: the token, the grant, a pause.
                    return match asked.decide(story)? {
                        Decision::Deny(denial) => Err(Refusal::denied(&denial, story)),
                        _ => Err(Refusal::ApprovalOver(id)),
                    };
                }
                // The answer is picked up by looking again.
                _ => {}
            },
            _ = changes.changed() => {}
            () = tokio::time::sleep_until(Instant::from_std(until)) => {
                return Err(Refusal::ApprovalPending(id));
            }
        }
        drop(hold);
        decision = asked.decide(story)?;
    }
}

/// How long the client of this caller waits for an answer, less a margin.
fn patience(asked: &Asked<'_>, story: &Story) -> Duration {
    let snapshot = asked.gateway.live.snapshot.load();
    let agent = story.caller.as_ref().and_then(|caller| caller.agent.as_ref());
    let entry = agent.and_then(|agent| snapshot.agents.get(&agent.id));
    let seconds = entry.map_or(bounds::CLIENT_TIMEOUT, |agent| agent.client_timeout);
    let timeout = Duration::from_secs(seconds.into());
    timeout - bounds::HOLD_MARGIN.min(timeout / 3)
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Puts the question, once it is in the trail that it was put.
async fn put(asked: &Asked<'_>, question: &Question, story: &Story) -> Result<ApprovalId, Refusal> {
    let (gateway, arguments) = (asked.gateway, &asked.inbound.arguments);
    let key = question.key();
    if arguments.raw.len() > bounds::APPROVAL_ARGUMENTS_MAX {
        return Err(Refusal::ApprovalTooLong);
    }
    if !gateway.approvals.has_room(key.user, key.agent) {
        return Err(Refusal::TooManyApprovals);
    }
    let new = NewQuestion {
        key,
        arguments: arguments.raw.clone(),
        call: story.id,
        policy_version: question.policy_version(),
        session: asked.inbound.session.clone(),
        asked_at: clock::now_ms(),
    };
    let mut record = record(&new, "asked");
    record.args = story.intent().args;
    let id = gateway.writer.change(move |change| {
        let id = ApprovalId::new(rows::next(change.db, rows::LAST_APPROVAL)?);
        record.approval = Some(id);
        change.audit(record);
        Ok::<_, StoreError>(id)
    });
    let id = id.await.map_err(|_| Refusal::AuditUnavailable)?;
    Ok(gateway.approvals.put(id, new))
}

/// About a question.
fn record(question: &NewQuestion, status: &'static str) -> Record {
    let key = &question.key;
    let mut record = Record::new(Kind::Approval, clock::now_ms());
    record.call = Some(question.call);
    record.user = Some(key.user);
    record.agent = key.agent;
    record.tool = Some(key.tool.to_string());
    record.decision = Some("ask");
    record.args_digest = Some(key.arguments);
    record.grants = key.grants.iter().map(|(id, _)| *id).collect();
    record.policy_version = Some(question.policy_version);
    record.status = Some(status);
    record
}

/// The record of what became of a question.
pub(crate) fn outcome(entry: &Entry, status: &'static str) -> Record {
    let mut record = record(&entry.question, status);
    record.approval = Some(entry.id);
    record
}

/// What becomes of a question by the permission map of this moment; `None` if
/// it would be put in the same way.
pub(crate) fn moot(gateway: &Gateway, entry: &Entry) -> Option<ApprovalState> {
    let cancelled = Some(ApprovalState::Cancelled);
    let snapshot = gateway.live.snapshot.load();
    let now = gateway.live.clock.now_ms();
    let key = &entry.question.key;
    let Some(caller) = snapshot.live_caller(key.user, key.agent, now) else { return cancelled };
    let connection = snapshot.connections.get(key.tool.connection());
    let paused = snapshot.is_paused(&caller) || connection.is_some_and(|c| c.paused);
    let call = Call { tool: &key.tool, arguments: Some(&entry.question.arguments), now };
    if paused || gateway.check_open(&snapshot).is_err() {
        return cancelled;
    }
    match decide(&snapshot.permissions, &caller, &call, key.arguments) {
        Decision::Ask(question) if question.key() == *key => None,
        Decision::Allow(_) => Some(ApprovalState::Allowed),
        _ => cancelled,
    }
}

/// Ends approvals that expire, and those that a change has made moot, for as
/// long as the service runs.
pub(crate) async fn watch_approvals(gateway: Arc<Gateway>) {
    let mut changes = gateway.live.changes();
    loop {
        tokio::select! {
            () = gateway.stop.cancelled() => return,
            _ = changes.changed() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let ended = gateway.approvals.sweep(|entry| moot(&gateway, entry));
        for entry in &ended {
            let status = match entry.state {
                ApprovalState::Expired => "expired",
                ApprovalState::Allowed => "allowed",
                _ => "cancelled",
            };
            let record = outcome(entry, status);
            if let Err(error) = gateway.writer.owe(&record) {
                tracing::warn!(%error, approval = %entry.id, "its end could not be recorded");
            }
        }
        if !ended.is_empty() {
            gateway.live.announce("approvals");
        }
    }
}
