//! What the gateway decides with, and nothing else: no I/O, no clock, no
//! randomness of its own. Whatever varies is an argument, so every decision
//! can be replayed.
//!
//! The centre is [`decide`]: it takes the [`PermissionMap`], who asks and for
//! what, and returns a [`Decision`] that carries a [`Permit`], a [`Question`]
//! for a person or the reason for the refusal. A `Permit` can be built nowhere else; later stages
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
//!     condition: Some(Condition::compile("args.to.endsWith('@acme.com')")?.into()),
//!     expires_at: None,
//!     rate: None,
//!     version: 1,
//! }], []);
//! let caller = Caller { user: ana, teams: [].into(), agent: None, facts: Default::default() };
//! let arguments = br#"{"to": "bo@acme.com"}"#;
//! let digest = json::parse(arguments)?.digest()?;
//! let call = Call { tool: &send, arguments: Some(arguments), now: 1_795_340_000_000 };
//! assert!(matches!(decide(&map, &caller, &call, digest), Decision::Allow(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod condition;
mod decision;
mod ids;
pub mod json;
pub mod log;
mod names;
mod permissions;
mod rate;
mod token;

pub use condition::{
    CallerFacts, Condition, ConditionError, ConditionFault, Facts, Rule, Scalar, Unmet, all_of,
    both, not, quoted, same_arguments,
};
pub use decision::{
    AgentCaller, Approved, Call, Caller, ConnectPermit, Decision, Denial, Explained, Grants,
    Permit, Question, QuestionKey, Reason, Replayed, Stance, Step, decide, explain, may_see,
    replay,
};
pub use ids::{AgentId, ApprovalId, ConnectionId, GrantId, IdError, TeamId, UserId};
pub use names::{
    ConnectionName, ItemKind, NameError, PersonName, ToolEffect, ToolId, ToolName, ToolPattern,
};
pub use permissions::{Effect, Grant, PermissionMap, Subject};
pub use rate::{Rate, RateError};
pub use token::{MintedToken, TokenError, TokenHash, TokenKind, without_tokens};
