//! Calls that wait for a person, and what people answered.
//!
//! A question is bound to the exact arguments, the caller and the grants that
//! ask ([`QuestionKey`]); so is its answer. A yes serves one call; a no stands
//! for as long as an answer is kept, so that an agent cannot wear a person
//! down. Everything is in memory only: arguments are nobody's business once
//! the call is over, and after a restart an agent simply asks again. That a
//! person was asked, and what they said, is in the audit trail.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use agw_api::ApprovalState;
use agw_core::{AgentId, ApprovalId, Approved, QuestionKey, ToolId, UserId};
use bytes::Bytes;
use tokio::sync::watch;

use crate::{audit::CallId, bounds};

/// Whose calls of which tool.
type Habit = (UserId, Option<AgentId>, ToolId);

#[derive(Debug, Default)]
pub(crate) struct Approvals(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    entries: BTreeMap<ApprovalId, Entry>,
    /// Those that are over, in the order they ended.
    over: VecDeque<ApprovalId>,
    sessions: Vec<SessionAnswer>,
    /// Arguments of the last call that was approved.
    last: HashMap<Habit, Bytes>,
}

/// One question to a person.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) id: ApprovalId,
    pub(crate) question: NewQuestion,
    pub(crate) state: ApprovalState,
    /// Arguments of the last call of this kind that was approved.
    pub(crate) before: Option<Bytes>,
    /// Until when it can be answered, or its answer picked up.
    expires: Instant,
    /// Somebody's answer is just being recorded.
    claimed: bool,
    /// Calls that are held for it at this moment.
    pub(crate) waiting: usize,
    /// Until when they are; milliseconds since 1970.
    pub(crate) held_until: Option<i64>,
    pub(crate) answer: Option<Given>,
    changed: watch::Sender<ApprovalState>,
}

/// A question that is about to be put to a person.
#[derive(Debug, Clone)]
pub(crate) struct NewQuestion {
    pub(crate) key: QuestionKey,
    /// JSON object, as the agent wrote it.
    pub(crate) arguments: Bytes,
    pub(crate) call: CallId,
    pub(crate) policy_version: u64,
    /// The MCP session that it was asked in.
    pub(crate) session: Option<Arc<str>>,
    /// Milliseconds since 1970.
    pub(crate) asked_at: i64,
}

/// What a person said.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    pub(crate) by: UserId,
    /// Milliseconds since 1970.
    pub(crate) at: i64,
    pub(crate) yes: bool,
    pub(crate) for_session: bool,
    pub(crate) note: Option<String>,
}

/// A yes for the rest of a session.
#[derive(Debug)]
struct SessionAnswer {
    id: ApprovalId,
    key: QuestionKey,
    session: Option<Arc<str>>,
    until: Instant,
}

/// What is known of a question when a call raises it.
#[derive(Debug)]
pub(crate) enum Known {
    /// Yes; one that was said for once is used up now.
    Approved(ApprovalId, Approved),
    Denied(ApprovalId, Option<String>),
    Waiting(ApprovalId),
    Nothing,
}

/// What becomes of a call that wants to be held.
#[derive(Debug)]
pub(crate) enum Holding {
    Held(Hold),
    /// Enough calls are held for this question.
    Full,
    /// The question is over.
    Gone,
}

/// Why an answer is not taken.
#[derive(Debug)]
pub(crate) enum Unanswerable {
    Unknown,
    /// It is over, or somebody else is answering at this moment.
    Over(Box<Entry>),
}

impl Entry {
    fn open(&self) -> bool {
        self.expires > Instant::now()
    }

    /// How long is left.
    pub(crate) fn left(&self) -> Duration {
        self.expires.saturating_duration_since(Instant::now())
    }

    fn set(&mut self, state: ApprovalState) {
        self.state = state;
        self.changed.send_replace(state);
    }
}

/// Whether an entry in this state is still of use to somebody.
fn unfinished(state: ApprovalState) -> bool {
    matches!(state, ApprovalState::Pending | ApprovalState::Approved | ApprovalState::Denied)
}

