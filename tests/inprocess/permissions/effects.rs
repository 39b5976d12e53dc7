//! Changes while agents are at work: what is taken back is taken back from
//! the next call on, what is given is there, and what a tool does counts from
//! the moment that a person has said so.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use agw_api::{TestReport, Tool};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use super::{
    super::{admin_api::ask, scene::Scene},
    SOON, grants, set_teams,
};
use crate::support::{InProcess, Trail as _, http, mcp::Session, upstream::Fixture};

async fn told(stream: &mut UnboundedReceiver<Value>) {
    let message = tokio::time::timeout(SOON, stream.recv()).await.expect("a message soon");
    assert_eq!(message.unwrap()["method"], "notifications/tools/list_changed");
}

/// Agents that call without a pause, while the grant is taken away from under
/// them: once the admin has been told that it is gone, no call that is begun
/// gets through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_a_grant_is_gone_no_call_is_forwarded_any_more() {
    let scene = Scene::start().await;
    let Scene { gateway, upstream, token, .. } = &scene;
    for round in 0..8 {
        let grant = gateway.grant("ana", "fix.echo", "allow").await;
        let gone = Arc::new(AtomicBool::new(false));
        let callers: Vec<_> = (0..8)
            .map(|_| {
                let (url, token) = (gateway.url("/mcp/tools/call"), token.clone());
                let gone = Arc::clone(&gone);
                tokio::spawn(async move {
                    let mut refused_after = 0;
                    while refused_after < 3 {
                        let after = gone.load(Ordering::SeqCst);
                        let args = json!({"round": round, "after": after});
                        let body = json!({"tool": "fix.echo", "args": args, "token": token});
                        let (status, _) = http::post_json(&url, &[], &body).await;
                        assert!([200, 403, 409].contains(&status), "{status}");
                        refused_after += usize::from(after && status == 403);
                        assert!(!after || status == 403, "begun after it was gone: {status}");
                    }
                })
            })
            .collect();
        while upstream
            .calls()
            .iter()
            .filter(|(_, call)| call["arguments"]["round"] == round)
            .count()
            < 8
        {
            tokio::task::yield_now().await;
        }
        gateway.revoke(&grant).await;
        gone.store(true, Ordering::SeqCst);
        for caller in callers {
            caller.await.unwrap();
        }
    }
    let after = upstream.calls();
    assert!(after.iter().all(|(_, call)| call["arguments"]["after"] == false), "{after:?}");
    scene.gateway.stop().await;
}

/// A call that waits for its server to start has been decided, but has had no
/// effect yet.
#[tokio::test]
async fn a_call_that_waits_for_its_server_is_not_sent_once_its_grant_is_gone() {
    let gateway = InProcess::start().await;
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/stdio_server.py");
    let slow = format!("sleep 2; exec python3 {fixture}");
    gateway.connect_stdio("slow", &["sh", "-c", &slow], &[]).await;
    gateway.add_user("ana", None).await;
    let token = gateway.add_agent("ana", "claude", &[]).await;
    let grant = gateway.grant("ana", "slow.echo", "allow").await;
    assert_eq!(gateway.rest_call(&token, "slow.echo", json!({})).await.0, 200);
    let gateway = gateway.restart().await;
    let made = super::call(&gateway, &token, "slow.echo", json!({}));
    // Time to be decided, and to come to wait.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert!(!made.is_finished(), "it does not wait for the server");
    gateway.revoke(&grant).await;
    let (status, body) = super::outcome(made).await;
    assert_eq!((status, &body["code"]), (403, &json!("not_granted")), "{body}");
    gateway.stop().await;
}

