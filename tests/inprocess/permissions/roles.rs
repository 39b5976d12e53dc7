//! Admins, auditors and members: what a role opens, from the moment that it is
//! given until the moment that it is taken.

use agw_api::{AuditRecord, Client, Event, Role, Session, Team, User};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::{
    super::{admin_api::ask, scene::Scene},
    SOON, user,
};
use crate::support::{InProcess, PASSWORD, Trail as _};

async fn set_role(gateway: &InProcess, name: &str, role: &str) -> (u16, Value) {
    let body = json!({"role": role, "version": user(gateway, name).await.version});
    ask(&gateway.admin, "PUT", &format!("/api/v1/users/{name}"), body).await
}

async fn role(client: &Client) -> Role {
    let session: Session = client.get("/api/v1/session").await.unwrap();
    session.role
}

async fn signs_in(gateway: &InProcess, name: &str, password: &str) -> u16 {
    let body = json!({"user": name, "password": password});
    ask(&Client::new(gateway.dir.path()), "POST", "/api/v1/sessions", body).await.0
}

/// Status of reading, and of a change.
async fn reads_and_changes(client: &Client, round: &str) -> (u16, u16) {
    let (reads, _) = ask(client, "GET", "/api/v1/connections", json!(null)).await;
    let body = json!({"name": format!("by {round}")});
    let (changes, _) = ask(client, "POST", "/api/v1/teams", body).await;
    (reads, changes)
}

#[tokio::test]
async fn who_has_a_password_can_sign_in_with_the_role_they_have() {
    let gateway = InProcess::start().await;
    for (name, body, expected) in [
        ("plain", json!({"name": "plain"}), Role::Member),
        ("mem", json!({"name": "mem", "role": "member", "team": "sales"}), Role::Member),
        ("aud", json!({"name": "aud", "role": "auditor"}), Role::Auditor),
        ("adm", json!({"name": "adm", "role": "admin"}), Role::Admin),
    ] {
        let made: User = gateway.admin.post("/api/v1/users", &body).await.unwrap();
        assert_eq!((made.role, made.can_sign_in), (expected, false));
        assert_eq!(signs_in(&gateway, name, PASSWORD).await, 401);
        let path = format!("/api/v1/users/{name}/password");
        let (status, _) = ask(&gateway.admin, "PUT", &path, json!({"password": "too short"})).await;
        assert_eq!(status, 422);
        gateway.set_password(name).await;
        assert_eq!(role(&gateway.sign_in(name).await).await, expected);
        let now = user(&gateway, name).await;
        assert!(now.can_sign_in && now.version > made.version, "{now:?}");
    }
    let body = json!({"name": "x", "role": "owner"});
    assert_eq!(ask(&gateway.admin, "POST", "/api/v1/users", body).await.0, 400);
    let body = json!({"password": PASSWORD});
    assert_eq!(ask(&gateway.admin, "PUT", "/api/v1/users/no/password", body).await.0, 404);
    let set: Vec<Value> = gateway.admin.records("/api/v1/audit?kind=config").await.unwrap();
    let set: Vec<_> = set.iter().filter(|r| r["status"] == "password_set").collect();
    assert_eq!(set.len(), 4);
    assert!(set.iter().all(|r| r["user"] == "root" && !r.to_string().contains(PASSWORD)));
    gateway.stop().await;
}

