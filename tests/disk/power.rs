//! The power goes. Every write and sync of the real service is recorded while
//! it works; what may be on the disk at any moment is made from that, and must
//! be a whole database with the intent of every call that an upstream had
//! received by then, and the records that every checkpoint signed for that
//! anybody had.
//!
//! The same test runs against a build that does not sync, and must find it out.

mod images;

use std::{
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use agw_api::{AuditCheckpoint, AuditSettings, Client, Receipt, ServiceState, Status};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use images::Found;
use serde_json::json;
use tokio::task::JoinHandle;

use super::trace::Trace;
use crate::support::{
    callers::{Callers, Numbers},
    cli::agw,
    daemon::{self, Daemon, answers, faulty},
    eventually, http,
    ledger::{Ledger, Received, WRITES},
    shim::{Errno, Fault, Shim},
};

const IMAGES: usize = 1_200;
/// Fewer do for a build that loses what it should not.
const OF_FAULTY: usize = 400;
/// On so many services are started.
const STARTS: usize = 40;
const CALLERS: usize = 8;
/// In each of the two lives of the service. The database stays small.
const CALLS: usize = 400;
/// The promise for what only reads is 50 ms; this machine has other work.
const READS_SYNCED_WITHIN: Duration = Duration::from_secs(1);
const WITNESSED_EVERY: Duration = Duration::from_millis(40);
/// Calls that are made for them, at the end.
const RECEIPTS: usize = 40;
/// For all calls of one life.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn no_write_is_without_its_intent_after_the_power_went() {
    let found = lose_power(record(&agw(), None).await, IMAGES, STARTS).await;
    assert!(found.bad.is_empty(), "{:#?}", found.bad);
    assert_eq!((found.images, found.starts), (IMAGES, STARTS), "{found:?}");
    assert!(found.required > IMAGES * CALLS / 2, "too few calls were looked for: {found:?}");
    assert!(found.witnessed > IMAGES, "too few checkpoints were known: {found:?}");
    assert!(found.oldest_read_lost < READS_SYNCED_WITHIN, "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_does_not_sync_is_found_out() {
    let found = lose_power(record(&faulty(), Some("sync-off")).await, OF_FAULTY, 0).await;
    assert!(found.lost > OF_FAULTY / 2, "the seeded fault was hardly found: {found}");
}

/// What the service did to its disk, and what others knew of it by then.
struct Recording {
    trace: Trace,
    received: Vec<Received>,
    /// Checkpoints that somebody outside had, each with how long the trace was.
    witnessed: Vec<(u64, String)>,
    spell: Spell,
}

/// While syncs failed: how long the trace was when they began to, when the
/// service had noticed, and when it had come back.
struct Spell {
    began: u64,
    noticed: u64,
    ended: u64,
}

impl Spell {
    const NONE: Self = Self { began: u64::MAX, noticed: u64::MAX, ended: u64::MAX };
}

/// Two lives of one installation, from the very first start on. In the second
/// one syncs fail for a moment, and then answers come with receipts.
async fn record(agw: &Path, fault: Option<&str>) -> Recording {
    let dir = tempfile::tempdir().unwrap();
    let shim = Shim::new(dir.path());
    let upstream = Ledger::start(Duration::ZERO, Some(&shim.trace())).await;
    let command = || {
        let mut command = daemon::serve(agw, dir.path());
        command.envs(fault.map(|fault| ("AGW_SEEDED_FAULT", fault)));
        shim.under(&mut command);
        command
    };
    let numbers = Numbers::default();
    let mut service = Daemon::start(command()).await;
    answers(dir.path()).await;
    let (admin, token) = daemon::set_up(dir.path(), &upstream.url()).await;
    let witness = Witness::start(admin.clone(), shim.trace());
    let callers = Callers::start(&service.url, &token, CALLERS, &numbers);
    has(&upstream, CALLS).await;
    callers.stop().await;
    service.stop().await;

    let service = Daemon::start(command()).await;
    answers(dir.path()).await;
    let callers = Callers::start(&service.url, &token, CALLERS, &numbers);
    has(&upstream, CALLS + CALLS / 2).await;
    // Where nothing is synced nothing fails.
    let spell = if fault.is_none() { syncs_fail(&shim, &admin).await } else { Spell::NONE };
    has(&upstream, 2 * CALLS).await;
    let mut witnessed = witness.end();
    let body = json!({"receipts": true, "version": 0});
    let _: AuditSettings = admin.put("/api/v1/audit/settings", &body).await.unwrap();
    witnessed.extend(receipts(&service, &token, &numbers, &shim.trace()).await);
    // The disk is as the service leaves it when it is killed.
    drop(service);
    callers.ended().await;
    let trace = Trace::parse(std::fs::read(shim.trace()).unwrap());
    Recording { trace, received: upstream.received(), witnessed, spell }
}

/// Until the service has noticed.
async fn syncs_fail(shim: &Shim, admin: &Client) -> Spell {
    let length = || shim.trace().metadata().unwrap().len();
    let began = length();
    shim.fail(Fault::Syncs(Errno::Eio));
    becomes(admin, ServiceState::Unrecorded).await;
    let noticed = length();
    shim.fail(Fault::Nothing);
    becomes(admin, ServiceState::Enforcing).await;
    Spell { began, noticed, ended: length() }
}

async fn becomes(admin: &Client, state: ServiceState) {
    eventually(&format!("{state:?}"), PATIENCE, async || {
        admin.get::<Status>("/api/v1/status").await.unwrap().state == state
    })
    .await;
}

/// Makes some calls, and keeps the checkpoints of their receipts.
async fn receipts(
    service: &Daemon,
    token: &str,
    numbers: &Numbers,
    trace: &Path,
) -> Vec<(u64, String)> {
    let mut notes = Vec::new();
    for _ in 0..RECEIPTS {
        let body = json!({"tool": WRITES, "args": {"n": numbers.next()}, "token": token});
        let url = format!("{}/mcp/tools/call", service.url);
        let headers = [("content-type", "application/json")];
        let reply = http::ask("POST", &url, &headers, body.to_string()).await;
        let receipt = BASE64_STANDARD.decode(reply.header("agw-receipt")).unwrap();
        let receipt: Receipt = serde_json::from_slice(&receipt).unwrap();
        notes.push((trace.metadata().unwrap().len(), receipt.checkpoint));
    }
    notes
}

/// Somebody outside, who asks for checkpoints.
struct Witness {
    notes: Arc<Mutex<Vec<(u64, String)>>>,
    asking: JoinHandle<()>,
}

impl Witness {
    fn start(admin: Client, trace: PathBuf) -> Self {
        let notes = Arc::<Mutex<Vec<(u64, String)>>>::default();
        let taken = Arc::clone(&notes);
        let asking = tokio::spawn(async move {
            loop {
                // Between its two lives the service does not answer.
                if let Ok(signed) = admin.get::<AuditCheckpoint>("/api/v1/audit/checkpoint").await {
                    let at = trace.metadata().unwrap().len();
                    taken.lock().unwrap().push((at, signed.note));
                }
                tokio::time::sleep(WITNESSED_EVERY).await;
            }
        });
        Self { notes, asking }
    }

    fn end(self) -> Vec<(u64, String)> {
        self.asking.abort();
        std::mem::take(&mut self.notes.lock().unwrap())
    }
}

/// Returns once the upstream has received so many calls.
async fn has(upstream: &Ledger, calls: usize) {
    let enough = async || upstream.received().len() >= calls;
    eventually(&format!("{calls} calls"), PATIENCE, enough).await;
}

async fn lose_power(recording: Recording, images: usize, starts: usize) -> Found {
    let begun = Instant::now();
    let looking = tokio::task::spawn_blocking(move || images::look_at(&recording, images, starts));
    let found = looking.await.unwrap_or_else(|e| resume_unwind(e.into_panic()));
    println!("{found} in {:?}", begun.elapsed());
    found
}
