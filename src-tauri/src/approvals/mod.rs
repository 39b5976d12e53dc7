//! What waits for a person's approval, told to that person.
//!
//! ```text
//! events ──▶ pending approvals ──▶ Plan: which, and when ──▶ Desk: the desktop's own
//!               ▲      │  └─ the first few: the tray          │
//!            answer ◀──┼───────── approve, deny ◀─────────────┤
//!                      │       window ◀─────── click ◀────────┘
//!                      └─ where those have no buttons: the prompt
//! ```
//!
//! Only while somebody is signed in: an answer is theirs, and what a call is
//! about is for nobody else's eyes.

mod desk;
mod plan;

use std::time::{Duration, Instant};

use agw_api::{
    Answer, AnswerKind, Approval, ApprovalState, Client, ClientError, Event, Role, Session, codes,
    segment,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;
use tauri::{AppHandle, Manager as _};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::approvals::desk::{Click, Desk, Heard, Notice, Offers};
use crate::approvals::plan::{Plan, Slot, Step};
use crate::preferences::PromptWindow;
use crate::text::{self, Text};
use crate::window::{self, Ask};
use crate::{Shell, prompt, relay};

/// However fast things change, they are read no more often.
const READ_EVERY: Duration = Duration::from_millis(200);
/// After a failure.
const READ_AGAIN: Duration = Duration::from_secs(5);
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest that a count stands; without this app it would not be true.
const COUNT_LASTS: Duration = Duration::from_secs(60 * 60);
/// Calls that have a line of their own in the tray's menu.
const IN_TRAY: usize = 3;
/// Answers under way; more than notifications that can be clicked.
const MAX_ANSWERS: usize = 64;

/// What the tray says of the calls that wait.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) count: usize,
    /// Their ids, and a line for each.
    pub(crate) first: Vec<(String, String)>,
}

/// Shows what waits for as long as the app runs.
pub(crate) async fn watch(app: AppHandle) {
    let shell = app.state::<Shell>();
    let follow = relay::relay(shell.service.client(), shell.session.subscribe(), |event| {
        if may_change(event) {
            shell.approvals_changed.notify_one();
        }
        shell.denials.hear(event);
        true
    });
    tokio::join!(follow, Watch::new(&app, &shell).run());
}

fn may_change(event: &Event) -> bool {
    match event {
        Event::Changed { what } => what == "approvals",
        Event::Missed { .. } => true,
        Event::Audit { .. } => false,
    }
}

struct Watch<'a> {
    app: &'a AppHandle,
    shell: &'a Shell,
    plan: Plan,
    desk: Desk,
    /// Of who is signed in, while that is known.
    role: Option<Role>,
    read_at: Option<Instant>,
    last_read: Option<Instant>,
    answered: mpsc::Sender<Answered>,
    answers: mpsc::Receiver<Answered>,
}

/// What the service said to an answer.
struct Answered {
    approval: Approval,
    result: Result<(), ClientError>,
}

impl<'a> Watch<'a> {
    fn new(app: &'a AppHandle, shell: &'a Shell) -> Self {
        let (answered, answers) = mpsc::channel(MAX_ANSWERS);
        let (plan, desk) = (Plan::default(), Desk::new(app));
        let (role, read_at, last_read) = (None, None, None);
        Self { app, shell, plan, desk, role, read_at, last_read, answered, answers }
    }

    async fn run(mut self) {
        let mut session = self.shell.session.subscribe();
        let mut preferences = self.shell.preferences.follow();
        loop {
            let due = [self.read_at, self.plan.due()].into_iter().flatten().min();
            tokio::select! {
                () = self.shell.approvals_changed.notified() => {
                    let earliest = self.last_read.map(|last| last + READ_EVERY);
                    self.read_at = Some(earliest.unwrap_or_else(Instant::now));
                }
                changed = session.changed() => match changed {
                    Ok(()) => (self.role, self.read_at) = (None, Some(Instant::now())),
                    Err(_) => return,
                },
                changed = preferences.changed() => match changed {
                    Ok(()) => self.read_at = Some(Instant::now()),
                    Err(_) => return,
                },
                heard = self.desk.heard() => self.obey(heard).await,
                Some(answered) = self.answers.recv() => self.tell(answered).await,
                () = until(due) => {}
            }
            if self.read_at.is_some_and(|at| at <= Instant::now()) {
                self.read().await;
            }
            self.show_due().await;
        }
    }

