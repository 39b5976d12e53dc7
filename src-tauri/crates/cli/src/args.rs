//! The arguments of every command: names, options and help texts. The names
//! are a contract with scripts; they may grow, not change.

mod approval;
mod audit;
mod client;
mod connection;
mod diagnosis;
mod grant;
mod people;
mod review;
mod service;
mod sharing;
#[cfg(test)]
mod tests;
mod tools;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use approval::{ApproveArgs, DenyArgs};
pub(crate) use audit::{
    AuditCommand, AuditExport, AuditFilter, AuditList, AuditVerify, DurabilityArg, Format,
    ForwardAdd, ForwardCommand, Replace, SettingsCommand, SettingsEdit, Since, Sure, Switch,
    written,
};
pub(crate) use client::{AgentOf, ClientCommand, ClientImport, ClientWire};
pub(crate) use connection::{ConnectionAdd, ConnectionCommand, ConnectionEdit, SignInBy};
pub(crate) use diagnosis::{DoctorArgs, RecoveryKeyArgs, SessionCommand};
pub(crate) use grant::{EditGrantArgs, Effect, GrantArgs, ToolEffect};
pub(crate) use people::{AgentAdd, AgentCommand, AgentEdit, TeamCommand, UserCommand, UserEdit};
pub(crate) use review::{ExplainArgs, SimulateArgs, SuggestArgs};
pub(crate) use service::{
    CallArgs, LoginArgs, McpArgs, PasswordArgs, RecoverArgs, SampleArgs, ServeArgs, SetupArgs,
    UnlockArgs,
};
pub(crate) use sharing::{InviteCommand, ShareCommand, ShareOn};
pub(crate) use tools::{Kind, ToolCommand, ToolRecord};

use crate::names::{caller, pausable, person_name, query_value, subject, tool};

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
  agw grant ben files.write_file ask              be asked: `agw approvals`, then `agw approve ID`
  agw agent add ben claude --ttl 30d              print a token for one agent of that person
  agw client wire claude-code                     or let a client of this machine have one

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

