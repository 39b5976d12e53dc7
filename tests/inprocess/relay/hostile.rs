//! Clients that try to get at what is another's, or to do twice what they may
//! do once.

use serde_json::{Value, json};

use super::{BOTH, CAN_ALL, Stateless, told, wanted};
use crate::support::{
    everything::{Dialect, Scene},
    http,
    mcp::{self, ACCEPT, Session},
};

const ACCEPTED: &str = r#"{"action":"accept","content":{"name":"Bo"}}"#;

fn accepted() -> Value {
    serde_json::from_str(ACCEPTED).unwrap()
}

#[tokio::test]
async fn a_request_state_serves_once() {
    for dialect in BOTH {
        let scene = Scene::start(dialect).await;
        let url = scene.url();
        let client = Stateless::new(&url, &scene.token);
        let first = client.call("elicit", json!({})).await;
        let (key, _) = wanted(&first);
        let state = &first["result"]["requestState"];
        let last = client.bring("elicit", json!({}), state, json!({&key: accepted()})).await;
        assert_eq!(told(&last), &accepted());
        let again = client.bring("elicit", json!({}), state, json!({key: accepted()})).await;
        assert_eq!(again["error"]["code"], -32602, "{dialect:?} {again}");
        scene.gateway.stop().await;
    }
}