impl Approvals {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks for an answer to a question, and takes it.
    pub(crate) fn look(&self, key: &QuestionKey, session: Option<&Arc<str>>) -> Known {
        let mut book = self.book();
        let book = &mut *book;
        let now = Instant::now();
        book.sessions.retain(|answer| answer.until > now);
        let same =
            |said: &QuestionKey| *key == QuestionKey { arguments: key.arguments, ..said.clone() };
        let mut answers = book.sessions.iter();
        if let Some(answer) = answers.find(|a| a.session.as_ref() == session && same(&a.key)) {
            return Known::Approved(answer.id, Approved::AnyArguments(answer.key.clone()));
        }
        let found = book
            .entries
            .values_mut()
            .find(|entry| entry.question.key == *key && unfinished(entry.state) && entry.open());
        let Some(entry) = found else { return Known::Nothing };
        let id = entry.id;
        match entry.state {
            ApprovalState::Approved => {
                entry.set(ApprovalState::Used);
                book.over(id);
                Known::Approved(id, Approved::Once(key.clone()))
            }
            ApprovalState::Denied => {
                let note = entry.answer.as_ref().and_then(|answer| answer.note.clone());
                Known::Denied(id, note)
            }
            _ => Known::Waiting(id),
        }
    }

    /// Whether one more question may be put for this caller.
    pub(crate) fn has_room(&self, user: UserId, agent: Option<AgentId>) -> bool {
        let book = self.book();
        let pending = book.entries.values().filter(|e| e.state == ApprovalState::Pending);
        let keys = pending.map(|entry| &entry.question.key);
        let (mine, all) = keys.fold((0, 0), |(mine, all), key| {
            (mine + usize::from((key.user, key.agent) == (user, agent)), all + 1)
        });
        mine < bounds::APPROVALS_PER_CALLER && all < bounds::APPROVALS_IN_ALL
    }

    /// Puts a question, unless the same one waits already.
    pub(crate) fn put(&self, id: ApprovalId, question: NewQuestion) -> ApprovalId {
        let mut book = self.book();
        let same = |entry: &&Entry| {
            entry.question.key == question.key && entry.state == ApprovalState::Pending
        };
        if let Some(known) = book.entries.values().find(same) {
            return known.id;
        }
        let before = book.last.get(&habit(&question.key)).cloned();
        let entry = Entry {
            id,
            question,
            state: ApprovalState::Pending,
            before,
            expires: Instant::now() + bounds::APPROVAL_LIFE,
            claimed: false,
            waiting: 0,
            held_until: None,
            answer: None,
            changed: watch::Sender::new(ApprovalState::Pending),
        };
        book.entries.insert(id, entry);
        id
    }

    /// Notes that a call is held for a question, and hears of its state from
    /// now on.
    pub(crate) fn hold(self: &Arc<Self>, id: ApprovalId, until: i64) -> Holding {
        let mut book = self.book();
        let Some(entry) = book.entries.get_mut(&id) else { return Holding::Gone };
        if entry.waiting >= bounds::HELD_PER_APPROVAL {
            return Holding::Full;
        }
        entry.waiting += 1;
        entry.held_until = entry.held_until.max(Some(until));
        let state = entry.changed.subscribe();
        Holding::Held(Hold { of: Arc::clone(self), id, state })
    }

    pub(crate) fn get(&self, id: ApprovalId) -> Option<Entry> {
        self.book().entries.get(&id).cloned()
    }

    /// Newest first.
    pub(crate) fn all(&self) -> Vec<Entry> {
        self.book().entries.values().rev().cloned().collect()
    }

    pub(crate) fn pending(&self, whose: impl Fn(UserId) -> bool) -> usize {
        let book = self.book();
        let pending = book.entries.values().filter(|e| e.state == ApprovalState::Pending);
        pending.filter(|entry| whose(entry.question.key.user)).count()
    }

