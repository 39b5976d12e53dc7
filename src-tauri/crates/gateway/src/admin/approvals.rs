//! Calls that wait for a person, and the person's answers.

use std::sync::Arc;

use agw_api::{
    AlwaysProposal, Answer, AnswerKind, Approval, ApprovalState, Change, ChangedGrant, EditGrant,
    Effect, Grant, GrantRef, NewGrant, codes,
};
use agw_core::{ApprovalId, Condition, both, json, not, quoted, same_arguments, without_tokens};
use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
};
use serde::Deserialize;

use super::{AdminError, Reader, Signed, differences};
use crate::{
    approvals::{Entry, Given, Unanswerable},
    audit::record::rfc3339,
    clock,
    gateway::Gateway,
    pipeline::{approval_record, moot},
    store::{rows, writer::Safety},
};

/// Longest note, in characters.
const NOTE_MAX: usize = 500;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct InState {
    /// `pending`, which is also what is taken if it is left out, or `all`:
    /// those that were answered lately, too.
    state: Option<String>,
}

/// Calls that wait for a person, newest first; a member sees those of their
/// own agents.
#[utoipa::path(
    get, path = "/api/v1/approvals", operation_id = "list_approvals", tag = "approvals", params(InState),
    responses((status = 200, body = Vec<Approval>), (status = 401, body = agw_api::ErrorBody))
)]
pub(super) async fn list(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
    query: Result<Query<InState>, QueryRejection>,
) -> Result<Json<Vec<Approval>>, AdminError> {
    let Query(InState { state }) = query?;
    let all = match state.as_deref() {
        None | Some("pending") => false,
        Some("all") => true,
        Some(_) => return Err(AdminError::invalid("the state must be pending or all")),
    };
    let mut entries = gateway.approvals.all();
    entries.retain(|entry| {
        (all || entry.state == ApprovalState::Pending) && signed.sees(entry.question.key.user)
    });
    Ok(Json(entries.iter().map(|entry| shown(&gateway, entry)).collect()))
}

/// One approval.
#[utoipa::path(
    get, path = "/api/v1/approvals/{id}", operation_id = "show_approval", tag = "approvals",
    params(("id" = String, Path)),
    responses((status = 200, body = Approval), (status = 404, body = agw_api::ErrorBody))
)]
pub(super) async fn show(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
    Path(id): Path<String>,
) -> Result<Json<Approval>, AdminError> {
    Ok(Json(shown(&gateway, &find(&gateway, &signed, &id)?)))
}

