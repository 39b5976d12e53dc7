//! Who may answer, and for what: once, for the session, or not at all.

use agw_api::{Client, codes};
use serde_json::{Value, json};

use super::{
    super::{
        admin_api::ask,
        scene::{Scene, tools_call},
    },
    SOON, answer, approval, approvals, asking, becomes, call, held, outcome, say, the_held,
};
use crate::support::{
    InProcess, Trail as _, eventually, http,
    mcp::{self, Session},
};

/// What is asked when this is called, which is denied.
async fn is_asked(gateway: &InProcess, made: tokio::task::JoinHandle<http::Reply>) {
    let asked = the_held(gateway).await;
    say(gateway, &asked.id, "deny").await;
    assert_eq!(outcome(made).await.1["code"], "approval_denied");
}

/// The same in a session.
async fn is_asked_in(gateway: &InProcess, session: &Session, tool: &str, args: Value) {
    let response = session.call_streaming(json!(1), tool, args, None).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let asked = the_held(gateway).await;
    say(gateway, &asked.id, "deny").await;
    let mut stream = mcp::events(response);
    let end = tokio::time::timeout(SOON, stream.recv()).await.unwrap().unwrap();
    assert_eq!(end["result"]["_meta"]["dev.aiagentgateway/code"], "approval_denied", "{end}");
}

