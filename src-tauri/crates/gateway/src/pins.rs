//! Pinned definitions: what a person granted is what agents get.
//!
//! A model acts on the text of a tool's definition, so a server that rewrites
//! it after it was granted (a "rug pull") has another tool run under the old
//! grant. Therefore the definition of each tool is pinned when a grant first
//! covers it: by its own name or by a pattern, when the grant is made or when
//! the tool is first listed. From then on only a tool whose definition is the
//! pinned one is offered and called:
//!
//! ```text
//! listed ──granted──► pinned ──its definition changes──► kept back
//!                       ▲  ▲────── it changes back ────────┘  │
//!                       └── an admin accepts that very hash ──┘
//! ```
//!
//! *What is pinned* is the whole definition as the server gave it: name,
//! title, description, schemas, annotations, icons, `_meta` and members that
//! nobody knows yet. All of it is passed on to clients, so any of it may be
//! read by a model or a person, or change what a client does. The digest is
//! that of the RFC 8785 form: the order of members, white space and the
//! spelling of numbers are no change.
//!
//! Whether a tool is kept back is nowhere stored. It follows from the pin
//! ([`Snapshot`]) and from what is listed at this moment ([`Catalog`]), so it
//! outlives restarts and ends by itself. A tool that is granted and has no pin
//! yet is not offered either: nothing goes by without one.

use std::{borrow::Borrow, collections::HashMap};

use agw_core::{ConnectionId, json::Digest};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{
    audit::{Kind, Record},
    bounds,
    catalog::{Catalog, CatalogTool, Listed},
    clock,
    pipeline::{Refusal, ToolCall},
    store::{StoreError, snapshot::Snapshot},
};

/// Tools and prompts are; what a resource says of itself (size, time) changes
/// with what is in it.
fn is_pinned(tool: &CatalogTool) -> bool {
    matches!(tool.listed, Listed::Tool | Listed::Prompt)
}

/// The definition that a tool must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pin {
    digest: Digest,
    /// Milliseconds since 1970.
    at: i64,
    /// What it was found to be instead, as far as the trail has it.
    changed: Option<Digest>,
}

/// All pins, by connection and the tool's own name.
#[derive(Debug, Default)]
pub(crate) struct Pins(HashMap<ConnectionId, HashMap<Box<str>, Pin>>);

impl Pins {
    pub(crate) fn load(db: &Connection) -> Result<Self, StoreError> {
        let mut pins = Self::default();
        let mut select =
            db.prepare_cached("SELECT connection, tool, digest, pinned_at, changed FROM pins")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let changed: Option<[u8; 32]> = row.get("changed")?;
            let pin = Pin {
                digest: Digest::from_bytes(row.get("digest")?),
                at: row.get("pinned_at")?,
                changed: changed.map(Digest::from_bytes),
            };
            let tool: String = row.get("tool")?;
            pins.insert(ConnectionId::new(row.get("connection")?), &tool, pin);
        }
        Ok(pins)
    }

    fn insert(&mut self, connection: ConnectionId, tool: &str, pin: Pin) {
        self.0.entry(connection).or_default().insert(tool.into(), pin);
    }

    fn get(&self, tool: &CatalogTool) -> Option<&Pin> {
        self.0.get(&tool.connection)?.get(tool.id.tool().as_str())
    }

    /// Whether callers may see the tool and call it, as far as its definition
    /// goes.
    pub(crate) fn hold(&self, tool: &CatalogTool) -> bool {
        !is_pinned(tool) || self.get(tool).is_some_and(|pin| pin.digest == tool.digest)
    }

    /// Whether it is kept back until an admin has looked at it.
    pub(crate) fn keep_back(&self, tool: &CatalogTool) -> bool {
        self.get(tool).is_some_and(|pin| pin.digest != tool.digest)
    }

    /// Which of `tools` was pinned first, if any was.
    pub(crate) fn first<T: Borrow<CatalogTool>>(&self, tools: &[T]) -> Option<usize> {
        let pinned = tools.iter().enumerate();
        let pinned = pinned.filter_map(|(at, tool)| {
            let tool = tool.borrow();
            Some((self.get(tool)?.at, tool.id.as_str(), at))
        });
        pinned.min().map(|(_, _, at)| at)
    }

    /// Whether a call may go on: its tool is still defined as it was when the
    /// call came in, and as it was pinned.
    pub(crate) fn check(&self, catalog: &Catalog, call: &ToolCall) -> Result<(), Refusal> {
        // A name that is no tool is found out elsewhere.
        let Some(tool) = &call.tool else { return Ok(()) };
        let listed = catalog.by_id.get(&call.id).unwrap_or(tool);
        if self.keep_back(listed) {
            return Err(Refusal::DefinitionChanged);
        }
        match (self.hold(listed), listed.digest == tool.digest) {
            (true, true) => Ok(()),
            (true, false) => Err(Refusal::RulesChanged),
            (false, _) => Err(Refusal::UnknownTool),
        }
    }
}

