//! Who the gateway is to an authorization server. In this order: the client
//! that an admin gave, which may be one known by a URL where the admin has put
//! its document (the gateway itself has no public address to have one at); one
//! that it registers itself (RFC 7591); else an admin is asked for one.

use agw_core::ConnectionId;
use agw_vault::{Place, Secret, Vault};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use serde::Deserialize;
use serde_json::json;

use super::{
    AccountError,
    discover::{self, Found, shown},
    token::{self, Client, ClientAuth},
};
use crate::{
    bounds,
    egress::{Egress, Reach},
    store::snapshot::ConnectionConfig,
};

/// What a client's secret is called in the vault.
const SECRET: &str = "client secret";

/// A client as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredClient {
    pub(crate) issuer: Option<String>,
    pub(crate) id: String,
    pub(crate) secret: Option<Vec<u8>>,
    pub(crate) method: Option<String>,
    /// `None`: an admin gave it.
    pub(crate) redirect_uri: Option<String>,
}

fn place(config: &ConnectionConfig) -> Place<'_> {
    place_of(config.id, &config.name)
}

pub(crate) fn place_of(connection: ConnectionId, name: &agw_core::ConnectionName) -> Place<'_> {
    Place { connection, connection_name: name, owner: None, credential: SECRET, version: 1 }
}

impl StoredClient {
    /// One that an admin gave.
    pub(crate) fn given(id: String, secret: Option<Vec<u8>>) -> Self {
        Self { issuer: None, id, secret, method: None, redirect_uri: None }
    }

    pub(super) fn open(
        &self,
        vault: &Vault,
        config: &ConnectionConfig,
        methods: Option<&[String]>,
    ) -> Result<Client, AccountError> {
        let permit = agw_core::ConnectPermit::new(config.id);
        let open = |sealed: &Vec<u8>| vault.open_to_connect(&permit, &place(config), sealed);
        let secret = self.secret.as_ref().map(open).transpose()?;
        // Who is known by a URL is a public client.
        let public = self.by_url().then_some(ClientAuth::None);
        let kept = self.method.as_deref().and_then(ClientAuth::parse).or(public);
        let method = kept.or_else(|| ClientAuth::choose(methods, secret.is_some()));
        let method = method.ok_or(AccountError::NoMethod)?;
        Ok(Client { id: self.id.clone(), secret, method })
    }

    /// Whether it is known by the URL of a document that the admin has put
    /// somewhere, and so to every server alike (MCP 2026-07-28, client ID
    /// metadata documents). One with a secret is not: whoever is shown that
    /// can use it elsewhere.
    fn by_url(&self) -> bool {
        let given = self.redirect_uri.is_none() && self.secret.is_none();
        given && self.id.starts_with("https://")
    }

    /// The only server that it may be shown to; `None`: whichever is first.
    pub(super) fn bound_to(&self) -> Option<&str> {
        self.issuer.as_deref().filter(|_| !self.by_url())
    }

    /// Whether it is one for this issuer and this address.
    pub(super) fn fits(&self, found: &Found, redirect_uri: &str) -> bool {
        self.issuer.as_ref() == Some(&found.issuer)
            && self.redirect_uri.as_deref() == Some(redirect_uri)
    }
}

/// Registers the gateway.
pub(super) async fn register(
    egress: &Egress,
    reach: &Reach,
    found: &Found,
    redirect_uri: &str,
    scopes: &str,
) -> Result<Client, AccountError> {
    #[derive(Deserialize)]
    struct Registered {
        client_id: String,
        #[serde(default)]
        client_secret: Option<String>,
        #[serde(default)]
        token_endpoint_auth_method: Option<String>,
    }
    let Some(endpoint) = &found.registration_endpoint else {
        return Err(AccountError::NoClient { by_url: found.by_url });
    };
    let offered = found.methods.as_deref();
    let wanted = ClientAuth::choose(offered, true).ok_or(AccountError::NoMethod)?;
    let mut body = json!({
        "client_name": "AI Agent Gateway",
        "redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": wanted.as_str(),
        "application_type": "native",
    });
    if !scopes.is_empty()
        && let Some(members) = body.as_object_mut()
    {
        members.insert("scope".into(), scopes.into());
    }
    let mut request = Request::new(Bytes::from(body.to_string()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = reach.check(endpoint)?;
    let json = HeaderValue::from_static("application/json");
    request.headers_mut().insert(header::CONTENT_TYPE, json.clone());
    request.headers_mut().insert(header::ACCEPT, json);
    let response = egress.send(reach, request).await?;
    if !response.status().is_success() {
        return match token::refused(response.status().as_u16(), response.body()) {
            AccountError::Refused(code) => Err(AccountError::NotRegistered(code)),
            _ => Err(AccountError::NotRegistered(format!("HTTP {}", response.status().as_u16()))),
        };
    }
    let malformed = |cause| AccountError::Malformed { what: shown(endpoint), cause };
    let registered: Registered = discover::read(response.body()).map_err(malformed)?;
    let secret = registered.client_secret.filter(|secret| !secret.is_empty()).map(Secret::new);
    let too_long = |bytes: &[u8]| bytes.len() > bounds::TOKEN_MAX;
    if registered.client_id.is_empty()
        || too_long(registered.client_id.as_bytes())
        || secret.as_ref().is_some_and(|secret| too_long(secret.expose()))
    {
        return Err(malformed("the client's id or secret is empty or too long".into()));
    }
    let given = registered.token_endpoint_auth_method.as_deref().and_then(ClientAuth::parse);
    let method = given.filter(|method| secret.is_some() || *method == ClientAuth::None);
    let otherwise = if secret.is_some() { wanted } else { ClientAuth::None };
    let method = method.unwrap_or(otherwise);
    Ok(Client { id: registered.client_id, secret, method })
}

pub(super) fn seal(
    vault: &Vault,
    config: &ConnectionConfig,
    client: &Client,
    issuer: &str,
    redirect_uri: &str,
) -> Result<StoredClient, AccountError> {
    let sealed = client.secret.as_ref().map(|secret| vault.seal(&place(config), secret));
    Ok(StoredClient {
        issuer: Some(issuer.to_owned()),
        id: client.id.clone(),
        secret: sealed.transpose()?,
        method: Some(client.method.as_str().to_owned()),
        redirect_uri: Some(redirect_uri.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::StoredClient;

    #[test]
    fn a_client_with_a_secret_is_for_one_server_whatever_its_id_looks_like() {
        let bound = |id: &str, secret: Option<Vec<u8>>| {
            let issuer = Some("https://auth.acme.com".to_owned());
            let client = StoredClient { issuer, ..StoredClient::given(id.to_owned(), secret) };
            client.bound_to().is_some()
        };
        assert!(!bound("https://acme.com/gateway.json", None));
        assert!(bound("https://acme.com/gateway.json", Some(vec![1])));
        assert!(bound("gateway", None));
    }
}
