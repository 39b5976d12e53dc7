//! The prompt: a small window for the call that waits longest, where the
//! desktop's notifications cannot be answered or the person wants it so.
//!
//! ```text
//! approvals ── all that wait ──▶ Prompt ── the first that was not put off ──▶ page
//!                                  ▲                                           │
//!                                  └────────── answer, later, open ────────────┘
//! ```
//!
//! There is one, and only while there is something to show in it. Its page has
//! the commands of this module and no other: it is told of one call, and can
//! answer that one.

mod view;

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agw_api::{Answer, AnswerKind, Approval, ClientError, ErrorBody, codes, segment};
use serde::Serialize;
use tauri::{AppHandle, Manager as _, State};
use tokio::time::timeout;

use crate::Shell;
use crate::window::{self, Ask};

pub(crate) use view::LABEL;

/// A person who has answered does not look at a still button for longer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(crate) struct Prompt {
    queue: Mutex<Queue>,
    view: view::View,
}

#[derive(Default)]
struct Queue {
    /// Longest waiting first.
    waiting: Vec<Approval>,
    /// Put off by the person. They still wait; the tray says so.
    away: HashSet<String>,
    /// The gateway does not say what waits: then nothing is shown, because
    /// nothing can be told to be true still.
    lost: bool,
}

/// What the page shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Card {
    #[serde(skip)]
    id: String,
    approval: serde_json::Value,
    /// With this one.
    count: usize,
}

impl Queue {
    fn update(&mut self, mut waiting: Vec<Approval>) {
        waiting.sort_by(|a, b| a.asked_at.cmp(&b.asked_at));
        self.away.retain(|id| waiting.iter().any(|approval| approval.id == *id));
        self.waiting = waiting;
        self.lost = false;
    }

    fn shown(&self) -> impl Iterator<Item = &Approval> {
        let known = self.waiting.iter().filter(|_| !self.lost);
        known.filter(|approval| !self.away.contains(&approval.id))
    }

    fn card(&self) -> Option<Card> {
        let first = self.shown().next()?;
        let approval = serde_json::to_value(first).ok()?;
        Some(Card { id: first.id.clone(), approval, count: self.shown().count() })
    }

    /// The call of this id, if it is the one that is shown.
    fn is_shown(&self, id: &str) -> bool {
        self.shown().next().is_some_and(|approval| approval.id == id)
    }
}

impl Prompt {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes over what waits now and is to be shown here.
pub(crate) fn update(app: &AppHandle, waiting: Vec<Approval>) {
    app.state::<Shell>().prompt.queue().update(waiting);
    settle(app);
}

/// What waits could not be read: it is shown again, once that can be.
pub(crate) fn lose(app: &AppHandle) {
    app.state::<Shell>().prompt.queue().lost = true;
    settle(app);
}

/// The person has closed the window: nothing in it was answered.
pub(crate) fn put_off(app: &AppHandle) {
    let shell = app.state::<Shell>();
    let mut queue = shell.prompt.queue();
    let shown: Vec<String> = queue.shown().map(|approval| approval.id.clone()).collect();
    queue.away.extend(shown);
    drop(queue);
    settle(app);
}

fn put_off_one(app: &AppHandle, id: String) {
    app.state::<Shell>().prompt.queue().away.insert(id);
    settle(app);
}

/// Makes the window show what the queue says, or go.
pub(crate) fn settle(app: &AppHandle) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let shell = app.state::<Shell>();
        shell.prompt.view.show(&app, || shell.prompt.queue().card()).await;
    });
}

/// What is to be shown: asked by the page when it is ready.
#[tauri::command]
pub(crate) async fn prompt(shell: State<'_, Shell>) -> Result<Option<Card>, ErrorBody> {
    Ok(shell.prompt.queue().card())
}

