//! MCP by hand, in both eras, so that tests can also say what no client would.

use futures_util::StreamExt as _;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::http;

pub const ACCEPT: (&str, &str) = ("accept", "application/json, text/event-stream");

/// A session, of revision 2025-11-25 unless told otherwise.
pub struct Session {
    url: String,
    token: String,
    pub id: String,
    version: String,
}

impl Session {
    pub async fn open(url: &str, token: &str) -> Self {
        Self::open_with(url, token, json!({})).await
    }

    /// Of a client that can do this.
    pub async fn open_with(url: &str, token: &str, capabilities: Value) -> Self {
        Self::open_as(url, token, "2025-11-25", capabilities).await
    }

    /// Of another revision.
    pub async fn open_as(url: &str, token: &str, version: &str, capabilities: Value) -> Self {
        let params = json!({
            "protocolVersion": version,
            "capabilities": capabilities,
            "clientInfo": {"name": "test", "version": "0"},
        });
        let body = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
        let bearer = format!("Bearer {token}");
        let headers = [("content-type", "application/json"), ACCEPT, ("authorization", &bearer)];
        let response = http::send("POST", url, &headers, body.to_string()).await;
        assert_eq!(response.status(), 200);
        let id = response.headers()["mcp-session-id"].to_str().unwrap().to_owned();
        let answer: Value = serde_json::from_str(&http::text(response).await).unwrap();
        assert_eq!(answer["result"]["protocolVersion"], version);
        let version = version.to_owned();
        let session = Self { url: url.to_owned(), token: token.to_owned(), id, version };
        let note = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(session.post(&note).await.0, 202);
        session
    }

    pub async fn post(&self, message: &Value) -> (u16, Value) {
        let bearer = format!("Bearer {}", self.token);
        let headers = [
            ACCEPT,
            ("authorization", bearer.as_str()),
            ("mcp-session-id", &self.id),
            ("mcp-protocol-version", &self.version),
        ];
        http::post_json(&self.url, &headers, message).await
    }

    /// A call whose answer may come as a stream; with `_meta` if there is one.
    pub async fn call_streaming(
        &self,
        id: Value,
        tool: &str,
        arguments: Value,
        meta: Option<Value>,
    ) -> ::http::Response<hyper::body::Incoming> {
        let mut params = json!({"name": tool, "arguments": arguments});
        if let Some(meta) = meta {
            params["_meta"] = meta;
        }
        let message = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
        let bearer = format!("Bearer {}", self.token);
        let headers = [
            ("content-type", "application/json"),
            ACCEPT,
            ("authorization", bearer.as_str()),
            ("mcp-session-id", &self.id),
        ];
        http::send("POST", &self.url, &headers, message.to_string()).await
    }

    pub async fn request(&self, method: &str, params: Value) -> Value {
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        self.post(&message).await.1
    }

    pub async fn tool_names(&self) -> Vec<String> {
        names(&self.request("tools/list", json!({})).await)
    }

    pub async fn call(&self, tool: &str, arguments: Value) -> Value {
        self.request("tools/call", json!({"name": tool, "arguments": arguments})).await
    }

    /// The GET stream: each notification's method.
    pub async fn listen(&self) -> mpsc::UnboundedReceiver<Value> {
        let bearer = format!("Bearer {}", self.token);
        let headers = [
            ("accept", "text/event-stream"),
            ("authorization", bearer.as_str()),
            ("mcp-session-id", &self.id),
        ];
        events(http::send("GET", &self.url, &headers, "").await)
    }
}

/// `subscriptions/listen` of revision 2026-07-28 for changes of the tools.
pub async fn subscribe(url: &str, token: &str, id: &Value) -> mpsc::UnboundedReceiver<Value> {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("content-type", "application/json"),
        ACCEPT,
        ("authorization", bearer.as_str()),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "subscriptions/listen"),
    ];
    let params = json!({
        "notifications": {"toolsListChanged": true},
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    });
    let message =
        json!({"jsonrpc": "2.0", "id": id, "method": "subscriptions/listen", "params": params});
    events(http::send("POST", url, &headers, message.to_string()).await)
}

/// The stream of the oldest transport: where it says to post to, and the
/// messages.
pub async fn endpoint_and_events(
    response: ::http::Response<hyper::body::Incoming>,
) -> (String, mpsc::UnboundedReceiver<Value>) {
    assert_eq!(response.status(), 200);
    let (place, placed) = tokio::sync::oneshot::channel();
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut place = Some(place);
        let mut body = response.into_body().into_data_stream();
        let mut text = String::new();
        while let Some(Ok(chunk)) = body.next().await {
            text.push_str(std::str::from_utf8(&chunk).unwrap());
            while let Some((event, rest)) = text.split_once("\n\n") {
                if let Some(data) = event.lines().find_map(|line| line.strip_prefix("data: ")) {
                    match place.take() {
                        Some(place) => place.send(data.to_owned()).unwrap(),
                        None => drop(sender.send(serde_json::from_str(data).unwrap())),
                    }
                }
                text = rest.to_owned();
            }
        }
    });
    (placed.await.unwrap(), receiver)
}

/// The messages of an event stream, as they come.
pub fn events(response: ::http::Response<hyper::body::Incoming>) -> mpsc::UnboundedReceiver<Value> {
    assert_eq!(response.status(), 200);
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut body = response.into_body().into_data_stream();
        let mut text = String::new();
        while let Some(Ok(chunk)) = body.next().await {
            text.push_str(std::str::from_utf8(&chunk).unwrap());
            while let Some((event, rest)) = text.split_once("\n\n") {
                let data = event.lines().find_map(|line| line.strip_prefix("data: "));
                if let Some(data) = data
                    && sender.send(serde_json::from_str(data).unwrap()).is_err()
                {
                    return;
                }
                text = rest.to_owned();
            }
        }
    });
    receiver
}

pub fn names(answer: &Value) -> Vec<String> {
    let tools = answer["result"]["tools"].as_array().unwrap_or_else(|| panic!("{answer}"));
    tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

/// One stateless request of revision 2026-07-28.
pub async fn stateless(url: &str, token: &str, method: &str, mut params: Value) -> (u16, Value) {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "0"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let bearer = format!("Bearer {token}");
    let name = params["name"].as_str().unwrap_or_default().to_owned();
    let mut headers = vec![
        ACCEPT,
        ("authorization", bearer.as_str()),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", method),
    ];
    if method == "tools/call" {
        headers.push(("mcp-name", &name));
    }
    let message = json!({"jsonrpc": "2.0", "id": "s1", "method": method, "params": params});
    http::post_json(url, &headers, &message).await
}
