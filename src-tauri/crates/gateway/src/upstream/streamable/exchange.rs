//! The answer to a request, and what its event stream says beside it.

use std::{sync::Arc, time::Duration};

use agw_vault::Secret;
use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use http::{HeaderName, HeaderValue, Response};
use hyper::body::Incoming as Body;

use super::{HttpLink, Session};
use crate::{
    bounds,
    pipeline::Era,
    upstream::{
        UpstreamError,
        ear::Owner,
        http::{Headers, REST_OF_STREAM, check_status, content_type, next_chunk, read_all},
        jsonrpc::{self, Answer, Incoming},
        sse,
        talk::{Talk, unanswered, wanted_of},
    },
};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// An answer, whatever else its stream says passed over.
pub(super) async fn read_body(
    response: Response<Body>,
    id: u64,
    era: Era,
) -> Result<Answer, UpstreamError> {
    read(response, id, era, |_| None, None).await
}

type Resumed<'r> = BoxFuture<'r, Result<Body, UpstreamError>>;
/// Takes a stream up again after the event of an id; with how long its server
/// wants to be left alone before.
pub(in crate::upstream) type Resume<'r> = dyn FnMut(String, Option<u64>) -> Resumed<'r> + Send + 'r;

/// What an answer's event stream says beside the answer.
pub(in crate::upstream) struct Exchange<'e> {
    pub(in crate::upstream) link: &'e HttpLink,
    pub(in crate::upstream) session: &'e Session,
    pub(in crate::upstream) headers: &'e Headers,
    /// What those headers hold.
    pub(in crate::upstream) secrets: &'e Arc<[Secret]>,
    pub(in crate::upstream) owner: Option<&'e Owner>,
    pub(in crate::upstream) talk: Option<Arc<Talk>>,
}

pub(in crate::upstream) type Reply<'r> = BoxFuture<'r, ()>;

impl<'e> Exchange<'e> {
    pub(super) async fn read_answer(
        &self,
        response: Response<Body>,
        id: u64,
    ) -> Result<Answer, UpstreamError> {
        // Only a session remembers what it has to say.
        let mut resume = |last, retry| -> Resumed<'_> { Box::pin(self.resume(last, retry)) };
        let resume: Option<&mut Resume<'_>> = match self.link.era {
            Era::Session => Some(&mut resume),
            Era::Stateless => None,
        };
        read(response, id, self.link.era, |message| self.take_in(message), resume).await
    }

    /// The rest of a stream that its server has closed before the answer, to
    /// have fewer of them open (MCP 2025-11-25, transports, resumability).
    async fn resume(&self, last: String, retry: Option<u64>) -> Result<Body, UpstreamError> {
        let pause = retry.map_or(bounds::RESUME_PAUSE, Duration::from_millis);
        tokio::time::sleep(pause.min(bounds::RESUME_PAUSE_MAX)).await;
        if let Some(talk) = &self.talk {
            talk.armed.still_allowed()?;
        }
        let value = HeaderValue::try_from(last)
            .map_err(|_| UpstreamError::Malformed("the id of an event".into()))?;
        let mut headers = self.session.headers.clone();
        headers.push((LAST_EVENT_ID, value));
        let response = self.link.site.listen([&headers, self.headers]).await?;
        check_status(&response)?;
        if content_type(&response) != "text/event-stream" {
            return Err(UpstreamError::Closed("its event stream cannot be taken up".into()));
        }
        Ok(response.into_body())
    }

    /// Returns what to do about a message, if it takes any time.
    pub(in crate::upstream) fn take_in(&self, message: &Incoming<'_>) -> Option<Reply<'e>> {
        let method = message.method.as_deref()?;
        if message.id.is_none() {
            let params = message.params();
            if !self.talk.as_ref().is_some_and(|talk| talk.tell(method, params)) {
                self.link.ear.hear(self.owner, self.secrets, method, params);
            }
            return None;
        }
        // A server of the stateless era makes no requests.
        let id = message.request_id().filter(|_| self.link.era == Era::Session)?.to_owned();
        let (link, session, headers) = (self.link, self.session, self.headers);
        let plain = match wanted_of(method) {
            Some(what) => unanswered(&id, what),
            None => jsonrpc::respond(&id, method),
        };
        let asked = wanted_of(method).zip(self.talk.clone());
        let params = asked.as_ref().map(|_| message.params().to_owned()).unwrap_or_default();
        Some(Box::pin(async move {
            let text = match asked {
                Some((what, talk)) => talk.respond(&id, what, &params).await,
                None => plain,
            };
            // That it is not taken shows in the answer.
            let _ = link.say(session, headers, text).await;
        }))
    }
}

