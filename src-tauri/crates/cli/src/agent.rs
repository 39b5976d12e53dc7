//! The agents of users, each with its own sub-token.

use agw_api::{Agent, AgentCreated, EditAgent, NewAgent, codes, paths, segment};
use serde::Serialize;

use crate::args::{AgentAdd, AgentCommand, AgentEdit};
use crate::context::{Context, at_version};
use crate::error::CliError;
use crate::output::{count, yes};
use crate::people::user_path;

fn agent_path(user: &str, name: &str) -> String {
    format!("{}/agents/{}", user_path(user), segment(name))
}

pub(crate) async fn run(context: &Context<'_>, command: AgentCommand) -> Result<(), CliError> {
    match command {
        AgentCommand::Add(args) => add(context, args).await,
        AgentCommand::List { user } => {
            let agents = agents(context, user.as_deref()).await?;
            context.output.list(
                &agents,
                &HEADINGS,
                row,
                "There are no agents yet: `agw agent add USER NAME` adds one.",
            )
        }
        AgentCommand::Edit(args) => edit(context, args).await,
        AgentCommand::Revoke { user, name, seen } => {
            #[derive(Serialize)]
            struct Revoked<'a> {
                revoked: &'a str,
            }

            let path = at_version(&agent_path(&user, &name), seen.if_version);
            context.client.delete(&path).await?;
            let revoked = format!("{user}/{name}");
            context.output.item(&Revoked { revoked: &revoked }, || {
                format!("Revoked {revoked}: its token does not work any more.")
            })
        }
    }
}

async fn add(context: &Context<'_>, args: AgentAdd) -> Result<(), CliError> {
    let path = format!("{}/agents", user_path(&args.user));
    let request = NewAgent {
        name: args.name,
        scope: args.scope,
        ttl_seconds: args.ttl,
        max_uses: args.max_uses,
        client_timeout_seconds: args.client_timeout,
    };
    let created: AgentCreated = context.client.post(&path, &request).await?;
    context.output.item(&created, || created.token.clone())?;
    context.output.hint(&how_to_use(context, &created.agent));
    Ok(())
}

async fn agents(context: &Context<'_>, user: Option<&str>) -> Result<Vec<Agent>, CliError> {
    let query = user.map(|user| format!("?user={}", segment(user))).unwrap_or_default();
    Ok(context.client.get(&format!("/api/v1/agents{query}")).await?)
}

async fn edit(context: &Context<'_>, args: AgentEdit) -> Result<(), CliError> {
    let found = agents(context, Some(&args.user)).await?;
    let now = found.into_iter().find(|agent| agent.name == args.name).ok_or_else(|| {
        CliError::failed(
            codes::NOT_FOUND,
            format!("{} has no agent {}", args.user, args.name),
            format!("`agw agent list --user {}` lists those that there are.", args.user),
        )
    })?;
    let path = agent_path(&args.user, &args.name);
    let edited: Agent = context.client.put(&path, &edited(args, now)).await?;
    context
        .output
        .item(&edited, || format!("Changed {}/{}: {}.", edited.user, edited.name, terms(&edited)))
}

/// What was asked for; the rest as it is.
fn edited(args: AgentEdit, now: Agent) -> EditAgent {
    EditAgent {
        // Nothing named is all of the owner's tools.
        scope: if args.all_tools || !args.scope.is_empty() { args.scope } else { now.scope },
        expires: if args.never_expires {
            None
        } else {
            args.ttl.or(args.expires).or(now.expires_at)
        },
        max_uses: if args.any_uses { None } else { args.max_uses.or(now.max_uses) },
        client_timeout_seconds: args.client_timeout.or(Some(now.client_timeout_seconds)),
        version: args.seen.if_version.unwrap_or(now.version),
    }
}

const HEADINGS: [&str; 9] = [
    "USER",
    "AGENT",
    "SCOPE",
    "EXPIRES",
    "CALLS",
    "TIMEOUT",
    "PAUSED",
    "LAST CALL",
    "SIGNED IN BY",
];

fn row(agent: &Agent) -> Vec<String> {
    vec![
        agent.user.clone(),
        agent.name.clone(),
        if agent.scope.is_empty() {
            "all of the owner's".to_owned()
        } else {
            agent.scope.join(", ")
        },
        agent.expires_at.clone().unwrap_or_else(|| "never".to_owned()),
        calls(agent),
        format!("{}s", agent.client_timeout_seconds),
        yes(agent.paused),
        agent.last_used_at.clone().unwrap_or_else(|| "never".to_owned()),
        signed_in(agent),
    ]
}

