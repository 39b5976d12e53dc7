//! Exports: what is in them, for whom, and that they hold.

use std::collections::BTreeSet;

use agw_core::log::Selection;
use serde_json::{Value, json};

use super::{
    super::scene::Scene, GROUP, ask, calls, check, checkpoint, excerpt, export, fill, key, list,
    quoted, records, status, verified,
};
use crate::support::InProcess;

/// Of the lines with this tag, what comes after it.
fn lines<'t>(text: &'t str, tag: &str) -> Vec<&'t str> {
    text.lines().skip(1).filter_map(|line| line.strip_prefix(tag)?.strip_prefix(' ')).collect()
}

fn header(text: &str) -> (u64, u64, &str) {
    let words: Vec<&str> = text.lines().next().unwrap().split(' ').collect();
    let [_, _, first, last, selection] = words[..] else { panic!("{words:?}") };
    (first.parse().unwrap(), last.parse().unwrap(), selection)
}

#[tokio::test]
async fn an_export_of_everything_is_everything_and_holds() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    fill(&scene, 2 * GROUP + 100).await;
    let text = export(&gateway.admin, "format=tlog").await.unwrap();
    let report = check(&key(gateway).await, &text, None).unwrap_or_else(|failure| {
        panic!("{failure}\n{}", excerpt(&text, &failure));
    });
    let stored = records(scene.dir());
    let found = lines(&text, "r");
    assert_eq!(found, stored.iter().take(found.len()).collect::<Vec<_>>());
    assert_eq!((report.first, report.last, report.size), (1, report.size, found.len() as u64));
    assert_eq!((report.records, report.selection), (report.size, Selection::All));
    assert_eq!((report.texts_left_out, report.texts_erased), (0, 0));
    assert!(report.texts > 5, "{report:?}");
    assert_eq!(report.open_intents, Some(0), "{report:?}");
    assert_eq!(lines(&text, "h").len(), 0);

    // For people the same, with names.
    let jsonl = export(&gateway.admin, "format=jsonl").await.unwrap();
    let exported: Vec<Value> = jsonl.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let mut shown = list(&gateway.admin, "limit=1000").await;
    shown.reverse();
    let shown: Vec<Value> = shown.iter().map(|record| json!(record)).collect();
    assert_eq!(exported, shown[..exported.len()]);
    // The first export is in the second, whose own record came after.
    assert_eq!(exported.last().unwrap()["status"], "exported");
    assert!(exported.last().unwrap()["detail"].as_str().unwrap().contains("as tlog"));
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_long_export_has_checkpoints_on_the_way_and_can_be_held_against_an_old_one() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    let mut old = Vec::new();
    for size in [300, 2 * GROUP, 3 * GROUP + 1, 4_200, 4_300] {
        fill(&scene, size).await;
        old.push(checkpoint(gateway).await);
    }
    let key = key(gateway).await;
    let text = export(&gateway.admin, "format=tlog").await.unwrap();
    let report = check(&key, &text, None).unwrap();
    assert!(report.checkpoints >= 2, "{report:?}");
    for old in &old {
        let since = key.open(&old.note).unwrap();
        assert_eq!(since.size, old.size);
        check(&key, &text, Some(since.clone())).unwrap();
        // What came before it is left out, but told apart.
        for from in [old.size, old.size + 1, old.size + 10, report.size, 1] {
            let query = format!("format=tlog&since_seq={from}&checkpoint={}", old.size);
            let text = export(&gateway.admin, &query).await.unwrap();
            let report = check(&key, &text, Some(since.clone()))
                .unwrap_or_else(|failure| panic!("{query}: {failure}"));
            assert_eq!((report.first, report.selection), (from, Selection::All));
            assert_eq!(report.records, report.last + 1 - from);
        }
    }
    // More than there is: the trail is shorter than what somebody holds.
    let query = format!("format=tlog&checkpoint={}", report.size + 1_000);
    assert!(check(&key, &export(&gateway.admin, &query).await.unwrap(), None).is_ok());
    scene.gateway.stop().await;
}

