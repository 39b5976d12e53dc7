//! A strict JSON reader and the RFC 8785 canonical form.
//!
//! A gateway and the system behind it must read the same bytes the same way,
//! or a caller can show one thing to the check and another to the target. So
//! everything that parsers disagree about is refused: duplicate keys (after
//! unescaping), lone surrogates, text that is not UTF-8, and nesting deeper
//! than [`MAX_DEPTH`]. Nodes borrow from the input and keep their raw text,
//! so what was checked is forwarded byte for byte.
//!
//! ```
//! use agw_core::json;
//! let node = json::parse(br#"{"b": 1.0, "a": "\u0041"}"#)?;
//! assert_eq!(node.canonical()?, r#"{"a":"A","b":1}"#);
//! assert_eq!(node.get("b").map(|n| n.raw()), Some("1.0"));
//! # Ok::<(), json::Error>(())
//! ```

mod canonical;

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
};

pub use canonical::write_string;
use sha2::{Digest as _, Sha256};

/// Deepest nesting of objects and arrays that is read.
pub const MAX_DEPTH: usize = 64;
/// Objects of up to this many keys are searched for duplicates pair by pair.
const FEW_KEYS: usize = 8;
/// Characters of a key that an error repeats.
const KEY_SHOWN: usize = 64;

/// Why a text was not accepted. `at` is a byte offset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the JSON is not valid UTF-8")]
    NotUtf8,
    #[error("malformed JSON at byte {at}: expected {expected}")]
    Syntax { at: usize, expected: &'static str },
    #[error("the key {key:?} appears twice in one JSON object; send it once")]
    DuplicateKey { key: String },
    #[error("the JSON is nested deeper than {MAX_DEPTH} levels; flatten it")]
    TooDeep,
    #[error("the number {0} is out of range for JSON (RFC 8785)")]
    NumberRange(String),
}

/// A value, with the text that it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Node<'a> {
    raw: &'a str,
    value: Value<'a>,
}

/// The kinds of JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    /// As written; the grammar was checked.
    Number(&'a str),
    String(Cow<'a, str>),
    Array(Vec<Node<'a>>),
    /// In the order of the text; keys are distinct.
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

/// SHA-256 of a canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        for byte in self.0 {
            for nibble in [byte >> 4, byte & 15] {
                f.write_char(HEX.get(usize::from(nibble)).map_or('0', |b| char::from(*b)))?;
            }
        }
        Ok(())
    }
}

impl<'a> Node<'a> {
    /// The text of this value, without the white space around it.
    pub fn raw(&self) -> &'a str {
        self.raw
    }

    pub fn value(&self) -> &Value<'a> {
        &self.value
    }

    /// A member of an object.
    pub fn get(&self, key: &str) -> Option<&Node<'a>> {
        let Value::Object(members) = &self.value else { return None };
        members.iter().find_map(|(name, node)| (name == key).then_some(node))
    }

    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    pub fn is_object(&self) -> bool {
        matches!(self.value, Value::Object(_))
    }

    /// The RFC 8785 form. Integers that no IEEE 754 double holds exactly have
    /// none; they keep their digits, so that different arguments never share
    /// a digest.
    pub fn canonical(&self) -> Result<String, Error> {
        let mut out = String::with_capacity(self.raw.len());
        canonical::write(self, &mut out)?;
        Ok(out)
    }

    /// SHA-256 of [`Node::canonical`].
    pub fn digest(&self) -> Result<Digest, Error> {
        Ok(Digest(Sha256::digest(self.canonical()?.as_bytes()).into()))
    }

    /// Whether a token of this gateway stands in any string or key below.
    pub fn contains_token(&self) -> bool {
        match &self.value {
            Value::String(text) => crate::token::contains_token(text),
            Value::Array(items) => items.iter().any(Self::contains_token),
            Value::Object(members) => members
                .iter()
                .any(|(key, node)| crate::token::contains_token(key) || node.contains_token()),
            _ => false,
        }
    }
}

