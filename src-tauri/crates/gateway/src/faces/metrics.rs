//! `GET /metrics` for Prometheus: to nobody, to every program on this machine
//! or to who shows the token, as an admin has set it.

use std::sync::Arc;

use agw_api::MetricsAccess;
use axum::{
    extract::State,
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use subtle::ConstantTimeEq as _;

use super::bearer;
use crate::{
    admin, audit::metrics, door::Door, gateway::Gateway, pipeline::Presented,
    store::snapshot::Snapshot,
};

pub(super) async fn show(
    State(gateway): State<Arc<Gateway>>,
    method: Method,
    door: Door,
    headers: HeaderMap,
) -> Response {
    let snapshot = gateway.live.snapshot.load();
    match snapshot.audit.metrics {
        MetricsAccess::Off => return admin::nothing_here().into_response(),
        MetricsAccess::Local if door == Door::Machine => {}
        MetricsAccess::Local => return admin::nothing_here().into_response(),
        MetricsAccess::Token if shows_token(&snapshot, door, &headers) => {}
        MetricsAccess::Token => {
            let challenge =
                [(header::WWW_AUTHENTICATE, "Bearer realm=\"AI Agent Gateway metrics\"")];
            let text = "Show the token that `agw audit metrics-token` makes.\n";
            return (StatusCode::UNAUTHORIZED, challenge, text).into_response();
        }
    }
    if method != Method::GET && method != Method::HEAD {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")]).into_response();
    }
    let text = metrics::text(&metrics::collect(&gateway));
    ([(header::CONTENT_TYPE, metrics::TEXT)], text).into_response()
}

fn shows_token(snapshot: &Snapshot, door: Door, headers: &HeaderMap) -> bool {
    match (bearer::presented(door, headers), &snapshot.metrics_token) {
        (Presented::Token(shown, _), Some(known)) => {
            shown.as_bytes().ct_eq(known.as_bytes()).into()
        }
        _ => false,
    }
}
