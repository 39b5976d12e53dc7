//! A service under load whose disk fails for a while, and what must hold then.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use agw_api::{AuditPage, Client, ServiceState, Status, User};

use serde_json::json;

use super::whole::Examiner;
use crate::support::{
    books::Books,
    callers::{Callers, Numbers, Told},
    daemon::{self, Daemon, answers},
    eventually,
    ledger::Ledger,
};

const CALLERS: usize = 12;
const UPSTREAM_TAKES: Duration = Duration::from_millis(5);
/// How long the disk fails, from when the service says so.
const LASTS: Duration = Duration::from_secs(1);
/// That it cannot record is known as soon as it has tried; SQLite waits for a
/// lock for a while first.
const NOTICED_WITHIN: Duration = Duration::from_secs(10);
/// For calls to come through at all.
const PATIENCE: Duration = Duration::from_secs(30);
/// Once the cause is gone.
const BACK_WITHIN: Duration = Duration::from_secs(5);
/// Longer than anybody waits for a page.
const READ_WITHIN: Duration = Duration::from_secs(5);

/// A user that nobody may add.
const REFUSED: &str = "bo";

/// One service, its upstream and its agents.
pub struct Scene {
    dir: PathBuf,
    service: Daemon,
    upstream: Ledger,
    admin: Client,
    token: String,
    numbers: Numbers,
    callers: Option<Callers>,
    told: Vec<Told>,
    spells: Vec<Spell>,
}

/// While the disk failed.
struct Spell {
    failed: Instant,
    noticed: Instant,
    healed: Instant,
    back: Instant,
}

