//! Starts upstreams, keeps them running and their tools listed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use agw_api::{ConnectionHealth, Transport};
use agw_core::{AgentId, ConnectionId, ConnectionName, UserId};
use agw_vault::{Secret, Vault};
use arc_swap::{ArcSwap, ArcSwapOption};
use rusqlite::params;
use tokio::sync::{Notify, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    accounts::{Account, Accounts},
    audit::{Kind, Record},
    bounds::{self, Timeouts},
    catalog::{Catalog, Definitions, Listed, Listing},
    clock,
    live::Live,
    outbound::{Outbound, Owner},
    pins::Pins,
    store::{StoreError, snapshot::ConnectionConfig, writer::Writer},
    upstream::{
        Upstream, UpstreamError,
        ear::Ear,
        life::Life,
        link::{Link, Setting},
        log::Log,
        subscriptions::Subscriptions,
        wires::Crowd,
    },
};

/// An upstream that worked for this long starts again without delay.
const STEADY: Duration = Duration::from_secs(30);

/// How a connection is, for people.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) health: ConnectionHealth,
    /// Since when, in milliseconds since 1970.
    pub(crate) since: i64,
    /// What was wrong the last time that something was, and when.
    pub(crate) last_error: Option<(String, i64)>,
    pub(crate) problem: Option<String>,
    pub(crate) server: Option<String>,
    pub(crate) protocol: Option<String>,
    /// What the server says of how it is used.
    pub(crate) instructions: Option<Arc<str>>,
    /// Attempts to start it.
    pub(crate) starts: u32,
    /// Attempts that ended, well or badly.
    pub(crate) settled: u64,
}

/// What the supervisors need of the gateway.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) live: Arc<Live>,
    pub(crate) vault: Arc<ArcSwapOption<Vault>>,
    pub(crate) writer: Writer,
    pub(crate) outbound: Outbound,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) timeouts: Timeouts,
    pub(crate) crowd: Arc<Crowd>,
}

/// What a connection listed last.
#[derive(Debug)]
struct Last {
    definitions: Definitions,
    listing: Listing,
    /// How often its list was stored in this [period](bounds::LISTS_PERIOD).
    stored: u32,
    /// Whether it is not the one that is stored.
    unstored: bool,
}

