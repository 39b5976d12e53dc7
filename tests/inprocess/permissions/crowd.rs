//! A crowd counts: every edit adds one to what it saw. None is lost, none is
//! made twice, and each that was made is in the trail once.

use std::collections::BTreeMap;

use agw_api::{AuditPage, Client, Grant};
use serde_json::json;

use super::{
    super::{admin_api::ask, scene::Scene},
    grants, policy_version, status,
};

const WRITERS: usize = 64;
/// That come through, of each writer.
const EDITS: u64 = 1_000;
/// Two writers meet at each.
const COUNTERS: usize = 32;

/// The number that a grant's rate is.
fn count(rate: &str) -> u64 {
    rate.strip_suffix("/day").unwrap().parse().unwrap()
}

/// Adds one again and again; returns how often it was refused.
async fn add_up(client: Client, mut seen: Grant) -> u64 {
    let path = format!("/api/v1/grants/{}", seen.id);
    let (mut made, mut refused) = (0, 0);
    while made < EDITS {
        let next = count(seen.rate.as_deref().unwrap()) + 1;
        let body = json!({"subject": "ana", "tool": seen.tool, "effect": "allow", "rate": format!("{next}/day"), "version": seen.version});
        let (status, mut answer) = ask(&client, "PUT", &path, body).await;
        if status == 409 {
            assert_eq!(answer["code"], "stale", "{answer}");
            answer = answer["current"].take();
            refused += 1;
        } else {
            assert_eq!((status, &answer["version"]), (200, &json!(seen.version + 1)), "{answer}");
            made += 1;
        }
        let now: Grant = serde_json::from_value(answer).unwrap();
        assert!(now.version > seen.version, "refused, and nothing had changed: {now:?}");
        seen = now;
    }
    refused
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_edits_by_many_none_is_lost() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    let mut counters = Vec::new();
    for n in 0..COUNTERS {
        let tool = format!("fix.tool-{n}");
        let body = json!({"subject": "ana", "tool": tool, "effect": "allow", "rate": "1/day"});
        counters.push(gateway.grant_with(body).await);
    }
    let map = policy_version(gateway).await;
    let head = status(&gateway.admin).await.audit_head;
    let writer = |n: usize| {
        let client = gateway.admin.clone();
        tokio::spawn(add_up(client, counters[n % COUNTERS].clone()))
    };
    let writers: Vec<_> = (0..WRITERS).map(writer).collect();
    let mut refused = 0;
    for writer in writers {
        refused += writer.await.unwrap();
    }
    println!("{refused} edits were refused and made anew");
    assert!(refused > EDITS, "nobody was in anybody's way: {refused}");
    let each = EDITS * (WRITERS / COUNTERS) as u64;
    let now = grants(gateway).await;
    for counter in &counters {
        let now = now.iter().find(|grant| grant.id == counter.id).unwrap();
        let is = (now.version, count(now.rate.as_deref().unwrap()));
        assert_eq!(is, (1 + each, 1 + each), "{now:?}");
    }
    let in_all = EDITS * WRITERS as u64;
    assert_eq!(policy_version(gateway).await, map + in_all, "the refused ones made no version");
    assert_eq!(status(&gateway.admin).await.audit_head, head + in_all, "nor records");
    let mut recorded = changes(&gateway.admin, head).await;
    for counter in &counters {
        for n in 2..=1 + each {
            let detail = format!("{}: ana {} allow at most {n}/day", counter.id, counter.tool);
            assert_eq!(recorded.remove(&detail), Some(1), "records of {detail:?}");
        }
    }
    assert!(recorded.is_empty(), "records of nothing that was done: {recorded:?}");
    scene.gateway.stop().await;
}

/// What the records of changes after this one say, and how many say it.
async fn changes(admin: &Client, head: u64) -> BTreeMap<String, usize> {
    let mut all = BTreeMap::new();
    let mut next = Some(u64::MAX >> 1);
    while let Some(before) = next {
        let path = format!("/api/v1/audit?kind=config&limit=1000&before={before}");
        let page: AuditPage = admin.get(&path).await.unwrap();
        next = page.next;
        for record in page.records {
            if record.seq <= head {
                return all;
            }
            *all.entry(record.detail.unwrap()).or_default() += 1;
        }
    }
    all
}
