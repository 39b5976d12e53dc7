//! The audit trail.

use clap::{Args, Subcommand};

use crate::names::{person_name, query_value};

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
    /// Only this kind: intent, outcome, approval, config, sign_in or service
    #[arg(long, value_parser = query_value)]
    pub(crate) kind: Option<String>,
    /// Only this decision: allow, ask or deny
    #[arg(long, value_parser = query_value)]
    pub(crate) decision: Option<String>,
    /// Only calls of this user
    #[arg(long, value_parser = person_name)]
    pub(crate) user: Option<String>,
    /// Only calls of this tool
    #[arg(long, value_parser = query_value)]
    pub(crate) tool: Option<String>,
}
