//! Tool patterns and ids: read as the grammar has it, written back the same,
//! and matching what their text says.

use agw_core::{ToolEffect, ToolId, ToolPattern};
use bolero::check;

use super::{edited, text};

const SEEDS: [&str; 10] = [
    "*",
    "*:read",
    "read",
    "gmail.*",
    "gmail.*:destructive",
    "gmail.send",
    "fs.v1.read/all",
    "crm-2.get_Contact",
    "gmail.send:read",
    "tools.x",
];

const SCRAPS: [&str; 20] = [
    "*",
    ".",
    ":",
    "-",
    "_",
    "/",
    "read",
    "write",
    "destructive",
    "Read",
    "gmail",
    "fs",
    "a",
    "2",
    "A",
    " ",
    "é",
    "ѕ",
    "\u{200b}",
    "\n",
];

const EFFECTS: [ToolEffect; 3] = [ToolEffect::Read, ToolEffect::Write, ToolEffect::Destructive];

fn is_connection(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= 32
        && name != "tools"
        && bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_id(text: &str) -> bool {
    let Some((connection, tool)) = text.split_once('.') else { return false };
    is_connection(connection)
        && (1..=128).contains(&tool.len())
        && tool.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./".contains(&b))
}

/// `*`, `connection.*`, each with an effect or without; an effect; an id.
fn is_pattern(text: &str) -> bool {
    let effects = ["read", "write", "destructive"];
    let bare = effects.iter().find_map(|effect| text.strip_suffix(effect)?.strip_suffix(':'));
    let tools = bare.unwrap_or(text);
    let many = tools == "*" || tools.strip_suffix(".*").is_some_and(is_connection);
    effects.contains(&text) || many || (bare.is_none() && is_id(text))
}

/// What the text of a pattern says of a tool.
fn says(pattern: &str, tool: &str, effect: &str) -> bool {
    if pattern == effect || pattern == tool {
        return true;
    }
    let (tools, wanted) = pattern.split_once(':').unwrap_or((pattern, effect));
    tools.strip_suffix('*').is_some_and(|beginning| tool.starts_with(beginning)) && wanted == effect
}

#[test]
fn patterns_are_what_the_grammar_says_and_match_what_they_say() {
    let inputs = (edited(), edited());
    check!().with_generator(inputs).with_iterations(20_000).for_each(|(pattern, tool)| {
        let text = text(pattern, &SEEDS, &SCRAPS);
        let parsed = text.parse::<ToolPattern>();
        assert_eq!(parsed.is_ok(), is_pattern(&text), "{text:?}");
        let Ok(parsed) = parsed else { return };
        let written = parsed.to_string();
        assert_eq!(written.parse().as_ref(), Ok(&parsed), "{text:?}");
        let short = EFFECTS.iter().any(|effect| effect.as_str() == text);
        assert!(short || written == text, "{text:?} is written {written:?}");

        let edited_tool = self::text(tool, &SEEDS, &SCRAPS);
        for tool in ["gmail.send", "gmail.read", "gmail-2.send", "fs.v1.read/all", &edited_tool] {
            let Ok(id) = tool.parse::<ToolId>() else { continue };
            for effect in EFFECTS {
                let matches = parsed.matches(&id, effect);
                assert_eq!(matches, says(&text, tool, effect.as_str()), "{text:?} and {tool:?}");
                assert!(!matches || parsed.effect().is_none_or(|wanted| wanted == effect));
            }
        }
    });
}

#[test]
fn ids_are_read_and_written_back_and_named_as_models_accept() {
    check!().with_generator(edited()).with_iterations(20_000).for_each(|tool| {
        let text = text(tool, &SEEDS, &SCRAPS);
        let parsed = text.parse::<ToolId>();
        assert_eq!(parsed.is_ok(), is_id(&text), "{text:?}");
        let Ok(id) = parsed else { return };
        assert_eq!(id.to_string(), text);
        assert_eq!(format!("{}.{}", id.connection(), id.tool()), text);
        assert_eq!(text.parse::<ToolPattern>(), Ok(ToolPattern::Tool(id.clone())));
        let name = id.mcp_name();
        assert!((1..=64).contains(&name.len()), "{name}");
        assert!(
            name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'),
            "{name}"
        );
        assert!(name.starts_with(&format!("{}__", id.connection())), "{name}");
    });
}
