//! The arguments of every command: names, options and help texts. The names
//! are a contract with scripts; they may grow, not change.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::names::{
    connection_name, env_name, header_name, http_url, person_name, query_value, subject, ttl,
};

/// The gateway between AI agents and the systems they act on.
#[derive(Debug, Parser)]
#[command(
    name = "agw",
    version,
    about = "AI Agent Gateway: checks, records and forwards each call of an AI agent",
    after_help = "First steps:
  agw serve                                       run the gateway (leave it running)
  agw setup --admin ana                           make the first admin
  agw connection add files --stdio -- npx -y @modelcontextprotocol/server-filesystem /srv
  agw user add ben                                add a person
  agw grant ben files.read_text_file allow        say what the person may do
  agw agent add ben claude --ttl 30d              print a token for one agent of that person

Exit codes: 0 done, 1 refused or failed, 2 bad usage.",
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Print JSON: one object a line on stdout, errors as an object on stderr
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Data folder of the gateway [default: the user's folder for application data]
    #[arg(long, global = true, env = "AGW_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the gateway until it is stopped
    Serve(ServeArgs),
    /// First run: make the admin and show the recovery key, once
    Setup(SetupArgs),
    /// Sign in; the session is kept in the data folder
    Login(LoginArgs),
    /// Sign out and delete the stored session
    Logout,
    /// Say whether the gateway runs and enforces
    Status,
    /// Refuse the calls of all agents until `agw resume`
    Pause,
    /// Let agents call again
    Resume,
    /// Open a sealed gateway: ask the home of the master key again
    Unlock(UnlockArgs),
    /// Make a new master key with the recovery key
    Recover(RecoverArgs),
    /// Stop the service and wait until it is gone
    Stop,
    /// The systems behind the gateway
    #[command(subcommand)]
    Connection(ConnectionCommand),
    /// The people whose agents call
    #[command(subcommand)]
    User(UserCommand),
    /// Groups of people
    #[command(subcommand)]
    Team(TeamCommand),
    /// Make a user's own token and print it; an earlier one stops working
    Token {
        /// Name of the user
        #[arg(value_parser = person_name)]
        name: String,
    },
    /// The agents of a user, each with its own sub-token
    #[command(subcommand)]
    Agent(AgentCommand),
    /// Allow or deny a tool to a user, a team or an agent
    #[command(after_help = "Examples:
  agw grant ana gmail.send allow          one tool to one user
  agw grant team:sales 'crm.*' allow      all tools of a connection to a team
  agw grant ana/claude gmail.send deny    not through this agent; deny beats allow")]
    Grant(GrantArgs),
    /// List grants
    Grants {
        /// Only those of USER, team:TEAM or USER/AGENT
        #[arg(value_parser = subject)]
        subject: Option<String>,
    },
    /// Take a grant back; it ends with the agent's next call
    Revoke {
        /// Id of the grant, as `agw grants` shows it
        #[arg(value_parser = query_value)]
        grant: String,
    },
    /// List tools: all, or those that one caller sees and may call
    Tools {
        /// The caller
        #[arg(long = "as", value_name = "USER[/AGENT]", value_parser = subject)]
        caller: Option<String>,
    },
    /// What was called, decided and changed
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Bridge between an MCP client that speaks only stdio and the gateway
    #[command(after_help = "The token comes from AGW_TOKEN or from the file of --token-file.
An entry in a client's configuration looks like this:
  {\"command\": \"agw\", \"args\": [\"mcp\", \"--token-file\", \"/home/ana/.agw-token\"]}")]
    Mcp(McpArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address for agents and browsers
    #[arg(long, env = "AGW_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:7410")]
    pub(crate) listen: SocketAddr,
    /// Home of the master key: keychain, file:PATH, passphrase or systemd-creds
    /// [default: the one chosen at set-up, the keychain at first]
    #[arg(long, env = "AGW_MASTER_KEY", value_name = "HOME")]
    pub(crate) master_key: Option<String>,
    /// Folder with the web view, served at / of the address
    #[arg(long, env = "AGW_UI_DIR", value_name = "DIR")]
    pub(crate) ui: Option<PathBuf>,
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
    /// Name of the admin
    #[arg(value_parser = person_name)]
    pub(crate) name: String,
    /// Read the password from the first line of stdin
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

#[derive(Debug, Subcommand)]
pub(crate) enum ConnectionCommand {
    /// Add an MCP server, started by the gateway or at a URL
    #[command(
        after_help = "Values of --env and --header are asked for, or read from stdin as KEY=VALUE lines:
  agw connection add files --stdio -- npx -y @modelcontextprotocol/server-filesystem /srv
  agw connection add github --stdio --env GITHUB_TOKEN -- github-mcp-server stdio
  echo \"Authorization=Bearer $TOKEN\" | agw connection add crm --http https://crm.example/mcp --header Authorization"
    )]
    Add(ConnectionAdd),
    /// List connections
    List,
    /// Show one connection with the last lines of its server's stderr
    Show {
        #[arg(value_parser = connection_name)]
        name: String,
    },
    /// Connect anew and list the tools; exit 1 if that fails
    Test {
        #[arg(value_parser = connection_name)]
        name: String,
    },
    /// Remove a connection and its secrets
    Remove {
        #[arg(value_parser = connection_name)]
        name: String,
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
    /// Program and arguments, started as they are: no shell
    #[arg(last = true, value_name = "COMMAND", requires = "stdio")]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add a person
    Add {
        #[arg(value_parser = person_name)]
        name: String,
        /// Team that the person joins; made if there is none of that name
        #[arg(long, value_parser = person_name)]
        team: Option<String>,
    },
    /// List users
    List,
    /// Remove a user with all agents, tokens and grants
    Remove {
        #[arg(value_parser = person_name)]
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TeamCommand {
    /// List teams and their members
    List,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AgentCommand {
    /// Add an agent and print its sub-token, once
    #[command(after_help = "Examples:
  agw agent add ana claude                            all that ana may do
  agw agent add ana mailbot --scope 'gmail.*' --ttl 30d")]
    Add {
        /// Name of the owner
        #[arg(value_parser = person_name)]
        user: String,
        /// Name of the agent
        #[arg(value_parser = person_name)]
        name: String,
        /// Only these tools: connection.tool, connection.* or * [default: all of the owner's]
        #[arg(long, value_name = "PATTERN", num_args = 1.., value_parser = query_value)]
        scope: Vec<String>,
        /// How long the sub-token is good for: a number and s, m, h, d or w, e.g. 30d
        #[arg(long, value_name = "TIME", value_parser = ttl)]
        ttl: Option<u64>,
    },
    /// List agents
    List {
        /// Only those of this user
        #[arg(long, value_parser = person_name)]
        user: Option<String>,
    },
    /// Remove an agent; its sub-token stops working at once
    Revoke {
        /// Name of the owner
        #[arg(value_parser = person_name)]
        user: String,
        /// Name of the agent
        #[arg(value_parser = person_name)]
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct GrantArgs {
    /// USER, team:TEAM or USER/AGENT
    #[arg(value_parser = subject)]
    pub(crate) subject: String,
    /// connection.tool, connection.* or *
    #[arg(value_parser = query_value)]
    pub(crate) tool: String,
    pub(crate) effect: Effect,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Effect {
    Allow,
    Deny,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Newest records first
    List(AuditList),
    /// The last ten records, then each new one until Ctrl-C
    Tail,
    /// All records of one call
    Show {
        /// Call id or sequence number
        #[arg(value_parser = query_value)]
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AuditList {
    /// How many records
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
    /// Only this kind: intent, outcome, config, sign_in or service
    #[arg(long, value_parser = query_value)]
    pub(crate) kind: Option<String>,
    /// Only this decision: allow or deny
    #[arg(long, value_parser = query_value)]
    pub(crate) decision: Option<String>,
    /// Only calls of this user
    #[arg(long, value_parser = person_name)]
    pub(crate) user: Option<String>,
    /// Only calls of this tool
    #[arg(long, value_parser = query_value)]
    pub(crate) tool: Option<String>,
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

#[cfg(test)]
mod tests;
