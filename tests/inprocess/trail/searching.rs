//! Every filter, alone and with another, against a look at every record.

use agw_api::{AuditRecord, Client, Grant};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::{super::scene::Scene, GROUP, ask, list, quoted};
use crate::support::{
    InProcess,
    random::{self, Random},
};

/// Ana and Bo, each with an agent `claude`; Bo is in a team; tools that are
/// allowed, asked about, denied, unknown, and of each effect.
async fn busy() -> (Scene, Vec<String>) {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    gateway.add_user("bo", Some("sales")).await;
    gateway.grant("team:sales", "fix.*", "allow").await;
    gateway.grant("ana", "fix.fail", "deny").await;
    for (tool, effect) in [("fix.echo", "read"), ("fix.other", "destructive")] {
        let path = format!("/api/v1/tools/{tool}/effect");
        let (status, body) =
            ask(&gateway.admin, "PUT", &path, json!({"effect": effect, "version": 0})).await;
        assert_eq!(status, 200, "{body}");
    }
    let path = "/api/v1/tools/fix.echo/recording";
    let clear = json!({"clear": ["to", "note"], "bodies": false, "version": 0});
    let (status, body) = ask(&gateway.admin, "PUT", path, clear).await;
    assert_eq!(status, 200, "{body}");
    let tokens = vec![
        scene.token.clone(),
        gateway.add_agent("bo", "claude", &[]).await,
        gateway.add_agent("bo", "Cursor", &["fix.other"]).await,
        gateway.user_token("ana").await,
        format!("st_{}", "A".repeat(43)),
    ];
    (scene, tokens)
}

async fn make_calls(gateway: &InProcess, tokens: &[String], random: &mut Random, count: usize) {
    let tools = ["fix.echo", "fix.other", "fix.fail", "fix.none", "gone.tool", "odd \"name\"\n"];
    let notes = ["say \"hi\"", "C:\\temp", "Ünïcode", "two\nlines", "detail"];
    let calls: Vec<(String, &str, Value)> = (0..count)
        .map(|n| {
            let args = json!({"n": n, "to": [format!("p{}@example.com", random.below(9))],
                "note": random.pick(&notes)});
            (random.pick(tokens).clone(), *random.pick(&tools), args)
        })
        .collect();
    let made = stream::iter(calls)
        .map(|(token, tool, args)| async move { gateway.rest_call(&token, tool, args).await.0 })
        .buffer_unordered(16);
    let answers: Vec<u16> = made.collect().await;
    assert!(answers.contains(&200) && answers.contains(&403), "{answers:?}");
}

/// What a filter may ask for, and whether a record is that.
type Is = Box<dyn Fn(&AuditRecord) -> bool>;

fn field(name: &'static str, value: &str) -> (String, Is) {
    let sought = value.to_owned();
    let is = move |r: &AuditRecord| {
        let found = match name {
            "kind" => Some(&r.kind),
            "decision" => r.decision.as_ref(),
            "user" => r.user.as_ref(),
            "tool" => r.tool.as_ref(),
            "reason" => r.reason.as_ref(),
            _ => r.status.as_ref(),
        };
        found == Some(&sought)
    };
    (format!("{name}={}", quoted(value)), Box::new(is))
}

fn agent(owner: Option<&'static str>, name: &'static str) -> (String, Is) {
    let query = owner.map_or(name.to_owned(), |owner| format!("{owner}/{name}"));
    let is = move |r: &AuditRecord| {
        r.agent.as_deref() == Some(name) && owner.is_none_or(|o| r.user.as_deref() == Some(o))
    };
    (format!("agent={}", quoted(&query)), Box::new(is))
}

fn effect(sought: &'static str) -> (String, Is) {
    let is = move |r: &AuditRecord| {
        ["intent", "outcome", "approval"].contains(&&*r.kind)
            && r.effect.as_deref().unwrap_or("unknown") == sought
    };
    (format!("effect={sought}"), Box::new(is))
}

