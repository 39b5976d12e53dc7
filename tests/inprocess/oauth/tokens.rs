use serde_json::json;

use super::{FORM, Program, Tokens, call, opens, scene, sign_ins};
use crate::{inprocess::scene::Scene, support::http};

/// Puts everything that expires so many seconds nearer.
async fn wait(scene: Scene, seconds: i64) -> Scene {
    let Scene { gateway, upstream, token, granted } = scene;
    let work = move |dir: &std::path::Path| {
        let db = rusqlite::Connection::open(dir.join("agw.db")).unwrap();
        for table in ["tokens", "refresh_tokens"] {
            let sql = format!("UPDATE {table} SET expires_at = expires_at - ?1");
            db.execute(&sql, [seconds * 1_000]).unwrap();
        }
    };
    let gateway = gateway.restart_after(work).await;
    Scene { gateway, upstream, token, granted }
}

#[tokio::test]
async fn a_code_used_twice_ends_what_it_gave() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let code = program.code("/mcp", &[("tools", "all")]).await;
    let (status, body) = program.redeem(&code).await;
    assert_eq!(status, 200);
    let tokens = Tokens::of(&body);
    assert!(opens(&scene, &tokens.access).await);
    let (status, error) = program.redeem(&code).await;
    assert_eq!((status, &error["error"]), (400, &json!("invalid_grant")));
    assert!(!opens(&scene, &tokens.access).await);
    assert_eq!(program.refresh(&tokens.refresh).await.0, 400);
    assert!(sign_ins(&scene).await.contains(&("agent_signed_out".into(), "code_reused".into())));
}

#[tokio::test]
async fn a_code_is_good_for_its_verifier_client_redirect_and_resource_only() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let other = Program::register(&scene).await;
    let resource = scene.gateway.url("/mcp/fix");
    let foreign = "https://evil.example/mcp";
    for (changed, error) in [
        (("code_verifier", "another-verifier-of-forty-three-characters-x"), "invalid_grant"),
        (("code_verifier", "short"), "invalid_grant"),
        (("client_id", other.id.as_str()), "invalid_grant"),
        (("redirect_uri", "http://127.0.0.1:8/callback"), "invalid_grant"),
        (("resource", resource.as_str()), "invalid_target"),
        (("resource", foreign), "invalid_target"),
        (("code", "0000"), "invalid_grant"),
    ] {
        let code = program.code("/mcp", &[("tools", "all")]).await;
        let (status, body) = program.redeem_with(&code, &[changed]).await;
        assert_eq!((status, &body["error"]), (400, &json!(error)), "{changed:?}");
        if changed.1 != foreign && changed.0 != "code" {
            // One guess is all there is.
            assert_eq!(program.redeem(&code).await.0, 400, "{changed:?}");
        }
    }
    assert_eq!(super::agents(&scene).await.len(), 1);
}

#[tokio::test]
async fn malformed_token_requests_say_so() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    for (fields, error) in [
        (&[][..], "invalid_request"),
        (&[("grant_type", "password")], "unsupported_grant_type"),
        (&[("grant_type", "authorization_code")], "invalid_request"),
        (&[("grant_type", "refresh_token"), ("refresh_token", "x")], "invalid_request"),
        (&[("grant_type", "a"), ("grant_type", "b")], "invalid_request"),
    ] {
        let (status, body) = program.token(fields).await;
        assert_eq!((status, &body["error"]), (400, &json!(error)), "{fields:?}");
    }
    let url = scene.gateway.url("/oauth/token");
    let json = [("content-type", "application/json")];
    assert_eq!(http::ask("POST", &url, &json, "{}").await.status, 400);
    let long = "a".repeat(70_000);
    assert_eq!(http::ask("POST", &url, &[FORM], long).await.status, 400);
    let foreign = [FORM, ("origin", "https://evil.example")];
    assert_eq!(http::ask("POST", &url, &foreign, "").await.status, 403);
}

