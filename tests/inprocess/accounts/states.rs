//! The way there and back: consent, `state`, and what comes with them.

use agw_api::AccountState;

use super::Post;
use crate::support::{
    PASSWORD,
    guarded::Guarded,
    person::{Person, next},
};

/// As far as the answer of the authorization server, which is not opened.
async fn up_to_the_answer(post: &Post, person: &mut Person, user: &str) -> String {
    let page = person.sign_in(&post.link(), user, PASSWORD).await;
    assert!(page.says("Go there and sign in"), "{page:?}");
    let sent = person.send(&page, &[]).await;
    let there = person.open(&next(&sent).unwrap()).await;
    next(&there).unwrap()
}

#[tokio::test]
async fn nobody_is_sent_elsewhere_before_they_were_asked() {
    let post = Post::open("user").await;
    let mut root = Person::default();
    let page = root.sign_in(&post.link(), "root", PASSWORD).await;
    let host = post.server.base().replace("http://", "");
    for words in ["Connect mail", "root's own: nobody else uses it", &host, "mail"] {
        assert!(page.says(words), "{words}: {page:?}");
    }
    assert_eq!(post.server.requests("/authorize").len(), 0);
    assert_eq!(post.server.requests("/register").len(), 0);
    let policy = page.reply.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    post.gateway.stop().await;
}

#[tokio::test]
async fn a_consent_without_its_form_or_from_elsewhere_sends_nobody_anywhere() {
    let post = Post::open("user").await;
    let mut root = Person::default();
    let page = root.sign_in(&post.link(), "root", PASSWORD).await;
    let mut fields = page.fields();
    let id = fields.iter().position(|(name, _)| name == "id").unwrap();
    let id = fields.remove(id);
    // Without the one, without the other, and with both from another browser.
    let shown = root.post(&post.link(), &fields).await;
    assert!(shown.says("not connected"), "{shown:?}");
    let shown = root.post(&post.link(), std::slice::from_ref(&id)).await;
    assert_eq!(shown.reply.status, 403, "{shown:?}");
    fields.push(id);
    let mut other = Person::default();
    other.sign_in(&post.link(), "root", PASSWORD).await;
    assert_eq!(other.post(&post.link(), &fields).await.reply.status, 403);
    assert_eq!(post.server.requests("/authorize").len(), 0);
    // A yes is said once.
    assert_eq!(root.post(&post.link(), &fields).await.reply.status, 303);
    assert!(root.post(&post.link(), &fields).await.says("not connected"));
    post.gateway.stop().await;
}

#[tokio::test]
async fn a_state_is_good_once() {
    let post = Post::open("user").await;
    let mut root = Person::default();
    let back = up_to_the_answer(&post, &mut root, "root").await;
    assert!(root.open(&back).await.says("is connected"));
    let tokens = post.server.requests("/token").len();
    let again = root.open(&back).await;
    assert!(again.says("not under way any more"), "{again:?}");
    assert_eq!(post.server.requests("/token").len(), tokens);
    post.gateway.stop().await;
}

#[tokio::test]
async fn another_person_s_state_is_of_no_use() {
    let post = Post::open("user").await;
    post.connect_well("root", "root@upstream").await;
    post.ready().await;
    let (mut ana, mut bo) = (Person::default(), Person::default());
    post.server.next_is("ana@upstream");
    let back = up_to_the_answer(&post, &mut ana, "ana").await;
    // Neither somebody else, signed in or not, nor the same person elsewhere.
    assert!(Person::default().open(&back).await.says("not connected"));
    bo.sign_in(&post.link(), "bo", PASSWORD).await;
    assert!(bo.open(&back).await.says("not under way any more"));
    let mut elsewhere = Person::default();
    elsewhere.sign_in(&post.link(), "ana", PASSWORD).await;
    assert!(elsewhere.open(&back).await.says("not under way any more"));
    post.assert_wants_sign_in(&post.bo, "sign_in_needed").await;
    // And it is still hers.
    assert!(ana.open(&back).await.says("is connected"));
    post.assert_calls_as(&post.ana, "ana@upstream").await;
    post.gateway.stop().await;
}

