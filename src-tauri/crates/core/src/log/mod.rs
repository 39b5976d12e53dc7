//! The trail as a log that others can check.
//!
//! An export of the trail is text, one thing a line:
//!
//! ```text
//! agw-tlog/1 agw/acme-3f9a 1025 1311 all    whose, from which record to which, all of them or some
//! h 10 0 7hYl…=                             a hash that stands for records that are left out
//! r {"call_id":"01K…","kind":"intent",…     a record, the bytes that were hashed
//! t FVd0FEmjR8Wr…                           words beside it, which can be erased
//! b q83vEjRWeJCr…                           a sealed body beside it
//! c YWd3L2FjbWUt…                           a signed checkpoint over all up to here
//! ```
//!
//! The hashes of all records are the leaves of one RFC 6962 tree; leaves and
//! left-out subtrees come in order, so whoever reads the lines can compute
//! the root at each checkpoint, and its signature covers every byte before
//! it. [`Verifier`] does that. The whole format is in SECURITY.md under "The
//! audit trail's format"; `tests/fixtures/verify_export.py` is written from
//! that text alone.
//!
//! [`Tree`] is what the gateway keeps to make checkpoints, proofs and
//! exports; [`SigningKey`] signs them.

mod frontier;
mod note;
mod proof;
mod tree;
mod verify;

pub use note::{Checkpoint, KeyError, NOTE_MAX, NoteError, SigningKey, VerifyingKey};
pub use proof::{verify_consistency, verify_inclusion};
pub use tree::{GROUP, Hash, Subtree, Tree, leaf_hash, node_hash};
pub use verify::{
    CheckedReceipt, Failure, LINE_MAX, Pieces, Receipt, ReceiptError, Report, Selection, Verifier,
};
