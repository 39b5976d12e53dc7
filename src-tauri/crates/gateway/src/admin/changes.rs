//! Changes of the permission map: checked, then made for good or tried on a
//! copy.

use std::{collections::BTreeSet, sync::Arc};

use agw_api::{Change, EditGrant, Effect, Grant, NewGrant, codes};
use agw_core::{Condition, GrantId, Rate, Subject, ToolEffect, ToolPattern, UserId, json};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Admin, AdminError, coverage, times};
use crate::{
    audit::Record,
    catalog::Catalog,
    clock,
    gateway::Gateway,
    store::{rows, writer},
};

/// Most changes that are made together.
const CHANGES_MAX: usize = 1_000;

pub(super) fn parse_id(id: &str) -> Result<GrantId, AdminError> {
    id.parse().map_err(|e: agw_core::IdError| AdminError::invalid(e.to_string()))
}

fn unknown(id: GrantId) -> AdminError {
    AdminError::new(codes::NOT_FOUND, format!("there is no grant {id}"), "see `agw grants`")
}

/// What a grant is to be, checked as far as that goes without the database.
#[derive(Debug)]
struct Wanted {
    subject: String,
    tool: ToolPattern,
    effect: agw_core::Effect,
    condition: Option<Arc<Condition>>,
    expires: Option<String>,
    rate: Option<Rate>,
}

impl Wanted {
    fn of(grant: EditGrant, catalog: &Catalog) -> Result<Self, AdminError> {
        let invalid = |e: &dyn std::fmt::Display| AdminError::invalid(e.to_string());
        let tool: ToolPattern = grant.tool.parse().map_err(|e: agw_core::NameError| invalid(&e))?;
        let when = grant.when.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let condition = when.map(|text| check_condition(text, &tool, catalog)).transpose();
        let rate: Option<Rate> = grant
            .rate
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|e: agw_core::RateError| invalid(&e))?;
        if rate.is_some() && grant.effect == Effect::Deny {
            return Err(AdminError::invalid("a grant that denies has no rate; leave it out"));
        }
        Ok(Self {
            subject: grant.subject,
            tool,
            effect: core(grant.effect),
            condition: condition.map_err(|e| AdminError::condition(&e))?.map(Arc::new),
            expires: grant.expires,
            rate,
        })
    }

    /// `stored` is when the grant has expired so far.
    fn rule(
        &self,
        db: &Connection,
        now: i64,
        stored: Option<i64>,
    ) -> Result<agw_core::Grant, AdminError> {
        let expires = self.expires.as_deref();
        Ok(agw_core::Grant {
            id: GrantId::new(0),
            subject: rows::subject(db, &self.subject)?,
            tool: self.tool.clone(),
            effect: self.effect,
            condition: self.condition.clone(),
            expires_at: expires.map(|text| times::expiry(text, now, stored)).transpose()?,
            rate: self.rate,
            version: 0,
        })
    }
}

/// A [`Change`] that is fit to be made.
#[derive(Debug, Default)]
pub(super) struct Plan {
    remove: Vec<(GrantId, Option<u64>)>,
    edit: Vec<(GrantId, u64, Wanted)>,
    add: Vec<(Option<u64>, Wanted)>,
}

impl Plan {
    /// One grant less; `version` is the one that was seen.
    pub(super) fn removing(id: GrantId, version: Option<u64>) -> Self {
        Self { remove: vec![(id, version)], ..Self::default() }
    }

    fn of(change: Change, catalog: &Catalog) -> Result<Self, AdminError> {
        let Change { add, edit, remove } = change;
        if add.len() + edit.len() + remove.len() > CHANGES_MAX {
            let text = format!("at most {CHANGES_MAX} changes can be made together");
            return Err(AdminError::invalid(text));
        }
        let remove =
            remove.into_iter().map(|grant| Ok((parse_id(&grant.id)?, Some(grant.version))));
        let edit = edit.into_iter().map(|changed| {
            let (id, grant) = changed.into_edit();
            Ok((parse_id(&id)?, grant.version, Wanted::of(grant, catalog)?))
        });
        let add = add.into_iter().map(|new| {
            let NewGrant { subject, tool, effect, when, expires, rate, version } = new;
            let grant = EditGrant { subject, tool, effect, when, expires, rate, version: 0 };
            Ok((version, Wanted::of(grant, catalog)?))
        });
        Ok(Self {
            remove: remove.collect::<Result<_, AdminError>>()?,
            edit: edit.collect::<Result<_, AdminError>>()?,
            add: add.collect::<Result<_, AdminError>>()?,
        })
    }
}

/// Checks a change off the async threads and before the writer has it:
/// compiling a condition takes milliseconds, which neither has to spare.
pub(super) async fn plan(gateway: &Arc<Gateway>, change: Change) -> Result<Plan, AdminError> {
    let catalog = gateway.live.catalog.load_full();
    let planned = tokio::task::spawn_blocking(move || Plan::of(change, &catalog)).await;
    planned.map_err(|_| AdminError::internal("the check of a change failed"))?
}

