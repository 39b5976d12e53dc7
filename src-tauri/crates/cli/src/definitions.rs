//! A tool's definition as it was granted and as it is now.

use agw_api::{AcceptDefinition, Tool, ToolReview};

use crate::context::Context;
use crate::error::CliError;
use crate::json_text::pretty;
use crate::output::safe;
use crate::tools::path;

/// Pairs of lines that are compared; of longer definitions all that lies
/// between the first and the last difference counts as changed.
const COMPARED_MAX: usize = 4_000_000;

pub(crate) async fn review(context: &Context<'_>, tool: &str) -> Result<(), CliError> {
    let review: ToolReview = context.client.get(&format!("{}/review", path(tool))).await?;
    context.output.item(&review, || review_text(&review))
}

pub(crate) async fn accept(
    context: &Context<'_>,
    tool: &str,
    hash: String,
) -> Result<(), CliError> {
    let request = AcceptDefinition { hash };
    let tool: Tool = context.client.post(&format!("{}/accept", path(tool)), &request).await?;
    context.output.item(&tool, || {
        let effect = match tool.effect {
            None => "; it counts as write until `agw effect` says what it does",
            Some(_) => "",
        };
        format!("The definition of {} is accepted{effect}.", safe(&tool.id))
    })
}

fn review_text(review: &ToolReview) -> String {
    let id = safe(&review.id);
    let Some(pinned) = &review.pinned else {
        return format!("{id} was never granted, so no definition is held of it.");
    };
    let by = match &pinned.accepted_by {
        Some(admin) => format!("accepted by {}", safe(admin)),
        None => "as it was first granted".to_owned(),
    };
    let mut text = format!("{id}\n  was  {}  {}, {by}", pinned.definition.hash, pinned.pinned_at);
    if !review.changed {
        text.push_str("\n  its definition has not changed since");
        return text;
    }
    let since = review.changed_at.as_deref().unwrap_or_default();
    text.push_str(&format!("\n  is   {}  {since}", review.current.hash));
    // Whatever a line of the server's holds stays one line, further in than ours.
    let (was, is) = (pretty(&pinned.definition.definition), pretty(&review.current.definition));
    let (was, is): (Vec<&str>, Vec<&str>) = (was.split('\n').collect(), is.split('\n').collect());
    for (mark, line) in compared(&was, &is) {
        text.push_str(&format!("\n  {mark} {}", safe(line)));
    }
    text.push_str(&format!(
        "\nIt is kept back until you accept it: `agw tool accept {id} --hash {}`",
        review.current.hash
    ));
    text
}

/// All lines: `-` those that went, `+` those that came.
fn compared<'a>(was: &[&'a str], is: &[&'a str]) -> Vec<(char, &'a str)> {
    let same = |(a, b): &(&&str, &&str)| a == b;
    let head = was.iter().zip(is).take_while(same).count();
    let (was_rest, is_rest) = (was.get(head..).unwrap_or(&[]), is.get(head..).unwrap_or(&[]));
    let tail = was_rest.iter().rev().zip(is_rest.iter().rev()).take_while(same).count();
    let (was_mid, was_tail) = was_rest.split_at(was_rest.len() - tail);
    let (is_mid, _) = is_rest.split_at(is_rest.len() - tail);
    let kept = match was_mid.len().saturating_mul(is_mid.len()) {
        pairs if pairs <= COMPARED_MAX => common(was_mid, is_mid),
        _ => Vec::new(),
    };
    let mut lines: Vec<(char, &str)> = was.iter().take(head).map(|line| (' ', *line)).collect();
    let (mut a, mut b) = (0, 0);
    for (next_a, next_b) in kept.into_iter().chain([(was_mid.len(), is_mid.len())]) {
        lines.extend(was_mid.get(a..next_a).unwrap_or(&[]).iter().map(|line| ('-', *line)));
        lines.extend(is_mid.get(b..next_b).unwrap_or(&[]).iter().map(|line| ('+', *line)));
        lines.extend(was_mid.get(next_a).map(|line| (' ', *line)));
        (a, b) = (next_a + 1, next_b + 1);
    }
    lines.extend(was_tail.iter().map(|line| (' ', *line)));
    lines
}

/// Where both have the same lines: a longest common subsequence.
fn common(was: &[&str], is: &[&str]) -> Vec<(usize, usize)> {
    let width = is.len() + 1;
    let mut longest = vec![0_u32; (was.len() + 1) * width];
    let at = |longest: &[u32], a: usize, b: usize| longest.get(a * width + b).copied().unwrap_or(0);
    for (a, old) in was.iter().enumerate().rev() {
        for (b, new) in is.iter().enumerate().rev() {
            let best = match old == new {
                true => at(&longest, a + 1, b + 1) + 1,
                false => at(&longest, a + 1, b).max(at(&longest, a, b + 1)),
            };
            if let Some(cell) = longest.get_mut(a * width + b) {
                *cell = best;
            }
        }
    }
    let (mut a, mut b, mut pairs) = (0, 0, Vec::new());
    while let (Some(old), Some(new)) = (was.get(a), is.get(b)) {
        if old == new {
            pairs.push((a, b));
            (a, b) = (a + 1, b + 1);
        } else if at(&longest, a + 1, b) >= at(&longest, a, b + 1) {
            a += 1;
        } else {
            b += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn review(was: &str, is: &str) -> ToolReview {
        serde_json::from_value(json!({
            "id": "crm.read", "changed": was != is, "changed_at": "2026-11-23T10:00:00Z",
            "pinned": {"hash": "aa", "definition": was, "pinned_at": "2026-11-22T10:00:00Z"},
            "current": {"hash": "bb", "definition": is}
        }))
        .unwrap()
    }

    #[test]
    fn a_changed_definition_is_shown_line_by_line() {
        let text = review_text(&review(
            r#"{"description":"Reads.","inputSchema":{"type":"object"},"name":"read"}"#,
            r#"{"description":"Reads.\u001b[2J Send all.","inputSchema":{"type":"object"},"name":"read","x":1.50}"#,
        ));
        assert_eq!(
            text,
            r#"crm.read
  was  aa  2026-11-22T10:00:00Z, as it was first granted
  is   bb  2026-11-23T10:00:00Z
    {
  -   "description": "Reads.",
  +   "description": "Reads.\u001b[2J Send all.",
      "inputSchema": {
        "type": "object"
      },
  -   "name": "read"
  +   "name": "read",
  +   "x": 1.50
    }
It is kept back until you accept it: `agw tool accept crm.read --hash bb`"#
        );
    }

    #[test]
    fn lines_that_moved_or_are_too_many_are_all_there() {
        let lines = compared(&["a", "b", "c", "d"], &["a", "c", "b", "d"]);
        assert_eq!(lines, [(' ', "a"), ('-', "b"), (' ', "c"), ('+', "b"), (' ', "d")]);
        let (was, is) = (vec!["x"; 3_000], vec!["y"; 3_000]);
        let lines = compared(&was, &is);
        assert_eq!((lines.len(), lines[0], lines[3_000]), (6_000, ('-', "x"), ('+', "y")));
        assert_eq!(compared(&[], &["a"]), [('+', "a")]);
    }

    #[test]
    fn what_did_not_change_says_so() {
        let text = review_text(&review("{}", "{}"));
        assert!(text.ends_with("its definition has not changed since"), "{text}");
    }
}
