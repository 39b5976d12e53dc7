//! What is a change and what is none, and when it is pinned.

use serde_json::{Value, json};

use super::{super::scene::Scene, *};
use crate::support::upstream::Fixture;

const BASE: &str = r#"{
    "name": "echo", "title": "Echo", "description": "Says it again",
    "inputSchema": {"type": "object", "properties": {"n": {"type": "number", "maximum": 10}}},
    "outputSchema": {"type": "object"},
    "annotations": {"readOnlyHint": true},
    "icons": [{"src": "https://acme.example/a.png"}],
    "execution": {"taskSupport": "optional"},
    "_meta": {"ui": {"resourceUri": "ui://a"}},
    "x-unknown": [1, 2]
}"#;

/// `base` with something at a JSON pointer; null takes it away.
fn with(pointer: &str, value: Value) -> String {
    let mut base: Value = serde_json::from_str(BASE).unwrap();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = base.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Value::Null => drop(parent.remove(name)),
        value => drop(parent.insert(name.to_owned(), value)),
    }
    base.to_string()
}

/// Ana may call all of `fix`, which lists [`BASE`].
async fn scene() -> Scene {
    let scene = Scene::start().await;
    scene.upstream.list_text(&format!("[{BASE}]"));
    scene.gateway.admin.delete("/api/v1/connections/fix").await.unwrap();
    scene.gateway.connect_http("fix", &scene.upstream.url(), &[]).await;
    assert_eq!(scene.gateway.rest_tools(&scene.token).await, ["fix.echo"]);
    scene
}

