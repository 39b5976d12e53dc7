//! The first line of an export, and what is said after the last.

use std::fmt;

use super::{Wrong, decimal, utf8};
use crate::log::Hash;

/// The first word of an export: the format and its version.
const FORMAT: &str = "agw-tlog/1";

/// What an export has of the records in its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Selection {
    /// Each, but for those that retention had removed.
    All,
    /// Those that somebody asked for.
    #[default]
    Some,
}

/// `agw-tlog/1 <origin> <first> <last> <all|some>`.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) origin: String,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) selection: Selection,
}

impl Header {
    pub(super) fn parse(line: &[u8], name: &str) -> Result<Self, Wrong> {
        let parts: Vec<&str> = utf8(line)?.split(' ').collect();
        let [FORMAT, origin, first, last, selection] = parts.as_slice() else {
            return Err(
                format!("it is not {FORMAT}, an origin, first, last and all or some").into()
            );
        };
        if *origin != name {
            return Err(format!("it is not an export of {name}, whose key this is").into());
        }
        let selection = match *selection {
            "all" => Selection::All,
            "some" => Selection::Some,
            _ => return Err("what it has of its range is neither all nor some".into()),
        };
        let range = decimal(first).zip(decimal(last));
        match range.filter(|(first, last)| *first >= 1 && first - 1 <= *last) {
            Some((first, last)) => {
                Ok(Self { origin: (*origin).to_owned(), first, last, selection })
            }
            None => Err("what it names as first and last is no range of records".into()),
        }
    }
}

/// The first place of an export that does not hold, in plain words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// From 1; the last one if it is about the file as a whole.
    pub line: u64,
    /// Sequence number of the record that it is about, if it is about one.
    pub seq: Option<u64>,
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(seq) = self.seq {
            write!(f, " (record {seq})")?;
        }
        write!(f, ": {}", self.what)
    }
}

impl std::error::Error for Failure {}

/// What holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Names the trail.
    pub origin: String,
    /// Sequence number of the first record in the range that was exported.
    pub first: u64,
    /// And of the last; one less than `first` if there is none.
    pub last: u64,
    pub selection: Selection,
    /// Records of the trail, as of the last checkpoint.
    pub size: u64,
    /// Of the tree over them.
    pub root: Hash,
    /// Records that are there.
    pub records: u64,
    /// Records whose words are there.
    pub texts: u64,
    /// Records whose words were removed, as a later record says.
    pub texts_erased: u64,
    /// Records whose words are missing for a reason that the export, having
    /// only a part of the trail, need not have.
    pub texts_left_out: u64,
    /// Sealed bodies that are there.
    pub bodies: u64,
    pub checkpoints: u64,
    /// Retention has removed the records before this one.
    pub compacted_below: Option<u64>,
    /// Calls that have an intent in the export and no outcome; `None` if that
    /// cannot be told, because others were left out or there are too many.
    pub open_intents: Option<u64>,
}
