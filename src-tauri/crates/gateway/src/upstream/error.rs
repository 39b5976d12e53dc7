//! Failures on the far side. `Display` is for the admin; agents get
//! [`UpstreamError::message`], which repeats nothing that the upstream said.

use std::{borrow::Cow, time::Duration};

use agw_vault::Secret;
use bytes::Bytes;

use crate::{accounts::SignIn, pipeline};

/// Why an upstream gave no answer that can be used.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum UpstreamError {
    #[error("not ready: {0}")]
    NotReady(String),
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    #[error("it refused the gateway's credential with HTTP {0}; check the connection's credential")]
    Unauthorized(u16),
    /// With what it says of the token that it wants (RFC 6750, section 3).
    #[error("it wants a sign-in (HTTP {status}); remove the connection and add it with --sign-in")]
    Challenged { status: u16, challenge: Box<str> },
    #[error("{0}")]
    SignIn(Box<SignIn>),
    #[error("it answered with HTTP {0}")]
    Status(u16),
    #[error("it redirected to {0:?}; redirects are not followed, so enter the final URL")]
    Redirect(String),
    #[error("its answer is unusable: {0}")]
    Malformed(String),
    #[error("its answer is longer than {0} bytes")]
    TooLarge(usize),
    #[error("it ended before it answered: {0}")]
    Closed(String),
    #[error("no answer within {} s", .0.as_secs_f32())]
    TimedOut(Duration),
    #[error("it wanted something of the client that the client did not give")]
    Unanswered,
    #[error("the caller took the call back")]
    Cancelled,
    #[error("the permissions changed before it was sent")]
    RulesChanged,
}

/// Characters of an upstream's own words that are kept.
const WORDS_MAX: usize = 600;

impl UpstreamError {
    /// What the upstream said may hold the credential that it was given. Cut
    /// to its length only here, because half a credential is not found.
    pub(crate) fn without_secrets(self, secrets: &[Secret]) -> Self {
        let safe = |text: String| -> String {
            let safe = pipeline::without_secrets(Bytes::from(text), secrets);
            String::from_utf8_lossy(&safe).chars().take(WORDS_MAX).collect()
        };
        match self {
            Self::NotReady(text) => Self::NotReady(safe(text)),
            Self::Unreachable(text) => Self::Unreachable(safe(text)),
            Self::Redirect(text) => Self::Redirect(safe(text)),
            Self::Malformed(text) => Self::Malformed(safe(text)),
            Self::Closed(text) => Self::Closed(safe(text)),
            Self::Challenged { status, challenge } => {
                Self::Challenged { status, challenge: safe(challenge.into()).into() }
            }
            Self::Unauthorized(_)
            | Self::SignIn(_)
            | Self::Status(_)
            | Self::TooLarge(_)
            | Self::TimedOut(_)
            | Self::Unanswered
            | Self::Cancelled
            | Self::RulesChanged => self,
        }
    }

    /// Stable; see [`crate::pipeline::Refusal`].
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::NotReady(_) => "connection_unavailable",
            Self::Unreachable(_) => "upstream_unreachable",
            Self::Unauthorized(_) | Self::Challenged { .. } => "upstream_unauthorized",
            Self::SignIn(sign_in) => sign_in.code(),
            Self::Status(_) => "upstream_status",
            Self::Redirect(_) => "upstream_redirect",
            Self::Malformed(_) => "upstream_malformed",
            Self::TooLarge(_) => "upstream_too_large",
            Self::Closed(_) => "upstream_closed",
            Self::TimedOut(_) => "upstream_timeout",
            Self::Unanswered => "client_unanswered",
            Self::Cancelled => "cancelled",
            Self::RulesChanged => "rules_changed",
        }
    }

    pub(crate) fn http_status(&self) -> u16 {
        match self {
            Self::NotReady(_) => 503,
            Self::SignIn(sign_in) if sign_in.passes() => 503,
            Self::TimedOut(_) => 504,
            _ => 502,
        }
    }

    pub(crate) fn message(&self) -> String {
        let text = match self {
            Self::NotReady(_) => "The system behind this tool is not running at the moment.",
            Self::Unreachable(_) => "The system behind this tool cannot be reached.",
            Self::Unauthorized(_) | Self::Challenged { .. } => {
                "The system behind this tool refused the gateway's credential."
            }
            Self::SignIn(sign_in) => return sign_in.message(),
            Self::Status(status) => {
                return format!("The system behind this tool answered with HTTP {status}.");
            }
            Self::Redirect(_) => {
                "The system behind this tool redirected the call elsewhere; it was not followed."
            }
            Self::Malformed(_) => "The answer of the system behind this tool is unusable.",
            Self::TooLarge(_) => "The answer of the system behind this tool is too long.",
            Self::Closed(_) => "The system behind this tool ended before it answered.",
            Self::TimedOut(limit) => {
                return format!(
                    "The system behind this tool did not answer within {} s.",
                    limit.as_secs_f32()
                );
            }
            Self::Unanswered => {
                "The system behind this tool needs an answer of this client, which it did not get."
            }
            Self::Cancelled => "The call was cancelled.",
            Self::RulesChanged => "The permissions changed; the call was not forwarded.",
        };
        text.into()
    }

    pub(crate) fn next(&self) -> Cow<'static, str> {
        let text = match self {
            Self::SignIn(sign_in) => return sign_in.next().into(),
            Self::NotReady(_) | Self::Unreachable(_) => {
                "Nothing was done. Try again in a minute; if it stays so, ask an administrator to test the connection (`agw connection test`)."
            }
            Self::Unauthorized(_) | Self::Challenged { .. } => {
                "Nothing was done. Ask an administrator to renew the connection's credential."
            }
            Self::Redirect(_) => "Ask an administrator to check the connection's URL.",
            Self::TooLarge(_) => "Ask for less at once.",
            Self::Status(_) | Self::Malformed(_) | Self::Closed(_) | Self::TimedOut(_) => {
                "It may or may not have acted: check before you try again."
            }
            Self::Unanswered => {
                "Call again from a client that can be asked, and answer what it asks for."
            }
            Self::Cancelled => "Nothing, if you meant to cancel it.",
            Self::RulesChanged => "Call again: it is decided anew.",
        };
        text.into()
    }
}
