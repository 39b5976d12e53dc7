//! Who wants to hear when a resource changes, by the owner over whose link
//! that is heard.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use agw_core::{AgentId, UserId};

use crate::{
    bounds,
    upstream::{UpstreamError, ear::Owner},
};

/// By URI, the subscribers, each as often as it subscribed.
type Uris = BTreeMap<String, Vec<Option<AgentId>>>;

#[derive(Debug, Default)]
pub(super) struct Subscriptions(Mutex<HashMap<Owner, Uris>>);

impl Subscriptions {
    pub(super) fn add(
        &self,
        owner: &Owner,
        agent: Option<AgentId>,
        uri: &str,
    ) -> Result<(), UpstreamError> {
        let mut all = self.all();
        let uris = all.entry(owner.clone()).or_default();
        let count: usize = uris.values().map(Vec::len).sum();
        if count >= bounds::SUBSCRIPTIONS_PER_OWNER {
            return Err(UpstreamError::NotReady("too many of its resources are watched".into()));
        }
        uris.entry(uri.to_owned()).or_default().push(agent);
        Ok(())
    }

    /// One subscription fewer; returns the owners for whom it was the last.
    pub(super) fn remove(&self, user: UserId, agent: Option<AgentId>, uri: &str) -> Vec<Owner> {
        let mut unwatched = Vec::new();
        let mut all = self.all();
        for (owner, uris) in all.iter_mut().filter(|(owner, _)| owner.user == user) {
            let Some(subscribers) = uris.get_mut(uri) else { continue };
            let Some(at) = subscribers.iter().position(|subscriber| *subscriber == agent) else {
                continue;
            };
            subscribers.remove(at);
            if subscribers.is_empty() {
                uris.remove(uri);
                unwatched.push(owner.clone());
            }
            break;
        }
        all.retain(|_, uris| !uris.is_empty());
        unwatched
    }

    /// What is watched over an owner's link.
    pub(super) fn of(&self, owner: &Owner) -> Vec<String> {
        self.all().get(owner).map(|uris| uris.keys().cloned().collect()).unwrap_or_default()
    }

    /// Those of agents that are gone go, too.
    pub(super) fn retain(&self, stays: impl Fn(UserId, Option<AgentId>) -> bool) {
        let mut all = self.all();
        for (owner, uris) in all.iter_mut() {
            for subscribers in uris.values_mut() {
                subscribers.retain(|agent| stays(owner.user, *agent));
            }
            uris.retain(|_, subscribers| !subscribers.is_empty());
        }
        all.retain(|_, uris| !uris.is_empty());
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Owner, Uris>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
