//! The wires of one connection: its own, which lists what it has, and those of
//! the owners that call. A child process, or a session over HTTP with SSE,
//! never serves two owners: what it keeps is theirs alone.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use agw_vault::Secret;
use tokio::{sync::OnceCell, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    bounds,
    pipeline::{ArmedRequest, Era},
    upstream::{
        UpstreamError,
        dialect::{self, Announced, Greeting, Probed},
        ear::{self, Ear, Owner},
        http::{Access, Headers},
        jsonrpc::{self, Answer},
        life::Life,
        link::Setting,
        old_sse::OldSse,
        stdio::Program,
        subscriptions::Subscriptions,
        talk::Talk,
        wire::Wire,
    },
};

/// What is at the other end.
#[derive(Debug)]
pub(super) enum Server {
    Program(Program),
    Sse(Box<OldSse>),
}

impl Server {
    async fn open(
        &self,
        headers: &Headers,
        secrets: Arc<[Secret]>,
        ear: Ear,
        life: Life,
    ) -> Result<Wire, UpstreamError> {
        match self {
            Self::Program(program) => program.start(ear, life),
            Self::Sse(sse) => sse.open(headers, secrets, ear, life).await,
        }
    }

    /// What its own wire is opened with.
    fn headers(&self) -> &Headers {
        match self {
            Self::Program(_) => &[],
            Self::Sse(sse) => &sse.access.headers,
        }
    }

    fn secrets(&self) -> &Arc<[Secret]> {
        match self {
            Self::Program(program) => &program.secrets,
            Self::Sse(sse) => &sse.access.secrets,
        }
    }
}

/// All wires of owners, of all connections.
#[derive(Debug, Default)]
pub(crate) struct Crowd(Mutex<Vec<Weak<Wire>>>);

#[derive(Debug)]
pub(super) struct Wires {
    server: Server,
    era: Era,
    announced: Announced,
    own: Arc<Wire>,
    pool: Mutex<Pool>,
    crowd: Arc<Crowd>,
    pub(super) subscriptions: Arc<Subscriptions>,
    ear: Ear,
    life: Life,
    idle: Duration,
}

#[derive(Debug, Default)]
struct Pool {
    /// Who has the connection's own wire.
    own: Option<Owner>,
    others: HashMap<Owner, Cell>,
}

/// A wire, once it is open.
type Cell = Arc<OnceCell<Arc<Wire>>>;

enum Place {
    /// The connection's own.
    Own,
    Cell(Cell),
}

impl Wires {
    /// Opens the connection's own wire, finds out how the server speaks, and
    /// greets it.
    pub(super) async fn start(
        server: Server,
        setting: &Setting<'_>,
    ) -> Result<(Self, Greeting), UpstreamError> {
        let open = async || {
            let secrets = Arc::clone(server.secrets());
            let (ear, life) = (setting.ear.clone(), setting.life.clone());
            server.open(server.headers(), secrets, ear, life).await
        };
        let mut wire = open().await?;
        let mut probed = None;
        // HTTP with SSE is of the older era.
        if matches!(server, Server::Program(_)) && setting.known != Some(Era::Session) {
            probed = probe(&wire, setting.probe).await?;
            if probed.is_none() && wire.is_closed() {
                // It died of the question.
                wire = open().await?;
            }
        }
        let greeting = match probed {
            Some(greeting) => greeting,
            None => match greet(&wire, "{}").await {
                // It may have died of the question a moment later.
                Err(UpstreamError::Closed(_)) if setting.known != Some(Era::Session) => {
                    wire = open().await?;
                    greet(&wire, "{}").await?
                }
                greeted => greeted?,
            },
        };
        if greeting.era == Era::Stateless && greeting.announced.list_changed {
            listen(&wire, dialect::LISTS);
        }
        let wires = Self {
            era: greeting.era,
            announced: greeting.announced,
            own: Arc::new(wire),
            pool: Mutex::default(),
            crowd: Arc::clone(setting.crowd),
            subscriptions: Arc::clone(setting.subscriptions),
            ear: setting.ear.clone(),
            life: setting.life.clone(),
            idle: setting.idle,
            server,
        };
        Ok((wires, greeting))
    }

    pub(super) fn era(&self) -> Era {
        self.era
    }

    /// What must not come back of what the connection itself was given.
    pub(super) fn own_secrets(&self) -> &Arc<[Secret]> {
        self.server.secrets()
    }

    /// What must not come back in the reply to a call.
    pub(super) fn secrets_of(&self, armed: &ArmedRequest) -> Arc<[Secret]> {
        match &self.server {
            Server::Program(program) => Arc::clone(&program.secrets),
            Server::Sse(_) => Arc::clone(armed.secrets()),
        }
    }

