//! What an admin sets about the trail.

use std::{path::Path as FilePath, sync::Arc};

use agw_api::AuditSettings;
use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
};

use crate::{
    admin::{Admin, AdminError, Reader, tools},
    audit::{
        Record,
        settings::{self, Recording},
    },
    clock,
    gateway::Gateway,
    store::rows,
    upstream,
};

/// Fewest days that records, and most that anything may be kept.
const RECORDS_DAYS_MIN: u32 = 7;
const DAYS_MAX: u32 = 36_500;
/// Smallest bound of the database, in MiB.
const MIB_MIN: u32 = 64;
/// Paths of one tool's arguments that may be kept in clear, and their length.
const CLEAR_PATHS: usize = 32;
const CLEAR_PATH_MAX: usize = 200;

/// What is set about the trail.
#[utoipa::path(
    get, path = "/api/v1/audit/settings", operation_id = "audit_settings", tag = "audit",
    responses((status = 200, body = AuditSettings), (status = 403, body = agw_api::ErrorBody))
)]
pub(super) async fn show(State(gateway): State<Arc<Gateway>>, _: Reader) -> Json<AuditSettings> {
    Json(gateway.live.snapshot.load().audit.clone())
}

/// Set it, all of it.
#[utoipa::path(
    put, path = "/api/v1/audit/settings", operation_id = "edit_audit_settings", tag = "audit",
    request_body = AuditSettings,
    responses(
        (status = 200, body = AuditSettings),
        (status = 409, body = agw_api::ErrorBody),
        (status = 422, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn edit(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    body: Result<Json<AuditSettings>, JsonRejection>,
) -> Result<Json<AuditSettings>, AdminError> {
    let Json(wanted) = body?;
    let known = gateway.live.snapshot.load().audit.witness_folder.clone();
    check(&wanted, known.as_deref()).await?;
    let settings = gateway
        .writer
        .change(move |change| {
            let now = settings::load(change.db)?;
            rows::check_version(
                Some(wanted.version),
                now.version,
                "what is set about the audit trail",
                &now,
            )?;
            settings::store(change.db, &wanted)?;
            let detail = changed(&now, &wanted);
            let record = Record::config(clock::now_ms(), admin.user, "audit_settings", detail);
            change.audit(record);
            Ok::<_, AdminError>(AuditSettings { version: wanted.version + 1, ..wanted })
        })
        .await?;
    Ok(Json(settings))
}

/// `receipts true, records_days 90`.
fn changed(before: &AuditSettings, after: &AuditSettings) -> String {
    let [before, after] = [before, after].map(|s| serde_json::to_value(s).unwrap_or_default());
    let after = after.as_object().into_iter().flatten();
    let changed = after.filter(|(name, value)| before.get(*name) != Some(*value));
    let words: Vec<String> = changed.map(|(name, value)| format!("{name} {value}")).collect();
    if words.is_empty() { "as before".into() } else { words.join(", ") }
}

/// A folder that is set already may be away for now.
async fn check(settings: &AuditSettings, known: Option<&str>) -> Result<(), AdminError> {
    let days = |what: &str, days: Option<u32>, min: u32| match days {
        Some(days) if !(min..=DAYS_MAX).contains(&days) => {
            Err(AdminError::invalid(format!("{what} are kept for {min} to {DAYS_MAX} days")))
        }
        _ => Ok(()),
    };
    days("sealed bodies", settings.bodies_days, 1)?;
    days("records", settings.records_days, RECORDS_DAYS_MIN)?;
    if settings.max_mib.is_some_and(|mib| mib < MIB_MIN) {
        return Err(AdminError::invalid(format!("the database needs at least {MIB_MIN} MiB")));
    }
    if let Some(url) = &settings.witness_url {
        upstream::check_url(url).map_err(|e| AdminError::invalid(format!("the witness: {e}")))?;
    }
    let folder = settings.witness_folder.clone();
    if let Some(folder) = folder.filter(|folder| Some(folder.as_str()) != known) {
        let checked = tokio::task::spawn_blocking(move || check_folder(&folder));
        checked
            .await
            .map_err(|e| AdminError::internal(e.to_string()))?
            .map_err(AdminError::invalid)?;
    }
    Ok(())
}

/// It has to be there, and to take files.
fn check_folder(folder: &str) -> Result<(), String> {
    let path = FilePath::new(folder);
    if !path.is_absolute() {
        return Err(format!("the witness folder {folder:?} must be an absolute path"));
    }
    let probe = path.join(".agw-witness");
    let tried = std::fs::write(&probe, "").and_then(|()| std::fs::remove_file(&probe));
    tried.map_err(|e| format!("the witness folder {folder:?} takes no files: {e}; make it first"))
}

/// Say what the records of a tool's calls keep beside their redacted
/// arguments.
#[utoipa::path(
    put, path = "/api/v1/tools/{id}/recording", operation_id = "record_tool", tag = "tools",
    params(("id" = String, Path)), request_body = agw_api::Recording,
    responses(
        (status = 200, body = agw_api::Recording),
        (status = 404, body = agw_api::ErrorBody),
        (status = 409, body = agw_api::ErrorBody),
        (status = 422, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn record_tool(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    Path(id): Path<String>,
    body: Result<Json<agw_api::Recording>, JsonRejection>,
) -> Result<Json<agw_api::Recording>, AdminError> {
    let Json(agw_api::Recording { clear, bodies, version }) = body?;
    let tool = tools::find(&gateway, &id)?;
    let long = |path: &String| path.is_empty() || path.len() > CLEAR_PATH_MAX;
    if clear.len() > CLEAR_PATHS || clear.iter().any(long) {
        return Err(AdminError::invalid(format!(
            "name up to {CLEAR_PATHS} arguments, each with 1 to {CLEAR_PATH_MAX} characters"
        )));
    }
    let recording = gateway
        .writer
        .change(move |change| {
            let known = settings::load_recordings(change.db)?.remove(&tool.id);
            let known = known.map(|known| (*known).clone()).unwrap_or_default();
            let what = "what the tool's records keep";
            rows::check_version(Some(version), known.version, what, shown(&known))?;
            let recording = Recording { clear, bodies, version: version + 1 };
            let name = tool.id.tool().to_string();
            settings::store_recording(change.db, tool.connection, &name, &recording)?;
            let clear = match recording.clear.as_slice() {
                [] => "nothing".into(),
                clear => clear.join(", "),
            };
            let kept = if bodies { "kept sealed" } else { "not kept" };
            let detail = format!("{id}: {clear} in clear, bodies {kept}");
            change.audit(Record::config(clock::now_ms(), admin.user, "recording_set", detail));
            Ok::<_, AdminError>(recording)
        })
        .await?;
    Ok(Json(shown(&recording)))
}

pub(in crate::admin) fn shown(recording: &Recording) -> agw_api::Recording {
    let Recording { clear, bodies, version } = recording;
    agw_api::Recording { clear: clear.clone(), bodies: *bodies, version: *version }
}
