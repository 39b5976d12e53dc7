//! YAML, changed line by line: only what a person would write is understood,
//! a top-level section in block style with an entry below each name.

use std::ops::Range;

use serde_json::Value;

use super::{Bad, Change, Part, Parts, holds_secrets, line_end};

pub(super) fn read(text: &str) -> Result<Value, Bad> {
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Value::Null);
    }
    serde_saphyr::from_str(text).map_err(|error| {
        let place =
            error.location().map(|at| format!(" (line {}, column {})", at.line(), at.column()));
        // The error's own text quotes the file, which may hold a secret.
        Bad(format!("it is not YAML that can be read{}", place.unwrap_or_default()))
    })
}

/// Where a section is, in lines.
struct Section {
    head: usize,
    /// Names and lines of its entries.
    entries: Vec<(String, Range<usize>)>,
    indent: usize,
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// Blank, or a comment.
fn says_nothing(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// The name of `name: …`, and what follows.
fn key(line: &str) -> Option<(String, &str)> {
    let line = line.trim_start();
    let (name, rest) = match line.chars().next()? {
        quote @ ('"' | '\'') => {
            let (name, rest) = line.get(1..)?.split_once(quote)?;
            (name, rest.trim_start().strip_prefix(':')?)
        }
        _ => line.split_once(':')?,
    };
    let plain = rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']);
    plain.then(|| (name.trim_end().to_owned(), rest))
}

/// `None` where there is no such section.
fn find(lines: &[&str], section: &str) -> Result<Option<Section>, Bad> {
    let strange = || Bad(format!("its {section} are not written as an indented block"));
    let is_head = |line: &&str| {
        indent(line) == 0
            && !says_nothing(line)
            && key(line).is_some_and(|(name, _)| name == section)
    };
    let Some(head) = lines.iter().position(is_head) else { return Ok(None) };
    let rest = lines.get(head).and_then(|line| key(line)).map(|(_, rest)| rest).unwrap_or_default();
    let rest = rest.split(" #").next().unwrap_or_default().trim();
    if !matches!(rest, "" | "{}" | "null" | "~") {
        return Err(strange());
    }
    let ends = |line: &&str| indent(line) == 0 && !says_nothing(line);
    let after = lines.get(head + 1..).unwrap_or_default();
    let end = after.iter().position(ends).map_or(lines.len(), |at| head + 1 + at);
    let mut found = Section { head, entries: Vec::new(), indent: 2 };
    for (number, line) in lines.iter().enumerate().take(end).skip(head + 1) {
        if says_nothing(line) {
            continue;
        }
        let depth = indent(line);
        if found.entries.is_empty() {
            found.indent = depth;
        }
        match found.entries.last_mut() {
            Some((_, range)) if depth > found.indent => range.end = number + 1,
            _ if depth == found.indent => {
                let (name, _) = key(line).ok_or_else(strange)?;
                found.entries.push((name, number..number + 1));
            }
            _ => return Err(strange()),
        }
    }
    Ok(Some(found))
}

pub(super) fn edit(text: &str, section: &str, change: &Change<'_>) -> Result<String, Bad> {
    let mut text = text.to_owned();
    let had_section = find(&lines(&text), section)?.is_some();
    for name in change.remove {
        text = without(&text, section, name)?;
    }
    if let Some((other, names)) = change.restore {
        let other = other.strip_prefix(super::BOM).unwrap_or(other);
        for name in names {
            let block = block_of(other, section, name)?;
            text = with(&text, section, &block)?;
        }
    }
    if let Some((name, parts)) = change.add {
        text = with(&text, section, &written(name, parts))?;
    }
    let is_empty = find(&lines(&text), section)?.is_some_and(|found| found.entries.is_empty());
    if !is_empty {
        return Ok(text);
    }
    Ok(emptied(&text, section, change.drop_section || !had_section))
}

fn without(text: &str, section: &str, name: &str) -> Result<String, Bad> {
    let lines = lines(text);
    let found = find(&lines, section)?;
    let entry = found.and_then(|found| found.entries.into_iter().find(|(known, _)| known == name));
    let Some((_, range)) = entry else { return Ok(text.to_owned()) };
    Ok(lines
        .iter()
        .enumerate()
        .filter(|(at, _)| !range.contains(at))
        .map(|(_, line)| *line)
        .collect())
}

/// An entry's lines as they are in a text, without the section's indentation.
fn block_of(text: &str, section: &str, name: &str) -> Result<Vec<String>, Bad> {
    let lines = lines(text);
    let gone = || Bad(format!("there is no {name} to put back"));
    let found = find(&lines, section)?.ok_or_else(gone)?;
    let (_, range) = found.entries.iter().find(|(known, _)| known == name).ok_or_else(gone)?;
    let block = lines.get(range.clone()).unwrap_or_default().iter();
    Ok(block
        .map(|line| {
            line.get(found.indent..).unwrap_or_default().trim_end_matches(['\r', '\n']).to_owned()
        })
        .collect())
}

fn written(name: &str, parts: &Parts) -> Vec<String> {
    // Strings in JSON's form mean the same in YAML.
    let quoted = |text: &String| Value::from(text.as_str()).to_string();
    let mut block = vec![format!("{name}:")];
    for (key, part) in parts {
        match part {
            Part::List(list) => {
                block.push(format!("  {key}:"));
                block.extend(list.iter().map(|text| format!("    - {}", quoted(text))));
            }
            Part::Text(text) => block.push(format!("  {key}: {}", quoted(text))),
            Part::Bool(value) => block.push(format!("  {key}: {value}")),
            Part::Number(value) => block.push(format!("  {key}: {value}")),
        }
    }
    block
}

/// Adds a block behind the last entry of the section, or a section at the end.
fn with(text: &str, section: &str, block: &[String]) -> Result<String, Bad> {
    let end = line_end(text);
    let lines = lines(text);
    let found = find(&lines, section)?;
    let depth = found.as_ref().map_or(2, |found| found.indent);
    let indented = |line: &String| match line.is_empty() {
        true => end.to_owned(),
        false => format!("{}{line}{end}", " ".repeat(depth)),
    };
    let block: String = block.iter().map(indented).collect();
    let Some(found) = found else {
        let gap = if text.is_empty() || text.ends_with('\n') { "" } else { end };
        return Ok(format!("{text}{gap}{section}:{end}{block}"));
    };
    let after = found.entries.last().map_or(found.head + 1, |(_, range)| range.end);
    let mut out = String::with_capacity(text.len() + block.len());
    for (number, line) in lines.iter().enumerate().take(after) {
        if number == found.head && found.entries.is_empty() {
            out.push_str(&opened(line));
        } else {
            out.push_str(line);
        }
    }
    if !out.ends_with('\n') {
        out.push_str(end);
    }
    out.push_str(&block);
    lines.iter().skip(after).for_each(|line| out.push_str(line));
    Ok(out)
}

/// `extensions: {}` → `extensions:`; what follows stays.
fn opened(head: &str) -> String {
    let Some((before, rest)) = head.split_once(':') else { return head.to_owned() };
    let trimmed = rest.trim_start_matches([' ', '\t']);
    for nothing in ["{}", "null", "~"] {
        if let Some(after) = trimmed.strip_prefix(nothing) {
            return format!("{before}:{after}");
        }
    }
    head.to_owned()
}

fn emptied(text: &str, section: &str, drop: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for line in lines(text) {
        let is_head = indent(line) == 0
            && !says_nothing(line)
            && key(line).is_some_and(|(name, _)| name == section);
        if !is_head {
            out.push_str(line);
        } else if !drop {
            let opened = opened(line);
            // A section without a value would not be a table.
            match opened.split_once(':') {
                Some((name, rest)) => out.push_str(&format!("{name}: {{}}{rest}")),
                None => out.push_str(line),
            }
        }
    }
    out
}

/// Line by line, too: what is below a member of secrets, or behind a name that
/// sounds like one.
pub(super) fn masked(text: &str) -> String {
    let mut below: Option<usize> = None;
    let mut out = String::with_capacity(text.len());
    for line in lines(text) {
        let depth = indent(line);
        let end = if line.ends_with("\r\n") {
            "\r\n"
        } else if line.ends_with('\n') {
            "\n"
        } else {
            ""
        };
        if below.is_some_and(|outer| depth <= outer && !line.trim().is_empty()) {
            below = None;
        }
        let named = key(line.trim_start().trim_start_matches("- "));
        let secret = named.as_ref().is_some_and(|(name, _)| holds_secrets(name));
        let shown = if below.is_none() && !secret || line.trim().is_empty() {
            line.to_owned()
        } else {
            match (&named, line.split_once(':')) {
                (Some((_, rest)), Some((name, _))) if rest.trim().is_empty() => {
                    format!("{name}:{end}")
                }
                (Some(_), Some((name, _))) => format!("{name}: …{end}"),
                _ => format!("{}…{end}", " ".repeat(depth)),
            }
        };
        out.push_str(&shown);
        if secret && below.is_none() {
            below = Some(depth);
        }
    }
    out
}
