//! What a client sees while its call is held, and what ends the hold.

use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use super::{
    super::{
        admin_api::ask,
        scene::{JSON, STATELESS, Scene, VERSION, stateless, tools_call},
    },
    SOON, answer, approval, approvals, asking, call, held, outcome, say, the_held,
};
use crate::support::{
    InProcess, Trail as _, eventually,
    http::{self, Reply},
    mcp::{self, Session},
};

/// A call of `fix.echo` in the stateless era; dropping it hangs up.
async fn stateless_response(
    scene: &Scene,
    mut params: Value,
    accept: &str,
) -> ::http::Response<hyper::body::Incoming> {
    let meta = params["_meta"].take();
    let mut message = stateless("tools/call", params);
    for (key, value) in meta.as_object().into_iter().flatten() {
        message["params"]["_meta"][key] = value.clone();
    }
    let bearer = format!("Bearer {}", scene.token);
    let headers = [
        JSON,
        ("accept", accept),
        STATELESS,
        ("mcp-method", "tools/call"),
        ("mcp-name", "fix__echo"),
        ("authorization", bearer.as_str()),
    ];
    http::send("POST", &scene.gateway.url("/mcp"), &headers, message.to_string()).await
}

/// The next message of a stream.
async fn next(stream: &mut UnboundedReceiver<Value>) -> Value {
    let message = tokio::time::timeout(SOON, stream.recv()).await.expect("a message soon");
    message.expect("the stream is open")
}

fn is_progress(message: &Value, token: &Value, approval: &str) -> f64 {
    assert_eq!(message["method"], "notifications/progress", "{message}");
    assert!(message.get("id").is_none(), "{message}");
    assert_eq!(&message["params"]["progressToken"], token, "{message}");
    let text = message["params"]["message"].as_str().unwrap();
    assert!(text.contains(approval), "{message}");
    message["params"]["progress"].as_f64().unwrap()
}

/// An agent whose client gives up after five seconds.
async fn impatient(gateway: &InProcess) -> String {
    let body = json!({"name": "impatient", "client_timeout_seconds": 5});
    gateway.add_agent_with("ana", body).await
}

