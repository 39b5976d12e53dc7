//! The built-in sample, and a connection looked after from the command line.

use serde_json::{Value, json};

use super::scene::Scene;
use crate::support::{cli::agw, leaks::Planted, process::eventually};

const OLD_KEY: &str = "planted-old-key-of-a-server";
const NEW_KEY: &str = "planted-new-key-of-a-server";

/// It is a connection like any other: listed, granted, called over every face.
#[tokio::test]
async fn the_sample_is_a_connection_like_any_other() {
    let scene = Scene::open().await;
    let agw = agw().display().to_string();
    let add = ["connection", "add", "sample", "--stdio", "--", &agw, "sample"];
    let added = scene.cli.json(&add, "").await;
    assert_eq!((&added["health"], &added["tools"]), (&json!("ready"), &json!(4)), "{added}");
    let tools = scene.cli.lines(&["tools"]).await;
    let effect = |id: &str| {
        let tool = tools.iter().find(|tool| tool["id"] == id).unwrap();
        tool["suggested_effect"].clone()
    };
    for (id, wanted) in [
        ("sample.list_notes", "read"),
        ("sample.read_note", "read"),
        ("sample.write_note", "write"),
        ("sample.delete_note", "destructive"),
    ] {
        assert_eq!(effect(id), wanted, "{id}");
    }

    // `agw call` is a caller like any other: refused first.
    let token = format!("{}\n", scene.token);
    assert_eq!(scene.cli.refused(&["call", "sample.list_notes"], &token).await, "not_granted");
    scene.grant("ana", "sample.*").await;
    let listed = scene.cli.json(&["call", "sample.list_notes"], &token).await;
    assert_eq!(listed, json!({"notes": ["ideas", "shopping", "welcome"]}));
    let args = json!({"name": "plan", "text": "later"}).to_string();
    scene.cli.json(&["call", "sample.write_note", "--args", &args], &token).await;
    let read = ["call", "sample.read_note", "--args", r#"{"name": "plan"}"#];
    assert_eq!(scene.cli.json(&read, &token).await, json!({"text": "later"}));
    let missing = ["call", "sample.read_note", "--args", r#"{"name": "../plan"}"#];
    assert_eq!(scene.cli.refused(&missing, &token).await, "tool_error");
    scene.cli.run(&["call", "sample.read_note", "--args", "not json"], &token).await.expect(2);
    let records = scene.cli.lines(&["audit", "list", "--tool", "sample.write_note"]).await;
    assert_eq!(records[0]["agent"], "claude", "{records:?}");
    scene.close().await;
}

#[tokio::test]
async fn a_connection_is_edited_restarted_and_read_from_the_command_line() {
    let mut scene = Scene::open().await;
    scene.plant(Planted::new("a server's key", OLD_KEY));
    scene.plant(Planted::new("the key after it", NEW_KEY));
    let script = r#"echo "hello $1, key $API_KEY" >&2; exec "$0" sample"#;
    let agw = agw().display().to_string();
    let command = |word: &'static str| ["sh", "-c", script, agw.as_str(), word];
    let add = ["connection", "add", "mine", "--stdio", "--env", "API_KEY", "--"];
    let added = scene
        .cli
        .json(&[&add[..], &command("one")].concat(), &format!("API_KEY={OLD_KEY}\n"))
        .await;
    assert_eq!(added["health"], "ready", "{added}");
    let written = async |text: &str| {
        let logs = async || scene.cli.lines(&["connection", "logs", "mine"]).await;
        let found = async || {
            let lines: Vec<Value> = logs().await;
            let wanted = |line: &Value| line["text"].as_str().unwrap().contains(text);
            lines.iter().any(wanted).then_some(())
        };
        eventually(&format!("it says {text:?}"), found).await;
    };
    written("hello one, key [credential removed").await;

    // A new key in place; the same command keeps what is not named.
    let edit = ["connection", "edit", "mine", "--env", "API_KEY"];
    let edited = scene.cli.json(&edit, &format!("API_KEY={NEW_KEY}\n")).await;
    assert_eq!((&edited["version"], &edited["health"]), (&json!(2), &json!("ready")), "{edited}");
    written("starting anew: its settings changed").await;
    // Another command wants the key again, and nothing happens without.
    let other = [&["connection", "edit", "mine", "--"], &command("two")[..]].concat();
    assert_eq!(scene.cli.refused(&other, "").await, "invalid");
    let other =
        [&["connection", "edit", "mine", "--env", "API_KEY", "--"], &command("two")[..]].concat();
    scene.cli.json(&other, &format!("API_KEY={NEW_KEY}\n")).await;
    written("hello two").await;
    let stale = ["connection", "edit", "mine", "--remove", "API_KEY", "--if-version", "1"];
    assert_eq!(scene.cli.refused(&stale, "").await, "stale");
    let unknown = ["connection", "edit", "mine", "--remove", "OTHER"];
    scene.cli.run(&unknown, "").await.expect(2);

    let report = scene.cli.json(&["connection", "restart", "mine"], "").await;
    assert_eq!(report["ok"], true, "{report}");
    written("an administrator asked for it").await;
    let said = scene.cli.run(&["connection", "logs", "mine"], "").await.expect(0);
    assert!(said.stdout.contains(" gateway ready: agw sample"), "{said:#?}");
    assert!(!said.stdout.contains("planted"), "{said:#?}");
    let mut follower = scene.cli.beside(&["connection", "logs", "mine", "--follow"]);
    while !follower.line().await.contains("an administrator asked") {}
    let removed = scene.cli.json(&["connection", "edit", "mine", "--remove", "API_KEY"], "").await;
    assert_eq!(removed["credentials"], json!([]), "{removed}");
    let all = scene.cli.lines(&["audit", "list", "--limit", "100"]).await;
    let all = serde_json::to_string(&all).unwrap();
    assert!(all.contains("connection_edited") && all.contains("connection_restarted"), "{all}");
    assert!(!all.contains("planted"), "{all}");
    scene.close().await;
}
