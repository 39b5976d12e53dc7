//! Checks an export line by line, with nothing but the public key.
//!
//! It holds no more than the frontier of the tree, the places of words that
//! are missing until something says that they were erased, and the calls
//! whose outcome has not come yet.

mod kept;
mod lines;
mod ranges;
mod record;
mod report;

use std::collections::HashSet;

use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
use sha2::{Digest as _, Sha256};

use self::{kept::Kept, ranges::Ranges, record::Record, report::Header};
pub use self::{
    kept::{CheckedReceipt, Receipt, ReceiptError},
    lines::Pieces,
    report::{Failure, Report, Selection},
};
use super::{
    frontier::Frontier,
    note::{Checkpoint, VerifyingKey, decimal, hex},
    tree::{Hash, leaf_hash},
};

/// Longest line that is read, in bytes, without what ends it.
pub const LINE_MAX: usize = 64 * 1024 * 1024;
/// Highest level of a subtree that is left out.
const LEVEL_MAX: u64 = 62;
/// Random bytes before words, so that their hash tells nobody what they were.
const SALT: usize = 16;
/// Calls under way at once that are followed to their outcome.
const OPEN_MAX: usize = 1 << 20;

/// What does not hold, before it is known in which line.
#[derive(Debug)]
struct Wrong {
    seq: Option<u64>,
    what: String,
}

impl Wrong {
    fn at(self, seq: u64) -> Self {
        Self { seq: Some(seq), ..self }
    }
}

impl From<String> for Wrong {
    fn from(what: String) -> Self {
        Self { seq: None, what }
    }
}

impl From<&str> for Wrong {
    fn from(what: &str) -> Self {
        what.to_owned().into()
    }
}

/// Takes the lines of an export in order. Once one has failed, every answer
/// is that failure.
///
/// ```
/// use agw_core::log::{Selection, SigningKey, Tree, Verifier};
/// use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
///
/// let signer = SigningKey::from_seed("agw/acme-3f9a", &[7; 32])?;
/// let note = BASE64.encode(signer.sign(0, &Tree::default().root()));
/// let key = signer.verifying();
/// let mut verifier = Verifier::new(&key, None, []);
/// for line in ["agw-tlog/1 agw/acme-3f9a 1 0 all", &format!("c {note}")] {
///     verifier.line(line.as_bytes())?;
/// }
/// let report = verifier.finish(true)?;
/// assert_eq!((report.size, report.selection), (0, Selection::All));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Verifier<'k> {
    key: &'k VerifyingKey,
    kept: Kept,
    lines: u64,
    failed: Option<Failure>,
    header: Option<Header>,
    so_far: Frontier,
    /// The record in the line before, less what already came with it.
    beside: Option<Record>,
    /// Size of the last checkpoint.
    signed: Option<u64>,
    /// The last record inside the range that a hash stands for.
    hidden: Option<u64>,
    missing: Ranges,
    open: HashSet<String>,
    counted: Counted,
}

#[derive(Debug, Default)]
struct Counted {
    records: u64,
    texts: u64,
    erased: u64,
    bodies: u64,
    checkpoints: u64,
    below: u64,
    /// More calls were under way at once than are followed.
    too_many_open: bool,
}

impl<'k> Verifier<'k> {
    /// `since` and the receipts are what somebody kept of the trail earlier,
    /// opened with the same key: the export has to continue it.
    pub fn new(
        key: &'k VerifyingKey,
        since: Option<Checkpoint>,
        receipts: impl IntoIterator<Item = CheckedReceipt>,
    ) -> Self {
        Self {
            key,
            kept: Kept::new(since, receipts),
            lines: 0,
            failed: None,
            header: None,
            so_far: Frontier::default(),
            beside: None,
            signed: None,
            hidden: None,
            missing: Ranges::default(),
            open: HashSet::new(),
            counted: Counted::default(),
        }
    }

    /// The next line, without the `\n` that ends it.
    pub fn line(&mut self, line: &[u8]) -> Result<(), Failure> {
        if let Some(failure) = &self.failed {
            return Err(failure.clone());
        }
        self.lines += 1;
        self.check(line).map_err(|wrong| {
            let failure = self.failure(wrong);
            self.failed.insert(failure).clone()
        })
    }