/// For a change that must not undo somebody else's.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct IfVersion {
    /// Refuse if it is at another version by now, as --json shows it
    #[arg(long, value_name = "N")]
    pub(crate) if_version: Option<u64>,
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
    /// Change your own password
    Password(PasswordArgs),
    /// Say whether the gateway runs and enforces, what is paused and what waits
    Status,
    /// Refuse calls until `agw resume`: of one caller, to one connection, or all
    Pause {
        /// USER, USER/AGENT or CONNECTION; user:NAME or connection:NAME where both exist [default: all agents]
        #[arg(value_parser = pausable)]
        subject: Option<String>,
    },
    /// Let calls through again
    Resume {
        /// What was paused [default: all agents; what is paused by itself stays so]
        #[arg(value_parser = pausable)]
        subject: Option<String>,
    },
    /// Open a sealed gateway: ask the home of the master key again
    Unlock(UnlockArgs),
    /// Make a new master key with the recovery key
    Recover(RecoverArgs),
    /// Make a new recovery key and print it, once; the one before it opens nothing any more
    RecoveryKey(RecoveryKeyArgs),
    /// Your own sessions: where you are signed in
    #[command(subcommand)]
    Session(SessionCommand),
    /// Look at the gateway and its connections, and say what to do
    Doctor(DoctorArgs),
    /// List every outgoing connection that the gateway made, and to whom it belongs
    Egress,
    /// Stop the service and wait until it is gone
    Stop,
    /// The systems behind the gateway
    #[command(subcommand)]
    Connection(ConnectionCommand),
    /// The people whose agents call
    #[command(subcommand)]
    User(UserCommand),
    /// Links by which people set their first password themselves
    #[command(subcommand)]
    Invite(InviteCommand),
    /// Let other machines reach the gateway, over TLS
    #[command(subcommand)]
    Share(ShareCommand),
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
    /// The MCP clients of this machine: Claude, Cursor, VS Code, Codex and others
    #[command(subcommand)]
    Client(ClientCommand),
    /// Allow or deny a tool to a user, a team or an agent, or ask on each call
    Grant(GrantArgs),
    /// List grants
    Grants {
        /// Only those of USER, team:TEAM or USER/AGENT
        #[arg(value_parser = subject)]
        subject: Option<String>,
    },
    /// Change a grant; what is not named stays
    EditGrant(EditGrantArgs),
    /// Take a grant back; it ends with the agent's next call
    Revoke {
        /// Id of the grant, as `agw grants` shows it
        #[arg(value_parser = query_value)]
        grant: String,
        #[command(flatten)]
        seen: IfVersion,
    },
    /// List the calls that wait for a person
    Approvals {
        /// The answered and expired ones too
        #[arg(long)]
        all: bool,
    },
    /// Show one call that waits: arguments, what differs, time left
    Approval {
        /// Id of the approval, as `agw approvals` shows it
        #[arg(value_parser = query_value)]
        id: String,
    },
    /// Let a call that waits go on
    Approve(ApproveArgs),
    /// Refuse a call that waits
    Deny(DenyArgs),
    /// Say how a call would be decided now, and why
    Explain(ExplainArgs),
    /// Try a change of the permission map on past calls; nothing is changed
    Simulate(SimulateArgs),
    /// What the audit trail speaks for taking away or narrowing
    Suggest(SuggestArgs),
    /// Make several changes of the permission map together, or none of them
    #[command(after_help = "The change is JSON, as `agw suggest --json` has it:
  {\"add\": [{\"subject\": \"ana\", \"tool\": \"crm.*\", \"effect\": \"ask\"}],
   \"edit\": [{\"id\": \"g3\", \"subject\": \"ana\", \"tool\": \"crm.read\", \"effect\": \"allow\", \"version\": 2}],
   \"remove\": [{\"id\": \"g4\", \"version\": 1}]}")]
    Apply {
        /// File with the change; - is stdin
        #[arg(value_name = "FILE|-")]
        file: PathBuf,
    },
    /// List tools, prompts and resources: all, or those that one caller sees and may use
    Tools {
        /// Only these
        #[arg(long, hide_possible_values = true, value_name = "tool|prompt|resource|template")]
        kind: Option<Kind>,
        /// The caller
        #[arg(long = "as", value_name = "USER[/AGENT]", value_parser = caller)]
        caller: Option<String>,
    },
    /// Show one tool with the schema of its arguments, say what is recorded of it, or look at a
    /// definition that changed
    // No id of a tool is without a dot, so none is the name of a command.
    #[command(
        subcommand_negates_reqs = true,
        args_conflicts_with_subcommands = true,
        override_usage = "agw tool [OPTIONS] <TOOL>\n       agw tool record [OPTIONS] <TOOL>\n       agw tool review [OPTIONS] <TOOL>\n       agw tool accept [OPTIONS] --hash <HASH> <TOOL>"
    )]
    Tool {
        /// connection.tool, connection.@prompt/NAME or connection.@resource/URI
        #[arg(value_parser = tool, required = true)]
        tool: Option<String>,
        #[command(subcommand)]
        command: Option<ToolCommand>,
    },
    /// Confirm what a tool does to the system behind it, for grants such as `*:read`
    #[command(
        after_help = "Prompts and resources are read, by what they are; nothing is to be confirmed."
    )]
    Effect {
        /// connection.tool
        #[arg(value_parser = tool)]
        tool: String,
        /// none takes the confirmation back: the tool counts as write
        effect: ToolEffect,
        #[command(flatten)]
        seen: IfVersion,
    },
    /// What was called, decided and changed
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Bridge between an MCP client that speaks only stdio and the gateway
    #[command(after_help = "The token comes from AGW_TOKEN or from the file of --token-file.
An entry in a client's configuration looks like this:
  {\"command\": \"agw\", \"args\": [\"mcp\", \"--token-file\", \"/home/ana/.agw-token\"]}")]
    Mcp(McpArgs),
    /// Make one call as an agent does, with its token, and print what comes back
    #[command(after_help = "The token comes from --token-file, from AGW_TOKEN, or is asked for:
  agw call sample.read_note --args '{\"name\": \"welcome\"}'")]
    Call(CallArgs),
    /// A small MCP server to try the gateway with: a few notes
    #[command(
        after_help = "It speaks MCP on stdin and stdout, so it is a connection like any other:
  agw connection add sample --stdio -- agw sample"
    )]
    Sample(SampleArgs),
}
