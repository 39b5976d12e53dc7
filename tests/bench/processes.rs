//! The upstream and the gateway as processes of their own.

use std::{path::PathBuf, process::Stdio, time::Duration};

use agw_api::{AgentCreated, Client, Connection, Grant, SetupResponse, User};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    net::TcpListener,
    process::Command,
};

use super::Result;

/// Names the role of a process that this binary starts.
pub(crate) const ROLE: &str = "AGW_BENCH_ROLE";

/// How many tools the upstream has; one without it.
pub(crate) const TOOLS: &str = "AGW_BENCH_TOOLS";

/// Whether the upstream speaks 2026-07-28; else 2025-11-25.
pub(crate) const STATELESS: &str = "AGW_BENCH_STATELESS";

/// Whether the upstream answers calls with streams of events.
pub(crate) const STREAMS: &str = "AGW_BENCH_STREAMS";

/// Ends when the pipe to its stdin closes.
pub(crate) struct Child {
    /// `host:port`.
    pub(crate) address: String,
    pub(crate) dir: PathBuf,
    _folder: tempfile::TempDir,
    child: tokio::process::Child,
}

impl Child {
    pub(crate) async fn start(role: &str, env: &[(&str, &str)]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut child = Command::new(std::env::current_exe()?)
            .env(ROLE, role)
            .env("AGW_DATA_DIR", folder.path())
            .envs(env.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = child.stdout.take().ok_or("no stdout")?;
        let mut address = String::new();
        BufReader::new(stdout).read_line(&mut address).await?;
        let address = address.trim().to_owned();
        Ok(Self { address, dir: folder.path().to_owned(), _folder: folder, child })
    }

    /// User and system time spent so far (proc(5), `stat`, fields 14 and 15).
    pub(crate) fn cpu(&self) -> Result<Duration> {
        const TICKS_PER_SECOND: f64 = 100.0;
        let pid = self.child.id().ok_or("the process has ended")?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let (_, fields) = stat.rsplit_once(") ").ok_or("unreadable stat")?;
        let ticks: f64 =
            fields.split(' ').skip(11).take(2).filter_map(|f| f.parse::<f64>().ok()).sum();
        Ok(Duration::from_secs_f64(ticks / TICKS_PER_SECOND))
    }

    /// Memory that it has right now, in KiB (proc(5), `status`).
    pub(crate) fn memory(&self) -> Result<u64> {
        let pid = self.child.id().ok_or("the process has ended")?;
        memory(&pid.to_string(), "VmRSS:")
    }
}

/// What a process's status says, in KiB.
pub(crate) fn memory(pid: &str, what: &str) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(what));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    Ok(kib.ok_or("unreadable status")?.trim().parse()?)
}

