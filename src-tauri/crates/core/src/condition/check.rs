//! What is refused when a condition is compiled, although it parses.
//!
//! CEL looks names up when it evaluates, so a misspelt one would lie in wait
//! as a refusal of every call. Everything that can be known from the text is
//! said when the condition is saved.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

use cel::{
    Context, IdedExpr, Value,
    common::ast::{
        CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, SelectExpr, operators,
    },
};

use super::{
    ConditionError,
    cost::Weight,
    env::{ENV, LIST, Pattern},
    source::{Source, is_operator},
    vocabulary::{FACTS, FUNCTIONS, MACROS, MEMBERS, TYPES},
};

/// Deepest nesting of loops.
const MAX_LOOPS: usize = 2;
/// Most patterns: compiling one may take milliseconds.
const MAX_PATTERNS: usize = 8;
/// A text is looked at for longer by a pattern than by anything else.
const PATTERN_READS: u64 = 8;

type Checked<T = Seen> = Result<T, ConditionError>;

/// What a part of the tree mentions, apart from the bodies of its loops.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    args: bool,
    /// A bit for the variable of each loop around it.
    variables: u8,
    /// A loop over something that is as large anywhere.
    fixed_loop: bool,
    nesting: u32,
}

impl Seen {
    fn and(self, other: Self) -> Self {
        Self {
            args: self.args || other.args,
            variables: self.variables | other.variables,
            fixed_loop: self.fixed_loop || other.fixed_loop,
            nesting: self.nesting.max(other.nesting),
        }
    }

    /// Whether its value can be large.
    fn large(self) -> bool {
        self.args || self.variables != 0
    }
}

pub(super) struct Checker<'t> {
    source: Source<'t>,
    /// The variables of the loops around, outermost first.
    loops: Vec<String>,
    pub(super) patterns: Vec<Pattern>,
    pub(super) weight: Weight,
    pub(super) reads_arguments: bool,
}

impl<'t> Checker<'t> {
    pub(super) fn new(source: Source<'t>) -> Self {
        let (loops, patterns) = (Vec::new(), Vec::new());
        Self { source, loops, patterns, weight: Weight::default(), reads_arguments: false }
    }

    /// Checks the whole, and puts compiled patterns in the place of their
    /// texts.
    pub(super) fn check(&mut self, root: &mut IdedExpr) -> Checked<()> {
        self.truth(root)?;
        self.weight.nesting = self.visit(root)?.nesting;
        Ok(())
    }

    fn refuse<T>(&self, expr: &IdedExpr, message: impl Into<String>) -> Checked<T> {
        Err(self.source.error(expr, message))
    }

