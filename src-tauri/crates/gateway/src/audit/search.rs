//! Finding records, newest first.
//!
//! A search goes from group to group by the index of shapes, and within a
//! group from record to record. What is not in a finished group yet is read
//! through. See [`Shape`].

mod ranges;
mod timeline;
mod words;

use std::collections::{BinaryHeap, HashSet};

use agw_api::{AuditPage, AuditRecord};
use agw_core::{AgentId, ToolEffect, UserId, log::GROUP};
use rusqlite::{Connection, params};
use serde::Deserialize;

pub(crate) use self::ranges::{first_since, last_until, older_than};
pub(crate) use self::timeline::Timeline;
use self::words::Needle;
use super::{
    ledger,
    read::{self, ROW, Row},
    record::rfc3339,
    shape::{ANY, INLINE, Shape},
};
use crate::{
    bounds,
    store::{StoreError, snapshot::Snapshot},
};

pub(crate) const LIMIT_DEFAULT: u32 = 100;
pub(crate) const LIMIT_MAX: u32 = 1_000;

/// What `GET /api/v1/audit` may ask for.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// 1 to 1,000; 100 if absent.
    pub(crate) limit: Option<u32>,
    /// Only records with a smaller sequence number: `next` of the page before.
    pub(crate) before: Option<u64>,
    /// Only this kind.
    pub(crate) kind: Option<String>,
    /// `allow`, `ask` or `deny`.
    pub(crate) decision: Option<String>,
    /// Name of a user.
    pub(crate) user: Option<String>,
    /// Name of a team: records of those who are in it now.
    pub(crate) team: Option<String>,
    /// `USER/AGENT`, or an agent's name alone.
    pub(crate) agent: Option<String>,
    /// Name of a connection.
    pub(crate) connection: Option<String>,
    /// Id of a tool.
    pub(crate) tool: Option<String>,
    /// Reason code.
    pub(crate) reason: Option<String>,
    /// `read`, `write`, `destructive`, or `unknown` for calls of tools whose
    /// effect nobody had confirmed.
    pub(crate) effect: Option<String>,
    /// How a call ended, or what happened.
    pub(crate) status: Option<String>,
    /// RFC 3339: not before.
    pub(crate) since: Option<String>,
    /// RFC 3339: not after.
    pub(crate) until: Option<String>,
    /// In names, tools, codes, details or arguments kept in clear; upper and
    /// lower case alike.
    pub(crate) text: Option<String>,
    /// The one user whose records may be seen.
    #[serde(skip)]
    #[param(ignore)]
    pub(crate) only: Option<UserId>,
}

/// A filter in the terms of records.
#[derive(Debug, Default)]
pub(crate) struct Sought {
    kind: Option<String>,
    decision: Option<String>,
    users: Option<HashSet<UserId>>,
    agents: Option<HashSet<AgentId>>,
    connection: Option<String>,
    tool: Option<String>,
    reason: Option<String>,
    /// `None` within: not confirmed.
    effect: Option<Option<ToolEffect>>,
    status: Option<String>,
    /// Milliseconds since 1970.
    pub(crate) since: Option<i64>,
    pub(crate) until: Option<i64>,
    text: Option<Needle>,
    /// Users and agents with the text in their names.
    named: (HashSet<UserId>, HashSet<AgentId>),
    only: Option<UserId>,
}

impl Sought {
    /// An error is a sentence for who asked.
    pub(crate) fn new(snapshot: &Snapshot, filter: &Filter) -> Result<Self, String> {
        let time = |text: &Option<String>| {
            let parse = |text: &String| {
                let time: Result<jiff::Timestamp, _> = text.parse();
                time.map(|t| t.as_millisecond())
                    .map_err(|_| format!("{text:?} is no time; give one like 2026-11-22T09:30:00Z"))
            };
            text.as_ref().map(parse).transpose()
        };
        let effect = |text: &String| match text.as_str() {
            "unknown" => Ok(None),
            text => text.parse().map(Some).map_err(|_| {
                format!("{text:?} is no effect; give read, write, destructive or unknown")
            }),
        };
        let text = filter.text.as_deref().and_then(Needle::new);
        Ok(Self {
            kind: filter.kind.clone(),
            decision: filter.decision.clone(),
            users: users(snapshot, filter),
            agents: filter.agent.as_ref().map(|agent| agents(snapshot, agent)),
            connection: filter.connection.as_ref().map(|name| format!("{name}.")),
            tool: filter.tool.clone(),
            reason: filter.reason.clone(),
            effect: filter.effect.as_ref().map(effect).transpose()?,
            status: filter.status.clone(),
            since: time(&filter.since)?,
            until: time(&filter.until)?,
            named: text.as_ref().map(|text| named(snapshot, text)).unwrap_or_default(),
            text,
            only: filter.only,
        })
    }

