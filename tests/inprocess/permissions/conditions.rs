//! Conditions on arguments, from saving to what the agent is told.

use agw_api::{CheckedCondition, Grant};
use serde_json::{Value, json};

use super::{super::admin_api::ask, approvals, call, outcome, say, set_teams, the_held};
use crate::support::{
    InProcess, Trail as _,
    mcp::{self, Session},
    upstream::Fixture,
};

/// `fix` lists tools that say what they take; nobody may do anything yet.
struct Typed {
    gateway: InProcess,
    upstream: Fixture,
    token: String,
}

impl Typed {
    async fn start() -> Self {
        let upstream = Fixture::start().await;
        let text = json!({"type": "string"});
        let send = json!({"type": "object", "properties": {
            "to": {"type": "array", "items": text},
            "amount": {"type": "number"},
            "note": text,
            "customer": {"type": "object", "properties": {"id": text}, "additionalProperties": false},
        }, "additionalProperties": false});
        let find =
            json!({"type": "object", "properties": {"query": text}, "additionalProperties": false});
        let tool = |name: &str, schema: &Value| json!({"name": name, "inputSchema": schema});
        upstream.list(json!([
            tool("send", &send),
            tool("find", &find),
            tool("any", &json!({"type": "object"})),
        ]));
        let gateway = InProcess::start().await;
        gateway.connect_http("fix", &upstream.url(), &[]).await;
        gateway.add_user("ana", None).await;
        let token = gateway.add_agent("ana", "claude", &[]).await;
        Self { gateway, upstream, token }
    }

    async fn grant(&self, tool: &str, effect: &str, when: &str) -> Grant {
        let body = json!({"subject": "ana", "tool": tool, "effect": effect, "when": when});
        self.gateway.grant_with(body).await
    }

    async fn call(&self, tool: &str, args: Value) -> (u16, Value) {
        self.gateway.rest_call(&self.token, tool, args).await
    }

    async fn last(&self) -> agw_api::AuditRecord {
        let path = "/api/v1/audit?kind=outcome&limit=1";
        let newest: Vec<agw_api::AuditRecord> = self.gateway.admin.records(path).await.unwrap();
        newest.into_iter().next().unwrap()
    }

    /// The call is denied over both faces, in these words, and the trail has
    /// it for this reason and grant.
    async fn is_denied(
        &self,
        tool: &str,
        args: Value,
        reason: &str,
        grant: &Grant,
        words: &[&str],
    ) {
        let before = self.upstream.calls().len();
        let (status, body) = self.call(tool, args.clone()).await;
        assert_eq!((status, &body["code"]), (403, &json!("denied")), "{args}: {body}");
        let session = Session::open(&self.gateway.url("/mcp"), &self.token).await;
        let answer = session.call(&tool.replacen('.', "__", 1), args.clone()).await;
        let code = &answer["result"]["_meta"]["dev.aiagentgateway/code"];
        assert_eq!((code, &answer["result"]["isError"]), (&json!("denied"), &json!(true)));
        let texts = [&body["message"], &answer["result"]["content"][0]["text"]];
        for text in texts.map(|text| text.as_str().unwrap()) {
            for word in words.iter().chain([&grant.id.as_str()]) {
                assert!(text.contains(word), "{word:?} is not in {text:?}");
            }
        }
        let record = self.last().await;
        let seen = [&record.decision, &record.status, &record.reason].map(Option::as_deref);
        assert_eq!(seen, ["deny", "denied", reason].map(Some), "{record:?}");
        assert_eq!(record.grants, [grant.id.as_str()]);
        assert_eq!(self.upstream.calls().len(), before);
    }
}

const TO_ACME: &str = "args.to.all(r, r.endsWith('@acme.com'))";

