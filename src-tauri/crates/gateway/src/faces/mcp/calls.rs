//! Everything that goes to an upstream: `tools/call`, `prompts/get`,
//! `resources/read`, `resources/subscribe`, `completion/complete`. It is
//! answered when it has ended. Until then a client that takes streams hears
//! what there is to hear: that the call is held for a person, how it
//! proceeds, what its upstream logs and asks.

mod under_way;

use std::{sync::Arc, time::Instant};

use agw_core::{ItemKind, ToolId, ToolName, json, json::Node, may_see, without_tokens};
use axum::{
    http::{StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    Endpoint, Exchange,
    answer::RpcError,
    envelope::{Request, is_id},
    era::{self, Era, META_CAPABILITIES, META_LEVEL},
    greet::{SESSION_ID, declared, level},
    parked::{self, Parkable},
    search,
    sessions::AgentSession,
};
use crate::{
    catalog::CatalogTool,
    pipeline::{
        Answer, Arguments, Ask, ClientSide, Face, InboundCall, Operation, Refusal, Target,
        handle_call, refuse_unread,
    },
};

pub(super) use under_way::UnderWay;

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
