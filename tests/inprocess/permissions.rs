//! What the permission map does to calls, who may change it, and what people
//! are asked.

mod always;
mod answering;
mod asking;
mod conditions;
mod crowd;
mod effects;
mod ending;
mod expiring;
mod explaining;
mod holding;
mod members;
mod pausing;
mod rates;
mod roles;
mod simulating;
mod suggesting;
mod together;

use std::time::Duration;

use agw_api::{Approval, Client, Grant, Status, User};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{
    admin_api::ask,
    scene::{JSON, Scene},
};
use crate::support::{
    InProcess, eventually,
    http::{self, Reply},
};

/// How long anything may take on a busy machine; most promises are of a second.
const SOON: Duration = Duration::from_secs(15);

/// As [`Scene`], but a person is asked about every call of `fix.echo`.
async fn asking() -> Scene {
    let scene = Scene::start().await;
    let granted = scene.gateway.grant("ana", "fix.echo", "ask").await;
    Scene { granted, ..scene }
}

/// A REST call that goes on by itself.
fn call(gateway: &InProcess, token: &str, tool: &str, args: Value) -> JoinHandle<Reply> {
    let url = gateway.url("/mcp/tools/call");
    let bearer = format!("Bearer {token}");
    let body = json!({"tool": tool, "args": args}).to_string();
    tokio::spawn(
        async move { http::ask("POST", &url, &[JSON, ("authorization", &bearer)], body).await },
    )
}

/// What a call came to, which must be soon.
async fn outcome(call: JoinHandle<Reply>) -> (u16, Value) {
    let reply = tokio::time::timeout(SOON, call).await.expect("an answer soon").unwrap();
    (reply.status, reply.json())
}

async fn approvals(gateway: &InProcess) -> Vec<Approval> {
    gateway.admin.get("/api/v1/approvals").await.unwrap()
}

async fn approval(gateway: &InProcess, id: &str) -> Approval {
    gateway.admin.get(&format!("/api/v1/approvals/{id}")).await.unwrap()
}

/// The questions with somebody on the line, once there are so many and no
/// more; newest first.
async fn held(gateway: &InProcess, count: usize) -> Vec<Approval> {
    eventually(&format!("{count} calls are held"), SOON, async || {
        let all = approvals(gateway).await;
        all.len() == count && all.iter().all(|approval| approval.waiting)
    })
    .await;
    approvals(gateway).await
}

/// The one question, with somebody on the line.
async fn the_held(gateway: &InProcess) -> Approval {
    held(gateway, 1).await.remove(0)
}

/// `once`, `session` or `deny`.
async fn answer(client: &Client, id: &str, answer: &str) -> (u16, Value) {
    let path = format!("/api/v1/approvals/{id}/answer");
    ask(client, "POST", &path, json!({"answer": answer})).await
}

/// An admin says so, and is heard.
async fn say(gateway: &InProcess, id: &str, word: &str) {
    let (status, body) = answer(&gateway.admin, id, word).await;
    assert_eq!(status, 200, "{body}");
}

/// Whether an approval is in this state by now or soon.
async fn becomes(gateway: &InProcess, id: &str, state: &str) {
    let begun = std::time::Instant::now();
    loop {
        let approval = approval(gateway, id).await;
        if json!(approval.state) == state {
            return;
        }
        assert!(begun.elapsed() < SOON, "it is not {state} within {SOON:?}: {approval:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The version of the permission map, told by what a call would come to.
async fn policy_version(gateway: &InProcess) -> u64 {
    let body = json!({"caller": "root", "tool": "fix.echo"});
    let explained: agw_api::Explanation =
        gateway.admin.post("/api/v1/explain", &body).await.unwrap();
    explained.policy_version
}

async fn status(client: &Client) -> Status {
    client.get("/api/v1/status").await.unwrap()
}

async fn user(gateway: &InProcess, name: &str) -> User {
    let users: Vec<User> = gateway.admin.get("/api/v1/users").await.unwrap();
    users.into_iter().find(|user| user.name == name).unwrap()
}

/// A user is in these teams from now on, and in no others.
async fn set_teams(gateway: &InProcess, name: &str, teams: &[&str]) {
    let body = json!({"teams": teams, "version": user(gateway, name).await.version});
    let _: User = gateway.admin.put(&format!("/api/v1/users/{name}"), &body).await.unwrap();
}

async fn grants(gateway: &InProcess) -> Vec<Grant> {
    gateway.admin.get("/api/v1/grants").await.unwrap()
}
