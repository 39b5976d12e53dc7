//! Where the parts of a tree stand in the text.

use cel::{
    IdedExpr,
    common::ast::{Expr, SourceInfo, operators},
};

use super::{
    ConditionError,
    tokens::{Token, closing, tokens},
};

pub(super) struct Source<'t> {
    text: &'t str,
    tokens: Vec<Token<'t>>,
    info: &'t SourceInfo,
}

impl<'t> Source<'t> {
    pub(super) fn new(text: &'t str, info: &'t SourceInfo) -> Self {
        Self { text, tokens: tokens(text), info }
    }

    /// An error that points at what names `expr`: the field that it selects,
    /// the function that it calls, the sign of its operator.
    pub(super) fn error(&self, expr: &IdedExpr, message: impl Into<String>) -> ConditionError {
        let token = self.naming(expr);
        let (at, length) = token.map_or((0, self.text.len()), |token| (token.at, token.text.len()));
        ConditionError::new(self.text, at, length, message)
    }

    /// The name of the macro that `expr` was expanded from, or of the function
    /// it calls.
    pub(super) fn name(&self, expr: &IdedExpr) -> &'t str {
        self.naming(expr).map_or("", |token| token.text)
    }

    /// CEL remembers the dot of a selection and the opening bracket of a call.
    fn naming(&self, expr: &IdedExpr) -> Option<&Token<'t>> {
        let (start, _) = self.info.offset_for(expr.id)?;
        let start = usize::try_from(start).ok()?;
        let at = self.tokens.iter().position(|token| token.at == start)?;
        let named = match &expr.expr {
            // has(args.field)
            Expr::Select(select) if select.test => closing(&self.tokens, at)?.checked_sub(1)?,
            Expr::Select(_) => at + 1,
            Expr::Call(call) if call.func_name == operators::INDEX => at + 1,
            Expr::Call(call) if is_operator(&call.func_name) => at,
            Expr::Call(_) | Expr::Comprehension(_) => at.checked_sub(1)?,
            _ => at,
        };
        self.tokens.get(named)
    }
}

/// Operators are calls too, of names that cannot be written.
pub(super) fn is_operator(function: &str) -> bool {
    function.contains(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
}
