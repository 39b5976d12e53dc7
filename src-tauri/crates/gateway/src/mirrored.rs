//! Headers that repeat parts of a request's body (MCP 2026-07-28, transports,
//! "Request Metadata"), for what stands between client and server and does
//! not read bodies.
//!
//! A tool's schema may mark arguments with `x-mcp-header`; `{"region": {"type":
//! "string", "x-mcp-header": "Region"}}` makes `Mcp-Param-Region: eu` of the
//! argument `"region": "eu"`.

use std::borrow::Cow;

use agw_core::json::{Node, Value};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

/// The member of a property's schema that names its header.
const MARK: &str = "x-mcp-header";
const PREFIX: &str = "mcp-param-";
const ENCODED: (&str, &str) = ("=?base64?", "?=");
/// The greatest integer that every JSON reader reads alike.
const SAFE_INTEGER: i64 = (1 << 53) - 1;

/// The definition of the tool marks arguments in a way that is not allowed:
/// the tool cannot be used over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unmirrorable {
    #[error("its x-mcp-header {0:?} is no header name")]
    Name(String),
    #[error("two of its arguments have the x-mcp-header {0:?}")]
    Twice(String),
    #[error("its x-mcp-header {0:?} is at an argument that is no string, integer or boolean")]
    Type(String),
    #[error("it has an x-mcp-header where no single argument is meant")]
    Place,
    #[error("the argument for its x-mcp-header {0:?} is not what its schema says")]
    Argument(String),
}

/// An argument that has a header.
struct Marked<'s> {
    /// Lower case, without the prefix.
    name: String,
    path: Vec<&'s str>,
    kind: &'s str,
}

/// Whether a schema has to be looked at: most have no marks. With escapes a
/// mark may be written in other characters.
pub(crate) fn may_have_marks(schema: &str) -> bool {
    schema.contains(MARK) || schema.contains("\\u")
}

/// Whether the marks of a tool's input schema are as they must be.
pub(crate) fn check(schema: &Node<'_>) -> Result<(), Unmirrorable> {
    marks(schema).map(|_| ())
}

/// The headers of a call: lower-case names, and values as they stand in the
/// header. An argument that is absent or null has none.
pub(crate) fn mirrored(
    schema: &Node<'_>,
    arguments: &Node<'_>,
) -> Result<Vec<(String, String)>, Unmirrorable> {
    let mut headers = Vec::new();
    for (name, value) in values(schema, arguments)? {
        if let Some(value) = value? {
            headers.push((name, encode(&value).into_owned()));
        }
    }
    Ok(headers)
}

/// What a header stands for; `None`: the argument is absent or null.
pub(crate) type Meant<'a> = Result<Option<Cow<'a, str>>, Unmirrorable>;

/// The lower-case name of each header that a schema asks for, and what it
/// stands for.
pub(crate) fn values<'a>(
    schema: &Node<'_>,
    arguments: &'a Node<'_>,
) -> Result<Vec<(String, Meant<'a>)>, Unmirrorable> {
    let named = |mark: Marked<'_>| (format!("{PREFIX}{}", mark.name), mark.value_in(arguments));
    Ok(marks(schema)?.into_iter().map(named).collect())
}

impl Marked<'_> {
    fn value_in<'a>(self, arguments: &'a Node<'_>) -> Meant<'a> {
        let value = self.path.iter().try_fold(arguments, |node, step| node.get(step));
        let text = match (value.map(Node::value), self.kind) {
            (None | Some(Value::Null), _) => return Ok(None),
            (Some(Value::String(text)), "string") => Some(Cow::Borrowed(&**text)),
            (Some(Value::Bool(yes)), "boolean") => {
                Some(Cow::Borrowed(if *yes { "true" } else { "false" }))
            }
            (Some(Value::Number(digits)), "integer") => {
                integer(digits).map(|number| Cow::Owned(number.to_string()))
            }
            _ => None,
        };
        text.map(Some).ok_or(Unmirrorable::Argument(self.name))
    }
}

