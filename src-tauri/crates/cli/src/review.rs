//! What the permission map does: how one call would be decided, and what a
//! change would have done to past ones.

use agw_api::{
    Change, Effect, Explain, Explanation, Flip, GrantRef, NewGrant, Simulate, Simulation,
};
use clap::ValueEnum as _;

use crate::args::{self, ExplainArgs, SimulateArgs};
use crate::change;
use crate::context::Context;
use crate::error::CliError;
use crate::grant::find;
use crate::json_text::name;
use crate::names::{self, subject};
use crate::output::{count, table, word};

pub(crate) async fn explain(context: &Context<'_>, args: ExplainArgs) -> Result<(), CliError> {
    let request = Explain { caller: args.caller, tool: args.tool, args: args.args };
    let explanation: Explanation = context.client.post("/api/v1/explain", &request).await?;
    context.output.item(&explanation, || explanation_text(&explanation))
}

fn explanation_text(explanation: &Explanation) -> String {
    let mut text = format!("{}: {}", word(&explanation.decision), explanation.sentence);
    if !explanation.steps.is_empty() {
        let rows: Vec<Vec<String>> = explanation
            .steps
            .iter()
            .map(|step| {
                vec![
                    step.grant.id.clone(),
                    step.grant.subject.clone(),
                    name(&step.grant.tool),
                    word(&step.grant.effect),
                    word(&step.outcome),
                    step.detail.clone().unwrap_or_default(),
                ]
            })
            .collect();
        let headings = ["ID", "SUBJECT", "TOOL", "EFFECT", "OUTCOME", "DETAIL"];
        text.push_str("\n\n");
        text.push_str(table(&headings, &rows).trim_end());
    }
    if let Some(needs) = &explanation.needs {
        text.push_str(&format!("\n\nNeeds: {needs}"));
    }
    text
}

pub(crate) async fn simulate(context: &Context<'_>, args: SimulateArgs) -> Result<(), CliError> {
    let change = match (&args.file, &args.revoke) {
        (Some(file), _) => change::read(file)?,
        (None, Some(id)) => {
            let version = find(context, id).await?.version;
            Change { remove: vec![GrantRef { id: id.clone(), version }], ..Change::default() }
        }
        (None, None) => {
            Change { add: vec![new_grant(&args.grant, args.when)?], ..Change::default() }
        }
    };
    let request = Simulate { change, since: args.since };
    let simulated: Result<Simulation, _> =
        context.client.post("/api/v1/simulations", &request).await;
    let simulation = simulated
        .map_err(|error| CliError::from(error).about(change::condition(&request.change)))?;
    context.output.item(&simulation, || simulation_text(&simulation))
}

/// From the three words after `--grant`, which the parser takes as they are.
fn new_grant(words: &[String], when: Option<String>) -> Result<NewGrant, CliError> {
    let bad = |why: String| CliError::usage(why, "See `agw simulate --help`.");
    let [who, tool, effect] = words else {
        return Err(bad("--grant takes SUBJECT TOOL EFFECT".to_owned()));
    };
    let effect = args::Effect::from_str(effect, false)
        .map_err(|_| bad(format!("{effect:?} is no effect: use allow, ask or deny")))?;
    Ok(NewGrant {
        subject: subject(who).map_err(bad)?,
        tool: names::tool(tool).map_err(bad)?,
        effect: Effect::from(effect),
        when,
        expires: None,
        rate: None,
        version: None,
    })
}

fn simulation_text(simulation: &Simulation) -> String {
    let flipped = match simulation.flipped {
        0 => "none would be decided otherwise".to_owned(),
        flipped => format!("{flipped} would be decided otherwise"),
    };
    let mut text = format!("Of {}, {flipped}.", count(simulation.calls, "call"));
    if simulation.unknown > 0 {
        text.push_str(&format!(
            "\nNothing can be said of {}: the condition is about arguments that the trail does not keep.",
            count(simulation.unknown, "call")
        ));
    }
    if simulation.truncated {
        text.push_str("\nThe period holds more calls; the newest were taken.");
    }
    if !simulation.flips.is_empty() {
        let headings = ["USER", "AGENT", "TOOL", "BEFORE", "AFTER", "CALLS", "LAST"];
        let rows: Vec<Vec<String>> = simulation.flips.iter().map(flip_row).collect();
        text.push_str("\n\n");
        text.push_str(table(&headings, &rows).trim_end());
    }
    if simulation.flipped > 0 {
        let (users, tools) = (simulation.users.join(", "), simulation.tools.join(", "));
        text.push_str(&format!("\n\nUsers: {users}\nTools: {tools}"));
    }
    text
}

fn flip_row(flip: &Flip) -> Vec<String> {
    vec![
        flip.user.clone(),
        flip.agent.clone().unwrap_or_default(),
        name(&flip.tool),
        word(&flip.before),
        word(&flip.after),
        flip.calls.to_string(),
        flip.last_at.clone(),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_explanation_has_the_sentence_the_steps_and_what_is_needed() {
        let grant = json!({"id": "g1", "subject": "ana", "tool": "crm.*", "effect": "allow",
                           "version": 1, "created_at": ""});
        let explanation = serde_json::from_value(json!({
            "decision": "deny", "reason": "no_grant", "sentence": "No grant allows it.",
            "grants": [], "policy_version": 3, "needs": "a condition that holds",
            "steps": [{"grant": grant, "outcome": "condition_false", "detail": "args.x is 3"}]
        }))
        .unwrap();
        assert_eq!(
            explanation_text(&explanation),
            "deny: No grant allows it.\n\n\
             ID  SUBJECT  TOOL   EFFECT  OUTCOME          DETAIL\n\
             g1  ana      crm.*  allow   condition_false  args.x is 3\n\n\
             Needs: a condition that holds"
        );
    }

    #[test]
    fn a_simulation_says_what_flips_and_what_is_unknown() {
        let mut simulation: Simulation = serde_json::from_value(json!({
            "calls": 120, "flipped": 3, "unknown": 1, "truncated": true, "users": ["ana"],
            "tools": ["crm.read"], "flips": [{"user": "ana", "agent": "claude", "tool": "crm.read",
            "before": "allow", "after": "deny", "calls": 3, "last_at": "2026-11-22T10:00:00Z"}]
        }))
        .unwrap();
        let text = simulation_text(&simulation);
        assert!(
            text.starts_with(
                "Of 120 calls, 3 would be decided otherwise.\nNothing can be said of 1 call:"
            ),
            "{text}"
        );
        assert!(
            text.contains("\nana   claude  crm.read  allow   deny   3      2026-11-22T10:00:00Z\n"),
            "{text}"
        );
        assert!(text.ends_with("\n\nUsers: ana\nTools: crm.read"), "{text}");
        simulation = Simulation {
            flipped: 0,
            unknown: 0,
            truncated: false,
            users: Vec::new(),
            tools: Vec::new(),
            flips: Vec::new(),
            ..simulation
        };
        assert_eq!(simulation_text(&simulation), "Of 120 calls, none would be decided otherwise.");
    }

    #[test]
    fn a_grant_to_try_is_checked_like_one_to_make() {
        let words = |words: [&str; 3]| words.map(str::to_owned);
        assert!(new_grant(&words(["ana", "crm.*", "ask"]), None).is_ok());
        for bad in [["a/b/c", "crm.*", "ask"], ["ana", "", "ask"], ["ana", "*", "maybe"]] {
            assert!(matches!(new_grant(&words(bad), None), Err(CliError::Usage(_))), "{bad:?}");
        }
    }
}
