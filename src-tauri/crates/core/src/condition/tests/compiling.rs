use super::*;

#[test]
fn what_can_never_work_is_refused_at_its_place() {
    for (text, expected) in [
        ("", "the condition ends too early (at character 1)"),
        ("args.x ==", "the condition ends too early (at character 10)"),
        ("args.x == 1 args.y", "mismatched input 'args' (at character 13)"),
        ("args.x == 1 and args.y", "write && for and (at character 13)"),
        ("args.x == 1 | args.y", "write || for or (at character 13)"),
        ("args.x = 1", "compare with == (at character 8)"),
        (
            "arg.x == 1",
            "there is no arg; a condition can look at args, user, agent, connection, tool, now; texts stand in quotes (at character 1)",
        ),
        (
            "args.s == open",
            "there is no open; a condition can look at args, user, agent, connection, tool, now; texts stand in quotes (at character 11)",
        ),
        (
            ".args.x == 1",
            "there is no .args; a condition can look at args, user, agent, connection, tool, now; texts stand in quotes (at character 2)",
        ),
        (
            "args.to.all(r, q == 1)",
            "there is no q; a condition can look at args, user, agent, connection, tool, now; texts stand in quotes (at character 16)",
        ),
        (
            "args.to.all(r, r == 1) && r == 1",
            "there is no r; a condition can look at args, user, agent, connection, tool, now; texts stand in quotes (at character 27)",
        ),
        (
            "args.s == 'é' &&\n user.nam == ''",
            "user has no nam; it has name, teams (at line 2, character 7)",
        ),
        ("has(agent.id)", "agent has no id; it has name (at character 11)"),
        ("connection.url == ''", "connection has no url; it has name (at character 12)"),
        ("now.hour == 1", "now has no fields (at character 5)"),
        ("user['name'] == 'x'", "user has no items; use a dot (at character 6)"),
        ("args.s.lower() == 'x'", "there is no function lower (at character 8)"),
        ("lower(args.s) == 'x'", "there is no function lower (at character 1)"),
        ("args.all(x)", "all is used as in args.to.all(x, x != '') (at character 6)"),
        ("endsWith(args.s, 'x')", "endsWith is used as in args.to.endsWith(…) (at character 1)"),
        ("args.s.int() == 1", "int is used as in int(args.to) (at character 8)"),
        ("args.s.endsWith('a', 'b')", "endsWith() takes 1 arguments here, not 2 (at character 8)"),
        ("optional.of(args).hasValue()", "there is no function hasValue (at character 19)"),
        ("args.?s == 1", "unsupported syntax '.?' (at character 5)"),
        ("has(args)", "invalid argument to has() macro (at character 5)"),
        ("has(args['x'])", "invalid argument to has() macro (at character 9)"),
        ("args.s.matches('[')", "not a pattern: unclosed character class (at character 16)"),
        (
            "args.s.matches('(?=x)')",
            "not a pattern: look-around, including look-ahead and look-behind, is not supported (at character 16)",
        ),
        (
            "matches(args.s, '\\\\w{1000}{1000}')",
            r"the pattern is too large; [0-9] is smaller than \d, [a-z] than \w (at character 17)",
        ),
        (
            "args.s.matches(args.t)",
            "a pattern must be written out, so that it can be checked now (at character 21)",
        ),
        (
            "now.getHours('Europe/Berln') < 9",
            "not a time zone; one is written as in 'Europe/Berlin' (at character 14)",
        ),
        ("now < timestamp('2024-13-01')", "timestamp() cannot read this (at character 17)"),
        ("now - now < duration('1 day')", "duration() cannot read this (at character 22)"),
        ("T{a: 1} == args.x", "conditions have no structs (at character 2)"),
        ("'x'", "this is neither true nor false; compare it with something (at character 1)"),
        ("args", "this is neither true nor false; compare it with something (at character 1)"),
        (
            "args.n + 1",
            "this is neither true nor false; compare it with something (at character 8)",
        ),
        ("-args.n", "this is neither true nor false; compare it with something (at character 1)"),
        (
            "size(args.n)",
            "this is neither true nor false; compare it with something (at character 1)",
        ),
        ("user.name", "this is neither true nor false; compare it with something (at character 6)"),
        ("[args.n]", "this is neither true nor false; compare it with something (at character 1)"),
        (
            "args.l.map(x, x)",
            "this is neither true nor false; compare it with something (at character 8)",
        ),
        (
            "args.b && 'x'",
            "this is neither true nor false; compare it with something (at character 11)",
        ),
        (
            "args.s == 'a' || 'b'",
            "this is neither true nor false; compare it with something (at character 18)",
        ),
        (
            "args.l.all(x, x.size())",
            "this is neither true nor false; compare it with something (at character 17)",
        ),
        (
            "args.b ? 1 : true",
            "this is neither true nor false; compare it with something (at character 10)",
        ),
        ("args.l.all(args, args)", "args has a meaning already (at character 8)"),
        ("args.l.all(x, x.all(x, x))", "x has a meaning already (at character 17)"),
        (
            "args.l.all(a, a.all(b, b.all(c, c)))",
            "loops can be nested 2 deep, no deeper (at character 26)",
        ),
        ("args.`a-b` == 1", "unsupported syntax: '`' (at character 5)"),
        ("args.x == 99999999999999999999", "invalid int literal (at character 11)"),
    ] {
        assert_eq!(refusal(text), expected, "{text}");
    }
}

#[test]
fn places_count_characters() {
    let error = Condition::compile("args.s == 'öäü' && user.nöm == 1").unwrap_err();
    assert_eq!((error.at, error.length), (25, 1));
    let error = Condition::compile("args.s == 'öäü😀' && user.nom == 1").unwrap_err();
    assert_eq!((error.at, error.length), (25, 3));
    let error = Condition::compile("args.s == 'a'\n  && arg == 1").unwrap_err();
    assert_eq!((error.at, error.length), (19, 3));
    let error = Condition::compile(&"ö".repeat(1001)).unwrap_err();
    assert_eq!((error.at, error.length), (0, 1001));
}

#[test]
fn what_looks_at_arguments_is_known() {
    for (text, reads) in [
        ("args.x == 1", true),
        ("user.teams.exists(t, t in args.teams)", true),
        ("has(args.x)", true),
        ("user.name == 'args' && now.getHours() > 5", false),
    ] {
        assert_eq!(Condition::compile(text).unwrap().reads_arguments(), reads, "{text}");
    }
}

#[test]
fn a_condition_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    let condition = Condition::compile("args.x.matches('a')").unwrap();
    shared(&condition);
    let caller = ana();
    shared(&Facts::new(&caller, "gmail", None, NOON));
    assert_eq!(format!("{condition:?}"), "Condition(\"args.x.matches('a')\")");
}
