//! The permission map: grants, and the tools that a caller ends up with.

use agw_api::{Effect, Grant, NewGrant, Tool, segment};
use serde::Serialize;

use crate::args::{self, GrantArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::output::word;

pub(crate) async fn grant(context: &Context<'_>, args: GrantArgs) -> Result<(), CliError> {
    let effect = match args.effect {
        args::Effect::Allow => Effect::Allow,
        args::Effect::Deny => Effect::Deny,
    };
    let request = NewGrant { subject: args.subject, tool: args.tool, effect, version: None };
    let grant: Grant = context.client.post("/api/v1/grants", &request).await?;
    context.output.item(&grant, || {
        let verb = match grant.effect {
            Effect::Allow => "may",
            Effect::Deny => "may not",
        };
        format!("{} {verb} call {} (grant {}).", grant.subject, grant.tool, grant.id)
    })
}

pub(crate) async fn grants(context: &Context<'_>, subject: Option<&str>) -> Result<(), CliError> {
    let query = subject.map(|subject| format!("?subject={}", segment(subject))).unwrap_or_default();
    let none = match subject {
        Some(subject) => {
            format!("No grant names {subject}: `agw grant {subject} TOOL allow` makes one.")
        }
        None => {
            "There are no grants, so nothing is allowed: `agw grant SUBJECT TOOL allow` makes one."
                .to_owned()
        }
    };
    let grants: Vec<Grant> = context.client.get(&format!("/api/v1/grants{query}")).await?;
    context.output.list(
        &grants,
        &["ID", "SUBJECT", "TOOL", "EFFECT", "SINCE"],
        |grant| {
            vec![
                grant.id.clone(),
                grant.subject.clone(),
                grant.tool.clone(),
                word(&grant.effect),
                grant.created_at.clone(),
            ]
        },
        &none,
    )
}

pub(crate) async fn revoke(context: &Context<'_>, id: &str) -> Result<(), CliError> {
    #[derive(Serialize)]
    struct Revoked<'a> {
        revoked: &'a str,
    }

    context.client.delete(&format!("/api/v1/grants/{}", segment(id))).await?;
    context.output.item(&Revoked { revoked: id }, || format!("Revoked grant {id}."))
}

pub(crate) async fn tools(context: &Context<'_>, caller: Option<&str>) -> Result<(), CliError> {
    let query = caller.map(|caller| format!("?as={}", segment(caller))).unwrap_or_default();
    let tools: Vec<Tool> = context.client.get(&format!("/api/v1/tools{query}")).await?;
    let none = match caller {
        Some(caller) => format!("{caller} may call nothing: see `agw grants {caller}`."),
        None => "No connection offers a tool: see `agw connection list`.".to_owned(),
    };
    context.output.list(
        &tools,
        &["ID", "MCP NAME", "DESCRIPTION"],
        |tool| vec![tool.id.clone(), tool.mcp_name.clone(), first_line(&tool.description)],
        &none,
    )
}

/// The first line of a description, shortened: the table has one row a tool.
fn first_line(text: &str) -> String {
    const WIDTH: usize = 72;
    let line = text.trim().lines().next().unwrap_or_default();
    if line.chars().count() <= WIDTH {
        return line.to_owned();
    }
    let cut: String = line.chars().take(WIDTH - 1).collect();
    format!("{}…", cut.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_fit_a_line() {
        assert_eq!(first_line("Reads a file.\nMore."), "Reads a file.");
        assert_eq!(first_line(""), "");
        let long = first_line(&"ä".repeat(100));
        assert_eq!(long.chars().count(), 72);
        assert!(long.ends_with('…'));
    }
}
