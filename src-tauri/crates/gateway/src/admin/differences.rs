//! What differs between two sets of arguments, for a person to see at a glance.

use std::collections::BTreeMap;

use agw_api::Difference;
use agw_core::json::{self, Node, Value};

/// Most differences that are shown, and the longest text of a value, in
/// characters.
const SHOWN_MAX: usize = 100;
const VALUE_MAX: usize = 400;

/// Both are JSON objects.
pub(super) fn between(before: &[u8], after: &[u8]) -> Vec<Difference> {
    let mut found = Vec::new();
    if let (Ok(before), Ok(after)) = (json::parse(before), json::parse(after)) {
        compare(String::new(), Some(&before), Some(&after), &mut found);
    }
    found
}

fn compare(
    path: String,
    before: Option<&Node<'_>>,
    after: Option<&Node<'_>>,
    found: &mut Vec<Difference>,
) {
    if found.len() >= SHOWN_MAX {
        return;
    }
    match (before.map(Node::value), after.map(Node::value)) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let mut members: BTreeMap<&str, (Option<&Node<'_>>, Option<&Node<'_>>)> =
                BTreeMap::new();
            for (key, node) in old {
                members.entry(key).or_default().0 = Some(node);
            }
            for (key, node) in new {
                members.entry(key).or_default().1 = Some(node);
            }
            for (key, (old, new)) in members {
                let dot = if path.is_empty() { "" } else { "." };
                compare(format!("{path}{dot}{key}"), old, new, found);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            for at in 0..old.len().max(new.len()) {
                compare(format!("{path}[{at}]"), old.get(at), new.get(at), found);
            }
        }
        (old, new) if old != new => {
            let (before, after) = (before.map(text), after.map(text));
            found.push(Difference { path, before, after });
        }
        _ => {}
    }
}

fn text(node: &Node<'_>) -> String {
    let raw = node.raw();
    match raw.char_indices().nth(VALUE_MAX) {
        Some((end, _)) => format!("{}…", raw.get(..end).unwrap_or_default()),
        None => raw.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_shown_and_where() {
        let before = br#"{"to":["bo@acme.com"],"subject":"Hi","n":1,"old":true}"#;
        let after =
            br#"{"subject":"Hi","to":["bo@acme.com","eve@evil.example"],"n":1.0,"new":null}"#;
        let found = between(before, after);
        let seen: Vec<_> = found
            .iter()
            .map(|d| (d.path.as_str(), d.before.as_deref(), d.after.as_deref()))
            .collect();
        assert_eq!(
            seen,
            [
                ("n", Some("1"), Some("1.0")),
                ("new", None, Some("null")),
                ("old", Some("true"), None),
                ("to[1]", None, Some("\"eve@evil.example\"")),
            ]
        );
    }
}
