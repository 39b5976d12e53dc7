//! Signing in and out, one's own password, and `agw status`, which works
//! signed in or not.

use agw_api::{
    ChangePassword, Health, OpenSession, ServiceState, SessionCreated, SignInRequest, Status,
    codes, paths, segment,
};
use serde::Serialize;

use crate::args::{LoginArgs, PasswordArgs, SessionCommand};
use crate::context::Context;
use crate::error::{CliError, NOT_RUNNING};
use crate::output::{count, sentence, word};
use crate::private_file;
use crate::secrets::SecretInput;
use crate::setup::state_text;
use crate::times::seconds;

pub(crate) async fn login(context: &Context<'_>, args: LoginArgs) -> Result<(), CliError> {
    #[derive(Serialize)]
    struct SignedIn<'a> {
        user: &'a str,
        expires_at: &'a str,
    }

    let password = SecretInput::new(args.password_stdin).ask("password")?;
    let request = SignInRequest { user: args.name, password: password.into_body() };
    let session: SessionCreated = context.client.post("/api/v1/sessions", &request).await?;
    let token = session.token.as_deref().ok_or_else(|| {
        CliError::failed(
            "internal",
            "the gateway gave no session",
            "Check that `agw` and the running service have the same version.",
        )
    })?;
    private_file::write(&paths::cli_session(context.data_dir), token)?;
    let shown = SignedIn { user: &session.user, expires_at: &session.expires_at };
    context
        .output
        .item(&shown, || format!("Signed in as {} until {}.", session.user, session.expires_at))
}

/// The stored session goes in any case; that the service cannot be told is
/// no reason to keep it.
pub(crate) async fn logout(context: &Context<'_>) -> Result<(), CliError> {
    #[derive(Serialize)]
    struct SignedOut {
        signed_out: bool,
    }

    let told = context.client.delete("/api/v1/session").await.map_err(CliError::from);
    private_file::remove(&paths::cli_session(context.data_dir))?;
    match told {
        Err(error) if error.code() == Some(NOT_RUNNING) => context.output.hint(
            "The gateway is not running, so it could not be told: the session ends by itself.",
        ),
        // An expired session is signed out already.
        Err(error) if error.code() != Some(codes::SIGN_IN) => return Err(error),
        _ => {}
    }
    context.output.item(&SignedOut { signed_out: true }, || "Signed out.".to_owned())
}

pub(crate) async fn status(context: &Context<'_>) -> Result<(), CliError> {
    #[derive(Serialize)]
    struct Shown<'a, T> {
        signed_in: bool,
        #[serde(flatten)]
        status: &'a T,
    }

    let status: Result<Status, CliError> =
        context.client.get("/api/v1/status").await.map_err(CliError::from);
    let refused = match status {
        Ok(status) => {
            let shown = Shown { signed_in: true, status: &status };
            return context.output.item(&shown, || status_text(&status));
        }
        Err(error) => error,
    };
    if !matches!(refused.code(), Some(codes::SIGN_IN | codes::NOT_SET_UP)) {
        return Err(refused);
    }
    let health: Health = context.client.get("/api/v1/health").await?;
    let shown = Shown { signed_in: false, status: &health };
    context.output.item(&shown, || {
        format!("The gateway is {} (version {}).", word(&health.state), health.version)
    })?;
    context.output.hint(match health.state {
        ServiceState::Unconfigured => "Set it up with `agw setup --admin NAME`.",
        _ => "You are not signed in: `agw login NAME` shows more.",
    });
    Ok(())
}

/// Asks for the present password, so that a session left open is not enough.
pub(crate) async fn password(context: &Context<'_>, args: PasswordArgs) -> Result<(), CliError> {
    #[derive(Serialize)]
    struct Changed {
        password_changed: bool,
    }

    let mut input = SecretInput::new(args.password_stdin);
    let current = input.ask("present password")?.into_body();
    let new = input.choose("new password")?.into_body();
    let () =
        context.client.put("/api/v1/session/password", &ChangePassword { current, new }).await?;
    context
        .output
        .item(&Changed { password_changed: true }, || "Your password is changed.".to_owned())
}

