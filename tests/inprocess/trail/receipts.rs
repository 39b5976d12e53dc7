//! Receipts: proof for a caller that their call is in the trail.

use agw_api::Receipt;
use agw_core::log::{self, Verifier, leaf_hash};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{
    super::scene::{STATELESS, Scene, stateless, tools_call},
    export, fill, key, records, set, status,
};
use crate::support::{http::Reply, mcp::ACCEPT, upstream::Manner};

const HEADER: &str = "agw-receipt";

pub(super) fn in_header(reply: &Reply) -> Receipt {
    assert_eq!(reply.status, 200, "{reply:?}");
    let json = BASE64_STANDARD.decode(reply.header(HEADER)).unwrap();
    serde_json::from_slice(&json).unwrap()
}

fn in_meta(result: &Value) -> Receipt {
    serde_json::from_value(result["_meta"]["agw/receipt"].clone())
        .unwrap_or_else(|e| panic!("{e}: {result}"))
}

/// As the verifier takes it.
pub(super) fn parsed(receipt: &Receipt) -> log::Receipt {
    let hash = |text: &String| BASE64_STANDARD.decode(text).unwrap().try_into().unwrap();
    log::Receipt {
        index: receipt.index,
        leaf: hash(&receipt.leaf),
        proof: receipt.proof.iter().map(hash).collect(),
        checkpoint: receipt.checkpoint.clone(),
    }
}

/// It is of an intent with these arguments, and holds.
async fn assert_holds(scene: &Scene, receipt: &Receipt, digest: Option<&str>) {
    let key = key(&scene.gateway).await;
    parsed(receipt).check(&key).unwrap();
    let record = records(scene.dir())[receipt.index as usize].clone();
    assert_eq!(BASE64_STANDARD.encode(leaf_hash(record.as_bytes())), receipt.leaf);
    let record: Value = serde_json::from_str(&record).unwrap();
    assert_eq!(record["kind"], "intent", "{record}");
    assert_eq!(record["seq"].as_u64().unwrap(), receipt.index + 1);
    if let Some(digest) = digest {
        assert_eq!(record["args_digest"], digest);
    }
}

async fn over_rest(scene: &Scene, args: Value) -> Reply {
    scene.rest(json!({"tool": "fix.echo", "args": args}).to_string()).await
}

