//! A yes answers the question that it was said to, and no other.

use std::collections::VecDeque;

use agw_core::{Approved, Decision, Grants, Question, QuestionKey, UserId};

use super::{
    checks::Case,
    rules::Verdict,
    world::{Pools, TOOLS},
};
use crate::support::random::Random;

/// Earlier questions that are kept to be mistaken for later ones.
const KEPT: usize = 8;

/// What the model tells two questions apart by.
#[derive(Debug, Clone, PartialEq)]
struct About {
    user: u64,
    agent: Option<u64>,
    tool: String,
    /// Grants and their versions.
    grants: Vec<(u64, u64)>,
}

#[derive(Debug, Default)]
pub(super) struct Questions {
    kept: VecDeque<(QuestionKey, About, usize)>,
    answered_by_its_own: u64,
    by_another_yes: u64,
    by_yes_to_any: u64,
    refused: u64,
}

impl Questions {
    pub(super) fn assert_all_happened(&self) {
        let Self { answered_by_its_own, by_another_yes, by_yes_to_any, refused, .. } = self;
        let counts = [answered_by_its_own, by_another_yes, by_yes_to_any, refused];
        assert!(counts.iter().all(|count| **count > 100), "{counts:?}");
    }

    pub(super) fn check(
        &mut self,
        case: &Case<'_, '_>,
        verdict: &Verdict,
        pools: &Pools,
        random: &mut Random,
    ) {
        let (Verdict::Ask(ids), Some(arguments)) = (verdict, case.arguments) else { return };
        if !random.chance(1, 4) {
            return;
        }
        let caller = &case.who.caller;
        let version = |id| case.world.rules.iter().find(|rule| rule.id == id).unwrap().version;
        let about = About {
            user: caller.user.get(),
            agent: caller.agent.as_ref().map(|agent| agent.id.get()),
            tool: case.tool.to_string(),
            grants: ids.iter().map(|id| (*id, version(*id))).collect(),
        };
        let ask = || match case.decide(case.who, pools) {
            Decision::Ask(question) => question,
            other => panic!("{other:?}"),
        };
        let mut question = ask();
        let key = question.key();
        for (kept, kept_about, kept_group) in &self.kept {
            let same_but_arguments = *kept_about == about;
            let same = same_but_arguments && *kept_group == arguments.group;
            let once = Approved::Once(kept.clone());
            let any = Approved::AnyArguments(kept.clone());
            for (yes, answers) in [(once, same), (any, same_but_arguments)] {
                question = match question.approved(&yes) {
                    Ok(permit) => {
                        assert!(answers, "{yes:?} answers {key:?}");
                        assert_eq!(permit.arguments(), arguments.digest);
                        assert_eq!(permit.tool(), case.tool);
                        self.by_another_yes += u64::from(same);
                        self.by_yes_to_any += u64::from(!same);
                        ask()
                    }
                    Err(question) => {
                        assert!(!answers, "{yes:?} does not answer {key:?}");
                        self.refused += 1;
                        *question
                    }
                };
            }
        }
        question = Self::refuse_near_misses(question, &key, pools, random);
        let yes = match random.chance(1, 2) {
            true => Approved::Once(key.clone()),
            false => Approved::AnyArguments(key.clone()),
        };
        let permit = question.approved(&yes).unwrap();
        assert_eq!((permit.user(), permit.tool()), (caller.user, case.tool));
        assert!(permit.grants().map(|id| id.get()).eq(ids.iter().copied()));
        self.answered_by_its_own += 1;
        self.kept.push_back((key, about, arguments.group));
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
    }

    /// The same key with one thing changed.
    fn refuse_near_misses(
        mut question: Question,
        key: &QuestionKey,
        pools: &Pools,
        random: &mut Random,
    ) -> Question {
        let user = UserId::new(key.user.get() + 1);
        let agent = match key.agent {
            Some(_) => None,
            None => Some("a1".parse().unwrap()),
        };
        let tool = TOOLS.iter().find(|tool| **tool != key.tool.as_str()).unwrap();
        let newer: Grants = key.grants.iter().map(|(id, version)| (*id, version + 1)).collect();
        let fewer: Grants = key.grants.iter().skip(1).copied().collect();
        let others = [
            QuestionKey { user, ..key.clone() },
            QuestionKey { agent, ..key.clone() },
            QuestionKey { tool: tool.parse().unwrap(), ..key.clone() },
            QuestionKey { grants: newer, ..key.clone() },
            QuestionKey { grants: fewer, ..key.clone() },
        ];
        for other in others {
            for yes in [Approved::Once(other.clone()), Approved::AnyArguments(other)] {
                question = *question.approved(&yes).expect_err("a yes to another question");
            }
        }
        let digest = random.pick(&pools.arguments).digest;
        if digest != key.arguments {
            let other = QuestionKey { arguments: digest, ..key.clone() };
            question = *question.approved(&Approved::Once(other)).expect_err("other arguments");
        }
        question
    }
}
