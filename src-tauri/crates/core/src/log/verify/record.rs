//! What the verifier reads of a record.

use super::Wrong;
use crate::{
    json::{self, Node, Value},
    log::note::decimal,
};

/// The members that something hangs on. All others are only hashed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) seq: u64,
    pub(super) kind: String,
    pub(super) call: Option<String>,
    /// Lower-case hex SHA-256 of the words beside the record.
    pub(super) text: Option<String>,
    /// Lower-case hex SHA-256 of the sealed body beside the record.
    pub(super) body: Option<String>,
    /// Records before this one were removed.
    pub(super) below: Option<u64>,
    /// First and last of records whose words or bodies were removed.
    pub(super) removed: Vec<(u64, u64)>,
}

impl Record {
    /// `seq` is what its sequence number has to be.
    pub(super) fn parse(bytes: &[u8], seq: u64) -> Result<Self, Wrong> {
        if !bytes.starts_with(b"{") || !bytes.ends_with(b"}") {
            return Err("it is not one JSON object, from { to }".into());
        }
        let node = json::parse(bytes).map_err(|error| Wrong::from(error.to_string()))?;
        match integer(node.get("seq")) {
            Some(found) if found == seq => {}
            Some(found) => return Err(format!("it says that it is record {found}").into()),
            None => return Err("it has no sequence number".into()),
        }
        if !matches!(integer(node.get("v")), Some(1 | 2)) {
            return Err("its version is not one that is known: v must be 1 or 2".into());
        }
        let text = |name: &str| node.get(name).and_then(Node::as_str).map(str::to_owned);
        let (Some(kind), Some(_)) = (text("kind"), text("time")) else {
            return Err("it has no kind or no time".into());
        };
        let mut record = Self {
            seq,
            kind,
            call: text("call_id"),
            text: hash(node.get("text"))?,
            body: hash(node.get("body"))?,
            ..Self::default()
        };
        match (record.kind.as_str(), text("status").as_deref()) {
            ("service", Some("compacted")) => record.below = below(node.get("below"), seq)?,
            ("service" | "config", Some(status @ ("erased" | "expired"))) => {
                let removed = removed(node.get("removed"), seq)?;
                // Bodies expire, words do not.
                if status == "erased" {
                    record.removed = removed;
                }
            }
            _ => {}
        }
        Ok(record)
    }
}

fn integer(node: Option<&Node<'_>>) -> Option<u64> {
    match node?.value() {
        Value::Number(digits) => decimal(digits),
        _ => None,
    }
}

fn hash(node: Option<&Node<'_>>) -> Result<Option<String>, Wrong> {
    let Some(node) = node else { return Ok(None) };
    let is_hash = |text: &&str| {
        text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    match node.as_str().filter(is_hash) {
        Some(text) => Ok(Some(text.to_owned())),
        None => Err("its text or body is no SHA-256 in lower-case hex".into()),
    }
}

fn below(node: Option<&Node<'_>>, seq: u64) -> Result<Option<u64>, Wrong> {
    let Some(node) = node else { return Ok(None) };
    match integer(Some(node)).filter(|below| *below <= seq) {
        Some(below) => Ok(Some(below)),
        None => Err("it says that records were removed, but not which earlier ones".into()),
    }
}

/// Pairs of first and last, ascending, of records before this one.
fn removed(node: Option<&Node<'_>>, seq: u64) -> Result<Vec<(u64, u64)>, Wrong> {
    let Some(node) = node else { return Ok(Vec::new()) };
    let wrong = || Wrong::from("it says that words were removed, but not of which earlier records");
    let Value::Array(pairs) = node.value() else { return Err(wrong()) };
    let mut ranges = Vec::with_capacity(pairs.len());
    let mut free = 1;
    for pair in pairs {
        let Value::Array(pair) = pair.value() else { return Err(wrong()) };
        let [first, last] = pair.as_slice() else { return Err(wrong()) };
        let (first, last) = integer(Some(first)).zip(integer(Some(last))).ok_or_else(wrong)?;
        if first < free || last < first || last >= seq {
            return Err(wrong());
        }
        ranges.push((first, last));
        free = last + 1;
    }
    Ok(ranges)
}
