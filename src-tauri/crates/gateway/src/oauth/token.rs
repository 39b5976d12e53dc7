//! The token endpoint (RFC 6749, section 3.2) and revocation (RFC 7009).

use std::sync::Arc;

use agw_core::{TokenHash, TokenKind};
use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{
    Audience,
    codes::Taken,
    error::OauthError,
    issue::{self, Issued},
};
use crate::{
    admin::AdminError,
    audit::{Kind, Record},
    bounds, clock,
    door::{Door, Site},
    gateway::Gateway,
    pages::{Form, read_body},
};

/// `POST /oauth/token`
pub(super) async fn exchange(
    State(gateway): State<Arc<Gateway>>,
    request: Request,
) -> Result<Response, OauthError> {
    let (parts, body) = request.into_parts();
    let form = read(&parts.headers, body).await?;
    let site = Door::of(&parts.extensions).site();
    let issued = match form.one("grant_type") {
        Some("authorization_code") => code(&gateway, site, &form).await,
        Some("refresh_token") => refresh(&gateway, site, &form).await,
        Some("client_credentials") => credentials(&gateway, site, &parts.headers, &form).await,
        Some(_) => Err(OauthError::new("unsupported_grant_type", "there is no such grant here")),
        None => Err(OauthError::request("grant_type is missing")),
    };
    match issued {
        Ok(issued) => Ok(answer(&issued)),
        Err(error) => {
            refused(&gateway, &error);
            Err(error)
        }
    }
}

/// Attempts with what is not good are for the trail, like those with tokens.
fn refused(gateway: &Gateway, error: &OauthError) {
    if !["invalid_grant", "invalid_client"].contains(&error.code) {
        return;
    }
    let mut record = Record::new(Kind::SignIn, clock::now_ms());
    record.status = Some("refused");
    record.decision = Some("deny");
    record.reason = Some(error.code);
    // One that cannot be written now is kept until it can.
    let _ = gateway.writer.owe(record);
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Form, OauthError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let form = "application/x-www-form-urlencoded";
    if !kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with(form)) {
        return Err(OauthError::request("send a form (application/x-www-form-urlencoded)"));
    }
    let unread = || OauthError::request("the request did not arrive, or is too long");
    let read = read_body(body, bounds::REGISTRATION_MAX).await.ok_or_else(unread)?;
    let form = Form::read(&read);
    match form.repeated() {
        Some(_) => Err(OauthError::request("a parameter is there more than once")),
        None => Ok(form),
    }
}

/// The endpoint that the form names, if it names one.
fn resource(gateway: &Gateway, site: Site, form: &Form) -> Result<Option<Audience>, OauthError> {
    let Some(resource) = form.one("resource") else { return Ok(None) };
    Audience::of_resource(gateway, site, resource).map(Some).ok_or_else(OauthError::target)
}

async fn code(gateway: &Arc<Gateway>, site: Site, form: &Form) -> Result<Issued, OauthError> {
    let missing = || OauthError::request("code, client_id and code_verifier are needed");
    let code = form.one("code").ok_or_else(missing)?;
    let client = form.one("client_id").ok_or_else(missing)?;
    let verifier = form.one("code_verifier").ok_or_else(missing)?;
    let resource = resource(gateway, site, form)?;
    // Whoever shows a code uses it up, right or wrong.
    let (consent, ticket) = match gateway.codes.take(code) {
        Taken::Fresh(consent, ticket) => (consent, ticket),
        Taken::Again(agent) => {
            if let Some(agent) = agent {
                issue::end_sign_in(gateway, agent, Some("code_reused")).await?;
            }
            return Err(OauthError::grant());
        }
        Taken::Unknown => return Err(OauthError::grant()),
    };
    let redirect = form.one("redirect_uri").unwrap_or(&consent.redirect);
    let proof = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    let proven: bool = proof.as_bytes().ct_eq(consent.challenge.as_bytes()).into();
    let same_client = consent.client.id == client && consent.redirect == redirect;
    // The other address is another authorization server.
    let same_client = same_client && consent.audience.site() == site;
    if !proven || !same_client || !(43..=128).contains(&verifier.len()) {
        return Err(OauthError::grant());
    }
    if resource.is_some_and(|resource| resource != consent.audience) {
        return Err(OauthError::target());
    }
    let issued = issue::begin(gateway, *consent).await?;
    if gateway.codes.issued(&ticket, issued.agent) {
        issue::end_sign_in(gateway, issued.agent, Some("code_reused")).await?;
        return Err(OauthError::grant());
    }
    Ok(issued)
}

