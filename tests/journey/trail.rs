//! Every call is in the trail, whatever became of it, with the digest of its
//! arguments and without their values.

use serde_json::{Value, json};

use super::{
    clients::strangers_token,
    scene::{Scene, no_secrets},
};
use crate::support::{
    leaks::{Place, Planted},
    parts::{self, Python},
};

const MEMBERS: [&str; 12] = [
    "seq",
    "time",
    "kind",
    "call_id",
    "user",
    "agent",
    "tool",
    "decision",
    "reason",
    "args_digest",
    "status",
    "duration_ms",
];

#[tokio::test]
async fn every_call_is_recorded_whatever_became_of_it() {
    let mut scene = Scene::open().await;
    scene.grant("ana", "crm.*").await;
    let revoked = scene.agent("short-lived", &[]).await;
    scene.cli.json(&["agent", "revoke", "ana", "short-lived"], "").await;
    let url = scene.service.url("/mcp");
    let mut session = Python::connect(&scene.cli, "legacy", &url, &scene.token).await;
    let mut stateless = Python::connect(&scene.cli, "2026-07-28", &url, &scene.token).await;
    let before = scene.outcomes().await.len();

    // One after the other, so that their order is known.
    let empty = json!({});
    session.call("files__read_text_file", &scene.notes()).await;
    stateless.call("crm__headers", &empty).await;
    scene.call("files.list_directory", json!({"path": scene.folder})).await;
    session.call("files__write_file", &empty).await;
    stateless.call("crm__fail", &empty).await;
    session.call("files__read_text_file", &json!({"path": "/etc/passwd"})).await;
    scene.call("crm.hang-up", empty.clone()).await;
    scene.call("crm.no_such_tool", empty.clone()).await;
    scene.call("crm.echo", json!([])).await;
    for token in [strangers_token(), revoked, "rubbish".to_owned()] {
        let body = json!({"tool": "crm.echo", "args": {}, "token": token}).to_string();
        assert_eq!(scene.post(&body).await.status, 401);
    }
    scene.cli.json(&["pause"], "").await;
    scene.call("crm.echo", empty.clone()).await;
    scene.cli.json(&["resume"], "").await;

    let claude = ("ana", "claude");
    let nobody = ("", "");
    let expected = [
        (claude, "mcp", "files.read_text_file", "allow", "granted", "ok"),
        (claude, "mcp", "crm.headers", "allow", "granted", "ok"),
        (claude, "rest", "files.list_directory", "allow", "granted", "ok"),
        (claude, "mcp", "files.write_file", "deny", "not_granted", "denied"),
        (claude, "mcp", "crm.fail", "allow", "granted", "tool_error"),
        (claude, "mcp", "files.read_text_file", "allow", "granted", "tool_error"),
        (claude, "rest", "crm.hang-up", "allow", "upstream_closed", "failed"),
        (claude, "rest", "crm.no_such_tool", "allow", "unknown_tool", "failed"),
        (claude, "rest", "crm.echo", "deny", "invalid_arguments", "denied"),
        (nobody, "rest", "crm.echo", "deny", "token_unknown", "denied"),
        (("ana", "short-lived"), "rest", "crm.echo", "deny", "token_revoked", "denied"),
        (nobody, "rest", "crm.echo", "deny", "token_malformed", "denied"),
        (claude, "rest", "crm.echo", "deny", "paused", "denied"),
    ];
    let trail = scene.trail().await;
    let outcomes: Vec<_> = trail.iter().filter(|record| record["kind"] == "outcome").collect();
    let outcomes = &outcomes[before..];
    let seen: Vec<_> = outcomes.iter().map(|record| summary(record)).collect();
    assert_eq!(seen, expected.map(|((u, a), f, t, d, r, s)| [u, a, f, t, d, r, s]));
    for outcome in outcomes {
        for member in MEMBERS {
            assert!(outcome.get(member).is_some(), "{member}: {outcome}");
        }
        assert!(outcome["duration_ms"].as_f64().unwrap() > 0.0, "{outcome}");
        check_call(&scene, outcome, &trail).await;
    }
    let seqs: Vec<_> = trail.iter().map(|record| record["seq"].as_u64().unwrap()).collect();
    assert!(seqs.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{seqs:?}");
    scene.close().await;
}

fn summary(record: &Value) -> [&str; 7] {
    ["user", "agent", "face", "tool", "decision", "reason", "status"]
        .map(|member| record[member].as_str().unwrap_or_default())
}

/// What was forwarded was recorded before; `agw audit show` has all of it.
async fn check_call(scene: &Scene, outcome: &Value, trail: &[Value]) {
    let of_call: Vec<_> =
        trail.iter().filter(|record| record["call_id"] == outcome["call_id"]).collect();
    let forwarded = outcome["decision"] == "allow" && outcome["reason"] != "unknown_tool";
    assert_eq!(of_call.len(), if forwarded { 2 } else { 1 }, "{of_call:#?}");
    let first = of_call[0];
    if forwarded {
        assert_eq!(first["kind"], "intent");
        assert!(first["seq"].as_u64() < outcome["seq"].as_u64());
        for member in ["user", "agent", "tool", "decision", "args_digest", "grants"] {
            assert_eq!(first[member], outcome[member], "{member}");
        }
        assert_ne!(first["grants"], json!([]), "{first}");
    }
    let call = outcome["call_id"].as_str().unwrap();
    let story = scene.cli.json(&["audit", "show", call], "").await;
    let shown = story["records"].as_array().unwrap();
    assert_eq!(shown.iter().collect::<Vec<_>>(), of_call);
}

#[tokio::test]
async fn digests_are_those_of_rfc_8785_and_values_are_redacted() {
    let scene = Scene::open().await;
    scene.grant("ana", "crm.echo").await;
    // Of the RFC's own examples, and what tells parsers apart.
    let all_args = [
        r#"{}"#,
        r#"{"b": 1, "a": {"d": null, "c": [true, false]}}"#,
        r#"{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001]}"#,
        r#"{"more": [-0, 0.0, 1e21, 1e-7, 9007199254740991, -9007199254740992, 5e-324]}"#,
        r#"{"string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/"}"#,
        r#"{"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\ud83d\ude00": 5, "\u0080": 6, "\u00f6": 7}"#,
        "{ \"white\"\t:\n [ 1 ,2 ] }",
        r#"{"text": "planted-value-of-an-argument", "deep": {"a": {"b": ["planted-value-of-an-argument"]}}}"#,
    ];
    let lines = all_args.map(|args| args.replace('\n', " ")).join("\n");
    let expected = parts::digests(&scene.cli, &[], &lines).await;
    for (args, digest) in all_args.iter().zip(&expected) {
        let reply = scene.call_with("crm.echo", args).await;
        assert_eq!(reply.status, 200, "{args}: {reply:?}");
        // What arrived is what was digested.
        let log = scene.crm.log();
        let arrived = ["body", "params", "arguments"];
        let arrived = parts::digests(&scene.cli, &arrived, log.lines().last().unwrap()).await;
        assert_eq!(&arrived[0], digest, "{args}");
        let outcome = scene.outcomes().await.pop().unwrap();
        assert_eq!(&outcome["args_digest"], digest, "{args}");
    }
    // RFC 8785 is for numbers that a double can hold; of others, two must not
    // pass for each other.
    for number in ["9007199254740993", "9007199254740992"] {
        let reply = scene.call_with("crm.echo", &format!(r#"{{"n": {number}}}"#)).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    let outcomes = scene.outcomes().await;
    let [.., one, other] = outcomes.as_slice() else { panic!("{outcomes:#?}") };
    assert_ne!(one["args_digest"], other["args_digest"]);

    let trail = scene.trail().await;
    let intents: Vec<_> = trail.iter().filter(|record| record["kind"] == "intent").collect();
    let shapes: Vec<_> = intents.iter().map(|intent| intent["args"].clone()).collect();
    assert_eq!(shapes[1], json!({"a": "object(2)", "b": "number"}));
    assert_eq!(shapes[7], json!({"deep": "object(1)", "text": "string(28)"}));

    let place = |name: &str, bytes: Vec<u8>| Place { name: name.to_owned(), bytes };
    let mut places: Vec<_> = crate::support::leaks::files(&scene.cli.data_dir());
    let listed = trail.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    places.push(place("agw --json audit list", listed.into_bytes()));
    places.push(place("the service's output", scene.cli.log()));
    no_secrets(&[Planted::new("an argument", "planted-value-of-an-argument")], &places);
    scene.close().await;
}

/// `agw audit tail` shows what is there, then what comes.
#[tokio::test]
async fn the_trail_can_be_followed() {
    let scene = Scene::open().await;
    let mut tail = scene.cli.beside(&["--json", "audit", "tail"]);
    let mut seen = 0;
    for _ in 0..10 {
        let record: Value = serde_json::from_str(&tail.line().await).unwrap();
        assert!(record["seq"].as_u64().unwrap() > seen);
        seen = record["seq"].as_u64().unwrap();
    }
    scene.call("crm.headers", json!({})).await;
    for kind in ["intent", "outcome"] {
        let record: Value = serde_json::from_str(&tail.line().await).unwrap();
        assert_eq!((&record["kind"], &record["tool"]), (&json!(kind), &json!("crm.headers")));
        assert_eq!(record["seq"].as_u64().unwrap(), seen + 1);
        seen += 1;
    }
    // Ctrl-C is how a person ends it.
    tail.signal("INT");
    assert!(tail.ended().await.success());
    scene.close().await;
}
