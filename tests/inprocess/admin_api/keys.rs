//! Where one is signed in, and the key for when the master key is lost.

use agw_api::{Client, Keychain, OpenSession, RecoveryKeyMade, SessionPlace};
use serde_json::{Value, json};

use super::ask;
use crate::support::{InProcess, PASSWORD, http};

async fn sessions(client: &Client) -> Vec<OpenSession> {
    client.get("/api/v1/sessions").await.unwrap()
}

#[tokio::test]
async fn everybody_sees_and_ends_their_own_sessions_and_no_others() {
    let gateway = InProcess::start().await;
    let ana = gateway.add_person("ana", "member").await;
    let window = Client::new(gateway.dir.path()).named(agw_api::WINDOW);
    let body = json!({"user": "root", "password": PASSWORD});
    let created: agw_api::SessionCreated = window.post("/api/v1/sessions", &body).await.unwrap();
    let window = window.with_session(created.token.clone());
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let origin = gateway.url("");
    let headers =
        [("content-type", "application/json"), ("origin", &*origin), ("user-agent", agent)];
    let reply =
        http::ask("POST", &gateway.url("/api/v1/sessions"), &headers, body.to_string()).await;
    assert_eq!(reply.status, 201, "{reply:?}");

    let own = sessions(&window).await;
    let places: Vec<_> = own.iter().map(|s| s.place.unwrap()).collect();
    assert_eq!(own.len(), 3, "{own:?}");
    for place in [SessionPlace::Window, SessionPlace::CommandLine, SessionPlace::Browser] {
        assert!(places.contains(&place), "{own:?}");
    }
    let browser = own.iter().find(|s| s.place == Some(SessionPlace::Browser)).unwrap();
    assert_eq!(browser.browser.as_deref(), Some("Firefox on Linux"));
    let current: Vec<_> = own.iter().filter(|s| s.current).collect();
    assert_eq!((current.len(), current[0].place), (1, Some(SessionPlace::Window)));
    // No token in it, nor what it is found by.
    assert!(!serde_json::to_string(&own).unwrap().contains(&created.token.unwrap()));

    // Ana has one, and cannot end what is not hers.
    let hers = sessions(&ana).await;
    assert_eq!((hers.len(), hers[0].current), (1, true));
    for (client, other) in [(&ana, &own[0].id), (&window, &hers[0].id)] {
        let path = format!("/api/v1/sessions/{other}");
        assert_eq!(ask(client, "DELETE", &path, json!(null)).await.0, 404);
    }
    // One by one, and all the rest.
    let path = format!("/api/v1/sessions/{}", browser.id);
    assert_eq!(ask(&window, "DELETE", &path, json!(null)).await.0, 204);
    assert_eq!(ask(&window, "DELETE", &path, json!(null)).await.0, 404);
    assert_eq!(sessions(&window).await.len(), 2);
    let (status, left) = ask(&window, "DELETE", "/api/v1/sessions", json!(null)).await;
    assert_eq!((status, left.as_array().unwrap().len()), (200, 1), "{left}");
    assert_eq!(ask(&gateway.admin, "GET", "/api/v1/status", json!(null)).await.0, 401);
    assert_eq!(ask(&ana, "GET", "/api/v1/status", json!(null)).await.0, 200);
    // It outlives a restart with what was known of it.
    let gateway = gateway.restart().await;
    let own = sessions(&window).await;
    assert_eq!((own.len(), own[0].place), (1, Some(SessionPlace::Window)));
    assert!(own[0].created_at.is_some() && own[0].used_at.is_some());
    gateway.stop().await;
}

/// Signing in is no way to fill the memory: the oldest make room.
#[tokio::test]
async fn there_is_a_bound_on_the_sessions_of_one_person() {
    let gateway = InProcess::start().await;
    let ana = gateway.add_person("ana", "member").await;
    let fill = |dir: &std::path::Path| {
        let db = rusqlite::Connection::open(dir.join("agw.db")).unwrap();
        let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
            INSERT INTO sessions (hash, user, expires_at, pages, created_at)
            SELECT randomblob(32), (SELECT user FROM sessions ORDER BY created_at DESC LIMIT 1),
                (SELECT max(expires_at) FROM sessions), 0, i FROM n";
        assert_eq!(db.execute(sql, []).unwrap(), 300);
    };
    let gateway = gateway.restart_after(fill).await;
    assert_eq!(sessions(&ana).await.len(), 301);
    let newest = gateway.sign_in("ana").await;
    assert_eq!(sessions(&newest).await.len(), 100);
    assert!(sessions(&ana).await.iter().any(|session| session.current), "the oldest go");
    assert_eq!(sessions(&gateway.admin).await.len(), 1, "and nobody else's");
    let gateway = gateway.restart().await;
    assert_eq!(sessions(&newest).await.len(), 100, "after a restart");
    gateway.stop().await;
}

#[tokio::test]
async fn a_new_recovery_key_needs_the_password_and_ends_the_old_one() {
    let gateway = InProcess::start().await;
    let before: Keychain = gateway.admin.get("/api/v1/keychain").await.unwrap();
    assert!(!before.sealed && before.home.starts_with("file:"), "{before:?}");
    let first = before.recovery_made_at.unwrap();
    let path = "/api/v1/recovery-key";
    let (status, body) =
        ask(&gateway.admin, "POST", path, json!({"password": "not it at all"})).await;
    assert_eq!((status, &body["code"]), (401, &json!("bad_credentials")), "{body}");
    let made: RecoveryKeyMade =
        gateway.admin.post(path, &json!({"password": PASSWORD})).await.unwrap();
    assert_ne!(made.recovery_key, gateway.recovery_key);
    let after: Keychain = gateway.admin.get("/api/v1/keychain").await.unwrap();
    assert!(after.recovery_made_at.unwrap() >= first);
    // Only the new one opens the vault.
    let old = json!({"recovery_key": gateway.recovery_key});
    assert_ne!(ask(&gateway.admin, "POST", "/api/v1/recover", old).await.0, 200);
    let new = json!({"recovery_key": made.recovery_key});
    assert_eq!(ask(&gateway.admin, "POST", "/api/v1/recover", new).await.0, 200);
    // The trail has that it was made, and not the key.
    let trail = serde_json::to_string(&gateway.audit().await).unwrap();
    assert!(trail.contains("recovery_key_made") && !trail.contains(&made.recovery_key));
    gateway.stop().await;
}

#[tokio::test]
async fn a_sealed_gateway_makes_no_recovery_key() {
    let gateway = InProcess::start().await;
    let gateway =
        gateway.restart_after(|dir| std::fs::remove_file(dir.join("master.key")).unwrap()).await;
    let shown: Keychain = gateway.admin.get("/api/v1/keychain").await.unwrap();
    assert!(shown.sealed && shown.sealed_reason.is_some(), "{shown:?}");
    let body = json!({"password": PASSWORD});
    let (status, body): (u16, Value) =
        ask(&gateway.admin, "POST", "/api/v1/recovery-key", body).await;
    assert_eq!((status, &body["code"]), (503, &json!("sealed")), "{body}");
    gateway.stop().await;
}
