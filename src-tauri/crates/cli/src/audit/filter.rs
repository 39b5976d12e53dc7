//! Which records are meant: as a query for the gateway, which searches the
//! past, and as a test of each record that comes while one is watching.

use agw_api::{AuditRecord, Client, ClientError, Team, codes, segment};

use crate::args::{AuditFilter, written};
use crate::error::CliError;

impl AuditFilter {
    /// `&user=ana&decision=deny`, or nothing.
    pub(super) fn query(&self) -> String {
        let texts = [
            ("user", &self.user),
            ("team", &self.team),
            ("agent", &self.agent),
            ("connection", &self.connection),
            ("tool", &self.tool),
            ("reason", &self.reason),
            ("status", &self.status),
            ("text", &self.text),
        ];
        let words = [
            ("decision", self.decision.as_ref().map(written)),
            ("effect", self.effect.as_ref().map(written)),
            ("kind", self.kind.as_ref().map(written)),
        ];
        let texts = texts.into_iter().filter_map(|(key, value)| Some((key, value.clone()?)));
        let words = words.into_iter().filter_map(|(key, value)| Some((key, value?)));
        texts.chain(words).map(|(key, value)| format!("&{key}={}", segment(&value))).collect()
    }

    /// Whether every record is meant.
    pub(super) fn is_empty(&self) -> bool {
        self.query().is_empty()
    }
}

/// The same for records that are at hand.
#[derive(Debug)]
pub(super) struct Matcher<'a> {
    filter: &'a AuditFilter,
    /// Members of the team that is asked for.
    members: Vec<String>,
}

impl<'a> Matcher<'a> {
    pub(super) async fn new(client: &Client, filter: &'a AuditFilter) -> Result<Self, CliError> {
        let mut matcher = Self { filter, members: Vec::new() };
        match (matcher.refresh(client).await?, &filter.team) {
            // Nothing would ever come.
            (false, Some(name)) => Err(CliError::failed(
                codes::NOT_FOUND,
                format!("there is no team {name}"),
                "`agw team list` lists those that there are.",
            )),
            _ => Ok(matcher),
        }
    }

    /// Who is in the team may have changed. Whether there is such a team.
    pub(super) async fn refresh(&mut self, client: &Client) -> Result<bool, ClientError> {
        let Some(name) = &self.filter.team else { return Ok(false) };
        let teams: Vec<Team> = client.get("/api/v1/teams").await?;
        let team = teams.into_iter().find(|team| team.name == *name);
        let found = team.is_some();
        self.members = team.map(|team| team.members).unwrap_or_default();
        Ok(found)
    }

    pub(super) fn matches(&self, record: &AuditRecord) -> bool {
        let filter = self.filter;
        let is =
            |wanted: &Option<String>, actual: &Option<String>| wanted.is_none() || wanted == actual;
        let word = |wanted: Option<String>, actual: &Option<String>| is(&wanted, actual);
        is(&filter.user, &record.user)
            && is(&filter.tool, &record.tool)
            && is(&filter.reason, &record.reason)
            && is(&filter.status, &record.status)
            && word(filter.decision.as_ref().map(written), &record.decision)
            && filter.kind.as_ref().map(written).is_none_or(|kind| kind == record.kind)
            && self.team(record)
            && filter.agent.as_ref().is_none_or(|agent| is_agent(agent, record))
            && filter.connection.as_ref().is_none_or(|name| is_of(name, record))
            && filter.effect.as_ref().map(written).is_none_or(|effect| does(&effect, record))
            && filter.text.as_ref().is_none_or(|words| mentions(words, record))
    }

    fn team(&self, record: &AuditRecord) -> bool {
        let member = |user: &String| self.members.contains(user);
        self.filter.team.is_none() || record.user.as_ref().is_some_and(member)
    }
}

/// `AGENT` of anybody, or `USER/AGENT`.
fn is_agent(wanted: &str, record: &AuditRecord) -> bool {
    let (user, agent) = match wanted.split_once('/') {
        Some((user, agent)) => (Some(user), agent),
        None => (None, wanted),
    };
    record.agent.as_deref() == Some(agent) && (user.is_none() || user == record.user.as_deref())
}

fn is_of(connection: &str, record: &AuditRecord) -> bool {
    let tool = record.tool.as_deref().and_then(|tool| tool.split_once('.'));
    tool.is_some_and(|(of, _)| of == connection)
}

