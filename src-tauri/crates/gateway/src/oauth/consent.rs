//! The page on which a person decides what a program gets, and what they
//! decided. Whatever is picked, an agent never gets more than its owner has;
//! the picking only cuts that down.

use std::collections::BTreeMap;

use agw_core::{AgentId, Caller, ToolEffect, ToolId, ToolPattern, UserId, may_see};
use rusqlite::params;

use super::{authorize::Asked, issue::Becomes};
use crate::{
    admin::AdminError,
    audit::record::rfc3339,
    gateway::Gateway,
    pages::{Form, Markup, Page, SignedIn, Visitor},
};

/// How long an agent may be good for, in days; none: until it is revoked.
const LIVES: [(&str, &str, Option<i64>); 5] = [
    ("1", "1 day", Some(1)),
    ("7", "7 days", Some(7)),
    ("30", "30 days", Some(30)),
    ("90", "90 days", Some(90)),
    ("revoked", "Until I revoke it", None),
];
const DAY_MS: i64 = 24 * 3600 * 1_000;

/// An agent that the same program has of the same person, for the same
/// endpoint.
#[derive(Debug)]
pub(super) struct Existing {
    id: AgentId,
    name: String,
    since: i64,
    scope: Vec<ToolPattern>,
    expired: bool,
}

/// What came of the form.
#[derive(Debug)]
pub(super) enum Choice {
    Made(Becomes),
    /// The person has to look at it again, and why.
    Wrong(&'static str),
}

impl Existing {
    /// The newest first.
    pub(super) async fn of(
        gateway: &Gateway,
        user: UserId,
        asked: &Asked,
    ) -> Result<Vec<Self>, AdminError> {
        let (client, path) = (asked.client.id.clone(), asked.audience.stored());
        let found = gateway.reader.run(move |db| {
            let mut select = db.prepare_cached(
                "SELECT a.id, s.at FROM agents a JOIN sign_ins s ON s.agent = a.id
                 WHERE a.user = ?1 AND a.removed_at IS NULL AND s.client = ?2 AND s.audience = ?3
                 ORDER BY s.at DESC LIMIT 20",
            )?;
            let rows = select.query_map(params![user.get(), client, path], |row| {
                Ok((AgentId::new(row.get(0)?), row.get::<_, i64>(1)?))
            })?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        });
        let snapshot = gateway.live.snapshot.load();
        let now = gateway.live.clock.now_ms();
        let found = found.await?.into_iter().filter_map(|(id, since)| {
            let entry = snapshot.agents.get(&id)?;
            let expired = entry.expires_at.is_some_and(|at| at <= now);
            let (name, scope) = (entry.name.clone(), entry.scope.to_vec());
            Some(Self { id, name, since, scope, expired })
        });
        Ok(found.collect())
    }
}

/// A tool that the person may use here.
struct Offered {
    id: ToolId,
    effect: ToolEffect,
}

fn offered(gateway: &Gateway, user: UserId, asked: &Asked) -> Vec<Offered> {
    let snapshot = gateway.live.snapshot.load();
    let now = gateway.live.clock.now_ms();
    let person: Caller = snapshot.caller(user, None);
    let catalog = gateway.live.catalog.load();
    let here = catalog.by_id.keys().filter(|id| asked.audience.includes(id.connection()));
    here.filter(|id| may_see(&snapshot.permissions, &person, id, now))
        .map(|id| {
            let effect = snapshot.permissions.effect_of(id);
            Offered { id: id.clone(), effect }
        })
        .collect()
}

/// The single tools that are asked for, beyond what the program's agent has:
/// then only these are offered. Where a client repeats the scope of its first
/// request, which was everything here, that does not count.
fn step_up<'o>(
    asked: &Asked,
    offered: &'o [Offered],
    existing: &[Existing],
) -> Option<(Vec<&'o Offered>, Option<AgentId>)> {
    let all = asked.audience.scope();
    let wanted: Vec<&ToolPattern> =
        asked.scope.iter().filter(|pattern| pattern.to_string() != all).collect();
    let whole = wanted.len() < asked.scope.len();
    let agent = existing.iter().find(|agent| !agent.expired);
    if wanted.is_empty() || (whole && agent.is_none()) {
        return None;
    }
    let has = |tool: &Offered| {
        agent.is_some_and(|agent| {
            agent.scope.is_empty() || agent.scope.iter().any(|p| p.matches(&tool.id, tool.effect))
        })
    };
    let tools = offered
        .iter()
        .filter(|tool| wanted.iter().any(|p| p.matches(&tool.id, tool.effect)) && !has(tool));
    let tools: Vec<&Offered> = tools.collect();
    // It has all of that: it is signing in once more.
    (!tools.is_empty() || agent.is_none()).then(|| (tools, agent.map(|agent| agent.id)))
}

