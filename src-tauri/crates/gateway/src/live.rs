//! What changes while the service runs and is read by every call: the
//! snapshot, the catalogue, and who wants to hear of changes.

use std::sync::Arc;

use agw_core::{AgentId, ConnectionName, UserId};
use arc_swap::ArcSwap;
use bytes::Bytes;
use rusqlite::Connection;
use tokio::sync::{broadcast, watch};

use crate::{
    audit::Record,
    catalog::Catalog,
    clock::Steady,
    pins,
    store::{
        StoreError,
        snapshot::Snapshot,
        writer::{Committed, Stored},
    },
};

/// Feed items that a slow window may fall behind before it misses some.
const FEED_BACKLOG: usize = 4_096;
/// The same for clients and what upstreams say.
const HEARD_BACKLOG: usize = 1_024;

#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) snapshot: ArcSwap<Snapshot>,
    pub(crate) catalog: ArcSwap<Catalog>,
    pub(crate) clock: Steady,
    /// Counts changes of the snapshot or the catalogue.
    changes: watch::Sender<u64>,
    feed: broadcast::Sender<FeedItem>,
    heard: broadcast::Sender<Arc<Heard>>,
}

/// What an upstream said outside of a call, for the clients of one user.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) connection: ConnectionName,
    pub(crate) user: UserId,
    /// Whose alone it is; `None`: it came over what the user's agents share.
    pub(crate) agent: Option<AgentId>,
    pub(crate) what: HeardOf,
}

/// `params` of the notification, as the upstream wrote them, without
/// credentials of the gateway's.
#[derive(Debug)]
pub(crate) enum HeardOf {
    ResourceUpdated {
        uri: String,
        params: Bytes,
    },
    /// `notifications/message`.
    Log(Bytes),
    /// `notifications/elicitation/complete`.
    ElicitationComplete(Bytes),
}

/// What windows are told.
#[derive(Debug, Clone)]
pub(crate) enum FeedItem {
    /// A stored audit record.
    Record(Arc<Stored>),
    /// An API path below which something changed.
    Changed(&'static str),
}

/// What a change of the configuration may have touched; windows read again.
const CONFIGURED: [&str; 11] = [
    "connections",
    "users",
    "agents",
    "teams",
    "grants",
    "tools",
    "approvals",
    "audit",
    "status",
    "sharing",
    "invites",
];

impl Live {
    /// `known` is the time of the newest record.
    pub(crate) fn new(snapshot: Snapshot, known: i64) -> Arc<Self> {
        Arc::new(Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            catalog: ArcSwap::default(),
            clock: Steady::from(known),
            changes: watch::Sender::new(0),
            feed: broadcast::Sender::new(FEED_BACKLOG),
            heard: broadcast::Sender::new(HEARD_BACKLOG),
        })
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(crate) fn feed(&self) -> broadcast::Receiver<FeedItem> {
        self.feed.subscribe()
    }

    /// What upstreams say outside of calls.
    pub(crate) fn heard(&self) -> broadcast::Receiver<Arc<Heard>> {
        self.heard.subscribe()
    }

    pub(crate) fn hear(&self, heard: Heard) {
        // Nobody may be listening.
        let _ = self.heard.send(Arc::new(heard));
    }

    /// Makes everybody look again: something expired.
    pub(crate) fn look_again(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Tells windows that something under `what` changed.
    pub(crate) fn announce(&self, what: &'static str) {
        // Nobody may be listening.
        let _ = self.feed.send(FeedItem::Changed(what));
    }

    /// Replaces the tools on offer.
    pub(crate) fn swap_catalog(&self, catalog: Catalog) {
        self.catalog.store(Arc::new(catalog));
        self.look_again();
        self.announce("tools");
        self.announce("connections");
        self.announce("status");
    }
}

/// The writer's hook: a change is in force before anyone hears that it was made.
pub(crate) struct Publish {
    live: Arc<Live>,
    /// As the transaction under way will leave it.
    next: Option<Snapshot>,
}

impl Publish {
    pub(crate) fn to(live: Arc<Live>) -> Self {
        Self { live, next: None }
    }
}

impl Committed for Publish {
    fn changing(&mut self, db: &Connection) -> Result<Vec<Record>, StoreError> {
        self.next = None;
        let before = self.live.snapshot.load();
        // One that cannot be read is told of once it is committed.
        let Ok(mut next) = Snapshot::load(db, Some(&before)) else { return Ok(Vec::new()) };
        let records = pins::follow(db, &mut next, &self.live.catalog.load())?;
        self.next = Some(next);
        Ok(records)
    }

    fn changed(&mut self, db: &Connection) -> Result<(), StoreError> {
        let next = match self.next.take() {
            Some(next) => next,
            None => Snapshot::load(db, Some(&self.live.snapshot.load()))?,
        };
        self.live.snapshot.store(Arc::new(next));
        self.live.look_again();
        for what in CONFIGURED {
            self.live.announce(what);
        }
        Ok(())
    }

    fn recorded(&mut self, records: Vec<Stored>) {
        if self.live.feed.receiver_count() == 0 {
            return;
        }
        for record in records {
            let _ = self.live.feed.send(FeedItem::Record(Arc::new(record)));
        }
    }

    fn health(&mut self) {
        self.live.announce("status");
    }
}
