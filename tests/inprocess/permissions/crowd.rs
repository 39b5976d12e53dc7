//! A crowd counts: every edit adds one to what it saw. None is lost, none is
//! made twice or by half, and each that was made is in the trail once.

use std::collections::BTreeMap;

use agw_api::{AuditPage, Client, Grant};
use serde_json::{Value, json};

use super::{
    super::{admin_api::ask, scene::Scene},
    grants, policy_version, status,
};

const WRITERS: usize = 64;
/// That come through, of each writer.
const EDITS: u64 = 1_000;
/// Two writers meet at each group of counters,
const GROUPS: usize = 32;
/// and edit all counters of a group together.
const TOGETHER: usize = 4;

/// The number that a grant is at: its version and its rate, which go together.
fn count(grant: &Grant) -> u64 {
    assert_eq!(grant.rate, Some(format!("{}/day", grant.version)), "{grant:?}");
    grant.version
}

/// Adds one to each again and again; returns how often it was refused.
async fn add_up(client: Client, group: Vec<Grant>) -> u64 {
    let (mut seen, mut made, mut refused) = (1, 0, 0);
    while made < EDITS {
        let rate = format!("{}/day", seen + 1);
        let edit = |grant: &Grant| json!({"id": grant.id, "subject": "ana", "tool": grant.tool, "effect": "allow", "rate": rate, "version": seen});
        let body = json!({"edit": group.iter().map(edit).collect::<Vec<Value>>()});
        let (status, answer) = ask(&client, "POST", "/api/v1/changes", body).await;
        if status == 200 {
            let now: Vec<Grant> = serde_json::from_value(answer).unwrap();
            assert!(now.len() == TOGETHER && now.iter().all(|grant| count(grant) == seen + 1));
            seen += 1;
            made += TOGETHER as u64;
        } else {
            assert_eq!((status, &answer["code"]), (409, &json!("stale")), "{answer}");
            let now = count(&serde_json::from_value(answer["current"].clone()).unwrap());
            assert!(now > seen, "refused at {seen}, and nothing had changed: {now}");
            seen = now;
            refused += TOGETHER as u64;
        }
    }
    refused
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_edits_by_many_none_is_lost() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    let mut counters = Vec::new();
    for n in 0..GROUPS * TOGETHER {
        let tool = format!("fix.tool-{n}");
        let body = json!({"subject": "ana", "tool": tool, "effect": "allow", "rate": "1/day"});
        counters.push(gateway.grant_with(body).await);
    }
    let groups: Vec<&[Grant]> = counters.chunks(TOGETHER).collect();
    let map = policy_version(gateway).await;
    let head = status(&gateway.admin).await.audit_head;
    let writer =
        |n: usize| tokio::spawn(add_up(gateway.admin.clone(), groups[n % GROUPS].to_vec()));
    let writers: Vec<_> = (0..WRITERS).map(writer).collect();
    let mut refused = 0;
    for writer in writers {
        refused += writer.await.unwrap();
    }
    println!("{refused} edits were refused and made anew");
    assert!(refused > EDITS, "nobody was in anybody's way: {refused}");
    let in_all = EDITS * WRITERS as u64;
    let each = in_all / counters.len() as u64;
    let now = grants(gateway).await;
    for counter in &counters {
        let now = now.iter().find(|grant| grant.id == counter.id).unwrap();
        assert_eq!(count(now), 1 + each, "{now:?}");
    }
    let changes = in_all / TOGETHER as u64;
    assert_eq!(policy_version(gateway).await, map + changes, "the refused ones made no version");
    assert_eq!(status(&gateway.admin).await.audit_head, head + in_all, "nor records");
    let mut recorded = recorded(&gateway.admin, head).await;
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
async fn recorded(admin: &Client, head: u64) -> BTreeMap<String, usize> {
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
