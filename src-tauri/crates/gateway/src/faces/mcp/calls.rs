//! `tools/call`: answered when the call has ended, or, while it is held for a
//! person, with a stream that says so first.

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use agw_core::{ApprovalId, json::Node, without_tokens};
use axum::{
    body::{Body, to_bytes},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures_util::stream;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Endpoint, Exchange,
    answer::{self, RpcError},
    envelope::{Request, is_id},
    era::Era,
    methods::SESSION_ID,
    sessions::AgentSession,
    stream::event,
};
use crate::{
    bounds,
    pipeline::{
        Answer, Arguments, ClientSide, Face, InboundCall, Operation, Refusal, SafeReply, Target,
        handle_call, refuse_unread, with_receipt,
    },
};

/// A call that was handed to the pipeline.
struct UnderWay {
    task: JoinHandle<Answer>,
    held: watch::Receiver<Option<ApprovalId>>,
    began: Instant,
    era: Era,
    /// The request's id and its progress token, as JSON.
    id: String,
    progress: Option<String>,
    /// The tool, as the caller wrote it.
    meant: String,
    session: Option<Arc<AgentSession>>,
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

impl Exchange {
    pub(super) async fn call_tool(self, request: &Request<'_>, era: Era, body: &Bytes) -> Response {
        let session = match era {
            Era::Session => self.session().ok().flatten(),
            Era::Stateless => None,
        };
        let (meant, inbound) = match self.accept(request, session.is_some(), body) {
            Ok(accepted) => accepted,
            Err(refusal) => return self.invalid_call(request, refusal, era),
        };
        let cancel = inbound.cancel.clone();
        if let Some(session) = &session {
            session.call_began(request.id, &cancel);
        }
        let progress = request.param("_meta").and_then(|meta| meta.get("progressToken"));
        let accept = self.headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
        let streams = accept.is_some_and(|accept| accept.contains("text/event-stream"));
        let under_way = UnderWay {
            held: inbound.held.subscribe(),
            began: self.received,
            era,
            id: request.id.to_owned(),
            progress: progress.filter(|token| is_id(token)).map(|token| token.raw().to_owned()),
            meant,
            session,
            _gone: inbound.gone.clone().drop_guard(),
            hung_up: (era == Era::Stateless).then(|| cancel.drop_guard()),
            task: tokio::spawn(handle_call(self.gateway, inbound)),
        };
        under_way.respond(streams).await
    }

    fn accept(
        &self,
        request: &Request<'_>,
        in_session: bool,
        body: &Bytes,
    ) -> Result<(String, InboundCall), Refusal> {
        let Some(name) = request.param("name").and_then(Node::as_str) else {
            return Err(Refusal::InvalidArguments("\"name\" must be the name of a tool".into()));
        };
        let target = match &self.endpoint {
            Endpoint::Aggregate => Target::McpName(name.to_owned()),
            Endpoint::Single(connection) => Target::Own(connection.clone(), name.to_owned()),
        };
        let session = self.headers.get(SESSION_ID).filter(|_| in_session);
        let inbound = InboundCall {
            face: Face::Mcp,
            presented: self.presented,
            operation: Operation::CallTool,
            client: ClientSide::mute(),
            arguments: Arguments::read(request.param("arguments"), body)?,
            received: self.received,
            cancel: CancellationToken::new(),
            gone: CancellationToken::new(),
            session: session.and_then(|id| id.to_str().ok()).map(Arc::from),
            held: watch::Sender::default(),
            target,
        };
        Ok((inbound.target.meant(), inbound))
    }

    /// A call that is none: the protocol's own error, and a record.
    fn invalid_call(&self, request: &Request<'_>, refusal: Refusal, era: Era) -> Response {
        let name = request.param("name").and_then(Node::as_str).unwrap_or_default();
        let meant: String = without_tokens(name).chars().take(200).collect();
        let message = refusal.message(&meant);
        let _ = refuse_unread(&self.gateway, Face::Mcp, &self.presented, &meant, refusal);
        let status = match era {
            Era::Session => StatusCode::OK,
            Era::Stateless => StatusCode::BAD_REQUEST,
        };
        RpcError::invalid_params(message).with_id(request.id).response(status)
    }
}

impl UnderWay {
    async fn respond(mut self, streams: bool) -> Response {
        let ended = tokio::select! {
            biased;
            outcome = &mut self.task => Some(outcome.ok()),
            Ok(_) = self.held.wait_for(Option::is_some), if streams => None,
        };
        if let Some(outcome) = ended {
            return self.answer(outcome);
        }
        let held = *self.held.borrow();
        let first = self.waiting(held);
        let events = stream::unfold((Some(self), Some(first)), |(call, first)| async move {
            let mut call = call?;
            if let Some(first) = first {
                return Some((Ok::<_, Infallible>(first), (Some(call), None)));
            }
            let ended = tokio::time::timeout(bounds::PROGRESS_EVERY, &mut call.task).await;
            let Ok(outcome) = ended else {
                let held = *call.held.borrow();
                return Some((Ok(call.waiting(held)), (Some(call), None)));
            };
            let message = to_bytes(call.answer(outcome.ok()).into_body(), usize::MAX).await;
            let text = String::from_utf8_lossy(&message.unwrap_or_default()).into_owned();
            Some((Ok(Bytes::from(event(&text))), (None, None)))
        });
        let mut response = Body::from_stream(events).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        response
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

    /// `None`: the call's task failed.
    fn answer(&mut self, answer: Option<Answer>) -> Response {
        if let Some(guard) = self.hung_up.take() {
            guard.disarm();
        }
        let Self { id, era, meant, .. } = self;
        let failed = || Err((Refusal::Internal("a call's task failed"), String::new()));
        let (reply, receipt) =
            answer.map_or_else(|| (failed(), None), |answer| (answer.reply, answer.receipt));
        match reply {
            Ok(SafeReply::Result { json, .. }) => {
                let json = receipt.map_or(json.clone(), |receipt| with_receipt(&json, &receipt));
                answer::tool_result(id, &json, *era)
            }
            Ok(SafeReply::RpcError { json }) => {
                answer::error_response(id, &String::from_utf8_lossy(&json), StatusCode::OK)
            }
            Err((refusal, subject)) => {
                answer::refused_call(id, &refusal, &subject, meant, receipt.as_ref(), *era)
            }
        }
    }
}
