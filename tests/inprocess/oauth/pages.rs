//! The pages themselves: signing in, forms, and what else a browser is told.

use super::{Program, scene};
use crate::support::{
    PASSWORD,
    browser::{Browser, hidden},
    http,
};

#[tokio::test]
async fn pages_run_no_script_are_never_framed_and_never_kept() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let mut browser = Browser::new(scene.gateway.url(""));
    let sign_in = browser.get(&program.path("/mcp", &[])).await;
    let consent = browser.sign_in_at(&program.path("/mcp", &[]), "ana").await;
    let problem = browser.get("/oauth/authorize").await;
    for (page, form_action) in [(&sign_in, true), (&consent, false), (&problem, true)] {
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
        // Chromium holds the client's own redirects against it, too.
        assert_eq!(policy.contains("form-action 'self'"), form_action, "{policy}");
        assert_eq!(page.header("x-frame-options"), "DENY");
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.header("referrer-policy"), "same-origin");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert!(!page.text.contains("<script") && !page.text.contains("javascript:"));
    }
}

#[tokio::test]
async fn cookies_of_pages_are_out_of_reach_of_scripts_and_open_nothing_else() {
    let scene = scene().await;
    let mut browser = Browser::new(scene.gateway.url(""));
    let page = browser.get("/sign-in").await;
    let form_cookie = page.header("set-cookie").to_owned();
    let reply = browser.submit(&page, &[("user", "root"), ("password", PASSWORD)]).await;
    for cookie in [&*form_cookie, reply.header("set-cookie")] {
        assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
    }
    // Root's session of the pages is no session of the admin API.
    let session = &browser.cookies["agw_page"];
    for cookie in [format!("agw_page={session}"), format!("agw_session={session}")] {
        let headers = [("cookie", cookie.as_str())];
        let reply = http::ask("GET", &scene.gateway.url("/api/v1/session"), &headers, "").await;
        assert_eq!(reply.status, 401, "{reply:?}");
    }
    let bearer = agw_api::Client::new(scene.gateway.dir.path()).with_session(Some(session.clone()));
    assert!(bearer.get::<serde_json::Value>("/api/v1/session").await.is_err());
}

#[tokio::test]
async fn a_session_of_the_admin_api_is_none_of_the_pages() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let body = serde_json::json!({"user": "ana", "password": PASSWORD});
    let base = scene.gateway.url("");
    let headers = [("content-type", "application/json"), ("origin", &*base)];
    let url = scene.gateway.url("/api/v1/sessions");
    let reply = http::ask("POST", &url, &headers, body.to_string()).await;
    let cookie = reply.header("set-cookie").split(';').next().unwrap().to_owned();
    let token = cookie.split_once('=').unwrap().1.to_owned();
    let mut browser = Browser::new(base.clone());
    browser.cookies.insert("agw_page".into(), token);
    let page = browser.get(&program.path("/mcp", &[])).await;
    assert!(page.text.contains("name=\"password\""), "{}", page.text);
}

#[tokio::test]
async fn a_form_without_its_token_or_from_elsewhere_changes_nothing() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let mut browser = Browser::new(scene.gateway.url(""));
    let page = browser.sign_in_at(&program.path("/mcp", &[]), "ana").await;
    let fields = hidden(&page.text);
    let request = fields.iter().find(|(name, _)| name == "request").unwrap().1.clone();
    let csrf = fields.iter().find(|(name, _)| name == "csrf").unwrap().1.clone();
    let rest = [("request", &*request), ("decision", "allow"), ("tools", "all"), ("life", "1")];
    let with = |csrf: &'static str| [&[("csrf", csrf)][..], &rest].concat();
    let path = "/oauth/authorize";
    // None, a wrong one, and two of them.
    assert_eq!(browser.send(path, &rest).await.status, 403);
    assert_eq!(browser.send(path, &with("0".repeat(64).leak())).await.status, 403);
    let twice = [&[("csrf", &*csrf), ("csrf", &*csrf)][..], &rest].concat();
    assert_eq!(browser.send(path, &twice).await.status, 403);
    // The right one, from nowhere and from elsewhere.
    let good = [&[("csrf", &*csrf)][..], &rest].concat();
    assert_eq!(browser.send_from(&[], path, &good).await.status, 403);
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        assert_eq!(browser.send_from(&[("origin", origin)], path, &good).await.status, 403);
    }
    // In another browser, where the same person is signed in.
    let mut other = Browser::new(scene.gateway.url(""));
    other.sign_in_at(&program.path("/mcp", &[]), "ana").await;
    assert_eq!(other.send(path, &good).await.status, 403);
    assert_eq!(super::agents(&scene).await.len(), 1);
    // Where it belongs it is good.
    assert_eq!(browser.send(path, &good).await.status, 303);
}

