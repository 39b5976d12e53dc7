//! Notifications about what agents want, honest and hostile ones.

use super::*;
use crate::approvals::sample;

fn now() -> Timestamp {
    "2026-03-04T12:00:00Z".parse().unwrap()
}

fn asks_with(args: &str) -> Text {
    asks(&sample("a1", args), now(), &TimeZone::UTC)
}

/// The arguments' part of a body.
fn shown(args: &str) -> String {
    let body = asks_with(args).body;
    body.rsplit_once('\n').unwrap().0.to_owned()
}

#[test]
fn it_says_who_what_and_until_when() {
    let text = asks_with(r#"{"to": "bob@acme.com", "urgent": true, "cc": []}"#);
    assert_eq!(text.summary, "ana/claude wants to call gmail.send");
    assert_eq!(text.body, "cc: []\nto: \"bob@acme.com\"\nurgent: true\nAnswer by 12:05:00");
    assert!(text.whole);
    let alone = Approval { agent: None, ..sample("a1", "{}") };
    let text = asks(&alone, now(), &TimeZone::UTC);
    assert_eq!(text.summary, "ana wants to call gmail.send");
    assert_eq!(text.body, "No arguments\nAnswer by 12:05:00");
}

#[test]
fn the_tray_has_a_line_for_it() {
    assert_eq!(line(&sample("a1", "{}")), "ana/claude · gmail.send");
    let tool = "docs.@resource/file:///a\nb".to_owned();
    let alone = Approval { agent: None, tool, ..sample("a1", "{}") };
    assert_eq!(line(&alone), "ana · file:///a\u{fffd}b");
}

#[test]
fn what_is_no_tool_is_read() {
    let summary = |tool: &str| {
        let approval = Approval { tool: tool.to_owned(), ..sample("a1", "{}") };
        asks(&approval, now(), &TimeZone::UTC).summary
    };
    assert_eq!(
        summary("docs.@resource/file:///a.b?c=%20"),
        "ana/claude wants to read the resource file:///a.b?c=%20 of docs"
    );
    assert_eq!(
        summary("docs.@prompt/Code review"),
        "ana/claude wants to get the prompt Code review of docs"
    );
    let long = summary(&format!("docs.@resource/file:///{}", "x".repeat(2_000)));
    assert!(long.ends_with("… of docs") && long.len() < 130, "{long}");
}

#[test]
fn the_time_is_as_exact_as_it_has_to_be_and_local() {
    let at = |time: &str, zone: &TimeZone| until(time, now(), zone).unwrap();
    assert_eq!(at("2026-03-04T12:09:59Z", &TimeZone::UTC), "12:09:59");
    assert_eq!(at("2026-03-04T13:00:00Z", &TimeZone::UTC), "13:00");
    assert_eq!(at("2026-03-05T11:00:00Z", &TimeZone::UTC), "5 Mar, 11:00");
    let east = TimeZone::fixed(jiff::tz::offset(3));
    assert_eq!(at("2026-03-04T13:00:00Z", &east), "16:00");
    assert_eq!(until("soon", now(), &TimeZone::UTC), None);

    assert_eq!(left("2026-03-04T12:01:00Z", now()), Some(Duration::from_secs(60)));
    assert_eq!(left("2026-03-04T11:00:00Z", now()), None);
    assert_eq!(left("soon", now()), None);
}

#[test]
fn a_value_cannot_pass_for_another_argument() {
    let args = r#"{"note": "x\nto: \"eve\"", "to": "bob", "a: 1\nb": 2}"#;
    assert_eq!(shown(args), "\"a: 1\\nb\": 2\nnote: \"x\\nto: \\\"eve\\\"\"\nto: \"bob\"");
}

#[test]
fn nothing_hides_and_nothing_turns_round() {
    let args = r#"{"to": "bob\u202emoc.live\u2066\u200b\u0007\u0085\u2028\ue000"}"#;
    let text = shown(args);
    assert_eq!(text, "to: \"bob\u{fffd}moc.live\u{fffd}\u{fffd}\\u0007\u{fffd}\u{fffd}\u{e000}\"");
    let tool = Approval { tool: "gmail.\u{202e}dnes\n".to_owned(), ..sample("a1", "{}") };
    let text = asks(&tool, now(), &TimeZone::UTC);
    assert_eq!(text.summary, "ana/claude wants to call gmail.\u{fffd}dnes\u{fffd}");
}

#[test]
fn numbers_stay_what_they_are() {
    let args = r#"{"n": 12345678901234567890123, "m": [1.10, {"deep": "\u0061"}, null]}"#;
    assert_eq!(shown(args), "m: [1.10, {deep: \"a\"}, null]\nn: 12345678901234567890123");
}

#[test]
fn a_long_argument_is_cut_and_leaves_room_for_the_others() {
    let args = format!(r#"{{"a": "{}", "to": "bob"}}"#, "é".repeat(5000));
    let text = asks_with(&args);
    assert!(!text.whole);
    assert!(text.body.contains("ééé…\nto: \"bob\"\nAnswer by"), "{}", text.body);
    assert!(text.body.chars().count() < 200);

    let alone = asks_with(&format!(r#"{{"a": "{}"}}"#, "x".repeat(290)));
    assert!(alone.whole, "{}", alone.body);
    let alone = asks_with(&format!(r#"{{"a": "{}"}}"#, "x".repeat(300)));
    assert!(!alone.whole);
}

#[test]
fn no_arguments_fill_the_desktop() {
    let many: BTreeMap<String, u32> = (0..5000).map(|at| (format!("key{at:04}"), at)).collect();
    let deep = format!(r#"{{"a": {}1{}}}"#, "[".repeat(100), "]".repeat(100));
    let wide = format!(r#"{{"a": [{}1]}}"#, "1,".repeat(5000));
    let names = format!(r#"{{"{}": 1, "b": 2}}"#, "k".repeat(5000));
    for args in [serde_json::to_string(&many).unwrap(), deep, wide, names, "[".repeat(5000)] {
        let text = asks_with(&args);
        assert!(!text.whole, "{}", text.body);
        assert!(text.body.contains(CUT), "{}", text.body);
        assert!(text.body.chars().count() < 400, "{}", text.body);
    }
}

#[test]
fn the_rest_is_counted() {
    assert_eq!(rest(1, true).summary, "1 more call waits for an answer");
    assert_eq!(rest(30, true).summary, "30 more calls wait for an answer");
    assert_eq!(rest(30, false).summary, "30 calls wait for an answer");
}

#[test]
fn who_was_second_is_told() {
    let approval = sample("a1", "{}");
    let text = not_taken(&approval, Some(codes::ANSWERED), "bob denied it\u{202e}");
    assert_eq!(text.summary, "Already answered: gmail.send for ana/claude");
    assert_eq!(text.body, "bob denied it\u{fffd}");
    let text = not_taken(&approval, None, &"x".repeat(500));
    assert_eq!(text.summary, "Not answered: gmail.send for ana/claude");
    assert_eq!(text.body.chars().count(), MAX_REFUSAL + 1);
}
