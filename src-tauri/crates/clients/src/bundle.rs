//! An extension for Claude Desktop on another machine: an `.mcpb` file (a zip
//! with `manifest.json`, version 0.3 of its format) with the bridge in it. It
//! holds no token: Claude Desktop asks for it and keeps it in the keychain.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use serde_json::{Value, json};
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::address::Address;
use crate::error::Refusal;
use crate::machine::Gateway;

/// The gateway's own authority, in the bundle.
const AUTHORITY: &str = "server/ca.crt";

/// What Claude Desktop is told.
fn manifest(address: &Address, version: &str) -> Value {
    let program = if cfg!(windows) { "server/agw.exe" } else { "server/agw" };
    let platform = match std::env::consts::OS {
        "windows" => "win32",
        "macos" => "darwin",
        _ => "linux",
    };
    // Other machines do not know it, and need not trust it for all else.
    let authority = address.authority.as_ref();
    let authority = authority.map(|_| ("SSL_CERT_FILE", format!("${{__dirname}}/{AUTHORITY}")));
    let env: BTreeMap<&str, String> = [
        ("AGW_TOKEN", "${user_config.token}".to_owned()),
        ("AGW_URL", "${user_config.address}".to_owned()),
    ]
    .into_iter()
    .chain(authority)
    .collect();
    json!({
        "manifest_version": "0.3",
        "name": "ai-agent-gateway",
        "display_name": "AI Agent Gateway",
        "version": version,
        "description": "The tools that AI Agent Gateway grants to this agent.",
        "author": { "name": "AI Agent Gateway" },
        "license": "Apache-2.0",
        "server": {
            "type": "binary",
            "entry_point": program,
            "mcp_config": {
                "command": format!("${{__dirname}}/{program}"),
                "args": ["mcp"],
                "env": env,
            },
        },
        "tools_generated": true,
        "prompts_generated": true,
        "compatibility": { "platforms": [platform] },
        "user_config": {
            "token": {
                "type": "string",
                "title": "Token",
                "description": "The agent's token (st_…), which the gateway shows once.",
                "sensitive": true,
                "required": true,
            },
            "address": {
                "type": "string",
                "title": "Address",
                "description": "The gateway's MCP endpoint, as this machine reaches it.",
                "default": format!("{}/mcp", address.url),
                "required": true,
            },
        },
    })
}

/// Writes the bundle for machines of this kind. Returns its size.
pub fn write(
    gateway: &Gateway,
    address: &Address,
    version: &str,
    out: &Path,
) -> Result<u64, Refusal> {
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = out.with_file_name(name);
    let done = write_zip(gateway, address, version, &new).and_then(|()| fs::rename(&new, out));
    let size = done.and_then(|()| fs::metadata(out));
    size.map(|metadata| metadata.len()).map_err(|error| {
        let _ = fs::remove_file(&new);
        Refusal::io("write", out, &error)
    })
}

fn write_zip(gateway: &Gateway, address: &Address, version: &str, path: &Path) -> io::Result<()> {
    let mut zip = ZipWriter::new(File::create_new(path)?);
    let options = SimpleFileOptions::default();
    zip.start_file("manifest.json", options.unix_permissions(0o644))?;
    let manifest = serde_json::to_string_pretty(&manifest(address, version))?;
    zip.write_all(manifest.as_bytes())?;
    let program = if cfg!(windows) { "server/agw.exe" } else { "server/agw" };
    zip.start_file(program, options.unix_permissions(0o755))?;
    io::copy(&mut File::open(&gateway.agw)?, &mut zip)?;
    if let Some(authority) = &address.authority {
        zip.start_file(AUTHORITY, options.unix_permissions(0o644))?;
        zip.write_all(authority.as_bytes())?;
    }
    zip.finish()?.sync_all()
}
