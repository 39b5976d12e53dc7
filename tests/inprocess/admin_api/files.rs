//! What lies on disk is for this OS user alone.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::json;

use crate::support::{InProcess, SHORT, upstream::Fixture};

fn mode(path: &Path) -> u32 {
    let found = fs::metadata(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    found.permissions().mode() & 0o777
}

#[tokio::test]
async fn the_data_folder_and_what_is_in_it_is_private() {
    let gateway = InProcess::start().await;
    let upstream = Fixture::start().await;
    gateway.connect_http("fix", &upstream.url(), &[("x-key", "secret-value")]).await;
    let dir = gateway.dir.path();
    assert_eq!(mode(dir), 0o700);
    for name in ["agw.sock", "agw.db", "agw.db-wal", "agw.db-shm", "master.key"] {
        assert_eq!(mode(&dir.join(name)), 0o600, "{name}");
    }
    let dir = gateway.stop().await;
    assert!(!dir.path().join("agw.sock").exists());
    assert!(!dir.path().join("service.json").exists());
}

/// A folder that others could enter, with a database that they could read.
#[tokio::test]
async fn what_was_open_before_is_closed_at_the_start() {
    let gateway = InProcess::start().await;
    let dir = gateway.stop().await;
    let open = |name: &str, mode| {
        fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    open("", 0o755);
    open("agw.db", 0o644);
    let running = InProcess::serve(dir.path(), SHORT).await;
    assert_eq!(mode(dir.path()), 0o700);
    assert_eq!(mode(&dir.path().join("agw.db")), 0o600);
    running.stop().await;
}

/// A dead socket is replaced; a second service is refused.
#[tokio::test]
async fn one_service_has_one_folder() {
    let gateway = InProcess::start().await;
    let dir = gateway.dir.path();
    let second = agw_gateway::ServeOptions {
        data_dir: dir.to_owned(),
        listen: "127.0.0.1:0".parse().unwrap(),
        master_key: None,
        web_view: None,
        passphrase: None,
        strict_audit: false,
        legacy_sse: false,
    };
    let refused = agw_gateway::start(second, SHORT).await.unwrap_err().to_string();
    assert!(refused.contains("another gateway is running"), "{refused}");
    // The first one still answers.
    let health: serde_json::Value = gateway.admin.get("/api/v1/health").await.unwrap();
    assert_eq!(health["state"], json!("enforcing"));
    let dir = gateway.stop().await;
    fs::write(dir.path().join("agw.sock"), "left by a crash").unwrap();
    let running = InProcess::serve(dir.path(), SHORT).await;
    assert_eq!(mode(&dir.path().join("agw.sock")), 0o600);
    running.stop().await;
}

/// Without TLS a token would travel in clear.
#[tokio::test]
async fn it_listens_to_this_machine_alone() {
    let dir = tempfile::tempdir().unwrap();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let options = agw_gateway::ServeOptions {
            data_dir: dir.path().to_owned(),
            listen: address.parse().unwrap(),
            master_key: None,
            web_view: None,
            passphrase: None,
            strict_audit: false,
            legacy_sse: false,
        };
        let refused = agw_gateway::start(options, SHORT).await.unwrap_err().to_string();
        assert!(refused.contains("TLS"), "{address}: {refused}");
    }
}
