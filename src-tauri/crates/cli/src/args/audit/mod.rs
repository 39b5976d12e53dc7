//! The audit trail.

mod keeping;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

pub(crate) use keeping::{
    DurabilityArg, ForwardAdd, ForwardCommand, SettingsCommand, SettingsEdit, Switch,
};

use crate::names::{caller, connection_name, person_name, query_value, tool};
use crate::times::moment;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Newest records first
    #[command(
        after_help = "WHEN is a time ago (2h, 7d), a day (2026-11-20: its start, UTC) or RFC 3339:
  agw audit list --decision deny --since 7d
  agw audit list --team sales --effect destructive --since 2026-11-01 --until 2026-12-01
  agw audit list --agent ana/claude --tool gmail.send --json"
    )]
    List(AuditList),
    /// The last ten records, then each new one until Ctrl-C
    Tail(AuditFilter),
    /// The whole story of a call: what was asked, decided, approved and done
    Show {
        /// Call id or sequence number
        #[arg(value_parser = query_value)]
        id: String,
    },
    /// Open the sealed arguments and result of a call; that you did is recorded
    #[command(
        after_help = "They are kept for tools that were told to: `agw tool record TOOL --bodies on`."
    )]
    Body {
        /// Call id, as `agw audit show` has it
        #[arg(value_parser = query_value)]
        call_id: String,
    },
    /// Write the trail, or a part of it, to a file
    #[command(after_help = "Formats:
  tlog    canonical records with the hash tree and signed checkpoints: `agw audit verify` proves it
  jsonl   one JSON object a line
  csv     for spreadsheets

Examples:
  agw audit export --format tlog --out trail.tlog
  agw audit export --since last.checkpoint --format tlog --out new.tlog
  agw audit export --decision deny --since 30d --format csv --out denied.csv")]
    Export(AuditExport),
    /// Prove that nothing was changed, removed or put in; exit 0 only if so
    #[command(after_help = "Examples:
  agw audit verify                                 the running gateway's whole trail
  agw audit verify trail.tlog --key audit.key      a file, with nothing but the public key
  agw audit verify --key audit.key --since last.checkpoint
                                                   also that it continues what was there then
The key is that of `agw audit key`. Take it, and a checkpoint now and then, while you trust
the gateway, and keep them where it cannot write.")]
    Verify(AuditVerify),
    /// Print the public key that proves the trail
    Key,
    /// Print the newest checkpoint, signed: keep it where the gateway cannot write
    Checkpoint {
        /// To this file instead of stdout
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        replace: Replace,
    },
    /// Say how the trail is: whether it is written, signed and witnessed
    Status,
    /// Take note of an alarm about the trail; that you did is recorded
    Acknowledge {
        #[command(flatten)]
        sure: Sure,
    },
    /// Show or change what is recorded how, kept how long and shown to whom
    #[command(args_conflicts_with_subcommands = true)]
    Settings {
        #[command(subcommand)]
        command: Option<SettingsCommand>,
    },
    /// Make the token for Prometheus and print it; an earlier one stops working
    MetricsToken,
    /// Erase the words of a removed user from the trail; its proofs keep holding
    Erase {
        /// Name that the user had; `agw user remove` comes first
        #[arg(value_parser = person_name)]
        user: String,
        #[command(flatten)]
        sure: Sure,
    },
    /// Send records to others as they are written
    #[command(subcommand)]
    Forward(ForwardCommand),
}

/// For what cannot be undone, and for what the gateway starts.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Sure {
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

/// For files that are written.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Replace {
    /// Replace a file that is there
    #[arg(long)]
    pub(crate) force: bool,
}

