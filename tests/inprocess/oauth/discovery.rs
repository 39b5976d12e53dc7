use serde_json::json;

use super::{Program, scene};
use crate::support::http;

#[tokio::test]
async fn a_request_without_a_token_is_told_where_to_sign_in_whatever_its_method() {
    let scene = scene().await;
    for (path, scope) in [("/mcp", "*"), ("/mcp/fix", "fix.*"), ("/mcp/none", "none.*")] {
        for method in ["POST", "GET", "DELETE", "PUT"] {
            let reply = http::ask(method, &scene.gateway.url(path), &[], "").await;
            assert_eq!(reply.status, 401, "{method} {path}");
            let metadata =
                scene.gateway.url(&format!("/.well-known/oauth-protected-resource{path}"));
            let challenge = reply.header("www-authenticate");
            assert!(challenge.starts_with("Bearer "), "{challenge}");
            assert!(
                challenge.contains(&format!("resource_metadata=\"{metadata}\", scope=\"{scope}\"")),
                "{challenge}"
            );
        }
    }
    let bad = [("authorization", "Bearer st_nonsense")];
    let reply = http::ask("POST", &scene.gateway.url("/mcp"), &bad, "").await;
    let challenge = reply.header("www-authenticate");
    assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    assert!(challenge.contains("resource_metadata="), "{challenge}");
}

#[tokio::test]
async fn metadata_of_each_endpoint_names_that_endpoint_and_one_issuer() {
    let scene = scene().await;
    let port = scene.gateway.url("").rsplit_once(':').unwrap().1.to_owned();
    for host in ["127.0.0.1", "localhost", "[::1]"] {
        let host = format!("{host}:{port}");
        let issuer = format!("http://{host}");
        let headers = [("host", host.as_str())];
        for (path, resource, scope) in
            [("", "/mcp", "*"), ("/mcp", "/mcp", "*"), ("/mcp/fix", "/mcp/fix", "fix.*")]
        {
            let url = scene.gateway.url(&format!("/.well-known/oauth-protected-resource{path}"));
            let document = http::ask("GET", &url, &headers, "").await.json();
            assert_eq!(document["resource"], format!("{issuer}{resource}"));
            assert_eq!(document["authorization_servers"], json!([issuer]));
            assert_eq!(document["scopes_supported"], json!([scope]));
        }
        for path in ["oauth-authorization-server", "openid-configuration"] {
            let url = scene.gateway.url(&format!("/.well-known/{path}"));
            let server = http::ask("GET", &url, &headers, "").await.json();
            assert_eq!(server["issuer"], issuer);
            assert_eq!(server["authorization_endpoint"], format!("{issuer}/oauth/authorize"));
            assert_eq!(server["token_endpoint"], format!("{issuer}/oauth/token"));
            assert_eq!(server["registration_endpoint"], format!("{issuer}/oauth/register"));
            assert_eq!(server["revocation_endpoint"], format!("{issuer}/oauth/revoke"));
            assert_eq!(server["code_challenge_methods_supported"], json!(["S256"]));
            assert_eq!(server["authorization_response_iss_parameter_supported"], true);
            let methods = server["token_endpoint_auth_methods_supported"].as_array().unwrap();
            assert!(methods.contains(&json!("none")), "{server}");
            // It fetches none, so it says so.
            assert_eq!(server["client_id_metadata_document_supported"], false);
        }
    }
}

#[tokio::test]
async fn a_connection_that_does_not_exist_looks_like_one_that_does() {
    let scene = scene().await;
    let document = async |name: &str| {
        let path = format!("/.well-known/oauth-protected-resource/mcp/{name}");
        let reply = http::ask("GET", &scene.gateway.url(&path), &[], "").await;
        (reply.status, reply.text.replace(name, "NAME"))
    };
    assert_eq!(document("fix").await, document("nil").await);
    let program = Program::register(&scene).await;
    let page = async |name: &str| {
        let mut browser = crate::support::browser::Browser::new(scene.gateway.url(""));
        let path = program.path(&format!("/mcp/{name}"), &[]);
        // Somebody to whom nothing is granted.
        let page = browser.sign_in_at(&path, "bo").await;
        let csrf = crate::support::browser::hidden(&page.text).remove(0).1;
        (page.status, page.text.replace(&csrf, "CSRF").replace(name, "NAME"))
    };
    scene.gateway.add_user("bo", None).await;
    scene.gateway.set_password("bo").await;
    assert_eq!(page("fix").await, page("nil").await);
}

#[tokio::test]
async fn what_clients_try_beside_that_is_not_there() {
    let scene = scene().await;
    for path in [
        "/.well-known/oauth-authorization-server/mcp",
        "/.well-known/openid-configuration/mcp",
        "/.well-known/oauth-protected-resource/other",
        "/.well-known/oauth-protected-resource/mcp/Not A Name",
        "/.well-known/anything",
    ] {
        let path = path.replace(' ', "%20");
        let reply = http::ask("GET", &scene.gateway.url(&path), &[], "").await;
        assert_eq!(reply.status, 404, "{path}");
    }
}
