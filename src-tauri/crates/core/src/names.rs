//! Names of connections, people and tools. A value of one of these types is
//! the proof that the text was checked.
//!
//! A tool's id is `connection.tool` on every surface. Connection names hold
//! no dot, so the first dot splits an id without doubt even where the
//! upstream's own tool name has dots (`files.v1/read`).
//!
//! Model APIs accept only `[a-zA-Z0-9_-]{1,64}` as a tool's name, so MCP
//! clients see [`ToolId::mcp_name`]. It is made from the id and looked up in a
//! table on the way back; nothing ever parses it.

mod pattern;
#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr, sync::Arc};

use sha2::{Digest as _, Sha256};

pub use pattern::ToolPattern;

/// Longest connection name, in bytes.
const CONNECTION_NAME_MAX: usize = 32;
/// Longest name of a user, team or agent, in characters.
const PERSON_NAME_MAX: usize = 64;
/// Longest tool name of an upstream, in bytes (MCP 2025-11-25, server/tools).
const TOOL_NAME_MAX: usize = 128;
/// Longest name of a prompt, in bytes.
const PROMPT_NAME_MAX: usize = 256;
/// Longest URI of a resource, in bytes.
const URI_MAX: usize = 2_048;
/// Longest tool name that model APIs accept, in bytes.
const MODEL_NAME_MAX: usize = 64;
/// What the names of prompts and resources begin with. No tool's name can.
const PROMPT: &str = "@prompt/";
const RESOURCE: &str = "@resource/";
/// Paths below `/mcp` that are not connections.
const RESERVED_CONNECTIONS: [&str; 1] = ["tools"];

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error(
        "{0:?} is not a connection name: use 1 to {CONNECTION_NAME_MAX} of a-z, 0-9 and -, starting with a letter"
    )]
    Connection(String),
    #[error("{0:?} cannot name a connection: the gateway uses that path itself")]
    ReservedConnection(String),
    #[error(
        "{0:?} is not a name: use 1 to {PERSON_NAME_MAX} letters, digits, spaces or any of _ - . @ + '"
    )]
    Person(String),
    #[error("{0:?} is not a tool name: use 1 to {TOOL_NAME_MAX} of A-Z, a-z, 0-9, _ - . and /")]
    Tool(String),
    #[error(
        "{0:?} cannot name a prompt: use 1 to {PROMPT_NAME_MAX} visible characters and spaces, no * at the end"
    )]
    Prompt(String),
    #[error(
        "{0:?} cannot name a resource: use a URI of 1 to {URI_MAX} visible characters, without \\, without . or .. as a segment, without * at the end, its scheme in lower case, and with letters as they are, not as %41"
    )]
    Resource(String),
    #[error("{0:?} is not a tool id: it looks like connection.tool, for example gmail.send")]
    ToolId(String),
    #[error(
        "{0:?} matches no tools: use connection.tool, connection.* or *, the last two also with :read, :write or :destructive; or connection.@resource/… or connection.@prompt/…, also with * at the end"
    )]
    Pattern(String),
    #[error("{0:?} ends within the name of a host, which may go on; write a / before the *")]
    HalfAHost(String),
    #[error("{0:?} is no effect of a tool: use read, write or destructive")]
    Effect(String),
}

/// The name of a connection: `[a-z][a-z0-9-]{0,31}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionName(Arc<str>);

impl ConnectionName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ConnectionName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if RESERVED_CONNECTIONS.contains(&text) {
            return Err(NameError::ReservedConnection(text.to_owned()));
        }
        let good = text.len() <= CONNECTION_NAME_MAX
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        good.then(|| Self(text.into())).ok_or_else(|| NameError::Connection(text.to_owned()))
    }
}

/// The name of a user, team or agent. It holds no `/` and no `:`, which
/// separate the parts of a subject (`ana/claude`, `team:sales`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonName(Arc<str>);

impl PersonName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PersonName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let allowed =
            |c: char| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | '@' | '+' | '\'');
        let good = (1..=PERSON_NAME_MAX).contains(&text.chars().count())
            && text.chars().all(allowed)
            && text.trim() == text
            && text.chars().any(char::is_alphanumeric);
        good.then(|| Self(text.into())).ok_or_else(|| NameError::Person(text.to_owned()))
    }
}

/// What can be granted on a connection. Prompts and resources are called tools
/// wherever no difference is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemKind {
    Tool,
    Prompt,
    Resource,
}

/// The name of what can be granted, within its connection: a tool's as its
/// upstream gives it, 1 to 128 of `[A-Za-z0-9_\-./]`; `@prompt/` and the name
/// of a prompt; `@resource/` and the URI of a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ToolName(Arc<str>);

