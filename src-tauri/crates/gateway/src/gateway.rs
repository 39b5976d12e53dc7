//! The running gateway: what its faces, its pipeline and its admin API share.

mod sealing;

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use agw_api::{AuditAlarm, ServiceState};
use agw_core::{Caller, ItemKind, UserId};
use agw_vault::{MasterKeyError, MasterKeySource, Secret, Vault};
use arc_swap::ArcSwapOption;
use tokio_util::sync::CancellationToken;

pub(crate) use sealing::UnsealError;
use sealing::choose_master_key;

use crate::{
    accounts::Accounts,
    admin::{SignIns, StaffSessions, Verification, WebView},
    approvals::Approvals,
    audit::{self, Kind, Record, forward::Forwards, ledger::Ledger, witness::Witnesses},
    bounds::{self, Timeouts},
    clock,
    egress::Egress,
    faces::{AgentSessions, ParkedCalls},
    live::{Live, Publish},
    oauth::{Codes, Registrations},
    outbound::{HttpClient, Outbound, Owner},
    pages::FormKey,
    pipeline::{Paused, Refusal, Reservations, ToolCall},
    sharing::Sharing,
    store::{
        self, Reader, StoreError, rows,
        snapshot::{ConnectionConfig, Snapshot},
        writer::Writer,
    },
    upstream::{self, Upstream, UpstreamError, Upstreams},
};

/// The longest window of a rate.
const DAY_MS: i64 = 24 * 3600 * 1_000;

/// What `agw serve` was told.
#[derive(Debug)]
pub struct ServeOptions {
    pub data_dir: PathBuf,
    pub listen: SocketAddr,
    /// `None`: as it was at set-up, or the OS keychain before that.
    pub master_key: Option<MasterKeySource>,
    /// What browsers are served at `/`; nothing if it is left out.
    pub web_view: Option<WebView>,
    /// For a master key that is derived from a passphrase.
    pub passphrase: Option<Secret>,
    /// Whether every record is on disk before its call is forwarded, whatever
    /// the settings say.
    pub strict_audit: bool,
    /// Whether the transport of MCP 2024-11-05 is served, too.
    pub legacy_sse: bool,
}

/// Why the service did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("the data folder {path} cannot be used: {source}; check its owner and mode")]
    DataDir { path: PathBuf, source: std::io::Error },
    #[error(
        "another gateway is running in {0}; stop it with `agw stop` or choose another --data-dir"
    )]
    AlreadyRunning(PathBuf),
    #[error("cannot listen on {address}: {source}; choose another address with --listen")]
    Listen { address: String, source: std::io::Error },
    #[error(
        "{0} is not on this machine alone; leave --listen as it is and share the gateway over TLS with `agw share on`"
    )]
    NotLoopback(SocketAddr),
    #[error(
        "this gateway keeps its master key in {stored}, not in {given}; leave --master-key out"
    )]
    OtherMasterKey { stored: MasterKeySource, given: MasterKeySource },
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("this machine gives no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    #[error("TLS to upstreams cannot be set up: {0}; install the system's CA certificates")]
    Tls(std::io::Error),
}

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) live: Arc<Live>,
    pub(crate) vault: Arc<ArcSwapOption<Vault>>,
    pub(crate) writer: Writer,
    pub(crate) reader: Reader,
    pub(crate) upstreams: Arc<Upstreams>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) reservations: Reservations,
    pub(crate) approvals: Arc<Approvals>,
    pub(crate) agent_sessions: AgentSessions,
    pub(crate) parked: ParkedCalls,
    pub(crate) staff: StaffSessions,
    pub(crate) sign_ins: SignIns,
    pub(crate) forms: FormKey,
    pub(crate) codes: Codes,
    pub(crate) registrations: Registrations,
    pub(crate) sharing: Sharing,
    pub(crate) installation: String,
    pub(crate) master_key: MasterKeySource,
    /// Held while the master key is made: of two at once, the one that lost
    /// would leave its key in the keychain and the winner's vault closed.
    pub(crate) making_key: tokio::sync::Mutex<()>,
    sealed_reason: Mutex<Option<String>>,
    pub(crate) strict_audit: bool,
    pub(crate) data_dir: PathBuf,
    pub(crate) outbound: Outbound,
    pub(crate) witness_http: HttpClient,
    pub(crate) witnesses: Witnesses,
    pub(crate) forwards: Forwards,
    pub(crate) verification: Verification,
    alarm: ArcSwapOption<AuditAlarm>,
    pub(crate) started_at: i64,
    pub(crate) url: String,
    /// Fires when the service shall stop.
    pub(crate) stop: CancellationToken,
}

