//! `--where`: the common conditions, written without CEL. The gateway turns
//! them into CEL, so that there is one place that knows how.
//!
//! ```text
//! every to ends-with @acme.com       the list `to` has only such texts
//! status one-of open,done            texts, numbers, true or false; or a JSON list
//! customer.age at-most 100           a field within a field
//! path matches ^/srv/                the rest of the text is the expression
//! hours 9-17 Europe/Berlin           from 9:00 until 17:00 in that zone
//! ```

use agw_api::Rule;
use serde_json::Value;

const FORMS: &str = "use 'every FIELD ends-with TEXT', 'FIELD one-of A,B', 'FIELD at-most NUMBER', \
                     'FIELD matches EXPRESSION' or 'hours 9-17 ZONE'";

/// One rule. What its parts mean to the tool, the gateway checks.
pub(crate) fn rule(text: &str) -> Result<Rule, String> {
    if text.chars().any(char::is_control) {
        return Err(format!("control characters are refused; {FORMS}"));
    }
    let (first, after_first) = word(text);
    let (second, rest) = word(after_first);
    let (third, after_third) = word(rest);
    let field = || first.to_owned();
    match (first, second, third) {
        (_, _, "") => Err(FORMS.to_owned()),
        ("every", field, "ends-with") if !after_third.is_empty() => {
            Ok(Rule::EveryItemEndsWith { field: field.to_owned(), ends_with: after_third.into() })
        }
        (_, "one-of", _) => Ok(Rule::OneOf { field: field(), values: values(rest)? }),
        (_, "at-most", _) => Ok(Rule::AtMost { field: field(), limit: number(rest)? }),
        (_, "matches", _) => Ok(Rule::Matches { field: field(), pattern: rest.to_owned() }),
        ("hours", hours, zone) if after_third.is_empty() => between(hours, zone),
        _ => Err(FORMS.to_owned()),
    }
}

/// The first word, and what follows it without the spaces around.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim();
    text.split_once(' ').map_or((text, ""), |(word, rest)| (word, rest.trim_start()))
}

fn values(text: &str) -> Result<Vec<Value>, String> {
    let plain = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
    let values = if text.starts_with('[') {
        serde_json::from_str::<Vec<Value>>(text).unwrap_or_default()
    } else {
        text.split(',').map(|item| value(item.trim())).collect()
    };
    if !values.is_empty() && values.iter().all(plain) && !values.contains(&Value::from("")) {
        return Ok(values);
    }
    Err("after one-of use texts, numbers, true or false with commas between, or a JSON list of \
         them; \"quotes\" make a text of anything"
        .to_owned())
}

/// A number, true, false, a text in quotes, or the text as it is.
fn value(item: &str) -> Value {
    match serde_json::from_str(item) {
        Ok(value @ (Value::Number(_) | Value::Bool(_) | Value::String(_))) => value,
        _ => Value::from(item),
    }
}

fn number(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(format!("{text:?} is no number: use for example 'amount at-most 100'")),
    }
}

fn between(hours: &str, zone: &str) -> Result<Rule, String> {
    let hour = |text: &str| text.parse::<u8>().ok().filter(|hour| *hour <= 24);
    let (from, to) = hours
        .split_once('-')
        .and_then(|(from, to)| Some((hour(from)?, hour(to)?)))
        .filter(|(from, to)| *from < 24 && from != to)
        .ok_or_else(|| {
            format!("{hours:?} are no hours: use two full hours of the day, e.g. 9-17 or 22-6")
        })?;
    Ok(Rule::Between { from, to, zone: zone.to_owned() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_five_forms() {
        let cases = [
            (
                "every to ends-with @acme.com",
                json!({"kind": "every_item_ends_with", "field": "to", "ends_with": "@acme.com"}),
            ),
            (
                "status one-of open, done,3,\"4\",true",
                json!({"kind": "one_of", "field": "status", "values": ["open", "done", 3, "4", true]}),
            ),
            (
                r#"status one-of ["a,b", 1.5]"#,
                json!({"kind": "one_of", "field": "status", "values": ["a,b", 1.5]}),
            ),
            ("amount at-most 99.5", json!({"kind": "at_most", "field": "amount", "limit": 99.5})),
            (
                "path  matches  ^/srv/ (a|b) ",
                json!({"kind": "matches", "field": "path", "pattern": "^/srv/ (a|b)"}),
            ),
            (
                "hours 22-6 Europe/Berlin",
                json!({"kind": "between", "from": 22, "to": 6, "zone": "Europe/Berlin"}),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(serde_json::to_value(rule(text).unwrap()).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn fields_may_be_called_as_the_words_are() {
        assert!(
            matches!(rule("hours at-most 8"), Ok(Rule::AtMost { field, .. }) if field == "hours")
        );
        assert!(
            matches!(rule("every one-of a"), Ok(Rule::OneOf { field, .. }) if field == "every")
        );
        assert!(matches!(
            rule("every one-of ends-with x"),
            Ok(Rule::EveryItemEndsWith { field, .. }) if field == "one-of"
        ));
    }

    #[test]
    fn anything_else_says_how_it_is_written() {
        for text in [
            "",
            "to",
            "to ends-with @acme.com",
            "every to ends-with",
            "every to",
            "status one-of",
            "status one-of a,,b",
            "status one-of [null]",
            "status one-of []",
            "status one-of [1",
            "amount at-most many",
            "amount at-most inf",
            "amount at-most",
            "path matches ",
            "hours 9-17",
            "hours 9 Europe/Berlin",
            "hours 9-25 Europe/Berlin",
            "hours 24-6 Europe/Berlin",
            "hours 9-9 Europe/Berlin",
            "hours 9-17 Europe/Berlin or so",
            "amount is 3",
            "path matches a\u{1b}",
        ] {
            assert!(rule(text).is_err_and(|why| why.contains("use ")), "{text:?}");
        }
    }
}
