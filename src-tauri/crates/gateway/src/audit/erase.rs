//! Erasing a person from the trail: their name, and the words and bodies that
//! are kept beside records. The records stay, with an id in the place of the
//! name, and so does the chain.

use std::collections::BTreeSet;

use agw_api::{Erased, codes};
use agw_core::UserId;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    Kind, Record,
    read::{ROW, Row},
    shape::Shape,
};
use crate::{
    admin::AdminError,
    clock,
    gateway::Gateway,
    store::{self, StoreError, writer::Change},
};

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
    let search = move || mentions(&store::reader(&data_dir)?, user, &searched);
    let mentions = tokio::task::spawn_blocking(search).await;
    let mentions = mentions.map_err(|e| StoreError::Unavailable(e.to_string()))??;
    let erased = gateway.writer.change(move |change| remove(change, user, &mentions, by)).await?;
    // What was removed is in the log until it is copied into the database.
    gateway.writer.compact_log().await?;
    Ok(erased)
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

/// Records of the person, or whose words have the name.
fn mentions(db: &Connection, user: UserId, name: &str) -> Result<BTreeSet<u64>, StoreError> {
    let (id, name) = (format!("\"{user}\""), name.to_lowercase());
    let mut select = db.prepare(&format!("{ROW} WHERE t.seq IS NOT NULL OR b.seq IS NOT NULL"))?;
    let mut rows = select.query([])?;
    let mut found = BTreeSet::new();
    while let Some(row) = rows.next()? {
        let row = Row::read(row)?;
        let named = row.words().is_some_and(|words| has_word(&words.to_lowercase(), &name));
        // By them, or with their answer.
        let theirs = row.json.contains(&id) && {
            let (shape, _) = Shape::read(&row.json)?;
            shape.user == Some(user) || row.json.contains(&format!("\"by\":{id}"))
        };
        if named || theirs {
            found.insert(row.seq);
        }
    }
    Ok(found)
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

fn remove(
    change: &Change<'_>,
    user: UserId,
    mentions: &BTreeSet<u64>,
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
