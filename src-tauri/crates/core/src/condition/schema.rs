//! What a condition says of `args`, checked against the input schema of a
//! tool.
//!
//! Only what is certain is refused: where a schema refers elsewhere or offers
//! alternatives, anything is taken.

use std::fmt;

use cel::{
    IdedExpr,
    common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators},
};

use super::{Condition, ConditionError, env::LIST, path::Path, source::Source};
use crate::json::{Node, Value};

/// Fields that a message names.
const FIELDS_SHOWN: usize = 8;
/// Members of a schema that say more than `properties` does.
const ELSEWHERE: [&str; 8] = [
    "$ref",
    "$dynamicRef",
    "allOf",
    "anyOf",
    "if",
    "oneOf",
    "patternProperties",
    "unevaluatedProperties",
];
/// What only texts have.
const OF_TEXT: [&str; 4] = ["startsWith", "endsWith", "contains", "matches"];

type Checked<T = ()> = Result<T, ConditionError>;

/// The kinds of JSON value; the integers are numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Bool,
    List,
    Object,
    Null,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Bool => "true or false",
            Self::List => "a list",
            Self::Object => "an object",
            Self::Null => "null",
        })
    }
}

impl Kind {
    /// None if the schema does not name one type.
    fn of(schema: &Node<'_>) -> Option<Self> {
        Some(match schema.get("type")?.as_str()? {
            "string" => Self::Text,
            "number" | "integer" => Self::Number,
            "boolean" => Self::Bool,
            "array" => Self::List,
            "object" => Self::Object,
            "null" => Self::Null,
            _ => return None,
        })
    }

    fn of_literal(expr: &IdedExpr) -> Option<Self> {
        Some(match &expr.expr {
            Expr::List(_) => Self::List,
            Expr::Map(_) => Self::Object,
            Expr::Literal(literal) => match literal {
                LiteralValue::Boolean(_) => Self::Bool,
                LiteralValue::Double(_) | LiteralValue::Int(_) | LiteralValue::UInt(_) => {
                    Self::Number
                }
                LiteralValue::String(_) => Self::Text,
                LiteralValue::Null => Self::Null,
                LiteralValue::Bytes(_) => return None,
            },
            _ => return None,
        })
    }
}

impl Condition {
    /// Checks what it says of `args` against a tool's input schema.
    pub fn check_schema(&self, schema: &Node<'_>) -> Result<(), ConditionError> {
        let source = Source::new(&self.text, &self.info);
        let mut check = Check { source, root: schema, loops: Vec::new() };
        check.place(&self.expr).map(drop)
    }
}

/// A part of an expression, and the schema of its value if that is known.
struct Part<'c, 's> {
    expr: &'c IdedExpr,
    schema: Option<&'c Node<'s>>,
}

impl Part<'_, '_> {
    fn kind(&self) -> Option<Kind> {
        self.schema.and_then(Kind::of)
    }
}

