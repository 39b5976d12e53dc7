//! Changes at bad moments, and servers that make them.

use std::fs;

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{super::scene::Scene, *};
use crate::support::{
    eventually,
    http::{self, Reply},
    upstream::Manner,
};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/stdio_server.py");

/// A REST call of `fix.echo` that goes on by itself.
fn call(gateway: &InProcess, token: &str, tool: &str) -> JoinHandle<Reply> {
    let url = gateway.url("/mcp/tools/call");
    let body = json!({"tool": tool, "args": {}, "token": token}).to_string();
    tokio::spawn(async move {
        http::ask("POST", &url, &[("content-type", "application/json")], body).await
    })
}

async fn outcome(call: JoinHandle<Reply>) -> (u16, Value) {
    let reply = tokio::time::timeout(SOON, call).await.expect("an answer soon").unwrap();
    (reply.status, reply.json())
}

async fn the_held(gateway: &InProcess) -> String {
    let held = async || {
        let all: Vec<agw_api::Approval> = gateway.admin.get("/api/v1/approvals").await.unwrap();
        all.into_iter().find(|approval| approval.waiting).map(|approval| approval.id)
    };
    eventually("a call is held", SOON, async || held().await.is_some()).await;
    held().await.unwrap()
}

#[tokio::test]
async fn a_call_that_is_held_ends_when_its_tool_changes() {
    let scene = Scene::start().await;
    let Scene { gateway, upstream, token, .. } = &scene;
    gateway.grant("ana", "fix.echo", "ask").await;
    let made = call(gateway, token, "fix.echo");
    let id = the_held(gateway).await;
    lists(&scene, json!([changed()])).await;
    let (status, body) = outcome(made).await;
    assert_eq!((status, &body["code"]), (403, &json!("definition_changed")), "{body}");
    let path = format!("/api/v1/approvals/{id}/answer");
    let asked = async || {
        let shown: Value = gateway.admin.get(&format!("/api/v1/approvals/{id}")).await.unwrap();
        shown["state"] == "cancelled"
    };
    eventually("the question is over", SOON, asked).await;
    assert_eq!(ask(&gateway.admin, "POST", &path, json!({"answer": "once"})).await.0, 409);
    assert_eq!(upstream.calls().len(), 0);
    scene.gateway.stop().await;
}

/// A yes was said to a call of what the tool was.
#[tokio::test]
async fn a_yes_is_none_to_the_tool_that_it_became() {
    let scene = Scene::start().await;
    let Scene { gateway, upstream, token, .. } = &scene;
    gateway.grant("ana", "fix.echo", "ask").await;
    let made = call(gateway, token, "fix.echo");
    let id = the_held(gateway).await;
    let path = format!("/api/v1/approvals/{id}/answer");
    let (status, body) = ask(&gateway.admin, "POST", &path, json!({"answer": "session"})).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(outcome(made).await.0, 200);
    assert_eq!(outcome(call(gateway, token, "fix.echo")).await.0, 200, "it is for the session");
    lists(&scene, json!([changed()])).await;
    let hash = review(gateway, "fix.echo").await.current.hash;
    assert_eq!(accept(gateway, "fix.echo", &hash).await.0, 200);
    let made = call(gateway, token, "fix.echo");
    assert_ne!(the_held(gateway).await, id, "it is asked again");
    made.abort();
    assert_eq!(upstream.calls().len(), 2);
    scene.gateway.stop().await;
}

/// Decided, and not forwarded: its server had to start first, and came up with
/// another definition.
#[tokio::test]
async fn a_call_that_waits_for_its_server_is_not_sent_to_what_that_became() {
    let gateway = InProcess::start().await;
    let text = gateway.dir.path().join("description");
    fs::write(&text, "A tool").unwrap();
    let slow = format!("sleep 2; exec python3 {FIXTURE} describes {}", text.display());
    gateway.connect_stdio("slow", &["sh", "-c", &slow], &[]).await;
    gateway.add_user("ana", None).await;
    let token = gateway.add_agent("ana", "claude", &[]).await;
    gateway.grant("ana", "slow.echo", "allow").await;
    assert_eq!(gateway.rest_call(&token, "slow.echo", json!({})).await.0, 200);
    let gateway = gateway.restart_after(|_| fs::write(&text, "Another").unwrap()).await;
    // Until it has listed its tools they are what they were.
    assert_eq!(gateway.rest_tools(&token).await, ["slow.echo"]);
    let made = call(&gateway, &token, "slow.echo");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!made.is_finished(), "it does not wait for the server");
    let (status, body) = outcome(made).await;
    assert_eq!((status, &body["code"]), (403, &json!("definition_changed")), "{body}");
    gateway.stop().await;
}