pub(crate) async fn run(context: &Context<'_>, command: SessionCommand) -> Result<(), CliError> {
    const PATH: &str = "/api/v1/sessions";
    #[derive(Serialize)]
    struct Ended {
        ended: bool,
    }

    match command {
        SessionCommand::List => {
            let all: Vec<OpenSession> = context.client.get(PATH).await?;
            let headings = ["ID", "FROM", "SINCE", "LAST USED", "UNTIL", ""];
            context.output.list(&all, &headings, session_cells, "You are not signed in.")
        }
        SessionCommand::End { id, others } => {
            let path = match id {
                Some(id) if !others => format!("{PATH}/{}", segment(&id)),
                _ => PATH.to_owned(),
            };
            context.client.delete(&path).await?;
            context.output.item(&Ended { ended: true }, || match others {
                true => "All your other sessions have ended.".to_owned(),
                false => "The session has ended.".to_owned(),
            })
        }
    }
}

fn session_cells(session: &OpenSession) -> Vec<String> {
    let time = |time: &Option<String>| time.as_deref().map_or_else(|| "-".to_owned(), seconds);
    let place = session.place.map_or_else(|| "-".to_owned(), |place| word(&place));
    let place = place.replace('_', " ");
    let from = session.browser.as_deref().map_or(place.clone(), |b| format!("{place}: {b}"));
    vec![
        session.id.clone(),
        from,
        time(&session.created_at),
        time(&session.used_at),
        seconds(&session.expires_at),
        if session.current { "this one".to_owned() } else { String::new() },
    ]
}

fn status_text(status: &Status) -> String {
    let mut text = format!(
        "{}\n  address      {}/mcp\n  version      {}, running since {}\n  master key   {}\n  \
         holds        {}, {}, {}, {}\n  audit trail  {} records",
        state_text(status),
        status.url.trim_end_matches('/'),
        status.version,
        status.started_at,
        status.master_key.as_deref().unwrap_or("none yet"),
        count(status.connections, "connection"),
        count(status.users, "user"),
        count(status.agents, "agent"),
        count(status.grants, "grant"),
        status.audit_head,
    );
    if let Some(url) = &status.shared_url {
        text.push_str(&format!("\n  shared at    {url}/mcp"));
    }
    if let Some(alarm) = &status.audit_alarm {
        text.push_str(&format!("\n  ALARM        {} See `agw audit status`.", sentence(alarm)));
    }
    if !status.paused.is_empty() {
        text.push_str(&format!("\n  paused       {}", status.paused.join(", ")));
    }
    if status.approvals > 0 {
        let waiting = count(status.approvals, "call");
        text.push_str(&format!("\n  waiting      {waiting} for a person: see `agw approvals`"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Status {
        serde_json::from_value(serde_json::json!({
            "state": "enforcing", "version": "0.1.0", "url": "http://127.0.0.1:7410/",
            "started_at": "2026-11-22T10:00:00Z", "master_key": "keychain", "sealed_reason": null,
            "connections": 1, "users": 2, "agents": 0, "grants": 3, "audit_head": 12,
            "paused": ["ben"], "approvals": 1
        }))
        .unwrap()
    }

    #[test]
    fn a_gateway_that_works() {
        assert_eq!(
            status_text(&example()),
            "The gateway is enforcing.
  address      http://127.0.0.1:7410/mcp
  version      0.1.0, running since 2026-11-22T10:00:00Z
  master key   keychain
  holds        1 connection, 2 users, 0 agents, 3 grants
  audit trail  12 records
  paused       ben
  waiting      1 call for a person: see `agw approvals`"
        );
    }

    #[test]
    fn what_is_wrong_with_the_trail_is_told() {
        let status = Status {
            state: ServiceState::Unrecorded,
            unrecorded_reason: Some("the disk is full".into()),
            audit_alarm: Some("the trail was set back.".into()),
            ..example()
        };
        let text = status_text(&status);
        let first = "The gateway is unrecorded, so agents are refused: the disk is full\n";
        assert!(text.starts_with(first), "{text}");
        let alarm = "\n  ALARM        The trail was set back. See `agw audit status`.\n";
        assert!(text.contains(alarm), "{text}");
    }
}
