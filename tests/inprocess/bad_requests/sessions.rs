//! A session id proves nothing: it serves the agent that began it, at the
//! endpoint where it began.

use serde_json::json;

use super::super::scene::{JSON, Scene, VERSION, tools_call};
use crate::support::{
    http::{self, Reply},
    mcp::{ACCEPT, Session},
};

async fn with_session(scene: &Scene, method: &str, path: &str, token: &str, id: &str) -> Reply {
    let bearer = format!("Bearer {token}");
    let headers = [JSON, ACCEPT, VERSION, ("authorization", &*bearer), ("mcp-session-id", id)];
    let body = if method == "POST" { tools_call("fix__echo", json!({})) } else { String::new() };
    http::ask(method, &scene.gateway.url(path), &headers, body).await
}

#[tokio::test]
async fn a_session_of_another_agent_is_not_found() {
    let scene = Scene::start().await;
    let session = Session::open(&scene.gateway.url("/mcp"), &scene.token).await;
    scene.gateway.add_user("bo", None).await;
    scene.gateway.grant("bo", "fix.echo", "allow").await;
    let strangers = [
        scene.gateway.add_agent("ana", "cursor", &[]).await,
        scene.gateway.user_token("ana").await,
        scene.gateway.add_agent("bo", "claude", &[]).await,
    ];
    for token in &strangers {
        for method in ["POST", "GET", "DELETE"] {
            let reply = with_session(&scene, method, "/mcp", token, &session.id).await;
            assert_eq!(reply.status, 404, "{method}: {reply:?}");
            assert!(reply.json()["error"]["message"].as_str().unwrap().contains("initialize"));
        }
    }
    scene.assert_untouched();
    // It still serves its own agent.
    let reply = with_session(&scene, "POST", "/mcp", &scene.token, &session.id).await;
    assert_eq!((reply.status, scene.upstream.calls().len()), (200, 1));
    scene.gateway.stop().await;
}

/// Each refused call is a record, also when only its session is bad.
#[tokio::test]
async fn a_session_that_does_not_exist_is_not_found() {
    let scene = Scene::start().await;
    let token = scene.token.clone();
    let elsewhere = Session::open(&scene.gateway.url("/mcp/fix"), &token).await;
    let ended = Session::open(&scene.gateway.url("/mcp"), &token).await;
    let reply = with_session(&scene, "DELETE", "/mcp", &token, &ended.id).await;
    assert_eq!(reply.status, 204);
    for id in [&*elsewhere.id, &*ended.id, "0123456789abcdef0123456789abcdef", "x", ""] {
        for method in ["POST", "GET", "DELETE"] {
            let reply = with_session(&scene, method, "/mcp", &token, id).await;
            assert_eq!(reply.status, 404, "{method} {id:?}: {reply:?}");
        }
        scene.assert_refusal("malformed").await;
    }
    scene.assert_untouched();
    scene.gateway.stop().await;
}