#[tokio::test]
async fn parts_by_number_time_and_filter_hold_and_have_what_is_asked_for() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    fill(&scene, GROUP + 40).await;
    calls(gateway, &scene.token, 20, 200).await;
    let bo = gateway.add_agent("ana", "other", &["fix.fail"]).await;
    calls(gateway, &bo, 40, 403).await;
    let all = list(&gateway.admin, "limit=1000").await;
    let head = all.len() as u64;
    for from in [0, 1, 2, GROUP, GROUP + 1, head, head + 1, head + 1_000] {
        let report = verified(gateway, &format!("since_seq={from}")).await;
        let first = from.clamp(1, report.size + 1);
        assert_eq!((report.first, report.selection), (first, Selection::All), "{from}");
        assert_eq!(report.records, report.size + 1 - first, "{from}");
    }
    let third = &all[all.len() * 2 / 3].time;
    let two_thirds = &all[all.len() / 3].time;
    let by_time = format!("since={}&until={}", quoted(third), quoted(two_thirds));
    let within: Vec<u64> = all
        .iter()
        .rev()
        .filter(|r| (third..=two_thirds).contains(&&r.time))
        .map(|record| record.seq)
        .collect();
    let report = verified(gateway, &by_time).await;
    assert_eq!(report.selection, Selection::All);
    assert_eq!((report.first, report.last), (within[0], *within.last().unwrap()), "{by_time}");
    let jsonl = export(&gateway.admin, &format!("format=jsonl&{by_time}")).await.unwrap();
    let seq = |line: &str| serde_json::from_str::<Value>(line).unwrap()["seq"].as_u64().unwrap();
    assert_eq!(jsonl.lines().map(seq).collect::<Vec<_>>(), within);
    for empty in ["since=2099-01-01T00:00:00Z", "until=2020-01-01T00:00:00Z"] {
        let report = verified(gateway, empty).await;
        assert_eq!((report.records, report.last + 1), (0, report.first), "{empty}: {report:?}");
        let jsonl = export(&gateway.admin, &format!("format=jsonl&{empty}")).await.unwrap();
        assert_eq!(jsonl, "");
    }

    for filter in [
        "kind=intent",
        "status=denied",
        "agent=other&decision=deny",
        "text=exported",
        "tool=no.such",
        &format!("status=denied&{by_time}"),
        "user=ana&effect=unknown&since_seq=100",
    ] {
        let listed =
            list(&gateway.admin, &format!("limit=1000&{}", filter.replace("since_seq", "x"))).await;
        let from = if filter.contains("since_seq") { 100 } else { 1 };
        let text = export(&gateway.admin, &format!("format=tlog&{filter}")).await.unwrap();
        let report = check(&key(gateway).await, &text, None)
            .unwrap_or_else(|failure| panic!("{filter}: {failure}"));
        assert_eq!((header(&text).2, report.selection), ("some", Selection::Some));
        let found: BTreeSet<u64> = lines(&text, "r").iter().map(|line| seq(line)).collect();
        let expected: BTreeSet<u64> = listed
            .iter()
            .map(|record| record.seq)
            .filter(|seq| (from..=report.last).contains(seq))
            .collect();
        assert_eq!(found, expected, "{filter}");
        let jsonl = export(&gateway.admin, &format!("format=jsonl&{filter}")).await.unwrap();
        let found: BTreeSet<u64> = jsonl.lines().map(seq).collect();
        assert!(found.is_superset(&expected), "{filter}");
    }
    scene.gateway.stop().await;
}

/// Quoted as RFC 4180 has it.
fn table(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (vec![], vec![], String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            '\r' if !quoted && chars.peek() == Some(&'\n') => {}
            c => cell.push(c),
        }
    }
    assert!(!quoted && cell.is_empty() && row.is_empty(), "it does not end with a line");
    rows
}

