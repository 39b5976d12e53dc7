//! What is set about the trail: checked, versioned, recorded.

use agw_api::AuditSettings;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{super::scene::Scene, ask, list};

const PATH: &str = "/api/v1/audit/settings";

#[tokio::test]
async fn they_are_versioned_and_the_loser_hears_what_there_is() {
    let scene = Scene::start().await;
    let admin = &scene.gateway.admin;
    let first: AuditSettings = admin.get(PATH).await.unwrap();
    assert_eq!(first, AuditSettings::default());
    let body = json!({"records_days": 30, "version": 0});
    let (status, set) = ask(admin, "PUT", PATH, body.clone()).await;
    assert_eq!((status, &set["version"], &set["records_days"]), (200, &json!(1), &json!(30)));
    let (status, lost) = ask(admin, "PUT", PATH, body).await;
    assert_eq!((status, &lost["code"]), (409, &json!("stale")), "{lost}");
    assert_eq!(lost["current"]["records_days"], 30, "{lost}");
    let (status, _) = ask(admin, "PUT", PATH, json!({"version": 2})).await;
    assert_eq!(status, 409, "of a version that there is not yet");

    // Of many at once one wins each time.
    let all =
        (0..16).map(|n| ask(admin, "PUT", PATH, json!({"records_days": 40 + n, "version": 1})));
    let answers = join_all(all).await;
    let won: Vec<&Value> = answers.iter().filter(|(s, _)| *s == 200).map(|(_, b)| b).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    assert!(answers.iter().all(|(status, _)| [200, 409].contains(status)));
    let now: Value = admin.get(PATH).await.unwrap();
    assert_eq!(&now, won[0]);
    let said = list(admin, "status=audit_settings").await;
    assert_eq!(said.len(), 2);
    assert!(said.iter().all(|r| r.kind == "config" && r.user.as_deref() == Some("root")));
    let days = format!("records_days {}", now["records_days"]);
    assert!(said[0].detail.as_ref().unwrap().contains(&days), "{said:#?}");
    let scene = scene.restart().await;
    let again: Value = scene.gateway.admin.get(PATH).await.unwrap();
    assert_eq!(again, now);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let scene = Scene::start().await;
    let admin = &scene.gateway.admin;
    for member in [
        json!({"records_days": 6}),
        json!({"records_days": 0}),
        json!({"records_days": 36_501}),
        json!({"bodies_days": 0}),
        json!({"bodies_days": 40_000}),
        json!({"max_mib": 63}),
        json!({"max_mib": 0}),
        json!({"witness_url": "ftp://example.com"}),
        json!({"witness_url": "http://example.com/not-tls"}),
        json!({"witness_url": "https://user:secret@example.com"}),
        json!({"witness_url": "nonsense"}),
        json!({"witness_folder": "relative/path"}),
        json!({"witness_folder": "/no/such/folder/anywhere"}),
    ] {
        let mut body = member.clone();
        body["version"] = json!(0);
        let (status, answer) = ask(admin, "PUT", PATH, body).await;
        assert_eq!((status, &answer["code"]), (422, &json!("invalid")), "{member}: {answer}");
        assert!(!answer["message"].as_str().unwrap().is_empty());
    }
    for body in [
        json!({"durability": "never", "version": 0}),
        json!({"metrics": "everybody", "version": 0}),
        json!({"unknown": 1, "version": 0}),
        json!({"records_days": -1, "version": 0}),
        json!({"records_days": 7}),
        json!([]),
    ] {
        let (status, answer) = ask(admin, "PUT", PATH, body.clone()).await;
        assert!(status == 400 || status == 422, "{body}: {status} {answer}");
    }
    for role in ["member", "auditor"] {
        let person = scene.gateway.add_person(role, role).await;
        assert_eq!(ask(&person, "PUT", PATH, json!({"version": 0})).await.0, 403);
    }
    let now: AuditSettings = admin.get(PATH).await.unwrap();
    assert_eq!(now, AuditSettings::default());
    assert_eq!(list(admin, "status=audit_settings").await.len(), 0);
    for body in [
        json!({"records_days": 7, "bodies_days": 1, "max_mib": 64, "version": 0}),
        json!({"records_days": 36_500, "witness_url": "https://witness.example/a/b", "version": 1}),
        json!({"durability": "strict", "receipts": true, "version": 2}),
    ] {
        let (status, answer) = ask(admin, "PUT", PATH, body.clone()).await;
        assert_eq!(status, 200, "{body}: {answer}");
    }
    scene.gateway.stop().await;
}