#[tokio::test]
async fn the_token_of_the_sign_in_form_is_none_of_the_session_that_follows() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let mut browser = Browser::new(scene.gateway.url(""));
    let before = browser.get(&program.path("/mcp", &[])).await;
    let before = hidden(&before.text).remove(0);
    let page = browser.sign_in_at(&program.path("/mcp", &[]), "ana").await;
    let after = hidden(&page.text).remove(0);
    assert_eq!((before.0.as_str(), after.0.as_str()), ("csrf", "csrf"));
    assert_ne!(before.1, after.1);
}

#[tokio::test]
async fn wrong_passwords_and_unknown_names_get_the_same_bytes() {
    let scene = scene().await;
    scene.gateway.add_user("nopassword", None).await;
    let mut browser = Browser::new(scene.gateway.url(""));
    let page = browser.get("/sign-in").await;
    let mut answers = Vec::new();
    for user in ["ana", "nobody", "nopassword", "<b>x</b>"] {
        let reply = browser.submit(&page, &[("user", user), ("password", "wrong password")]).await;
        assert_eq!(reply.status, 401);
        let mut headers: Vec<String> =
            reply.headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
        headers.retain(|header| !header.starts_with("date"));
        answers.push((headers, reply.text));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
}

#[tokio::test]
async fn five_wrong_passwords_lock_a_name_on_the_pages_and_the_admin_api_together() {
    let scene = scene().await;
    let mut browser = Browser::new(scene.gateway.url(""));
    let page = browser.get("/sign-in").await;
    for _ in 0..5 {
        let fields = [("user", "ana"), ("password", "wrong password")];
        assert_eq!(browser.submit(&page, &fields).await.status, 401);
    }
    let reply = browser.submit(&page, &[("user", "ana"), ("password", PASSWORD)]).await;
    assert_eq!(reply.status, 429);
    assert!(reply.header("retry-after").parse::<u64>().unwrap() <= 60);
    let body = serde_json::json!({"user": "ana", "password": PASSWORD});
    let open = agw_api::Client::new(scene.gateway.dir.path());
    let refused = open.post::<_, serde_json::Value>("/api/v1/sessions", &body).await;
    assert!(refused.unwrap_err().to_string().contains("too many"));
    // Another name is not locked.
    let reply = browser.submit(&page, &[("user", "root"), ("password", PASSWORD)]).await;
    assert_eq!(reply.status, 303);
}

#[tokio::test]
async fn a_sign_in_leads_nowhere_else() {
    let scene = scene().await;
    for other in ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:x"] {
        let mut browser = Browser::new(scene.gateway.url(""));
        let query = crate::support::browser::form(&[("return_to", other)]);
        let page = browser.get(&format!("/sign-in?{query}")).await;
        assert!(!page.text.contains("evil.example") && !page.text.contains("javascript"));
        let csrf = hidden(&page.text).remove(0).1;
        let fields =
            [("csrf", &*csrf), ("return_to", other), ("user", "ana"), ("password", PASSWORD)];
        let reply = browser.send("/sign-in", &fields).await;
        assert_eq!((reply.status, reply.header("location")), (303, "/"), "{other}");
    }
}

#[tokio::test]
async fn a_new_password_ends_the_sessions_of_pages_too() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let mut browser = Browser::new(scene.gateway.url(""));
    let page = browser.sign_in_at(&program.path("/mcp", &[]), "ana").await;
    scene.gateway.set_password("ana").await;
    let again = browser.get(&program.path("/mcp", &[])).await;
    assert!(again.text.contains("name=\"password\""));
    // Nor is the form that was open good for anything.
    let fields = [("decision", "allow"), ("tools", "all"), ("life", "1")];
    assert_eq!(browser.submit(&page, &fields).await.status, 403);
}

#[tokio::test]
async fn sessions_of_pages_survive_a_restart_and_its_forms_do_not() {
    let mut scene = scene().await;
    let program = Program::register(&scene).await;
    let mut browser = Browser::new(scene.gateway.url(""));
    let page = browser.sign_in_at(&program.path("/mcp", &[]), "ana").await;
    scene.gateway = scene.gateway.restart().await;
    let program = Program { base: scene.gateway.url(""), ..program };
    let cookies = browser.cookies.clone();
    browser = Browser::new(scene.gateway.url(""));
    browser.cookies = cookies;
    let fields = [("decision", "allow"), ("tools", "all"), ("life", "1")];
    assert_eq!(browser.submit(&page, &fields).await.status, 403);
    let page = browser.get(&program.path("/mcp", &[])).await;
    assert!(page.text.contains("value=\"allow\""), "{}", page.text);
}

