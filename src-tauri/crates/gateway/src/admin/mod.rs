//! The admin API. Handlers read from the snapshot or the reading connection
//! and change through the one writer, each change together with its record.
//!
//! Everything but health, set-up and sign-in takes an [`Admin`], a [`Reader`]
//! or a [`Signed`], which only a good session makes; the transport grants
//! nothing.

mod access;
mod accounts;
pub(crate) mod agents;
mod approvals;
mod audit;
mod changes;
mod connections;
mod coverage;
mod differences;
mod doctor;
mod egress;
mod error;
mod explain;
mod grants;
mod history;
mod invites;
mod keychain;
mod people;
mod service;
mod session;
mod sessions;
mod setup;
mod sharing;
mod simulate;
mod suggest;
mod teams;
mod times;
mod tools;
mod trail;
mod web;

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, Request, State},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use utoipa::OpenApi as _;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{bounds, gateway::Gateway};

pub(crate) use access::{Admin, Reader};
pub(crate) use audit::Verification;
pub(crate) use error::AdminError;
pub(crate) use people::mint;
pub(crate) use session::{
    Opens, SignInFrom, SignIns, Signed, StaffSessions, authenticate, begin as begin_session,
    end as end_session, is_signed_in,
};
pub use web::WebView;
pub(crate) use web::{nothing_here, web_view};

/// How a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    /// The local socket: the window and the command line.
    Local,
    /// The TCP port: a browser, whose session is a cookie.
    Browser,
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "AI Agent Gateway admin API",
        description = "What the window, the command line and a browser say to the gateway."
    ),
    components(schemas(agw_api::ErrorBody, agw_api::Event, agw_api::Receipt))
)]
struct ApiDoc;

fn api() -> OpenApiRouter<Arc<Gateway>> {
    OpenApiRouter::with_openapi(ApiDoc::openapi())
        .routes(routes!(service::health))
        .routes(routes!(setup::setup))
        .routes(routes!(setup::unlock))
        .routes(routes!(setup::recover))
        .routes(routes!(session::sign_in, sessions::list, sessions::end_others))
        .routes(routes!(sessions::end))
        .routes(routes!(session::current, session::sign_out))
        .routes(routes!(session::change_password))
        .routes(routes!(service::status))
        .routes(routes!(keychain::show))
        .routes(routes!(keychain::make_recovery_key))
        .routes(routes!(egress::list))
        .routes(routes!(doctor::gateway))
        .routes(routes!(doctor::connection))
        .routes(routes!(service::pause))
        .routes(routes!(service::resume))
        .routes(routes!(service::shutdown))
        .routes(routes!(connections::list, connections::add))
        .routes(routes!(connections::show, connections::edit::edit, connections::remove))
        .routes(routes!(connections::test))
        .routes(routes!(connections::upkeep::restart))
        .routes(routes!(connections::upkeep::logs))
        .routes(routes!(accounts::list))
        .routes(routes!(accounts::disconnect))
        .routes(routes!(people::list_users, people::add_user))
        .routes(routes!(people::edit_user, people::remove_user))
        .routes(routes!(people::set_password))
        .routes(routes!(people::issue_user_token))
        .routes(routes!(invites::list, invites::create))
        .routes(routes!(invites::look))
        .routes(routes!(invites::accept))
        .routes(routes!(invites::revoke))
        .routes(routes!(sharing::show, sharing::edit))
        .routes(routes!(sharing::authority))
        .routes(routes!(agents::add_agent))
        .routes(routes!(agents::edit_agent, agents::revoke_agent))
        .routes(routes!(agents::list_agents))
        .routes(routes!(teams::list_teams, teams::add_team))
        .routes(routes!(teams::edit_team, teams::remove_team))
        .routes(routes!(grants::list, grants::add))
        .routes(routes!(grants::edit, grants::remove))
        .routes(routes!(grants::change))
        .routes(routes!(explain::explain_call))
        .routes(routes!(explain::check_condition))
        .routes(routes!(simulate::simulate))
        .routes(routes!(suggest::suggest))
        .routes(routes!(approvals::list))
        .routes(routes!(approvals::show))
        .routes(routes!(approvals::answer))
        .routes(routes!(approvals::always))
        .routes(routes!(tools::list))
        .routes(routes!(tools::show))
        .routes(routes!(tools::confirm_effect))
        .routes(routes!(tools::review))
        .routes(routes!(tools::accept))
        .routes(routes!(trail::list))
        .routes(routes!(trail::timeline))
        .routes(routes!(trail::show))
        .routes(routes!(trail::events))
        .merge(audit::api())
}

/// `openapi.json`, from the handlers themselves.
pub fn openapi_json() -> Result<String, serde_json::Error> {
    let (_, document) = api().split_for_parts();
    serde_json::to_string_pretty(&document).map(|json| json + "\n")
}

pub(crate) fn router(gateway: &Arc<Gateway>, via: Via) -> Router {
    let (router, _) = api().split_for_parts();
    router
        .layer(middleware::from_fn_with_state(Arc::clone(gateway), when_set_up))
        .layer(DefaultBodyLimit::max(bounds::ADMIN_BODY_MAX))
        .layer(Extension(via))
        .with_state(Arc::clone(gateway))
}

/// Before set-up nothing but health and set-up answers.
async fn when_set_up(
    State(gateway): State<Arc<Gateway>>,
    request: Request,
    next: Next,
) -> Response {
    let open = ["/api/v1/health", "/api/v1/setup"].contains(&request.uri().path());
    if !open && !gateway.live.snapshot.load().set_up {
        return AdminError::not_set_up().into_response();
    }
    next.run(request).await
}
