//! `agw audit show` and `agw audit body`: one call, from question to answer.

use std::fmt::Write as _;

use agw_api::{AuditBodies, AuditRecord, AuditStory, StoryGrant, segment};
use serde_json::value::RawValue;

use super::list::who;
use crate::context::Context;
use crate::error::CliError;
use crate::grant::Meaning;
use crate::json_text::{pretty, short};
use crate::output::{fields, safe};
use crate::times::duration;

/// A list shows sequence numbers; a person who gives one means the call that
/// the record is of.
pub(super) async fn show(context: &Context<'_>, id: &str) -> Result<(), CliError> {
    let mut story = get(context, id).await?;
    if let Some(call) = call_of(&story.records).filter(|call| *call != id) {
        let call = call.to_owned();
        story = get(context, &call).await?;
    }
    context.output.item(&story, || story_text(&story))
}

async fn get(context: &Context<'_>, id: &str) -> Result<AuditStory, CliError> {
    Ok(context.client.get(&format!("/api/v1/audit/{}", segment(id))).await?)
}

/// Of a call that was held, an earlier one may have asked: what tells is who
/// was forwarded or refused.
fn call_of(records: &[AuditRecord]) -> Option<&str> {
    let call = records.iter().rev().find(|record| record.kind != "approval");
    call.or(records.first()).and_then(|record| record.call_id.as_deref())
}

fn story_text(story: &AuditStory) -> String {
    match call_of(&story.records) {
        Some(call) => call_text(call, story),
        None => story.records.iter().map(block).collect::<Vec<_>>().join("\n"),
    }
}

/// Every field that has a value, one a line: what is no call has few.
fn block(record: &AuditRecord) -> String {
    let start = format!("{} {} at {}", record.kind, record.seq, record.time);
    let Ok(serde_json::Value::Object(row)) = serde_json::to_value(record) else {
        return start;
    };
    let said = |name: &str| match name {
        "kind" | "seq" | "time" => false,
        "body" => record.body,
        "erased" => record.erased,
        _ => true,
    };
    start + &fields(&row, 2, said)
}

fn call_text(call: &str, story: &AuditStory) -> String {
    let records = story.records.as_slice();
    let mut text = Lines(headline(records));
    text.line("call", call);
    let began = records.iter().find(|record| record.call_id.as_deref() == Some(call));
    text.some("began", began.map(|record| record.time.clone()));
    text.some("came in by", of(records, |it| it.face.as_deref()).map(face));
    text.some("effect", Some(effect(records)));
    text.some("decision", decision(records));
    for grant in &story.grants {
        text.line("  grant", &grant_text(grant));
    }
    text.some("  why", why(records));
    approval(&mut text, records);
    outcome(&mut text, records);
    kept(&mut text, call, records);
    let seqs: Vec<String> = records.iter().map(|record| record.seq.to_string()).collect();
    text.line("records", &seqs.join(", "));
    arguments(&mut text, records);
    text.0
}

/// A heading and indented lines `name  value`.
struct Lines(String);

impl Lines {
    fn line(&mut self, name: &str, value: &str) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "\n  {name:<12}  {}", safe(value));
    }

    fn some(&mut self, name: &str, value: Option<String>) {
        if let Some(value) = value {
            self.line(name, &value);
        }
    }

    /// `lines` below a heading; whatever they hold stays further in.
    fn block(&mut self, heading: &str, lines: &str) {
        let _ = write!(self.0, "\n  {heading}");
        for line in lines.lines() {
            let _ = write!(self.0, "\n    {}", safe(line));
        }
    }
}

/// What the newest record that says so says.
fn of<'a, T>(
    records: &'a [AuditRecord],
    field: impl Fn(&'a AuditRecord) -> Option<T>,
) -> Option<T> {
    records.iter().rev().find_map(field)
}

