//! How often: the rate of a grant and the uses of a sub-token, exactly, from
//! wherever the calls come and over a restart.

use agw_api::{Agent, Grant};
use serde_json::{Value, json};

use super::{
    super::scene::{Scene, tools_call},
    SOON, approvals, call, outcome, say,
};
use crate::support::{InProcess, eventually, http, mcp, mcp::Session};

/// Ana's grant of `fix.echo`, with a rate.
async fn rated(gateway: &InProcess, effect: &str, rate: &str) -> Grant {
    let body = json!({"subject": "ana", "tool": "fix.echo", "effect": effect, "rate": rate});
    gateway.grant_with(body).await
}

/// The ways in which a call of `fix.echo` can come.
#[derive(Clone, Copy)]
enum Way {
    Rest,
    Session,
    Stateless,
}

/// Calls, and says whether it went through; if it did not, it was for this.
async fn passes(url: String, token: String, way: Way, refused: &'static str) -> bool {
    let params = json!({"name": "fix__echo", "arguments": {}});
    let answer = match way {
        Way::Rest => return passes_rest(&url, &token, refused).await,
        Way::Stateless => {
            let url = format!("{url}/mcp");
            mcp::stateless(&url, &token, "tools/call", params).await.1
        }
        Way::Session => {
            let bearer = format!("Bearer {token}");
            let headers = [mcp::ACCEPT, ("authorization", bearer.as_str())];
            let body: Value = serde_json::from_str(&tools_call("fix__echo", json!({}))).unwrap();
            http::post_json(&format!("{url}/mcp"), &headers, &body).await.1
        }
    };
    if answer["result"]["isError"].is_null() {
        assert!(answer["result"]["structuredContent"].is_object(), "{answer}");
        return true;
    }
    assert_eq!(answer["result"]["_meta"]["dev.aiagentgateway/code"], refused, "{answer}");
    false
}

async fn passes_rest(url: &str, token: &str, refused: &'static str) -> bool {
    let body = json!({"tool": "fix.echo", "token": token}).to_string();
    let headers = [("content-type", "application/json")];
    let reply = http::ask("POST", &format!("{url}/mcp/tools/call"), &headers, body).await;
    if reply.status == 200 {
        return true;
    }
    assert_eq!(reply.json()["code"], refused, "{reply:?}");
    if refused == "rate_limited" {
        assert_eq!(reply.status, 429);
        let after: u32 = reply.header("retry-after").parse().unwrap();
        assert!((1..=61).contains(&after), "{after}");
    } else {
        assert_eq!((reply.status, reply.header("retry-after")), (403, ""));
    }
    false
}

