//! What records are found by.

use std::{borrow::Cow, str::FromStr};

use agw_core::{AgentId, ToolEffect, UserId};
use rusqlite::{Connection, params};
use serde::Deserialize;

use super::record::Record;
use crate::store::StoreError;

/// Different shapes that are told apart. A caller can make up names of tools
/// without end; whatever comes after so many is [`ANY`].
pub(crate) const SHAPES_MAX: usize = 20_000;
/// The shape that every search looks at.
pub(crate) const ANY: i64 = 0;

/// Kept with shapes: records of version 1 have their details in themselves,
/// where every search for words looks.
pub(crate) const INLINE: i64 = -1;

/// All that a search looks for in a record but its time and its words. There
/// are few different ones. For each it is kept in which groups of records it
/// occurs: an index that is exact for every combination, and that costs a
/// record next to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    pub(crate) kind: Cow<'static, str>,
    pub(crate) user: Option<UserId>,
    pub(crate) agent: Option<AgentId>,
    pub(crate) tool: Option<Box<str>>,
    pub(crate) effect: Option<ToolEffect>,
    pub(crate) decision: Option<Cow<'static, str>>,
    pub(crate) reason: Option<Cow<'static, str>>,
    pub(crate) status: Option<Cow<'static, str>>,
}

impl Shape {
    pub(crate) fn of(record: &Record) -> Self {
        Self {
            kind: Cow::Borrowed(record.kind.as_str()),
            user: record.user,
            agent: record.agent,
            tool: record.tool.as_deref().map(Into::into),
            effect: record.effect,
            decision: record.decision.map(Cow::Borrowed),
            reason: record.reason.map(Cow::Borrowed),
            status: record.status.map(Cow::Borrowed),
        }
    }

    /// Of a stored record; with it its time in milliseconds since 1970.
    pub(crate) fn read(record: &str) -> Result<(Self, i64), StoreError> {
        #[derive(Deserialize)]
        struct Line<'a> {
            kind: String,
            time: jiff::Timestamp,
            user: Option<&'a str>,
            agent: Option<&'a str>,
            tool: Option<String>,
            effect: Option<&'a str>,
            decision: Option<String>,
            reason: Option<String>,
            status: Option<String>,
        }
        fn id<T: FromStr>(text: Option<&str>) -> Option<T> {
            text.and_then(|text| text.parse().ok())
        }
        let line: Line<'_> = serde_json::from_str(record)
            .map_err(|e| StoreError::Damaged(format!("audit record: {e}")))?;
        let shape = Self {
            kind: line.kind.into(),
            user: id(line.user),
            agent: id(line.agent),
            tool: line.tool.map(Into::into),
            effect: id(line.effect),
            decision: line.decision.map(Into::into),
            reason: line.reason.map(Into::into),
            status: line.status.map(Into::into),
        };
        Ok((shape, line.time.as_millisecond()))
    }

    pub(crate) fn store(&self, db: &Connection, id: i64) -> Result<(), rusqlite::Error> {
        db.prepare_cached(
            "INSERT INTO audit_shapes (id, kind, user, agent, tool, effect, decision, reason, status)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            id,
            self.kind,
            self.user.map(UserId::get),
            self.agent.map(AgentId::get),
            self.tool,
            self.effect.map(ToolEffect::as_str),
            self.decision,
            self.reason,
            self.status
        ])
        .map(drop)
    }

    /// All that are stored, with their ids.
    pub(crate) fn load(db: &Connection) -> Result<Vec<(i64, Self)>, StoreError> {
        let mut select = db.prepare_cached("SELECT * FROM audit_shapes")?;
        let rows = select.query_map([], |row| {
            let own = |column| row.get::<_, Option<String>>(column).map(|c| c.map(Cow::Owned));
            let effect: Option<String> = row.get("effect")?;
            let shape = Self {
                kind: Cow::Owned(row.get("kind")?),
                user: row.get::<_, Option<u64>>("user")?.map(UserId::new),
                agent: row.get::<_, Option<u64>>("agent")?.map(AgentId::new),
                tool: row.get::<_, Option<Box<str>>>("tool")?,
                effect: effect.and_then(|effect| effect.parse().ok()),
                decision: own("decision")?,
                reason: own("reason")?,
                status: own("status")?,
            };
            Ok((row.get("id")?, shape))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
