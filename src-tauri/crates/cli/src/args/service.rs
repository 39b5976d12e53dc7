//! The service, its set-up, signing in and the bridge.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::audit::DurabilityArg;
use crate::names::{connection_name, http_url, person_name, tool};

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address for agents and browsers
    #[arg(long, env = "AGW_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:7410")]
    pub(crate) listen: SocketAddr,
    /// Home of the master key: keychain, file:PATH, passphrase or systemd-creds
    /// [default: the one chosen at set-up, the keychain at first]
    #[arg(long, env = "AGW_MASTER_KEY", value_name = "HOME")]
    pub(crate) master_key: Option<String>,
    /// Folder with another web view than the one built in, served at / of the
    /// address
    #[arg(long, env = "AGW_UI_DIR", value_name = "DIR")]
    pub(crate) ui: Option<PathBuf>,
    /// When a call's record is on disk: strict: before it is forwarded, always,
    /// whatever the settings say; by-effect: as they say
    #[arg(
        long,
        value_name = "by-effect|strict",
        default_value = "by-effect",
        hide_possible_values = true
    )]
    pub(crate) audit: DurabilityArg,
    /// Serve agents that speak only the transport of MCP 2024-11-05, too: /sse
    #[arg(long)]
    pub(crate) legacy_sse: bool,
    /// Log to stderr as JSON; AGW_LOG sets what is logged, e.g. AGW_LOG=debug
    #[arg(long)]
    pub(crate) log_json: bool,
    /// With --master-key passphrase: read the passphrase from the first line
    /// of stdin instead of starting sealed
    #[arg(long)]
    pub(crate) passphrase_stdin: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  agw setup --admin ana                          asks for the password twice
  pass show agw | agw setup --admin ana --password-stdin")]
pub(crate) struct SetupArgs {
    /// Name of the first admin
    #[arg(long, value_name = "NAME", value_parser = person_name)]
    pub(crate) admin: String,
    /// Read the password from the first line of stdin
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// The service runs with --master-key passphrase: also choose the
    /// passphrase (from stdin: the second line)
    #[arg(long)]
    pub(crate) with_passphrase: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// Your name, as `agw user list` shows it
    #[arg(value_parser = person_name)]
    pub(crate) name: String,
    /// Read the password from the first line of stdin
    #[arg(long)]
    pub(crate) password_stdin: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PasswordArgs {
    /// Read the present password from the first line of stdin, the new one
    /// from the second
    #[arg(long)]
    pub(crate) password_stdin: bool,
}

#[derive(Debug, Args)]
pub(crate) struct UnlockArgs {
    /// Read the passphrase that the master key is derived from out of the
    /// first line of stdin; without it the passphrase is asked for if needed
    #[arg(long)]
    pub(crate) passphrase_stdin: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RecoverArgs {
    /// Read the recovery key from the first line of stdin; where the master
    /// key is derived from a passphrase, the new one from the second line
    #[arg(long)]
    pub(crate) recovery_key_stdin: bool,
}

#[derive(Debug, Args)]
pub(crate) struct McpArgs {
    /// The gateway's MCP endpoint [default: the running service's, else http://127.0.0.1:7410/mcp]
    #[arg(long, env = "AGW_URL", value_name = "URL", value_parser = http_url)]
    pub(crate) url: Option<String>,
    /// Only this connection, its tools under their own names
    #[arg(long, value_name = "NAME", value_parser = connection_name)]
    pub(crate) connection: Option<String>,
    /// Read the token from this file, which nobody else may read (mode 0600)
    #[arg(long, value_name = "PATH")]
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    /// connection.tool
    #[arg(value_parser = tool)]
    pub(crate) tool: String,
    /// Its arguments, as JSON
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub(crate) args: String,
    /// Read the token from this file, which nobody else may read (mode 0600)
    #[arg(long, value_name = "PATH")]
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct SampleArgs {
    /// Keep the notes as files in this folder [default: in memory]
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}
