//! Holding a call for a person.

use std::{sync::Arc, time::Duration};

use agw_api::ApprovalState;
use agw_core::{ApprovalId, Call, Decision, Permit, Question, decide};
use tokio::time::Instant;

use super::{Operation, Refusal, Story, decide::Asked};
use crate::{
    approvals::{Entry, Holding, Known, NewQuestion, Yes},
    audit::{Kind, Record},
    bounds, clock,
    gateway::Gateway,
    store::{StoreError, rows},
};

/// How often it is looked whether an approval has expired.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is denied is refused at once. What is asked is held until a person has
/// said yes to exactly that question, or the permission map no longer asks. It ends before the client gives up: then a later call with the
/// same arguments picks the answer up.
pub(super) async fn await_approval(
    asked: &Asked<'_>,
    mut decision: Decision,
    story: &mut Story,
) -> Result<(Permit, Option<Yes>), Refusal> {
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
        let new = new_question(asked, &question, story)?;
        story.decision = Some("ask");
        story.grants = new.key.grants.iter().map(|(id, _)| *id).collect();
        story.policy_version = Some(new.policy_version);
        let id = match gateway.approvals.look(&new) {
            Known::Approved(yes) => {
                (story.approval, story.took_yes) = (Some(yes.id), true);
                let permit = question.approved(&yes.approved);
                let permit = permit.map_err(|_| Refusal::Internal("an answer to another call"))?;
                gateway.live.announce("approvals");
                return Ok((permit, Some(yes)));
            }
            Known::Denied(id, note) => {
                story.approval = Some(id);
                return Err(Refusal::ApprovalDenied(id, note));
            }
            Known::NoRoom => return Err(Refusal::TooManyApprovals),
            Known::Waiting(id) => id,
            Known::New(id) => put(gateway, id, &new, story).await?,
        };
        story.approval = Some(id);
        let left = until.saturating_duration_since(std::time::Instant::now());
        let held_until = clock::now_ms().saturating_add(milliseconds(left));
        match gateway.approvals.hold(id, held_until) {
            Holding::Full => return Err(Refusal::TooManyApprovals),
            Holding::Gone => {}
            Holding::Held(mut hold) => {
                asked.inbound.held.send_replace(Some(id));
                gateway.live.announce("approvals");
                tokio::select! {
                    biased;
                    // Nobody would hear the answer. The question stays for a retry.
                    () = asked.inbound.gone.cancelled() => return Err(Refusal::Cancelled),
                    () = asked.inbound.cancel.cancelled() => return Err(Refusal::Cancelled),
                    () = gateway.stop.cancelled() => return Err(Refusal::ApprovalPending(id)),
                    state = hold.settled() => if state == ApprovalState::Expired {
                        return Err(Refusal::ApprovalOver(id));
                    },
                    _ = changes.changed() => {}
                    () = tokio::time::sleep_until(Instant::from_std(until)) => {
                        return Err(Refusal::ApprovalPending(id));
                    }
                }
            }
        }
        // An answer is picked up by looking again; and what was changed shows
        // in the decision.
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

fn new_question(
    asked: &Asked<'_>,
    question: &Question,
    story: &Story,
) -> Result<NewQuestion, Refusal> {
    if matches!(asked.call.operation, Operation::Subscribe | Operation::Complete(_)) {
        return Err(Refusal::NeedsApproval);
    }
    // A name that matches a pattern and is no tool is nobody's business.
    let snapshot = asked.gateway.live.snapshot.load();
    let (_, config) = asked.gateway.upstream_of(&snapshot, &asked.call)?;
    // Nor need anybody be asked about a call that will be refused for its rate.
    asked.gateway.reservations.has_room(question.rates())?;
    let arguments = &asked.inbound.arguments.raw;
    if arguments.len() > bounds::APPROVAL_ARGUMENTS_MAX {
        return Err(Refusal::ApprovalTooLong);
    }
    Ok(NewQuestion {
        key: question.key(),
        connection: config.id,
        definition: asked.call.tool.as_ref().map(|tool| tool.digest),
        arguments: arguments.clone(),
        call: story.id,
        policy_version: question.policy_version(),
        session: asked.inbound.session.clone(),
        asked_at: clock::now_ms(),
    })
}

/// Puts a new question: people are shown it once the trail has it.
async fn put(
    gateway: &Gateway,
    id: ApprovalId,
    question: &NewQuestion,
    story: &Story,
) -> Result<ApprovalId, Refusal> {
    let mut record = record(question, "asked");
    record.approval = Some(id);
    let intent = story.intent();
    (record.args, record.clear, record.effect) = (intent.args, intent.clear, intent.effect);
    let recorded = gateway.writer.change(move |change| {
        rows::set_meta(change.db, rows::LAST_APPROVAL, &id.get().to_string())?;
        change.audit(record);
        Ok::<_, StoreError>(())
    });
    match recorded.await {
        Ok(()) => {
            gateway.approvals.asked(id);
            Ok(id)
        }
        Err(_) => {
            gateway.approvals.forget(id);
            Err(Refusal::AuditUnavailable)
        }
    }
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
pub(crate) fn moot(gateway: &Gateway, question: &NewQuestion) -> Option<ApprovalState> {
    let cancelled = Some(ApprovalState::Cancelled);
    let snapshot = gateway.live.snapshot.load();
    let now = gateway.live.clock.now_ms();
    let key = &question.key;
    let Some(caller) = snapshot.live_caller(key.user, key.agent, now) else { return cancelled };
    let connection = snapshot.connections.get(key.tool.connection());
    let there = connection.is_some_and(|c| c.id == question.connection && !c.paused);
    // While nothing can be recorded the question stays.
    let open = matches!(gateway.check_open(&snapshot), Ok(()) | Err(Refusal::AuditUnavailable));
    let catalog = gateway.live.catalog.load();
    let listed = catalog.by_id.get(&key.tool);
    let changed = listed.is_some_and(|tool| Some(tool.digest) != question.definition);
    if !there || changed || snapshot.is_paused(&caller) || !open {
        return cancelled;
    }
    let call = Call { tool: &key.tool, arguments: Some(&question.arguments), now };
    match decide(&snapshot.permissions, &caller, &call, key.arguments) {
        Decision::Ask(now) if now.key() == *key => None,
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
        let unsettled = gateway.approvals.unsettled().into_iter();
        let moot = unsettled.filter_map(|(id, question)| Some((id, moot(&gateway, &question)?)));
        let ended = gateway.approvals.end(&moot.collect());
        for entry in &ended {
            let status = match entry.state {
                ApprovalState::Expired => "expired",
                ApprovalState::Allowed => "allowed",
                _ => "cancelled",
            };
            if let Err(error) = gateway.writer.owe(outcome(entry, status)) {
                tracing::warn!(%error, approval = %entry.id, "its end could not be recorded");
            }
        }
        if !ended.is_empty() {
            gateway.live.announce("approvals");
        }
    }
}
