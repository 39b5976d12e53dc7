//! Trails that were chained and signed as they should be, with what is not of
//! the format. What one verifier reads into it, another may not.

use agw_core::log::Hash;
use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
use ed25519_dalek::Signer as _;

use super::{
    export::{Kind, Line, Plan, checkpoint, file},
    judges::Case,
    trail::{Draft, Entry, Trail, seed, sha256, signer},
};
use crate::support::random::Random;

/// Each is the trail and one thing more.
pub(super) fn all(trail: &Trail, random: &mut Random) -> Vec<Case> {
    let seq = trail.size() + 1;
    let mut draft = Draft::new(seq, random);
    draft.set("kind", "service").set("status", "erased");
    let good = draft.done().record;
    let bad = records(&good, seq).into_iter().map(Entry::plain);
    let mut cases: Vec<Case> =
        bad.chain(words(&good)).map(|entry| with_entry(trail, entry)).collect();
    let good = Entry::plain(good);
    cases.extend(texts(trail, &good).into_iter().map(|lines| case(trail, &lines)));
    cases.push(case(trail, &too_many(trail)));
    cases
}

fn case(trail: &Trail, lines: &[Line]) -> Case {
    let key = signer(trail.key).verifying().to_string();
    Case { file: file(lines), key, since: None }
}

fn with(trail: &Trail, entry: &Entry) -> Trail {
    Trail::of(trail.key, trail.entries.iter().chain([entry]).cloned())
}

fn with_entry(trail: &Trail, entry: Entry) -> Case {
    let trail = with(trail, &entry);
    let mut plan = Plan::last_of(trail.size());
    plan.has_mut(trail.size()).words = true;
    case(&trail, &plan.lines(&trail))
}

fn records(good: &str, seq: u64) -> Vec<String> {
    let with = |members: &str| good.replacen('{', &format!("{{{members},"), 1);
    let removed = |ranges: &str| with(&format!("\"removed\":{ranges}"));
    let compacted =
        |below: &str| with(&format!("\"below\":{below}")).replace("\"erased\"", "\"compacted\"");
    let number = |other: String| good.replace(&format!("\"seq\":{seq}"), &other);
    let mut bad = vec![
        good.replace("\"v\":", "\"v\":3"),
        good.replace("\"v\":", "\"v\":-"),
        good.replace("\"v\":", "\"w\":"),
        good.replace("\"kind\":\"service\"", "\"kind\":7"),
        good.replace("\"kind\"", "\"kin\""),
        good.replace("\"time\"", "\"tim\""),
        number(format!("\"seq\":1{seq}")),
        number(format!("\"seq\":0{seq}")),
        number(format!("\"seq\":-{seq}")),
        number(format!("\"seq\":{seq}.0")),
        number(format!("\"seq\":{seq}e0")),
        number(format!("\"seq\":\"{seq}\"")),
        number(format!("\"seq\":[{seq}]")),
        good.replacen('{', "", 1),
        format!("{good}}}"),
        format!("{good}{good}"),
        format!("[{good}]"),
        format!("{good} "),
        format!("\t{good}"),
        "{}".to_owned(),
    ];
    bad.extend(JSON.iter().map(|members| with(members)));
    bad.push(with(&format!("\"a\":{}{}", "[".repeat(64), "]".repeat(64))));
    bad.push(with(&"\"a\":[".repeat(100_000)));
    bad.push(with(&format!("\"text\":\"{}\"", "A".repeat(64))));
    bad.push(with(&format!("\"body\":\"{}\"", "0".repeat(63))));
    bad.extend(REMOVED.iter().map(|ranges| removed(ranges)));
    bad.push(removed(&format!("[[1,{seq}]]")));
    bad.extend(["\"1\"", "-1", "1.0", "01", "null", "[1]", "1e0"].map(compacted));
    bad.push(compacted(&(seq + 1).to_string()));
    bad
}

const JSON: [&str; 33] = [
    "\"kind\":\"service\"",
    "\"\\u006bind\":\"service\"",
    "\"a\":{\"b\":1,\"b\":1}",
    "\"a\":[{\"b\":1,\"\\u0062\":1}]",
    "\"a\":\"\\ud800\"",
    "\"a\":\"\\udc00\\ud800\"",
    "\"a\":\"\\uD83D\\u0041\"",
    "\"\\ud800\":1",
    "\"a\":\"\t\"",
    "\"a\":\"\u{1}\"",
    "\"a\":\"\\x41\"",
    "\"a\":\"\\u00g0\"",
    "\"a\":\"\\u+041\"",
    "\"a\":\"\\u 041\"",
    "\"a\":01",
    "\"a\":1.",
    "\"a\":.5",
    "\"a\":+1",
    "\"a\":1e",
    "\"a\":0x1",
    "\"a\":\u{661}",
    "\"a\":NaN",
    "\"a\":-Infinity",
    "\"a\":True",
    "\"a\":'x'",
    "\"a\":[1,]",
    "\"a\":1,",
    "a:1",
    "/**/\"a\":1",
    "\u{a0}\"a\":1",
    "\"text\":null",
    "\"text\":\"abc\"",
    "\"body\":7",
];

