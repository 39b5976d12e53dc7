//! `agw audit forward`: who else gets the records.

use agw_api::{Forward, ForwardKind, NewForward, segment};
use jiff::Timestamp;
use serde::Serialize;

use crate::args::{ForwardAdd, ForwardCommand};
use crate::context::Context;
use crate::error::CliError;
use crate::output::grouped;
use crate::times::ago;

const PATH: &str = "/api/v1/audit/forwards";

pub(super) async fn run(context: &Context<'_>, command: ForwardCommand) -> Result<(), CliError> {
    match command {
        ForwardCommand::List => list(context).await,
        ForwardCommand::Add(args) => add(context, args).await,
        ForwardCommand::Remove { name } => {
            #[derive(Serialize)]
            struct Removed<'a> {
                removed: &'a str,
            }

            context.client.delete(&format!("{PATH}/{}", segment(&name))).await?;
            context
                .output
                .item(&Removed { removed: &name }, || format!("{name} gets no more records."))
        }
    }
}

async fn list(context: &Context<'_>) -> Result<(), CliError> {
    let forwards: Vec<Forward> = context.client.get(PATH).await?;
    let now = Timestamp::now();
    context.output.list(
        &forwards,
        &["NAME", "KIND", "TARGET", "SENT TO", "BEHIND", "LAST", "PROBLEM"],
        |forward| {
            vec![
                forward.name.clone(),
                kind(forward.kind).to_owned(),
                forward.target.clone(),
                grouped(forward.sent),
                grouped(forward.behind),
                forward.sent_at.as_deref().map(|time| ago(time, now)).unwrap_or_default(),
                forward.error.clone().unwrap_or_default(),
            ]
        },
        "Records are sent to nobody: `agw audit forward add --help` shows how to.",
    )
}

/// As it is given to `add`.
fn kind(kind: ForwardKind) -> &'static str {
    match kind {
        ForwardKind::Otlp => "otlp",
        ForwardKind::Syslog => "syslog",
        ForwardKind::JsonLines => "json-lines",
    }
}

async fn add(context: &Context<'_>, args: ForwardAdd) -> Result<(), CliError> {
    let request = NewForward {
        name: args.name,
        kind: args.kind.into(),
        target: args.target,
        from_start: args.from_start,
    };
    let added: Forward = context.client.post(PATH, &request).await?;
    context.output.item(&added, || {
        let from = if request.from_start { "all records" } else { "each new record" };
        format!("{} at {} gets {from}, as {}.", added.name, added.target, kind(added.kind))
    })?;
    context.output.hint("See with `agw audit forward list` how it goes.");
    Ok(())
}
