use super::{Program, REDIRECT, scene};
use crate::support::browser::{Browser, form, parameter};

#[tokio::test]
async fn an_unknown_client_or_redirect_sends_nobody_anywhere() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let mut browser = Browser::new(scene.gateway.url(""));
    browser.sign_in_at("/sign-in?return_to=/oauth/authorize", "ana").await;
    for changed in [
        ("client_id", ""),
        ("client_id", "nobody"),
        ("redirect_uri", ""),
        ("redirect_uri", "https://evil.example/callback"),
        ("redirect_uri", "http://127.0.0.1:7/callback/../other"),
        ("redirect_uri", "http://localhost:7/callback"),
        ("redirect_uri", "http://127.0.0.1:7@evil.example/callback"),
        ("redirect_uri", "http://127.0.0.1:7/callback#x"),
        ("redirect_uri", "http://127.0.0.1:7/callback?x=y"),
        ("redirect_uri", "javascript:alert(1)"),
    ] {
        let reply = browser.get(&program.path("/mcp", &[changed])).await;
        assert_eq!(reply.status, 400, "{changed:?}");
        assert_eq!(reply.header("location"), "", "{changed:?}");
        assert!(!reply.text.contains("evil.example"), "{}", reply.text);
    }
    // Named twice is named by nobody.
    let twice = format!("{}&{}", program.path("/mcp", &[]), form(&[("redirect_uri", REDIRECT)]));
    assert_eq!(browser.get(&twice).await.status, 400);
}

#[tokio::test]
async fn other_faults_are_told_to_the_client_with_state_and_issuer() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let mut browser = Browser::new(scene.gateway.url(""));
    for (changed, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("response_type", ""), "invalid_request"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge", "short"), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("resource", "https://evil.example/mcp"), "invalid_target"),
        (("resource", "http://127.0.0.1:1/mcp"), "invalid_target"),
        (("resource", "/mcp"), "invalid_target"),
    ] {
        let reply = browser.get(&program.path("/mcp", &[changed])).await;
        assert_eq!(reply.status, 303, "{changed:?}");
        let location = reply.header("location");
        assert!(location.starts_with(&format!("{REDIRECT}?")), "{location}");
        assert_eq!(parameter(location, "error").as_deref(), Some(error), "{location}");
        assert_eq!(parameter(location, "state").as_deref(), Some("s t&te"));
        assert_eq!(parameter(location, "iss"), Some(scene.gateway.url("")));
        assert_eq!(parameter(location, "code"), None);
    }
    let twice = format!("{}&state=other", program.path("/mcp", &[]));
    let reply = browser.get(&twice).await;
    assert_eq!(parameter(reply.header("location"), "error").as_deref(), Some("invalid_request"));
    for other in ["/", "/mcpx", "/mcp/a/b", "/api/v1/status", "/mcp/Tools"] {
        let resource = scene.gateway.url(other);
        let reply = browser.get(&program.path("/mcp", &[("resource", &resource)])).await;
        let location = reply.header("location");
        assert_eq!(parameter(location, "error").as_deref(), Some("invalid_target"), "{other}");
    }
}

#[tokio::test]
async fn the_answer_has_code_state_and_issuer_once_each() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let location = program.agreed("/mcp", &[("tools", "all")]).await;
    assert!(location.starts_with(&format!("{REDIRECT}?code=")), "{location}");
    for name in ["code=", "state=", "iss="] {
        assert_eq!(location.matches(name).count(), 1, "{location}");
    }
    assert_eq!(parameter(&location, "state").as_deref(), Some("s t&te"));
    assert_eq!(parameter(&location, "iss"), Some(scene.gateway.url("")));
}