#[tokio::test]
async fn an_answer_for_the_session_covers_the_tool_in_that_session_alone() {
    let scene = asking().await;
    let Scene { gateway, upstream, token, .. } = &scene;
    gateway.grant("ana", "fix.other", "ask").await;
    let cursor = gateway.add_agent("ana", "cursor", &[]).await;
    let url = gateway.url("/mcp");
    let session = Session::open(&url, token).await;
    let sibling = Session::open(&url, token).await;
    let others = Session::open(&url, &cursor).await;
    let response = session.call_streaming(json!(1), "fix__echo", json!({"n": 0}), None).await;
    let asked = the_held(gateway).await;
    say(gateway, &asked.id, "session").await;
    let mut stream = mcp::events(response);
    let end = tokio::time::timeout(SOON, stream.recv()).await.unwrap().unwrap();
    assert_eq!(end["result"]["structuredContent"]["echo"]["n"], 0, "{end}");
    // Any arguments, any number of times.
    for n in 1..4 {
        let answered = session.call("fix__echo", json!({"n": n})).await;
        assert_eq!(answered["result"]["structuredContent"]["echo"]["n"], n, "{answered}");
        let record = scene.last_outcome().await;
        assert_eq!(record.reason.as_deref(), Some("approved"));
        assert_eq!(record.approval.as_deref(), Some(asked.id.as_str()));
    }
    assert_eq!(upstream.calls().len(), 4);
    is_asked_in(gateway, &session, "fix__other", json!({"n": 0})).await;
    is_asked_in(gateway, &sibling, "fix__echo", json!({"n": 0})).await;
    is_asked_in(gateway, &others, "fix__echo", json!({"n": 0})).await;
    is_asked(gateway, call(gateway, token, "fix.echo", json!({"n": 9}))).await;
    is_asked(gateway, call(gateway, &cursor, "fix.echo", json!({"n": 9}))).await;
    // Another agent that has learnt the session's id is in no session at all.
    let bearer = format!("Bearer {cursor}");
    let headers = [("authorization", &*bearer), ("mcp-session-id", &*session.id)];
    let stolen: Value = serde_json::from_str(&tools_call("fix__echo", json!({"n": 10}))).unwrap();
    assert_eq!(http::post_json(&url, &headers, &stolen).await.0, 404);
    assert_eq!(upstream.calls().len(), 4);
    // It was given to this grant as it was.
    gateway
        .grant_with(json!({"subject": "ana", "tool": "fix.echo", "effect": "ask", "rate": "9/day"}))
        .await;
    is_asked_in(gateway, &session, "fix__echo", json!({"n": 11})).await;
    let said: Vec<Value> = gateway.admin.records("/api/v1/audit?kind=approval").await.unwrap();
    let said = said.iter().filter(|r| r["status"] == "approved_for_session" && r["by"] == "root");
    assert_eq!(said.count(), 1);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn without_a_session_the_token_stands_for_it() {
    let scene = asking().await;
    let Scene { gateway, upstream, token, .. } = &scene;
    let first = call(gateway, token, "fix.echo", json!({"n": 0}));
    say(gateway, &the_held(gateway).await.id, "session").await;
    assert_eq!(outcome(first).await.0, 200);
    assert_eq!(outcome(call(gateway, token, "fix.echo", json!({"n": 1}))).await.0, 200);
    let params = json!({"name": "fix__echo", "arguments": {"n": 2}});
    let (code, answered) = mcp::stateless(&gateway.url("/mcp"), token, "tools/call", params).await;
    assert_eq!((code, &answered["result"]["isError"]), (200, &json!(null)), "{answered}");
    assert_eq!(upstream.calls().len(), 3);
    let session = Session::open(&gateway.url("/mcp"), token).await;
    is_asked_in(gateway, &session, "fix__echo", json!({"n": 3})).await;
    is_asked(gateway, call(gateway, &gateway.user_token("ana").await, "fix.echo", json!({"n": 4})))
        .await;
    scene.gateway.stop().await;
}

/// The person has said that they need not be asked again; what has been asked
/// by then is no different.
#[tokio::test]
async fn an_answer_for_the_session_lets_go_of_what_else_waits_in_it() {
    let scene = asking().await;
    let session = Session::open(&scene.gateway.url("/mcp"), &scene.token).await;
    let mut streams = Vec::new();
    for n in 0..3 {
        let response = session.call_streaming(json!(n), "fix__echo", json!({"n": n}), None).await;
        streams.push(mcp::events(response));
    }
    let asked = held(&scene.gateway, 3).await;
    say(&scene.gateway, &asked[1].id, "session").await;
    eventually("all three are made", SOON, async || scene.upstream.calls().len() == 3).await;
    for mut stream in streams {
        let end = tokio::time::timeout(SOON, stream.recv()).await.unwrap().unwrap();
        assert!(end["result"]["isError"].is_null(), "{end}");
    }
    eventually("nothing is left to answer", SOON, async || {
        approvals(&scene.gateway).await.is_empty()
    })
    .await;
    scene.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_people_who_answer_at_once_one_wins_and_the_other_is_told() {
    let scene = asking().await;
    let Scene { gateway, upstream, token, .. } = &scene;
    let zoe = gateway.add_person("zoe", "admin").await;
    let mut let_through = 0;
    for n in 0..30 {
        let made = call(gateway, token, "fix.echo", json!({"n": n}));
        let asked = the_held(gateway).await;
        let (yes, no) = tokio::join!(
            spawn_answer(&gateway.admin, &asked.id, "once"),
            spawn_answer(&zoe, &asked.id, "deny"),
        );
        let codes = [yes.0, no.0];
        let approved = codes == [200, 409];
        assert!(approved || codes == [409, 200], "{yes:?} {no:?}");
        let (winner, loser) = if approved { (&yes.1, &no.1) } else { (&no.1, &yes.1) };
        assert_eq!(loser["code"], codes::ANSWERED, "{loser}");
        assert_eq!(loser["current"]["id"], json!(asked.id), "{loser}");
        assert_eq!(winner["answered_by"], if approved { "root" } else { "zoe" });
        let (code, body) = outcome(made).await;
        assert_eq!(code, if approved { 200 } else { 403 }, "{body}");
        let_through += usize::from(approved);
        assert_eq!(upstream.calls().len(), let_through);
        // Too late is too late.
        for client in [&gateway.admin, &zoe] {
            let (code, body) = answer(client, &asked.id, "once").await;
            assert_eq!((code, &body["code"]), (409, &json!("answered")), "{body}");
            assert_eq!(body["current"]["answered_by"], winner["answered_by"], "{body}");
        }
    }
    let said: Vec<Value> =
        gateway.admin.records("/api/v1/audit?kind=approval&limit=1000").await.unwrap();
    assert_eq!(said.iter().filter(|r| r.get("by").is_some_and(Value::is_string)).count(), 30);
    scene.gateway.stop().await;
}

async fn spawn_answer(client: &Client, id: &str, word: &'static str) -> (u16, Value) {
    let (client, id) = (client.clone(), id.to_owned());
    tokio::spawn(async move { answer(&client, &id, word).await }).await.unwrap()
}

/// An agent runs as the same user of the machine, and finds the socket.
#[tokio::test]
async fn no_token_of_an_agent_or_user_answers() {
    let scene = asking().await;
    let Scene { gateway, token, .. } = &scene;
    let own = gateway.user_token("ana").await;
    let made = call(gateway, token, "fix.echo", json!({}));
    let asked = the_held(gateway).await;
    let path = format!("/api/v1/approvals/{}/answer", asked.id);
    let body = json!({"answer": "once"});
    let origin = gateway.url("");
    for token in [token, &own] {
        let socket = Client::new(gateway.dir.path()).with_session(Some(token.clone()));
        for (method, path, body) in [
            ("POST", path.as_str(), body.clone()),
            ("GET", "/api/v1/approvals", json!(null)),
            ("GET", path.trim_end_matches("/answer"), json!(null)),
        ] {
            let (code, answered) = ask(&socket, method, path, body.clone()).await;
            assert_eq!((code, &answered["code"]), (401, &json!("sign_in")), "{method} {path}");
        }
        let (bearer, cookie) = (format!("Bearer {token}"), format!("agw_session={token}"));
        let own_page = ("origin", origin.as_str());
        for proof in [("authorization", bearer.as_str()), ("cookie", cookie.as_str())] {
            let (code, answered) =
                http::post_json(&gateway.url(&path), &[own_page, proof], &body).await;
            assert_eq!((code, &answered["code"]), (401, &json!("sign_in")), "{answered}");
        }
        // Nor does the way that agents have.
        let headers = [("authorization", bearer.as_str()), mcp::ACCEPT];
        for method in ["approvals/answer", "elicitation/create"] {
            let params = json!({"id": asked.id, "answer": "once", "action": "accept"});
            let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
            let (_, answered) = http::post_json(&gateway.url("/mcp"), &headers, &message).await;
            assert_eq!(answered["error"]["code"], -32601, "{answered}");
        }
    }
    assert_eq!(json!(approval(gateway, &asked.id).await.state), "pending");
    scene.assert_untouched();
    is_asked(gateway, made).await;
    scene.gateway.stop().await;
}

#[tokio::test]
async fn an_answer_is_one_of_three_words_with_a_note_of_some_length() {
    let scene = asking().await;
    let Scene { gateway, token, .. } = &scene;
    let made = call(gateway, token, "fix.echo", json!({}));
    let asked = the_held(gateway).await;
    let path = format!("/api/v1/approvals/{}/answer", asked.id);
    for (body, expected) in [
        (json!({}), 400),
        (json!({"answer": "always"}), 400),
        (json!({"answer": "approve"}), 400),
        (json!({"answer": true}), 400),
        (json!({"answer": "deny", "note": "x".repeat(501)}), 422),
    ] {
        let (code, answered) = ask(&gateway.admin, "POST", &path, body.clone()).await;
        assert_eq!(code, expected, "{body}: {answered}");
    }
    for id in ["x", "a0", "a999", &scene.granted.id] {
        let (code, answered) = answer(&gateway.admin, id, "once").await;
        assert_eq!((code, &answered["code"]), (404, &json!("not_found")), "{id}");
    }
    for (state, expected) in [("pending", 200), ("all", 200), ("used", 422)] {
        let path = format!("/api/v1/approvals?state={state}");
        assert_eq!(ask(&gateway.admin, "GET", &path, json!(null)).await.0, expected, "{state}");
    }
    assert_eq!(json!(approval(gateway, &asked.id).await.state), "pending");
    // A token that somebody pastes into the note stays out of it.
    let note = format!("{} {token}", "é".repeat(400));
    let (code, answered) =
        ask(&gateway.admin, "POST", &path, json!({"answer": "deny", "note": note})).await;
    assert_eq!(code, 200, "{answered}");
    assert!(!answered.to_string().contains(token.as_str()));
    let (_, told) = outcome(made).await;
    assert!(
        told["message"].as_str().unwrap().contains("éé")
            && !told.to_string().contains(token.as_str())
    );
    becomes(gateway, &asked.id, "denied").await;
    scene.gateway.stop().await;
}
