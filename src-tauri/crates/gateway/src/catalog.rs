//! The tools on offer, and the prompts and resources: what each connection
//! listed, checked, and under which name MCP clients see it.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{Hash as _, Hasher},
    sync::Arc,
};

use agw_api::RefusedTool;
use agw_core::{
    ConnectionId, ConnectionName, ItemKind, ToolEffect, ToolId, ToolName, ToolPattern, json,
};

use crate::{bounds, pins::Pins};

/// The lists that an upstream has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Listed {
    Tool,
    Prompt,
    Resource,
    Template,
}

impl Listed {
    pub(crate) const ALL: [Self; 4] = [Self::Tool, Self::Prompt, Self::Resource, Self::Template];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Prompt => "prompt",
            Self::Resource => "resource",
            Self::Template => "template",
        }
    }

    /// The method that lists them.
    pub(crate) fn method(self) -> &'static str {
        match self {
            Self::Tool => "tools/list",
            Self::Prompt => "prompts/list",
            Self::Resource => "resources/list",
            Self::Template => "resources/templates/list",
        }
    }

    /// The member of that method's result that has them.
    pub(crate) fn member(self) -> &'static str {
        match self {
            Self::Tool => "tools",
            Self::Prompt => "prompts",
            Self::Resource => "resources",
            Self::Template => "resourceTemplates",
        }
    }

    /// The member of a definition that tells it from others.
    fn key(self) -> &'static str {
        match self {
            Self::Tool | Self::Prompt => "name",
            Self::Resource => "uri",
            Self::Template => "uriTemplate",
        }
    }

    fn kind(self) -> ItemKind {
        match self {
            Self::Tool => ItemKind::Tool,
            Self::Prompt => ItemKind::Prompt,
            Self::Resource | Self::Template => ItemKind::Resource,
        }
    }
}

/// What an upstream listed, definition by definition as it gave them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Definitions(pub(crate) Vec<(Listed, String)>);

impl Definitions {
    pub(crate) fn count(&self, listed: Listed) -> usize {
        self.0.iter().filter(|(of, _)| *of == listed).count()
    }
}

/// A tool that may be offered; or a prompt, a resource, a template of resources.
#[derive(Debug)]
pub(crate) struct CatalogTool {
    pub(crate) listed: Listed,
    pub(crate) id: ToolId,
    pub(crate) connection: ConnectionId,
    pub(crate) mcp_name: String,
    pub(crate) description: String,
    /// What its server says that it does.
    pub(crate) suggested: Option<ToolEffect>,
    /// JSON Schema of its arguments; of a resource's it says only that there
    /// is a URI.
    pub(crate) input_schema: Box<str>,
    /// Of the whole definition; see [`pins`](crate::pins).
    pub(crate) digest: json::Digest,
    /// Among those of its connection, in the order of its server.
    position: usize,
    /// The definition as the upstream gave it, up to and after its name, so
    /// that another name can be put in and nothing else changes.
    before_name: String,
    after_name: String,
}

impl CatalogTool {
    /// Reads one definition of a list.
    fn read(
        connection: ConnectionId,
        connection_name: &ConnectionName,
        position: usize,
        listed: Listed,
        definition: &str,
    ) -> Result<Self, RefusedTool> {
        let refused = |name: &str, reason: String| RefusedTool { name: name.to_owned(), reason };
        let node = json::parse(definition.as_bytes())
            .map_err(|e| refused("?", format!("its definition cannot be read: {e}")))?;
        let key = listed.key();
        let name_node = node.get(key);
        let Some((name_node, name)) = name_node.and_then(|node| Some((node, node.as_str()?)))
        else {
            return Err(refused("?", format!("its definition has no {key}")));
        };
        if definition.len() > bounds::TOOL_DEFINITION_MAX {
            let reason =
                format!("its definition is longer than {} bytes", bounds::TOOL_DEFINITION_MAX);
            return Err(refused(name, reason));
        }
        let input_schema = match listed {
            Listed::Tool => {
                node.get("inputSchema").filter(|s| s.is_object()).map(|s| s.raw().into())
            }
            Listed::Prompt => Some(schema_of_prompt(&node)),
            Listed::Resource | Listed::Template => Some(SCHEMA_OF_RESOURCES.into()),
        };
        let Some(input_schema) = input_schema else {
            return Err(refused(name, "its definition has no inputSchema object".into()));
        };
        let tool = ToolName::of(listed.kind(), name)
            .map_err(|e| refused(name, format!("its name could be mistaken for another: {e}")))?;
        let digest = node
            .digest()
            .map_err(|e| refused(name, format!("its definition cannot be compared: {e}")))?;
        let (before, after) = split_around(definition, name_node.raw())
            .ok_or_else(|| refused(name, "its definition cannot be read".into()))?;
        let id = ToolId::new(connection_name.clone(), tool);
        Ok(Self {
            listed,
            connection,
            mcp_name: id.mcp_name(),
            id,
            description: node.get("description").and_then(|d| d.as_str()).unwrap_or("").to_owned(),
            suggested: node.get("annotations").and_then(suggested),
            input_schema,
            digest,
            position,
            before_name: before.to_owned(),
            after_name: after.to_owned(),
        })
    }

