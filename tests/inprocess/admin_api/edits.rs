//! Changes: by somebody who saw the row as it is, of things that exist, in
//! words that mean something.

use serde_json::{Value, json};

use super::ask;
use crate::support::{InProcess, http, upstream::Fixture};

/// Refused as stale with the row as it is, and then done with the right version.
async fn stale_then_done(gateway: &InProcess, path: &str, current: &Value) {
    let version = current["version"].as_u64().unwrap();
    for wrong in [version + 1, 0, u64::MAX >> 1] {
        let (status, body) =
            ask(&gateway.admin, "DELETE", &format!("{path}?version={wrong}"), json!(null)).await;
        assert_eq!((status, &body["code"]), (409, &json!("stale")), "{path}: {body}");
        assert_eq!(&body["current"], current, "{path}");
    }
    for wrong in ["-1", "x", "1.5", ""] {
        let (status, body) =
            ask(&gateway.admin, "DELETE", &format!("{path}?version={wrong}"), json!(null)).await;
        assert_eq!((status, &body["code"]), (400, &json!("bad_request")), "{path}: {body}");
    }
    let with_version = format!("{path}?version={version}");
    assert_eq!(ask(&gateway.admin, "DELETE", &with_version, json!(null)).await.0, 204, "{path}");
    let (status, body) = ask(&gateway.admin, "DELETE", &with_version, json!(null)).await;
    assert_eq!((status, &body["code"]), (404, &json!("not_found")), "{path}");
}

#[tokio::test]
async fn a_stale_edit_is_refused_with_the_row_as_it_is() {
    let gateway = InProcess::start().await;
    let upstream = Fixture::start().await;
    gateway.connect_http("fix", &upstream.url(), &[]).await;
    gateway.add_user("ana", Some("sales")).await;
    gateway.add_agent("ana", "claude", &["fix.*"]).await;
    let first = gateway.grant("ana", "fix.echo", "allow").await;
    let grant = gateway.grant("ana", "fix.echo", "deny").await;
    assert_eq!((&first.id, first.version + 1), (&grant.id, grant.version));
    let get = async |path: &str| ask(&gateway.admin, "GET", path, json!(null)).await.1;
    let grant = get("/api/v1/grants").await[0].clone();
    let agent = get("/api/v1/agents").await[0].clone();
    let path = format!("/api/v1/grants/{}", grant["id"].as_str().unwrap());
    stale_then_done(&gateway, &path, &grant).await;
    stale_then_done(&gateway, "/api/v1/users/ana/agents/claude", &agent).await;
    let users = get("/api/v1/users").await;
    let user = users.as_array().unwrap().iter().find(|user| user["name"] == "ana").unwrap();
    stale_then_done(&gateway, "/api/v1/users/ana", user).await;
    let connection = get("/api/v1/connections").await[0].clone();
    stale_then_done(&gateway, "/api/v1/connections/fix", &connection).await;
    gateway.stop().await;
}

/// Two admins click the same toggle; the second one is shown what the first
/// one did.
#[tokio::test]
async fn a_grant_is_replaced_only_as_it_was_seen() {
    let gateway = InProcess::start().await;
    gateway.add_user("ana", None).await;
    let set = async |effect: &str, version: Value| {
        let mut body = json!({"subject": "ana", "tool": "fix.echo", "effect": effect});
        if !version.is_null() {
            body["version"] = version;
        }
        ask(&gateway.admin, "POST", "/api/v1/grants", body).await
    };
    let (status, body) = set("allow", json!(1)).await;
    assert_eq!((status, &body["code"]), (409, &json!("stale")), "there is none yet: {body}");
    let (status, made) = set("allow", json!(0)).await;
    assert_eq!((status, &made["version"]), (201, &json!(1)));
    let (status, body) = set("deny", json!(0)).await;
    assert_eq!((status, &body["current"]), (409, &made), "{body}");
    let (status, replaced) = set("deny", json!(1)).await;
    assert_eq!((status, &replaced["version"], &replaced["id"]), (200, &json!(2), &made["id"]));
    let (status, body) = set("allow", json!(1)).await;
    assert_eq!((status, &body["current"]["effect"]), (409, &json!("deny")), "{body}");
    // Without a version the last word counts, and the same again is no change.
    assert_eq!(set("allow", json!(null)).await.1["version"], 3);
    assert_eq!(set("allow", json!(null)).await.1["version"], 3);
    gateway.stop().await;
}

