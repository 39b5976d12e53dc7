//! "Always": the change that makes an answer one for good is proposed, shown,
//! and made like any other.

use agw_api::{AlwaysProposal, Approval, Change, Grant};
use serde_json::{Value, json};

use super::{
    super::{admin_api::ask, scene::Scene},
    SOON, approvals, asking, becomes, call, outcome, policy_version, say, set_teams, the_held,
};
use crate::support::{InProcess, eventually};

async fn propose(gateway: &InProcess, asked: &Approval) -> AlwaysProposal {
    gateway.admin.get(&format!("/api/v1/approvals/{}/always", asked.id)).await.unwrap()
}

async fn make(gateway: &InProcess, change: &Change) -> Vec<Grant> {
    gateway.admin.post("/api/v1/changes", change).await.unwrap()
}

/// A call that nobody is asked about.
async fn passes(gateway: &InProcess, token: &str, tool: &str, args: Value) {
    let (code, body) = outcome(call(gateway, token, tool, args.clone())).await;
    assert_eq!(code, 200, "{tool} {args}: {body}");
}

/// A call that a person is asked about; they deny it.
async fn is_asked(gateway: &InProcess, token: &str, tool: &str, args: Value) {
    let made = call(gateway, token, tool, args.clone());
    eventually("somebody is asked", SOON, async || {
        made.is_finished() || !approvals(gateway).await.is_empty()
    })
    .await;
    assert!(!made.is_finished(), "{tool} {args}: {:?}", outcome(made).await);
    let asked = the_held(gateway).await;
    assert_eq!(asked.tool, tool);
    say(gateway, &asked.id, "deny").await;
    assert_eq!(outcome(made).await.1["code"], "approval_denied", "{tool} {args}");
}

async fn is_denied(gateway: &InProcess, token: &str, tool: &str, args: Value) {
    let (code, body) = outcome(call(gateway, token, tool, args.clone())).await;
    assert_eq!(code, 403, "{tool} {args}: {body}");
    assert!(["denied", "not_granted"].contains(&body["code"].as_str().unwrap()), "{body}");
}

/// Holds a call, makes what is proposed, and sees the call go on by itself.
async fn always(
    gateway: &InProcess,
    token: &str,
    args: Value,
    pick: impl FnOnce(AlwaysProposal) -> Change,
) {
    let made = call(gateway, token, "fix.echo", args);
    let asked = the_held(gateway).await;
    let before = policy_version(gateway).await;
    let change = pick(propose(gateway, &asked).await);
    assert_eq!(policy_version(gateway).await, before, "a proposal changes nothing");
    assert!(!made.is_finished());
    make(gateway, &change).await;
    assert_eq!(policy_version(gateway).await, before + 1, "made in one go");
    let (code, body) = outcome(made).await;
    assert_eq!(code, 200, "it goes on by itself: {body}");
    becomes(gateway, &asked.id, "allowed").await;
    assert_eq!(approvals(gateway).await.len(), 0);
}

fn narrowed(proposal: AlwaysProposal) -> Change {
    proposal.narrowed.expect("these arguments can be told apart")
}

fn whole(proposal: AlwaysProposal) -> Change {
    proposal.whole
}