impl Scene {
    /// `command` serves the data folder that is seen at `dir` from here.
    pub async fn start(command: Command, dir: impl FnOnce(&Daemon) -> PathBuf) -> Self {
        let upstream = Ledger::start(UPSTREAM_TAKES, None).await;
        let service = Daemon::start(command).await;
        let dir = dir(&service);
        answers(&dir).await;
        let (admin, token) = daemon::set_up(&dir, &upstream.url()).await;
        let numbers = Numbers::default();
        let (callers, told, spells) = Default::default();
        Self { dir, service, upstream, admin, token, numbers, callers, told, spells }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The disk fails and is well again, twice: once nobody calls when it is,
    /// once everybody does.
    pub async fn survives(&mut self, mut disk: impl FnMut(bool)) {
        for calling in [false, true] {
            self.begin_calling().await;
            let failed = Instant::now();
            disk(false);
            let noticed = self.becomes(ServiceState::Unrecorded, NOTICED_WITHIN).await;
            self.can_be_read().await;
            self.cannot_be_changed().await;
            tokio::time::sleep(LASTS.saturating_sub(noticed.elapsed())).await;
            assert_eq!(self.status().await.state, ServiceState::Unrecorded);
            if !calling {
                self.end_calling().await;
            }
            disk(true);
            let healed = Instant::now();
            let back = self.becomes(ServiceState::Enforcing, BACK_WITHIN).await;
            println!("noticed, lasted {:?}, back after {:?}", healed - noticed, back - healed);
            self.spells.push(Spell { failed, noticed, healed, back });
        }
        self.begin_calling().await;
        self.end_calling().await;
    }

    /// Some calls have come through when this returns.
    async fn begin_calling(&mut self) {
        if self.callers.is_none() {
            let (url, token) = (&self.service.url, &self.token);
            let callers = Callers::start(url, token, CALLERS, &self.numbers);
            self.callers = Some(callers);
        }
        let before = self.upstream.received().len();
        let enough = async || self.upstream.received().len() >= before + 50;
        eventually("calls come through", PATIENCE, enough).await;
    }

    async fn end_calling(&mut self) {
        let callers = self.callers.take().unwrap();
        self.told.extend(callers.stop().await);
    }

    async fn status(&self) -> Status {
        let asked = tokio::time::timeout(READ_WITHIN, self.admin.get("/api/v1/status"));
        asked.await.expect("a status in time").unwrap()
    }

    /// Returns when it is so, which is in time.
    async fn becomes(&self, state: ServiceState, limit: Duration) -> Instant {
        let begun = Instant::now();
        loop {
            let status = self.status().await;
            if status.state == state {
                let reason = status.unrecorded_reason;
                assert_eq!(reason.is_some(), state == ServiceState::Unrecorded, "{reason:?}");
                return Instant::now();
            }
            assert!(begun.elapsed() < limit, "not {state:?} within {limit:?}: {status:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn can_be_read(&self) {
        for path in ["/api/v1/audit?limit=1000", "/api/v1/audit?kind=intent&limit=10"] {
            let asked = tokio::time::timeout(READ_WITHIN, self.admin.get(path));
            let page: AuditPage = asked.await.expect("a page in time").unwrap();
            assert!(page.records.len() >= 10, "{path}: {page:?}");
        }
    }

    /// What is refused now is not done later, either.
    async fn cannot_be_changed(&self) {
        let body = json!({"name": REFUSED});
        let made = self.admin.post::<_, User>("/api/v1/users", &body);
        let made = tokio::time::timeout(READ_WITHIN, made).await.expect("an answer in time");
        let refused = made.expect_err("a change without a record");
        assert_eq!(refused.code(), Some("audit_unavailable"), "{refused}");
    }

    /// The disk fails, and the service ends before it is well again.
    pub async fn ends_while_failing(&mut self, killed: bool, mut disk: impl FnMut(bool)) {
        self.begin_calling().await;
        disk(false);
        self.becomes(ServiceState::Unrecorded, NOTICED_WITHIN).await;
        if killed {
            self.service.kill();
        } else {
            // What it could not record it says, by its code or in its log.
            self.service.asked_to_end().await;
        }
        let callers = self.callers.take().unwrap();
        self.told.extend(callers.ended().await);
        disk(true);
    }

    /// A new start knows of every call that was forwarded.
    pub async fn starts_again(mut self, command: Command) {
        assert_eq!(Examiner::default().look_at(&self.dir, &[]).wrong, None);
        self.service = Daemon::start(command).await;
        answers(&self.dir).await;
        let mut books = Books::default();
        books.read_on(&self.admin).await;
        let missing = books.without_intent(&self.upstream.received()).len();
        assert_eq!((missing, books.open()), (0, 0), "calls without an intent, or without an end");
        assert!(books.indeterminate() > 0, "no call was under way when the disk failed");
        assert_eq!(self.status().await.state, ServiceState::Enforcing);
        self.begin_calling().await;
        self.end_calling().await;
        self.service.stop().await;
    }

    /// Compares what everybody knows, before a stop and after a start.
    pub async fn adds_up(mut self, again: Option<Command>) {
        self.check_answers();
        self.check_trail().await;
        self.service.stop().await;
        let Some(command) = again else { return };
        assert_eq!(Examiner::default().look_at(&self.dir, &[]).wrong, None);
        self.service = Daemon::start(command).await;
        answers(&self.dir).await;
        self.check_trail().await;
        self.service.stop().await;
    }

    fn check_answers(&self) {
        let received: Vec<u64> = self.upstream.received().iter().map(|call| call.n).collect();
        let unrecorded: Vec<&Told> = self.told.iter().filter(|told| told.status != 200).collect();
        println!("{} calls, {} refused", self.told.len(), unrecorded.len());
        for told in &unrecorded {
            let seen = (told.status, told.code.as_deref());
            assert_eq!(seen, (503, Some("audit_unavailable")), "{told:?}");
            assert!(!received.contains(&told.n), "refused and forwarded: {told:?}");
        }
        for Spell { noticed, healed, .. } in &self.spells {
            let during = |told: &&Told| told.begun > *noticed && told.ended < *healed;
            let during: Vec<&Told> = self.told.iter().filter(during).collect();
            assert!(during.len() > CALLERS, "too few calls to know: {during:?}");
            let through = during.iter().find(|told| told.status == 200);
            assert!(through.is_none(), "not recorded, yet answered: {through:?}");
        }
        let refused = unrecorded.iter().find(|told| self.all_was_well(told));
        assert!(refused.is_none(), "refused while it said that it was well: {refused:?}");
    }

    /// Whether a call began and ended outside all spells.
    fn all_was_well(&self, told: &Told) -> bool {
        self.spells.iter().all(|spell| told.begun > spell.back || told.ended < spell.failed)
    }

    async fn check_trail(&self) {
        let users: Vec<User> = self.admin.get("/api/v1/users").await.unwrap();
        assert!(users.iter().all(|user| user.name != REFUSED), "refused, and done all the same");
        let mut books = Books::default();
        books.read_on(&self.admin).await;
        let received = self.upstream.received();
        let missing = books.without_intent(&received);
        assert!(missing.is_empty(), "forwarded without an intent: {missing:?}");
        let mut numbers: Vec<u64> = received.iter().map(|call| call.n).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), received.len(), "something was forwarded twice");
        let lost = books.unaccounted(&self.told);
        assert!(lost.is_empty(), "answered, and not in the trail as such: {lost:?}");
        assert_eq!(books.open(), 0, "calls without an end");
        let refused = self.told.iter().filter(|told| told.status != 200);
        let known = refused.clone().filter(|told| books.of(told.n).is_some()).count();
        println!("{known} of {} refusals are in the trail", refused.count());
    }
}
