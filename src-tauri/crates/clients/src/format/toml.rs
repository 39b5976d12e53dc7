//! TOML, by `toml_edit`.

use serde_json::{Map, Value};
use toml_edit::{Array, Document, DocumentMut, Item, Table, TableLike};

use super::{Bad, Change, Part, Parts, blanked, holds_secrets, line_end};

fn bad(error: &toml_edit::TomlError) -> Bad {
    // Its text shows the line, which may hold a secret.
    let message = error.message().lines().next().unwrap_or_default().to_owned();
    Bad(format!("it is not TOML: {message}"))
}

pub(super) fn read(text: &str) -> Result<Value, Bad> {
    let document = text.parse::<DocumentMut>().map_err(|error| bad(&error))?;
    Ok(Value::Object(table(document.as_table())))
}

fn table(table: &dyn TableLike) -> Map<String, Value> {
    table.iter().map(|(name, item)| (name.to_owned(), item_value(item))).collect()
}

fn item_value(item: &Item) -> Value {
    match item {
        Item::None => Value::Null,
        Item::Value(value) => value_of(value),
        Item::Table(inner) => Value::Object(table(inner)),
        Item::ArrayOfTables(tables) => {
            tables.iter().map(|inner| Value::Object(table(inner))).collect()
        }
    }
}

fn value_of(value: &toml_edit::Value) -> Value {
    use toml_edit::Value as Toml;
    match value {
        Toml::String(text) => text.value().as_str().into(),
        Toml::Integer(number) => (*number.value()).into(),
        Toml::Float(number) => number.value().to_string().into(),
        Toml::Boolean(value) => (*value.value()).into(),
        Toml::Datetime(time) => time.value().to_string().into(),
        Toml::Array(array) => array.iter().map(value_of).collect(),
        Toml::InlineTable(inner) => Value::Object(table(inner)),
    }
}

pub(super) fn edit(text: &str, section: &str, change: &Change<'_>) -> Result<String, Bad> {
    let only_adds = change.remove.is_empty() && change.restore.is_none();
    if only_adds && let Some((name, parts)) = change.add {
        // What is written behind the end touches nothing of what is there.
        let added = appended(text, section, name, parts);
        if added.parse::<DocumentMut>().is_ok() {
            return Ok(added);
        }
    }
    let only_removes = change.add.is_none() && change.restore.is_none();
    if only_removes && let Some(left) = without(text, section, change)? {
        return Ok(left);
    }
    let end = line_end(text);
    let bare = text.matches('\n').count() - text.matches("\r\n").count();
    if end == "\r\n" && bare > 0 || end == "\n" && text.contains("\r\n") {
        return Err(Bad("it mixes the line ends of Windows and Unix".to_owned()));
    }
    let mut document =
        text.replace("\r\n", "\n").parse::<DocumentMut>().map_err(|error| bad(&error))?;
    change_tables(&mut document, section, change)?;
    let edited = document.to_string();
    Ok(if end == "\r\n" { edited.replace('\n', "\r\n") } else { edited })
}

/// The text without the lines of these entries: comments around them stay.
/// `None` where an entry shares a line with something else.
fn without(text: &str, section: &str, change: &Change<'_>) -> Result<Option<String>, Bad> {
    let document = Document::parse(text).map_err(|error| bad(&error))?;
    let entries = document.get(section).and_then(Item::as_table_like);
    let mut ranges = Vec::new();
    for name in change.remove {
        if let Some((key, item)) = entries.and_then(|entries| entries.get_key_value(name)) {
            places(key, item, &mut ranges);
        }
    }
    let mut left = String::with_capacity(text.len());
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let range = at..at + line.len();
        at = range.end;
        if !ranges.iter().any(|gone| gone.start < range.end && gone.end > range.start) {
            left.push_str(line);
        }
    }
    let mut rest = read(text)?;
    if let Some(entries) = rest.get_mut(section).and_then(Value::as_object_mut) {
        entries.retain(|name, _| !change.remove.contains(name));
    }
    let is_empty = |value: &Value| value.as_object().is_some_and(Map::is_empty);
    let without_empty = |mut value: Value| {
        if value.get(section).is_some_and(is_empty)
            && let Some(root) = value.as_object_mut()
        {
            root.remove(section);
        }
        value
    };
    let left_says = read(&left).ok().map(without_empty);
    Ok((left_says == Some(without_empty(rest))).then_some(left))
}

