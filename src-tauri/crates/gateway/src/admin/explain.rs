//! Why a call would be decided as it would, and whether a condition is one.

use std::sync::Arc;

use agw_api::{
    CheckCondition, CheckedCondition, Explain, ExplainedGrant, Explanation, Grant, GrantOutcome,
    Role, Verdict,
};
use agw_core::{
    Call, Effect, Explained, GrantId, ItemKind, Reason, Rule, Scalar, Stance, Step, ToolId,
    ToolPattern, Unmet, all_of, both, explain, json, may_see,
};
use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
};

use super::{AdminError, Reader, Signed, changes, coverage, error, tools};
use crate::{catalog::Catalog, gateway::Gateway, pipeline::shell_word, store::rows};

/// How a call would be decided now, and why. Nothing is called.
#[utoipa::path(
    post, path = "/api/v1/explain", operation_id = "explain", tag = "grants", request_body = Explain,
    responses(
        (status = 200, body = Explanation),
        (status = 404, body = agw_api::ErrorBody),
        (status = 422, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn explain_call(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
    body: Result<Json<Explain>, JsonRejection>,
) -> Result<Json<Explanation>, AdminError> {
    let Json(Explain { caller: name, tool, args }) = body?;
    let caller = tools::caller(&gateway, &signed, name.clone()).await?;
    let tool: ToolId =
        tool.parse().map_err(|e: agw_core::NameError| AdminError::invalid(e.to_string()))?;
    if let Some(args) = &args {
        let node = json::parse(args.as_bytes());
        let node = node.map_err(|e| AdminError::invalid(format!("the arguments: {e}")))?;
        if !node.is_object() {
            return Err(AdminError::invalid("the arguments must be a JSON object"));
        }
    }
    // What is asked for is all that there is to say of reading a resource.
    let args = args.or_else(|| read_of(&tool));
    let (rows, seen) =
        gateway.reader.run(|db| Ok((rows::grants(db, None)?, coverage::seen(db)?))).await?;
    let snapshot = gateway.live.snapshot.load_full();
    let now = gateway.live.clock.now_ms();
    let call = Call { tool: &tool, arguments: args.as_deref().map(str::as_bytes), now };
    let explained = explain(&snapshot.permissions, &caller, &call);
    let about: Vec<String> = explained.steps.iter().map(|step| step.grant.to_string()).collect();
    let rows = rows.into_iter().filter(|(grant, _)| about.contains(&grant.id)).collect();
    let rows = coverage::covered(&gateway, rows, &seen);
    let of = |id: GrantId| rows.iter().find(|grant| grant.id == id.to_string());

    let used_up =
        explained.rates.iter().find(|(id, rate)| gateway.reservations.left(*id, *rate) == 0);
    let paused = snapshot.is_paused(&caller);
    let connection = snapshot.connections.get(tool.connection());
    let paused_connection = connection.is_some_and(|connection| connection.paused);
    let agent = caller.agent.as_ref().map(|agent| agent.id);
    let max_uses = agent.and_then(|id| snapshot.agents.get(&id)?.max_uses);
    let token_used_up = agent
        .zip(max_uses)
        .is_some_and(|(id, max_uses)| gateway.reservations.used_up(id, max_uses));
    let catalog = gateway.live.catalog.load();
    let listed = catalog.by_id.get(&tool).or_else(|| catalog.templates_of(&tool).next());
    let changed = listed.is_some_and(|tool| snapshot.pins.keep_back(tool));
    let closed = gateway.check_open(&snapshot).err();
    let told = match (explained.outcome, used_up, closed) {
        (Err(reason), ..) => refused(reason, &name, &tool, &explained, &of),
        (_, _, Some(closed)) => {
            Told::deny(closed.code(), closed.message(""), "`agw resume` or `agw unlock`")
        }
        _ if agent.is_some() && snapshot.live_caller(caller.user, agent, now).is_none() => {
            let text = format!("the sub-token of {name} has expired or was revoked");
            Told::deny("token_expired", text, "a later expiry (`agw agent edit`), or a new agent")
        }
        _ if token_used_up => {
            let text = format!("the sub-token of {name} was used as often as it may be");
            Told::deny("uses_up", text, "more uses (`agw agent edit --max-uses`)")
        }
        _ if paused => Told::deny("paused", format!("{name} is paused"), "`agw resume`"),
        _ if paused_connection => {
            let text = format!("the connection {} is paused", tool.connection());
            Told::deny("paused", text, "`agw resume`")
        }
        _ if changed => {
            let text = format!("the definition of {tool} has changed since it was granted");
            let needs = "an admin who accepts the new one (`agw tool review`)";
            Told::deny("definition_changed", text, needs)
        }
        (_, Some((id, rate)), _) => {
            let text = format!("the rate {rate} of grant {id} is used up at the moment");
            Told::deny("rate_limited", text, "time, or a higher rate")
        }
        (Ok(Effect::Ask), ..) => Told {
            decision: Verdict::Ask,
            reason: "ask",
            sentence: format!("a person is asked, because of {}", named(&explained.grants)),
            needs: Some("a person's approval of each call".to_owned()),
        },
        (Ok(_), ..) => Told {
            decision: Verdict::Allow,
            reason: "granted",
            sentence: format!("allowed by {}", named(&explained.grants)),
            needs: None,
        },
    };
    // A member is not told which tools there are beyond those that they see.
    let told_of =
        signed.role != Role::Member || may_see(&snapshot.permissions, &caller, &tool, now);
    let note = match told_of && listed.is_none() {
        true => "; but no connection offers this tool at the moment",
        false => "",
    };
    let steps = explained.steps.iter().filter_map(|step| {
        let used_up = used_up.filter(|(id, _)| *id == step.grant);
        Some(explained_grant(step, of(step.grant)?.clone(), used_up.map(|(_, rate)| rate)))
    });
    Ok(Json(Explanation {
        decision: told.decision,
        reason: told.reason.to_owned(),
        sentence: format!("{}{note}", told.sentence),
        grants: explained.grants.iter().map(GrantId::to_string).collect(),
        steps: steps.collect(),
        needs: told.needs,
        policy_version: snapshot.permissions.version(),
    }))
}

/// The arguments with which a resource is read.
fn read_of(tool: &ToolId) -> Option<String> {
    let uri = serde_json::json!({ "uri": tool.tool().own() });
    (tool.tool().kind() == ItemKind::Resource).then(|| uri.to_string())
}

struct Told {
    decision: Verdict,
    reason: &'static str,
    sentence: String,
    needs: Option<String>,
}

impl Told {
    fn deny(reason: &'static str, sentence: String, needs: impl Into<String>) -> Self {
        Self { decision: Verdict::Deny, reason, sentence, needs: Some(needs.into()) }
    }
}

fn refused<'g>(
    reason: Reason,
    name: &str,
    tool: &ToolId,
    explained: &Explained,
    of: &impl Fn(GrantId) -> Option<&'g Grant>,
) -> Told {
    let owner = name.split_once('/').map_or(name, |(owner, _)| owner);
    let unmet = |id: GrantId| {
        let step = explained.steps.iter().find(|step| step.grant == id);
        step.and_then(|step| step.unmet.as_ref()).map(unmet_text).unwrap_or_default()
    };
    let code = reason.code();
    let pasted = shell_word(tool.as_str()).unwrap_or_else(|| format!("{:?}", tool.as_str()));
    match reason {
        Reason::NotGranted => Told::deny(
            code,
            format!("nothing grants {tool} to {owner} or their teams"),
            format!("`agw grant \"{owner}\" {pasted} allow`, or a grant for a team of theirs"),
        ),
        Reason::OutOfScope => Told::deny(
            code,
            format!("{owner} may, but the scope of {name} leaves {tool} out"),
            format!("a wider scope (`agw agent edit`), or `agw grant \"{name}\" {pasted} allow`"),
        ),
        Reason::DeniedByGrant(id) => {
            let when = of(id).and_then(|grant| grant.when.as_ref());
            let when = when.map(|when| format!(" when {when}")).unwrap_or_default();
            let needs = format!("`agw revoke {id}`, or a narrower condition or subject for it");
            Told::deny(code, format!("grant {id} forbids it{when}"), needs)
        }
        Reason::ConditionFalse(id) => Told::deny(
            code,
            format!("grant {id} would allow it, but {}", unmet(id)),
            format!("other arguments, or a wider condition (`agw edit-grant {id} --when …`)"),
        ),
        Reason::ConditionFailed(id) => Told::deny(
            code,
            format!("the condition of grant {id} cannot be evaluated: {}", unmet(id)),
            format!(
                "the arguments that it looks at, or another condition (`agw edit-grant {id} --when …`)"
            ),
        ),
    }
}

fn named(grants: &[GrantId]) -> String {
    let ids: Vec<String> = grants.iter().map(GrantId::to_string).collect();
    format!("grant{} {}", if ids.len() == 1 { "" } else { "s" }, ids.join(" and "))
}

fn unmet_text(unmet: &Unmet) -> String {
    let values: Vec<String> =
        unmet.values.iter().map(|(path, value)| format!("{path} is {value}")).collect();
    let found = unmet.fault.clone().unwrap_or_else(|| values.join(", "));
    let part = &unmet.part;
    if found.is_empty() {
        format!("{part} does not hold")
    } else {
        format!("{part} does not hold: {found}")
    }
}

fn explained_grant(step: &Step, grant: Grant, used_up: Option<&agw_core::Rate>) -> ExplainedGrant {
    let outcome = match (step.stance, used_up) {
        (Stance::Matches, Some(_)) => GrantOutcome::RateUsedUp,
        (Stance::Matches, None) => GrantOutcome::Matched,
        (Stance::ConditionFalse, _) => GrantOutcome::ConditionFalse,
        (Stance::ConditionFailed, _) => GrantOutcome::ConditionFailed,
        (Stance::Expired, _) => GrantOutcome::Expired,
    };
    let detail = match outcome {
        GrantOutcome::RateUsedUp => used_up.map(|rate| format!("{rate} is used up")),
        GrantOutcome::Expired => grant.expires_at.as_ref().map(|at| format!("since {at}")),
        _ => step.unmet.as_ref().map(unmet_text),
    };
    ExplainedGrant { grant, outcome, detail }
}

/// Put a condition together and check it, for forms and live checks.
#[utoipa::path(
    post, path = "/api/v1/conditions", operation_id = "check_condition", tag = "grants",
    request_body = CheckCondition,
    responses((status = 200, body = CheckedCondition), (status = 422, body = agw_api::ErrorBody))
)]
pub(super) async fn check_condition(
    State(gateway): State<Arc<Gateway>>,
    _: Reader,
    body: Result<Json<CheckCondition>, JsonRejection>,
) -> Result<Json<CheckedCondition>, AdminError> {
    let Json(wanted) = body?;
    let catalog = gateway.live.catalog.load_full();
    // Compiling takes milliseconds, which the async threads do not have.
    let checked = tokio::task::spawn_blocking(move || check(wanted, &catalog)).await;
    checked.map_err(|_| AdminError::internal("the check of a condition failed"))?.map(Json)
}

