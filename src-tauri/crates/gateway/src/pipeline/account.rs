//! The account with the upstream that a call goes with, where it needs one.

use std::sync::Arc;

use agw_core::Permit;
use tokio_util::sync::CancellationToken;

use super::Refusal;
use crate::{
    accounts::{Account, Accounts},
    gateway::Gateway,
    store::snapshot::ConnectionConfig,
    upstream::UpstreamError,
};

/// The account of the permit's user, or of the team, with a token that is good
/// for a while; renewed if it is due.
pub(super) async fn of_call(
    gateway: &Gateway,
    config: &Arc<ConnectionConfig>,
    permit: &Permit,
    cancel: &CancellationToken,
) -> Result<Option<Arc<Account>>, Refusal> {
    let Some(owner) = Accounts::owner_for(config, permit.user()) else { return Ok(None) };
    tokio::select! {
        account = gateway.accounts.current(config, owner) => match account {
            Ok(account) => Ok(Some(account)),
            Err(sign_in) => Err(UpstreamError::SignIn(Box::new(sign_in)).into()),
        },
        () = cancel.cancelled() => Err(Refusal::Cancelled),
    }
}

/// The same account at the moment of sending.
pub(super) fn again(
    gateway: &Gateway,
    config: &ConnectionConfig,
    account: Option<Arc<Account>>,
) -> Result<Option<Arc<Account>>, Refusal> {
    let Some(before) = account else { return Ok(None) };
    let now = gateway.accounts.find(config, before.owner);
    let same = now.filter(|now| now.id == before.id && now.ended.is_none());
    same.map(Some).ok_or(Refusal::RulesChanged)
}
