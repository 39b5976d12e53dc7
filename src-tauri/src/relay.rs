//! The event stream, from the service to the window and to whatever else in
//! the shell follows it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use agw_api::{Client, ClientError, Event};
use futures_util::StreamExt as _;
use tauri::async_runtime::JoinHandle;
use tauri::ipc::Channel;
use tokio::sync::watch;
use tokio::time::sleep;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// At most one relay: there is one window, and its page subscribes once.
#[derive(Default)]
pub(crate) struct Relay(Mutex<Option<Subscription>>);

struct Subscription {
    task: JoinHandle<()>,
    channel: Channel<String>,
}

impl Relay {
    /// Sends each event as JSON through `channel`, in place of an earlier one.
    pub(crate) fn start(
        &self,
        client: Client,
        session: watch::Receiver<Option<String>>,
        channel: Channel<String>,
    ) {
        let to_page = channel.clone();
        let task = tauri::async_runtime::spawn(relay(client, session, move |event| {
            pass_on(&to_page, event)
        }));
        self.replace(Some(Subscription { task, channel }));
    }

    pub(crate) fn stop(&self) {
        self.replace(None);
    }

    /// An event of the shell's own: it looks at the service when there is no
    /// session to open the stream with, too.
    pub(crate) fn tell(&self, event: &Event) {
        let current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(subscription) = current.as_ref() {
            pass_on(&subscription.channel, event);
        }
    }

    fn replace(&self, next: Option<Subscription>) {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(earlier) = std::mem::replace(&mut *current, next) {
            earlier.task.abort();
        }
    }
}

/// Whether the page is still there.
fn pass_on(channel: &Channel<String>, event: &Event) -> bool {
    let Ok(json) = serde_json::to_string(event) else { return true };
    channel.send(json).is_ok()
}

/// Reads events for as long as `send` takes them. When the stream is lost, and
/// when it is back, a `missed` event tells the page to read again.
pub(crate) async fn relay(
    client: Client,
    mut session: watch::Receiver<Option<String>>,
    send: impl Fn(&Event) -> bool,
) {
    let read_again = Event::Missed { count: 0 };
    let mut was_away = false;
    let mut pause = FIRST_PAUSE;
    loop {
        let token = session.borrow_and_update().clone();
        let signed_in = token.is_some();
        let client = client.clone().with_session(token);
        let stream = async {
            let mut events = client.events().await?;
            if was_away && !send(&read_again) {
                return Ok(Ended::PageGone);
            }
            while let Some(Ok(event)) = events.next().await {
                if !send(&event) {
                    return Ok(Ended::PageGone);
                }
            }
            Ok::<_, ClientError>(Ended::Lost)
        };
        let end = tokio::select! {
            // Signed out, there is nothing to ask for.
            end = stream, if signed_in => end,
            changed = session.changed() => match changed {
                Ok(()) => {
                    was_away = true;
                    pause = FIRST_PAUSE;
                    continue;
                }
                Err(_) => return,
            },
        };
        match end {
            Ok(Ended::PageGone) => return,
            Ok(Ended::Lost) if !send(&read_again) => return,
            Ok(Ended::Lost) => pause = FIRST_PAUSE,
            Err(error) => tracing::debug!("{error}"),
        }
        was_away = true;
        tokio::select! {
            () = sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            _ = session.changed() => pause = FIRST_PAUSE,
        }
    }
}

/// Why an open stream is no longer read.
enum Ended {
    Lost,
    PageGone,
}