#[tokio::test]
async fn a_password_of_a_page_is_in_no_record_and_no_page() {
    let scene = scene().await;
    let mut browser = Browser::new(scene.gateway.url(""));
    let page = browser.get("/sign-in").await;
    let secret = "a-password-in-the-wrong-place";
    let reply = browser.submit(&page, &[("user", secret), ("password", "x")]).await;
    assert!(!reply.text.contains(secret));
    let records = serde_json::to_string(&scene.gateway.audit().await).unwrap();
    assert!(!records.contains(secret));
}

/// The last form of a page: the one to sign out with.
fn csrf_to_sign_out(text: &str) -> String {
    hidden(text.split_once("action=\"/sign-out\"").expect("a way out").1).remove(0).1
}

#[tokio::test]
async fn who_signs_out_is_signed_out_and_nobody_else_can_do_it() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let path = program.path("/mcp", &[]);
    let mut browser = Browser::new(scene.gateway.url(""));
    let page = browser.sign_in_at(&path, "ana").await;
    let before = browser.cookies.clone();
    assert!(browser.get("/sign-out").await.status != 200);
    assert_eq!(browser.send("/sign-out", &[("csrf", "0")]).await.status, 403);
    assert!(browser.get(&path).await.text.contains("value=\"allow\""));
    let csrf = csrf_to_sign_out(&page.text);
    let reply = browser.send("/sign-out", &[("csrf", &csrf)]).await;
    assert!(reply.status == 200 && reply.text.contains("You are signed out"), "{reply:?}");
    assert!(!reply.text.contains("action=\"/sign-out\""), "{}", reply.text);
    let gone = reply.header("set-cookie");
    assert!(gone.starts_with("agw_page=;") && gone.contains("Max-Age=0"), "{gone}");
    // Whoever kept the cookie has nothing of it, and the form of before is no good.
    browser.cookies = before;
    assert!(browser.get(&path).await.text.contains("name=\"password\""));
    let fields = [("decision", "allow"), ("tools", "all"), ("life", "1")];
    assert_eq!(browser.submit(&page, &fields).await.status, 403);
    let records = super::sign_ins(&scene).await;
    assert!(records.iter().any(|(status, _)| status == "signed_out"), "{records:?}");
}

#[tokio::test]
async fn who_signs_in_as_somebody_else_leaves_no_session_behind() {
    let scene = scene().await;
    let mut browser = Browser::new(scene.gateway.url(""));
    browser.sign_in_at("/sign-in?return_to=/oauth/authorize", "ana").await;
    let of_ana = browser.cookies.clone();
    browser.sign_in_at("/sign-in?return_to=/oauth/authorize", "root").await;
    assert_ne!(of_ana["agw_page"], browser.cookies["agw_page"]);
    let program = Program::register(&scene).await;
    browser.cookies = of_ana;
    let page = browser.get(&program.path("/mcp", &[])).await;
    assert!(page.text.contains("name=\"password\""), "{}", page.text);
}

#[tokio::test]
async fn a_session_beside_another_one_is_none() {
    let scene = scene().await;
    let program = Program::register(&scene).await;
    let mut browser = Browser::new(scene.gateway.url(""));
    browser.sign_in_at("/sign-in?return_to=/oauth/authorize", "ana").await;
    let (planted, own) = (browser.cookies["agw_page"].clone(), "0".repeat(64));
    let url = scene.gateway.url(&program.path("/mcp", &[]));
    for cookies in [
        format!("agw_page={planted}; agw_page={own}"),
        format!("agw_page={own}; agw_page={planted}"),
    ] {
        let page = http::ask("GET", &url, &[("cookie", &*cookies)], "").await;
        assert!(page.text.contains("name=\"password\""), "{}", page.text);
    }
}

#[tokio::test]
async fn guesses_that_come_at_once_are_counted_like_any_other() {
    let scene = scene().await;
    let base = scene.gateway.url("");
    let url = scene.gateway.url("/api/v1/sessions");
    let guess = async |n: usize| {
        let body = serde_json::json!({"user": "ana", "password": format!("guess {n}")});
        let headers = [("content-type", "application/json"), ("origin", &*base)];
        http::ask("POST", &url, &headers, body.to_string()).await.status
    };
    let answers = futures_util::future::join_all((0..60).map(guess)).await;
    let looked_at = answers.iter().filter(|status| **status == 401).count();
    let refused = answers.iter().filter(|status| **status == 429).count();
    assert_eq!(looked_at + refused, 60, "{answers:?}");
    // Two may be hashed at the same time.
    assert!((5..=6).contains(&looked_at), "{looked_at} guesses");
}
