//! What a filter asks for, in the plainest words.

use agw_core::ToolEffect;
use serde_json::Value;

use super::super::Filter;
use crate::audit::{Kind, Record};

pub(super) const USERS: [&str; 4] = ["root", "ana", "Bo O'Neill", "ana-maria"];
/// Each with the number of the user whose it is.
pub(super) const AGENTS: [(u64, &str); 4] =
    [(2, "claude"), (2, "Cursor"), (3, "claude"), (4, "bot")];

fn user_name(record: &Record) -> Option<&'static str> {
    record.user.map(|user| USERS[user.get() as usize - 1])
}

pub(super) fn is(record: &Record, filter: &Filter) -> bool {
    let same = |sought: &Option<String>, found: Option<&str>| {
        sought.as_ref().is_none_or(|sought| found == Some(sought))
    };
    let ms = |text: &String| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
    let agent = record.agent.map(|agent| AGENTS[agent.get() as usize - 1]);
    let agent_is = |sought: &String| {
        agent.is_some_and(|(owner, name)| {
            *sought == name || *sought == format!("{}/{name}", USERS[owner as usize - 1])
        })
    };
    let call = matches!(record.kind, Kind::Intent | Kind::Outcome | Kind::Approval);
    let effect = record.effect.map_or("unknown", ToolEffect::as_str);
    let in_team =
        |team: &String| team == "sales" && matches!(user_name(record), Some("ana" | "Bo O'Neill"));
    let prefix = |connection: &String| {
        record.tool.as_ref().is_some_and(|tool| tool.starts_with(&format!("{connection}.")))
    };
    same(&filter.kind, Some(record.kind.as_str()))
        && same(&filter.decision, record.decision)
        && same(&filter.user, user_name(record))
        && same(&filter.tool, record.tool.as_deref())
        && same(&filter.reason, record.reason)
        && same(&filter.status, record.status)
        && filter.team.as_ref().is_none_or(in_team)
        && filter.agent.as_ref().is_none_or(agent_is)
        && filter.connection.as_ref().is_none_or(prefix)
        && filter.effect.as_ref().is_none_or(|sought| call && sought == effect)
        && filter.since.as_ref().is_none_or(|since| record.time >= ms(since))
        && filter.until.as_ref().is_none_or(|until| record.time <= ms(until))
        && filter.only.is_none_or(|only| record.user == Some(only))
        && filter.text.as_ref().is_none_or(|text| has_text(record, &text.trim().to_lowercase()))
}

fn has_text(record: &Record, text: &str) -> bool {
    let mut words = vec![record.kind.as_str().to_owned()];
    words.extend([&record.tool, &record.detail].into_iter().flatten().cloned());
    let codes = [record.decision, record.reason, record.status, user_name(record)];
    let agent = record.agent.map(|agent| AGENTS[agent.get() as usize - 1].1);
    words.extend(codes.into_iter().chain([agent]).flatten().map(str::to_owned));
    if let Some(clear) = &record.clear {
        leaves(&serde_json::from_str(clear).unwrap(), &mut words);
    }
    words.iter().any(|word| word.to_lowercase().contains(text))
}

fn leaves(value: &Value, words: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            words.push(name.clone());
            leaves(value, words);
        }),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, words)),
        Value::String(text) => words.push(text.clone()),
        other => words.push(other.to_string()),
    }
}
