//! The one CEL environment: the standard library, with `matches` of our own.

use std::{
    any::Any,
    sync::{Arc, LazyLock},
};

use cel::{
    Env, ExecutionError,
    common::{
        types::{CelBool, CelString, LIST_TYPE, STRING_TYPE, Type},
        value::{CowVal, StaticVal, Val},
    },
};
use regex::{Regex, RegexBuilder};

/// KiB that a compiled pattern may take. The smallest of these that holds it
/// is its size; they are few, as each takes a try to compile it.
const SIZES: [usize; 3] = [4, 32, 256];
/// Deepest nesting of a pattern, repetitions of repetitions included: a deep
/// one overflows the stack of a small thread.
const NESTED: u32 = 40;
/// Bytes of the longest text that is matched with a pattern of 1 KiB; larger
/// patterns take shorter ones. Matching has no other bound: at worst it takes
/// time for each byte of the text and of the pattern.
const LONGEST: usize = 24_000_000;

static PATTERN: Type = Type::new_unspecified_type("pattern");

/// Shared by all conditions: building it takes longer than most evaluations.
pub(super) static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib().with_optional_support(false);
    // The crate is built without its own `matches`, so none of these is
    // declared yet. Were one refused, every use of it would fail, and deny.
    let member = ("pattern_member", STRING_TYPE, vec![PATTERN.to_owned()]);
    let (id, target, arguments) = member;
    let _ = env.add_member_overload("matches", id, target, arguments, matches);
    let arguments = vec![STRING_TYPE, PATTERN.to_owned()];
    let _ = env.add_overload("matches", "pattern_function", arguments, matches);
    let _ = env.add_overload(LIST, "list_of_list", vec![LIST_TYPE], same);
    Arc::new(env)
});

/// A function that takes a list and gives it back. `map` and `filter` are
/// made to go through it: they also take an object, whose keys come in an
/// order that differs from one evaluation to the next.
pub(super) const LIST: &str = "@list";

fn same<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    arguments.into_iter().next().ok_or_else(ExecutionError::missing_argument_or_target)
}

/// A regular expression, compiled when the condition is. CEL's own `matches`
/// compiles it anew for each call, which costs up to milliseconds, and takes
/// it from anywhere, the arguments of the caller included.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    regex: Regex,
    /// Bytes of the longest text that it is matched with.
    longest: usize,
}

impl Pattern {
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        for size in SIZES {
            let mut builder = RegexBuilder::new(text);
            match builder.size_limit(size << 10).nest_limit(NESTED).build() {
                Ok(regex) => return Ok(Self { regex, longest: LONGEST / size }),
                Err(regex::Error::CompiledTooBig(_)) => {}
                // The last line of the report is the reason, the others a drawing.
                Err(error) => {
                    let report = error.to_string();
                    let reason = report.lines().last().unwrap_or_default();
                    let reason = reason.trim_start_matches("error: ");
                    return Err(format!("not a pattern: {reason}"));
                }
            }
        }
        let smaller = r"[0-9] is smaller than \d, [a-z] than \w";
        Err(format!("the pattern is too large; {smaller}"))
    }
}

impl Val for Pattern {
    fn get_type(&self) -> &Type {
        &PATTERN
    }

    fn cel_type() -> &'static Type {
        &PATTERN
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Pattern {}

fn matches<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [text, pattern] = arguments.as_slice() else {
        return Err(ExecutionError::invalid_argument_count(2, arguments.len()));
    };
    let text = text.downcast_ref::<CelString<'_>>();
    let (Some(text), Some(pattern)) = (text, pattern.downcast_ref::<Pattern>()) else {
        return Err(ExecutionError::missing_argument_or_target());
    };
    if text.inner().len() > pattern.longest {
        return Err(ExecutionError::function_error("matches", "the text is too long"));
    }
    Ok(CowVal::owned(CelBool::from(pattern.regex.is_match(text.inner()))))
}
