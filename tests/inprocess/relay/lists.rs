//! Lists, progress and logs.

use serde_json::{Value, json};

use super::{BOTH, Stateless, answer};
use crate::support::{everything::Scene, mcp::Session};

#[tokio::test]
async fn lists_hold_what_is_granted_as_its_server_defined_it() {
    for dialect in BOTH {
        let scene = Scene::start(dialect).await;
        let url = scene.url();
        let client = Stateless::new(&url, &scene.token);
        let session = Session::open(&url, &scene.token).await;
        for (method, member, key, names) in [
            ("tools/list", "tools", "name", &["echo", "elicit", "sample", "roots", "work"][..]),
            ("prompts/list", "prompts", "name", &["greet"]),
            ("resources/list", "resources", "uri", &["note:///b", "note:///a"]),
            ("resources/templates/list", "resourceTemplates", "uriTemplate", &["note:///by/{id}"]),
        ] {
            let (_, stateless, _) = client.ask(method, json!({})).await;
            let with_session = session.request(method, json!({})).await;
            assert_eq!(stateless["result"]["cacheScope"], "private", "{stateless}");
            assert!(with_session["result"].get("ttlMs").is_none(), "{with_session}");
            for answer in [stateless, with_session] {
                let listed = answer["result"][member].as_array().unwrap();
                let listed: Vec<&str> = listed.iter().map(|l| l[key].as_str().unwrap()).collect();
                assert_eq!(listed, names, "{dialect:?} {method}");
            }
        }
        // The aggregate endpoint names tools and prompts after their connection.
        let aggregate = Session::open(&scene.gateway.url("/mcp"), &scene.token).await;
        let prompts = aggregate.request("prompts/list", json!({})).await;
        assert_eq!(prompts["result"]["prompts"][0]["name"], "all__greet");
        let got = aggregate
            .request("prompts/get", json!({"name": "all__greet", "arguments": {"who": "Bo"}}))
            .await;
        assert_eq!(got["result"]["messages"][0]["content"]["text"], "Hello \"Bo\"", "{got}");
        // Who may use nothing of it learns nothing of it.
        scene.gateway.add_user("eve", None).await;
        let eve = scene.gateway.add_agent("eve", "spy", &[]).await;
        let spy = Stateless::new(&url, &eve);
        for method in ["tools/list", "prompts/list", "resources/list", "resources/templates/list"] {
            let (_, answer, _) = spy.ask(method, json!({})).await;
            let result = answer["result"].as_object().unwrap();
            assert!(result.values().all(|v| v.as_array().is_none_or(Vec::is_empty)), "{answer}");
        }
        let (_, about, _) = spy.ask("server/discover", json!({})).await;
        assert!(!about.to_string().contains("Be kind"), "{about}");
        let (_, about, _) = client.ask("server/discover", json!({})).await;
        assert!(
            about["result"]["instructions"].as_str().unwrap().contains("Be kind to it."),
            "{about}"
        );
        scene.gateway.stop().await;
    }
}

#[tokio::test]
async fn results_keep_unknown_members_unknown_content_and_big_numbers() {
    for dialect in BOTH {
        let scene = Scene::start(dialect).await;
        let url = scene.url();
        let client = Stateless::new(&url, &scene.token);
        let arguments = r#"{"big":98765432109876543210987,"x":{"y":null}}"#;
        let (headers, message) =
            client.message("tools/call", json!({"name": "echo", "arguments": "ARGUMENTS"}));
        let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let text = message.to_string().replace("\"ARGUMENTS\"", arguments);
        let reply = crate::support::http::ask("POST", &url, &headers, text).await;
        for part in [
            "\"x-big\":12345678901234567890123",
            "hologram",
            "\"depth\":3",
            "\"x-unknown\":{\"y\":[1,null]}",
        ] {
            assert!(reply.text.contains(part), "{dialect:?} {part}: {}", reply.text);
        }
        let session = Session::open(&url, &scene.token).await;
        let read = session.request("resources/read", json!({"uri": "note:///a"})).await;
        assert_eq!(read["result"]["contents"][0]["x-unknown"], 1, "{read}");
        assert!(read["result"].get("cacheScope").is_none(), "{read}");
        scene.gateway.stop().await;
    }
}

#[tokio::test]
async fn progress_comes_with_the_clients_own_token_and_logs_as_it_asked() {
    for dialect in BOTH {
        let scene = Scene::start(dialect).await;
        let url = scene.url();
        let mut client = Stateless::new(&url, &scene.token);
        client.meta = json!({"progressToken": "mine-1"});
        let (_, _, before) = client.ask("tools/call", json!({"name": "work"})).await;
        let progress: Vec<&Value> =
            before.iter().filter(|m| m["method"] == "notifications/progress").collect();
        assert_eq!(progress.len(), 2, "{dialect:?} {before:?}");
        assert!(
            progress
                .iter()
                .all(|p| p["params"]["progressToken"] == "mine-1" && p["params"]["x-unknown"] == 1)
        );
        // Without a level there are no logs; with one, those of that level.
        assert!(before.iter().all(|m| m["method"] != "notifications/message"), "{before:?}");
        client.meta = json!({"io.modelcontextprotocol/logLevel": "warning"});
        let (_, _, before) = client.ask("tools/call", json!({"name": "work"})).await;
        let levels: Vec<&str> =
            before.iter().map(|m| m["params"]["level"].as_str().unwrap()).collect();
        assert_eq!(levels, ["error"], "{dialect:?}");
        // What they say holds no credential.
        assert!(!format!("{before:?}").contains("s3cret"), "{before:?}");

        let session = Session::open(&url, &scene.token).await;
        assert_eq!(
            session.request("logging/setLevel", json!({"level": "error"})).await["result"],
            json!({})
        );
        let bad = session.request("logging/setLevel", json!({"level": "loud"})).await;
        assert_eq!(bad["error"]["code"], -32602, "{bad}");
        let meta = Some(json!({"progressToken": 99}));
        let (_, last, before) =
            answer(session.call_streaming(json!(5), "work", json!({}), meta).await).await;
        assert_eq!(last["id"], 5);
        let tokens: Vec<&Value> =
            before.iter().filter_map(|m| m["params"].get("progressToken")).collect();
        assert_eq!(tokens, [&json!(99), &json!(99)], "{dialect:?} {before:?}");
        let levels: Vec<&str> =
            before.iter().filter_map(|m| m["params"]["level"].as_str()).collect();
        assert_eq!(levels, ["error"], "{dialect:?}");
        scene.gateway.stop().await;
    }
}

#[tokio::test]
async fn arguments_are_completed_by_their_server() {
    for dialect in BOTH {
        let scene = Scene::start(dialect).await;
        let url = scene.url();
        let session = Session::open(&url, &scene.token).await;
        for about in [
            json!({"type": "ref/prompt", "name": "greet"}),
            json!({"type": "ref/resource", "uri": "note:///by/{id}"}),
        ] {
            let params = json!({"ref": about, "argument": {"name": "who", "value": "B"}});
            let completed = session.request("completion/complete", params).await;
            let values = &completed["result"]["completion"]["values"];
            let said: Value =
                serde_json::from_str(values[0].as_str().unwrap_or_else(|| panic!("{completed}")))
                    .unwrap();
            assert_eq!(said, about, "{dialect:?}");
        }
        let unknown = json!({"ref": {"type": "ref/prompt", "name": "none"}, "argument": {"name": "a", "value": ""}});
        let refused = session.request("completion/complete", unknown).await;
        assert!(refused.get("error").is_some(), "{refused}");
        scene.gateway.stop().await;
    }
}
