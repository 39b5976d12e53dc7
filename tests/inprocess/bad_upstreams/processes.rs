//! Child processes are the gateway's to clean up, and see only what they
//! are meant to.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use super::Office;
use crate::support::eventually;

/// Whether the process runs; one that waits to be reaped does not.
fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // pid (name) state …
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

fn pids(file: &Path) -> Vec<u32> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

/// A server that ignores SIGTERM, with a child that does so too.
async fn connect_family(office: &Office) -> Vec<u32> {
    let file = office.gateway.dir.path().join("family.pids");
    office.connect_ready("family", &["family", file.to_str().unwrap()]).await;
    let family = pids(&file);
    assert_eq!(family.len(), 2);
    assert!(family.iter().all(|pid| runs(*pid)), "{family:?}");
    family
}

async fn assert_gone(family: &[u32]) {
    eventually("the whole family is gone", Duration::from_secs(20), async || {
        !family.iter().any(|pid| runs(*pid))
    })
    .await;
}

#[tokio::test]
async fn removing_a_connection_ends_its_processes_with_their_children() {
    let office = Office::open().await;
    let family = connect_family(&office).await;
    office.gateway.admin.delete("/api/v1/connections/family").await.unwrap();
    assert_gone(&family).await;
    office.gateway.stop().await;
}

#[tokio::test]
async fn stopping_the_service_ends_all_processes_with_their_children() {
    let office = Office::open().await;
    let family = connect_family(&office).await;
    let dir = office.gateway.stop().await;
    // By the time the service has stopped; the folder lives until then.
    assert!(!family.iter().any(|pid| runs(*pid)), "{family:?} in {:?}", dir.path());
}

/// The server goes, but its child holds on to the output.
#[tokio::test]
async fn what_a_dead_server_leaves_behind_is_ended_too() {
    let office = Office::open().await;
    let file = office.gateway.dir.path().join("orphan.pid");
    let script = format!("sleep 600 & echo $! > {}; exit 0", file.display());
    office.gateway.connect_stdio("brief", &["sh", "-c", &script], &[]).await;
    let orphans = pids(&file);
    assert!(!orphans.is_empty());
    office.gateway.admin.delete("/api/v1/connections/brief").await.unwrap();
    assert_gone(&pids(&file)).await;
    office.gateway.stop().await;
}

/// `env` prints its environment and ends; the admin sees what it printed.
#[tokio::test]
async fn children_inherit_a_short_list_and_what_was_declared() {
    const INHERITED: [&str; 7] = ["PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR"];
    // This process has more than that: cargo sets it.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let office = Office::open().await;
    let declared = [("API_KEY", "secret-one"), ("LD_SETTING", "secret-two")];
    office.gateway.connect_stdio("env", &["env"], &declared).await;
    let shown = office.written("env").await;
    let pairs = shown.iter().filter_map(|line| line.split_once('='));
    let env: BTreeMap<&str, &str> = pairs.collect();
    for (name, value) in &env {
        if declared.iter().any(|(declared, _)| declared == name) {
            assert_eq!(*value, "[credential removed by AI Agent Gateway]");
        } else {
            assert!(INHERITED.contains(name), "{name} in {shown:?}");
            assert_eq!(std::env::var(name).as_deref(), Ok(*value));
        }
    }
    for name in ["PATH", "API_KEY", "LD_SETTING"] {
        assert!(env.contains_key(name), "{shown:?}");
    }
    office.gateway.stop().await;
}
