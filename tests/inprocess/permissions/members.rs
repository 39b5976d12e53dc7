//! A member: their own agents, approvals and trail, and nobody else's.

use agw_api::{Agent, AgentCreated, Approval, AuditRecord, Client, Event, Grant, Tool, User};
use futures_util::StreamExt as _;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::{
    super::{admin_api::ask, scene::Scene},
    SOON, answer, call, held, outcome, set_teams, status, the_held,
};
use crate::support::{InProcess, PASSWORD, Trail as _, http};

/// Ana and bo, both members who are signed in; each has an agent `claude`,
/// is in the team `sales`, and may call `fix.echo` and `fix.other` after
/// being asked.
struct Two {
    scene: Scene,
    ana: Client,
    bo: Client,
    bos_token: String,
}

async fn two() -> Two {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    gateway.set_password("ana").await;
    let ana = gateway.sign_in("ana").await;
    let bo = gateway.add_person("bo", "member").await;
    let bos_token = gateway.add_agent("bo", "claude", &[]).await;
    set_teams(gateway, "ana", &["sales"]).await;
    set_teams(gateway, "bo", &["support"]).await;
    gateway.grant("ana", "fix.echo", "ask").await;
    gateway.grant("bo", "fix.other", "ask").await;
    Two { scene, ana, bo, bos_token }
}

#[tokio::test]
async fn a_member_sees_what_is_theirs_and_nothing_else() {
    let Two { scene, ana, bo, bos_token } = two().await;
    let Scene { gateway, token, .. } = &scene;
    gateway.grant("team:sales", "fix.fail", "deny").await;
    gateway.grant("team:support", "fix.fail", "allow").await;
    gateway.grant("ana/claude", "fix.echo", "allow").await;
    gateway.grant("bo/claude", "fix.other", "allow").await;
    let _anas = call(gateway, token, "fix.echo", json!({"of": "ana"}));
    let _bos = call(gateway, &bos_token, "fix.other", json!({"of": "bo"}));
    held(gateway, 2).await;
    for (client, me, team, tools) in [
        (&ana, "ana", "sales", &["fix.echo"][..]),
        (&bo, "bo", "support", &["fix.fail", "fix.other"]),
    ] {
        let users: Vec<User> = client.get("/api/v1/users").await.unwrap();
        assert_eq!(users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), [me]);
        for path in ["/api/v1/agents", "/api/v1/agents?user=ana", "/api/v1/agents?user=bo"] {
            let agents: Vec<Agent> = client.get(path).await.unwrap();
            assert!(agents.len() == 1 && agents[0].user == me, "{path}: {agents:?}");
        }
        let grants: Vec<Grant> = client.get("/api/v1/grants").await.unwrap();
        let mut subjects: Vec<&str> = grants.iter().map(|grant| grant.subject.as_str()).collect();
        subjects.sort_unstable();
        assert_eq!(subjects, [me, &format!("{me}/claude"), &format!("team:{team}")]);
        let offered: Vec<Tool> = client.get("/api/v1/tools").await.unwrap();
        assert_eq!(offered.iter().map(|tool| tool.id.as_str()).collect::<Vec<_>>(), tools);
        for path in ["/api/v1/approvals", "/api/v1/approvals?state=all"] {
            let approvals: Vec<Approval> = client.get(path).await.unwrap();
            assert!(approvals.len() == 1 && approvals[0].user == me, "{path}: {approvals:?}");
        }
        assert_eq!(status(client).await.approvals, 1);
        let other = if me == "ana" { "bo" } else { "ana" };
        for path in ["limit=1000", "user=ana", "user=bo", "kind=config", "kind=approval"] {
            let path = format!("/api/v1/audit?{path}");
            let records: Vec<AuditRecord> = client.records(&path).await.unwrap();
            let theirs = |record: &AuditRecord| record.user.as_deref() == Some(me);
            assert!(records.iter().all(theirs), "{path}: {records:?}");
            let text = serde_json::to_string(&records).unwrap();
            assert!(!text.contains(&format!("\"{other}\"")), "{path}: {text}");
        }
    }
    assert_eq!(status(&gateway.admin).await.approvals, 2);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_member_hears_of_their_own_calls_alone() {
    let Two { scene, ana, bo: _, bos_token } = two().await;
    let Scene { gateway, token, .. } = &scene;
    gateway.grant("ana", "fix.echo", "allow").await;
    gateway.grant("bo", "fix.other", "allow").await;
    let mut events = ana.events().await.unwrap();
    let mut admins = gateway.admin.events().await.unwrap();
    for token in [&bos_token, &bos_token, token] {
        let tool = if token == &bos_token { "fix.other" } else { "fix.echo" };
        assert_eq!(gateway.rest_call(token, tool, json!({})).await.0, 200);
    }
    let mut seen = Vec::new();
    for stream in [&mut events, &mut admins] {
        let mut of_stream = Vec::new();
        loop {
            let event = tokio::time::timeout(SOON, stream.next()).await.expect("an event soon");
            if let Event::Audit { record } = event.unwrap().unwrap() {
                of_stream.push(record.user.clone().unwrap());
                if record.kind == "outcome" && record.user.as_deref() == Some("ana") {
                    break;
                }
            }
        }
        seen.push(of_stream);
    }
    assert_eq!(seen[0], ["ana", "ana"], "intent and outcome");
    assert!(seen[1].contains(&"bo".to_owned()), "the admin hears all: {seen:?}");
    scene.gateway.stop().await;
}