/// Only a call has an effect, if an unknown one.
fn does(effect: &str, record: &AuditRecord) -> bool {
    let of_call = matches!(record.kind.as_str(), "intent" | "outcome" | "approval");
    of_call && record.effect.as_deref().unwrap_or("unknown") == effect
}

/// In names, tools, codes, details or arguments kept in clear; upper and lower
/// case alike.
fn mentions(text: &str, record: &AuditRecord) -> bool {
    let text = text.trim().to_lowercase();
    let clear = record.clear.as_ref().map(ToString::to_string);
    let parts = [
        Some(&record.kind),
        record.tool.as_ref(),
        record.decision.as_ref(),
        record.reason.as_ref(),
        record.status.as_ref(),
        record.user.as_ref(),
        record.agent.as_ref(),
        record.detail.as_ref(),
        clear.as_ref(),
    ];
    parts.into_iter().flatten().any(|part| part.to_lowercase().contains(&text))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use serde_json::json;

    use super::*;
    use crate::args::{AuditCommand, Cli, Command};

    fn filter(line: &str) -> AuditFilter {
        let line = format!("agw audit tail {line}");
        match Cli::try_parse_from(line.split_whitespace()).unwrap().command {
            Command::Audit(AuditCommand::Tail(filter)) => filter,
            other => panic!("{other:?}"),
        }
    }

    fn record() -> AuditRecord {
        serde_json::from_value(json!({
            "seq": 7, "time": "2026-11-22T10:00:00.000Z", "kind": "outcome", "user": "ana",
            "agent": "claude", "tool": "crm.update", "decision": "deny", "reason": "not_granted",
            "status": "denied", "call_id": "c1", "args": {"path": "string(4)"},
            "clear": {"to": ["Ben@acme.com"]}, "detail": "no grant for it"
        }))
        .unwrap()
    }

    fn matches(line: &str, record: &AuditRecord) -> bool {
        let filter = filter(line);
        Matcher { filter: &filter, members: vec!["ana".into()] }.matches(record)
    }

    #[test]
    fn as_a_query() {
        assert_eq!(filter("").query(), "");
        assert!(filter("").is_empty());
        assert_eq!(
            filter(
                "--user ana --team sales --agent ana/claude --connection crm --tool crm.x \
                 --reason r --status ok --text a --decision ask --effect unknown --kind sign_in"
            )
            .query(),
            "&user=ana&team=sales&agent=ana%2Fclaude&connection=crm&tool=crm.x&reason=r&status=ok\
             &text=a&decision=ask&effect=unknown&kind=sign_in"
        );
    }

    #[test]
    fn every_part_of_a_filter_counts() {
        for (same, other) in [
            ("--user ana", "--user ben"),
            ("--agent claude", "--agent cursor"),
            ("--agent ana/claude", "--agent ben/claude"),
            ("--connection crm", "--connection cr"),
            ("--tool crm.update", "--tool crm.read"),
            ("--decision deny", "--decision allow"),
            ("--reason not_granted", "--reason paused"),
            ("--effect unknown", "--effect write"),
            ("--kind outcome", "--kind intent"),
            ("--status denied", "--status ok"),
            ("--text ben@ACME", "--text ben@umbrella"),
        ] {
            assert!(matches(same, &record()), "{same}");
            assert!(!matches(other, &record()), "{other}");
            // All of them must hold.
            assert!(matches(&format!("{same} --team sales"), &record()), "{same}");
            assert!(!matches(&format!("{other} --team sales"), &record()), "{other}");
        }
    }

    #[test]
    fn a_team_is_its_members() {
        assert!(matches("--team sales", &record()));
        let other = AuditRecord { user: Some("ben".into()), ..record() };
        assert!(!matches("--team sales", &other));
        assert!(!matches("--team sales", &AuditRecord { user: None, ..record() }));
    }

    #[test]
    fn a_text_is_one_text() {
        for (text, found) in [("no grant", true), ("grant no", false), ("ANA", true), ("4", false)]
        {
            let filter = AuditFilter { text: Some(text.into()), ..AuditFilter::default() };
            let matcher = Matcher { filter: &filter, members: Vec::new() };
            assert_eq!(matcher.matches(&record()), found, "{text}");
        }
    }

    #[test]
    fn what_is_no_call_has_no_effect() {
        let sign_in = AuditRecord { kind: "sign_in".into(), ..record() };
        assert!(!matches("--effect unknown", &sign_in));
        let write = AuditRecord { effect: Some("write".into()), ..record() };
        assert!(matches("--effect write", &write) && !matches("--effect unknown", &write));
    }
}