#[tokio::test]
async fn a_table_is_safe_to_open_and_says_the_same() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    let names = [
        "=HYPERLINK(\"http://evil\",\"x\")",
        "+1,2",
        "-1\"2",
        "@sum\nof",
        "\tTab",
        "\r=1",
        "a,b",
        "plain",
    ];
    for name in names {
        assert_eq!(gateway.rest_call(&scene.token, name, json!({"=x": 1})).await.0, 403);
    }
    gateway.add_user("-ana, the \"first\"'s".replace([',', '"'], "").as_str(), None).await;
    let mut listed = list(&gateway.admin, "limit=1000").await;
    listed.reverse();
    let text = export(&gateway.admin, "format=csv").await.unwrap();
    let rows = table(&text);
    let column = |name: &str| rows[0].iter().position(|cell| cell == name).unwrap();
    assert_eq!(rows.len(), listed.len() + 1);
    for (row, record) in rows[1..].iter().zip(&listed) {
        assert_eq!(row.len(), rows[0].len());
        for cell in row {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
        }
        let record = json!(record);
        for name in ["seq", "time", "kind", "user", "tool", "status", "detail", "args", "grants"] {
            let text = match &record[name] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                Value::Array(items) => {
                    items.iter().map(|i| i.as_str().unwrap()).collect::<Vec<_>>().join(" ")
                }
                other => other.to_string(),
            };
            let cell = row[column(name)].as_str();
            assert_eq!(cell.strip_prefix('\'').unwrap_or(cell), text, "{name} of {record}");
        }
    }
    let tools: Vec<&str> = rows.iter().map(|row| row[column("tool")].as_str()).collect();
    for name in names {
        let escaped = format!("'{name}");
        assert!(tools.contains(&name) || tools.contains(&&*escaped), "{name:?} {tools:?}");
    }
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_member_exports_their_own_records_and_proves_nothing() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    let mem = gateway.add_person("mem", "member").await;
    let auditor = gateway.add_person("aud", "auditor").await;
    let token = gateway.add_agent("mem", "bot", &[]).await;
    calls(gateway, &token, 5, 403).await;
    calls(gateway, &scene.token, 5, 200).await;
    for format in ["jsonl", "csv"] {
        for filter in ["", "&user=ana", "&text=ana", "&since_seq=1", "&kind=config"] {
            let text = export(&mem, &format!("format={format}{filter}")).await.unwrap();
            assert!(!text.contains("ana"), "{format}{filter}: {text}");
            assert!(!text.contains("root"), "{format}{filter}: {text}");
        }
    }
    let own = export(&mem, "format=jsonl").await.unwrap();
    assert!(own.lines().count() >= 6, "{own}");
    for line in own.lines() {
        assert_eq!(serde_json::from_str::<Value>(line).unwrap()["user"], "mem");
    }
    let (status, body) = ask(&mem, "GET", "/api/v1/audit/export?format=tlog", Value::Null).await;
    assert_eq!((status, &body["code"]), (403, &json!("forbidden")), "{body}");
    let text = export(&auditor, "format=tlog").await.unwrap();
    assert!(check(&key(gateway).await, &text, None).is_ok());
    // Each is in the trail, by whom and what.
    let exported = list(&gateway.admin, "status=exported").await;
    let by = |name: &str| exported.iter().filter(|r| r.user.as_deref() == Some(name)).count();
    assert_eq!((by("mem"), by("aud")), (11, 1), "{exported:#?}");
    let (status, _) = ask(&gateway.admin, "GET", "/api/v1/audit/export", Value::Null).await;
    assert_eq!(status / 100, 4);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn exports_hold_while_calls_go_on() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    fill(&scene, GROUP + 1).await;
    let key = key(gateway).await;
    let going_on = calls(gateway, &scene.token, 600, 200);
    let exporting = async {
        for round in 0..12 {
            let query = match round % 4 {
                0 => "format=tlog".to_owned(),
                1 => format!("format=tlog&since_seq={}", status(gateway).await.head),
                2 => "format=tlog&kind=outcome".to_owned(),
                _ => format!("format=tlog&checkpoint={}", checkpoint(gateway).await.size),
            };
            let text = export(&gateway.admin, &query).await.unwrap();
            let report = check(&key, &text, None);
            let report = report.unwrap_or_else(|failure| panic!("{query}: {failure}"));
            assert!(report.size > GROUP, "{query}");
            let jsonl = export(&gateway.admin, "format=jsonl").await.unwrap();
            let seqs = jsonl.lines().map(|l| serde_json::from_str::<Value>(l).unwrap());
            let seqs: Vec<u64> = seqs.map(|record| record["seq"].as_u64().unwrap()).collect();
            assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
        }
    };
    tokio::join!(going_on, exporting);
    verified(gateway, "").await;
    scene.gateway.stop().await;
}

/// Nobody else's head is looked at: what was sealed since the first start has
/// no key and no proof, and says so.
#[tokio::test]
async fn what_was_never_signed_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let running = InProcess::serve(dir.path(), crate::support::SHORT).await;
    let open = agw_api::Client::new(dir.path());
    let (status, _) = ask(&open, "GET", "/api/v1/audit/key", Value::Null).await;
    assert_eq!(status, 409, "not set up");
    running.stop().await;
    let left: Vec<String> = records(dir.path());
    assert_eq!(left.len(), 2, "{left:?}");
}
