//! Finding out where to sign in for a server (MCP 2026-07-28, authorization
//! server discovery; RFC 9728; RFC 8414; OpenID Connect Discovery).
//!
//! Every document is what somebody on the network says. What is believed is
//! only what it says about itself: `resource` must be the server that was
//! asked about, `issuer` the server that was asked.

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, Uri, header};
use serde::{Deserialize, de::DeserializeOwned};

use super::{AccountError, challenge::Challenge};
use crate::{
    bounds,
    egress::{Egress, EgressError, Reach},
};

/// Where to sign in, and what for.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) issuer: String,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    pub(super) registration_endpoint: Option<String>,
    pub(super) revocation_endpoint: Option<String>,
    /// How a client may authenticate; `None`: it does not say.
    pub(super) methods: Option<Vec<String>>,
    /// Whether an answer without `iss` is refused.
    pub(super) says_iss: bool,
    /// What the tokens are for.
    pub(super) resource: String,
    /// What to ask for if the server has not said.
    pub(super) scopes: Vec<String>,
    /// Whether it offers tokens that outlive the person's presence.
    pub(super) offline: bool,
    /// Clients may be known by a URL, which a gateway without one cannot use.
    pub(super) by_url: bool,
}

/// RFC 9728, section 2.
#[derive(Debug, Deserialize)]
struct ResourceMetadata {
    resource: String,
    #[serde(default)]
    authorization_servers: Vec<String>,
    #[serde(default)]
    scopes_supported: Vec<String>,
}

/// RFC 8414, section 2, and what OpenID Connect Discovery has in common with it.
#[derive(Debug, Deserialize)]
struct ServerMetadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    #[serde(default)]
    registration_endpoint: Option<String>,
    #[serde(default)]
    revocation_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    code_challenge_methods_supported: Vec<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    #[serde(default)]
    scopes_supported: Vec<String>,
    #[serde(default)]
    client_id_metadata_document_supported: bool,
}

impl ResourceMetadata {
    fn about(self, server: &Uri) -> Result<Self, AccountError> {
        if covers(&self.resource, server) {
            Ok(self)
        } else {
            Err(AccountError::OtherResource(shown(&self.resource)))
        }
    }
}

impl ServerMetadata {
    fn of(self, issuer: &str) -> Result<Found, AccountError> {
        if self.issuer != issuer {
            let said = shown(&self.issuer);
            return Err(AccountError::OtherIssuer { asked: shown(issuer), said });
        }
        if !self.code_challenge_methods_supported.iter().any(|method| method == "S256") {
            return Err(AccountError::NoPkce(shown(issuer)));
        }
        Ok(Found {
            offline: self.scopes_supported.iter().any(|scope| scope == "offline_access"),
            issuer: self.issuer,
            authorization_endpoint: self.authorization_endpoint,
            token_endpoint: self.token_endpoint,
            registration_endpoint: self.registration_endpoint,
            revocation_endpoint: self.revocation_endpoint,
            methods: self.token_endpoint_auth_methods_supported,
            says_iss: self.authorization_response_iss_parameter_supported,
            by_url: self.client_id_metadata_document_supported,
            resource: String::new(),
            scopes: Vec::new(),
        })
    }
}

pub(super) struct Discovery<'a> {
    pub(super) egress: &'a Egress,
    pub(super) reach: &'a Reach,
    /// The connection's URL.
    pub(super) server: &'a Uri,
}

