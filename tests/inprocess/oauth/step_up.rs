use serde_json::json;

use super::{Program, Tokens, agents, call, scene};
use crate::support::browser::{Browser, hidden, parameter};

#[tokio::test]
async fn a_call_out_of_scope_is_told_which_scope_it_needs() {
    let scene = scene().await;
    scene.gateway.grant("ana", "fix.other", "allow").await;
    let program = Program::register(&scene).await;
    let tokens = program.sign_in("/mcp", &[("tools", "chosen"), ("tool", "fix.echo")]).await;
    let reply = call(&scene, "/mcp", &tokens.access, "fix__other").await;
    assert_eq!(reply.status, 403);
    let challenge = reply.header("www-authenticate");
    let metadata = scene.gateway.url("/.well-known/oauth-protected-resource/mcp");
    assert!(challenge.starts_with("Bearer error=\"insufficient_scope\", scope=\"fix.other\""));
    assert!(challenge.contains(&metadata), "{challenge}");
    // Its body is what other agents get, so that a model can read it.
    assert_eq!(reply.json()["result"]["isError"], true);
    scene.assert_untouched();
}

#[tokio::test]
async fn a_tool_whose_name_was_shortened_for_models_is_asked_for_by_its_id() {
    let scene = scene().await;
    let tool = |name: &str| json!({"name": name, "inputSchema": {"type": "object"}});
    scene.upstream.list(json!([tool("echo"), tool("v1.read/all")]));
    let path = "/api/v1/connections/fix/test";
    let _: serde_json::Value = scene.gateway.admin.post(path, &()).await.unwrap();
    scene.gateway.grant("ana", "fix.v1.read/all", "allow").await;
    let program = Program::register(&scene).await;
    let tokens = program.sign_in("/mcp", &[("tools", "chosen"), ("tool", "fix.echo")]).await;
    let id: agw_core::ToolId = "fix.v1.read/all".parse().unwrap();
    for (endpoint, name) in [("/mcp", &*id.mcp_name()), ("/mcp/fix", "v1.read/all")] {
        let reply = call(&scene, endpoint, &tokens.access, name).await;
        let challenge = reply.header("www-authenticate");
        assert!(challenge.contains("scope=\"fix.v1.read/all\""), "{name}: {reply:?}");
    }
}

#[tokio::test]
async fn nobody_learns_of_tools_from_it_that_their_owner_may_not_use() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let tokens = program.sign_in("/mcp", &[("tools", "chosen"), ("tool", "fix.echo")]).await;
    let mut answers = Vec::new();
    for name in ["other", "wrong"] {
        let reply = call(&scene, "/mcp", &tokens.access, &format!("fix__{name}")).await;
        assert_eq!((reply.status, reply.header("www-authenticate")), (200, ""));
        answers.push(reply.text.replace(name, "NAME"));
    }
    assert_eq!(answers[0], answers[1]);
    // Not even where everything there may come to be is granted.
    scene.gateway.grant("ana", "fix.*", "allow").await;
    let reply = call(&scene, "/mcp/fix", &tokens.access, "wrong").await;
    assert_eq!(reply.status, 200, "{reply:?}");
}

#[tokio::test]
async fn an_agent_with_a_token_of_the_older_kind_is_answered_as_before() {
    let scene = scene().await;
    scene.gateway.grant("ana", "fix.other", "allow").await;
    let token = scene.gateway.add_agent("ana", "narrow", &["fix.echo"]).await;
    let reply = call(&scene, "/mcp", &token, "fix__other").await;
    assert_eq!((reply.status, reply.header("www-authenticate")), (200, ""));
    assert_eq!(reply.json()["result"]["isError"], true);
}

