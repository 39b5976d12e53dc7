//! Prompts, resources and templates of resources beside tools: counted, shown,
//! granted, asked about, explained and found again, whatever is in their names.

use agw_api::{
    Connection, Explanation, Simulation, Suggestion, TestReport, Tool, ToolDetail, ToolKind,
    segment,
};
use serde_json::{Value, json};

use super::{
    admin_api::ask,
    scene::{JSON, Scene, VERSION},
};
use crate::support::{
    Trail as _, eventually,
    http::{self, Reply},
    mcp::ACCEPT,
};

/// Everything in a URI that means something in a path, a query or a pattern.
const ODD: &str = "file:///a%20b/c:d@e*?x=1&y=%2F+%C3%BC;z=#f%25";
const PLAIN: &str = "note:///plan.md";
const TEMPLATE: &str = "note:///by/{id}.md";
const PROMPT: &str = "Code review: 100% & more/less?";

fn id(uri: &str) -> String {
    format!("docs.@resource/{uri}")
}

fn prompt_id() -> String {
    format!("docs.@prompt/{PROMPT}")
}

/// The usual scene with a second connection, `docs`, that has tools, a prompt,
/// two resources and a template.
async fn scene() -> Scene {
    let scene = Scene::start().await;
    let prompt = json!({"name": PROMPT, "arguments": [{"name": "code", "required": true}]});
    let resource = |uri: &str| json!({"uri": uri, "name": "a resource"});
    scene.upstream.list_others(
        &json!([prompt]),
        &json!([resource(ODD), resource(PLAIN)]),
        &json!([{"uriTemplate": TEMPLATE, "name": "notes"}]),
    );
    scene.gateway.connect_http("docs", &scene.upstream.url(), &[]).await;
    scene
}

async fn shown(scene: &Scene, id: &str) -> ToolDetail {
    let path = format!("/api/v1/tools/{}", segment(id));
    scene.gateway.admin.get(&path).await.unwrap()
}

/// A request at the endpoint of `docs`, and whether it was answered.
async fn at_docs(scene: &Scene, method: &str, params: Value) -> Value {
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let headers = [JSON, ACCEPT, VERSION];
    scene.mcp_at("/mcp/docs", &headers, message.to_string()).await.json()
}

async fn read(scene: &Scene, uri: &str) -> Value {
    at_docs(scene, "resources/read", json!({"uri": uri})).await
}

async fn explain(scene: &Scene, tool: &str) -> Explanation {
    let body = json!({"caller": "ana/claude", "tool": tool});
    scene.gateway.admin.post("/api/v1/explain", &body).await.unwrap()
}

#[tokio::test]
async fn kinds_are_told_apart_and_counted() {
    let scene = scene().await;
    let tools: Vec<Tool> = scene.gateway.admin.get("/api/v1/tools").await.unwrap();
    let of = |kind| {
        let tools = tools.iter().filter(|tool| tool.connection == "docs" && tool.kind == kind);
        tools.collect::<Vec<_>>()
    };
    assert_eq!(of(ToolKind::Tool).len(), 3);
    assert_eq!(of(ToolKind::Prompt)[0].id, prompt_id());
    assert_eq!(of(ToolKind::Resource).len(), 2);
    let template = of(ToolKind::Template)[0];
    assert_eq!((&template.id, &*template.grant_as), (&id(TEMPLATE), "docs.@resource/note:///by/*"));
    for tool in &tools {
        let is_tool = tool.kind == ToolKind::Tool;
        assert_eq!(json!(tool.effect), if is_tool { json!(null) } else { json!("read") });
        assert!(tool.kind == ToolKind::Template || tool.grant_as == tool.id, "{}", tool.id);
    }
    let docs: Connection = scene.gateway.admin.get("/api/v1/connections/docs").await.unwrap();
    assert_eq!((docs.tools, docs.prompts, docs.resources), (3, 1, 3));
    let fix: Connection = scene.gateway.admin.get("/api/v1/connections/fix").await.unwrap();
    assert_eq!((fix.tools, fix.prompts, fix.resources), (3, 0, 0));
    let path = "/api/v1/connections/docs/test";
    let report: TestReport = scene.gateway.admin.post(path, &()).await.unwrap();
    assert_eq!((report.tools, report.prompts, report.resources), (3, 1, 3));
    scene.gateway.stop().await;
}