/// So many calls at once, shared out among the tokens and the ways; how many
/// went through.
async fn rush(
    gateway: &InProcess,
    count: usize,
    tokens: &[&String],
    refused: &'static str,
) -> usize {
    let ways = [Way::Rest, Way::Session, Way::Stateless];
    let calls: Vec<_> = (0..count)
        .map(|n| {
            let (token, way) = (tokens[n % tokens.len()].clone(), ways[n / tokens.len() % 3]);
            tokio::spawn(passes(gateway.url(""), token, way, refused))
        })
        .collect();
    let mut passed = 0;
    for call in calls {
        passed += usize::from(call.await.unwrap());
    }
    passed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_calls_at_once_exactly_ten_pass_a_rate_of_ten() {
    let Scene { gateway, upstream, token, .. } = Scene::start().await;
    let grant = rated(&gateway, "allow", "10/min").await;
    let cursor = gateway.add_agent("ana", "cursor", &[]).await;
    let tokens = [&token, &cursor];
    assert_eq!(rush(&gateway, 100, &tokens, "rate_limited").await, 10);
    assert_eq!(upstream.calls().len(), 10);
    let trail = gateway.audit().await;
    let limited: Vec<_> =
        trail.iter().filter(|r| r.reason.as_deref() == Some("rate_limited")).collect();
    assert_eq!(limited.len(), 90);
    for record in limited {
        assert_eq!(record.decision.as_deref(), Some("deny"), "{record:?}");
        assert_eq!(record.grants, [grant.id.as_str()], "{record:?}");
    }
    // It is the grant's: the person's own token finds it used up, too.
    let own = gateway.user_token("ana").await;
    assert_eq!(rush(&gateway, 6, &[&own], "rate_limited").await, 0);

    let gateway = gateway.restart().await;
    eventually("it is connected again", SOON, async || {
        let shown: Value = gateway.admin.get("/api/v1/connections/fix").await.unwrap();
        shown["health"] == "ready"
    })
    .await;
    assert_eq!(rush(&gateway, 12, &[&token, &cursor], "rate_limited").await, 0);
    // A higher one has room for just the difference.
    rated(&gateway, "allow", "13/min").await;
    assert_eq!(rush(&gateway, 30, &tokens, "rate_limited").await, 3);
    assert_eq!(upstream.calls().len(), 13);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sub_token_is_good_for_exactly_its_uses() {
    let Scene { gateway, upstream, .. } = Scene::start().await;
    let token = gateway.add_agent_with("ana", json!({"name": "limited", "max_uses": 7})).await;
    assert_eq!(rush(&gateway, 64, &[&token], "uses_up").await, 7);
    assert_eq!(upstream.calls().len(), 7);
    let limited = async |gateway: &InProcess| {
        let agents: Vec<Agent> = gateway.admin.get("/api/v1/agents?user=ana").await.unwrap();
        agents.into_iter().find(|agent| agent.name == "limited").unwrap()
    };
    let agent = limited(&gateway).await;
    assert_eq!((agent.forwarded, agent.max_uses), (7, Some(7)));

    let gateway = gateway.restart().await;
    assert_eq!(rush(&gateway, 9, &[&token], "uses_up").await, 0);
    let agent = limited(&gateway).await;
    assert_eq!(agent.forwarded, 7);
    let body = json!({"scope": [], "max_uses": 9, "version": agent.version});
    let path = "/api/v1/users/ana/agents/limited";
    let _: Agent = gateway.admin.put(path, &body).await.unwrap();
    eventually("it is connected again", SOON, async || {
        let shown: Value = gateway.admin.get("/api/v1/connections/fix").await.unwrap();
        shown["health"] == "ready"
    })
    .await;
    assert_eq!(rush(&gateway, 32, &[&token], "uses_up").await, 2);
    assert_eq!(upstream.calls().len(), 9);
    gateway.stop().await;
}

/// Calls that never went on their way, each for another reason.
#[tokio::test]
async fn what_is_not_forwarded_uses_nothing_up() {
    let scene = Scene::start().await;
    let Scene { gateway, upstream, .. } = &scene;
    gateway.revoke(&scene.granted).await;
    let body = json!({"subject": "ana", "tool": "fix.*", "effect": "allow", "when": "!has(args.n) || args.n < 9", "rate": "3/min"});
    gateway.grant_with(body).await;
    gateway.grant("ana", "fix.fail", "deny").await;
    let token = gateway.add_agent_with("ana", json!({"name": "limited", "max_uses": 3})).await;
    for round in 0..3 {
        for (tool, args, expected) in [
            ("fix.echo", json!({"n": 9}), (403, "denied")),
            ("fix.fail", json!({}), (403, "not_granted")),
            ("fix.gone", json!({}), (404, "unknown_tool")),
            ("else.echo", json!({}), (403, "not_granted")),
            ("fix.echo", json!({"leaked": token}), (422, "token_in_arguments")),
            ("fix.echo", json!([]), (422, "invalid_arguments")),
        ] {
            let (status, body) = gateway.rest_call(&token, tool, args.clone()).await;
            let seen = (status, body["code"].as_str().unwrap());
            assert_eq!(seen, expected, "{tool} {args}: {body}");
        }
        assert_eq!(gateway.rest_call(&token, "fix.echo", json!({"n": round})).await.0, 200);
    }
    assert_eq!(upstream.calls().len(), 3);
    let (status, body) = gateway.rest_call(&token, "fix.echo", json!({})).await;
    assert!([403, 429].contains(&status), "{body}");
    scene.gateway.stop().await;
}

#[tokio::test]
async fn what_was_forwarded_and_failed_was_forwarded() {
    let scene = Scene::start().await;
    rated(&scene.gateway, "allow", "2/min").await;
    scene.upstream.behave(crate::support::upstream::Manner::Status(500));
    for _ in 0..2 {
        let (status, body) = scene.gateway.rest_call(&scene.token, "fix.echo", json!({})).await;
        assert!(status >= 500, "{body}");
    }
    assert_eq!(scene.gateway.rest_call(&scene.token, "fix.echo", json!({})).await.0, 429);
    assert_eq!(scene.upstream.calls().len(), 2);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn the_rate_of_a_grant_that_asks_counts_what_was_approved() {
    let scene = Scene::start().await;
    let Scene { gateway, upstream, token, .. } = &scene;
    rated(gateway, "ask", "2/min").await;
    let words = ["deny", "once", "deny", "deny", "once"];
    for (n, word) in words.into_iter().enumerate() {
        let made = call(gateway, token, "fix.echo", json!({"n": n}));
        say(gateway, &super::the_held(gateway).await.id, word).await;
        let expected = if word == "once" { 200 } else { 403 };
        assert_eq!(outcome(made).await.0, expected, "{n}");
    }
    assert_eq!(upstream.calls().len(), 2);
    let made = call(gateway, token, "fix.echo", json!({"n": 9}));
    eventually("it is refused, or asked about first", SOON, async || {
        made.is_finished() || !approvals(gateway).await.is_empty()
    })
    .await;
    assert!(
        made.is_finished(),
        "a person is asked about a call that will be refused for its rate whatever they say"
    );
    let (status, body) = outcome(made).await;
    assert_eq!((status, &body["code"]), (429, &json!("rate_limited")), "{body}");
    assert_eq!(upstream.calls().len(), 2);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_rate_has_room_again_when_its_time_has_passed() {
    let scene = Scene::start().await;
    let Scene { gateway, token, .. } = &scene;
    rated(gateway, "allow", "1/s").await;
    let session = Session::open(&gateway.url("/mcp"), token).await;
    assert_eq!(gateway.rest_call(token, "fix.echo", json!({})).await.0, 200);
    eventually("there is room again", SOON, async || {
        session.call("fix__echo", json!({})).await["result"]["isError"].is_null()
    })
    .await;
    assert_eq!(scene.upstream.calls().len(), 2);
    scene.gateway.stop().await;
}

/// The owner's and the agent's own: whichever is used up first.
#[tokio::test]
async fn every_grant_that_allows_a_call_counts_it() {
    let scene = Scene::start().await;
    let Scene { gateway, token, upstream, .. } = &scene;
    rated(gateway, "allow", "5/min").await;
    gateway
        .grant_with(
            json!({"subject": "ana/claude", "tool": "fix.*", "effect": "allow", "rate": "2/min"}),
        )
        .await;
    let cursor = gateway.add_agent("ana", "cursor", &[]).await;
    assert_eq!(rush(gateway, 9, &[token], "rate_limited").await, 2);
    assert_eq!(rush(gateway, 9, &[&cursor], "rate_limited").await, 3);
    assert_eq!(rush(gateway, 3, &[token], "rate_limited").await, 0);
    assert_eq!(upstream.calls().len(), 5);
    // A rate of more than there is time to count is no rate; nor is one of a denial.
    for (effect, rate) in [("allow", "0/min"), ("allow", "10/week"), ("deny", "10/min")] {
        let body = json!({"subject": "ana", "tool": "fix.*", "effect": effect, "rate": rate});
        let (status, answer) =
            super::super::admin_api::ask(&gateway.admin, "POST", "/api/v1/grants", body).await;
        assert_eq!((status, &answer["code"]), (422, &json!("invalid")), "{rate}: {answer}");
    }
    scene.gateway.stop().await;
}
