//! What one side of a call could do to another one, or learn of it.

use std::time::{Duration, Instant};

use agw_gateway::Timeouts;
use serde_json::{Value, json};

use super::{BOTH, CAN_ALL, Stateless, answer, told, wanted};
use crate::support::{
    InProcess, eventually,
    everything::{Dialect, Scene},
    http,
    mcp::{self, ACCEPT, Session},
    upstream::{Fixture, Manner},
};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/stdio_server.py");
/// Enough for a busy machine; what this is about takes minutes.
const SOON: Duration = Duration::from_secs(15);

fn accepted() -> Value {
    json!({"action": "accept", "content": {"name": "Mallory"}})
}

/// A gateway with a server as the connection `up`, and ana's token, who may
/// use all of it.
async fn office(server: &Fixture) -> (InProcess, String) {
    let gateway = InProcess::start_with(Timeouts::default()).await;
    gateway.connect_http("up", &server.url(), &[("x-key", "s3cret-of-the-team")]).await;
    gateway.add_user("ana", None).await;
    gateway.grant("ana", "up.*", "allow").await;
    let token = gateway.add_agent("ana", "one", &[]).await;
    (gateway, token)
}

/// The same with `tests/fixtures/stdio_server.py` in this manner.
async fn program(manner: &str) -> (InProcess, String) {
    let gateway = InProcess::start_with(Timeouts::default()).await;
    gateway.connect_stdio("up", &["python3", FIXTURE, manner], &[]).await;
    gateway.add_user("ana", None).await;
    gateway.grant("ana", "up.*", "allow").await;
    let token = gateway.add_agent("ana", "one", &[]).await;
    (gateway, token)
}

/// A program reads a line as a message: one within the arguments of another
/// call would be one that nobody decided on.
#[tokio::test]
async fn a_line_end_in_what_a_client_writes_starts_no_message() {
    let (gateway, token) = program("lenient").await;
    gateway.grant("ana", "up.env", "deny").await;
    let bearer = format!("Bearer {token}");
    let headers =
        [("content-type", "application/json"), ACCEPT, ("authorization", bearer.as_str())];
    let hidden =
        r#"{"jsonrpc":"2.0","id":77,"method":"tools/call","params":{"name":"env","arguments":{}}}"#;
    for end in ["\n", "\r\n", "\r"] {
        let inner = format!("{{\"x\":{end}{hidden}{end}}}");
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"echo","arguments":{inner},"_meta":{{"vendor/x":{inner}}}}}}}"#
        );
        let reply = http::ask("POST", &gateway.url("/mcp/up"), &headers, body).await;
        let seen = &reply.json()["result"]["structuredContent"];
        assert_eq!(seen["echo"]["x"]["id"], 77, "{reply:?}");
        assert_eq!(seen["calls"], json!(["echo"]), "{end:?} {reply:?}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn the_check_of_headers_tells_nothing_of_what_is_not_granted() {
    let server = Fixture::modern().await;
    let region = json!({"region": {"type": "string", "x-mcp-header": "Region"}});
    let schema = json!({"type": "object", "properties": region});
    server.list(json!([{"name": "marked", "inputSchema": schema}]));
    let (gateway, token) = office(&server).await;
    gateway.add_user("eve", None).await;
    let eve = gateway.add_agent("eve", "spy", &[]).await;
    for (url, marked, none) in [
        (gateway.url("/mcp/up"), "marked", "nothing"),
        (gateway.url("/mcp"), "up__marked", "up__nothing"),
    ] {
        let spy = Stateless::new(&url, &eve);
        let there = spy.call(marked, json!({"region": "eu"})).await.to_string();
        let not_there = spy.call(none, json!({"region": "eu"})).await.to_string();
        assert_eq!(there.replace("marked", "nothing"), not_there);
        // Who may use it is told.
        let ana = Stateless::new(&url, &token);
        let refused = ana.call(marked, json!({"region": "eu"})).await;
        assert_eq!(refused["error"]["code"], -32020, "{refused}");
        // Over the tool that calls tools there are no such headers.
        let search = format!("{url}?tools=search");
        let ana = Stateless::new(&search, &token);
        let called = json!({"name": marked, "arguments": {"region": "eu"}});
        let called = ana.call("call_tool", called).await;
        assert_eq!(called["result"]["structuredContent"]["echo"]["region"], "eu", "{called}");
    }
    gateway.stop().await;
}