#[tokio::test]
async fn teams_and_roles_are_edited_as_they_were_seen() {
    let gateway = InProcess::start().await;
    gateway.add_user("ana", Some("sales")).await;
    let path = "/api/v1/users/ana";
    let seen = user(&gateway, "ana").await;
    let body = json!({"teams": ["support", "sales", "new team"], "version": seen.version});
    let (status, edited) = ask(&gateway.admin, "PUT", path, body.clone()).await;
    assert_eq!((status, &edited["teams"]), (200, &json!(["new team", "sales", "support"])));
    assert_eq!(edited["role"], "member", "what is left out stays");
    let (status, stale) = ask(&gateway.admin, "PUT", path, body).await;
    assert_eq!((status, &stale["code"], &stale["current"]), (409, &json!("stale"), &edited));
    let version = edited["version"].as_u64().unwrap();
    assert_eq!(version, seen.version + 1);
    for (bad, expected) in [
        (json!({"teams": ["team:x"], "version": version}), 422),
        (json!({"teams": [""], "version": version}), 422),
        (json!({"role": "root", "version": version}), 400),
        (json!({"teams": []}), 400),
    ] {
        let (status, answer) = ask(&gateway.admin, "PUT", path, bad.clone()).await;
        assert_eq!(status, expected, "{bad}: {answer}");
    }
    let body = json!({"role": "auditor", "version": version});
    let (status, edited) = ask(&gateway.admin, "PUT", path, body).await;
    assert_eq!((status, &edited["role"]), (200, &json!("auditor")));
    assert_eq!(edited["teams"], json!(["new team", "sales", "support"]));
    let body = json!({"teams": [], "version": version + 1});
    assert_eq!(ask(&gateway.admin, "PUT", path, body).await.1["teams"], json!([]));
    let edits: Vec<AuditRecord> = gateway.admin.records("/api/v1/audit?kind=config").await.unwrap();
    assert_eq!(edits.iter().filter(|r| r.status.as_deref() == Some("user_edited")).count(), 3);
    gateway.stop().await;
}

#[tokio::test]
async fn a_demotion_is_in_force_for_the_session_that_is_open() {
    let gateway = InProcess::start().await;
    let zoe = gateway.add_person("zoe", "admin").await;
    for (to, expected) in [
        ("admin", (200, 201)),
        ("auditor", (200, 403)),
        ("member", (403, 403)),
        ("auditor", (200, 403)),
        ("admin", (200, 201)),
    ] {
        set_role(&gateway, "zoe", to).await;
        let round = user(&gateway, "zoe").await.version.to_string();
        assert_eq!(reads_and_changes(&zoe, &round).await, expected, "{to}");
        assert_eq!(json!(role(&zoe).await), to);
    }
    gateway.stop().await;
}

/// A stream that was opened by an admin is no admin's from then on.
#[tokio::test]
async fn a_demotion_is_in_force_for_the_stream_that_is_open() {
    let scene = Scene::start().await;
    let Scene { gateway, token, .. } = &scene;
    let zoe = gateway.add_person("zoe", "admin").await;
    gateway.grant("zoe", "fix.echo", "allow").await;
    let zoes = gateway.add_agent("zoe", "claude", &[]).await;
    let mut events = zoe.events().await.unwrap();
    // Reads until the outcome of a call of this user.
    let mut calls_until = async |user: &str| {
        let mut seen = Vec::new();
        loop {
            let event = tokio::time::timeout(SOON, events.next()).await.expect("an event soon");
            let Event::Audit { record } = event.expect("the stream is open").unwrap() else {
                continue;
            };
            if record.kind == "outcome" {
                seen.push(record.user.clone().unwrap());
                if record.user.as_deref() == Some(user) {
                    return seen;
                }
            }
        }
    };
    assert_eq!(gateway.rest_call(token, "fix.echo", json!({})).await.0, 200);
    assert_eq!(calls_until("ana").await, ["ana"]);
    assert_eq!(set_role(gateway, "zoe", "member").await.0, 200);
    for token in [token, token, &zoes] {
        assert_eq!(gateway.rest_call(token, "fix.echo", json!({})).await.0, 200);
    }
    assert_eq!(calls_until("zoe").await, ["zoe"], "ana's calls are no business of a member's");
    scene.gateway.stop().await;
}

