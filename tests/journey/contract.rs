//! What scripts may rely on: names, exit codes, shapes, and how the service
//! starts and stops.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::scene::{PASSWORD, Scene};
use crate::support::{
    cli::{Cli, Service},
    http,
    process::eventually,
};

#[tokio::test]
async fn bad_usage_exits_2_and_changes_nothing() {
    let cli = Cli::new();
    let usage: &[&[&str]] = &[
        &["no-such-command"],
        &["setup"],
        &["setup", "--admin", "root", "--password", "in-the-arguments"],
        &["connection", "add", "x"],
        &["connection", "add", "x", "--stdio"],
        &["connection", "add", "X!", "--stdio", "--", "true"],
        &["connection", "add", "x", "--http", "ftp://example.com"],
        &["connection", "add", "x", "--http", "http://127.0.0.1:1/", "--", "true"],
        &["agent", "add", "ana"],
        &["agent", "add", "ana", "claude", "--ttl", "soon"],
        &["agent", "add", "a/b", "claude"],
        &["grant", "ana", "files.read"],
        &["grant", "ana", "files.read", "perhaps"],
        &["audit", "list", "--limit", "many"],
        &["serve", "--listen", "nowhere"],
        &["serve", "--master-key", "under-the-mat"],
        &["mcp"],
    ];
    for args in usage {
        let said = cli.run(args, "").await.expect(2);
        assert!(said.stdout.is_empty() && said.stderr.starts_with("error: "), "{said:#?}");
        let said = cli.run(&[&["--json"], *args].concat(), "").await.expect(2);
        let error = said.error();
        assert_eq!((said.stdout.as_str(), &error["code"]), ("", &json!("usage")), "{said:#?}");
        assert!(error["message"].is_string() && error["next"].is_string(), "{error}");
    }
    assert!(!cli.data_dir().join("agw.db").exists());
    cli.run(&["--help"], "").await.expect(0);
    cli.run(&["--version"], "").await.expect(0);
    assert_eq!(cli.refused(&["status"], "").await, "not_running");
    assert_eq!(cli.refused(&["user", "list"], "").await, "not_running");
}

#[tokio::test]
async fn a_service_that_is_not_set_up_answers_only_health_and_set_up() {
    let cli = Cli::new();
    let service = Service::start(&cli, &key_file(&cli).each_ref().map(String::as_str)).await;
    assert_eq!(service.ready, format!("agw is ready at {}", service.url));
    let status = cli.json(&["status"], "").await;
    assert_eq!((&status["state"], &status["signed_in"]), (&json!("unconfigured"), &json!(false)));
    let commands: &[&[&str]] = &[
        &["login", "root", "--password-stdin"],
        &["pause"],
        &["resume"],
        &["unlock"],
        &["stop"],
        &["connection", "list"],
        &["connection", "add", "x", "--stdio", "--", "true"],
        &["user", "add", "ana"],
        &["team", "list"],
        &["token", "ana"],
        &["agent", "list"],
        &["grants"],
        &["revoke", "g1"],
        &["tools"],
        &["audit", "list"],
        &["audit", "show", "1"],
    ];
    for command in commands {
        let code = cli.refused(command, &format!("{PASSWORD}\n")).await;
        assert_eq!(code, "not_set_up", "{command:?}");
    }
    let json = [("content-type", "application/json")];
    for (method, path) in [("POST", "/mcp/tools/call"), ("GET", "/mcp/tools"), ("POST", "/mcp")] {
        let reply = http::ask(method, &service.url(path), &json, "{}").await;
        assert_eq!(reply.status, 503, "{path}: {reply:?}");
        assert!(reply.text.contains("not_set_up") && reply.text.contains("agw setup"), "{reply:?}");
    }
    let health = http::ask("GET", &service.url("/api/v1/health"), &[], "").await;
    assert_eq!(health.json()["state"], "unconfigured");
    let tools = http::ask("GET", &service.url("/api/v1/tools"), &[], "").await;
    assert_eq!((tools.status, &tools.json()["code"]), (409, &json!("not_set_up")));

    // Nothing of that was in vain: it can still be set up, once.
    let setup = ["setup", "--admin", "root", "--password-stdin"];
    cli.run(&[&["--json"], &setup[..]].concat(), "short\n").await.expect(2);
    let done = cli.json(&setup, &format!("{PASSWORD}\n")).await;
    assert_eq!(done["user"], "root");
    assert_eq!(cli.refused(&setup, &format!("{PASSWORD}\n")).await, "already_set_up");
    assert_eq!(cli.json(&["status"], "").await["state"], "enforcing");

    let key = fs::read_to_string(cli.path("master.key")).unwrap();
    assert_eq!(BASE64_STANDARD.decode(key.trim()).unwrap().len(), 32);
    for (path, mode) in [
        (cli.path("master.key"), 0o600),
        (cli.data_dir(), 0o700),
        (cli.data_dir().join("agw.sock"), 0o600),
        (cli.data_dir().join("session"), 0o600),
    ] {
        let found = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{}", path.display());
    }
    service.stop().await;
}

