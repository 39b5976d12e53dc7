//! The tools on offer: what each connection listed, checked, and under which
//! name MCP clients see it.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{Hash as _, Hasher},
    sync::Arc,
};

use agw_api::RefusedTool;
use agw_core::{ConnectionId, ConnectionName, ToolEffect, ToolId, ToolName, json};

use crate::{bounds, pins::Pins};

/// A tool that may be offered.
#[derive(Debug)]
pub(crate) struct CatalogTool {
    pub(crate) id: ToolId,
    pub(crate) connection: ConnectionId,
    pub(crate) mcp_name: String,
    pub(crate) description: String,
    /// What its server says that it does.
    pub(crate) suggested: Option<ToolEffect>,
    /// JSON Schema of its arguments.
    pub(crate) input_schema: Box<str>,
    /// Of the whole definition; see [`pins`](crate::pins).
    pub(crate) digest: json::Digest,
    /// The definition as the upstream gave it, up to and after its name, so
    /// that another name can be put in and nothing else changes.
    before_name: String,
    after_name: String,
}

impl CatalogTool {
    /// Reads one definition of a `tools/list` result.
    fn read(
        connection: ConnectionId,
        connection_name: &ConnectionName,
        definition: &str,
    ) -> Result<Self, RefusedTool> {
        let refused = |name: &str, reason: String| RefusedTool { name: name.to_owned(), reason };
        let node = json::parse(definition.as_bytes())
            .map_err(|e| refused("?", format!("its definition cannot be read: {e}")))?;
        let name_node = node.get("name");
        let Some((name_node, name)) = name_node.and_then(|node| Some((node, node.as_str()?)))
        else {
            return Err(refused("?", "its definition has no name".into()));
        };
        if definition.len() > bounds::TOOL_DEFINITION_MAX {
            let reason =
                format!("its definition is longer than {} bytes", bounds::TOOL_DEFINITION_MAX);
            return Err(refused(name, reason));
        }
        let input_schema = node.get("inputSchema").filter(|schema| schema.is_object());
        let Some(input_schema) = input_schema else {
            return Err(refused(name, "its definition has no inputSchema object".into()));
        };
        let tool: ToolName = name.parse().map_err(|e: agw_core::NameError| {
            refused(name, format!("its name could be mistaken for another: {e}"))
        })?;
        let digest = node
            .digest()
            .map_err(|e| refused(name, format!("its definition cannot be compared: {e}")))?;
        let (before, after) = split_around(definition, name_node.raw())
            .ok_or_else(|| refused(name, "its definition cannot be read".into()))?;
        let id = ToolId::new(connection_name.clone(), tool);
        Ok(Self {
            connection,
            mcp_name: id.mcp_name(),
            id,
            description: node.get("description").and_then(|d| d.as_str()).unwrap_or("").to_owned(),
            suggested: node.get("annotations").and_then(suggested),
            input_schema: input_schema.raw().into(),
            digest,
            before_name: before.to_owned(),
            after_name: after.to_owned(),
        })
    }

    /// Appends the definition under `name` to `out`.
    pub(crate) fn write_definition(&self, name: &str, out: &mut String) {
        out.push_str(&self.before_name);
        json::write_string(name, out);
        out.push_str(&self.after_name);
    }

    /// The definition in its RFC 8785 form, which [`digest`](Self::digest) is of.
    pub(crate) fn canonical(&self) -> Result<String, json::Error> {
        let mut definition = String::new();
        self.write_definition(self.id.tool().as_str(), &mut definition);
        json::parse(definition.as_bytes())?.canonical()
    }

    /// Feeds everything but the name.
    pub(crate) fn hash_definition(&self, hasher: &mut impl Hasher) {
        self.before_name.hash(hasher);
        self.after_name.hash(hasher);
    }
}

/// What a tool's annotations come to (MCP 2025-11-25, `ToolAnnotations`).
fn suggested(annotations: &json::Node<'_>) -> Option<ToolEffect> {
    let hint = |name| match annotations.get(name).map(json::Node::value) {
        Some(json::Value::Bool(hint)) => Some(*hint),
        _ => None,
    };
    match (hint("readOnlyHint"), hint("destructiveHint")) {
        (Some(true), _) => Some(ToolEffect::Read),
        (_, Some(true)) => Some(ToolEffect::Destructive),
        (_, Some(false)) => Some(ToolEffect::Write),
        (_, None) => None,
    }
}

/// What stands before and after `part`, which must be a slice of `whole`.
fn split_around<'a>(whole: &'a str, part: &str) -> Option<(&'a str, &'a str)> {
    let at = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    Some((whole.get(..at)?, whole.get(at + part.len()..)?))
}

/// One connection's tools, sorted into offered and refused.
#[derive(Debug, Default, Clone)]
pub(crate) struct Listing {
    pub(crate) tools: Vec<Arc<CatalogTool>>,
    pub(crate) refused: Vec<RefusedTool>,
}

