//! Reading and changing the three kinds of files, so that nothing but the
//! entries asked for changes: comments, foreign members, their order,
//! indentation, line ends, a byte order mark and the last line stay.
//!
//! That is not left to the editors of the formats: [`edit`] reads the result
//! again and refuses it unless it says what was there before, plus and minus
//! just the entries.

mod json;
mod toml;
mod yaml;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::client::{Client, Format};

/// A shorter value is in other words, too.
const TELLING: usize = 6;
const BOM: char = '\u{feff}';

/// A part of an entry that is put into a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    Text(String),
    List(Vec<String>),
    Bool(bool),
    Number(u64),
}

impl Part {
    fn value(&self) -> Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::List(list) => list.as_slice().into(),
            Self::Bool(value) => (*value).into(),
            Self::Number(value) => (*value).into(),
        }
    }
}

/// An entry, its parts in the order in which they are written.
pub(crate) type Parts = Vec<(&'static str, Part)>;

#[derive(Default)]
pub(crate) struct Change<'a> {
    pub(crate) remove: &'a [String],
    pub(crate) add: Option<(&'a str, &'a Parts)>,
    /// Entries that are taken over from another state of the file.
    pub(crate) restore: Option<(&'a str, &'a [String])>,
    /// Remove the section, too, if nothing is left in it.
    pub(crate) drop_section: bool,
}

/// What is wrong with a file, without anything that stands in it but names.
#[derive(Debug, PartialEq)]
pub(crate) struct Bad(pub(crate) String);

/// The servers of a client's file, in no particular order.
pub(crate) fn servers(client: Client, text: &str) -> Result<Vec<(String, Value)>, Bad> {
    let root = whole(client, text)?;
    match root.get(client.section()) {
        None => Ok(Vec::new()),
        Some(section) => {
            let entries = section.as_object().into_iter().flatten();
            Ok(entries.map(|(name, entry)| (name.clone(), entry.clone())).collect())
        }
    }
}

pub(crate) fn has_section(client: Client, text: &str) -> Result<bool, Bad> {
    Ok(whole(client, text)?.contains_key(client.section()))
}

/// All that a file says. What is absent or empty says nothing; a section is a
/// table or nothing.
fn whole(client: Client, text: &str) -> Result<Map<String, Value>, Bad> {
    let text = text.strip_prefix(BOM).unwrap_or(text);
    let read = match client.format() {
        Format::Json => json::read(text, client.section()),
        Format::Toml => toml::read(text),
        Format::Yaml => yaml::read(text),
    }?;
    let mut root = match read {
        Value::Null => Map::new(),
        Value::Object(root) => root,
        _ => return Err(Bad("it does not hold a table of settings".to_owned())),
    };
    match root.get(client.section()) {
        Some(Value::Null) if client.format() == Format::Yaml => {
            root.insert(client.section().to_owned(), Value::Object(Map::new()));
        }
        Some(section) if !section.is_object() => {
            return Err(Bad(format!("its {} is not a table", client.section())));
        }
        _ => {}
    }
    Ok(root)
}

/// Changes entries, and nothing else.
pub(crate) fn edit(client: Client, text: &str, change: &Change<'_>) -> Result<String, Bad> {
    let section = client.section();
    let before = whole(client, text)?;
    let (bom, body) = match text.strip_prefix(BOM) {
        Some(body) => (true, body),
        None => (false, text),
    };
    let edited = match client.format() {
        Format::Json => json::edit(body, section, change),
        Format::Toml => toml::edit(body, section, change),
        Format::Yaml => yaml::edit(body, section, change),
    }?;
    let edited = if bom { format!("{BOM}{edited}") } else { edited };
    if is_as_asked(client, &edited, before, change)? {
        return Ok(edited);
    }
    Err(Bad(format!("its {section} are written in a way that cannot be changed safely")))
}

