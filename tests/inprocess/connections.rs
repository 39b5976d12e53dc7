//! Connections in use: changed in place, started anew, and what they say of
//! what happened to them.

use std::time::Duration;

use agw_api::{AuditRecord, Connection, ConnectionHealth, LogLine, LogSource, TestReport};
use serde_json::{Value, json};

use super::admin_api::ask;
use crate::support::{InProcess, eventually, guarded::Guarded, upstream::Fixture};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/stdio_server.py");
const OLD: &str = "Bearer 0ld-s3cret-of-crm";
const NEW: &str = "Bearer n3w-s3cret-of-crm";

struct Office {
    gateway: InProcess,
    token: String,
}

impl Office {
    async fn open() -> Self {
        let gateway = InProcess::start().await;
        gateway.add_user("ana", None).await;
        gateway.grant("ana", "*", "allow").await;
        let token = gateway.add_agent("ana", "claude", &[]).await;
        Self { gateway, token }
    }

    async fn edit(&self, name: &str, body: Value) -> (u16, Value) {
        ask(&self.gateway.admin, "PUT", &format!("/api/v1/connections/{name}"), body).await
    }

    async fn show(&self, name: &str) -> Connection {
        let path = format!("/api/v1/connections/{name}");
        let detail: agw_api::ConnectionDetail = self.gateway.admin.get(&path).await.unwrap();
        detail.connection
    }

    async fn logs(&self, name: &str, after: u64) -> Vec<LogLine> {
        let path = format!("/api/v1/connections/{name}/logs?after={after}");
        self.gateway.admin.get(&path).await.unwrap()
    }

    async fn call(&self, tool: &str) -> (u16, Value) {
        self.gateway.rest_call(&self.token, tool, json!({})).await
    }

    async fn records(&self, status: &str) -> Vec<AuditRecord> {
        let all = self.gateway.audit().await;
        all.into_iter().filter(|record| record.status.as_deref() == Some(status)).collect()
    }
}

fn http(url: &str) -> Value {
    json!({"kind": "http", "url": url})
}

fn stdio(manner: &[&str]) -> Value {
    let argv = [&["python3", FIXTURE], manner].concat();
    json!({"kind": "stdio", "argv": argv})
}

#[tokio::test]
async fn a_secret_replaced_in_place_is_the_one_that_goes_out() {
    let office = Office::open().await;
    let upstream = Fixture::start().await;
    let added =
        office.gateway.connect_http("crm", &upstream.url(), &[("Authorization", OLD)]).await;
    assert_eq!(office.call("crm.echo").await.0, 200);
    let credentials = json!([{"name": "Authorization", "value": NEW}]);
    let body = json!({"transport": http(&upstream.url()), "credentials": credentials, "version": added.version});
    let (status, edited) = office.edit("crm", body).await;
    assert_eq!((status, &edited["version"]), (200, &json!(added.version + 1)), "{edited}");
    assert_eq!((&edited["health"], &edited["id"]), (&json!("ready"), &json!(added.id)), "{edited}");
    assert_eq!(office.call("crm.echo").await.0, 200);
    let sent: Vec<_> =
        upstream.calls().into_iter().map(|call| call.0["authorization"].clone()).collect();
    assert_eq!(sent, [OLD, NEW]);

    let record = office.records("connection_edited").await.remove(0);
    let detail = record.detail.unwrap();
    assert!(
        detail.contains("crm: ") && detail.contains("secrets given: Authorization"),
        "{detail}"
    );
    let all = serde_json::to_string(&office.gateway.audit().await).unwrap() + &edited.to_string();
    assert!(!all.contains("s3cret"), "{all}");
    office.gateway.stop().await;
}

