//! Upstreams that want something of the client in the middle of a call.

use std::time::Duration;

use serde_json::{Value, json};

use super::{BOTH, CAN_ALL, Stateless, answer, told, wanted};
use crate::support::{
    everything::Scene,
    mcp::{self, Session},
};

/// What each tool asks for, and a fitting answer.
fn asking() -> [(&'static str, &'static str, Value); 3] {
    [
        ("elicit", "elicitation/create", json!({"action": "accept", "content": {"name": "Zoë"}})),
        (
            "sample",
            "sampling/createMessage",
            json!({"role": "assistant", "content": {"type": "text", "text": "hi"}, "model": "m"}),
        ),
        ("roots", "roots/list", json!({"roots": [{"uri": "file:///home/ana"}]})),
    ]
}

#[tokio::test]
async fn a_stateless_client_is_asked_by_upstreams_of_both_eras() {
    for dialect in BOTH {
        let scene = Scene::start(dialect).await;
        let url = scene.url();
        let client = Stateless::new(&url, &scene.token);
        for (tool, method, says) in asking() {
            let first = client.call(tool, json!({"n": 1})).await;
            assert_eq!(first["result"]["resultType"], "input_required", "{dialect:?} {first}");
            let (key, request) = wanted(&first);
            assert_eq!(request["method"], method);
            if tool == "elicit" {
                let name = &request["params"]["requestedSchema"]["properties"]["name"];
                assert_eq!(name["default"], "Bo");
            }
            let state = &first["result"]["requestState"];
            let last = client.bring(tool, json!({"n": 1}), state, json!({key: says})).await;
            assert_eq!(last["result"]["resultType"], "complete", "{dialect:?} {tool} {last}");
            assert_eq!(told(&last), &says);
        }
        // One call, one intent, one outcome, however often it was asked.
        let records = scene.gateway.audit().await;
        let of = |kind| records.iter().filter(|r| r.kind == kind).count();
        assert_eq!((of("intent"), of("outcome")), (3, 3));
        let asked = records.iter().filter(|r| {
            r.detail.as_deref().is_some_and(|d| d.contains("asked the client 1 times"))
        });
        assert_eq!(asked.count(), 3);
        scene.gateway.stop().await;
    }
}

#[tokio::test]
async fn a_client_with_a_session_is_asked_by_upstreams_of_both_eras() {
    for dialect in BOTH {
        let scene = Scene::start(dialect).await;
        let can_all = serde_json::from_str(CAN_ALL).unwrap();
        let session = Session::open_with(&scene.url(), &scene.token, can_all).await;
        for (at, (tool, method, says)) in asking().into_iter().enumerate() {
            let response = session.call_streaming(json!(at + 7), tool, json!({}), None).await;
            let mut events = mcp::events(response);
            let request = events.recv().await.unwrap();
            assert_eq!(request["method"], method, "{dialect:?} {request}");
            let reply = json!({"jsonrpc": "2.0", "id": request["id"], "result": says});
            assert_eq!(session.post(&reply).await.0, 202);
            let last = events.recv().await.unwrap();
            assert_eq!((&last["id"], told(&last)), (&json!(at + 7), &says), "{dialect:?} {last}");
            assert!(last["result"].get("resultType").is_none(), "{last}");
        }
        scene.gateway.stop().await;
    }
}

#[tokio::test]
async fn an_upstream_is_told_what_the_client_declared_and_no_more() {
    for dialect in BOTH {
        let scene = Scene::start(dialect).await;
        let url = scene.url();
        let mut client = Stateless::new(&url, &scene.token);
        client.call("echo", json!({})).await;
        client.capabilities = json!({});
        client.call("echo", json!({})).await;
        let declared: Vec<Value> = match dialect {
            crate::support::everything::Dialect::Sessions => {
                let greetings = scene.upstream.received("initialize");
                greetings.iter().map(|(_, m)| m["params"]["capabilities"].clone()).collect()
            }
            crate::support::everything::Dialect::Stateless => {
                let calls = scene.upstream.received("tools/call").into_iter();
                calls
                    .map(|(_, m)| {
                        m["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"].clone()
                    })
                    .collect()
            }
        };
        let all = json!({"elicitation": {"form": {}, "url": {}}, "sampling": {}, "roots": {"listChanged": true}});
        assert!(declared.contains(&all) && declared.contains(&json!({})), "{declared:?}");
        assert!(declared.iter().all(|d| d.get("x-unknown").is_none()), "{declared:?}");
        scene.gateway.stop().await;
    }
}

#[tokio::test]
async fn who_can_do_nothing_is_asked_nothing() {
    for dialect in BOTH {
        let scene = Scene::start(dialect).await;
        let url = scene.url();
        // The upstream asks all the same.
        let client = Stateless { capabilities: json!({}), ..Stateless::new(&url, &scene.token) };
        let last = tokio::time::timeout(Duration::from_secs(10), client.call("elicit", json!({})))
            .await
            .unwrap();
        assert_ne!(last["result"]["resultType"], "input_required", "{dialect:?} {last}");
        let session = Session::open(&scene.url(), &scene.token).await;
        let response = session.call_streaming(json!(1), "sample", json!({}), None).await;
        let (_, last, before) = answer(response).await;
        assert!(before.is_empty(), "{dialect:?} {before:?} {last}");
        let (status, _) = scene.gateway.rest_call(&scene.token, "all.roots", json!({})).await;
        assert_ne!(status, 503, "{dialect:?}");
        scene.gateway.stop().await;
    }
}

#[tokio::test]
async fn what_was_not_brought_is_asked_for_again() {
    for dialect in BOTH {
        let scene = Scene::start(dialect).await;
        let url = scene.url();
        let client = Stateless::new(&url, &scene.token);
        let mut answer = client.call("elicit", json!({})).await;
        for brought in [json!({}), json!({"another": {"action": "accept"}}), json!({"key": 7})] {
            let state = answer["result"]["requestState"].clone();
            answer = client.bring("elicit", json!({}), &state, brought).await;
            assert_eq!(answer["result"]["resultType"], "input_required", "{dialect:?} {answer}");
        }
        let (key, _) = wanted(&answer);
        let state = &answer["result"]["requestState"];
        let last =
            client.bring("elicit", json!({}), state, json!({key: {"action": "decline"}})).await;
        assert_eq!(told(&last), &json!({"action": "decline"}), "{dialect:?}");
        scene.gateway.stop().await;
    }
}

#[tokio::test]
async fn a_token_in_an_answer_goes_nowhere() {
    for dialect in BOTH {
        let scene = Scene::start(dialect).await;
        let url = scene.url();
        let client = Stateless::new(&url, &scene.token);
        let first = client.call("elicit", json!({})).await;
        let (key, _) = wanted(&first);
        let says = json!({"action": "accept", "content": {"name": scene.token}});
        client
            .bring("elicit", json!({}), &first["result"]["requestState"], json!({key: says}))
            .await;
        let seen = format!(
            "{:?}",
            [
                scene.upstream.answers(),
                scene.upstream.received("tools/call").into_iter().map(|(_, m)| m).collect()
            ]
        );
        assert!(!seen.contains(&scene.token), "{dialect:?} {seen}");
        scene.gateway.stop().await;
    }
}
