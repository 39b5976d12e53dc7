//! The audit trail: looking at it, taking it away, proving it, keeping it.

mod export;
mod filter;
mod forward;
mod kept;
mod list;
mod proof;
mod settings;
mod status;
mod story;
mod tail;
mod verify;

use tokio::signal;

use crate::args::AuditCommand;
use crate::context::Context;
use crate::error::CliError;

pub(crate) use verify::verify_file;

pub(crate) async fn run(context: &Context<'_>, command: AuditCommand) -> Result<(), CliError> {
    match command {
        AuditCommand::List(args) => list::list(context, &args).await,
        // Ctrl-C is how a person ends it, so it is no failure.
        AuditCommand::Tail(filter) => tokio::select! {
            ended = tail::tail(context, &filter) => ended,
            _ = signal::ctrl_c() => Ok(()),
        },
        AuditCommand::Show { id } => story::show(context, &id).await,
        AuditCommand::Body { call_id } => story::body(context, &call_id).await,
        AuditCommand::Export(args) => export::export(context, &args).await,
        AuditCommand::Verify(args) => verify::verify(context, &args).await,
        AuditCommand::Key => proof::key(context).await,
        AuditCommand::Checkpoint { out, replace } => {
            proof::checkpoint(context, out.as_deref(), replace).await
        }
        AuditCommand::Status => status::status(context).await,
        AuditCommand::Acknowledge { sure } => status::acknowledge(context, sure).await,
        AuditCommand::Settings { command } => settings::run(context, command).await,
        AuditCommand::MetricsToken => settings::metrics_token(context).await,
        AuditCommand::Erase { user, sure } => settings::erase(context, user, sure).await,
        AuditCommand::Forward(command) => forward::run(context, command).await,
    }
}
