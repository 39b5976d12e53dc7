use serde_json::json;

use super::{Program, agents, call, scene};
use crate::support::browser::{Browser, parameter};

#[tokio::test]
async fn the_page_shows_who_asks_where_it_leads_for_what_and_who_is_asked() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let mut browser = Browser::new(scene.gateway.url(""));
    let page = browser.sign_in_at(&program.path("/mcp/fix", &[]), "ana").await;
    for shown in [
        "Pocket Agent wants to use your tools",
        "It gave itself this name; the gateway cannot check it.",
        "<strong>127.0.0.1</strong> (a program on this machine)",
        "http://127.0.0.1:7/callback",
        "the connection fix only",
        "ana ·",
        "<code>fix.echo</code>",
    ] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    // Nothing is picked beforehand, and what ana may not use is not there.
    assert!(!page.text.contains("checked"), "{}", page.text);
    assert!(!page.text.contains("fix.other"), "{}", page.text);
}

#[tokio::test]
async fn a_program_of_another_machine_is_warned_of() {
    let scene = scene().await;
    let body = json!({"client_name": "Far", "redirect_uris": ["https://far.example/cb?a=b"]});
    let url = scene.gateway.url("/oauth/register");
    let (_, client) = crate::support::http::post_json(&url, &[], &body).await;
    let id = client["client_id"].as_str().unwrap().to_owned();
    let program = Program { base: scene.gateway.url(""), id };
    let mut browser = Browser::new(scene.gateway.url(""));
    let path = program.path("/mcp", &[("redirect_uri", "https://far.example/cb?a=b")]);
    let page = browser.sign_in_at(&path, "ana").await;
    assert!(page.text.contains("This program is not on this machine"), "{}", page.text);
    let back = program.agree_on(&mut browser, &page, &[("tools", "all")]).await;
    assert!(back.starts_with("https://far.example/cb?a=b&code="), "{back}");
}

#[tokio::test]
async fn names_that_programs_give_themselves_are_text_and_nothing_else() {
    let scene = scene().await;
    let name = "<script>alert(1)</script>\" onload='x' \u{202e}ana";
    let program = Program::named(&scene, name).await;
    let mut browser = Browser::new(scene.gateway.url(""));
    let evil = ("state", "\"><script>alert(2)</script>");
    let page = browser.sign_in_at(&program.path("/mcp", &[evil]), "ana").await;
    assert!(page.text.contains("&lt;script&gt;alert(1)"), "{}", page.text);
    assert!(!page.text.contains("<script") && !page.text.contains('\u{202e}'), "{}", page.text);
    // The agent's name is what may be one.
    let back = program.agree_on(&mut browser, &page, &[("tools", "all")]).await;
    program.redeem(&parameter(&back, "code").unwrap()).await;
    let names: Vec<String> = agents(&scene).await.into_iter().map(|agent| agent.name).collect();
    assert!(names.iter().any(|name| name.starts_with("script alert 1 script onload")), "{names:?}");
}

#[tokio::test]
async fn what_is_picked_is_the_scope_of_the_agent() {
    let scene = scene().await;
    scene.gateway.grant("ana", "fix.other", "allow").await;
    let program = Program::register(&scene).await;
    for (endpoint, picks, scope) in [
        ("/mcp", &[("tools", "all")][..], &[][..]),
        ("/mcp", &[("tools", "read")], &["*:read"]),
        ("/mcp/fix", &[("tools", "all")], &["fix.*"]),
        ("/mcp/fix", &[("tools", "read")], &["fix.*:read"]),
        ("/mcp", &[("tools", "chosen"), ("tool", "fix.other")], &["fix.other"]),
        // Boxes that are ticked beside another choice, and tools that were
        // not on offer, count for nothing.
        ("/mcp", &[("tools", "read"), ("tool", "fix.other")], &["*:read"]),
        (
            "/mcp",
            &[("tools", "chosen"), ("tool", "fix.echo"), ("tool", "fix.fail"), ("tool", "*")],
            &["fix.echo"],
        ),
    ] {
        let picks = [picks, &[("agent", "new")]].concat();
        let tokens = program.sign_in(endpoint, &picks).await;
        let newest =
            agents(&scene).await.into_iter().max_by_key(|a| a.id[1..].parse::<u64>().unwrap());
        assert_eq!(newest.unwrap().scope, scope, "{picks:?}");
        let said = if scope.is_empty() { "*".to_owned() } else { scope.join(" ") };
        assert_eq!(tokens.scope, said);
    }
}

#[tokio::test]
async fn an_agent_that_signed_in_calls_what_was_picked_and_nothing_else() {
    let scene = scene().await;
    scene.gateway.grant("ana", "fix.other", "allow").await;
    let program = Program::register(&scene).await;
    let picks = [("tools", "chosen"), ("tool", "fix.echo")];
    let tokens = program.sign_in("/mcp", &picks).await;
    let reply = call(&scene, "/mcp", &tokens.access, "fix__echo").await;
    assert_eq!(reply.status, 200);
    assert_ne!(reply.json()["result"]["isError"], true, "{reply:?}");
    let reply = call(&scene, "/mcp", &tokens.access, "fix__other").await;
    assert_eq!(reply.json()["result"]["isError"], true, "{reply:?}");
    // Nor does it outlive what its owner may.
    scene.gateway.revoke(&scene.granted).await;
    let reply = call(&scene, "/mcp", &tokens.access, "fix__echo").await;
    assert_eq!(reply.json()["result"]["isError"], true, "{reply:?}");
}

#[tokio::test]
async fn a_choice_that_is_none_is_asked_for_again() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let mut browser = Browser::new(scene.gateway.url(""));
    let page = browser.sign_in_at(&program.path("/mcp", &[]), "ana").await;
    for (fields, problem) in [
        (&[("life", "1")][..], "Pick what the agent gets."),
        (&[("tools", "chosen"), ("life", "1")], "Tick at least one tool"),
        (&[("tools", "chosen"), ("tool", "fix.other"), ("life", "1")], "Tick at least one tool"),
        (&[("tools", "all"), ("life", "1000000")], "Say for how long."),
        (&[("tools", "all"), ("life", "1"), ("agent", "a1")], "That agent is gone."),
    ] {
        let reply = browser.submit(&page, &[fields, &[("decision", "allow")]].concat()).await;
        assert_eq!(reply.status, 200);
        assert!(reply.text.contains(problem), "{problem}: {}", reply.text);
    }
    assert_eq!(agents(&scene).await.len(), 1);
}

#[tokio::test]
async fn how_long_it_lasts_is_picked_too() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let mut browser = Browser::new(scene.gateway.url(""));
    let page = browser.sign_in_at(&program.path("/mcp", &[]), "ana").await;
    let fields = [("decision", "allow"), ("tools", "all"), ("life", "revoked")];
    let back = browser.submit(&page, &fields).await.header("location").to_owned();
    program.redeem(&parameter(&back, "code").unwrap()).await;
    let [_, made] = &agents(&scene).await[..] else { panic!("two agents") };
    assert_eq!(made.expires_at, None);
    program.sign_in("/mcp", &[("tools", "all"), ("agent", "new")]).await;
    let all = agents(&scene).await;
    let second = all.iter().find(|agent| agent.name == "Pocket Agent 2").expect("a second");
    assert!(second.expires_at.is_some());
}
