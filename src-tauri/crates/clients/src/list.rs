//! The clients of this machine, and a doctor for each.

use std::path::Path;

use agw_api::Agent;
use jiff::Timestamp;
use serde::Serialize;

use crate::client::Client;
use crate::entry::{Bridge, LeadsTo, Server};
use crate::error::{Refusal, refusal};
use crate::import;
use crate::journal::{self, AgentRef};
use crate::machine::{Gateway, Machine};
use crate::plan::{self, is_here};

/// How far a client is with this gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Absent,
    /// It is there, and not wired.
    Found,
    /// It has an entry of this gateway.
    Wired,
    /// It has an entry of another gateway, and none of this one.
    Elsewhere,
    /// Its file cannot be read or changed.
    Malformed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Ok,
    Warning,
    Problem,
}

/// Something that the doctor found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub level: Level,
    pub message: String,
    pub next: String,
}

/// A client of this machine.
#[derive(Debug, Clone, Serialize)]
pub struct Found {
    pub client: Client,
    pub title: &'static str,
    pub file: String,
    pub state: State,
    /// The agent that it calls as, where this gateway wired it.
    pub agent: Option<AgentRef>,
    /// Where that agent's token is, for a call to try it with.
    pub token_file: Option<String>,
    /// Servers of it that can become connections.
    pub servers: u32,
    /// Whether there is a change of ours that can be undone.
    pub undo: bool,
    pub findings: Vec<Finding>,
}

fn finding(level: Level, message: impl Into<String>, next: impl Into<String>) -> Finding {
    Finding { level, message: message.into(), next: next.into() }
}

/// `agents` are those that the person who asks may see; none: nobody could ask.
pub(crate) fn list(
    machine: &Machine,
    gateway: &Gateway,
    agents: Option<&[Agent]>,
    now: Timestamp,
) -> Vec<Found> {
    Client::ALL.into_iter().map(|client| look(machine, gateway, client, agents, now)).collect()
}

fn look(
    machine: &Machine,
    gateway: &Gateway,
    client: Client,
    agents: Option<&[Agent]>,
    now: Timestamp,
) -> Found {
    let records = journal::records(gateway, client);
    let agent = records.as_deref().unwrap_or_default().iter().rev().find_map(|it| it.agent.clone());
    let mut found = Found {
        client,
        title: client.title(),
        file: machine.file(client).display().to_string(),
        state: State::Absent,
        agent: None,
        token_file: None,
        servers: 0,
        undo: records.as_ref().is_ok_and(|records| !records.is_empty()),
        findings: Vec::new(),
    };
    if !machine.has(client) {
        return found;
    }
    let opened = match plan::open(machine, client) {
        Ok(opened) => opened,
        Err(refused) => {
            found.state = State::Malformed;
            found.findings.push(finding(Level::Problem, refused.message, refused.next));
            return found;
        }
    };
    if let Err(refused) = records {
        found.findings.push(finding(Level::Problem, refused.message, refused.next));
    }
    found.servers = u32::try_from(import::count(&opened.servers, gateway)).unwrap_or(u32::MAX);
    let here = opened.servers.iter().find(|server| is_here(server, gateway));
    let elsewhere =
        opened.servers.iter().find(|server| server.leads_to(gateway) == LeadsTo::Elsewhere);
    match (here, elsewhere) {
        (Some(server), _) => {
            found.state = State::Wired;
            found.findings.extend(examine(client, gateway, server, agent.as_ref(), agents, now));
            let token = agent.is_some().then(|| gateway.token_file(client));
            let token = token.filter(|file| file.is_file());
            found.token_file = token.map(|file| file.display().to_string());
            found.agent = agent;
        }
        (None, Some(server)) => {
            found.state = State::Elsewhere;
            found.findings.push(finding(
                Level::Warning,
                format!("{:?} leads to another gateway than this one", server.name),
                "Wire it to this one, or leave it if that is meant so.",
            ));
        }
        (None, None) => {
            found.state = State::Found;
            if agent.is_some() {
                found.findings.push(finding(
                    Level::Warning,
                    "The gateway's entry was taken out by somebody else",
                    format!(
                        "Undo it here (`agw client unwire {}`), then wire it again.",
                        client.id()
                    ),
                ));
            }
        }
    }
    if let Err(Refusal { code, message, next }) =
        crate::file::check_writable(client, Path::new(&found.file))
        && code == refusal::READ_ONLY
    {
        found.findings.push(finding(Level::Warning, message, next));
    }
    found
}