/// `Claude Code (localhost), 2026-11-23T08:22:59Z`; nothing where a person
/// handed out the sub-token.
fn signed_in(agent: &Agent) -> String {
    let how = agent.signed_in.as_ref();
    how.map(|how| format!("{} ({}), {}", how.client, how.host, how.since)).unwrap_or_default()
}

/// `7`, or `3/500 forwarded` where there is a limit, which counts only those.
fn calls(agent: &Agent) -> String {
    match agent.max_uses {
        None => agent.uses.to_string(),
        Some(most) => format!("{}/{most} forwarded", agent.forwarded),
    }
}

fn how_to_use(context: &Context<'_>, agent: &Agent) -> String {
    let url = paths::service_url(context.data_dir);
    format!(
        "This token of {}/{} is shown once. It is good for {}.\n\
         An MCP client sends it to {url}/mcp as the header `Authorization: Bearer TOKEN`;\n\
         a client that speaks only stdio runs `agw mcp` with it in AGW_TOKEN.",
        agent.user,
        agent.name,
        terms(agent)
    )
}

/// `2 patterns of what ana may call, 500 calls in all, until TIME`.
fn terms(agent: &Agent) -> String {
    let mut terms = match u32::try_from(agent.scope.len()) {
        Ok(0) | Err(_) => format!("all that {} may call", agent.user),
        Ok(patterns) => format!("{} of what {} may call", count(patterns, "pattern"), agent.user),
    };
    if let Some(most) = agent.max_uses {
        terms.push_str(&format!(", {most} calls in all"));
    }
    if let Some(time) = &agent.expires_at {
        terms.push_str(&format!(", until {time}"));
    }
    terms
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Cli, Command};

    fn example() -> Agent {
        serde_json::from_value(serde_json::json!({
            "id": "c1", "user": "ana", "name": "claude", "scope": ["fs.*", "crm.read"],
            "expires_at": "2026-12-01T00:00:00Z", "uses": 9, "max_uses": 500, "forwarded": 7,
            "client_timeout_seconds": 60, "paused": false, "last_used_at": null, "version": 4,
            "created_at": "2026-11-22T10:00:00Z"
        }))
        .unwrap()
    }

    fn edit(options: &str) -> serde_json::Value {
        let line = format!("agw agent edit ana claude {options}");
        let cli = Cli::try_parse_from(line.split(' ')).unwrap();
        let Command::Agent(AgentCommand::Edit(args)) = cli.command else {
            panic!("not an edit");
        };
        serde_json::to_value(edited(args, example())).unwrap()
    }

    #[test]
    fn what_is_not_named_stays() {
        let as_it_is = serde_json::json!({
            "scope": ["fs.*", "crm.read"], "expires": "2026-12-01T00:00:00Z", "max_uses": 500,
            "client_timeout_seconds": 60, "version": 4
        });
        let with = |name: &str, value: serde_json::Value| {
            let mut expected = as_it_is.clone();
            expected[name] = value;
            expected
        };
        assert_eq!(edit("--client-timeout 2m"), with("client_timeout_seconds", 120.into()));
        assert_eq!(edit("--all-tools"), with("scope", serde_json::json!([])));
        assert_eq!(edit("--scope fs.read"), with("scope", serde_json::json!(["fs.read"])));
        assert_eq!(edit("--never-expires"), with("expires", serde_json::Value::Null));
        assert_eq!(edit("--ttl 30d"), with("expires", "30d".into()));
        assert_eq!(edit("--any-uses"), with("max_uses", serde_json::Value::Null));
        let mut seen = with("max_uses", 9.into());
        seen["version"] = 3.into();
        assert_eq!(edit("--max-uses 9 --if-version 3"), seen);
    }

    #[test]
    fn an_agent_in_a_table() {
        let agent = example();
        assert_eq!(row(&agent).len(), HEADINGS.len());
        assert_eq!(calls(&agent), "7/500 forwarded");
        assert_eq!(calls(&Agent { max_uses: None, ..agent.clone() }), "9");
        assert_eq!(
            terms(&agent),
            "2 patterns of what ana may call, 500 calls in all, until 2026-12-01T00:00:00Z"
        );
    }
}