impl Gateway {
    /// Opens the database, closes what a crash left open, and starts
    /// everything but the listeners.
    pub(crate) async fn open(
        options: &ServeOptions,
        timeouts: Timeouts,
        url: String,
    ) -> Result<Arc<Self>, ServeError> {
        let (mut db, reader) = store::open(&options.data_dir)?;
        let now = clock::now_ms();
        let indeterminate = audit::recover::close_open_calls(&mut db, now)?;
        if indeterminate > 0 {
            tracing::warn!(indeterminate, "calls were cut short when the service last ended");
        }
        audit::recover::close_open_questions(&mut db, now)?;
        let installation = installation(&db)?;
        let snapshot = Snapshot::load(&db, None)?;
        let staff = StaffSessions::load(&db, now)?;
        let stored_tools = upstream::stored_tools(&db)?;
        let master_key = choose_master_key(&db, options)?;
        // Made now rather than at set-up, so that a file that cannot be used
        // is heard of by whoever named it. A key that is lost later is never
        // made anew: it would open nothing.
        if !snapshot.set_up && matches!(master_key, MasterKeySource::File(_)) {
            master_key.create(&installation, None)?;
        }
        let reservations = reservations(&db, &snapshot, now)?;
        let last_approval = rows::meta(&db, rows::LAST_APPROVAL).map_err(StoreError::from)?;
        let last_approval = last_approval.and_then(|last| last.parse().ok()).unwrap_or(0);
        let known = audit::recover::newest(&db)?.unwrap_or(now);
        let settings = snapshot.audit.clone();
        let live = Live::new(snapshot, known);
        let ledger = Ledger::load(&db)?;
        let origin = audit::key::origin(&installation);
        let alarm =
            audit::alarm::check(&db, &options.data_dir, &settings, &origin, &ledger.tree())?;
        let writer = Writer::start(db, Publish::to(Arc::clone(&live)), ledger)?;
        let outbound = Outbound::new(now).map_err(ServeError::Tls)?;
        let egress = Egress::new(outbound.clone(), timeouts.call.min(bounds::EGRESS_PATIENCE));
        let vault = Arc::new(ArcSwapOption::empty());
        let (to_live, to_vault) = (Arc::clone(&live), Arc::clone(&vault));
        let accounts = Accounts::new(to_live, to_vault, writer.clone(), egress, url.clone());
        let context = upstream::Context {
            live: Arc::clone(&live),
            vault: Arc::clone(&vault),
            writer: writer.clone(),
            outbound: outbound.clone(),
            accounts: Arc::clone(&accounts),
            timeouts,
            crowd: Arc::default(),
        };
        let gateway = Arc::new(Self {
            upstreams: Upstreams::new(context, stored_tools),
            accounts,
            live,
            vault,
            writer,
            reader,
            reservations,
            approvals: Approvals::after(last_approval),
            agent_sessions: AgentSessions::default(),
            parked: ParkedCalls::new().map_err(|e| StoreError::Unavailable(e.to_string()))?,
            staff,
            sign_ins: SignIns::default(),
            forms: FormKey::new()?,
            codes: Codes::default(),
            registrations: Registrations::default(),
            sharing: Sharing::new(timeouts.certificate),
            installation,
            master_key,
            making_key: tokio::sync::Mutex::default(),
            sealed_reason: Mutex::default(),
            strict_audit: options.strict_audit,
            data_dir: options.data_dir.clone(),
            witness_http: outbound.of(Owner::witness()).client(),
            outbound,
            witnesses: Witnesses::default(),
            forwards: Forwards::default(),
            verification: Verification::default(),
            alarm: ArcSwapOption::from_pointee(alarm.clone()),
            started_at: now,
            url,
            stop: CancellationToken::new(),
        });
        gateway
            .service_record("started", None, format!("{indeterminate} calls had no outcome"))
            .await?;
        if let Some(alarm) = alarm {
            gateway.raise(alarm).await;
        }
        Ok(gateway)
    }

    /// A `service` record; it also makes everybody look again.
    pub(crate) async fn service_record(
        &self,
        status: &'static str,
        by: Option<UserId>,
        detail: String,
    ) -> Result<(), StoreError> {
        self.writer
            .change(move |change| {
                let mut record = Record::new(Kind::Service, clock::now_ms());
                record.status = Some(status);
                record.user = by;
                record.detail = Some(detail);
                change.audit(record);
                Ok(())
            })
            .await
    }

    /// What is wrong with the trail, until an admin has acknowledged it.
    pub(crate) fn alarm(&self) -> Option<Arc<AuditAlarm>> {
        self.alarm.load_full()
    }