#[tokio::test]
async fn shapes_are_as_promised() {
    let mut scene = Scene::open().await;
    let token = scene.agent("robot", &["--scope", "files.*", "crm.headers", "--ttl", "30d"]).await;
    assert!(token.starts_with("st_"), "{token}");
    assert!(scene.user_token().await.starts_with("ut_"));
    let cli = &scene.cli;
    let grant = cli.json(&["grant", "ana/robot", "files.*", "deny"], "").await;
    has(&grant, &["id", "subject", "tool", "effect", "version", "created_at"]);
    // The same again is the same grant; the other effect takes its place.
    let again = cli.json(&["grant", "ana/robot", "files.*", "deny"], "").await;
    assert_eq!(again["id"], grant["id"]);

    let lists: &[(&[&str], usize, &[&str])] = &[
        (
            &["connection", "list"],
            2,
            &["id", "name", "transport", "credentials", "health", "tools"],
        ),
        (&["user", "list"], 2, &["id", "name", "role", "teams", "has_token", "agents"]),
        (&["team", "list"], 1, &["id", "name", "members"]),
        (&["agent", "list"], 2, &["id", "user", "name", "scope", "expires_at", "uses"]),
        (&["grants"], 4, &["id", "subject", "tool", "effect"]),
        (&["grants", "ana/robot"], 1, &["id", "subject", "tool", "effect"]),
        (&["tools"], 19, &["id", "mcp_name", "connection", "description"]),
        (&["tools", "--as", "ana"], 3, &["id", "mcp_name", "connection", "description"]),
        (&["tools", "--as", "ana/robot"], 1, &["id", "mcp_name", "connection", "description"]),
    ];
    for (args, count, members) in lists {
        let lines = cli.lines(args).await;
        assert_eq!(lines.len(), *count, "{args:?}: {lines:#?}");
        lines.iter().for_each(|line| has(line, members));
        // For people, a heading more.
        let table = cli.run(args, "").await.expect(0).stdout;
        assert_eq!(table.lines().count(), count + 1, "{table}");
    }
    let tool = &cli.lines(&["tools", "--as", "ana/robot"]).await[0];
    assert_eq!((&tool["id"], &tool["mcp_name"]), (&json!("crm.headers"), &json!("crm__headers")));
    has(
        &cli.json(&["connection", "test", "crm"], "").await,
        &["ok", "tools", "server", "protocol"],
    );

    // Without --json a token is all of stdout, ready to be piped.
    let said = cli.run(&["agent", "add", "ana", "piped"], "").await.expect(0);
    assert!(said.stdout.starts_with("st_") && said.stdout.trim().len() == 52, "{said:#?}");

    let refusals: &[(&[&str], &str)] = &[
        (&["user", "add", "ana"], "exists"),
        (&["agent", "add", "ana", "robot"], "exists"),
        (&["agent", "add", "nobody", "x"], "not_found"),
        (&["user", "remove", "nobody"], "not_found"),
        (&["connection", "remove", "nothing"], "not_found"),
        (&["connection", "test", "nothing"], "not_found"),
        (&["connection", "add", "crm", "--stdio", "--", "true"], "exists"),
        (&["grant", "nobody", "files.*", "allow"], "not_found"),
        (&["grant", "ana", "not a pattern", "allow"], "invalid"),
        (&["revoke", "g999"], "not_found"),
        (&["tools", "--as", "nobody"], "not_found"),
        (&["audit", "show", "999999"], "not_found"),
    ];
    for (args, code) in refusals {
        assert_eq!(cli.refused(args, "").await, *code, "{args:?}");
    }
    cli.json(&["connection", "remove", "crm"], "").await;
    assert_eq!(cli.lines(&["tools", "--as", "ana"]).await.len(), 2);
    // --data-dir is the same as AGW_DATA_DIR, and wins.
    cli.set("AGW_DATA_DIR", "/nowhere");
    let dir = cli.data_dir().display().to_string();
    assert_eq!(cli.refused(&["status"], "").await, "not_running");
    assert_eq!(cli.json(&["--data-dir", &dir, "status"], "").await["state"], "enforcing");
    cli.set("AGW_DATA_DIR", &dir);
    cli.json(&["logout"], "").await;
    assert_eq!(cli.refused(&["tools"], "").await, "sign_in");
    cli.json(&["login", "root", "--password-stdin"], &format!("{PASSWORD}\n")).await;
    cli.lines(&["tools"]).await;
    scene.close().await;
}

#[track_caller]
fn has(object: &Value, members: &[&str]) {
    for member in members {
        assert!(object.get(member).is_some(), "{member}: {object}");
    }
}