/// Answers the call that is shown. The page says which one that was: what has
/// taken its place meanwhile was not meant.
#[tauri::command]
pub(crate) async fn prompt_answer(
    shell: State<'_, Shell>,
    id: String,
    answer: AnswerKind,
) -> Result<(), ErrorBody> {
    if !shell.prompt.queue().is_shown(&id) {
        let message = "This call is not asked about any more.";
        return Err(ErrorBody::new(codes::ANSWERED, message, "Nothing is left to do."));
    }
    let path = format!("/api/v1/approvals/{}/answer", segment(&id));
    let (client, body) = (shell.client(), Answer { answer, note: None });
    let answered = timeout(ANSWER_TIMEOUT, client.post::<_, Approval>(&path, &body));
    let answered = answered.await.unwrap_or_else(|_| {
        Err(ClientError::TimedOut { operation: "the answer".into(), after: ANSWER_TIMEOUT })
    });
    shell.approvals_changed.notify_one();
    let Err(error) = answered else { return Ok(()) };
    tracing::info!("{error}");
    if error.code() == Some(codes::SIGN_IN) {
        shell.forget_session();
    }
    Err(match error {
        ClientError::Refused { body, .. } => ErrorBody { current: None, ..*body },
        error => ErrorBody::new(codes::INTERNAL, error.to_string(), "Try again."),
    })
}

#[tauri::command]
pub(crate) async fn prompt_later(app: AppHandle, id: String) -> Result<(), ErrorBody> {
    put_off_one(&app, id);
    Ok(())
}

/// Shows the call in the window, where there is more to do about it.
#[tauri::command]
pub(crate) async fn prompt_open(app: AppHandle, id: String) -> Result<(), ErrorBody> {
    put_off_one(&app, id.clone());
    window::ask(&app, Ask::Approvals { id: Some(id) }).await;
    Ok(())
}

/// The page says how high its content is, in logical pixels.
#[tauri::command]
pub(crate) async fn prompt_fit(app: AppHandle, height: f64) -> Result<(), ErrorBody> {
    if let Err(error) = view::fit(&app, height) {
        tracing::debug!("{error}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approvals::sample;

    fn asked(id: &str, at: &str) -> Approval {
        Approval { asked_at: at.to_owned(), ..sample(id, "{}") }
    }

    fn shown(queue: &Queue) -> Option<(String, usize)> {
        queue.card().map(|card| (card.id, card.count))
    }

    #[test]
    fn the_longest_waiting_call_is_shown_until_it_is_put_off_or_gone() {
        let mut queue = Queue::default();
        assert_eq!(shown(&queue), None);
        queue.update(vec![asked("b", "2026-03-04T12:00:02Z"), asked("a", "2026-03-04T12:00:01Z")]);
        assert_eq!(shown(&queue), Some(("a".into(), 2)));
        queue.away.insert("a".into());
        assert_eq!(shown(&queue), Some(("b".into(), 1)));
        queue.update(vec![asked("a", "2026-03-04T12:00:01Z")]);
        // It does not come back by itself.
        assert_eq!(shown(&queue), None);
        queue.update(Vec::new());
        assert!(queue.away.is_empty());
    }

    #[test]
    fn nothing_is_shown_while_it_is_not_known_what_waits() {
        let mut queue = Queue::default();
        queue.update(vec![asked("a", "1"), asked("b", "2")]);
        queue.away.insert("a".into());
        queue.lost = true;
        assert_eq!(shown(&queue), None);
        assert!(!queue.is_shown("a") && !queue.is_shown("b"), "it could be answered");
        // What was put off stays so; what is gone meanwhile does not come back.
        queue.update(vec![asked("a", "1"), asked("c", "3")]);
        assert_eq!(shown(&queue), Some(("c".into(), 1)));
    }

    #[test]
    fn only_what_is_shown_can_be_answered() {
        let mut queue = Queue::default();
        queue.update(vec![asked("a", "1"), asked("b", "2")]);
        assert!(queue.is_shown("a") && !queue.is_shown("b") && !queue.is_shown("c"));
        queue.away.insert("a".into());
        assert!(!queue.is_shown("a"));
    }
}
