use super::*;
use crate::json;

const SCHEMA: &str = r##"{
    "type": "object",
    "properties": {
        "amount": {"type": "number"},
        "count": {"type": "integer"},
        "to": {"type": "array", "items": {"type": "string"}},
        "status": {"type": "string", "enum": ["open", "done"]},
        "flag": {"type": "boolean"},
        "either": {"type": ["string", "null"]},
        "customer": {
            "type": "object",
            "properties": {"id": {"type": "integer"}, "na-me": {"type": "string"}},
            "additionalProperties": false
        },
        "items": {
            "type": "array",
            "items": {"type": "object", "properties": {"sku": {"type": "string"}}}
        },
        "open": {"type": "object", "properties": {"a": {}}, "additionalProperties": true},
        "free": {"type": "object"},
        "referred": {"$ref": "#/$defs/x", "properties": {"a": {}}},
        "any": true
    }
}"##;

fn check(text: &str) -> Result<(), String> {
    let condition = Condition::compile(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    let schema = json::parse(SCHEMA.as_bytes()).unwrap();
    condition.check_schema(&schema).map_err(|error| error.to_string())
}

#[test]
fn what_fits_the_schema_is_accepted() {
    for text in [
        "args.amount <= 100 && args.amount < 1.5 && args.count == 3.0",
        "args.to.all(r, r.endsWith('x') && r == 'y')",
        "args.status in ['open', 'done'] && args.status.matches('o')",
        "has(args.customer) && args.customer.id == 5 && args.customer['na-me'] == 'x'",
        "args['customer'].id in [1, 2.5]",
        "args.items.all(i, i.sku != '' && has(i.sku)) && args.items[0].sku == 'x'",
        "args.open.whatever == 1 && args.free.x.y == 'z' && args.referred.b == 1",
        "args.any.x == 1 && args.any.all(x, x == 1) && args.either == null && args.either == 'x'",
        "'x' in args.to && 'id' in args.customer && size(args.to) > 1 && args.status.size() < 5",
        "args.free.all(key, key == 'x') && args.flag && args.flag == false",
        "args.to == [] && args.customer != {}",
        "args.items.map(i, i.sku) == ['x']",
        "user.name == 'x' && args.amount > double(args.count)",
    ] {
        assert_eq!(check(text), Ok(()), "{text}");
    }
}

#[test]
fn what_cannot_fit_is_refused_at_its_place() {
    let all = "it has amount, count, to, status, flag, either, customer, items, …";
    for (text, expected) in [
        (
            "args.ammount <= 100",
            format!("args.ammount: the tool has no such argument; {all} (at character 6)"),
        ),
        ("has(args.x)", format!("args.x: the tool has no such argument; {all} (at character 10)")),
        (
            "args['x-y'] == 1",
            format!("args['x-y']: the tool has no such argument; {all} (at character 6)"),
        ),
        (
            "args.customer.name == ''",
            "args.customer.name: there is no such field; it has id, na-me (at character 15)".into(),
        ),
        (
            "args.items.all(i, i.price < 3)",
            "i.price: there is no such field; it has sku (at character 21)".into(),
        ),
        (
            "args.items.exists(i, args.to.all(t, t == i.x))",
            "i.x: there is no such field; it has sku (at character 44)".into(),
        ),
        ("args.status.x == 1", "args.status is a text; it has no fields (at character 6)".into()),
        ("args.status[0] == 'o'", "args.status is a text; it has no items (at character 6)".into()),
        (
            "args.amount == '100'",
            "args.amount is a number; it cannot be compared with a text (at character 6)".into(),
        ),
        (
            "100 < args.status",
            "args.status is a text; it cannot be compared with a number (at character 12)".into(),
        ),
        (
            "args.to == 'x'",
            "args.to is a list; it cannot be compared with a text (at character 6)".into(),
        ),
        (
            "args.flag == 'yes'",
            "args.flag is true or false; it cannot be compared with a text (at character 6)".into(),
        ),
        (
            "args.status in ['open', 3]",
            "args.status is a text; it cannot be compared with a number (at character 6)".into(),
        ),
        ("3 in args.to", "args.to: each item is a text, never a number (at character 11)".into()),
        ("'x' in args.status", "args.status is a text; nothing is in it (at character 13)".into()),
        (
            "args.amount.startsWith('1')",
            "args.amount is a number; it has no startsWith() (at character 6)".into(),
        ),
        (
            "args.to.endsWith('x')",
            "args.to is a list; it has no endsWith() (at character 6)".into(),
        ),
        (
            "args.to.contains('x')",
            "args.to is a list; it has no contains() (at character 6)".into(),
        ),
        (
            "args.count.matches('1')",
            "args.count is a number; it has no matches() (at character 6)".into(),
        ),
        (
            "size(args.flag) == 1",
            "args.flag is true or false; it has no size() (at character 11)".into(),
        ),
        (
            "args.status.all(r, r == 'x')",
            "args.status is a text; all() goes over a list (at character 6)".into(),
        ),
        (
            "args.free.map(key, key) == ['a']",
            "args.free is an object; map() goes over a list (at character 6)".into(),
        ),
        (
            "args.to.all(r, r > 3)",
            "r is a text; it cannot be compared with a number (at character 16)".into(),
        ),
        (
            "args.to[0] == 3",
            "args.to[0] is a text; it cannot be compared with a number (at character 9)".into(),
        ),
    ] {
        assert_eq!(check(text), Err(expected), "{text}");
    }
}

#[test]
fn a_tool_without_arguments_has_none() {
    let condition = Condition::compile("args.x == 1").unwrap();
    for (schema, message) in [
        ("{}", None),
        (r#"{"type": "object"}"#, None),
        (
            r#"{"type": "object", "properties": {}}"#,
            Some("args.x: the tool has no such argument; it has none (at character 6)"),
        ),
        (r#"{"properties": {}, "additionalProperties": {"type": "string"}}"#, None),
        (r#"{"properties": {}, "patternProperties": {"^x": {}}}"#, None),
        ("true", None),
    ] {
        let schema = json::parse(schema.as_bytes()).unwrap();
        let refused = condition.check_schema(&schema).err().map(|error| error.to_string());
        assert_eq!(refused.as_deref(), message);
    }
}
