//! First-run set-up, and getting the vault open again.

use std::sync::Arc;

use agw_api::{RecoverRequest, SetupRequest, SetupResponse, Status, UnlockRequest, codes};
use agw_core::UserId;
use agw_vault::{MasterKeyError, MasterKeySource, PasswordHash, RecoveryKey, Secret, Vault};
use axum::{
    Extension, Json,
    extract::{State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use rusqlite::params;

use super::{Admin, AdminError, Via, service, session};
use crate::{
    audit::{Kind, Record},
    clock,
    door::Door,
    gateway::{Gateway, UnsealError},
    store::rows,
};

/// Shortest password and passphrase, in characters.
const PASSWORD_MIN: usize = 10;

/// Set the gateway up: the first admin, the master key, the recovery key.
#[utoipa::path(
    post, path = "/api/v1/setup", tag = "set-up", request_body = SetupRequest,
    responses(
        (status = 201, body = SetupResponse),
        (status = 409, body = agw_api::ErrorBody),
        (status = 503, description = "The master key's home cannot be reached", body = agw_api::ErrorBody)
    )
)]
pub(super) async fn setup(
    State(gateway): State<Arc<Gateway>>,
    Extension(via): Extension<Via>,
    door: Door,
    headers: HeaderMap,
    body: Result<Json<SetupRequest>, JsonRejection>,
) -> Result<Response, AdminError> {
    let Json(SetupRequest { admin, password, passphrase }) = body?;
    let (password, passphrase) = (Secret::new(password), passphrase.map(Secret::new));
    let _alone = gateway.making_key.lock().await;
    if gateway.live.snapshot.load().set_up {
        return Err(already());
    }
    let name = rows::person_name(&admin)?;
    long_enough("password", &password)?;
    if gateway.master_key == MasterKeySource::Passphrase {
        match &passphrase {
            Some(passphrase) => long_enough("passphrase", passphrase)?,
            None => return Err(AdminError::invalid("the master key needs a passphrase")),
        }
    }
    let hash = gateway.sign_ins.hash(move || PasswordHash::new(&password)).await?;
    let hash = hash.map_err(|e| AdminError::internal(e.to_string()))?;
    let (source, installation) = (gateway.master_key.clone(), gateway.installation.clone());
    let made = tokio::task::spawn_blocking(move || {
        let master = source.create(&installation, passphrase.as_ref())?;
        let recovery = RecoveryKey::generate()?;
        let (vault, wrapped) = Vault::create(&master, &recovery)?;
        Ok::<_, MasterKeyError>((recovery, vault, wrapped))
    });
    let made = made.await.map_err(|_| AdminError::internal("the master key could not be made"))?;
    let (recovery, vault, wrapped) = made.map_err(|error| key_error(&error, CHOOSE_HOME))?;
    let home = gateway.master_key.to_string();
    let admin_name = name.to_string();
    let password = hash.clone();
    let user = gateway
        .writer
        .change(move |change| {
            // Two people may have sent the form.
            if rows::meta(change.db, rows::MASTER_KEY)?.is_some() {
                return Err(already());
            }
            let now = clock::now_ms();
            change.db.execute(
                "INSERT INTO data_keys (generation, by_master, by_recovery) VALUES (?1, ?2, ?3)",
                params![wrapped.generation, wrapped.by_master, wrapped.by_recovery],
            )?;
            rows::set_meta(change.db, rows::MASTER_KEY, &home)?;
            rows::set_meta(change.db, rows::RECOVERY_MADE, &now.to_string())?;
            change.db.execute(
                "INSERT INTO users (name, role, password, created_at) VALUES (?1, 'admin', ?2, ?3)",
                params![name.as_str(), hash.as_str(), now],
            )?;
            let user = rows::user_id(change.db, name.as_str())?;
            let detail = format!("admin {name}; the master key is in {home}");
            change.audit(Record::config(now, user, "set_up", detail));
            Ok(user)
        })
        .await?;
    gateway.opened(vault).await;
    gateway.live.announce("status");
    let from = session::SignInFrom::of(via, &headers);
    let opens = session::Opens::AdminApi;
    let proven = session::Proven { user, password };
    let session = session::begin(&gateway, door, proven, admin_name, opens, from).await?;
    let body = SetupResponse {
        recovery_key: recovery.expose().to_string(),
        session: session.created(via),
    };
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    if via == Via::Browser
        && let Ok(cookie) = session.cookie(door).parse()
    {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Fetch the master key again and open the vault.
#[utoipa::path(
    post, path = "/api/v1/unlock", tag = "set-up", request_body = UnlockRequest,
    responses((status = 200, body = Status), (status = 503, body = agw_api::ErrorBody))
)]
pub(super) async fn unlock(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    body: Result<Json<UnlockRequest>, JsonRejection>,
) -> Result<Json<Status>, AdminError> {
    let Json(UnlockRequest { passphrase }) = body?;
    if gateway.vault.load().is_none() {
        gateway.unseal(passphrase.map(Secret::new), Some(admin.user)).await?;
    }
    Ok(Json(service::read_status(&gateway)))
}

