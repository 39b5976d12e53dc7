//! `agw serve`: the service itself, in this process.
//!
//! Stdout carries one line, when the service is ready; the log goes to stderr.

use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;
use std::path::PathBuf;

use agw_gateway::{MasterKeySource, Secret, ServeOptions, WebView};
use serde::Serialize;
use tracing_subscriber::EnvFilter;

use crate::args::{DurabilityArg, ServeArgs};
use crate::error::CliError;
use crate::output::Output;
use crate::secrets::SecretInput;

/// What is logged, e.g. `debug` or `agw_gateway=trace,info`.
const LOG_VARIABLE: &str = "AGW_LOG";
const LOG_DEFAULT: &str = "info";

pub(crate) async fn run(
    data_dir: PathBuf,
    args: ServeArgs,
    output: &Output,
) -> Result<(), CliError> {
    let master_key: Option<MasterKeySource> = match args.master_key {
        None => None,
        Some(text) => {
            Some(text.parse().map_err(|error| CliError::advised("usage", &error).into_usage())?)
        }
    };
    log_to_stderr(args.log_json)?;
    let passphrase = if args.passphrase_stdin {
        let passphrase = SecretInput::new(true).ask("passphrase")?;
        Some(Secret::new(passphrase.into_body()))
    } else {
        None
    };
    let options = ServeOptions {
        data_dir,
        listen: args.listen,
        master_key,
        web_view: Some(args.ui.map_or(WebView::Inside(crate::view::file), WebView::Folder)),
        passphrase,
        strict_audit: args.audit == DurabilityArg::Strict,
        legacy_sse: args.legacy_sse,
    };
    agw_gateway::serve(options, |address| ready(address, output))
        .await
        .map_err(|error| CliError::advised("serve", &error))
}

/// A closed stdout is no reason to stop a service that is running.
fn ready(address: &SocketAddr, output: &Output) {
    #[derive(Serialize)]
    struct Ready<'a> {
        url: &'a str,
    }

    let url = format!("http://{address}");
    let _ = output.item(&Ready { url: &url }, || format!("agw is ready at {url}"));
}

fn log_to_stderr(json: bool) -> Result<(), CliError> {
    let wanted = std::env::var(LOG_VARIABLE).unwrap_or_else(|_| LOG_DEFAULT.to_owned());
    let filter = EnvFilter::try_new(&wanted).map_err(|error| {
        CliError::usage(
            format!("{LOG_VARIABLE}={wanted} is no log filter: {error}"),
            format!("Use a level, for example {LOG_VARIABLE}=debug."),
        )
    })?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        // Those would go to stderr too, and panic where it is closed.
        .log_internal_errors(false);
    let set = if json { log.json().try_init() } else { log.try_init() };
    set.map_err(|error| {
        CliError::failed("internal", format!("cannot log: {error}"), "Report this as a bug.")
    })
}
