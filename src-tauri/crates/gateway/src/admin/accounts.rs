//! Accounts with the systems behind the gateway. What is in them never shows;
//! connecting one is done in a browser, at the link.

use std::sync::Arc;

use agw_api::{Account, AccountState, Role, SignInKind};
use agw_core::UserId;
use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::StatusCode,
};
use serde::Deserialize;

use super::{AdminError, Signed};
use crate::{
    accounts::{self, Owner},
    audit::{Record, record::rfc3339},
    clock,
    gateway::Gateway,
    store::snapshot::{ConnectionConfig, Snapshot},
};

/// Whose account.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Whose {
    /// A user's name; without it the team's, or one's own where everybody has
    /// their own.
    user: Option<String>,
}

/// Accounts that are connected, and those that the person who asks may connect.
/// Members see their own.
#[utoipa::path(
    get, path = "/api/v1/accounts", operation_id = "list_accounts", tag = "connections",
    responses((status = 200, body = Vec<Account>), (status = 401, body = agw_api::ErrorBody))
)]
pub(super) async fn list(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
) -> Json<Vec<Account>> {
    let snapshot = gateway.live.snapshot.load_full();
    let mut found = Vec::new();
    for config in snapshot.connections.values() {
        let Some(kind) = config.sign_in else { continue };
        let own = gateway.accounts.may_connect(&snapshot, config, signed.user, signed.role);
        let mut owners: Vec<Owner> = snapshot
            .accounts
            .keys()
            .filter(|(connection, owner)| {
                *connection == config.id
                    && owner.map_or(signed.role != Role::Member, |o| signed.sees(o))
            })
            .map(|(_, owner)| *owner)
            .collect();
        if own.is_some_and(|own| !owners.contains(&own)) {
            owners.extend(own);
        } else if kind == SignInKind::Team && owners.is_empty() && signed.role == Role::Auditor {
            owners.push(None);
        }
        let describe =
            |owner| describe(&gateway, &snapshot, (config, kind), owner, own == Some(owner));
        found.extend(owners.into_iter().map(describe));
    }
    found.sort_by(|a, b| (&a.connection, &a.user).cmp(&(&b.connection, &b.user)));
    Json(found)
}

fn describe(
    gateway: &Gateway,
    snapshot: &Snapshot,
    (config, kind): (&Arc<ConnectionConfig>, SignInKind),
    owner: Owner,
    own: bool,
) -> Account {
    let account = snapshot.accounts.get(&(config.id, owner));
    let problem = account.and_then(|account| match (&account.ended, &*account.wanted) {
        (Some(ended), _) => Some(ended.clone()),
        (None, "") => None,
        (None, wanted) => Some(format!("it wants more rights: {wanted}")),
    });
    let state = match (account, &problem) {
        (None, _) => AccountState::NotConnected,
        (Some(_), None) => AccountState::Connected,
        (Some(_), Some(_)) => AccountState::Reconnect,
    };
    let name = |user: UserId| snapshot.users.get(&user).map(|person| person.name.clone());
    Account {
        connection: config.name.to_string(),
        kind,
        user: owner.and_then(name),
        state,
        problem,
        link: gateway.accounts.link(config),
        own,
        connected_at: account.map(|account| rfc3339(account.connected_at)),
    }
}

/// Disconnect an account: the gateway forgets its tokens.
#[utoipa::path(
    delete, path = "/api/v1/accounts/{connection}", operation_id = "disconnect_account", tag = "connections",
    params(("connection" = String, Path), Whose),
    responses(
        (status = 204),
        (status = 403, body = agw_api::ErrorBody),
        (status = 404, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn disconnect(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
    Path(connection): Path<String>,
    whose: Result<Query<Whose>, QueryRejection>,
) -> Result<StatusCode, AdminError> {
    let Query(Whose { user }) = whose?;
    let missing = || {
        let next = "`agw connection list` shows who is connected";
        AdminError::not_found("account with the connection", &connection, next)
    };
    let snapshot = gateway.live.snapshot.load_full();
    let parsed = connection.parse().ok();
    let config = parsed.and_then(|name| snapshot.connections.get(&name)).cloned();
    // To a member there is only what is their own.
    let owner = match (config.as_ref().and_then(|config| config.sign_in), &user) {
        (None, _) => {
            signed.may_change(signed.user)?;
            return Err(missing());
        }
        (Some(SignInKind::Team), None) if signed.role == Role::Admin => None,
        (Some(SignInKind::Team), _) => {
            signed.may_change(signed.user)?;
            return Err(missing());
        }
        (Some(SignInKind::User), None) => Some(signed.user),
        (Some(SignInKind::User), Some(name)) => {
            let name = name.clone();
            let is = |(_, person): &(&UserId, &crate::store::snapshot::Person)| {
                !person.removed && person.name.eq_ignore_ascii_case(&name)
            };
            let user = snapshot.users.iter().find(is).map(|(id, _)| *id);
            let user = user.filter(|user| signed.sees(*user));
            if user.is_none() {
                signed.may_change(signed.user)?;
            }
            Some(user.ok_or_else(missing)?)
        }
    };
    signed.may_change(owner.unwrap_or(signed.user))?;
    let config = config.ok_or_else(missing)?;
    let detail = gateway.accounts.detail(&config, owner, "disconnected");
    let (id, by) = (config.id, signed.user);
    let removed = gateway
        .writer
        .change(move |change| {
            let removed = accounts::remove(change.db, id, owner)?;
            if removed {
                let now = clock::now_ms();
                change.audit(Record::config(now, by, "account_disconnected", detail));
            }
            Ok::<_, AdminError>(removed)
        })
        .await?;
    if !removed {
        return Err(missing());
    }
    if let Some(account) = snapshot.accounts.get(&(config.id, owner)) {
        gateway.accounts.give_back(Arc::clone(&config), Arc::clone(account));
    }
    Ok(StatusCode::NO_CONTENT)
}