/// A minimal MCP server that answers every call with the same small result.
pub(crate) async fn upstream() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let serve = async move {
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(
                http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)),
            );
        }
    };
    tokio::select! {
        served = serve => served,
        () = end_of_stdin() => Ok(()),
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>> {
    let body = request.into_body().collect().await?.to_bytes();
    let message: Value = serde_json::from_slice(&body)?;
    let stateless = std::env::var_os(STATELESS).is_some();
    let server = json!({"name": "bench", "version": "0"});
    let mut is_call = false;
    let mut result = match message.get("method").and_then(Value::as_str) {
        Some("server/discover") if !stateless => {
            let error = json!({"code": -32601, "message": "there is no such method"});
            return json_response(
                &json!({"jsonrpc": "2.0", "id": message.get("id"), "error": error}),
            );
        }
        Some("server/discover") => {
            json!({"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "_meta": {"io.modelcontextprotocol/serverInfo": server}})
        }
        Some("initialize") => {
            json!({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": server})
        }
        Some("tools/list") => json!({"tools": tools()?}),
        _ => {
            is_call = true;
            json!({"content": [{"type": "text", "text": "{\"status\":\"sent\"}"}], "structuredContent": {"status": "sent"}})
        }
    };
    if let (true, Some(members)) = (stateless, result.as_object_mut()) {
        members.insert("resultType".into(), "complete".into());
        if !is_call {
            members.insert("ttlMs".into(), 0.into());
            members.insert("cacheScope".into(), "private".into());
        }
    }
    let answer = json!({"jsonrpc": "2.0", "id": message.get("id"), "result": result});
    if is_call && std::env::var_os(STREAMS).is_some() {
        let event = format!("event: message\ndata: {answer}\n\n");
        let response = Response::builder().header("content-type", "text/event-stream");
        return Ok(response.body(Full::new(event.into()))?);
    }
    json_response(&answer)
}

fn json_response(answer: &Value) -> Result<Response<Full<Bytes>>> {
    let response = Response::builder().header("content-type", "application/json");
    Ok(response.body(Full::new(answer.to_string().into()))?)
}

fn tools() -> Result<Vec<Value>> {
    let Some(count) = std::env::var_os(TOOLS) else {
        return Ok(vec![json!({"name": "echo", "inputSchema": {"type": "object"}})]);
    };
    let count: u32 = count.to_str().ok_or("no number of tools")?.parse()?;
    let schema = json!({"type": "object", "properties": {"amount": {"type": "number"}}});
    let tool = |n| {
        let description = format!("Finds the offers of department {n} below an amount.");
        json!({"name": format!("tool_{n}"), "description": description, "inputSchema": schema})
    };
    Ok((0..count).map(tool).collect())
}

pub(crate) async fn gateway() -> Result<()> {
    let data_dir = PathBuf::from(std::env::var_os("AGW_DATA_DIR").ok_or("no data folder")?);
    let key = agw_gateway::MasterKeySource::File(data_dir.join("master.key"));
    let options = agw_gateway::ServeOptions {
        data_dir,
        listen: "127.0.0.1:0".parse()?,
        master_key: Some(key),
        web_view: None,
        passphrase: None,
        strict_audit: false,
        legacy_sse: false,
    };
    let running = agw_gateway::start(options, agw_gateway::Timeouts::default()).await?;
    println!("{}", running.address());
    end_of_stdin().await;
    running.stop().await;
    Ok(())
}

async fn end_of_stdin() {
    let mut rest = Vec::new();
    let _ = tokio::io::stdin().read_to_end(&mut rest).await;
}

/// Connects the upstream, and returns the token of an agent that may call
/// `tools` of it.
pub(crate) async fn prepare(gateway: &Child, upstream: &str, tools: &str) -> Result<String> {
    let client = connected(gateway, upstream).await?;
    let grant = json!({"subject": "team:sales", "tool": tools, "effect": "allow"});
    granted(&client, "ana", &[grant]).await
}

/// Connects the upstream, and returns what each of some agents is granted, and
/// its token. All of them may see every tool.
pub(crate) async fn prepare_lists(
    gateway: &Child,
    upstream: &str,
) -> Result<Vec<(&'static str, String)>> {
    let client = connected(gateway, upstream).await?;
    let grant = |user: &str, tool: &str, effect: &str, when: Option<&str>| json!({"subject": user, "tool": tool, "effect": effect, "when": when});
    let amount = Some("args.amount <= 100");
    let kinds = [
        ("one", "ana", vec![grant("ana", "up.*", "allow", None)]),
        ("one with a condition", "bo", vec![grant("bo", "up.*", "allow", amount)]),
        (
            "three, no condition",
            "cleo",
            vec![
                grant("cleo", "up.*", "allow", None),
                grant("cleo", "*", "ask", None),
                grant("cleo", "*:write", "allow", None),
            ],
        ),
        (
            "three with conditions",
            "dan",
            vec![
                grant("dan", "up.*", "allow", amount),
                grant("dan", "*", "ask", Some("args.amount > 50")),
                grant("dan", "*:write", "deny", Some("args.amount > 1000")),
            ],
        ),
    ];
    let mut tokens = Vec::new();
    for (name, user, grants) in kinds {
        tokens.push((name, granted(&client, user, &grants).await?));
    }
    Ok(tokens)
}

/// Sets the gateway up, with the upstream as `up`.
async fn connected(gateway: &Child, upstream: &str) -> Result<Client> {
    let client = Client::new(&gateway.dir);
    let body = json!({"admin": "root", "password": "correct horse battery"});
    let setup: SetupResponse = client.post("/api/v1/setup", &body).await?;
    let client = client.with_session(setup.session.token);
    let transport = json!({"kind": "http", "url": format!("http://{upstream}/mcp")});
    let secret = json!([{"name": "Authorization", "value": "Bearer upstream-secret"}]);
    let body = json!({"name": "up", "transport": transport, "credentials": secret});
    let _: Connection = client.post("/api/v1/connections", &body).await?;
    Ok(client)
}

/// A new user of the team `sales` with grants, and an agent's token.
async fn granted(client: &Client, user: &str, grants: &[Value]) -> Result<String> {
    let _: User = client.post("/api/v1/users", &json!({"name": user, "team": "sales"})).await?;
    for grant in grants {
        let _: Grant = client.post("/api/v1/grants", grant).await?;
    }
    let agent: AgentCreated =
        client.post(&format!("/api/v1/users/{user}/agents"), &json!({"name": "bench"})).await?;
    Ok(agent.token)
}
