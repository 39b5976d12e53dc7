//! macOS and Windows, by notify-rust. What is shown there can neither be
//! replaced nor taken back, and has no buttons: a click opens the window.

use std::sync::Arc;

use notify_rust::{Notification, NotificationResponse};
use tauri::AppHandle;
use tokio::sync::{Semaphore, mpsc};

use super::{APP, Click, Heard, Notice};
use crate::approvals::plan::Slot;

pub(in crate::approvals) const IN_PLACE: bool = false;

/// Threads that wait for clicks. A notification that nobody ever clicks may
/// keep its thread; beyond these, clicks are not waited for.
const MAX_WAITING: usize = 32;

pub(in crate::approvals) struct Desk {
    /// Under which the desktop knows the installed app.
    identifier: String,
    waiting: Arc<Semaphore>,
    tell: mpsc::UnboundedSender<Heard>,
    told: mpsc::UnboundedReceiver<Heard>,
}

impl Desk {
    pub(in crate::approvals) fn new(app: &AppHandle) -> Self {
        let identifier = app.config().identifier.clone();
        #[cfg(target_os = "macos")]
        if !tauri::is_dev() {
            // Fails if it is set already.
            let _ = notify_rust::set_application(&identifier);
        }
        let (tell, told) = mpsc::unbounded_channel();
        Self { identifier, waiting: Arc::new(Semaphore::new(MAX_WAITING)), tell, told }
    }

    /// Whether a call can be answered in a notification.
    #[expect(clippy::unused_async, reason = "elsewhere it is asked")]
    pub(in crate::approvals) async fn takes_answers(&mut self) -> bool {
        false
    }

    /// Whether there is something on the desktop now.
    pub(in crate::approvals) async fn show(&mut self, slot: Slot, notice: &Notice) -> bool {
        let mut notification = Notification::new();
        notification.appname(APP).summary(&notice.summary).body(&notice.body);
        #[cfg(windows)]
        if is_installed() {
            notification.app_id(&self.identifier);
        }
        #[cfg(target_os = "macos")]
        tracing::trace!(app = self.identifier, "a notification");
        let place = Arc::clone(&self.waiting).try_acquire_owned().ok();
        let tell = self.tell.clone();
        // The libraries block until the person has done something.
        let thread = std::thread::Builder::new().name("notification".to_owned());
        let started = thread.spawn(move || {
            let handle = match notification.show() {
                Ok(handle) => handle,
                Err(error) => return tracing::warn!("cannot show a notification: {error}"),
            };
            let Some(_place) = place else { return };
            let waited = handle.wait_for_response(|response: &NotificationResponse| {
                let click = match response {
                    NotificationResponse::Closed(_) => Click::Closed,
                    _ => Click::Open,
                };
                // Fails when the app ends.
                let _ = tell.send(Heard { slot, click });
            });
            if let Err(error) = waited {
                tracing::debug!("{error}");
            }
        });
        started.is_ok()
    }

    pub(in crate::approvals) async fn close(&mut self, _: &Slot) {}

    /// The next thing that a person does. Nothing is lost when it is dropped.
    pub(in crate::approvals) async fn heard(&mut self) -> Heard {
        match self.told.recv().await {
            Some(heard) => heard,
            None => std::future::pending().await,
        }
    }
}

/// Windows shows a notification only for an app that it knows; for others
/// notify-rust takes PowerShell's name.
#[cfg(windows)]
fn is_installed() -> bool {
    let exe = std::env::current_exe().unwrap_or_default();
    let in_target = |build: &str| {
        exe.parent().is_some_and(|dir| dir.ends_with(std::path::Path::new("target").join(build)))
    };
    !in_target("debug") && !in_target("release")
}
