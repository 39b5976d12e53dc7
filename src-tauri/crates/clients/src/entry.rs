//! What a client says of one server: read out of its file, and ours to put in.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::client::Client;
use crate::format::{Part, Parts};
use crate::machine::Gateway;

/// The name that ours has in a client's file, unless it is taken.
pub(crate) const NAME: &str = "gateway";

/// A server as a client has it, secrets included: it has no `Debug`.
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Switched off in the client.
    pub(crate) off: bool,
}

pub(crate) enum Kind {
    Stdio {
        command: String,
        args: Vec<String>,
        env: Vec<(String, String)>,
        /// Started in a folder of its own.
        in_folder: bool,
    },
    Http {
        url: String,
        headers: Vec<(String, String)>,
        /// The client takes the token from a variable.
        token_from_env: bool,
    },
    /// Nothing that is reached from outside the client: why.
    Other(String),
}

/// Whom an entry leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LeadsTo {
    /// This gateway, by the bridge or by its address.
    Here { bridge: Option<Bridge> },
    /// The bridge of an installation that is not this one.
    Elsewhere,
    /// Something else.
    Foreign,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bridge {
    pub(crate) program: PathBuf,
    pub(crate) token_file: Option<PathBuf>,
}

/// The entry that starts the bridge. It names the token's file and never the
/// token, so nothing in a client's file is worth reading.
pub(crate) fn ours(client: Client, name: &str, gateway: &Gateway) -> Parts {
    let text = |path: &Path| path.display().to_string();
    let args = vec![
        "mcp".to_owned(),
        "--data-dir".to_owned(),
        text(&gateway.data_dir),
        "--token-file".to_owned(),
        text(&gateway.token_file(client)),
    ];
    let command = Part::Text(text(&gateway.agw));
    let word = |word: &str| Part::Text(word.to_owned());
    let plain = vec![("command", command.clone()), ("args", Part::List(args.clone()))];
    let after = |first: (&'static str, Part)| [vec![first], plain.clone()].concat();
    match client {
        Client::ClaudeCode | Client::VsCode => after(("type", word("stdio"))),
        Client::Zed => after(("source", word("custom"))),
        Client::Goose => vec![
            ("enabled", Part::Bool(true)),
            ("type", word("stdio")),
            ("name", word(name)),
            ("description", word("AI Agent Gateway")),
            ("cmd", command),
            ("args", Part::List(args)),
            ("timeout", Part::Number(300)),
        ],
        _ => plain,
    }
}

fn text_of(value: Option<&Value>) -> Option<String> {
    value?.as_str().map(str::to_owned)
}

fn texts_of(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    list.map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect()
}

fn pairs_of(value: Option<&Value>) -> Vec<(String, String)> {
    let pairs = value.and_then(Value::as_object).into_iter().flatten();
    pairs
        .map(|(name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (name.clone(), value)
        })
        .collect()
}

impl Server {
    /// Reads the entry as this client would.
    pub(crate) fn read(client: Client, name: &str, entry: &Value) -> Self {
        let off = entry.get("disabled") == Some(&Value::Bool(true))
            || entry.get("enabled") == Some(&Value::Bool(false));
        Self { name: name.to_owned(), kind: kind(client, entry), off }
    }

    pub(crate) fn leads_to(&self, gateway: &Gateway) -> LeadsTo {
        match &self.kind {
            Kind::Stdio { command, args, env, .. } => bridge(command, args, env, gateway),
            Kind::Http { url, .. } if is_at(url, &gateway.url) => LeadsTo::Here { bridge: None },
            _ => LeadsTo::Foreign,
        }
    }
}

fn kind(client: Client, entry: &Value) -> Kind {
    if !entry.is_object() {
        return Kind::Other("it is not written as a table of settings".to_owned());
    }
    let get = |name: &str| entry.get(name);
    let said = get("type").and_then(Value::as_str);
    if client == Client::Goose && !matches!(said, Some("stdio" | "streamable_http" | "sse")) {
        return Kind::Other("it is a part of Goose itself".to_owned());
    }
    let url = ["url", "httpUrl", "serverUrl", "uri"].iter().find_map(|name| text_of(get(name)));
    let command = match get("command") {
        // Zed had the whole command in one member.
        Some(Value::Object(command)) => text_of(command.get("path")),
        other => text_of(other.or(get("cmd"))),
    };
    if let Some(command) = command.filter(|command| !command.is_empty()) {
        let within = get("command").filter(|value| value.is_object()).unwrap_or(entry);
        let env = within.get("env").or(get("envs"));
        return Kind::Stdio {
            command,
            args: texts_of(within.get("args")),
            env: pairs_of(env),
            in_folder: get("cwd").is_some_and(|folder| !folder.is_null())
                || get("envFile").is_some(),
        };
    }
    match url {
        Some(url) => Kind::Http {
            url,
            headers: pairs_of(get("headers").or(get("http_headers"))),
            token_from_env: get("bearer_token_env_var").is_some()
                || get("env_http_headers").is_some()
                || get("headersHelper").is_some(),
        },
        None => Kind::Other("it has neither a command nor an address".to_owned()),
    }
}

/// `agw mcp …`, of this installation or another.
fn bridge(command: &str, args: &[String], env: &[(String, String)], gateway: &Gateway) -> LeadsTo {
    // The paths of any system, whichever this is.
    let program = command.rsplit(['/', '\\']).next().unwrap_or(command);
    let is_agw = matches!(program.to_ascii_lowercase().as_str(), "agw" | "agw.exe");
    if !is_agw || !args.iter().any(|arg| arg == "mcp") {
        return LeadsTo::Foreign;
    }
    let option = |name: &str| {
        let after = args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1));
        let joined = || args.iter().find_map(|arg| arg.strip_prefix(name)?.strip_prefix('='));
        after.map(String::as_str).or_else(joined)
    };
    let set = |name: &str| env.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let data_dir = option("--data-dir").or(set("AGW_DATA_DIR"));
    let url = option("--url").or(set("AGW_URL"));
    let here = match (url, data_dir) {
        (Some(url), _) => is_at(url, &gateway.url),
        (None, Some(dir)) => Path::new(dir) == gateway.data_dir,
        (None, None) => true,
    };
    if !here {
        return LeadsTo::Elsewhere;
    }
    let token_file = option("--token-file").map(PathBuf::from);
    LeadsTo::Here { bridge: Some(Bridge { program: PathBuf::from(command), token_file }) }
}

/// Whether a URL is one of the gateway's MCP endpoints.
fn is_at(url: &str, gateway: &str) -> bool {
    let same_names = |url: &str| url.to_ascii_lowercase().replace("//localhost:", "//127.0.0.1:");
    let (url, gateway) = (same_names(url), same_names(gateway));
    let rest = url.strip_prefix(gateway.trim_end_matches('/'));
    rest.is_some_and(|rest| {
        rest == "/mcp" || rest.starts_with("/mcp/") || rest.starts_with("/mcp?")
    })
}