#[tokio::test]
async fn what_is_read_by_what_it_is_needs_no_word_of_an_admin() {
    let scene = scene().await;
    for id in [id(ODD), id(TEMPLATE), prompt_id()] {
        for effect in [json!("write"), json!("read"), json!(null)] {
            let path = format!("/api/v1/tools/{}/effect", segment(&id));
            let body = json!({"effect": effect, "version": 0});
            let (status, body) = ask(&scene.gateway.admin, "PUT", &path, body).await;
            assert_eq!((status, &body["code"]), (422, &json!("invalid")), "{body}");
            assert!(body["message"].as_str().unwrap().contains("and so is read"), "{body}");
        }
    }
    scene.gateway.stop().await;
}

/// From the list to the trail, by names that would break a path or a query.
#[tokio::test]
async fn any_uri_can_be_shown_granted_read_explained_and_found() {
    let scene = scene().await;
    let gateway = &scene.gateway;
    assert_eq!(shown(&scene, &id(ODD)).await.tool.mcp_name, ODD);
    assert_eq!(explain(&scene, &id(ODD)).await.reason, "not_granted");
    assert_eq!(read(&scene, ODD).await["error"]["data"]["uri"], ODD);

    let grant = gateway.grant("ana", &id(ODD), "allow").await;
    assert_eq!((grant.tool.as_str(), grant.covers), (&*id(ODD), 1));
    let explained = explain(&scene, &id(ODD)).await;
    assert_eq!((&*explained.reason, explained.grants), ("granted", vec![grant.id.clone()]));
    let answer = read(&scene, ODD).await;
    assert_eq!(answer["result"]["contents"], json!([]), "{answer}");
    let (_, params) = scene.upstream.calls().pop().unwrap();
    assert_eq!(params["uri"], ODD);
    assert!(read(&scene, PLAIN).await["error"].is_object());

    let prompt = json!({"name": PROMPT, "arguments": {"code": "x"}});
    assert!(at_docs(&scene, "prompts/get", prompt.clone()).await["error"].is_object());
    gateway.grant("ana", "docs.@prompt/*", "allow").await;
    let answer = at_docs(&scene, "prompts/get", prompt).await;
    assert_eq!(answer["result"]["messages"], json!([]), "{answer}");

    for (tool, made) in [(id(ODD), 1), (id(PLAIN), 0), (prompt_id(), 1)] {
        let sought = |more: &str| format!("/api/v1/audit?tool={}{more}", segment(&tool));
        let found: Vec<Value> = gateway.admin.records(&sought("&kind=intent")).await.unwrap();
        assert_eq!(found.len(), made, "{tool}");
        assert!(found.iter().all(|record| record["tool"] == tool && record["effect"] == "read"));
        let denied: Vec<Value> =
            gateway.admin.records(&sought("&decision=deny&effect=read")).await.unwrap();
        assert_eq!(denied.len(), 1, "{tool}");
        let story = format!("/api/v1/audit/{}", denied[0]["call_id"].as_str().unwrap());
        let story: Vec<Value> = gateway.admin.records(&story).await.unwrap();
        assert_eq!(story[0]["tool"], tool);
    }
    let said = format!("/api/v1/audit?kind=intent&text={}", segment("c:d@e*?x=1&y=%2F+"));
    let found: Vec<Value> = gateway.admin.records(&said).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");

    let change = json!({"change": {"remove": [{"id": grant.id, "version": grant.version}]}});
    let simulated: Simulation = gateway.admin.post("/api/v1/simulations", &change).await.unwrap();
    let flips: Vec<_> = simulated.flips.iter().map(|flip| &*flip.tool).collect();
    assert_eq!((simulated.flipped, flips), (2, vec![&*id(ODD)]));
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_resource_that_is_asked_about_is_read_after_a_yes() {
    let scene = scene().await;
    let gateway = &scene.gateway;
    gateway.grant("ana", "docs.@resource/file:///*", "ask").await;
    let body =
        json!({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": ODD}});
    let (url, bearer) = (gateway.url("/mcp/docs"), format!("Bearer {}", scene.token));
    let made = tokio::spawn(async move {
        let headers = [JSON, ACCEPT, VERSION, ("authorization", &*bearer)];
        http::ask("POST", &url, &headers, body.to_string()).await
    });
    let waiting = async || -> Vec<agw_api::Approval> {
        gateway.admin.get("/api/v1/approvals").await.unwrap()
    };
    let soon = std::time::Duration::from_secs(15);
    eventually("it is asked about", soon, async || waiting().await.len() == 1).await;
    let approval = waiting().await.remove(0);
    assert_eq!(approval.tool, id(ODD));
    assert_eq!(approval.args, json!({"uri": ODD}).to_string());
    assert_eq!(approval.deed().to_string(), format!("read the resource {ODD} of docs"));
    let path = format!("/api/v1/approvals/{}/answer", approval.id);
    assert_eq!(ask(&gateway.admin, "POST", &path, json!({"answer": "once"})).await.0, 200);
    let reply: Reply = made.await.unwrap();
    assert!(reply.text.contains("contents"), "{reply:?}");
    let path = format!("/api/v1/audit?kind=approval&tool={}", segment(&id(ODD)));
    let found: Vec<Value> = gateway.admin.records(&path).await.unwrap();
    assert!(found.len() >= 2, "{found:?}");
    scene.gateway.stop().await;
}

/// Reading says no more than the URI, so who asks need not say it again; and a
/// resource that only a template knows is on offer.
#[tokio::test]
async fn explaining_a_resource_knows_its_arguments_and_its_template() {
    let scene = scene().await;
    let when = "args.uri.endsWith('7.md')";
    let grant = json!({"subject": "ana", "tool": "docs.@resource/note:///by/*", "effect": "allow", "when": when});
    scene.gateway.grant_with(grant).await;
    let explained = explain(&scene, &id("note:///by/7.md")).await;
    assert_eq!(explained.reason, "granted");
    assert!(!explained.sentence.contains("no connection offers"), "{}", explained.sentence);
    assert_eq!(explain(&scene, &id("note:///by/8.md")).await.reason, "condition_false");
    let unknown = explain(&scene, &id("note:///by/8.txt")).await;
    assert!(unknown.sentence.contains("no connection offers"), "{}", unknown.sentence);
    assert!(read(&scene, "note:///by/7.md").await["result"].is_object());
    assert!(read(&scene, "note:///by/8.md").await["error"].is_object());
    scene.gateway.stop().await;
}

#[tokio::test]
async fn what_is_recorded_of_prompts_and_templates_is_kept() {
    let scene = scene().await;
    let gateway = &scene.gateway;
    gateway.grant("ana", "docs.*", "allow").await;
    for (id, clear) in [(prompt_id(), "code"), (id(TEMPLATE), "uri"), (id(ODD), "uri")] {
        let path = format!("/api/v1/tools/{}/recording", segment(&id));
        let body = json!({"clear": [clear], "bodies": true, "version": 0});
        let (status, body) = ask(&gateway.admin, "PUT", &path, body).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(shown(&scene, &id).await.recording.clear, [clear]);
    }
    at_docs(&scene, "prompts/get", json!({"name": PROMPT, "arguments": {"code": "let x"}})).await;
    let last = async || scene.last_outcome().await;
    let clear = async || {
        let id = last().await.call_id.unwrap();
        let path = format!("/api/v1/audit/{id}");
        let story: Vec<Value> = gateway.admin.records(&path).await.unwrap();
        story.iter().find_map(|record| record.get("clear").filter(|c| !c.is_null()).cloned())
    };
    assert_eq!(clear().await, Some(json!({"code": "let x"})));
    for (uri, kept) in [("note:///by/7.md", true), (ODD, true), (PLAIN, false)] {
        assert!(read(&scene, uri).await["result"].is_object(), "{uri}");
        assert_eq!(clear().await, kept.then(|| json!({"uri": uri})), "{uri}");
        let path = format!("/api/v1/audit/bodies/{}", last().await.call_id.unwrap());
        let status = ask(&gateway.admin, "GET", &path, json!(null)).await.0;
        assert_eq!(status == 200, kept, "{uri}: {status}");
    }
    scene.gateway.stop().await;
}

/// The resources of a template are without end: a grant that is narrowed to
/// them names what they begin with, and nothing that it did not cover.
#[tokio::test]
async fn a_grant_is_narrowed_to_templates_and_never_widened_by_them() {
    let scene = scene().await;
    let gateway = &scene.gateway;
    let wide = gateway.grant("ana", "docs.*", "allow").await;
    for uri in ["note:///by/7.md", "note:///by/8.md", ODD] {
        assert!(read(&scene, uri).await["result"].is_object(), "{uri}");
    }
    let suggested =
        async || -> Vec<Suggestion> { gateway.admin.get("/api/v1/suggestions").await.unwrap() };
    let found = suggested().await;
    let narrow = found.iter().find(|suggestion| suggestion.grant.id == wide.id).unwrap();
    let tools: Vec<&str> = narrow.change.add.iter().map(|grant| &*grant.tool).collect();
    assert_eq!(tools, [&*id(ODD), "docs.@resource/note:///by/*"]);
    let (status, body) = ask(&gateway.admin, "POST", "/api/v1/changes", json!(narrow.change)).await;
    assert_eq!(status, 200, "{body}");
    assert!(read(&scene, "note:///by/9.md").await["result"].is_object());
    assert!(read(&scene, PLAIN).await["error"].is_object());
    assert!(suggested().await.iter().all(|s| !s.grant.tool.starts_with("docs.")));
    scene.gateway.stop().await;
}