#[tokio::test]
async fn a_hold_ends_before_the_client_gives_up_and_a_retry_picks_the_answer_up() {
    let scene = asking().await;
    let gateway = &scene.gateway;
    let token = impatient(gateway).await;
    let url = gateway.url("/mcp");
    let [yes, no] = [json!({"say": "yes"}), json!({"say": "no"})];
    let over_rest = call(gateway, &token, "fix.echo", yes.clone());
    let session = Session::open(&url, &token).await;
    let stream = session.call_streaming(json!(5), "fix__echo", no.clone(), None).await;
    let mut over_mcp = mcp::events(stream);
    let asked = held(gateway, 2).await;
    let of = |args: &Value| {
        let args = args.to_string();
        asked.iter().find(|a| a.args == args).unwrap().id.clone()
    };
    let (yes_id, no_id) = (of(&yes), of(&no));

    let reply: Reply = tokio::time::timeout(SOON, over_rest).await.unwrap().unwrap();
    let body = reply.json();
    assert_eq!((reply.status, &body["code"]), (403, &json!("approval_pending")), "{body}");
    assert!(reply.header("retry-after").parse::<u32>().is_ok(), "{reply:?}");
    assert!(body["message"].as_str().unwrap().contains(&yes_id), "{body}");
    assert!(body["next"].as_str().unwrap().contains("same arguments"), "{body}");
    let ended = next(&mut over_mcp).await;
    assert_eq!((&ended["id"], &ended["result"]["isError"]), (&json!(5), &json!(true)), "{ended}");
    assert_eq!(ended["result"]["_meta"]["dev.aiagentgateway/code"], "approval_pending");
    let trail = gateway.audit().await;
    let ends: Vec<_> = trail.iter().filter(|r| r.kind == "outcome").collect();
    for end in &ends {
        let seen = [&end.decision, &end.status, &end.reason].map(Option::as_deref);
        assert_eq!(seen, [Some("ask"), Some("denied"), Some("approval_pending")]);
        let took = end.duration_ms.unwrap();
        assert!((1_000.0..5_000.0).contains(&took), "its client has gone by then: {took}");
    }
    assert_eq!(ends.len(), 2);

    // The questions stay.
    for id in [&yes_id, &no_id] {
        let left = approval(gateway, id).await;
        assert!(!left.waiting && left.held_until.is_none(), "{left:?}");
        assert_eq!(json!(left.state), "pending");
    }
    say(gateway, &yes_id, "once").await;
    let path = format!("/api/v1/approvals/{no_id}/answer");
    ask(&gateway.admin, "POST", &path, json!({"answer": "deny", "note": "not today"})).await;
    scene.assert_untouched();
    let (code, body) = outcome(call(gateway, &token, "fix.echo", no)).await;
    assert_eq!((code, &body["code"]), (403, &json!("approval_denied")));
    assert!(body["message"].as_str().unwrap().contains("not today"), "{body}");
    // Whichever way it comes the second time.
    let answered = session.call("fix__echo", yes.clone()).await;
    assert_eq!(answered["result"]["structuredContent"], json!({"echo": yes}), "{answered}");
    assert_eq!(scene.upstream.calls().len(), 1);
    let again = call(gateway, &token, "fix.echo", yes);
    say(gateway, &the_held(gateway).await.id, "deny").await;
    assert_eq!(outcome(again).await.0, 403);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_client_that_wants_progress_is_told_that_its_call_waits() {
    let scene = asking().await;
    let gateway = &scene.gateway;
    let session = Session::open(&gateway.url("/mcp"), &scene.token).await;
    let events = "application/json, text/event-stream";
    for (id, token) in [(json!("c-1"), json!("p-1")), (json!(7), json!(7))] {
        let meta = Some(json!({"progressToken": token}));
        let response = session.call_streaming(id.clone(), "fix__echo", json!({}), meta).await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut stream = mcp::events(response);
        let asked = the_held(gateway).await;
        assert!(is_progress(&next(&mut stream).await, &token, &asked.id) > 0.0);
        scene.upstream.calls();
        say(gateway, &asked.id, "once").await;
        let result = next(&mut stream).await;
        assert_eq!((&result["id"], &result["result"]["isError"]), (&id, &json!(null)), "{result}");
        assert_eq!(result["result"]["structuredContent"], json!({"echo": {}}));
        assert_eq!(stream.recv().await, None, "nothing follows the result");

        let params = json!({"name": "fix__echo", "arguments": {"era": "new"}, "_meta": {"progressToken": token}});
        let mut stream = mcp::events(stateless_response(&scene, params, events).await);
        let asked = the_held(gateway).await;
        is_progress(&next(&mut stream).await, &token, &asked.id);
        say(gateway, &asked.id, "deny").await;
        let result = next(&mut stream).await;
        assert_eq!((&result["id"], &result["result"]["isError"]), (&json!(1), &json!(true)));
        assert_eq!(result["result"]["resultType"], "complete");
        assert_eq!(stream.recv().await, None);
        // That no stood only for those arguments; the next round asks anew.
        scene.gateway.grant("ana", "fix.echo", "allow").await;
        scene.gateway.grant("ana", "fix.echo", "ask").await;
    }
    scene.gateway.stop().await;
}

/// Clients may begin their time-out anew with each.
#[tokio::test]
async fn progress_goes_on_for_as_long_as_the_call_is_held() {
    let scene = asking().await;
    let session = Session::open(&scene.gateway.url("/mcp"), &scene.token).await;
    let meta = Some(json!({"progressToken": "p"}));
    let response = session.call_streaming(json!(1), "fix__echo", json!({}), meta).await;
    let mut stream = mcp::events(response);
    let asked = the_held(&scene.gateway).await;
    let first = is_progress(&next(&mut stream).await, &json!("p"), &asked.id);
    let second = is_progress(&next(&mut stream).await, &json!("p"), &asked.id);
    assert!(second > first, "progress increases: {first}, {second}");
    say(&scene.gateway, &asked.id, "once").await;
    assert_eq!(next(&mut stream).await["id"], 1);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_client_that_did_not_ask_for_progress_gets_the_result_alone() {
    let scene = asking().await;
    let session = Session::open(&scene.gateway.url("/mcp"), &scene.token).await;
    let response = session.call_streaming(json!(1), "fix__echo", json!({}), None).await;
    let mut stream = mcp::events(response);
    say(&scene.gateway, &the_held(&scene.gateway).await.id, "once").await;
    let result = next(&mut stream).await;
    assert_eq!(result["result"]["structuredContent"], json!({"echo": {}}), "{result}");
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_client_that_takes_no_streams_gets_plain_json() {
    let scene = asking().await;
    let plain = ("accept", "application/json");
    let meta = json!({"progressToken": 1});
    for era in ["session", "stateless"] {
        let params = json!({"name": "fix__echo", "arguments": {"era": era}, "_meta": meta});
        let asked = async {
            let asked = the_held(&scene.gateway).await;
            say(&scene.gateway, &asked.id, "once").await;
        };
        let reply = async {
            if era == "stateless" {
                return stateless_response(&scene, params.clone(), plain.1).await;
            }
            let message =
                json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
            let bearer = format!("Bearer {}", scene.token);
            let headers = [JSON, plain, VERSION, ("authorization", bearer.as_str())];
            http::send("POST", &scene.gateway.url("/mcp"), &headers, message.to_string()).await
        };
        let (response, ()) = tokio::join!(reply, asked);
        assert_eq!(response.headers()["content-type"], "application/json", "{era}");
        let answer: Value = serde_json::from_str(&http::text(response).await).unwrap();
        assert_eq!(answer["result"]["structuredContent"]["echo"]["era"], era, "{answer}");
    }
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_held_call_can_be_taken_back_by_a_notification() {
    let scene = asking().await;
    let session = Session::open(&scene.gateway.url("/mcp"), &scene.token).await;
    let sibling = Session::open(&scene.gateway.url("/mcp"), &scene.token).await;
    let response = session.call_streaming(json!(9), "fix__echo", json!({}), None).await;
    let asked = the_held(&scene.gateway).await;
    let note =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 9}});
    assert_eq!(sibling.post(&note).await.0, 202);
    let other = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "9"}});
    assert_eq!(session.post(&other).await.0, 202);
    assert!(approval(&scene.gateway, &asked.id).await.waiting, "it was not meant");
    assert_eq!(session.post(&note).await.0, 202);
    let mut stream = mcp::events(response);
    let ended = tokio::time::timeout(SOON, stream.recv()).await.expect("the end soon");
    assert!(ended.is_none_or(|end| end["result"]["isError"] == true));
    was_taken_back(&scene, &asked.id).await;
    scene.gateway.stop().await;
}

