//! Doing it: what the command line and the desktop app do with a client, agents
//! and connections included. The token goes from the admin API's answer into
//! its file and nowhere else.

use std::collections::BTreeSet;

use agw_api::{
    Agent, AgentCreated, Client as Api, ClientError, Connection, NewAgent, Session, codes, segment,
};
use jiff::Timestamp;
use serde::Serialize;

use crate::client::Client;
use crate::entry::Server;
use crate::error::{Refusal, refusal};
use crate::file;
use crate::import::{self, Importable};
use crate::journal::{self, AgentRef, Record};
use crate::list::{self, Found};
use crate::machine::{Gateway, Machine};
use crate::plan::{self, Preview, Wiring};

/// How many names of agents are tried: `claude-code`, `claude-code-2`, …
const MAX_NUMBER: u32 = 1000;

/// The gateway, this machine, and whoever is signed in.
#[derive(Debug)]
pub struct Clients<'a> {
    pub api: &'a Api,
    pub machine: &'a Machine,
    pub gateway: &'a Gateway,
}

/// Whose agent a client becomes, as far as somebody has said so.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Else whoever is signed in.
    pub user: Option<String>,
    /// Else the client's.
    pub agent: Option<String>,
    pub ttl_seconds: Option<u64>,
}

/// What was done.
#[derive(Debug, Clone, Serialize)]
pub struct Wired {
    pub client: Client,
    pub file: String,
    /// The agent that was made; none where the client had one.
    pub agent: Option<AgentRef>,
    /// Names of the connections that were made.
    pub connections: Vec<String>,
    /// What has to happen before the client sees it.
    pub restart: &'static str,
}

#[derive(Debug, Clone, Serialize)]
pub struct Unwired {
    pub client: Client,
    pub file: String,
    /// Whether the file is byte for byte what it was.
    pub exact: bool,
    pub revoked: Vec<String>,
    /// Agents that could not be revoked, and why.
    pub left: Vec<String>,
    /// Connections that were imported, and stay.
    pub connections: Vec<String>,
}

/// What can be imported, and the change that this would be.
#[derive(Debug, Clone, Serialize)]
pub struct ImportPreview {
    pub items: Vec<Importable>,
    /// Of all that were chosen.
    pub preview: Preview,
}

