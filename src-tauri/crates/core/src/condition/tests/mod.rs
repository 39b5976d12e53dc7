mod compiling;
mod evaluating;
mod hostile;
mod rules;
mod schemas;

use super::{CallerFacts, Condition, ConditionFault, Facts, Unmet};

/// Monday 2024-01-15, 12:00 UTC: 13:00 in Berlin.
const NOON: i64 = 1_705_320_000_000;

fn ana() -> CallerFacts {
    CallerFacts {
        user: "ana".into(),
        teams: vec!["sales".into(), "ops".into()],
        agent: Some("claude".into()),
    }
}

fn evaluate(text: &str, arguments: &str) -> Result<bool, ConditionFault> {
    let condition = Condition::compile(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    condition.evaluate(&Facts::new(&ana(), "gmail", Some(arguments.as_bytes()), NOON))
}

fn explain(text: &str, arguments: &str) -> Option<Unmet> {
    let condition = Condition::compile(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    condition.explain(&Facts::new(&ana(), "gmail", Some(arguments.as_bytes()), NOON))
}

fn refusal(text: &str) -> String {
    match Condition::compile(text) {
        Ok(_) => panic!("{text} was accepted"),
        Err(error) => error.to_string(),
    }
}
