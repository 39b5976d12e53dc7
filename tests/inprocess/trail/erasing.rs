//! A person who was removed is erased from the trail; it holds as before.

use agw_api::{AuditRecord, Erased};
use serde_json::{Value, json};

use super::{super::scene::Scene, GROUP, ask, calls, export, fill, list, verified};
use crate::support::{
    InProcess,
    leaks::{self, Planted},
};

const NAME: &str = "Philippa-Zaunkönig";
const AGENT: &str = "Zaunkönigs Rechner";
const WORDS: &str = "words-that-only-she-said";

async fn erase(gateway: &InProcess, user: &str) -> (u16, Value) {
    ask(&gateway.admin, "POST", "/api/v1/audit/erase", json!({"user": user})).await
}

/// Calls by her and by others, with words in clear and bodies; she answers a
/// question and is talked of.
async fn lived() -> Scene {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    let recording = json!({"clear": ["note"], "bodies": true, "version": 0});
    let path = "/api/v1/tools/fix.echo/recording";
    assert_eq!(ask(&gateway.admin, "PUT", path, recording).await.0, 200);
    let she = gateway.add_person(NAME, "admin").await;
    let token = gateway.add_agent(NAME, AGENT, &[]).await;
    gateway.grant(NAME, "fix.echo", "allow").await;
    for n in 0..3 {
        let args = json!({"note": format!("{WORDS} {n}")});
        assert_eq!(gateway.rest_call(&token, "fix.echo", args).await.0, 200);
    }
    let args = json!({"note": format!("a letter to {}", NAME.to_uppercase())});
    assert_eq!(gateway.rest_call(&scene.token, "fix.echo", args).await.0, 200);
    // As JSON writes it, the name comes right after a letter.
    let args = json!({"note": format!("Dear\n{NAME}\tand \"{NAME}\"")});
    assert_eq!(gateway.rest_call(&scene.token, "fix.echo", args).await.0, 200);
    let args = json!({"note": "nothing of that"});
    assert_eq!(gateway.rest_call(&scene.token, "fix.echo", args).await.0, 200);
    let _: agw_api::Grant = she
        .post("/api/v1/grants", &json!({"subject": "ana", "tool": "fix.other", "effect": "deny"}))
        .await
        .unwrap();
    let (status, _) = ask(
        &gateway.admin,
        "DELETE",
        &format!("/api/v1/users/{}", agw_api::segment(NAME)),
        Value::Null,
    )
    .await;
    assert_eq!(status / 100, 2);
    scene
}

fn of_her(records: &[AuditRecord]) -> usize {
    let text = |record: &AuditRecord| json!(record).to_string().to_lowercase();
    let about =
        |text: String| [NAME, AGENT, WORDS].iter().any(|what| text.contains(&what.to_lowercase()));
    records.iter().filter(|record| about(text(record))).count()
}

