//! Connections: adding, testing, removing. Secrets go in and never come out.

pub(super) mod edit;
pub(super) mod upkeep;

use std::{sync::Arc, time::Instant};

use agw_api::{
    Connection, ConnectionDetail, ConnectionHealth, LastError, NewConnection, NewSignIn,
    SignInKind, TestReport, Transport,
};
use agw_core::{ConnectionId, ConnectionName};
use agw_vault::{Place, Secret};
use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
    http::StatusCode,
};
use rusqlite::params;
use serde::Deserialize;

use super::{Admin, AdminError, Reader};
use crate::{
    accounts::{self, StoredClient},
    audit::{Record, record::rfc3339},
    bounds,
    catalog::Listed,
    clock,
    gateway::Gateway,
    pipeline,
    store::{
        rows,
        snapshot::{ConnectionConfig, Snapshot},
    },
    upstream::{self, Upstream},
};

/// Most secrets of one connection, arguments of one command, and bytes of
/// either.
const CREDENTIALS_MAX: usize = 32;
const ARGUMENTS_MAX: usize = 128;
const TEXT_MAX: usize = 16 << 10;

/// The row that an edit is about, as the editor last saw it.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Expected {
    /// Refused with 409 if the row is at another version by now.
    pub(super) version: Option<u64>,
}

/// All connections.
#[utoipa::path(
    get, path = "/api/v1/connections", operation_id = "list_connections", tag = "connections",
    responses((status = 200, body = Vec<Connection>), (status = 401, body = agw_api::ErrorBody))
)]
pub(super) async fn list(State(gateway): State<Arc<Gateway>>, _: Reader) -> Json<Vec<Connection>> {
    let snapshot = gateway.live.snapshot.load();
    let mut all: Vec<_> = snapshot.connections.values().collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Json(all.into_iter().map(|config| describe(&gateway, config)).collect())
}

/// Add a connection; returns when its first start succeeded or failed.
#[utoipa::path(
    post, path = "/api/v1/connections", operation_id = "add_connection", tag = "connections", request_body = NewConnection,
    responses(
        (status = 201, body = Connection),
        (status = 409, body = agw_api::ErrorBody),
        (status = 422, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn add(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    body: Result<Json<NewConnection>, JsonRejection>,
) -> Result<(StatusCode, Json<Connection>), AdminError> {
    let Json(new) = body?;
    let name: ConnectionName = parse(&new.name)?;
    let credentials: Vec<(String, Secret)> =
        new.credentials.into_iter().map(|c| (c.name, Secret::new(c.value))).collect();
    let kind = new.sign_in.as_ref().map(|sign_in| sign_in.kind);
    let given: Vec<_> = credentials.iter().map(|(name, secret)| (name.as_str(), secret)).collect();
    check(&new.transport, &given, kind)?;
    let client = new.sign_in.map(given_client).transpose()?.flatten();
    let vault = gateway.vault.load_full().ok_or_else(AdminError::sealed)?;
    let (user, transport) = (admin.user, new.transport);
    let wanted = name.clone();
    let id = gateway
        .writer
        .change(move |change| {
            if rows::connection_id(change.db, name.as_str()).is_ok() {
                return Err(AdminError::exists("connection", name.as_str()));
            }
            let now = clock::now_ms();
            let text = serde_json::to_string(&transport)
                .map_err(|e| AdminError::internal(e.to_string()))?;
            change.db.execute(
                "INSERT INTO connections (name, transport, created_at, sign_in) VALUES (?1, ?2, ?3, ?4)",
                params![name.as_str(), text, now, kind.map(kind_word)],
            )?;
            let id = rows::connection_id(change.db, name.as_str())?;
            if let Some((client_id, secret)) = client {
                let place = accounts::client_place(id, &name);
                let seal = |secret: Secret| vault.seal(&place, &secret);
                let secret = secret.map(seal).transpose();
                let secret = secret.map_err(|e| AdminError::internal(e.to_string()))?;
                accounts::store_client(change.db, id, &StoredClient::given(client_id, secret))?;
            }
            for (credential, secret) in &credentials {
                let place = Place {
                    connection: id,
                    connection_name: &name,
                    owner: None,
                    credential,
                    version: 1,
                };
                let sealed = vault
                    .seal(&place, secret)
                    .map_err(|e| AdminError::internal(e.to_string()))?;
                change.db.execute(
                    "INSERT INTO credentials (connection, name, version, sealed) VALUES (?1, ?2, 1, ?3)",
                    params![id.get(), credential, sealed],
                )?;
            }
            let sign_in = match kind {
                None => "",
                Some(SignInKind::Team) => ", with the team's account",
                Some(SignInKind::User) => ", with everybody's own account",
            };
            let detail = format!("{name}: {}{sign_in}", words(&transport));
            change.audit(Record::config(now, user, "connection_added", detail));
            Ok(id)
        })
        .await?;
    if let Some(upstream) = started(&gateway, id, 1).await {
        upstream.settled_after(0).await;
    }
    let snapshot = gateway.live.snapshot.load();
    let config = find(&snapshot, wanted.as_str())?;
    Ok((StatusCode::CREATED, Json(describe(&gateway, config))))
}

/// One connection, with what helps to repair it.
#[utoipa::path(
    get, path = "/api/v1/connections/{name}", operation_id = "show_connection", tag = "connections",
    params(("name" = String, Path)),
    responses((status = 200, body = ConnectionDetail), (status = 404, body = agw_api::ErrorBody))
)]
pub(super) async fn show(
    State(gateway): State<Arc<Gateway>>,
    _: Reader,
    Path(name): Path<String>,
) -> Result<Json<ConnectionDetail>, AdminError> {
    let snapshot = gateway.live.snapshot.load();
    let config = find(&snapshot, &name)?;
    let upstream = gateway.upstreams.get(config.id);
    Ok(Json(ConnectionDetail {
        connection: describe(&gateway, config),
        starts: upstream.map_or(0, |u| u.state().starts),
    }))
}