/// All upstreams, by connection.
#[derive(Debug)]
pub(crate) struct Upstreams {
    context: Context,
    running: ArcSwap<HashMap<ConnectionId, Arc<Upstream>>>,
    listings: Mutex<HashMap<ConnectionId, Last>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Upstreams {
    /// `stored` are the definitions that each connection listed last, so that
    /// tools are on offer before their servers are up.
    pub(crate) fn new(context: Context, stored: HashMap<ConnectionId, Definitions>) -> Arc<Self> {
        let upstreams = Arc::new(Self {
            context,
            running: ArcSwap::default(),
            listings: Mutex::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        });
        let snapshot = upstreams.context.live.snapshot.load();
        for config in snapshot.connections.values() {
            if let Some(definitions) = stored.get(&config.id) {
                upstreams.list(config.id, &config.name, definitions.clone());
            }
        }
        let mut listings = upstreams.listings.lock().unwrap_or_else(PoisonError::into_inner);
        listings.values_mut().for_each(|listed| listed.unstored = false);
        drop(listings);
        upstreams
    }

    pub(crate) fn get(&self, connection: ConnectionId) -> Option<Arc<Upstream>> {
        self.running.load().get(&connection).cloned()
    }

    /// An agent no longer wants to hear of a resource: of one connection, or
    /// of the one by which they subscribed.
    pub(crate) fn unsubscribe(
        &self,
        at: Option<&ConnectionName>,
        user: UserId,
        agent: Option<AgentId>,
        uri: &str,
    ) {
        let running = self.running.load();
        let mut here = running.values().filter(|up| at.is_none_or(|at| *at == up.config.name));
        let _ = here.any(|upstream| upstream.unsubscribe(user, agent, uri));
    }

    /// Follows the configuration until the service stops.
    pub(crate) fn run(self: &Arc<Self>) {
        let this = Arc::clone(self);
        self.tasks.spawn(async move {
            let mut changes = this.context.live.changes();
            loop {
                this.reconcile();
                tokio::select! {
                    changed = changes.changed() => if changed.is_err() { return },
                    () = this.stop.cancelled() => return,
                }
            }
        });
        let this = Arc::clone(self);
        self.tasks.spawn(async move {
            loop {
                tokio::select! {
                    () = tokio::time::sleep(bounds::LISTS_PERIOD) => this.store_rest().await,
                    () = this.stop.cancelled() => return,
                }
            }
        });
    }

    /// Ends all child processes with their trees.
    pub(crate) async fn shut_down(&self) {
        self.stop.cancel();
        for upstream in self.running.load().values() {
            upstream.stop.cancel();
        }
        self.tasks.close();
        let grace = bounds::STOP_GRACE * 2 + Duration::from_secs(1);
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_err() {
            tracing::warn!("some servers did not stop in time");
        }
    }

    fn reconcile(self: &Arc<Self>) {
        let snapshot = self.context.live.snapshot.load_full();
        let wanted: HashMap<_, _> =
            snapshot.connections.values().map(|config| (config.id, config)).collect();
        let mut running = HashMap::clone(&self.running.load());
        let before = running.len();
        let mut logs = HashMap::new();
        running.retain(|id, upstream| {
            let keep = wanted.get(id).is_some_and(|config| ***config == *upstream.config);
            if !keep {
                upstream.stop.cancel();
                upstream.log.event("starting anew: its settings changed".into());
                logs.insert(*id, upstream.log.clone());
            }
            keep
        });
        let mut changed = running.len() != before;
        for (id, config) in &wanted {
            if !running.contains_key(id) {
                let log = logs.remove(id).unwrap_or_default();
                running.insert(*id, self.start(Arc::clone(config), log));
                changed = true;
            }
        }
        if !changed {
            return;
        }
        self.running.store(Arc::new(running));
        let mut listings = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
        let listed = listings.len();
        listings.retain(|id, _| wanted.contains_key(id));
        let forgotten = listings.len() != listed;
        drop(listings);
        if forgotten {
            self.publish();
        }
    }

    fn start(self: &Arc<Self>, config: Arc<ConnectionConfig>, log: Log) -> Arc<Upstream> {
        let state = State {
            health: ConnectionHealth::Connecting,
            since: clock::now_ms(),
            last_error: None,
            problem: None,
            server: None,
            protocol: None,
            instructions: None,
            starts: 0,
            settled: 0,
        };
        let subscriptions = Subscriptions::new(Arc::clone(&self.context.live), config.name.clone());
        let owner = Owner::connection(config.name.as_str());
        let upstream = Arc::new(Upstream {
            config,
            log,
            state: watch::Sender::new(state),
            link: ArcSwapOption::empty(),
            retry: Notify::new(),
            restart: watch::Sender::new(()),
            stop: self.stop.child_token(),
            timeouts: self.context.timeouts,
            http: self.context.outbound.of(owner).client(),
            era: Mutex::default(),
            subscriptions: Arc::new(subscriptions),
        });
        self.tasks.spawn(Arc::clone(self).supervise(Arc::clone(&upstream)));
        upstream
    }

    async fn supervise(self: Arc<Self>, upstream: Arc<Upstream>) {
        let mut failures = 0_u32;
        let mut restart = upstream.restart.subscribe();
        loop {
            let began = Instant::now();
            let problem = tokio::select! {
                () = self.unsealed(&upstream) => self.serve(&upstream, &mut restart).await,
                () = upstream.stop.cancelled() => return,
            };
            if upstream.stop.is_cancelled() {
                return;
            }
            // Another account, the same one anew, or a restart.
            let Some(problem) = problem else {
                failures = 0;
                continue;
            };
            failures = if began.elapsed() >= STEADY { 1 } else { failures + 1 };
            let name = &upstream.config.name;
            tracing::warn!(connection = %name, %problem, failures, "a connection is not ready");
            let given_up = failures >= bounds::RETRY_ATTEMPTS;
            let advice = if given_up { "; not tried again until you test it" } else { "" };
            self.set_state(&upstream, |state| {
                state.health = ConnectionHealth::Failed;
                state.problem = Some(format!("{problem}{advice}"));
                state.settled += 1;
            });
            let wait = bounds::RETRY_FIRST * 2_u32.saturating_pow(failures.min(10) - 1);
            tokio::select! {
                () = tokio::time::sleep(wait.min(bounds::RETRY_MAX)), if !given_up => {}
                () = upstream.retry.notified() => failures = 0,
                _ = restart.changed() => failures = 0,
                () = upstream.stop.cancelled() => return,
            }
        }
    }

    /// Waits for the vault, where the connection has credentials.
    async fn unsealed(&self, upstream: &Upstream) {
        let mut changes = self.context.live.changes();
        while upstream.config.has_secrets() && self.context.vault.load().is_none() {
            self.set_state(upstream, |state| {
                state.health = ConnectionHealth::Sealed;
                state.problem = Some("the gateway is sealed; unlock it".into());
            });
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// One life of an upstream, from its start to its end. Returns why it ended;
    /// `None` if it is to begin anew with what is known of its account now.
    async fn serve(
        &self,
        upstream: &Upstream,
        restart: &mut watch::Receiver<()>,
    ) -> Option<String> {
        restart.mark_unchanged();
        self.set_state(upstream, |state| {
            state.health = ConnectionHealth::Connecting;
            state.starts += 1;
        });
        let life = Life::default();
        let problem = tokio::select! {
            problem = self.live(upstream, &life) => problem,
            _ = restart.changed() => None,
            () = upstream.stop.cancelled() => Some(String::new()),
        };
        upstream.link.store(None);
        life.end().await;
        problem
    }

    async fn live(&self, upstream: &Upstream, life: &Life) -> Option<String> {
        let config = &upstream.config;
        let (account, token) = match self.context.accounts.to_list(config).await {
            Ok(Some((account, token))) => (Some(account), Some(token)),
            // Without one the server may still say what it wants.
            Ok(None) | Err(_) => (self.context.accounts.lister(config), None),
        };
        let vault = self.context.vault.load_full();
        let start = self.context.timeouts.start;
        let ear = Ear {
            live: Arc::clone(&self.context.live),
            connection: upstream.config.name.clone(),
            lists_changed: Arc::default(),
        };
        // Forgotten unless it proves right again.
        let known = upstream.era.lock().unwrap_or_else(PoisonError::into_inner).take();
        let setting = |account: Option<Secret>, ear: Ear| Setting {
            config,
            vault: vault.as_deref(),
            account,
            http: &upstream.http,
            log: &upstream.log,
            ear,
            life,
            known,
            crowd: &self.context.crowd,
            subscriptions: &upstream.subscriptions,
            probe: bounds::PROBE.min(start / 3),
            idle: self.context.timeouts.idle,
        };
        let started = async {
            let (link, greeting) = Link::connect(setting(token, ear.clone())).await?;
            let definitions = link.list().await?;
            Ok::<_, UpstreamError>((Arc::new(link), greeting, definitions))
        };
        let (link, greeting, definitions) = match tokio::time::timeout(start, started).await {
            Ok(Ok(started)) => started,
            Ok(Err(error)) => {
                *upstream.era.lock().unwrap_or_else(PoisonError::into_inner) = known;
                let calls = || Link::unlisted(&setting(None, ear));
                return self.not_listed(upstream, calls, account.as_ref(), error).await;
            }
            Err(_) => return Some(self.never_answered(upstream)),
        };
        *upstream.era.lock().unwrap_or_else(PoisonError::into_inner) = Some(greeting.era);
        // Calls go out only once it is known what its tools are now.
        self.accept(upstream, definitions).await;
        upstream.link.store(Some(Arc::clone(&link)));
        self.set_state(upstream, |state| {
            state.health = ConnectionHealth::Ready;
            state.problem = None;
            state.server = greeting.server;
            state.protocol = Some(greeting.protocol);
            state.instructions = greeting.instructions.map(Arc::from);
            state.settled += 1;
        });
        let resumed = Arc::clone(&link);
        life.run(async move { resumed.resume().await });
        self.keep_listed(upstream, &link, account.as_ref()).await
    }

    /// Lists again whenever something changed, until the link ends.
    async fn keep_listed(
        &self,
        upstream: &Upstream,
        link: &Arc<Link>,
        account: Option<&Arc<Account>>,
    ) -> Option<String> {
        let mut changes = self.context.live.changes();
        let mut sweep = tokio::time::interval(bounds::SWEEP_EVERY);
        loop {
            let look = tokio::select! {
                _ = sweep.tick() => false,
                changed = changes.changed() => if changed.is_err() { std::future::pending().await } else { false },
                problem = link.closed() => return Some(problem),
                () = self.another_account(upstream, account, false) => return None,
                // Several lists may change at once.
                () = link.lists_changed() => {
                    tokio::time::sleep(bounds::LISTS_CHANGE).await;
                    true
                }
                () = upstream.retry.notified() => true,
            };
            if !look {
                let snapshot = self.context.live.snapshot.load_full();
                link.sweep(|user, agent| snapshot.is_known(user, agent));
                continue;
            }
            match tokio::time::timeout(self.context.timeouts.start, link.list()).await {
                Ok(Ok(definitions)) => self.accept(upstream, definitions).await,
                Ok(Err(error)) => {
                    let calls = || Ok(Arc::clone(link));
                    return self.not_listed(upstream, calls, account, error).await;
                }
                Err(_) => return Some(self.never_answered(upstream)),
            }
            self.set_state(upstream, |state| state.settled += 1);
        }
    }

    /// Tools could not be listed. Where that is for want of an account, `calls`
    /// go on, with accounts of their own, and the tools stay listed as they
    /// were.
    async fn not_listed(
        &self,
        upstream: &Upstream,
        calls: impl FnOnce() -> Result<Arc<Link>, UpstreamError>,
        account: Option<&Arc<Account>>,
        error: UpstreamError,
    ) -> Option<String> {
        let config = &upstream.config;
        let used = account.map(|account| &**account);
        let error = self.context.accounts.refused(config, used, error).await;
        let UpstreamError::SignIn(sign_in) = error else { return Some(error.to_string()) };
        // Renewed meanwhile, or the authorization server is away.
        let seen = self.context.accounts.lister(config);
        if sign_in.passes() {
            return Some(sign_in.to_string());
        }
        let link = match calls() {
            Ok(link) => link,
            Err(error) => return Some(error.to_string()),
        };
        upstream.link.store(Some(Arc::clone(&link)));
        self.set_state(upstream, |state| {
            state.health = ConnectionHealth::NeedsSignIn;
            state.problem = Some(sign_in.for_admins());
            state.settled += 1;
        });
        tokio::select! {
            () = self.another_account(upstream, seen.as_ref(), true) => None,
            () = upstream.retry.notified() => None,
            problem = link.closed() => Some(problem),
        }
    }

    /// Returns when tools would be listed with another account than `seen`, or
    /// `anew` with new tokens of the same.
    async fn another_account(&self, upstream: &Upstream, seen: Option<&Arc<Account>>, anew: bool) {
        if upstream.config.sign_in.is_none() {
            return std::future::pending().await;
        }
        let key = |account: &Arc<Account>| (account.id, if anew { account.version } else { 0 });
        let seen = seen.map(key);
        let mut changes = self.context.live.changes();
        while self.context.accounts.lister(&upstream.config).as_ref().map(key) == seen {
            if changes.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    fn never_answered(&self, upstream: &Upstream) -> String {
        let limit = UpstreamError::TimedOut(self.context.timeouts.start).to_string();
        upstream.log.hint().map_or(limit.clone(), |hint| format!("{limit}; {hint}"))
    }

    /// Takes a list of tools into the catalogue, and into the database if it
    /// is another one than before.
    async fn accept(&self, upstream: &Upstream, definitions: Definitions) {
        let config = &upstream.config;
        if self.list(config.id, &config.name, definitions) {
            self.store(config).await;
        }
    }

    /// Stores the list of a connection if it is not stored, and not too many
    /// were.
    async fn store(&self, config: &ConnectionConfig) {
        let definitions = {
            let mut listings = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
            let due = |listed: &&mut Last| listed.unstored && listed.stored < bounds::LISTS_STORED;
            let Some(listed) = listings.get_mut(&config.id).filter(due) else { return };
            listed.stored += 1;
            listed.unstored = false;
            listed.definitions.clone()
        };
        let stored = self.context.writer.change(store_tools(config, definitions)).await;
        if let Err(error) = stored {
            tracing::warn!(connection = %config.name, %error, "its list of tools was not stored");
            let mut listings = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(listed) = listings.get_mut(&config.id) {
                listed.unstored = true;
            }
        }
    }

    /// A period is over: stores what was not within it.
    async fn store_rest(&self) {
        for listed in self.listings.lock().unwrap_or_else(PoisonError::into_inner).values_mut() {
            listed.stored = 0;
        }
        let snapshot = self.context.live.snapshot.load_full();
        for config in snapshot.connections.values() {
            self.store(config).await;
        }
    }

    /// Returns whether it is another list than before.
    fn list(&self, id: ConnectionId, name: &ConnectionName, definitions: Definitions) -> bool {
        let mut listings = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
        let before = listings.get(&id);
        if before.is_some_and(|before| before.definitions == definitions) {
            return false;
        }
        let stored = before.map_or(0, |before| before.stored);
        let pins = &self.context.live.snapshot.load().pins;
        let listing = Listing::read(id, name, &definitions, pins);
        listings.insert(id, Last { definitions, listing, stored, unstored: true });
        drop(listings);
        self.publish();
        true
    }

    fn publish(&self) {
        let listings = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
        let all = listings.iter().map(|(id, listed)| (*id, listed.listing.clone()));
        let catalog = Catalog::build(all, &self.context.live.snapshot.load().pins);
        self.context.live.swap_catalog(catalog);
    }

    fn set_state(&self, upstream: &Upstream, change: impl FnOnce(&mut State)) {
        upstream.state.send_modify(|state| {
            let before = state.clone();
            change(state);
            noted(&before, state, &upstream.log);
        });
        self.context.live.announce("connections");
    }
}

/// Dates what is another now than before, and writes it down for people.
fn noted(before: &State, state: &mut State, log: &Log) {
    let now = clock::now_ms();
    if state.health != before.health {
        state.since = now;
    }
    if state.problem != before.problem
        && let Some(problem) = &state.problem
    {
        state.last_error = Some((problem.clone(), now));
    }
    let same = state.health == before.health && state.problem == before.problem;
    if same && state.starts == before.starts {
        return;
    }
    let problem = state.problem.as_deref().unwrap_or_default();
    log.event(match state.health {
        ConnectionHealth::Connecting => "starting".to_owned(),
        ConnectionHealth::Ready => {
            let server = state.server.as_deref().unwrap_or("a server without a name");
            let protocol = state.protocol.as_deref().unwrap_or("of unknown revision");
            format!("ready: {server}, MCP {protocol}")
        }
        ConnectionHealth::Failed => format!("failed: {problem}"),
        ConnectionHealth::Sealed => format!("waiting: {problem}"),
        ConnectionHealth::NeedsSignIn => format!("waiting for a sign-in: {problem}"),
    });
}

/// The change that keeps a connection's tools, with its record.
fn store_tools(
    config: &ConnectionConfig,
    definitions: Definitions,
) -> impl FnOnce(&crate::store::writer::Change<'_>) -> Result<(), StoreError> + Send + 'static {
    let (id, name) = (config.id.get(), config.name.clone());
    let over = match config.transport {
        Transport::Stdio { .. } => "stdio",
        Transport::Http { .. } => "http",
    };
    move |change| {
        // The connection may have been removed while it was being listed.
        let exists =
            change.db.prepare_cached("SELECT 1 FROM connections WHERE id = ?1")?.exists([id])?;
        if !exists {
            return Ok(());
        }
        change.db.execute("DELETE FROM tools WHERE connection = ?1", [id])?;
        let mut insert = change.db.prepare_cached(
            "INSERT INTO tools (connection, position, kind, definition) VALUES (?1, ?2, ?3, ?4)",
        )?;
        let now = clock::now_ms();
        let mut seen = change.db.prepare_cached(
            "INSERT INTO seen_tools (connection, tool, seen_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        )?;
        for (position, (listed, definition)) in definitions.0.iter().enumerate() {
            insert.execute(params![id, position, listed.as_str(), definition])?;
        }
        for tool in
            Listing::read(ConnectionId::new(id), &name, &definitions, &Pins::default()).tools
        {
            seen.execute(params![id, tool.id.tool().as_str(), now])?;
        }
        let mut record = Record::new(Kind::Config, now);
        record.status = Some("tools_listed");
        let tools = definitions.count(Listed::Tool);
        let others = definitions.0.len() - tools;
        let others =
            if others == 0 { String::new() } else { format!(", {others} prompts and resources") };
        record.detail = Some(format!("{name} ({over}) lists {tools} tools{others}"));
        change.audit(record);
        Ok(())
    }
}

/// The definitions that each connection listed last.
pub(crate) fn stored_tools(
    db: &rusqlite::Connection,
) -> Result<HashMap<ConnectionId, Definitions>, StoreError> {
    let mut stored: HashMap<ConnectionId, Definitions> = HashMap::new();
    let mut select =
        db.prepare("SELECT connection, kind, definition FROM tools ORDER BY connection, position")?;
    let rows =
        select.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?)))?;
    for row in rows {
        let (connection, kind, definition) = row?;
        let listed = Listed::ALL.into_iter().find(|listed| listed.as_str() == kind);
        let listed = listed.ok_or_else(|| StoreError::Damaged(format!("a listed {kind}")))?;
        stored.entry(ConnectionId::new(connection)).or_default().0.push((listed, definition));
    }
    Ok(stored)
}
