//! Servers that say what is not so, or that lead elsewhere.

use std::time::{Duration, Instant};

use serde_json::json;

use super::Post;
use crate::support::{bystander::Bystander, guarded::Instead};

const RESOURCE: &str = "/.well-known/oauth-protected-resource/mcp";
const SERVER: &str = "/.well-known/oauth-authorization-server";

#[tokio::test]
async fn metadata_of_another_server_or_resource() {
    let post = Post::open("team").await;
    post.server.manners().resource_metadata = json!({"resource": "https://evil.example/mcp"});
    post.fails_to_connect("about another one: https://evil.example/mcp").await;
    post.server.manners().resource_metadata = json!({});
    for issuer in [post.server.base() + "/", "https://evil.example".into()] {
        post.server.manners().server_metadata = json!({"issuer": issuer});
        post.fails_to_connect("are those of another server").await;
    }
    post.gateway.stop().await;
}

#[tokio::test]
async fn no_pkce_no_sign_in() {
    let post = Post::open("team").await;
    for methods in [json!(null), json!([]), json!(["plain"])] {
        post.server.manners().server_metadata =
            json!({"code_challenge_methods_supported": methods});
        post.fails_to_connect("PKCE with S256").await;
    }
    assert_eq!(post.server.requests("/authorize").len(), 0);
    post.gateway.stop().await;
}

#[tokio::test]
async fn metadata_that_point_inside() {
    let post = Post::open("team").await;
    let bystander = Bystander::start().await;
    let port = bystander.port;
    let places = [
        "http://169.254.169.254".to_owned(),
        "https://169.254.169.254".to_owned(),
        format!("http://localhost:{port}"),
        format!("https://localhost:{port}"),
        format!("http://127.0.0.2:{port}"),
        format!("https://[::ffff:127.0.0.2]:{port}"),
        "https://10.0.0.1".to_owned(),
        "https://[fd00::1]".to_owned(),
        "file:///etc".to_owned(),
        // What would run in the browser that is sent there.
        "javascript:alert(1)//".to_owned(),
        "data:text/html,<script>alert(1)</script>".to_owned(),
        "vbscript:x".to_owned(),
    ];
    for place in &places {
        post.server.manners().resource_metadata = json!({"authorization_servers": [place]});
        post.fails_to_connect("Nothing was connected").await;
    }
    post.server.manners().resource_metadata = json!({});
    for endpoint in ["registration_endpoint", "authorization_endpoint", "token_endpoint"] {
        for place in &places {
            post.server.manners().server_metadata = json!({endpoint: format!("{place}/x")});
            post.fails_to_connect("Nothing was connected").await;
        }
    }
    bystander.assert_unseen();
    assert_eq!(post.server.requests("/token").len(), 0);
    post.gateway.stop().await;
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let post = Post::open("team").await;
    let bystander = Bystander::start().await;
    let port = bystander.port;
    let inside = "http://169.254.169.254/latest".to_owned();
    for path in [RESOURCE, SERVER, "/register", "/token"] {
        // After the last one it is registered.
        for to in [inside.clone(), format!("http://127.0.0.1:{port}/")] {
            post.server.manners().instead.insert(path, Instead::Redirect(to.clone()));
            post.fails_to_connect("redirects are not followed").await;
            post.server.manners().instead.remove(path);
        }
    }
    bystander.assert_unseen();
    post.connect_well("root", "team@upstream").await;
    post.gateway.stop().await;
}

#[tokio::test]
async fn documents_that_are_too_long_too_slow_or_none() {
    let post = Post::open("team").await;
    for path in [RESOURCE, SERVER, "/token"] {
        for (instead, words) in [
            (Instead::Huge, "more than 262144 bytes"),
            (Instead::Never, "did not answer within"),
            (Instead::Body("[]".into()), "unusable"),
            (Instead::Body("{}".into()), "unusable"),
            (Instead::Body("{\"issuer\":".into()), "unusable"),
            (Instead::Status(500), "HTTP 500"),
        ] {
            let begun = Instant::now();
            post.server.manners().instead.insert(path, instead);
            post.fails_to_connect(words).await;
            assert!(begun.elapsed() < Duration::from_secs(20), "{path}: {words}");
        }
        post.server.manners().instead.remove(path);
    }
    post.connect_well("root", "team@upstream").await;
    post.gateway.stop().await;
}

#[tokio::test]
async fn no_client_can_be_had() {
    let post = Post::open("team").await;
    post.server.manners().server_metadata = json!({"registration_endpoint": null});
    post.fails_to_connect("--client-id").await;
    post.server.manners().server_metadata =
        json!({"registration_endpoint": null, "client_id_metadata_document_supported": true});
    post.fails_to_connect("or one known by a public URL").await;
    post.server.manners().server_metadata = json!({});
    post.server.manners().instead.insert("/register", Instead::Status(403));
    post.fails_to_connect("registers no client").await;
    post.gateway.stop().await;
}

#[tokio::test]
async fn a_server_of_2025_03_26_without_any_metadata() {
    let post = Post::open("team").await;
    {
        let mut manners = post.server.manners();
        manners.points = false;
        for path in [RESOURCE, SERVER] {
            manners.instead.insert(path, Instead::Status(404));
        }
    }
    // The challenge that pointed there is forgotten with the next one.
    post.gateway
        .admin
        .post::<_, agw_api::TestReport>("/api/v1/connections/mail/test", &())
        .await
        .unwrap();
    post.connect_well("root", "team@upstream").await;
    post.ready().await;
    post.assert_calls_as(&post.ana, "team@upstream").await;
    post.gateway.stop().await;
}
