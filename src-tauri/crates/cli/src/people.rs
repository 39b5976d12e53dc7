//! Users and teams.

use agw_api::{
    EditTeam, EditUser, NewTeam, NewUser, SetPassword, Team, TokenCreated, User, codes, segment,
};
use serde::Serialize;

use crate::args::{TeamCommand, UserCommand, UserEdit};
use crate::context::{Context, at_version};
use crate::error::CliError;
use crate::output::{word, yes};
use crate::secrets::SecretInput;

#[derive(Serialize)]
struct Removed<'a> {
    removed: &'a str,
}

pub(crate) fn user_path(name: &str) -> String {
    format!("/api/v1/users/{}", segment(name))
}

pub(crate) async fn user(context: &Context<'_>, command: UserCommand) -> Result<(), CliError> {
    match command {
        UserCommand::Add { name, team, role } => {
            let request = NewUser { name, team, role: role.map(Into::into) };
            let added: User = context.client.post("/api/v1/users", &request).await?;
            context.output.item(&added, || format!("Added {}.", summary(&added)))
        }
        UserCommand::List => {
            let users: Vec<User> = context.client.get("/api/v1/users").await?;
            context.output.list(
                &users,
                &["NAME", "ROLE", "TEAMS", "SIGNS IN", "TOKEN", "AGENTS", "PAUSED"],
                |user| {
                    vec![
                        user.name.clone(),
                        word(&user.role),
                        user.teams.join(", "),
                        yes(user.can_sign_in),
                        yes(user.has_token),
                        user.agents.to_string(),
                        yes(user.paused),
                    ]
                },
                "There are no users yet: `agw user add NAME` adds one.",
            )
        }
        UserCommand::Edit(args) => edit(context, args).await,
        UserCommand::Password { name, password_stdin } => {
            password(context, &name, password_stdin).await
        }
        UserCommand::Remove { name, seen } => {
            context.client.delete(&at_version(&user_path(&name), seen.if_version)).await?;
            context.output.item(&Removed { removed: &name }, || {
                format!("Removed {name} with all agents, tokens and grants.")
            })
        }
    }
}

/// `ben (member, in sales, ops)`.
fn summary(user: &User) -> String {
    let teams = match user.teams.as_slice() {
        [] => "in no team".to_owned(),
        teams => format!("in {}", teams.join(", ")),
    };
    format!("{} ({}, {teams})", user.name, word(&user.role))
}

async fn edit(context: &Context<'_>, args: UserEdit) -> Result<(), CliError> {
    let version = match args.seen.if_version {
        Some(version) => version,
        None => find(context, &args.name).await?.version,
    };
    let teams = (args.no_teams || !args.team.is_empty()).then_some(args.team);
    let request = EditUser { role: args.role.map(Into::into), teams, version };
    let edited: User = context.client.put(&user_path(&args.name), &request).await?;
    context.output.item(&edited, || format!("Changed {}.", summary(&edited)))
}

async fn find(context: &Context<'_>, name: &str) -> Result<User, CliError> {
    let users: Vec<User> = context.client.get("/api/v1/users").await?;
    users.into_iter().find(|user| user.name == name).ok_or_else(|| {
        CliError::failed(
            codes::NOT_FOUND,
            format!("there is no user {name}"),
            "`agw user list` lists those that there are.",
        )
    })
}

async fn password(context: &Context<'_>, name: &str, from_stdin: bool) -> Result<(), CliError> {
    #[derive(Serialize)]
    struct Set<'a> {
        user: &'a str,
        password_set: bool,
    }

    let password = SecretInput::new(from_stdin).choose("password")?.into_body();
    let path = format!("{}/password", user_path(name));
    let () = context.client.put(&path, &SetPassword { password }).await?;
    context.output.item(&Set { user: name, password_set: true }, || {
        format!("{name} can sign in with this password: `agw login {name}`.")
    })
}

pub(crate) async fn team(context: &Context<'_>, command: TeamCommand) -> Result<(), CliError> {
    match command {
        TeamCommand::Add { name } => {
            let added: Team = context.client.post("/api/v1/teams", &NewTeam { name }).await?;
            context.output.item(&added, || format!("Added team {}.", added.name))
        }
        TeamCommand::List => {
            let teams: Vec<Team> = context.client.get("/api/v1/teams").await?;
            context.output.list(
                &teams,
                &["NAME", "MEMBERS"],
                |team| vec![team.name.clone(), team.members.join(", ")],
                "There are no teams yet: `agw team add NAME` makes one.",
            )
        }
        TeamCommand::Edit { name, add, remove, seen } => {
            let teams: Vec<Team> = context.client.get("/api/v1/teams").await?;
            let Some(team) = teams.into_iter().find(|team| team.name == name) else {
                let next = "`agw team list` lists those that there are.";
                return Err(CliError::failed(
                    codes::NOT_FOUND,
                    format!("there is no team {name}"),
                    next,
                ));
            };
            let version = seen.if_version.unwrap_or(team.version);
            let mut members = team.members;
            members.retain(|member| !remove.contains(member));
            members.extend(add);
            let path = format!("/api/v1/teams/{}", segment(&name));
            let edited: Team = context.client.put(&path, &EditTeam { members, version }).await?;
            context.output.item(&edited, || match edited.members.as_slice() {
                [] => format!("Nobody is in {name} now."),
                members => format!("In {name} now: {}.", members.join(", ")),
            })
        }
        TeamCommand::Remove { name, seen } => {
            let path = format!("/api/v1/teams/{}", segment(&name));
            context.client.delete(&at_version(&path, seen.if_version)).await?;
            context.output.item(&Removed { removed: &name }, || {
                format!("Removed team {name} with its grants.")
            })
        }
    }
}

/// Prints nothing but the token, so that it can be piped into a file.
pub(crate) async fn token(context: &Context<'_>, name: &str) -> Result<(), CliError> {
    let path = format!("{}/token", user_path(name));
    let created: TokenCreated = context.client.post(&path, &()).await?;
    context.output.item(&created, || created.token.clone())
}
