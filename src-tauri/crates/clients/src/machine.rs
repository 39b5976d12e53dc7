//! What of this machine and of this gateway the rest needs to know, as values:
//! tests have a home folder of their own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::client::Client;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    Linux,
    MacOs,
    Windows,
}

/// Where a person's programs keep their settings.
#[derive(Debug, Clone)]
pub struct Machine {
    pub system: System,
    pub home: PathBuf,
    /// The environment, as far as clients look at it.
    pub vars: BTreeMap<String, OsString>,
}

/// Variables that move a client's file.
const VARS: [&str; 8] = [
    "XDG_CONFIG_HOME",
    "APPDATA",
    "LOCALAPPDATA",
    "CLAUDE_CONFIG_DIR",
    "CODEX_HOME",
    "GEMINI_CLI_HOME",
    "GOOSE_PATH_ROOT",
    "PATH",
];

impl Machine {
    /// This one, for the person who runs this process; `None` without a home.
    pub fn this() -> Option<Self> {
        let system = match std::env::consts::OS {
            "windows" => System::Windows,
            "macos" => System::MacOs,
            _ => System::Linux,
        };
        let home = std::env::var_os(if cfg!(windows) { "USERPROFILE" } else { "HOME" })?;
        let vars = VARS.into_iter().filter_map(|name| Some((name.into(), std::env::var_os(name)?)));
        let home = PathBuf::from(home);
        home.is_absolute().then(|| Self { system, home, vars: vars.collect() })
    }

    /// An empty variable is none.
    pub(crate) fn var(&self, name: &str) -> Option<&OsString> {
        self.vars.get(name).filter(|value| !value.is_empty())
    }

    fn folder(&self, name: &str, default: &str) -> PathBuf {
        let set = self.var(name).map(PathBuf::from).filter(|path| path.is_absolute());
        set.unwrap_or_else(|| self.home.join(default))
    }

    pub(crate) fn xdg_config(&self) -> PathBuf {
        self.folder("XDG_CONFIG_HOME", ".config")
    }

    pub(crate) fn local_app_data(&self) -> PathBuf {
        self.folder("LOCALAPPDATA", "AppData/Local")
    }

    /// Where programs with windows keep what follows a person.
    pub(crate) fn app_config(&self) -> PathBuf {
        match self.system {
            System::Linux => self.xdg_config(),
            System::MacOs => self.home.join("Library").join("Application Support"),
            System::Windows => self.folder("APPDATA", "AppData/Roaming"),
        }
    }

    /// Whether a program of this name can be started by name.
    pub(crate) fn has_program(&self, name: &str) -> bool {
        let Some(path) = self.var("PATH") else { return false };
        let endings: &[&str] =
            if self.system == System::Windows { &[".exe", ".cmd"] } else { &[""] };
        std::env::split_paths(path)
            .any(|dir| endings.iter().any(|ending| dir.join(format!("{name}{ending}")).is_file()))
    }

    /// The client's file, whether it is there or not.
    pub fn file(&self, client: Client) -> PathBuf {
        let candidates = client.candidates(self);
        let there = |path: &&PathBuf| path.exists() || path.parent().is_some_and(Path::exists);
        candidates.iter().find(there).or(candidates.first()).cloned().unwrap_or_default()
    }

    /// Whether the client seems to be installed.
    pub fn has(&self, client: Client) -> bool {
        let file = self.file(client);
        // `exists` follows links: one that leads nowhere is there, too.
        std::fs::symlink_metadata(&file).is_ok()
            || client.sign(&file, self).is_dir()
            || client.program().is_some_and(|program| self.has_program(program))
    }
}

/// The gateway that clients are pointed at.
#[derive(Debug, Clone)]
pub struct Gateway {
    pub data_dir: PathBuf,
    /// The program that clients start as a bridge.
    pub agw: PathBuf,
    /// Where it listens, e.g. `http://127.0.0.1:7410`.
    pub url: String,
}

impl Gateway {
    /// Tokens, backups and the journal of what was done to clients.
    pub(crate) fn folder(&self) -> PathBuf {
        self.data_dir.join("clients")
    }

    pub(crate) fn token_file(&self, client: Client) -> PathBuf {
        self.folder().join(format!("{}.token", client.id()))
    }
}
