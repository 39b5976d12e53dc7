//! Servers that a client has already, as connections of the gateway.

use std::collections::BTreeSet;

use agw_api::{CredentialValue, NewConnection, Transport};
use serde::Serialize;

use crate::entry::{Kind, Server};
use crate::format::sounds_secret;
use crate::machine::Gateway;
use crate::plan::is_here;

/// The longest name of a connection.
const MAX_NAME: usize = 32;
/// A value that is shorter is no secret that could be told from other text.
const SHORT: usize = 8;

/// A server of a client, without its secrets.
#[derive(Debug, Clone, Serialize)]
pub struct Importable {
    /// Its name in the client.
    pub name: String,
    /// The name that the connection would have.
    pub connection: String,
    /// What the gateway would start or reach; none where it cannot.
    pub transport: Option<Transport>,
    /// Names of the values that would go to the vault.
    pub secrets: Vec<String>,
    /// Something to look at first.
    pub note: Option<String>,
    /// Why it cannot become a connection.
    pub problem: Option<String>,
}

/// All servers but the gateway itself. `taken` are the names of connections
/// that there are.
pub(crate) fn importables(
    servers: &[Server],
    gateway: &Gateway,
    taken: &BTreeSet<String>,
) -> Vec<Importable> {
    let mut taken = taken.clone();
    let foreign = servers.iter().filter(|server| !is_here(server, gateway));
    let mut found: Vec<Importable> = foreign
        .map(|server| {
            let name = connection_name(&server.name, &taken);
            let (connection, problem) = match connection(server, &name) {
                Ok(connection) => (Some(connection), None),
                Err(problem) => (None, Some(problem)),
            };
            if connection.is_some() {
                taken.insert(name.clone());
            }
            let secrets = connection.as_ref().map(|connection| {
                connection.credentials.iter().map(|secret| secret.name.clone()).collect()
            });
            Importable {
                name: server.name.clone(),
                connection: name,
                note: note(server, connection.as_ref()),
                secrets: secrets.unwrap_or_default(),
                transport: connection.map(|connection| connection.transport),
                problem,
            }
        })
        .collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

fn note(server: &Server, connection: Option<&NewConnection>) -> Option<String> {
    let secret_argument = connection.is_some_and(|connection| match &connection.transport {
        Transport::Stdio { argv } => argv.iter().any(|arg| {
            let name = arg.split(['=', ':']).next().unwrap_or(arg);
            arg.starts_with('-') && sounds_secret(name) || arg.starts_with("Authorization:")
        }),
        Transport::Http { url } => url.split_once('?').is_some_and(|(_, query)| {
            query.split('&').any(|pair| sounds_secret(pair.split('=').next().unwrap_or(pair)))
        }),
    });
    if secret_argument {
        let note = "There seems to be a secret in its command or address, which everybody who may look at connections can read.";
        return Some(note.to_owned());
    }
    server.off.then(|| "It is switched off in the client.".to_owned())
}

/// How many of them can become connections.
pub(crate) fn count(servers: &[Server], gateway: &Gateway) -> usize {
    let possible = |server: &&Server| !is_here(server, gateway) && connection(server, "").is_ok();
    servers.iter().filter(possible).count()
}

/// The connection with its secrets, or why it cannot be one.
pub(crate) fn connection(server: &Server, name: &str) -> Result<NewConnection, String> {
    let filled_in =
        |text: &str| text.contains("${") || text.contains(" $") || text.starts_with('$');
    let by_client =
        |what: &str| Err(format!("{what} holds a variable that only the client fills in"));
    let (transport, secrets) = match &server.kind {
        Kind::Other(why) => return Err(why.clone()),
        Kind::Stdio { in_folder: true, .. } => {
            return Err("it is started in a folder, or with a file of variables, of its own".into());
        }
        Kind::Http { token_from_env: true, .. } => {
            return Err("the client takes its token from the environment".into());
        }
        Kind::Stdio { command, args, env, .. } => {
            let words: Vec<&String> = std::iter::once(command).chain(args).collect();
            if words.iter().any(|word| filled_in(word)) {
                return by_client("its command");
            }
            let (plain, secrets): (Vec<_>, Vec<_>) =
                env.iter().partition(|(name, value)| cfg!(unix) && is_plain(name, value));
            if let Some((name, _)) = env.iter().find(|(_, value)| filled_in(value)) {
                return by_client(name);
            }
            let mut argv = Vec::new();
            if !plain.is_empty() {
                argv.push("env".to_owned());
                argv.extend(plain.iter().map(|(name, value)| format!("{name}={value}")));
            }
            argv.extend(words.into_iter().cloned());
            (Transport::Stdio { argv }, secrets)
        }
        Kind::Http { url, headers, .. } => {
            if filled_in(url) {
                return by_client("its address");
            }
            if let Some((name, _)) = headers.iter().find(|(_, value)| filled_in(value)) {
                return by_client(name);
            }
            (Transport::Http { url: url.clone() }, headers.iter().collect())
        }
    };
    let credentials = secrets
        .into_iter()
        .map(|(name, value)| CredentialValue { name: name.clone(), value: value.clone() })
        .collect();
    Ok(NewConnection { name: name.to_owned(), transport, credentials, sign_in: None })
}

/// Whether a variable is a setting: what is kept as a secret is also taken out
/// of results, which would do harm to `debug` or `/srv`.
fn is_plain(name: &str, value: &str) -> bool {
    !sounds_secret(name)
        && (value.len() < SHORT
            || value.starts_with('/') && !value.contains(':')
            || value.bytes().all(|byte| byte.is_ascii_lowercase()))
}

/// `My Server` → `my-server`, or `my-server-2`.
fn connection_name(name: &str, taken: &BTreeSet<String>) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let words: String = name.chars().map(plain).collect();
    let words: Vec<&str> = words.split('-').filter(|word| !word.is_empty()).collect();
    let mut base = words.join("-");
    if !base.starts_with(|c: char| c.is_ascii_lowercase()) {
        base = format!("mcp-{base}");
    }
    let cut = |length: usize| -> String { base.chars().take(length).collect() };
    let numbered = (2..).map(|number| {
        let ending = format!("-{number}");
        format!("{}{ending}", cut(MAX_NAME - ending.len()))
    });
    std::iter::once(cut(MAX_NAME))
        .map(|name| name.trim_end_matches('-').to_owned())
        .chain(numbered)
        .find(|name| !taken.contains(name))
        .unwrap_or_default()
}