impl ToolName {
    /// `own` is the name that the upstream knows it by: a prompt's name, a
    /// resource's URI.
    pub fn of(kind: ItemKind, own: &str) -> Result<Self, NameError> {
        match kind {
            ItemKind::Tool if own.starts_with('@') => Err(NameError::Tool(own.to_owned())),
            ItemKind::Tool => own.parse(),
            ItemKind::Prompt => format!("{PROMPT}{own}").parse(),
            ItemKind::Resource => format!("{RESOURCE}{own}").parse(),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn kind(&self) -> ItemKind {
        match &*self.0 {
            name if name.starts_with(PROMPT) => ItemKind::Prompt,
            name if name.starts_with(RESOURCE) => ItemKind::Resource,
            _ => ItemKind::Tool,
        }
    }

    /// The name that the upstream knows it by.
    pub fn own(&self) -> &str {
        let own = self.0.strip_prefix(PROMPT).or_else(|| self.0.strip_prefix(RESOURCE));
        own.unwrap_or(&self.0)
    }

    /// Two names with one folded form look alike to a person or a model
    /// (`read_file`, `Read-File`). URIs are not read but compared.
    pub fn folded(&self) -> String {
        match self.kind() {
            ItemKind::Resource => self.0.to_string(),
            ItemKind::Tool | ItemKind::Prompt => {
                self.0.to_lowercase().replace(['-', '.', '/', ' '], "_")
            }
        }
    }
}

impl FromStr for ToolName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let good = if let Some(name) = text.strip_prefix(PROMPT) {
            let good = (1..=PROMPT_NAME_MAX).contains(&name.len())
                && name.chars().all(|c| c == ' ' || is_visible(c))
                && name.trim() == name
                && !name.ends_with('*');
            good.then_some(()).ok_or_else(|| NameError::Prompt(name.to_owned()))
        } else if let Some(uri) = text.strip_prefix(RESOURCE) {
            let good = (1..=URI_MAX).contains(&uri.len())
                && uri.chars().all(|c| c != '\\' && is_visible(c))
                && !uri.ends_with('*')
                && !is_disguised(uri);
            good.then_some(()).ok_or_else(|| NameError::Resource(uri.to_owned()))
        } else {
            let good = (1..=TOOL_NAME_MAX).contains(&text.len())
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/'));
            good.then_some(()).ok_or_else(|| NameError::Tool(text.to_owned()))
        };
        good.map(|()| Self(text.into()))
    }
}

/// Whether a person sees it, and as what it is: no space, no control, nothing
/// of no width and nothing that turns the direction of text.
fn is_visible(c: char) -> bool {
    let hidden = matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    !c.is_control() && !c.is_whitespace() && !hidden
}

/// Whether a URI leads elsewhere than its beginning says (RFC 3986, 5.2.4), or
/// is a spelling of another one, which rules would not recognise: a scheme in
/// capitals, a letter in the form `%73` (6.2.2).
fn is_disguised(uri: &str) -> bool {
    let scheme = uri.split_once(':').map_or("", |(scheme, _)| scheme);
    if scheme.bytes().any(|b| b.is_ascii_uppercase()) {
        return true;
    }
    let path = uri.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    // A server on Windows takes the one for the other.
    let plain = path.replace("%2e", ".").replace("%2f", "/").replace("%5c", "/");
    // What is behind `;` some servers leave out.
    let leads = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
    plain.split('/').any(leads) || uri.split('%').skip(1).any(needs_no_escape)
}

/// Whether what is behind a `%` stands for a character that is never escaped
/// (RFC 3986, 2.3).
fn needs_no_escape(escape: &str) -> bool {
    let code = escape.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
    code.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'))
}

/// Whether the beginning of a URI ends within the name of a host:
/// `https://acme.com` is one of `https://acme.com.evil.example`, too.
fn ends_in_host(beginning: &str) -> bool {
    let rest = beginning.strip_prefix(RESOURCE).and_then(|uri| uri.split_once("://"));
    rest.is_some_and(|(_, rest)| !rest.is_empty() && !rest.contains('/'))
}

/// `connection.tool`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ToolId {
    connection: ConnectionName,
    tool: ToolName,
    text: Arc<str>,
}

impl ToolId {
    pub fn new(connection: ConnectionName, tool: ToolName) -> Self {
        let text = format!("{}.{}", connection.0, tool.0).into();
        Self { connection, tool, text }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn connection(&self) -> &ConnectionName {
        &self.connection
    }

    pub fn tool(&self) -> &ToolName {
        &self.tool
    }

    /// The name that MCP clients see at the aggregate endpoint:
    /// `connection__tool` where model APIs accept that, else a shortened form
    /// that ends in eight hex digits of the id's SHA-256. Resources keep their
    /// URI, which results refer to.
    pub fn mcp_name(&self) -> String {
        if self.tool.kind() == ItemKind::Resource {
            return self.tool.own().to_owned();
        }
        let plain = format!("{}__{}", self.connection.0, self.tool.own());
        let accepted = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if plain.len() <= MODEL_NAME_MAX && plain.bytes().all(accepted) {
            return plain;
        }
        let hash = Sha256::digest(self.text.as_bytes());
        let suffix: String = hash.iter().take(4).map(|b| format!("{b:02x}")).collect();
        let head: String = plain
            .bytes()
            .take(MODEL_NAME_MAX - suffix.len() - 1)
            .map(|b| if accepted(b) { char::from(b) } else { '_' })
            .collect();
        format!("{head}_{suffix}")
    }
}

impl FromStr for ToolId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (connection, tool) =
            text.split_once('.').ok_or_else(|| NameError::ToolId(text.to_owned()))?;
        Ok(Self::new(connection.parse()?, tool.parse()?))
    }
}

/// What a tool does to the system behind it. In force once an admin confirmed
/// it; a tool of which nobody said counts as [`Write`](Self::Write).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ToolEffect {
    Read,
    #[default]
    Write,
    Destructive,
}

impl ToolEffect {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Destructive => "destructive",
        }
    }
}

impl FromStr for ToolEffect {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        [Self::Read, Self::Write, Self::Destructive]
            .into_iter()
            .find(|effect| effect.as_str() == text)
            .ok_or_else(|| NameError::Effect(text.to_owned()))
    }
}

macro_rules! display_as_str {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}

display_as_str!(ConnectionName PersonName ToolName ToolId ToolEffect);
