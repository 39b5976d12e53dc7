//! Whose account it is, and who uses it.

use agw_api::{AccountState, ConnectionHealth};
use serde_json::json;

use super::Post;
use crate::support::{
    PASSWORD, SHORT, Trail as _, eventually,
    guarded::{Guarded, Instead},
    http, leaks,
    person::Person,
};

#[tokio::test]
async fn the_team_s_account_is_connected_by_an_admin_and_used_by_all() {
    let post = Post::open("team").await;
    assert_eq!(post.health().await, ConnectionHealth::NeedsSignIn);
    let problem = post.show().await.connection.problem.unwrap();
    assert!(problem.contains(&post.link()), "{problem}");
    post.connect_well("root", "team@upstream").await;
    post.ready().await;
    assert_eq!(post.show().await.connection.tools, 2);
    post.assert_calls_as(&post.ana, "team@upstream").await;
    post.assert_calls_as(&post.bo, "team@upstream").await;
    // On both legs, as RFC 8707 has it; asked for just what the server wanted.
    let resource = format!("{}/mcp", post.server.base());
    for path in ["/authorize", "/token"] {
        let requests = post.server.requests(path);
        assert!(requests.iter().all(|r| r["resource"] == resource), "{path}: {requests:?}");
    }
    assert_eq!(post.server.requests("/authorize")[0]["scope"], "mail");
    post.gateway.stop().await;
}

#[tokio::test]
async fn only_an_admin_connects_the_team_s_account() {
    let post = Post::open("team").await;
    let shown = post.connect("ana", "ana@upstream").await;
    assert!(shown.reply.status == 404 && shown.says("nothing to connect here"), "{shown:?}");
    // Nor is it told whether there is a connection of that name.
    let elsewhere = post.gateway.url("/accounts/payroll");
    let shown = Person::default().connect(&elsewhere, "ana", PASSWORD).await;
    assert!(shown.reply.status == 404 && shown.says("nothing to connect here"), "{shown:?}");
    assert_eq!(post.state().await, AccountState::NotConnected);
    post.gateway.stop().await;
}

#[tokio::test]
async fn two_people_never_share_an_account() {
    let post = Post::open("user").await;
    // An admin's own account lists the tools, and is used for nobody's calls.
    post.connect_well("root", "root@upstream").await;
    post.ready().await;
    post.assert_wants_sign_in(&post.ana, "sign_in_needed").await;
    post.connect_well("ana", "ana@upstream").await;
    post.assert_calls_as(&post.ana, "ana@upstream").await;
    post.assert_wants_sign_in(&post.bo, "sign_in_needed").await;
    post.connect_well("bo", "bo@upstream").await;
    post.assert_calls_as(&post.bo, "bo@upstream").await;
    post.assert_calls_as(&post.ana, "ana@upstream").await;
    // Each sees their own; an admin sees that there are three, and no token.
    let ana = post.gateway.sign_in("ana").await;
    let seen = post.accounts(&ana).await;
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!((seen[0].user.as_deref(), seen[0].state), (Some("ana"), AccountState::Connected));
    assert!(ana.delete("/api/v1/accounts/mail?user=bo").await.is_err());
    assert_eq!(post.accounts(&post.gateway.admin).await.len(), 3);
    // Disconnected is disconnected, for one and not for the other.
    ana.delete("/api/v1/accounts/mail").await.unwrap();
    post.assert_wants_sign_in(&post.ana, "sign_in_needed").await;
    post.assert_calls_as(&post.bo, "bo@upstream").await;
    post.gateway.admin.delete("/api/v1/accounts/mail?user=bo").await.unwrap();
    post.assert_wants_sign_in(&post.bo, "sign_in_needed").await;
    post.gateway.stop().await;
}

#[tokio::test]
async fn calls_of_people_go_on_while_no_admin_is_connected() {
    let post = Post::open("user").await;
    post.connect_well("root", "root@upstream").await;
    post.ready().await;
    post.connect_well("ana", "ana@upstream").await;
    post.gateway.admin.delete("/api/v1/accounts/mail").await.unwrap();
    eventually("it is noticed", std::time::Duration::from_secs(5), async || {
        post.health().await == ConnectionHealth::NeedsSignIn
    })
    .await;
    assert_eq!(post.gateway.rest_tools(&post.ana).await.len(), 2);
    post.assert_calls_as(&post.ana, "ana@upstream").await;
    post.gateway.stop().await;
}