/// A call that was decided on the old map is decided again before its effect,
/// and one whose grant is gone by then says so like any other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_under_way_is_decided_again_when_the_map_changes() {
    let scene = Scene::start().await;
    let Scene { gateway, upstream, token, .. } = &scene;
    let stop = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let (url, token, stop) =
                (gateway.url("/mcp/tools/call"), token.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut made = 0;
                while !stop.load(Ordering::SeqCst) {
                    let body = json!({"tool": "fix.echo", "token": token});
                    let (status, answer) = http::post_json(&url, &[], &body).await;
                    // Changes that are about somebody else cost it nothing.
                    assert_eq!(status, 200, "{answer}");
                    made += 1;
                }
                made
            })
        })
        .collect();
    gateway.add_user("bo", None).await;
    for _ in 0..20 {
        let bos = gateway.grant("bo", "fix.*", "allow").await;
        gateway.revoke(&bos).await;
    }
    stop.store(true, Ordering::SeqCst);
    let mut made = 0;
    for caller in callers {
        made += caller.await.unwrap();
    }
    assert_eq!(upstream.calls().len(), made);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_teams_grants_come_and_go_with_the_membership() {
    let scene = Scene::start().await;
    let Scene { gateway, token, .. } = &scene;
    let body = json!({"name": "sales"});
    assert_eq!(ask(&gateway.admin, "POST", "/api/v1/teams", body).await.0, 201);
    gateway.grant("team:sales", "fix.other", "allow").await;
    let session = Session::open(&gateway.url("/mcp"), token).await;
    let mut stream = session.listen().await;
    assert_eq!(session.tool_names().await, ["fix__echo"]);
    assert_eq!(gateway.rest_call(token, "fix.other", json!({})).await.0, 403);

    set_teams(gateway, "ana", &["sales", "new"]).await;
    assert_eq!(gateway.rest_call(token, "fix.other", json!({})).await.0, 200);
    told(&mut stream).await;
    assert_eq!(session.tool_names().await, ["fix__echo", "fix__other"]);

    set_teams(gateway, "ana", &["new"]).await;
    assert_eq!(gateway.rest_call(token, "fix.other", json!({})).await.0, 403);
    told(&mut stream).await;
    assert_eq!(session.tool_names().await, ["fix__echo"]);

    // A team that is removed takes its grants along, and does not come back
    // with the name.
    set_teams(gateway, "ana", &["sales"]).await;
    told(&mut stream).await;
    gateway.admin.delete("/api/v1/teams/sales").await.unwrap();
    assert_eq!(gateway.rest_call(token, "fix.other", json!({})).await.0, 403);
    told(&mut stream).await;
    set_teams(gateway, "ana", &["sales"]).await;
    assert_eq!(gateway.rest_call(token, "fix.other", json!({})).await.0, 403);
    assert!(stream.try_recv().is_err());
    scene.gateway.stop().await;
}

fn tool(name: &str, annotations: Value) -> Value {
    json!({"name": name, "inputSchema": {"type": "object"}, "annotations": annotations})
}

async fn shown(gateway: &InProcess, id: &str) -> Tool {
    gateway.admin.get(&format!("/api/v1/tools/{id}")).await.unwrap()
}

#[tokio::test]
async fn what_a_tool_does_counts_when_a_person_has_said_so() {
    let upstream = Fixture::start().await;
    upstream.list(json!([
        tool("find", json!({"readOnlyHint": true})),
        tool("wipe", json!({"destructiveHint": true})),
        tool("plain", json!({})),
    ]));
    let gateway = InProcess::start().await;
    gateway.connect_http("fix", &upstream.url(), &[]).await;
    gateway.add_user("ana", None).await;
    let token = gateway.add_agent("ana", "claude", &[]).await;
    gateway.grant("ana", "*:read", "allow").await;
    let session = Session::open(&gateway.url("/mcp"), &token).await;
    let mut stream = session.listen().await;

    // What its server says is a suggestion, and no more.
    let find = shown(&gateway, "fix.find").await;
    assert_eq!((json!(find.suggested_effect), json!(find.effect)), (json!("read"), json!(null)));
    assert_eq!(json!(shown(&gateway, "fix.wipe").await.suggested_effect), "destructive");
    assert_eq!(gateway.rest_tools(&token).await, [""; 0]);
    assert_eq!(gateway.rest_call(&token, "fix.find", json!({})).await.0, 403);

    let confirm = async |tool: &str, effect: Value, version: u64| {
        let path = format!("/api/v1/tools/{tool}/effect");
        let body = json!({"effect": effect, "version": version});
        ask(&gateway.admin, "PUT", &path, body).await
    };
    let (status, now) = confirm("fix.find", json!("read"), find.effect_version).await;
    assert_eq!((status, &now["effect"], &now["effect_version"]), (200, &json!("read"), &json!(1)));
    assert_eq!(gateway.rest_call(&token, "fix.find", json!({})).await.0, 200);
    told(&mut stream).await;
    assert_eq!(session.tool_names().await, ["fix__find"]);
    assert_eq!(grants(&gateway).await[0].covers, 1);

    // By somebody who saw what it is.
    let (status, body) = confirm("fix.find", json!("write"), 0).await;
    assert_eq!((status, &body["code"]), (409, &json!("stale")));
    assert_eq!(body["current"]["effect"], "read", "{body}");
    assert_eq!(confirm("fix.find", json!("harmless"), 1).await.0, 400);
    assert_eq!(confirm("fix.nope", json!("read"), 0).await.0, 404);

    let (status, now) = confirm("fix.find", json!(null), 1).await;
    assert_eq!((status, &now["effect"], &now["effect_version"]), (200, &json!(null), &json!(2)));
    assert_eq!(gateway.rest_call(&token, "fix.find", json!({})).await.0, 403);
    told(&mut stream).await;
    // What nobody has said anything about counts as a write.
    gateway.grant("ana", "fix.*:write", "allow").await;
    assert_eq!(gateway.rest_tools(&token).await, ["fix.find", "fix.plain", "fix.wipe"]);
    confirm("fix.wipe", json!("destructive"), 0).await;
    assert_eq!(gateway.rest_call(&token, "fix.wipe", json!({})).await.0, 403);
    gateway.grant("ana", "fix.*:destructive", "deny").await;
    gateway.grant("ana", "fix.*", "allow").await;
    assert_eq!(gateway.rest_tools(&token).await, ["fix.find", "fix.plain"]);
    let config: Vec<Value> = gateway.admin.records("/api/v1/audit?kind=config").await.unwrap();
    let said = config.iter().filter(|r| r["status"] == "effect_confirmed" && r["user"] == "root");
    assert_eq!(said.count(), 3);
    gateway.stop().await;
}

