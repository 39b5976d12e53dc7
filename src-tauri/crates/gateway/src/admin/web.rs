//! The web view for browsers: the built files, with a strict policy.

use std::{borrow::Cow, path::PathBuf};

use axum::{
    Router,
    http::{HeaderName, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use tower_http::{
    services::{ServeDir, ServeFile},
    set_header::SetResponseHeaderLayer,
};

/// No inline script, nothing from elsewhere, never framed. Inline styles are
/// what the component library sets on elements.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const INDEX: &str = "index.html";
/// The names of these files change with what is in them.
const HASHED: &str = "assets/";
const FOREVER: &str = "public, max-age=31536000, immutable";

/// The answer at a path that leads nowhere.
pub(crate) fn nothing_here() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "There is nothing here. Agents call /mcp.\n")
}

/// The built files of the web view.
#[derive(Debug, Clone)]
pub enum WebView {
    Folder(PathBuf),
    /// In the program itself: the content of a file by its path.
    Inside(fn(&str) -> Option<Cow<'static, [u8]>>),
}

/// Serves it at `/`; paths of the view's own router get its index.
pub(crate) fn web_view(view: Option<&WebView>) -> Router {
    let router = match view {
        None => return Router::new().fallback(|| async { nothing_here() }),
        Some(WebView::Folder(dir)) => Router::new()
            .fallback_service(ServeDir::new(dir).fallback(ServeFile::new(dir.join("index.html")))),
        Some(WebView::Inside(file)) => {
            let file = *file;
            Router::new().fallback(get(async move |uri: Uri| built_in(file, uri.path())))
        }
    };
    let set = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value))
    };
    router
        .layer(set(header::CONTENT_SECURITY_POLICY, POLICY))
        .layer(set(header::REFERRER_POLICY, "no-referrer"))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-cache"),
        ))
}

fn built_in(file: fn(&str) -> Option<Cow<'static, [u8]>>, path: &str) -> Response {
    let path = path.trim_start_matches('/');
    let found = file(path).map(|content| (path, content));
    let Some((path, content)) = found.or_else(|| file(INDEX).map(|content| (INDEX, content)))
    else {
        return nothing_here().into_response();
    };
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let mut response = content.into_response();
    let headers = response.headers_mut();
    if let Ok(kind) = HeaderValue::from_str(kind.as_ref()) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    if path.starts_with(HASHED) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(FOREVER));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(path: &str) -> Option<Cow<'static, [u8]>> {
        match path {
            "index.html" => Some(Cow::Borrowed(b"<!doctype html>")),
            "assets/index-1.js" => Some(Cow::Borrowed(b"go()")),
            _ => None,
        }
    }

    #[test]
    fn files_of_the_program_are_served_as_what_they_are_and_pages_as_the_index() {
        for (path, kind, cached) in [
            ("/", "text/html", None),
            ("/index.html", "text/html", None),
            ("/people", "text/html", None),
            ("/assets/gone.js", "text/html", None),
            ("/assets/index-1.js", "text/javascript", Some(FOREVER)),
        ] {
            let response = built_in(files, path);
            let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_eq!(header(header::CONTENT_TYPE), Some(kind), "{path}");
            assert_eq!(header(header::CACHE_CONTROL), cached, "{path}");
        }
        assert_eq!(built_in(|_| None, "/").status(), StatusCode::NOT_FOUND);
    }
}