/// However the right to call ends while a client is asked, what it answers
/// then goes nowhere.
#[tokio::test]
async fn an_answer_that_comes_after_the_right_to_call_ended_goes_nowhere() {
    for dialect in BOTH {
        for how in ["revoked", "denied", "paused", "expired"] {
            let scene = Scene::start(dialect).await;
            let url = scene.url();
            let gateway = &scene.gateway;
            gateway.add_user("eve", None).await;
            let expires = (how == "expired").then_some("3s");
            let grant = gateway
                .grant_with(json!({"subject": "eve", "tool": "all.*", "effect": "allow", "expires": expires}))
                .await;
            let eve = gateway.add_agent("eve", "bot", &[]).await;
            let client = Stateless::new(&url, &eve);
            let can_all = serde_json::from_str(CAN_ALL).unwrap();
            let session = Session::open_with(&url, &eve, can_all).await;
            let first = client.call("elicit", json!({})).await;
            let (key, _) = wanted(&first);
            let mut events =
                mcp::events(session.call_streaming(json!(7), "elicit", json!({}), None).await);
            let request = events.recv().await.unwrap();
            match how {
                "revoked" => gateway.revoke(&grant).await,
                "denied" => drop(gateway.grant("eve", "all.elicit", "deny").await),
                "paused" => {
                    let body = json!({"subject": "eve/bot"});
                    let _: Value = gateway.admin.post("/api/v1/pause", &body).await.unwrap();
                }
                _ => tokio::time::sleep(Duration::from_secs(4)).await,
            }
            let state = &first["result"]["requestState"];
            let last = client.bring("elicit", json!({}), state, json!({key: accepted()})).await;
            assert!(!last.to_string().contains("Mallory"), "{dialect:?} {how} {last}");
            let reply = json!({"jsonrpc": "2.0", "id": request["id"], "result": accepted()});
            session.post(&reply).await;
            let last = events.recv().await.unwrap();
            assert_eq!(last["id"], 7, "{last}");
            let calls = scene.upstream.received("tools/call");
            let seen = format!("{calls:?} {:?}", scene.upstream.answers());
            assert!(!seen.contains("Mallory"), "{dialect:?} {how}: {seen}");
            scene.gateway.stop().await;
        }
    }
}

/// A member that a client made up is between it and the gateway.
#[tokio::test]
async fn a_clients_own_state_and_answers_do_not_reach_an_upstream() {
    for dialect in BOTH {
        let scene = Scene::start(dialect).await;
        let url = scene.url();
        let made_up = || json!({"name": "echo", "arguments": {}, "inputResponses": {"key": accepted()}, "requestState": "mine", "task": {"ttl": 1}, "x": 1});
        let session = Session::open(&url, &scene.token).await;
        session.request("tools/call", made_up()).await;
        let mut without = made_up();
        without.as_object_mut().unwrap().remove("requestState");
        Stateless::new(&url, &scene.token).ask("tools/call", without).await;
        let calls = scene.upstream.received("tools/call");
        assert_eq!(calls.len(), 2);
        for (_, call) in calls {
            let mut members: Vec<&str> =
                call["params"].as_object().unwrap().keys().map(String::as_str).collect();
            members.retain(|name| *name != "_meta");
            members.sort_unstable();
            assert_eq!(members, ["arguments", "name"], "{dialect:?} {call}");
        }
        scene.gateway.stop().await;
    }
}