#[tokio::test]
async fn every_answer_to_a_forwarded_call_carries_one_while_they_are_on() {
    let scene = Scene::start().await;
    let plain = over_rest(&scene, json!({})).await;
    assert_eq!(plain.header(HEADER), "");
    let plain = scene.mcp(tools_call("fix__echo", json!({}))).await.json();
    assert_eq!(plain["result"].get("_meta"), None, "{plain}");

    set(&scene.gateway, json!({"receipts": true})).await;
    assert_eq!(json!(status(&scene.gateway).await.durability), "strict");
    let mut receipts = Vec::new();
    // `{}`, by RFC 8785.
    let digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    receipts.push(in_header(&over_rest(&scene, json!({})).await));
    let plain = scene.mcp(tools_call("fix__echo", json!({}))).await.json();
    receipts.push(in_meta(&plain["result"]));
    let params = json!({"name": "fix__echo", "arguments": {}});
    let headers = [
        super::super::scene::JSON,
        ACCEPT,
        STATELESS,
        ("mcp-method", "tools/call"),
        ("mcp-name", "fix__echo"),
    ];
    let newer = scene.mcp_with(&headers, stateless("tools/call", params).to_string()).await;
    receipts.push(in_meta(&newer.json()["result"]));
    // What the tool says of itself stays, and cannot pass for the gateway's.
    let forged = json!({"agw/receipt": {"index": 0}, "own": [1.50, "x"], "z": null});
    let body = json!({"jsonrpc": "2.0", "id": "$ID", "result": {"content": [], "_meta": forged}});
    let body = body.to_string().replace("\"$ID\"", "$ID");
    scene.upstream.behave(Manner::Body(body));
    let answer = scene.mcp(tools_call("fix__echo", json!({}))).await.json();
    let meta = &answer["result"]["_meta"];
    assert_eq!((&meta["own"], &meta["z"]), (&json!([1.50, "x"]), &Value::Null), "{answer}");
    assert_eq!(meta.as_object().unwrap().len(), 3);
    receipts.push(in_meta(&answer["result"]));
    receipts.push(in_header(&over_rest(&scene, json!({})).await));
    scene.upstream.behave(Manner::Echo);
    for receipt in &receipts {
        assert_holds(&scene, receipt, Some(digest)).await;
    }
    let distinct: std::collections::HashSet<u64> = receipts.iter().map(|r| r.index).collect();
    assert_eq!(distinct.len(), receipts.len());

    set(&scene.gateway, json!({"receipts": false})).await;
    assert_eq!(over_rest(&scene, json!({})).await.header(HEADER), "");
    let plain = scene.mcp(tools_call("fix__echo", json!({}))).await.json();
    assert_eq!(plain["result"].get("_meta"), None, "{plain}");

    // Whoever holds them can hold an export against them.
    let key = key(&scene.gateway).await;
    let text = export(&scene.gateway.admin, "format=tlog").await.unwrap();
    let held = receipts.iter().map(|receipt| parsed(receipt).check(&key).unwrap());
    let mut verifier = Verifier::new(&key, None, held);
    text.lines().for_each(|line| verifier.line(line.as_bytes()).unwrap());
    verifier.finish(true).unwrap();
    scene.gateway.stop().await;
}

#[tokio::test]
async fn receipts_of_calls_at_once_each_hold_across_groups_and_restarts() {
    let scene = Scene::start().await;
    fill(&scene, 2 * super::GROUP - 60).await;
    set(&scene.gateway, json!({"receipts": true})).await;
    let mut receipts = Vec::new();
    for _ in 0..4 {
        let calls = (0..24).map(|n| over_rest(&scene, json!({"n": n})));
        receipts.extend(join_all(calls).await.iter().map(in_header));
    }
    let scene = scene.restart().await;
    let calls = (0..8).map(|n| over_rest(&scene, json!({"n": n})));
    receipts.extend(join_all(calls).await.iter().map(in_header));
    for receipt in &receipts {
        assert_holds(&scene, receipt, None).await;
    }
    let distinct: std::collections::HashSet<u64> = receipts.iter().map(|r| r.index).collect();
    assert_eq!(distinct.len(), receipts.len());
    assert!(receipts.iter().any(|r| r.index > 2 * super::GROUP), "no group was completed");
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_refusal_carries_one_of_its_outcome() {
    let scene = Scene::start().await;
    set(&scene.gateway, json!({"receipts": true})).await;
    let refused = scene.rest(json!({"tool": "fix.unheard_of", "args": {}}).to_string()).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    let json = BASE64_STANDARD.decode(refused.header(HEADER)).unwrap();
    let over_rest: Receipt = serde_json::from_slice(&json).unwrap();
    let refused = scene.mcp(tools_call("fix__unheard_of", json!({}))).await.json();
    let over_mcp = in_meta(&refused["result"]);
    assert_eq!(refused["result"]["isError"], true);
    let key = key(&scene.gateway).await;
    for receipt in [over_rest, over_mcp] {
        parsed(&receipt).check(&key).unwrap();
        let record = records(scene.dir())[receipt.index as usize].clone();
        assert_eq!(BASE64_STANDARD.encode(leaf_hash(record.as_bytes())), receipt.leaf);
        let record: Value = serde_json::from_str(&record).unwrap();
        let said = [&record["kind"], &record["decision"], &record["status"]];
        assert_eq!(said, ["outcome", "deny", "denied"], "{record}");
    }
}