pub(super) fn page(
    gateway: &Gateway,
    visitor: &Visitor,
    person: &SignedIn,
    asked: &Asked,
    existing: &[Existing],
    query: &str,
    problem: Option<&'static str>,
) -> Page {
    let offered = offered(gateway, person.user, asked);
    let step_up = step_up(asked, &offered, existing);
    let problem = problem.map(|problem| {
        Markup::new().raw("<p class=\"problem\" role=\"alert\">").raw(problem).raw("</p>")
    });
    let fields = Markup::new().hidden("request", query);
    let fields = match &step_up {
        Some((tools, agent)) => {
            let name = agent.and_then(|id| existing.iter().find(|a| a.id == id));
            let fields = fields.add(asked_tools(tools, name));
            if agent.is_some() { fields } else { fields.add(lives()) }
        }
        None => fields.add(choices(&offered, asked)).add(lives()).maybe(agents(existing)),
    };
    let nothing = matches!(&step_up, Some((tools, _)) if tools.is_empty());
    let allow = (!nothing)
        .then(|| Markup::new().raw("<button name=\"decision\" value=\"allow\">Allow</button>"));
    let fields = fields
        .raw("<div class=\"actions\">")
        .maybe(allow)
        .raw("<button class=\"other\" name=\"decision\" value=\"deny\" formnovalidate>Do not allow</button></div>");
    let body = who(asked, person, query)
        .maybe(problem)
        .add(visitor.form("/oauth/authorize", fields))
        .raw("<p class=\"soft\">It is listed among your agents, where you change or revoke it at any time.</p>");
    Page::new(format!("{} wants to use your tools", asked.client.name)).body(body).leads_away()
}

/// Who asks, where it leads, and who is asked.
fn who(asked: &Asked, person: &SignedIn, query: &str) -> Markup {
    let known = if asked.client.known {
        "Known: the gateway has its maker's description."
    } else {
        "It gave itself this name; the gateway cannot check it."
    };
    let place = if asked.local { " (a program on this machine)" } else { " (another machine)" };
    let here = format!("/sign-in?{}", {
        let mut back = form_urlencoded::Serializer::new(String::new());
        back.append_pair("return_to", &format!("/oauth/authorize?{query}"));
        back.finish()
    });
    let warning = (!asked.local).then(|| {
        Markup::new()
            .raw("<p class=\"problem\">This program is not on this machine. You are sent to <strong>")
            .text(&asked.host)
            .raw("</strong>, and what the agent reads goes there.</p>")
    });
    Markup::new()
        .raw("<dl><dt>Program</dt><dd><strong>")
        .text(&asked.client.name)
        .raw("</strong><br><span class=\"soft\">")
        .raw(known)
        .raw("</span></dd><dt>Sends you back to</dt><dd><strong>")
        .text(&asked.host)
        .raw("</strong>")
        .raw(place)
        .raw("<br><code class=\"soft\">")
        .text(&asked.redirect)
        .raw("</code></dd><dt>For</dt><dd>")
        .text(&match asked.audience.path().strip_prefix("/mcp/") {
            Some(connection) => format!("the connection {connection} only"),
            None => "all connections".to_owned(),
        })
        .raw("</dd><dt>Signed in as</dt><dd>")
        .text(&person.name)
        .raw(" · <a href=\"")
        .text(&here)
        .raw("\">somebody else</a></dd></dl>")
        .maybe(warning)
        .raw("<p>Go on only if you have just asked this program to connect.</p>")
}

