//! Sharing over TLS, and invites.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Role;

/// `PUT /api/v1/sharing`: what an admin sets about the address for other
/// machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SharingSettings {
    pub on: bool,
    /// An IP address of this machine; `0.0.0.0` or `::` for all of them.
    pub address: String,
    pub port: u16,
    /// Host names and IP addresses that others reach it by; the first one
    /// stands in links.
    pub names: Vec<String>,
    pub certificate: SharingCertificate,
    /// As last seen; refused with 409 if it is at another one by now.
    pub version: u64,
}

impl Default for SharingSettings {
    fn default() -> Self {
        Self {
            on: false,
            address: "0.0.0.0".into(),
            port: 7411,
            names: Vec::new(),
            certificate: SharingCertificate::Own,
            version: 0,
        }
    }
}

/// Where the certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum SharingCertificate {
    /// The gateway makes one, signed by its own authority.
    Own,
    /// PEM files on the gateway's machine; read again when they change.
    Files {
        /// Path of the certificate and those between it and its root.
        certificate: String,
        /// Path of its private key.
        key: String,
    },
}

/// Whether others can reach the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SharingState {
    Off,
    Listening,
    /// It is on and nobody is answered; `problem` says why. It is tried again.
    Failed,
}

/// `GET /api/v1/sharing`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Sharing {
    pub settings: SharingSettings,
    pub state: SharingState,
    /// What is wrong, and what to do.
    pub problem: Option<String>,
    /// Where others reach it, e.g. `https://gateway.lan:7411`.
    pub url: Option<String>,
    /// The certificate that is shown.
    pub certificate: Option<ShownCertificate>,
    /// Names and addresses that this machine seems to have.
    pub suggested: Vec<String>,
}

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShownCertificate {
    /// SHA-256 of it, in hex with colons.
    pub fingerprint: String,
    /// RFC 3339.
    pub expires_at: String,
}

/// `GET /api/v1/sharing/authority`: what other machines are told to trust.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Authority {
    /// Whether the shared address shows a certificate of this authority.
    pub in_use: bool,
    pub pem: String,
    /// SHA-256 of it, in hex with colons.
    pub fingerprint: String,
    /// RFC 3339.
    pub expires_at: String,
}

/// `POST /api/v1/invites`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvite {
    /// Somebody new, or a user who cannot sign in yet.
    pub user: String,
    /// Of somebody new; `member` if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Of somebody new; those that do not exist yet are made.
    #[serde(default)]
    pub teams: Vec<String>,
    /// How long it is good, in seconds: an hour to seven days, which is what
    /// it is if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<u64>,
}

/// A new invite with its link; shown once.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct InviteCreated {
    pub invite: Invite,
    /// Where the person sets their password. Whoever has it can.
    pub link: String,
    /// Whether the link works on other machines.
    pub shared: bool,
}

/// What has become of an invite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InviteState {
    Open,
    Accepted,
    Revoked,
    Expired,
}

/// An invite, without its link.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Invite {
    pub id: String,
    pub user: String,
    pub role: Role,
    pub state: InviteState,
    /// Who made it.
    pub by: String,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    pub expires_at: String,
}

/// `POST /api/v1/invites/look`: whose invite this is.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteSecret {
    /// The last part of the link.
    #[schema(format = Password)]
    pub secret: String,
}

/// To whoever has the link.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct InviteShown {
    pub user: String,
    /// RFC 3339.
    pub expires_at: String,
}

/// `POST /api/v1/invites/accept`: sets the password and signs in.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptInvite {
    #[schema(format = Password)]
    pub secret: String,
    /// At least 10 characters.
    #[schema(format = Password)]
    pub password: String,
}
