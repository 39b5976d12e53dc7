//! Editing a connection in place. A stored secret goes nowhere but where the
//! person who typed it sent it: with another command, or another host, it has
//! to be given again. Otherwise whoever may edit could have it sent to
//! themselves, and write-only would mean nothing.

use std::{collections::HashMap, sync::Arc};

use agw_api::{Connection, EditConnection, EditCredential, Transport};
use agw_core::{ConnectionId, ConnectionName};
use agw_vault::{Place, Secret, Vault};
use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
};
use http::Uri;
use rusqlite::params;

use super::{CREDENTIALS_MAX, check, describe, find, started, words};
use crate::{
    admin::{Admin, AdminError},
    audit::Record,
    clock,
    gateway::Gateway,
    outbound,
    store::{rows, snapshot::ConnectionConfig, writer::Change},
};

/// Change how a connection is reached, or replace its secrets; returns when it
/// was started anew, well or badly. Grants stay; tools that another server
/// defines in another way wait for an admin.
#[utoipa::path(
    put, path = "/api/v1/connections/{name}", operation_id = "edit_connection", tag = "connections",
    params(("name" = String, Path)), request_body = EditConnection,
    responses(
        (status = 200, body = Connection),
        (status = 404, body = agw_api::ErrorBody),
        (status = 409, body = agw_api::ErrorBody),
        (status = 422, body = agw_api::ErrorBody)
    )
)]
pub(in crate::admin) async fn edit(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    Path(name): Path<String>,
    body: Result<Json<EditConnection>, JsonRejection>,
) -> Result<Json<Connection>, AdminError> {
    let Json(EditConnection { transport, credentials, version }) = body?;
    let before = Arc::clone(find(&gateway.live.snapshot.load(), &name)?);
    let current = describe(&gateway, &before);
    // First of all: what follows is about the row that they saw.
    rows::check_version(Some(version), before.version, "the connection", &current)?;
    let edit = Edit::of(&before, transport, credentials)?;
    let vault = gateway.vault.load_full().ok_or_else(AdminError::sealed)?;
    let id = before.id;
    let edited = gateway
        .writer
        .change(move |change| {
            let sql = "SELECT version FROM connections WHERE id = ?1";
            let actual = change.db.query_row(sql, [id.get()], |row| row.get(0))?;
            rows::check_version(Some(version), actual, "the connection", current)?;
            edit.store(change, id, &before.name, &vault)?;
            let detail = edit.words(&before.name);
            change.audit(Record::config(clock::now_ms(), admin.user, "connection_edited", detail));
            Ok::<_, AdminError>(actual + 1)
        })
        .await?;
    if let Some(upstream) = started(&gateway, id, edited).await {
        upstream.settled_after(0).await;
    }
    let snapshot = gateway.live.snapshot.load();
    Ok(Json(describe(&gateway, find(&snapshot, &name)?)))
}

/// What is to be stored, checked.
struct Edit {
    transport: Transport,
    /// With the version that they are sealed at.
    replaced: Vec<(String, Secret, u64)>,
    removed: Vec<String>,
}

impl Edit {
    fn of(
        before: &ConnectionConfig,
        transport: Transport,
        credentials: Vec<EditCredential>,
    ) -> Result<Self, AdminError> {
        check_place(before, &transport)?;
        let mut named = HashMap::new();
        let mut replaced = Vec::new();
        for EditCredential { name, value } in credentials {
            // HTTP does not tell headers apart by case.
            if named.insert(name.to_ascii_lowercase(), name.clone()).is_some() {
                return Err(AdminError::invalid(format!("the credential {name:?} is given twice")));
            }
            let stored = before.credentials.iter().find(|stored| stored.name == name);
            match (value, stored) {
                (Some(value), _) => {
                    let version = stored.map_or(1, |stored| stored.version + 1);
                    replaced.push((name, Secret::new(value), version));
                }
                (None, Some(_)) if goes_elsewhere(&before.transport, &transport) => {
                    let text =
                        format!("the value of {name:?} was given for another command or host");
                    return Err(AdminError::new(
                        agw_api::codes::INVALID,
                        text,
                        "give it again, so that it goes nowhere that nobody meant it to go",
                    ));
                }
                (None, Some(_)) => {}
                (None, None) => {
                    let text = format!("there is no value of {name:?} to keep");
                    return Err(AdminError::invalid(text));
                }
            }
        }
        if named.len() > CREDENTIALS_MAX {
            return Err(AdminError::invalid(format!("more than {CREDENTIALS_MAX} credentials")));
        }
        let given: Vec<_> =
            replaced.iter().map(|(name, secret, _)| (name.as_str(), secret)).collect();
        check(&transport, &given, before.sign_in)?;
        let gone = before.credentials.iter().map(|stored| &stored.name);
        // One that is given in other letters is another row, and takes its place.
        let gone = gone.filter(|name| named.get(&name.to_ascii_lowercase()) != Some(name));
        Ok(Self { transport, replaced, removed: gone.cloned().collect() })
    }

