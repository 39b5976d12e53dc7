//! Resources and prompts under the permission map.

use serde_json::{Value, json};

use super::{BOTH, Stateless};
use crate::support::{
    everything::{Dialect, Everything, Scene},
    mcp::Session,
};

#[tokio::test]
async fn resources_are_read_by_who_is_granted_them_and_nobody_else() {
    for dialect in BOTH {
        let scene = Scene::start(dialect).await;
        let url = scene.url();
        scene.gateway.add_user("bo", None).await;
        let bo = scene.gateway.add_agent("bo", "bot", &[]).await;
        scene.gateway.grant("bo", "all.@resource/note:///by/*", "allow").await;
        scene.gateway.grant("bo", "all.@resource/note:///by/secret", "deny").await;
        let client = Stateless::new(&url, &bo);
        let read = async |uri: &str| client.ask("resources/read", json!({"uri": uri})).await.1;
        let good = read("note:///by/7").await;
        assert_eq!(good["result"]["contents"][0]["uri"], "note:///by/7", "{dialect:?} {good}");
        // No credential comes back in it.
        assert!(!good.to_string().contains("s3cret"), "{good}");
        for uri in [
            "note:///a",
            "note:///by/secret",
            "note:///by/../a",
            "note:///by/%2e%2e/a",
            "note:///by/..%2fa",
            "x",
        ] {
            let refused = read(uri).await;
            assert_eq!(refused["error"]["code"], -32602, "{dialect:?} {uri}: {refused}");
            assert_eq!(refused["error"]["data"]["code"], "not_granted", "{uri}: {refused}");
        }
        let read_upstream = scene.upstream.received("resources/read");
        assert_eq!(read_upstream.len(), 1, "{read_upstream:?}");
        // An unknown one is its server's to answer for.
        let ana = Stateless::new(&url, &scene.token);
        let (_, none, _) = ana.ask("resources/read", json!({"uri": "note:///none"})).await;
        assert_eq!(
            (&none["error"]["code"], &none["error"]["data"]["uri"]),
            (&json!(-32602), &json!("note:///none")),
            "{none}"
        );
        scene.gateway.stop().await;
    }
}

#[tokio::test]
async fn conditions_and_records_are_about_the_uri_and_the_prompts_arguments() {
    let scene = Scene::start(Dialect::Stateless).await;
    let url = scene.url();
    scene.gateway.add_user("bo", None).await;
    let bo = scene.gateway.add_agent("bo", "bot", &[]).await;
    let rule = |tool: &str, when: &str| json!({"subject": "bo", "tool": tool, "effect": "allow", "when": when});
    scene.gateway.grant_with(rule("all.@resource/*", "args.uri.endsWith('/7')")).await;
    scene.gateway.grant_with(rule("all.@prompt/greet", "args.who == 'Bo'")).await;
    let client = Stateless::new(&url, &bo);
    let code = async |method: &str, params: Value| {
        let (_, answer, _) = client.ask(method, params).await;
        answer["error"]["data"]["code"].as_str().unwrap_or("ok").to_owned()
    };
    assert_eq!(code("resources/read", json!({"uri": "note:///by/7"})).await, "ok");
    assert_eq!(code("resources/read", json!({"uri": "note:///by/8"})).await, "denied");
    assert_eq!(
        code("prompts/get", json!({"name": "greet", "arguments": {"who": "Bo"}})).await,
        "ok"
    );
    assert_eq!(
        code("prompts/get", json!({"name": "greet", "arguments": {"who": "Eve"}})).await,
        "denied"
    );
    assert_eq!(code("prompts/get", json!({"name": "greet"})).await, "denied");
    let records = scene.gateway.audit().await;
    let outcomes = records.iter().filter(|r| r.kind == "outcome");
    let tools: Vec<&str> = outcomes.filter_map(|r| r.tool.as_deref()).collect();
    assert_eq!(tools.len(), 5);
    assert!(
        tools.contains(&"all.@resource/note:///by/7") && tools.contains(&"all.@prompt/greet"),
        "{tools:?}"
    );
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_uri_of_two_connections_is_read_at_the_endpoint_of_one() {
    let scene = Scene::start(Dialect::Sessions).await;
    let second = Everything::start(Dialect::Stateless).await;
    scene.gateway.connect_http("too", &second.url(), &[]).await;
    let aggregate = scene.gateway.url("/mcp");
    let client = Stateless::new(&aggregate, &scene.token);
    let read = async || client.ask("resources/read", json!({"uri": "note:///a"})).await.1;
    // What she may not see does not stand in her way.
    let first = read().await;
    assert_eq!(first["result"]["contents"][0]["uri"], "note:///a", "{first}");
    scene.gateway.grant("ana", "too.*", "allow").await;
    let both = read().await;
    assert_eq!(both["error"]["data"]["code"], "ambiguous_uri", "{both}");
    let url = scene.gateway.url("/mcp/too");
    let (_, one, _) =
        Stateless::new(&url, &scene.token).ask("resources/read", json!({"uri": "note:///a"})).await;
    assert_eq!(one["result"]["contents"][0]["uri"], "note:///a", "{one}");
    scene.gateway.stop().await;
}

#[tokio::test]
async fn subscriptions_are_decided_like_reading_and_end_with_the_session() {
    for dialect in BOTH {
        let scene = Scene::start(dialect).await;
        let url = scene.url();
        let session = Session::open(&url, &scene.token).await;
        let subscribed = session.request("resources/subscribe", json!({"uri": "note:///a"})).await;
        assert_eq!(subscribed["result"], json!({}), "{dialect:?}");
        scene.gateway.add_user("bo", None).await;
        let bo = scene.gateway.add_agent("bo", "bot", &[]).await;
        let stranger = Session::open(&url, &bo).await;
        let refused = stranger.request("resources/subscribe", json!({"uri": "note:///a"})).await;
        assert_eq!(refused["error"]["code"], -32002, "{dialect:?} {refused}");
        let over = session.request("resources/unsubscribe", json!({"uri": "note:///a"})).await;
        assert_eq!(over["result"], json!({}));
        // What needs a person is not waited for here.
        scene.gateway.grant("ana", "all.@resource/note:///b", "ask").await;
        let asked = session.request("resources/subscribe", json!({"uri": "note:///b"})).await;
        assert_eq!(asked["error"]["data"]["code"], "needs_approval", "{asked}");
        scene.gateway.stop().await;
    }
}

#[tokio::test]
async fn tools_are_not_called_as_prompts_nor_read_as_resources() {
    let scene = Scene::start(Dialect::Sessions).await;
    let url = scene.url();
    let client = Stateless::new(&url, &scene.token);
    for (method, params) in [
        ("tools/call", json!({"name": "@prompt/greet"})),
        ("tools/call", json!({"name": "@resource/note:///a"})),
        ("prompts/get", json!({"name": "echo"})),
        ("resources/read", json!({"uri": "@prompt/greet"})),
    ] {
        let (_, answer, _) = client.ask(method, params.clone()).await;
        let refused = answer.get("error").is_some() || answer["result"]["isError"] == true;
        let ours = method == "resources/read";
        assert!(refused || ours, "{method} {params}: {answer}");
    }
    let (status, _) = scene.gateway.rest_call(&scene.token, "all.@prompt/greet", json!({})).await;
    assert_eq!(status, 403);
    assert!(scene.upstream.received("tools/call").is_empty());
    assert!(scene.upstream.received("prompts/get").is_empty());
    scene.gateway.stop().await;
}
