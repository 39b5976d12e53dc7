//! `agw audit verify`: whether the trail is what it was, by its own proofs and
//! by what was kept of it elsewhere.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use agw_api::AuditKey;
use agw_core::log::{
    CheckedReceipt, Checkpoint, Failure, Pieces, Report, Selection, Verifier, VerifyingKey,
};
use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
use serde::Serialize;

use super::kept;
use crate::args::AuditVerify;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Output, bytes, count, grouped, safe};
use crate::progress::{self, Progress};

/// How much of a file is read at once.
const PIECE: usize = 1024 * 1024;

/// A file alone, with neither a gateway nor a session.
pub(crate) fn verify_file(
    output: &Output,
    args: &AuditVerify,
    file: &Path,
) -> Result<(), CliError> {
    // The parser has seen to it that there is one.
    let key = kept::key(args.key.as_deref().unwrap_or_default())?;
    let held = Held::new(args, &key)?;
    let mut lines = held.pieces(&key);
    let failed = |error: io::Error| {
        let next = "Check the path.";
        CliError::io(&format!("cannot read {}", file.display()), &error, next)
    };
    let (mut input, size): (Box<dyn Read>, u64) = if file == Path::new("-") {
        (Box::new(io::stdin().lock()), 0)
    } else {
        let open = File::open(file).map_err(failed)?;
        let size = open.metadata().map_err(failed)?.len();
        (Box::new(open), size)
    };
    let mut progress = Progress::new(output);
    let mut piece = vec![0; PIECE];
    loop {
        let read = match input.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(error)),
        };
        lines.feed(piece.get(..read).unwrap_or_default()).map_err(|why| broken(&why))?;
        progress.show(|time| read_so_far(lines.bytes(), size, time));
    }
    drop(progress);
    show(output, lines, &held)
}

/// `1.5 GiB of 3.0 GiB, 50 %, 300.0 MiB a second`.
fn read_so_far(read: u64, size: u64, time: Duration) -> String {
    let of = match size {
        0 => String::new(),
        size => format!(" of {}, {} %", bytes(size), read.saturating_mul(100) / size),
    };
    let rate = u128::from(read).saturating_mul(1_000) / time.as_millis().max(1);
    let rate = bytes(u64::try_from(rate).unwrap_or(u64::MAX));
    format!("{}{of}, {rate} a second", bytes(read))
}

/// What the gateway has, unless a file is named.
pub(super) async fn verify(context: &Context<'_>, args: &AuditVerify) -> Result<(), CliError> {
    if let Some(file) = &args.file {
        return verify_file(context.output, args, file);
    }
    let key = match &args.key {
        Some(text) => kept::key(text)?,
        None => {
            let said: AuditKey = context.client.get("/api/v1/audit/key").await?;
            kept::key(&said.key)?
        }
    };
    let held = Held::new(args, &key)?;
    // So that it can be told even if retention has removed what is around it.
    let boundary = held.boundary().map(|size| format!("&checkpoint={size}")).unwrap_or_default();
    let path = format!("/api/v1/audit/export?format=tlog{boundary}");
    let mut download = context.client.download(&path).await?;
    let of = download.records();
    let mut lines = held.pieces(&key);
    let mut progress = Progress::new(context.output);
    while let Some(piece) = download.next().await? {
        lines.feed(&piece).map_err(|why| broken(&why))?;
        progress.show(|time| progress::records(lines.records(), of, time));
    }
    drop(progress);
    show(context.output, lines, &held)?;
    if args.key.is_none() {
        context.output.hint(
            "The key is the one that the gateway gave just now. Keep it (`agw audit key`) and \
             give it with --key:\nonly that proves that it is still the same.",
        );
    }
    Ok(())
}

/// What somebody kept of the trail: it has to fit.
struct Held {
    since: Option<Checkpoint>,
    receipts: Vec<CheckedReceipt>,
}

impl Held {
    fn new(args: &AuditVerify, key: &VerifyingKey) -> Result<Self, CliError> {
        let since = args.since.as_deref().map(|file| kept::checkpoint(file, key)).transpose()?;
        let receipts = args.receipt.iter().map(|file| kept::receipt(file, key));
        Ok(Self { since, receipts: receipts.collect::<Result<_, _>>()? })
    }

    fn pieces<'k>(&self, key: &'k VerifyingKey) -> Pieces<'k> {
        Pieces::new(Verifier::new(key, self.since.clone(), self.receipts.iter().cloned()))
    }

    fn boundary(&self) -> Option<u64> {
        let receipts = self.receipts.iter().map(|receipt| receipt.checkpoint().size);
        self.since.as_ref().map(|since| since.size).or(receipts.min())
    }
}

