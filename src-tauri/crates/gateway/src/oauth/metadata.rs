//! The documents by which clients find their way (RFC 9728, RFC 8414).

use axum::{
    Json,
    extract::Path,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use super::Audience;
use crate::door::{Door, Site};

/// Of the aggregate endpoint, for clients that look at the root.
pub(super) async fn resource(door: Door, headers: HeaderMap) -> Json<Value> {
    Json(document(&Audience::at(door.site(), None), &headers))
}

/// One for each endpoint, whether or not there is such a connection.
pub(super) async fn resource_at(
    door: Door,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Response {
    match Audience::of_path(door.site(), &format!("/{path}")) {
        Some(audience) => Json(document(&audience, &headers)).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn document(audience: &Audience, headers: &HeaderMap) -> Value {
    let base = audience.site().base(headers);
    json!({
        "resource": format!("{base}{}", audience.path()),
        "authorization_servers": [base],
        "bearer_methods_supported": ["header"],
        "scopes_supported": [audience.scope()],
        "resource_name": "AI Agent Gateway",
    })
}

/// The flag of client-ID metadata documents is off: a client that reads it as
/// on sends the address of its document, and the gateway fetches nothing from
/// addresses that a stranger chose. The documents that it has copies of are
/// good all the same.
pub(super) async fn server(door: Door, headers: HeaderMap) -> Json<Value> {
    let base = door.site().base(&headers);
    Json(json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}/oauth/authorize"),
        "token_endpoint": format!("{base}/oauth/token"),
        "registration_endpoint": format!("{base}/oauth/register"),
        "revocation_endpoint": format!("{base}/oauth/revoke"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": [Audience::at(Site::default(), None).scope()],
        "authorization_response_iss_parameter_supported": true,
        "client_id_metadata_document_supported": false,
    }))
}
