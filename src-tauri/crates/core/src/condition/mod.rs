//! Conditions of grants, written in [CEL](https://cel.dev).
//!
//! A condition says about one call whether it holds. It may look at `args`
//! (the arguments, as sent), `user` (`name`, `teams`), `agent` (`name`; null
//! when the user's own token is used), `connection` (`name`), `tool` (`id`) and `now`:
//!
//! ```
//! use agw_core::{CallerFacts, Condition, Facts};
//! let condition = Condition::compile(
//!     "args.to.all(r, r.endsWith('@acme.com')) && now.getHours('Europe/Berlin') < 18",
//! )?;
//! let ana = CallerFacts { user: "ana".into(), ..CallerFacts::default() };
//! let arguments = br#"{"to": ["bo@acme.com", "eve@evil.example"]}"#;
//! let facts = Facts::new(&ana, "gmail.send", Some(arguments), 0);
//! assert_eq!(condition.evaluate(&facts), Ok(false));
//! let unmet = condition.explain(&facts).unwrap();
//! assert_eq!(unmet.part, "args.to.all(r, r.endsWith('@acme.com'))");
//! assert_eq!(unmet.values[0].1, r#"["bo@acme.com","eve@evil.example"]"#);
//! # Ok::<(), agw_core::ConditionError>(())
//! ```
//!
//! It comes out true or false, or as a [`ConditionFault`] where something is
//! missing, has another type or takes too long; a fault must be taken as a
//! refusal. As CEL has it, `a || b` is true when either is, and `a && b` false
//! when either is, even if the other is a fault. Two values of different
//! types are never equal, so `args.n != 1` holds for `"1"`; `check_schema`
//! finds these where the tool says what its arguments are.

mod check;
mod cost;
mod env;
mod error;
mod explain;
mod facts;
mod path;
mod rule;
mod schema;
mod source;
#[cfg(test)]
mod tests;
mod tokens;
mod vocabulary;

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use cel::{
    Context, IdedExpr, Value,
    common::{ast::SourceInfo, types::CelBool},
    parser::ParseErrors,
};

pub use error::{ConditionError, ConditionFault};
pub use explain::Unmet;
pub use facts::{CallerFacts, Facts};
pub use rule::{Rule, Scalar, all_of, both, not, quoted, same_arguments};

use self::{
    check::Checker,
    cost::Weight,
    env::{ENV, Pattern},
    facts::Names,
    source::Source,
};

/// A condition, compiled when its grant is saved.
pub struct Condition {
    text: String,
    expr: IdedExpr,
    info: SourceInfo,
    patterns: Vec<Pattern>,
    weight: Weight,
    reads_arguments: bool,
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.text).finish()
    }
}

impl Condition {
    /// Longest text, in bytes.
    pub const MAX: usize = 2_000;
    /// Bytes and values of arguments that any condition must be able to bear.
    const SMALL: (usize, usize) = (1_000, 20);
    /// What the parser is told. It is never reached: [`tokens::too_deep`]
    /// counts the same brackets and more.
    const PARSER_DEPTH: u16 = 48;