#[tokio::test]
async fn who_says_no_sends_the_client_away_and_nothing_is_made() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let mut browser = Browser::new(scene.gateway.url(""));
    let page = browser.sign_in_at(&program.path("/mcp", &[]), "ana").await;
    // Whatever else the form says.
    let fields = [("decision", "deny"), ("tools", "all"), ("life", "1")];
    let reply = browser.submit(&page, &fields).await;
    let location = reply.header("location");
    assert_eq!(parameter(location, "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(location, "state").as_deref(), Some("s t&te"));
    assert_eq!(parameter(location, "code"), None);
    assert_eq!(super::agents(&scene).await.len(), 1);
}

#[tokio::test]
async fn a_request_that_was_changed_in_the_form_is_checked_like_any_other() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let mut browser = Browser::new(scene.gateway.url(""));
    let page = browser.sign_in_at(&program.path("/mcp", &[]), "ana").await;
    let csrf = crate::support::browser::hidden(&page.text).remove(0).1;
    let evil = program.path("/mcp", &[("redirect_uri", "https://evil.example/")]);
    let evil = evil.split_once('?').unwrap().1;
    let fields = [
        ("csrf", &*csrf),
        ("request", evil),
        ("decision", "allow"),
        ("tools", "all"),
        ("life", "1"),
    ];
    let reply = browser.send("/oauth/authorize", &fields).await;
    assert_eq!((reply.status, reply.header("location")), (400, ""));
}

#[tokio::test]
async fn a_client_of_the_first_revisions_names_no_resource_and_gets_a_token_for_all() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let mut browser = Browser::new(scene.gateway.url(""));
    let page = browser.sign_in_at(&program.path("/mcp", &[("resource", "")]), "ana").await;
    let back = program.agree_on(&mut browser, &page, &[("tools", "all")]).await;
    let (status, body) = program.redeem(&parameter(&back, "code").unwrap()).await;
    assert_eq!((status, body["scope"].as_str()), (200, Some("*")));
    assert!(super::opens(&scene, body["access_token"].as_str().unwrap()).await);
}

#[tokio::test]
async fn an_auditor_has_no_agents_and_so_signs_none_in() {
    let scene = scene().await;
    scene.gateway.add_person("eve", "auditor").await;
    let program = Program::register(&scene).await;
    let mut browser = Browser::new(scene.gateway.url(""));
    let page = browser.sign_in_at(&program.path("/mcp", &[]), "eve").await;
    assert_eq!(page.status, 403);
    assert!(page.text.contains("Auditors have no agents"));
}

#[tokio::test]
async fn a_faulty_request_leads_nobody_to_another_site_or_into_an_app() {
    let scene = scene().await;
    for redirect in ["https://phish.example/cb", "vscode://vscode.git/clone?url=x"] {
        let body = serde_json::json!({"redirect_uris": [redirect]});
        let url = scene.gateway.url("/oauth/register");
        let (status, client) = crate::support::http::post_json(&url, &[], &body).await;
        assert_eq!(status, 201);
        let id = client["client_id"].as_str().unwrap().to_owned();
        let program = Program { base: scene.gateway.url(""), id };
        let mut browser = Browser::new(scene.gateway.url(""));
        // Whoever is signed in, a link alone is nobody's wish.
        for person in [None, Some("ana")] {
            if let Some(person) = person {
                browser.sign_in_at("/sign-in?return_to=/oauth/authorize", person).await;
            }
            for fault in [("response_type", "token"), ("code_challenge", ""), ("resource", "x")] {
                let path = program.path("/mcp", &[("redirect_uri", redirect), fault]);
                let reply = browser.get(&path).await;
                assert_eq!((reply.status, reply.header("location")), (400, ""), "{redirect}");
                assert!(!reply.text.contains("phish.example"), "{}", reply.text);
            }
        }
        // What a person has decided on does lead there.
        let page = browser.get(&program.path("/mcp", &[("redirect_uri", redirect)])).await;
        let reply = browser.submit(&page, &[("decision", "deny")]).await;
        assert!(reply.header("location").starts_with(redirect), "{reply:?}");
    }
}
