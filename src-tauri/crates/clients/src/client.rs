//! The clients that are known, and where each keeps its MCP servers.
//!
//! | client | file | servers below | format |
//! |---|---|---|---|
//! | Claude Desktop | `Claude/claude_desktop_config.json` in the config folder | `mcpServers` | JSON |
//! | Claude Code | `~/.claude.json`, or in `CLAUDE_CONFIG_DIR` | `mcpServers` | JSON |
//! | Cursor | `~/.cursor/mcp.json` | `mcpServers` | JSON |
//! | VS Code | `Code/User/mcp.json` in the config folder | `servers` | JSON |
//! | Windsurf | `~/.codeium/windsurf/mcp_config.json` | `mcpServers` | JSON |
//! | Codex | `~/.codex/config.toml`, or in `CODEX_HOME` | `mcp_servers` | TOML |
//! | Gemini CLI | `~/.gemini/settings.json`, or below `GEMINI_CLI_HOME` | `mcpServers` | JSON |
//! | Zed | `~/.config/zed/settings.json`, `%APPDATA%\Zed` | `context_servers` | JSON |
//! | Goose | `~/.config/goose/config.yaml`, `%APPDATA%\Block\goose\config` | `extensions` | YAML |
//!
//! All JSON may have comments and trailing commas: most of these clients take
//! them, and where one does not, that is between it and its user.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::machine::{Machine, System};

/// A program that can use MCP servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Client {
    ClaudeDesktop,
    ClaudeCode,
    Cursor,
    #[serde(rename = "vscode")]
    VsCode,
    Windsurf,
    Codex,
    GeminiCli,
    Zed,
    Goose,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Toml,
    Yaml,
}

impl Client {
    pub const ALL: [Self; 9] = [
        Self::ClaudeDesktop,
        Self::ClaudeCode,
        Self::Cursor,
        Self::VsCode,
        Self::Windsurf,
        Self::Codex,
        Self::GeminiCli,
        Self::Zed,
        Self::Goose,
    ];

    /// The word for it on the command line, and the name of its agent.
    pub fn id(self) -> &'static str {
        match self {
            Self::ClaudeDesktop => "claude-desktop",
            Self::ClaudeCode => "claude-code",
            Self::Cursor => "cursor",
            Self::VsCode => "vscode",
            Self::Windsurf => "windsurf",
            Self::Codex => "codex",
            Self::GeminiCli => "gemini-cli",
            Self::Zed => "zed",
            Self::Goose => "goose",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::ClaudeDesktop => "Claude Desktop",
            Self::ClaudeCode => "Claude Code",
            Self::Cursor => "Cursor",
            Self::VsCode => "VS Code",
            Self::Windsurf => "Windsurf",
            Self::Codex => "Codex",
            Self::GeminiCli => "Gemini CLI",
            Self::Zed => "Zed",
            Self::Goose => "Goose",
        }
    }

    pub fn of_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|client| client.id() == id)
    }

    pub(crate) fn format(self) -> Format {
        match self {
            Self::Codex => Format::Toml,
            Self::Goose => Format::Yaml,
            _ => Format::Json,
        }
    }

    /// The member of the file that holds the servers, by name.
    pub(crate) fn section(self) -> &'static str {
        match self {
            Self::VsCode => "servers",
            Self::Codex => "mcp_servers",
            Self::Zed => "context_servers",
            Self::Goose => "extensions",
            _ => "mcpServers",
        }
    }

    /// The program's name, where a person starts it by name.
    pub(crate) fn program(self) -> Option<&'static str> {
        match self {
            Self::ClaudeCode => Some("claude"),
            Self::Codex => Some("codex"),
            Self::GeminiCli => Some("gemini"),
            Self::Goose => Some("goose"),
            _ => None,
        }
    }

    /// What has to happen before it sees the change.
    pub fn restart(self) -> &'static str {
        match self {
            Self::ClaudeDesktop => "Quit Claude Desktop (in its tray, too) and start it again.",
            Self::ClaudeCode => "Start a new session of Claude Code; `/mcp` shows the gateway.",
            Self::Cursor => "Cursor asks whether to switch the gateway on: Settings, MCP.",
            Self::VsCode => "VS Code asks whether to trust the gateway when it first starts it.",
            Self::Windsurf => "Press Refresh in the MCP panel of Cascade.",
            Self::Codex => "Start a new session of Codex.",
            Self::GeminiCli => "Start Gemini CLI again; `/mcp` shows the gateway.",
            Self::Zed => "Zed starts the gateway at once; the Agent Panel's settings show it.",
            Self::Goose => "Start a new session of Goose.",
        }
    }

    /// Where its file may be, likeliest first: the first that is there, or
    /// whose folder is there, is it.
    pub(crate) fn candidates(self, machine: &Machine) -> Vec<PathBuf> {
        let home = &machine.home;
        let var = |name: &str| machine.var(name).map(PathBuf::from);
        match self {
            Self::ClaudeDesktop => {
                let inside = |dir: PathBuf| dir.join("Claude").join("claude_desktop_config.json");
                let mut found = vec![inside(machine.app_config())];
                if machine.system == System::Windows {
                    // The package of the Microsoft Store has a folder of its own.
                    let store = machine
                        .local_app_data()
                        .join("Packages/Claude_pzs8sxrjxfjjc/LocalCache/Roaming");
                    found.push(inside(store));
                }
                found
            }
            Self::ClaudeCode => {
                vec![var("CLAUDE_CONFIG_DIR").unwrap_or_else(|| home.clone()).join(".claude.json")]
            }
            Self::Cursor => vec![home.join(".cursor").join("mcp.json")],
            Self::VsCode => vec![machine.app_config().join("Code").join("User").join("mcp.json")],
            Self::Windsurf => {
                vec![home.join(".codeium").join("windsurf").join("mcp_config.json")]
            }
            Self::Codex => {
                let folder = var("CODEX_HOME").unwrap_or_else(|| home.join(".codex"));
                vec![folder.join("config.toml")]
            }
            Self::GeminiCli => {
                let folder = var("GEMINI_CLI_HOME").unwrap_or_else(|| home.clone());
                vec![folder.join(".gemini").join("settings.json")]
            }
            Self::Zed => {
                let folder = match machine.system {
                    System::Windows => machine.app_config().join("Zed"),
                    System::MacOs => home.join(".config").join("zed"),
                    System::Linux => machine.xdg_config().join("zed"),
                };
                vec![folder.join("settings.json")]
            }
            Self::Goose => {
                let folder = match (var("GOOSE_PATH_ROOT"), machine.system) {
                    (Some(root), _) => root.join("config"),
                    (None, System::Windows) => {
                        machine.app_config().join("Block").join("goose").join("config")
                    }
                    (None, _) => machine.xdg_config().join("goose"),
                };
                vec![folder.join("config.yaml")]
            }
        }
    }

    /// The folder whose presence says that the client is there.
    pub(crate) fn sign(self, file: &std::path::Path, machine: &Machine) -> PathBuf {
        match self {
            // Its file lies in the home folder, which everybody has.
            Self::ClaudeCode if machine.var("CLAUDE_CONFIG_DIR").is_none() => {
                machine.home.join(".claude")
            }
            _ => file.parent().map(std::path::Path::to_owned).unwrap_or_default(),
        }
    }
}