/// `ana/claude called gmail.send: ok`.
fn headline(records: &[AuditRecord]) -> String {
    let who = records.iter().map(who).find(|who| !who.is_empty());
    let who = who.unwrap_or_else(|| "somebody unknown".to_owned());
    let tool = of(records, |it| it.tool.as_deref()).unwrap_or("nothing that could be told");
    let end = records.iter().rev().find(|record| record.kind == "outcome");
    let end = end.and_then(status).unwrap_or("under way");
    safe(&format!("{who} called {tool}: {end}"))
}

/// A call that is kept back until a person has answered is not denied by that.
fn status(outcome: &AuditRecord) -> Option<&str> {
    match outcome.reason.as_deref() {
        Some("approval_pending") => Some("told to wait"),
        _ => outcome.status.as_deref(),
    }
}

fn face(face: &str) -> String {
    match face {
        "mcp" | "rest" => face.to_uppercase(),
        other => other.to_owned(),
    }
}

fn effect(records: &[AuditRecord]) -> String {
    match of(records, |it| it.effect.as_deref()) {
        Some(effect) => effect.to_owned(),
        None => "unknown, which counts as write".to_owned(),
    }
}

/// `deny (not_granted), by version 7 of the permission map`.
fn decision(records: &[AuditRecord]) -> Option<String> {
    let mut text = of(records, |it| it.decision.as_deref())?.to_owned();
    if let Some(reason) = of(records, |it| it.reason.as_deref()) {
        let _ = write!(text, " ({reason})");
    }
    if let Some(version) = of(records, |it| it.policy_version) {
        let _ = write!(text, ", by version {version} of the permission map");
    }
    Some(text)
}

/// What a person can do who wonders.
fn why(records: &[AuditRecord]) -> Option<String> {
    let denied = of(records, |it| it.decision.as_deref()) == Some("deny");
    let told = |it: &&AuditRecord| !it.erased && it.user.is_some() && it.tool.is_some();
    let record = records.iter().find(|it| denied && told(it))?;
    let tool = record.tool.as_deref().unwrap_or_default();
    Some(format!("`agw explain {} {tool}` says what would be needed now", who(record)))
}

fn grant_text(grant: &StoryGrant) -> String {
    match (&grant.grant, grant.changed_since) {
        (Some(now), false) => format!("{}: {}", grant.id, Meaning::from(now)),
        (Some(now), true) => {
            format!("{}, changed since; it is now: {}", grant.id, Meaning::from(now))
        }
        (None, _) => format!("{}, no longer there", grant.id),
    }
}

/// Who was asked when, and what became of it.
fn approval(text: &mut Lines, records: &[AuditRecord]) {
    for record in records.iter().filter(|record| record.kind == "approval") {
        let id = record.approval.as_deref().unwrap_or("approval");
        let status = record.status.as_deref().unwrap_or("unknown");
        let by = record.by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
        let note = record.detail.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
        text.line("approval", &format!("{id} {status}{by} at {}{note}", record.time));
    }
}

fn outcome(text: &mut Lines, records: &[AuditRecord]) {
    let Some(end) = records.iter().rev().find(|record| record.kind == "outcome") else {
        text.line("outcome", "none yet");
        return;
    };
    let status = status(end).unwrap_or("unknown");
    let after = end.duration_ms.map(|ms| format!(" after {}", duration(ms))).unwrap_or_default();
    text.line("outcome", &format!("{status}{after}"));
    if status == "indeterminate" {
        text.line("", "the gateway ended before it knew: the tool may have acted");
    }
    text.some("detail", end.detail.clone());
}

/// What is kept beside the records, or is no more.
fn kept(text: &mut Lines, call: &str, records: &[AuditRecord]) {
    if records.iter().any(|record| record.body) {
        let how = format!("sealed; `agw audit body {call}` opens them, which is recorded");
        text.line("bodies", &how);
    }
    if records.iter().any(|record| record.erased) {
        text.line("erased", "words or bodies that were kept of it are no more");
    }
}

