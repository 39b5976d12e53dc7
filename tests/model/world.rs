//! What the cases are drawn from: small pools, so that grants, callers and
//! calls meet often. A condition carries its truth beside its text, written
//! by hand and never asked of the evaluator.

use std::{fmt, sync::Arc};

use agw_core::{AgentCaller, AgentId, Caller, CallerFacts, Condition, TeamId, UserId, json};

use crate::support::random::Random;

pub(super) const USERS: [&str; 2] = ["ana", "bo"];
pub(super) const TEAMS: [&str; 3] = ["sales", "support", "ops"];
/// Names and owners; two owners have an agent of the same name.
pub(super) const AGENTS: [(&str, usize); 3] = [("claude", 0), ("cursor", 0), ("claude", 1)];

pub(super) const TOOLS: [&str; 6] =
    ["gmail.send", "gmail.read", "g.mail", "fs.read", "fs.v1.read", "fs.v1/read"];
pub(super) const PATTERNS: [&str; 21] = [
    "*",
    "*:read",
    "*:write",
    "*:destructive",
    "read",
    "write",
    "destructive",
    "gmail.*",
    "gmail.*:read",
    "gmail.*:write",
    "fs.*",
    "fs.*:read",
    "fs.*:destructive",
    "g.*",
    "gmail.send",
    "gmail.read",
    "g.mail",
    "fs.read",
    "fs.v1.read",
    "fs.v1/read",
    "other.*",
];

pub(super) const HOUR: i64 = 3_600_000;
/// 2026-11-23, 00:00 UTC.
pub(super) const MIDNIGHT: i64 = 1_795_392_000_000;
/// Around the edges of an office day and of the clock.
pub(super) const TIMES: [i64; 12] = [
    MIDNIGHT,
    MIDNIGHT + 9 * HOUR - 1,
    MIDNIGHT + 9 * HOUR,
    MIDNIGHT + 9 * HOUR + 1,
    MIDNIGHT + 12 * HOUR,
    MIDNIGHT + 17 * HOUR - 1,
    MIDNIGHT + 17 * HOUR,
    0,
    -1,
    -HOUR,
    i64::MAX,
    i64::MIN,
];

/// What a condition comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    Yes,
    No,
    Fault,
}

use Truth::{Fault, No, Yes};

fn truth(holds: bool) -> Truth {
    if holds { Yes } else { No }
}

/// One argument, `n`, of every kind that matters to a comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum N {
    Missing,
    Number(f64),
    Text,
    Null,
}

/// `to`: a list of addresses, or nothing of the kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum To {
    Missing,
    List(&'static [&'static str]),
    Text,
}

/// One set of arguments, as the model and as a caller writes it.
#[derive(Debug, Clone)]
pub(super) struct Arguments {
    pub(super) n: N,
    pub(super) to: To,
    pub(super) text: String,
    pub(super) digest: json::Digest,
    /// Those of one group are the same arguments, spelt differently.
    pub(super) group: usize,
}

/// What the conditions of the pool may look at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) arguments: Option<&'a Arguments>,
    pub(super) user: &'a str,
    pub(super) teams: &'a [String],
    pub(super) agent: Option<&'a str>,
    pub(super) tool: &'a str,
    pub(super) now: i64,
}

impl Seen<'_> {
    fn n(&self, of: impl Fn(N) -> Truth) -> Truth {
        match self.arguments.map(|arguments| arguments.n) {
            None | Some(N::Missing) => Fault,
            Some(n) => of(n),
        }
    }

    fn number(&self, holds: impl Fn(f64) -> bool) -> Truth {
        self.n(|n| if let N::Number(n) = n { truth(holds(n)) } else { Fault })
    }

    fn has_n(&self) -> Truth {
        self.arguments.map_or(Fault, |arguments| truth(arguments.n != N::Missing))
    }

    fn to(&self, holds: impl Fn(&[&str]) -> bool) -> Truth {
        match self.arguments.map(|arguments| arguments.to) {
            Some(To::List(list)) => truth(holds(list)),
            _ => Fault,
        }
    }

    /// None where the calendar ends.
    fn hour(&self) -> Option<i64> {
        (-(1_i64 << 52)..1 << 52)
            .contains(&self.now)
            .then(|| self.now.div_euclid(HOUR).rem_euclid(24))
    }
}