#[tokio::test]
async fn a_removed_person_s_account_is_gone_with_them() {
    let post = Post::open("user").await;
    post.connect_well("root", "root@upstream").await;
    post.ready().await;
    post.connect_well("ana", "ana@upstream").await;
    post.gateway.admin.delete("/api/v1/users/ana").await.unwrap();
    assert_eq!(post.accounts(&post.gateway.admin).await.len(), 1);
    post.gateway.stop().await;
}

#[tokio::test]
async fn a_client_that_an_admin_gave_is_used_and_its_secret_kept() {
    let server = Guarded::start().await;
    server.manners().server_metadata = json!({
        "registration_endpoint": null, "token_endpoint_auth_methods_supported": ["client_secret_post"],
    });
    let sign_in =
        json!({"kind": "team", "client_id": "given-id", "client_secret": "given-s3cret-s3cret"});
    let post = Post::before(server, sign_in, SHORT).await;
    post.connect_well("root", "team@upstream").await;
    post.ready().await;
    post.assert_calls_as(&post.ana, "team@upstream").await;
    let token = &post.server.requests("/token")[0];
    assert_eq!(
        (&*token["client_id"], &*token["client_secret"]),
        ("given-id", "given-s3cret-s3cret")
    );
    let dir = post.gateway.stop().await;
    let secret = [leaks::Planted::new("client secret", "given-s3cret-s3cret")];
    assert_eq!(leaks::find(&secret, &leaks::files(dir.path())), Vec::<String>::new());
}

#[tokio::test]
async fn no_token_code_or_verifier_is_in_a_file_a_record_or_a_reply() {
    let post = Post::open("user").await;
    post.connect_well("root", "root@upstream").await;
    post.ready().await;
    post.connect_well("ana", "ana@upstream").await;
    // The server shows the token; the agent does not get to see it.
    let (_, body) = post.call(&post.ana).await;
    post.server.expire_all();
    let (_, refused) = post.call(&post.ana).await;
    post.server.revoke_all();
    let records: Vec<serde_json::Value> =
        post.gateway.admin.records("/api/v1/audit?limit=1000").await.unwrap();
    let accounts = post.accounts(&post.gateway.admin).await;
    let shown = post.show().await;
    let text = format!("{body} {refused} {records:?} {accounts:?} {shown:?}");
    let secrets: Vec<_> =
        post.server.secrets().iter().map(|s| leaks::Planted::new("a secret", s)).collect();
    assert!(secrets.len() >= 8, "{}", secrets.len());
    assert!(body.to_string().contains("credential removed"), "{body}");
    let dir = post.gateway.stop().await;
    let mut places = leaks::files(dir.path());
    places.push(leaks::Place { name: "answers".into(), bytes: text.into() });
    assert_eq!(leaks::find(&secrets, &places), Vec::<String>::new());
}

#[tokio::test]
async fn the_trail_says_who_connected_and_disconnected_what() {
    let post = Post::open("user").await;
    post.connect_well("root", "root@upstream").await;
    post.connect_well("root", "root@upstream").await;
    post.gateway.admin.delete("/api/v1/accounts/mail").await.unwrap();
    let audit = post.gateway.audit().await;
    let of = |status: &str| {
        let with = |r: &&agw_api::AuditRecord| r.status.as_deref() == Some(status);
        audit.iter().filter(with).collect::<Vec<_>>()
    };
    let connected = of("account_connected");
    assert_eq!(connected.len(), 2, "{audit:?}");
    assert_eq!(connected[0].user.as_deref(), Some("root"));
    let detail = connected[0].detail.as_deref().unwrap();
    assert!(detail.starts_with("mail, root's account: connected at 127.0.0.1:"), "{detail}");
    assert_eq!(of("account_disconnected").len(), 1);
    // Registered once for both.
    assert_eq!(of("account_client_registered").len(), 1);
    post.gateway.stop().await;
}

