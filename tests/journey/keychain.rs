//! The master key lives in the OS keychain, and nowhere else; without it the
//! gateway is sealed, and says so.

use agw_vault::RecoveryKey;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use super::scene::{BEARER, PASSWORD, Scene};
use crate::support::{
    cli::{Cli, Service},
    http,
    leaks::{self, Planted},
    process::eventually,
};

#[tokio::test]
async fn the_master_key_is_in_the_keychain_and_the_password_a_hash() {
    let mut scene = Scene::open().await;
    let key = scene.keychain.key().await.expect("a key in the keychain");
    let bytes = BASE64_STANDARD.decode(&key).unwrap();
    assert_eq!(bytes.len(), 32);
    assert_eq!(status(&scene.cli).await["master_key"], "keychain");

    let recovery: RecoveryKey = scene.recovery_key.parse().unwrap();
    assert_eq!(*recovery.expose(), scene.recovery_key);
    for file in leaks::files(&scene.cli.data_dir()) {
        // As text it is among the planted secrets.
        assert!(!holds(&file.bytes, &bytes), "the key's bytes are in {file:?}");
        assert!(!holds(&file.bytes, b"PRIVATE KEY"), "{file:?}");
    }
    let db = database(&scene.cli);
    let password: String =
        db.query_row("SELECT password FROM users WHERE name = 'root'", [], |r| r.get(0)).unwrap();
    let cost = password.strip_prefix("$argon2id$v=19$").expect(&password);
    let memory = cost.split(['=', ',']).nth(1).unwrap().parse::<u32>().unwrap();
    // OWASP's least for Argon2id.
    assert!(memory >= 19_456, "{password}");
    let sealed: Vec<u8> =
        db.query_row("SELECT sealed FROM credentials", [], |row| row.get(0)).unwrap();
    assert!(!holds(&sealed, BEARER.as_bytes()));
    drop(db);

    // The service finds the key again by itself.
    scene = restart(scene).await;
    assert_eq!(status(&scene.cli).await["state"], "enforcing");
    assert_called(&scene).await;
    scene.close().await;
}

#[tokio::test]
async fn without_the_keychain_it_is_sealed_until_it_is_unlocked() {
    let mut scene = Scene::open().await;
    scene.keychain.lock().await;
    scene = restart(scene).await;
    assert_sealed(&scene, "locked").await;
    assert_eq!(scene.cli.refused(&["unlock"], "").await, "keychain");
    assert_sealed(&scene, "locked").await;
    scene.keychain.unlock().await;
    let opened = scene.cli.json(&["unlock"], "").await;
    assert_eq!((&opened["state"], &opened["sealed_reason"]), (&json!("enforcing"), &Value::Null));
    assert_called(&scene).await;

    scene.keychain.end().await;
    // What is open stays so.
    assert_called(&scene).await;
    scene = restart(scene).await;
    assert_sealed(&scene, "there is no OS keychain").await;
    assert_eq!(scene.cli.refused(&["unlock"], "").await, "keychain");
    scene.keychain.unlock().await;
    scene.cli.json(&["unlock"], "").await;
    assert_called(&scene).await;

    // The trail tells the story.
    let trail = scene.trail().await;
    let told: Vec<_> = trail
        .iter()
        .filter(|record| record["kind"] == "service")
        .map(|record| record["status"].as_str().unwrap())
        .filter(|status| ["sealed", "unsealed"].contains(status))
        .collect();
    assert!(told.ends_with(&["unsealed"]) && told.contains(&"sealed"), "{told:?}");
    let refused: Vec<_> =
        trail.iter().filter(|r| r["kind"] == "outcome" && r["reason"] == "sealed").collect();
    assert!(refused.iter().all(|r| r["user"] == "ana" && r["status"] == "denied"), "{refused:#?}");
    assert!(!refused.is_empty());
    scene.close().await;
}