/// The first place that does not hold.
fn broken(failure: &Failure) -> CliError {
    CliError::failed(
        kept::NOT_PROVEN,
        format!("the trail does not hold; {failure}"),
        "Export again. If that does not hold either, keep the file and the gateway's data folder as \
         they are, and find out who could write there.",
    )
}

fn show(output: &Output, lines: Pieces<'_>, held: &Held) -> Result<(), CliError> {
    let report = lines.finish().map_err(|failure| broken(&failure))?;
    output.item(&Proven::new(&report), || report_text(&report, held))
}

/// A report in JSON.
#[derive(Serialize)]
struct Proven<'a> {
    proven: bool,
    origin: &'a str,
    first: u64,
    last: u64,
    all: bool,
    size: u64,
    root: String,
    records: u64,
    texts: u64,
    texts_erased: u64,
    texts_left_out: u64,
    bodies: u64,
    checkpoints: u64,
    compacted_below: Option<u64>,
    open_intents: Option<u64>,
}

impl<'a> Proven<'a> {
    fn new(report: &'a Report) -> Self {
        Self {
            proven: true,
            origin: &report.origin,
            first: report.first,
            last: report.last,
            all: report.selection == Selection::All,
            size: report.size,
            root: BASE64.encode(report.root),
            records: report.records,
            texts: report.texts,
            texts_erased: report.texts_erased,
            texts_left_out: report.texts_left_out,
            bodies: report.bodies,
            checkpoints: report.checkpoints,
            compacted_below: report.compacted_below,
            open_intents: report.open_intents,
        }
    }
}

fn report_text(report: &Report, held: &Held) -> String {
    let mut text = match report.selection {
        Selection::All => {
            "The trail holds: of what is in here nothing was changed, removed or put in."
        }
        Selection::Some => "The selection holds: what is in here is as it was recorded.",
    }
    .to_owned();
    let mut line = |name: &str, value: &str| {
        text.push_str(&format!("\n  {name:<12}  {}", safe(value)));
    };
    line("trail", &report.origin);
    line(
        "signed",
        &format!("{}, root {}", count(report.size, "record"), BASE64.encode(report.root)),
    );
    line("in here", &covered(report));
    if let Some(below) = report.compacted_below {
        line("removed", &format!("records before {}, by retention", grouped(below)));
    }
    line("details", &details(report));
    if report.bodies > 0 {
        line("bodies", &format!("{}, sealed", grouped(report.bodies)));
    }
    if let Some(open @ 1..) = report.open_intents {
        line("under way", &format!("{} without an outcome yet", count(open, "call")));
    }
    if let Some(since) = &held.since {
        line(
            "continues",
            &format!("the checkpoint of {} that you kept", count(since.size, "record")),
        );
    }
    for receipt in &held.receipts {
        line("receipt", &format!("of record {}, which is in the trail", grouped(receipt.seq())));
    }
    text
}

/// Which records were looked at.
fn covered(report: &Report) -> String {
    if report.last < report.first {
        return "no record".to_owned();
    }
    let first = report.first.max(report.compacted_below.unwrap_or(0));
    let (first, last) = (grouped(first), grouped(report.last));
    let records = count(report.records, "record");
    match report.selection {
        Selection::All => format!("{records}, all from {first} to {last}"),
        Selection::Some => {
            format!("{records}, a selection from {first} to {last}; of others this says nothing")
        }
    }
}

/// What is kept beside records and can be erased.
fn details(report: &Report) -> String {
    let mut text = format!("beside {}", count(report.texts, "record"));
    if report.texts_erased > 0 {
        text.push_str(&format!("; {} erased, as the trail says", grouped(report.texts_erased)));
    }
    if report.texts_left_out > 0 {
        text.push_str(&format!("; {} not in here", grouped(report.texts_left_out)));
    }
    text
}

#[cfg(test)]
mod tests {
    use agw_core::log::{LINE_MAX, SigningKey, Tree, leaf_hash};

    use super::*;

    fn signer() -> SigningKey {
        SigningKey::from_seed("agw/x", &[1; 32]).unwrap()
    }

    fn none() -> Held {
        Held { since: None, receipts: Vec::new() }
    }

    fn record(seq: u64) -> String {
        let kind = if seq == 2 { "intent" } else { "service" };
        format!(
            r#"{{"call_id":"c{seq}","kind":"{kind}","seq":{seq},"time":"2026-11-22T10:00:00Z","v":2}}"#
        )
    }

