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

use std::{fmt, str::FromStr, sync::Arc};

use sha2::{Digest as _, Sha256};

/// Longest connection name, in bytes.
const CONNECTION_NAME_MAX: usize = 32;
/// Longest name of a user, team or agent, in characters.
const PERSON_NAME_MAX: usize = 64;
/// Longest tool name of an upstream, in bytes (MCP 2025-11-25, server/tools).
const TOOL_NAME_MAX: usize = 128;
/// Longest tool name that model APIs accept, in bytes.
const MODEL_NAME_MAX: usize = 64;
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
    #[error("{0:?} is not a tool id: it looks like connection.tool, for example gmail.send")]
    ToolId(String),
    #[error(
        "{0:?} matches no tools: use connection.tool, connection.* or *, the last two also with :read, :write or :destructive"
    )]
    Pattern(String),
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

/// A tool's name as its upstream gives it: 1 to 128 of `[A-Za-z0-9_\-./]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ToolName(Arc<str>);

impl ToolName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Two names with one folded form look alike to a person or a model
    /// (`read_file`, `Read-File`).
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase().replace(['-', '.', '/'], "_")
    }
}

impl FromStr for ToolName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let good = (1..=TOOL_NAME_MAX).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/'));
        good.then(|| Self(text.into())).ok_or_else(|| NameError::Tool(text.to_owned()))
    }
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
    /// that ends in eight hex digits of the id's SHA-256.
    pub fn mcp_name(&self) -> String {
        let plain = format!("{}__{}", self.connection.0, self.tool.0);
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

/// Which tools a grant or a scope is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ToolPattern {
    /// `*`: every tool of every connection; `*:read`: those of that effect.
    /// `read` alone is short for it.
    Any(Option<ToolEffect>),
    /// `gmail.*`: every tool of one connection, those it gains later included;
    /// `gmail.*:read`: those of that effect.
    Connection(ConnectionName, Option<ToolEffect>),
    /// `gmail.send`: one tool.
    Tool(ToolId),
}

impl ToolPattern {
    /// `effect` is the tool's.
    pub fn matches(&self, tool: &ToolId, effect: ToolEffect) -> bool {
        let of = |wanted: &Option<ToolEffect>| wanted.is_none_or(|wanted| wanted == effect);
        match self {
            Self::Any(wanted) => of(wanted),
            Self::Connection(connection, wanted) => connection == tool.connection() && of(wanted),
            Self::Tool(id) => id == tool,
        }
    }

    /// The effect that it is restricted to.
    pub fn effect(&self) -> Option<ToolEffect> {
        match self {
            Self::Any(effect) | Self::Connection(_, effect) => *effect,
            Self::Tool(_) => None,
        }
    }
}

impl FromStr for ToolPattern {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if let Ok(effect) = text.parse() {
            return Ok(Self::Any(Some(effect)));
        }
        let (tools, effect) = match text.split_once(':') {
            None => (text, None),
            Some((tools, effect)) => (tools, Some(effect.parse()?)),
        };
        if tools == "*" {
            return Ok(Self::Any(effect));
        }
        if let Some(connection) = tools.strip_suffix(".*") {
            return Ok(Self::Connection(connection.parse()?, effect));
        }
        if effect.is_some() || tools.contains('*') || !tools.contains('.') {
            return Err(NameError::Pattern(text.to_owned()));
        }
        Ok(Self::Tool(tools.parse()?))
    }
}

impl fmt::Display for ToolPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any(_) => f.write_str("*")?,
            Self::Connection(connection, _) => write!(f, "{connection}.*")?,
            Self::Tool(id) => id.fmt(f)?,
        }
        match self.effect() {
            None => Ok(()),
            Some(effect) => write!(f, ":{effect}"),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_names_are_path_safe_and_never_reserved() {
        for good in ["gmail", "a", "crm-2"] {
            assert!(good.parse::<ConnectionName>().is_ok(), "{good}");
        }
        for bad in ["", "Gmail", "2crm", "a.b", "a_b", "a/b", "ä", "tools", &"a".repeat(33)] {
            assert!(bad.parse::<ConnectionName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_id_splits_at_the_first_dot() {
        let id: ToolId = "files.v1.read/all".parse().unwrap();
        assert_eq!(id.connection().as_str(), "files");
        assert_eq!(id.tool().as_str(), "v1.read/all");
    }

    #[test]
    fn mcp_names_are_accepted_by_model_apis_and_differ() {
        let long = "x".repeat(128);
        let ids = [
            "fs.read_file",
            "fs.read.file",
            "fs.read/file",
            &format!("fs.{long}"),
            &format!("fs.{long}")[..130],
        ];
        let names: Vec<String> =
            ids.iter().map(|id| id.parse::<ToolId>().unwrap().mcp_name()).collect();
        for name in &names {
            assert!(
                name.len() <= 64
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
            );
        }
        let distinct: std::collections::HashSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len(), "{names:?}");
        assert_eq!(names[0], "fs__read_file");
    }

    #[test]
    fn patterns_match_what_they_say() {
        let send: ToolId = "gmail.send".parse().unwrap();
        for (pattern, matches) in [
            ("*", true),
            ("gmail.*", true),
            ("gmail.send", true),
            ("*:write", true),
            ("gmail.*:write", true),
            ("write", true),
            ("read", false),
            ("gmail.*:destructive", false),
            ("gma.*", false),
            ("gmail.read", false),
        ] {
            let parsed: ToolPattern = pattern.parse().unwrap();
            assert_eq!(parsed.matches(&send, ToolEffect::Write), matches, "{pattern}");
            assert_eq!(parsed.to_string().parse(), Ok(parsed), "{pattern}");
        }
        for bad in [
            "gmail",
            "gmail.se*",
            "**",
            "",
            ".*",
            "*.send",
            "*:",
            ":read",
            "*:Read",
            "*:read:read",
            "gmail.send:read",
            "gmail:read",
        ] {
            assert!(bad.parse::<ToolPattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn look_alike_tool_names_are_refused_or_fold_together() {
        assert!("send\u{200b}".parse::<ToolName>().is_err());
        assert!("ѕend".parse::<ToolName>().is_err());
        let folded = |s: &str| s.parse::<ToolName>().unwrap().folded();
        assert_eq!(folded("Read-File"), folded("read_file"));
    }

    #[test]
    fn people_cannot_be_named_like_a_subject() {
        for bad in ["", " ana", "ana/claude", "team:sales", "a\nb", "..", "-"] {
            assert!(bad.parse::<PersonName>().is_err(), "{bad}");
        }
        for good in ["ana", "Ana's Claude Desktop", "jörg@acme.com"] {
            assert!(good.parse::<PersonName>().is_ok(), "{good}");
        }
    }
}
