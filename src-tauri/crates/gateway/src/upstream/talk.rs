//! A call under way, and the way from its upstream to its client.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use agw_core::json;
use agw_vault::Secret;
use bytes::Bytes;
use tokio::{sync::Notify, time::Instant};

use crate::{
    bounds,
    pipeline::{self, Answers, ArmedRequest, Aside, ClientAnswer, Unanswered, Wanted, WantedOf},
    upstream::jsonrpc,
};

/// Longest key that a client is asked with, in bytes.
const KEY_MAX: usize = 64;

#[derive(Debug)]
pub(super) struct Talk {
    pub(super) armed: ArmedRequest,
    /// What must not reach the client.
    pub(super) secrets: Arc<[Secret]>,
    pub(super) patience: Arc<Patience>,
    asked: AtomicUsize,
    /// What was asked under which keys.
    keys: Mutex<HashSet<String>>,
}

impl Talk {
    pub(super) fn new(
        armed: ArmedRequest,
        secrets: Arc<[Secret]>,
        patience: Arc<Patience>,
    ) -> Self {
        Self { armed, secrets, patience, asked: AtomicUsize::new(0), keys: Mutex::default() }
    }

    /// Passes on a notification that belongs to the call; returns whether it
    /// is of that kind.
    pub(super) fn tell(&self, method: &str, params: &str) -> bool {
        let aside = match method {
            "notifications/progress" => Aside::Progress,
            "notifications/message" => Aside::Log,
            _ => return false,
        };
        if params.len() <= bounds::ASIDE_MAX {
            self.armed.client().tell(aside(self.safe(params)));
        }
        true
    }

    fn safe(&self, text: &str) -> Bytes {
        pipeline::without_secrets(Bytes::copy_from_slice(text.as_bytes()), &self.secrets)
    }

    /// One request to the client, its params as the upstream wrote them.
    pub(super) fn wanted(&self, key: String, what: WantedOf, params: &str) -> Wanted {
        Wanted { key, what, params: self.safe(params) }
    }

    /// Asks the client. The call's time-out does not run meanwhile.
    pub(super) async fn ask(&self, wanted: Vec<Wanted>) -> Result<Answers, Unanswered> {
        let before = self.asked.fetch_add(wanted.len(), Ordering::Relaxed);
        let too_many = before + wanted.len() > bounds::ASKS_PER_CALL;
        let too_long = wanted.iter().any(|w| w.params.len() > bounds::ASIDE_MAX);
        if too_many || too_long {
            return Err(Unanswered);
        }
        let _paused = self.patience.pause();
        let answered = self.armed.client().ask(wanted);
        let answers =
            tokio::time::timeout(bounds::ASK, answered).await.map_err(|_| Unanswered)??;
        Ok(answers.into_iter().filter(|(key, answer)| may_go_upstream(key, answer)).collect())
    }

    /// What tells a request from others of the same call: its id (JSON) where
    /// it can.
    fn key(&self, id: &str) -> String {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let own = serde_json::from_str(id).unwrap_or_else(|_| id.to_owned());
        let own = std::iter::once(own).filter(|own| own.len() <= KEY_MAX);
        let mut free =
            own.chain((0..).map(|n| format!("ask-{n}"))).filter(|key| !keys.contains(key));
        let key = free.next().unwrap_or_default();
        keys.insert(key.clone());
        key
    }

    /// What to say to a request that a server of the older era makes of the
    /// client.
    pub(super) async fn respond(&self, id: &str, what: WantedOf, params: &str) -> String {
        if !params.starts_with('{') {
            return jsonrpc::error_response(id, -32_602, "the params are no object");
        }
        let key = self.key(id);
        let answers = self.ask(vec![self.wanted(key.clone(), what, params)]).await;
        match answers.ok().and_then(|mut answers| answers.remove(&key)) {
            Some(ClientAnswer::Result(json)) => {
                jsonrpc::response(id, "result", &String::from_utf8_lossy(&json))
            }
            Some(ClientAnswer::Error(json)) => {
                jsonrpc::response(id, "error", &String::from_utf8_lossy(&json))
            }
            None => unanswered(id, what),
        }
    }
}

/// What a server hears when its client cannot answer or did not.
pub(super) fn unanswered(id: &str, what: WantedOf) -> String {
    match what {
        WantedOf::Elicitation => jsonrpc::response(id, "result", CANCELLED),
        WantedOf::Sampling | WantedOf::Roots => {
            jsonrpc::error_response(id, -32_601, "the client behind this call does not offer that")
        }
    }
}