/// `42`, `42.0` and `4.2e1` are one integer.
fn integer(digits: &str) -> Option<i64> {
    let number = match digits.parse::<i64>() {
        Ok(number) => number,
        Err(_) => {
            let number = digits.parse::<f64>().ok()?;
            (number.fract() == 0.0 && number.abs() <= SAFE_INTEGER as f64)
                .then_some(number as i64)?
        }
    };
    (number.unsigned_abs() <= SAFE_INTEGER as u64).then_some(number)
}

/// A value as it can stand in a header.
pub(crate) fn encode(value: &str) -> Cow<'_, str> {
    let plain = |b: u8| matches!(b, 0x20..=0x7e | b'\t');
    let padded = value.starts_with([' ', '\t']) || value.ends_with([' ', '\t']);
    let imitates = value.starts_with(ENCODED.0) && value.ends_with(ENCODED.1);
    if value.bytes().all(plain) && !padded && !imitates {
        return Cow::Borrowed(value);
    }
    Cow::Owned(format!("{}{}{}", ENCODED.0, BASE64.encode(value), ENCODED.1))
}

/// The value that a header's text stands for; `None`: it stands for none.
pub(crate) fn decode(header: &str) -> Option<Cow<'_, str>> {
    let inner = header.strip_prefix(ENCODED.0).and_then(|rest| rest.strip_suffix(ENCODED.1));
    let Some(inner) = inner else { return Some(Cow::Borrowed(header)) };
    String::from_utf8(BASE64.decode(inner).ok()?).ok().map(Cow::Owned)
}

fn marks<'s>(schema: &'s Node<'_>) -> Result<Vec<Marked<'s>>, Unmirrorable> {
    if !may_have_marks(schema.raw()) {
        return Ok(Vec::new());
    }
    let mut found: Vec<Marked<'s>> = Vec::new();
    walk(schema, Some(&mut Vec::new()), &mut found)?;
    let mut names: Vec<&str> = found.iter().map(|mark| mark.name.as_str()).collect();
    names.sort_unstable();
    let twice = names.windows(2).find(|pair| pair.first() == pair.last());
    match twice.and_then(<[&str]>::first) {
        Some(name) => Err(Unmirrorable::Twice((*name).to_owned())),
        None => Ok(found),
    }
}

/// `path`: the property that `schema` is of; `None`: somewhere that no chain
/// of `properties` leads to.
fn walk<'s>(
    schema: &'s Node<'_>,
    mut path: Option<&mut Vec<&'s str>>,
    found: &mut Vec<Marked<'s>>,
) -> Result<(), Unmirrorable> {
    let members = match schema.value() {
        Value::Object(members) => members,
        Value::Array(items) => return items.iter().try_for_each(|item| walk(item, None, found)),
        _ => return Ok(()),
    };
    for (key, value) in members {
        match (&**key, &mut path) {
            (MARK, Some(path)) if !path.is_empty() => {
                found.push(marked(schema, value, path)?);
            }
            (MARK, _) => return Err(Unmirrorable::Place),
            ("properties", Some(path)) => {
                let Value::Object(properties) = value.value() else { continue };
                for (name, property) in properties {
                    path.push(name);
                    walk(property, Some(&mut **path), found)?;
                    path.pop();
                }
            }
            // Below these stand values, not schemas.
            ("const" | "enum" | "default" | "examples", _) => {}
            _ => walk(value, None, found)?,
        }
    }
    Ok(())
}

fn marked<'s>(
    schema: &'s Node<'_>,
    mark: &'s Node<'_>,
    path: &[&'s str],
) -> Result<Marked<'s>, Unmirrorable> {
    let name = mark.as_str().unwrap_or_default();
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(token) {
        let name = mark.raw().chars().take(64).collect();
        return Err(Unmirrorable::Name(name));
    }
    let kind = schema.get("type").and_then(Node::as_str).unwrap_or_default();
    if !matches!(kind, "string" | "integer" | "boolean") {
        return Err(Unmirrorable::Type(name.to_owned()));
    }
    Ok(Marked { name: name.to_ascii_lowercase(), path: path.to_vec(), kind })
}

