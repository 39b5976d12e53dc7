//! What the web view may ask of the shell.
//!
//! | command | does |
//! |---|---|
//! | `api` | one admin API request; adds the session's token, takes new ones out |
//! | `subscribe` | sends events through a channel until the window closes |
//! | `pending` | the page listens from now on; returns what it was asked meanwhile |
//! | `start` | starts the gateway if it is not running |
//! | `quit` | ends the app, and the gateway too if asked |
//!
//! `preferences` and `set_preferences` are in [`crate::preferences`],
//! `save_trail` and `stop_saving` in [`crate::export`]. The
//! prompt's page has none of these but its own: [`crate::prompt`].

use std::collections::BTreeMap;

use agw_api::{Client, ClientError, ErrorBody, RawResponse, codes};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tauri::ipc::Channel;
use tauri::{AppHandle, State};

use crate::Shell;
use crate::window::Ask;

/// The gateway cannot be reached; only the shell can say so.
const OFFLINE: &str = "offline";
const API: &str = "/api/v1/";

#[derive(Deserialize)]
pub(crate) struct ApiRequest {
    method: String,
    /// With its query.
    path: String,
    /// JSON, or empty.
    #[serde(default)]
    body: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ApiReply {
    status: u16,
    /// JSON, or empty.
    body: String,
    /// Those that the page needs: `retry-after`.
    headers: BTreeMap<&'static str, String>,
}

#[tauri::command]
pub(crate) async fn api(
    shell: State<'_, Shell>,
    request: ApiRequest,
) -> Result<ApiReply, ErrorBody> {
    let reads = request.method == "GET";
    let reply = relay(&shell, request).await;
    if !reads {
        shell.look_again.notify_one();
    }
    Ok(reply)
}

#[tauri::command]
pub(crate) async fn subscribe(
    shell: State<'_, Shell>,
    channel: Channel<String>,
) -> Result<(), ErrorBody> {
    shell.events.start(shell.service.client(), shell.session.subscribe(), channel);
    Ok(())
}

#[tauri::command]
pub(crate) async fn pending(shell: State<'_, Shell>) -> Result<Option<Ask>, ErrorBody> {
    Ok(shell.window.listens())
}

#[tauri::command]
pub(crate) async fn start(shell: State<'_, Shell>) -> Result<(), ErrorBody> {
    let started = shell.service.ensure().await;
    shell.look_again.notify_one();
    started.map_err(|error| offline(&shell, format!("{error:#}")))
}

#[tauri::command]
pub(crate) async fn quit(
    app: AppHandle,
    shell: State<'_, Shell>,
    stop: bool,
) -> Result<(), ErrorBody> {
    if stop {
        let signed_in = shell.session.borrow().is_some();
        let stopped = shell.service.stop(&shell.client(), signed_in).await;
        shell.look_again.notify_one();
        stopped.map_err(|error| {
            let next = "Try again, or run `agw stop`.";
            ErrorBody::new(codes::INTERNAL, format!("{error:#}"), next)
        })?;
    }
    app.exit(0);
    Ok(())
}

async fn relay(shell: &Shell, request: ApiRequest) -> ApiReply {
    let (method, resource) = match checked(&request) {
        Ok(checked) => checked,
        Err(message) => {
            let next = "This is a fault of the window; close it and open it again.";
            let body = ErrorBody::new(codes::BAD_REQUEST, message, next);
            return refuse(StatusCode::BAD_REQUEST, &body);
        }
    };
    let body = request.body.as_deref().filter(|body| !body.is_empty()).map(str::as_bytes);
    let client: Client = shell.client();
    let had_session = shell.session.borrow().is_some();
    let mut answer = client.request(method.clone(), &request.path, body).await;
    if matches!(answer, Err(ClientError::NotRunning { .. })) {
        // The page is often up before the service. Nothing was sent, so
        // nothing is done twice.
        shell.service.started().await;
        answer = client.request(method.clone(), &request.path, body).await;
    }
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return failure(shell, &error),
    };
    // Who accepts an invite is signed in, too.
    let signs_in = method == Method::POST && matches!(resource, "setup" | "sessions" | "invites");
    let signs_out = method == Method::DELETE && resource == "session";
    let ended = had_session
        && answer.status == StatusCode::UNAUTHORIZED
        && serde_json::from_slice::<ErrorBody>(&answer.body)
            .is_ok_and(|body| body.code == codes::SIGN_IN);
    if signs_in && answer.status.is_success() {
        return keep_token(shell, answer);
    }
    if signs_out || ended {
        shell.forget_session();
    }
    pass_on(answer)
}

