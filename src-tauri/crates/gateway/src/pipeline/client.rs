//! The client behind a call, as far as its upstream may know and use it: what
//! it declared that it can do, and the way back to it while the call is under
//! way. What it answers goes to that upstream only.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::members::Members;

/// Asides of one call that may wait for its client.
const WAITING: usize = 64;

/// How a client speaks MCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Era {
    /// Until 2025-11-25: a session that began with `initialize`.
    Session,
    /// 2026-07-28: each request stands alone.
    Stateless,
}

/// See the module's text.
#[derive(Debug, Clone)]
pub(crate) struct ClientSide {
    pub(crate) era: Era,
    /// A JSON object: what the client declared of `elicitation`, `sampling`
    /// and `roots`, as it wrote it. An upstream is told the same and no more.
    pub(crate) capabilities: Arc<str>,
    /// The least level of the log messages that it asked for, as MCP names it.
    pub(crate) log_level: Option<Arc<str>>,
    /// Whether it asked to hear of the call's progress.
    pub(crate) progress: bool,
    asides: Option<mpsc::Sender<Aside>>,
    asked: Arc<AtomicU32>,
}

/// What an upstream says while a call is under way. JSON texts are as it wrote
/// them, without credentials of the gateway's.
#[derive(Debug)]
pub(crate) enum Aside {
    /// `params` of `notifications/progress`. The token in it means nothing to
    /// the client.
    Progress(Bytes),
    /// `params` of `notifications/message`.
    Log(Bytes),
    /// It wants something of the client before it goes on.
    Ask(Ask),
}

#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) wanted: Vec<Wanted>,
    answer: Option<oneshot::Sender<Answers>>,
}

impl Ask {
    /// Answers with those of its keys. The upstream may have given up.
    pub(crate) fn answer(&mut self, answers: Answers) {
        let _ = self.answer.take().map(|waiting| waiting.send(answers));
    }

    /// Answers if everything that is wanted was brought; returns whether.
    pub(crate) fn is_complete(&mut self, brought: &Answers) -> bool {
        let own = self.wanted.iter().map(|wanted| &wanted.key);
        let own = own.map(|key| Some((key.clone(), brought.get(key)?.clone())));
        let complete: Option<Answers> = own.collect();
        let is_complete = complete.is_some();
        if let Some(answers) = complete {
            self.answer(answers);
        }
        is_complete
    }
}

/// One request of an upstream's to the client.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// The upstream's own, or made up for it; unique within its [`Ask`].
    pub(crate) key: String,
    pub(crate) what: WantedOf,
    /// A JSON object.
    pub(crate) params: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WantedOf {
    Elicitation,
    Sampling,
    Roots,
}

impl WantedOf {
    pub(crate) const ALL: [Self; 3] = [Self::Elicitation, Self::Sampling, Self::Roots];

    /// The capability that a client declares for it.
    pub(crate) fn capability(self) -> &'static str {
        match self {
            Self::Elicitation => "elicitation",
            Self::Sampling => "sampling",
            Self::Roots => "roots",
        }
    }

    pub(crate) fn method(self) -> &'static str {
        match self {
            Self::Elicitation => "elicitation/create",
            Self::Sampling => "sampling/createMessage",
            Self::Roots => "roots/list",
        }
    }
}

/// By [`Wanted::key`]; what is not in it was not answered. In the stateless
/// era a client may answer other things than it was asked, and its upstream
/// gets to judge that.
pub(crate) type Answers = HashMap<String, ClientAnswer>;

/// JSON, as the client wrote it.
#[derive(Debug, Clone)]
pub(crate) enum ClientAnswer {
    Result(Bytes),
    /// A JSON-RPC error object.
    Error(Bytes),
}

/// The client is gone, or can do no such thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unanswered;

impl ClientSide {
    /// `capabilities` is a JSON object; see the fields.
    pub(crate) fn new(
        era: Era,
        capabilities: Arc<str>,
        log_level: Option<Arc<str>>,
        progress: bool,
    ) -> Self {
        Self { era, capabilities, log_level, progress, asides: None, asked: Arc::default() }
    }

    /// Of whom nothing can be asked and who hears only the end.
    pub(crate) fn mute() -> Self {
        Self::new(Era::Session, "{}".into(), None, false)
    }

    /// Lets the upstream speak to it; the face listens.
    pub(crate) fn open(mut self) -> (Self, mpsc::Receiver<Aside>) {
        let (asides, heard) = mpsc::channel(WAITING);
        self.asides = Some(asides);
        (self, heard)
    }

    /// What of this the client did not say that it can do.
    pub(crate) fn undeclared(&self, wanted: &[Wanted]) -> Option<WantedOf> {
        let declared = Members::read(self.capabilities.as_bytes()).unwrap_or_default();
        let mut wanted = wanted.iter().map(|wanted| wanted.what);
        wanted.find(|what| declared.get(what.capability()).is_none())
    }

    /// Counts what is asked of it.
    pub(super) fn asked(&self) -> Arc<AtomicU32> {
        Arc::clone(&self.asked)
    }

    /// Whether there is anything that could be asked of it.
    pub(crate) fn can_answer(&self) -> bool {
        &*self.capabilities != "{}"
    }

    /// Passes on what need not arrive: a client that is slower than its
    /// upstream misses some.
    pub(crate) fn tell(&self, aside: Aside) {
        if let Some(asides) = &self.asides {
            let _ = asides.try_send(aside);
        }
    }

    /// Asks and waits. The one who asks sets a bound to that.
    pub(crate) async fn ask(&self, wanted: Vec<Wanted>) -> Result<Answers, Unanswered> {
        let asides = self.asides.as_ref().ok_or(Unanswered)?;
        self.asked.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        asides
            .send(Aside::Ask(Ask { wanted, answer: Some(answer) }))
            .await
            .map_err(|_| Unanswered)?;
        answered.await.map_err(|_| Unanswered)
    }
}