/// The grants that a change is made to: those in force, or a copy of them to
/// try it on. They give the ids and the versions; those of a `rule` say nothing.
pub(super) trait Grants {
    /// The version of a grant, and when it expires.
    fn find(&self, id: GrantId) -> Result<Option<(u64, Option<i64>)>, AdminError>;
    /// The grant for the same subject, tool and condition.
    fn same(&self, rule: &agw_core::Grant) -> Result<Option<GrantId>, AdminError>;
    fn insert(&mut self, rule: agw_core::Grant) -> Result<GrantId, AdminError>;
    /// Counts as a change only if it is another rule than before.
    fn replace(&mut self, id: GrantId, rule: agw_core::Grant) -> Result<(), AdminError>;
    fn remove(&mut self, id: GrantId) -> Result<(), AdminError>;
}

/// Makes a change, or says why not. Takes back first, so that what is added
/// may take its place. Returns what was edited and added, and which are new.
pub(super) fn make(
    plan: &Plan,
    grants: &mut impl Grants,
    gateway: &Gateway,
    db: &Connection,
) -> Result<Vec<(GrantId, bool)>, AdminError> {
    let now = gateway.live.clock.now_ms();
    let mut made = Vec::new();
    for (id, seen) in &plan.remove {
        let (version, _) = grants.find(*id)?.ok_or_else(|| unknown(*id))?;
        check_version(gateway, db, *seen, Some((*id, version)))?;
        grants.remove(*id)?;
    }
    for (id, seen, wanted) in &plan.edit {
        let (version, expires_at) = grants.find(*id)?.ok_or_else(|| unknown(*id))?;
        check_version(gateway, db, Some(*seen), Some((*id, version)))?;
        let rule = wanted.rule(db, now, expires_at)?;
        if let Some(other) = grants.same(&rule)?.filter(|other| other != id) {
            let message = format!("grant {other} is for the same subject, tool and condition");
            let next = "edit that one, or remove it first";
            return Err(AdminError::new(codes::EXISTS, message, next));
        }
        grants.replace(*id, rule)?;
        made.push((*id, false));
    }
    for (seen, wanted) in &plan.add {
        let rule = wanted.rule(db, now, None)?;
        let existing = grants.same(&rule)?;
        let found = existing.map(|id| grants.find(id)).transpose()?.flatten();
        check_version(gateway, db, *seen, existing.zip(found.map(|(version, _)| version)))?;
        made.push(match existing {
            None => (grants.insert(rule)?, true),
            Some(id) => {
                grants.replace(id, rule)?;
                (id, false)
            }
        });
    }
    Ok(made)
}

/// A stale change is answered with the grant as a list would show it.
fn check_version(
    gateway: &Gateway,
    db: &Connection,
    seen: Option<u64>,
    found: Option<(GrantId, u64)>,
) -> Result<(), AdminError> {
    let actual = found.map_or(0, |(_, version)| version);
    if seen.is_none_or(|version| version == actual) {
        return Ok(());
    }
    let rows = found.map(|(id, _)| rows::grants(db, Some(id))).transpose()?.unwrap_or_default();
    let current = coverage::covered(gateway, rows, &coverage::seen(db)?).pop();
    rows::check_version(seen, actual, "the grant", &current)
}

/// Makes a change for good. Answers with the grants as it made them, whoever
/// changes them next, and whether there is a new one.
pub(super) async fn carry_out(
    gateway: &Arc<Gateway>,
    admin: &Admin,
    plan: Plan,
) -> Result<(Vec<Grant>, bool), AdminError> {
    let (at_hand, actor) = (Arc::clone(gateway), admin.user);
    let made = gateway.writer.change(move |change| {
        let mut stored = Stored { change, actor, now: clock::now_ms() };
        let made = make(&plan, &mut stored, &at_hand, change.db)?;
        let new = made.iter().any(|(_, new)| *new);
        let ids: BTreeSet<GrantId> = made.into_iter().map(|(id, _)| id).collect();
        let rows = ids.into_iter().map(|id| rows::grants(change.db, Some(id)));
        let rows: Vec<_> = rows.collect::<Result<_, _>>()?;
        Ok::<_, AdminError>((rows.concat(), new))
    });
    let (rows, new) = made.await?;
    let seen = gateway.reader.run(coverage::seen).await?;
    Ok((coverage::covered(gateway, rows, &seen), new))
}

/// The grants in force, and the trail of their changes.
struct Stored<'a> {
    change: &'a writer::Change<'a>,
    actor: UserId,
    /// Milliseconds since 1970, as the machine has it.
    now: i64,
}