#[tokio::test]
async fn the_last_admin_can_be_neither_demoted_nor_removed() {
    let gateway = InProcess::start().await;
    let refused = async |gateway: &InProcess| {
        for to in ["auditor", "member"] {
            let (status, body) = set_role(gateway, "root", to).await;
            assert_eq!((status, &body["code"]), (422, &json!("invalid")), "{body}");
            assert!(body["message"].as_str().unwrap().contains("last admin"), "{body}");
        }
        let (status, _) = ask(&gateway.admin, "DELETE", "/api/v1/users/root", json!(null)).await;
        assert_eq!(status, 422);
        assert_eq!(role(&gateway.admin).await, Role::Admin);
    };
    refused(&gateway).await;
    // One who cannot sign in administrates nothing.
    let body = json!({"name": "zoe", "role": "admin"});
    let _: User = gateway.admin.post("/api/v1/users", &body).await.unwrap();
    refused(&gateway).await;
    gateway.set_password("zoe").await;
    let zoe = gateway.sign_in("zoe").await;
    // Nor does one who was an admin.
    set_role(&gateway, "zoe", "auditor").await;
    refused(&gateway).await;
    set_role(&gateway, "zoe", "admin").await;
    assert_eq!(set_role(&gateway, "root", "member").await.0, 200);
    let version = ask(&zoe, "GET", "/api/v1/users", json!(null)).await.1;
    let version =
        version.as_array().unwrap().iter().find(|u| u["name"] == "zoe").unwrap()["version"].clone();
    let body = json!({"role": "member", "version": version});
    let (status, body) = ask(&zoe, "PUT", "/api/v1/users/zoe", body).await;
    assert_eq!(
        (status, &body["code"]),
        (422, &json!("invalid")),
        "now it is the other one: {body}"
    );
    gateway.stop().await;
}

/// Both mean well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_admins_who_demote_each_other_leave_one() {
    for round in 0..5 {
        let gateway = InProcess::start().await;
        let zoe = gateway.add_person("zoe", "admin").await;
        let versions = [user(&gateway, "root").await.version, user(&gateway, "zoe").await.version];
        let demote = |client: &Client, name: &str, version: u64| {
            let (client, path) = (client.clone(), format!("/api/v1/users/{name}"));
            let body = json!({"role": "member", "version": version});
            tokio::spawn(async move { ask(&client, "PUT", &path, body).await.0 })
        };
        let (one, other) = tokio::join!(
            demote(&gateway.admin, "zoe", versions[1]),
            demote(&zoe, "root", versions[0]),
        );
        let mut codes = [one.unwrap(), other.unwrap()];
        codes.sort_unstable();
        assert!(codes[0] == 200 && [403, 422].contains(&codes[1]), "round {round}: {codes:?}");
        let admins = [role(&gateway.admin).await, role(&zoe).await];
        let left = admins.iter().filter(|role| **role == Role::Admin).count();
        assert_eq!(left, 1, "round {round}");
        gateway.stop().await;
    }
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_for_good() {
    let gateway = InProcess::start().await;
    let ana = gateway.add_person("ana", "member").await;
    let phone = gateway.sign_in("ana").await;
    let mut events = phone.events().await.unwrap();
    let open = async |client: &Client| ask(client, "GET", "/api/v1/session", json!(null)).await.0;
    let change = async |current: &str, new: &str| {
        let body = json!({"current": current, "new": new});
        ask(&ana, "PUT", "/api/v1/session/password", body).await
    };
    let (status, body) = change("not it at all", "another horse battery").await;
    assert_eq!((status, &body["code"]), (401, &json!("bad_credentials")), "{body}");
    assert_eq!(change(PASSWORD, "short").await.0, 422);
    assert_eq!((open(&ana).await, open(&phone).await), (200, 200));

    assert_eq!(change(PASSWORD, "another horse battery").await.0, 204);
    assert_eq!((open(&ana).await, open(&phone).await), (200, 401));
    assert_eq!(signs_in(&gateway, "ana", PASSWORD).await, 401);
    assert_eq!(signs_in(&gateway, "ana", "another horse battery").await, 201);
    // Its stream, too, at the next event.
    gateway.add_user("bo", None).await;
    let ends = async { while let Some(Ok(_)) = events.next().await {} };
    tokio::time::timeout(SOON, ends).await.expect("the stream ends");
    assert_eq!(open(&gateway.admin).await, 200, "nobody else's");

    // It does not come back with the service.
    let gateway = gateway.restart().await;
    assert_eq!((open(&ana).await, open(&phone).await), (200, 401), "after a restart");
    // An admin's reset ends all of them: who had the old one is out.
    gateway.set_password("ana").await;
    assert_eq!(open(&ana).await, 401);
    let gateway = gateway.restart().await;
    assert_eq!(open(&ana).await, 401, "after a restart");
    gateway.stop().await;
}

