//! A change of grants reaches clients that are connected, of every kind.

use std::time::Duration;

use serde_json::json;

use super::scene::{GRANTED, Scene};
use crate::support::{
    http,
    mcp::Session,
    parts::Python,
    process::{PATIENCE, eventually},
};

#[tokio::test]
async fn a_revoked_grant_ends_with_the_next_call_and_clients_are_told() {
    let scene = Scene::open().await;
    let url = scene.service.url("/mcp");
    let mut clients = vec![
        ("session", Python::connect(&scene.cli, "legacy", &url, &scene.token).await),
        ("stateless", Python::connect(&scene.cli, "2026-07-28", &url, &scene.token).await),
        ("session, bridged", Python::bridged(&scene.cli, "legacy", &scene.token, &[]).await),
        ("stateless, bridged", Python::bridged(&scene.cli, "2026-07-28", &scene.token, &[]).await),
    ];
    for (name, client) in &mut clients {
        if name.starts_with("stateless") {
            client.listen().await;
        } else {
            until_it_listens(&scene, client).await;
        }
    }
    for (name, client) in &mut clients {
        // What the warming-up of another one made it hear.
        while client.was_told(Duration::from_secs(1)).await {}
        assert_eq!(client.list().await, GRANTED, "{name}");
        assert_ne!(client.call("crm__headers", &json!({})).await["isError"], true, "{name}");
    }

    let grants = scene.cli.lines(&["grants", "ana"]).await;
    let grant = grants.iter().find(|grant| grant["tool"] == "crm.headers").unwrap();
    scene.cli.json(&["revoke", grant["id"].as_str().unwrap()], "").await;
    let before = scene.crm.calls().len();
    for (name, client) in &mut clients {
        let denied = client.call("crm__headers", &json!({})).await;
        assert_eq!(denied["isError"], true, "{name}: {denied}");
        assert_eq!(client.list().await, GRANTED[1..], "{name}");
        assert!(client.was_told(PATIENCE).await, "{name} was not told");
    }
    assert_eq!(scene.crm.calls().len(), before);

    // A team's grant, and one that comes back.
    let grants = scene.cli.lines(&["grants", "team:sales"]).await;
    scene.cli.json(&["revoke", grants[0]["id"].as_str().unwrap()], "").await;
    for (name, client) in &mut clients {
        assert!(client.was_told(PATIENCE).await, "{name} was not told");
        assert_eq!(client.list().await, ["files__read_text_file"], "{name}");
    }
    scene.grant("ana", "crm.headers").await;
    for (name, client) in &mut clients {
        assert!(client.was_told(PATIENCE).await, "{name} was not told");
        assert_ne!(client.call("crm__headers", &json!({})).await["isError"], true, "{name}");
    }

    // Another's grants concern nobody here.
    scene.cli.json(&["user", "add", "ben"], "").await;
    for (_, client) in &mut clients {
        while client.was_told(Duration::from_secs(1)).await {}
    }
    scene.grant("ben", "crm.echo").await;
    for (name, client) in &mut clients {
        assert!(!client.was_told(Duration::from_secs(1)).await, "{name} was told of ben's grant");
    }
    drop(clients);
    scene.close().await;
}

/// A session listens from some moment after it began, which no answer tells:
/// so something is changed until it hears of it.
async fn until_it_listens(scene: &Scene, client: &mut Python) {
    eventually("a session hears of a change", async || {
        let id = scene.grant("ana", "crm.echo").await;
        scene.cli.json(&["revoke", &id], "").await;
        client.was_told(Duration::from_secs(1)).await.then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_revoked_token_ends_streams_and_calls_at_once() {
    let mut scene = Scene::open().await;
    let token = scene.agent("short-lived", &[]).await;
    let url = scene.service.url("/mcp");
    let session = Session::open(&url, &token).await;
    let mut stream = session.listen().await;
    let others = Session::open(&url, &scene.token).await;
    assert_eq!(sorted_names(&session).await, GRANTED);

    scene.cli.json(&["agent", "revoke", "ana", "short-lived"], "").await;
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    let (status, body) = session.post(&ping).await;
    assert_eq!((status, &body["error"]["data"]["code"]), (401, &json!("token_revoked")));
    let ended = tokio::time::timeout(PATIENCE, stream.recv()).await.expect("the stream ends");
    assert_eq!(ended, None);
    assert_eq!(sorted_names(&others).await, GRANTED);

    // The same for a whole person.
    let mut stream = others.listen().await;
    scene.cli.json(&["user", "remove", "ana"], "").await;
    assert_eq!(others.post(&ping).await.0, 401);
    let ended = tokio::time::timeout(PATIENCE, stream.recv()).await.expect("the stream ends");
    assert_eq!(ended, None);
    let reply = scene.call("files.read_text_file", scene.notes()).await;
    assert_eq!((reply.status, &reply.json()["code"]), (401, &json!("token_revoked")));
    // A session is no proof of who calls.
    let headers = [("mcp-session-id", others.id.as_str())];
    let (status, _) = http::post_json(&url, &headers, &ping).await;
    assert_eq!(status, 401);
    scene.close().await;
}

/// Servers list in an order of their own.
async fn sorted_names(session: &Session) -> Vec<String> {
    let mut names = session.tool_names().await;
    names.sort_unstable();
    names
}
