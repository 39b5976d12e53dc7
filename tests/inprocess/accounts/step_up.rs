//! An upstream that wants more rights than it was given.

use agw_api::AccountState;

use super::Post;

async fn connected() -> Post {
    let post = Post::open("team").await;
    post.connect_well("root", "team@upstream").await;
    post.ready().await;
    post
}

#[tokio::test]
async fn more_rights_are_asked_for_beside_those_so_far() {
    let post = connected().await;
    post.server.manners().call_scope = Some("send");
    post.assert_wants_sign_in(&post.ana, "sign_in_for_more").await;
    assert_eq!(post.state().await, AccountState::Reconnect);
    post.connect_well("root", "team@upstream").await;
    post.assert_calls_as(&post.ana, "team@upstream").await;
    assert_eq!(post.server.requests("/authorize").last().unwrap()["scope"], "mail send");
    assert_eq!(post.state().await, AccountState::Connected);
    post.gateway.stop().await;
}

#[tokio::test]
async fn rights_that_are_never_enough_are_asked_for_no_more() {
    let post = connected().await;
    {
        let mut manners = post.server.manners();
        (manners.call_scope, manners.gives_scope) = (Some("send"), Some("mail"));
    }
    post.assert_wants_sign_in(&post.ana, "sign_in_for_more").await;
    // Until the person was there, it is one round.
    post.assert_wants_sign_in(&post.bo, "sign_in_for_more").await;
    post.connect_well("root", "team@upstream").await;
    let (status, body) = post.call(&post.ana).await;
    assert_eq!((status, &body["code"]), (502, &"sign_in_in_vain".into()), "{body}");
    assert!(!body.to_string().contains("/accounts/"), "{body}");
    post.gateway.stop().await;
}

#[tokio::test]
async fn ever_more_rights_are_asked_for_a_bounded_number_of_times() {
    let post = connected().await;
    const SCOPES: [&str; 10] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let mut rounds = 0;
    for scope in SCOPES {
        {
            let mut manners = post.server.manners();
            (manners.call_scope, manners.gives_scope) = (Some(scope), Some("mail"));
        }
        let (_, body) = post.call(&post.ana).await;
        if body["code"] == "sign_in_in_vain" {
            break;
        }
        rounds += 1;
        post.connect_well("root", "team@upstream").await;
    }
    assert_eq!(rounds, 8);
    post.gateway.stop().await;
}
