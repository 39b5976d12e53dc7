//! How agents come in: MCP and REST. A face turns a request into an
//! [`InboundCall`](crate::pipeline::InboundCall) and the answer into its own
//! form; it decides nothing. Beside them is `/metrics`.

mod bearer;
mod guard;
mod mcp;
mod metrics;
mod rest;

pub(crate) use guard::{guarded, guarded_shared, own_hosts};
#[cfg(feature = "fuzzing")]
pub(crate) use mcp::fuzzing;
pub(crate) use mcp::{AgentSessions, ParkedCalls};

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, header},
    routing::{any, get, post},
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::{bounds, gateway::Gateway};

/// How long a request's body may take to arrive.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn router(gateway: &Arc<Gateway>, legacy_sse: bool) -> Router {
    let router = Router::new();
    let router = match legacy_sse {
        false => router,
        true => router
            .route("/sse", get(mcp::legacy::aggregate).post(mcp::legacy::post))
            .route("/sse/{connection}", get(mcp::legacy::single).post(mcp::legacy::post_single)),
    };
    router
        .route("/mcp", any(mcp::aggregate))
        .route("/mcp/tools", get(rest::list))
        .route("/mcp/tools/call", post(rest::call))
        .route("/mcp/{connection}", any(mcp::single))
        .route("/metrics", any(metrics::show))
        .with_state(Arc::clone(gateway))
}

/// Whether the body is said to be JSON (RFC 9110, section 8.3), once.
fn is_json(headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(kind), None) = (kinds.next(), kinds.next()) else { return false };
    let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/json")
}

/// Why a body was not read.
enum BodyError {
    TooLong,
    Broken,
}

async fn read_body(body: Body) -> Result<Bytes, BodyError> {
    let limited = Limited::new(body, bounds::AGENT_BODY_MAX).collect();
    match tokio::time::timeout(BODY_PATIENCE, limited).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyError::TooLong),
        Ok(Err(_)) | Err(_) => Err(BodyError::Broken),
    }
}