/// Which records. All that is given must hold.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct AuditFilter {
    /// Only of this user
    #[arg(long, value_name = "USER", value_parser = person_name)]
    pub(crate) user: Option<String>,
    /// Only of the members of this team
    #[arg(long, value_name = "TEAM", value_parser = person_name)]
    pub(crate) team: Option<String>,
    /// Only of this agent
    #[arg(long, value_name = "[USER/]AGENT", value_parser = caller)]
    pub(crate) agent: Option<String>,
    /// Only of the tools of this connection
    #[arg(long, value_name = "CONNECTION", value_parser = connection_name)]
    pub(crate) connection: Option<String>,
    /// Only of this tool: connection.tool, connection.@prompt/NAME, connection.@resource/URI
    #[arg(long, value_name = "TOOL", value_parser = tool)]
    pub(crate) tool: Option<String>,
    /// Only with this decision: allow, ask or deny
    #[arg(long, value_name = "DECISION", hide_possible_values = true)]
    pub(crate) decision: Option<Decision>,
    /// Only with this reason code, e.g. not_granted
    #[arg(long, value_name = "CODE", value_parser = query_value)]
    pub(crate) reason: Option<String>,
    /// Only calls of tools that do this, as it was confirmed then: read, write, destructive or unknown
    #[arg(long, value_name = "EFFECT", hide_possible_values = true)]
    pub(crate) effect: Option<RecordedEffect>,
    /// Only of this kind: intent, outcome, approval, config, sign_in or service
    #[arg(long, value_name = "KIND", hide_possible_values = true)]
    pub(crate) kind: Option<Kind>,
    /// Only with this status, e.g. ok, tool_error, failed, denied, indeterminate
    #[arg(long, value_name = "STATUS", value_parser = query_value)]
    pub(crate) status: Option<String>,
    /// Only with this text in a name, tool, code, detail or argument kept in clear
    #[arg(long, value_name = "TEXT", value_parser = query_value)]
    pub(crate) text: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct AuditList {
    /// How many records
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) filter: AuditFilter,
    /// Only from then on
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    pub(crate) since: Option<Timestamp>,
    /// Only until then
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    pub(crate) until: Option<Timestamp>,
    /// Only with a smaller sequence number: the last one of the list before
    #[arg(long, value_name = "SEQ")]
    pub(crate) before: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct AuditExport {
    /// From then on: a time as for `agw audit list`, a sequence number, or a
    /// file with a checkpoint, after which it begins
    #[arg(long, value_name = "WHEN|SEQ|FILE", value_parser = since)]
    pub(crate) since: Option<Since>,
    /// Until then
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    pub(crate) until: Option<Timestamp>,
    #[command(flatten)]
    pub(crate) filter: AuditFilter,
    /// jsonl, csv or tlog
    #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
    pub(crate) format: Format,
    /// With the sealed bodies, still sealed
    #[arg(long)]
    pub(crate) bodies: bool,
    /// The file, which only you may read; - is stdout
    #[arg(long, value_name = "FILE|-")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) replace: Replace,
}

#[derive(Debug, Args)]
pub(crate) struct AuditVerify {
    /// An export with --format tlog; - is stdin [default: a fresh one of the running gateway]
    #[arg(value_name = "FILE|-", requires = "key")]
    pub(crate) file: Option<PathBuf>,
    /// The public key, or a file with it [default, without FILE: what the gateway says]
    #[arg(long, value_name = "KEY|FILE", value_parser = query_value)]
    pub(crate) key: Option<String>,
    /// A checkpoint that was kept: the trail must continue it
    #[arg(long, value_name = "FILE")]
    pub(crate) since: Option<PathBuf>,
    /// A receipt that an agent got: the trail must hold its call
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Vec<PathBuf>,
}

/// Where an export begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Since {
    Time(Timestamp),
    Seq(u64),
    /// After the records that this signed note covers.
    Checkpoint(PathBuf),
}

fn since(text: &str) -> Result<Since, String> {
    if let Ok(seq) = text.parse() {
        return Ok(Since::Seq(seq));
    }
    if let Ok(time) = moment(text) {
        return Ok(Since::Time(time));
    }
    let path = PathBuf::from(text);
    if path.is_file() {
        return Ok(Since::Checkpoint(path));
    }
    Err("there is no such file; use one with a checkpoint, a sequence number, or a time such as \
         7d, 2026-11-20 or 2026-11-20T18:00:00Z"
        .to_owned())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Jsonl,
    Csv,
    Tlog,
}

impl From<Format> for agw_api::ExportFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Jsonl => Self::Jsonl,
            Format::Csv => Self::Csv,
            Format::Tlog => Self::Tlog,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Decision {
    Allow,
    Ask,
    Deny,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RecordedEffect {
    Read,
    Write,
    Destructive,
    /// Nobody had confirmed what it does.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Kind {
    Intent,
    Outcome,
    Approval,
    Config,
    SignIn,
    Service,
}

/// How a value is written on the command line, in a query and in a record.
pub(crate) fn written<T: ValueEnum>(value: &T) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_begins_at_a_time_a_number_or_a_checkpoint() {
        assert_eq!(since("20261120"), Ok(Since::Seq(20_261_120)));
        assert!(matches!(since("2026-11-20"), Ok(Since::Time(_))));
        assert!(matches!(since("7d"), Ok(Since::Time(_))));
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        assert_eq!(since(path), Ok(Since::Checkpoint(path.into())));
        for bad in ["", "/nowhere/at/all", "-1", "soon", "/"] {
            assert!(since(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn values_are_written_as_in_records() {
        assert_eq!(written(&Kind::SignIn), "sign_in");
        assert_eq!(written(&RecordedEffect::Unknown), "unknown");
        assert_eq!(written(&Decision::Ask), "ask");
    }
}
