//! What somebody kept of a trail before, to hold it against an export.

use std::cmp::Reverse;

use super::{Frontier, Wrong};
use crate::log::{Checkpoint, Hash, NoteError, VerifyingKey, verify_inclusion};

/// Says that a record was in the trail: what a client may keep of its call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The record's sequence number less one.
    pub index: u64,
    pub leaf: Hash,
    /// RFC 9162, 2.1.3, up to the root in the checkpoint.
    pub proof: Vec<Hash>,
    /// The signed note.
    pub checkpoint: String,
}

/// Why a receipt says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    #[error("the receipt's checkpoint is not accepted: {0}")]
    Checkpoint(#[from] NoteError),
    #[error("the receipt's proof does not lead from its record to its checkpoint")]
    Proof,
}

/// A receipt that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedReceipt {
    index: u64,
    leaf: Hash,
    checkpoint: Checkpoint,
}

impl Receipt {
    pub fn check(&self, key: &VerifyingKey) -> Result<CheckedReceipt, ReceiptError> {
        let checkpoint = key.open(&self.checkpoint)?;
        let Checkpoint { size, root, .. } = &checkpoint;
        if !verify_inclusion(&self.leaf, self.index, *size, &self.proof, root) {
            return Err(ReceiptError::Proof);
        }
        Ok(CheckedReceipt { index: self.index, leaf: self.leaf, checkpoint })
    }
}

impl CheckedReceipt {
    /// Of the record.
    pub fn seq(&self) -> u64 {
        self.index + 1
    }

    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }
}

/// Roots and leaves that an export has to have, by place, last first.
#[derive(Debug)]
pub(super) struct Kept {
    roots: Vec<(Checkpoint, &'static str)>,
    leaves: Vec<(u64, Hash)>,
}

impl Kept {
    pub(super) fn new(
        since: Option<Checkpoint>,
        receipts: impl IntoIterator<Item = CheckedReceipt>,
    ) -> Self {
        let mut roots: Vec<_> = since.into_iter().map(|since| (since, "checkpoint")).collect();
        let mut leaves = Vec::new();
        for receipt in receipts {
            roots.push((receipt.checkpoint, "receipt"));
            leaves.push((receipt.index, receipt.leaf));
        }
        roots.sort_by_key(|(root, _)| Reverse(root.size));
        leaves.sort_by_key(|(index, _)| Reverse(*index));
        Self { roots, leaves }
    }

    /// Whether all is of the trail of this name.
    pub(super) fn check_origin(&self, origin: &str) -> Result<(), Wrong> {
        match self.roots.iter().find(|(root, _)| root.origin != origin) {
            Some((_, what)) => Err(format!("the {what} that you hold is of another trail").into()),
            None => Ok(()),
        }
    }

    /// The record at this place.
    pub(super) fn check_leaf(&mut self, index: u64, leaf: &Hash) -> Result<(), Wrong> {
        while let Some((at, kept)) = self.leaves.pop_if(|(at, _)| *at <= index) {
            // An earlier one was left out: its checkpoint stands for it.
            if at == index && kept != *leaf {
                return Err("it is not the record that you hold a receipt for".into());
            }
        }
        Ok(())
    }

    /// All records so far.
    pub(super) fn check_roots(&mut self, so_far: &Frontier) -> Result<(), Wrong> {
        while let Some((kept, what)) = self.roots.pop_if(|(root, _)| root.size <= so_far.size()) {
            if kept.size < so_far.size() {
                return Err(format!(
                    "whether the {what} that you hold, of {} records, is of this trail cannot be \
                     told from this export: export again with --since that {what}",
                    kept.size
                )
                .into());
            }
            if kept.root != so_far.root() {
                return Err(format!(
                    "the {what} that you hold, of {} records, does not fit: history before \
                     record {} was rewritten, or this is another branch",
                    kept.size,
                    kept.size.saturating_add(1)
                )
                .into());
            }
        }
        Ok(())
    }

    pub(super) fn check_end(&self, size: u64) -> Result<(), Wrong> {
        match self.roots.first() {
            Some((kept, what)) => Err(format!(
                "the trail is shorter than the {what} that you hold ({size} records, not {}): it \
                 was rolled back, or the export is older",
                kept.size
            )
            .into()),
            None => Ok(()),
        }
    }
}
