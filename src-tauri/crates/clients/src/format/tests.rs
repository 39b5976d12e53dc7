use super::*;
use crate::client::Client::{self, *};

fn parts() -> Parts {
    vec![
        ("command", Part::Text("/opt/agw".into())),
        ("args", Part::List(vec!["mcp".into(), "--token-file".into(), "/h/ö \"x\"".into()])),
    ]
}

fn add(client: Client, text: &str) -> Result<String, Bad> {
    let parts = parts();
    edit(client, text, &Change { add: Some(("gateway", &parts)), ..Change::default() })
}

fn remove(client: Client, text: &str, drop_section: bool) -> Result<String, Bad> {
    let names = ["gateway".to_owned()];
    edit(client, text, &Change { remove: &names, drop_section, ..Change::default() })
}

fn names(client: Client, text: &str) -> Vec<String> {
    let mut names: Vec<String> =
        servers(client, text).unwrap().into_iter().map(|(name, _)| name).collect();
    names.sort();
    names
}

#[test]
fn an_empty_file_gets_just_the_entry() {
    let json = add(Cursor, "").unwrap();
    assert_eq!(
        json,
        "{\n  \"mcpServers\": {\n    \"gateway\": {\n      \"command\": \"/opt/agw\",\n      \
         \"args\": [\"mcp\", \"--token-file\", \"/h/ö \\\"x\\\"\"]\n    }\n  }\n}\n"
    );
    assert_eq!(add(Cursor, "{}").unwrap().trim_end(), json.trim_end());
    assert_eq!(
        add(Codex, "").unwrap(),
        "[mcp_servers.gateway]\ncommand = \"/opt/agw\"\n\
         args = [\"mcp\", \"--token-file\", '/h/ö \"x\"']\n"
    );
    assert_eq!(
        add(Goose, "").unwrap(),
        "extensions:\n  gateway:\n    command: \"/opt/agw\"\n    args:\n      - \"mcp\"\n      \
         - \"--token-file\"\n      - \"/h/ö \\\"x\\\"\"\n"
    );
}

/// Files as people have them; each is what it was when the entry is gone again.
const SAMPLES: &[(Client, &str)] = &[
    (Cursor, "{\n  \"mcpServers\": {\n    \"a\": { \"command\": \"x\" }\n  }\n}\n"),
    (
        Cursor,
        "{\n\t// tabs\n\t\"mcpServers\": {\n\t\t\"a\": {\n\t\t\t\"command\": \"x\"\n\t\t}\n\t},\n\t\"z\": [1, 2.50, 1e3]\n}",
    ),
    (
        Zed,
        "// Zed settings\n//\n{\n  \"theme\": \"One Dark\", // dark\n  /* servers */\n  \"context_servers\": {\n    \"a\": {\"command\": \"x\", \"args\": [],},\n  },\n  \"vim\": true,\n}\n",
    ),
    (
        ClaudeCode,
        "{\r\n  \"numStartups\": 12,\r\n  \"mcpServers\": {\r\n    \"a\": {\r\n      \"type\": \"http\",\r\n      \"url\": \"https://x\"\r\n    }\r\n  },\r\n  \"projects\": {\"/p\": {\"mcpServers\": {}}}\r\n}\r\n",
    ),
    (
        VsCode,
        "\u{feff}{\n    \"inputs\": [],\n    \"servers\": {\n        \"a\": {\"type\": \"stdio\", \"command\": \"ü\\u00fc😀\"}\n    }\n}\n",
    ),
    (Windsurf, "{\"mcpServers\":{\"a\":{\"serverUrl\":\"https://x\"}},\"k\":\"v\"}"),
    (
        Codex,
        "# mine\nmodel = \"o\"   # best\n\n[mcp_servers.a]\ncommand = \"npx\"\nargs = [\n  \"-y\", # yes\n  \"x\",\n]\n\n[mcp_servers.a.env]\nKEY = 'v'\n\n[tui]\n# last\n",
    ),
    (Codex, "model = \"o\"\r\n[profiles.x]\r\nmodel = \"y\"\r\n"),
    (Codex, "\u{feff}[mcp_servers]\na = { command = \"x\" }\n"),
    (
        Goose,
        "# goose\nGOOSE_MODEL: x   # model\nextensions:\n  developer:\n    bundled: true\n    enabled: true\n    type: builtin\n\n  # mine\n  a:\n    type: stdio\n    name: a\n    cmd: npx\n    args: [-y, \"x\"]\n    envs: {}\nGOOSE_MODE: auto\n",
    ),
    (Goose, "extensions:\r\n    a:\r\n        type: stdio\r\n        cmd: x\r\n"),
    (Goose, "GOOSE_MODEL: x\nextensions:\n  a:\n    type: stdio\n    cmd: x"),
];

