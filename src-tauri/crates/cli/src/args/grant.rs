//! Grants, and what a tool does.

use agw_api::Rule;
use clap::{ArgGroup, Args, ValueEnum};

use super::IfVersion;
use crate::names::{condition, expiry, query_value, rate, subject, tool};
use crate::rules::rule;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  agw grant ana gmail.send allow            one tool to one user
  agw grant team:sales 'crm.*' allow        all tools of a connection to a team
  agw grant team:sales '*:read' allow       what only reads
  agw grant ana 'gmail.*:destructive' ask   a person decides on each call
  agw grant ana/claude gmail.send deny      not through this agent; deny beats ask beats allow
  agw grant ana docs.@prompt/review allow                   one prompt
  agw grant ana docs.@resource/file:///notes/plan.md allow  one resource
  agw grant ana 'docs.@resource/file:///notes/*' allow      all whose URI begins like this
  agw grant ana 'docs.*' allow                              tools, prompts and resources

Conditions with --where, several joined by &&; --when has all of CEL:
  --where 'every to ends-with @acme.com'    each item of the list `to`
  --where 'status one-of open,done'         texts, numbers, true or false
  --where 'customer.age at-most 100'        a field within a field
  --where 'path matches ^/srv/'             a regular expression
  --where 'hours 9-17 Europe/Berlin'        from 9:00 until 17:00 there
  --when \"args.to.size() < 5 && user.name != 'ben'\"")]
pub(crate) struct GrantArgs {
    /// USER, team:TEAM or USER/AGENT
    #[arg(value_parser = subject)]
    pub(crate) subject: String,
    /// connection.tool, connection.*, *, or with an effect: *:read, connection.*:destructive;
    /// connection.@prompt/NAME, connection.@resource/URI, also by their beginning: …/*
    #[arg(value_parser = tool)]
    pub(crate) tool: String,
    /// With ask a person decides on each call
    pub(crate) effect: Effect,
    /// Only where this holds: CEL over args, user, agent, connection, tool and now
    #[arg(long, value_name = "CEL", value_parser = condition)]
    pub(crate) when: Option<String>,
    /// Only where this holds: a common condition without CEL, see below
    #[arg(long = "where", value_name = "RULE", value_parser = rule)]
    pub(crate) rules: Vec<Rule>,
    /// Until when: a time from now (7d) or RFC 3339
    #[arg(long, value_name = "TIME", value_parser = expiry)]
    pub(crate) expires: Option<String>,
    /// At most this many calls: 10/min, 200/day, also /s and /h
    #[arg(long, value_name = "N/TIME", value_parser = rate)]
    pub(crate) rate: Option<String>,
    #[command(flatten)]
    pub(crate) seen: IfVersion,
}

#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("edits").required(true).multiple(true).args([
        "effect", "tool", "when", "no_condition", "rules", "expires", "never_expires", "rate",
        "no_rate",
    ])),
    group(ArgGroup::new("end").args(["expires", "never_expires"])),
    group(ArgGroup::new("limit").args(["rate", "no_rate"])),
    after_help = "--when puts another condition in place of the grant's own; --where adds to what is
there, and with --no-condition begins anew:
  agw edit-grant g3 --where 'amount at-most 100'                 what it was, and this
  agw edit-grant g3 --no-condition --where 'amount at-most 100'  just this"
)]
pub(crate) struct EditGrantArgs {
    /// Id of the grant, as `agw grants` shows it
    #[arg(value_parser = query_value)]
    pub(crate) id: String,
    /// allow, ask or deny
    #[arg(long)]
    pub(crate) effect: Option<Effect>,
    /// As for `agw grant`
    #[arg(long, value_parser = tool)]
    pub(crate) tool: Option<String>,
    /// Only where this holds: CEL, in place of the condition so far
    #[arg(long, value_name = "CEL", value_parser = condition, conflicts_with = "no_condition")]
    pub(crate) when: Option<String>,
    /// Without the condition so far
    #[arg(long)]
    pub(crate) no_condition: bool,
    /// Only where this holds too, as for `agw grant`
    #[arg(long = "where", value_name = "RULE", value_parser = rule)]
    pub(crate) rules: Vec<Rule>,
    /// Until when: a time from now (7d) or RFC 3339
    #[arg(long, value_name = "TIME", value_parser = expiry)]
    pub(crate) expires: Option<String>,
    /// It does not expire
    #[arg(long)]
    pub(crate) never_expires: bool,
    /// At most this many calls: 10/min, 200/day, also /s and /h
    #[arg(long, value_name = "N/TIME", value_parser = rate)]
    pub(crate) rate: Option<String>,
    /// Any number of calls
    #[arg(long)]
    pub(crate) no_rate: bool,
    #[command(flatten)]
    pub(crate) seen: IfVersion,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Effect {
    Allow,
    Ask,
    Deny,
}

impl From<Effect> for agw_api::Effect {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::Allow => Self::Allow,
            Effect::Ask => Self::Ask,
            Effect::Deny => Self::Deny,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ToolEffect {
    Read,
    Write,
    Destructive,
    None,
}

impl From<ToolEffect> for Option<agw_api::ToolEffect> {
    fn from(effect: ToolEffect) -> Self {
        match effect {
            ToolEffect::Read => Some(agw_api::ToolEffect::Read),
            ToolEffect::Write => Some(agw_api::ToolEffect::Write),
            ToolEffect::Destructive => Some(agw_api::ToolEffect::Destructive),
            ToolEffect::None => None,
        }
    }
}