#[tokio::test]
async fn an_injected_code_and_a_made_up_state_connect_nothing() {
    let post = Post::open("user").await;
    let mut root = Person::default();
    let back = up_to_the_answer(&post, &mut root, "root").await;
    let mut attacker = Person::default();
    post.server.next_is("attacker@upstream");
    let theirs = up_to_the_answer(&post, &mut attacker, "root").await;
    let of = |url: &str, name: &str| {
        let from = url.find(&format!("{name}=")).unwrap();
        url[from..].split('&').next().unwrap().to_owned()
    };
    // Their code with our state: the verifier is another.
    let injected = back.replace(&of(&back, "code"), &of(&theirs, "code"));
    assert!(root.open(&injected).await.says("invalid_grant"));
    let made_up = back.replace(&of(&back, "state"), "state=AAAA");
    assert!(root.open(&made_up).await.says("not under way any more"));
    let callback = post.gateway.url("/accounts/mail/callback");
    for query in ["", "?code=x", "?state=&code=x", "?state=a&state=b&code=x", "?error=%3Cscript%3E"]
    {
        let shown = root.open(&format!("{callback}{query}")).await;
        assert!(shown.says("not connected") && !shown.says("<script>"), "{shown:?}");
    }
    assert_eq!(post.state().await, AccountState::NotConnected);
    post.gateway.stop().await;
}

#[tokio::test]
async fn an_answer_of_another_server_is_refused_before_its_code_is_used() {
    let post = Post::open("team").await;
    for iss in [Some("https://evil.example".to_owned()), Some(post.server.base() + "/"), None] {
        post.server.manners().iss = iss;
        post.fails_to_connect("names another authorization server").await;
    }
    assert_eq!(post.server.requests("/token").len(), 0);
    // Where it is not promised, its absence is no fault; a wrong one is.
    post.server.manners().server_metadata =
        serde_json::json!({"authorization_response_iss_parameter_supported": false});
    post.server.manners().iss = Some("https://evil.example".into());
    post.fails_to_connect("names another authorization server").await;
    post.server.manners().iss = None;
    post.connect_well("root", "team@upstream").await;
    post.gateway.stop().await;
}

#[tokio::test]
async fn the_page_is_at_one_address_whatever_the_link_says() {
    let post = Post::open("team").await;
    let link = post.link().replace("127.0.0.1", "localhost");
    let shown = Person::default().open(&link).await;
    assert_eq!((shown.reply.status, shown.reply.header("location")), (303, &*post.link()));
    post.gateway.stop().await;
}

#[tokio::test]
async fn an_answer_to_one_connection_is_none_to_another() {
    let post = Post::open("user").await;
    let evil = Guarded::start().await;
    // It sends people on to another server's sign-in, in the hope for its code.
    evil.manners().server_metadata = serde_json::json!({
        "authorization_endpoint": format!("{}/authorize", post.server.base()),
        "authorization_response_iss_parameter_supported": false,
    });
    post.server.manners().iss = None;
    post.gateway.connect_guarded("evil", &evil.url(), serde_json::json!({"kind": "user"})).await;
    let mut root = Person::default();
    let page = root.sign_in(&post.gateway.url("/accounts/evil"), "root", PASSWORD).await;
    let host = |server: &Guarded| server.base().replace("http://", "");
    assert!(page.says(&host(&post.server)) && page.says(&host(&evil)), "{page:?}");
    let sent = next(&root.send(&page, &[]).await).unwrap();
    // Where only another client's redirect is registered, it is refused there.
    assert!(sent.contains("%2Faccounts%2Fevil%2Fcallback"), "{sent}");
    let back = next(&root.open(&sent).await).unwrap();
    let crossed = back.replace("/accounts/evil/", "/accounts/mail/");
    assert!(root.open(&crossed).await.says("not under way any more"));
    assert_eq!(evil.requests("/token").len(), 0);
    post.gateway.stop().await;
}