    /// Makes somebody the one who answers: of two at once, one.
    pub(crate) fn claim(&self, id: ApprovalId) -> Result<Entry, Unanswerable> {
        let mut book = self.book();
        let entry = book.entries.get_mut(&id).ok_or(Unanswerable::Unknown)?;
        if entry.state != ApprovalState::Pending || entry.claimed || !entry.open() {
            return Err(Unanswerable::Over(Box::new(entry.clone())));
        }
        entry.claimed = true;
        Ok(entry.clone())
    }

    /// The answer of the one who claimed it; `None` if it could not be
    /// recorded, and anybody may try again.
    pub(crate) fn answer(&self, id: ApprovalId, given: Option<Given>) -> Option<Entry> {
        let mut book = self.book();
        let book = &mut *book;
        let entry = book.entries.get_mut(&id)?;
        entry.claimed = false;
        // It may have been taken back while the answer was being recorded.
        let given = given.filter(|_| entry.state == ApprovalState::Pending)?;
        let now = Instant::now();
        entry.expires = now + bounds::APPROVAL_LIFE;
        entry.answer = Some(given.clone());
        if given.yes {
            if book.last.len() >= bounds::APPROVALS_IN_ALL {
                book.last.clear();
            }
            book.last.insert(habit(&entry.question.key), entry.question.arguments.clone());
        }
        if given.yes && given.for_session {
            let NewQuestion { key, session, .. } = entry.question.clone();
            let life =
                if session.is_some() { bounds::SESSION_ANSWER } else { bounds::TOKEN_ANSWER };
            book.sessions.push(SessionAnswer { id, key, session, until: now + life });
            // From now on the session's answer is what calls go by.
            entry.set(ApprovalState::Used);
            let answered = entry.clone();
            book.over(id);
            return Some(answered);
        }
        entry.set(if given.yes { ApprovalState::Approved } else { ApprovalState::Denied });
        Some(entry.clone())
    }

    /// Ends what expired, and what is no longer asked: `now` says what becomes
    /// of a pending or approved question, `None` if it would be put again. What
    /// ended is returned.
    pub(crate) fn sweep(&self, now: impl Fn(&Entry) -> Option<ApprovalState>) -> Vec<Entry> {
        let mut book = self.book();
        let book = &mut *book;
        let mut ended = Vec::new();
        for entry in book.entries.values_mut().filter(|entry| unfinished(entry.state)) {
            let asked = entry.state != ApprovalState::Denied;
            if !entry.open() {
                // A no has been heard; only what was left open has expired.
                entry.set(if asked { ApprovalState::Expired } else { ApprovalState::Denied });
                ended.push((entry.clone(), asked));
            } else if let Some(state) = now(entry).filter(|_| asked) {
                entry.set(state);
                ended.push((entry.clone(), true));
            }
        }
        for (entry, _) in &ended {
            book.over(entry.id);
        }
        ended.into_iter().filter(|(_, tell)| *tell).map(|(entry, _)| entry).collect()
    }
}

impl Book {
    /// An entry is over; the oldest of those are forgotten.
    fn over(&mut self, id: ApprovalId) {
        if !self.over.contains(&id) {
            self.over.push_back(id);
        }
        while self.over.len() > bounds::APPROVALS_SHOWN {
            if let Some(oldest) = self.over.pop_front() {
                self.entries.remove(&oldest);
            }
        }
    }
}

fn habit(key: &QuestionKey) -> Habit {
    (key.user, key.agent, key.tool.clone())
}

/// A call's place at a question; given up when dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    of: Arc<Approvals>,
    pub(crate) id: ApprovalId,
    state: watch::Receiver<ApprovalState>,
}

impl Hold {
    /// Returns once the question is no longer pending.
    pub(crate) async fn settled(&mut self) -> ApprovalState {
        let settled = self.state.wait_for(|state| *state != ApprovalState::Pending).await;
        settled.map_or(ApprovalState::Cancelled, |state| *state)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut book = self.of.book();
        if let Some(entry) = book.entries.get_mut(&self.id) {
            entry.waiting -= 1;
            if entry.waiting == 0 {
                entry.held_until = None;
            }
        }
    }
}
