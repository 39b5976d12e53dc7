//! What would be done to a client's file, worked out without doing it.

use serde::Serialize;
use std::path::{Path, PathBuf};

use crate::client::Client;
use crate::entry::{self, LeadsTo, Server};
use crate::error::{Refusal, refusal};
use crate::file::{self, digest};
use crate::format::{self, Change};
use crate::journal::{self, AgentRef, Record};
use crate::machine::{Gateway, Machine};

/// Lines shown around a change.
const DIFF_CONTEXT: usize = 3;

/// A change as a person is shown it before they agree.
#[derive(Debug, Clone, Serialize)]
pub struct Preview {
    pub client: Client,
    pub file: String,
    /// Of what was read: the change is refused when the file is another by then.
    pub digest: String,
    /// Unified diff of the file; values that may be secrets are `…`.
    pub diff: String,
    pub notes: Vec<String>,
}

pub(crate) struct Plan {
    pub(crate) client: Client,
    pub(crate) path: PathBuf,
    pub(crate) before: Option<String>,
    /// `None`: the file is removed.
    pub(crate) after: Option<String>,
    pub(crate) notes: Vec<String>,
}

/// The file and the servers in it.
pub(crate) struct Opened {
    pub(crate) path: PathBuf,
    pub(crate) text: Option<String>,
    pub(crate) servers: Vec<Server>,
}

impl Plan {
    pub(crate) fn seen(&self) -> String {
        digest(self.before.as_deref())
    }

    /// Whether what was read for it is what a person was shown. The file itself
    /// may be another one by now: [`file::replace`] looks again.
    pub(crate) fn is(&self, shown: &str) -> Result<(), Refusal> {
        if self.seen() == shown { Ok(()) } else { Err(file::changed(&self.path)) }
    }

    pub(crate) fn preview(&self) -> Preview {
        Preview {
            client: self.client,
            file: self.path.display().to_string(),
            digest: self.seen(),
            diff: diff(self.client, &self.path, self.before.as_deref(), self.after.as_deref()),
            notes: self.notes.clone(),
        }
    }
}

/// Reads what the client has.
pub(crate) fn open(machine: &Machine, client: Client) -> Result<Opened, Refusal> {
    let path = machine.file(client);
    let text = file::read(client, &path)?;
    let servers = servers(client, &path, text.as_deref())?;
    Ok(Opened { path, text, servers })
}

fn servers(client: Client, path: &Path, text: Option<&str>) -> Result<Vec<Server>, Refusal> {
    let read = format::servers(client, text.unwrap_or_default());
    let read = read.map_err(|bad| file::malformed(client, path, &bad.0))?;
    Ok(read.iter().map(|(name, entry)| Server::read(client, name, entry)).collect())
}

/// Adding the gateway's entry, and taking out those that become connections.
pub(crate) struct Wiring {
    pub(crate) plan: Plan,
    /// The name of the gateway's entry, unless there is one already.
    pub(crate) added: Option<String>,
    pub(crate) had_section: bool,
    /// What was read, for its secrets.
    pub(crate) servers: Vec<Server>,
}

pub(crate) fn wiring(
    machine: &Machine,
    gateway: &Gateway,
    client: Client,
    import: Option<&[String]>,
) -> Result<Wiring, Refusal> {
    if !machine.has(client) {
        return Err(Refusal::new(
            refusal::NOT_FOUND,
            format!("{} was not found on this machine", client.title()),
            format!(
                "Start it once, so that it makes its folder; its file would be {}.",
                machine.file(client).display()
            ),
        ));
    }
    let Opened { path, text, servers } = open(machine, client)?;
    file::check_writable(client, &path)?;
    let here = servers.iter().find(|server| is_here(server, gateway));
    if let Some(here) = here.filter(|_| import.is_none()) {
        return Err(Refusal::new(
            refusal::WIRED,
            format!("{} is wired already: its entry is {:?}", client.title(), here.name),
            format!("`agw client unwire {}` takes it out again.", client.id()),
        ));
    }
    let added = here.is_none().then(|| free_name(&servers));
    let parts = added.as_ref().map(|name| entry::ours(client, name, gateway));
    let bad = |bad: format::Bad| file::malformed(client, &path, &bad.0);
    let change = Change {
        remove: import.unwrap_or_default(),
        add: added.as_deref().zip(parts.as_ref()),
        ..Change::default()
    };
    let before = text.as_deref().unwrap_or_default();
    let after = format::edit(client, before, &change).map_err(bad)?;
    let had_section = format::has_section(client, before).map_err(bad)?;
    let notes = notes(client, gateway, &servers, added.is_some(), text.is_none());
    let plan = Plan { client, path, before: text, after: Some(after), notes };
    Ok(Wiring { plan, added, had_section, servers })
}

fn notes(
    client: Client,
    gateway: &Gateway,
    servers: &[Server],
    adds: bool,
    creates: bool,
) -> Vec<String> {
    let mut notes = Vec::new();
    if creates {
        notes.push("The file is made; only you can read it (mode 0600).".to_owned());
    }
    if adds {
        notes.push(format!(
            "The agent's token goes into {}, which only you can read (mode 0600). {}'s file names it and does not hold it.",
            gateway.token_file(client).display(),
            client.title()
        ));
    }
    for server in servers.iter().filter(|server| server.leads_to(gateway) == LeadsTo::Elsewhere) {
        notes.push(format!("{:?} is the entry of another gateway; it stays.", server.name));
    }
    notes
}

