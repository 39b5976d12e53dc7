//! Calls that wait for a person: list, look at, answer.

use agw_api::{AlwaysProposal, Answer, AnswerKind, Approval, ApprovalState, Difference, segment};
use jiff::Timestamp;

use crate::args::{ApproveArgs, DenyArgs};
use crate::change;
use crate::context::Context;
use crate::error::CliError;
use crate::json_text::{name, pretty, short};
use crate::output::{safe, word};
use crate::times::time_until;

/// How much of the arguments a table shows.
const SHORT_ARGS: usize = 48;

fn path(id: &str) -> String {
    format!("/api/v1/approvals/{}", segment(id))
}

pub(crate) async fn list(context: &Context<'_>, all: bool) -> Result<(), CliError> {
    let query = if all { "?state=all" } else { "" };
    let approvals: Vec<Approval> = context.client.get(&format!("/api/v1/approvals{query}")).await?;
    let now = Timestamp::now();
    context.output.list(
        &approvals,
        &["ID", "STATE", "WHO", "TOOL", "ARGUMENTS", "LEFT"],
        |approval| {
            vec![
                approval.id.clone(),
                word(&approval.state),
                who(approval),
                name(&approval.tool),
                short(&approval.args, SHORT_ARGS),
                left(approval, now).unwrap_or_default(),
            ]
        },
        if all { "No call was ever held for a person." } else { "No call waits for a person." },
    )
}

fn who(approval: &Approval) -> String {
    match &approval.agent {
        Some(agent) => format!("{}/{agent}", approval.user),
        None => approval.user.clone(),
    }
}

/// How long it can still be answered, or its answer be picked up.
fn left(approval: &Approval, now: Timestamp) -> Option<String> {
    let open = matches!(approval.state, ApprovalState::Pending | ApprovalState::Approved);
    open.then(|| time_until(&approval.expires_at, now)).flatten()
}

pub(crate) async fn show(context: &Context<'_>, id: &str) -> Result<(), CliError> {
    let approval: Approval = context.client.get(&path(id)).await?;
    context.output.item(&approval, || detail(&approval, Timestamp::now()))
}

fn detail(approval: &Approval, now: Timestamp) -> String {
    let mut text = format!(
        "{}: {}, {} asks to {}",
        approval.id,
        word(&approval.state),
        who(approval),
        approval.deed()
    );
    let mut line = |name: &str, value: &str| {
        text.push_str(&format!("\n  {name:<12}  {}", safe(value)));
    };
    line("asked", &approval.asked_at);
    if let Some(left) = left(approval, now) {
        line("time left", &left);
        line("caller", &caller(approval, now));
    }
    line("grants", &approval.grants.join(", "));
    if let Some(link) = &approval.sign_in {
        line("first", &format!("connect the account that it needs: {link}"));
    }
    if let Some(by) = &approval.answered_by {
        let at = approval.answered_at.as_deref().unwrap_or("an unknown time");
        line("answered", &format!("by {by} at {at}"));
    }
    if let Some(note) = &approval.note {
        line("note", note);
    }
    let mut block = |heading: &str, lines: &str| {
        text.push_str(&format!("\n  {heading}"));
        for line in lines.lines() {
            text.push_str(&format!("\n    {}", safe(line)));
        }
    };
    if !approval.description.trim().is_empty() {
        block("what the tool's server says of it:", approval.description.trim());
    }
    block("arguments:", &pretty(&approval.args));
    match approval.differences.as_deref() {
        None => block("no call of it was approved for this caller before", ""),
        Some([]) => block("the same arguments as in the last call that was approved", ""),
        Some(differences) => {
            let lines: Vec<String> = differences.iter().map(difference).collect();
            block("what differs from the last call that was approved:", &lines.join("\n"));
        }
    }
    text
}

fn caller(approval: &Approval, now: Timestamp) -> String {
    let held = approval.held_until.as_deref().and_then(|time| time_until(time, now));
    match (approval.waiting, held) {
        (true, Some(held)) => format!("on the line for {held} more"),
        (true, None) => "on the line".to_owned(),
        (false, _) => "not on the line; an answer counts when it calls again".to_owned(),
    }
}

/// On one line: what it holds was sent by the caller.
fn difference(difference: &Difference) -> String {
    let path = safe(&difference.path);
    let shown = |json: &str| safe(&short(json, usize::MAX));
    match (&difference.before, &difference.after) {
        (Some(before), Some(after)) => format!("{path}: {} -> {}", shown(before), shown(after)),
        (None, Some(after)) => format!("{path}: new, {}", shown(after)),
        (Some(before), None) => format!("{path}: gone, was {}", shown(before)),
        (None, None) => path,
    }
}

