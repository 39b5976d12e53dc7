//! Signing in, over both transports.

use std::time::Duration;

use agw_api::{AuditRecord, Client};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::ask;
use crate::support::{
    InProcess, PASSWORD, Trail as _, change_told,
    http::{self, Reply},
};

async fn sign_in(gateway: &InProcess, user: &str, password: &str) -> (u16, Value) {
    let client = Client::new(gateway.dir.path());
    let body = json!({"user": user, "password": password});
    ask(&client, "POST", "/api/v1/sessions", body).await
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_the_sixth_attempt_has_to_wait() {
    let gateway = InProcess::start().await;
    for attempt in 0..5 {
        let (status, body) = sign_in(&gateway, "root", &format!("wrong horse {attempt}")).await;
        assert_eq!((status, &body["code"]), (401, &json!("bad_credentials")), "{body}");
    }
    // Now not even the right one is looked at.
    let client = Client::new(gateway.dir.path());
    let body = json!({"user": "root", "password": PASSWORD}).to_string();
    let path = "/api/v1/sessions";
    let reply = client.request(::http::Method::POST, path, Some(body.as_bytes())).await.unwrap();
    assert_eq!(
        (reply.status.as_u16(), super::code(&reply.body)),
        (429, "too_many_attempts".into())
    );
    assert!(reply.retry_after.is_some_and(|seconds| (1..=60).contains(&seconds)), "{reply:?}");
    // Over TCP it is the same door.
    let headers = [("content-type", "application/json")];
    let reply = http::ask("POST", &gateway.url(path), &headers, body).await;
    assert_eq!(reply.status, 429);
    assert!(reply.header("retry-after").parse::<u32>().is_ok());
    // A session that was open before is not shut out.
    let records: Vec<AuditRecord> =
        gateway.admin.records("/api/v1/audit?kind=sign_in").await.unwrap();
    let refused: Vec<_> =
        records.iter().filter(|r| r.decision.as_deref() == Some("deny")).collect();
    assert_eq!(refused.len(), 5, "{records:?}");
    for record in refused {
        assert_eq!(record.status.as_deref(), Some("refused"));
        assert_eq!(record.reason.as_deref(), Some("bad_credentials"));
        assert_eq!(record.detail.as_deref(), Some("root"));
    }
    gateway.stop().await;
}

/// Whether a name exists, or is no admin's, is not told.
#[tokio::test]
async fn who_may_not_sign_in_is_not_told_why() {
    let gateway = InProcess::start().await;
    gateway.add_user("ana", None).await;
    let mut answers = Vec::new();
    for (user, password) in
        [("root", "wrong horse battery"), ("ana", PASSWORD), ("nobody", PASSWORD), ("", "")]
    {
        answers.push(sign_in(&gateway, user, password).await);
    }
    assert_eq!(answers[0].0, 401);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    gateway.stop().await;
}

/// A browser, as far as the API can tell.
struct Browser<'g> {
    gateway: &'g InProcess,
    origin: String,
    cookie: String,
}

impl Browser<'_> {
    async fn send(&self, method: &str, path: &str, with: &[(&str, &str)]) -> Reply {
        let cookie = format!("theme=dark; {}; x=y", self.cookie);
        let mut headers = vec![("cookie", cookie.as_str())];
        headers.extend(with);
        http::ask(method, &self.gateway.url(path), &headers, "").await
    }

    /// As a page of the gateway's own sends it.
    async fn own(&self, method: &str, path: &str) -> Reply {
        self.send(method, path, &[("origin", &self.origin)]).await
    }
}

