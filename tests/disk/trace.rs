//! What `fixtures/disk.c` records, read back.

use std::ops::Range;

/// Everything that was done to a folder, in order.
pub struct Trace {
    bytes: Vec<u8>,
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone)]
pub struct Step {
    /// Where it is in the trace.
    pub at: u64,
    /// Nanoseconds since 1970, when it had been done.
    pub time: u64,
    /// Inside the folder; empty for the folder itself.
    pub path: String,
    pub what: What,
}

#[derive(Debug, Clone)]
pub enum What {
    /// Bytes of the trace, to this place of the file.
    Write(u64, Range<usize>),
    Truncate(u64),
    Rename(String),
    /// A second name.
    Link(String),
    Unlink,
    Create,
    Sync,
    /// The sync that began at this place of the trace is done.
    Synced(u64),
    SyncFailed(u64),
}

impl Trace {
    /// What was cut off in the middle of a record was not done yet.
    pub fn parse(bytes: Vec<u8>) -> Self {
        let mut steps = Vec::new();
        let mut at = 0;
        while let Some((step, end)) = parse(&bytes, at) {
            steps.push(step);
            at = end;
        }
        Self { bytes, steps }
    }

    pub fn data(&self, range: &Range<usize>) -> &[u8] {
        &self.bytes[range.clone()]
    }
}

/// The step at this place, and the place after it.
fn parse(bytes: &[u8], at: usize) -> Option<(Step, usize)> {
    const HEAD: usize = 32;
    let head = bytes.get(at..at + HEAD)?;
    let short = |from: usize| u32::from_ne_bytes(head[from..from + 4].try_into().unwrap());
    let long = |from: usize| u64::from_ne_bytes(head[from..from + 8].try_into().unwrap());
    let (time, offset) = (long(8), long(16));
    let data = at + HEAD + short(4) as usize;
    let end = data + long(24) as usize;
    let text = |range: Range<usize>| Some(String::from_utf8(bytes.get(range)?.to_vec()).unwrap());
    let path = text(at + HEAD..data)?;
    bytes.get(data..end)?;
    let what = match short(0) {
        1 => What::Write(offset, data..end),
        2 => What::Truncate(offset),
        3 => What::Rename(text(data..end)?),
        4 => What::Unlink,
        5 => What::Create,
        6 => What::Sync,
        7 => What::Synced(offset),
        8 => What::SyncFailed(offset),
        9 => What::Link(text(data..end)?),
        kind => panic!("kind {kind} at {at}"),
    };
    Some((Step { at: at as u64, time, path, what }, end))
}
