//! The common conditions, written by the gateway: for the forms of the window
//! and the options of the command line.

use std::fmt::Write as _;

use super::{Condition, vocabulary::RESERVED};
use crate::json::{Node, Value};

/// Longest text that [`same_arguments`] compares with, in characters.
const SHORT: usize = 80;
/// Longest list that it compares with.
const FEW: usize = 8;
/// Bytes that it fills; the rest of [`Condition::MAX`] is for what it is
/// joined with.
const ROOM: usize = Condition::MAX * 3 / 4;

/// The common conditions, without CEL. A field is named as in
/// `customer.id`; each part between the dots goes one object deeper.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// `args.to.all(r, r.endsWith('@acme.com'))`. Plainly the end of the text:
    /// `Bo <bo@acme.com>` does not end so.
    EveryItem { field: String, ends_with: String },
    /// `args.status in ['open', 'done']`
    OneOf { field: String, values: Vec<Scalar> },
    /// `args.amount <= 100`. A limit that is no number makes a condition that
    /// does not compile.
    AtMost { field: String, limit: f64 },
    /// `args.path.matches('^/srv/')`
    Matches { field: String, pattern: String },
    /// From one hour up to another, in a time zone. `from` 22 and `to` 6 is
    /// the night.
    Between { from: u8, to: u8, zone: String },
}

/// A value to compare with.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    Text(String),
    Integer(i64),
    Number(f64),
    Bool(bool),
}

impl Rule {
    /// As CEL, so that it can be joined with `&&`.
    pub fn condition(&self) -> String {
        match self {
            Self::EveryItem { field, ends_with } => {
                format!("{}.all(r, r.endsWith({}))", argument(field), quoted(ends_with))
            }
            Self::OneOf { field, values } => {
                let values: Vec<String> = values.iter().map(Scalar::literal).collect();
                format!("{} in [{}]", argument(field), values.join(", "))
            }
            Self::AtMost { field, limit } => format!("{} <= {limit}", argument(field)),
            Self::Matches { field, pattern } => {
                format!("{}.matches({})", argument(field), quoted(pattern))
            }
            Self::Between { from, to, zone } => {
                let hour = format!("now.getHours({})", quoted(zone));
                match from < to {
                    true => format!("{hour} >= {from} && {hour} < {to}"),
                    false => format!("({hour} >= {from} || {hour} < {to})"),
                }
            }
        }
    }
}

impl Scalar {
    fn literal(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Integer(number) => number.to_string(),
            // 1e300 rather than 301 digits; but 2, not 2.0.
            Self::Number(number) => format!("{number:?}").trim_end_matches(".0").to_owned(),
            Self::Bool(flag) => flag.to_string(),
        }
    }
}

/// All of the rules, joined.
pub fn all_of(rules: &[Rule]) -> String {
    rules.iter().map(Rule::condition).collect::<Vec<_>>().join(" && ")
}

/// The opposite of a condition.
pub fn not(condition: &str) -> String {
    format!("!{}", bracketed(condition))
}

/// Both of two conditions.
pub fn both(one: &str, other: &str) -> String {
    format!("{} && {}", bracketed(one), bracketed(other))
}

fn bracketed(condition: &str) -> String {
    // A comment at its end would hide the parenthesis.
    let end = if condition.contains("//") { "\n)" } else { ")" };
    format!("({condition}{end}")
}

/// A condition that holds for just these arguments, as far as they are short:
/// long texts and nested objects differ from call to call and are left out.
/// None if nothing is left.
///
/// It is false, and no fault, where a field is missing or of another type,
/// so that it can be negated.
pub fn same_arguments(arguments: &Node<'_>) -> Option<String> {
    let Value::Object(members) = arguments.value() else { return None };
    let mut out = String::new();
    for (key, node) in members {
        let Some(literal) = short_literal(node) else { continue };
        let field = select("args", key);
        let part = match is_name(key) {
            true => format!("has({field}) && {field} == {literal}"),
            false => format!("{} in args && {field} == {literal}", quoted(key)),
        };
        if out.len() + part.len() > ROOM || crate::without_tokens(&part) != part {
            continue;
        }
        if !out.is_empty() {
            out.push_str(" && ");
        }
        out.push_str(&part);
    }
    (!out.is_empty()).then_some(out)
}

fn short_literal(node: &Node<'_>) -> Option<String> {
    match node.value() {
        Value::Null => Some("null".to_owned()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(digits) => number_literal(digits),
        Value::String(text) => (text.chars().nth(SHORT).is_none()).then(|| quoted(text)),
        Value::Array(items) if items.len() <= FEW => {
            let short = |item: &Node<'_>| item.as_str().and_then(|_| short_literal(item));
            let items: Option<Vec<String>> = items.iter().map(short).collect();
            Some(format!("[{}]", items?.join(", ")))
        }
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// As conditions read the numbers of arguments.
fn number_literal(digits: &str) -> Option<String> {
    if digits.parse::<i64>().is_ok() {
        return Some(digits.to_owned());
    }
    if digits.parse::<u64>().is_ok() {
        return Some(format!("{digits}u"));
    }
    let number = digits.parse::<f64>().ok().filter(|number| number.is_finite())?;
    Some(format!("{number:?}"))
}

fn argument(field: &str) -> String {
    field.split('.').fold("args".to_owned(), |path, key| select(&path, key))
}

fn select(path: &str, key: &str) -> String {
    if is_name(key) { format!("{path}.{key}") } else { format!("{path}[{}]", quoted(key)) }
}

/// Whether `key` can stand behind a dot.
pub(super) fn is_name(key: &str) -> bool {
    let mut chars = key.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !RESERVED.contains(&key)
}

/// A text as CEL writes it, in quotes.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for c in text.chars() {
        match c {
            '\'' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Writing to a string does not fail. The invisible characters are
            // spelt out so that a person who reviews the condition sees them.
            c if c.is_control() || is_invisible(c) => {
                let code = u32::from(c);
                let _ = if code > 0xFFFF {
                    write!(out, "\\U{code:08x}")
                } else {
                    write!(out, "\\u{code:04x}")
                };
            }
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

/// Characters that change how text is shown, or are not shown.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}
