//! Tokens that open nothing, and tokens where they do not belong.

use std::time::Duration;

use agw_core::{MintedToken, TokenKind};
use serde_json::{Value, json};

use super::super::scene::{JSON, Scene, tools_call};
use crate::support::{
    eventually,
    http::{self, Reply},
    mcp::ACCEPT,
};

/// A well-formed token that this gateway never issued.
fn foreign_token() -> String {
    let fill = |out: &mut [u8]| {
        // Not one byte throughout: minting throws some values away.
        out.iter_mut().zip(std::process::id()..).for_each(|(byte, n)| *byte = n as u8);
        Ok::<_, ()>(())
    };
    MintedToken::mint(TokenKind::Agent, fill).unwrap().expose().to_owned()
}

/// 401, the code, the challenge, and a record.
async fn assert_unauthorized(scene: &Scene, reply: &Reply, code: &str, rest: bool) {
    assert_eq!(reply.status, 401, "{reply:?}");
    let challenge = reply.header("www-authenticate");
    assert!(challenge.starts_with("Bearer "), "{challenge}");
    assert_eq!(challenge.contains(r#"error="invalid_token""#), code != "token_missing");
    let answer = reply.json();
    let said = if rest { &answer["code"] } else { &answer["error"]["data"]["code"] };
    assert_eq!(said, code, "{answer}");
    let record = scene.last_outcome().await;
    assert_eq!(record.reason.as_deref(), Some(code), "{record:?}");
    assert_eq!(record.status.as_deref(), Some("denied"));
    assert_eq!(record.face.as_deref(), Some(if rest { "rest" } else { "mcp" }));
    let known = matches!(code, "token_revoked" | "token_expired");
    assert_eq!(record.user.as_deref(), known.then_some("ana"), "{record:?}");
}

/// Every way in refuses these headers.
async fn refused_everywhere(scene: &Scene, authorization: &[(&str, &str)], code: &str) {
    let with = |more: &[(&'static str, &'static str)]| -> Vec<(String, String)> {
        let all = authorization.iter().chain(more);
        all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let ask = async |method: &str, path: &str, headers: Vec<(String, String)>, body: String| {
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        http::ask(method, &scene.gateway.url(path), &headers, body).await
    };
    let body = json!({"tool": "fix.echo"}).to_string();
    let reply = ask("POST", "/mcp/tools/call", with(&[JSON]), body).await;
    assert_unauthorized(scene, &reply, code, true).await;
    let reply = ask("GET", "/mcp/tools", with(&[]), String::new()).await;
    assert_unauthorized(scene, &reply, code, true).await;
    for path in ["/mcp", "/mcp/fix"] {
        for method in ["POST", "GET", "DELETE", "PUT"] {
            let body = tools_call("fix__echo", json!({}));
            let reply = ask(method, path, with(&[JSON, ACCEPT]), body).await;
            assert_unauthorized(scene, &reply, code, false).await;
        }
    }
    scene.assert_untouched();
}

#[tokio::test]
async fn no_token_is_refused() {
    let scene = Scene::start().await;
    refused_everywhere(&scene, &[], "token_missing").await;
    let path = format!("/mcp/tools?token={}&access_token={}", scene.token, scene.token);
    let reply = http::ask("GET", &scene.gateway.url(&path), &[], "").await;
    assert_unauthorized(&scene, &reply, "token_missing", true).await;
    let cookie = format!("token={}; Authorization=Bearer {}", scene.token, scene.token);
    refused_everywhere(&scene, &[("cookie", &cookie)], "token_missing").await;
    scene.gateway.stop().await;
}

#[tokio::test]
async fn malformed_tokens_are_refused() {
    let scene = Scene::start().await;
    let good = &scene.token;
    let swapped = good.replacen("st_", "ut_", 1);
    let (cut, longer) = (&good[..good.len() - 1], format!("{good}0"));
    for value in [
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Bearer x".to_owned(),
        format!("Bearer {cut}"),
        format!("Bearer {longer}"),
        format!("Bearer {swapped}"),
        format!("Bearer \"{good}\""),
        format!("Bearer {good},{good}"),
        format!("Basic {good}"),
        good.clone(),
    ] {
        refused_everywhere(&scene, &[("authorization", &value)], "token_malformed").await;
    }
    let bearer = format!("Bearer {good}");
    let twice = [("authorization", &*bearer), ("authorization", &*bearer)];
    refused_everywhere(&scene, &twice, "token_malformed").await;
    for token in [json!(7), json!(null), json!([good]), json!(""), json!(cut)] {
        let body = json!({"tool": "fix.echo", "token": token}).to_string();
        let reply = http::ask("POST", &scene.gateway.url("/mcp/tools/call"), &[JSON], body).await;
        assert_unauthorized(&scene, &reply, "token_malformed", true).await;
    }
    scene.gateway.stop().await;
}

#[tokio::test]
async fn unknown_tokens_are_refused() {
    let scene = Scene::start().await;
    let bearer = format!("Bearer {}", foreign_token());
    refused_everywhere(&scene, &[("authorization", &bearer)], "token_unknown").await;
    scene.gateway.stop().await;
}

#[tokio::test]
async fn revoked_tokens_are_refused_and_told_apart() {
    let scene = Scene::start().await;
    assert_eq!(scene.gateway.rest_tools(&scene.token).await.len(), 1);
    let first = scene.gateway.user_token("ana").await;
    let second = scene.gateway.user_token("ana").await;
    assert_eq!(scene.gateway.rest_tools(&second).await.len(), 1);
    let bearer = format!("Bearer {first}");
    refused_everywhere(&scene, &[("authorization", &bearer)], "token_revoked").await;
    scene.gateway.admin.delete("/api/v1/users/ana/agents/claude").await.unwrap();
    let bearer = format!("Bearer {}", scene.token);
    refused_everywhere(&scene, &[("authorization", &bearer)], "token_revoked").await;
    let (status, body) = scene.gateway.rest_call(&scene.token, "fix.echo", json!({})).await;
    assert_eq!((status, &body["code"]), (401, &json!("token_revoked")));
    scene.gateway.stop().await;
}

#[tokio::test]
async fn expired_tokens_are_refused_and_told_apart() {
    let scene = Scene::start().await;
    let body = json!({"name": "brief", "ttl_seconds": 1});
    let made: Value = scene.gateway.admin.post("/api/v1/users/ana/agents", &body).await.unwrap();
    let token = made["token"].as_str().unwrap();
    assert!(made["expires_at"].is_string(), "{made}");
    let bearer = format!("Bearer {token}");
    eventually("the token expires", Duration::from_secs(10), async || {
        let headers = [("authorization", &*bearer)];
        let reply = http::ask("GET", &scene.gateway.url("/mcp/tools"), &headers, "").await;
        reply.status == 401
    })
    .await;
    refused_everywhere(&scene, &[("authorization", &bearer)], "token_expired").await;
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_token_that_is_sent_twice_is_refused() {
    let scene = Scene::start().await;
    let body = json!({"tool": "fix.echo", "token": scene.token}).to_string();
    let reply = scene.rest(body).await;
    assert_eq!((reply.status, &reply.json()["code"]), (422, &json!("malformed")), "{reply:?}");
    assert!(reply.json()["message"].as_str().unwrap().contains("send it once"));
    scene.assert_refusal("malformed").await;
    scene.assert_untouched();
    scene.gateway.stop().await;
}

/// An agent that was talked into passing its token on.
#[tokio::test]
async fn a_token_inside_arguments_is_not_passed_on() {
    let scene = Scene::start().await;
    let own = scene.gateway.user_token("ana").await;
    let agents = scene.token.clone();
    for arguments in [
        json!({"text": agents}),
        json!({"text": format!("my token is {agents}, keep it safe")}),
        json!({"deep": [{"list": ["x", own]}]}),
        json!({&*own: 1}),
        json!({"url": format!("https://evil.example/?t={own}")}),
        json!({"foreign": foreign_token()}),
    ] {
        let body = json!({"tool": "fix.echo", "args": arguments}).to_string();
        let reply = scene.rest(body).await;
        assert_eq!(reply.status, 422, "{reply:?}");
        assert_eq!(reply.json()["code"], "token_in_arguments");
        scene.assert_refusal("token_in_arguments").await;
        let reply = scene.mcp(tools_call("fix__echo", arguments)).await;
        let result = &reply.json()["result"];
        assert_eq!((reply.status, &result["isError"]), (200, &json!(true)), "{reply:?}");
        assert!(result["content"][0]["text"].as_str().unwrap().contains("token"), "{result}");
        scene.assert_refusal("token_in_arguments").await;
        for token in [&agents, &own] {
            assert!(!reply.text.contains(token.as_str()));
        }
    }
    // Escaped, it is the same token to whoever reads it.
    let escaped: String = agents.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    let reply = scene.rest(format!(r#"{{"tool":"fix.echo","args":{{"x":"{escaped}"}}}}"#)).await;
    assert_eq!(reply.json()["code"], "token_in_arguments");
    scene.assert_untouched();
    let trail = serde_json::to_string(&scene.gateway.audit().await).unwrap();
    assert!(!trail.contains(&agents) && !trail.contains(&own));
    scene.gateway.stop().await;
}

/// Pasted where a name belongs, it is refused like any unknown name; what is
/// kept and shown of the request does not hold it.
#[tokio::test]
async fn a_token_in_the_place_of_a_name_is_not_kept() {
    let scene = Scene::start().await;
    let token = &scene.token;
    // Cut at any length, a record must not keep most of it either.
    let late = format!("{}{token}", "x".repeat(170));
    let mut answers = Vec::new();
    for name in [token.clone(), format!("fix.{token}"), late] {
        let body = json!({"tool": name, "args": {&*name: 1}}).to_string();
        answers.push(scene.rest(body).await);
        answers.push(scene.mcp(tools_call(&name, json!({}))).await);
        answers.push(scene.mcp(tools_call(&name, json!([]))).await);
    }
    for body in [
        format!(r#"{{"tool":"fix.echo","{token}":1}}"#),
        format!(r#"{{"tool":"fix.echo","args":{{"{token}":1,"{token}":2}}}}"#),
    ] {
        answers.push(scene.rest(body).await);
    }
    let trail = serde_json::to_string(&scene.gateway.audit().await).unwrap();
    // Enough of it to recognise it by.
    assert!(!trail.contains(&token[..20]), "{trail}");
    assert!(answers.iter().all(|reply| [200, 403, 422].contains(&reply.status)), "{answers:?}");
    scene.assert_untouched();
    scene.gateway.stop().await;
}