#[tokio::test]
async fn who_was_removed_is_erased_and_the_trail_holds() {
    let scene = lived().await;
    let gateway = &scene.gateway;
    fill(&scene, GROUP + 10).await;
    let before = list(&gateway.admin, "limit=1000").await;
    assert!(of_her(&before) > 10, "{}", of_her(&before));
    let (status, body) = erase(gateway, NAME).await;
    assert_eq!(status, 200, "{body}");
    let erased: Erased = serde_json::from_value(body).unwrap();
    assert!(erased.records >= 10, "{erased:?}");
    let after = list(&gateway.admin, "limit=1000").await;
    assert_eq!(of_her(&after), 0, "{:#?}", after.iter().take(30).collect::<Vec<_>>());
    // Her records are there, by the name that stands for hers.
    let named = |records: &[AuditRecord], name: &str| {
        records.iter().filter(|record| record.user.as_deref() == Some(name)).count()
    };
    assert_eq!(named(&after, &erased.user), named(&before, NAME));
    assert_eq!(list(&gateway.admin, "text=Zaunk").await.len(), 0);
    let gone = after.iter().filter(|record| record.erased).count() as u64;
    assert_eq!(gone, erased.records);
    for record in after.iter().filter(|record| record.erased) {
        assert!(record.detail.is_none() && record.clear.is_none() && !record.body, "{record:?}");
    }
    // What others said of other things is there.
    let kept = list(&gateway.admin, "text=nothing%20of%20that").await;
    assert_eq!(kept.len(), 1, "{kept:#?}");
    assert!(kept[0].body);
    // Who did it is known, and what it was about.
    let said = list(&gateway.admin, "status=erased").await;
    assert_eq!(said.len(), 1);
    assert_eq!((said[0].kind.as_str(), said[0].user.as_deref()), ("config", Some("root")));
    for format in ["jsonl", "csv"] {
        let text = export(&gateway.admin, &format!("format={format}")).await.unwrap();
        assert!(!text.contains("Zaunk") && !text.contains(WORDS));
    }
    for query in ["", "bodies=true"] {
        let report = verified(gateway, query).await;
        assert_eq!(report.texts_left_out, 0, "{report:?}");
        assert!(report.texts_erased > 5 && report.texts_erased <= erased.records, "{report:?}");
    }
    verified(gateway, "kind=intent").await;
    // In the files, while the service runs.
    let planted = [NAME, AGENT, WORDS].map(|what| Planted::new(what, what));
    let found = leaks::find(&planted, &leaks::files(scene.dir()));
    assert!(found.is_empty(), "{found:#?}");
    let scene = scene.restart().await;
    assert!(super::status(&scene.gateway).await.alarm.is_none());
    calls(&scene.gateway, &scene.token, 3, 200).await;
    verified(&scene.gateway, "").await;
    assert_eq!(of_her(&list(&scene.gateway.admin, "limit=1000").await), 0);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn only_who_was_removed_can_be_erased() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    let head = super::status(gateway).await.head;
    let (status, body) = erase(gateway, "ana").await;
    assert_eq!(status, 422, "{body}");
    assert!(body["next"].as_str().unwrap().contains("agw user remove ana"), "{body}");
    for user in ["nobody", "", "u2", "%", "erased-u2"] {
        let (status, body) = erase(gateway, user).await;
        assert_eq!(status, 404, "{user}: {body}");
    }
    for role in ["member", "auditor"] {
        let person = gateway.add_person(role, role).await;
        let body = json!({"user": "ana"});
        assert_eq!(ask(&person, "POST", "/api/v1/audit/erase", body).await.0, 403);
    }
    assert_eq!(list(&gateway.admin, "status=erased").await.len(), 0);
    assert!(super::status(gateway).await.head >= head);
    scene.gateway.stop().await;
}

/// Whoever has the name by now is somebody else.
#[tokio::test]
async fn of_two_with_one_name_the_one_who_was_removed_is_erased() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    calls(gateway, &scene.token, 2, 200).await;
    gateway.admin.delete("/api/v1/users/ana").await.unwrap();
    gateway.add_user("ana", None).await;
    let token = gateway.add_agent("ana", "new", &[]).await;
    gateway.grant("ana", "fix.echo", "allow").await;
    calls(gateway, &token, 2, 200).await;
    let (status, body) = erase(gateway, "ana").await;
    assert_eq!(status, 200, "{body}");
    let gone = body["user"].as_str().unwrap();
    let left = list(&gateway.admin, "user=ana").await;
    assert_eq!(left.iter().filter(|record| record.kind == "intent").count(), 2);
    let gone = list(&gateway.admin, &format!("user={gone}")).await;
    assert_eq!(gone.iter().filter(|record| record.kind == "intent").count(), 2);
    calls(gateway, &token, 1, 200).await;
    verified(gateway, "").await;
    // Nobody of that name is removed any more.
    assert_eq!(erase(gateway, "ana").await.0, 422);
    scene.gateway.stop().await;
}

/// An export that is being read keeps the log from being emptied; whoever
/// erased is told the truth about it all the same.
#[tokio::test]
async fn what_is_erased_is_gone_though_somebody_reads() {
    let scene = lived().await;
    let gateway = &scene.gateway;
    let reading = super::open(scene.dir());
    reading.execute_batch("BEGIN; SELECT count(*) FROM audit_texts;").unwrap();
    let until = async {
        tokio::time::sleep(std::time::Duration::from_secs(4)).await;
        reading.execute_batch("COMMIT").unwrap();
    };
    let (erased, ()) = tokio::join!(erase(gateway, NAME), until);
    assert_eq!(erased.0, 200, "{}", erased.1);
    let planted = [NAME, AGENT, WORDS].map(|what| Planted::new(what, what));
    let found = leaks::find(&planted, &leaks::files(scene.dir()));
    assert!(found.is_empty(), "{found:#?}");
    scene.gateway.stop().await;
}