fn text(sought: &'static str) -> (String, Is) {
    let is = move |r: &AuditRecord| {
        let fields = [&r.user, &r.agent, &r.tool, &r.decision, &r.reason, &r.status, &r.detail];
        let mut words: Vec<String> = fields.into_iter().flatten().cloned().collect();
        words.push(r.kind.clone());
        let clear = r.clear.as_ref().and_then(Value::as_object).into_iter().flatten();
        for (path, value) in clear {
            words.push(path.clone());
            match value {
                Value::String(text) => words.push(text.clone()),
                Value::Array(items) => {
                    words.extend(items.iter().map(|i| i.as_str().unwrap().to_owned()));
                }
                other => panic!("{other}"),
            }
        }
        words.iter().any(|word| word.to_lowercase().contains(&sought.to_lowercase()))
    };
    (format!("text={}", quoted(sought)), Box::new(is))
}

fn filters(all: &[AuditRecord]) -> Vec<(String, Is)> {
    let mut filters = vec![
        field("kind", "intent"),
        field("kind", "config"),
        field("decision", "allow"),
        field("decision", "deny"),
        field("user", "ana"),
        field("user", "bo"),
        field("user", "nobody"),
        field("tool", "fix.other"),
        field("tool", "odd \"name\"\n"),
        field("reason", "not_granted"),
        field("reason", "token_unknown"),
        field("status", "denied"),
        agent(None, "claude"),
        agent(Some("bo"), "claude"),
        agent(Some("ana"), "Cursor"),
        effect("read"),
        effect("destructive"),
        effect("unknown"),
        ("team=sales".to_owned(), Box::new(|r: &AuditRecord| r.user.as_deref() == Some("bo"))),
        ("connection=fix".to_owned(), {
            Box::new(|r: &AuditRecord| r.tool.as_ref().is_some_and(|tool| tool.starts_with("fix.")))
        }),
    ];
    for sought in ["ANA", "p3@EXAMPLE", "say \"hi\"", "c:\\temp", "two\nlines", "ünï"] {
        filters.push(text(sought));
    }
    filters.extend(["note", "clear", "detail", "\":", "nothing like it"].map(text));
    for at in [all.len() / 3, all.len() * 2 / 3] {
        let time = all[at].time.clone();
        let (since, until) = (time.clone(), time.clone());
        // As they are written, times sort as texts.
        filters.push((format!("since={}", quoted(&time)), Box::new(move |r| r.time >= since)));
        filters.push((format!("until={}", quoted(&time)), Box::new(move |r| r.time <= until)));
    }
    filters
}

fn seqs<'r>(records: impl IntoIterator<Item = &'r AuditRecord>) -> Vec<u64> {
    records.into_iter().map(|record| record.seq).collect()
}

async fn assert_finds(client: &Client, query: &str, all: &[AuditRecord], is: &[&Is]) {
    let found = list(client, query).await;
    let expected = all.iter().filter(|record| is.iter().all(|is| is(record)));
    assert_eq!(seqs(&found), seqs(expected), "{query}");
}