/// HTTP does not tell headers apart by case; the server would get both.
#[tokio::test]
async fn a_header_given_in_other_letters_takes_the_place_of_the_stored_one() {
    let office = Office::open().await;
    let upstream = Fixture::start().await;
    let added =
        office.gateway.connect_http("crm", &upstream.url(), &[("Authorization", OLD)]).await;
    let credentials = json!([{"name": "authorization", "value": NEW}]);
    let body = json!({"transport": http(&upstream.url()), "credentials": credentials, "version": added.version});
    let (status, edited) = office.edit("crm", body).await;
    assert_eq!((status, &edited["credentials"]), (200, &json!(["authorization"])), "{edited}");
    assert_eq!(office.call("crm.echo").await.0, 200);
    assert_eq!(upstream.calls()[0].0["authorization"], NEW);
    office.gateway.stop().await;
}

/// Write-only would mean nothing if whoever edits could have a secret sent to
/// an address of their own.
#[tokio::test]
async fn a_stored_secret_goes_nowhere_but_where_it_was_sent_before() {
    let office = Office::open().await;
    let (upstream, elsewhere) = (Fixture::start().await, Fixture::start().await);
    let added =
        office.gateway.connect_http("crm", &upstream.url(), &[("Authorization", OLD)]).await;
    let kept = json!([{"name": "Authorization"}]);
    let edit = |url: &str, credentials: &Value, version: u64| {
        office.edit(
            "crm",
            json!({"transport": http(url), "credentials": credentials, "version": version}),
        )
    };
    let (status, body) = edit(&elsewhere.url(), &kept, added.version).await;
    assert_eq!((status, &body["code"]), (422, &json!("invalid")), "{body}");
    assert!(body["message"].as_str().unwrap().contains("another command or host"), "{body}");
    assert_eq!(elsewhere.greetings(), 0, "it was reached");
    // The same host at another path.
    let other_path = format!("{}?as=agw", upstream.url());
    let (status, body) = edit(&other_path, &kept, added.version).await;
    assert_eq!((status, &body["version"]), (200, &json!(2)), "{body}");
    // Given again, it may go elsewhere; left out, it is gone.
    let (status, _) =
        edit(&elsewhere.url(), &json!([{"name": "Authorization", "value": NEW}]), 2).await;
    assert_eq!(status, 200);
    assert_eq!(office.call("crm.echo").await.0, 200);
    assert_eq!(elsewhere.calls()[0].0["authorization"], NEW);
    let (status, body) = edit(&upstream.url(), &json!([]), 3).await;
    assert_eq!((status, &body["credentials"]), (200, &json!([])), "{body}");
    assert_eq!(office.call("crm.echo").await.0, 200);
    assert!(!upstream.calls().last().unwrap().0.contains_key("authorization"));

    // A program that is told something else is another program.
    let env = [("API_KEY", "s3cret-of-bad")];
    office.gateway.connect_stdio("bad", &["python3", FIXTURE, "good"], &env).await;
    let body =
        json!({"transport": stdio(&["leaks"]), "credentials": [{"name": "API_KEY"}], "version": 1});
    assert_eq!(office.edit("bad", body).await.0, 422);
    let same =
        json!({"transport": stdio(&["good"]), "credentials": [{"name": "API_KEY"}], "version": 1});
    assert_eq!(office.edit("bad", same).await.0, 200);
    let answer = office.call("bad.env").await;
    assert_eq!(answer.0, 200, "it still has its secret: {answer:?}");
    assert!(answer.1["API_KEY"].as_str().unwrap().contains("credential removed"), "{answer:?}");
    office.gateway.stop().await;
}