    pub(super) async fn request(
        &self,
        method: &str,
        members: &str,
    ) -> Result<Answer, UpstreamError> {
        self.own.request(method, &dialect::own_params(self.era, members)).await
    }

    /// One round of a call.
    pub(super) async fn call(
        &self,
        talk: &Arc<Talk>,
        again: &str,
        cancel: &CancellationToken,
    ) -> Result<Answer, UpstreamError> {
        let owner = Owner::of(&talk.armed);
        let wire = tokio::select! {
            wire = self.wire(&owner, talk) => wire?,
            () = cancel.cancelled() => return Err(UpstreamError::Cancelled),
        };
        let _under_way = wire.talks().enter(talk);
        // It may have been started for this.
        talk.armed.still_allowed()?;
        wire.call(self.era, self.announced.logging, talk, again, cancel).await
    }

    /// The owner's wire; it is opened if there is none.
    async fn wire(&self, owner: &Owner, talk: &Arc<Talk>) -> Result<Arc<Wire>, UpstreamError> {
        let cell = match self.place(owner)? {
            Place::Own => return Ok(Arc::clone(&self.own)),
            Place::Cell(cell) => cell,
        };
        let access =
            Access { headers: talk.armed.headers().into(), secrets: Arc::clone(&talk.secrets) };
        cell.get_or_try_init(|| self.open(owner, access, Some(talk))).await.cloned()
    }

    /// Where the owner's wire is or will be.
    fn place(&self, owner: &Owner) -> Result<Place, UpstreamError> {
        let mut pool = self.pool();
        let unasked = owner.agent.is_none() && &*owner.capabilities == "{}";
        if pool.own.is_none() && unasked && owner.has(self.server.headers()) {
            pool.own = Some(owner.clone());
            self.own.belongs_to(owner);
            self.watch(&self.own, owner);
        }
        if pool.own.as_ref() == Some(owner) {
            return Ok(Place::Own);
        }
        pool.others.retain(|_, cell| !cell.get().is_some_and(|wire| wire.is_closed()));
        if let Some(cell) = pool.others.get(owner) {
            return Ok(Place::Cell(Arc::clone(cell)));
        }
        pool.make_room(owner)?;
        self.crowd.make_room()?;
        let cell = Cell::default();
        pool.others.insert(owner.clone(), Arc::clone(&cell));
        Ok(Place::Cell(cell))
    }

    /// Watches again, over a new link, what was watched over the one before.
    pub(super) async fn resume(&self, owner: &Owner, access: Access) {
        let Ok(Place::Cell(cell)) = self.place(owner) else { return };
        let secrets = match &self.server {
            Server::Program(program) => Arc::clone(&program.secrets),
            Server::Sse(_) => Arc::clone(&access.secrets),
        };
        let access = Access { secrets, ..access };
        // Should it fail, the owner's next call tries again.
        let _ = cell.get_or_try_init(|| self.open(owner, access, None)).await;
    }

    /// A wire of the owner's own, greeted in the name of the client that calls.
    /// What the server asks as soon as it is greeted, that client is asked.
    async fn open(
        &self,
        owner: &Owner,
        access: Access,
        talk: Option<&Arc<Talk>>,
    ) -> Result<Arc<Wire>, UpstreamError> {
        let (ear, life) = (self.ear.clone(), self.life.clone());
        let wire = self.server.open(&access.headers, access.secrets, ear, life).await?;
        wire.belongs_to(owner);
        if self.era == Era::Session {
            let _under_way = talk.map(|talk| wire.talks().enter(talk));
            greet(&wire, &owner.capabilities).await?;
        }
        let wire = Arc::new(wire);
        self.watch(&wire, owner);
        self.crowd.join(&wire);
        Ok(wire)
    }

    /// Has a wire that is new, or another set of resources, watched.
    fn watch(&self, wire: &Wire, owner: &Owner) {
        let uris = self.subscriptions.of(owner);
        match self.era {
            Era::Stateless => wire.listen_to(&uris),
            Era::Session => {
                for uri in uris {
                    let params = dialect::uri_params(&uri);
                    let id = wire.next_id();
                    let _ = wire.write(jsonrpc::request(id, "resources/subscribe", &params).into());
                }
            }
        }
    }

    /// Sees to a subscription of the stateless era; in the older one the call
    /// itself did.
    pub(super) async fn subscribed(&self, talk: &Arc<Talk>) -> Result<(), UpstreamError> {
        let owner = Owner::of(&talk.armed);
        let wire = self.wire(&owner, talk).await?;
        wire.listen_to(&self.subscriptions.of(&owner));
        Ok(())
    }