struct Check<'c, 's> {
    source: Source<'c>,
    root: &'c Node<'s>,
    /// The variables of the loops around, and what is known of them.
    loops: Vec<(&'c str, Option<&'c Node<'s>>)>,
}

impl<'c, 's> Check<'c, 's> {
    /// Checks `expr` and all below it, and returns the schema of its value,
    /// if that is known.
    fn place(&mut self, expr: &'c IdedExpr) -> Checked<Option<&'c Node<'s>>> {
        match &expr.expr {
            Expr::Ident(name) => {
                let variable = self.loops.iter().find(|(known, _)| known == name);
                Ok(match variable {
                    Some((_, schema)) => *schema,
                    None => (name == "args").then_some(self.root),
                })
            }
            Expr::Select(select) => match self.place(&select.operand)? {
                None => Ok(None),
                Some(schema) => self.member(expr, &select.operand, schema, &select.field),
            },
            Expr::Call(call) => self.call(expr, call),
            Expr::List(list) => self.all(list.elements.iter()),
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.all([&entry.key, &entry.value].into_iter())?;
                    }
                }
                Ok(None)
            }
            Expr::Comprehension(c) => self.comprehension(expr, c),
            Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => Ok(None),
        }
    }

    fn all(&mut self, parts: impl Iterator<Item = &'c IdedExpr>) -> Checked<Option<&'c Node<'s>>> {
        for part in parts {
            self.place(part)?;
        }
        Ok(None)
    }

    /// An error about a field, shown there.
    fn refuse<T>(&self, field: &IdedExpr, message: impl fmt::Display) -> Checked<T> {
        let name = Path::of(field).map_or_else(|| "this".to_owned(), |path| path.to_string());
        Err(self.source.error(field, format!("{name}{message}")))
    }

    fn member(
        &self,
        expr: &'c IdedExpr,
        operand: &IdedExpr,
        schema: &'c Node<'s>,
        field: &str,
    ) -> Checked<Option<&'c Node<'s>>> {
        if ELSEWHERE.iter().any(|key| schema.get(key).is_some()) {
            return Ok(None);
        }
        if let Some(kind) = Kind::of(schema).filter(|kind| *kind != Kind::Object) {
            return self.refuse(operand, format_args!(" is {kind}; it has no fields"));
        }
        let Some(Value::Object(fields)) = schema.get("properties").map(Node::value) else {
            return Ok(None);
        };
        if let Some((_, found)) = fields.iter().find(|(name, _)| name == field) {
            return Ok(Some(found));
        }
        let more = schema.get("additionalProperties").map(Node::value);
        if matches!(more, Some(Value::Bool(true) | Value::Object(_))) {
            return Ok(None);
        }
        let mut names: Vec<&str> =
            fields.iter().take(FIELDS_SHOWN).map(|(name, _)| &**name).collect();
        if fields.len() > FIELDS_SHOWN {
            names.push("…");
        }
        let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let lack = match &operand.expr {
            Expr::Ident(name) if name == "args" => "the tool has no such argument",
            _ => "there is no such field",
        };
        self.refuse(expr, format_args!(": {lack}; it has {there}"))
    }

    fn call(&mut self, expr: &'c IdedExpr, call: &'c CallExpr) -> Checked<Option<&'c Node<'s>>> {
        let name = call.func_name.as_str();
        let parts = call.target.iter().map(Box::as_ref).chain(&call.args);
        let parts = parts.map(|part| Ok(Part { expr: part, schema: self.place(part)? }));
        let parts: Vec<Part<'c, 's>> = parts.collect::<Result<_, _>>()?;
        match (name, parts.as_slice()) {
            (operators::INDEX, [operand, index]) => self.index(expr, operand, index),
            (
                operators::EQUALS
                | operators::NOT_EQUALS
                | operators::LESS
                | operators::LESS_EQUALS
                | operators::GREATER
                | operators::GREATER_EQUALS,
                [left, right],
            ) => {
                self.compare(left, right.expr)?;
                self.compare(right, left.expr)?;
                Ok(None)
            }
            (operators::IN, [item, list]) => self.membership(item, list).map(|()| None),
            (_, [subject, ..]) if OF_TEXT.contains(&name) || name == "size" => {
                let sized = |kind| name == "size" && [Kind::List, Kind::Object].contains(&kind);
                match subject.kind() {
                    Some(kind) if kind != Kind::Text && !sized(kind) => {
                        self.refuse(subject.expr, format_args!(" is {kind}; it has no {name}()"))
                    }
                    _ => Ok(None),
                }
            }
            _ => Ok(None),
        }
    }

    fn index(
        &self,
        expr: &'c IdedExpr,
        operand: &Part<'c, 's>,
        index: &Part<'c, 's>,
    ) -> Checked<Option<&'c Node<'s>>> {
        let Some(schema) = operand.schema else { return Ok(None) };
        if let Expr::Literal(LiteralValue::String(key)) = &index.expr.expr {
            return self.member(expr, operand.expr, schema, key.inner());
        }
        match Kind::of(schema) {
            Some(Kind::List) => Ok(schema.get("items")),
            Some(Kind::Object) | None => Ok(None),
            Some(kind) => self.refuse(operand.expr, format_args!(" is {kind}; it has no items")),
        }
    }

    /// A field against something written out.
    fn compare(&self, field: &Part<'c, 's>, literal: &IdedExpr) -> Checked {
        match (field.kind(), Kind::of_literal(literal)) {
            (Some(kind), Some(given)) if kind != given => {
                let message = format_args!(" is {kind}; it cannot be compared with {given}");
                self.refuse(field.expr, message)
            }
            _ => Ok(()),
        }
    }

    fn membership(&self, item: &Part<'c, 's>, list: &Part<'c, 's>) -> Checked {
        if let Expr::List(list) = &list.expr.expr {
            return list.elements.iter().try_for_each(|element| self.compare(item, element));
        }
        let Some(schema) = list.schema else { return Ok(()) };
        let items = match Kind::of(schema) {
            None => return Ok(()),
            Some(Kind::Object) => Some(Kind::Text),
            Some(Kind::List) => schema.get("items").and_then(Kind::of),
            Some(kind) => {
                return self.refuse(list.expr, format_args!(" is {kind}; nothing is in it"));
            }
        };
        match (Kind::of_literal(item.expr), items) {
            (Some(given), Some(kind)) if given != kind => {
                self.refuse(list.expr, format_args!(": each item is {kind}, never {given}"))
            }
            _ => Ok(()),
        }
    }

    fn comprehension(
        &mut self,
        expr: &'c IdedExpr,
        c: &'c ComprehensionExpr,
    ) -> Checked<Option<&'c Node<'s>>> {
        // `map` and `filter` take lists only.
        let (range, objects) = match &c.iter_range.expr {
            Expr::Call(call) if call.func_name == LIST => {
                (call.args.first().unwrap_or(&c.iter_range), false)
            }
            _ => (&c.iter_range, true),
        };
        let items = match self.place(range)? {
            None => None,
            Some(schema) => match Kind::of(schema) {
                Some(Kind::List) => schema.get("items"),
                None => None,
                // The others go over the keys of an object.
                Some(Kind::Object) if objects => None,
                Some(kind) => {
                    let name = self.source.name(expr);
                    return self
                        .refuse(range, format_args!(" is {kind}; {name}() goes over a list"));
                }
            },
        };
        self.loops.push((&c.iter_var, items));
        let body = [&c.accu_init, &c.loop_cond, &c.loop_step, &c.result];
        let checked = self.all(body.into_iter());
        self.loops.pop();
        checked
    }
}
