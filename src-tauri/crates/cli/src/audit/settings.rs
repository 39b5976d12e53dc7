//! What is set about the trail: settings, the token for Prometheus, erasing.

use agw_api::{AuditSettings, Durability, Erase, Erased, MetricsAccess, TokenCreated, paths};

use super::status::durability;
use crate::args::{SettingsCommand, SettingsEdit, Sure, Switch};
use crate::confirm::confirm;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{count, safe};

const PATH: &str = "/api/v1/audit/settings";

pub(super) async fn run(
    context: &Context<'_>,
    command: Option<SettingsCommand>,
) -> Result<(), CliError> {
    let mut settings: AuditSettings = context.client.get(PATH).await?;
    if let Some(SettingsCommand::Set(edit)) = command {
        settings = context.client.put(PATH, &edited(edit, settings)).await?;
    }
    context.output.item(&settings, || settings_text(&settings))
}

/// What was asked for; the rest as it is.
fn edited(edit: SettingsEdit, now: AuditSettings) -> AuditSettings {
    AuditSettings {
        durability: edit.durability.map_or(now.durability, Into::into),
        receipts: edit.receipts.map_or(now.receipts, |switch| switch == Switch::On),
        bodies_days: edit.bodies_days.map_or(now.bodies_days, |days| days.0),
        records_days: edit.records_days.map_or(now.records_days, |days| days.0),
        max_mib: edit.max_mib.map_or(now.max_mib, |mib| mib.0),
        witness_folder: edit.witness_folder.map_or(now.witness_folder, |folder| folder.0),
        witness_url: edit.witness_url.map_or(now.witness_url, |url| url.0),
        metrics: edit.metrics.map_or(now.metrics, Into::into),
        version: edit.seen.if_version.unwrap_or(now.version),
    }
}

fn settings_text(settings: &AuditSettings) -> String {
    let days = |days: Option<u32>| match days {
        Some(days) => count(days, "day"),
        None => "for ever".to_owned(),
    };
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let receipts = match settings.receipts {
        true => "on: each answer to an agent carries one",
        false => "off",
    };
    let metrics = match settings.metrics {
        MetricsAccess::Off => "off",
        MetricsAccess::Local => "for every program of this machine, at /metrics",
        MetricsAccess::Token => "with the token of `agw audit metrics-token`, at /metrics",
    };
    let on_disk = if settings.receipts { Durability::Strict } else { settings.durability };
    let mut text = "What is set about the trail:".to_owned();
    for (name, value) in [
        ("on disk", durability(on_disk).to_owned()),
        ("receipts", receipts.to_owned()),
        ("bodies kept", days(settings.bodies_days)),
        ("records kept", days(settings.records_days)),
        (
            "size",
            settings.max_mib.map_or("no bound".to_owned(), |mib| format!("at most {mib} MiB")),
        ),
        ("folder", or_none(&settings.witness_folder)),
        ("witness", or_none(&settings.witness_url)),
        ("metrics", metrics.to_owned()),
    ] {
        text.push_str(&format!("\n  {name:<12}  {}", safe(&value)));
    }
    text
}

/// Prints nothing but the token, so that it can be piped into a file.
pub(super) async fn metrics_token(context: &Context<'_>) -> Result<(), CliError> {
    let created: TokenCreated = context.client.post("/api/v1/audit/metrics-token", &()).await?;
    context.output.item(&created, || created.token.clone())?;
    let settings: AuditSettings = context.client.get(PATH).await?;
    let url = paths::service_url(context.data_dir);
    context.output.hint(&match settings.metrics {
        MetricsAccess::Token => format!("Prometheus shows it as a bearer token at {url}/metrics."),
        _ => "It opens nothing before `agw audit settings set --metrics token`.".to_owned(),
    });
    Ok(())
}

pub(super) async fn erase(context: &Context<'_>, user: String, sure: Sure) -> Result<(), CliError> {
    confirm(
        &format!(
            "The name of {user}, and the words and bodies of all records of {user}, are erased for good."
        ),
        sure.yes,
    )?;
    let erased: Erased = context.client.post("/api/v1/audit/erase", &Erase { user }).await?;
    context.output.item(&erased, || {
        format!(
            "Erased the words of {}; the trail calls that person {} from now on.",
            count(erased.records, "record"),
            erased.user
        )
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{AuditCommand, Cli, Command};

    fn set(line: &str, now: AuditSettings) -> AuditSettings {
        let line = format!("agw audit settings set {line}");
        let cli = Cli::try_parse_from(line.split_whitespace()).unwrap();
        match cli.command {
            Command::Audit(AuditCommand::Settings {
                command: Some(SettingsCommand::Set(edit)),
            }) => edited(edit, now),
            other => panic!("{other:?}"),
        }
    }

    fn now() -> AuditSettings {
        AuditSettings {
            durability: Durability::Strict,
            receipts: true,
            bodies_days: Some(30),
            records_days: None,
            max_mib: Some(64),
            witness_folder: Some("/mnt/x".into()),
            witness_url: None,
            metrics: MetricsAccess::Local,
            version: 4,
        }
    }

    #[test]
    fn what_is_not_named_stays() {
        let edited = set("--metrics off", now());
        assert_eq!(edited, AuditSettings { metrics: MetricsAccess::Off, ..now() });
        let edited = set(
            "--durability by-effect --receipts off --bodies-days never --records-days 365 \
             --max-mib none --witness-folder none --witness-url https://w.example --metrics token \
             --if-version 3",
            now(),
        );
        let expected = AuditSettings {
            records_days: Some(365),
            witness_url: Some("https://w.example".into()),
            metrics: MetricsAccess::Token,
            version: 3,
            ..AuditSettings::default()
        };
        assert_eq!(edited, expected);
    }

    #[test]
    fn settings_in_words() {
        assert_eq!(
            settings_text(&now()),
            "What is set about the trail:
  on disk       before a call is forwarded, always (strict)
  receipts      on: each answer to an agent carries one
  bodies kept   30 days
  records kept  for ever
  size          at most 64 MiB
  folder        /mnt/x
  witness       none
  metrics       for every program of this machine, at /metrics"
        );
        let receipts = AuditSettings { receipts: true, ..AuditSettings::default() };
        assert!(settings_text(&receipts).contains("always (strict)"));
    }
}
