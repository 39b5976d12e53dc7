//! Where the master key is, and the key for when it is lost.

use std::sync::Arc;

use agw_api::{Keychain, NewRecoveryKey, RecoveryKeyMade};
use agw_vault::{RecoveryKey, Secret};
use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use rusqlite::params;

use super::{Admin, AdminError, Reader, session};
use crate::{
    audit::{Record, record::rfc3339},
    clock,
    door::Door,
    gateway::Gateway,
    store::rows,
};

/// The keys that everything in the vault hangs on.
#[utoipa::path(
    get, path = "/api/v1/keychain", operation_id = "show_keychain", tag = "service",
    responses((status = 200, body = Keychain), (status = 403, body = agw_api::ErrorBody))
)]
pub(super) async fn show(
    State(gateway): State<Arc<Gateway>>,
    _: Reader,
) -> Result<Json<Keychain>, AdminError> {
    let generation = gateway.wrapped_data_key().await?.generation;
    let made = gateway.reader.run(|db| Ok(rows::meta(db, rows::RECOVERY_MADE)?)).await?;
    let made = made.and_then(|made| made.parse().ok());
    Ok(Json(Keychain {
        home: gateway.master_key.to_string(),
        sealed: gateway.vault.load().is_none(),
        sealed_reason: gateway.sealed_reason(),
        recovery_made_at: made.map(rfc3339),
        generation,
    }))
}

/// Make a new recovery key; the one before it opens nothing from then on.
#[utoipa::path(
    post, path = "/api/v1/recovery-key", operation_id = "make_recovery_key", tag = "service",
    request_body = NewRecoveryKey,
    responses(
        (status = 201, body = RecoveryKeyMade),
        (status = 401, body = agw_api::ErrorBody),
        (status = 503, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn make_recovery_key(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    door: Door,
    body: Result<Json<NewRecoveryKey>, JsonRejection>,
) -> Result<Response, AdminError> {
    let Json(NewRecoveryKey { password }) = body?;
    session::prove(&gateway, door, admin.user, Secret::new(password)).await?;
    // Not while the vault gets a new master key.
    let _alone = gateway.making_key.lock().await;
    let vault = gateway.vault.load_full().ok_or_else(AdminError::sealed)?;
    let made = tokio::task::spawn_blocking(move || {
        let recovery = RecoveryKey::generate()?;
        let wrapped = vault.rewrap_recovery(&recovery)?;
        Ok::<_, agw_vault::VaultError>((recovery, wrapped, vault.generation()))
    });
    let made = made.await.map_err(|_| AdminError::internal("the key could not be made"))?;
    let (recovery, wrapped, generation) =
        made.map_err(|error| AdminError::internal(error.to_string()))?;
    let user = admin.user;
    gateway
        .writer
        .change(move |change| {
            let now = clock::now_ms();
            let sql = "UPDATE data_keys SET by_recovery = ?2 WHERE generation = ?1";
            // Nobody must write down a key that opens nothing.
            if change.db.execute(sql, params![generation, wrapped])? == 0 {
                return Err(AdminError::internal("the data key's row is missing"));
            }
            rows::set_meta(change.db, rows::RECOVERY_MADE, &now.to_string())?;
            let detail = "the one before it opens nothing any more".into();
            change.audit(Record::config(now, user, "recovery_key_made", detail));
            Ok::<_, AdminError>(())
        })
        .await?;
    let body = RecoveryKeyMade { recovery_key: recovery.expose().to_string() };
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
