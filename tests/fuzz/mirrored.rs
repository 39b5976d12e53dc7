//! Arguments that headers repeat: what agrees says the same, and what a
//! gateway sends agrees.

use agw_gateway::fuzzing::{arguments_agree, from_header, headers_of, to_header};
use bolero::{check, produce};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::{edited, objects::is_distinct, text};

const TEXTS: [&str; 10] = [
    "",
    "us-west1",
    " padded ",
    "Übung, 世界",
    "=?base64?YQ==?=",
    "=?base64?=",
    "=?base64?%%?=",
    "line\r\nx-evil: 1",
    "42",
    "true",
];

const SCRAPS: [&str; 14] =
    ["=?base64?", "?=", "YQ==", "YQ", "=", " ", "\t", "\n", "\u{0}", "\u{7f}", "é", "a", "-0", "1"];

#[test]
fn every_text_goes_through_a_header_and_back() {
    let inputs = (edited(), produce::<Vec<char>>());
    check!().with_generator(inputs).with_iterations(30_000).for_each(|(edits, noise)| {
        let noise: String = noise.iter().collect();
        for text in [text(edits, &TEXTS, &SCRAPS), noise] {
            let header = to_header(&text);
            assert_eq!(from_header(&header).as_deref(), Some(&*text));
            let value = HeaderValue::from_str(&header).unwrap_or_else(|_| panic!("{header:?}"));
            // What stands between may cut off space, and knows ASCII alone.
            assert_eq!(value.to_str().unwrap().trim(), header, "{text:?}");
        }
    });
}

const SCHEMAS: [&str; 3] = [
    r#"{"properties":{"r":{"type":"string","x-mcp-header":"Region"},"n":{"type":"integer","x-mcp-header":"N"},"o":{"type":"object","properties":{"b":{"type":"boolean","x-mcp-header":"B"}}}}}"#,
    r#"{"properties":{"r":{"type":"string","x-mcp-heade\u0072":"Region"},"n":{"type":"integer","\u0078-mcp-header":"N"},"o":{"properties":{"b":{"x-mcp-\u0068eader":"B","type":"boolean"}}}}}"#,
    r#"{"properties":{"x-mcp-header":{"type":"string"}, "r":{"type":"string","x-mcp-header":"region"},"n":{"type":"integer","x-mcp-header":"n"},"o":{"properties":{"b":{"type":"boolean","x-mcp-header":"b"}}}}}"#,
];

const ARGUMENTS: [&str; 8] = [
    r#"{"r":"us-west1","n":42,"o":{"b":true}}"#,
    r#"{"r":"Übung","n":-0,"o":{"b":false}}"#,
    r#"{"r":" ","n":4.2e1}"#,
    r#"{"r":null,"o":null}"#,
    r#"{"r":7,"n":42,"o":{"b":"true"}}"#,
    r#"{"r":"us-west1","n":1.5,"o":7}"#,
    r#"{"n":9007199254740993,"r":"a"}"#,
    "{}",
];

const PIECES: [&str; 12] =
    ["\"r\":\"a\",", "\"n\":1,", "\"", "1", "0", ".0", "e1", "-", "null", "\\u0061", "{", "}"];

/// What the header must say; `Err`: no header can be right.
fn meant(value: Option<&Value>) -> Result<Option<String>, ()> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Bool(yes)) => Ok(Some(yes.to_string())),
        Some(Value::Number(number)) => {
            let whole =
                number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 9.007_199_254_740_992e15);
            whole.map(|whole| Some((whole as i64).to_string())).ok_or(())
        }
        _ => Err(()),
    }
}

/// What a fuzz target found: one argument of another type, and none was
/// compared any more.
#[test]
fn an_argument_of_another_type_hides_no_other() {
    let mut headers = HeaderMap::new();
    headers.insert("mcp-param-region", HeaderValue::from_static("eu"));
    for (arguments, agrees) in [
        (r#"{"r":"eu","n":1.5}"#, true),
        (r#"{"r":"us","n":1.5}"#, false),
        (r#"{"n":1.5}"#, false),
        (r#"{"r":7}"#, false),
    ] {
        assert_eq!(
            arguments_agree(&headers, SCHEMAS[0], arguments.as_bytes()),
            agrees,
            "{arguments}"
        );
    }
}

#[test]
fn what_agrees_says_the_same() {
    let sent = produce::<Vec<(u8, super::Edited)>>()
        .with()
        .values((produce::<u8>(), edited()))
        .len(0..3_usize);
    let inputs = (0..3_usize, edited(), sent);
    check!().with_generator(inputs).with_iterations(30_000).for_each(|(schema, edits, sent)| {
        let schema = SCHEMAS[*schema];
        let arguments = text(edits, &ARGUMENTS, &PIECES);
        // The reader of messages lets nothing else through.
        let Ok(read) = serde_json::from_str::<Value>(&arguments) else { return };
        if !is_distinct(&arguments) {
            return;
        }
        let ours = headers_of(schema, arguments.as_bytes());
        let mut headers = HeaderMap::new();
        for (name, value) in ours.iter().flatten() {
            let name = HeaderName::try_from(name).unwrap();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
        let own = arguments_agree(&headers, schema, arguments.as_bytes());
        assert!(ours.is_none() || own, "what the gateway sends does not agree: {arguments}");

        let names = ["mcp-param-region", "mcp-param-n", "mcp-param-b"];
        for (name, value) in sent {
            let put = names[usize::from(*name) % names.len()];
            let value = text(value, &TEXTS, &SCRAPS);
            // Sometimes as a client should, sometimes as it is.
            let value = if name & 64 == 0 { to_header(&value) } else { value };
            let Ok(value) = HeaderValue::from_str(&value) else { continue };
            match name / 3 % 4 {
                0 => _ = headers.remove(put),
                1 => _ = headers.append(put, value),
                _ => _ = headers.insert(put, value),
            }
        }
        if !arguments_agree(&headers, schema, arguments.as_bytes()) {
            return;
        }
        let wanted = ["string", "integer", "boolean"];
        let values = [read.get("r"), read.get("n"), read.get("o").and_then(|o| o.get("b"))];
        for ((name, kind), value) in names.iter().zip(wanted).zip(values) {
            let of_kind = value.is_none_or(|value| match kind {
                "string" => value.is_string(),
                "integer" => value.is_number(),
                _ => value.is_boolean(),
            } || value.is_null());
            let meant = if of_kind { meant(value) } else { Err(()) };
            let all: Vec<_> = headers.get_all(*name).iter().collect();
            assert!(all.len() <= 1, "{name} twice");
            let said = all.first().map(|value| from_header(value.to_str().unwrap()).unwrap());
            assert_eq!(said, meant.unwrap_or(None), "{name} of {arguments} with {headers:?}");
        }
    });
}
