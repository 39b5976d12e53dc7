//! The authorization endpoint (RFC 6749, section 3.1; OAuth 2.1, section 4.1):
//! a person signs in, sees who asks, and decides.
//!
//! Nothing is sent to a redirect URI before it is known to be the client's.
//! The form that comes back carries the request as it came, and it is checked
//! once more from the beginning: what the page showed is what counts.

use std::sync::Arc;

use agw_api::Role;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};

use super::{
    Audience,
    clients::{self, Client},
    consent::{self, Choice, Existing},
    issue::Consent,
};
use crate::{
    admin::AdminError,
    door::Door,
    gateway::Gateway,
    pages::{Form, Page, SignedIn, Visitor},
};

/// A request that may be answered at its redirect URI.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) client: Client,
    pub(super) redirect: String,
    /// The redirect's host, and whether that is this machine.
    pub(super) host: String,
    pub(super) local: bool,
    pub(super) audience: Audience,
    /// What it asks for, as far as that can be a scope.
    pub(super) scope: Vec<agw_core::ToolPattern>,
    challenge: String,
    state: Option<String>,
    issuer: String,
}

/// Why there is nothing to decide on.
enum Unfit {
    /// The client or its redirect URI is not known to be good: the person is
    /// told, and sent nowhere.
    Here(&'static str, &'static str),
    /// The client is told.
    There(Back, &'static str, &'static str),
    Failed(AdminError),
}

/// The way back to the client.
struct Back {
    redirect: String,
    state: Option<String>,
    issuer: String,
}

impl Back {
    fn with(&self, pairs: &[(&str, &str)]) -> Response {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(pairs);
        if let Some(state) = &self.state {
            query.append_pair("state", state);
        }
        // So that a client tells our answers from another server's (RFC 9207).
        query.append_pair("iss", &self.issuer);
        let join = if self.redirect.contains('?') { '&' } else { '?' };
        let location = format!("{}{join}{}", self.redirect, query.finish());
        let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, "no-store".into())];
        (StatusCode::SEE_OTHER, headers).into_response()
    }
}

/// `GET /oauth/authorize?…`
pub(super) async fn asked(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let visitor = Visitor::of(&gateway, Door::of(request.extensions()), request.headers());
    let query = request.uri().query().unwrap_or_default();
    let asked = match read(&gateway, visitor.door, request.headers(), query).await {
        Ok(asked) => asked,
        Err(unfit) => return unfit.respond(&visitor),
    };
    let Some(person) = visitor.signed_in.clone() else {
        return visitor.sign_in_page(&format!("/oauth/authorize?{query}"));
    };
    show(&gateway, &visitor, &person, &asked, query, None).await
}

/// `POST /oauth/authorize`: the form of the consent page.
pub(super) async fn decided(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visitor = Visitor::of(&gateway, Door::of(&parts.extensions), &parts.headers);
    let form = match visitor.read_form(body).await {
        Ok(form) => form,
        Err(page) => return page,
    };
    let query = form.one("request").unwrap_or_default();
    let asked = match read(&gateway, visitor.door, &parts.headers, query).await {
        Ok(asked) => asked,
        Err(unfit) => return unfit.respond(&visitor),
    };
    let Some(person) = visitor.signed_in.clone() else {
        return visitor.sign_in_page(&format!("/oauth/authorize?{query}"));
    };
    if person.role == Role::Auditor {
        return visitor.show(auditors());
    }
    let back = Back {
        redirect: asked.redirect.clone(),
        state: asked.state.clone(),
        issuer: asked.issuer.clone(),
    };
    if form.one("decision") != Some("allow") {
        let text = "the person did not agree";
        return back.with(&[("error", "access_denied"), ("error_description", text)]);
    }
    let becomes = match consent::read(&gateway, &person, &asked, &form).await {
        Ok(Choice::Made(becomes)) => becomes,
        Ok(Choice::Wrong(problem)) => {
            return show(&gateway, &visitor, &person, &asked, query, Some(problem)).await;
        }
        Err(error) => return Unfit::Failed(error).respond(&visitor),
    };
    let code = gateway.codes.give(Consent {
        user: person.user,
        client: asked.client,
        redirect: asked.redirect,
        host: asked.host,
        challenge: asked.challenge,
        audience: asked.audience,
        becomes,
    });
    match code {
        Some(code) => back.with(&[("code", &code)]),
        None => back.with(&[("error", "temporarily_unavailable")]),
    }
}

async fn show(
    gateway: &Gateway,
    visitor: &Visitor,
    person: &SignedIn,
    asked: &Asked,
    query: &str,
    problem: Option<&'static str>,
) -> Response {
    if person.role == Role::Auditor {
        return visitor.show(auditors());
    }
    match Existing::of(gateway, person.user, asked).await {
        Ok(existing) => {
            visitor.show(consent::page(gateway, visitor, person, asked, &existing, query, problem))
        }
        Err(error) => Unfit::Failed(error).respond(visitor),
    }
}