/// The answer to an elicitation that nobody saw.
pub(super) const CANCELLED: &str = r#"{"action":"cancel"}"#;

/// A client may have been talked into sending its token somewhere.
fn may_go_upstream(key: &str, answer: &ClientAnswer) -> bool {
    let (ClientAnswer::Result(json) | ClientAnswer::Error(json)) = answer;
    let safe = json::parse(json).is_ok_and(|node| node.is_object() && !node.contains_token());
    // Not a key either.
    safe && agw_core::without_tokens(key) == key
}

/// The request of a client that a method is.
pub(super) fn wanted_of(method: &str) -> Option<WantedOf> {
    WantedOf::ALL.into_iter().find(|what| what.method() == method)
}

/// The calls under way on one link. What a server says without saying to whom
/// goes to the latest.
#[derive(Debug, Default)]
pub(super) struct Talks(Mutex<Vec<Arc<Talk>>>);

impl Talks {
    pub(super) fn enter<'t>(&'t self, talk: &Arc<Talk>) -> UnderWay<'t> {
        self.list().push(Arc::clone(talk));
        UnderWay { talks: self, talk: Arc::clone(talk) }
    }

    pub(super) fn latest(&self) -> Option<Arc<Talk>> {
        self.list().last().cloned()
    }

    pub(super) fn several(&self) -> bool {
        self.list().len() > 1
    }

    pub(super) fn none(&self) -> bool {
        self.list().is_empty()
    }

    fn list(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Talk>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
pub(super) struct UnderWay<'t> {
    talks: &'t Talks,
    talk: Arc<Talk>,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut talks = self.talks.list();
        if let Some(at) = talks.iter().position(|talk| Arc::ptr_eq(talk, &self.talk)) {
            talks.remove(at);
        }
    }
}

/// How much longer a call may take. It stands still while its client is asked.
#[derive(Debug)]
pub(super) struct Patience {
    clock: Mutex<Clock>,
    changed: Notify,
}

#[derive(Debug)]
struct Clock {
    left: Duration,
    since: Instant,
    asking: u32,
    /// When it is over in any case.
    end: Instant,
}

impl Patience {
    pub(super) fn new(limit: Duration) -> Arc<Self> {
        let since = Instant::now();
        let end = since + bounds::CALL_IN_ALL.max(limit);
        let clock = Mutex::new(Clock { left: limit, since, asking: 0, end });
        Arc::new(Self { clock, changed: Notify::new() })
    }

    /// Until it is dropped, the time does not run.
    pub(super) fn pause(&self) -> impl Drop + '_ {
        struct Paused<'p>(&'p Patience);
        impl Drop for Paused<'_> {
            fn drop(&mut self) {
                let mut clock = self.0.clock();
                clock.asking = clock.asking.saturating_sub(1);
                if clock.asking == 0 {
                    clock.since = Instant::now();
                }
                drop(clock);
                self.0.changed.notify_one();
            }
        }
        let mut clock = self.clock();
        if clock.asking == 0 {
            clock.left = clock.left.saturating_sub(clock.since.elapsed());
        }
        clock.asking += 1;
        drop(clock);
        self.changed.notify_one();
        Paused(self)
    }

    /// Returns when the time is up.
    pub(super) async fn over(&self) {
        loop {
            let ends = self.ends();
            tokio::select! {
                () = tokio::time::sleep_until(ends) => if self.ends() <= Instant::now() { return },
                () = self.changed.notified() => {}
            }
        }
    }

    fn ends(&self) -> Instant {
        let clock = self.clock();
        if clock.asking > 0 { clock.end } else { clock.end.min(clock.since + clock.left) }
    }

    fn clock(&self) -> std::sync::MutexGuard<'_, Clock> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn patience_stands_still_while_somebody_is_asked() {
        let patience = Patience::new(Duration::from_millis(150));
        let over = patience.over();
        tokio::pin!(over);
        let paused = patience.pause();
        assert!(tokio::time::timeout(Duration::from_millis(400), &mut over).await.is_err());
        drop(paused);
        assert!(tokio::time::timeout(Duration::from_millis(50), &mut over).await.is_err());
        assert!(tokio::time::timeout(Duration::from_secs(5), &mut over).await.is_ok());
    }
}