#[tokio::test]
async fn a_token_for_one_connection_opens_that_and_nothing_else() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let tokens = program.sign_in("/mcp/fix", &[("tools", "all")]).await;
    let reply = call(&scene, "/mcp/fix", &tokens.access, "echo").await;
    assert_eq!(reply.status, 200);
    assert_ne!(reply.json()["result"]["isError"], true, "{reply:?}");
    for (endpoint, tool) in [("/mcp", "fix__echo"), ("/mcp/other", "echo")] {
        let reply = call(&scene, endpoint, &tokens.access, tool).await;
        assert_eq!(reply.status, 401, "{endpoint}");
        let challenge = reply.header("www-authenticate");
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
        let metadata =
            scene.gateway.url(&format!("/.well-known/oauth-protected-resource{endpoint}"));
        assert!(challenge.contains(&metadata), "{challenge}");
    }
    let (status, body) = scene.gateway.rest_call(&tokens.access, "fix.echo", json!({})).await;
    assert_eq!((status, &body["code"]), (401, &json!("token_elsewhere")));
    assert_eq!(scene.last_outcome().await.reason.as_deref(), Some("token_elsewhere"));
    assert_eq!(scene.upstream.calls().len(), 1);
}

#[tokio::test]
async fn a_token_for_all_opens_every_endpoint_and_rest() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let tokens = program.sign_in("/mcp", &[("tools", "all")]).await;
    assert_eq!(call(&scene, "/mcp", &tokens.access, "fix__echo").await.status, 200);
    assert_eq!(call(&scene, "/mcp/fix", &tokens.access, "echo").await.status, 200);
    assert_eq!(scene.gateway.rest_call(&tokens.access, "fix.echo", json!({})).await.0, 200);
}

#[tokio::test]
async fn a_token_that_was_handed_out_goes_on_working() {
    let scene = scene().await;
    assert_eq!(call(&scene, "/mcp", &scene.token, "fix__echo").await.status, 200);
    assert_eq!(call(&scene, "/mcp/fix", &scene.token, "echo").await.status, 200);
}

#[tokio::test]
async fn a_refresh_token_is_used_once_and_gives_the_next() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let first = program.sign_in("/mcp", &[("tools", "all")]).await;
    assert!(first.access.starts_with("st_") && first.refresh.starts_with("rt_"));
    let (status, body) = program.refresh(&first.refresh).await;
    assert_eq!((status, &body["expires_in"]), (200, &json!(3600)));
    let second = Tokens::of(&body);
    assert_ne!((&first.access, &first.refresh), (&second.access, &second.refresh));
    assert!(opens(&scene, &second.access).await);
    assert!(!opens(&scene, &second.refresh).await);
    let (status, _) = program.refresh(&second.refresh).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_refresh_token_used_twice_ends_the_whole_chain() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let first = program.sign_in("/mcp", &[("tools", "all")]).await;
    let second = Tokens::of(&program.refresh(&first.refresh).await.1);
    let third = Tokens::of(&program.refresh(&second.refresh).await.1);
    let (status, body) = program.refresh(&first.refresh).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")));
    for tokens in [&first, &second, &third] {
        assert!(!opens(&scene, &tokens.access).await);
        assert_eq!(program.refresh(&tokens.refresh).await.0, 400);
    }
    assert!(
        sign_ins(&scene)
            .await
            .contains(&("agent_signed_out".into(), "refresh_token_reused".into()))
    );
    // The agent itself is still listed, for its owner to see.
    assert_eq!(super::agents(&scene).await.len(), 2);
}

#[tokio::test]
async fn a_refresh_token_is_good_for_its_client_and_endpoint_only() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let other = Program::register(&scene).await;
    let tokens = program.sign_in("/mcp/fix", &[("tools", "all")]).await;
    assert_eq!(other.refresh(&tokens.refresh).await.0, 400);
    let resource = scene.gateway.url("/mcp");
    let mut fields = vec![
        ("grant_type", "refresh_token"),
        ("client_id", &program.id),
        ("refresh_token", &tokens.refresh),
    ];
    fields.push(("resource", &resource));
    assert_eq!(program.token(&fields).await.0, 400);
    fields.pop();
    // An access token, and an agent's own, are none.
    assert_eq!(program.refresh(&tokens.access).await.0, 400);
    assert_eq!(program.refresh(&scene.token).await.0, 400);
    // None of that has hurt it.
    assert_eq!(program.token(&fields).await.0, 200);
}

#[tokio::test]
async fn access_tokens_last_an_hour_and_refresh_tokens_thirty_days() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let tokens = program.sign_in("/mcp", &[("tools", "all")]).await;
    let scene = wait(scene, 3_590).await;
    assert!(opens(&scene, &tokens.access).await);
    let scene = wait(scene, 20).await;
    let reply = call(&scene, "/mcp", &tokens.access, "fix__echo").await;
    assert_eq!(reply.status, 401);
    assert!(reply.text.contains("token_expired"), "{reply:?}");
    let program = Program { base: scene.gateway.url(""), ..program };
    let (status, body) = program.refresh(&tokens.refresh).await;
    assert_eq!(status, 200);
    let scene = wait(scene, 30 * 24 * 3600 + 60).await;
    let program = Program { base: scene.gateway.url(""), ..program };
    assert_eq!(program.refresh(&Tokens::of(&body).refresh).await.0, 400);
}

