//! What a person does with a connection that gives them trouble: read what
//! happened, and start it anew.

use std::{sync::Arc, time::Instant};

use agw_api::{LogLine, TestReport};
use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use serde::Deserialize;

use super::{find, report, running};
use crate::{
    admin::{Admin, AdminError, Reader},
    audit::Record,
    clock,
    gateway::Gateway,
};

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct After {
    /// Only lines with a higher number.
    #[serde(default)]
    after: u64,
}

/// What happened to a connection lately, oldest first: the last lines that its
/// server wrote, and what the gateway did with it.
#[utoipa::path(
    get, path = "/api/v1/connections/{name}/logs", operation_id = "connection_logs", tag = "connections",
    params(("name" = String, Path), After),
    responses((status = 200, body = Vec<LogLine>), (status = 404, body = agw_api::ErrorBody))
)]
pub(in crate::admin) async fn logs(
    State(gateway): State<Arc<Gateway>>,
    _: Reader,
    Path(name): Path<String>,
    after: Result<Query<After>, QueryRejection>,
) -> Result<Json<Vec<LogLine>>, AdminError> {
    let Query(After { after }) = after?;
    let snapshot = gateway.live.snapshot.load();
    let upstream = gateway.upstreams.get(find(&snapshot, &name)?.id);
    Ok(Json(upstream.map(|upstream| upstream.log.after(after)).unwrap_or_default()))
}

/// End what runs of a connection and start it anew; calls under way to it end.
#[utoipa::path(
    post, path = "/api/v1/connections/{name}/restart", operation_id = "restart_connection", tag = "connections",
    params(("name" = String, Path)),
    responses((status = 200, body = TestReport), (status = 404, body = agw_api::ErrorBody))
)]
pub(in crate::admin) async fn restart(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    Path(name): Path<String>,
) -> Result<Json<TestReport>, AdminError> {
    let snapshot = gateway.live.snapshot.load_full();
    let config = find(&snapshot, &name)?;
    let begun = Instant::now();
    let upstream = running(&gateway, config).await?;
    let detail = config.name.to_string();
    gateway
        .writer
        .change(move |change| {
            let now = clock::now_ms();
            change.audit(Record::config(now, admin.user, "connection_restarted", detail));
            Ok::<_, AdminError>(())
        })
        .await?;
    let state = upstream.restart().await;
    Ok(Json(report(&gateway, config, state, begun)))
}
