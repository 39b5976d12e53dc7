//! What an access token is for (RFC 8707).

use agw_core::{ConnectionName, ToolPattern};

use crate::{door::Site, faces, gateway::Gateway};

/// What stands before the path of an endpoint at the shared address.
const SHARED: &str = "shared:";

/// One of the endpoints, at one of the addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Audience {
    site: Site,
    /// `/mcp/{connection}`; `None`: `/mcp`, and all others.
    connection: Option<ConnectionName>,
}

impl Audience {
    pub(crate) fn at(site: Site, connection: Option<&ConnectionName>) -> Self {
        Self { site, connection: connection.cloned() }
    }

    /// Whether there is such a connection is not looked at, so that nobody
    /// learns it.
    pub(crate) fn of_path(site: Site, path: &str) -> Option<Self> {
        let connection = match path.strip_prefix("/mcp")? {
            "" => None,
            rest => Some(rest.strip_prefix('/')?.parse().ok()?),
        };
        Some(Self { site, connection })
    }

    /// As it is stored, from [`Self::stored`].
    pub(crate) fn of_stored(text: &str) -> Option<Self> {
        match text.strip_prefix(SHARED) {
            Some(path) => Self::of_path(Site::Shared, path),
            None => Self::of_path(Site::Loopback, text),
        }
    }

    pub(crate) fn stored(&self) -> String {
        match self.site {
            Site::Loopback => self.path(),
            Site::Shared => format!("{SHARED}{}", self.path()),
        }
    }

    pub(crate) fn site(&self) -> Site {
        self.site
    }

    /// Of a `resource` that a client asks for at this address, by any of the
    /// names that the address has. The other address is another server.
    pub(super) fn of_resource(gateway: &Gateway, site: Site, resource: &str) -> Option<Self> {
        let rest = resource.strip_prefix(site.scheme())?;
        let (host, path) = rest.split_at(rest.find('/')?);
        let ours = match site {
            Site::Loopback => {
                let address = gateway.url.strip_prefix("http://")?.parse().ok()?;
                faces::own_hosts(address).any(|own| own.eq_ignore_ascii_case(host))
            }
            Site::Shared => gateway.sharing.is_host(host),
        };
        let path = path.strip_suffix('/').unwrap_or(path);
        ours.then(|| Self::of_path(site, path)).flatten()
    }

    pub(crate) fn path(&self) -> String {
        match &self.connection {
            None => "/mcp".into(),
            Some(connection) => format!("/mcp/{connection}"),
        }
    }

    pub(crate) fn metadata_url(&self, base: &str) -> String {
        format!("{base}/.well-known/oauth-protected-resource{}", self.path())
    }

    /// `connection`: whose own endpoint is called, if it is one.
    pub(crate) fn opens(&self, site: Site, connection: Option<&ConnectionName>) -> bool {
        self.site == site && self.connection.as_ref().is_none_or(|own| Some(own) == connection)
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
        let pattern = match &self.connection {
            None => ToolPattern::Any(effect),
            Some(connection) => ToolPattern::Connection(connection.clone(), effect),
        };
        pattern.to_string()
    }

    /// Whether a tool of this connection is to be had here.
    pub(super) fn includes(&self, connection: &ConnectionName) -> bool {
        self.connection.as_ref().is_none_or(|own| own == connection)
    }
}

#[cfg(test)]
mod tests {
    use super::{Audience, Site};

    #[test]
    fn a_token_for_one_connection_opens_that_and_nothing_else() {
        let here = Site::Loopback;
        let gmail = Audience::of_path(here, "/mcp/gmail").unwrap();
        let (own, other) = ("gmail".parse().unwrap(), "crm".parse().unwrap());
        assert!(gmail.opens(here, Some(&own)));
        assert!(!gmail.opens(here, Some(&other)));
        assert!(!gmail.opens(here, None));
        let all = Audience::of_path(here, "/mcp").unwrap();
        assert!(all.opens(here, None) && all.opens(here, Some(&other)));
        for path in ["", "/", "/mc", "/mcpx", "/mcp/", "/mcp/A", "/mcp/a/b", "/mcp/tools", "/other"]
        {
            assert_eq!(Audience::of_path(here, path), None, "{path}");
        }
    }

    #[test]
    fn a_token_of_one_address_is_none_at_the_other() {
        for site in [Site::Loopback, Site::Shared] {
            for path in ["/mcp", "/mcp/gmail"] {
                let audience = Audience::of_path(site, path).unwrap();
                assert_eq!(Audience::of_stored(&audience.stored()), Some(audience.clone()));
                let own = "gmail".parse().unwrap();
                for at in [Site::Loopback, Site::Shared] {
                    assert_eq!(audience.opens(at, Some(&own)), at == site);
                }
            }
        }
    }
}