/// Answer. Of two people who answer at once the first one counts; the other
/// is told so.
#[utoipa::path(
    post, path = "/api/v1/approvals/{id}/answer", operation_id = "answer_approval", tag = "approvals",
    params(("id" = String, Path)), request_body = Answer,
    responses(
        (status = 200, body = Approval),
        (status = 404, body = agw_api::ErrorBody),
        (status = 409, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn answer(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
    Path(id): Path<String>,
    body: Result<Json<Answer>, JsonRejection>,
) -> Result<Json<Approval>, AdminError> {
    let Json(Answer { answer, note }) = body?;
    let entry = find(&gateway, &signed, &id)?;
    signed.may_change(entry.question.key.user)?;
    let note = note.map(|note| note.trim().to_owned()).filter(|note| !note.is_empty());
    if note.as_ref().is_some_and(|note| note.chars().count() > NOTE_MAX) {
        return Err(AdminError::invalid(format!("a note has at most {NOTE_MAX} characters")));
    }
    let given = Given {
        by: signed.user,
        at: clock::now_ms(),
        yes: answer != AnswerKind::Deny,
        for_session: answer == AnswerKind::Session,
        note: note.map(|note| without_tokens(&note).into_owned()),
    };
    // Whoever answers may hang up; an answer that was begun is given.
    let said = tokio::spawn(say(gateway, entry.id, given));
    said.await.map_err(|_| AdminError::internal("an answer's task failed"))?.map(Json)
}

/// Claims the question, records the answer and gives it.
async fn say(gateway: Arc<Gateway>, id: ApprovalId, given: Given) -> Result<Approval, AdminError> {
    let entry = gateway.approvals.claim(id).map_err(|error| match error {
        Unanswerable::Unknown => unknown(&id.to_string()),
        Unanswerable::Over(entry) => over(&gateway, &entry),
    })?;
    // Since it was asked the agent may have been revoked: a yes would be worth
    // nothing, and is better not taken.
    if moot(&gateway, &entry.question).is_some() {
        gateway.approvals.answer(id, None);
        let message = "it is asked no longer: the agent or a grant was changed";
        let current = serde_json::to_value(shown(&gateway, &entry)).ok().map(Box::new);
        let error = AdminError::new(codes::ANSWERED, message, "nothing is left to do");
        return Err(AdminError { current, ..error });
    }
    let status = match (given.yes, given.for_session) {
        (true, true) => "approved_for_session",
        (true, false) => "approved",
        (false, _) => "denied",
    };
    let mut record = approval_record(&entry, status);
    record.by = Some(given.by);
    record.detail.clone_from(&given.note);
    let recorded = gateway.writer.record(record, Safety::Synced).await;
    let answered = gateway.approvals.answer(id, recorded.is_ok().then_some(given));
    gateway.live.announce("approvals");
    recorded?;
    match answered {
        Some(answered) => Ok(shown(&gateway, &answered)),
        None => Err(over(&gateway, &gateway.approvals.get(id).unwrap_or(entry))),
    }
}

/// The changes of the permission map that would make this answer for good.
/// Nothing is changed: one of them is made with `POST /changes`, and then the
/// held call goes on by itself.
#[utoipa::path(
    get, path = "/api/v1/approvals/{id}/always", operation_id = "propose_always", tag = "approvals",
    params(("id" = String, Path)),
    responses((status = 200, body = AlwaysProposal), (status = 404, body = agw_api::ErrorBody))
)]
pub(super) async fn always(
    State(gateway): State<Arc<Gateway>>,
    _: Reader,
    Path(id): Path<String>,
) -> Result<Json<AlwaysProposal>, AdminError> {
    let parsed: Option<ApprovalId> = id.parse().ok();
    let entry = parsed.and_then(|id| gateway.approvals.get(id)).ok_or_else(|| unknown(&id))?;
    let asking: Vec<String> =
        entry.question.key.grants.iter().map(|(id, _)| id.to_string()).collect();
    let grants = gateway.reader.run(|db| rows::grants(db, None)).await?;
    let grants = grants.into_iter().map(|(grant, _)| grant);
    let grants: Vec<Grant> = grants.filter(|grant| asking.contains(&grant.id)).collect();
    let arguments = json::parse(&entry.question.arguments).ok();
    let same = arguments.as_ref().and_then(same_arguments);
    let approval = shown(&gateway, &entry);
    let narrowed = same.map(|same| proposal(&approval, &grants, Some(&same)));
    let fits = |change: &Change| {
        let conditions = change.add.iter().map(|grant| &grant.when);
        let conditions = conditions.chain(change.edit.iter().map(|edit| &edit.when));
        conditions.flatten().all(|condition| Condition::compile(condition).is_ok())
    };
    Ok(Json(AlwaysProposal {
        narrowed: narrowed.filter(fits),
        whole: proposal(&approval, &grants, None),
    }))
}

/// Asking beats allowing, so each grant that asks stops asking for these
/// calls, and a new one allows them.
fn proposal(approval: &Approval, asking: &[Grant], same: Option<&str>) -> Change {
    let user = format!("user.name == {}", quoted(&approval.user));
    let agent = match &approval.agent {
        Some(agent) => format!("agent != null && agent.name == {}", quoted(agent)),
        None => "agent == null".to_owned(),
    };
    let of_agent = approval.agent.as_ref().map(|agent| format!("{}/{agent}", approval.user));
    // The new grant names the tool itself.
    let calls_of = |who: &[&str]| -> Option<String> {
        let parts = who.iter().copied().chain(same);
        parts.map(str::to_owned).reduce(|all, part| both(&all, &part))
    };
    let mut change = Change::default();
    let tool = format!("tool.id == {}", quoted(&approval.tool));
    for grant in asking {
        // A pattern goes on asking about its other tools.
        let tool = (grant.tool != approval.tool).then_some(&*tool);
        let calls = |who: &[&str]| {
            let parts = tool.into_iter().chain(who.iter().copied()).chain(same);
            parts.map(str::to_owned).reduce(|all, part| both(&all, &part))
        };
        // Nor is anything allowed that the grant would not have asked about.
        let allowed = |calls: Option<String>| match (&grant.when, calls) {
            (Some(when), Some(calls)) => Some(both(when, &calls)),
            (when, calls) => when.clone().or(calls),
        };
        let own = of_agent.as_ref().filter(|of_agent| **of_agent == grant.subject);
        let (subject, who, these) = match own {
            Some(of_agent) => (of_agent, &[][..], calls(&[])),
            None if grant.subject == approval.user => {
                (&approval.user, &[&*agent][..], calls(&[&agent]))
            }
            None => (&approval.user, &[&*agent][..], calls(&[&user, &agent])),
        };
        let allow = NewGrant {
            subject: subject.clone(),
            tool: approval.tool.clone(),
            effect: Effect::Allow,
            when: allowed(calls_of(who)),
            expires: grant.expires_at.clone(),
            rate: grant.rate.clone(),
            version: Some(0),
        };
        if !change.add.contains(&allow) {
            change.add.push(allow);
        }
        let when = match (&grant.when, these) {
            // Nothing is left that it would ask about.
            (_, None) => {
                let (id, version) = (grant.id.clone(), grant.version);
                change.remove.push(GrantRef { id, version });
                continue;
            }
            (None, Some(these)) => not(&these),
            (Some(when), Some(these)) => both(when, &not(&these)),
        };
        let edit = EditGrant {
            subject: grant.subject.clone(),
            tool: grant.tool.clone(),
            effect: grant.effect,
            when: Some(when),
            expires: grant.expires_at.clone(),
            rate: grant.rate.clone(),
            version: grant.version,
        };
        change.edit.push(ChangedGrant::new(grant.id.clone(), edit));
    }
    change
}