/// Open the vault with the recovery key and give it a new master key.
#[utoipa::path(
    post, path = "/api/v1/recover", tag = "set-up", request_body = RecoverRequest,
    responses((status = 200, body = Status), (status = 422, body = agw_api::ErrorBody))
)]
pub(super) async fn recover(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    body: Result<Json<RecoverRequest>, JsonRejection>,
) -> Result<Json<Status>, AdminError> {
    let Json(RecoverRequest { recovery_key, passphrase }) = body?;
    let recovery: RecoveryKey = Secret::new(recovery_key)
        .expose()
        .utf8_chunks()
        .map(|chunk| chunk.valid())
        .collect::<String>()
        .parse()
        .map_err(|e: agw_vault::RecoveryKeyError| AdminError::invalid(e.to_string()))?;
    let passphrase = passphrase.map(Secret::new);
    if let Some(passphrase) = &passphrase {
        long_enough("passphrase", passphrase)?;
    }
    let _alone = gateway.making_key.lock().await;
    let wrapped = gateway.wrapped_data_key().await?;
    let (source, installation) = (gateway.master_key.clone(), gateway.installation.clone());
    let generation = wrapped.generation;
    let recovered = tokio::task::spawn_blocking(move || {
        let vault = Vault::recover(&recovery, &wrapped)?;
        let master = source.create(&installation, passphrase.as_ref())?;
        let by_master = vault.rewrap(&master)?;
        Ok::<_, MasterKeyError>((vault, by_master))
    });
    let recovered = recovered.await.map_err(|_| AdminError::internal("recovery failed"))?;
    let (vault, by_master) = recovered.map_err(|error| key_error(&error, REPAIR_HOME))?;
    let user = admin.user;
    gateway
        .writer
        .change(move |change| {
            change.db.execute(
                "UPDATE data_keys SET by_master = ?2 WHERE generation = ?1",
                params![generation, by_master],
            )?;
            let mut record = Record::new(Kind::Service, clock::now_ms());
            record.status = Some("recovered");
            record.user = Some(user);
            record.detail = Some("with the recovery key; the master key is a new one".into());
            change.audit(record);
            Ok::<_, AdminError>(())
        })
        .await?;
    gateway.opened(vault).await;
    gateway.service_record("unsealed", Some(UserId::new(user.get())), String::new()).await?;
    Ok(Json(service::read_status(&gateway)))
}

fn already() -> AdminError {
    let next = "sign in with `agw login` or in the window";
    AdminError::new(codes::ALREADY_SET_UP, "this gateway is set up already", next)
}

pub(super) fn long_enough(what: &str, text: &Secret) -> Result<(), AdminError> {
    let length = std::str::from_utf8(text.expose()).map_or(0, |text| text.chars().count());
    if length >= PASSWORD_MIN {
        return Ok(());
    }
    Err(AdminError::invalid(format!("the {what} needs at least {PASSWORD_MIN} characters")))
}

/// What to do when the key cannot be made at set-up, and when it cannot be
/// had later: then its home is chosen.
const CHOOSE_HOME: &str =
    "repair it and try again, or choose where the master key lives with `agw serve --master-key`";
const REPAIR_HOME: &str =
    "repair it and run `agw unlock`; if the key is lost, run `agw recover` with the recovery key";

fn key_error(error: &MasterKeyError, next: &str) -> AdminError {
    let next = match error {
        MasterKeyError::Vault(_) => "check what you entered",
        _ => next,
    };
    AdminError::new(codes::KEYCHAIN, error.to_string(), next)
}

impl From<UnsealError> for AdminError {
    fn from(error: UnsealError) -> Self {
        match error {
            UnsealError::MasterKey(error) => key_error(&error, REPAIR_HOME),
            UnsealError::Store(error) => error.into(),
            UnsealError::Task => Self::internal(error.to_string()),
        }
    }
}
