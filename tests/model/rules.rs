//! The rules, written again: no maps, no early ends, nothing of core's but
//! its names for things. Read it beside the head of core's `decision.rs`.

use agw_core::{Effect, Rate, Stance, Subject};

use super::world::{Known, Seen, Truth, Who};

/// A grant, its pattern and condition as the model reads them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule<'p> {
    pub(super) id: u64,
    pub(super) version: u64,
    pub(super) subject: Subject,
    pub(super) pattern: &'static str,
    pub(super) effect: Effect,
    pub(super) condition: Option<&'p Known>,
    pub(super) expires_at: Option<i64>,
    pub(super) rate: Option<Rate>,
}

/// All that the model decides from; order is that of insertion.
#[derive(Debug, Clone, Default)]
pub(super) struct World<'p> {
    pub(super) rules: Vec<Rule<'p>>,
    /// Tools and their confirmed effects.
    pub(super) effects: Vec<(&'static str, &'static str)>,
}

/// A rule and how it stands to one call.
pub(super) type Standing<'w, 'p> = (&'w Rule<'p>, Stance);

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    Allow(Vec<u64>),
    Ask(Vec<u64>),
    /// Code, and the rule to blame.
    Deny(&'static str, Option<u64>),
}

impl World<'_> {
    pub(super) fn effect_of(&self, tool: &str) -> &'static str {
        self.effects.iter().find(|(known, _)| *known == tool).map_or("write", |(_, effect)| effect)
    }

    /// Whether `pattern` means `tool`.
    pub(super) fn means(&self, pattern: &str, tool: &str) -> bool {
        let effect = self.effect_of(tool);
        if ["read", "write", "destructive"].contains(&pattern) {
            return pattern == effect;
        }
        let (tools, wanted) = pattern.split_once(':').unwrap_or((pattern, effect));
        let named = match tools.strip_suffix('*') {
            Some(beginning) => tool.starts_with(beginning),
            None => tool == tools,
        };
        named && wanted == effect
    }
}

/// The rules about this caller and tool: the user's, each team's, the agent's;
/// of each those that name the tool, those that name its connection, the rest.
pub(super) fn about<'w, 'p>(world: &'w World<'p>, who: &Who, tool: &str) -> Vec<&'w Rule<'p>> {
    let mut subjects = vec![Subject::User(who.caller.user)];
    subjects.extend(who.caller.teams.iter().map(|team| Subject::Team(*team)));
    subjects.extend(who.caller.agent.iter().map(|agent| Subject::Agent(agent.id)));
    let mut about = Vec::new();
    for subject in subjects {
        for breadth in 0..3 {
            about.extend(world.rules.iter().filter(|rule| {
                rule.subject == subject
                    && how_broad(rule.pattern) == breadth
                    && world.means(rule.pattern, tool)
            }));
        }
    }
    about
}

fn how_broad(pattern: &str) -> usize {
    match pattern.split_once('.') {
        None => 2,
        Some((_, tools)) if tools.starts_with('*') => 1,
        Some(_) => 0,
    }
}

pub(super) fn stance(rule: &Rule<'_>, seen: &Seen<'_>) -> Stance {
    if rule.expires_at.is_some_and(|at| seen.now >= at) {
        return Stance::Expired;
    }
    match rule.condition.map(|condition| (condition.truth)(seen)) {
        None | Some(Truth::Yes) => Stance::Matches,
        Some(Truth::No) => Stance::ConditionFalse,
        Some(Truth::Fault) => Stance::ConditionFailed,
    }
}

pub(super) fn in_scope(world: &World<'_>, who: &Who, tool: &str) -> bool {
    who.scope.is_empty() || who.scope.iter().any(|pattern| world.means(pattern, tool))
}

pub(super) fn of_agent(rule: &Rule<'_>) -> bool {
    matches!(rule.subject, Subject::Agent(_))
}

pub(super) fn verdict(about: &[Standing<'_, '_>], in_scope: bool) -> Verdict {
    let first = |wanted: &dyn Fn(&Rule<'_>, Stance) -> bool| {
        about.iter().find(|(rule, stance)| wanted(rule, *stance)).map(|(rule, _)| rule.id)
    };
    // A deny that holds, then a deny or an ask of which nobody can say.
    if let Some(id) = first(&|rule, s| rule.effect == Effect::Deny && s == Stance::Matches) {
        return Verdict::Deny("denied_by_grant", Some(id));
    }
    if let Some(id) = first(&|rule, s| rule.effect != Effect::Allow && s == Stance::ConditionFailed)
    {
        return Verdict::Deny("condition_failed", Some(id));
    }
    // Somebody must grant it to the owner; and to the agent, out of its scope.
    for (to_agent, needed, otherwise) in
        [(false, true, "not_granted"), (true, !in_scope, "out_of_scope")]
    {
        let grants = |rule: &Rule<'_>| rule.effect != Effect::Deny && of_agent(rule) == to_agent;
        if !needed || first(&|rule, s| grants(rule) && s == Stance::Matches).is_some() {
            continue;
        }
        let unmet = about.iter().find(|(rule, s)| grants(rule) && *s != Stance::Expired);
        return match unmet {
            None => Verdict::Deny(otherwise, None),
            Some((rule, Stance::ConditionFalse)) => Verdict::Deny("condition_false", Some(rule.id)),
            Some((rule, _)) => Verdict::Deny("condition_failed", Some(rule.id)),
        };
    }
    let matching = |effect| {
        let of = about.iter().filter(|(rule, s)| rule.effect == effect && *s == Stance::Matches);
        of.map(|(rule, _)| rule.id).collect::<Vec<_>>()
    };
    match matching(Effect::Ask) {
        none if none.is_empty() => Verdict::Allow(matching(Effect::Allow)),
        asking => Verdict::Ask(asking),
    }
}

/// Whether a list names the tool: as if every condition turned out well.
pub(super) fn visible(about: &[&Rule<'_>], in_scope: bool, now: i64) -> bool {
    let live = || about.iter().filter(|rule| rule.expires_at.is_none_or(|at| now < at));
    let granted =
        |to_agent| live().any(|rule| rule.effect != Effect::Deny && of_agent(rule) == to_agent);
    let denied = live().any(|rule| rule.effect == Effect::Deny && rule.condition.is_none());
    !denied && granted(false) && (in_scope || granted(true))
}
