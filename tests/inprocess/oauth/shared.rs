//! The loopback and the shared address are two authorization servers.

use serde_json::{Value, json};

use super::{Program, REDIRECT, call, parameter, scene};
use crate::inprocess::scene::{JSON, Scene, VERSION, tools_call};
use crate::support::{
    http::{self, Reply},
    mcp::ACCEPT,
    shared::share,
};

async fn program_at(base: &str) -> Program {
    let body = json!({"client_name": "Far Agent", "redirect_uris": [REDIRECT]});
    let (status, client) = http::post_json(&format!("{base}/oauth/register"), &[], &body).await;
    assert_eq!(status, 201, "{client}");
    Program { base: base.to_owned(), id: client["client_id"].as_str().unwrap().to_owned() }
}

async fn call_at(base: &str, token: &str) -> Reply {
    let bearer = format!("Bearer {token}");
    let headers = [JSON, ACCEPT, VERSION, ("authorization", &*bearer)];
    let body = tools_call("fix__echo", json!({"text": "hi"}));
    http::ask("POST", &format!("{base}/mcp"), &headers, body).await
}

async fn both() -> (Scene, String, String) {
    let scene = scene().await;
    let shared = share(&scene.gateway).await;
    let local = scene.gateway.url("");
    (scene, local, shared)
}

#[tokio::test]
async fn each_address_is_an_issuer_and_a_resource_of_its_own() {
    let (_scene, local, shared) = both().await;
    for base in [&local, &shared] {
        let refused = http::ask("POST", &format!("{base}/mcp"), &[JSON, ACCEPT], "{}").await;
        assert_eq!(refused.status, 401);
        let metadata = format!("{base}/.well-known/oauth-protected-resource/mcp");
        let challenge = refused.header("www-authenticate");
        assert!(challenge.contains(&format!("resource_metadata=\"{metadata}\"")), "{challenge}");
        let resource: Value = http::ask("GET", &metadata, &[], "").await.json();
        assert_eq!(resource["resource"], format!("{base}/mcp"));
        assert_eq!(resource["authorization_servers"], json!([base]));
        let server = format!("{base}/.well-known/oauth-authorization-server");
        let server: Value = http::ask("GET", &server, &[], "").await.json();
        assert_eq!(server["issuer"], **base);
        for endpoint in ["authorization", "token", "registration", "revocation"] {
            let url = server[format!("{endpoint}_endpoint")].as_str().unwrap();
            assert!(url.starts_with(&format!("{base}/oauth/")), "{url}");
        }
    }
}

#[tokio::test]
async fn an_agent_on_another_machine_signs_in_and_is_signed_in_there_alone() {
    let (scene, local, shared) = both().await;
    let far = program_at(&shared).await;
    let back = far.agreed("/mcp", &[("tools", "all")]).await;
    assert_eq!(parameter(&back, "iss").as_deref(), Some(&*shared));
    let (status, body) = far.redeem(&parameter(&back, "code").unwrap()).await;
    assert_eq!(status, 200, "{body}");
    let tokens = super::Tokens::of(&body);
    assert_eq!(call_at(&shared, &tokens.access).await.status, 200);
    // Not at the other address: that is another resource.
    let refused = call_at(&local, &tokens.access).await;
    assert_eq!(refused.status, 401);
    assert!(refused.text.contains("token_elsewhere"), "{refused:?}");
    // Nor is its refresh token one of the other server.
    let elsewhere = Program { base: local.clone(), ..far.clone() };
    assert_eq!(elsewhere.refresh(&tokens.refresh).await.0, 400);
    assert_eq!(far.refresh(&tokens.refresh).await.0, 200);
    // And the other way round.
    let near = Program::register(&scene).await;
    let tokens = near.sign_in("/mcp", &[("tools", "all")]).await;
    assert_eq!(call(&scene, "/mcp", &tokens.access, "fix__echo").await.status, 200);
    assert_eq!(call_at(&shared, &tokens.access).await.status, 401);
}

#[tokio::test]
async fn a_code_and_a_resource_of_one_address_are_none_at_the_other() {
    let (_scene, local, shared) = both().await;
    let far = program_at(&shared).await;
    let code = far.code("/mcp", &[("tools", "all")]).await;
    let elsewhere = Program { base: local.clone(), ..far.clone() };
    let (status, body) = elsewhere.redeem(&code).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")));
    let foreign = format!("{local}/mcp");
    let path = far.path("/mcp", &[("resource", &foreign)]);
    let reply = http::ask("GET", &format!("{shared}{path}"), &[], "").await;
    assert!(reply.header("location").contains("error=invalid_target"), "{reply:?}");
}

#[tokio::test]
async fn a_sub_token_that_a_person_handed_out_opens_both() {
    let (scene, local, shared) = both().await;
    assert_eq!(call_at(&local, &scene.token).await.status, 200);
    assert_eq!(call_at(&shared, &scene.token).await.status, 200);
}
