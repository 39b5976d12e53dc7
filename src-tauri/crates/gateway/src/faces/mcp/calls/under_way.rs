//! A call that is under way: what its client hears until it has ended.

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use agw_core::{ApprovalId, json};
use axum::{
    body::{Body, to_bytes},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures_util::stream;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::super::{
    answer::{self, About},
    era::Era,
    greet::is_wanted,
    parked::Parkable,
    sessions::AgentSession,
    stream::event,
};
use crate::{
    bounds,
    gateway::Gateway,
    members::Members,
    pipeline::{
        Answer, Answers, Aside, Ask, ClientSide, Operation, Refusal, SafeReply, WantedOf,
        with_receipt,
    },
};

/// What is asked within this time of each other is asked at once.
const AT_ONCE: Duration = Duration::from_millis(25);

/// A call that was handed to the pipeline.
#[derive(Debug)]
pub(in crate::faces::mcp) struct UnderWay {
    pub(super) gateway: Arc<Gateway>,
    pub(super) task: JoinHandle<Answer>,
    pub(super) held: watch::Receiver<Option<ApprovalId>>,
    pub(super) asides: mpsc::Receiver<Aside>,
    pub(super) began: Instant,
    pub(in crate::faces::mcp) era: Era,
    pub(super) operation: Operation,
    /// The request's id and its progress token, as JSON.
    pub(super) id: String,
    pub(super) progress: Option<String>,
    /// Whether its answer may be a stream.
    pub(super) streams: bool,
    /// What it declared that it can do.
    pub(super) client: ClientSide,
    /// What its upstream asked for although the client did not declare it.
    pub(super) undeclared: Option<WantedOf>,
    /// What the client brought before it was asked.
    pub(super) brought: Answers,
    /// The tool, as the caller wrote it.
    pub(super) meant: String,
    pub(super) session: Option<Arc<AgentSession>>,
    /// Whose it is while it waits for its client.
    pub(in crate::faces::mcp) parkable: Parkable,
    /// How often its client was asked something.
    pub(super) rounds: u32,
    /// Fires when the client has hung up or the answer is on its way.
    pub(super) gone: CancellationToken,
    /// Dropping it tells the call, should it be held, that the client has
    /// hung up.
    pub(super) _gone: DropGuard,
    /// In the stateless era hanging up is how a call is cancelled: dropping
    /// this does it.
    pub(super) hung_up: Option<DropGuard>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(session) = &self.session {
            session.call_ended(&self.id);
        }
    }
}

/// What a call has to say next.
enum Next {
    Ended(Option<Answer>),
    /// An event of the stream.
    Event(Bytes),
    Asked(Ask),
}

impl UnderWay {
    /// Answers at once when the call has ended, with a stream if there is
    /// something to say before.
    pub(in crate::faces::mcp) async fn respond(mut self) -> Response {
        loop {
            let first = match self.next().await {
                Next::Ended(answer) => return self.answer(answer),
                Next::Asked(ask) => match self.asked(ask).await {
                    Asked::Answered => continue,
                    Asked::Event(event) => event,
                    Asked::Park(asks) => return self.park(asks),
                },
                Next::Event(event) => event,
            };
            return self.stream(first);
        }
    }

    fn stream(self, first: Bytes) -> Response {
        let events = stream::unfold((Some(self), Some(first)), |(call, first)| async move {
            let mut call = call?;
            if let Some(first) = first {
                return Some((Ok::<_, Infallible>(first), (Some(call), None)));
            }
            let last = loop {
                match call.next().await {
                    Next::Event(event) => return Some((Ok(event), (Some(call), None))),
                    Next::Ended(answer) => break call.answer(answer),
                    Next::Asked(ask) => match call.asked(ask).await {
                        Asked::Answered => {}
                        Asked::Event(event) => return Some((Ok(event), (Some(call), None))),
                        Asked::Park(asks) => break call.park(asks),
                    },
                }
            };
            let message = to_bytes(last.into_body(), usize::MAX).await;
            let text = String::from_utf8_lossy(&message.unwrap_or_default()).into_owned();
            Some((Ok(Bytes::from(event(&text))), (None, None)))
        });
        let mut response = Body::from_stream(events).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        response
    }

