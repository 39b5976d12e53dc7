//! A load generator that costs little itself: prepared bytes, kept
//! connections, and no more reading of an answer than finding its end.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::Result;

/// Bytes of the longest answer: a list of 5,000 tools.
const LONGEST: usize = 2 << 20;

pub(crate) struct Load {
    waits: Vec<Duration>,
    spent: Duration,
}

/// How a client speaks MCP.
#[derive(Debug, Clone)]
pub(crate) enum Client {
    /// Without a word on it, as a script does.
    Bare,
    /// 2025-11-25; with its session, once it has one.
    Session(Option<String>),
    /// 2026-07-28.
    Stateless,
}

/// A `tools/call` of about 250 bytes.
pub(crate) fn call(address: &str, client: &Client, tool: &str, token: Option<&str>) -> Vec<u8> {
    let params = format!(
        r#""name":"{tool}","arguments":{{"to":"bo@acme.com","subject":"Offer","body":"Please find the offer attached. Kind regards, Ana"}}"#
    );
    request(&At { address, query: "", token }, client, "tools/call", Some(tool), &params)
}

pub(crate) fn list(address: &str, token: &str) -> Vec<u8> {
    let at = At { address, query: "", token: Some(token) };
    request(&at, &Client::Bare, "tools/list", None, "")
}

/// Where a request goes, and whose it is.
pub(crate) struct At<'a> {
    pub(crate) address: &'a str,
    pub(crate) query: &'a str,
    pub(crate) token: Option<&'a str>,
}

/// `params` are members.
pub(crate) fn request(
    at: &At<'_>,
    client: &Client,
    method: &str,
    name: Option<&str>,
    params: &str,
) -> Vec<u8> {
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    let (headers, meta) = match client {
        Client::Bare => (String::new(), ""),
        Client::Session(None) => ("mcp-protocol-version: 2025-11-25\r\n".to_owned(), ""),
        Client::Session(Some(id)) => {
            (format!("mcp-protocol-version: 2025-11-25\r\nmcp-session-id: {id}\r\n"), "")
        }
        Client::Stateless => {
            let name = name.map(|name| format!("mcp-name: {name}\r\n")).unwrap_or_default();
            let headers =
                format!("mcp-protocol-version: 2026-07-28\r\nmcp-method: {method}\r\n{name}");
            (headers, meta)
        }
    };
    let comma = if params.is_empty() || meta.is_empty() { "" } else { "," };
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{params}{comma}{meta}}}}}"#
    );
    let At { address, query, token } = at;
    let bearer = token.map(|t| format!("authorization: Bearer {t}\r\n")).unwrap_or_default();
    format!(
        "POST /mcp{query} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\n{headers}{bearer}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Begins a session.
pub(crate) async fn greet(address: &str, token: &str) -> Result<Client> {
    let params = r#""protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"0"}"#;
    let at = At { address, query: "", token: Some(token) };
    let greeting = request(&at, &Client::Bare, "initialize", None, params);
    let answer = once(address, &greeting).await?;
    let id = answer.lines().find_map(|line| line.strip_prefix("mcp-session-id: "));
    Ok(Client::Session(Some(id.ok_or("there is no session")?.to_owned())))
}

impl Load {
    pub(crate) async fn run(
        address: &str,
        request: &[u8],
        connections: usize,
        warm_up: Duration,
        measure: Duration,
    ) -> Result<Self> {
        let begin = Instant::now() + warm_up;
        let end = begin + measure;
        let mut tasks = Vec::new();
        for _ in 0..connections {
            let mut stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let request = request.to_vec();
            tasks.push(tokio::spawn(async move {
                let mut waits = Vec::new();
                let mut buffer = vec![0; LONGEST];
                loop {
                    let sent = Instant::now();
                    if sent >= end {
                        return Ok::<_, Box<dyn std::error::Error + Send + Sync>>(waits);
                    }
                    stream.write_all(&request).await?;
                    black_box(read_answer(&mut stream, &mut buffer).await?);
                    if sent >= begin {
                        waits.push(sent.elapsed());
                    }
                }
            }));
        }
        let mut waits = Vec::new();
        for task in tasks {
            waits.extend(task.await??);
        }
        waits.sort_unstable();
        Ok(Self { waits, spent: measure })
    }

    pub(crate) fn count(&self) -> usize {
        self.waits.len()
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.waits.len() as f64 / self.spent.as_secs_f64()
    }

    /// Microseconds.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        percentile(&self.waits, percent)
    }
}

/// Microseconds; `sorted` in ascending order.
pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(f64::NAN, |wait| wait.as_secs_f64() * 1e6)
}

/// Sends it once, and returns the answer.
pub(crate) async fn once(address: &str, request: &[u8]) -> Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request).await?;
    Ok(read_answer(&mut stream, &mut vec![0; LONGEST]).await?.to_owned())
}

/// Reads one answer; anything but a result is an error, so that nobody
/// measures refusals.
async fn read_answer<'b>(stream: &mut TcpStream, buffer: &'b mut [u8]) -> Result<&'b str> {
    let mut filled = 0;
    let mut end = None;
    while end.is_none_or(|end| filled < end) {
        let room = buffer.get_mut(filled..).ok_or("the answer is too long")?;
        let read = stream.read(room).await?;
        if read == 0 {
            return Err("the connection was closed, or the answer is too long".into());
        }
        filled += read;
        if end.is_none() {
            end = end_of_answer(buffer.get(..filled).unwrap_or_default())?;
        }
    }
    let text = std::str::from_utf8(buffer.get(..filled).unwrap_or_default())?;
    let good = text.starts_with("HTTP/1.1 200")
        && text.contains("\"result\":")
        && !text.contains("\"isError\":true");
    if good { Ok(text) } else { Err(text.to_owned().into()) }
}

/// Where an answer ends, once its head is there.
fn end_of_answer(read: &[u8]) -> Result<Option<usize>> {
    let Some(at) = read.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(read.get(..at).unwrap_or_default())?;
    let length: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .ok_or("the answer has no length")?
        .parse()?;
    Ok(Some(at + 4 + length))
}
