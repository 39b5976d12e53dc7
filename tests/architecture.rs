//! What the shape of the code promises, checked: which crate may know which,
//! and that nothing goes round the pipeline.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Crate → crates of this workspace that it may link, and why no others.
const MAY_LINK: &[(&str, &[&str], &str)] = &[
    ("agw-core", &[], "decisions depend on nothing"),
    ("agw-vault", &["agw-core"], "it opens secrets for a permit of core's"),
    ("agw-api", &[], "the shell and scripts must not link the engine with it"),
    ("agw-clients", &["agw-api"], "it edits files of a person, which the service never does"),
    ("agw-gateway", &["agw-core", "agw-vault", "agw-api"], "the engine"),
    (
        "agw-cli",
        &["agw-gateway", "agw-api", "agw-clients", "agw-core"],
        "`serve` is the engine, `audit verify` the rules of the log, the rest a client",
    ),
    ("ai-agent-gateway", &["agw-api", "agw-clients"], "the app is a client, never the engine"),
    ("xtask", &[], "it builds the others"),
    (
        "agw-tests",
        &["agw-cli", "agw-gateway", "agw-api"],
        "the seeded-fault build, and the client that the conformance suite runs",
    ),
];

/// What core must never link: anything that does I/O, knows the time or waits.
const NOT_IN_CORE: &[&str] =
    &["tokio", "hyper", "rusqlite", "getrandom", "jiff", "ulid", "keyring-core", "tracing"];

/// The section of SECURITY.md with all that the specification demands.
const MUSTS: &str = "Musts of a proxy";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Name of each crate of the workspace → names of what it links (not what its
/// tests link).
fn links() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap().iter();
            let linked = dependencies.filter(|dependency| dependency["kind"].is_null());
            (name(package), linked.map(name).collect())
        })
        .collect()
}

#[test]
fn crates_know_only_what_they_may() {
    let links = links();
    let ours: BTreeSet<&str> = links.keys().map(String::as_str).collect();
    let listed: BTreeSet<&str> = MAY_LINK.iter().map(|(name, ..)| *name).collect();
    assert_eq!(ours, listed, "a new crate needs a line in this table");
    for (name, allowed, why) in MAY_LINK {
        let linked = links[*name].iter().filter(|linked| ours.contains(linked.as_str()));
        for linked in linked {
            assert!(allowed.contains(&linked.as_str()), "{name} links {linked}, but {why}");
        }
    }
    for name in NOT_IN_CORE {
        assert!(!links["agw-core"].contains(*name), "core is pure; it must not link {name}");
    }
}

#[test]
fn core_does_no_io_and_asks_for_no_time() {
    for file in sources("src-tauri/crates/core/src") {
        let text = fs::read_to_string(&file).unwrap();
        for word in ["std::fs", "std::net", "std::env", "std::time", "std::process", "std::thread"]
        {
            assert!(!text.contains(word), "{} uses {word}", file.display());
        }
    }
}

#[test]
fn only_the_pipeline_arms_and_only_upstreams_send() {
    let gateway = "src-tauri/crates/gateway/src";
    let allowed = [
        ("ArmedRequest {", vec!["pipeline/inject.rs"]),
        ("AuditTicket {", vec!["pipeline/intent.rs"]),
        ("tools_call(", vec!["upstream/jsonrpc.rs", "upstream/http.rs", "upstream/stdio.rs"]),
        ("upstream.call(", vec!["pipeline/mod.rs"]),
        (".call(armed", vec!["upstream/mod.rs"]),
        ("open_for_call(", vec!["pipeline/inject.rs"]),
        // Accounts are opened to be renewed, to list tools with, and to be given
        // back to the server that they are of.
        (
            "open_to_connect(",
            vec![
                "upstream/link.rs",
                "accounts/mod.rs",
                "accounts/client.rs",
                "accounts/renew.rs",
                "accounts/revoke.rs",
            ],
        ),
    ];
    for file in sources(gateway) {
        let name = file.strip_prefix(root().join(gateway)).unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&file).unwrap();
        // The documentation of the pipeline shows what does not compile.
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            for (what, files) in &allowed {
                let fine = !line.contains(what) || files.contains(&name.as_str());
                assert!(fine, "{name}: {line}");
            }
        }
    }
}

/// The list of outgoing connections has all of them only if nothing else opens
/// any: neither here nor in the vault.
#[test]
fn only_the_recorder_opens_sockets_to_others() {
    let opens = [
        "TcpStream::connect",
        "TcpSocket::",
        "UdpSocket::bind",
        "UnixStream::connect",
        "HttpConnector",
        "lookup_host",
        "to_socket_addrs",
        "reqwest",
        "ureq",
    ];
    for folder in ["core", "vault", "gateway"].map(|name| format!("src-tauri/crates/{name}/src")) {
        for file in sources(&folder) {
            let name = file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&file).unwrap();
            // Tests listen, and play the other end.
            let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
            let recorder = name.contains("gateway/src/outbound");
            for what in opens {
                assert!(recorder || !code.contains(what), "{name} has {what}: use `outbound`");
            }
        }
    }
    // The search finds what is there.
    let recorder = root().join("src-tauri/crates/gateway/src/outbound.rs");
    assert!(fs::read_to_string(recorder).unwrap().contains("TcpStream::connect"));
}

