//! Signing in with a password, on a page of its own.

use std::sync::Arc;

use agw_api::{SessionPlace, codes};
use agw_vault::Secret;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::Response,
};

use super::{
    Markup, Page, Visitor, go_to,
    visitor::{Form, SESSION},
};
use crate::{
    admin::{self, AdminError, Opens, SignInFrom},
    bounds,
    door::Door,
    gateway::Gateway,
};

const TITLE: &str = "Sign in";

/// Whether `path` is one of this server's own, and not another server's in
/// disguise (`//evil.example`, `/\evil.example`).
fn is_own_path(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_graphic() && b != b'\\';
    let mut bytes = path.bytes();
    path.len() <= bounds::RETURN_TO_MAX
        && bytes.next() == Some(b'/')
        && bytes.next().is_none_or(|second| second != b'/')
        && path.bytes().all(plain)
        && path.parse::<Uri>().is_ok()
}

impl Visitor {
    /// The form to sign in with; it leads back to `return_to`, a path of ours.
    pub(crate) fn sign_in_page(&self, return_to: &str) -> Response {
        self.show(self.sign_in_form(return_to, None))
    }

    /// What was typed is not repeated: it may be the password, in the wrong place.
    fn sign_in_form(&self, return_to: &str, problem: Option<&'static str>) -> Page {
        let back = if is_own_path(return_to) { return_to } else { "/" };
        let problem = problem.map(|problem| {
            Markup::new().raw("<p class=\"problem\" role=\"alert\">").raw(problem).raw("</p>")
        });
        let fields = Markup::new()
            .hidden("return_to", back)
            .raw("<label>User name<input name=\"user\" autocomplete=\"username\" required maxlength=\"64\" autocapitalize=\"none\" spellcheck=\"false\" autofocus></label><label>Password<input name=\"password\" type=\"password\" autocomplete=\"current-password\" required></label>")
            .raw("<div class=\"actions\"><button>Sign in</button></div>");
        let body = Markup::new()
            .raw("<p>Sign in as yourself to go on. Your password stays with this gateway; no agent gets to see it.</p>")
            .maybe(problem)
            .add(self.form("/sign-in", fields));
        Page::new(TITLE).body(body)
    }
}

/// `GET /sign-in?return_to=/…`
pub(super) async fn asked(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let visitor = Visitor::of(&gateway, Door::of(request.extensions()), request.headers());
    let query = Form::read(request.uri().query().unwrap_or_default().as_bytes());
    visitor.sign_in_page(query.one("return_to").unwrap_or("/"))
}

/// `POST /sign-in`
pub(super) async fn submitted(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut visitor = Visitor::of(&gateway, Door::of(&parts.extensions), &parts.headers);
    let form = match visitor.read_form(body).await {
        Ok(form) => form,
        Err(page) => return page,
    };
    let return_to = form.one("return_to").unwrap_or("/");
    let user = form.one("user").unwrap_or_default();
    let password = Secret::new(form.one("password").unwrap_or_default().to_owned());
    let begun = begin(visitor.gateway(), visitor.door, user, password, &parts.headers).await;
    match begun {
        Ok(cookie) => {
            // Nobody can use the session before any more; it need not last.
            if let Err(error) = visitor.sign_out().await {
                tracing::warn!(code = error.code, "the end of a session was not stored");
            }
            let back = if is_own_path(return_to) { return_to } else { "/" };
            let mut response = go_to(back);
            response.headers_mut().append(header::SET_COOKIE, cookie);
            response
        }
        Err(error) => refused(&visitor, return_to, &error),
    }
}

/// `POST /sign-out`
pub(super) async fn signed_out(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut visitor = Visitor::of(&gateway, Door::of(&parts.extensions), &parts.headers);
    if let Err(page) = visitor.read_form(body).await {
        return page;
    }
    let mut response = match visitor.sign_out().await {
        Ok(()) => {
            let body = Markup::new().raw("<p>You can close this page, or <a href=\"/sign-in\">sign in</a> again. What you allowed stays allowed.</p>");
            visitor.show(Page::new("You are signed out").body(body))
        }
        Err(error) => {
            tracing::warn!(code = error.code, "the end of a session was not stored");
            let next = "Close the browser, and tell an administrator to look at the gateway's log.";
            let status = StatusCode::SERVICE_UNAVAILABLE;
            visitor.show(Page::problem(status, "Signing out could not be recorded", next))
        }
    };
    let rest = "Path=/; HttpOnly; SameSite=Lax; Max-Age=0";
    let gone = visitor.door.site().set_cookie(SESSION, "", rest);
    if let Ok(gone) = gone.parse() {
        response.headers_mut().append(header::SET_COOKIE, gone);
    }
    response
}

async fn begin(
    gateway: &Gateway,
    door: Door,
    user: &str,
    password: Secret,
    headers: &HeaderMap,
) -> Result<HeaderValue, AdminError> {
    let proven = admin::authenticate(gateway, door, user, password).await?;
    let from = SignInFrom::browser(SessionPlace::Pages, headers);
    let session =
        admin::begin_session(gateway, door, proven, user.to_owned(), Opens::Pages, from).await?;
    let age = bounds::PAGE_SESSION_LIFE.as_secs();
    let rest = format!("Path=/; HttpOnly; SameSite=Lax; Max-Age={age}");
    let cookie = door.site().set_cookie(SESSION, &session.token, &rest);
    cookie.parse().map_err(|_| AdminError::internal("a session's cookie could not be made"))
}

fn refused(visitor: &Visitor, return_to: &str, error: &AdminError) -> Response {
    let (status, problem) = match error.code {
        codes::BAD_CREDENTIALS => (
            StatusCode::UNAUTHORIZED,
            "Wrong name or password. Check both; who has no password yet gets one from an administrator.",
        ),
        codes::TOO_MANY_ATTEMPTS => (
            StatusCode::TOO_MANY_REQUESTS,
            "Too many failed sign-ins. Wait a minute and try again.",
        ),
        _ => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The gateway cannot sign anybody in at the moment. Try again, and tell an administrator if it stays so.",
        ),
    };
    let page = visitor.sign_in_form(return_to, Some(problem)).status(status);
    let mut response = visitor.show(page);
    if let Some(seconds) = error.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::is_own_path;

    #[test]
    fn a_sign_in_leads_back_to_this_server_only() {
        for own in ["/", "/oauth/authorize?client_id=a&x=%2F%2Fevil", "/connect/gmail"] {
            assert!(is_own_path(own), "{own}");
        }
        for other in [
            "",
            "oauth",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/a b",
            "/ä",
            "/x\r\nSet-Cookie: a=b",
            "\\\\evil.example",
        ] {
            assert!(!is_own_path(other), "{other}");
        }
        assert!(!is_own_path(&format!("/{}", "a".repeat(9_000))));
    }
}
