//! Sharing over TLS, and invites.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::people::Role;
use crate::names::{person_name, query_value, ttl};

#[derive(Debug, Subcommand)]
pub(crate) enum ShareCommand {
    /// Let other machines in, over TLS 1.3; what is not named stays
    #[command(after_help = "Examples:
  agw share on --name gateway.lan --name 192.168.1.20
  agw share on --name gw.acme.com --port 443 --certificate /etc/agw/fullchain.pem --key /etc/agw/key.pem

Without a certificate the gateway makes its own: `agw share ca` says how to trust it.")]
    On(ShareOn),
    /// Let only this machine in; what is open to others ends
    Off,
    /// Say whether and where other machines reach the gateway
    Status,
    /// Print the certificate of the gateway's own authority, and how to trust it
    Ca {
        /// Write it to this file instead
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ShareOn {
    /// Host name or IP address that others reach this machine by; the first stands in links
    #[arg(long = "name", value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// IP address of this machine to listen on [default: 0.0.0.0, all of them]
    #[arg(long, value_name = "IP")]
    pub(crate) address: Option<String>,
    /// Port to listen on [default: 7411]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: Option<u16>,
    /// PEM file with the certificate and those between it and its root
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with = "own_certificate")]
    pub(crate) certificate: Option<PathBuf>,
    /// PEM file with its private key
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(crate) key: Option<PathBuf>,
    /// Go back to a certificate that the gateway makes
    #[arg(long)]
    pub(crate) own_certificate: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum InviteCommand {
    /// Invite somebody and print the link by which they set their password, once
    #[command(after_help = "Whoever has the link can use it: send it to the person alone.")]
    Create {
        /// Somebody new, or a user without a password
        #[arg(value_parser = person_name)]
        name: String,
        /// What somebody new may do here [default: member]
        #[arg(long)]
        role: Option<Role>,
        /// Team that somebody new joins; made if there is none of that name
        #[arg(long = "team", value_name = "TEAM", value_parser = person_name)]
        teams: Vec<String>,
        /// How long the link is good: 1h to 7d [default: 7d]
        #[arg(long, value_name = "TIME", value_parser = ttl)]
        ttl: Option<u64>,
    },
    /// List invites, the newest first
    List,
    /// Take an invite back; the user stays
    Revoke {
        /// Id of the invite, as `agw invite list` shows it
        #[arg(value_parser = query_value)]
        id: String,
    },
}
