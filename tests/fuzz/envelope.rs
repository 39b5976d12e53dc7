//! Messages of agents: what is taken for a request has one id and one method,
//! which every other reader finds, too.

use agw_gateway::fuzzing::{Said, is_stateless, message, with_members};
use bolero::{check, produce};
use http::{HeaderMap, HeaderValue};
use serde_json::Value;

use super::{
    edited,
    objects::{Object, is_distinct},
    text,
};

const SEEDS: [&str; 9] = [
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"b":[1,{"c":2}]}}}"#,
    r#"{"jsonrpc":"2.0","id":"x","method":"tools/list"}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#,
    r#"{"jsonrpc":"2.0","id":-7,"result":{"action":"accept"}}"#,
    r#"{"jsonrpc":"2.0","id":7,"error":{"code":-1,"message":"no"}}"#,
    r#"{ "id" : 12345678901234567890 , "jsonrpc" : "2.0" , "method" : "\u0074ools/call" }"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#,
    r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#,
    "",
];

const SCRAPS: [&str; 28] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u0069",
    "\\ud800",
    "null",
    "1",
    "-",
    "1.5",
    "1e999",
    "\"id\":2,",
    "\"\\u0069d\":2,",
    "\"method\":\"x\",",
    "\"result\":{},",
    "\"jsonrpc\":\"2.0\",",
    "\"params\":[],",
    "\"name\":\"b\",",
    "\"a\"",
    " ",
    "\n",
    "\u{feff}",
    "é",
    "\u{0}",
];

#[test]
fn a_message_is_what_any_other_reader_takes_it_for() {
    check!().with_generator(edited()).with_iterations(40_000).for_each(|edits| {
        let body = text(edits, &SEEDS, &SCRAPS);
        let Some(said) = message(body.as_bytes()) else { return };
        assert!(is_distinct(&body), "{body:?} has a member twice");
        let object = Object::read(&body).unwrap();
        let string = |name| {
            let json = object.get(name)?;
            Some(serde_json::from_str::<String>(json).unwrap())
        };
        assert_eq!(string("jsonrpc").as_deref(), Some("2.0"), "{body:?}");
        let (id, method) = match said {
            Said::Request { id, method } => (Some(id), Some(method)),
            Said::Notification { method } => (None, Some(method)),
            Said::Response { id } => {
                let one = object.get("result").is_some() != object.get("error").is_some();
                assert!(one, "{body:?}");
                (Some(id), None)
            }
        };
        assert_eq!(object.get("id"), id.as_deref(), "{body:?}");
        assert_eq!(string("method"), method, "{body:?}");
        // It is put into answers as it is.
        let value: Option<Value> = id.and_then(|id| serde_json::from_str(&id).ok());
        assert!(value.is_none_or(|id| id.is_string() || id.is_number()), "{body:?}");
        let params = object.get("params");
        assert!(method.is_none() || params.is_none_or(|p| p.starts_with('{')), "{body:?}");
    });
}

#[test]
fn bytes_that_are_no_text_are_no_message() {
    check!().with_generator(produce::<Vec<u8>>()).with_iterations(20_000).for_each(|body| {
        let said = message(body);
        assert!(said.is_none() || std::str::from_utf8(body).is_ok());
    });
}

const VALUES: [&str; 12] = [
    "2026-07-28",
    "2025-11-25",
    "tools/call",
    "tools/list",
    "a",
    "=?base64?YQ==?=",
    "=?base64?Yg==?=",
    "=?base64?YQ=?=",
    "b",
    "",
    "A",
    "2026-07-2",
];

/// Which headers, and with which values.
type Sent = Vec<(u8, u8)>;

