//! Changing a connection in place, starting it anew, and what happened to it.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use agw_api::{
    Connection, ConnectionDetail, EditConnection, EditCredential, LogLine, LogSource, TestReport,
    Transport,
};

use super::{path, reported, starts, summary};
use crate::args::ConnectionEdit;
use crate::confirm::confirm;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{safe, write_line};
use crate::secrets::SecretInput;

/// How often `--follow` looks for new lines.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(super) async fn edit(context: &Context<'_>, args: ConnectionEdit) -> Result<(), CliError> {
    let now: ConnectionDetail = context.client.get(&path(&args.name)).await?;
    let now = now.connection;
    let (names, fold_case) = match now.transport {
        Transport::Stdio { .. } => (args.env, false),
        Transport::Http { .. } => (args.header, true),
    };
    let transport = match (args.http, args.command.is_empty()) {
        (Some(url), _) => Transport::Http { url },
        (None, false) => Transport::Stdio { argv: args.command },
        (None, true) => now.transport.clone(),
    };
    if transport != now.transport
        && let Some(what) = starts(&transport)
        && io::stdin().is_terminal()
    {
        confirm(&what, args.sure.yes)?;
    }
    let given = if names.is_empty() {
        Vec::new()
    } else {
        SecretInput::new(false).credentials(&names, fold_case)?
    };
    let same = |a: &str, b: &str| a == b || (fold_case && a.eq_ignore_ascii_case(b));
    if let Some(unknown) =
        args.remove.iter().find(|name| !now.credentials.iter().any(|stored| same(stored, name)))
    {
        let message = format!("{} has no secret {unknown}", now.name);
        return Err(CliError::usage(message, "`agw connection show NAME` has their names."));
    }
    let kept = now.credentials.iter().filter(|stored| {
        let gone = args.remove.iter().any(|name| same(stored, name));
        !gone && !given.iter().any(|credential| same(stored, &credential.name))
    });
    let kept = kept.map(|name| EditCredential { name: name.clone(), value: None });
    let mut credentials: Vec<EditCredential> = kept.collect();
    credentials.extend(given.into_iter().map(|credential| {
        // As it is stored, where only the case is another.
        let stored = now.credentials.iter().find(|stored| same(stored, &credential.name));
        let name = stored.cloned().unwrap_or(credential.name);
        EditCredential { name, value: Some(credential.value) }
    }));
    let version = args.seen.if_version.unwrap_or(now.version);
    let request = EditConnection { transport, credentials, version };
    let edited: Connection = context.client.put(&path(&args.name), &request).await?;
    context.output.item(&edited, || format!("Changed {}.", summary(&edited)))
}

pub(super) async fn restart(context: &Context<'_>, name: &str) -> Result<(), CliError> {
    let report: TestReport = context.client.post(&format!("{}/restart", path(name)), &()).await?;
    reported(context, name, &report)
}

/// What happened lately; with `follow`, what happens until it is interrupted.
pub(super) async fn logs(context: &Context<'_>, name: &str, follow: bool) -> Result<(), CliError> {
    let mut seen = 0;
    loop {
        let url = format!("{}/logs?after={seen}", path(name));
        let lines: Vec<LogLine> = context.client.get(&url).await?;
        for line in &lines {
            context.output.item(line, || {
                let source = match line.source {
                    LogSource::Stderr => "stderr ",
                    LogSource::Stdout => "stdout ",
                    LogSource::Gateway => "gateway",
                };
                // Whatever a line holds stays one line.
                format!("{} {source} {}", line.at, safe(&line.text))
            })?;
        }
        if !follow {
            return if lines.is_empty() && !context.output.json() {
                write_line("Nothing happened yet.")
            } else {
                Ok(())
            };
        }
        seen = lines.last().map_or(seen, |line| line.number);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
