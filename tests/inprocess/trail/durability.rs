//! When a record is there: by what the tool does, or always.

use agw_gateway::{MasterKeySource, ServeOptions};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{super::scene::Scene, SOON, ask, eventually, one, open, set, status};
use crate::support::{SHORT, start, upstream::Manner};

async fn confirm(scene: &Scene, effect: &str, version: u64) {
    let path = "/api/v1/tools/fix.echo/effect";
    let body = json!({"effect": effect, "version": version});
    let (status, body) = ask(&scene.gateway.admin, "PUT", path, body).await;
    assert_eq!(status, 200, "{body}");
}

/// Another process sees it in the database while its call is still under way.
async fn assert_intent_before_effect(scene: &Scene, effect: Option<&str>) {
    let (gate, held) = watch::channel(false);
    scene.upstream.behave(Manner::Held(held));
    let before = scene.upstream.calls().len();
    let db = open(scene.dir());
    let intents = "SELECT count(*) FROM audit WHERE record ->> 'kind' = 'intent'";
    let known: u64 = one(&db, intents);
    let newest = "SELECT record ->> 'effect' FROM audit WHERE record ->> 'kind' = 'intent'
                  ORDER BY seq DESC LIMIT 1";
    let answered = scene.rest(json!({"tool": "fix.echo", "args": {}}).to_string());
    let looked = async {
        eventually("the call is under way", SOON, async || scene.upstream.calls().len() > before)
            .await;
        assert_eq!(one::<u64>(&db, intents), known + 1, "{effect:?}");
        assert_eq!(one::<Option<String>>(&db, newest).as_deref(), effect);
        let outcomes: u64 =
            one(&db, "SELECT count(*) FROM audit WHERE record ->> 'kind' = 'outcome'");
        assert_eq!(outcomes, known);
        gate.send_replace(true);
    };
    let (reply, ()) = tokio::join!(answered, looked);
    assert_eq!(reply.status, 200, "{reply:?}");
    eventually("the outcome is written", SOON, async || {
        one::<u64>(&db, "SELECT count(*) FROM audit WHERE record ->> 'kind' = 'outcome'") > known
    })
    .await;
    scene.upstream.behave(Manner::Echo);
}

#[tokio::test]
async fn an_intent_is_written_before_its_effect_whatever_that_is() {
    let scene = Scene::start().await;
    assert_intent_before_effect(&scene, None).await;
    for (version, effect) in ["read", "write", "destructive", "read"].into_iter().enumerate() {
        confirm(&scene, effect, version as u64).await;
        assert_intent_before_effect(&scene, Some(effect)).await;
    }
    for members in [json!({"durability": "strict"}), json!({"receipts": true})] {
        set(&scene.gateway, members).await;
        assert_eq!(json!(status(&scene.gateway).await.durability), "strict");
        assert_intent_before_effect(&scene, Some("read")).await;
    }
    set(&scene.gateway, json!({"durability": "by_effect", "receipts": false})).await;
    assert_eq!(json!(status(&scene.gateway).await.durability), "by_effect");
    let scene = scene.restart().await;
    assert_intent_before_effect(&scene, Some("read")).await;
    scene.gateway.stop().await;
}

#[tokio::test]
async fn strict_on_the_command_line_goes_before_the_settings() {
    let scene = Scene::start().await;
    assert_eq!(json!(status(&scene.gateway).await.durability), "by_effect");
    let admin = scene.gateway.admin.clone();
    let dir = scene.gateway.stop().await;
    let options = ServeOptions {
        data_dir: dir.path().to_owned(),
        listen: "127.0.0.1:0".parse().unwrap(),
        master_key: Some(MasterKeySource::File(dir.path().join("master.key"))),
        web_view: None,
        passphrase: None,
        strict_audit: true,
        legacy_sse: false,
    };
    let running = start(options, SHORT).await.unwrap();
    let status: Value = admin.get("/api/v1/audit/status").await.unwrap();
    assert_eq!(status["durability"], "strict");
    let settings: Value = admin.get("/api/v1/audit/settings").await.unwrap();
    assert_eq!(settings["durability"], "by_effect");
    running.stop().await;
}