    /// Whether it is all the same what a record is, but for its time.
    pub(crate) fn any_shape(&self) -> bool {
        let Self { kind, decision, connection, tool, reason, status, .. } = self;
        [kind, decision, connection, tool, reason, status].iter().all(|part| part.is_none())
            && (self.users.is_none() && self.agents.is_none() && self.text.is_none())
            && (self.effect.is_none() && self.only.is_none())
    }

    /// All but time and text.
    fn has_shape(&self, shape: &Shape) -> bool {
        fn same(sought: Option<&String>, found: Option<&str>) -> bool {
            sought.is_none_or(|sought| found == Some(sought))
        }
        fn within<T: std::hash::Hash + Eq>(sought: Option<&HashSet<T>>, found: Option<&T>) -> bool {
            sought.is_none_or(|sought| found.is_some_and(|found| sought.contains(found)))
        }
        let tool = shape.tool.as_deref();
        let connection = self.connection.as_ref();
        let is_call = matches!(&*shape.kind, "intent" | "outcome" | "approval");
        same(self.kind.as_ref(), Some(&shape.kind))
            && same(self.decision.as_ref(), shape.decision.as_deref())
            && same(self.tool.as_ref(), tool)
            && same(self.reason.as_ref(), shape.reason.as_deref())
            && same(self.status.as_ref(), shape.status.as_deref())
            && within(self.users.as_ref(), shape.user.as_ref())
            && within(self.agents.as_ref(), shape.agent.as_ref())
            && connection.is_none_or(|c| tool.is_some_and(|tool| tool.starts_with(c.as_str())))
            && self.effect.is_none_or(|effect| effect == shape.effect && is_call)
            && self.only.is_none_or(|only| shape.user == Some(only))
    }

    fn names_text(&self, shape: &Shape) -> bool {
        let Some(text) = &self.text else { return true };
        let Shape { kind, tool, decision, reason, status, .. } = shape;
        let words = [Some(&**kind), tool.as_deref(), decision.as_deref(), reason.as_deref()];
        words.into_iter().chain([status.as_deref()]).flatten().any(|word| text.is_in(word))
            || shape.user.is_some_and(|id| self.named.0.contains(&id))
            || shape.agent.is_some_and(|id| self.named.1.contains(&id))
    }

    /// Whether a record is what is looked for. `Some(time)` of it in any case.
    pub(crate) fn finds(&self, row: &Row) -> Result<(bool, i64), StoreError> {
        let (shape, time) = Shape::read(&row.json)?;
        Ok((self.judges(row, &shape, time), time))
    }

    fn judges(&self, row: &Row, shape: &Shape, time: i64) -> bool {
        let in_time = self.since.is_none_or(|since| time >= since)
            && self.until.is_none_or(|until| time <= until);
        let in_words = |text: &Needle| {
            row.words().is_some_and(|words| text.is_said(words))
                || read::inline_detail(&row.json).is_some_and(|detail| text.is_in(&detail))
        };
        in_time
            && self.has_shape(shape)
            && (self.names_text(shape) || self.text.as_ref().is_some_and(in_words))
    }
}

/// A name may have been borne by several over time. Upper and lower case are
/// alike, as they are wherever a name is given.
fn users(snapshot: &Snapshot, filter: &Filter) -> Option<HashSet<UserId>> {
    let named = filter.user.as_ref().map(|name| {
        let people =
            snapshot.users.iter().filter(|(_, person)| person.name.eq_ignore_ascii_case(name));
        people.map(|(id, _)| *id).collect::<HashSet<_>>()
    });
    let team = filter.team.as_ref().map(|team| snapshot.members(team));
    match (named, team) {
        (Some(named), Some(team)) => Some(named.intersection(&team).copied().collect()),
        (named, team) => named.or(team),
    }
}

