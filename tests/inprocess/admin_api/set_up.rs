//! First-run set-up happens once.

use agw_api::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::ask;
use crate::support::{InProcess, PASSWORD, SHORT, http};

const PATH: &str = "/api/v1/setup";

async fn fresh() -> (TempDir, agw_gateway::Running, Client) {
    let dir = tempfile::tempdir().unwrap();
    let running = InProcess::serve(dir.path(), SHORT).await;
    let client = Client::new(dir.path());
    (dir, running, client)
}

#[tokio::test]
async fn it_cannot_be_set_up_twice() {
    let gateway = InProcess::start().await;
    let body = json!({"admin": "mallory", "password": "another password"});
    let open = Client::new(gateway.dir.path());
    for client in [&open, &gateway.admin] {
        let (status, answer) = ask(client, "POST", PATH, body.clone()).await;
        assert_eq!((status, &answer["code"]), (409, &json!("already_set_up")), "{answer}");
    }
    let headers = [("content-type", "application/json")];
    let reply = http::ask("POST", &gateway.url(PATH), &headers, body.to_string()).await;
    assert_eq!((reply.status, &reply.json()["code"]), (409, &json!("already_set_up")));
    let gateway = gateway.restart().await;
    assert_eq!(ask(&open, "POST", PATH, body.clone()).await.0, 409);
    let users: Vec<agw_api::User> = gateway.admin.get("/api/v1/users").await.unwrap();
    assert_eq!(users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), ["root"]);
    gateway.stop().await;
}

/// One of many at once wins, and it is the winner's key that opens the vault
/// from then on.
#[tokio::test]
async fn of_several_set_ups_at_once_one_wins() {
    let (dir, running, client) = fresh().await;
    let url = format!("http://{}{PATH}", running.address());
    let body = |n: usize| json!({"admin": format!("admin {n}"), "password": PASSWORD});
    let headers = [("content-type", "application/json")];
    let local = |n| ask(&client, "POST", PATH, body(n));
    let tcp = async |n| {
        let reply = http::ask("POST", &url, &headers, body(n).to_string()).await;
        (reply.status, reply.json())
    };
    let (a, b, c, d) = tokio::join!(local(0), tcp(1), local(2), tcp(3));
    let answers = [a, b, c, d];
    let won: Vec<usize> = (0..4).filter(|n| answers[*n].0 == 201).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    for (_, answer) in answers.iter().filter(|(status, _)| *status != 201) {
        assert_eq!(answer["code"], "already_set_up", "{answers:?}");
        assert!(answer.get("recovery_key").is_none());
    }
    running.stop().await;
    let running = InProcess::serve(dir.path(), SHORT).await;
    let health: Value = client.get("/api/v1/health").await.unwrap();
    assert_eq!(health["state"], "enforcing", "the vault does not open");
    let sign_in = json!({"user": format!("admin {}", won[0]), "password": PASSWORD});
    assert_eq!(ask(&client, "POST", "/api/v1/sessions", sign_in).await.0, 201);
    running.stop().await;
}

#[tokio::test]
async fn a_set_up_that_is_refused_leaves_nothing_behind() {
    let (dir, running, client) = fresh().await;
    // The key file is made when the service starts that was told of it.
    let key = || std::fs::read(dir.path().join("master.key")).unwrap();
    let before = key();
    for body in [
        json!({}),
        json!({"admin": "root"}),
        json!({"admin": "root", "password": "short"}),
        json!({"admin": "root", "password": 1_234_567_890}),
        json!({"admin": "", "password": PASSWORD}),
        json!({"admin": "a/b", "password": PASSWORD}),
        json!({"admin": "team:x", "password": PASSWORD}),
        json!(null),
        json!([]),
    ] {
        let (status, answer) = ask(&client, "POST", PATH, body.clone()).await;
        assert!([400, 422].contains(&status), "{body}: {status} {answer}");
        assert!(!answer["next"].as_str().unwrap_or_default().is_empty(), "{body}: {answer}");
        assert!(!answer.to_string().contains("1234567890"), "{answer}");
    }
    assert_eq!(key(), before);
    let health: Value = client.get("/api/v1/health").await.unwrap();
    assert_eq!(health["state"], "unconfigured");
    let body = json!({"admin": "root", "password": PASSWORD});
    assert_eq!(ask(&client, "POST", PATH, body).await.0, 201);
    running.stop().await;
}

/// In a browser it signs the first admin in with a cookie, not a token.
#[tokio::test]
async fn a_browser_that_sets_up_is_signed_in() {
    let (_dir, running, client) = fresh().await;
    let url = format!("http://{}", running.address());
    let headers = [("content-type", "application/json"), ("origin", &*url)];
    let body = json!({"admin": "root", "password": PASSWORD}).to_string();
    let reply = http::ask("POST", &format!("{url}{PATH}"), &headers, body).await;
    assert_eq!(reply.status, 201);
    assert!(reply.json()["session"].get("token").is_none(), "{reply:?}");
    let cookie = reply.header("set-cookie").split(';').next().unwrap();
    let reply = http::ask("GET", &format!("{url}/api/v1/session"), &[("cookie", cookie)], "").await;
    assert_eq!((reply.status, &reply.json()["user"]), (200, &json!("root")));
    let health: Value = client.get("/api/v1/health").await.unwrap();
    assert_eq!(health["state"], "enforcing");
    running.stop().await;
}