impl Clients<'_> {
    /// Never fails: without a gateway the clients are there all the same.
    pub async fn list(&self) -> Vec<Found> {
        let agents: Result<Vec<Agent>, ClientError> = self.api.get("/api/v1/agents").await;
        let agents = agents.ok();
        list::list(self.machine, self.gateway, agents.as_deref(), Timestamp::now())
    }

    pub fn preview(&self, client: Client) -> Result<Preview, Refusal> {
        Ok(plan::wiring(self.machine, self.gateway, client, None)?.plan.preview())
    }

    pub fn preview_unwire(&self, client: Client) -> Result<Preview, Refusal> {
        Ok(plan::unwiring(self.machine, self.gateway, client)?.plan.preview())
    }

    /// `names` are the client's; none: all that can be imported.
    pub async fn preview_import(
        &self,
        client: Client,
        names: Option<&[String]>,
    ) -> Result<ImportPreview, Refusal> {
        let taken = self.connection_names().await?;
        let opened = plan::open(self.machine, client)?;
        let items = import::importables(&opened.servers, self.gateway, &taken);
        for name in names.unwrap_or_default() {
            let item = items.iter().find(|item| item.name == *name);
            if let Some(why) = &item.ok_or_else(|| nothing(name))?.problem {
                return Err(impossible(name, why));
            }
        }
        let possible = items.iter().filter(|item| item.problem.is_none());
        let chosen: Vec<String> = possible
            .map(|item| item.name.clone())
            .filter(|name| names.is_none_or(|names| names.contains(name)))
            .collect();
        let wiring = plan::wiring(self.machine, self.gateway, client, Some(&chosen))?;
        // The commands that are shown are those of the file that is agreed to.
        wiring.plan.is(&file::digest(opened.text.as_deref()))?;
        Ok(ImportPreview { items, preview: wiring.plan.preview() })
    }

    /// Makes an agent and points the client at the gateway. `seen` is the
    /// digest of the preview.
    pub async fn wire(&self, client: Client, seen: &str, wish: Wish) -> Result<Wired, Refusal> {
        self.apply(client, seen, None, wish).await
    }

    /// Makes connections of these servers and puts the gateway in their place.
    pub async fn import(
        &self,
        client: Client,
        seen: &str,
        names: &[String],
        wish: Wish,
    ) -> Result<Wired, Refusal> {
        self.apply(client, seen, Some(names), wish).await
    }

    async fn apply(
        &self,
        client: Client,
        seen: &str,
        import: Option<&[String]>,
        wish: Wish,
    ) -> Result<Wired, Refusal> {
        let wiring = plan::wiring(self.machine, self.gateway, client, import)?;
        wiring.plan.is(seen)?;
        let connections = match import {
            Some(names) => self.make_connections(&wiring.servers, names).await?,
            None => Vec::new(),
        };
        let made = match &wiring.added {
            Some(_) => self.make_agent(client, wish).await.map(Some),
            None => Ok(None),
        };
        let (agent, done) = match made {
            Ok(agent) => {
                let done = self.write(client, seen, import, agent.as_ref(), &connections);
                (agent, done)
            }
            Err(refusal) => (None, Err(refusal)),
        };
        if done.is_err() {
            // Nobody has got the token, and the client its servers still.
            if let Some(AgentCreated { agent, .. }) = &agent {
                let _ = self.api.delete(&agent_path(&agent.user, &agent.name)).await;
            }
            for name in &connections {
                let _ = self.api.delete(&connection_path(name)).await;
            }
        }
        done
    }

    /// The part that touches files.
    fn write(
        &self,
        client: Client,
        seen: &str,
        import: Option<&[String]>,
        made: Option<&AgentCreated>,
        connections: &[String],
    ) -> Result<Wired, Refusal> {
        let _lock = journal::lock(self.gateway)?;
        let Wiring { plan, added, had_section, .. } =
            plan::wiring(self.machine, self.gateway, client, import)?;
        plan.is(seen)?;
        // Somebody else may have wired it while the agent was made.
        if added.is_some() != made.is_some() {
            return Err(file::changed(&plan.path));
        }
        let agent = made.map(|made| AgentRef {
            id: made.agent.id.clone(),
            user: made.agent.user.clone(),
            name: made.agent.name.clone(),
        });
        if let Some(made) = made {
            let token = format!("{}\n", made.token);
            file::write_private(&self.gateway.token_file(client), &token)?;
        }
        let at = Timestamp::now();
        let record = Record {
            id: at.as_nanosecond().to_string(),
            client,
            path: plan.path.clone(),
            at: at.to_string(),
            agent: agent.clone(),
            added,
            removed: import.unwrap_or_default().to_vec(),
            connections: connections.to_vec(),
            had_section,
            before: plan.seen(),
            after: file::digest(plan.after.as_deref()),
        };
        journal::begin(self.gateway, &record, plan.before.as_deref())?;
        let replaced = file::replace(client, &plan.path, seen, plan.after.as_deref());
        if let Err(refused) = replaced {
            let _ = journal::end(self.gateway, std::slice::from_ref(&record));
            if made.is_some() {
                let _ = file::remove_private(&self.gateway.token_file(client));
            }
            return Err(refused);
        }
        Ok(Wired {
            client,
            file: plan.path.display().to_string(),
            agent,
            connections: connections.to_vec(),
            restart: client.restart(),
        })
    }

    /// Takes everything of ours out of the client's file, and revokes its agent
    /// if `revoke`.
    pub async fn unwire(
        &self,
        client: Client,
        seen: &str,
        revoke: bool,
    ) -> Result<Unwired, Refusal> {
        let (unwiring, agents) = {
            let _lock = journal::lock(self.gateway)?;
            let unwiring = plan::unwiring(self.machine, self.gateway, client)?;
            let plan = &unwiring.plan;
            plan.is(seen)?;
            if plan.before != plan.after {
                file::replace(client, &plan.path, seen, plan.after.as_deref())?;
            }
            journal::end(self.gateway, &unwiring.records)?;
            let agents = if revoke { unwiring.agents() } else { Vec::new() };
            if revoke {
                file::remove_private(&self.gateway.token_file(client))?;
            }
            (unwiring, agents)
        };
        let mut done = Unwired {
            client,
            file: unwiring.plan.path.display().to_string(),
            exact: unwiring.exact,
            revoked: Vec::new(),
            left: Vec::new(),
            connections: unwiring.connections(),
        };
        for agent in agents {
            let name = format!("{}/{}", agent.user, agent.name);
            match self.revoke(&agent).await {
                Ok(()) => done.revoked.push(name),
                Err(refused) => done.left.push(format!("{name}: {}", refused.message)),
            }
        }
        Ok(done)
    }

    /// That very agent: another one may have its name by now.
    async fn revoke(&self, agent: &AgentRef) -> Result<(), Refusal> {
        let agents: Vec<Agent> = self.api.get("/api/v1/agents").await?;
        match agents.iter().find(|row| row.id == agent.id) {
            Some(row) => Ok(self.api.delete(&agent_path(&row.user, &row.name)).await?),
            None => Ok(()),
        }
    }

    async fn make_agent(&self, client: Client, wish: Wish) -> Result<AgentCreated, Refusal> {
        let user = match wish.user {
            Some(user) => user,
            None => self.api.get::<Session>("/api/v1/session").await?.user,
        };
        let agents: Vec<Agent> = self.api.get("/api/v1/agents").await?;
        let taken = |name: &str| agents.iter().any(|row| row.user == user && row.name == name);
        let base = wish.agent.unwrap_or_else(|| client.id().to_owned());
        let numbered = (2..MAX_NUMBER).map(|number| format!("{base}-{number}"));
        let name = std::iter::once(base.clone()).chain(numbered).find(|name| !taken(name));
        let request = NewAgent {
            name: name.unwrap_or(base),
            scope: Vec::new(),
            ttl_seconds: wish.ttl_seconds,
            max_uses: None,
            client_timeout_seconds: None,
        };
        let path = format!("/api/v1/users/{}/agents", segment(&user));
        Ok(self.api.post(&path, &request).await?)
    }

    async fn connection_names(&self) -> Result<BTreeSet<String>, Refusal> {
        let connections: Vec<Connection> = self.api.get("/api/v1/connections").await?;
        Ok(connections.into_iter().map(|connection| connection.name).collect())
    }

    /// All of them, or none.
    async fn make_connections(
        &self,
        servers: &[Server],
        names: &[String],
    ) -> Result<Vec<String>, Refusal> {
        let items = import::importables(servers, self.gateway, &self.connection_names().await?);
        let mut requests = Vec::new();
        for name in names {
            let item = items.iter().find(|item| item.name == *name);
            let server = servers.iter().find(|server| server.name == *name);
            let (item, server) = item.zip(server).ok_or_else(|| nothing(name))?;
            let request = import::connection(server, &item.connection);
            requests.push(request.map_err(|why| impossible(name, &why))?);
        }
        if requests.is_empty() {
            let message = "no server was chosen to be imported";
            return Err(Refusal::new(refusal::NOTHING_TO_IMPORT, message, "Name at least one."));
        }
        let mut made = Vec::new();
        for request in requests {
            let added: Result<Connection, ClientError> =
                self.api.post("/api/v1/connections", &request).await;
            match added {
                Ok(connection) => made.push(connection.name),
                Err(error) => {
                    for name in &made {
                        let _ = self.api.delete(&connection_path(name)).await;
                    }
                    return Err(error.into());
                }
            }
        }
        Ok(made)
    }
}

fn nothing(name: &str) -> Refusal {
    let message = format!("the client has no server {name:?} that is not the gateway");
    Refusal::new(codes::NOT_FOUND, message, "`agw client import CLIENT` lists those that it has.")
}

fn impossible(name: &str, why: &str) -> Refusal {
    let message = format!("{name:?} cannot be imported: {why}");
    Refusal::new(refusal::NOTHING_TO_IMPORT, message, "Leave it out, or add it by hand.")
}

fn agent_path(user: &str, name: &str) -> String {
    format!("/api/v1/users/{}/agents/{}", segment(user), segment(name))
}

fn connection_path(name: &str) -> String {
    format!("/api/v1/connections/{}", segment(name))
}
