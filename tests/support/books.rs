//! The trail beside what the upstream and the agents know.

use std::collections::{HashMap, HashSet};

use agw_api::{AuditPage, AuditRecord, Client};
use agw_core::json;

use super::{callers::Told, ledger::Received};

/// Records that are asked for at once; few, because often few are new.
const PAGE: usize = 200;

/// A trail, read to its newest record.
#[derive(Default)]
pub struct Books {
    /// Sequence number of the newest record.
    head: u64,
    /// By their ids.
    calls: HashMap<String, Entries>,
    /// Ids of calls, by the digests of their arguments.
    ids: HashMap<String, String>,
    /// Ids of those that have no end.
    open: HashSet<String>,
    indeterminate: usize,
}

/// What the trail has of one call.
#[derive(Debug, Default)]
pub struct Entries {
    pub intent: Option<u64>,
    /// Status and reason.
    pub outcome: Option<(String, String)>,
}

impl Entries {
    pub fn status(&self) -> Option<&str> {
        self.outcome.as_ref().map(|(status, _)| status.as_str())
    }
}

/// As the trail has the arguments of call `n`.
pub fn digest(n: u64) -> String {
    json::parse(format!(r#"{{"n":{n}}}"#).as_bytes()).unwrap().digest().unwrap().to_string()
}

impl Books {
    /// Reads what is new. Nothing may be missing, and nothing twice.
    pub async fn read_on(&mut self, admin: &Client) {
        let mut new: Vec<AuditRecord> = Vec::new();
        let mut next = None;
        loop {
            let before = next.map(|next| format!("&before={next}"));
            let path = format!("/api/v1/audit?limit={PAGE}{}", before.unwrap_or_default());
            let page: AuditPage = admin.get(&path).await.unwrap();
            next = page.next;
            let count = page.records.len();
            new.extend(page.records.into_iter().filter(|record| record.seq > self.head));
            if next.is_none_or(|next| next <= self.head + 1) || (count > 0 && new.is_empty()) {
                break;
            }
        }
        for record in new.into_iter().rev() {
            self.head += 1;
            assert_eq!(record.seq, self.head, "the trail has a gap, or a record twice: {record:?}");
            self.take(record);
        }
    }

    fn take(&mut self, record: AuditRecord) {
        let Some(id) = record.call_id.clone() else { return };
        let entries = self.calls.entry(id.clone()).or_default();
        match record.kind.as_str() {
            "intent" => {
                assert!(entries.intent.replace(record.seq).is_none(), "doubled: {record:?}");
                assert!(entries.outcome.is_none(), "an intent after the outcome: {record:?}");
                self.open.insert(id.clone());
            }
            "outcome" => {
                let status = record.status.unwrap_or_default();
                self.open.remove(&id);
                self.indeterminate += usize::from(status == "indeterminate");
                let outcome = (status, record.reason.unwrap_or_default());
                assert!(entries.outcome.replace(outcome).is_none(), "doubled: outcome of {id}");
            }
            _ => {}
        }
        if let Some(digest) = record.args_digest {
            let known = self.ids.insert(digest, id.clone());
            assert!(known.is_none_or(|known| known == id), "call {id} is in the trail twice");
        }
    }

    /// What the trail has of call `n`, if anything.
    pub fn of(&self, n: u64) -> Option<&Entries> {
        self.calls.get(self.ids.get(&digest(n))?)
    }

    /// Calls with an intent and no end.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    pub fn indeterminate(&self) -> usize {
        self.indeterminate
    }

    pub fn head(&self) -> u64 {
        self.head
    }

    /// Calls that the upstream received and the trail has no intent of.
    pub fn without_intent<'r>(&self, received: &'r [Received]) -> Vec<&'r Received> {
        let has = |n: u64| self.of(n).is_some_and(|call| call.intent.is_some());
        received.iter().filter(|received| !has(received.n)).collect()
    }

    /// Calls that went well for their agents, and not in the trail.
    pub fn unaccounted<'t>(&self, told: &'t [Told]) -> Vec<(&'t Told, Option<&Entries>)> {
        let well = told.iter().filter(|told| told.status == 200);
        let well = well.map(|told| (told, self.of(told.n)));
        let accounted = |call: &Entries| call.intent.is_some() && call.status() == Some("ok");
        well.filter(|(_, call)| !call.is_some_and(accounted)).collect()
    }
}
