//! What signed in is an agent like any other.

use serde_json::json;

use super::{Program, Tokens, agents, call, opens, scene, sign_ins};
use crate::support::browser::{Browser, parameter};

#[tokio::test]
async fn the_list_says_how_an_agent_got_in() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    program.sign_in("/mcp", &[("tools", "all")]).await;
    let all = agents(&scene).await;
    let made = all.iter().find(|agent| agent.name == "Pocket Agent").expect("an agent");
    let how = made.signed_in.as_ref().expect("how");
    assert_eq!(
        (how.client.as_str(), how.host.as_str(), how.known),
        ("Pocket Agent", "127.0.0.1", false)
    );
    assert!(!how.since.is_empty());
    let by_hand = all.iter().find(|agent| agent.name == "claude").unwrap();
    assert!(by_hand.signed_in.is_none());
    let records = scene.gateway.audit().await;
    let added = records.iter().find(|r| r.status.as_deref() == Some("agent_added")).unwrap();
    assert_eq!(added.user.as_deref(), Some("ana"), "{added:?}");
    let detail = added.detail.as_deref().unwrap();
    assert_eq!(detail, "ana/Pocket Agent, scope *, signed in by Pocket Agent (127.0.0.1)");
    assert_eq!(sign_ins(&scene).await[0].0, "agent_signed_in");
}

#[tokio::test]
async fn its_calls_are_recorded_as_its_own() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let tokens = program.sign_in("/mcp", &[("tools", "all")]).await;
    call(&scene, "/mcp", &tokens.access, "fix__echo").await;
    let record = scene.last_outcome().await;
    assert_eq!(
        (record.user.as_deref(), record.agent.as_deref()),
        (Some("ana"), Some("Pocket Agent"))
    );
}

#[tokio::test]
async fn revoking_it_ends_access_and_refresh_at_once() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let tokens = program.sign_in("/mcp", &[("tools", "all")]).await;
    assert!(opens(&scene, &tokens.access).await);
    scene.gateway.admin.delete("/api/v1/users/ana/agents/Pocket%20Agent").await.unwrap();
    let reply = call(&scene, "/mcp", &tokens.access, "fix__echo").await;
    assert_eq!(reply.status, 401);
    assert!(reply.text.contains("token_revoked"), "{reply:?}");
    assert_eq!(program.refresh(&tokens.refresh).await.0, 400);
    // Nor does a code that is still out bring it back.
    let code = program.code("/mcp", &[("tools", "all")]).await;
    scene.gateway.admin.delete("/api/v1/users/ana").await.unwrap();
    assert_eq!(program.redeem(&code).await.0, 400);
}

#[tokio::test]
async fn removing_its_owner_ends_it_too() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let tokens = program.sign_in("/mcp", &[("tools", "all")]).await;
    scene.gateway.admin.delete("/api/v1/users/ana").await.unwrap();
    assert!(!opens(&scene, &tokens.access).await);
    assert_eq!(program.refresh(&tokens.refresh).await.0, 400);
}

#[tokio::test]
async fn editing_and_pausing_it_work_as_with_any_agent() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let tokens = program.sign_in("/mcp", &[("tools", "all")]).await;
    let made = agents(&scene).await.into_iter().find(|agent| agent.signed_in.is_some()).unwrap();
    let body = json!({"scope": ["fix.other"], "version": made.version});
    let path = "/api/v1/users/ana/agents/Pocket%20Agent";
    let _: agw_api::Agent = scene.gateway.admin.put(path, &body).await.unwrap();
    assert_eq!(call(&scene, "/mcp", &tokens.access, "fix__echo").await.status, 403);
    let next = Tokens::of(&program.refresh(&tokens.refresh).await.1);
    assert_eq!(next.scope, "fix.other");
}

#[tokio::test]
async fn a_program_that_signs_in_again_may_stay_the_same_agent() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let first = program.sign_in("/mcp", &[("tools", "all")]).await;
    let made = agents(&scene).await.into_iter().find(|agent| agent.signed_in.is_some()).unwrap();
    let mut browser = Browser::new(scene.gateway.url(""));
    let page = browser.sign_in_at(&program.path("/mcp", &[]), "ana").await;
    assert!(page.text.contains("As which agent"), "{}", page.text);
    let picks = [("agent", &*made.id), ("tools", "read")];
    let back = program.agree_on(&mut browser, &page, &picks).await;
    let second = Tokens::of(&program.redeem(&parameter(&back, "code").unwrap()).await.1);
    assert_eq!(second.scope, "*:read");
    assert_eq!(agents(&scene).await.len(), 2);
    assert!(!opens(&scene, &first.access).await && opens(&scene, &second.access).await);
}

#[tokio::test]
async fn nobody_becomes_an_agent_of_somebody_else_or_of_another_program() {
    let scene = scene().await;
    scene.gateway.add_user("bo", None).await;
    scene.gateway.set_password("bo").await;
    let program = Program::register(&scene).await;
    program.sign_in("/mcp", &[("tools", "all")]).await;
    let all = agents(&scene).await;
    let theirs = &all.iter().find(|agent| agent.signed_in.is_some()).unwrap().id;
    let by_hand = &all.iter().find(|agent| agent.signed_in.is_none()).unwrap().id;
    let other = Program::register(&scene).await;
    for (program, user, endpoint, agent) in [
        (&program, "bo", "/mcp", theirs),
        (&other, "ana", "/mcp", theirs),
        (&program, "ana", "/mcp/fix", theirs),
        (&program, "ana", "/mcp", by_hand),
    ] {
        let mut browser = Browser::new(scene.gateway.url(""));
        let page = browser.sign_in_at(&program.path(endpoint, &[]), user).await;
        let fields =
            [("decision", "allow"), ("life", "1"), ("tools", "all"), ("agent", agent.as_str())];
        let reply = browser.submit(&page, &fields).await;
        assert!(reply.text.contains("That agent is gone."), "{user} {endpoint}");
    }
}

#[tokio::test]
async fn tokens_survive_a_restart_of_the_gateway() {
    let mut scene = scene().await;
    let program = Program::register(&scene).await;
    let tokens = program.sign_in("/mcp", &[("tools", "all")]).await;
    scene.gateway = scene.gateway.restart().await;
    assert!(opens(&scene, &tokens.access).await);
    let program = Program { base: scene.gateway.url(""), ..program };
    assert_eq!(program.refresh(&tokens.refresh).await.0, 200);
}
