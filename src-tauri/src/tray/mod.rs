//! The tray icon: whether calls are enforced, at a glance, what waits for an
//! answer and what was refused.
//!
//! ```text
//! Enforcing: every call is checked
//! ─────
//! 2 calls wait for an answer       all of them, in the window
//!    ana/claude · gmail.send       this one
//!    bo/cursor · crm.delete
//! Last refused calls ▸             12:04  ana/claude · fs.write  its story
//! ─────
//! Open, Pause all agents, Resume
//! ─────
//! Start at login, Quit…
//! ```

mod icon;
mod menu;

use std::time::Duration;

use agw_api::{Event, ServiceState};
use tauri::{AppHandle, Manager as _};
use tokio::time::sleep;

use crate::approvals::Waiting;
use crate::denials::Denial;
use crate::window::{self, Ask};
use crate::{Shell, autostart};
use menu::Tray;

const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What the tray says about the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    Running(ServiceState),
    /// Something holds the socket and does not answer as it should.
    NotAnswering,
    Stopped,
}

/// All that the tray says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Look {
    service: Shown,
    /// While they are known: somebody is signed in.
    waiting: Option<Waiting>,
    denials: Option<Vec<Denial>>,
    autostart: bool,
}

impl Shown {
    fn words(self) -> &'static str {
        match self {
            Self::Running(ServiceState::Enforcing) => "Enforcing: every call is checked",
            Self::Running(ServiceState::Paused) => "Paused: all agents are refused",
            Self::Running(ServiceState::Unrecorded) => {
                "Records cannot be written: agents are refused"
            }
            Self::Running(ServiceState::Sealed) => "Sealed: all agents are refused",
            Self::Running(ServiceState::Unconfigured) => "Not set up: all agents are refused",
            Self::NotAnswering => "The gateway does not answer",
            Self::Stopped => "Stopped: the gateway is not running",
        }
    }
}

impl Look {
    fn first() -> Self {
        Self { service: Shown::Stopped, waiting: None, denials: None, autostart: false }
    }

    fn count(&self) -> Option<usize> {
        self.waiting.as_ref().map(|waiting| waiting.count)
    }

    fn tooltip(&self) -> String {
        let mut tooltip = format!("AI Agent Gateway\n{}", self.service.words());
        if self.count().is_some_and(|calls| calls > 0) {
            tooltip.push('\n');
            tooltip.push_str(&approvals_words(self.count()));
        }
        tooltip
    }
}

/// Puts the icon into the tray and keeps it true. Where the desktop has no
/// tray, nothing is seen of it and the window does without.
pub(crate) fn install(app: &AppHandle) -> tauri::Result<()> {
    let first = Look::first();
    let tray = Tray::install(app, &first)?;
    tauri::async_runtime::spawn(keep_true(app.clone(), tray, first));
    Ok(())
}

/// Leaves at once when there is nothing to decide; otherwise the window asks
/// whether the gateway should stop as well.
async fn quit(app: &AppHandle) {
    if app.state::<Shell>().service.look().await == Shown::Stopped {
        app.exit(0);
    } else {
        window::ask(app, Ask::Quit).await;
    }
}

/// Clicking has turned the mark already; the next look puts it right.
fn turn_autostart(app: &AppHandle) {
    if let Err(error) = autostart::set(!autostart::is_on()) {
        tracing::error!("{error:#}");
    }
    app.state::<Shell>().look_again.notify_one();
}

async fn keep_true(app: AppHandle, mut tray: Tray, mut shown: Look) {
    let shell = app.state::<Shell>();
    let mut waiting = shell.waiting.subscribe();
    let mut denials = shell.denials.last.subscribe();
    loop {
        let seen = Look {
            service: shell.service.look().await,
            waiting: waiting.borrow_and_update().clone(),
            denials: denials.borrow_and_update().clone(),
            autostart: autostart::is_on(),
        };
        if seen.service != shown.service {
            shell.events.tell(&Event::Changed { what: "status".to_owned() });
            // One that hangs does not say what waits any more.
            shell.approvals_changed.notify_one();
        }
        match tray.show(&app, &shown, &seen) {
            Ok(()) => shown = seen,
            Err(error) => tracing::warn!("cannot change the tray icon: {error}"),
        }
        tokio::select! {
            () = sleep(LOOK_EVERY) => {}
            () = shell.look_again.notified() => {}
            _ = waiting.changed() => {}
            _ = denials.changed() => {}
        }
    }
}

/// Nothing is said of what is not known: without a session, the window asks
/// to sign in.
fn approvals_words(waiting: Option<usize>) -> String {
    match waiting {
        None => "Approvals".to_owned(),
        Some(0) => "No call waits for an answer".to_owned(),
        Some(1) => "1 call waits for an answer".to_owned(),
        Some(calls) => format!("{calls} calls wait for an answer"),
    }
}

fn denials_words(denials: Option<&[Denial]>) -> &'static str {
    match denials {
        Some([]) => "No call was refused",
        _ => "Last refused calls",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(service: Shown, calls: Option<usize>) -> Look {
        let waiting = calls.map(|count| Waiting { count, first: Vec::new() });
        Look { service, waiting, ..Look::first() }
    }

    #[test]
    fn calls_that_wait_are_told_where_they_are_known() {
        let enforcing = Shown::Running(ServiceState::Enforcing);
        let tooltip = |calls| look(enforcing, calls).tooltip();
        assert!(tooltip(Some(2)).ends_with("\n2 calls wait for an answer"));
        assert_eq!(tooltip(Some(0)), tooltip(None));
        assert_eq!(approvals_words(Some(1)), "1 call waits for an answer");
        assert_eq!(approvals_words(None), "Approvals");
    }
}
