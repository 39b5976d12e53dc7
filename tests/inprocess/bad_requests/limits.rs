//! How much one caller may have under way.

use std::time::Duration;

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use serde_json::json;
use tokio::sync::watch;

use super::super::scene::{JSON, Scene, tools_call};
use crate::support::{eventually, http, upstream::Manner};

/// The bound, as the gateway names it.
const CALLS_PER_CALLER: usize = 64;

/// 64 calls wait at the upstream; the one more is turned away at once, and
/// neither it nor they disturb another caller.
#[tokio::test]
async fn of_sixty_five_calls_at_once_exactly_one_is_turned_away() {
    let scene = Scene::start().await;
    let other = scene.gateway.add_agent("ana", "cursor", &[]).await;
    let (open, gate) = watch::channel(false);
    scene.upstream.behave(Manner::Held(gate));
    let bearer = format!("Bearer {}", scene.token);
    let headers = [JSON, ("authorization", &*bearer)];
    let url = scene.gateway.url("/mcp/tools/call");
    let mut calls: FuturesUnordered<_> = (0..=CALLS_PER_CALLER)
        .map(|n| {
            http::ask(
                "POST",
                &url,
                &headers,
                json!({"tool": "fix.echo", "args": {"n": n}}).to_string(),
            )
        })
        .collect();
    let turned_away = calls.next().await.unwrap();
    assert_eq!(turned_away.status, 429, "{turned_away:?}");
    assert_eq!(turned_away.json()["code"], "too_many_calls");
    assert!(turned_away.header("retry-after").parse::<u32>().is_ok(), "{turned_away:?}");
    scene.assert_refusal("too_many_calls").await;
    let all_there = async || scene.upstream.calls().len() == CALLS_PER_CALLER;
    // The calls run only while they are polled.
    let waiting = eventually("all calls reach the upstream", Duration::from_secs(20), all_there);
    let ahead = async {
        waiting.await;
        let reply = scene.mcp(tools_call("fix__echo", json!({}))).await;
        assert_eq!(
            (reply.status, &reply.json()["error"]["data"]["code"]),
            (429, &json!("too_many_calls"))
        );
        scene.assert_refusal("too_many_calls").await;
        open.send_replace(true);
        let (status, _) = scene.gateway.rest_call(&other, "fix.echo", json!({})).await;
        assert_eq!(status, 200, "another agent has its own bound");
    };
    let answered = async {
        let mut statuses = Vec::new();
        while let Some(reply) = calls.next().await {
            statuses.push(reply.status);
        }
        statuses
    };
    let ((), statuses) = tokio::join!(ahead, answered);
    assert_eq!(statuses, [200; CALLS_PER_CALLER]);
    // The places are free again.
    let (status, _) = scene.gateway.rest_call(&scene.token, "fix.echo", json!({})).await;
    assert_eq!(status, 200);
    scene.gateway.stop().await;
}
