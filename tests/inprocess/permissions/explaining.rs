//! Why a call would be decided as it would: the same as it then is.

use agw_api::{Client, Explanation, GrantOutcome, Verdict};
use serde_json::{Value, json};

use super::{
    super::{admin_api::ask, scene::Scene},
    approvals, call, outcome, say, set_teams, the_held,
};
use crate::support::{InProcess, Trail as _};

async fn explain(client: &Client, caller: &str, tool: &str, args: Option<Value>) -> Explanation {
    let args = args.map(|args| args.to_string());
    let body = json!({"caller": caller, "tool": tool, "args": args});
    client.post("/api/v1/explain", &body).await.unwrap()
}

/// What a call comes to: `allow`, `ask`, or `deny` with the reason of the trail.
async fn happens(gateway: &InProcess, token: &str, tool: &str, args: Value) -> (Verdict, String) {
    let made = call(gateway, token, tool, args);
    crate::support::eventually("it is decided", super::SOON, async || {
        made.is_finished() || !approvals(gateway).await.is_empty()
    })
    .await;
    if !made.is_finished() {
        let asked = the_held(gateway).await;
        say(gateway, &asked.id, "deny").await;
        outcome(made).await;
        return (Verdict::Ask, "ask".into());
    }
    let (status, _) = outcome(made).await;
    let path = "/api/v1/audit?kind=outcome&limit=1";
    let newest: Vec<agw_api::AuditRecord> = gateway.admin.records(path).await.unwrap();
    let verdict = if status == 200 { Verdict::Allow } else { Verdict::Deny };
    (verdict, newest[0].reason.clone().unwrap())
}

