use super::*;

#[test]
fn connection_names_are_path_safe_and_never_reserved() {
    for good in ["gmail", "a", "crm-2"] {
        assert!(good.parse::<ConnectionName>().is_ok(), "{good}");
    }
    for bad in ["", "Gmail", "2crm", "a.b", "a_b", "a/b", "ä", "tools", &"a".repeat(33)] {
        assert!(bad.parse::<ConnectionName>().is_err(), "{bad}");
    }
}

#[test]
fn an_id_splits_at_the_first_dot() {
    let id: ToolId = "files.v1.read/all".parse().unwrap();
    assert_eq!(id.connection().as_str(), "files");
    assert_eq!(id.tool().as_str(), "v1.read/all");
}

#[test]
fn mcp_names_are_accepted_by_model_apis_and_differ() {
    let long = "x".repeat(128);
    let ids = [
        "fs.read_file",
        "fs.read.file",
        "fs.read/file",
        &format!("fs.{long}"),
        &format!("fs.{long}")[..130],
    ];
    let names: Vec<String> =
        ids.iter().map(|id| id.parse::<ToolId>().unwrap().mcp_name()).collect();
    for name in &names {
        assert!(
            name.len() <= 64
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        );
    }
    let distinct: std::collections::HashSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "{names:?}");
    assert_eq!(names[0], "fs__read_file");
}

#[test]
fn patterns_match_what_they_say() {
    let send: ToolId = "gmail.send".parse().unwrap();
    for (pattern, matches) in [
        ("*", true),
        ("gmail.*", true),
        ("gmail.send", true),
        ("*:write", true),
        ("gmail.*:write", true),
        ("write", true),
        ("read", false),
        ("gmail.*:destructive", false),
        ("gma.*", false),
        ("gmail.read", false),
    ] {
        let parsed: ToolPattern = pattern.parse().unwrap();
        assert_eq!(parsed.matches(&send, ToolEffect::Write), matches, "{pattern}");
        assert_eq!(parsed.to_string().parse(), Ok(parsed), "{pattern}");
    }
    for bad in [
        "gmail",
        "gmail.se*",
        "**",
        "",
        ".*",
        "*.send",
        "*:",
        ":read",
        "*:Read",
        "*:read:read",
        "gmail.send:read",
        "gmail:read",
    ] {
        assert!(bad.parse::<ToolPattern>().is_err(), "{bad}");
    }
}

#[test]
fn prompts_and_resources_have_names_of_their_own() {
    let resource: ToolId = "docs.@resource/file:///a/b.txt".parse().unwrap();
    assert_eq!(resource.tool().kind(), ItemKind::Resource);
    assert_eq!(resource.tool().own(), "file:///a/b.txt");
    assert_eq!(resource.mcp_name(), "file:///a/b.txt");
    let prompt = ToolName::of(ItemKind::Prompt, "Code review").unwrap();
    assert_eq!((prompt.kind(), prompt.own()), (ItemKind::Prompt, "Code review"));
    for (kind, own) in [
        (ItemKind::Tool, "@prompt/x"),
        (ItemKind::Prompt, ""),
        (ItemKind::Prompt, "a\u{202e}b"),
        (ItemKind::Resource, "file:///a/../b"),
        (ItemKind::Resource, "file:///a/%2E%2e/b"),
        (ItemKind::Resource, "file:///a/.%2e%2fb"),
        (ItemKind::Resource, "file:///a\\..\\b"),
        (ItemKind::Resource, "file:///a b"),
        (ItemKind::Resource, "file:///a/..;x/b"),
        (ItemKind::Resource, "file:///a/..%5Cb"),
        // Another spelling of what a rule may deny.
        (ItemKind::Resource, "file:///a/%62.txt"),
        (ItemKind::Resource, "file:///a?q=%7Eb"),
        (ItemKind::Resource, "FILE:///a/b.txt"),
        // Granted as it is, they would be patterns.
        (ItemKind::Resource, "file:///a/*"),
        (ItemKind::Prompt, "*"),
        (ItemKind::Prompt, "re*"),
    ] {
        assert!(ToolName::of(kind, own).is_err(), "{own}");
    }
    for uri in ["file:///a%20b", "git://Acme/a%2fb", "note:///a;v=1/%C3%A9", "n:/{+p}", "n:50%"] {
        assert!(ToolName::of(ItemKind::Resource, uri).is_ok(), "{uri}");
    }
    for (pattern, matches) in [
        ("docs.@resource/file:///a/*", true),
        ("docs.@resource/*", true),
        ("docs.@resource/file:///a/b.txt", true),
        ("docs.*", true),
        ("*:read", true),
        ("docs.*:write", false),
        ("docs.@resource/file:///b*", false),
        ("docs.@prompt/*", false),
        ("other.@resource/*", false),
    ] {
        let parsed: ToolPattern = pattern.parse().unwrap();
        assert_eq!(parsed.matches(&resource, ToolEffect::Read), matches, "{pattern}");
        assert_eq!(parsed.to_string().parse(), Ok(parsed), "{pattern}");
    }
    for bad in [
        "docs.@*",
        "docs.@resource*",
        "docs.@resource/a/../*",
        "docs.@x/*",
        "docs.@prompt/",
        "docs.@resource/https://acme.com*",
        "docs.@resource/https://ana@acme.com*",
        "docs.@resource/file:///a**",
    ] {
        assert!(bad.parse::<ToolPattern>().is_err(), "{bad}");
    }
    for good in ["docs.@resource/https://acme.com/*", "docs.@resource/note://*"] {
        assert!(good.parse::<ToolPattern>().is_ok(), "{good}");
    }
}

#[test]
fn look_alike_tool_names_are_refused_or_fold_together() {
    assert!("send\u{200b}".parse::<ToolName>().is_err());
    assert!("ѕend".parse::<ToolName>().is_err());
    let folded = |s: &str| s.parse::<ToolName>().unwrap().folded();
    assert_eq!(folded("Read-File"), folded("read_file"));
}

#[test]
fn people_cannot_be_named_like_a_subject() {
    for bad in ["", " ana", "ana/claude", "team:sales", "a\nb", "..", "-"] {
        assert!(bad.parse::<PersonName>().is_err(), "{bad}");
    }
    for good in ["ana", "Ana's Claude Desktop", "jörg@acme.com"] {
        assert!(good.parse::<PersonName>().is_ok(), "{good}");
    }
}
