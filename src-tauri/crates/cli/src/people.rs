//! Users, teams, their tokens and their agents.

use agw_api::{Agent, AgentCreated, NewAgent, NewUser, Team, TokenCreated, User, segment};
use serde::Serialize;

use crate::args::{AgentCommand, TeamCommand, UserCommand};
use crate::context::{Context, DEFAULT_URL, service_url};
use crate::error::CliError;
use crate::output::count;

#[derive(Serialize)]
struct Removed<'a> {
    removed: &'a str,
}

fn user_path(name: &str) -> String {
    format!("/api/v1/users/{}", segment(name))
}

pub(crate) async fn user(context: &Context<'_>, command: UserCommand) -> Result<(), CliError> {
    match command {
        UserCommand::Add { name, team } => {
            let added: User = context.client.post("/api/v1/users", &NewUser { name, team }).await?;
            context.output.item(&added, || match added.teams.as_slice() {
                [] => format!("Added {}.", added.name),
                teams => format!("Added {}, a member of {}.", added.name, teams.join(", ")),
            })
        }
        UserCommand::List => {
            let users: Vec<User> = context.client.get("/api/v1/users").await?;
            context.output.list(
                &users,
                &["NAME", "ROLE", "TEAMS", "TOKEN", "AGENTS"],
                |user| {
                    vec![
                        user.name.clone(),
                        if user.admin { "admin" } else { "user" }.to_owned(),
                        user.teams.join(", "),
                        if user.has_token { "yes" } else { "no" }.to_owned(),
                        user.agents.to_string(),
                    ]
                },
                "There are no users yet: `agw user add NAME` adds one.",
            )
        }
        UserCommand::Remove { name } => {
            context.client.delete(&user_path(&name)).await?;
            context.output.item(&Removed { removed: &name }, || {
                format!("Removed {name} with all agents, tokens and grants.")
            })
        }
    }
}

pub(crate) async fn team(context: &Context<'_>, command: TeamCommand) -> Result<(), CliError> {
    let TeamCommand::List = command;
    let teams: Vec<Team> = context.client.get("/api/v1/teams").await?;
    context.output.list(
        &teams,
        &["NAME", "MEMBERS"],
        |team| vec![team.name.clone(), team.members.join(", ")],
        "There are no teams yet: `agw user add NAME --team TEAM` makes one.",
    )
}

/// Prints nothing but the token, so that it can be piped into a file.
pub(crate) async fn token(context: &Context<'_>, name: &str) -> Result<(), CliError> {
    let path = format!("{}/token", user_path(name));
    let created: TokenCreated = context.client.post(&path, &()).await?;
    context.output.item(&created, || created.token.clone())
}

pub(crate) async fn agent(context: &Context<'_>, command: AgentCommand) -> Result<(), CliError> {
    match command {
        AgentCommand::Add { user, name, scope, ttl } => {
            let path = format!("{}/agents", user_path(&user));
            let request = NewAgent { name, scope, ttl_seconds: ttl };
            let created: AgentCreated = context.client.post(&path, &request).await?;
            context.output.item(&created, || created.token.clone())?;
            context.output.hint(&how_to_use(context, &created.agent));
            Ok(())
        }
        AgentCommand::List { user } => {
            let query = user.map(|user| format!("?user={}", segment(&user))).unwrap_or_default();
            let agents: Vec<Agent> = context.client.get(&format!("/api/v1/agents{query}")).await?;
            context.output.list(
                &agents,
                &["USER", "AGENT", "SCOPE", "EXPIRES", "CALLS", "LAST CALL"],
                agent_row,
                "There are no agents yet: `agw agent add USER NAME` adds one.",
            )
        }
        AgentCommand::Revoke { user, name } => {
            #[derive(Serialize)]
            struct Revoked<'a> {
                revoked: &'a str,
            }

            let path = format!("{}/agents/{}", user_path(&user), segment(&name));
            context.client.delete(&path).await?;
            let revoked = format!("{user}/{name}");
            context.output.item(&Revoked { revoked: &revoked }, || {
                format!("Revoked {revoked}: its token does not work any more.")
            })
        }
    }
}

fn agent_row(agent: &Agent) -> Vec<String> {
    vec![
        agent.user.clone(),
        agent.name.clone(),
        if agent.scope.is_empty() {
            "all of the owner's".to_owned()
        } else {
            agent.scope.join(", ")
        },
        agent.expires_at.clone().unwrap_or_else(|| "never".to_owned()),
        agent.uses.to_string(),
        agent.last_used_at.clone().unwrap_or_else(|| "never".to_owned()),
    ]
}

fn how_to_use(context: &Context<'_>, agent: &Agent) -> String {
    let url = service_url(context.data_dir).unwrap_or_else(|| DEFAULT_URL.to_owned());
    let scope = match u32::try_from(agent.scope.len()) {
        Ok(0) | Err(_) => format!("all that {} may call", agent.user),
        Ok(patterns) => format!("{} of what {} may call", count(patterns, "pattern"), agent.user),
    };
    let until =
        agent.expires_at.as_deref().map_or_else(String::new, |time| format!(" until {time}"));
    format!(
        "This token of {}/{} is shown once. It is good for {scope}{until}.\n\
         An MCP client sends it to {url}/mcp as the header `Authorization: Bearer TOKEN`;\n\
         a client that speaks only stdio runs `agw mcp` with it in AGW_TOKEN.",
        agent.user, agent.name
    )
}
