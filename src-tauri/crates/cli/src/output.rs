//! What commands print: tables and sentences for people, or with `--json` one
//! object a line. Names and descriptions come from other people and from
//! upstream servers, so whatever could steer a terminal is escaped.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use agw_api::{ErrorBody, Place};
use serde::Serialize;

use crate::error::CliError;

#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// One object with `--json`, else the text.
    pub(crate) fn item<T: Serialize + ?Sized>(
        &self,
        item: &T,
        text: impl FnOnce() -> String,
    ) -> Result<(), CliError> {
        if self.json {
            return write_line(&json_line(item)?);
        }
        write_line(&safe_lines(&text()))
    }

    /// One object a line with `--json`, else a table. `none` is said on stderr
    /// when there is nothing to show, so that counting lines stays right.
    pub(crate) fn list<T: Serialize>(
        &self,
        items: &[T],
        headings: &[&str],
        cells: impl Fn(&T) -> Vec<String>,
        none: &str,
    ) -> Result<(), CliError> {
        if self.json {
            return items.iter().try_for_each(|item| write_line(&json_line(item)?));
        }
        if items.is_empty() {
            self.hint(none);
            return Ok(());
        }
        let rows: Vec<Vec<String>> = items.iter().map(cells).collect();
        write_text(&table(headings, &rows))
    }

    /// A remark for people, on stderr; scripts are not bothered.
    pub(crate) fn hint(&self, text: &str) {
        if !self.json {
            let _ = writeln!(io::stderr(), "{}", safe_lines(text));
        }
    }

    /// `when` is the condition that the error is about.
    pub(crate) fn error(&self, body: &ErrorBody, when: Option<&str>) {
        let line = match json_line(body) {
            Ok(line) if self.json => line,
            _ => error_text(body, when),
        };
        // With stderr gone there is nobody left to tell.
        let _ = writeln!(io::stderr(), "{line}");
    }
}

/// What went wrong, where, what to do, and what there is now.
fn error_text(body: &ErrorBody, when: Option<&str>) -> String {
    let mut text = format!("error: {}", safe(body.message.trim_end_matches('.')));
    if let (Some(when), Some(place)) = (when, body.place) {
        for line in point_at(when, place).lines() {
            let _ = write!(text, "\n    {line}");
        }
    }
    let _ = write!(text, "\n  next: {}", safe(&body.next));
    if let Some(serde_json::Value::Object(row)) = &body.current {
        let _ = write!(text, "\n  it is now:{}", fields(row, 4, |_| true));
    }
    text
}

/// The line of `text` that holds the place, and below it carets at the place.
fn point_at(text: &str, place: Place) -> String {
    /// What a terminal shows on one line, and how much of it precedes the place.
    const WIDTH: usize = 100;
    const BEFORE: usize = 40;

    let at = place.at as usize;
    let mut chars: Vec<char> = text.chars().collect();
    let at = at.min(chars.len());
    let line_start =
        chars.iter().take(at).rposition(|c| *c == '\n').map_or(0, |newline| newline + 1);
    let line_end =
        chars.iter().skip(at).position(|c| *c == '\n').map_or(chars.len(), |length| at + length);
    let (mut start, mut end) = (line_start, line_end);
    if line_end - line_start > WIDTH {
        start = line_start.max(at.saturating_sub(BEFORE));
        end = line_end.min(start + WIDTH);
    }
    let marked_end = end.min(at.saturating_add(place.length as usize));
    chars.truncate(end);
    // Escapes are longer than what they stand for, so each part by itself.
    let part = |from: usize, to: usize| safe(&chars.iter().take(to).skip(from).collect::<String>());
    let (mut before, marked, mut after) =
        (part(start, at), part(at, marked_end), part(marked_end, end));
    if start > line_start {
        before.insert(0, '…');
    }
    if end < line_end {
        after.push('…');
    }
    let carets = "^".repeat(marked.chars().count().max(1));
    format!("{before}{marked}{after}\n{}{carets}", " ".repeat(before.chars().count()))
}

