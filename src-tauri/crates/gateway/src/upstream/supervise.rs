//! Starts upstreams, keeps them running and their tools listed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use agw_api::{ConnectionHealth, Transport};
use agw_core::{ConnectionId, ConnectionName};
use agw_vault::Vault;
use arc_swap::{ArcSwap, ArcSwapOption};
use rusqlite::params;
use tokio::sync::{Notify, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    accounts::{Account, Accounts},
    audit::{Kind, Record},
    bounds::{self, Timeouts},
    catalog::{Catalog, Listing},
    clock,
    live::Live,
    store::{StoreError, snapshot::ConnectionConfig, writer::Writer},
    upstream::{HttpClient, Upstream, UpstreamError, link::Link, stderr::Tail},
};

/// An upstream that worked for this long starts again without delay.
const STEADY: Duration = Duration::from_secs(30);

/// How a connection is, for people.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) health: ConnectionHealth,
    pub(crate) problem: Option<String>,
    pub(crate) server: Option<String>,
    pub(crate) protocol: Option<String>,
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
    pub(crate) http: HttpClient,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) timeouts: Timeouts,
}

/// All upstreams, by connection.
#[derive(Debug)]
pub(crate) struct Upstreams {
    context: Context,
    running: ArcSwap<HashMap<ConnectionId, Arc<Upstream>>>,
    listings: Mutex<HashMap<ConnectionId, (Vec<String>, Listing)>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Upstreams {
    /// `stored` are the definitions that each connection listed last, so that
    /// tools are on offer before their servers are up.
    pub(crate) fn new(context: Context, stored: HashMap<ConnectionId, Vec<String>>) -> Arc<Self> {
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
        upstreams
    }

    pub(crate) fn get(&self, connection: ConnectionId) -> Option<Arc<Upstream>> {
        self.running.load().get(&connection).cloned()
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
        running.retain(|id, upstream| {
            let keep = wanted.get(id).is_some_and(|config| ***config == *upstream.config);
            if !keep {
                upstream.stop.cancel();
            }
            keep
        });
        let mut changed = running.len() != before;
        for (id, config) in &wanted {
            if !running.contains_key(id) {
                running.insert(*id, self.start(Arc::clone(config)));
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

    fn start(self: &Arc<Self>, config: Arc<ConnectionConfig>) -> Arc<Upstream> {
        let state = State {
            health: ConnectionHealth::Connecting,
            problem: None,
            server: None,
            protocol: None,
            starts: 0,
            settled: 0,
        };
        let upstream = Arc::new(Upstream {
            config,
            stderr: Tail::default(),
            state: watch::Sender::new(state),
            link: ArcSwapOption::empty(),
            retry: Notify::new(),
            stop: self.stop.child_token(),
            timeouts: self.context.timeouts,
        });
        self.tasks.spawn(Arc::clone(self).supervise(Arc::clone(&upstream)));
        upstream
    }

    async fn supervise(self: Arc<Self>, upstream: Arc<Upstream>) {
        let mut failures = 0_u32;
        loop {
            let began = Instant::now();
            let problem = tokio::select! {
                () = self.unsealed(&upstream) => self.serve(&upstream).await,
                () = upstream.stop.cancelled() => return,
            };
            if upstream.stop.is_cancelled() {
                return;
            }
            // Another account, or the same one anew.
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
    async fn serve(&self, upstream: &Upstream) -> Option<String> {
        self.set_state(upstream, |state| {
            state.health = ConnectionHealth::Connecting;
            state.starts += 1;
        });
        let vault = self.context.vault.load_full();
        let config = &upstream.config;
        let (account, token) = match self.context.accounts.to_list(config).await {
            Ok(Some((account, token))) => (Some(account), Some(token)),
            // Without one the server may still say what it wants.
            Ok(None) | Err(_) => (self.context.accounts.lister(config), None),
        };
        let http = &self.context.http;
        let link = match Link::open(config, vault.as_deref(), token, http, &upstream.stderr) {
            Ok(link) => Arc::new(link),
            Err(error) => return Some(error.to_string()),
        };
        let problem = tokio::select! {
            problem = self.use_link(upstream, &link, account.as_ref()) => problem,
            () = upstream.stop.cancelled() => Some(String::new()),
        };
        upstream.link.store(None);
        link.stop().await;
        problem
    }

    async fn use_link(
        &self,
        upstream: &Upstream,
        link: &Arc<Link>,
        account: Option<&Arc<Account>>,
    ) -> Option<String> {
        let start = async {
            let greeting = link.greet().await?;
            Ok::<_, UpstreamError>((greeting, link.list_tools().await?))
        };
        let (greeting, definitions) =
            match tokio::time::timeout(self.context.timeouts.start, start).await {
                Ok(Ok(started)) => started,
                Ok(Err(error)) => return self.not_listed(upstream, link, account, error).await,
                Err(_) => return Some(self.never_answered(link)),
            };
        upstream.link.store(Some(Arc::clone(link)));
        self.accept(upstream, definitions).await;
        self.set_state(upstream, |state| {
            state.health = ConnectionHealth::Ready;
            state.problem = None;
            state.server = greeting.server;
            state.protocol = Some(greeting.protocol);
            state.settled += 1;
        });
        loop {
            tokio::select! {
                problem = link.closed() => return Some(problem),
                () = link.tools_changed() => {}
                () = upstream.retry.notified() => {}
                () = self.another_account(upstream, account, false) => return None,
            }
            match tokio::time::timeout(self.context.timeouts.start, link.list_tools()).await {
                Ok(Ok(definitions)) => self.accept(upstream, definitions).await,
                Ok(Err(error)) => return self.not_listed(upstream, link, account, error).await,
                Err(_) => return Some(self.never_answered(link)),
            }
            self.set_state(upstream, |state| state.settled += 1);
        }
    }

    /// Tools could not be listed. Where that is for want of an account, the
    /// link stays: calls go with accounts of their own, and the tools stay
    /// listed as they were.
    async fn not_listed(
        &self,
        upstream: &Upstream,
        link: &Arc<Link>,
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
        upstream.link.store(Some(Arc::clone(link)));
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

    fn never_answered(&self, link: &Link) -> String {
        let hint = match link {
            Link::Stdio(link) => link.hint(),
            Link::Http(_) => None,
        };
        let limit = UpstreamError::TimedOut(self.context.timeouts.start).to_string();
        hint.map_or(limit.clone(), |hint| format!("{limit}; {hint}"))
    }

    /// Takes a list of tools into the catalogue, and into the database if it
    /// is another one than before.
    async fn accept(&self, upstream: &Upstream, definitions: Vec<String>) {
        let config = &upstream.config;
        if !self.list(config.id, &config.name, definitions.clone()) {
            return;
        }
        let stored = self.context.writer.change(store_tools(config, definitions)).await;
        if let Err(error) = stored {
            tracing::warn!(connection = %config.name, %error, "its list of tools was not stored");
        }
    }

    /// Returns whether it is another list than before.
    fn list(&self, id: ConnectionId, name: &ConnectionName, definitions: Vec<String>) -> bool {
        let mut listings = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
        if listings.get(&id).is_some_and(|(before, _)| *before == definitions) {
            return false;
        }
        let listing = Listing::read(id, name, &definitions);
        listings.insert(id, (definitions, listing));
        drop(listings);
        self.publish();
        true
    }

    fn publish(&self) {
        let listings = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
        let all = listings.iter().map(|(id, (_, listing))| (*id, listing.clone()));
        self.context.live.swap_catalog(Catalog::build(all));
    }

    fn set_state(&self, upstream: &Upstream, change: impl FnOnce(&mut State)) {
        upstream.state.send_modify(change);
        self.context.live.announce("connections");
    }
}

/// The change that keeps a connection's tools, with its record.
fn store_tools(
    config: &ConnectionConfig,
    definitions: Vec<String>,
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
            "INSERT INTO tools (connection, position, definition) VALUES (?1, ?2, ?3)",
        )?;
        let now = clock::now_ms();
        let mut seen = change.db.prepare_cached(
            "INSERT INTO seen_tools (connection, tool, seen_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        )?;
        for (position, definition) in definitions.iter().enumerate() {
            insert.execute(params![id, position, definition])?;
            let node = agw_core::json::parse(definition.as_bytes()).ok();
            if let Some(name) = node.as_ref().and_then(|node| node.get("name")?.as_str()) {
                seen.execute(params![id, name, now])?;
            }
        }
        let mut record = Record::new(Kind::Config, now);
        record.status = Some("tools_listed");
        record.detail = Some(format!("{name} ({over}) lists {} tools", definitions.len()));
        change.audit(record);
        Ok(())
    }
}

/// The definitions that each connection listed last.
pub(crate) fn stored_tools(
    db: &rusqlite::Connection,
) -> Result<HashMap<ConnectionId, Vec<String>>, StoreError> {
    let mut stored: HashMap<ConnectionId, Vec<String>> = HashMap::new();
    let mut select =
        db.prepare("SELECT connection, definition FROM tools ORDER BY connection, position")?;
    for row in select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))? {
        let (connection, definition) = row?;
        stored.entry(ConnectionId::new(connection)).or_default().push(definition);
    }
    Ok(stored)
}
