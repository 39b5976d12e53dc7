//! Refusals in OAuth's own form (RFC 6749, section 5.2).

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::admin::AdminError;

/// `code` is OAuth's; the description never holds a value that was sent.
#[derive(Debug)]
pub(super) struct OauthError {
    pub(super) code: &'static str,
    description: &'static str,
    status: StatusCode,
}

impl OauthError {
    pub(super) fn new(code: &'static str, description: &'static str) -> Self {
        let status = match code {
            "invalid_client" => StatusCode::UNAUTHORIZED,
            "temporarily_unavailable" => StatusCode::SERVICE_UNAVAILABLE,
            "too_many_requests" => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::BAD_REQUEST,
        };
        Self { code, description, status }
    }

    pub(super) fn request(description: &'static str) -> Self {
        Self::new("invalid_request", description)
    }

    /// Of codes and refresh tokens, alike for every reason: unknown, used,
    /// expired, another client's.
    pub(super) fn grant() -> Self {
        let text = "the code or refresh token is not good, or not for this client; sign in again";
        Self::new("invalid_grant", text)
    }

    pub(super) fn target() -> Self {
        Self::new(
            "invalid_target",
            "the resource is none of this gateway's endpoints, or not that one",
        )
    }
}

impl From<AdminError> for OauthError {
    /// What failed is in the log.
    fn from(error: AdminError) -> Self {
        tracing::warn!(code = error.code, "an agent could not be signed in");
        Self::new("temporarily_unavailable", "the gateway cannot do this now; try again")
    }
}

impl IntoResponse for OauthError {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.code, "error_description": self.description });
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self.status {
            StatusCode::UNAUTHORIZED => {
                let realm = HeaderValue::from_static("Basic realm=\"AI Agent Gateway\"");
                headers.insert(header::WWW_AUTHENTICATE, realm);
            }
            StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(60));
            }
            _ => {}
        }
        response
    }
}
