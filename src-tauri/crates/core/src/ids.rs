//! A distinct id type per entity, so that a team's id cannot stand where a
//! user's is wanted. The text form carries the kind: `u3`, `g12`.

use std::{fmt, str::FromStr};

/// A text that is not an id of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not the id of a {kind}; such an id looks like {prefix}12")]
pub struct IdError {
    text: String,
    kind: &'static str,
    prefix: char,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// From the database's row id.
            pub const fn new(row: u64) -> Self {
                Self(row)
            }

            /// The database's row id.
            pub const fn get(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $prefix, self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix($prefix)
                    .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
                    .and_then(|digits| digits.parse().ok())
                    .map(Self)
                    .ok_or_else(|| IdError { text: text.to_owned(), kind: $kind, prefix: $prefix })
            }
        }
    )*};
}

ids! {
    /// A person.
    UserId 'u' "user";
    /// A team of users.
    TeamId 't' "team";
    /// A named client of one user.
    AgentId 'a' "agent";
    /// A system behind the gateway.
    ConnectionId 'c' "connection";
    /// A rule of the permission map.
    GrantId 'g' "grant";
    /// A call that a person is asked about.
    ApprovalId 'p' "approval";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips_and_kinds_do_not_mix() {
        assert_eq!("g12".parse::<GrantId>(), Ok(GrantId::new(12)));
        assert_eq!(GrantId::new(12).to_string(), "g12");
        assert!("u12".parse::<GrantId>().is_err());
        assert!("g".parse::<GrantId>().is_err());
        assert!("g+1".parse::<GrantId>().is_err());
    }
}
