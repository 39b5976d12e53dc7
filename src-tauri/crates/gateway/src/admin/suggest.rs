//! Changes of the permission map that the trail speaks for.

use std::{collections::BTreeSet, sync::Arc};

use agw_api::{Change, Effect, Grant, GrantRef, NewGrant, Suggestion, SuggestionKind};
use agw_core::{ToolId, ToolPattern};
use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use serde::Deserialize;

use super::{AdminError, Reader, coverage, history};
use crate::{catalog::Catalog, clock, gateway::Gateway, store::rows};

const DAYS: u32 = 30;
const DAYS_MAX: u32 = 3_650;
const DAY_MS: i64 = 24 * 3600 * 1_000;
/// Most grants that one pattern is narrowed to.
const NARROW_MAX: usize = 20;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Period {
    /// How many days back; 30 if it is left out.
    days: Option<u32>,
}

/// Grants that were not used, and patterns that cover more than was used.
#[utoipa::path(
    get, path = "/api/v1/suggestions", operation_id = "suggest", tag = "grants", params(Period),
    responses((status = 200, body = Vec<Suggestion>), (status = 422, body = agw_api::ErrorBody))
)]
pub(super) async fn suggest(
    State(gateway): State<Arc<Gateway>>,
    _: Reader,
    query: Result<Query<Period>, QueryRejection>,
) -> Result<Json<Vec<Suggestion>>, AdminError> {
    let Query(Period { days }) = query?;
    let days = days.unwrap_or(DAYS);
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(AdminError::invalid(format!("the days must be between 1 and {DAYS_MAX}")));
    }
    let since = clock::now_ms() - i64::from(days) * DAY_MS;
    gateway.writer.flush().await?;
    let read = gateway.reader.run(move |db| {
        Ok((rows::grants(db, None)?, coverage::seen(db)?, history::uses(db, since)?))
    });
    let (rows, seen, uses) = read.await?;
    let changed: Vec<i64> = rows.iter().map(|(_, changed_at)| *changed_at).collect();
    let grants = coverage::covered(&gateway, rows, &seen);
    let now = gateway.live.clock.now_ms();
    let catalog = gateway.live.catalog.load();
    let suggestions = grants.iter().zip(changed).filter_map(|(grant, changed_at)| {
        // A denial is of use when nothing happens.
        if grant.effect == Effect::Deny {
            return None;
        }
        let used = grant.id.parse().ok().and_then(|id| uses.get(&id));
        match used {
            None if changed_at <= since => Some(unused(grant.clone(), days)),
            None => None,
            // What has expired cannot be added anew.
            Some(_) if has_expired(grant, now) => None,
            Some(used) => narrowed(grant, &grants, &grantable(grant, used, &catalog), days),
        }
    });
    Ok(Json(suggestions.collect()))
}

fn has_expired(grant: &Grant, now: i64) -> bool {
    let at = grant.expires_at.as_ref().and_then(|at| at.parse::<jiff::Timestamp>().ok());
    at.is_some_and(|at| at.as_millisecond() <= now)
}

fn unused(grant: Grant, days: u32) -> Suggestion {
    let change = Change { remove: vec![reference(&grant)], ..Change::default() };
    let reason = format!("{} was not used in {days} days", grant.id);
    Suggestion { kind: SuggestionKind::Unused, grant, reason, change }
}

/// What grants for just these tools have to name. Resources that came of a
/// template are many, and it goes on making others; but nothing is named that
/// the grant does not cover.
fn grantable(grant: &Grant, used: &BTreeSet<ToolId>, catalog: &Catalog) -> BTreeSet<String> {
    let beginning = grant.tool.strip_suffix('*').filter(|beginning| beginning.contains('@'));
    let name = |tool: &ToolId| {
        let mut patterns = catalog.templates_of(tool).map(|template| template.grantable());
        let within = patterns.find(|p| p.starts_with(beginning.unwrap_or_default()));
        within.unwrap_or_else(|| tool.to_string())
    };
    used.iter().map(name).collect()
}

/// The same for just the tools that were used, if those are fewer. Where one
/// of them has a grant of its own by now, that one is left as it is.
fn narrowed(
    grant: &Grant,
    grants: &[Grant],
    used: &BTreeSet<String>,
    days: u32,
) -> Option<Suggestion> {
    let pattern: ToolPattern = grant.tool.parse().ok()?;
    let wide = !matches!(pattern, ToolPattern::Tool(_)) && used.len() < grant.covers as usize;
    // A rate counts for all of a pattern's tools together; split, it would
    // count for each.
    if !wide || used.contains(&grant.tool) || used.len() > NARROW_MAX || grant.rate.is_some() {
        return None;
    }
    let narrow = |tool: &String| NewGrant {
        subject: grant.subject.clone(),
        tool: tool.clone(),
        effect: grant.effect,
        when: grant.when.clone(),
        expires: grant.expires_at.clone(),
        rate: None,
        version: Some(0),
    };
    let has_its_own = |tool: &String| {
        let own = |other: &Grant| {
            (&other.subject, &other.when) == (&grant.subject, &grant.when) && other.tool == *tool
        };
        grants.iter().any(own)
    };
    let change = Change {
        add: used.iter().filter(|tool| !has_its_own(tool)).map(narrow).collect(),
        remove: vec![reference(grant)],
        ..Change::default()
    };
    let were = if used.len() == 1 { "was" } else { "were" };
    let reason = format!(
        "{} covers {} tools, of which {} {were} used in {days} days",
        grant.id,
        grant.covers,
        used.len()
    );
    Some(Suggestion { kind: SuggestionKind::Narrow, grant: grant.clone(), reason, change })
}

fn reference(grant: &Grant) -> GrantRef {
    GrantRef { id: grant.id.clone(), version: grant.version }
}
