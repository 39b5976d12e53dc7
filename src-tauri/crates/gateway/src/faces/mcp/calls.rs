//! Everything that goes to an upstream: `tools/call`, `prompts/get`,
//! `resources/read`, `resources/subscribe`, `completion/complete`. It is
//! answered when it has ended. Until then a client that takes streams hears
//! what there is to hear: that the call is held for a person, how it
//! proceeds, what its upstream logs and asks.

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use agw_core::{ApprovalId, ItemKind, ToolId, ToolName, json, json::Node, may_see, without_tokens};
use axum::{
    body::{Body, to_bytes},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures_util::stream;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Endpoint, Exchange,
    answer::{self, About, RpcError},
    envelope::{Request, is_id},
    era::{self, Era, META_CAPABILITIES, META_LEVEL},
    greet::{SESSION_ID, declared, is_wanted, level},
    parked::{self, Parkable},
    search,
    sessions::AgentSession,
    stream::event,
};
use crate::{
    bounds,
    catalog::CatalogTool,
    gateway::Gateway,
    members::Members,
    pipeline::{
        Answer, Answers, Arguments, Aside, Ask, ClientSide, Face, InboundCall, Operation, Refusal,
        SafeReply, Target, WantedOf, handle_call, refuse_unread, with_receipt,
    },
};

/// What is asked within this time of each other is asked at once.
const AT_ONCE: Duration = Duration::from_millis(25);

/// A call that was handed to the pipeline.
#[derive(Debug)]
pub(super) struct UnderWay {
    gateway: Arc<Gateway>,
    task: JoinHandle<Answer>,
    held: watch::Receiver<Option<ApprovalId>>,
    asides: mpsc::Receiver<Aside>,
    began: Instant,
    pub(super) era: Era,
    operation: Operation,
    /// The request's id and its progress token, as JSON.
    id: String,
    progress: Option<String>,
    /// Whether its answer may be a stream.
    streams: bool,
    /// What it declared that it can do.
    client: ClientSide,
    /// What its upstream asked for although the client did not declare it.
    undeclared: Option<WantedOf>,
    /// What the client brought before it was asked.
    brought: Answers,
    /// The tool, as the caller wrote it.
    meant: String,
    session: Option<Arc<AgentSession>>,
    /// Whose it is while it waits for its client.
    pub(super) parkable: Parkable,
    /// How often its client was asked something.
    rounds: u32,
    /// Fires when the client has hung up or the answer is on its way.
    gone: CancellationToken,
    /// Dropping it tells the call, should it be held, that the client has
    /// hung up.
    _gone: DropGuard,
    /// In the stateless era hanging up is how a call is cancelled: dropping
    /// this does it.
    hung_up: Option<DropGuard>,
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

/// What is asked of which upstream.
struct Accepted {
    operation: Operation,
    target: Target,
    arguments: Arguments,
    /// By the tool that calls tools; see [`search`].
    indirectly: bool,
}

impl Exchange {
    pub(super) async fn call(
        self,
        operation: Operation,
        request: &Request<'_>,
        era: Era,
        body: &Bytes,
    ) -> Response {
        let accepted = match self.accept(operation, request, body) {
            Ok(accepted) => accepted,
            Err(refusal) => return self.invalid_call(request, refusal, era),
        };
        if era == Era::Stateless
            && let Err(error) = self.headers_agree(&accepted)
        {
            self.recorded(&error);
            return error.with_id(request.id).response(StatusCode::BAD_REQUEST);
        }
        match self.resumed(request, era, &accepted) {
            Ok(None) => {}
            Ok(Some((under_way, again))) if again.is_empty() => return under_way.respond().await,
            Ok(Some((under_way, again))) => return under_way.park(again),
            Err(error) => return error.with_id(request.id).response(StatusCode::BAD_REQUEST),
        }
        let session = match era {
            Era::Session => self.session().ok().flatten(),
            Era::Stateless => None,
        };
        self.begin(accepted, request, era, session).respond().await
    }

    /// Whether the headers that repeat arguments of a tool agree with them. What
    /// the caller may not see is refused as what does not exist, further on.
    fn headers_agree(&self, accepted: &Accepted) -> Result<(), RpcError> {
        let Accepted { operation, target, arguments, indirectly } = accepted;
        if *operation != Operation::CallTool || *indirectly {
            return Ok(());
        }
        let catalog = self.gateway.live.catalog.load();
        let tool = match target {
            Target::McpName(name) => catalog.by_mcp_name(ItemKind::Tool, name),
            Target::Own(connection, own) => ToolName::of(ItemKind::Tool, own)
                .ok()
                .and_then(|name| catalog.by_id.get(&ToolId::new(connection.clone(), name))),
            Target::Id(_) => None,
        };
        let (snapshot, now) = (self.gateway.live.snapshot.load(), self.gateway.live.clock.now_ms());
        let seen = |tool: &CatalogTool| {
            snapshot.pins.hold(tool) && may_see(&snapshot.permissions, &self.caller, &tool.id, now)
        };
        tool.filter(|tool| seen(tool)).map_or(Ok(()), |tool| {
            era::agree_on_arguments(&self.headers, &tool.input_schema, &arguments.raw)
        })
    }