/// The method, and the resource: the first segment after `/api/v1/`. It must
/// be a plain word, so that no other spelling of a path that answers with a
/// session's token gets past [`keep_token`].
fn checked(request: &ApiRequest) -> Result<(Method, &str), &'static str> {
    let method = match request.method.as_str() {
        "GET" => Method::GET,
        "POST" => Method::POST,
        "PUT" => Method::PUT,
        "DELETE" => Method::DELETE,
        _ => return Err("The admin API has no such method."),
    };
    let outside = "The window may ask only for paths of the admin API.";
    let rest = request.path.strip_prefix(API).ok_or(outside)?;
    let resource = rest.split(['/', '?']).next().unwrap_or_default();
    if resource.is_empty() || !resource.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Err(outside);
    }
    if resource == "events" {
        return Err("Events come through the command `subscribe`.");
    }
    Ok((method, resource))
}

/// Takes the session's token out of the answer: what the web view never had,
/// nothing that gets into the web view can take.
fn keep_token(shell: &Shell, answer: RawResponse) -> ApiReply {
    let Ok(mut body) = serde_json::from_slice::<Value>(&answer.body) else {
        let error = ClientError::Malformed {
            operation: "signing in".to_owned(),
            detail: "the answer is not JSON".to_owned(),
        };
        return failure(shell, &error);
    };
    if let Some(token) = take_token(&mut body) {
        shell.session.send_replace(Some(token));
    }
    ApiReply { status: answer.status.as_u16(), body: body.to_string(), headers: BTreeMap::new() }
}

/// `token` of a `SessionCreated`, `session.token` of a `SetupResponse`; other
/// answers have none.
fn take_token(body: &mut Value) -> Option<String> {
    let session = match body.get("session") {
        Some(_) => body.get_mut("session")?,
        None => body,
    };
    match session.as_object_mut()?.remove("token")? {
        Value::String(token) => Some(token),
        _ => None,
    }
}

fn pass_on(answer: RawResponse) -> ApiReply {
    let retry_after = answer.retry_after.map(|seconds| ("retry-after", seconds.to_string()));
    ApiReply {
        status: answer.status.as_u16(),
        body: String::from_utf8_lossy(&answer.body).into_owned(),
        headers: retry_after.into_iter().collect(),
    }
}

fn failure(shell: &Shell, error: &ClientError) -> ApiReply {
    match error {
        ClientError::NotRunning { .. } => {
            let message = shell.service.problem();
            let message = message.unwrap_or_else(|| "The gateway is not running.".to_owned());
            refuse(StatusCode::SERVICE_UNAVAILABLE, &offline(shell, message))
        }
        ClientError::Io { .. } | ClientError::TimedOut { .. } => {
            refuse(StatusCode::SERVICE_UNAVAILABLE, &offline(shell, error.to_string()))
        }
        _ => {
            let next = "Check that the app and the gateway have the same version.";
            let body = ErrorBody::new(codes::INTERNAL, error.to_string(), next);
            refuse(StatusCode::BAD_GATEWAY, &body)
        }
    }
}

fn offline(shell: &Shell, message: String) -> ErrorBody {
    let log = shell.service.log();
    let mut letters = message.chars();
    let message = letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect());
    let next = format!("Start it from here or with `agw serve`; its log is {}.", log.display());
    ErrorBody::new(OFFLINE, message, next)
}

fn refuse(status: StatusCode, body: &ErrorBody) -> ApiReply {
    ApiReply {
        status: status.as_u16(),
        body: serde_json::to_string(body).unwrap_or_default(),
        headers: BTreeMap::new(),
    }
}

#[cfg(test)]
#[path = "bridge_tests.rs"]
mod tests;
