//! What was opened: a line for each host, port and address, for each owner.

use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use agw_api::{EgressEntry, EgressProtocol};

use super::Owner;
use crate::{audit::record::rfc3339, bounds, clock};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Peer {
    owner: Owner,
    protocol: EgressProtocol,
    host: Box<str>,
    port: u16,
}

impl Peer {
    pub(super) fn udp(owner: &Owner, host: &str, port: u16) -> Self {
        Self { protocol: EgressProtocol::Udp, ..Self::tcp(owner, host, port) }
    }

    pub(super) fn tcp(owner: &Owner, host: &str, port: u16) -> Self {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        Self { owner: owner.clone(), protocol: EgressProtocol::Tcp, host: host.into(), port }
    }
}

#[derive(Debug)]
pub(super) struct Book {
    /// Milliseconds since 1970.
    pub(super) since: i64,
    lines: Mutex<Lines>,
}

#[derive(Debug, Default)]
struct Lines {
    /// No address: it did not come to one.
    known: HashMap<(Peer, Option<IpAddr>), Line>,
    dropped: u64,
}

#[derive(Debug)]
struct Line {
    first: i64,
    last: i64,
    opened: u64,
    failed: u64,
    error: Option<String>,
    counters: Arc<Counters>,
}

/// Counted without the lock.
#[derive(Debug, Default)]
struct Counters {
    open: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

/// A socket that is open, until it is dropped.
#[derive(Debug)]
pub(crate) struct Opened(Arc<Counters>);

impl Opened {
    pub(super) fn sent(&self, bytes: usize) {
        self.0.sent.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn received(&self, bytes: usize) {
        self.0.received.fetch_add(bytes as u64, Relaxed);
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}

impl Book {
    pub(super) fn since(since: i64) -> Self {
        Self { since, lines: Mutex::default() }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn opened(&self, peer: Peer, at: Option<IpAddr>) -> Opened {
        let mut lines = self.lines();
        let line = lines.line(peer, at);
        line.opened += 1;
        line.error = None;
        line.counters.open.fetch_add(1, Relaxed);
        Opened(Arc::clone(&line.counters))
    }

    /// Gives the error back.
    pub(super) fn failed(&self, peer: Peer, at: Option<IpAddr>, error: io::Error) -> io::Error {
        let mut lines = self.lines();
        let line = lines.line(peer, at);
        line.failed += 1;
        line.error = Some(error.to_string().chars().take(bounds::EGRESS_ERROR_MAX).collect());
        error
    }

    pub(super) fn shown(&self) -> (Vec<EgressEntry>, u64) {
        let lines = self.lines();
        let mut all: Vec<_> = lines.known.iter().collect();
        all.sort_by(|(a, x), (b, y)| {
            let place = |peer: &Peer| (peer.host.clone(), peer.port);
            y.last.cmp(&x.last).then_with(|| place(&a.0).cmp(&place(&b.0)))
        });
        let shown = all.into_iter().map(|((peer, at), line)| line.shown(peer, *at));
        (shown.collect(), lines.dropped)
    }
}

impl Lines {
    fn line(&mut self, peer: Peer, at: Option<IpAddr>) -> &mut Line {
        let now = clock::now_ms();
        let key = (peer, at);
        if self.known.len() >= bounds::EGRESS_LINES_MAX && !self.known.contains_key(&key) {
            self.drop_oldest();
        }
        let new = || Line {
            first: now,
            last: now,
            opened: 0,
            failed: 0,
            error: None,
            counters: Arc::default(),
        };
        let line = self.known.entry(key).or_insert_with(new);
        line.last = now;
        line
    }

    /// One with nothing open, if there is one.
    fn drop_oldest(&mut self) {
        let age = |line: &Line| (line.counters.open.load(Relaxed) > 0, line.last);
        let oldest = self.known.iter().min_by_key(|(_, line)| age(line));
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            self.known.remove(&key);
            self.dropped += 1;
        }
    }
}

impl Line {
    fn shown(&self, peer: &Peer, at: Option<IpAddr>) -> EgressEntry {
        EgressEntry {
            kind: peer.owner.kind,
            name: peer.owner.name.as_deref().map(Into::into),
            protocol: peer.protocol,
            host: peer.host.as_ref().into(),
            port: peer.port,
            address: at.map(|at| at.to_string()),
            first: rfc3339(self.first),
            last: rfc3339(self.last),
            opened: self.opened,
            failed: self.failed,
            open: self.counters.open.load(Relaxed),
            sent: self.counters.sent.load(Relaxed),
            received: self.counters.received.load(Relaxed),
            error: self.error.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_bounded_and_keeps_what_is_open() {
        let book = Book::since(0);
        let peer = |host: String| Peer::tcp(&Owner::connection("crm"), &host, 443);
        let open = book.opened(peer("open.example".into()), None);
        for at in 0..bounds::EGRESS_LINES_MAX + 10 {
            drop(book.opened(peer(format!("host-{at}.example")), None));
        }
        let (shown, dropped) = book.shown();
        assert_eq!((shown.len(), dropped), (bounds::EGRESS_LINES_MAX, 11));
        assert!(shown.iter().any(|entry| entry.host == "open.example" && entry.open == 1));
        drop(open);
        assert!(book.shown().0.iter().all(|entry| entry.open == 0));
    }

    #[test]
    fn a_failure_is_listed_until_it_works_again() {
        let book = Book::since(0);
        let peer = || Peer::tcp(&Owner::witness(), "[::1]", 80);
        let error = book.failed(peer(), None, io::ErrorKind::ConnectionRefused.into());
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let entry = book.shown().0.remove(0);
        assert_eq!((&*entry.host, entry.opened, entry.failed), ("::1", 0, 1));
        assert!(entry.error.is_some());
        let opened = book.opened(peer(), None);
        opened.sent(3);
        opened.received(5);
        let entry = book.shown().0.remove(0);
        assert_eq!((entry.open, entry.sent, entry.received, entry.error), (1, 3, 5, None));
    }
}
