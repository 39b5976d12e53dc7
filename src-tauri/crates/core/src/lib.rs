//! What the gateway decides with, and nothing else: no I/O, no clock, no
//! randomness of its own. Whatever varies is an argument, so every decision
//! can be replayed.
//!
//! The centre is [`decide`]: it takes the [`PermissionMap`], who asks and for
//! what, and returns a [`Decision`] that carries either a [`Permit`] or the
//! reason for the refusal. A `Permit` can be built nowhere else; later stages
//! (opening a credential, forwarding) ask for one, so a call that was not
//! decided cannot reach them.
//!
//! ```
//! use agw_core::*;
//!
//! let ana = UserId::new(1);
//! let send: ToolId = "gmail.send".parse()?;
//! let map = PermissionMap::build(7, [Grant {
//!     id: GrantId::new(12),
//!     subject: Subject::User(ana),
//!     tool: "gmail.*".parse()?,
//!     effect: Effect::Allow,
//! }]);
//! let caller = Caller { user: ana, teams: [].into(), agent: None };
//! let digest = json::parse(br#"{"to": "bo@acme.com"}"#)?.digest()?;
//! assert!(matches!(decide(&map, &caller, &send, digest), Decision::Allow(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod decision;
mod ids;
pub mod json;
mod names;
mod permissions;
mod token;

pub use decision::{
    AgentCaller, Caller, ConnectPermit, Decision, Denial, Permit, Reason, decide, may_see,
};
pub use ids::{AgentId, ConnectionId, GrantId, IdError, TeamId, UserId};
pub use names::{ConnectionName, NameError, PersonName, ToolId, ToolName, ToolPattern};
pub use permissions::{Effect, Grant, PermissionMap, Subject};
pub use token::{MintedToken, TokenError, TokenHash, TokenKind, without_tokens};