/// Whether calls can get from the client to the gateway.
fn examine(
    client: Client,
    gateway: &Gateway,
    server: &Server,
    agent: Option<&AgentRef>,
    agents: Option<&[Agent]>,
    now: Timestamp,
) -> Vec<Finding> {
    let again = format!(
        "Undo it and wire it again: `agw client unwire {0}`, `agw client wire {0}`.",
        client.id()
    );
    let mut findings = Vec::new();
    let mut problem = |message: String, next: &str| {
        findings.push(finding(Level::Problem, message, next));
    };
    if server.off {
        let next = format!("Switch it on in {}.", client.title());
        problem(format!("{:?} is switched off", server.name), &next);
    }
    if let LeadsTo::Here { bridge: Some(Bridge { program, token_file }) } = server.leads_to(gateway)
    {
        if program.is_absolute() && !program.is_file() {
            problem(format!("{} is not there any more", program.display()), &again);
        }
        if let Some(file) = &token_file
            && let Some(message) = bad_token_file(file)
        {
            problem(message, &again);
        }
        // Some other file's token is not the one that was made here.
        let ours = token_file.as_deref() == Some(gateway.token_file(client).as_path());
        if let Some(agent) = agent.filter(|_| ours) {
            match agents {
                None => findings.push(finding(
                    Level::Warning,
                    "Whether its token still works could not be asked",
                    "Sign in: `agw login NAME`.",
                )),
                Some(agents) => findings.extend(token(agent, agents, now, &again)),
            }
        }
    }
    if findings.is_empty() {
        findings.push(finding(Level::Ok, "Everything is in order", ""));
    }
    findings
}

fn bad_token_file(file: &Path) -> Option<String> {
    let shown = file.display();
    let Ok(metadata) = std::fs::metadata(file) else {
        return Some(format!("its token file {shown} is not there"));
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if metadata.permissions().mode() & 0o077 != 0 {
            return Some(format!("its token file {shown} can be read by others, and is refused"));
        }
    }
    (metadata.len() == 0).then(|| format!("its token file {shown} is empty"))
}

fn token(agent: &AgentRef, agents: &[Agent], now: Timestamp, again: &str) -> Option<Finding> {
    let name = format!("{}/{}", agent.user, agent.name);
    let Some(row) = agents.iter().find(|row| row.id == agent.id) else {
        let message = format!("its token does not work: the agent {name} was revoked");
        return Some(finding(Level::Problem, message, again));
    };
    let name = format!("{}/{}", row.user, row.name);
    let ended = row.expires_at.as_ref().and_then(|end| end.parse::<Timestamp>().ok());
    if ended.is_some_and(|end| end <= now) {
        return Some(finding(
            Level::Problem,
            format!("its token has expired: {name}"),
            format!("Give it more time: `agw agent edit {} {} --ttl 90d`.", row.user, row.name),
        ));
    }
    if row.max_uses.is_some_and(|most| row.forwarded >= most) {
        return Some(finding(
            Level::Problem,
            format!("its token is used up: {name}"),
            format!("Give it more calls: `agw agent edit {} {} --any-uses`.", row.user, row.name),
        ));
    }
    row.paused.then(|| {
        finding(
            Level::Warning,
            format!("{name} is paused: all its calls are refused"),
            format!("`agw resume {name}` lets them through again."),
        )
    })
}