#[tokio::test]
async fn the_last_admin_cannot_be_removed() {
    let gateway = InProcess::start().await;
    gateway.add_user("ana", None).await;
    let (status, body) = ask(&gateway.admin, "DELETE", "/api/v1/users/root", json!(null)).await;
    assert_eq!((status, &body["code"]), (422, &json!("invalid")));
    assert!(body["message"].as_str().unwrap().contains("last admin"), "{body}");
    assert_eq!(ask(&gateway.admin, "GET", "/api/v1/session", json!(null)).await.0, 200);
    assert_eq!(ask(&gateway.admin, "DELETE", "/api/v1/users/ana", json!(null)).await.0, 204);
    gateway.stop().await;
}

#[tokio::test]
async fn what_exists_already_is_not_made_again() {
    let gateway = InProcess::start().await;
    gateway.add_user("ana", None).await;
    gateway.add_agent("ana", "claude", &[]).await;
    gateway.connect_stdio("bad", &["/no/such/server"], &[]).await;
    let transport = json!({"kind": "stdio", "argv": ["/no/such/server"]});
    for (path, body) in [
        ("/api/v1/users", json!({"name": "ana"})),
        ("/api/v1/users", json!({"name": "ANA"})),
        ("/api/v1/users/ana/agents", json!({"name": "Claude"})),
        ("/api/v1/connections", json!({"name": "bad", "transport": transport})),
    ] {
        let (status, answer) = ask(&gateway.admin, "POST", path, body.clone()).await;
        assert_eq!((status, &answer["code"]), (409, &json!("exists")), "{body}: {answer}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn what_does_not_exist_is_said_so() {
    let gateway = InProcess::start().await;
    gateway.add_user("ana", None).await;
    for (method, path, body) in [
        ("GET", "/api/v1/connections/none", json!(null)),
        ("DELETE", "/api/v1/connections/none", json!(null)),
        ("POST", "/api/v1/connections/none/test", json!(null)),
        ("DELETE", "/api/v1/users/none", json!(null)),
        ("POST", "/api/v1/users/none/token", json!(null)),
        ("POST", "/api/v1/users/none/agents", json!({"name": "x"})),
        ("DELETE", "/api/v1/users/ana/agents/none", json!(null)),
        ("DELETE", "/api/v1/users/none/agents/none", json!(null)),
        ("GET", "/api/v1/agents?user=none", json!(null)),
        ("GET", "/api/v1/grants?subject=none", json!(null)),
        ("POST", "/api/v1/grants", json!({"subject": "none", "tool": "*", "effect": "allow"})),
        ("POST", "/api/v1/grants", json!({"subject": "team:no", "tool": "*", "effect": "allow"})),
        ("POST", "/api/v1/grants", json!({"subject": "ana/no", "tool": "*", "effect": "allow"})),
        ("DELETE", "/api/v1/grants/g999", json!(null)),
        ("GET", "/api/v1/tools?as=none", json!(null)),
        ("GET", "/api/v1/tools?as=ana/none", json!(null)),
        ("GET", "/api/v1/audit/999999", json!(null)),
        ("GET", "/api/v1/audit/01M82SKB1KGRSF77VW598P5YCH", json!(null)),
    ] {
        let (status, answer) = ask(&gateway.admin, method, path, body).await;
        assert_eq!((status, &answer["code"]), (404, &json!("not_found")), "{method} {path}");
        assert!(!answer["next"].as_str().unwrap().is_empty(), "{answer}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let gateway = InProcess::start().await;
    gateway.add_user("ana", None).await;
    let connection = |name: &str, transport: Value, credentials: Value| json!({"name": name, "transport": transport, "credentials": credentials});
    let http = |url: &str| json!({"kind": "http", "url": url});
    let stdio = |argv: Value| json!({"kind": "stdio", "argv": argv});
    let secret = |name: &str, value: &str| json!([{"name": name, "value": value}]);
    let local = || http("http://127.0.0.1:9/");
    let connections = [
        connection("Fix", local(), json!([])),
        connection("fi.x", local(), json!([])),
        connection("tools", local(), json!([])),
        connection("", local(), json!([])),
        connection("x", http("http://mcp.acme.com/"), json!([])),
        connection("x", http("https://user:pass@mcp.acme.com/"), json!([])),
        connection("x", http("file:///etc/passwd"), json!([])),
        connection("x", http("/mcp"), json!([])),
        connection("x", stdio(json!([])), json!([])),
        connection("x", stdio(json!([" "])), json!([])),
        connection("x", stdio(json!(["a\u{0}b"])), json!([])),
        connection("x", stdio(json!(["true"])), secret("A=B", "v")),
        connection("x", stdio(json!(["true"])), secret("1A", "v")),
        connection("x", stdio(json!(["true"])), secret("A", "")),
        connection("x", stdio(json!(["true"])), secret("A", "a\u{0}b")),
        connection("x", local(), secret("bad header", "v")),
        connection("x", local(), secret("x-key", "line\nbreak")),
        connection("x", local(), json!([{"name": "a", "value": "1"}, {"name": "A", "value": "2"}])),
    ];
    let users = ["", " ", "a/b", "team:x", " ana2", "x\n", "\u{202e}x"].map(|n| json!({"name": n}));
    let agents = [
        json!({"name": "a/b"}),
        json!({"name": "x", "scope": ["fix"]}),
        json!({"name": "x", "scope": ["fix.*.*"]}),
        json!({"name": "x", "scope": [""]}),
        json!({"name": "x", "ttl_seconds": 0}),
        json!({"name": "x", "ttl_seconds": u64::MAX}),
    ];
    let grants = ["", "fix", "fix.", ".x", "**", "fix.*x", "Fix.*"]
        .map(|tool| json!({"subject": "ana", "tool": tool, "effect": "allow"}));
    let before = gateway.audit().await.len();
    for (path, bodies) in [
        ("/api/v1/connections", &connections[..]),
        ("/api/v1/users", &users),
        ("/api/v1/users/ana/agents", &agents),
        ("/api/v1/grants", &grants),
    ] {
        for body in bodies {
            let (status, answer) = ask(&gateway.admin, "POST", path, body.clone()).await;
            assert_eq!((status, &answer["code"]), (422, &json!("invalid")), "{body}: {answer}");
        }
        for body in [json!([]), json!({"x": 1}), json!("x"), json!({"name": 7, "subject": 7})] {
            let (status, answer) = ask(&gateway.admin, "POST", path, body.clone()).await;
            assert_eq!((status, &answer["code"]), (400, &json!("bad_request")), "{path} {body}");
        }
    }
    let no_effect = json!({"subject": "ana", "tool": "*", "effect": "maybe"});
    assert_eq!(ask(&gateway.admin, "POST", "/api/v1/grants", no_effect).await.0, 400);
    for query in ["limit=0", "limit=1001"] {
        let path = format!("/api/v1/audit?{query}");
        assert_eq!(ask(&gateway.admin, "GET", &path, json!(null)).await.0, 422, "{query}");
    }
    for query in ["limit=x", "before=-1"] {
        let path = format!("/api/v1/audit?{query}");
        assert_eq!(ask(&gateway.admin, "GET", &path, json!(null)).await.0, 400, "{query}");
    }
    assert_eq!(gateway.audit().await.len(), before, "something was changed");
    gateway.stop().await;
}

#[tokio::test]
async fn over_long_bodies_are_refused() {
    let gateway = InProcess::start().await;
    let body = json!({"name": "x".repeat(1 << 20)}).to_string();
    let origin = gateway.url("");
    let headers = [("content-type", "application/json"), ("origin", &*origin)];
    let reply = http::ask("POST", &gateway.url("/api/v1/setup"), &headers, body.clone()).await;
    assert!([400, 413].contains(&reply.status), "{reply:?}");
    let (status, _) = ask(&gateway.admin, "POST", "/api/v1/users", json!(body)).await;
    assert!([400, 413].contains(&status), "{status}");
    gateway.stop().await;
}
