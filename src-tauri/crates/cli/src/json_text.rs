//! JSON as it was sent, made readable. It is not parsed into numbers and back:
//! a person who approves `123456789012345678901` must see just that.

use serde_json::value::RawValue;

/// Deeper levels are not indented further.
const MAX_INDENT: usize = 16;

/// A JSON object, for `--args`.
pub(crate) fn object(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.starts_with('{') && serde_json::from_str::<&RawValue>(text).is_ok() {
        return Ok(text.to_owned());
    }
    Err("use a JSON object, e.g. '{\"path\": \"/srv\"}'".to_owned())
}

/// One member a line.
pub(crate) fn pretty(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut rest = json;
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth.min(MAX_INDENT)));
    };
    while let Some((token, after)) = token(rest) {
        rest = after;
        match token {
            "{" | "[" => {
                out.push_str(token);
                let closes = rest.trim_start().starts_with(['}', ']']);
                if !closes {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            "}" | "]" => {
                if !out.ends_with(['{', '[']) {
                    depth = depth.saturating_sub(1);
                    line(&mut out, depth);
                }
                out.push_str(token);
            }
            "," => {
                out.push(',');
                line(&mut out, depth);
            }
            ":" => out.push_str(": "),
            _ => out.push_str(token),
        }
    }
    out
}

/// On one line of at most `width` characters.
pub(crate) fn short(json: &str, width: usize) -> String {
    let mut out = String::new();
    let mut rest = json;
    let mut length = 0;
    while let Some((token, after)) = token(rest) {
        rest = after;
        out.push_str(token);
        if matches!(token, "," | ":") {
            out.push(' ');
        }
        length += token.chars().count();
        if length > width {
            break;
        }
    }
    cut(out.trim_end(), width)
}

/// The id of a tool in a table: URIs are cut, other names are short enough.
pub(crate) fn name(id: &str) -> String {
    const WIDTH: usize = 96;
    cut(id, WIDTH)
}

/// At most `width` characters, the last of them `…` where some are missing.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let start: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", start.trim_end())
}

/// The next bracket, comma, colon, string or other value, and what follows it.
fn token(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let first = text.chars().next()?;
    let length = match first {
        '"' => string_length(text),
        '{' | '}' | '[' | ']' | ',' | ':' => 1,
        _ => text.find(|c: char| c.is_whitespace() || "{}[],:\"".contains(c)).unwrap_or(text.len()),
    };
    text.split_at_checked(length)
}

/// Of the string that `text` starts with, quotes and all.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARGS: &str = r#"{"to":["a@x","b, {c}"], "n":123456789012345678901.50,"o":{ },"l":[],"q":"say \"hi\" \\"}"#;

    #[test]
    fn one_member_a_line_and_every_value_as_it_was() {
        assert_eq!(
            pretty(ARGS),
            r#"{
  "to": [
    "a@x",
    "b, {c}"
  ],
  "n": 123456789012345678901.50,
  "o": {},
  "l": [],
  "q": "say \"hi\" \\"
}"#
        );
        assert_eq!(pretty("{}"), "{}");
        assert_eq!(pretty("\"x\""), "\"x\"");
    }

    #[test]
    fn what_is_no_json_is_shown_all_the_same() {
        assert_eq!(pretty("}]\"open"), "\n}\n]\"open");
        assert_eq!(short("\"open", 10), "\"open");
        pretty(&"[".repeat(100_000));
    }

    #[test]
    fn short_is_one_line() {
        assert_eq!(short("{\"a\" :1,\n\"b\":2}", 40), "{\"a\": 1, \"b\": 2}");
        assert_eq!(short(ARGS, 20), r#"{"to": ["a@x", "b,…"#);
        assert_eq!(cut("äöü", 2), "ä…");
    }

    #[test]
    fn arguments_are_an_object() {
        assert_eq!(object(" {\"a\": 1} ").as_deref(), Ok("{\"a\": 1}"));
        for bad in ["", "[]", "1", "{a: 1}", "{", "{} {}"] {
            assert!(object(bad).is_err(), "{bad}");
        }
    }
}