fn find(gateway: &Gateway, signed: &Signed, id: &str) -> Result<Entry, AdminError> {
    let parsed: Option<ApprovalId> = id.parse().ok();
    let entry = parsed.and_then(|id| gateway.approvals.get(id));
    entry.filter(|entry| signed.sees(entry.question.key.user)).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> AdminError {
    let message = format!("there is no approval {id:?}");
    AdminError::new(codes::NOT_FOUND, message, "see `agw approvals`; they end with the service")
}

/// Somebody else was first, or nobody can be any more.
fn over(gateway: &Gateway, entry: &Entry) -> AdminError {
    let approval = shown(gateway, entry);
    let by = approval.answered_by.as_deref().unwrap_or("somebody else");
    let (message, next) = match approval.state {
        ApprovalState::Pending if entry.left().is_zero() => {
            ("it has expired".to_owned(), "the agent may ask again")
        }
        ApprovalState::Pending => {
            ("somebody else is answering".to_owned(), "look at it again in a moment")
        }
        ApprovalState::Denied => (format!("{by} has denied it"), "nothing is left to do"),
        ApprovalState::Approved | ApprovalState::Used => {
            (format!("{by} has approved it"), "revoke the agent if that was wrong")
        }
        ApprovalState::Expired => ("it has expired".to_owned(), "the agent may ask again"),
        ApprovalState::Allowed => {
            let message = "it is asked no longer: a grant now allows it".to_owned();
            (message, "change the grants if that was wrong")
        }
        ApprovalState::Cancelled => {
            let message = "it is asked no longer: the agent or a grant was changed".to_owned();
            (message, "nothing is left to do")
        }
    };
    let current = serde_json::to_value(&approval).ok().map(Box::new);
    AdminError { current, ..AdminError::new(codes::ANSWERED, message, next) }
}

fn shown(gateway: &Gateway, entry: &Entry) -> Approval {
    let snapshot = gateway.live.snapshot.load();
    let question = &entry.question;
    let key = &question.key;
    let person = |id| snapshot.users.get(&id).map(|user| user.name.clone());
    let agent = key.agent.and_then(|id| snapshot.agents.get(&id)).map(|agent| agent.name.clone());
    let catalog = gateway.live.catalog.load();
    let tool = catalog.by_id.get(&key.tool);
    let left = i64::try_from(entry.left().as_millis()).unwrap_or(i64::MAX);
    let answer = entry.answer.as_ref();
    Approval {
        id: entry.id.to_string(),
        state: entry.state,
        user: person(key.user).unwrap_or_default(),
        agent,
        tool: key.tool.to_string(),
        description: tool.map(|tool| tool.description.clone()).unwrap_or_default(),
        args: String::from_utf8_lossy(&question.arguments).into_owned(),
        args_digest: key.arguments.to_string(),
        differences: entry
            .before
            .as_ref()
            .map(|before| differences::between(before, &question.arguments)),
        grants: key.grants.iter().map(|(id, _)| id.to_string()).collect(),
        policy_version: question.policy_version,
        asked_at: rfc3339(question.asked_at),
        expires_at: rfc3339(clock::now_ms().saturating_add(left)),
        waiting: entry.waiting > 0,
        held_until: entry.held_until.map(rfc3339),
        answered_by: answer.and_then(|answer| person(answer.by)),
        answered_at: answer.map(|answer| rfc3339(answer.at)),
        note: answer.and_then(|answer| answer.note.clone()),
        sign_in: snapshot
            .connections
            .get(key.tool.connection())
            .and_then(|config| gateway.accounts.lacking(config, key.user)),
    }
}