/// Whichever way it came: nobody would hear what became of it.
#[tokio::test]
async fn hanging_up_takes_a_held_call_back() {
    let params = || json!({"name": "fix__echo", "arguments": {}});
    for way in ["stateless, streaming", "stateless, plain", "session", "rest"] {
        let scene = asking().await;
        let session = Session::open(&scene.gateway.url("/mcp"), &scene.token).await;
        let made = async {
            match way {
                "stateless, streaming" => {
                    stateless_response(&scene, params(), "application/json, text/event-stream")
                        .await
                }
                "stateless, plain" => {
                    stateless_response(&scene, params(), "application/json").await
                }
                "session" => session.call_streaming(json!(1), "fix__echo", json!({}), None).await,
                _ => {
                    let body = json!({"tool": "fix.echo", "token": scene.token}).to_string();
                    http::send("POST", &scene.gateway.url("/mcp/tools/call"), &[JSON], body).await
                }
            }
        };
        let hung_up_on = async {
            // A stream has begun by now; the others have said nothing yet.
            let response = tokio::select! {
                response = made => Some(response),
                () = tokio::time::sleep(std::time::Duration::from_millis(200)) => None,
            };
            let asked = the_held(&scene.gateway).await;
            drop(response);
            asked.id
        };
        let id = hung_up_on.await;
        was_taken_back(&scene, &id).await;
        scene.gateway.stop().await;
    }
}

/// Nobody is on the line any more, and a yes that comes too late does nothing.
async fn was_taken_back(scene: &Scene, id: &str) {
    eventually("nobody is on the line", SOON, async || !approval(&scene.gateway, id).await.waiting)
        .await;
    eventually("its outcome is recorded", SOON, async || {
        let path = "/api/v1/audit?kind=outcome&limit=1";
        let newest: Vec<agw_api::AuditRecord> = scene.gateway.admin.records(path).await.unwrap();
        newest.iter().any(|r| {
            let seen = [&r.status, &r.reason, &r.approval].map(Option::as_deref);
            seen == [Some("cancelled"), Some("cancelled"), Some(id)]
        })
    })
    .await;
    let (code, body) = answer(&scene.gateway.admin, id, "once").await;
    assert!([200, 409].contains(&code), "{body}");
    scene.assert_untouched();
}

