//! The systems behind the gateway: one [`Upstream`] per connection, each
//! looked after by a task of its own, so that one that hangs or dies never
//! holds up another.

mod dialect;
mod ear;
mod error;
mod http;
mod jsonrpc;
mod life;
mod lines;
mod link;
mod listen;
mod log;
mod old_sse;
mod rounds;
pub(crate) mod sse;
mod stdio;
mod streamable;
mod subscriptions;
mod supervise;
mod talk;
mod wire;
mod wires;

pub(crate) use self::http::{check_url, root_cause};
pub(crate) use error::UpstreamError;
pub(crate) use supervise::{Context, State, Upstreams, stored_tools};

use std::sync::{Arc, Mutex};

use self::{subscriptions::Removed, talk::Patience};
use agw_api::ConnectionHealth;
use agw_core::{AgentId, UserId};
use agw_vault::Secret;
use arc_swap::ArcSwapOption;
use bytes::Bytes;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    bounds::{self, Timeouts},
    outbound::HttpClient,
    pipeline::{ArmedRequest, Era},
    store::snapshot::ConnectionConfig,
};

/// What an upstream answered, with the credentials that must not be in it.
#[derive(Debug)]
pub(crate) enum UpstreamReply {
    Result { json: Bytes, secrets: Arc<[Secret]> },
    RpcError { json: Bytes, secrets: Arc<[Secret]> },
}

/// One connection as it is now.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) config: Arc<ConnectionConfig>,
    pub(crate) log: log::Log,
    state: watch::Sender<State>,
    link: ArcSwapOption<link::Link>,
    /// Asks the supervisor to try again at once.
    retry: Notify,
    /// Asks it to end what runs and to begin anew.
    restart: watch::Sender<()>,
    stop: CancellationToken,
    timeouts: Timeouts,
    /// For all its links, one after the other.
    http: HttpClient,
    /// How it spoke when it was last greeted.
    era: Mutex<Option<Era>>,
    /// What of its resources is watched, for whom.
    subscriptions: Arc<subscriptions::Subscriptions>,
}

/// A connection that was up a moment ago.
#[derive(Debug)]
pub(crate) struct Ready(Arc<link::Link>);

impl Upstream {
    pub(crate) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Waits a little for a connection that is just starting: an agent that
    /// calls right after the gateway came up need not know.
    pub(crate) async fn ready(&self, cancel: &CancellationToken) -> Result<Ready, UpstreamError> {
        tokio::select! {
            link = self.link_soon() => link.map(Ready),
            () = cancel.cancelled() => Err(UpstreamError::Cancelled),
        }
    }

    /// Forwards a call at once and waits for its answer, its time-out or its
    /// cancellation; the time-out does not run while its client is being asked
    /// something. Nothing is retried: the upstream may have acted.
    pub(crate) async fn call(
        &self,
        ready: &Ready,
        armed: ArmedRequest,
        cancel: &CancellationToken,
    ) -> Result<UpstreamReply, UpstreamError> {
        let give_up = cancel.child_token();
        let patience = Patience::new(self.timeouts.call);
        let answer = ready.0.call(armed, Arc::clone(&patience), &give_up);
        tokio::pin!(answer);
        tokio::select! {
            answer = &mut answer => return answer,
            () = patience.over() => {}
        }
        // The upstream hears of it, so that it need not go on in vain.
        give_up.cancel();
        match answer.await {
            Err(UpstreamError::Cancelled) => Err(UpstreamError::TimedOut(self.timeouts.call)),
            last_moment => last_moment,
        }
    }

    /// One subscription of theirs to a resource fewer; returns whether there
    /// was any.
    pub(crate) fn unsubscribe(&self, user: UserId, agent: Option<AgentId>, uri: &str) -> bool {
        let removed = self.subscriptions.remove(user, agent, uri);
        if let (Removed::Last(owner), Some(link)) = (&removed, self.link.load_full()) {
            link.unsubscribed(owner, uri);
        }
        !matches!(removed, Removed::None)
    }

    async fn link_soon(&self) -> Result<Arc<link::Link>, UpstreamError> {
        if let Some(link) = self.link.load_full() {
            return Ok(link);
        }
        let mut state = self.state.subscribe();
        let started = state.wait_for(|state| state.health != ConnectionHealth::Connecting);
        // Whatever came of it shows in the link.
        let _ = tokio::time::timeout(bounds::STARTING, started).await;
        self.link.load_full().ok_or_else(|| UpstreamError::NotReady(self.problem()))
    }

    /// Tries the connection now and reports what came of it.
    pub(crate) async fn test(&self) -> State {
        let before = self.state().settled;
        self.retry.notify_one();
        self.settled_after(before).await
    }

    /// Ends what runs, calls under way too, starts it again and reports what
    /// came of it.
    pub(crate) async fn restart(&self) -> State {
        let before = self.state().settled;
        self.log.event("starting anew: an administrator asked for it".into());
        self.restart.send_replace(());
        self.settled_after(before).await
    }

    /// Waits until an attempt after number `before` ended, well or badly.
    pub(crate) async fn settled_after(&self, before: u64) -> State {
        let mut state = self.state.subscribe();
        let settled = state.wait_for(|state| state.settled > before);
        match tokio::time::timeout(self.timeouts.start * 2, settled).await {
            Ok(Ok(state)) => state.clone(),
            Ok(Err(_)) | Err(_) => self.state(),
        }
    }

    fn problem(&self) -> String {
        self.state().problem.unwrap_or_else(|| "it is still starting".into())
    }
}
