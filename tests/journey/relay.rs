//! What an agent has through the gateway is what it would have of the server
//! itself, whatever era either of them is of: each official client, of both
//! major versions, in front of a server of each era.

use serde_json::{Value, json};

use crate::support::{
    parts::inspector,
    process::eventually,
    relay::{Done, Driven, Relay, Sdk, Upstream},
};

const STATIC_TEXT: &str = "This is the content of the static text resource.";

macro_rules! each_client_has_everything_of {
    ($upstream:ident) => {
        use super::{Sdk, Upstream, has_everything};

        #[tokio::test]
        async fn the_typescript_client_1_has_everything() {
            has_everything(Sdk::TypeScript1, Upstream::$upstream).await;
        }

        #[tokio::test]
        async fn the_typescript_client_2_has_everything_in_a_session() {
            has_everything(Sdk::TypeScript2Legacy, Upstream::$upstream).await;
        }

        #[tokio::test]
        async fn the_typescript_client_2_has_everything_without_one() {
            has_everything(Sdk::TypeScript2Modern, Upstream::$upstream).await;
        }

        #[tokio::test]
        async fn the_python_client_1_has_everything() {
            has_everything(Sdk::Python1, Upstream::$upstream).await;
        }

        #[tokio::test]
        async fn the_python_client_2_has_everything_in_a_session() {
            has_everything(Sdk::Python2Legacy, Upstream::$upstream).await;
        }

        #[tokio::test]
        async fn the_python_client_2_has_everything_without_one() {
            has_everything(Sdk::Python2Modern, Upstream::$upstream).await;
        }
    };
}

mod of_a_legacy_server {
    each_client_has_everything_of!(Legacy);
}

mod of_a_modern_server {
    each_client_has_everything_of!(Modern);
}

/// Over stdio there are no streams to put things on.
mod over_stdio {
    use super::{Sdk, Upstream, has_everything};

    #[tokio::test]
    async fn a_client_in_a_session_has_everything_of_a_legacy_server() {
        has_everything(Sdk::TypeScript1, Upstream::LegacyStdio).await;
    }

    #[tokio::test]
    async fn a_client_without_one_has_everything_of_a_legacy_server() {
        has_everything(Sdk::TypeScript2Modern, Upstream::LegacyStdio).await;
    }

    #[tokio::test]
    async fn a_client_in_a_session_has_everything_of_a_modern_server() {
        has_everything(Sdk::TypeScript1, Upstream::ModernStdio).await;
    }

    #[tokio::test]
    async fn a_client_without_one_has_everything_of_a_modern_server() {
        has_everything(Sdk::TypeScript2Modern, Upstream::ModernStdio).await;
    }
}

#[tokio::test]
async fn mcp_inspector_lists_and_reads_resources_and_gets_prompts() {
    let relay = Relay::open(Upstream::Legacy).await;
    for era in ["legacy", "modern"] {
        let ask = async |method: &str, args: &[&str]| {
            let args = [&["--protocol-era", era, "--method", method], args].concat();
            let said = inspector(&relay.cli, &relay.url(), &relay.token, &args).await;
            said.expect(0).json()["result"].clone()
        };
        let listed = ask("resources/list", &[]).await;
        assert_eq!(members(&listed["resources"], "uri"), RESOURCES, "{era}");
        let templates = ask("resources/templates/list", &[]).await;
        assert_eq!(members(&templates["resourceTemplates"], "uriTemplate"), [TEMPLATE], "{era}");
        let read = ask("resources/read", &["--uri", "test://static-text"]).await;
        assert_eq!(read["contents"][0]["text"], STATIC_TEXT, "{era}");
        let prompts = ask("prompts/list", &[]).await;
        assert_eq!(members(&prompts["prompts"], "name"), PROMPTS, "{era}");
        let args =
            ["--prompt-name", "test_prompt_with_arguments", "--prompt-args", "arg1=a", "arg2=b"];
        let got = ask("prompts/get", &args).await;
        assert_eq!(got["messages"][0]["content"]["text"], FILLED_IN, "{era}");
    }
    relay.service.stop().await;
}

const TEMPLATE: &str = "test://template/{id}/data";
const RESOURCES: [&str; 4] = [
    "test://input-required",
    "test://static-binary",
    "test://static-text",
    "test://watched-resource",
];
const PROMPTS: [&str; 5] = [
    "test_input_required_result_prompt",
    "test_prompt_with_arguments",
    "test_prompt_with_embedded_resource",
    "test_prompt_with_image",
    "test_simple_prompt",
];
const FILLED_IN: &str = "Prompt with arguments: arg1='a', arg2='b'";

fn members(list: &Value, member: &str) -> Vec<String> {
    let list = list.as_array().unwrap_or_else(|| panic!("{list}"));
    sorted(list.iter().map(|item| item[member].clone()))
}

fn sorted(names: impl IntoIterator<Item = Value>) -> Vec<String> {
    let mut names: Vec<_> =
        names.into_iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    names.sort_unstable();
    names
}

async fn has_everything(sdk: Sdk, upstream: Upstream) {
    let relay = Relay::open(upstream).await;
    let mut client = Driven::connect(&relay, sdk).await;
    assert_eq!(client.revision, sdk.revision());
    lists(&mut client).await;
    reads_and_completes(&mut client).await;
    calls_and_hears_of_it(&mut client).await;
    is_asked(&mut client).await;
    watches(&mut client).await;
    cancels(&mut client).await;
    drop(client);
    relay.service.stop().await;
}

