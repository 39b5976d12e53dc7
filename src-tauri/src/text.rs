//! What notifications and the tray say.
//!
//! Names, arguments and refusals come from agents and upstreams. A person
//! decides by this text, so it must not be able to look like another one:
//! values stand quoted as in JSON, one argument a line, and no character in
//! them hides, reorders or breaks lines.

use std::collections::BTreeMap;
use std::time::Duration;

use agw_api::{Approval, Deed, codes};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde_json::value::RawValue;

/// Characters of arguments in one notification, and of one argument among
/// several: a long first one must not hide the others.
const MAX_ARGS: usize = 300;
const MAX_ARG: usize = 120;
const MAX_NAME: usize = 64;
const MAX_REFUSAL: usize = 200;
/// Objects and lists in one another.
const MAX_DEPTH: usize = 16;
/// With less time than this left, seconds matter.
const SOON_SECONDS: i64 = 10 * 60;

/// Stands where text was cut.
const CUT: char = '…';

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) summary: String,
    /// Plain; whoever hands it to something that takes markup escapes it.
    pub(crate) body: String,
    /// Whether all of the arguments are in it.
    pub(crate) whole: bool,
}

/// `ana/claude wants to call gmail.send`, its arguments, and until when.
pub(crate) fn asks(approval: &Approval, now: Timestamp, zone: &TimeZone) -> Text {
    let mut args = Cut::new(MAX_ARGS);
    write_args(&mut args, &approval.args);
    let mut body = args.text;
    if let Some(until) = until(&approval.expires_at, now, zone) {
        body.push_str("\nAnswer by ");
        body.push_str(&until);
    }
    let Deed { verb, name: what, connection } = approval.deed();
    let of = connection.map(|connection| format!(" of {}", name(connection))).unwrap_or_default();
    let summary = format!("{} wants to {verb} {}{of}", who(approval), name(what));
    Text { summary, body, whole: args.whole }
}

/// Says why the answer that a person gave was not taken.
pub(crate) fn not_taken(approval: &Approval, code: Option<&str>, why: &str) -> Text {
    let (caller, tool) = (who(approval), name(&approval.tool));
    let summary = match code {
        Some(codes::ANSWERED) => format!("Already answered: {tool} for {caller}"),
        _ => format!("Not answered: {tool} for {caller}"),
    };
    let mut body = Cut::new(MAX_REFUSAL);
    body.push(why);
    Text { summary, body: body.text, whole: body.whole }
}

/// For as many calls; `others` if some have a notification of their own.
pub(crate) fn rest(count: usize, others: bool) -> Text {
    let more = if others { " more" } else { "" };
    let summary = match count {
        1 => format!("1{more} call waits for an answer"),
        _ => format!("{count}{more} calls wait for an answer"),
    };
    Text { summary, body: "Open AI Agent Gateway to see them.".to_owned(), whole: false }
}

/// How long it is until `time` (RFC 3339), unless it is over.
pub(crate) fn left(time: &str, now: Timestamp) -> Option<Duration> {
    let left = time.parse::<Timestamp>().ok()?.duration_since(now);
    Duration::try_from(left).ok().filter(|left| !left.is_zero())
}

/// `ana/claude`
pub(crate) fn caller(user: &str, agent: Option<&str>) -> String {
    match agent {
        Some(agent) => format!("{}/{}", name(user), name(agent)),
        None => name(user),
    }
}

/// `ana/claude · gmail.send`, for a line of the tray's menu.
pub(crate) fn line(approval: &Approval) -> String {
    format!("{} · {}", who(approval), name(approval.deed().name))
}

fn who(approval: &Approval) -> String {
    caller(&approval.user, approval.agent.as_deref())
}

pub(crate) fn name(text: &str) -> String {
    let mut name = Cut::new(MAX_NAME);
    name.push(text);
    name.text
}

/// A time of day, which stays true for as long as the notification is there.
fn until(time: &str, now: Timestamp, zone: &TimeZone) -> Option<String> {
    let time: Timestamp = time.parse().ok()?;
    let local = time.to_zoned(zone.clone());
    match time.duration_since(now).as_secs() < SOON_SECONDS {
        true => Some(local.strftime("%H:%M:%S").to_string()),
        false => Some(minute(&local, now)),
    }
}

