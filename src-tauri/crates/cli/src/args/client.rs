//! The MCP clients of this machine.

use std::path::PathBuf;

use agw_clients::Client;
use clap::{Args, Subcommand};

use super::Sure;
use crate::names::{person_name, ttl};

#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// List the clients of this machine, and what is wrong with those that are wired
    List,
    /// Point a client at the gateway, as an agent of its own
    #[command(
        after_help = "The change of the client's file is shown first. The token goes into a file that
only you can read; the client's file names it and does not hold it.
  agw client wire claude-code
  agw client wire cursor --user ben --ttl 90d --yes"
    )]
    Wire(ClientWire),
    /// Undo that: the file is what it was, and the agent is revoked
    Unwire {
        #[arg(value_name = "CLIENT", value_parser = client)]
        client: Client,
        /// The agent stays, and its token's file
        #[arg(long)]
        keep_agent: bool,
        /// Show the change, and do nothing
        #[arg(long)]
        preview: bool,
        #[command(flatten)]
        sure: Sure,
    },
    /// Make connections of the servers that a client has, and put the gateway in their place
    #[command(after_help = "Values of env and headers go to the vault.
  agw client import cursor                  lists what there is
  agw client import cursor github files     these two
  agw client import cursor --all")]
    Import(ClientImport),
    /// Write an extension (.mcpb) for Claude Desktop on another machine of this kind
    Bundle {
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Print settings for machines that make the gateway a client's only MCP server
    Managed {
        #[arg(value_name = "claude-code|vscode", value_parser = client)]
        client: Client,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AgentOf {
    /// Whose agent it becomes [default: yours]
    #[arg(long, value_name = "NAME", value_parser = person_name)]
    pub(crate) user: Option<String>,
    /// Name of the agent [default: the client's]
    #[arg(long, value_name = "NAME", value_parser = person_name)]
    pub(crate) agent: Option<String>,
    /// How long its token is good for, e.g. 90d [default: until it is revoked]
    #[arg(long, value_name = "TIME", value_parser = ttl)]
    pub(crate) ttl: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct ClientWire {
    #[arg(value_name = "CLIENT", value_parser = client)]
    pub(crate) client: Client,
    #[command(flatten)]
    pub(crate) agent: AgentOf,
    /// Show the change, and do nothing
    #[arg(long)]
    pub(crate) preview: bool,
    #[command(flatten)]
    pub(crate) sure: Sure,
}

#[derive(Debug, Args)]
pub(crate) struct ClientImport {
    #[arg(value_name = "CLIENT", value_parser = client)]
    pub(crate) client: Client,
    /// Names of servers, as the client has them
    #[arg(value_name = "SERVER", conflicts_with = "all")]
    pub(crate) servers: Vec<String>,
    /// All that can be
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) agent: AgentOf,
    #[command(flatten)]
    pub(crate) sure: Sure,
}

fn client(text: &str) -> Result<Client, String> {
    let known = || Client::ALL.map(Client::id).join(", ");
    Client::of_id(text).ok_or_else(|| format!("known are {}", known()))
}
