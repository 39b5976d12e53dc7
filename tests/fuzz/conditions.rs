//! Conditions: any text is refused or becomes one that is sound, whatever
//! arguments it then meets.

use agw_core::{
    CallerFacts, Condition, ConditionFault, Facts, MintedToken, TokenKind, both, json, not,
};
use bolero::{check, produce};

use super::{edited, text};

const SEEDS: [&str; 12] = [
    "args.n <= 3",
    "args.to.all(r, r.endsWith('@acme.com')) && args.n <= 100",
    "has(args.o) && args['l'][0] in [1, 'b', 2.5, null] || !(user.name == \"ana\")",
    "args.l.filter(x, x > 1).map(y, y + 1) == [2u, 0x1F] ? true : args.f",
    "now.getHours('Europe/Berlin') >= 9 && now - timestamp('2024-01-15T11:00:00Z') < duration('2h')",
    "args.s.matches('^/srv/[a-z]+$') && type(args.s) == string && size({'a': -1}) == 1",
    "args.l.exists(a, args.l.exists_one(b, a + b == 3)) // r'''x''' \\n",
    "args.o.s == args.s && 'sales' in user.teams",
    "agent != null && agent.name == 'claude' && connection.name != 'gmail' && tool.id != 'fs.read'",
    "args[args.s] == args.o[args.s]",
    "int(args.s) + 1 < 5 || string(args.n).contains('1') || timestamp(args.s) < now",
    "user.teams.exists(t, t == args.s) == (args.l.size() % 2 == 0)",
];

const SCRAPS: [&str; 52] = [
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ".",
    ",",
    ":",
    "?",
    "!",
    "-",
    "+",
    "*",
    "/",
    "%",
    "==",
    "!=",
    "<=",
    "&&",
    "||",
    " in ",
    "'",
    "\"",
    "\\",
    "args",
    "args.s",
    "args.l",
    "user.name",
    "agent",
    "now",
    "x",
    "1",
    "1.5",
    "9223372036854775807",
    "1e308",
    "'a'",
    "r'",
    "b'",
    "null",
    "has(",
    ".all(x, ",
    ".map(y, ",
    ".size()",
    ".matches('",
    "@",
    "é",
    "😀",
    "\n",
    "//",
    "u",
    "string(",
];

/// A schema that says what the seeds' arguments are, one that says nothing,
/// and one that contradicts itself.
const SCHEMAS: [&str; 3] = [
    r#"{"type": "object", "additionalProperties": false, "properties": {
        "to": {"type": "array", "items": {"type": "string"}}, "n": {"type": "number"},
        "l": {"type": "array", "items": {"type": "integer"}}, "s": {"type": "string"},
        "f": {"type": "boolean"}, "o": {"type": "object", "properties": {"s": {"type": "string"}}}}}"#,
    "{}",
    r#"{"type": "array", "properties": {"n": {"type": "null"}, "l": {"items": {"type": 3}}, "s": 1}}"#,
];

/// JSON of the bytes, mostly with the members that the seeds look at. Holds
/// `secret` somewhere in most cases.
fn arguments(bytes: &[u8], secret: &str) -> Vec<u8> {
    // Not always JSON.
    if bytes.first().is_some_and(|first| *first < 8) {
        return bytes.to_vec();
    }
    let mut bytes = bytes.iter().copied();
    let mut out = String::from("{");
    for key in ["to", "n", "l", "s", "f", "o", "a"] {
        if bytes.next().is_none_or(|byte| byte % 8 == 0) {
            continue;
        }
        let comma = if out.len() > 1 { "," } else { "" };
        out += &format!("{comma}\"{key}\":");
        value(&mut bytes, 3, secret, &mut out);
    }
    out.push('}');
    out.into_bytes()
}

