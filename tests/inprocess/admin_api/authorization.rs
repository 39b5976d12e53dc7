//! Every operation but five needs a session, whatever the transport:
//! mechanically, from the committed description.

use agw_api::Client;
use serde_json::json;

use super::{code, local, operations, tcp};
use crate::support::{InProcess, PASSWORD, SHORT, http};

/// Tokens and texts that are no session.
async fn no_sessions(gateway: &InProcess) -> Vec<String> {
    gateway.add_user("ana", None).await;
    vec![
        gateway.user_token("ana").await,
        gateway.add_agent("ana", "claude", &[]).await,
        "0".repeat(64),
        String::new(),
        gateway.recovery_key.clone(),
        PASSWORD.to_owned(),
    ]
}

#[tokio::test]
async fn every_operation_needs_a_session_over_the_local_socket() {
    let gateway = InProcess::start().await;
    let tokens = no_sessions(&gateway).await;
    let attempts = || std::iter::once(None).chain(tokens.iter().map(|token| Some(token.as_str())));
    for operation in operations().iter().filter(|operation| !operation.is_open()) {
        for session in attempts() {
            let reply = local(gateway.dir.path(), session, operation).await;
            let seen = (reply.status.as_u16(), code(&reply.body));
            assert_eq!(seen, (401, "sign_in".into()), "{operation:?} with {session:?}");
        }
    }
    // It still runs and has kept everything: none of them did anything.
    assert_eq!(gateway.rest_tools(&tokens[0]).await.len(), 0);
    assert_eq!(gateway.rest_tools(&tokens[1]).await.len(), 0);
    gateway.stop().await;
}

#[tokio::test]
async fn every_operation_needs_a_session_over_tcp() {
    let gateway = InProcess::start().await;
    let tokens = no_sessions(&gateway).await;
    let url = gateway.url("");
    // The local socket's session is a bearer token; here only a cookie counts.
    let body = json!({"user": "root", "password": PASSWORD});
    let session: agw_api::SessionCreated =
        gateway.admin.post("/api/v1/sessions", &body).await.unwrap();
    let bearers = tokens.iter().chain(&session.token);
    let bearers: Vec<String> = bearers.map(|token| format!("Bearer {token}")).collect();
    let cookies = tokens.iter().map(|token| format!("agw_session={token}"));
    let cookies: Vec<String> = cookies.filter(|cookie| cookie.is_ascii()).collect();
    for operation in operations().iter().filter(|operation| !operation.is_open()) {
        let own = ("origin", url.as_str());
        let mut attempts = vec![vec![own]];
        attempts.extend(bearers.iter().map(|bearer| vec![own, ("authorization", bearer.as_str())]));
        attempts.extend(cookies.iter().map(|cookie| vec![own, ("cookie", cookie.as_str())]));
        for headers in attempts {
            let reply = tcp(&url, &headers, operation).await;
            let seen = (reply.status, code(reply.text.as_bytes()));
            assert_eq!(seen, (401, "sign_in".into()), "{operation:?} with {headers:?}");
        }
        // A write that does not say from which page it comes is not even looked at.
        let reply = tcp(&url, &[], operation).await;
        let seen = (reply.status, code(reply.text.as_bytes()));
        let reads = operation.method == "GET";
        let expected = if reads { (401, "sign_in") } else { (403, "forbidden") };
        assert_eq!(seen, (expected.0, expected.1.to_owned()), "{operation:?}");
    }
    assert_eq!(gateway.rest_tools(&tokens[1]).await.len(), 0);
    gateway.stop().await;
}

/// With a session the same requests get further, so the two tests above do
/// test the session.
#[tokio::test]
async fn with_a_session_every_operation_is_heard() {
    let gateway = InProcess::start().await;
    let body = json!({"user": "root", "password": PASSWORD});
    for operation in operations().iter().filter(|operation| !operation.is_open()) {
        // Streams do not end, and the service shall go on.
        if operation.is("GET", "/api/v1/events") || operation.is("POST", "/api/v1/shutdown") {
            continue;
        }
        let session: agw_api::SessionCreated =
            gateway.admin.post("/api/v1/sessions", &body).await.unwrap();
        let reply = local(gateway.dir.path(), session.token.as_deref(), operation).await;
        assert!(![401, 403, 500].contains(&reply.status.as_u16()), "{operation:?}: {reply:?}");
        if !reply.status.is_success() {
            assert_ne!(code(&reply.body), "sign_in");
        }
    }
    gateway.stop().await;
}

#[tokio::test]
async fn what_is_open_tells_nothing_and_changes_nothing() {
    let gateway = InProcess::start().await;
    let url = gateway.url("");
    for operation in operations().iter().filter(|operation| operation.is_open()) {
        let over_socket = local(gateway.dir.path(), None, operation).await;
        let over_tcp = tcp(&url, &[], operation).await;
        assert_eq!(over_socket.status.as_u16(), over_tcp.status, "{operation:?}");
        if operation.is("GET", "/api/v1/health") {
            let health: serde_json::Value = over_tcp.json();
            let mut names: Vec<_> = health.as_object().unwrap().keys().collect();
            names.sort();
            assert_eq!(names, ["needs_passphrase", "state", "version"]);
        } else {
            assert!(over_tcp.status >= 400, "{operation:?}: {over_tcp:?}");
        }
    }
    // What is not described is not there.
    for path in ["/api/v1", "/api/v1/", "/api/v1/vault", "/api/v2/status", "/api/v1/STATUS"] {
        assert_eq!(http::ask("GET", &gateway.url(path), &[], "").await.status, 404, "{path}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn before_set_up_nothing_but_health_and_set_up_answers() {
    let dir = tempfile::tempdir().unwrap();
    let running = InProcess::serve(dir.path(), SHORT).await;
    let url = format!("http://{}", running.address());
    for operation in operations() {
        let over_socket = local(dir.path(), None, &operation).await;
        let over_tcp = tcp(&url, &[("origin", &url)], &operation).await;
        let closed =
            !operation.is("GET", "/api/v1/health") && !operation.is("POST", "/api/v1/setup");
        for (status, body) in [
            (over_socket.status.as_u16(), &over_socket.body[..]),
            (over_tcp.status, over_tcp.text.as_bytes()),
        ] {
            if closed {
                assert_eq!((status, code(body)), (409, "not_set_up".into()), "{operation:?}");
            } else {
                assert_ne!(status, 409, "{operation:?}");
            }
        }
    }
    let health: serde_json::Value = Client::new(dir.path()).get("/api/v1/health").await.unwrap();
    assert_eq!(health["state"], "unconfigured");
    // Agents are told so, too.
    let token = format!("st_{}", "0".repeat(49));
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", &*bearer), ("content-type", "application/json")];
    for (method, path) in
        [("POST", "/mcp"), ("POST", "/mcp/x"), ("GET", "/mcp"), ("POST", "/mcp/tools/call")]
    {
        let body = json!({"tool": "fix.echo", "args": {}}).to_string();
        let reply = http::ask(method, &format!("{url}{path}"), &headers, body).await;
        assert!([401, 503].contains(&reply.status), "{method} {path}: {reply:?}");
    }
    running.stop().await;
}