fn auditors() -> Page {
    let next = "An auditor reads everything and changes nothing, and has no agents. Sign in as somebody else, or ask an administrator.";
    Page::problem(StatusCode::FORBIDDEN, "Auditors have no agents", next)
}

/// Reads a request from its query.
async fn read(
    gateway: &Gateway,
    door: Door,
    headers: &HeaderMap,
    query: &str,
) -> Result<Asked, Unfit> {
    const WRONG: &str = "This sign-in cannot go on";
    if !gateway.live.snapshot.load().set_up {
        let next = "The gateway is not set up yet. An administrator sets it up with `agw setup` or in its window.";
        return Err(Unfit::Here(WRONG, next));
    }
    let form = Form::read(query.as_bytes());
    let Some(id) = form.one("client_id") else {
        return Err(Unfit::Here(
            WRONG,
            "The program did not say which one it is. Try again from there, and update it if it stays so.",
        ));
    };
    let client = Client::find(gateway, id).await.map_err(|e| Unfit::Failed(e.into()))?;
    let Some(client) = client else {
        let next = if id.starts_with("https://") {
            "The program refers to a document at its maker's site, and this gateway has no copy of it and fetches nothing on a stranger's word. Have the program register itself (dynamic client registration), or give it an agent's token with `agw agent add`."
        } else {
            "The gateway does not know this program, or has forgotten it. In the program, remove the connection's sign-in and begin again."
        };
        return Err(Unfit::Here("This program is not known here", next));
    };
    let redirect = form.one("redirect_uri").filter(|uri| client.may_return_to(uri));
    let Some(redirect) = redirect else {
        return Err(Unfit::Here(
            WRONG,
            "The program wants to send you to an address that it did not register. If you did not start this sign-in yourself, just now, close this page.",
        ));
    };
    let back = Back {
        redirect: redirect.to_owned(),
        state: form.one("state").map(str::to_owned),
        issuer: door.site().base(headers),
    };
    let (host, local) = clients::host_of(redirect);
    let (audience, challenge) = match terms(gateway, door, &form) {
        Ok(terms) => terms,
        // Anybody registers anything: a link to us with a fault in it must not
        // lead on to another site, nor open an app (RFC 9700, section 4.11.2).
        Err(_) if !clients::is_on_loopback(redirect) => {
            return Err(Unfit::Here(
                WRONG,
                "The program's request is faulty. If you did not start this sign-in yourself, just now, close this page; else tell the program's maker.",
            ));
        }
        Err((error, text)) => return Err(Unfit::There(back, error, text)),
    };
    let scope = form.one("scope").unwrap_or_default();
    Ok(Asked {
        host,
        local,
        audience,
        // What is no pattern asks for nothing (RFC 6749, section 3.3).
        scope: scope.split(' ').filter_map(|pattern| pattern.parse().ok()).take(100).collect(),
        challenge,
        client,
        redirect: back.redirect,
        state: back.state,
        issuer: back.issuer,
    })
}

/// The rest of a request, whose faults its client is told of. Clients of the
/// first revisions name no resource; what they get is for `/mcp` all the same.
fn terms(
    gateway: &Gateway,
    door: Door,
    form: &Form,
) -> Result<(Audience, String), (&'static str, &'static str)> {
    const REQUEST: &str = "invalid_request";
    if form.repeated().is_some() {
        return Err((REQUEST, "a parameter is there more than once"));
    }
    match form.one("response_type") {
        Some("code") => {}
        Some(_) => return Err(("unsupported_response_type", "response_type must be code")),
        None => return Err((REQUEST, "response_type is missing")),
    }
    if form.one("code_challenge_method") != Some("S256") {
        return Err((REQUEST, "PKCE with code_challenge_method=S256 is needed"));
    }
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    let challenge = form.one("code_challenge").unwrap_or_default();
    if challenge.len() != 43 || !challenge.bytes().all(unreserved) {
        return Err((REQUEST, "code_challenge must be a SHA-256 in base64url"));
    }
    let audience = match form.one("resource") {
        None => Audience::at(door.site(), None),
        Some(resource) => Audience::of_resource(gateway, door.site(), resource)
            .ok_or(("invalid_target", "the resource is none of this gateway's endpoints"))?,
    };
    Ok((audience, challenge.to_owned()))
}

impl Unfit {
    fn respond(self, visitor: &Visitor) -> Response {
        match self {
            Self::Here(message, next) => {
                visitor.show(Page::problem(StatusCode::BAD_REQUEST, message, next))
            }
            Self::There(back, error, text) => {
                back.with(&[("error", error), ("error_description", text)])
            }
            Self::Failed(error) => {
                tracing::warn!(code = error.code, "a sign-in failed");
                let next = "Try again. If it stays so, tell an administrator to look at the gateway's log.";
                visitor.show(Page::problem(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "The gateway cannot do this now",
                    next,
                ))
            }
        }
    }
}