/// Reads one JSON value and nothing after it.
pub fn parse(bytes: &[u8]) -> Result<Node<'_>, Error> {
    let text = std::str::from_utf8(bytes).map_err(|_| Error::NotUtf8)?;
    let mut reader = Reader { text, at: 0, depth: 0 };
    let node = reader.node()?;
    reader.skip_space();
    if reader.at != text.len() {
        return Err(reader.expected("the end"));
    }
    Ok(node)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn expected(&self, expected: &'static str) -> Error {
        Error::Syntax { at: self.at, expected }
    }

    fn slice(&self, from: usize) -> &'a str {
        self.text.get(from..self.at).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8, expected: &'static str) -> Result<(), Error> {
        if self.peek() != Some(byte) {
            return Err(self.expected(expected));
        }
        self.at += 1;
        Ok(())
    }

    fn node(&mut self) -> Result<Node<'a>, Error> {
        self.skip_space();
        let from = self.at;
        let value = match self.peek() {
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::array)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            _ => return Err(self.expected("a value")),
        };
        Ok(Node { raw: self.slice(from), value })
    }

    fn word(&mut self, word: &'static str, value: Value<'a>) -> Result<Value<'a>, Error> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            return Err(self.expected("a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn nested(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Value<'a>, Error>,
    ) -> Result<Value<'a>, Error> {
        if self.depth == MAX_DEPTH {
            return Err(Error::TooDeep);
        }
        self.depth += 1;
        self.at += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn array(&mut self) -> Result<Value<'a>, Error> {
        let mut items = Vec::new();
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.node()?);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.expected("a comma or ]")),
            }
        }
        self.at += 1;
        Ok(Value::Array(items))
    }

    fn object(&mut self) -> Result<Value<'a>, Error> {
        let mut members = Vec::new();
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(members));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.expected("a key in quotes"));
            }
            let key = self.string()?;
            self.skip_space();
            self.eat(b':', "a colon")?;
            members.push((key, self.node()?));
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.expected("a comma or }")),
            }
        }
        self.at += 1;
        match duplicate(&members) {
            Some(key) => Err(Error::DuplicateKey { key: key.chars().take(KEY_SHOWN).collect() }),
            None => Ok(Value::Object(members)),
        }
    }

    fn number(&mut self) -> Result<&'a str, Error> {
        let from = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(self.expected("a digit")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(self.slice(from))
    }

    fn digits(&mut self) -> Result<(), Error> {
        if !self.peek().is_some_and(|b| b.is_ascii_digit()) {
            return Err(self.expected("a digit"));
        }
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Error> {
        self.at += 1;
        let mut from = self.at;
        let mut unescaped: Option<String> = None;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    let head = self.slice(from);
                    let out = unescaped.get_or_insert_default();
                    out.push_str(head);
                    let escaped = self.escape()?;
                    out.push(escaped);
                    from = self.at;
                }
                Some(0..0x20) | None => return Err(self.expected("the end of a string")),
                Some(_) => self.at += 1,
            }
        }
        let tail = self.slice(from);
        self.at += 1;
        Ok(match unescaped {
            None => Cow::Borrowed(tail),
            Some(mut text) => {
                text.push_str(tail);
                Cow::Owned(text)
            }
        })
    }

    fn escape(&mut self) -> Result<char, Error> {
        self.at += 1;
        let plain = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.expected("an escape")),
        };
        self.at += 1;
        Ok(plain)
    }

    fn unicode_escape(&mut self) -> Result<char, Error> {
        self.at += 1;
        let first = self.hex4()?;
        let code = if (0xD800..0xDC00).contains(&first) {
            self.eat(b'\\', "the second half of a surrogate pair")?;
            self.eat(b'u', "the second half of a surrogate pair")?;
            let second = self.hex4()?;
            if !(0xDC00..0xE000).contains(&second) {
                return Err(self.expected("the second half of a surrogate pair"));
            }
            0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)
        } else {
            first
        };
        char::from_u32(code).ok_or_else(|| self.expected("no lone surrogate"))
    }

    fn hex4(&mut self) -> Result<u32, Error> {
        let digits = self
            .text
            .get(self.at..self.at + 4)
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .ok_or_else(|| self.expected("four hex digits"))?;
        self.at += 4;
        u32::from_str_radix(digits, 16).map_err(|_| self.expected("four hex digits"))
    }
}

fn duplicate<'m>(members: &'m [(Cow<'_, str>, Node<'_>)]) -> Option<&'m str> {
    if members.len() <= FEW_KEYS {
        return members.iter().enumerate().find_map(|(at, (key, _))| {
            members.iter().take(at).any(|(earlier, _)| earlier == key).then_some(&**key)
        });
    }
    let mut keys: Vec<&str> = members.iter().map(|(key, _)| &**key).collect();
    keys.sort_unstable();
    keys.windows(2).find_map(|pair| match pair {
        [a, b] if a == b => Some(*a),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_keys_are_refused_however_they_are_written() {
        let many: String = (0..20).map(|n| format!("\"k{n}\":0,")).collect();
        for text in [
            r#"{"a":1,"a":2}"#.to_owned(),
            r#"{"a":1,"\u0061":2}"#.to_owned(),
            r#"[{"x":{"n":1,"m":2,"n":3}}]"#.to_owned(),
            format!("{{{many}\"k7\":1}}"),
        ] {
            assert!(matches!(parse(text.as_bytes()), Err(Error::DuplicateKey { .. })), "{text}");
        }
    }

    #[test]
    fn depth_64_is_read_and_65_refused() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(64).as_bytes()).is_ok());
        assert_eq!(parse(nested(65).as_bytes()), Err(Error::TooDeep));
        assert_eq!(parse("[".repeat(1_000_000).as_bytes()), Err(Error::TooDeep));
    }

    #[test]
    fn malformed_texts_are_refused() {
        for text in [
            "",
            " ",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "NaN",
            "tru",
            "\"\n\"",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"",
            "\"\\udc00\"",
            "\"abc",
            "1 2",
            "{} x",
            "\u{feff}{}",
            "'a'",
            "\"\\u00é\"",
            "\"\\u+123\"",
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text:?}");
        }
        assert_eq!(parse(b"\"\xff\""), Err(Error::NotUtf8));
    }

    #[test]
    fn raw_text_is_kept_byte_for_byte() {
        let node = parse(br#" {"n": 12345678901234567890123, "s": "\u00e9" } "#).unwrap();
        assert_eq!(node.get("n").unwrap().raw(), "12345678901234567890123");
        assert_eq!(node.get("s").unwrap().raw(), r#""\u00e9""#);
        assert_eq!(node.get("s").unwrap().as_str(), Some("é"));
    }
}
