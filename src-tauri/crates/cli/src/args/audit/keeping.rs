//! How the trail is kept: settings, and who else gets its records.

use agw_api::{Durability, MetricsAccess};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use super::super::IfVersion;
use crate::names::{http_url, person_name, query_value};

#[derive(Debug, Subcommand)]
pub(crate) enum SettingsCommand {
    /// Change settings; what is not named stays
    #[command(
        override_usage = "agw audit settings set [OPTIONS]",
        after_help = "Examples:
  agw audit settings set --durability strict
  agw audit settings set --bodies-days 30 --records-days 365
  agw audit settings set --witness-folder /mnt/backup/agw
  agw audit settings set --max-mib none --metrics token"
    )]
    Set(SettingsEdit),
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("edits").required(true).multiple(true).args([
    "durability", "receipts", "bodies_days", "records_days", "max_mib", "witness_folder",
    "witness_url", "metrics",
])))]
pub(crate) struct SettingsEdit {
    /// When a record is on disk: strict: before each call is forwarded;
    /// by-effect: the same, but within 50 ms for tools confirmed as read
    #[arg(long, value_name = "by-effect|strict", hide_possible_values = true)]
    pub(crate) durability: Option<DurabilityArg>,
    /// Each answer to an agent carries a signed receipt; implies strict
    #[arg(long, value_name = "on|off", hide_possible_values = true)]
    pub(crate) receipts: Option<Switch>,
    /// How many days sealed bodies are kept
    #[arg(long, value_name = "N|never", value_parser = bodies_days)]
    pub(crate) bodies_days: Option<OrNone<u32>>,
    /// How many days records are kept, at least 7
    #[arg(long, value_name = "N|never", value_parser = records_days)]
    pub(crate) records_days: Option<OrNone<u32>>,
    /// How large the database may get, in MiB, at least 64: beyond it the
    /// oldest bodies go and then the oldest records, none of the last 7 days
    #[arg(long, value_name = "N|none", value_parser = max_mib)]
    pub(crate) max_mib: Option<OrNone<u32>>,
    /// A folder, best on another machine, that gets each checkpoint
    #[arg(long, value_name = "PATH|none", value_parser = folder)]
    pub(crate) witness_folder: Option<OrNone<String>>,
    /// An HTTP witness (C2SP tlog-witness) that gets each checkpoint: its
    /// address before /add-checkpoint
    #[arg(long, value_name = "URL|none", value_parser = url)]
    pub(crate) witness_url: Option<OrNone<String>>,
    /// Who may read /metrics for Prometheus: nobody, every program of this
    /// machine, or who has the token of `agw audit metrics-token`
    #[arg(long, value_name = "off|local|token", hide_possible_values = true)]
    pub(crate) metrics: Option<MetricsArg>,
    #[command(flatten)]
    pub(crate) seen: IfVersion,
}

/// A value, or that there shall be none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrNone<T>(pub(crate) Option<T>);

fn number(text: &str, none: &str, least: u32) -> Result<OrNone<u32>, String> {
    if text == none {
        return Ok(OrNone(None));
    }
    match text.parse::<u32>() {
        Ok(number) if number >= least => Ok(OrNone(Some(number))),
        _ => Err(format!("use a number of at least {least}, or {none}")),
    }
}

fn bodies_days(text: &str) -> Result<OrNone<u32>, String> {
    number(text, "never", 1)
}

fn records_days(text: &str) -> Result<OrNone<u32>, String> {
    number(text, "never", 7)
}

fn max_mib(text: &str) -> Result<OrNone<u32>, String> {
    number(text, "none", 64)
}

fn folder(text: &str) -> Result<OrNone<String>, String> {
    if text == "none" {
        return Ok(OrNone(None));
    }
    if std::path::Path::new(text).is_absolute() {
        return query_value(text).map(|path| OrNone(Some(path)));
    }
    Err("use an absolute path, or none".to_owned())
}

fn url(text: &str) -> Result<OrNone<String>, String> {
    if text == "none" {
        return Ok(OrNone(None));
    }
    http_url(text).map(|url| OrNone(Some(url))).map_err(|why| format!("{why}, or none"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DurabilityArg {
    ByEffect,
    Strict,
}

impl From<DurabilityArg> for Durability {
    fn from(durability: DurabilityArg) -> Self {
        match durability {
            DurabilityArg::ByEffect => Self::ByEffect,
            DurabilityArg::Strict => Self::Strict,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum MetricsArg {
    Off,
    Local,
    Token,
}

impl From<MetricsArg> for MetricsAccess {
    fn from(metrics: MetricsArg) -> Self {
        match metrics {
            MetricsArg::Off => Self::Off,
            MetricsArg::Local => Self::Local,
            MetricsArg::Token => Self::Token,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ForwardCommand {
    /// List who gets records, and how far behind they are
    List,
    /// Send records to somebody from now on
    #[command(after_help = "Examples:
  agw audit forward add siem syslog tcp://siem.example:601
  agw audit forward add collector otlp http://127.0.0.1:4318
  agw audit forward add archive json-lines /mnt/backup/agw.jsonl --from-start")]
    Add(ForwardAdd),
    /// Send no more to somebody
    Remove {
        #[arg(value_parser = person_name)]
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ForwardAdd {
    /// What to call it here
    #[arg(value_parser = person_name)]
    pub(crate) name: String,
    pub(crate) kind: ForwardKind,
    /// otlp: http(s)://HOST:PORT, before /v1/traces; syslog: udp://HOST:PORT, tcp://HOST:PORT
    /// or unix:///dev/log; json-lines: an absolute path or tcp://HOST:PORT
    #[arg(value_parser = query_value)]
    pub(crate) target: String,
    /// Begin with the oldest record instead of the next one
    #[arg(long)]
    pub(crate) from_start: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ForwardKind {
    /// OpenTelemetry traces and metrics, OTLP over HTTP
    Otlp,
    /// RFC 5424
    Syslog,
    /// One JSON object a line
    JsonLines,
}

impl From<ForwardKind> for agw_api::ForwardKind {
    fn from(kind: ForwardKind) -> Self {
        match kind {
            ForwardKind::Otlp => Self::Otlp,
            ForwardKind::Syslog => Self::Syslog,
            ForwardKind::JsonLines => Self::JsonLines,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_none_says_so() {
        assert_eq!(records_days("never"), Ok(OrNone(None)));
        assert_eq!(records_days("7"), Ok(OrNone(Some(7))));
        assert_eq!(bodies_days("1"), Ok(OrNone(Some(1))));
        assert_eq!(max_mib("none"), Ok(OrNone(None)));
        for bad in ["6", "0", "-1", "none", "7.5", "", "99999999999"] {
            assert!(records_days(bad).is_err_and(|why| why.contains("never")), "{bad}");
        }
        assert!(max_mib("63").is_err() && bodies_days("0").is_err());
        assert_eq!(folder("none"), Ok(OrNone(None)));
        assert_eq!(folder("/mnt/x"), Ok(OrNone(Some("/mnt/x".into()))));
        assert!(folder("mnt/x").is_err() && folder("").is_err());
        assert_eq!(url("none"), Ok(OrNone(None)));
        assert!(url("https://w.example/agw").is_ok() && url("w.example").is_err());
    }
}