#[tokio::test]
async fn a_call_passes_when_the_condition_holds_and_the_agent_is_told_when_it_does_not() {
    let typed = Typed::start().await;
    let when = format!("{TO_ACME} && args.amount <= 100.0");
    let grant = typed.grant("fix.send", "allow", &when).await;
    assert_eq!(grant.when.as_deref(), Some(when.as_str()));
    let good = json!({"to": ["bo@acme.com"], "amount": 100});
    assert_eq!(typed.call("fix.send", good).await.0, 200);
    let record = typed.last().await;
    assert_eq!(
        (record.reason.as_deref(), record.grants),
        (Some("granted"), vec![grant.id.clone()])
    );
    // The part that failed, and the value that it failed on.
    typed
        .is_denied(
            "fix.send",
            json!({"to": ["bo@acme.com", "eve@evil.example"], "amount": 1}),
            "condition_false",
            &grant,
            &[TO_ACME, "args.to", "eve@evil.example"],
        )
        .await;
    typed
        .is_denied(
            "fix.send",
            json!({"to": [], "amount": 101}),
            "condition_false",
            &grant,
            &["args.amount <= 100.0", "args.amount is 101"],
        )
        .await;
    // A field that is missing, and one of another type than was announced.
    typed
        .is_denied(
            "fix.send",
            json!({"to": []}),
            "condition_failed",
            &grant,
            &["\"amount\"", "missing"],
        )
        .await;
    typed
        .is_denied("fix.send", json!({"to": 5, "amount": 1}), "condition_failed", &grant, &["here"])
        .await;
    assert_eq!(typed.upstream.calls().len(), 1);
    typed.gateway.stop().await;
}

/// Nothing of the arguments goes into the trail that was not shown to it.
#[tokio::test]
async fn a_deny_with_a_condition_denies_what_it_holds_for_and_what_it_cannot_judge() {
    let typed = Typed::start().await;
    typed.gateway.grant("ana", "fix.*", "allow").await;
    let grant = typed.grant("fix.send", "deny", "args.amount > 100.0").await;
    assert_eq!(typed.call("fix.send", json!({"amount": 100})).await.0, 200);
    typed
        .is_denied(
            "fix.send",
            json!({"amount": 100.5}),
            "denied_by_grant",
            &grant,
            &["forbids it when args.amount > 100.0"],
        )
        .await;
    typed
        .is_denied("fix.send", json!({}), "condition_failed", &grant, &["\"amount\"", "missing"])
        .await;
    // It does not make the tool disappear: it may still be called.
    assert_eq!(typed.gateway.rest_tools(&typed.token).await, ["fix.any", "fix.find", "fix.send"]);
    assert_eq!(typed.call("fix.find", json!({"query": "x"})).await.0, 200);
    typed.gateway.stop().await;
}

#[tokio::test]
async fn a_grant_that_asks_asks_when_its_condition_holds() {
    let typed = Typed::start().await;
    let Typed { gateway, token, .. } = &typed;
    let ask = typed.grant("fix.send", "ask", "args.amount > 100.0").await;
    typed
        .is_denied("fix.send", json!({"amount": 1}), "condition_false", &ask, &["args.amount is 1"])
        .await;
    gateway.grant("ana", "fix.send", "allow").await;
    assert_eq!(typed.call("fix.send", json!({"amount": 1})).await.0, 200);
    assert_eq!(approvals(gateway).await.len(), 0);
    let made = call(gateway, token, "fix.send", json!({"amount": 101}));
    let asked = the_held(gateway).await;
    assert_eq!(asked.grants, [ask.id.as_str()]);
    say(gateway, &asked.id, "once").await;
    assert_eq!(outcome(made).await.0, 200);
    // Whether to ask cannot be told: it is not simply allowed.
    typed.is_denied("fix.send", json!({}), "condition_failed", &ask, &["\"amount\""]).await;
    typed.gateway.stop().await;
}

#[tokio::test]
async fn a_condition_may_look_at_who_calls_from_where_and_when() {
    let typed = Typed::start().await;
    let Typed { gateway, token, .. } = &typed;
    let cursor = gateway.add_agent("ana", "cursor", &[]).await;
    let own = gateway.user_token("ana").await;
    let passes = async |when: &str| {
        let grant = typed.grant("fix.any", "allow", when).await;
        let mut who = Vec::new();
        for (name, token) in [("claude", token), ("cursor", &cursor), ("own", &own)] {
            if gateway.rest_call(token, "fix.any", json!({})).await.0 == 200 {
                who.push(name);
            }
        }
        gateway.revoke(&grant).await;
        who
    };
    assert_eq!(passes("agent != null && agent.name == 'claude'").await, ["claude"]);
    assert_eq!(passes("agent == null").await, ["own"]);
    assert_eq!(passes("agent.name == 'cursor'").await, ["cursor"], "null has no name");
    assert_eq!(passes("user.name == 'ana' && connection.name == 'fix'").await.len(), 3);
    assert_eq!(passes("user.name == 'bo' || connection.name == 'mail'").await.len(), 0);
    assert_eq!(passes("now > timestamp('2020-01-01T00:00:00Z')").await.len(), 3);
    assert_eq!(passes("now.getHours('Europe/Berlin') > 23").await.len(), 0);
    assert_eq!(passes("'sales' in user.teams").await.len(), 0);
    set_teams(gateway, "ana", &["sales"]).await;
    assert_eq!(passes("'sales' in user.teams").await.len(), 3);
    typed.gateway.stop().await;
}

