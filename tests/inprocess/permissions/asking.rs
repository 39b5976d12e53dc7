//! A grant asks: the call is held, a person sees what it is about, and the
//! answer is for that call and no other.

use agw_api::{Approval, AuditRecord};
use serde_json::{Value, json};

use super::{
    super::{
        admin_api::ask,
        scene::{STATELESS, Scene, stateless},
    },
    SOON, answer, approval, approvals, asking, becomes, call, held, outcome, say, status, the_held,
};
use crate::support::{InProcess, Trail as _, eventually, http, mcp::ACCEPT};

/// Asks, and hangs up: the question stays, with nobody on the line.
async fn asked_and_left(scene: &Scene, args: &Value) -> Approval {
    let body = stateless("tools/call", json!({"name": "fix__echo", "arguments": args}));
    let bearer = format!("Bearer {}", scene.token);
    let headers = [
        ("content-type", "application/json"),
        ACCEPT,
        STATELESS,
        ("mcp-method", "tools/call"),
        ("mcp-name", "fix__echo"),
        ("authorization", bearer.as_str()),
    ];
    let url = scene.gateway.url("/mcp");
    let response = http::send("POST", &url, &headers, body.to_string()).await;
    let asked = the_held(&scene.gateway).await;
    drop(response);
    eventually("nobody is on the line", SOON, async || {
        !approval(&scene.gateway, &asked.id).await.waiting
    })
    .await;
    approval(&scene.gateway, &asked.id).await
}

async fn records(gateway: &InProcess, call: &str) -> Vec<AuditRecord> {
    gateway.admin.records(&format!("/api/v1/audit/{call}")).await.unwrap()
}

