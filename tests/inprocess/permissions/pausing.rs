//! Pausing one user, one agent or one connection.

use agw_api::Connection;
use serde_json::{Value, json};

use super::{
    super::{admin_api::ask, scene::Scene},
    status, user,
};
use crate::support::{InProcess, Trail as _, mcp::Session};

async fn set(gateway: &InProcess, what: &str, subject: &str) -> (u16, Value) {
    let path = format!("/api/v1/{what}");
    ask(&gateway.admin, "POST", &path, json!({"subject": subject})).await
}

/// Which of the tokens get a call of `fix.echo` through.
async fn go_through(gateway: &InProcess, tokens: &[(&'static str, &String)]) -> Vec<&'static str> {
    let mut through = Vec::new();
    for (name, token) in tokens {
        match gateway.rest_call(token, "fix.echo", json!({})).await {
            (200, _) => through.push(*name),
            (status, body) => {
                assert_eq!((status, &body["code"]), (503, &json!("paused")), "{name}: {body}");
            }
        }
    }
    through
}

#[tokio::test]
async fn pausing_stops_the_calls_of_just_that_user_agent_or_connection() {
    let scene = Scene::start().await;
    let Scene { gateway, token, upstream, .. } = &scene;
    gateway.connect_http("mail", &upstream.url(), &[]).await;
    gateway.grant("ana", "mail.echo", "allow").await;
    gateway.add_user("bo", None).await;
    gateway.grant("bo", "fix.echo", "allow").await;
    let tokens = [
        ("claude", token),
        ("cursor", &gateway.add_agent("ana", "cursor", &[]).await),
        ("ana", &gateway.user_token("ana").await),
        ("bo", &gateway.add_agent("bo", "claude", &[]).await),
    ];
    for (subject, through) in [
        ("ana/claude", &["cursor", "ana", "bo"][..]),
        ("ana", &["bo"]),
        ("user:ana", &["bo"]),
        ("fix", &[]),
        ("connection:fix", &[]),
        ("ANA/Claude", &["cursor", "ana", "bo"]),
    ] {
        let (code, paused) = set(gateway, "pause", subject).await;
        assert_eq!((code, &paused["state"]), (200, &json!("enforcing")), "{subject}: {paused}");
        let named = subject.rsplit(':').next().unwrap();
        let listed = status(&gateway.admin).await.paused;
        assert!(listed.len() == 1 && listed[0].eq_ignore_ascii_case(named), "{listed:?}");
        assert_eq!(go_through(gateway, &tokens).await, through, "{subject}");
        let mail = gateway.rest_call(token, "mail.echo", json!({})).await.0;
        assert_eq!(mail, if subject.ends_with("fix") { 200 } else { 503 }, "{subject}");
        assert_eq!(set(gateway, "resume", subject).await.0, 200);
        assert_eq!(go_through(gateway, &tokens).await, ["claude", "cursor", "ana", "bo"]);
    }
    assert_eq!(status(&gateway.admin).await.paused, [""; 0]);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn what_is_paused_is_shown_so_and_stays_so_over_a_restart() {
    let Scene { gateway, token, upstream, .. } = Scene::start().await;
    for subject in ["ana", "ana/claude", "fix"] {
        assert_eq!(set(&gateway, "pause", subject).await.0, 200);
    }
    let gateway = gateway.restart().await;
    assert!(user(&gateway, "ana").await.paused);
    let agents: Vec<agw_api::Agent> = gateway.admin.get("/api/v1/agents").await.unwrap();
    assert!(agents[0].paused);
    let connections: Vec<Connection> = gateway.admin.get("/api/v1/connections").await.unwrap();
    assert!(connections[0].paused);
    assert_eq!(status(&gateway.admin).await.paused, ["ana", "ana/claude", "fix"]);
    // All of what is in the way must go.
    for subject in ["fix", "ana/claude", "ana"] {
        assert_eq!(gateway.rest_call(&token, "fix.echo", json!({})).await.0, 503, "{subject}");
        assert_eq!(set(&gateway, "resume", subject).await.0, 200);
    }
    crate::support::eventually("calls go through", super::SOON, async || {
        gateway.rest_call(&token, "fix.echo", json!({})).await.0 == 200
    })
    .await;
    assert_eq!(upstream.calls().len(), 1);
    gateway.stop().await;
}

/// A tool that is not granted is as unknown during a pause as before.
#[tokio::test]
async fn a_pause_tells_nothing_of_what_is_not_granted() {
    let scene = Scene::start().await;
    let Scene { gateway, token, .. } = &scene;
    let before = gateway.rest_call(token, "fix.fail", json!({})).await;
    for subject in ["fix", "ana/claude"] {
        set(gateway, "pause", subject).await;
        assert_eq!(gateway.rest_call(token, "fix.fail", json!({})).await, before);
        let session = Session::open(&gateway.url("/mcp"), token).await;
        assert_eq!(session.tool_names().await, ["fix__echo"], "lists go on");
        let answer = session.call("fix__echo", json!({})).await;
        let code = &answer["result"]["_meta"]["dev.aiagentgateway/code"];
        assert_eq!(code, "paused", "{answer}");
        set(gateway, "resume", subject).await;
    }
    scene.assert_untouched();
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_name_that_is_a_users_and_a_connections_must_be_told_apart() {
    let scene = Scene::start().await;
    let Scene { gateway, token, .. } = &scene;
    gateway.add_user("fix", None).await;
    let (code, body) = set(gateway, "pause", "fix").await;
    assert_eq!((code, &body["code"]), (422, &json!("invalid")), "{body}");
    let next = body["next"].as_str().unwrap();
    assert!(next.contains("user:fix") && next.contains("connection:fix"), "{body}");
    assert_eq!(gateway.rest_call(token, "fix.echo", json!({})).await.0, 200);
    assert_eq!(set(gateway, "pause", "user:fix").await.0, 200);
    assert_eq!(gateway.rest_call(token, "fix.echo", json!({})).await.0, 200);
    assert_eq!(set(gateway, "pause", "connection:fix").await.0, 200);
    assert_eq!(gateway.rest_call(token, "fix.echo", json!({})).await.0, 503);
    for missing in ["no", "user:no", "connection:no", "connection:ana", "ana/no", "no/claude", ""] {
        let (code, body) = set(gateway, "pause", missing).await;
        assert_eq!((code, &body["code"]), (404, &json!("not_found")), "{missing}: {body}");
    }
    scene.gateway.stop().await;
}

/// Who means one and writes it wrong does not mean all.
#[tokio::test]
async fn a_misspelt_pause_is_refused() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    let _: Value = gateway.admin.post("/api/v1/pause", &()).await.unwrap();
    for what in ["resume", "pause"] {
        let before = status(&gateway.admin).await;
        for body in [json!({"subject": 7}), json!({"subjects": "ana"}), json!([]), json!(["ana"])] {
            let (code, answer) =
                ask(&gateway.admin, "POST", &format!("/api/v1/{what}"), body.clone()).await;
            assert_eq!(code, 400, "{what} {body}: {answer}");
            let now = status(&gateway.admin).await;
            assert_eq!((now.state, now.paused), (before.state, before.paused.clone()), "{body}");
        }
        let _: Value = gateway.admin.post("/api/v1/resume", &()).await.unwrap();
    }
    scene.gateway.stop().await;
}

#[tokio::test]
async fn who_paused_what_is_in_the_trail() {
    let scene = Scene::start().await;
    let Scene { gateway, .. } = &scene;
    let zoe = gateway.add_person("zoe", "admin").await;
    for (client, what, subject) in [
        (&gateway.admin, "pause", json!({"subject": "ana/claude"})),
        (&zoe, "pause", json!({"subject": "fix"})),
        (&zoe, "resume", json!({"subject": "ana/claude"})),
        (&gateway.admin, "resume", json!({"subject": "fix"})),
        (&zoe, "pause", json!(null)),
    ] {
        assert_eq!(ask(client, "POST", &format!("/api/v1/{what}"), subject).await.0, 200);
    }
    let records: Vec<Value> =
        gateway.admin.records("/api/v1/audit?kind=service&limit=5").await.unwrap();
    let told: Vec<_> = records
        .iter()
        .map(|r| [&r["user"], &r["status"], &r["detail"]].map(|text| text.as_str().unwrap_or("-")))
        .collect();
    let expected = [
        ["zoe", "paused", "-"],
        ["root", "resumed", "fix"],
        ["zoe", "resumed", "ana/claude"],
        ["zoe", "paused", "fix"],
        ["root", "paused", "ana/claude"],
    ];
    assert_eq!(told, expected);
    scene.gateway.stop().await;
}
