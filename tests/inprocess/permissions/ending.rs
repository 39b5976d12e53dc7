//! What is taken from a caller takes its open questions along: the held call
//! ends, and nobody can say yes to it any more.

use agw_api::{Agent, Approval};
use serde_json::{Value, json};

use super::{
    super::{
        admin_api::ask,
        scene::{JSON, STATELESS, Scene, stateless},
    },
    SOON, answer, approval, approvals, asking, becomes, call, outcome, say, the_held,
};
use crate::support::{
    eventually, http,
    mcp::{self, Session},
};

/// A change by an admin, and what the held call then comes to.
struct Loss {
    what: &'static str,
    method: &'static str,
    path: &'static str,
    body: Value,
    /// HTTP status over REST, and code on both faces.
    ends: (u16, &'static str),
}

fn losses() -> Vec<Loss> {
    let loss = |what, method, path, body, ends| Loss { what, method, path, body, ends };
    let pause =
        |what, subject: Value| loss(what, "POST", "/api/v1/pause", subject, (503, "paused"));
    let deny = json!({"subject": "ana", "tool": "fix.*", "effect": "deny"});
    let agent = "/api/v1/users/ana/agents/claude";
    vec![
        loss("its token", "DELETE", agent, json!(null), (401, "token_revoked")),
        loss("its owner", "DELETE", "/api/v1/users/ana", json!(null), (401, "token_revoked")),
        loss("its grant", "DELETE", "/api/v1/grants/GRANT", json!(null), (403, "not_granted")),
        loss("another grant forbids it", "POST", "/api/v1/grants", deny, (403, "not_granted")),
        loss(
            "its scope",
            "PUT",
            agent,
            json!({"scope": ["fix.other"], "version": 1}),
            (403, "not_granted"),
        ),
        pause("it is paused", json!({"subject": "ana/claude"})),
        pause("its owner is paused", json!({"subject": "ana"})),
        pause("the connection is paused", json!({"subject": "fix"})),
        pause("all are paused", json!(null)),
    ]
}

/// The outcome of a call that was held, and what its approval came to.
async fn assert_ended(scene: &Scene, asked: &Approval, reason: &str) {
    becomes(&scene.gateway, &asked.id, "cancelled").await;
    for word in ["once", "session", "deny"] {
        let (code, body) = answer(&scene.gateway.admin, &asked.id, word).await;
        assert_eq!((code, &body["code"]), (409, &json!("answered")), "{reason}: {body}");
        assert_eq!(body["current"]["state"], "cancelled", "{body}");
    }
    assert_eq!(approvals(&scene.gateway).await.len(), 0, "{reason}");
    scene.assert_untouched();
    let trail = scene.gateway.audit().await;
    let of = |kind: &str| {
        let mut found = trail
            .iter()
            .filter(|r| r.kind == kind && r.approval.as_deref() == Some(asked.id.as_str()));
        found.next().unwrap_or_else(|| panic!("no {kind} of {}: {trail:?}", asked.id))
    };
    assert_eq!(of("approval").status.as_deref(), Some("cancelled"));
    let outcome = of("outcome");
    assert_eq!(outcome.status.as_deref(), Some("denied"), "{outcome:?}");
    assert_eq!(outcome.decision.as_deref(), Some("deny"), "{outcome:?}");
}

#[tokio::test]
async fn a_held_call_ends_with_what_its_caller_loses() {
    for loss in losses() {
        let scene = asking().await;
        let held_call = call(&scene.gateway, &scene.token, "fix.echo", json!({}));
        let asked = the_held(&scene.gateway).await;
        let path = loss.path.replace("GRANT", &scene.granted.id);
        let (code, body) = ask(&scene.gateway.admin, loss.method, &path, loss.body).await;
        assert!((200..300).contains(&code), "{}: {body}", loss.what);
        let (code, body) = outcome(held_call).await;
        assert_eq!(
            (code, body["code"].as_str()),
            (loss.ends.0, Some(loss.ends.1)),
            "{}",
            loss.what
        );
        assert_ended(&scene, &asked, loss.what).await;
        scene.gateway.stop().await;
    }
}

/// A client that reads a stream knows its call by the id; an answer to nobody
/// would leave it waiting.
#[tokio::test]
async fn a_held_call_that_streams_is_answered_by_its_id() {
    // One of each kind: the token, the map, the caller, and the gateway as a whole.
    let kinds = ["its token", "its grant", "it is paused", "all are paused"];
    for loss in losses().into_iter().filter(|loss| kinds.contains(&loss.what)) {
        let scene = asking().await;
        let session = Session::open(&scene.gateway.url("/mcp"), &scene.token).await;
        let response = session.call_streaming(json!("call-1"), "fix__echo", json!({}), None).await;
        let mut stream = mcp::events(response);
        let asked = the_held(&scene.gateway).await;
        let path = loss.path.replace("GRANT", &scene.granted.id);
        ask(&scene.gateway.admin, loss.method, &path, loss.body).await;
        let end = tokio::time::timeout(SOON, stream.recv()).await.expect("the end soon").unwrap();
        let code = match end.get("error") {
            Some(error) => &error["data"]["code"],
            None => &end["result"]["_meta"]["dev.aiagentgateway/code"],
        };
        assert_eq!(
            (&end["id"], code),
            (&json!("call-1"), &json!(loss.ends.1)),
            "{}: {end}",
            loss.what
        );
        assert_ended(&scene, &asked, loss.what).await;
        scene.gateway.stop().await;
    }
}

/// It was said while the caller still could.
#[tokio::test]
async fn a_yes_that_was_not_picked_up_ends_with_what_its_caller_loses() {
    for subject in [json!({"subject": "ana/claude"}), json!({"subject": "fix"}), json!(null)] {
        let scene = asking().await;
        let Scene { gateway, token, .. } = &scene;
        let asked = left_behind(&scene).await;
        say(gateway, &asked.id, "once").await;
        for path in ["/api/v1/pause", "/api/v1/resume"] {
            assert_eq!(ask(&gateway.admin, "POST", path, subject.clone()).await.0, 200);
            if path == "/api/v1/pause" {
                becomes(gateway, &asked.id, "cancelled").await;
            }
        }
        let again = call(gateway, token, "fix.echo", json!({}));
        let anew = the_held(gateway).await;
        assert_ne!(anew.id, asked.id);
        scene.assert_untouched();
        say(gateway, &anew.id, "once").await;
        assert_eq!(outcome(again).await.0, 200);
        scene.gateway.stop().await;
    }
}

/// A question whose caller has hung up.
async fn left_behind(scene: &Scene) -> Approval {
    let body = stateless("tools/call", json!({"name": "fix__echo", "arguments": {}}));
    let bearer = format!("Bearer {}", scene.token);
    let headers = [
        JSON,
        mcp::ACCEPT,
        STATELESS,
        ("mcp-method", "tools/call"),
        ("mcp-name", "fix__echo"),
        ("authorization", bearer.as_str()),
    ];
    let url = scene.gateway.url("/mcp");
    drop(http::send("POST", &url, &headers, body.to_string()).await);
    eventually("nobody is on the line", SOON, async || {
        let all = approvals(&scene.gateway).await;
        all.len() == 1 && !all[0].waiting
    })
    .await;
    approvals(&scene.gateway).await.remove(0)
}

#[tokio::test]
async fn a_held_call_ends_with_its_connection() {
    let scene = asking().await;
    let Scene { gateway, token, upstream, .. } = &scene;
    let held_call = call(gateway, token, "fix.echo", json!({}));
    let asked = the_held(gateway).await;
    gateway.admin.delete("/api/v1/connections/fix").await.unwrap();
    becomes(gateway, &asked.id, "cancelled").await;
    let (code, body) = outcome(held_call).await;
    assert_eq!((code, &body["code"]), (404, &json!("unknown_tool")), "{body}");
    // One of the same name is another one.
    gateway.connect_http("fix", &upstream.url(), &[]).await;
    assert_eq!(answer(&gateway.admin, &asked.id, "once").await.0, 409);
    let again = call(gateway, token, "fix.echo", json!({}));
    let anew = the_held(gateway).await;
    assert_ne!(anew.id, asked.id);
    say(gateway, &anew.id, "deny").await;
    assert_eq!(outcome(again).await.0, 403);
    scene.assert_untouched();
    scene.gateway.stop().await;
}

/// Nobody has to do anything for these.
#[tokio::test]
async fn a_held_call_ends_when_its_grant_or_its_token_expires() {
    let scene = asking().await;
    let Scene { gateway, token, .. } = &scene;
    let agent = json!({"name": "brief", "ttl_seconds": 1});
    let brief = gateway.add_agent_with("ana", agent).await;
    let by_token = call(gateway, &brief, "fix.echo", json!({}));
    let asked = the_held(gateway).await;
    assert_eq!(outcome(by_token).await.1["code"], "token_expired");
    becomes(gateway, &asked.id, "cancelled").await;

    let body = json!({"subject": "ana", "tool": "fix.echo", "effect": "ask", "expires": "1s"});
    gateway.grant_with(body).await;
    let by_grant = call(gateway, token, "fix.echo", json!({}));
    let asked = the_held(gateway).await;
    let (code, body) = outcome(by_grant).await;
    assert_eq!((code, &body["code"]), (403, &json!("not_granted")), "{body}");
    becomes(gateway, &asked.id, "cancelled").await;
    assert_eq!(answer(&gateway.admin, &asked.id, "once").await.0, 409);
    scene.assert_untouched();
    scene.gateway.stop().await;
}

/// And the other way round: an admin allows it meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_call_goes_on_when_it_is_asked_no_longer() {
    let scene = asking().await;
    let Scene { gateway, upstream, token, .. } = &scene;
    for n in 1..=15 {
        let held_call = call(gateway, token, "fix.echo", json!({"n": n}));
        let asked = the_held(gateway).await;
        gateway.grant("ana", "fix.echo", "allow").await;
        let (code, body) = outcome(held_call).await;
        assert_eq!(code, 200, "round {n}: {body}");
        assert_eq!(upstream.calls().len(), n);
        becomes(gateway, &asked.id, "allowed").await;
        assert_eq!(answer(&gateway.admin, &asked.id, "deny").await.0, 409);
        let record = scene.last_outcome().await;
        let seen = (record.reason.as_deref(), record.approval);
        assert_eq!(seen, (Some("granted"), None), "nobody approved it");
        gateway.grant("ana", "fix.echo", "ask").await;
    }
    scene.gateway.stop().await;
}