#[tokio::test]
async fn a_credential_is_no_key_of_a_question() {
    let server = Fixture::modern().await;
    let (gateway, token) = office(&server).await;
    let url = gateway.url("/mcp/up");
    let client = Stateless::new(&url, &token);
    let ask = json!({"method": "elicitation/create", "params": {"message": "?"}});
    let long = "k".repeat(100_000);
    for key in ["s3cret-of-the-team", "a s3cret-of-the-team b", &long] {
        server.behave(Manner::Wants(json!({key: ask}), 1));
        let answer = client.call("echo", json!({})).await;
        assert!(!answer.to_string().contains("s3cret"), "{answer}");
        let code = &answer["result"]["_meta"]["dev.aiagentgateway/code"];
        assert_eq!(code, "upstream_malformed", "{answer}");
    }
    // Odd ones are as good as others.
    for key in ["__proto__", "constructor", "", "\"},\n{", "é\u{0}"] {
        server.behave(Manner::Wants(json!({key: ask}), 1));
        let first = client.call("echo", json!({})).await;
        assert_eq!(wanted(&first).0, key);
        let state = &first["result"]["requestState"];
        let last = client.bring("echo", json!({}), state, json!({key: accepted()})).await;
        assert_eq!(last["result"]["resultType"], "complete", "{key:?} {last}");
    }
    gateway.stop().await;
}

