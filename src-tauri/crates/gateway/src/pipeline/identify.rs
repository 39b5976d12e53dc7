//! Token → user, agent, teams.

use std::sync::Arc;

use agw_core::{Caller, ConnectionName};

use crate::{
    pipeline::{Presented, Refusal, Story},
    store::snapshot::Snapshot,
};

/// One look-up by hash; `now` in milliseconds since 1970, `at` the connection
/// whose own endpoint was called, if it was one. A token that was ours once
/// still says whose it was, for the trail.
pub(crate) fn identify(
    snapshot: &Snapshot,
    presented: &Presented,
    at: Option<&ConnectionName>,
    now: i64,
    story: &mut Story,
) -> Result<Arc<Caller>, Refusal> {
    let (hash, site) = match presented {
        Presented::Missing => return Err(Refusal::TokenMissing),
        Presented::Malformed => return Err(Refusal::TokenMalformed),
        Presented::Token(hash, site) => (hash, *site),
    };
    let entry = snapshot.tokens.get(hash).ok_or(Refusal::TokenUnknown)?;
    story.caller = Some(Arc::clone(&entry.caller));
    if entry.revoked {
        return Err(Refusal::TokenRevoked);
    }
    if entry.expires_at.is_some_and(|at| at <= now) {
        return Err(Refusal::TokenExpired);
    }
    if entry.audience.as_ref().is_some_and(|audience| !audience.opens(site, at)) {
        return Err(Refusal::TokenElsewhere);
    }
    Ok(Arc::clone(&entry.caller))
}
