//! No receiver gets what the trail itself does not show.

use serde_json::json;
use tokio::net::UdpSocket;

use super::{super::scene::Scene, SOON, add, caught_up, collector::Collector, sink::Sink};
use crate::support::{
    PASSWORD, eventually, http,
    leaks::{self, Place, Planted},
};

const ARGUMENT: &str = "4rgument-s3cret-value";
const KEPT: &str = "kept-s3aled-value";
const HEADER: &str = "Bearer h34der-s3cret-of-fix";

#[tokio::test]
async fn no_arguments_tokens_or_credentials_leave() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    let upstream = crate::support::upstream::Fixture::start().await;
    gateway.connect_http("keyed", &upstream.url(), &[("Authorization", HEADER)]).await;
    gateway.grant("ana", "keyed.*", "allow").await;
    gateway.grant("ana", "fix.fail", "ask").await;
    let recording = json!({"bodies": true, "version": 0});
    let path = "/api/v1/tools/keyed.echo/recording";
    let _: agw_api::Recording = gateway.admin.put(path, &recording).await.unwrap();
    let mut settings: serde_json::Value =
        gateway.admin.get("/api/v1/audit/settings").await.unwrap();
    settings["metrics"] = json!("local");
    let _: agw_api::AuditSettings =
        gateway.admin.put("/api/v1/audit/settings", &settings).await.unwrap();
    let metrics: agw_api::TokenCreated =
        gateway.admin.post("/api/v1/audit/metrics-token", &()).await.unwrap();
    let own = gateway.user_token("ana").await;

    let (lines, messages, collector) =
        (Sink::start().await, Sink::start().await, Collector::start().await);
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("agw.jsonl");
    add(gateway, "file", "json_lines", file.to_str().unwrap()).await;
    add(gateway, "lines", "json_lines", &lines.target()).await;
    add(gateway, "syslog", "syslog", &messages.target()).await;
    add(gateway, "udp", "syslog", &format!("udp://{}", socket.local_addr().unwrap())).await;
    add(gateway, "otel", "otlp", &collector.target()).await;

    for (tool, args, expected) in [
        ("fix.echo", json!({"password": ARGUMENT}), 200),
        ("keyed.echo", json!({"deep": {"er": KEPT}}), 200),
        ("fix.other", json!({"password": ARGUMENT}), 403),
        (own.as_str(), json!({"password": ARGUMENT}), 403),
        ("fix.echo", json!({"to": scene.token}), 422),
        ("fix.echo", json!({"to": metrics.token}), 422),
    ] {
        let (status, body) = gateway.rest_call(&scene.token, tool, args).await;
        assert_eq!(status, expected, "{tool}: {body}");
    }
    gateway.rest_call(&metrics.token, "fix.echo", json!({})).await;
    let body = json!({"user": "root", "password": "wr0ng-s3cret-password"});
    drop(gateway.admin.post::<_, serde_json::Value>("/api/v1/sessions", &body).await);
    for name in ["file", "lines", "syslog", "udp", "otel"] {
        caught_up(gateway, name).await;
    }
    let reports = collector.metrics().len();
    eventually("metrics are reported", SOON, async || collector.metrics().len() > reports).await;
    let mut datagrams = Vec::new();
    let mut datagram = vec![0; 65_536];
    while let Ok(length) = socket.try_recv(&mut datagram) {
        datagrams.extend_from_slice(&datagram[..length]);
    }
    let shown = http::ask("GET", &gateway.url("/metrics"), &[], "").await;
    let places = [
        ("file", std::fs::read(&file).unwrap()),
        ("lines", lines.received().concat()),
        ("syslog", messages.received().concat()),
        ("udp", datagrams),
        ("otlp", collector.bytes()),
        ("metrics", shown.text.into_bytes()),
    ];
    let places = places.map(|(name, bytes)| Place { name: name.into(), bytes });
    let planted = [
        ("an argument", ARGUMENT),
        ("an argument in a sealed body", KEPT),
        ("a credential", &HEADER[7..]),
        ("an agent's token", &scene.token),
        ("a user's token", &own),
        ("the metrics token", &metrics.token),
        ("a password", PASSWORD),
        ("a wrong password", "wr0ng-s3cret-password"),
        ("the recovery key", &gateway.recovery_key),
    ];
    let planted = planted.map(|(name, value)| Planted::new(name, value));
    assert_eq!(leaks::find(&planted, &places), Vec::<String>::new());
    // The search would find what is there.
    for (place, shown) in places.iter().zip(["ana", "ana", "ana", "ana", "ana", "granted"]) {
        assert!(String::from_utf8_lossy(&place.bytes).contains(shown), "{place:?}");
    }
    scene.gateway.stop().await;
}
