//! Files with which an administrator of machines makes the gateway the only
//! MCP server of a client, for everybody who uses them.

use serde::Serialize;
use serde_json::json;

use crate::address::Address;
use crate::client::Client;
use crate::error::{Refusal, refusal};
use crate::machine::Gateway;

/// A file to be put on machines.
#[derive(Debug, Clone, Serialize)]
pub struct ManagedFile {
    pub name: &'static str,
    /// Where it goes, by system.
    pub places: Vec<String>,
    pub why: &'static str,
    pub content: String,
}

/// # Errors
/// Where the client has nothing of the kind.
pub fn managed(
    client: Client,
    address: &Address,
    gateway: &Gateway,
) -> Result<Vec<ManagedFile>, Refusal> {
    let url = format!("{}/mcp", address.url);
    // On its own machine it is reached either way.
    let mut ours = vec![&address.url, &gateway.url];
    ours.dedup();
    let allowed: Vec<_> =
        ours.into_iter().map(|url| json!({ "serverUrl": format!("{url}/*") })).collect();
    let pretty = |value: &serde_json::Value| {
        let text = serde_json::to_string_pretty(value).unwrap_or_default();
        format!("{text}\n")
    };
    let below = |name: &str| {
        [
            ("Linux", "/etc/claude-code/"),
            ("macOS", "/Library/Application Support/ClaudeCode/"),
            ("Windows", "C:\\Program Files\\ClaudeCode\\"),
        ]
        .map(|(system, folder)| format!("{system}: {folder}{name}"))
        .to_vec()
    };
    match client {
        Client::ClaudeCode => Ok(vec![
            ManagedFile {
                name: "managed-mcp.json",
                places: below("managed-mcp.json"),
                why: "With it Claude Code loads these servers and no others. It has no token: everybody signs in with a browser, by /mcp.",
                content: pretty(&json!({ "mcpServers": { "gateway": { "type": "http", "url": url } } })),
            },
            ManagedFile {
                name: "managed-settings.json",
                places: below("managed-settings.json"),
                why: "Only addresses of the gateway, whatever a project or a plugin brings along. If there is such a file, add these members to it.",
                content: pretty(&json!({
                    "allowManagedMcpServersOnly": true,
                    "allowedMcpServers": allowed,
                })),
            },
        ]),
        Client::VsCode => Ok(vec![ManagedFile {
            name: "managed-settings.json",
            places: vec![
                "GitHub: the enterprise's .github-private repository".to_owned(),
                "Machines: device management, as docs.github.com/copilot says under \"enterprise managed settings\"".to_owned(),
            ],
            why: "Copilot in VS Code then runs no other MCP servers but GitHub's built-in one. Everybody adds the gateway by its address and signs in with a browser.",
            content: pretty(&json!({ "allowedMcpServers": allowed })),
        }]),
        other => Err(Refusal::new(
            refusal::NOT_FOUND,
            format!("{} knows no managed settings for MCP servers", other.title()),
            "There are some for claude-code and vscode.",
        )),
    }
}
