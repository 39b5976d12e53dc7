//! The REST face:
//!
//! ```text
//! POST /mcp/tools/call {"tool": "gmail.send", "args": {…}, "token": "st_…"}
//! 200 {"status": "sent"}
//! ```
//!
//! The token may be sent as `Authorization: Bearer` instead. The answer is the
//! tool's structured result, or its whole result where it has none.

use std::{sync::Arc, time::Instant};

use agw_core::{ItemKind, json};
use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{BodyError, bearer, is_json, read_body};
use crate::{
    catalog::Listed,
    door::Door,
    gateway::Gateway,
    pipeline::{
        Answer, Arguments, ClientSide, Face, InboundCall, Operation, Presented, Refusal, SafeReply,
        Story, Target, handle_call, identify, refuse_unread,
    },
};

/// Base64 of the JSON of a call's receipt.
const RECEIPT: HeaderName = HeaderName::from_static("agw-receipt");
/// Characters of an unknown member's name that an answer repeats.
const KEY_SHOWN: usize = 64;

/// `GET /mcp/tools`: what this caller may call.
pub(super) async fn list(
    State(gateway): State<Arc<Gateway>>,
    door: Door,
    headers: HeaderMap,
) -> Response {
    let presented = bearer::presented(door, &headers);
    if let Some(response) = not_set_up(&gateway, &presented) {
        return response;
    }
    let snapshot = gateway.live.snapshot.load();
    let mut story = Story::unread(Face::Rest, Instant::now());
    let now = gateway.live.clock.now_ms();
    let caller = identify(&snapshot, &presented, None, now, &mut story);
    let open = caller.and_then(|caller| gateway.check_open(&snapshot).map(|()| caller));
    let caller = match open {
        Ok(caller) => caller,
        Err(refusal) => return refused(&gateway, &presented, "", refusal),
    };
    let catalog = gateway.live.catalog.load();
    let visible = catalog
        .by_id
        .values()
        .filter(|tool| tool.listed == Listed::Tool)
        .filter(|tool| snapshot.pins.hold(tool))
        .filter(|tool| agw_core::may_see(&snapshot.permissions, &caller, &tool.id, now));
    let tools: Vec<_> = visible
        .map(|tool| {
            json!({
                "id": tool.id.as_str(),
                "mcp_name": tool.mcp_name,
                "connection": tool.id.connection().as_str(),
                "description": tool.description,
            })
        })
        .collect();
    axum::Json(json!({ "tools": tools })).into_response()
}

/// `POST /mcp/tools/call`.
pub(super) async fn call(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let received = Instant::now();
    let (head, body) = request.into_parts();
    let door = Door::of(&head.extensions);
    let in_header = bearer::presented(door, &head.headers);
    if let Some(response) = not_set_up(&gateway, &in_header) {
        return response;
    }
    if !is_json(&head.headers) {
        let refusal = Refusal::Malformed("the content type must be application/json".into());
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return refused_as(&gateway, &in_header, "", refusal, status);
    }
    let body = match read_body(body).await {
        Ok(body) => body,
        Err(BodyError::TooLong) => {
            let refusal = Refusal::Malformed("the body is too long".into());
            return refused_as(&gateway, &in_header, "", refusal, StatusCode::PAYLOAD_TOO_LARGE);
        }
        Err(BodyError::Broken) => {
            let refusal = Refusal::Malformed("the body did not arrive".into());
            return refused(&gateway, &in_header, "", refusal);
        }
    };
    let (meant, inbound) = match accept(&body, door, in_header, received) {
        Ok(accepted) => accepted,
        Err((presented, meant, refusal)) => {
            return refused(&gateway, &presented, &meant, refusal);
        }
    };
    // The caller may hang up: dropping this future says so to a call that is
    // held. One that was forwarded has its effect all the same, and its
    // outcome is recorded.
    let _gone = inbound.gone.clone().drop_guard();
    match tokio::spawn(handle_call(gateway, inbound)).await {
        Ok(Answer { reply, receipt }) => {
            let mut response = match reply {
                Ok(reply) => answer(reply),
                Err((refusal, subject)) => render(&refusal, &subject, &meant, None),
            };
            let receipt = receipt.and_then(|receipt| serde_json::to_vec(&receipt).ok());
            let value = receipt.and_then(|json| BASE64_STANDARD.encode(json).parse().ok());
            response.headers_mut().extend(value.map(|value| (RECEIPT, value)));
            response
        }
        Err(_) => render(&Refusal::Internal("a call's task failed"), "", &meant, None),
    }
}

/// Before set-up nothing else is answered: there is no token to ask for.
fn not_set_up(gateway: &Gateway, presented: &Presented) -> Option<Response> {
    match gateway.check_open(&gateway.live.snapshot.load()) {
        Err(refusal @ Refusal::NotSetUp) => Some(refused(gateway, presented, "", refusal)),
        _ => None,
    }
}

