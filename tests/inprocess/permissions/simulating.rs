//! What a change would have done to past calls, and that asking changes nothing.

use agw_api::{Flip, Grant, Simulation, Verdict};
use serde_json::{Value, json};

use super::{
    super::{admin_api::ask, scene::Scene},
    call, grants, outcome, policy_version, say, set_teams, status, the_held,
};
use crate::support::InProcess;

async fn simulate(gateway: &InProcess, change: Value) -> Simulation {
    // Outcomes that are being written just now shall count, too.
    gateway.audit().await;
    gateway.admin.post("/api/v1/simulations", &json!({"change": change})).await.unwrap()
}

fn add(subject: &str, tool: &str, effect: &str) -> Value {
    json!({"add": [{"subject": subject, "tool": tool, "effect": effect}]})
}

/// User, agent, tool, before, after, and how many calls.
type Line<'s> = (&'s str, Option<&'s str>, &'s str, Verdict, Verdict, u64);

fn line(flip: &Flip) -> Line<'_> {
    let Flip { user, agent, tool, before, after, calls, .. } = flip;
    (user, agent.as_deref(), tool, *before, *after, *calls)
}

fn lines(simulation: &Simulation) -> Vec<Line<'_>> {
    let mut lines: Vec<_> = simulation.flips.iter().map(line).collect();
    lines.sort_by_key(|line| (line.0, line.1, line.2, line.5));
    lines
}

/// Ana's claude: 3 echo, 2 other that were denied; bo in sales: 4 echo, of
/// them 1 with his own token.
async fn history() -> Scene {
    let scene = Scene::start().await;
    let Scene { gateway, token, .. } = &scene;
    gateway.add_user("bo", Some("sales")).await;
    gateway.grant("team:sales", "fix.*", "allow").await;
    let bo = gateway.add_agent("bo", "claude", &[]).await;
    let own = gateway.user_token("bo").await;
    for (token, tool, count, expected) in [
        (token, "fix.echo", 3, 200),
        (token, "fix.other", 2, 403),
        (&bo, "fix.echo", 3, 200),
        (&own, "fix.echo", 1, 200),
    ] {
        for n in 0..count {
            let seen = gateway.rest_call(token, tool, json!({"n": n})).await.0;
            assert_eq!(seen, expected, "{tool}");
        }
    }
    // What never came to a decision is no call of anybody.
    gateway.rest_call("st_nonsense", "fix.echo", json!({})).await;
    scene
}

#[tokio::test]
async fn a_simulation_counts_the_calls_that_would_turn_out_otherwise() {
    use Verdict::{Allow, Ask, Deny};
    let scene = history().await;
    let gateway = &scene.gateway;
    let nothing = simulate(gateway, json!({})).await;
    assert_eq!((nothing.calls, nothing.flipped, nothing.unknown), (9, 0, 0), "{nothing:?}");
    assert!(nothing.flips.is_empty() && !nothing.truncated);

    let denied = simulate(gateway, add("team:sales", "fix.echo", "deny")).await;
    assert_eq!((denied.calls, denied.flipped, denied.unknown), (9, 4, 0));
    assert_eq!((&denied.users, &denied.tools), (&vec!["bo".into()], &vec!["fix.echo".into()]));
    let expected = [
        ("bo", None, "fix.echo", Allow, Deny, 1),
        ("bo", Some("claude"), "fix.echo", Allow, Deny, 3),
    ];
    assert_eq!(lines(&denied), expected);
    assert_eq!(denied.flips[0].calls, 3, "most first");
    assert!(!denied.flips[0].last_at.is_empty());

    let removed = json!({"remove": [{"id": scene.granted.id, "version": scene.granted.version}]});
    let removed = simulate(gateway, removed).await;
    assert_eq!(lines(&removed), [("ana", Some("claude"), "fix.echo", Allow, Deny, 3)]);

    let asked = simulate(gateway, add("ana", "fix.*", "ask")).await;
    let expected = [
        ("ana", Some("claude"), "fix.echo", Allow, Ask, 3),
        ("ana", Some("claude"), "fix.other", Deny, Ask, 2),
    ];
    assert_eq!((asked.flipped, lines(&asked)), (5, expected.to_vec()));

    // Several changes count as one; what cancels out does not flip.
    let edit = json!({"id": scene.granted.id, "subject": "ana", "tool": "fix.echo", "effect": "deny", "version": scene.granted.version});
    let both = json!({"edit": [edit], "add": [{"subject": "ana", "tool": "fix.other", "effect": "allow"}]});
    let both = simulate(gateway, both).await;
    let expected = [
        ("ana", Some("claude"), "fix.echo", Allow, Deny, 3),
        ("ana", Some("claude"), "fix.other", Deny, Allow, 2),
    ];
    assert_eq!((both.flipped, lines(&both)), (5, expected.to_vec()));
    let moved = json!({
        "remove": [{"id": scene.granted.id, "version": scene.granted.version}],
        "add": [{"subject": "ana", "tool": "fix.echo", "effect": "allow", "when": "user.name == 'ana'"}],
    });
    assert_eq!(simulate(gateway, moved).await.flipped, 0);
    let other = simulate(gateway, add("ana/claude", "mail.*", "deny")).await;
    assert_eq!((other.flipped, other.flips.len()), (0, 0));
    scene.gateway.stop().await;
}

