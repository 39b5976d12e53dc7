//! Which part of a condition did not hold, and what it looked at.

use cel::{
    IdedExpr,
    common::ast::{EntryExpr, Expr, operators},
};

use super::{Condition, Facts, error::shorten, path::Path, tokens::conjuncts, vocabulary::FACTS};
use crate::json::{self, Node};

/// Characters that are shown of a value.
const VALUE_SHOWN: usize = 80;
/// Values that are shown.
const VALUES: usize = 16;

/// The part of a condition that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// As it is written.
    pub part: String,
    /// What it looked at, and the JSON text of that, shortened: `args.amount`
    /// and `250`. What is not there is `missing`.
    pub values: Vec<(String, String)>,
    /// Why it came out neither true nor false, if it did not come out false.
    pub fault: Option<String>,
}

impl Condition {
    /// The first of the parts between the top-level `&&` that did not come
    /// out true. None if all did.
    pub fn explain(&self, facts: &Facts<'_>) -> Option<Unmet> {
        let mut parts = Vec::new();
        flatten(&self.expr, &mut parts);
        let mut texts = conjuncts(&self.text);
        if texts.len() != parts.len() {
            (parts, texts) = (vec![&self.expr], vec![self.text.trim()]);
        }
        parts.into_iter().zip(texts).find_map(|(part, text)| {
            let fault = match self.run(part, facts) {
                Ok(true) => return None,
                Ok(false) => None,
                Err(fault) => Some(fault.to_string()),
            };
            Some(Unmet { part: text.to_owned(), values: values(part, facts), fault })
        })
    }
}

fn flatten<'e>(expr: &'e IdedExpr, parts: &mut Vec<&'e IdedExpr>) {
    match &expr.expr {
        Expr::Call(call) if call.func_name == operators::LOGICAL_AND => {
            call.args.iter().for_each(|part| flatten(part, parts));
        }
        _ => parts.push(expr),
    }
}

fn values(part: &IdedExpr, facts: &Facts<'_>) -> Vec<(String, String)> {
    let mut paths = Vec::new();
    looked_at(part, &mut paths);
    let described = facts.described();
    let described = json::parse(described.as_bytes()).ok();
    let mut values: Vec<(String, String)> = Vec::new();
    for path in paths {
        let root = match path.root.as_str() {
            "args" => facts.arguments().ok().map(|arguments| &arguments.node),
            name => described.as_ref().and_then(|all| all.get(name)),
        };
        let name = path.to_string();
        let Some(root) = root else { continue };
        if values.len() < VALUES && !values.iter().any(|(known, _)| *known == name) {
            values.push((name, path.find(root).map_or_else(|| "missing".to_owned(), shown)));
        }
    }
    values
}

/// The longest chains from a fact.
fn looked_at(expr: &IdedExpr, paths: &mut Vec<Path>) {
    if let Some(path) = Path::of(expr) {
        if FACTS.iter().any(|(fact, _)| *fact == path.root) {
            paths.push(path);
        }
        return;
    }
    match &expr.expr {
        Expr::Select(select) => looked_at(&select.operand, paths),
        Expr::Call(call) => {
            let parts = call.target.iter().map(Box::as_ref).chain(&call.args);
            parts.for_each(|part| looked_at(part, paths));
        }
        Expr::List(list) => list.elements.iter().for_each(|element| looked_at(element, paths)),
        Expr::Map(map) => {
            for entry in &map.entries {
                if let EntryExpr::MapEntry(entry) = &entry.expr {
                    looked_at(&entry.key, paths);
                    looked_at(&entry.value, paths);
                }
            }
        }
        Expr::Comprehension(c) => {
            [&c.iter_range, &c.loop_step, &c.result].into_iter().for_each(|e| looked_at(e, paths));
        }
        _ => {}
    }
}

/// Tokens are taken out of the unescaped text and before it is cut, or one
/// could be spelt or placed so that it stays.
fn shown(node: &Node<'_>) -> String {
    let text = node.canonical().unwrap_or_else(|_| "a number out of range".to_owned());
    shorten(&crate::without_tokens(&text), VALUE_SHOWN)
}