#[tokio::test]
async fn narrowed_it_lets_the_same_arguments_of_the_same_agent_pass() {
    let scene = asking().await;
    let Scene { gateway, upstream, token, .. } = &scene;
    let cursor = gateway.add_agent("ana", "cursor", &[]).await;
    let own = gateway.user_token("ana").await;
    let args = || json!({"to": ["bo"], "text": "it's \"on\"", "n": 1});
    always(gateway, token, args(), narrowed).await;
    passes(gateway, token, "fix.echo", args()).await;
    assert_eq!(upstream.calls().len(), 2);
    for other in [
        json!({"to": ["eve"], "text": "it's \"on\"", "n": 1}),
        json!({"to": ["bo", "eve"], "text": "it's \"on\"", "n": 1}),
        json!({"to": ["bo"], "text": "it's \"on\"", "n": 2}),
        json!({"to": ["bo"], "text": "it's \"on\""}),
        json!({"to": "bo", "text": "it's \"on\"", "n": 1}),
        json!({}),
    ] {
        is_asked(gateway, token, "fix.echo", other).await;
    }
    is_asked(gateway, &cursor, "fix.echo", args()).await;
    is_asked(gateway, &own, "fix.echo", args()).await;
    assert_eq!(upstream.calls().len(), 2);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn whole_it_lets_any_arguments_of_the_same_agent_pass() {
    let scene = asking().await;
    let Scene { gateway, upstream, token, .. } = &scene;
    let cursor = gateway.add_agent("ana", "cursor", &[]).await;
    always(gateway, token, json!({"n": 1}), whole).await;
    for args in [json!({"n": 1}), json!({"n": 2}), json!({})] {
        passes(gateway, token, "fix.echo", args).await;
    }
    is_asked(gateway, &cursor, "fix.echo", json!({"n": 1})).await;
    is_denied(gateway, token, "fix.other", json!({})).await;
    assert_eq!(upstream.calls().len(), 4);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn of_a_teams_grant_it_is_for_the_one_caller() {
    for (name, pick) in [("narrowed", narrowed as fn(_) -> _), ("whole", whole)] {
        let scene = Scene::start().await;
        let Scene { gateway, token, .. } = &scene;
        gateway.revoke(&scene.granted).await;
        gateway.add_user("bo", Some("sales")).await;
        set_teams(gateway, "ana", &["sales"]).await;
        gateway.grant("team:sales", "fix.echo", "ask").await;
        let cursor = gateway.add_agent("ana", "cursor", &[]).await;
        // Of the same name, but bo's.
        let bos = gateway.add_agent("bo", "claude", &[]).await;
        always(gateway, token, json!({"n": 1}), pick).await;
        passes(gateway, token, "fix.echo", json!({"n": 1})).await;
        if name == "narrowed" {
            is_asked(gateway, token, "fix.echo", json!({"n": 2})).await;
        } else {
            passes(gateway, token, "fix.echo", json!({"n": 2})).await;
        }
        for other in [&cursor, &bos, &gateway.user_token("ana").await] {
            is_asked(gateway, other, "fix.echo", json!({"n": 1})).await;
        }
        scene.gateway.stop().await;
    }
}

/// The user's own token has no agent; an agent's own grant has no other.
#[tokio::test]
async fn it_is_for_whoever_asked() {
    let scene = asking().await;
    let Scene { gateway, token, .. } = &scene;
    let own = gateway.user_token("ana").await;
    always(gateway, &own, json!({"n": 1}), whole).await;
    passes(gateway, &own, "fix.echo", json!({"n": 2})).await;
    is_asked(gateway, token, "fix.echo", json!({"n": 1})).await;
    scene.gateway.stop().await;

    let scene = Scene::start().await;
    let Scene { gateway, token, .. } = &scene;
    gateway.grant("ana/claude", "fix.echo", "ask").await;
    let cursor = gateway.add_agent("ana", "cursor", &[]).await;
    always(gateway, token, json!({"n": 1}), narrowed).await;
    passes(gateway, token, "fix.echo", json!({"n": 1})).await;
    is_asked(gateway, token, "fix.echo", json!({"n": 2})).await;
    always(gateway, token, json!({"n": 3}), whole).await;
    passes(gateway, token, "fix.echo", json!({"n": 2})).await;
    passes(gateway, &cursor, "fix.echo", json!({"n": 2})).await;
    scene.gateway.stop().await;
}

/// A user's and a team's grant ask, and both must stop.
#[tokio::test]
async fn it_quiets_every_grant_that_asks() {
    let scene = asking().await;
    let Scene { gateway, token, .. } = &scene;
    set_teams(gateway, "ana", &["sales"]).await;
    gateway.grant("team:sales", "fix.*", "ask").await;
    gateway.grant("ana/claude", "fix.echo", "ask").await;
    let made = call(gateway, token, "fix.echo", json!({"n": 1}));
    let asked = the_held(gateway).await;
    assert_eq!(asked.grants.len(), 3);
    let proposal = propose(gateway, &asked).await;
    make(gateway, &narrowed(proposal)).await;
    assert_eq!(outcome(made).await.0, 200);
    is_asked(gateway, token, "fix.echo", json!({"n": 2})).await;
    scene.gateway.stop().await;
}

/// What a person was asked about is one tool. The pattern's others go on being
/// asked about, also where something else allows them.
#[tokio::test]
async fn of_a_patterns_grant_it_is_for_the_one_tool() {
    for subject in ["ana", "ana/claude"] {
        for pick in [narrowed as fn(_) -> _, whole] {
            let scene = Scene::start().await;
            let Scene { gateway, token, .. } = &scene;
            gateway.grant("ana", "fix.*", "allow").await;
            set_teams(gateway, "ana", &["sales"]).await;
            gateway.grant("team:sales", "fix.*", "allow").await;
            gateway.grant(subject, "fix.*", "ask").await;
            is_asked(gateway, token, "fix.other", json!({"n": 1})).await;
            always(gateway, token, json!({"n": 2}), pick).await;
            is_asked(gateway, token, "fix.other", json!({"n": 2})).await;
            scene.gateway.stop().await;
        }
    }
}

/// A grant that asks about small amounts only allows no large ones once it
/// need not ask any more.
#[tokio::test]
async fn it_allows_nothing_that_nobody_would_have_been_asked_about() {
    for pick in [narrowed as fn(_) -> _, whole] {
        let scene = Scene::start().await;
        let Scene { gateway, token, .. } = &scene;
        gateway.revoke(&scene.granted).await;
        let body = json!({"subject": "ana", "tool": "fix.echo", "effect": "ask", "when": "args.n <= 100", "rate": "3/day", "expires": "1d"});
        let asking = gateway.grant_with(body).await;
        is_denied(gateway, token, "fix.echo", json!({"n": 101})).await;
        let made = call(gateway, token, "fix.echo", json!({"n": 1}));
        let asked = the_held(gateway).await;
        let change = pick(propose(gateway, &asked).await);
        let added = &change.add[0];
        assert_eq!(added.expires, asking.expires_at, "it is not for longer: {added:?}");
        assert_eq!(added.rate, asking.rate, "nor for more calls: {added:?}");
        make(gateway, &change).await;
        assert_eq!(outcome(made).await.0, 200);
        is_denied(gateway, token, "fix.echo", json!({"n": 101})).await;
        scene.gateway.stop().await;
    }
}

/// There may be such a rule already, and it may say no.
#[tokio::test]
async fn it_turns_no_denial_into_leave() {
    let scene = asking().await;
    let Scene { gateway, token, .. } = &scene;
    let made = call(gateway, token, "fix.echo", json!({"n": 1}));
    let asked = the_held(gateway).await;
    let change = whole(propose(gateway, &asked).await);
    // Meanwhile somebody forbids just that.
    let added = json!(change.add[0]);
    let mut denied = added.clone();
    denied["effect"] = json!("deny");
    let denied = gateway.grant_with(denied).await;
    let (code, body) = ask(&gateway.admin, "POST", "/api/v1/changes", json!(change)).await;
    assert_eq!(code, 409, "somebody has seen to it since: {body}");
    let grants: Vec<Grant> = gateway.admin.get("/api/v1/grants").await.unwrap();
    assert!(grants.contains(&denied), "{grants:?}");
    assert_ne!(outcome(made).await.0, 200);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_proposal_of_yesterday_is_stale() {
    let scene = asking().await;
    let Scene { gateway, token, .. } = &scene;
    let made = call(gateway, token, "fix.echo", json!({"n": 1}));
    let asked = the_held(gateway).await;
    let change = narrowed(propose(gateway, &asked).await);
    let body = json!({"subject": "ana", "tool": "fix.echo", "effect": "ask", "rate": "9/day"});
    let edited = gateway.grant_with(body).await;
    let before: Vec<Grant> = gateway.admin.get("/api/v1/grants").await.unwrap();
    let (code, body) = ask(&gateway.admin, "POST", "/api/v1/changes", json!(change)).await;
    assert_eq!((code, &body["code"]), (409, &json!("stale")), "{body}");
    assert_eq!(body["current"], json!(edited), "{body}");
    let after: Vec<Grant> = gateway.admin.get("/api/v1/grants").await.unwrap();
    assert_eq!(after, before);
    for asked in approvals(gateway).await {
        say(gateway, &asked.id, "deny").await;
    }
    assert_ne!(outcome(made).await.0, 200);
    scene.gateway.stop().await;
}

/// Arguments that cannot be told apart in a condition are not narrowed to.
#[tokio::test]
async fn what_cannot_be_narrowed_is_offered_as_a_whole() {
    let scene = asking().await;
    let Scene { gateway, token, .. } = &scene;
    for (args, narrows) in [
        (json!({}), false),
        (json!({"text": "x".repeat(4_000)}), false),
        (json!({"deep": {"er": {"n": 1}}}), false),
        (json!({"text": "x".repeat(4_000), "n": 1}), true),
        (json!({"we ird": "k'ey", "in": true}), true),
    ] {
        let made = call(gateway, token, "fix.echo", args.clone());
        let asked = the_held(gateway).await;
        let proposal = propose(gateway, &asked).await;
        assert_eq!(proposal.narrowed.is_some(), narrows, "{args}: {proposal:?}");
        say(gateway, &asked.id, "deny").await;
        outcome(made).await;
    }
    scene.gateway.stop().await;
}

/// Whoever looks first: the held call, or whoever ends what is moot.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_held_call_goes_on_every_time() {
    let scene = asking().await;
    let Scene { gateway, upstream, token, .. } = &scene;
    for n in 1..=15 {
        always(gateway, token, json!({"n": n}), narrowed).await;
        assert_eq!(upstream.calls().len(), n);
        let grants: Vec<Grant> = gateway.admin.get("/api/v1/grants").await.unwrap();
        for grant in &grants {
            gateway.revoke(grant).await;
        }
        gateway.grant("ana", "fix.echo", "ask").await;
    }
    scene.gateway.stop().await;
}