    /// After the last line. `ended`: whether it ended in `\n`, too.
    pub fn finish(self, ended: bool) -> Result<Report, Failure> {
        if let Some(failure) = self.failed {
            return Err(failure);
        }
        match self.check_end(ended) {
            Ok(left_out) => Ok(self.report(left_out)),
            Err(wrong) => Err(self.failure(wrong)),
        }
    }

    fn failure(&self, wrong: Wrong) -> Failure {
        Failure { line: self.lines, seq: wrong.seq, what: wrong.what }
    }

    fn check(&mut self, line: &[u8]) -> Result<(), Wrong> {
        if line.len() > LINE_MAX {
            return Err(format!("the line is longer than {LINE_MAX} bytes").into());
        }
        if self.header.is_none() {
            self.header = Some(Header::parse(line, self.key.name())?);
            self.kept.check_origin(self.key.name())?;
            return self.kept.check_roots(&self.so_far);
        }
        match line {
            [b'h', b' ', rest @ ..] => self.subtree(rest),
            [b'r', b' ', rest @ ..] => {
                let seq = self.so_far.size().saturating_add(1);
                self.record(rest, seq).map_err(|wrong| wrong.at(seq))
            }
            [b't', b' ', rest @ ..] => self.text(rest),
            [b'b', b' ', rest @ ..] => self.body(rest),
            [b'c', b' ', rest @ ..] => self.checkpoint(rest),
            _ => Err("a line begins with h, r, t, b or c and one space".into()),
        }
    }

    fn subtree(&mut self, rest: &[u8]) -> Result<(), Wrong> {
        self.settle();
        let form = || Wrong::from("it is not a level, an index and a hash");
        let parts: Vec<&str> = utf8(rest)?.split(' ').collect();
        let [level, index, hash] = parts.as_slice() else { return Err(form()) };
        let level = decimal(level).filter(|level| *level <= LEVEL_MAX).ok_or_else(form)?;
        let index = decimal(index).ok_or_else(form)?;
        let hash: Hash =
            BASE64.decode(hash).ok().and_then(|h| h.try_into().ok()).ok_or_else(form)?;
        let from = self.so_far.size();
        if index.checked_mul(1 << level) != Some(from) {
            return Err(format!("it does not begin after record {from}").into());
        }
        // At most LEVEL_MAX.
        self.so_far.push(level as u8, hash).ok_or("there are more records than can be counted")?;
        if let Some(header) = &self.header {
            let last = self.so_far.size().min(header.last);
            if last >= (from + 1).max(header.first) {
                self.hidden = Some(last);
            }
        }
        self.kept.check_roots(&self.so_far)
    }

    fn record(&mut self, bytes: &[u8], seq: u64) -> Result<(), Wrong> {
        self.settle();
        let record = Record::parse(bytes, seq)?;
        if !self.header.as_ref().is_some_and(|header| (header.first..=header.last).contains(&seq)) {
            return Err("it is outside of the range that the first line names".into());
        }
        let leaf = leaf_hash(bytes);
        self.kept.check_leaf(seq - 1, &leaf)?;
        self.so_far.push(0, leaf).ok_or("there are more records than can be counted")?;
        self.kept.check_roots(&self.so_far)?;
        self.counted.records += 1;
        self.counted.below = self.counted.below.max(record.below.unwrap_or(0));
        for (first, last) in &record.removed {
            self.counted.erased += self.missing.remove(*first, *last);
        }
        self.follow(&record);
        self.beside = Some(record);
        Ok(())
    }

    fn text(&mut self, rest: &[u8]) -> Result<(), Wrong> {
        let found = base64(rest)?;
        let Some(beside) = &mut self.beside else {
            return Err("words have to come right after the record that they are of".into());
        };
        let seq = beside.seq;
        let expected = beside.text.take().ok_or_else(|| {
            Wrong::from("the record has no words beside it, or has them already").at(seq)
        })?;
        let words = found.get(SALT..).map(std::str::from_utf8);
        if !matches!(words, Some(Ok(_))) || hex(&Sha256::digest(&found)) != expected {
            return Err(
                Wrong::from("the words are not those that the record was made with").at(seq)
            );
        }
        self.counted.texts += 1;
        Ok(())
    }