impl Discovery<'_> {
    /// `challenge` is what the server said last.
    pub(super) async fn run(&self, challenge: Option<&Challenge>) -> Result<Found, AccountError> {
        let named = challenge.and_then(|challenge| challenge.resource_metadata.as_deref());
        let resource = self.resource(named).await?;
        let mut found = match &resource {
            Some(resource) => {
                // Without one named it is the server itself (MCP 2025-03-26).
                let first = resource.authorization_servers.first();
                let issuer = first.cloned().unwrap_or_else(|| origin(self.server));
                let metadata = self.server_metadata(&issuer).await?;
                metadata.ok_or(AccountError::NoServer(issuer))?
            }
            None => {
                let issuer = origin(self.server);
                match self.server_metadata(&issuer).await? {
                    Some(found) => found,
                    None => by_custom(&issuer),
                }
            }
        };
        match resource {
            Some(metadata) => {
                found.resource = metadata.resource;
                found.scopes = super::challenge::scopes(&metadata.scopes_supported.join(" "));
            }
            None => found.resource = canonical(self.server),
        }
        for endpoint in [&found.token_endpoint].into_iter().chain(&found.registration_endpoint) {
            self.reach.check(endpoint)?;
        }
        // The browser goes there, but it is the gateway that sends it.
        let endpoint = &found.authorization_endpoint;
        self.reach.check_host(endpoint, bounds::EGRESS_PATIENCE).await?;
        Ok(found)
    }

    /// What the server says it is: where it pointed to, else at both places
    /// where it might. `None` if it says nothing (MCP 2025-03-26).
    async fn resource(
        &self,
        named: Option<&str>,
    ) -> Result<Option<ResourceMetadata>, AccountError> {
        let found: Option<ResourceMetadata> = match named {
            Some(url) => {
                let found = self.document(url).await?;
                Some(found.ok_or_else(|| AccountError::NoMetadata(shown(url)))?)
            }
            None => {
                let (origin, path) = (origin(self.server), self.server.path());
                let root = format!("{origin}/.well-known/oauth-protected-resource");
                let mut places = vec![root.clone()];
                if path != "/" {
                    places.insert(0, format!("{root}{path}"));
                }
                self.first(places).await?
            }
        };
        found.map(|metadata| metadata.about(self.server)).transpose()
    }

    async fn server_metadata(&self, issuer: &str) -> Result<Option<Found>, AccountError> {
        let uri = self.reach.check(issuer)?;
        if uri.query().is_some() {
            return Err(EgressError::Url(shown(issuer)).into());
        }
        let (origin, path) = (origin(&uri), uri.path().trim_end_matches('/'));
        let oauth = "/.well-known/oauth-authorization-server";
        let openid = "/.well-known/openid-configuration";
        let mut places = vec![format!("{origin}{oauth}{path}"), format!("{origin}{openid}{path}")];
        if !path.is_empty() {
            places.push(format!("{origin}{path}{openid}"));
        }
        let found: Option<ServerMetadata> = self.first(places).await?;
        let mut found = found.map(|metadata| metadata.of(issuer)).transpose()?;
        // One that may not be asked is none: no sign-in hangs on it.
        if let Some(found) = &mut found {
            let may_be_asked = |endpoint: &String| self.reach.check(endpoint).is_ok();
            found.revocation_endpoint = found.revocation_endpoint.take().filter(may_be_asked);
        }
        Ok(found)
    }

    /// The first of the places that has a document.
    async fn first<T: DeserializeOwned>(
        &self,
        places: Vec<String>,
    ) -> Result<Option<T>, AccountError> {
        for place in places {
            if let Some(found) = self.document(&place).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// `None` if there is nothing there.
    async fn document<T: DeserializeOwned>(&self, url: &str) -> Result<Option<T>, AccountError> {
        let uri = self.reach.check(url)?;
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = uri;
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::ACCEPT, json);
        let response = self.egress.send(self.reach, request).await?;
        match response.status() {
            StatusCode::OK => read(response.body())
                .map(Some)
                .map_err(|cause| AccountError::Malformed { what: shown(url), cause }),
            // Somebody else's 404 may be a 401 or a 405.
            status if status.is_client_error() => Ok(None),
            status => Err(AccountError::Status { what: shown(url), status: status.as_u16() }),
        }
    }
}

/// A JSON object; for serde an array would do, too. What it quotes may be
/// anything, so the cause names positions and members only.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err("it is no JSON object".into());
    }
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => "a member is missing or of another type".into(),
        _ => format!("it is not JSON at line {}, column {}", error.line(), error.column()),
    })
}

