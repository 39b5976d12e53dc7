//! Users, teams and agents.

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use super::IfVersion;
use crate::names::{client_timeout, expiry, lifetime, person_name, tool, ttl};

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add a person
    Add {
        #[arg(value_parser = person_name)]
        name: String,
        /// Team that the person joins; made if there is none of that name
        #[arg(long, value_parser = person_name)]
        team: Option<String>,
        /// What the person may do here [default: member]
        #[arg(long)]
        role: Option<Role>,
    },
    /// List users
    List,
    /// Change a person's role or teams; what is not named stays
    Edit(UserEdit),
    /// Set a person's password, with which they can sign in
    Password {
        #[arg(value_parser = person_name)]
        name: String,
        /// Read the password from the first line of stdin
        #[arg(long)]
        password_stdin: bool,
    },
    /// Remove a user with all agents, tokens and grants
    Remove {
        #[arg(value_parser = person_name)]
        name: String,
        #[command(flatten)]
        seen: IfVersion,
    },
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("edits").required(true).multiple(true).args(["role", "team", "no_teams"])))]
pub(crate) struct UserEdit {
    #[arg(value_parser = person_name)]
    pub(crate) name: String,
    /// What the person may do here
    #[arg(long)]
    pub(crate) role: Option<Role>,
    /// The person's teams, all of them; those that do not exist yet are made
    #[arg(long, value_name = "TEAM", value_parser = person_name)]
    pub(crate) team: Vec<String>,
    /// The person is in no team
    #[arg(long, conflicts_with = "team")]
    pub(crate) no_teams: bool,
    #[command(flatten)]
    pub(crate) seen: IfVersion,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Role {
    /// Everything
    Admin,
    /// Reads everything, changes nothing
    Auditor,
    /// Their own agents, approvals and audit
    Member,
}

impl From<Role> for agw_api::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Admin => Self::Admin,
            Role::Auditor => Self::Auditor,
            Role::Member => Self::Member,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum TeamCommand {
    /// Add a team
    Add {
        #[arg(value_parser = person_name)]
        name: String,
    },
    /// List teams and their members
    List,
    /// Put people into a team, and take others out of it
    Edit {
        #[arg(value_parser = person_name)]
        name: String,
        /// Puts this person in; can be given many times
        #[arg(long, value_name = "USER", value_parser = person_name)]
        add: Vec<String>,
        /// Takes this person out; can be given many times
        #[arg(long, value_name = "USER", value_parser = person_name)]
        remove: Vec<String>,
        #[command(flatten)]
        seen: IfVersion,
    },
    /// Remove a team with its grants; its members stay
    Remove {
        #[arg(value_parser = person_name)]
        name: String,
        #[command(flatten)]
        seen: IfVersion,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AgentCommand {
    /// Add an agent and print its sub-token, once
    #[command(after_help = "Examples:
  agw agent add ana claude                            all that ana may do
  agw agent add ana mailbot --scope 'gmail.*' --ttl 30d --max-uses 500")]
    Add(AgentAdd),
    /// List agents
    List {
        /// Only those of this user
        #[arg(long, value_parser = person_name)]
        user: Option<String>,
    },
    /// Change an agent; what is not named stays, its sub-token too
    Edit(AgentEdit),
    /// Remove an agent; its sub-token stops working at once
    Revoke {
        /// Name of the owner
        #[arg(value_parser = person_name)]
        user: String,
        /// Name of the agent
        #[arg(value_parser = person_name)]
        name: String,
        #[command(flatten)]
        seen: IfVersion,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AgentAdd {
    /// Name of the owner
    #[arg(value_parser = person_name)]
    pub(crate) user: String,
    /// Name of the agent
    #[arg(value_parser = person_name)]
    pub(crate) name: String,
    /// Only these tools: connection.tool, connection.* or * [default: all of the owner's]
    #[arg(long, value_name = "PATTERN", num_args = 1.., value_parser = tool)]
    pub(crate) scope: Vec<String>,
    /// How long the sub-token is good for: a number and s, m, h, d or w, e.g. 30d
    #[arg(long, value_name = "TIME", value_parser = ttl)]
    pub(crate) ttl: Option<u64>,
    /// How many calls may be forwarded with it in all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_uses: Option<u64>,
    /// After how long the client gives up on a call: one that waits for a
    /// person is answered before [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = client_timeout)]
    pub(crate) client_timeout: Option<u32>,
}

#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("edits").required(true).multiple(true).args([
        "scope", "all_tools", "ttl", "expires", "never_expires", "max_uses", "any_uses",
        "client_timeout",
    ])),
    group(ArgGroup::new("scoped").args(["scope", "all_tools"])),
    group(ArgGroup::new("end").args(["ttl", "expires", "never_expires"])),
    group(ArgGroup::new("uses").args(["max_uses", "any_uses"])),
)]
pub(crate) struct AgentEdit {
    /// Name of the owner
    #[arg(value_parser = person_name)]
    pub(crate) user: String,
    /// Name of the agent
    #[arg(value_parser = person_name)]
    pub(crate) name: String,
    /// Only these tools: connection.tool, connection.* or *
    #[arg(long, value_name = "PATTERN", num_args = 1.., value_parser = tool)]
    pub(crate) scope: Vec<String>,
    /// All that the owner may use
    #[arg(long)]
    pub(crate) all_tools: bool,
    /// How long the sub-token is good for from now, e.g. 30d
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    pub(crate) ttl: Option<String>,
    /// Until when: a time from now (30d) or RFC 3339
    #[arg(long, value_name = "TIME", value_parser = expiry)]
    pub(crate) expires: Option<String>,
    /// It does not expire
    #[arg(long)]
    pub(crate) never_expires: bool,
    /// How many calls may be forwarded with it in all, past ones counted
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_uses: Option<u64>,
    /// Any number of calls
    #[arg(long)]
    pub(crate) any_uses: bool,
    /// After how long the client gives up on a call, e.g. 60s
    #[arg(long, value_name = "TIME", value_parser = client_timeout)]
    pub(crate) client_timeout: Option<u32>,
    #[command(flatten)]
    pub(crate) seen: IfVersion,
}