/// A sign-in that began before and ends after is one with the old password.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_sign_in_under_way_outlives_a_new_password() {
    let gateway = InProcess::start().await;
    gateway.add_person("ana", "member").await;
    let anybody = Client::new(gateway.dir.path());
    let sign_in = || {
        let client = anybody.clone();
        tokio::spawn(async move {
            let body = json!({"user": "ana", "password": PASSWORD});
            let path = "/api/v1/sessions";
            client.post::<_, agw_api::SessionCreated>(path, &body).await.ok()?.token
        })
    };
    // Passwords are hashed a few at a time, in order: some come before the
    // new one, some after.
    let mut under_way: Vec<_> = (0..8).map(|_| sign_in()).collect();
    let set = gateway.admin.clone();
    let set = tokio::spawn(async move {
        let body = json!({"password": "another horse battery"});
        ask(&set, "PUT", "/api/v1/users/ana/password", body).await.0
    });
    tokio::task::yield_now().await;
    under_way.extend((0..8).map(|_| sign_in()));
    assert_eq!(set.await.unwrap(), 204);
    for began in under_way {
        let Some(token) = began.await.unwrap() else { continue };
        let client = anybody.clone().with_session(Some(token));
        let (status, _) = ask(&client, "GET", "/api/v1/session", json!(null)).await;
        assert_eq!(status, 401, "a session of the old password is open");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_removed_person_is_signed_out() {
    let gateway = InProcess::start().await;
    let ana = gateway.add_person("ana", "auditor").await;
    assert_eq!(ask(&ana, "GET", "/api/v1/users", json!(null)).await.0, 200);
    gateway.admin.delete("/api/v1/users/ana").await.unwrap();
    assert_eq!(ask(&ana, "GET", "/api/v1/users", json!(null)).await.0, 401);
    assert_eq!(signs_in(&gateway, "ana", PASSWORD).await, 401);
    // Somebody of the same name is somebody else.
    gateway.add_user("ana", None).await;
    assert_eq!(ask(&ana, "GET", "/api/v1/users", json!(null)).await.0, 401);
    assert_eq!(signs_in(&gateway, "ana", PASSWORD).await, 401);
    gateway.stop().await;
}

#[tokio::test]
async fn an_auditor_sees_what_an_admin_sees() {
    let scene = super::asking().await;
    let Scene { gateway, token, .. } = &scene;
    let auditor = gateway.add_person("aud", "auditor").await;
    let made = super::call(gateway, token, "fix.echo", json!({}));
    let asked = super::the_held(gateway).await;
    for path in [
        "users",
        "agents",
        "agents?user=ana",
        "teams",
        "grants",
        "connections",
        "tools",
        "tools?as=ana/claude",
        "approvals",
        "suggestions",
        "status",
        &format!("approvals/{}", asked.id),
    ] {
        let path = format!("/api/v1/{path}");
        let (status, seen) = ask(&auditor, "GET", &path, json!(null)).await;
        assert_eq!(status, 200, "{path}: {seen}");
        let (_, admins) = ask(&gateway.admin, "GET", &path, json!(null)).await;
        // How long an approval may still be answered is worked out anew each time.
        let text = [seen, admins].map(|mut body| {
            let one = body.get_mut("expires_at").map(Value::take).is_some();
            let all = body.as_array_mut().filter(|_| !one).into_iter().flatten();
            all.filter_map(|row| row.get_mut("expires_at")).for_each(|at| *at = json!(null));
            body
        });
        assert_eq!(text[0], text[1], "{path}");
    }
    let answer = json!({"answer": "once"});
    let path = format!("/api/v1/approvals/{}/answer", asked.id);
    let (status, body) = ask(&auditor, "POST", &path, answer).await;
    assert_eq!((status, &body["code"]), (403, &json!("forbidden")), "{body}");
    assert!(body["message"].as_str().unwrap().contains("auditor"), "{body}");
    scene.assert_untouched();
    super::say(gateway, &asked.id, "once").await;
    assert_eq!(super::outcome(made).await.0, 200);
    scene.gateway.stop().await;
}

/// In force for the next call, all of it or nothing, and never over what
/// somebody else has changed since.
#[tokio::test]
async fn a_teams_members_are_set_together() {
    let Scene { gateway, token, .. } = Scene::start().await;
    gateway.add_user("bo", Some("sales")).await;
    gateway.grant("team:sales", "fix.fail", "deny").await;
    let team = async || gateway.admin.get::<Vec<Team>>("/api/v1/teams").await.unwrap().remove(0);
    let path = "/api/v1/teams/sales";
    let (before, ana, bo) = (team().await, user(&gateway, "ana").await, user(&gateway, "bo").await);
    assert_eq!(before.members, ["bo"]);
    let put = async |members: &[&str], version: u64| {
        let body = json!({"members": members, "version": version});
        ask(&gateway.admin, "PUT", path, body).await
    };

    let (status, body) = put(&["ana", "nobody"], before.version).await;
    assert_eq!((status, &body["code"]), (404, &json!("not_found")), "{body}");
    assert_eq!(team().await.members, ["bo"], "half of it was made");
    let (status, body) = put(&["ana", "bo", "ana"], before.version).await;
    assert_eq!((status, &body["members"]), (200, &json!(["ana", "bo"])), "{body}");
    let (status, body) = put(&[], before.version).await;
    assert_eq!((status, &body["current"]["members"]), (409, &json!(["ana", "bo"])), "{body}");
    assert_eq!(user(&gateway, "ana").await.version, ana.version + 1, "her row names her teams");
    assert_eq!(user(&gateway, "bo").await.version, bo.version);
    let (status, reply) = gateway.rest_call(&token, "fix.fail", json!({})).await;
    assert_eq!(status, 403, "{reply}");
    let body = json!({"caller": "ana/claude", "tool": "fix.fail"});
    let (_, told) = ask(&gateway.admin, "POST", "/api/v1/explain", body).await;
    assert_eq!(told["reason"], "denied_by_grant", "{told}");

    // Who is taken out of it by their own row changes the team's, too.
    let now = team().await;
    let body = json!({"teams": [], "version": user(&gateway, "bo").await.version});
    assert_eq!(ask(&gateway.admin, "PUT", "/api/v1/users/bo", body).await.0, 200);
    assert_eq!(put(&["ana", "bo"], now.version).await.0, 409);
    assert_eq!(put(&[], team().await.version).await.0, 200);
    assert!(team().await.members.is_empty());
    let edits: Vec<AuditRecord> = gateway.admin.records("/api/v1/audit?kind=config").await.unwrap();
    let edits = edits.iter().filter(|record| record.status.as_deref() == Some("team_edited"));
    let edits: Vec<_> = edits.filter_map(|record| record.detail.as_deref()).collect();
    assert_eq!(edits, ["sales, members: ", "sales, members: ana, bo"]);
    gateway.stop().await;
}