    async fn read(&mut self) {
        self.read_at = None;
        self.last_read = Some(Instant::now());
        let pending = match self.pending().await {
            Ok(pending) => pending,
            Err(error) => {
                tracing::debug!("{error}");
                if error.code() == Some(codes::SIGN_IN) {
                    self.shell.forget_session();
                }
                // A notification may be true still, and its answer is checked;
                // the prompt says that the call waits now.
                prompt::lose(self.app);
                self.read_at = Some(Instant::now() + READ_AGAIN);
                return;
            }
        };
        let waiting = pending.as_deref().map(waiting);
        self.shell.waiting.send_if_modified(|before| {
            let changed = *before != waiting;
            *before = waiting;
            changed
        });
        let pending = pending.unwrap_or_default();
        let place = self.place(pending.is_empty()).await;
        let (prompted, noticed) = match place {
            Place::Prompt => (pending, Vec::new()),
            Place::Desk => (Vec::new(), pending),
            Place::Tray => (Vec::new(), Vec::new()),
        };
        prompt::update(self.app, prompted);
        for slot in self.plan.update(noticed) {
            self.desk.close(&slot).await;
        }
    }

    /// The calls that wait for an answer; none at all while nobody is signed
    /// in or there is no service, which forgets them when it ends.
    async fn pending(&mut self) -> Result<Option<Vec<Approval>>, ClientError> {
        if self.shell.session.borrow().is_none() {
            return Ok(None);
        }
        let client = self.shell.client();
        if self.role.is_none() {
            let session: Option<Session> = read(&client, "/api/v1/session").await?;
            self.role = session.map(|session| session.role);
        }
        let pending = read(&client, "/api/v1/approvals?state=pending").await?;
        Ok(pending.map(|mut pending: Vec<Approval>| {
            pending.retain(|approval| approval.state == ApprovalState::Pending);
            pending
        }))
    }

    /// Where the person is told: in one place, not in two.
    async fn place(&mut self, nothing: bool) -> Place {
        let chosen = self.shell.preferences.now();
        // An auditor looks and does not answer: what asks for an answer is
        // nothing for them.
        let answers = self.role != Some(Role::Auditor);
        match chosen.prompt_window {
            _ if nothing => Place::Tray,
            PromptWindow::Always if answers => Place::Prompt,
            _ if !chosen.notifications => Place::Tray,
            PromptWindow::Auto if answers && !self.desk.takes_answers().await => Place::Prompt,
            _ => Place::Desk,
        }
    }

    async fn show_due(&mut self) {
        while let Some(step) = self.plan.step(Instant::now()) {
            let (slot, notice) = match step {
                Step::Show(approval) => (Slot::Call(approval.id.clone()), ask(approval, self.role)),
                Step::Count { count, others } => {
                    let notice = tell(text::rest(count, others));
                    (Slot::Rest, Notice { lasts: Some(COUNT_LASTS), ..notice })
                }
                Step::Close(slot) => {
                    self.desk.close(&slot).await;
                    continue;
                }
            };
            if !self.desk.show(slot.clone(), &notice).await {
                // There is the tray, and the window.
                self.plan.away(&slot);
            }
        }
    }

    async fn obey(&mut self, heard: Heard) {
        let Heard { slot, click } = heard;
        match (click, &slot) {
            (Click::Answer(kind), Slot::Call(id)) => {
                if let Some(approval) = self.plan.answering(id).cloned() {
                    let (client, answered) = (self.shell.client(), self.answered.clone());
                    tauri::async_runtime::spawn(answer(client, approval, kind, answered));
                }
            }
            (Click::Answer(_) | Click::Open, _) => {
                self.desk.close(&slot).await;
                self.plan.away(&slot);
                self.open_window(match slot {
                    Slot::Call(id) => Some(id),
                    Slot::Rest => None,
                });
            }
            (Click::Closed, _) => self.plan.away(&slot),
        }
    }

