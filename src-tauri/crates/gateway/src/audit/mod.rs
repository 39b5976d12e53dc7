//! The audit trail: what is recorded, and how it is read back.
//!
//! A call that is forwarded leaves an `intent` record, on disk before the
//! upstream sees anything, and an `outcome` record. A call that is refused
//! leaves an `outcome` alone. So every call ends in exactly one outcome; one
//! that a crash cut short gets `indeterminate` at the next start.

pub(crate) mod alarm;
pub(crate) mod checkpoint;
pub(crate) mod erase;
pub(crate) mod export;
pub(crate) mod forward;
pub(crate) mod key;
pub(crate) mod ledger;
pub(crate) mod metrics;
pub(crate) mod read;
pub(crate) mod record;
pub(crate) mod recover;
pub(crate) mod retain;
pub(crate) mod search;
pub(crate) mod settings;
pub(crate) mod shape;
pub(crate) mod witness;

pub(crate) use record::{CallId, Kind, Record, Status};