#[tokio::test]
async fn each_filter_alone_and_every_two_together_find_what_is_there() {
    let mut random = Random::new(random::seed());
    let (scene, tokens) = busy().await;
    let gateway = &scene.gateway;
    make_calls(gateway, &tokens, &mut random, 700).await;
    let admin = &gateway.admin;
    let all = list(admin, "limit=1000").await;
    assert!(all.len() as u64 > 3 * GROUP, "{}", all.len());
    assert_eq!(seqs(&all), (1..=all.len() as u64).rev().collect::<Vec<_>>(), "newest first");
    let filters = filters(&all);
    for (at, (first, is)) in filters.iter().enumerate() {
        for limit in ["limit=1000", "limit=37"] {
            assert_finds(admin, &format!("{limit}&{first}"), &all, &[is]).await;
        }
        for (second, also) in &filters[at + 1..] {
            // A name can be given once.
            if first.split('=').next() != second.split('=').next() {
                let limit = random.pick(&[40, 256, 1_000]);
                let query = format!("limit={limit}&{first}&{second}");
                assert_finds(admin, &query, &all, &[is, also]).await;
            }
        }
    }
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_member_finds_their_own_records_and_no_others_whatever_they_ask_for() {
    let mut random = Random::new(random::seed());
    let (scene, tokens) = busy().await;
    let gateway = &scene.gateway;
    gateway.set_password("bo").await;
    let bo = gateway.sign_in("bo").await;
    make_calls(gateway, &tokens, &mut random, 150).await;
    let all = list(&gateway.admin, "limit=1000").await;
    let own: Is = Box::new(|r: &AuditRecord| r.user.as_deref() == Some("bo"));
    for query in ["limit=1000", "limit=9", "limit=1000&before=300"] {
        let before = if query.contains("before") { 300 } else { u64::MAX };
        let below: Is = Box::new(move |r: &AuditRecord| r.seq < before);
        assert_finds(&bo, query, &all, &[&own, &below]).await;
    }
    for (query, is) in filters(&all) {
        assert_finds(&bo, &format!("limit=200&{query}"), &all, &[&own, &is]).await;
    }
    scene.gateway.stop().await;
}

#[tokio::test]
async fn what_is_no_filter_is_refused_with_a_reason() {
    let scene = Scene::start().await;
    let admin = &scene.gateway.admin;
    for query in ["limit=0", "limit=1001", "since=yesterday", "until=2026", "effect=huge"] {
        let path = format!("/api/v1/audit?{query}");
        let (status, body) = ask(admin, "GET", &path, Value::Null).await;
        assert_eq!(status, 422, "{query}: {body}");
        let path = format!("/api/v1/audit/export?format=jsonl&{query}");
        let (status, body) = ask(admin, "GET", &path, Value::Null).await;
        assert!(status == 422 || query.starts_with("limit"), "{query}: {status} {body}");
    }
    for query in ["limit=x", "before=-1", "before=99999999999999999999"] {
        let (status, body) =
            ask(admin, "GET", &format!("/api/v1/audit?{query}"), Value::Null).await;
        assert_eq!(status / 100, 4, "{query}: {body}");
    }
    for before in [u64::MAX, 1 << 63, i64::MAX as u64] {
        let found = list(admin, &format!("limit=1000&before={before}")).await;
        assert_eq!(found.len(), list(admin, "limit=1000").await.len(), "{before}");
    }
    assert_eq!(list(admin, "before=1").await.len(), 0);
    assert_eq!(list(admin, "before=0").await.len(), 0);
    for id in ["0", "18446744073709551615", "9223372036854775808", "nonsense"] {
        let (status, body) = ask(admin, "GET", &format!("/api/v1/audit/{id}"), Value::Null).await;
        assert_eq!(status, 404, "{id}: {body}");
    }
    scene.gateway.stop().await;
}

/// A name says who it was then: of people and agents of one name all are found.
#[tokio::test]
async fn who_was_removed_is_found_by_name_beside_who_has_it_now() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    gateway.rest_call(&scene.token, "fix.echo", json!({})).await;
    gateway.admin.delete("/api/v1/users/ana").await.unwrap();
    gateway.add_user("ana", None).await;
    let token = gateway.add_agent("ana", "claude", &[]).await;
    let _: Grant = gateway.grant("ana", "fix.echo", "allow").await;
    gateway.rest_call(&token, "fix.echo", json!({})).await;
    for query in ["user=ana", "user=ANA", "agent=ana/claude", "agent=Ana/Claude", "agent=claude"] {
        let found = list(&gateway.admin, &format!("{query}&kind=intent")).await;
        assert_eq!(found.len(), 2, "{query}");
    }
    scene.gateway.stop().await;
}
