//! Changes of the permission map that are made together: from a file, or as
//! the gateway suggests them.

use std::io::Read;
use std::path::Path;

use agw_api::{Change, Grant, Suggestion};
use serde_json::Value;

use crate::args::SuggestArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::grant::{HEADINGS, Meaning, row};
use crate::output::word;

/// The longest file with a change.
const MAX_FILE: u64 = 1024 * 1024;

pub(crate) async fn apply(context: &Context<'_>, file: &Path) -> Result<(), CliError> {
    post(context, &read(file)?).await
}

/// Makes the change and prints the grants that it made or edited.
pub(crate) async fn post(context: &Context<'_>, change: &Change) -> Result<(), CliError> {
    let made: Result<Vec<Grant>, _> = context.client.post("/api/v1/changes", change).await;
    let grants = made.map_err(|error| CliError::from(error).about(condition(change)))?;
    context.output.list(&grants, &HEADINGS, row, "Done: the grants are gone.")
}

/// The condition that an error must be about, because there is no other.
pub(crate) fn condition(change: &Change) -> Option<&str> {
    let added = change.add.iter().map(|grant| grant.when.as_deref());
    let mut all = added.chain(change.edit.iter().map(|edit| edit.when.as_deref())).flatten();
    all.next().filter(|_| all.next().is_none())
}

/// What the change does, one line for each grant.
pub(crate) fn words(change: &Change) -> String {
    let added = change.add.iter().map(|grant| format!("  new: {}", Meaning::from(grant)));
    let edited =
        change.edit.iter().map(|edit| format!("  {} becomes: {}", edit.id, Meaning::from(edit)));
    let removed = change.remove.iter().map(|grant| format!("  {} goes", grant.id));
    added.chain(edited).chain(removed).collect::<Vec<_>>().join("\n")
}

/// A change from a file, or from stdin for `-`.
pub(crate) fn read(file: &Path) -> Result<Change, CliError> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().lock().take(MAX_FILE + 1).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|open| open.take(MAX_FILE + 1).read_to_string(&mut text))
    };
    let read = read.map_err(|error| {
        CliError::io(&format!("cannot read {}", file.display()), &error, "Check the path.")
            .into_usage()
    })?;
    if read as u64 > MAX_FILE {
        return Err(no_change(&format!("it is longer than {MAX_FILE} bytes")));
    }
    parse(&text)
}

fn parse(text: &str) -> Result<Change, CliError> {
    let given: Value = serde_json::from_str(text).map_err(|error| no_change(&error.to_string()))?;
    let change: Change =
        serde_json::from_value(given.clone()).map_err(|error| no_change(&error.to_string()))?;
    let understood = serde_json::to_value(&change).unwrap_or_default();
    if let Some(name) = unknown(&given, &understood) {
        return Err(no_change(&format!("there is no field {name:?}")));
    }
    if change == Change::default() {
        return Err(no_change("it changes nothing"));
    }
    Ok(change)
}

/// A field of `given` that nothing came of. A condition under a misspelt name
/// must not be left out in silence: what remains would allow more.
fn unknown<'a>(given: &'a Value, understood: &Value) -> Option<&'a str> {
    match (given, understood) {
        (Value::Object(given), Value::Object(understood)) => {
            given.iter().find_map(|(name, value)| match understood.get(name) {
                Some(understood) => unknown(value, understood),
                None if value.is_null() || *value == Value::Array(Vec::new()) => None,
                None => Some(name.as_str()),
            })
        }
        (Value::Array(given), Value::Array(understood)) => {
            given.iter().zip(understood).find_map(|(given, understood)| unknown(given, understood))
        }
        _ => None,
    }
}

fn no_change(why: &str) -> CliError {
    CliError::usage(
        format!("this is no change: {why}"),
        "See `agw apply --help`, or take the `change` of a line of `agw suggest --json`.",
    )
}

pub(crate) async fn suggest(context: &Context<'_>, args: SuggestArgs) -> Result<(), CliError> {
    let path = format!("/api/v1/suggestions?days={}", args.days);
    let suggestions: Vec<Suggestion> = context.client.get(&path).await?;
    if let Some(number) = args.apply {
        let index = usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
        let suggestion = suggestions.get(index).ok_or_else(|| {
            CliError::failed(
                agw_api::codes::NOT_FOUND,
                format!("there is no suggestion {number}"),
                format!("`agw suggest --days {}` lists those that there are.", args.days),
            )
        })?;
        context.output.hint(&format!("{}\n{}", suggestion.reason, words(&suggestion.change)));
        return post(context, &suggestion.change).await;
    }
    let numbered: Vec<Numbered> = (1..).zip(&suggestions).map(Numbered).collect();
    context.output.list(
        &numbered,
        &["NR", "KIND", "GRANT", "REASON"],
        |Numbered((number, suggestion))| {
            vec![
                number.to_string(),
                word(&suggestion.kind),
                format!("{}: {}", suggestion.grant.id, Meaning::from(&suggestion.grant)),
                suggestion.reason.clone(),
            ]
        },
        "Nothing to suggest: every grant was used as widely as it allows.",
    )
}

/// The number is for `--apply`; in JSON the lines are counted.
struct Numbered<'a>((u32, &'a Suggestion));

impl serde::Serialize for Numbered<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.1.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_from_a_file() {
        let change = parse(
            r#"{"add": [{"subject": "ana", "tool": "crm.*", "effect": "ask", "when": null}],
                "edit": [{"id": "g3", "subject": "ana", "tool": "crm.read", "effect": "allow",
                          "when": "args.x == 1", "version": 2}],
                "remove": [{"id": "g4", "version": 1}]}"#,
        )
        .unwrap();
        assert_eq!(
            words(&change),
            "  new: ana asks a person before using crm.*\n  \
             g3 becomes: ana may use crm.read when args.x == 1\n  g4 goes"
        );
        assert_eq!(condition(&change), Some("args.x == 1"));
    }

    #[test]
    fn what_is_not_understood_is_not_left_out() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"add": []}"#,
            r#"{"remvoe": [{"id": "g4", "version": 1}]}"#,
            r#"{"remove": [{"id": "g4"}]}"#,
            r#"{"add": [{"subject": "ana", "tool": "*", "effect": "allow", "whne": "false"}]}"#,
            r#"{"add": [{"subject": "ana", "tool": "*", "effect": "maybe"}]}"#,
        ] {
            assert!(matches!(parse(text), Err(CliError::Usage(_))), "{text}");
        }
    }

    #[test]
    fn of_two_conditions_neither_can_be_blamed() {
        let grant = |when: &str| serde_json::json!({"subject": "a", "tool": "*", "effect": "ask", "when": when});
        let change = parse(&serde_json::json!({"add": [grant("x"), grant("y")]}).to_string());
        assert_eq!(condition(&change.unwrap()), None);
    }
}
