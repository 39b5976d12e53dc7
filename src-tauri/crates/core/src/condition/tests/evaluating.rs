use super::*;

const ARGUMENTS: &str = r#"{
    "amount": 99.5, "count": 3, "big": 18446744073709551615, "huge": 1e300, "low": -7,
    "status": "open", "flag": true, "nothing": null, "word": "größe 😀", "na-me": "x", "in": 1,
    "to": ["a@acme.com", "b@acme.com"], "none": [], "mixed": [1, "a", null],
    "customer": {"id": 5, "tags": ["vip"]}, "empty": {}
}"#;

#[test]
fn true_and_false() {
    for (text, expected) in [
        ("args.amount <= 100", true),
        ("args.amount > 99", true),
        ("args.amount > 100u", false),
        ("args.count == 3.0 && args.count == 3u && args.count < 3.5", true),
        ("args.count in [1, 2, 3]", true),
        ("args.count in [1.0, 3.0]", true),
        ("args.count in ['3']", false),
        ("args.big == 18446744073709551615u && args.big > 9223372036854775807", true),
        ("args.huge > args.big", true),
        ("args.low < 0u && args.low == -7", true),
        ("args.status in ['open', 'done']", true),
        ("args.status == 3", false),
        ("args.status != 3", true),
        ("args.flag", true),
        ("!args.flag || args.nothing != null", false),
        ("args.nothing == null", true),
        ("args.to.all(r, r.endsWith('@acme.com'))", true),
        ("args.to.all(r, r.startsWith('a'))", false),
        ("args.none.all(r, r.startsWith('a'))", true),
        ("args.none.exists(r, true)", false),
        ("args.to.exists_one(r, r.startsWith('a'))", true),
        ("args.to == ['a@acme.com', 'b@acme.com']", true),
        ("['b@acme.com', 'a@acme.com'] == args.to", false),
        ("args.to.filter(r, r.startsWith('b')) == ['b@acme.com']", true),
        ("args.to.map(r, r.size()) == [10, 10]", true),
        ("args.mixed == [1.0, 'a', null]", true),
        ("args.customer == {'id': 5, 'tags': ['vip']}", true),
        ("{'id': 5, 'tags': ['vip']} == args.customer", true),
        ("args.customer != {'id': 5}", true),
        ("args.empty == {}", true),
        ("'id' in args.customer && !('x' in args.customer)", true),
        ("args.customer.all(key, key in ['id', 'tags'])", true),
        ("'vip' in args.customer.tags", true),
        ("has(args.customer.id) && !has(args.customer.x) && !has(args.nope)", true),
        ("has(args.nothing)", true),
        ("args['na-me'] == 'x' && args['in'] == 1", true),
        ("size(args.word) == 7 && args.word.size() == 7", true),
        ("args.word.contains('ö') && args.word.endsWith('😀')", true),
        ("args.status.matches('^o.*n$') && matches(args.status, 'pe')", true),
        ("args.status.matches('^p')", false),
        ("type(args.count) == int && type(args.to) == list && type(args.amount) == double", true),
        ("args.customer.id + 2 == 7", true),
        ("(args.flag ? args.count : 0) == 3", true),
        ("user.name == 'ana' && 'sales' in user.teams && user.teams.size() == 2", true),
        ("agent != null && agent.name == 'claude' && connection.name == 'gmail'", true),
        ("args.to.all(r, r.endsWith('@acme.com') || r == user.name)", true),
        ("now.getHours('Europe/Berlin') == 13 && now.getHours() == 12", true),
        ("now.getHours('-03:00') == 9 && now.getDayOfWeek() == 1", true),
        ("now > timestamp('2024-01-01T00:00:00Z') && now.getFullYear() == 2024", true),
        ("now - timestamp('2024-01-15T11:00:00Z') == duration('1h')", true),
        ("string(args.count) == '3' && int('3') == args.count && double('1.5') == 1.5", true),
        ("args.status == r'open' && args.status == \"\"\"open\"\"\" // 'a comment", true),
        ("true", true),
    ] {
        assert_eq!(evaluate(text, ARGUMENTS), Ok(expected), "{text}");
    }
}