#[tokio::test]
async fn edits_that_cannot_be_are_refused_and_change_nothing() {
    let office = Office::open().await;
    let upstream = Fixture::start().await;
    let added = office.gateway.connect_http("crm", &upstream.url(), &[("X-Key", "one")]).await;
    let before = serde_json::to_value(office.show("crm").await).unwrap();
    let url = upstream.url();
    for (what, transport, credentials) in [
        ("another kind", stdio(&["good"]), json!([])),
        ("no URL", http("ftp://x"), json!([])),
        ("nothing to keep", http(&url), json!([{"name": "X-Other"}])),
        ("twice", http(&url), json!([{"name": "X-Key"}, {"name": "x-key", "value": "b"}])),
        ("empty", http(&url), json!([{"name": "X-Key", "value": ""}])),
        ("no header", http(&url), json!([{"name": "no header", "value": "x"}])),
    ] {
        let body =
            json!({"transport": transport, "credentials": credentials, "version": added.version});
        let (status, body) = office.edit("crm", body).await;
        assert_eq!((status, &body["code"]), (422, &json!("invalid")), "{what}: {body}");
    }
    for stale in [0, added.version + 1] {
        let body = json!({"transport": http(&url), "credentials": [], "version": stale});
        let (status, body) = office.edit("crm", body).await;
        assert_eq!((status, &body["code"]), (409, &json!("stale")), "{body}");
        assert_eq!(body["current"]["version"], added.version, "{body}");
    }
    let body = json!({"transport": http(&url), "credentials": [], "version": 1});
    assert_eq!(office.edit("none", body).await.0, 404);
    assert_eq!(serde_json::to_value(office.show("crm").await).unwrap(), before);
    assert!(office.records("connection_edited").await.is_empty());
    office.gateway.stop().await;
}

/// Accounts belong to the address that people signed in to.
#[tokio::test]
async fn what_people_signed_in_to_stays_where_it_is() {
    let office = Office::open().await;
    let (guarded, elsewhere) = (Guarded::start().await, Fixture::start().await);
    office.gateway.connect_guarded("mail", &guarded.url(), json!({"kind": "team"})).await;
    let body = json!({"transport": http(&elsewhere.url()), "credentials": [], "version": 1});
    let (status, body) = office.edit("mail", body).await;
    assert_eq!((status, &body["code"]), (422, &json!("invalid")), "{body}");
    assert_eq!(elsewhere.greetings(), 0, "it was reached");
    office.gateway.stop().await;
}

#[tokio::test]
async fn logs_tell_in_order_what_was_written_and_what_became_of_it() {
    let office = Office::open().await;
    let secrets = [("API_KEY", "l3aked-key-of-server"), ("PEM", "l3aked-pem-of-server")];
    office.gateway.connect_stdio("leaky", &["python3", FIXTURE, "leaks"], &secrets).await;
    assert_eq!(office.call("leaky.echo").await.0, 200);
    let logs = office.logs("leaky", 0).await;
    assert!(logs.iter().is_sorted_by_key(|line| line.number), "{logs:?}");
    let told = |source: LogSource, text: &str| {
        let found = logs.iter().find(|line| line.source == source && line.text.contains(text));
        found.unwrap_or_else(|| panic!("no {text:?} of {source:?} in {logs:?}")).number
    };
    let starting = told(LogSource::Gateway, "starting");
    let written = told(LogSource::Stderr, "starting with [credential removed");
    let ready = told(LogSource::Gateway, "ready: stdio fixture 1, MCP 2025-11-25");
    assert!(starting < ready && starting < written, "{logs:?}");
    told(LogSource::Stdout, "debug: key=[credential removed");
    assert!(!format!("{logs:?}").contains("l3aked"), "{logs:?}");

    // Only what is new, and the same log after a change of its settings.
    let newest = logs.last().unwrap().number;
    assert!(office.logs("leaky", newest).await.is_empty());
    let credentials = json!([{"name": "API_KEY"}, {"name": "PEM"}]);
    let body = json!({"transport": stdio(&["leaks"]), "credentials": credentials, "version": 1});
    assert_eq!(office.edit("leaky", body).await.0, 200);
    let later = office.logs("leaky", newest).await;
    assert!(
        later[0].number > newest && later[0].text.contains("its settings changed"),
        "{later:?}"
    );
    assert!(later.iter().any(|line| line.text.starts_with("ready")), "{later:?}");
    office.gateway.stop().await;
}

