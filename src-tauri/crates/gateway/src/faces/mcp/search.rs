//! The search mode (`?tools=search`): instead of hundreds of definitions an
//! agent carries two tools, one that finds tools and one that calls them. What
//! is called is the tool that was found, for the decision and for the trail.

use agw_core::json::{self, Node, Value};
use axum::response::Response;

use super::{Exchange, answer, envelope::Request, era::Era};
use crate::{
    bounds,
    catalog::{CatalogTool, Listed},
    pipeline::Operation,
};

const FIND: &str = "find_tools";
pub(super) const CALL: &str = "call_tool";
/// Their definitions, as members of an array.
pub(super) const DEFINITIONS: &str = r#"{"name":"find_tools","title":"Find tools","description":"Finds tools by words: what you want to do, or with what. Returns their names, descriptions and schemas. Call what you found with call_tool.","inputSchema":{"type":"object","properties":{"query":{"type":"string","description":"A few words, for example: send mail"},"limit":{"type":"integer","minimum":1,"maximum":50,"default":10}},"required":["query"]},"annotations":{"readOnlyHint":true,"openWorldHint":false}},{"name":"call_tool","title":"Call a tool","description":"Calls a tool that find_tools found.","inputSchema":{"type":"object","properties":{"name":{"type":"string","description":"The tool's name, as found"},"arguments":{"type":"object","description":"As the tool's inputSchema says"}},"required":["name"]}}"#;
const LIMIT: usize = 10;
const LIMIT_MAX: usize = 50;

impl Exchange {
    /// `find_tools`: the caller's tools that match most of the words, best
    /// first. Nothing is forwarded.
    pub(super) fn find_tools(&self, request: &Request<'_>, era: Era) -> Response {
        let arguments = request.param("arguments");
        let argument = |name| arguments.and_then(|arguments| arguments.get(name));
        let query = argument("query").and_then(Node::as_str).unwrap_or_default().to_lowercase();
        let words = query.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        let words: Vec<&str> = words.take(bounds::SEARCH_WORDS).collect();
        let limit = match argument("limit").map(Node::value) {
            Some(Value::Number(text)) => text.parse().unwrap_or(LIMIT),
            _ => LIMIT,
        };
        let snapshot = self.gateway.live.snapshot.load();
        let catalog = self.gateway.live.catalog.load();
        let tools = self.visible(&snapshot, &catalog).filter(|tool| tool.listed == Listed::Tool);
        let mut found: Vec<(usize, &CatalogTool)> = tools
            .map(|tool| (score(tool, &words), tool))
            .filter(|(score, _)| *score > 0 || words.is_empty())
            .collect();
        // Stable: equals stay in the order of their ids.
        found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        let matches = found.len();
        found.truncate(limit.clamp(1, LIMIT_MAX));
        let mut structured = format!(r#"{{"matches":{matches},"tools":["#);
        for (at, (_, tool)) in found.iter().enumerate() {
            if at > 0 {
                structured.push(',');
            }
            tool.write_definition(self.name_of(tool), &mut structured);
        }
        structured.push_str("]}");
        let mut result = String::from(r#"{"content":[{"type":"text","text":"#);
        json::write_string(&structured, &mut result);
        result.push_str(r#"}],"structuredContent":"#);
        result.push_str(&structured);
        result.push('}');
        answer::result(
            request.id,
            &answer::in_era(&result.into(), era, Era::Session, Operation::CallTool),
        )
    }
}

/// How many of the words a tool is about; a word in its name counts more.
fn score(tool: &CatalogTool, words: &[&str]) -> usize {
    let (name, description) = (tool.id.as_str().to_lowercase(), tool.description.to_lowercase());
    let points = |word: &&str| {
        4 * usize::from(name.contains(*word)) + usize::from(description.contains(*word))
    };
    words.iter().map(points).sum()
}

pub(super) fn is_find(request: &Request<'_>) -> bool {
    request.param("name").and_then(Node::as_str) == Some(FIND)
}

/// What `call_tool` was asked to call: a name and its arguments.
pub(super) fn unwrap<'a>(request: &Request<'a>) -> Option<(&'a str, Option<&'a Node<'a>>)> {
    let arguments = request.param("arguments")?;
    Some((arguments.get("name")?.as_str()?, arguments.get("arguments")))
}

/// For a body without a name.
pub(super) const NO_NAME: &str =
    "\"arguments.name\" must be the name of a tool that find_tools found";