#[tokio::test]
async fn a_browsers_session_is_a_cookie_that_no_script_and_no_other_page_can_use() {
    let gateway = InProcess::start().await;
    let origin = gateway.url("");
    let headers = [("content-type", "application/json"), ("origin", &*origin)];
    let body = json!({"user": "root", "password": PASSWORD}).to_string();
    let reply = http::ask("POST", &gateway.url("/api/v1/sessions"), &headers, body).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    assert!(reply.json().get("token").is_none(), "{reply:?}");
    let cookie = reply.header("set-cookie").to_owned();
    let parts: Vec<&str> = cookie.split("; ").collect();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/api"] {
        assert!(parts.contains(&part), "{cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    let browser = Browser { gateway: &gateway, origin, cookie: parts[0].to_owned() };

    assert_eq!(browser.send("GET", "/api/v1/status", &[]).await.status, 200);
    let reply = browser.own("GET", "/api/v1/session").await;
    assert_eq!(reply.json()["user"], "root");
    assert_eq!(reply.header("cache-control"), "no-store");
    for headers in [&[][..], &[("sec-fetch-site", "same-origin")], &[("referer", &browser.origin)]]
    {
        let reply = browser.send("POST", "/api/v1/pause", headers).await;
        assert_eq!((reply.status, &reply.json()["code"]), (403, &json!("forbidden")), "{reply:?}");
    }
    for origin in ["https://evil.example", "null", "http://localhost:1"] {
        for method in ["GET", "POST"] {
            let reply = browser.send(method, "/api/v1/pause", &[("origin", origin)]).await;
            assert_eq!(reply.status, 403, "{reply:?}");
        }
    }
    let health: Value = gateway.admin.get("/api/v1/health").await.unwrap();
    assert_eq!(health["state"], "enforcing");
    assert_eq!(browser.own("POST", "/api/v1/pause").await.json()["state"], "paused");
    assert_eq!(browser.own("POST", "/api/v1/resume").await.json()["state"], "enforcing");

    // The cookie's value is no bearer token for the socket's way in, here.
    let value = browser.cookie.split_once('=').unwrap().1;
    let bearer = format!("Bearer {value}");
    let headers = [("authorization", &*bearer)];
    assert_eq!(http::ask("GET", &gateway.url("/api/v1/status"), &headers, "").await.status, 401);
    let reply = http::ask("GET", &gateway.url("/mcp/tools"), &headers, "").await;
    assert_eq!(reply.json()["code"], "token_malformed");

    let reply = browser.own("DELETE", "/api/v1/session").await;
    assert_eq!(reply.status, 204);
    assert!(reply.header("set-cookie").contains("Max-Age=0"), "{reply:?}");
    assert_eq!(browser.send("GET", "/api/v1/status", &[]).await.status, 401);
    gateway.stop().await;
}

#[tokio::test]
async fn signing_out_ends_one_session_and_its_stream() {
    let gateway = InProcess::start().await;
    let (status, created) = sign_in(&gateway, "root", PASSWORD).await;
    assert_eq!(status, 201);
    let token = created["token"].as_str().unwrap().to_owned();
    let second = Client::new(gateway.dir.path()).with_session(Some(token));
    let mut events = second.events().await.unwrap();
    gateway.add_user("ana", None).await;
    let first = tokio::time::timeout(Duration::from_secs(15), events.next()).await.unwrap();
    assert!(first.is_some_and(|event| event.is_ok()));
    second.delete("/api/v1/session").await.unwrap();
    assert_eq!(ask(&second, "GET", "/api/v1/status", json!(null)).await.0, 401);
    // What happens from now on is not for it.
    gateway.add_user("secret-hire", None).await;
    let rest = async {
        let mut seen = String::new();
        while let Some(Ok(event)) = events.next().await {
            seen += &serde_json::to_string(&event).unwrap();
        }
        seen
    };
    let seen = tokio::time::timeout(Duration::from_secs(15), rest).await.expect("the stream ends");
    assert!(!seen.contains("secret-hire"), "{seen}");
    // The other session goes on.
    assert_eq!(ask(&gateway.admin, "GET", "/api/v1/status", json!(null)).await.0, 200);
    gateway.stop().await;
}

#[tokio::test]
async fn another_password_ends_the_other_sessions_and_tells_the_one_that_stays() {
    let gateway = InProcess::start().await;
    let token = |created: &Value| created["token"].as_str().map(str::to_owned);
    let (_, created) = sign_in(&gateway, "root", PASSWORD).await;
    let other = Client::new(gateway.dir.path()).with_session(token(&created));
    let mut events = gateway.admin.events().await.unwrap();
    let body = json!({"current": PASSWORD, "new": "another long password"});
    assert_eq!(ask(&gateway.admin, "PUT", "/api/v1/session/password", body).await.0, 204);
    change_told(&mut events, "sessions").await;
    assert_eq!(ask(&other, "GET", "/api/v1/session", json!(null)).await.0, 401);
    assert_eq!(ask(&gateway.admin, "GET", "/api/v1/session", json!(null)).await.0, 200);
    gateway.stop().await;
}

#[tokio::test]
async fn a_session_outlives_a_restart() {
    let gateway = InProcess::start().await.restart().await;
    assert_eq!(ask(&gateway.admin, "GET", "/api/v1/status", json!(null)).await.0, 200);
    gateway.stop().await;
}
