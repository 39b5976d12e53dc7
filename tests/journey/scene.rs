//! The installation that most of these tests start from.
//!
//! ```text
//! keychain ── agw serve ─┬─ files: npm's server-filesystem, over stdio
//!                        └─ crm:   a server that demands a bearer token
//! ana, of team sales, with agent claude: files.read_text_file to ana,
//! files.list_directory to sales, crm.headers to ana
//! ```

use std::{collections::BTreeSet, path::PathBuf};

use serde_json::{Value, json};

use crate::support::{
    cli::{Cli, Service},
    http::{self, Reply},
    keychain::Keychain,
    leaks::{self, Place, Planted},
    parts::{self, Crm},
    process::eventually,
};

pub const PASSWORD: &str = "planted-admin-password";
pub const BEARER: &str = "planted-bearer-of-the-crm";
/// What an agent asks for and what it gets: no argument and no result is
/// recorded.
pub const NOTES: &str = "planted-notes.txt";
pub const CONTENTS: &str = "planted-contents-of-a-file";

/// What ana may call, as MCP clients name it.
pub const GRANTED: [&str; 3] = ["crm__headers", "files__list_directory", "files__read_text_file"];

pub struct Scene {
    pub service: Service,
    pub crm: Crm,
    pub cli: Cli,
    pub folder: PathBuf,
    /// Of ana's agent claude.
    pub token: String,
    pub recovery_key: String,
    planted: Vec<Planted>,
    pub keychain: Keychain,
}

impl Scene {
    pub async fn open() -> Self {
        let keychain = Keychain::start().await;
        let cli = Cli::with_keychain(&keychain);
        let folder = cli.path("files");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join(NOTES), CONTENTS).unwrap();
        let crm = Crm::start(&cli, BEARER).await;
        let service = Service::start(&cli, &[]).await;

        let setup = ["setup", "--admin", "root", "--password-stdin"];
        let done = cli.json(&setup, &format!("{PASSWORD}\n")).await;
        let recovery_key = done["recovery_key"].as_str().unwrap().to_owned();
        let filesystem = parts::filesystem(&folder);
        let files = ["connection", "add", "files", "--stdio", "--"];
        let argv: Vec<&str> =
            files.into_iter().chain(filesystem.iter().map(String::as_str)).collect();
        let added = cli.json(&argv, "").await;
        assert_eq!(added["health"], "ready", "{added}");
        let add = ["connection", "add", "crm", "--http", &crm.url, "--header", "Authorization"];
        let added = cli.json(&add, &format!("Authorization=Bearer {BEARER}\n")).await;
        assert_eq!((&added["health"], &added["tools"]), (&json!("ready"), &json!(5)), "{added}");

        cli.json(&["user", "add", "ana", "--team", "sales"], "").await;
        let agent = cli.json(&["agent", "add", "ana", "claude"], "").await;
        let token = agent["token"].as_str().unwrap().to_owned();
        let mut scene =
            Self { service, crm, cli, folder, token, recovery_key, planted: vec![], keychain };
        scene.grant("ana", "files.read_text_file").await;
        scene.grant("team:sales", "files.list_directory").await;
        scene.grant("ana", "crm.headers").await;

