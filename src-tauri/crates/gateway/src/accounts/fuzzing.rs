//! Doors for the fuzz targets to what reads other servers' documents.

use http::Uri;

use super::{challenge::Challenge, discover};

/// The resource that a document (RFC 9728) says the server at a URL is; else
/// why it is not believed.
pub fn resource(body: &[u8], server: &Uri) -> Result<String, String> {
    discover::resource_of(body, server)
}

/// The issuer and the token endpoint of an authorization server (RFC 8414).
pub fn authorization_server(body: &[u8], issuer: &str) -> Result<(String, String), String> {
    discover::issuer_of(body, issuer)
}

/// Where the first `Bearer` challenge points to, its error and its scopes.
pub fn challenge(text: &str) -> Option<(Option<String>, Option<String>, Vec<String>)> {
    let read = Challenge::parse(text)?;
    Some((read.resource_metadata, read.error, read.scopes))
}
