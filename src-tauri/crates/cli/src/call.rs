//! `agw call`: one call as an agent makes it, over the gateway's own door, with
//! the agent's token: to see what it gets.

use std::path::Path;
use std::time::Duration;

use agw_api::paths;
use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_TYPE, HeaderValue};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::args::CallArgs;
use crate::error::CliError;
use crate::output::Output;
use crate::private_file;
use crate::secrets::SecretInput;

/// The longest answer, in bytes.
const MAX_ANSWER: usize = 16 << 20;
/// A call may wait for a person.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

pub(crate) async fn run(data_dir: &Path, args: CallArgs, output: &Output) -> Result<(), CliError> {
    let arguments: Value = serde_json::from_str(&args.args).map_err(|error| {
        CliError::usage(format!("--args is not JSON: {error}"), "Give an object, such as '{}'.")
    })?;
    let token = token(args.token_file.as_deref())?;
    let base = paths::service_url(data_dir);
    let body = json!({"tool": args.tool, "args": arguments, "token": *token}).to_string();
    let url = format!("{base}/mcp/tools/call");
    let sent = tokio::time::timeout(PATIENCE, send(&url, body));
    let (status, answer) = sent.await.map_err(|_| {
        CliError::failed("timed_out", "the call is not answered", "See `agw audit list`.")
    })??;
    if status < 300 {
        return output.item(&answer, || answer.to_string());
    }
    let said = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (code, message, next) = (said("code"), said("message"), said("next"));
    if code.is_empty() {
        let message = format!("{base} answered with status {status} and no reason");
        return Err(CliError::failed("unexpected", message, "Check that it is the gateway."));
    }
    Err(CliError::failed(&code, message, next))
}

/// The file that was named, else `AGW_TOKEN`, else it is asked for.
fn token(file: Option<&Path>) -> Result<zeroize::Zeroizing<String>, CliError> {
    if let Some(path) = file {
        return private_file::read(path)?.ok_or_else(|| {
            let message = format!("there is no token file {}", path.display());
            CliError::usage(message, "Ask the gateway's admin for a token.")
        });
    }
    let given = std::env::var("AGW_TOKEN").unwrap_or_default().trim().to_owned();
    if !given.is_empty() {
        return Ok(given.into());
    }
    Ok(SecretInput::new(false).ask("token of the agent")?.into_body().into())
}

async fn send(url: &str, body: String) -> Result<(u16, Value), CliError> {
    let next = "Start it with `agw serve`, and try again.";
    let failed = |why: String| {
        CliError::failed(
            "not_running",
            format!("the gateway at {url} does not answer: {why}"),
            next,
        )
    };
    let mut request = Request::post(url)
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| failed(error.to_string()))?;
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request).await.map_err(|error| failed(error.to_string()))?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
    let body = body.map_err(|error| failed(error.to_string()))?.to_bytes();
    let answer = serde_json::from_slice(&body).map_err(|error| failed(error.to_string()))?;
    Ok((status, answer))
}
