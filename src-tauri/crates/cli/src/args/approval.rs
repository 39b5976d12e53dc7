//! Answers to calls that wait for a person.

use clap::Args;

use crate::names::query_value;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  agw approve a7                            this call with these arguments, once
  agw approve a7 --session                  this tool with any arguments, for the caller's session
  agw approve a7 --always                   a grant: these arguments from now on
  agw approve a7 --always --any-arguments   a grant: the tool from now on")]
pub(crate) struct ApproveArgs {
    /// Id of the approval, as `agw approvals` shows it
    #[arg(value_parser = query_value)]
    pub(crate) id: String,
    /// The tool with any arguments for the rest of the caller's session (an
    /// hour where there is none)
    #[arg(long, conflicts_with = "always")]
    pub(crate) session: bool,
    /// Change the permission map so that calls like this one are allowed
    #[arg(long)]
    pub(crate) always: bool,
    /// With --always: whatever the arguments
    #[arg(long, requires = "always")]
    pub(crate) any_arguments: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DenyArgs {
    /// Id of the approval, as `agw approvals` shows it
    #[arg(value_parser = query_value)]
    pub(crate) id: String,
    /// Why; the agent sees it
    #[arg(long, value_name = "TEXT", value_parser = query_value)]
    pub(crate) note: Option<String>,
}
