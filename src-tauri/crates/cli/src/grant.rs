//! The permission map: grants.

use agw_api::{ChangedGrant, EditGrant, Effect, Grant, NewGrant, segment};
use serde::Serialize;

use crate::args::{EditGrantArgs, GrantArgs, IfVersion};
use crate::condition::assemble;
use crate::context::{Context, at_version};
use crate::error::CliError;
use crate::json_text::name;
use crate::output::{count, word};

pub(crate) async fn grant(context: &Context<'_>, args: GrantArgs) -> Result<(), CliError> {
    let when = assemble(context, &args.tool, args.when, args.rules).await?;
    let path = format!("/api/v1/grants?subject={}", segment(&args.subject));
    let mut grants: Vec<Grant> = context.client.get(&path).await?;
    let tool = whole_pattern(&args.tool);
    grants.retain(|grant| grant.tool == tool && grant.when == when);
    let before = grants.pop();
    // What is replaced is what was seen here, or nothing is.
    let seen = before.as_ref().map_or(0, |grant| grant.version);
    let request = NewGrant {
        subject: args.subject,
        tool,
        effect: args.effect.into(),
        when,
        expires: args.expires,
        rate: args.rate,
        version: Some(args.seen.if_version.unwrap_or(seen)),
    };
    let made: Result<Grant, _> = context.client.post("/api/v1/grants", &request).await;
    let grant = made.map_err(|error| CliError::from(error).about(request.when.as_deref()))?;
    let replaced = before.filter(|before| before.version != grant.version);
    context.output.item(&grant, || match &replaced {
        Some(before) => format!("{} Before: {}.", sentence(&grant), Meaning::from(before)),
        None => sentence(&grant),
    })
}

/// `read` is short for `*:read`.
fn whole_pattern(tool: &str) -> String {
    match tool {
        "read" | "write" | "destructive" => format!("*:{tool}"),
        tool => tool.to_owned(),
    }
}

/// `ana may use fs.read (grant g12).`
pub(crate) fn sentence(grant: &Grant) -> String {
    format!("{} (grant {}).", Meaning::from(grant), grant.id)
}

/// What a grant says, without what the gateway keeps about it.
pub(crate) struct Meaning<'a> {
    subject: &'a str,
    tool: &'a str,
    effect: Effect,
    when: Option<&'a str>,
    expires: Option<&'a str>,
    rate: Option<&'a str>,
}

impl<'a> From<&'a Grant> for Meaning<'a> {
    fn from(grant: &'a Grant) -> Self {
        Self {
            subject: &grant.subject,
            tool: &grant.tool,
            effect: grant.effect,
            when: grant.when.as_deref(),
            expires: grant.expires_at.as_deref(),
            rate: grant.rate.as_deref(),
        }
    }
}

impl<'a> From<&'a NewGrant> for Meaning<'a> {
    fn from(grant: &'a NewGrant) -> Self {
        Self {
            subject: &grant.subject,
            tool: &grant.tool,
            effect: grant.effect,
            when: grant.when.as_deref(),
            expires: grant.expires.as_deref(),
            rate: grant.rate.as_deref(),
        }
    }
}

impl<'a> From<&'a ChangedGrant> for Meaning<'a> {
    fn from(grant: &'a ChangedGrant) -> Self {
        Self {
            subject: &grant.subject,
            tool: &grant.tool,
            effect: grant.effect,
            when: grant.when.as_deref(),
            expires: grant.expires.as_deref(),
            rate: grant.rate.as_deref(),
        }
    }
}

impl std::fmt::Display for Meaning<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { subject, tool, .. } = self;
        match self.effect {
            Effect::Allow => write!(f, "{subject} may use {tool}")?,
            Effect::Ask => write!(f, "{subject} asks a person before using {tool}")?,
            Effect::Deny => write!(f, "{subject} may not use {tool}")?,
        }
        if let Some(when) = self.when {
            write!(f, " when {when}")?;
        }
        if let Some(rate) = self.rate {
            write!(f, ", {rate}")?;
        }
        match self.expires {
            // A time from now, as it was asked for, has no moment yet.
            Some(time) if time.contains(':') => write!(f, ", until {time}"),
            Some(time) => write!(f, ", for {time}"),
            None => Ok(()),
        }
    }
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
    context.output.list(&grants, &HEADINGS, row, &none)
}

