//! What can go wrong with accounts, in words for people.

use agw_vault::VaultError;

use crate::{egress::EgressError, store::StoreError};

/// Why a sign-in, or a renewal, did not come about. For people; nothing in it
/// was sent or received as a secret.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum AccountError {
    #[error(transparent)]
    Egress(#[from] EgressError),
    #[error("{0} has no metadata, though the server points there")]
    NoMetadata(String),
    #[error("the server's metadata is about another one: {0}")]
    OtherResource(String),
    #[error("{0} says nothing about how to sign in there")]
    NoServer(String),
    #[error("the metadata of {asked} are those of another server: {said}")]
    OtherIssuer { asked: String, said: String },
    #[error("{0} does not offer PKCE with S256, without which signing in is not safe")]
    NoPkce(String),
    #[error("{what} is unusable: {cause}")]
    Malformed { what: String, cause: String },
    #[error("{what} answered with HTTP {status}")]
    Status { what: String, status: u16 },
    #[error("the authorization server refused: {0}")]
    Refused(String),
    #[error(
        "the authorization server registers no client for this gateway ({0}); an admin can register one there and give it with --client-id"
    )]
    NotRegistered(String),
    #[error(
        "the authorization server wants a client that is registered with it{}; an admin registers one there and adds the connection with --client-id",
        if *.by_url { ", or one known by a public URL" } else { "" }
    )]
    NoClient { by_url: bool },
    #[error(
        "the client id was given for another authorization server: {0}; add the connection anew with one for this server"
    )]
    OtherClient(String),
    #[error("the authorization server wants a way of client authentication that is not supported")]
    NoMethod,
    #[error("the answer names another authorization server than the one that was asked, or none")]
    WrongIssuer,
    #[error("this sign-in is not under way any more, or not yours; open the link again")]
    NotUnderWay,
    #[error("the gateway is sealed; an administrator unlocks it")]
    Sealed,
    #[error("the connection was removed or changed meanwhile")]
    Gone,
    #[error("it could not be stored: {0}")]
    Store(String),
    #[error("{0}")]
    Internal(&'static str),
}

impl From<VaultError> for AccountError {
    fn from(_: VaultError) -> Self {
        Self::Internal("a stored secret of the account does not open")
    }
}

impl From<StoreError> for AccountError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

impl From<rusqlite::Error> for AccountError {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::from(error).into()
    }
}
