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
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use agw_api::ApprovalState;
use agw_core::{AgentId, ApprovalId, Approved, ConnectionId, QuestionKey, ToolId, UserId, json};
use bytes::Bytes;
use tokio::sync::watch;

use crate::{audit::CallId, bounds};

/// Whose calls of which tool.
type Habit = (UserId, Option<AgentId>, ToolId);

#[derive(Debug)]
pub(crate) struct Approvals {
    book: Mutex<Book>,
    /// The number of the newest question. It goes on over restarts, because
    /// the trail names questions by it.
    last: AtomicU64,
}

#[derive(Debug, Default)]
struct Book {
    entries: BTreeMap<ApprovalId, Entry>,
    /// Those that are over, in the order they ended.
    over: VecDeque<ApprovalId>,
    sessions: Vec<SessionAnswer>,
    /// Arguments of the last call that was approved, where they are not long.
    before: HashMap<Habit, Bytes>,
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
    /// It is in the trail that it was put; until then nobody is shown it.
    asked: bool,
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
    /// Another system of the same name is another question.
    pub(crate) connection: ConnectionId,
    /// And so is a tool that is defined in another way.
    pub(crate) definition: Option<json::Digest>,
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
    question: NewQuestion,
    until: Instant,
}

/// What is known of a question when a call raises it.
#[derive(Debug)]
pub(crate) enum Known {
    /// Yes.
    Approved(Yes),
    Denied(ApprovalId, Option<String>),
    Waiting(ApprovalId),
    /// It was not put before; this is its number.
    New(ApprovalId),
    /// Too many questions wait already.
    NoRoom,
}

/// A yes for one call; it goes back to the book if that call is not made.
#[derive(Debug)]
pub(crate) struct Yes {
    pub(crate) id: ApprovalId,
    pub(crate) approved: Approved,
    /// What was shown to the person, and is what they approved; `None` if it
    /// was whatever arguments.
    pub(crate) arguments: Option<Bytes>,
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

impl NewQuestion {
    /// Whether an answer for the session to one is an answer to the other.
    fn in_session_of(&self, other: &Self) -> bool {
        let any = QuestionKey { arguments: other.key.arguments, ..self.key.clone() };
        any == other.key && self.about_the_same_tool(other) && self.session == other.session
    }

