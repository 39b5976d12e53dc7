//! What a condition may look at, as CEL values.

use std::{borrow::Cow, collections::HashMap, sync::OnceLock};

use cel::{
    common::{
        types::{
            CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString,
            CelTimestamp, CelUInt,
        },
        value::{CowVal, Val},
    },
    context::VariableResolver,
};
use chrono::DateTime;

use super::{ConditionFault, cost::MOST_VALUES, env::Pattern};
use crate::json::{self, Node, Value};

type Read<T> = Result<T, ConditionFault>;

/// Names of the caller, for conditions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallerFacts {
    pub user: String,
    pub teams: Vec<String>,
    /// `None` when the user's own token is used.
    pub agent: Option<String>,
}

/// What a condition may look at: `user`, `agent`, `connection`, `tool`, `args`
/// and `now`. Made once for a call; the arguments are read when the first
/// condition needs them, and once for all conditions.
#[derive(Debug)]
pub struct Facts<'a> {
    caller: &'a CallerFacts,
    tool: &'a str,
    arguments: Option<&'a [u8]>,
    now_ms: i64,
    read: OnceLock<Read<Arguments<'a>>>,
    user: OnceLock<CelMap<'a>>,
}

#[derive(Debug)]
pub(super) struct Arguments<'a> {
    pub(super) node: Node<'a>,
    /// Values in `node`, itself included.
    pub(super) nodes: usize,
    values: CelMap<'a>,
}

impl<'a> Facts<'a> {
    /// `tool` is an id; its connection is what stands before the first dot.
    /// `arguments` is the text of a JSON object. Where it is not known, as
    /// when tools are listed, a condition that comes to look at it fails.
    pub fn new(
        caller: &'a CallerFacts,
        tool: &'a str,
        arguments: Option<&'a [u8]>,
        now_ms: i64,
    ) -> Self {
        let (read, user) = (OnceLock::new(), OnceLock::new());
        Self { caller, tool, arguments, now_ms, read, user }
    }