    fn body(&mut self, rest: &[u8]) -> Result<(), Wrong> {
        let found = base64(rest)?;
        self.settle_text();
        let Some(beside) = &mut self.beside else {
            return Err("a body has to come right after the record that it is of".into());
        };
        let seq = beside.seq;
        let expected = beside.body.take().ok_or_else(|| {
            Wrong::from("the record has no body beside it, or has it already").at(seq)
        })?;
        if hex(&Sha256::digest(&found)) != expected {
            return Err(
                Wrong::from("the body is not the one that the record was made with").at(seq)
            );
        }
        self.counted.bodies += 1;
        Ok(())
    }

    fn checkpoint(&mut self, rest: &[u8]) -> Result<(), Wrong> {
        self.settle();
        let size = self.so_far.size();
        let note = base64(rest)?;
        let opened = self.key.open(utf8(&note)?);
        let checkpoint = opened.map_err(|e| format!("the checkpoint is not accepted: {e}"))?;
        if checkpoint.size != size {
            return Err(format!(
                "the checkpoint is of {} records, but {size} came before it",
                checkpoint.size
            )
            .into());
        }
        if checkpoint.root != self.so_far.root() {
            return Err(
                "the records so far are not those that were signed: something before this \
                        line was changed"
                    .into(),
            );
        }
        if self.signed == Some(size) {
            return Err("the same checkpoint came before".into());
        }
        self.signed = Some(size);
        self.counted.checkpoints += 1;
        Ok(())
    }

    /// Nothing more comes with the record before.
    fn settle(&mut self) {
        self.settle_text();
        self.beside = None;
    }

    fn settle_text(&mut self) {
        let Some(beside) = &mut self.beside else { return };
        if beside.text.take().is_some() {
            self.missing.push(beside.seq);
        }
    }

    fn follow(&mut self, record: &Record) {
        match (record.kind.as_str(), &record.call) {
            ("intent", Some(_)) if self.open.len() >= OPEN_MAX => self.counted.too_many_open = true,
            ("intent", Some(call)) => _ = self.open.insert(call.clone()),
            ("outcome", Some(call)) => _ = self.open.remove(call),
            _ => {}
        }
    }

    /// The number of records whose words were left out.
    fn check_end(&self, ended: bool) -> Result<u64, Wrong> {
        let Some(header) = &self.header else { return Err("the file is empty".into()) };
        if !ended {
            return Err("the last line does not end: the file was cut off".into());
        }
        let size = self.so_far.size();
        if self.signed != Some(size) {
            return Err("the last line is not a checkpoint: the file was cut off".into());
        }
        self.kept.check_end(size)?;
        if header.last > size {
            let last = header.last;
            return Err(format!("there are {size} records, but it is to go up to {last}").into());
        }
        let below = self.counted.below;
        match self.hidden {
            Some(hidden) if header.selection == Selection::All && hidden >= below => {
                return Err(Wrong::from("it is to be there, but only a hash is").at(hidden));
            }
            _ => {}
        }
        match self.missing.first() {
            Some(seq) if header.selection == Selection::All && header.last == size => {
                Err(Wrong::from("its words are missing, but nothing says that they were erased")
                    .at(seq))
            }
            _ => Ok(self.missing.count()),
        }
    }

    fn report(self, left_out: u64) -> Report {
        let header = self.header.unwrap_or_default();
        let counted = self.counted;
        let followed = header.selection == Selection::All && !counted.too_many_open;
        Report {
            origin: header.origin,
            first: header.first,
            last: header.last,
            selection: header.selection,
            size: self.so_far.size(),
            root: self.so_far.root(),
            records: counted.records,
            texts: counted.texts,
            texts_erased: counted.erased,
            texts_left_out: left_out,
            bodies: counted.bodies,
            checkpoints: counted.checkpoints,
            compacted_below: (counted.below > 0).then_some(counted.below),
            open_intents: followed.then_some(self.open.len() as u64),
        }
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Wrong> {
    std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".into())
}

fn base64(bytes: &[u8]) -> Result<Vec<u8>, Wrong> {
    BASE64.decode(bytes).map_err(|_| "it is not base64, padded, with nothing after it".into())
}

#[cfg(test)]
mod tests;