fn arguments(text: &mut Lines, records: &[AuditRecord]) {
    text.some("digest", of(records, |it| it.args_digest.clone()));
    match of(records, |it| it.args.as_ref()).map(members) {
        None => {}
        Some(none) if none.is_empty() => text.line("arguments", "none"),
        Some(args) => text.block("arguments, their values left out:", &args),
    }
    if let Some(clear) = of(records, |it| it.clear.as_ref()) {
        text.block("arguments that are kept in clear:", &members(clear));
    }
}

/// `path: string(19)` a line.
fn members(value: &serde_json::Value) -> String {
    const WIDTH: usize = 84;
    let serde_json::Value::Object(members) = value else {
        return short(&value.to_string(), WIDTH);
    };
    let member = |(name, value): (&String, &serde_json::Value)| match value {
        serde_json::Value::String(text) => safe(&format!("{name}: {text}")),
        other => safe(&format!("{name}: {}", short(&other.to_string(), usize::MAX))),
    };
    members.iter().map(member).collect::<Vec<_>>().join("\n")
}

pub(super) async fn body(context: &Context<'_>, call_id: &str) -> Result<(), CliError> {
    let path = format!("/api/v1/audit/bodies/{}", segment(call_id));
    let bodies: AuditBodies = context.client.get(&path).await?;
    context.output.item(&bodies, || bodies_text(&bodies))?;
    context.output.hint("That you opened it is recorded.");
    Ok(())
}

