//! Which way a request came in. The listener says it of every request, as an
//! extension of it; headers say nothing about it.

use std::{convert::Infallible, net::IpAddr};

use axum::{
    extract::FromRequestParts,
    http::{Extensions, HeaderMap, header, request::Parts},
};

/// One of the two addresses of the gateway. Each is an issuer and a resource
/// of its own: what signed in at one is not signed in at the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Site {
    /// Plain HTTP, for this machine alone.
    #[default]
    Loopback,
    /// HTTPS, for others; see [`sharing`](crate::sharing).
    Shared,
}

/// See the module's text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Door {
    /// The loopback port or the local socket.
    #[default]
    Machine,
    /// The shared address, and who is at the other end.
    Network(IpAddr),
}

impl Door {
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions.get().copied().unwrap_or_default()
    }

    pub(crate) fn site(self) -> Site {
        match self {
            Self::Machine => Site::Loopback,
            Self::Network(_) => Site::Shared,
        }
    }

    /// Whose failures are counted together; `None`: this machine's. An IPv6
    /// network is one peer, because everybody has 2^64 addresses of theirs.
    pub(crate) fn peer(self) -> Option<IpAddr> {
        match self {
            Self::Machine => None,
            Self::Network(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
                Some(address) => Some(address.into()),
                None => {
                    let network = u128::from(address) >> 64 << 64;
                    Some(IpAddr::V6(network.into()))
                }
            },
            Self::Network(address) => Some(address),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Door {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.extensions))
    }
}

impl Site {
    /// Scheme and host as the client addressed them; the port's guard has
    /// found the host to be one of ours.
    pub(crate) fn base(self, headers: &HeaderMap) -> String {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        format!("{}{}", self.scheme(), host.unwrap_or_default())
    }

    pub(crate) fn scheme(self) -> &'static str {
        match self {
            Self::Loopback => "http://",
            Self::Shared => "https://",
        }
    }

    /// The value of a cookie of ours, if there is one and not several.
    pub(crate) fn cookie(self, headers: &HeaderMap, name: &str) -> Option<String> {
        let name = self.name(name);
        let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
        let pairs = cookies.split("; ");
        let mut found = pairs.filter_map(|pair| pair.strip_prefix(&*name)?.strip_prefix('='));
        // A page on another port can put a second one, of a longer path, before ours.
        found.next().filter(|_| found.next().is_none()).map(str::to_owned)
    }

    /// `Set-Cookie`. Over TLS it is of this host and of HTTPS alone, which its
    /// name promises (RFC 6265bis, section 4.1.3.2), and its path is `/`.
    pub(crate) fn set_cookie(self, name: &str, value: &str, rest: &str) -> String {
        let name = self.name(name);
        match self {
            Self::Loopback => format!("{name}={value}; {rest}"),
            Self::Shared => {
                let rest = rest.split("; ").filter(|part| !part.starts_with("Path="));
                let rest: Vec<&str> = rest.collect();
                format!("{name}={value}; Path=/; Secure; {}", rest.join("; "))
            }
        }
    }

    fn name(self, name: &str) -> String {
        match self {
            Self::Loopback => name.to_owned(),
            Self::Shared => format!("__Host-{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_of_the_shared_address_are_of_this_host_and_https_alone() {
        let rest = "Path=/api; HttpOnly; SameSite=Strict";
        let set = |site: Site| site.set_cookie("agw_session", "s", rest);
        assert_eq!(set(Site::Loopback), "agw_session=s; Path=/api; HttpOnly; SameSite=Strict");
        let shared = "__Host-agw_session=s; Path=/; Secure; HttpOnly; SameSite=Strict";
        assert_eq!(set(Site::Shared), shared);
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, "agw_session=a; __Host-agw_session=b".parse().unwrap());
        assert_eq!(Site::Loopback.cookie(&headers, "agw_session").as_deref(), Some("a"));
        assert_eq!(Site::Shared.cookie(&headers, "agw_session").as_deref(), Some("b"));
    }

    #[test]
    fn an_ipv6_network_is_one_peer() {
        let peer = |text: &str| Door::Network(text.parse().unwrap()).peer();
        assert_eq!(peer("2001:db8::1"), peer("2001:db8::ffff:2"));
        assert_ne!(peer("2001:db8::1"), peer("2001:db8:0:1::1"));
        assert_eq!(peer("::ffff:192.0.2.1"), peer("192.0.2.1"));
        assert_ne!(peer("192.0.2.1"), peer("192.0.2.2"));
        assert_eq!(Door::Machine.peer(), None);
    }
}