fn check(wanted: CheckCondition, catalog: &Catalog) -> Result<CheckedCondition, AdminError> {
    let CheckCondition { tool, when, rules } = wanted;
    let tool: ToolPattern =
        tool.parse().map_err(|e: agw_core::NameError| AdminError::invalid(e.to_string()))?;
    let rules: Vec<Rule> = rules.into_iter().map(rule).collect::<Result<_, _>>()?;
    let when = when.map(|when| when.trim().to_owned()).filter(|when| !when.is_empty());
    let when = match (when, rules.is_empty()) {
        (Some(when), true) => when,
        (None, false) => all_of(&rules),
        (Some(when), false) => both(&when, &all_of(&rules)),
        (None, true) => String::new(),
    };
    let problem = match when.is_empty() {
        true => None,
        false => changes::check_condition(&when, &tool, catalog).err(),
    };
    Ok(CheckedCondition {
        place: problem.as_ref().map(error::place),
        problem: problem.map(|error| error.message),
        when,
    })
}

fn rule(rule: agw_api::Rule) -> Result<Rule, AdminError> {
    Ok(match rule {
        agw_api::Rule::EveryItemEndsWith { field, ends_with } => {
            Rule::EveryItem { field, ends_with }
        }
        agw_api::Rule::OneOf { field, values } => {
            Rule::OneOf { field, values: values.into_iter().map(scalar).collect::<Result<_, _>>()? }
        }
        agw_api::Rule::AtMost { field, limit } => Rule::AtMost { field, limit },
        agw_api::Rule::Matches { field, pattern } => Rule::Matches { field, pattern },
        agw_api::Rule::Between { from, to, zone } => {
            if from == to || from > 23 || to > 24 {
                return Err(AdminError::invalid(
                    "the hours go from 0 to 23 and to another one up to 24",
                ));
            }
            Rule::Between { from, to, zone }
        }
    })
}

fn scalar(value: serde_json::Value) -> Result<Scalar, AdminError> {
    let wrong =
        || AdminError::invalid("a value to compare with is a text, a number, true or false");
    match value {
        serde_json::Value::String(text) => Ok(Scalar::Text(text)),
        serde_json::Value::Bool(flag) => Ok(Scalar::Bool(flag)),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(number) => Ok(Scalar::Integer(number)),
            None => number.as_f64().map(Scalar::Number).ok_or_else(wrong),
        },
        _ => Err(wrong()),
    }
}
