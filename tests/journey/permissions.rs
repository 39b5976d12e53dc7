//! Being asked, and everything else that grants can say, as a person and a
//! real client see it.

use serde_json::{Value, json};

use super::scene::{NOTES, PASSWORD, Scene};
use crate::support::{parts::Python, process::eventually};

/// The one approval that waits.
async fn waiting(scene: &Scene) -> Value {
    eventually("a call waits", async || scene.cli.lines(&["approvals"]).await.pop()).await
}

#[tokio::test]
async fn a_call_is_held_for_a_person_whatever_the_client() {
    let scene = Scene::open().await;
    let url = scene.service.url("/mcp");
    let asks = scene.cli.json(&["grant", "ana", "crm.headers", "ask"], "").await;
    let clients = [
        Python::connect(&scene.cli, "legacy", &url, &scene.token).await,
        Python::connect(&scene.cli, "2026-07-28", &url, &scene.token).await,
        Python::bridged(&scene.cli, "legacy", &scene.token, &[]).await,
        Python::bridged(&scene.cli, "2026-07-28", &scene.token, &[]).await,
    ];
    for (calls, mut client) in (1..).zip(clients) {
        client.begin("crm__headers", &json!({}));
        let progress = client.progress().await;
        let approval = waiting(&scene).await;
        let id = approval["id"].as_str().unwrap();
        assert!(progress.contains(id), "{progress}");
        assert_eq!(approval["grants"], json!([asks["id"]]), "{approval}");
        assert_eq!((&approval["user"], &approval["agent"]), (&json!("ana"), &json!("claude")));
        assert_eq!(scene.crm.calls().len(), calls - 1, "it was not held");
        let answered = scene.cli.json(&["approve", id], "").await;
        assert_eq!(answered["answered_by"], "root");
        let result = client.finish().await;
        assert_ne!(result["isError"], true, "{result}");
        assert_eq!(scene.crm.calls().len(), calls);
        assert_eq!(scene.cli.refused(&["deny", id], "").await, "answered");
    }
    let outcome = scene.outcomes().await.pop().unwrap();
    let seen = ["decision", "reason", "status", "grants"].map(|member| outcome[member].clone());
    assert_eq!(seen, [json!("allow"), json!("approved"), json!("ok"), json!([asks["id"]])]);
    let asked = scene.cli.lines(&["audit", "list", "--kind", "approval"]).await;
    let said: Vec<&Value> = asked.iter().map(|record| &record["status"]).collect();
    assert_eq!(said, ["approved", "asked"].repeat(4), "newest first");
    assert_eq!(asked[0]["by"], "root");
    scene.close().await;
}

#[tokio::test]
async fn a_denial_reaches_the_agent_with_the_note_and_its_shell_is_not_told_how_to_approve() {
    let scene = Scene::open().await;
    scene.cli.json(&["grant", "ana", "files.read_text_file", "ask"], "").await;
    let limit = ["agent", "edit", "ana", "claude", "--client-timeout", "6s"];
    scene.cli.json(&limit, "").await;
    // The client would give up after six seconds; it hears before.
    let reply = scene.call("files.read_text_file", scene.notes()).await;
    let pending = reply.json();
    assert_eq!((reply.status, &pending["code"]), (403, &json!("approval_pending")), "{reply:?}");
    assert!(!reply.text.contains("agw "), "{reply:?}");
    let approval = waiting(&scene).await;
    assert_eq!(approval["waiting"], false);
    assert!(approval["args"].as_str().unwrap().contains(NOTES), "{approval}");
    let id = approval["id"].as_str().unwrap();
    scene.cli.json(&["deny", id, "--note", "not this file"], "").await;
    let reply = scene.call("files.read_text_file", scene.notes()).await;
    assert_eq!((reply.status, &reply.json()["code"]), (403, &json!("approval_denied")));
    assert!(reply.text.contains("not this file"), "{reply:?}");
    // The commands showed the argument to the admin, which is their purpose;
    // the trail and the log must not have it.
    let trail = serde_json::to_string(&scene.trail().await).unwrap();
    assert!(!trail.contains(NOTES));
    assert!(!String::from_utf8_lossy(&scene.cli.log()).contains(NOTES));
}