/// Pins what a configuration that is about to be committed grants, and notes
/// which definitions were found to be others. Part of every change of the
/// configuration, lists of tools among them; the records are about that.
pub(crate) fn follow(
    db: &Connection,
    next: &mut Snapshot,
    catalog: &Catalog,
) -> Result<Vec<Record>, StoreError> {
    let now = clock::now_ms();
    let (mut pinned, mut changed, mut restored) = (Vec::new(), Vec::new(), Vec::new());
    for tool in catalog.by_id.values().filter(|tool| is_pinned(tool)) {
        // It may be removed by this very change.
        let connection = next.connections.get(tool.id.connection());
        if connection.is_none_or(|connection| connection.id != tool.connection) {
            continue;
        }
        let name = tool.id.tool().as_str();
        let pin = match next.pins.get(tool) {
            None if !next.permissions.grants_anybody(&tool.id, now) => continue,
            None => {
                put(db, tool, None, now)?;
                pinned.push(&**tool);
                Pin { digest: tool.digest, at: now, changed: None }
            }
            Some(pin) => {
                let found = (pin.digest != tool.digest).then_some(tool.digest);
                if pin.changed == found {
                    continue;
                }
                note(db, tool, found.map(|digest| (digest, now)))?;
                if found.is_some() { &mut changed } else { &mut restored }.push(&**tool);
                Pin { changed: found, ..*pin }
            }
        };
        next.pins.insert(tool.connection, name, pin);
    }
    let records = [
        ("definitions_pinned", pinned),
        ("definitions_changed", changed),
        ("definitions_restored", restored),
    ];
    let records = records.into_iter().filter(|(_, tools)| !tools.is_empty());
    Ok(records.map(|(status, tools)| record(status, &tools, now)).collect())
}

/// The definition of this moment is the pinned one from now on.
pub(crate) fn put(
    db: &Connection,
    tool: &CatalogTool,
    by: Option<u64>,
    now: i64,
) -> Result<(), StoreError> {
    let definition = tool.canonical().map_err(|e| StoreError::Damaged(e.to_string()))?;
    db.prepare_cached(
        "INSERT OR REPLACE INTO pins (connection, tool, digest, definition, pinned_at, pinned_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        tool.connection.get(),
        tool.id.tool().as_str(),
        tool.digest.as_bytes(),
        definition,
        now,
        by
    ])?;
    Ok(())
}

/// What a definition was found to be, and when.
fn note(
    db: &Connection,
    tool: &CatalogTool,
    found: Option<(Digest, i64)>,
) -> Result<(), StoreError> {
    let (digest, at) = found.unzip();
    db.prepare_cached(
        "UPDATE pins SET changed = ?3, changed_at = ?4 WHERE connection = ?1 AND tool = ?2",
    )?
    .execute(params![
        tool.connection.get(),
        tool.id.tool().as_str(),
        digest.map(|digest| *digest.as_bytes()),
        at
    ])?;
    Ok(())
}

fn record(status: &'static str, tools: &[&CatalogTool], now: i64) -> Record {
    let named = tools.iter().take(bounds::DEFINITIONS_NAMED);
    let mut named: Vec<_> = named.map(|tool| format!("{} {}", tool.id, tool.digest)).collect();
    if tools.len() > named.len() {
        named.push(format!("and {} more", tools.len() - named.len()));
    }
    let mut record = Record::new(Kind::Config, now);
    record.status = Some(status);
    record.detail = Some(named.join(", "));
    record
}

/// A pin with what only people read.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) digest: Digest,
    /// In the RFC 8785 form.
    pub(crate) definition: String,
    /// Milliseconds since 1970.
    pub(crate) at: i64,
    /// Who accepted it.
    pub(crate) by: Option<String>,
    pub(crate) changed_at: Option<i64>,
}

pub(crate) fn kept(db: &Connection, tool: &CatalogTool) -> Result<Option<Kept>, StoreError> {
    let mut select = db.prepare_cached(
        "SELECT p.digest, p.definition, p.pinned_at, u.name, p.changed_at
         FROM pins p LEFT JOIN users u ON u.id = p.pinned_by
         WHERE p.connection = ?1 AND p.tool = ?2",
    )?;
    let kept = select.query_row(params![tool.connection.get(), tool.id.tool().as_str()], |row| {
        Ok(Kept {
            digest: Digest::from_bytes(row.get(0)?),
            definition: row.get(1)?,
            at: row.get(2)?,
            by: row.get(3)?,
            changed_at: row.get(4)?,
        })
    });
    Ok(kept.optional()?)
}