    /// Says that something is wrong with the trail as a whole. The first such
    /// alarm stays.
    pub(crate) async fn raise(&self, alarm: AuditAlarm) {
        let known = self.alarm.load_full().is_some_and(|known| known.found_at != alarm.found_at);
        if known {
            return;
        }
        tracing::error!(message = alarm.message, "the audit trail is not as it was signed");
        self.alarm.store(Some(Arc::new(alarm.clone())));
        let kept = self.writer.change(move |change| {
            audit::alarm::keep(change.db, Some(&alarm))?;
            let mut record = Record::new(Kind::Service, clock::now_ms());
            record.status = Some("audit_alarm");
            record.detail = Some(alarm.message);
            change.audit(record);
            Ok::<_, StoreError>(())
        });
        if let Err(error) = kept.await {
            tracing::error!(%error, "the alarm could not be recorded");
        }
    }

    /// An admin knows of the alarm.
    pub(crate) async fn acknowledge(&self, by: UserId) -> Result<(), StoreError> {
        self.writer
            .change(move |change| {
                audit::alarm::keep(change.db, None)?;
                let mut record = Record::new(Kind::Service, clock::now_ms());
                record.status = Some("audit_alarm_acknowledged");
                record.user = Some(by);
                change.audit(record);
                Ok::<_, StoreError>(())
            })
            .await?;
        self.alarm.store(None);
        Ok(())
    }

    pub(crate) fn state(&self) -> ServiceState {
        let snapshot = self.live.snapshot.load();
        match self.check_open(&snapshot) {
            Ok(()) => ServiceState::Enforcing,
            Err(Refusal::NotSetUp) => ServiceState::Unconfigured,
            Err(Refusal::Paused(_)) => ServiceState::Paused,
            Err(Refusal::AuditUnavailable) => ServiceState::Unrecorded,
            Err(_) => ServiceState::Sealed,
        }
    }

    /// Whether calls are served at all.
    pub(crate) fn check_open(&self, snapshot: &Snapshot) -> Result<(), Refusal> {
        if !snapshot.set_up {
            return Err(Refusal::NotSetUp);
        }
        if self.vault.load().is_none() {
            return Err(Refusal::Sealed);
        }
        if snapshot.paused {
            return Err(Refusal::Paused(Paused::All));
        }
        if !self.writer.healthy() {
            return Err(Refusal::AuditUnavailable);
        }
        Ok(())
    }

    /// `ana` or `ana/claude`.
    pub(crate) fn name_of(&self, caller: &Caller) -> String {
        let snapshot = self.live.snapshot.load();
        let user = snapshot.users.get(&caller.user).map_or("?", |user| &user.name);
        match &caller.agent {
            None => user.to_owned(),
            Some(agent) => {
                let agent = snapshot.agents.get(&agent.id).map_or("?", |agent| &agent.name);
                format!("{user}/{agent}")
            }
        }
    }

    /// The upstream behind a call that was allowed.
    pub(crate) fn upstream_of(
        &self,
        snapshot: &Snapshot,
        call: &ToolCall,
    ) -> Result<(Arc<Upstream>, Arc<ConnectionConfig>), Refusal> {
        let config = snapshot.connections.get(call.id.connection()).ok_or(Refusal::UnknownTool)?;
        let same = match &call.tool {
            // A connection that was removed and made anew is another one.
            Some(tool) => config.id == tool.connection,
            // Not every resource is listed: some come from templates, others
            // from results.
            None => call.operation.kind() == ItemKind::Resource,
        };
        if !same {
            return Err(Refusal::UnknownTool);
        }
        let starting = || UpstreamError::NotReady("it is being started".into());
        let upstream = self.upstreams.get(config.id).ok_or_else(starting)?;
        Ok((upstream, Arc::clone(config)))
    }
}

/// A random name for this installation, made at its first start.
fn installation(db: &rusqlite::Connection) -> Result<String, StoreError> {
    if let Some(known) = rows::meta(db, rows::INSTALLATION)? {
        return Ok(known);
    }
    let new = crate::random::text::<16>().map_err(|e| StoreError::Unavailable(e.to_string()))?;
    rows::set_meta(db, rows::INSTALLATION, &new)?;
    Ok(new)
}

/// What calls before the start have used up of rates and sub-tokens.
fn reservations(
    db: &rusqlite::Connection,
    snapshot: &Snapshot,
    now: i64,
) -> Result<Reservations, StoreError> {
    let made = audit::recover::calls_since(db, now - DAY_MS, &snapshot.rated)?;
    let instant = Instant::now();
    let made = made.into_iter().filter_map(|(grant, at)| {
        let ago = Duration::from_millis(u64::try_from(now - at).unwrap_or(0));
        Some((grant, instant.checked_sub(ago)?))
    });
    Ok(Reservations::with(made, audit::recover::limited_uses(db)?))
}