/// Not even that there was something: when others call, and how often, is
/// theirs, too.
#[tokio::test]
async fn a_members_stream_is_silent_while_others_call() {
    let Two { scene, bos_token, .. } = two().await;
    let gateway = &scene.gateway;
    gateway.grant("bo", "fix.other", "allow").await;
    let base = gateway.url("");
    let body = json!({"user": "ana", "password": PASSWORD}).to_string();
    let headers = [("content-type", "application/json"), ("origin", &*base)];
    let url = format!("{base}/api/v1/sessions");
    let reply = http::ask("POST", &url, &headers, body).await;
    let cookie = reply.header("set-cookie").split(';').next().unwrap().to_owned();
    let url = format!("{base}/api/v1/events");
    let mut stream = http::send("GET", &url, &[("cookie", &*cookie)], "").await.into_body();
    for _ in 0..3 {
        let _ = gateway.rest_call(&bos_token, "fix.other", json!({})).await;
    }
    // Something for everybody comes behind it.
    gateway.add_user("leo", None).await;
    let mut said = String::new();
    while !said.contains(r#""what":"users""#) {
        let piece = tokio::time::timeout(SOON, stream.frame()).await.expect("an event soon");
        let piece = piece.expect("the stream is open").unwrap().into_data().unwrap();
        said.push_str(std::str::from_utf8(&piece).unwrap());
    }
    let comments = said.lines().filter(|line| line.starts_with(':') && *line != ": still here");
    assert_eq!(comments.collect::<Vec<_>>(), [": connected"], "{said}");
    scene.gateway.stop().await;
}