#[test]
fn faults_are_never_true() {
    let caller = ana();
    for (text, expected) in [
        ("args.nope == 1", "it looks at \"nope\", which is missing"),
        ("args.customer.nope", "it looks at \"nope\", which is missing"),
        ("args['no-pe'] == 1", "it looks at \"no-pe\", which is missing"),
        ("args.to[2] == ''", "it looks at \"an item of a list\", which is missing"),
        ("has(args.status.x)", "it looks for a field in a value of type string"),
        ("has(args.nothing.x)", "it looks for a field in a value of type null_type"),
        ("args.to.x == 1", "it looks for a field in a value of type list"),
        ("args.count[0] == 1", "it looks for an item in a value of type int"),
        ("args.status <= 100", "it applies <= to string and int"),
        ("args.mixed.all(m, m < 5)", "it applies < to null_type and int"),
        ("args.count.startsWith('3')", "it applies startsWith to int and string"),
        ("args.count.matches('3')", "it applies matches to int and pattern"),
        ("args.status + 1 == 2", "it cannot add a value of type string and one of type int"),
        ("args.status", "it comes out as string, not as true or false"),
        ("args.flag && args.status", "it applies && to bool and string"),
        ("args.flag ? args.count : false", "it comes out as int, not as true or false"),
        ("!args.status", "it applies ! to string"),
        ("args.status.all(x, true)", "it has a value of type string where iterable is needed"),
        ("args.customer.map(k, k) == ['id', 'tags']", "it makes a list of a value of type map"),
        ("args.customer.filter(k, true) != []", "it makes a list of a value of type map"),
        ("args.count in args.status", "it applies in to int and string"),
        ("args.count / 0 == 1", "it divides by 0"),
        ("args.big * args.big > 0u", "a number in it grows out of range"),
        (
            "int(args.status) == 1",
            "int() failed: string parse error: invalid digit found in string",
        ),
        (
            "timestamp('9999-12-31T23:00:00Z') + duration('2h') > now",
            "a number in it grows out of range",
        ),
    ] {
        let fault = evaluate(text, ARGUMENTS).unwrap_err();
        assert_eq!(fault.to_string(), expected, "{text}");
        let negated = Condition::compile(&crate::condition::not(text));
        let facts = Facts::new(&caller, "gmail", Some(ARGUMENTS.as_bytes()), NOON);
        let held = negated.map(|negated| negated.evaluate(&facts).is_ok());
        assert!(!matches!(held, Ok(true)), "not {text}");
    }
}

#[test]
fn a_panic_of_the_evaluator_is_a_fault() {
    let mut condition = Condition::compile("true").unwrap();
    condition.expr = cel::IdedExpr::default();
    let caller = ana();
    let facts = Facts::new(&caller, "gmail", None, NOON);
    assert_eq!(condition.evaluate(&facts), Err(ConditionFault::failed("the evaluator failed")));
}

/// As CEL has it: the other side can settle it.
#[test]
fn a_fault_beside_what_settles_it_is_absorbed() {
    for (text, expected) in [
        ("args.flag || args.nope", Some(true)),
        ("args.nope || args.flag", Some(true)),
        ("args.nope && !args.flag", Some(false)),
        ("args.nope && args.flag", None),
        ("args.nope || !args.flag", None),
        ("args.nope ? true : true", None),
        ("args.mixed.exists(m, m == 'a' && m.size() == 1)", Some(true)),
        ("args.mixed.exists(m, m > 0)", Some(true)),
        ("args.mixed.exists(m, m > 1)", None),
        ("args.mixed.all(m, m > 1)", Some(false)),
        ("args.mixed.all(m, m > 0)", None),
    ] {
        assert_eq!(evaluate(text, ARGUMENTS).ok(), expected, "{text}");
    }
}

#[test]
fn without_arguments_a_look_at_them_is_a_fault() {
    let caller = CallerFacts { user: "ana".into(), ..CallerFacts::default() };
    let facts = Facts::new(&caller, "gmail", None, NOON);
    for text in ["args.x == 1", "!has(args.x)", "args == {}", "size(args) == 0"] {
        let condition = Condition::compile(text).unwrap();
        assert!(condition.reads_arguments());
        let missing = ConditionFault::Missing("args".into());
        assert_eq!(condition.evaluate(&facts), Err(missing.clone()), "{text}");
        assert_eq!(condition.explain(&facts).unwrap().values, []);
    }
    let condition = Condition::compile("user.name == 'ana' && agent == null").unwrap();
    assert!(!condition.reads_arguments());
    assert_eq!(condition.evaluate(&facts), Ok(true));
    let condition = Condition::compile("agent.name == 'claude'").unwrap();
    assert!(matches!(condition.evaluate(&facts), Err(ConditionFault::Type(_))));
    let late = Facts::new(&caller, "gmail", None, i64::MAX);
    let condition = Condition::compile("now.getHours() >= 0").unwrap();
    assert_eq!(condition.evaluate(&late), Err(ConditionFault::Missing("now".into())));
}

#[test]
fn arguments_that_are_no_object_are_a_fault() {
    for arguments in ["[]", "3", "", "{", r#"{"n": 1e999}"#, r#"{"a":1,"a":2}"#] {
        assert!(evaluate("has(args.x) || !has(args.x)", arguments).is_err(), "{arguments}");
    }
}

/// A condition, the part that did not hold, and what is shown of it.
type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