/// An edit that still asks: what was held is asked about anew or ends, and
/// which of the two does not depend on luck.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_that_still_asks_is_always_taken_in_the_same_way() {
    let scene = asking().await;
    let Scene { gateway, token, .. } = &scene;
    let mut seen = Vec::new();
    for n in 1..=15 {
        let held_call = call(gateway, token, "fix.echo", json!({"n": n}));
        let asked = the_held(gateway).await;
        let rate = format!("{n}/day");
        gateway
            .grant_with(
                json!({"subject": "ana", "tool": "fix.echo", "effect": "ask", "rate": rate}),
            )
            .await;
        becomes(gateway, &asked.id, "cancelled").await;
        eventually("it has ended or asks anew", SOON, async || {
            held_call.is_finished() || approvals(gateway).await.len() == 1
        })
        .await;
        let anew = approvals(gateway).await;
        seen.push(!anew.is_empty());
        for anew in anew {
            say(gateway, &anew.id, "deny").await;
        }
        assert_ne!(outcome(held_call).await.0, 200);
    }
    scene.assert_untouched();
    assert!(seen.iter().all(|asked_anew| *asked_anew == seen[0]), "asked anew? {seen:?}");
    scene.gateway.stop().await;
}

/// What an agent's own limits are changes nothing of what it asked.
#[tokio::test]
async fn other_limits_of_an_agent_leave_its_questions_alone() {
    let scene = asking().await;
    let Scene { gateway, token, .. } = &scene;
    let held_call = call(gateway, token, "fix.echo", json!({}));
    let asked = the_held(gateway).await;
    let body = json!({"scope": ["fix.*"], "expires": "30d", "max_uses": 5, "version": 1});
    let _: Agent = gateway.admin.put("/api/v1/users/ana/agents/claude", &body).await.unwrap();
    assert_eq!(approval(gateway, &asked.id).await.id, the_held(gateway).await.id);
    say(gateway, &asked.id, "once").await;
    assert_eq!(outcome(held_call).await.0, 200);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn questions_end_with_the_service_and_the_trail_says_so() {
    let scene = asking().await;
    let held = call(&scene.gateway, &scene.token, "fix.echo", json!({"text": "held"}));
    let open = the_held(&scene.gateway).await;
    let answered = call(&scene.gateway, &scene.token, "fix.echo", json!({"text": "answered"}));
    let other = super::held(&scene.gateway, 2).await.remove(0);
    say(&scene.gateway, &other.id, "deny").await;
    assert_eq!(outcome(answered).await.1["code"], "approval_denied");
    let gateway = scene.gateway.restart().await;
    assert_eq!(outcome(held).await.1["code"], "approval_pending");
    assert_eq!(approvals(&gateway).await.len(), 0);
    let (status, _) = answer(&gateway.admin, &open.id, "once").await;
    assert_eq!(status, 404, "nobody can say yes to it any more");
    // Once, however often it starts.
    let gateway = gateway.restart().await;
    let trail = gateway.audit().await;
    let said = |id: &str| -> Vec<_> {
        let of = trail.iter().filter(|r| r.kind == "approval" && r.approval.as_deref() == Some(id));
        of.map(|r| (r.status.as_deref().unwrap(), r.reason.as_deref(), r.user.as_deref())).collect()
    };
    let ana = Some("ana");
    let mut open = said(&open.id);
    open.sort_unstable();
    assert_eq!(open, [("asked", None, ana), ("cancelled", Some("service_ended"), ana)]);
    assert!(said(&other.id).iter().all(|(status, ..)| ["asked", "denied"].contains(status)));
    assert_eq!(said(&other.id).len(), 2);
}
