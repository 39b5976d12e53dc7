//! No secret is in any log, error, record or file, wherever people, agents
//! and systems may have put it. Every test of the journey looks for its
//! secrets when it closes; these go out of their way to spill some.

use serde_json::{Value, json};

use super::scene::{PASSWORD, Scene, no_secrets};
use crate::support::{
    cli::{Cli, Service},
    http,
    leaks::{self, Place, Planted},
    parts,
    process::eventually,
};

const API_KEY: &str = "planted-api-key-of-a-server";
/// JSON, shells and URLs would each write it differently.
const AWKWARD: &str = r#"planted "awkward\key' $HOME %41 +/="#;
const TYPO: &str = "planted-password-with-a-typo";
const RUBBISH: &str = "planted-rubbish-for-a-token";

#[tokio::test]
async fn systems_and_agents_that_spill_secrets_spill_nothing() {
    let mut scene = Scene::open().await;
    scene.plant(Planted::new("an environment variable", API_KEY));
    scene.plant(Planted::new("an awkward credential", AWKWARD));
    scene.plant(Planted::new("the awkward credential's core", r"awkward\key"));
    scene.plant(Planted::new("the same as JSON", r"awkward\\key"));
    scene.plant(Planted::new("a malformed token", RUBBISH));
    scene.grant("ana", "*").await;

    // A server that shows its whole environment to whoever asks.
    let everything = parts::everything();
    let keys = ["--env", "API_KEY", "AWKWARD", "--"];
    let values = format!("API_KEY={API_KEY}\nAWKWARD={AWKWARD}\n");
    let added = add(&scene, "all", &keys, everything.each_ref().map(String::as_str), &values).await;
    assert_eq!(added["credentials"], json!(["API_KEY", "AWKWARD"]), "{added}");
    let shown = scene.call("all.get-env", json!({})).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    assert!(shown.text.contains("API_KEY") && shown.text.contains("AWKWARD"), "{shown:?}");
    assert_eq!(shown.text.matches("credential removed").count(), 2, "{shown:?}");
    for foreign in [API_KEY, "awkward", "AGW_", "DBUS_", "XDG_"] {
        assert!(!shown.text.contains(foreign), "{foreign}: {shown:?}");
    }

    // A server that quotes its credentials as it dies.
    let script = r#"echo "cannot log in with $API_KEY" >&2; echo "$AWKWARD"; exit 3"#;
    let added = add(&scene, "dying", &keys, ["sh", "-c", script], &values).await;
    assert_eq!(added["health"], "failed", "{added}");
    let logs = scene.cli.run(&["connection", "logs", "dying"], "").await.expect(0);
    assert!(logs.stdout.contains("cannot log in with [cred"), "{logs:?}");
    assert!(!logs.stdout.contains(API_KEY), "{logs:?}");
    scene.cli.run(&["connection", "test", "dying"], "").await.expect(1);

    // A system that refuses what it is given, and one that cannot take it.
    let add = ["connection", "add", "wrong", "--http", &scene.crm.url, "--header", "X-Api-Key"];
    let added = scene.cli.json(&add, &format!("X-Api-Key={AWKWARD}\n")).await;
    assert_eq!(added["health"], "failed", "{added}");
    let add = ["connection", "add", "worse", "--http", &scene.crm.url, "--header", "X-Api-Key"];
    scene.cli.run(&add, &format!("X-Api-Key={API_KEY}\u{7f}\n")).await;

    // Agents that put tokens where they do not belong.
    let bearer = format!("Bearer {}", scene.token);
    let own = [("authorization", bearer.as_str())];
    let in_query = scene.service.url(&format!("/mcp/tools?token={}", scene.token));
    assert_eq!(http::ask("GET", &in_query, &[], "").await.status, 401);
    let in_path = scene.service.url(&format!("/mcp/{}", scene.token));
    http::ask("GET", &in_path, &own, "").await;
    for scheme in ["Bearer", "Basic", "Token"] {
        let value = format!("{scheme} {RUBBISH}");
        let url = scene.service.url("/mcp");
        assert_eq!(http::ask("POST", &url, &[("authorization", &value)], "").await.status, 401);
    }
    let method = json!({"jsonrpc": "2.0", "id": scene.token, "method": scene.token});
    http::post_json(&scene.service.url("/mcp"), &own, &method).await;
    let call =
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": scene.token}});
    http::post_json(&scene.service.url("/mcp"), &own, &call).await;
    scene.close().await;
}

/// Adds a server that is started; returns how it is once that is known.
async fn add<const N: usize>(
    scene: &Scene,
    name: &str,
    keys: &[&str],
    argv: [&str; N],
    values: &str,
) -> Value {
    let args = [&["connection", "add", name, "--stdio"], keys, &argv].concat();
    scene.cli.json(&args, values).await;
    eventually("the connection is ready or has failed", async || {
        let connections = scene.cli.lines(&["connection", "list"]).await;
        let added = connections.into_iter().find(|connection| connection["name"] == name)?;
        (added["health"] != "connecting").then_some(added)
    })
    .await
}