    /// Waits for what comes next. The upstream's asides come before its end.
    async fn next(&mut self) -> Next {
        let mut held = *self.held.borrow_and_update();
        loop {
            tokio::select! {
                biased;
                Some(aside) = self.asides.recv() => match aside {
                    Aside::Ask(ask) => return Next::Asked(ask),
                    Aside::Progress(params) => if let Some(event) = self.progress(&params) {
                        return Next::Event(event);
                    },
                    Aside::Log(params) => if let Some(event) = self.log(&params) {
                        return Next::Event(event);
                    },
                },
                answer = &mut self.task => return Next::Ended(answer.ok()),
                Ok(()) = self.held.changed(), if self.streams && held.is_none() => {
                    held = *self.held.borrow_and_update();
                    if held.is_some() {
                        return Next::Event(self.waiting(held));
                    }
                }
                () = tokio::time::sleep(bounds::PROGRESS_EVERY), if held.is_some() && self.streams => {
                    return Next::Event(self.waiting(held));
                }
            }
        }
    }

    /// Says that the call is held: as progress, if the client asked for that.
    fn waiting(&self, approval: Option<ApprovalId>) -> Bytes {
        let (Some(token), Some(approval)) = (&self.progress, approval) else {
            return Bytes::from_static(b": waiting for a person\n\n");
        };
        let seconds = self.began.elapsed().max(Duration::from_millis(1)).as_secs_f64();
        Bytes::from(event(&format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":{seconds:.3},"message":"Waiting for a person's approval ({approval})"}}}}"#
        )))
    }

    fn progress(&self, params: &Bytes) -> Option<Bytes> {
        let token = self.progress.as_deref().filter(|_| self.streams)?;
        let mut params = Members::read(params)?;
        params.set("progressToken", token.to_owned());
        Some(notification("notifications/progress", &params.inner()))
    }

    fn log(&self, params: &Bytes) -> Option<Bytes> {
        let members = Members::read(params).filter(|_| self.streams)?;
        let wanted = match (&self.client.log_level, self.era) {
            (Some(least), _) => is_wanted(members.text("level").as_deref(), least),
            // The server's choice, and nobody's.
            (None, era) => era == Era::Session,
        };
        wanted.then(|| notification("notifications/message", &members.inner()))
    }

    /// Its upstream wants something of the client.
    async fn asked(&mut self, mut ask: Ask) -> Asked {
        // Dropping what is asked says that nobody answers.
        if let Some(what) = self.client.undeclared(&ask.wanted) {
            self.undeclared = Some(what);
            return Asked::Answered;
        }
        if self.era == Era::Stateless {
            return self.asked_at_once(ask).await;
        }
        let Some(session) = self.session.clone().filter(|_| self.streams) else {
            return Asked::Answered;
        };
        let mut events = String::new();
        let mut waiting = Vec::new();
        for wanted in &ask.wanted {
            let (id, answered) = session.question();
            let params = String::from_utf8_lossy(&wanted.params);
            let method = wanted.what.method();
            events.push_str(&event(&format!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#
            )));
            waiting.push((wanted.key.clone(), id, answered));
        }
        let gone = self.gone.clone();
        tokio::spawn(async move {
            let mut answers = Answers::new();
            let ids: Vec<String> = waiting.iter().map(|(_, id, _)| id.clone()).collect();
            let all = async {
                for (key, _, answered) in waiting {
                    if let Ok(answer) = answered.await {
                        answers.insert(key, answer);
                    }
                }
            };
            let complete = tokio::select! {
                () = all => true,
                () = gone.cancelled() => false,
                () = session.over.cancelled() => false,
                () = tokio::time::sleep(bounds::ASK) => false,
            };
            ids.iter().for_each(|id| session.withdraw(id));
            if complete {
                ask.answer(answers);
            }
        });
        Asked::Event(events.into())
    }

    /// Gathers what is asked at the same time, and answers it with what the
    /// client brought unasked, if that is it.
    async fn asked_at_once(&mut self, ask: Ask) -> Asked {
        let mut asks = vec![ask];
        let mut until = Instant::now() + AT_ONCE;
        while let Ok(Some(aside)) = tokio::time::timeout_at(until.into(), self.asides.recv()).await
        {
            if let Aside::Ask(ask) = aside
                && self.client.undeclared(&ask.wanted).is_none()
            {
                asks.push(ask);
                // Not for what else there is to hear, which may go on for ever.
                until = Instant::now() + AT_ONCE;
            }
        }
        let brought = std::mem::take(&mut self.brought);
        asks.retain_mut(|ask| !ask.is_complete(&brought));
        if asks.is_empty() { Asked::Answered } else { Asked::Park(asks) }
    }

    /// Sets the call aside until its client has brought what is wanted: the
    /// stateless era's way of asking.
    pub(super) fn park(mut self, asks: Vec<Ask>) -> Response {
        let (id, meant) = (self.id.clone(), self.meant.clone());
        let (era, operation) = (self.era, self.operation);
        let gateway = Arc::clone(&self.gateway);
        let wanted: Vec<String> = asks
            .iter()
            .flat_map(|ask| &ask.wanted)
            .map(|wanted| {
                let mut key = String::new();
                json::write_string(&wanted.key, &mut key);
                let params = String::from_utf8_lossy(&wanted.params);
                format!(r#"{key}:{{"method":"{}","params":{params}}}"#, wanted.what.method())
            })
            .collect();
        self.rounds += 1;
        let parked = if self.rounds > bounds::ROUNDS_PER_CALL {
            Err(Refusal::TooManyCalls)
        } else {
            gateway.parked.park(&gateway, self, asks)
        };
        match parked {
            Ok(state) => answer::result(
                &id,
                &format!(
                    r#"{{"resultType":"input_required","inputRequests":{{{}}},"requestState":"{state}"}}"#,
                    wanted.join(",")
                ),
            ),
            Err(refusal) => {
                let about = About { id: &id, era, operation, meant: &meant };
                answer::refused_call(&about, &refusal, "", None)
            }
        }
    }

    /// `None`: the call's task failed.
    fn answer(&mut self, answer: Option<Answer>) -> Response {
        if let Some(guard) = self.hung_up.take() {
            guard.disarm();
        }
        let Self { id, era, operation, meant, .. } = self;
        let (era, operation) = (*era, *operation);
        let missing = self.undeclared.filter(|_| era == Era::Stateless);
        let failed = || Err((Refusal::Internal("a call's task failed"), String::new()));
        let (reply, receipt) =
            answer.map_or_else(|| (failed(), None), |answer| (answer.reply, answer.receipt));
        match reply {
            // An elicitation counts as cancelled, and its tool may have gone on.
            Ok(SafeReply::Result { is_error, .. })
                if let Some(what) = missing
                    && (is_error || what != WantedOf::Elicitation) =>
            {
                answer::missing_capability(id, what.capability())
            }
            Ok(SafeReply::RpcError { .. }) if let Some(what) = missing => {
                answer::missing_capability(id, what.capability())
            }
            Ok(SafeReply::Result { json, of_era, .. }) => {
                let json = receipt.map_or(json.clone(), |receipt| with_receipt(&json, &receipt));
                answer::result(id, &answer::in_era(&json, era, of_era, operation))
            }
            Ok(SafeReply::RpcError { json }) => answer::relayed_error(id, &json, era, operation),
            Err((refusal, subject)) => {
                let about = About { id, era, operation, meant };
                answer::refused_call(&about, &refusal, &subject, receipt.as_ref())
            }
        }
    }
}

/// What becomes of a question.
enum Asked {
    /// Nobody can be asked, and the upstream knows by now.
    Answered,
    Event(Bytes),
    Park(Vec<Ask>),
}

/// `params` are the members, as JSON.
fn notification(method: &str, params: &str) -> Bytes {
    event(&format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{{{params}}}}}"#)).into()
}
