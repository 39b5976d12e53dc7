//! Resources that are watched: who subscribed hears of them, and nobody else.

use std::time::Duration;

use agw_gateway::Timeouts;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::Stateless;
use crate::support::{
    InProcess, eventually,
    everything::{Dialect, Scene},
    mcp,
    mcp::Session,
    upstream::Fixture,
};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/stdio_server.py");
const UPDATED: &str = "notifications/resources/updated";

async fn servers() -> [Fixture; 2] {
    let servers = [Fixture::start().await, Fixture::modern().await];
    servers.iter().for_each(Fixture::talk);
    servers
}

/// Watches over `subscriptions/listen`.
async fn listen(url: &str, token: &str, uris: &[&str]) -> mpsc::UnboundedReceiver<Value> {
    let client = Stateless::new(url, token);
    let params = json!({"notifications": {"resourceSubscriptions": uris}});
    let mut events = mcp::events(client.send("subscriptions/listen", params).await);
    let first = events.recv().await.unwrap();
    assert_eq!(first["params"]["notifications"]["resourceSubscriptions"], json!(uris), "{first}");
    events
}

/// The URI that it hears of next.
async fn next(events: &mut mpsc::UnboundedReceiver<Value>) -> String {
    let heard = tokio::time::timeout(Duration::from_secs(20), events.recv()).await;
    let heard = heard.expect("it hears something").expect("it goes on");
    assert_eq!(heard["method"], UPDATED, "{heard}");
    heard["params"]["uri"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn who_subscribed_hears_that_a_resource_changed_and_nobody_else() {
    for server in servers().await {
        let gateway = InProcess::start_with(Timeouts::default()).await;
        gateway.connect_http("up", &server.url(), &[]).await;
        for person in ["ana", "bo"] {
            gateway.add_user(person, None).await;
            gateway.grant(person, "up.*", "allow").await;
        }
        let one = gateway.add_agent("ana", "one", &[]).await;
        let two = gateway.add_agent("ana", "two", &[]).await;
        let bo = gateway.add_agent("bo", "bot", &[]).await;
        let url = gateway.url("/mcp/up");
        let before = server.tell("notifications/nothing", json!({}));
        // In a session: two agents of one person, and another person.
        let mut streams = Vec::new();
        for (token, uri) in [(&one, "note:///a"), (&two, "note:///b"), (&bo, "note:///c")] {
            let session = Session::open(&url, token).await;
            let events = session.listen().await;
            let subscribed = session.request("resources/subscribe", json!({"uri": uri})).await;
            assert_eq!(subscribed["result"], json!({}), "{subscribed}");
            streams.push((events, uri, session));
        }
        // And without one.
        let mut listened = Vec::new();
        for (token, uri) in [(&one, "note:///d"), (&bo, "note:///e")] {
            listened.push((listen(&url, token, &[uri]).await, uri));
        }
        // One stream a person.
        eventually("it is listened to", Duration::from_secs(20), async || {
            server.tell("notifications/nothing", json!({})) >= before + 2
        })
        .await;
        // A stream of the stateless era is opened again with each subscription.
        tokio::time::sleep(Duration::from_millis(500)).await;
        // This server tells everybody of everything.
        for uri in ["note:///z", "note:///a", "note:///b", "note:///c", "note:///d", "note:///e"] {
            server.tell(UPDATED, json!({"uri": uri, "x-unknown": 1}));
        }
        for (events, uri, _) in &mut streams {
            assert_eq!(next(events).await, *uri);
        }
        for (events, uri) in &mut listened {
            assert_eq!(next(events).await, *uri);
        }
        // Nor anything more: the next that they hear is the next of theirs.
        server.tell(UPDATED, json!({"uri": "note:///b"}));
        server.tell(UPDATED, json!({"uri": "note:///a"}));
        assert_eq!(next(&mut streams[0].0).await, "note:///a");
        // What may no longer be read is no longer told of.
        gateway.grant("ana", "up.@resource/note:///b", "deny").await;
        let (events, _, session) = &mut streams[1];
        assert_eq!(next(events).await, "note:///b");
        session.request("resources/subscribe", json!({"uri": "note:///f"})).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        server.tell(UPDATED, json!({"uri": "note:///b"}));
        server.tell(UPDATED, json!({"uri": "note:///f"}));
        let heard = loop {
            let heard = events.recv().await.unwrap();
            if heard["method"] == UPDATED {
                break heard;
            }
        };
        assert_eq!(heard["params"]["uri"], "note:///f", "{heard}");
        gateway.stop().await;
    }
}

/// Resources of two systems may have one URI.
#[tokio::test]
async fn a_subscription_to_one_system_is_not_ended_at_another() {
    let gateway = InProcess::start_with(Timeouts::default()).await;
    gateway.add_user("ana", None).await;
    gateway.grant("ana", "*", "allow").await;
    let token = gateway.add_agent("ana", "one", &[]).await;
    let servers = servers().await;
    let mut sessions = Vec::new();
    for (server, name) in servers.iter().zip(["first", "second"]) {
        gateway.connect_http(name, &server.url(), &[]).await;
        let before = server.tell("notifications/nothing", json!({}));
        let session = Session::open(&gateway.url(&format!("/mcp/{name}")), &token).await;
        let events = session.listen().await;
        session.request("resources/subscribe", json!({"uri": "note:///a"})).await;
        eventually("it is listened to", Duration::from_secs(20), async || {
            server.tell("notifications/nothing", json!({})) > before
        })
        .await;
        sessions.push((session, events));
    }
    sessions[0].0.request("resources/unsubscribe", json!({"uri": "note:///a"})).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    // Told of by one system, it is not a resource of the other.
    servers[0].tell(UPDATED, json!({"uri": "note:///a", "of": "first"}));
    servers[1].tell(UPDATED, json!({"uri": "note:///a", "of": "second"}));
    let heard = tokio::time::timeout(Duration::from_secs(10), sessions[1].1.recv()).await;
    assert_eq!(heard.expect("it hears").unwrap()["params"]["of"], "second");
    gateway.stop().await;
}

/// A client may hang up before it hears that anything is watched.
#[tokio::test]
async fn nothing_stays_watched_for_a_client_that_hung_up() {
    let scene = Scene::start(Dialect::Sessions).await;
    let url = scene.url();
    let uris: Vec<String> = (0..100).map(|n| format!("note:///{n}")).collect();
    let client = Stateless::new(&url, &scene.token);
    let params = json!({"notifications": {"resourceSubscriptions": uris}});
    let asked = client.send("subscriptions/listen", params);
    let count = |method: &str| scene.upstream.received(method).len();
    tokio::select! {
        _ = asked => panic!("it was answered too soon for this test"),
        () = eventually("it began", Duration::from_secs(20), async || count("resources/subscribe") > 3) => {}
    }
    eventually("each is given up again", Duration::from_secs(20), async || {
        // Between looks nothing new comes.
        let before = count("resources/subscribe");
        tokio::time::sleep(Duration::from_millis(300)).await;
        let watched = count("resources/subscribe");
        watched == before && watched == count("resources/unsubscribe")
    })
    .await;
    scene.gateway.stop().await;
}

/// A server that starts again is told what to watch; not on grants of before.
#[tokio::test]
async fn what_may_no_longer_be_read_is_not_watched_again() {
    let gateway = InProcess::start_with(Timeouts::default()).await;
    let file = gateway.dir.path().join("watched");
    let argv = ["python3", FIXTURE, "watches", file.to_str().unwrap()];
    gateway.connect_stdio("up", &argv, &[]).await;
    gateway.add_user("ana", None).await;
    gateway.grant("ana", "up.*", "allow").await;
    let token = gateway.add_agent("ana", "one", &[]).await;
    let session = Session::open(&gateway.url("/mcp/up"), &token).await;
    for uri in ["note:///a", "note:///b", "note:///c"] {
        let subscribed = session.request("resources/subscribe", json!({"uri": uri})).await;
        assert_eq!(subscribed["result"], json!({}), "{subscribed}");
    }
    gateway.grant("ana", "up.@resource/note:///b", "deny").await;
    let died = session.call("echo", json!({})).await;
    assert_eq!(died["result"]["isError"], true, "{died}");
    // Meanwhile one is given up.
    let over = session.request("resources/unsubscribe", json!({"uri": "note:///c"})).await;
    assert_eq!(over["result"], json!({}));
    let watched = || std::fs::read_to_string(&file).unwrap();
    eventually("it is watched again", Duration::from_secs(20), async || {
        watched().lines().count() > 3
    })
    .await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let all = watched();
    let again: Vec<&str> = all.lines().skip(3).collect();
    assert_eq!(again, ["note:///a"], "{all}");
    gateway.stop().await;
}