#[tokio::test]
async fn people_who_mistype_spill_nothing() {
    let mut scene = Scene::open().await;
    scene.plant(Planted::new("a mistyped password", TYPO));
    scene.plant(Planted::new("a credential", API_KEY));
    let login = ["login", "root", "--password-stdin"];
    assert_eq!(scene.cli.refused(&login, &format!("{TYPO}\n")).await, "bad_credentials");
    // The password in the place of the name, as happens when one types ahead.
    let login = ["login", TYPO, "--password-stdin"];
    assert_eq!(scene.cli.refused(&login, &format!("{TYPO}\n")).await, "bad_credentials");
    scene
        .cli
        .run(&["setup", "--admin", "root", "--password-stdin"], &format!("{TYPO}\n"))
        .await
        .expect(1);
    scene.cli.run(&["recover", "--recovery-key-stdin"], &format!("{API_KEY}\n")).await.expect(1);
    scene.cli.run(&["unlock", "--passphrase-stdin"], &format!("{API_KEY}\n")).await;

    let add = ["connection", "add", "x", "--stdio", "--env", "API_KEY", "--", "true"];
    for stdin in [
        API_KEY.to_owned(),
        format!("KEY={API_KEY}\n"),
        format!("API_KEY={API_KEY}\n{API_KEY}\n"),
        format!("API_KEY={API_KEY}\nAPI_KEY={API_KEY}\n"),
    ] {
        scene.cli.run(&add, &stdin).await.expect(2);
    }
    let pasted = format!("API_KEY={API_KEY}");
    let add = ["connection", "add", "x", "--stdio", "--env", &pasted, "--", "true"];
    scene.cli.run(&add, "").await.expect(2);
    let pasted = format!("http://user:{API_KEY}@127.0.0.1:1/mcp");
    scene.cli.run(&["connection", "add", "x", "--http", &pasted], "").await.expect(2);
    let pasted = format!("Authorization: {API_KEY}");
    let add = ["connection", "add", "x", "--http", &scene.crm.url, "--header", &pasted];
    scene.cli.run(&add, "").await.expect(2);
    scene.close().await;
}

#[tokio::test]
async fn a_passphrase_and_what_it_opens_are_written_nowhere() {
    const PASSPHRASE: &str = "planted-passphrase-of-the-vault";
    const NEW: &str = "planted-new-passphrase-of-the-vault";
    let cli = Cli::new();
    let home = ["--master-key", "passphrase"];
    let service = Service::start(&cli, &home).await;
    let setup = ["setup", "--admin", "root", "--password-stdin", "--with-passphrase"];
    let done = cli.json(&setup, &format!("{PASSWORD}\n{PASSPHRASE}\n")).await;
    let recovery = done["recovery_key"].as_str().unwrap().to_owned();
    let add = ["connection", "add", "x", "--stdio", "--env", "API_KEY", "--", "true"];
    cli.json(&add, &format!("API_KEY={API_KEY}\n")).await;
    // For the check that the right places are looked into.
    cli.json(&["grant", "root", "files.read_text_file", "allow"], "").await;
    service.stop().await;

    // It starts sealed, unless it is told.
    let service = Service::start(&cli, &[]).await;
    assert_eq!(cli.json(&["status"], "").await["state"], "sealed");
    let unlock = ["unlock", "--passphrase-stdin"];
    assert_eq!(cli.refused(&unlock, &format!("{TYPO}\n")).await, "keychain");
    assert_eq!(cli.json(&["status"], "").await["state"], "sealed");
    assert_eq!(cli.json(&unlock, &format!("{PASSPHRASE}\n")).await["state"], "enforcing");
    service.stop().await;

    let mut service = Service::launch(&cli, &["--listen", "127.0.0.1:0", "--passphrase-stdin"]);
    service.tell(&format!("{PASSPHRASE}\n"));
    service.line().await;
    assert_eq!(cli.json(&["status"], "").await["state"], "enforcing");
    let recover = ["recover", "--recovery-key-stdin"];
    cli.json(&recover, &format!("{recovery}\n{NEW}\n")).await;
    service.signal("TERM");
    assert!(service.ended().await.success());

    let service = Service::start(&cli, &home).await;
    assert_eq!(cli.refused(&unlock, &format!("{PASSPHRASE}\n")).await, "keychain");
    assert_eq!(cli.json(&unlock, &format!("{NEW}\n")).await["state"], "enforcing");
    let listed = cli.run(&["--json", "audit", "list"], "").await.expect(0);
    let mut places = leaks::files(&cli.data_dir());
    service.stop().await;
    places.extend(leaks::files(&cli.data_dir()));
    places.push(Place { name: "the service's output".into(), bytes: cli.log() });
    places.push(Place { name: listed.what, bytes: listed.stdout.into() });
    let planted = [
        ("the passphrase", PASSPHRASE),
        ("the new passphrase", NEW),
        ("the wrong passphrase", TYPO),
        ("the password", PASSWORD),
        ("a credential", API_KEY),
        ("the recovery key", &recovery),
    ];
    no_secrets(&planted.map(|(name, value)| Planted::new(name, value)), &places);
}