/// Whether the text says what was there, plus and minus the entries. A section
/// without entries is as good as none.
fn is_as_asked(
    client: Client,
    edited: &str,
    mut root: Map<String, Value>,
    change: &Change<'_>,
) -> Result<bool, Bad> {
    let section = client.section();
    let entries = root.entry(section).or_insert_with(|| Value::Object(Map::new()));
    let Some(entries) = entries.as_object_mut() else { return Ok(false) };
    for name in change.remove {
        entries.remove(name);
    }
    if let Some((name, parts)) = change.add {
        let entry = parts.iter().map(|(key, part)| ((*key).to_owned(), part.value())).collect();
        entries.insert(name.to_owned(), Value::Object(entry));
    }
    if let Some((other, names)) = change.restore {
        for (name, entry) in servers(client, other)? {
            if names.contains(&name) {
                entries.insert(name, entry);
            }
        }
    }
    if entries.is_empty() {
        root.remove(section);
    }
    let mut now = whole(client, edited)?;
    if now.get(section).is_some_and(|entries| entries.as_object().is_some_and(Map::is_empty)) {
        now.remove(section);
    }
    Ok(now == root)
}

/// The text with every value that may be a secret as `…`, line for line: for
/// people's eyes, and for a web view that must not have them.
pub(crate) fn masked(client: Client, text: &str) -> String {
    let body = text.strip_prefix(BOM).unwrap_or(text);
    let shown = match client.format() {
        Format::Json => json::masked(body),
        Format::Toml => toml::masked(body),
        Format::Yaml => Some(yaml::masked(body)),
    };
    // What cannot be read cannot be masked.
    shown.unwrap_or_else(|| "…\n".to_owned())
}

/// A part of the masked text without what is a secret of the whole one in any
/// case: there are more ways to write a value than [`masked`] knows, and an old
/// one may stand in a comment.
pub(crate) fn without_secrets(client: Client, text: &str, mut part: String) -> String {
    let mut values = BTreeSet::new();
    let Ok(root) = whole(client, text) else { return part };
    secret_values(&Value::Object(root), false, &mut values);
    // A longer one before its beginning.
    for value in values.iter().rev() {
        part = part.replace(value.as_str(), "…");
    }
    part
}

/// The values of members that hold secrets, where they can be told from other
/// text and stand on one line.
fn secret_values(value: &Value, inside: bool, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                secret_values(value, inside || holds_secrets(name), found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| secret_values(item, inside, found)),
        Value::String(text) if inside && text.len() >= TELLING && !text.contains('\n') => {
            found.insert(text.clone());
        }
        Value::Number(number) if inside && number.to_string().len() >= TELLING => {
            found.insert(number.to_string());
        }
        _ => {}
    }
}

/// Members all of whose values are secrets.
fn holds_secrets(key: &str) -> bool {
    matches!(key, "env" | "envs" | "headers" | "http_headers") || sounds_secret(key)
}

/// Whether the name of a value says that it is a secret.
pub(crate) fn sounds_secret(name: &str) -> bool {
    const WORDS: [&str; 15] = [
        "token",
        "secret",
        // Passwords, passphrases, passcodes.
        "pass",
        "pwd",
        "bearer",
        "apikey",
        "api_key",
        "api-key",
        "authorization",
        "credential",
        "private",
        "cookie",
        "access_key",
        "accesskey",
        "auth_key",
    ];
    /// As a word of their own, at the end: others have these letters, too.
    const LAST: [&str; 5] = ["key", "pat", "pin", "auth", "seed"];
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
        || name.rsplit(['_', '-']).next().is_some_and(|last| LAST.contains(&last))
}

/// The text with these ranges as `…`, which must not overlap.
fn blanked(text: &str, mut ranges: Vec<(std::ops::Range<usize>, &'static str)>) -> String {
    ranges.sort_by_key(|(range, _)| range.start);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (range, mask) in ranges {
        if range.start < at {
            continue;
        }
        out.push_str(text.get(at..range.start).unwrap_or_default());
        // A masked text keeps its lines, so that a diff has the same ones.
        out.push_str(mask);
        out.push_str(
            &"\n".repeat(text.get(range.clone()).unwrap_or_default().matches('\n').count()),
        );
        at = range.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// The line end that the text uses first.
fn line_end(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text.get(..at).is_some_and(|before| before.ends_with('\r')) => "\r\n",
        _ => "\n",
    }
}

#[cfg(test)]
mod tests;