/// The fields that `wanted` picks and that have a value, each on a line of its
/// own that starts with a line end.
pub(crate) fn fields(
    row: &serde_json::Map<String, serde_json::Value>,
    indent: usize,
    wanted: impl Fn(&str) -> bool,
) -> String {
    use serde_json::Value;

    let mut text = String::new();
    for (name, value) in row {
        let value = match value {
            Value::Null => continue,
            Value::Array(list) if list.is_empty() => continue,
            Value::String(value) => value.clone(),
            Value::Array(list) if list.iter().all(Value::is_string) => {
                list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
            }
            other => other.to_string(),
        };
        if wanted(name) {
            let _ = write!(text, "\n{:indent$}{:<14}  {}", "", safe(name), safe(&value));
        }
    }
    text
}

pub(crate) fn write_line(line: &str) -> Result<(), CliError> {
    write_text(&format!("{line}\n"))
}

fn write_text(text: &str) -> Result<(), CliError> {
    write_bytes(text.as_bytes())
}

/// Just these, nothing escaped: for what goes into files.
pub(crate) fn write_bytes(bytes: &[u8]) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| {
        if error.kind() == io::ErrorKind::BrokenPipe {
            CliError::OutputClosed
        } else {
            CliError::io("cannot write to stdout", &error, "Check where the output goes.")
        }
    })
}

/// JSON leaves DEL, C1 controls and bidirectional marks as they are; inside
/// JSON they can only be in strings, where `\u` escapes mean the same.
fn json_line<T: Serialize + ?Sized>(item: &T) -> Result<String, CliError> {
    let json = serde_json::to_string(item).map_err(|error| {
        CliError::failed("internal", format!("cannot print: {error}"), "Report this as a bug.")
    })?;
    Ok(escape(&json, |out, c| {
        let mut units = [0; 2];
        for unit in c.encode_utf16(&mut units) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    }))
}

/// One line of text that cannot steer a terminal: `\u{1b}[2J` is shown, not obeyed.
pub(crate) fn safe(text: &str) -> String {
    escape(text, |out, c| {
        let _ = write!(out, "{}", c.escape_unicode());
    })
}

/// The same for a text whose line ends are ours.
fn safe_lines(text: &str) -> String {
    text.split('\n').map(safe).collect::<Vec<_>>().join("\n")
}

fn escape(text: &str, write: impl Fn(&mut String, char)) -> String {
    if !text.contains(steers_terminal) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if steers_terminal(c) { write(&mut out, c) } else { out.push(c) }
    }
    out
}

/// Control characters; line and paragraph separators; marks that reorder or
/// hide text (Unicode UTR 36, section 2.4).
fn steers_terminal(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Columns as wide as their widest cell, two spaces apart; a missing value is
/// shown as `-`.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let safe_rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            row.iter().map(|cell| if cell.is_empty() { "-".into() } else { safe(cell) }).collect()
        })
        .collect();
    let width = |column: usize| {
        safe_rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .chain(headings.get(column).map(|heading| heading.len()))
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let mut out = String::new();
    let mut push = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (cell, width) in cells.zip(&widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    };
    push(&mut headings.iter().copied());
    for row in &safe_rows {
        push(&mut row.iter().map(String::as_str));
    }
    out
}

/// `check it` → `Check it.`
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.trim().trim_end_matches('.').chars();
    chars
        .next()
        .map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
}

/// `1 tool`, `2,000 tools`.
pub(crate) fn count(number: impl Into<u64>, noun: &str) -> String {
    let number = number.into();
    let s = if number == 1 { "" } else { "s" };
    format!("{} {noun}{s}", grouped(number))
}

/// `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `12.3 MiB`.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];

    let mut unit = 0;
    let mut tenths = u128::from(number) * 10;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1_024;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    match unit {
        0 => count(number, "byte"),
        _ => format!("{}.{} {name}", tenths / 10, tenths % 10),
    }
}