#[tokio::test]
async fn an_approval_says_where_the_account_is_connected_that_it_needs() {
    let post = Post::open("user").await;
    post.connect_well("root", "root@upstream").await;
    post.ready().await;
    post.gateway.grant("bo", "mail.send", "ask").await;
    let body = json!({"tool": "mail.send", "args": {}, "token": post.bo});
    let url = post.gateway.url("/mcp/tools/call");
    let call = tokio::spawn(async move { http::post_json(&url, &[], &body).await });
    let asked = async || -> Vec<agw_api::Approval> {
        post.gateway.admin.get("/api/v1/approvals").await.unwrap()
    };
    let limit = std::time::Duration::from_secs(5);
    eventually("it is asked", limit, async || !asked().await.is_empty()).await;
    assert_eq!(asked().await[0].sign_in.as_deref(), Some(&*post.link()));
    post.connect_well("bo", "bo@upstream").await;
    let approval = asked().await.remove(0);
    assert_eq!(approval.sign_in, None);
    let path = format!("/api/v1/approvals/{}/answer", approval.id);
    let answer = json!({"answer": "once"});
    let _: serde_json::Value = post.gateway.admin.post(&path, &answer).await.unwrap();
    let (status, body) = call.await.unwrap();
    assert_eq!(status, 200, "{body}");
    assert_eq!(post.server.calls()[0].0, "bo@upstream");
    post.gateway.stop().await;
}

#[tokio::test]
async fn a_disconnected_account_s_tokens_are_given_back() {
    let server = Guarded::start().await;
    let endpoint = format!("{}/revoke", server.base());
    server.manners().server_metadata = json!({"revocation_endpoint": endpoint});
    server.manners().instead.insert("/revoke", Instead::Status(200));
    let post = Post::before(server, json!({"kind": "user"}), SHORT).await;
    post.connect_well("root", "root@upstream").await;
    post.connect_well("ana", "ana@upstream").await;
    let given = post.server.secrets();
    post.gateway.sign_in("ana").await.delete("/api/v1/accounts/mail").await.unwrap();
    eventually("both are given back", std::time::Duration::from_secs(5), async || {
        post.server.requests("/revoke").len() == 2
    })
    .await;
    let sent = post.server.requests("/revoke");
    assert_eq!(sent[0]["token_type_hint"], "refresh_token");
    assert_eq!(sent[1]["token_type_hint"], "access_token");
    assert!(sent.iter().all(|request| given.contains(&request["token"])), "{sent:?}");
    // Hers, and not the other's.
    post.assert_wants_sign_in(&post.ana, "sign_in_needed").await;
    assert_eq!(post.accounts(&post.gateway.admin).await.len(), 1);
    eventually("it is recorded", std::time::Duration::from_secs(5), async || {
        let records = post.gateway.audit().await;
        records.iter().any(|record| record.status.as_deref() == Some("account_revoked"))
    })
    .await;
    post.gateway.stop().await;
}

#[tokio::test]
async fn a_server_that_takes_no_tokens_back_holds_no_sign_out_up() {
    let server = Guarded::start().await;
    let endpoint = format!("{}/revoke", server.base());
    server.manners().server_metadata = json!({"revocation_endpoint": endpoint});
    server.manners().instead.insert("/revoke", Instead::Never);
    let post = Post::before(server, json!({"kind": "team"}), SHORT).await;
    post.connect_well("root", "team@upstream").await;
    let begun = std::time::Instant::now();
    post.gateway.admin.delete("/api/v1/accounts/mail").await.unwrap();
    assert!(begun.elapsed() < std::time::Duration::from_secs(2));
    assert_eq!(post.state().await, AccountState::NotConnected);
    post.gateway.stop().await;
    // One that is elsewhere is not asked at all.
    let server = Guarded::start().await;
    let other = Guarded::start().await;
    let inside = other.base().replace("127.0.0.1", "localhost") + "/revoke";
    server.manners().server_metadata = json!({"revocation_endpoint": inside});
    let post = Post::before(server, json!({"kind": "team"}), SHORT).await;
    post.connect_well("root", "team@upstream").await;
    post.gateway.admin.delete("/api/v1/accounts/mail").await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(other.requests("/revoke").is_empty());
    post.gateway.stop().await;
}
