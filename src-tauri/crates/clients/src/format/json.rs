//! JSON with comments and trailing commas, by `jsonc-parser`'s concrete syntax
//! tree.

use jsonc_parser::ast;
use jsonc_parser::cst::{CstInputValue, CstNode, CstObject, CstRootNode};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::Value;

use super::{Bad, Change, Part, blanked, holds_secrets};

const OPTIONS: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

fn parse(text: &str) -> Result<CstRootNode, Bad> {
    CstRootNode::parse(text, &OPTIONS).map_err(|error| {
        let (line, column) = (error.line_display(), error.column_display());
        Bad(format!("it is not JSON: {} (line {line}, column {column})", error.kind()))
    })
}

pub(super) fn read(text: &str, section: &str) -> Result<Value, Bad> {
    let root = parse(text)?;
    if let Some(object) = root.object_value() {
        once(&object, "the file", |name| name == section)?;
        if let Some(entries) = object.object_value(section) {
            once(&entries, section, |_| true)?;
        }
    }
    match root.value() {
        None => Ok(Value::Null),
        Some(node) => {
            node.to_serde_value().ok_or_else(|| Bad("it holds what no JSON value is".to_owned()))
        }
    }
}

/// Readers do not agree which of two members of one name counts.
fn once(object: &CstObject, place: &str, matters: impl Fn(&str) -> bool) -> Result<(), Bad> {
    let mut seen = std::collections::BTreeSet::new();
    for property in object.properties() {
        let name = property.decoded_name().unwrap_or_default();
        if matters(&name) && !seen.insert(name.clone()) {
            return Err(Bad(format!("{place} has {name:?} twice")));
        }
    }
    Ok(())
}

pub(super) fn edit(text: &str, section: &str, change: &Change<'_>) -> Result<String, Bad> {
    let root = parse(text)?;
    let is_empty = root.value().is_none();
    let object = root.object_value_or_set();
    let had_section = object.get(section).is_some();
    let entries = object.object_value_or_set(section);
    for name in change.remove {
        if let Some(property) = entries.get(name) {
            property.remove();
        }
    }
    if let Some((name, parts)) = change.add {
        let members = parts.iter().map(|(key, part)| ((*key).to_owned(), input(part)));
        entries.append(name, CstInputValue::Object(members.collect()));
    }
    if let Some((other, names)) = change.restore {
        let other = parse(other.strip_prefix(super::BOM).unwrap_or(other))?;
        let source = other.object_value().and_then(|object| object.object_value(section));
        for property in source.map(|source| source.properties()).unwrap_or_default() {
            let name = property.decoded_name().unwrap_or_default();
            if names.contains(&name)
                && let Some(value) = property.value()
            {
                entries.append(&name, copy(&value));
            }
        }
    }
    let is_gone = entries.properties().is_empty() && (change.drop_section || !had_section);
    if let Some(property) = object.get(section).filter(|_| is_gone) {
        property.remove();
    }
    let edited = root.to_string();
    Ok(if is_empty && !edited.ends_with('\n') { format!("{edited}\n") } else { edited })
}

fn input(part: &Part) -> CstInputValue {
    match part {
        Part::Text(text) => text.as_str().into(),
        Part::List(list) => {
            CstInputValue::Array(list.iter().map(|text| text.as_str().into()).collect())
        }
        Part::Bool(value) => (*value).into(),
        Part::Number(value) => (*value).into(),
    }
}

fn copy(node: &CstNode) -> CstInputValue {
    if let Some(object) = node.as_object() {
        let members = object
            .properties()
            .into_iter()
            .filter_map(|property| Some((property.decoded_name()?, copy(&property.value()?))));
        return CstInputValue::Object(members.collect());
    }
    if let Some(array) = node.as_array() {
        return CstInputValue::Array(array.elements().iter().map(copy).collect());
    }
    if let Some(text) = node.as_string_lit() {
        return CstInputValue::String(text.decoded_value().unwrap_or_default());
    }
    if let Some(number) = node.as_number_lit() {
        return CstInputValue::Number(number.to_string());
    }
    match node.as_boolean_lit() {
        Some(value) => CstInputValue::Bool(value.value()),
        None => CstInputValue::Null,
    }
}

pub(super) fn masked(text: &str) -> Option<String> {
    let parsed = parse_to_ast(text, &CollectOptions::default(), &OPTIONS).ok()?;
    let mut ranges = Vec::new();
    if let Some(value) = &parsed.value {
        secrets(value, false, &mut ranges);
    }
    Some(blanked(text, ranges))
}

fn secrets(
    value: &ast::Value<'_>,
    inside: bool,
    ranges: &mut Vec<(std::ops::Range<usize>, &'static str)>,
) {
    match value {
        ast::Value::StringLit(text) if inside && !text.value.is_empty() => {
            ranges.push((text.range.start..text.range.end, "\"…\""));
        }
        ast::Value::NumberLit(number) if inside => {
            ranges.push((number.range.start..number.range.end, "…"));
        }
        ast::Value::Array(array) => {
            array.elements.iter().for_each(|element| secrets(element, inside, ranges));
        }
        ast::Value::Object(object) => {
            for property in &object.properties {
                let inside = inside || holds_secrets(property.name.as_str());
                secrets(&property.value, inside, ranges);
            }
        }
        _ => {}
    }
}