#[tokio::test]
async fn an_explanation_says_what_then_happens() {
    use GrantOutcome::{ConditionFailed, ConditionFalse, Matched};
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    let scoped = gateway.add_agent("ana", "scoped", &["fix.echo"]).await;
    gateway.add_user("bo", None).await;
    let bo = gateway.add_agent("bo", "claude", &[]).await;
    set_teams(gateway, "bo", &["sales"]).await;
    let when = |subject: &str, tool: &str, effect: &str, when: &str| json!({"subject": subject, "tool": tool, "effect": effect, "when": when});
    let of_team = gateway.grant_with(when("team:sales", "fix.*", "allow", "args.n < 5")).await.id;
    let denied = gateway.grant_with(when("bo", "fix.fail", "deny", "args.n == 1")).await.id;
    let asks = gateway.grant("ana", "fix.other", "ask").await.id;
    let n = |n: i64| json!({"n": n});
    // Reason, and the grant that decided with its part in it.
    for (caller, tool, args, reason, decided) in [
        ("ana/claude", "fix.echo", n(1), "granted", Some((&scene.granted.id, Matched))),
        ("ana/claude", "fix.other", n(1), "ask", Some((&asks, Matched))),
        ("ana/claude", "fix.fail", n(1), "not_granted", None),
        ("ana/scoped", "fix.other", n(1), "out_of_scope", None),
        ("bo/claude", "fix.echo", n(4), "granted", Some((&of_team, Matched))),
        ("bo/claude", "fix.echo", n(5), "condition_false", Some((&of_team, ConditionFalse))),
        ("bo/claude", "fix.echo", json!({}), "condition_failed", Some((&of_team, ConditionFailed))),
        ("bo/claude", "fix.fail", n(1), "denied_by_grant", Some((&denied, Matched))),
        ("bo/claude", "fix.fail", json!({}), "condition_failed", Some((&denied, ConditionFailed))),
    ] {
        let token = match caller {
            "ana/claude" => &scene.token,
            "ana/scoped" => &scoped,
            _ => &bo,
        };
        let explained = explain(&gateway.admin, caller, tool, Some(args.clone())).await;
        let seen = happens(gateway, token, tool, args.clone()).await;
        assert_eq!((explained.decision, explained.reason.clone()), seen, "{caller} {tool} {args}");
        assert_eq!(explained.reason, reason, "{explained:?}");
        assert!(!explained.sentence.is_empty());
        let allowed = explained.decision == Verdict::Allow;
        assert_eq!(explained.needs.is_none(), allowed, "{explained:?}");
        let Some((grant, part)) = decided else {
            assert_eq!(explained.grants, [""; 0], "{explained:?}");
            continue;
        };
        assert_eq!(explained.grants, [grant.as_str()], "{explained:?}");
        let step = explained.steps.iter().find(|step| step.grant.id == *grant).unwrap();
        assert_eq!((step.outcome, step.detail.is_some()), (part, part != Matched), "{step:?}");
    }
    // What stands in the way is named with what it was about.
    let explained = explain(&gateway.admin, "bo/claude", "fix.echo", Some(n(5))).await;
    let detail = explained.steps[0].detail.as_deref().unwrap();
    assert!(detail.contains("args.n < 5") && detail.contains('5'), "{detail}");
    // Without arguments nothing is claimed of them.
    let unknown = explain(&gateway.admin, "bo/claude", "fix.echo", None).await;
    assert_eq!(unknown.decision, Verdict::Deny);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn an_explanation_names_what_would_be_needed() {
    let scene = Scene::start().await;
    let Scene { gateway, .. } = &scene;
    gateway.add_agent("ana", "scoped", &["fix.other"]).await;
    let none = explain(&gateway.admin, "ana/claude", "fix.fail", None).await;
    assert_eq!((none.reason.as_str(), none.steps.len()), ("not_granted", 0));
    assert!(none.needs.unwrap().contains("agw grant \"ana\" fix.fail allow"));
    let scoped = explain(&gateway.admin, "ana/scoped", "fix.echo", None).await;
    assert_eq!(scoped.reason, "out_of_scope");
    assert!(scoped.needs.unwrap().contains("\"ana/scoped\""));
    assert_eq!(scoped.steps[0].grant, scene.granted_as_listed().await);
    let absent = explain(&gateway.admin, "ana", "fix.nope", None).await;
    assert!(absent.sentence.contains("no connection offers this tool"), "{}", absent.sentence);
    scene.gateway.stop().await;
}

impl Scene {
    async fn granted_as_listed(&self) -> agw_api::Grant {
        let mut grants = super::grants(&self.gateway).await;
        grants.retain(|grant| grant.id == self.granted.id);
        grants.remove(0)
    }
}

#[tokio::test]
async fn an_explanation_knows_of_pauses_rates_and_expiry() {
    let scene = Scene::start().await;
    let Scene { gateway, token, .. } = &scene;
    let why = async || {
        let explained = explain(&gateway.admin, "ana/claude", "fix.echo", None).await;
        (explained.decision, explained.reason)
    };
    let denied = |reason: &str| (Verdict::Deny, reason.to_owned());
    for subject in [
        json!({"subject": "ana"}),
        json!({"subject": "ana/claude"}),
        json!({"subject": "fix"}),
        json!(null),
    ] {
        assert_eq!(ask(&gateway.admin, "POST", "/api/v1/pause", subject.clone()).await.0, 200);
        assert_eq!(why().await, denied("paused"), "{subject}");
        assert_eq!(ask(&gateway.admin, "POST", "/api/v1/resume", subject).await.0, 200);
    }
    let body = json!({"subject": "ana", "tool": "fix.echo", "effect": "allow", "rate": "1/min"});
    gateway.grant_with(body).await;
    assert_eq!(why().await, (Verdict::Allow, "granted".into()));
    assert_eq!(gateway.rest_call(token, "fix.echo", json!({})).await.0, 200);
    let explained = explain(&gateway.admin, "ana/claude", "fix.echo", None).await;
    assert_eq!((explained.decision, explained.reason.as_str()), (Verdict::Deny, "rate_limited"));
    assert_eq!(explained.steps[0].outcome, GrantOutcome::RateUsedUp);
    assert!(explained.steps[0].detail.as_deref().unwrap().contains("1/min"));
    // Explaining uses nothing up, and calls nothing.
    assert_eq!(scene.upstream.calls().len(), 1);
    let body = json!({"subject": "ana", "tool": "fix.echo", "effect": "allow", "expires": "1s"});
    gateway.grant_with(body).await;
    crate::support::eventually("it expires", super::SOON, async || {
        why().await == denied("not_granted")
    })
    .await;
    let explained = explain(&gateway.admin, "ana", "fix.echo", None).await;
    assert_eq!(explained.steps[0].outcome, GrantOutcome::Expired);
    assert!(explained.steps[0].detail.is_some());
    scene.gateway.stop().await;
}

/// The token of the caller may be good for nothing any more.
#[tokio::test]
async fn an_explanation_knows_of_tokens_that_are_used_up_or_have_expired() {
    let scene = Scene::start().await;
    let Scene { gateway, .. } = &scene;
    let limited = gateway.add_agent_with("ana", json!({"name": "limited", "max_uses": 1})).await;
    assert_eq!(gateway.rest_call(&limited, "fix.echo", json!({})).await.0, 200);
    assert_eq!(gateway.rest_call(&limited, "fix.echo", json!({})).await.1["code"], "uses_up");
    let explained = explain(&gateway.admin, "ana/limited", "fix.echo", None).await;
    assert_eq!((explained.decision, explained.reason.as_str()), (Verdict::Deny, "uses_up"));
    let brief = gateway.add_agent_with("ana", json!({"name": "brief", "ttl_seconds": 1})).await;
    crate::support::eventually("it expires", super::SOON, async || {
        gateway.rest_call(&brief, "fix.echo", json!({})).await.0 == 401
    })
    .await;
    let explained = explain(&gateway.admin, "ana/brief", "fix.echo", None).await;
    assert_eq!((explained.decision, explained.reason.as_str()), (Verdict::Deny, "token_expired"));
    scene.gateway.stop().await;
}

#[tokio::test]
async fn an_explanation_has_the_shape_that_was_agreed() {
    let scene = Scene::start().await;
    let body = json!({"caller": "ana/claude", "tool": "fix.echo", "args": "{\"n\": 1}"});
    let (status, answer) = ask(&scene.gateway.admin, "POST", "/api/v1/explain", body).await;
    assert_eq!(status, 200);
    let version = super::policy_version(&scene.gateway).await;
    let expected = json!({
        "decision": "allow",
        "reason": "granted",
        "sentence": format!("allowed by grant {}", scene.granted.id),
        "grants": [scene.granted.id],
        "steps": [{"grant": scene.granted, "outcome": "matched", "detail": null}],
        "needs": null,
        "policy_version": version,
    });
    assert_eq!(answer, expected);
    for (body, expected) in [
        (json!({"caller": "no", "tool": "fix.echo"}), (404, "not_found")),
        (json!({"caller": "ana/no", "tool": "fix.echo"}), (404, "not_found")),
        (json!({"caller": "ana", "tool": "fix"}), (422, "invalid")),
        (json!({"caller": "ana", "tool": "fix.*"}), (422, "invalid")),
        (json!({"caller": "ana", "tool": "fix.echo", "args": "[]"}), (422, "invalid")),
        (
            json!({"caller": "ana", "tool": "fix.echo", "args": "{\"a\":1,\"a\":2}"}),
            (422, "invalid"),
        ),
        (json!({"caller": "ana", "tool": "fix.echo", "args": {}}), (400, "bad_request")),
        (json!({"caller": "ana"}), (400, "bad_request")),
    ] {
        let (status, answer) =
            ask(&scene.gateway.admin, "POST", "/api/v1/explain", body.clone()).await;
        assert_eq!((status, answer["code"].as_str()), (expected.0, Some(expected.1)), "{body}");
    }
    set_teams(&scene.gateway, "ana", &["sales"]).await;
    let body = json!({"caller": "team:sales", "tool": "fix.echo"});
    assert_eq!(ask(&scene.gateway.admin, "POST", "/api/v1/explain", body).await.0, 422);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_member_gets_explanations_of_their_own_calls_alone() {
    let scene = Scene::start().await;
    let Scene { gateway, .. } = &scene;
    gateway.set_password("ana").await;
    let ana = gateway.sign_in("ana").await;
    gateway.add_user("bo", None).await;
    gateway.add_agent("bo", "claude", &[]).await;
    gateway.grant("bo", "fix.echo", "allow").await;
    for own in ["ana", "ana/claude"] {
        let explained = explain(&ana, own, "fix.echo", None).await;
        assert_eq!(explained.decision, Verdict::Allow);
        assert_eq!(explained.steps.len(), 1);
    }
    let mut answers = Vec::new();
    for other in ["bo", "bo/claude", "bo/none", "nobody", "nobody/claude", "root", "team:no"] {
        let body = json!({"caller": other, "tool": "fix.echo"});
        let (status, body) = ask(&ana, "POST", "/api/v1/explain", body).await;
        answers.push((status, body.to_string().replace(other, "NAME")));
    }
    assert_eq!(answers[0].0, 404);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    let auditor = gateway.add_person("au", "auditor").await;
    assert_eq!(explain(&auditor, "bo/claude", "fix.echo", None).await.decision, Verdict::Allow);
    scene.gateway.stop().await;
}