impl Grants for Stored<'_> {
    fn find(&self, id: GrantId) -> Result<Option<(u64, Option<i64>)>, AdminError> {
        let sql = "SELECT version, expires_at FROM grants WHERE id = ?1";
        let mut select = self.change.db.prepare_cached(sql)?;
        Ok(select.query_row([id.get()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
    }

    fn same(&self, rule: &agw_core::Grant) -> Result<Option<GrantId>, AdminError> {
        let (user, team, agent) = columns(rule.subject);
        let id: Option<u64> = self
            .change
            .db
            .prepare_cached(
                "SELECT id FROM grants
                 WHERE ifnull(user, 0) = ifnull(?1, 0) AND ifnull(team, 0) = ifnull(?2, 0)
                   AND ifnull(agent, 0) = ifnull(?3, 0) AND tool = ?4 AND ifnull(condition, '') = ifnull(?5, '')",
            )?
            .query_row(params![user, team, agent, rule.tool.to_string(), text(rule)], |row| {
                row.get(0)
            })
            .optional()?;
        Ok(id.map(GrantId::new))
    }

    fn insert(&mut self, rule: agw_core::Grant) -> Result<GrantId, AdminError> {
        let db = self.change.db;
        let (user, team, agent) = columns(rule.subject);
        db.prepare_cached(
            "INSERT INTO grants (user, team, agent, tool, effect, condition, expires_at, rate, created_at, changed_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)",
        )?
        .execute(params![
            user, team, agent, rule.tool.to_string(), word(rule.effect), text(&rule),
            rule.expires_at, rule.rate.map(|rate| rate.to_string()), self.now
        ])?;
        let id = GrantId::new(u64::try_from(db.last_insert_rowid()).unwrap_or(0));
        self.record("granted", id)?;
        Ok(id)
    }

    fn replace(&mut self, id: GrantId, rule: agw_core::Grant) -> Result<(), AdminError> {
        let (user, team, agent) = columns(rule.subject);
        let changed = self
            .change
            .db
            .prepare_cached(
                "UPDATE grants SET user = ?2, team = ?3, agent = ?4, tool = ?5, effect = ?6, condition = ?7,
                        expires_at = ?8, rate = ?9, changed_at = ?10, version = version + 1
                 WHERE id = ?1 AND (user, team, agent, tool, effect, condition, expires_at, rate)
                        IS NOT (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                id.get(), user, team, agent, rule.tool.to_string(), word(rule.effect),
                text(&rule), rule.expires_at, rule.rate.map(|rate| rate.to_string()), self.now
            ])?;
        if changed > 0 {
            self.record("granted", id)?;
        }
        Ok(())
    }

    fn remove(&mut self, id: GrantId) -> Result<(), AdminError> {
        self.record("grant_revoked", id)?;
        self.change.db.execute("DELETE FROM grants WHERE id = ?1", [id.get()])?;
        Ok(())
    }
}

impl Stored<'_> {
    /// Says in the trail what a grant is, or was.
    fn record(&self, status: &'static str, id: GrantId) -> Result<(), AdminError> {
        let grant = rows::grant(self.change.db, id)?.ok_or_else(|| unknown(id))?;
        let Grant { subject, tool, effect, when, expires_at, rate, .. } = grant;
        let mut detail = format!("{id}: {subject} {tool} {}", word(core(effect)));
        for (word, value) in [("when", when), ("until", expires_at), ("at most", rate)] {
            if let Some(value) = value {
                detail.push_str(&format!(" {word} {value}"));
            }
        }
        self.change.audit(Record::config(self.now, self.actor, status, detail));
        Ok(())
    }
}

/// Compiles a condition and checks it against the tools that it is for: it
/// must fit at least one of those on offer.
pub(super) fn check_condition(
    text: &str,
    tool: &ToolPattern,
    catalog: &Catalog,
) -> Result<Condition, agw_core::ConditionError> {
    let condition = Condition::compile(text)?;
    let mut problem = None;
    // Effects may be confirmed later on: the pattern's place is what counts.
    let about = |id: &agw_core::ToolId| match tool {
        ToolPattern::Any(_) => true,
        ToolPattern::Connection(name, _) => name == id.connection(),
        ToolPattern::Beginning(..) => tool.matches(id, ToolEffect::Read),
        ToolPattern::Tool(wanted) => wanted == id,
    };
    for tool in catalog.by_id.values().filter(|tool| about(&tool.id)) {
        let Ok(schema) = json::parse(tool.input_schema.as_bytes()) else { continue };
        match condition.check_schema(&schema) {
            Ok(()) => return Ok(condition),
            Err(error) => problem = problem.or(Some(error)),
        }
    }
    problem.map_or(Ok(condition), Err)
}

fn columns(subject: Subject) -> (Option<u64>, Option<u64>, Option<u64>) {
    match subject {
        Subject::User(id) => (Some(id.get()), None, None),
        Subject::Team(id) => (None, Some(id.get()), None),
        Subject::Agent(id) => (None, None, Some(id.get())),
    }
}

/// The text of its condition.
pub(super) fn text(rule: &agw_core::Grant) -> Option<&str> {
    rule.condition.as_ref().map(|condition| condition.text())
}

fn core(effect: Effect) -> agw_core::Effect {
    match effect {
        Effect::Allow => agw_core::Effect::Allow,
        Effect::Ask => agw_core::Effect::Ask,
        Effect::Deny => agw_core::Effect::Deny,
    }
}

fn word(effect: agw_core::Effect) -> &'static str {
    match effect {
        agw_core::Effect::Allow => "allow",
        agw_core::Effect::Ask => "ask",
        agw_core::Effect::Deny => "deny",
    }
}
