//! One case, decided by core and by the model, and what must hold of both.

use std::{fmt, thread};

use agw_core::{
    Call, Decision, Effect, GrantId, PermissionMap, Reason, Replayed, Stance, ToolId, decide,
    explain, may_see, replay,
};

use super::{
    EFFECTS,
    rules::{self, Rule, Standing, Verdict, World},
    world::{Arguments, Pools, Seen, Who},
};

/// Who calls what, when and with which arguments. Prints itself and the seed
/// if a check fails.
pub(super) struct Case<'c, 'p> {
    pub(super) seed: u64,
    pub(super) world: &'c World<'p>,
    pub(super) map: &'c PermissionMap,
    pub(super) who: &'c Who,
    pub(super) tool: &'c ToolId,
    pub(super) now: i64,
    pub(super) arguments: Option<&'c Arguments>,
}

/// What of a case does not depend on the arguments.
pub(super) struct Scene<'w, 'p> {
    about: Vec<&'w Rule<'p>>,
    in_scope: bool,
    visible: bool,
}

/// How often each thing happened: a check that never ran proves nothing.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) cases: u64,
    allowed: u64,
    asked: u64,
    denied: [u64; CODES.len()],
    seen: u64,
    hidden: u64,
    owners_compared: u64,
    replays_known: u64,
    replays_unknown: u64,
    replays_enumerated: u64,
}

const CODES: [&str; 5] =
    ["not_granted", "denied_by_grant", "out_of_scope", "condition_false", "condition_failed"];

impl Counts {
    pub(super) fn assert_all_happened(&self) {
        let Self { cases, denied: [a, b, c, d, e], .. } = *self;
        let each = [self.allowed, self.asked, a, b, c, d, e, self.seen, self.hidden];
        let replays = [self.replays_known, self.replays_unknown, self.replays_enumerated];
        for count in each.into_iter().chain(replays).chain([self.owners_compared]) {
            assert!(count > cases / 1_000, "{self:?}");
        }
    }
}

impl Drop for Case<'_, '_> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{self:#?}");
        }
    }
}

impl fmt::Debug for Case<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case")
            .field("AGW_SEED", &self.seed)
            .field("world", self.world)
            .field("who", self.who)
            .field("tool", &self.tool.as_str())
            .field("now", &self.now)
            .field("arguments", &self.arguments.map(|arguments| &arguments.text))
            .finish()
    }
}

impl<'c, 'p> Case<'c, 'p> {
    pub(super) fn scene(&self) -> Scene<'c, 'p> {
        let about = rules::about(self.world, self.who, self.tool.as_str());
        let in_scope = rules::in_scope(self.world, self.who, self.tool.as_str());
        let visible = rules::visible(&about, in_scope, self.now);
        Scene { about, in_scope, visible }
    }

