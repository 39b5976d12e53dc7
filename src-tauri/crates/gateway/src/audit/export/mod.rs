//! The trail, or a part of it, as a file: for people (`jsonl`, `csv`), and
//! with the proof that nothing in it was changed (`tlog`).

#[cfg(test)]
mod changed;
mod rows;
mod tlog;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use agw_core::{UserId, log::Tree};
use bytes::Bytes;
use rusqlite::{Connection, params};
use tokio::sync::mpsc::{self, error::TrySendError};

use super::{
    checkpoint::Signed,
    ledger,
    read::{ROW, Row},
    search::Sought,
};
use crate::store::{StoreError, snapshot::Snapshot};

/// Records that are read at once: between two such reads the database may
/// tidy up.
const CHUNK: u64 = 2_048;
/// Bytes that are sent at once.
const PIECE: usize = 64 << 10;
/// How long one of them may wait, and how often it is tried.
const PATIENCE: Duration = Duration::from_secs(60);
const FULL: Duration = Duration::from_millis(5);
/// Pieces that a slow reader may be behind.
pub(crate) const PIECES: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// One JSON object a line, as the API shows records.
    Jsonl,
    /// A table for spreadsheets.
    Csv,
    /// `agw-tlog/1`, which `agw audit verify` checks; see SECURITY.md.
    Tlog,
}

/// What is exported.
pub(crate) struct Export {
    pub(crate) format: Format,
    /// The first and the last record of the range.
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// Which of these; `None`: all.
    pub(crate) sought: Option<Sought>,
    pub(crate) snapshot: Arc<Snapshot>,
    /// The one user whose records may be seen.
    pub(crate) only: Option<UserId>,
    /// With `tlog`: also the sealed bodies.
    pub(crate) bodies: bool,
    /// With `tlog`: what the proof leads to, and the tree.
    pub(crate) proof: Option<(Signed, Tree)>,
    /// With `tlog`: so many records must be told apart from those after them,
    /// because somebody has a checkpoint of them.
    pub(crate) boundary: Option<u64>,
    pub(crate) origin: String,
}

pub(crate) type Piece = Result<Bytes, StoreError>;

impl Export {
    /// Writes it all to `out`. Blocks. An error ends it half-way, and whoever
    /// reads hears of that.
    pub(crate) fn run(self, db: Connection, out: mpsc::Sender<Piece>) {
        let mut out = Out::new(out, PATIENCE);
        let written = match self.format {
            Format::Jsonl => rows::json_lines(&self, &db, &mut out),
            Format::Csv => rows::table(&self, &db, &mut out),
            Format::Tlog => tlog::write(&self, &db, &mut out),
        };
        let sent = written.and_then(|()| out.send());
        drop(db);
        if let Err(Stopped::Failed(error)) = sent {
            tracing::warn!(%error, "an export of the audit trail failed");
            let _ = out.pieces.blocking_send(Err(error));
        }
    }

    /// Calls `take` with every record of the range, the first one first, and
    /// whether it is looked for.
    fn each(
        &self,
        db: &Connection,
        mut take: impl FnMut(Row, bool) -> Result<(), Stopped>,
    ) -> Result<(), Stopped> {
        let mut next = self.first.max(ledger::first(db)?);
        while next <= self.last {
            let last = self.last.min(next + CHUNK - 1);
            let rows: Vec<Row> = db
                .prepare_cached(&format!("{ROW} WHERE a.seq BETWEEN ?1 AND ?2 ORDER BY a.seq"))?
                .query_map(params![next, last], Row::read)?
                .collect::<Result<_, _>>()?;
            for row in rows {
                if row.seq != next {
                    break;
                }
                next += 1;
                let found = match &self.sought {
                    None => true,
                    Some(sought) => sought.finds(&row)?.0,
                };
                take(row, found)?;
            }
            if next <= last {
                let first = ledger::first(db)?;
                let gone = format!("record {next} is not there; records from {first} on are");
                return Err(StoreError::Damaged(gone).into());
            }
        }
        Ok(())
    }
}

/// Why an export ended early.
enum Stopped {
    Failed(StoreError),
    /// Nobody reads it any more.
    HungUp,
}

impl<E: Into<StoreError>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Sends what is written in pieces.
struct Out {
    pieces: mpsc::Sender<Piece>,
    piece: Vec<u8>,
    patience: Duration,
}

impl Out {
    fn new(pieces: mpsc::Sender<Piece>, patience: Duration) -> Self {
        Self { pieces, piece: Vec::with_capacity(PIECE + 4_096), patience }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Stopped> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() < PIECE { Ok(()) } else { self.send() }
    }

    /// Who does not read would keep the database's log from being emptied.
    fn send(&mut self) -> Result<(), Stopped> {
        let mut piece = Ok(Bytes::from(std::mem::take(&mut self.piece)));
        let begun = Instant::now();
        loop {
            piece = match self.pieces.try_send(piece) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Closed(_)) => return Err(Stopped::HungUp),
                Err(TrySendError::Full(piece)) => piece,
            };
            if begun.elapsed() > self.patience {
                let waited = format!("nobody read for {} s", self.patience.as_secs());
                return Err(StoreError::Unavailable(waited).into());
            }
            std::thread::sleep(FULL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_that_nobody_reads_ends_and_says_so() {
        let (pieces, mut sent) = mpsc::channel(2);
        let mut out = Out::new(pieces, Duration::from_millis(50));
        let mut written = 0;
        let stopped = loop {
            match out.write(&[b'x'; PIECE]) {
                Ok(()) => written += 1,
                Err(stopped) => break stopped,
            }
        };
        assert_eq!(written, 2);
        assert!(matches!(stopped, Stopped::Failed(StoreError::Unavailable(_))));
        assert_eq!(sent.try_recv().unwrap().unwrap().len(), PIECE);
        assert!(out.write(&[b'x'; PIECE]).is_ok());
        drop(sent);
        assert!(matches!(out.write(&[b'x'; PIECE]), Err(Stopped::HungUp)));
    }
}