    fn store(
        &self,
        change: &Change<'_>,
        id: ConnectionId,
        name: &ConnectionName,
        vault: &Vault,
    ) -> Result<(), AdminError> {
        let text = serde_json::to_string(&self.transport)
            .map_err(|e| AdminError::internal(e.to_string()))?;
        change.db.execute(
            "UPDATE connections SET transport = ?2, version = version + 1 WHERE id = ?1",
            params![id.get(), text],
        )?;
        for credential in &self.removed {
            change.db.execute(
                "DELETE FROM credentials WHERE connection = ?1 AND name = ?2",
                params![id.get(), credential],
            )?;
        }
        for (credential, secret, version) in &self.replaced {
            let place = Place {
                connection: id,
                connection_name: name,
                owner: None,
                credential,
                version: *version,
            };
            let sealed =
                vault.seal(&place, secret).map_err(|e| AdminError::internal(e.to_string()))?;
            change.db.execute(
                "INSERT OR REPLACE INTO credentials (connection, name, version, sealed) VALUES (?1, ?2, ?3, ?4)",
                params![id.get(), credential, version, sealed],
            )?;
        }
        Ok(())
    }

    /// For the trail: names of secrets, never values.
    fn words(&self, name: &ConnectionName) -> String {
        let mut text = format!("{name}: {}", words(&self.transport));
        let replaced: Vec<_> = self.replaced.iter().map(|(name, ..)| name.as_str()).collect();
        for (what, names) in [
            ("secrets given: ", replaced.join(", ")),
            ("secrets removed: ", self.removed.join(", ")),
        ] {
            if !names.is_empty() {
                text.push_str("; ");
                text.push_str(what);
                text.push_str(&names);
            }
        }
        text
    }
}

/// What is signed in to stays where it is: accounts belong to it.
fn check_place(before: &ConnectionConfig, transport: &Transport) -> Result<(), AdminError> {
    let same_kind = matches!(
        (&before.transport, transport),
        (Transport::Stdio { .. }, Transport::Stdio { .. })
            | (Transport::Http { .. }, Transport::Http { .. })
    );
    let next = "add it as another connection, and remove this one";
    let refuse = |message: &str| AdminError::new(agw_api::codes::INVALID, message, next);
    if !same_kind {
        return Err(refuse("a connection stays a started server or one at a URL"));
    }
    if before.sign_in.is_some() && before.transport != *transport {
        return Err(refuse("people signed in to this address, so it cannot be changed"));
    }
    Ok(())
}

/// Whether secrets would go to somebody else than before: a program that is
/// told something else, or another host.
fn goes_elsewhere(before: &Transport, after: &Transport) -> bool {
    match (before, after) {
        (Transport::Http { url: before }, Transport::Http { url: after }) => {
            origin(before).is_none() || origin(before) != origin(after)
        }
        _ => before != after,
    }
}

/// Scheme, host and port; `None` where it has no host.
fn origin(url: &str) -> Option<(String, String, u16)> {
    let uri: Uri = url.parse().ok()?;
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    Some((scheme, uri.host()?.to_ascii_lowercase(), outbound::port_of(&uri)))
}
