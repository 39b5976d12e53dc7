//! Receivers come and go.

use agw_api::{ClientError, Event, Forward};
use futures_util::StreamExt as _;
use serde_json::json;

use super::{
    super::{admin_api::ask, scene::Scene},
    FORWARDS, SOON, add, assert_same, calls, caught_up, forward,
    sink::{Manner, Sink},
    trail,
};

#[tokio::test]
async fn a_target_that_is_none_is_refused_with_what_is_wrong() {
    let (scene, dir) = (Scene::start().await, tempfile::tempdir().unwrap());
    let own = scene.gateway.dir.path().join("agw.db");
    let missing = dir.path().join("missing/agw.jsonl");
    let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    for (kind, target, wrong) in [
        ("json_lines", path(&own), "data folder"),
        ("json_lines", path(&missing), "is not there"),
        ("json_lines", path(dir.path()), "not a file"),
        ("json_lines", "agw.jsonl".into(), "not an absolute path"),
        ("json_lines", "tcp://siem.example".into(), "HOST:PORT"),
        ("syslog", "siem.example:514".into(), "udp://"),
        ("syslog", "tcp://ana:hunter2@siem.example:601".into(), "user name"),
        ("otlp", "http://collector.example:4318".into(), "https"),
        ("otlp", "https://ana:hunter2@collector.example".into(), "user name"),
        ("otlp", "https://collector.example/?key=hunter2".into(), "query"),
    ] {
        let body = json!({"name": "siem", "kind": kind, "target": target});
        let (status, body) = ask(&scene.gateway.admin, "POST", FORWARDS, body).await;
        assert_eq!((status, &body["code"]), (422, &json!("invalid")), "{target}: {body}");
        let message = body["message"].as_str().unwrap();
        assert!(message.contains(wrong), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
    for (body, expected) in [
        (json!({"name": "a/b", "kind": "syslog", "target": "udp://h"}), 422),
        (json!({"name": "", "kind": "syslog", "target": "udp://h"}), 422),
        (json!({"name": "x", "kind": "smtp", "target": "udp://h"}), 400),
        (json!({"name": "x", "kind": "syslog", "target": "udp://h", "key": "hunter2"}), 400),
    ] {
        let (status, answer) = ask(&scene.gateway.admin, "POST", FORWARDS, body.clone()).await;
        assert_eq!(status, expected, "{body}: {answer}");
    }
    let all: Vec<Forward> = scene.gateway.admin.get(FORWARDS).await.unwrap();
    assert!(all.is_empty(), "{all:?}");
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_receiver_begins_where_it_was_said_and_ends_when_it_is_removed() {
    let scene = Scene::start().await;
    let (first, next) = (Sink::start().await, Sink::start().await);
    let gateway = &scene.gateway;
    calls(&scene, 5).await;
    let head = gateway.audit().await[0].seq;
    let added = add(gateway, "all", "json_lines", &first.target()).await;
    assert_eq!((added.sent, added.behind, added.sent_at), (0, head + 1, None));
    let body = json!({"name": "new", "kind": "json_lines", "target": next.target()});
    let added: Forward = gateway.admin.post(FORWARDS, &body).await.unwrap();
    assert_eq!((added.sent, added.behind), (head + 1, 1));
    calls(&scene, 5).await;
    caught_up(gateway, "all").await;
    caught_up(gateway, "new").await;
    let all = trail(gateway).await;
    assert_same(&first.lines(), &all);
    // The first one is that of its own coming.
    assert_same(&next.lines(), &all[head as usize + 1..]);
    assert_eq!(next.lines()[0]["status"], "forward_added");
    let detail = next.lines()[0]["detail"].as_str().unwrap().to_owned();
    assert_eq!(detail, format!("new: json_lines to {}", next.target()));

    gateway.admin.delete(&format!("{FORWARDS}/new")).await.unwrap();
    calls(&scene, 5).await;
    caught_up(gateway, "all").await;
    let all = trail(gateway).await;
    assert_same(&first.lines(), &all);
    assert!(next.lines().len() <= all.len() - head as usize - 11, "it still gets records");
    let removed = all.iter().find(|record| record["status"] == "forward_removed").unwrap();
    assert_eq!((&removed["detail"], &removed["user"]), (&json!("new"), &json!("root")));
    let gone = gateway.admin.delete(&format!("{FORWARDS}/new")).await;
    assert!(matches!(gone, Err(ClientError::Refused { status, .. }) if status == 404));
    // Of the same name is another one.
    let added = add(gateway, "new", "json_lines", &next.target()).await;
    assert_eq!(added.sent, 0);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn there_is_one_of_each_and_not_too_many() {
    let scene = Scene::start().await;
    let target = |n: u16| format!("tcp://127.0.0.1:{n}");
    for n in 1..=16 {
        add(&scene.gateway, &format!("f{n}"), "json_lines", &target(n)).await;
    }
    for (name, n, code) in [("f1", 20, "exists"), ("f20", 1, "invalid"), ("f20", 20, "invalid")] {
        let body = json!({"name": name, "kind": "json_lines", "target": target(n)});
        let (_, body) = ask(&scene.gateway.admin, "POST", FORWARDS, body).await;
        assert_eq!(body["code"], code, "{name} {n}: {body}");
    }
    let all: Vec<Forward> = scene.gateway.admin.get(FORWARDS).await.unwrap();
    assert_eq!(all.len(), 16);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn windows_hear_of_a_receiver_that_fails_and_of_its_coming_back() {
    let (scene, mut sink) = (Scene::start().await, Sink::start().await);
    add(&scene.gateway, "siem", "json_lines", &sink.target()).await;
    caught_up(&scene.gateway, "siem").await;
    let mut events = scene.gateway.admin.events().await.unwrap();
    let mut told = async || {
        let told = async {
            loop {
                if let Event::Changed { what } = events.next().await.unwrap().unwrap() {
                    return what;
                }
            }
        };
        tokio::time::timeout(SOON, told).await.unwrap()
    };
    sink.leave().await;
    calls(&scene, 1).await;
    assert_eq!(told().await, "audit");
    assert!(forward(&scene.gateway, "siem").await.error.is_some());
    sink.come(Manner::Reads).await;
    assert_eq!(told().await, "audit");
    assert_eq!(forward(&scene.gateway, "siem").await.error, None);
    scene.gateway.stop().await;
}