#[tokio::test]
async fn always_is_a_change_that_a_person_sees_first() {
    let scene = Scene::open().await;
    scene.cli.json(&["grant", "ana", "crm.echo", "ask"], "").await;
    let call = async |to: &str| scene.call("crm.echo", json!({"to": to})).await;
    let ((), reply) = tokio::join!(
        async {
            let approval = waiting(&scene).await;
            let id = approval["id"].as_str().unwrap();
            scene.cli.run(&["approve", id, "--always"], "").await.expect(0);
        },
        call("bo@acme.com"),
    );
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(call("bo@acme.com").await.status, 200);
    let explained = async |to: &str| {
        let args = json!({"to": to}).to_string();
        scene.cli.json(&["explain", "ana/claude", "crm.echo", "--args", &args], "").await
    };
    assert_eq!(explained("bo@acme.com").await["decision"], "allow");
    assert_eq!(explained("eve@evil.example").await["decision"], "ask");
    scene.close().await;
}

#[tokio::test]
async fn conditions_are_checked_when_saved_and_explained_when_they_fail() {
    let scene = Scene::open().await;
    let cli = &scene.cli;
    let wrong = ["grant", "ana", "files.list_directory", "allow", "--when", "args.paht == 'x'"];
    let said = cli.run(&wrong, "").await.expect(1);
    assert!(said.stderr.contains("paht") && said.stderr.contains("path"), "{said:#?}");
    assert!(said.stderr.lines().any(|line| line.trim() == "^^^^"), "{said:#?}");
    let grant = ["grant", "ana", "crm.echo", "allow", "--where", "amount at-most 100"];
    let grant = cli.json(&[&grant[..], &["--rate", "1/day", "--expires", "7d"]].concat(), "").await;
    assert_eq!(grant["when"], "args.amount <= 100");
    let reply = scene.call("crm.echo", json!({"amount": 250})).await;
    let said = reply.json();
    assert_eq!((reply.status, &said["code"]), (403, &json!("denied")), "{reply:?}");
    assert!(said["message"].as_str().unwrap().contains("args.amount is 250"), "{reply:?}");
    let explain = ["explain", "ana/claude", "crm.echo", "--args", r#"{"amount": 250}"#];
    let explained = cli.json(&explain, "").await;
    let seen = ["decision", "reason"].map(|member| explained[member].clone());
    assert_eq!(seen, ["deny", "condition_false"]);
    assert_eq!(explained["grants"], json!([grant["id"]]));
    assert_eq!(scene.call("crm.echo", json!({"amount": 99.5})).await.status, 200);
    let reply = scene.call("crm.echo", json!({"amount": 1})).await;
    assert_eq!((reply.status, &reply.json()["code"]), (429, &json!("rate_limited")));

    // What taking it back would have changed, and what nobody uses.
    let simulated = cli.json(&["simulate", "--revoke", grant["id"].as_str().unwrap()], "").await;
    let seen = ["flipped", "users"].map(|member| simulated[member].clone());
    assert_eq!(seen, [json!(1), json!(["ana"])], "{simulated}");
    assert_eq!(cli.lines(&["grants", "ana"]).await.len(), 3, "nothing was changed");
    scene.close().await;
}

#[tokio::test]
async fn members_have_what_is_theirs_and_a_pause_stops_one_agent() {
    let mut scene = Scene::open().await;
    let other = scene.agent("robot", &[]).await;
    scene.cli.json(&["pause", "ana/claude"], "").await;
    let reply = scene.call("crm.headers", json!({})).await;
    assert_eq!(reply.json()["code"], "paused", "{reply:?}");
    let body = json!({"tool": "crm.headers", "args": {}, "token": other}).to_string();
    assert_eq!(scene.post(&body).await.status, 200);
    let status = scene.cli.json(&["status"], "").await;
    assert_eq!(status["paused"], json!(["ana/claude"]));
    scene.cli.json(&["resume", "ana/claude"], "").await;
    assert_eq!(scene.call("crm.headers", json!({})).await.status, 200);

    let password = format!("{PASSWORD}-of-ana\n");
    let set = ["user", "password", "ana", "--password-stdin"];
    scene.cli.json(&set, &password).await;
    scene.cli.json(&["user", "add", "ben"], "").await;
    let session = scene.cli.data_dir().join("session");
    let admins = std::fs::read(&session).unwrap();
    scene.cli.json(&["login", "ana", "--password-stdin"], &password).await;
    assert_eq!(scene.cli.lines(&["user", "list"]).await.len(), 1);
    assert_eq!(scene.cli.refused(&["grant", "ana", "*", "allow"], "").await, "forbidden");
    assert_eq!(scene.cli.refused(&["agent", "add", "ben", "mine"], "").await, "not_found");
    scene.agent("own", &["--scope", "*"]).await;
    std::fs::write(&session, admins).unwrap();
    scene.close().await;
}