#[cfg(test)]
mod tests {
    use agw_core::json;

    use super::*;

    fn of(schema: &str, arguments: &str) -> Result<Vec<(String, String)>, Unmirrorable> {
        mirrored(
            &json::parse(schema.as_bytes()).unwrap(),
            &json::parse(arguments.as_bytes()).unwrap(),
        )
    }

    #[test]
    fn marked_arguments_become_headers() {
        let schema = r#"{"properties":{
            "r":{"type":"string","x-mcp-header":"Region"},
            "o":{"type":"object","properties":{"n":{"type":"integer","x-mcp-header":"N"}}},
            "b":{"type":"boolean","x-mcp-header":"B"},
            "x":{"type":"string"}}}"#;
        let headers = of(schema, r#"{"r":"us-west1","o":{"n":42.0},"b":true,"x":"y"}"#).unwrap();
        let expected =
            [("mcp-param-region", "us-west1"), ("mcp-param-n", "42"), ("mcp-param-b", "true")];
        let expected: Vec<_> = expected.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
        assert_eq!(headers, expected);
        assert_eq!(of(schema, r#"{"r":null,"o":7}"#), Ok(vec![]));
        for wrong in [
            r#"{"r":1}"#,
            r#"{"b":"true"}"#,
            r#"{"o":{"n":9007199254740993}}"#,
            r#"{"o":{"n":1.5}}"#,
        ] {
            assert!(matches!(of(schema, wrong), Err(Unmirrorable::Argument(_))), "{wrong}");
        }
    }

    /// The table of the specification, and back.
    #[test]
    fn what_no_header_can_hold_is_encoded() {
        for (value, header) in [
            ("us-west1", "us-west1"),
            ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
            (" padded ", "=?base64?IHBhZGRlZCA=?="),
            ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
            ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
        ] {
            assert_eq!(encode(value), header);
            assert_eq!(decode(header).as_deref(), Some(value));
        }
        assert_eq!(decode("=?base64?%%?="), None);
        assert_eq!(decode("=?base64?/w==?="), None);
    }

    #[test]
    fn marks_in_the_wrong_place_are_refused() {
        for schema in [
            r#"{"properties":{"a":{"type":"string","x-mcp-header":""}}}"#,
            r#"{"properties":{"a":{"type":"string","x-mcp-header":"a b"}}}"#,
            r#"{"properties":{"a":{"type":"string","x-mcp-header":"a\r\nb"}}}"#,
            r#"{"properties":{"a":{"type":"string","x-mcp-header":7}}}"#,
            r#"{"properties":{"a":{"type":"number","x-mcp-header":"A"}}}"#,
            r#"{"properties":{"a":{"type":["string","null"],"x-mcp-header":"A"}}}"#,
            r#"{"properties":{"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}}}"#,
            r#"{"x-mcp-header":"A","type":"string"}"#,
            r#"{"properties":{"a":{"type":"array","items":{"type":"string","x-mcp-header":"A"}}}}"#,
            r#"{"anyOf":[{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}]}"#,
            r#"{"$defs":{"a":{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}}}"#,
        ] {
            let parsed = json::parse(schema.as_bytes()).unwrap();
            assert!(check(&parsed).is_err(), "{schema}");
        }
        // Written in other characters, it is the same mark.
        let escaped = r#"{"properties":{"a":{"type":"string","x-mcp-heade\u0072":"A"}}}"#;
        assert_eq!(of(escaped, r#"{"a":"x"}"#), Ok(vec![("mcp-param-a".into(), "x".into())]));
        // A property of that name, and a value that looks like a mark.
        let fine =
            r#"{"properties":{"x-mcp-header":{"type":"string","default":{"x-mcp-header":1}}}}"#;
        assert_eq!(check(&json::parse(fine.as_bytes()).unwrap()), Ok(()));
    }
}
