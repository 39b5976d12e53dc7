//! Erasing a person from the trail: their name, and the words and bodies that
//! are kept beside records. The records stay, with an id in the place of the
//! name, and so does the chain.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use agw_api::{Erased, codes};
use agw_core::UserId;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    Kind, Record,
    read::{self, ROW, Row},
    shape::Shape,
};
use crate::{
    admin::AdminError,
    clock,
    gateway::Gateway,
    store::{self, StoreError, writer::Change},
};

/// How long who reads an older state of the database is waited for, and how
/// often it is looked.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Erases a user who was removed. Long, for a long trail: looking through it
/// is done beside the calls, removing in one transaction.
pub(crate) async fn erase(
    gateway: &Gateway,
    name: String,
    by: UserId,
) -> Result<Erased, AdminError> {
    let wanted = name.clone();
    let user = gateway.reader.run(move |db| find(db, &wanted)).await??;
    let (data_dir, searched) = (gateway.data_dir.clone(), name.clone());
    // Other reading does not wait for it.
    let search = move || mentions(&store::reader(&data_dir)?, user, &searched, 0);
    let search = tokio::task::spawn_blocking(search).await;
    let (found, last) = search.map_err(|e| StoreError::Unavailable(e.to_string()))??;
    let change = move |change: &Change<'_>| {
        // What came while it was searched.
        let (newer, _) = mentions(change.db, user, &name, last)?;
        remove(change, user, found.union(&newer), by)
    };
    let erased = gateway.writer.change(change).await?;
    empty_log(gateway).await?;
    Ok(erased)
}

/// What was removed is in the log until it is copied into the database.
async fn empty_log(gateway: &Gateway) -> Result<(), AdminError> {
    let begun = Instant::now();
    while gateway.writer.empty_log().await.is_err() {
        if begun.elapsed() > PATIENCE {
            let message = "it is erased, but still in the database's log, which something reads";
            let next = "end what reads the database, then restart the gateway";
            return Err(AdminError::new(codes::AUDIT_UNAVAILABLE, message, next));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

fn find(db: &Connection, name: &str) -> Result<Result<UserId, AdminError>, StoreError> {
    let one = |sql| db.query_row(sql, [name], |row| row.get(0)).optional();
    let present: Option<u64> = one("SELECT id FROM users WHERE name = ?1 AND removed_at IS NULL")?;
    let removed: Option<u64> = one(
        "SELECT id FROM users WHERE name = ?1 AND removed_at IS NOT NULL ORDER BY id DESC LIMIT 1",
    )?;
    Ok(match (present, removed) {
        (_, Some(id)) => Ok(UserId::new(id)),
        (Some(_), None) => {
            let message = format!("{name} is a user, and their calls go on being recorded");
            let next = format!("remove the user first: `agw user remove {name}`");
            Err(AdminError::new(codes::INVALID, message, next))
        }
        (None, None) => Err(AdminError::not_found("removed user", name, "see `agw audit list`")),
    })
}

/// Records after `after` of the person, or whose words have the name; and the
/// last one that was there.
fn mentions(
    db: &Connection,
    user: UserId,
    name: &str,
    after: u64,
) -> Result<(BTreeSet<u64>, u64), StoreError> {
    let last = db.query_row("SELECT ifnull(max(seq), 0) FROM audit", [], |row| row.get(0))?;
    let (id, name) = (format!("\"{user}\""), name.to_lowercase());
    let kept = "(t.seq IS NOT NULL OR b.seq IS NOT NULL) AND a.seq > ?1";
    let mut select = db.prepare(&format!("{ROW} WHERE {kept}"))?;
    let mut rows = select.query([after])?;
    let mut found = BTreeSet::new();
    while let Some(row) = rows.next()? {
        let row = Row::read(row)?;
        let named = row.words().is_some_and(|words| {
            words.to_lowercase().contains(&name)
                && read::says(words, &|word| has_word(&word.to_lowercase(), &name))
        });
        // By them, or with their answer.
        let theirs = row.json.contains(&id) && {
            let (shape, _) = Shape::read(&row.json)?;
            shape.user == Some(user) || row.json.contains(&format!("\"by\":{id}"))
        };
        if named || theirs {
            found.insert(row.seq);
        }
    }
    Ok((found, last))
}

/// Whether the name is there by itself, not as a part of a longer word.
fn has_word(text: &str, name: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-');
    text.match_indices(name).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + name.len()..).and_then(|after| after.chars().next());
        !part(before) && !part(after)
    })
}

fn remove<'m>(
    change: &Change<'_>,
    user: UserId,
    mentions: impl Iterator<Item = &'m u64>,
    by: UserId,
) -> Result<Erased, AdminError> {
    let db = change.db;
    let mut removed = Vec::new();
    for seq in mentions {
        let texts = db.execute("DELETE FROM audit_texts WHERE seq = ?1", [seq])?;
        let bodies = db.execute("DELETE FROM audit_bodies WHERE seq = ?1", [seq])?;
        if texts + bodies > 0 {
            removed.push(*seq);
        }
    }
    let called = format!("erased-{user}");
    db.execute("UPDATE users SET name = ?2 WHERE id = ?1", params![user.get(), called])?;
    db.execute("UPDATE agents SET name = 'erased-a' || id WHERE user = ?1", [user.get()])?;
    let mut record = Record::new(Kind::Config, clock::now_ms());
    record.user = Some(by);
    record.status = Some("erased");
    record.detail = Some(format!("{called}: the words and bodies of {} records", removed.len()));
    record.removed = ranges(&removed);
    change.audit(record);
    Ok(Erased { user: called, records: removed.len() as u64 })
}

/// Neighbours together. `numbers` are sorted.
fn ranges(numbers: &[u64]) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_as_a_word() {
        for text in ["ana", "ana/claude", "user ana, member", "of \"ana\""] {
            assert!(has_word(text, "ana"), "{text}");
        }
        for text in ["banana", "ana-maria", "ana_2", "anastasia"] {
            assert!(!has_word(text, "ana"), "{text}");
        }
    }

    #[test]
    fn neighbours_are_one_range() {
        assert_eq!(ranges(&[1, 2, 3, 7, 9, 10]), [(1, 3), (7, 7), (9, 10)]);
        assert_eq!(ranges(&[]), []);
    }
}