#[tokio::test]
async fn a_caller_has_at_most_twenty_calls_waiting() {
    let scene = asking().await;
    let Scene { gateway, token, .. } = &scene;
    let cursor = gateway.add_agent("ana", "cursor", &[]).await;
    for n in 0..20 {
        call(gateway, token, "fix.echo", json!({"n": n}));
    }
    held(gateway, 20).await;
    let reply = call(gateway, token, "fix.echo", json!({"n": 20}));
    let reply = tokio::time::timeout(SOON, reply).await.unwrap().unwrap();
    assert_eq!((reply.status, &reply.json()["code"]), (429, &json!("too_many_approvals")));
    assert!(reply.header("retry-after").parse::<u32>().is_ok());
    scene.assert_refusal("too_many_approvals").await;
    let answered = scene.mcp(tools_call("fix__echo", json!({"n": 21}))).await.json();
    let code = &answered["result"]["_meta"]["dev.aiagentgateway/code"];
    assert_eq!(code, "too_many_approvals", "{answered}");
    // One that waits already takes no place of its own, and others have their own.
    let again = call(gateway, token, "fix.echo", json!({"n": 3}));
    let others = call(gateway, &cursor, "fix.echo", json!({"n": 22}));
    let all = held(gateway, 21).await;
    let third = all.iter().find(|a| a.args == r#"{"n":3}"#).unwrap();
    say(gateway, &third.id, "deny").await;
    assert_eq!(outcome(again).await.1["code"], "approval_denied");
    // There is room again.
    let next = call(gateway, token, "fix.echo", json!({"n": 23}));
    held(gateway, 21).await;
    scene.assert_untouched();
    let Scene { gateway, .. } = scene;
    gateway.stop().await;
    for call in [others, next] {
        assert_eq!(outcome(call).await.1["code"], "approval_pending", "the service ends holds");
    }
}

/// However they come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_has_at_most_twenty_calls_waiting_also_when_they_come_at_once() {
    let scene = asking().await;
    let calls: Vec<_> =
        (0..60).map(|n| call(&scene.gateway, &scene.token, "fix.echo", json!({"n": n}))).collect();
    eventually("the rest is refused", SOON, async || {
        calls.iter().filter(|call| call.is_finished()).count() >= 40
    })
    .await;
    // What is being recorded just now is shown a moment later.
    held(&scene.gateway, 20).await;
    let asked: Vec<Value> =
        scene.gateway.admin.records("/api/v1/audit?kind=approval&limit=1000").await.unwrap();
    assert_eq!(asked.len(), 20, "no more were asked about");
    assert_eq!(calls.iter().filter(|call| call.is_finished()).count(), 40);
    scene.gateway.stop().await;
}

/// A client that sends one call again and again holds only so many of them.
#[tokio::test]
async fn at_most_eight_calls_wait_for_one_answer() {
    let scene = asking().await;
    let Scene { gateway, token, .. } = &scene;
    let calls: Vec<_> = (0..9).map(|_| call(gateway, token, "fix.echo", json!({}))).collect();
    eventually("one of nine is turned away", SOON, async || {
        calls.iter().filter(|call| call.is_finished()).count() == 1
    })
    .await;
    say(gateway, &the_held(gateway).await.id, "deny").await;
    let mut codes = Vec::new();
    for call in calls {
        codes.push(outcome(call).await.1["code"].as_str().unwrap().to_owned());
    }
    codes.sort_unstable();
    assert_eq!((codes[7].as_str(), codes[8].as_str()), ("approval_denied", "too_many_approvals"));
    scene.assert_untouched();
    scene.gateway.stop().await;
}

#[tokio::test]
async fn arguments_that_are_too_long_to_read_are_not_asked_about() {
    let scene = asking().await;
    let most = 256 << 10;
    let args = |length: usize| json!({"t": "x".repeat(length - r#"{"t":""}"#.len())});
    let (code, body) =
        outcome(call(&scene.gateway, &scene.token, "fix.echo", args(most + 1))).await;
    assert_eq!((code, &body["code"]), (422, &json!("approval_too_long")), "{body}");
    scene.assert_refusal("approval_too_long").await;
    assert_eq!(approvals(&scene.gateway).await.len(), 0);
    scene.assert_untouched();
    let held_call = call(&scene.gateway, &scene.token, "fix.echo", args(most));
    let asked = the_held(&scene.gateway).await;
    assert_eq!(asked.args.len(), most);
    say(&scene.gateway, &asked.id, "once").await;
    assert_eq!(outcome(held_call).await.0, 200);
    scene.gateway.stop().await;
}
