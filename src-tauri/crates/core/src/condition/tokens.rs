//! The words and signs of a condition: how deep it nests, found before the
//! parser sees it, where things stand in it, and its top-level parts.

/// Deepest nesting of brackets. The parser spends a dozen stack frames on each.
const MAX_BRACKETS: usize = 16;
/// Longest run of operators, members and brackets within one another: the
/// depth of the tree, and so of the recursion of everything that walks it.
const MAX_DEPTH: usize = 40;

/// Signs of two characters.
const PAIRS: [&str; 6] = ["&&", "||", "==", "!=", "<=", ">="];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Text,
    Sign,
}

/// `at` is a byte offset.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'t> {
    kind: Kind,
    pub(super) text: &'t str,
    pub(super) at: usize,
}

impl Token<'_> {
    fn end(&self) -> usize {
        self.at + self.text.len()
    }

    fn is(&self, sign: &str) -> bool {
        self.kind == Kind::Sign && self.text == sign
    }

    fn opens(&self) -> bool {
        self.is("(") || self.is("[") || self.is("{")
    }

    fn closes(&self) -> bool {
        self.is(")") || self.is("]") || self.is("}")
    }
}

/// Splits `text` as CEL's lexer does, but accepts anything: what is no CEL is
/// left to the parser.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let (kind, length) = if let Some(length) = quoted(rest) {
            (Some(Kind::Text), length)
        } else if rest.starts_with("//") {
            (None, rest.find('\n').unwrap_or(rest.len()))
        } else {
            let word = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
            let first = rest.chars().next().map_or(1, char::len_utf8);
            let pair = rest.get(..2).filter(|two| PAIRS.contains(two));
            match pair {
                _ if word > 0 => (Some(Kind::Word), word),
                Some(pair) => (Some(Kind::Sign), pair.len()),
                None if rest.starts_with(char::is_whitespace) => (None, first),
                None => (Some(Kind::Sign), first),
            }
        };
        if let (Some(kind), Some(text)) = (kind, rest.get(..length)) {
            tokens.push(Token { kind, text, at });
        }
        at += length;
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The length of the string or bytes literal that `rest` begins with.
fn quoted(rest: &str) -> Option<usize> {
    let prefix = rest.find(['\'', '"']).filter(|at| *at <= 2)?;
    let (letters, literal) = rest.split_at_checked(prefix)?;
    if !letters.chars().all(|c| "rRbB".contains(c)) {
        return None;
    }
    let raw = letters.contains(['r', 'R']);
    let fence = ["'''", "\"\"\"", "'", "\""].into_iter().find(|f| literal.starts_with(f))?;
    let mut escaped = false;
    let body = literal.get(fence.len()..)?;
    for (at, c) in body.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' && !raw {
            escaped = true;
        } else if body.get(at..)?.starts_with(fence) {
            return Some(prefix + fence.len() + at + fence.len());
        }
    }
    Some(rest.len())
}

/// The token at which `tokens` nest deeper than is read.
///
/// The parser and the evaluator recurse, and a stack overflow cannot be
/// caught; so this errs on the side of counting too much.
pub(super) fn too_deep<'t>(tokens: &[Token<'t>]) -> Option<Token<'t>> {
    // For each open bracket: the depth before it, and the depth inside it.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let (mut base, mut depth) = (0, 0);
    for token in tokens {
        if token.opens() {
            open.push((base, depth));
            depth += 1;
            base = depth;
        } else if token.closes() {
            // What follows selects from what the brackets gave.
            (base, depth) = open.pop().map_or((base, depth), |(base, depth)| (base, depth + 1));
        } else if ["&&", "||", ",", ":"].iter().any(|sign| token.is(sign)) {
            depth = base;
        } else if token.is("?") {
            base += 1;
            depth = base;
        } else if token.kind == Kind::Sign || token.text == "in" {
            depth += 1;
        }
        if open.len() > MAX_BRACKETS || depth > MAX_DEPTH {
            return Some(*token);
        }
    }
    None
}

/// The texts between the top-level `&&` of `text`, in order.
pub(super) fn conjuncts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    split(text, &tokens(text), &mut parts);
    parts
}

fn split<'t>(text: &'t str, tokens: &[Token<'t>], parts: &mut Vec<&'t str>) {
    let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else { return };
    if let Some(inner) = unwrapped(tokens) {
        return split(text, inner, parts);
    }
    let mut depth = 0_usize;
    let mut whole = true;
    for token in tokens {
        if token.opens() {
            depth += 1;
        } else if token.closes() {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && (token.is("?") || token.is("||")) {
            whole = true;
            break;
        } else if depth == 0 && token.is("&&") {
            whole = false;
        }
    }
    if whole {
        parts.extend(text.get(first.at..last.end()));
        return;
    }
    let pieces = tokens.split(|token| {
        if token.opens() {
            depth += 1;
        } else if token.closes() {
            depth = depth.saturating_sub(1);
        }
        depth == 0 && token.is("&&")
    });
    for piece in pieces {
        split(text, piece, parts);
    }
}

/// What stands inside, if one pair of parentheses encloses everything.
fn unwrapped<'a, 't>(tokens: &'a [Token<'t>]) -> Option<&'a [Token<'t>]> {
    let [first, inner @ .., last] = tokens else { return None };
    let closing = closing(tokens, 0)?;
    (first.is("(") && last.is(")") && closing + 1 == tokens.len()).then_some(inner)
}

/// The index of the bracket that closes the one at `open`.
pub(super) fn closing(tokens: &[Token<'_>], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    tokens.iter().enumerate().skip(open).find_map(|(index, token)| {
        if token.opens() {
            depth += 1;
        } else if token.closes() {
            depth = depth.saturating_sub(1);
        }
        (depth == 0).then_some(index)
    })
}
