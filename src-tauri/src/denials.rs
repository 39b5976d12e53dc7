//! The last calls that were refused, for the tray.

use std::time::Duration;

use agw_api::{AuditPage, AuditRecord, Event, codes};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tauri::{AppHandle, Manager as _};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use crate::{Shell, text};

/// As many are told of.
const TOLD: usize = 5;
/// However many are refused, they are read no more often.
const READ_EVERY: Duration = Duration::from_secs(1);
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// After a failure.
const READ_AGAIN: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Denial {
    /// Of its story.
    pub(crate) id: String,
    /// `12:04  ana/claude · gmail.send`
    pub(crate) words: String,
}

#[derive(Default)]
pub(crate) struct Denials {
    look: Notify,
    /// Newest first, while they are known: for that, somebody is signed in.
    pub(crate) last: watch::Sender<Option<Vec<Denial>>>,
}

impl Denials {
    /// An event that may mean another one.
    pub(crate) fn hear(&self, event: &Event) {
        match event {
            Event::Audit { record } if record.decision.as_deref() != Some("deny") => {}
            Event::Audit { .. } | Event::Missed { .. } => self.look.notify_one(),
            Event::Changed { .. } => {}
        }
    }
}

/// Keeps them for as long as the app runs.
pub(crate) async fn watch(app: AppHandle) {
    let shell = app.state::<Shell>();
    let mut session = shell.session.subscribe();
    loop {
        let signed_in = session.borrow_and_update().is_some();
        let read = if signed_in { read(&shell).await } else { Ok(None) };
        let failed = read.is_err();
        match read {
            Ok(now) => {
                shell
                    .denials
                    .last
                    .send_if_modified(|last| std::mem::replace(last, now.clone()) != now);
            }
            Err(error) => tracing::debug!("{error:#}"),
        }
        tokio::select! {
            () = shell.denials.look.notified() => {}
            () = sleep(READ_AGAIN), if failed => {}
            changed = session.changed() => if changed.is_err() { return },
        }
        sleep(READ_EVERY).await;
    }
}

async fn read(shell: &Shell) -> anyhow::Result<Option<Vec<Denial>>> {
    let path = format!("/api/v1/audit?kind=outcome&decision=deny&limit={TOLD}");
    let read = timeout(READ_TIMEOUT, shell.client().get::<AuditPage>(&path)).await?;
    if read.as_ref().is_err_and(|error| error.code() == Some(codes::SIGN_IN)) {
        shell.forget_session();
        return Ok(None);
    }
    let (now, zone) = (Timestamp::now(), TimeZone::system());
    let denials = read?.records.iter().map(|record| denial(record, now, &zone)).collect();
    Ok(Some(denials))
}

fn denial(record: &AuditRecord, now: Timestamp, zone: &TimeZone) -> Denial {
    let id = record.call_id.clone().unwrap_or_else(|| record.seq.to_string());
    let who = match (&record.user, &record.agent) {
        (Some(user), agent) => text::caller(user, agent.as_deref()),
        (None, _) => "somebody unknown".to_owned(),
    };
    let what = record.tool.as_deref().map_or_else(|| "something unreadable".to_owned(), text::name);
    let when = text::when(&record.time, now, zone).unwrap_or_default();
    Denial { id, words: format!("{when}  {who} · {what}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(json: &str) -> AuditRecord {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn it_says_who_what_and_when() {
        let now = "2026-03-04T12:30:00Z".parse().unwrap();
        let of = |json: &str| denial(&record(json), now, &TimeZone::UTC);
        let known =
            of(r#"{"seq":7,"time":"2026-03-04T12:04:59.120Z","kind":"outcome","call_id":"c1",
            "user":"ana","agent":"claude","tool":"gmail.send\u202e"}"#);
        assert_eq!(known.words, "12:04  ana/claude · gmail.send\u{fffd}");
        assert_eq!(known.id, "c1");
        let unknown = of(r#"{"seq":8,"time":"2026-03-03T12:04:59Z","kind":"outcome"}"#);
        assert_eq!(unknown.words, "3 Mar, 12:04  somebody unknown · something unreadable");
        assert_eq!(unknown.id, "8");
    }
}
