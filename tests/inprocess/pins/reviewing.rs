//! What people and agents are told, and accepting.

use serde_json::{Value, json};

use super::{super::scene::Scene, *};
use crate::support::mcp::Session;

#[tokio::test]
async fn a_changed_tool_is_listed_to_no_agent_and_its_calls_say_why() {
    let scene = Scene::start().await;
    let Scene { gateway, upstream, token, .. } = &scene;
    let aggregate = Session::open(&gateway.url("/mcp"), token).await;
    let own = Session::open(&gateway.url("/mcp/fix"), token).await;
    let mut stream = aggregate.listen().await;
    let told = async |stream: &mut tokio::sync::mpsc::UnboundedReceiver<Value>| {
        let message = tokio::time::timeout(SOON, stream.recv()).await.unwrap().unwrap();
        assert_eq!(message["method"], "notifications/tools/list_changed", "{message}");
    };
    lists(&scene, json!([changed()])).await;
    told(&mut stream).await;
    assert_eq!(aggregate.tool_names().await, [""; 0]);
    assert_eq!(own.tool_names().await, [""; 0]);
    assert_eq!(gateway.rest_tools(token).await, [""; 0]);
    for (session, name) in [(&aggregate, "fix__echo"), (&own, "echo")] {
        let answer = session.call(name, json!({})).await;
        let result = &answer["result"];
        assert_eq!(result["isError"], true, "{answer}");
        assert_eq!(result["_meta"]["dev.aiagentgateway/code"], "definition_changed", "{answer}");
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(text.contains("an administrator has") && !text.contains("ssh"), "{text}");
    }
    let (status, body) = gateway.rest_call(token, "fix.echo", json!({})).await;
    assert_eq!((status, &body["code"]), (403, &json!("definition_changed")), "{body}");
    scene.assert_refusal("definition_changed").await;
    assert_eq!(upstream.calls().len(), 0);
    // Whoever may not call it learns nothing.
    gateway.add_user("bo", None).await;
    let bo = gateway.add_agent("bo", "claude", &[]).await;
    let (status, told_bo) = gateway.rest_call(&bo, "fix.echo", json!({})).await;
    let (_, unknown) = gateway.rest_call(&bo, "fix.none", json!({})).await;
    assert_eq!((status, &told_bo["code"]), (403, &json!("not_granted")));
    assert_eq!(told_bo["message"].as_str().unwrap().replace("echo", "none"), unknown["message"]);
    // An admin is told why, too.
    let body = json!({"caller": "ana/claude", "tool": "fix.echo"});
    let explained: agw_api::Explanation =
        gateway.admin.post("/api/v1/explain", &body).await.unwrap();
    assert_eq!(explained.reason, "definition_changed", "{explained:?}");
    // Accepted, it is there again.
    let hash = review(gateway, "fix.echo").await.current.hash;
    assert_eq!(accept(gateway, "fix.echo", &hash).await.0, 200);
    told(&mut stream).await;
    assert_eq!(aggregate.tool_names().await, ["fix__echo"]);
    assert_eq!(gateway.rest_call(token, "fix.echo", json!({})).await.0, 200);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn an_admin_sees_both_and_accepts_just_what_they_saw() {
    let scene = Scene::start().await;
    let Scene { gateway, token, .. } = &scene;
    let first = review(gateway, "fix.echo").await;
    let pinned = first.pinned.unwrap();
    assert_eq!((first.changed, first.changed_at), (false, None));
    assert_eq!(pinned.definition.definition, first.current.definition);
    assert_eq!(pinned.accepted_by, None);
    lists(&scene, json!([changed()])).await;
    assert_eq!(tools(gateway).await, [("fix.echo".to_owned(), true)]);
    let status: agw_api::Status = gateway.admin.get("/api/v1/status").await.unwrap();
    assert_eq!(status.changed_tools, 1);
    let seen = review(gateway, "fix.echo").await;
    assert!(seen.changed && seen.changed_at.is_some());
    let now: Value = serde_json::from_str(&seen.current.definition).unwrap();
    assert_eq!(now, changed());
    let was = &seen.pinned.as_ref().unwrap().definition;
    assert_eq!(serde_json::from_str::<Value>(&was.definition).unwrap(), echo());
    assert_eq!(was.hash, pinned.definition.hash);

    // It changes again while they read.
    lists(&scene, json!([tool("echo", "A third one")])).await;
    let (status, body) = accept(gateway, "fix.echo", &seen.current.hash).await;
    assert_eq!((status, &body["code"]), (409, &json!("stale")), "{body}");
    let third = review(gateway, "fix.echo").await;
    assert_eq!(body["current"], json!(third));
    is_refused(gateway, token, "fix.echo", "definition_changed").await;
    // What was is no longer to be had either.
    assert_eq!(accept(gateway, "fix.echo", &pinned.definition.hash).await.0, 409);
    assert_eq!(accept(gateway, "fix.echo", "").await.0, 409);
    assert_eq!(accept(gateway, "fix.none", &third.current.hash).await.0, 404);
    assert!(records(gateway, "definition_accepted").await.is_empty());

    let (status, shown) = accept(gateway, "fix.echo", &third.current.hash).await;
    assert_eq!((status, &shown["changed"]), (200, &json!(false)), "{shown}");
    assert_eq!(gateway.rest_call(token, "fix.echo", json!({})).await.0, 200);
    let after = review(gateway, "fix.echo").await;
    assert_eq!(after.pinned.unwrap().accepted_by.as_deref(), Some("root"));
    // Once more is nothing.
    assert_eq!(accept(gateway, "fix.echo", &third.current.hash).await.0, 200);
    let [accepted] = &records(gateway, "definition_accepted").await[..] else { panic!() };
    let detail = accepted["detail"].as_str().unwrap();
    assert_eq!(accepted["user"], "root");
    assert!(detail.contains(&third.current.hash) && detail.contains(&pinned.definition.hash));
    scene.gateway.stop().await;
}

/// What was never granted has no pin to replace.
#[tokio::test]
async fn what_was_never_granted_is_not_accepted() {
    let scene = Scene::start().await;
    let hash = review(&scene.gateway, "fix.other").await.current.hash;
    let (status, body) = accept(&scene.gateway, "fix.other", &hash).await;
    assert_eq!((status, &body["code"]), (422, &json!("invalid")), "{body}");
    scene.gateway.stop().await;
}

/// That a tool only reads was said of what it was.
#[tokio::test]
async fn a_confirmed_read_does_not_outlive_an_accepted_change() {
    let scene = Scene::start().await;
    let Scene { gateway, token, .. } = &scene;
    gateway.revoke(&scene.granted).await;
    gateway.grant("ana", "fix.*:read", "allow").await;
    let confirm = async |effect: &str, version: u64| {
        let body = json!({"effect": effect, "version": version});
        ask(&gateway.admin, "PUT", "/api/v1/tools/fix.echo/effect", body).await.0
    };
    assert_eq!(confirm("read", 0).await, 200);
    assert_eq!(gateway.rest_call(token, "fix.echo", json!({})).await.0, 200);
    lists(&scene, json!([changed()])).await;
    let hash = review(gateway, "fix.echo").await.current.hash;
    let (_, shown) = accept(gateway, "fix.echo", &hash).await;
    assert_eq!((&shown["effect"], &shown["effect_version"]), (&json!(null), &json!(2)));
    is_refused(gateway, token, "fix.echo", "not_granted").await;
    assert_eq!(confirm("read", 1).await, 409, "somebody who has not seen that");
    assert_eq!(confirm("read", 2).await, 200);
    assert_eq!(gateway.rest_call(token, "fix.echo", json!({})).await.0, 200);
    // What is stronger than nothing stays: denials may go by it.
    assert_eq!(confirm("destructive", 3).await, 200);
    lists(&scene, json!([echo()])).await;
    let hash = review(gateway, "fix.echo").await.current.hash;
    assert_eq!(accept(gateway, "fix.echo", &hash).await.1["effect"], "destructive");
    scene.gateway.stop().await;
}

#[tokio::test]
async fn members_never_see_what_changed() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    gateway.set_password("ana").await;
    let ana = gateway.sign_in("ana").await;
    let auditor = gateway.add_person("eve", "auditor").await;
    let shown = ask(&ana, "GET", "/api/v1/tools/fix.echo", Value::Null).await;
    assert_eq!(shown.0, 200);
    lists(&scene, json!([changed()])).await;
    let hash = review(gateway, "fix.echo").await.current.hash;
    let accepting = json!({"hash": hash});
    assert_eq!(ask(&ana, "GET", "/api/v1/tools", Value::Null).await, (200, json!([])));
    assert_eq!(ask(&ana, "GET", "/api/v1/tools?as=ana/claude", Value::Null).await.1, json!([]));
    assert_eq!(ask(&ana, "GET", "/api/v1/tools/fix.echo", Value::Null).await.0, 404);
    assert_eq!(ask(&ana, "GET", "/api/v1/tools/fix.echo/review", Value::Null).await.0, 403);
    let accept = async |client| {
        ask(client, "POST", "/api/v1/tools/fix.echo/accept", accepting.clone()).await.0
    };
    assert_eq!(accept(&ana).await, 403);
    assert_eq!(ask(&ana, "GET", "/api/v1/status", Value::Null).await.1["changed_tools"], 0);
    // An auditor sees everything and changes nothing.
    assert_eq!(ask(&auditor, "GET", "/api/v1/tools/fix.echo/review", Value::Null).await.0, 200);
    assert_eq!(ask(&auditor, "GET", "/api/v1/status", Value::Null).await.1["changed_tools"], 1);
    assert_eq!(accept(&auditor).await, 403);
    assert!(review(gateway, "fix.echo").await.changed);
    scene.gateway.stop().await;
}
