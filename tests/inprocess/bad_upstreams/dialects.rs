//! Servers of both eras, over every transport: each is found out and called
//! as it must be, and nobody shares what a server keeps.

use agw_api::ConnectionHealth;
use serde_json::{Value, json};

use super::Office;
use crate::support::{
    eventually, http,
    old_sse::OldSse,
    upstream::{Fixture, Manner},
};

#[tokio::test]
async fn a_stateless_server_is_found_and_called_with_headers_that_agree() {
    let server = Fixture::modern().await;
    let schema = json!({"type": "object", "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "text": {"type": "string"},
    }});
    let twice =
        json!({"type": "object", "properties": {"a": {"type": "number", "x-mcp-header": "A"}}});
    server.list(json!([
        {"name": "echo", "inputSchema": schema},
        {"name": "unusable", "inputSchema": twice},
    ]));
    let office = Office::open().await;
    office.gateway.connect_http("new", &server.url(), &[]).await;
    let shown = office.show("new").await;
    assert_eq!(shown.connection.health, ConnectionHealth::Ready, "{shown:?}");
    // One that asks for headers that cannot be made is left out.
    assert_eq!((shown.connection.tools, server.greetings()), (1, 0), "{shown:?}");
    let arguments = json!({"region": "Zürich", "text": "hi"});
    let (status, body) =
        office.gateway.rest_call(&office.token, "new.echo", arguments.clone()).await;
    assert_eq!((status, &body["echo"]), (200, &arguments), "{body}");
    let (headers, params) = server.calls().remove(0);
    assert_eq!(headers["mcp-param-region"], "=?base64?WsO8cmljaA==?=");
    assert!(!headers.contains_key("mcp-session-id"));
    assert_eq!(params["_meta"]["io.modelcontextprotocol/clientCapabilities"], json!({}));
    office.gateway.stop().await;
}

#[tokio::test]
async fn a_stateless_child_is_found_and_called() {
    let office = Office::open().await;
    office.connect_ready("new", &["stateless"]).await;
    office.assert_works("new.echo").await;
    office.gateway.stop().await;
}

/// However a server of the older era takes the question whether it is of the
/// newer one.
#[tokio::test]
async fn a_child_that_ignores_the_question_or_dies_of_it_is_of_the_older_era() {
    let office = Office::open().await;
    for (name, manner) in [("ignores", "ignores"), ("dies", "dies-of-it")] {
        office.connect_ready(name, &[manner]).await;
        office.assert_works(&format!("{name}.echo")).await;
        assert_eq!(office.show(name).await.starts, 1);
    }
    office.gateway.stop().await;
}

#[tokio::test]
async fn a_server_of_2024_is_found_and_no_two_users_share_its_stream() {
    let server = OldSse::start().await;
    let office = Office::open().await;
    office.gateway.connect_http("old", &server.url(), &[]).await;
    let shown = office.show("old").await;
    assert_eq!(shown.connection.health, ConnectionHealth::Ready, "{shown:?}");
    office.gateway.add_user("bo", None).await;
    office.gateway.grant("bo", "*", "allow").await;
    let bo = office.gateway.add_agent("bo", "codex", &[]).await;
    let stream = async |token: &str| -> Value {
        let (status, body) = office.gateway.rest_call(token, "old.echo", json!({"a": 1})).await;
        assert_eq!((status, &body["echo"]), (200, &json!({"a": 1})), "{body}");
        body["stream"].clone()
    };
    let (first, second) = (stream(&office.token).await, stream(&bo).await);
    assert_ne!(first, second);
    assert_eq!((stream(&office.token).await, stream(&bo).await), (first, second));
    assert_eq!(server.streams(), 2);
    office.gateway.stop().await;
}

/// Messages carry the gateway's credential: they go nowhere but to the server
/// that an admin named.
#[tokio::test]
async fn an_endpoint_on_another_server_is_refused() {
    let (server, elsewhere) = (OldSse::start().await, Fixture::start().await);
    let office = Office::open().await;
    for claimed in [elsewhere.url(), "//169.254.169.254/latest".into(), "https://127.0.0.1/".into()]
    {
        server.claim_endpoint(&claimed);
        office.gateway.connect_http("old", &server.url(), &[("authorization", "Bearer own")]).await;
        let shown = office.show("old").await;
        assert_eq!(shown.connection.health, ConnectionHealth::Failed, "{claimed}");
        office.gateway.admin.delete("/api/v1/connections/old").await.unwrap();
    }
    assert_eq!((elsewhere.greetings(), elsewhere.calls().len()), (0, 0));
    office.gateway.stop().await;
}

#[tokio::test]
async fn no_two_users_share_a_child_process() {
    let office = Office::open().await;
    office.connect_ready("child", &["pid"]).await;
    office.gateway.add_user("bo", None).await;
    office.gateway.grant("bo", "*", "allow").await;
    let bo = office.gateway.add_agent("bo", "codex", &[]).await;
    let other = office.gateway.add_agent("ana", "cursor", &[]).await;
    let pid = async |token: &str| -> Value {
        let (status, body) = office.gateway.rest_call(token, "child.echo", json!({})).await;
        assert_eq!(status, 200, "{body}");
        body["pid"].clone()
    };
    let (ana, bos) = (pid(&office.token).await, pid(&bo).await);
    assert!(ana.is_u64() && ana != bos, "{ana} {bos}");
    // Agents of one user that cannot be asked anything share theirs.
    assert_eq!((pid(&other).await, pid(&bo).await), (ana, bos.clone()));
    // Of who is gone nothing stays.
    office.gateway.admin.delete("/api/v1/users/bo").await.unwrap();
    let alive = || std::path::Path::new(&format!("/proc/{bos}/stat")).exists();
    let soon = std::time::Duration::from_secs(10);
    eventually("it ends", soon, async || !alive()).await;
    office.gateway.stop().await;
}