async fn lists(client: &mut Driven) {
    let listed = client.told(&json!({"do": "list"})).await.answer;
    let names = |member: &str| {
        let list = listed[member].as_array().unwrap_or_else(|| panic!("{listed}"));
        sorted(list.iter().cloned())
    };
    let tools = names("tools");
    for tool in ["test_simple_text", "test_slow", "test_header_argument"] {
        assert!(tools.iter().any(|name| name == tool), "{tools:?}");
    }
    assert_eq!(names("prompts"), PROMPTS);
    // On two pages.
    assert_eq!(names("resources"), RESOURCES);
    assert_eq!(names("templates"), [TEMPLATE]);
}

async fn reads_and_completes(client: &mut Driven) {
    let read = async |client: &mut Driven, uri: &str| {
        client.told(&json!({"do": "read", "uri": uri})).await
    };
    let text = |done: &Done| done.answer["contents"][0]["text"].clone();
    assert_eq!(text(&read(client, "test://static-text").await), STATIC_TEXT);
    let filled = text(&read(client, "test://template/123/data").await);
    assert!(filled.as_str().unwrap().contains("Data for ID: 123"), "{filled}");
    let asking = read(client, "test://input-required").await;
    assert_eq!(text(&asking), "For Ana", "{asking:?}");
    assert_eq!(asking.asked, ["What is your name?"]);
    let nothing = read(client, "test://nothing").await.answer;
    let code = nothing["error"]["code"].as_i64();
    assert!(matches!(code, Some(-32_602 | -32_002)), "{nothing}");

    let args = json!({"arg1": "a", "arg2": "b"});
    let prompt = async |client: &mut Driven, name: &str, args: &Value| {
        let prompt = json!({"do": "prompt", "name": name, "arguments": args});
        client.told(&prompt).await
    };
    let got = prompt(client, "test_prompt_with_arguments", &args).await.answer;
    assert_eq!(got["messages"][0]["content"]["text"], FILLED_IN, "{got}");
    let got = prompt(client, "test_input_required_result_prompt", &json!({})).await;
    assert_eq!(got.asked, ["What context should the prompt use?"]);
    assert_eq!(got.answer["messages"][0]["content"]["text"], "Use this context: Ana", "{got:?}");

    let complete = json!({"do": "complete", "prompt": "test_prompt_with_arguments", "argument": "arg1", "value": "par"});
    let completed = client.told(&complete).await.answer;
    assert_eq!(completed, json!({"values": ["paris", "park", "party"]}));
}

async fn calls_and_hears_of_it(client: &mut Driven) {
    let called = client.call("test_simple_text", json!({})).await;
    assert_eq!(called.text(), "This is a simple text response for testing.");
    let called = client.call("test_tool_with_progress", json!({})).await;
    assert_eq!(called.text(), "progressed");
    let steps =
        ["Completed step 0 of 100", "Completed step 50 of 100", "Completed step 100 of 100"];
    assert_eq!(called.progress, steps);
    let failed = client.call("test_error_handling", json!({})).await;
    assert_eq!(failed.answer["result"]["isError"], true, "{failed:?}");
    assert_eq!(failed.text(), "This tool intentionally returns an error for testing");
}

async fn is_asked(client: &mut Driven) {
    let called = client.call("test_input_required_result_elicitation", json!({})).await;
    assert_eq!(called.text(), "Hello, Ana!");
    assert_eq!(called.asked, ["What is your name?"]);
    let mut called = client.call("test_input_required_result_multiple_inputs", json!({})).await;
    assert_eq!(called.text(), "Bonjour Ana: 1 root(s)");
    called.asked.sort_unstable();
    assert_eq!(called.asked, ["Generate a greeting", "What is your name?", "roots"]);
    let called = client.call("test_input_required_result_multi_round", json!({})).await;
    assert_eq!(called.text(), "Ana likes Ana");
    assert_eq!(
        called.asked,
        ["Step 1: What is your name?", "Step 2: What is your favorite color?"]
    );
    let called = client.call("test_url_elicitation", json!({})).await;
    assert_eq!(called.text(), "action=accept");
    assert_eq!(called.asked, ["Please sign in"]);
}

async fn watches(client: &mut Driven) {
    let uri = "test://watched-resource";
    let watching = client.told(&json!({"do": "watch", "uri": uri})).await;
    assert_eq!(watching.answer, json!({"watching": true}));
    // It may hear of the change before it hears of the call's end.
    let touched = client.call("test_touch_watched_resource", json!({})).await;
    assert_eq!(touched.text(), "touched");
    match touched.updated.as_slice() {
        [] => assert_eq!(client.line().await, json!({"updated": uri})),
        once => assert_eq!(once, [uri]),
    }
}

/// The server is told.
async fn cancels(client: &mut Driven) {
    let times = async |client: &mut Driven| {
        let times = client.call("test_times_cancelled", json!({})).await;
        times.text().parse::<u32>().unwrap()
    };
    assert_eq!(times(client).await, 0);
    let slow = json!({"do": "call", "name": "test_slow", "arguments": {}, "cancel_at": "step 3"});
    let cancelled = client.told(&slow).await;
    assert_eq!(cancelled.answer, json!({"cancelled": true}));
    eventually("the server is told", async || (times(client).await == 1).then_some(())).await;
}
