//! The web view for browsers: the built files, with a strict policy.

use std::path::Path;

use axum::{
    Router,
    http::{HeaderName, HeaderValue, StatusCode, header},
};
use tower_http::{
    services::{ServeDir, ServeFile},
    set_header::SetResponseHeaderLayer,
};

/// No inline script, nothing from elsewhere, never framed. Inline styles are
/// what the component library sets on elements.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The answer at a path that leads nowhere.
pub(crate) fn nothing_here() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "There is nothing here. Agents call /mcp.\n")
}

/// Serves `dir` at `/`; paths of the view's own router get its index.
pub(crate) fn web_view(dir: Option<&Path>) -> Router {
    let Some(dir) = dir else {
        return Router::new().fallback(|| async { nothing_here() });
    };
    let files = ServeDir::new(dir).fallback(ServeFile::new(dir.join("index.html")));
    let set = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value))
    };
    Router::new()
        .fallback_service(files)
        .layer(set(header::CONTENT_SECURITY_POLICY, POLICY))
        .layer(set(header::REFERRER_POLICY, "no-referrer"))
        .layer(set(header::CACHE_CONTROL, "no-cache"))
}