fn places(key: &toml_edit::Key, item: &Item, ranges: &mut Vec<std::ops::Range<usize>>) {
    match item {
        Item::Table(table) => {
            ranges.extend(table.span());
            for (name, _) in table {
                if let Some((key, item)) = table.get_key_value(name) {
                    places(key, item, ranges);
                }
            }
        }
        Item::Value(value) => {
            if let Some((key, value)) = key.span().zip(value.span()) {
                ranges.push(key.start.min(value.start)..value.end);
            }
        }
        _ => {}
    }
}

fn appended(text: &str, section: &str, name: &str, parts: &Parts) -> String {
    let mut block = DocumentMut::new();
    let mut outer = Table::new();
    outer.set_implicit(true);
    outer.insert(name, Item::Table(made(parts)));
    block.insert(section, Item::Table(outer));
    let end = line_end(text);
    let gap = match text {
        "" => String::new(),
        text if text.ends_with('\n') => end.to_owned(),
        _ => format!("{end}{end}"),
    };
    format!("{text}{gap}{}", block.to_string().trim_start().replace('\n', end))
}

fn made(parts: &Parts) -> Table {
    let mut table = Table::new();
    for (key, part) in parts {
        let value: toml_edit::Value = match part {
            Part::Text(text) => text.into(),
            Part::List(list) => list.iter().collect::<Array>().into(),
            Part::Bool(value) => (*value).into(),
            Part::Number(number) => i64::try_from(*number).unwrap_or(i64::MAX).into(),
        };
        table.insert(key, Item::Value(value));
    }
    table
}

fn change_tables(
    document: &mut DocumentMut,
    section: &str,
    change: &Change<'_>,
) -> Result<(), Bad> {
    let root = document.as_table_mut();
    let had_section = root.contains_key(section);
    if !had_section {
        let mut outer = Table::new();
        outer.set_implicit(true);
        root.insert(section, Item::Table(outer));
    }
    let not_a_table = || Bad(format!("its {section} is not a table"));
    let entries =
        root.get_mut(section).and_then(Item::as_table_like_mut).ok_or_else(not_a_table)?;
    for name in change.remove {
        entries.remove(name);
    }
    if let Some((name, parts)) = change.add {
        entries.insert(name, Item::Table(made(parts)));
    }
    if let Some((other, names)) = change.restore {
        let other = other.strip_prefix(super::BOM).unwrap_or(other).replace("\r\n", "\n");
        let other = other.parse::<DocumentMut>().map_err(|error| bad(&error))?;
        let source = other.get(section).and_then(Item::as_table_like);
        for name in names {
            if let Some(item) = source.and_then(|source| source.get(name)) {
                let mut item = item.clone();
                // Where it stood in the other file says nothing about this one.
                if let Some(table) = item.as_table_mut() {
                    table.set_position(None);
                }
                entries.insert(name, item);
            }
        }
    }
    if entries.is_empty() && (change.drop_section || !had_section) {
        root.remove(section);
    }
    Ok(())
}

pub(super) fn masked(text: &str) -> Option<String> {
    let document = Document::parse(text).ok()?;
    let mut ranges = Vec::new();
    secrets(document.as_table(), false, &mut ranges);
    Some(blanked(text, ranges))
}

fn secrets(
    table: &dyn TableLike,
    inside: bool,
    ranges: &mut Vec<(std::ops::Range<usize>, &'static str)>,
) {
    for (name, item) in table.iter() {
        let inside = inside || holds_secrets(name);
        match item {
            Item::Value(toml_edit::Value::InlineTable(inner)) => secrets(inner, inside, ranges),
            Item::Value(value) if inside => {
                ranges.extend(value.span().map(|span| (span, "\"…\"")));
            }
            Item::Table(inner) => secrets(inner, inside, ranges),
            Item::ArrayOfTables(tables) => {
                tables.iter().for_each(|inner| secrets(inner, inside, ranges));
            }
            _ => {}
        }
    }
}
