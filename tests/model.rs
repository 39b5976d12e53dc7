//! The rules of permission, twice: core's, laid out for speed, and
//! [`rules`], a few dozen plain lines. A million random cases must come out
//! the same, and hold what every list, explanation, replay and approval
//! relies on.
//!
//! The seed is the time; a failure prints it with the case. To see that
//! failure again: `AGW_SEED=… cargo test -p agw-tests model`.

mod checks;
mod grid;
mod questions;
mod rules;
mod world;

use agw_core::{
    AgentId, Effect, Grant, GrantId, PermissionMap, Rate, Subject, TeamId, ToolId, ToolPattern,
    UserId,
};
use checks::{Case, Counts};
use questions::Questions;
use rules::{Rule, World};
use world::{PATTERNS, Pools, TEAMS, TIMES, TOOLS, USERS, Who};

use crate::support::random::{self, Random};

const CASES: u64 = 1_000_000;
/// Callers, tools and times that are tried on one permission map.
const SCENES: usize = 6;
/// Arguments that are tried in one scene.
const DRAWS: usize = 12;
const EFFECTS: [Effect; 3] = [Effect::Allow, Effect::Ask, Effect::Deny];
/// So that grants meet.
const BROAD: [&str; 4] = ["*", "*:write", "gmail.*", "fs.*"];
const TOOL_EFFECTS: [&str; 3] = ["read", "write", "destructive"];

#[test]
fn core_decides_as_the_rules_say() {
    let seed = random::seed();
    let mut random = Random::new(seed);
    let pools = Pools::new();
    let tools = TOOLS.map(|tool| tool.parse::<ToolId>().unwrap());
    let patterns = PATTERNS.map(|pattern| pattern.parse::<ToolPattern>().unwrap());
    let mut world = World::default();
    let mut counts = Counts::default();
    let mut questions = Questions::default();
    let mut version = 0;
    while counts.cases < CASES {
        // Often the map before with one grant changed, so that old answers
        // meet new questions.
        match world.rules.is_empty() || random.chance(2, 3) {
            true => world = random_world(&mut random, &pools),
            false => change(&mut world, &mut random, &pools),
        }
        version += 1;
        let map = build(&world, version, &patterns, &mut random);
        for _ in 0..SCENES {
            let who = Who::random(&mut random);
            let tool = random.pick(&tools);
            let now = *random.pick(&TIMES);
            let mut case =
                Case { seed, world: &world, map: &map, who: &who, tool, now, arguments: None };
            let scene = case.scene();
            case.check_list(&scene, &mut counts);
            let replayed = case.check_replay(&scene, random.chance(1, 8), &mut counts);
            let all = random.chance(1, 64);
            let draws = if all { pools.arguments.len() } else { DRAWS };
            for draw in 0..=draws {
                case.arguments = match draw {
                    0 => None,
                    _ if all => Some(&pools.arguments[draw - 1]),
                    _ => Some(random.pick(&pools.arguments)),
                };
                let verdict = case.check(&scene, &pools, &mut counts);
                case.check_against_replay(&verdict, &replayed);
                case.check_owner(&scene, &verdict, &pools, &mut counts);
                questions.check(&case, &verdict, &pools, &mut random);
            }
        }
    }
    counts.assert_all_happened();
    questions.assert_all_happened();
}

fn random_world<'p>(random: &mut Random, pools: &'p Pools) -> World<'p> {
    let rules = (1..=random.below(14) as u64).map(|id| random_rule(id, random, pools)).collect();
    let mut effects = Vec::new();
    for tool in TOOLS {
        if random.chance(1, 2) {
            effects.push((tool, *random.pick(&TOOL_EFFECTS)));
        }
    }
    World { rules, effects }
}

fn random_rule<'p>(id: u64, random: &mut Random, pools: &'p Pools) -> Rule<'p> {
    let one_of = |random: &mut Random, count: usize| random.below(count) as u64 + 1;
    let subject = match random.below(7) {
        0..3 => Subject::User(UserId::new(one_of(random, USERS.len()))),
        3..5 => Subject::Team(TeamId::new(one_of(random, TEAMS.len()))),
        _ => Subject::Agent(AgentId::new(one_of(random, world::AGENTS.len()))),
    };
    let patterns: &[&'static str] = if random.chance(1, 3) { &BROAD } else { &PATTERNS };
    let rates = ["10/min", "1/s"];
    Rule {
        id,
        version: one_of(random, 3),
        subject,
        pattern: patterns[random.below(patterns.len())],
        effect: *random.pick(&[EFFECTS.as_slice(), &[Effect::Allow; 3]].concat()),
        condition: random.chance(1, 2).then(|| random.pick(&pools.conditions)),
        expires_at: random
            .chance(1, 3)
            .then(|| random.pick(&TIMES).saturating_add(random.below(3) as i64 - 1)),
        rate: random.chance(1, 4).then(|| random.pick(&rates).parse::<Rate>().unwrap()),
    }
}

fn change<'p>(world: &mut World<'p>, random: &mut Random, pools: &'p Pools) {
    let at = random.below(world.rules.len());
    let before = world.rules[at];
    let changed = match random.below(3) {
        0 => before,
        1 => Rule { effect: *random.pick(&EFFECTS), ..before },
        _ => random_rule(before.id, random, pools),
    };
    world.rules[at] = Rule { version: before.version + 1, ..changed };
}

fn build(
    world: &World<'_>,
    version: u64,
    patterns: &[ToolPattern],
    random: &mut Random,
) -> PermissionMap {
    let parsed = |pattern| patterns[PATTERNS.iter().position(|p| *p == pattern).unwrap()].clone();
    let grants = world.rules.iter().map(|rule| Grant {
        id: GrantId::new(rule.id),
        subject: rule.subject,
        tool: parsed(rule.pattern),
        effect: rule.effect,
        condition: rule.condition.map(|condition| condition.compiled.clone()),
        expires_at: rule.expires_at,
        rate: rule.rate,
        version: rule.version,
    });
    let effects = world.effects.iter();
    let effects = effects.map(|(tool, effect)| (tool.parse().unwrap(), effect.parse().unwrap()));
    if random.chance(1, 2) {
        return PermissionMap::build(version, grants, effects);
    }
    // As a simulation makes one: other grants, the same effects.
    let forgotten = grants.clone().take(2);
    PermissionMap::build(version, forgotten, effects).with(grants)
}