#[tokio::test]
async fn a_held_call_is_shown_as_it_is_and_goes_through_once_it_is_approved() {
    let scene = asking().await;
    let args = r#"{ "text" : "hi\u0021", "n": 1.0 }"#;
    let body = format!(r#"{{"tool":"fix.echo","args":{args}}}"#);
    let meanwhile = async {
        let asked = the_held(&scene.gateway).await;
        scene.assert_untouched();
        assert_eq!(asked.args, args, "byte for byte");
        assert_eq!((asked.user.as_str(), asked.agent.as_deref()), ("ana", Some("claude")));
        assert_eq!(
            (asked.tool.as_str(), asked.description.as_str()),
            ("fix.echo", "The tool echo")
        );
        assert_eq!(asked.grants, [scene.granted.id.as_str()]);
        assert_eq!(json!(asked.state), "pending");
        assert!(asked.held_until.is_some() && asked.differences.is_none(), "{asked:?}");
        assert!(asked.answered_by.is_none() && asked.answered_at.is_none(), "{asked:?}");
        assert_eq!(json!(approval(&scene.gateway, &asked.id).await.args), args);
        assert_eq!(status(&scene.gateway.admin).await.approvals, 1);
        let (code, answered) = answer(&scene.gateway.admin, &asked.id, "once").await;
        assert_eq!((code, &answered["answered_by"]), (200, &json!("root")), "{answered}");
        asked
    };
    let (reply, asked) = tokio::join!(scene.rest(body), meanwhile);
    assert_eq!((reply.status, reply.json()), (200, json!({"echo": {"text": "hi!", "n": 1.0}})));
    assert_eq!(scene.upstream.calls().len(), 1);
    assert_eq!(json!(approval(&scene.gateway, &asked.id).await.state), "used");
    assert_eq!(approvals(&scene.gateway).await.len(), 0);
    assert_eq!(status(&scene.gateway.admin).await.approvals, 0);

    let last = scene.last_outcome().await;
    let seen = [&last.status, &last.decision, &last.reason, &last.approval].map(Option::as_deref);
    assert_eq!(seen, [Some("ok"), Some("allow"), Some("approved"), Some(asked.id.as_str())]);
    assert_eq!((&last.grants, last.policy_version), (&asked.grants, Some(asked.policy_version)));
    assert_eq!(last.args_digest.as_deref(), Some(asked.args_digest.as_str()));
    // The whole story, in order.
    let story = records(&scene.gateway, &last.call_id.unwrap()).await;
    let told: Vec<_> = story
        .iter()
        .map(|r| (r.kind.as_str(), r.status.as_deref().unwrap_or("-"), r.by.as_deref()))
        .collect();
    let expected = [
        ("approval", "asked", None),
        ("approval", "approved", Some("root")),
        ("intent", "-", None),
        ("outcome", "ok", None),
    ];
    assert_eq!(told, expected);
    for record in &story {
        assert_eq!(record.approval.as_deref(), Some(asked.id.as_str()), "{record:?}");
        assert_eq!(record.user.as_deref(), Some("ana"), "{record:?}");
        assert!(!serde_json::to_string(record).unwrap().contains("hi!"), "{record:?}");
    }
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_denied_call_tells_the_note_and_never_reaches_the_upstream() {
    let scene = asking().await;
    let held_call = call(&scene.gateway, &scene.token, "fix.echo", json!({"text": "hi"}));
    let asked = the_held(&scene.gateway).await;
    let path = format!("/api/v1/approvals/{}/answer", asked.id);
    let body = json!({"answer": "deny", "note": "  write to Bo, not to \"Eve\" "});
    let (code, denied) = ask(&scene.gateway.admin, "POST", &path, body).await;
    assert_eq!((code, &denied["state"]), (200, &json!("denied")));
    let (code, body) = outcome(held_call).await;
    assert_eq!((code, &body["code"]), (403, &json!("approval_denied")), "{body}");
    let message = body["message"].as_str().unwrap();
    assert!(message.contains(r#"write to Bo, not to \"Eve\""#), "{message}");
    assert!(message.contains(&asked.id), "{message}");
    let record = scene.assert_refusal("approval_denied").await;
    assert_eq!(record.approval.as_deref(), Some(asked.id.as_str()));
    let story = records(&scene.gateway, &record.call_id.unwrap()).await;
    assert_eq!(story[1].status.as_deref(), Some("denied"));
    assert_eq!(story[1].by.as_deref(), Some("root"));
    // A no stands: nobody is worn down by asking again.
    let (code, again) =
        outcome(call(&scene.gateway, &scene.token, "fix.echo", json!({"text": "hi"}))).await;
    assert_eq!((code, &again), (403, &body));
    assert_eq!(approvals(&scene.gateway).await.len(), 0);
    scene.assert_untouched();
    scene.gateway.stop().await;
}

#[tokio::test]
async fn an_approval_serves_one_call() {
    let scene = asking().await;
    let args = || json!({"text": "hi"});
    // Of two that wait for the same answer one gets it, the other asks again.
    let both = [(); 2].map(|()| call(&scene.gateway, &scene.token, "fix.echo", args()));
    let first = the_held(&scene.gateway).await;
    say(&scene.gateway, &first.id, "once").await;
    let second = the_held(&scene.gateway).await;
    assert_ne!(first.id, second.id);
    eventually("one was let through", SOON, async || scene.upstream.calls().len() == 1).await;
    say(&scene.gateway, &second.id, "deny").await;
    let [one, other] = both;
    let mut codes = [outcome(one).await.0, outcome(other).await.0];
    codes.sort_unstable();
    assert_eq!(codes, [200, 403]);
    assert_eq!(scene.upstream.calls().len(), 1);

    // And the same arguments later on.
    let args = || json!({"text": "ho"});
    for calls in [2, 3] {
        let again = call(&scene.gateway, &scene.token, "fix.echo", args());
        say(&scene.gateway, &the_held(&scene.gateway).await.id, "once").await;
        assert_eq!(outcome(again).await.0, 200);
        assert_eq!(scene.upstream.calls().len(), calls);
    }
    scene.gateway.stop().await;
}

#[tokio::test]
async fn an_approval_is_bound_to_the_arguments() {
    let scene = asking().await;
    let said = json!({"to": ["bo"], "n": 1, "deep": {"a": null, "b": "x"}});
    let asked = asked_and_left(&scene, &said).await;
    say(&scene.gateway, &asked.id, "once").await;
    scene.assert_untouched();
    let others = [
        json!({}),
        json!({"to": ["bo"], "n": 1, "deep": {"a": null, "b": "y"}}),
        json!({"to": ["bo"], "n": 2, "deep": {"a": null, "b": "x"}}),
        json!({"to": ["bo"], "n": "1", "deep": {"a": null, "b": "x"}}),
        json!({"to": ["bo", "eve"], "n": 1, "deep": {"a": null, "b": "x"}}),
        json!({"to": ["bo"], "n": 1, "deep": {"b": "x"}}),
        json!({"to": ["bo"], "n": 1, "deep": {"a": null, "b": "x"}, "more": null}),
    ];
    for other in others {
        let held_call = call(&scene.gateway, &scene.token, "fix.echo", other.clone());
        let asked_anew = the_held(&scene.gateway).await;
        assert_ne!(asked_anew.args_digest, asked.args_digest, "{other}");
        say(&scene.gateway, &asked_anew.id, "deny").await;
        assert_eq!(outcome(held_call).await.1["code"], "approval_denied", "{other}");
    }
    scene.assert_untouched();
    // The same in other words is the same; what goes out is what was shown.
    let same = r#"{ "deep":{"b":"\u0078","a":null}, "n": 1.0e0,"to":["bo"] }"#;
    let reply = scene.rest(format!(r#"{{"tool":"fix.echo","args":{same}}}"#)).await;
    assert_eq!((reply.status, &reply.json()["echo"]), (200, &said));
    assert_eq!(scene.last_outcome().await.approval, Some(asked.id));
    assert_eq!(scene.upstream.calls().len(), 1);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn an_approval_is_bound_to_the_caller() {
    let scene = asking().await;
    let Scene { gateway, upstream, token, .. } = &scene;
    gateway.add_user("bo", None).await;
    gateway.grant("bo", "fix.echo", "ask").await;
    let tokens = [
        token.clone(),
        gateway.add_agent("ana", "cursor", &[]).await,
        gateway.user_token("ana").await,
        gateway.add_agent("bo", "claude", &[]).await,
    ];
    let calls = tokens.map(|token| call(gateway, &token, "fix.echo", json!({"text": "hi"})));
    let asked = held(gateway, 4).await;
    let of = |user: &str, agent: Option<&str>| {
        let is = |a: &&Approval| (a.user.as_str(), a.agent.as_deref()) == (user, agent);
        asked.iter().find(is).unwrap().id.clone()
    };
    say(gateway, &of("ana", Some("claude")), "once").await;
    let [first, rest @ ..] = calls;
    assert_eq!(outcome(first).await.0, 200);
    assert_eq!(held(gateway, 3).await.len(), 3);
    assert_eq!(upstream.calls().len(), 1);
    for (user, agent) in [("ana", Some("cursor")), ("ana", None), ("bo", Some("claude"))] {
        say(gateway, &of(user, agent), "deny").await;
    }
    for call in rest {
        assert_eq!(outcome(call).await.1["code"], "approval_denied");
    }
    assert_eq!(upstream.calls().len(), 1);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn an_edit_of_the_grant_that_asks_cancels_what_it_asked() {
    let scene = asking().await;
    let yes = asked_and_left(&scene, &json!({"n": 1})).await;
    say(&scene.gateway, &yes.id, "once").await;
    let open = asked_and_left(&scene, &json!({"n": 2})).await;
    let edited = scene
        .gateway
        .grant_with(
            json!({"subject": "ana", "tool": "fix.echo", "effect": "ask", "rate": "100/day"}),
        )
        .await;
    assert_eq!((&edited.id, edited.version), (&scene.granted.id, scene.granted.version + 1));
    for id in [&yes.id, &open.id] {
        becomes(&scene.gateway, id, "cancelled").await;
        let (code, body) = answer(&scene.gateway.admin, id, "once").await;
        assert_eq!((code, &body["code"]), (409, &json!("answered")), "{body}");
        assert_eq!(body["current"]["state"], "cancelled", "{body}");
    }
    // Neither is worth anything now.
    for n in [1, 2] {
        let held_call = call(&scene.gateway, &scene.token, "fix.echo", json!({"n": n}));
        let anew = the_held(&scene.gateway).await;
        assert!(![&yes.id, &open.id].contains(&&anew.id));
        say(&scene.gateway, &anew.id, "deny").await;
        assert_eq!(outcome(held_call).await.0, 403);
    }
    scene.assert_untouched();
    let cancelled = scene.gateway.audit().await;
    let cancelled = cancelled.iter().filter(|r| r.kind == "approval");
    let cancelled = cancelled.filter(|r| r.status.as_deref() == Some("cancelled"));
    assert_eq!(cancelled.filter_map(|r| r.approval.clone()).count(), 2);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn an_unrelated_change_cancels_nothing() {
    let scene = asking().await;
    let Scene { gateway, token, .. } = &scene;
    let yes = asked_and_left(&scene, &json!({"n": 1})).await;
    say(gateway, &yes.id, "once").await;
    let held_call = call(gateway, token, "fix.echo", json!({"n": 2}));
    let asked = the_held(gateway).await;

    gateway.add_user("bo", Some("sales")).await;
    gateway.grant("bo", "fix.echo", "deny").await;
    gateway.grant("team:sales", "*", "ask").await;
    gateway.add_agent("ana", "cursor", &[]).await;
    gateway.grant("ana/cursor", "fix.echo", "deny").await;
    let other = gateway.grant("ana", "fix.fail", "ask").await;
    gateway.revoke(&other).await;
    for path in ["/api/v1/pause", "/api/v1/resume"] {
        let _: Value = gateway.admin.post(path, &json!({"subject": "ana/cursor"})).await.unwrap();
    }
    // The same again is no change of the grant itself.
    let same = gateway.grant("ana", "fix.echo", "ask").await;
    assert_eq!(same.version, scene.granted.version);

    assert_eq!(the_held(gateway).await.id, asked.id);
    say(gateway, &asked.id, "once").await;
    assert_eq!(outcome(held_call).await.0, 200);
    assert_eq!(json!(approval(gateway, &yes.id).await.state), "approved");
    assert_eq!(outcome(call(gateway, token, "fix.echo", json!({"n": 1}))).await.0, 200);
    assert_eq!(approvals(gateway).await.len(), 0);
    scene.gateway.stop().await;
}

/// A person has said yes to a call, not to a refusal.
#[tokio::test]
async fn a_yes_is_not_used_up_by_a_call_that_is_not_made() {
    let scene = asking().await;
    scene.gateway.grant("ana", "fix.other", "allow").await;
    let token =
        scene.gateway.add_agent_with("ana", json!({"name": "limited", "max_uses": 1})).await;
    let scene = Scene { token, ..scene };
    let Scene { gateway, token, upstream, .. } = &scene;
    let asked = asked_and_left(&scene, &json!({"n": 1})).await;
    say(gateway, &asked.id, "once").await;
    assert_eq!(gateway.rest_call(token, "fix.other", json!({})).await.0, 200);
    let (code, body) = outcome(call(gateway, token, "fix.echo", json!({"n": 1}))).await;
    assert_eq!((code, &body["code"]), (403, &json!("uses_up")), "{body}");
    assert_eq!(json!(approval(gateway, &asked.id).await.state), "approved");
    let body = json!({"scope": [], "max_uses": 2, "version": 1});
    let _: Value = gateway.admin.put("/api/v1/users/ana/agents/limited", &body).await.unwrap();
    assert_eq!(outcome(call(gateway, token, "fix.echo", json!({"n": 1}))).await.0, 200);
    assert_eq!(json!(approval(gateway, &asked.id).await.state), "used");
    assert_eq!(upstream.calls().len(), 2);
    scene.gateway.stop().await;
}

/// What would be refused whatever a person says is not asked about.
#[tokio::test]
async fn nobody_is_asked_about_a_call_that_cannot_be_made() {
    let scene = asking().await;
    let Scene { gateway, token, .. } = &scene;
    gateway.grant("ana", "fix.*", "ask").await;
    for (tool, args, expected) in [
        ("fix.nope", json!({}), (404, "unknown_tool")),
        ("fix.echo", json!({"leaked": token}), (422, "token_in_arguments")),
        ("fix.echo", json!([]), (422, "invalid_arguments")),
    ] {
        let (code, body) = outcome(call(gateway, token, tool, args)).await;
        assert_eq!((code, body["code"].as_str().unwrap()), expected, "{tool}: {body}");
    }
    let asked: Vec<Value> = gateway.admin.records("/api/v1/audit?kind=approval").await.unwrap();
    assert_eq!(asked, [json!(null); 0]);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn what_differs_from_the_last_approved_call_is_shown() {
    let scene = asking().await;
    let mut shown = Vec::new();
    for (args, word) in [
        (json!({"to": ["bo"], "text": "hi"}), "once"),
        (json!({"to": ["bo", "eve"], "text": "hi"}), "deny"),
        (json!({"to": ["bo"], "text": "ho"}), "deny"),
    ] {
        let held_call = call(&scene.gateway, &scene.token, "fix.echo", args);
        let asked = the_held(&scene.gateway).await;
        shown.push(json!(asked.differences));
        say(&scene.gateway, &asked.id, word).await;
        outcome(held_call).await;
    }
    // Compared with what was approved, not with what was denied.
    let expected = [
        json!(null),
        json!([{"path": "to[1]", "before": null, "after": "\"eve\""}]),
        json!([{"path": "text", "before": "\"hi\"", "after": "\"ho\""}]),
    ];
    assert_eq!(shown, expected);
    scene.gateway.stop().await;
}