#[tokio::test]
async fn what_is_kept_back_is_so_after_a_restart() {
    let scene = Scene::start().await;
    lists(&scene, json!([changed()])).await;
    let since = review(&scene.gateway, "fix.echo").await.changed_at;
    let Scene { gateway, upstream, token, .. } = scene;
    // Whether or not its server is there to say so again.
    upstream.leave().await;
    let gateway = gateway.restart().await;
    assert_eq!(gateway.rest_tools(&token).await, [""; 0]);
    is_refused(&gateway, &token, "fix.echo", "definition_changed").await;
    assert_eq!(review(&gateway, "fix.echo").await.changed_at, since);
    assert_eq!(records(&gateway, "definitions_changed").await.len(), 1, "it is said once");
    let hash = review(&gateway, "fix.echo").await.current.hash;
    assert_eq!(accept(&gateway, "fix.echo", &hash).await.0, 200);
    let gateway = gateway.restart().await;
    assert_eq!(gateway.rest_tools(&token).await, ["fix.echo"]);
    gateway.stop().await;
}

/// A server that goes away as one and comes back as another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_while_it_was_away_is_found_before_any_call_goes_out() {
    let scene = Scene::start().await;
    let Scene { gateway, upstream, token, .. } = &scene;
    upstream.always_behave(Manner::Status(503));
    let test = "/api/v1/connections/fix/test";
    let report: agw_api::TestReport = gateway.admin.post(test, &()).await.unwrap();
    assert!(!report.ok, "{report:?}");
    // So many that taking the list in is a while, in which calls come in.
    let others = (0..4_000).map(|n| tool(&format!("t{n}"), "x"));
    upstream.list(std::iter::once(changed()).chain(others).collect());
    upstream.behave_well();
    let mut made = Vec::new();
    let mut listed = Box::pin(relist(gateway, "fix"));
    while tokio::time::timeout(Duration::from_millis(4), &mut listed).await.is_err() {
        made.push(call(gateway, token, "fix.echo"));
    }
    drop(listed);
    assert!(!made.is_empty(), "no call came in meanwhile");
    for call in made {
        let (_, body) = outcome(call).await;
        let kept_back = ["definition_changed", "connection_unavailable", "too_many_calls"];
        assert!(kept_back.map(Value::from).contains(&body["code"]), "{body}");
    }
    is_refused(gateway, token, "fix.echo", "definition_changed").await;
    assert_eq!(upstream.calls().len(), 0);
    scene.gateway.stop().await;
}

/// It says something else each time it is asked, and asks to be asked again.
#[tokio::test]
async fn a_server_that_flips_its_definitions_floods_nothing() {
    let gateway = InProcess::start().await;
    gateway.add_user("ana", None).await;
    let token = gateway.add_agent("ana", "claude", &[]).await;
    gateway.grant("ana", "flip.*", "allow").await;
    gateway.connect_stdio("flip", &["python3", FIXTURE, "flips"], &[]).await;
    let hash = async || review(&gateway, "flip.echo").await.current.hash;
    let seen = std::cell::RefCell::new(std::collections::HashSet::new());
    eventually("it has said many things", SOON, async || {
        let hash = hash().await;
        seen.borrow_mut().insert(hash);
        seen.borrow().len() >= 20
    })
    .await;
    is_refused(&gateway, &token, "flip.echo", "definition_changed").await;
    assert_eq!(gateway.rest_tools(&token).await, [""; 0]);
    let listed = records(&gateway, "tools_listed").await.len();
    assert!(listed <= 10, "{listed} lists were stored");
    // Beside those a change of the configuration may find one.
    assert!(records(&gateway, "definitions_changed").await.len() <= listed + 1);
    gateway.admin.delete("/api/v1/connections/flip").await.unwrap();
    gateway.stop().await;
}

/// Thousands at once are one record that names a few.
#[tokio::test]
async fn a_change_of_thousands_is_one_record() {
    let scene = Scene::start().await;
    let Scene { gateway, token, .. } = &scene;
    gateway.grant("ana", "fix.*", "allow").await;
    let all = |text: &str| (0..2_000).map(|n| tool(&format!("t{n}"), text)).collect::<Value>();
    lists(&scene, all("as it was")).await;
    assert_eq!(gateway.rest_tools(token).await.len(), 2_000);
    lists(&scene, all("as it is")).await;
    assert_eq!(gateway.rest_tools(token).await, [""; 0]);
    let status: agw_api::Status = gateway.admin.get("/api/v1/status").await.unwrap();
    assert_eq!(status.changed_tools, 2_000);
    let [record] = &records(gateway, "definitions_changed").await[..] else { panic!() };
    let detail = record["detail"].as_str().unwrap();
    assert!(detail.len() < 3_000 && detail.ends_with("and 1980 more"), "{detail}");
    scene.gateway.stop().await;
}