    fn about_the_same_tool(&self, other: &Self) -> bool {
        (self.connection, self.definition) == (other.connection, other.definition)
    }
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
    /// `last` is the number of the newest question before the start.
    pub(crate) fn after(last: u64) -> Arc<Self> {
        Arc::new(Self { book: Mutex::default(), last: AtomicU64::new(last) })
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks for an answer to a question and takes it, or puts the question,
    /// of which there is one at a time: whoever gets [`Known::New`] calls
    /// [`asked`](Self::asked) or [`forget`](Self::forget).
    pub(crate) fn look(&self, question: &NewQuestion) -> Known {
        let key = &question.key;
        let mut book = self.book();
        let book = &mut *book;
        let now = Instant::now();
        book.sessions.retain(|answer| answer.until > now);
        let said = book.sessions.iter().find(|answer| answer.question.in_session_of(question));
        if let Some(answer) = said {
            let approved = Approved::AnyArguments(answer.question.key.clone());
            return Known::Approved(Yes { id: answer.id, approved, arguments: None });
        }
        let same = |entry: &&mut Entry| {
            let asked = &entry.question;
            asked.key == *key && asked.about_the_same_tool(question) && unfinished(entry.state)
        };
        if let Some(entry) = book.entries.values_mut().filter(|e| e.open()).find(same) {
            let id = entry.id;
            return match entry.state {
                ApprovalState::Approved => {
                    entry.set(ApprovalState::Used);
                    let arguments = Some(entry.question.arguments.clone());
                    book.over(id);
                    let approved = Approved::Once(key.clone());
                    Known::Approved(Yes { id, approved, arguments })
                }
                ApprovalState::Denied => {
                    let note = entry.answer.as_ref().and_then(|answer| answer.note.clone());
                    Known::Denied(id, note)
                }
                _ => Known::Waiting(id),
            };
        }
        let pending = book.entries.values().filter(|e| e.state == ApprovalState::Pending);
        let mine = (key.user, key.agent);
        let (mine, all) = pending.fold((0, 0), |(count, all), entry| {
            let asker = (entry.question.key.user, entry.question.key.agent);
            (count + usize::from(asker == mine), all + 1)
        });
        if mine >= bounds::APPROVALS_PER_CALLER || all >= bounds::APPROVALS_IN_ALL {
            return Known::NoRoom;
        }
        let id = ApprovalId::new(self.last.fetch_add(1, Ordering::Relaxed) + 1);
        // A copy: the call's are a slice of the whole request.
        let arguments = Bytes::copy_from_slice(&question.arguments);
        let entry = Entry {
            id,
            question: NewQuestion { arguments, ..question.clone() },
            state: ApprovalState::Pending,
            before: book.before.get(&habit(key)).cloned(),
            expires: now + bounds::APPROVAL_LIFE,
            asked: false,
            claimed: false,
            waiting: 0,
            held_until: None,
            answer: None,
            changed: watch::Sender::new(ApprovalState::Pending),
        };
        book.entries.insert(id, entry);
        Known::New(id)
    }

    /// A new question is in the trail, and shown from now on.
    pub(crate) fn asked(&self, id: ApprovalId) {
        if let Some(entry) = self.book().entries.get_mut(&id) {
            entry.asked = true;
        }
    }

    /// A new question could not be recorded, so it was never put.
    pub(crate) fn forget(&self, id: ApprovalId) {
        if let Some(mut entry) = self.book().entries.remove(&id) {
            entry.set(ApprovalState::Cancelled);
        }
    }

    /// The call that took a yes was not made after all.
    pub(crate) fn give_back(&self, id: ApprovalId) {
        let mut book = self.book();
        let book = &mut *book;
        let for_session = book.sessions.iter().any(|answer| answer.id == id);
        let entry = book.entries.get_mut(&id).filter(|entry| entry.open() && !for_session);
        if let Some(entry) = entry.filter(|entry| entry.state == ApprovalState::Used) {
            entry.set(ApprovalState::Approved);
            book.over.retain(|over| *over != id);
        }
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
        self.book().entries.get(&id).filter(|entry| entry.asked).cloned()
    }

    /// Newest first.
    pub(crate) fn all(&self) -> Vec<Entry> {
        self.book().entries.values().rev().filter(|entry| entry.asked).cloned().collect()
    }

    pub(crate) fn pending(&self, whose: impl Fn(UserId) -> bool) -> usize {
        let book = self.book();
        let pending =
            book.entries.values().filter(|e| e.asked && e.state == ApprovalState::Pending);
        pending.filter(|entry| whose(entry.question.key.user)).count()
    }

    /// Makes somebody the one who answers: of two at once, one.
    pub(crate) fn claim(&self, id: ApprovalId) -> Result<Entry, Unanswerable> {
        let mut book = self.book();
        let entry = book.entries.get_mut(&id).ok_or(Unanswerable::Unknown)?;
        let waits = entry.asked && !entry.claimed && entry.open();
        if entry.state != ApprovalState::Pending || !waits {
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
        if given.yes && entry.question.arguments.len() <= bounds::BEFORE_MAX {
            if book.before.len() >= bounds::APPROVALS_IN_ALL {
                book.before.clear();
            }
            book.before.insert(habit(&entry.question.key), entry.question.arguments.clone());
        }
        if given.yes && given.for_session {
            let question = entry.question.clone();
            let life = match question.session {
                Some(_) => bounds::SESSION_ANSWER,
                None => bounds::TOKEN_ANSWER,
            };
            book.sessions.push(SessionAnswer { id, question, until: now + life });
            // From now on the session's answer is what calls go by; what else
            // waits in it looks again.
            entry.set(ApprovalState::Used);
            let answered = entry.clone();
            let of_session = |entry: &&mut Entry| {
                entry.state == ApprovalState::Pending
                    && entry.question.in_session_of(&answered.question)
            };
            let mut over = vec![id];
            for entry in book.entries.values_mut().filter(of_session) {
                entry.answer = Some(given.clone());
                entry.set(ApprovalState::Used);
                over.push(entry.id);
            }
            book.over.extend(over);
            book.forget_oldest();
            return Some(answered);
        }
        entry.set(if given.yes { ApprovalState::Approved } else { ApprovalState::Denied });
        Some(entry.clone())
    }

    /// What may have come to its end: questions that wait for an answer or
    /// whose answer waits, and answers for a session.
    pub(crate) fn unsettled(&self) -> Vec<(ApprovalId, NewQuestion)> {
        let book = self.book();
        let entries = book.entries.values();
        let entries = entries.filter(|entry| entry.asked && unfinished(entry.state));
        let entries = entries.map(|entry| (entry.id, entry.question.clone()));
        let sessions = book.sessions.iter().map(|answer| (answer.id, answer.question.clone()));
        entries.chain(sessions).collect()
    }

    /// Ends what expired and what is `moot`: asked no longer, and in which
    /// state that leaves it. What ended is returned.
    pub(crate) fn end(&self, moot: &HashMap<ApprovalId, ApprovalState>) -> Vec<Entry> {
        let mut book = self.book();
        let book = &mut *book;
        // An answer for the session stands while the question would be put.
        book.sessions.retain(|answer| !moot.contains_key(&answer.id));
        let mut ended = Vec::new();
        let over = &book.over;
        let entries = book.entries.values_mut();
        let mut gone = Vec::new();
        for entry in entries.filter(|e| unfinished(e.state) && !over.contains(&e.id)) {
            let asked = entry.state != ApprovalState::Denied;
            let state = match moot.get(&entry.id) {
                _ if !entry.open() => ApprovalState::Expired,
                Some(state) if asked => *state,
                _ => continue,
            };
            if asked {
                entry.set(state);
                ended.push(entry.clone());
            }
            // A no has been heard; nothing more is to be said of it.
            gone.push(entry.id);
        }
        book.over.extend(gone);
        book.forget_oldest();
        ended
    }
}

impl Book {
    /// An entry is over.
    fn over(&mut self, id: ApprovalId) {
        self.over.push_back(id);
        self.forget_oldest();
    }

    fn forget_oldest(&mut self) {
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