/// Reads the body strictly. A body that is no call still says whose it is and
/// which tool was meant, as far as it can be read.
fn accept(
    body: &Bytes,
    door: Door,
    in_header: Presented,
    received: Instant,
) -> Result<(String, InboundCall), (Presented, String, Refusal)> {
    let node = json::parse(body).map_err(|e| (in_header, String::new(), e.into()))?;
    let target = node.get("tool").and_then(json::Node::as_str);
    let target = target.map(|tool| Target::Id(tool.to_owned()));
    let meant = target.as_ref().map(|target| target.meant(ItemKind::Tool)).unwrap_or_default();
    let presented = match (in_header, node.get("token")) {
        (presented, None) => presented,
        (Presented::Missing, Some(token)) => {
            Presented::of(door.site(), Some(token.as_str().unwrap_or_default()))
        }
        (_, Some(_)) => {
            let text = "a token stands in the header and in the body; send it once";
            return Err((in_header, meant, Refusal::Malformed(text.into())));
        }
    };
    let refused = |refusal| (presented, meant.clone(), refusal);
    let malformed = |text: String| refused(Refusal::Malformed(text));
    let json::Value::Object(members) = node.value() else {
        return Err(malformed("the body must be a JSON object".into()));
    };
    let unknown = members.iter().find(|(key, _)| !["tool", "args", "token"].contains(&&**key));
    if let Some((key, _)) = unknown {
        let key: String = key.chars().take(KEY_SHOWN).collect();
        return Err(malformed(format!(
            "{key:?} is not a member of a call; use tool, args and token"
        )));
    }
    let Some(target) = target else {
        return Err(malformed("\"tool\" must name a tool, for example \"gmail.send\"".into()));
    };
    let arguments = Arguments::read(node.get("args"), body).map_err(refused)?;
    let inbound = InboundCall {
        face: Face::Rest,
        presented,
        operation: Operation::CallTool,
        target,
        arguments,
        client: ClientSide::mute(),
        received,
        cancel: CancellationToken::new(),
        gone: CancellationToken::new(),
        session: None,
        held: watch::Sender::default(),
    };
    Ok((meant, inbound))
}

fn answer(reply: SafeReply) -> Response {
    #[derive(Deserialize)]
    struct Structured<'a> {
        #[serde(borrow, default, rename = "structuredContent")]
        content: Option<&'a RawValue>,
    }
    match reply {
        SafeReply::Result { json, is_error: false, .. } => {
            let structured: Option<Structured<'_>> = serde_json::from_slice(&json).ok();
            let content = structured.and_then(|result| result.content);
            let body =
                content.map_or_else(|| json.clone(), |raw| json.slice_ref(raw.get().as_bytes()));
            ([(header::CONTENT_TYPE, "application/json")], Body::from(body)).into_response()
        }
        SafeReply::Result { json, is_error: true, .. } => {
            tool_failed(&json, "The tool reported an error.")
        }
        SafeReply::RpcError { json } => {
            tool_failed(&json, "The system behind this tool refused the call.")
        }
    }
}

/// The tool's own account goes along as `result`.
fn tool_failed(json: &[u8], message: &str) -> Response {
    let result: Option<Box<RawValue>> = serde_json::from_slice(json).ok();
    let body = json!({
        "code": "tool_error",
        "message": message,
        "next": "See result for what the tool says; correct the arguments if it says so.",
        "result": result,
    });
    (StatusCode::BAD_GATEWAY, axum::Json(body)).into_response()
}

fn refused(gateway: &Gateway, presented: &Presented, meant: &str, refusal: Refusal) -> Response {
    let (refusal, subject) = refuse_unread(gateway, Face::Rest, presented, meant, refusal);
    render(&refusal, &subject, meant, None)
}

fn refused_as(
    gateway: &Gateway,
    presented: &Presented,
    meant: &str,
    refusal: Refusal,
    status: StatusCode,
) -> Response {
    let (refusal, subject) = refuse_unread(gateway, Face::Rest, presented, meant, refusal);
    render(&refusal, &subject, meant, Some(status))
}

fn render(refusal: &Refusal, subject: &str, meant: &str, status: Option<StatusCode>) -> Response {
    let message = refusal.message(meant);
    let by_refusal = StatusCode::from_u16(refusal.http_status());
    let status = status.or(by_refusal.ok()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let body = json!({
        "code": refusal.code(),
        "message": message,
        "next": refusal.next(subject, meant),
    });
    let mut response = (status, axum::Json(body)).into_response();
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        if let Ok(value) = bearer::challenge(refusal.code(), &message).parse() {
            headers.insert(header::WWW_AUTHENTICATE, value);
        }
    } else if let Some(seconds) = refusal.retry_after() {
        headers.insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
    }
    response
}
