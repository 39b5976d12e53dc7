//! What the gateway connects to.

use std::{path::Path, sync::Arc};

use agw_api::{ConnectionHealth, Egress, EgressProgram, Transport};
use axum::{Json, extract::State};

use super::Reader;
use crate::{audit::record::rfc3339, gateway::Gateway};

/// Every outgoing connection since the start, and to whom it belongs.
#[utoipa::path(
    get, path = "/api/v1/egress", operation_id = "list_egress", tag = "service",
    responses((status = 200, body = Egress), (status = 403, body = agw_api::ErrorBody))
)]
pub(super) async fn list(State(gateway): State<Arc<Gateway>>, _: Reader) -> Json<Egress> {
    let (entries, dropped) = gateway.outbound.shown();
    let since = rfc3339(gateway.outbound.since());
    Json(Egress { since, entries, dropped, programs: programs(&gateway) })
}

/// Whatever these connect to, nobody sees here.
fn programs(gateway: &Gateway) -> Vec<EgressProgram> {
    let snapshot = gateway.live.snapshot.load();
    let started = snapshot.connections.values().filter_map(|config| {
        let Transport::Stdio { argv } = &config.transport else { return None };
        // Arguments may hold more than an auditor needs to know of.
        let command = argv.first().map(|program| Path::new(program).file_name());
        let command = command.flatten().map(|name| name.to_string_lossy().into_owned());
        let upstream = gateway.upstreams.get(config.id);
        let running = upstream.is_some_and(|u| u.state().health == ConnectionHealth::Ready);
        let connection = config.name.to_string();
        Some(EgressProgram { connection, command: command.unwrap_or_default(), running })
    });
    let mut started: Vec<_> = started.collect();
    started.sort_by(|a, b| a.connection.cmp(&b.connection));
    started
}