/// Of a table of grants.
pub(crate) const HEADINGS: [&str; 9] =
    ["ID", "SUBJECT", "TOOL", "EFFECT", "WHEN", "EXPIRES", "RATE", "COVERS", "SINCE"];

pub(crate) fn row(grant: &Grant) -> Vec<String> {
    vec![
        grant.id.clone(),
        grant.subject.clone(),
        name(&grant.tool),
        word(&grant.effect),
        grant.when.clone().unwrap_or_default(),
        grant.expires_at.clone().unwrap_or_else(|| "never".to_owned()),
        grant.rate.clone().unwrap_or_default(),
        covers(grant),
        grant.created_at.clone(),
    ]
}

/// `12 tools, 2 new`: the pattern came to cover two after it was last changed.
fn covers(grant: &Grant) -> String {
    let tools = count(grant.covers, "tool");
    match grant.new_tools.len() {
        0 => tools,
        new => format!("{tools}, {new} new"),
    }
}

/// The grant of this id as it is now.
pub(crate) async fn find(context: &Context<'_>, id: &str) -> Result<Grant, CliError> {
    let grants: Vec<Grant> = context.client.get("/api/v1/grants").await?;
    grants.into_iter().find(|grant| grant.id == id).ok_or_else(|| {
        CliError::failed(
            agw_api::codes::NOT_FOUND,
            format!("there is no grant {id}"),
            "`agw grants` lists those that there are.",
        )
    })
}

pub(crate) async fn edit(context: &Context<'_>, args: EditGrantArgs) -> Result<(), CliError> {
    let now = find(context, &args.id).await?;
    let tool = args.tool.unwrap_or(now.tool);
    let before = if args.no_condition { None } else { now.when };
    let when = assemble(context, &tool, args.when.or(before), args.rules).await?;
    let request = EditGrant {
        subject: now.subject,
        tool,
        effect: args.effect.map_or(now.effect, Effect::from),
        when,
        expires: if args.never_expires { None } else { args.expires.or(now.expires_at) },
        rate: if args.no_rate { None } else { args.rate.or(now.rate) },
        version: args.seen.if_version.unwrap_or(now.version),
    };
    let path = format!("/api/v1/grants/{}", segment(&args.id));
    let edited: Result<Grant, _> = context.client.put(&path, &request).await;
    let grant = edited.map_err(|error| CliError::from(error).about(request.when.as_deref()))?;
    context.output.item(&grant, || sentence(&grant))
}

pub(crate) async fn revoke(
    context: &Context<'_>,
    id: &str,
    seen: IfVersion,
) -> Result<(), CliError> {
    #[derive(Serialize)]
    struct Revoked<'a> {
        revoked: &'a str,
    }

    let path = format!("/api/v1/grants/{}", segment(id));
    context.client.delete(&at_version(&path, seen.if_version)).await?;
    context.output.item(&Revoked { revoked: id }, || format!("Revoked grant {id}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Grant {
        serde_json::from_value(serde_json::json!({
            "id": "g7", "subject": "ana", "tool": "crm.*", "effect": "ask", "version": 2,
            "when": "args.amount <= 100.0", "rate": "10/min", "covers": 12,
            "expires_at": "2026-12-01T00:00:00Z", "new_tools": ["crm.a", "crm.b"],
            "created_at": "2026-11-22T10:00:00Z"
        }))
        .unwrap()
    }

    #[test]
    fn a_grant_in_words() {
        let mut grant = example();
        assert_eq!(
            sentence(&grant),
            "ana asks a person before using crm.* when args.amount <= 100.0, 10/min, \
             until 2026-12-01T00:00:00Z (grant g7)."
        );
        grant = Grant {
            effect: Effect::Allow,
            when: None,
            rate: None,
            expires_at: Some("7d".into()),
            ..grant
        };
        assert_eq!(sentence(&grant), "ana may use crm.*, for 7d (grant g7).");
        grant = Grant { effect: Effect::Deny, expires_at: None, ..grant };
        assert_eq!(sentence(&grant), "ana may not use crm.* (grant g7).");
    }

    #[test]
    fn a_grant_in_a_table() {
        let row = row(&example());
        assert_eq!(row.len(), HEADINGS.len());
        assert_eq!(row[7], "12 tools, 2 new");
        assert_eq!(covers(&Grant { covers: 1, new_tools: Vec::new(), ..example() }), "1 tool");
    }
}
