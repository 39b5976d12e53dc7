//! The client-credentials extension.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;

use super::{FORM, Program, Tokens, agents, call, opens, scene};
use crate::{
    inprocess::scene::Scene,
    support::{browser::form, http},
};

async fn id(scene: &Scene) -> String {
    agents(scene).await.remove(0).id
}

#[tokio::test]
async fn an_agents_id_and_sub_token_get_it_a_token_of_an_hour_for_one_endpoint() {
    let scene = scene().await;
    let program = Program { base: scene.gateway.url(""), id: id(&scene).await };
    let resource = scene.gateway.url("/mcp/fix");
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", &*program.id),
        ("client_secret", &*scene.token),
        ("resource", &*resource),
    ];
    let (status, body) = program.token(&fields).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["expires_in"], 3600);
    // The sub-token itself is the way to the next one.
    assert!(body.get("refresh_token").is_none());
    let access = Tokens::of(&body).access;
    assert_eq!(call(&scene, "/mcp/fix", &access, "echo").await.status, 200);
    assert!(!opens(&scene, &access).await);
    // Revoking the agent ends it at once.
    scene.gateway.admin.delete("/api/v1/users/ana/agents/claude").await.unwrap();
    assert_eq!(call(&scene, "/mcp/fix", &access, "echo").await.status, 401);
    assert_eq!(program.token(&fields).await.0, 401);
}

#[tokio::test]
async fn the_secret_may_come_by_http_basic() {
    let scene = scene().await;
    let id = id(&scene).await;
    let url = scene.gateway.url("/oauth/token");
    let body = form(&[("grant_type", "client_credentials")]);
    let basic = |id: &str, secret: &str| {
        format!("Basic {}", BASE64_STANDARD.encode(format!("{id}:{secret}")))
    };
    let good = basic(&id, &scene.token);
    let reply = http::ask("POST", &url, &[FORM, ("authorization", &good)], body.clone()).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let wrong = basic("a99", &scene.token);
    let reply = http::ask("POST", &url, &[FORM, ("authorization", &wrong)], body.clone()).await;
    assert_eq!(reply.status, 401);
    assert!(reply.header("www-authenticate").starts_with("Basic "));
    let both = format!("{body}&{}", form(&[("client_secret", &scene.token)]));
    let reply = http::ask("POST", &url, &[FORM, ("authorization", &good)], both).await;
    assert_eq!(reply.status, 400);
}

#[tokio::test]
async fn nothing_but_an_agents_own_sub_token_is_its_secret() {
    let scene = scene().await;
    let own = id(&scene).await;
    let user = scene.gateway.user_token("ana").await;
    let program = Program::register(&scene).await;
    let tokens = program.sign_in("/mcp", &[("tools", "all")]).await;
    let signed_in = agents(&scene).await.into_iter().find(|a| a.signed_in.is_some()).unwrap().id;
    for (id, secret) in [
        (own.as_str(), user.as_str()),
        (&own, &tokens.access),
        // Else a token of an hour would be good for ever.
        (&signed_in, &tokens.access),
        (&signed_in, &tokens.refresh),
        (&signed_in, &scene.token),
        (&own, "st_nonsense"),
        (&own, ""),
    ] {
        let fields =
            [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
        let (status, body) = program.token(&fields).await;
        assert_eq!((status, &body["error"]), (401, &json!("invalid_client")), "{id}");
    }
}