/// The endpoints of a server that says nothing (MCP 2025-03-26, fallbacks for
/// servers without metadata discovery). PKCE with S256 is demanded there, too.
fn by_custom(origin: &str) -> Found {
    Found {
        issuer: origin.to_owned(),
        authorization_endpoint: format!("{origin}/authorize"),
        token_endpoint: format!("{origin}/token"),
        registration_endpoint: Some(format!("{origin}/register")),
        revocation_endpoint: None,
        methods: None,
        says_iss: false,
        resource: String::new(),
        scopes: Vec::new(),
        offline: false,
        by_url: false,
    }
}

/// Scheme, host and port, as the URL has them.
pub(super) fn origin(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("https");
    let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
    format!("{scheme}://{authority}").to_ascii_lowercase()
}

/// The server's URI as a resource (MCP 2026-07-28, canonical server URI).
fn canonical(uri: &Uri) -> String {
    format!("{}{}", origin(uri), uri.path().trim_end_matches('/'))
}

/// Whether a resource is the server, or the part of its host that it is in.
fn covers(resource: &str, server: &Uri) -> bool {
    let Ok(uri) = resource.parse::<Uri>() else { return false };
    if uri.scheme().is_none() || resource.contains('#') || origin(&uri) != origin(server) {
        return false;
    }
    let (part, whole) = (uri.path().trim_end_matches('/'), server.path());
    whole.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        && uri.query().is_none_or(|query| Some(query) == server.query())
}

/// For the fuzz targets: what a server is known as, or its issuer and where
/// its tokens are, if a document is believed.
#[cfg(feature = "fuzzing")]
pub(super) fn resource_of(body: &[u8], server: &Uri) -> Result<String, String> {
    let metadata: ResourceMetadata = read(body)?;
    metadata.about(server).map(|metadata| metadata.resource).map_err(|e| e.to_string())
}

#[cfg(feature = "fuzzing")]
pub(super) fn issuer_of(body: &[u8], issuer: &str) -> Result<(String, String), String> {
    let metadata: ServerMetadata = read(body)?;
    let found = metadata.of(issuer).map_err(|e| e.to_string())?;
    Ok((found.issuer, found.token_endpoint))
}

/// Somebody else's text, in an error.
pub(super) fn shown(text: &str) -> String {
    let sane = text.chars().filter(|c| !c.is_control());
    sane.take(bounds::SCOPE_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_the_server_or_what_it_is_in() {
        let server: Uri = "https://mcp.acme.com/team/mcp".parse().unwrap();
        for good in [
            "https://mcp.acme.com/team/mcp",
            "https://mcp.acme.com/team/mcp/",
            "https://MCP.acme.com/team",
            "https://mcp.acme.com",
            "https://mcp.acme.com/",
        ] {
            assert!(covers(good, &server), "{good}");
        }
        for bad in [
            "https://evil.example/team/mcp",
            "http://mcp.acme.com/team/mcp",
            "https://mcp.acme.com:444/team/mcp",
            "https://mcp.acme.com/tea",
            "https://mcp.acme.com/team/mcp/other",
            "https://mcp.acme.com/?x",
            "mcp.acme.com",
            "",
            "https://mcp.acme.com.evil.example/",
        ] {
            assert!(!covers(bad, &server), "{bad}");
        }
        assert_eq!(canonical(&"https://mcp.acme.com/".parse().unwrap()), "https://mcp.acme.com");
    }

    #[test]
    fn documents_that_are_none_are_told_apart_without_their_words() {
        for body in
            ["[]", "null", "", "{", "{\"resource\":7}", "{\"resource\":\"a\",\"resource\":\"b\"}"]
        {
            let cause = read::<ResourceMetadata>(body.as_bytes()).unwrap_err();
            assert!(!cause.contains('7'), "{cause}");
        }
    }
}
