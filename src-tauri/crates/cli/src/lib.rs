//! The command line `agw`.
//!
//! `agw serve` runs the gateway and `agw mcp` is a bridge for MCP clients that
//! speak only stdio. Every other command is a client of the running service:
//! it reads the signed-in session from the data folder, sends a few requests
//! of the admin API over the local socket, and prints the answer, as
//! a table for people or with `--json` as one JSON object a line:
//!
//! ```text
//! $ agw grant ana files.read allow
//! ana may use files.read (grant g12).
//! $ agw grants ana --json
//! {"id":"g12","subject":"ana","tool":"files.read","effect":"allow","version":1,…}
//! ```
//!
//! Exit codes: 0 done, 1 refused or failed, 2 bad usage. Errors go to stderr.
//! Secrets come from a prompt or from stdin, never from arguments, where any
//! process of the machine could read them.

mod agent;
mod approval;
mod args;
mod audit;
mod bridge;
mod call;
mod change;
mod client;
mod condition;
mod confirm;
mod connection;
mod context;
mod definitions;
mod diagnosis;
mod error;
mod grant;
mod invites;
mod json_text;
mod names;
mod output;
mod part_file;
mod people;
mod private_file;
mod progress;
mod review;
mod rules;
mod sample;
mod secrets;
mod serve;
mod session;
mod setup;
mod sharing;
mod times;
mod tools;
mod view;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;

use args::{AuditCommand, AuditVerify, Cli, Command, ToolCommand};
use context::Context;
use error::CliError;
use output::Output;

/// How long blocked threads (a read of stdin, say) may hold up the exit.
const RUNTIME_STOP: Duration = Duration::from_millis(100);

/// Runs the command that the arguments of this process name.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return error::usage_exit(&error),
    };
    let output = Output::new(cli.global.json);
    let result = runtime(&cli.command).and_then(|runtime| {
        let result = runtime.block_on(run(cli, &output));
        runtime.shutdown_timeout(RUNTIME_STOP);
        result
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(&output),
    }
}

/// Only the service has work for more than one thread.
fn runtime(command: &Command) -> Result<tokio::runtime::Runtime, CliError> {
    let mut builder = match command {
        Command::Serve(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    builder.enable_all().build().map_err(|error| {
        CliError::failed(
            "internal",
            format!("cannot start the asynchronous runtime: {error}"),
            "Check the limits on threads and open files, then try again.",
        )
    })
}

async fn run(cli: Cli, output: &Output) -> Result<(), CliError> {
    // A file is verified without a gateway: nothing of one is looked for.
    if let Command::Audit(AuditCommand::Verify(args @ AuditVerify { file: Some(file), .. })) =
        &cli.command
    {
        return audit::verify_file(output, args, file);
    }
    if let Command::Sample(args) = cli.command {
        return sample::run(args);
    }
    let data_dir = context::data_dir(cli.global.data_dir)?;
    match cli.command {
        Command::Serve(args) => return serve::run(data_dir, args, output).await,
        Command::Mcp(args) => return bridge::run(&data_dir, args).await,
        Command::Call(args) => return call::run(&data_dir, args, output).await,
        _ => {}
    }
    let context = Context::new(&data_dir, output)?;
    match cli.command {
        // Handled above: they are not clients of the admin API.
        Command::Serve(_) | Command::Mcp(_) | Command::Call(_) | Command::Sample(_) => Ok(()),
        Command::Setup(args) => setup::setup(&context, args).await,
        Command::Login(args) => session::login(&context, args).await,
        Command::Logout => session::logout(&context).await,
        Command::Status => session::status(&context).await,
        Command::Password(args) => session::password(&context, args).await,
        Command::Pause { subject } => setup::pause(&context, subject).await,
        Command::Resume { subject } => setup::resume(&context, subject).await,
        Command::Unlock(args) => setup::unlock(&context, args).await,
        Command::Recover(args) => setup::recover(&context, args).await,
        Command::RecoveryKey(args) => setup::recovery_key(&context, args).await,
        Command::Session(command) => session::run(&context, command).await,
        Command::Doctor(args) => diagnosis::doctor(&context, args).await,
        Command::Egress => diagnosis::egress(&context).await,
        Command::Stop => setup::stop(&context).await,
        Command::Connection(command) => connection::run(&context, command).await,
        Command::User(command) => people::user(&context, command).await,
        Command::Invite(command) => invites::run(&context, command).await,
        Command::Share(command) => sharing::run(&context, command).await,
        Command::Team(command) => people::team(&context, command).await,
        Command::Token { name } => people::token(&context, &name).await,
        Command::Agent(command) => agent::run(&context, command).await,
        Command::Client(command) => client::run(&context, command).await,
        Command::Grant(args) => grant::grant(&context, args).await,
        Command::Grants { subject } => grant::grants(&context, subject.as_deref()).await,
        Command::EditGrant(args) => grant::edit(&context, args).await,
        Command::Revoke { grant, seen } => grant::revoke(&context, &grant, seen).await,
        Command::Approvals { all } => approval::list(&context, all).await,
        Command::Approval { id } => approval::show(&context, &id).await,
        Command::Approve(args) => approval::approve(&context, args).await,
        Command::Deny(args) => approval::deny(&context, args).await,
        Command::Explain(args) => review::explain(&context, args).await,
        Command::Simulate(args) => review::simulate(&context, args).await,
        Command::Suggest(args) => change::suggest(&context, args).await,
        Command::Apply { file } => change::apply(&context, &file).await,
        Command::Tools { kind, caller } => tools::list(&context, kind, caller.as_deref()).await,
        Command::Tool { command: Some(ToolCommand::Record(args)), .. } => {
            tools::record(&context, args).await
        }
        Command::Tool { command: Some(ToolCommand::Review { tool }), .. } => {
            definitions::review(&context, &tool).await
        }
        Command::Tool { command: Some(ToolCommand::Accept { tool, hash }), .. } => {
            definitions::accept(&context, &tool, hash).await
        }
        Command::Tool { tool, .. } => tools::show(&context, &tool.unwrap_or_default()).await,
        Command::Effect { tool, effect, seen } => {
            tools::confirm(&context, &tool, effect, seen).await
        }
        Command::Audit(command) => audit::run(&context, command).await,
    }
}
