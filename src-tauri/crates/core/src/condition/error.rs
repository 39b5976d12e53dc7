//! What can be wrong with a condition, and what can go wrong with it.

use std::fmt;

use cel::ExecutionError;

use super::env::LIST;

/// Characters of a value that a message repeats.
const SHOWN: usize = 60;

/// Why a condition was not accepted, and where. `at` and `length` count
/// characters, `at` from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionError {
    pub message: String,
    pub at: usize,
    pub length: usize,
    line: usize,
    column: usize,
}

impl ConditionError {
    /// `at` and `length` in bytes of `text`.
    pub(super) fn new(text: &str, at: usize, length: usize, message: impl Into<String>) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let meant = text.get(at..at.saturating_add(length)).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            message: message.into(),
            at: before.chars().count(),
            length: meant.chars().count(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        }
    }
}

impl fmt::Display for ConditionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { message, line, column, .. } = self;
        match line {
            1 => write!(f, "{message} (at character {column})"),
            _ => write!(f, "{message} (at line {line}, character {column})"),
        }
    }
}

impl std::error::Error for ConditionError {}

/// Why a condition came out neither true nor false. Whoever asks must treat
/// it as a refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConditionFault {
    #[error("it looks at {0:?}, which is missing")]
    Missing(String),
    #[error("{0}")]
    Type(String),
    #[error("the arguments are too large for it to be evaluated in bounded time")]
    TooLarge,
    #[error("{0}")]
    Failed(String),
}

impl ConditionFault {
    /// Most errors of CEL carry values, and print them whole; only types and
    /// the beginning of a text are kept.
    pub(super) fn of(error: &ExecutionError) -> Self {
        use ExecutionError as E;
        match error {
            E::NoSuchKey(key) => Self::Missing(shown(key)),
            E::UndeclaredReference(name) => Self::Missing(shown(name)),
            E::IndexOutOfBounds(_) => Self::Missing("an item of a list".into()),
            E::NoSuchOverload(no) => Self::Type(no_overload(no.function(), no.argument_types())),
            E::UnexpectedType { got, want } => {
                Self::Type(format!("it has a value of type {got} where {want} is needed"))
            }
            E::UnsupportedBinaryOperator(operator, left, right) => Self::Type(format!(
                "it cannot {operator} a value of type {} and one of type {}",
                left.type_of(),
                right.type_of()
            )),
            E::ValuesNotComparable(left, right) => Self::Type(format!(
                "it cannot compare a value of type {} with one of type {}",
                left.type_of(),
                right.type_of()
            )),
            E::UnsupportedKeyType(key) => {
                Self::Type(format!("it uses a value of type {} as a key", key.type_of()))
            }
            E::FunctionError { function, message } => {
                Self::Failed(format!("{function}() failed: {}", shown(message)))
            }
            E::DivisionByZero(_) | E::RemainderByZero(_) => Self::Failed("it divides by 0".into()),
            E::Overflow(..) => Self::Failed("a number in it grows out of range".into()),
            E::DuplicateKey(_) => Self::Failed("a map in it has a key twice".into()),
            _ => Self::Failed("it cannot be evaluated".into()),
        }
    }

    pub(super) fn failed(why: &str) -> Self {
        Self::Failed(why.to_owned())
    }
}

fn no_overload(function: &str, types: &[String]) -> String {
    let first = types.first().map_or("nothing", |name| name);
    match function {
        "_._" => format!("it looks for a field in a value of type {first}"),
        "_[_]" => format!("it looks for an item in a value of type {first}"),
        LIST => format!("it makes a list of a value of type {first}"),
        _ => {
            let name = function.trim_matches(['_', '@']);
            format!("it applies {name} to {}", types.join(" and "))
        }
    }
}

/// The beginning of `text`, without our tokens.
fn shown(text: &str) -> String {
    shorten(&crate::without_tokens(text), SHOWN)
}

/// The first `most` characters of `text`, and an ellipsis if there are more.
pub(super) fn shorten(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}
