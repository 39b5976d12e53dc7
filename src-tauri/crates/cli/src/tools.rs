//! The tools that connections offer, and what they do.

use agw_api::{ConfirmEffect, Recording, Tool, ToolDetail, ToolKind, segment};

use crate::args::{IfVersion, Kind, Switch, ToolEffect, ToolRecord};
use crate::context::Context;
use crate::error::CliError;
use crate::json_text::{cut, name};
use crate::output::{safe, word, yes};

/// Characters of a name that MCP clients see: of a tool's all, of a URI that
/// stands beside it in the id a part.
const MCP_NAME: usize = 64;

pub(crate) fn path(tool: &str) -> String {
    format!("/api/v1/tools/{}", segment(tool))
}

pub(crate) async fn list(
    context: &Context<'_>,
    kind: Option<Kind>,
    caller: Option<&str>,
) -> Result<(), CliError> {
    let query = caller.map(|caller| format!("?as={}", segment(caller))).unwrap_or_default();
    let mut tools: Vec<Tool> = context.client.get(&format!("/api/v1/tools{query}")).await?;
    let kind = kind.map(ToolKind::from);
    tools.retain(|tool| kind.is_none_or(|kind| kind == tool.kind));
    let what = word(&kind.unwrap_or_default());
    let none = match (caller, kind) {
        (Some(caller), None) => format!("{caller} may use nothing: see `agw grants {caller}`."),
        (Some(caller), Some(_)) => {
            format!("{caller} may use no {what}: see `agw grants {caller}`.")
        }
        (None, _) => format!("No connection offers a {what}: see `agw connection list`."),
    };
    // Mostly there are none, and the table is wide enough.
    let kinds = tools.iter().any(|tool| tool.kind != ToolKind::Tool);
    let changed = tools.iter().any(|tool| tool.changed);
    let headings: Vec<&str> = ["ID"]
        .into_iter()
        .chain(kinds.then_some("KIND"))
        .chain(["EFFECT"])
        .chain(changed.then_some("STATE"))
        .chain(["MCP NAME", "DESCRIPTION"])
        .collect();
    context.output.list(
        &tools,
        &headings,
        |tool| {
            let mut cells = vec![name(&tool.id)];
            cells.extend(kinds.then(|| word(&tool.kind)));
            cells.push(effect(tool));
            if changed {
                cells.push(if tool.changed { "changed".to_owned() } else { String::new() });
            }
            cells.extend([cut(&tool.mcp_name, MCP_NAME), first_line(&tool.description)]);
            cells
        },
        &none,
    )?;
    if let Some(changed) = tools.iter().find(|tool| tool.changed) {
        context.output.hint(&format!(
            "A changed tool is kept back until its definition is accepted: see `agw tool review {}`.",
            changed.id
        ));
    }
    Ok(())
}

/// `read` as an admin confirmed it, `read?` as only its server says.
fn effect(tool: &Tool) -> String {
    match (tool.effect, tool.suggested_effect) {
        (Some(confirmed), _) => word(&confirmed),
        (None, Some(suggested)) => format!("{}?", word(&suggested)),
        (None, None) => String::new(),
    }
}

/// The first line of a description, shortened: the table has one row a tool.
fn first_line(text: &str) -> String {
    const WIDTH: usize = 72;
    cut(text.trim().lines().next().unwrap_or_default(), WIDTH)
}

pub(crate) async fn show(context: &Context<'_>, tool: &str) -> Result<(), CliError> {
    let detail: ToolDetail = context.client.get(&path(tool)).await?;
    context.output.item(&detail, || detail_text(&detail))
}

fn detail_text(detail: &ToolDetail) -> String {
    let tool = &detail.tool;
    let is_tool = tool.kind == ToolKind::Tool;
    let effect = match (tool.effect, tool.suggested_effect) {
        _ if !is_tool => format!("read, as every {} is", word(&tool.kind)),
        (Some(confirmed), _) => format!("{}, confirmed", word(&confirmed)),
        (None, Some(suggested)) => format!(
            "counts as write; its server says {}: `agw effect {} {}` confirms it",
            word(&suggested),
            tool.id,
            word(&suggested)
        ),
        (None, None) => {
            format!("counts as write; `agw effect {} EFFECT` says what it does", tool.id)
        }
    };
    let mut text = safe(&tool.id);
    if tool.changed {
        text.push_str(&format!(
            "\n  kept back: its definition changed since it was granted; see `agw tool review {}`",
            safe(&tool.id)
        ));
    }
    if !is_tool {
        text.push_str(&format!("\n  {:<12}  {}", "kind", word(&tool.kind)));
    }
    if tool.kind == ToolKind::Template {
        text.push_str(&format!("\n  {:<12}  {}", "granted as", safe(&tool.grant_as)));
    }
    for (name, value) in [
        ("mcp name", tool.mcp_name.clone()),
        ("effect", effect),
        ("granted", yes(tool.granted)),
        ("first seen", tool.first_seen_at.clone()),
        ("recorded", recorded(&detail.recording)),
    ] {
        text.push_str(&format!("\n  {name:<12}  {}", safe(&value)));
    }
    // Whatever a line of the server's holds stays one line, further in than ours.
    let schema = serde_json::to_string_pretty(&detail.input_schema).unwrap_or_default();
    for (heading, lines) in [
        ("what its server says of it:", tool.description.trim()),
        ("its arguments (JSON Schema):", &schema),
    ] {
        text.push_str(&format!("\n  {heading}"));
        for line in lines.lines() {
            text.push_str(&format!("\n    {}", safe(line)));
        }
    }
    text
}

