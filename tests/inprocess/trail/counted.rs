//! The timeline counts exactly what a search finds, and the gateway's own
//! check of the trail says what an export's would.

use agw_api::{AuditTimeline, AuditVerification, VerificationState};
use agw_core::log::GROUP as SIZE;

use super::{super::scene::Scene, SOON, ask, calls, eventually, fill, json, list, quoted, tamper};
use crate::support::InProcess;

/// All parts of a timeline, added up.
async fn timeline(client: &agw_api::Client, query: &str) -> AuditTimeline {
    let path = |more: &str| format!("/api/v1/audit/timeline?{query}{more}");
    let mut all: AuditTimeline = client.get(&path("")).await.unwrap();
    while let Some(next) = all.next {
        let times = format!("&since={}&until={}", quoted(&all.since), quoted(&all.until));
        let more = format!("{times}&before={next}");
        let part: AuditTimeline = client.get(&path(&more)).await.unwrap();
        for (all, part) in all.buckets.iter_mut().zip(part.buckets) {
            assert_eq!(all.since, part.since);
            all.calls += part.calls;
            all.denied += part.denied;
            all.others += part.others;
        }
        all.next = part.next;
    }
    all
}

#[tokio::test]
async fn a_timeline_counts_what_a_search_finds() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    gateway.grant("ana", "fix.other", "deny").await;
    fill(&scene, SIZE * 2).await;
    for _ in 0..5 {
        assert_eq!(gateway.rest_call(&scene.token, "fix.other", json!({})).await.0, 403);
    }
    calls(gateway, &scene.token, 7, 200).await;
    let now = list(&gateway.admin, "limit=1000").await[0].time.clone();
    for filter in [
        "",
        "&decision=deny",
        "&kind=outcome&user=ana",
        "&tool=fix.other",
        "&text=other",
        "&status=started",
        "&user=nobody",
    ] {
        let until = format!("until={}", quoted(&now));
        let found = list(&gateway.admin, &format!("limit=1000&{until}{filter}")).await;
        for buckets in [1, 7, 60] {
            let query = format!("{until}&buckets={buckets}{filter}");
            let counted = timeline(&gateway.admin, &query).await;
            assert_eq!(counted.buckets.len(), buckets, "{query}");
            let sum = |count: fn(&agw_api::TimelineBucket) -> u64| {
                counted.buckets.iter().map(count).sum::<u64>()
            };
            let is_call = |record: &&agw_api::AuditRecord| record.kind == "outcome";
            let denied =
                found.iter().filter(is_call).filter(|r| r.decision.as_deref() == Some("deny"));
            assert_eq!(sum(|b| b.calls), found.iter().filter(is_call).count() as u64, "{query}");
            assert_eq!(sum(|b| b.denied), denied.count() as u64, "{query}");
            assert_eq!(sum(|b| b.calls + b.others), found.len() as u64, "{query}");
            // Each record in the bucket of its time.
            let starts = counted.buckets.iter().map(|bucket| bucket.since.clone());
            let starts: Vec<String> = starts.chain(["9".to_owned()]).collect();
            for (bucket, span) in counted.buckets.iter().zip(starts.windows(2)) {
                let within = found.iter().filter(|r| (&span[0]..&span[1]).contains(&&r.time));
                assert_eq!(bucket.calls + bucket.others, within.count() as u64, "{query}");
            }
        }
    }
    for wrong in ["buckets=0", "buckets=241", "since=yesterday"] {
        let path = format!("/api/v1/audit/timeline?{wrong}");
        assert_eq!(ask(&gateway.admin, "GET", &path, json!(null)).await.0, 422, "{wrong}");
    }
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_members_timeline_is_of_their_own_records() {
    let scene = Scene::start().await;
    let bo = scene.gateway.add_person("bo", "member").await;
    calls(&scene.gateway, &scene.token, 3, 200).await;
    let calls = |counted: &AuditTimeline| counted.buckets.iter().map(|b| b.calls).sum::<u64>();
    assert_eq!(calls(&timeline(&bo, "buckets=4").await), 0);
    assert_eq!(calls(&timeline(&bo, "buckets=4&user=ana").await), 0);
    assert_eq!(calls(&timeline(&scene.gateway.admin, "buckets=4&user=ana").await), 3);
    scene.gateway.stop().await;
}

async fn verified_here(gateway: &InProcess) -> AuditVerification {
    let path = "/api/v1/audit/verification";
    let begun: AuditVerification = gateway.admin.post(path, &()).await.unwrap();
    assert!(begun.started_at.is_some(), "{begun:?}");
    let shown = async || gateway.admin.get::<AuditVerification>(path).await.unwrap();
    eventually("the check ends", SOON, async || shown().await.state != VerificationState::Running)
        .await;
    shown().await
}

#[tokio::test]
async fn the_gateway_checks_its_own_trail_and_says_where_it_does_not_hold() {
    let scene = Scene::start().await;
    let path = "/api/v1/audit/verification";
    let none: AuditVerification = scene.gateway.admin.get(path).await.unwrap();
    assert_eq!(none.state, VerificationState::None);
    fill(&scene, SIZE + 20).await;
    let holds = verified_here(&scene.gateway).await;
    assert_eq!(holds.state, VerificationState::Holds, "{holds:?}");
    let report = holds.report.clone().unwrap();
    assert!(report.records >= SIZE + 20 && report.checkpoints > 0, "{report:?}");
    assert_eq!((report.first, holds.records, holds.of), (1, report.records, report.records));
    assert!(holds.finished_at.is_some());
    // Somebody who has the file changes one letter of a record.
    let sql = "UPDATE audit SET record = replace(record, 'fix.echo', 'fix.ecco') WHERE seq = 40";
    tamper(scene.dir(), sql);
    let broken = verified_here(&scene.gateway).await;
    assert_eq!(broken.state, VerificationState::Broken, "{broken:?}");
    assert!(broken.problem.is_some() && broken.report.is_none(), "{broken:?}");
    scene.gateway.stop().await;
}