    /// Hands a call to the pipeline.
    fn begin(
        self,
        accepted: Accepted,
        request: &Request<'_>,
        era: Era,
        session: Option<Arc<AgentSession>>,
    ) -> UnderWay {
        let Accepted { operation, target, arguments, .. } = accepted;
        let parkable = Parkable::new(&self.caller, &self.endpoint, operation, &target, &arguments);
        let client = self.client(request, era, session.as_deref());
        let said = client.clone();
        let (client, asides) = client.open();
        let named = self.headers.get(SESSION_ID).filter(|_| session.is_some());
        let (progress, streams) = (progress_token(request), self.takes_streams());
        let inbound = InboundCall {
            face: Face::Mcp,
            presented: self.presented,
            operation,
            arguments,
            received: self.received,
            cancel: CancellationToken::new(),
            gone: CancellationToken::new(),
            session: named.and_then(|id| id.to_str().ok()).map(Arc::from),
            held: watch::Sender::default(),
            client,
            target,
        };
        let cancel = inbound.cancel.clone();
        if let Some(session) = &session {
            session.call_began(request.id, &cancel);
        }
        UnderWay {
            held: inbound.held.subscribe(),
            asides,
            began: self.received,
            era,
            operation,
            id: request.id.to_owned(),
            progress,
            streams,
            client: said,
            undeclared: None,
            brought: parked::answers(request.param("inputResponses")),
            meant: inbound.target.meant(operation.kind()),
            session,
            parkable,
            rounds: 0,
            gone: inbound.gone.clone(),
            _gone: inbound.gone.clone().drop_guard(),
            hung_up: (era == Era::Stateless).then(|| cancel.drop_guard()),
            task: tokio::spawn(handle_call(Arc::clone(&self.gateway), inbound)),
            gateway: self.gateway,
        }
    }

    /// Subscribes to a resource over what the client's calls go over, too.
    pub(super) async fn subscribe_to(
        &self,
        target: Target,
        uri: &str,
        client: ClientSide,
    ) -> Answer {
        let mut text = String::from("{\"uri\":");
        json::write_string(uri, &mut text);
        text.push('}');
        let text = Bytes::from(text);
        let node = json::parse(&text).ok();
        let failed = || Answer {
            reply: Err((Refusal::Internal("a call's task failed"), String::new())),
            receipt: None,
        };
        let Ok(arguments) = Arguments::read(node.as_ref(), &text) else { return failed() };
        let inbound = InboundCall {
            face: Face::Mcp,
            presented: self.presented,
            operation: Operation::Subscribe,
            target,
            arguments,
            client,
            received: Instant::now(),
            cancel: CancellationToken::new(),
            gone: CancellationToken::new(),
            session: None,
            held: watch::Sender::default(),
        };
        let task = tokio::spawn(handle_call(Arc::clone(&self.gateway), inbound));
        task.await.unwrap_or_else(|_| failed())
    }

    /// What the client said that it can do.
    pub(super) fn client(
        &self,
        request: &Request<'_>,
        era: Era,
        session: Option<&AgentSession>,
    ) -> ClientSide {
        // What is asked needs a stream to be asked over.
        let answers = era == Era::Stateless || self.takes_streams();
        let capabilities = match (era, session) {
            (Era::Stateless, _) => declared(request.meta(META_CAPABILITIES)).into(),
            (Era::Session, Some(session)) if answers => session.greeted().capabilities,
            (Era::Session, _) => "{}".into(),
        };
        let log_level = match era {
            Era::Stateless => level(request.meta(META_LEVEL)).map(Arc::from),
            Era::Session => session.and_then(AgentSession::log_level).map(Arc::from),
        };
        ClientSide::new(era, capabilities, log_level, progress_token(request).is_some())
    }

