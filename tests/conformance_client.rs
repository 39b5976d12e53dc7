//! The client that the official conformance suite grades: a gateway of its own
//! with one connection, to the suite's server, and a person who signs in
//! wherever a link says so.
//!
//! ```text
//! conformance client --command target/debug/agw-conformance-client --requirements 2025-11-25
//! ```
//!
//! The suite appends its server's URL, and says in `MCP_CONFORMANCE_SCENARIO`
//! what it wants to see. Exit 0: every tool was called.

mod support {
    #[expect(dead_code, reason = "it has what the tests need, too")]
    pub mod http;
    pub mod person;
}

use std::{process::ExitCode, time::Duration};

use agw_api::{
    AgentCreated, Client, Connection, ConnectionDetail, ConnectionHealth, SetupResponse, Tool,
    ToolDetail,
};
use agw_gateway::{MasterKeySource, Running, ServeOptions, Timeouts};
use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use support::{http, person::Person};

const PASSWORD: &str = "correct horse battery";
/// A scenario has 30 s.
const TIMEOUTS: Timeouts = Timeouts {
    start: Duration::from_secs(18),
    call: Duration::from_secs(10),
    idle: Duration::from_secs(900),
    certificate: Duration::from_secs(60 * 24 * 3_600),
};
/// More than any scenario wants of a person.
const SIGN_INS: usize = 6;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

struct Session {
    /// What the scenario wants to be called with what.
    calls: Value,
    admin: Client,
    running: Running,
    token: String,
    person: Person,
    sign_ins: usize,
}

async fn run() -> anyhow::Result<()> {
    let url = std::env::args().next_back().context("the suite appends its server's URL")?;
    let scenario = std::env::var("MCP_CONFORMANCE_SCENARIO").unwrap_or_default();
    let context = std::env::var("MCP_CONFORMANCE_CONTEXT").unwrap_or_else(|_| "{}".into());
    let context: Value = serde_json::from_str(&context)?;
    let dir = tempfile::tempdir()?;
    let options = ServeOptions {
        data_dir: dir.path().to_owned(),
        listen: "127.0.0.1:0".parse()?,
        master_key: Some(MasterKeySource::File(dir.path().join("master.key"))),
        web_view: None,
        passphrase: None,
        strict_audit: false,
        legacy_sse: false,
    };
    let running = agw_gateway::start(options, TIMEOUTS).await?;
    let open = Client::new(dir.path());
    let body = json!({"admin": "root", "password": PASSWORD});
    let setup: SetupResponse = open.post("/api/v1/setup", &body).await?;
    let admin = Client::new(dir.path()).with_session(setup.session.token);
    let agent: AgentCreated =
        admin.post("/api/v1/users/root/agents", &json!({"name": "suite"})).await?;
    let grant = json!({"subject": "root", "tool": "*", "effect": "allow"});
    let _: Value = admin.post("/api/v1/grants", &grant).await?;
    let mut body = json!({"name": "suite", "transport": {"kind": "http", "url": url}});
    if scenario.starts_with("auth/") {
        // An admin may have put a client's document somewhere and give its URL;
        // the suite expects just this one.
        let by_url = json!("https://conformance-test.local/client-metadata.json");
        let given = (scenario == "auth/basic-cimd").then_some(&by_url);
        body["sign_in"] = json!({
            "kind": "team",
            "client_id": given.or(context.get("client_id")),
            "client_secret": context.get("client_secret"),
        });
    }
    let _: Connection = admin.post("/api/v1/connections", &body).await?;
    let person = Person::default();
    let calls = context["toolCalls"].clone();
    let mut session = Session { calls, admin, running, token: agent.token, person, sign_ins: 0 };
    let done = session.play().await;
    session.running.stop().await;
    done
}

