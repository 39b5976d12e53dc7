//! The window's grid resolves grants by itself (`ui/src/features/grants/resolve.ts`).
//! What core says to the same questions is written down here and compared
//! there: `resolve.golden.test.ts`. The cases are always the same ones.

use std::{fs, path::PathBuf, sync::Arc};

use agw_core::{
    AgentCaller, AgentId, Call, Caller, CallerFacts, Condition, Decision, Effect, Grant, GrantId,
    PermissionMap, Subject, TeamId, ToolId, UserId, decide, json, replay,
};
use serde_json::{Value, json};

use crate::support::random::Random;

const WORLDS: usize = 60;
const SEED: u64 = 6;
const NOW: &str = "2026-11-23T00:00:00Z";
const NOW_MS: i64 = super::world::MIDNIGHT;
/// One that has expired, and one that has not.
const ENDS: [(&str, i64); 2] =
    [("2026-11-22T00:00:00Z", NOW_MS - 86_400_000), ("2026-11-24T00:00:00Z", NOW_MS + 86_400_000)];

const USERS: [(&str, &[usize]); 2] = [("ana", &[0]), ("bo", &[0, 1])];
const TEAMS: [&str; 2] = ["sales", "ops"];
/// Name, owner, scope.
const AGENTS: [(&str, usize, &[&str]); 4] = [
    ("claude", 0, &[]),
    ("cursor", 0, &["gmail.*", "docs.@resource/file:///a/*"]),
    ("script", 1, &["*:read"]),
    ("desk", 1, &["fs.read", "docs.*"]),
];
const TOOLS: [(&str, Option<&str>); 7] = [
    ("gmail.send", None),
    ("gmail.read", Some("read")),
    ("fs.read", Some("read")),
    ("fs.delete", Some("destructive")),
    ("g.mail", Some("write")),
    ("docs.@resource/file:///a/b.txt", None),
    ("docs.@prompt/review", None),
];
const PATTERNS: [&str; 16] = [
    "*",
    "*:read",
    "*:write",
    "*:destructive",
    "gmail.*",
    "gmail.*:read",
    "gmail.*:write",
    "fs.*",
    "fs.*:destructive",
    "gmail.send",
    "fs.read",
    "g.mail",
    "docs.*",
    "docs.@resource/file:///a/*",
    "docs.@prompt/*",
    "docs.@prompt/review",
];
const CONDITION: &str = "args.n > 1";
/// For which it holds, does not hold, and fails.
const ARGUMENTS: [&str; 3] = [r#"{"n": 2}"#, r#"{"n": 0}"#, "{}"];
const EFFECTS: [(&str, Effect); 4] = [
    ("allow", Effect::Allow),
    ("allow", Effect::Allow),
    ("ask", Effect::Ask),
    ("deny", Effect::Deny),
];

#[test]
fn the_grid_is_told_what_core_decides() {
    let mut random = Random::new(SEED);
    let worlds: Vec<Value> = (0..WORLDS).map(|_| world(&mut random)).collect();
    let users = USERS.map(|(name, teams)| json!({"name": name, "teams": teams.iter().map(|t| TEAMS[*t]).collect::<Vec<_>>()}));
    let agents = AGENTS
        .map(|(name, owner, scope)| json!({"user": USERS[owner].0, "name": name, "scope": scope}));
    let tools = TOOLS.map(|(id, effect)| json!({"id": id, "effect": effect}));
    let golden =
        json!({"now": NOW, "users": users, "agents": agents, "tools": tools, "worlds": worlds});
    let current =
        serde_json::to_string(&golden).unwrap().replace("{\"answers\"", "\n{\"answers\"") + "\n";
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../ui/src/features/grants/resolve.golden.json");
    if std::env::var_os("AGW_BLESS").is_some_and(|bless| bless == "1") {
        fs::write(&path, &current).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == current,
        "{} is not what core says; run AGW_BLESS=1 cargo test -p agw-tests the_grid_is_told, then npx vitest run in ui/",
        path.display(),
    );
}

/// Some grants, and the answers: `CALLER TOOL REPLAYED REASON…`, where the
/// reasons are those of each of [`ARGUMENTS`].
fn world(random: &mut Random) -> Value {
    let condition = Arc::new(Condition::compile(CONDITION).unwrap());
    let (mut grants, mut listed) = (Vec::new(), Vec::new());
    for id in 1..=2 + random.below(7) as u64 {
        let (subject, name) = match random.below(6) {
            0..2 => user(random.below(USERS.len())),
            2..4 => team(random.below(TEAMS.len())),
            _ => agent(random.below(AGENTS.len())),
        };
        let pattern = *random.pick(&PATTERNS);
        let (word, effect) = *random.pick(&EFFECTS);
        let conditional = random.chance(1, 4);
        let end = random.chance(1, 5).then(|| *random.pick(&ENDS));
        listed.push(json!({
            "id": format!("g{id}"), "subject": name, "tool": pattern, "effect": word,
            "when": conditional.then_some(CONDITION), "expires_at": end.map(|(text, _)| text),
        }));
        grants.push(Grant {
            id: GrantId::new(id),
            subject,
            tool: pattern.parse().unwrap(),
            effect,
            condition: conditional.then(|| Arc::clone(&condition)),
            expires_at: end.map(|(_, at)| at),
            rate: None,
            version: 1,
        });
    }
    let effects = TOOLS
        .iter()
        .filter_map(|(id, effect)| Some((id.parse().unwrap(), (*effect)?.parse().unwrap())));
    let map = PermissionMap::build(1, grants, effects);
    let mut answers = Vec::new();
    for (caller, name) in callers() {
        for (id, _) in TOOLS {
            let tool: ToolId = id.parse().unwrap();
            answers.push(format!("{name} {id} {}", answer(&map, &caller, &tool)));
        }
    }
    json!({"answers": answers, "grants": listed})
}

fn answer(map: &PermissionMap, caller: &Caller, tool: &ToolId) -> String {
    let unknown = Call { tool, arguments: None, now: NOW_MS };
    let mut words = vec![match replay(map, caller, &unknown).effect() {
        None => "depends",
        Some(Effect::Allow) => "allow",
        Some(Effect::Ask) => "ask",
        Some(Effect::Deny) => "deny",
    }];
    for text in ARGUMENTS {
        let digest = json::parse(text.as_bytes()).unwrap().digest().unwrap();
        let call = Call { arguments: Some(text.as_bytes()), ..unknown };
        words.push(match decide(map, caller, &call, digest) {
            Decision::Allow(_) => "allow",
            Decision::Ask(_) => "ask",
            Decision::Deny(denial) => denial.reason.code(),
        });
    }
    words.join(" ")
}

fn user(n: usize) -> (Subject, String) {
    (Subject::User(UserId::new(n as u64 + 1)), USERS[n].0.to_owned())
}

fn team(n: usize) -> (Subject, String) {
    (Subject::Team(TeamId::new(n as u64 + 1)), format!("team:{}", TEAMS[n]))
}

fn agent(n: usize) -> (Subject, String) {
    let (name, owner, _) = AGENTS[n];
    (Subject::Agent(AgentId::new(n as u64 + 1)), format!("{}/{name}", USERS[owner].0))
}

fn callers() -> Vec<(Caller, String)> {
    let caller = |owner: usize, agent: Option<usize>| Caller {
        user: UserId::new(owner as u64 + 1),
        teams: USERS[owner].1.iter().map(|team| TeamId::new(*team as u64 + 1)).collect(),
        agent: agent.map(|n| AgentCaller {
            id: AgentId::new(n as u64 + 1),
            scope: AGENTS[n].2.iter().map(|pattern| pattern.parse().unwrap()).collect(),
        }),
        facts: Arc::<CallerFacts>::default(),
    };
    let users = (0..USERS.len()).map(|n| (caller(n, None), user(n).1));
    let agents = (0..AGENTS.len()).map(|n| (caller(AGENTS[n].1, Some(n)), agent(n).1));
    users.chain(agents).collect()
}
