//! Which tools a grant is about, and which of them it came to cover on its own.

use std::collections::HashMap;

use agw_api::Grant;
use agw_core::{ConnectionId, ToolPattern};
use rusqlite::Connection;

use crate::{
    catalog::{Catalog, CatalogTool},
    gateway::Gateway,
    store::{StoreError, snapshot::Snapshot},
};

/// Most new tools that are named.
const NEW_MAX: usize = 50;

/// When each tool was first listed, in milliseconds since 1970.
pub(super) type Seen = HashMap<(ConnectionId, String), i64>;

pub(super) fn seen(db: &Connection) -> Result<Seen, StoreError> {
    let mut select = db.prepare_cached("SELECT connection, tool, seen_at FROM seen_tools")?;
    let rows = select
        .query_map([], |row| Ok(((ConnectionId::new(row.get(0)?), row.get(1)?), row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn first_seen(seen: &Seen, tool: &CatalogTool) -> Option<i64> {
    seen.get(&(tool.connection, tool.id.tool().as_str().to_owned())).copied()
}

/// The tools on offer that a pattern matches.
pub(super) fn matching<'c>(
    pattern: &'c ToolPattern,
    snapshot: &'c Snapshot,
    catalog: &'c Catalog,
) -> impl Iterator<Item = &'c CatalogTool> {
    // Most grants name one tool: those must not each go through them all.
    let (one, all) = match pattern {
        ToolPattern::Tool(id) => (catalog.by_id.get(id), None),
        _ => (None, Some(catalog.by_id.values())),
    };
    let tools = one.into_iter().chain(all.into_iter().flatten()).map(|tool| &**tool);
    tools.filter(|tool| pattern.matches(&tool.id, snapshot.permissions.effect_of(&tool.id)))
}

/// Fills in what each grant covers; given with the time of its last change.
pub(super) fn covered(gateway: &Gateway, grants: Vec<(Grant, i64)>, seen: &Seen) -> Vec<Grant> {
    let snapshot = gateway.live.snapshot.load();
    let catalog = gateway.live.catalog.load();
    let cover = |(mut grant, changed_at): (Grant, i64)| {
        let Ok(pattern) = grant.tool.parse::<ToolPattern>() else { return grant };
        let tools: Vec<_> = matching(&pattern, &snapshot, &catalog).collect();
        grant.covers = u32::try_from(tools.len()).unwrap_or(u32::MAX);
        if !matches!(pattern, ToolPattern::Tool(_)) {
            let new = tools
                .iter()
                .filter(|tool| first_seen(seen, tool).is_some_and(|first| first > changed_at));
            grant.new_tools = new.take(NEW_MAX).map(|tool| tool.id.to_string()).collect();
        }
        grant
    };
    grants.into_iter().map(cover).collect()
}