    fn visit(&mut self, expr: &mut IdedExpr) -> Checked {
        self.weight.nodes += 1;
        self.names(expr)?;
        match &mut expr.expr {
            Expr::Literal(_) => Ok(Seen::default()),
            Expr::Ident(name) => Ok(self.ident(name)),
            Expr::Select(select) => self.visit(&mut select.operand),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => self.elements(list.elements.iter_mut()),
            Expr::Map(map) => {
                let mut seen = Seen::default();
                for entry in &mut map.entries {
                    if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                        let both = [&mut entry.key, &mut entry.value];
                        seen = seen.and(self.elements(both.into_iter())?);
                    }
                }
                Ok(seen)
            }
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Struct(_) | Expr::Unspecified => self.refuse(expr, "conditions have no structs"),
        }
    }

    fn ident(&mut self, name: &str) -> Seen {
        let variable = self.loops.iter().position(|known| known == name);
        let args = name == "args" && variable.is_none();
        self.reads_arguments |= args;
        if args || variable.is_some() {
            self.weight.reads += 1;
        }
        let variables = variable.map_or(0, |depth| 1 << depth);
        Seen { args, variables, ..Seen::default() }
    }

    fn elements<'e>(&mut self, elements: impl Iterator<Item = &'e mut IdedExpr>) -> Checked {
        let mut seen = Seen::default();
        for element in elements {
            let one = self.visit(element)?;
            self.weight.copies += u64::from(one.large());
            self.weight.values += 1;
            seen = seen.and(one);
        }
        Ok(seen)
    }

    fn call(&mut self, call: &mut CallExpr) -> Checked {
        if let ("matches", Some(pattern)) = (call.func_name.as_str(), call.args.last_mut()) {
            self.pattern(pattern)?;
        }
        let CallExpr { func_name, target, args } = call;
        if let (operators::ADD, [gathered, more]) = (func_name.as_str(), args.as_mut_slice()) {
            // `map` and `filter` add to a list of their own, in place.
            let own = matches!(&gathered.expr, Expr::Ident(name) if name.starts_with('@'));
            if let (true, Expr::List(list)) = (own, &mut more.expr) {
                let visited: Checked<Vec<_>> =
                    list.elements.iter_mut().map(|element| self.visit(element)).collect();
                return Ok(visited?.into_iter().fold(Seen::default(), Seen::and));
            }
            let number = is_number(gathered) || is_number(more);
            let seen = self.visit(gathered)?.and(self.visit(more)?);
            self.weight.copies += u64::from(seen.large() && !number);
            return Ok(seen);
        }
        let mut seen = Seen::default();
        for part in target.iter_mut().map(Box::as_mut).chain(args) {
            seen = seen.and(self.visit(part)?);
        }
        Ok(seen)
    }

    /// A compiled pattern goes by a name that cannot be written.
    fn pattern(&mut self, expr: &mut IdedExpr) -> Checked<()> {
        let Expr::Literal(LiteralValue::String(text)) = &expr.expr else {
            let message = "a pattern must be written out, so that it can be checked now";
            return self.refuse(expr, message);
        };
        if self.patterns.len() == MAX_PATTERNS {
            let message =
                format!("a condition has at most {MAX_PATTERNS} patterns; join them with |");
            return self.refuse(expr, message);
        }
        match Pattern::compile(text.inner()) {
            Err(message) => self.refuse(expr, message),
            Ok(pattern) => {
                self.weight.reads += PATTERN_READS;
                expr.expr = Expr::Ident(format!("@{}", self.patterns.len()));
                self.patterns.push(pattern);
                Ok(())
            }
        }
    }

    fn comprehension(&mut self, c: &mut ComprehensionExpr) -> Checked {
        let range = self.visit(&mut c.iter_range)?;
        let own = 1_u8 << self.loops.len().min(7);
        self.weight.loops = true;
        self.loops.push(c.iter_var.clone());
        let mut body = Seen::default();
        for part in [&mut c.accu_init, &mut c.loop_cond, &mut c.loop_step, &mut c.result] {
            body = body.and(self.visit(part)?);
        }
        self.loops.pop();
        if matches!(c.accu_init.expr, Expr::List(_)) {
            let range = mem::take(&mut c.iter_range);
            let args = vec![range];
            let list = CallExpr { func_name: LIST.to_owned(), target: None, args };
            c.iter_range = IdedExpr { id: 0, expr: Expr::Call(list) };
        }
        // The items of a list are together no larger than the list. So a body
        // that looks at its item only takes time for each byte once.
        let again = body.variables & range.variables & !own != 0;
        let multiplies = u32::from(body.args || body.fixed_loop || again);
        Ok(Seen {
            fixed_loop: range.fixed_loop || !range.large(),
            nesting: range.nesting + multiplies + body.nesting,
            ..range
        })
    }

    /// Checks the names that `expr` itself uses.
    fn names(&self, expr: &IdedExpr) -> Checked<()> {
        match &expr.expr {
            Expr::Ident(name) => {
                let known = name.starts_with('@')
                    || FACTS.iter().any(|(fact, _)| fact == name)
                    || TYPES.contains(&name.as_str())
                    || self.loops.contains(name);
                if known {
                    return Ok(());
                }
                let facts: Vec<&str> = FACTS.iter().map(|(fact, _)| *fact).collect();
                self.refuse(
                    expr,
                    format!(
                        "there is no {name}; a condition can look at {}; texts stand in quotes",
                        facts.join(", ")
                    ),
                )
            }
            Expr::Select(SelectExpr { field, .. }) => match fact_member(expr) {
                Some((_, fields)) if fields.contains(&field.as_str()) => Ok(()),
                Some((fact, [])) => self.refuse(expr, format!("{fact} has no fields")),
                Some((fact, fields)) => {
                    let message = format!("{fact} has no {field}; it has {}", fields.join(", "));
                    self.refuse(expr, message)
                }
                None => Ok(()),
            },
            Expr::Call(call) if call.func_name == operators::INDEX => match fact_member(expr) {
                Some((fact, _)) => self.refuse(expr, format!("{fact} has no items; use a dot")),
                None => Ok(()),
            },
            Expr::Call(call) => self.function(expr, call),
            Expr::Comprehension(c) => {
                let name = c.iter_var.as_str();
                if self.loops.len() == MAX_LOOPS {
                    let message = format!("loops can be nested {MAX_LOOPS} deep, no deeper");
                    return self.refuse(expr, message);
                }
                let taken = FACTS.iter().any(|(fact, _)| *fact == name)
                    || TYPES.contains(&name)
                    || self.loops.iter().any(|outer| outer == name);
                if taken {
                    return self.refuse(expr, format!("{name} has a meaning already"));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn function(&self, expr: &IdedExpr, call: &CallExpr) -> Checked<()> {
        let name = call.func_name.as_str();
        if is_operator(name) {
            let logical = [operators::LOGICAL_AND, operators::LOGICAL_OR, operators::LOGICAL_NOT];
            let asked = match name {
                operators::CONDITIONAL => call.args.get(..1).unwrap_or_default(),
                _ if logical.contains(&name) => call.args.as_slice(),
                _ => &[],
            };
            return asked.iter().try_for_each(|part| self.truth(part));
        }
        let given = call.args.len();
        let arity = match call.target {
            None => FUNCTIONS.iter().find(|(f, _)| *f == name).map(|(_, n)| (*n, *n)),
            Some(_) => MEMBERS.iter().find(|(m, ..)| *m == name).map(|(_, a, b)| (*a, *b)),
        };
        match arity {
            Some((least, most)) if (least..=most).contains(&given) => {}
            Some((least, _)) => {
                let message = format!("{name}() takes {least} arguments here, not {given}");
                return self.refuse(expr, message);
            }
            None => {
                let used = MACROS.iter().find(|(known, _)| *known == name);
                let message = match used {
                    Some((_, example)) => format!("{name} is used as in {example}"),
                    None if FUNCTIONS.iter().any(|(known, _)| *known == name) => {
                        format!("{name} is used as in {name}(args.to)")
                    }
                    None if MEMBERS.iter().any(|(known, ..)| *known == name) => {
                        format!("{name} is used as in args.to.{name}(…)")
                    }
                    None => format!("there is no function {name}"),
                };
                return self.refuse(expr, message);
            }
        }
        self.constants(expr, call)
    }

    /// `timestamp('…')` or a time zone that is wrong will always be.
    fn constants(&self, expr: &IdedExpr, call: &CallExpr) -> Checked<()> {
        let [constant] = call.args.as_slice() else { return Ok(()) };
        if !matches!(constant.expr, Expr::Literal(_)) || call.func_name == "matches" {
            return Ok(());
        }
        let mut tried = call.clone();
        if call.target.is_some() {
            if !call.func_name.starts_with("get") {
                return Ok(());
            }
            let zero = IdedExpr { id: 0, expr: Expr::Literal(LiteralValue::Int(0.into())) };
            let epoch = CallExpr { func_name: "timestamp".into(), target: None, args: vec![zero] };
            tried.target = Some(Box::new(IdedExpr { id: 0, expr: Expr::Call(epoch) }));
        }
        let tried = IdedExpr { id: 0, expr: Expr::Call(tried) };
        let context = Context::with_env(ENV.clone());
        let outcome = catch_unwind(AssertUnwindSafe(|| Value::resolve(&tried, &context).is_ok()));
        match (outcome, &call.target) {
            (Ok(true), _) => Ok(()),
            (_, Some(_)) => {
                self.refuse(constant, "not a time zone; one is written as in 'Europe/Berlin'")
            }
            (_, None) => {
                let name = self.source.name(expr);
                self.refuse(constant, format!("{name}() cannot read this"))
            }
        }
    }

    /// Refuses what can be seen never to be true or false.
    fn truth(&self, expr: &IdedExpr) -> Checked<()> {
        let fine = match &expr.expr {
            Expr::Literal(literal) => matches!(literal, LiteralValue::Boolean(_)),
            Expr::Ident(name) => name.starts_with('@') || self.loops.contains(name),
            Expr::Select(select) => select.test || fact_member(expr).is_none(),
            Expr::List(_) | Expr::Map(_) => false,
            Expr::Comprehension(c) => {
                let gathered = matches!(c.accu_init.expr, Expr::List(_));
                !(gathered && matches!(c.result.expr, Expr::Ident(_)))
            }
            Expr::Call(call) => match call.func_name.as_str() {
                operators::CONDITIONAL => {
                    let branches = call.args.get(1..).unwrap_or_default();
                    return branches.iter().try_for_each(|branch| self.truth(branch));
                }
                operators::ADD
                | operators::SUBSTRACT
                | operators::MULTIPLY
                | operators::DIVIDE
                | operators::MODULO
                | operators::NEGATE => false,
                "bytes" | "double" | "duration" | "int" | "size" | "string" | "timestamp"
                | "type" | "uint" => false,
                name => !name.starts_with("get"),
            },
            _ => true,
        };
        if fine {
            return Ok(());
        }
        self.refuse(expr, "this is neither true nor false; compare it with something")
    }
}

/// The fact that `expr` takes a member of, and the members it has.
fn fact_member(expr: &IdedExpr) -> Option<(&'static str, &'static [&'static str])> {
    let operand = match &expr.expr {
        Expr::Select(select) => &select.operand,
        Expr::Call(call) if call.func_name == operators::INDEX => call.args.first()?,
        _ => return None,
    };
    let Expr::Ident(name) = &operand.expr else { return None };
    FACTS.iter().find_map(|(fact, fields)| fields.filter(|_| fact == name).map(|f| (*fact, f)))
}

fn is_number(expr: &IdedExpr) -> bool {
    use LiteralValue::{Double, Int, UInt};
    matches!(expr.expr, Expr::Literal(Int(_) | UInt(_) | Double(_)))
}
