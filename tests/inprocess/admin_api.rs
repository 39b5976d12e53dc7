//! The admin API: who may ask what, and what it never tells.

mod authorization;
mod edits;
mod files;
mod keys;
mod matrix;
mod openapi;
mod sessions;
mod set_up;
mod write_only;

use std::path::Path;

use agw_api::{Client, RawResponse};
use http::Method;
use serde_json::{Value, json};

use crate::support::http::{self as plain, Reply};

/// One operation of the committed description.
#[derive(Debug, Clone)]
struct Operation {
    method: String,
    /// Parameters are replaced by `x`.
    path: String,
    has_body: bool,
}

impl Operation {
    fn is(&self, method: &str, path: &str) -> bool {
        (self.method.as_str(), self.path.as_str()) == (method, path)
    }

    /// Answered without a session: health, first-run set-up and sign-in.
    fn is_open(&self) -> bool {
        self.is("GET", "/api/v1/health")
            || self.is("POST", "/api/v1/setup")
            || self.is("POST", "/api/v1/sessions")
            // Whoever has the link of an invite has no session yet.
            || self.is("POST", "/api/v1/invites/look")
            || self.is("POST", "/api/v1/invites/accept")
    }
}

fn operations() -> Vec<Operation> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../src-tauri/crates/api/openapi.json");
    let document: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let segments = path.split('/').map(|s| if s.starts_with('{') { "x" } else { s });
            all.push(Operation {
                method: method.to_uppercase(),
                path: segments.collect::<Vec<_>>().join("/"),
                has_body: operation.get("requestBody").is_some(),
            });
        }
    }
    assert!(all.len() > 25, "{all:?}");
    all
}

/// Over the local socket, with this session or none.
async fn local(dir: &Path, session: Option<&str>, operation: &Operation) -> RawResponse {
    let client = Client::new(dir).with_session(session.map(str::to_owned));
    let method: Method = operation.method.parse().unwrap();
    let body = operation.has_body.then_some(&b"{}"[..]);
    client.request(method, &operation.path, body).await.unwrap()
}

/// Over TCP, with these headers.
async fn tcp(url: &str, headers: &[(&str, &str)], operation: &Operation) -> Reply {
    let mut all = headers.to_vec();
    let body = if operation.has_body {
        all.push(("content-type", "application/json"));
        "{}"
    } else {
        ""
    };
    plain::ask(&operation.method, &format!("{url}{}", operation.path), &all, body).await
}

/// The code of a failure, which has all parts.
fn code(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(body)));
    for part in ["code", "message", "next"] {
        assert!(body[part].as_str().is_some_and(|text| !text.is_empty()), "no {part}: {body}");
    }
    body["code"].as_str().unwrap().to_owned()
}

/// A request over the local socket as an admin makes it: status and body.
pub(super) async fn ask(client: &Client, method: &str, path: &str, body: Value) -> (u16, Value) {
    let bytes = body.to_string();
    let body = (body != json!(null)).then_some(bytes.as_bytes());
    let response = client.request(method.parse().unwrap(), path, body).await.unwrap();
    let value = serde_json::from_slice(&response.body).unwrap_or_default();
    (response.status.as_u16(), value)
}
