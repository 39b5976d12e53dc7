//! The RFC 8785 canonical form (JSON Canonicalization Scheme).

use std::fmt::Write as _;

use super::{Error, Node, Value};

pub(super) fn write(node: &Node<'_>, out: &mut String) -> Result<(), Error> {
    match &node.value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(text) => write_number(text, out)?,
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, out)?;
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            // RFC 8785, 3.2.3: by UTF-16 code units, which differs from the
            // order of UTF-8 bytes above U+FFFF.
            sorted.sort_unstable_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (at, (key, member)) in sorted.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write(member, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

/// Writes `text` as a JSON string in the RFC 8785 form (3.2.2.2).
pub fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|b| b < 0x20 || b == b'"' || b == b'\\') {
        let (plain, tail) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = tail.chars();
        match chars.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\u{8}') => out.push_str("\\b"),
            Some('\u{c}') => out.push_str("\\f"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(other) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(other));
            }
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

fn write_number(text: &str, out: &mut String) -> Result<(), Error> {
    /// Integers of up to this many digits are exact in a double and written
    /// without an exponent.
    const EXACT_DIGITS: usize = 15;
    let digits = text.strip_prefix('-').unwrap_or(text);
    let integer = digits.bytes().all(|b| b.is_ascii_digit());
    if integer && digits.len() <= EXACT_DIGITS {
        out.push_str(if digits == "0" { "0" } else { text });
        return Ok(());
    }
    let value: f64 = text.parse().map_err(|_| Error::NumberRange(text.to_owned()))?;
    if !value.is_finite() {
        return Err(Error::NumberRange(text.to_owned()));
    }
    if integer && format!("{value:.0}") != text {
        out.push_str(text);
    } else {
        out.push_str(ryu_js::Buffer::new().format_finite(value));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    fn canonical(text: &str) -> Result<String, Error> {
        parse(text.as_bytes())?.canonical()
    }

    #[test]
    fn rfc_8785_example() {
        // RFC 8785, 3.2.2 to 3.2.4.
        let input = r#"{
            "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
            "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
            "literals": [null, true, false]
        }"#;
        let expected = "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
        assert_eq!(canonical(input).unwrap(), expected);
    }

    #[test]
    fn keys_sort_by_utf16() {
        // RFC 8785, 3.2.3.
        let input =
            r#"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}"#;
        let order = "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}";
        assert_eq!(canonical(input).unwrap(), order);
    }

    #[test]
    fn numbers_keep_apart_what_is_different() {
        for (text, expected) in [
            ("-0", "0"),
            ("-0.0", "0"),
            ("10", "10"),
            ("1e2", "100"),
            ("9007199254740992", "9007199254740992"),
            ("9007199254740993", "9007199254740993"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("1000000000000000000000", "1e+21"),
        ] {
            assert_eq!(canonical(text).unwrap(), expected, "{text}");
        }
        assert!(matches!(canonical("1e400"), Err(Error::NumberRange(_))));
    }
}
