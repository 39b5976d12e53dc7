//! Scenarios that are expected to fail, each with its reason:
//! tests/conformance-expected.txt.
//!
//! ```text
//! # cells and scenarios; a * at the end stands for any rest
//! server-2026-*  tasks-*: tasks are an extension that the gateway does not have
//! ```

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};

use super::fail;
use super::results::Outcome;

#[derive(Debug)]
pub(super) struct Expected {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    cells: String,
    scenarios: String,
    reason: String,
}

impl Entry {
    fn parse(line: &str) -> anyhow::Result<Self> {
        let wanted = || format!("`{line}` is not CELL SCENARIO: REASON");
        let (what, reason) = line.split_once(": ").with_context(wanted)?;
        let (cells, scenarios) = what.split_once(char::is_whitespace).with_context(wanted)?;
        ensure!(!reason.trim().is_empty(), "`{line}` gives no reason");
        Ok(Self {
            cells: cells.to_owned(),
            scenarios: scenarios.trim().to_owned(),
            reason: reason.trim().to_owned(),
        })
    }

    fn covers(&self, cell: &str, scenario: &str) -> bool {
        matches(&self.cells, cell) && matches(&self.scenarios, scenario)
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

impl Expected {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        Ok(Self { entries: lines.map(Entry::parse).collect::<anyhow::Result<_>>()? })
    }

    /// Why this scenario may fail.
    pub(super) fn reason(&self, cell: &str, scenario: &str) -> Option<&str> {
        let entry = self.entries.iter().find(|entry| entry.covers(cell, scenario))?;
        Some(&entry.reason)
    }

    /// Fails on what is not expected, and on what is expected and did not
    /// happen in the cells that ran.
    pub(super) fn judge(&self, outcomes: &[Outcome]) -> anyhow::Result<()> {
        let mut problems = Vec::new();
        for outcome in outcomes {
            for scenario in outcome.failed() {
                if self.reason(outcome.cell, &scenario.name).is_none() {
                    let scored =
                        if scenario.scored { "" } else { " (not scored, and no reason given)" };
                    problems.push(format!("{}: {}{scored}", outcome.cell, scenario.name));
                }
            }
        }
        for entry in &self.entries {
            let ran: Vec<_> =
                outcomes.iter().filter(|outcome| matches(&entry.cells, outcome.cell)).collect();
            let fails = |outcome: &&Outcome| {
                outcome.failed().any(|scenario| matches(&entry.scenarios, &scenario.name))
            };
            if !ran.is_empty() && !ran.iter().any(fails) {
                problems.push(format!(
                    "{} {} does not fail any more: remove it from tests/conformance-expected.txt",
                    entry.cells, entry.scenarios
                ));
            }
        }
        fail(&problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_needs_a_reason_and_a_star_stands_for_any_rest() {
        let entry = Entry::parse("server-2026-*  tasks-*: an extension").unwrap();
        assert!(entry.covers("server-2026-legacy", "tasks-lifecycle"));
        assert!(!entry.covers("server-2025-legacy", "tasks-lifecycle"));
        assert!(!entry.covers("server-2026-legacy", "caching"));
        assert_eq!(entry.reason, "an extension");
        assert!(Entry::parse("server-2026-modern caching").is_err());
        assert!(Entry::parse("server-2026-modern caching:  ").is_err());
    }
}