/// A condition whose truth the model knows.
pub(super) struct Known {
    pub(super) text: &'static str,
    pub(super) truth: fn(&Seen<'_>) -> Truth,
    pub(super) reads_arguments: bool,
    /// So that it can hold for an agent and not for its owner.
    pub(super) looks_at_agent: bool,
    pub(super) compiled: Arc<Condition>,
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

type Line = (&'static str, fn(&Seen<'_>) -> Truth);

/// As CEL has it: false and true win over a fault.
fn and(one: Truth, other: Truth) -> Truth {
    match (one, other) {
        (No, _) | (_, No) => No,
        (Yes, Yes) => Yes,
        _ => Fault,
    }
}

fn or(one: Truth, other: Truth) -> Truth {
    not(and(not(one), not(other)))
}

fn not(truth: Truth) -> Truth {
    match truth {
        Yes => No,
        No => Yes,
        Fault => Fault,
    }
}

const CONDITIONS: &[Line] = &[
    ("true", |_| Yes),
    ("false", |_| No),
    ("args.n <= 3", |s| s.number(|n| n <= 3.0)),
    ("!(args.n > 2)", |s| s.number(|n| n <= 2.0)),
    ("args.n == 1", |s| s.n(|n| truth(n == N::Number(1.0)))),
    ("args.n != 1", |s| s.n(|n| truth(n != N::Number(1.0)))),
    ("args.n in [1, 'three', null]", |s| s.n(|n| truth(n == N::Number(1.0) || n == N::Null))),
    ("args.n / 0 == 1", |_| Fault),
    ("has(args.n)", |s| s.has_n()),
    ("has(args.n) && args.n <= 3", |s| and(s.has_n(), s.number(|n| n <= 3.0))),
    ("!has(args.n) || args.n == 2", |s| or(not(s.has_n()), s.n(|n| truth(n == N::Number(2.0))))),
    ("args.to.all(r, r.endsWith('@acme.com'))", |s| {
        s.to(|list| list.iter().all(|r| r.ends_with("@acme.com")))
    }),
    ("args.to.exists(r, r == 'eve@evil.example')", |s| {
        s.to(|list| list.contains(&"eve@evil.example"))
    }),
    ("size(args.to) > 1 && args.n < 2", |s| {
        let long = match s.arguments.map(|arguments| arguments.to) {
            Some(To::List(list)) => truth(list.len() > 1),
            // Texts have a size too; that of the pool is a long one.
            Some(To::Text) => Yes,
            _ => Fault,
        };
        and(long, s.number(|n| n < 2.0))
    }),
    ("user.name == 'ana'", |s| truth(s.user == "ana")),
    ("'sales' in user.teams", |s| truth(s.teams.iter().any(|team| team == "sales"))),
    ("args.n <= 3 || user.name == 'ana'", |s| or(s.number(|n| n <= 3.0), truth(s.user == "ana"))),
    ("user.name == 'ana' && args.n >= 3", |s| and(truth(s.user == "ana"), s.number(|n| n >= 3.0))),
    ("agent.name == 'claude'", |s| s.agent.map_or(Fault, |name| truth(name == "claude"))),
    ("agent == null", |s| truth(s.agent.is_none())),
    ("agent != null && agent.name != 'claude'", |s| {
        truth(s.agent.is_some_and(|name| name != "claude"))
    }),
    ("agent == null ? args.n <= 3 : agent.name.startsWith('c')", |s| {
        s.agent.map_or_else(|| s.number(|n| n <= 3.0), |name| truth(name.starts_with('c')))
    }),
    ("connection.name == 'gmail'", |s| truth(s.tool.split('.').next() == Some("gmail"))),
    ("tool.id in ['gmail.send', 'fs.v1/read']", |s| {
        truth(s.tool == "gmail.send" || s.tool == "fs.v1/read")
    }),
    ("now.getHours() >= 9 && now.getHours() < 17", |s| {
        s.hour().map_or(Fault, |hour| truth((9..17).contains(&hour)))
    }),
    ("now < timestamp('2026-11-23T09:00:00Z')", |s| {
        s.hour().map_or(Fault, |_| truth(s.now < MIDNIGHT + 9 * HOUR))
    }),
];

/// Compiled once: that takes far longer than a decision.
pub(super) struct Pools {
    pub(super) conditions: Vec<Known>,
    pub(super) arguments: Vec<Arguments>,
}

impl Pools {
    pub(super) fn new() -> Self {
        let conditions = CONDITIONS.iter().map(|(text, truth)| Known {
            text,
            truth: *truth,
            reads_arguments: text.contains("args"),
            looks_at_agent: text.contains("agent"),
            compiled: Condition::compile(text).unwrap().into(),
        });
        Self { conditions: conditions.collect(), arguments: arguments() }
    }
}

fn arguments() -> Vec<Arguments> {
    let numbers = [0.0, 1.0, 2.0, 2.5, 3.0, 4.0].map(N::Number);
    let to: [(To, &str); 6] = [
        (To::Missing, ""),
        (To::List(&[]), "[]"),
        (To::List(&["bo@acme.com"]), r#"["bo@acme.com"]"#),
        (To::List(&["eve@evil.example"]), r#"["eve@evil.example"]"#),
        (To::List(&["bo@acme.com", "eve@evil.example"]), r#"["bo@acme.com","eve@evil.example"]"#),
        (To::Text, r#""bo@acme.com""#),
    ];
    let mut pool = Vec::new();
    for (to, to_text) in to {
        for n in numbers.into_iter().chain([N::Missing, N::Text, N::Null]) {
            let members = [("\"to\"", to_text.to_owned()), ("\"n\"", n.to_string())];
            let members: Vec<_> = members.iter().filter(|(_, value)| !value.is_empty()).collect();
            let plain: Vec<_> = members.iter().map(|(k, v)| format!("{k}:{v}")).collect();
            let turned: Vec<_> =
                members.iter().rev().map(|(k, v)| format!(" {k} :\n{v}")).collect();
            let group = pool.len();
            for text in [format!("{{{}}}", plain.join(",")), format!("{{{} }}", turned.join(","))] {
                let digest = json::parse(text.as_bytes()).unwrap().digest().unwrap();
                pool.push(Arguments { n, to, text, digest, group });
            }
        }
    }
    pool
}

/// Its JSON text.
impl fmt::Display for N {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => Ok(()),
            Self::Number(n) => n.fmt(f),
            Self::Text => f.write_str("\"3\""),
            Self::Null => f.write_str("null"),
        }
    }
}

/// A caller, with its scope as text for the model.
#[derive(Debug, Clone)]
pub(super) struct Who {
    pub(super) caller: Caller,
    pub(super) scope: Vec<&'static str>,
}

impl Who {
    pub(super) fn random(random: &mut Random) -> Self {
        let agent = random.chance(2, 3).then(|| random.below(AGENTS.len()));
        let user = agent.map_or_else(|| random.below(USERS.len()), |agent| AGENTS[agent].1);
        let teams: Vec<usize> = (0..TEAMS.len()).filter(|_| random.chance(1, 2)).collect();
        let scope: Vec<&str> = match agent {
            Some(_) if random.chance(1, 2) => {
                (0..=random.below(2)).map(|_| *random.pick(&PATTERNS)).collect()
            }
            _ => Vec::new(),
        };
        let facts = CallerFacts {
            user: USERS[user].into(),
            teams: teams.iter().map(|team| TEAMS[*team].into()).collect(),
            agent: agent.map(|agent| AGENTS[agent].0.into()),
        };
        let id = |at: usize| at as u64 + 1;
        let caller = Caller {
            user: UserId::new(id(user)),
            teams: teams.iter().map(|team| TeamId::new(id(*team))).collect(),
            agent: agent.map(|agent| AgentCaller {
                id: AgentId::new(id(agent)),
                scope: scope.iter().map(|pattern| pattern.parse().unwrap()).collect(),
            }),
            facts: facts.into(),
        };
        Self { caller, scope }
    }

    /// The owner, with the token of their own.
    pub(super) fn owner(&self) -> Self {
        let facts = CallerFacts { agent: None, ..(*self.caller.facts).clone() };
        let caller = Caller { agent: None, facts: facts.into(), ..self.caller.clone() };
        Self { caller, scope: Vec::new() }
    }
}