impl Session {
    async fn play(&mut self) -> anyhow::Result<()> {
        self.until_ready().await?;
        let tools: Vec<Tool> = self.admin.get("/api/v1/tools").await?;
        let mut seen = Value::Null;
        for tool in &tools {
            let path = format!("/api/v1/tools/{}", agw_api::segment(&tool.id));
            let tool: ToolDetail = self.admin.get(&path).await?;
            let own = tool.tool.id.trim_start_matches("suite.").to_owned();
            let given = self.calls.as_array().into_iter().flatten();
            let given = given.clone().find(|call| call["name"] == own.as_str());
            let args = match (own.as_str(), given) {
                (_, Some(call)) => call["arguments"].clone(),
                // It tells the suite what became of a schema on its way here.
                ("json_schema_echo", None) => json!({ "schema": seen }),
                (_, None) => arguments(&tool.input_schema),
            };
            if own.contains("elicitation") {
                self.call_and_answer(&own, &args).await?;
            } else {
                self.call(&tool.tool.id, &args).await?;
            }
            seen = tool.input_schema;
        }
        Ok(())
    }

    /// As a client of the stateless era that accepts what it is asked, with
    /// the defaults.
    async fn call_and_answer(&self, tool: &str, args: &Value) -> anyhow::Result<()> {
        let url = format!("http://{}/mcp/suite", self.running.address());
        let bearer = format!("Bearer {}", self.token);
        let headers = [
            ("accept", "application/json, text/event-stream"),
            ("authorization", bearer.as_str()),
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/call"),
            ("mcp-name", tool),
        ];
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
        });
        let mut params = json!({"name": tool, "arguments": args, "_meta": meta});
        for id in 0..4 {
            let call =
                json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
            let (_, answer) = http::post_json(&url, &headers, &call).await;
            let result = &answer["result"];
            if result["resultType"] != "input_required" {
                ensure!(result["resultType"] == "complete", "{answer}");
                return Ok(());
            }
            let asked = result["inputRequests"].as_object().cloned().unwrap_or_default();
            let accepted = asked.into_iter().map(|(key, request)| {
                let properties = request["params"]["requestedSchema"]["properties"].as_object();
                let defaults = properties.into_iter().flatten().filter_map(|(name, schema)| {
                    Some((name.clone(), schema.get("default")?.clone()))
                });
                let content: serde_json::Map<String, Value> = defaults.collect();
                (key, json!({"action": "accept", "content": content}))
            });
            params["inputResponses"] = Value::Object(accepted.collect());
            params["requestState"] = result["requestState"].clone();
        }
        bail!("{tool} is never content")
    }

    async fn until_ready(&mut self) -> anyhow::Result<()> {
        loop {
            let shown: ConnectionDetail = self.admin.get("/api/v1/connections/suite").await?;
            let problem = shown.connection.problem.unwrap_or_default();
            match shown.connection.health {
                ConnectionHealth::Ready => return Ok(()),
                ConnectionHealth::NeedsSignIn => {
                    ensure!(problem.contains("/accounts/"), "{problem}");
                    self.sign_in().await?;
                    // The connection is tried anew with what it has now.
                    let path = "/api/v1/connections/suite/test";
                    let _: Value = self.admin.post(path, &()).await?;
                }
                ConnectionHealth::Failed => bail!("{problem}"),
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    async fn call(&mut self, tool: &str, args: &Value) -> anyhow::Result<()> {
        loop {
            let url = format!("http://{}/mcp/tools/call", self.running.address());
            let body = json!({"tool": tool, "args": args, "token": self.token});
            let (status, answer) = http::post_json(&url, &[], &body).await;
            if status == 200 {
                return Ok(());
            }
            let code = answer["code"].as_str().unwrap_or_default();
            ensure!(["sign_in_needed", "sign_in_for_more"].contains(&code), "{status}: {answer}");
            self.sign_in().await?;
        }
    }

    async fn sign_in(&mut self) -> anyhow::Result<()> {
        self.sign_ins += 1;
        ensure!(self.sign_ins <= SIGN_INS, "asked to sign in again and again");
        let link = format!("http://{}/accounts/suite", self.running.address());
        let shown = self.person.connect(&link, "root", PASSWORD).await;
        ensure!(shown.says("is connected"), "{}", shown.reply.text);
        Ok(())
    }
}

/// Something of each required type.
fn arguments(schema: &Value) -> Value {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let of = |name: &Value| {
        let name = name.as_str()?;
        let value = match schema["properties"][name]["type"].as_str() {
            Some("number" | "integer") => json!(5),
            Some("boolean") => json!(true),
            Some("array") => json!([]),
            Some("object") => json!({}),
            _ => json!("text"),
        };
        Some((name.to_owned(), value))
    };
    Value::Object(required.iter().filter_map(of).collect())
}