/// What a noisy server writes does not push out what the gateway did.
#[tokio::test]
async fn a_log_is_bounded_and_keeps_what_the_gateway_did() {
    let office = Office::open().await;
    office.gateway.connect_stdio("bad", &["python3", FIXTURE, "floods"], &[]).await;
    assert_eq!(office.call("bad.echo").await.0, 200);
    let written = async || office.logs("bad", 0).await.len() > 150;
    eventually("it has written much", Duration::from_secs(10), written).await;
    let logs = office.logs("bad", 0).await;
    assert!(
        logs.len() <= 250 && logs.iter().all(|line| line.text.len() <= 1_000),
        "{}",
        logs.len()
    );
    assert!(
        logs.iter().any(|line| line.source == LogSource::Gateway && line.text.starts_with("ready"))
    );
    office.gateway.stop().await;
}

#[tokio::test]
async fn a_restart_ends_what_runs_begins_anew_and_is_on_record() {
    let office = Office::open().await;
    office.gateway.connect_stdio("bad", &["python3", FIXTURE, "pid"], &[]).await;
    let first = office.call("bad.echo").await.1["pid"].clone();
    assert_eq!(office.call("bad.echo").await.1["pid"], first);
    let path = "/api/v1/connections/bad/restart";
    let report: TestReport = office.gateway.admin.post(path, &()).await.unwrap();
    assert!(report.ok && report.tools > 0, "{report:?}");
    assert_ne!(office.call("bad.echo").await.1["pid"], first);
    let gone = async || !std::path::Path::new(&format!("/proc/{first}")).exists();
    eventually("the first process is gone", Duration::from_secs(10), gone).await;
    let record = office.records("connection_restarted").await.remove(0);
    assert_eq!((record.user.as_deref(), record.detail.as_deref()), (Some("root"), Some("bad")));
    let logs = office.logs("bad", 0).await;
    assert!(logs.iter().any(|line| line.text.contains("an administrator asked")), "{logs:?}");

    // One that was given up is tried again.
    office.gateway.connect_stdio("none", &["/no/such/server"], &[]).await;
    let path = "/api/v1/connections/none/restart";
    let report: TestReport = office.gateway.admin.post(path, &()).await.unwrap();
    assert!(!report.ok && report.problem.unwrap().contains("/no/such/server"));
    office.gateway.stop().await;
}

#[tokio::test]
async fn a_connection_says_since_when_it_is_so_and_what_was_wrong_last() {
    let office = Office::open().await;
    office.gateway.connect_stdio("bad", &["python3", FIXTURE, "dies"], &[]).await;
    let before = office.show("bad").await;
    assert_eq!((before.health, &before.last_error), (ConnectionHealth::Ready, &None));
    office.gateway.connect_stdio("none", &["/no/such/server"], &[]).await;
    let failed = office.show("none").await;
    assert_eq!(failed.health, ConnectionHealth::Failed);
    let error = failed.last_error.unwrap();
    assert!(error.problem.contains("/no/such/server"), "{error:?}");
    // RFC 3339 of one zone and length: later is greater.
    assert!(error.at >= before.health_since && failed.health_since >= before.created_at);
    office.gateway.stop().await;
}

/// Whoever may add a local server is told how to start the sample; a member
/// has no use for the place of a program.
#[tokio::test]
async fn where_the_gateway_is_is_not_told_to_members() {
    let gateway = InProcess::start().await;
    let (auditor, member) =
        (gateway.add_person("aud", "auditor").await, gateway.add_person("ana", "member").await);
    let own = std::env::current_exe().unwrap().display().to_string();
    for (client, told) in [(&gateway.admin, Some(&own)), (&auditor, Some(&own)), (&member, None)] {
        let status: agw_api::Status = client.get("/api/v1/status").await.unwrap();
        assert_eq!(status.program.as_ref(), told);
    }
    gateway.stop().await;
}