fn choices(offered: &[Offered], asked: &Asked) -> Markup {
    let choice = |value: &'static str, title: &'static str, note: &'static str| {
        Markup::new()
            .raw("<label class=\"choice\"><input type=\"radio\" name=\"tools\" required value=\"")
            .raw(value)
            .raw("\"><span>")
            .raw(title)
            .raw("<small>")
            .raw(note)
            .raw("</small></span></label>")
    };
    let everything = match asked.audience.path().as_str() {
        "/mcp" => "Now and later, as far as your own permissions go.",
        _ => "Of this connection, now and later, as far as your own permissions go.",
    };
    Markup::new()
        .raw("<fieldset><legend>What the agent gets</legend>")
        .add(choice("all", "Everything that I may use", everything))
        .add(choice(
            "read",
            "Only what reads",
            "Tools that an administrator has confirmed to change nothing.",
        ))
        .add(choice("chosen", "Only the tools that I tick", "Open a connection to see its tools."))
        .add(groups(offered, false))
        .raw("</fieldset>")
}

fn groups(offered: &[Offered], ticked: bool) -> Markup {
    if offered.is_empty() {
        return Markup::new().raw(
            "<p class=\"soft\">No tool is granted to you here yet; an administrator does that.</p>",
        );
    }
    let mut by_connection: BTreeMap<&str, Vec<&Offered>> = BTreeMap::new();
    for tool in offered {
        by_connection.entry(tool.id.connection().as_str()).or_default().push(tool);
    }
    let mut groups = Markup::new();
    for (connection, tools) in by_connection {
        groups = groups
            .raw("<details><summary>")
            .text(&format!("{connection} ({})", tools.len()))
            .raw("</summary><div class=\"list\">")
            .add(boxes(tools.iter().copied(), ticked))
            .raw("</div></details>");
    }
    groups
}

fn boxes<'o>(tools: impl Iterator<Item = &'o Offered>, ticked: bool) -> Markup {
    tools.fold(Markup::new(), |boxes, tool| {
        let note = match tool.effect {
            ToolEffect::Read => "reads",
            ToolEffect::Write => "may change things",
            ToolEffect::Destructive => "may destroy things",
        };
        boxes
            .raw("<label class=\"choice\"><input type=\"checkbox\" name=\"tool\" value=\"")
            .text(tool.id.as_str())
            .raw(if ticked { "\" checked>" } else { "\">" })
            .raw("<span><code>")
            .text(tool.id.as_str())
            .raw("</code><small>")
            .raw(note)
            .raw("</small></span></label>")
    })
}

/// At a first sign-in nothing is ticked, as in any other choice. Who agrees to
/// more for an agent gives this program the rest of it, too, and sees that.
fn asked_tools(tools: &[&Offered], agent: Option<&Existing>) -> Markup {
    let title = match agent {
        Some(agent) => format!("{} asks for more", agent.name),
        None => "What it asks for".to_owned(),
    };
    let kept = agent.map(|agent| {
        let scope: Vec<String> = agent.scope.iter().map(ToString::to_string).collect();
        Markup::new()
            .raw("<p>With it comes what this agent has already: <code>")
            .text(&scope.join(" "))
            .raw("</code></p>")
    });
    let none = tools
        .is_empty()
        .then(|| Markup::new().raw("<p class=\"soft\">You may use none of what it asks for.</p>"));
    Markup::new()
        .raw("<fieldset><legend>")
        .text(&title)
        .raw("</legend>")
        .maybe(none)
        .add(boxes(tools.iter().copied(), agent.is_some()))
        .maybe(kept)
        .raw("</fieldset>")
}

