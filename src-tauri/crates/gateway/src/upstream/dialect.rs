//! The two ways in which servers speak MCP, as far as requests differ: what
//! greets them, what they say of themselves then, and what goes along with
//! each request.

use std::borrow::Cow;

use agw_core::json::write_string;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    bounds,
    catalog::Listed,
    pipeline::{ArmedRequest, Era},
    upstream::{UpstreamError, jsonrpc::Answer},
};

/// The revision of the stateless era.
pub(super) const STATELESS: &str = "2026-07-28";
/// The revision that servers of the older era are greeted with; they may
/// answer with an older one.
pub(super) const SESSION: &str = "2025-11-25";
const SESSIONS: [&str; 4] = [SESSION, "2025-06-18", "2025-03-26", "2024-11-05"];
/// JSON-RPC errors that only servers of the stateless era know: headers that
/// do not match, a missing capability, another revision.
const HEADER_MISMATCH: i64 = -32_020;
const MISSING_CAPABILITY: i64 = -32_021;
const UNSUPPORTED_VERSION: i64 = -32_022;

/// What a server says about itself when it is greeted.
#[derive(Debug, Clone)]
pub(super) struct Greeting {
    pub(super) era: Era,
    pub(super) server: Option<String>,
    pub(super) protocol: String,
    pub(super) instructions: Option<String>,
    pub(super) announced: Announced,
}

/// What of MCP a server announced.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Announced {
    pub(super) tools: bool,
    pub(super) prompts: bool,
    pub(super) resources: bool,
    pub(super) logging: bool,
    /// That it tells when any of its lists changes.
    pub(super) list_changed: bool,
}

impl Announced {
    fn read(capabilities: &serde_json::Value) -> Self {
        let member = |name| capabilities.get(name).filter(|value| !value.is_null());
        let says = |name, what| {
            member(name)
                .and_then(|value| value.get(what))
                .is_some_and(|v| v.as_bool() == Some(true))
        };
        let lists = ["tools", "prompts", "resources"];
        Self {
            tools: member("tools").is_some(),
            prompts: member("prompts").is_some(),
            resources: member("resources").is_some(),
            logging: member("logging").is_some(),
            list_changed: lists.into_iter().any(|name| says(name, "listChanged")),
        }
    }

    /// Whether it has such a list. One that announces none is asked for tools:
    /// that is what it is most likely for.
    pub(super) fn lists(self, listed: Listed) -> bool {
        match listed {
            Listed::Tool => self.tools || !(self.prompts || self.resources),
            Listed::Prompt => self.prompts,
            Listed::Resource | Listed::Template => self.resources,
        }
    }
}