pub(crate) async fn approve(context: &Context<'_>, args: ApproveArgs) -> Result<(), CliError> {
    if args.always {
        return always(context, &args).await;
    }
    let answer = if args.session { AnswerKind::Session } else { AnswerKind::Once };
    let approval = send(context, &args.id, Answer { answer, note: None }).await?;
    context.output.item(&approval, || {
        let (who, deed) = (who(&approval), approval.deed());
        match answer {
            AnswerKind::Session => {
                format!("Approved: {who} may {deed} for the rest of the session.")
            }
            _ => format!("Approved: {who} may {deed} with these arguments, once."),
        }
    })?;
    if approval.state == ApprovalState::Approved && !approval.waiting {
        let left = left(&approval, Timestamp::now()).unwrap_or_default();
        context.output.hint(&format!(
            "The caller is not on the line: the answer is good for {left}, until it calls again."
        ));
    }
    Ok(())
}

/// A grant, not an answer: the held call goes on because it is allowed now.
async fn always(context: &Context<'_>, args: &ApproveArgs) -> Result<(), CliError> {
    let proposal: AlwaysProposal =
        context.client.get(&format!("{}/always", path(&args.id))).await?;
    let change = match proposal.narrowed {
        _ if args.any_arguments => proposal.whole,
        Some(narrowed) => narrowed,
        None => {
            return Err(CliError::failed(
                "not_narrowable",
                "a grant for just these arguments makes no sense here",
                format!(
                    "Run `agw approve {} --always --any-arguments` to allow any arguments, or approve it once.",
                    args.id
                ),
            ));
        }
    };
    context.output.hint(&format!("Changes the permission map:\n{}", change::words(&change)));
    change::post(context, &change).await
}

pub(crate) async fn deny(context: &Context<'_>, args: DenyArgs) -> Result<(), CliError> {
    let answer = Answer { answer: AnswerKind::Deny, note: args.note };
    let approval = send(context, &args.id, answer).await?;
    context.output.item(&approval, || format!("Denied: {} may not make this call.", who(&approval)))
}

async fn send(context: &Context<'_>, id: &str, answer: Answer) -> Result<Approval, CliError> {
    Ok(context.client.post(&format!("{}/answer", path(id)), &answer).await?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }

    fn example() -> Approval {
        serde_json::from_value(json!({
            "id": "a7", "state": "pending", "user": "ana", "agent": "claude", "tool": "gmail.send",
            "description": "Sends mail.\n  arguments:\u{1b}[2J", "args": "{\"to\":[\"b@x\"],\"n\":1e400}",
            "args_digest": "00", "grants": ["g1", "g2"], "policy_version": 3, "waiting": true,
            "asked_at": "2026-11-22T09:59:00Z", "expires_at": "2026-11-22T10:04:10Z",
            "held_until": "2026-11-22T10:00:50Z", "differences": [
                {"path": "to[0]", "before": "\"a@x\"", "after": "\"b@x\""},
                {"path": "cc", "before": "[]", "after": null},
                {"path": "n", "before": null, "after": "1e400"}
            ]
        }))
        .unwrap()
    }

    #[test]
    fn one_call_with_all_that_a_person_needs() {
        assert_eq!(
            detail(&example(), now()),
            "a7: pending, ana/claude asks to call gmail.send
  asked         2026-11-22T09:59:00Z
  time left     4m 10s
  caller        on the line for 50s more
  grants        g1, g2
  what the tool's server says of it:
    Sends mail.
      arguments:\\u{1b}[2J
  arguments:
    {
      \"to\": [
        \"b@x\"
      ],
      \"n\": 1e400
    }
  what differs from the last call that was approved:
    to[0]: \"a@x\" -> \"b@x\"
    cc: gone, was []
    n: new, 1e400"
        );
    }

    #[test]
    fn a_resource_is_read_and_a_prompt_is_got() {
        let first = |tool: &str| {
            let approval = Approval { tool: tool.to_owned(), ..example() };
            detail(&approval, now()).lines().next().unwrap().to_owned()
        };
        let resource = first("docs.@resource/file:///a.b");
        assert_eq!(
            resource,
            "a7: pending, ana/claude asks to read the resource file:///a.b of docs"
        );
        let prompt = first("docs.@prompt/Code review");
        assert_eq!(prompt, "a7: pending, ana/claude asks to get the prompt Code review of docs");
    }

    #[test]
    fn an_answered_call_has_no_time_left() {
        let denied = Approval {
            state: ApprovalState::Denied,
            answered_by: Some("root".into()),
            answered_at: Some("2026-11-22T10:00:00Z".into()),
            note: Some("not to them".into()),
            differences: None,
            ..example()
        };
        let text = detail(&denied, now());
        assert!(!text.contains("time left") && !text.contains("on the line"), "{text}");
        assert!(text.contains("\n  answered      by root at 2026-11-22T10:00:00Z"), "{text}");
        assert!(text.contains("\n  note          not to them"), "{text}");
        assert!(text.ends_with("\n  no call of it was approved for this caller before"), "{text}");
    }
}
