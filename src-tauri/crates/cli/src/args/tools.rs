//! What is recorded of a tool's calls, and its definition.

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use super::IfVersion;
use super::audit::Switch;
use crate::names::{query_value, tool};

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Kind {
    Tool,
    Prompt,
    Resource,
    Template,
}

impl From<Kind> for agw_api::ToolKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Tool => Self::Tool,
            Kind::Prompt => Self::Prompt,
            Kind::Resource => Self::Resource,
            Kind::Template => Self::Template,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum ToolCommand {
    /// Say what the records of a tool's calls keep besides the digest and types of arguments
    #[command(
        after_help = "What is not named stays; --clear names all fields that are kept in clear:
  agw tool record gmail.send --clear to --clear message.subject
  agw tool record crm.update --bodies on     `agw audit body CALL` opens them
  agw tool record gmail.send --none          digests and types, as at first
  agw tool record docs.@prompt/review --clear code
What is set for a template of resources is set for all that come of it."
    )]
    Record(ToolRecord),
    /// Show what a tool's definition was when it was granted, and what it is now
    Review {
        /// connection.tool
        #[arg(value_parser = tool)]
        tool: String,
    },
    /// Accept the definition that a tool has now; not accepting keeps it back
    #[command(
        after_help = "Look first; the hash is of what you saw, so nothing that came after it is accepted:
  agw tool review gmail.send
  agw tool accept gmail.send --hash 3f8a…"
    )]
    Accept {
        /// connection.tool
        #[arg(value_parser = tool)]
        tool: String,
        /// Of the new definition, as `agw tool review` shows it
        #[arg(long, value_name = "HASH", value_parser = query_value)]
        hash: String,
    },
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("edits").required(true).multiple(true).args(["clear", "bodies", "none"])))]
pub(crate) struct ToolRecord {
    /// connection.tool
    #[arg(value_parser = tool)]
    pub(crate) tool: String,
    /// An argument to keep in clear: a field, or a field within a field; a
    /// path goes through lists
    #[arg(long, value_name = "PATH", value_parser = query_value)]
    pub(crate) clear: Vec<String>,
    /// Whether full arguments and results are kept, sealed
    #[arg(long, value_name = "on|off", hide_possible_values = true)]
    pub(crate) bodies: Option<Switch>,
    /// Nothing in clear and no bodies
    #[arg(long, conflicts_with_all = ["clear", "bodies"])]
    pub(crate) none: bool,
    #[command(flatten)]
    pub(crate) seen: IfVersion,
}
