//! What MCP costs: calls between clients and upstreams of either era,
//! catalogues by their length, sessions and streams that are merely open.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    Result,
    load::{self, At, Client, Load},
    processes::{self, Child},
};

const WARM_UP: Duration = Duration::from_millis(500);
const MEASURE: Duration = Duration::from_secs(3);
/// Callers at once where CPU is measured.
const CALLERS: usize = 16;
const CATALOGUES: [usize; 3] = [10, 100, 1_000];
/// Sessions and streams that are open at once.
const OPEN: usize = 1_000;
/// Opened before anything is measured: what the first ones cost is not theirs.
const FIRST: usize = 20;

/// Each era of client with each era of upstream, which answers with JSON or
/// with a stream of events.
pub(crate) async fn eras() -> Result<()> {
    println!(
        "\ntools/call by era ({} s each; added: p50 less that of the same call straight to the upstream; CPU with {CALLERS} callers)",
        MEASURE.as_secs()
    );
    println!(
        "{:>10} {:>10} {:>8} {:>12} {:>10} {:>10} {:>12} {:>7}",
        "client",
        "upstream",
        "answers",
        "straight µs",
        "p50 µs",
        "added µs",
        "CPU µs/call",
        "ratio"
    );
    let mut first = None;
    for (upstream_era, stateless) in [("2025-11-25", false), ("2026-07-28", true)] {
        for (answers, streams) in [("JSON", false), ("events", true)] {
            let set = [(processes::STATELESS, stateless), (processes::STREAMS, streams)];
            let env: Vec<_> =
                set.iter().filter(|(_, on)| *on).map(|(name, _)| (*name, "1")).collect();
            let upstream = Child::start("upstream", &env).await?;
            let gateway = Child::start("gateway", &[]).await?;
            let token = processes::prepare(&gateway, &upstream.address, "up.echo").await?;
            let spoken = if stateless { Client::Stateless } else { Client::Session(None) };
            let straight = load::call(&upstream.address, &spoken, "echo", None);
            let straight = Load::run(&upstream.address, &straight, 1, WARM_UP, MEASURE).await?;
            let straight = straight.percentile(50);
            let in_session = load::greet(&gateway.address, &token).await?;
            for (era, client) in [("2025-11-25", in_session), ("2026-07-28", Client::Stateless)] {
                let call = load::call(&gateway.address, &client, "up__echo", Some(&token));
                let through = Load::run(&gateway.address, &call, 1, WARM_UP, MEASURE).await?;
                let p50 = through.percentile(50);
                let cpu = cpu_each(&gateway, &call, CALLERS).await?;
                let base = *first.get_or_insert(cpu);
                println!(
                    "{era:>10} {upstream_era:>10} {answers:>8} {straight:>12.0} {p50:>10.0} {:>10.0} {cpu:>12.1} {:>6.2}x",
                    p50 - straight,
                    cpu / base
                );
            }
        }
    }
    Ok(())
}

/// Microseconds of the gateway's CPU for one request.
async fn cpu_each(gateway: &Child, request: &[u8], callers: usize) -> Result<f64> {
    Load::run(&gateway.address, request, callers, Duration::ZERO, WARM_UP).await?;
    let before = gateway.cpu()?;
    let load = Load::run(&gateway.address, request, callers, Duration::ZERO, MEASURE).await?;
    Ok((gateway.cpu()? - before).as_secs_f64() * 1e6 / load.count() as f64)
}