/// The trail keeps no arguments, so nothing is claimed of them.
#[tokio::test]
async fn what_depends_on_arguments_is_unknown() {
    let scene = history().await;
    let gateway = &scene.gateway;
    let with = |effect: &str, when: &str| json!({"add": [{"subject": "ana", "tool": "fix.*", "effect": effect, "when": when}]});
    let unknown = simulate(gateway, with("deny", "args.n == 1")).await;
    assert_eq!((unknown.calls, unknown.flipped, unknown.unknown), (9, 0, 3), "{unknown:?}");
    let expected = [("ana", Some("claude"), "fix.echo", Verdict::Allow, Verdict::Unknown, 3)];
    assert_eq!(lines(&unknown), expected, "what is denied anyway stays denied");
    assert!(unknown.users.is_empty() && unknown.tools.is_empty(), "{unknown:?}");
    let allow = simulate(gateway, with("allow", "args.n == 1")).await;
    let expected = [("ana", Some("claude"), "fix.other", Verdict::Deny, Verdict::Unknown, 2)];
    assert_eq!(lines(&allow), expected);
    // What does not look at arguments is known.
    for (when, flipped) in
        [("agent.name == 'claude'", 3), ("agent == null", 0), ("user.name == 'bo'", 0)]
    {
        let known = simulate(gateway, with("deny", when)).await;
        assert_eq!((known.flipped, known.unknown), (flipped, 0), "{when}: {known:?}");
    }
    // Nor is what is unknown before and after, but the same.
    gateway
        .grant_with(
            json!({"subject": "ana", "tool": "fix.*", "effect": "deny", "when": "args.n == 1"}),
        )
        .await;
    let same = simulate(gateway, json!({})).await;
    assert_eq!((same.flipped, same.unknown, same.flips.len()), (0, 0, 0), "{same:?}");
    scene.gateway.stop().await;
}

/// What the trail says of a decision is known, for as long as the grants are
/// those of then.
#[tokio::test]
async fn what_was_decided_on_arguments_is_taken_from_the_trail() {
    let scene = Scene::start().await;
    let Scene { gateway, token, .. } = &scene;
    let body =
        json!({"subject": "ana", "tool": "fix.fail", "effect": "allow", "when": "args.n < 2"});
    let grant = gateway.grant_with(body).await;
    for (n, expected) in [(0, 200), (1, 200), (2, 403)] {
        assert_eq!(gateway.rest_call(token, "fix.fail", json!({"n": n})).await.0, expected);
    }
    let removed = json!({"remove": [{"id": grant.id, "version": 1}]});
    let seen = simulate(gateway, removed).await;
    let expected = [("ana", Some("claude"), "fix.fail", Verdict::Allow, Verdict::Deny, 2)];
    assert_eq!((seen.unknown, lines(&seen)), (0, expected.to_vec()), "{seen:?}");
    // The same text of other grants says nothing of then.
    let body = json!({"subject": "ana", "tool": "fix.fail", "effect": "allow", "when": "args.n < 2", "rate": "9/s"});
    let edited = gateway.grant_with(body).await;
    assert_eq!((&edited.id, edited.version), (&grant.id, 2));
    let seen = simulate(gateway, json!({"remove": [{"id": grant.id, "version": 2}]})).await;
    assert_eq!((seen.flipped, seen.unknown), (0, 3), "{seen:?}");
    scene.gateway.stop().await;
}