/// What is wanted of a client that cannot be asked is answered for it, and the
/// state comes back as it was.
#[tokio::test]
async fn a_stateless_server_that_wants_something_is_called_again_with_it() {
    let server = Fixture::modern().await;
    let office = Office::open().await;
    office.gateway.connect_http("new", &server.url(), &[]).await;
    let wanted = json!({"who": {"method": "elicitation/create", "params": {"message": "Who?"}}});
    server.behave(Manner::Wants(wanted, 2));
    office.assert_works("new.echo").await;
    let rounds = server.calls();
    assert_eq!(rounds.len(), 3);
    assert!(rounds[0].1.get("requestState").is_none());
    for (_, params) in &rounds[1..] {
        assert_eq!(params["requestState"], "opaque é");
        assert_eq!(params["inputResponses"], json!({"who": {"action": "cancel"}}));
        assert_eq!(params["arguments"], json!({"text": "hi"}));
    }
    office.gateway.stop().await;
}

/// The same of a server that asks on the stream of its answer.
#[tokio::test]
async fn a_server_that_asks_on_its_stream_is_answered_for_who_cannot() {
    let server = Fixture::start().await;
    let office = Office::open().await;
    office.gateway.connect_http("fix", &server.url(), &[]).await;
    for (method, expected) in [
        ("elicitation/create", json!({"result": {"action": "cancel"}})),
        ("ping", json!({"result": {}})),
    ] {
        let request =
            json!({"jsonrpc": "2.0", "id": method, "method": method, "params": {"message": "?"}});
        server.behave(Manner::Asks(request));
        let (status, body) = office.call("fix.echo").await;
        assert_eq!((status, &body["asked"]["result"]), (200, &expected["result"]), "{body}");
    }
    for method in ["sampling/createMessage", "roots/list", "secrets/read"] {
        let request = json!({"jsonrpc": "2.0", "id": -4, "method": method});
        server.behave(Manner::Asks(request));
        let (status, body) = office.call("fix.echo").await;
        assert_eq!((status, &body["asked"]["error"]["code"]), (200, &json!(-32601)), "{body}");
    }
    office.gateway.stop().await;
}

/// Over a GET stream, or over `subscriptions/listen`.
#[tokio::test]
async fn a_list_that_changes_is_read_again_without_anybody_asking() {
    for server in [Fixture::start().await, Fixture::modern().await] {
        server.talk();
        let office = Office::open().await;
        office.gateway.connect_http("fix", &server.url(), &[]).await;
        assert_eq!(office.show("fix").await.connection.tools, 3);
        let soon = std::time::Duration::from_secs(10);
        let told = async || server.tell("notifications/prompts/list_changed", json!({})) == 1;
        eventually("it listens", soon, told).await;
        server.list(json!([{"name": "echo", "inputSchema": {"type": "object"}}]));
        assert_eq!(server.tell("notifications/tools/list_changed", json!({})), 1);
        let read = async || office.show("fix").await.connection.tools == 1;
        eventually("it is read again", soon, read).await;
        office.gateway.stop().await;
    }
}

/// What a client of the stateless era answers goes to the server that asked,
/// but for a token of this gateway.
#[tokio::test]
async fn an_answer_goes_to_the_server_that_asked_and_a_token_in_it_nowhere() {
    let server = Fixture::start().await;
    let office = Office::open().await;
    office.gateway.connect_http("fix", &server.url(), &[]).await;
    let bearer = format!("Bearer {}", office.token);
    let headers = [
        crate::support::mcp::ACCEPT,
        ("authorization", bearer.as_str()),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "fix__echo"),
    ];
    let call = async |more: Value| {
        let mut params = json!({"name": "fix__echo", "arguments": {}, "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
        }});
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        http::post_json(&office.gateway.url("/mcp"), &headers, &body).await.1["result"].clone()
    };
    let params = json!({"message": "Who?", "requestedSchema": {"type": "object"}});
    for (id, said) in [("good", "Ana"), ("bad", office.token.as_str())] {
        let request =
            json!({"jsonrpc": "2.0", "id": id, "method": "elicitation/create", "params": params});
        server.behave(Manner::Asks(request));
        let asked = call(json!({})).await;
        assert_eq!(asked["resultType"], "input_required", "{asked}");
        let (key, wanted) = asked["inputRequests"].as_object().unwrap().iter().next().unwrap();
        assert_eq!(wanted["params"]["message"], "Who?");
        let answer = json!({"action": "accept", "content": {"name": said}});
        let responses = json!({key: answer});
        let state = &asked["requestState"];
        call(json!({"inputResponses": responses, "requestState": state})).await;
    }
    let said = server.answered();
    assert_eq!(said[0]["result"]["content"]["name"], "Ana", "{said:?}");
    assert!(!json!(said).to_string().contains(&office.token), "{said:?}");
    office.gateway.stop().await;
}
