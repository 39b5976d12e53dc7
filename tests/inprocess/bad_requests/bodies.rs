//! Bodies that two parsers might read differently, or that are no calls.

use serde_json::{Value, json};

use super::super::scene::{JSON, Scene, VERSION, tools_call};
use crate::support::{http, mcp::ACCEPT};

/// An object inside `depth - 1` arrays.
fn nested(depth: usize) -> String {
    format!("{}{{}}{}", "[".repeat(depth - 1), "]".repeat(depth - 1))
}

/// Refused over REST, with a record whose detail contains `why`.
async fn refused_by_rest(scene: &Scene, body: &[u8], code: &str, why: &str) {
    let reply = scene.rest(body.to_vec()).await;
    let shown = String::from_utf8_lossy(body);
    assert_eq!(reply.status, 422, "{shown}: {reply:?}");
    let answer = reply.json();
    assert_eq!(answer["code"], code, "{shown}: {answer}");
    assert!(answer["message"].as_str().unwrap().contains(why), "{shown}: {answer}");
    assert!(!answer["next"].as_str().unwrap().is_empty());
    let record = scene.assert_refusal(code).await;
    assert!(record.detail.as_deref().unwrap().contains(why), "{shown}: {record:?}");
}

/// Refused over MCP with this JSON-RPC error and a record.
async fn refused_by_mcp(scene: &Scene, body: &[u8], status: u16, rpc_code: i32, why: &str) {
    let reply = scene.mcp(body.to_vec()).await;
    let shown = String::from_utf8_lossy(body);
    assert_eq!(reply.status, status, "{shown}: {reply:?}");
    let answer = reply.json();
    assert_eq!(answer["jsonrpc"], "2.0");
    assert_eq!(answer["error"]["code"], rpc_code, "{shown}: {answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains(why), "{shown}: {answer}");
    let record = scene.last_outcome().await;
    assert_eq!(record.status.as_deref(), Some("denied"));
    assert_eq!(record.agent.as_deref(), Some("claude"));
    assert!(record.detail.as_deref().unwrap().contains(why), "{shown}: {record:?}");
}

#[tokio::test]
async fn duplicate_keys_are_refused_wherever_they_stand() {
    let scene = Scene::start().await;
    for body in [
        r#"{"tool":"fix.fail","tool":"fix.echo","args":{}}"#,
        r#"{"tool":"fix.echo","args":{"a":1},"args":{"a":2}}"#,
        r#"{"tool":"fix.echo","args":{"to":"a","to":"b"}}"#,
        r#"{"tool":"fix.echo","args":{"deep":[{"to":"a","to":"b"}]}}"#,
        r#"{"tool":"fix.echo","args":{"to":"a","t\u006f":"b"}}"#,
        r#"{"to\u006fl":"fix.fail","tool":"fix.echo"}"#,
        r#"{"tool":"fix.echo","args":{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"a":10}}"#,
    ] {
        refused_by_rest(&scene, body.as_bytes(), "malformed", "twice").await;
    }
    for params in [
        r#""params":{"name":"fix__fail","name":"fix__echo","arguments":{}}"#,
        r#""params":{"name":"fix__fail","n\u0061me":"fix__echo","arguments":{}}"#,
        r#""params":{"name":"fix__echo","arguments":{},"arguments":{"a":1}}"#,
        r#""params":{"name":"fix__echo","arguments":{"to":"a","to":"b"}}"#,
        r#""params":{"name":"fix__echo","arguments":{"x":{"to":"a","\u0074o":"b"}}}"#,
        r#""params":{"name":"fix__echo"},"params":{"name":"fix__fail"}"#,
        r#""method":"tools/list","params":{"name":"fix__echo"}"#,
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call",{params}}}"#);
        refused_by_mcp(&scene, body.as_bytes(), 400, -32700, "twice").await;
    }
    scene.assert_untouched();
    scene.gateway.stop().await;
}

/// What is repeated and kept of a request is bounded, whatever it holds.
#[tokio::test]
async fn answers_and_records_repeat_little_of_a_request() {
    let scene = Scene::start().await;
    let long = "k".repeat(1 << 20);
    for body in [
        format!(r#"{{"{long}":1,"{long}":2}}"#),
        format!(r#"{{"tool":"fix.echo","{long}":1}}"#),
        format!(r#"{{"tool":"{long}","args":{{"{long}":1}}}}"#),
        format!(r#"{{"tool":"fix.echo","args":{{"x":1{}e}}}}"#, "0".repeat(1 << 20)),
    ] {
        let reply = scene.rest(body).await;
        assert!([403, 422].contains(&reply.status), "{}", reply.status);
        assert!(reply.text.len() < 2_000, "{} bytes", reply.text.len());
    }
    for body in [
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{long}"}}"#),
        tools_call(&long, json!({})),
        tools_call(&long, json!([])),
    ] {
        let reply = scene.mcp(body).await;
        assert!(reply.text.len() < 2_000, "{} bytes", reply.text.len());
    }
    for record in scene.gateway.audit().await {
        let text = serde_json::to_string(&record).unwrap();
        assert!(text.len() < 3_000, "{} bytes", text.len());
    }
    scene.assert_untouched();
    scene.gateway.stop().await;
}

#[tokio::test]
async fn sixty_four_levels_are_read_and_sixty_five_are_not() {
    let scene = Scene::start().await;
    // The body is the first level, `args` the second.
    let rest =
        |depth: usize| format!(r#"{{"tool":"fix.echo","args":{{"x":{}}}}}"#, nested(depth - 2));
    let reply = scene.rest(rest(64)).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    refused_by_rest(&scene, rest(65).as_bytes(), "malformed", "deeper than 64").await;
    let mcp = |depth: usize| {
        let deep = nested(depth - 3);
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"fix__echo","arguments":{{"x":{deep}}}}}}}"#
        )
    };
    let reply = scene.mcp(mcp(64)).await;
    assert_eq!(reply.json()["result"]["structuredContent"]["echo"]["x"].to_string(), nested(61));
    refused_by_mcp(&scene, mcp(65).as_bytes(), 400, -32700, "deeper than 64").await;
    // Far beyond it the stack of a recursive parser would end.
    let bottomless = "[".repeat(1 << 20);
    refused_by_rest(&scene, bottomless.as_bytes(), "malformed", "deeper than 64").await;
    refused_by_mcp(&scene, bottomless.as_bytes(), 400, -32700, "deeper than 64").await;
    assert_eq!(scene.upstream.calls().len(), 2);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn an_over_long_body_is_refused() {
    const LONGEST: usize = 4 << 20;
    let scene = Scene::start().await;
    let body = |length: usize| {
        let frame = r#"{"tool":"fix.echo","args":{"x":""}}"#;
        frame.replace(r#""""#, &format!("\"{}\"", "x".repeat(length - frame.len())))
    };
    let reply = scene.rest(body(LONGEST)).await;
    assert_eq!((reply.status, scene.upstream.calls().len()), (200, 1), "{reply:.200?}");
    let reply = scene.rest(body(LONGEST + 1)).await;
    assert_eq!((reply.status, &reply.json()["code"]), (413, &json!("malformed")));
    let record = scene.assert_refusal("malformed").await;
    assert!(record.detail.unwrap().contains("too long"));
    let reply = scene.mcp(body(LONGEST + 1)).await;
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (413, &json!(-32600)));
    let record = scene.assert_refusal("malformed").await;
    assert!(record.detail.unwrap().contains("too long"));
    assert_eq!(scene.upstream.calls().len(), 1);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn arguments_that_are_no_object_are_refused() {
    let scene = Scene::start().await;
    for arguments in ["[]", "[{}]", "\"{}\"", "7", "null", "true"] {
        let body = format!(r#"{{"tool":"fix.echo","args":{arguments}}}"#);
        refused_by_rest(&scene, body.as_bytes(), "invalid_arguments", "JSON object").await;
        let body = tools_call("fix__echo", serde_json::from_str(arguments).unwrap());
        refused_by_mcp(&scene, body.as_bytes(), 200, -32602, "JSON object").await;
        let record = scene.assert_refusal("invalid_arguments").await;
        assert_eq!(record.tool.as_deref(), Some("fix__echo"), "{record:?}");
    }
    for params in [json!({}), json!({"name": 7}), json!({"name": ["fix__echo"]})] {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        refused_by_mcp(&scene, body.to_string().as_bytes(), 200, -32602, "name").await;
    }
    scene.assert_untouched();
    scene.gateway.stop().await;
}

#[tokio::test]
async fn bodies_that_are_no_call_are_refused() {
    let scene = Scene::start().await;
    for (body, why) in [
        ("", "expected a value"),
        ("{", "expected"),
        (r#"{"tool":"fix.echo"}{}"#, "expected the end"),
        (r#"{"tool":"fix.echo",}"#, "expected a key"),
        (r#"{"tool":"fix.echo","args":{"x":NaN}}"#, "expected a value"),
        (r#"{"tool":"fix.echo","args":{"x":01}}"#, "expected"),
        (r#"{"tool":"fix.echo","args":{"x":"\ud800"}}"#, "surrogate"),
        (r#"{"tool":"fix.echo","args":{"x":1e999}}"#, "out of range"),
        ("[]", "JSON object"),
        ("7", "JSON object"),
        ("{}", "name a tool"),
        (r#"{"tool":7}"#, "name a tool"),
        (r#"{"tool":"fix.echo","arguments":{}}"#, "use tool, args and token"),
    ] {
        refused_by_rest(&scene, body.as_bytes(), "malformed", why).await;
    }
    for (body, code, why) in [
        ("", -32700, "expected a value"),
        ("7", -32600, "JSON object"),
        ("{}", -32600, "jsonrpc"),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600, "2.0"),
        (r#"{"jsonrpc":"2.0","id":1}"#, -32600, "no method"),
        (r#"{"jsonrpc":"2.0","id":null,"method":"tools/call"}"#, -32600, "id"),
        (r#"{"jsonrpc":"2.0","id":1.5,"method":"tools/call"}"#, -32600, "id"),
        (r#"{"jsonrpc":"2.0","id":[1],"method":"tools/call"}"#, -32600, "id"),
        (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, -32600, "string"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}"#, -32602, "object"),
    ] {
        refused_by_mcp(&scene, body.as_bytes(), 400, code, why).await;
    }
    scene.assert_untouched();
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_batch_is_refused() {
    let scene = Scene::start().await;
    let call: Value = serde_json::from_str(&tools_call("fix__echo", json!({}))).unwrap();
    let batch = json!([call, call]).to_string();
    refused_by_mcp(&scene, batch.as_bytes(), 400, -32600, "batches").await;
    refused_by_mcp(&scene, b"[]", 400, -32600, "batches").await;
    let batch = json!([{"tool": "fix.echo"}, {"tool": "fix.echo"}]).to_string();
    refused_by_rest(&scene, batch.as_bytes(), "malformed", "JSON object").await;
    scene.assert_untouched();
    scene.gateway.stop().await;
}

#[tokio::test]
async fn text_that_is_not_utf_8_is_refused() {
    let scene = Scene::start().await;
    refused_by_rest(
        &scene,
        b"{\"tool\":\"fix.echo\",\"args\":{\"x\":\"\xff\"}}",
        "malformed",
        "UTF-8",
    )
    .await;
    // An over-long encoding of a quotation mark, and a surrogate half.
    for trick in [&b"\xc0\xa2"[..], b"\xed\xa0\x80"] {
        let body = [&b"{\"tool\":\"fix.echo\",\"args\":{\"x\":\""[..], trick, b"\"}}"].concat();
        refused_by_rest(&scene, &body, "malformed", "UTF-8").await;
    }
    let utf_16: Vec<u8> =
        tools_call("fix__echo", json!({})).encode_utf16().flat_map(u16::to_le_bytes).collect();
    refused_by_mcp(&scene, &[b"\xff\xfe", &utf_16[..]].concat(), 400, -32700, "UTF-8").await;
    refused_by_mcp(&scene, &utf_16, 400, -32700, "expected").await;
    scene.assert_untouched();
    scene.gateway.stop().await;
}

#[tokio::test]
async fn other_content_types_are_refused() {
    let scene = Scene::start().await;
    let bearer = format!("Bearer {}", scene.token);
    let rest = scene.gateway.url("/mcp/tools/call");
    let call = json!({"tool": "fix.echo"}).to_string();
    for kind in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("application/jsonp"),
        Some("application/json-seq"),
        Some("text/plain; application/json"),
    ] {
        let mut headers = vec![("authorization", &*bearer)];
        headers.extend(kind.map(|kind| ("content-type", kind)));
        let reply = http::ask("POST", &rest, &headers, call.clone()).await;
        assert_eq!((reply.status, &reply.json()["code"]), (415, &json!("malformed")), "{kind:?}");
        let record = scene.assert_refusal("malformed").await;
        assert!(record.detail.unwrap().contains("content type"));
        headers.extend([ACCEPT, VERSION]);
        let body = tools_call("fix__echo", json!({}));
        let reply = http::ask("POST", &scene.gateway.url("/mcp"), &headers, body).await;
        assert_eq!((reply.status, &reply.json()["error"]["code"]), (415, &json!(-32600)));
        let record = scene.assert_refusal("malformed").await;
        assert!(record.detail.unwrap().contains("content type"));
    }
    let twice = [("authorization", &*bearer), JSON, ("content-type", "text/plain")];
    assert_eq!(http::ask("POST", &rest, &twice, call.clone()).await.status, 415);
    scene.assert_untouched();
    for kind in ["application/json; charset=utf-8", "Application/JSON", "application/json ;x=y"] {
        let headers = [("authorization", &*bearer), ("content-type", kind)];
        assert_eq!(http::ask("POST", &rest, &headers, call.clone()).await.status, 200, "{kind}");
    }
    scene.gateway.stop().await;
}

/// A notification is never answered, so it must never do anything either.
#[tokio::test]
async fn a_call_without_an_id_is_not_made() {
    let scene = Scene::start().await;
    let params = json!({"name": "fix__echo", "arguments": {}});
    let body = json!({"jsonrpc": "2.0", "method": "tools/call", "params": params});
    assert_eq!(scene.mcp(body.to_string()).await.status, 202);
    let body = json!({"jsonrpc": "2.0", "id": 1, "result": {}});
    assert_eq!(scene.mcp(body.to_string()).await.status, 202);
    scene.assert_untouched();
    scene.gateway.stop().await;
}
