//! What an access token is for (RFC 8707).

use agw_core::{ConnectionName, ToolPattern};
use axum::http::{HeaderMap, header};

use crate::{faces, gateway::Gateway};

/// One of the endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Audience {
    /// `/mcp`, and all others.
    All,
    /// `/mcp/{connection}`.
    Connection(ConnectionName),
}

/// `http://` and the host that the client addressed; the port's guard has
/// found it to be one of ours.
pub(crate) fn base(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    format!("http://{}", host.unwrap_or_default())
}

impl Audience {
    pub(crate) fn at(connection: Option<&ConnectionName>) -> Self {
        connection.map_or(Self::All, |connection| Self::Connection(connection.clone()))
    }

    /// Whether there is such a connection is not looked at, so that nobody
    /// learns it.
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        match path.strip_prefix("/mcp")? {
            "" => Some(Self::All),
            rest => rest.strip_prefix('/')?.parse().ok().map(Self::Connection),
        }
    }

    /// Of a `resource` that a client asks for, by any of the names that this
    /// machine has.
    pub(super) fn of_resource(gateway: &Gateway, resource: &str) -> Option<Self> {
        let rest = resource.strip_prefix("http://")?;
        let (host, path) = rest.split_at(rest.find('/')?);
        let address = gateway.url.strip_prefix("http://")?.parse().ok()?;
        let ours = faces::own_hosts(address).any(|own| own.eq_ignore_ascii_case(host));
        let path = path.strip_suffix('/').unwrap_or(path);
        ours.then(|| Self::of_path(path)).flatten()
    }

    pub(crate) fn path(&self) -> String {
        match self {
            Self::All => "/mcp".into(),
            Self::Connection(connection) => format!("/mcp/{connection}"),
        }
    }

    pub(crate) fn metadata_url(&self, base: &str) -> String {
        format!("{base}/.well-known/oauth-protected-resource{}", self.path())
    }

    /// `connection`: whose own endpoint is called, if it is one.
    pub(crate) fn opens(&self, connection: Option<&ConnectionName>) -> bool {
        match self {
            Self::All => true,
            Self::Connection(own) => Some(own) == connection,
        }
    }

    /// All that there is here, as a scope.
    pub(crate) fn scope(&self) -> String {
        self.pattern(None)
    }

    /// Those of it that are known to read only.
    pub(super) fn read_scope(&self) -> String {
        self.pattern(Some(agw_core::ToolEffect::Read))
    }

    fn pattern(&self, effect: Option<agw_core::ToolEffect>) -> String {
        let pattern = match self {
            Self::All => ToolPattern::Any(effect),
            Self::Connection(connection) => ToolPattern::Connection(connection.clone(), effect),
        };
        pattern.to_string()
    }

    /// Whether a tool of this connection is to be had here.
    pub(super) fn includes(&self, connection: &ConnectionName) -> bool {
        match self {
            Self::All => true,
            Self::Connection(own) => own == connection,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Audience;

    #[test]
    fn a_token_for_one_connection_opens_that_and_nothing_else() {
        let gmail = Audience::of_path("/mcp/gmail").unwrap();
        let (own, other) = ("gmail".parse().unwrap(), "crm".parse().unwrap());
        assert!(gmail.opens(Some(&own)));
        assert!(!gmail.opens(Some(&other)));
        assert!(!gmail.opens(None));
        let all = Audience::of_path("/mcp").unwrap();
        assert!(all.opens(None) && all.opens(Some(&other)));
        for path in ["", "/", "/mc", "/mcpx", "/mcp/", "/mcp/A", "/mcp/a/b", "/mcp/tools", "/other"]
        {
            assert_eq!(Audience::of_path(path), None, "{path}");
        }
    }
}
