//! Tokens that run out.

use std::time::Duration;

use agw_api::{AccountState, ConnectionHealth};
use serde_json::json;

use super::Post;
use crate::support::{SHORT, eventually, guarded::Guarded};

async fn connected(life: u64) -> Post {
    let server = Guarded::start().await;
    server.manners().life = Some(life);
    let post = Post::before(server, json!({"kind": "team"}), SHORT).await;
    post.connect_well("root", "team@upstream").await;
    post.ready().await;
    post
}

#[tokio::test]
async fn fifty_calls_at_once_renew_a_token_once() {
    let post = connected(1).await;
    post.server.manners().delay = Duration::from_millis(200);
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    post.server.manners().life = Some(3600);
    let before = post.server.renewals();
    let calls = (0..50).map(|_| post.call(&post.ana));
    for (status, body) in futures_util::future::join_all(calls).await {
        assert_eq!(status, 200, "{body} {:?}", post.server.requests("/token"));
    }
    assert_eq!((post.server.renewals() - before, post.server.reused()), (1, 0));
    assert_eq!(post.server.calls().len(), 50);
    post.gateway.stop().await;
}

#[tokio::test]
async fn a_token_is_renewed_ahead_of_its_end_again_and_again() {
    // Due after three quarters of its life.
    let post = connected(4).await;
    tokio::time::sleep(Duration::from_millis(3_200)).await;
    for renewals in 1..=2 {
        post.assert_calls_as(&post.ana, "team@upstream").await;
        assert_eq!(post.server.renewals(), renewals);
        tokio::time::sleep(Duration::from_millis(3_200)).await;
    }
    assert_eq!(post.server.reused(), 0);
    post.gateway.stop().await;
}

#[tokio::test]
async fn an_account_survives_a_restart_and_so_does_its_renewal() {
    let mut post = connected(2).await;
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    post.assert_calls_as(&post.ana, "team@upstream").await;
    let renewals = post.server.renewals();
    post.server.manners().life = Some(3600);
    post.gateway = post.gateway.restart().await;
    tokio::time::sleep(Duration::from_millis(2_000)).await;
    post.ready().await;
    post.assert_calls_as(&post.ana, "team@upstream").await;
    assert!(post.server.renewals() > renewals);
    assert_eq!(post.server.reused(), 0);
    post.gateway.stop().await;
}

#[tokio::test]
async fn a_refresh_token_that_is_not_replaced_is_kept() {
    let server = Guarded::start().await;
    {
        let mut manners = server.manners();
        (manners.life, manners.rotates) = (Some(1), false);
    }
    let post = Post::before(server, json!({"kind": "team"}), SHORT).await;
    post.connect_well("root", "team@upstream").await;
    post.ready().await;
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        post.assert_calls_as(&post.ana, "team@upstream").await;
    }
    post.gateway.stop().await;
}

#[tokio::test]
async fn an_account_that_is_renewed_no_more_explains_itself_and_tools_stay_listed() {
    let post = connected(1).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    post.server.manners().refuses_renewal = Some("invalid_grant");
    let body = post.assert_wants_sign_in(&post.ana, "sign_in_needed").await;
    assert!(body["message"].as_str().unwrap().contains("invalid_grant"), "{body}");
    // Once is enough.
    let renewals = post.server.renewals();
    post.assert_wants_sign_in(&post.ana, "sign_in_needed").await;
    assert_eq!(post.server.renewals(), renewals);
    assert_eq!(post.gateway.rest_tools(&post.ana).await.len(), 2);
    assert_eq!(post.state().await, AccountState::Reconnect);
    let audit = post.gateway.audit().await;
    assert!(audit.iter().any(|r| r.status.as_deref() == Some("account_ended")), "{audit:?}");
    {
        let mut manners = post.server.manners();
        (manners.refuses_renewal, manners.life) = (None, Some(3600));
    }
    post.connect_well("root", "team@upstream").await;
    post.ready().await;
    post.assert_calls_as(&post.ana, "team@upstream").await;
    post.gateway.stop().await;
}

#[tokio::test]
async fn a_renewal_that_was_cut_short_loses_no_account_silently() {
    let post = connected(1).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    // The token is renewed there, and the answer never arrives.
    post.server.manners().cuts_off = true;
    let (status, body) = post.call(&post.ana).await;
    assert_eq!((status, &body["code"]), (503, &json!("sign_in_unavailable")), "{body}");
    assert_eq!(post.state().await, AccountState::Connected);
    // Not asked again at once, whoever calls.
    let renewals = post.server.renewals();
    let (status, _) = post.call(&post.bo).await;
    assert_eq!((status, post.server.renewals()), (503, renewals));
    post.server.manners().cuts_off = false;
    tokio::time::sleep(Duration::from_millis(5_100)).await;
    // The old one is spent: that is said, with the way out.
    post.assert_wants_sign_in(&post.ana, "sign_in_needed").await;
    assert_eq!(post.state().await, AccountState::Reconnect);
    post.gateway.stop().await;
}

#[tokio::test]
async fn a_token_that_was_just_given_and_is_refused_is_the_end() {
    let post = connected(3600).await;
    post.server.expire_all();
    let body = post.assert_wants_sign_in(&post.ana, "sign_in_needed").await;
    assert!(body["message"].as_str().unwrap().contains("no longer accepts"), "{body}");
    eventually("it shows", Duration::from_secs(5), async || {
        post.health().await == ConnectionHealth::Ready
            && post.state().await == AccountState::Reconnect
    })
    .await;
    // Nothing was tried again behind anybody's back.
    assert_eq!((post.server.calls().len(), post.server.renewals()), (0, 0));
    assert_eq!(post.gateway.rest_tools(&post.ana).await.len(), 2);
    post.gateway.stop().await;
}

#[tokio::test]
async fn a_token_without_an_end_or_renewal_is_used_until_it_is_refused() {
    let server = Guarded::start().await;
    {
        let mut manners = server.manners();
        (manners.life, manners.refresh) = (None, false);
    }
    let post = Post::before(server, json!({"kind": "team"}), SHORT).await;
    post.connect_well("root", "team@upstream").await;
    post.ready().await;
    post.assert_calls_as(&post.ana, "team@upstream").await;
    post.server.revoke_all();
    post.assert_wants_sign_in(&post.ana, "sign_in_needed").await;
    post.gateway.stop().await;
}
