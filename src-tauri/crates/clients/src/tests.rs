//! What happens to files, in a home folder of the test's own.

use std::fs;
use std::path::{Path, PathBuf};

use agw_api::{Agent, Client as Api};
use jiff::Timestamp;
use tempfile::TempDir;

use crate::client::Client::{self, *};
use crate::error::refusal;
use crate::journal::{self, AgentRef, Record};
use crate::list::{self, Level, State};
use crate::machine::{Gateway, Machine, System};
use crate::plan::{self, Wiring};
use crate::{Refusal, file};

struct Home {
    dir: TempDir,
    machine: Machine,
    gateway: Gateway,
}

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        fs::create_dir(&home).unwrap();
        let agw = dir.path().join("agw");
        fs::write(&agw, "").unwrap();
        let machine = Machine { system: System::Linux, home, vars: Default::default() };
        let url = "http://127.0.0.1:7410".to_owned();
        let gateway = Gateway { data_dir: dir.path().join("data"), agw, url };
        Self { dir, machine, gateway }
    }

    fn file(&self, client: Client) -> PathBuf {
        self.machine.file(client)
    }

    fn put(&self, client: Client, text: &str) -> PathBuf {
        let path = self.file(client);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// What `act` does, without a gateway to ask for the agent.
    fn change(&self, client: Client, import: Option<&[String]>) -> Result<(), Refusal> {
        let wiring = plan::wiring(&self.machine, &self.gateway, client, import)?;
        let seen = wiring.plan.seen();
        self.write(client, wiring, &seen, import)
    }

    fn write(
        &self,
        client: Client,
        wiring: Wiring,
        seen: &str,
        import: Option<&[String]>,
    ) -> Result<(), Refusal> {
        let Wiring { plan, added, had_section, .. } = wiring;
        let agent = added.as_ref().map(|_| AgentRef {
            id: "a1".into(),
            user: "ana".into(),
            name: client.id().into(),
        });
        if added.is_some() {
            file::write_private(&self.gateway.token_file(client), "st_x\n")?;
        }
        let record = Record {
            id: Timestamp::now().as_nanosecond().to_string(),
            client,
            path: plan.path.clone(),
            at: "2026-01-01T00:00:00Z".into(),
            agent,
            added,
            removed: import.unwrap_or_default().to_vec(),
            connections: Vec::new(),
            had_section,
            before: plan.seen(),
            after: file::digest(plan.after.as_deref()),
        };
        journal::begin(&self.gateway, &record, plan.before.as_deref())?;
        file::replace(client, &plan.path, seen, plan.after.as_deref())
    }

    /// Returns whether the file is byte for byte what it was.
    fn undo(&self, client: Client) -> Result<bool, Refusal> {
        let unwiring = plan::unwiring(&self.machine, &self.gateway, client)?;
        let plan = &unwiring.plan;
        file::replace(client, &plan.path, &plan.seen(), plan.after.as_deref())?;
        journal::end(&self.gateway, &unwiring.records)?;
        Ok(unwiring.exact)
    }

    fn look(&self, client: Client, agents: Option<&[Agent]>) -> list::Found {
        let now = "2026-06-01T00:00:00Z".parse().unwrap();
        let found = list::list(&self.machine, &self.gateway, agents, now);
        found.into_iter().find(|found| found.client == client).unwrap()
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn code(result: Result<impl Sized, Refusal>) -> String {
    result.err().expect("a refusal").code
}

#[test]
fn every_client_is_found_where_it_keeps_its_file() {
    let at = |system, vars: &[(&str, &str)], client: Client| {
        let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), value.into())).collect();
        let machine = Machine { system, home: "/h".into(), vars };
        machine.file(client).display().to_string().replace('\\', "/")
    };
    let linux = [
        "/h/.config/Claude/claude_desktop_config.json",
        "/h/.claude.json",
        "/h/.cursor/mcp.json",
        "/h/.config/Code/User/mcp.json",
        "/h/.codeium/windsurf/mcp_config.json",
        "/h/.codex/config.toml",
        "/h/.gemini/settings.json",
        "/h/.config/zed/settings.json",
        "/h/.config/goose/config.yaml",
    ];
    assert_eq!(Client::ALL.map(|client| at(System::Linux, &[], client)), linux);
    let mac = |client| at(System::MacOs, &[], client);
    let support = "/h/Library/Application Support";
    assert_eq!(mac(ClaudeDesktop), format!("{support}/Claude/claude_desktop_config.json"));
    assert_eq!(mac(VsCode), format!("{support}/Code/User/mcp.json"));
    assert_eq!(mac(Zed), "/h/.config/zed/settings.json");
    assert_eq!(mac(Goose), "/h/.config/goose/config.yaml");
    let windows =
        |client| at(System::Windows, &[("APPDATA", "/r"), ("LOCALAPPDATA", "/l")], client);
    assert_eq!(windows(ClaudeDesktop), "/r/Claude/claude_desktop_config.json");
    assert_eq!(windows(Zed), "/r/Zed/settings.json");
    assert_eq!(windows(Goose), "/r/Block/goose/config/config.yaml");
    assert_eq!(windows(Cursor), "/h/.cursor/mcp.json");
    let moved = |name, client| at(System::Linux, &[(name, "/m")], client);
    assert_eq!(moved("XDG_CONFIG_HOME", VsCode), "/m/Code/User/mcp.json");
    assert_eq!(moved("CLAUDE_CONFIG_DIR", ClaudeCode), "/m/.claude.json");
    assert_eq!(moved("CODEX_HOME", Codex), "/m/config.toml");
    assert_eq!(moved("GEMINI_CLI_HOME", GeminiCli), "/m/.gemini/settings.json");
    assert_eq!(moved("GOOSE_PATH_ROOT", Goose), "/m/config/config.yaml");
}