pub(crate) fn is_here(server: &Server, gateway: &Gateway) -> bool {
    matches!(server.leads_to(gateway), LeadsTo::Here { .. })
}

fn free_name(servers: &[Server]) -> String {
    let taken = |name: &str| servers.iter().any(|server| server.name == name);
    let numbered = (2..).map(|number| format!("{}-{number}", entry::NAME));
    std::iter::once(entry::NAME.to_owned())
        .chain(numbered)
        .find(|name| !taken(name))
        .unwrap_or_default()
}

/// Taking everything of ours out again.
pub(crate) struct Unwiring {
    pub(crate) plan: Plan,
    /// Whether the file will be byte for byte what it was before the first change.
    pub(crate) exact: bool,
    pub(crate) records: Vec<Record>,
}

impl Unwiring {
    pub(crate) fn agents(&self) -> Vec<AgentRef> {
        self.records.iter().filter_map(|record| record.agent.clone()).collect()
    }

    /// Connections that were imported, and stay.
    pub(crate) fn connections(&self) -> Vec<String> {
        self.records.iter().flat_map(|record| record.connections.clone()).collect()
    }
}

pub(crate) fn unwiring(
    machine: &Machine,
    gateway: &Gateway,
    client: Client,
) -> Result<Unwiring, Refusal> {
    let mut records = journal::records(gateway, client)?;
    // Where the file was: the environment may have moved it since.
    let path = records.last().map_or_else(|| machine.file(client), |record| record.path.clone());
    records.retain(|record| record.path == path);
    let before = file::read(client, &path)?;
    file::check_writable(client, &path)?;
    let (mut now, mut exact) = (before.clone(), true);
    for record in records.iter().rev() {
        let digest = digest(now.as_deref());
        if digest == record.after {
            now = journal::backup(gateway, record)?;
        } else if digest != record.before {
            exact = false;
            now = match now {
                Some(text) => Some(taken_back(gateway, client, &path, &text, record)?),
                None => None,
            };
        }
    }
    if records.is_empty() {
        exact = false;
        now = Some(without_ours(gateway, client, &path, before.as_deref())?);
    }
    let mut notes = Vec::new();
    if !exact {
        notes.push(
            "The file is not what it was after the gateway's change, so only the gateway's part is taken out; what was changed since stays."
                .to_owned(),
        );
    }
    let plan = Plan { client, path, before, after: now, notes };
    let mut unwiring = Unwiring { plan, exact, records };
    let kept = unwiring.connections();
    if !kept.is_empty() {
        let note = format!("The connections that were imported stay: {}.", kept.join(", "));
        unwiring.plan.notes.push(note);
    }
    Ok(unwiring)
}

/// Undoes one change in a file that somebody has changed since.
fn taken_back(
    gateway: &Gateway,
    client: Client,
    path: &Path,
    text: &str,
    record: &Record,
) -> Result<String, Refusal> {
    let there = servers(client, path, Some(text))?;
    let ours: Vec<String> = there
        .iter()
        .filter(|server| record.added.as_ref() == Some(&server.name) && is_here(server, gateway))
        .map(|server| server.name.clone())
        .collect();
    let missing: Vec<String> = record
        .removed
        .iter()
        .filter(|name| there.iter().all(|server| server.name != **name))
        .cloned()
        .collect();
    let backup = journal::backup(gateway, record)?;
    let change = Change {
        remove: &ours,
        restore: backup.as_deref().map(|backup| (backup, missing.as_slice())),
        drop_section: !record.had_section,
        ..Change::default()
    };
    format::edit(client, text, &change).map_err(|bad| file::malformed(client, path, &bad.0))
}

/// Takes out entries that nobody wrote down, made by hand for example.
fn without_ours(
    gateway: &Gateway,
    client: Client,
    path: &Path,
    text: Option<&str>,
) -> Result<String, Refusal> {
    let there = servers(client, path, text)?;
    let ours: Vec<String> = there
        .iter()
        .filter(|server| is_here(server, gateway))
        .map(|server| server.name.clone())
        .collect();
    let text = text.filter(|_| !ours.is_empty()).ok_or_else(|| {
        Refusal::new(
            refusal::NOT_WIRED,
            format!("{} has no entry of this gateway", client.title()),
            "There is nothing to take out.",
        )
    })?;
    let change = Change { remove: &ours, ..Change::default() };
    format::edit(client, text, &change).map_err(|bad| file::malformed(client, path, &bad.0))
}

fn diff(client: Client, path: &Path, before: Option<&str>, after: Option<&str>) -> String {
    let shown = |text: Option<&str>| format::masked(client, text.unwrap_or_default());
    let (old, new) = (shown(before), shown(after));
    let name = path.display().to_string();
    let header = |text: Option<&str>| if text.is_some() { name.as_str() } else { "/dev/null" };
    let diff = similar::TextDiff::from_lines(old.as_str(), new.as_str());
    let mut diff = diff.unified_diff();
    let diff = diff.context_radius(DIFF_CONTEXT).header(header(before), header(after)).to_string();
    let texts = [before, after].into_iter().flatten();
    texts.fold(diff, |diff, text| format::without_secrets(client, text, diff))
}