/// Each row is in every snapshot of the permission map.
#[tokio::test]
async fn there_is_a_bound_on_the_agents_of_one_person() {
    let Two { scene, ana, .. } = two().await;
    let dir = scene.gateway.dir.path();
    let db = rusqlite::Connection::open(dir.join("agw.db")).unwrap();
    db.busy_timeout(SOON).unwrap();
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
        INSERT INTO agents (user, name, scope, client_timeout, created_at)
        SELECT (SELECT id FROM users WHERE name = 'ana'), 'n' || i, '[]', 60, 0 FROM n";
    assert_eq!(db.execute(sql, []).unwrap(), 999);
    let body = json!({"name": "one too many"});
    let (status, body) = ask(&ana, "POST", "/api/v1/users/ana/agents", body).await;
    assert_eq!((status, &body["code"]), (422, &json!("invalid")), "{body}");
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_member_makes_changes_and_revokes_their_own_agents() {
    let Two { scene, ana, .. } = two().await;
    let Scene { gateway, .. } = &scene;
    gateway.grant("ana", "fix.*", "allow").await;
    gateway.grant("ana", "fix.echo", "allow").await;
    let body = json!({"name": "cursor", "scope": ["fix.echo"], "ttl_seconds": 3600});
    let made: AgentCreated = ana.post("/api/v1/users/ana/agents", &body).await.unwrap();
    assert_eq!(gateway.rest_tools(&made.token).await, ["fix.echo"]);
    assert_eq!(gateway.rest_call(&made.token, "fix.echo", json!({})).await.0, 200);
    let path = "/api/v1/users/ana/agents/cursor";
    let body = json!({"scope": ["fix.other"], "version": made.agent.version});
    let edited: Agent = ana.put(path, &body).await.unwrap();
    assert_eq!(gateway.rest_tools(&made.token).await, ["fix.other"]);
    let (code, stale) = ask(&ana, "PUT", path, body).await;
    assert_eq!((code, &stale["current"]), (409, &json!(edited)), "{stale}");
    assert_eq!(ask(&ana, "DELETE", path, json!(null)).await.0, 204);
    assert_eq!(gateway.rest_call(&made.token, "fix.other", json!({})).await.0, 401);
    let config: Vec<AuditRecord> = ana.records("/api/v1/audit?kind=config").await.unwrap();
    let told: Vec<_> =
        config.iter().map(|r| (r.user.as_deref().unwrap(), r.status.as_deref().unwrap())).collect();
    let expected = ["agent_revoked", "agent_edited", "agent_added"].map(|what| ("ana", what));
    assert_eq!(told, expected);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_member_touches_nobody_elses_agents() {
    let Two { scene, ana, bos_token, .. } = two().await;
    let Scene { gateway, .. } = &scene;
    gateway.grant("bo", "fix.other", "allow").await;
    let before = gateway.audit().await.len();
    for (method, path, body) in [
        ("POST", "/api/v1/users/bo/agents", json!({"name": "mine"})),
        ("POST", "/api/v1/users/root/agents", json!({"name": "mine"})),
        ("PUT", "/api/v1/users/bo/agents/claude", json!({"scope": [], "version": 1})),
        ("DELETE", "/api/v1/users/bo/agents/claude", json!(null)),
        ("DELETE", "/api/v1/users/bo/agents/claude?version=1", json!(null)),
        ("POST", "/api/v1/users/bo/token", json!(null)),
        ("POST", "/api/v1/users/ana/token", json!(null)),
        ("PUT", "/api/v1/users/ana", json!({"role": "admin", "version": 1})),
        ("PUT", "/api/v1/users/bo/password", json!({"password": "a new horse battery"})),
        ("PUT", "/api/v1/users/ana/password", json!({"password": "a new horse battery"})),
        ("POST", "/api/v1/grants", json!({"subject": "ana", "tool": "*", "effect": "allow"})),
        (
            "POST",
            "/api/v1/changes",
            json!({"add": [{"subject": "ana/claude", "tool": "*", "effect": "allow"}]}),
        ),
    ] {
        let (code, body) = ask(&ana, method, path, body).await;
        let seen = (code, body["code"].as_str().unwrap());
        assert!(
            [(403, "forbidden"), (404, "not_found")].contains(&seen),
            "{method} {path}: {body}"
        );
    }
    assert_eq!(gateway.audit().await.len(), before, "nothing was changed");
    assert_eq!(gateway.rest_call(&bos_token, "fix.other", json!({})).await.0, 200);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_member_hands_out_nothing_that_they_do_not_hold() {
    let Two { scene, ana, .. } = two().await;
    let Scene { gateway, upstream, .. } = &scene;
    gateway.grant("bo", "fix.*", "allow").await;
    gateway.revoke(&scene.granted).await;
    let body = json!({"name": "everything", "scope": ["*"]});
    let made: AgentCreated = ana.post("/api/v1/users/ana/agents", &body).await.unwrap();
    assert_eq!(gateway.rest_tools(&made.token).await, [""; 0]);
    for tool in ["fix.echo", "fix.other", "fix.fail"] {
        let (code, body) = gateway.rest_call(&made.token, tool, json!({})).await;
        assert_eq!((code, &body["code"]), (403, &json!("not_granted")), "{tool}");
    }
    assert_eq!(upstream.calls().len(), 0);
    // And whatever they lose, their agents lose.
    let grant = gateway.grant("ana", "fix.fail", "allow").await;
    assert_eq!(gateway.rest_tools(&made.token).await, ["fix.fail"]);
    gateway.revoke(&grant).await;
    assert_eq!(gateway.rest_call(&made.token, "fix.fail", json!({})).await.0, 403);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_member_answers_for_their_own_agents_alone() {
    let Two { scene, ana, bo, bos_token } = two().await;
    let Scene { gateway, token, upstream, .. } = &scene;
    let anas = call(gateway, token, "fix.echo", json!({}));
    let asked_ana = the_held(gateway).await;
    let bos = call(gateway, &bos_token, "fix.other", json!({}));
    let asked = held(gateway, 2).await;
    let asked_bo = asked.iter().find(|asked| asked.user == "bo").unwrap();
    // Somebody else's is not there, as one that never was.
    let never = answer(&ana, "p999", "once").await;
    assert_eq!((never.0, &never.1["code"]), (404, &json!("not_found")));
    for word in ["once", "session", "deny"] {
        let (code, body) = answer(&ana, &asked_bo.id, word).await;
        assert_eq!(
            (code, body.to_string().replace(&asked_bo.id, "p999")),
            (404, never.1.to_string())
        );
    }
    let path = format!("/api/v1/approvals/{}", asked_bo.id);
    assert_eq!(ask(&ana, "GET", &path, json!(null)).await.0, 404);
    assert_eq!(upstream.calls().len(), 0);
    for (client, asked, made, me) in [(&ana, &asked_ana, anas, "ana"), (&bo, asked_bo, bos, "bo")] {
        let (code, body) = answer(client, &asked.id, "once").await;
        assert_eq!((code, &body["answered_by"]), (200, &json!(me)), "{body}");
        assert_eq!(outcome(made).await.0, 200);
        // Only an admin makes it one for good.
        let path = format!("/api/v1/approvals/{}/always", asked.id);
        assert_eq!(ask(client, "GET", &path, json!(null)).await.0, 403);
    }
    let said: Vec<Value> = bo.records("/api/v1/audit?kind=approval").await.unwrap();
    assert!(said.iter().any(|record| record["by"] == "bo"), "{said:?}");
    scene.gateway.stop().await;
}

/// Names of people are not given away by the way in which they are refused.
#[tokio::test]
async fn a_member_cannot_find_out_who_else_there_is() {
    let Two { scene, ana, .. } = two().await;
    let mut told = Vec::new();
    for (method, path, body) in [
        ("POST", "users/WHO/agents", json!({"name": "x"})),
        ("PUT", "users/WHO/agents/claude", json!({"scope": [], "version": 1})),
        ("DELETE", "users/WHO/agents/claude", json!(null)),
        ("PUT", "users/WHO", json!({"version": 1})),
        ("PUT", "users/WHO/password", json!({"password": "a new horse battery"})),
        ("POST", "users/WHO/token", json!(null)),
        ("DELETE", "users/WHO", json!(null)),
        ("GET", "agents?user=WHO", json!(null)),
        ("GET", "grants?subject=WHO", json!(null)),
        ("GET", "grants?subject=WHO/claude", json!(null)),
        ("GET", "grants?subject=team:TEAM", json!(null)),
        ("GET", "tools?as=WHO", json!(null)),
        ("GET", "tools?as=WHO/claude", json!(null)),
        ("GET", "audit?user=WHO", json!(null)),
        ("POST", "explain", json!({"caller": "WHO", "tool": "fix.echo"})),
        ("POST", "explain", json!({"caller": "WHO/claude", "tool": "fix.echo"})),
    ] {
        let mut answers = Vec::new();
        for (who, team) in [("bo", "support"), ("nobody", "nothing")] {
            let name = |text: &str| text.replace("WHO", who).replace("TEAM", team);
            let body: Value = serde_json::from_str(&name(&body.to_string())).unwrap();
            let (code, answer) = ask(&ana, method, &format!("/api/v1/{}", name(path)), body).await;
            let answer = answer.to_string().replace(who, "WHO").replace(team, "TEAM");
            answers.push(format!("{code} {answer}"));
        }
        if answers[0] != answers[1] {
            told.push(format!("{method} {path}: {answers:?}"));
        }
    }
    assert!(told.is_empty(), "told apart by:\n{}", told.join("\n"));
    scene.gateway.stop().await;
}

/// A member's tools are those that they may use, one by one, too.
#[tokio::test]
async fn a_member_reads_of_no_tool_that_they_may_not_use() {
    let Two { scene, ana, .. } = two().await;
    let InProcess { admin, .. } = &scene.gateway;
    let get = async |client: &Client, path: &str| ask(client, "GET", path, json!(null)).await;
    assert_eq!(get(&ana, "/api/v1/tools/fix.echo").await.0, 200);
    assert_eq!(get(admin, "/api/v1/tools/fix.other").await.0, 200);
    let hidden = get(&ana, "/api/v1/tools/fix.other").await;
    let absent = get(&ana, "/api/v1/tools/fix.absent").await;
    assert_eq!((hidden.0, absent.0), (404, 404));
    assert_eq!(hidden.1.to_string().replace("other", "absent"), absent.1.to_string());
    scene.gateway.stop().await;
}