fn bodies_text(bodies: &AuditBodies) -> String {
    let part = |name: &str, value: &Option<Box<RawValue>>| match value {
        Some(value) => {
            let lines = pretty(value.get());
            let lines: Vec<String> =
                lines.lines().map(|line| format!("  {}", safe(line))).collect();
            format!("{name}:\n{}", lines.join("\n"))
        }
        None => format!("{name}: not kept"),
    };
    format!("{}\n{}", part("arguments", &bodies.arguments), part("result", &bodies.result))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn story(records: Value, grants: Value) -> AuditStory {
        serde_json::from_value(json!({"records": records, "grants": grants})).unwrap()
    }

    fn of_call(seq: u64, kind: &str, more: Value) -> Value {
        let mut record = json!({
            "seq": seq, "time": format!("2026-11-22T10:00:0{seq}.000Z"), "kind": kind,
            "call_id": "01K", "user": "ana", "agent": "claude", "tool": "gmail.send\u{1b}",
            "args_digest": "44136f"
        });
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        record
    }

    fn grant(id: &str, tool: &str) -> Value {
        json!({"id": id, "subject": "ana", "tool": tool, "effect": "ask", "version": 1,
               "created_at": ""})
    }

    #[test]
    fn the_whole_story_of_a_call() {
        let args = json!({"to": "array(1)", "body": "string(9)\u{202e}"});
        let asked = json!({"status": "asked", "approval": "p7", "decision": "ask", "args": args});
        let answered = json!({"status": "approved", "approval": "p7", "decision": "ask",
                              "by": "root", "detail": "fine"});
        let intent = json!({"decision": "allow", "effect": "write", "face": "mcp", "args": args,
                            "clear": {"to": ["a@x"]}, "policy_version": 7, "body": true});
        let outcome = json!({"decision": "allow", "reason": "approved", "status": "ok",
                             "duration_ms": 12.34, "policy_version": 7, "effect": "write",
                             "approval": "p7", "by": "root"});
        let text = story_text(&story(
            json!([
                of_call(1, "approval", asked),
                of_call(2, "approval", answered),
                of_call(3, "intent", intent),
                of_call(4, "outcome", outcome),
            ]),
            json!([
                {"id": "g1", "grant": grant("g1", "gmail.*"), "changed_since": false},
                {"id": "g2", "grant": grant("g2", "*"), "changed_since": true},
                {"id": "g3", "grant": null, "changed_since": true}
            ]),
        ));
        assert_eq!(
            text,
            "ana/claude called gmail.send\\u{1b}: ok
  call          01K
  began         2026-11-22T10:00:01.000Z
  came in by    MCP
  effect        write
  decision      allow (approved), by version 7 of the permission map
    grant       g1: ana asks a person before using gmail.*
    grant       g2, changed since; it is now: ana asks a person before using *
    grant       g3, no longer there
  approval      p7 asked at 2026-11-22T10:00:01.000Z
  approval      p7 approved by root at 2026-11-22T10:00:02.000Z: fine
  outcome       ok after 12.3 ms
  bodies        sealed; `agw audit body 01K` opens them, which is recorded
  records       1, 2, 3, 4
  digest        44136f
  arguments, their values left out:
    body: string(9)\\u{202e}
    to: array(1)
  arguments that are kept in clear:
    to: [\"a@x\"]"
        );
    }

    #[test]
    fn a_call_that_an_earlier_one_had_asked_for() {
        let mut asked = of_call(1, "approval", json!({"status": "asked", "approval": "p7"}));
        asked["call_id"] = json!("00K");
        let intent = of_call(2, "intent", json!({"decision": "allow", "approval": "p7"}));
        let text = story_text(&story(json!([asked, intent]), json!([])));
        assert!(
            text.contains("\n  call          01K\n  began         2026-11-22T10:00:02"),
            "{text}"
        );
        let text = story_text(&story(json!([asked]), json!([])));
        assert!(text.contains("\n  call          00K\n"), "{text}");
        // It was not denied by being told to come back.
        let told = json!({"decision": "ask", "reason": "approval_pending", "status": "denied"});
        let text = story_text(&story(json!([of_call(1, "outcome", told)]), json!([])));
        assert!(text.contains(": told to wait\n") && !text.contains("denied"), "{text}");
    }

    #[test]
    fn a_call_without_an_end_and_one_that_nobody_knows_the_end_of() {
        let intent = of_call(1, "intent", json!({"decision": "allow", "erased": true}));
        let text = story_text(&story(json!([intent]), json!([])));
        assert!(text.starts_with("ana/claude called gmail.send\\u{1b}: under way\n"), "{text}");
        assert!(text.contains("\n  effect        unknown, which counts as write"), "{text}");
        assert!(text.contains("\n  outcome       none yet"), "{text}");
        assert!(text.contains("\n  erased        "), "{text}");
        let end = of_call(2, "outcome", json!({"status": "indeterminate"}));
        let text = story_text(&story(json!([intent, end]), json!([])));
        assert!(text.contains("the tool may have acted"), "{text}");
    }

    #[test]
    fn a_denied_call_says_where_to_look() {
        let denied = json!({"decision": "deny", "reason": "not_granted", "args": {}});
        let text = story_text(&story(json!([of_call(1, "outcome", denied.clone())]), json!([])));
        assert!(text.contains("\n    why         `agw explain ana/claude gmail.send"), "{text}");
        assert!(text.ends_with("\n  arguments     none"), "{text}");
        let mut nobody = of_call(1, "outcome", denied);
        nobody["user"] = Value::Null;
        let text = story_text(&story(json!([nobody]), json!([])));
        assert!(!text.contains("agw explain"), "{text}");
    }

    #[test]
    fn what_is_no_call_is_shown_as_it_is() {
        let record = json!({"seq": 3, "time": "2026-11-22T10:00:00.000Z", "kind": "config",
                            "user": "root", "status": "user_added", "detail": "ben\u{1b}"});
        assert_eq!(
            story_text(&story(json!([record]), json!([]))),
            "config 3 at 2026-11-22T10:00:00.000Z
  detail          ben\\u{1b}
  status          user_added
  user            root"
        );
    }

    #[test]
    fn opened_bodies() {
        let arguments = serde_json::value::to_raw_value(&json!({"to": ["a\u{202e}"]})).unwrap();
        let bodies = AuditBodies { arguments: Some(arguments), result: None };
        assert_eq!(
            bodies_text(&bodies),
            "arguments:\n  {\n    \"to\": [\n      \"a\\u{202e}\"\n    ]\n  }\nresult: not kept"
        );
    }
}