    fn export(selection: &str, records: u64) -> String {
        let mut tree = Tree::default();
        let mut text = format!("agw-tlog/1 agw/x 1 {records} {selection}\n");
        for record in (1..=records).map(record) {
            tree.push(leaf_hash(record.as_bytes()));
            text.push_str(&format!("r {record}\n"));
        }
        let note = signer().sign(records, &tree.root());
        text + &format!("c {}\n", BASE64.encode(note))
    }

    /// In pieces of so many bytes.
    fn verified(text: &str, held: &Held, piece: usize) -> Result<Report, Failure> {
        let key = signer().verifying();
        let mut lines = held.pieces(&key);
        for piece in text.as_bytes().chunks(piece) {
            lines.feed(piece)?;
        }
        assert_eq!(lines.bytes(), text.len() as u64);
        lines.finish()
    }

    #[test]
    fn lines_are_put_together_wherever_the_pieces_end() {
        let text = export("all", 3);
        for piece in [1, 2, 7, 100, usize::MAX] {
            let report = verified(&text, &none(), piece).unwrap();
            assert_eq!((report.records, report.size), (3, 3), "{piece}");
            let cut_off = text.strip_suffix('\n').unwrap();
            let failure = verified(cut_off, &none(), piece).unwrap_err();
            assert!(failure.what.contains("does not end"), "{failure}");
        }
    }

    #[test]
    fn what_does_not_hold_is_told_with_its_place() {
        let text = export("all", 3).replace("service\",\"seq\":3", "service\",\"seq\": 3");
        let error = broken(&verified(&text, &none(), 10).unwrap_err());
        assert_eq!(error.code(), Some("not_proven"));
        let CliError::Failed(body) = error else { panic!("{error:?}") };
        assert!(body.message.starts_with("the trail does not hold; line 5: "), "{}", body.message);
    }

    #[test]
    fn a_line_without_end_is_not_waited_for() {
        let key = signer().verifying();
        let mut lines = none().pieces(&key);
        lines.feed(b"agw-tlog/1 agw/x 1 0 all\nr ").unwrap();
        let long = vec![b'x'; LINE_MAX];
        assert!(lines.feed(&long).is_err());
    }

    #[test]
    fn the_report_says_what_is_covered_and_what_is_not() {
        let text = export("all", 3);
        let since = signer().verifying().open(&signer().sign(2, &{
            let mut tree = Tree::default();
            (1..=2).map(record).for_each(|record| _ = tree.push(leaf_hash(record.as_bytes())));
            tree.root()
        }));
        let held = Held { since: Some(since.unwrap()), receipts: Vec::new() };
        assert_eq!(held.boundary(), Some(2));
        let mut report = verified(&text, &held, 50).unwrap();
        let root = BASE64.encode(report.root);
        assert_eq!(
            report_text(&report, &held),
            format!(
                "The trail holds: of what is in here nothing was changed, removed or put in.
  trail         agw/x
  signed        3 records, root {root}
  in here       3 records, all from 1 to 3
  details       beside 0 records
  under way     1 call without an outcome yet
  continues     the checkpoint of 2 records that you kept"
            )
        );
        let json = serde_json::to_value(Proven::new(&report)).unwrap();
        assert_eq!((&json["proven"], &json["root"]), (&true.into(), &root.into()));
        report.compacted_below = Some(2);
        report.texts = 12;
        report.texts_erased = 3;
        report.texts_left_out = 1;
        report.bodies = 2;
        report.open_intents = None;
        let text = report_text(&report, &none());
        for line in [
            "removed       records before 2, by retention",
            "in here       3 records, all from 2 to 3",
            "details       beside 12 records; 3 erased, as the trail says; 1 not in here",
            "bodies        2, sealed",
        ] {
            assert!(text.contains(line), "{text}");
        }
        assert!(!text.contains("under way") && !text.contains("continues"), "{text}");
    }

    #[test]
    fn a_selection_proves_less() {
        let report = verified(&export("some", 3), &none(), 50).unwrap();
        let text = report_text(&report, &none());
        assert!(text.starts_with("The selection holds: "), "{text}");
        assert!(text.contains("a selection from 1 to 3; of others this says nothing"), "{text}");
        let empty = verified(&export("all", 0), &none(), 50).unwrap();
        assert_eq!(covered(&empty), "no record");
    }

    #[test]
    fn how_far_a_file_was_read() {
        let second = Duration::from_secs(1);
        assert_eq!(read_so_far(1_024, 4_096, second), "1.0 KiB of 4.0 KiB, 25 %, 1.0 KiB a second");
        assert_eq!(read_so_far(1_024, 0, second), "1.0 KiB, 1.0 KiB a second");
    }
}