/// MCP, security best practices: a URL of a server is never opened with a
/// shell. Here nothing opens one at all: links are shown, and people open them.
#[test]
fn nothing_opens_a_url_with_a_program() {
    // What starts processes: the service, and child servers by their argv.
    let starts = ["src-tauri/src/service.rs", "src-tauri/crates/gateway/src/upstream/stdio.rs"];
    let crates = ["core", "vault", "gateway", "api", "clients", "cli"];
    let folders = crates.map(|name| format!("src-tauri/crates/{name}/src"));
    for folder in folders.iter().map(String::as_str).chain(["src-tauri/src"]) {
        for file in sources(folder) {
            let name = file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&file).unwrap();
            let fine = !text.contains("Command::new(") || starts.contains(&name.as_str());
            assert!(fine, "{name} starts a process");
            for opener in ["xdg-open", "rundll32", "cmd.exe", "ShellExecute"] {
                assert!(!text.contains(opener), "{name} opens things with {opener}");
            }
        }
    }
    for (name, linked) in links() {
        for opener in ["open", "opener", "webbrowser", "tauri-plugin-opener", "tauri-plugin-shell"]
        {
            assert!(!linked.contains(opener), "{name} links {opener}");
        }
    }
}

/// A table that says which test holds what must not go on saying so when the
/// test is gone or was renamed.
#[test]
fn the_tests_that_security_md_names_are_there() {
    let text = fs::read_to_string(root().join("src-tauri/SECURITY.md")).unwrap();
    let rust = ["tests", "src-tauri/crates", "src-tauri/src"];
    let rust = rust.iter().flat_map(|folder| sources(folder));
    let mut known: BTreeSet<String> = BTreeSet::new();
    for file in rust {
        let mut after_attribute = false;
        for line in fs::read_to_string(&file).unwrap().lines().map(str::trim) {
            let name = line.trim_start_matches("async ").strip_prefix("fn ");
            match name.and_then(|rest| rest.split('(').next()) {
                Some(name) if after_attribute => _ = known.insert(name.to_owned()),
                _ => {}
            }
            let attribute = line.starts_with("#[") || line.starts_with("//");
            after_attribute = line.starts_with("#[test]")
                || line.starts_with("#[tokio::test")
                || after_attribute && attribute;
        }
    }
    let (mut named, mut section) = (0, "");
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title;
        }
        let Some((_, held_by)) = line.trim_end_matches([' ', '|']).rsplit_once('|') else {
            continue;
        };
        for (index, quoted) in held_by.split('`').enumerate() {
            // `badly.rs::redirects_are_not_followed` names the test, too.
            let name = quoted.rsplit("::").next().unwrap_or(quoted);
            let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            let words = name.matches('_').count();
            if index % 2 == 0 || words < 2 || !name.chars().all(is_name) {
                continue;
            }
            named += usize::from(section == MUSTS);
            assert!(known.contains(name), "SECURITY.md, {section}: there is no test {name}");
        }
    }
    assert!(named > 40, "{named}: where is the table of {MUSTS}?");
    let window = "ui/src/features/connections/add-connection.test.tsx";
    assert!(text.contains(window) && root().join(window).exists());
}

#[test]
fn only_the_tests_can_seed_a_fault() {
    let metadata = metadata();
    for package in metadata["packages"].as_array().unwrap() {
        if package["name"] == "agw-tests" {
            continue;
        }
        for dependency in package["dependencies"].as_array().unwrap() {
            let features = dependency["features"].as_array().unwrap();
            let of_tests = |feature: &Value| feature == "seeded-fault" || feature == "fuzzing";
            let only = !features.iter().any(of_tests);
            assert!(only, "{} asks for what only tests may: {features:?}", package["name"]);
        }
    }
    let agw = Path::new(env!("CARGO_BIN_EXE_agw-faulty")).with_file_name("agw");
    let holds = |path: &Path| {
        let needle = b"AGW_SEEDED_FAULT";
        let bytes = fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        bytes.windows(needle.len()).any(|window| window == needle)
    };
    assert!(holds(Path::new(env!("CARGO_BIN_EXE_agw-faulty"))), "the search finds nothing");
    assert!(!holds(&agw), "run `cargo build -p agw-cli`: this agw has the seeded fault");
}

fn sources(below: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(below)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty());
    found
}