#[tokio::test]
async fn the_recovery_key_opens_it_when_the_master_key_is_lost() {
    let mut scene = Scene::open().await;
    let lost = scene.keychain.key().await.unwrap();
    scene.keychain.delete_key().await;
    scene = restart(scene).await;
    assert_sealed(&scene, "does not hold").await;
    let refused = scene.cli.run(&["unlock"], "").await.expect(1);
    assert!(refused.stderr.contains("agw recover"), "{refused:#?}");

    let recover = ["recover", "--recovery-key-stdin"];
    for wrong in ["not a recovery key", RecoveryKey::generate().unwrap().expose().as_str()] {
        let code = scene.cli.refused(&recover, &format!("{wrong}\n")).await;
        assert!(["invalid", "keychain"].contains(&code.as_str()), "{code}");
        assert_eq!(scene.keychain.key().await, None, "a failed recovery left a key");
        assert_sealed(&scene, "does not hold").await;
    }
    // As a person may have written it down.
    let key = scene.recovery_key.to_lowercase().replace('-', " ");
    let opened = scene.cli.json(&recover, &format!("{key}\n")).await;
    assert_eq!(opened["state"], "enforcing", "{opened}");
    assert_called(&scene).await;

    let new = scene.keychain.key().await.expect("a new key in the keychain");
    assert_ne!(new, lost);
    scene.plant(Planted::new("the new master key", &new));
    scene = restart(scene).await;
    assert_eq!(status(&scene.cli).await["state"], "enforcing");
    assert_called(&scene).await;
    scene.close().await;
}

/// A person who was signed out can sign in to a sealed gateway, or nobody
/// could unlock it.
#[tokio::test]
async fn an_admin_can_sign_in_while_it_is_sealed() {
    let mut scene = Scene::open().await;
    scene.cli.json(&["logout"], "").await;
    scene.keychain.lock().await;
    scene = restart(scene).await;
    assert_eq!(scene.cli.refused(&["unlock"], "").await, "sign_in");
    let health = status(&scene.cli).await;
    assert_eq!((&health["state"], &health["signed_in"]), (&json!("sealed"), &json!(false)));
    let login = ["login", "root", "--password-stdin"];
    assert_eq!(scene.cli.refused(&login, "not-the-password\n").await, "bad_credentials");
    scene.cli.json(&login, &format!("{PASSWORD}\n")).await;
    scene.keychain.unlock().await;
    scene.cli.json(&["unlock"], "").await;
    assert_called(&scene).await;
    scene.close().await;
}

async fn restart(mut scene: Scene) -> Scene {
    scene.service.part.signal("TERM");
    assert!(scene.service.part.ended().await.success());
    scene.service = Service::start(&scene.cli, &[]).await;
    scene
}

async fn status(cli: &Cli) -> Value {
    cli.json(&["status"], "").await
}

/// The credential opens, and the system accepts it; once it is connected.
async fn assert_called(scene: &Scene) {
    let before = scene.crm.calls().len();
    eventually("the connection is ready", async || {
        let reply = scene.call("crm.headers", json!({})).await;
        let starting =
            (reply.status, &reply.json()["code"]) == (503, &json!("connection_unavailable"));
        assert!(starting || reply.status == 200, "{reply:?}");
        (!starting).then_some(())
    })
    .await;
    let calls = scene.crm.calls();
    assert_eq!(calls.len(), before + 1);
    assert_eq!(calls[before]["headers"]["authorization"], format!("Bearer {BEARER}"));
}

async fn assert_sealed(scene: &Scene, why: &str) {
    // A start waits for the keychain for a while only, and goes on sealed.
    let reason = eventually("it says why it is sealed", async || {
        let shown = status(&scene.cli).await;
        assert_eq!(shown["state"], "sealed", "{shown}");
        shown["sealed_reason"].as_str().map(str::to_owned)
    })
    .await;
    assert!(reason.contains(why), "{reason}");
    let reply = scene.call("crm.headers", json!({})).await;
    assert_eq!((reply.status, &reply.json()["code"]), (503, &json!("sealed")), "{reply:?}");
    assert!(reply.json()["next"].as_str().unwrap().contains("agw unlock"), "{reply:?}");
    let bearer = format!("Bearer {}", scene.token);
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    let headers = [("authorization", bearer.as_str())];
    let (status, body) = http::post_json(&scene.service.url("/mcp"), &headers, &ping).await;
    assert_eq!((status, &body["error"]["data"]["code"]), (503, &json!("sealed")), "{body}");
}

fn database(cli: &Cli) -> Connection {
    let path = cli.data_dir().join("agw.db");
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    memchr::memmem::find(bytes, wanted).is_some()
}
