//! `agw doctor` and `agw egress`: what is well, and what is reached.

use agw_api::{Check, Connection, Diagnosis, Egress, EgressEntry, Finding, segment};
use serde::Serialize;

use crate::args::DoctorArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{bytes, count, word};
use crate::times::seconds;

/// One line of the doctor's.
#[derive(Serialize)]
struct Line {
    /// `gateway`, or a connection's name.
    of: String,
    #[serde(flatten)]
    check: Check,
}

pub(crate) async fn doctor(context: &Context<'_>, args: DoctorArgs) -> Result<(), CliError> {
    let mut lines: Vec<Line> = Vec::new();
    let mut add = |of: &str, found: Diagnosis| {
        lines.extend(found.checks.into_iter().map(|check| Line { of: of.to_owned(), check }));
    };
    let names = match args.connection {
        Some(name) => vec![name],
        None => {
            add("gateway", context.client.get("/api/v1/doctor").await?);
            let all: Vec<Connection> = context.client.get("/api/v1/connections").await?;
            all.into_iter().map(|connection| connection.name).collect()
        }
    };
    for name in names {
        let path = format!("/api/v1/connections/{}/doctor", segment(&name));
        add(&name, context.client.post(&path, &()).await?);
    }
    let cells = |line: &Line| {
        let mark = match line.check.finding {
            Finding::Ok => "ok",
            Finding::Advice => "advice",
            Finding::Problem => "PROBLEM",
            Finding::Unknown => "-",
        };
        let next = line.check.next.as_deref().map(|next| format!(" {next}")).unwrap_or_default();
        let what = line.check.id.replace('_', " ");
        vec![line.of.clone(), what, mark.to_owned(), format!("{}{next}", line.check.said)]
    };
    context.output.list(
        &lines,
        &["OF", "WHAT", "FINDING", "SAID"],
        cells,
        "Nothing to look at.",
    )?;
    let problems = lines.iter().filter(|line| line.check.finding == Finding::Problem).count();
    context.output.hint(&match problems {
        0 => "No problem was found.".to_owned(),
        found => count(u32::try_from(found).unwrap_or(u32::MAX), "problem"),
    });
    Ok(())
}

pub(crate) async fn egress(context: &Context<'_>) -> Result<(), CliError> {
    let egress: Egress = context.client.get("/api/v1/egress").await?;
    if context.output.json() {
        return context.output.item(&egress, String::new);
    }
    let headings = ["FOR", "TO", "ADDRESS", "FIRST", "LAST", "OPENED", "OPEN", "SENT", "RECEIVED"];
    let none = "Nothing was connected to.";
    context.output.list(&egress.entries, &headings, cells, none)?;
    context.output.hint(&remarks(&egress));
    Ok(())
}

fn cells(entry: &EgressEntry) -> Vec<String> {
    let owner = entry.name.as_deref().map(|name| format!(" {name}")).unwrap_or_default();
    let failed =
        if entry.failed > 0 { format!(", {} failed", entry.failed) } else { String::new() };
    vec![
        format!("{}{owner}", word(&entry.kind).replace('_', " ")),
        format!("{}:{}", entry.host, entry.port),
        entry.address.clone().unwrap_or_else(|| "-".to_owned()),
        seconds(&entry.first),
        seconds(&entry.last),
        format!("{}{failed}", entry.opened),
        entry.open.to_string(),
        bytes(entry.sent),
        bytes(entry.received),
    ]
}

/// What the list does not hold.
fn remarks(egress: &Egress) -> String {
    let mut text = format!("Everything that the gateway opened since {}.", seconds(&egress.since));
    if egress.dropped > 0 {
        text.push_str(&format!(" {} older lines were dropped.", egress.dropped));
    }
    if !egress.programs.is_empty() {
        let programs = egress.programs.iter();
        let programs = programs.map(|p| format!("{} ({})", p.command, p.connection));
        let programs: Vec<String> = programs.collect();
        text.push_str(&format!(
            "\nPrograms that it started, whose own connections it does not see: {}.",
            programs.join(", ")
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn started_programs_are_told_of() {
        let egress: Egress = serde_json::from_value(serde_json::json!({
            "since": "2026-11-22T09:30:00.000Z", "entries": [], "dropped": 3,
            "programs": [{"connection": "files", "command": "npx", "running": true}],
        }))
        .unwrap();
        let text = remarks(&egress);
        assert!(text.contains("3 older lines were dropped."), "{text}");
        assert!(text.ends_with("does not see: npx (files)."), "{text}");
    }
}