/// Remove a connection with its secrets; grants that name its tools stay.
#[utoipa::path(
    delete, path = "/api/v1/connections/{name}", operation_id = "remove_connection", tag = "connections",
    params(("name" = String, Path), Expected),
    responses(
        (status = 204),
        (status = 404, body = agw_api::ErrorBody),
        (status = 409, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn remove(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    Path(name): Path<String>,
    expected: Result<Query<Expected>, QueryRejection>,
) -> Result<StatusCode, AdminError> {
    let Query(Expected { version }) = expected?;
    let snapshot = gateway.live.snapshot.load_full();
    let current = describe(&gateway, find(&snapshot, &name)?);
    let user = admin.user;
    gateway
        .writer
        .change(move |change| {
            let id = rows::connection_id(change.db, &name)?;
            let actual = change.db.query_row(
                "SELECT version FROM connections WHERE id = ?1",
                [id.get()],
                |r| r.get(0),
            )?;
            rows::check_version(version, actual, "the connection", current)?;
            change.db.execute("DELETE FROM connections WHERE id = ?1", [id.get()])?;
            change.audit(Record::config(clock::now_ms(), user, "connection_removed", name));
            Ok::<_, AdminError>(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Try a connection now.
#[utoipa::path(
    post, path = "/api/v1/connections/{name}/test", operation_id = "test_connection", tag = "connections",
    params(("name" = String, Path)),
    responses((status = 200, body = TestReport), (status = 404, body = agw_api::ErrorBody))
)]
pub(super) async fn test(
    State(gateway): State<Arc<Gateway>>,
    _: Admin,
    Path(name): Path<String>,
) -> Result<Json<TestReport>, AdminError> {
    let snapshot = gateway.live.snapshot.load_full();
    let config = find(&snapshot, &name)?;
    let begun = Instant::now();
    let upstream = running(&gateway, config).await?;
    let state = upstream.test().await;
    Ok(Json(report(&gateway, config, state, begun)))
}

fn report(
    gateway: &Gateway,
    config: &ConnectionConfig,
    state: upstream::State,
    begun: Instant,
) -> TestReport {
    let described = describe(gateway, config);
    TestReport {
        ok: state.health == ConnectionHealth::Ready,
        tools: described.tools,
        prompts: described.prompts,
        resources: described.resources,
        server: state.server,
        protocol: state.protocol,
        problem: state.problem,
        duration_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}

/// The upstream of a connection at this version or a later one, which a task
/// starts right after the change.
async fn started(gateway: &Gateway, id: ConnectionId, version: u64) -> Option<Arc<Upstream>> {
    let began = Instant::now();
    while began.elapsed() < bounds::UPSTREAM_APPEARS {
        let upstream = gateway.upstreams.get(id);
        if let Some(upstream) = upstream.filter(|upstream| upstream.config.version >= version) {
            return Some(upstream);
        }
        tokio::time::sleep(bounds::UPSTREAM_LOOKED_FOR).await;
    }
    None
}

/// The upstream of a connection that somebody wants something of.
pub(super) async fn running(
    gateway: &Gateway,
    config: &ConnectionConfig,
) -> Result<Arc<Upstream>, AdminError> {
    started(gateway, config.id, config.version).await.ok_or_else(|| {
        let message = "the connection was just removed";
        AdminError::new(agw_api::codes::NOT_FOUND, message, "list them again")
    })
}

pub(super) fn find<'s>(
    snapshot: &'s Snapshot,
    name: &str,
) -> Result<&'s Arc<ConnectionConfig>, AdminError> {
    let parsed: Option<ConnectionName> = name.parse().ok();
    parsed
        .and_then(|name| snapshot.connections.get(&name))
        .ok_or_else(|| AdminError::not_found("connection", name, "see `agw connection list`"))
}

fn describe(gateway: &Gateway, config: &ConnectionConfig) -> Connection {
    let catalog = gateway.live.catalog.load();
    let state = gateway.upstreams.get(config.id).map(|upstream| upstream.state());
    let count = |listed: &[Listed]| {
        let items = catalog.by_id.values().filter(|item| item.connection == config.id);
        let count = items.filter(|item| listed.contains(&item.listed)).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    };
    Connection {
        id: config.id.to_string(),
        name: config.name.to_string(),
        transport: config.transport.clone(),
        credentials: config.credentials.iter().map(|credential| credential.name.clone()).collect(),
        sign_in: config.sign_in,
        health: state.as_ref().map_or(ConnectionHealth::Connecting, |state| state.health),
        health_since: rfc3339(state.as_ref().map_or(config.created_at, |state| state.since)),
        last_error: state.as_ref().and_then(|state| {
            let (problem, at) = state.last_error.clone()?;
            Some(LastError { problem, at: rfc3339(at) })
        }),
        problem: state.and_then(|state| state.problem),
        tools: count(&[Listed::Tool]),
        prompts: count(&[Listed::Prompt]),
        resources: count(&[Listed::Resource, Listed::Template]),
        paused: config.paused,
        refused_tools: catalog.refused.get(&config.id).cloned().unwrap_or_default(),
        version: config.version,
        created_at: rfc3339(config.created_at),
    }
}

/// As the column has it.
fn kind_word(kind: SignInKind) -> &'static str {
    match kind {
        SignInKind::Team => "team",
        SignInKind::User => "user",
    }
}

/// The client that an admin registered with the authorization server.
fn given_client(new: NewSignIn) -> Result<Option<(String, Option<Secret>)>, AdminError> {
    let secret = new.client_secret.map(Secret::new);
    let secret_fits = |secret: &Secret| (1..=TEXT_MAX).contains(&secret.expose().len());
    match new.client_id {
        None if secret.is_some() => {
            Err(AdminError::invalid("a client secret goes with a client id"))
        }
        None => Ok(None),
        Some(id) if id.is_empty() || id.len() > TEXT_MAX || id.contains(char::is_control) => {
            Err(AdminError::invalid("the client id is empty, too long or has control characters"))
        }
        Some(_) if !secret.as_ref().is_none_or(secret_fits) => {
            Err(AdminError::invalid(format!("the client secret must have 1 to {TEXT_MAX} bytes")))
        }
        Some(id) => Ok(Some((id, secret))),
    }
}

fn check(
    transport: &Transport,
    credentials: &[(&str, &Secret)],
    sign_in: Option<SignInKind>,
) -> Result<(), AdminError> {
    if credentials.len() > CREDENTIALS_MAX {
        return Err(AdminError::invalid(format!("more than {CREDENTIALS_MAX} credentials")));
    }
    for (at, (name, secret)) in credentials.iter().enumerate() {
        if credentials.iter().take(at).any(|(earlier, _)| earlier.eq_ignore_ascii_case(name)) {
            return Err(AdminError::invalid(format!("the credential {name:?} is given twice")));
        }
        if secret.expose().is_empty() || secret.expose().len() > TEXT_MAX {
            let text = format!("the value of {name:?} must have 1 to {TEXT_MAX} bytes");
            return Err(AdminError::invalid(text));
        }
    }
    match transport {
        Transport::Stdio { .. } if sign_in.is_some() => {
            let text = "only a connection at a URL has a sign-in; give a started server its secrets as environment variables";
            return Err(AdminError::invalid(text));
        }
        Transport::Stdio { argv } => {
            let sane = |text: &String| text.len() <= TEXT_MAX && !text.contains('\0');
            let program = argv.first().is_some_and(|program| !program.trim().is_empty());
            if !program || argv.len() > ARGUMENTS_MAX || !argv.iter().all(sane) {
                return Err(AdminError::invalid("the command is empty or too long"));
            }
            let bad = credentials.iter().find(|(name, secret)| {
                let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
                let rest = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                !first || !rest || secret.expose().contains(&0)
            });
            if let Some((name, _)) = bad {
                let text = format!("{name:?} is not an environment variable's name");
                return Err(AdminError::invalid(text));
            }
        }
        Transport::Http { url } => {
            upstream::check_url(url).map_err(AdminError::invalid)?;
            for (name, secret) in credentials {
                if sign_in.is_some() && name.eq_ignore_ascii_case("authorization") {
                    let text = "a sign-in and an Authorization header exclude each other";
                    return Err(AdminError::invalid(text));
                }
                pipeline::header(name, secret).map_err(|_| {
                    AdminError::invalid(format!("{name:?} or its value is no HTTP header"))
                })?;
            }
        }
    }
    Ok(())
}

/// For the trail: the command or URL; secrets are not part of either.
fn words(transport: &Transport) -> String {
    match transport {
        Transport::Stdio { argv } => argv.join(" "),
        Transport::Http { url } => url.clone(),
    }
}

fn parse<T: std::str::FromStr<Err = agw_core::NameError>>(text: &str) -> Result<T, AdminError> {
    text.parse().map_err(|e: agw_core::NameError| AdminError::invalid(e.to_string()))
}