/// Who the gateway is, as JSON.
fn client_info() -> String {
    format!(r#"{{"name":"ai-agent-gateway","version":"{}"}}"#, env!("CARGO_PKG_VERSION"))
}

/// `params` of `initialize`. `capabilities` is a JSON object.
pub(super) fn initialize_params(capabilities: &str) -> String {
    format!(
        r#"{{"protocolVersion":"{SESSION}","capabilities":{capabilities},"clientInfo":{}}}"#,
        client_info()
    )
}

/// `params` of a request that no client is behind; `members` are JSON without
/// the braces.
pub(super) fn own_params(era: Era, members: &str) -> String {
    let comma = if members.is_empty() { "" } else { "," };
    match era {
        Era::Session => format!("{{{members}}}"),
        Era::Stateless => format!(r#"{{{members}{comma}"_meta":{{{}}}}}"#, stateless_meta("{}")),
    }
}

/// `params` of a request about one resource.
pub(super) fn uri_params(uri: &str) -> String {
    let mut params = r#"{"uri":"#.to_owned();
    write_string(uri, &mut params);
    params.push('}');
    params
}

/// Members of `subscriptions/listen`: to hear when a list changes.
pub(super) const LISTS: &str = r#""notifications":{"toolsListChanged":true,"promptsListChanged":true,"resourcesListChanged":true}"#;

/// The same: to hear when one of these resources changes.
pub(super) fn watching(uris: &[String]) -> String {
    let mut members = r#""notifications":{"resourceSubscriptions":["#.to_owned();
    for (at, uri) in uris.iter().enumerate() {
        if at > 0 {
            members.push(',');
        }
        write_string(uri, &mut members);
    }
    members.push_str("]}");
    members
}

/// What every request of the stateless era carries in `_meta`.
fn stateless_meta(capabilities: &str) -> String {
    format!(
        r#""io.modelcontextprotocol/protocolVersion":"{STATELESS}","io.modelcontextprotocol/clientInfo":{},"io.modelcontextprotocol/clientCapabilities":{capabilities}"#,
        client_info()
    )
}

/// The request that a call is, with the arguments byte for byte as the agent
/// wrote them. `again`: what a further attempt adds to `params`.
pub(super) fn call(id: u64, era: Era, armed: &ArmedRequest, again: &str) -> Bytes {
    let method = armed.operation().method();
    let head = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{"#);
    let meta = meta(id, era, armed);
    let params = armed.params();
    if meta.is_empty() {
        return [head.as_bytes(), &params, again.as_bytes(), b"}}"].concat().into();
    }
    [head.as_bytes(), &params, again.as_bytes(), b",\"_meta\":{", &meta, b"}}}"].concat().into()
}

fn meta(id: u64, era: Era, armed: &ArmedRequest) -> Vec<u8> {
    let client = armed.client();
    let mut meta = armed.meta().to_vec();
    let mut add = |text: &str| {
        if !meta.is_empty() {
            meta.push(b',');
        }
        meta.extend_from_slice(text.as_bytes());
    };
    if client.progress {
        add(&format!(r#""progressToken":{id}"#));
    }
    if era == Era::Stateless {
        add(&stateless_meta(&client.capabilities));
        if let Some(level) = &client.log_level {
            let mut text = r#""io.modelcontextprotocol/logLevel":"#.to_owned();
            write_string(level, &mut text);
            add(&text);
        }
    }
    meta
}

#[derive(Deserialize)]
struct ServerInfo {
    name: String,
    #[serde(default)]
    version: String,
}

impl ServerInfo {
    fn shown(self) -> String {
        format!("{} {}", self.name, self.version).trim_end().to_owned()
    }
}

/// What a server of the older era answers to `initialize`.
pub(super) fn read_initialized(answer: Answer) -> Result<Greeting, UpstreamError> {
    #[derive(Deserialize)]
    struct Initialized {
        #[serde(rename = "protocolVersion")]
        protocol_version: String,
        #[serde(default)]
        capabilities: serde_json::Value,
        #[serde(default, rename = "serverInfo")]
        server_info: Option<ServerInfo>,
        #[serde(default)]
        instructions: Option<String>,
    }
    let result = expect_result(answer, "initialize")?;
    let initialized: Initialized = serde_json::from_slice(&result)
        .map_err(|e| UpstreamError::Malformed(format!("initialize: {e}")))?;
    Ok(Greeting {
        era: Era::Session,
        server: initialized.server_info.map(ServerInfo::shown),
        protocol: initialized.protocol_version,
        instructions: initialized.instructions.map(cut),
        announced: Announced::read(&initialized.capabilities),
    })
}

fn cut(instructions: String) -> String {
    instructions.chars().take(bounds::INSTRUCTIONS_MAX).collect()
}

/// What the answer to `server/discover` makes of a server.
#[derive(Debug)]
pub(super) enum Probed {
    Stateless(Box<Greeting>),
    /// Of the older era, or of one that is not known.
    Other,
}

pub(super) fn read_discovered(answer: &Answer) -> Result<Probed, UpstreamError> {
    #[derive(Deserialize)]
    struct Discovered {
        #[serde(rename = "supportedVersions")]
        supported: Vec<String>,
        #[serde(default)]
        capabilities: serde_json::Value,
        #[serde(default)]
        instructions: Option<String>,
        #[serde(default, rename = "_meta")]
        meta: Meta,
    }
    #[derive(Deserialize, Default)]
    struct Meta {
        #[serde(default, rename = "io.modelcontextprotocol/serverInfo")]
        server_info: Option<ServerInfo>,
    }
    let result = match answer {
        Answer::Error(error) => return read_refused(error),
        Answer::Result(result) => result,
    };
    // A server of the older era may answer whatever it is asked.
    let Ok(discovered) = serde_json::from_slice::<Discovered>(result) else {
        return Ok(Probed::Other);
    };
    if !discovered.supported.iter().any(|version| version == STATELESS) {
        return common_version(&discovered.supported);
    }
    Ok(Probed::Stateless(Box::new(Greeting {
        era: Era::Stateless,
        server: discovered.meta.server_info.map(ServerInfo::shown),
        protocol: STATELESS.into(),
        instructions: discovered.instructions.map(cut),
        announced: Announced::read(&discovered.capabilities),
    })))
}

fn read_refused(error: &Bytes) -> Result<Probed, UpstreamError> {
    #[derive(Deserialize)]
    struct Refused {
        #[serde(default)]
        data: Data,
    }
    #[derive(Deserialize, Default)]
    struct Data {
        #[serde(default)]
        supported: Vec<String>,
    }
    match error_code(error) {
        Some(UNSUPPORTED_VERSION) => {
            let refused = serde_json::from_slice::<Refused>(error);
            common_version(&refused.map(|refused| refused.data.supported).unwrap_or_default())
        }
        Some(HEADER_MISMATCH | MISSING_CAPABILITY) => {
            expect_result(Answer::Error(error.clone()), "server/discover").map(|_| Probed::Other)
        }
        _ => Ok(Probed::Other),
    }
}

/// It does not speak the stateless revision; perhaps an older one.
fn common_version(supported: &[String]) -> Result<Probed, UpstreamError> {
    if supported.iter().any(|version| SESSIONS.contains(&version.as_str())) {
        return Ok(Probed::Other);
    }
    let versions = supported.join(", ");
    Err(UpstreamError::Malformed(format!(
        "it speaks only revisions that are unknown here: {versions}"
    )))
}

/// Whether headers of a call did not match what it expects: its definitions
/// have changed.
pub(super) fn is_header_mismatch(answer: &Answer) -> bool {
    matches!(answer, Answer::Error(error) if error_code(error) == Some(HEADER_MISMATCH))
}

/// The `code` of a JSON-RPC error object.
pub(super) fn error_code(error: &[u8]) -> Option<i64> {
    #[derive(Deserialize)]
    struct Coded {
        code: i64,
    }
    serde_json::from_slice::<Coded>(error).ok().map(|error| error.code)
}

pub(super) fn expect_result(answer: Answer, method: &str) -> Result<Bytes, UpstreamError> {
    match answer {
        Answer::Result(json) => Ok(json),
        Answer::Error(json) => {
            let text = String::from_utf8_lossy(json.get(..300).unwrap_or(&json)).into_owned();
            Err(UpstreamError::Malformed(format!("it refused {method}: {text}")))
        }
    }
}

/// One page of a list.
pub(super) fn read_page(
    result: &[u8],
    listed: Listed,
) -> Result<(Vec<String>, Option<String>), UpstreamError> {
    #[derive(Deserialize)]
    struct Page<'a> {
        #[serde(borrow, default)]
        tools: Option<Vec<&'a RawValue>>,
        #[serde(borrow, default)]
        prompts: Option<Vec<&'a RawValue>>,
        #[serde(borrow, default)]
        resources: Option<Vec<&'a RawValue>>,
        #[serde(borrow, default, rename = "resourceTemplates")]
        templates: Option<Vec<&'a RawValue>>,
        #[serde(borrow, default, rename = "nextCursor")]
        next_cursor: Option<Cow<'a, str>>,
    }
    let method = listed.method();
    let malformed = |what: String| UpstreamError::Malformed(format!("{method}: {what}"));
    let page: Page<'_> = serde_json::from_slice(result).map_err(|e| malformed(e.to_string()))?;
    let items = match listed {
        Listed::Tool => page.tools,
        Listed::Prompt => page.prompts,
        Listed::Resource => page.resources,
        Listed::Template => page.templates,
    };
    let items = items.ok_or_else(|| malformed(format!("missing field `{}`", listed.member())))?;
    let next = page.next_cursor.map(Cow::into_owned);
    Ok((items.iter().map(|item| item.get().to_owned()).collect(), next))
}
