//! Upstreams that give their credentials away: nothing that an agent or an
//! admin sees, and nothing that is kept, holds them.

use serde_json::{Value, json};

use super::Office;
use crate::support::{
    mcp,
    upstream::{Fixture, Manner},
};

const KEY: &str = "k3y-0f-the-upstream-93d1";
const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END PRIVATE KEY-----";

/// Everything that can be asked of the gateway, and every byte that it keeps.
async fn assert_kept_nowhere(office: Office) {
    let mut all = String::new();
    for path in ["connections", "connections/leaky", "tools", "audit?limit=1000", "status"] {
        let value: Value = office.gateway.admin.get(&format!("/api/v1/{path}")).await.unwrap();
        all += &value.to_string();
    }
    let session = mcp::Session::open(&office.gateway.url("/mcp"), &office.token).await;
    all += &session.request("tools/list", json!({})).await.to_string();
    assert!(all.contains("[credential removed"), "nothing leaked, so nothing is shown: {all}");
    let dir = office.gateway.stop().await;
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        all += &String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default());
    }
    for secret in [KEY, "MIIEvQIBADANBgkqhkiG9w0B", "AQEFAASCBKcwggSjAgEAAoIB"] {
        assert!(!all.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_child_that_prints_its_credentials() {
    let office = Office::open().await;
    let secrets = [("API_KEY", KEY), ("PEM", PEM)];
    office.connect_fixture("leaky", &["leaks"], &secrets).await;
    for answer in [office.call("leaky.echo").await.1, office.mcp_call("leaky.echo").await] {
        let text = answer.to_string();
        assert!(!text.contains(KEY) && !text.contains("MII"), "{text}");
        assert!(text.contains("[credential removed"), "{text}");
    }
    let stderr = office.written("leaky").await.join("\n");
    assert!(stderr.contains("starting with [credential removed"), "{stderr}");
    assert!(stderr.contains("debug: key=[credential removed"), "{stderr}");
    assert_kept_nowhere(office).await;
}

#[tokio::test]
async fn a_child_that_refuses_with_its_credential() {
    let office = Office::open().await;
    office.connect_fixture("leaky", &["refuses"], &[("API_KEY", KEY)]).await;
    let problem = office.show("leaky").await.connection.problem.unwrap();
    assert!(problem.contains("no licence for [credential removed"), "{problem}");
    assert_kept_nowhere(office).await;
}

/// Wherever in an answer it stands, also where the answer is of no use.
#[tokio::test]
async fn a_server_that_sends_its_credential_back() {
    let bearer = format!("Bearer {KEY}");
    let padding = "p".repeat(190);
    for manner in [
        Manner::Redirect(format!("https://evil.example/?{padding}{KEY}")),
        Manner::Typed("text/k3y-0f-the-upstream-93d1", String::new()),
        Manner::Body(format!(r#"{{"id":$ID,"error":{{"code":-1,"message":"{padding}{KEY}"}}}}"#)),
        Manner::Body(format!(
            r#"{{"id":$ID,"result":{{"protocolVersion":"1","serverInfo":"{KEY}"}}}}"#
        )),
    ] {
        let office = Office::open().await;
        let server = Fixture::start().await;
        server.always_behave(manner.clone());
        office.gateway.connect_http("leaky", &server.url(), &[("authorization", &bearer)]).await;
        let problem = office.show("leaky").await.connection.problem.unwrap();
        assert!(problem.contains("credential removed"), "{manner:?}: {problem}");
        server.behave_well();
        let report: Value =
            office.gateway.admin.post("/api/v1/connections/leaky/test", &()).await.unwrap();
        assert_eq!(report["ok"], true, "{report}");
        server.behave(manner);
        for answer in [office.call("leaky.echo").await.1, office.mcp_call("leaky.echo").await] {
            assert!(!answer.to_string().contains(KEY), "{answer}");
        }
        let sent = server.calls();
        assert_eq!(sent[0].0["authorization"], bearer, "it did get its credential");
        let tool = json!({"name": KEY, "description": KEY, "inputSchema": {"type": "object"}});
        let safe = json!({"name": "safe", "description": KEY, "inputSchema": {"type": "object"}});
        server.behave_well();
        server.list(json!([tool, safe]));
        let _: Value =
            office.gateway.admin.post("/api/v1/connections/leaky/test", &()).await.unwrap();
        assert_kept_nowhere(office).await;
    }
}