    /// Nobody watches that resource any more.
    pub(super) fn unsubscribed(&self, owner: &Owner, uri: &str) {
        let Some(wire) = self.of(owner) else { return };
        match self.era {
            Era::Stateless => wire.listen_to(&self.subscriptions.of(owner)),
            Era::Session => {
                let (id, params) = (wire.next_id(), dialect::uri_params(uri));
                let _ = wire.write(jsonrpc::request(id, "resources/unsubscribe", &params).into());
            }
        }
    }

    fn of(&self, owner: &Owner) -> Option<Arc<Wire>> {
        let pool = self.pool();
        if pool.own.as_ref() == Some(owner) {
            return Some(Arc::clone(&self.own));
        }
        pool.others.get(owner).and_then(|cell| cell.get().cloned())
    }

    /// Ends the wires of those who are gone, and those that nobody has used
    /// for long.
    pub(super) fn sweep(&self, stays: impl Fn(&Owner) -> bool) {
        self.pool().others.retain(|owner, cell| {
            let watched = || !self.subscriptions.of(owner).is_empty();
            let keep = stays(owner)
                && match cell.get() {
                    Some(wire) => !wire.is_closed() && (!is_idle(wire, self.idle) || watched()),
                    // It is being opened, or that failed.
                    None => Arc::strong_count(cell) > 1,
                };
            if !keep {
                cell.get().inspect(|wire| wire.stop());
            }
            keep
        });
    }

    pub(super) async fn closed(&self) -> String {
        self.own.closed().await
    }

    fn pool(&self) -> std::sync::MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_idle(wire: &Wire, time: Duration) -> bool {
    wire.idle_since().is_some_and(|since| since.elapsed() >= time)
}

/// Stops the one that nobody has used for longest.
fn end_idlest<'w>(wires: impl Iterator<Item = &'w Arc<Wire>>) -> Result<(), UpstreamError> {
    let idle = wires.filter_map(|wire| Some((wire.idle_since()?, wire)));
    let oldest = idle.min_by_key(|(since, _): &(Instant, _)| *since);
    let too_many = || UpstreamError::NotReady("too many people are using it at once".into());
    oldest.map(|(_, wire)| wire.stop()).ok_or_else(too_many)
}

impl Pool {
    /// For one more of this owner. A client may declare other abilities each
    /// time: who has many already makes room with their own.
    fn make_room(&mut self, owner: &Owner) -> Result<(), UpstreamError> {
        let own = |of: &Owner| of.is_of_caller(owner);
        let count = self.others.keys().filter(|of| own(of)).count();
        let own_only = count >= bounds::WIRES_PER_CALLER;
        if !own_only && self.others.len() < bounds::WIRES_PER_CONNECTION {
            return Ok(());
        }
        let others = self.others.iter().filter(|(of, _)| !own_only || own(of));
        end_idlest(others.filter_map(|(_, cell)| cell.get()))?;
        self.others.retain(|_, cell| !cell.get().is_some_and(|wire| wire.is_closed()));
        Ok(())
    }
}

impl Crowd {
    fn join(&self, wire: &Arc<Wire>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(wire));
    }

    fn make_room(&self) -> Result<(), UpstreamError> {
        let mut wires = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        wires.retain(|wire| wire.upgrade().is_some_and(|wire| !wire.is_closed()));
        if wires.len() < bounds::WIRES_IN_ALL {
            return Ok(());
        }
        let alive: Vec<_> = wires.iter().filter_map(Weak::upgrade).collect();
        end_idlest(alive.iter())
    }
}

/// Asks a server whether it is of the stateless era.
async fn probe(wire: &Wire, patience: Duration) -> Result<Option<Greeting>, UpstreamError> {
    let params = dialect::own_params(Era::Stateless, "");
    let asked = wire.request("server/discover", &params);
    match tokio::time::timeout(patience, asked).await {
        Ok(Ok(answer)) => match dialect::read_discovered(&answer)? {
            Probed::Stateless(greeting) => Ok(Some(*greeting)),
            Probed::Other => Ok(None),
        },
        // One that says nothing, or dies of it, is of the older era.
        Ok(Err(_)) | Err(_) => Ok(None),
    }
}

async fn greet(wire: &Wire, capabilities: &str) -> Result<Greeting, UpstreamError> {
    let answer = wire.request("initialize", &dialect::initialize_params(capabilities)).await?;
    let greeting = dialect::read_initialized(answer)?;
    wire.notify("notifications/initialized")?;
    Ok(greeting)
}

/// Asks a server of the stateless era for notifications.
fn listen(wire: &Wire, filter: &str) {
    let params = dialect::own_params(Era::Stateless, filter);
    let _ = wire.write(jsonrpc::request(wire.next_id(), "subscriptions/listen", &params).into());
}

impl Owner {
    fn has(&self, headers: &Headers) -> bool {
        self.credentials == ear::hash(headers, None)
    }
}