/// The answer with our id, from a JSON body or an event stream.
pub(in crate::upstream) async fn read<'r>(
    response: Response<Body>,
    id: u64,
    era: Era,
    mut take_in: impl FnMut(&Incoming<'_>) -> Option<Reply<'r>>,
    resume: Option<&mut Resume<'_>>,
) -> Result<Answer, UpstreamError> {
    let status = response.status();
    let kind = content_type(&response);
    let json = kind == "application/json";
    // In the stateless era errors have a status, too.
    let refused = era == Era::Stateless && json && matches!(status.as_u16(), 400 | 404);
    if !refused {
        check_status(&response)?;
    }
    if kind == "text/event-stream" {
        return read_stream(response.into_body(), id, &mut take_in, resume).await;
    }
    if !json {
        return Err(UpstreamError::Malformed(format!("its content type is {kind:?}")));
    }
    let body = read_all(response.into_body()).await?;
    let message = Incoming::parse(&body)
        .ok_or_else(|| UpstreamError::Malformed("it is not a JSON-RPC message".into()))?;
    if message.own_id() != Some(id) && !(refused && message.has_no_id()) {
        return Err(UpstreamError::Malformed("it answers another request".into()));
    }
    message.answer(&body)
}

async fn read_stream<'r>(
    mut body: Body,
    id: u64,
    take_in: &mut impl FnMut(&Incoming<'_>) -> Option<Reply<'r>>,
    mut resume: Option<&mut Resume<'_>>,
) -> Result<Answer, UpstreamError> {
    let mut resumes = 0;
    let mut events = sse::Events::default();
    let mut seen = 0;
    let mut replies: Option<FuturesUnordered<Reply<'r>>> = None;
    loop {
        let chunk = match &mut replies {
            None => next_chunk(&mut body).await?,
            Some(under_way) => tokio::select! {
                chunk = next_chunk(&mut body) => chunk?,
                done = under_way.next() => {
                    if done.is_none() {
                        replies = None;
                    }
                    continue;
                }
            },
        };
        let Some(chunk) = chunk else {
            let last = events.last().filter(|_| resumes < bounds::STREAM_RESUMES);
            let (Some(resume), Some(last)) = (&mut resume, last) else {
                let text = "its event stream ended without the answer";
                return Err(UpstreamError::Closed(text.into()));
            };
            resumes += 1;
            body = resume(last.to_owned(), events.retry()).await?;
            continue;
        };
        events.push(&chunk);
        seen += chunk.len();
        while let Some(event) = events.next() {
            let data = event.data;
            let Some(message) = Incoming::parse(&data) else {
                return Err(UpstreamError::Malformed("an event is not a JSON-RPC message".into()));
            };
            if message.method.is_none() && message.own_id() == Some(id) {
                let answer = message.answer(&data);
                tokio::spawn(async move {
                    let rest = async { while let Ok(Some(_)) = next_chunk(&mut body).await {} };
                    let _ = tokio::time::timeout(REST_OF_STREAM, rest).await;
                });
                return answer;
            }
            if let Some(reply) = take_in(&message) {
                let under_way = replies.get_or_insert_default();
                if under_way.len() >= bounds::ASKS_PER_CALL {
                    return Err(UpstreamError::Malformed("it asks for too much at once".into()));
                }
                under_way.push(reply);
            }
        }
        if seen > bounds::REPLY_STREAM_MAX || events.pending() > bounds::REPLY_MAX {
            return Err(UpstreamError::TooLarge(bounds::REPLY_MAX));
        }
    }
}
