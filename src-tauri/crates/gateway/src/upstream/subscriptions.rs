//! Who wants to hear when a resource changes, by the owner over whose link
//! that is heard.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use agw_core::{AgentId, ConnectionName, ItemKind, ToolId, ToolName, UserId, may_see};

use crate::{
    bounds,
    live::Live,
    pipeline::ArmedRequest,
    upstream::{UpstreamError, ear::Owner, http::Access},
};

/// By URI, the subscribers, each as often as it subscribed.
type Uris = BTreeMap<String, Vec<Option<AgentId>>>;

/// What is watched over an owner's link, and with which credentials.
#[derive(Debug)]
struct Watched {
    uris: Uris,
    access: Access,
}

/// What there was to remove.
#[derive(Debug)]
pub(super) enum Removed {
    None,
    OneOfSeveral,
    /// Of this owner; nobody watches the resource over their link any more.
    Last(Owner),
}

#[derive(Debug)]
pub(super) struct Subscriptions {
    all: Mutex<HashMap<Owner, Watched>>,
    live: Arc<Live>,
    connection: ConnectionName,
}

impl Subscriptions {
    pub(super) fn new(live: Arc<Live>, connection: ConnectionName) -> Self {
        Self { all: Mutex::default(), live, connection }
    }

    pub(super) fn add(&self, owner: &Owner, armed: &ArmedRequest) -> Result<(), UpstreamError> {
        let mut all = self.all();
        let watched = all.entry(owner.clone());
        let fresh = || Watched { uris: Uris::new(), access: Access::of(armed) };
        let uris = &mut watched.or_insert_with(fresh).uris;
        let count: usize = uris.values().map(Vec::len).sum();
        if count >= bounds::SUBSCRIPTIONS_PER_OWNER {
            return Err(UpstreamError::NotReady("too many of its resources are watched".into()));
        }
        uris.entry(armed.tool().to_owned()).or_default().push(armed.agent());
        Ok(())
    }

    /// One subscription fewer.
    pub(super) fn remove(&self, user: UserId, agent: Option<AgentId>, uri: &str) -> Removed {
        let mut removed = Removed::None;
        let mut all = self.all();
        for (owner, Watched { uris, .. }) in all.iter_mut().filter(|(owner, _)| owner.user == user)
        {
            let Some(subscribers) = uris.get_mut(uri) else { continue };
            let Some(at) = subscribers.iter().position(|subscriber| *subscriber == agent) else {
                continue;
            };
            subscribers.remove(at);
            removed = Removed::OneOfSeveral;
            if subscribers.is_empty() {
                uris.remove(uri);
                removed = Removed::Last(owner.clone());
            }
            break;
        }
        all.retain(|_, watched| !watched.uris.is_empty());
        removed
    }

    /// What is to be watched over an owner's link: for somebody who may still
    /// read it. A link may be a new one, long after that was decided.
    pub(super) fn of(&self, owner: &Owner) -> Vec<String> {
        let all = self.all();
        let Some(Watched { uris, .. }) = all.get(owner) else { return Vec::new() };
        let snapshot = self.live.snapshot.load();
        let now = self.live.clock.now_ms();
        let reads = |agent: &Option<AgentId>, id: &ToolId| {
            may_see(&snapshot.permissions, &snapshot.caller(owner.user, *agent), id, now)
        };
        let read = |uri: &str, agents: &[Option<AgentId>]| {
            let name = ToolName::of(ItemKind::Resource, uri);
            let id = name.map(|name| ToolId::new(self.connection.clone(), name));
            id.is_ok_and(|id| agents.iter().any(|agent| reads(agent, &id)))
        };
        let read = uris.iter().filter(|(uri, agents)| read(uri, agents));
        read.map(|(uri, _)| uri.clone()).collect()
    }

    /// The credentials that an owner's link is opened with to watch.
    pub(super) fn access(&self, owner: &Owner) -> Option<Access> {
        self.all().get(owner).map(|watched| watched.access.clone())
    }

    /// Who watches anything.
    pub(super) fn owners(&self) -> Vec<(Owner, Access)> {
        let owners = |(owner, watched): (&Owner, &Watched)| (owner.clone(), watched.access.clone());
        self.all().iter().map(owners).collect()
    }

    /// Those of agents that are gone go, too.
    pub(super) fn retain(&self, stays: impl Fn(UserId, Option<AgentId>) -> bool) {
        let mut all = self.all();
        for (owner, Watched { uris, .. }) in all.iter_mut() {
            for subscribers in uris.values_mut() {
                subscribers.retain(|agent| stays(owner.user, *agent));
            }
            uris.retain(|_, subscribers| !subscribers.is_empty());
        }
        all.retain(|_, watched| !watched.uris.is_empty());
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Owner, Watched>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
