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
    ("agw-gateway", &["agw-core", "agw-vault", "agw-api"], "the engine"),
    (
        "agw-cli",
        &["agw-gateway", "agw-api", "agw-core"],
        "`serve` is the engine, `audit verify` the rules of the log, the rest a client",
    ),
    ("ai-agent-gateway", &["agw-api"], "the app is a client, never the engine"),
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
            vec!["upstream/link.rs", "accounts/mod.rs", "accounts/client.rs", "accounts/revoke.rs"],
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

#[test]
fn only_the_tests_can_seed_a_fault() {
    let metadata = metadata();
    for package in metadata["packages"].as_array().unwrap() {
        if package["name"] == "agw-tests" {
            continue;
        }
        for dependency in package["dependencies"].as_array().unwrap() {
            let features = dependency["features"].as_array().unwrap();
            let seeded = features.iter().any(|feature| feature == "seeded-fault");
            assert!(!seeded, "{} asks for seeded faults", package["name"]);
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