pub(crate) async fn confirm(
    context: &Context<'_>,
    tool: &str,
    effect: ToolEffect,
    seen: IfVersion,
) -> Result<(), CliError> {
    let version = match seen.if_version {
        Some(version) => version,
        None => context.client.get::<ToolDetail>(&path(tool)).await?.tool.effect_version,
    };
    let request = ConfirmEffect { effect: effect.into(), version };
    let tool: Tool = context.client.put(&format!("{}/effect", path(tool)), &request).await?;
    context.output.item(&tool, || match &tool.effect {
        Some(effect) => format!("{} is confirmed as {}.", tool.id, word(effect)),
        None => format!("{} is not confirmed any more: it counts as write.", tool.id),
    })
}

/// What the records of a tool's calls keep.
fn recorded(recording: &Recording) -> String {
    let clear = match recording.clear.as_slice() {
        [] => String::new(),
        paths => format!("; in clear: {}", paths.join(", ")),
    };
    let bodies = if recording.bodies { "; full arguments and results, sealed" } else { "" };
    format!("digest and types of arguments{clear}{bodies}")
}

pub(crate) async fn record(context: &Context<'_>, args: ToolRecord) -> Result<(), CliError> {
    let path = path(&args.tool);
    let now = context.client.get::<ToolDetail>(&path).await?.recording;
    let tool = args.tool.clone();
    let set: Recording =
        context.client.put(&format!("{path}/recording"), &edited(args, now)).await?;
    context.output.item(&set, || format!("Of calls of {tool} is recorded: {}.", recorded(&set)))
}

/// What was asked for; the rest as it is.
fn edited(args: ToolRecord, now: Recording) -> Recording {
    Recording {
        clear: if args.none || !args.clear.is_empty() { args.clear } else { now.clear },
        bodies: !args.none && args.bodies.map_or(now.bodies, |switch| switch == Switch::On),
        version: args.seen.if_version.unwrap_or(now.version),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn descriptions_fit_a_line() {
        assert_eq!(first_line("Reads a file.\nMore."), "Reads a file.");
        assert_eq!(first_line(""), "");
        let long = first_line(&"ä".repeat(100));
        assert_eq!(long.chars().count(), 72);
        assert!(long.ends_with('…'));
    }

    fn tool(confirmed: Option<&str>, suggested: Option<&str>) -> ToolDetail {
        serde_json::from_value(json!({
            "id": "crm.read", "mcp_name": "crm__read", "connection": "crm",
            "description": "Reads.\neffect: read\u{202e}", "effect": confirmed,
            "suggested_effect": suggested, "granted": true,
            "first_seen_at": "2026-11-22T10:00:00Z", "input_schema": {"type": "object"},
            "recording": {"clear": ["to", "a.b"], "bodies": true, "version": 2}
        }))
        .unwrap()
    }

    #[test]
    fn a_suggestion_is_told_from_a_confirmation() {
        let shown = |confirmed, suggested| effect(&tool(confirmed, suggested).tool);
        assert_eq!(shown(Some("write"), Some("read")), "write");
        assert_eq!(shown(None, Some("read")), "read?");
        assert_eq!(shown(None, None), "");
    }

    #[test]
    fn one_tool() {
        assert_eq!(
            detail_text(&tool(None, Some("read"))),
            "crm.read
  mcp name      crm__read
  effect        counts as write; its server says read: `agw effect crm.read read` confirms it
  granted       yes
  first seen    2026-11-22T10:00:00Z
  recorded      digest and types of arguments; in clear: to, a.b; full arguments and results, sealed
  what its server says of it:
    Reads.
    effect: read\\u{202e}
  its arguments (JSON Schema):
    {
      \"type\": \"object\"
    }"
        );
    }

    #[test]
    fn what_is_no_tool_says_so_and_a_template_how_it_is_granted() {
        let mut template = tool(Some("read"), None);
        template.tool.id = "docs.@resource/note:///{id}".to_owned();
        template.tool.kind = ToolKind::Template;
        template.tool.grant_as = "docs.@resource/note:///*".to_owned();
        let text = detail_text(&template);
        let head: Vec<&str> = text.lines().take(5).collect();
        assert_eq!(
            head,
            [
                "docs.@resource/note:///{id}",
                "  kind          template",
                "  granted as    docs.@resource/note:///*",
                "  mcp name      crm__read",
                "  effect        read, as every template is",
            ]
        );
    }

    #[test]
    fn of_what_is_recorded_only_what_is_named_changes() {
        use clap::Parser as _;

        let now = || Recording { clear: vec!["to".into()], bodies: true, version: 2 };
        let set = |line: &str| {
            let line = format!("agw tool record crm.read {line}");
            let cli = crate::args::Cli::try_parse_from(line.split_whitespace()).unwrap();
            match cli.command {
                crate::args::Command::Tool {
                    command: Some(crate::args::ToolCommand::Record(args)),
                    ..
                } => edited(args, now()),
                other => panic!("{other:?}"),
            }
        };
        let of = |recording: Recording| (recording.clear, recording.bodies, recording.version);
        assert_eq!(of(set("--bodies off")), (vec!["to".to_owned()], false, 2));
        let clear = ["a", "b.c"].map(str::to_owned).to_vec();
        assert_eq!(of(set("--clear a --clear b.c --if-version 1")), (clear, true, 1));
        assert_eq!(of(set("--none")), (Vec::new(), false, 2));
        assert_eq!(recorded(&set("--none")), "digest and types of arguments");
    }
}
