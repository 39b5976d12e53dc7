//! `kill -9` at random moments, with 32 calls in flight. Whatever the upstream
//! received must have an intent in the trail; what has no outcome must say so.
//!
//! `AGW_CRASHES=1000 cargo test -p agw-tests crash` kills as often as that.
//!
//! The same campaign runs against a build that writes intents *after* the
//! forward, and must find it out: a crash test that cannot fail proves nothing.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use agw_api::Client;
use tempfile::TempDir;

use crate::support::{
    books::Books,
    callers::{Callers, Numbers},
    cli::agw,
    daemon::{self, Daemon, answers, faulty},
    ledger::Ledger,
    random::{Random, seed},
};

/// Kills of a service with calls under way, unless `AGW_CRASHES` says otherwise.
const CRASHES: usize = 200;
const IN_FLIGHT: usize = 32;
/// Each call is held here, so that all 32 are under way at any moment.
const UPSTREAM_TAKES: Duration = Duration::from_millis(10);
/// The moment of a kill, in milliseconds from the first call.
const LATEST: usize = 80;
/// Every so many starts are killed, too, this many milliseconds in at most.
const STARTS_KILLED: usize = 8;
const START_TAKES: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn what_the_upstream_received_has_an_intent_after_any_kill() {
    let crashes = std::env::var("AGW_CRASHES");
    let crashes = crashes.map_or(CRASHES, |text| text.parse().expect("AGW_CRASHES: a number"));
    let found = campaign(&agw(), None, crashes).await;
    println!("{found:?}");
    assert_eq!(found.kills, crashes);
    assert!(found.received > crashes * IN_FLIGHT / 4, "too little was forwarded: {found:?}");
    assert_eq!((found.without_intent, found.open_after_restart), (0, 0), "{found:?}");
    assert!(found.indeterminate > crashes, "kills hit too few calls under way: {found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_campaign_finds_intents_that_come_too_late() {
    let found = campaign(&faulty(), Some("intent-after-forward"), CRASHES).await;
    assert!(found.without_intent > 0, "the seeded fault was not found: {found:?}");
}

#[derive(Debug, Default)]
struct Found {
    kills: usize,
    /// Calls, by the upstream's own log.
    received: usize,
    without_intent: usize,
    indeterminate: usize,
    open_after_restart: usize,
    records: u64,
    took: Duration,
}

/// One installation, killed and started again and again.
struct Campaign<'c> {
    agw: &'c Path,
    fault: Option<&'c str>,
    dir: TempDir,
    upstream: Ledger,
    numbers: Numbers,
    random: Random,
    books: Books,
}

/// Ends early once it has found a call without an intent.
async fn campaign(agw: &Path, fault: Option<&str>, crashes: usize) -> Found {
    let begun = Instant::now();
    let mut campaign = Campaign {
        agw,
        fault,
        dir: tempfile::tempdir().unwrap(),
        upstream: Ledger::start(UPSTREAM_TAKES, None).await,
        numbers: Numbers::default(),
        random: Random::new(seed()),
        books: Books::default(),
    };
    let mut service = campaign.start().await;
    let (admin, token) = daemon::set_up(campaign.dir.path(), &campaign.upstream.url()).await;
    let mut found = Found::default();
    while found.kills < crashes && found.without_intent == 0 {
        campaign.call_and_kill(service, &token).await;
        found.kills += 1;
        if found.kills.is_multiple_of(STARTS_KILLED) {
            campaign.start_and_kill().await;
        }
        service = campaign.start().await;
        campaign.look(&admin, &mut found).await;
    }
    service.stop().await;
    // Once more from the start, all of it.
    let mut service = campaign.start().await;
    (campaign.books, found.received) = (Books::default(), 0);
    campaign.look(&admin, &mut found).await;
    service.stop().await;
    found.took = begun.elapsed();
    found
}

impl Campaign<'_> {
    fn launch(&self) -> std::process::Command {
        let mut command = daemon::serve(self.agw, self.dir.path());
        command.envs(self.fault.map(|fault| ("AGW_SEEDED_FAULT", fault)));
        command
    }

    async fn start(&self) -> Daemon {
        let service = Daemon::start(self.launch()).await;
        answers(self.dir.path()).await;
        service
    }

    /// 32 callers call as fast as they can until the service is killed.
    async fn call_and_kill(&mut self, mut service: Daemon, token: &str) {
        let callers = Callers::start(&service.url, token, IN_FLIGHT, &self.numbers);
        self.pass(LATEST).await;
        service.kill();
        callers.ended().await;
    }

    /// It is killed before it is ready, or just after.
    async fn start_and_kill(&mut self) {
        let mut service = Daemon::launch(self.launch());
        self.pass(START_TAKES).await;
        service.kill();
    }

    async fn pass(&mut self, most: usize) {
        tokio::time::sleep(Duration::from_micros(self.random.below(most * 1_000) as u64)).await;
    }

    /// What the trail has by now, beside the upstream's log.
    async fn look(&mut self, admin: &Client, found: &mut Found) {
        self.books.read_on(admin).await;
        let received = self.upstream.received_after(found.received);
        found.without_intent += self.books.without_intent(&received).len();
        found.received += received.len();
        found.open_after_restart += self.books.open();
        found.indeterminate = self.books.indeterminate();
        found.records = self.books.head();
    }
}
