//! Connections.

use clap::{Args, Subcommand, ValueEnum};

use super::{IfVersion, Sure};
use crate::names::{connection_name, env_name, header_name, http_url, person_name};

#[derive(Debug, Subcommand)]
pub(crate) enum ConnectionCommand {
    /// Add an MCP server, started by the gateway or at a URL
    #[command(
        after_help = "Values of --env and --header are asked for, or read from stdin as KEY=VALUE lines:
  agw connection add files --stdio -- npx -y @modelcontextprotocol/server-filesystem /srv
  agw connection add github --stdio --env GITHUB_TOKEN -- github-mcp-server stdio
  echo \"Authorization=Bearer $TOKEN\" | agw connection add crm --http https://crm.example/mcp --header Authorization
  agw connection add mail --http https://mail.example/mcp --sign-in user"
    )]
    Add(ConnectionAdd),
    /// List connections
    List,
    /// Show one connection
    Show {
        #[arg(value_parser = connection_name)]
        name: String,
    },
    /// Connect anew and list the tools; exit 1 if that fails
    Test {
        #[arg(value_parser = connection_name)]
        name: String,
    },
    /// Change how a connection is reached, or replace its secrets; what is not named stays
    #[command(
        after_help = "Values of --env and --header are asked for, or read from stdin as KEY=VALUE lines. A secret stays
only with the command, or the host, that it was given for; otherwise name it again:
  agw connection edit crm --header Authorization
  agw connection edit files -- npx -y @modelcontextprotocol/server-filesystem /srv/new"
    )]
    Edit(ConnectionEdit),
    /// End its server and start it anew; exit 1 if that fails
    Restart {
        #[arg(value_parser = connection_name)]
        name: String,
    },
    /// Print what happened lately: what its server wrote, and what the gateway did with it
    Logs {
        #[arg(value_parser = connection_name)]
        name: String,
        /// Go on with what happens from now on
        #[arg(long, short)]
        follow: bool,
    },
    /// Print the link where an account is connected with a browser, and wait for it
    SignIn {
        #[arg(value_parser = connection_name)]
        name: String,
    },
    /// Disconnect an account: yours, or the team's where there is one for all
    SignOut {
        #[arg(value_parser = connection_name)]
        name: String,
        /// Somebody else's
        #[arg(long, value_parser = person_name)]
        user: Option<String>,
    },
    /// Remove a connection and its secrets
    Remove {
        #[arg(value_parser = connection_name)]
        name: String,
        #[command(flatten)]
        seen: IfVersion,
    },
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("transport").required(true).args(["stdio", "http"])))]
pub(crate) struct ConnectionAdd {
    /// a-z, 0-9 and -; its tools are called NAME.tool
    #[arg(value_parser = connection_name)]
    pub(crate) name: String,
    /// The gateway starts the server: give its command after --
    #[arg(long, requires = "command")]
    pub(crate) stdio: bool,
    /// The server is at this URL
    #[arg(long, value_name = "URL", value_parser = http_url, conflicts_with = "command")]
    pub(crate) http: Option<String>,
    /// Names of environment variables with secret values
    #[arg(long, value_name = "KEY", num_args = 1.., conflicts_with = "http", value_parser = env_name)]
    pub(crate) env: Vec<String>,
    /// Names of request headers with secret values
    #[arg(long, value_name = "NAME", num_args = 1.., conflicts_with = "stdio", value_parser = header_name)]
    pub(crate) header: Vec<String>,
    /// People sign in to it with a browser: one account for the team, or one for each user
    #[arg(long, value_enum, requires = "http")]
    pub(crate) sign_in: Option<SignInBy>,
    /// The client that you registered with its authorization server; without one the gateway registers itself
    #[arg(long, value_name = "ID", requires = "sign_in")]
    pub(crate) client_id: Option<String>,
    /// Read that client's secret from the first line of stdin
    #[arg(long, requires = "client_id", conflicts_with = "header")]
    pub(crate) client_secret_stdin: bool,
    #[command(flatten)]
    pub(crate) sure: Sure,
    /// Program and arguments, started as they are: no shell
    #[arg(last = true, value_name = "COMMAND", requires = "stdio")]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ConnectionEdit {
    #[arg(value_parser = connection_name)]
    pub(crate) name: String,
    /// The new address
    #[arg(long, value_name = "URL", value_parser = http_url, conflicts_with_all = ["command", "env"])]
    pub(crate) http: Option<String>,
    /// Names of environment variables to give new values
    #[arg(long, value_name = "KEY", num_args = 1.., conflicts_with = "header", value_parser = env_name)]
    pub(crate) env: Vec<String>,
    /// Names of request headers to give new values
    #[arg(long, value_name = "NAME", num_args = 1.., value_parser = header_name)]
    pub(crate) header: Vec<String>,
    /// Names of secrets to remove
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub(crate) remove: Vec<String>,
    #[command(flatten)]
    pub(crate) seen: IfVersion,
    #[command(flatten)]
    pub(crate) sure: Sure,
    /// The new command
    #[arg(last = true)]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum SignInBy {
    Team,
    User,
}