#[test]
fn a_client_that_is_not_there_is_not_wired() {
    let home = Home::new();
    for client in Client::ALL {
        assert_eq!(home.look(client, None).state, State::Absent);
        assert_eq!(code(home.change(client, None)), refusal::NOT_FOUND);
    }
    let bin = home.dir.path().join("bin");
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("codex"), "").unwrap();
    let mut home = home;
    home.machine.vars.insert("PATH".into(), bin.into());
    assert_eq!(home.look(Codex, None).state, State::Found);
}

#[test]
fn a_file_that_was_not_there_goes_again() {
    for client in Client::ALL {
        let home = Home::new();
        let path = home.file(client);
        let folder = client.sign(&path, &home.machine);
        fs::create_dir_all(&folder).unwrap();
        home.change(client, None).unwrap();
        assert_eq!(home.look(client, Some(&[])).state, State::Wired, "{}", read(&path));
        assert!(!read(&path).contains("st_x"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o600);
            assert_eq!(mode(&home.gateway.token_file(client)), 0o600);
        }
        assert!(home.undo(client).unwrap());
        assert!(!path.exists());
    }
}

#[cfg(unix)]
#[test]
fn mode_and_backup_are_right() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let path = home.put(Cursor, "{}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    home.change(Cursor, None).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o640);
    let backups = home.gateway.folder().join("backups");
    let backup = fs::read_dir(&backups).unwrap().next().unwrap().unwrap().path();
    assert_eq!((mode(&backup), read(&backup).as_str()), (0o600, "{}"));
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside");
    home.undo(Cursor).unwrap();
    assert_eq!(fs::read_dir(&backups).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn links_read_only_files_folders_and_giants_are_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let path = home.put(Cursor, "{}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    assert_eq!(code(home.change(Cursor, None)), refusal::READ_ONLY);
    fs::remove_file(&path).unwrap();

    let target = home.dir.path().join("dotfiles.json");
    fs::write(&target, "{}").unwrap();
    std::os::unix::fs::symlink(&target, &path).unwrap();
    let refused = home.change(Cursor, None).unwrap_err();
    assert_eq!(refused.code, refusal::SYMLINK);
    assert!(refused.message.contains("dotfiles.json"), "{refused}");
    assert_eq!(home.look(Cursor, None).state, State::Malformed);
    assert_eq!(read(&target), "{}");
    fs::remove_file(&target).unwrap();
    assert_eq!(code(home.change(Cursor, None)), refusal::SYMLINK, "one that leads nowhere, too");
    fs::remove_file(&path).unwrap();

    fs::create_dir(&path).unwrap();
    assert_eq!(code(home.change(Cursor, None)), refusal::NOT_A_FILE);
    fs::remove_dir(&path).unwrap();

    fs::File::create(&path).unwrap().set_len(file::MAX_FILE_BYTES + 1).unwrap();
    assert_eq!(code(home.change(Cursor, None)), refusal::TOO_LARGE);
    fs::write(&path, [0xff, 0xfe, b'{', 0]).unwrap();
    assert_eq!(code(home.change(Cursor, None)), refusal::MALFORMED);
    fs::write(&path, "{").unwrap();
    assert_eq!(code(home.change(Cursor, None)), refusal::MALFORMED);
    assert_eq!(home.look(Cursor, None).state, State::Malformed);
    assert!(!home.gateway.token_file(Cursor).exists());
}

#[test]
fn a_file_that_changed_since_it_was_shown_is_refused() {
    let home = Home::new();
    let path = home.put(Cursor, "{}");
    let wiring = plan::wiring(&home.machine, &home.gateway, Cursor, None).unwrap();
    let seen = wiring.plan.seen();
    fs::write(&path, "{\"new\": 1}").unwrap();
    assert_eq!(code(home.write(Cursor, wiring, &seen, None)), refusal::CHANGED);
    assert_eq!(read(&path), "{\"new\": 1}");
}

#[test]
fn only_one_changes_clients_at_a_time() {
    let home = Home::new();
    let lock = journal::lock(&home.gateway).unwrap();
    assert_eq!(code(journal::lock(&home.gateway)), refusal::BUSY);
    drop(lock);
    journal::lock(&home.gateway).unwrap();
}

#[test]
fn what_was_changed_since_stays_when_it_is_undone() {
    let home = Home::new();
    let path = home.put(Zed, "{\n  // mine\n  \"vim\": true\n}\n");
    home.change(Zed, None).unwrap();
    assert_eq!(code(home.change(Zed, None)), refusal::WIRED);
    fs::write(&path, read(&path).replace("true", "false")).unwrap();
    let preview = plan::unwiring(&home.machine, &home.gateway, Zed).unwrap();
    assert!(!preview.exact && preview.plan.notes[0].contains("changed since"));
    assert!(!home.undo(Zed).unwrap());
    assert_eq!(read(&path).replace(char::is_whitespace, ""), "{//mine\"vim\":false}");
    assert_eq!(code(home.undo(Zed)), refusal::NOT_WIRED);
}

#[test]
fn an_entry_made_by_hand_is_known_and_taken_out() {
    let home = Home::new();
    home.put(Cursor, "{\"mcpServers\": {\"x\": {\"url\": \"http://localhost:7410/mcp/files\"}}}");
    home.put(Codex, "[mcp_servers.y]\ncommand = \"agw\"\nargs = [\"mcp\"]\n");
    home.put(Windsurf, "{\"mcpServers\": {\"z\": {\"command\": \"agw.exe\", \"args\": [\"mcp\"], \"env\": {\"AGW_DATA_DIR\": \"/other\"}}}}");
    home.put(GeminiCli, "{\"mcpServers\": {\"z\": {\"httpUrl\": \"http://127.0.0.1:74100/mcp\"}}}");
    assert_eq!(home.look(Cursor, None).state, State::Wired);
    assert_eq!(home.look(Codex, None).state, State::Wired);
    assert_eq!(home.look(Windsurf, None).state, State::Elsewhere);
    assert_eq!(home.look(GeminiCli, None).state, State::Found);
    home.undo(Codex).unwrap();
    assert_eq!(home.look(Codex, None).state, State::Found);
}

#[test]
fn the_name_of_somebody_elses_entry_is_left_alone() {
    let home = Home::new();
    let path = home.put(Goose, "extensions:\n  gateway:\n    type: stdio\n    cmd: other\n");
    home.change(Goose, None).unwrap();
    assert!(read(&path).contains("  gateway-2:\n"), "{}", read(&path));
    assert!(read(&path).contains("name: \"gateway-2\""));
}

#[test]
fn the_doctor_says_what_is_wrong_and_what_to_do() {
    let home = Home::new();
    home.put(Cursor, "{}");
    home.change(Cursor, None).unwrap();
    let agent = |extra: serde_json::Value| -> Agent {
        let mut agent = serde_json::json!({
            "id": "a1", "user": "ana", "name": "cursor", "scope": [], "expires_at": null,
            "uses": 0, "max_uses": null, "forwarded": 0, "client_timeout_seconds": 60,
            "paused": false, "last_used_at": null, "version": 1, "created_at": "x"
        });
        agent.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        serde_json::from_value(agent).unwrap()
    };
    let says = |agents: Option<&[Agent]>| {
        let found = home.look(Cursor, agents).findings.remove(0);
        (found.level, found.message)
    };
    let with = |extra| says(Some(&[agent(extra)]));
    assert_eq!(with(serde_json::json!({})).0, Level::Ok);
    assert_eq!(with(serde_json::json!({"expires_at": "2027-01-01T00:00:00Z"})).0, Level::Ok);
    assert!(with(serde_json::json!({"expires_at": "2026-01-01T00:00:00Z"})).1.contains("expired"));
    assert!(with(serde_json::json!({"max_uses": 3, "forwarded": 3})).1.contains("used up"));
    assert!(with(serde_json::json!({"paused": true})).1.contains("paused"));
    assert!(with(serde_json::json!({"id": "a2"})).1.contains("revoked"), "another of its name");
    assert!(says(Some(&[])).1.contains("revoked"));
    assert_eq!(says(None).0, Level::Warning);
    let good = [agent(serde_json::json!({}))];
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let token = home.gateway.token_file(Cursor);
        fs::set_permissions(&token, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(says(Some(&good)).1.contains("read by others"));
        fs::remove_file(&token).unwrap();
    }
    assert!(says(Some(&good)).1.contains("is not there"));
    fs::remove_file(&home.gateway.agw).unwrap();
    assert!(says(Some(&good)).1.contains("agw is not there any more"));
}

#[test]
fn a_preview_shows_the_whole_change_and_no_secret() {
    let home = Home::new();
    home.put(Cursor, "{\n  \"mcpServers\": {\n    \"a\": {\n      \"command\": \"x\",\n      \"env\": {\"K\": \"hunter2\"}\n    }\n  }\n}\n");
    let wiring = plan::wiring(&home.machine, &home.gateway, Cursor, None).unwrap();
    let preview = wiring.plan.preview();
    assert!(preview.diff.contains("+    \"gateway\": {"), "{}", preview.diff);
    assert!(preview.diff.contains(".cursor/mcp.json") && !preview.diff.contains("hunter2"));
    assert!(preview.notes[0].contains("cursor.token"), "{:?}", preview.notes);
    let names = ["a".to_owned()];
    let wiring = plan::wiring(&home.machine, &home.gateway, Cursor, Some(&names)).unwrap();
    let diff = wiring.plan.preview().diff;
    assert!(
        diff.contains("-    \"a\": {") && diff.contains('…') && !diff.contains("hunter2"),
        "{diff}"
    );
}

#[test]
fn servers_become_connections_or_are_named_with_the_reason() {
    let home = Home::new();
    home.put(VsCode, r#"{"servers": {
        "My Files!": {"type": "stdio", "command": "npx", "args": ["-y", "fs", "/srv"],
            "env": {"GITHUB_TOKEN": "ghp_hunter2", "LOG": "debug", "ROOT": "/srv/x", "ID": "A1b2C3d4E5f6"}},
        "9": {"url": "https://x.example/mcp", "headers": {"Authorization": "Bearer hunter2"}},
        "crm": {"url": "https://crm.example/mcp"},
        "asks": {"command": "x", "env": {"K": "${input:key}"}},
        "cwd": {"command": "x", "cwd": "/tmp"},
        "flag": {"command": "x", "args": ["--api-key=hunter2"]},
        "odd": {"type": "stdio"},
        "gateway": {"url": "http://127.0.0.1:7410/mcp"}}}"#);
    let servers = plan::open(&home.machine, VsCode).unwrap().servers;
    let taken = ["crm".to_owned()].into();
    let items = crate::import::importables(&servers, &home.gateway, &taken);
    let item = |name: &str| items.iter().find(|item| item.name == name).unwrap();
    let files = item("My Files!");
    assert_eq!(files.connection, "my-files");
    assert_eq!(files.secrets, ["GITHUB_TOKEN", "ID"]);
    let argv = ["env", "LOG=debug", "ROOT=/srv/x", "npx", "-y", "fs", "/srv"].map(str::to_owned);
    assert_eq!(files.transport, Some(agw_api::Transport::Stdio { argv: argv.to_vec() }));
    assert_eq!(
        (item("9").connection.as_str(), item("9").secrets.as_slice()),
        ("mcp-9", ["Authorization".to_owned()].as_slice())
    );
    assert_eq!(item("crm").connection, "crm-2");
    for (name, why) in [("asks", "K holds a variable"), ("cwd", "in a folder"), ("odd", "neither")]
    {
        assert!(item(name).problem.as_ref().unwrap().contains(why), "{:?}", item(name));
    }
    assert!(item("flag").note.is_some() && item("crm").note.is_none());
    assert_eq!(items.len(), 7, "not the gateway itself");
    let shown = serde_json::to_string(&items[..4]).unwrap() + &format!("{:?}", files);
    assert!(!shown.contains("hunter2"), "{shown}");
}

/// What stays in the command is in the trail, and for every auditor to read.
#[test]
fn a_password_goes_to_the_vault_whatever_it_is_called() {
    let home = Home::new();
    let names = [
        "MYSQL_PWD",
        "SMTP_PASS",
        "PGPASSFILE",
        "SSH_PASSPHRASE",
        "PASSCODE",
        "PIN",
        "CARD_PIN",
        "BASIC_AUTH",
        "BEARER",
        "WALLET_SEED",
        "COOKIE",
    ];
    let env: Vec<String> = names.iter().map(|name| format!("\"{name}\": \"hunter\"")).collect();
    home.put(
        Cursor,
        &format!(
            "{{\"mcpServers\": {{\"a\": {{\"command\": \"x\", \"env\": {{{}}}}}}}}}",
            env.join(", ")
        ),
    );
    let servers = plan::open(&home.machine, Cursor).unwrap().servers;
    let items = crate::import::importables(&servers, &home.gateway, &Default::default());
    let argv = vec!["x".to_owned()];
    assert_eq!(items[0].transport, Some(agw_api::Transport::Stdio { argv }));
    assert_eq!(items[0].secrets.len(), names.len());
}

/// However an entry is written: on one line, in a list, in quotes.
#[test]
fn a_preview_has_no_secret_in_any_style() {
    for (client, text) in [
        (
            Goose,
            "extensions:\n  a: {type: stdio, cmd: x, envs: {KEY: hunter22}}\n  b: {type: stdio, cmd: y, envs: {\"KEY\": \"hunter22\"}}\n",
        ),
        (
            Codex,
            "profiles = [{ name = \"a\", api_key = \"hunter22\" }]\n[mcp_servers.a]\ncommand = \"x\"\nenv = { K = \"hunter22\" }\n",
        ),
        (
            Cursor,
            "{\"mcpServers\": {\"a\": {\"command\": \"x\", \"env\": {\"K\": \"hunter22\"}}}} // was hunter22",
        ),
    ] {
        let home = Home::new();
        home.put(client, text);
        let names = ["a".to_owned()];
        for import in [None, Some(&names[..])] {
            let wiring = plan::wiring(&home.machine, &home.gateway, client, import).unwrap();
            let diff = wiring.plan.preview().diff;
            assert!(diff.contains("gateway") && !diff.contains("hunter22"), "{diff}");
        }
    }
}

/// Somebody may exchange the file for a moment and put it back: what is done
/// is what was shown, or nothing.
#[test]
fn what_was_read_is_what_was_shown() {
    let home = Home::new();
    home.put(Cursor, "{}");
    let shown = plan::wiring(&home.machine, &home.gateway, Cursor, None).unwrap().plan.seen();
    home.put(Cursor, r#"{"mcpServers": {"evil": {"command": "evil"}}}"#);
    let read = plan::wiring(&home.machine, &home.gateway, Cursor, None).unwrap().plan;
    home.put(Cursor, "{}");
    assert_eq!(code(read.is(&shown)), refusal::CHANGED);
    let read = plan::wiring(&home.machine, &home.gateway, Cursor, None).unwrap().plan;
    read.is(&shown).unwrap();
}

#[test]
fn an_import_is_undone_byte_for_byte_and_around_later_changes() {
    let names = ["a".to_owned(), "b".to_owned()];
    for (client, text) in [
        (
            Cursor,
            "{\n  \"mcpServers\": {\n    // one\n    \"a\": {\"command\": \"x\"},\n    \"b\": {\"url\": \"https://b\"}, \"c\": {}\n  }\n}\n",
        ),
        (
            Codex,
            "[mcp_servers.a] # one\ncommand = \"x\"\n\n[mcp_servers.b]\nurl = \"https://b\"\n[tui]\nx = 1\n",
        ),
        (
            Goose,
            "extensions:\n  # one\n  a:\n    type: stdio\n    cmd: x\n  b:\n    type: streamable_http\n    uri: https://b\nMODE: auto\n",
        ),
    ] {
        let home = Home::new();
        let path = home.put(client, text);
        home.change(client, None).unwrap();
        home.change(client, Some(&names)).unwrap();
        let entries = || {
            let servers = plan::open(&home.machine, client).unwrap().servers;
            let mut names: Vec<String> = servers.into_iter().map(|server| server.name).collect();
            names.retain(|name| name != "c");
            names.sort();
            names
        };
        assert_eq!(entries(), ["gateway"], "{}", read(&path));
        let wired = read(&path);
        assert!(home.undo(client).unwrap());
        assert_eq!(read(&path), text);

        home.change(client, None).unwrap();
        home.change(client, Some(&names)).unwrap();
        assert_eq!(read(&path), wired);
        let later = match client {
            Cursor => wired.replacen('{', "{ // later\n", 1),
            _ => format!("# later\n{wired}"),
        };
        fs::write(&path, later).unwrap();
        assert!(!home.undo(client).unwrap());
        assert_eq!(entries(), ["a", "b"], "{}", read(&path));
        assert!(read(&path).contains("later"));
    }
}

/// Files that nobody would write, from a seed: with comments, foreign members,
/// odd spaces and line ends.
struct Writer(u64);

impl Writer {
    fn below(&mut self, most: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }

    fn space(&mut self) -> &'static str {
        self.pick(&["", " ", "  ", "\n", "\t", "\r\n", " // c{}\n", "/* \"x\": [ */", "\n\n"])
    }

    fn json(&mut self, depth: u32) -> String {
        let (before, after) = (self.space(), self.space());
        let value = match self.below(if depth == 0 { 5 } else { 7 }) {
            0 => "true".to_owned(),
            1 => "-1.50e+3".to_owned(),
            2 => "null".to_owned(),
            3 => "\"ü\\u00fc\\n😀{}//\"".to_owned(),
            4 => "\"\"".to_owned(),
            5 => {
                let items: Vec<String> = (0..self.below(4)).map(|_| self.json(depth - 1)).collect();
                format!("[{}{}]", items.join(","), self.space())
            }
            _ => self.object(depth - 1),
        };
        format!("{before}{value}{after}")
    }

    fn object(&mut self, depth: u32) -> String {
        let count = self.below(4);
        let members: Vec<String> = (0..count)
            .map(|n| {
                format!("{}\"k{n}\"{}:{}", self.space(), self.pick(&["", " "]), self.json(depth))
            })
            .collect();
        let comma = if count > 0 { self.pick(&["", ","]) } else { "" };
        format!("{{{}{comma}{}}}", members.join(","), self.space())
    }

    fn file(&mut self, client: Client) -> String {
        let lines = self.below(12);
        match client {
            Codex => (0..lines)
                .map(|n| match self.below(4) {
                    0 => format!(
                        "\n# c [x]\n[mcp_servers.s{n}]  # c\ncommand = 'x'\nargs=[ \"a\" , ]\n"
                    ),
                    1 => format!("[t{n}]\nk   = \"\"\"\n[no]\n\"\"\"\n"),
                    2 => format!("[[a{n}]]\nd = 1979-05-27 # ü\n"),
                    _ => "\n\n".to_owned(),
                })
                .collect(),
            Goose => {
                let mut text = format!("# c\nA{lines}: 'x'  # y\nextensions:\n");
                for n in 0..=lines {
                    text.push_str(match self.below(3) {
                        0 => "  # c: {\n",
                        1 => "\n",
                        _ => "",
                    });
                    text.push_str(&format!(
                        "  s{n}:\n      type: stdio\n      cmd: \"ü\"\n      args: [a, 'b']\n"
                    ));
                }
                text + self.pick(&["", "Z: |\n  extensions:\n", "# end\n", "\nY: [1,\n  2]"])
            }
            _ => {
                let servers = match self.below(3) {
                    0 => String::new(),
                    _ => format!("\"{}\":{}{},", client.section(), self.space(), self.object(2)),
                };
                format!(
                    "{}{{{}{servers}{}\"z\":{}}}{}",
                    self.pick(&["", "\u{feff}"]),
                    self.space(),
                    self.space(),
                    self.json(3),
                    self.space()
                )
            }
        }
    }
}

/// The property that the whole design rests on.
#[test]
fn wire_then_undo_gives_the_original_bytes() {
    let mut writer = Writer(42);
    let mut wired = 0;
    for round in 0..225 {
        let client = Client::ALL[round % Client::ALL.len()];
        let home = Home::new();
        let text = writer.file(client);
        let path = home.put(client, &text);
        match home.change(client, None) {
            Ok(()) => wired += 1,
            Err(refused) => {
                assert_eq!(refused.code, refusal::MALFORMED, "{refused}: {text}");
                assert_eq!(read(&path), text);
                continue;
            }
        }
        let changed = read(&path);
        assert_eq!(home.look(client, None).state, State::Wired, "{changed}");
        assert!(home.undo(client).unwrap());
        assert_eq!(read(&path), text, "round {round}");
        // By its entry alone, too, the file says again what it said.
        home.change(client, None).unwrap();
        let changed = read(&path);
        let edited = match client {
            Codex | Goose => format!("{changed}\n# later\n"),
            _ => format!("{changed}\n// later\n"),
        };
        fs::write(&path, edited).unwrap();
        assert!(!home.undo(client).unwrap());
        let names = |text: &str| {
            let mut names: Vec<_> = crate::format::servers(client, text).unwrap();
            names.sort_by(|one, other| one.0.cmp(&other.0));
            names
        };
        assert_eq!(names(&read(&path)), names(&text), "round {round}");
    }
    assert!(wired > 150, "only {wired} of 225 were written so that they could be wired");
}

#[test]
fn nothing_of_the_api_is_needed_to_look() {
    let home = Home::new();
    let api = Api::new(&home.gateway.data_dir);
    let clients = crate::Clients { api: &api, machine: &home.machine, gateway: &home.gateway };
    home.put(Cursor, "{}");
    assert!(clients.preview(Cursor).is_ok());
    assert!(clients.preview(Zed).is_err());
}
