use super::*;
use crate::{
    condition::{Rule, Scalar, all_of, both, not, same_arguments},
    json,
};

fn rules() -> Vec<(Rule, &'static str)> {
    let field = |name: &str| name.to_owned();
    let texts = |all: &[&str]| all.iter().map(|t| Scalar::Text((*t).to_owned())).collect();
    vec![
        (
            Rule::EveryItem { field: field("to"), ends_with: "@acme.com".into() },
            "args.to.all(r, r.endsWith('@acme.com'))",
        ),
        (
            Rule::OneOf { field: field("status"), values: texts(&["open", "it's"]) },
            r"args.status in ['open', 'it\'s']",
        ),
        (
            Rule::OneOf {
                field: field("customer.na-me"),
                values: vec![
                    Scalar::Integer(-3),
                    Scalar::Number(2.0),
                    Scalar::Number(0.5),
                    Scalar::Number(1e300),
                    Scalar::Bool(true),
                ],
            },
            "args.customer['na-me'] in [-3, 2, 0.5, 1e300, true]",
        ),
        (Rule::AtMost { field: field("amount"), limit: 100.0 }, "args.amount <= 100"),
        (Rule::AtMost { field: field("in"), limit: 0.5 }, "args['in'] <= 0.5"),
        (
            Rule::Matches { field: field("path"), pattern: r"^/srv/\d+$".into() },
            r"args.path.matches('^/srv/\\d+$')",
        ),
        (
            Rule::Between { from: 9, to: 17, zone: "Europe/Berlin".into() },
            "now.getHours('Europe/Berlin') >= 9 && now.getHours('Europe/Berlin') < 17",
        ),
        (
            Rule::Between { from: 22, to: 6, zone: "UTC".into() },
            "(now.getHours('UTC') >= 22 || now.getHours('UTC') < 6)",
        ),
    ]
}

#[test]
fn rules_are_written_as_a_person_would() {
    for (rule, text) in rules() {
        assert_eq!(rule.condition(), text);
        assert_eq!(Condition::compile(text).unwrap().text(), text);
    }
    let all: Vec<Rule> = rules().into_iter().map(|(rule, _)| rule).collect();
    assert!(Condition::compile(&not(&all_of(&all))).is_ok());
    for (hour, from, to, expected) in [
        (12, 9, 17, true),
        (17, 9, 17, false),
        (23, 22, 6, true),
        (5, 22, 6, true),
        (6, 22, 6, false),
    ] {
        let rule = Rule::Between { from, to, zone: "UTC".into() };
        let condition = Condition::compile(&all_of(&[rule])).unwrap();
        let caller = ana();
        let facts = Facts::new(&caller, "", None, hour * 3_600_000);
        assert_eq!(condition.evaluate(&facts), Ok(expected), "{hour} in {from}..{to}");
    }
    assert_eq!(evaluate(&not("false // never"), "{}"), Ok(true));
    assert_eq!(evaluate(&both("true || true", "false // never"), "{}"), Ok(false));
}

#[test]
fn any_text_can_be_quoted_and_any_field_named() {
    for text in [
        "",
        "'",
        "\\",
        "\\'",
        "a\nb\r\tc",
        "\u{0}\u{1}\u{7f}\u{85}",
        "\u{202e}\u{200b}\u{feff}\u{e0041}",
        "größe 😀",
        "'] || true || args.x in ['",
        "\\x41 \\u0041 \\101",
        "'''\"\"\"",
        "// no comment",
        "{\u{2028}}",
    ] {
        let mut arguments = String::from("{\"x\":");
        json::write_string(text, &mut arguments);
        arguments.push('}');
        let rule = Rule::OneOf { field: "x".into(), values: vec![Scalar::Text(text.into())] };
        assert_eq!(evaluate(&rule.condition(), &arguments), Ok(true), "{text:?}");
        let other =
            Rule::OneOf { field: "x".into(), values: vec![Scalar::Text(format!("{text}!"))] };
        assert_eq!(evaluate(&other.condition(), &arguments), Ok(false), "{text:?}");
        if text.contains('.') {
            continue;
        }
        let mut arguments = String::from("{");
        json::write_string(text, &mut arguments);
        arguments.push_str(": 7}");
        let rule = Rule::AtMost { field: text.into(), limit: 7.0 };
        assert_eq!(evaluate(&rule.condition(), &arguments), Ok(true), "{text:?}");
    }
}

#[test]
fn the_same_arguments_again() {
    let arguments = format!(
        r#"{{"to": ["a@acme.com", "b"], "amount": 1.50, "n": 7, "big": 18446744073709551615,
        "over": 36893488147419103232, "flag": false, "nothing": null, "na-me": "it's",
        "body": "{}", "nested": {{"a": 1}}, "numbers": [1, 2], "in": "x"}}"#,
        "x".repeat(500)
    );
    let node = json::parse(arguments.as_bytes()).unwrap();
    let text = same_arguments(&node).unwrap();
    assert_eq!(
        text,
        "has(args.to) && args.to == ['a@acme.com', 'b'] && has(args.amount) && args.amount == 1.5 \
         && has(args.n) && args.n == 7 && has(args.big) && args.big == 18446744073709551615u \
         && has(args.over) && args.over == 3.6893488147419103e19 \
         && has(args.flag) && args.flag == false && has(args.nothing) && args.nothing == null \
         && 'na-me' in args && args['na-me'] == 'it\\'s' && 'in' in args && args['in'] == 'x'"
    );
    assert_eq!(evaluate(&text, &arguments), Ok(true));
    assert_eq!(evaluate(&not(&text), &arguments), Ok(false));
    for (from, to) in [
        ("\"b\"]", "\"b\", \"c\"]"),
        ("1.50", "\"1.50\""),
        ("\"n\": 7", "\"m\": 7"),
        ("false", "null"),
        ("null", "{}"),
        ("[\"a@", "[{}, \"a@"),
        ("it's", "its"),
    ] {
        let other = arguments.replacen(from, to, 1);
        assert_eq!(evaluate(&text, &other), Ok(false), "{to}");
        assert_eq!(evaluate(&not(&text), &other), Ok(true), "{to}");
    }
    assert_eq!(evaluate(&text, "{}"), Ok(false));
}

#[test]
fn nothing_useful_to_narrow_to() {
    for arguments in ["{}", r#"{"a": {"b": 1}}"#, r#"{"a": [1]}"#, "[]"] {
        assert_eq!(same_arguments(&json::parse(arguments.as_bytes()).unwrap()), None);
    }
    let many: Vec<String> =
        (0..99).map(|n| format!(r#""field{n}": "{}""#, "'".repeat(50))).collect();
    let arguments = format!("{{{}}}", many.join(","));
    let text = same_arguments(&json::parse(arguments.as_bytes()).unwrap()).unwrap();
    assert_eq!(evaluate(&not(&text), &arguments), Ok(false));
}
