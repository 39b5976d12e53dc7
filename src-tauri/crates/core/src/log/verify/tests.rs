use super::*;
use crate::log::{KeyError, NoteError, SigningKey, Subtree, Tree};

const ORIGIN: &str = "agw/test";

fn signer() -> SigningKey {
    SigningKey::from_seed(ORIGIN, &[7; 32]).unwrap()
}

/// A trail that is kept whole, to export from.
#[derive(Default)]
struct Trail {
    records: Vec<String>,
    /// Words and body of each.
    beside: Vec<[Option<Vec<u8>>; 2]>,
    tree: Tree,
}

impl Trail {
    /// `members` go after `seq`; a text and a body get their hashes.
    fn add(&mut self, members: &str, text: Option<&str>, body: Option<&[u8]>) {
        let seq = self.records.len() + 1;
        let text = text.map(|text| [&[seq as u8; SALT], text.as_bytes()].concat());
        let member = |name: &str, bytes: Option<&[u8]>| match bytes {
            Some(bytes) => format!(r#""{name}":"{}","#, hex(&Sha256::digest(bytes))),
            None => String::new(),
        };
        let (text_member, body_member) = (member("text", text.as_deref()), member("body", body));
        let record = format!(
            r#"{{{body_member}"seq":{seq},{text_member}"time":"2026-11-23T04:00:00.000Z",{members},"v":2}}"#
        );
        self.tree.push(leaf_hash(record.as_bytes()));
        self.records.push(record);
        self.beside.push([text, body.map(<[u8]>::to_vec)]);
    }

    fn hash_lines(&self, from: u64, to: u64) -> Vec<String> {
        let cover = self.tree.cover::<()>(from, to, &mut |_| Err(())).unwrap().unwrap();
        let line =
            |Subtree { level, index, hash }| format!("h {level} {index} {}", BASE64.encode(hash));
        cover.into_iter().map(line).collect()
    }

    fn record_lines(&self, seq: usize) -> Vec<String> {
        let mut lines = vec![format!("r {}", self.records[seq - 1])];
        let [text, body] = &self.beside[seq - 1];
        lines.extend(text.iter().map(|text| format!("t {}", BASE64.encode(text))));
        lines.extend(body.iter().map(|body| format!("b {}", BASE64.encode(body))));
        lines
    }

    fn note(&self, size: u64) -> String {
        let root = self.tree.root_at::<()>(size, &mut |_| Err(())).unwrap().unwrap();
        signer().sign(size, &root)
    }

    fn checkpoint(&self, size: u64) -> Checkpoint {
        signer().verifying().open(&self.note(size)).unwrap()
    }

    fn checkpoint_line(&self, size: u64) -> String {
        format!("c {}", BASE64.encode(self.note(size)))
    }

    /// All of it, with a checkpoint after each of `signed`.
    fn whole(&self, signed: &[u64]) -> Vec<String> {
        let mut lines = vec![format!("agw-tlog/1 {ORIGIN} 1 {} all", self.records.len())];
        for seq in 1..=self.records.len() {
            lines.extend(self.record_lines(seq));
            if signed.contains(&(seq as u64)) {
                lines.push(self.checkpoint_line(seq as u64));
            }
        }
        lines
    }

    fn receipt(&self, index: u64, size: u64) -> Receipt {
        let leaf = leaf_hash(self.records[index as usize].as_bytes());
        let proof = self.tree.inclusion::<()>(index, size, &mut |_| Err(())).unwrap().unwrap();
        Receipt { index, leaf, proof, checkpoint: self.note(size) }
    }
}

/// Eleven records: two calls, of which one has not ended, words and bodies
/// beside some of them, and the words of record 2 erased.
fn trail() -> Trail {
    let mut trail = Trail::default();
    trail.add(r#""kind":"service","status":"started""#, None, None);
    trail.add(r#""kind":"intent","call_id":"A""#, Some(r#"{"detail":"Zoë"}"#), Some(b"sealed"));
    trail.add(r#""kind":"outcome","call_id":"A","status":"ok""#, None, None);
    trail.add(r#""kind":"intent","call_id":"B""#, Some("{}"), None);
    trail.add(r#""kind":"outcome","call_id":"C","status":"denied""#, None, Some(b""));
    trail.add(r#""kind":"config","status":"grant_added""#, Some(r#"{"detail":"g1"}"#), None);
    trail.add(r#""kind":"config","status":"erased","removed":[[1,2],[4,4]]"#, Some("{}"), None);
    for _ in 8..=11 {
        trail.add(r#""kind":"sign_in","user":"u1""#, None, None);
    }
    trail
}

fn judge_with(
    lines: &[String],
    since: Option<Checkpoint>,
    receipts: Vec<CheckedReceipt>,
) -> Result<Report, Failure> {
    let key = signer().verifying();
    let mut verifier = Verifier::new(&key, since, receipts);
    for line in lines {
        verifier.line(line.as_bytes())?;
    }
    verifier.finish(true)
}

fn judge(lines: &[String]) -> Result<Report, Failure> {
    judge_with(lines, None, Vec::new())
}

/// The failure as it is shown.
fn why(result: Result<Report, Failure>) -> String {
    result.map(|_| ()).unwrap_err().to_string()
}

fn says(result: Result<Report, Failure>, expected: &str) {
    let found = why(result);
    assert!(found.contains(expected), "{found:?} does not say {expected:?}");
}

#[test]
fn what_holds_is_reported() {
    let trail = trail();
    let mut lines = trail.whole(&[3, 11]);
    assert_eq!(
        lines.remove(3),
        format!("t {}", BASE64.encode(trail.beside[1][0].as_ref().unwrap()))
    );
    let report = judge(&lines).unwrap();
    let expected = Report {
        origin: ORIGIN.into(),
        first: 1,
        last: 11,
        selection: Selection::All,
        size: 11,
        root: trail.tree.root(),
        records: 11,
        texts: 3,
        texts_erased: 1,
        texts_left_out: 0,
        bodies: 2,
        checkpoints: 2,
        compacted_below: None,
        open_intents: Some(1),
    };
    assert_eq!(report, expected);
}

#[test]
fn a_range_of_a_trail_is_taken() {
    let trail = trail();
    let mut lines = vec![format!("agw-tlog/1 {ORIGIN} 5 6 all")];
    lines.extend(trail.hash_lines(0, 4));
    lines.extend((5..=6).flat_map(|seq| trail.record_lines(seq)));
    lines.extend(trail.hash_lines(6, 11));
    lines.push(trail.checkpoint_line(11));
    assert_eq!(judge(&lines).unwrap().records, 2);
    // Whether its words were erased is told later in the trail.
    let words = lines.iter().position(|line| line.starts_with("t ")).unwrap();
    let mut wordless = lines.clone();
    wordless.remove(words);
    assert_eq!(judge(&wordless).unwrap().texts_left_out, 1);
    for (header, expected) in [
        ("4 6", "record 4): it is to be there, but only a hash is"),
        ("5 7", "record 7): it is to be there, but only a hash is"),
        ("6 6", "line 3 (record 5): it is outside of the range"),
        ("5 5", "(record 6): it is outside of the range"),
        ("5 12", "line 10: there are 11 records, but it is to go up to 12"),
        ("0 6", "line 1: what it names as first and last is no range"),
        ("8 6", "line 1: what it names as first and last is no range"),
        ("05 6", "line 1: what it names as first and last is no range"),
        ("5 +6", "line 1: what it names as first and last is no range"),
    ] {
        lines[0] = format!("agw-tlog/1 {ORIGIN} {header} all");
        says(judge(&lines), expected);
    }
    lines[0] = format!("agw-tlog/1 {ORIGIN} 4 7 some");
    assert_eq!(judge(&lines).unwrap().open_intents, None);
}

#[test]
fn nothing_at_all_is_a_trail() {
    let empty = Trail::default();
    let lines = [format!("agw-tlog/1 {ORIGIN} 1 0 all"), empty.checkpoint_line(0)];
    assert_eq!(judge(&lines).unwrap().size, 0);
    says(judge(&[]), "line 0: the file is empty");
    says(judge(&lines[..1]), "line 1: the last line is not a checkpoint");
    // A range without records, of a trail that has some.
    let trail = trail();
    let mut lines = vec![format!("agw-tlog/1 {ORIGIN} 5 4 all")];
    lines.extend(trail.hash_lines(0, 11));
    lines.push(trail.checkpoint_line(11));
    assert_eq!(judge(&lines).unwrap().records, 0);
}

#[test]
fn what_retention_removed_may_be_missing_and_nothing_else() {
    let mut trail = Trail::default();
    for _ in 1..=5 {
        trail.add(r#""kind":"sign_in""#, Some("{}"), None);
    }
    trail.add(r#""kind":"service","status":"compacted","below":4"#, None, None);
    trail.add(r#""kind":"service","status":"compacted","below":2"#, None, None);
    let export = |gone: u64| {
        let mut lines = vec![format!("agw-tlog/1 {ORIGIN} 1 7 all")];
        lines.extend(trail.hash_lines(0, gone));
        lines.extend((gone as usize + 1..=7).flat_map(|seq| trail.record_lines(seq)));
        lines.push(trail.checkpoint_line(7));
        judge(&lines)
    };
    for gone in 0..=3 {
        assert_eq!(export(gone).unwrap().compacted_below, Some(4));
    }
    says(export(4), "(record 4): it is to be there, but only a hash is");
    // A record cannot say that of itself, or of what is to come.
    let mut liar = Trail::default();
    liar.add(r#""kind":"service","status":"compacted","below":2"#, None, None);
    says(judge(&liar.whole(&[1])), "line 2 (record 1): it says that records were removed, but not");
    let mut other = Trail::default();
    other.add(r#""kind":"config","status":"compacted","below":"x""#, None, None);
    assert_eq!(judge(&other.whole(&[1])).unwrap().compacted_below, None);
}

#[test]
fn words_may_be_missing_only_where_they_were_erased() {
    let mut lines = trail().whole(&[11]);
    let words: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].starts_with("t ")).collect();
    lines.remove(words[2]);
    says(judge(&lines), "line 18 (record 6): its words are missing, but nothing says");
    for removed in ["[[0,1]]", "[[2,1]]", "[[1,2],[2,3]]", "[[3,3],[1,1]]", "[[1,8]]", "[[1]]", "7"]
    {
        let mut again = Trail::default();
        for _ in 1..=7 {
            again.add(r#""kind":"sign_in""#, Some("{}"), None);
        }
        again.add(
            &format!(r#""kind":"service","status":"expired","removed":{removed}"#),
            None,
            None,
        );
        says(judge(&again.whole(&[8])), "(record 8): it says that words were removed, but not");
    }
    let mut trail = Trail::default();
    for _ in 1..=9 {
        trail.add(r#""kind":"sign_in""#, Some("{}"), None);
    }
    trail.add(r#""kind":"service","status":"expired","removed":[[1,9]]"#, None, None);
    trail.add(r#""kind":"service","status":"erased","removed":[[1,2],[3,4],[6,9]]"#, None, None);
    let lines = trail.whole(&[11]);
    let without = |seqs: &[u64]| {
        let mut seq = 0;
        let kept = lines.iter().filter(|line| {
            seq += u64::from(line.starts_with("r "));
            !(line.starts_with("t ") && seqs.contains(&seq))
        });
        judge(&kept.cloned().collect::<Vec<_>>())
    };
    assert_eq!(without(&[1, 2, 3, 4, 6, 7, 8, 9]).unwrap().texts_erased, 8);
    assert_eq!(without(&[3, 8]).unwrap().texts_erased, 2);
    says(without(&[4, 5, 6]), "(record 5): its words are missing");
}

#[test]
fn whatever_is_changed_is_noticed_where_it_is() {
    let trail = trail();
    let lines = trail.whole(&[3, 11]);
    assert!(judge(&lines).is_ok());
    // 1 is the header; records 1 to 3 are in 2, 3 and 6; 7 is a checkpoint.
    let edits: [(usize, &str, &str, &str); 30] = [
        (1, "agw-tlog/1", "agw-tlog/2", "line 1: it is not agw-tlog/1"),
        (1, ORIGIN, "agw/best", "line 1: it is not an export of agw/test"),
        (1, " all", "  all", "line 1: it is not agw-tlog/1"),
        (1, "all", "most", "line 1: what it has of its range is neither"),
        (2, "r ", "r", "line 2: a line begins with"),
        (2, "r ", "R ", "line 2: a line begins with"),
        (2, "r {", "", "line 2: a line begins with"),
        (2, "r {", "r  {", "line 2 (record 1): it is not one JSON object"),
        (2, "}", "}\r", "line 2 (record 1): it is not one JSON object"),
        (2, "\"seq\":1", "\"seq\":2", "line 2 (record 1): it says that it is record 2"),
        (2, "\"seq\":1", "\"seq\":1.0", "line 2 (record 1): it has no sequence number"),
        (2, "\"seq\":1", "\"seq\":\"1\"", "line 2 (record 1): it has no sequence number"),
        (2, "\"v\":2", "\"v\":3", "line 2 (record 1): its version"),
        (2, "\"kind\"", "\"kin\"", "line 2 (record 1): it has no kind or no time"),
        (2, "\"time\"", "\"kind\"", "line 2 (record 1): the key \"kind\" appears twice"),
        (2, "started", "stopped", "line 7: the records so far are not those that were signed"),
        (2, ":", " :", "line 7: the records so far are not those that were signed"),
        (3, "\"text\":\"", "\"text\":\"0", "line 3 (record 2): its text or body is no SHA-256"),
        (
            3,
            "\"body\":\"",
            "\"body\":1,\"x\":\"",
            "line 3 (record 2): its text or body is no SHA-256",
        ),
        (3, "A", "D", "line 7: the records so far are not those that were signed"),
        (
            4,
            "t A",
            "t B",
            "line 4 (record 2): the words are not those that the record was made with",
        ),
        (4, "t A", "t =", "line 4: it is not base64"),
        (5, "b c", "b d", "line 5 (record 2): the body is not the one"),
        (5, "b c", "t c", "line 5 (record 2): the record has no words beside it, or has them"),
        (5, "b c", "x c", "line 5: a line begins with"),
        (6, "outcome", "intent", "line 7: the records so far are not those that were signed"),
        (7, "c YWd3L", "c YWd4L", "line 7: the checkpoint is not accepted: its signature does not"),
        (7, "c YWd3L", "c YWd3", "line 7: it is not base64"),
        (7, "c ", "c gICA", "line 7: it is not UTF-8"),
        (8, "r {", "h 0 3 {", "line 8: it is not a level"),
    ];
    for (line, from, to, expected) in edits {
        let mut lines = lines.clone();
        let edited = lines[line - 1].replacen(from, to, 1);
        assert_ne!(edited, lines[line - 1], "{expected}");
        lines[line - 1] = edited;
        says(judge(&lines), expected);
    }
}

#[test]
fn lines_out_of_place_are_noticed() {
    let trail = trail();
    let lines = trail.whole(&[3, 11]);
    let edited = |edit: &dyn Fn(&mut Vec<String>)| {
        let mut lines = lines.clone();
        edit(&mut lines);
        judge(&lines)
    };
    let last = lines.len() - 1;
    says(edited(&|l| l.swap(1, 2)), "line 2 (record 1): it says that it is record 2");
    says(edited(&|l| drop(l.remove(1))), "line 2 (record 1): it says that it is record 2");
    says(edited(&|l| l.swap(3, 4)), "line 5 (record 2): the record has no words beside it");
    says(edited(&|l| l.insert(3, l[3].clone())), "line 5 (record 2): the record has no words");
    says(edited(&|l| l.insert(4, l[4].clone())), "line 6 (record 2): the record has no body");
    says(edited(&|l| l.insert(6, l[3].clone())), "line 7 (record 3): the record has no words");
    says(edited(&|l| l.insert(6, l[4].clone())), "line 7 (record 3): the record has no body");
    says(edited(&|l| l.insert(7, l[3].clone())), "line 8: words have to come right after");
    says(edited(&|l| l.insert(7, l[4].clone())), "line 8: a body has to come right after");
    says(edited(&|l| l.insert(1, l[3].clone())), "line 2: words have to come right after");
    says(edited(&|l| l.insert(6, l[6].clone())), "line 8: the same checkpoint came before");
    says(edited(&|l| l.swap(6, 7)), "line 8: the checkpoint is of 3 records, but 4 came before it");
    says(edited(&|l| l.insert(1, l[0].clone())), "line 2: a line begins with");
    says(edited(&|l| l.insert(5, String::new())), "line 6: a line begins with");
    says(edited(&|l| l.truncate(last)), "the last line is not a checkpoint: the file was cut off");
    says(edited(&|l| l.truncate(7)), "line 7: there are 3 records, but it is to go up to 11");
    says(edited(&|l| l.push(l[1].clone())), "(record 12): it says that it is record 1");
    let hidden = trail.hash_lines(2, 3).remove(0);
    says(edited(&|l| l[5] = hidden.clone()), "(record 3): it is to be there, but only a hash is");
    let wide = trail.hash_lines(0, 4).remove(0);
    says(edited(&|l| l.insert(7, wide.clone())), "line 8: it does not begin after record 3");
}

#[test]
fn a_file_that_was_cut_off_is_no_export() {
    let key = signer().verifying();
    let lines = trail().whole(&[11]);
    for ended in [true, false] {
        let mut verifier = Verifier::new(&key, None, []);
        lines.iter().for_each(|line| verifier.line(line.as_bytes()).unwrap());
        assert_eq!(verifier.finish(ended).is_ok(), ended);
    }
}

#[test]
fn a_failed_verifier_never_finds_that_all_holds() {
    let key = signer().verifying();
    let lines = trail().whole(&[11]);
    let mut verifier = Verifier::new(&key, None, []);
    verifier.line(lines[0].as_bytes()).unwrap();
    let failure = verifier.line(b"").unwrap_err();
    for line in &lines[1..] {
        assert_eq!(verifier.line(line.as_bytes()), Err(failure.clone()));
    }
    assert_eq!(verifier.finish(true), Err(failure));
}

#[test]
fn sizes_and_lines_are_bounded() {
    let zeros = BASE64.encode([0; 32]);
    let with =
        |more: &[String]| judge(&[&[format!("agw-tlog/1 {ORIGIN} 1 0 some")], more].concat());
    says(with(&[format!("h 63 0 {zeros}")]), "line 2: it is not a level");
    says(with(&[format!("h 62 1 {zeros}")]), "line 2: it does not begin after record 0");
    says(with(&[format!("h 62 18446744073709551615 {zeros}")]), "does not begin after");
    says(with(&[format!("h 62 18446744073709551616 {zeros}")]), "line 2: it is not a level");
    let four: Vec<String> = (0..4).map(|index| format!("h 62 {index} {zeros}")).collect();
    says(with(&four), "line 5: there are more records than can be counted");
    says(with(&[format!("h 0 0 {zeros} ")]), "line 2: it is not a level");
    says(with(&[format!("h 0 0 {}", &zeros[..40])]), "line 2: it is not a level");
    says(with(&[format!("h 00 0 {zeros}")]), "line 2: it is not a level");
    let long = format!("b {}", "A".repeat(LINE_MAX - 1));
    says(with(&[long]), "line 2: the line is longer than 67108864 bytes");
}

#[test]
fn an_export_has_to_continue_what_somebody_kept() {
    let (trail, mut other) = (trail(), trail());
    other.add(r#""kind":"service""#, None, None);
    let lines = trail.whole(&[11]);
    for size in 0..=11 {
        let report = judge_with(&lines, Some(trail.checkpoint(size)), Vec::new());
        assert_eq!(report.unwrap().size, 11);
    }
    says(
        judge_with(&lines, Some(other.checkpoint(12)), Vec::new()),
        "the trail is shorter than the checkpoint that you hold (11 records, not 12): it was \
         rolled back, or the export is older",
    );
    let mut branch = Trail::default();
    for _ in 1..=11 {
        branch.add(r#""kind":"sign_in""#, None, None);
    }
    for size in 1..=11 {
        says(
            judge_with(&lines, Some(branch.checkpoint(size)), Vec::new()),
            &format!("history before record {} was rewritten, or this is another branch", size + 1),
        );
    }
    let mut ranged = vec![format!("agw-tlog/1 {ORIGIN} 9 11 all")];
    ranged.extend(trail.hash_lines(0, 8));
    ranged.extend((9..=11).flat_map(|seq| trail.record_lines(seq)));
    ranged.push(trail.checkpoint_line(11));
    for size in 0..=11 {
        let result = judge_with(&ranged, Some(trail.checkpoint(size)), Vec::new());
        match size {
            1..=7 => says(result, "cannot be told from this export: export again with --since"),
            _ => assert!(result.is_ok()),
        }
    }
    // Cut there, it can be told.
    ranged.splice(1..2, [trail.hash_lines(0, 5), trail.hash_lines(5, 8)].concat());
    assert!(judge_with(&ranged, Some(trail.checkpoint(5)), Vec::new()).is_ok());
    let another = Checkpoint { origin: "agw/best".into(), ..trail.checkpoint(5) };
    says(
        judge_with(&lines, Some(another), Vec::new()),
        "line 1: the checkpoint that you hold is of",
    );
}

#[test]
fn receipts_have_to_be_of_the_same_trail() -> Result<(), KeyError> {
    let (trail, key) = (trail(), signer().verifying());
    let lines = trail.whole(&[11]);
    let all: Vec<Receipt> = (0..11)
        .flat_map(|index| (index + 1..=11).map(move |size| (index, size)))
        .map(|(index, size)| trail.receipt(index, size))
        .collect();
    let checked: Vec<_> = all.iter().map(|receipt| receipt.check(&key).unwrap()).collect();
    assert_eq!((checked[0].seq(), checked[0].checkpoint()), (1, &trail.checkpoint(1)));
    assert!(judge_with(&lines, None, checked).is_ok());
    let other = SigningKey::from_seed(ORIGIN, &[8; 32])?.verifying();
    for receipt in &all {
        assert_eq!(receipt.check(&other), Err(NoteError::OtherKey.into()));
        let wrong = Receipt { leaf: [1; 32], ..receipt.clone() };
        assert_eq!(wrong.check(&key), Err(ReceiptError::Proof));
        let wrong = Receipt { index: (receipt.index + 1) % 12, ..receipt.clone() };
        assert_eq!(wrong.check(&key), Err(ReceiptError::Proof));
    }
    let mut branch = Trail::default();
    for _ in 1..=12 {
        branch.add(r#""kind":"sign_in""#, None, None);
    }
    let hold = |trail: &Trail, index, size, lines: &[String]| {
        judge_with(lines, None, vec![trail.receipt(index, size).check(&key).unwrap()])
    };
    says(hold(&branch, 3, 11, &lines), "(record 4): it is not the record that you hold a receipt");
    says(hold(&branch, 3, 12, &lines), "(record 4): it is not the record that you hold a receipt");
    says(hold(&branch, 11, 12, &lines), "the trail is shorter than the receipt that you hold");
    // Where the record is left out, the checkpoint stands for it.
    let mut hidden = vec![format!("agw-tlog/1 {ORIGIN} 12 11 all")];
    hidden.extend(trail.hash_lines(0, 11));
    hidden.push(trail.checkpoint_line(11));
    assert!(hold(&trail, 3, 11, &hidden).is_ok());
    assert!(hold(&trail, 3, 8, &hidden).is_ok());
    says(hold(&trail, 3, 7, &hidden), "export again with --since that receipt");
    says(hold(&branch, 3, 11, &hidden), "the receipt that you hold, of 11 records, does not fit");
    Ok(())
}