/// A time (RFC 3339) as a person says it: today its minute, else the day, too.
pub(crate) fn when(time: &str, now: Timestamp, zone: &TimeZone) -> Option<String> {
    let time: Timestamp = time.parse().ok()?;
    Some(minute(&time.to_zoned(zone.clone()), now))
}

fn minute(local: &Zoned, now: Timestamp) -> String {
    let today = local.date() == now.to_zoned(local.time_zone().clone()).date();
    local.strftime(if today { "%H:%M" } else { "%-d %b, %H:%M" }).to_string()
}

/// One argument a line, as far as there is room.
fn write_args(out: &mut Cut, json: &str) {
    let Ok(args) = serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(json) else {
        return out.push(json);
    };
    if args.is_empty() {
        return out.push("No arguments");
    }
    let alone = args.len() == 1;
    for (at, (key, value)) in args.iter().enumerate() {
        if at > 0 {
            out.line();
        }
        let limit = if alone { MAX_ARGS } else { MAX_ARG };
        let mut line = Cut::new(limit.min(out.left));
        write_key(&mut line, key);
        line.push(": ");
        write_value(&mut line, value, 0);
        out.append(line);
        if out.left == 0 {
            // What does not even have a place for its name.
            out.whole &= at + 1 == args.len();
            return;
        }
    }
}

fn write_key(out: &mut Cut, key: &str) {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    match !key.is_empty() && key.bytes().all(is_word) {
        true => out.push(key),
        false => write_string(out, key),
    }
}

fn write_string(out: &mut Cut, text: &str) {
    // Quotes and line breaks in it are escaped.
    out.push(&serde_json::to_string(text).unwrap_or_default());
}

/// As compact JSON. Numbers stay as they were written: through a float, a long
/// one would become another.
fn write_value(out: &mut Cut, value: &RawValue, depth: usize) {
    let json = value.get();
    if depth > MAX_DEPTH || out.left == 0 {
        return out.cut();
    }
    if let Ok(text) = serde_json::from_str::<String>(json) {
        write_string(out, &text);
    } else if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(json) {
        out.push("[");
        for (at, item) in items.into_iter().enumerate() {
            out.push(if at > 0 { ", " } else { "" });
            write_value(out, item, depth + 1);
            if out.is_full() {
                return;
            }
        }
        out.push("]");
    } else if let Ok(fields) = serde_json::from_str::<BTreeMap<String, &RawValue>>(json) {
        out.push("{");
        for (at, (key, value)) in fields.into_iter().enumerate() {
            out.push(if at > 0 { ", " } else { "" });
            write_key(out, &key);
            out.push(": ");
            write_value(out, value, depth + 1);
            if out.is_full() {
                return;
            }
        }
        out.push("}");
    } else {
        out.push(json);
    }
}

/// Text of bounded length, without characters that deceive.
struct Cut {
    text: String,
    left: usize,
    whole: bool,
}

impl Cut {
    fn new(limit: usize) -> Self {
        Self { text: String::new(), left: limit, whole: true }
    }

    fn push(&mut self, text: &str) {
        for char in text.chars() {
            if self.left == 0 {
                return self.cut();
            }
            self.left -= 1;
            self.text.push(if deceives(char) { char::REPLACEMENT_CHARACTER } else { char });
        }
    }

    fn line(&mut self) {
        self.text.push('\n');
    }

    /// Takes over what was written elsewhere within what is left here.
    fn append(&mut self, other: Self) {
        self.left = self.left.saturating_sub(other.text.chars().count());
        self.text.push_str(&other.text);
        self.whole &= other.whole;
    }

    fn cut(&mut self) {
        if self.whole {
            self.text.push(CUT);
        }
        self.whole = false;
        self.left = 0;
    }

    fn is_full(&self) -> bool {
        !self.whole
    }
}

/// Characters that show nothing, change the order of others or break the line.
/// Joiners (U+200C, U+200D) stay: scripts and emoji need them.
fn deceives(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
