//! Who is looking at a page, and the forms that they send.

use std::sync::Arc;

use agw_api::Role;
use agw_core::UserId;
use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use http_body_util::{BodyExt as _, Limited};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{Markup, Page};
use crate::{
    admin::{self, AdminError, Opens},
    bounds, clock,
    door::Door,
    gateway::Gateway,
    random,
};

/// The session of a person on these pages.
pub(super) const SESSION: &str = "agw_page";
/// Tells one browser from another, so that no form of one is good in the other.
const BROWSER: &str = "agw_form";

/// What tokens of forms are made with; a new one at each start.
pub(crate) struct FormKey(Zeroizing<[u8; 32]>);

impl FormKey {
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *key)?;
        Ok(Self(key))
    }
}

impl std::fmt::Debug for FormKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FormKey(…)")
    }
}

/// A person who signed in on these pages.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn {
    pub(crate) user: UserId,
    pub(crate) name: String,
    /// As it is now, not as it was at sign-in.
    pub(crate) role: Role,
}

/// One browser, and who sits in front of it.
#[derive(Debug)]
pub(crate) struct Visitor {
    pub(crate) signed_in: Option<SignedIn>,
    pub(crate) door: Door,
    gateway: Arc<Gateway>,
    browser: Zeroizing<String>,
    /// The browser has no cookie yet that tells it from others.
    new: bool,
    session: [u8; 32],
    origin: bool,
}

impl Visitor {
    pub(crate) fn of(gateway: &Arc<Gateway>, door: Door, headers: &HeaderMap) -> Self {
        let cookie = |name| door.site().cookie(headers, name);
        let known = cookie(BROWSER).filter(|value| value.len() == 64);
        let find =
            |token: String| gateway.staff.find(door.site(), &token, Opens::Pages, clock::now_ms());
        let found = cookie(SESSION).and_then(find);
        let signed_in = found.as_ref().and_then(|(_, open)| {
            let snapshot = gateway.live.snapshot.load();
            let person = snapshot.users.get(&open.user).filter(|person| !person.removed)?;
            Some(SignedIn { user: open.user, name: person.name.clone(), role: person.role })
        });
        Self {
            session: signed_in.as_ref().and(found).map_or([0; 32], |(hash, _)| hash),
            signed_in,
            gateway: Arc::clone(gateway),
            door,
            new: known.is_none(),
            browser: Zeroizing::new(known.unwrap_or_else(new_browser)),
            origin: headers.contains_key(header::ORIGIN),
        }
    }

    /// A form of this visitor's; `action` is a path of ours.
    pub(crate) fn form(&self, action: &str, fields: Markup) -> Markup {
        Markup::new()
            .raw("<form method=\"post\" action=\"")
            .text(action)
            .raw("\">")
            .hidden("csrf", &self.token())
            .add(fields)
            .raw("</form>")
    }

    /// Reads a form that was sent to us, from a page of ours to this browser.
    ///
    /// # Errors
    /// The page to show instead.
    pub(crate) async fn read_form(&self, body: Body) -> Result<Form, Response> {
        let Some(read) = read_body(body, bounds::FORM_MAX).await else {
            let page = Page::problem(
                StatusCode::BAD_REQUEST,
                "The form did not arrive",
                "Go back and send it again.",
            );
            return Err(self.show(page));
        };
        let form = Form::read(&read);
        let (shown, made) = (form.one("csrf").unwrap_or_default(), self.token());
        // The guard of the port has compared the Origin with our own.
        if self.origin && bool::from(shown.as_bytes().ct_eq(made.as_bytes())) {
            return Ok(form);
        }
        let next = "It may be too old, or come from somewhere else. Open the page again where you came from, and make sure that the browser keeps cookies for this address.";
        Err(self.show(Page::problem(StatusCode::FORBIDDEN, "This form cannot be used", next)))
    }

    /// Sends a page to this browser.
    pub(crate) fn show(&self, page: Page) -> Response {
        let button = "<div class=\"actions\"><button class=\"other\">Sign out</button></div>";
        let foot =
            self.signed_in.as_ref().map(|_| self.form("/sign-out", Markup::new().raw(button)));
        let mut response = page.foot(foot.unwrap_or_default()).respond();
        if self.new {
            let rest = "Path=/; HttpOnly; SameSite=Lax";
            let cookie = self.door.site().set_cookie(BROWSER, &self.browser, rest);
            if let Ok(cookie) = HeaderValue::from_str(&cookie) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
        }
        response
    }

    /// Ends the session of whoever is signed in.
    pub(super) async fn sign_out(&mut self) -> Result<(), AdminError> {
        match self.signed_in.take() {
            Some(person) => admin::end_session(&self.gateway, person.user, self.session).await,
            None => Ok(()),
        }
    }

    fn token(&self) -> String {
        random::hex(&self.binding())
    }

    /// Of this browser and who is signed in, and of nobody else.
    pub(crate) fn binding(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(*self.gateway.forms.0);
        hash.update(Sha256::digest(self.browser.as_bytes()));
        hash.update(self.session);
        hash.finalize().into()
    }

    pub(super) fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }
}

/// The fields of a form, in their order.
#[derive(Debug)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    pub(crate) fn read(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// A field that is there exactly once.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (Some(value), None) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn all<'f>(&'f self, name: &str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A name that is there more than once.
    pub(crate) fn repeated(&self) -> Option<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).find(|name| self.all(name).count() > 1)
    }
}

/// A whole body of so many bytes at most, if it arrives in time.
pub(crate) async fn read_body(body: Body, max: usize) -> Option<Bytes> {
    let read = Limited::new(body, max).collect();
    let read = tokio::time::timeout(bounds::FORM_PATIENCE, read).await;
    Some(read.ok()?.ok()?.to_bytes())
}

/// Without randomness, the form's token still hangs on the key of this start
/// and on the session.
fn new_browser() -> String {
    random::text::<32>().unwrap_or_default()
}
