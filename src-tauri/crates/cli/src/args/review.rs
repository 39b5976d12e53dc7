//! Looking at what the permission map does: explain, simulate, suggest.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use crate::names::{caller, condition, lifetime, query_value, tool};

#[derive(Debug, Args)]
#[command(after_help = "Example:
  agw explain ana/claude gmail.send --args '{\"to\": [\"ben@acme.com\"]}'
  agw explain ana/claude docs.@resource/file:///notes/plan.md")]
pub(crate) struct ExplainArgs {
    /// Who would call
    #[arg(value_name = "USER[/AGENT]", value_parser = caller)]
    pub(crate) caller: String,
    /// connection.tool, connection.@prompt/NAME or connection.@resource/URI
    #[arg(value_parser = tool)]
    pub(crate) tool: String,
    /// The arguments; without them conditions on arguments do not hold
    #[arg(long, value_name = "JSON", value_parser = crate::json_text::object)]
    pub(crate) args: Option<String>,
}

#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("change").required(true).args(["file", "grant", "revoke"])),
    after_help = "Examples:
  agw simulate --grant team:sales 'crm.*' deny --since 30d
  agw simulate --revoke g12
  agw simulate change.json      a change as for `agw apply`"
)]
pub(crate) struct SimulateArgs {
    /// File with a change, as for `agw apply`; - is stdin
    #[arg(value_name = "FILE|-")]
    pub(crate) file: Option<PathBuf>,
    /// A new grant
    #[arg(long, num_args = 3, value_names = ["SUBJECT", "TOOL", "EFFECT"])]
    pub(crate) grant: Vec<String>,
    /// With --grant: its condition in CEL
    #[arg(long, value_name = "CEL", value_parser = condition, requires = "grant", conflicts_with_all = ["file", "revoke"])]
    pub(crate) when: Option<String>,
    /// One grant less
    #[arg(long, value_name = "ID", value_parser = query_value)]
    pub(crate) revoke: Option<String>,
    /// How far back [default: 7d]
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    pub(crate) since: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SuggestArgs {
    /// How many days of the audit trail to look at
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) days: u32,
    /// Make the change of this number in the list
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) apply: Option<u32>,
}
