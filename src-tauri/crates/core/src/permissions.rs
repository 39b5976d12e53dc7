//! The permission map: all grants, laid out so that a decision takes the same
//! few look-ups whether there are ten grants or a hundred thousand.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::{AgentId, GrantId, TeamId, ToolId, ToolPattern, UserId};

/// Who a grant is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    User(UserId),
    Team(TeamId),
    /// One agent of one user. `Allow` adds the tool to the agent's scope,
    /// which never reaches beyond its owner's permissions.
    Agent(AgentId),
}

/// What a grant does to the calls that it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    Allow,
    Deny,
}

/// A rule: subject × tool pattern → effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub id: GrantId,
    pub subject: Subject,
    pub tool: ToolPattern,
    pub effect: Effect,
}

/// The grants that name one subject and one tool pattern.
#[derive(Debug, Clone, Copy, Default)]
struct Rule {
    allow: Option<GrantId>,
    deny: Option<GrantId>,
}

type BySubject = HashMap<Subject, Rule, RandomState>;

/// An immutable snapshot of all grants. Build a new one on every change and
/// swap it in; readers never wait.
#[derive(Debug, Default)]
pub struct PermissionMap {
    version: u64,
    any: BySubject,
    by_connection: HashMap<Box<str>, BySubject, RandomState>,
    by_tool: HashMap<Box<str>, BySubject, RandomState>,
}

impl PermissionMap {
    /// `version` goes into every decision made with this map.
    pub fn build(version: u64, grants: impl IntoIterator<Item = Grant>) -> Self {
        let mut map = Self { version, ..Self::default() };
        for grant in grants {
            let by_subject = match &grant.tool {
                ToolPattern::Any => &mut map.any,
                ToolPattern::Connection(name) => {
                    map.by_connection.entry(name.as_str().into()).or_default()
                }
                ToolPattern::Tool(id) => map.by_tool.entry(id.as_str().into()).or_default(),
            };
            let rule = by_subject.entry(grant.subject).or_default();
            match grant.effect {
                Effect::Allow => rule.allow = Some(grant.id),
                Effect::Deny => rule.deny = Some(grant.id),
            }
        }
        map
    }

    pub fn version(&self) -> u64 {
        self.version
    }

    /// The grants that could be about `tool`, whoever they are for, in at
    /// most three tables.
    pub(crate) fn about(&self, tool: &ToolId) -> About<'_> {
        About([
            self.by_tool.get(tool.as_str()),
            self.by_connection.get(tool.connection().as_str()),
            (!self.any.is_empty()).then_some(&self.any),
        ])
    }
}

/// See [`PermissionMap::about`].
pub(crate) struct About<'a>([Option<&'a BySubject>; 3]);

impl About<'_> {
    pub(crate) fn allow(&self, subject: Subject) -> Option<GrantId> {
        self.rules(subject).find_map(|rule| rule.allow)
    }

    pub(crate) fn deny(&self, subject: Subject) -> Option<GrantId> {
        self.rules(subject).find_map(|rule| rule.deny)
    }

    fn rules(&self, subject: Subject) -> impl Iterator<Item = Rule> {
        self.0.iter().flatten().filter_map(move |by_subject| by_subject.get(&subject).copied())
    }
}