#[test]
fn comments_order_indentation_and_line_ends_survive() {
    for (client, text) in SAMPLES {
        let with = add(*client, text).unwrap_or_else(|bad| panic!("{bad:?}: {text}"));
        assert!(names(*client, &with).contains(&"gateway".to_owned()), "{with}");
        // Nothing was taken away: all that was there is there, in its order.
        let mut rest = with.chars();
        let missing = text.chars().filter(|c| !c.is_whitespace()).find(|c| !rest.any(|d| d == *c));
        assert_eq!(missing, None, "{with}");
        assert_eq!(with.starts_with(BOM), text.starts_with(BOM));
        let ends = with.matches("\r\n").count();
        assert_eq!(ends > 0, text.contains("\r\n"), "{with:?}");
        assert!(ends == 0 || ends == with.matches('\n').count(), "{with:?}");
        let without = remove(*client, &with, false).unwrap();
        let same =
            |text: &str| text.trim_end().replace(",}", "}").replace([' ', '\n', '\t', '\r'], "");
        assert_eq!(same(&without), same(text), "{text:?}");
    }
}

#[test]
fn tabs_are_indented_with_tabs() {
    let with = add(Cursor, SAMPLES[1].1).unwrap();
    assert!(with.contains("\t\t\"gateway\": {\n\t\t\t\"command\""), "{with}");
    let with = add(Goose, SAMPLES[10].1).unwrap();
    assert!(with.contains("\r\n    gateway:\r\n      command:"), "{with:?}");
}

#[test]
fn what_cannot_be_read_is_refused_without_quoting_it() {
    let secret = "s3cr3t-value";
    for (client, text) in [
        (Cursor, "{\"mcpServers\": {\"a\": \"s3cr3t-value\" \"b\"}}"),
        (Cursor, "{'mcpServers': {}}"),
        (Cursor, "[\"s3cr3t-value\"]"),
        (Cursor, "{\"mcpServers\": [\"s3cr3t-value\"]}"),
        (Cursor, "{\"mcpServers\": null}"),
        (Cursor, "{\"mcpServers\": {}, \"mcpServers\": {}}"),
        (Cursor, "{\"mcpServers\": {\"a\": {}, \"a\": {}}}"),
        (Codex, "[mcp_servers.a]\nkey = s3cr3t-value\n"),
        (Codex, "mcp_servers = \"s3cr3t-value\"\n"),
        (Codex, "[a]\nx = 1\nx = 2\n"),
        (Goose, "extensions:\n  a: {env: s3cr3t-value\n"),
        (Goose, "extensions:\n- s3cr3t-value\n"),
        (Goose, "extensions:\n  a: 1\n  a: 2\n"),
        (Goose, "a: 1\n---\nb: s3cr3t-value\n"),
    ] {
        let bad = add(client, text).expect_err(text);
        assert!(!bad.0.contains(secret), "{bad:?}");
    }
}

#[test]
fn yaml_in_a_style_of_its_own_is_refused_and_not_mangled() {
    for text in [
        "extensions: {a: {type: stdio, cmd: x}}\n",
        "extensions: &x\n  a:\n    type: stdio\n",
        "? extensions\n: a: 1\n",
        "{extensions: {}}\n",
    ] {
        assert!(add(Goose, text).is_err(), "{text}: {:?}", add(Goose, text));
    }
    for text in ["extensions: {}\nb: 1\n", "extensions:\nb: 1\n", "extensions: # none\nb: 1\n"] {
        assert_eq!(names(Goose, &add(Goose, text).unwrap()), ["gateway"], "{text}");
    }
    let text = "notes: |\n  extensions:\n    a: 1\nextensions:\n  b:\n    cmd: x\n";
    assert_eq!(names(Goose, &add(Goose, text).unwrap()), ["b", "gateway"]);
}

#[test]
fn toml_written_inline_or_dotted_is_added_to() {
    for text in ["mcp_servers = {}\n", "mcp_servers.a.command = \"x\"\n[tui]\nx = 1\n"] {
        let with = add(Codex, text).unwrap();
        assert!(names(Codex, &with).contains(&"gateway".to_owned()), "{with}");
    }
}