fn agents(snapshot: &Snapshot, text: &str) -> HashSet<AgentId> {
    let (owner, name) = match text.split_once('/') {
        Some((owner, name)) => (Some(owner), name),
        None => (None, text),
    };
    let owned = |user| snapshot.users.get(&user).map(|person| person.name.as_str());
    let agents = snapshot.agents.iter();
    let agents = agents.filter(|(_, agent)| {
        agent.name.eq_ignore_ascii_case(name)
            && owner.is_none_or(|owner| {
                owned(agent.user).is_some_and(|o| o.eq_ignore_ascii_case(owner))
            })
    });
    agents.map(|(id, _)| *id).collect()
}

fn named(snapshot: &Snapshot, text: &Needle) -> (HashSet<UserId>, HashSet<AgentId>) {
    let users = snapshot.users.iter().filter(|(_, person)| text.is_in(&person.name));
    let agents = snapshot.agents.iter().filter(|(_, agent)| text.is_in(&agent.name));
    (users.map(|(id, _)| *id).collect(), agents.map(|(id, _)| *id).collect())
}

/// One page of what `filter` finds, newest first. Names are those of
/// `snapshot`.
pub(crate) fn search(
    db: &Connection,
    snapshot: &Snapshot,
    filter: &Filter,
    sought: &Sought,
) -> Result<AuditPage, StoreError> {
    let limit = filter.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX) as usize;
    let mut page = Page { found: Vec::new(), limit, before: filter.before, searched_to: None };
    let mut groups = Groups::new(db, sought, filter.before)?;
    // What is in no finished group yet.
    page.read(db, sought, groups.finished * GROUP + 1)?;
    let mut more = page.is_full();
    let mut read = 0;
    while !more {
        match groups.next(db, sought)? {
            Next::End => break,
            Next::GiveUp(before) => {
                page.before = Some(before);
                more = true;
            }
            Next::Group(group) => {
                page.before = Some(page.before.unwrap_or(u64::MAX).min((group + 1) * GROUP + 1));
                page.read(db, sought, group * GROUP + 1)?;
                read += 1;
                more = page.is_full() || read == bounds::SEARCH_GROUPS;
            }
        }
    }
    let left = page.before.is_some_and(|before| before > groups.first);
    let records = page.found.iter();
    let records = records.filter_map(|row| read::shown(row, snapshot, filter.only).transpose());
    Ok(AuditPage {
        records: records.collect::<Result<Vec<AuditRecord>, _>>()?,
        next: page.before.filter(|_| more && left),
        searched_to: page.searched_to.map(rfc3339),
    })
}

struct Page {
    found: Vec<Row>,
    limit: usize,
    /// Everything from here on has been looked at.
    before: Option<u64>,
    searched_to: Option<i64>,
}

impl Page {
    fn is_full(&self) -> bool {
        self.found.len() >= self.limit
    }

    /// Reads back to the record `from`.
    fn read(&mut self, db: &Connection, sought: &Sought, from: u64) -> Result<(), StoreError> {
        let sql = format!("{ROW} WHERE a.seq >= ?1 AND a.seq < ?2 ORDER BY a.seq DESC");
        let mut select = db.prepare_cached(&sql)?;
        let before =
            self.before.map_or(i64::MAX, |before| i64::try_from(before).unwrap_or(i64::MAX));
        let mut rows = select.query(params![from, before])?;
        while let Some(row) = rows.next()? {
            let row = Row::read(row)?;
            let (found, time) = sought.finds(&row)?;
            self.before = Some(row.seq);
            self.searched_to = Some(time);
            if found {
                self.found.push(row);
                if self.is_full() {
                    break;
                }
            }
        }
        Ok(())
    }
}

enum Next {
    Group(u64),
    /// Enough was looked at for one page: go on before this record.
    GiveUp(u64),
    End,
}

/// The groups in which something may be found, newest first.
struct Groups {
    /// How many finished groups there are.
    finished: u64,
    /// The oldest record that is left.
    first: u64,
    /// Groups from this one on are done with.
    below: u64,
    /// The oldest that can hold a record of the time.
    oldest: u64,
    /// Each shape that is looked for, at the newest group it is in.
    /// `None`: every shape.
    shapes: Option<BinaryHeap<(u64, i64)>>,
    /// Words are looked for, too: they are read from here back.
    words: Option<u64>,
    words_read: usize,
}

