//! Chains such as `args.customer.tags[0]`.

use std::fmt;

use cel::{
    IdedExpr,
    common::ast::{Expr, LiteralValue, operators},
};

use super::rule::{is_name, quoted};
use crate::json::{Node, Value};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Item(usize),
}

/// Where a value is found, from a name on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) root: String,
    steps: Vec<Step>,
}

impl Path {
    /// None if `expr` is no chain of fields and written-out indices.
    pub(super) fn of(expr: &IdedExpr) -> Option<Self> {
        let (operand, step) = match &expr.expr {
            Expr::Ident(name) => return Some(Self { root: name.clone(), steps: Vec::new() }),
            Expr::Select(select) => (&*select.operand, Step::Key(select.field.clone())),
            Expr::Call(call) if call.func_name == operators::INDEX => {
                let [operand, index] = call.args.as_slice() else { return None };
                (operand, Step::of(index)?)
            }
            _ => return None,
        };
        let mut path = Self::of(operand)?;
        path.steps.push(step);
        Some(path)
    }

    pub(super) fn find<'n, 'a>(&self, root: &'n Node<'a>) -> Option<&'n Node<'a>> {
        self.steps.iter().try_fold(root, |node, step| match (step, node.value()) {
            (Step::Key(key), _) => node.get(key),
            (Step::Item(index), Value::Array(items)) => items.get(*index),
            _ => None,
        })
    }
}

impl Step {
    fn of(index: &IdedExpr) -> Option<Self> {
        match &index.expr {
            Expr::Literal(LiteralValue::String(key)) => Some(Self::Key(key.inner().to_owned())),
            Expr::Literal(LiteralValue::Int(index)) => {
                usize::try_from(*index.inner()).ok().map(Self::Item)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.root)?;
        self.steps.iter().try_for_each(|step| match step {
            Step::Key(key) if is_name(key) => write!(f, ".{key}"),
            Step::Key(key) => write!(f, "[{}]", quoted(key)),
            Step::Item(index) => write!(f, "[{index}]"),
        })
    }
}
