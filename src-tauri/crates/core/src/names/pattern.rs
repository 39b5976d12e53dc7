//! Names of many tools at once.

use std::{fmt, str::FromStr, sync::Arc};

use super::{
    ConnectionName, NameError, PROMPT, RESOURCE, ToolEffect, ToolId, ToolName, ends_in_host,
};

/// Which tools a grant or a scope is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ToolPattern {
    /// `*`: every tool of every connection; `*:read`: those of that effect.
    /// `read` alone is short for it.
    Any(Option<ToolEffect>),
    /// `gmail.*`: every tool of one connection, those it gains later included;
    /// `gmail.*:read`: those of that effect.
    Connection(ConnectionName, Option<ToolEffect>),
    /// `docs.@resource/file:///notes/*`, `docs.@prompt/*`: what a connection
    /// has of one kind, by the beginning of its name.
    Beginning(ConnectionName, Arc<str>),
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
            Self::Beginning(connection, beginning) => {
                connection == tool.connection() && tool.tool().as_str().starts_with(&**beginning)
            }
            Self::Tool(id) => id == tool,
        }
    }

    /// The effect that it is restricted to.
    pub fn effect(&self) -> Option<ToolEffect> {
        match self {
            Self::Any(effect) | Self::Connection(_, effect) => *effect,
            Self::Beginning(..) | Self::Tool(_) => None,
        }
    }
}

impl FromStr for ToolPattern {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if let Ok(effect) = text.parse() {
            return Ok(Self::Any(Some(effect)));
        }
        if let Some((connection, name)) = text.split_once('.')
            && name.starts_with('@')
        {
            let Some(beginning) = name.strip_suffix('*') else {
                return Ok(Self::Tool(text.parse()?));
            };
            // What comes behind the kind is checked as far as it goes.
            let kind = [PROMPT, RESOURCE].into_iter().any(|kind| beginning == kind);
            if !kind {
                let _: ToolName = beginning.parse()?;
            }
            if ends_in_host(beginning) {
                return Err(NameError::HalfAHost(text.to_owned()));
            }
            return Ok(Self::Beginning(connection.parse()?, beginning.into()));
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
            Self::Beginning(connection, beginning) => write!(f, "{connection}.{beginning}*")?,
            Self::Tool(id) => id.fmt(f)?,
        }
        match self.effect() {
            None => Ok(()),
            Some(effect) => write!(f, ":{effect}"),
        }
    }
}