    fn connection(&self) -> &'a str {
        self.tool.split_once('.').map_or(self.tool, |(connection, _)| connection)
    }

    /// Bytes of the arguments as sent.
    pub(super) fn bytes(&self) -> usize {
        self.arguments.map_or(0, <[u8]>::len)
    }

    /// Bytes and number of the names of the caller and the tool.
    pub(super) fn names(&self) -> (usize, usize) {
        let CallerFacts { user, teams, agent } = self.caller;
        let named = user.len() + agent.as_ref().map_or(0, String::len) + 2 * self.tool.len();
        (named + teams.iter().map(String::len).sum::<usize>(), teams.len() + 4)
    }

    pub(super) fn arguments(&self) -> Read<&Arguments<'a>> {
        let Some(bytes) = self.arguments else {
            return Err(ConditionFault::Missing("args".into()));
        };
        let read = self.read.get_or_init(|| {
            let node = json::parse(bytes).map_err(|_| no_object())?;
            let Value::Object(members) = node.value() else { return Err(no_object()) };
            let mut nodes = 1;
            let values = object(members, &mut nodes)?;
            Ok(Arguments { node, nodes, values })
        });
        read.as_ref().map_err(Clone::clone)
    }

    pub(super) fn now(&self) -> Option<DateTime<chrono::FixedOffset>> {
        DateTime::from_timestamp_millis(self.now_ms).map(|now| now.fixed_offset())
    }

    /// All but the arguments, as JSON, to be shown.
    pub(super) fn described(&self) -> String {
        let CallerFacts { user, teams, agent } = self.caller;
        let mut out = String::from(r#"{"user":{"name":"#);
        json::write_string(user, &mut out);
        out.push_str(r#","teams":["#);
        for (at, team) in teams.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            json::write_string(team, &mut out);
        }
        out.push_str(r#"]},"agent":"#);
        match agent {
            None => out.push_str("null"),
            Some(agent) => {
                out.push_str(r#"{"name":"#);
                json::write_string(agent, &mut out);
                out.push('}');
            }
        }
        out.push_str(r#","connection":{"name":"#);
        json::write_string(self.connection(), &mut out);
        out.push_str(r#"},"tool":{"id":"#);
        json::write_string(self.tool, &mut out);
        out.push('}');
        if let Some(now) = self.now() {
            out.push_str(r#","now":"#);
            json::write_string(&now.to_rfc3339(), &mut out);
        }
        out.push('}');
        out
    }

    fn user(&self) -> &CelMap<'a> {
        self.user.get_or_init(|| {
            let teams = self.caller.teams.iter().map(|team| text(team)).collect::<Vec<_>>();
            let name = text(&self.caller.user);
            map([("name", name), ("teams", Box::new(CelList::from(teams)))])
        })
    }
}

/// The names a condition can use: the facts, and the condition's own patterns
/// under names that cannot be written in CEL.
pub(super) struct Names<'f, 'a> {
    pub(super) facts: &'f Facts<'a>,
    pub(super) patterns: &'f [Pattern],
}

impl VariableResolver for Names<'_, '_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let facts = self.facts;
        Some(match variable {
            "args" => CowVal::Borrowed(&facts.arguments().ok()?.values),
            "user" => CowVal::Borrowed(facts.user()),
            "agent" => match &facts.caller.agent {
                None => CowVal::owned(CelNull),
                Some(agent) => CowVal::owned(map([("name", text(agent))])),
            },
            "connection" => CowVal::owned(map([("name", text(facts.connection()))])),
            "tool" => CowVal::owned(map([("id", text(facts.tool))])),
            "now" => CowVal::owned(CelTimestamp::from(facts.now()?)),
            _ => {
                let pattern = variable.strip_prefix('@')?.parse().ok()?;
                CowVal::Borrowed(self.patterns.get::<usize>(pattern)?)
            }
        })
    }
}

fn text(text: &str) -> Box<dyn Val + '_> {
    Box::new(CelString::from(text))
}

fn map<'v, const N: usize>(entries: [(&'v str, Box<dyn Val + 'v>); N]) -> CelMap<'v> {
    entries.into_iter().map(|(key, value)| (key.into(), value)).collect::<HashMap<_, _>>().into()
}

// The crate's own lists and maps, rather than views of the JSON: a literal
// list or map equals nothing else, and `!=` would be true of a view.

fn value<'a>(node: &Node<'a>, nodes: &mut usize) -> Read<Box<dyn Val + 'a>> {
    *nodes += 1;
    if *nodes > MOST_VALUES {
        return Err(ConditionFault::TooLarge);
    }
    Ok(match node.value() {
        Value::Null => Box::new(CelNull),
        Value::Bool(flag) => Box::new(CelBool::from(*flag)),
        Value::Number(digits) => number(digits)?,
        Value::String(text) => Box::new(CelString::from(text.clone())),
        Value::Array(items) => {
            let items: Read<Vec<_>> = items.iter().map(|item| value(item, nodes)).collect();
            Box::new(CelList::from(items?))
        }
        Value::Object(members) => Box::new(object(members, nodes)?),
    })
}

fn object<'a>(members: &[(Cow<'a, str>, Node<'a>)], nodes: &mut usize) -> Read<CelMap<'a>> {
    let mut values = HashMap::with_capacity(members.len());
    for (key, member) in members {
        let key = CelMapKey::String(CelString::from(key.clone()));
        values.insert(key, value(member, nodes)?);
    }
    Ok(values.into())
}

/// An integer if it is written as one and fits, otherwise a double.
fn number<'v>(digits: &str) -> Read<Box<dyn Val + 'v>> {
    if let Ok(number) = digits.parse::<i64>() {
        return Ok(Box::new(CelInt::from(number)));
    }
    if let Ok(number) = digits.parse::<u64>() {
        return Ok(Box::new(CelUInt::from(number)));
    }
    match digits.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Box::new(CelDouble::from(number))),
        _ => Err(ConditionFault::failed("a number in the arguments is out of range")),
    }
}

fn no_object() -> ConditionFault {
    ConditionFault::failed("the arguments are not a JSON object")
}