    fn accept(
        &self,
        operation: Operation,
        request: &Request<'_>,
        body: &Bytes,
    ) -> Result<Accepted, Refusal> {
        let invalid = |text: &str| Refusal::InvalidArguments(text.into());
        let mut indirectly = false;
        let (name, arguments) = match operation {
            Operation::CallTool | Operation::GetPrompt => {
                let name = request.param("name").and_then(Node::as_str);
                let name = name.ok_or_else(|| invalid("\"name\" must be a name"))?;
                if self.search && operation == Operation::CallTool && name == search::CALL {
                    indirectly = true;
                    let (name, arguments) =
                        search::unwrap(request).ok_or_else(|| invalid(search::NO_NAME))?;
                    (name.to_owned(), Arguments::read(arguments, body)?)
                } else {
                    (name.to_owned(), Arguments::read(request.param("arguments"), body)?)
                }
            }
            Operation::ReadResource | Operation::Subscribe => {
                let uri = request.param("uri").ok_or_else(|| invalid("\"uri\" must be a URI"))?;
                let text = uri.as_str().ok_or_else(|| invalid("\"uri\" must be a string"))?;
                (text.to_owned(), self.made_up(&[("uri", Some(uri))])?)
            }
            Operation::Complete(_) => {
                let about = request.param("ref");
                let part = |name| about.and_then(|about| about.get(name)).and_then(Node::as_str);
                let name = match operation.kind() {
                    ItemKind::Resource => part("uri"),
                    ItemKind::Prompt | ItemKind::Tool => part("name"),
                };
                let name = name.ok_or_else(|| invalid("\"ref\" must name what to complete"))?;
                let argument = request.param("argument").filter(|a| a.is_object());
                let argument = argument.ok_or_else(|| invalid("\"argument\" must be an object"))?;
                let parts = [("argument", Some(argument)), ("context", request.param("context"))];
                (name.to_owned(), self.made_up(&parts)?)
            }
        };
        let target = match &self.endpoint {
            Endpoint::Aggregate => Target::McpName(name),
            Endpoint::Single(connection) => Target::Own(connection.clone(), name),
        };
        let arguments = arguments.with_meta(request.param("_meta"));
        Ok(Accepted { operation, target, arguments, indirectly })
    }

    /// An object of some of the request's parameters.
    fn made_up(&self, parts: &[(&str, Option<&Node<'_>>)]) -> Result<Arguments, Refusal> {
        let parts = parts.iter().filter_map(|(name, node)| Some((name, (*node)?)));
        let parts: Vec<_> =
            parts.map(|(name, node)| format!("\"{name}\":{}", node.raw())).collect();
        let text = Bytes::from(format!("{{{}}}", parts.join(",")));
        Arguments::read(Some(&json::parse(&text)?), &text)
    }

    /// The call that the client was asked something for, if this request is
    /// its answer; with what it did not bring all of.
    fn resumed(
        &self,
        request: &Request<'_>,
        era: Era,
        accepted: &Accepted,
    ) -> Result<Option<(UnderWay, Vec<Ask>)>, RpcError> {
        let answers = request.param("inputResponses");
        if era == Era::Session {
            return Ok(None);
        }
        if answers.is_some_and(|answers| !answers.is_object()) {
            return Err(RpcError::invalid_params("\"inputResponses\" must be an object"));
        }
        let Some(state) = request.param("requestState") else { return Ok(None) };
        let Accepted { operation, target, arguments, .. } = accepted;
        let parkable = Parkable::new(&self.caller, &self.endpoint, *operation, target, arguments);
        let state = state.as_str().unwrap_or_default();
        let (mut under_way, mut asks) = self.gateway.parked.take(&parkable, state).ok_or_else(|| {
            RpcError::invalid_params(
                "this \"requestState\" was answered, has expired, or is for another request; call again without it",
            )
        })?;
        request.id.clone_into(&mut under_way.id);
        under_way.progress = progress_token(request);
        under_way.streams = self.takes_streams();
        let answers = parked::answers(answers);
        asks.retain_mut(|ask| !ask.is_complete(&answers));
        Ok(Some((under_way, asks)))
    }

    /// A call that is none: the protocol's own error, and a record.
    fn invalid_call(&self, request: &Request<'_>, refusal: Refusal, era: Era) -> Response {
        let name = request.param("name").or_else(|| request.param("uri"));
        let name = name.and_then(Node::as_str).unwrap_or_default();
        let meant: String = without_tokens(name).chars().take(200).collect();
        let message = refusal.message(&meant);
        let _ = refuse_unread(&self.gateway, Face::Mcp, &self.presented, &meant, refusal);
        let status = match era {
            Era::Session => StatusCode::OK,
            Era::Stateless => StatusCode::BAD_REQUEST,
        };
        RpcError::invalid_params(message).with_id(request.id).response(status)
    }

    fn takes_streams(&self) -> bool {
        let accept = self.headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
        !self.batched && accept.is_some_and(|accept| accept.contains("text/event-stream"))
    }
}

fn progress_token(request: &Request<'_>) -> Option<String> {
    let token = request.param("_meta").and_then(|meta| meta.get("progressToken"));
    token.filter(|token| is_id(token)).map(|token| token.raw().to_owned())
}

impl UnderWay {
    /// Answers at once when the call has ended, with a stream if there is
    /// something to say before.
    pub(super) async fn respond(mut self) -> Response {
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
    fn park(mut self, asks: Vec<Ask>) -> Response {
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
