//! First run, and the state of the whole service: set up, pause, resume,
//! unlock, recover, stop.

use std::time::Duration;

use agw_api::{
    Health, NewRecoveryKey, PauseRequest, RecoverRequest, RecoveryKeyMade, ServiceState,
    SetupRequest, SetupResponse, Status, UnlockRequest, paths,
};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::args::{RecoverArgs, RecoveryKeyArgs, SetupArgs, UnlockArgs};
use crate::context::{Context, DEFAULT_URL, service_url};
use crate::error::{CliError, NOT_RUNNING};
use crate::output::word;
use crate::private_file;
use crate::secrets::SecretInput;

/// How long `agw stop` waits for the service: it finishes running calls first.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
const STOP_POLL: Duration = Duration::from_millis(100);

/// The home of a master key that is derived from a passphrase.
const PASSPHRASE: &str = "passphrase";

pub(crate) async fn setup(context: &Context<'_>, args: SetupArgs) -> Result<(), CliError> {
    #[derive(Serialize)]
    struct Done<'a> {
        user: &'a str,
        recovery_key: &'a str,
    }

    // Better to hear that nothing runs before thinking up a password.
    let _: Health = context.client.get("/api/v1/health").await?;
    let mut input = SecretInput::new(args.password_stdin);
    let password = input.choose("password")?;
    let passphrase = args.with_passphrase.then(|| input.choose(PASSPHRASE)).transpose()?;
    let request = SetupRequest {
        admin: args.admin,
        password: password.into_body(),
        passphrase: passphrase.map(|text| text.into_body()),
    };
    let done: SetupResponse = context.client.post("/api/v1/setup", &request).await?;
    // The key comes first: it must reach the person even if the session
    // cannot be stored.
    let shown = Done { user: &done.session.user, recovery_key: &done.recovery_key };
    context.output.item(&shown, || {
        format!(
            "The gateway is set up; {} is its admin.\n\n\
             Recovery key:\n\n    {}\n\n\
             Write it down now and keep it away from this machine: it is not shown again.\n\
             It is the only way to the stored secrets if the master key is lost.",
            done.session.user, done.recovery_key
        )
    })?;
    match &done.session.token {
        Some(token) => {
            private_file::write(&paths::cli_session(context.data_dir), token)?;
            let url = service_url(context.data_dir).unwrap_or_else(|| DEFAULT_URL.to_owned());
            context.output.hint(&format!(
                "Go on in a browser at {url}, or here: `agw connection add`, `agw client wire` (`agw --help` has the first steps)."
            ));
            Ok(())
        }
        None => Err(CliError::failed(
            "internal",
            "the gateway is set up but gave no session",
            format!("Run `agw login {}`.", done.session.user),
        )),
    }
}

pub(crate) async fn pause(context: &Context<'_>, subject: Option<String>) -> Result<(), CliError> {
    let Some(subject) = subject else {
        return change(context, "/api/v1/pause", &()).await;
    };
    let request = PauseRequest { subject: Some(subject.clone()) };
    let status: Status = context.client.post("/api/v1/pause", &request).await?;
    context.output.item(&status, || {
        format!("{subject} is paused: calls are refused until `agw resume {subject}`.")
    })
}

pub(crate) async fn resume(context: &Context<'_>, subject: Option<String>) -> Result<(), CliError> {
    let Some(subject) = subject else {
        return change(context, "/api/v1/resume", &()).await;
    };
    let request = PauseRequest { subject: Some(subject.clone()) };
    let status: Status = context.client.post("/api/v1/resume", &request).await?;
    context.output.item(&status, || match status.state {
        ServiceState::Enforcing => format!("{subject} is no longer paused."),
        _ => format!("{subject} is no longer paused by itself. {}", state_text(&status)),
    })
}

pub(crate) async fn unlock(context: &Context<'_>, args: UnlockArgs) -> Result<(), CliError> {
    let passphrase = if args.passphrase_stdin || key_is_derived(context).await? {
        let mut input = SecretInput::new(args.passphrase_stdin);
        Some(input.ask(PASSPHRASE)?.into_body())
    } else {
        None
    };
    change(context, "/api/v1/unlock", &UnlockRequest { passphrase }).await
}

pub(crate) async fn recover(context: &Context<'_>, args: RecoverArgs) -> Result<(), CliError> {
    let derived = key_is_derived(context).await?;
    let mut input = SecretInput::new(args.recovery_key_stdin);
    let recovery_key = input.ask("recovery key")?.into_body();
    let passphrase = derived.then(|| input.choose("new passphrase")).transpose()?;
    let request =
        RecoverRequest { recovery_key, passphrase: passphrase.map(|text| text.into_body()) };
    change(context, "/api/v1/recover", &request).await
}

/// Asks for the password, so that a session left open is not enough.
pub(crate) async fn recovery_key(
    context: &Context<'_>,
    args: RecoveryKeyArgs,
) -> Result<(), CliError> {
    let password = SecretInput::new(args.password_stdin).ask("password")?.into_body();
    let request = NewRecoveryKey { password };
    let made: RecoveryKeyMade = context.client.post("/api/v1/recovery-key", &request).await?;
    context.output.item(&made, || {
        format!(
            "Recovery key:\n\n    {}\n\n\
             Write it down now and keep it away from this machine: it is not shown again.\n\
             The one before it opens nothing any more.",
            made.recovery_key
        )
    })
}

async fn key_is_derived(context: &Context<'_>) -> Result<bool, CliError> {
    let status: Status = context.client.get("/api/v1/status").await?;
    Ok(status.master_key.as_deref() == Some(PASSPHRASE))
}

/// Asks for a change of state and says what the state is now.
async fn change<B: Serialize>(context: &Context<'_>, path: &str, body: &B) -> Result<(), CliError> {
    let status: Status = context.client.post(path, body).await?;
    context.output.item(&status, || state_text(&status))
}

/// `The gateway is enforcing.`, or why it is not.
pub(crate) fn state_text(status: &Status) -> String {
    let state = match status.state {
        ServiceState::Unrecorded => "unrecorded, so agents are refused".to_owned(),
        state => word(&state),
    };
    match status.sealed_reason.as_ref().or(status.unrecorded_reason.as_ref()) {
        Some(reason) => format!("The gateway is {state}: {reason}"),
        None => format!("The gateway is {state}."),
    }
}

/// Returns when the service is gone, so that a script can start it again.
pub(crate) async fn stop(context: &Context<'_>) -> Result<(), CliError> {
    #[derive(Serialize)]
    struct Stopped {
        stopped: bool,
    }

    let () = context.client.post("/api/v1/shutdown", &()).await?;
    let deadline = Instant::now() + STOP_TIMEOUT;
    while is_running(context).await {
        if Instant::now() >= deadline {
            return Err(CliError::failed(
                "timed_out",
                format!("the gateway is still stopping after {} s", STOP_TIMEOUT.as_secs()),
                "Look at its log, then run `agw status`.",
            ));
        }
        sleep(STOP_POLL).await;
    }
    context.output.item(&Stopped { stopped: true }, || "The gateway has stopped.".to_owned())
}

async fn is_running(context: &Context<'_>) -> bool {
    let health: Result<Health, _> = context.client.get("/api/v1/health").await;
    health
        .map_err(CliError::from)
        .err()
        .and_then(|error| error.code().map(str::to_owned))
        .as_deref()
        != Some(NOT_RUNNING)
}