#[tokio::test]
async fn one_service_for_one_data_folder_and_only_on_this_machine() {
    let cli = Cli::new();
    let args = key_file(&cli);
    let args = args.each_ref().map(String::as_str);
    let service = Service::start(&cli, &args).await;
    let taken = service.url.strip_prefix("http://").unwrap();
    let said = cli.run(&["serve", "--listen", "127.0.0.1:0"], "").await.expect(1);
    assert!(said.stderr.contains("another gateway is running"), "{said:#?}");
    assert_eq!(said.stdout, "");
    let other = cli.path("other").display().to_string();
    for (listen, what) in [(taken, "cannot listen"), ("0.0.0.0:0", "not on this machine alone")] {
        let said =
            cli.run(&["--data-dir", &other, "serve", "--listen", listen], "").await.expect(1);
        assert!(said.stderr.contains(what) && said.stdout.is_empty(), "{said:#?}");
    }
    // The first one was not disturbed.
    assert_eq!(cli.json(&["status"], "").await["state"], "unconfigured");
    service.stop().await;
    // And leaves room for the next; scripts can read where it is.
    let mut next =
        Service::launch(&cli, &[&["--json", "--listen", "127.0.0.1:0"], &args[..]].concat());
    let ready: Value = serde_json::from_str(&next.line().await).unwrap();
    let url = ready["url"].as_str().unwrap().to_owned();
    let file = fs::read_to_string(cli.data_dir().join("service.json")).unwrap();
    let file: Value = serde_json::from_str(&file).unwrap();
    assert_eq!(file, json!({"pid": next.pid(), "url": url}));
    next.signal("TERM");
    assert!(next.ended().await.success());
}

#[tokio::test]
async fn a_stopped_service_leaves_nothing_behind_that_runs() {
    let ways = ["TERM", "INT", "agw stop"];
    futures_util::future::join_all(ways.map(stop_by)).await;
}

async fn stop_by(how: &str) {
    let cli = Cli::new();
    let args = key_file(&cli);
    let mut service = Service::start(&cli, &args.each_ref().map(String::as_str)).await;
    let setup = ["setup", "--admin", "root", "--password-stdin"];
    cli.json(&setup, &format!("{PASSWORD}\n")).await;
    // A server with a child of its own, both deaf to gentle words.
    let pids = cli.path("pids");
    let script = "trap '' TERM; echo $$ >> \"$1\"; sleep 10000 & \
                      echo $! >> \"$1\"; while :; do sleep 1; done";
    let path = pids.display().to_string();
    // It never greets, so nobody waits for it here.
    let mut add =
        cli.beside(&["connection", "add", "x", "--stdio", "--", "sh", "-c", script, "sh", &path]);
    let tree = eventually("the server runs", async || {
        let text = fs::read_to_string(&pids).ok()?;
        let pids: Vec<String> = text.lines().map(str::to_owned).collect();
        (pids.len() >= 2).then_some(pids)
    })
    .await;
    assert!(tree.iter().all(|pid| runs(pid)), "{tree:?}");
    for file in ["service.json", "agw.sock"] {
        assert!(cli.data_dir().join(file).exists(), "{file}");
    }
    if how == "agw stop" {
        cli.json(&["stop"], "").await;
    } else {
        service.part.signal(how);
    }
    let status = service.part.ended().await;
    assert!(status.success(), "{how}: {status}");
    for file in ["service.json", "agw.sock"] {
        assert!(!cli.data_dir().join(file).exists(), "{how}: {file} is left");
    }
    for pid in &tree {
        assert!(!runs(pid), "{how}: process {pid} of {tree:?} still runs");
    }
    add.ended().await;
    // The database is whole, and says that it was stopped.
    let db = rusqlite::Connection::open(cli.data_dir().join("agw.db")).unwrap();
    let fine: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(fine, "ok");
    let last: String = db
        .query_row("SELECT record FROM audit ORDER BY seq DESC LIMIT 1", [], |row| row.get(0))
        .unwrap();
    let last: Value = serde_json::from_str(&last).unwrap();
    assert_eq!((&last["kind"], &last["status"]), (&json!("service"), &json!("stopped")));
}

/// Whether a process does anything; a dead one may wait to be buried.
fn runs(pid: &str) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid).join("stat"));
    stat.is_ok_and(|stat| !stat.rsplit(") ").next().unwrap().starts_with(['Z', 'X']))
}

fn key_file(cli: &Cli) -> [String; 2] {
    ["--master-key".to_owned(), format!("file:{}", cli.path("master.key").display())]
}

/// Whoever comes by an invite needs the window's pages, however `agw` was
/// started; nothing names a folder for them here.
#[tokio::test]
async fn browsers_get_the_pages_of_the_window_from_agw_alone() {
    let scene = Scene::open().await;
    for path in ["/", "/people"] {
        let page = http::ask("GET", &scene.service.url(path), &[], "").await;
        assert_eq!(page.status, 200, "{path}: {page:?}");
        assert!(page.text.contains("<div id=\"root\">"), "{path}: {page:?}");
    }
    scene.close().await;
}