    pub fn compile(text: &str) -> Result<Self, ConditionError> {
        if text.len() > Self::MAX {
            let message = format!("a condition has at most {} bytes", Self::MAX);
            return Err(ConditionError::new(text, 0, text.len(), message));
        }
        if let Some(token) = tokens::too_deep(&tokens::tokens(text)) {
            let message = "this is nested too deeply";
            return Err(ConditionError::new(text, token.at, token.text.len(), message));
        }
        let parser = ENV.parser().max_recursion_depth(Self::PARSER_DEPTH);
        let parsed = catch_unwind(AssertUnwindSafe(|| parser.parse_with_source_info(text)));
        let (mut expr, info) = match parsed {
            Ok(Ok(parsed)) => parsed,
            Ok(Err(errors)) => return Err(syntax_error(text, &errors)),
            Err(_) => return Err(ConditionError::new(text, 0, text.len(), "cannot be read")),
        };
        let mut checker = Checker::new(Source::new(text, &info));
        checker.check(&mut expr)?;
        let Checker { patterns, weight, reads_arguments, .. } = checker;
        if !weight.bearable(text.len() + Self::SMALL.0, Self::SMALL.1) {
            let message = "this would take too long, even for small arguments";
            return Err(ConditionError::new(text, 0, text.len(), message));
        }
        Ok(Self { text: text.to_owned(), expr, info, patterns, weight, reads_arguments })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it looks at the arguments at all.
    pub fn reads_arguments(&self) -> bool {
        self.reads_arguments
    }

    pub fn evaluate(&self, facts: &Facts<'_>) -> Result<bool, ConditionFault> {
        self.run(&self.expr, facts)
    }

    /// Evaluates a part of the condition.
    fn run(&self, part: &IdedExpr, facts: &Facts<'_>) -> Result<bool, ConditionFault> {
        self.bound(facts)?;
        let names = Names { facts, patterns: &self.patterns };
        // A defect of the evaluator must not take the gateway down, nor allow.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut context = Context::with_env(ENV.clone());
            context.set_variable_resolver(&names);
            let value = Value::resolve_val(part, &context).map_err(|e| ConditionFault::of(&e))?;
            match value.downcast_ref::<CelBool>() {
                Some(truth) => Ok(*truth.inner()),
                None => {
                    let kind = value.get_type().name();
                    Err(ConditionFault::Type(format!(
                        "it comes out as {kind}, not as true or false"
                    )))
                }
            }
        }));
        outcome.unwrap_or_else(|_| Err(ConditionFault::failed("the evaluator failed")))
    }

    fn bound(&self, facts: &Facts<'_>) -> Result<(), ConditionFault> {
        let (mut bytes, mut values) = facts.names();
        bytes += self.text.len();
        if self.reads_arguments {
            bytes += facts.bytes();
            // Before they are read: reading takes time and memory too.
            if !self.weight.bearable(bytes, values) {
                return Err(ConditionFault::TooLarge);
            }
            values += match facts.arguments() {
                Ok(arguments) => arguments.nodes,
                Err(ConditionFault::TooLarge) => return Err(ConditionFault::TooLarge),
                // The condition may come out without them.
                Err(_) => 0,
            };
        }
        self.weight.bearable(bytes, values).then_some(()).ok_or(ConditionFault::TooLarge)
    }
}

/// The first of the parser's reports, which is where it lost track.
fn syntax_error(text: &str, errors: &ParseErrors) -> ConditionError {
    let Some(first) = errors.errors.first() else {
        return ConditionError::new(text, 0, text.len(), "this is no condition");
    };
    let (line, column) = first.pos;
    let place = |n: isize| usize::try_from(n - 1).unwrap_or(0);
    let before: usize = text.split_inclusive('\n').take(place(line)).map(str::len).sum();
    let rest = text.get(before..).unwrap_or_default();
    let at = before + rest.char_indices().nth(place(column)).map_or(rest.len(), |(at, _)| at);
    let token = tokens::tokens(text).into_iter().find(|token| token.at == at);
    let token = token.map_or("", |token| token.text);
    let message = match token {
        "=" => "compare with ==".to_owned(),
        "and" | "&" => "write && for and".to_owned(),
        "or" | "|" => "write || for or".to_owned(),
        _ if first.msg.contains("'<EOF>'") => "the condition ends too early".to_owned(),
        // The parser goes on to list all that it would have taken instead.
        _ => {
            let report = first.msg.lines().next().unwrap_or_default();
            let reason = report.split(" expecting ").next().unwrap_or_default();
            error::shorten(reason.trim_start_matches("Syntax error: "), 160)
        }
    };
    ConditionError::new(text, at, token.len(), message)
}