    pub(super) fn call(&self) -> Call<'c> {
        let arguments = self.arguments.map(|arguments| arguments.text.as_bytes());
        Call { tool: self.tool, arguments, now: self.now }
    }

    /// As the gateway asks: without arguments, with a digest of something.
    pub(super) fn decide(&self, who: &Who, pools: &Pools) -> Decision {
        let digest = self.arguments.unwrap_or(&pools.arguments[0]).digest;
        decide(self.map, &who.caller, &self.call(), digest)
    }

    fn standings(&self, scene: &Scene<'c, 'p>) -> Vec<Standing<'c, 'p>> {
        let facts = &self.who.caller.facts;
        let seen = Seen {
            arguments: self.arguments,
            user: &facts.user,
            teams: &facts.teams,
            agent: facts.agent.as_deref(),
            tool: self.tool.as_str(),
            now: self.now,
        };
        scene.about.iter().map(|rule| (*rule, rules::stance(rule, &seen))).collect()
    }

    /// A list names just what the model would name.
    pub(super) fn check_list(&self, scene: &Scene<'_, '_>, counts: &mut Counts) {
        let seen = may_see(self.map, &self.who.caller, self.tool, self.now);
        assert_eq!(seen, scene.visible);
        *(if seen { &mut counts.seen } else { &mut counts.hidden }) += 12;
    }

    /// `decide` and `explain` say what the model says.
    pub(super) fn check(
        &self,
        scene: &Scene<'c, 'p>,
        pools: &Pools,
        counts: &mut Counts,
    ) -> Verdict {
        counts.cases += 1;
        let standings = self.standings(scene);
        let verdict = rules::verdict(&standings, scene.in_scope);
        let decision = self.decide(self.who, pools);
        match &decision {
            Decision::Allow(permit) => {
                counts.allowed += 1;
                assert_eq!(Verdict::Allow(permit.grants().map(GrantId::get).collect()), verdict);
                assert_eq!(permit.user(), self.who.caller.user);
                assert_eq!(permit.agent(), self.who.caller.agent.as_ref().map(|agent| agent.id));
                assert_eq!(permit.tool(), self.tool);
                assert_eq!(permit.policy_version(), self.map.version());
                if let Some(arguments) = self.arguments {
                    assert_eq!(permit.arguments(), arguments.digest);
                }
                let by_owner = scene.about.iter().filter(|rule| !rules::of_agent(rule));
                let by_owner: Vec<_> = by_owner.map(|rule| rule.id).collect();
                assert!(permit.grants().any(|id| by_owner.contains(&id.get())), "no owner's grant");
            }
            Decision::Ask(question) => {
                counts.asked += 1;
                let grants = question.key().grants;
                let asking = grants.iter().map(|(id, _)| id.get()).collect();
                assert_eq!(Verdict::Ask(asking), verdict);
                assert_eq!(question.policy_version(), self.map.version());
                for (id, version) in grants {
                    let rule = scene.about.iter().find(|rule| rule.id == id.get());
                    assert_eq!(rule.map(|rule| rule.version), Some(version));
                }
            }
            Decision::Deny(denial) => {
                let code = CODES.iter().position(|code| *code == denial.reason.code()).unwrap();
                counts.denied[code] += 1;
                assert_eq!(denied(denial.reason), verdict);
                assert_eq!(denial.visible, scene.visible);
                assert_eq!(denial.policy_version, self.map.version());
                let blamed = scene.about.iter().find(|rule| Some(rule.id) == blamed(&verdict));
                let condition = blamed.and_then(|rule| rule.condition);
                assert_eq!(
                    denial.condition.as_ref().map(|condition| condition.text()),
                    condition.map(|condition| condition.text)
                );
                let unmet = matches!(denial.reason, Reason::ConditionFalse(_))
                    || matches!(denial.reason, Reason::ConditionFailed(_));
                assert_eq!(denial.unmet.is_some(), unmet);
            }
        }
        let allows = !matches!(decision, Decision::Deny(_));
        assert!(scene.visible || !allows, "decided for a tool that no list names");
        self.check_explanation(&decision, &verdict, &standings);
        verdict
    }

    fn check_explanation(
        &self,
        decision: &Decision,
        verdict: &Verdict,
        standings: &[Standing<'_, '_>],
    ) {
        let explained = explain(self.map, &self.who.caller, &self.call());
        let said = match (explained.outcome, explained.grants.iter().map(|g| g.get()).collect()) {
            (Ok(Effect::Allow), grants) => Verdict::Allow(grants),
            (Ok(Effect::Ask), grants) => Verdict::Ask(grants),
            (Ok(Effect::Deny), _) => panic!("a refusal has a reason"),
            (Err(reason), grants) => {
                assert_eq!(grants, blamed(verdict).into_iter().collect::<Vec<_>>());
                denied(reason)
            }
        };
        assert_eq!(said, *verdict);
        let rates: Vec<_> = match verdict {
            Verdict::Deny(..) => Vec::new(),
            Verdict::Allow(ids) | Verdict::Ask(ids) => ids
                .iter()
                .map(|id| standings.iter().find(|(rule, _)| rule.id == *id).unwrap().0)
                .filter_map(|rule| Some((GrantId::new(rule.id), rule.rate?)))
                .collect(),
        };
        assert_eq!(explained.rates, rates);
        if let Decision::Allow(permit) = decision {
            assert_eq!(permit.rates(), rates);
        }
        assert_eq!(explained.steps.len(), standings.len());
        for (step, (rule, stance)) in explained.steps.iter().zip(standings) {
            assert_eq!((step.grant.get(), step.stance), (rule.id, *stance));
            let unmet = [Stance::ConditionFalse, Stance::ConditionFailed].contains(stance);
            assert_eq!(step.unmet.is_some(), unmet, "{:?}", step.unmet);
            let failed = step.unmet.as_ref().is_some_and(|unmet| unmet.fault.is_some());
            assert!(!failed || *stance == Stance::ConditionFailed || has_parts(rule));
        }
    }

    /// An agent has nothing that its owner has not. A condition that looks at
    /// the agent can hold for it alone, so that is asked of the owner's own
    /// grants; where there is none, of the owner too.
    pub(super) fn check_owner(
        &self,
        scene: &Scene<'c, 'p>,
        verdict: &Verdict,
        pools: &Pools,
        counts: &mut Counts,
    ) {
        if self.who.caller.agent.is_none() || matches!(verdict, Verdict::Deny(..)) {
            return;
        }
        let standings = self.standings(scene);
        let owners = || standings.iter().filter(|(rule, _)| !rules::of_agent(rule));
        let matching = |effect| {
            owners().any(|(rule, stance)| rule.effect == effect && *stance == Stance::Matches)
        };
        assert!(matching(Effect::Allow) || matching(Effect::Ask));
        assert!(!matching(Effect::Deny));
        assert!(!matching(Effect::Ask) || matches!(verdict, Verdict::Ask(_)));
        let particular = |rule: &Rule<'_>| rule.condition.is_some_and(|c| c.looks_at_agent);
        if owners().any(|(rule, _)| particular(rule)) {
            return;
        }
        counts.owners_compared += 1;
        match self.decide(&self.who.owner(), pools) {
            Decision::Allow(_) => {}
            Decision::Ask(_) => assert!(matches!(verdict, Verdict::Ask(_)), "the owner is asked"),
            Decision::Deny(denial) => panic!("the owner may not: {:?}", denial.reason),
        }
    }

    /// `replay` says what a decision can come to: just the outcomes that there
    /// are when each condition on arguments turns out each way.
    pub(super) fn check_replay(
        &self,
        scene: &Scene<'c, 'p>,
        enumerate: bool,
        counts: &mut Counts,
    ) -> Replayed {
        let replayed = replay(self.map, &self.who.caller, &self.call());
        let about = scene.about.iter().map(|rule| (GrantId::new(rule.id), rule.version));
        assert!(replayed.about.iter().copied().eq(about), "{:?}", replayed.about);
        let known = replayed.effect().is_some();
        *(if known { &mut counts.replays_known } else { &mut counts.replays_unknown }) += 12;
        let open = self.standings(scene);
        let depends = |(rule, stance): &Standing<'_, '_>| {
            *stance != Stance::Expired && rule.condition.is_some_and(|c| c.reads_arguments)
        };
        let depending: Vec<usize> = (0..open.len()).filter(|at| depends(&open[*at])).collect();
        if !enumerate || depending.len() > 4 {
            return replayed;
        }
        counts.replays_enumerated += 12;
        let mut outcomes = Vec::new();
        for mut turn in 0..3_usize.pow(depending.len() as u32) {
            let mut standings = open.clone();
            for at in &depending {
                let turns = [Stance::Matches, Stance::ConditionFalse, Stance::ConditionFailed];
                standings[*at].1 = turns[turn % 3];
                turn /= 3;
            }
            outcomes.push(effect(&rules::verdict(&standings, scene.in_scope)));
        }
        let of = |effects: &[Effect]| EFFECTS.map(|effect| effects.contains(&effect));
        assert_eq!(of(&replayed.possible), of(&outcomes), "{replayed:?} {outcomes:?}");
        replayed
    }

    pub(super) fn check_against_replay(&self, verdict: &Verdict, replayed: &Replayed) {
        let came = effect(verdict);
        assert!(replayed.possible.contains(&came), "{replayed:?}");
        assert!(replayed.effect().is_none_or(|known| known == came), "{replayed:?}");
    }
}

fn denied(reason: Reason) -> Verdict {
    Verdict::Deny(reason.code(), reason.grant().map(GrantId::get))
}

fn blamed(verdict: &Verdict) -> Option<u64> {
    match verdict {
        Verdict::Deny(_, blamed) => *blamed,
        Verdict::Allow(_) | Verdict::Ask(_) => None,
    }
}

fn effect(verdict: &Verdict) -> Effect {
    match verdict {
        Verdict::Allow(_) => Effect::Allow,
        Verdict::Ask(_) => Effect::Ask,
        Verdict::Deny(..) => Effect::Deny,
    }
}

/// A part can fail where the whole is false.
fn has_parts(rule: &Rule<'_>) -> bool {
    rule.condition.is_some_and(|condition| condition.text.contains("&&"))
}
