//! What is well, what is reached, and who is signed in.

use clap::{Args, Subcommand};

use crate::names::{connection_name, query_value};

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Only this connection [default: the gateway and all connections]
    #[arg(value_parser = connection_name)]
    pub(crate) connection: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// List where you are signed in
    List,
    /// End one of your sessions, or all but the one that asks
    End {
        /// Id of the session, as `agw session list` shows it
        #[arg(value_parser = query_value, required_unless_present = "others")]
        id: Option<String>,
        /// All but the one that asks
        #[arg(long, conflicts_with = "id")]
        others: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RecoveryKeyArgs {
    /// Read your password from the first line of stdin
    #[arg(long)]
    pub(crate) password_stdin: bool,
}
