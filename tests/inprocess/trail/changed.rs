//! Records that were changed in the file of the database, by somebody who got
//! rid of its triggers.

use std::path::Path;

use agw_core::log::Failure;
use serde_json::Value;

use super::{
    super::scene::Scene, GROUP, check, checkpoint, export, fill, holds_elsewhere, key, one, open,
    status, tamper, verified,
};
use crate::support::{InProcess, SHORT, start};

/// Two complete groups and some more, all signed for, changed while the
/// service was off.
async fn changed(sql: &str) -> Scene {
    let scene = Scene::start().await;
    fill(&scene, 2 * GROUP + 50).await;
    checkpoint(&scene.gateway).await;
    scene.restart_after(|dir| tamper(dir, sql)).await
}

async fn failure(gateway: &InProcess, query: &str) -> Result<Failure, String> {
    let text = export(&gateway.admin, &format!("format=tlog&{query}")).await;
    // It may break off, and is not whole then.
    let text = text.map_err(|e| e.to_string())?;
    let key = key(gateway).await;
    assert!(!holds_elsewhere(&key, &text).await, "{query}: the verifiers do not agree");
    match check(&key, &text, None) {
        Ok(report) => panic!("{query} holds: {report:?}"),
        Err(failure) => Ok(failure),
    }
}

async fn alarm(gateway: &InProcess) -> Option<String> {
    status(gateway).await.alarm.map(|alarm| alarm.message)
}

fn replace(what: &str, by: &str, seq: u64) -> String {
    format!("UPDATE audit SET record = replace(record, '{what}', '{by}') WHERE seq = {seq}")
}

#[tokio::test]
async fn what_is_in_reach_is_found_at_the_next_start() {
    let scene = changed(&replace("\"v\":2", "\"v\":3", 2 * GROUP + 7)).await;
    assert!(alarm(&scene.gateway).await.unwrap().contains("not those that were signed"));
    failure(&scene.gateway, "").await.unwrap();
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_root_of_a_group_that_was_changed_is_found_at_the_next_start() {
    for sql in [
        "UPDATE audit_groups SET hash = randomblob(32) WHERE grp = 0",
        "DELETE FROM audit_groups WHERE grp = 1",
        "DELETE FROM audit_groups WHERE grp = 0",
    ] {
        let scene = changed(sql).await;
        let alarm = alarm(&scene.gateway).await;
        if sql.starts_with("UPDATE") {
            assert!(alarm.unwrap().contains("not those that were signed"), "{sql}");
            let found = failure(&scene.gateway, "").await;
            assert!(found.is_ok(), "{found:?}");
        } else {
            // It follows from the records, and is made up for.
            assert_eq!(alarm, None);
            verified(&scene.gateway, "").await;
        }
        // Records are written in any case.
        fill(&scene, 3 * GROUP + 10).await;
        let groups: u64 = one(&open(scene.dir()), "SELECT count(*) FROM audit_groups");
        assert!(groups >= 2, "{sql}: {groups}");
        scene.gateway.stop().await;
    }
}

/// And whatever it is, by whoever looks at an export, at the record itself.
#[tokio::test]
async fn a_record_that_was_changed_is_found_in_an_export() {
    let seq = 100;
    for sql in [
        replace("fix.echo", "fix.evil", seq),
        replace("\"v\":2", "\"v\":1", seq),
        format!("UPDATE audit SET record = record || ' ' WHERE seq = {seq}"),
        "UPDATE audit_texts SET bytes = CAST(bytes || ' ' AS BLOB) WHERE seq = 5".to_owned(),
        "UPDATE audit_texts SET bytes = CAST('0123456789abcdef{\"detail\":\"x\"}' AS BLOB) WHERE seq = 5"
            .to_owned(),
        "DELETE FROM audit_texts WHERE seq = 5".to_owned(),
        format!(
            "UPDATE audit SET record = (SELECT record FROM audit WHERE seq = {}) WHERE seq = {seq}",
            seq + 1
        ),
    ] {
        let scene = changed(&sql).await;
        let found = failure(&scene.gateway, "").await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        assert!(!found.what.is_empty());
        if sql.contains("audit_texts") {
            assert_eq!(found.seq, Some(5), "{sql}: {found}");
        }
        // A part that has it fails as well; of the rest nothing can be said.
        if !sql.contains("audit_texts") {
            failure(&scene.gateway, "since_seq=90").await.unwrap();
        }
        verified(&scene.gateway, &format!("since_seq={}", GROUP + 1)).await;
        scene.gateway.stop().await;
    }
}

fn starts_or_not(dir: &Path) -> impl Future<Output = Result<agw_gateway::Running, String>> + use<> {
    let options = agw_gateway::ServeOptions {
        data_dir: dir.to_owned(),
        listen: "127.0.0.1:0".parse().unwrap(),
        master_key: Some(agw_gateway::MasterKeySource::File(dir.join("master.key"))),
        web_view: None,
        passphrase: None,
        strict_audit: false,
        legacy_sse: false,
    };
    async { start(options, SHORT).await.map_err(|e| e.to_string()) }
}

/// Records that are gone: the service does not go on as if nothing were.
#[tokio::test]
async fn records_that_are_gone_are_found_at_the_next_start() {
    for sql in [
        // The newest, within what was signed.
        "DELETE FROM audit WHERE seq > (SELECT max(seq) - 20 FROM audit)",
        // One of the unfinished group, with and without closing the gap.
        "DELETE FROM audit WHERE seq = 520",
        "DELETE FROM audit WHERE seq = 520; UPDATE audit SET seq = -seq WHERE seq > 520;
         UPDATE audit SET seq = -seq - 1 WHERE seq < 0;
         UPDATE audit_texts SET seq = seq - 1 WHERE seq > 520",
    ] {
        let scene = Scene::start().await;
        fill(&scene, 2 * GROUP + 50).await;
        checkpoint(&scene.gateway).await;
        let admin = scene.gateway.admin.clone();
        let dir = scene.gateway.stop().await;
        tamper(dir.path(), sql);
        match starts_or_not(dir.path()).await {
            Ok(running) => {
                let status: Value = admin.get("/api/v1/audit/status").await.unwrap();
                assert!(status["alarm"]["message"].is_string(), "{sql}: {status}");
                running.stop().await;
            }
            // With a gap nothing can follow; it says which record it is.
            Err(error) => assert!(error.contains("record 520 is missing"), "{sql}: {error}"),
        }
    }
}

/// One of a complete group cannot be seen without reading everything, but no
/// export of it is whole.
#[tokio::test]
async fn a_record_that_is_gone_from_the_middle_breaks_an_export() {
    let scene = changed("DELETE FROM audit WHERE seq = 100").await;
    let broken = failure(&scene.gateway, "").await;
    assert!(broken.is_err(), "{broken:?}");
    verified(&scene.gateway, &format!("since_seq={}", GROUP + 1)).await;
    scene.gateway.stop().await;
}
