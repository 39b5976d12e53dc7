//! Invites: links by which people set their first password themselves.

use agw_api::{Client, ClientError, Invite, InviteCreated, InviteState, SessionCreated};
use serde_json::{Value, json};

use crate::support::{
    InProcess, PASSWORD,
    http::{self, Reply},
    leaks::{self, Planted},
    shared::share,
};

const PATH: &str = "/api/v1/invites";
const CHOSEN: &str = "my own long password";

async fn invite(gateway: &InProcess, body: Value) -> (InviteCreated, String) {
    let made: InviteCreated = gateway.admin.post(PATH, &body).await.unwrap();
    let secret = made.link.rsplit_once("/#/invite/").expect("a link").1.to_owned();
    (made, secret)
}

/// As a browser sends it.
async fn send(base: &str, what: &str, body: &Value) -> Reply {
    let headers = [("content-type", "application/json"), ("origin", base)];
    http::ask("POST", &format!("{base}{PATH}/{what}"), &headers, body.to_string()).await
}

async fn accept(base: &str, secret: &str) -> Reply {
    send(base, "accept", &json!({"secret": secret, "password": CHOSEN})).await
}

async fn state(gateway: &InProcess) -> InviteState {
    let all: Vec<Invite> = gateway.admin.get(PATH).await.unwrap();
    all[0].state
}

async fn signs_in(gateway: &InProcess, name: &str, password: &str) -> bool {
    let body = json!({"user": name, "password": password});
    let client = Client::new(gateway.dir.path());
    client.post::<_, SessionCreated>("/api/v1/sessions", &body).await.is_ok()
}

fn assert_not_good(reply: &Reply) {
    assert_eq!(reply.status, 404, "{reply:?}");
    assert_eq!(reply.json()["message"], "this invite is not good, or not good any more");
    assert!(reply.headers.get("set-cookie").is_none());
}

#[tokio::test]
async fn who_has_the_link_sets_a_password_from_another_machine_and_is_signed_in() {
    let gateway = InProcess::start().await;
    let shared = share(&gateway).await;
    let body = json!({"user": "mia", "role": "auditor", "teams": ["ops", "sales"]});
    let (made, secret) = invite(&gateway, body).await;
    assert!(made.shared && made.link.starts_with(&format!("{shared}/#/invite/")), "{}", made.link);
    let looked = send(&shared, "look", &json!({"secret": secret})).await;
    assert_eq!((looked.status, looked.json()["user"].as_str()), (200, Some("mia")));
    assert_eq!(state(&gateway).await, InviteState::Open);
    let accepted = accept(&shared, &secret).await;
    assert_eq!(accepted.status, 201, "{accepted:?}");
    assert_eq!(accepted.json()["token"], Value::Null, "the session is a cookie");
    let cookie = accepted.header("set-cookie");
    assert!(cookie.starts_with("__Host-agw_session="), "{cookie}");
    assert!(cookie.contains("; Secure") && cookie.contains("; HttpOnly"), "{cookie}");
    let pair = cookie.split(';').next().unwrap();
    let url = format!("{shared}/api/v1/session");
    let session: Value = http::ask("GET", &url, &[("cookie", pair)], "").await.json();
    assert_eq!((&session["user"], &session["role"]), (&json!("mia"), &json!("auditor")));
    let users: Vec<agw_api::User> = gateway.admin.get("/api/v1/users").await.unwrap();
    assert_eq!(users.iter().find(|user| user.name == "mia").unwrap().teams, ["ops", "sales"]);
    assert!(signs_in(&gateway, "mia", CHOSEN).await);
    assert_eq!(state(&gateway).await, InviteState::Accepted);
}

#[tokio::test]
async fn an_invite_serves_once() {
    let gateway = InProcess::start().await;
    let (_, secret) = invite(&gateway, json!({"user": "mia"})).await;
    let base = gateway.url("");
    let (one, two) = tokio::join!(accept(&base, &secret), accept(&base, &secret));
    let mut both = [one.status, two.status];
    both.sort_unstable();
    assert_eq!(both, [201, 404]);
    assert_not_good(&accept(&base, &secret).await);
    assert_not_good(&send(&base, "look", &json!({"secret": secret})).await);
}