/// The text at the place that an answer names.
fn marked<'t>(when: &'t str, answer: &Value) -> &'t str {
    let number = |name: &str| answer["place"][name].as_u64().unwrap() as usize;
    // All of it is ASCII, where characters are bytes.
    &when[number("at")..number("at") + number("length")]
}

#[tokio::test]
async fn what_contradicts_the_tools_schema_is_refused_and_shown_where() {
    let typed = Typed::start().await;
    let Typed { gateway, .. } = &typed;
    let grant = typed.grant("fix.send", "allow", TO_ACME).await;
    for (tool, when, place) in [
        ("fix.send", "args.amount <= 1.0 && args.tto.size() > 0", "tto"),
        ("fix.send", "args.note == 1", "note"),
        ("fix.send", "args.amount.startsWith('x')", "amount"),
        ("fix.send", "args.to.all(r, r == 1)", "r"),
        ("fix.send", "args.customer.name == 'x'", "name"),
        ("fix.find", TO_ACME, "to"),
        ("fix.find", "args.query = 'x'", "="),
        ("fix.find", "wizard == 'x'", "wizard"),
        ("fix.*", "nothing()", "nothing"),
    ] {
        let body = json!({"subject": "ana", "tool": tool, "effect": "allow", "when": when});
        let mut edit = body.clone();
        edit["version"] = json!(grant.version);
        let mut edited = edit.clone();
        edited["id"] = json!(grant.id);
        for (method, path, body) in [
            ("POST", "/api/v1/grants".to_owned(), body.clone()),
            ("PUT", format!("/api/v1/grants/{}", grant.id), edit),
            ("POST", "/api/v1/changes".to_owned(), json!({"add": [body.clone()]})),
            ("POST", "/api/v1/changes".to_owned(), json!({"edit": [edited]})),
            ("POST", "/api/v1/simulations".to_owned(), json!({"change": {"add": [body]}})),
        ] {
            let (status, answer) = ask(&gateway.admin, method, &path, body).await;
            let seen = (status, answer["code"].as_str());
            assert_eq!(seen, (422, Some("invalid_condition")), "{method} {tool} {when}: {answer}");
            assert_eq!(marked(when, &answer), place, "{method} {tool} {when}: {answer}");
        }
        let body = json!({"tool": tool, "when": when});
        let checked: CheckedCondition =
            gateway.admin.post("/api/v1/conditions", &body).await.unwrap();
        assert!(checked.problem.is_some() && checked.place.is_some(), "{checked:?}");
    }
    let grants: Vec<Grant> = gateway.admin.get("/api/v1/grants").await.unwrap();
    assert_eq!(grants, [grant]);
    typed.gateway.stop().await;
}

/// A pattern's condition must fit one of its tools; the others it denies.
#[tokio::test]
async fn of_a_pattern_the_condition_is_judged_for_each_tool() {
    let typed = Typed::start().await;
    let grant = typed.grant("fix.*", "allow", "args.amount <= 100.0").await;
    assert_eq!(typed.call("fix.send", json!({"amount": 1})).await.0, 200);
    assert_eq!(typed.call("fix.any", json!({"amount": 1})).await.0, 200);
    for (tool, args) in [("fix.find", json!({"query": "x"})), ("fix.any", json!({}))] {
        typed.is_denied(tool, args, "condition_failed", &grant, &["\"amount\"", "missing"]).await;
    }
    // One for each condition, side by side.
    typed.grant("fix.*", "allow", "args.query != ''").await;
    assert_eq!(typed.call("fix.find", json!({"query": "x"})).await.0, 200);
    assert_eq!(typed.call("fix.send", json!({"amount": 101})).await.0, 403);
    let grants: Vec<Grant> = typed.gateway.admin.get("/api/v1/grants").await.unwrap();
    assert_eq!(grants.iter().map(|grant| grant.covers).collect::<Vec<_>>(), [3, 3]);
    typed.gateway.stop().await;
}

