//! What a server at a URL says outside of answers: over the GET stream of a
//! session, or, in the stateless era, over `subscriptions/listen`. Both are
//! opened again, with back-off, until whoever they are for is gone.

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, StatusCode};
use tokio_util::sync::CancellationToken;

use crate::{
    bounds,
    pipeline::Era,
    upstream::{
        UpstreamError, dialect,
        ear::Owner,
        http::{Access, check_status},
        jsonrpc,
        streamable::{Exchange, HttpLink, METHOD, Session, read},
    },
};

/// A stream that was open for this long is opened again at once.
const STEADY: Duration = Duration::from_secs(10);

/// Why a stream ended.
enum End {
    /// To be opened again.
    Broke,
    /// There is none.
    Never,
    /// The server has forgotten the session.
    Forgotten,
}

impl HttpLink {
    /// Hears what belongs to a session, of the gateway's own or an owner's.
    pub(super) fn listen_in_session(
        self: &Arc<Self>,
        session: &Arc<Session>,
        owner: Option<Owner>,
    ) {
        if session.begin_listening() {
            return;
        }
        let (this, session) = (Arc::clone(self), Arc::clone(session));
        self.life.run(async move {
            let mut wait = Wait::default();
            loop {
                let began = tokio::time::Instant::now();
                let end = tokio::select! {
                    end = this.hear_session(&session, owner.as_ref()) => end,
                    () = session.ended.cancelled() => End::Forgotten,
                };
                match end {
                    End::Broke => {}
                    End::Never => return,
                    End::Forgotten => {
                        // What somebody watches goes on being watched.
                        let Some(owner) = &owner else { return };
                        if this.subscriptions.of(owner).is_empty() {
                            return;
                        }
                        this.forget(owner, &session);
                        if let Some(access) = this.subscriptions.access(owner) {
                            // The new session is listened to by a task of its own.
                            this.resume(owner, access).await;
                        }
                        return;
                    }
                }
                wait.after(began.elapsed()).await;
            }
        });
    }

    async fn hear_session(&self, session: &Session, owner: Option<&Owner>) -> End {
        let Access { headers, secrets } = &session.access;
        let opened = self.site.listen([&session.headers, headers]).await;
        session.heard.cancel();
        let response = match opened {
            Ok(response) => response,
            Err(_) => return End::Broke,
        };
        match response.status() {
            StatusCode::NOT_FOUND if session.has_id() => return End::Forgotten,
            status if status.is_server_error() => return End::Broke,
            _ if check_status(&response).is_err() => return End::Never,
            _ => {}
        }
        let hear = |message: &jsonrpc::Incoming<'_>| {
            // Progress comes with the answer that it is of.
            if message.method.as_deref() == Some("notifications/progress") {
                return None;
            }
            let talk = session.talks.latest();
            Exchange { link: self, session, headers, secrets, owner, talk }.take_in(message)
        };
        match read(response, 0, Era::Session, hear, None).await {
            Err(UpstreamError::Malformed(_)) => End::Never,
            _ => End::Broke,
        }
    }

    /// Hears that lists change, or resources that an owner watches (stateless
    /// era). `filter`: members of the request's params.
    pub(super) fn listen_for(
        self: &Arc<Self>,
        filter: String,
        owner: Option<Owner>,
        access: Access,
        stop: CancellationToken,
    ) {
        let this = Arc::clone(self);
        self.life.run(async move {
            let mut wait = Wait::default();
            loop {
                let began = tokio::time::Instant::now();
                let end = tokio::select! {
                    end = this.hear_subscription(&filter, owner.as_ref(), &access) => end,
                    () = stop.cancelled() => return,
                };
                if matches!(end, End::Never) {
                    return;
                }
                tokio::select! {
                    () = wait.after(began.elapsed()) => {}
                    () = stop.cancelled() => return,
                }
            }
        });
    }

    async fn hear_subscription(&self, filter: &str, owner: Option<&Owner>, access: &Access) -> End {
        let Access { headers, secrets } = access;
        let id = self.next_id();
        let params = dialect::own_params(Era::Stateless, filter);
        let body = jsonrpc::request(id, "subscriptions/listen", &params);
        let method = (METHOD, HeaderValue::from_static("subscriptions/listen"));
        let extra: Vec<_> = self.own.headers.iter().cloned().chain([method]).collect();
        let Ok(response) = self.site.post([&extra, headers], body.into()).await else {
            return End::Broke;
        };
        let session = &self.own;
        let hear = |message: &jsonrpc::Incoming<'_>| {
            Exchange { link: self, session, headers, secrets, owner, talk: None }.take_in(message)
        };
        match read(response, id, Era::Stateless, hear, None).await {
            Ok(jsonrpc::Answer::Error(_)) | Err(UpstreamError::Malformed(_)) => End::Never,
            Err(UpstreamError::Status(status)) if status < 500 => End::Never,
            _ => End::Broke,
        }
    }
}

/// Ever longer waits, until a stream stood for a while.
struct Wait(Duration);

impl Default for Wait {
    fn default() -> Self {
        Self(bounds::RETRY_FIRST)
    }
}

impl Wait {
    async fn after(&mut self, stood: Duration) {
        if stood >= STEADY {
            self.0 = bounds::RETRY_FIRST;
        }
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(bounds::RETRY_MAX);
    }
}
