//! Secrets go in and never come out: no operation that reads returns one.

use serde_json::{Value, json};

use super::{ask, operations};
use crate::support::{InProcess, PASSWORD, shared, upstream::Fixture};

const HEADER: &str = "Bearer h34der-s3cret-of-fix";
const VARIABLE: &str = "v4riable-s3cret-of-child";

#[tokio::test]
async fn no_reading_operation_returns_a_secret() {
    let gateway = InProcess::start().await;
    let upstream = Fixture::start().await;
    let added = [
        gateway.connect_http("fix", &upstream.url(), &[("Authorization", HEADER)]).await,
        gateway.connect_stdio("child", &["/no/such/server"], &[("API_KEY", VARIABLE)]).await,
    ];
    gateway.add_user("ana", Some("sales")).await;
    let agent = gateway.add_agent("ana", "claude", &["fix.*"]).await;
    let user = gateway.user_token("ana").await;
    let grant = gateway.grant("ana", "fix.*", "allow").await;
    gateway.rest_call(&agent, "fix.echo", json!({"password": "4rgument-s3cret"})).await;
    gateway.rest_call(&agent, "child.echo", json!({})).await;
    let body = json!({"user": "root", "password": "wr0ng-s3cret-password"});
    ask(&gateway.admin, "POST", "/api/v1/sessions", body).await;
    let body = json!({"user": "root", "password": PASSWORD});
    let session = ask(&gateway.admin, "POST", "/api/v1/sessions", body).await.1;
    let session = session["token"].as_str().unwrap().to_owned();

    // It has an authority then, with a key of its own.
    shared::share(&gateway).await;

    let mut all = serde_json::to_string(&added).unwrap();
    let calls = gateway.audit().await;
    let call = calls.iter().find_map(|record| record.call_id.clone()).unwrap();
    for operation in operations() {
        if operation.method != "GET" || operation.path == "/api/v1/events" {
            continue;
        }
        let paths = match operation.path.as_str() {
            "/api/v1/connections/x" => {
                vec!["/api/v1/connections/fix".to_owned(), "/api/v1/connections/child".to_owned()]
            }
            "/api/v1/connections/x/logs" => {
                ["fix", "child"].map(|name| format!("/api/v1/connections/{name}/logs")).into()
            }
            "/api/v1/audit/x" => vec![format!("/api/v1/audit/{call}")],
            "/api/v1/tools/x" => vec!["/api/v1/tools/fix.echo".to_owned()],
            "/api/v1/tools/x/review" => vec!["/api/v1/tools/fix.echo/review".to_owned()],
            // Shows the arguments of a call, which is what it is for.
            path if path.starts_with("/api/v1/approvals/") => continue,
            "/api/v1/audit" => vec!["/api/v1/audit?limit=1000".to_owned()],
            "/api/v1/audit/export" => ["jsonl", "csv", "tlog"]
                .map(|format| format!("/api/v1/audit/export?format={format}&bodies=true"))
                .into(),
            // Shows what was kept of a call, which is what it is for.
            "/api/v1/audit/bodies/x" => continue,
            path => vec![path.to_owned()],
        };
        for path in paths {
            let (status, body) = ask(&gateway.admin, "GET", &path, json!(null)).await;
            assert_eq!(status, 200, "{path}: {body}");
            all += &body.to_string();
        }
    }
    let report: Value = gateway.admin.post("/api/v1/connections/fix/test", &()).await.unwrap();
    all += &report.to_string();
    // The search would find what is there.
    for shown in ["Authorization", "API_KEY", "ana", "fix.echo", grant.id.as_str()] {
        assert!(all.contains(shown), "{shown}");
    }
    let recovery_key = gateway.recovery_key.clone();
    let secrets = [
        "PRIVATE KEY",
        HEADER,
        "h34der-s3cret-of-fix",
        VARIABLE,
        "4rgument-s3cret",
        "wr0ng-s3cret-password",
        PASSWORD,
        &agent,
        &user,
        &session,
        &recovery_key,
    ];
    for secret in secrets {
        assert!(!all.contains(secret), "{secret} is returned");
    }
    let key = std::fs::read_to_string(gateway.dir.path().join("master.key")).unwrap();
    assert!(!all.contains(key.trim()));
    let calls = upstream.calls();
    assert_eq!(calls[0].0["authorization"], HEADER, "the upstream did get it");

    // Nor is any of it on disk in clear, but for the key's own file.
    let dir = gateway.stop().await;
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        for secret in secrets {
            assert!(!text.contains(secret), "{secret} is in {}", path.display());
        }
    }
}
