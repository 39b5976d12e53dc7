//! The permission map: all grants, laid out so that a decision takes the same
//! few look-ups whether there are ten grants or a hundred thousand.

use std::{collections::HashMap, sync::Arc};

use foldhash::fast::RandomState;

use crate::{
    AgentId, Condition, GrantId, ItemKind, Rate, TeamId, ToolEffect, ToolId, ToolPattern, UserId,
};

/// Who a grant is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    User(UserId),
    Team(TeamId),
    /// One agent of one user. `Allow` and `Ask` add the tool to the agent's
    /// scope, which never reaches beyond its owner's permissions.
    Agent(AgentId),
}

/// What a grant does to the calls that it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    Allow,
    /// A person decides.
    Ask,
    Deny,
}

/// A rule: subject × tool pattern → effect.
#[derive(Debug, Clone)]
pub struct Grant {
    pub id: GrantId,
    pub subject: Subject,
    pub tool: ToolPattern,
    pub effect: Effect,
    /// It matches only calls that this holds for.
    pub condition: Option<Arc<Condition>>,
    /// Milliseconds since 1970; from then on it matches nothing.
    pub expires_at: Option<i64>,
    /// How often calls that it matches may be made.
    pub rate: Option<Rate>,
    /// Counts its changes.
    pub version: u64,
}

type BySubject = HashMap<Subject, Vec<Grant>, RandomState>;

/// An immutable snapshot of all grants. Build a new one on every change and
/// swap it in; readers never wait.
#[derive(Debug, Default)]
pub struct PermissionMap {
    version: u64,
    any: BySubject,
    by_connection: HashMap<Box<str>, BySubject, RandomState>,
    by_tool: HashMap<Box<str>, BySubject, RandomState>,
    effects: HashMap<Box<str>, ToolEffect, RandomState>,
}

impl PermissionMap {
    /// `version` goes into every decision made with this map; `effects` are
    /// those that an admin confirmed.
    pub fn build(
        version: u64,
        grants: impl IntoIterator<Item = Grant>,
        effects: impl IntoIterator<Item = (ToolId, ToolEffect)>,
    ) -> Self {
        let effects =
            effects.into_iter().map(|(tool, effect)| (tool.as_str().into(), effect)).collect();
        let mut map = Self { version, effects, ..Self::default() };
        for grant in grants {
            let by_subject = match &grant.tool {
                ToolPattern::Any(_) => &mut map.any,
                ToolPattern::Connection(name, _) | ToolPattern::Beginning(name, _) => {
                    map.by_connection.entry(name.as_str().into()).or_default()
                }
                ToolPattern::Tool(id) => map.by_tool.entry(id.as_str().into()).or_default(),
            };
            by_subject.entry(grant.subject).or_default().push(grant);
        }
        map
    }

    /// The same with other grants.
    pub fn with(&self, grants: impl IntoIterator<Item = Grant>) -> Self {
        let effects = self.effects.clone();
        Self { effects, ..Self::build(self.version, grants, []) }
    }

    pub fn version(&self) -> u64 {
        self.version
    }

    /// What a tool is known to do: what an admin said. Prompts and resources
    /// are read, by what they are.
    pub fn known_effect(&self, tool: &ToolId) -> Option<ToolEffect> {
        match tool.tool().kind() {
            ItemKind::Prompt | ItemKind::Resource => Some(ToolEffect::Read),
            ItemKind::Tool => self.effects.get(tool.as_str()).copied(),
        }
    }

    /// What is held of a tool: `Write` unless it is known.
    pub fn effect_of(&self, tool: &ToolId) -> ToolEffect {
        self.known_effect(tool).unwrap_or_default()
    }

    /// Whether any grant that has not expired at `now` allows a tool to
    /// somebody, or asks.
    pub fn grants_anybody(&self, tool: &ToolId, now: i64) -> bool {
        let about = self.about(tool);
        let grants = about.tables.into_iter().flatten().flat_map(HashMap::values).flatten();
        let wanted = about.effect;
        grants
            .filter(|grant| grant.tool.matches(tool, wanted))
            .filter(|grant| grant.expires_at.is_none_or(|at| at > now))
            .any(|grant| grant.effect != Effect::Deny)
    }

    /// The grants that could be about `tool`, whoever they are for, in at
    /// most three tables.
    pub(crate) fn about<'t>(&self, tool: &'t ToolId) -> About<'_, 't> {
        let tables = [
            self.by_tool.get(tool.as_str()),
            self.by_connection.get(tool.connection().as_str()),
            (!self.any.is_empty()).then_some(&self.any),
        ];
        About { tables, tool, effect: self.effect_of(tool) }
    }
}

/// See [`PermissionMap::about`].
pub(crate) struct About<'m, 't> {
    tables: [Option<&'m BySubject>; 3],
    tool: &'t ToolId,
    effect: ToolEffect,
}

impl<'m> About<'m, '_> {
    /// What is held of the tool.
    pub(crate) fn effect(&self) -> ToolEffect {
        self.effect
    }

    /// Those of one subject, the most specific pattern first.
    pub(crate) fn of(&self, subject: Subject) -> impl Iterator<Item = &'m Grant> {
        let (tool, effect) = (self.tool, self.effect);
        let tables = self.tables.into_iter().flatten();
        tables.filter_map(move |by_subject| by_subject.get(&subject)).flatten().filter(
            move |grant| match &grant.tool {
                // Its table says only of which connection it is.
                ToolPattern::Beginning(..) => grant.tool.matches(tool, effect),
                pattern => pattern.effect().is_none_or(|wanted| wanted == effect),
            },
        )
    }
}