#[tokio::test]
async fn the_page_offers_just_what_is_asked_for_and_adds_it_to_the_same_agent() {
    let scene = scene().await;
    for tool in ["fix.other", "fix.fail"] {
        scene.gateway.grant("ana", tool, "allow").await;
    }
    let program = Program::register(&scene).await;
    let first = program.sign_in("/mcp", &[("tools", "chosen"), ("tool", "fix.echo")]).await;
    // As clients do it: the scope of before, and the one that was named.
    for scope in ["* fix.other", "fix.echo fix.other", "fix.other"] {
        let mut browser = Browser::new(scene.gateway.url(""));
        let path = program.path("/mcp", &[("scope", scope)]);
        let page = browser.sign_in_at(&path, "ana").await;
        assert!(page.text.contains("Pocket Agent asks for more"), "{}", page.text);
        assert_eq!(page.text.matches("type=\"checkbox\"").count(), 1, "{}", page.text);
        assert!(page.text.contains("value=\"fix.other\" checked"), "{}", page.text);
        assert!(!page.text.contains("type=\"radio\""), "{}", page.text);
    }
    let mut browser = Browser::new(scene.gateway.url(""));
    let page = browser.sign_in_at(&program.path("/mcp", &[("scope", "fix.other")]), "ana").await;
    // What was not asked for is not given, whatever the form says.
    let picks = [("tool", "fix.other"), ("tool", "fix.fail"), ("tools", "all")];
    let back = program.agree_on(&mut browser, &page, &picks).await;
    let (status, body) = program.redeem(&parameter(&back, "code").unwrap()).await;
    assert_eq!(status, 200);
    let second = Tokens::of(&body);
    assert_eq!(second.scope, "fix.echo fix.other");
    let all = agents(&scene).await;
    assert_eq!(all.len(), 2, "the same agent");
    assert_eq!(call(&scene, "/mcp", &second.access, "fix__other").await.status, 200);
    assert_eq!(call(&scene, "/mcp", &second.access, "fix__fail").await.status, 403);
    // The tokens of before have ended with it.
    assert_eq!(call(&scene, "/mcp", &first.access, "fix__echo").await.status, 401);
    assert_eq!(program.refresh(&first.refresh).await.0, 400);
}

#[tokio::test]
async fn what_the_person_may_not_use_is_not_offered_and_not_named() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    program.sign_in("/mcp", &[("tools", "chosen"), ("tool", "fix.echo")]).await;
    let mut pages = Vec::new();
    for asked in ["fix.other", "fix.wrong"] {
        let mut browser = Browser::new(scene.gateway.url(""));
        let path = program.path("/mcp", &[("scope", asked)]);
        let page = browser.sign_in_at(&path, "ana").await;
        let csrf = hidden(&page.text).remove(0).1;
        pages.push(page.text.replace(&csrf, "CSRF").replace(asked, "ASKED"));
    }
    assert_eq!(pages[0], pages[1]);
}

#[tokio::test]
async fn a_program_asks_for_single_tools_at_its_first_sign_in_and_gets_those() {
    let scene = scene().await;
    scene.gateway.grant("ana", "fix.other", "allow").await;
    let program = Program::register(&scene).await;
    let mut browser = Browser::new(scene.gateway.url(""));
    let path = program.path("/mcp", &[("scope", "fix.echo openid nonsense! fix.fail")]);
    let page = browser.sign_in_at(&path, "ana").await;
    assert_eq!(page.text.matches("type=\"checkbox\"").count(), 1, "{}", page.text);
    // As with any other choice: the person picks, not the program.
    assert!(!page.text.contains("checked"), "{}", page.text);
    let back = program.agree_on(&mut browser, &page, &[("tool", "fix.echo")]).await;
    let (_, body) = program.redeem(&parameter(&back, "code").unwrap()).await;
    assert_eq!(body["scope"], "fix.echo");
}

#[tokio::test]
async fn who_agrees_to_more_sees_what_the_agent_has_already() {
    let scene = scene().await;
    for tool in ["fix.other", "fix.fail"] {
        scene.gateway.grant("ana", tool, "allow").await;
    }
    let known = "https://claude.ai/oauth/claude-code-client-metadata".to_owned();
    let program = Program { base: scene.gateway.url(""), id: known };
    let redirect = ("redirect_uri", "http://localhost:9/callback");
    let mut browser = Browser::new(scene.gateway.url(""));
    let page = browser.sign_in_at(&program.path("/mcp", &[redirect]), "ana").await;
    let picks = [("tools", "chosen"), ("tool", "fix.fail"), ("agent", "new")];
    let back = program.agree_on(&mut browser, &page, &picks).await;
    let code = parameter(&back, "code").unwrap();
    assert_eq!(program.redeem_with(&code, &[redirect]).await.0, 200);
    // Any program of this machine can say that it is that one, and ask for
    // something harmless.
    let path = program.path("/mcp", &[redirect, ("scope", "fix.echo")]);
    let page = browser.get(&path).await;
    assert!(page.text.contains("fix.echo") && page.text.contains("<code>fix.fail</code>"));
}
