//! Where programs on other machines find the gateway.

use agw_api::{Authority, Sharing, SharingState};

use crate::act::Clients;

/// `https://gateway.lan:7411` where other machines are let in, else where this
/// machine reaches it.
#[derive(Debug, Clone)]
pub struct Address {
    pub url: String,
    /// Whether other machines reach it there.
    pub shared: bool,
    /// The gateway's own authority (PEM), where its certificate is of that.
    pub authority: Option<String>,
}

impl Clients<'_> {
    /// Never fails: without a gateway, or an admin signed in to it, nobody says
    /// that it is shared.
    pub async fn address(&self) -> Address {
        let sharing = self.api.get::<Sharing>("/api/v1/sharing").await.ok();
        let listening = sharing.filter(|sharing| sharing.state == SharingState::Listening);
        let Some(url) = listening.and_then(|sharing| sharing.url) else {
            let url = self.gateway.url.clone();
            return Address { url, shared: false, authority: None };
        };
        let authority = self.api.get::<Authority>("/api/v1/sharing/authority").await.ok();
        let authority = authority.filter(|authority| authority.in_use);
        Address { url, shared: true, authority: authority.map(|authority| authority.pem) }
    }
}