#[tokio::test]
async fn an_invite_that_has_expired_or_was_revoked_or_replaced_is_not_good() {
    let gateway = InProcess::start().await;
    let base = gateway.url("");
    let (_, old) = invite(&gateway, json!({"user": "mia"})).await;
    let (made, secret) = invite(&gateway, json!({"user": "mia"})).await;
    assert_not_good(&accept(&base, &old).await);
    gateway.admin.delete(&format!("{PATH}/{}", made.invite.id)).await.unwrap();
    assert_not_good(&accept(&base, &secret).await);
    assert_eq!(state(&gateway).await, InviteState::Revoked);
    let again = gateway.admin.delete(&format!("{PATH}/{}", made.invite.id)).await;
    assert!(matches!(again, Err(ClientError::Refused { .. })));
    let (_, secret) = invite(&gateway, json!({"user": "mia", "ttl_seconds": 3600})).await;
    let db = rusqlite::Connection::open(gateway.dir.path().join("agw.db")).unwrap();
    db.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    db.execute("UPDATE invites SET expires_at = 1000", []).unwrap();
    assert_not_good(&accept(&base, &secret).await);
    assert!(!signs_in(&gateway, "mia", CHOSEN).await);
    for ttl in [1, 3_599, 7 * 24 * 3_600 + 1] {
        let body = json!({"user": "leo", "ttl_seconds": ttl});
        assert!(gateway.admin.post::<_, Value>(PATH, &body).await.is_err(), "{ttl}");
    }
}

#[tokio::test]
async fn nobody_takes_over_a_user_who_can_sign_in() {
    let gateway = InProcess::start().await;
    let base = gateway.url("");
    let (_, secret) = invite(&gateway, json!({"user": "mia"})).await;
    gateway.set_password("mia").await;
    assert_not_good(&accept(&base, &secret).await);
    assert!(signs_in(&gateway, "mia", PASSWORD).await);
    let taken = gateway.admin.post::<_, Value>(PATH, &json!({"user": "mia"})).await;
    assert!(matches!(taken, Err(ClientError::Refused { status, .. }) if status.as_u16() == 409));
    let (_, secret) = invite(&gateway, json!({"user": "leo"})).await;
    gateway.admin.delete("/api/v1/users/leo").await.unwrap();
    gateway.add_user("leo", None).await;
    assert_not_good(&accept(&base, &secret).await);
    // Nor does an invite change a role by the way.
    let raised = json!({"user": "leo", "role": "admin"});
    assert!(gateway.admin.post::<_, Value>(PATH, &raised).await.is_err());
}

#[tokio::test]
async fn guesses_are_counted_and_tell_nothing() {
    let gateway = InProcess::start().await;
    let base = gateway.url("");
    let (_, secret) = invite(&gateway, json!({"user": "mia"})).await;
    for n in 0..5 {
        assert_not_good(&accept(&base, &format!("{n:064}")).await);
    }
    let refused = accept(&base, &secret).await;
    assert_eq!((refused.status, refused.header("retry-after").is_empty()), (429, false));
    // People still sign in.
    assert!(signs_in(&gateway, "root", PASSWORD).await);
}

#[tokio::test]
async fn a_short_password_uses_no_invite_up() {
    let gateway = InProcess::start().await;
    let base = gateway.url("");
    let (_, secret) = invite(&gateway, json!({"user": "mia"})).await;
    let short = json!({"secret": secret, "password": "short"});
    assert_eq!(send(&base, "accept", &short).await.status, 422);
    assert_eq!(accept(&base, &secret).await.status, 201);
}

#[tokio::test]
async fn an_invite_is_accepted_from_the_gateways_own_pages_alone() {
    let gateway = InProcess::start().await;
    let base = gateway.url("");
    let (_, secret) = invite(&gateway, json!({"user": "mia"})).await;
    let body = json!({"secret": secret, "password": CHOSEN}).to_string();
    let url = format!("{base}{PATH}/accept");
    let json = ("content-type", "application/json");
    let foreign = [json, ("origin", "https://evil.example")];
    assert_eq!(http::ask("POST", &url, &foreign, body).await.status, 403);
    assert_eq!(state(&gateway).await, InviteState::Open);
}

#[tokio::test]
async fn no_secret_of_an_invite_is_kept_or_recorded() {
    let gateway = InProcess::start().await;
    let (_, secret) = invite(&gateway, json!({"user": "mia"})).await;
    let guess = "f".repeat(63) + "0";
    let _ = accept(&gateway.url(""), &guess).await;
    assert_eq!(accept(&gateway.url(""), &secret).await.status, 201);
    let planted = [
        Planted::new("invite", &secret),
        Planted::new("guess", &guess),
        Planted::new("password", CHOSEN),
    ];
    let records = gateway.audit().await;
    let told: Vec<_> = records.iter().filter_map(|record| record.status.as_deref()).collect();
    for status in ["user_added", "invite_made", "invite_accepted", "refused"] {
        assert!(told.contains(&status), "{status} in {told:?}");
    }
    let dir = gateway.stop().await;
    assert_eq!(leaks::find(&planted, &leaks::files(dir.path())), Vec::<String>::new());
}