fn value(bytes: &mut impl Iterator<Item = u8>, depth: usize, secret: &str, out: &mut String) {
    let byte = bytes.next().unwrap_or_default();
    let few = usize::from(byte / 16 % 4);
    match byte % 16 {
        0 => out.push_str("null"),
        1 => out.push_str("true"),
        2 => out.push_str(["0", "-1", "1e308", "18446744073709551615"][few]),
        3 => out.push_str(["2.5", "1.0", "1e999", "9223372036854775808"][few]),
        4 => *out += &format!("\"{secret}\""),
        5 => *out += &format!("\"ä{secret}{secret}\""),
        6..9 => *out += &format!("\"{}\"", ["", "s", "bo@acme.com", "é\\u0000\\ud83d\\ude00"][few]),
        9..12 if depth > 0 => {
            out.push('[');
            for at in 0..few {
                out.push_str(if at > 0 { "," } else { "" });
                value(bytes, depth - 1, secret, out);
            }
            out.push(']');
        }
        12..15 if depth > 0 => {
            out.push('{');
            for (at, key) in ["s", "n", secret, "x y"].iter().take(few).enumerate() {
                *out += &format!("{}\"{key}\":", if at > 0 { "," } else { "" });
                value(bytes, depth - 1, secret, out);
            }
            out.push('}');
        }
        _ => *out += &byte.to_string(),
    }
}

fn ana(agent: bool) -> CallerFacts {
    CallerFacts {
        user: "ana".into(),
        teams: vec!["sales".into(), "ops".into()],
        agent: agent.then(|| "claude".into()),
    }
}

#[test]
fn what_compiles_is_sound() {
    for seed in SEEDS {
        assert!(Condition::compile(seed).is_ok(), "{seed} is no seed");
    }
    let schemas = SCHEMAS.map(|schema| json::parse(schema.as_bytes()).unwrap());
    let token = MintedToken::mint(TokenKind::Agent, |out| {
        out.iter_mut().zip(0..).for_each(|(byte, at)| *byte = at);
        Ok::<_, ()>(())
    })
    .unwrap();
    let inputs = (
        edited(),
        produce::<Vec<u8>>().with().len(0..40_usize),
        produce::<i64>(),
        produce::<bool>(),
    );
    check!().with_generator(inputs).with_iterations(6_000).for_each(
        |(written, bytes, now, agent)| {
            let text = text(written, &SEEDS, &SCRAPS);
            let condition = match Condition::compile(&text) {
                Ok(condition) => condition,
                Err(error) => {
                    assert!(!error.message.is_empty() && !error.to_string().is_empty());
                    assert!(error.at + error.length <= text.chars().count(), "{text:?}: {error:?}");
                    return;
                }
            };
            assert!(text.len() <= Condition::MAX);
            assert_eq!(condition.text(), text);

            let arguments = arguments(bytes, token.expose());
            let caller = ana(*agent);
            let facts = Facts::new(&caller, "gmail.send", Some(&arguments), *now);
            let held = condition.evaluate(&facts);
            let explained = condition.explain(&facts);
            assert_eq!(explained.is_none(), held == Ok(true), "{text:?}: {held:?} {explained:?}");
            let told = format!("{held:?} {explained:?}");
            assert!(!told.contains(token.expose()), "{text:?} tells a token: {told}");
            for schema in &schemas {
                drop(condition.check_schema(schema));
            }
            let silent = condition.check_schema(&schemas[1]);
            assert!(silent.is_ok(), "{text:?}: refused for nothing: {silent:?}");

            // Compiled from its own text, it is the same, and so is what it says
            // of facts that were not read before.
            let again = Condition::compile(condition.text()).unwrap();
            let facts = Facts::new(&caller, "gmail.send", Some(&arguments), *now);
            assert_eq!(again.evaluate(&facts), held, "{text:?}");
            assert_eq!(again.reads_arguments(), condition.reads_arguments());
            if !condition.reads_arguments() {
                let facts = Facts::new(&caller, "gmail.send", None, *now);
                assert_eq!(condition.evaluate(&facts), held, "{text:?} needs no arguments");
            }
            // What the gateway writes around it. That is longer: too deep, or
            // too much for these arguments.
            let opposite = held.as_ref().ok().map(|held| !held);
            for (around, expected) in [(not(&text), opposite), (both(&text, &text), held.ok())] {
                let condition = match Condition::compile(&around) {
                    Ok(condition) => condition,
                    Err(error) => {
                        let bounds = ["too deeply", "at most", "too long"];
                        let bounded = bounds.iter().any(|bound| error.message.contains(bound));
                        assert!(bounded, "{around:?}: {error}");
                        continue;
                    }
                };
                let held = condition.evaluate(&facts);
                let bounded = held == Err(ConditionFault::TooLarge);
                assert!(bounded || held.ok() == expected, "{around:?}");
            }
        },
    );
}
