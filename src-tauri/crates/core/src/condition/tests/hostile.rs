//! Texts meant to exhaust or confuse. The tests run on the 2 MiB stack of a
//! test thread, as the gateway does on that of a worker.

use super::*;

#[test]
fn two_thousand_bytes_of_anything_are_read_or_refused() {
    let pieces = [
        "(",
        "[",
        "!",
        "-",
        "{",
        ")",
        "]",
        "}",
        "?:",
        "'",
        "\"",
        "\\",
        "'''",
        "r'",
        "é",
        "😀",
        "\u{0}",
        "a.",
        "args.a.",
        "1+",
        "1-",
        "a?",
        "a?b:",
        "a&&",
        "a||",
        "a in ",
        "a[",
        "f(",
        "a.f(",
        "{1:",
        "[1,",
        "!(",
        "-(",
        "a<",
        "a==",
        "//",
        "0x",
        "1e",
        "9",
        "has(",
        "a.all(x,",
        "\n",
        "`",
        "b'\\",
        "args.a||",
        "args.b&&(",
        "1.",
        ".",
        ",",
        "@",
        "$",
        "'a' in ['b',",
        "T{",
    ];
    for piece in pieces {
        for length in [Condition::MAX, 400, 60, 17] {
            let text = piece.repeat(length / piece.len());
            drop(Condition::compile(&text));
            drop(Condition::compile(&format!("{text}1")));
            let closed: String = text.chars().rev().filter_map(closing).collect();
            let text = format!("{text}args.x{closed}");
            drop(Condition::compile(&text));
        }
    }
    assert!(Condition::compile(&"x".repeat(2001)).is_err());
    for (text, expected) in [
        (format!("{}args.a{}", "(".repeat(16), ")".repeat(16)), None),
        (format!("{}args.a{}", "(".repeat(17), ")".repeat(17)), Some((16, 1))),
        (format!("args{} == 1", ".a".repeat(39)), None),
        (format!("args{} == 1", ".a".repeat(80)), Some((84, 1))),
        (format!("args.a in [{}'']", "'aaaaaaa', ".repeat(170)), None),
        (format!("{}args.b", "args.b || ".repeat(190)), None),
    ] {
        let place = Condition::compile(&text).err().map(|error| (error.at, error.length));
        assert_eq!(place, expected, "{text}");
    }
}

/// Compiling is the one thing that takes milliseconds.
#[test]
fn patterns_are_few_and_small() {
    let patterns = |count: usize, pattern: &str| {
        let each = (0..count).map(|_| format!("args.i.matches('{pattern}')"));
        Condition::compile(&each.collect::<Vec<_>>().join(" || ")).map(drop)
    };
    assert_eq!(patterns(8, "a.c"), Ok(()));
    let error = patterns(9, "a.c").unwrap_err();
    assert_eq!((error.at, error.length), (8 * 25 + 15, 5), "the ninth: {error}");
    let expected = "a condition has at most 8 patterns; join them with | (at character 216)";
    assert_eq!(error.to_string(), expected);
    for (pattern, fits) in [
        ("[a-z]{1,64}", true),
        (r"\\d{10}", true),
        (r"\\w{2}", true),
        (r"\\w{20}", false),
        ("[0-9]{9999}", false),
        ("(((a{20}){20}){20}){20}", false),
    ] {
        let outcome = patterns(1, pattern);
        assert_eq!(outcome.is_ok(), fits, "{pattern}: {outcome:?}");
    }
}

fn closing(open: char) -> Option<char> {
    match open {
        '(' => Some(')'),
        '[' => Some(']'),
        '{' => Some('}'),
        _ => None,
    }
}

/// xorshift: the same texts on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

#[test]
fn no_mutation_panics() {
    let seeds = [
        "args.to.all(r, r.endsWith('@acme.com')) && args.amount <= 100",
        "has(args.x) && args['y'][0] in [1, 'b', 2.5, null] || !(user.name == \"ana\")",
        "args.l.filter(x, x > 1).map(y, y + 1) == [2u, 0x1F] ? true : args.f",
        "now.getHours('Europe/Berlin') >= 9 && now - timestamp('2024-01-15T11:00:00Z') < duration('2h')",
        "args.s.matches('^/srv/[a-z]+$') && type(args.s) == string && size({'a': -1}) == 1",
        "args.l.exists(a, args.l.exists_one(b, a + b == 3)) // r'''x''' \\n",
    ];
    let scraps = [
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
        "==",
        "&&",
        "||",
        " in ",
        "'",
        "\"",
        "\\",
        "args",
        "user",
        "agent",
        "now",
        "x",
        "1",
        "1.5",
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
        "0",
        "e9",
        "u",
    ];
    let arguments =
        br#"{"to": ["a@acme.com"], "amount": 5, "x": {"y": [1]}, "y": [2, "b"], "l": [1, 2],
        "s": "/srv/a", "f": true}"#;
    let schema = crate::json::parse(
        br#"{"properties": {"to": {"type": "array", "items": {"type": "string"}},
        "l": {"type": "array", "items": {"type": "integer"}}, "s": {"type": "string"}}}"#,
    )
    .unwrap();
    let caller = ana();
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut compiled = 0;
    for round in 0..20_000 {
        let mut text = seeds[random.below(seeds.len())].to_owned();
        for _ in 0..=random.below(2) {
            let place = |random: &mut Random, text: &str| {
                let mut at = random.below(text.len() + 1);
                while !text.is_char_boundary(at) {
                    at -= 1;
                }
                at
            };
            let (a, b) = (place(&mut random, &text), place(&mut random, &text));
            let (from, to) = (a.min(b), a.max(b));
            match random.below(4) {
                0 => text.replace_range(from..to, ""),
                1 => text = text[..to].to_owned() + &text[from..],
                2 => text.insert_str(from, scraps[random.below(scraps.len())]),
                _ => {
                    let end =
                        text[from..].char_indices().nth(2).map_or(text.len(), |(n, _)| from + n);
                    text.replace_range(from..end, scraps[random.below(scraps.len())]);
                }
            }
        }
        let Ok(condition) = Condition::compile(&text) else { continue };
        compiled += 1;
        let facts = Facts::new(&caller, "gmail", Some(arguments), NOON + round);
        let held = condition.evaluate(&facts);
        assert_eq!(condition.explain(&facts).is_none(), held == Ok(true), "{text}");
        drop(condition.check_schema(&schema));
    }
    assert!(compiled > 1_000, "{compiled}");
}