#[tokio::test]
async fn a_request_state_serves_its_caller_its_tool_its_arguments_and_its_endpoint_only() {
    let scene = Scene::start(Dialect::Sessions).await;
    let (url, aggregate) = (scene.url(), scene.gateway.url("/mcp"));
    scene.gateway.add_user("bo", None).await;
    scene.gateway.grant("bo", "all.*", "allow").await;
    let bo = scene.gateway.add_agent("bo", "bot", &[]).await;
    let client = Stateless::new(&url, &scene.token);
    let first = client.call("elicit", json!({"n": 1})).await;
    let (key, _) = wanted(&first);
    let state = first["result"]["requestState"].clone();
    let brought = || json!({&key: accepted()});
    for (what, url, token, tool, arguments) in [
        ("another agent's", &url, &scene.other, "elicit", json!({"n": 1})),
        ("another person's", &url, &bo, "elicit", json!({"n": 1})),
        ("for another tool", &url, &scene.token, "sample", json!({"n": 1})),
        ("with other arguments", &url, &scene.token, "elicit", json!({"n": 2})),
        ("at another endpoint", &aggregate, &scene.token, "all__elicit", json!({"n": 1})),
    ] {
        let thief = Stateless::new(url, token);
        let answer = thief.bring(tool, arguments, &state, brought()).await;
        assert_eq!(answer["error"]["code"], -32602, "{what}: {answer}");
    }
    // And none of them used it up.
    let last = client.bring("elicit", json!({"n": 1}), &state, brought()).await;
    assert_eq!(told(&last), &accepted(), "{last}");
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_request_state_that_was_tampered_with_opens_nothing() {
    let scene = Scene::start(Dialect::Stateless).await;
    let url = scene.url();
    let client = Stateless::new(&url, &scene.token);
    let first = client.call("elicit", json!({})).await;
    let (key, _) = wanted(&first);
    let state = first["result"]["requestState"].as_str().unwrap();
    let last = if state.ends_with('A') { "B" } else { "A" };
    let long = "A".repeat(100_000);
    for bad in [
        json!(format!("{state}-TAMPERED")),
        json!(format!("{}{last}", &state[..state.len() - 1])),
        json!(format!("A{}", &state[1..])),
        json!(&state[..10]),
        json!(""),
        json!(long),
        json!(7),
        json!(null),
        json!("st@te"),
    ] {
        let answer = client.bring("elicit", json!({}), &bad, json!({&key: accepted()})).await;
        assert_eq!(answer["error"]["code"], -32602, "{bad}: {answer}");
    }
    assert_eq!(scene.upstream.received("tools/call").len(), 1, "the upstream heard of none");
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_question_is_answered_in_its_session_only() {
    let scene = Scene::start(Dialect::Sessions).await;
    let can_all: Value = serde_json::from_str(CAN_ALL).unwrap();
    let session = Session::open_with(&scene.url(), &scene.token, can_all.clone()).await;
    let other = Session::open_with(&scene.url(), &scene.other, can_all).await;
    let mut events = mcp::events(session.call_streaming(json!(1), "elicit", json!({}), None).await);
    let request = events.recv().await.unwrap();
    let stolen = json!({"action": "accept", "content": {"name": "Mallory"}});
    let reply = |says: &Value| json!({"jsonrpc": "2.0", "id": request["id"], "result": says});
    other.post(&reply(&stolen)).await;
    // Nor with the session's id and another agent's token.
    let bearer = format!("Bearer {}", scene.other);
    let headers = [ACCEPT, ("authorization", &*bearer), ("mcp-session-id", &*session.id)];
    http::post_json(&scene.url(), &headers, &reply(&stolen)).await;
    session.post(&json!({"jsonrpc": "2.0", "id": "agw-99", "result": stolen})).await;
    session.post(&reply(&accepted())).await;
    // A second answer is one to nothing.
    session.post(&reply(&stolen)).await;
    let last = events.recv().await.unwrap();
    assert_eq!(told(&last), &accepted(), "{last}");
    scene.gateway.stop().await;
}

#[tokio::test]
async fn sessions_upstream_are_not_shared() {
    let scene = Scene::start(Dialect::Sessions).await;
    let url = scene.url();
    scene.gateway.add_user("bo", None).await;
    scene.gateway.grant("bo", "all.*", "allow").await;
    let bo = scene.gateway.add_agent("bo", "bot", &[]).await;
    for token in [&scene.token, &bo] {
        let plain = Stateless { capabilities: json!({}), ..Stateless::new(&url, token) };
        plain.call("echo", json!({})).await;
        plain.call("echo", json!({})).await;
        Stateless::new(&url, token).call("echo", json!({})).await;
    }
    Stateless::new(&url, &scene.other).call("echo", json!({})).await;
    let calls = scene.upstream.received("tools/call");
    let sessions: Vec<_> =
        calls.iter().map(|(headers, _)| headers["mcp-session-id"].to_str().unwrap()).collect();
    assert_eq!(sessions.len(), 7);
    // A person's agents share one as long as nothing can be asked of them.
    assert_eq!((sessions[0], sessions[3]), (sessions[1], sessions[4]));
    let mut distinct = sessions;
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 5, "{distinct:?}");
    scene.gateway.stop().await;
}

#[tokio::test]
async fn what_is_between_client_and_gateway_stays_there() {
    for dialect in BOTH {
        let scene = Scene::start(dialect).await;
        let url = scene.url();
        let mut client = Stateless::new(&url, &scene.token);
        client.meta = json!({"vendor/trace": 12, "traceparent": "00-1-2-3", "agw/receipt": "forged", "progressToken": "mine"});
        client.call("echo", json!({})).await;
        let (headers, call) = scene.upstream.received("tools/call").remove(0);
        let meta = &call["params"]["_meta"];
        assert_eq!((&meta["vendor/trace"], &meta["traceparent"]), (&json!(12), &json!("00-1-2-3")));
        assert!(meta.get("agw/receipt").is_none() && meta["progressToken"] != "mine", "{meta}");
        assert!(headers.get("authorization").is_none(), "{headers:?}");
        assert_eq!(headers["x-key"], "s3cret-of-the-team");
        // A token in it is found as one in the arguments is.
        client.meta = json!({"vendor/note": format!("use {}", scene.other)});
        let refused = client.call("echo", json!({})).await;
        assert_eq!(
            refused["result"]["_meta"]["dev.aiagentgateway/code"], "token_in_arguments",
            "{refused}"
        );
        scene.gateway.stop().await;
    }
}
