//! Schemas that lead elsewhere (MCP 2026-07-28, tools: implementations must
//! not dereference a `$ref` that is not in the schema by themselves).

use std::time::Duration;

use serde_json::{Value, json};

use super::Office;
use crate::support::{bystander::Bystander, mcp, upstream::Fixture};

#[tokio::test]
async fn no_reference_in_a_schema_is_fetched() {
    let bystander = Bystander::start().await;
    let elsewhere = format!("http://127.0.0.1:{}/schema.json", bystander.port);
    let server = Fixture::start().await;
    let schema = json!({
        "$schema": elsewhere,
        "$id": elsewhere,
        "type": "object",
        "properties": {
            "text": {"$ref": elsewhere},
            "more": {"$dynamicRef": format!("{elsewhere}#x"), "allOf": [{"$ref": elsewhere}]},
        },
    });
    server.list(json!([
        {"name": "echo", "inputSchema": schema, "outputSchema": schema, "icons": [{"src": elsewhere}]},
    ]));
    let office = Office::open().await;
    office.gateway.connect_http("led", &server.url(), &[]).await;
    // Looked at in every way that there is: listed, reviewed, conditioned, called.
    let (_, listed) =
        mcp::stateless(&office.gateway.url("/mcp"), &office.token, "tools/list", json!({})).await;
    assert_eq!(listed["result"]["tools"][0]["inputSchema"], schema, "{listed}");
    let _: Value = office.gateway.admin.get("/api/v1/tools/led.echo").await.unwrap();
    let condition = json!({"subject": "ana", "tool": "led.echo", "effect": "deny",
        "when": "args.text == 'no'"});
    let _: Value = office.gateway.admin.post("/api/v1/grants", &condition).await.unwrap();
    office.assert_works("led.echo").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    bystander.assert_unseen();
    office.gateway.stop().await;
}
