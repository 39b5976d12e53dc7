//! The token of a request (RFC 6750, section 2.1).

use axum::http::{HeaderMap, header};

use crate::{door::Door, pipeline::Presented};

/// From `Authorization: Bearer …`; other schemes and repeated headers are
/// malformed.
pub(super) fn presented(door: Door, headers: &HeaderMap) -> Presented {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => Presented::Missing,
        (Some(_), Some(_)) => Presented::Malformed,
        (Some(value), None) => {
            Presented::of(door.site(), Some(token(value.to_str().unwrap_or_default())))
        }
    }
}

/// What stands behind the scheme, or nothing that could be a token.
fn token(value: &str) -> &str {
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => "",
    }
}

/// `WWW-Authenticate` for a refused token (RFC 6750, section 3). Without a
/// token there is no error to name.
pub(super) fn challenge(refusal_code: &str, message: &str) -> String {
    const REALM: &str = "Bearer realm=\"AI Agent Gateway\"";
    if refusal_code == "token_missing" {
        return REALM.to_owned();
    }
    // Messages of refusals hold no quotes; see `Refusal::message`.
    format!("{REALM}, error=\"invalid_token\", error_description=\"{}\"", message.replace('"', "'"))
}
