//! Feeding one receiver.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use agw_api::AuditRecord;
use rusqlite::{Connection, params};
use tokio_util::sync::CancellationToken;

use super::{Config, Progress, note, otlp, receiver::Receiver, target::Target};
use crate::{
    audit::{
        Kind, Record,
        read::{self, ROW, Row},
    },
    bounds, clock,
    gateway::Gateway,
    outbound::Owner,
    store::{StoreError, snapshot::Snapshot, writer::Safety},
};

/// Feeds it until told to stop.
pub(super) async fn feed(
    gateway: Arc<Gateway>,
    config: Arc<Config>,
    progress: Arc<Progress>,
    stop: CancellationToken,
) {
    let target = match Target::parse(config.kind, &config.target) {
        Ok(target) => target,
        Err(error) => {
            progress.change(|state| state.failure = Some(error));
            return;
        }
    };
    let dialer = gateway.outbound.of(Owner::forward(&config.name));
    let http = dialer.client();
    let report = async {
        match &target {
            Target::Otlp(base) => otlp::report(&gateway, &http, base, &progress).await,
            _ => std::future::pending().await,
        }
    };
    let receiver = Receiver::at(&target, &gateway, dialer, &http);
    let feeder = Feeder::new(Arc::clone(&gateway), config, Arc::clone(&progress), receiver);
    tokio::select! {
        () = feeder.run(&stop) => {}
        () = report => {}
    }
}

struct Feeder {
    gateway: Arc<Gateway>,
    config: Arc<Config>,
    progress: Arc<Progress>,
    receiver: Receiver,
    /// The last record that the receiver has for certain.
    sent: u64,
    /// The last one that it was sent.
    at: u64,
    noted: Option<Instant>,
}

impl Feeder {
    fn new(
        gateway: Arc<Gateway>,
        config: Arc<Config>,
        progress: Arc<Progress>,
        receiver: Receiver,
    ) -> Self {
        let sent = config.sent;
        Self { gateway, config, progress, receiver, sent, at: sent, noted: None }
    }

    async fn run(mut self, stop: &CancellationToken) {
        let mut retry = bounds::RETRY_FIRST;
        while !stop.is_cancelled() {
            let round = {
                let round = self.round();
                tokio::pin!(round);
                tokio::select! {
                    round = &mut round => Some(round),
                    // Half a batch would be sent again after the start.
                    () = stop.cancelled() => {
                        tokio::time::timeout(bounds::FORWARD_LAST, round).await.ok()
                    }
                }
            };
            let pause = match round {
                Some(Ok(pause)) => {
                    retry = bounds::RETRY_FIRST;
                    pause
                }
                Some(Err(error)) => {
                    self.failed(error);
                    let pause = retry;
                    retry = (retry * 2).min(bounds::RETRY_MAX);
                    pause
                }
                None => return,
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        let settled = tokio::time::timeout(bounds::FORWARD_LAST, self.settle()).await;
        if let Ok(Err(error)) = settled {
            tracing::debug!(forward = self.config.name, error, "it was not told all at the end");
        }
    }

    /// Sends what there is, a bounded number of records; returns how long to
    /// wait then.
    async fn round(&mut self) -> Result<Duration, String> {
        let begun = Instant::now();
        let last = self.gateway.writer.on_disk();
        if self.at < last {
            let batch = self.read(last).await.map_err(|e| e.to_string())?;
            if let Some((from, to)) = batch.missed {
                self.missed(from, to).await?;
            }
            self.receiver.send(&batch.records).await?;
            self.at = batch.last;
        }
        if self.noted.is_none_or(|noted| noted.elapsed() >= bounds::FORWARD_NOTED) {
            self.settle().await?;
        }
        // One that has much to catch up with leaves half of the disk to calls.
        let rest = if self.at < last { begun.elapsed() } else { bounds::FORWARD_EVERY };
        Ok(rest.min(bounds::FORWARD_EVERY))
    }

    async fn read(&self, last: u64) -> Result<Batch, StoreError> {
        let (after, snapshot) = (self.at, self.gateway.live.snapshot.load_full());
        self.gateway.reader.run(move |db| Batch::read(db, &snapshot, after, last)).await
    }

    /// Makes sure that the receiver has what it was sent, and notes that.
    async fn settle(&mut self) -> Result<(), String> {
        if self.at > self.sent {
            self.receiver.confirm().await?;
            self.sent = self.at;
            self.noted = Some(Instant::now());
            if let Err(error) = note(&self.gateway, self.config.id, self.sent).await {
                // They are sent again after a restart, and no harm is done.
                tracing::debug!(%error, forward = self.config.name, "not noted what was sent");
            }
        }
        let (sent, note) = (self.sent, self.receiver.note());
        self.change(|state| {
            if state.sent < sent {
                state.sent = sent;
                state.sent_at = Some(clock::now_ms());
            }
            state.failure = None;
            state.note = note;
        });
        Ok(())
    }

    fn failed(&mut self, error: String) {
        tracing::debug!(forward = self.config.name, error, "records were not taken");
        self.receiver.reset();
        self.at = self.sent;
        self.change(|state| state.failure = Some(error));
    }

    /// Records that retention removed before they were sent.
    async fn missed(&mut self, from: u64, to: u64) -> Result<(), String> {
        let mut record = Record::new(Kind::Service, clock::now_ms());
        record.status = Some("forward_missed");
        let name = &self.config.name;
        record.detail = Some(format!("{name}: records {from} to {to} were removed unsent"));
        let recorded = self.gateway.writer.record(record, Safety::Synced).await;
        recorded.map_err(|e| e.to_string())?;
        tracing::warn!(forward = name, from, to, "records were removed before they were sent");
        (self.sent, self.at) = (to, to);
        note(&self.gateway, self.config.id, to).await.map_err(|e| e.to_string())?;
        self.change(|state| state.missed += to + 1 - from);
        Ok(())
    }

    fn change(&self, change: impl FnOnce(&mut super::State)) {
        if self.progress.change(change) {
            self.gateway.live.announce("audit");
        }
    }
}

struct Batch {
    records: Vec<AuditRecord>,
    /// The last of them.
    last: u64,
    /// The first and the last of those before them that are no more.
    missed: Option<(u64, u64)>,
}

impl Batch {
    /// The records from `after` up to `last`, a bounded number of them.
    fn read(
        db: &Connection,
        snapshot: &Snapshot,
        after: u64,
        last: u64,
    ) -> Result<Self, StoreError> {
        let sql = format!("{ROW} WHERE a.seq > ?1 AND a.seq <= ?2 ORDER BY a.seq LIMIT ?3");
        let mut select = db.prepare_cached(&sql)?;
        let mut rows = select.query(params![after, last, bounds::FORWARD_BATCH])?;
        let (mut batch, mut bytes) = (Self { records: Vec::new(), last: after, missed: None }, 0);
        while bytes < bounds::FORWARD_BYTES
            && let Some(row) = rows.next()?
        {
            let row = Row::read(row)?;
            if batch.records.is_empty() && row.seq > after + 1 {
                batch.missed = Some((after + 1, row.seq - 1));
            }
            batch.last = row.seq;
            bytes += row.json.len() + row.text.as_ref().map_or(0, Vec::len);
            batch.records.extend(read::shown(&row, snapshot, None)?);
        }
        match batch.records.is_empty() {
            true => Err(StoreError::Damaged(format!("there is no record after {after}"))),
            false => Ok(batch),
        }
    }
}
