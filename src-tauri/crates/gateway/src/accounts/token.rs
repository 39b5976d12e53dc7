//! The token endpoint (OAuth 2.1, section 3.2).

use agw_vault::Secret;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};
use serde::Deserialize;

use super::{AccountError, discover};
use crate::{
    bounds,
    egress::{Egress, Reach},
};

/// How the gateway shows a token endpoint which client it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientAuth {
    None,
    Basic,
    Post,
}

/// The gateway as an authorization server knows it.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) id: String,
    pub(super) secret: Option<Secret>,
    pub(super) method: ClientAuth,
}

/// What a token endpoint gave.
#[derive(Debug)]
pub(super) struct Tokens {
    pub(super) access: Secret,
    pub(super) refresh: Option<Secret>,
    /// Seconds.
    pub(super) life: Option<u64>,
}

impl ClientAuth {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "none" => Some(Self::None),
            "client_secret_basic" => Some(Self::Basic),
            "client_secret_post" => Some(Self::Post),
            _ => None,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
        }
    }

    /// The best of what a server takes; without a word on it, the default of
    /// RFC 8414, section 2. `None` if it takes nothing that there is here.
    pub(super) fn choose(offered: Option<&[String]>, secret: bool) -> Option<Self> {
        let Some(offered) = offered else {
            return Some(if secret { Self::Basic } else { Self::None });
        };
        let known = |method: Self| offered.iter().any(|offer| offer == method.as_str());
        let mut order = [Self::Basic, Self::Post, Self::None].into_iter();
        order.find(|method| known(*method) && (secret || *method == Self::None))
    }
}

/// Parameters of a request. Some of them are secret, so it has no `Debug`.
pub(super) struct Form(String);

impl Form {
    pub(super) fn new(grant_type: &str, resource: &str) -> Self {
        Self(format!("grant_type={grant_type}")).with("resource", resource)
    }

    /// Of one token that is given back (RFC 7009, section 2.1).
    pub(super) fn of_token(hint: &str, token: &Secret) -> Self {
        Self(format!("token_type_hint={hint}")).with_secret("token", token)
    }

    pub(super) fn with(self, name: &str, value: &str) -> Self {
        self.with_bytes(name, value.as_bytes())
    }

    pub(super) fn with_secret(self, name: &str, value: &Secret) -> Self {
        self.with_bytes(name, value.expose())
    }

    fn with_bytes(mut self, name: &str, value: &[u8]) -> Self {
        self.0.push('&');
        self.0.push_str(name);
        self.0.push('=');
        self.0.extend(form_urlencoded::byte_serialize(value));
        self
    }
}

pub(super) async fn ask(
    egress: &Egress,
    reach: &Reach,
    endpoint: &str,
    client: &Client,
    form: Form,
) -> Result<Tokens, AccountError> {
    let response = send(egress, reach, endpoint, client, form).await?;
    let status = response.status();
    if !status.is_success() {
        return Err(refused(status.as_u16(), response.body()));
    }
    read(response.body())
}

/// Sends a form as this client.
pub(super) async fn send(
    egress: &Egress,
    reach: &Reach,
    endpoint: &str,
    client: &Client,
    mut form: Form,
) -> Result<Response<Bytes>, AccountError> {
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = reach.check(endpoint)?;
    let headers = request.headers_mut();
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    match (client.method, &client.secret) {
        (ClientAuth::Basic, Some(secret)) => {
            let mut basic = HeaderValue::from_str(&basic(&client.id, secret))
                .map_err(|_| AccountError::Internal("a client's credentials are no header"))?;
            basic.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, basic);
        }
        (ClientAuth::Post, Some(secret)) => {
            form = form.with("client_id", &client.id).with_secret("client_secret", secret);
        }
        _ => form = form.with("client_id", &client.id),
    }
    *request.body_mut() = form.0.into();
    Ok(egress.send(reach, request).await?)
}

/// RFC 6749, section 2.3.1: each part is form-encoded first.
fn basic(id: &str, secret: &Secret) -> String {
    let encode = |bytes: &[u8]| form_urlencoded::byte_serialize(bytes).collect::<String>();
    let pair = format!("{}:{}", encode(id.as_bytes()), encode(secret.expose()));
    format!("Basic {}", BASE64_STANDARD.encode(pair))
}

