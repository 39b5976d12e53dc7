//! Who may do what with the admin API. A handler says it with the type that
//! it takes: [`Admin`], [`Reader`] or [`Signed`], which lets everybody in and
//! leaves it to the handler what each of them sees.

use std::sync::Arc;

use agw_api::{Role, codes};
use agw_core::UserId;
use axum::{extract::FromRequestParts, http::request::Parts};
use rusqlite::Connection;

use super::{AdminError, Signed};
use crate::{gateway::Gateway, store::rows};

/// An admin.
#[derive(Debug)]
pub(crate) struct Admin {
    pub(crate) user: UserId,
}

/// Somebody who may read everything: an admin or an auditor.
#[derive(Debug)]
pub(crate) struct Reader;

impl FromRequestParts<Arc<Gateway>> for Admin {
    type Rejection = AdminError;

    async fn from_request_parts(
        parts: &mut Parts,
        gateway: &Arc<Gateway>,
    ) -> Result<Self, AdminError> {
        let signed = Signed::from_request_parts(parts, gateway).await?;
        match signed.role {
            Role::Admin => Ok(Self { user: signed.user }),
            role => Err(forbidden(role)),
        }
    }
}

impl FromRequestParts<Arc<Gateway>> for Reader {
    type Rejection = AdminError;

    async fn from_request_parts(
        parts: &mut Parts,
        gateway: &Arc<Gateway>,
    ) -> Result<Self, AdminError> {
        match Signed::from_request_parts(parts, gateway).await?.role {
            Role::Admin | Role::Auditor => Ok(Self),
            Role::Member => Err(forbidden(Role::Member)),
        }
    }
}

impl Signed {
    /// Whether this person may see what is of `user`.
    pub(crate) fn sees(&self, user: UserId) -> bool {
        self.role != Role::Member || self.user == user
    }

    /// Lets through whoever may change what is of `user`: an admin, or that
    /// member themself.
    pub(crate) fn may_change(&self, user: UserId) -> Result<(), AdminError> {
        match self.role {
            Role::Admin => Ok(()),
            Role::Member if self.user == user => Ok(()),
            role => Err(forbidden(role)),
        }
    }

    /// The user of that name, if this person may change what is theirs. To a
    /// member nobody else is there.
    pub(crate) fn owner(&self, db: &Connection, name: &str) -> Result<UserId, AdminError> {
        if self.role == Role::Auditor {
            return Err(forbidden(self.role));
        }
        let missing = || AdminError::not_found("user", name, "see `agw user list`");
        let user = rows::user_id(db, name)?;
        if self.sees(user) { Ok(user) } else { Err(missing()) }
    }
}

fn forbidden(role: Role) -> AdminError {
    let message = match role {
        Role::Auditor => "an auditor reads everything and changes nothing",
        _ => "this is for admins; members have their own agents, approvals and audit",
    };
    AdminError::new(codes::FORBIDDEN, message, "ask an admin to do it")
}
