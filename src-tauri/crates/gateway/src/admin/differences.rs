//! What differs between two sets of arguments, for a person to see at a glance.

use std::collections::BTreeMap;

use agw_api::Difference;
use agw_core::json::{self, Node, Value};

/// Most differences that are shown; the others are counted.
const SHOWN_MAX: usize = 100;
/// Longest path and text of a value, in characters.
const TEXT_MAX: usize = 400;
/// Characters before the first difference of two long texts.
const LEAD: usize = 40;

/// Both are JSON objects.
pub(super) fn between(before: &[u8], after: &[u8]) -> Vec<Difference> {
    let mut found = Found::default();
    if let (Ok(before), Ok(after)) = (json::parse(before), json::parse(after)) {
        compare(&mut String::new(), Some(&before), Some(&after), &mut found);
    }
    let Found { mut shown, more } = found;
    if more > 0 {
        let after = Some(format!("and {more} more"));
        shown.push(Difference { path: "…".into(), before: None, after });
    }
    shown
}

#[derive(Default)]
struct Found {
    shown: Vec<Difference>,
    more: usize,
}

/// `path` comes back as it was.
fn compare(
    path: &mut String,
    before: Option<&Node<'_>>,
    after: Option<&Node<'_>>,
    found: &mut Found,
) {
    let here = path.len();
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
                path.push_str(if here == 0 { "" } else { "." });
                path.push_str(key);
                compare(path, old, new, found);
                path.truncate(here);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            for at in 0..old.len().max(new.len()) {
                path.push_str(&format!("[{at}]"));
                compare(path, old.get(at), new.get(at), found);
                path.truncate(here);
            }
        }
        (old, new) if old == new => {}
        _ if found.shown.len() == SHOWN_MAX => found.more += 1,
        _ => {
            let (old, new) = (before.map(text), after.map(text));
            let from = old.as_ref().zip(new.as_ref()).map_or(0, |(old, new)| start(old, new));
            let shown = |text: String| excerpt(&text, from);
            let (before, after) = (old.map(shown), new.map(shown));
            found.shown.push(Difference { path: excerpt(path, 0), before, after });
        }
    }
}

/// Texts are written in one way only, so that where they differ they do.
fn text(node: &Node<'_>) -> String {
    let Some(text) = node.as_str() else { return node.raw().to_owned() };
    let mut out = String::new();
    json::write_string(text, &mut out);
    out
}

/// The character from which two texts are shown, so that the first difference
/// is in sight.
fn start(old: &str, new: &str) -> usize {
    let same = old.chars().zip(new.chars()).take_while(|(old, new)| old == new).count();
    let short = [old, new].iter().all(|text| text.chars().nth(TEXT_MAX).is_none());
    if short || same < TEXT_MAX / 2 { 0 } else { same - LEAD }
}

fn excerpt(text: &str, from: usize) -> String {
    let mut rest = text.chars().skip(from);
    let shown: String = rest.by_ref().take(TEXT_MAX).collect();
    let before = if from == 0 { "" } else { "…" };
    let after = if rest.next().is_none() { "" } else { "…" };
    format!("{before}{shown}{after}")
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

    fn one(before: &str, after: &str) -> (String, String) {
        let object = |text: &str| format!("{{\"body\":\"{text}\"}}");
        let found = between(object(before).as_bytes(), object(after).as_bytes());
        let [Difference { before: Some(before), after: Some(after), .. }] = found.as_slice() else {
            panic!("{found:?}");
        };
        (before.clone(), after.clone())
    }

    #[test]
    fn long_texts_are_shown_where_they_differ() {
        let long = "lorem ".repeat(1_000);
        let (before, after) = one(&format!("{long}to bo"), &format!("{long}to eve{long}"));
        assert!(before.starts_with('…') && before.ends_with("lorem to bo\""), "{before}");
        assert!(after.starts_with('…') && after.contains("lorem to evelorem"), "{after}");
        assert_eq!(after.chars().count(), TEXT_MAX + 2, "{after}");
        assert!(after.ends_with('…'), "{after}");
        // Another way to write the same is no difference to point at.
        let (before, after) = one(&format!("e{long}bo"), &format!("\\u0065{long}eve"));
        assert!(before.ends_with("lorem bo\"") && after.ends_with("lorem eve\""), "{after}");
        let (before, after) = one(&format!("a{long}"), &format!("b{long}"));
        assert!(before.starts_with("\"alorem") && after.starts_with("\"blorem"));
        assert_eq!(one("same", "sama"), ("\"same\"".into(), "\"sama\"".into()));
    }

    #[test]
    fn what_is_not_shown_is_counted() {
        let object = |value: &str, count: usize| {
            let members: Vec<String> = (0..count).map(|n| format!("\"k{n}\":{value}")).collect();
            format!("{{{}}}", members.join(","))
        };
        let found = between(object("1", 250).as_bytes(), object("2", 250).as_bytes());
        assert_eq!(found.len(), SHOWN_MAX + 1);
        let last = found.last().unwrap();
        let seen = (last.path.as_str(), last.before.as_deref(), last.after.as_deref());
        assert_eq!(seen, ("…", None, Some("and 150 more")));
        let found = between(object("1", 100).as_bytes(), object("2", 100).as_bytes());
        assert!(found.len() == SHOWN_MAX && found.iter().all(|one| one.path != "…"));
    }
}