impl Listing {
    /// `definitions` are the items of the upstream's `tools/list` results. Of
    /// names that are too alike the one that was pinned first stays, so that a
    /// newcomer cannot take it away.
    pub(crate) fn read(
        connection: ConnectionId,
        name: &ConnectionName,
        definitions: &[String],
        pins: &Pins,
    ) -> Self {
        let mut listing = Self::default();
        let mut by_folded: BTreeMap<String, Vec<CatalogTool>> = BTreeMap::new();
        for definition in definitions {
            match CatalogTool::read(connection, name, definition) {
                Ok(tool) => by_folded.entry(tool.id.tool().folded()).or_default().push(tool),
                Err(refused) => listing.refused.push(refused),
            }
        }
        for mut alike in by_folded.into_values() {
            if alike.len() == 1 {
                listing.tools.extend(alike.pop().map(Arc::new));
                continue;
            }
            let names: Vec<String> = alike.iter().map(|t| t.id.tool().to_string()).collect();
            let stays = pins.first(&alike).map(|at| Arc::new(alike.swap_remove(at)));
            let reason = match &stays {
                Some(known) => format!("its name is too like that of {}", known.id.tool()),
                None => format!("the names {} are too alike to tell apart", names.join(", ")),
            };
            let refused = alike.iter().map(|tool| RefusedTool {
                name: tool.id.tool().to_string(),
                reason: reason.clone(),
            });
            listing.refused.extend(refused);
            listing.tools.extend(stays);
        }
        listing
    }
}

/// All tools of all connections, with the tables that names are looked up in.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    /// Ordered by id, so that lists are the same each time.
    pub(crate) by_id: BTreeMap<ToolId, Arc<CatalogTool>>,
    /// `None`: two tools would go by that name, or by one that looks like it.
    by_mcp_name: HashMap<String, Option<Arc<CatalogTool>>>,
    pub(crate) refused: HashMap<ConnectionId, Vec<RefusedTool>>,
}

impl Catalog {
    pub(crate) fn build(
        listings: impl IntoIterator<Item = (ConnectionId, Listing)>,
        pins: &Pins,
    ) -> Self {
        let mut catalog = Self::default();
        let mut by_folded: HashMap<String, Vec<Arc<CatalogTool>>> = HashMap::new();
        for (connection, listing) in listings {
            for tool in listing.tools {
                catalog.by_id.insert(tool.id.clone(), Arc::clone(&tool));
                let folded = tool.mcp_name.to_ascii_lowercase().replace('-', "_");
                by_folded.entry(folded).or_default().push(tool);
            }
            catalog.refused.insert(connection, listing.refused);
        }
        for alike in by_folded.into_values() {
            // A hashed name could be imitated by a plain one, and `a` with a
            // tool `_b` by `a-` with `b`; then the table would answer for the
            // wrong tool, so by such a name only the one is reachable that was
            // pinned first, if any.
            let reachable = if alike.len() == 1 { Some(0) } else { pins.first(&alike) };
            for tool in &alike {
                catalog.by_mcp_name.insert(tool.mcp_name.clone(), None);
            }
            if let Some(tool) = reachable.and_then(|at| alike.get(at)) {
                catalog.by_mcp_name.insert(tool.mcp_name.clone(), Some(Arc::clone(tool)));
            }
        }
        catalog
    }

    pub(crate) fn by_mcp_name(&self, name: &str) -> Option<&Arc<CatalogTool>> {
        self.by_mcp_name.get(name)?.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(definitions: &[&str]) -> Listing {
        let definitions: Vec<String> = definitions.iter().map(|d| (*d).to_owned()).collect();
        Listing::read(ConnectionId::new(1), &"fs".parse().unwrap(), &definitions, &Pins::default())
    }

    fn tool(name: &str) -> String {
        format!(r#"{{"name":"{name}","inputSchema":{{}}}}"#)
    }

    #[test]
    fn a_definition_keeps_every_byte_but_its_name() {
        let definition = r#"{ "x-new": 12345678901234567890, "name" : "re\u0061d", "inputSchema": {"name":"a"} }"#;
        let listing = listing(&[definition]);
        let mut out = String::new();
        listing.tools[0].write_definition("fs__read", &mut out);
        assert_eq!(out, definition.replace(r#""re\u0061d""#, r#""fs__read""#));
        assert_eq!(listing.tools[0].id.as_str(), "fs.read");
    }

    #[test]
    fn confusable_and_broken_tools_are_refused_with_a_reason() {
        let listing = listing(&[
            &tool("read_file"),
            &tool("Read-File"),
            &tool("ѕend"),
            &tool("write"),
            r#"{"name":"x"}"#,
            r#"{"name":"x","name":"y","inputSchema":{}}"#,
            "7",
        ]);
        let offered: Vec<&str> = listing.tools.iter().map(|t| t.id.as_str()).collect();
        assert_eq!(offered, ["fs.write"]);
        assert_eq!(listing.refused.len(), 6, "{:?}", listing.refused);
    }

    #[test]
    fn an_imitated_mcp_name_reaches_nothing() {
        let dotted: ToolId = "fs.a.b".parse().unwrap();
        let imitation = dotted.mcp_name().strip_prefix("fs__").unwrap().to_owned();
        let listing = listing(&[&tool("a.b"), &tool(&imitation)]);
        let catalog = Catalog::build([(ConnectionId::new(1), listing)], &Pins::default());
        assert_eq!(catalog.by_id.len(), 2);
        assert!(catalog.by_mcp_name(&dotted.mcp_name()).is_none());
    }
}
