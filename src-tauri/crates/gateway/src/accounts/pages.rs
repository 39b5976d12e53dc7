//! `/accounts/{connection}`: where a person connects their account, and where
//! the authorization server sends them back to. Nobody is sent elsewhere
//! before they have seen, on the gateway's own page, what they are about to
//! connect, whose it will be, and who will ask for their password next.

use std::sync::Arc;

use agw_api::SignInKind;
use axum::{
    Router,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};

use super::{
    AccountError,
    flow::{Answer, Consent, Person},
};
use crate::{
    door::Door,
    gateway::Gateway,
    pages::{Form, Markup, Page, SignedIn, Visitor, go_to},
};

pub(crate) fn router(gateway: &Arc<Gateway>) -> Router {
    Router::new()
        .route("/accounts/{connection}", get(asked).post(agreed))
        .route("/accounts/{connection}/callback", get(came_back))
        .with_state(Arc::clone(gateway))
}

fn person(visitor: &Visitor, signed_in: &SignedIn) -> Person {
    Person { user: signed_in.user, role: signed_in.role, browser: visitor.binding() }
}

/// `GET /accounts/{connection}`
async fn asked(
    State(gateway): State<Arc<Gateway>>,
    door: Door,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    // Cookies are of one host name; the answer comes back to this one.
    let own = gateway.url.strip_prefix("http://").unwrap_or_default();
    if headers.get(header::HOST).is_none_or(|host| host != own) {
        return go_to(&format!("{}/accounts/{}", gateway.url, agw_api::segment(&name)));
    }
    let visitor = Visitor::of(&gateway, door, &headers);
    let Some(signed_in) = visitor.signed_in.clone() else {
        return visitor.sign_in_page(&format!("/accounts/{}", agw_api::segment(&name)));
    };
    let accounts = &gateway.accounts;
    let Some((config, owner)) = accounts.open_to(&name, signed_in.user, signed_in.role) else {
        return visitor.show(nothing_to_connect(&signed_in));
    };
    match accounts.consent(&config, owner, person(&visitor, &signed_in)).await {
        Ok(consent) => {
            let page = consent_page(&visitor, config.name.as_str(), &consent, &signed_in);
            visitor.show(page)
        }
        Err(error) => visitor.show(failed(config.name.as_str(), &error)),
    }
}

fn consent_page(visitor: &Visitor, name: &str, consent: &Consent, who: &SignedIn) -> Page {
    let whose = match consent.kind {
        SignInKind::Team => {
            Markup::new().raw("the team's: everybody who is granted its tools uses it")
        }
        SignInKind::User => Markup::new().text(&who.name).raw("'s own: nobody else uses it"),
    };
    let row = |what: &'static str, value: Markup| {
        Markup::new().raw("<dt>").raw(what).raw("</dt><dd>").add(value).raw("</dd>")
    };
    let text = |text: &str| Markup::new().text(text);
    let elsewhere = consent.issuer != consent.goes_to;
    let scopes =
        if consent.scopes.is_empty() { "what it gives by default" } else { &consent.scopes };
    let list = Markup::new()
        .raw("<dl>")
        .add(row("Connection", text(name)))
        .add(row("Account", whose))
        .add(row("You sign in at", text(&consent.goes_to)))
        .maybe(elsewhere.then(|| row("On behalf of", text(&consent.issuer))))
        .add(row("Asking for", text(scopes)))
        .raw("</dl>");
    let fields = Markup::new()
        .hidden("id", &consent.id)
        .raw("<div class=\"actions\"><button>Go there and sign in</button></div>");
    let action = format!("/accounts/{name}");
    let again = consent
        .again
        .then(|| Markup::new().raw("<p>The account that is connected now is replaced.</p>"));
    let body = Markup::new()
        .raw("<p>You are about to leave this gateway to sign in to another system. Go on only if you know the address below. What it gives back stays in this gateway's vault; no agent gets to see it.</p>")
        .add(list)
        .maybe(again)
        .add(visitor.form(&action, fields));
    Page::new(format!("Connect {name}")).body(body).leads_away()
}

/// `POST /accounts/{connection}`
async fn agreed(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let visitor = Visitor::of(&gateway, Door::of(&parts.extensions), &parts.headers);
    let form = match visitor.read_form(body).await {
        Ok(form) => form,
        Err(page) => return page,
    };
    let Some(signed_in) = visitor.signed_in.clone() else {
        return visitor.sign_in_page(&format!("/accounts/{}", agw_api::segment(&name)));
    };
    let accounts = &gateway.accounts;
    let Some((config, _)) = accounts.open_to(&name, signed_in.user, signed_in.role) else {
        return visitor.show(nothing_to_connect(&signed_in));
    };
    let id = form.one("id").unwrap_or_default();
    match accounts.send_off(&config, id, person(&visitor, &signed_in)).await {
        Ok(url) => match HeaderValue::from_str(&url) {
            Ok(url) => (StatusCode::SEE_OTHER, [(header::LOCATION, url)]).into_response(),
            Err(_) => {
                let error = AccountError::Internal("the authorization server's URL is no header");
                visitor.show(failed(config.name.as_str(), &error))
            }
        },
        Err(error) => visitor.show(failed(config.name.as_str(), &error)),
    }
}

/// `GET /accounts/{connection}/callback`
async fn came_back(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let visitor = Visitor::of(&gateway, Door::of(request.extensions()), request.headers());
    let query = Form::read(request.uri().query().unwrap_or_default().as_bytes());
    let Some(signed_in) = visitor.signed_in.clone() else {
        return visitor.show(failed("the account", &AccountError::NotUnderWay));
    };
    // A parameter that is there twice is none (RFC 6749, section 3.1).
    let answer = Answer {
        state: query.one("state").unwrap_or_default(),
        code: query.one("code"),
        iss: query.all("iss").next().map(|_| query.one("iss").unwrap_or_default()),
        error: query.all("error").next().map(|_| query.one("error").unwrap_or_default()),
    };
    match gateway.accounts.finish(&name, &answer, person(&visitor, &signed_in)).await {
        Ok(config) => {
            let body = Markup::new()
                .raw("<p>The account with ")
                .text(config.name.as_str())
                .raw(" is connected. Go back to your agent and let it call again; you can close this page.</p>");
            visitor.show(Page::new("Connected").body(body))
        }
        Err(error) => visitor.show(failed("the account", &error)),
    }
}

fn nothing_to_connect(who: &SignedIn) -> Page {
    let next = format!(
        "You are signed in as {}. Either there is no such connection, or it needs no account of yours. Ask an administrator if you expected one.",
        who.name
    );
    Page::problem(StatusCode::NOT_FOUND, "There is nothing to connect here", &next)
}

fn failed(name: &str, error: &AccountError) -> Page {
    let status = match error {
        AccountError::NotUnderWay | AccountError::WrongIssuer | AccountError::Refused(_) => {
            StatusCode::BAD_REQUEST
        }
        AccountError::Sealed | AccountError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_GATEWAY,
    };
    let next = format!("{error}. Nothing was connected or changed.");
    Page::problem(status, &format!("{name} is not connected"), &next)
}
