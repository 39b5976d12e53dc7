//! The gateway's own pages: signing in, and what is decided in a browser
//! outside of the web view. They are made here and work without JavaScript;
//! none is ever sent or allowed.
//!
//! ```ignore
//! let visitor = Visitor::of(&gateway, door, &headers);
//! let Some(person) = &visitor.signed_in else { return visitor.sign_in_page("/connect/gmail") };
//! let form = visitor.form("/connect/gmail", Markup::new().raw("<button>Connect</button>"));
//! visitor.show(Page::new("Connect Gmail").body(form))
//! ```
//!
//! - Text is escaped by its type: [`Markup::raw`] takes only what is written
//!   in the source.
//! - A form carries a token that is bound to the browser and to its session,
//!   and is read by [`Visitor::read_form`], which checks that token and the
//!   `Origin`. A `GET` changes nothing.
//! - The session of these pages is another than the web view's: its cookie is
//!   `SameSite=Lax`, because people come here from a link in a client, and it
//!   opens nothing but these pages (see `admin::Opens`).

mod markup;
mod sign_in;
mod visitor;

pub(crate) use markup::{Markup, is_format};
pub(crate) use visitor::{Form, FormKey, SignedIn, Visitor, read_body};

use std::sync::{Arc, LazyLock};

use axum::{
    Router,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::post,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest as _, Sha256};

use crate::gateway::Gateway;

const STYLE: &str = include_str!("style.css");

/// Nothing but the one style sheet, by its hash; never framed.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; frame-ancestors 'none'"
    )
});

pub(crate) fn router(gateway: &Arc<Gateway>) -> Router {
    Router::new()
        .route("/sign-in", post(sign_in::submitted).get(sign_in::asked))
        .route("/sign-out", post(sign_in::signed_out))
        .with_state(Arc::clone(gateway))
}

/// One page, before it is sent.
#[derive(Debug)]
pub(crate) struct Page {
    title: String,
    body: Markup,
    status: StatusCode,
    leads_away: bool,
}

impl Page {
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), body: Markup::new(), status: StatusCode::OK, leads_away: false }
    }

    /// That something cannot be done, and what to do next.
    pub(crate) fn problem(status: StatusCode, message: &str, next: &str) -> Self {
        let body = Markup::new().raw("<p>").text(next).raw("</p>");
        Self { status, ..Self::new(message) }.body(body)
    }

    pub(crate) fn body(self, body: Markup) -> Self {
        Self { body, ..self }
    }

    pub(crate) fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// A form of this page is answered with a redirect to somewhere else.
    /// Chromium holds the whole chain of redirects after a form against
    /// `form-action`, and a client's own may go on to anywhere, so such a page
    /// has none.
    pub(crate) fn leads_away(self) -> Self {
        Self { leads_away: true, ..self }
    }

    /// Below everything else.
    fn foot(self, foot: Markup) -> Self {
        Self { body: self.body.add(foot), ..self }
    }

    fn respond(self) -> Response {
        let html = Markup::new()
            .raw("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")
            .raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>")
            .text(&self.title)
            .raw(" · AI Agent Gateway</title><style>")
            .raw(STYLE)
            .raw("</style></head><body><main><p class=\"brand\">AI Agent Gateway</p><h1>")
            .text(&self.title)
            .raw("</h1>")
            .add(self.body)
            .raw("</main></body></html>\n");
        let form_action = if self.leads_away { "" } else { "; form-action 'self'" };
        let policy = format!("{}{form_action}", *POLICY);
        let mut response = (self.status, html.into_string()).into_response();
        let headers = response.headers_mut();
        let mut set = |name: HeaderName, value: &'static str| {
            headers.insert(name, HeaderValue::from_static(value));
        };
        set(header::CONTENT_TYPE, "text/html; charset=utf-8");
        set(header::CACHE_CONTROL, "no-store");
        set(header::X_FRAME_OPTIONS, "DENY");
        // Not `no-referrer`: with that a browser says `Origin: null` of our
        // own forms (Fetch, "append a request Origin header"). Elsewhere it
        // says nothing either way.
        set(header::REFERRER_POLICY, "same-origin");
        if let Ok(policy) = policy.parse() {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        response
    }
}

/// To another page of ours.
pub(crate) fn go_to(path: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, path)]).into_response()
}