#[tokio::test]
async fn every_member_of_a_definition_is_pinned() {
    let scene = scene().await;
    let Scene { gateway, upstream, token, .. } = &scene;
    for (name, definition) in [
        ("the title", with("/title", json!("Echo!"))),
        ("no title", with("/title", json!(null))),
        ("the description", with("/description", json!("Says it again "))),
        ("a schema's member", with("/inputSchema/properties/m", json!({"type": "string"}))),
        ("a schema's text", with("/inputSchema/properties/n/description", json!("Call me"))),
        ("a schema's bound", with("/inputSchema/properties/n/maximum", json!(11))),
        ("the output schema", with("/outputSchema/required", json!(["a"]))),
        ("no output schema", with("/outputSchema", json!(null))),
        ("an annotation", with("/annotations/readOnlyHint", json!(false))),
        ("one more annotation", with("/annotations/destructiveHint", json!(false))),
        ("an annotation's title", with("/annotations/title", json!("Safe"))),
        ("an icon", with("/icons", json!([{"src": "https://acme.example/b.png"}]))),
        ("how it runs", with("/execution/taskSupport", json!("required"))),
        ("_meta", with("/_meta/ui/resourceUri", json!("ui://b"))),
        ("a member nobody knows", with("/x-unknown", json!([2, 1]))),
        ("one more of those", with("/x-new", json!(0))),
        ("letters that look alike", with("/description", json!("Sаys it again"))),
        ("an invisible letter", with("/description", json!("Says it\u{200b} again"))),
    ] {
        upstream.list_text(&format!("[{definition}]"));
        relist(gateway, "fix").await;
        assert_eq!(gateway.rest_tools(token).await, [""; 0], "{name}");
        is_refused(gateway, token, "fix.echo", "definition_changed").await;
        assert!(review(gateway, "fix.echo").await.changed, "{name}");
        // A definition that goes back to the pinned one is released by itself.
        upstream.list_text(&format!("[{BASE}]"));
        relist(gateway, "fix").await;
        assert_eq!(gateway.rest_tools(token).await, ["fix.echo"], "{name}");
        assert!(!review(gateway, "fix.echo").await.changed, "{name}");
    }
    assert_eq!(upstream.calls().len(), 0);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn the_same_json_in_other_bytes_is_no_change() {
    let scene = scene().await;
    let Scene { gateway, upstream, token, .. } = &scene;
    let pinned = review(gateway, "fix.echo").await.current.hash;
    let sorted: Value = serde_json::from_str(BASE).unwrap();
    for (name, definition) in [
        ("other order and no space", sorted.to_string()),
        ("more space", BASE.replace(',', " ,\r\n\t ")),
        ("numbers in other spellings", BASE.replace("10}", "1.0e1}").replace("[1, 2]", "[1.0, 2]")),
        ("escaped letters", BASE.replace("Says", "\\u0053ays").replace("https://", "https:\\/\\/")),
        ("escaped names", BASE.replace("\"description\"", "\"descriptio\\u006e\"")),
    ] {
        assert_ne!(definition, BASE, "{name}");
        upstream.list_text(&format!("[{definition}]"));
        relist(gateway, "fix").await;
        assert_eq!(review(gateway, "fix.echo").await.current.hash, pinned, "{name}");
        assert_eq!(gateway.rest_call(token, "fix.echo", json!({})).await.0, 200, "{name}");
    }
    scene.gateway.stop().await;
}

/// Another name is another tool: it has no grant of its own, and under a
/// pattern it is pinned as it is first seen.
#[tokio::test]
async fn another_name_is_another_tool() {
    let scene = Scene::start().await;
    let Scene { gateway, token, .. } = &scene;
    lists(&scene, json!([tool("echo2", "The tool echo")])).await;
    assert_eq!(gateway.rest_tools(token).await, [""; 0]);
    is_refused(gateway, token, "fix.echo2", "not_granted").await;
    assert!(review(gateway, "fix.echo2").await.pinned.is_none());
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_tool_is_pinned_when_a_grant_first_covers_it() {
    let upstream = Fixture::start().await;
    let gateway = InProcess::start().await;
    gateway.connect_http("fix", &upstream.url(), &[]).await;
    gateway.add_user("ana", None).await;
    let token = gateway.add_agent("ana", "claude", &[]).await;
    let pinned = async |id: &str| review(&gateway, id).await.pinned.is_some();
    // As long as nobody may call it, a tool may change as it likes; to deny it
    // is not to grant it.
    gateway.grant("ana", "fix.fail", "deny").await;
    upstream.list(json!([changed(), tool("fail", "x"), tool("other", "x")]));
    relist(&gateway, "fix").await;
    assert_eq!((pinned("fix.echo").await, pinned("fix.fail").await), (false, false));
    assert_eq!(tools(&gateway).await.iter().filter(|(_, changed)| *changed).count(), 0);
    // By its name, to ask; by what it does, once that is confirmed; by a pattern.
    gateway.grant("ana", "fix.echo", "ask").await;
    assert_eq!((pinned("fix.echo").await, pinned("fix.other").await), (true, false));
    gateway.grant("ana", "*:read", "allow").await;
    assert!(!pinned("fix.other").await);
    let body = json!({"effect": "read", "version": 0});
    assert_eq!(ask(&gateway.admin, "PUT", "/api/v1/tools/fix.other/effect", body).await.0, 200);
    assert!(pinned("fix.other").await);
    gateway.grant("ana", "fix.*", "allow").await;
    assert!(pinned("fix.fail").await, "somebody else could be allowed it");
    // And when it is first listed under a pattern.
    upstream.list(json!([changed(), tool("late", "x")]));
    relist(&gateway, "fix").await;
    assert!(pinned("fix.late").await);
    assert_eq!(gateway.rest_call(&token, "fix.late", json!({})).await.0, 200);
    upstream.list(json!([changed(), tool("late", "y")]));
    relist(&gateway, "fix").await;
    is_refused(&gateway, &token, "fix.late", "definition_changed").await;
    // Each says in the trail what was pinned.
    let hash = review(&gateway, "fix.late").await.pinned.unwrap().definition.hash;
    let detail = format!("fix.late {hash}");
    assert_eq!(records(&gateway, "definitions_pinned").await[0]["detail"], detail);
    gateway.stop().await;
}

/// A grant that is gone and made again is one of the same tool.
#[tokio::test]
async fn a_pin_outlives_its_grant() {
    let scene = Scene::start().await;
    let Scene { gateway, token, granted, .. } = &scene;
    gateway.revoke(granted).await;
    lists(&scene, json!([changed()])).await;
    gateway.grant("ana", "fix.echo", "allow").await;
    is_refused(gateway, token, "fix.echo", "definition_changed").await;
    // Another connection of that name is another system.
    gateway.admin.delete("/api/v1/connections/fix").await.unwrap();
    gateway.connect_http("fix", &scene.upstream.url(), &[]).await;
    assert_eq!(gateway.rest_call(token, "fix.echo", json!({})).await.0, 200);
    scene.gateway.stop().await;
}