const REMOVED: [&str; 13] = [
    "null",
    "{}",
    "[1,1]",
    "[[1]]",
    "[[1,1,1]]",
    "[[\"1\",1]]",
    "[[0,0]]",
    "[[1,1.0]]",
    "[[2,1]]",
    "[[1,2],[2,2]]",
    "[[3,3],[1,1]]",
    "[[1,18446744073709551616]]",
    "[[1,1],null]",
];

/// Words that the record is of, but that are none.
fn words(good: &str) -> Vec<Entry> {
    let short = vec![7; 15];
    let no_text = [&[7; 16][..], b"\xff"].concat();
    let half_of_one = [&[7; 16][..], &"é".as_bytes()[..1]].concat();
    let entry = |words: Vec<u8>| {
        let record = good.replacen('{', &format!("{{\"text\":\"{}\",", sha256(&words)), 1);
        Entry { words: Some(words), ..Entry::plain(record) }
    };
    [short, Vec::new(), no_text, half_of_one].map(entry).into()
}

/// Under true signatures, no checkpoints.
fn texts(trail: &Trail, good: &Entry) -> Vec<Vec<Line>> {
    let trail = with(trail, good);
    let (name, size) = (signer(trail.key).verifying().name().to_owned(), trail.size());
    let root = BASE64.encode(trail.root(size));
    let texts = [
        format!("{name}\n{size}\n{root}\nextension\n"),
        format!("{name}\n{size}\n{root}\n\n"),
        format!("{name}\n\n{size}\n{root}\n"),
        format!("{name}\n0{size}\n{root}\n"),
        format!("{name}\n+{size}\n{root}\n"),
        format!("{name}\n {size}\n{root}\n"),
        format!("{name}\n{size}.0\n{root}\n"),
        format!("{name}\n{root}\n"),
        format!("{name}\n{size}\n"),
        format!("{name}\n{size}\n{}\n", root.trim_end_matches('=')),
        format!("{name}\n{size}\n{root} \n"),
        format!("{name}\n{size}\n{}\n", &root[..40]),
        format!("{name} \n{size}\n{root}\n"),
        format!("{name}x\n{size}\n{root}\n"),
        format!("{name}\n{size}\r\n{root}\n"),
        format!("{name}\n{size}\n{root}\n\u{0}\n"),
    ];
    let signed = |text: &String| {
        let note = sign(&trail, text);
        let mut plan = Plan::last_of(size);
        plan.checkpoints.clear();
        [plan.lines(&trail), vec![checkpoint(size, &note, "")]].concat()
    };
    let mut files: Vec<_> = texts.iter().map(signed).collect();
    // And one that is, with more witnesses than are looked at.
    let witness = format!("— witness {}\n", BASE64.encode([1; 68]));
    let mut plan = Plan::last_of(size);
    plan.checkpoints[0].1 = witness.repeat(64 * 1024 / witness.len());
    files.push(plan.lines(&trail));
    files
}

fn sign(trail: &Trail, text: &str) -> String {
    let true_note = signer(trail.key).sign(0, &Hash::default());
    let (line, hash) = true_note.trim_end().rsplit_once(' ').unwrap();
    let name = line.rsplit_once('\n').unwrap().1;
    let hash = BASE64.decode(hash).unwrap()[..4].to_vec();
    let key = ed25519_dalek::SigningKey::from_bytes(&seed(trail.key));
    let signature = key.sign(text.as_bytes()).to_bytes();
    format!("{text}\n{name} {}\n", BASE64.encode([&hash[..], &signature].concat()))
}

/// More leaves than there are numbers for.
fn too_many(trail: &Trail) -> Vec<Line> {
    let name = signer(trail.key).verifying().name().to_owned();
    let mut lines = vec![Line::new(Kind::Header, 0, format!("agw-tlog/1 {name} 1 0 some"))];
    let zero = BASE64.encode([0; 32]);
    lines.extend((0..4).map(|index| Line::new(Kind::Subtree, 0, format!("h 62 {index} {zero}"))));
    lines.push(checkpoint(0, &trail.note(0), ""));
    lines
}