#[tokio::test]
async fn a_client_signs_out_and_nothing_of_its_sign_in_is_good_any_more() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let other = Program::register(&scene).await;
    let url = scene.gateway.url("/oauth/revoke");
    let revoke = async |client: &str, token: &str| {
        let body = crate::support::browser::form(&[("client_id", client), ("token", token)]);
        http::ask("POST", &url, &[FORM], body).await.status
    };
    for which in [0, 1] {
        let tokens = program.sign_in("/mcp", &[("tools", "all"), ("agent", "new")]).await;
        let shown = if which == 0 { &tokens.refresh } else { &tokens.access };
        assert_eq!(revoke(&other.id, shown).await, 400);
        assert!(opens(&scene, &tokens.access).await);
        assert_eq!(revoke(&program.id, shown).await, 200);
        assert!(!opens(&scene, &tokens.access).await);
        assert_eq!(program.refresh(&tokens.refresh).await.0, 400);
    }
    // Others' and nobody's tokens: said to be done, and left alone.
    for token in [&*scene.token, "nonsense"] {
        assert_eq!(revoke(&program.id, token).await, 200);
    }
    assert!(opens(&scene, &scene.token).await);
}

#[tokio::test]
async fn no_code_and_no_token_is_kept_or_recorded_in_clear() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let code = program.code("/mcp", &[("tools", "all")]).await;
    let tokens = Tokens::of(&program.redeem(&code).await.1);
    let next = Tokens::of(&program.refresh(&tokens.refresh).await.1);
    // A token in the place of a client's name or a tool is taken out, too.
    call(&scene, "/mcp", &tokens.access, &tokens.refresh).await;
    let secrets =
        [&code, &tokens.access, &tokens.refresh, &next.access, &next.refresh, super::VERIFIER];
    let records = serde_json::to_string(&scene.gateway.audit().await).unwrap();
    let dir = scene.gateway.stop().await;
    let mut files = Vec::new();
    for file in ["agw.db", "agw.db-wal"] {
        files.extend(std::fs::read(dir.path().join(file)).unwrap_or_default());
    }
    for secret in secrets {
        assert!(!records.contains(secret));
        assert!(memchr::memmem::find(&files, secret.as_bytes()).is_none());
    }
}

#[tokio::test]
async fn an_access_token_that_is_over_signs_nobody_out() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let old = program.sign_in("/mcp", &[("tools", "all"), ("agent", "new")]).await;
    let agents = super::agents(&scene).await;
    let agent = &agents.iter().find(|agent| agent.signed_in.is_some()).unwrap().id;
    let new = program.sign_in("/mcp", &[("tools", "all"), ("agent", agent)]).await;
    assert!(!opens(&scene, &old.access).await);
    let body = crate::support::browser::form(&[("token", &old.access)]);
    let url = scene.gateway.url("/oauth/revoke");
    assert_eq!(http::ask("POST", &url, &[FORM], body).await.status, 200);
    assert!(opens(&scene, &new.access).await);
    assert_eq!(program.refresh(&new.refresh).await.0, 200);
}

#[tokio::test]
async fn there_is_a_bound_on_the_tokens_of_an_agent_and_the_newest_are_kept() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let first = program.sign_in("/mcp", &[("tools", "all")]).await;
    let mut newest = first.clone();
    for _ in 0..40 {
        newest = Tokens::of(&program.refresh(&newest.refresh).await.1);
    }
    let db = rusqlite::Connection::open(scene.gateway.dir.path().join("agw.db")).unwrap();
    let sql = "SELECT count(*) FROM tokens WHERE audience IS NOT NULL";
    assert_eq!(db.query_row(sql, [], |row| row.get::<_, u32>(0)).unwrap(), 32);
    assert!(opens(&scene, &newest.access).await);
    assert!(!opens(&scene, &first.access).await);
    // A token that was used is known as such all the same.
    assert_eq!(program.refresh(&first.refresh).await.0, 400);
    assert!(!opens(&scene, &newest.access).await);
}