/// What an agent's scope says of effects goes by the same word.
#[tokio::test]
async fn a_scope_of_an_effect_follows_what_was_confirmed() {
    let scene = Scene::start().await;
    let Scene { gateway, .. } = &scene;
    gateway.grant("ana", "fix.*", "allow").await;
    let reader = gateway.add_agent("ana", "reader", &["*:read"]).await;
    assert_eq!(gateway.rest_tools(&reader).await, [""; 0]);
    let body = json!({"effect": "read", "version": 0});
    assert_eq!(ask(&gateway.admin, "PUT", "/api/v1/tools/fix.other/effect", body).await.0, 200);
    assert_eq!(gateway.rest_tools(&reader).await, ["fix.other"]);
    assert_eq!(gateway.rest_call(&reader, "fix.echo", json!({})).await.0, 403);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn new_tools_of_a_connection_show_up_at_the_grants_that_cover_them() {
    let scene = Scene::start().await;
    let Scene { gateway, upstream, token, .. } = &scene;
    gateway.add_user("bo", None).await;
    gateway.grant("bo", "fix.*", "allow").await;
    let bo = gateway.add_agent("bo", "claude", &[]).await;
    let tool = |name: &str| json!({"name": name, "description": format!("The tool {name}"), "inputSchema": {"type": "object"}});
    let all = [tool("echo"), tool("fail"), tool("grown")];
    assert!(grants(gateway).await.iter().all(|grant| grant.new_tools.is_empty()));
    // The list is at least a millisecond younger than the grant.
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    upstream.list(json!(all));
    let report: TestReport = gateway.admin.post("/api/v1/connections/fix/test", &()).await.unwrap();
    assert!(report.ok, "{report:?}");

    let by_subject = grants(gateway).await;
    let of = |subject: &str| by_subject.iter().find(|grant| grant.subject == subject).unwrap();
    assert_eq!(
        (of("bo").new_tools.as_slice(), of("bo").covers),
        (&["fix.grown".to_owned()][..], 3)
    );
    assert_eq!((of("ana").new_tools.as_slice(), of("ana").covers), (&[][..], 1));
    // Denied without a grant, allowed with the pattern.
    assert_eq!(gateway.rest_call(token, "fix.grown", json!({})).await.0, 403);
    assert_eq!(gateway.rest_tools(token).await, ["fix.echo"]);
    assert_eq!(gateway.rest_call(&bo, "fix.grown", json!({})).await.0, 200);
    // Whoever edits the grant has seen them.
    let body = json!({"subject": "bo", "tool": "fix.*", "effect": "allow", "rate": "99/day"});
    assert_eq!(gateway.grant_with(body).await.new_tools, [""; 0]);
    // A tool that went away and came back is not new.
    upstream.list(json!([tool("echo")]));
    let _: TestReport = gateway.admin.post("/api/v1/connections/fix/test", &()).await.unwrap();
    upstream.list(json!(all));
    let _: TestReport = gateway.admin.post("/api/v1/connections/fix/test", &()).await.unwrap();
    assert!(grants(gateway).await.iter().all(|grant| grant.new_tools.is_empty()));
    scene.gateway.stop().await;
}
