//! The desktop's own notifications.
//!
//! On Linux they are spoken to directly, over one connection to the session
//! bus for all of them: notify-rust has a new one for each, and listens for
//! clicks only after it has shown it. Elsewhere notify-rust does what there is
//! to do.

#[cfg(all(unix, not(target_os = "macos")))]
#[path = "desk/bus.rs"]
mod os;
#[cfg(any(windows, target_os = "macos"))]
#[path = "desk/native.rs"]
mod os;

use std::time::Duration;

use agw_api::AnswerKind;

use super::plan::Slot;

pub(super) use os::{Desk, IN_PLACE};

/// How the app calls itself to the desktop.
const APP: &str = "AI Agent Gateway";

#[cfg_attr(
    not(all(unix, not(target_os = "macos"))),
    allow(dead_code, reason = "nothing more can be told there")
)]
#[derive(Debug)]
pub(super) struct Notice {
    pub(super) summary: String,
    /// Plain text.
    pub(super) body: String,
    pub(super) offers: Offers,
    /// After this it says nothing any more and may go, also if this app is
    /// gone by then; none means as long as the desktop likes.
    pub(super) lasts: Option<Duration>,
}

/// What a person can answer, where the desktop has buttons. A click on the
/// notification itself is always taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offers {
    Nothing,
    Deny,
    ApproveOrDeny,
}

/// What a person did with a notification.
#[cfg_attr(not(all(unix, not(target_os = "macos"))), allow(dead_code, reason = "no buttons there"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Click {
    Open,
    Answer(AnswerKind),
    Closed,
}

#[derive(Debug)]
pub(super) struct Heard {
    pub(super) slot: Slot,
    pub(super) click: Click,
}