/// Who decides by the headers decides about the same request.
#[test]
fn a_stateless_request_says_the_same_in_its_headers() {
    let sent = produce::<Sent>().with().len(0..5_usize);
    check!().with_generator((edited(), sent)).with_iterations(40_000).for_each(|(edits, sent)| {
        let body = text(edits, &SEEDS, &SCRAPS);
        let mut headers = HeaderMap::new();
        // Most of the time they are what they should be.
        for (name, value) in [("mcp-protocol-version", 0), ("mcp-method", 2), ("mcp-name", 4)] {
            headers.insert(name, HeaderValue::from_static(VALUES[value]));
        }
        let names = ["mcp-protocol-version", "mcp-method", "mcp-name"];
        for (name, value) in sent {
            let value = HeaderValue::from_static(VALUES[usize::from(*value) % VALUES.len()]);
            let put = names[usize::from(*name) % names.len()];
            match name / 3 % 3 {
                0 => _ = headers.append(put, value),
                1 => _ = headers.remove(put),
                _ => _ = headers.insert(put, value),
            }
        }
        if is_stateless(body.as_bytes(), &headers) != Some(true) {
            return;
        }
        let request: Value = serde_json::from_str(&body).unwrap_or_default();
        if request.is_null() {
            // Some number in it is too great for this reader.
            return;
        }
        let the_one = |name| {
            let all: Vec<_> = headers.get_all(name).iter().collect();
            assert_eq!(all.len(), 1, "{name} {body:?}");
            all[0].to_str().unwrap()
        };
        let meta = &request["params"]["_meta"];
        let version = &meta["io.modelcontextprotocol/protocolVersion"];
        assert_eq!(version.as_str(), Some(the_one("mcp-protocol-version")), "{body:?}");
        assert_eq!(request["method"].as_str(), Some(the_one("mcp-method")), "{body:?}");
        if let ("tools/call", Some(name)) =
            (the_one("mcp-method"), request["params"]["name"].as_str())
        {
            let said = match the_one("mcp-name") {
                "=?base64?YQ==?=" => "a",
                "=?base64?Yg==?=" => "b",
                plain => plain,
            };
            assert_eq!(name, said, "{body:?}");
        }
    });
}

/// Members whose names other members' values are made of, and the like.
const OBJECTS: [&str; 5] = [
    r#"{"n": 12345678901234567890.10, "a":[1 ,2], "x":"y"}"#,
    r#"{"_meta":{"a":1},"content":[{"type":"text","text":"{\"a\":2}"}]}"#,
    r#"{"resultType":"complete","\u0061":{"a":{"a":null}},"big":1e400}"#,
    "{}",
    r#" { "é" : "\ud83d\ude00" , "" : -0 } "#,
];

#[test]
fn changing_a_member_leaves_the_bytes_of_the_others() {
    let inputs = (edited(), 0..4_usize, 0..5_usize);
    check!().with_generator(inputs).with_iterations(30_000).for_each(|(edits, set, removed)| {
        let before = text(edits, &OBJECTS, &SCRAPS);
        let set = ["a", "resultType", "", "new \" one"][*set];
        let removed = ["x", "a", "_meta", "é", "\"a\""][*removed];
        let value = r#"{"b": [1 , 1e999]}"#;
        let after = with_members(before.as_bytes(), (set, value), removed);
        let Some(Object(mut expected)) = Object::read(&before) else {
            assert_eq!(after, None, "{before:?}");
            return;
        };
        let twice = (1..expected.len())
            .any(|at| expected[..at].iter().any(|(name, _)| *name == expected[at].0));
        assert_eq!(after.is_none(), twice, "{before:?}");
        let Some(after) = after else { return };
        let value = serde_json::value::RawValue::from_string(value.to_owned()).unwrap();
        match expected.iter_mut().find(|(name, _)| name == set) {
            Some((_, old)) => *old = value,
            None => expected.push((set.to_owned(), value)),
        }
        expected.retain(|(name, _)| name != removed);
        let Object(found) = Object::read(&after).unwrap_or_else(|| panic!("{after:?}"));
        let plain = |members: &[(String, Box<serde_json::value::RawValue>)]| {
            members.iter().map(|(n, v)| (n.clone(), v.get().to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(plain(&found), plain(&expected), "{before:?} became {after:?}");
    });
}