/// What an agent is given at the start, as a list or to search in.
pub(crate) async fn catalogues() -> Result<()> {
    println!("\ncatalogues ({} s each, one connection)", MEASURE.as_secs());
    println!(
        "{:>7} {:>28} {:>10} {:>12} {:>10} {:>7}",
        "tools", "request", "p50 µs", "CPU µs", "bytes", "ratio"
    );
    for tools in CATALOGUES {
        let upstream = Child::start("upstream", &[(processes::TOOLS, &tools.to_string())]).await?;
        let gateway = Child::start("gateway", &[]).await?;
        let token = processes::prepare(&gateway, &upstream.address, "up.*").await?;
        let at = |query| At { address: &gateway.address, query, token: Some(&token) };
        let bare = &Client::Bare;
        let find = r#""name":"find_tools","arguments":{"query":"offers of department 7"}"#;
        let kinds = [
            ("tools/list", load::request(&at(""), bare, "tools/list", None, ""), tools),
            (
                "tools/list, ?tools=search",
                load::request(&at("?tools=search"), bare, "tools/list", None, ""),
                2,
            ),
            // As many as are found unless it is told otherwise.
            ("find_tools", load::request(&at("?tools=search"), bare, "tools/call", None, find), 10),
        ];
        let mut first = None;
        for (what, request, expected) in kinds {
            let answer = load::once(&gateway.address, &request).await?;
            let listed = answer.matches("\"inputSchema\":").count();
            if listed != expected {
                return Err(format!("{what} of {tools}: {listed} tools are listed").into());
            }
            let (_, body) = answer.split_once("\r\n\r\n").ok_or("no body")?;
            let bytes = body.len();
            let load = Load::run(&gateway.address, &request, 1, WARM_UP, MEASURE).await?;
            let p50 = load.percentile(50);
            let cpu = cpu_each(&gateway, &request, 1).await?;
            let base = *first.get_or_insert(p50);
            println!(
                "{tools:>7} {what:>28} {p50:>10.0} {cpu:>12.0} {bytes:>10} {:>6.2}x",
                p50 / base
            );
        }
    }
    Ok(())
}

/// Memory of what is open and does nothing.
pub(crate) async fn memory() -> Result<()> {
    println!("\nmemory of the gateway with {OPEN} of each open and idle");
    println!("{:>44} {:>12} {:>10}", "", "MiB before", "KiB each");
    for what in [Idle::Session, Idle::Connection, Idle::SessionStream, Idle::Subscription] {
        let upstream = Child::start("upstream", &[]).await?;
        let gateway = Child::start("gateway", &[]).await?;
        let token = processes::prepare(&gateway, &upstream.address, "up.echo").await?;
        let mut open = Vec::new();
        for _ in 0..FIRST {
            open.push(what.open(&gateway.address, &token).await?);
        }
        let before = gateway.memory()?;
        for _ in 0..OPEN {
            open.push(what.open(&gateway.address, &token).await?);
        }
        let each = (gateway.memory()? as f64 - before as f64) / OPEN as f64;
        println!("{:>44} {:>12} {each:>10.1}", what.name(), before >> 10);
    }
    Ok(())
}

/// What may be open.
#[derive(Clone, Copy)]
enum Idle {
    Session,
    /// To compare with: every stream has one.
    Connection,
    SessionStream,
    Subscription,
}

impl Idle {
    fn name(self) -> &'static str {
        match self {
            Self::Session => "session, its connection closed",
            Self::Connection => "connection after a request",
            Self::SessionStream => "session, its connection and GET stream",
            Self::Subscription => "connection with subscriptions/listen",
        }
    }

    /// Returns what keeps it open.
    async fn open(self, address: &str, token: &str) -> Result<Option<TcpStream>> {
        let at = At { address, query: "", token: Some(token) };
        let (request, sign) = match self {
            Self::Session => {
                load::greet(address, token).await?;
                return Ok(None);
            }
            Self::Connection => {
                (load::request(&at, &Client::Bare, "ping", None, ""), "\"result\":{}")
            }
            Self::SessionStream => {
                let Client::Session(Some(id)) = load::greet(address, token).await? else {
                    return Err("there is no session".into());
                };
                let get = format!(
                    "GET /mcp HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\nmcp-session-id: {id}\r\nauthorization: Bearer {token}\r\n\r\n"
                );
                (get.into_bytes(), ": listening")
            }
            Self::Subscription => {
                let wanted = r#""notifications":{"toolsListChanged":true}"#;
                let request =
                    load::request(&at, &Client::Stateless, "subscriptions/listen", None, wanted);
                (request, "notifications/subscriptions/acknowledged")
            }
        };
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(&request).await?;
        let mut answer = Vec::new();
        while !String::from_utf8_lossy(&answer).contains(sign) {
            if stream.read_buf(&mut answer).await? == 0 {
                return Err(String::from_utf8_lossy(&answer).into_owned().into());
            }
        }
        Ok(Some(stream))
    }
}
