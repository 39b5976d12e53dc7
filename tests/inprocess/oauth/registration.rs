use serde_json::{Value, json};

use super::{JSON, Program, REDIRECT, scene};
use crate::{
    inprocess::scene::Scene,
    support::{browser::Browser, http},
};

async fn register(scene: &Scene, body: Value) -> (u16, Value) {
    http::post_json(&scene.gateway.url("/oauth/register"), &[], &body).await
}

#[tokio::test]
async fn whoever_registers_is_a_public_client_whatever_it_asks_for() {
    let scene = scene().await;
    let wanted = json!({
        "client_name": "Pocket Agent",
        "redirect_uris": [REDIRECT],
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["authorization_code", "implicit"],
        "scope": "admin",
        "application_type": "native",
    });
    let (status, client) = register(&scene, wanted).await;
    assert_eq!(status, 201);
    assert_eq!(client["token_endpoint_auth_method"], "none");
    assert_eq!(client["redirect_uris"], json!([REDIRECT]));
    assert_eq!(client["grant_types"], json!(["authorization_code", "refresh_token"]));
    assert!(client.get("client_secret").is_none());
    let recorded = scene.gateway.audit().await;
    assert_eq!(recorded[0].status.as_deref(), Some("client_registered"));
}

#[tokio::test]
async fn bad_registrations_are_refused() {
    let scene = scene().await;
    for redirect in [
        "http://evil.example/cb",
        "javascript:alert(1)",
        "http://localhost@evil.example/",
        "https://app.example/cb#fragment",
        "data:text/html,x",
        "evil://cb/",
    ] {
        let (status, error) = register(&scene, json!({"redirect_uris": [redirect]})).await;
        assert_eq!((status, &error["error"]), (400, &json!("invalid_redirect_uri")), "{redirect}");
    }
    for body in [json!({"redirect_uris": []}), json!({"redirect_uris": vec![REDIRECT; 11]})] {
        assert_eq!(register(&scene, body).await.0, 400);
    }
    for body in [json!({}), json!([]), json!({"redirect_uris": REDIRECT})] {
        let (status, error) = register(&scene, body).await;
        assert_eq!((status, &error["error"]), (400, &json!("invalid_client_metadata")));
    }
    let url = scene.gateway.url("/oauth/register");
    let long = format!("{{\"redirect_uris\":[\"{}\"]}}", "a".repeat(70_000));
    assert_eq!(http::ask("POST", &url, &[JSON], long).await.status, 400);
    assert_eq!(http::ask("POST", &url, &[], "{}").await.status, 400);
    let foreign = [JSON, ("origin", "https://evil.example")];
    assert_eq!(http::ask("POST", &url, &foreign, "{}").await.status, 403);
}

#[tokio::test]
async fn registrations_are_rate_limited() {
    let scene = scene().await;
    for _ in 0..30 {
        assert_eq!(register(&scene, json!({"redirect_uris": [REDIRECT]})).await.0, 201);
    }
    let (status, error) = register(&scene, json!({"redirect_uris": [REDIRECT]})).await;
    assert_eq!((status, &error["error"]), (429, &json!("too_many_requests")));
}

#[tokio::test]
async fn there_is_a_bound_on_registrations_and_what_was_never_used_goes_first() {
    let mut scene = scene().await;
    let used = Program::register(&scene).await;
    used.sign_in("/mcp", &[("tools", "all")]).await;
    let stale = Program::register(&scene).await;
    scene.gateway = scene
        .gateway
        .restart_after(|dir| {
            let db = rusqlite::Connection::open(dir.join("agw.db")).unwrap();
            let day = 24 * 3600 * 1_000 + 60_000;
            let sql = "UPDATE clients SET created_at = created_at - ?2 WHERE id = ?1";
            db.execute(sql, rusqlite::params![stale.id, day]).unwrap();
            db.execute_batch(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100)
                 INSERT INTO clients SELECT 'filler' || i, 'x', '[]', 4102444800000 + i, NULL FROM n",
            )
            .unwrap();
        })
        .await;
    let fresh = Program::register(&scene).await;
    let db = rusqlite::Connection::open(scene.gateway.dir.path().join("agw.db")).unwrap();
    let count: u32 = db.query_row("SELECT count(*) FROM clients", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 1_000);
    let there = |id: &str| {
        let sql = "SELECT count(*) FROM clients WHERE id = ?1";
        db.query_row(sql, [id], |row| row.get::<_, u32>(0)).unwrap() == 1
    };
    assert!(there(&used.id) && there(&fresh.id) && !there(&stale.id));
}

#[tokio::test]
async fn well_known_programs_need_no_way_out_and_no_registration() {
    let scene = scene().await;
    for (id, name, redirect) in [
        (
            "https://claude.ai/oauth/claude-code-client-metadata",
            "Claude Code",
            "http://localhost:51234/callback",
        ),
        ("https://chatgpt.com/oauth/codex/client.json", "Codex", "http://127.0.0.1:8/callback"),
    ] {
        let program = Program { base: scene.gateway.url(""), id: id.into() };
        let mut browser = Browser::new(scene.gateway.url(""));
        let path = program.path("/mcp", &[("redirect_uri", redirect)]);
        let page = browser.sign_in_at(&path, "ana").await;
        assert!(page.text.contains(&format!("{name} wants to use your tools")), "{}", page.text);
        assert!(page.text.contains("Known: "), "{}", page.text);
        let elsewhere = program.path("/mcp", &[("redirect_uri", "https://evil.example/callback")]);
        assert_eq!(browser.get(&elsewhere).await.status, 400);
    }
}

#[tokio::test]
async fn metadata_documents_of_strangers_are_not_fetched_and_the_page_says_what_to_do() {
    let scene = scene().await;
    // Whoever fetched it would be seen at the upstream.
    let address = scene.upstream.url().replace("http://", "https://");
    for id in [address.as_str(), "https://evil.example/client.json"] {
        let program = Program { base: scene.gateway.url(""), id: id.into() };
        let mut browser = Browser::new(scene.gateway.url(""));
        let page = browser.get(&program.path("/mcp", &[])).await;
        assert_eq!(page.status, 400);
        assert!(page.text.contains("dynamic client registration"), "{}", page.text);
        assert!(!page.text.contains(id));
    }
}
