//! What was done to which file, so that it can be undone: a list in the
//! gateway's data folder, and beside it each file as it was, byte for byte.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::error::{Refusal, refusal};
use crate::file::{self, make_private_folder, remove_private, write_private};
use crate::machine::Gateway;

/// One change of one file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) client: Client,
    pub(crate) path: PathBuf,
    /// RFC 3339.
    pub(crate) at: String,
    /// The agent that was made for it; of an import into a client that was
    /// wired already, none.
    pub(crate) agent: Option<AgentRef>,
    /// The name of the entry that was added.
    pub(crate) added: Option<String>,
    /// Entries that became connections.
    #[serde(default)]
    pub(crate) removed: Vec<String>,
    /// What became of them.
    #[serde(default)]
    pub(crate) connections: Vec<String>,
    /// Whether the file had a section for servers.
    pub(crate) had_section: bool,
    /// Digests of the file before and after.
    pub(crate) before: String,
    pub(crate) after: String,
}

/// An agent, by its id: another one may get its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRef {
    pub id: String,
    pub user: String,
    pub name: String,
}

#[derive(Default, Serialize, Deserialize)]
struct Journal {
    records: Vec<Record>,
}

fn journal_file(gateway: &Gateway) -> PathBuf {
    gateway.folder().join("journal.json")
}

fn backup_file(gateway: &Gateway, record: &Record) -> PathBuf {
    let name = format!("{}-{}", record.client.id(), record.id);
    gateway.folder().join("backups").join(name)
}

/// Held while files are changed: the window and the command line may both want
/// to.
pub(crate) struct Lock(#[expect(dead_code, reason = "unlocks when dropped")] File);

pub(crate) fn lock(gateway: &Gateway) -> Result<Lock, Refusal> {
    make_private_folder(&gateway.folder())?;
    let path = gateway.folder().join("lock");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    let file = options.open(&path).map_err(|error| Refusal::io("open", &path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(Refusal::new(
            refusal::BUSY,
            "a client is being changed this moment",
            "Try again when that is done.",
        )),
        Err(TryLockError::Error(error)) => Err(Refusal::io("lock", &path, &error)),
    }
}

/// Records of one client, oldest first.
pub(crate) fn records(gateway: &Gateway, client: Client) -> Result<Vec<Record>, Refusal> {
    let mut journal = load(gateway)?;
    journal.records.retain(|record| record.client == client);
    Ok(journal.records)
}

fn load(gateway: &Gateway) -> Result<Journal, Refusal> {
    let path = journal_file(gateway);
    let json = match fs::read(&path) {
        Ok(json) => json,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Journal::default()),
        Err(error) => return Err(Refusal::io("read", &path, &error)),
    };
    serde_json::from_slice(&json).map_err(|error| {
        Refusal::new(
            refusal::IO,
            format!("{} is not understood: {error}", path.display()),
            "Move it away; entries in clients can then still be removed, but files not restored.",
        )
    })
}

fn store(gateway: &Gateway, journal: &Journal) -> Result<(), Refusal> {
    let json = serde_json::to_string_pretty(journal).unwrap_or_default();
    write_private(&journal_file(gateway), &json)
}

/// Writes down a change that is about to be made, with the file as it is.
pub(crate) fn begin(
    gateway: &Gateway,
    record: &Record,
    before: Option<&str>,
) -> Result<(), Refusal> {
    if let Some(before) = before {
        write_private(&backup_file(gateway, record), before)?;
    }
    let mut journal = load(gateway)?;
    journal.records.push(record.clone());
    store(gateway, &journal)
}

/// The file as it was before the change; `None`: there was none.
pub(crate) fn backup(gateway: &Gateway, record: &Record) -> Result<Option<String>, Refusal> {
    if record.before == file::ABSENT {
        return Ok(None);
    }
    let path = backup_file(gateway, record);
    fs::read_to_string(&path).map(Some).map_err(|error| Refusal::io("read", &path, &error))
}

/// Forgets changes, and removes their backups.
pub(crate) fn end(gateway: &Gateway, records: &[Record]) -> Result<(), Refusal> {
    let mut journal = load(gateway)?;
    journal.records.retain(|kept| records.iter().all(|record| record.id != kept.id));
    store(gateway, &journal)?;
    records.iter().try_for_each(|record| remove_private(&backup_file(gateway, record)))
}