/// Approved ones, and those that were denied by a person.
#[tokio::test]
async fn calls_that_were_asked_about_are_replayed_as_such() {
    let scene = super::asking().await;
    let Scene { gateway, token, .. } = &scene;
    for (n, word) in ["once", "deny", "once"].into_iter().enumerate() {
        let made = call(gateway, token, "fix.echo", json!({"n": n}));
        say(gateway, &the_held(gateway).await.id, word).await;
        outcome(made).await;
    }
    let allowed = simulate(gateway, add("ana", "fix.echo", "allow")).await;
    let expected = [("ana", Some("claude"), "fix.echo", Verdict::Ask, Verdict::Allow, 3)];
    assert_eq!(lines(&allowed), expected);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn simulating_changes_nothing() {
    let scene = history().await;
    let Scene { gateway, token, .. } = &scene;
    let before = (grants(gateway).await, policy_version(gateway).await);
    gateway.audit().await;
    let head = status(&gateway.admin).await.audit_head;
    let change = json!({
        "add": [
            {"subject": "ana", "tool": "fix.*", "effect": "deny"},
            {"subject": "bo", "tool": "*", "effect": "ask", "rate": "1/day"},
        ],
        "remove": [{"id": scene.granted.id, "version": scene.granted.version}],
    });
    for _ in 0..3 {
        assert!(simulate(gateway, change.clone()).await.flipped > 0);
    }
    assert_eq!((grants(gateway).await, policy_version(gateway).await), before);
    assert_eq!(status(&gateway.admin).await.audit_head, head, "and is no event");
    assert_eq!(gateway.rest_call(token, "fix.echo", json!({})).await.0, 200);
    // The next grant's number is the one after the last.
    let number = |grant: &Grant| grant.id[1..].parse::<u64>().unwrap();
    let last = before.0.iter().map(number).max().unwrap();
    let next = gateway.grant("ana", "fix.fail", "allow").await;
    assert_eq!((number(&next), next.version), (last + 1, 1));
    let trail = gateway.audit().await;
    assert!(trail.windows(2).all(|pair| pair[0].seq == pair[1].seq + 1), "no gap in the trail");
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_simulation_is_refused_like_the_change_itself() {
    let scene = history().await;
    let gateway = &scene.gateway;
    let Grant { id, version, .. } = &scene.granted;
    let edit = |version: u64| json!({"id": id, "subject": "ana", "tool": "fix.echo", "effect": "deny", "version": version});
    let before = grants(gateway).await;
    for (change, expected) in [
        (json!({"edit": [edit(version + 1)]}), (409, "stale")),
        (json!({"remove": [{"id": id, "version": 0}]}), (409, "stale")),
        (json!({"remove": [{"id": "g999", "version": 1}]}), (404, "not_found")),
        (add("nobody", "fix.echo", "deny"), (404, "not_found")),
        (add("ana", "fix", "deny"), (422, "invalid")),
        (
            json!({"add": [{"subject": "ana", "tool": "*", "effect": "deny", "when": "1 +"}]}),
            (422, "invalid_condition"),
        ),
        (json!({"add": "everything"}), (400, "bad_request")),
    ] {
        for (path, body) in [
            ("/api/v1/simulations", json!({"change": change})),
            ("/api/v1/changes", change.clone()),
        ] {
            let (status, answer) = ask(&gateway.admin, "POST", path, body).await;
            let seen = (status, answer["code"].as_str().unwrap());
            assert_eq!(seen, expected, "{path} {change}: {answer}");
            if expected.1 == "stale" {
                assert_eq!(answer["current"], json!(before[0]), "{path}: {answer}");
            }
        }
    }
    for since in ["yesterday", "0d", "-1d", ""] {
        let body = json!({"change": {}, "since": since});
        let answer = ask(&gateway.admin, "POST", "/api/v1/simulations", body).await;
        assert_eq!(answer.0, 422, "{since}");
    }
    assert_eq!(grants(gateway).await, before);
    scene.gateway.stop().await;
}

/// The past is replayed on what people and agents are now.
#[tokio::test]
async fn a_simulation_goes_by_the_teams_and_scopes_of_today() {
    let scene = history().await;
    let gateway = &scene.gateway;
    set_teams(gateway, "bo", &["support"]).await;
    let same = simulate(gateway, add("team:sales", "fix.echo", "deny")).await;
    assert_eq!(same.flipped, 0, "they are in that team no longer: {same:?}");
    let back = simulate(gateway, add("team:support", "fix.echo", "allow")).await;
    assert_eq!(back.flipped, 4, "{back:?}");
    scene.gateway.stop().await;
}