/// The forms of the window, put together by the gateway.
#[tokio::test]
async fn rules_make_a_condition_that_does_what_they_say() {
    let typed = Typed::start().await;
    let body = json!({"tool": "fix.send", "when": "args.note != 'x' || false", "rules": [
        {"kind": "every_item_ends_with", "field": "to", "ends_with": "@acme.com"},
        {"kind": "at_most", "field": "amount", "limit": 10},
        {"kind": "one_of", "field": "customer.id", "values": ["it's", "c2"]},
        {"kind": "matches", "field": "note", "pattern": "^[a-z']+$"},
    ]});
    let checked: CheckedCondition =
        typed.gateway.admin.post("/api/v1/conditions", &body).await.unwrap();
    assert_eq!(checked.problem, None, "{checked:?}");
    typed.grant("fix.send", "allow", &checked.when).await;
    let good =
        json!({"to": ["bo@acme.com"], "amount": 10, "customer": {"id": "it's"}, "note": "it's"});
    assert_eq!(typed.call("fix.send", good.clone()).await.0, 200, "{}", checked.when);
    for (field, value) in [
        ("to", json!(["bo@acme.com.evil.example"])),
        ("amount", json!(10.5)),
        ("customer", json!({"id": "c3"})),
        ("note", json!("It's")),
        ("note", json!("x")),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        assert_eq!(typed.call("fix.send", bad).await.0, 403, "{field}");
    }
    for rule in [
        json!({"kind": "between", "from": 9, "to": 9, "zone": "Europe/Berlin"}),
        json!({"kind": "one_of", "field": "note", "values": [{}]}),
    ] {
        let body = json!({"tool": "fix.send", "rules": [rule]});
        assert_eq!(ask(&typed.gateway.admin, "POST", "/api/v1/conditions", body).await.0, 422);
    }
    typed.gateway.stop().await;
}

/// A tool that is not granted is answered like one that is not there, also
/// next to grants with conditions.
#[tokio::test]
async fn what_is_not_granted_is_not_told_from_what_is_not_there() {
    let typed = Typed::start().await;
    let Typed { gateway, token, upstream } = &typed;
    gateway.add_user("bo", None).await;
    let url = gateway.url("/mcp");
    for step in 0..4 {
        match step {
            0 => {}
            1 => drop(typed.grant("fix.send", "allow", "args.amount < 5.0").await),
            2 => drop(typed.grant("fix.send", "deny", "args.amount < 1.0").await),
            // Bo's are not ana's; nor does a denial without leave tell anything.
            _ => {
                let bos = json!({"subject": "bo", "tool": "fix.*", "effect": "allow", "when": "args.query != ''"});
                gateway.grant_with(bos).await;
                typed.grant("fix.find", "deny", "args.query == 'x'").await;
            }
        }
        let session = Session::open(&url, token).await;
        let mut answers = Vec::new();
        // As long as each other, so that only the name can differ.
        for (tool, mcp_name) in
            [("fix.find", "fix__find"), ("fix.nope", "fix__nope"), ("mail.abc", "mail__abc")]
        {
            let args = json!({"query": "x"});
            let rest = gateway.rest_call(token, tool, args.clone()).await;
            let older = session.call(mcp_name, args.clone()).await;
            let params = json!({"name": mcp_name, "arguments": args});
            let newer = mcp::stateless(&url, token, "tools/call", params).await;
            let text = format!("{rest:?} {older} {newer:?}");
            answers.push(text.replace(tool, "TOOL").replace(mcp_name, "TOOL"));
        }
        assert_eq!(answers[0], answers[1], "step {step}");
        assert_eq!(answers[0], answers[2], "step {step}");
        assert!(answers[0].contains("not_granted"), "{}", answers[0]);
    }
    assert_eq!(upstream.calls().len(), 0);
    typed.gateway.stop().await;
}