impl Groups {
    fn new(db: &Connection, sought: &Sought, before: Option<u64>) -> Result<Self, StoreError> {
        let one = |sql: &str, time: i64| -> Result<Option<u64>, rusqlite::Error> {
            db.prepare_cached(sql)?.query_row([time], |row| row.get(0))
        };
        let count = "SELECT max(grp) + 1 FROM audit_groups WHERE first_time <= ?1";
        let finished = one(count, i64::MAX)?.unwrap_or(0);
        let until = sought.until.map(|until| one(count, until)).transpose()?.flatten();
        let until = if sought.until.is_some() { until.unwrap_or(0) } else { finished };
        let oldest = "SELECT min(grp) FROM audit_groups WHERE last_time >= ?1";
        let since = sought.since.map(|since| one(oldest, since)).transpose()?;
        let first = ledger::first(db)?;
        let before = before.map_or(finished, |before| before.saturating_sub(1).div_ceil(GROUP));
        let mut groups = Self {
            finished,
            first,
            below: finished.min(until).min(before),
            oldest: since.map_or(0, |since| since.unwrap_or(finished)).max((first - 1) / GROUP),
            shapes: None,
            words: None,
            words_read: 0,
        };
        if !sought.any_shape() {
            let shapes = Shape::load(db)?;
            let wanted = shapes.iter().filter(|(_, s)| sought.has_shape(s) && sought.names_text(s));
            let mut heap = BinaryHeap::new();
            let inline = sought.text.as_ref().map(|_| INLINE);
            for id in wanted.map(|(id, _)| *id).chain([ANY]).chain(inline) {
                heap.extend(groups.newest(db, id, groups.below)?.map(|group| (group, id)));
            }
            groups.shapes = Some(heap);
            groups.words = sought.text.as_ref().map(|_| groups.below * GROUP + 1);
        }
        Ok(groups)
    }

    /// The newest group below `below` that a shape is in.
    fn newest(&self, db: &Connection, shape: i64, below: u64) -> Result<Option<u64>, StoreError> {
        let group: Option<u64> = db
            .prepare_cached(
                "SELECT max(grp) FROM audit_shape_groups WHERE shape = ?1 AND grp < ?2",
            )?
            .query_row(params![shape, below], |row| row.get(0))?;
        Ok(group)
    }

    fn next(&mut self, db: &Connection, sought: &Sought) -> Result<Next, StoreError> {
        let by_shape = self.by_shape(db)?;
        let by_words = match self.by_words(db, sought, by_shape)? {
            Ok(group) => group,
            Err(before) => return Ok(Next::GiveUp(before)),
        };
        match by_shape.max(by_words).filter(|group| *group >= self.oldest) {
            None => Ok(Next::End),
            Some(group) => {
                self.below = group;
                Ok(Next::Group(group))
            }
        }
    }

    fn by_shape(&mut self, db: &Connection) -> Result<Option<u64>, StoreError> {
        let Some(mut shapes) = self.shapes.take() else { return Ok(self.below.checked_sub(1)) };
        while let Some((group, shape)) = shapes.peek().copied() {
            if group < self.below {
                break;
            }
            shapes.pop();
            shapes.extend(self.newest(db, shape, self.below)?.map(|group| (group, shape)));
        }
        let next = shapes.peek().map(|(group, _)| *group);
        self.shapes = Some(shapes);
        Ok(next)
    }

    /// The newest group with the words that is newer than `than`; an error is
    /// the record before which to go on another time.
    fn by_words(
        &mut self,
        db: &Connection,
        sought: &Sought,
        than: Option<u64>,
    ) -> Result<Result<Option<u64>, u64>, StoreError> {
        let (Some(before), Some(text)) = (self.words, &sought.text) else { return Ok(Ok(None)) };
        let before = before.min(self.below * GROUP + 1);
        // What is too old is not looked at, nor what is found without.
        let floor = than.map_or(self.oldest, |group| group + 1).max(self.oldest) * GROUP + 1;
        let mut select = db.prepare_cached(
            "SELECT seq, bytes FROM audit_texts WHERE seq < ?1 AND seq >= ?2 ORDER BY seq DESC",
        )?;
        let mut rows = select.query(params![before, floor])?;
        while let Some(row) = rows.next()? {
            let seq: u64 = row.get(0)?;
            self.words = Some(seq);
            let bytes = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
            if read::words(bytes).is_some_and(|words| text.is_said(words)) {
                return Ok(Ok(Some((seq - 1) / GROUP)));
            }
            self.words_read += 1;
            if self.words_read >= bounds::SEARCH_TEXTS {
                return Ok(Err(seq));
            }
        }
        self.words = Some(floor);
        Ok(Ok(None))
    }
}

#[cfg(test)]
mod tests;
