//! The committed description of the API is the one that the code gives.

use std::{collections::HashSet, fs, path::PathBuf};

/// Clients are generated from the committed file. `AGW_BLESS=1` writes it.
#[test]
fn openapi_is_current() {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../src-tauri/crates/api/openapi.json");
    let current = agw_gateway::openapi_json().unwrap();
    if std::env::var_os("AGW_BLESS").is_some_and(|bless| bless == "1") {
        fs::write(&path, &current).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == current,
        "{} is not what the code says; run AGW_BLESS=1 cargo test -p agw-tests openapi_is_current, then npm run generate in ui/",
        path.display(),
    );
}

/// Generators make one function or type per id; two operations that share one
/// would get each other's types.
#[test]
fn operation_ids_are_unique() {
    let document: serde_json::Value =
        serde_json::from_str(&agw_gateway::openapi_json().unwrap()).unwrap();
    let mut seen = HashSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap_or_default();
            assert!(!id.is_empty() && seen.insert(id.to_owned()), "{method} {path}: {id:?}");
        }
    }
}