#[test]
fn a_section_that_was_made_goes_again() {
    for (client, text) in [(Cursor, "{\n  \"a\": 1\n}\n"), (Codex, "a = 1\n"), (Goose, "a: 1\n")] {
        let with = add(client, text).unwrap();
        let same = |text: &str| text.replace(char::is_whitespace, "");
        assert_eq!(same(&remove(client, &with, true).unwrap()), same(text));
    }
    assert_eq!(
        remove(Goose, "extensions:\n  gateway:\n    cmd: x\nb: 1\n", false).unwrap(),
        "extensions: {}\nb: 1\n"
    );
}

#[test]
fn entries_are_taken_over_from_an_earlier_state() {
    let names = ["b".to_owned()];
    for (client, other, text) in [
        (
            Cursor,
            "{\"mcpServers\": {\"a\": 1, \"b\": {\"command\": \"x\", \"env\": {\"N\": 1.50, \"E\": null}, \"args\": [true]}}}",
            "{\"mcpServers\": {\"c\": {}}}",
        ),
        (
            Codex,
            "[mcp_servers.b]\ncommand = \"x\" # it\n[mcp_servers.b.env]\nK = \"v\"\n[z]\n",
            "# top\n[mcp_servers.c]\ncommand = \"y\"\n",
        ),
        (
            Goose,
            "extensions:\n    b:\n        type: stdio\n        args:\n            - x\n",
            "extensions:\n  c:\n    type: stdio\n",
        ),
    ] {
        let change = Change { restore: Some((other, &names)), ..Change::default() };
        let back = edit(client, text, &change).unwrap();
        let of = |text: &str| servers(client, text).unwrap().into_iter().find(|it| it.0 == "b");
        assert_eq!(of(&back), of(other), "{back}");
    }
}

#[test]
fn a_thousand_servers_are_no_problem() {
    let json: String = (0..1000)
        .map(|n| format!("    \"s{n}\": {{\"command\": \"x\", \"args\": [\"{n}\"]}},\n"))
        .collect();
    let json = format!("{{\n  \"mcpServers\": {{\n{json}  }}\n}}\n");
    let toml: String =
        (0..1000).map(|n| format!("[mcp_servers.s{n}]\ncommand = \"x\"\n")).collect();
    let yaml: String =
        (0..1000).map(|n| format!("  s{n}:\n    type: stdio\n    cmd: x\n")).collect();
    for (client, text) in [(Cursor, json), (Codex, toml), (Goose, format!("extensions:\n{yaml}"))] {
        let with = add(client, &text).unwrap();
        assert_eq!(names(client, &with).len(), 1001);
        let without = remove(client, &with, false).unwrap();
        assert_eq!(without.trim_end(), text.trim_end(), "{client:?}");
    }
}

#[test]
fn secrets_are_not_in_what_is_shown() {
    let texts = [
        (
            Cursor,
            "{\"mcpServers\": {\"a\": {\"command\": \"npx\", \"env\": {\"K\": \"hunter2\", \"N\": \"\"}}, \"b\": {\"url\": \"https://x\", \"headers\": {\"Authorization\": \"Bearer hunter2\"}}}, \"primaryApiKey\": \"hunter2\", \"oauth\": {\"accessToken\": \"hunter2\"}}",
        ),
        (
            Codex,
            "[mcp_servers.a]\ncommand = \"npx\"\nenv = { K = \"hunter2\" }\n[mcp_servers.a.http_headers]\nX = \"hunter2\"\n[x]\napi_key = \"hunter2\"\nlong_token = \"\"\"\nhunter2\nhunter2\"\"\"\n",
        ),
        (
            Goose,
            "extensions:\n  a:\n    cmd: npx\n    envs:\n      K: hunter2\n      L: |\n        hunter2\n    env_keys:\n      - K\n  b:\n    cmd: npx\n    headers: {Authorization: Bearer hunter2}\nOPENAI_API_KEY: hunter2\n",
        ),
    ];
    assert_eq!(masked(Cursor, "{\"env\": {\"K\": \"hunter2\""), "…\n", "unreadable");
    for (client, text) in texts {
        let shown = masked(client, text);
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("npx") && shown.contains('…'), "{shown}");
        assert_eq!(shown.lines().count(), text.lines().count(), "{shown}");
        assert_eq!(masked(client, &format!("{BOM}{text}")), shown);
    }
}

#[test]
fn names_that_sound_like_secrets() {
    for name in
        ["GITHUB_TOKEN", "apiKey", "X-Api-Key", "PASSWORD", "client_secret", "Authorization"]
    {
        assert!(sounds_secret(name), "{name}");
    }
    for name in ["LOG_LEVEL", "PATH", "NODE_ENV", "keyboard", "monkey", "HOME"] {
        assert!(!sounds_secret(name), "{name}");
    }
}