    /// An answer that was taken needs no words: the notification goes.
    async fn tell(&mut self, answered: Answered) {
        let Answered { approval, result } = answered;
        let slot = Slot::Call(approval.id.clone());
        // Its place is no longer the approval's, which may still wait.
        self.plan.away(&slot);
        let Err(error) = result else { return self.desk.close(&slot).await };
        tracing::info!("{error}");
        let why = match &error {
            ClientError::Refused { body, .. } => body.message.clone(),
            error => error.to_string(),
        };
        let text = text::not_taken(&approval, error.code(), &why);
        self.desk.show(slot, &tell(text)).await;
        if error.code() == Some(codes::SIGN_IN) {
            self.shell.forget_session();
            self.open_window(Some(approval.id));
        }
    }

    fn open_window(&self, id: Option<String>) {
        let app = self.app.clone();
        tauri::async_runtime::spawn(async move {
            window::ask(&app, Ask::Approvals { id }).await;
        });
    }
}

/// Where calls that wait are shown, beside the window.
enum Place {
    /// The tray says how many there are, and no more.
    Tray,
    Desk,
    Prompt,
}

fn waiting(pending: &[Approval]) -> Waiting {
    let first = pending.iter().take(IN_TRAY);
    let first = first.map(|approval| (approval.id.clone(), text::line(approval))).collect();
    Waiting { count: pending.len(), first }
}

/// `None` while there is no service.
async fn read<T: DeserializeOwned>(client: &Client, path: &str) -> Result<Option<T>, ClientError> {
    let timed_out =
        |_| Err(ClientError::TimedOut { operation: path.to_owned(), after: READ_TIMEOUT });
    match timeout(READ_TIMEOUT, client.get(path)).await.unwrap_or_else(timed_out) {
        Ok(answer) => Ok(Some(answer)),
        Err(ClientError::NotRunning { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn answer(
    client: Client,
    approval: Approval,
    kind: AnswerKind,
    answered: mpsc::Sender<Answered>,
) {
    let path = format!("/api/v1/approvals/{}/answer", segment(&approval.id));
    let result = client.post::<_, Approval>(&path, &Answer { answer: kind, note: None }).await;
    // Fails when the app ends.
    let _ = answered.send(Answered { approval, result: result.map(drop) }).await;
}

/// Approving takes having seen all of it; the window shows the rest.
fn ask(approval: &Approval, role: Option<Role>) -> Notice {
    let now = Timestamp::now();
    let Text { summary, body, whole } = text::asks(approval, now, &TimeZone::system());
    let offers = match whole {
        _ if role == Some(Role::Auditor) => Offers::Nothing,
        true => Offers::ApproveOrDeny,
        false => Offers::Deny,
    };
    Notice { summary, body, offers, lasts: text::left(&approval.expires_at, now) }
}

fn tell(text: Text) -> Notice {
    Notice { summary: text.summary, body: text.body, offers: Offers::Nothing, lasts: None }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
pub(crate) fn sample(id: &str, args: &str) -> Approval {
    Approval {
        id: id.to_owned(),
        state: ApprovalState::Pending,
        user: "ana".to_owned(),
        agent: Some("claude".to_owned()),
        tool: "gmail.send".to_owned(),
        description: "Sends".to_owned(),
        args: args.to_owned(),
        args_digest: String::new(),
        differences: None,
        grants: Vec::new(),
        policy_version: 1,
        asked_at: "2026-03-04T12:00:00Z".to_owned(),
        expires_at: "2026-03-04T12:05:00Z".to_owned(),
        waiting: true,
        held_until: None,
        answered_by: None,
        answered_at: None,
        note: None,
        sign_in: None,
    }
}