/// `yes` or `no`.
pub(crate) fn yes(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

/// How a value of the API's enums is written: its JSON name.
pub(crate) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => "?".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_steer_the_terminal() {
        assert_eq!(safe("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(safe("one\ntwo\r"), "one\\u{a}two\\u{d}");
        assert_eq!(safe("\u{202e}gpj.exe"), "\\u{202e}gpj.exe");
        assert_eq!(safe("Zoë 世界"), "Zoë 世界");
    }

    #[test]
    fn json_keeps_its_meaning_when_escaped() {
        let text = "a\u{1b}\u{9b}\u{7f}\u{202e}\u{e0041}\"";
        let line = json_line(text).unwrap();
        assert!(line.is_ascii(), "{line}");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
    }

    fn pointed(text: &str, at: u32, length: u32) -> Vec<String> {
        point_at(text, Place { at, length }).lines().map(str::to_owned).collect()
    }

    #[test]
    fn carets_stand_under_the_place() {
        assert_eq!(pointed("args.x < 'a'", 9, 3), ["args.x < 'a'", "         ^^^"]);
        // In characters, not bytes; on the line that holds it.
        assert_eq!(pointed("args.ä == 'ö' &&\nusr == 'b'", 17, 3), ["usr == 'b'", "^^^"]);
        assert_eq!(pointed("args.ä == b &&\nuser", 10, 1), ["args.ä == b &&", "          ^"]);
        // What is escaped is wider.
        assert_eq!(pointed("a\u{1b}b", 2, 1), ["a\\u{1b}b", "       ^"]);
        assert_eq!(pointed("a\u{1b}b", 1, 1), ["a\\u{1b}b", " ^^^^^^"]);
        // At the end, and beyond it.
        for at in [4, 99, u32::MAX] {
            assert_eq!(pointed("user", at, u32::MAX), ["user", "    ^"]);
        }
        assert_eq!(pointed("a\nb", 1, 1), ["a", " ^"]);
        assert_eq!(pointed("", 0, 0), ["", "^"]);
    }

    #[test]
    fn a_long_condition_is_shown_around_the_place() {
        let long = format!("{}BAD{}", "a".repeat(200), "b".repeat(200));
        let lines = pointed(&long, 200, 3);
        assert_eq!(lines[0], format!("…{}BAD{}…", "a".repeat(40), "b".repeat(57)));
        assert_eq!(lines[1], format!("{}^^^", " ".repeat(41)));
    }

    #[test]
    fn an_error_shows_where_and_what_there_is() {
        let body = ErrorBody {
            code: "stale".into(),
            message: "The grant was changed.".into(),
            next: "Look at it.".into(),
            current: Some(serde_json::json!({
                "id": "g1", "tool": "fs.*\n", "when": null, "new_tools": ["a", "b"], "version": 4
            })),
            place: Some(Place { at: 0, length: 4 }),
        };
        assert_eq!(
            error_text(&body, Some("user")),
            "error: The grant was changed\n    user\n    ^^^^\n  next: Look at it.\n  it is now:\
             \n    id              g1\n    new_tools       a, b\n    tool            fs.*\\u{a}\
             \n    version         4"
        );
    }

    #[test]
    fn tables_line_up() {
        let rows = vec![
            vec!["fs".to_owned(), "ready".to_owned(), "14".to_owned()],
            vec!["long-name".to_owned(), String::new(), "0".to_owned()],
        ];
        assert_eq!(
            table(&["NAME", "HEALTH", "TOOLS"], &rows),
            "NAME       HEALTH  TOOLS\nfs         ready   14\nlong-name  -       0\n"
        );
    }

    #[test]
    fn sentences_and_counts() {
        assert_eq!(sentence("start it with `agw serve`"), "Start it with `agw serve`.");
        assert_eq!(count(1_u32, "tool"), "1 tool");
        assert_eq!(count(0_u32, "tool"), "0 tools");
        assert_eq!(count(1_000_u64, "tool"), "1,000 tools");
        assert_eq!([0, 12, 123_456, 1_234_567].map(grouped), ["0", "12", "123,456", "1,234,567"]);
        let sizes = [1, 1_023, 1_024, 1_536, 12_897_485, u64::MAX].map(bytes);
        assert_eq!(
            sizes,
            ["1 byte", "1,023 bytes", "1.0 KiB", "1.5 KiB", "12.3 MiB", "16777215.9 TiB"]
        );
        assert_eq!(word(&agw_api::ServiceState::Enforcing), "enforcing");
    }
}