#[test]
fn the_part_that_did_not_hold_is_named() {
    let text = "user.name == 'ana' && (args.amount <= 50 // cents\n && has(args.x)) && args.flag";
    let unmet = explain(text, ARGUMENTS).unwrap();
    assert_eq!(unmet.part, "args.amount <= 50");
    assert_eq!(unmet.values, [("args.amount".to_owned(), "99.5".to_owned())]);
    assert_eq!(unmet.fault, None);
    assert_eq!(explain("args.flag && args.count == 3", ARGUMENTS), None);
    let cases: [Case; 6] = [
        (
            "args.flag && args.nope == 'a && b'",
            "args.nope == 'a && b'",
            &[("args.nope", "missing")],
        ),
        (
            "args.flag && (args.count > 5 || args['na-me'] == 'y')",
            "args.count > 5 || args['na-me'] == 'y'",
            &[("args.count", "3"), ("args['na-me']", "\"x\"")],
        ),
        ("!args.flag", "!args.flag", &[("args.flag", "true")]),
        (
            "args.to.all(r, r == user.name && args.to[0] == r)",
            "args.to.all(r, r == user.name && args.to[0] == r)",
            &[
                ("args.to", r#"["a@acme.com","b@acme.com"]"#),
                ("user.name", "\"ana\""),
                ("args.to[0]", "\"a@acme.com\""),
            ],
        ),
        ("agent == null && true", "agent == null", &[("agent", r#"{"name":"claude"}"#)]),
        ("now.getHours() < 9", "now.getHours() < 9", &[("now", "\"2024-01-15T12:00:00+00:00\"")]),
    ];
    for (text, part, values) in cases {
        let unmet = explain(text, ARGUMENTS).unwrap();
        assert_eq!(unmet.part, part, "{text}");
        let shown: Vec<(&str, &str)> =
            unmet.values.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(shown, values, "{text}");
    }
    let fault = explain("args.flag && args.nope", ARGUMENTS).unwrap().fault;
    assert_eq!(fault.unwrap(), "it looks at \"nope\", which is missing");
}

#[test]
fn values_are_shown_short_and_without_tokens() {
    let minted = crate::MintedToken::mint(crate::TokenKind::Agent, |out| {
        out.fill(7);
        Ok::<(), ()>(())
    });
    let token = minted.unwrap();
    let spelt = token.expose().replacen("st_", "\\u0073t_", 1);
    let arguments = format!(r#"{{"t": "{} {spelt}{}"}}"#, "a".repeat(60), "é".repeat(900));
    let unmet = explain("args.t == 'x'", &arguments).unwrap();
    let (_, shown) = &unmet.values[0];
    assert!(shown.contains("[token]") && shown.chars().count() == 81, "{shown}");
    let fault = evaluate("int(args.t) == 1", &arguments).unwrap_err().to_string();
    assert!(fault.len() < 120 && !fault.contains("st_"), "{fault}");
}

#[test]
fn a_time_limit_that_depends_on_nothing_but_the_call() {
    let list = |n: usize| format!(r#"{{"l": [{}1], "s": "x"}}"#, "1,".repeat(n));
    let body = |n: usize| format!(r#"{{"to": ["a@acme.com"], "body": "{}"}}"#, "x".repeat(n));
    let every = "args.to.all(r, r.endsWith('@acme.com'))";
    assert_eq!(evaluate(every, &body(10_000_000)), Ok(true), "a large attachment is no reason");
    let slow = "args.l.all(a, args.l.all(b, args.l.size() > a))";
    assert_eq!(evaluate(slow, &list(20)), Ok(true));
    assert_eq!(evaluate(slow, &list(20_000)), Err(ConditionFault::TooLarge));
    let copies = format!("[{}].size() == 20", ["args"; 20].join(","));
    assert_eq!(evaluate(&copies, &list(20)), Ok(true));
    assert_eq!(evaluate(&copies, &list(10_000)), Err(ConditionFault::TooLarge));
    let grows = format!("[{0}].all(a, [{0}].all(b, b != ''))", ["args.s"; 60].join("+"));
    assert!(Condition::compile(&grows).is_err());
    assert_eq!(evaluate("args.l.all(x, x < 5)", &list(1_000_000)), Err(ConditionFault::TooLarge));
    assert_eq!(evaluate("args.l.all(x, x < 5)", &list(10_000)), Ok(true));
    let slow = "args.body.matches('[01]*1[01]{300}x')";
    assert_eq!(evaluate(slow, &body(100_000)), Ok(false));
    let fault = evaluate(slow, &body(5_000_000)).unwrap_err().to_string();
    assert_eq!(fault, "matches() failed: the text is too long");
    // What does not look at the arguments is not held up by them.
    assert_eq!(evaluate("user.name == 'ana'", &list(1_000_000)), Ok(true));
}