/// A server of the older era cannot ask by way of a result: nobody would know
/// of the question, and nobody could bring the answer.
#[tokio::test]
async fn a_result_that_wants_input_is_not_passed_on() {
    let server = Fixture::start().await;
    let (gateway, token) = office(&server).await;
    let url = gateway.url("/mcp/up");
    let result = r#"{"resultType":"input_\u0072equired","inputRequests":{"a":{"method":"elicitation/create","params":{"message":"Your password?"}}},"requestState":"x"}"#;
    server.behave(Manner::Body(format!(r#"{{"jsonrpc":"2.0","id":$ID,"result":{result}}}"#)));
    let client = Stateless { capabilities: json!({}), ..Stateless::new(&url, &token) };
    let answer = client.call("echo", json!({})).await;
    assert!(!answer.to_string().contains("password"), "{answer}");
    assert_eq!(
        answer["result"]["_meta"]["dev.aiagentgateway/code"], "upstream_malformed",
        "{answer}"
    );
    gateway.stop().await;
}

/// A stream in a body of several answers would have no end.
#[tokio::test]
async fn a_batch_holds_no_stream() {
    let scene = Scene::start(Dialect::Sessions).await;
    let url = scene.url();
    let session = Session::open_as(&url, &scene.token, "2025-03-26", json!({})).await;
    let listen = Stateless::new(&url, &scene.token);
    let params = json!({"notifications": {"toolsListChanged": true}});
    let (mut headers, message) = listen.message("subscriptions/listen", params);
    headers.push(("mcp-session-id", session.id.clone()));
    let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let body = json!([message]).to_string();
    let reply = tokio::time::timeout(SOON, http::ask("POST", &url, &headers, body)).await;
    let answers = reply.expect("it ends").json();
    assert_eq!(answers[0]["error"]["code"], -32600, "{answers}");
    scene.gateway.stop().await;
}

/// Neither members by the ten thousand nor words.
#[tokio::test]
async fn what_is_long_takes_no_longer_than_it_is() {
    let server = Fixture::start().await;
    let tool = |n: usize| json!({"name": format!("t{n}"), "description": "x".repeat(200), "inputSchema": {"type": "object"}});
    server.list((0..500).map(tool).collect());
    let (gateway, token) = office(&server).await;
    let url = gateway.url("/mcp/up");
    let members: serde_json::Map<String, Value> =
        (0..80_000).map(|n| (format!("vendor/{n:06}"), json!(n))).collect();
    let began = Instant::now();
    let client = Stateless { meta: Value::Object(members.clone()), ..Stateless::new(&url, &token) };
    let answer = client.call("t1", json!({})).await;
    assert_eq!(answer["result"]["resultType"], "complete");
    assert!(began.elapsed() < SOON, "members of _meta: {:?}", began.elapsed());
    // The same from the other side.
    let result = json!({"resultType": "complete", "content": [], "structuredContent": {}});
    let mut result = result.as_object().unwrap().clone();
    result.extend(members);
    let text = format!(r#"{{"jsonrpc":"2.0","id":$ID,"result":{}}}"#, Value::Object(result));
    server.behave(Manner::Body(text));
    let began = Instant::now();
    let session = Session::open(&url, &token).await;
    assert!(session.call("t1", json!({})).await["result"].is_object());
    assert!(began.elapsed() < SOON, "members of a result: {:?}", began.elapsed());
    let search = format!("{url}?tools=search");
    let words: Vec<String> = (0..100_000).map(|n| format!("w{n}")).collect();
    let began = Instant::now();
    let client = Stateless::new(&search, &token);
    let found = client.call("find_tools", json!({"query": words.join(" ")})).await;
    assert!(found["result"]["structuredContent"]["tools"].is_array());
    assert!(began.elapsed() < SOON, "words: {:?}", began.elapsed());
    gateway.stop().await;
}

/// One who opens sessions without end pushes out their own.
#[tokio::test]
async fn an_agents_many_sessions_end_its_own_and_nobody_elses() {
    let scene = Scene::start(Dialect::Sessions).await;
    let url = scene.url();
    let other = Session::open(&url, &scene.other).await;
    let first = Session::open(&url, &scene.token).await;
    let bearer = format!("Bearer {}", scene.token);
    let headers = [ACCEPT, ("authorization", bearer.as_str())];
    let greeting = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}});
    for _ in 0..1_024 {
        assert_eq!(http::post_json(&url, &headers, &greeting).await.0, 200);
    }
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    assert_eq!(first.post(&ping).await.0, 404);
    assert_eq!(other.post(&ping).await.0, 200);
    scene.gateway.stop().await;
}

/// One child a set of abilities: a client that declares ever others would
/// take all the places that there are.
#[tokio::test]
async fn an_agent_has_a_few_children_and_takes_nobody_elses() {
    let (gateway, token) = program("pid").await;
    gateway.add_user("bo", None).await;
    gateway.grant("bo", "up.*", "allow").await;
    let bo = gateway.add_agent("bo", "bot", &[]).await;
    let url = gateway.url("/mcp/up");
    let pid = async |token: &str, n: u32| {
        let capabilities = json!({"elicitation": {"n": n}});
        let client = Stateless { capabilities, ..Stateless::new(&url, token) };
        client.call("echo", json!({})).await["result"]["structuredContent"]["pid"].as_u64().unwrap()
    };
    let bos = pid(&bo, 0).await;
    let mut pids = Vec::new();
    for n in 0..6 {
        pids.push(pid(&token, n).await);
    }
    assert_eq!(pid(&bo, 0).await, bos);
    assert_eq!(pid(&token, 5).await, pids[5], "the latest are kept");
    assert_ne!(pid(&token, 0).await, pids[0], "the oldest was ended");
    gateway.stop().await;
}

#[tokio::test]
async fn a_child_that_nobody_uses_is_ended() {
    let timeouts = Timeouts { idle: Duration::from_secs(1), ..Timeouts::default() };
    let gateway = InProcess::start_with(timeouts).await;
    gateway.connect_stdio("up", &["python3", FIXTURE, "pid"], &[]).await;
    gateway.add_user("ana", None).await;
    gateway.grant("ana", "up.*", "allow").await;
    let token = gateway.add_agent("ana", "one", &[]).await;
    let url = gateway.url("/mcp/up");
    let client = Stateless::new(&url, &token);
    let pid = async || {
        let answer = client.call("echo", json!({})).await;
        answer["result"]["structuredContent"]["pid"].as_u64().unwrap()
    };
    let first = pid().await;
    assert_eq!(pid().await, first);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    // It is looked for them whenever something changes.
    gateway.add_user("bo", None).await;
    eventually("it is ended", Duration::from_secs(20), async || {
        let stat = std::fs::read_to_string(format!("/proc/{first}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X']))
    })
    .await;
    assert_ne!(pid().await, first);
    gateway.stop().await;
}

/// Pages that are each within bounds.
#[tokio::test]
async fn a_list_of_many_long_pages_is_refused() {
    let server = Fixture::start().await;
    let gateway = InProcess::start_with(Timeouts::default()).await;
    let description = "x".repeat(12 << 20);
    let page = json!({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "tools": [{"name": "a", "description": description, "inputSchema": {}}], "nextCursor": "on"});
    server.always_behave(Manner::Body(format!(r#"{{"jsonrpc":"2.0","id":$ID,"result":{page}}}"#)));
    gateway.connect_http("up", &server.url(), &[]).await;
    let shown: agw_api::ConnectionDetail =
        gateway.admin.get("/api/v1/connections/up").await.unwrap();
    let problem = shown.connection.problem.unwrap();
    assert!(problem.contains("longer than 33554432 bytes"), "{problem}");
    gateway.stop().await;
}

/// Two agents of one person share a child that can ask neither of them
/// anything; what it says without saying to whom is then nobody's.
#[tokio::test]
async fn what_a_shared_child_logs_during_calls_of_two_agents_is_nobodys() {
    let (gateway, token) = program("mixes").await;
    let other = gateway.add_agent("ana", "two", &[]).await;
    let url = gateway.url("/mcp/up");
    let client = |token| Stateless {
        capabilities: json!({}),
        meta: json!({"io.modelcontextprotocol/logLevel": "debug"}),
        ..Stateless::new(&url, token)
    };
    let (one, two) = (client(&token), client(&other));
    let first = async { one.ask("tools/call", json!({"name": "echo", "arguments": {}})).await };
    let second = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        two.ask("tools/call", json!({"name": "echo", "arguments": {}})).await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.1["result"]["resultType"], "complete", "{first:?}");
    assert!(first.2.is_empty() && second.2.is_empty(), "{first:?} {second:?}");
    // To one's own calls it belongs.
    let mine = async || one.ask("tools/call", json!({"name": "echo", "arguments": {}})).await;
    let second = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        mine().await
    };
    let (_, second) = tokio::join!(mine(), second);
    assert_eq!(second.2[0]["params"]["data"], "about the first", "{second:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn two_agents_of_one_person_are_asked_each_their_own() {
    for dialect in BOTH {
        let scene = Scene::start(dialect).await;
        let url = scene.url();
        let (one, two) = (Stateless::new(&url, &scene.token), Stateless::new(&url, &scene.other));
        let (first, second) =
            tokio::join!(one.call("elicit", json!({})), two.call("elicit", json!({})));
        let says = |name: &str| json!({"action": "accept", "content": {"name": name}});
        let bring = async |client: &Stateless<'_>, asked: &Value, name: &str| {
            let state = &asked["result"]["requestState"];
            let brought = json!({wanted(asked).0: says(name)});
            told(&client.bring("elicit", json!({}), state, brought).await).clone()
        };
        assert_eq!(bring(&two, &second, "Two").await, says("Two"), "{dialect:?}");
        assert_eq!(bring(&one, &first, "One").await, says("One"), "{dialect:?}");
        scene.gateway.stop().await;
    }
    // Over pipes, where questions do not say of which call they are.
    let (gateway, token) = program("asks").await;
    let other = gateway.add_agent("ana", "two", &[]).await;
    let url = gateway.url("/mcp/up");
    let can = || json!({"sampling": {}, "roots": {}});
    let mut calls = Vec::new();
    for token in [&token, &other] {
        let session = Session::open_with(&url, token, can()).await;
        let mut events =
            mcp::events(session.call_streaming(json!(1), "echo", json!({}), None).await);
        let request = events.recv().await.unwrap();
        calls.push((session, events, request));
    }
    for (at, (session, events, request)) in calls.iter_mut().enumerate().rev() {
        let mine = json!({"mine": at});
        let mut request = request.clone();
        for method in ["sampling/createMessage", "roots/list"] {
            assert_eq!(request["method"], method);
            session.post(&json!({"jsonrpc": "2.0", "id": request["id"], "result": mine})).await;
            request = events.recv().await.unwrap();
        }
        assert_eq!(request["result"]["structuredContent"]["roots/list"]["result"], mine);
    }
    gateway.stop().await;
}

/// Whatever becomes of a call whose client is asked, it has one outcome.
#[tokio::test]
async fn a_call_whose_client_is_asked_has_one_outcome_however_it_ends() {
    for dialect in BOTH {
        let scene = Scene::start(dialect).await;
        let url = scene.url();
        let client = Stateless::new(&url, &scene.token);
        // The service stops while one is parked, and one is asked over its stream.
        let asked = client.call("elicit", json!({"n": 1})).await;
        assert_eq!(asked["result"]["resultType"], "input_required");
        let can_all = serde_json::from_str(CAN_ALL).unwrap();
        let session = Session::open_with(&url, &scene.token, can_all).await;
        let mut hung =
            mcp::events(session.call_streaming(json!(3), "elicit", json!({"n": 3}), None).await);
        assert!(hung.recv().await.unwrap()["method"].is_string());
        let mut open =
            mcp::events(session.call_streaming(json!(2), "elicit", json!({"n": 2}), None).await);
        assert!(open.recv().await.unwrap()["method"].is_string());
        // Its client hangs up.
        drop(hung);
        let gateway = scene.gateway.restart().await;
        let records = gateway.audit().await;
        let of = |kind: &str| {
            let mut calls: Vec<_> =
                records.iter().filter(|r| r.kind == kind).map(|r| r.call_id.clone()).collect();
            calls.sort();
            calls
        };
        assert_eq!(of("intent").len(), 3, "{dialect:?}");
        assert_eq!(of("intent"), of("outcome"), "{dialect:?} {records:?}");
        gateway.stop().await;
    }
}

/// What a server of the older era says when a person has to open a URL first.
#[tokio::test]
async fn a_url_to_open_first_is_bridged_to_clients_that_do_not_know_the_error() {
    let server = Fixture::start().await;
    let (gateway, token) = office(&server).await;
    let url = gateway.url("/mcp/up");
    let elicitation = json!({"mode": "url", "elicitationId": "e1", "url": "https://bank.example/s3cret-of-the-team", "message": "Sign in"});
    let error =
        json!({"code": -32042, "message": "open it", "data": {"elicitations": [elicitation]}});
    let required = format!(r#"{{"jsonrpc":"2.0","id":$ID,"error":{error}}}"#);
    let client = Stateless::new(&url, &token);
    for (action, opens) in [("accept", true), ("decline", false)] {
        server.behave(Manner::Body(required.clone()));
        let first = client.call("echo", json!({"n": 1})).await;
        let (key, request) = wanted(&first);
        assert_eq!(request["method"], "elicitation/create");
        assert_eq!(request["params"]["mode"], "url", "{request}");
        assert!(!first.to_string().contains("s3cret"), "{first}");
        server.behave(Manner::Echo);
        let calls = server.calls().len();
        let state = &first["result"]["requestState"];
        let brought = json!({key: {"action": action}});
        let last = client.bring("echo", json!({"n": 1}), state, brought).await;
        assert_eq!(server.calls().len(), calls + usize::from(opens));
        if opens {
            assert_eq!(last["result"]["structuredContent"]["echo"]["n"], 1, "{last}");
        } else {
            let code = &last["result"]["_meta"]["dev.aiagentgateway/code"];
            assert_eq!(code, "client_unanswered", "{last}");
        }
    }
    server.behave(Manner::Body(required));
    // Who cannot open URLs is told so, in words of its own era.
    let cannot = Stateless { capabilities: json!({}), ..Stateless::new(&url, &token) };
    let refused = cannot.call("echo", json!({})).await;
    assert!(!refused.to_string().contains("-32042"), "{refused}");
    // A client of the older era knows the error.
    let session = Session::open(&url, &token).await;
    let (_, known, _) =
        answer(session.call_streaming(json!(1), "echo", json!({}), None).await).await;
    assert_eq!(known["error"]["code"], -32042, "{known}");
    assert_eq!(known["error"]["data"]["elicitations"][0]["elicitationId"], "e1");
    assert!(!known.to_string().contains("s3cret"), "{known}");
    gateway.stop().await;
}

/// Calls that wait for their clients take places; each agent has its few.
#[tokio::test]
async fn an_agents_many_parked_calls_are_refused_and_nobody_elses() {
    let scene = Scene::start(Dialect::Stateless).await;
    let url = scene.url();
    let client = Stateless::new(&url, &scene.token);
    let mut parked = Vec::new();
    for n in 0..16 {
        let asked = client.call("elicit", json!({"n": n})).await;
        assert_eq!(asked["result"]["resultType"], "input_required", "{n}: {asked}");
        parked.push(asked);
    }
    let refused = client.call("elicit", json!({"n": 16})).await;
    assert_eq!(refused["error"]["data"]["code"], "too_many_calls", "{refused}");
    // What asks nothing goes on, and so do others.
    assert!(client.call("echo", json!({})).await["result"]["content"].is_array());
    let other = Stateless::new(&url, &scene.other);
    let asked = other.call("elicit", json!({})).await;
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
    // A place that was given back is one to take.
    let (key, _) = wanted(&parked[3]);
    let state = &parked[3]["result"]["requestState"];
    let last = client.bring("elicit", json!({"n": 3}), state, json!({key: accepted()})).await;
    assert_eq!(told(&last), &accepted());
    let asked = client.call("elicit", json!({"n": 17})).await;
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
    scene.gateway.stop().await;
}

/// That a list changed is said to those whose list it is.
#[tokio::test]
async fn nobody_hears_that_a_tool_changed_which_they_may_not_see() {
    let server = Fixture::start().await;
    server.talk();
    let (gateway, _) = office(&server).await;
    gateway.add_user("eve", None).await;
    gateway.grant("eve", "up.echo", "allow").await;
    let eve = gateway.add_agent("eve", "spy", &[]).await;
    for url in [gateway.url("/mcp/up"), gateway.url("/mcp")] {
        let session = Session::open(&url, &eve).await;
        let mut stream = session.listen().await;
        let mut listening = mcp::subscribe(&url, &eve, &json!(1)).await;
        assert!(listening.recv().await.is_some());
        let tool = |name: &str| json!({"name": name, "description": format!("The tool {name}"), "inputSchema": {"type": "object"}});
        for list in [json!([tool("echo")]), json!([tool("echo"), tool("hidden")])] {
            server.list(list);
            let _: agw_api::TestReport =
                gateway.admin.post("/api/v1/connections/up/test", &()).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(stream.try_recv().is_err() && listening.try_recv().is_err());
        let grant = gateway.grant("eve", "up.hidden", "allow").await;
        for events in [&mut stream, &mut listening] {
            let heard = tokio::time::timeout(SOON, events.recv()).await.unwrap().unwrap();
            assert_eq!(heard["method"], "notifications/tools/list_changed");
        }
        gateway.revoke(&grant).await;
    }
    gateway.stop().await;
}