async fn refresh(gateway: &Arc<Gateway>, site: Site, form: &Form) -> Result<Issued, OauthError> {
    let missing = || OauthError::request("refresh_token and client_id are needed");
    let token = form.one("refresh_token").ok_or_else(missing)?;
    let client = form.one("client_id").ok_or_else(missing)?.to_owned();
    let audience = resource(gateway, site, form)?;
    match TokenHash::of(token) {
        Ok((TokenKind::Refresh, hash)) => {
            issue::refresh(gateway, hash, client, (site, audience)).await
        }
        _ => Err(OauthError::grant()),
    }
}

/// The client-credentials extension: an agent's id and its sub-token, as a
/// person got them from `agw agent add`, are its client id and secret.
async fn credentials(
    gateway: &Arc<Gateway>,
    site: Site,
    headers: &HeaderMap,
    form: &Form,
) -> Result<Issued, OauthError> {
    let wrong = || {
        let text = "client_id and client_secret must be an agent's id and its sub-token";
        OauthError::new("invalid_client", text)
    };
    let (id, secret) = match basic(headers) {
        Some(_) if form.one("client_secret").is_some() => {
            return Err(OauthError::request("authenticate in one way, not in two"));
        }
        Some(pair) => pair,
        None => {
            let secret = form.one("client_secret").ok_or_else(wrong)?;
            (form.one("client_id").ok_or_else(wrong)?.to_owned(), Zeroizing::new(secret.to_owned()))
        }
    };
    let audience = resource(gateway, site, form)?.unwrap_or(Audience::at(site, None));
    let Ok((TokenKind::Agent, hash)) = TokenHash::of(&secret) else { return Err(wrong()) };
    let agent = {
        let snapshot = gateway.live.snapshot.load();
        let now = gateway.live.clock.now_ms();
        // A token of an hour would else be the way to the next one, for ever.
        let entry = snapshot.tokens.get(&hash).filter(|entry| {
            !entry.revoked && entry.audience.is_none() && entry.expires_at.is_none_or(|at| at > now)
        });
        let agent = entry.and_then(|entry| entry.caller.agent.as_ref()).map(|agent| agent.id);
        agent.filter(|agent| agent.to_string() == id).ok_or_else(wrong)?
    };
    issue::for_sub_token(gateway, agent, audience).await
}

/// The pair of HTTP Basic, each part form-encoded (RFC 6749, section 2.3.1).
fn basic(headers: &HeaderMap) -> Option<(String, Zeroizing<String>)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = Zeroizing::new(BASE64_STANDARD.decode(encoded.trim()).ok()?);
    let at = pair.iter().position(|b| *b == b':')?;
    let decoded = |part: &[u8]| {
        form_urlencoded::parse(part).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
    };
    Some((decoded(pair.get(..at)?), Zeroizing::new(decoded(pair.get(at + 1..)?))))
}

fn answer(issued: &Issued) -> Response {
    let mut body = json!({
        "access_token": issued.access.expose(),
        "token_type": "Bearer",
        "expires_in": issued.expires_in,
        "scope": issued.scope,
    });
    if let (Some(refresh), Some(body)) = (&issued.refresh, body.as_object_mut()) {
        body.insert("refresh_token".into(), refresh.expose().into());
    }
    let mut response = Json(body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// `POST /oauth/revoke`: the agent's client signs it out. Whatever token it
/// shows, all that came of that sign-in end; a token that is none of these is
/// as good as revoked (RFC 7009, section 2.2).
pub(super) async fn revoke(
    State(gateway): State<Arc<Gateway>>,
    request: Request,
) -> Result<Response, OauthError> {
    let (parts, body) = request.into_parts();
    let form = read(&parts.headers, body).await?;
    let token = form.one("token").ok_or_else(|| OauthError::request("token is missing"))?;
    if let Ok((TokenKind::Agent | TokenKind::Refresh, hash)) = TokenHash::of(token)
        && let Some((agent, client)) = issue::owner_of(&gateway, hash).await?
    {
        if form.one("client_id").is_some_and(|id| id != client) {
            return Err(OauthError::grant());
        }
        issue::end_sign_in(&gateway, agent, None).await?;
    }
    Ok(StatusCode::OK.into_response())
}

impl From<crate::store::StoreError> for OauthError {
    fn from(error: crate::store::StoreError) -> Self {
        AdminError::from(error).into()
    }
}