fn read(body: &[u8]) -> Result<Tokens, AccountError> {
    #[derive(Deserialize)]
    struct Answer {
        access_token: String,
        token_type: String,
        #[serde(default)]
        expires_in: Option<serde_json::Number>,
        #[serde(default)]
        refresh_token: Option<String>,
    }
    let malformed = |cause: String| AccountError::Malformed { what: "the token".into(), cause };
    let answer: Answer = discover::read(body).map_err(malformed)?;
    let refresh = answer.refresh_token.filter(|token| !token.is_empty()).map(Secret::new);
    let access = Secret::new(answer.access_token);
    let sane = |token: &Secret| {
        // As RFC 6750, section 2.1, has it, so that it is a header.
        let bytes = token.expose();
        let visible = bytes.iter().all(|b| matches!(b, 0x21..=0x7e));
        !bytes.is_empty() && bytes.len() <= bounds::TOKEN_MAX && visible
    };
    if !answer.token_type.eq_ignore_ascii_case("bearer") {
        return Err(malformed("it is no bearer token".into()));
    }
    if !sane(&access) || refresh.as_ref().is_some_and(|token| !sane(token)) {
        return Err(malformed("a token is empty, too long or has spaces".into()));
    }
    // Some write seconds as 3600.0.
    let seconds = |n: serde_json::Number| n.as_u64().or_else(|| n.as_f64().map(|n| n as u64));
    Ok(Tokens { access, refresh, life: answer.expires_in.and_then(seconds) })
}

/// RFC 6749, section 5.2. Its code is kept; its words are not: they may repeat
/// what was sent.
pub(super) fn refused(status: u16, body: &[u8]) -> AccountError {
    #[derive(Deserialize)]
    struct Refused {
        error: String,
    }
    // Too slow or too many says nothing of what was asked for.
    let spoken = status < 500 && ![408, 425, 429].contains(&status);
    match discover::read::<Refused>(body) {
        Ok(refused) if spoken => AccountError::Refused(code(&refused.error)),
        _ => AccountError::Status { what: "the token endpoint".into(), status },
    }
}

/// An error code as RFC 6749 spells them, or nothing that could be a secret.
pub(super) fn code(text: &str) -> String {
    const KNOWN: [&str; 16] = [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "invalid_target",
        "access_denied",
        "unsupported_response_type",
        "server_error",
        "temporarily_unavailable",
        "login_required",
        "consent_required",
        "interaction_required",
        "invalid_redirect_uri",
        "invalid_client_metadata",
    ];
    KNOWN.into_iter().find(|known| *known == text).unwrap_or("another error").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_authenticates_as_its_server_wants() {
        let of = |offered: &[&str], secret| {
            let offered: Vec<String> = offered.iter().map(|o| (*o).to_owned()).collect();
            ClientAuth::choose(Some(&offered), secret)
        };
        assert_eq!(ClientAuth::choose(None, true), Some(ClientAuth::Basic));
        assert_eq!(ClientAuth::choose(None, false), Some(ClientAuth::None));
        assert_eq!(of(&["client_secret_post", "none"], true), Some(ClientAuth::Post));
        assert_eq!(of(&["client_secret_post", "none"], false), Some(ClientAuth::None));
        assert_eq!(of(&["none"], true), Some(ClientAuth::None));
        assert_eq!(of(&["private_key_jwt"], true), None);
        assert_eq!(of(&["client_secret_basic"], false), None);
    }

    #[test]
    fn ids_and_secrets_are_encoded_before_they_are_joined() {
        let text = basic("a:b", &Secret::new("c d%"));
        assert_eq!(text, format!("Basic {}", BASE64_STANDARD.encode("a%3Ab:c+d%25")));
    }

    #[test]
    fn tokens_that_are_none_are_refused() {
        let good = br#"{"access_token":"a","token_type":"bearer","expires_in":3600.0,"x":1}"#;
        assert_eq!(read(good).unwrap().life, Some(3600));
        for bad in [
            r#"{"access_token":"a","token_type":"mac"}"#,
            r#"{"access_token":"","token_type":"Bearer"}"#,
            r#"{"access_token":"a\nb","token_type":"Bearer"}"#,
            r#"{"access_token":"a","token_type":"Bearer","refresh_token":"b c"}"#,
            r#"{"access_token":"a","access_token":"b","token_type":"Bearer"}"#,
            r#"{"token_type":"Bearer"}"#,
            "[]",
        ] {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_error_says_its_code_and_nothing_else() {
        let error = refused(400, br#"{"error":"invalid_grant","error_description":"s3cret"}"#);
        assert!(matches!(&error, AccountError::Refused(code) if code == "invalid_grant"));
        let error = refused(400, br#"{"error":"s3cret"}"#);
        assert!(!error.to_string().contains("s3cret"), "{error}");
        assert!(matches!(refused(503, b"{}"), AccountError::Status { status: 503, .. }));
        // An account would end for it.
        let busy = refused(429, br#"{"error":"rate_limited"}"#);
        assert!(matches!(busy, AccountError::Status { status: 429, .. }));
    }
}