    /// What a grant of it has to name. Of a template alone nothing can be
    /// read: it has the beginning of all that comes of it, itself included.
    pub(crate) fn grantable(&self) -> String {
        let beginning = match self.id.as_str().split_once('{') {
            Some((beginning, _)) if self.listed == Listed::Template => beginning,
            _ => return self.id.to_string(),
        };
        let pattern = format!("{beginning}*");
        // `file:///.{name}` has what may not be granted: a segment of dots.
        match (pattern.parse::<ToolPattern>(), beginning.rsplit_once('/')) {
            (Err(_), Some((folder, _))) => format!("{folder}/*"),
            _ => pattern,
        }
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

const SCHEMA_OF_RESOURCES: &str =
    r#"{"type":"object","properties":{"uri":{"type":"string"}},"required":["uri"]}"#;

/// JSON Schema of a prompt's arguments, which are all strings (MCP 2025-11-25,
/// server/prompts).
fn schema_of_prompt(prompt: &json::Node<'_>) -> Box<str> {
    let mut properties = serde_json::Map::new();
    let mut required = Vec::new();
    let arguments = prompt.get("arguments").map(json::Node::value);
    let json::Value::Array(arguments) = arguments.unwrap_or(&json::Value::Null) else {
        return r#"{"type":"object"}"#.into();
    };
    for argument in arguments {
        let text = |name| argument.get(name).and_then(json::Node::as_str);
        let Some(name) = text("name") else { continue };
        let mut property = serde_json::json!({ "type": "string" });
        if let (Some(text), Some(property)) = (text("description"), property.as_object_mut()) {
            property.insert("description".into(), text.into());
        }
        properties.insert(name.to_owned(), property);
        if argument.get("required").map(json::Node::value) == Some(&json::Value::Bool(true)) {
            required.push(name);
        }
    }
    let schema =
        serde_json::json!({ "type": "object", "properties": properties, "required": required });
    schema.to_string().into()
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
    /// Of names that are too alike the one that was pinned first stays, so that
    /// a newcomer cannot take it away.
    pub(crate) fn read(
        connection: ConnectionId,
        name: &ConnectionName,
        definitions: &Definitions,
        pins: &Pins,
    ) -> Self {
        let mut listing = Self::default();
        let mut by_folded: BTreeMap<String, Vec<CatalogTool>> = BTreeMap::new();
        for (position, (listed, definition)) in definitions.0.iter().enumerate() {
            match CatalogTool::read(connection, name, position, *listed, definition) {
                Ok(tool) => by_folded.entry(tool.id.tool().folded()).or_default().push(tool),
                Err(refused) => listing.refused.push(refused),
            }
        }
        for mut alike in by_folded.into_values() {
            if alike.len() == 1 {
                listing.tools.extend(alike.pop().map(Arc::new));
                continue;
            }
            let names: Vec<String> = alike.iter().map(|t| t.id.tool().own().to_owned()).collect();
            let stays = pins.first(&alike).map(|at| Arc::new(alike.swap_remove(at)));
            let reason = match &stays {
                Some(known) => format!("its name is too like that of {}", known.id.tool().own()),
                None => format!("the names {} are too alike to tell apart", names.join(", ")),
            };
            let refused = alike.iter().map(|tool| RefusedTool {
                name: tool.id.tool().own().to_owned(),
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
    /// Ordered by connection, and as each server has them.
    pub(crate) in_order: Vec<Arc<CatalogTool>>,
    pub(crate) by_id: BTreeMap<ToolId, Arc<CatalogTool>>,
    /// `None`: two tools, or two prompts, would go by that name, or by one that
    /// looks like it.
    tools: HashMap<String, Option<Arc<CatalogTool>>>,
    prompts: HashMap<String, Option<Arc<CatalogTool>>>,
    /// Several connections may have a resource of one URI.
    by_uri: HashMap<String, Vec<Arc<CatalogTool>>>,
    pub(crate) refused: HashMap<ConnectionId, Vec<RefusedTool>>,
}

impl Catalog {
    pub(crate) fn build(
        listings: impl IntoIterator<Item = (ConnectionId, Listing)>,
        pins: &Pins,
    ) -> Self {
        let mut catalog = Self::default();
        let mut by_folded: HashMap<(ItemKind, String), Vec<Arc<CatalogTool>>> = HashMap::new();
        for (connection, listing) in listings {
            for tool in listing.tools {
                catalog.by_id.insert(tool.id.clone(), Arc::clone(&tool));
                let kind = tool.listed.kind();
                if kind == ItemKind::Resource {
                    catalog.by_uri.entry(tool.mcp_name.clone()).or_default().push(tool);
                    continue;
                }
                let folded = tool.mcp_name.to_ascii_lowercase().replace('-', "_");
                by_folded.entry((kind, folded)).or_default().push(tool);
            }
            catalog.refused.insert(connection, listing.refused);
        }
        catalog.in_order = catalog.by_id.values().cloned().collect();
        catalog
            .in_order
            .sort_by(|a, b| (a.id.connection(), a.position).cmp(&(b.id.connection(), b.position)));
        for ((kind, _), alike) in by_folded {
            let names =
                if kind == ItemKind::Prompt { &mut catalog.prompts } else { &mut catalog.tools };
            // A hashed name could be imitated by a plain one, and `a` with a
            // tool `_b` by `a-` with `b`; then the table would answer for the
            // wrong tool, so by such a name only the one is reachable that was
            // pinned first, if any.
            let reachable = if alike.len() == 1 { Some(0) } else { pins.first(&alike) };
            for tool in &alike {
                names.insert(tool.mcp_name.clone(), None);
            }
            if let Some(tool) = reachable.and_then(|at| alike.get(at)) {
                names.insert(tool.mcp_name.clone(), Some(Arc::clone(tool)));
            }
        }
        catalog
    }

    /// A tool or a prompt.
    pub(crate) fn by_mcp_name(&self, kind: ItemKind, name: &str) -> Option<&Arc<CatalogTool>> {
        match kind {
            ItemKind::Tool => self.tools.get(name)?.as_ref(),
            ItemKind::Prompt => self.prompts.get(name)?.as_ref(),
            ItemKind::Resource => None,
        }
    }

    /// Of a resource that is not listed itself: the templates of its
    /// connection that it may come from.
    pub(crate) fn templates_of(&self, id: &ToolId) -> impl Iterator<Item = &Arc<CatalogTool>> {
        let unlisted = id.tool().kind() == ItemKind::Resource && !self.by_id.contains_key(id);
        let templates = unlisted.then(|| self.templates(id.tool().own()));
        let connection = id.connection().clone();
        templates.into_iter().flatten().filter(move |item| *item.id.connection() == connection)
    }

    /// Whether the name that it has for MCP clients leads to it.
    pub(crate) fn has_mcp_name(&self, tool: &CatalogTool) -> bool {
        let kind = tool.listed.kind();
        let named = self.by_mcp_name(kind, &tool.mcp_name);
        kind == ItemKind::Resource || named.is_some_and(|named| named.id == tool.id)
    }

    /// The resources of that URI; if none is listed, the templates that it may
    /// come from.
    pub(crate) fn by_uri(&self, uri: &str) -> Vec<&Arc<CatalogTool>> {
        let listed = self.by_uri.get(uri).into_iter().flatten();
        let listed: Vec<_> = listed.filter(|item| item.listed == Listed::Resource).collect();
        if !listed.is_empty() {
            return listed;
        }
        self.templates(uri).collect()
    }

    /// The templates that a URI may come from.
    fn templates(&self, uri: &str) -> impl Iterator<Item = &Arc<CatalogTool>> {
        let items = self.by_uri.values().flatten();
        items.filter(move |item| {
            item.listed == Listed::Template && may_come_from(uri, &item.mcp_name)
        })
    }
}

/// Whether a URI begins and ends as a template does (RFC 6570), outside of its
/// variables.
fn may_come_from(uri: &str, template: &str) -> bool {
    let begins = template.split('{').next().unwrap_or_default();
    let ends = template.rsplit('}').next().unwrap_or_default();
    let rest = uri.strip_prefix(begins).and_then(|rest| rest.strip_suffix(ends));
    template.contains('{') && rest.is_some_and(|rest| !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(definitions: &[&str]) -> Listing {
        let definitions = definitions.iter().map(|d| (Listed::Tool, (*d).to_owned()));
        let definitions = Definitions(definitions.collect());
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
        assert!(catalog.by_mcp_name(ItemKind::Tool, &dotted.mcp_name()).is_none());
    }

    #[test]
    fn prompts_and_resources_are_listed_beside_tools() {
        let definitions = [
            (Listed::Prompt, r#"{"name":"review","arguments":[{"name":"code","required":true}]}"#),
            (Listed::Resource, r#"{"uri":"note:///a","name":"a","size":12345678901234567890}"#),
            (Listed::Template, r#"{"uriTemplate":"note:///by/{id}.txt","name":"by id"}"#),
            (Listed::Template, r#"{"uriTemplate":"dot:///a/.{name}","name":"hidden"}"#),
            (Listed::Resource, r#"{"uri":"note:///../a","name":"a"}"#),
            (Listed::Tool, r#"{"name":"review","inputSchema":{}}"#),
        ];
        let definitions = definitions.iter().map(|(l, d)| (*l, (*d).to_owned())).collect();
        let listing = Listing::read(
            ConnectionId::new(1),
            &"docs".parse().unwrap(),
            &Definitions(definitions),
            &Pins::default(),
        );
        assert_eq!(listing.refused.len(), 1, "{:?}", listing.refused);
        let catalog = Catalog::build([(ConnectionId::new(1), listing)], &Pins::default());
        let prompt = catalog.by_mcp_name(ItemKind::Prompt, "docs__review").unwrap();
        assert_eq!(prompt.id.as_str(), "docs.@prompt/review");
        assert!(prompt.input_schema.contains(r#""required":["code"]"#), "{}", prompt.input_schema);
        let by_uri = |uri| catalog.by_uri(uri).iter().map(|i| i.id.as_str()).collect::<Vec<_>>();
        assert_eq!(by_uri("note:///a"), ["docs.@resource/note:///a"]);
        assert_eq!(by_uri("note:///by/7.txt"), ["docs.@resource/note:///by/{id}.txt"]);
        assert!(by_uri("note:///by/.txt").is_empty() && by_uri("note:///b").is_empty());
        let templates_of = |id: &str| catalog.templates_of(&id.parse().unwrap()).count();
        assert_eq!(templates_of("docs.@resource/note:///by/7.txt"), 1);
        for other in ["docs.@resource/note:///a", "x.@resource/note:///by/7.txt", "docs.review"] {
            assert_eq!(templates_of(other), 0, "{other}");
        }
        let mut out = String::new();
        let grantable = |uri| catalog.by_uri(uri)[0].grantable();
        assert_eq!(grantable("note:///a"), "docs.@resource/note:///a");
        assert_eq!(grantable("note:///by/7.txt"), "docs.@resource/note:///by/*");
        assert_eq!(grantable("dot:///a/.x"), "docs.@resource/dot:///a/*");
        for item in catalog.by_id.values() {
            let pattern: ToolPattern = item.grantable().parse().unwrap();
            assert!(pattern.matches(&item.id, ToolEffect::Read), "{pattern}");
        }
        catalog.by_uri("note:///a")[0].write_definition("note:///a", &mut out);
        assert_eq!(out, r#"{"uri":"note:///a","name":"a","size":12345678901234567890}"#);
    }
}