        let key = scene.recovery_key.clone();
        let session = std::fs::read_to_string(scene.cli.data_dir().join("session")).unwrap();
        let master = scene.keychain.key().await.expect("a key in the keychain");
        for planted in [
            Planted::new("the admin's password", PASSWORD),
            Planted::new("an argument", NOTES),
            Planted::new("a file's contents", CONTENTS),
            Planted::new("the crm's token", BEARER),
            Planted::new("the agent's token", &scene.token).shown_by("agw --json agent add"),
            Planted::new("the recovery key", &key.replace('-', "")),
            Planted::new("the recovery key as shown", &key).shown_by("agw --json setup"),
            Planted::new("the master key", &master),
            Planted::new("the admin's session", session.trim())
                .shown_by(scene.cli.data_dir().join("session").display().to_string().leak()),
        ] {
            scene.plant(planted);
        }
        scene
    }

    /// Something that must be nowhere when the scene closes.
    pub fn plant(&mut self, secret: Planted) {
        self.planted.push(secret);
    }

    /// Returns the grant's id.
    pub async fn grant(&self, subject: &str, tool: &str) -> String {
        let grant = self.cli.json(&["grant", subject, tool, "allow"], "").await;
        grant["id"].as_str().unwrap().to_owned()
    }

    /// Another agent of ana's; returns its token.
    pub async fn agent(&mut self, name: &str, args: &[&str]) -> String {
        let agent = self.cli.json(&[&["agent", "add", "ana", name], args].concat(), "").await;
        let token = agent["token"].as_str().unwrap().to_owned();
        let secret = Planted::new(&format!("the token of {name}"), &token);
        self.plant(secret.shown_by("agw --json agent add"));
        token
    }

    /// Ana's own, in the place of the one before.
    pub async fn user_token(&mut self) -> String {
        let made = self.cli.json(&["token", "ana"], "").await;
        let token = made["token"].as_str().unwrap().to_owned();
        self.plant(Planted::new("a user's token", &token).shown_by("agw --json token"));
        token
    }

    /// `POST /mcp/tools/call` with the agent's token.
    pub async fn call(&self, tool: &str, args: Value) -> Reply {
        self.call_with(tool, &args.to_string()).await
    }

    /// The same with arguments as they are written here.
    pub async fn call_with(&self, tool: &str, args: &str) -> Reply {
        let (tool, token) = (json!(tool), &self.token);
        self.post(&format!(r#"{{"tool": {tool}, "args": {args}, "token": "{token}"}}"#)).await
    }

    pub async fn post(&self, body: &str) -> Reply {
        let headers = [("content-type", "application/json")];
        http::ask("POST", &self.service.url("/mcp/tools/call"), &headers, body.to_owned()).await
    }

    pub fn notes(&self) -> Value {
        json!({ "path": self.folder.join(NOTES) })
    }

    /// Records of the trail, oldest first, once every call has its outcome.
    pub async fn trail(&self) -> Vec<Value> {
        eventually("every intent has an outcome", async || {
            let mut records = self.cli.lines(&["audit", "list", "--limit", "1000"]).await;
            records.reverse();
            let calls = |kind: &str| -> BTreeSet<String> {
                let of_kind = records.iter().filter(|record| record["kind"] == kind);
                of_kind.map(|record| record["call_id"].as_str().unwrap().to_owned()).collect()
            };
            calls("intent").is_subset(&calls("outcome")).then_some(records)
        })
        .await
    }

    pub async fn outcomes(&self) -> Vec<Value> {
        let mut records = self.trail().await;
        records.retain(|record| record["kind"] == "outcome");
        records
    }

    /// Reads the whole trail in every form, stops the service, and looks for
    /// secrets in every byte that it and the commands left behind.
    pub async fn close(self) {
        self.outcomes().await;
        let text = self.cli.run(&["audit", "list", "--limit", "1000"], "").await.expect(0);
        let records = self.cli.lines(&["audit", "list", "--limit", "1000"]).await;
        assert_eq!(text.stdout.lines().count(), records.len() + 1);
        if let Some(call) = records.iter().find_map(|record| record["call_id"].as_str()) {
            self.cli.run(&["audit", "show", call], "").await.expect(0);
        }
        for connection in self.cli.lines(&["connection", "list"]).await {
            let name = connection["name"].as_str().unwrap();
            self.cli.run(&["connection", "show", name], "").await.expect(0);
        }
        // What is there while it runs, the write-ahead log for example, too.
        let mut places = leaks::files(&self.cli.data_dir());
        self.service.stop().await;
        places.extend(leaks::files(&self.cli.data_dir()));
        places.push(Place { name: "the service's output".into(), bytes: self.cli.log() });
        for said in self.cli.said() {
            places.push(Place { name: said.what.clone(), bytes: said.stdout.into() });
            places.push(Place { name: said.what, bytes: said.stderr.into() });
        }
        no_secrets(&self.planted, &places);
    }
}

/// Fails on a secret, and on places that cannot be the right ones.
pub fn no_secrets(planted: &[Planted], places: &[Place]) {
    let names = [Planted::new("a tool's name", "files.read_text_file")];
    let found = leaks::find(&names, places).join("\n");
    for place in ["agw.db", "agw --json audit list"] {
        assert!(found.contains(place), "{place} was not looked into:\n{places:#?}");
    }
    let log = places.iter().find(|place| place.name == "the service's output").unwrap();
    assert!(String::from_utf8_lossy(&log.bytes).contains("TRACE"), "the log is no trace");
    let found = leaks::find(planted, places);
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}