fn lives() -> Markup {
    let options = LIVES.iter().fold(Markup::new(), |options, (value, label, days)| {
        let chosen = if *days == Some(30) { "\" selected>" } else { "\">" };
        options.raw("<option value=\"").raw(value).raw(chosen).raw(label).raw("</option>")
    });
    Markup::new()
        .raw("<label>For how long<select name=\"life\">")
        .add(options)
        .raw("</select></label>")
}

/// To be the agent that the program had before, or another one.
fn agents(existing: &[Existing]) -> Option<Markup> {
    if existing.is_empty() {
        return None;
    }
    let options = existing.iter().fold(Markup::new(), |options, agent| {
        let state = if agent.expired { "expired" } else { "signed in" };
        let day: String = rfc3339(agent.since).chars().take(10).collect();
        options
            .raw("<option value=\"")
            .text(&agent.id.to_string())
            .raw("\">")
            .text(&format!("{} ({state}, since {day})", agent.name))
            .raw("</option>")
    });
    Some(
        Markup::new()
            .raw("<label>As which agent<select name=\"agent\">")
            .add(options)
            .raw("<option value=\"new\">A new one</option></select></label>"),
    )
}

/// What was picked, as far as it was on offer.
pub(super) async fn read(
    gateway: &Gateway,
    person: &SignedIn,
    asked: &Asked,
    form: &Form,
) -> Result<Choice, AdminError> {
    let existing = Existing::of(gateway, person.user, asked).await?;
    let offered = offered(gateway, person.user, asked);
    let ticked = |tools: &mut dyn Iterator<Item = &Offered>| -> Vec<String> {
        let is_ticked = |tool: &&Offered| form.all("tool").any(|id| id == tool.id.as_str());
        tools.filter(is_ticked).map(|tool| tool.id.to_string()).collect()
    };
    const NONE: &str = "Tick at least one tool, or pick another choice.";
    const MANY: &str =
        "These are more tools than an agent's scope holds. Pick everything, or fewer.";
    let expires_at = || {
        let life = LIVES.iter().find(|(value, ..)| form.one("life") == Some(value));
        let days = life.map(|(.., days)| *days);
        days.map(|days| days.map(|days| gateway.live.clock.now_ms().saturating_add(days * DAY_MS)))
    };
    const LIFE: &str = "Say for how long.";
    if let Some((tools, agent)) = step_up(asked, &offered, &existing) {
        let adds = ticked(&mut tools.into_iter());
        if adds.is_empty() {
            return Ok(Choice::Wrong(NONE));
        }
        return Ok(match (agent, expires_at()) {
            (Some(agent), _) => Choice::Made(Becomes::More { agent, adds }),
            (None, Some(expires_at)) => Choice::Made(Becomes::New { scope: adds, expires_at }),
            (None, None) => Choice::Wrong(LIFE),
        });
    }
    let scope = match form.one("tools") {
        Some("all") => match asked.audience.scope() {
            // As an agent's scope says it.
            all if all == "*" => Vec::new(),
            all => vec![all],
        },
        Some("read") => vec![asked.audience.read_scope()],
        Some("chosen") => ticked(&mut offered.iter()),
        _ => return Ok(Choice::Wrong("Pick what the agent gets.")),
    };
    if form.one("tools") == Some("chosen") && scope.is_empty() {
        return Ok(Choice::Wrong(NONE));
    }
    if crate::admin::agents::checked_scope(&scope).is_err() {
        return Ok(Choice::Wrong(MANY));
    }
    let Some(expires_at) = expires_at() else { return Ok(Choice::Wrong(LIFE)) };
    let chosen = form.one("agent").unwrap_or("new");
    let agent = existing.iter().find(|agent| agent.id.to_string() == chosen).map(|agent| agent.id);
    Ok(match agent {
        Some(agent) => Choice::Made(Becomes::Again { agent, scope, expires_at }),
        None if chosen == "new" => Choice::Made(Becomes::New { scope, expires_at }),
        None => Choice::Wrong("That agent is gone. Pick another one."),
    })
}
