//! Who calls while somebody is at the window.

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::LONG_NAME;
use crate::support::{desktop::Desktop, http, upstream::Fixture};

/// The client `claude` of the user `ana`, who calls `fix.echo`.
pub struct Agent {
    pub upstream: Fixture,
    pub url: String,
    token: String,
}

impl Agent {
    /// Makes connection, user and agent as an admin does at the command line.
    pub async fn of_ana(desktop: &Desktop) -> Self {
        let upstream = Fixture::start().await;
        upstream.list(json!([
            {"name": "echo", "description": "Says it again", "inputSchema": {"type": "object"}},
            {"name": LONG_NAME, "inputSchema": {"type": "object"}},
        ]));
        desktop.agw(&["connection", "add", "fix", "--http", &upstream.url()], "").await;
        desktop.agw(&["user", "add", "ana"], "").await;
        let agent = desktop.agw(&["agent", "add", "ana", "claude"], "").await;
        let token = agent[0]["token"].as_str().unwrap().to_owned();
        let url = desktop.service().await.url;
        Self { upstream, url, token }
    }

    /// `None` when nobody listens.
    pub async fn call(&self) -> Option<(u16, Value)> {
        self.say("hi").await
    }

    /// A denial holds for a while for the same arguments.
    pub async fn say(&self, text: &str) -> Option<(u16, Value)> {
        let address = self.url.strip_prefix("http://").unwrap();
        tokio::net::TcpStream::connect(address).await.ok()?;
        let body = json!({"tool": "fix.echo", "args": {"text": text}, "token": self.token});
        Some(http::post_json(&format!("{}/mcp/tools/call", self.url), &[], &body).await)
    }

    /// A call that its gateway may not live to answer: then its task fails.
    pub fn begins(&self, text: &str) -> JoinHandle<(u16, Value)> {
        let url = format!("{}/mcp/tools/call", self.url);
        let body = json!({"tool": "fix.echo", "args": {"text": text}, "token": self.token});
        tokio::spawn(async move { http::post_json(&url, &[], &body).await })
    }

    pub async fn is_allowed(&self) {
        let expected = json!({"echo": {"text": "hi"}});
        assert_eq!(self.call().await, Some((200, expected)));
    }

    pub async fn is_refused(&self, status: u16, code: &str) {
        let (got, body) = self.call().await.unwrap();
        assert_eq!((got, &body["code"]), (status, &json!(code)), "{body}");
    }
}
